"""Tasks that a person marks: their answers are collected into one page, beside the rubric."""

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from lecture_grader.html_page import template
from lecture_grader.report import picture_of
from lecture_grader.results import report_name
from lecture_utils.files import write_text
from lecture_utils.grading.tasks import Exercise

PAGE = "marking.html"
MAX_SOURCE = 20_000  # characters of a cell
MAX_ANSWER = 500_000  # characters of all cells that answer a task, pictures included
_TASK = re.compile(r"\s*#{1,6} (?:Task|課題) (?P<id>\d+\.\d+)\b")


def answers_to_mark(cells: Sequence[Mapping[str, Any]], exercise: Exercise) -> dict[str, list[dict[str, Any]]]:
    """The cells that answer the tasks with a rubric: those that belong to the task, its heading, and what follows it.

    Args:
        cells: of a graded notebook, see :class:`~lecture_grader.grade_one.Grade`.
        exercise: some of its tasks may have a rubric.
    """
    found: dict[str, list[dict[str, Any]]] = {task.id: [] for task in exercise.tasks if task.manual}
    current, room = "", dict.fromkeys(found, MAX_ANSWER)
    for cell in cells if found else ():
        if cell["kind"] != "code" and (heading := _TASK.match(cell["source"])):
            current = heading["id"]  # another heading may be part of an answer
        task = cell["task"] or current
        size = len(json.dumps([cell["source"], cell["outputs"]]))
        if task in found and size <= room[task]:
            room[task] -= size
            found[task].append({key: cell[key] for key in ("kind", "source", "outputs")})
    return {task: own for task, own in found.items() if own}


def write_marking_page(
    rows: Sequence[Mapping[str, Any]], exercise: Exercise, out: Path, released: Sequence[tuple[str, str]]
) -> None:
    """Write ``marking.html``: for each task with a rubric, every student's answer. Without such a task nothing is done.

    Args:
        rows: with the marks that count, see :func:`~lecture_grader.adjust.final_row`.
        exercise: its tasks with a rubric are shown.
        out: the folder of results; ``marking/`` holds what :func:`answers_to_mark` found.
        released: (kind, source) of the cells that students got, which are left out.
    """
    tasks = [task for task in exercise.tasks if task.manual]
    if not tasks:
        return
    given = {source.strip() for _, source in released}
    students = []
    for row in sorted(rows, key=lambda row: row["student"]):
        answers: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):  # nothing was handed in, or the file is damaged
            answers = json.loads((out / "marking" / f"{report_name(row['student'])}.json").read_text(encoding="utf-8"))
        shown = {
            task.id: [_shown(c) for c in answers.get(task.id, ()) if c["source"].strip() not in given] for task in tasks
        }
        students.append((row, shown))
    page = template("marking.html.j2")
    write_text(out / PAGE, page.render(exercise=exercise, tasks=tasks, students=students, max_source=MAX_SOURCE))


def _shown(cell: Mapping[str, Any]) -> dict[str, Any]:
    outputs: list[dict[str, Any]] = []
    for output in cell["outputs"]:
        if output["kind"] == "png":
            if picture := picture_of(output["text"]):
                outputs.append({"picture": Markup(picture)})  # base64 needs no escaping
        else:
            outputs.append({"text": output["text"]})
    return {"source": cell["source"], "outputs": outputs}
