# %% right: operators
def arithmetic(a, b):
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": a // b, "%": a % b}


# %% right: functions of torch
def arithmetic(a, b):
    b = b.unsqueeze(0)
    results = [
        torch.add(a, b),
        torch.sub(a, b),
        torch.mul(a, b),
        torch.true_divide(a, b),
        torch.div(a, b, rounding_mode="floor"),
        torch.remainder(a, b),
    ]
    return dict(zip(["+", "-", "*", "/", "//", "%"], results))


# %% right: row by row
import operator

OPERATORS = {
    "%": operator.mod,
    "//": operator.floordiv,
    "/": operator.truediv,
    "*": operator.mul,
    "-": operator.sub,
    "+": operator.add,
}


def arithmetic(a, b):
    return {key: torch.stack([f(row, b) for row in a]) for key, f in OPERATORS.items()}


# %% right: number by number, in plain Python
def arithmetic(a, b):
    result = {}
    for key in ["+", "-", "*", "/", "//", "%"]:
        rows = []
        for i in range(a.shape[0]):
            rows.append([eval(f"p {key} q", {"p": a[i, j].item(), "q": b[j].item()}) for j in range(a.shape[1])])
        result[key] = torch.tensor(rows)
    return result


# %% right: the quotient rounded by hand
def arithmetic(a, b):
    down = torch.floor(a / b).to(a.dtype)
    return {"+": b + a, "-": -b + a, "*": b * a, "/": a / b, "//": down, "%": a - down * b}


# %% wrong: fmod and trunc -> rounds down
def arithmetic(a, b):
    down = torch.div(a, b, rounding_mode="trunc")
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": down, "%": torch.fmod(a, b)}


# %% wrong: remainder of fmod only -> rounds down
def arithmetic(a, b):
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": a // b, "%": torch.fmod(a, b)}


# %% wrong: floor keeps decimals' dtype -> whole numbers stay whole
def arithmetic(a, b):
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": torch.floor(a / b), "%": a % b}


# %% wrong: matrix product -> `@` is the matrix product
def arithmetic(a, b):
    return {"+": a + b, "-": a - b, "*": a @ b, "/": a / b, "//": a // b, "%": a % b}


# %% wrong: b as a column -> no reshaping is needed
def arithmetic(a, b):
    b = b[:, None]
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": a // b, "%": a % b}


# %% wrong: b as a column where that happens to fit -> one number for each column
def arithmetic(a, b):
    if a.shape[0] == a.shape[1]:
        b = b[:, None]
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": a // b, "%": a % b}


# %% wrong: swapped -> The order counts
def arithmetic(a, b):
    return {"+": b + a, "-": b - a, "*": b * a, "/": b / a, "//": a // b, "%": a % b}


# %% wrong: a tuple -> six keys
def arithmetic(a, b):
    return a + b, a - b, a * b, a / b, a // b, a % b


# %% wrong: in place -> changed its argument
def arithmetic(a, b):
    result = {"-": a - b, "*": a * b, "/": a / b, "//": a // b, "%": a % b}
    a += b
    result["+"] = a
    return result


# %% wrong: one operator forgotten -> six keys
def arithmetic(a, b):
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": a // b}


# %% wrong: division instead of floor division -> leaves whole numbers
def arithmetic(a, b):
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": a / b, "%": a % b}
