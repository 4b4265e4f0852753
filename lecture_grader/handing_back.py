"""What must not be handed back: files of those who are no longer in the class, and names on reports without names."""

import csv
import html
import json
import re
import secrets
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from lecture_grader.changes import last_marks
from lecture_grader.results import escape_formula, report_name, write_table
from lecture_utils.files import write_text

STALE = "stale"  # the folder for the files of earlier students
ANONYMOUS = "anonymous"  # the folder for reports without names
KEY = "key.csv"
_KINDS = (("reports", ".html"), ("answers", ".json"), ("gradescope", ""))
# Without letters and digits that look alike. Pairs of both spell no word.
_LETTERS, _DIGITS = "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789"
_CODE = re.compile(rf"(?:[{_LETTERS}][{_DIGITS}]){{2,4}}")
_HEADINGS = re.compile(r"(<title>|<h1>).*?(</title>|</h1>)", re.DOTALL)


def students_in(out: Path) -> set[str]:
    """The students of earlier runs, from ``results.jsonl`` and the marks of the last run that came to its end."""
    students = set(last_marks(out))
    if (out / "results.jsonl").is_file():
        for line in (out / "results.jsonl").read_bytes().splitlines():
            try:
                students.add(str(json.loads(line)["student"]))
            except (ValueError, KeyError, TypeError, RecursionError):
                continue  # a line that a crash cut off
    return students


def set_aside(out: Path, students: Iterable[str], earlier: Iterable[str]) -> list[str]:
    """Move reports, answers and files for Gradescope of earlier students to ``stale/``, where nobody hands them back.

    Args:
        out: the folder of results; nothing else in it is touched.
        students: those of this run.
        earlier: those of earlier runs, see :func:`students_in`.

    Returns:
        The earlier students with a file that was moved.

    Example:
        >>> set_aside(Path("grades-02"), ["Aki"], ["Aki", "Bea"])  # doctest: +SKIP
        ['Bea']
    """
    now = {report_name(student).casefold() for student in students}  # some file systems ignore case
    moved = set()
    for student in sorted(earlier):
        name = report_name(student)
        if name.casefold() not in now:
            for kind, suffix in _KINDS:
                if _move(out / kind / f"{name}{suffix}", out / STALE / kind):
                    moved.add(student)
    return sorted(moved)


def bring_back(out: Path, students: Iterable[str]) -> None:
    """Move files back of students who are among the submissions again, so that their rows need no new grading."""
    for student in students:
        for kind, suffix in _KINDS:
            name = f"{report_name(student)}{suffix}"
            if not (out / kind / name).exists():
                _move(out / STALE / kind / name, out / kind)


def _move(path: Path, folder: Path) -> bool:
    """Move a file or folder; one of its name that is there already stays, under another name."""
    if not path.exists():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / path.name
    if target.exists():
        number = next(n for n in range(1, 10**6) if not (folder / f"{path.stem} ({n}){path.suffix}").exists())
        target.rename(folder / f"{path.stem} ({number}){path.suffix}")
    path.rename(target)
    return True


def write_anonymous(out: Path, rows: list[dict[str, Any]]) -> list[str]:
    """Write each report again as ``anonymous/CODE.html``, with a code for the name, and ``key.csv`` with the codes.

    A code is drawn at random, once for each student: it cannot be computed from a name, and stays as long as
    ``key.csv`` does.

    Args:
        out: the folder of results, with ``reports/``.
        rows: the students of this run.

    Returns:
        The students whose names stand in their own notebooks, and so in these reports all the same.

    Raises:
        ValueError: ``key.csv`` is damaged, or a report is none.
    """
    key = _read_key(out / KEY)
    codes = {code for code, _ in key.values()}
    pages = []
    for row in rows:
        name = escape_formula(report_name(row["student"]))
        code = key[name][0] if name in key else _new_code(codes)
        codes.add(code)
        key[name] = code, row["student"]
        pages.append((code, row["student"], row["exercise"]))
    table = [[code, student, name] for name, (code, student) in key.items()]
    write_table(out / KEY, [["code", "student", "report"], *table], mark=True)  # first, or a code could be lost
    remove_anonymous(out)
    named = []
    for code, student, number in sorted(pages):  # in the order of codes, since the files' times are no secret
        page = (out / "reports" / f"{report_name(student)}.html").read_text(encoding="utf-8")
        page, count = _HEADINGS.subn(rf"\g<1>Exercise {number}: {code}\g<2>", page, count=2)
        if count != 2:
            raise ValueError(f"reports/{report_name(student)}.html is no report: delete it, and run the command again")
        write_text(out / ANONYMOUS / f"{code}.html", page)
        name = re.escape(re.sub(r"_\d+$", "", student))
        if re.search(rf"(?<!\w){name}(?!\w)", html.unescape(page), re.IGNORECASE):
            named.append(student)
    return sorted(named)


def remove_anonymous(out: Path) -> None:
    """Remove the copies of reports that :func:`write_anonymous` has made; ``key.csv`` stays, and other files."""
    for code, _ in _read_key(out / KEY).values():
        (out / ANONYMOUS / f"{code}.html").unlink(missing_ok=True)
    if (out / ANONYMOUS).is_dir() and not any((out / ANONYMOUS).iterdir()):
        (out / ANONYMOUS).rmdir()


def _new_code(taken: Collection[str]) -> str:
    pairs = 2 if len(taken) < 10_000 else 4
    while True:
        code = "".join(secrets.choice(_LETTERS) + secrets.choice(_DIGITS) for _ in range(pairs))
        if code not in taken:
            return code


def _read_key(path: Path) -> dict[str, tuple[str, str]]:
    """The code and the student of each report, by its name.

    Raises:
        ValueError: the file is damaged.
    """
    key: dict[str, tuple[str, str]] = {}
    if not path.is_file():
        return key
    codes: set[str] = set()
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for number, line in enumerate(csv.DictReader(file), 2):
                code, name = line.get("code") or "", line.get("report") or ""
                if not _CODE.fullmatch(code) or not name or name in key or code in codes:
                    raise ValueError(f"row {number} has no code and report of its own")
                codes.add(code)
                key[name] = code, line.get("student") or ""
    except (ValueError, csv.Error) as error:
        words = "restore it, or delete it to draw new codes for everybody"
        raise ValueError(f"{path} was changed or damaged ({error}): {words}") from None
    return key
