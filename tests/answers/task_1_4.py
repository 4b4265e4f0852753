# %% right: where
def standardise(x):
    std = x.std(dim=0, correction=0)
    return (x - x.mean(dim=0)) / torch.where(std == 0, 1.0, std)


# %% right: a loop over columns
def standardise(x):
    result = torch.zeros_like(x)
    for column in range(x.shape[1]):
        values = x[:, column] - x[:, column].mean()
        spread = (values**2).mean().sqrt()
        result[:, column] = values / spread if spread > 0 else values
    return result


# %% right: through NumPy
def standardise(x):
    a = x.numpy().astype("float64")
    std = a.std(axis=0)
    std[std == 0] = 1
    return torch.from_numpy((a - a.mean(axis=0)) / std).float()


# %% wrong: divides by n - 1 -> correction=0
def standardise(x):
    std = x.std(dim=0)
    return (x - x.mean(dim=0)) / torch.where(std == 0, 1.0, std)


# %% wrong: constant column -> 0 / 0
def standardise(x):
    return (x - x.mean(dim=0)) / x.std(dim=0, correction=0)


# %% wrong: whole matrix -> each column
def standardise(x):
    return (x - x.mean()) / x.std(correction=0)


# %% wrong: in place -> changed its argument
def standardise(x):
    x -= x.mean(dim=0)
    std = x.std(dim=0, correction=0)
    x /= torch.where(std == 0, 1.0, std)
    return x


# %% wrong: rows instead of columns -> is wrong
def standardise(x):
    std = x.std(dim=1, correction=0, keepdim=True)
    return (x - x.mean(dim=1, keepdim=True)) / torch.where(std == 0, 1.0, std)


# %% wrong: no return -> return
def standardise(x):
    std = x.std(dim=0, correction=0)
    z = (x - x.mean(dim=0)) / torch.where(std == 0, 1.0, std)
