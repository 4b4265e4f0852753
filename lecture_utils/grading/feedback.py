"""``check("2.3")``: judge an answer in the notebook where it was written, and say how it went.

While a class is graded, the process that runs a stranger's notebook imports this module. Tasks, comparison and hints
are therefore imported only when ``check`` runs them.
"""

import html
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lecture_utils.grading.records import Deferred

if TYPE_CHECKING:
    from lecture_utils.grading.live import Attempt, Case
    from lecture_utils.grading.tasks import Task

_COLORS = {"passed": "#00704a", "failed": "#b03a00", "todo": "#5f5f5f"}
_FIRST_TIME = "Look at what was seen; if the same happens again, a hint is shown here."
_hinted: set[tuple[str, str]] = set()  # by file and task, and the hint that the next failure of its kind shows

if not os.environ.get("LECTURE_GRADING"):
    from lecture_utils.grading.cells import watch

    watch()


class Feedback:
    """What a check found, as a notebook shows it, as text and as HTML.

    Attributes:
        task: the task.
        verdict: see :class:`~lecture_utils.grading.verdict.Verdict`; its ``hint`` is there the first time, too.
    """

    def __init__(self, task: "Task", attempt: "Attempt", hint: str):
        self.task = task
        self.verdict = attempt.verdict
        self._attempt = attempt
        self._hint = hint

    @property
    def case(self) -> "Case":
        """The call that was judged last, with copies of its ``args`` and ``kwargs``; ``case()`` repeats it.

        Raises:
            LookupError: the check called no function of the answer.
        """
        if self._attempt.last is None:
            raise LookupError(f"the check of task {self.task.id} called no function of yours by its name")
        return self._attempt.last

    def _lines(self) -> list[tuple[str, str]]:
        """A mark with the title, then labels with their texts; a label may be empty."""
        first, *rest = self._judgement()
        return [first, *([("note", self._attempt.note)] if self._attempt.note else []), *rest]

    def _judgement(self) -> list[tuple[str, str]]:
        task, verdict, last = self.task, self.verdict, self._attempt.last
        name = f"Task {task.id}, {task.title}"
        if verdict.status == "passed":
            cases = f"{verdict.cases} visible case{'s' * (verdict.cases != 1)} passed"
            more = f"; {task.hidden} more are run when graded" if task.hidden else ""
            return [("✓", f"{name}: {cases}{more}."), ("", f"{task.points} point{'s' * (task.points != 1)}.")]
        if verdict.status == "todo":
            return [("○", f"{name}: not answered yet."), ("", verdict.message)]
        details = {"call": last.shown() if last else "", "expected": verdict.expected, "got": verdict.got}
        details |= {"error": verdict.error, "at": verdict.where, "hint": self._hint}
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


def check(
    task_id: str | float, *, checks: str | Path | None = None, seed: int | None = None, seconds: float | None = None
) -> Feedback | Deferred:
    """Check the answer to a task on a few cases, and say how it went. More cases are run when a class is graded.

    The first time that something goes wrong, the check says what it saw; when the same happens again, it gives a hint.

    Args:
        task_id: such as ``"2.3"``.
        checks: a file of checks of your own; default: the course's.
        seed: of the random inputs; default: a new one, and the same again until the answer passes.
        seconds: how long one call of the answer may take; default: 60.

    Raises:
        ValueError: there is no such task.
        AssertionError: the answer is not right, and nbgrader is grading.

    >>> check("1.1")  # doctest: +SKIP
    ✓ Task 1.1, Arithmetic with broadcasting: 3 visible cases passed; 7 more are run when graded.
    2 points.
    >>> check("1.1").case()  # the call that was judged last, once more  # doctest: +SKIP
    tensor([2., 4.])
    """
    if os.environ.get("LECTURE_GRADING"):
        return Deferred()
    from lecture_utils.grading.cells import watch
    from lecture_utils.grading.live import CALL_SECONDS, attempt, key_of
    from lecture_utils.grading.tasks import load_exercise

    watch()  # again, in case this module was imported before there was a shell
    task_id = str(task_id).strip()
    exercise = load_exercise(checks or task_id.split(".")[0])
    try:
        task = exercise[task_id]
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    nbgrader = bool(os.environ.get("NBGRADER_EXECUTION"))
    limit = CALL_SECONDS if seconds is None else seconds
    made = attempt(exercise, task, notebook_names(), seed=seed, seconds=limit, hidden=nbgrader)
    verdict = made.verdict
    if nbgrader and verdict.status != "passed":
        raise AssertionError(f"{verdict.status}: {verdict.message} {verdict.hint}")
    kind = key_of(exercise, task), verdict.hint
    again = kind in _hinted or made.too_long
    _hinted.add(kind)
    return Feedback(task, made, verdict.hint if again else _FIRST_TIME)


def notebook_names() -> dict[str, Any]:
    """The global names of the notebook, or of the main program where there is no IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell.user_ns if shell else vars(sys.modules["__main__"])
