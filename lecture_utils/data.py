"""The course's data sets behind one call: embedded ones, torchvision's, and a folder of one's own.

``digits`` and ``scattered_digits`` need no network: they are made of the handwritten digits and
the two photographs that scikit-learn ships. The others are torchvision's, fetched once.
"""

import contextlib
import errno
import functools
import os
import shutil
import tempfile
import urllib.error
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.data import Dataset

EMBEDDED = ("digits", "scattered_digits")
DOWNLOADED = {  # name: torchvision's class, folder under the root, megabytes to download
    "mnist": ("MNIST", "MNIST", 12),
    "fashion_mnist": ("FashionMNIST", "FashionMNIST", 31),
    "cifar10": ("CIFAR10", "cifar-10-batches-py", 170),
}


class DataError(RuntimeError):
    """A data set cannot be had; the message says what to do.

    A DataLoader passes on what its worker raised as a text with the worker's stack trace: of that
    text only the message is kept.
    """

    def __init__(self, message: str):
        super().__init__(message.rstrip().rpartition("DataError: ")[2])


class ImageDataset(Dataset):
    """Images held in memory, given out one by one as torchvision's data sets do.

    Attributes:
        data: ``uint8`` tensor of shape (N, H, W) or (N, H, W, 3).
        targets: ``int64`` tensor of shape (N,).
        classes: the names of the classes.
    """

    def __init__(self, data: torch.Tensor, targets: torch.Tensor, classes: list[str], transform: Callable | None):
        self.data, self.targets, self.classes, self.transform = data, targets, classes, transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int):
        from PIL import Image

        image = Image.fromarray(self.data[index].numpy())
        return (self.transform(image) if self.transform else image), int(self.targets[index])


def load_dataset(
    name: str | os.PathLike, *, train: bool = True, transform: Callable | None = None, download: bool = True
) -> Dataset:
    """A data set whose items are (image, class number), as in torchvision.

    Args:
        name: ``"digits"`` (1,797 grey pictures 8 x 8), ``"scattered_digits"`` (10,000 colour
            pictures 32 x 32 to train on, 2,000 to test), ``"mnist"``, ``"fashion_mnist"``,
            ``"cifar10"``, or a folder holding ``train/CLASS/*`` and ``test/CLASS/*``.
        train: the training part or the test part; they share no image.
        transform: called with each PIL image; default: the PIL image itself.
        download: fetch what is missing.

    torchvision's data sets are looked for in the folder that the environment variable
    ``LECTURE_DATA`` names, and else in a cache (:func:`data_folder`).

    Raises:
        DataError: unknown name, no network, no room, a broken file or an unusable folder; the
            message says what to do. What was on the disk before is left as it was.
    """
    key = str(name).lower().replace("-", "_")
    if key in EMBEDDED:
        data, targets = (_digits if key == "digits" else _scattered_digits)(train)
        return ImageDataset(data, targets, [str(k) for k in range(10)], transform)
    if key in DOWNLOADED:
        return _torchvision_dataset(key, train, transform, download)
    if Path(name).expanduser().is_dir():
        return _folder_dataset(Path(name).expanduser(), train, transform)
    known = ", ".join([*EMBEDDED, *DOWNLOADED])
    raise DataError(
        f"there is no data set and no folder {str(name)!r}: choose {known}, or a folder with train/CLASS/* inside"
    )


def data_folder() -> Path:
    """Where downloads go: ``LECTURE_DATA`` if it is set, else ``lecture_utils`` in the user's cache."""
    if chosen := os.environ.get("LECTURE_DATA"):
        return Path(chosen).expanduser()
    return _cache_folder()


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lecture_utils"


# --- embedded ------------------------------------------------------------------------------------


@functools.cache
def _digits(train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """scikit-learn's digits as uint8 (N, 8, 8), three quarters of each class to train on."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    images = (torch.from_numpy(images).reshape(-1, 8, 8) * (255 / 16)).round().to(torch.uint8)
    labels = torch.from_numpy(labels).long()
    parts = train_test_split(torch.arange(len(labels)), test_size=0.25, stratify=labels, random_state=0)
    chosen = parts[0 if train else 1]
    return images[chosen], labels[chosen]


@functools.cache
def _scattered_digits(train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Digits enlarged, turned, moved and blended over crops of photographs: uint8 (N, 32, 32, 3).

    In the manner of MNIST-M (Ganin et al. 2015, "Unsupervised Domain Adaptation by
    Backpropagation"): each pixel is |photograph - digit|. Training pictures use the training
    digits and the upper halves of the photographs, test pictures the others.
    """
    import numpy as np
    import torch.nn.functional as F
    from sklearn.datasets import load_sample_images

    count = 10_000 if train else 2_000
    generator = torch.Generator().manual_seed(0 if train else 1)

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    digits, labels = _digits(train)
    chosen = torch.randint(len(digits), (count,), generator=generator)
    # affine_grid maps output positions (-1..1) to input positions, so it takes the inverse map.
    angle, size = uniform(-0.35, 0.35), uniform(14, 26)
    scale = 32 / size
    cos, sin = scale * angle.cos(), scale * angle.sin()
    room = 1 - size / 32
    dx, dy = uniform(-1, 1) * room, uniform(-1, 1) * room
    theta = torch.stack(
        [torch.stack([cos, -sin, -(cos * dx - sin * dy)], 1), torch.stack([sin, cos, -(sin * dx + cos * dy)], 1)], 1
    )
    grid = F.affine_grid(theta, [count, 1, 32, 32], align_corners=False)
    ink = F.grid_sample(digits[chosen, None].float() / 255, grid, align_corners=False)

    halves = []
    for photograph in load_sample_images().images:
        half = photograph.shape[0] // 2
        halves.append(np.ascontiguousarray(photograph[:half] if train else photograph[half:]))
    photographs = torch.from_numpy(np.stack(halves))  # (2, 213, 640, 3), uint8
    which = torch.randint(len(photographs), (count,), generator=generator)
    top = torch.randint(photographs.shape[1] - 31, (count,), generator=generator)
    left = torch.randint(photographs.shape[2] - 31, (count,), generator=generator)
    rows, columns = top[:, None] + torch.arange(32), left[:, None] + torch.arange(32)
    background = photographs[which[:, None, None], rows[:, :, None], columns[:, None, :]].float() / 255
    images = (background - ink.permute(0, 2, 3, 1)).abs()
    return (images * 255).round().to(torch.uint8), labels[chosen]


# --- downloaded ----------------------------------------------------------------------------------


def _torchvision_dataset(key: str, train: bool, transform: Callable | None, download: bool) -> Dataset:
    import torchvision

    class_name, folder, megabytes = DOWNLOADED[key]
    dataset_class = getattr(torchvision.datasets, class_name)
    roots = list(dict.fromkeys([data_folder(), _cache_folder()]))
    for root in roots:
        try:
            # files that lack or have another checksum raise here; nothing is written
            return dataset_class(root, train=train, transform=transform, download=False)
        except RuntimeError as error:
            if "not found" not in str(error):
                raise _damaged(key, root / folder, error) from error
        except (OSError, ValueError, EOFError, AssertionError) as error:
            raise _damaged(key, root / folder, error) from error
    ours = next((r for r in roots if _writable(r)), None)
    if ours is None:
        raise DataError(f"cannot write to {roots[-1]}: name a folder of yours in the environment variable LECTURE_DATA")
    archives = [p for r in roots for p in _archives(r, folder)]
    if not download and not archives:
        raise DataError(f"{key} is not in {roots[0]}: allow its download (about {megabytes} MB), or copy it there")
    _fetch(dataset_class, key, ours, folder, archives, megabytes)
    return dataset_class(ours, train=train, transform=transform, download=False)


def _damaged(key: str, folder: Path, error: BaseException) -> DataError:
    return DataError(f"{key} in {folder} is damaged ({error}): delete that folder and load it again")


def _writable(root: Path) -> bool:
    with contextlib.suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            return True
    return False


def _archives(root: Path, folder: str) -> list[Path]:
    """Archives as torchvision downloads them, copied there by hand or left from another run."""
    return sorted(root.glob("cifar-10-python.tar.gz") if "cifar" in folder else (root / folder / "raw").glob("*.gz"))


def _fetch(dataset_class, key: str, root: Path, folder: str, archives: list[Path], megabytes: int) -> None:
    """Download, check and unpack in a folder beside the final one, then move it there whole.

    torchvision shows the progress and compares each archive with its MD5 sum.
    """
    with tempfile.TemporaryDirectory(dir=root, prefix=f".{key}-") as scratch_name:
        scratch = Path(scratch_name)
        try:
            for archive in archives:
                # as torchvision looks for it: MNIST/raw/*.gz, or the archive itself
                target = scratch / archive.relative_to(archive.parents[2 if archive.parent.name == "raw" else 0])
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(archive, target)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dataset_class(scratch, train=True, download=True)
        except (OSError, RuntimeError, EOFError) as error:
            raise _fetch_error(error, key, root, megabytes) from error
        final = root / folder
        if final.exists():  # archives without their contents: what is there stays until the new is whole
            shutil.move(final, scratch / "before")
        (scratch / folder).replace(final)


def _fetch_error(error: BaseException, key: str, root: Path, megabytes: int) -> DataError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DataError(
            f"no room for {key} in {root}: it takes about {megabytes * 6} MB while it is unpacked; make room, or name "
            "another folder in the environment variable LECTURE_DATA"
        )
    if "corrupted" in str(error) or isinstance(error, EOFError):
        return DataError(
            f"{key} came broken (wrong checksum): try again; behind a proxy, check that it passes the file on "
            f"unchanged. Nothing was left in {root}"
        )
    reason = error.reason if isinstance(error, urllib.error.URLError) else str(error).strip().splitlines()[-1]
    return DataError(
        f"cannot download {key} ({reason}): check the network (behind a proxy, set HTTPS_PROXY), or copy the data set "
        f"into {root} from another machine, or use the profile 'quick', which needs no network"
    )


# --- a folder of one's own -----------------------------------------------------------------------


def _folder_dataset(folder: Path, train: bool, transform: Callable | None) -> Dataset:
    from lecture_utils.picture_folder import IMG_EXTENSIONS, PictureFolder, class_names

    part = folder / ("train" if train else "test")
    if not part.is_dir():
        raise DataError(f"{folder} holds no folder {part.name!r}: put pictures into {part}/CLASS/ for each class")
    try:
        dataset = PictureFolder(part, transform, _read_picture)
    except FileNotFoundError as error:
        reason = str(error).rstrip(" .")
        raise DataError(f"{part} cannot be used: {reason}; a picture ends in {', '.join(IMG_EXTENSIONS)}") from error
    if len(dataset.classes) < 2:
        raise DataError(f"{part} holds the class {dataset.classes[0]!r} only: a classifier needs two folders or more")
    other = folder / ("test" if train else "train")
    if other.is_dir() and (only := set(class_names(other)) ^ set(dataset.classes)):
        raise DataError(
            f"the classes of {folder}/train and {folder}/test differ ({', '.join(sorted(only))}): "
            "give both the same folders"
        )
    return dataset


def _read_picture(path: str):
    """Read a picture file as an upright RGB image.

    Raises:
        DataError: the file cannot be read.
    """
    from PIL import Image

    from lecture_utils.pictures import to_rgb

    try:
        with Image.open(path) as file:
            return to_rgb(file)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"the picture {path} cannot be read ({error}): delete it, or save it again") from error
