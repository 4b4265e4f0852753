# %% right: float32, divided by n
def channel_statistics(images):
    x = images.float() / 255
    mean = x.mean(dim=(0, 2, 3))
    std = ((x - mean.view(1, 3, 1, 1)) ** 2).mean(dim=(0, 2, 3)).sqrt()
    return mean, std


# %% right: flat channels
def channel_statistics(images):
    channels = images.transpose(0, 1).flatten(1) / 255
    return channels.mean(dim=1), channels.std(dim=1)


# %% right: NumPy
import numpy as np


def channel_statistics(images):
    x = images.numpy().astype(np.float64) / 255
    return torch.tensor(x.mean(axis=(0, 2, 3)), dtype=torch.float32), torch.tensor(x.std(axis=(0, 2, 3)), dtype=torch.float32)


# %% right: std_mean, scaled at the end
def channel_statistics(images):
    std, mean = torch.std_mean(images.double(), dim=(0, 2, 3))
    return (mean / 255).float(), (std / 255).float()


# %% right: whole numbers, exact
def channel_statistics(images):
    n = images[:, 0].numel()
    total = images.long().sum(dim=(0, 2, 3))
    squares = (images.long() ** 2).sum(dim=(0, 2, 3))
    variance = (n * squares - total**2).double() / n**2
    return (total / n / 255).float(), (variance.sqrt() / 255).float()


# %% right: one channel after the other, a list
def channel_statistics(images):
    means, stds = [], []
    for c in range(3):
        pixels = images[:, c].to(torch.float32).div(255)
        means.append(pixels.mean())
        stds.append(pixels.std(correction=0))
    return [torch.stack(means), torch.stack(stds)]


# %% wrong: not scaled -> divide by 255 first
def channel_statistics(images):
    x = images.double()
    return x.mean(dim=(0, 2, 3)).float(), x.std(dim=(0, 2, 3)).float()


# %% wrong: by 256 -> Divide by 255
def channel_statistics(images):
    x = images.double() / 256
    return x.mean(dim=(0, 2, 3)).float(), x.std(dim=(0, 2, 3)).float()


# %% wrong: all channels in one -> One number for each colour
def channel_statistics(images):
    x = images.double() / 255
    return x.mean().float(), x.std().float()


# %% wrong: per picture -> one number for each picture: one
def channel_statistics(images):
    x = images.double() / 255
    return x.mean(dim=(1, 2, 3)).float(), x.std(dim=(1, 2, 3)).float()


# %% wrong: per picture and colour -> reduce over the pictures
def channel_statistics(images):
    x = images.double() / 255
    return x.mean(dim=(2, 3)).float(), x.std(dim=(2, 3)).float()


# %% wrong: over the pictures only -> Rows and columns
def channel_statistics(images):
    x = images.double() / 255
    return x.mean(dim=0).float(), x.std(dim=0).float()


# %% wrong: the last dimension is taken for the colour -> colour is dimension 1
def channel_statistics(images):
    x = images.double() / 255
    return x.mean(dim=(0, 1, 2)).float(), x.std(dim=(0, 1, 2)).float()


# %% wrong: mean of the pictures' stds -> some pictures are brighter than others
def channel_statistics(images):
    x = images.double() / 255
    return x.mean(dim=(0, 2, 3)).float(), x.std(dim=(2, 3)).mean(dim=0).float()


# %% wrong: variance -> This is the variance
def channel_statistics(images):
    x = images.double() / 255
    return x.mean(dim=(0, 2, 3)).float(), x.var(dim=(0, 2, 3)).float()


# %% wrong: squares of uint8 -> overflow beyond 255
def channel_statistics(images):
    mean = images.float().mean(dim=(0, 2, 3)) / 255
    squares = (images**2).float().mean(dim=(0, 2, 3)) / 255**2
    return mean, (squares - mean**2).clamp(min=0).sqrt()


# %% wrong: mean of uint8 -> convert first
def channel_statistics(images):
    return images.mean(dim=(0, 2, 3)) / 255, images.std(dim=(0, 2, 3)) / 255


# %% wrong: float64 -> float32 is asked for
def channel_statistics(images):
    x = images.double() / 255
    return x.mean(dim=(0, 2, 3)), x.std(dim=(0, 2, 3))


# %% wrong: keepdim -> no keepdim
def channel_statistics(images):
    x = images.double() / 255
    return x.mean(dim=(0, 2, 3), keepdim=True).float(), x.std(dim=(0, 2, 3), keepdim=True).float()


# %% wrong: exchanged -> The order
def channel_statistics(images):
    std, mean = torch.std_mean(images.double() / 255, dim=(0, 2, 3))
    return std.float(), mean.float()


# %% wrong: mean not subtracted -> has to be subtracted
def channel_statistics(images):
    x = images.double() / 255
    return x.mean(dim=(0, 2, 3)).float(), (x**2).mean(dim=(0, 2, 3)).sqrt().float()


# %% wrong: whole numbers -> colour
def channel_statistics(images):
    x = images // 255
    return x.float().mean(dim=(0, 2, 3)), x.float().std(dim=(0, 2, 3))


# %% right: colours to the front, then rows
def channel_statistics(images):
    rows = images.transpose(0, 1).reshape(3, -1).to(torch.float64).div(255)
    std, mean = torch.std_mean(rows, dim=1)
    return mean.to(torch.float32), std.to(torch.float32)


# %% right: counts of each value
def channel_statistics(images):
    values = torch.arange(256, dtype=torch.float64, device=images.device) / 255
    shares = torch.stack([torch.bincount(c.flatten().long(), minlength=256) for c in images.unbind(1)]).double()
    shares /= shares.sum(1, keepdim=True)
    mean = shares @ values
    variance = (shares * (values - mean[:, None]) ** 2).sum(1)
    return mean.float(), variance.sqrt().float()


# %% right: two passes over the pictures
def channel_statistics(images):
    n = images[:, 0].numel()
    mean = sum(picture.double().sum(dim=(1, 2)) for picture in images) / n
    squares = sum(((picture.double() - mean[:, None, None]) ** 2).sum(dim=(1, 2)) for picture in images)
    return (mean / 255).float(), ((squares / n) ** 0.5 / 255).float()


# %% right: einsum, a permuted view
def channel_statistics(images):
    x = images.permute(0, 2, 3, 1).flatten(0, 2) / torch.tensor(255.0, dtype=torch.float64)
    mean = torch.einsum("nc->c", x) / len(x)
    return mean.float(), (x - mean).square().mean(0).sqrt().float()


# %% wrong: reshape(3, -1) -> mixes the colours
def channel_statistics(images):
    x = images.reshape(3, -1).double() / 255
    return x.mean(1).float(), x.std(1).float()


# %% wrong: the spread of the mean picture -> within the mean picture
def channel_statistics(images):
    x = images.double() / 255
    return x.mean((0, 2, 3)).float(), x.mean(0).std((1, 2)).float()


# %% wrong: half precision -> Half precision loses digits
def channel_statistics(images):
    x = images.half() / 255
    return x.mean((0, 2, 3)).float(), x.std((0, 2, 3)).float()


# %% wrong: bfloat16 -> Half precision loses digits
def channel_statistics(images):
    x = images.bfloat16() / 255
    return x.mean((0, 2, 3)).float(), x.std((0, 2, 3)).float()


# %% wrong: whole division -> The mean is wrong
def channel_statistics(images):
    x = (images // 255).double()
    return x.mean((0, 2, 3)).float(), x.std((0, 2, 3)).float()


# %% wrong: the first picture only -> The mean is wrong
def channel_statistics(images):
    x = images[:1].double() / 255
    return x.mean((0, 2, 3)).float(), x.std((0, 2, 3)).float()


# %% wrong: mean absolute deviation -> The standard deviation is wrong
def channel_statistics(images):
    x = images.double() / 255
    mean = x.mean((0, 2, 3))
    return mean.float(), (x - mean[:, None, None]).abs().mean((0, 2, 3)).float()


# %% wrong: the median -> The mean is wrong
def channel_statistics(images):
    x = images.transpose(0, 1).flatten(1).double() / 255
    return x.median(1).values.float(), x.std(1).float()


# %% wrong: a tensor of both, transposed -> two tensors
def channel_statistics(images):
    x = images.double() / 255
    return torch.stack([x.mean((0, 2, 3)), x.std((0, 2, 3))]).float()


# %% wrong: square pictures only -> invalid for input of size
def channel_statistics(images):
    x = images.double().reshape(len(images), 3, images.shape[2], images.shape[2]) / 255
    return x.mean((0, 2, 3)).float(), x.std((0, 2, 3)).float()


# %% wrong: scales the pictures in place -> changed its argument
def channel_statistics(images):
    mean, std = (images.double() / 255).mean((0, 2, 3)), (images.double() / 255).std((0, 2, 3))
    images.floor_divide_(2)
    return mean.float(), std.float()


# %% wrong: gradients switched off for good -> left gradients switched off
def channel_statistics(images):
    torch.set_grad_enabled(False)
    x = images.double() / 255
    return x.mean((0, 2, 3)).float(), x.std((0, 2, 3)).float()


# %% wrong: lists of tensors -> torch.stack makes a tensor
def channel_statistics(images):
    colours = [images[:, i].double() / 255 for i in range(3)]
    return [colour.mean().float() for colour in colours], [colour.std().float() for colour in colours]
