"""Whether the newest version of an answer's cell is the one that is judged.

A kernel sees which cells are run and how they end. JupyterLab, VS Code and Colab send it a cell only when the cell is
run, so it does not see an edit that was not run. If the notebook's file is known, the saved version is compared, too.
"""

import ast
import contextlib
import json
import re
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COMPOUND = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.Match)
_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)  # whose names are their own


@dataclass(frozen=True)
class _Run:
    """One run of a cell.

    Attributes:
        tree: the parsed text; None if there was an error before any of it ran, such as a SyntaxError.
        cell_id: empty if the front end sends none.
        error: the class of the exception that stopped the cell; empty if none did.
        line: the line of the cell where it stopped, or 0.
        time: when it ended, in seconds since the epoch.
    """

    text: str
    tree: ast.Module | None
    cell_id: str
    error: str
    line: int
    time: float

    def lines_of(self, names: Sequence[str]) -> dict[str, int]:
        """Those of the names that the cell defines, each with the last line of its first definition, or 0."""
        if self.tree:
            return {name: line for name, line in _definitions(self.tree, 0) if name in names}
        pattern = r"^(?:async +)?(?:def|class) +(\w+)|^(\w+) *(?::[^=\n]*)?=(?!=)"
        return {name: 0 for pair in re.findall(pattern, self.text, re.MULTILINE) for name in pair if name in names}

    def defines(self, names: Sequence[str]) -> bool:
        """Whether the cell defines some of the names, and the run came to the end of these definitions."""
        lines = self.lines_of(names).values()
        return bool(lines and (not self.error or (self.tree and not max(lines) >= self.line > 0)))

    def uses(self, names: Sequence[str]) -> bool:
        """Whether one of the names occurs in the cell."""
        nodes = ast.walk(self.tree) if self.tree else ()
        return any(isinstance(node, ast.Name) and node.id in names for node in nodes)


_runs: deque[_Run] = deque(maxlen=1000)


def watch() -> None:
    """Record each cell that ends from now on. Without IPython there are no cells."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell:
        shell.events.register("post_run_cell", _record)  # a second call registers nothing more


def _record(result: Any) -> None:
    text = getattr(result.info, "raw_cell", "") or ""
    code = getattr(result.info, "transformed_cell", None) or text
    if text.startswith("%%"):  # a magic such as %%time, which runs the lines below it
        code = f"\n{code}" if (code := text.partition("\n")[2]) else ""
    tree = None
    with contextlib.suppress(SyntaxError, ValueError):
        tree = None if result.error_before_exec else ast.parse(code)
    error = result.error_before_exec or result.error_in_exec
    line = error.lineno if isinstance(error, SyntaxError) else _line_of(error) + text.startswith("%%")
    name = type(error).__name__ if error else ""
    cell_id = getattr(result.info, "cell_id", None) or ""
    _runs.append(_Run(text, tree, cell_id, name, line or 0, time.time()))


def _line_of(error: BaseException | None) -> int:
    """The line of the cell itself that led to an exception; 0 if there was none."""
    step, line = error.__traceback__ if error else None, 0
    while step:
        frame = step.tb_frame
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__main__":
            line = step.tb_lineno
        step = step.tb_next
    return line


def _definitions(node: ast.AST, end: int) -> Iterator[tuple[str, int]]:
    """The global names that code defines, from the last definition to the first, each with its last line.

    Args:
        end: the last line of the statement to which ``node`` belongs; 0 at the top, and in the blocks of ``if``,
            ``for`` and the like, each of whose statements has its own.
    """
    for child in reversed(list(ast.iter_child_nodes(node))):
        last = getattr(child, "end_lineno", end)
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield child.name, last
        elif isinstance(child, ast.alias):
            yield (child.asname or child.name).partition(".")[0], end
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id, end or last
        elif not isinstance(child, _SCOPES):
            inner = 0 if isinstance(child, _COMPOUND) else last if isinstance(child, ast.stmt) else end
            yield from _definitions(child, inner)


def _is_answer(text: str, task_id: str) -> bool:
    """Whether a cell begins with the comment of a task's answer, ``# Task 2.5``."""
    return bool(re.match(rf"\s*(%%.*\n\s*)?#\s*Task {re.escape(task_id)}[ .:]*(\n|$)", text))


def stale_note(task_id: str, names: Sequence[str], namespace: dict[str, Any]) -> str:
    """A sentence for the student if the newest version of an answer's cell is not the one judged; usually empty.

    Args:
        task_id: the answer's cell begins with ``# Task`` and this id.
        names: what the task asks for.
        namespace: the notebook's global names.

    >>> stale_note("2.5", ["accuracy"], {})
    ''
    """
    answer_ids = {run.cell_id for run in _runs if run.cell_id and run.lines_of(names)}
    for run in reversed(_runs):
        defined, has_answer_id = run.lines_of(names), run.cell_id in answer_ids
        if not defined and (run.uses(names) or not (has_answer_id or _is_answer(run.text, task_id))):
            continue  # a cell that only tries the answer, or has nothing to do with it
        judged = "; this verdict is about the version before it" if any(name in namespace for name in names) else ""
        if run.error and not run.defines(names):
            line = f" on line {run.line}" if run.line else ""
            return f"Your last version of this cell stopped with {run.error}{line}{judged}."
        if run.error or defined:  # an error below the definitions changes nothing
            return _unrun_note(run, task_id, namespace)
        if has_answer_id:
            return f"Your last version of this cell does not define {' and '.join(names)}{judged}."
    return ""


def is_saved(names: Sequence[str], sources: Sequence[str]) -> bool:
    """Whether the saved notebook contains the code that last defined each of these names in this kernel.

    Args:
        names: what a task asks for.
        sources: the texts of its cells.

    >>> is_saved(["accuracy"], [])  # nothing was run
    True
    """
    for name in names:
        run = next((run for run in reversed(_runs) if run.defines([name])), None)
        if run and not any(
            source.strip() == run.text.strip() or (run.tree and _same_code(source, run.tree)) for source in sources
        ):
            return False
    return True


def _same_code(source: str, tree: ast.Module) -> bool:
    """Whether a cell is the same code, apart from layout and comments."""
    with contextlib.suppress(SyntaxError, ValueError):
        return ast.dump(ast.parse(source)) == ast.dump(tree)
    return False


def _unrun_note(run: _Run, task_id: str, namespace: dict[str, Any]) -> str:
    """A sentence for the student if the cell was changed and saved after its last run, but not run again."""
    from lecture_utils.grading.records import notebook_file

    file = notebook_file(namespace)
    try:
        if not file or file.stat().st_mtime <= run.time:
            return ""
        cells = json.loads(Path(file).read_text(encoding="utf-8"))["cells"]
        texts = ["".join(c["source"]) for c in cells if run.cell_id and c.get("id") == run.cell_id]
        texts = texts or [t for c in cells if _is_answer(t := "".join(c["source"]), task_id)]
        trees = [ast.dump(ast.parse(text)) for text in (*texts, run.text)]  # a formatter changes no tree
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SyntaxError):
        return ""
    if len(trees) != 2 or trees[0] == trees[1]:
        return ""
    return "The notebook was saved with another version of this cell, which was not run; this is about the last run."
