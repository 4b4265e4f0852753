# %% right: loops over the kernel into zeros
def depthwise(x, weight, dilation=1):
    b, c, h, w = x.shape
    rows, columns = weight.shape[-2], weight.shape[-1]
    height, width = h - dilation * (rows - 1), w - dilation * (columns - 1)
    y = torch.zeros(b, c, height, width, dtype=x.dtype)
    for i in range(rows):
        for j in range(columns):
            y += weight[:, 0, i, j].view(1, c, 1, 1) * x[:, :, i * dilation : i * dilation + height, j * dilation : j * dilation + width]
    return y


# %% right: unfold and einsum
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[2:]
    windows = x.unfold(2, dilation * (rows - 1) + 1, 1).unfold(3, dilation * (columns - 1) + 1, 1)
    return torch.einsum("bchwij,cij->bchw", windows[..., ::dilation, ::dilation], weight[:, 0])


# %% right: F.unfold
def depthwise(x, weight, dilation=1):
    b, c, h, w = x.shape
    rows, columns = weight.shape[2:]
    parts = F.unfold(x, (rows, columns), dilation=dilation).view(b, c, rows * columns, -1)
    y = (parts * weight.view(c, rows * columns, 1)).sum(dim=2)
    return y.view(b, c, h - dilation * (rows - 1), -1)


# %% wrong: F.conv2d, one channel at a time -> own operation did the work
def depthwise(x, weight, dilation=1):
    channels = [F.conv2d(x[:, n : n + 1], weight[n : n + 1], dilation=dilation) for n in range(x.shape[1])]
    return torch.cat(channels, dim=1)


# %% right: a kernel with the gaps filled by zeros
def depthwise(x, weight, dilation=1):
    c, _, rows, columns = weight.shape
    wide = torch.zeros(c, dilation * (rows - 1) + 1, dilation * (columns - 1) + 1, dtype=x.dtype)
    wide[:, ::dilation, ::dilation] = weight[:, 0]
    windows = x.unfold(2, wide.shape[1], 1).unfold(3, wide.shape[2], 1)
    return (windows * wide[:, None, None]).sum(dim=(-2, -1))


# %% right: over all pixels of the result
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[2:]
    reach_r, reach_c = dilation * (rows - 1) + 1, dilation * (columns - 1) + 1
    lines = []
    for r in range(x.shape[2] - reach_r + 1):
        line = []
        for s in range(x.shape[3] - reach_c + 1):
            window = x[:, :, r : r + reach_r : dilation, s : s + reach_c : dilation]
            line.append((window * weight[:, 0]).sum(dim=(2, 3)))
        lines.append(torch.stack(line, dim=-1))
    return torch.stack(lines, dim=2)


# %% wrong: the kernel turned around -> does not flip it
def depthwise(x, weight, dilation=1):
    return F.conv2d(x, weight.flip(2, 3), groups=x.shape[1], dilation=dilation)


# %% wrong: dilation left out -> The dilation is left out
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[2:]
    height, width = x.shape[2] - rows + 1, x.shape[3] - columns + 1
    y = 0
    for i in range(rows):
        for j in range(columns):
            y = y + weight[:, :, i, j, None] * x[:, :, i : i + height, j : j + width]
    return y


# %% wrong: dilation in the size only -> begin at i * dilation
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[2:]
    height, width = x.shape[2] - dilation * (rows - 1), x.shape[3] - dilation * (columns - 1)
    y = 0
    for i in range(rows):
        for j in range(columns):
            y = y + weight[:, :, i, j, None] * x[:, :, i : i + height, j : j + width]
    return y


# %% wrong: dilation taken for a stride -> This is a stride
def depthwise(x, weight, dilation=1):
    windows = x.unfold(2, weight.shape[2], dilation).unfold(3, weight.shape[3], dilation)
    return (windows * weight[:, 0, None, None]).sum(dim=(4, 5))


# %% wrong: channels added up -> here they stay apart
def depthwise(x, weight, dilation=1):
    return F.conv2d(x, weight.transpose(0, 1), dilation=dilation)


# %% wrong: the first kernel for all channels -> All channels use the first kernel
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[2:]
    height, width = x.shape[2] - dilation * (rows - 1), x.shape[3] - dilation * (columns - 1)
    y = 0
    for i in range(rows):
        for j in range(columns):
            y = y + weight[0, 0, i, j] * x[:, :, i * dilation : i * dilation + height, j * dilation : j * dilation + width]
    return y


# %% wrong: weights along the width -> along the channels
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[2:]
    height, width = x.shape[2] - dilation * (rows - 1), x.shape[3] - dilation * (columns - 1)
    y = 0
    for i in range(rows):
        for j in range(columns):
            y = y + weight[:, 0, i, j] * x[:, :, i * dilation : i * dilation + height, j * dilation : j * dilation + width]
    return y


# %% wrong: the mean of the products -> this is their mean
def depthwise(x, weight, dilation=1):
    return F.conv2d(x, weight, groups=x.shape[1], dilation=dilation) / weight[0, 0].numel()


# %% wrong: padded to the same size -> In how many places does it fit
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[2:]
    wide = F.pad(x, (0, dilation * (columns - 1), 0, dilation * (rows - 1)))
    y = 0
    for i in range(rows):
        for j in range(columns):
            y = y + weight[:, :, i, j, None] * wide[:, :, i * dilation :, j * dilation :][:, :, : x.shape[2], : x.shape[3]]
    return y


# %% wrong: a square kernel only -> In how many places does it fit
def depthwise(x, weight, dilation=1):
    k = weight.shape[-1]
    height, width = x.shape[2] - dilation * (k - 1), x.shape[3] - dilation * (k - 1)
    y = 0
    for i in range(k):
        for j in range(k):
            y = y + weight[:, :, i, j, None] * x[:, :, i * dilation : i * dilation + height, j * dilation : j * dilation + width]
    return y


# %% wrong: float32 zeros -> torch.zeros is float32
def depthwise(x, weight, dilation=1):
    b, c, h, w = x.shape
    rows, columns = weight.shape[2:]
    y = torch.zeros(b, c, h - dilation * (rows - 1), w - dilation * (columns - 1))
    for i in range(rows):
        for j in range(columns):
            y += weight[:, :, i, j, None] * x[:, :, i * dilation :, j * dilation :][:, :, : y.shape[2], : y.shape[3]]
    return y


# %% right: float64 inside, a comprehension
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[-2:]
    h, w = (n - dilation * (k - 1) for n, k in zip(x.shape[-2:], (rows, columns)))
    terms = [
        weight.double()[:, 0, i, j].view(-1, 1, 1) * x.double().narrow(2, i * dilation, h).narrow(3, j * dilation, w)
        for i in range(rows)
        for j in range(columns)
    ]
    return torch.stack(terms).sum(0).to(x.dtype)


# %% right: as_strided
def depthwise(x, weight, dilation=1):
    x = x.contiguous()
    b, c, h, w = x.shape
    _, _, rows, columns = weight.shape
    size = (b, c, h - dilation * (rows - 1), w - dilation * (columns - 1), rows, columns)
    steps = (*x.stride(), x.stride(2) * dilation, x.stride(3) * dilation)
    return (x.as_strided(size, steps) * weight[:, 0, None, None]).sum(dim=(4, 5))


# %% right: a matrix for each channel
def depthwise(x, weight, dilation=1):
    parts = F.unfold(x, weight.shape[2:], dilation=dilation)
    parts = parts.unflatten(1, (x.shape[1], -1))
    height = x.shape[2] - dilation * (weight.shape[2] - 1)
    return torch.matmul(weight.flatten(1)[:, None], parts).squeeze(2).unflatten(-1, (height, -1))


# %% right: einsum over a list of parts, named arguments
def depthwise(x, weight, dilation=1):
    rows, columns = weight.size(2), weight.size(3)
    bottom, right = dilation * (rows - 1), dilation * (columns - 1)
    result = torch.zeros_like(x[:, :, bottom:, right:])
    for i in range(rows):
        for j in range(columns):
            part = x[:, :, i * dilation : x.size(2) - bottom + i * dilation, j * dilation : x.size(3) - right + j * dilation]
            result += torch.einsum("c,bchw->bchw", weight[:, 0, i, j], part)
    return result


# %% wrong: F.conv2d -> own operation did the work
def depthwise(x, weight, dilation=1):
    return F.conv2d(x, weight, groups=x.shape[1], dilation=dilation)


# %% wrong: torch.conv2d -> own operation did the work
def depthwise(x, weight, dilation=1):
    return torch.conv2d(x, weight, None, 1, 0, dilation, len(weight))


# %% wrong: F.conv3d -> own operation did the work
def depthwise(x, weight, dilation=1):
    return F.conv3d(x[:, :, None], weight[:, :, None], groups=len(weight), dilation=(1, dilation, dilation))[:, :, 0]


# %% wrong: nn.Conv2d with the weights put in -> own operation did the work
def depthwise(x, weight, dilation=1):
    c, _, rows, columns = weight.shape
    layer = nn.Conv2d(c, c, (rows, columns), groups=c, dilation=dilation, bias=False, dtype=x.dtype)
    layer.weight.data = weight
    return layer(x).detach()


# %% wrong: a transposed convolution -> own operation did the work
def depthwise(x, weight, dilation=1):
    rows, columns = dilation * (weight.shape[2] - 1), dilation * (weight.shape[3] - 1)
    full = F.conv_transpose2d(x, weight.flip(2, 3), groups=len(weight), dilation=dilation)
    return full[:, :, rows : full.shape[2] - rows, columns : full.shape[3] - columns]


# %% wrong: channels added up, and spread again -> here they stay apart
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[2:]
    height = x.shape[2] - dilation * (rows - 1)
    width = x.shape[3] - dilation * (columns - 1)
    result = 0
    for i in range(rows):
        for j in range(columns):
            part = x[:, :, i * dilation :, j * dilation :][:, :, :height, :width]
            result = result + weight[:, :, i, j, None] * part
    return result.sum(1, keepdim=True).expand(-1, x.shape[1], -1, -1)


# %% wrong: the last weight only -> The result is wrong
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[2:]
    height = x.shape[2] - dilation * (rows - 1)
    width = x.shape[3] - dilation * (columns - 1)
    result = 0
    for i in range(rows):
        for j in range(columns):
            part = x[:, :, i * dilation :, j * dilation :][:, :, :height, :width]
            result = weight[:, :, i, j, None] * part
    return result


# %% wrong: the last row of the kernel is left out -> is wrong
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[2:]
    height = x.shape[2] - dilation * (rows - 1)
    width = x.shape[3] - dilation * (columns - 1)
    result = 0
    for i in range(max(1, rows - 1)):
        for j in range(columns):
            part = x[:, :, i * dilation :, j * dilation :][:, :, :height, :width]
            result = result + weight[:, :, i, j, None] * part
    return result


# %% wrong: dilation of the rows only -> wrong
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[2:]
    height = x.shape[2] - dilation * (rows - 1)
    width = x.shape[3] - (columns - 1)
    result = 0
    for i in range(rows):
        for j in range(columns):
            part = x[:, :, i * dilation :, j:][:, :, :height, :width]
            result = result + weight[:, :, i, j, None] * part
    return result


# %% wrong: rounds x in place -> wrong
def depthwise(x, weight, dilation=1):
    x[:] = x.round(decimals=3)
    rows, columns = weight.shape[2:]
    height = x.shape[2] - dilation * (rows - 1)
    width = x.shape[3] - dilation * (columns - 1)
    result = 0
    for i in range(rows):
        for j in range(columns):
            part = x[:, :, i * dilation :, j * dilation :][:, :, :height, :width]
            result = result + weight[:, :, i, j, None] * part
    return result


# %% wrong: changes the kernel -> weight has changed
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[2:]
    height = x.shape[2] - dilation * (rows - 1)
    width = x.shape[3] - dilation * (columns - 1)
    result = 0
    for i in range(rows):
        for j in range(columns):
            part = x[:, :, i * dilation :, j * dilation :][:, :, :height, :width]
            result = result + weight[:, :, i, j, None] * part
    weight.zero_()
    return result


# %% wrong: gradients switched off for good -> left gradients switched off
def depthwise(x, weight, dilation=1):
    torch.set_grad_enabled(False)
    rows, columns = weight.shape[2:]
    height = x.shape[2] - dilation * (rows - 1)
    width = x.shape[3] - dilation * (columns - 1)
    result = 0
    for i in range(rows):
        for j in range(columns):
            part = x[:, :, i * dilation :, j * dilation :][:, :, :height, :width]
            result = result + weight[:, :, i, j, None] * part
    return result


# %% wrong: float32 inside and out -> dtype
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[2:]
    height = x.shape[2] - dilation * (rows - 1)
    width = x.shape[3] - dilation * (columns - 1)
    result = 0
    for i in range(rows):
        for j in range(columns):
            part = x[:, :, i * dilation :, j * dilation :][:, :, :height, :width]
            result = result + weight[:, :, i, j, None] * part
    return result.float()


# %% wrong: absolute weights -> The result is wrong
def depthwise(x, weight, dilation=1):
    rows, columns = weight.shape[2:]
    height = x.shape[2] - dilation * (rows - 1)
    width = x.shape[3] - dilation * (columns - 1)
    result = 0
    for i in range(rows):
        for j in range(columns):
            part = x[:, :, i * dilation :, j * dilation :][:, :, :height, :width]
            result = result + weight[:, :, i, j, None].abs() * part
    return result


# %% right: one picture and channel at a time, with vmap
def depthwise(x, weight, dilation=1):
    def one(channel, kernel):
        rows, columns = kernel.shape
        h, w = channel.shape[0] - dilation * (rows - 1), channel.shape[1] - dilation * (columns - 1)
        return sum(
            kernel[i, j] * channel[i * dilation : i * dilation + h, j * dilation : j * dilation + w]
            for i in range(rows)
            for j in range(columns)
        )

    return torch.vmap(torch.vmap(one), in_dims=(0, None))(x, weight.squeeze(1))


# %% right: through the frequencies
def depthwise(x, weight, dilation=1):
    size = x.shape[-2:]
    wide = torch.zeros(len(weight), *size, dtype=x.dtype, device=x.device)
    rows, columns = dilation * (weight.shape[2] - 1) + 1, dilation * (weight.shape[3] - 1) + 1
    wide[:, :rows:dilation, :columns:dilation] = weight[:, 0]
    product = torch.fft.rfft2(x) * torch.fft.rfft2(wide).conj()
    return torch.fft.irfft2(product, s=size)[..., : size[0] - rows + 1, : size[1] - columns + 1].contiguous()


# %% wrong: PyTorch's convolution in a thread -> own operation
from concurrent.futures import ThreadPoolExecutor


def depthwise(x, weight, dilation=1):
    with ThreadPoolExecutor() as pool:
        return pool.submit(F.conv2d, x, weight, None, 1, 0, dilation, x.shape[1]).result()


# %% wrong: over the pixels, the weights as they come -> weight[:, 0]
def depthwise(x, weight, dilation=1):
    batch, channels, height, width = x.shape
    rows, columns = weight.shape[2:]
    height, width = height - dilation * (rows - 1), width - dilation * (columns - 1)
    result = torch.zeros(batch, channels, height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            part = x[:, :, i : i + rows * dilation : dilation, j : j + columns * dilation : dilation]
            result[:, :, i, j] = (part * weight).sum(dim=(2, 3))
    return result
