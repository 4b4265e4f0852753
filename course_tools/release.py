"""Make the exercise that students get from its solution: stubs, hints and a folded answer.

The markers ``# BEGIN SOLUTION`` and ``# END SOLUTION`` and the cells' metadata are nbgrader's, so
``nbgrader generate_assignment`` can read a solution, too.
"""

import ast
import json
import re
import textwrap
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_markdown_cell

from course_tools.notebooks import KERNELSPEC, CourseError, read_notebook
from lecture_grader.repair import task_id_of
from lecture_utils.files import write_text
from lecture_utils.grading.tasks import Exercise, Task, checks_folder, load_exercise

# A cell that checks a task: check("2.1"), or with an instructor's own file check("9.1", checks="my_checks.py").
_CHECK = re.compile(r"""check\(["'](\d+\.\d+)["'](?:, *checks=["'][^"'\n]+["'])?\)""")
_BLOCK = re.compile(
    r"^([ \t]*)# BEGIN SOLUTION[ \t]*\n(.*?)^[ \t]*# END SOLUTION[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_ANSWERS_ARE_FOLDED = re.compile(
    r"\bhints and (?:an|the) answer are folded\b"
)  # in the texts of the course's exercises
_TO_FILL_IN = "*Write your answer here.*"


def load_checks(which: str | Path) -> Exercise:
    """Load the checks of an exercise of the course, or a file of checks of one's own.

    Raises:
        CourseError: there is no such file, or it fails when it is run; the message names the line.

    >>> load_checks("2").number, load_checks(checks_folder() / "exercise_02.py").number
    ('02', '02')
    """
    if isinstance(which, Path) and not which.is_file():
        raise CourseError(f"there is no file of checks {which}")
    try:
        return load_exercise(which)
    except ValueError as error:
        more = "" if isinstance(which, Path) else "; a file of checks of your own is named with --checks"
        raise CourseError(f"{error}{more}") from error
    except SyntaxError as error:
        raise CourseError(f"{which}, line {error.lineno}: {error.msg}") from error
    except Exception as error:  # a file of checks is a program and may fail in any way
        steps = traceback.extract_tb(error.__traceback__)
        lines = [f", line {step.lineno}" for step in steps if step.filename.startswith(str(which))]
        raise CourseError(f"{which}{lines[-1] if lines else ''}: {type(error).__name__}: {error}") from error


def write_exercise(
    path: Path, exercise: Exercise, folder: Path, *, answers: bool = True, last_hint: bool = True
) -> list[Path]:
    """Write the exercise of the solution ``path`` into a folder, beside it a file of checks of one's own.

    Args:
        answers, last_hint: see :func:`make_exercise`.

    Returns:
        The files that students need.

    Raises:
        CourseError: it cannot be made, a student could not run it, or the solution would be overwritten.
    """
    solution = read_notebook(path)
    made = make_exercise(solution, exercise, answers=answers, last_hint=last_hint)
    if faults := list(find_obstacles(solution, exercise)):
        raise CourseError("\n".join(f"{path.name}: {fault}" for fault in faults))
    targets = [folder / path.name]
    if targets[0].resolve() == path.resolve():
        raise CourseError(f"{path} would be overwritten: name another folder with --out")
    write_text(targets[0], nbformat.writes(made) + "\n")
    if _is_own(exercise):
        targets.append(folder / Path(exercise.file[0]).name)
        if targets[1].resolve() != Path(exercise.file[0]).resolve():
            write_text(targets[1], checks_for_students(exercise, last_hint=last_hint))
    return targets


def checks_for_students(exercise: Exercise, *, last_hint: bool = True) -> str:
    """Return the source of a file of checks without what a student should not read.

    Rubrics of tasks that a person marks are left out, and without ``last_hint`` what :func:`make_exercise` leaves out.

    Raises:
        CourseError: such a text is not written as a plain string, so that it cannot be found.
    """
    secrets = {task.manual: "A person marks this task." for task in exercise.tasks if task.manual}
    for task in () if last_hint else exercise.tasks:
        secrets |= dict.fromkeys(set(task.hints) - set(_shown_hints(task, False)), "This hint is not given here.")
    path, content = exercise.file
    lines = content.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines))]
    places = []
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in secrets:
            begin, end = starts[node.lineno - 1] + node.col_offset, starts[(node.end_lineno or 0) - 1]
            places.append((begin, end + (node.end_col_offset or 0), node.value))
    for begin, end, secret in sorted(places, reverse=True):
        content = content[:begin] + json.dumps(secrets[secret]).encode() + content[end:]
    found = {secret for _, _, secret in places}
    if hidden := [secret for secret in secrets if secret not in found]:
        words = "write it as one string without {} or +, so that it can be left out of what students get"
        raise CourseError(f"{Path(path).name}: {hidden[0][:60]!r}: {words}")
    return content.decode()


def _shown_hints(task: Task, last_hint: bool) -> tuple[str, ...]:
    return task.hints if last_hint or len(task.hints) < 3 else task.hints[:-1]


def _is_own(exercise: Exercise) -> bool:
    return Path(exercise.file[0]).resolve().parent != checks_folder()


def make_exercise(
    solution: nbformat.NotebookNode, exercise: Exercise, *, answers: bool = True, last_hint: bool = True
) -> nbformat.NotebookNode:
    """Make the exercise of a solution: no outputs, stubs for solutions, hints and answers folded.

    Args:
        answers: False leaves the folded answers out.
        last_hint: False leaves out the last hint of each task that has at least three: it is nearly the answer.

    Raises:
        CourseError: cells, markers or headings do not fit the tasks; the message names the cell.
    """
    cells, faults = [], list[str]()
    unchecked = {task.id: task for task in exercise.tasks}
    found: dict[str, list[str]] = {}
    by_hand = {task.id for task in exercise.tasks if task.manual}
    for number, cell in enumerate(map(nbformat.from_dict, solution.cells), 1):
        cells.append(cell)
        if cell.cell_type == "markdown" and (task_id := task_id_of(cell.source)) in by_hand:
            first, _, text = cell.source.strip().partition("\n")
            found.setdefault(str(task_id), []).append(text.strip())
            cell.source = f"{first}\n\n{_TO_FILL_IN}"
        elif cell.cell_type == "markdown" and not answers:
            cell.source = _ANSWERS_ARE_FOLDED.sub("hints are folded", cell.source)
        if cell.cell_type != "code":
            continue
        cell.outputs = []
        cell.execution_count = None
        if task_id := task_id_of(cell.source):
            lines = [line for line in cell.source.splitlines() if not re.match(r"\s*# (BEGIN|END) SOLUTION", line)]
            found.setdefault(task_id, []).append("\n".join(lines))
            cell.source = stub(cell.source, task_id)
            cell.metadata.setdefault("nbgrader", nbgrader_metadata(cell.get("id") or _prefix(task_id)))
        elif "BEGIN SOLUTION" in cell.source:
            raise CourseError(f"cell {number}: a solution outside a task; begin the cell with `# Task N.M`")
        if checked := _CHECK.fullmatch(cell.source.strip()):
            task = unchecked.pop(checked[1], None)
            if task is None or task.id not in found:
                raise CourseError(f"cell {number}: {checked[1]} is no task, is checked twice, or has no solution")
            name = cell.get("id") or f"{_prefix(task.id)}-check"
            cell.metadata.setdefault("nbgrader", nbgrader_metadata(name, task.points))
            faults += _compare(solution, task, cell, number)
            cells += _folds(task, "\n\n".join(found[task.id]) if answers else "", last_hint)
    if unchecked:
        faults.append(f"no cell `check(...)` for the tasks {', '.join(unchecked)}")
    if faults:
        raise CourseError("\n".join(faults))
    metadata = {"kernelspec": solution.metadata.get("kernelspec", KERNELSPEC), "language_info": {"name": "python"}}
    released = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.validate(released)
    return released


def stub(source: str, task_id: str) -> str:
    """Return the source with each solution replaced by something to fill in.

    In a function that is ``raise NotImplementedError(...)``; at the top level, ``NAME = ...`` for each name that the
    solution assigns.

    Raises:
        CourseError: markers without a pair, or a stub that is not Python.
    """

    def replace(match: re.Match) -> str:
        indent, body = match[1], textwrap.dedent(match[2])
        if indent:
            return f'{indent}raise NotImplementedError("Task {task_id}: write this part")\n'
        names: dict[str, None] = {}
        for statement in ast.parse(body).body:
            if isinstance(statement, (ast.Assign, ast.AnnAssign)):
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                stored = [node for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
                names |= dict.fromkeys(node.id for node in stored if isinstance(node.ctx, ast.Store))
        return "".join(f"{name} = ...\n" for name in names)

    if not _BLOCK.search(source):
        raise CourseError(f"task {task_id}: no `# BEGIN SOLUTION` ... `# END SOLUTION` in its cell")
    try:
        result = _BLOCK.sub(replace, source).rstrip("\n")
    except SyntaxError as error:
        raise CourseError(f"task {task_id}: the solution is not Python ({error.msg})") from error
    inside = "".join(match[2] for match in _BLOCK.finditer(source))
    if "BEGIN SOLUTION" in result + inside or "END SOLUTION" in result:
        raise CourseError(f"task {task_id}: a marker `# BEGIN SOLUTION` or `# END SOLUTION` has no partner")
    try:
        ast.parse(result)
    except SyntaxError as error:
        raise CourseError(f"task {task_id}: the stub is not Python (line {error.lineno})") from error
    return result


def heading(task: Task) -> str:
    """Return the lines that a task's text begins with: its title, points, difficulty and minutes."""
    stars = "●" * task.difficulty + "○" * (3 - task.difficulty)
    points = f"{task.points:g} point{'s' * (task.points != 1)}"
    return f"## Task {task.id}: {task.title}\n\n*{points} · difficulty {stars} · about {task.minutes} minutes*"


def _compare(
    solution: nbformat.NotebookNode, task: Task, check_cell: nbformat.NotebookNode, number: int
) -> Iterator[str]:
    """Say where the task's heading is not there, or nbgrader's points are not those of the task."""
    if not any(c.cell_type == "markdown" and c.source.startswith(heading(task)) for c in solution.cells):
        yield f"task {task.id}: no text begins with these three lines:\n{heading(task)}"
    points = check_cell.metadata["nbgrader"].get("points")
    if points != task.points:
        where = "correct them in the cell's metadata (in JupyterLab, the gear at the right)"
        yield f"cell {number}: nbgrader's points are {points}, the task's {task.points}: {where}"


def nbgrader_metadata(name: str, points: float | None = None) -> dict[str, Any]:
    """Return the metadata that nbgrader needs: of a check's cell if ``points`` are given, otherwise of an answer's.

    >>> nbgrader_metadata("task-9-1-check", 2)["points"], nbgrader_metadata("task-9-1")["solution"]
    (2, True)
    """
    graded = points is not None
    data = {"grade": graded, "grade_id": name, "locked": graded, "schema_version": 3, "solution": not graded}
    return data | {"task": False} | ({"points": points} if graded else {})


def _prefix(task_id: str) -> str:
    """What the ids of a task's cells begin with."""
    return f"task-{task_id.replace('.', '-')}"


def _folds(task: Task, answer: str, last_hint: bool) -> list[nbformat.NotebookNode]:
    """The folded hints and, unless it is empty, the folded answer."""
    shown = _shown_hints(task, last_hint)
    hints = "\n\n".join(
        f"<details><summary>Hint {number} of {len(shown)}</summary>\n\n{hint}\n\n</details>"
        for number, hint in enumerate(shown, 1)
    )
    others = "Other ways can be right too: `check` looks at what the code does."
    text = answer if task.manual else f"```python\n{answer}\n```\n\n{others}"
    fold = f"<details><summary>Answer: open it only if you are really stuck</summary>\n\n{text}\n\n</details>"
    prefix = _prefix(task.id)
    cells = [new_markdown_cell(hints, id=f"{prefix}-hints")] if shown else []
    return cells + ([new_markdown_cell(fold, id=f"{prefix}-answer")] if answer else [])


def find_obstacles(solution: nbformat.NotebookNode, exercise: Exercise) -> Iterator[str]:
    """Yield what would keep a student from running the exercise, each a sentence that says what to do.

    >>> cells = [nbformat.v4.new_code_cell('check("2.1")')]
    >>> list(find_obstacles(nbformat.v4.new_notebook(cells=cells), load_checks("2")))
    ['cell 1 calls check: write `from lecture_utils import check` into a cell above']
    """
    own = Path(exercise.file[0]).name if _is_own(exercise) else ""
    imported: set[str] = set()
    for number, cell in enumerate(solution.cells, 1):
        if cell.cell_type != "code":
            continue
        try:
            tree = ast.parse(TransformerManager().transform_cell(cell.source))
        except (SyntaxError, ValueError) as error:
            line = f" (line {error.lineno}: {error.msg})" if isinstance(error, SyntaxError) else f" ({error})"
            yield f"cell {number} is not Python{line}"
            continue
        imported |= _imported(tree)
        for name, call in _calls_of_the_course(tree):
            if name not in imported:
                yield f"cell {number} calls {name}: write `from lecture_utils import {name}` into a cell above"
            given = [k.value.value for k in call.keywords if k.arg == "checks" and isinstance(k.value, ast.Constant)]
            if own and given != [own]:
                arguments = ", ".join([*map(ast.unparse, call.args), f'checks="{own}"'])
                yield f"cell {number}: write {name}({arguments}), since students get your checks beside the notebook"
    missing = _imported(ast.parse(exercise.setup)) - imported
    if own and missing:
        yield f"no cell imports {', '.join(sorted(missing))}, which SETUP of {own} says the notebook does"


def _calls_of_the_course(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """The calls that look for a file of checks, with the name of what they call."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id in ("check", "progress", "hand_in"):
            yield call.func.id, call


def _imported(tree: ast.AST) -> set[str]:
    """The names that the imports of a program bind."""
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {alias.asname or alias.name.partition(".")[0] for node in imports for alias in node.names} - {"*"}
