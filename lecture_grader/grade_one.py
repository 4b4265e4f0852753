"""Grade one notebook of a stranger: its code runs in a sandbox, the mark is made here.

What a worker sends is plain data, bounded; nothing of it is ever unpickled, imported or evaluated.
"""

import contextlib
import copy
import hashlib
import itertools
import json
import re
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import lecture_utils
from lecture_grader.fork_client import fork_worker, why_no_fork
from lecture_grader.protocol import Channel, ProtocolError, Timeout
from lecture_grader.sandbox import MB, Limits, Sandbox, SandboxError, check_not_stopped
from lecture_grader.tampering import names_of_the_inside
from lecture_grader.text import all_printable
from lecture_utils.grading.errors import GraderError, NotAttempted, StudentError
from lecture_utils.grading.student import Student
from lecture_utils.grading.tasks import Exercise, Task, checks_folder
from lecture_utils.grading.values import Handle
from lecture_utils.grading.verdict import Verdict, for_report, run_check

MAX_FILE = 400 * MB
MAX_NOTES = 200
MAX_RESTARTS = 3  # of the worker, for one submission
GRACE = 3.0  # seconds that an interrupted worker has to come back
# The packages that a worker imports, and so the folders that it has to see.
PACKAGES = (Path(lecture_utils.__file__).resolve().parent, Path(__file__).resolve().parent)
_PATHS = list(dict.fromkeys(str(folder.parent) for folder in PACKAGES))
_WORKER = f"import sys; sys.path[:0] = {_PATHS!r}; from lecture_grader.worker import main; main()"


class Status(StrEnum):
    """What became of a submission as a whole; README.md explains each to the instructor."""

    GRADED = "graded"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASHED = "crashed"
    FORBIDDEN = "forbidden"
    TAMPERED = "tampered"
    UNREADABLE = "unreadable"


@dataclass
class Grade:
    """What became of one submission.

    Attributes:
        status: the first thing that went wrong, or ``graded``.
        points: None where there is no mark, which is not the mark 0.
        max_points: of all tasks together.
        seconds: wall time to half a second, the start of the process included.
        verdicts: one for each task.
        notes: sentences for the report: what was repaired, left out or stopped.
        cells: the cells as run, for the report: ``kind``, ``source``, ``task``, ``runs``, ``outputs``, ``error``.
        greedy: whether it used more than its share of the cores.
        timed_out: whether a cell, a call or the whole took too long.
    """

    status: str
    points: int | None
    max_points: int
    seconds: float
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cells: list[dict[str, Any]] = field(default_factory=list)
    greedy: bool = False
    timed_out: bool = False

    def __post_init__(self) -> None:
        # The one door of all text of a submission: what leaves it can be shown anywhere, and is bounded. The checks
        # have seen the values as they are, because a right answer may hold any character.
        self.notes = all_printable(self.notes[:MAX_NOTES], 500)
        self.verdicts = [replace(verdict, **all_printable(vars(verdict), 2_000)) for verdict in self.verdicts]
        self.cells = all_printable(self.cells, 400_000)


class _WorkerLost(GraderError):
    """The worker has ended or was ended, so it will not answer any more."""

    def __init__(self, status: Status, message: str):
        super().__init__(message)
        self.status = status
        self.message = message


class _ForkServerLost(SandboxError, GraderError):
    """No fault of the submission's."""


# How a report says that a worker ended while a task was judged. What a process says at its end could be made of the
# inputs that it has seen, so its own words are not repeated.
_ENDS = {
    Status.TIMEOUT: "it took too long and did not stop when asked to",
    Status.MEMORY: "it took more memory than it may",
    Status.CRASHED: "the process crashed",
    Status.FORBIDDEN: "it did what no submission may do, and was stopped",
}


class _Run:
    """A submission in its sandbox, started again without the culprit when a cell brings it down."""

    def __init__(
        self,
        content: bytes,
        exercise: Exercise,
        seed: int,
        limits: Limits,
        isolate: bool,
        forked: bool,
    ):
        self.content = content
        self.exercise = exercise
        self.seed = seed
        self.limits = limits
        self.isolate = isolate
        self.forked = forked
        # Seconds that are left. They run while the worker reads, runs or answers, and while one that was lost is
        # started again. Its first start does not count, nor what a check computes here.
        self.left = limits.total_seconds
        self.starts = 0
        # What the notebook had replaced when this worker began with the first task; None before that.
        self.replaced: str | None = None
        self.done: list[tuple[int, bool]] = []  # the cells that ran to an end, in order, and whether it was once more
        self.cells: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.troubles: list[Status] = []
        self.sandbox: Sandbox | None = None
        self.sandboxes: list[Sandbox] = []  # this one, and those before it

    def note(self, sentence: str) -> None:
        """Add a sentence to the report, once: cells may be run several times."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    # -- the process

    @contextlib.contextmanager
    def _charged(self) -> Iterator[None]:
        """What happens inside is on the submission's time."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.left -= time.monotonic() - begun

    def start(self) -> None:
        """Start a worker and let it read the notebook.

        Raises:
            SandboxError: it did not start.
            _WorkerLost: the notebook cannot be read, or there was no time left or one start too many.
        """
        self.check_time()
        if self.starts > MAX_RESTARTS:
            words = f"the process ended {self.starts} times, and is not started again"
            raise _WorkerLost(Status.CRASHED, words)
        self.starts += 1
        self.replaced = None
        if self.starts == 1:
            self._start_process()
        else:
            with self._charged():
                self._start_process()
        with self._charged():
            self._send_cells()
        # The notebook can ask its own generators for their seed, so that is another one, from which the checks'
        # does not follow.
        digest = hashlib.sha256(f"the notebook's generators {self.seed}".encode()).digest()
        self.ask({"do": "setup", "code": self.exercise.setup, "seed": int.from_bytes(digest[:4], "big")})

    def _start_process(self) -> None:
        self.sandbox = Sandbox(
            [sys.executable, "-I", "-c", _WORKER],
            self.limits,
            folders=PACKAGES,
            hidden=(checks_folder(),),
            isolate=self.isolate,
            fork=fork_worker if self.forked else None,
        )
        self.sandboxes.append(self.sandbox)
        self.channel = Channel(self.sandbox.socket)
        threading.Thread(target=self.sandbox.watch, daemon=True).start()
        try:
            self.channel.receive(120)  # nothing of the student's has run before this message
        except ProtocolError as error:
            lines = self.sandbox.stderr_tail().strip().splitlines()
            self.sandbox.end()
            raise SandboxError(lines[-1] if lines else f"the worker did not start ({error})") from error

    def _send_cells(self) -> None:
        """Let the worker read the notebook. A later worker gets the cells as the first one read them."""
        assert self.sandbox
        names = {task.id: task.names for task in self.exercise.tasks}
        content = json.dumps([cell["source"] for cell in self.cells]).encode() if self.cells else self.content
        seconds = max(self.left, 0.1)
        try:
            self.channel.send_bytes({"names": names, "sources": bool(self.cells)}, content, seconds)
            plan, _ = self.channel.receive(seconds)
        except ProtocolError as error:
            stopped = self.sandbox.stopped
            self.sandbox.end()
            if self.cells:  # an earlier worker could read it
                message = f"the process could not be started again ({stopped or error})"
                raise _WorkerLost(Status.CRASHED, message) from None
            message = stopped or f"the file could not be read ({error})"
            raise _WorkerLost(Status.UNREADABLE, message) from None
        if "unreadable" in plan:
            self.sandbox.end()
            raise _WorkerLost(Status.UNREADABLE, str(plan["unreadable"])[:300])
        if not self.cells:
            self.cells = _checked_cells(plan.get("cells"))
            notes = plan.get("notes")
            for sentence in notes[:100] if isinstance(notes, list) else []:
                self.note(str(sentence)[:300])
            self._note_the_inside()

    def _note_the_inside(self) -> None:
        """Name the cells that speak of the grader's inside: a hint for the instructor, which takes no points."""
        for number, cell in enumerate(self.cells, 1):
            if cell["kind"] == "code" and (names := names_of_the_inside(cell["source"])):
                self.note(f"cell {number} names {', '.join(names[:5])}, which no task needs: have a look")

    def ask(self, message: dict, value: Any = None) -> tuple[dict, Any, bool]:
        """Send a request and wait for its reply.

        Returns:
            The reply, the plain data beside it, and whether the worker had to be interrupted.

        Raises:
            _WorkerLost: there is no reply and there will be none.
        """
        self.check_time()
        seconds = min(self.limits.cell_seconds, self.left)
        interrupted = False
        with self._charged():
            try:
                self.channel.send(message, value, seconds=seconds)
                try:
                    reply, data = self.channel.receive(seconds)
                except Timeout:
                    interrupted = True
                    assert self.sandbox
                    self.sandbox.interrupt()
                    reply, data = self.channel.receive(GRACE)
            except Timeout:
                self.end()
                words = f"it took longer than {seconds:.0f} s and did not stop when asked to"
                raise _WorkerLost(Status.TIMEOUT, words) from None
            except ProtocolError as error:
                raise self._why_lost(error) from None
        return reply, data, interrupted

    def begin_or_end(self, do: str) -> list[str]:
        """Let the worker remember or put back the notebook's state around the judging of a task.

        Returns:
            The names of what the notebook has replaced by then.

        Raises:
            _WorkerLost: it could not, so what comes after would be judged in a state that is not the notebook's.
        """
        reply, _, interrupted = self.ask({"do": do})
        replaced = reply.get("replaced")
        if interrupted or "error" in reply or not isinstance(replaced, list):
            self.end()
            raise _WorkerLost(Status.CRASHED, "the notebook's state could not be kept for the next task")
        return [str(name)[:100] for name in replaced[:20]]

    def check_time(self) -> None:
        """
        Raises:
            _WorkerLost: the submission's time is over.
        """
        if self.left <= 0:
            self.end()
            words = f"the submission took longer than {self.limits.total_seconds:g} s in all"
            raise _WorkerLost(Status.TIMEOUT, words)

    def _why_lost(self, error: ProtocolError) -> _WorkerLost:
        """Why there is no answer, told from the end of the process, which it cannot make up."""
        assert self.sandbox
        with contextlib.suppress(Exception):
            self.sandbox.process.wait(1)
        alive = self.sandbox.process.poll() is None
        stopped = self.sandbox.stopped
        code = self.end()
        if getattr(self.sandbox.process, "lost", False):
            raise _ForkServerLost("the fork server ended")
        if "memory" in stopped:
            return _WorkerLost(Status.MEMORY, stopped)
        if stopped or code == -signal.SIGSYS:
            refused = "it made a system call that no submission needs, and was stopped"
            return _WorkerLost(Status.FORBIDDEN, stopped or refused)
        if alive:
            return _WorkerLost(Status.FORBIDDEN, f"it disturbed the grader's connection ({error})")
        if code == -signal.SIGXCPU:
            return _WorkerLost(Status.TIMEOUT, "it used more processor time than it may")
        name = signal.Signals(-code).name if -code in signal.valid_signals() else f"exit status {code}"
        return _WorkerLost(Status.CRASHED, f"the process ended ({name})")

    def end(self) -> int:
        """End the worker; its exit status."""
        return self.sandbox.end() if self.sandbox else 0

    # -- the cells

    def run_cells(self) -> None:
        """Run every cell once, in order; then once more those that used a name defined further down.

        Raises:
            _WorkerLost: no worker is left, and a new one would not help.
        """
        while True:
            try:
                self.start()
                self.done = []
                self._run_once(lambda cell: cell["runs"])
                for _ in range(2):
                    if not self._run_once(lambda cell: cell["runs"] and _is_name_error(cell)):
                        break
                return
            except _WorkerLost as lost:
                culprit = next((cell for cell in self.cells if cell.get("running")), None)
                if lost.status == Status.UNREADABLE or culprit is None:
                    raise
                culprit["running"] = False
                culprit["runs"] = False
                culprit["left out"] = True
                self.sandbox = None  # it has ended
                culprit["outputs"] = []
                culprit["error"] = ["", lost.message, lost.message]
                self.troubles.append(lost.status)
                self.note(f"cell {self.cells.index(culprit) + 1} was left out: {lost.message}")
                if self.left <= 0:
                    raise

    def run_again(self) -> None:
        """Run the cells once more in a new worker, for the tasks that are left.

        Nothing of it is kept: the checks have begun, so what the cells would show now could tell of hidden inputs.

        Raises:
            _WorkerLost: this run does not reach the end.
        """
        self.start()
        for number, again in self.done:
            self.ask({"do": "run", "cell": number, "again": again})

    def _run_once(self, wanted: Callable[[dict], bool]) -> int:
        """Run the wanted code cells in order; how many of those that had failed before now succeeded."""
        repaired = 0
        for number, cell in enumerate(self.cells):
            if cell["kind"] != "code" or not cell["source"].strip() or not wanted(cell):
                continue
            failed_before = cell.get("error") is not None
            cell["running"] = True
            reply, _, interrupted = self.ask({"do": "run", "cell": number, "again": failed_before})
            cell["running"] = False
            self.done.append((number, failed_before))
            if "unchanged" in reply:
                continue
            cell["outputs"] = _checked_outputs(reply.get("outputs"))
            error = reply.get("error")
            cell["error"] = [str(part)[:4000] for part in [*error, "", ""][:3]] if isinstance(error, list) else None
            if interrupted:
                self.troubles.append(Status.TIMEOUT)
                self.note(f"cell {number + 1} was stopped after {self.limits.cell_seconds:g} s")
                cell["error"] = cell["error"] or ["Timeout", "", "stopped: it took too long"]
            elif cell["error"]:
                self.troubles += _trouble_of(cell["error"])
            elif failed_before:
                self.note(f"cell {number + 1} uses names defined further down: run again at the end")
                repaired += 1
        return repaired


class RemoteStudent(Student):
    """A student's objects in the worker: see :class:`~lecture_utils.grading.student.Student`."""

    def __init__(self, run: _Run):
        self._run = run
        # What ``put`` places travels with the next call, since a message costs more than most calls.
        self._puts: list[tuple[Handle, Any]] = []
        self._fetched: Any = []
        self._numbers = itertools.count(-2, -1)  # the worker numbers what it keeps from 0 on

    def _ask(self, message: dict, value: Any = None) -> Any:
        reply, data, interrupted = self._run.ask(message, value)
        if interrupted:
            self._run.troubles.append(Status.TIMEOUT)
            raise StudentError("TimeoutError", f"longer than {self._run.limits.cell_seconds:g} s")
        if "not attempted" in reply:  # the worker's own words could be anything
            name = message.get("name") or (value and value[1])
            raise NotAttempted(f"{name if isinstance(name, str) else 'A part of it'} is not there, or still the stub.")
        if "error" in reply:
            parts = reply["error"] if isinstance(reply["error"], list) else []
            kind, words, where = (str(part)[:300] for part in [*parts, "", "", ""][:3])
            raise StudentError(kind[:60], words, where)
        return data

    def value(self, name: str) -> Any:
        self.got_something = True
        return self._ask({"do": "value", "name": name})

    def put(self, value: Any) -> Handle:
        handle = Handle(next(self._numbers), type(value).__name__)
        self._puts.append((handle, copy.deepcopy(value)))
        return handle

    def _call(self, function: Any, args: list, kwargs: dict, keep: bool) -> Any:
        numbers = [handle.number for handle, _ in self._puts]
        values = [value for _, value in self._puts]
        self._puts = []
        fetch = [handle.number for handle in self._awaited]
        answer = self._ask({"do": "call", "puts": numbers, "fetch": fetch}, [values, function, args, kwargs, keep])
        if not fetch:
            return answer
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise StudentError("TypeError", "no answer of the kind that was asked for")
        result, self._fetched = answer
        return result

    def _fetch(self) -> Any:
        return self._fetched  # with the result, in one message


def _checked_cells(cells: Any) -> list[dict[str, Any]]:
    """Cells as the worker read them: only what is wanted, of the types that are wanted."""
    kept: list[dict[str, Any]] = []
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, dict):
            task = cell.get("task")
            kept.append(
                {
                    "kind": str(cell.get("kind")),
                    "source": str(cell.get("source"))[:200_000],
                    "task": task if isinstance(task, str) else None,
                    "runs": cell.get("runs") is True,
                    "stub": cell.get("stub") is True,
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


def _trouble_of(error: list[str]) -> list[Status]:
    """The status that an error in a cell stands for, if it is more than a mistake."""
    kind, message = error[0], error[1]
    if kind == "MemoryError" or "allocate memory" in message:
        return [Status.MEMORY]
    if kind == "PermissionError" or "Read-only file system" in message or "Network is unreachable" in message:
        return [Status.FORBIDDEN]
    return []


def grade_notebook(
    content: bytes,
    exercise: Exercise,
    *,
    seed: int | None = None,
    limits: Limits | None = None,
    hidden: bool = True,
    isolate: bool = True,
    cold: bool = False,
) -> Grade:
    """Run a notebook in a sandbox and judge its tasks.

    Args:
        content: the bytes of the notebook file.
        exercise: its tasks judge it.
        seed: of the checks' random inputs, and in another way of the random numbers in the notebook. The default is
            128 fresh bits that nobody learns. A number that students may guess tells them every hidden input.
        limits: seconds, memory and processes; see :class:`~lecture_grader.sandbox.Limits` for the defaults.
        hidden: run all cases, or only those that the student sees too.
        isolate: False runs it without protection.
        cold: start a new Python, even where a worker could be forked.

    Raises:
        SandboxError: a protection cannot be had.
        CheckError: a check has a fault, so that no answer can be judged by it.

    Example:
        >>> grade = grade_notebook(Path("ada.ipynb").read_bytes(), load_exercise("2"))  # doctest: +SKIP
        >>> grade.points, grade.status  # doctest: +SKIP
        (25, 'graded')
    """
    limits = limits or Limits()
    forked = isolate and not cold and not why_no_fork()
    for attempt in range(3):
        try:
            check_not_stopped()
            bits = secrets.randbits(128) if seed is None else seed
            return _grade(_Run(content, exercise, bits, limits, isolate, forked), hidden)
        except SandboxError:  # the sandbox worked when grading began, so the machine may only be too busy
            if attempt == 2:
                raise
            time.sleep(1)
    raise AssertionError


def _grade(run: _Run, hidden: bool) -> Grade:
    begun = time.monotonic()
    exercise = run.exercise
    verdicts: list[Verdict] = []
    try:
        if len(run.content) > MAX_FILE:
            raise _WorkerLost(Status.UNREADABLE, f"the file is larger than {MAX_FILE // MB} MB")
        run.run_cells()
    except _WorkerLost as lost:
        _give_up(run, lost)
        if lost.status == Status.UNREADABLE:
            return Grade(lost.status, None, exercise.max_points, _since(begun), notes=[lost.message])
    else:
        verdicts = _judge_all(run, hidden)
    finally:
        if run.sandbox:
            run.sandbox.drop()
    for task in exercise.tasks[len(verdicts) :]:
        message = "This task could not be judged: see the notes above."
        verdicts.append(Verdict(task.id, "unjudged", 0, 0, "", message))
    points = sum(exercise[verdict.task].points for verdict in verdicts if verdict.status == "passed")
    status = run.troubles[0] if run.troubles else Status.GRADED
    for cell in run.cells:
        for key in ("running", "stub", "left out"):
            cell.pop(key, None)
    grade = Grade(status, points, exercise.max_points, _since(begun), verdicts, run.notes, run.cells)
    grade.greedy = any(sandbox.greedy for sandbox in run.sandboxes)
    grade.timed_out = Status.TIMEOUT in run.troubles
    return grade


def _give_up(run: _Run, lost: _WorkerLost) -> None:
    if not run.troubles:
        run.troubles.append(lost.status)
    run.note(lost.message)


def _judge_all(run: _Run, hidden: bool) -> list[Verdict]:
    """The verdicts on the tasks in order, up to the first one that is not reached: that is not the mark 0."""
    verdicts: list[Verdict] = []
    for task in run.exercise.tasks:
        try:
            run.check_time()
            if run.sandbox is None:
                run.run_again()
        except _WorkerLost as lost:
            again = "the notebook could not be run once more for the tasks that were left"
            _give_up(run, lost if run.left <= 0 else _WorkerLost(lost.status, again))
            break
        verdicts.append(_judge(run, task, hidden))
    return verdicts


def _judge(run: _Run, task: Task, hidden: bool) -> Verdict:
    """The verdict on one task. If the worker is lost meanwhile, ``run`` is left without a sandbox."""
    student = RemoteStudent(run)
    verdict = None
    try:
        replaced = run.begin_or_end("begin")
        if run.replaced is None:
            run.replaced = _named(replaced)
        verdict = run_check(task, student, run.seed, hidden=hidden)
        verdict = for_report(_told_by_its_cell(run, task, verdict), run.exercise)
        replaced += run.begin_or_end("end")
    except _WorkerLost as lost:
        run.sandbox = None  # it has ended
        run.troubles.append(lost.status)
        if verdict is None or verdict.status == "passed":
            case = student.case.partition(" | ")[0]  # behind it stand inputs, and this may be a hidden case
            message = f"The process ended while this task was being judged: {_ENDS[lost.status]}."
            return Verdict(task.id, "failed", 0, 0, case, message)
        return verdict
    if replaced:
        run.troubles.append(Status.TAMPERED)
        # What was replaced later is not named: a name, or the choice of a function, could tell a hidden input.
        words = run.replaced or "what the checks rest on, while it was being judged"
        run.note(f"the notebook replaced {words}: what was judged after that has no mark until the instructor decides")
        return Verdict(task.id, "unjudged", 0, 0, "", f"Not judged, since the notebook replaced {words}.")
    return verdict


def _named(replaced: list[str]) -> str:
    """The first name and the number of the others; empty if there is none."""
    first, *others = dict.fromkeys(replaced) or [""]
    return f"{first} and {len(others)} more" if others else first


def _told_by_its_cell(run: _Run, task: Task, verdict: Verdict) -> Verdict:
    """The verdict, with the error of the cell that should have defined what is missing."""
    if verdict.status == "todo":
        names = "|".join(map(re.escape, task.names))
        defines = rf"^[ \t]*(?:(?:async )?def|class)[ \t]+(?:{names})\b|^[ \t]*(?:{names})[ \t]*[=:,]"
        number, how, kind = _stopped_cell(run, defines, task.id)
        if not number:
            return verdict
        missing = f"{task.names[0]} was never" if len(task.names) == 1 else f"{' and '.join(task.names)} were not all"
        message = f"The cell with your answer (cell {number}) {how}, so {missing} defined."
        hint = "Restart the kernel, run all cells from the top, and mend the first one that stops."
        if kind in ("ModuleNotFoundError", "ImportError"):
            hint = "Use only what the course installs: another package is not there when the notebook is graded."
        return Verdict(task.id, "failed", 0, verdict.cases, "before the checks", message, hint, error_kind=kind)
    name = re.fullmatch(r"name '(\w+)' is not defined.*", verdict.error, re.DOTALL)
    if name and not verdict.hidden:
        number, how, _ = _stopped_cell(run, rf"\b{name[1]}\b", None)
        if number:
            return replace(verdict, message=f"{verdict.message} Cell {number}, which names {name[1]}, {how}.")
    return verdict


def _stopped_cell(run: _Run, pattern: str, task_id: str | None) -> tuple[int, str, str]:
    """The number of the last cell of a task, or whose source matches, that did not run to its end; 0 if there is none.

    With it come words on how it ended, and the class of its error.
    """
    wanted = re.compile(pattern, re.MULTILINE)
    for number, cell in reversed(list(enumerate(run.cells, 1))):
        if cell["kind"] != "code" or cell["stub"] or not cell["error"]:
            continue
        if (task_id and cell["task"] == task_id) or wanted.search(cell["source"]):
            kind, text = cell["error"][:2]
            how = f"was left out ({text})" if cell.get("left out") else f"stopped with {kind}: {text}".rstrip(": ")
            return number, how, kind
    return 0, "", ""


def _since(begun: float) -> float:
    """Seconds to half a second: an answer could tell a hidden input by the time that it takes."""
    return round(2 * (time.monotonic() - begun)) / 2
