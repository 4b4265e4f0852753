"""The folder of results: a row for each submission, the table ``grades.csv``, and the names of the reports."""

import builtins
import csv
import fcntl
import hashlib
import io
import json
import os
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lecture_utils.files import write_text
from lecture_utils.grading.tasks import Exercise

if TYPE_CHECKING:
    from lecture_grader.grade_one import Grade

# Why a submission is graded again although there is a row of it. The first five are parts of a row's ``key``.
REASONS = {
    "notebook": "the notebook changed",
    "checks": "the checks changed",
    "grader": "the grader changed",
    "settings": "the seed, a limit or another option changed",
    "lost": "the process that graded it was lost",
    "report": "the report was missing",
}


class Results:
    """The folder of results. Rows are appended whole and earlier rows are never damaged.

    Args:
        out: the folder; only one grader at a time writes into it.
        fresh: forget earlier rows.

    Raises:
        ValueError: it cannot be written, or another grader is writing into it.

    Example:
        >>> with Results(Path("grades-02")) as results:  # doctest: +SKIP
        ...     print(len(results.rows))
    """

    def __init__(self, out: Path, *, fresh: bool = False):
        self.out = out
        self.path = out / "results.jsonl"
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the next grader in. The lock file stays: a lock on a deleted file would not keep a third grader out."""
        self._lock.close()

    def _read(self) -> dict[str, dict[str, Any]]:
        """Rows by student. A last line that a crash cut off is removed, because the next row would be joined to it."""
        if not self.path.is_file():
            return {}
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self.path, len(whole))
        rows = {}
        for line in whole.splitlines():
            try:
                row = json.loads(line)
                rows[row["student"]] = row
            except (ValueError, KeyError, TypeError):
                continue  # the submission of a damaged row is graded again
        return rows

    def seed(self) -> int | None:
        """The seed of the rows that are there."""
        return next((row.get("seed") for row in self.rows.values()), None)

    def why_again(self, student: str, key: dict[str, Any]) -> str:
        """Why a student's submission has to be graded: ``new``, or a name in :data:`REASONS`; empty if it has not.

        Args:
            key: what the mark depends on now: ``notebook``, ``checks``, ``grader`` and ``settings``.
        """
        row = self.rows.get(student)
        if row is None:
            return "new"
        known = row.get("key")
        if not known:
            return "lost"
        if isinstance(known, str):  # grader 1 wrote a digest of everything
            return "grader"
        changed = [part for part in key if known.get(part) != key[part]]
        if changed:
            return changed[0]
        return "" if (self.out / "reports" / f"{report_name(student)}.html").is_file() else "report"

    def append(self, row: dict[str, Any]) -> None:
        """Add a row; it is on the disk when this returns."""
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        with self.path.open("ab", buffering=0) as file:
            file.write(line)
            os.fsync(file.fileno())
        self.rows[row["student"]] = row

    def write_csv(self, students: list[str], exercise: Exercise, *, now: bool = True) -> None:
        """Write ``grades.csv`` whole: one line a student, in the order given. No mark is an empty field.

        Args:
            now: False writes it only if that takes at most a twentieth of the time, so that a large class costs little.
        """
        begun = time.monotonic()
        if not now and begun < self._csv_due:
            return
        ids = [task.id for task in exercise.tasks]
        columns = ["exercise", "points", "max_points", "status", "seconds"]
        lines = [["student", *columns, *ids]]
        for student in students:
            if row := self.rows.get(student):
                marks = [row["tasks"].get(id, {}).get("points") for id in ids]
                lines.append([escape_formula(student), *(row[column] for column in columns), *marks])
        write_table(self.out / "grades.csv", lines)
        self._csv_due = time.monotonic() + 20 * (time.monotonic() - begun)


def write_table(path: Path, lines: list[list[Any]]) -> None:
    """Replace a CSV file whole; None becomes an empty field."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    write_text(path, text.getvalue())


def escape_formula(text: str) -> str:
    """Text that no spreadsheet takes for a formula.

    Example:
        >>> escape_formula("=1+1")
        "'=1+1"
    """
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def report_name(student: str) -> str:
    """The name of a student's report, without ``.html``. A name with other characters gets a digest, to stay unique.

    Example:
        >>> report_name("Aki Sato"), report_name("a/b")
        ('Aki Sato', 'a_b-c14cddc0')
    """
    plain = "".join(c if c.isalnum() or c in "-_.@ " else "_" for c in student).strip(". ")[:100] or "_"
    if plain == student:
        return plain
    return f"{plain}-{hashlib.sha256(student.encode('utf-8', 'replace')).hexdigest()[:8]}"


def to_row(student: str, exercise: Exercise, grade: "Grade", *, seed: int, key: dict[str, Any]) -> dict[str, Any]:
    """One line of ``results.jsonl``, which holds neither inputs nor expected values of a check.

    Args:
        seed: of the random inputs of the checks.
        key: what the mark depends on, see :meth:`Results.why_again`; empty if the row is not to be kept.
    """
    tasks = {}
    for verdict in grade.verdicts:
        task = exercise[verdict.task]
        points = None if verdict.status == "unjudged" else task.points if verdict.status == "passed" else 0
        shown = asdict(verdict)
        for private in ("task", "expected", "got", "error_kind"):
            del shown[private]
        if verdict.hidden:
            del shown["error"], shown["where"]
            if verdict.error_kind and not _is_builtin_exception(verdict.error_kind):
                shown["message"] = "Your code raised an error."  # a class can be named after a hidden input
        tasks[verdict.task] = {"points": points, "max_points": task.points, **shown}
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


def _is_builtin_exception(name: str) -> bool:
    known = getattr(builtins, name, None)
    return isinstance(known, type) and issubclass(known, BaseException)


def summarise(rows: list[dict[str, Any]], exercise: Exercise) -> list[tuple[str, float, str]]:
    """For each task: its name, the share of judged submissions that solved it (NaN for none), the commonest failure."""
    table = []
    for task in exercise.tasks:
        verdicts = [row["tasks"][task.id] for row in rows if row["tasks"].get(task.id, {}).get("points") is not None]
        failures = Counter(v["hint"] or v["message"] for v in verdicts if v["status"] != "passed")
        common = "".join(f"{count}x: {text}" for text, count in failures.most_common(1))
        solved = sum(v["status"] == "passed" for v in verdicts)
        table.append((f"{task.id} {task.title}", solved / len(verdicts) if verdicts else float("nan"), common))
    return table
