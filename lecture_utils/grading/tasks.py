"""Tasks and exercises: the decorator that makes a check a task, and the loader of a file of checks.

A check is a function ``check(student, rng, case)``. It reaches the student's work only through ``student``. The same
check therefore judges the objects of a notebook and, when a class is graded, objects in a process that is not trusted.
"""

import functools
import hashlib
import importlib.util
import linecache
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lecture_utils.grading.student import Student

Check = Callable[["Student", np.random.Generator, int], None]


@functools.cache
def checks_folder() -> Path:
    """The folder of the course's own checks: that of the package ``lecture_checks``, or ``checks/`` in a clone."""
    spec = importlib.util.find_spec("lecture_checks")
    if spec and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    return Path(__file__).resolve().parents[2] / "checks"


@dataclass(frozen=True)
class Task:
    """A task and its check. The decorator :func:`task` makes it and explains the fields."""

    id: str
    title: str
    points: float
    difficulty: int
    minutes: int
    names: tuple[str, ...]
    hints: tuple[str, ...]
    visible: int
    hidden: int
    on_error: dict[str, str] = field(compare=False)
    parts: dict[str, float] = field(compare=False)
    per_case: bool
    bonus: bool
    manual: str
    check: Check = field(compare=False)


def task(
    id: str,
    title: str,
    *,
    points: float,
    difficulty: int,
    minutes: int,
    names: Sequence[str],
    hints: Sequence[str],
    visible: int = 3,
    hidden: int = 7,
    on_error: dict[str, str] | None = None,
    parts: dict[str, float] | None = None,
    per_case: bool = False,
    bonus: bool = False,
    manual: str = "",
    held_out: int | None = None,
) -> Callable[[Check], Task]:
    """Turn a check function into a :class:`Task`.

    The function is called for case 0, 1, ... It raises :class:`.CheckFailed` if the answer is wrong.

    Args:
        id: exercise and number, ``"2.3"``; the answer's cell begins with ``# Task 2.3``.
        points: for an answer that passes all cases. Without ``parts`` or ``per_case`` it is all or nothing.
        difficulty: 1 (warm-up) to 3 (demanding).
        minutes: the time a student is expected to need.
        names: the functions and values that the answer defines.
        hints: from a first idea to nearly the answer; they are folded in the exercise.
        visible: the number of cases that ``check()`` runs in the notebook.
        hidden: the number of further cases that are run when a class is graded.
        on_error: hints for exceptions, by a regular expression that is searched in, for example, ``"KeyError: 'x'"``.
        parts: points by the name of a part, for :meth:`.Student.part`; together they are ``points``.
        per_case: an answer gets points for the share of the cases that it passes.
        bonus: the points do not count in the exercise's maximum.
        manual: a rubric: a person marks the task's cell, code or text. No case is run; the body may be ``...``.
        held_out: the old name of ``hidden``, accepted for one more release.

    Raises:
        ValueError: the id or a number is not possible.

    >>> from lecture_utils.grading import expect
    >>> @task("9.1", "Double", points=1, difficulty=1, minutes=2, names=["double"], hints=["Add it to itself."])
    ... def double(student, rng, case):
    ...     x = float(rng.normal())
    ...     expect(student.call("double", x), 2 * x)
    >>> double.id, double.visible, double.hidden
    ('9.1', 3, 7)
    """
    if held_out is not None:
        warnings.warn("task(held_out=...) is now called task(hidden=...)", DeprecationWarning, stacklevel=2)
        hidden = held_out
    if not re.fullmatch(r"\d+\.\d+", id):
        raise ValueError(f"task id {id!r}: write EXERCISE.NUMBER, such as '2.3'")
    if points <= 0 or not 1 <= difficulty <= 3 or minutes < 1 or visible < 1 or hidden < 0 or not (names or manual):
        raise ValueError(f"task {id}: points > 0, minutes, visible >= 1, difficulty 1 to 3, hidden >= 0, some names")
    if parts and (per_case or min(parts.values()) <= 0 or abs(sum(parts.values()) - points) > 1e-9):
        raise ValueError(f"task {id}: parts have points above 0, together {points}, and exclude per_case")
    given = (id, title, points, difficulty, minutes, tuple(names), tuple(hints), visible, hidden, on_error or {})
    return functools.partial(Task, *given, parts or {}, per_case, bonus, manual)


@dataclass(frozen=True)
class Exercise:
    """The tasks of one file of checks.

    Attributes:
        number: two digits, ``"02"``.
        tasks: in the order of the file.
        setup: the notebook's imports. They are run before a submission's cells, which may lack them.
        file: path and content of the file of checks.
    """

    number: str
    tasks: tuple[Task, ...]
    setup: str
    file: tuple[str, bytes] = field(compare=False)

    def __getitem__(self, task_id: str) -> Task:
        for one in self.tasks:
            if one.id == task_id:
                return one
        raise KeyError(f"no task {task_id!r} in exercise {self.number}: {', '.join(t.id for t in self.tasks)}")

    def __reduce__(self) -> tuple:
        # The file is not an importable module, so pickle cannot find its functions: it is sent as text.
        return _from_source, self.file

    @property
    def max_points(self) -> float:
        """Of all tasks but those that are a bonus."""
        return sum(one.points for one in self.tasks if not one.bonus)

    @property
    def version(self) -> str:
        """A hash of the file of checks: if it differs, a class is graded again."""
        return hashlib.sha256(self.file[1]).hexdigest()[:16]


def load_exercise(which: str | Path) -> Exercise:
    """The exercise with a number (``"02"``, ``"2"``), or in a file of checks.

    The file is executed, so it must come from the course or the instructor.

    Raises:
        ValueError: there is no such file, or it is not a file of checks.

    >>> load_exercise("1").max_points
    22
    """
    checks = checks_folder()
    path = checks / f"exercise_{int(str(which)):02d}.py" if str(which).isdecimal() else Path(which)
    if not path.is_file() and path.suffix == ".py" and not str(which).isdecimal():
        raise ValueError(f"no checks: there is no file {which} in {Path.cwd()}; put it beside the notebook")
    if not path.is_file():
        known = ", ".join(sorted(p.stem.removeprefix("exercise_") for p in checks.glob("exercise_*.py")))
        raise ValueError(f"no checks for exercise {which!r}: there are {known or 'none here'}")
    if path.suffix != ".py":
        raise ValueError(f"{path.name} is no file of checks: name a .py file")
    return _from_source(str(path), path.read_bytes())


@functools.lru_cache(16)
def _from_source(path: str, content: bytes) -> Exercise:
    text = content.decode("utf-8")
    name = f"{path} ({hashlib.sha256(content).hexdigest()[:8]})"
    module: Any = ModuleType(f"checks_{name}")
    module.__file__ = path
    sys.modules[module.__name__] = module  # where dataclasses look for the names in annotations
    # inspect.getsource must find the text that is executed here, even if the file changes or is on another machine.
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), vars(module))
    tasks = tuple(value for value in vars(module).values() if isinstance(value, Task))
    if not tasks or len({t.id for t in tasks}) < len(tasks):
        raise ValueError(f"{Path(path).name} holds {'two tasks of one id' if tasks else 'no task: use @task'}")
    number = f"{int(tasks[0].id.split('.')[0]):02d}"
    return Exercise(number, tasks, getattr(module, "SETUP", ""), (path, content))
