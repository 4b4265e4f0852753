"""The command ``lecture``: parse, call, print."""

import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from lecture_utils import notebooks as nb

app = typer.Typer(
    help="Run, check and publish the course's notebooks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME ...]", help="a number, a .ipynb file or a folder; default: all lectures"),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="where the results go")]
Timeout = Annotated[int, typer.Option("--cell-timeout", min=1, metavar="SECONDS", help="longest time of one cell")]


def _fail(message: str, code: int = 2) -> typer.Exit:
    print(f"lecture: {message}", file=sys.stderr)
    return typer.Exit(code)


@app.command()
def run(
    names: Names = None,
    profile: Annotated[Literal["quick", "full"], typer.Option(help="embedded data, or the slides' data")] = "quick",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps, xpu")] = "auto",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="seed of the parameters cell")] = 0,
    out: Out = Path("build/lectures"),
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="write one object a notebook")] = None,
    cell_timeout: Timeout = 600,
) -> None:
    """Execute notebooks headlessly; write them and HTML pages of them; end with a table."""
    from lecture_utils.device import get_device

    try:
        if device != "auto":
            get_device(device)
        paths = nb.find_notebooks(names or [])
    except (nb.CourseError, ValueError, RuntimeError) as error:
        raise _fail(str(error)) from None
    if out.exists() and not out.is_dir():
        raise _fail(f"--out {out} is a file: name a folder")
    for polite in (signal.SIGINT, signal.SIGTERM):  # both clean up: no kernel stays behind
        signal.signal(polite, signal.default_int_handler)
    results: list[nb.RunResult] = []
    interrupted = False
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("cell {task.completed:.0f} of {task.total:.0f}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        for path in paths:
            task = progress.add_task(path.stem, total=0)
            start = time.perf_counter()

            def show(cell: int, cells: int, task=task) -> None:
                progress.update(task, completed=cell, total=cells)

            try:
                result = nb.run_notebook(
                    path, out, profile=profile, device=device, seed=seed, cell_timeout=cell_timeout, on_cell=show
                )
            except KeyboardInterrupt:
                interrupted = True
                result = nb.RunResult(path.stem, "interrupted", round(time.perf_counter() - start, 2), 0.0, 0)
            except OSError as error:
                raise _fail(
                    f"cannot write to {out}: {error.strerror or error}; name another folder with --out"
                ) from None
            except nb.CourseError as error:
                raise _fail(str(error), 1) from None
            progress.remove_task(task)
            results.append(result)
            console.print(f"{result.status:>11}  {result.name}  {result.seconds:.1f} s", highlight=False)
            if json:
                nb.write_results(results, json)
            if interrupted:
                break
    _print_results(results, out)
    bad = [r for r in results if r.status not in ("passed", "interrupted")]
    for r in bad:
        cell = f", cell {r.failed_cell}" if r.failed_cell else ""
        _fail(f"{r.name}{cell}: {' '.join((r.error or '').split())[:300]}")
    if interrupted:
        raise _fail(f"interrupted in {results[-1].name}: finished notebooks are kept in {out}", 130)
    if bad:
        raise typer.Exit(1)


def _print_results(results: list[nb.RunResult], out: Path) -> None:
    table = Table("notebook", "seconds", "peak memory", "status", title=f"results in {out}", title_justify="left")
    for column in (1, 2):
        table.columns[column].justify = "right"
    for r in results:
        color = "green" if r.status == "passed" else "red"
        memory = f"{r.peak_rss_mb:.0f} MB" if r.peak_rss_mb else "-"
        table.add_row(r.name, f"{r.seconds:.1f}", memory, f"[{color}]{r.status}[/]")
    table.add_section()
    peak = max((r.peak_rss_mb for r in results), default=0)
    table.add_row("all", f"{sum(r.seconds for r in results):.1f}", f"{peak:.0f} MB", "")
    console.print(table)


@app.command()
def store(names: Names = None, cell_timeout: Timeout = 600) -> None:
    """Restart, run all, and store the outputs in the notebooks themselves (for authors)."""
    try:
        for path in nb.find_notebooks(names or []):
            nb.store_outputs(path, cell_timeout=cell_timeout)
            console.print(f"stored {path}", highlight=False)
    except nb.CourseError as error:
        raise _fail(str(error), 1) from None


@app.command()
def lint(names: Names = None) -> None:
    """Check notebooks before a commit: format, metadata, outputs, alternative texts."""
    try:
        faults = [f"{path}: {fault}" for path in nb.find_notebooks(names or []) for fault in nb.find_faults(path)]
    except nb.CourseError as error:
        raise _fail(str(error)) from None
    for fault in faults:
        print(fault)
    if faults:
        raise typer.Exit(1)


@app.command()
def slides(names: Names = None, out: Out = Path("build/slides")) -> None:
    """Make a reveal.js deck of each notebook, usable without a network."""
    try:
        for path in nb.find_notebooks(names or []):
            console.print(f"made {nb.make_slides(path, out)}", highlight=False)
    except nb.CourseError as error:
        raise _fail(str(error), 1) from None


@app.command()
def badges(
    check: Annotated[bool, typer.Option("--check", help="change nothing; exit 1 if something would change")] = False,
) -> None:
    """Write the repository's address, from pyproject.toml, into all badges and set-up cells."""
    try:
        changed = nb.rewrite_addresses(nb.course_root())
    except nb.CourseError as error:
        raise _fail(str(error)) from None
    for path, text in changed.items():
        print(f"{'would change' if check else 'changed'} {path}")
        if not check:
            nb.write_text(path, text)
    if check and changed:
        raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Look at this machine: versions, device, memory, data, kernel, ports; say what to do."""
    from lecture_utils.doctor import examine

    unwell = False
    for finding in examine():
        unwell |= finding.level == "bad"
        mark, color = {"good": ("ok", "green"), "note": ("--", "yellow"), "bad": ("!!", "red")}[finding.level]
        console.print(f"[{color}]{mark}[/] {finding.topic:<10} {escape(finding.text)}", highlight=False, soft_wrap=True)
        if finding.remedy:
            console.print(f"   {'':<10} → {escape(finding.remedy)}", highlight=False, soft_wrap=True)
    raise typer.Exit(int(unwell))
