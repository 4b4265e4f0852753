"""What the command lines print: a console, a progress bar, and errors."""

import io
import sys
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lecture_grader.text import printable

console = Console(emoji=False)  # ":x:" in a name stays as it is
for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):  # a console that cannot encode a name must not end a command
        stream.reconfigure(errors="backslashreplace")


def say(markup: str) -> None:
    """Print one line of markup. Further lines in it are indented, so that no name or error can imitate our lines."""
    console.print(_indented(markup), highlight=False, soft_wrap=True)


def complain(message: str) -> None:
    """Print an error."""
    print(f"lecture: {_indented(message)}", file=sys.stderr)


def fail(message: str, code: int = 2) -> NoReturn:
    """Print an error and end the command; the exit status 2 stands for wrong usage."""
    complain(message)
    raise typer.Exit(code)


def _indented(text: str) -> str:
    return printable(text).replace("\n", "\n    ")


def progress_bar(unit: str = "") -> Progress:
    """A progress bar where the output is a terminal; ``unit`` stands before the numbers, as in ``cell 3 of 12``."""
    count = TextColumn(unit + "{task.completed:.0f} of {task.total:.0f}")
    columns = TextColumn("{task.description}"), BarColumn(bar_width=30), count, TimeElapsedColumn()
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
