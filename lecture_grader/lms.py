"""Marks and reports in the files that Moodle and Canvas import."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lecture_grader.grade_class import escape_formula, report_name
from lecture_grader.submissions import Submission
from lecture_utils.files import atomic_write, write_text
from lecture_utils.grading.tasks import Exercise

_WORDS = {"passed": "solved", "failed": "not solved", "todo": "not answered", "unjudged": "not judged"}


def write_moodle(found: list[Submission], rows: list[dict[str, Any]], exercise: Exercise, out: Path) -> list[str]:
    """``moodle.csv``, a grading worksheet, and ``moodle-feedback.zip``, the reports.

    The worksheet has the columns that Moodle looks for, by their English names: Identifier, Grade, Last
    modified (grade), Feedback comments. A field without a mark is empty, which Moodle leaves as it was.
    The zip is for "Upload multiple feedback files in a zip".

    Returns:
        The students that are in neither file: not from Moodle's download, they have no number there.
    """
    lines = [["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)", "Feedback comments"]]
    with (
        atomic_write(out / "moodle-feedback.zip") as draft,
        zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for one, row in _both(found, rows):
            if one.platform == "moodle":
                name = one.student.removesuffix(f"_{one.user_id}")
                words = "; ".join(f"{task}: {_WORDS[v['status']]}" for task, v in row["tasks"].items())
                mark = [_mark(row), row["max_points"], ""]
                lines.append([f"Participant {one.user_id}", escape_formula(name), *mark, words or row["status"]])
                plain = re.sub(r"[^\w .-]|_", " ", name)  # Moodle splits at the underscores: name, number, kind
                folder = f"{plain}_{one.user_id}_assignsubmission_file"
                report = out / "reports" / f"{report_name(one.student)}.html"
                archive.write(report, f"{folder}/exercise-{exercise.number}.html")
    _write(out / "moodle.csv", lines)
    return [one.student for one in found if one.platform != "moodle"]


def write_canvas(
    found: list[Submission], rows: list[dict[str, Any]], exercise: Exercise, out: Path, column: str = ""
) -> list[str]:
    """``canvas.csv``, as Canvas's gradebook imports it. Who has no mark is not in it, and keeps what was there.

    Args:
        column: the assignment as Canvas's own export heads it, ``Title (1234)``.

    Returns:
        The students without a number of Canvas's: it will look for their names among its logins and names.
    """
    lines: list[list[Any]] = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", column or f"Exercise {exercise.number}"],
        ["Points Possible", "", "", "", "", exercise.max_points],
    ]
    for one, row in _both(found, rows):
        if one.platform == "canvas":
            who = [escape_formula(one.student.removesuffix(f"_{one.user_id}")), one.user_id, "", ""]
        else:
            who = [escape_formula(one.student), "", "", escape_formula(one.student)]
        if row["points"] is not None:
            lines.append([*who, "", row["points"]])
    _write(out / "canvas.csv", lines)
    return [one.student for one in found if one.platform != "canvas"]


def _both(found: list[Submission], rows: list[dict[str, Any]]) -> Iterator[tuple[Submission, dict[str, Any]]]:
    of = {row["student"]: row for row in rows}
    return ((one, of[one.student]) for one in found if one.student in of)


def _mark(row: dict[str, Any]) -> int | str:
    return "" if row["points"] is None else row["points"]


def _write(path: Path, lines: list[list[Any]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    write_text(path, text.getvalue())
