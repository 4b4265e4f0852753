"""``lecture new-exercise``: write the files of an exercise of one's own, as a working example to change."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_tools.notebooks import KERNELSPEC, CourseError
from course_tools.release import heading, load_checks, nbgrader_metadata
from lecture_grader.repair import task_id_of
from lecture_utils.files import write_text
from lecture_utils.grading.tasks import Exercise

TEMPLATES = Path(__file__).with_name("templates") / "exercise"


def new_exercise(number: int, title: str, folder: Path) -> list[Path]:
    """Write a file of checks, a solution that passes them, and a file of wrong and right answers.

    Args:
        number: of the exercise, 1 to 99; its tasks are called ``NUMBER.1``, ``NUMBER.2`` and so on.
        title: of the exercise; letters and digits of it become the notebook's name.
        folder: where the files go; it is made if it does not exist.

    Returns:
        The checks, the solution and the answers.

    Raises:
        CourseError: one of the files exists, or the number or the title is not possible; nothing is written then.

    >>> [path.name for path in new_exercise(9, "Softmax by hand", Path("mine"))]
    ['exercise_09.py', '09_softmax_by_hand.ipynb', 'answers_09.py']
    """
    if not 1 <= number <= 99:
        raise CourseError(f"the number {number} is not possible: choose one from 1 to 99")
    if not title.isprintable() or not title.strip() or set('"\\') & set(title):
        raise CourseError("the title has to be one line of text without quotation marks and backslashes")
    slug = re.sub(r"\W+", "_", title.lower(), flags=re.ASCII).strip("_") or "my_exercise"
    checks, notebook, answers = (
        folder / name
        for name in (f"exercise_{number:02d}.py", f"{number:02d}_{slug}.ipynb", f"answers_{number:02d}.py")
    )
    if there := [path for path in (checks, notebook, answers) if path.exists()]:
        raise CourseError(f"{there[0]} exists, and no file is overwritten: name another folder with --out")
    words = {"@N@": str(number), "@TITLE@": title, "@CHECKS@": checks.name}
    write_text(checks, _filled("checks.txt", words))
    write_text(answers, _filled("answers.txt", words))
    exercise = load_checks(checks)
    cells = list(_cells(_filled("solution.txt", words), exercise))
    metadata = {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    made = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.validate(made)
    write_text(notebook, nbformat.writes(made) + "\n")
    return [checks, notebook, answers]


def _filled(name: str, words: dict[str, str]) -> str:
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    for place, word in words.items():
        text = text.replace(place, word)
    return text


def _cells(text: str, exercise: Exercise) -> Iterator[nbformat.NotebookNode]:
    """The cells of the solution: code between fences, and what is between the code as Markdown."""
    for task in exercise.tasks:
        text = text.replace(f"@HEADING {task.id}@", heading(task))
    about, points = "title", 0.0  # the task or the part of the notebook that comes next
    for number, part in enumerate(re.split(r"^```python\n(.*?)^```\n", text, flags=re.DOTALL | re.MULTILINE)):
        source = part.strip()
        if number % 2 == 0 and source:
            if begun := re.match(r"## (?:Task (\d+\.\d+))?", source):
                about = f"task-{begun[1].replace('.', '-')}" if begun[1] else "hand-in"
                points = exercise[begun[1]].points if begun[1] else 0
            yield new_markdown_cell(source, id="title" if about == "title" else f"{about}-text")
        elif number % 2 and task_id_of(source):
            yield new_code_cell(source, id=about, metadata={"nbgrader": nbgrader_metadata(about)})
        elif number % 2 and source.startswith("check("):
            name = f"{about}-check"
            yield new_code_cell(source, id=name, metadata={"nbgrader": nbgrader_metadata(name, points)})
        elif number % 2:
            yield new_code_cell(source, id="imports" if about == "title" else about)
