"""What is exchanged with the student's process besides plain data: handles of its objects, and code to run there."""

import functools
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """Code of a check for the student's process: an expression, or the source of functions.

    The code sees ``torch``, ``nn``, ``F``, ``np`` and ``copy``; anything else it has to import itself.
    It travels as text and the student can read it: put nothing in it that a student must not know.

    >>> Code("torch.nn.ReLU()")
    Code(expression='torch.nn.ReLU()')
    """

    expression: str

    @staticmethod
    @functools.lru_cache(512)
    def of(function: Callable, *helpers: Callable) -> "Code":
        """The source of a function, and of the helpers that it calls by name.

        All are defined with ``def`` at the top level of a file of checks. A lambda or a closure raises a ``TypeError``.
        """
        parts = []
        for part in (*helpers, function):
            name = getattr(part, "__name__", repr(part))
            if not inspect.isfunction(part) or part.__closure__ or name == "<lambda>":
                raise TypeError(f"{name} cannot be sent: only a function defined with def, without a closure, can")
            try:
                parts.append(textwrap.dedent(inspect.getsource(part)))
            except OSError:
                raise TypeError(f"{name} cannot be sent: its source cannot be found") from None
        return Code("\n".join(parts))


@dataclass(frozen=True)
class Handle:
    """An object that stays in the student's process; ``kind`` is the name of its class, as that process says."""

    number: int
    kind: str
