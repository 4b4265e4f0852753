"""The steps of the command ``lecture grade``: collect the submissions, grade them, hand the marks back."""

import contextlib
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from rich.markup import escape
from rich.table import Table

from lecture_grader import lms, sandbox
from lecture_grader.class_page import Overview, write_class_page
from lecture_grader.dask_cluster import ClusterError, dask_cluster
from lecture_grader.fork_server import why_no_worker
from lecture_grader.grade_class import Graded, GradingOptions, grade_class
from lecture_grader.nbgrader_course import Course
from lecture_grader.results import REASONS, report_name, summarise
from lecture_grader.submissions import Submission, find_submissions, read_time
from lecture_grader.terminal import console, fail, progress_bar
from lecture_utils.grading.tasks import Exercise, load_exercise

_WORDS = {"passed": "[green]✓ solved[/]", "failed": "[red]✗ not solved[/]", "todo": "○ open", "unjudged": "–"}


@dataclass(frozen=True)
class Source:
    """Where the submissions come from, and which exercise they answer: options of the command, see ``command``."""

    submissions: Path | None
    number: str | None
    checks: Path | None
    released: Path | None
    due: str
    nbgrader: Path | None
    assignment: str
    nbgrader_python: str

    @property
    def is_notebook(self) -> bool:
        """Whether there is a single notebook instead of a class."""
        return bool(self.submissions and self.submissions.is_file() and self.submissions.suffix.lower() != ".zip")


@dataclass(frozen=True)
class Place:
    """Where submissions are graded, and what is written where: options of the command, see ``command``."""

    workers: int
    dask: str | None
    out: Path | None
    fresh: bool
    format: str
    column: str


@dataclass(frozen=True)
class ClassWork:
    """The submissions of a class to one exercise, and what is known about them.

    Attributes:
        exercise: its tasks judge them.
        found: the submissions.
        name: the file name of the released notebook without ``.ipynb``, or empty.
        released: (kind, source) of the cells of that notebook.
        due: when they were due, or None.
        course: the nbgrader course that they are from, or None.
    """

    exercise: Exercise
    found: list[Submission]
    name: str
    released: list[tuple[str, str]]
    due: datetime | None
    course: Course | None


def run(source: Source, options: GradingOptions, place: Place) -> None:
    """Grade what ``source`` names, and print how it goes.

    Raises:
        typer.Exit: something is wrong; a message has been printed.
    """
    try:
        exercise = _load(source)
        out = place.out or Path("build") / f"grades-{exercise.number}"
        with tempfile.TemporaryDirectory(prefix="lecture-") as scratch:
            work = _collect(source, exercise, Path(scratch), out)
            rows = _grade(work, options, place, out)
    except (ValueError, sandbox.SandboxError, ClusterError) as error:
        fail(str(error))
    if place.format == "gradescope":
        lms.write_gradescope(rows, exercise, out)
    if source.is_notebook:
        _print_verdicts(rows[0], exercise)
        report = f"reports/{report_name(rows[0]['student'])}.html"
    else:
        _print_class(rows, exercise)
        page = write_class_page(work.found, rows, exercise, out, due=work.due, released=work.released, name=work.name)
        _print_overview(page)
        _hand_back(work, rows, out, place)
        report = "class.html"
    console.print(f"marks: {out / 'grades.csv'}, reports: {out / report}", highlight=False, soft_wrap=True)


# --- collecting ----------------------------------------------------------------------------------


def _load(source: Source) -> Exercise:
    try:
        return load_exercise(source.checks or str(source.number))
    except ValueError:
        raise
    except Exception as error:  # a file of checks is a program and may fail in any way
        raise ValueError(f"{source.checks}: {error!r}") from None


def _collect(source: Source, exercise: Exercise, scratch: Path, out: Path) -> ClassWork:
    path = source.released or (_course_notebook(exercise.number) if source.number else None)
    released = _cells_of(path) if path else []
    name = path.stem if path else ""
    due = read_time(source.due, local=True)
    if source.due and not due:
        raise ValueError(f'--due {source.due}: write a time such as "2026-12-01 18:00" or "2026-12-01T18:00+09:00"')
    if source.nbgrader:
        course = Course(source.nbgrader, exercise, source.nbgrader_python, source.assignment)
        return ClassWork(exercise, course.submissions(), course.name, released, due or course.due, course)
    assert source.submissions  # the command asks for one of the two
    found = find_submissions(source.submissions, exercise, scratch, out=out, name=name)
    return ClassWork(exercise, found, name, released, due, None)


def _course_notebook(number: str) -> Path | None:
    """The exercise as the course releases it: in the course that holds the working folder, or beside this package."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (folder / "lectures").is_dir():
            return next((folder / "exercises").glob(f"{number}_*.ipynb"), None)
    return None


def _cells_of(path: Path) -> list[tuple[str, str]]:
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError, AttributeError, KeyError, nbformat.ValidationError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path.name} is not a valid notebook ({reason}): name another with --released") from None
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


# --- grading -------------------------------------------------------------------------------------


def _grade(work: ClassWork, options: GradingOptions, place: Place, out: Path) -> list[dict[str, Any]]:
    """Grade the submissions and print each; the rows."""
    why_cold = why_no_worker(options.isolate) if options.fork else "--no-fork"
    options = replace(options, fork=not why_cold)
    way = f"Cold processes ({why_cold})" if why_cold else "Warm processes"
    machines: contextlib.AbstractContextManager[tuple[Executor | None, int]]
    if place.dask:
        machines = dask_cluster(place.dask)
        way += f" on {place.dask}."
    else:
        count, limits = sandbox.share_out(options.limits, place.workers, len(work.found))
        machines = contextlib.nullcontext((None, count))
        options = replace(options, limits=limits)
        way += f", {count} at once, {limits.threads} thread{'s' * (limits.threads > 1)} each."
        if options.isolate:
            sandbox.require()
    trust = f"In force: {'; '.join(sandbox.PROTECTIONS)}."
    if not options.isolate:
        trust = "NOT PROTECTED (--allow-unsandboxed): grade only notebooks that you trust."
    with machines as (executor, count):
        console.print(f"{trust} {way}", highlight=False, soft_wrap=True)
        for polite in (signal.SIGINT, signal.SIGTERM):  # both end every sandbox
            signal.signal(polite, signal.default_int_handler)
        return _print_rows(
            grade_class(work.found, work.exercise, out, options, workers=count, fresh=place.fresh, executor=executor),
            len(work.found),
        )


def _print_rows(graded: Iterator[Graded], total: int) -> list[dict[str, Any]]:
    """Print the rows as they come, and how many were graded again and why."""
    rows = []
    again: Counter[str] = Counter()
    with progress_bar() as progress:
        bar = progress.add_task("grading", total=total)
        try:
            for row, reason in graded:
                rows.append(row)
                progress.advance(bar)
                points = "no mark" if row["points"] is None else f"{row['points']} of {row['max_points']}"
                how = f"{row['seconds']:.1f} s" if reason else "from before"
                if reason in REASONS:
                    again[reason] += 1
                    how += f", again: {REASONS[reason]}"
                console.print(f"{escape(row['student'])}: {points} ({row['status']}, {how})", highlight=False)
        except KeyboardInterrupt:
            fail(f"interrupted after {len(rows)} of {total}: the same command goes on", 130)
    if again:
        counts = ", ".join(f"{count} because {REASONS[reason]}" for reason, count in again.most_common())
        console.print(f"Graded again: {counts}.", highlight=False, soft_wrap=True)
    return rows


# --- handing back --------------------------------------------------------------------------------


def _hand_back(work: ClassWork, rows: list[dict[str, Any]], out: Path, place: Place) -> None:
    """Write the marks where the class's platform takes them from."""
    strangers = []
    if place.format == "moodle":
        strangers = lms.write_moodle(work.found, rows, work.exercise, out)
    elif place.format == "canvas":
        strangers = lms.write_canvas(work.found, rows, work.exercise, out, place.column)
    if strangers:
        console.print(f"without a number of {place.format.title()}'s: {escape(_some(strangers))}", highlight=False)
    if work.course:
        try:
            work.course.write_back(work.found, rows, out)
        except ValueError as error:
            fail(f"the marks are in {out}, but not in the gradebook: {error}", 1)
        console.print(f"written into the gradebook of {work.course.folder}", highlight=False, soft_wrap=True)


def _some(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _print_overview(overview: Overview) -> None:
    for title, lines in overview.remarks:
        words = [" = ".join(students) + (f" ({detail})" if detail else "") for students, detail in lines]
        console.print(f"[bold]{title}[/]: {escape(_some(words))}", highlight=False, soft_wrap=True)
    if overview.pairs:
        words = [" and ".join(pair.students) for pair in overview.pairs]
        console.print(f"[bold]Nearly the same, look[/]: {escape(_some(words))}", highlight=False, soft_wrap=True)


def _print_verdicts(row: dict[str, Any], exercise: Exercise) -> None:
    for note in row["notes"]:
        console.print(f"note: {escape(note)}", highlight=False)
    for task_id, v in row["tasks"].items():
        console.print(f"{_WORDS[v['status']]} {task_id} {exercise[task_id].title}", highlight=False)
        for text in (v["case"], v["message"], v.get("error"), v.get("where"), v["hint"]):
            if text and v["status"] != "passed":
                console.print(f"    {escape(text)}", highlight=False)


def _print_class(rows: list[dict[str, Any]], exercise: Exercise) -> None:
    table = Table("task", "solved", "most common failure", title="the class", title_justify="left")
    for name, share, words in summarise(rows, exercise):
        table.add_row(escape(name), "-" if share != share else f"{share:.0%}", escape(words[:120]))
    console.print(table)
