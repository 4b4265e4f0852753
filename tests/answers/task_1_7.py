# %% right: broadcasting
def distances(x, y):
    difference = x[:, None, :] - y[None, :, :]
    return (difference**2).sum(dim=2).sqrt()


# %% right: cdist
def distances(x, y):
    return torch.cdist(x, y)


# %% right: two loops
def distances(x, y):
    result = torch.zeros(len(x), len(y))
    for i in range(len(x)):
        for j in range(len(y)):
            result[i, j] = ((x[i] - y[j]) ** 2).sum() ** 0.5
    return result


# %% right: one loop and a norm
def distances(x, y):
    return torch.stack([(row - y).norm(dim=1) for row in x])


# %% right: through NumPy, in float64
def distances(x, y):
    a, b = x.numpy().astype("float64"), y.numpy().astype("float64")
    return torch.from_numpy(np.linalg.norm(a[:, None] - b[None], axis=-1)).float()


# %% right: expanded square in float64
def distances(x, y):
    a, b = x.double(), y.double()
    middle = b.mean(dim=0)
    a, b = a - middle, b - middle
    squares = (a**2).sum(1, keepdim=True) - 2 * a @ b.T + (b**2).sum(1)
    return squares.clamp(min=1e-14).sqrt().float()


# %% wrong: squares without the root -> the root is missing
def distances(x, y):
    return ((x[:, None] - y[None]) ** 2).sum(dim=2)


# %% wrong: expanded square in float32 -> Subtract first, then square
def distances(x, y):
    squares = (x**2).sum(1, keepdim=True) - 2 * x @ y.T + (y**2).sum(1)
    return squares.sqrt()


# %% wrong: expanded square with clamp -> Subtract first, then square
def distances(x, y):
    squares = (x**2).sum(1, keepdim=True) - 2 * x @ y.T + (y**2).sum(1)
    return squares.clamp(min=0).sqrt()


# %% wrong: absolute differences -> adds up the absolute differences
def distances(x, y):
    return (x[:, None] - y[None]).abs().sum(dim=-1)


# %% wrong: transposed -> changed places
def distances(x, y):
    return ((y[:, None] - x[None]) ** 2).sum(dim=-1).sqrt()


# %% wrong: no new dimensions -> the shape (n, 1, d)
def distances(x, y):
    return ((x - y) ** 2).sum(dim=1).sqrt()


# %% wrong: only equal row numbers -> not only the one with the same number
def distances(x, y):
    if len(x) != len(y):
        return torch.cdist(x, y)
    return (x - y).norm(dim=1)


# %% wrong: mean of the squares -> not of their mean
def distances(x, y):
    return ((x[:, None] - y[None]) ** 2).mean(dim=2).sqrt()


# %% wrong: reduced over everything -> shape (n, m)
def distances(x, y):
    return ((x[:, None] - y[None]) ** 2).sum().sqrt()


# %% wrong: reduced along a wrong dimension -> shape (n, m)
def distances(x, y):
    return ((x[:, None] - y[None]) ** 2).sum(dim=1).sqrt()


# %% wrong: added before squared -> Square before you add up
def distances(x, y):
    return ((x[:, None] - y[None]).sum(dim=2) ** 2).sqrt()


# %% wrong: a list -> Return one tensor
def distances(x, y):
    return [[(row - other).norm().item() for other in y] for row in x]


# %% wrong: float64 -> wrong dtype
def distances(x, y):
    return torch.cdist(x.double(), y.double())


# %% wrong: scalar products -> scalar product
def distances(x, y):
    return x @ y.T
