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


# %% wrong: rows instead of columns -> The rows are standardised
def standardise(x):
    std = x.std(dim=1, correction=0, keepdim=True)
    return (x - x.mean(dim=1, keepdim=True)) / torch.where(std == 0, 1.0, std)


# %% wrong: no return -> return
def standardise(x):
    std = x.std(dim=0, correction=0)
    z = (x - x.mean(dim=0)) / torch.where(std == 0, 1.0, std)


# %% right: a small number against division by zero
def standardise(x):
    centred = x - x.mean(0)
    variance = (centred * centred).sum(0) / len(x)
    return centred / (variance.sqrt() + 1e-8)


# %% right: a mask for the constant columns
def standardise(x):
    result = x - x.mean(dim=0, keepdim=True)
    std = x.var(dim=0, correction=0).sqrt()
    changing = std > 0
    result[:, changing] /= std[changing]
    return result


# %% right: nan replaced afterwards
def standardise(x):
    return torch.nan_to_num((x - x.mean(0)) / x.std(0, unbiased=False), nan=0.0)


# %% wrong: divides by the variance -> take its square root
def standardise(x):
    variance = x.var(dim=0, correction=0)
    return (x - x.mean(dim=0)) / torch.where(variance == 0, 1.0, variance)


# %% wrong: only the mean -> the division by the standard deviation is missing
def standardise(x):
    return x - x.mean(dim=0)


# %% wrong: only the scale -> The mean is still there
def standardise(x):
    std = x.std(dim=0, correction=0)
    return x / torch.where(std == 0, 1.0, std)


# %% wrong: keeps constant columns as they are -> constant
def standardise(x):
    std = x.std(dim=0, correction=0)
    return torch.where(std == 0, x, (x - x.mean(dim=0)) / torch.where(std == 0, 1.0, std))


# %% wrong: drops constant columns -> none is dropped
def standardise(x):
    std = x.std(dim=0, correction=0)
    return ((x - x.mean(dim=0)) / std)[:, std > 0]


# %% wrong: NumPy's float64 -> float64
def standardise(x):
    a = x.numpy().astype("float64")
    std = a.std(axis=0)
    std[std == 0] = 1
    return torch.from_numpy((a - a.mean(axis=0)) / std)
