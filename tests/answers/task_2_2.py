# %% right: F.mse_loss
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError(f"{predictions.shape} against {targets.shape}")
    return F.mse_loss(predictions, targets.to(predictions.dtype))


# %% right: a loop
def mse(predictions, targets):
    if list(predictions.shape) != list(targets.shape):
        raise ValueError("different shapes")
    total = 0.0
    for p, t in zip(predictions.flatten(), targets.flatten()):
        total = total + (p - t) ** 2
    return total / predictions.numel()


# %% right: dot product
def mse(predictions, targets):
    if predictions.size() != targets.size():
        raise ValueError
    error = (predictions - targets).reshape(-1)
    return error @ error / len(error)


# %% right: row means in float64
def mse(predictions, targets):
    if predictions.dim() != targets.dim() or any(a != b for a, b in zip(predictions.shape, targets.shape)):
        raise ValueError("different shapes")
    squares = torch.square(targets.double() - predictions.double())
    while squares.dim():
        squares = squares.mean(dim=0)
    return squares


# %% right: a copy changed in place
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    error = predictions.clone()
    error -= targets
    return error.pow(2).sum().div(error.numel())


# %% wrong: sum -> the sum of the squares
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return ((predictions - targets) ** 2).sum()


# %% wrong: divides by the rows -> number of all elements
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return ((predictions - targets) ** 2).sum() / len(predictions)


# %% wrong: abs -> mean absolute error
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return (predictions - targets).abs().mean()


# %% wrong: root -> No square root
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return ((predictions - targets) ** 2).mean().sqrt()


# %% wrong: one mean for each row -> One number for all elements
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return ((predictions - targets) ** 2).mean(dim=-1)


# %% wrong: mean before square -> Square first
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return (predictions - targets).mean() ** 2


# %% wrong: half -> No factor 1/2
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return ((predictions - targets) ** 2).mean() / 2


# %% wrong: no square -> The square is missing
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return (predictions - targets).mean()


# %% wrong: broadcasting -> every prediction against every target
def mse(predictions, targets):
    return ((predictions - targets) ** 2).mean()


# %% wrong: compares the lengths only -> every prediction against every target
def mse(predictions, targets):
    if len(predictions) != len(targets):
        raise ValueError("different lengths")
    return ((predictions - targets) ** 2).mean()


# %% wrong: assert -> asks for a ValueError
def mse(predictions, targets):
    assert predictions.shape == targets.shape
    return ((predictions - targets) ** 2).mean()


# %% wrong: item -> cut the connection
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return ((predictions - targets) ** 2).mean().item()


# %% wrong: detached -> cut the connection
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return ((predictions.detach() - targets) ** 2).mean()


# %% wrong: NumPy -> NumPy cannot record gradients
import numpy as np


def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return np.mean((predictions.numpy() - targets.numpy()) ** 2)


# %% wrong: half detached -> cut off from the gradients
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    error = predictions - targets
    return (error * error.detach()).mean()


# %% wrong: in place -> changed its argument
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    predictions -= targets
    return (predictions**2).mean()


# %% wrong: no return -> return
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    loss = ((predictions - targets) ** 2).mean()


# %% right: an error class of one's own
class ShapeError(ValueError):
    """Two tensors do not fit."""


def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ShapeError(predictions.shape, targets.shape)
    return torch.mean((predictions - targets).square())


# %% right: a decorator checks the shapes
import functools


def equal_shapes(function):
    @functools.wraps(function)
    def checked(a, b):
        if a.shape == b.shape:
            return function(a, b)
        raise ValueError(f"{tuple(a.shape)} and {tuple(b.shape)}")

    return checked


@equal_shapes
def mse(predictions, targets):
    return torch.linalg.vector_norm(predictions - targets) ** 2 / predictions.numel()


# %% right: nn.MSELoss, and the names of other arguments
loss_function = nn.MSELoss()


def mse(output, wanted):
    if not output.shape == wanted.shape:
        raise ValueError("shapes")
    return loss_function(input=output, target=wanted.type_as(output))


# %% right: einsum, in float64
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError
    error = (predictions.double() - targets).flatten()
    return torch.einsum("i,i", error, error) / error.numel()


# %% right: a function object with its own backward pass
class Squared(torch.autograd.Function):
    @staticmethod
    def forward(ctx, p, t):
        ctx.save_for_backward(p - t)
        return ((p - t) ** 2).mean()

    @staticmethod
    def backward(ctx, grad):
        (error,) = ctx.saved_tensors
        return grad * 2 * error / error.numel(), None


def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError
    return Squared.apply(predictions, targets.to(predictions.dtype))


# %% wrong: compares the number of dimensions only -> all of it
def mse(predictions, targets):
    if predictions.dim() != targets.dim():
        raise ValueError("different shapes")
    return ((predictions - targets) ** 2).mean()


# %% wrong: compares the last dimension only -> all of it
def mse(predictions, targets):
    if predictions.dim() != targets.dim() and predictions.shape[-1] != targets.shape[-1]:
        raise ValueError("different shapes")
    return ((predictions - targets) ** 2).mean()


# %% wrong: compares the number of elements only -> returned a result
def mse(predictions, targets):
    if predictions.numel() != targets.numel():
        raise ValueError("different shapes")
    return ((predictions - targets) ** 2).mean()


# %% wrong: compares the shape of the result -> all of it
def mse(predictions, targets):
    result = (predictions - targets) ** 2
    if result.shape != predictions.shape:
        raise ValueError("different shapes")
    return result.mean()


# %% wrong: subtracts first -> before any arithmetic
def mse(predictions, targets):
    error = predictions - targets
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return (error**2).mean()


# %% wrong: flattens both -> different shapes it returned a result
def mse(predictions, targets):
    p, t = predictions.flatten(), targets.flatten()
    if p.shape != t.shape:
        raise ValueError("different shapes")
    return ((p - t) ** 2).mean()


# %% wrong: squeezes both -> different shapes it returned a result
def mse(predictions, targets):
    p, t = predictions.squeeze(), targets.squeeze()
    if p.shape != t.shape:
        raise ValueError("different shapes")
    return ((p - t) ** 2).mean()


# %% wrong: sorted sizes -> returned a result
def mse(predictions, targets):
    if sorted(predictions.shape) != sorted(targets.shape):
        raise ValueError("different shapes")
    return ((predictions.reshape(targets.shape) - targets) ** 2).mean()


# %% wrong: returns the error -> it must raise
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        return ValueError("different shapes")
    return ((predictions - targets) ** 2).mean()


# %% wrong: TypeError -> asks for a ValueError
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise TypeError("different shapes")
    return ((predictions - targets) ** 2).mean()


# %% wrong: for matrices only -> raised
def mse(predictions, targets):
    rows, columns = predictions.shape
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return ((predictions - targets) ** 2).sum() / (rows * columns)


# %% wrong: no gradients recorded -> cut the connection
@torch.no_grad()
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return ((predictions - targets) ** 2).mean()


# %% wrong: a new tensor of the number -> cut off from the gradients
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return torch.tensor(((predictions - targets) ** 2).mean().item(), requires_grad=True)


# %% wrong: whole numbers -> is wrong
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    return ((predictions.long() - targets.long()) ** 2).float().mean()


# %% wrong: gradients left off -> left gradients switched off
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("different shapes")
    torch.set_grad_enabled(False)
    return ((predictions - targets) ** 2).mean()


# %% wrong: the shapes of vectors are not compared -> it must raise ValueError
def mse(predictions, targets):
    if predictions.dim() > 1 and predictions.shape != targets.shape:
        raise ValueError("the shapes differ")
    return ((predictions - targets) ** 2).mean()


# %% wrong: the error is returned -> use `raise`, not `return`
def mse(predictions, targets):
    if predictions.shape != targets.shape:
        return ValueError("the shapes differ")
    return ((predictions - targets) ** 2).mean()
