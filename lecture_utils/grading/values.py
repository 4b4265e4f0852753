"""What a check exchanges with the student's process besides plain data: handles of its objects, and code to run."""

import builtins
import dis
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType

# What the code of a check can use besides builtins and its own helpers; ``namespace`` provides it.
_VISIBLE = ("torch", "nn", "F", "np", "copy")


@dataclass(frozen=True)
class Code:
    """Code of a check for the student's process: an expression, or the source of functions.

    It can use ``torch``, ``nn``, ``F``, ``np`` and ``copy``, and must import everything else itself. It is sent as
    text, which the student can read, so it must not contain anything secret.

    >>> Code("torch.nn.ReLU()")
    Code(expression='torch.nn.ReLU()')
    """

    expression: str

    @staticmethod
    @functools.lru_cache(512)
    def of(function: Callable, *helpers: Callable) -> "Code":
        """The source of a function and of the helpers that it calls, all defined with ``def`` at the top of a file.

        Raises:
            TypeError: one of them is a lambda, a closure, decorated or asynchronous, or uses a name that does not exist
                in the student's process, perhaps in a default or an annotation.
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
            if not parts[-1].startswith("def "):
                raise TypeError(f"{name} cannot be sent: it is asynchronous, or has a decorator")
        source = "\n".join(parts)
        defined = {*dir(builtins), *_VISIBLE, *(part.__name__ for part in (*helpers, function))}
        if unknown := sorted(set(global_names(compile(source, "<check>", "exec"))) - defined):
            words = f"it uses {', '.join(unknown)}, which the student's process does not know"
            raise TypeError(f"{function.__name__} cannot be sent: {words}: send it as a helper, or import it inside")
        return Code(source)


def global_names(code: CodeType) -> Iterator[str]:
    """The global names that a piece of code and the functions in it use."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield step.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from global_names(constant)


@dataclass(frozen=True)
class Handle:
    """An object that stays in the student's process. That process names its class, ``kind``, so it may be false."""

    number: int
    kind: str
