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


# %% right: through the ready-made one
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


# %% wrong: by value -> cut by itself
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
