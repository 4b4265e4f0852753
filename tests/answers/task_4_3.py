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


# %% right: one channel at a time
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
    return F.conv2d(x, weight, groups=x.shape[1], stride=dilation)


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
