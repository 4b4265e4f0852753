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


# %% right: a partial and a lambda
import functools

gradient_by_hand = lambda x: (8 * x - 1) / float(x.nelement())


def _gradient(f, x, *, create_graph=False):
    with torch.enable_grad():
        leaf = torch.empty_like(x).copy_(x.detach()).requires_grad_(True)
        return torch.autograd.grad(outputs=f(leaf), inputs=[leaf], create_graph=create_graph)[0]


gradient_by_autograd = functools.partial(_gradient, create_graph=False)


# %% right: in float64 inside, a decorator
def undisturbed(function):
    def inner(*args):
        return function(*args).to(args[-1].dtype)

    return inner


@undisturbed
def gradient_by_hand(x):
    t = x.double()
    return torch.full_like(t, 1 / t.numel()) * (8 * t - 1)


@undisturbed
def gradient_by_autograd(f, x):
    t = x.detach().double().requires_grad_()
    return torch.autograd.functional.jacobian(f, t)


# %% wrong: by hand through autograd -> where autograd is switched off
def gradient_by_hand(x):
    return gradient_by_autograd(lambda t: ((2 * t - 1) ** 2 + 3 * t).mean(), x)


def gradient_by_autograd(f, x):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad


# %% wrong: the function of the text for every f -> call f itself
def gradient_by_hand(x):
    return (4 * (2 * x - 1) + 3) / x.numel()


def gradient_by_autograd(f, x):
    leaf = x.detach().clone().requires_grad_()
    ((2 * leaf - 1) ** 2 + 3 * leaf).mean().backward()
    return leaf.grad


# %% wrong: differences in place of autograd -> treats what f detaches as a constant
def gradient_by_hand(x):
    return (4 * (2 * x - 1) + 3) / x.numel()


def gradient_by_autograd(f, x):
    flat = x.detach().double().flatten()
    slopes = []
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = 1e-5
        slopes.append((f((flat + step).view(x.shape)) - f((flat - step).view(x.shape))) / 2e-5)
    return torch.stack(slopes).view(x.shape).to(x.dtype)


# %% wrong: switches gradients off and leaves them off -> left gradients switched off
def gradient_by_hand(x):
    torch.set_grad_enabled(False)
    return (4 * (2 * x - 1) + 3) / x.numel()


def gradient_by_autograd(f, x):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad


# %% wrong: float32 always -> dtype
def gradient_by_hand(x):
    return ((4 * (2 * x - 1) + 3) / x.numel()).float()


def gradient_by_autograd(f, x):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad


# %% wrong: summed over the rows -> The gradient by autograd
def gradient_by_hand(x):
    return (4 * (2 * x - 1) + 3) / x.numel()


def gradient_by_autograd(f, x):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad.sum(0)


# %% wrong: by hand changes x -> changed its argument
def gradient_by_hand(x):
    n = x.numel()
    return x.mul_(8).sub_(1).div_(n)


def gradient_by_autograd(f, x):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad


# %% wrong: by hand through torch.func -> uses autograd
def gradient_by_hand(x):
    return torch.func.grad(lambda t: ((2 * t - 1) ** 2 + 3 * t).mean())(x)


def gradient_by_autograd(f, x):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad


# %% wrong: by hand through forward mode -> uses autograd
def gradient_by_hand(x):
    return torch.func.jacfwd(lambda t: ((2 * t - 1) ** 2 + 3 * t).mean())(x)


def gradient_by_autograd(f, x):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad


# %% wrong: by hand through autograd in a thread -> uses autograd
import threading


def gradient_by_hand(x):
    found = []

    def work():
        leaf = x.detach().clone().requires_grad_()
        ((2 * leaf - 1) ** 2 + 3 * leaf).mean().backward()
        found.append(leaf.grad)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found[0]


def gradient_by_autograd(f, x):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad


# %% right: by hand under no_grad, torch.func for the other
def gradient_by_hand(x):
    with torch.no_grad():
        return (8 * x - 1) / x.numel()


def gradient_by_autograd(f, x):
    return torch.func.grad(f)(x.detach().clone())


# %% wrong: a clone is no leaf where x requires a gradient -> detach first
def gradient_by_hand(x):
    return (4 * (2 * x - 1) + 3) / x.numel()


def gradient_by_autograd(f, x):
    mine = x.clone().requires_grad_()
    f(mine).backward()
    return mine.grad if mine.is_leaf else None
