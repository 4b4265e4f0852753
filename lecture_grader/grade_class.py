"""Grade the submissions of a class. Rows, reports and the table survive an interruption."""

import contextlib
import hashlib
import itertools
import json
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from lecture_grader import grade_one
from lecture_grader.dask_cluster import ClusterError
from lecture_grader.grade_one import Grade
from lecture_grader.marking import answers_to_mark
from lecture_grader.notebook_run import Status
from lecture_grader.report import render
from lecture_grader.results import Results, report_name, to_row
from lecture_grader.sandbox import Limits, SandboxError, allow_starts, stop_all
from lecture_grader.similarity import answers_of
from lecture_grader.submissions import Submission
from lecture_utils.files import write_text
from lecture_utils.grading.errors import CheckError
from lecture_utils.grading.tasks import Exercise

# Raise this number when a change of the grader may change a mark or a report: a class is then graded again.
GRADER_VERSION = 7


@dataclass(frozen=True)
class GradingOptions:
    """How every submission of a class is graded.

    Attributes:
        seed: of the random inputs, to repeat a run; None draws 128 fresh bits for each submission, kept nowhere.
        limits: what one submission may use.
        hidden: run all cases of the checks, or only those that students see too.
        isolate: run each submission in a sandbox; False is for notebooks that are trusted.
        fork: fork workers from a process that has imported PyTorch, or start a new Python for each.
    """

    seed: int | None = None
    limits: Limits = field(default_factory=Limits)
    hidden: bool = True
    isolate: bool = True
    fork: bool = True

    def settings(self) -> str:
        """The options that may change a mark, as text: all but threads and forks, which only make grading faster."""
        return repr(replace(self, limits=replace(self.limits, threads=1), fork=True))


@dataclass(frozen=True)
class Job:
    """All that a mark depends on, in a form that can be sent to another process or machine.

    Attributes:
        student: the name.
        content: the bytes of the notebook.
        problem: why there is no notebook, or empty.
        exercise: its tasks judge the notebook.
        fingerprint: goes into the row, see :meth:`~lecture_grader.results.Results.why_again`.
        options: how it is graded.
        grader: the version of the grader that made this job.
        alone: whether this is a second try, without others at the same time, see :func:`run_jobs`.
    """

    student: str
    content: bytes
    problem: str
    exercise: Exercise
    fingerprint: dict[str, Any]
    options: GradingOptions
    grader: int = GRADER_VERSION
    alone: bool = False


class Result(NamedTuple):
    """What becomes of a job.

    Attributes:
        row: the line of ``results.jsonl``.
        report: the page for the student, as HTML.
        answers: the code by task, see :func:`~.similarity.answers_of`.
        timed_out, greedy: see :class:`~.grade_one.Grade`.
        to_mark: see :func:`~.marking.answers_to_mark`.
    """

    row: dict[str, Any]
    report: str
    answers: dict[str, str]
    timed_out: bool = False
    greedy: bool = False
    to_mark: dict[str, list[dict[str, Any]]] = {}  # noqa: RUF012, a named tuple is not changed


@dataclass(eq=False)
class _Attempt:
    """A job that was started.

    ``beside`` are the jobs that ran at the same time and have not ended; ``disturbed``: one of them was greedy.
    """

    job: Job
    result: Result | None = None
    beside: set[Future] = field(default_factory=set)
    disturbed: bool = False


def grade_class(
    submissions: list[Submission],
    exercise: Exercise,
    out: Path,
    options: GradingOptions | None = None,
    *,
    workers: int = 1,
    fresh: bool = False,
    executor: Executor | None = None,
    final: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> Iterator[tuple[dict[str, Any], str]]:
    """Grade submissions; yield each one's row, and why it was graded (empty if the row was there before).

    A row and its report are in ``out`` when the row is yielded; ``grades.csv`` follows, at the latest when this ends,
    however it ends. An interrupted run continues where it stopped: a row is kept while the notebook, the checks, the
    grader's version and the options stay the same. The reasons are ``new`` and those in
    :data:`~lecture_grader.results.REASONS`.

    Args:
        submissions: as :func:`~lecture_grader.submissions.find_submissions` lists them.
        exercise: its tasks judge them.
        out: the folder of results.
        options: how they are graded.
        workers: submissions under way at once.
        fresh: forget earlier rows.
        executor: runs the jobs, perhaps on other machines; default: threads here.
        final: makes of a row the one that ``grades.csv`` gets, see :func:`~lecture_grader.adjust.final_row`.

    Raises:
        ValueError: ``out`` cannot be used.
        SandboxError: a protection is not available here.
        ClusterError: the executor's machines are lost, or have another version of the grader.

    Example:
        >>> for row, reason in grade_class(found, load_exercise("2"), Path("grades-02")):  # doctest: +SKIP
        ...     print(row["student"], row["points"], reason or "from before")
    """
    options = options or GradingOptions()
    students = [one.student for one in submissions]
    with Results(out, fresh=fresh, final=final) as results:
        try:
            waiting, reasons = [], {}
            for one in submissions:
                fingerprint = _fingerprint(one, exercise, options)
                reason = results.why_again(one.student, fingerprint)
                if reason:
                    waiting.append((one, fingerprint))
                    reasons[one.student] = reason
                else:
                    yield results.rows[one.student], ""
            jobs = (_job(one, exercise, fingerprint, options) for one, fingerprint in waiting)
            for result in _run_all(jobs, executor, workers):
                row = _keep(results, result, exercise, options)
                results.write_csv(students, exercise, now=False)
                yield row, reasons[row["student"]]
        finally:
            results.write_csv(students, exercise)


def _keep(results: Results, result: Result, exercise: Exercise, options: GradingOptions) -> dict[str, Any]:
    """Write a result and return its row. If its own text is why it cannot be written, the row says so instead."""
    try:
        _write(results, result)
    except OSError:  # the disk is full, or the folder cannot be written: the next result would fail, too
        raise
    except Exception as error:
        job = Job(result.row["student"], b"", "", exercise, result.row["key"], options)
        result = _unmarked(job, Status.CRASHED, _fault(error))
        _write(results, result)
    return result.row


def _write(results: Results, result: Result) -> None:
    name = report_name(result.row["student"])
    answers = results.out / "answers" / f"{name}.json"
    write_text(results.out / "reports" / f"{name}.html", result.report)
    if result.answers:
        write_text(answers, json.dumps(result.answers))
    else:
        answers.unlink(missing_ok=True)
    to_mark = results.out / "marking" / f"{name}.json"
    if result.to_mark:
        write_text(to_mark, json.dumps(result.to_mark))
    else:
        to_mark.unlink(missing_ok=True)
    results.append(result.row)  # last, because a row means that its files are there


def _fingerprint(one: Submission, exercise: Exercise, options: GradingOptions) -> dict[str, Any]:
    """What a row depends on, see :meth:`~lecture_grader.results.Results.why_again`."""
    digest = hashlib.sha256(one.problem.encode())
    if not one.problem:
        with contextlib.suppress(OSError), one.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    return {
        "notebook": digest.hexdigest()[:24],
        "checks": f"{exercise.number} {exercise.version}",
        "grader": GRADER_VERSION,
        "settings": options.settings(),
    }


def _job(one: Submission, exercise: Exercise, fingerprint: dict[str, Any], options: GradingOptions) -> Job:
    content, problem = b"", one.problem
    if not problem:
        try:
            content = one.path.read_bytes()
        except OSError as error:
            problem = f"cannot be read: {error.strerror}"
    return Job(one.student, content, problem, exercise, fingerprint, options)


def _run_all(jobs: Iterable[Job], executor: Executor | None, workers: int) -> Iterator[Result]:
    """Run jobs in an executor, or in threads here. After an error or an interruption every sandbox is ended."""
    with contextlib.ExitStack() as stack:
        stack.callback(allow_starts)  # called when the threads have ended
        pool = executor or stack.enter_context(ThreadPoolExecutor(workers))
        try:
            yield from run_jobs(jobs, pool, workers + 1)
        except BaseException:
            stop_all()
            raise


def run_jobs(jobs: Iterable[Job], executor: Executor, ahead: int) -> Iterator[Result]:
    """Yield results in the order in which they are ready. The executor has at most ``ahead`` jobs at a time.

    A submission may run out of time because another one, at the same time, used more than its share of the cores. It is
    then run once more at the end, alone, and only that result counts.
    """
    running: dict[Future, _Attempt] = {}
    held: list[_Attempt] = []  # they ran out of time, and jobs that ran at the same time have not ended
    again: list[_Attempt] = []
    try:
        for job in itertools.chain(jobs, [None]):
            if job is not None:
                running[executor.submit(grade_job, job)] = _Attempt(job)
            while running and (job is None or len(running) >= ahead):
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield from _take(future, running, held, again)
        for attempt in again:
            job = replace(attempt.job, alone=True)
            future = executor.submit(grade_job, job)
            running[future] = attempt
            yield _result_of(future, job)
    finally:
        for future in running:
            future.cancel()


def _take(
    future: Future, running: dict[Future, _Attempt], held: list[_Attempt], again: list[_Attempt]
) -> Iterator[Result]:
    """Take the result of a job that has ended; yield the results that are certain now."""
    attempt = running.pop(future)
    result = attempt.result = _result_of(future, attempt.job)
    if result.greedy:
        for other in (*running.values(), *(one for one in held if future in one.beside)):
            other.disturbed = True
    if result.timed_out:
        attempt.beside = set(running)
        held.append(attempt)
    else:
        yield result
    for one in list(held):
        one.beside.discard(future)
        if one.disturbed:
            again.append(one)
            held.remove(one)
        elif not one.beside:
            held.remove(one)
            assert one.result
            yield one.result


def _result_of(future: Future, job: Job) -> Result:
    """What a job returned. If its process was lost, the row has no fingerprint, and the next run grades it again."""
    try:
        return future.result()
    except (SandboxError, ClusterError, CheckError):
        raise
    except CancelledError:
        raise ClusterError("the cluster is lost: run the same command again, with another, to continue") from None
    except Exception as error:
        note = f"the process that graded it was lost ({type(error).__name__}): the same command tries it again"
        return _unmarked(replace(job, fingerprint={}), Status.CRASHED, note)


def grade_job(job: Job) -> Result:
    """Grade a submission. With a seed, the result depends on the job alone, except for the seconds.

    Raises:
        SandboxError: a protection is not available here.
        CheckError: a check has a fault, so that no answer can be judged by it.
        ClusterError: this is a machine with another version of the grader.
    """
    if job.grader != GRADER_VERSION:
        versions = f"version {GRADER_VERSION} of the grader, and the command has version {job.grader}"
        raise ClusterError(f"a worker of the cluster has {versions}: install the same version of the course everywhere")
    if job.problem:
        return _unmarked(job, Status.UNREADABLE, job.problem)
    options = job.options
    try:
        grade = grade_one.grade_notebook(
            job.content,
            job.exercise,
            seed=options.seed,
            limits=options.limits,
            hidden=options.hidden,
            isolate=options.isolate,
            fork=options.fork,
        )
        if job.alone:
            grade.notes.append("run once more, alone, since another had taken more than its share of the cores")
        return _finish(job, grade)
    except (SandboxError, CheckError):
        raise
    except Exception as error:  # a fault of the grader with one notebook must not stop the others
        return _unmarked(job, Status.CRASHED, _fault(error))


def _fault(error: Exception) -> str:
    """A note on a fault of the grader. The error's own text is left out: it may repeat an input of a hidden case."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}, line {place.lineno}"
    return f"the grader failed ({type(error).__name__} in {where}): please report this, with the notebook"


def _unmarked(job: Job, status: Status, note: str) -> Result:
    return _finish(job, Grade(status, None, job.exercise.max_points, 0.0, notes=[note]))


def _finish(job: Job, grade: Grade) -> Result:
    """The row, the report and the answers of a graded submission."""
    row = to_row(job.student, job.exercise, grade, seed=job.options.seed, fingerprint=job.fingerprint)
    report, to_mark = render(row, grade, job.exercise), answers_to_mark(grade.cells, job.exercise)
    return Result(row, report, answers_of(grade.cells), grade.timed_out, grade.greedy, to_mark)
