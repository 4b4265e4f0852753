"""One attempt at a task in the notebook: its verdict, the call that was judged last, and what it depended on."""

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

from lecture_utils.grading.cells import stale
from lecture_utils.grading.namespace import Namespace
from lecture_utils.grading.records import remember
from lecture_utils.grading.state import restore_state
from lecture_utils.grading.student import LiveStudent
from lecture_utils.grading.tasks import Exercise, Task, checks_folder
from lecture_utils.grading.values import Handle
from lecture_utils.grading.verdict import Verdict, run_check

CALL_SECONDS = 60.0
_AGAIN = 30  # how often a call that ran too long is stopped, once a second, since an answer may go on nevertheless
_NAMESPACE = Namespace.call.__code__.co_filename
_WRITTEN = (type(None), bool, int, float, str, torch.dtype, torch.device)  # what repr shows as it is typed
_SHOWN = 160  # characters of a call that is shown


class RanTooLong(BaseException):
    """A call was stopped after its time. No ``Exception``, because an answer may catch each of those."""


class Case:
    """A call of the student's function, with the very arguments that a check gave it. Call it to repeat it.

    >>> case = check("2.2").case  # doctest: +SKIP
    >>> case.args  # doctest: +SKIP
    (tensor([1.]), tensor([2.]))
    >>> case()  # doctest: +SKIP
    tensor(1., grad_fn=<MeanBackward0>)
    """

    def __init__(self, name: str, find: Callable[[], Callable], args: tuple, kwargs: dict[str, Any]):
        self.name = name
        self.args = args
        self.kwargs = kwargs
        self._find = find

    def __call__(self) -> Any:
        args, kwargs = _copied((self.args, self.kwargs))
        return self._find()(*args, **kwargs)

    def __repr__(self) -> str:
        given = [*map(_short, self.args), *(f"{name}={_short(value)}" for name, value in self.kwargs.items())]
        return f"{self.name}({', '.join(given)})"

    def shown(self) -> str:
        """The call as text where its arguments are small, otherwise nothing."""
        text = repr(self)
        return text if len(text) <= _SHOWN and "..." not in text else ""


def _short(value: Any) -> str:
    """A value as text; what is large, or no plain data, is only named and carries ``...``."""
    if type(value) in (list, tuple):
        items = ", ".join(map(_short, value))
        return f"[{items}]" if type(value) is list else f"({items}{',' * (len(value) == 1)})"
    if type(value) is dict:
        return f"{{{', '.join(f'{key!r}: {_short(one)}' for key, one in value.items())}}}"
    if type(value) in (torch.Tensor, nn.Parameter, np.ndarray):
        small = len(value.reshape(-1)) <= 24
        return " ".join(repr(value).split()) if small else f"<{type(value).__name__} of shape {tuple(value.shape)}>..."
    return repr(value) if isinstance(value, _WRITTEN) else f"<{type(value).__name__}>..."


def _copied(value: Any) -> Any:
    """A copy of plain data. Objects of the check stay what they are, since they may note whatever is done with them."""
    if type(value) in (list, tuple):
        return type(value)(map(_copied, value))
    if type(value) is dict:
        return {key: _copied(one) for key, one in value.items()}
    if type(value) in (torch.Tensor, nn.Parameter) and not value.is_leaf:
        return value.detach().clone().requires_grad_()
    return copy.deepcopy(value) if type(value) in (torch.Tensor, nn.Parameter, np.ndarray) else value


class _WatchedStudent(LiveStudent):
    """The objects in the notebook; each call has a time limit, and the last one of the student's is kept."""

    case: str
    last: Case | None = None

    def __init__(self, names: dict[str, Any], seconds: float):
        super().__init__(names)
        self._seconds = seconds

    def _call(self, function: Any, args: list, kwargs: dict, keep: bool) -> Any:
        space = self._namespace
        if isinstance(function, (str, Handle)):
            with self._device:
                given = _copied((tuple(space._resolve(args)), space._resolve(kwargs)))
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
    """Stop the block with :class:`RanTooLong` after some seconds.

    In the main thread of Unix a signal does it, which also ends a sleep. On Windows, and in other threads, another
    thread raises the exception as soon as the next line of Python is run.
    """
    if hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread():
        left = _AGAIN

        def stop(number: int, frame: Any) -> None:
            nonlocal left
            left -= 1
            signal.setitimer(signal.ITIMER_REAL, 1.0 if left else 0.0)
            if left < _AGAIN - 1:
                _stop_handlers(frame)
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
        for _ in range(_AGAIN):
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


def _stop_handlers(frame: Any) -> None:
    """Let the next line of each of the answer's frames raise, so that a bare ``except:`` of its own ends as well."""

    def stop(_frame: Any, event: str, _value: Any) -> Any:
        if event == "line":
            raise RanTooLong
        return stop

    while frame and frame.f_code.co_filename != _NAMESPACE:
        frame.f_trace = stop
        frame = frame.f_back
    sys.settrace(lambda *_: None)  # without it no frame is traced


@dataclass(frozen=True)
class Attempt:
    """What came of a check.

    Attributes:
        note: on a cell whose newest version is not what was judged; usually empty.
        last: the call of the student's function that was judged last, if there was one.
        parts: the objects that the answer consists of, with the versions of its tensors.
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
    """What a task's progress is kept under: an instructor's own checks share no id with the course's."""
    file = Path(exercise.file[0]).resolve()
    return task.id if file.parent == checks_folder() else f"{file} {task.id}"


def attempt(
    exercise: Exercise, task: Task, names: dict[str, Any], *, seed: int | None, seconds: float, hidden: bool = False
) -> Attempt:
    """Judge an answer, put the notebook's state back, and keep the result.

    The random inputs of a task stay the same until it passes, so that two versions of an answer can be compared.

    Raises:
        KeyboardInterrupt: the student stopped it.
    """
    key = key_of(exercise, task)
    seed = _seeds.get(key, secrets.randbits(32)) if seed is None else seed
    student = _WatchedStudent(names, seconds)
    with restore_state(names):
        try:
            verdict = run_check(task, student, seed, hidden=hidden)
        except RanTooLong:  # it struck between two calls
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
    note = stale(task.id, task.names, names)
    _attempts[key] = made = Attempt(verdict, note, student.last, _parts(task, names), too_long)
    if not hidden:
        remember(key, verdict.status)
    return made


def attempt_of_now(exercise: Exercise, task: Task, names: dict[str, Any]) -> Attempt | None:
    """The last attempt at a task in this kernel, unless the answer is another one since."""
    last = _attempts.get(key_of(exercise, task))
    if not last:
        return None
    now = _parts(task, names)
    same = len(now) == len(last.parts) and all(
        a is b and one == other for (a, one), (b, other) in zip(now, last.parts, strict=True)
    )
    return replace(last, note=stale(task.id, task.names, names)) if same else None


def _parts(task: Task, names: dict[str, Any]) -> list[tuple[Any, Any]]:
    """All objects that an answer consists of: its functions and the global names in them, its networks, its tensors."""
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
                with contextlib.suppress(ValueError):  # assigned later
                    waiting.append(cell.cell_contents)
        elif isinstance(value, type) and value.__module__ == "__main__":
            waiting += [*vars(value).values(), *value.__mro__[1:]]
        elif isinstance(value, (list, tuple)):
            waiting += value[:1000]
        elif isinstance(value, dict):
            waiting += list(value.values())[:1000]
        elif isinstance(value, nn.Module) or type(value).__module__ == "__main__":
            waiting.append(type(value))
            with contextlib.suppress(Exception):  # a class of the answer's may define it
                waiting += vars(value).values()
    return list(found.values())


def _version(value: Any) -> Any:
    """What changes when a tensor is changed in place."""
    try:
        return value._version if isinstance(value, torch.Tensor) else None
    except Exception:  # made in inference mode, or of a class that refuses
        return None


def _names_in(code: CodeType) -> Iterator[str]:
    """The global names that a function may use."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
