"""What a class handed in: one notebook a student, from a folder, a download of Moodle's or Canvas's, or a zip of one.

Names, folders and archives are not trusted, and a student may change a folder while it is read. Each notebook is
therefore opened once, without following links or waiting for pipes, and copied to a folder of our own; what is done
with it later is done with that copy. Nothing is unpacked under a name from an archive, and no notebook is parsed
here: the worker does that in its sandbox.
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
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

from lecture_grader.grade_one import MAX_FILE
from lecture_grader.sandbox import MB
from lecture_grader.text import one_line
from lecture_utils.grading.tasks import Exercise

MAX_ENTRIES = 200_000  # files in an archive
MAX_UNPACKED = 20_000 * MB  # bytes of all its notebooks
MAX_OF_STUDENT = 20_000  # files of one student that are listed
MAX_READ = 1_000 * MB  # bytes of one student's notebooks that are read to find the right one
MAX_DEPTH = 30  # folders in folders
MAX_ZIPS = 5  # of a student without a notebook that are looked into
MAX_DIRECTORY = 4 * MB  # bytes of the table of contents of a student's zip
_TOO_LARGE = f"the file is larger than {MAX_FILE // MB} MB"
_LINK = "it is a link, not a file"
_NO_FILE = "it is not a file"
_NO_FOLDER = "its folder is a link, or not a folder"
_NOTHING = "no notebook was handed in"
# Made by macOS and Jupyter, and never by a person: these are neither graded nor named.
_JUNK = {".DS_Store", ".ipynb_checkpoints", "__MACOSX"}
# Folders of an instructor or of a program, unless there is a notebook in them.
_NO_STUDENT = {"__pycache__", "build", "data", "datasets", "dist", "env", "node_modules", "venv"}
# Browsers save a notebook as `work.ipynb.json` or `work.ipynb.txt`, and number a second one: `work.ipynb (1).txt`.
_NOTEBOOK = re.compile(r"\.ipynb(?:[ _-]?\(?\d{0,3}\)?\.(?:ipynb|json|txt))*\s*$", re.IGNORECASE)
# Moodle: a folder `Name_12345_assignsubmission_file` (before 4.1 with `_` at the end), or files with that before
# their names. nbgrader's exchange: `name+assignment+time+more`. Canvas: `name_LATE_12345_67890_work.ipynb`,
# `name_12345_text.html` for a text that was typed, and `LATE_anon_a1B2c_67890_work.ipynb` without names. The first
# numbers are the platform's; what follows them, the student chose.
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.DOTALL)
_EXCHANGE = re.compile(r"(?P<name>.+)\+[^+]+\+(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^+]*)(?:\+[^+]*)?", re.DOTALL)
_CANVAS = re.compile(
    r"(?:(?P<late_unnamed>LATE_)?(?P<unnamed>anon_[0-9A-Za-z]{5})"
    r"|(?P<name>[^\s!-/:-@\[-^`{-~]+?)(?P<late>_LATE)?_(?P<id>[1-9]\d{0,18}))"
    r"_(?:(?P<number>[1-9]\d{0,18})_(?P<file>.+)|(?P<typed>text\.html|link\.html))",
    re.DOTALL,
)
# A letter of Europe's beside a kanji: what was read as Japanese is a name such as Müller in another code page.
_KANJI = "\u3000-\u30ff\u4e00-\u9fff\uf900-\ufaff\uff01-\uff9f"
_NOT_JAPANESE = re.compile(rf"[^\0-\x7f{_KANJI}]|[A-Za-z][{_KANJI}]|[{_KANJI}][A-Za-z]")
# Windows, where nothing is graded but this module may be imported, has none of these.
_SAFELY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0)
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError)
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


@dataclass(frozen=True)
class Submission:
    """A student's notebook, or what is known of a student who handed in none.

    Attributes:
        student: the name, which is different for each submission of a class, also where capital letters do not count.
        path: a copy of the notebook that nobody else can change; its name is not the notebook's.
        problem: why there is no notebook that could be read, or empty.
        name: the file's own name, empty where that is the student's.
        platform: ``moodle``, ``canvas`` or ``nbgrader``, or empty.
        user_id: the student's number on that platform, or nbgrader's name.
        handed_in: when, or None where nothing says it.
        late: whether the platform called it late.
        earlier: how many notebooks the student had handed in before.
        foreign: whether the notebook holds no task of the exercise.
    """

    student: str
    path: Path
    problem: str = ""
    name: str = ""
    platform: str = ""
    user_id: str = ""
    handed_in: datetime | None = None
    late: bool = False
    earlier: int = 0
    foreign: bool = False


class _Refused(Exception):
    """Why a file is not read, in words for the student."""


@dataclass(frozen=True)
class _Entry:
    """A file as handed in, or a folder with nothing in it, whose last part is empty.

    ``read`` opens the file, once; ``group`` is the folder around the folders or files of several students, and
    ``archive`` the zip of the student that the file is in.
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
        return bool(_suffix(self.parts[-1]))

    @property
    def is_zip(self) -> bool:
        return self.parts[-1].lower().endswith(".zip")


_Files = list[tuple[_Entry, Submission]]


def find_submissions(
    where: Path,
    exercise: Exercise,
    scratch: Path,
    *,
    out: Path | None = None,
    name: str = "",
    left_out: list[str] | None = None,
) -> list[Submission]:
    """One submission for each student, in order of their names.

    ``where`` holds ``STUDENT.ipynb``, ``STUDENT/`` with the notebook anywhere in it (nbgrader's ``submitted/``,
    JupyterHub's homes, a folder of Google Drive), what Moodle and Canvas let an instructor download, or nbgrader's
    exchange (``inbound/``); each also as a zip. A student's zip is looked into if there is no other notebook. Among
    several notebooks of one student counts the one with tasks of the exercise; of several such, the last handed in,
    then the one called ``name``.

    Args:
        where: a folder, a zip or one notebook.
        exercise: its tasks tell which of several notebooks counts.
        scratch: a folder of our own, for the copies of the notebooks.
        out: the folder of results, which holds no submissions.
        name: the exercise's file name without ``.ipynb``, if it is known.
        left_out: gets a line for each entry of ``where`` that is no submission, such as ``roster.csv (no notebook)``.

    Raises:
        ValueError: there is nothing to grade, or the archive is not safe or cannot be read.

    Example:
        >>> find_submissions(Path("Course-1234.zip"), load_exercise("2"), Path("scratch"))  # doctest: +SKIP
        [Submission(student='Aki Sato_101', path=PosixPath('scratch/0'), ...)]
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_said_in_words(where, scratch))
        if where.suffix.lower() == ".zip" and where.is_file():
            copies = _Copies(scratch, where)
            file = stack.enter_context(zipfile.ZipFile(where))
            entries = _without_wrapper(list(_members(file, str(where))))
        elif where.is_file():
            copies = _Copies(scratch)
            path, problem = copies.take(_Entry((where.name,), lambda: where.open("rb")), MAX_READ)
            return [Submission(_clean(where.stem), path, problem)]
        elif where.is_dir():
            copies = _Copies(scratch)
            top = os.open(where, os.O_RDONLY | _FOLDER)
            stack.callback(os.close, top)
            entries = list(_walked(top, out))
        else:
            raise ValueError(f"{where} is neither a notebook nor a folder or zip of notebooks")
        found, others = _of_students(list(_tidied(_without_groups(entries))), exercise, name, copies)
    if left_out is not None:
        left_out.extend(others)
    if not found:
        words = f"{where} holds no submissions: STUDENT.ipynb, or STUDENT/ with one notebook in it"
        raise ValueError(f"{words}. Not looked at: {', '.join(others[:8])}" if others else words)
    return _with_unique_names(found)


def of_folders(folders: dict[str, Path], exercise: Exercise, name: str, scratch: Path) -> list[Submission]:
    """One submission for each student of an nbgrader course, whose folder is known; see :func:`find_submissions`."""
    copies, submissions = _Copies(scratch), []
    for student, folder in folders.items():
        with _said_in_words(folder, scratch), _below(folder, student) as (top, parts):
            one = Submission(student, folder, platform="nbgrader", user_id=student)
            entries = _tidied(_of_one(top, parts, None), len(parts))
            files = [(entry, replace(one, name=entry.parts[-1])) for entry in entries]
            submissions.append(_chosen(files, exercise, name, copies))
    return _with_unique_names(submissions)


def read_small(folder: Path, student: str, file: str, most: int = 10_000) -> bytes:
    """A small file directly in the folder of a student of an nbgrader course; empty if there is none, or only a link.

    Args:
        folder: as for :func:`of_folders`.
        student: whose folder it is.
        file: its name.
        most: bytes that are read.

    Example:
        >>> read_small(Path("submitted/ann/ps1"), "ann", "timestamp.txt")  # doctest: +SKIP
        b'2026-11-20 11:00:00.000000 UTC'
    """
    with contextlib.suppress(OSError, _Refused), _below(folder, student) as (top, parts):
        source = _open_file(top, (*parts, file))
        with source:
            return source.read(most)
    return b""


@contextlib.contextmanager
def _below(folder: Path, student: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Open what is above a student's folder, where links are the instructor's; give the way from there, too."""
    at = max((n for n, part in enumerate(folder.parts) if part == student), default=len(folder.parts) - 1)
    top = os.open(Path(*folder.parts[:at]), os.O_RDONLY | _FOLDER)
    try:
        yield top, folder.parts[at:]
    finally:
        os.close(top)


@contextlib.contextmanager
def _said_in_words(where: Path, scratch: Path) -> Iterator[None]:
    """Turn an error that stops the whole class into a sentence."""
    try:
        yield
    except _DAMAGED as error:
        raise ValueError(f"{where} cannot be unpacked ({error}): download it again") from None
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(
            f"{where} cannot be read, or not copied into {scratch} ({reason}): TMPDIR names another folder"
        ) from None


def _with_unique_names(found: list[Submission]) -> list[Submission]:
    """Submissions in order of their names, which are made different: also for who does not see how they differ.

    A name that is made up is nobody else's, and two submissions with one number of a platform are not both that
    student's: only the first keeps it.
    """
    taken = {_look(one.student) for one in found}
    given: set[str] = set()
    numbers: Counter[str] = Counter()
    users: set[tuple[str, str]] = set()
    unique = []
    for one in sorted(found, key=lambda one: (one.student, not one.platform)):
        student, look = one.student, _look(one.student)
        if look in given:
            while (look := _look(student)) in taken:
                numbers[one.student] += 1
                student = f"{one.student}-{numbers[one.student] + 1}"
            taken.add(look)
        given.add(look)
        user = one.platform, one.user_id
        if one.user_id and user in users:
            one = replace(one, platform="", user_id="")
        users.add(user)
        unique.append(replace(one, student=student))
    return unique


def _look(name: str) -> str:
    """What of a name is left where capital letters, widths of letters and invisible characters do not count."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(c for c in plain if not (unicodedata.category(c) == "Cf" or "\ufe00" <= c <= "\ufe0f")).strip()


def _clean(name: str) -> str:
    """A name as text that can be shown: it may be no UTF-8, hold control characters, or be spelt as on a Mac.

    Of the characters that nobody sees, only joiners are kept: some scripts and emoji are written with them.
    """
    text = one_line(unicodedata.normalize("NFC", name), 1000)
    return "".join(c for c in text if unicodedata.category(c) != "Cf" or c in "\u200c\u200d").strip() or "_"


def _suffix(file: str) -> str:
    """The end of a file's name that says that it is a notebook, or nothing."""
    match = _NOTEBOOK.search(file[-100:])
    return match[0] if match else ""


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or part in _JUNK


# --- reading each file once ----------------------------------------------------------------------


class _Copies:
    """A folder of our own with copies of what was handed in, under numbers: read once, and changed by nobody else.

    If all of it is in the zip ``archive``, that may not unpack to more than :data:`MAX_UNPACKED`.
    """

    def __init__(self, folder: Path, archive: Path | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._archive = folder, archive
        self._numbers = itertools.count()
        self.size = 0  # bytes that were copied, also of what is not kept

    def take(self, entry: _Entry, enough: int) -> tuple[Path, str]:
        """The copy of a file, and why there is none, or an empty text; none if ``size`` is ``enough`` already."""
        target = next(path for n in self._numbers if not os.path.lexists(path := self._folder / str(n)))
        if entry.problem or not entry.read:
            return target, entry.problem or _NO_FILE
        if self.size >= enough:
            return target, f"the student's files are larger than {MAX_READ // MB} MB in all"
        try:
            with entry.read() as source:
                size = _copied(source, target)
        except _Refused as error:
            return target, str(error)
        except _DAMAGED as error:
            target.unlink(missing_ok=True)
            if not entry.archive:  # then the archive of the whole class is damaged
                raise
            return target, f"{entry.archive} cannot be unpacked ({error})"
        except OSError as error:
            target.unlink(missing_ok=True)
            if error.errno in _NO_ROOM:
                raise
            return target, f"it cannot be read: {error.strerror or error}"
        self.size += size
        if self._archive and self.size > MAX_UNPACKED:
            limit = f"more than {MAX_UNPACKED // MB // 1000} GB of notebooks"
            raise ValueError(f"{self._archive} unpacks to {limit}: unpack it yourself, and name the folder")
        if size > MAX_FILE:
            target.unlink()
            return target, _TOO_LARGE
        return target, ""


def _copied(source: IO[bytes], target: Path) -> int:
    """Copy a file, but not much more than may be graded; the bytes written, whatever was said of its size."""
    size = 0
    with target.open("xb") as file:
        while size <= MAX_FILE and (block := source.read(MB)):
            file.write(block)
            size += len(block)
    return size


def _opened(top: int, parts: tuple[str, ...], flags: int = 0) -> int:
    """Open what lies below an open folder; a link on the way to it is an error, and a pipe is not waited for."""
    here = os.dup(top)
    for number, part in enumerate(parts, 1):
        try:
            inner = os.open(part, _SAFELY | (flags if number == len(parts) else _FOLDER), dir_fd=here)
        finally:
            os.close(here)
        here = inner
    return here


def _open_file(top: int, parts: tuple[str, ...]) -> IO[bytes]:
    """Open a regular file below an open folder, whatever was there when the folder was listed."""
    try:
        number = _opened(top, parts)
    except OSError as error:
        raise _Refused(_why_not_opened(error)) from None
    known = os.fstat(number)
    if stat.S_ISREG(known.st_mode) and known.st_size <= MAX_FILE:
        return os.fdopen(number, "rb")
    os.close(number)
    raise _Refused(_TOO_LARGE if stat.S_ISREG(known.st_mode) else _NO_FILE)


def _why_not_opened(error: OSError) -> str:
    known = {errno.ELOOP: _LINK, errno.EMLINK: _LINK, errno.ENOTDIR: _NO_FOLDER, errno.ENXIO: _NO_FILE}
    return known.get(error.errno or 0, f"it cannot be read: {error.strerror}")


# --- listing the files ---------------------------------------------------------------------------


def _walked(top: int, out: Path | None) -> Iterator[_Entry]:
    """The entries of an open folder, without those of ``out``."""
    ours = out.stat() if out and out.exists() else None
    entries = _listed(top, (), None, MAX_ENTRIES + 1) or []
    if len(entries) > MAX_ENTRIES:
        raise ValueError(f"the folder holds more than {MAX_ENTRIES} entries: give a part of it")
    for name, kind in entries:
        if kind == "folder" and not _is_hidden(name):
            yield from _of_one(top, (name,), ours)
        else:
            yield _entry_of(top, (name,), kind)


def _of_one(top: int, first: tuple[str, ...], ours: os.stat_result | None) -> Iterator[_Entry]:
    """The files of one student's folder, those that lie highest first, and not more than a student may have."""
    waiting, room = deque([first]), MAX_OF_STUDENT
    while waiting and room > 0:
        parts = waiting.popleft()
        try:
            inside = _listed(top, parts, ours, room)
        except OSError as error:
            yield _Entry((*parts, ""), problem=_why_not_opened(error))
            continue
        if inside is None:  # the folder of results: what holds it is no student's
            if len(parts) > 1:
                yield _Entry((*parts, "results.jsonl"))
            continue
        room -= len(inside)
        if not inside:
            yield _Entry((*parts, ""))
        for name, kind in inside:
            if kind == "folder" and len(parts) < MAX_DEPTH and not _is_hidden(name):
                waiting.append((*parts, name))
            else:
                yield _entry_of(top, (*parts, name), kind)
    if waiting:
        yield _Entry((*first, ""), problem=f"the folder holds more than {MAX_OF_STUDENT} files")


def _listed(top: int, parts: tuple[str, ...], ours: os.stat_result | None, most: int) -> list[tuple[str, str]] | None:
    """The names in a folder, and what each is; None if this is the folder ``ours``."""
    folder = _opened(top, parts, _FOLDER)
    try:
        if ours and os.path.samestat(os.fstat(folder), ours):
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


def _entry_of(top: int, parts: tuple[str, ...], kind: str) -> _Entry:
    if kind == "file":
        return _Entry(parts, partial(_open_file, top, parts))
    if kind == "folder":
        return _Entry((*parts, ""))
    return _Entry(parts, problem=_LINK if kind == "link" else _NO_FILE)


def _members(file: zipfile.ZipFile, archive: str) -> Iterator[_Entry]:
    """The entries of a zip."""
    infos = file.infolist()
    if len(infos) > MAX_ENTRIES:
        raise ValueError(f"{archive} holds {len(infos)} files: more than {MAX_ENTRIES} are not unpacked")
    for info in infos:
        name = _name_in_zip(info).replace("\\", "/")
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if ".." in parts or name.startswith("/") or re.match(r"[A-Za-z]:", name):
            raise ValueError(f"{archive} holds {_clean(name)!r}, a path to outside of it: do not trust it")
        if info.flag_bits & 1:
            raise ValueError(f"{archive} is encrypted: unpack it with its password, and name the folder")
        if not parts:
            continue
        if info.is_dir():
            yield _Entry((*parts, ""))
        elif stat.S_ISLNK(info.external_attr >> 16):
            yield _Entry(parts, problem=_LINK)
        else:
            yield _Entry(parts, partial(file.open, info))


def _name_in_zip(info: zipfile.ZipInfo) -> str:
    """An entry's name. Many programs write UTF-8 without saying so, which zipfile reads as code page 437.

    Windows writes the code page of its language, of which only Japan's can be told from others by its characters.
    """
    if not info.flag_bits & 0x800:
        content = info.orig_filename.encode("cp437")
        with contextlib.suppress(UnicodeError):
            return content.decode("utf-8")
        with contextlib.suppress(UnicodeError):
            name = content.decode("cp932")
            if not _NOT_JAPANESE.search(name):
                return name
    return info.orig_filename


def _without_wrapper(entries: list[_Entry]) -> list[_Entry]:
    """Entries without the one folder that all students are in, as Google Drive packs it, if that is not a student's."""
    while True:
        shown = [e for e in entries if not any(map(_is_hidden, e.parts))]
        around = {e.parts[0] for e in shown if len(e.parts) > 1}
        inner = {e.parts[1] if len(e.parts) > 1 else "" for e in shown if e.is_notebook or e.is_zip}
        if len(around) != 1 or len(inner) < 2 or "" in inner or any(map(_is_of_platform, around)):
            return entries
        within = [replace(e, parts=e.parts[1:]) for e in entries if e.parts[0] in around and any(e.parts[1:])]
        entries = within + [e for e in entries if e.parts[0] not in around]


def _without_groups(entries: list[_Entry]) -> list[_Entry]:
    """Entries of which none lies in a folder for a group, as Moodle makes one for each: most in it bear its names."""
    inside: dict[str, set[str]] = {}
    for entry in entries:
        if len(entry.parts) > 1 and entry.parts[1] and not any(map(_is_hidden, entry.parts[:2])):
            inside.setdefault(entry.parts[0], set()).add(entry.parts[1])
    groups = {
        first
        for first, names in inside.items()
        if not _is_of_platform(first) and 2 * sum(map(_is_of_platform, names)) > len(names)
    }
    return [replace(e, parts=e.parts[1:], group=e.parts[0]) if e.parts[0] in groups else e for e in entries]


def _tidied(entries: Iterable[_Entry], shown: int = 1) -> Iterator[_Entry]:
    """Entries without what lies in a hidden folder; the first ``shown`` parts of a path are not looked at."""
    for entry in entries:
        hidden = next((n for n, part in enumerate(entry.parts) if n >= shown and _is_hidden(part)), None)
        if entry.parts[0] not in _JUNK:
            yield _Entry((*entry.parts[:hidden], ""), group=entry.group) if hidden else entry


# --- finding each student's notebook -------------------------------------------------------------


def _is_of_platform(name: str) -> bool:
    return bool(_MOODLE.fullmatch(name) or _EXCHANGE.fullmatch(name) or _canvas(name))


def _canvas(file: str) -> re.Match[str] | None:
    """A file's name taken apart if it is Canvas's; numbers that are a date or small (`hw_1_2_ann`) are not."""
    match = _CANVAS.fullmatch(file)
    if not match or not match["name"]:
        return match
    user, number = int(match["id"]), int(match["number"] or match["id"])
    date = 1900 <= user <= 2100 and number <= 12
    return None if match["name"].isdigit() or date or max(user, number) < 100 else match


def _of_students(
    entries: list[_Entry], exercise: Exercise, name: str, copies: _Copies
) -> tuple[list[Submission], list[str]]:
    """One submission for each student in the entries, and a line for each entry that is none."""
    # Canvas gives each file a number of its own
    names = [(e.group, _canvas(e.parts[0])) for e in entries if len(e.parts) == 1]
    files = Counter((group, *match.group("name", "id", "number")) for group, match in names if match)
    students: dict[tuple[str, ...], _Files] = {}
    for entry in entries:
        placed = _placed(entry, files, name)
        if placed:
            key, one = placed
            students.setdefault((entry.group, *key), []).append((entry, one))
    found, used = [], set()
    for key, of_one in students.items():
        if key[1] != "folder" or not _is_no_student(of_one):
            used |= {entry.label for entry, _ in of_one}
            found.append(_chosen(of_one, exercise, name, copies))
    others = {e.label: f"{_clean(e.label)} ({_why_left_out(e)})" for e in entries if e.label not in used}
    return found, list(others.values())


def _is_no_student(files: _Files) -> bool:
    """Whether a folder without a notebook is not even a student's who handed in none."""
    if any(entry.is_notebook or entry.is_zip for entry, _ in files):
        return False
    results = any(entry.parts[-1] == "results.jsonl" for entry, _ in files)
    return results or files[0][0].parts[0].lower() in _NO_STUDENT


def _why_left_out(entry: _Entry) -> str:
    if _is_hidden(entry.parts[0]):
        return "its name begins with a dot"
    return entry.problem or "no notebook"


def _placed(entry: _Entry, canvas: Counter, name: str) -> tuple[tuple[str, ...], Submission] | None:
    """A file's student, as what is the same for all of a student's files and as far as the path tells; or None."""
    first, last = entry.parts[0], entry.parts[-1]
    alone = len(entry.parts) == 1
    one = Submission(first, Path(last), name=last)
    if _is_hidden(first):
        return None
    if match := _MOODLE.fullmatch(first):
        file = match["file"] or "" if alone else last
        student = f"{match['name']}_{match['id']}"
        return ("moodle", student), replace(one, student=student, name=file, platform="moodle", user_id=match["id"])
    if alone and (match := _canvas(first)) and canvas[(entry.group, *match.group("name", "id", "number"))] < 2:
        one = replace(one, name=match["file"] or match["typed"], late=bool(match["late"] or match["late_unnamed"]))
        if match["unnamed"]:
            return ("canvas", match["unnamed"]), replace(one, student=match["unnamed"])
        student = f"{match['name']}_{match['id']}"
        return ("canvas", student), replace(one, student=student, platform="canvas", user_id=match["id"])
    if alone:
        stem = first.removesuffix(_suffix(first)) if entry.is_notebook else first[:-4] if entry.is_zip else first
        # a link without a suffix may be the folder of a student
        if not stem or not (entry.is_notebook or entry.is_zip or (entry.problem == _LINK and "." not in first)):
            return None
        student = stem.removesuffix(f" - {name}" if name else "")  # Google Classroom's copies
        return ("file", first), replace(one, student=student, name="")
    if match := _EXCHANGE.fullmatch(first):
        return ("exchange", match["name"]), replace(one, student=match["name"], handed_in=read_time(match["time"]))
    return ("folder", first), one


def _chosen(files: _Files, exercise: Exercise, name: str, copies: _Copies) -> Submission:
    """Of all that a student handed in, the notebook that counts."""
    enough = copies.size + MAX_READ
    with contextlib.ExitStack() as stack:
        notebooks = [(entry, one) for entry, one in files if entry.is_notebook]
        notebooks = notebooks or list(_from_zips(files, copies, enough, stack))
        first = replace(files[0][1], student=_clean(files[0][1].student), late=any(one.late for _, one in files))
        if not notebooks:
            file = next((f", but {_clean(one.name)}" for _, one in files if one.name), "")
            problem = next((entry.problem for entry, _ in files if entry.problem), _NOTHING + file)
            return replace(first, problem=problem, name="", handed_in=None)
        times = _times(files)
        taken = []
        for entry, one in notebooks:
            path, problem = copies.take(entry, enough)
            time = times.get(entry.parts[:-1], one.handed_in)
            taken.append(replace(one, path=path, problem=problem, handed_in=time))
    one = _counting(taken, exercise, name)
    for other in taken:
        if other.path != one.path and not other.problem:
            other.path.unlink()
    return replace(one, student=first.student, late=first.late, name=_given_name(one, name))


def _counting(notebooks: list[Submission], exercise: Exercise, name: str) -> Submission:
    """Of a student's notebooks the one that counts; its ``problem`` says so if that cannot be told."""
    foreign, exactly = False, f"{name}.ipynb"
    if len(notebooks) > 1 or (name and notebooks[0].name not in ("", exactly)):
        fitting = [one for one in notebooks if not one.problem and _holds_task(one.path, exercise)]
        foreign = not fitting and not any(one.problem for one in notebooks)
        notebooks = fitting or notebooks
    newest = max((one.handed_in for one in notebooks if one.handed_in), default=None)
    last = [one for one in notebooks if one.handed_in == newest]
    exact = [one for one in last if name and _plain_name(one.name) == exactly]
    chosen = exact if len(exact) == 1 else last
    problem = next((one.problem for one in chosen if one.problem), "")
    if len(chosen) > 1:
        problem = problem or f"the folder holds {len(chosen)} notebooks, not one"
    return replace(chosen[0], problem=problem, earlier=len(notebooks) - len(last), foreign=foreign)


def _plain_name(file: str) -> str:
    """A notebook's name as it was before a browser changed its end."""
    suffix = _suffix(file)
    return f"{file.removesuffix(suffix)}.ipynb" if suffix else file


def _given_name(one: Submission, name: str) -> str:
    """The name that the student gave the notebook, without what a browser or Canvas adds to it."""
    file = _plain_name(one.name)
    if one.platform == "canvas" and name and re.fullmatch(rf"{re.escape(name)}-\d+\.ipynb", file):
        file = f"{name}.ipynb"  # Canvas numbers a file that is handed in again
    return _clean(file) if file else ""


def _times(files: _Files) -> dict[tuple[str, ...], datetime]:
    """When each folder was handed in, as nbgrader's ``timestamp.txt`` in it says."""
    times = {}
    for entry, _ in files:
        if entry.parts[-1] == "timestamp.txt" and entry.read:
            with contextlib.suppress(OSError, _Refused), entry.read() as file:
                time = read_time(file.read(100).decode("utf-8", "replace"))
                if time:
                    times[entry.parts[:-1]] = time
    return times


class _Zip(io.FileIO):
    """A student's zip, of which zipfile does not read a table of contents that would fill the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = MAX_DIRECTORY
        if size > MAX_DIRECTORY:
            raise zipfile.BadZipFile("its table of contents is too long")
        return super().read(size) or b""


def _from_zips(
    files: _Files, copies: _Copies, enough: int, stack: contextlib.ExitStack
) -> Iterator[tuple[_Entry, Submission]]:
    """The notebooks in the first zips of a student; a zip that cannot be read is given out as one that cannot."""
    for entry, one in itertools.islice((file for file in files if file[0].is_zip), MAX_ZIPS):
        path, problem = copies.take(entry, enough)
        if not problem:
            stack.callback(path.unlink)
            said = _clean(entry.parts[-1])
            try:
                file = stack.enter_context(zipfile.ZipFile(stack.enter_context(_Zip(path))))
                members = list(itertools.islice(_members(file, said), MAX_OF_STUDENT))
            except (*_DAMAGED, OSError) as error:
                problem = f"{said} cannot be unpacked ({error})"
            except ValueError as error:
                problem = str(error)
            else:
                for member in members:
                    if member.is_notebook and not any(map(_is_hidden, member.parts)):
                        yield replace(member, archive=said), replace(one, name=member.parts[-1])
        if problem:
            yield replace(entry, problem=problem), one


def _holds_task(path: Path, exercise: Exercise) -> bool:
    """Whether a file has the line of one of the tasks; it is searched, not parsed."""
    ids = "|".join(re.escape(task.id) for task in exercise.tasks)
    return bool(re.search(rf"# Task (?:{ids})\b".encode(), path.read_bytes()))


def read_time(text: str, *, local: bool = False) -> datetime | None:
    """A time such as nbgrader's ``2026-02-02 15:58:23.948203 UTC``; None if it is none.

    Args:
        text: ISO 8601, with or without a time zone.
        local: a time without a zone is one of this machine's zone, not UTC.

    Example:
        >>> read_time("2026-12-01 18:00 UTC").isoformat()
        '2026-12-01T18:00:00+00:00'
    """
    try:
        time = datetime.fromisoformat(text.strip().removesuffix(" UTC").removesuffix(" Etc/UTC"))
    except ValueError:
        return None
    if time.tzinfo:
        return time
    return time.astimezone() if local else time.replace(tzinfo=UTC)
