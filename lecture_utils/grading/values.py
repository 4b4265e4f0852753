"""What is exchanged with the student's process besides plain data: handles of its objects, and code to run there."""

import functools
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """Code of ours for the student's process: an expression, or the source of functions.

    The code sees ``torch``, ``nn``, ``F``, ``np`` and ``copy``; anything else it has to import itself.
    It travels as text and the student can read it: put nothing in it that a student must not know.

    Example:
        >>> Code("lambda d, i: d[i]").expression
        'lambda d, i: d[i]'
    """

    expression: str

    @staticmethod
    def of(function: Callable, *helpers: Callable) -> "Code":
        """The source of a function, and of the functions that it calls.

        Args:
            function: a function defined with ``def`` at the top level of a file of checks. It has no closure.
            helpers: functions of the same kind that it calls by name.

        Raises:
            TypeError: the function has a closure or its source cannot be found, as for a lambda.
        """
        return _code_of((*helpers, function))


@functools.lru_cache(512)
def _code_of(functions: tuple[Callable, ...]) -> Code:
    parts = []
    for function in functions:
        name = getattr(function, "__name__", repr(function))
        if not inspect.isfunction(function) or function.__closure__ or name == "<lambda>":
            raise TypeError(f"{name} cannot be sent: only a function defined with def, without a closure, can")
        try:
            parts.append(textwrap.dedent(inspect.getsource(function)))
        except OSError:
            raise TypeError(f"{name} cannot be sent: its source cannot be found") from None
    return Code("\n".join(parts))


@dataclass(frozen=True)
class Handle:
    """An object that stays in the student's process; ``kind`` is the name of its class, as that process says."""

    number: int
    kind: str
