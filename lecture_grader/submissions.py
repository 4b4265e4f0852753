"""What a class handed in: one notebook for each student, from a folder, a zip, or what a platform exports.

``handed_in`` lists and copies the files, ``platforms`` knows whose each is; here is found which of a student's
notebooks counts. No notebook is parsed here, since the files are not trusted: the worker does that in its sandbox.
"""

import contextlib
import itertools
import os
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path

from lecture_grader import handed_in, platforms
from lecture_grader.handed_in import Copies, Entry, clean_name, is_hidden, list_zip
from lecture_grader.platforms import Export, Who, is_of_platform
from lecture_grader.platforms import read_time as read_time
from lecture_utils.grading.tasks import Exercise

MAX_ZIPS = 5  # zips that are searched, of a student without another notebook
_NOTHING = "no notebook was handed in"
# Folders of an instructor or of a program, unless they hold a notebook.
_NOT_STUDENTS = {"__pycache__", "build", "data", "datasets", "dist", "env", "node_modules", "venv"}


@dataclass(frozen=True)
class Submission:
    """A student's notebook, or what is known of a student who handed in none.

    Attributes:
        student: the name, different for each submission of a class even where case is ignored.
        path: a copy of the notebook that no student can change, under another name.
        problem: why there is no notebook, or why it cannot be read; empty where it can.
        name: the file's own name, empty where that is the student's.
        platform: such as ``moodle``, see :mod:`~lecture_grader.platforms`, or empty.
        user_id: the student's number or login there.
        handed_in: when, or None where that is not known.
        late: whether the platform called it late.
        earlier: how many notebooks with the tasks the student handed in that are not graded.
        foreign: whether the notebook holds no task of the exercise.
        attempt, who, unknown: see :class:`~lecture_grader.platforms.Origin`.
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
    attempt: tuple[str, int] = ("", 0)
    who: tuple[Who, ...] = ()
    unknown: str = ""


_Files = list[tuple[Entry, Submission]]
Remark = tuple[str, list[tuple[list[str], str]]]  # a title, and (students, detail) for each line below it


def find_submissions(
    where: Path,
    exercise: Exercise,
    scratch: Path,
    *,
    out: Path | None = None,
    name: str = "",
    left_out: list[str] | None = None,
    remarks: list[Remark] | None = None,
) -> list[Submission]:
    """One submission for each student, in order of their names.

    ``where`` holds ``STUDENT.ipynb``, ``STUDENT/`` with the notebook anywhere in it (nbgrader's ``submitted/``,
    JupyterHub's homes, a folder of Google Drive), or what a platform exports, see :mod:`~lecture_grader.platforms`;
    each also as a zip. A student's zip is searched if there is no other notebook. Of several notebooks of one student,
    the one with tasks of the exercise counts; of several such, the last one handed in, then the one called ``name``.

    Args:
        where: a folder, a zip or one notebook.
        exercise: its tasks tell which of several notebooks counts.
        scratch: a folder of our own, for the copies of the notebooks.
        out: the folder of results, which holds no submissions.
        name: the exercise's file name without ``.ipynb``, if it is known.
        left_out: gets a line for each entry of ``where`` that is no submission, such as ``roster.csv (no notebook)``.
        remarks: gets what the instructor should know about how ``where`` was read.

    Raises:
        ValueError: there is nothing to grade, or the archive is not safe or cannot be read.

    Example:
        >>> find_submissions(Path("Course-1234.zip"), load_exercise("2"), Path("scratch"))  # doctest: +SKIP
        [Submission(student='Aki Sato_101', path=PosixPath('scratch/0'), ...)]
    """
    said: list[Remark] = []
    with contextlib.ExitStack() as stack:
        stack.enter_context(_errors_as_value_error(where, scratch))
        is_zip = where.suffix.lower() == ".zip" and where.is_file()
        copies = Copies(scratch, where if is_zip else None)
        if where.is_file() and not is_zip:
            path, problem = copies.take(Entry((where.name,), lambda: where.open("rb")), handed_in.MAX_READ)
            return [Submission(clean_name(where.stem), path, problem)]
        entries, around = _without_outer_folder(_entries_of(where, is_zip, out, stack, said), name, is_zip)
        if around and not is_zip:
            said.append(("Taken for the folder of the class", [([], clean_name(around))]))
        entries = list(_without_hidden_folders(_without_group_folders(entries)))
        export = Export(entries, name, around or (where.stem if is_zip else where.resolve().name))
        found, others = _submission_of_each(entries, export, exercise, name, copies)
    if left_out is not None:
        left_out.extend(others)
    if not found:
        words = f"{where} holds no submissions: STUDENT.ipynb, or STUDENT/ with one notebook in it"
        raise ValueError(f"{words}. Not looked at: {', '.join(others[:8])}" if others else words)
    found = _with_unique_names(found)
    if len(found) == 1 and found[0].problem.endswith("notebooks, not one"):
        found = [replace(found[0], problem=f"{found[0].problem}; if it is the class's, name this folder itself")]
    if remarks is not None:
        unknown: Remark = ("Nobody knows whose", [([one.student], one.unknown) for one in found if one.unknown])
        remarks += [*said, unknown] if unknown[1] else said
    return found


def _entries_of(
    where: Path, is_zip: bool, out: Path | None, stack: contextlib.ExitStack, said: list[Remark]
) -> list[Entry]:
    """All that is in a folder or zip, which stays open as long as the stack does."""
    if is_zip:
        file, doubts = stack.enter_context(zipfile.ZipFile(where)), list[str]()
        entries = list(list_zip(file, str(where), doubts))
        if doubts:
            said.append(("Names in the zip", [([], doubt) for doubt in doubts]))
        return entries
    if not where.is_dir():
        raise ValueError(f"{where} is neither a notebook nor a folder or zip of notebooks")
    top = os.open(where, os.O_RDONLY | handed_in.FOLDER)
    stack.callback(os.close, top)
    return list(handed_in.list_folder(top, out))


def of_folders(folders: dict[str, Path], exercise: Exercise, name: str, scratch: Path) -> list[Submission]:
    """One submission for each student of an nbgrader course.

    Args:
        folders: the folder of each student's hand-in.
        exercise, name, scratch: see :func:`find_submissions`.

    Raises:
        ValueError: a folder cannot be read, or ``scratch`` cannot be written.

    Example:
        >>> of_folders({"ann": Path("submitted/ann/ps1")}, load_exercise("1"), "ps1", Path("scratch"))  # doctest: +SKIP
        [Submission(student='ann', path=PosixPath('scratch/0'), ...)]
    """
    copies, submissions = Copies(scratch), []
    for student, folder in folders.items():
        with _errors_as_value_error(folder, scratch), _opened_above(folder, student) as (top, parts):
            one = Submission(student, folder, platform="nbgrader", user_id=student, who=(Who((), (student,)),))
            entries = _without_hidden_folders(handed_in.list_student(top, parts, None), len(parts))
            files = [(entry, replace(one, name=entry.parts[-1])) for entry in entries]
            submissions.append(_submission_of(files, exercise, name, copies))
    return _with_unique_names(submissions)


def read_small(folder: Path, student: str, file: str, most: int = 10_000) -> bytes:
    """A small file directly in the folder of a student of an nbgrader course; empty if there is none, or only a link.

    Args:
        folder: as for :func:`of_folders`.
        student: whose folder it is.
        file: its name.
        most: the number of bytes that are read.

    Example:
        >>> read_small(Path("submitted/ann/ps1"), "ann", "timestamp.txt")  # doctest: +SKIP
        b'2026-11-20 11:00:00.000000 UTC'
    """
    with contextlib.suppress(OSError, handed_in.Refused), _opened_above(folder, student) as (top, parts):
        source = handed_in.open_file(top, (*parts, file))
        with source:
            return source.read(most)
    return b""


@contextlib.contextmanager
def _opened_above(folder: Path, student: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Open the folder above a student's, where links are the instructor's; also yield the path from there."""
    at = max((n for n, part in enumerate(folder.parts) if part == student), default=len(folder.parts) - 1)
    top = os.open(Path(*folder.parts[:at]), os.O_RDONLY | handed_in.FOLDER)
    try:
        yield top, folder.parts[at:]
    finally:
        os.close(top)


@contextlib.contextmanager
def _errors_as_value_error(where: Path, scratch: Path) -> Iterator[None]:
    """Turn an error that concerns the whole class into a ValueError with one sentence."""
    try:
        yield
    except handed_in.DAMAGED as error:
        raise ValueError(f"{where} cannot be unpacked ({error}): download it again") from None
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(
            f"{where} cannot be read, or not copied into {scratch} ({reason}): TMPDIR names another folder"
        ) from None


def _with_unique_names(found: list[Submission]) -> list[Submission]:
    """Submissions in order of their names. Names that look alike get a number, so that no two look the same.

    A numbered name is never that of another student. If two submissions have the same number on a platform, only the
    first keeps it, since only one of them can be that student's.
    """
    taken = {_normal_form(one.student) for one in found}
    given: set[str] = set()
    numbers: Counter[str] = Counter()
    users: set[tuple[str, str]] = set()
    unique = []
    for one in sorted(found, key=lambda one: (one.student, not one.platform)):
        student, look = one.student, _normal_form(one.student)
        if look in given:
            while (look := _normal_form(student)) in taken:
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


def _normal_form(name: str) -> str:
    """A name without differences that are easily overlooked: case, width of letters, invisible characters."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(c for c in plain if not (unicodedata.category(c) == "Cf" or "\ufe00" <= c <= "\ufe0f")).strip()


def _without_outer_folder(entries: list[Entry], name: str, is_zip: bool) -> tuple[list[Entry], str]:
    """Entries without the folders around all students', as exports and people make them, and the innermost's name.

    A student's own folder stays. In a zip, one folder with several others in it is taken for such a folder, since
    Google Drive makes one; a folder has to look like a class, see :func:`~lecture_grader.platforms.is_class_of`.
    """
    inside, around, loose = entries, "", is_zip
    for _ in range(handed_in.MAX_DEPTH):
        shown = [e for e in inside if not any(map(is_hidden, e.parts))]
        folders = {e.parts[0] for e in shown if len(e.parts) > 1}
        below: dict[str, set[str]] = {}
        for entry in (e for e in shown if e.parts[0] in folders and any(e.parts[1:])):
            below.setdefault(entry.parts[1], set()).update(entry.parts[2:] or entry.parts[1:])
        full = any(e.problem and not any(e.parts[1:]) for e in shown if len(e.parts) > 1)
        alone = any(len(e.parts) == 1 and (e.is_notebook or e.is_zip) for e in shown)
        if len(folders) != 1 or full or alone or any(map(is_of_platform, folders)):
            break
        several = len({e.parts[1] for e in shown if len(e.parts) > 1 and (e.is_notebook or e.is_zip)}) > 1
        within = [replace(e, parts=e.parts[1:]) for e in inside if e.parts[0] in folders and any(e.parts[1:])]
        inside = within + [e for e in inside if e.parts[0] not in folders]
        if platforms.is_class_of(below, name) or (loose and several):
            entries, around = inside, next(iter(folders))
        else:
            loose = False
    return entries, around


def _without_group_folders(entries: list[Entry]) -> list[Entry]:
    """Entries with the folder of a group taken off their paths: most names in it are a platform's, as in Moodle's.

    Of Teams' two folders, the one with drafts is left out.
    """
    inside: dict[str, set[str]] = {}
    for entry in entries:
        if len(entry.parts) > 1 and entry.parts[1] and not any(map(is_hidden, entry.parts[:2])):
            inside.setdefault(entry.parts[0], set()).add(entry.parts[1])
    teams = platforms.TEAMS in inside
    groups = {
        first
        for first, names in inside.items()
        if not is_of_platform(first) and 2 * sum(map(is_of_platform, names)) > len(names)
    } | {platforms.TEAMS}
    drafts = "drafts that were not handed in"
    return [
        replace(e, parts=e.parts[1:], group=e.parts[0])
        if e.parts[0] in groups and any(e.parts[1:])
        else Entry(e.parts[:1], problem=drafts)
        if teams and e.parts[0] == platforms.TEAMS_DRAFTS
        else e
        for e in entries
    ]


def _without_hidden_folders(entries: Iterable[Entry], shown: int = 1) -> Iterator[Entry]:
    """Entries without the content of hidden folders; the first ``shown`` parts of a path may begin with a dot."""
    for entry in entries:
        hidden = next((n for n, part in enumerate(entry.parts) if n >= shown and is_hidden(part)), None)
        if entry.parts[0] not in handed_in.JUNK:
            yield Entry((*entry.parts[:hidden], ""), group=entry.group) if hidden else entry


def _submission_of_each(
    entries: list[Entry], export: Export, exercise: Exercise, name: str, copies: Copies
) -> tuple[list[Submission], list[str]]:
    """One submission for each student, and a line for each entry that belongs to none."""
    students: dict[tuple[str, ...], _Files] = {}
    for entry in entries:
        if owner := _owner(entry, export):
            key, one = owner
            students.setdefault((entry.group, *key), []).append((entry, one))
    found, used = [], set()
    for key, files in students.items():
        if key[1] != "folder" or not _is_no_student_folder(files):
            used |= {entry.label for entry, _ in files}
            found.append(_submission_of(files, exercise, name, copies))
    others = {e.label: f"{clean_name(e.label)} ({_why_left_out(e)})" for e in entries if e.label not in used}
    return found, list(others.values())


def _is_no_student_folder(files: _Files) -> bool:
    """Whether a folder without a notebook is no student's: it holds results, or is named as no student is."""
    if any(entry.is_notebook or entry.is_zip for entry, _ in files):
        return False
    results = any(entry.parts[-1] == "results.jsonl" for entry, _ in files)
    return results or files[0][0].parts[0].lower() in _NOT_STUDENTS


def _why_left_out(entry: Entry) -> str:
    if is_hidden(entry.parts[0]):
        return "its name begins with a dot"
    return entry.problem or "no notebook"


def _owner(entry: Entry, export: Export) -> tuple[tuple[str, ...], Submission] | None:
    """Whose file it is: a key that all files of this student share, and what is known of the submission."""
    origin = export.origin(entry)
    if not origin:
        return None
    known = {field.name: getattr(origin, field.name) for field in fields(origin) if field.name != "key"}
    known["who"] = origin.who or (Who((origin.student,), (origin.student,)),)
    return origin.key, Submission(path=Path(entry.parts[-1]), **known)


def _submission_of(files: _Files, exercise: Exercise, name: str, copies: Copies) -> Submission:
    """The submission of one student: the notebook that counts, of all files that were handed in."""
    limit = copies.size + handed_in.MAX_READ
    with contextlib.ExitStack() as stack:
        notebooks = [(entry, one) for entry, one in files if entry.is_notebook]
        notebooks = notebooks or list(_notebooks_in_zips(files, copies, limit, stack))
        first = replace(files[0][1], student=clean_name(files[0][1].student), late=any(one.late for _, one in files))
        if not notebooks:
            file = next((f", but {clean_name(one.name)}" for _, one in files if one.name), "")
            problem = next((entry.problem for entry, _ in files if entry.problem), _NOTHING + file)
            return replace(first, problem=problem, name="", handed_in=None)
        times = _hand_in_times(files)
        taken = []
        for entry, one in notebooks:
            path, problem = copies.take(entry, limit)
            time = _time_of(entry, times) or one.handed_in
            taken.append(replace(one, path=path, problem=problem, handed_in=time))
    one = _choose(taken, exercise, name)
    for other in taken:
        if other.path != one.path and not other.problem:
            other.path.unlink()
    return replace(one, student=first.student, late=first.late, name=_given_name(one, name))


def _choose(notebooks: list[Submission], exercise: Exercise, name: str) -> Submission:
    """The one of a student's notebooks that counts; its ``problem`` says so if several could."""
    foreign, exactly = False, f"{name}.ipynb"
    if len(notebooks) > 1 or (name and notebooks[0].name not in ("", exactly)):
        fitting = [one for one in notebooks if not one.problem and _holds_task(one.path, exercise)]
        foreign = not fitting and not any(one.problem for one in notebooks)
        notebooks = fitting or notebooks
    count = len(notebooks)
    if count > 1:  # the notebook as it was given out counts only if there is no other
        notebooks = [one for one in notebooks if not one.problem and _holds_answer(one.path, exercise)] or notebooks
    newest = max((one.handed_in for one in notebooks if one.handed_in), default=None)
    last = [one for one in notebooks if one.handed_in == newest]
    attempts: dict[str, int] = {}
    for one in last:
        attempts[one.attempt[0]] = max(attempts.get(one.attempt[0], 0), one.attempt[1])
    last = [one for one in last if one.attempt[1] == attempts[one.attempt[0]]]
    exact = [one for one in last if name and _given_name(one, name) == exactly]
    chosen = exact if len(exact) == 1 else last
    problem = next((one.problem for one in chosen if one.problem), "")
    if len(chosen) > 1 and chosen[0].platform == "google":
        problem = problem or f"{len(chosen)} notebooks were handed in, and nothing says which is last"
    elif len(chosen) > 1:
        problem = problem or f"the folder holds {len(chosen)} notebooks, not one"
    return replace(chosen[0], problem=problem, earlier=count - len(chosen), foreign=foreign)


def _holds_answer(path: Path, exercise: Exercise) -> bool:
    """Whether a file holds a task without its stub; it is searched, not parsed."""
    content = path.read_bytes()
    for task in exercise.tasks:
        names = "|".join(map(re.escape, task.names))
        stub = rf"NotImplementedError\([^)\n]{{0,9}}Task {re.escape(task.id)}\b|\b(?:{names}) = \.\.\."
        if re.search(rf"# Task {re.escape(task.id)}\b".encode(), content) and not re.search(stub.encode(), content):
            return True
    return False


def _plain_name(file: str) -> str:
    """A notebook's name as it was before a browser changed its suffix."""
    suffix = handed_in.notebook_suffix(file)
    return f"{file.removesuffix(suffix)}.ipynb" if suffix else file


def _given_name(one: Submission, name: str) -> str:
    """The name that the student gave the notebook, without what a browser or Canvas added."""
    file = _plain_name(one.name)
    if one.platform == "canvas" and name and re.fullmatch(rf"{re.escape(name)}-\d+\.ipynb", file):
        file = f"{name}.ipynb"  # Canvas numbers a file that is handed in again
    return clean_name(file) if file else ""


def _hand_in_times(files: _Files) -> dict[tuple[str, ...], datetime]:
    """When each folder was handed in, according to nbgrader's or Sakai's ``timestamp.txt`` in it."""
    times = {}
    for entry, _ in files:
        if entry.parts[-1] == "timestamp.txt" and entry.read:
            with contextlib.suppress(OSError, handed_in.Refused), entry.read() as file:
                time = read_time(file.read(100).decode("utf-8", "replace"))
                if time:
                    times[entry.parts[:-1]] = time
    return times


def _time_of(entry: Entry, times: dict[tuple[str, ...], datetime]) -> datetime | None:
    """The time of the outermost folder around a file: a student may have handed in a ``timestamp.txt``, too."""
    around = (entry.parts[:depth] for depth in range(1, len(entry.parts)))
    return next((times[folder] for folder in around if folder in times), None)


def _notebooks_in_zips(
    files: _Files, copies: Copies, limit: int, stack: contextlib.ExitStack
) -> Iterator[tuple[Entry, Submission]]:
    """The notebooks in the first zips of a student. A zip that cannot be read is yielded itself, with the problem."""
    for entry, one in itertools.islice((file for file in files if file[0].is_zip), MAX_ZIPS):
        path, problem = copies.take(entry, limit)
        if not problem:
            stack.callback(path.unlink)
            archive = clean_name(entry.parts[-1])
            try:
                file = stack.enter_context(zipfile.ZipFile(stack.enter_context(handed_in.BoundedZip(path))))
                members = list(itertools.islice(list_zip(file, archive), handed_in.MAX_OF_STUDENT))
            except (*handed_in.DAMAGED, OSError) as error:
                problem = f"{archive} cannot be unpacked ({error})"
            except ValueError as error:
                problem = str(error)
            else:
                for member in members:
                    if member.is_notebook and not any(map(is_hidden, member.parts)):
                        yield replace(member, archive=archive), replace(one, name=member.parts[-1])
        if problem:
            yield replace(entry, problem=problem), one


def _holds_task(path: Path, exercise: Exercise) -> bool:
    """Whether a file holds the line ``# Task N.M`` of one of the tasks; it is searched, not parsed."""
    ids = "|".join(re.escape(task.id) for task in exercise.tasks)
    return bool(re.search(rf"# Task (?:{ids})\b".encode(), path.read_bytes()))
