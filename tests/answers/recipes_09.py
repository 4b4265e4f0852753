"""Answers to the recipes of docs/own_exercise.md, for `lecture checks` and test_own_exercise.py."""

# %% right 9.1: a number
mean = 2.5

# %% right 9.1: with torch
mean = torch.tensor([1.0, 2, 3, 4]).mean()

# %% wrong 9.1: the sum -> divide it by 4
mean = 10.0

# %% wrong 9.1: rounded -> is wrong
mean = 2

# %% right 9.2: three steps
def norm(x):
    return x.square().sum().sqrt()

# %% right 9.2: a function of torch's
norm = torch.linalg.vector_norm

# %% wrong 9.2: no root -> The root is missing
def norm(x):
    return x.square().sum()

# %% wrong 9.2: a length -> is wrong
norm = len

# %% right 9.3: a sum
class Counter:
    total = 0
    def add(self, n):
        self.total += n

# %% right 9.3: a list and a property
class Counter:
    def __init__(self):
        self.all = []
    def add(self, n):
        self.all.append(n)
    total = property(lambda self: sum(self.all))

# %% wrong 9.3: keeps the last one -> total is wrong
class Counter:
    total = 0
    def add(self, n):
        self.total = n

# %% right 9.4: gradient descent
def train(model, x, y):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(100):
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

# %% wrong 9.4: gradients add up -> set to zero
def train(model, x, y):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(100):
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()

# %% wrong 9.4: does nothing -> set to zero
def train(model, x, y):
    pass

# %% wrong 9.4: an argument is missing -> arguments as given
def train(model, x):
    pass

# %% right 9.5: clamp_
def clip_(x):
    x.clamp_(-1, 1)

# %% right 9.5: two masks
def clip_(x):
    x[x > 1] = 1
    x[x < -1] = -1
    return x

# %% wrong 9.5: a new tensor -> Change the tensor itself
def clip_(x):
    return x.clamp(-1, 1)

# %% right 9.6: randn_like
def add_noise(x, std):
    return x + std * torch.randn_like(x)

# %% right 9.6: torch.normal
add_noise = torch.normal

# %% wrong 9.6: a fixed seed -> Set no seed
def add_noise(x, std):
    torch.manual_seed(0)
    return x + std * torch.randn_like(x)

# %% wrong 9.6: the variance -> std itself
def add_noise(x, std):
    return x + std**0.5 * torch.randn_like(x)

# %% wrong 9.6: uniform -> The mean of the result
def add_noise(x, std):
    return x + std * torch.rand_like(x)

# %% right 9.7: cat
def append_ones(x):
    return torch.cat([x, torch.ones(len(x), 1, device=x.device)], 1)

# %% right 9.7: pad
def append_ones(x):
    return nn.functional.pad(x, (0, 1), value=1.0)

# %% wrong 9.7: on the CPU -> device
def append_ones(x):
    return torch.cat([x, torch.ones(len(x), 1)], 1)

# %% wrong 9.7: in front -> is wrong
def append_ones(x):
    return torch.cat([torch.ones(len(x), 1, device=x.device), x], 1)

# %% right 9.8: square
def energy(x):
    return x.square().sum()

# %% right 9.8: a product
def energy(x):
    return x @ x

# %% wrong 9.8: a loop -> hardly faster
def energy(x):
    return sum(v * v for v in x)

# %% right 9.9: dashed
def draw(values):
    figure, axes = plt.subplots()
    axes.plot(values, 'r--')
    axes.set(xlabel='epoch', ylabel='loss')
    return axes

# %% wrong 9.9: no labels -> a label on each axis
def draw(values):
    axes = plt.figure().gca()
    axes.plot(values)
    return axes

# %% wrong 9.9: the first value is missing -> The line
def draw(values):
    axes = plt.figure().gca()
    axes.plot(values[1:])
    axes.set(xlabel='a', ylabel='b')
    return axes

# %% right 9.11: again and again
def ordered(x):
    x, found = x.clone(), []
    for _ in range(len(x)):
        i = x.argmin()
        found.append(x[i].item())
        x[i] = torch.inf
    return torch.tensor(found)

# %% wrong 9.11: sort -> uses sort
def ordered(x):
    return x.sort().values

# %% wrong 9.11: backwards -> wrong
def ordered(x):
    return x.flip(0)

# %% right 9.12: both
def standardise(x):
    return (x - x.mean(0)) / x.std(0)

# %% wrong 9.12: only the mean -> Divide by
def standardise(x):
    return x - x.mean(0)

# %% wrong 9.12: a number -> 2 values
def standardise(x):
    return 0
