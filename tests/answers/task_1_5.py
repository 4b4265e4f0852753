# %% right: flatten and divide
def brightest(images):
    width = images.shape[2]
    position = images.flatten(1).argmax(dim=1)
    return images.mean(dim=(1, 2)), position // width, position % width


# %% right: a loop over every pixel
def brightest(images):
    means, rows, columns = [], [], []
    for image in images:
        best = (0, 0)
        for i in range(image.shape[0]):
            for j in range(image.shape[1]):
                if image[i, j] > image[best]:
                    best = (i, j)
        means.append(image.mean())
        rows.append(best[0])
        columns.append(best[1])
    return torch.stack(means), torch.tensor(rows), torch.tensor(columns)


# %% right: first the best of each row and column
def brightest(images):
    rows = images.amax(dim=2).argmax(dim=1)
    columns = images.amax(dim=1).argmax(dim=1)
    return images.mean(dim=2).mean(dim=1), rows, columns


# %% right: unravel_index
def brightest(images):
    b, h, w = images.shape
    rows, columns = torch.unravel_index(images.reshape(b, -1).argmax(1), (h, w))
    return images.sum((1, 2)) / (h * w), rows, columns


# %% right: where it equals its maximum
def brightest(images):
    largest = images.amax(dim=(1, 2), keepdim=True)
    place = (images == largest).nonzero()
    return [images.contiguous().view(len(images), -1).mean(1), place[:, 1], place[:, 2]]


# %% right: through NumPy
def brightest(images):
    a = images.numpy()
    places = [np.unravel_index(image.argmax(), image.shape) for image in a]
    rows, columns = zip(*places)
    means = torch.tensor([float(image.mean()) for image in a])
    return means, torch.tensor([int(r) for r in rows]), torch.tensor([int(c) for c in columns])


# %% wrong: divides by the height -> A row holds W pixels
def brightest(images):
    height = images.shape[1]
    position = images.flatten(1).argmax(dim=1)
    return images.mean(dim=(1, 2)), position // height, position % height


# %% wrong: rows and columns swapped -> changed places
def brightest(images):
    width = images.shape[2]
    position = images.flatten(1).argmax(dim=1)
    return images.mean(dim=(1, 2)), position % width, position // width


# %% wrong: view -> use reshape, not view
def brightest(images):
    b, h, w = images.shape
    position = images.view(b, h * w).argmax(dim=1)
    return images.mean(dim=(1, 2)), position // w, position % w


# %% wrong: one answer for the batch -> the whole batch
def brightest(images):
    b, h, w = images.shape
    position = images.argmax()
    return images.mean(), position // w % h, position % w


# %% wrong: a mean image -> That is the mean over the images
def brightest(images):
    width = images.shape[2]
    position = images.flatten(1).argmax(dim=1)
    return images.mean(dim=0), position // width, position % width


# %% wrong: division with decimals -> positions int64
def brightest(images):
    width = images.shape[2]
    position = images.flatten(1).argmax(dim=1)
    return images.mean(dim=(1, 2)), (position / width).floor(), position % width


# %% wrong: the search starts from zero -> all values may be negative
def brightest(images):
    rows, columns = [], []
    for image in images:
        best, row, column = 0, 0, 0
        for i in range(image.shape[0]):
            for j in range(image.shape[1]):
                if image[i, j] > best:
                    best, row, column = image[i, j], i, j
        rows.append(row)
        columns.append(column)
    return images.mean(dim=(1, 2)), torch.tensor(rows), torch.tensor(columns)


# %% wrong: the largest value instead of the mean -> largest value
def brightest(images):
    width = images.shape[2]
    values, position = images.flatten(1).max(dim=1)
    return values, position // width, position % width


# %% wrong: sum instead of mean -> Brightness is the mean
def brightest(images):
    width = images.shape[2]
    position = images.flatten(1).argmax(dim=1)
    return images.sum(dim=(1, 2)), position // width, position % width


# %% wrong: argmax of each row -> shape (B,)
def brightest(images):
    return images.mean(dim=(1, 2)), images.argmax(dim=1), images.argmax(dim=2)


# %% wrong: the darkest pixel -> darkest
def brightest(images):
    width = images.shape[2]
    position = images.flatten(1).argmin(dim=1)
    return images.mean(dim=(1, 2)), position // width, position % width


# %% wrong: counts from one -> count from 0
def brightest(images):
    width = images.shape[2]
    position = images.flatten(1).argmax(dim=1)
    return images.mean(dim=(1, 2)), position // width + 1, position % width + 1


# %% wrong: a tensor of pairs -> Return three tensors
def brightest(images):
    width = images.shape[2]
    position = images.flatten(1).argmax(dim=1)
    return images.mean(dim=(1, 2)), torch.stack([position // width, position % width], dim=1)


# %% wrong: rubs out the brightest pixel -> changed
def brightest(images):
    b, h, w = images.shape
    means = images.mean(dim=(1, 2))
    position = images.flatten(1).argmax(dim=1)
    images[torch.arange(b), position // w, position % w] = 0
    return means, position // w, position % w


# %% wrong: the position in the long row -> p // W
def brightest(images):
    position = images.flatten(1).argmax(dim=1)
    return images.mean(dim=(1, 2)), position, position


# %% right: vmap
def of_one(image):
    position = image.reshape(-1).argmax()
    return image.mean(), torch.div(position, image.shape[1], rounding_mode="floor"), position % image.shape[1]


brightest = torch.vmap(of_one)


# %% right: sorted, in float64, a namedtuple
from collections import namedtuple

Answer = namedtuple("Answer", "means rows columns")


def brightest(images):
    b, h, w = images.size()
    order = images.double().reshape(b, h * w).sort(dim=1, descending=True).indices
    place = order[:, 0]
    means = torch.einsum("bij->b", images.double()) / (h * w)
    return Answer(rows=torch.floor(place / w).long(), columns=place.remainder(w), means=means.to(images.dtype))


# %% right: divmod and a list of pictures
def brightest(images):
    answers = [(image.mean(), *divmod(int(torch.argmax(image)), image.size(-1))) for image in images]
    means, rows, columns = map(list, zip(*answers))
    return torch.stack(means), torch.tensor(rows), torch.tensor(columns)


# %% wrong: brightest on average -> brightest on average
def brightest(images):
    return images.mean(dim=(1, 2)), images.mean(dim=2).argmax(dim=1), images.mean(dim=1).argmax(dim=1)


# %% wrong: the largest absolute value -> is wrong
def brightest(images):
    width = images.shape[2]
    position = images.abs().flatten(1).argmax(dim=1)
    return images.mean(dim=(1, 2)), position // width, position % width


# %% wrong: columns read first -> is wrong
def brightest(images):
    height = images.shape[1]
    position = images.transpose(1, 2).flatten(1).argmax(dim=1)
    return images.mean(dim=(1, 2)), position // height, position % height


# %% wrong: the width of the first batch -> is wrong
def brightest(images):
    position = images.flatten(1).argmax(dim=1)
    return images.mean(dim=(1, 2)), position // 4, position % 4


# %% wrong: two images at most -> one number per image
def brightest(images):
    images = images[:2]
    width = images.shape[2]
    position = images.flatten(1).argmax(dim=1)
    return images.mean(dim=(1, 2)), position // width, position % width


# %% wrong: lists -> must be a tensor
def brightest(images):
    width = images.shape[2]
    position = images.flatten(1).argmax(dim=1)
    return images.mean(dim=(1, 2)).tolist(), (position // width).tolist(), (position % width).tolist()


# %% wrong: 32 bits for the places -> positions int64
def brightest(images):
    width = images.shape[2]
    position = images.flatten(1).argmax(dim=1).int()
    return images.mean(dim=(1, 2)), position // width, position % width


# %% wrong: a place for each picture in a column -> one number per image
def brightest(images):
    width = images.shape[2]
    position = images.flatten(1).argmax(dim=1, keepdim=True)
    return images.mean(dim=(1, 2)), position // width, position % width


# %% wrong: sorted in place -> changed
def brightest(images):
    width = images.shape[2]
    means, position = images.mean(dim=(1, 2)), images.flatten(1).argmax(dim=1)
    images[:] = images.sort(dim=2).values
    return means, position // width, position % width


# %% wrong: the memory read as it lies -> is wrong
def brightest(images):
    b, h, w = images.shape
    position = images.as_strided((b, h * w), (h * w, 1)).argmax(dim=1)
    return images.mean(dim=(1, 2)), position // w, position % w


# %% wrong: the mean of the brightest row -> is wrong
def brightest(images):
    width = images.shape[2]
    position = images.flatten(1).argmax(dim=1)
    return images.mean(dim=2).amax(dim=1), position // width, position % width


# %% wrong: gradients left off -> left gradients switched off
def brightest(images):
    torch.set_grad_enabled(False)
    width = images.shape[2]
    position = images.flatten(1).argmax(dim=1)
    return images.mean(dim=(1, 2)), position // width, position % width


# %% wrong: a batch of one image is squeezed -> the dimension B stays
def brightest(images):
    images = images.squeeze()
    position = images.flatten(-2).argmax(-1)
    return images.mean((-2, -1)), position // images.shape[-1], position % images.shape[-1]


# %% wrong: two dimensions, but not as a tuple -> as one tuple
def brightest(images):
    width = images.shape[2]
    position = images.flatten(1).argmax(dim=1)
    return images.mean(1, 2), position // width, position % width
