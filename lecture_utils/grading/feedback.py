"""``check("2.3")``: judge an answer in the notebook where it was written, and show the result.

A submission that imports ``check`` brings this module into the process that runs it. That process must know no task, no
comparison and no hint, so ``check`` imports those itself, and in that process (``LECTURE_GRADING``) it does nothing.
"""

import html
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lecture_utils.grading.live import Attempt, Case
    from lecture_utils.grading.tasks import Task

_COLORS = {"passed": "#00704a", "failed": "#b03a00", "todo": "#5f5f5f", "manual": "#5f5f5f"}
_FIRST_TIME = "Compare what was expected with what you got. If the same happens again, a hint is shown here."
_failures: set[tuple[str, str]] = set()  # the task's key and the hint of each failure: its hint is shown next time

if not os.environ.get("LECTURE_GRADING"):
    from lecture_utils.grading.cells import watch

    watch()


def _with_code(text: str) -> str:
    """A text as HTML, in which what stands between backticks is code, as in Markdown."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", html.escape(text))


class Deferred:
    """What ``check`` and ``progress`` return while a class is graded: the checks run later, in another process.

    Whatever a notebook does with a real result, such as ``check("2.3").case()``, it can do with this one.
    """

    def __repr__(self) -> str:
        return "Checked from outside, after all cells have run."

    def __getattr__(self, name: str) -> "Deferred":
        if name.startswith("_"):  # IPython asks for methods such as _repr_png_
            raise AttributeError(name)
        return self

    def __call__(self, *args, **kwargs) -> "Deferred":
        return self


class Feedback:
    """What a check found. A notebook shows it as HTML, a terminal as text.

    Attributes:
        task: the task.
        verdict: see :class:`~lecture_utils.grading.verdict.Verdict`. It holds its hint from the first failure on.
    """

    def __init__(self, task: "Task", attempt: "Attempt", hint: str):
        self.task = task
        self.verdict = attempt.verdict
        self._attempt = attempt
        self._hint = hint  # as it is shown

    @property
    def case(self) -> "Case":
        """The call that was judged last, with its ``args`` and ``kwargs``; ``case()`` repeats it.

        Raises:
            LookupError: the check called no function of the answer.
        """
        if self._attempt.last is None:
            raise LookupError(f"the check of task {self.task.id} called no function of yours")
        return self._attempt.last

    def _lines(self) -> list[tuple[str, str]]:
        """The mark with the title, then pairs of a label, which may be empty, and a text."""
        task, verdict, last = self.task, self.verdict, self._attempt.last
        name = f"Task {task.id}, {task.title}"
        if verdict.status == "passed":
            cases = f"{verdict.cases} visible case{'s' * (verdict.cases != 1)} passed"
            more = f"; {task.hidden} more are run when graded" if task.hidden else ""
            lines = [("✓", f"{name}: {cases}{more}."), ("", f"{task.points} point{'s' * (task.points != 1)}.")]
        elif verdict.status == "manual":
            lines = [("✎", f"{name}: a person marks this task."), ("", f"Up to {task.points} points.")]
        elif verdict.status == "todo":
            lines = [("○", f"{name}: not answered yet."), ("", verdict.message)]
        else:
            details = {"case": verdict.case.removeprefix("case "), "call": last.shown() if last else ""}
            details |= {"expected": verdict.expected, "got": verdict.got}
            details |= {"error": verdict.error, "at": verdict.where, "hint": self._hint}
            words = f"right so far: {', '.join(verdict.parts)}" if verdict.parts else "not right yet"
            lines = [("✗", f"{name}: {words}."), ("", verdict.message)]
            lines += [(label, text) for label, text in details.items() if text]
        if self._attempt.note:
            lines.insert(1, ("note", self._attempt.note))
        return lines

    def __repr__(self) -> str:
        return "\n".join(f"{label}{': ' if label.isalpha() else ' '}{text}".strip() for label, text in self._lines())

    def _repr_html_(self) -> str:
        (mark, title), *rest = self._lines()
        rows = "".join(f"<div>{f'<b>{label}:</b> ' if label else ''}{_with_code(text)}</div>" for label, text in rest)
        color = _COLORS[self.verdict.status]
        return (
            f'<div role="status" style="border-left: 6px solid {color}; padding: 4px 12px; overflow-wrap: anywhere">'
            f"<div><b>{mark} {html.escape(title)}</b></div>{rows}</div>"
        )


def check(
    task_id: str | float, *, checks: str | Path | None = None, seed: int | None = None, seconds: float | None = None
) -> Feedback | Deferred:
    """Check the answer to a task on its visible cases. Further cases are run when a class is graded.

    The first failure shows what was seen. When the same failure occurs again, its hint is shown, too.

    Args:
        task_id: such as ``"2.3"``.
        checks: a file of checks of your own; default: the course's.
        seed: of the random inputs; default: a new one, which is kept until the answer passes.
        seconds: how long one call of the answer may take; default: 60.

    Raises:
        ValueError: there is no such task.
        AssertionError: nbgrader is grading, and the answer is wrong or missing.
        KeyboardInterrupt: the student stopped the check.

    >>> check("2.2")  # doctest: +SKIP
    ✓ Task 2.2, Mean squared error: 4 visible cases passed; 6 more are run when graded.
    2 points.
    >>> check("2.2").case()  # repeat the call that was judged last  # doctest: +SKIP
    tensor(3.7315, grad_fn=<MeanBackward0>)
    """
    if os.environ.get("LECTURE_GRADING"):
        return Deferred()
    from lecture_utils.grading.cells import watch
    from lecture_utils.grading.live import CALL_SECONDS, attempt, key_of
    from lecture_utils.grading.tasks import load_exercise

    watch()  # this module may have been imported before IPython's shell was made
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
    failure = key_of(exercise, task), verdict.hint
    show_hint = failure in _failures or made.too_long
    _failures.add(failure)
    return Feedback(task, made, verdict.hint if show_hint or not verdict.hint else _FIRST_TIME)


def notebook_names() -> dict[str, Any]:
    """The global names of the notebook, or of the main program where there is no IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell.user_ns if shell else vars(sys.modules["__main__"])
