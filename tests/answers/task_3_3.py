# %% right: converted when asked for
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].unsqueeze(0) / 255
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[index])


# %% right: other names, views, a transform that does nothing
class DigitDataset(torch.utils.data.Dataset):
    def __init__(self, images, labels, transform=None):
        super().__init__()
        self.x = images[:, None]
        self.y = labels.tolist()
        self.change = transform or (lambda picture: picture)

    def __len__(self):
        return self.x.size(0)

    def __getitem__(self, i):
        return self.change(self.x[i].float().div(255)), self.y[i]


# %% right: torchvision
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        from torchvision.transforms import v2

        self.images, self.labels, self.transform = images, labels, transform
        self.to_float = v2.ToDtype(torch.float32, scale=True)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.to_float(self.images[index][None])
        image = self.transform(image) if self.transform else image
        return image, self.labels[index].item()


# %% right: no Dataset, NumPy
import numpy as np


class DigitDataset:
    def __init__(self, images, labels, transform=None):
        self.pairs = list(zip(images.numpy(), labels.numpy()))
        self.transform = transform

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        image, label = self.pairs[index]
        image = torch.from_numpy(image.astype(np.float32)[np.newaxis] / 255)
        if self.transform:
            image = self.transform(image)
        return image, int(label)


# %% wrong: converts at once -> keeps converted images
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images = images.to(torch.float32).mul(1 / 255).unsqueeze(1)
        self.labels, self.transform = labels, transform

    def __len__(self):
        return self.images.shape[0]

    def __getitem__(self, index):
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        image = self.images[index : index + 1][0]
        return (self.transform(image) if self.transform else image), int(self.labels[index])


# %% wrong: pixels up to 255 -> divide by 255
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].unsqueeze(0).float()
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[index])


# %% wrong: 256 -> white must become 1
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].unsqueeze(0) / 256
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[index])


# %% wrong: divided by the largest pixel -> brightest pixel
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].unsqueeze(0) / self.images[index].max()
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[index])


# %% wrong: whole division -> use /
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = (self.images[index].unsqueeze(0) // 255).float()
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[index])


# %% wrong: no channel -> one channel in front
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index] / 255
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[index])


# %% wrong: label is a tensor -> Make it a Python int
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].unsqueeze(0) / 255
        if self.transform is not None:
            image = self.transform(image)
        return image, self.labels[index]


# %% wrong: transform of the label too -> Only the image
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image, label = self.images[index].unsqueeze(0) / 255, self.labels[index]
        if self.transform is not None:
            image, label = self.transform(image), self.transform(label)
        return image, int(label)


# %% wrong: transform forgotten -> did not call transform
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index].unsqueeze(0) / 255, int(self.labels[index])


# %% wrong: result of transform thrown away -> thrown away
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].unsqueeze(0) / 255
        if self.transform is not None:
            self.transform(image)
        return image, int(self.labels[index])


# %% wrong: transform needed -> may be None
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.transform(self.images[index].unsqueeze(0) / 255), int(self.labels[index])


# %% wrong: transform once, in the beginning -> keeps converted images
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images = [image.unsqueeze(0) / 255 for image in images]
        self.labels = labels
        if transform is not None:
            self.images = [transform(image) for image in self.images]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], int(self.labels[index])


# %% wrong: transform first -> First convert
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].unsqueeze(0)
        if self.transform is not None:
            image = self.transform(image)
        return image / 255, int(self.labels[index])


# %% wrong: a slice knows no end -> dataset[
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index : index + 1] / 255
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[index])


# %% wrong: begins again past the end -> raised no IndexError
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        index = index % len(self)
        image = self.images[index].unsqueeze(0) / 255
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[index])


# %% wrong: float64 -> must be float32
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images.numpy(), labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = torch.from_numpy(self.images[index] / 255).unsqueeze(0)
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[index])


# %% open: a method left open -> A part of it is not written yet
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        raise NotImplementedError("Task 3.3: write this part")


# %% right: a TensorDataset inside, a helper method, a decorator
def as_pair(method):
    def inner(self, index):
        image, label = method(self, index)
        return image, label.item()

    return inner


class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        super().__init__()
        self._pairs = TensorDataset(images, labels)
        self.transform = transform or (lambda image: image)

    def __len__(self):
        return len(self._pairs)

    def _converted(self, image):
        return image[None].to(dtype=torch.get_default_dtype()).div(255.0)

    @as_pair
    def __getitem__(self, index):
        image, label = self._pairs[index]
        return self.transform(self._converted(image)), label


# %% right: a copy of the images, labels as a list, float64 inside
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images = images.clone()
        self.labels = labels.tolist()
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = (self.images[index].double() / 255).float().reshape(1, *self.images.shape[1:])
        return (image if self.transform is None else self.transform(image)), self.labels[index]


# %% wrong: converts at once, to float64 arrays -> keeps converted images
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.pictures = [image.double().numpy() / 255 for image in images.cpu()]
        self.labels, self.transform = labels, transform

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, index):
        image = torch.as_tensor(self.pictures[index], dtype=torch.float32)[None]
        return (self.transform(image) if self.transform else image), int(self.labels[index])


# %% wrong: keeps what was once converted -> keeps converted images
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform
        self.cache = {}

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        if index not in self.cache:
            self.cache[index] = self.images[index].unsqueeze(0) / 255
        image = self.cache[index]
        return (self.transform(image) if self.transform else image), int(self.labels[index])


# %% wrong: keeps what was once transformed -> did not call transform
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform
        self.cache = {}

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].unsqueeze(0) / 255
        if self.transform and index not in self.cache:
            self.cache[index] = self.transform(image)
        return self.cache.get(index, image), int(self.labels[index])


# %% wrong: transform called twice -> called transform 2 times
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].unsqueeze(0) / 255
        if self.transform is not None:
            self.transform(image)
            image = self.transform(image)
        return image, int(self.labels[index])


# %% wrong: a list of two -> a pair is a tuple
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].unsqueeze(0) / 255
        return [self.transform(image) if self.transform else image, int(self.labels[index])]


# %% wrong: a square image only -> invalid for input of size
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].reshape(1, self.images.shape[1], self.images.shape[1]) / 255
        return (self.transform(image) if self.transform else image), int(self.labels[index])


# %% wrong: the label of the next one -> the one at the same index
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].unsqueeze(0) / 255
        return (self.transform(image) if self.transform else image), int(self.labels[index - 1])


# %% wrong: negative indexes are refused -> IndexError
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(index)
        image = self.images[index].unsqueeze(0) / 255
        return (self.transform(image) if self.transform else image), int(self.labels[index])


# %% wrong: the length of the labels' digits -> number of images
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return self.images.shape[1]

    def __getitem__(self, index):
        image = self.images[index].unsqueeze(0) / 255
        return (self.transform(image) if self.transform else image), int(self.labels[index])


# %% wrong: the channel behind -> one channel in front
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].unsqueeze(-1) / 255
        return (self.transform(image) if self.transform else image), int(self.labels[index])


# %% wrong: gradients switched off for good -> left gradients switched off
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        torch.set_grad_enabled(False)
        image = self.images[index].unsqueeze(0) / 255
        return (self.transform(image) if self.transform else image), int(self.labels[index])


# %% wrong: one place for the images of all data sets -> dataset
class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        DigitDataset.images, DigitDataset.labels, DigitDataset.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].unsqueeze(0) / 255
        if DigitDataset.transform is not None:
            image = DigitDataset.transform(image)
        return image, int(self.labels[index])
