"""Real data for the profile ``full``, where the environment variable ``LECTURE_DATA`` names a folder of it.

What is found there is only read: archives are copied, pictures used in place or unpacked elsewhere.
"""

import os
import shutil
import tarfile
from pathlib import Path


def _source() -> Path | None:
    name = os.environ.get("LECTURE_DATA")
    return Path(name).expanduser().resolve() if name else None


def copy_archives(folder: str, root: Path) -> bool:
    """Copy torchvision's archives, such as those of ``FashionMNIST``, to where it looks below ``root``."""
    source = _source()
    archives = sorted((source / folder / "raw").glob("*.gz")) if source else []
    for archive in archives:
        target = root / folder / "raw" / archive.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(archive, target)
    return bool(archives)


def picture_folder(scratch: Path) -> Path | None:
    """A folder with ``train/CLASS/*`` and ``test/CLASS/*`` in ``LECTURE_DATA``, or one unpacked from a .tar there."""
    source = _source()
    if source is None:
        return None
    places = [source]
    for archive in sorted(source.glob("*.tar")):
        places.append(scratch / archive.stem)
        with tarfile.open(archive) as tar:
            tar.extractall(places[-1], filter="data")
    for place in places:
        for train in sorted([*place.glob("train"), *place.glob("*/train")]):
            if (train.parent / "test").is_dir():
                return train.parent
    return None
