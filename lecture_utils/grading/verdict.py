"""Run the cases of a task, and describe the result as a verdict."""

import ast
import contextlib
import functools
import re
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lecture_utils.grading.errors import (
    GRADIENTS_LEFT_OFF,
    CheckError,
    CheckFailed,
    GraderError,
    NotAttempted,
    StudentError,
)
from lecture_utils.grading.hints import DEFAULT_HINTS, GRADIENTS_HINT, hint_for_error, shared_hints
from lecture_utils.grading.student import Student
from lecture_utils.grading.tasks import Exercise, Task

# What a report says of a hidden case that failed, by the kind of the failure.
_MESSAGES = {
    "none": "The result is None.",
    "type": "The result is not of the type that was asked for.",
    "shape": "The result has the wrong shape.",
    "dtype": "The result has the wrong dtype.",
    "nonfinite": "The result holds nan or inf.",
    "values": "The result is wrong.",
    "in place": "The function changed one of its arguments.",
}
_OTHER_MESSAGE = "The answer breaks a rule of the task."
_OTHER_HINT = "Try it on inputs of your own, also on the smallest and the oddest that the task's text allows."
_WRONG_KIND = "The answer is not of the kind that was asked for."
_GRADIENTS_OFF = "Your code left gradients switched off."
# What ``expect`` appends to its ``what``; no value is among it.
_ENDINGS = [" is wrong.", " holds nan or inf.", " is None.", " must be a tensor.", " must be a number."]
_ENDINGS += [f", value {number}" for number in range(1, 21)]
# The exceptions that a report names for a hidden case. A name of the answer's own could reveal the hidden input.
_COMMON_ERRORS = """
    ArithmeticError AssertionError AttributeError ImportError IndexError KeyError MemoryError ModuleNotFoundError
    NameError NotImplementedError OverflowError RecursionError RuntimeError TimeoutError TypeError UnboundLocalError
    ValueError ZeroDivisionError
"""


@dataclass
class Verdict:
    """What the check of a task found.

    Attributes:
        task: its id.
        status: ``passed``, ``failed`` or ``todo`` (not attempted); the grader adds ``unjudged``.
        passed, cases: how many cases passed, and how many should have been run.
        case, hidden: a description of the case that failed, and whether it is a hidden one.
        message, hint, expected, got, kind: see :class:`~lecture_utils.grading.errors.CheckFailed`.
        error, error_kind, where: the text, class and line of an exception in the student's code.
        stopped: where the check itself stopped with an exception, for the instructor: file, line and class.
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
    stopped: str = ""


def run_check(task: Task, student: Student, seed: int, *, hidden: bool) -> Verdict:
    """Run a task's cases until one fails; with ``hidden`` the hidden ones, too.

    An exception in the student's code becomes a verdict.

    Raises:
        CheckError: the check itself has a fault.
        GraderError: the process that runs the submission cannot go on.
    """
    cases = task.visible + (task.hidden if hidden else 0)
    for case in range(cases):
        # Each case has a generator of its own, so its inputs do not depend on what earlier cases drew.
        rng = np.random.default_rng([seed, *map(int, task.id.split(".")), case])
        student.case = f"case {case + 1}"
        student.got_something = False
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
        # Tensors from the student's process arrive on the CPU, so those of the check belong there, too.
        with torch.device("cpu") if torch.get_default_device().type != "cpu" else contextlib.nullcontext():
            task.check(student, rng, case)
    except NotAttempted as error:
        return {"status": "todo", "message": str(error)}
    except CheckFailed as failure:
        return {"status": "failed", **vars(failure)}
    except StudentError as error:
        if error.kind == GRADIENTS_LEFT_OFF:
            return {"status": "failed", "message": _GRADIENTS_OFF, "hint": GRADIENTS_HINT}
        hint = hint_for_error(str(error), task.on_error, error.where, task.names)
        fields = {"error": error.message, "error_kind": error.kind, "where": error.where, "hint": hint}
        return {"status": "failed", "message": f"Your code raised {error.kind}.", **fields}
    except GraderError:
        raise
    except Exception as error:
        return _stopped_check(task, student, error)
    return {}


def _stopped_check(task: Task, student: Student, error: Exception) -> dict[str, Any]:
    """The fields of the verdict if the check itself raised an exception.

    Raises:
        CheckError: the answer cannot have caused it.
    """
    steps = traceback.extract_tb(error.__traceback__)
    file = task.check.__code__.co_filename
    last = next((step for step in reversed(steps) if step.filename == file), steps[-1])
    place = f"{re.sub(r' [(][0-9a-f]{8}[)]$', '', Path(last.filename).name)}, line {last.lineno}"
    # Before the answer has returned anything, the fault is the check's; so is a name that does not exist in it.
    if not student.got_something or (isinstance(error, (NameError, ImportError)) and steps[-1].filename == file):
        raise CheckError(
            f"the check of task {task.id} has a fault, at {place}: {type(error).__name__}: {error}. "
            "No answer can cause it: correct the check, or tell its author"
        ) from error
    # Usually the check cannot work with what the answer returned.
    return {
        "status": "failed",
        "message": _WRONG_KIND,
        "hint": DEFAULT_HINTS["type"],
        "error": f"{type(error).__name__}: {error}"[:300],
        "kind": "type",
        "stopped": f"{place} ({type(error).__name__})",
    }


def for_report(verdict: Verdict, exercise: Exercise) -> Verdict:
    """The verdict that a student may read. About a hidden case it holds only sentences written before the case ran.

    An answer could return its hidden input, so no value, shape or text that it returned is repeated. A message or hint
    of the check is kept if it consists of string constants in the check's file.

    >>> from lecture_utils.grading.tasks import load_exercise
    >>> verdict = Verdict("1.1", "failed", 3, 9, message="Got 3.25.", hidden=True)
    >>> for_report(verdict, load_exercise("1")).message
    'The answer breaks a rule of the task.'
    """
    if not verdict.hidden:
        return verdict
    fixed = _fixed_texts(exercise.file[1])
    message = verdict.message
    if verdict.status == "todo":
        message = "A part of the answer is not there, or still the stub."
    elif verdict.error_kind:
        name = verdict.error_kind
        message = f"Your code raised {name}." if name in _COMMON_ERRORS.split() else "Your code raised an error."
    elif not _consists_of(message, fixed):
        message = _MESSAGES.get(verdict.kind, _OTHER_MESSAGE)
    hint = verdict.hint
    if not _consists_of(hint, fixed):
        hint = DEFAULT_HINTS.get(verdict.kind, _OTHER_HINT)
    return replace(verdict, message=message, hint=hint, expected="", got="", error="", where="")


@functools.lru_cache(16)
def _fixed_texts(source: bytes) -> tuple[str, ...]:
    """The string constants of a file of checks, without the parts of f-strings, and the messages of this package."""
    tree = ast.parse(source)
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts
    }
    ours = (*_MESSAGES.values(), _WRONG_KIND, _GRADIENTS_OFF, "The result", *_ENDINGS, *shared_hints())
    return tuple(text for text in {*texts, *ours} if len(text) > 3)


def _consists_of(text: str, parts: tuple[str, ...]) -> bool:
    """Whether a text is one or more of these parts, one after another, perhaps with spaces between them."""
    ends, seen = [0], {0}  # the places that a sequence of parts reaches
    while ends:
        at = ends.pop()
        if at == len(text):
            return True
        steps = [at + len(part) for part in parts if text.startswith(part, at)]
        for end in [*steps, at + 1] if text[at] == " " else steps:
            if end not in seen:
                seen.add(end)
                ends.append(end)
    return False
