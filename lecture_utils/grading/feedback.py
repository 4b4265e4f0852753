"""``check("2.3")``: judge an answer in the notebook where it was written, and say how it went.

While a class is graded, the process that runs a stranger's notebook imports this module. Tasks, comparison and hints
are therefore imported only when ``check`` runs them.
"""

import html
import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lecture_utils.grading.progress import Deferred, remember

if TYPE_CHECKING:
    from lecture_utils.grading.tasks import Task
    from lecture_utils.grading.verdict import Verdict

_COLORS = {"passed": "#00704a", "failed": "#b03a00", "todo": "#5f5f5f"}


class Feedback:
    """A ``verdict`` as a notebook shows it, as text and as HTML."""

    def __init__(self, task: "Task", verdict: "Verdict"):
        self.task = task
        self.verdict = verdict

    def _lines(self) -> list[tuple[str, str]]:
        """A mark with the title, then labels with their texts; a label may be empty."""
        task, verdict = self.task, self.verdict
        name = f"Task {task.id}, {task.title}"
        if verdict.status == "passed":
            cases = f"{verdict.cases} visible case{'s' * (verdict.cases != 1)} passed"
            more = f"; {task.hidden} more are run when graded" if task.hidden else ""
            return [("✓", f"{name}: {cases}{more}."), ("", f"{task.points} point{'s' * (task.points != 1)}.")]
        if verdict.status == "todo":
            return [("○", f"{name}: not answered yet."), ("", verdict.message)]
        details = {"expected": verdict.expected, "got": verdict.got, "error": verdict.error, "at": verdict.where}
        details["hint"] = verdict.hint
        lines = [("✗", f"{name}: not right yet, in {verdict.case}."), ("", verdict.message)]
        return lines + [(label, text) for label, text in details.items() if text]

    def __repr__(self) -> str:
        return "\n".join(f"{label}{': ' if label.isalpha() else ' '}{text}".strip() for label, text in self._lines())

    def _repr_html_(self) -> str:
        (mark, title), *rest = self._lines()
        rows = "".join(f"<div>{f'<b>{label}:</b> ' if label else ''}{html.escape(text)}</div>" for label, text in rest)
        color = _COLORS[self.verdict.status]
        return (
            f'<div role="status" style="border-left: 6px solid {color}; padding: 4px 12px; overflow-wrap: anywhere">'
            f"<div><b>{mark} {html.escape(title)}</b></div>{rows}</div>"
        )


def check(task_id: str, *, checks: str | Path | None = None, seed: int | None = None) -> Feedback | Deferred:
    """Check the answer to a task on a few cases, and say how it went. More cases are run when a class is graded.

    Args:
        task_id: such as ``"2.3"``.
        checks: a file of checks of your own; default: the course's.
        seed: of the random inputs; default: a new one each time.

    Raises:
        ValueError: there is no such task.
        AssertionError: the answer is not right, and nbgrader is grading.

    >>> check("1.1")  # doctest: +SKIP
    ✓ Task 1.1, Arithmetic with broadcasting: 3 visible cases passed; 7 more are run when graded.
    2 points.
    """
    if os.environ.get("LECTURE_GRADING"):
        return Deferred()
    from lecture_utils.grading.state import restore_state
    from lecture_utils.grading.student import LiveStudent
    from lecture_utils.grading.tasks import load_exercise
    from lecture_utils.grading.verdict import for_report, run_check

    exercise = load_exercise(checks or str(task_id).split(".")[0])
    try:
        task = exercise[task_id]
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    nbgrader = bool(os.environ.get("NBGRADER_EXECUTION"))
    names = notebook_names()
    with restore_state(names):
        seed = secrets.randbits(32) if seed is None else seed
        verdict = run_check(task, LiveStudent(names), seed, hidden=nbgrader)
    if not nbgrader:
        remember(task.id, verdict.status)
    elif verdict.status != "passed":
        shown = for_report(verdict, exercise)  # the student will read it
        raise AssertionError(f"{shown.status}: {shown.message} {shown.hint}")
    return Feedback(task, verdict)


def notebook_names() -> dict[str, Any]:
    """The global names of the notebook, or of the main program where there is no IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell.user_ns if shell else vars(sys.modules["__main__"])
