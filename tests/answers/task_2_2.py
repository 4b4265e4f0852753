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
