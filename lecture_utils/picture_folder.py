"""A folder of pictures as a data set. ``data`` imports this only when it needs it: torchvision is slow."""

from collections.abc import Callable
from pathlib import Path

from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import IMG_EXTENSIONS, has_file_allowed_extension


def class_names(folder: Path) -> list[str]:
    """Return the sorted names of the folders in ``folder``, without those that begin with a dot."""
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


class PictureFolder(ImageFolder):
    """torchvision's ``ImageFolder`` without the files and folders whose names begin with a dot.

    Jupyter makes folders ``.ipynb_checkpoints``; macOS makes files ``.DS_Store`` and ``._NAME``.
    """

    def __init__(self, root: Path, transform: Callable | None, loader: Callable):
        def is_picture(path: str) -> bool:
            inside = Path(path).relative_to(root).parts
            return has_file_allowed_extension(path, IMG_EXTENSIONS) and not any(name.startswith(".") for name in inside)

        super().__init__(root, transform=transform, loader=loader, is_valid_file=is_picture)

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        """Number the classes; torchvision calls this and documents it as the method to override."""
        names = class_names(Path(directory))
        if not names:
            raise FileNotFoundError(f"there is no folder of a class in {directory}")
        return names, {name: number for number, name in enumerate(names)}
