"""The command ``lecture``: parse, call, print."""

import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from course_tools.notebooks import CourseError, course_root, find_notebooks, read_notebook
from lecture_utils.files import write_text

if TYPE_CHECKING:
    from course_tools.execute import RunResult

# What only one command needs is imported there: `lecture lint` starts without papermill, nbconvert and torch.

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
Pictures = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", exists=True, file_okay=False, help="yours for lectures 4, 6: train/CLASS/*, test/CLASS/*"
    ),
]


def _complain(message: str) -> None:
    print(f"lecture: {message}", file=sys.stderr)


def _fail(message: str, code: int = 2) -> NoReturn:
    _complain(message)
    raise typer.Exit(code)


def _find(names: list[str] | None, folder: str = "lectures") -> list[Path]:
    with _fail_on(CourseError):
        return find_notebooks(names or [], folder)


@contextlib.contextmanager
def _fail_on(*kinds: type[Exception], code: int = 2) -> Iterator[None]:
    """End with an error's message instead of its traceback, by default with the exit status of wrong usage."""
    try:
        yield
    except kinds as error:
        _fail(str(error), code)


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
    from course_tools import execute
    from course_tools.kernels import kernel_name

    if inplace:
        given = {name for name in context.params if str(context.get_parameter_source(name)).endswith("COMMANDLINE")}
        if others := sorted(given - {"names", "cell_timeout", "no_fork", "inplace"}):
            _fail(f"--inplace stores a run with the notebook's own parameters: leave out --{' and --'.join(others)}")
        return _store(names, cell_timeout)
    if device != "auto":
        from lecture_utils.device import get_device

        with _fail_on(ValueError, RuntimeError):
            get_device(device)
    paths = _find(names)
    with _fail_on(CourseError):
        if pictures and not any(execute.takes_folder(read_notebook(path)) for path in paths):
            raise CourseError("--pictures: none of these notebooks takes a folder of pictures; lectures 4 and 6 do")
    if out.exists() and not out.is_dir():
        _fail(f"--out {out} is a file: name a folder")
    for polite in (signal.SIGINT, signal.SIGTERM):  # both clean up: no kernel stays behind
        signal.signal(polite, signal.default_int_handler)
    kernel, line = kernel_name(no_fork)
    console.print(line, highlight=False, soft_wrap=True)
    options = {"profile": profile, "device": device, "seed": seed, "folder": pictures}
    results: list[RunResult] = []
    for result in _run_all(paths, out, cell_timeout=cell_timeout, kernel=kernel, **options):
        results.append(result)
        console.print(f"{result.status:>11}  {result.name}  {result.seconds:.1f} s", highlight=False)
        if json:
            execute.write_results(results, json)
    _report(results, out)


def _run_all(paths: list[Path], out: Path, **options: Any) -> "Iterator[RunResult]":
    """Run notebooks one after the other behind a progress bar; end with one that was interrupted."""
    from course_tools.execute import RunResult, run_notebook

    count = TextColumn("cell {task.completed:.0f} of {task.total:.0f}")
    columns = TextColumn("{task.description}"), BarColumn(bar_width=30), count, TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        for path in paths:
            bar = progress.add_task(path.stem, total=0)
            start = time.perf_counter()

            def show(cell: int, cells: int, bar=bar) -> None:
                progress.update(bar, completed=cell, total=cells)

            try:
                result = run_notebook(path, out, on_cell=show, **options)
            except KeyboardInterrupt:
                result = RunResult(path.stem, "interrupted", round(time.perf_counter() - start, 2))
            except OSError as error:
                _fail(f"cannot write to {out}: {error.strerror or error}; name another folder with --out")
            except CourseError as error:
                _fail(str(error), 1)
            progress.remove_task(bar)
            yield result
            if result.status == "interrupted":
                return


def _report(results: "list[RunResult]", out: Path) -> None:
    """Print the table, then what failed, and end with the exit status of the command."""
    table = Table("notebook", "seconds", "peak memory", "status", title=f"results in {out}", title_justify="left")
    for column in (1, 2):
        table.columns[column].justify = "right"
    for r in results:
        color = "green" if r.status == "passed" else "red"
        memory = f"{r.peak_rss_mb:.0f} MB" if r.peak_rss_mb else "-"
        table.add_row(r.name, f"{r.seconds:.1f}", memory, f"[{color}]{r.status}[/]")
    table.add_section()
    peak = max(r.peak_rss_mb for r in results)
    table.add_row("all", f"{sum(r.seconds for r in results):.1f}", f"{peak:.0f} MB", "")
    console.print(table)
    failed = [r for r in results if r.status not in ("passed", "interrupted")]
    for r in failed:
        cell = f", cell {r.failed_cell}" if r.failed_cell else ""
        _complain(f"{r.name}{cell}: {' '.join((r.error or '').split())[:300]}")
    if results[-1].status == "interrupted":
        _fail(f"interrupted in {results[-1].name}: finished notebooks are kept in {out}", 130)
    if failed:
        raise typer.Exit(1)


@app.command()
def store(names: Names = None, cell_timeout: Timeout = 600) -> None:
    """Deprecated: the same as `lecture run --inplace`."""
    _complain("`lecture store` is deprecated and will go: write `lecture run --inplace`")
    _store(names, cell_timeout)


def _store(names: list[str] | None, cell_timeout: int) -> None:
    from course_tools.execute import store_outputs

    for path in _find(names):
        with _fail_on(CourseError, code=1):
            store_outputs(path, cell_timeout=cell_timeout)
        console.print(f"stored {path}", highlight=False)


@app.command()
def lint(names: Names = None) -> None:
    """Check notebooks before a commit: format, metadata, outputs, alternative texts."""
    from course_tools.lint import find_faults

    faults = [f"{path}: {fault}" for path in _find(names) for fault in find_faults(path)]
    for fault in faults:
        print(fault)
    if faults:
        raise typer.Exit(1)


@app.command()
def release(
    names: Names = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="default: the course's exercises/")] = None,
    checks: Annotated[Path | None, typer.Option("--checks", metavar="FILE", help="tasks of your own")] = None,
) -> None:
    """Make the students' exercises from the solutions: stubs, hints, answers folded."""
    import nbformat

    from course_tools.release import make_exercise
    from lecture_utils.grading.tasks import load_exercise

    paths = _find(names, "solutions")
    with _fail_on(CourseError, ValueError, code=1):
        for path in paths:
            notebook = make_exercise(read_notebook(path), load_exercise(checks or path.name[:2]))
            target = (out or course_root() / "exercises") / path.name
            write_text(target, nbformat.writes(notebook) + "\n")
            console.print(f"made {target}", highlight=False)


@app.command()
def slides(names: Names = None, out: Out = Path("build/slides")) -> None:
    """Make a reveal.js deck of each notebook, usable without a network."""
    from course_tools.pages import make_slides

    paths = _find(names)
    with _fail_on(CourseError, code=1):
        for path in paths:
            console.print(f"made {make_slides(path, out, paths)}", highlight=False)


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
def doctor() -> None:
    """Look at this machine: versions, device, memory, data, kernel, ports; say what to do."""
    from course_tools.doctor import examine

    levels = set()
    for finding in examine():
        levels.add(finding.level)
        mark, color = {"good": ("ok", "green"), "note": ("--", "yellow"), "bad": ("!!", "red")}[finding.level]
        console.print(f"[{color}]{mark}[/] {finding.topic:<10} {escape(finding.text)}", highlight=False, soft_wrap=True)
        if finding.remedy:
            console.print(f"   {'':<10} → {escape(finding.remedy)}", highlight=False, soft_wrap=True)
    raise typer.Exit(int("bad" in levels))


@app.command()
def grade(
    context: typer.Context,
    submissions: Annotated[
        Path | None,
        typer.Argument(help="a folder of STUDENT.ipynb or STUDENT/, what Moodle or Canvas exports, or one notebook"),
    ] = None,
    exercise: Annotated[str | None, typer.Option(metavar="NN", help="number of the exercise")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="default: build/grades-NN")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="of the random inputs; default: a new one")] = None,
    time_limit: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="for each cell; a submission may take 5 times that")
    ] = 60.0,
    memory_limit: Annotated[float, typer.Option(min=1, metavar="GB", help="for each submission")] = 4.0,
    workers: Annotated[int, typer.Option(min=0, help="submissions at once, as memory allows; 0: one a core")] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="start over, forget what was graded")] = False,
    format: Annotated[
        Literal["csv", "gradescope", "moodle", "canvas"], typer.Option(help="write what these import, too")
    ] = "csv",
    column: Annotated[str, typer.Option(metavar="TITLE", help="the assignment's heading in canvas.csv")] = "",
    due: Annotated[str, typer.Option(metavar="TIME", help='"2026-12-01 18:00"; what came later is named')] = "",
    released: Annotated[
        Path | None, typer.Option(metavar="FILE", help="the notebook that students got; default: the course's")
    ] = None,
    nbgrader: Annotated[Path | None, typer.Option(metavar="COURSE_DIR", help="grade an nbgrader course")] = None,
    assignment: Annotated[str, typer.Option(metavar="NAME", help="of the nbgrader course")] = "",
    nbgrader_python: Annotated[str, typer.Option(metavar="PYTHON", help="the one that has nbgrader")] = sys.executable,
    checks: Annotated[Path | None, typer.Option(metavar="FILE", help="tasks of your own")] = None,
    visible_only: Annotated[
        bool | None,
        typer.Option("--visible-only/--held-out", help="cases; default: visible ones for one notebook, else all"),
    ] = None,
    allow_unsandboxed: Annotated[
        bool, typer.Option("--allow-unsandboxed", help="run notebooks that you trust without protection")
    ] = False,
    cold: Annotated[
        bool, typer.Option("--cold", help="start each process anew, instead of forking a warm one")
    ] = False,
    dask: Annotated[str | None, typer.Option(metavar="ADDRESS", help="grade on a dask cluster that you trust")] = None,
) -> None:
    """Grade notebooks in a sandbox: grades.csv, results.jsonl, class.html, and a report for each student."""
    if sys.platform == "win32":
        raise _fail("grading needs Linux: use WSL")
    from lecture_grader import fork_server, sandbox
    from lecture_grader import grade_class as folder
    from lecture_grader import submissions as collect
    from lecture_utils.grading.tasks import load_exercise

    if (exercise is None) == (checks is None):
        raise _fail("name the exercise with --exercise NN, or your own tasks with --checks FILE")
    if (submissions is None) == (nbgrader is None):
        raise _fail("name either a folder of submissions, or an nbgrader course with --nbgrader COURSE_DIR")
    try:
        tasks = load_exercise(checks or str(exercise))
        out = out or Path("build") / f"grades-{tasks.number}"
    except Exception as error:  # a file of checks may fail in any way
        raise _fail(str(error) if isinstance(error, ValueError) else f"{checks}: {error!r}") from None
    try:
        given, name = _released(released, exercise and tasks.number)
        deadline = collect.read_time(due, local=True)
        if due and not deadline:
            raise ValueError(f'--due {due}: write a time such as "2026-12-01 18:00" or "2026-12-01T18:00+09:00"')
        course = None
        if nbgrader:
            from lecture_grader.nbgrader_course import Course

            course = Course(nbgrader, tasks, nbgrader_python, assignment)
            found, name, deadline = course.submissions(), course.name, deadline or course.due
        else:
            assert submissions  # or nbgrader, see above
            scratch = Path(context.with_resource(tempfile.TemporaryDirectory(prefix="lecture-")))
            found = collect.find_submissions(submissions, tasks, scratch, out=out, name=name)
    except ValueError as error:
        raise _fail(str(error)) from None
    single = submissions is not None and submissions.is_file() and submissions.suffix.lower() != ".zip"
    limits = sandbox.Limits(time_limit, 5 * time_limit, int(memory_limit * 1024))
    isolate = not allow_unsandboxed
    why_cold = "--cold" if cold else fork_server.why_no_worker(isolate)
    way = f"Cold processes ({why_cold})" if why_cold else "Warm processes"
    there = contextlib.ExitStack()
    if dask:
        try:
            executor, count = there.enter_context(folder.dask_cluster(dask))
        except ValueError as error:
            raise _fail(str(error)) from None
        way += f" on {dask}."
    else:
        executor = None
        count, limits = sandbox.share_out(limits, workers, len(found))
        way += f", {count} at once, {limits.threads} thread{'s' * (limits.threads > 1)} each."
    if isolate and not dask:
        try:
            sandbox.require()
        except sandbox.SandboxError as error:
            raise _fail(str(error)) from None
    if isolate:
        console.print(f"In force: {'; '.join(sandbox.PROTECTIONS)}. {way}", highlight=False, soft_wrap=True)
    else:
        trust = "NOT PROTECTED (--allow-unsandboxed): grade only notebooks that you trust."
        console.print(f"{trust} {way}", highlight=False, soft_wrap=True)
    visible = single if visible_only is None else visible_only
    for polite in (signal.SIGINT, signal.SIGTERM):
        signal.signal(polite, signal.default_int_handler)
    rows: list[dict] = []
    with there, _progress() as progress:
        bar = progress.add_task("grading", total=len(found))
        try:
            for row, was_there in folder.grade_class(
                found, tasks, out, seed=seed, limits=limits, workers=count, fresh=fresh,
                hidden=not visible, isolate=isolate, cold=bool(why_cold), for_gradescope=format == "gradescope",
                executor=executor,
            ):  # fmt: skip
                rows.append(row)
                progress.advance(bar)
                points = "no mark" if row["points"] is None else f"{row['points']} of {row['max_points']}"
                again = ", from before" if was_there else f", {row['seconds']:.1f} s"
                console.print(f"{escape(row['student'])}: {points} ({row['status']}{again})", highlight=False)
        except (ValueError, sandbox.SandboxError) as error:
            raise _fail(str(error)) from None
        except KeyboardInterrupt:
            raise _fail(f"interrupted after {len(rows)} of {len(found)}: the same command goes on", 130) from None
    if single:
        _print_verdicts(rows[0], tasks)
    else:
        from lecture_grader import class_page as overview
        from lecture_grader import lms as platforms

        _print_class(rows, tasks)
        _print_overview(overview.write_class_page(found, rows, tasks, out, due=deadline, released=given, name=name))
        strangers = []
        if format == "moodle":
            strangers = platforms.write_moodle(found, rows, tasks, out)
        elif format == "canvas":
            strangers = platforms.write_canvas(found, rows, tasks, out, column)
        if strangers:
            console.print(f"without a number of {format.title()}'s: {escape(_some(strangers))}", highlight=False)
        if course:
            try:
                course.write_back(found, rows, out)
            except ValueError as error:
                raise _fail(f"the marks are in {out}, but not in the gradebook: {error}", 1) from None
            console.print(f"written into the gradebook of {nbgrader}", highlight=False, soft_wrap=True)
    name = folder.report_name(found[0].student)
    report = out / (f"reports/{name}.html" if single else "class.html")
    console.print(f"marks: {out / 'grades.csv'}, reports: {report}", highlight=False, soft_wrap=True)


def _released(path: Path | None, number: str | None) -> tuple[list[tuple[str, str]], str]:
    """The cells (kind, source) of the notebook that students got, and its name; nothing if it is not known."""
    try:
        if path is None and number:
            path = next(iter((course_root() / "exercises").glob(f"{number}_*.ipynb")), None)
        if path is None:
            return [], ""
        return [(cell.cell_type, cell.source) for cell in read_notebook(path).cells], path.stem
    except CourseError as error:
        if path is None:  # the package alone, without the course
            return [], ""
        raise ValueError(str(error)) from None


def _some(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _print_overview(overview) -> None:
    for title, lines in overview.remarks:
        told = [" = ".join(students) + (f" ({detail})" if detail else "") for students, detail in lines]
        console.print(f"[bold]{title}[/]: {escape(_some(told))}", highlight=False, soft_wrap=True)
    if overview.pairs:
        told = [" and ".join(pair.students) for pair in overview.pairs]
        console.print(f"[bold]Nearly the same, look[/]: {escape(_some(told))}", highlight=False, soft_wrap=True)


def _print_verdicts(row: dict, exercise) -> None:
    words = {"passed": "[green]✓ solved[/]", "failed": "[red]✗ not solved[/]", "todo": "○ open", "unjudged": "–"}
    for note in row["notes"]:
        console.print(f"note: {escape(note)}", highlight=False)
    for task_id, v in row["tasks"].items():
        console.print(f"{words[v['status']]} {task_id} {exercise[task_id].title}", highlight=False)
        for text in (v["case"], v["message"], v.get("error"), v.get("where"), v["hint"]):
            if text and v["status"] != "passed":
                console.print(f"    {escape(text)}", highlight=False)


def _print_class(rows: list[dict], exercise) -> None:
    from lecture_grader.grade_class import summarise

    table = Table("task", "solved", "most common failure", title="the class", title_justify="left")
    for name, share, failure in summarise(rows, exercise):
        table.add_row(escape(name), "-" if share != share else f"{share:.0%}", escape(failure[:120]))
    console.print(table)


def _progress(what: str = "") -> Progress:
    """A bar of so many ``what`` done, where there is a terminal."""
    count = TextColumn(what + "{task.completed:.0f} of {task.total:.0f}")
    columns = TextColumn("{task.description}"), BarColumn(bar_width=30), count, TimeElapsedColumn()
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


if __name__ == "__main__":
    app()
