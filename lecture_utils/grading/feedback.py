"""Checks in the notebook: ``check("2.3")`` on the live objects, and ``progress()``."""

import html
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from lecture_utils.grading.deferred import Deferred
from lecture_utils.grading.progress import remember
from lecture_utils.grading.state import restore_state
from lecture_utils.grading.student import LiveStudent
from lecture_utils.grading.tasks import Exercise, checks_folder, load_exercise
from lecture_utils.grading.verdict import Verdict, run_check


class Feedback:
    """A verdict as a notebook shows it; ``verdict`` is for programs."""

    def __init__(self, exercise: Exercise, verdict: Verdict):
        self.exercise, self.verdict = exercise, verdict
        self.task = exercise[verdict.task]

    def _lines(self) -> list[tuple[str, str]]:
        v, t = self.verdict, self.task
        name = f"Task {t.id}, {t.title}"
        if v.status == "passed":
            cases = f"{v.cases} visible case{'s' * (v.cases != 1)} passed"
            more = f"; {t.hidden} more are run when graded" if t.hidden else ""
            return [("✓", f"{name}: {cases}{more}."), ("", f"{t.points} point{'s' * (t.points != 1)}.")]
        if v.status == "todo":
            return [("○", f"{name}: not answered yet."), ("", v.message)]
        lines = [("✗", f"{name}: not right yet, in {v.case}."), ("", v.message)]
        if v.expected:
            lines += [("expected", v.expected)]
        lines += [(label, text) for label, text in (("came", v.got), ("error", v.error), ("at", v.where)) if text]
        return [*lines, ("hint", v.hint)] if v.hint else lines

    def __repr__(self) -> str:
        return "\n".join(f"{label}{': ' if label.isalpha() else ' '}{text}".strip() for label, text in self._lines())

    def _repr_html_(self) -> str:
        color = {"passed": "#00704a", "failed": "#b03a00", "todo": "#5f5f5f"}[self.verdict.status]
        (mark, title), *rest = self._lines()
        rows = "".join(f"<div>{f'<b>{label}:</b> ' if label else ''}{html.escape(text)}</div>" for label, text in rest)
        return (
            f'<div role="status" style="border-left: 6px solid {color}; padding: 4px 12px; overflow-wrap: anywhere">'
            f"<div><b>{mark} {html.escape(title)}</b></div>{rows}</div>"
        )


def check(task_id: str, *, checks: str | Path | None = None, seed: int | None = None) -> Feedback | Deferred:
    """Check the answer to a task on a few cases, and say how it went. More are run when graded.

    Args:
        task_id: such as ``"2.3"``.
        checks: a file of checks of your own; else the course's.
        seed: of the random inputs; a new one each time unless given.

    Raises:
        ValueError: there is no such task.
        AssertionError: the answer is not right, and nbgrader is grading.
    """
    if os.environ.get("LECTURE_GRADING") or not (checks or any(checks_folder().glob("exercise_*.py"))):
        return Deferred(task_id)
    exercise = load_exercise(checks or str(task_id).split(".")[0])
    try:
        one = exercise[task_id]
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    grading = bool(os.environ.get("NBGRADER_EXECUTION"))
    namespace = _namespace()
    with restore_state(namespace):
        seed = secrets.randbits(32) if seed is None else seed
        verdict = run_check(one, LiveStudent(namespace), seed, hidden=grading)
    feedback = Feedback(exercise, verdict)
    if grading and verdict.status != "passed":
        raise AssertionError(f"{verdict.status}: {verdict.message} {verdict.hint}")
    if not grading:
        remember(one.id, verdict.status)
    return feedback


def _namespace() -> dict[str, Any]:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell.user_ns if shell else sys._getframe(2).f_globals
