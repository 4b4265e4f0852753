# %% right: flat, one step after the other
def numerical_gradient(f, x, delta):
    flat = x.double().flatten()
    slopes = []
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = delta
        slopes.append((f((flat + step).view(x.shape)) - f((flat - step).view(x.shape))) / (2 * delta))
    return torch.stack(slopes).view(x.shape)


# %% right: numpy.ndindex, changing copies in place
import numpy as np


def numerical_gradient(f, x, delta):
    result = torch.zeros(x.shape, dtype=torch.float64)
    for index in np.ndindex(*x.shape):
        up, down = x.double().clone(), x.double().clone()
        up[index] += delta
        down[index] -= delta
        result[index] = (f(up) - f(down)) / (2 * delta)
    return result


# %% right: in place and put back
def numerical_gradient(f, x, delta):
    copy = x.detach().clone(memory_format=torch.contiguous_format).to(torch.float64)
    flat, result = copy.view(-1), torch.empty(x.numel(), dtype=torch.float64)
    for i in range(flat.numel()):
        old = flat[i].item()
        flat[i] = old + delta
        up = f(copy).item()
        flat[i] = old - delta
        down = f(copy).item()
        flat[i] = old
        result[i] = (up - down) / delta / 2
    return result.reshape(x.shape)


# %% right: rows of an identity matrix, float64 tensor of a list
def numerical_gradient(f, x, delta):
    x = x.to(torch.float64)
    values = []
    for row in torch.eye(x.numel(), dtype=torch.float64):
        step = delta * row.reshape(x.shape)
        values.append(0.5 * float(f(x + step) - f(x - step)) / delta)
    return torch.tensor(values, dtype=torch.float64).reshape(x.shape)


# %% right: vmap
def numerical_gradient(f, x, delta):
    x = x.double()
    steps = (delta * torch.eye(x.numel(), dtype=x.dtype)).view(-1, *x.shape)
    g = torch.vmap(lambda step: (f(x + step) - f(x - step)) / (2 * delta))(steps)
    return g.view(x.shape)


# %% wrong: one step up -> step up only
def numerical_gradient(f, x, delta):
    flat = x.double().flatten()
    slopes = []
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = delta
        slopes.append((f((flat + step).view(x.shape)) - f(flat.view(x.shape))) / delta)
    return torch.stack(slopes).view(x.shape)


# %% wrong: one step down -> step down only
def numerical_gradient(f, x, delta):
    flat = x.double().flatten()
    slopes = []
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = delta
        slopes.append((f(flat.view(x.shape)) - f((flat - step).view(x.shape))) / delta)
    return torch.stack(slopes).view(x.shape)


# %% wrong: divided by delta -> 2 * delta apart
def numerical_gradient(f, x, delta):
    flat = x.double().flatten()
    slopes = []
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = delta
        slopes.append((f((flat + step).view(x.shape)) - f((flat - step).view(x.shape))) / delta)
    return torch.stack(slopes).view(x.shape)


# %% wrong: brackets -> brackets
def numerical_gradient(f, x, delta):
    flat = x.double().flatten()
    slopes = []
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = delta
        slopes.append((f((flat + step).view(x.shape)) - f((flat - step).view(x.shape))) / 2 * delta)
    return torch.stack(slopes).view(x.shape)


# %% wrong: float32 -> x.double() has 16 digits
def numerical_gradient(f, x, delta):
    flat = x.float().flatten()
    slopes = []
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = delta
        slopes.append((f((flat + step).view(x.shape)) - f((flat - step).view(x.shape))) / (2 * delta))
    return torch.stack(slopes).view(x.shape).double()


# %% wrong: dtype of x -> x.double() has 16 digits
def numerical_gradient(f, x, delta):
    result = torch.zeros_like(x)
    for i in range(x.numel()):
        up, down = x.flatten().clone(), x.flatten().clone()
        up[i] += delta
        down[i] -= delta
        result.view(-1)[i] = (f(up.view(x.shape)) - f(down.view(x.shape))) / (2 * delta)
    return result


# %% wrong: changes x, a view is no copy -> it is a view
def numerical_gradient(f, x, delta):
    a = x.double().flatten()
    result = torch.zeros(x.numel(), dtype=torch.float64)
    for i in range(x.numel()):
        old = a[i]
        a[i] = old + delta
        up = f(a.view(x.shape))
        a[i] = old - delta
        down = f(a.view(x.shape))
        a[i] = old
        result[i] = (up - down) / (2 * delta)
    return result.view(x.shape)


# %% wrong: not put back in x itself -> x has changed
def numerical_gradient(f, x, delta):
    x = x.to(torch.float64)
    result = torch.zeros(x.numel(), dtype=torch.float64)
    for i in range(x.numel()):
        flat = x.view(-1) if x.is_contiguous() else x.reshape(-1)
        flat[i] += delta
        up = f(flat.view(x.shape))
        flat[i] -= 2 * delta
        down = f(flat.view(x.shape))
        flat[i] += delta
        result[i] = (up - down) / (2 * delta)
    return result.view(x.shape)


# %% wrong: the first dimension only -> is wrong
def numerical_gradient(f, x, delta):
    x = x.double()
    result = torch.zeros_like(x)
    for i in range(len(x)):
        step = torch.zeros_like(x)
        step[i] = delta
        result[i] = (f(x + step) - f(x - step)) / (2 * delta)
    return result


# %% wrong: all elements at once -> same time
def numerical_gradient(f, x, delta):
    x = x.double()
    return torch.ones_like(x) * (f(x + delta) - f(x - delta)) / (2 * delta)


# %% wrong: autograd -> the quotient with the given delta
def numerical_gradient(f, x, delta):
    x = x.double().requires_grad_()
    return torch.autograd.grad(f(x), x)[0]


# %% wrong: flat result -> shape of x
def numerical_gradient(f, x, delta):
    flat = x.double().flatten()
    steps = delta * torch.eye(len(flat), dtype=flat.dtype)
    return torch.stack([(f((flat + s).view(x.shape)) - f((flat - s).view(x.shape))) / (2 * delta) for s in steps])


# %% wrong: f gets the flat tensor -> must get a tensor of the shape of x
def numerical_gradient(f, x, delta):
    flat = x.double().flatten()
    steps = delta * torch.eye(len(flat), dtype=flat.dtype)
    return torch.stack([(f(flat + s) - f(flat - s)) / (2 * delta) for s in steps]).view(x.shape)


# %% wrong: view of a transposed matrix -> reshape or flatten
def numerical_gradient(f, x, delta):
    flat = x.view(-1).double()
    steps = delta * torch.eye(len(flat), dtype=flat.dtype)
    slopes = [(f((flat + s).view(x.shape)) - f((flat - s).view(x.shape))) / (2 * delta) for s in steps]
    return torch.stack(slopes).view(x.shape)


# %% right: named arguments, a generator, an array of NumPy for the result
import numpy as np


def numerical_gradient(f, x, delta):
    point = x.to(torch.float64)
    steps = (delta * row.view(point.shape) for row in torch.eye(point.numel(), dtype=torch.float64))
    slopes = [float(f(point + s) - f(point - s)) / (2 * delta) for s in steps]
    return torch.from_numpy(np.array(slopes)).reshape(point.shape).to(point.device)


# %% right: recorded, a closure
def numerical_gradient(f, x, delta):
    flat = x.detach().double().reshape(-1)

    def value(i, by):
        moved = flat.clone()
        moved[i] = moved[i] + by
        return f(moved.reshape(x.shape)).detach()

    slopes = [(value(i, delta) - value(i, -delta)) / delta / 2 for i in range(flat.numel())]
    return torch.stack(slopes).reshape(x.shape)


# %% wrong: f is never called -> f was not called
def numerical_gradient(f, x, delta):
    return torch.zeros(x.shape, dtype=torch.float64)


# %% wrong: the last element is left out -> The gradient is wrong
def numerical_gradient(f, x, delta):
    flat = x.double().flatten()
    slopes = torch.zeros_like(flat)
    for i in range(max(1, len(flat) - 1)):
        step = torch.zeros_like(flat)
        step[i] = delta
        slopes[i] = (f((flat + step).view(x.shape)) - f((flat - step).view(x.shape))) / (2 * delta)
    return slopes.view(x.shape)


# %% wrong: a step of its own -> with the given delta
def numerical_gradient(f, x, delta):
    flat = x.double().flatten()
    slopes = []
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = 1e-4
        slopes.append((f((flat + step).view(x.shape)) - f((flat - step).view(x.shape))) / 2e-4)
    return torch.stack(slopes).view(x.shape)


# %% wrong: relative steps -> The gradient is wrong
def numerical_gradient(f, x, delta):
    flat = x.double().flatten()
    slopes = []
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = delta * flat[i]
        slopes.append((f((flat + step).view(x.shape)) - f((flat - step).view(x.shape))) / (2 * step[i]))
    return torch.stack(slopes).view(x.shape)


# %% wrong: the step in float32 -> is wrong
def numerical_gradient(f, x, delta):
    flat = x.float().flatten()
    slopes = []
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = delta
        up, down = (flat + step).view(x.shape).double(), (flat - step).view(x.shape).double()
        slopes.append((f(up) - f(down)) / (2 * delta))
    return torch.stack(slopes).view(x.shape)


# %% wrong: two elements of each row -> is wrong
def numerical_gradient(f, x, delta):
    x = x.double()
    slopes = torch.zeros_like(x)
    for index in torch.cartesian_prod(*(torch.arange(min(n, 2)) for n in x.shape)).view(-1, x.dim()).tolist():
        step = torch.zeros_like(x)
        step[tuple(index)] = delta
        slopes[tuple(index)] = (f(x + step) - f(x - step)) / (2 * delta)
    return slopes


# %% wrong: gradients switched off for good -> left gradients switched off
def numerical_gradient(f, x, delta):
    torch.set_grad_enabled(False)
    flat = x.double().flatten()
    slopes = []
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = delta
        slopes.append((f((flat + step).view(x.shape)) - f((flat - step).view(x.shape))) / (2 * delta))
    return torch.stack(slopes).view(x.shape)


# %% wrong: float64, but the slopes are collected in float32 -> rounded to float32
def numerical_gradient(f, x, delta):
    x = x.double()
    flat = x.flatten()
    slopes = torch.zeros(len(flat))
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = delta
        slopes[i] = (f((flat + step).view(x.shape)) - f((flat - step).view(x.shape))) / (2 * delta)
    return slopes.double().view(x.shape)
