# %% right: unfold and slices
def windows(series, size):
    rows = series.unfold(0, size, 1)
    return rows[: len(series) - size], series[size:]


# %% right: unfold without the last value
def windows(series, size):
    return series[:-1].unfold(0, size, 1), series[size:]


# %% right: as_strided with the series' own step
def windows(series, size):
    n, step = len(series), series.stride(0)
    inputs = torch.as_strided(series, (n - size, size), (step, step))
    return inputs, torch.as_strided(series, (n - size,), (step,), series.storage_offset() + size * step)


# %% right: windows of one more, cut into input and target
def windows(series, size):
    both = series.unfold(0, size + 1, 1)
    return both[:, :-1], both[:, -1]


# %% right: NumPy's sliding windows, which share memory too
import numpy as np


def windows(series, size):
    rows = np.lib.stride_tricks.sliding_window_view(series.numpy(), size + 1, writeable=True)
    rows = torch.from_numpy(rows)
    return rows.narrow(1, 0, size), rows.select(1, size)


# %% wrong: stacked slices -> stack
def windows(series, size):
    inputs = torch.stack([series[i : i + size] for i in range(len(series) - size)])
    return inputs, series[size:]


# %% wrong: inputs are views, targets are copies -> the targets stayed as they were
def windows(series, size):
    targets = torch.stack([series[i + size] for i in range(len(series) - size)])
    return series.unfold(0, size, 1)[:-1], targets


# %% wrong: one window too many -> there is no value after it
def windows(series, size):
    return series.unfold(0, size, 1), series[size:]


# %% wrong: target inside the window -> must not hold
def windows(series, size):
    return series.unfold(0, size, 1)[:-1], series[size - 1 : -1]


# %% wrong: all windows and their own last values -> there is no value after it
def windows(series, size):
    return series.unfold(0, size, 1), series[size - 1 :]


# %% wrong: first window lost -> one value late
def windows(series, size):
    return series.unfold(0, size, 1)[1:], series[size:]


# %% wrong: last pair lost -> One window too few
def windows(series, size):
    return series.unfold(0, size, 1)[:-2], series[size:-1]


# %% wrong: target one further -> the first target is series[size]
def windows(series, size):
    return series.unfold(0, size, 1)[:-2], series[size + 1 :]


# %% wrong: windows that do not overlap -> The windows overlap
def windows(series, size):
    n = len(series) // size * size
    return series[:n].view(-1, size), series[size:]


# %% wrong: windows as columns -> One row for each window
def windows(series, size):
    return series.unfold(0, size, 1)[:-1].T, series[size:]


# %% wrong: whole windows as targets -> the single value after it
def windows(series, size):
    rows = series.unfold(0, size, 1)
    return rows[:-1], rows[1:]


# %% wrong: as_strided with step 1 -> series.stride()
def windows(series, size):
    n = len(series)
    return torch.as_strided(series, (n - size, size), (1, 1)), series[size:]


# %% wrong: only the inputs -> Return a pair
def windows(series, size):
    return None
