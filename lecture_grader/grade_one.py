"""Grade one notebook: its code runs in a sandbox, and its answers are judged in this process."""

import re
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import Any

from lecture_grader.fork_client import why_no_fork
from lecture_grader.notebook_run import NotebookRun, Status, WorkerLost
from lecture_grader.remote_student import RemoteStudent
from lecture_grader.sandbox import MB, Limits, SandboxError, check_not_stopped
from lecture_grader.text import all_printable
from lecture_utils.grading.tasks import Exercise, Task
from lecture_utils.grading.verdict import Verdict, for_report, points_of, run_check, tidy

MAX_FILE = 400 * MB
MAX_NOTES = 200
# How a report says that a worker ended while a task was judged. The process may have made its own last words from the
# inputs that it has seen, so they are not repeated.
_ENDS = {
    Status.TIMEOUT: "it took too long and did not stop when asked to",
    Status.MEMORY: "it took more memory than it may",
    Status.CRASHED: "the process crashed",
    Status.FORBIDDEN: "it did what no submission may do, and was stopped",
}


@dataclass
class Grade:
    """The mark of one notebook, and what is told about it.

    Attributes:
        status: the first thing that went wrong, or ``graded``.
        points: None where there is no mark, which is not the mark 0.
        max_points: of all tasks together.
        seconds: wall time rounded to half a second, the start of the process included.
        verdicts: one for each task.
        notes: sentences for the report: what was repaired, left out or stopped.
        cells: the cells as run, for the report: ``kind``, ``source``, ``task``, ``runs``, ``stub``, ``outputs``,
            ``error`` (its class, its message, the traceback; None where there was no error).
        greedy: whether it used more than its share of the cores.
        timed_out: whether a cell, a call or the whole took too long.
    """

    status: str
    points: float | None
    max_points: float
    seconds: float
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cells: list[dict[str, Any]] = field(default_factory=list)
    greedy: bool = False
    timed_out: bool = False

    def __post_init__(self) -> None:
        # All text of a submission that is shown anywhere passes here: it is made printable and short. The checks have
        # seen the values as they are, because a right answer may hold any character.
        self.notes = all_printable(self.notes[:MAX_NOTES], 500)
        self.verdicts = [replace(verdict, **all_printable(vars(verdict), 2_000)) for verdict in self.verdicts]
        self.cells = all_printable(self.cells, 400_000)


def grade_notebook(
    content: bytes,
    exercise: Exercise,
    *,
    seed: int | None = None,
    limits: Limits | None = None,
    hidden: bool = True,
    isolate: bool = True,
    fork: bool = True,
    run: type[NotebookRun] = NotebookRun,
) -> Grade:
    """Run a notebook in a sandbox and judge its tasks.

    Args:
        content: the bytes of the notebook file.
        exercise: its tasks judge it.
        seed: of the checks' random inputs; the notebook's generators get a hash of it. The default is 128 new random
            bits, kept nowhere. Students who know or guess the number can compute every hidden input.
        limits: seconds, memory and processes; see :class:`~lecture_grader.sandbox.Limits` for the defaults.
        hidden: run all cases, or only those that the student sees too.
        isolate: False runs it without protection.
        fork: fork the worker where that is possible; False starts a new Python.
        run: the class that starts the worker, for another kind of sandbox.

    Raises:
        SandboxError: a protection is not available.
        CheckError: a check has a fault, so that no answer can be judged by it.

    Example:
        >>> grade = grade_notebook(Path("ada.ipynb").read_bytes(), load_exercise("2"))  # doctest: +SKIP
        >>> grade.points, grade.status  # doctest: +SKIP
        (25, 'graded')
    """
    limits = limits or Limits()
    fork = fork and isolate and not why_no_fork()
    for attempt in range(3):
        try:
            check_not_stopped()
            bits = secrets.randbits(128) if seed is None else seed
            return _grade(run(content, exercise, bits, limits, isolate, fork), hidden)
        except SandboxError:  # the sandbox worked when grading began, so the machine may only be too busy
            if attempt == 2:
                raise
            time.sleep(1)
    raise AssertionError


def _grade(run: NotebookRun, hidden: bool) -> Grade:
    begun = time.monotonic()
    exercise = run.exercise
    verdicts: list[Verdict] = []
    try:
        if len(run.content) > MAX_FILE:
            raise WorkerLost(Status.UNREADABLE, f"the file is larger than {MAX_FILE // MB} MB")
        run.run_cells()
    except WorkerLost as lost:
        _note_loss(run, lost)
        if lost.status == Status.UNREADABLE:
            return Grade(lost.status, None, exercise.max_points, _seconds_since(begun), notes=[lost.message])
    else:
        verdicts = _judge_all(run, hidden)
    finally:
        if run.sandbox:
            run.sandbox.drop()
    for task in exercise.tasks[len(verdicts) :]:
        message = "This task could not be judged: see the notes above."
        verdicts.append(Verdict(task.id, "unjudged", 0, 0, "", message))
    points = tidy(sum(points_of(exercise[verdict.task], verdict) or 0 for verdict in verdicts))
    status = run.troubles[0] if run.troubles else Status.GRADED
    greedy, timed_out = any(sandbox.usage.greedy for sandbox in run.sandboxes), Status.TIMEOUT in run.troubles
    seconds = _seconds_since(begun)
    return Grade(status, points, exercise.max_points, seconds, verdicts, run.notes, run.cells, greedy, timed_out)


def _note_loss(run: NotebookRun, lost: WorkerLost) -> None:
    if not run.troubles:
        run.troubles.append(lost.status)
    run.note(lost.message)


def _judge_all(run: NotebookRun, hidden: bool) -> list[Verdict]:
    """The verdicts on the tasks in order, up to the first one that cannot be judged, which is not marked 0."""
    verdicts: list[Verdict] = []
    for task in run.exercise.tasks:
        try:
            run.check_time()
            if run.sandbox is None:
                run.run_again()
        except WorkerLost as lost:
            message = "the notebook could not be run once more for the tasks that were left"
            _note_loss(run, lost if run.seconds_left <= 0 else WorkerLost(lost.status, message))
            break
        verdicts.append(_judge(run, task, hidden))
    return verdicts


def _judge(run: NotebookRun, task: Task, hidden: bool) -> Verdict:
    """The verdict on one task. If the worker is lost, ``run.sandbox`` is None afterwards."""
    student = RemoteStudent(run)
    verdict = None
    try:
        replaced = run.begin_or_end_task("begin")
        if run.replaced_at_start is None:
            run.replaced_at_start = _first_and_count(replaced)
        verdict = run_check(task, student, run.seed, hidden=hidden)
        verdict = for_report(_with_error_of_cell(run, task, verdict), run.exercise)
        replaced += run.begin_or_end_task("end")
    except WorkerLost as lost:
        run.sandbox = None  # it has ended
        run.troubles.append(lost.status)
        if verdict is None or verdict.status == "passed":
            case = student.case.partition(" | ")[0]  # inputs follow, and this may be a hidden case
            message = f"The process ended while this task was being judged: {_ENDS[lost.status]}."
            cases = task.visible + (task.hidden if hidden else 0)
            return Verdict(task.id, "failed", student.passed, cases, case, message)
        return verdict
    if replaced:
        run.troubles.append(Status.TAMPERED)
        # What was replaced later is not named: the choice of a function or its name could encode a hidden input.
        words = run.replaced_at_start or "what the checks rest on, while it was being judged"
        run.note(f"the notebook replaced {words}: what was judged after that has no mark until the instructor decides")
        return Verdict(task.id, "unjudged", 0, 0, "", f"Not judged, since the notebook replaced {words}.")
    return verdict


def _first_and_count(replaced: list[str]) -> str:
    """The first name and the number of the others; empty if there is none."""
    first, *others = dict.fromkeys(replaced) or [""]
    return f"{first} and {len(others)} more" if others else first


def _with_error_of_cell(run: NotebookRun, task: Task, verdict: Verdict) -> Verdict:
    """The verdict; where a name is missing, with the error of the cell that should have defined it."""
    if verdict.status == "todo":
        names = "|".join(map(re.escape, task.names))
        defines = rf"^[ \t]*(?:(?:async )?def|class)[ \t]+(?:{names})\b|^[ \t]*(?:{names})[ \t]*[=:,]"
        stopped = _stopped_cell(run, defines, task.id)
        if not stopped:
            return verdict
        number, how, kind = stopped
        missing = f"{task.names[0]} was never" if len(task.names) == 1 else f"{' and '.join(task.names)} were not all"
        message = f"The cell with your answer (cell {number}) {how}, so {missing} defined."
        hint = "Restart the kernel, run all cells from the top, and fix the first one that stops."
        if kind in ("ModuleNotFoundError", "ImportError"):
            hint = "Use only what the course installs: another package is not there when the notebook is graded."
        return Verdict(task.id, "failed", 0, verdict.cases, "before the checks", message, hint, error_kind=kind)
    name = re.fullmatch(r"name '(\w+)' is not defined.*", verdict.error, re.DOTALL)
    if name and not verdict.hidden and (stopped := _stopped_cell(run, rf"\b{name[1]}\b", None)):
        number, how, _ = stopped
        return replace(verdict, message=f"{verdict.message} Cell {number}, which names {name[1]}, {how}.")
    return verdict


def _stopped_cell(run: NotebookRun, pattern: str, task_id: str | None) -> tuple[int, str, str] | None:
    """The last cell that did not run to its end, of those that belong to the task or whose source matches.

    Returns:
        Its number, words on how it ended, and the class of its error; None if there is no such cell.
    """
    wanted = re.compile(pattern, re.MULTILINE)
    for index, cell in reversed(list(enumerate(run.cells))):
        if cell["kind"] != "code" or cell["stub"] or not cell["error"]:
            continue
        if (task_id and cell["task"] == task_id) or wanted.search(cell["source"]):
            kind, text = cell["error"][:2]
            how = f"stopped with {kind}: {text}".rstrip(": ")
            if index in run.left_out:
                how = f"was left out ({text})"
            return index + 1, how, kind
    return None


def _seconds_since(begun: float) -> float:
    """Seconds, rounded to half a second: an answer could reveal a hidden input by the time that it takes."""
    return round(2 * (time.monotonic() - begun)) / 2
