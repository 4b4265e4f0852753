# %% right: constant columns by their numbers
def standardise(x):
    constant = (x == x[0]).all(dim=0)
    return (x - x.mean(dim=0)) / torch.where(constant, 1.0, x.std(dim=0, correction=0))


# %% wrong: as it was published, compared with 0 exactly -> Its mean is rounded
def standardise(x):
    std = x.std(dim=0, correction=0)
    return (x - x.mean(dim=0)) / torch.where(std == 0, 1.0, std)


# %% right: a loop over columns
def standardise(x):
    result = torch.zeros_like(x)
    for column in range(x.shape[1]):
        values = x[:, column] - x[:, column].mean()
        spread = (values**2).mean().sqrt()
        result[:, column] = values / spread if x[:, column].unique().numel() > 1 else 0.0
    return result


# %% right: through NumPy
def standardise(x):
    a = x.numpy().astype("float64")
    std = a.std(axis=0)
    std[std == 0] = 1
    return torch.from_numpy((a - a.mean(axis=0)) / std).float()


# %% wrong: divides by n - 1 -> correction=0
def standardise(x):
    constant = x.amax(dim=0) == x.amin(dim=0)
    return (x - x.mean(dim=0)) / torch.where(constant, 1.0, x.std(dim=0))


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


# %% wrong: a small number against division by zero -> Its mean is rounded
def standardise(x):
    centred = x - x.mean(0)
    variance = (centred * centred).sum(0) / len(x)
    return centred / (variance.sqrt() + 1e-8)


# %% wrong: a mask for the columns with std > 0 -> Its mean is rounded
def standardise(x):
    result = x - x.mean(dim=0, keepdim=True)
    std = x.var(dim=0, correction=0).sqrt()
    changing = std > 0
    result[:, changing] /= std[changing]
    return result


# %% wrong: nan replaced afterwards -> Its mean is rounded
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


# %% right: a tiny std counts as none
def standardise(x):
    std = x.std(dim=0, correction=0)
    return torch.where(std < 1e-6, 0.0, (x - x.mean(dim=0)) / std)


# %% right: the first row subtracted first
def standardise(x):
    x = x - x[:1]
    std = x.var(dim=0, unbiased=False).sqrt()
    return (x - x.mean(dim=0)) / std.masked_fill(std == 0, 1)


# %% right: columns of the transposed table, einsum
def standardise(x):
    columns = []
    for column in x.T.double():
        centred = column - column.mean()
        variance = torch.einsum("i,i->", centred, centred) / len(column)
        columns.append(centred / variance.sqrt() if column.min() < column.max() else torch.zeros_like(centred))
    return torch.stack(columns, dim=1).to(torch.float32)


# %% right: mean of the squares minus square of the mean, in float64
def standardise(x):
    x = x.double()
    mean = x.sum(0) / x.shape[0]
    spread = ((x * x).mean(0) - mean * mean).clamp(min=0).sqrt()
    changing = (x.max(0).values > x.min(0).values).double()
    return (changing * (x - mean) / (spread + 1 - changing)).float()


# %% wrong: a small std is taken for 1 -> only that of a constant
def standardise(x):
    return (x - x.mean(dim=0)) / x.std(dim=0, correction=0).clamp(min=1)


# %% wrong: where the std is below 1 -> only that of a constant
def standardise(x):
    std = x.std(dim=0, correction=0)
    return (x - x.mean(dim=0)) / torch.where(std < 1, 1.0, std)


# %% wrong: clamped at a thousandth of a thousandth -> Its mean is rounded
def standardise(x):
    return (x - x.mean(dim=0)) / x.std(dim=0, correction=0).clamp(min=1e-9)


# %% wrong: one added to every std -> 1 was added
def standardise(x):
    return (x - x.mean(dim=0)) / (x.std(dim=0, correction=0) + 1)


# %% wrong: min-max -> from 0 to 1
def standardise(x):
    low, high = x.amin(dim=0), x.amax(dim=0)
    return (x - low) / torch.where(high == low, 1.0, high - low)


# %% wrong: mean absolute deviation -> mean absolute deviation
def standardise(x):
    centred = x - x.mean(dim=0)
    deviation = centred.abs().mean(dim=0)
    return centred / torch.where((x == x[0]).all(dim=0), 1.0, deviation)


# %% wrong: the sum of the squares -> *sum* of the squares
def standardise(x):
    centred = x - x.mean(dim=0)
    length = (centred**2).sum(dim=0).sqrt()
    return centred / torch.where((x == x[0]).all(dim=0), 1.0, length)


# %% wrong: if for the whole tensor -> for each column
def standardise(x):
    std = x.std(dim=0, correction=0)
    if std == 0:
        return torch.zeros_like(x)
    return (x - x.mean(dim=0)) / std


# %% wrong: an epsilon as of batch norm -> is wrong
def standardise(x):
    return torch.nn.functional.batch_norm(x, None, None, training=True)


# %% wrong: an epsilon as of batch norm, one row left out -> is wrong
def standardise(x):
    constant = (x == x[0]).all(dim=0)
    variance = x.var(dim=0, correction=0)
    return torch.where(constant, 0.0, (x - x.mean(dim=0)) / (variance + 1e-5).sqrt())


# %% wrong: the median in place of the mean -> is wrong
def standardise(x):
    constant = (x == x[0]).all(dim=0)
    return (x - x.median(dim=0).values) / torch.where(constant, 1.0, x.std(dim=0, correction=0))


# %% wrong: the first column only -> is wrong
def standardise(x):
    result = x.clone()
    first = x[:, 0]
    result[:, 0] = (first - first.mean()) / (first.std(correction=0) if first.min() < first.max() else 1.0)
    return result


# %% wrong: gradients left off -> left gradients switched off
def standardise(x):
    torch.set_grad_enabled(False)
    constant = (x == x[0]).all(dim=0)
    return (x - x.mean(dim=0)) / torch.where(constant, 1.0, x.std(dim=0, correction=0))


# %% wrong: a standard deviation below 0.001 counts as none -> is wrong
def standardise(x):
    std = x.std(dim=0, correction=0)
    return torch.where(std < 1e-3, 0.0, (x - x.mean(dim=0)) / std)


# %% wrong: only the first and the last number of a column are compared -> is wrong
def standardise(x):
    return torch.where(x[0] == x[-1], 0.0, (x - x.mean(dim=0)) / x.std(dim=0, correction=0))


# %% wrong: only two numbers of a column are compared -> is wrong
def standardise(x):
    constant = x[0] == x[min(1, len(x) - 1)]
    return torch.where(constant, 0.0, (x - x.mean(dim=0)) / x.std(dim=0, correction=0))


# %% wrong: mean of the squares minus square of the mean, in float32 -> is wrong
def standardise(x):
    mean = x.mean(dim=0)
    std = ((x**2).mean(dim=0) - mean**2).clamp(min=0).sqrt()
    return torch.where((x == x[0]).all(dim=0), 0.0, (x - mean) / std)


# %% wrong: constant columns become ones -> becomes a column of zeros
def standardise(x):
    return torch.where((x == x[0]).all(dim=0), 1.0, (x - x.mean(dim=0)) / x.std(dim=0, correction=0))


# %% right: Welford's running mean, row by row
def standardise(x):
    mean, squares = torch.zeros(x.shape[1]), torch.zeros(x.shape[1])
    for number, row in enumerate(x, 1):
        change = row - mean
        mean = mean + change / number
        squares = squares + change * (row - mean)
    std = (squares / len(x)).sqrt()
    return torch.where((x == x[0]).all(dim=0), torch.zeros(()), (x - mean) / std)


# %% wrong: the mean of each row, without keepdim -> dim names the dimension that disappears
def standardise(x):
    constant = (x == x[0]).all(dim=0)
    return torch.where(constant, 0.0, (x - x.mean(dim=1)) / x.std(dim=1, correction=0))


# %% wrong: one mean, and std() as it comes, for the whole table -> for the whole matrix
def standardise(x):
    return (x - x.mean()) / x.std()
