# %% right: clone and mask
def replace_outliers(x, limit):
    mask = x.abs() > limit
    cleaned = x.clone()
    cleaned[mask] = x[~mask].mean()
    return cleaned, mask.sum().item()


# %% right: where, and a tensor as count
def replace_outliers(x, limit):
    good = (x <= limit) & (x >= -limit)
    return torch.where(good, x, x[good].mean()), (~good).sum()


# %% right: a loop over the flattened values
def replace_outliers(x, limit):
    values = x.flatten().tolist()
    good = [v for v in values if -limit <= v <= limit]
    mean = sum(good) / len(good)
    cleaned = torch.tensor([v if -limit <= v <= limit else mean for v in values]).reshape(x.shape)
    return cleaned, len(values) - len(good)


# %% right: arithmetic with the mask
def replace_outliers(x, limit):
    bad = (x.abs() > limit).float()
    count = bad.sum()
    mean = (x * (1 - bad)).sum() / (x.numel() - count)
    return [x * (1 - bad) + mean * bad, int(count)]


# %% right: masked_fill and nan
def replace_outliers(x, limit):
    holes = x.masked_fill(x.abs() > limit, float("nan"))
    return torch.nan_to_num(holes, nan=holes.nanmean().item()), int(holes.isnan().sum())


# %% wrong: in place -> changed its argument
def replace_outliers(x, limit):
    mask = x.abs() > limit
    x[mask] = x[~mask].mean()
    return x, mask.sum().item()


# %% wrong: without the sign -> An outlier can be negative
def replace_outliers(x, limit):
    mask = x > limit
    cleaned = x.clone()
    cleaned[mask] = x[~mask].mean()
    return cleaned, mask.sum().item()


# %% wrong: the limit itself is replaced -> use >
def replace_outliers(x, limit):
    mask = x.abs() >= limit
    cleaned = x.clone()
    cleaned[mask] = x[~mask].mean()
    return cleaned, mask.sum().item()


# %% wrong: mean of all values -> The outliers themselves are in that mean
def replace_outliers(x, limit):
    mask = x.abs() > limit
    return torch.where(mask, x.mean(), x), mask.sum().item()


# %% wrong: zeros -> mean of the good values
def replace_outliers(x, limit):
    mask = x.abs() > limit
    return x * ~mask, mask.sum().item()


# %% wrong: clamp -> clamp moves
def replace_outliers(x, limit):
    return x.clamp(-limit, limit), (x.abs() > limit).sum().item()


# %% wrong: outliers dropped -> drops the outliers
def replace_outliers(x, limit):
    mask = x.abs() > limit
    return x[~mask], mask.sum().item()


# %% wrong: counts the good values -> count the outliers
def replace_outliers(x, limit):
    good = x.abs() <= limit
    return torch.where(good, x, x[good].mean()), good.sum().item()


# %% wrong: the mask the wrong way round -> wrong way round
def replace_outliers(x, limit):
    mask = x.abs() <= limit
    cleaned = x.clone()
    cleaned[mask] = x[~mask].mean()
    return cleaned, mask.sum().item()


# %% wrong: written into a copy of the picked values -> Nothing was replaced
def replace_outliers(x, limit):
    mask = x.abs() > limit
    cleaned = x.clone()
    outliers = cleaned[mask]
    outliers[:] = x[~mask].mean()
    return cleaned, mask.sum().item()


# %% wrong: count forgotten -> return cleaned, count
def replace_outliers(x, limit):
    mask = x.abs() > limit
    return torch.where(mask, x[~mask].mean(), x)


# %% wrong: limit as large as three -> is wrong
def replace_outliers(x, limit):
    mask = x.abs() > 10
    return torch.where(mask, x[~mask].mean(), x), mask.sum().item()
