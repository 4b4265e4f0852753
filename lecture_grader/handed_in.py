"""The files that were handed in: list a folder or a zip, and copy each file that is wanted.

Names, folders and archives are not trusted, and a student may change a folder while it is read. So each file is opened
once, without following links or waiting for pipes, and copied into a folder of our own; only the copy is read again.
Nothing is unpacked under a name from an archive.
"""

import contextlib
import errno
import io
import itertools
import lzma
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from lecture_grader.grade_one import MAX_FILE
from lecture_grader.sandbox import MB
from lecture_grader.text import one_line

MAX_ENTRIES = 200_000  # files in an archive
MAX_UNPACKED = 20_000 * MB  # bytes of all its notebooks
MAX_OF_STUDENT = 20_000  # files of one student that are listed
MAX_READ = 1_000 * MB  # bytes of one student's notebooks that are read to find the right one
MAX_DEPTH = 30  # of folders in a student's folder
MAX_DIRECTORY = 4 * MB  # bytes of the table of contents of a student's zip
_TOO_LARGE = f"the file is larger than {MAX_FILE // MB} MB"
LINK = "it is a link, not a file"
_NO_FILE = "it is not a file"
_NO_FOLDER = "its folder is a link, or not a folder"
# Made by macOS and Jupyter, never by a person, so they are neither graded nor listed as left out.
JUNK = {".DS_Store", ".ipynb_checkpoints", "__MACOSX"}
# Browsers save a notebook as `work.ipynb.json` or `work.ipynb.txt`, and number a second one: `work.ipynb (1).txt`.
# Google Drive writes behind the suffix that a file is a copy, in the languages in which that comes last.
_COPY = "のコピー|的副本|의 ?사본|kopyası|másolata"
_COPY += f"|{unicodedata.normalize('NFD', _COPY)}"
_NOTEBOOK = re.compile(
    rf"\.ipynb(?:[ _-]?\(?\d{{0,3}}\)?\.(?:ipynb|json|txt))*(?:[\"”」]?\s*(?:{_COPY}))?\s*$", re.IGNORECASE
)
# Decoded as Japanese, a name such as Müller in a European code page has kanji beside Latin letters.
_KANJI = "\u3000-\u30ff\u4e00-\u9fff\uf900-\ufaff\uff01-\uff9f"
_NOT_JAPANESE = re.compile(rf"[^\0-\x7f{_KANJI}]|[A-Za-z][{_KANJI}]|[{_KANJI}][A-Za-z]")
# This module is imported on Windows, too, which has none of these flags; nothing is graded there.
_SAFE_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
FOLDER = getattr(os, "O_DIRECTORY", 0)
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError)
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


class Refused(Exception):
    """A file is not read; the message tells the student why."""


@dataclass(frozen=True)
class Entry:
    """A file as handed in, or an empty folder.

    Attributes:
        parts: of its path; the last one is empty for a folder.
        read: opens the file, to be called once; None where it cannot be read.
        problem: why it cannot be read, or empty.
        group: the folder around those of several students, as Moodle makes one for a group, or empty.
        archive: the name of the student's zip that holds the file, or empty.
    """

    parts: tuple[str, ...]
    read: Callable[[], IO[bytes]] | None = None
    problem: str = ""
    group: str = ""
    archive: str = ""

    @property
    def label(self) -> str:
        return f"{self.group}/{self.parts[0]}" if self.group else self.parts[0]

    @property
    def is_notebook(self) -> bool:
        return bool(notebook_suffix(self.parts[-1]))

    @property
    def is_zip(self) -> bool:
        return self.parts[-1].lower().endswith(".zip")


def clean_name(name: str) -> str:
    """A name as text that can be shown, whatever bytes and control characters it has, in the normal form NFC.

    Of the invisible characters only joiners are kept: some scripts and emoji are written with them.
    """
    text = one_line(unicodedata.normalize("NFC", name), 1000)
    return "".join(c for c in text if unicodedata.category(c) != "Cf" or c in "\u200c\u200d").strip() or "_"


def notebook_suffix(file: str) -> str:
    """The suffix by which a file is a notebook, with what a browser added to it; empty for other files."""
    match = _NOTEBOOK.search(file[-100:])
    return match[0] if match else ""


def is_hidden(part: str) -> bool:
    return part.startswith(".") or part in JUNK


class Copies:
    """Copies of what was handed in, under numbers in a folder of our own, where no student can change them.

    Args:
        folder: of the copies.
        archive: the zip of the whole class, if there is one: it may not unpack to more than :data:`MAX_UNPACKED`.
    """

    def __init__(self, folder: Path, archive: Path | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._archive = folder, archive
        self._numbers = itertools.count()
        self.size = 0  # bytes that were copied, also of what is not kept

    def take(self, entry: Entry, limit: int) -> tuple[Path, str]:
        """Copy a file, unless ``limit`` bytes have been copied already.

        Returns:
            The path of the copy, and why there is none, or an empty text.

        Raises:
            ValueError: the class's zip unpacks to more than :data:`MAX_UNPACKED`.
            OSError: there is no room for the copy.
        """
        target = next(path for n in self._numbers if not os.path.lexists(path := self._folder / str(n)))
        if entry.problem or not entry.read:
            return target, entry.problem or _NO_FILE
        if self.size >= limit:
            return target, f"the student's files are larger than {MAX_READ // MB} MB in all"
        try:
            with entry.read() as source:
                size = _copy(source, target)
        except Refused as error:
            return target, str(error)
        except DAMAGED as error:
            target.unlink(missing_ok=True)
            if not entry.archive:  # the zip of the whole class is damaged
                raise
            return target, f"{entry.archive} cannot be unpacked ({error})"
        except OSError as error:
            target.unlink(missing_ok=True)
            if error.errno in _NO_ROOM:
                raise
            return target, f"it cannot be read: {error.strerror or error}"
        self.size += size
        if self._archive and self.size > MAX_UNPACKED:
            most = f"more than {MAX_UNPACKED // MB // 1000} GB of notebooks"
            raise ValueError(f"{self._archive} unpacks to {most}: unpack it yourself, and name the folder")
        if size > MAX_FILE:
            target.unlink()
            return target, _TOO_LARGE
        return target, ""


def _copy(source: IO[bytes], target: Path) -> int:
    """Copy a file up to a block more than :data:`MAX_FILE`; return the bytes written, since a stated size may lie."""
    size = 0
    with target.open("xb") as file:
        while size <= MAX_FILE and (block := source.read(MB)):
            file.write(block)
            size += len(block)
    return size


def _open_below(top: int, parts: tuple[str, ...], flags: int = 0) -> int:
    """Open what lies below the open folder ``top``: an error if a link leads there, and without waiting for a pipe."""
    here = os.dup(top)
    for number, part in enumerate(parts, 1):
        try:
            inner = os.open(part, _SAFE_FLAGS | (flags if number == len(parts) else FOLDER), dir_fd=here)
        finally:
            os.close(here)
        here = inner
    return here


def open_file(top: int, parts: tuple[str, ...]) -> IO[bytes]:
    """Open a regular file below an open folder. It may have been replaced since the folder was listed.

    Raises:
        Refused: it is a link or no file, too large, or cannot be read.
    """
    try:
        number = _open_below(top, parts)
    except OSError as error:
        raise Refused(_why_not_opened(error)) from None
    known = os.fstat(number)
    if stat.S_ISREG(known.st_mode) and known.st_size <= MAX_FILE:
        return os.fdopen(number, "rb")
    os.close(number)
    raise Refused(_TOO_LARGE if stat.S_ISREG(known.st_mode) else _NO_FILE)


def _why_not_opened(error: OSError) -> str:
    known = {errno.ELOOP: LINK, errno.EMLINK: LINK, errno.ENOTDIR: _NO_FOLDER, errno.ENXIO: _NO_FILE}
    return known.get(error.errno or 0, f"it cannot be read: {error.strerror}")


# --- listing the files ---------------------------------------------------------------------------


def list_folder(top: int, out: Path | None) -> Iterator[Entry]:
    """The entries of the open folder ``top`` and of those in it, without those of the folder of results ``out``."""
    out_stat = out.stat() if out and out.exists() else None
    entries = _names_in(top, (), None, MAX_ENTRIES + 1) or []
    if len(entries) > MAX_ENTRIES:
        raise ValueError(f"the folder holds more than {MAX_ENTRIES} entries: give a part of it")
    folders = [name for name, kind in entries if kind == "folder" and not is_hidden(name)]
    alone = len(folders) == 1 and not any(_entry(top, (name,), kind).is_notebook for name, kind in entries)
    for name, kind in entries:
        if name not in folders:
            yield _entry(top, (name,), kind)
        elif alone:
            yield from _list_outer(top, name, out_stat)
        else:
            yield from list_student(top, (name,), out_stat)


def _list_outer(top: int, first: str, out_stat: os.stat_result | None) -> Iterator[Entry]:
    """The files of a folder without others beside it: it may hold the class, so the limit is that of each in it."""
    try:
        inside = _names_in(top, (first,), out_stat, MAX_OF_STUDENT + 1)
    except OSError:
        inside = None
    if not inside or len(inside) > MAX_OF_STUDENT:
        yield from list_student(top, (first,), out_stat)
        return
    for name, kind in inside:
        if kind == "folder" and not is_hidden(name):
            yield from list_student(top, (first, name), out_stat)
        else:
            yield _entry(top, (first, name), kind)


def list_student(top: int, first: tuple[str, ...], out_stat: os.stat_result | None) -> Iterator[Entry]:
    """The files of the student's folder ``first`` below ``top``, level by level, up to :data:`MAX_OF_STUDENT`."""
    waiting, room = deque([first]), MAX_OF_STUDENT
    while waiting and room > 0:
        parts = waiting.popleft()
        try:
            inside = _names_in(top, parts, out_stat, room)
        except OSError as error:
            yield Entry((*parts, ""), problem=_why_not_opened(error))
            continue
        if inside is None:  # the folder of results: this entry tells that the folder around it is no student's
            if len(parts) > 1:
                yield Entry((*parts, "results.jsonl"))
            continue
        room -= len(inside)
        if not inside:
            yield Entry((*parts, ""))
        for name, kind in inside:
            if kind == "folder" and len(parts) < MAX_DEPTH and not is_hidden(name):
                waiting.append((*parts, name))
            else:
                yield _entry(top, (*parts, name), kind)
    if waiting:
        yield Entry((*first, ""), problem=f"the folder holds more than {MAX_OF_STUDENT} files")


def _names_in(
    top: int, parts: tuple[str, ...], out_stat: os.stat_result | None, most: int
) -> list[tuple[str, str]] | None:
    """The names in a folder, and what each is; None if this is the folder that ``out_stat`` describes."""
    folder = _open_below(top, parts, FOLDER)
    try:
        if out_stat and os.path.samestat(os.fstat(folder), out_stat):
            return None
        with os.scandir(folder) as found:
            return sorted((one.name, _kind(one)) for one in itertools.islice(found, most))
    finally:
        os.close(folder)


def _kind(one: os.DirEntry) -> str:
    if one.is_symlink():
        return "link"
    if one.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if one.is_file(follow_symlinks=False) else "other"


def _entry(top: int, parts: tuple[str, ...], kind: str) -> Entry:
    if kind == "file":
        return Entry(parts, partial(open_file, top, parts))
    if kind == "folder":
        return Entry((*parts, ""))
    return Entry(parts, problem=LINK if kind == "link" else _NO_FILE)


def list_zip(file: zipfile.ZipFile, archive: str, doubts: list[str] | None = None) -> Iterator[Entry]:
    """The entries of a zip, which the messages call ``archive``.

    Args:
        file: the zip.
        archive: what it is called.
        doubts: gets a sentence if the zip does not say in which code page its names are.

    Raises:
        ValueError: it has too many entries, is encrypted, or has a path that leads out of it.
    """
    infos = file.infolist()
    if len(infos) > MAX_ENTRIES:
        raise ValueError(f"{archive} holds {len(infos)} files: more than {MAX_ENTRIES} are not unpacked")
    names = _decoded_names(infos, [] if doubts is None else doubts)
    for info, name in zip(infos, names, strict=True):
        name = name.replace("\\", "/")
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if ".." in parts or name.startswith("/") or re.match(r"[A-Za-z]:", name):
            raise ValueError(f"{archive} holds {clean_name(name)!r}, a path to outside of it: do not trust it")
        if info.flag_bits & 1:
            raise ValueError(f"{archive} is encrypted: unpack it with its password, and name the folder")
        if not parts:
            continue
        if info.is_dir():
            yield Entry((*parts, ""))
        elif stat.S_ISLNK(info.external_attr >> 16):
            yield Entry(parts, problem=LINK)
        else:
            yield Entry(parts, partial(file.open, info))


def _decoded_names(infos: list[zipfile.ZipInfo], doubts: list[str]) -> list[str]:
    """The names of the entries. Many programs write UTF-8 without the flag for it, and zipfile decodes it as code page
    437. Windows writes the code page of its language: of these, the Japanese one is recognised, if all names fit it.
    """
    names, japanese = [], dict[int, str]()
    legacy = []
    for at, info in enumerate(infos):
        names.append(info.orig_filename)
        if not info.flag_bits & 0x800 and not info.orig_filename.isascii():
            content = info.orig_filename.encode("cp437")
            with contextlib.suppress(UnicodeError):
                names[at] = content.decode("utf-8")
                continue
            legacy.append(at)
            with contextlib.suppress(UnicodeError):
                name = content.decode("cp932")
                if not _NOT_JAPANESE.search(name):
                    japanese[at] = name
    if legacy:
        sure = len(japanese) == len(legacy)
        for at in japanese if sure else ():
            names[at] = japanese[at]
        some = ", ".join(dict.fromkeys(clean_name(names[at].replace("\\", "/").split("/")[0]) for at in legacy[:20]))
        how = "read as Japanese ones of Windows (code page 932)" if sure else "they may be misspelt"
        doubts.append(f"the zip does not say in which code page these are, {how}: {one_line(some, 200)}")
    return names


class BoundedZip(io.FileIO):
    """A student's zip. It refuses to read a table of contents so long that zipfile would fill the memory with it."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = MAX_DIRECTORY
        if size > MAX_DIRECTORY:
            raise zipfile.BadZipFile("its table of contents is too long")
        return super().read(size) or b""
