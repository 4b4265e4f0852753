"""Grade one notebook of a stranger: its code runs in a sandbox, the mark is made here.

What a worker sends is plain data, bounded; nothing of it is ever unpickled, imported or evaluated.
"""

import contextlib
import copy
import itertools
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import lecture_utils
from lecture_grader.fork_client import fork_worker, why_no_fork
from lecture_grader.protocol import Channel, ProtocolError, Timeout
from lecture_grader.sandbox import MAX_PROCESSES, MB, Limits, Sandbox, SandboxError, check_not_stopped
from lecture_utils.grading.errors import NotAttempted, StudentError
from lecture_utils.grading.student import Student
from lecture_utils.grading.tasks import Exercise, checks_folder
from lecture_utils.grading.values import Handle
from lecture_utils.grading.verdict import Verdict, run_check

MAX_FILE = 400 * MB
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
    UNREADABLE = "unreadable"


@dataclass
class Grade:
    """What became of one submission; a function of its bytes, the checks, the seed and the limits.

    Attributes:
        status: the first thing that went wrong, or ``graded``.
        points: None where there is no mark, which is not the mark 0.
        max_points: of all tasks together.
        seconds: wall time, the start of the process included.
        verdicts: one for each task.
        notes: sentences for the report: what was repaired, left out or stopped.
        cells: the cells as run, for the report: ``kind``, ``source``, ``task``, ``runs``, ``outputs``, ``error``.
    """

    status: str
    points: int | None
    max_points: int
    seconds: float
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cells: list[dict[str, Any]] = field(default_factory=list)


class _WorkerLost(Exception):
    """The worker has ended or was ended, so it will not answer any more."""

    def __init__(self, status: Status, message: str):
        super().__init__(message)
        self.status = status
        self.message = message


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
        # Seconds that are left for the worker's answers. Its start, and what a check computes here, do not count.
        self.left = limits.total_seconds
        self.cells: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.troubles: list[Status] = []
        self.sandbox: Sandbox | None = None

    def note(self, sentence: str) -> None:
        """Add a sentence to the report, once: cells may be run several times."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    # -- the process

    def start(self) -> None:
        """Start a worker and let it read the notebook.

        Raises:
            SandboxError: it did not start.
            _WorkerLost: the notebook cannot be read.
        """
        self.sandbox = Sandbox(
            [sys.executable, "-I", "-c", _WORKER],
            self.limits,
            folders=PACKAGES,
            hidden=(checks_folder(),),
            isolate=self.isolate,
            fork=fork_worker if self.forked else None,
        )
        self.channel = Channel(self.sandbox.socket)
        threading.Thread(target=self._watch, args=(self.sandbox,), daemon=True).start()
        try:
            self.channel.receive(120)  # nothing of the student's has run before this message
        except ProtocolError as error:
            lines = self.sandbox.stderr_tail().strip().splitlines()
            self.sandbox.end()
            raise SandboxError(lines[-1] if lines else f"the worker did not start ({error})") from error
        names = {task.id: task.names for task in self.exercise.tasks}
        try:
            self.channel.send_bytes({"names": names}, self.content, 60)
            plan, _ = self.channel.receive(60 + self.limits.cell_seconds)
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
            for sentence in plan.get("notes", [])[:100]:
                self.note(str(sentence)[:300])
        self.ask({"do": "setup", "code": self.exercise.setup, "seed": self.seed})

    def _watch(self, sandbox: Sandbox) -> None:
        """End a process that takes more memory or starts more processes than it may."""
        while True:
            time.sleep(0.1)
            if sandbox.process.poll() is not None:
                return
            memory, processes = sandbox.usage()
            if processes > MAX_PROCESSES:
                sandbox.stopped = f"it ran more than {MAX_PROCESSES} processes at once"
            elif memory > self.limits.memory_mb * MB:
                sandbox.stopped = f"it took more than {self.limits.memory_mb} MB of memory"
            if sandbox.stopped:
                return sandbox.kill()

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
        begun = time.monotonic()
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
        finally:
            self.left -= time.monotonic() - begun
        return reply, data, interrupted

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
            raise SandboxError("the fork server ended")  # no fault of this submission
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
                culprit["outputs"] = []
                culprit["error"] = ["", lost.message, lost.message]
                self.troubles.append(lost.status)
                self.note(f"cell {self.cells.index(culprit) + 1} was left out: {lost.message}")
                if self.left <= 0:
                    raise

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
            if "unchanged" in reply:
                continue
            cell["outputs"] = _checked_outputs(reply.get("outputs"))
            error = reply.get("error")
            cell["error"] = [str(part)[:4000] for part in error[:3]] if isinstance(error, list) else None
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
            kind, words, where = (str(part)[:300] for part in [*reply["error"], "", "", ""][:3])
            raise StudentError(kind[:60], words, where)
        return data

    def value(self, name: str) -> Any:
        return self._ask({"do": "value", "name": name})

    def put(self, value: Any) -> Handle:
        handle = Handle(next(self._numbers), type(value).__name__)
        self._puts.append((handle, copy.deepcopy(value)))
        return handle

    def _call(self, function: Any, args: tuple, kwargs: dict, keep: bool, back: bool) -> tuple[Any, list]:
        numbers = [handle.number for handle, _ in self._puts]
        values = [value for _, value in self._puts]
        self._puts = []
        answer = self._ask({"do": "call", "puts": numbers}, [values, function, list(args), kwargs, keep, back])
        if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], list):
            raise StudentError("TypeError", "no answer of the kind that was asked for")
        return answer


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
    seed: int,
    limits: Limits | None = None,
    hidden: bool = True,
    isolate: bool = True,
    cold: bool = False,
) -> Grade:
    """Run a notebook in a sandbox and judge its tasks.

    Args:
        content: the bytes of the notebook file.
        exercise: its tasks judge it.
        seed: of the checks' random inputs, and of the random numbers in the notebook.
        limits: seconds, memory and processes; see :class:`~lecture_grader.sandbox.Limits` for the defaults.
        hidden: run all cases, or only those that the student sees too.
        isolate: False runs it without protection.
        cold: start a new Python, even where a worker could be forked.

    Raises:
        SandboxError: a protection cannot be had.

    Example:
        >>> grade = grade_notebook(Path("ada.ipynb").read_bytes(), load_exercise("2"), seed=0)  # doctest: +SKIP
        >>> grade.points, grade.status  # doctest: +SKIP
        (25, 'graded')
    """
    limits = limits or Limits()
    forked = isolate and not cold and not why_no_fork()
    for attempt in range(3):
        try:
            check_not_stopped()
            return _grade(_Run(content, exercise, seed, limits, isolate, forked), hidden)
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
        for task in exercise.tasks:
            run.check_time()  # a task that was not reached is not judged, which is not the mark 0
            verdicts.append(_judge(run, task, hidden))
            if len(verdicts) < len(exercise.tasks) and run.sandbox is None:
                run.run_cells()
    except _WorkerLost as lost:
        if lost.status == Status.UNREADABLE:
            return Grade(lost.status, None, exercise.max_points, _since(begun), notes=[lost.message])
        if not run.troubles:
            run.troubles.append(lost.status)
        run.note(lost.message)
    finally:
        if run.sandbox:
            run.sandbox.drop()
    for task in exercise.tasks[len(verdicts) :]:
        message = "This task could not be judged: see the notes above."
        verdicts.append(Verdict(task.id, "unjudged", 0, 0, "", message))
    points = sum(exercise[verdict.task].points for verdict in verdicts if verdict.status == "passed")
    status = run.troubles[0] if run.troubles else Status.GRADED
    for cell in run.cells:
        cell.pop("running", None)
    return Grade(status, points, exercise.max_points, _since(begun), verdicts, run.notes, run.cells)


def _judge(run: _Run, task: Any, hidden: bool) -> Verdict:
    """The verdict on one task. If the worker is lost meanwhile, ``run`` is left without a sandbox."""
    student = RemoteStudent(run)
    try:
        run.ask({"do": "begin"})
        verdict = run_check(task, student, run.seed, hidden=hidden)
        run.ask({"do": "end"})
    except _WorkerLost as lost:
        run.sandbox = None  # it has ended
        run.troubles.append(lost.status)
        message = f"The process ended while this task was being judged: {lost.message}."
        case = student.case.partition(" | ")[0]  # behind it stand inputs, and this may be a hidden case
        return Verdict(task.id, "failed", 0, 0, case, message)
    return verdict


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 2)
