"""``hand_in("2")``: check a notebook once more before it is handed in.

As for ``feedback``, the process that runs a submission may import this module, but not tasks.
"""

import datetime
import html
import json
import os
import sys
from pathlib import Path

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
        return f"{self.progress._repr_html_()}<p><b>To hand in</b></p><ol>{steps}</ol>"


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
    left = progress.open
    if left:
        some = f"Task {left[0]} is" if len(left) == 1 else f"Tasks {', '.join(left)} are"
        first = f"{some} not solved yet. You can hand in all the same: each task that is solved earns its points."
    else:
        first = "All visible cases pass. More cases are tried when the exercise is graded."
    again = (
        "If you ran cells out of order, restart the kernel and run all cells once, since that is how the notebook is "
        "graded: with its cells from top to bottom."
    )
    where = "Upload it where your teacher says. Its name and its outputs do not matter: its code is run again."
    return HandIn(progress, [first, again, _which_file(exercise, checks), where])


def _which_file(exercise: str | int, checks: str | Path | None) -> str:
    """Name the notebook's file, and the answers that were run but not saved."""
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
    name, where = file, ""
    if file.is_relative_to(course_folder()):
        name, where = file.relative_to(course_folder()), " in the course's folder"
    day = "today" if saved.date() == datetime.date.today() else f"on {saved:%Y-%m-%d}"
    tasks = load_exercise(checks or str(exercise)).tasks
    unsaved = [task.id for task in tasks if not is_saved(task.names, sources)]
    if unsaved:
        return (
            f"Save this notebook first (Ctrl+S, or Cmd+S on a Mac), and run this cell again: {name}, saved {day} at "
            f"{saved:%H:%M}, does not contain your last answer to {', '.join(unsaved)}."
        )
    return f"The file to hand in is {name}{where}, saved {day} at {saved:%H:%M}."
