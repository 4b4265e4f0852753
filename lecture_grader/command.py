"""The command ``lecture grade`` and its options; ``class_work`` holds its steps."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from lecture_grader.interrupts import end_on_interrupt, raise_on_interrupt
from lecture_grader.terminal import fail, say

# what is graded
Submissions = Annotated[
    Path | None,
    typer.Argument(help="a folder of STUDENT.ipynb or STUDENT/, what Moodle or Canvas exports, or one notebook"),
]
Number = Annotated[str | None, typer.Option("--exercise", metavar="NN", help="number of the exercise")]
Checks = Annotated[Path | None, typer.Option("--checks", metavar="FILE", help="tasks of your own")]
Released = Annotated[Path | None, typer.Option(metavar="FILE", help="what students got; default: the course's")]
Due = Annotated[str, typer.Option(metavar="TIME", help='"2026-12-01 18:00"; later hand-ins are named as late')]
Penalized = Annotated[
    str, typer.Option("--penalty", metavar="TEXT", help='for late hand-ins: "10%/day", or "1/hour" (points)')
]
Grace = Annotated[float, typer.Option(min=0, metavar="MINUTES", help="in which nothing is late")]
Course = Annotated[Path | None, typer.Option("--nbgrader", metavar="COURSE_DIR", help="grade an nbgrader course")]
Assignment = Annotated[str, typer.Option(metavar="NAME", help="of the nbgrader course")]
CoursePython = Annotated[str, typer.Option("--nbgrader-python", metavar="PYTHON", help="the one that has nbgrader")]
Roster = Annotated[Path | None, typer.Option(metavar="FILE", help="CSV of the class: who is who, who is missing")]
Pattern = Annotated[
    str, typer.Option("--roster-pattern", metavar="REGEX", help=r"finds the id in a name, as in (?P<id>s\d{7})")
]
# how it is graded
Seed = Annotated[
    int | None,
    typer.Option(min=0, help="repeats a run; anyone who guesses it knows every hidden input; default: fresh bits"),
]
Seconds = Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="for a cell; 5 times that for a submission")]
Gigabytes = Annotated[float, typer.Option(min=1, metavar="GB", help="for each submission")]
VisibleOnly = Annotated[
    bool | None,
    typer.Option(
        "--visible-only/--hidden",
        " /--held-out",
        help="whether the hidden cases are run, too; default: not for a single notebook",
    ),
]
Unsandboxed = Annotated[bool, typer.Option("--allow-unsandboxed", help="run trusted notebooks without protection")]
NewPython = Annotated[bool, typer.Option("--no-fork", "--cold", help="start a new Python for each, fork none")]
# where it is graded, and what is written
Workers = Annotated[int, typer.Option(min=0, help="submissions at once, as memory allows; 0: one a core")]
Dask = Annotated[str | None, typer.Option(metavar="ADDRESS", help="grade on a dask cluster that you trust")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="default: build/grades-NN")]
Fresh = Annotated[bool, typer.Option("--fresh", help="start over, forget what was graded")]
Format = Annotated[Literal["csv", "gradescope", "moodle", "canvas"], typer.Option(help="write what these import, too")]
Column = Annotated[
    str, typer.Option(metavar="TITLE", help="the assignment's heading in canvas.csv or in the --gradebook")
]
Book = Annotated[
    Path | None,
    typer.Option("--gradebook", metavar="FILE", help="CSV of Moodle's, Canvas's ... gradebook: a copy gets the marks"),
]
Anonymous = Annotated[bool, typer.Option("--anonymous", help="write reports without names, too, and key.csv")]


def _fail_unless_one(what: tuple[object, object], whose: tuple[object, object]) -> None:
    """End the command unless one of the exercise and the checks, and one of the folder and the course, is named."""
    if sys.platform == "win32":
        fail("grading needs Linux: use WSL")
    if what.count(None) != 1:
        fail("name the exercise with --exercise NN, or your own tasks with --checks FILE")
    if whose.count(None) != 1:
        fail("name either a folder of submissions, or an nbgrader course with --nbgrader COURSE_DIR")


def grade(
    submissions: Submissions = None,
    exercise: Number = None,
    checks: Checks = None,
    released: Released = None,
    due: Due = "",
    penalty: Penalized = "",
    grace: Grace = 0.0,
    nbgrader: Course = None,
    assignment: Assignment = "",
    nbgrader_python: CoursePython = sys.executable,
    roster: Roster = None,
    roster_pattern: Pattern = "",
    seed: Seed = None,
    time_limit: Seconds = 60.0,
    memory_limit: Gigabytes = 4.0,
    visible_only: VisibleOnly = None,
    allow_unsandboxed: Unsandboxed = False,
    no_fork: NewPython = False,
    workers: Workers = 0,
    dask: Dask = None,
    out: Out = None,
    fresh: Fresh = False,
    format: Format = "csv",
    column: Column = "",
    gradebook: Book = None,
    anonymous: Anonymous = False,
) -> None:
    """Grade notebooks in a sandbox: grades.csv, results.jsonl, class.html, and a report for each student."""
    _fail_unless_one((exercise, checks), (submissions, nbgrader))
    end_on_interrupt()
    from lecture_grader.class_work import ClassWork, errors_end_the_command  # needs Linux, and imports PyTorch
    from lecture_grader.grade_class import GradingOptions
    from lecture_grader.lateness import Penalty
    from lecture_grader.sandbox import Limits, scratch_folder

    raise_on_interrupt()
    with errors_end_the_command(), tempfile.TemporaryDirectory(dir=scratch_folder()) as scratch:
        single = submissions is not None and submissions.is_file() and submissions.suffix.lower() != ".zip"
        options = GradingOptions(
            seed=seed,
            limits=Limits(time_limit, 5 * time_limit, int(memory_limit * 1024)),
            hidden=not (single if visible_only is None else visible_only),
            isolate=not allow_unsandboxed,
            fork=not no_fork,
        )
        work = ClassWork(checks or str(exercise), out, released, due, Penalty.read(penalty, grace))
        if nbgrader:
            work.collect_course(nbgrader, nbgrader_python, assignment, Path(scratch))
        else:
            work.collect(Path(submissions or ""), Path(scratch))
        if not single:
            work.read_adjustments()
            work.read_tables(roster, roster_pattern, gradebook, column)
        else:
            work.check_alone((roster, roster_pattern, gradebook, anonymous, format in ("moodle", "canvas")))
        work.grade(options, workers, dask, fresh)
        work.hand_back(format, column, single, anonymous)


def course(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER ...", help="folders of results, one an exercise")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="the page; a table .csv is put beside it")] = Path(
        "build/course.html"
    ),
) -> None:
    """Draw the term: every student's way through the exercises, and every mistake's."""
    from lecture_grader.course_page import write_term

    try:
        term = write_term(folders, out)
    except ValueError as error:
        fail(str(error))
    say(f"{len(term.ways)} students, {len(term.exercises)} exercises: {out}, {out.with_suffix('.csv')}")
