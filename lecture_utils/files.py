"""Write files so that a reader sees the old or the new content, but never a part of it."""

import contextlib
import errno
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Make a temporary file, which replaces ``path`` when the block ends without an error.

    The folder is made if it does not exist.

    Raises:
        FileExistsError: ``path`` is a folder or a device.

    >>> with atomic_write(Path("results.json")) as draft:  # doctest: +SKIP
    ...     draft.write_text("{}")
    """
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "not a file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    draft.touch(exist_ok=False)
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 with :func:`atomic_write`."""
    with atomic_write(path) as draft:
        draft.write_text(text, encoding="utf-8")
