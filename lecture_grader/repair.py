"""A submitted notebook as a list of cells, with what was damaged on its way mended.

Runs in the worker: a hostile file is read where it can do no harm.
"""

import ast
import json
import re
from dataclasses import dataclass
from typing import Any

MAX_CELLS, MAX_SOURCE = 1000, 200_000


def task_id_of(source: str) -> str | None:
    """The task whose answer a cell holds: its source begins with a line ``# Task 2.3``."""
    match = re.match(r"\s*# Task (\d+\.\d+)\b", source)
    return match[1] if match else None


class Unreadable(Exception):
    """The file holds no notebook that could be run; the message says why."""


@dataclass
class Cell:
    """One cell: ``kind`` is code, markdown or raw; ``runs`` says whether it is executed."""

    kind: str
    source: str
    task: str | None = None
    runs: bool = True


def read_cells(content: bytes) -> list[Cell]:
    """The cells of a notebook file, in the formats 3 and 4, however bare its metadata.

    Raises:
        Unreadable: no JSON, no notebook, or a notebook of another language.
    """
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable("the file is not text in UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"the file is not JSON ({str(error)[:100]})") from None
    if isinstance(data, dict) and isinstance(data.get("worksheets"), list):  # nbformat 3
        sheets = [s.get("cells", []) for s in data["worksheets"] if isinstance(s, dict)]
        data["cells"] = [c for cells in sheets if isinstance(cells, list) for c in cells]
    if not isinstance(data, dict) or not isinstance(data.get("cells"), list):
        raise Unreadable("the file is JSON, but no notebook: it has no list of cells")
    cells = [_read_cell(c) for c in data["cells"][:MAX_CELLS] if isinstance(c, dict)]
    language = _language(data.get("metadata"))
    if language not in ("", "python", "python3", "ipython") and not any(c.task for c in cells):
        raise Unreadable(f"the notebook is written in {language[:40]}, not in Python")
    return cells


def _read_cell(data: dict) -> Cell:
    source = data.get("source", data.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    source = source[:MAX_SOURCE] if isinstance(source, str) else ""
    source = source.replace("\r\n", "\n")
    kind = data.get("cell_type")
    kind = kind if kind in ("code", "markdown", "raw") else "markdown"
    return Cell(kind, source, task_id_of(source), kind == "code")


def _language(metadata: Any) -> str:
    names = []
    if isinstance(metadata, dict):
        for key, name in (("kernelspec", "language"), ("language_info", "name")):
            section = metadata.get(key)
            names.append(section.get(name) if isinstance(section, dict) else None)
    return next((n.lower() for n in names if isinstance(n, str)), "")


def repair(cells: list[Cell]) -> list[str]:
    """Undo damage, in place; returns what was done, for the report.

    A cell that became Markdown is code again, a cell cut in two is one again, and an untouched
    copy of a stub does not undo an answer. Otherwise the last definition wins, as in any notebook.
    """
    notes = []
    answered = {cell.task for cell in cells if cell.kind == "code" and cell.task}
    for number, cell in enumerate(cells, 1):
        lost = cell.task not in answered and _compiles(cell.source) if cell.task else bool(_defines_code(cell.source))
        if cell.kind != "code" and lost:
            cell.kind, cell.runs = "code", True
            task = f" (task {cell.task})" if cell.task else ""
            notes.append(f"cell {number}{task} was no code cell any more: run as code")
    code = [(number, cell) for number, cell in enumerate(cells, 1) if cell.kind == "code" and cell.source.strip()]
    whole: tuple[int, Cell] | None = None
    for number, cell in code:
        indented = cell.source.lstrip("\n")[:1].isspace()
        if whole and (indented or not _compiles(cell.source)):
            if _compiles(cell.source) and _ends(whole[1].source):
                whole = (number, cell)  # after a return nothing belongs to the function
                continue
            joined = f"{whole[1].source.rstrip()}\n{cell.source.lstrip(chr(10))}"
            if (indented or not _compiles(whole[1].source)) and _compiles(joined, raw=True):
                whole[1].source, cell.runs = joined, False
                notes.append(f"cells {whole[0]} and {number} are two parts of one: joined")
                continue
        whole = (number, cell)
    answered_by: dict[str, int] = {}
    for number, cell in code:
        if cell.task and cell.runs and not is_stub(cell.source):
            again = [n for n in _defined(cell.source) if n in answered_by]
            if again:
                notes.append(f"{again[0]} of task {cell.task} is answered more than once: the last one counts")
            answered_by |= dict.fromkeys(_defined(cell.source), number)
    for number, cell in code:
        if cell.task and cell.runs and is_stub(cell.source) and _defined(cell.source) & answered_by.keys():
            cell.runs = False
            notes.append(f"cell {number} is an empty copy of task {cell.task}: left out")
    return notes


def _defined(source: str) -> set[str]:
    """The names that a cell defines at its top level."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assigned = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    return names | {target.id for target in assigned if isinstance(target, ast.Name)}


def _defines_code(source: str) -> bool:
    """Whether a text is Python that imports or defines something, which prose never is."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)) for node in body)


def _ends(source: str) -> bool:
    """Whether the last line leaves its block, so that nothing can follow in it."""
    return source.rstrip().rpartition("\n")[2].strip().startswith(("return", "raise", "pass", "break", "continue"))


def _compiles(source: str, *, raw: bool = False) -> bool:
    if not raw:
        from IPython.core.inputtransformer2 import TransformerManager

        source = TransformerManager().transform_cell(source)
    try:
        compile(source, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return False
    return True


def is_stub(source: str) -> bool:
    """Whether nothing was written: a function only raises NotImplementedError, or a name is ``...``."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            last = node.body[-1]
            if isinstance(last, ast.Raise) and "NotImplementedError" in ast.dump(last):
                return True
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is ...:
            return True
    return False
