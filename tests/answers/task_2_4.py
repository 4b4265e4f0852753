# %% right: through data
def gradient_step(parameters, lr):
    for p in parameters:
        if p.grad is None:
            continue
        p.data -= lr * p.grad
        p.grad.zero_()


# %% right: torch.optim
def gradient_step(parameters, lr):
    optimizer = torch.optim.SGD(parameters, lr=lr)
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)


# %% right: two loops, copy_
def gradient_step(parameters, lr):
    with_gradient = [p for p in parameters if p.grad is not None]
    with torch.no_grad():
        for p in with_gradient:
            p.copy_(p - lr * p.grad)
    for p in with_gradient:
        p.grad = torch.zeros_like(p)


# %% right: decorated
@torch.no_grad()
def gradient_step(parameters, lr):
    for index in range(len(parameters)):
        gradient = parameters[index].grad
        if gradient is not None:
            parameters[index].add_(gradient, alpha=-lr)
        parameters[index].grad = None


# %% right: detached view
def gradient_step(parameters, lr):
    for p in parameters:
        if p.grad is not None:
            p.detach().sub_(p.grad.mul_(lr))
            p.grad = None
    return parameters


# %% wrong: uphill -> against
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p += lr * p.grad
                p.grad = None


# %% wrong: no_grad forgotten -> torch.no_grad()
def gradient_step(parameters, lr):
    for p in parameters:
        if p.grad is not None:
            p -= lr * p.grad
            p.grad = None


# %% wrong: new tensors -> makes a new tensor
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p = p - lr * p.grad
                p.grad = None


# %% wrong: new tensors in the list -> makes a new tensor
def gradient_step(parameters, lr):
    for i, p in enumerate(parameters):
        if p.grad is not None:
            parameters[i] = (p - lr * p.grad).detach().requires_grad_()
            p.grad = None


# %% wrong: gradients kept -> is still there
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p -= lr * p.grad


# %% wrong: only the last gradient cleared -> is still there
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p -= lr * p.grad
    p.grad = None


# %% wrong: cleared too early -> cleared before it was used
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p.grad.zero_()
                p -= lr * p.grad


# %% wrong: None not expected -> has no gradient: leave it out
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            p -= lr * p.grad
            p.grad = None


# %% wrong: return at None -> go on with the next one
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is None:
                return
            p -= lr * p.grad
            p.grad = None


# %% wrong: no learning rate -> multiplied by the learning rate
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p -= p.grad
                p.grad = None


# %% wrong: replaced by the step -> subtract the step from it
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p.copy_(-lr * p.grad)
                p.grad = None


# %% wrong: requires_grad switched off -> no longer a leaf
def gradient_step(parameters, lr):
    for p in parameters:
        if p.grad is not None:
            gradient = p.grad
            p.requires_grad_(False)
            p -= lr * gradient
            p.grad = None


# %% wrong: the first one only -> new value = old value
def gradient_step(parameters, lr):
    with torch.no_grad():
        gradient = next(p.grad for p in parameters if p.grad is not None)
        for p in parameters:
            if p.grad is not None:
                p -= lr * gradient.mean()
                p.grad = None
