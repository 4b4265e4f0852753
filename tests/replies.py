"""What a check gets from a student's objects: of which kinds it is, and whether it survives the way from a worker."""

import math
import os
from typing import Any

import numpy as np
import torch

from lecture_grader.protocol import Channel
from lecture_utils.grading.compare import equal
from lecture_utils.grading.errors import NotAttempted, StudentError
from lecture_utils.grading.student import LiveStudent
from lecture_utils.grading.values import Handle

_ALWAYS_READY = os.open(os.devnull, os.O_RDONLY)  # for those who wait for a socket


class SentStudent(LiveStudent):
    """The student's objects in this process. Each new kind of answer is also sent as a worker of the grader does.

    Attributes:
        kinds: of all answers, such as ``tensor of torch.float32`` or ``raised ValueError``.
        changed: answers that cannot be sent, or arrive as something else.
    """

    def __init__(self, names: dict[str, Any]):
        super().__init__(names)
        self.kinds: set[str] = set()
        self.changed: list[Any] = []
        self._sent: set[frozenset[str]] = set()

    def value(self, name: str) -> Any:
        return self._noted(super().value, name)

    def _call(self, function: Any, args: list, kwargs: dict, keep: bool) -> Any:
        return self._noted(super()._call, function, args, kwargs, keep)

    def _noted(self, ask: Any, *arguments: Any) -> Any:
        try:
            answer = ask(*arguments)
        except StudentError as error:
            self.kinds.add(f"raised {error.kind}")
            raise
        except NotAttempted:
            self.kinds.add("not attempted")
            raise
        if (found := frozenset(kinds(answer))) not in self._sent:
            self._sent.add(found)
            self.kinds |= found
            if not arrives(answer):
                self.changed.append(answer)
        return answer


def arrives(value: Any) -> bool:
    """Whether plain data can be sent through a channel of the grader, and is the same at its other end."""
    try:
        arrived = there_and_back(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False
    return kinds(arrived) == kinds(value) and equal(arrived, value)


def there_and_back(value: Any) -> Any:
    """Plain data as it arrives at the other end of a channel.

    Raises:
        TypeError, ValueError: it cannot be sent.
    """
    channel = Channel(_Loop())
    channel.send({}, value)
    return channel.receive()[1]


class _Loop:
    """Stands for a socket: what is sent can be read again."""

    def __init__(self) -> None:
        self.sent = bytearray()

    def fileno(self) -> int:
        return _ALWAYS_READY

    def setblocking(self, flag: bool) -> None: ...

    def send(self, data: bytes) -> int:
        self.sent += data
        return len(data)

    def recv(self, count: int) -> bytes:
        data = bytes(self.sent[:count])
        del self.sent[:count]
        return data


def kinds(value: Any) -> set[str]:
    """The kinds of the parts of plain data."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        name = "tensor" if isinstance(value, torch.Tensor) else "array"
        place = " without values" if isinstance(value, torch.Tensor) and value.device.type == "meta" else ""
        size = " of no dimension" if value.ndim == 0 else " of no number" if 0 in value.shape else ""
        return {f"{name}{size} of {value.dtype}{place}"}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__}.union(*map(kinds, value))
    if isinstance(value, dict):
        return {"dict"}.union(*map(kinds, value), *map(kinds, value.values()))
    if isinstance(value, float) and not math.isfinite(value):
        return {"a float that is no number"}
    if type(value) is int and not -(2**63) <= value < 2**63:
        return {"an int of more than 64 bits"}
    if type(value) is str and not value.isascii():
        return {"a str beyond ASCII"}
    return {"handle"} if isinstance(value, Handle) else {type(value).__name__}
