# %% right: two loops over the windows
def max_pool(x, k):
    b, c, height, width = x.shape
    result = torch.empty(b, c, height // k, width // k, dtype=x.dtype)
    for i in range(height // k):
        for j in range(width // k):
            result[:, :, i, j] = x[:, :, i * k : (i + 1) * k, j * k : (j + 1) * k].amax(dim=(2, 3))
    return result


# %% right: unfold twice
def max_pool(x, k):
    return x.unfold(2, k, k).unfold(3, k, k).amax(dim=(-2, -1))


# %% right: strided slices and torch.maximum
def max_pool(x, k):
    rows, columns = x.shape[2] // k * k, x.shape[3] // k * k
    result = None
    for i in range(k):
        for j in range(k):
            part = x[:, :, i:rows:k, j:columns:k]
            result = part.clone() if result is None else torch.maximum(result, part)
    return result


# %% right: rows first, then columns
def max_pool(x, k):
    lines = torch.stack([rows.max(dim=2).values for rows in x.split(k, dim=2) if rows.shape[2] == k], dim=2)
    return torch.stack([part.max(dim=3).values for part in lines.split(k, dim=3) if part.shape[3] == k], dim=3)


# %% right: NumPy
def max_pool(x, k):
    a = x.numpy()
    b, c, h, w = a.shape
    a = a[:, :, : h - h % k, : w - w % k].reshape(b, c, h // k, k, w // k, k)
    return torch.from_numpy(a.max(axis=(3, 5)))


# %% right: F.unfold
def max_pool(x, k):
    b, c, h, w = x.shape
    columns = F.unfold(x, k, stride=k).view(b, c, k * k, h // k, w // k)
    return columns.amax(dim=2)


# %% right: view only splits dimensions
def max_pool(x, k):
    b, c, height, width = x.shape
    h, w = height // k, width // k
    return x[:, :, : h * k, : w * k].view(b, c, h, k, w, k).amax(dim=(3, 5))


# %% wrong: zeros to begin with -> negative numbers is negative
def max_pool(x, k):
    b, c, height, width = x.shape
    result = torch.zeros(b, c, height // k, width // k, dtype=x.dtype)
    for i in range(height // k):
        for j in range(width // k):
            window = x[:, :, i * k : (i + 1) * k, j * k : (j + 1) * k]
            result[:, :, i, j] = torch.maximum(result[:, :, i, j], window.amax(dim=(2, 3)))
    return result


# %% wrong: the order of reshape -> keeps the order in memory
def max_pool(x, k):
    b, c, height, width = x.shape
    h, w = height // k, width // k
    return x[:, :, : h * k, : w * k].reshape(b, c, h, w, k * k).amax(dim=-1)


# %% wrong: the two dimensions exchanged -> (h // k, k), not (k, h // k)
def max_pool(x, k):
    b, c, height, width = x.shape
    h, w = height // k, width // k
    return x[:, :, : h * k, : w * k].reshape(b, c, k, h, k, w).amax(dim=(2, 4))


# %% wrong: the rest is not cut off -> left-over rows
def max_pool(x, k):
    b, c, height, width = x.shape
    return x.reshape(b, c, height // k, k, width // k, k).amax(dim=(3, 5))


# %% wrong: smaller windows at the end -> fill no whole window are dropped
def max_pool(x, k):
    rows = [torch.stack([w.amax(dim=(2, 3)) for w in r.split(k, dim=3)], dim=2) for r in x.split(k, dim=2)]
    return torch.stack(rows, dim=2)


# %% wrong: filled up with zeros -> no whole window are dropped, not filled up
def max_pool(x, k):
    x = F.pad(x, (0, -x.shape[3] % k, 0, -x.shape[2] % k))
    return x.unfold(2, k, k).unfold(3, k, k).amax(dim=(-2, -1))


# %% wrong: overlapping windows -> The windows overlap
def max_pool(x, k):
    return x.unfold(2, k, 1).unfold(3, k, 1).amax(dim=(-2, -1))


# %% wrong: the mean -> asked for is its maximum
def max_pool(x, k):
    return x.unfold(2, k, k).unfold(3, k, k).mean(dim=(-2, -1))


# %% wrong: rows only -> Only the rows are pooled
def max_pool(x, k):
    return x.unfold(2, k, k).amax(dim=-1)


# %% wrong: over the channels as well -> Each channel is pooled
def max_pool(x, k):
    return x.unfold(2, k, k).unfold(3, k, k).amax(dim=(1, -2, -1))


# %% wrong: float32 whatever comes -> torch.zeros or torch.empty is float32
def max_pool(x, k):
    b, c, height, width = x.shape
    result = torch.empty(b, c, height // k, width // k)
    for i in range(height // k):
        for j in range(width // k):
            result[:, :, i, j] = x[:, :, i * k : (i + 1) * k, j * k : (j + 1) * k].amax(dim=(2, 3))
    return result


# %% wrong: in place -> A slice is a view
def max_pool(x, k):
    rows, columns = x.shape[2] // k * k, x.shape[3] // k * k
    result = x[:, :, 0:rows:k, 0:columns:k]
    for i in range(k):
        for j in range(k):
            result.copy_(torch.maximum(result, x[:, :, i:rows:k, j:columns:k]))
    return result


# %% right: einops style with movedim, a list of maxima
def max_pool(x, k):
    b, c, h, w = x.shape
    parts = [x[..., i : h - h % k : k, j : w - w % k : k] for i in range(k) for j in range(k)]
    return torch.stack(parts).max(dim=0).values


# %% right: narrow, split and chunk
def max_pool(x, k):
    rows, columns = x.size(2) // k, x.size(3) // k
    x = x.narrow(2, 0, rows * k).narrow(3, 0, columns * k)
    x = torch.stack(x.split(k, dim=2), dim=2).amax(dim=3)
    return torch.stack(x.split(k, dim=3), dim=3).amax(dim=4)


# %% right: sorted windows
def max_pool(x, k):
    b, c, h, w = x.shape
    windows = x[:, :, : h // k * k, : w // k * k].unflatten(2, (-1, k)).unflatten(4, (-1, k))
    return windows.transpose(3, 4).flatten(4).sort(dim=-1).values[..., -1]


# %% right: a class and a partial
class _Pool(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        windows = x.unfold(2, self.size, self.size).unfold(3, self.size, self.size)
        return windows.flatten(-2).max(-1)[0]


def max_pool(x, k):
    return _Pool(k)(x)


# %% wrong: F.max_pool2d -> own operation did the work
def max_pool(x, k):
    return F.max_pool2d(x, k)


# %% wrong: nn.MaxPool2d -> own operation did the work
def max_pool(x, k):
    return nn.MaxPool2d(k)(x)


# %% wrong: F.adaptive_max_pool2d -> own operation did the work
def max_pool(x, k):
    return F.adaptive_max_pool2d(x[:, :, : x.shape[2] // k * k, : x.shape[3] // k * k], (x.shape[2] // k, x.shape[3] // k))


# %% wrong: minus the pool of minus x, twice -> own operation did the work
def max_pool(x, k):
    return -(-F.max_pool2d(x, (k, k)))


# %% wrong: F.max_pool3d -> own operation did the work
def max_pool(x, k):
    return F.max_pool3d(x, (1, k, k))


# %% wrong: torch.max_pool2d -> own operation did the work
def max_pool(x, k):
    return torch.max_pool2d(x, k)


# %% wrong: two pools of one dimension -> own operation did the work
def max_pool(x, k):
    return torch.stack([F.max_pool2d(part, (k, 1)) for part in x]).unfold(3, k, k).amax(-1)


# %% wrong: the largest size of value -> is wrong
def max_pool(x, k):
    b, c, h, w = x.shape
    windows = x[:, :, : h // k * k, : w // k * k].reshape(b, c, h // k, k, w // k, k)
    return windows.abs().amax(dim=(3, 5))


# %% wrong: k of 2 only -> how many whole windows fit
def max_pool(x, k):
    b, c, h, w = x.shape
    return x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(b, c, h // 2, 2, w // 2, 2).amax(dim=(3, 5))


# %% wrong: one picture only -> Each channel
def max_pool(x, k):
    b, c, h, w = x.shape
    return x[:, :, : h // k * k, : w // k * k].reshape(b, c, h // k, k, w // k, k).amax(dim=(1, 3, 5))


# %% wrong: fills the rest of x with minus infinity -> x has changed
def max_pool(x, k):
    b, c, h, w = x.shape
    x[:, :, h // k * k :] = -torch.inf
    x[:, :, :, w // k * k :] = -torch.inf
    return x[:, :, : h // k * k, : w // k * k].reshape(b, c, h // k, k, w // k, k).amax(dim=(3, 5))


# %% wrong: gradients switched off for good -> left gradients switched off
def max_pool(x, k):
    torch.set_grad_enabled(False)
    return x.unfold(2, k, k).unfold(3, k, k).amax(dim=(4, 5))


# %% wrong: the second largest -> is wrong
def max_pool(x, k):
    windows = x.unfold(2, k, k).unfold(3, k, k).flatten(-2)
    return windows.sort(dim=-1).values[..., max(-2, -windows.shape[-1])]


# %% right: vmap over pictures and channels
def max_pool(x, k):
    def one(picture):
        return picture.unfold(0, k, k).unfold(1, k, k).amax(dim=(2, 3))

    return torch.vmap(torch.vmap(one))(x)


# %% right: decorated, without gradients
@torch.inference_mode()
def max_pool(x, k):
    return x.unfold(2, k, k).unfold(3, k, k).amax(dim=(4, 5))


# %% wrong: PyTorch's pooling in a thread -> own operation
from concurrent.futures import ThreadPoolExecutor


def max_pool(x, k):
    with ThreadPoolExecutor() as pool:
        return pool.submit(F.max_pool2d, x, k).result()


# %% wrong: begins with a number that seems small enough -> larger than all of x
def max_pool(x, k):
    b, c, height, width = x.shape
    result = torch.full((b, c, height // k, width // k), -1e9, dtype=x.dtype)
    for i in range(k):
        for j in range(k):
            result = torch.maximum(result, x[:, :, i : height // k * k : k, j : width // k * k : k])
    return result


# %% right: begins with minus infinity
def max_pool(x, k):
    b, c, height, width = x.shape
    result = torch.full((b, c, height // k, width // k), -torch.inf, dtype=x.dtype)
    for i in range(k):
        for j in range(k):
            result = torch.maximum(result, x[:, :, i : height // k * k : k, j : width // k * k : k])
    return result


# %% wrong: windows that begin one pixel apart -> begins at row
def max_pool(x, k):
    b, c, height, width = x.shape
    result = torch.zeros(b, c, height // k, width // k, dtype=x.dtype)
    for i in range(height // k):
        for j in range(width // k):
            result[:, :, i, j] = x[:, :, i : i + k, j : j + k].amax(dim=(2, 3))
    return result


# %% wrong: max over two dimensions -> x.amax takes several
def max_pool(x, k):
    b, c, height, width = x.shape
    h, w = height // k, width // k
    return x[:, :, : h * k, : w * k].reshape(b, c, h, k, w, k).max(dim=(3, 5))


# %% wrong: an operation of its own around PyTorch's -> not one of PyTorch's own
@torch.library.custom_op("answer::largest", mutates_args=())
def largest(x: torch.Tensor, k: int) -> torch.Tensor:
    return F.max_pool2d(x, k)


def max_pool(x, k):
    return largest(x, k)
