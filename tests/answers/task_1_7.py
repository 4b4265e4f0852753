# %% right: broadcasting
def distances(x, y):
    difference = x[:, None, :] - y[None, :, :]
    return (difference**2).sum(dim=2).sqrt()


# %% right: cdist that may not use the matrix product
def distances(x, y):
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


# %% wrong: plain cdist, which uses the matrix product for many points -> Subtract first, then square
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
        return (x[:, None] - y[None]).norm(dim=2)
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


# %% right: einsum over the differences
def distances(x, y):
    difference = x.unsqueeze(1) - y.unsqueeze(0)
    return torch.einsum("ijk,ijk->ij", difference, difference).sqrt()


# %% right: cdist in float64
def distances(x, y):
    return torch.cdist(x.to(torch.float64), y.to(torch.float64)).to(torch.float32)


# %% right: pairwise_distance of repeated rows
def distances(x, y):
    pairs = torch.cartesian_prod(torch.arange(len(x)), torch.arange(len(y)))
    each = torch.linalg.vector_norm(x[pairs[:, 0]] - y[pairs[:, 1]], dim=1)
    return each.view(len(x), -1)


# %% right: vmap of a function of two points
def one(p, q):
    return torch.dist(p, q)


distances = torch.vmap(torch.vmap(one, in_dims=(None, 0)), in_dims=(0, None))


# %% right: coordinate by coordinate
def distances(x, y):
    total = torch.zeros(x.shape[0], y.shape[0])
    for k in range(x.shape[1]):
        total += torch.sub(x[:, k].reshape(-1, 1), y[:, k].reshape(1, -1)) ** 2
    return torch.sqrt(total)


# %% right: hypot, in plain Python
import math


def distances(x, y):
    return torch.tensor([[math.dist(p, q) for q in y.tolist()] for p in x.tolist()])


# %% wrong: a small number under the root -> two equal points have the distance
def distances(x, y):
    return ((x[:, None] - y[None]) ** 2).sum(dim=2).add(1e-6).sqrt()


# %% wrong: an epsilon of 1e-8 under the root -> two equal points have the distance
def distances(x, y):
    return torch.sqrt(((x[:, None] - y[None]) ** 2).sum(dim=2) + 1e-8)


# %% wrong: cdist for few points, the matrix product by hand for many -> Subtract first, then square
def distances(x, y):
    if len(x) > 25 or len(y) > 25:
        return torch.cdist(x, y, compute_mode="use_mm_for_euclid_dist")
    return torch.cdist(x, y)


# %% wrong: the largest difference -> largest of the differences
def distances(x, y):
    return torch.cdist(x, y, p=float("inf"))


# %% wrong: city blocks -> adds up the absolute differences
def distances(x, y):
    return torch.cdist(x, y, p=1)


# %% wrong: the nearest only -> One number for each pair
def distances(x, y):
    return (x[:, None] - y[None]).norm(dim=2).min(dim=1).values


# %% wrong: two coordinates only -> is wrong
def distances(x, y):
    difference = x[:, None, :2] - y[None, :, :2]
    return (difference**2).sum(dim=2).sqrt()


# %% wrong: x with itself -> is wrong
def distances(x, y):
    y = x if len(x) == len(y) else y
    return (x[:, None] - y[None]).norm(dim=2)


# %% wrong: only the upper triangle -> is wrong
def distances(x, y):
    result = torch.zeros(len(x), len(y))
    for i in range(len(x)):
        for j in range(i, len(y)):
            result[i, j] = (x[i] - y[j]).norm()
    return result


# %% wrong: subtracts in place -> changed its argument
def distances(x, y):
    x -= x.mean(dim=0)
    return (x[:, None] - y[None]).norm(dim=2)


# %% wrong: NumPy's array -> Return one tensor
def distances(x, y):
    return np.linalg.norm(x.numpy()[:, None] - y.numpy()[None], axis=2)


# %% wrong: gradients left off -> left gradients switched off
def distances(x, y):
    torch.set_grad_enabled(False)
    return (x[:, None] - y[None]).norm(dim=2)


# %% wrong: scalar products -> scalar product
def distances(x, y):
    return x @ y.T


# %% wrong: an epsilon of 1e-12 under the root -> two equal points have the distance
def distances(x, y):
    return torch.sqrt(((x[:, None] - y[None]) ** 2).sum(dim=2) + 1e-12)


# %% wrong: pairwise_distance adds an epsilon to every difference -> two equal points have the distance
def distances(x, y):
    return torch.nn.functional.pairwise_distance(x[:, None], y[None])


# %% wrong: the middle subtracted, then cdist with the matrix product -> Subtract first, then square
def distances(x, y):
    middle = x.mean(dim=0)
    return torch.cdist(x - middle, y - middle)


# %% wrong: something small added to each square -> Either something small was added
def distances(x, y):
    return ((x[:, None] - y) ** 2 + 1e-8).sum(dim=2).sqrt()


# %% wrong: pairwise_distance with its eps -> adds its eps
def distances(x, y):
    return torch.nn.functional.pairwise_distance(x[:, None], y[None])
