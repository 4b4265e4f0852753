"""Grade notebooks of strangers: the code runs in a sandbox, the marks are made here.

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
from pathlib import Path
from typing import Any

import lecture_utils
from lecture_grader import fork_server_workers as warm
from lecture_grader.protocol import Channel, ProtocolError, Timeout
from lecture_grader.sandbox import (
    MAX_PROCESSES,
    MB,
    Limits,
    Sandbox,
    SandboxError,
    check_not_stopped,
)
from lecture_utils.grading.errors import NotAttempted, StudentError
from lecture_utils.grading.student import Student
from lecture_utils.grading.tasks import Exercise, checks_folder
from lecture_utils.grading.values import Code, Handle
from lecture_utils.grading.verdict import Verdict, run_check

STATUSES = ("graded", "timeout", "memory", "crashed", "unreadable", "forbidden")
MAX_FILE = 400 * MB
GRACE = 3.0  # seconds to come back after an interrupt
# The packages that a worker imports, and so the folders that it has to see.
PACKAGES = (Path(lecture_utils.__file__).resolve().parent, Path(__file__).resolve().parent)
_PATHS = [str(folder.parent) for folder in PACKAGES]
_WORKER = f"import sys; sys.path[:0] = {_PATHS!r}; from lecture_grader.worker import main; main()"


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

    def __init__(
        self,
        content: bytes,
        exercise: Exercise,
        seed: int,
        limits: Limits,
        isolate: bool,
        parent: warm.Parent | None,
    ):
        self.content, self.exercise, self.seed, self.limits, self.isolate = content, exercise, seed, limits, isolate
        self.parent = parent
        self.left = limits.total_seconds  # of the student's own time: no queue, no start, no check counts
        self.cells: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.troubles: list[str] = []
        self.sandbox: Sandbox | None = None

    # -- the process

    def start(self) -> None:
        self.sandbox = Sandbox(
            [sys.executable, "-I", "-c", _WORKER],
            self.limits,
            folders=PACKAGES,
            hidden=(checks_folder(),),
            isolate=self.isolate,
            parent=self.parent,
        )
        self.channel = Channel(self.sandbox.socket)
        threading.Thread(target=self._watch, args=(self.sandbox,), daemon=True).start()
        try:
            self.channel.receive(120)  # the worker is there; nothing of the student has run
        except ProtocolError as error:
            said = self.sandbox.stderr_tail().strip().splitlines()
            self.sandbox.end()
            raise SandboxError(said[-1] if said else f"the worker did not start ({error})") from error
        try:
            self.channel.send_bytes(self.content, 60)
            plan, _ = self.channel.receive(60 + self.limits.cell_seconds)
        except ProtocolError as error:
            stopped = self.sandbox.stopped
            self.sandbox.end()
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
        """Reply, plain data, and whether it had to be interrupted.

        Raises:
            _Died: there is no reply and there will be none.
        """
        if self.left <= 0:
            self.end()
            raise _Died("timeout", f"the submission took longer than {self.limits.total_seconds:g} s in all")
        seconds, late, begun = min(self.limits.cell_seconds, self.left), False, time.monotonic()
        try:
            self.channel.send(message, value, seconds=seconds)
            try:
                reply, data = self.channel.receive(seconds)
            except Timeout:
                late = True
                assert self.sandbox
                self.sandbox.interrupt()
                reply, data = self.channel.receive(GRACE)
        except Timeout:
            self.end()
            raise _Died("timeout", f"it took longer than {seconds:.0f} s and did not stop when asked to") from None
        except ProtocolError as error:
            raise self._cause(error) from None
        finally:
            self.left -= time.monotonic() - begun
        return reply, data, late

    def _cause(self, error: ProtocolError) -> _Died:
        """Why there is no answer: from the process's end, which it cannot make up."""
        assert self.sandbox
        with contextlib.suppress(Exception):
            self.sandbox.process.wait(1)
        alive = self.sandbox.process.poll() is None
        stopped, status = self.sandbox.stopped, self.end()
        if self.parent and not self.parent.alive:
            raise SandboxError("the warm process ended")  # no fault of this submission
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
                if self.left <= 0:
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
        self._puts: list[tuple[Handle, Any]] = []  # they travel with the next call: a message costs more than most
        self._numbers = itertools.count(-2, -1)  # the worker numbers what it keeps from 0 on

    def _asked(self, message: dict, value: Any = None) -> Any:
        reply, data, late = self._run.ask(message, value)
        if late:
            self._run.troubles.append("timeout")
            raise StudentError("TimeoutError", f"longer than {self._run.limits.cell_seconds:g} s")
        if "todo" in reply:  # its own words could be anything
            name = message.get("name") or (value and value[1])
            raise NotAttempted(f"{name if isinstance(name, str) else 'A part of it'} is not there, or still the stub.")
        if "error" in reply:
            kind, words, where = (str(part)[:300] for part in [*reply["error"], "", "", ""][:3])
            raise StudentError(kind[:60], words, where)
        return data

    def value(self, name: str) -> Any:
        return self._asked({"do": "value", "name": name})

    def put(self, value: Any) -> Handle:
        if isinstance(value, Code):
            return super().put(value)
        handle = Handle(next(self._numbers), type(value).__name__)
        self._puts.append((handle, copy.deepcopy(value)))
        return handle

    def _call(self, function: Any, args: tuple, kwargs: dict, keep: bool, back: bool) -> tuple[Any, list]:
        puts, self._puts = self._puts, []
        numbers, values = [handle.number for handle, _ in puts], [value for _, value in puts]
        answer = self._asked({"do": "call", "puts": numbers}, [values, function, list(args), kwargs, keep, back])
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
    hidden: bool = True,
    isolate: bool = True,
    cold: bool = False,
) -> Grade:
    """Run a notebook in a sandbox and judge its tasks.

    Args:
        content: the notebook file.
        seed: of the checks' random inputs, and of the random numbers in the notebook.
        hidden: all cases, or only those that the student sees too.
        isolate: False runs it without protection.
        cold: start a new Python, even where one could be forked from a warm process.

    Raises:
        SandboxError: a protection cannot be had.
    """
    limits = limits or Limits()
    forked = not cold and not warm.why_not(isolate)
    for attempt in range(3):
        try:
            check_not_stopped()
            with warm.parent_of(limits.threads) if forked else contextlib.nullcontext() as parent:
                return _grade(_Run(content, exercise, seed, limits, isolate, parent), hidden)
        except SandboxError:  # it was tried before grading began: perhaps a machine too busy
            if attempt == 2:
                raise
            time.sleep(1)
    raise AssertionError


def _grade(run: _Run, hidden: bool) -> Grade:
    begun, exercise, content = time.monotonic(), run.exercise, run.content
    verdicts: list[Verdict] = []
    try:
        if len(content) > MAX_FILE:
            raise _Died("unreadable", f"the file is larger than {MAX_FILE // MB} MB")
        run.run_cells()
        for number, one in enumerate(exercise.tasks):
            student = RemoteStudent(run)
            try:
                run.ask({"do": "begin"})
                verdicts.append(run_check(one, student, run.seed, hidden=hidden))
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
        if run.sandbox:
            run.sandbox.drop()
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
