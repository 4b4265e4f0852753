# %% right: slices and a list
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% right: other functions
def cut(photo):
    channels, height, width = photo.shape
    return {
        "bgr": photo.flip(0),
        "right": photo[..., -1].unsqueeze(-1),
        "corner": photo[:, height - 2 : height, width - 3 :].clone(),
        "coarse": photo[:, torch.arange(0, height, 2)][:, :, torch.arange(0, width, 2)],
        "red": photo.select(0, 0),
    }


# %% right: unpacked channels, stacked again
def cut(photo):
    red, green, blue = photo
    return dict(
        red=red,
        coarse=torch.stack([channel[::2, ::2] for channel in photo]),
        corner=torch.stack([channel[-2:, -3:] for channel in photo]),
        right=photo[:, :, [-1]],
        bgr=torch.stack([blue, green, red]),
    )


# %% right: through NumPy
def cut(photo):
    a = photo.numpy()
    return {
        "red": torch.from_numpy(a[0].copy()),
        "coarse": torch.from_numpy(a[:, ::2, ::2].copy()),
        "corner": torch.from_numpy(a[:, -2:, -3:].copy()),
        "right": torch.from_numpy(a[:, :, -1:].copy()),
        "bgr": torch.from_numpy(a[::-1].copy()),
    }


# %% wrong: one index loses the dimension -> a slice keeps it: the shape must be (3, H, 1)
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: red kept as a slice -> shape (H, W)
def cut(photo):
    return {
        "red": photo[:1],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: upper left corner -> upper left corner
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, :2, :3],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: thins out the channels -> The channels come first
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: negative step -> no negative step
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[::-1],
    }


# %% wrong: rows and columns confused -> Rows come before columns
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -3:, -2:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: last row -> That is the last row
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: turned upside down -> rows are in reverse order
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo.flip(1),
    }


# %% wrong: begins at one -> Begin with row 0
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, 1::2, 1::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: the size of the first case -> The sizes differ
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, [5]],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: converted on the way -> Picking changes no dtype
def cut(photo):
    photo = photo.float()
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% right: narrow, select, index_select
def cut(photo):
    _, h, w = photo.shape
    return {
        "red": photo.select(dim=0, index=0),
        "coarse": photo.index_select(1, torch.arange(0, h, 2)).index_select(2, torch.arange(0, w, 2)),
        "corner": photo.narrow(1, h - 2, 2).narrow(2, w - 3, 3),
        "right": photo.narrow(-1, w - 1, 1),
        "bgr": photo.index_select(0, torch.tensor([2, 1, 0])),
    }


# %% right: masks for rows and columns
def cut(photo):
    height, width = photo.shape[1:]
    even_rows, even_columns = torch.arange(height) % 2 == 0, torch.arange(width) % 2 == 0
    last = torch.arange(width) == width - 1
    return {
        "red": photo.unbind()[0],
        "coarse": photo[:, even_rows][:, :, even_columns],
        "corner": photo[..., -2:, -3:],
        "right": photo[:, :, last],
        "bgr": torch.cat([photo[2:], photo[1:2], photo[:1]]),
    }


# %% right: a function for each part
PARTS = dict(
    bgr=lambda p: torch.flip(p, dims=[0]),
    red=lambda p: p[0, :, :],
    right=lambda p: p.T[-1:].T,
    corner=lambda p: p[:, p.size(1) - 2 :, p.size(2) - 3 :],
    coarse=lambda p: p[(slice(None), slice(0, None, 2), slice(0, None, 2))],
)
cut = lambda photo: {name: part(photo) for name, part in PARTS.items()}


# %% wrong: upper right corner -> upper right corner
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, :2, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: lower left corner -> lower left corner
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, :3],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: every second column only -> the rows not yet
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, :, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: mirrored -> columns are in reverse order
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo.flip(2),
    }


# %% wrong: channels swapped in the photo itself -> changed
def cut(photo):
    photo[[0, 2]] = photo[[2, 0]].clone()
    return {
        "red": photo[2],
        "coarse": photo[[2, 1, 0], ::2, ::2],
        "corner": photo[[2, 1, 0], -2:, -3:],
        "right": photo[[2, 1, 0], :, -1:],
        "bgr": photo,
    }


# %% wrong: the corner of the first picture -> how many channels, rows and columns
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, 2:4, 3:6],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: rows and columns of the first picture -> how many channels, rows and columns
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, 0:4:2, 0:6:2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: view of a picture that is not contiguous -> view size is not compatible
def cut(photo):
    c, h, w = photo.shape
    return {
        "red": photo.view(c, h * w)[0].view(h, w),
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: means of 2 x 2 pixels instead of every second one -> is wrong
import torch.nn.functional as F


def cut(photo):
    coarse = F.avg_pool2d(photo.float(), 2, ceil_mode=True).to(photo.dtype)
    return {
        "red": photo[0],
        "coarse": coarse,
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: a key too many -> exactly the five keys
def cut(photo):
    return {
        "red": photo[0],
        "green": photo[1],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: gradients left off -> left gradients switched off
def cut(photo):
    torch.autograd.set_grad_enabled(False)
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: the channels as three indices -> Three indices pick one number
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[2, 1, 0],
    }


# %% wrong: the corner with a stop -> A slice leaves out its stop
def cut(photo):
    return {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:-1, -3:-1],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }


# %% wrong: the first column taken for the red channel -> the first column of each channel
def cut(photo):
    return {
        "red": photo[:, :, 0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }
