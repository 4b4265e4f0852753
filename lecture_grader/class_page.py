"""The page of a class: marks, hand-ins to look at, and answers that are nearly the same."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from lecture_grader.html_page import sorting_script, template
from lecture_grader.lateness import UNKNOWN, Penalty, lateness
from lecture_grader.results import report_name
from lecture_grader.similarity import BY_CHANCE, Comparison, compare, given_runs
from lecture_grader.statistics import class_figures
from lecture_grader.submissions import Remark, Submission
from lecture_grader.text import printable
from lecture_utils.files import atomic_write
from lecture_utils.grading.tasks import Exercise

MIN_TRIED = 5  # submissions: the page names a task that at least so many tried and none solved
MAX_GROUPS = 50  # groups of nearly the same answers that the page shows
MAX_CELLS = 3  # cells of a group
MAX_SOURCE = 4000  # characters of a cell
_SIGNS = {"passed": "✓", "failed": "✗", "todo": "○", "unjudged": "–", "manual": "✎"}


@dataclass
class Overview:
    """What the instructor should look at.

    Attributes:
        remarks: (title, [(students, detail)]), such as ``("Late", [(["Aki"], "by 0 d 1 h 5 min")])``; without students
            where a detail is about a task.
        alike: students whose answers are nearly the same, see :func:`~lecture_grader.similarity.compare`, without those
            whose answers are the same.
    """

    remarks: list[tuple[str, list[tuple[list[str], str]]]]
    alike: Comparison


def write_class_page(
    found: list[Submission],
    rows: list[dict[str, Any]],
    exercise: Exercise,
    out: Path,
    *,
    due: datetime | None = None,
    released: Sequence[tuple[str, str]] = (),
    name: str = "",
    left_out: Sequence[str] = (),
    more: Sequence[Remark] = (),
) -> Overview:
    """Find hand-ins to look at and answers that are nearly the same, and write ``class.html``.

    Args:
        found: the submissions.
        rows: one for each submission, as :func:`~lecture_grader.grade_class.grade_class` yields them.
        exercise: its tasks head the columns.
        out: the folder of results, with ``reports/`` and ``answers/``.
        due: the deadline.
        released: (kind, source) of the cells of the notebook that students got.
        name: the exercise's file name without ``.ipynb``.
        left_out: what is no submission, see :func:`~.submissions.find_submissions`.
        more: remarks of others, which come first.

    Returns:
        What the page says about hand-ins and pairs.

    Raises:
        OSError: the page cannot be written.
    """
    rows = sorted(rows, key=lambda row: row["student"])
    given = {source.strip() for _, source in released}
    empty = {row["student"] for row in rows if _is_empty(row)}
    misnamed = _students_with_code(out, [row for row in rows if row["student"] in empty], given)
    empty -= misnamed
    misnamed -= {one.student for one in found if one.foreign}
    answers = list(_answers(out, rows))  # of a submission, 100,000 characters at most are kept
    equal = _equal_answers([(student, cells) for student, cells in answers if student not in empty], given)
    remarks = [
        *more,
        ("Late", list(_late(found, rows, due))),
        ("Empty", [([s.student], s.problem or "no task is answered") for s in found if s.student in empty]),
        ("Answered, but under none of the names that are asked for", [([student], "") for student in sorted(misnamed)]),
        *_faults(rows, exercise),
        ("Identical", [(students, "") for students in equal]),
        ("Renamed", [([s.student], s.name) for s in found if name and s.name not in ("", f"{name}.ipynb")]),
        ("Without a task of this exercise", [([s.student], s.name) for s in found if s.foreign]),
        ("Handed in more than once", [([s.student], f"not graded: {s.earlier} other") for s in found if s.earlier]),
    ]
    alike = compare(answers, given_runs(released))
    groups = [group for group in alike.groups if not any(set(group.students) <= set(same) for same in equal)]
    overview = Overview(
        [(title, lines) for title, lines in remarks if lines],
        replace(alike, groups=groups),
    )
    with atomic_write(out / "class.html") as draft, draft.open("w", encoding="utf-8") as file:
        file.writelines(_page(overview, rows, exercise, out, left_out))
    return overview


def _answers(out: Path, rows: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, str]]]:
    """The kept answers of each student who has some."""
    for row in rows:
        path = out / "answers" / f"{report_name(row['student'])}.json"
        try:
            answers = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # missing or damaged: the page is written without it
            continue
        if isinstance(answers, dict):
            yield row["student"], {name: str(source) for name, source in answers.items()}


def _answer_of(out: Path) -> Callable[[str, str], str | None]:
    """A function that finds the kept answer of a student to a task, and remembers the last few students."""

    @lru_cache(64)
    def answers_of(student: str) -> dict[str, str]:
        return next((answers for _, answers in _answers(out, [{"student": student}])), {})

    return lambda student, task: answers_of(student).get(task)


def _students_with_code(out: Path, rows: list[dict[str, Any]], given: set[str]) -> set[str]:
    """Students whose cells of tasks hold code other than ``given``; nobody, if it is not known what was given."""
    answers = _answers(out, rows) if given else ()
    return {
        student
        for student, cells in answers
        if any(not name.startswith("cell ") and source.strip() not in given for name, source in cells.items())
    }


def _faults(rows: list[dict[str, Any]], exercise: Exercise) -> list[tuple[str, list[tuple[list[str], str]]]]:
    """What only the instructor can decide: replaced functions, checks that stopped, tasks that nobody solved."""
    replaced = [([r["student"]], n) for r in rows for n in r["notes"] if n.startswith("the notebook replaced ")]
    inside = [([r["student"]], n) for r in rows for n in r["notes"] if n.endswith("which no task needs: have a look")]
    stopped: dict[str, list[str]] = {}
    nobody: list[tuple[list[str], str]] = []
    for task in exercise.tasks:
        tried = [(r["student"], r["tasks"][task.id]) for r in rows if task.id in r["tasks"]]
        tried = [(student, verdict) for student, verdict in tried if verdict["status"] in ("passed", "failed")]
        for student, verdict in tried:
            if verdict.get("stopped"):
                stopped.setdefault(f"task {task.id}, at {verdict['stopped']}", []).append(student)
        if len(tried) >= MIN_TRIED and all(verdict["status"] == "failed" for _, verdict in tried):
            nobody.append(([], f"task {task.id}, which {len(tried)} tried: look at its check, too"))
    return [
        ("Replaced what the checks rest on: you decide about the marks", replaced),
        ("Names parts of the grader", inside),
        ("The check could not go on with the answer", [(students, where) for where, students in stopped.items()]),
        ("Solved by nobody", nobody),
    ]


def _equal_answers(answers: list[tuple[str, dict[str, str]]], given: set[str]) -> list[list[str]]:
    """Groups of students whose own cells, all but those that were ``given``, are the same."""
    groups: dict[str, list[str]] = {}
    for student, cells in answers:
        own = sorted(source.strip() for source in cells.values() if source.strip() not in given)
        if own:
            digest = hashlib.sha256("\0".join(own).encode("utf-8", "replace")).hexdigest()
            groups.setdefault(digest, []).append(student)
    return [students for students in groups.values() if len(students) > 1]


def _is_empty(row: dict[str, Any]) -> bool:
    if row["status"] == "unreadable":
        return any(note.startswith(("no notebook", "the file is empty")) for note in row["notes"])
    return bool(row["tasks"]) and all(verdict["status"] == "todo" for verdict in row["tasks"].values())


def _late(found: list[Submission], rows: list[dict[str, Any]], due: datetime | None) -> Iterator[tuple[list[str], str]]:
    by_student = {row["student"]: row for row in rows}
    for one in found:
        words = by_student.get(one.student, {}).get("late")
        if words is None:
            words = lateness(one, due, None, Penalty(), 0).words
        if words and words != UNKNOWN:
            yield [one.student], words if words.startswith("as ") else f"by {words}"


def _link(student: str, anchor: str = "") -> Markup:
    """A link to a student's report, with the name as its text."""
    page = quote(f"{report_name(student)}.html")
    return Markup(f'<a href="reports/{page}{escape(anchor)}">{escape(printable(student))}</a>')


def _page(
    overview: Overview, rows: list[dict[str, Any]], exercise: Exercise, out: Path, left_out: Sequence[str]
) -> Iterator[str]:
    shown = overview.alike.groups[:MAX_GROUPS]
    students = {student for group in shown for student in group.closest}
    bars = [math.log1p(count) for count in overview.alike.bars()]  # most pairs are at the left, the few others count
    figures = class_figures(rows, exercise, _answer_of(out))
    return template("class_page.html.j2").generate(
        exercise=exercise,
        rows=rows,
        figures=figures,
        marked=figures.marked,
        common=figures.common_mistakes(),
        need_help=figures.help,
        script=sorting_script(),
        overview=overview,
        shown=shown,
        heights=[bar / max(*bars, 1) for bar in bars],
        by_chance=BY_CHANCE,
        answers=dict(_answers(out, [row for row in rows if row["student"] in students])),
        max_cells=MAX_CELLS,
        max_source=MAX_SOURCE,
        signs=_SIGNS,
        report=_link,
        left_out=left_out,
    )
