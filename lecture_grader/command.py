"""The command ``lecture grade``: its options. What it does stands in ``run``."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from lecture_grader.terminal import fail

# What is graded
Submissions = Annotated[
    Path | None,
    typer.Argument(help="a folder of STUDENT.ipynb or STUDENT/, what Moodle or Canvas exports, or one notebook"),
]
Number = Annotated[str | None, typer.Option("--exercise", metavar="NN", help="number of the exercise")]
Checks = Annotated[Path | None, typer.Option("--checks", metavar="FILE", help="tasks of your own")]
Released = Annotated[
    Path | None,
    typer.Option("--released", metavar="FILE", help="the notebook that students got; default: the course's"),
]
Due = Annotated[
    str, typer.Option("--due", metavar="TIME", help='"2026-12-01 18:00"; later hand-ins are listed as late')
]
Course = Annotated[Path | None, typer.Option("--nbgrader", metavar="COURSE_DIR", help="grade an nbgrader course")]
Assignment = Annotated[str, typer.Option("--assignment", metavar="NAME", help="of the nbgrader course")]
CoursePython = Annotated[
    str, typer.Option("--nbgrader-python", metavar="PYTHON", help="the Python that nbgrader is installed for")
]
# How it is graded
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="of the random inputs; default: a new one")]
TimeLimit = Annotated[
    float,
    typer.Option("--time-limit", min=0.1, metavar="SECONDS", help="for each cell; a submission may take 5 times that"),
]
MemoryLimit = Annotated[float, typer.Option("--memory-limit", min=1, metavar="GB", help="for each submission")]
VisibleOnly = Annotated[
    bool | None,
    typer.Option(
        "--visible-only/--hidden",
        " /--held-out",
        help="run the visible cases only, or the hidden ones, too; default: visible ones for one notebook, else all",
    ),
]
Unsandboxed = Annotated[
    bool, typer.Option("--allow-unsandboxed", help="run notebooks that you trust without protection")
]
NoFork = Annotated[
    bool, typer.Option("--no-fork", "--cold", help="start a new Python for each submission, instead of forking one")
]
# Where it is graded, and what is written
Workers = Annotated[int, typer.Option("--workers", min=0, help="submissions at once, as memory allows; 0: one a core")]
Dask = Annotated[str | None, typer.Option("--dask", metavar="ADDRESS", help="grade on a dask cluster that you trust")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="default: build/grades-NN")]
Fresh = Annotated[bool, typer.Option("--fresh", help="start over, forget what was graded")]
Format = Annotated[
    Literal["csv", "gradescope", "moodle", "canvas"], typer.Option("--format", help="write what these import, too")
]
Column = Annotated[str, typer.Option("--column", metavar="TITLE", help="the assignment's heading in canvas.csv")]


def grade(
    submissions: Submissions = None,
    exercise: Number = None,
    checks: Checks = None,
    released: Released = None,
    due: Due = "",
    nbgrader: Course = None,
    assignment: Assignment = "",
    nbgrader_python: CoursePython = sys.executable,
    seed: Seed = None,
    time_limit: TimeLimit = 60.0,
    memory_limit: MemoryLimit = 4.0,
    visible_only: VisibleOnly = None,
    allow_unsandboxed: Unsandboxed = False,
    no_fork: NoFork = False,
    workers: Workers = 0,
    dask: Dask = None,
    out: Out = None,
    fresh: Fresh = False,
    format: Format = "csv",
    column: Column = "",
) -> None:
    """Grade notebooks in a sandbox: grades.csv, results.jsonl, class.html, and a report for each student."""
    if sys.platform == "win32":
        fail("grading needs Linux: use WSL")
    if (exercise is None) == (checks is None):
        fail("name the exercise with --exercise NN, or your own tasks with --checks FILE")
    if (submissions is None) == (nbgrader is None):
        fail("name either a folder of submissions, or an nbgrader course with --nbgrader COURSE_DIR")
    from lecture_grader import run  # needs Linux, and imports PyTorch
    from lecture_grader.grade_class import GradingOptions
    from lecture_grader.sandbox import Limits

    source = run.Source(submissions, exercise, checks, released, due, nbgrader, assignment, nbgrader_python)
    options = GradingOptions(
        seed=seed,
        limits=Limits(time_limit, 5 * time_limit, int(memory_limit * 1024)),
        hidden=not (source.is_notebook if visible_only is None else visible_only),
        isolate=not allow_unsandboxed,
        fork=not no_fork,
    )
    run.run(source, options, run.Place(workers, dask, out, fresh, format, column))
