"""The data sets of the course: embedded ones, those of torchvision, and folders of your own pictures.

The embedded ones need no network, since they are made from the digits and the two photographs in scikit-learn.
"""

import contextlib
import errno
import functools
import os
import shutil
import tempfile
import time
import urllib.error
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import Dataset, get_worker_info

from lecture_utils.pictures import to_rgb

EMBEDDED = ("digits", "scattered_digits")
DOWNLOADED = {  # name: class in torchvision, its folder below the root, megabytes to download
    "mnist": ("MNIST", "MNIST", 12),
    "fashion_mnist": ("FashionMNIST", "FashionMNIST", 31),
    "cifar10": ("CIFAR10", "cifar-10-batches-py", 170),
}


class DataError(RuntimeError):
    """A data set cannot be loaded. The message says what to do."""

    def __init__(self, message: str):
        # A DataLoader raises a worker's error again with the stack trace in front of the message: remove that.
        super().__init__(message.rstrip().rpartition("DataError: ")[2])


class ImageDataset(Dataset):
    """Images in memory: ``data`` of shape (N, H, W) or (N, H, W, 3), uint8, and ``targets`` of shape (N,), int64."""

    def __init__(self, data: torch.Tensor, targets: torch.Tensor, classes: list[str], transform: Callable | None):
        self.data = data
        self.targets = targets
        self.classes = classes
        self.transform = transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int):
        image = Image.fromarray(self.data[index].numpy())
        return (self.transform(image) if self.transform else image), int(self.targets[index])


class SlowDisk(Dataset):
    """Another data set, as if it were read from a slow disk. Used in lecture 3, section 7.3.

    Item ``i`` is the other set's with one more value: the worker that read it (0 without workers), and the seconds
    since 1970 when it began and ended.

    Args:
        dataset: its items are tuples.
        seconds: how long each item takes in addition.

    >>> image, label, (worker, begin, end) = SlowDisk(load_dataset("digits"), seconds=0.01)[0]
    >>> label, worker, end - begin >= 0.01
    (7, 0, True)
    """

    def __init__(self, dataset: Dataset, seconds: float):
        self.dataset = dataset
        self.seconds = seconds

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitem__(self, index: int):
        begin = time.time()
        time.sleep(self.seconds)
        item = self.dataset[index]
        worker = get_worker_info()
        return *item, (worker.id if worker else 0, begin, time.time())


def load_text() -> str:
    """Return about 113,000 letters of English: the prose of the six lectures as of release 0.1.0. Taught in lecture 5.

    Code, formulas, tables and Japanese are left out, and it is not kept up with the lectures.

    >>> len(load_text()), load_text()[:3]
    (113037, 'All')
    """
    return Path(__file__).with_name("course_text.txt").read_text(encoding="utf-8")


def load_dataset(name: str | os.PathLike, *, train: bool = True, transform: Callable | None = None) -> Dataset:
    """Load a data set whose items are (image, class number), as in torchvision. Taught in lecture 3, section 6.6.

    Args:
        name: ``"digits"`` (1,797 grey pictures of 8 x 8 pixels) or ``"scattered_digits"`` (12,000 colour pictures of
            32 x 32); ``"mnist"``, ``"fashion_mnist"`` or ``"cifar10"``, which is downloaded into :func:`data_folder`
            the first time; or a folder with ``train/CLASS/*`` and ``test/CLASS/*``.
        train: whether to load the training part or the test part. They share no image.
        transform: called with each Pillow image; default: none.

    Raises:
        DataError: the name is unknown, or there is no network, no room, a broken file or an unusable folder. Files
            that were on the disk before are not changed.

    >>> image, label = load_dataset("digits")[0]
    >>> image.size
    (8, 8)
    """
    key = str(name).lower().replace("-", "_")
    if key in EMBEDDED:
        data, targets = (_digits if key == "digits" else _scattered_digits)(train)
        return ImageDataset(data, targets, [str(k) for k in range(10)], transform)
    if key in DOWNLOADED:
        return _torchvision_dataset(key, train, transform)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _folder_dataset(folder, train, transform)
    known = ", ".join([*EMBEDDED, *DOWNLOADED])
    raise DataError(
        f"there is no data set and no folder {str(name)!r}: choose {known}, or a folder with train/CLASS/* inside"
    )


def data_folder() -> Path:
    """Return the folder for downloads: that of the environment variable ``LECTURE_DATA``, or one in the user's cache.

    Raises:
        DataError: the variable is not set, and the user has no home folder.

    >>> data_folder()  # doctest: +SKIP
    PosixPath('/data')
    """
    chosen = os.environ.get("LECTURE_DATA")
    return Path(chosen).expanduser() if chosen else _cache_folder()


def _cache_folder() -> Path:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lecture_utils"
    except RuntimeError as error:  # an account without a name, and no HOME
        raise DataError("there is no home folder for data sets: set HOME, or LECTURE_DATA to a folder") from error


@functools.cache
def _digits(train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the digits of scikit-learn as uint8 (N, 8, 8), and their labels; three quarters are for training."""
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
    """Blend digits, scaled, turned and moved, with crops of photographs: uint8 (N, 32, 32, 3), and their labels.

    As in MNIST-M (Ganin et al. 2015, "Unsupervised Domain Adaptation by Backpropagation"), a pixel is
    |photograph - digit|. Training pictures use the training digits and the upper halves of the photographs.
    """
    from sklearn.datasets import load_sample_images

    count = 10_000 if train else 2_000
    generator = torch.Generator().manual_seed(0 if train else 1)

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    digits, labels = _digits(train)
    chosen = torch.randint(len(digits), (count,), generator=generator)
    # affine_grid maps positions in the output (-1 to 1) to positions in the input, so theta is the inverse map.
    angle, size = uniform(-0.35, 0.35), uniform(14, 26)
    scale = 32 / size
    cos, sin = scale * angle.cos(), scale * angle.sin()
    room = 1 - size / 32
    dx, dy = uniform(-1, 1) * room, uniform(-1, 1) * room
    theta = torch.stack([cos, -sin, -(cos * dx - sin * dy), sin, cos, -(sin * dx + cos * dy)], dim=1)
    grid = F.affine_grid(theta.reshape(count, 2, 3), [count, 1, 32, 32], align_corners=False)
    ink = F.grid_sample(digits[chosen, None].float() / 255, grid, align_corners=False)

    photographs = torch.from_numpy(np.stack(load_sample_images().images))  # (2, 427, 640, 3), uint8
    half = photographs.shape[1] // 2
    photographs = photographs[:, :half] if train else photographs[:, half:]
    which = torch.randint(len(photographs), (count,), generator=generator)
    top = torch.randint(photographs.shape[1] - 31, (count,), generator=generator)
    left = torch.randint(photographs.shape[2] - 31, (count,), generator=generator)
    rows, columns = top[:, None] + torch.arange(32), left[:, None] + torch.arange(32)
    background = photographs[which[:, None, None], rows[:, :, None], columns[:, None, :]].float() / 255
    images = (background - ink.permute(0, 2, 3, 1)).abs()
    return (images * 255).round().to(torch.uint8), labels[chosen]


def _torchvision_dataset(key: str, train: bool, transform: Callable | None) -> Dataset:
    """Load a data set of torchvision from the data folder or the cache; download it if it is in neither."""
    import torchvision

    class_name, folder, megabytes = DOWNLOADED[key]
    dataset_class = getattr(torchvision.datasets, class_name)
    roots = [data_folder()]
    with contextlib.suppress(DataError):  # there is no home folder
        roots = list(dict.fromkeys([*roots, _cache_folder()]))
    for root in roots:
        try:
            # This writes nothing, and raises an error if files are missing or have another checksum.
            return dataset_class(root, train=train, transform=transform, download=False)
        except (RuntimeError, OSError, ValueError, EOFError, AssertionError) as error:
            if not (isinstance(error, RuntimeError) and "not found" in str(error)):
                message = f"{key} in {root / folder} is damaged ({error}): delete that folder and load it again"
                raise DataError(message) from error
    target = next((root for root in roots if _writable(root)), None)
    if target is None:
        raise DataError(f"cannot write to {roots[-1]}: name a folder of yours in the environment variable LECTURE_DATA")
    # The archives that torchvision would download may be there already, copied by hand or left by another run.
    pattern = "cifar-10-python.tar.gz" if key == "cifar10" else f"{folder}/raw/*.gz"
    archives = {path.relative_to(root): path for root in roots for path in root.glob(pattern)}
    _fetch(dataset_class, key, target, folder, archives, megabytes)
    return dataset_class(target, train=train, transform=transform, download=False)


def _writable(root: Path) -> bool:
    with contextlib.suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            return True
    return False


def _fetch(dataset_class, key: str, root: Path, folder: str, archives: dict[Path, Path], megabytes: int) -> None:
    """Let torchvision download, check and unpack in a temporary folder, then move the data to ``root / folder``."""
    with tempfile.TemporaryDirectory(dir=root, prefix=f".{key}-") as scratch_name:
        scratch = Path(scratch_name)
        try:
            for place, archive in archives.items():
                (scratch / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(archive, scratch / place)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dataset_class(scratch, train=True, download=True)
        except (OSError, RuntimeError, EOFError) as error:
            raise _fetch_error(error, key, root, megabytes) from error
        final = root / folder
        if final.exists():  # it is incomplete or damaged, and replaced only by a complete one
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
            f"the download of {key} is damaged (wrong checksum): try again; behind a proxy, check that it passes the "
            f"file on unchanged. Nothing was left in {root}"
        )
    reason = error.reason if isinstance(error, urllib.error.URLError) else str(error).strip().splitlines()[-1]
    return DataError(
        f"cannot download {key} ({reason}): check the network (behind a proxy, set HTTPS_PROXY), or copy the data set "
        f"into {root} from another machine, or use the profile 'quick', which needs no network"
    )


def _folder_dataset(folder: Path, train: bool, transform: Callable | None) -> Dataset:
    """Load one part of a folder of pictures. Both parts must have the same classes, at least two."""
    from lecture_utils.picture_folder import IMG_EXTENSIONS, PictureFolder, class_names

    part = folder / ("train" if train else "test")
    if not part.is_dir():
        raise DataError(f"{folder} holds no folder {part.name!r}: put the pictures of each class into {part}/CLASS/")
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


def _read_picture(path: str) -> Image.Image:
    try:
        with Image.open(path) as file:
            return to_rgb(file)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"the picture {path} cannot be read ({error}): delete it, or save it again") from error
