"""Grade a folder of submissions: rows, reports and a table that survive being cut off."""

import builtins
import contextlib
import csv
import fcntl
import hashlib
import io
import json
import os
import secrets
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lecture_utils.files import write_text
from lecture_utils.grading import grader
from lecture_utils.grading.collect import Submission
from lecture_utils.grading.grader import Grade
from lecture_utils.grading.report import gradescope, render
from lecture_utils.grading.sandbox import Limits, SandboxError, start_again, stop_all
from lecture_utils.grading.similarity import answers_of
from lecture_utils.grading.tasks import Exercise


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
            raise ValueError(f"another grader is writing into {out}: wait for it, or name another --out") from None
        except OSError as error:
            raise ValueError(f"cannot write into {out} ({error.strerror}): name another --out") from None
        if fresh:
            self.path.unlink(missing_ok=True)
        self.rows = self._read()

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

    def write_csv(self, students: list[str], exercise: Exercise) -> Path:
        """``grades.csv``, whole: one line a student, in order of name. No mark is an empty field."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        ids = [one.id for one in exercise.tasks]
        writer.writerow(["student", "exercise", "points", "max_points", "status", "seconds", *ids])
        for student in students:
            if row := self.rows.get(student):
                marks = [row["tasks"].get(i, {}).get("points") for i in ids]
                known = [row[k] for k in ("exercise", "points", "max_points", "status", "seconds")]
                writer.writerow(["" if v is None else v for v in (harmless(student), *known, *marks)])
        write_text(self.out / "grades.csv", text.getvalue())
        return self.out / "grades.csv"

    def close(self) -> None:
        self._lock.close()
        (self.out / ".lock").unlink(missing_ok=True)


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def to_row(student: str, exercise: Exercise, key: str, seed: int, grade: Grade) -> dict[str, Any]:
    """One line of ``results.jsonl``. Neither inputs nor expected values of a check are in it."""
    tasks = {}
    for v in grade.verdicts:
        points = None if v.status == "unjudged" else exercise[v.task].points if v.status == "passed" else 0
        shown = asdict(v)
        for private in ("task", "expected", "got", *(("error", "where") if v.held_out else ())):
            shown.pop(private)
        if v.held_out and v.error and not hasattr(builtins, v.message[len("Your code raised ") : -1]):
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


def grade_folder(
    submissions: list[Submission],
    exercise: Exercise,
    out: Path,
    *,
    seed: int | None = None,
    limits: Limits | None = None,
    workers: int = 1,
    fresh: bool = False,
    held_out: bool = True,
    isolate: bool = True,
    for_gradescope: bool = False,
    executor: Executor | None = None,
) -> Iterator[tuple[dict[str, Any], bool]]:
    """Grade submissions; yield each one's row, and whether it was there already.

    Rows, reports and ``grades.csv`` are in ``out`` when the row is yielded. A run that was cut off
    goes on where it was: rows with the same key (content, checks, seed, limits) are kept.

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
        settings = f"{exercise.number} {exercise.version} {seed} {held_out} {isolate} {limits}"
        waiting = []
        for one in submissions:
            key = _key(one, settings)
            row = results.rows.get(one.student)
            if row and row.get("key") == key and (out / "reports" / f"{report_name(one.student)}.html").is_file():
                yield row, True
            else:
                waiting.append((one, key))
        with contextlib.ExitStack() as stack:
            pool = executor or stack.enter_context(ThreadPoolExecutor(workers))
            options = {"seed": seed, "limits": limits, "held_out": held_out, "isolate": isolate}
            futures = {pool.submit(_grade_file, one, exercise, options): (one, key) for one, key in waiting}
            try:
                for future in as_completed(futures):
                    one, key = futures[future]
                    grade = future.result()
                    row = to_row(one.student, exercise, key, seed, grade)
                    name = report_name(one.student)
                    write_text(out / "reports" / f"{name}.html", render(row, grade, exercise))
                    write_text(out / "answers" / f"{name}.json", json.dumps(answers_of(grade.cells)))
                    if for_gradescope:
                        write_text(out / "gradescope" / name / "results.json", gradescope(row, exercise))
                    results.append(row)
                    results.write_csv(students, exercise)
                    yield row, False
            except BaseException:
                for future in futures:
                    future.cancel()
                stop_all()
                raise
        results.write_csv(students, exercise)
    finally:
        start_again()
        results.close()


def _grade_file(one: Submission, exercise: Exercise, options: dict[str, Any]) -> Grade:
    if one.problem:
        return Grade("unreadable", None, exercise.max_points, 0.0, notes=[one.problem])
    try:
        content = one.path.read_bytes()
    except OSError as error:
        return Grade("unreadable", None, exercise.max_points, 0.0, notes=[f"cannot be read: {error.strerror}"])
    try:
        return grader.grade_notebook(content, exercise, **options)
    except SandboxError:
        raise
    except Exception as error:  # a fault of ours with one notebook must not stop the others
        note = f"the grader failed ({type(error).__name__}: {error}): please report this, with the notebook"
        return Grade("crashed", None, exercise.max_points, 0.0, notes=[note[:500]])


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
