# %% right: PILToTensor, written out twice
def make_transforms(mean, std):
    train = v2.Compose([
        v2.PILToTensor(),
        v2.ConvertImageDtype(torch.float32),
        v2.Normalize(mean, std),
        v2.RandomHorizontalFlip(p=0.5),
        v2.RandomErasing(p=0.5),
    ])
    test = v2.Compose([v2.PILToTensor(), v2.ConvertImageDtype(torch.float32), v2.Normalize(mean, std)])
    return train, test


# %% right: transforms of the first version
from torchvision import transforms


def make_transforms(mean, std):
    test = transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean, std)])
    train = transforms.Compose([transforms.RandomHorizontalFlip(), test, transforms.RandomErasing()])
    return train, test


# %% right: plain functions
import numpy as np


def make_transforms(mean, std):
    mean, std = torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)
    erase = v2.RandomErasing(p=0.5)

    def test(picture):
        x = torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 255
        return (x - mean) / std

    def train(picture):
        x = test(picture)
        if torch.rand(()) < 0.5:
            x = x.flip(-1)
        return erase(x)

    return train, test


# %% right: a Sequential, returned as a list
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean=mean, std=std)]
    to_tensor = v2.Compose(common)
    return [v2.Compose([to_tensor, v2.RandomApply([v2.RandomHorizontalFlip(p=1)], p=0.5), v2.RandomErasing(0.5)]), to_tensor]


# %% right: a class
class Prepare:
    def __init__(self, mean, std, augment):
        self.scale = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])
        self.augment = v2.Compose([v2.RandomErasing(p=0.5), v2.RandomHorizontalFlip()]) if augment else v2.Identity()

    def __call__(self, picture):
        return self.augment(self.scale(picture))


def make_transforms(mean, std):
    return Prepare(mean, std, True), Prepare(mean, std, False)


# %% wrong: augmentation in the test too -> Augmentation is for training only
def make_transforms(mean, std):
    both = v2.Compose([
        v2.RandomHorizontalFlip(), v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std),
        v2.RandomErasing(p=0.5),
    ])
    return both, both


# %% wrong: exchanged -> Return the one for training first
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    train = v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5)])
    return v2.Compose(common), train


# %% wrong: erased before it is standardised -> Put it after v2.Normalize
def make_transforms(mean, std):
    scale, norm = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)], v2.Normalize(mean, std)
    train = v2.Compose([v2.RandomHorizontalFlip(), *scale, v2.RandomErasing(p=0.5), norm])
    return train, v2.Compose([*scale, norm])


# %% wrong: no erasing -> at the end
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common]), v2.Compose(common)


# %% wrong: no flip -> does half of them
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([*common, v2.RandomErasing(p=0.5)]), v2.Compose(common)


# %% wrong: always erased -> Half of them should be
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=1)]), v2.Compose(common)


# %% wrong: flipped too rarely -> Half of them should be
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(p=0.1), *common, v2.RandomErasing(p=0.5)]), v2.Compose(common)


# %% wrong: upside down -> no upside down
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomVerticalFlip(), *common, v2.RandomErasing(p=0.5)]), v2.Compose(common)


# %% wrong: rotated as well -> No rotation
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    train = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomRotation(30), *common, v2.RandomErasing(p=0.5)])
    return train, v2.Compose(common)


# %% wrong: not standardised -> v2.Normalize(mean, std)
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5)]), v2.Compose(common)


# %% wrong: standardised in the test only -> belongs to both
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    train = v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5)])
    return train, v2.Compose([*common, v2.Normalize(mean, std)])


# %% wrong: scale forgotten -> scale=True
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32)]
    train = v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5)])
    return train, v2.Compose(common)


# %% wrong: scale forgotten, then standardised -> scale before you standardise
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5)]), v2.Compose(common)


# %% wrong: no tensor yet -> v2.ToImage() has to come before them
def make_transforms(mean, std):
    common = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5)]), v2.Compose(common)


# %% wrong: one of the two, never both -> drawn separately
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    one = v2.RandomChoice([v2.RandomHorizontalFlip(p=1), v2.RandomErasing(p=1)])
    return v2.Compose([*common, one]), v2.Compose(common)


# %% wrong: lists, not put together -> v2.Compose
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return [v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5)], common


# %% right: RandomApply, named arguments
def make_transforms(mean, std):
    first = v2.RandomApply([v2.RandomHorizontalFlip(p=1.0)], p=0.5)
    common = v2.Compose([v2.PILToTensor(), v2.ConvertImageDtype(torch.float32), v2.Normalize(mean=mean, std=std)])
    return v2.Compose([first, common, v2.RandomErasing(p=0.5, value=0, inplace=True)]), common


# %% right: a lambda and the functional forms
def make_transforms(mean, std):
    def standardised(picture):
        x = v2.functional.to_dtype(v2.functional.pil_to_tensor(picture), torch.float32, scale=True)
        return v2.functional.normalize(x, mean, std)

    flip, erase = v2.RandomHorizontalFlip(), v2.RandomErasing(p=0.5)
    return lambda picture: erase(standardised(flip(picture))), standardised


# %% right: flips the tensor at the end, by hand
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    erase = v2.RandomErasing()

    def train(picture):
        x = erase(v2.Compose(common)(picture))
        return x.flip(-1) if torch.rand(()) < 0.5 else x

    return train, v2.Compose(common)


# %% wrong: small rectangles only -> other sizes
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5, scale=(0.02, 0.1))]), v2.Compose(common)


# %% wrong: large rectangles only -> other sizes
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5, scale=(0.2, 0.33))]), v2.Compose(common)


# %% wrong: up to the whole picture -> as they are
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5, scale=(0.02, 0.9))]), v2.Compose(common)


# %% wrong: squares -> other shapes
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5, ratio=(1, 1))]), v2.Compose(common)


# %% wrong: upright rectangles -> other shapes
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5, ratio=(1, 3.3))]), v2.Compose(common)


# %% wrong: long rectangles -> other shapes
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5, ratio=(0.05, 20))]), v2.Compose(common)


# %% wrong: one square of a fixed place -> other
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    def erase(x):
        if torch.rand(()) < 0.5:
            x[:, 8:16, 8:16] = 0
        return x

    return v2.Compose([v2.RandomHorizontalFlip(), *common, erase]), v2.Compose(common)


# %% wrong: noise in the rectangle -> more than one rectangle of zeros
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5, value="random")]), v2.Compose(common)


# %% wrong: two rectangles -> 
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5), v2.RandomErasing(p=0.5)]), v2.Compose(common)


# %% wrong: cropped as well -> No rotation, no crop
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), v2.RandomCrop(32, padding=4), *common, v2.RandomErasing(p=0.5)]), v2.Compose(common)


# %% wrong: begins anew with each picture -> 
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    train = v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5)])

    def seeded(picture):
        torch.manual_seed(0)
        return train(picture)

    return seeded, v2.Compose(common)


# %% wrong: the same mean for all -> given
def make_transforms(mean, std):
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5)]), v2.Compose(common)


# %% wrong: grey -> The test picture
def make_transforms(mean, std):
    common = [v2.Grayscale(3), v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5)]), v2.Compose(common)


# %% wrong: gradients switched off for good -> left gradients switched off
def make_transforms(mean, std):
    torch.set_grad_enabled(False)
    common = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5)]), v2.Compose(common)


# %% wrong: to float before there is a tensor -> leaves a PIL image
def make_transforms(mean, std):
    common = [v2.ToDtype(torch.float32, scale=True), v2.ToImage(), v2.Normalize(mean, std)]
    return v2.Compose([v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5)]), v2.Compose(common)


# %% wrong: Compose without a list -> v2.Compose takes one list
def make_transforms(mean, std):
    common = v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)
    return v2.Compose(v2.RandomHorizontalFlip(), *common, v2.RandomErasing(p=0.5)), v2.Compose(*common)
