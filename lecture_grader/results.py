"""The folder of results: a row for each submission, the table ``grades.csv``, and the names of the reports."""

import builtins
import csv
import hashlib
import io
import json
import os
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lecture_utils.files import write_text
from lecture_utils.grading.tasks import Exercise
from lecture_utils.grading.verdict import points_of

if TYPE_CHECKING:
    from lecture_grader.grade_one import Grade

# Why a submission is graded again although it has a row. The first four are parts of the row's fingerprint.
REASONS = {
    "notebook": "the notebook changed",
    "checks": "the checks changed",
    "grader": "the grader changed",
    "settings": "the seed, a limit or another option changed",
    "lost": "the process that graded it was lost",
    "report": "the report was missing",
    "damaged": "its row was damaged",
}
MAX_NAME = 150  # bytes of the name of a report; most file systems allow 255, and a draft's name is longer
_COLUMNS = ["exercise", "points", "max_points", "status", "seconds"]
# The last columns of grades.csv: see :func:`~lecture_grader.adjust.final_row`.
_FINAL = ["automatic", "late", "deduction", "excused", "comment"]
# Where a spreadsheet takes the next character, also in full width, for the beginning of a formula: at the start of a
# cell, and behind a semicolon or a tab, which separate cells in some locales.
_FORMULA = re.compile(r"^(?=[\t\r\n])|(?:^|[;|\t\r\n])\s*(?=[=+\-@＝＋－＠﹦﹢﹣﹫⁼⁺])")
# Names that Windows reserves for devices, and those that look like a name with a digest.
_NOT_PLAIN = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?|.*-[0-9a-f]{16}", re.IGNORECASE)


class Results:
    """The folder of results. A row is appended completely or not at all, and earlier rows are never damaged.

    Args:
        out: the folder; only one grader at a time writes into it.
        fresh: forget earlier rows.
        final: makes of a row the one with the marks that count, see :func:`~lecture_grader.adjust.final_row`.

    Raises:
        ValueError: it cannot be written, or another grader is writing into it.

    Example:
        >>> with Results(Path("grades-02")) as results:  # doctest: +SKIP
        ...     print(len(results.rows))
    """

    def __init__(self, out: Path, *, fresh: bool = False, final: Callable[[dict], dict] = dict):
        import fcntl  # not on Windows, where nothing is graded

        self.out = out
        self.final = final
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
        """Rows by student. A last line without a line end is completed, or the next row would be joined to it.

        If a crash cut the line off, it is moved to ``damaged.jsonl``, and its submission is graded again.
        """
        if not self.path.is_file():
            return {}
        *lines, last = self.path.read_bytes().split(b"\n")
        rows = {row["student"]: row for line in [*lines, last] if (row := _row_of(line))}
        if _row_of(last):
            _append(self.path, b"\n")
        elif last:
            _append(self.out / "damaged.jsonl", last + b"\n")
            os.truncate(self.path, self.path.stat().st_size - len(last))
        return rows

    def why_again(self, student: str, fingerprint: dict[str, Any]) -> str:
        """Why a student's submission must be graded: ``new``, or a name in :data:`REASONS`; empty if it need not.

        Args:
            student: the name.
            fingerprint: what the mark depends on now: ``notebook``, ``checks``, ``grader`` and ``settings``.
        """
        row = self.rows.get(student)
        if row is None:
            return "new"
        known = row.get("key")
        if not known:
            return "lost"
        if isinstance(known, str):  # written by version 1 of the grader
            return "grader"
        if not isinstance(known, dict) or not row.keys() >= {*_COLUMNS, "tasks", "notes"}:
            return "damaged"
        changed = [part for part in fingerprint if known.get(part) != fingerprint[part]]
        if changed:
            return changed[0]
        return "" if (self.out / "reports" / f"{report_name(student)}.html").is_file() else "report"

    def append(self, row: dict[str, Any]) -> None:
        """Add a row, which is on the disk when this returns. If it cannot be written, the file is as it was."""
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        for end in "\x85\u2028\u2029":  # some programs, and str.splitlines, end a line there
            line = line.replace(end, f"\\u{ord(end):04x}")
        _append(self.path, line.encode("utf-8", "backslashreplace") + b"\n")
        self.rows[row["student"]] = row

    def write_csv(self, students: list[str], exercise: Exercise, *, now: bool = True) -> None:
        """Replace ``grades.csv``: one line for each student, in the order given. No mark is an empty field.

        It begins with a byte order mark, without which Excel does not read names in UTF-8.

        Args:
            students: their names.
            exercise: each of its tasks has a column.
            now: False waits for 20 times as long as the last writing took, so that a large class costs little.
        """
        begun = time.monotonic()
        if not now and begun < self._csv_due:
            return
        ids = [task.id for task in exercise.tasks]
        lines: list[list[Any]] = [["student", *_COLUMNS, *ids, *_FINAL]]
        for student in students:
            if student in self.rows:
                row = self.final(self.rows[student])
                marks = [row.get("tasks", {}).get(id, {}).get("points") for id in ids]
                said = ["yes" if (value := row.get(column)) is True else value or None for column in _FINAL[1:]]
                lines.append([student, *(row.get(name) for name in _COLUMNS), *marks, row.get("automatic"), *said])
        write_grades(self.out, lines)
        self._csv_due = time.monotonic() + 20 * (time.monotonic() - begun)


def _row_of(line: bytes) -> dict[str, Any] | None:
    """A line of ``results.jsonl``, or None if it is damaged."""
    try:
        row = json.loads(line)
        tasks = row.get("tasks", {}).values()
    except (ValueError, AttributeError, RecursionError):
        return None
    whole = isinstance(row.get("student"), str) and all(isinstance(verdict, dict) for verdict in tasks)
    return row if whole else None


def _append(path: Path, line: bytes) -> None:
    """Add a line to a file; if there is no room, nothing of it, or the next row would be joined to the part."""
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            while line:
                line = line[file.write(line) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(before)
            raise


def write_grades(out: Path, lines: list[list[Any]]) -> None:
    """Replace ``grades.csv`` in the folder of results, see :func:`write_table`, and note that it is ours."""
    write_table(out / "grades.csv", lines, mark=True)
    write_text(out / ".grades.sha256", hashlib.sha256((out / "grades.csv").read_bytes()).hexdigest())


def keep_edited_table(out: Path) -> Path | None:
    """Copy ``grades.csv`` if somebody has changed it since it was written, since the next run replaces it.

    Returns:
        Where the copy is; None if the table was not changed, or was written by an earlier version of the course.
    """
    table, digest = out / "grades.csv", out / ".grades.sha256"
    try:
        if digest.read_text() == hashlib.sha256(table.read_bytes()).hexdigest():
            return None
    except OSError:  # there is no table yet
        return None
    copy = out / f"grades-edited-{time.strftime('%Y-%m-%d-%H%M%S')}.csv"
    copy.write_bytes(table.read_bytes())
    return copy


def write_table(path: Path, lines: list[list[Any]], *, mark: bool = False) -> None:
    """Replace a CSV file. None becomes an empty field; below the first line, no text can be taken for a formula.

    Args:
        path: of the file.
        lines: the first one has the names of the columns.
        mark: begin with a byte order mark, for a file that is opened in Excel.

    Example:
        >>> write_table(Path("grades.csv"), [["student", "points"], ["Aki", 7]])  # doctest: +SKIP
    """
    text = io.StringIO()
    head, *rest = lines
    cells = [[escape_formula(cell) if isinstance(cell, str) else cell for cell in line] for line in rest]
    csv.writer(text, lineterminator="\n").writerows([head, *cells])
    write_text(path, "\ufeff" * mark + text.getvalue())


def escape_formula(text: str) -> str:
    """Text that no spreadsheet takes for a formula.

    Example:
        >>> escape_formula("=1+1")
        "'=1+1"
    """
    return _FORMULA.sub(r"\g<0>'", text)


@lru_cache(10_000)  # a page of a class asks for each name several times
def report_name(student: str) -> str:
    """The name of a student's report, without ``.html``: at most :data:`MAX_NAME` bytes, as file systems count.

    A longer name, or one with characters that a file's name should not have, gets a digest, so that it stays unique.

    Example:
        >>> report_name("Aki Sato"), report_name("a/b")
        ('Aki Sato', 'a_b-c14cddc033f64b9d')
    """
    text = unicodedata.normalize("NFC", student)
    plain = "".join(c if unicodedata.category(c)[0] in "LMN" or c in "-_.@ \u3000" else "_" for c in text)
    plain = plain.strip(". \u3000")
    if plain == student and 0 < len(plain.encode()) <= MAX_NAME and not _NOT_PLAIN.fullmatch(plain):
        return plain
    short = plain.encode()[:100].decode(errors="ignore").strip(". \u3000") or "_"
    return f"{short}-{hashlib.sha256(student.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def to_row(
    student: str, exercise: Exercise, grade: "Grade", *, seed: int | None, fingerprint: dict[str, Any]
) -> dict[str, Any]:
    """One line of ``results.jsonl``, which holds neither inputs nor expected values of a check.

    Args:
        seed: of the random inputs of the checks, if the instructor gave one.
        fingerprint: what the mark depends on, see :meth:`Results.why_again`; empty where the next run must grade again.
    """
    tasks = {}
    for verdict in grade.verdicts:
        task = exercise[verdict.task]
        points = points_of(task, verdict)
        shown = asdict(verdict)
        if not task.parts:
            del shown["parts"]
        for private in ("task", "expected", "got", "error_kind", "kind"):
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
        "key": fingerprint,
        "tasks": tasks,
        "notes": grade.notes,
    }


def _is_builtin_exception(name: str) -> bool:
    known = getattr(builtins, name, None)
    return isinstance(known, type) and issubclass(known, BaseException)


def summarise(rows: list[dict[str, Any]], exercise: Exercise) -> list[tuple[str, float, str]]:
    """What a class did, by task.

    Args:
        rows: as :func:`~lecture_grader.grade_class.grade_class` yields them.
        exercise: the tasks.

    Returns:
        For each task its name, the share of judged submissions that solved it (NaN if none was judged), and the most
        common failure.
    """
    table = []
    for task in exercise.tasks:
        verdicts = [row["tasks"][task.id] for row in rows if row["tasks"].get(task.id, {}).get("points") is not None]
        verdicts = [verdict for verdict in verdicts if verdict["status"] != "manual"]
        failures = Counter(v["hint"] or v["message"] for v in verdicts if v["status"] == "failed")
        common = "".join(f"{count}x: {text}" for text, count in failures.most_common(1))
        unanswered = sum(v["status"] == "todo" for v in verdicts)
        common = "; ".join(filter(None, [common, f"{unanswered} open" if unanswered else ""]))
        solved = sum(v["status"] == "passed" for v in verdicts)
        table.append((f"{task.id} {task.title}", solved / len(verdicts) if verdicts else float("nan"), common))
    return table
