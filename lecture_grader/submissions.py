"""What a class handed in: one notebook a student, from a folder, a download of Moodle's or Canvas's, or a zip of one.

Names and archives come from strangers. Nothing is unpacked under a name of theirs, no link is followed,
and no notebook is parsed here: the worker does that.
"""

import contextlib
import lzma
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from lecture_grader.grade_one import MAX_FILE
from lecture_grader.sandbox import MB
from lecture_utils.grading.tasks import Exercise

MAX_ENTRIES, MAX_UNPACKED = 200_000, 20_000 * MB
_TOO_LARGE = f"the file is larger than {MAX_FILE // MB} MB"
_NOTHING = "no notebook was handed in"
# Moodle: a folder `Name_12345_assignsubmission_file` (before 4.1 with `_` at the end), or files with that before
# their names. Canvas: `name_LATE_12345_67890_work.ipynb`. nbgrader's exchange: `name+assignment+time+more`.
_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?")
_CANVAS = re.compile(r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<id>\d+)_\d+_(?P<file>.+)")
_EXCHANGE = re.compile(r"(?P<name>.+)\+[^+]+\+(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^+]*)(?:\+[^+]*)?")


@dataclass(frozen=True)
class Submission:
    """A student's notebook; ``problem`` says why there is none that could be read.

    ``name`` is the file's own name where it is not the student's. ``user_id`` is the student's number
    on the ``platform``, "moodle" or "canvas". ``handed_in`` is None where nothing says when; ``late`` is
    what the platform said. ``earlier`` counts earlier hand-ins, ``foreign`` says that the notebook holds
    no task of the exercise.
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
    """A file or an empty folder: its path inside what was handed over, and where it can be read."""

    parts: tuple[str, ...]
    path: Path
    problem: str = ""


def find_submissions(
    where: Path, exercise: Exercise, scratch: Path, *, out: Path | None = None, name: str = ""
) -> list[Submission]:
    """One submission for each student, by name.

    Known are ``STUDENT.ipynb``, ``STUDENT/`` with the notebook anywhere in it (nbgrader's ``submitted/``,
    JupyterHub's homes, a folder of Google Drive), what Moodle and Canvas let an instructor download, and
    nbgrader's exchange (``inbound/``); each also as a zip. Among several notebooks of one student counts
    the one with tasks of the exercise; of several such, the last handed in, then the one called ``name``.

    Args:
        scratch: an empty folder of our own, where archives are unpacked.
        out: the folder of results, which holds no submissions.
        name: the exercise's file name without ``.ipynb``, if it is known.

    Raises:
        ValueError: there is nothing to grade, or the archive cannot be trusted or read.
    """
    if where.suffix.lower() == ".zip" and where.is_file():
        entries = _without_wrapper(list(_unpacked(where, scratch)))
    elif where.is_file():
        return [Submission(_clean(where.stem), where)]
    elif where.is_dir():
        entries = list(_walked(where, out.resolve() if out else None))
    else:
        raise ValueError(f"{where} is neither a notebook nor a folder or zip of notebooks")
    found = _of_students([e for e in entries if not _is_hidden(e.parts)], exercise, name)
    if not found:
        raise ValueError(f"{where} holds no submissions: STUDENT.ipynb, or STUDENT/ with one notebook in it")
    names: Counter[str] = Counter()
    unique = []
    for one in sorted(found, key=lambda one: (one.student, one.path)):
        names[one.student] += 1
        again = f"-{names[one.student]}" if names[one.student] > 1 else ""
        unique.append(replace(one, student=one.student + again))
    return unique


def of_folders(folders: dict[str, Path], exercise: Exercise, name: str) -> list[Submission]:
    """One submission for each student, whose folder is known; see :func:`find_submissions`."""
    found = []
    for student, folder in folders.items():
        entries = [_Entry((student, *e.parts), e.path, e.problem) for e in _walked(folder, None)]
        mine = _of_students([e for e in entries if not _is_hidden(e.parts[1:])], exercise, name, known=True)
        found += [replace(one, student=student) for one in mine or [Submission(student, folder, _NOTHING)]]
    return found


def _is_hidden(parts: Iterable[str]) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _clean(name: str) -> str:
    """A name as text that can be printed: it may be no UTF-8, hold control characters, or be spelt as on a Mac."""
    text = unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))
    return "".join(c if c.isprintable() else "�" for c in text)[:200].strip() or "_"


# --- listing -------------------------------------------------------------------------------------


def _walked(root: Path, out: Path | None) -> Iterator[_Entry]:
    for folder, inside, files in os.walk(root):
        here = Path(folder)
        links = [name for name in inside if (here / name).is_symlink()]
        inside[:] = sorted(name for name in inside if name not in links and (here / name).resolve() != out)
        parts = here.relative_to(root).parts
        for name in sorted([*files, *links]):
            path = here / name
            yield _Entry((*parts, name), path, _unfit(path) if name.endswith(".ipynb") else "")
        if parts and not inside and not files:
            yield _Entry((*parts, ""), here)


def _unfit(path: Path) -> str:
    if path.is_symlink():
        return "it is a link, not a file"
    if not path.is_file():
        return "it is not a file"
    return "" if path.stat().st_size <= MAX_FILE else _TOO_LARGE


def _unpacked(archive: Path, scratch: Path) -> Iterator[_Entry]:
    """The entries of a zip; notebooks and nbgrader's times are written to ``scratch``, under numbers."""
    try:
        with zipfile.ZipFile(archive) as file:
            infos = file.infolist()
            if len(infos) > MAX_ENTRIES:
                raise ValueError(f"{archive} holds {len(infos)} files: more than {MAX_ENTRIES} are not unpacked")
            written = 0
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
                    yield _Entry(parts, scratch, "it is a link, not a file")
                else:
                    target = scratch / str(number)
                    with file.open(info) as packed:
                        size = _copied(packed, target)
                    written += size
                    if written > MAX_UNPACKED:
                        limit = f"more than {MAX_UNPACKED // MB // 1000} GB of notebooks"
                        raise ValueError(f"{archive} unpacks to {limit}: unpack it yourself, and name the folder")
                    if size > MAX_FILE:
                        target.unlink()
                    yield _Entry(parts, target, _unfit(target) if size <= MAX_FILE else _TOO_LARGE)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{archive} cannot be unpacked ({error}): download it again") from None
    except OSError as error:
        raise ValueError(
            f"{archive} cannot be read, or not unpacked into {scratch} ({error.strerror or error}): "
            "TMPDIR names another folder"
        ) from None


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
    """Entries without the one folder around all of them, as Google Drive packs it, if that is no student's."""
    shown = [e for e in entries if not _is_hidden(e.parts)]
    while shown and len({e.parts[0] for e in shown}) == 1 and not _MOODLE.fullmatch(shown[0].parts[0]):
        inner = [replace(e, parts=e.parts[1:]) for e in shown if len(e.parts) > 1 and e.parts[1:] != ("",)]
        with_notebook = {e.parts[0] for e in inner if e.parts[-1].endswith(".ipynb")}
        if len(with_notebook) < 2 and not any(_MOODLE.fullmatch(e.parts[0]) for e in inner):
            break
        shown = inner
    return shown


# --- who handed in what --------------------------------------------------------------------------


@dataclass
class _Found:
    """Where an entry belongs: the student, what the platform knows, the file's own name."""

    student: str
    file: str = ""
    platform: str = ""
    user_id: str = ""
    late: bool = False
    time: datetime | None = None


def _placed(parts: tuple[str, ...], canvas: bool, name: str) -> _Found | None:
    """Whose an entry is, from its path alone; None if it is nobody's."""
    first, last = parts[0], parts[-1]
    if match := _MOODLE.fullmatch(first):
        file = last if len(parts) > 1 else match["file"] or ""
        return _Found(_clean(f"{match['name']}_{match['id']}"), file, "moodle", match["id"])
    if len(parts) == 1:
        if canvas and (match := _CANVAS.fullmatch(first)):
            student = _clean(f"{match['name']}_{match['id']}")
            return _Found(student, match["file"], "canvas", match["id"], late=bool(match["late"]))
        if not first.endswith(".ipynb"):
            return None
        student = first.removesuffix(".ipynb")
        return _Found(_clean(student.removesuffix(f" - {name}") if name else student))  # Google Classroom's copies
    if match := _EXCHANGE.fullmatch(first):
        return _Found(_clean(match["name"]), last, time=read_time(match["time"]))
    return _Found(_clean(first), last)


def _of_students(entries: list[_Entry], exercise: Exercise, name: str, *, known: bool = False) -> list[Submission]:
    """One submission for each student in the entries; ``known``: the first part of a path is the student's name."""
    times = {}
    for entry in entries:
        if entry.parts[-1] == "timestamp.txt" and entry.path.is_file() and not entry.path.is_symlink():
            with contextlib.suppress(OSError), entry.path.open("rb") as file:
                times[entry.parts[:-1]] = read_time(file.read(100).decode("utf-8", "replace"))
    single = [e.parts[0] for e in entries if len(e.parts) == 1 and e.parts[0].endswith(".ipynb")]
    canvas = all(map(_CANVAS.fullmatch, single))  # one such name alone may be a coincidence
    students: dict[str, list[tuple[_Entry, _Found]]] = {}
    for entry in entries:
        found = _Found(entry.parts[0], entry.parts[-1]) if known else _placed(entry.parts, canvas, name)
        if found:
            found.time = times.get(entry.parts[:-1]) or found.time
            # files beside each other are each one student's; the same name in a folder is not the same person
            key = found.student if len(entry.parts) > 1 or found.user_id else f"\0{entry.parts[0]}"
            students.setdefault(key, []).append((entry, found))
    return [_chosen(mine, exercise, name) for mine in students.values()]


def _chosen(mine: list[tuple[_Entry, _Found]], exercise: Exercise, name: str) -> Submission:
    """Of all that a student handed in, the notebook that counts."""
    notebooks = [(entry, found) for entry, found in mine if entry.parts[-1].endswith(".ipynb")]
    foreign = False
    if len(notebooks) > 1 or (notebooks and name and notebooks[0][1].file not in ("", f"{name}.ipynb")):
        fitting = [(e, f) for e, f in notebooks if not e.problem and _holds_task(e.path, exercise)]
        foreign = not fitting and not any(e.problem for e, _ in notebooks)
        notebooks = fitting or notebooks
    newest = max((f.time for _, f in notebooks if f.time), default=None)
    last = [(e, f) for e, f in notebooks if f.time == newest]
    exact = [(e, f) for e, f in last if name and f.file == f"{name}.ipynb"]
    chosen = exact if len(last) > 1 and len(exact) == 1 else last
    entry, found = (chosen or mine)[0]
    problem = entry.problem if len(chosen) == 1 else f"the folder holds {len(chosen)} notebooks, not one"
    if not chosen:
        problem = _NOTHING + (f", but {_clean(found.file)}" if found.file else "")
    return Submission(
        found.student, entry.path, problem, _clean(found.file) if found.file and chosen else "", found.platform,
        found.user_id, newest, any(f.late for _, f in mine), len(notebooks) - len(last), foreign,
    )  # fmt: skip


def _holds_task(path: Path, exercise: Exercise) -> bool:
    """Whether a file has the line of one of the tasks; it is searched, not parsed."""
    try:
        lines = set(re.findall(rb"# Task (\d+\.\d+)\b", path.read_bytes()))
    except OSError:
        return False
    return any(one.id.encode() in lines for one in exercise.tasks)


def read_time(text: str, *, local: bool = False) -> datetime | None:
    """A time such as nbgrader's ``2026-02-02 15:58:23.948203 UTC``; None if it is none.

    Args:
        local: without a time zone it is one of this machine, not of Greenwich.
    """
    try:
        time = datetime.fromisoformat(text.strip().removesuffix(" UTC").removesuffix(" Etc/UTC"))
    except ValueError:
        return None
    return time if time.tzinfo else time.astimezone() if local else time.replace(tzinfo=UTC)
