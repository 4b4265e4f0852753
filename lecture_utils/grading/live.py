"""Judge an answer in the notebook: time limits, the call that was judged last, and whether an answer has changed."""

import contextlib
import copy
import ctypes
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np
import torch
from torch import nn

from lecture_utils.grading.cells import stale_note
from lecture_utils.grading.namespace import Namespace
from lecture_utils.grading.records import remember
from lecture_utils.grading.state import restore_state
from lecture_utils.grading.student import LiveStudent
from lecture_utils.grading.tasks import Exercise, Task, checks_folder
from lecture_utils.grading.values import Handle
from lecture_utils.grading.verdict import Verdict, run_check
from lecture_utils.loops import sign_of_life

CALL_SECONDS = 60.0
_MAX_STOPS = 30  # how often the exception is raised, once a second, in a call that may catch it
_NAMESPACE_FILE = Namespace.call.__code__.co_filename
_EXACT_REPR = (type(None), bool, int, float, str, torch.dtype, torch.device)
_MAX_LENGTH = 160  # characters of a call that is shown


class RanTooLong(BaseException):
    """A call took too long. It is not an ``Exception``, because answers often catch those."""


class Case:
    """A call of the student's function with the arguments that a check gave it. Call it to repeat it.

    The arguments are copies, but for objects that a check made, such as a network.

    >>> case = Case("double", lambda: lambda x: 2 * x, (torch.tensor([1.5]),), {})
    >>> case
    double(tensor([1.5000]))
    >>> case()
    tensor([3.])
    """

    def __init__(self, name: str, find: Callable[[], Callable], args: tuple, kwargs: dict[str, Any]):
        self.name = name
        self.args = args
        self.kwargs = kwargs
        self._find = find

    def __call__(self) -> Any:
        args, kwargs = _copy_of((self.args, self.kwargs))
        return self._find()(*args, **kwargs)

    def __repr__(self) -> str:
        given = [*map(_format, self.args), *(f"{name}={_format(value)}" for name, value in self.kwargs.items())]
        return f"{self.name}({', '.join(given)})"

    def shown(self) -> str:
        """The call as text; empty if that would be long, or would leave out a value."""
        text = repr(self)
        return text if len(text) <= _MAX_LENGTH and "..." not in text else ""


def _format(value: Any) -> str:
    """Format a value; for a large tensor, or what is not plain data, only the class, followed by ``...``."""
    if type(value) in (list, tuple):
        items = ", ".join(map(_format, value))
        return f"[{items}]" if type(value) is list else f"({items}{',' * (len(value) == 1)})"
    if type(value) is dict:
        return f"{{{', '.join(f'{key!r}: {_format(one)}' for key, one in value.items())}}}"
    if type(value) in (torch.Tensor, nn.Parameter, np.ndarray):
        small = len(value.reshape(-1)) <= 24
        return " ".join(repr(value).split()) if small else f"<{type(value).__name__} of shape {tuple(value.shape)}>..."
    return repr(value) if isinstance(value, _EXACT_REPR) else f"<{type(value).__name__}>..."


def _copy_of(value: Any) -> Any:
    """Copy plain data. Any other object is returned as it is, since a check's object may record what is done to it."""
    if type(value) in (list, tuple):
        return type(value)(map(_copy_of, value))
    if type(value) is dict:
        return {key: _copy_of(one) for key, one in value.items()}
    if type(value) in (torch.Tensor, nn.Parameter) and not value.is_leaf:
        return value.detach().clone().requires_grad_()
    return copy.deepcopy(value) if type(value) in (torch.Tensor, nn.Parameter, np.ndarray) else value


class _WatchedStudent(LiveStudent):
    """The objects in the notebook. Each call has a time limit, and the last call of a student's object is kept."""

    case: str
    last: Case | None = None
    failed: Case | None = None  # the last call of the first case that failed

    def __init__(self, names: dict[str, Any], seconds: float):
        super().__init__(names)
        self._seconds = seconds

    def note_failure(self) -> None:
        self.failed = self.last

    def _call(self, function: Any, args: list, kwargs: dict, keep: bool) -> Any:
        space = self._namespace
        if isinstance(function, (str, Handle)):
            with self._device:
                given = _copy_of((tuple(space._resolve(args)), space._resolve(kwargs)))
            if isinstance(function, str):
                self.last = Case(function, lambda: space.namespace[function], *given)
            else:
                target = space.kept[function.number]
                name = next((name for name, value in space.namespace.items() if value is target), function.kind)
                self.last = Case(name, lambda: target, *given)
        with time_limit(self._seconds):
            return super()._call(function, args, kwargs, keep)


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise :class:`RanTooLong` in the block after some seconds.

    On Unix, in the main thread, a signal raises it, which also ends a sleep. Elsewhere a second thread asks Python to
    raise it, which happens when the block runs its next bytecode.
    """
    if hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread():
        left = _MAX_STOPS

        def stop(number: int, frame: Any) -> None:
            nonlocal left
            left -= 1
            signal.setitimer(signal.ITIMER_REAL, 1.0 if left else 0.0)
            if left < _MAX_STOPS - 1:  # the answer has caught the exception
                _raise_in_each_frame(frame)
            raise RanTooLong

        tracing = sys.gettrace()
        handler = signal.signal(signal.SIGALRM, stop)
        timer = signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, *timer)
            sys.settrace(tracing)
            signal.signal(signal.SIGALRM, handler)
        return
    done, thread = threading.Event(), ctypes.c_ulong(threading.get_ident())

    def watch() -> None:
        wait = seconds
        for _ in range(_MAX_STOPS):
            if done.wait(wait):
                return
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(RanTooLong))
            wait = 1.0

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, None)


def _raise_in_each_frame(frame: Any) -> None:
    """Raise the exception again in the next line of each of the answer's frames, so in an ``except:`` block as well."""

    def stop(_frame: Any, event: str, _value: Any) -> Any:
        if event == "line":
            raise RanTooLong
        return stop

    while frame and frame.f_code.co_filename != _NAMESPACE_FILE:
        frame.f_trace = stop
        frame = frame.f_back
    sys.settrace(lambda *_: None)  # Python reads f_trace only while there is a global trace function


@dataclass(frozen=True)
class Attempt:
    """The result of a check in the notebook.

    Attributes:
        verdict: what the check found.
        note: see :func:`~lecture_utils.grading.cells.stale_note`; usually empty.
        last: the last call of a student's function; None if there was none.
        parts: see :func:`_parts`.
        too_long: whether a call was stopped.
    """

    verdict: Verdict
    note: str
    last: Case | None
    parts: list[tuple[Any, Any]]
    too_long: bool


_attempts: dict[str, Attempt] = {}
_seeds: dict[str, int] = {}


def key_of(exercise: Exercise, task: Task) -> str:
    """The key under which a task's progress is kept; for an instructor's own checks it contains their file."""
    file = Path(exercise.file[0]).resolve()
    return task.id if file.parent == checks_folder() else f"{file} {task.id}"


def attempt(
    exercise: Exercise, task: Task, names: dict[str, Any], *, seed: int | None, seconds: float, hidden: bool = False
) -> Attempt:
    """Judge an answer, restore the notebook's state, and keep the result.

    The random inputs of a task stay the same until it passes, so that two versions of an answer can be compared.

    Args:
        names: the notebook's global names.
        seed: of the random inputs; None for the one of the last attempt that failed, or else a new one.
        seconds: the time limit of each call.
        hidden: whether the hidden cases are run, too; the state of the task is then not stored.

    Raises:
        KeyboardInterrupt: the student stopped the check.
    """
    key = key_of(exercise, task)
    seed = _seeds.get(key, secrets.randbits(32)) if seed is None else seed
    student = _WatchedStudent(names, seconds)
    with restore_state(names), sign_of_life(f"checking task {task.id} ..."):
        try:
            verdict = run_check(task, student, seed, hidden=hidden)
        except RanTooLong:  # it was raised between two calls
            verdict = Verdict(task.id, "failed", 0, task.visible, student.case, error_kind=RanTooLong.__name__)
    if verdict.error_kind == KeyboardInterrupt.__name__:
        raise KeyboardInterrupt(f"the check of task {task.id} was stopped")
    too_long = verdict.error_kind == RanTooLong.__name__
    if too_long:
        words = f"It ran for {seconds:g} s and was stopped: is there a loop that never ends?"
        hint = f'If it only needs longer: check("{task.id}", seconds={10 * seconds:g}).'
        verdict = replace(verdict, message=words, hint=hint, error="", error_kind="")
    if verdict.status == "passed":
        _seeds.pop(key, None)
    else:
        _seeds[key] = seed
    note = stale_note(task.id, task.names, names)
    _attempts[key] = made = Attempt(verdict, note, student.failed or student.last, _parts(task, names), too_long)
    if not hidden:
        remember(key, verdict.status)
    return made


def unchanged_attempt(exercise: Exercise, task: Task, names: dict[str, Any]) -> Attempt | None:
    """The last attempt at a task in this kernel; None if there was none, or if the answer has changed since."""
    last = _attempts.get(key_of(exercise, task))
    if not last:
        return None
    now = _parts(task, names)
    same = len(now) == len(last.parts) and all(
        a is b and one == other for (a, one), (b, other) in zip(now, last.parts, strict=True)
    )
    return replace(last, note=stale_note(task.id, task.names, names)) if same else None


def _parts(task: Task, names: dict[str, Any]) -> list[tuple[Any, Any]]:
    """The objects that an answer depends on, each with its version: if they are the same, so is the answer.

    From the names of the task the search goes on to the globals, defaults and closures of functions, the bases and
    members of the notebook's classes, the attributes of objects, and the items of lists, tuples and dicts.
    """
    found: dict[int, tuple[Any, Any]] = {}
    waiting = [names[name] for name in task.names if name in names]
    while waiting:
        value = waiting.pop()
        if id(value) in found:
            continue
        found[id(value)] = value, _version(value)
        if isinstance(value, FunctionType):
            waiting += [names[name] for name in _names_in(value.__code__) if name in names]
            waiting += value.__defaults__ or ()
            for cell in value.__closure__ or ():
                with contextlib.suppress(ValueError):  # not assigned yet
                    waiting.append(cell.cell_contents)
        elif isinstance(value, type) and value.__module__ == "__main__":
            waiting += [*vars(value).values(), *value.__mro__[1:]]
        elif isinstance(value, (list, tuple)):
            waiting += value[:1000]
        elif isinstance(value, dict):
            waiting += list(value.values())[:1000]
        elif isinstance(value, nn.Module) or type(value).__module__ == "__main__":
            waiting.append(type(value))
            with contextlib.suppress(Exception):  # the answer's class may define __dict__
                waiting += vars(value).values()
    return list(found.values())


def _version(value: Any) -> Any:
    """A number that PyTorch raises whenever a tensor is changed in place; None for any other object."""
    try:
        return value._version if isinstance(value, torch.Tensor) else None
    except Exception:  # a tensor made in inference mode has none, and a subclass may raise an error
        return None


def _names_in(code: CodeType) -> Iterator[str]:
    """The names that a function and the functions inside it may use as globals."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
