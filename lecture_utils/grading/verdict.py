"""Run the cases of one task and sum up what happened as a verdict."""

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lecture_utils.grading.errors import GRADIENTS_LEFT_OFF, CheckFailed, NotAttempted, StudentError
from lecture_utils.grading.hints import DEFAULT_HINTS, GRADIENTS_HINT, hint_for_error
from lecture_utils.grading.student import Student
from lecture_utils.grading.tasks import Task


@dataclass
class Verdict:
    """What the checks of one task found.

    Attributes:
        task: its id.
        status: ``passed``, ``failed`` or ``todo`` (not attempted); the grader adds ``unjudged``.
        passed, cases: how many cases passed, and how many there are to be run.
        case, hidden: a few words on the case that failed, and whether it is one of the hidden ones.
        message, hint, expected, got: see :class:`~lecture_utils.grading.errors.CheckFailed`.
        error, error_kind, where: of an exception in the student's code: its text, its class and its line.
        kind: see :class:`~lecture_utils.grading.errors.CheckFailed`.
    """

    task: str
    status: str
    passed: int
    cases: int
    case: str = ""
    message: str = ""
    hint: str = ""
    expected: str = ""
    got: str = ""
    error: str = ""
    error_kind: str = ""
    where: str = ""
    hidden: bool = False
    kind: str = ""


def run_check(task: Task, student: Student, seed: int, *, hidden: bool) -> Verdict:
    """Run a task's cases until one fails, with ``hidden`` the hidden ones too. No error of the student escapes."""
    cases = task.visible + (task.hidden if hidden else 0)
    for case in range(cases):
        # A generator for each case, so that the inputs of case 5 do not depend on what the cases before it drew.
        rng = np.random.default_rng([seed, *map(int, task.id.split(".")), case])
        student.case = f"case {case + 1}"
        failure = _run_case(task, student, rng, case)
        if failure:
            is_hidden = case >= task.visible
            public, _, inputs = student.case.partition(" | ")
            words = f"{public}, {inputs}" if inputs and not is_hidden else public
            return Verdict(task.id, passed=case, cases=cases, case=words, hidden=is_hidden, **failure)
    return Verdict(task.id, "passed", cases, cases)


def _run_case(task: Task, student: Student, rng: np.random.Generator, case: int) -> dict[str, Any]:
    """Run one case; return the fields of its verdict if it does not pass, otherwise nothing."""
    try:
        # What a check makes itself lies on the CPU, as all that it gets back, whatever the notebook's default device.
        with torch.device("cpu") if torch.get_default_device().type != "cpu" else contextlib.nullcontext():
            task.check(student, rng, case)
    except NotAttempted as error:
        return {"status": "todo", "message": str(error)}
    except CheckFailed as failure:
        return {"status": "failed", **vars(failure)}
    except StudentError as error:
        if error.kind == GRADIENTS_LEFT_OFF:
            return {"status": "failed", "message": "Your code left gradients switched off.", "hint": GRADIENTS_HINT}
        hint = hint_for_error(str(error), task.on_error)
        fields = {"error": error.message, "error_kind": error.kind, "where": error.where, "hint": hint}
        return {"status": "failed", "message": f"Your code raised {error.kind}.", **fields}
    except (TypeError, ValueError, AttributeError, IndexError, KeyError, RuntimeError, ArithmeticError) as error:
        # The answer differed so much from what was asked for that the check itself failed on it.
        message = "The answer is not of the kind that was asked for."
        text = f"{type(error).__name__}: {error}"[:300]
        return {"status": "failed", "message": message, "hint": DEFAULT_HINTS["type"], "error": text}
    return {}
