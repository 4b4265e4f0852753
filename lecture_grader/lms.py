"""Marks and reports in the files that Moodle, Canvas and Gradescope import."""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lecture_grader.results import report_name, write_table
from lecture_grader.submissions import Submission
from lecture_utils.files import atomic_write, write_text
from lecture_utils.grading.tasks import Exercise, Task

_WORDS = {"passed": "solved", "failed": "not solved", "todo": "not answered", "unjudged": "not judged"}


def write_moodle(found: list[Submission], rows: list[dict[str, Any]], exercise: Exercise, out: Path) -> list[str]:
    """Write ``moodle.csv``, a grading worksheet, and ``moodle-feedback.zip``, the reports.

    The worksheet has the columns that Moodle reads, by their English names: Identifier, Grade, Last modified (grade),
    Feedback comments. Where there is no mark the field is empty, and Moodle keeps the old one. The zip is for "Upload
    multiple feedback files in a zip".

    Args:
        found: the submissions; only those from a download from Moodle have a number there.
        rows: as :func:`~lecture_grader.grade_class.grade_class` yields them.
        exercise: its number is in the names of the reports.
        out: the folder of results.

    Returns:
        The students that are in neither file, because they have no number of Moodle's.
    """
    lines = [["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)", "Feedback comments"]]
    with (
        atomic_write(out / "moodle-feedback.zip") as draft,
        zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for one, row in _with_rows(found, rows):
            if one.platform == "moodle":
                name = one.student.removesuffix(f"_{one.user_id}")
                words = "; ".join(f"{task}: {_WORDS[v['status']]}" for task, v in row["tasks"].items())
                who = [f"Participant {one.user_id}", name]
                lines.append([*who, row["points"], row["max_points"], "", words or row["status"]])
                plain = re.sub(r"[^\w .-]|_", " ", name)[:60]  # Moodle splits at the underscores: name, number, kind
                folder = f"{plain}_{one.user_id}_assignsubmission_file"
                report = out / "reports" / f"{report_name(one.student)}.html"
                archive.write(report, f"{folder}/exercise-{exercise.number}.html")
    write_table(out / "moodle.csv", lines)
    return [one.student for one in found if one.platform != "moodle"]


def write_canvas(
    found: list[Submission], rows: list[dict[str, Any]], exercise: Exercise, out: Path, column: str = ""
) -> list[str]:
    """Write ``canvas.csv``, as Canvas's gradebook imports it. A student without a mark is left out and keeps theirs.

    Args:
        found: the submissions.
        rows: as :func:`~lecture_grader.grade_class.grade_class` yields them.
        exercise: its number is the title where there is no ``column``.
        out: the folder of results.
        column: the assignment's heading in an export from Canvas, ``Title (1234)``.

    Returns:
        The students without a number of Canvas's: Canvas looks for their names among its logins and names.
    """
    lines: list[list[Any]] = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", column or f"Exercise {exercise.number}"],
        ["Points Possible", "", "", "", "", exercise.max_points],
    ]
    for one, row in _with_rows(found, rows):
        if one.platform == "canvas":
            names = [one.student.removesuffix(f"_{one.user_id}"), one.user_id, "", ""]
        else:
            names = [one.student, "", "", one.student]
        if row["points"] is not None:
            lines.append([*names, "", row["points"]])
    write_table(out / "canvas.csv", lines)
    return [one.student for one in found if one.platform != "canvas"]


def write_gradescope(rows: list[dict[str, Any]], exercise: Exercise, out: Path) -> None:
    """Write ``gradescope/STUDENT/results.json`` for each row.

    The format is described at https://gradescope-autograders.readthedocs.io/en/latest/specs/.
    """
    for row in rows:
        verdicts = [(task, row["tasks"][task.id]) for task in exercise.tasks if task.id in row["tasks"]]
        result = {
            "output": "\n".join([f"status: {row['status']}", *row["notes"]]),
            "execution_time": row["seconds"],
            "visibility": "visible",
            "tests": [_gradescope_test(task, verdict) for task, verdict in verdicts if verdict["points"] is not None],
        }
        if row["points"] is not None:
            result["score"] = row["points"]
        target = out / "gradescope" / report_name(row["student"]) / "results.json"
        write_text(target, json.dumps(result, indent=1, ensure_ascii=False))


def _gradescope_test(task: Task, verdict: dict[str, Any]) -> dict[str, Any]:
    passed = verdict["status"] == "passed"
    words = ["all cases passed"] if passed else [verdict["message"], verdict["hint"]]
    return {
        "name": task.title,
        "number": task.id,
        "score": verdict["points"],
        "max_score": task.points,
        "status": "passed" if passed else "failed",
        "output": "\n".join(filter(None, words)),
    }


def _with_rows(found: list[Submission], rows: list[dict[str, Any]]) -> Iterator[tuple[Submission, dict[str, Any]]]:
    by_student = {row["student"]: row for row in rows}
    return ((one, by_student[one.student]) for one in found if one.student in by_student)
