"""Grade a folder of submissions: rows, reports and a table that survive being cut off."""

import builtins
import contextlib
import csv
import fcntl
import hashlib
import io
import itertools
import json
import os
import secrets
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from lecture_grader import grade_one as grader
from lecture_grader.grade_one import Grade
from lecture_grader.report import gradescope, render
from lecture_grader.sandbox import Limits, SandboxError, start_again, stop_all
from lecture_grader.similarity import answers_of
from lecture_grader.submissions import Submission
from lecture_utils.files import write_text
from lecture_utils.grading.tasks import Exercise

# Raise this number when a change of the grader may change a mark or a report: a class is then graded again.
GRADER_VERSION = 2


class Results:
    """The folder of results: rows are appended whole, what is there is never spoiled.

    Args:
        out: the folder; one grader at a time writes in it.
        fresh: forget earlier rows.

    Raises:
        ValueError: it cannot be written, or another grader is at work in it.
    """

    def __init__(self, out: Path, *, fresh: bool = False):
        self.out, self.path = out, out / "results.jsonl"
        try:
            (out / "reports").mkdir(parents=True, exist_ok=True)
            self._lock = (out / ".lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise ValueError(f"another grader is writing into {out}: wait for it, or name another --out") from None
        except OSError as error:
            raise ValueError(f"cannot write into {out} ({error.strerror}): name another --out") from None
        if fresh:
            self.path.unlink(missing_ok=True)
        self.rows = self._read()
        self._csv_due = 0.0

    def _read(self) -> dict[str, dict[str, Any]]:
        """Rows by student. A last line cut off by a crash is taken away, or it would spoil the next."""
        if not self.path.is_file():
            return {}
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self.path, len(whole))
        rows = {}
        for line in whole.splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                row = json.loads(line)
                rows[row["student"]] = row
        return rows

    def seed(self) -> int | None:
        """The seed of the rows that are there."""
        return next((row.get("seed") for row in self.rows.values()), None)

    def append(self, row: dict[str, Any]) -> None:
        """Add a row; it is on the disk when this returns."""
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        with self.path.open("ab", buffering=0) as file:
            file.write(line)
            os.fsync(file.fileno())
        self.rows[row["student"]] = row

    def write_csv(self, students: list[str], exercise: Exercise, *, now: bool = True) -> None:
        """``grades.csv``, whole: one line a student, in order of name. No mark is an empty field.

        If not ``now``, it is written so seldom that a large class costs little.
        """
        begun = time.monotonic()
        if not now and begun < self._csv_due:
            return
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        ids = [one.id for one in exercise.tasks]
        writer.writerow(["student", "exercise", "points", "max_points", "status", "seconds", *ids])
        for student in students:
            if row := self.rows.get(student):
                marks = [row["tasks"].get(i, {}).get("points") for i in ids]
                known = [row[k] for k in ("exercise", "points", "max_points", "status", "seconds")]
                writer.writerow(["" if v is None else v for v in (escape_formula(student), *known, *marks)])
        write_text(self.out / "grades.csv", text.getvalue())
        self._csv_due = time.monotonic() + 20 * (time.monotonic() - begun)

    def close(self) -> None:
        self._lock.close()
        (self.out / ".lock").unlink(missing_ok=True)


def escape_formula(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def to_row(student: str, exercise: Exercise, key: str, seed: int, grade: Grade) -> dict[str, Any]:
    """One line of ``results.jsonl``. Neither inputs nor expected values of a check are in it."""
    tasks = {}
    for v in grade.verdicts:
        points = None if v.status == "unjudged" else exercise[v.task].points if v.status == "passed" else 0
        shown = asdict(v)
        for private in ("task", "expected", "got", *(("error", "where") if v.hidden else ())):
            shown.pop(private)
        if v.hidden and v.error and not hasattr(builtins, v.message[len("Your code raised ") : -1]):
            shown["message"] = "Your code raised an error."  # the name of a class can tell an input, too
        tasks[v.task] = {"points": points, "max_points": exercise[v.task].points, **shown}
    return {
        "student": student,
        "exercise": exercise.number,
        "points": grade.points,
        "max_points": grade.max_points,
        "status": grade.status,
        "seconds": grade.seconds,
        "seed": seed,
        "key": key,
        "tasks": tasks,
        "notes": grade.notes,
    }


def report_name(student: str) -> str:
    """A file name for a student's report; one that is no plain name gets a digest, to stay unique."""
    plain = "".join(c if c.isalnum() or c in "-_.@ " else "_" for c in student).strip(". ")[:100] or "_"
    return (
        plain if plain == student else f"{plain}-{hashlib.sha256(student.encode('utf-8', 'replace')).hexdigest()[:8]}"
    )


@dataclass(frozen=True)
class Job:
    """All that a mark depends on, in a form that can be sent to another process or machine."""

    student: str
    content: bytes
    problem: str
    exercise: Exercise
    key: str
    seed: int
    limits: Limits
    hidden: bool = True
    isolate: bool = True
    cold: bool = False


class Result(NamedTuple):
    """A line of ``results.jsonl``, the report as HTML, and the code by task, see :func:`~.similarity.answers_of`."""

    row: dict[str, Any]
    report: str
    answers: dict[str, str]


def grade_job(job: Job) -> Result:
    """Grade a submission; but for the seconds, a function of the job alone.

    Raises:
        SandboxError: a protection cannot be had.
    """
    grade = _grade(job)
    row = to_row(job.student, job.exercise, job.key, job.seed, grade)
    return Result(row, render(row, grade, job.exercise), answers_of(grade.cells))


def _grade(job: Job) -> Grade:
    if job.problem:
        return Grade("unreadable", None, job.exercise.max_points, 0.0, notes=[job.problem])
    try:
        return grader.grade_notebook(
            job.content, job.exercise, seed=job.seed, limits=job.limits, hidden=job.hidden, isolate=job.isolate,
            cold=job.cold,
        )  # fmt: skip
    except SandboxError:
        raise
    except Exception as error:  # a fault of ours with one notebook must not stop the others
        note = f"the grader failed ({type(error).__name__}: {error}): please report this, with the notebook"
        return Grade("crashed", None, job.exercise.max_points, 0.0, notes=[note[:500]])


def grade_class(
    submissions: list[Submission],
    exercise: Exercise,
    out: Path,
    *,
    seed: int | None = None,
    limits: Limits | None = None,
    workers: int = 1,
    fresh: bool = False,
    hidden: bool = True,
    isolate: bool = True,
    cold: bool = False,
    for_gradescope: bool = False,
    executor: Executor | None = None,
) -> Iterator[tuple[dict[str, Any], bool]]:
    """Grade submissions; yield each one's row, and whether it was there already.

    A row and its report are in ``out`` when the row is yielded; ``grades.csv`` follows, at the
    latest when this ends, however it ends. A run that was cut off goes on where it was: rows with
    the same key (content, checks, seed, limits) are kept.

    Args:
        workers: submissions under way at once.
        executor: runs them; default: threads here. Its workers may be on other machines.

    Raises:
        ValueError: ``out`` cannot be used.
        SandboxError: a protection cannot be had.
    """
    results = Results(out, fresh=fresh)
    limits = limits or Limits()
    students = [one.student for one in submissions]
    try:
        if seed is None:
            seed = results.seed()
        seed = secrets.randbits(32) if seed is None else seed
        # threads make it faster, not different: another number of workers keeps the rows
        version = f"{GRADER_VERSION} {exercise.version}"
        settings = f"{exercise.number} {version} {seed} {hidden} {isolate} {replace(limits, threads=1)}"
        waiting = []
        for one in submissions:
            key = _key(one, settings)
            row = results.rows.get(one.student)
            if row and row.get("key") == key and (out / "reports" / f"{report_name(one.student)}.html").is_file():
                yield row, True
            else:
                waiting.append((one, key))
        options = {"seed": seed, "limits": limits, "hidden": hidden, "isolate": isolate, "cold": cold}
        jobs = (_job(one, exercise, key, options) for one, key in waiting)
        with contextlib.ExitStack() as stack:
            pool = executor or stack.enter_context(ThreadPoolExecutor(workers))
            try:
                for result in _results_of(pool, jobs, workers + 1):
                    row = result.row
                    name = report_name(row["student"])
                    write_text(out / "reports" / f"{name}.html", result.report)
                    write_text(out / "answers" / f"{name}.json", json.dumps(result.answers))
                    if for_gradescope:
                        write_text(out / "gradescope" / name / "results.json", gradescope(row, exercise))
                    results.append(row)
                    results.write_csv(students, exercise, now=False)
                    yield row, False
            except BaseException:
                stop_all()
                raise
    finally:
        results.write_csv(students, exercise)
        start_again()
        results.close()


def _results_of(pool: Executor, jobs: Iterable[Job], ahead: int) -> Iterator[Result]:
    """Results as they come. No more than ``ahead`` notebooks are read or kept at a time."""
    running: dict[Future, Job] = {}
    try:
        for job in itertools.chain(jobs, [None]):
            if job is not None:
                running[pool.submit(grade_job, job)] = job
            while running and (job is None or len(running) >= ahead):
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield _result(future, running.pop(future))
    finally:
        for future in running:
            future.cancel()


def _result(future: Future, job: Job) -> Result:
    try:
        return future.result()
    except SandboxError:
        raise
    except CancelledError:
        raise SandboxError("the cluster is gone: the same command goes on with another") from None
    except Exception as error:
        note = f"whoever graded it was lost ({type(error).__name__}): the same command tries it again"
        grade = Grade("crashed", None, job.exercise.max_points, 0.0, notes=[note])
        row = to_row(job.student, job.exercise, "", job.seed, grade)  # no key: it is not kept
        return Result(row, render(row, grade, job.exercise), {})


@contextlib.contextmanager
def dask_cluster(address: str) -> Iterator[tuple[Executor, int]]:
    """An executor on the workers of a dask.distributed scheduler, and how many submissions to keep there.

    The cluster is trusted: the checks are sent to it. Each worker forks and sandboxes for itself.

    Raises:
        ValueError: dask is not installed, nobody answers, or there is no worker.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("--dask needs dask.distributed: pip install 'lecture-utils[dask]'") from None
    try:
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"no dask scheduler answers at {address} ({error})") from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise ValueError(f"the scheduler at {address} has no workers yet")
        yield client.get_executor(retries=2), 2 * threads  # one is on its way while another runs


def _job(one: Submission, exercise: Exercise, key: str, options: dict[str, Any]) -> Job:
    content, problem = b"", one.problem
    if not problem:
        try:
            content = one.path.read_bytes()
        except OSError as error:
            problem = f"cannot be read: {error.strerror}"
    return Job(one.student, content, problem, exercise, key, **options)


def _key(one: Submission, settings: str) -> str:
    digest = hashlib.sha256(f"{settings} {one.problem}".encode())
    if not one.problem:
        with contextlib.suppress(OSError), one.path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:24]


def summarise(rows: list[dict[str, Any]], exercise: Exercise) -> list[tuple[str, float, str]]:
    """For each task: its name, the share of judged submissions that solved it, the most common failure."""
    table = []
    for one in exercise.tasks:
        seen = [row["tasks"][one.id] for row in rows if row["tasks"].get(one.id, {}).get("points") is not None]
        failures = Counter(t["hint"] or t["message"] for t in seen if t["status"] != "passed")
        common = f"{failures.most_common(1)[0][1]}x: {failures.most_common(1)[0][0]}" if failures else ""
        share = sum(t["status"] == "passed" for t in seen) / len(seen) if seen else float("nan")
        table.append((f"{one.id} {one.title}", share, common))
    return table
