"""What a class handed in: one notebook a student, from a folder, a download of Moodle's or Canvas's, or a zip of one.

Names and archives are not trusted. Nothing is unpacked under a name from an archive, no link is followed, and no
notebook is parsed here: the worker does that in its sandbox.
"""

import contextlib
import itertools
import lzma
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from lecture_grader.grade_one import MAX_FILE
from lecture_grader.sandbox import MB
from lecture_utils.grading.tasks import Exercise

MAX_ENTRIES = 200_000  # files in an archive
MAX_UNPACKED = 20_000 * MB  # bytes of all its notebooks
_TOO_LARGE = f"the file is larger than {MAX_FILE // MB} MB"
_LINK = "it is a link, not a file"
_NOTHING = "no notebook was handed in"
# Moodle: a folder `Name_12345_assignsubmission_file` (before 4.1 with `_` at the end), or files with that before
# their names. Canvas: `name_LATE_12345_67890_work.ipynb`. nbgrader's exchange: `name+assignment+time+more`.
_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?")
_CANVAS = re.compile(r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<id>\d+)_\d+_(?P<file>.+)")
_EXCHANGE = re.compile(r"(?P<name>.+)\+[^+]+\+(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^+]*)(?:\+[^+]*)?")


@dataclass(frozen=True)
class Submission:
    """A student's notebook, or what is known of a student who handed in none.

    Attributes:
        student: the name, which is different for each submission of a class.
        path: the notebook file, which need not bear its own name.
        problem: why there is no notebook that could be read, or empty.
        name: the file's own name, empty where that is the student's.
        platform: ``moodle`` or ``canvas``, or empty.
        user_id: the student's number on that platform.
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


@dataclass(frozen=True)
class _Entry:
    """A file or an empty folder, whose last part is empty: its path as handed in, and where it can be read."""

    parts: tuple[str, ...]
    path: Path
    problem: str = ""


def find_submissions(
    where: Path, exercise: Exercise, scratch: Path, *, out: Path | None = None, name: str = ""
) -> list[Submission]:
    """One submission for each student, in order of their names.

    ``where`` holds ``STUDENT.ipynb``, ``STUDENT/`` with the notebook anywhere in it (nbgrader's ``submitted/``,
    JupyterHub's homes, a folder of Google Drive), what Moodle and Canvas let an instructor download, or nbgrader's
    exchange (``inbound/``); each also as a zip. Among several notebooks of one student counts the one with tasks of the
    exercise; of several such, the last handed in, then the one called ``name``.

    Args:
        where: a folder, a zip or one notebook.
        exercise: its tasks tell which of several notebooks counts.
        scratch: an empty folder of our own, where archives are unpacked.
        out: the folder of results, which holds no submissions.
        name: the exercise's file name without ``.ipynb``, if it is known.

    Raises:
        ValueError: there is nothing to grade, or the archive is not safe or cannot be read.

    Example:
        >>> find_submissions(Path("Course-1234.zip"), load_exercise("2"), Path("scratch"))  # doctest: +SKIP
        [Submission(student='Aki Sato_101', path=PosixPath('scratch/0'), ...)]
    """
    if where.suffix.lower() == ".zip" and where.is_file():
        entries = _without_wrapper(list(_unpacked(where, scratch)))
    elif where.is_file():
        return [Submission(_clean(where.stem), where)]
    elif where.is_dir():
        entries = list(_walked(where, out.resolve() if out else None))
    else:
        raise ValueError(f"{where} is neither a notebook nor a folder or zip of notebooks")
    found = _of_students([entry for entry in entries if not _is_hidden(entry.parts)], exercise, name)
    if not found:
        raise ValueError(f"{where} holds no submissions: STUDENT.ipynb, or STUDENT/ with one notebook in it")
    names = {one.student for one in found}  # a name made up for one student must not be that of another
    seen: set[str] = set()
    unique = []
    for one in sorted(found, key=lambda one: (one.student, one.path)):
        student = one.student
        if student in seen:
            student = next(again for n in itertools.count(2) if (again := f"{one.student}-{n}") not in names)
            names.add(student)
        seen.add(student)
        unique.append(replace(one, student=student))
    return unique


def of_folders(folders: dict[str, Path], exercise: Exercise, name: str) -> list[Submission]:
    """One submission for each student, whose folder is known; see :func:`find_submissions`."""
    submissions = []
    for student, folder in folders.items():
        entries = [entry for entry in _walked(folder, None) if not _is_hidden(entry.parts)]
        times = _times(entries)
        files = [_file_of(student, entry, entry.parts[-1], times) for entry in entries]
        one = _chosen(files, exercise, name) if files else Submission(student, folder, _NOTHING)
        submissions.append(replace(one, student=student))
    return submissions


def _is_hidden(parts: Iterable[str]) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _clean(name: str) -> str:
    """A name as text that can be printed: it may be no UTF-8, hold control characters, or be spelt as on a Mac."""
    text = unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))
    return "".join(c if c.isprintable() else "�" for c in text)[:200].strip() or "_"


# --- listing the files ---------------------------------------------------------------------------


def _walked(root: Path, out: Path | None) -> Iterator[_Entry]:
    """The entries of a folder, without those of ``out``."""
    for folder, inside, files in os.walk(root):
        here = Path(folder)
        links = [name for name in inside if (here / name).is_symlink()]
        inside[:] = sorted(name for name in inside if name not in links and (here / name).resolve() != out)
        parts = here.relative_to(root).parts
        for name in sorted([*files, *links]):
            path = here / name
            yield _Entry((*parts, name), path, _problem_of(path) if name.endswith(".ipynb") else "")
        if parts and not inside and not files:
            yield _Entry((*parts, ""), here)


def _problem_of(path: Path) -> str:
    if path.is_symlink():
        return _LINK
    if not path.is_file():
        return "it is not a file"
    return "" if path.stat().st_size <= MAX_FILE else _TOO_LARGE


def _unpacked(archive: Path, scratch: Path) -> Iterator[_Entry]:
    """The entries of a zip; notebooks and nbgrader's times are written to ``scratch``, under numbers."""
    try:
        with zipfile.ZipFile(archive) as file:
            yield from _members(file, archive, scratch)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{archive} cannot be unpacked ({error}): download it again") from None
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(
            f"{archive} cannot be read, or not unpacked into {scratch} ({reason}): TMPDIR names another folder"
        ) from None


def _members(file: zipfile.ZipFile, archive: Path, scratch: Path) -> Iterator[_Entry]:
    infos = file.infolist()
    if len(infos) > MAX_ENTRIES:
        raise ValueError(f"{archive} holds {len(infos)} files: more than {MAX_ENTRIES} are not unpacked")
    unpacked = 0
    for number, info in enumerate(infos):
        name = _name_in_zip(info).replace("\\", "/")
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if ".." in parts or name.startswith("/") or re.match(r"[A-Za-z]:", name):
            raise ValueError(f"{archive} holds {_clean(name)!r}, a path to outside of it: do not trust it")
        if info.flag_bits & 1:
            raise ValueError(f"{archive} is encrypted: unpack it with its password, and name the folder")
        if not parts:
            continue
        if info.is_dir():
            yield _Entry((*parts, ""), scratch)
        elif not parts[-1].endswith(".ipynb") and parts[-1] != "timestamp.txt":
            yield _Entry(parts, scratch)
        elif stat.S_ISLNK(info.external_attr >> 16):
            yield _Entry(parts, scratch, _LINK)
        else:
            target = scratch / str(number)
            with file.open(info) as packed:
                size = _copied(packed, target)
            unpacked += size
            if unpacked > MAX_UNPACKED:
                limit = f"more than {MAX_UNPACKED // MB // 1000} GB of notebooks"
                raise ValueError(f"{archive} unpacks to {limit}: unpack it yourself, and name the folder")
            if size > MAX_FILE:
                target.unlink()
            yield _Entry(parts, target, _TOO_LARGE if size > MAX_FILE else "")


def _copied(packed: IO[bytes], target: Path) -> int:
    """Unpack a file, but not much more than may be graded; the bytes written, whatever the archive says."""
    size = 0
    with target.open("wb") as file:
        while size <= MAX_FILE and (block := packed.read(MB)):
            file.write(block)
            size += len(block)
    return size


def _name_in_zip(info: zipfile.ZipInfo) -> str:
    """An entry's name. Many programs write UTF-8 without saying so, which zipfile reads as code page 437."""
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            return info.orig_filename.encode("cp437").decode("utf-8")
    return info.orig_filename


def _without_wrapper(entries: list[_Entry]) -> list[_Entry]:
    """Entries without the one folder around all of them, as Google Drive packs it, if that is not a student's."""
    shown = [e for e in entries if not _is_hidden(e.parts)]
    while shown and len({e.parts[0] for e in shown}) == 1 and not _MOODLE.fullmatch(shown[0].parts[0]):
        inner = [replace(e, parts=e.parts[1:]) for e in shown if len(e.parts) > 1 and e.parts[1:] != ("",)]
        with_notebook = {e.parts[0] for e in inner if e.parts[-1].endswith(".ipynb")}
        if len(with_notebook) < 2 and not any(_MOODLE.fullmatch(e.parts[0]) for e in inner):
            break
        shown = inner
    return shown


# --- finding each student's notebook -------------------------------------------------------------


def _of_students(entries: list[_Entry], exercise: Exercise, name: str) -> list[Submission]:
    """One submission for each student in the entries."""
    times = _times(entries)
    single = [e.parts[0] for e in entries if len(e.parts) == 1 and e.parts[0].endswith(".ipynb")]
    canvas = all(map(_CANVAS.fullmatch, single))  # one such name alone may be a coincidence
    students: dict[str, list[Submission]] = {}
    for entry in entries:
        one = _placed(entry, times, canvas, name)
        if one:
            # files beside each other are each one student's; the same name in a folder is not the same person
            key = one.student if len(entry.parts) > 1 or one.user_id else f"\0{entry.parts[0]}"
            students.setdefault(key, []).append(one)
    return [_chosen(files, exercise, name) for files in students.values()]


def _times(entries: list[_Entry]) -> dict[tuple[str, ...], datetime | None]:
    """When each folder was handed in, as nbgrader's ``timestamp.txt`` in it says."""
    times = {}
    for entry in entries:
        if entry.parts[-1] == "timestamp.txt" and entry.path.is_file() and not entry.path.is_symlink():
            with contextlib.suppress(OSError), entry.path.open("rb") as file:
                times[entry.parts[:-1]] = read_time(file.read(100).decode("utf-8", "replace"))
    return times


def _placed(entry: _Entry, times: dict, canvas: bool, name: str) -> Submission | None:
    """A file with the student whose it is, from its path alone; None if it is nobody's."""
    first, last = entry.parts[0], entry.parts[-1]
    alone = len(entry.parts) == 1
    if match := _MOODLE.fullmatch(first):
        file = match["file"] or "" if alone else last
        one = _file_of(f"{match['name']}_{match['id']}", entry, file, times)
        return replace(one, platform="moodle", user_id=match["id"])
    if alone and canvas and (match := _CANVAS.fullmatch(first)):
        one = _file_of(f"{match['name']}_{match['id']}", entry, match["file"], times)
        return replace(one, platform="canvas", user_id=match["id"], late=bool(match["late"]))
    if alone:
        student = first.removesuffix(".ipynb").removesuffix(f" - {name}" if name else "")  # Google Classroom's copies
        return _file_of(student, entry, "", times) if first.endswith(".ipynb") else None
    if match := _EXCHANGE.fullmatch(first):
        one = _file_of(match["name"], entry, last, times)
        return replace(one, handed_in=one.handed_in or read_time(match["time"]))
    return _file_of(first, entry, last, times)


def _file_of(student: str, entry: _Entry, file: str, times: dict) -> Submission:
    """A file that a student handed in; ``problem`` says so if it is no notebook."""
    problem = entry.problem
    if not entry.parts[-1].endswith(".ipynb"):
        problem = f"{_NOTHING}, but {_clean(file)}" if file else _NOTHING
    return Submission(_clean(student), entry.path, problem, file, handed_in=times.get(entry.parts[:-1]))


def _chosen(files: list[Submission], exercise: Exercise, name: str) -> Submission:
    """Of all that a student handed in, the notebook that counts."""
    late = any(one.late for one in files)
    notebooks = [one for one in files if not one.problem.startswith(_NOTHING)]
    if not notebooks:
        return replace(files[0], name="", handed_in=None, late=late)
    foreign = False
    if len(notebooks) > 1 or (name and notebooks[0].name not in ("", f"{name}.ipynb")):
        fitting = [one for one in notebooks if not one.problem and _holds_task(one.path, exercise)]
        foreign = not fitting and not any(one.problem for one in notebooks)
        notebooks = fitting or notebooks
    newest = max((one.handed_in for one in notebooks if one.handed_in), default=None)
    last = [one for one in notebooks if one.handed_in == newest]
    exact = [one for one in last if name and one.name == f"{name}.ipynb"]
    chosen = exact if len(exact) == 1 else last
    return replace(
        chosen[0],
        problem=chosen[0].problem if len(chosen) == 1 else f"the folder holds {len(chosen)} notebooks, not one",
        name=_clean(chosen[0].name) if chosen[0].name else "",
        late=late,
        earlier=len(notebooks) - len(last),
        foreign=foreign,
    )


def _holds_task(path: Path, exercise: Exercise) -> bool:
    """Whether a file has the line of one of the tasks; it is searched, not parsed."""
    try:
        lines = set(re.findall(rb"# Task (\d+\.\d+)\b", path.read_bytes()))
    except OSError:
        return False
    return any(task.id.encode() in lines for task in exercise.tasks)


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
