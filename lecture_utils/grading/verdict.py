"""Run the cases of one task and sum up what happened as a verdict."""

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

# What a report says of a hidden case, by the kind of the failure.
_SENTENCES = {
    "none": "The result is None.",
    "type": "The result is not of the type that was asked for.",
    "shape": "The result has the wrong shape.",
    "dtype": "The result has the wrong dtype.",
    "nonfinite": "The result holds nan or inf.",
    "values": "The result is wrong.",
    "in place": "The function changed one of its arguments.",
}
_A_RULE = "The answer breaks a rule of the task."
_TRY_OTHERS = "Try it on inputs of your own, also on the smallest and the oddest that the task's text allows."
# Words that ``expect`` puts behind what the check calls the result; none of them holds a value.
_FIXED_WORDS = [" is wrong.", " holds nan or inf.", " is None.", " must be a tensor.", " must be a number."]
_FIXED_WORDS += [f", value {number}" for number in range(1, 21)]
# The names of exceptions that a report repeats for a hidden case: few, since a name can be chosen to say something.
_COMMON_ERRORS = """
    ArithmeticError AssertionError AttributeError ImportError IndexError KeyError MemoryError ModuleNotFoundError
    NameError NotImplementedError OverflowError RecursionError RuntimeError TimeoutError TypeError UnboundLocalError
    ValueError ZeroDivisionError
"""


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
        stopped: file and line of the check, for the instructor, if the check itself could not go on.
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
    """Run a task's cases until one fails, with ``hidden`` the hidden ones too.

    No error of the student's escapes.

    Raises:
        CheckError: the check itself has a fault.
    """
    cases = task.visible + (task.hidden if hidden else 0)
    for case in range(cases):
        # A generator for each case, so that the inputs of case 5 do not depend on what the cases before it drew.
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
        hint = hint_for_error(str(error), task.on_error, error.where, task.names)
        fields = {"error": error.message, "error_kind": error.kind, "where": error.where, "hint": hint}
        return {"status": "failed", "message": f"Your code raised {error.kind}.", **fields}
    except GraderError:
        raise
    except Exception as error:
        return _stopped_check(task, student, error)
    return {}


def _stopped_check(task: Task, student: Student, error: Exception) -> dict[str, Any]:
    """The verdict's fields where a check stopped with an exception of its own.

    Raises:
        CheckError: no answer can have caused it.
    """
    steps = traceback.extract_tb(error.__traceback__)
    file = task.check.__code__.co_filename
    last = next((step for step in reversed(steps) if step.filename == file), steps[-1])
    place = f"{re.sub(r' [(][0-9a-f]{8}[)]$', '', Path(last.filename).name)}, line {last.lineno}"
    # A name that does not exist is the check's own fault, whatever the answer; so is all that happens before it.
    if not student.got_something or (isinstance(error, (NameError, ImportError)) and steps[-1].filename == file):
        raise CheckError(
            f"the check of task {task.id} has a fault, at {place}: {type(error).__name__}: {error}. "
            "No answer can cause it: mend the check, or tell its author"
        ) from error
    # Most often the answer differs so much from what was asked for that the check cannot work with it.
    return {
        "status": "failed",
        "message": "The answer is not of the kind that was asked for.",
        "hint": DEFAULT_HINTS["type"],
        "error": f"{type(error).__name__}: {error}"[:300],
        "kind": "type",
        "stopped": f"{place} ({type(error).__name__})",
    }


def for_report(verdict: Verdict, exercise: Exercise) -> Verdict:
    """A verdict as a student may read it: of a hidden case, only sentences that were fixed before it ran.

    What came back may be made of the hidden input, so neither its values nor its shape or its words are repeated. A
    message or hint of the check stays if it is made of the check's own string constants.

    Example:
        >>> verdict = Verdict("1.1", "failed", 3, 9, message="Got 3.25.", hidden=True)
        >>> for_report(verdict, load_exercise("1")).message  # doctest: +SKIP
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
    elif not _is_made_of(message, fixed):
        message = _SENTENCES.get(verdict.kind, _A_RULE)
    hint = verdict.hint
    if not _is_made_of(hint, fixed):
        hint = DEFAULT_HINTS.get(verdict.kind, _TRY_OTHERS)
    return replace(verdict, message=message, hint=hint, expected="", got="", error="", where="")


@functools.lru_cache(16)
def _fixed_texts(source: bytes) -> tuple[str, ...]:
    """The string constants of a file of checks and of this package; the parts of an f-string are none."""
    tree = ast.parse(source)
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts
    }
    ours = (*_SENTENCES.values(), *_FIXED_WORDS, *shared_hints())
    own = ("The answer is not of the kind that was asked for.", "Your code left gradients switched off.", "The result")
    return tuple(text for text in {*texts, *ours, *own} if len(text) > 3)


def _is_made_of(text: str, parts: tuple[str, ...]) -> bool:
    """Whether a text is a row of these parts, perhaps with blanks between them."""
    ends, seen = [0], {0}
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
