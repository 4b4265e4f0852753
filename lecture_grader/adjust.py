"""Marks on which a person has the last word: ``adjust.csv`` in the folder of results.

The rows of ``results.jsonl`` hold what the checks found. What a person decided is kept apart from them, and applied
each time that marks are written, so it survives another grading, changed checks and a new version of the course.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lecture_grader.csv_file import CsvFile
from lecture_grader.lateness import Lateness, read_deadline
from lecture_grader.text import same_name
from lecture_utils.files import write_text
from lecture_utils.grading.tasks import Exercise
from lecture_utils.grading.verdict import tidy

FILE = "adjust.csv"
HEADING = ["student", "task", "points", "comment", "excused", "extended_until"]
_UNJUDGED = {"status": "unjudged", "message": "", "hint": "", "case": "", "automatic": None, "max_points": None}
_TRUE = {"yes", "y", "x", "1", "true", "はい"}
_FALSE = {"no", "n", "", "0", "false", "いいえ"}
_POINTS = re.compile(r"(?P<sign>[+-]|plus|minus|)(?P<number>\d{1,6}(?:\.\d{1,6})?)")


@dataclass(frozen=True)
class Change:
    """What a person says of a task, or of the whole.

    Attributes:
        points: the mark, or what is added to the automatic one; None leaves it.
        relative: whether ``points`` are added.
        comment: for the student's report.
    """

    points: float | None = None
    relative: bool = False
    comment: str = ""

    def apply(self, automatic: float | None) -> float | None:
        """The points after the change, at least 0.

        >>> Change(2, relative=True).apply(5), Change(3).apply(None), Change().apply(4)
        (7, 3, 4)
        """
        if self.points is None:
            return automatic
        return tidy(max(0, self.points + ((automatic or 0) if self.relative else 0)))


@dataclass
class Decisions:
    """The lines of ``adjust.csv`` about one student.

    Attributes:
        row: of the file, the first about this student.
        student: the name as it is written there.
        tasks: by the task's id.
        total: of the whole exercise.
        excused: no mark is given, and none counts.
        extended: the student's own deadline.
    """

    row: int = 0
    student: str = ""
    tasks: dict[str, Change] = field(default_factory=dict)
    total: Change = Change()
    excused: bool = False
    extended: datetime | None = None


def read_adjustments(out: Path, exercise: Exercise) -> dict[str, Decisions]:
    """What ``adjust.csv`` says, by the student's name as :func:`~lecture_grader.text.same_name` compares it.

    Args:
        out: the folder of results.
        exercise: its tasks may be named.

    Raises:
        ValueError: a line cannot be understood. The message names the row and says what to write.

    Example:
        >>> read_adjustments(Path("grades-02"), load_exercise("2"))["aki sato"].excused  # doctest: +SKIP
        True
    """
    path = out / FILE
    if not path.exists():
        return {}
    table = CsvFile(path)
    columns = [name.strip().lower().replace(" ", "_") for name in table.rows[0]]
    if unknown := [name for name in columns if name not in HEADING] or (
        ["student"] if "student" not in columns else []
    ):
        raise ValueError(f"{path}, row 1: the heading must be {','.join(HEADING)}; {unknown[0]!r} is not as expected")
    if len(set(columns)) < len(columns):
        raise ValueError(f"{path}, row 1: a heading stands there twice")
    students: dict[str, Decisions] = {}
    for number, line in zip(table.numbers[1:], table.rows[1:], strict=True):
        if any(cell.strip() for cell in line[len(columns) :]):
            raise ValueError(
                f"{path}, row {number}: there are more fields than headings; is it a decimal comma? Write 3.5"
            )
        cells = dict.fromkeys(HEADING, "") | dict(zip(columns, (cell.strip() for cell in line), strict=False))
        try:
            _add(students, cells, exercise, number, table.delimiter)
        except ValueError as error:
            raise ValueError(f"{path}, row {number}: {error}") from None
    return students


def make_file(out: Path) -> None:
    """Write ``adjust.csv`` with its heading alone, if there is none."""
    if not (out / FILE).exists():
        write_text(out / FILE, "\ufeff" + ",".join(HEADING) + "\n")


def _add(
    students: dict[str, Decisions], cells: dict[str, str], exercise: Exercise, number: int, delimiter: str
) -> None:
    """Add one line. Raises ValueError with what is wrong."""
    if not cells["student"]:
        raise ValueError("no student is named")
    task = cells["task"].lower()
    name = "" if task in ("", "total") else task
    if name and name not in (known := [one.id for one in exercise.tasks]):
        raise ValueError(f"there is no task {cells['task']}: write total, or one of {', '.join(known)}")
    if delimiter == "," and cells["points"] and re.fullmatch(r"\d", cells["comment"]):
        raise ValueError(
            f"the comment is {cells['comment']!r}; is it a decimal comma? Write {cells['points']}.{cells['comment']}"
        )
    change = _change(cells, delimiter)
    most = exercise[name].points if name else sum(one.points for one in exercise.tasks)
    if change.points is not None and change.points > most:
        raise ValueError(
            f"{cells['points']} are more than the {most} points there are: for a bonus write total and plus 2"
        )
    decisions = students.setdefault(same_name(cells["student"]), Decisions(number, cells["student"]))
    if (name and name in decisions.tasks) or (not name and decisions.total != Change()):
        raise ValueError(f"{cells['student']}, {name or 'total'} stands in an earlier row, too: keep one of them")
    if name:
        decisions.tasks[name] = change
    else:
        decisions.total = change
    excused = cells["excused"].lower()
    if excused not in _TRUE | _FALSE:
        raise ValueError(f"excused is {cells['excused']!r}: write yes, or nothing")
    decisions.excused |= excused in _TRUE
    if cells["extended_until"]:
        if decisions.extended:
            raise ValueError(f"extended_until of {cells['student']} stands in an earlier row, too: keep one of them")
        decisions.extended = read_deadline(cells["extended_until"])
        if not decisions.extended:
            raise ValueError(f"extended_until is {cells['extended_until']!r}: write a time such as 2026-12-03 18:00")
    if decisions.excused and decisions.total.points is not None:
        raise ValueError("a total and excused exclude each other: leave one of them empty")
    if name and (cells["excused"] or cells["extended_until"]):
        raise ValueError("excused and extended_until are about the whole exercise: write total in the column task")


def _change(cells: dict[str, str], delimiter: str) -> Change:
    text = cells["points"].removeprefix("'").replace(" ", "").lower()
    if delimiter == ";":
        text = text.replace(",", ".")
    if not text:
        return Change(comment=cells["comment"])
    match = _POINTS.fullmatch(text)
    if not match:
        raise ValueError(
            f"points are {cells['points']!r}: write a number such as 7.5, or plus 1, or minus 2, to change the mark"
        )
    points = tidy(float(match["number"]) * (-1 if match["sign"] in ("-", "minus") else 1))
    return Change(points, bool(match["sign"]), cells["comment"])


def _words(total: Change) -> str:
    if total.points is None:
        return ""
    return f"{total.points:+g} points as a whole" if total.relative else "set as a whole"


def final_row(row: Mapping[str, Any], decisions: Decisions | None, late: Lateness) -> dict[str, Any]:
    """The row of a student with the marks that count.

    Args:
        row: a line of ``results.jsonl``.
        decisions: what a person decided, if anything.
        late: how late it was, and what that costs.

    Returns:
        The row with the final ``points``, also of its tasks, where ``automatic`` is what the checks gave; and with
        ``late``, ``deduction``, ``excused``, ``comment``, and ``waiting``: the tasks that a person has still to mark. A
        total written by hand is final: nothing is deducted from it.
    """
    decisions = decisions or Decisions()
    tasks = {}
    for task, verdict in row["tasks"].items():
        change = decisions.tasks.get(task, Change())
        tasks[task] = {**verdict, "automatic": verdict["points"], "points": change.apply(verdict["points"])}
        if change.comment:
            tasks[task]["comment"] = change.comment
    for task, change in decisions.tasks.items():
        if task not in tasks:  # nothing was handed in, or it could not be judged
            tasks[task] = _UNJUDGED | {"points": change.apply(None), "comment": change.comment}
    marks = [verdict["points"] for verdict in tasks.values() if verdict["points"] is not None]
    by_hand = any(change.points is not None for change in decisions.tasks.values())
    points = tidy(sum(marks)) if by_hand else row["points"]
    absolute = decisions.total.points is not None and not decisions.total.relative
    deduction = 0 if points is None or absolute or decisions.excused else tidy(min(points, late.deduction))
    if points is not None or decisions.total.points is not None:
        points = decisions.total.apply(tidy(points - deduction) if points is not None else None)
    final = {
        "points": None if decisions.excused else points,
        "automatic": row["points"],
        "tasks": tasks,
        "late": late.words,
        "deduction": deduction,
        "excused": decisions.excused,
        "total_change": _words(decisions.total),
        "comment": decisions.total.comment,
        "waiting": [
            task for task, verdict in tasks.items() if verdict["status"] == "manual" and verdict["points"] is None
        ],
    }
    return {**row, **final}
