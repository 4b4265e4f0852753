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


# %% right: a class, and partial
from functools import partial


class Six:
    functions = {"/": torch.div, "*": torch.mul, "+": torch.add, "-": torch.sub, "%": torch.remainder}

    def __call__(self, a, b):
        floor = partial(torch.div, rounding_mode="floor")
        return {key: f(a, b) for key, f in {**self.functions, "//": floor}.items()}


arithmetic = Six()


# %% right: lambdas, and b repeated first
SIX = {
    "+": lambda p, q: p + q,
    "-": lambda p, q: p - q,
    "*": lambda p, q: p * q,
    "/": lambda p, q: p / q,
    "//": lambda p, q: p // q,
    "%": lambda p, q: p % q,
}
arithmetic = lambda a, b: {key: f(a, b.expand_as(a)) for key, f in SIX.items()}


# %% right: through NumPy, with the dtypes of torch
def arithmetic(a, b):
    x, y = a.numpy(), b.numpy()
    results = {"+": x + y, "-": x - y, "*": x * y, "/": (x / y).astype("float32"), "//": x // y, "%": np.mod(x, y)}
    return {key: torch.from_numpy(value) for key, value in results.items()}


# %% wrong: to the nearest whole number -> to the nearest
def arithmetic(a, b):
    near = torch.round(a / b).to(a.dtype)
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": near, "%": a % b}


# %% wrong: math.floor -> a single number
import math


def arithmetic(a, b):
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": math.floor(a / b), "%": a % b}


# %% wrong: int() of the quotient -> rounds down
def arithmetic(a, b):
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": (a / b).int(), "%": a % b}


# %% wrong: only the first row -> the shape of a
def arithmetic(a, b):
    a = a[0]
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": a // b, "%": a % b}


# %% wrong: words as keys -> six keys
def arithmetic(a, b):
    return {"add": a + b, "sub": a - b, "mul": a * b, "div": a / b, "floor": a // b, "mod": a % b}


# %% wrong: NumPy's float64 -> the operator itself gives
def arithmetic(a, b):
    quotient = torch.from_numpy(a.numpy() / b.numpy())
    return {"+": a + b, "-": a - b, "*": a * b, "/": quotient, "//": a // b, "%": a % b}


# %% wrong: everything as decimal numbers -> whole numbers stay whole
def arithmetic(a, b):
    a, b = a.float(), b.float()
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": a // b, "%": a % b}


# %% wrong: the remainder of positive numbers -> is wrong
def arithmetic(a, b):
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": a // b, "%": a.abs() % b.abs()}


# %% wrong: gradients left off -> left gradients switched off
def arithmetic(a, b):
    torch.set_grad_enabled(False)
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": a // b, "%": a % b}
