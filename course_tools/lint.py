"""``lecture lint``: what keeps a notebook from being committed."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

from course_tools.notebooks import HIDDEN, WIDGET, CourseError, clean_metadata, read_notebook

MAX_CELL_LINES = 25
MAX_COLUMNS = 88  # a longer line is cut in JupyterLab at 1280 pixels, and in the book
MAX_BYTES = 1_000_000


def find_faults(path: Path) -> list[str]:
    """Return what keeps a notebook from being committed, as sentences.

    Required are a valid format, distinct cell ids, no unneeded metadata, outputs of one run from top to bottom without
    an error, a warning or text on stderr, an alternative text for each picture, lines, cells and a file of limited
    size, and a first line that says what a folded cell does.
    """
    try:
        notebook = read_notebook(path)
    except CourseError as error:
        return [str(error)]
    store = f"lecture run --inplace {path}"
    faults = []
    if (size := path.stat().st_size) > MAX_BYTES:
        faults.append(f"{size} bytes: at most {MAX_BYTES}, make the figures smaller")
    wanted = {"kernelspec", "language_info"}
    if set(notebook.metadata) != wanted or set(notebook.metadata.get("language_info", {})) != {"name"}:
        faults.append(f"the notebook's metadata holds more or less than {sorted(wanted)}: {store}")
    executed = 0
    for number, cell in enumerate(notebook.cells, 1):
        found = []
        stored = clean_metadata(cell)
        if changed := sorted(key for key in {*cell.metadata, *stored} if cell.metadata.get(key) != stored.get(key)):
            found.append(f"metadata {changed} not as stored by {store}")
        if cell.cell_type == "markdown":
            found += ["picture without alternative text"] * _pictures_without_text(cell.source)
        elif cell.cell_type == "code":
            executed += bool(cell.source.strip())
            found += _code_faults(cell, executed, store)
        faults += [f"cell {number} ({cell.get('id')}): {fault}" for fault in found]
    return faults


def _code_faults(cell: nbformat.NotebookNode, executed: int, store: str) -> Iterator[str]:
    lines = sum(bool(line.strip()) for line in cell.source.splitlines())
    if lines > MAX_CELL_LINES:
        yield f"{lines} lines, at most {MAX_CELL_LINES}"
    if lines and cell.execution_count != executed:
        yield f"not the outputs of one run from top to bottom: {store}"
    if HIDDEN in cell.metadata.get("tags", []):
        if not re.match(r"# .+ \(folded\): ", cell.source):
            yield "folded, but its first line is no comment such as `# Picture (folded): draws the line`"
    else:
        for number, line in enumerate(cell.source.splitlines(), 1):
            if len(line) > MAX_COLUMNS:
                yield f"line {number} has {len(line)} characters, at most {MAX_COLUMNS}"
    for output in cell.outputs:
        yield from _output_faults(output)


def _output_faults(output: nbformat.NotebookNode) -> Iterator[str]:
    if output.output_type == "error":  # papermill fails on it in spite of the cell's tags
        yield f"stored error {output.ename}: catch it with try and except, and print it"
    if output.get("name") == "stderr":
        yield "stored stderr"
    text = output.get("text", "") + str(output.get("data", {}).get("text/plain", ""))
    if re.search(r"\w*Warning:", text):
        yield "stored warning"
    if WIDGET in output.get("data", {}):
        yield "stored widget, which no reader without a kernel can show"
    if "image/png" in output.get("data", {}) and not output.metadata.get("image/png", {}).get("alt"):
        yield "picture without alternative text: draw it with lecture_utils.subplots"


def _pictures_without_text(markdown: str) -> int:
    tags = re.findall(r"<img\b[^>]*>", markdown)
    return len(re.findall(r"!\[\s*\]\(", markdown)) + sum(not re.search(r"""\balt=["'][^"']""", tag) for tag in tags)
