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


# %% wrong: new tensors, their gradients cleared -> makes a new tensor
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p = p - lr * p.grad
                p.grad = None


# %% wrong: new tensors in the list -> the step went into a new tensor
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


# %% wrong: cleared too early -> cleared before they were used
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


# %% right: a loop over indices, in place by slices
def gradient_step(parameters, lr):
    with torch.inference_mode(False), torch.no_grad():
        for k in range(len(parameters)):
            if parameters[k].grad is None:
                continue
            parameters[k][...] = parameters[k] - parameters[k].grad * lr
            parameters[k].grad = None


# %% right: foreach, and a helper
def ready(parameters):
    return [p for p in parameters if p.grad is not None]


def gradient_step(parameters, lr):
    moving = ready(parameters)
    torch._foreach_add_([p.data for p in moving], [p.grad for p in moving], alpha=-lr)
    for p in moving:
        del p.grad


# %% right: a class, set_grad_enabled as a context
class Step:
    def __call__(self, parameters, lr):
        with torch.set_grad_enabled(False):
            for p in filter(lambda p: p.grad is not None, parameters):
                p.sub_(torch.mul(p.grad, lr))
                p.grad.fill_(0.0)


gradient_step = Step()


# %% right: requires_grad off and on again
def gradient_step(parameters, lr):
    for p in parameters:
        if p.grad is not None:
            step = lr * p.grad
            p.requires_grad_(False)
            p -= step
            p.requires_grad_(True)
            p.grad = None


# %% wrong: divided by its length -> divided by its length
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p -= lr * p.grad / p.grad.norm()
                p.grad = None


# %% wrong: only the sign -> not only by its sign
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p -= lr * p.grad.sign()
                p.grad = None


# %% wrong: the gradient clipped -> new value = old value
def gradient_step(parameters, lr):
    torch.nn.utils.clip_grad_value_([p for p in parameters if p.grad is not None], 10)
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p -= lr * p.grad
                p.grad = None


# %% wrong: small gradients left out -> is wrong
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None and p.grad.abs().max() > 0.1:
                p -= lr * p.grad
            p.grad = None


# %% wrong: a weight decay as well -> is wrong
def gradient_step(parameters, lr):
    optimizer = torch.optim.SGD(parameters, lr=lr, weight_decay=0.001)
    optimizer.step()
    optimizer.zero_grad()


# %% wrong: Adam -> is wrong
def gradient_step(parameters, lr):
    optimizer = torch.optim.Adam(parameters, lr=lr)
    optimizer.step()
    optimizer.zero_grad()


# %% wrong: twice -> taken twice
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p -= lr * p.grad
                p -= lr * p.grad
                p.grad = None


# %% wrong: divided by the learning rate -> not divided by it
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p -= p.grad / lr
                p.grad = None


# %% wrong: a new tensor, and the gradient cleared -> the step went into a new tensor
def gradient_step(parameters, lr):
    for p in parameters:
        if p.grad is not None:
            new = p - lr * p.grad
            p.grad = None


# %% wrong: only the first parameter moves -> is wrong
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p -= lr * p.grad
                break
    for p in parameters:
        p.grad = None


# %% wrong: parameters without a gradient shrink -> stays as it is
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            p -= lr * (p if p.grad is None else p.grad)
            p.grad = None


# %% wrong: gradients left off -> left gradients switched off
def gradient_step(parameters, lr):
    torch.set_grad_enabled(False)
    for p in parameters:
        if p.grad is not None:
            p -= lr * p.grad
            p.grad = None


# %% wrong: nothing is done where any gradient is None -> go on with the next one
def gradient_step(parameters, lr):
    if any(p.grad is None for p in parameters):
        return
    with torch.no_grad():
        for p in parameters:
            p -= lr * p.grad
            p.grad = None


# %% wrong: the loop ends after the first one -> must reach each of them
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p -= lr * p.grad
                p.grad = None
                return


# %% wrong: scalars are left out -> must reach each of them
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None and p.dim() > 0:
                p -= lr * p.grad
                p.grad = None


# %% wrong: the optimizer of the first call is kept -> the parameters of this call
kept = []


def gradient_step(parameters, lr):
    if not kept:
        kept.append(torch.optim.SGD(parameters, lr=lr))
    kept[0].step()
    kept[0].zero_grad()


# %% wrong: asks for the numbers of the gradient -> `if p.grad is not None:`
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad:
                p -= lr * p.grad
                p.grad = None


# %% wrong: zero_grad of a parameter -> a parameter does not
def gradient_step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p -= lr * p.grad
                p.zero_grad()
