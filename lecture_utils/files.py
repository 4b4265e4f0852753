"""Files that are replaced as a whole, so that no reader sees half of one."""

import contextlib
import errno
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give out a new empty file beside ``path``, which replaces ``path`` when the block ends without an error.

    A missing folder is made. ``FileExistsError`` is raised if ``path`` is no file but a folder or a device.

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
    """Replace a text file as a whole, in UTF-8; see :func:`atomic_write`."""
    with atomic_write(path) as draft:
        draft.write_text(text, encoding="utf-8")
