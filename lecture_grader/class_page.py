"""The page of a class: marks, hand-ins to look at, and answers that are nearly the same."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lecture_grader.html_page import template
from lecture_grader.results import report_name, summarise
from lecture_grader.similarity import Pair, find_pairs, given_runs
from lecture_grader.submissions import Submission
from lecture_utils.files import atomic_write
from lecture_utils.grading.tasks import Exercise

MIN_TRIED = 5  # submissions: the page names a task that at least so many tried and none solved
MAX_PAIRS = 50  # pairs that the page shows
MAX_CELLS = 3  # cells of a pair
MAX_SOURCE = 4000  # characters of a cell
_SIGNS = {"passed": "✓", "failed": "✗", "todo": "○", "unjudged": "–"}


@dataclass
class Overview:
    """What the instructor should look at.

    Attributes:
        remarks: (title, [(students, detail)]), such as ``("Late", [(["Aki"], "by 0 d 1 h 5 min")])``; without students
            where a detail is about a task.
        pairs: students whose answers are nearly the same, see :func:`~lecture_grader.similarity.find_pairs`.
    """

    remarks: list[tuple[str, list[tuple[list[str], str]]]]
    pairs: list[Pair]


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

    Returns:
        What the page says about hand-ins and pairs.

    Raises:
        OSError: the page cannot be written.
    """
    rows = sorted(rows, key=lambda row: row["student"])
    given = {source.strip() for _, source in released}
    empty = {row["student"] for row in rows if _is_empty(row)}
    misnamed = empty & _students_with_code(out, rows, given)
    empty -= misnamed
    equal = _equal_answers(out, [row for row in rows if row["student"] not in empty], given)
    remarks = [
        ("Late", [([one.student], _how_late(one, due)) for one in found if _is_late(one, due)]),
        ("Empty", [([s.student], s.problem or "no task is answered") for s in found if s.student in empty]),
        ("Answered, but under none of the names that are asked for", [([student], "") for student in sorted(misnamed)]),
        *_faults(rows, exercise),
        ("Identical", [(students, "") for students in equal]),
        ("Renamed", [([s.student], s.name) for s in found if name and s.name not in ("", f"{name}.ipynb")]),
        ("Without a task of this exercise", [([s.student], s.name) for s in found if s.foreign]),
        ("Handed in more than once", [([s.student], f"{s.earlier} earlier ones") for s in found if s.earlier]),
    ]
    pairs = find_pairs(_answers(out, rows), given_runs(released))
    overview = Overview(
        [(title, lines) for title, lines in remarks if lines],
        [pair for pair in pairs if not any(set(pair.students) <= set(students) for students in equal)],
    )
    with atomic_write(out / "class.html") as draft, draft.open("w", encoding="utf-8") as file:
        file.writelines(_page(overview, rows, exercise, out, left_out))
    return overview


def _answers(out: Path, rows: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, str]]]:
    """The kept answers of each student; one at a time, because a class's answers may not fit into memory."""
    for row in rows:
        path = out / "answers" / f"{report_name(row['student'])}.json"
        try:
            answers = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # missing or damaged: the page is written without it
            continue
        if isinstance(answers, dict):
            yield row["student"], {name: str(source) for name, source in answers.items()}


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


def _equal_answers(out: Path, rows: list[dict[str, Any]], given: set[str]) -> list[list[str]]:
    """Groups of students whose own cells, all but those that were ``given``, are the same."""
    groups: dict[str, list[str]] = {}
    for student, answers in _answers(out, rows):
        own = sorted(source.strip() for source in answers.values() if source.strip() not in given)
        if own:
            digest = hashlib.sha256("\0".join(own).encode("utf-8", "replace")).hexdigest()
            groups.setdefault(digest, []).append(student)
    return [students for students in groups.values() if len(students) > 1]


def _is_empty(row: dict[str, Any]) -> bool:
    if row["status"] == "unreadable":
        return any(note.startswith(("no notebook", "the file is empty")) for note in row["notes"])
    return all(verdict["status"] == "todo" for verdict in row["tasks"].values())


def _is_late(one: Submission, due: datetime | None) -> bool:
    return one.late or bool(due and one.handed_in and one.handed_in > due)


def _how_late(one: Submission, due: datetime | None) -> str:
    if not (due and one.handed_in):
        return "as Canvas says"
    minutes = int((one.handed_in - due).total_seconds() // 60)
    return f"by {minutes // 1440} d {minutes % 1440 // 60} h {minutes % 60} min"


def _page(
    overview: Overview, rows: list[dict[str, Any]], exercise: Exercise, out: Path, left_out: Sequence[str]
) -> Iterator[str]:
    points = [row["points"] for row in rows if row["points"] is not None]
    shown = overview.pairs[:MAX_PAIRS]
    students = {student for pair in shown for student in pair.students}
    return template("class_page.html.j2").generate(
        exercise=exercise,
        rows=rows,
        tasks=summarise(rows, exercise),
        overview=overview,
        shown=shown,
        answers=dict(_answers(out, [row for row in rows if row["student"] in students])),
        max_cells=MAX_CELLS,
        max_source=MAX_SOURCE,
        marked=len(points),
        mean=sum(points) / max(len(points), 1),
        signs=_SIGNS,
        name_of=report_name,
        left_out=left_out,
    )
