"""What the command lines print: a console, a progress bar, and errors."""

import sys
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

console = Console()


def complain(message: str) -> None:
    """Print an error."""
    print(f"lecture: {message}", file=sys.stderr)


def fail(message: str, code: int = 2) -> NoReturn:
    """Print an error and end the command; the exit status 2 stands for wrong usage."""
    complain(message)
    raise typer.Exit(code)


def progress_bar(unit: str = "") -> Progress:
    """A progress bar where the output is a terminal; ``unit`` stands before the numbers, as in ``cell 3 of 12``."""
    count = TextColumn(unit + "{task.completed:.0f} of {task.total:.0f}")
    columns = TextColumn("{task.description}"), BarColumn(bar_width=30), count, TimeElapsedColumn()
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
