"""Reads a submitted notebook as a list of cells, and repairs what browsers, mail and learning platforms damaged.

This runs in the worker, since reading a hostile file can do no harm there.
"""

import ast
import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_CELLS, MAX_SOURCE = 1000, 200_000
# What browsers, mail programs and learning platforms put in place of blanks and quotes, and invisible characters.
_BLANKS = dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f"), " ")
_INVISIBLE = dict.fromkeys(map(ord, "\0\u00ad\u200b\u200c\u200d\u2060\ufeff"), "")
_QUOTES = dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f"), '"') | dict.fromkeys(
    map(ord, "\u2018\u2019\u201a\u201b"), "'"
)


def task_id_of(source: str) -> str | None:
    """The number of the task whose answer a cell holds: its source begins with a line ``# Task 2.3``. Or None.

    Example:
        >>> task_id_of("# Task 2.3\\nx = 1")
        '2.3'
    """
    match = re.match(r"\s*# Task (\d+\.\d+)\b", source)
    return match[1] if match else None


class Unreadable(Exception):
    """The file is no notebook that can be run; the message says why."""


@dataclass
class Cell:
    """One cell.

    Attributes:
        kind: ``code``, ``markdown`` or ``raw``.
        source: its text.
        task: the number of the task that it answers, or None.
        runs: whether it is executed.
        stub: whether it is still the stub that was handed out.
    """

    kind: str
    source: str
    task: str | None = None
    runs: bool = True
    stub: bool = False


def read_cells(content: bytes) -> list[Cell]:
    """The cells of a notebook file in format 3 or 4; metadata may be missing.

    Raises:
        Unreadable: it is no JSON, no notebook, or a notebook in another language.
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


def repair(cells: list[Cell], names: dict[str, list[str]]) -> list[str]:
    """Repair damage, in place.

    A code cell that became Markdown is code again, two halves of a cell are joined, blanks and quotes that a browser
    replaced are Python's again, and an untouched copy of a stub does not overwrite an answer. Otherwise the last
    definition counts, as in any notebook.

    Args:
        cells: as :func:`read_cells` returns them.
        names: what each task asks for, ``{"2.3": ["accuracy"]}``.

    Returns:
        What was done, as sentences for the report.

    Example:
        >>> cells = [Cell("markdown", "# Task 2.3\\ndef accuracy(x):\\n    return x", "2.3", runs=False)]
        >>> repair(cells, {"2.3": ["accuracy"]}), cells[0].kind
        (['cell 1 (task 2.3) was no code cell any more: run as code'], 'code')
    """
    notes = _restore_characters(cells)
    notes += _restore_code_cells(cells)
    code = [(number, cell) for number, cell in enumerate(cells, 1) if cell.kind == "code" and cell.source.strip()]
    notes += _join_halves(code)
    notes += _leave_out_stubs(code, names)
    for _, cell in code:
        cell.stub = is_stub(cell.source, names.get(cell.task or "", []))
    return notes


def _restore_characters(cells: list[Cell]) -> list[str]:
    """Replace blanks and quotes that Python does not know, where only they prevent a cell from being Python.

    In a cell that is Python as it is they are part of strings and comments, and stay. Other characters, such as
    full-width brackets, were typed by the student, for whom the cell did not run either.
    """
    notes = []
    for number, cell in enumerate(cells, 1):
        source = cell.source.translate(_BLANKS | _INVISIBLE)
        for repaired in (source, source.translate(_QUOTES)):
            if cell.kind == "code" and repaired != cell.source and not _compiles(cell.source) and _compiles(repaired):
                cell.source = repaired
                cell.task = cell.task or task_id_of(repaired)
                notes.append(f"cell {number} holds blanks or quotes that Python does not know: exchanged for its own")
    return notes


def _restore_code_cells(cells: list[Cell]) -> list[str]:
    notes = []
    answered = {name for cell in cells if cell.kind == "code" for name in _names_answered(cell.source)}
    for number, cell in enumerate(cells, 1):
        # Without one of these a text gives no name a value, and need not be parsed.
        if cell.kind == "code" or not re.search(r"=|\b(?:def|class|import)\b", cell.source):
            continue
        names = names_defined(cell.source)
        # If code cells define the same names, this may be an attempt that the student has turned into text.
        lost = not names.keys() <= answered if names else not cell.task and _imports(cell.source)
        if lost and (_compiles(cell.source) if cell.task else _defines_code(cell.source)):
            cell.kind, cell.runs = "code", True
            task = f" (task {cell.task})" if cell.task else ""
            notes.append(f"cell {number}{task} was no code cell any more: run as code")
    return notes


def _join_halves(code: list[tuple[int, Cell]]) -> list[str]:
    notes = []
    previous: tuple[int, Cell] | None = None
    for number, cell in code:
        indented = cell.source.lstrip("\n")[:1].isspace()
        complete = _compiles(cell.source)
        if previous and not cell.task and (indented or not complete):
            if complete and _leaves_its_block(previous[1].source):
                previous = (number, cell)
                continue
            joined = f"{previous[1].source.rstrip()}\n{cell.source.lstrip(chr(10))}"
            if (indented or not _compiles(previous[1].source)) and _compiles(joined, raw=True):
                previous[1].source = joined
                cell.runs = False
                notes.append(f"cells {previous[0]} and {number} are two parts of one: joined")
                continue
        previous = (number, cell)
    return notes


def _leave_out_stubs(code: list[tuple[int, Cell]], names: dict[str, list[str]]) -> list[str]:
    """Leave out each stub below an answer, which it would overwrite."""
    notes = []
    answered: set[str] = set()
    for number, cell in code:
        if not cell.task or not cell.runs:
            continue
        defined = names_defined(cell.source)
        again = sorted(answered & defined.keys())
        if is_stub(cell.source, names.get(cell.task, [])):
            if again:
                cell.runs = False
                notes.append(f"cell {number} is an empty copy of task {cell.task}: left out")
            continue
        if again:
            notes.append(f"{again[0]} of task {cell.task} is answered more than once: the last one counts")
        answered |= defined.keys()
    return notes


def names_defined(source: str) -> dict[str, bool]:
    """The names that a cell defines outside functions, each with whether it is still the stub that was handed out.

    Example:
        >>> names_defined("def f(x):\\n    raise NotImplementedError\\nmodel = 3")
        {'f': True, 'model': False}
    """
    found: dict[str, bool] = {}
    for statement in _statements(_parsed(_as_python(source))):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[statement.name] = _is_stub_definition(statement)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            values = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
            stub = all(isinstance(value, ast.Constant) and value.value is ... for value in values)
            stored = [node for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
            found |= {node.id: stub for node in stored if isinstance(node.ctx, ast.Store)}
    return found


def _names_answered(source: str) -> list[str]:
    return [name for name, stub in names_defined(source).items() if not stub]


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a cell, also those in an ``if``, ``try``, ``with`` or loop."""
    for statement in body:
        yield statement
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for name in ("body", "handlers", "orelse", "finalbody"):
                yield from _statements(getattr(statement, name, []))


@functools.lru_cache(maxsize=128)  # several passes over the cells need it
def _as_python(source: str) -> str:
    """A cell with IPython's magics and shell lines as Python; unchanged if IPython cannot read it."""
    if not source[:1].isspace() and _parsed(source):
        return source  # true of most cells; the transformer takes a millisecond or more for each
    # Nor is it needed for a line such as `%pip install` among Python, which defines no name. It is where a line may be
    # part of a string or go on below, where prompts were pasted, and for `%%time`, which changes what the cell is.
    special = re.search(r"(?m)\A\s*%%|('|\")\1\1|\\$|In \[", source)
    if not special and _parsed(without := re.sub(r"(?m)^( *)[%!].*", r"\1pass", source)):
        return without
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return TransformerManager().transform_cell(source)
    except (SyntaxError, RuntimeError):  # RuntimeError: it gives up after 500 lines of magics
        return source


@functools.lru_cache(maxsize=128)
def _parsed(source: str) -> list[ast.stmt]:
    """The statements of a source; an empty list if it is not Python."""
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _defines_code(source: str) -> bool:
    """Whether a text is Python that imports or defines something, which prose rarely is."""
    definitions = (ast.FunctionDef, ast.ClassDef)
    return _imports(source) or any(isinstance(statement, definitions) for statement in _parsed(source))


def _imports(source: str) -> bool:
    return any(isinstance(statement, (ast.Import, ast.ImportFrom)) for statement in _parsed(source))


def _leaves_its_block(source: str) -> bool:
    """Whether the last statement leaves its block, so that no statement of the same block can follow."""
    body = _parsed(source)
    while body and (inner := getattr(body[-1], "orelse", None) or getattr(body[-1], "body", None)):
        body = inner
    if body:
        return isinstance(body[-1], (ast.Return, ast.Raise, ast.Pass, ast.Break, ast.Continue))
    last_line = source.rstrip().rpartition("\n")[2]
    return re.match(r"(return|raise|pass|break|continue)\b", last_line.strip()) is not None


def _compiles(source: str, *, raw: bool = False) -> bool:
    try:
        compile(source if raw else _as_python(source), "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return False
    return True


def is_stub(source: str, names: list[str]) -> bool:
    """Whether all names of a task that the cell defines are still the stubs that were handed out.

    Args:
        source: of the cell.
        names: what the task asks for. Other definitions in the cell, such as helpers, do not count.
    """
    defined = names_defined(source)
    asked = [defined[name] for name in names if name in defined]
    return bool(asked) and all(asked)


def _is_stub_definition(statement: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether a function only raises what a stub raises; of a class, whether one of its methods does."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(statement, ast.ClassDef):
        return any(_is_stub_definition(method) for method in statement.body if isinstance(method, functions))
    last = statement.body[-1]
    if not isinstance(last, ast.Raise) or any(isinstance(node, ast.Return) for node in ast.walk(statement)):
        return False
    raised = ast.unparse(last)
    return re.match(r"raise NotImplementedError(\(\)|\(f?['\"]Task .*)?$", raised, re.DOTALL) is not None
