"""Checks in the notebook: ``check("2.3")`` on the live objects, and ``progress()``."""

import contextlib
import copy
import html
import json
import os
import random
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from lecture_utils.files import write_text
from lecture_utils.grading.host import Host
from lecture_utils.grading.tasks import CHECKS, Exercise, Student, Verdict, load_exercise, run_check


class LiveStudent(Student):
    """The student's objects in this very process, on whatever device they are.

    Args:
        namespace: the notebook's global names; looked at, never changed.
    """

    def __init__(self, namespace: dict[str, Any]):
        self._host = Host(namespace)

    def value(self, name: str) -> Any:
        return self._host.value(name)

    def _call(self, function: Any, args: tuple, kwargs: dict, keep: bool, back: bool) -> tuple[Any, list]:
        return self._host.call(function, copy.deepcopy(list(args)), copy.deepcopy(kwargs), keep, back)


@contextlib.contextmanager
def untouched(namespace: dict[str, Any]) -> Iterator[None]:
    """Put back what calling a student's functions may change.

    That is: names, the random states of Python, NumPy and torch, and the parameters, buffers,
    gradients and mode of the networks and leaf tensors that have a name.
    """
    names = dict(namespace)
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    networks = [value for value in names.values() if isinstance(value, nn.Module)]
    modes = [(layer, layer.training) for network in networks for layer in network.modules()]
    tensors = [value for value in names.values() if type(value) in (torch.Tensor, nn.Parameter) and value.is_leaf]
    tensors += [t for network in networks for t in (*network.parameters(), *network.buffers())]
    tensors = [t for t in {id(t): t for t in tensors}.values() if t.device.type != "meta"]
    contents = [(t, t.detach().clone(), t.requires_grad, t.grad, _clone(t.grad)) for t in tensors]
    try:
        yield
    finally:
        namespace.clear()
        namespace.update(names)
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
        if mps is not None:
            torch.mps.set_rng_state(mps)
        for layer, training in modes:
            layer.training = training
        for tensor, content, requires_grad, grad, grad_content in contents:
            with torch.no_grad():
                if not torch.equal(tensor, content):
                    tensor.copy_(content)
                if grad is not None:
                    grad.copy_(grad_content)
            tensor.requires_grad_(requires_grad)
            tensor.grad = grad


def _clone(tensor: torch.Tensor | None) -> torch.Tensor | None:
    return None if tensor is None else tensor.detach().clone()


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
            more = f"; {t.held_out} more are run when graded" if t.held_out else ""
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


class Later:
    """What ``check`` returns where no checks are: in the grader's process they are run from outside."""

    def __init__(self, task_id: str):
        self.task_id = task_id

    def __repr__(self) -> str:
        return f"Task {self.task_id}: checked from outside, after all cells have run."


def check(task_id: str, *, checks: str | Path | None = None, seed: int | None = None) -> Feedback | Later:
    """Check the answer to a task on a few cases, and say how it went. More are run when graded.

    Args:
        task_id: such as ``"2.3"``.
        checks: a file of checks of your own; else the course's.
        seed: of the random inputs; a new one each time unless given.

    Raises:
        ValueError: there is no such task.
        AssertionError: the answer is not right, and nbgrader is grading.
    """
    if os.environ.get("LECTURE_GRADING") or not (checks or any(CHECKS.glob("exercise_*.py"))):
        return Later(task_id)
    exercise = load_exercise(checks or str(task_id).split(".")[0])
    try:
        one = exercise[task_id]
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    grading = bool(os.environ.get("NBGRADER_EXECUTION"))
    namespace = _namespace()
    with untouched(namespace):
        seed = secrets.randbits(32) if seed is None else seed
        verdict = run_check(one, LiveStudent(namespace), seed, held_out=grading)
    feedback = Feedback(exercise, verdict)
    if grading and verdict.status != "passed":
        raise AssertionError(f"{verdict.status}: {verdict.message} {verdict.hint}")
    if not grading:
        _remember(one.id, verdict.status)
    return feedback


def _namespace() -> dict[str, Any]:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell.user_ns if shell else sys._getframe(2).f_globals


# --- progress ------------------------------------------------------------------------------------


def progress_file() -> Path:
    """Where this machine keeps what was solved: ``LECTURE_PROGRESS``, or a file of the user's."""
    from platformdirs import user_data_path

    return Path(os.environ.get("LECTURE_PROGRESS") or user_data_path("lecture_utils") / "progress.json")


def _recall() -> dict[str, str]:
    try:
        known = json.loads(progress_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(task_id: str, status: str) -> None:
    known = _recall()
    if known.get(task_id) in ("passed", status):  # once solved, a later experiment takes nothing away
        return
    with contextlib.suppress(OSError):  # a read-only home must not spoil a check
        write_text(progress_file(), json.dumps(known | {task_id: status}, indent=1))


class Progress:
    """Points reached so far in one exercise, as a table and a bar."""

    def __init__(self, exercise: Exercise, known: dict[str, str]):
        self.exercise, self.known = exercise, known
        self.points = sum(t.points for t in exercise.tasks if known.get(t.id) == "passed")

    def _rows(self) -> list[tuple[str, str, str]]:
        marks = {"passed": "✓ solved", "failed": "✗ tried", "todo": "○ open"}
        return [
            (f"{t.id} {t.title}", f"{t.points}", marks.get(self.known.get(t.id, ""), "○ open"))
            for t in self.exercise.tasks
        ]

    def __repr__(self) -> str:
        filled = round(20 * self.points / self.exercise.max_points)
        width = max(len(row[0]) for row in self._rows())
        lines = [f"{title:<{width}} {points:>3}  {state}" for title, points, state in self._rows()]
        return "\n".join([*lines, f"[{'#' * filled}{'.' * (20 - filled)}] {self._sum()}"])

    def _sum(self) -> str:
        return f"{self.points} of {self.exercise.max_points} points in exercise {int(self.exercise.number)}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align: left">{html.escape(title)}</td><td>{points}</td>'
            f'<td style="text-align: left">{state}</td></tr>'
            for title, points, state in self._rows()
        )
        return (
            f"<table><thead><tr><th>task</th><th>points</th><th>state</th></tr></thead><tbody>{rows}</tbody></table>"
            f'<label>{self._sum()} <progress value="{self.points}" max="{self.exercise.max_points}"></progress></label>'
        )


def progress(exercise: str | int, *, checks: str | Path | None = None) -> Progress | Later:
    """The points reached so far in an exercise, as checked on this machine; nothing is sent anywhere.

    Raises:
        ValueError: there is no such exercise.
    """
    if os.environ.get("LECTURE_GRADING"):
        return Later(f"{int(exercise)}")
    return Progress(load_exercise(checks or str(exercise)), _recall())
