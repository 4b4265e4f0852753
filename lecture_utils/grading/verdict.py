"""Run the cases of a task, and describe the result as a verdict."""

import ast
import contextlib
import functools
import re
import traceback
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lecture_utils.grading.errors import (
    GRADIENTS_LEFT_OFF,
    TOO_LONG,
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
OTHER_HINT = "Try it on inputs of your own, also on the smallest and the oddest that the task's text allows."
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
        status: ``passed``, ``failed``, ``todo`` (not attempted) or ``manual`` (a person marks it); the grader adds
            ``unjudged``.
        passed, cases: how many cases passed, and how many should have been run.
        case, hidden: a description of the case that failed, and whether it is a hidden one.
        message, hint, expected, got, kind: see :class:`~lecture_utils.grading.errors.CheckFailed`.
        error, error_kind, where: the text, class and line of an exception in the student's code.
        parts: the parts of the task whose points the answer gets although it failed.
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
    parts: list[str] = field(default_factory=list)


def run_check(task: Task, student: Student, seed: int, *, hidden: bool) -> Verdict:
    """Run a task's cases; the verdict describes the first that failed.

    With ``hidden`` all cases are run, the hidden ones too. Without it the first failure ends the task, unless its
    points depend on more. A stub, or a call that ran too long, always ends it. An exception in the student's code
    becomes a verdict.

    Raises:
        CheckError: the check itself has a fault.
        GraderError: the process that runs the submission cannot go on.
    """
    if task.manual:
        return Verdict(task.id, "manual", 0, 0, message="A person marks this task.")
    cases = task.visible + (task.hidden if hidden else 0)
    passed, first = 0, None
    student.passed, student.stopped_parts = 0, set()
    lost: set[str] = set()
    for case in range(cases):
        # Each case has a generator of its own, so its inputs do not depend on what earlier cases drew.
        rng = np.random.default_rng([seed, *map(int, task.id.split(".")), case])
        student.case = f"case {case + 1}"
        student.got_something = False
        student.part_names, student.part_failures, student.parts_entered = tuple(task.parts), {}, set()
        failure, in_parts = _run_case(task, student, rng, case)
        if not failure:
            student.passed = passed = passed + 1
            continue
        # a part that the check did not come to has not been seen to be right
        entered = student.parts_entered - student.part_failures.keys() if in_parts else set()
        lost |= task.parts.keys() - entered
        if not first or (first["status"] == "todo" != failure["status"]):  # what is wrong before what is missing
            is_hidden = case >= task.visible
            public, _, inputs = student.case.partition(" | ")
            words = f"{public}, {inputs}" if inputs and not is_hidden else public
            first = failure | {"case": words, "hidden": is_hidden}
            student.note_failure()
        over = failure["status"] == "todo" or failure.get("error_kind") in TOO_LONG
        if (over and not in_parts) or not (hidden or task.parts or task.per_case):
            break
    if not first:
        return Verdict(task.id, "passed", cases, cases)
    kept = [name for name in task.parts if name not in lost]
    if kept or (task.per_case and passed):
        first["status"] = "failed"
    return Verdict(task.id, passed=passed, cases=cases, parts=kept, **first)


def points_of(task: Task, verdict: Verdict) -> float | None:
    """The points of an answer: of the whole task, of the parts that it got right, or of the share of the cases.

    None where there is no mark, because the task was not judged, or waits for a person.

    >>> from lecture_utils.grading.tasks import load_exercise
    >>> points_of(load_exercise("1")["1.1"], Verdict("1.1", "failed", 3, 10))
    0
    """
    if verdict.status in ("unjudged", "manual"):
        return None
    if verdict.status == "passed":
        return task.points
    share = task.points * verdict.passed / verdict.cases if task.per_case and verdict.cases else 0
    return tidy(share + sum(task.parts[name] for name in verdict.parts))


def tidy(points: float) -> float:
    """Points with at most two decimals; a whole number as an int.

    >>> tidy(2.0), tidy(7 / 3)
    (2, 2.33)
    """
    rounded = round(points, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def _run_case(task: Task, student: Student, rng: np.random.Generator, case: int) -> tuple[dict[str, Any], bool]:
    """Run one case.

    Returns:
        The fields of its verdict, empty if it passes; and whether all that failed lies in parts of the task.
    """
    try:
        # Tensors from the student's process arrive on the CPU, so those of the check belong there, too.
        with torch.device("cpu") if torch.get_default_device().type != "cpu" else contextlib.nullcontext():
            task.check(student, rng, case)
    except (GraderError, CheckError):
        raise
    except Exception as error:
        return _failure(task, student, error), False
    errors = sorted(student.part_failures.values(), key=lambda error: isinstance(error, NotAttempted))
    found = [_failure(task, student, error) for error in errors]  # of each, since one may be a fault of the check
    return (found[0] if found else {}), True  # what failed is told before what is missing


def _failure(task: Task, student: Student, error: Exception) -> dict[str, Any]:
    """The fields of a verdict for what ended a case, or a part of it."""
    if isinstance(error, NotAttempted):
        return {"status": "todo", "message": str(error)}
    if isinstance(error, CheckFailed):
        return {"status": "failed", **vars(error)}
    if not isinstance(error, StudentError):
        return _stopped_check(task, student, error)
    if error.kind == GRADIENTS_LEFT_OFF:
        return {"status": "failed", "message": _GRADIENTS_OFF, "hint": GRADIENTS_HINT}
    hint = hint_for_error(str(error), task.on_error, error.where, task.names)
    fields = {"error": error.message, "error_kind": error.kind, "where": error.where, "hint": hint}
    return {"status": "failed", "message": f"Your code raised {error.kind}.", **fields}


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
        hint = DEFAULT_HINTS.get(verdict.kind, OTHER_HINT)
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
