"""A sign of life while a loop runs: one line of text that is written over."""

import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")
_SECONDS = 0.1  # between two updates: more often nobody can read them, and each is a message to the browser


def progress_bar(
    items: Iterable[T], unit: str = "epochs", total: int | None = None, *, leave: bool = True
) -> Iterator[T]:
    """Go through the items and show how many are done, for a loop that prints nothing itself.

    At the end one line is left, which is the same in each run. Used from lecture 2 on.

    Args:
        items: such as ``range(20)``, or a list.
        unit: what they are, in the plural.
        total: their number, where ``len(items)`` does not tell it.
        leave: ``False`` wipes the line out at the end, for a loop inside another one, which prints its results.

    Yields:
        Each of the items.

    >>> losses = [1 / epoch for epoch in progress_bar(range(1, 4))]  # doctest: +SKIP
    [####################] 3 of 3 epochs
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    done, shown = 0, 0.0
    try:
        for item in items:
            if time.monotonic() - shown >= _SECONDS:
                shown = time.monotonic()
                print(f"\r{_line(done, unit, total)}", end="", flush=True)
            yield item
            done += 1
    finally:  # also where the loop is left by `break` or an error
        line = _line(done, unit, total)
        print(f"\r{line}" if leave else f"\r{' ' * len(line)}\r", end="\n" if leave else "")


def _line(done: int, unit: str, total: int | None) -> str:
    if not total:
        return f"{done} {unit}"
    filled = min(20, 20 * done // total)
    return f"[{'#' * filled}{'.' * (20 - filled)}] {done} of {total} {unit}"
