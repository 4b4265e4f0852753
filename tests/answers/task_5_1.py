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


# %% right: a lambda
windows = lambda series, size: [series[:-1].unfold(-1, size, 1), series[size:]]  # noqa: E731


# %% right: a named pair, narrow, a helper with a partial
from collections import namedtuple
from functools import partial

Pair = namedtuple("Pair", ["inputs", "targets"])


def _cut(series, size, step):
    n = series.size(0)
    return Pair(series.unfold(0, size, step).narrow(0, 0, n - size), series.narrow(0, size, n - size))


windows = partial(_cut, step=1)


# %% right: a callable object
class Windows:
    def __call__(self, series, size):
        whole = series.unfold(dimension=0, size=size + 1, step=1)
        inputs, targets = whole.split([size, 1], dim=1)
        return inputs, targets.squeeze(1)


windows = Windows()


# %% wrong: as_strided from the beginning of the memory, targets -> series.storage_offset()
def windows(series, size):
    n, step = len(series), series.stride(0)
    return series.unfold(0, size, 1)[:-1], torch.as_strided(series, (n - size,), (step,), size * step)


# %% wrong: as_strided from the beginning of the memory, inputs -> series.storage_offset()
def windows(series, size):
    n, step = len(series), series.stride(0)
    return torch.as_strided(series, (n - size, size), (step, step), 0), series[size:]


# %% wrong: contiguous first, which copies a part of a longer series -> they are a copy
def windows(series, size):
    series = series.contiguous()
    return series.unfold(0, size, 1)[:-1], series[size:]


# %% wrong: windows of a clone -> they are a copy
def windows(series, size):
    twin = series.clone()
    return twin.unfold(0, size, 1)[:-1], twin[size:]


# %% wrong: indexed with a grid -> they are a copy
def windows(series, size):
    starts = torch.arange(len(series) - size)
    return series[starts[:, None] + torch.arange(size)], series[size:]


# %% wrong: always float32 -> dtype of the series
def windows(series, size):
    series = series.float()
    return series.unfold(0, size, 1)[:-1], series[size:]


# %% wrong: a fixed length -> there are n - size windows
def windows(series, size):
    return series.unfold(0, 3, 1)[:-1], series[3:]


# %% wrong: a list of slices -> a list of slices is no tensor
def windows(series, size):
    return [series[i : i + size] for i in range(len(series) - size)], series[size:]


# %% wrong: the last value written over -> The result
def windows(series, size):
    series[-1] = 0
    return series.unfold(0, size, 1)[:-1], series[size:]


# %% wrong: gradients stay off -> left gradients switched off
def windows(series, size):
    torch.set_grad_enabled(False)
    return series.unfold(0, size, 1)[:-1], series[size:]


# %% wrong: unfold without its step -> step from one to the next
def windows(series, size):
    return series.unfold(0, size)[:-1], series[size:]
