"""The report for a student: the notebook as run, with each verdict below its cell.

The page consists of escaped text and PNG pictures. What a submission displayed as HTML, JavaScript or SVG is left out.
"""

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from lecture_grader.html_page import template
from lecture_grader.text import printable
from lecture_utils.files import write_text
from lecture_utils.grading.tasks import Exercise

if TYPE_CHECKING:
    from lecture_grader.grade_one import Grade

MAX_TEXT = 450_000  # bytes of HTML; a Japanese character takes three
MARKUP = 60  # bytes of the HTML around one text
MAX_PICTURES = 450_000  # characters of base64
MAX_PIXELS = 20_000_000  # of one picture
_BEGIN, _END = "<!-- the mark -->", "<!-- end of the mark -->"
_WORDS = {
    "passed": "✓ Solved",
    "failed": "✗ Not solved",
    "todo": "○ Not answered",
    "unjudged": "– Not judged",
    "manual": "✎ Marked by a person",
}


def render(row: dict[str, Any], grade: "Grade", exercise: Exercise) -> str:
    """The report as one HTML page of at most about 1 MB.

    Args:
        row: the submission's line of ``results.jsonl``, which has what may be shown of the verdicts.
        grade: its cells are shown.
        exercise: its tasks are listed, in their order.
    """
    last = {cell["task"]: number for number, cell in enumerate(grade.cells) if cell["task"] and cell["runs"]}
    room = _Room()
    cells = []
    for number, cell in enumerate(grade.cells):
        error = cell["error"][2] or cell["error"][0] if cell["error"] else ""
        shown = {
            "source": room.text(cell["source"]),
            "outputs": list(filter(None, (room.output(output) for output in cell["outputs"]))),
            "error": room.text(error),
            "verdict": cell["task"] if last.get(cell["task"]) == number and cell["task"] in row["tasks"] else None,
        }
        cells.append(cell | shown)
    elsewhere = [task.id for task in exercise.tasks if task.id not in last and task.id in row["tasks"]]
    page = template("report.html.j2")
    mark = Markup(_mark(row, exercise))
    return page.render(row=row, exercise=exercise, cells=cells, elsewhere=elsewhere, words=_WORDS, mark=mark)


def _mark(row: dict[str, Any], exercise: Exercise) -> str:
    """The part of a report that a person may change later, between two comments that no escaped text can contain."""
    return f"{_BEGIN}\n{template('mark.html.j2').render(row=row, exercise=exercise, words=_WORDS)}\n{_END}"


def write_mark(path: Path, row: dict[str, Any], exercise: Exercise) -> None:
    """Bring the mark in a report up to date; nothing is written if it is.

    Args:
        path: of the report.
        row: with the marks that count, see :func:`~lecture_grader.adjust.final_row`.
        exercise: its tasks are listed, in their order.
    """
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if end and (new := before + _mark(row, exercise) + after) != text:
        write_text(path, new)


class _Room:
    """The room left in a report, for text and for pictures."""

    def __init__(self) -> None:
        self._text = MAX_TEXT
        self._pictures = MAX_PICTURES

    def text(self, text: str) -> str:
        if not text or self._text <= 0:
            return ""
        text = printable(text)
        size = MARKUP + len(escape(text).encode())
        shown = printable(text, len(text) * self._text // size)  # cuts nothing if there is room
        self._text -= size
        return shown

    def output(self, output: dict[str, str]) -> dict[str, str] | None:
        if output["kind"] != "png":
            text = self.text(output["text"])
            return {"text": text} if text else None
        picture = picture_of(output["text"])
        if not picture or len(picture) > self._pictures:
            return {"text": "(a figure too large for the report)"}
        self._pictures -= len(picture)
        return {"picture": Markup(picture)}  # base64 needs no escaping


def picture_of(text: str) -> str:
    """The base64 text of a PNG file, encoded anew; empty if it is no PNG, or has too many pixels."""
    try:
        content = base64.b64decode(text)
    except ValueError:
        return ""
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    if not content.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") or width * height > MAX_PIXELS:
        return ""
    return base64.b64encode(content).decode()
