"""``hand_in("2")``: check a notebook once more before it is handed in.

As for ``feedback``, the process that runs a submission may import this module, but not tasks.
"""

import datetime
import html
import json
import os
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from lecture_utils.grading import feedback
from lecture_utils.grading.progress import Progress, points_now
from lecture_utils.grading.records import course_folder, notebook_file


class HandIn:
    """The points that a notebook's answers get now, and what to do with the notebook.

    Attributes:
        progress: the points.
        sentences: what to do, in order.
    """

    def __init__(self, progress: Progress, sentences: list[str]):
        self.progress, self.sentences = progress, sentences

    def __repr__(self) -> str:
        steps = [f"{number}. {sentence}" for number, sentence in enumerate(self.sentences, 1)]
        return "\n".join([repr(self.progress), "", "To hand in:", *steps])

    def _repr_html_(self) -> str:
        steps = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.sentences)
        head = '<p style="margin-top: 1em"><b>To hand in</b></p>'
        return f"{self.progress._repr_html_()}{head}<ol>{steps}</ol>"


def hand_in(exercise: str | int, *, checks: str | Path | None = None) -> HandIn | feedback.Deferred:
    """Check the answers as they are now, and say which file to hand in. Nothing is sent anywhere.

    Args:
        exercise: its number.
        checks: a file of checks of your own; default: the course's.

    Raises:
        ValueError: there is no such exercise.

    >>> hand_in("2").progress.points  # doctest: +SKIP
    22
    """
    if os.environ.get("LECTURE_GRADING"):
        return feedback.Deferred()
    progress = points_now(exercise, checks)
    unchecked = progress.unchecked
    left = [task for task in progress.open if task not in unchecked]
    if left:
        some = f"Task {left[0]} is" if len(left) == 1 else f"Tasks {', '.join(left)} are"
        first = f"{some} not solved yet. You can hand in all the same: each task that is solved earns its points."
    elif unchecked:
        first = "All visible cases of the other tasks pass."
    else:
        first = "All visible cases pass. More cases are tried when the exercise is graded."
    if unchecked:
        some = f"Task {unchecked[0]} was" if len(unchecked) == 1 else f"Tasks {', '.join(unchecked)} were"
        calls = ", ".join(f'check("{task}")' for task in unchecked)
        first += f" {some} not checked, since the others took too long: run {calls}, and then this cell again."
    again = (
        "If you ran cells out of order, restart the kernel and run all cells once, since that is how the notebook is "
        "graded: with its cells from top to bottom."
    )
    where = "Upload it where your teacher says. Its name and its outputs do not matter: its code is run again."
    return HandIn(progress, [first, again, _which_file(exercise, checks), where])


def _which_file(exercise: str | int, checks: str | Path | None) -> str:
    """Name the notebook's file, or what an answer needs that the file does not contain."""
    from lecture_utils.grading.cells import is_saved
    from lecture_utils.grading.tasks import load_exercise

    if "google.colab" in sys.modules:
        return "Choose File > Download > Download .ipynb: the downloaded file is the one to hand in."
    file = notebook_file(feedback.notebook_names())
    try:
        assert file
        saved = datetime.datetime.fromtimestamp(file.stat().st_mtime)
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells]
    except (AssertionError, OSError, ValueError, KeyError, TypeError):
        return "Save this notebook (Ctrl+S, or Cmd+S on a Mac): its file is the one to hand in."
    shown, where = file, ""
    if file.is_relative_to(course_folder()):
        shown, where = file.relative_to(course_folder()), " in the course's folder"
    day = "today" if saved.date() == datetime.date.today() else f"on {saved:%Y-%m-%d}"
    tasks = load_exercise(checks or str(exercise)).tasks
    unsaved = [task.id for task in tasks if not is_saved(task.names, sources)]
    used = _names_used([n for task in tasks for n in task.names])
    missing = f"your last answer to task {' and task '.join(unsaved)}" if unsaved else ""
    if not unsaved and (helpers := [name for name in used if not is_saved([name], sources)]):
        missing = f"your last version of {', '.join(helpers)}, which an answer uses"
    if missing:
        return (
            f"Save this notebook first (Ctrl+S, or Cmd+S on a Mac), and run this cell again: {shown}, saved {day} at "
            f"{saved:%H:%M}, does not contain {missing}. If this notebook has another name by now, restart the kernel "
            "first, and run all cells."
        )
    if beside := _files_used(used, file.parent):
        return f"An answer uses {', '.join(beside)}, but only the notebook is handed in: copy what is needed into it."
    return f"The file to hand in is {shown}{where}, saved {day} at {saved:%H:%M}."


def _names_used(wanted: list[str]) -> dict[str, Any]:
    """The notebook's names to which these lead through functions and classes, these included, and their values."""
    from lecture_utils.grading.values import global_names

    names = feedback.notebook_names()
    found = {name: names[name] for name in wanted if name in names}
    waiting = [*found]
    while waiting:
        value = found[waiting.pop()]
        kind = value if isinstance(value, type) else type(value)
        for part in (value, *(vars(kind).values() if kind.__module__ == "__main__" else ())):
            if isinstance(part, FunctionType) and part.__globals__ is names:
                new = {name: names[name] for name in global_names(part.__code__) if name in names} | found
                waiting += new.keys() - found.keys()
                found = new
    return found


def _files_used(names: dict[str, Any], folder: Path) -> list[str]:
    """The Python files beside the notebook from which these values come."""
    modules = {v.__name__ if isinstance(v, ModuleType) else str(getattr(v, "__module__", "")) for v in names.values()}
    own = [sys.modules.get(name) for name in modules if not name.startswith("lecture_")]
    files = [Path(file).resolve() for module in own if (file := getattr(module, "__file__", None))]
    return sorted({file.name for file in files if folder.resolve() in file.parents[:2]})
