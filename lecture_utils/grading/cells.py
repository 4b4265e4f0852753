"""What a kernel knows of the notebook's cells: whether the newest version of an answer is the one that is judged.

The kernel sees what was run and how it ended. It never sees an edit that was not run: JupyterLab, VS Code and Colab
send a cell only when it is run. Where the notebook's file is known, the version saved last is looked at as well.
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
_OWN_NAMES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class _Run:
    """A cell that was run. ``line`` is where it stopped, 0 if that is not known; nothing ran if ``tree`` is None."""

    text: str
    tree: ast.Module | None
    cell_id: str
    error: str
    line: int
    moment: float

    def defines(self, names: Sequence[str]) -> dict[str, int]:
        """Which of the names the cell defines, and in which line that is done."""
        if self.tree:
            return {name: line for name, line in _bindings(self.tree, 0) if name in names}
        pattern = r"^(?:async +)?(?:def|class) +(\w+)|^(\w+) *(?::[^=\n]*)?=(?!=)"  # a SyntaxError leaves no tree
        return {name: 0 for pair in re.findall(pattern, self.text, re.MULTILINE) for name in pair if name in names}

    def uses(self, names: Sequence[str]) -> bool:
        nodes = ast.walk(self.tree) if self.tree else ()
        return any(isinstance(node, ast.Name) and node.id in names for node in nodes)


_runs: deque[_Run] = deque(maxlen=1000)


def watch() -> None:
    """Note from now on how each cell ends. Without IPython there are no cells."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell:
        shell.events.register("post_run_cell", _note)  # which registers a function once only


def _note(result: Any) -> None:
    text = getattr(result.info, "raw_cell", "") or ""
    code = getattr(result.info, "transformed_cell", None) or text
    if text.startswith("%%"):  # such as %%time, which runs the rest
        code = f"\n{code}" if (code := text.partition("\n")[2]) else ""
    tree = None
    with contextlib.suppress(SyntaxError, ValueError):
        tree = None if result.error_before_exec else ast.parse(code)
    error = result.error_before_exec or result.error_in_exec
    line = getattr(error, "lineno", 0) if isinstance(error, SyntaxError) else _line(error) + text.startswith("%%")
    name = type(error).__name__ if error else ""
    cell_id = getattr(result.info, "cell_id", None) or ""
    _runs.append(_Run(text, tree, cell_id, name, line or 0, time.time()))


def _line(error: BaseException | None) -> int:
    """The line of the cell itself on the way to an exception."""
    step, line = error.__traceback__ if error else None, 0
    while step:
        frame = step.tb_frame
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__main__":
            line = step.tb_lineno
        step = step.tb_next
    return line


def _bindings(node: ast.AST, end: int) -> Iterator[tuple[str, int]]:
    """The global names that code assigns, each with the line in which that is done, the first one last."""
    for child in reversed(list(ast.iter_child_nodes(node))):
        last = getattr(child, "end_lineno", end)
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield child.name, last
        elif isinstance(child, ast.alias):
            yield (child.asname or child.name).partition(".")[0], end
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id, end or last
        elif not isinstance(child, _OWN_NAMES):
            inner = 0 if isinstance(child, _COMPOUND) else last if isinstance(child, ast.stmt) else end
            yield from _bindings(child, inner)


def _is_answer(text: str, task_id: str) -> bool:
    """Whether a cell begins with the comment of a task's answer, ``# Task 2.5``."""
    return bool(re.match(rf"\s*(%%.*\n\s*)?#\s*Task {re.escape(task_id)}[ .:]*(\n|$)", text))


def stale(task_id: str, names: Sequence[str], namespace: dict[str, Any]) -> str:
    """What is to be said where the newest version of an answer's cell is not what its names hold; usually nothing.

    Args:
        task_id: the answer's cell begins with ``# Task`` and this id.
        names: what the task asks for.
        namespace: the notebook's global names.

    >>> stale("2.5", ["accuracy"], {})
    ''
    """
    ids = {run.cell_id for run in _runs if run.cell_id and run.defines(names)}
    for run in reversed(_runs):
        defined, same = run.defines(names), run.cell_id in ids
        if not defined and (run.uses(names) or not (same or _is_answer(run.text, task_id))):
            continue  # a cell that tries the answer out, or has nothing to do with it
        behind = "; this verdict is about the version before it" if any(name in namespace for name in names) else ""
        if run.error and (not run.tree or not defined or max(defined.values()) >= run.line > 0):
            line = f" on line {run.line}" if run.line else ""
            return f"Your last version of this cell stopped with {run.error}{line}{behind}."
        if not run.error and not defined:
            if not same:
                continue
            return f"Your last version of this cell does not define {' and '.join(names)}{behind}."
        return _saved_later(run, task_id, namespace)
    return ""


def _saved_later(run: _Run, task_id: str, namespace: dict[str, Any]) -> str:
    """What is to be said where the notebook's file holds a version of the cell that was saved, but never run."""
    from lecture_utils.grading.records import notebook_file

    file = notebook_file(namespace)
    try:
        if not file or file.stat().st_mtime <= run.moment:
            return ""
        cells = json.loads(Path(file).read_text(encoding="utf-8"))["cells"]
        texts = ["".join(c["source"]) for c in cells if run.cell_id and c.get("id") == run.cell_id]
        texts = texts or [t for c in cells if _is_answer(t := "".join(c["source"]), task_id)]
        trees = [ast.dump(ast.parse(text)) for text in (*texts, run.text)]  # a formatter may have been at work
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SyntaxError):
        return ""
    if len(trees) != 2 or trees[0] == trees[1]:
        return ""
    return "The notebook was saved with another version of this cell, which was not run; this is about the last run."
