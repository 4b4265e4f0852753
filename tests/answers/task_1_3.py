# %% right: clone and mask
def replace_outliers(x, limit):
    mask = x.abs() > limit
    cleaned = x.clone()
    cleaned[mask] = x[~mask].mean()
    return cleaned, mask.sum().item()


# %% right: where, and count_nonzero
def replace_outliers(x, limit):
    good = (x <= limit) & (x >= -limit)
    return torch.where(good, x, x[good].mean()), int(torch.count_nonzero(~good))


# %% wrong: a tensor as count -> `.item()`
def replace_outliers(x, limit):
    good = (x <= limit) & (x >= -limit)
    return torch.where(good, x, x[good].mean()), (~good).sum()


# %% wrong: a decimal number as count -> must be a Python int
def replace_outliers(x, limit):
    mask = x.abs() > limit
    return torch.where(mask, x[~mask].mean(), x), mask.float().sum().item()


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


# %% right: NumPy, a NumPy integer as count
def replace_outliers(x, limit):
    a = x.numpy().copy()
    bad = np.abs(a) > limit
    a[bad] = a[~bad].mean()
    return torch.from_numpy(a), bad.sum()


# %% right: masked_scatter, a helper with named arguments
def outliers_of(values, *, beyond):
    return torch.gt(values.abs(), beyond)


def replace_outliers(x, limit):
    mask = outliers_of(beyond=limit, values=x)
    mean = torch.masked_select(x, mask.logical_not()).mean()
    return x.masked_fill(mask, mean), len(x[mask])


# %% right: in float64, with an index
def replace_outliers(x, limit):
    wide = x.double().flatten()
    where = torch.nonzero(wide.abs() > limit).flatten()
    keep = torch.ones(wide.numel(), dtype=torch.bool)
    keep[where] = False
    wide = wide.index_fill(0, where, wide[keep].mean().item())
    return wide.reshape(x.shape).to(x.dtype), where.numel()


# %% wrong: the mask as count -> one number of the mask
def replace_outliers(x, limit):
    mask = x.abs() > limit
    return torch.where(mask, x[~mask].mean(), x), mask


# %% wrong: whole numbers compared -> is wrong
def replace_outliers(x, limit):
    mask = x.abs().long() > limit
    return torch.where(mask, x[~mask].mean(), x), mask.sum().item()


# %% wrong: rounded before the comparison -> is wrong
def replace_outliers(x, limit):
    mask = x.abs().round() > limit
    return torch.where(mask, x[~mask].mean(), x), mask.sum().item()


# %% wrong: the median -> median of the good values
def replace_outliers(x, limit):
    mask = x.abs() > limit
    return torch.where(mask, x[~mask].median(), x), mask.sum().item()


# %% wrong: and instead of & -> each number take
def replace_outliers(x, limit):
    good = -limit <= x and x <= limit
    return torch.where(good, x, x[good].mean()), (~good).sum().item()


# %% wrong: counts the positive ones -> can be negative
def replace_outliers(x, limit):
    mask = x.abs() > limit
    return torch.where(mask, x[~mask].mean(), x), (x > limit).sum().item()


# %% wrong: the mean of the sizes -> is wrong
def replace_outliers(x, limit):
    mask = x.abs() > limit
    return torch.where(mask, x[~mask].abs().mean(), x), mask.sum().item()


# %% wrong: flat -> has the shape of x
def replace_outliers(x, limit):
    x = x.flatten()
    mask = x.abs() > limit
    return torch.where(mask, x[~mask].mean(), x), mask.sum().item()


# %% wrong: the shape of the first case -> has the shape of x
def replace_outliers(x, limit):
    values = [v for v in x.flatten().tolist()]
    good = [v for v in values if abs(v) <= limit]
    mean = sum(good) / len(good)
    return torch.tensor([v if abs(v) <= limit else mean for v in values]), len(values) - len(good)


# %% wrong: stops when it has replaced one -> is wrong
def replace_outliers(x, limit):
    cleaned = x.flatten().clone()
    mask = cleaned.abs() > limit
    for i in range(len(cleaned)):
        if mask[i]:
            cleaned[i] = cleaned[~mask].mean()
            break
    return cleaned.reshape(x.shape), mask.sum().item()


# %% wrong: gradients left off -> left gradients switched off
def replace_outliers(x, limit):
    torch._C._set_grad_enabled(False)
    mask = x.abs() > limit
    return torch.where(mask, x[~mask].mean(), x), mask.sum().item()


# %% wrong: the mean of the values that are not 0 -> is wrong
def replace_outliers(x, limit):
    mask = x.abs() > limit
    kept = x * ~mask
    return torch.where(mask, kept[kept != 0].mean(), x), mask.sum().item()


# %% wrong: the length of the mask as count -> counts the `True`
def replace_outliers(x, limit):
    mask = x.abs() > limit
    return torch.where(mask, x[~mask].mean(), x), len(mask)


# %% wrong: all values counted -> counts the `True`
def replace_outliers(x, limit):
    mask = x.abs() > limit
    return torch.where(mask, x[~mask].mean(), x), mask.numel()


# %% wrong: the count first -> changed places
def replace_outliers(x, limit):
    mask = x.abs() > limit
    return mask.sum().item(), torch.where(mask, x[~mask].mean(), x)
