"""What a check is written with: tasks, the interface to a student's objects, and ``expect``.

A check is a plain function ``check(student, rng, case)``. It reaches the student's work only
through ``student``, so the same lines judge live objects in a notebook and, when a class is
graded, objects in a process that is not trusted and only sends plain data back.
"""

import functools
import hashlib
import importlib.util
import math
import numbers
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

CHECKS = Path(__file__).parent / "checks"


class Wrong(Exception):
    """A check's verdict that an answer is wrong.

    Args:
        message: what is wrong, in one sentence. It may be shown to the student when graded, so it
            never holds an expected value.
        hint: what to do about *this* failure.
        expected, got: shown side by side in the notebook; ``expected`` never leaves it.
    """

    def __init__(self, message: str, hint: str = "", *, expected: str = "", got: str = ""):
        super().__init__(message)
        self.message, self.hint, self.expected, self.got = message, hint, expected, got


class Todo(Exception):
    """The task has not been begun: its stub is untouched, or its name does not exist."""


class StudentError(Exception):
    """The student's own code raised.

    ``kind`` is the exception's class name, ``message`` its text, ``where`` the student's line.
    """

    def __init__(self, kind: str, message: str, where: str = ""):
        super().__init__(f"{kind}: {message}")
        self.kind, self.message, self.where = kind, message, where


@dataclass(frozen=True)
class Code:
    """An expression of ours for the student's process, such as ``Code("lambda d, i: d[i]")``.

    It sees ``torch``, ``nn``, ``F``, ``np`` and ``copy``, and travels as text: put nothing in it
    that a student must not know.
    """

    expression: str


@dataclass(frozen=True)
class Handle:
    """An object that stays in the student's process; ``kind`` is its class's name, if it says so."""

    number: int
    kind: str


@dataclass(frozen=True)
class Task:
    """One task of an exercise and how it is checked; made by the decorator :func:`task`.

    ``check(student, rng, case)`` is called for case 0, 1, ...: the first ``visible`` of them in the
    notebook, ``held_out`` more when graded. It raises :class:`Wrong`, or returns if all is well.
    """

    id: str
    title: str
    points: int
    difficulty: int
    minutes: int
    names: tuple[str, ...]
    hints: tuple[str, ...]
    visible: int
    held_out: int
    on_error: dict[str, str] = field(compare=False)
    check: Callable[["Student", np.random.Generator, int], None] = field(compare=False)


def task(
    id: str,
    title: str,
    *,
    points: int,
    difficulty: int,
    minutes: int,
    names: Sequence[str],
    hints: Sequence[str],
    visible: int = 3,
    held_out: int = 7,
    on_error: dict[str, str] | None = None,
) -> Callable[[Callable], Task]:
    """Turn a check function into a :class:`Task`.

    Args:
        id: exercise and number, ``"2.3"``; the answer's cell begins with ``# Task 2.3``.
        difficulty: 1 (warm-up) to 3 (demanding).
        minutes: the time a student is expected to need.
        names: what the answer defines, functions or values.
        hints: from gentle to nearly the answer; folded in the exercise.
        visible, held_out: numbers of cases, see :class:`Task`.
        on_error: part of an error's text (regular expression, matched against
            ``"KeyError: 'x'"``) to the hint for it.

    Raises:
        ValueError: something of the above makes no sense.
    """
    if not re.fullmatch(r"\d+\.\d+", id):
        raise ValueError(f"task id {id!r}: write EXERCISE.NUMBER, such as '2.3'")
    if points < 1 or not 1 <= difficulty <= 3 or minutes < 1 or visible < 1 or held_out < 0 or not names:
        raise ValueError(f"task {id}: points, minutes, visible >= 1, difficulty 1 to 3, held_out >= 0, some names")

    def make(check: Callable[["Student", np.random.Generator, int], None]) -> Task:
        return Task(
            id, title, points, difficulty, minutes, tuple(names), tuple(hints), visible, held_out, on_error or {}, check
        )

    return make


@dataclass(frozen=True)
class Exercise:
    """The tasks of one file of checks.

    ``setup`` is code that the notebook's own given cells hold too (its imports); it runs before a
    submission's cells, in case they were lost. ``version`` changes whenever the checks do, or what makes
    marks and reports of them.
    """

    number: str
    tasks: tuple[Task, ...]
    setup: str
    version: str
    file: tuple[str, bytes] = field(compare=False, default=("", b""))  # name and content

    def __reduce__(self) -> tuple:
        return _unpickled, (*self.file, self.version)  # functions cannot be sent, the file can

    def __getitem__(self, task_id: str) -> Task:
        for one in self.tasks:
            if one.id == task_id:
                return one
        raise KeyError(f"no task {task_id!r} in exercise {self.number}: {', '.join(t.id for t in self.tasks)}")

    @property
    def max_points(self) -> int:
        return sum(one.points for one in self.tasks)


# modules whose change changes no mark and no report: nothing has to be graded again
_NO_MARKS = {"collect", "overview", "platforms", "nbgrader_course", "nbgrader_script", "release", "warm"}


@functools.lru_cache(8)
def _unpickled(name: str, content: bytes, version: str) -> Exercise:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        exercise = load_exercise(path)
    if exercise.version != version:
        from lecture_utils.grading.sandbox import SandboxError  # Unix only

        raise SandboxError("a worker has another lecture_utils than the one that sends it work: install the same")
    return exercise


def load_exercise(which: str | Path) -> Exercise:
    """The exercise of a number (``"02"``, ``"2"``) or of a file of checks.

    The file is imported: only ever a file of ours or of the instructor's.

    Raises:
        ValueError: no such exercise, or the file holds no task or two with one id.
    """
    path = CHECKS / f"exercise_{int(str(which)):02d}.py" if str(which).isdecimal() else Path(which)
    if not path.is_file():
        known = ", ".join(sorted(p.stem.removeprefix("exercise_") for p in CHECKS.glob("exercise_*.py")))
        raise ValueError(f"no checks for exercise {which!r}: there are {known or 'none here'}")
    if path.suffix != ".py":
        raise ValueError(f"{path.name} is no file of checks: name a .py file")
    name = f"lecture_utils.grading.checks.{path.stem}" if path.parent == CHECKS else f"checks_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader  # the file is there, and named .py
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tasks = tuple(value for value in vars(module).values() if isinstance(value, Task))
    if not tasks or len({t.id for t in tasks}) < len(tasks):
        raise ValueError(f"{path.name} holds {'two tasks of one id' if tasks else 'no task: use @task'}")
    digest = hashlib.sha256(path.read_bytes())
    for part in sorted(Path(__file__).parent.glob("*.py")):
        if part.stem not in _NO_MARKS:
            digest.update(part.read_bytes())
    number = f"{int(tasks[0].id.split('.')[0]):02d}"
    setup = getattr(module, "SETUP", "")
    return Exercise(number, tasks, setup, digest.hexdigest()[:16], (path.name, path.read_bytes()))


def task_id_of(source: str) -> str | None:
    """The task whose answer a cell holds: its source begins with a line ``# Task 2.3``."""
    match = re.match(r"\s*# Task (\d+\.\d+)\b", source)
    return match[1] if match else None


# --- the student's work --------------------------------------------------------------------------


class Student:
    """What a check may do with a student's work. Plain data goes in, plain data comes out.

    Plain are tensors (they arrive on the CPU, detached), NumPy arrays, numbers, strings, ``None``,
    ``torch.dtype``, ``torch.device``, and lists, tuples and dicts of these. Anything else stays
    where it is and arrives as a :class:`Handle`, which may be an argument of further calls.

    Set ``student.case`` to a few words on the case being tried: they are shown if it fails. What
    stands behind `` | `` in them, such as the value of an input, is left out for held-out cases.
    """

    case = ""

    def value(self, name: str) -> Any:
        """The value of a global name.

        Raises:
            Todo: there is no such name, or it still is ``...``.
        """
        raise NotImplementedError

    def call(
        self, function: "str | Code | Handle", *args: Any, keep: bool = False, modifies: bool = False, **kwargs: Any
    ) -> Any:
        """Call a function of the student's, by its name, or :class:`Code` of ours.

        Args:
            args, kwargs: copies of them are passed.
            keep: leave the result where it is and return a handle of it, even if it is plain.
            modifies: the function may change its arguments.

        Raises:
            Todo: the function does not exist, or a stub in it was reached: a NotImplementedError that says
                nothing, or "Task ...".
            StudentError: it raised something else.
            Wrong: it changed an argument although it must not.
        """
        result, after = self._call(function, args, kwargs, keep, not modifies)
        for number, (before, now) in enumerate(zip([] if modifies else args, after, strict=True), 1):
            if not isinstance(before, Handle) and not _same(before, now):
                raise Wrong(
                    f"The function changed its argument number {number}.",
                    "An operation in place (x += 1, x[...] = 0, or a name that ends in _) changes the caller's tensor: "
                    "make a new tensor, or work on x.clone().",
                )
        return result

    def _call(
        self, function: "str | Code | Handle", args: tuple, kwargs: dict, keep: bool, back: bool
    ) -> tuple[Any, list]:
        """The result, and if ``back`` the positional arguments as they are afterwards (handles as they were)."""
        raise NotImplementedError

    def put(self, value: Any) -> Handle:
        """Place a copy of plain data, or the value of some :class:`Code`, in the student's process."""
        if isinstance(value, Code):
            return self.call(Code(f"lambda: ({value.expression})"), keep=True)
        return self.call(Code("lambda value: value"), value, keep=True, modifies=True)

    def get(self, handle: Handle) -> Any:
        """What an object is now: plain data, or again a handle."""
        return self.call(Code("lambda value: value"), handle)

    def module(self, target: "str | Handle") -> "Module":
        """A network: a global name, or a handle that a call returned.

        Raises:
            Todo: no such name.
            Wrong: it is no ``nn.Module``.
        """
        handle = target if isinstance(target, Handle) else self.value(target)
        is_module = "lambda m: isinstance(m, nn.Module)"
        if not isinstance(handle, Handle) or self.call(Code(is_module), handle) is not True:
            got = handle.kind if isinstance(handle, Handle) else describe(handle)
            raise Wrong("This must be a network, an nn.Module.", "nn.Sequential(...) makes one.", got=got)
        return Module(self, handle)


class Module:
    """A network of the student's: every method works on a copy, but ``forward``'s buffers."""

    def __init__(self, student: Student, handle: Handle):
        self.student, self.handle = student, handle

    def _ask(self, expression: str, *args: Any) -> Any:
        return self.student.call(Code(expression), self.handle, *args)

    @property
    def layers(self) -> list[tuple[str, str, str]]:
        """Name, class and settings (``extra_repr``) of each layer that holds no other layer."""
        leaves = "[(n, type(l).__name__, l.extra_repr()) for n, l in m.named_modules() if not list(l.children())]"
        return self._ask(f"lambda m: {leaves}")

    @property
    def parameters(self) -> dict[str, torch.Tensor]:
        """Trainable parameters by name."""
        return self._ask("lambda m: {n: p for n, p in m.named_parameters() if p.requires_grad}")

    @property
    def state_dict(self) -> dict[str, torch.Tensor]:
        return self._ask("lambda m: dict(m.state_dict())")

    @property
    def training(self) -> bool:
        """Whether it is in training mode."""
        return self._ask("lambda m: m.training")

    def forward(self, *inputs: Any, training: bool = False) -> Any:
        """Outputs for inputs, without gradients, in evaluation mode unless ``training``."""
        return self._ask(f"lambda m, *x: run_module(m, x, {training!r})", *inputs)

    def train_steps(
        self, batches: Sequence[tuple], loss: str = "cross_entropy", optimizer: str = "SGD", lr: float = 0.1
    ) -> list[float]:
        """Loss of each step of training a copy: ``loss`` of ``torch.nn.functional``."""
        return self._ask(f"lambda m, b: train_module(m, b, {loss!r}, {optimizer!r}, {lr!r})", list(batches))


def _same(a: Any, b: Any) -> bool:
    """Whether two pieces of plain data are equal, NaN to NaN."""
    if isinstance(a, (torch.Tensor, np.ndarray)):
        if type(a) is not type(b) or a.shape != b.shape or a.dtype != b.dtype:
            return False
        if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
            if "meta" in (a.device.type, b.device.type):
                return a.device.type == b.device.type
            a, b = a.detach().cpu(), b.detach().cpu()
        return bool(((a == b) | ((a != a) & (b != b))).all())
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    return isinstance(a, (Handle, Code)) or a == b


# --- comparing -----------------------------------------------------------------------------------

DEFAULT_HINTS = {
    "none": "Does the function end with `return`?",
    "type": "Look at what your function returns: print(type(result)).",
    "shape": "Print the shapes of what goes in and of each step: which dimension is lost, or one too many?",
    "dtype": "Check the dtype: an integer tensor stays integer, NumPy's default is float64.",
    "nonfinite": "Look for a division by zero, log(0), or exp of something large.",
    "values": "Work one small case out by hand and compare each step.",
}


def describe(value: Any) -> str:
    """A few words that show a value: shape, dtype and the first numbers of a tensor."""
    if isinstance(value, torch.Tensor):
        text = f"tensor, shape {tuple(value.shape)}, {str(value.dtype).removeprefix('torch.')}"
        if value.device.type == "meta":
            return f"{text}, device meta"
        if 0 < value.numel() <= 24:
            return f"{text}: {_rounded(value.tolist())}"
        return text if not value.numel() else f"{text}: [{', '.join(map(_rounded, value.flatten()[:6].tolist()))}, ...]"
    if isinstance(value, np.ndarray):
        return f"NumPy array, shape {value.shape}, {value.dtype}"
    if isinstance(value, Handle):
        return f"an object of class {value.kind}"
    text = _rounded(value)
    return text if len(text) <= 200 else text[:200] + " ..."


def _rounded(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_rounded, value))}]"
    return f"{value:.5g}" if isinstance(value, float) else repr(value)


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0, dtype: str = "float32") -> torch.Tensor:
    """Normal numbers of mean 0, on the CPU whatever the default device is."""
    return torch.from_numpy(np.asarray(rng.normal(0, scale, shape), dtype))


def close(got: Any, expected: Any, *, rtol: float = 1e-4, atol: float = 1e-5) -> bool:
    """Whether two values are numbers or tensors of the same shape, close to each other."""
    if not all(isinstance(v, (torch.Tensor, np.ndarray, numbers.Number)) for v in (got, expected)):
        return False
    a, b = (torch.as_tensor(v).detach().to("cpu") for v in (got, expected))
    if a.is_complex() or b.is_complex() or a.shape != b.shape:
        return False
    if not (a.is_floating_point() or b.is_floating_point()):
        return torch.equal(a.long(), b.long())
    return torch.allclose(a.double(), b.double(), rtol=rtol, atol=atol, equal_nan=True)


def expect(
    got: Any,
    expected: Any,
    *,
    what: str = "The result",
    hints: dict[str, str] | None = None,
    mistakes: Iterable[tuple[Any, str]] = (),
    dtype: str = "same",
    rtol: float = 1e-4,
    atol: float = 1e-5,
) -> None:
    """Compare an answer with the right one, and say which known mistake it is if it is wrong.

    Args:
        got: what the student's code returned.
        expected: tensor, number, string, bool, ``None``, or lists, tuples, dicts of these. For a
            number, a tensor of shape () will do too. A tuple and a list are the same.
        what: what is compared, the beginning of the message: "The mean", "The second result".
        hints: hint for a kind of failure: ``none``, ``type``, ``shape``, ``dtype``,
            ``nonfinite``, ``values``; :data:`DEFAULT_HINTS` where it says nothing.
        mistakes: pairs of a wrong value and the hint for whoever got exactly that.
        dtype: ``same`` as the expected tensor's, any ``floating`` one, or ``any``.
        rtol, atol: as in ``torch.allclose``.

    Raises:
        Wrong: it differs.
    """
    hints = DEFAULT_HINTS | (hints or {})
    if isinstance(expected, (list, tuple)) and not isinstance(expected, torch.Size):
        if not isinstance(got, (list, tuple)) or len(got) != len(expected):
            came = f"{len(got)} values" if isinstance(got, (list, tuple)) else describe(got)
            raise Wrong(f"{what} must be {len(expected)} values.", hints["none" if got is None else "type"], got=came)
        for number, (g, e) in enumerate(zip(got, expected, strict=True), 1):
            wrong = [(m[number - 1], hint) for m, hint in mistakes if isinstance(m, (list, tuple)) and len(m) >= number]
            label = f"{what}, value {number}"
            expect(g, e, what=label, hints=hints, mistakes=wrong, dtype=dtype, rtol=rtol, atol=atol)
        return
    if isinstance(expected, dict):
        if not isinstance(got, dict) or set(got) != set(expected):
            came = f"the keys {sorted(map(str, got))}" if isinstance(got, dict) else describe(got)
            raise Wrong(f"{what} must be a dict of {len(expected)} keys.", hints["type"], got=came)
        for key in expected:
            wrong = [(m[key], hint) for m, hint in mistakes if isinstance(m, dict) and key in m]
            label = f"{what} at {key!r}"
            expect(got[key], expected[key], what=label, hints=hints, mistakes=wrong, dtype=dtype, rtol=rtol, atol=atol)
        return
    right = close(got, expected, rtol=rtol, atol=atol)
    for value, hint in () if right else mistakes:
        if close(got, value, rtol=rtol, atol=atol):
            raise Wrong(f"{what} is wrong.", hint, expected=describe(expected), got=describe(got))
    found = _difference(got, expected, right, dtype)
    if found:
        kind, words = found
        raise Wrong(f"{what} {words}.", hints[kind], expected=describe(expected), got=describe(got))


def _difference(got: Any, expected: Any, right: bool, dtype: str) -> tuple[str, str] | None:
    """The kind of a failure, see :func:`expect`, and words on it; None where the answer passes."""
    if got is None and expected is not None:
        return "none", "is None"
    if isinstance(expected, torch.Tensor):
        if not isinstance(got, numbers.Real) or isinstance(got, bool) or expected.dim():
            if not isinstance(got, torch.Tensor):
                return "type", "must be a tensor"
            if got.shape != expected.shape:
                return "shape", f"has the wrong shape, {tuple(got.shape)}"
            wanted = {"same": got.dtype == expected.dtype, "floating": got.is_floating_point(), "any": True}
            if not wanted[dtype]:
                return "dtype", f"has the wrong dtype, {got.dtype}"
    elif isinstance(expected, bool) or not isinstance(expected, numbers.Number):
        if isinstance(got, torch.Tensor) and got.dtype == torch.bool and got.numel() == 1:
            got = bool(got)
        if type(got) is not type(expected):
            return "type", f"must be of type {type(expected).__name__}"
        return None if got == expected else ("values", "is wrong")
    elif isinstance(got, torch.Tensor) and got.numel() == 1 and got.dim() > 0:
        return "shape", f"must be one number, not a tensor of shape {tuple(got.shape)}"
    elif isinstance(got, bool) or not (isinstance(got, (numbers.Real, np.ndarray, torch.Tensor))):
        return "type", "must be a number"
    elif isinstance(got, (torch.Tensor, np.ndarray)) and got.ndim:
        return "shape", f"must be one number, not of shape {tuple(got.shape)}"
    if not _finite(got) and _finite(expected):
        return "nonfinite", "holds nan or inf"
    return None if right else ("values", "is wrong")


def _finite(value: Any) -> bool:
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return bool(torch.isfinite(torch.as_tensor(value)).all())
    return math.isfinite(value)


# --- verdicts ------------------------------------------------------------------------------------


@dataclass
class Verdict:
    """What a check found: ``status`` is ``passed``, ``failed`` or ``todo``.

    ``case`` names the case that failed, ``held_out`` whether it is one of those run when graded
    only. ``expected`` and ``got`` are for the student's own notebook only.
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
    where: str = ""
    held_out: bool = False


def run_check(one: Task, student: Student, seed: int, *, held_out: bool) -> Verdict:
    """Run a task's cases until one fails; never raises for what the student did.

    Every case has a generator of its own, so that case 5 is the same whatever happened before.
    """
    cases = one.visible + (one.held_out if held_out else 0)
    verdict = Verdict(one.id, "passed", 0, cases)
    for case in range(cases):
        rng = np.random.default_rng([seed, *map(int, one.id.split(".")), case])
        student.case = f"case {case + 1}"
        try:
            one.check(student, rng, case)
        except Todo as error:
            verdict.status, verdict.message = "todo", str(error)
        except Wrong as wrong:
            verdict.status = "failed"
            verdict.message, verdict.hint = wrong.message, wrong.hint
            verdict.expected, verdict.got = wrong.expected, wrong.got
        except StudentError as error:
            verdict.status = "failed"
            verdict.message = f"Your code raised {error.kind}."
            verdict.error, verdict.where = error.message, error.where
            verdict.hint = _error_hint(f"{error.kind}: {error.message}", one.on_error)
        except (TypeError, ValueError, AttributeError, IndexError, KeyError, RuntimeError, ArithmeticError) as error:
            # what came was so different from what was asked for that the check stumbled over it
            verdict.status, verdict.message = "failed", "The answer is not of the kind that was asked for."
            verdict.hint, verdict.error = DEFAULT_HINTS["type"], f"{type(error).__name__}: {error}"[:300]
        if verdict.status != "passed":
            verdict.held_out = case >= one.visible
            public, _, inputs = student.case.partition(" | ")
            verdict.case = f"{public}, {inputs}" if inputs and not verdict.held_out else public
            return verdict
        verdict.passed += 1
    return verdict


_ERROR_HINTS = {
    r"must match the size|shapes cannot be multiplied|broadcast": "Two shapes do not fit: print both, and insert a "
    "dimension of size 1 where one is missing (unsqueeze, or keepdim=True).",
    r"same device|device-side": "Two tensors lie on different devices: move one with .to(other.device).",
    r"does not require grad": "No gradient was recorded: is requires_grad set, and nothing detached?",
    r"backward through the graph a second time": "The graph is freed by backward(): compute the loss again first.",
    r"leaf Variable that requires grad": "Change parameters inside `with torch.no_grad():`.",
    r"expected scalar type|same dtype": "Two dtypes do not fit: convert one, for example with .float() or .long().",
    r"takes \d+ positional|unexpected keyword|missing \d+ required": "Keep the function's name and arguments as given.",
    r"^NameError|UnboundLocalError": "A name is used that was never assigned: is it spelt the same everywhere?",
    r"^KeyboardInterrupt|TimeoutError": "It ran too long: is there a loop that never ends?",
}


def _error_hint(error: str, own: dict[str, str]) -> str:
    for pattern, hint in [*own.items(), *_ERROR_HINTS.items()]:  # a task's own hints first
        if re.search(pattern, error):
            return hint
    return "Read the last line of the error, then try the function on a small input in a cell of your own."
