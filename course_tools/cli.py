"""The command ``lecture``: parse, call, print."""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Column, Table
from typer.core import TyperGroup

from course_tools.notebooks import CourseError, course_root, find_notebooks, read_notebook
from lecture_grader.command import course, grade
from lecture_grader.interrupts import end_on_interrupt, raise_on_interrupt
from lecture_grader.terminal import complain, console, fail, progress_bar, say
from lecture_utils.files import write_text

if TYPE_CHECKING:
    from course_tools.execute import RunResult

# Imports that one command needs are in its function: `lecture lint` starts without papermill, nbconvert and torch.


class _Commands(TyperGroup):
    """The commands. An error that the user can correct is printed as one line, not as a traceback."""

    def invoke(self, context: Any) -> Any:
        try:
            raise_on_interrupt()
            return super().invoke(context)
        except KeyboardInterrupt:
            fail("interrupted", 130)
        except BrokenPipeError:  # the program that reads the output, such as head, has ended
            raise
        except OSError as error:  # no file is half written, since files are replaced as a whole
            fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1)
        except RuntimeError as error:
            if "home directory" not in str(error):
                raise
            from course_tools.doctor import SET_HOME

            fail(f"there is no home folder: {SET_HOME}", 1)  # Jupyter needs it when it is imported


app = typer.Typer(
    cls=_Commands,
    help="Run, check and publish the course's notebooks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME ...]", help="a number, a .ipynb file or a folder; default: all lectures"),
]
Out = Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="where the results go")]
Timeout = Annotated[int, typer.Option(min=1, metavar="SECONDS", help="longest time of one cell")]
Pictures = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", exists=True, file_okay=False, help="for lectures 4, 6: train/CLASS/*, test/CLASS/*"),
]


def _find(names: list[str] | None, folder: str = "lectures") -> list[Path]:
    with _fail_on(CourseError):
        return find_notebooks(names or [], folder)


@contextlib.contextmanager
def _fail_on(*kinds: type[Exception], code: int = 2) -> Iterator[None]:
    """End with an error's message instead of its traceback, by default with the exit status of wrong usage."""
    try:
        yield
    except kinds as error:
        fail(str(error), code)


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    """During imports Ctrl-C ends the process at once, because an import may turn it into any other error."""
    end_on_interrupt()
    try:
        yield
    finally:
        raise_on_interrupt()


@app.command()
def run(
    context: typer.Context,
    names: Names = None,
    profile: Annotated[Literal["quick", "full"], typer.Option(help="embedded data, or the slides' data")] = "quick",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps, xpu")] = "auto",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="seed of the parameters cell")] = 0,
    pictures: Pictures = None,
    out: Out = Path("build/lectures"),
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="write one object a notebook")] = None,
    cell_timeout: Timeout = 600,
    no_fork: Annotated[bool, typer.Option("--no-fork", "--cold", help="start each kernel anew, fork none")] = False,
    inplace: Annotated[bool, typer.Option("--inplace", help="store outputs in the notebooks, for authors")] = False,
) -> None:
    """Execute notebooks headlessly; write them and HTML pages of them; end with a table."""
    with _starting():
        from course_tools import execute
        from course_tools.kernels import kernel_name

    if inplace:
        given = {name for name in context.params if str(context.get_parameter_source(name)).endswith("COMMANDLINE")}
        if others := sorted(given - {"names", "cell_timeout", "no_fork", "inplace"}):
            fail(f"--inplace stores a run with the notebook's own parameters: leave out --{' and --'.join(others)}")
        return _store(names, cell_timeout)
    if device != "auto":
        with _starting():
            from lecture_utils.device import get_device

        with _fail_on(ValueError, RuntimeError):
            get_device(device)
    paths = _find(names)
    with _fail_on(CourseError):
        if pictures and not any(execute.takes_folder(read_notebook(path)) for path in paths):
            raise CourseError("--pictures: none of these notebooks takes a folder of pictures; lectures 4 and 6 do")
    for number in (signal.SIGINT, signal.SIGTERM):  # KeyboardInterrupt ends the kernel, too
        signal.signal(number, signal.default_int_handler)
    kernel, line = kernel_name(fork=not no_fork)
    say(escape(line))
    options = {"profile": profile, "device": device, "seed": seed, "folder": pictures}
    results: list[RunResult] = []
    for result in _run_all(paths, out, cell_timeout=cell_timeout, kernel=kernel, **options):
        results.append(result)
        say(escape(f"{result.status:>11}  {result.name}  {result.seconds:.1f} s"))
        if json:
            write_text(json, dumps([asdict(result) for result in results], indent=1) + "\n")
    _report(results, out)


def _run_all(paths: list[Path], out: Path, **options: Any) -> "Iterator[RunResult]":
    """Run notebooks one after the other, with a progress bar; stop after one that was interrupted."""
    from course_tools.execute import RunResult, run_notebook

    with progress_bar("cell ") as progress, _fail_on(CourseError, code=1):
        bar = progress.add_task("", total=0)

        def show(cell: int, cells: int) -> None:
            progress.update(bar, completed=cell, total=cells)

        for path in paths:
            progress.reset(bar, description=path.stem, total=0)
            start = time.perf_counter()
            try:
                yield run_notebook(path, out, on_cell=show, **options)
            except KeyboardInterrupt:
                yield RunResult(path.stem, "interrupted", round(time.perf_counter() - start, 2))
                return
            except OSError as error:
                fail(f"cannot write to {out}: {error.strerror or error}; name another folder with --out")


def _report(results: "list[RunResult]", out: Path) -> None:
    """Print a table and what failed; end the command with exit status 1 or 130 if something did."""
    numbers = [Column(title, justify="right") for title in ("seconds", "peak memory")]
    table = Table("notebook", *numbers, "status", title=f"results in {out}", title_justify="left")
    for r in results:
        color = "green" if r.status == "passed" else "red"
        table.add_row(r.name, f"{r.seconds:.1f}", f"{r.peak_rss_mb:.0f} MB", f"[{color}]{r.status}[/]")
    table.add_section()
    peak = max(r.peak_rss_mb for r in results)
    table.add_row("all", f"{sum(r.seconds for r in results):.1f}", f"{peak:.0f} MB", "")
    console.print(table)
    failed = [r for r in results if r.status not in ("passed", "interrupted")]
    for r in failed:
        cell = f", cell {r.failed_cell}" if r.failed_cell else ""
        complain(f"{r.name}{cell}: {' '.join((r.error or '').split())[:300]}")
    if results[-1].status == "interrupted":
        fail(f"interrupted in {results[-1].name}: finished notebooks are kept in {out}", 130)
    if failed:
        raise typer.Exit(1)


@app.command()
def store(names: Names = None, cell_timeout: Timeout = 600) -> None:
    """Deprecated: the same as `lecture run --inplace`."""
    complain("`lecture store` is deprecated and will be removed: write `lecture run --inplace`")
    _store(names, cell_timeout)


def _store(names: list[str] | None, cell_timeout: int) -> None:
    with _starting():
        from course_tools.execute import store_outputs

    for path in _find(names):
        with _fail_on(CourseError, code=1):
            store_outputs(path, cell_timeout=cell_timeout)
        say(escape(f"stored {path}"))


@app.command()
def lint(names: Names = None) -> None:
    """Check notebooks before a commit: format, metadata, outputs, alternative texts."""
    from course_tools.lint import find_faults

    faults = [f"{path}: {fault}" for path in _find(names) for fault in find_faults(path)]
    for fault in faults:
        print(fault)
    if faults:
        raise typer.Exit(1)


@app.command("new-exercise")
def new_exercise(
    number: Annotated[int, typer.Argument(metavar="NN", help="1 to 99")],
    title: Annotated[str, typer.Option(metavar="TEXT")] = "My exercise",
    out: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="where the files go")] = Path(),
) -> None:
    """Write an exercise of your own, as a working example to change: checks, solution, wrong answers."""
    with _starting():
        from course_tools.new_exercise import new_exercise

    with _fail_on(CourseError, code=1):
        checks, solution, answers = new_exercise(number, title, out)
    for path, what in ((solution, "the solution"), (checks, "its checks"), (answers, "answers to try the checks on")):
        say(escape(f"made {path}, {what}"))
    say(escape(f'next: lecture checks "{checks}" "{solution}"'))


@app.command("checks")
def try_checks(
    checks: Annotated[Path, typer.Argument(metavar="CHECKS", help="your file of checks")],
    solution: Annotated[Path, typer.Argument(metavar="SOLUTION", help="your notebook with the right answers")],
    answers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="wrong and right answers; default: answers_NN.py beside CHECKS")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="how many seeds to try, from 0 on")] = 10,
    mutants: Annotated[bool, typer.Option(help="try small changes of the solution, too")] = True,
) -> None:
    """Try checks of your own: the solution must pass, stubs and wrong answers must not."""
    if sys.platform == "win32":
        fail("trying checks needs Linux or macOS: use WSL")
    with _starting():
        from course_tools.check_checks import ChecksOnTrial, has_sandbox, read_answers
        from course_tools.release import load_checks
        from lecture_grader.sandbox import SandboxError

    signs = {"good": "[green]✓[/]", "bad": "[red]✗[/]", "note": "[yellow]–[/]"}
    bad = 0
    with _fail_on(CourseError, ValueError, SandboxError, code=1), console.status("") as status:
        exercise = load_checks(checks)
        path = answers or checks.with_name(f"answers_{exercise.number}.py")
        known = read_answers(path, exercise) if answers or path.is_file() else []
        if not (isolate := has_sandbox()):
            say("there is no sandbox here: your solution and your answers run without one")
        notebook = read_notebook(solution)
        trial = ChecksOnTrial(exercise, notebook, seeds=seeds, isolate=isolate, on_step=status.update)
        for finding in trial.findings(known, mutate=mutants):
            bad += finding.level == "bad"
            say(f"{signs[finding.level]} {escape(finding.text)}")
    if bad:
        fail(f"{bad} of these must not be: correct the checks, the solution or the answers", 1)


@app.command()
def release(
    names: Names = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="default: the course's exercises/")] = None,
    checks: Annotated[
        Path | None, typer.Option(metavar="FILE", help="tasks of your own; default of DIR: handout")
    ] = None,
    answers: Annotated[bool, typer.Option(help="with the folded answers, or as graded homework without them")] = True,
    all_hints: Annotated[
        bool, typer.Option("--all-hints", help="with --no-answers: keep each task's last hint, too")
    ] = False,
) -> None:
    """Make the students' exercises from the solutions: stubs, hints, answers folded."""
    with _starting():
        from course_tools.release import load_checks, write_exercise

    if checks and not names:
        fail("--checks: name the notebook with your solution")
    if not answers and not checks and not out:
        fail("--no-answers: name a folder with --out, such as --out handouts; exercises/ keeps the answers")
    folder = out or (Path("handout") if checks else course_root() / "exercises")
    for path in _find(names, "solutions"):
        with _fail_on(CourseError, code=1):
            with _starting():  # it imports torch
                exercise = load_checks(checks or path.name[:2])
            made = write_exercise(path, exercise, folder, answers=answers, last_hint=answers or all_hints)
        say(escape(f"made {made[0]}"))
        if len(made) > 1:
            say(escape(f"students get both files of {folder}: {' and '.join(file.name for file in made)}"))


@app.command()
def slides(names: Names = None, out: Out = Path("build/slides")) -> None:
    """Make a reveal.js deck of each notebook, usable without a network."""
    with _starting():
        from course_tools.pages import make_slides

    paths = _find(names)
    for path in paths:
        with _fail_on(CourseError, code=1):
            say(escape(f"made {make_slides(path, out, paths)}"))


@app.command()
def web(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", file_okay=False)] = Path("build/web"),
    model: Annotated[Path | None, typer.Option(metavar="FILE", help="default: the one that lecture 6 saves")] = None,
) -> None:
    """Make a page in which the network of lecture 6 runs in the visitor's browser, for any web server."""
    with _starting():
        from lecture_app.model import ModelError
        from lecture_web.build import WebError, build

    with _fail_on(WebError, ModelError, code=1):
        size = build(model or course_root() / "lectures" / "06_app" / "model.pt", folder)
    say(escape(f'made {folder}, {size / 1e6:.1f} MB; to look at it: python -m http.server --directory "{folder}"'))


@app.command()
def gradescope(
    exercise: Annotated[str | None, typer.Argument(metavar="[NN]", help="number of the exercise")] = None,
    checks: Annotated[Path | None, typer.Option(metavar="FILE", help="tasks of your own")] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="the zip to upload")] = Path("autograder.zip"),
    time_limit: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="for a cell; 4 times that for all")
    ] = 45,
    memory_limit: Annotated[float, typer.Option(min=1, metavar="GB", help="if the container has as much")] = 4,
    allow_unsandboxed: Annotated[
        bool, typer.Option("--allow-unsandboxed", help="grade even where no protection is available")
    ] = False,
) -> None:
    """Make the zip of an autograder for Gradescope."""
    if (exercise is None) == (checks is None):
        fail("name the exercise, as in `lecture gradescope 02`, or your own tasks with --checks FILE")
    if out.suffix != ".zip":
        fail(f"--out {out}: name a zip, such as autograder.zip")
    with _starting():
        from lecture_grader.gradescope import write_autograder
        from lecture_utils.grading.tasks import load_exercise

    with _fail_on(CourseError, ValueError):
        root = course_root()
        tasks = load_exercise(checks or str(exercise))
        names = [] if checks else sorted(path.stem for path in (root / "exercises").glob(f"{tasks.number}_*.ipynb"))
        settings = {"name": "".join(names[:1]), "time_limit": time_limit, "memory_limit": memory_limit}
        write_autograder(out, tasks, root, settings | {"allow_unsandboxed": allow_unsandboxed})
    say(
        escape(f"made {out}, {out.stat().st_size / 1e6:.1f} MB, for exercise {tasks.number}: {tasks.max_points} points")
    )


@app.command()
def badges(
    check: Annotated[bool, typer.Option("--check", help="change nothing; exit 1 if something would change")] = False,
) -> None:
    """Write the repository's address, from pyproject.toml, into all badges and set-up cells."""
    from course_tools.addresses import rewrite_addresses

    with _fail_on(CourseError):
        changed = rewrite_addresses(course_root())
    for path, text in changed.items():
        print(f"{'would change' if check else 'changed'} {path}")
        if not check:
            write_text(path, text)
    if check and changed:
        raise typer.Exit(1)


@app.command()
def doctor(
    brief: Annotated[bool, typer.Option("--brief", help="Print only the device and what is wrong.")] = False,
) -> None:
    """Look at this machine: versions, device, memory, data, kernel, network; say what to do."""
    from course_tools.doctor import examine

    marks = {"good": "[green]ok[/]", "note": "[yellow]--[/]", "bad": "[red]!![/]"}
    levels = []
    end_on_interrupt()  # or an import that Ctrl-C interrupts would look like a broken package
    for finding in examine():
        levels.append(finding.level)
        if brief and finding.level != "bad" and finding.topic != "device":
            continue
        text = f"{marks[finding.level]} {finding.topic:<10} {escape(finding.text)}"
        if finding.remedy:
            text += f"\n   {'':<10} -> {escape(finding.remedy)}"
        console.print(text, highlight=False, soft_wrap=True)
    if brief and "bad" not in levels:
        console.print(f"{marks['good']} {len(levels)} checks of this machine, nothing is wrong", highlight=False)
    raise typer.Exit("bad" in levels)


app.command()(grade)
app.command()(course)


if __name__ == "__main__":
    app(prog_name="lecture")
