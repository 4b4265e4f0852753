# %% right: leaf of its own
def gradient_by_hand(x):
    return (4 * (2 * x - 1) + 3) / x.numel()


def gradient_by_autograd(f, x):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad


# %% right: autograd.grad, the formula multiplied out
def gradient_by_hand(x):
    n = 1
    for size in x.shape:
        n = n * size
    return 8 * x / n - 1 / n


def gradient_by_autograd(f, x):
    point = x.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(f(point), point)
    return slope


# %% right: torch.func
def gradient_by_hand(x):
    return (8 * x - 1).div(x.nelement())


def gradient_by_autograd(f, x):
    return torch.func.grad(f)(x.detach())


# %% right: through NumPy, and a gradient passed to backward
import numpy as np


def gradient_by_hand(x):
    a = x.numpy()
    return torch.from_numpy(np.asarray((8 * a - 1) / a.size, dtype=a.dtype))


def gradient_by_autograd(f, x):
    leaf = torch.empty_like(x, requires_grad=True)
    with torch.no_grad():
        leaf.copy_(x)
    y = f(leaf)
    y.backward(torch.ones_like(y))
    return leaf.grad.clone()


# %% right: a Parameter
def gradient_by_hand(x):
    return torch.full_like(x, 3 / x.numel()) + 2 * 2 * (2 * x - 1) / x.numel()


def gradient_by_autograd(f, x):
    p = nn.Parameter(x.detach().clone())
    f(p).backward()
    return p.grad.detach()


# %% wrong: no mean -> share of 1 / n
def gradient_by_hand(x):
    return 4 * (2 * x - 1) + 3


def gradient_by_autograd(f, x):
    return torch.func.grad(f)(x)


# %% wrong: inner derivative -> inner part
def gradient_by_hand(x):
    return (2 * (2 * x - 1) + 3) / x.numel()


def gradient_by_autograd(f, x):
    return torch.func.grad(f)(x)


# %% wrong: forgets 3x -> a derivative too
def gradient_by_hand(x):
    return 4 * (2 * x - 1) / x.numel()


def gradient_by_autograd(f, x):
    return torch.func.grad(f)(x)


# %% wrong: 3 outside of the mean -> divides the whole sum
def gradient_by_hand(x):
    return 4 * (2 * x - 1) / x.numel() + 3


def gradient_by_autograd(f, x):
    return torch.func.grad(f)(x)


# %% wrong: len instead of numel -> x.numel()
def gradient_by_hand(x):
    return (4 * (2 * x - 1) + 3) / len(x)


def gradient_by_autograd(f, x):
    return torch.func.grad(f)(x)


# %% wrong: makes the given x a leaf -> requires_grad of the given x
def gradient_by_hand(x):
    return (8 * x - 1) / x.numel()


def gradient_by_autograd(f, x):
    x.requires_grad_()
    return torch.autograd.grad(f(x), x)[0]


# %% wrong: leaves the gradient in x -> given x has changed
def gradient_by_hand(x):
    return (8 * x - 1) / x.numel()


def gradient_by_autograd(f, x):
    x.requires_grad_()
    x.grad = None
    f(x).backward()
    return x.grad


# %% wrong: adds to the gradient of x -> adds to what is there
def gradient_by_hand(x):
    return (8 * x - 1) / x.numel()


def gradient_by_autograd(f, x):
    asked = x.requires_grad
    x.requires_grad_()
    f(x).backward()
    gradient = x.grad.clone()
    x.requires_grad_(asked)
    if not asked:
        x.grad = None
    return gradient


# %% wrong: clears the gradient of x -> .grad of the given x
def gradient_by_hand(x):
    return (8 * x - 1) / x.numel()


def gradient_by_autograd(f, x):
    asked = x.requires_grad
    x.requires_grad_()
    x.grad = None
    f(x).backward()
    gradient, x.grad = x.grad, None
    x.requires_grad_(asked)
    return gradient


# %% wrong: no requires_grad -> before f is called
def gradient_by_hand(x):
    return (8 * x - 1) / x.numel()


def gradient_by_autograd(f, x):
    leaf = x.detach().clone()
    f(leaf).backward()
    return leaf.grad


# %% wrong: returns y -> This is f(x)
def gradient_by_hand(x):
    return (8 * x - 1) / x.numel()


def gradient_by_autograd(f, x):
    leaf = x.detach().clone().requires_grad_()
    y = f(leaf)
    y.backward()
    return y


# %% wrong: one formula for every f -> The gradient by autograd is wrong
def gradient_by_hand(x):
    return (8 * x - 1) / x.numel()


def gradient_by_autograd(f, x):
    return gradient_by_hand(x.detach())
