# %% right: norm of norms
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


# %% right: sum of squares, new tensors, a float
def clip_gradients(parameters, max_norm):
    parameters = [p for p in parameters if p.grad is not None]
    norm = sum(p.grad.pow(2).sum().item() for p in parameters) ** 0.5
    factor = min(1.0, max_norm / norm)
    for p in parameters:
        p.grad = p.grad * factor
    return norm


# %% right: one long vector
import math


def clip_gradients(parameters, max_norm):
    parameters = list(parameters)
    flat = torch.cat([p.grad.reshape(-1) for p in parameters if p.grad is not None])
    norm = math.sqrt(flat @ flat)
    for p in parameters:
        if p.grad is not None and norm > max_norm:
            p.grad /= norm / max_norm
    return norm


# %% right: PyTorch's own way, with a small number against 0 / 0
def clip_gradients(parameters, max_norm):
    grads, total = [], 0.0
    for p in parameters:
        if p.grad is None:
            continue
        grads.append(p.grad)
        total = total + (p.grad**2).sum()
    norm = total.sqrt()
    factor = torch.clamp(max_norm / (norm + 1e-6), max=1.0)
    with torch.no_grad():
        for g in grads:
            g.copy_(g * factor)
    return norm


# %% wrong: through the ready-made one -> torch.nn.utils did the clipping
def clip_gradients(parameters, max_norm):
    return nn.utils.clip_grad_norm_(parameters, max_norm)


# %% wrong: generator used twice -> only once
def clip_gradients(parameters, max_norm):
    norm = sum((p.grad**2).sum() for p in parameters if p.grad is not None) ** 0.5
    if norm > max_norm:
        for p in parameters:
            if p.grad is not None:
                p.grad *= max_norm / norm
    return norm


# %% wrong: each for itself -> Each gradient was clipped by itself
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    for g in gradients:
        if g.norm() > max_norm:
            g.mul_(max_norm / g.norm())
    return norm


# %% wrong: by value -> clipped by itself
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    for g in gradients:
        g.clamp_(-max_norm, max_norm)
    return norm


# %% wrong: always -> must not be made longer
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if True:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


# %% wrong: the other way round -> as long as before
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm < max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


# %% wrong: to length 1 -> length should be max_norm
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm > max_norm:
        for g in gradients:
            g.mul_(1 / norm)
    return norm


# %% wrong: not divided -> the factor is
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm)
    return norm


# %% wrong: no root -> square root of the sum
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = sum((g**2).sum() for g in gradients)
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


# %% wrong: sum of the norms -> Norms do not add up
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).sum()
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


# %% wrong: largest norm -> one long vector
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).max()
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


# %% wrong: sum of absolute values -> root of the sum of the squares
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = sum(g.abs().sum() for g in gradients)
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


# %% wrong: norm afterwards -> from before the clipping
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return torch.stack([g.norm() for g in gradients]).norm()


# %% wrong: new names only -> change p.grad itself
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm > max_norm:
        for g in gradients:
            g = g * max_norm / norm
    return norm


# %% wrong: no gradient, no mercy -> skip it
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


# %% wrong: zeros for the missing gradient -> its .grad stays None
def clip_gradients(parameters, max_norm):
    parameters = list(parameters)
    for p in parameters:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    gradients = [p.grad for p in parameters]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


# %% wrong: the parameters -> .grad
def clip_gradients(parameters, max_norm):
    parameters = list(parameters)
    norm = torch.stack([p.detach().norm() for p in parameters]).norm()
    if norm > max_norm:
        for p in parameters:
            p.data *= max_norm / norm
    return norm


# %% wrong: length asked of the generator -> make a list first
def clip_gradients(parameters, max_norm):
    if len(parameters) == 0:
        return 0.0
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


# %% wrong: no return -> Return the norm
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    norm


# %% right: vector_norm, float64 inside, a clamp
def clip_gradients(parameters, max_norm):
    gradients = list(filter(lambda g: g is not None, map(lambda p: p.grad, parameters)))
    norm = torch.linalg.vector_norm(torch.cat([g.flatten() for g in gradients]).double())
    factor = (max_norm / norm).clamp(max=1)
    [g.copy_(g * factor) for g in gradients]
    return norm.to(gradients[0].dtype)


# %% right: einsum, new gradients
def clip_gradients(parameters, max_norm):
    parameters = tuple(parameters)
    square = torch.zeros(())
    for p in parameters:
        if p.grad is not None:
            square += torch.einsum("i,i->", p.grad.flatten(), p.grad.flatten())
    norm = square.sqrt().item()
    for p in parameters:
        if p.grad is not None and norm > max_norm:
            p.grad = p.grad.clone().div_(norm).mul_(max_norm)
    return norm


# %% right: foreach, on copies
def clip_gradients(parameters, max_norm):
    kept = [p for p in parameters if p.grad is not None]
    grads = torch._foreach_mul([p.grad for p in kept], 1.0)
    norm = torch.stack(torch._foreach_norm(grads)).norm()
    for p, g in zip(kept, grads):
        p.grad = g * torch.minimum(torch.ones(()), max_norm / norm)
    return norm


# %% wrong: ready-made, from a list -> torch.nn.utils did the clipping
def clip_gradients(parameters, max_norm):
    return torch.nn.utils.clip_grad_norm_(parameters=[p for p in parameters], max_norm=max_norm, norm_type=2.0)


# %% wrong: the norm by hand, ready-made clipping -> torch.nn.utils did the clipping
def clip_gradients(parameters, max_norm):
    kept = [p for p in parameters if p.grad is not None]
    norm = torch.stack([p.grad.norm() for p in kept]).norm()
    nn.utils.clip_grad_norm_(kept, max_norm)
    return norm


# %% wrong: largest number -> largest number in the gradients
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = max(g.abs().max() for g in gradients)
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


# %% wrong: factor from the largest norm -> largest of the norms
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norms = torch.stack([g.norm() for g in gradients])
    factor = (max_norm / norms.max()).clamp(max=1)
    for g in gradients:
        g.mul_(factor)
    return norms.norm()


# %% wrong: the last one is forgotten -> The gradient afterwards
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm > max_norm:
        for g in gradients[:-1]:
            g.mul_(max_norm / norm)
    return norm


# %% wrong: without signs -> The gradient afterwards
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm).abs_()
    return norm


# %% wrong: factor squared -> The gradient afterwards
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm > max_norm:
        for g in gradients:
            g.mul_((max_norm / norm) ** 2)
    return norm


# %% wrong: the weights as well -> parameters themselves
def clip_gradients(parameters, max_norm):
    kept = [p for p in parameters if p.grad is not None]
    norm = torch.stack([p.grad.norm() for p in kept]).norm()
    for p in kept:
        p.data.sub_(0.0 * p.grad)
        if norm > max_norm:
            p.data.mul_(max_norm / norm)
            p.grad.mul_(max_norm / norm)
    return norm


# %% wrong: gradients switched off for good -> left gradients switched off
def clip_gradients(parameters, max_norm):
    torch.set_grad_enabled(False)
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


# %% wrong: max_norm of 1 built in -> The gradient afterwards
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for g in gradients]).norm()
    for g in gradients:
        g.mul_(min(1.0, 1.0 / norm))
    return norm


# %% wrong: two gradients at most -> The norm is wrong
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = sum((g**2).sum() for g in gradients[:2]) ** 0.5
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


# %% right: PyTorch finds the norm
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


# %% wrong: ready-made, in a thread -> torch.nn.utils did the clipping
from concurrent.futures import ThreadPoolExecutor


def clip_gradients(parameters, max_norm):
    with ThreadPoolExecutor() as pool:
        return pool.submit(nn.utils.clip_grad_norm_, parameters, max_norm).result()


# %% right: NumPy, the norm in float64
import numpy as np


def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = np.sqrt(sum(np.square(g.numpy().astype(np.float64)).sum() for g in gradients))
    if norm > max_norm:
        for g in gradients:
            g.mul_(float(max_norm / norm))
    return torch.tensor(norm)


# %% wrong: ready-made, while the profiler looks away -> cannot be seen which functions are called
from sys import getprofile, setprofile


def clip_gradients(parameters, max_norm):
    before = getprofile()
    setprofile(None)
    norm = nn.utils.clip_grad_norm_(parameters, max_norm)
    setprofile(before)
    return norm
