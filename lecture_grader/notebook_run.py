"""One notebook in its sandbox, as the grader sees it: start the worker, run the cells, start again after a crash.

What the worker sends is plain data of limited size. None of it is unpickled, imported or evaluated.
"""

import contextlib
import hashlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

import lecture_utils
from lecture_grader.fork_client import fork_worker
from lecture_grader.protocol import Channel, ProtocolError, Timeout
from lecture_grader.sandbox import Limits, Sandbox, SandboxError
from lecture_grader.tampering import names_of_the_inside
from lecture_utils.grading.errors import GraderError
from lecture_utils.grading.tasks import Exercise, checks_folder

MAX_RESTARTS = 3  # of the worker, for one notebook
START_SECONDS = 120  # until a new worker is ready
GRACE_SECONDS = 3.0  # in which an interrupted worker must answer
# The packages that a worker imports, and so the folders that it must be able to read.
PACKAGES = (Path(lecture_utils.__file__).resolve().parent, Path(__file__).resolve().parent)
_PATHS = list(dict.fromkeys(str(folder.parent) for folder in PACKAGES))
_WORKER = f"import sys; sys.path[:0] = {_PATHS!r}; from lecture_grader.worker import main; main()"


class Status(StrEnum):
    """How the grading of a notebook ended; docs/instructors.md explains each status."""

    GRADED = "graded"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASHED = "crashed"
    FORBIDDEN = "forbidden"
    TAMPERED = "tampered"
    UNREADABLE = "unreadable"


@dataclass(eq=False)
class WorkerLost(GraderError):
    """The worker has ended or was ended, so it will not answer any more."""

    status: Status
    message: str


class ForkServerLost(SandboxError, GraderError):
    """The fork server ended, and the worker with it: no fault of the notebook's."""


@dataclass
class NotebookRun:
    """A notebook in its sandbox. A cell that ends the worker is left out, and a new worker runs the other cells.

    Attributes:
        content: the bytes of the notebook file.
        exercise: its setup code runs before the cells, and the names of its tasks help to repair the notebook.
        seed: of the checks.
        limits: what the notebook may use.
        isolate: False runs it without protection.
        fork: fork the worker from the fork server; False starts a new Python.
        cells: see :class:`~lecture_grader.grade_one.Grade`.
        notes: sentences for the report.
        troubles: each status other than ``graded`` that occurred, in order.
        left_out: the indices of cells that ended a worker.
        replaced_at_start: what the notebook had replaced when this worker began with its first task; None before that.
        sandbox: the present one, if its worker has not ended.
        sandboxes: this one, and those before it.
        sandbox_kind: the class of them.
    """

    content: bytes
    exercise: Exercise
    seed: int
    limits: Limits
    isolate: bool
    fork: bool
    cells: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    troubles: list[Status] = field(default_factory=list)
    left_out: set[int] = field(default_factory=set)
    replaced_at_start: str | None = None
    sandbox: Sandbox | None = None
    sandboxes: list[Sandbox] = field(default_factory=list)
    _running: int | None = None  # the index of the cell that the worker is running
    _completed: list[tuple[int, bool]] = field(default_factory=list)  # cells, in the order run, and whether repeated
    sandbox_kind: ClassVar[type[Sandbox]] = Sandbox

    def __post_init__(self) -> None:
        # The notebook's time runs while the worker reads, runs or answers, and while a lost worker is replaced. It does
        # not run while the first worker starts, nor while a check computes in this process.
        self.seconds_left = self.limits.total_seconds

    def note(self, sentence: str) -> None:
        """Add a sentence to the report, unless it is there: cells may be run several times."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    # -- the process

    @contextlib.contextmanager
    def _on_its_time(self) -> Iterator[None]:
        """Subtract the time of this block from what the notebook has left."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.seconds_left -= time.monotonic() - begun

    def start(self) -> None:
        """Start a worker and let it read the notebook.

        Raises:
            SandboxError: it did not start.
            WorkerLost: the notebook cannot be read, its time is over, or it has ended too many workers.
        """
        self.check_time()
        starts = len(self.sandboxes)
        if starts > MAX_RESTARTS:
            raise WorkerLost(Status.CRASHED, f"the process ended {starts} times, and is not started again")
        self.replaced_at_start = None
        with self._on_its_time() if starts else contextlib.nullcontext():
            self._start_process()
        with self._on_its_time():
            self._send_cells()
        # A notebook can read the seed of its own generators. So they get a hash of the checks' seed, from which that
        # seed cannot be computed.
        digest = hashlib.sha256(f"the notebook's generators {self.seed}".encode()).digest()
        self.ask({"do": "setup", "code": self.exercise.setup, "seed": int.from_bytes(digest[:4], "big")})

    def _start_process(self) -> None:
        self.sandbox = self.sandbox_kind(
            [sys.executable, "-I", "-c", _WORKER],
            self.limits,
            folders=PACKAGES,
            hidden=(checks_folder(),),
            isolate=self.isolate,
            fork=fork_worker if self.fork else None,
        )
        self.sandboxes.append(self.sandbox)
        self.channel = Channel(self.sandbox.socket)
        threading.Thread(target=self.sandbox.watch, daemon=True).start()
        try:
            self.channel.receive(START_SECONDS)  # nothing of the notebook has run before this message
        except ProtocolError as error:
            reason = self.sandbox.stderr_tail().strip().rpartition("\n")[2]
            self.sandbox.end()
            raise SandboxError(reason or f"the worker did not start ({error})") from error

    def _send_cells(self) -> None:
        """Let the worker read the notebook. A later worker gets the cells as the first one read them."""
        assert self.sandbox
        names = {task.id: task.names for task in self.exercise.tasks}
        content = json.dumps([cell["source"] for cell in self.cells]).encode() if self.cells else self.content
        seconds = max(self.seconds_left, 0.1)
        try:
            self.channel.send_bytes({"names": names, "sources": bool(self.cells)}, content, seconds)
            plan, _ = self.channel.receive(seconds)
        except ProtocolError as error:
            stopped = self.sandbox.stopped
            self.sandbox.end()
            if self.cells:  # an earlier worker could read it
                message = f"the process could not be started again ({stopped or error})"
                raise WorkerLost(Status.CRASHED, message) from None
            message = stopped or f"the file could not be read ({error})"
            raise WorkerLost(Status.UNREADABLE, message) from None
        if "unreadable" in plan:
            self.sandbox.end()
            raise WorkerLost(Status.UNREADABLE, str(plan["unreadable"])[:300])
        if not self.cells:
            self.cells = _checked_cells(plan.get("cells"))
            notes = plan.get("notes")
            for sentence in notes[:100] if isinstance(notes, list) else []:
                self.note(str(sentence)[:300])
            self._note_the_inside()

    def _note_the_inside(self) -> None:
        """Note cells that name parts of the grader: a hint for the instructor, which takes no points."""
        for number, cell in enumerate(self.cells, 1):
            if cell["kind"] == "code" and (names := names_of_the_inside(cell["source"])):
                self.note(f"cell {number} names {', '.join(names[:5])}, which no task needs: have a look")

    def ask(self, message: dict, value: Any = None) -> tuple[dict, Any, bool]:
        """Send a request and wait for its reply.

        Returns:
            The reply, the plain data beside it, and whether the worker had to be interrupted.

        Raises:
            WorkerLost: the worker has ended, or does not answer.
        """
        self.check_time()
        seconds = min(self.limits.cell_seconds, self.seconds_left)
        interrupted = False
        with self._on_its_time():
            try:
                self.channel.send(message, value, seconds=seconds)
                try:
                    reply, data = self.channel.receive(seconds)
                except Timeout:
                    interrupted = True
                    assert self.sandbox
                    self.sandbox.interrupt()
                    reply, data = self.channel.receive(GRACE_SECONDS)
            except Timeout:
                self.end()
                words = f"it took longer than {seconds:.0f} s and did not stop when asked to"
                raise WorkerLost(Status.TIMEOUT, words) from None
            except ProtocolError as error:
                raise self._why_lost(error) from None
        return reply, data, interrupted

    def begin_or_end_task(self, do: str) -> list[str]:
        """Have the worker save the notebook's state before a task is judged (``begin``), or restore it (``end``).

        Returns:
            The names of what the notebook has replaced by then.

        Raises:
            WorkerLost: the worker could not, so the next task would be judged in a state that is not the notebook's.
        """
        reply, _, interrupted = self.ask({"do": do})
        replaced = reply.get("replaced")
        if interrupted or "error" in reply or not isinstance(replaced, list):
            self.end()
            raise WorkerLost(Status.CRASHED, "the notebook's state could not be kept for the next task")
        return [str(name)[:100] for name in replaced[:20]]

    def check_time(self) -> None:
        """End the worker if the notebook's time is over.

        Raises:
            WorkerLost: it is over.
        """
        if self.seconds_left <= 0:
            self.end()
            words = f"the submission took longer than {self.limits.total_seconds:g} s in all"
            raise WorkerLost(Status.TIMEOUT, words)

    def _why_lost(self, error: ProtocolError) -> WorkerLost:
        """Why the worker does not answer: from how its process ended, since what it sent may be a lie."""
        assert self.sandbox
        with contextlib.suppress(Exception):
            self.sandbox.process.wait(1)
        alive = self.sandbox.process.poll() is None
        stopped = self.sandbox.stopped
        code = self.end()
        if getattr(self.sandbox.process, "lost", False):
            raise ForkServerLost("the fork server ended")
        if "memory" in stopped:
            return WorkerLost(Status.MEMORY, stopped)
        if stopped or code == -signal.SIGSYS:
            refused = "it made a system call that no submission needs, and was stopped"
            return WorkerLost(Status.FORBIDDEN, stopped or refused)
        if alive:
            return WorkerLost(Status.FORBIDDEN, f"it disturbed the grader's connection ({error})")
        if code == -signal.SIGXCPU:
            return WorkerLost(Status.TIMEOUT, "it used more processor time than it may")
        name = signal.Signals(-code).name if -code in signal.valid_signals() else f"exit status {code}"
        return WorkerLost(Status.CRASHED, f"the process ended ({name})")

    def end(self) -> int:
        """End the worker; its exit status."""
        return self.sandbox.end() if self.sandbox else 0

    # -- the cells

    def run_cells(self) -> None:
        """Run every cell once, in order; then run those again that used a name defined further down.

        Raises:
            WorkerLost: no worker is left, and a new one would not help.
        """
        while True:
            try:
                self.start()
                self._completed = []
                self._run_each(lambda cell: cell["runs"])
                for _ in range(2):
                    if not self._run_each(lambda cell: cell["runs"] and _is_name_error(cell)):
                        break
                return
            except WorkerLost as lost:
                number, self._running = self._running, None
                if lost.status == Status.UNREADABLE or number is None:
                    raise
                self._leave_out(number, lost)
                if self.seconds_left <= 0:
                    raise

    def _leave_out(self, number: int, lost: WorkerLost) -> None:
        """Leave a cell that ended the worker out of the next run."""
        self.sandbox = None  # it has ended
        self.left_out.add(number)
        self.cells[number] |= {"runs": False, "outputs": [], "error": ["", lost.message, lost.message]}
        self.troubles.append(lost.status)
        self.note(f"cell {number + 1} was left out: {lost.message}")

    def run_again(self) -> None:
        """Run the cells once more in a new worker, for the tasks that are left.

        No output is kept: the checks have begun, so what the cells show now could reveal hidden inputs.

        Raises:
            WorkerLost: this run does not reach the end.
        """
        self.start()
        for number, again in self._completed:
            self.ask({"do": "run", "cell": number, "again": again})

    def _run_each(self, wanted: Callable[[dict], bool]) -> int:
        """Run the wanted code cells in order; how many of them had failed before and succeeded now."""
        repaired = 0
        for number, cell in enumerate(self.cells):
            if cell["kind"] != "code" or not cell["source"].strip() or not wanted(cell):
                continue
            failed_before = cell["error"] is not None
            self._running = number
            reply, _, interrupted = self.ask({"do": "run", "cell": number, "again": failed_before})
            self._running = None
            self._completed.append((number, failed_before))
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


def _checked_cells(cells: Any) -> list[dict[str, Any]]:
    """The cells that the worker sent, as :attr:`Grade.cells` describes them, with nothing but the expected types."""
    return [
        {
            "kind": str(cell.get("kind")),
            "source": str(cell.get("source"))[:200_000],
            "task": cell["task"] if isinstance(cell.get("task"), str) else None,
            "runs": cell.get("runs") is True,
            "stub": cell.get("stub") is True,
            "outputs": [],
            "error": None,
        }
        for cell in (cells if isinstance(cells, list) else [])
        if isinstance(cell, dict)
    ]


def _checked_outputs(outputs: Any) -> list[dict[str, str]]:
    kept = []
    for output in outputs[:200] if isinstance(outputs, list) else []:
        if isinstance(output, dict) and isinstance(output.get("text"), str):
            limit = 400_000 if output.get("kind") == "png" else 25_000
            if len(output["text"]) <= limit:
                kept.append({"kind": str(output.get("kind"))[:20], "text": output["text"]})
    return kept


def _is_name_error(cell: dict) -> bool:
    return bool(cell["error"]) and cell["error"][0] == "NameError"


def _trouble_of(error: list[str]) -> list[Status]:
    """The status that a cell's error stands for, if it is more than a mistake in the code."""
    kind, message = error[0], error[1]
    if kind == "MemoryError" or "allocate memory" in message:
        return [Status.MEMORY]
    if kind == "PermissionError" or "Read-only file system" in message or "Network is unreachable" in message:
        return [Status.FORBIDDEN]
    return []
