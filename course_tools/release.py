"""Make the exercise that students get from its solution: stubs, hints and a folded answer.

The markers ``# BEGIN SOLUTION`` and ``# END SOLUTION`` and the cells' metadata are nbgrader's, so
``nbgrader generate_assignment`` can read a solution, too.
"""

import ast
import re
import textwrap

import nbformat
from nbformat.v4 import new_markdown_cell

from course_tools.notebooks import KERNELSPEC, CourseError
from lecture_grader.repair import task_id_of
from lecture_utils.grading.tasks import Exercise, Task

# A cell that checks a task: check("2.1"), or with an instructor's own file check("9.1", checks="my_checks.py").
_CHECK = re.compile(r"""check\(["'](\d+\.\d+)["'](?:, *checks=["'][^"'\n]+["'])?\)""")
_BLOCK = re.compile(
    r"^([ \t]*)# BEGIN SOLUTION[ \t]*\n(.*?)^[ \t]*# END SOLUTION[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)


def make_exercise(solution: nbformat.NotebookNode, exercise: Exercise) -> nbformat.NotebookNode:
    """Make the exercise of a solution: no outputs, stubs for solutions, hints and answers folded.

    Raises:
        CourseError: cells, markers or headings do not fit the tasks; the message names the cell.
    """
    cells = []
    unchecked = {task.id: task for task in exercise.tasks}
    answers: dict[str, list[str]] = {}
    for number, cell in enumerate(map(nbformat.from_dict, solution.cells), 1):
        cells.append(cell)
        if cell.cell_type != "code":
            continue
        cell.outputs = []
        cell.execution_count = None
        if task_id := task_id_of(cell.source):
            lines = [line for line in cell.source.splitlines() if not re.match(r"\s*# (BEGIN|END) SOLUTION", line)]
            answers.setdefault(task_id, []).append("\n".join(lines))
            cell.source = stub(cell.source, task_id)
        elif "BEGIN SOLUTION" in cell.source:
            raise CourseError(f"cell {number}: a solution outside a task; begin the cell with `# Task N.M`")
        if checked := _CHECK.fullmatch(cell.source.strip()):
            task = unchecked.pop(checked[1], None)
            if task is None or task.id not in answers:
                raise CourseError(f"cell {number}: {checked[1]} is no task, is checked twice, or has no solution")
            _compare(solution, task, cell, number)
            cells += _folds(task, "\n\n".join(answers[task.id]))
    if unchecked:
        raise CourseError(f"no cell `check(...)` for the tasks {', '.join(unchecked)}")
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
    points = f"{task.points} point{'s' * (task.points != 1)}"
    return f"## Task {task.id}: {task.title}\n\n*{points} · difficulty {stars} · about {task.minutes} minutes*"


def _compare(solution: nbformat.NotebookNode, task: Task, check_cell: nbformat.NotebookNode, number: int) -> None:
    """Check that the task's heading is there and that nbgrader's points are those of the task."""
    if not any(c.cell_type == "markdown" and c.source.startswith(heading(task)) for c in solution.cells):
        raise CourseError(f"task {task.id}: no text begins with {heading(task)!r}")
    points = check_cell.metadata.get("nbgrader", {}).get("points")
    if points != task.points:
        raise CourseError(f"cell {number}: nbgrader's points are {points}, the task's {task.points}")


def _folds(task: Task, answer: str) -> list[nbformat.NotebookNode]:
    hints = "\n\n".join(
        f"<details><summary>Hint {number} of {len(task.hints)}</summary>\n\n{hint}\n\n</details>"
        for number, hint in enumerate(task.hints, 1)
    )
    fold = (
        "<details><summary>Answer: open it only if you are really stuck</summary>\n\n"
        f"```python\n{answer}\n```\n\nOther ways can be right too: `check` looks at what the code does.\n\n</details>"
    )
    prefix = f"task-{task.id.replace('.', '-')}"
    return [new_markdown_cell(hints, id=f"{prefix}-hints"), new_markdown_cell(fold, id=f"{prefix}-answer")]
