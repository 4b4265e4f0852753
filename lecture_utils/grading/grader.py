"""Grade notebooks of strangers: the code runs in a sandbox, the marks are made here.

What a worker sends is plain data, bounded; nothing of it is ever unpickled, imported or evaluated.
"""

import builtins
import contextlib
import csv
import fcntl
import hashlib
import io
import json
import os
import secrets
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import lecture_utils
from lecture_utils.files import write_text
from lecture_utils.grading.report import gradescope, render
from lecture_utils.grading.sandbox import (
    MAX_PROCESSES,
    MB,
    REFUSED,
    Limits,
    Sandbox,
    SandboxError,
    start_again,
    stop_all,
)
from lecture_utils.grading.tasks import CHECKS, Exercise, Student, StudentError, Todo, Verdict, run_check
from lecture_utils.grading.wire import Channel, Timeout, WireError

STATUSES = ("graded", "timeout", "memory", "crashed", "unreadable", "forbidden")
MAX_FILE = 400 * MB
GRACE = 3.0  # seconds to come back after an interrupt
_WORKER = [sys.executable, "-I", "-c", "from lecture_utils.grading.worker import main; main()"]


@dataclass
class Grade:
    """What became of one submission; a function of its bytes, the checks, the seed and the limits.

    ``points`` is None where there is no mark, which is not the mark 0. ``cells`` are the cells as
    run, for the report: ``kind``, ``source``, ``task``, ``outputs``, ``error``.
    """

    status: str
    points: int | None
    max_points: int
    seconds: float
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cells: list[dict[str, Any]] = field(default_factory=list)


class _Died(Exception):
    """The worker is gone; ``status`` is one of :data:`STATUSES`."""

    def __init__(self, status: str, message: str):
        super().__init__(message)
        self.status, self.message = status, message


class _Run:
    """A submission in its sandbox, started again without the culprit when a cell brings it down."""

    def __init__(self, content: bytes, exercise: Exercise, seed: int, limits: Limits, isolate: bool):
        self.content, self.exercise, self.seed, self.limits, self.isolate = content, exercise, seed, limits, isolate
        self.deadline = time.monotonic() + limits.total_seconds
        self.cells: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.troubles: list[str] = []
        self.sandbox: Sandbox | None = None

    # -- the process

    def start(self) -> None:
        for attempt in range(3):
            try:
                return self._start()
            except SandboxError:  # it was tried before grading began: perhaps a machine too busy
                if attempt == 2:
                    raise
                time.sleep(1)

    def _start(self) -> None:
        package = Path(lecture_utils.__file__).parent
        self.sandbox = Sandbox(_WORKER, self.limits, folders=(package,), hidden=(CHECKS,), isolate=self.isolate)
        self.channel = Channel(self.sandbox.socket)
        threading.Thread(target=self._watch, args=(self.sandbox,), daemon=True).start()
        try:
            self.channel.send_bytes(self.content, 60)
            plan, _ = self.channel.receive(60 + self.limits.cell_seconds)
        except WireError as error:
            said, stopped = self.sandbox.said(), self.sandbox.stopped
            status = self.sandbox.end()
            if status == REFUSED:
                raise SandboxError(said.strip().splitlines()[-1] if said.strip() else "no reason given") from error
            if self.cells:  # it could be read before
                raise _Died("crashed", f"the process could not be started again ({stopped or error})") from None
            raise _Died("unreadable", stopped or f"the file could not be read ({error})") from None
        if "unreadable" in plan:
            self.sandbox.end()
            raise _Died("unreadable", str(plan["unreadable"])[:300])
        if not self.cells:
            self.cells = _checked_cells(plan.get("cells"))
            self.notes = [str(note)[:300] for note in plan.get("notes", [])[:100]]
        self.ask({"do": "setup", "code": self.exercise.setup, "seed": self.seed})

    def _watch(self, sandbox: Sandbox) -> None:
        """End a process that takes more memory or starts more processes than it may."""
        while sandbox.process.poll() is None:
            memory, processes = sandbox.usage()
            if processes > MAX_PROCESSES:
                sandbox.stopped = f"it ran more than {MAX_PROCESSES} processes at once"
            elif memory > self.limits.memory_mb * MB:
                sandbox.stopped = f"it took more than {self.limits.memory_mb} MB of memory"
            if sandbox.stopped:
                return sandbox.kill()
            time.sleep(0.1)

    def ask(self, message: dict, value: Any = None) -> tuple[dict, Any, bool]:
        """Reply, plain data, and whether it had to be interrupted.

        Raises:
            _Died: there is no reply and there will be none.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            self.end()
            raise _Died("timeout", f"the submission took longer than {self.limits.total_seconds:g} s in all")
        seconds, late = min(self.limits.cell_seconds, left), False
        try:
            self.channel.send(message, value, seconds=seconds)
            try:
                reply, data = self.channel.receive(seconds)
            except Timeout:
                late = True
                self.sandbox.interrupt()
                reply, data = self.channel.receive(GRACE)
        except Timeout:
            self.end()
            raise _Died("timeout", f"it took longer than {seconds:.0f} s and did not stop when asked to") from None
        except WireError as error:
            raise self._cause(error) from None
        return reply, data, late

    def _cause(self, error: WireError) -> _Died:
        """Why there is no answer: from the process's end, which it cannot make up."""
        with contextlib.suppress(Exception):
            self.sandbox.process.wait(1)
        alive = self.sandbox.process.poll() is None
        stopped, status = self.sandbox.stopped, self.end()
        if "memory" in stopped:
            return _Died("memory", stopped)
        if stopped or status == -signal.SIGSYS:
            return _Died("forbidden", stopped or "it made a system call that no submission needs, and was stopped")
        if alive:
            return _Died("forbidden", f"it disturbed the grader's connection ({error})")
        if status == -signal.SIGXCPU:
            return _Died("timeout", "it used more processor time than it may")
        name = signal.Signals(-status).name if -status in signal.valid_signals() else f"exit status {status}"
        return _Died("crashed", f"the process ended ({name})")

    def end(self) -> int:
        return self.sandbox.end() if self.sandbox else 0

    # -- the cells

    def run_cells(self) -> None:
        """Run every cell once, in order; then once more those that used a name defined further down."""
        while True:
            try:
                self.start()
                self._pass(lambda cell: cell["runs"])
                for _ in range(2):
                    if not self._pass(lambda cell: cell["runs"] and _is_name_error(cell)):
                        break
                return
            except _Died as died:
                culprit = next((cell for cell in self.cells if cell.get("running")), None)
                if died.status == "unreadable" or culprit is None:
                    raise
                culprit["running"], culprit["runs"] = False, False
                culprit["outputs"], culprit["error"] = [], ["", died.message, died.message]
                self.troubles.append(died.status)
                number = self.cells.index(culprit) + 1
                self.notes.append(f"cell {number} was left out: {died.message}")
                if time.monotonic() > self.deadline:
                    raise

    def _pass(self, wanted: Callable[[dict], bool]) -> int:
        done = 0
        for number, cell in enumerate(self.cells):
            if cell["kind"] != "code" or not cell["source"].strip() or not wanted(cell):
                continue
            again = cell.get("error") is not None
            cell["running"] = True
            reply, _, late = self.ask({"do": "run", "cell": number})
            cell["running"] = False
            cell["outputs"] = _checked_outputs(reply.get("outputs"))
            error = reply.get("error")
            cell["error"] = [str(part)[:4000] for part in error[:3]] if isinstance(error, list) else None
            if late:
                self.troubles.append("timeout")
                self.notes.append(f"cell {number + 1} was stopped after {self.limits.cell_seconds:g} s")
                cell["error"] = cell["error"] or ["Timeout", "", "stopped: it took too long"]
            elif cell["error"]:
                self.troubles += _trouble(cell["error"])
            elif again:
                self.notes.append(f"cell {number + 1} uses names defined further down: run again at the end")
                done += 1
        return done


class RemoteStudent(Student):
    """A student's objects in the worker: see :class:`Student`."""

    def __init__(self, run: _Run):
        self._run = run

    def _asked(self, message: dict, value: Any = None) -> Any:
        reply, data, late = self._run.ask(message, value)
        if late:
            self._run.troubles.append("timeout")
            raise StudentError("TimeoutError", f"longer than {self._run.limits.cell_seconds:g} s")
        if "todo" in reply:  # its own words could be anything
            name = message.get("name") or (value and value[0])
            raise Todo(f"{name if isinstance(name, str) else 'It'} is not there, or still the stub.")
        if "error" in reply:
            kind, message, where = (str(part)[:300] for part in [*reply["error"], "", "", ""][:3])
            raise StudentError(kind[:60], message, where)
        return data

    def value(self, name: str) -> Any:
        return self._asked({"do": "value", "name": name})

    def _call(self, function: Any, args: tuple, kwargs: dict, keep: bool) -> tuple[Any, list]:
        answer = self._asked({"do": "call"}, [function, list(args), kwargs, keep])
        if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], list):
            raise StudentError("TypeError", "no answer of the kind that was asked for")
        return answer


def _checked_cells(cells: Any) -> list[dict[str, Any]]:
    """Cells as the worker read them: only what is wanted, of the types that are wanted."""
    kept = []
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, dict):
            task = cell.get("task")
            kept.append(
                {
                    "kind": str(cell.get("kind")),
                    "source": str(cell.get("source"))[:200_000],
                    "task": task if isinstance(task, str) else None,
                    "runs": cell.get("runs") is True,
                    "outputs": [],
                    "error": None,
                }
            )
    return kept


def _checked_outputs(outputs: Any) -> list[dict[str, str]]:
    kept = []
    for output in outputs[:200] if isinstance(outputs, list) else []:
        if isinstance(output, dict) and isinstance(output.get("text"), str):
            limit = 400_000 if output.get("kind") == "png" else 25_000
            if len(output["text"]) <= limit:
                kept.append({"kind": str(output.get("kind"))[:20], "text": output["text"]})
    return kept


def _is_name_error(cell: dict) -> bool:
    return bool(cell.get("error")) and cell["error"][0] == "NameError"


def _trouble(error: list[str]) -> list[str]:
    """The status that an error in a cell stands for, if it is more than a mistake."""
    kind, message = error[0], error[1]
    if kind == "MemoryError" or "allocate memory" in message:
        return ["memory"]
    if kind == "PermissionError" or "Read-only file system" in message or "Network is unreachable" in message:
        return ["forbidden"]
    return []


def grade_notebook(
    content: bytes,
    exercise: Exercise,
    *,
    seed: int,
    limits: Limits | None = None,
    held_out: bool = True,
    isolate: bool = True,
) -> Grade:
    """Run a notebook in a sandbox and judge its tasks.

    Args:
        content: the notebook file.
        seed: of the checks' random inputs, and of the random numbers in the notebook.
        held_out: all cases, or only those that the student sees too.
        isolate: False runs it without protection.

    Raises:
        SandboxError: a protection cannot be had.
    """
    begun = time.monotonic()
    limits = limits or Limits()
    run = _Run(content, exercise, seed, limits, isolate)
    verdicts: list[Verdict] = []
    try:
        if len(content) > MAX_FILE:
            raise _Died("unreadable", f"the file is larger than {MAX_FILE // MB} MB")
        run.run_cells()
        for number, one in enumerate(exercise.tasks):
            student = RemoteStudent(run)
            try:
                run.ask({"do": "begin"})
                verdicts.append(run_check(one, student, seed, held_out=held_out))
                run.ask({"do": "end"})
            except _Died as died:
                run.troubles.append(died.status)
                message = f"The process ended while this task was being judged: {died.message}."
                verdicts[number:] = [Verdict(one.id, "failed", 0, 0, student.case, message)]
                if number + 1 < len(exercise.tasks):
                    run.run_cells()
    except _Died as died:
        if died.status == "unreadable":
            return Grade("unreadable", None, exercise.max_points, _since(begun), notes=[died.message])
        if not run.troubles:
            run.troubles.append(died.status)
        run.notes.append(died.message)
    finally:
        run.end()
    judged = {v.task for v in verdicts}
    for one in exercise.tasks:
        if one.id not in judged:
            verdicts.append(
                Verdict(one.id, "unjudged", 0, 0, "", "This task could not be judged: see the notes above.")
            )
    points = sum(exercise[v.task].points for v in verdicts if v.status == "passed")
    status = run.troubles[0] if run.troubles else "graded"
    for cell in run.cells:
        cell.pop("running", None)
    return Grade(status, points, exercise.max_points, _since(begun), verdicts, run.notes, run.cells)


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 2)


# --- a folder ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Submission:
    """A student's notebook; ``problem`` says why there is none that could be read."""

    student: str
    path: Path
    problem: str = ""


def find_submissions(where: Path, out: Path | None = None) -> list[Submission]:
    """``STUDENT.ipynb`` files, and folders ``STUDENT/`` that hold one notebook, by name.

    Links are not followed: an archive of submissions may hold one to anywhere. Hidden files, what
    a Mac adds to an archive, and the folder of results ``out`` are no submissions.

    Raises:
        ValueError: there is nothing to grade.
    """
    if where.is_file():
        return [Submission(where.stem, where)]
    if not where.is_dir():
        raise ValueError(f"{where} is neither a notebook nor a folder of notebooks")
    found: list[Submission] = []
    for entry in sorted(where.iterdir()):
        if entry.name.startswith(".") or entry.name == "__MACOSX" or (out and entry.resolve() == out.resolve()):
            continue
        if entry.suffix == ".ipynb":
            found.append(Submission(entry.stem, entry, _unfit(entry)))
        elif entry.is_dir() and not entry.is_symlink():
            inside = [p for p in sorted(entry.rglob("*.ipynb")) if not _is_hidden(p.relative_to(entry))]
            problem = _unfit(inside[0]) if len(inside) == 1 else f"the folder holds {len(inside)} notebooks, not one"
            found.append(Submission(entry.name, inside[0] if inside else entry, problem))
    if not found:
        raise ValueError(f"{where} holds no submissions: STUDENT.ipynb, or STUDENT/ with one notebook in it")
    names: Counter[str] = Counter()
    unique = []
    for one in sorted(found, key=lambda one: one.student):
        names[one.student] += 1
        again = f"-{names[one.student]}" if names[one.student] > 1 else ""
        student = os.fsencode(one.student + again).decode("utf-8", "replace")  # a name may be no UTF-8
        unique.append(Submission(student, one.path, one.problem))
    return unique


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _unfit(path: Path) -> str:
    if path.is_symlink():
        return "it is a link, not a file"
    if not path.is_file():
        return "it is not a file"
    return "" if path.stat().st_size <= MAX_FILE else f"the file is larger than {MAX_FILE // MB} MB"


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
                writer.writerow(["" if v is None else v for v in (_harmless(student), *known, *marks)])
        write_text(self.out / "grades.csv", text.getvalue())
        return self.out / "grades.csv"

    def close(self) -> None:
        self._lock.close()
        (self.out / ".lock").unlink(missing_ok=True)


def _harmless(text: str) -> str:
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
        return grade_notebook(content, exercise, **options)
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
