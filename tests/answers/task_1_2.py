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
