"""Ctrl-C while a command starts. This imports only modules that Python has imported already."""

import os
import signal
from collections.abc import Callable
from types import FrameType


def end_on_interrupt() -> None:
    """From now on Ctrl-C ends the process with one line and the status 130, until :func:`raise_on_interrupt`.

    KeyboardInterrupt is not raised, because an import that it interrupts may turn it into any other error. Nothing is
    cleaned up, so this is for a command that has not begun its work.
    """
    _handle(_end)


def raise_on_interrupt() -> None:
    """From now on Ctrl-C raises KeyboardInterrupt again, as Python has it."""
    _handle(signal.default_int_handler)


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # as under nohup
        signal.signal(signal.SIGINT, handler)


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"lecture: interrupted\n")  # a print may be under way
    os._exit(128 + number)
