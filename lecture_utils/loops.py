"""A sign of life while a loop runs: one line of text that is written over, and curves that grow."""

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from typing import TypeVar

T = TypeVar("T")
_SECONDS = 0.1  # between two updates: more often nobody can read them, and each is a message to the browser
_SECONDS_OF_CURVES = 1.0  # a picture takes a tenth of that


def progress_bar(
    items: Iterable[T],
    unit: str = "epochs",
    total: int | None = None,
    *,
    leave: bool = True,
    curves: Mapping[str, Sequence[float]] | None = None,
) -> Iterator[T]:
    """Go through the items and show how many are done, for a loop that prints nothing itself.

    At the end one line is left, which is the same in each run. Used from lecture 2 on.

    Args:
        items: such as ``range(20)``, or a list.
        unit: what they are, in the plural.
        total: their number, where ``len(items)`` does not tell it.
        leave: ``False`` wipes the line out at the end, for a loop inside another one that prints the results.
        curves: a history to which the loop appends, as for :func:`~lecture_utils.plot_history`. In a notebook it is
            drawn above the line once a second, until the loop ends.

    Yields:
        Each of the items.

    >>> losses = [1 / epoch for epoch in progress_bar(range(1, 4))]  # doctest: +SKIP
    [####################] 3 of 3 epochs
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    done, shown = 0, 0.0
    picture = _LiveCurves(curves) if curves is not None else None
    try:
        for item in items:
            if picture:
                picture.update()
            if time.monotonic() - shown >= _SECONDS:
                shown = time.monotonic()
                print(f"\r{_line(done, unit, total)}", end="", flush=True)
            yield item
            done += 1
    finally:  # also where the loop is left by `break` or an error
        if picture:
            picture.close()
        line = _line(done, unit, total)
        print(f"\r{line}" if leave else f"\r{' ' * len(line)}\r", end="\n" if leave else "")


@contextlib.contextmanager
def sign_of_life(words: str, seconds: float = 1.0) -> Iterator[None]:
    """Show the words in a notebook's output when the block takes longer than ``seconds``, until it ends.

    >>> with sign_of_life("checking task 4.8 ..."):
    ...     pass
    """
    from IPython import display, get_ipython

    shown: list[display.DisplayHandle] = []

    def show() -> None:  # the words come second, so that a tool that knows no updates keeps an empty output
        shown.append(display.display({}, raw=True, display_id=True))
        shown[0].update({"text/plain": words}, raw=True)

    timer = threading.Timer(seconds, show)
    timer.daemon = True
    if hasattr(get_ipython(), "kernel"):
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if timer.ident:
            timer.join()
        for handle in shown:
            handle.update({}, raw=True)


class _LiveCurves:
    """A picture of a history in the notebook's output, drawn again while it grows; nothing outside a notebook."""

    def __init__(self, history: Mapping[str, Sequence[float]]):
        from IPython import display, get_ipython

        self.history, self.drawn, self.handle = history, time.monotonic(), None
        if hasattr(get_ipython(), "kernel"):
            # There before the line: text after an output begins a new line, which would not be written over.
            self.handle = display.display({}, raw=True, display_id=True)

    def update(self) -> None:
        if not self.handle or time.monotonic() - self.drawn < _SECONDS_OF_CURVES or not any(self.history.values()):
            return
        from lecture_utils.plotting import plot_history

        data, metadata = plot_history(self.history)._repr_mimebundle_()
        self.handle.update(data, metadata=metadata, raw=True)
        self.drawn = time.monotonic()

    def close(self) -> None:
        if self.handle:
            self.handle.update({}, raw=True)


def _line(done: int, unit: str, total: int | None) -> str:
    if not total:
        return f"{done} {unit}"
    filled = min(20, 20 * done // total)
    return f"[{'#' * filled}{'.' * (20 - filled)}] {done} of {total} {unit}"
