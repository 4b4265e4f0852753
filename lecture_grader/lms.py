"""Marks and reports in the files that Moodle and Canvas import."""

import csv
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lecture_grader.results import report_name, write_table
from lecture_grader.submissions import Submission
from lecture_grader.text import one_line
from lecture_utils.files import atomic_write
from lecture_utils.grading.tasks import Exercise

MAX_COMMENT = 300  # characters of a message or of a hint in Moodle's column of comments
_WORDS = {
    "passed": "solved",
    "failed": "not solved",
    "todo": "not answered",
    "unjudged": "not judged",
    "manual": "marked by a person",
}


def write_moodle(found: list[Submission], rows: list[dict[str, Any]], exercise: Exercise, out: Path) -> list[str]:
    """Write ``moodle.csv``, a grading worksheet, and ``moodle-feedback.zip``, the reports.

    The worksheet has the columns that Moodle reads, by their English names: Identifier, Grade, Last modified (grade),
    Feedback comments. Where there is no mark the field is empty, and Moodle keeps the old one. The comment names each
    task that is not solved, with its message and hint. The zip is for "Upload multiple feedback files in a zip".

    Args:
        found: the submissions; only those from a download from Moodle have a number there.
        rows: as :func:`~lecture_grader.grade_class.grade_class` yields them.
        exercise: its number is in the names of the reports.
        out: the folder of results.

    Returns:
        The students that are in neither file, because they have no number of Moodle's.
    """
    lines: list[list[Any]] = [
        ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)", "Feedback comments"]
    ]
    with (
        atomic_write(out / "moodle-feedback.zip") as draft,
        zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for one, row in _with_rows(found, rows):
            if one.platform == "moodle":
                name = one.student.removesuffix(f"_{one.user_id}")
                who = [f"Participant {one.user_id}", name]
                lines.append([*who, _mark(row), row["max_points"], "", _comment(row)])
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
        mark = "EX" if row.get("excused") else _mark(row)  # EX is how Canvas writes and reads it
        if mark is not None:
            lines.append([*names, "", mark])
    write_table(out / "canvas.csv", lines)
    return [one.student for one in found if one.platform != "canvas"]


def heading_of(out: Path) -> str:
    """The assignment's heading in the ``canvas.csv`` of an earlier run; empty if there is none."""
    try:
        with (out / "canvas.csv").open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file))[5]
    except (OSError, StopIteration, IndexError, ValueError):
        return ""


def _with_rows(found: list[Submission], rows: list[dict[str, Any]]) -> Iterator[tuple[Submission, dict[str, Any]]]:
    by_student = {row["student"]: row for row in rows}
    return ((one, by_student[one.student]) for one in found if one.student in by_student)


def _mark(row: dict[str, Any]) -> float | None:
    """The points, as soon as no task waits for a person."""
    return None if row.get("waiting") else row["points"]


def _comment(row: dict[str, Any]) -> str:
    """What a person says, how late it was, and what is said about each task that is not solved, as HTML.

    The import stores the text as it is and in the format HTML (``set_editor_text`` in Moodle's
    mod/assign/feedback/comments/locallib.php): in plain text, line ends would be lost.
    """
    solved = [task for task, verdict in row["tasks"].items() if verdict["status"] == "passed"]
    items = [_html(one_line(row["comment"], MAX_COMMENT))] if row.get("comment") else []
    if row.get("excused"):
        return _html("Excused. ") + "".join(items)
    if row.get("deduction"):
        points = "1 point was" if row["deduction"] == 1 else f"{row['deduction']} points were"
        items.append(_html(f"Late: {row['late']}. {points} deducted."))
    if not row["tasks"]:
        items.insert(0, _html(": ".join([row["status"], *row["notes"][:1]])))
    for task, verdict in row["tasks"].items():
        own = one_line(verdict.get("comment", ""), MAX_COMMENT)
        if verdict["status"] in ("manual", "unjudged") and verdict["points"] is not None:
            items.append(_html(f"{task}: {verdict['points']} points. {own}".strip()))
        elif task not in solved:
            hint = f"Hint: {verdict['hint']}" if verdict["hint"] else ""
            said = " ".join(one_line(text, MAX_COMMENT) for text in (verdict["message"], hint, own) if text)
            items.append(_html(f"{task}: {_WORDS[verdict['status']]}. {said}".strip()))
        elif own:
            items.append(_html(f"{task}: {own}"))
    words = f"Solved: {', '.join(solved)}." if solved else ""
    return words + ("".join(f"<p>{item}</p>" for item in items) if words or len(items) > 1 else "".join(items))


def _html(text: str) -> str:
    """Text as HTML. A tag follows each entity, since a table escapes what follows a semicolon like a formula."""
    return re.sub("[&<]", lambda match: "&amp;<wbr>" if match[0] == "&" else "&lt;<wbr>", text)
