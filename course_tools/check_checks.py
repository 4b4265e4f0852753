"""``lecture checks``: try a file of checks on answers whose verdict is known, and on small changes of the solution."""

import contextlib
import copy
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import nbformat
import numpy as np

from course_tools.mutants import Mutant, mutants
from course_tools.notebooks import CourseError
from course_tools.release import stub
from lecture_grader import sandbox
from lecture_grader.grade_one import Grade, grade_notebook
from lecture_grader.repair import task_id_of
from lecture_utils.grading.tasks import Exercise, Task
from lecture_utils.grading.verdict import Verdict

_TITLE = re.compile(r"(right|wrong) (\d+\.\d+): *(.+?)(?: -> *(.+))?")


class Finding(NamedTuple):
    """One line of the result; ``bad`` makes the command fail, a ``note`` is something to look at."""

    level: Literal["good", "bad", "note"]
    text: str


@dataclass(frozen=True)
class Answer:
    """An answer whose verdict is known.

    Attributes:
        right: whether it should pass.
        task: the id of its task.
        name: what is special about it.
        words: what the message or the hint of a wrong one has to contain; may be empty.
        code: stands in the place of the solution's.
    """

    right: bool
    task: str
    name: str
    words: str
    code: str


def read_answers(path: Path, exercise: Exercise) -> list[Answer]:
    """Read a file of answers, each below ``# %% wrong 9.1: NAME -> words`` or ``# %% right 9.1: NAME``.

    Raises:
        CourseError: a line that begins with ``# %%`` is none of these, or names no task; the message names the line.

    >>> from course_tools.new_exercise import load_checks, new_exercise
    >>> checks, solution, answers = new_exercise(9, "My exercise", Path("mine"))
    >>> answer = read_answers(answers, load_checks(checks))[0]
    >>> answer.task, answer.name, answer.words, answer.code
    ('9.1', 'forgets the biases', 'biases are missing', 'parameters = 4 * 3')
    """
    text = path.read_text(encoding="utf-8")
    parts = re.split(r"^# %%(.*)\n", text + "\n", flags=re.MULTILINE)
    known = {task.id for task in exercise.tasks}
    answers, line = [], parts[0].count("\n") + 1
    for title, code in zip(parts[1::2], parts[2::2], strict=True):
        match = _TITLE.fullmatch(title.strip())
        if not match or match[2] not in known:
            example = f"# %% wrong {exercise.tasks[0].id}: what is wrong -> words of the hint"
            raise CourseError(f"{path.name}, line {line}: # %%{title} names no answer to a task; write {example!r}")
        answers.append(Answer(match[1] == "right", match[2], match[3], match[4] or "", code.strip()))
        line += code.count("\n") + 1
    return answers


def has_sandbox() -> bool:
    """Whether notebooks can be run in a sandbox here."""
    try:
        sandbox.require()
    except sandbox.SandboxError:
        return False
    return True


class _Fixed:
    """The check of a task with inputs that depend on nothing but ``seed``; with ``case``, of that case alone.

    Attributes:
        __code__: that of the check, by which a fault in it is located.
    """

    def __init__(self, task: Task, seed: int, case: int | None = None):
        self.task, self.seed, self.case = task, seed, case
        self.__code__ = task.check.__code__

    def __call__(self, student: Any, rng: np.random.Generator, case: int) -> None:
        case = case if self.case is None else self.case
        student.case = f"case {case + 1}"
        # As in `run_check`, so that check(..., seed=...) in a notebook and --seed in grading give the same inputs.
        rng = np.random.default_rng([self.seed, *map(int, self.task.id.split(".")), case])
        self.task.check(student, rng, case)


def _with_seed(task: Task, seed: int) -> Task:
    """The task with all cases visible, which ends them at the first failure and keeps its values in the message."""
    return replace(task, visible=task.visible + task.hidden, hidden=0, check=_Fixed(task, seed))


def _each_case(task: Task, seed: int) -> list[Task]:
    cases = range(task.visible + task.hidden)
    return [replace(task, visible=1, hidden=0, check=_Fixed(task, seed, case)) for case in cases]


class ChecksOnTrial:
    """A file of checks, its solution, and a way to judge changed copies of the solution as `lecture grade` does.

    Args:
        exercise: the checks. Tasks that a person marks are left out.
        solution: the notebook with the right answers.
        seeds: how many seeds to try, from 0 on.
        isolate: False runs the notebooks without a sandbox.
        on_step: called with a few words before each step that may take long.

    Raises:
        CourseError: the solution has no answer to a task.

    >>> trial = ChecksOnTrial(load_checks(checks), read_notebook(solution))  # doctest: +SKIP
    >>> next(trial.findings(answers)).text  # doctest: +SKIP
    '9.1 solution: passes 1 case with each of seeds 0-9'
    """

    def __init__(
        self,
        exercise: Exercise,
        solution: nbformat.NotebookNode,
        *,
        seeds: int = 10,
        isolate: bool = True,
        on_step: Callable[[str], Any] = lambda words: None,
    ):
        self.tasks = [task for task in exercise.tasks if not task.manual]
        self.exercise, self.solution, self.seeds = exercise, solution, range(seeds)
        self.isolate, self.on_step = isolate, on_step
        self.limits = sandbox.Limits(total_seconds=3600)
        self.seconds = 0.0  # that the solution takes, with all seeds
        self.failed: set[str] = set()  # tasks whose solution does not pass
        self.of_task: dict[str, list[int]] = {}
        for index, cell in enumerate(solution.cells):
            if cell.cell_type == "code" and (task_id := task_id_of(cell.source)):
                self.of_task.setdefault(task_id, []).append(index)
        if missing := [task.id for task in self.tasks if task.id not in self.of_task]:
            raise CourseError(f"no cell of the solution begins with `# Task {missing[0]}`")

    def findings(self, answers: list[Answer], *, mutate: bool = True) -> Iterator[Finding]:
        """Try the solution, the untouched stubs, the answers and the mutants, and yield what was found.

        Raises:
            CourseError: the solution has no stubs.
            CheckError: a check has a fault that no answer can cause; the message names file and line.
            SandboxError: a protection is not available.
        """
        by_hand = {answer.task for answer in answers} - {task.id for task in self.tasks}
        for task_id in sorted(by_hand):
            yield Finding("note", f"{task_id} is marked by a person: its answers are not tried")
        self.on_step("the solution")
        yield from self._solution()
        self.on_step("the untouched exercise")
        yield from self._stubs()
        workers, limits = sandbox.share_out(self.limits, 0, 1000)
        self.limits = limits
        with contextlib.ExitStack() as stack:
            stack.callback(sandbox.allow_starts)  # called when the threads have ended
            pool = stack.enter_context(ThreadPoolExecutor(workers))
            try:
                for task in self.tasks:
                    self.on_step(f"answers to task {task.id}")
                    yield from self._answers(task, [one for one in answers if one.task == task.id], pool)
                    if mutate and task.id not in self.failed:
                        self.on_step(f"small changes of the solution of task {task.id}")
                        yield from self._mutants(task, pool)
            except BaseException:
                sandbox.stop_all()
                raise

    def _judge(self, changed: dict[int, str], tasks: list[Task], limits: sandbox.Limits | None = None) -> Grade:
        """Judge the solution with other sources in some of its cells."""
        notebook = copy.deepcopy(self.solution)
        for index, source in changed.items():
            notebook.cells[index].source = source
        content = nbformat.writes(notebook).encode()
        exercise = replace(self.exercise, tasks=tuple(tasks))
        return grade_notebook(
            content, exercise, seed=0, limits=limits or self.limits, hidden=False, isolate=self.isolate
        )

    def _solution(self) -> Iterator[Finding]:
        tasks = [_with_seed(task, seed) for task in self.tasks for seed in self.seeds]
        grade = self._judge({}, tasks)
        self.seconds = grade.seconds
        for note in grade.notes:
            yield Finding("note", f"the solution: {note}")
        yield from _stopped_cells(grade, "the solution", set())
        for number, task in enumerate(self.tasks):
            verdicts = grade.verdicts[number * len(self.seeds) : (number + 1) * len(self.seeds)]
            failed = [(seed, one) for seed, one in zip(self.seeds, verdicts, strict=True) if one.status != "passed"]
            cases = task.visible + task.hidden
            if not failed:
                passed = f"passes {_count(cases, 'case')} with each of {_seeds(self.seeds)}"
                yield Finding("good", f"{task.id} solution: {passed}")
                continue
            self.failed.add(task.id)
            seed, verdict = failed[0]
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            yield Finding("bad", f"{task.id} solution: FAILS with seed {seed}{more}, {_told(verdict)}")

    def _stubs(self) -> Iterator[Finding]:
        cells = self.solution.cells
        stubs = {index: stub(cells[index].source, task) for task, found in self.of_task.items() for index in found}
        grade = self._judge(stubs, [_with_seed(task, self.seeds[0]) for task in self.tasks])
        yield from _stopped_cells(grade, "the untouched exercise", set(stubs))
        for task, verdict in zip(self.tasks, grade.verdicts, strict=True):
            if verdict.status == "passed":
                yield Finding("bad", f"{task.id} stub: PASSES, though nothing has been answered")
            elif verdict.status != "todo":
                yield Finding("note", f"{task.id} stub: counts as wrong, not as open: {_told(verdict)}")

    def _answers(self, task: Task, answers: list[Answer], pool: ThreadPoolExecutor) -> Iterator[Finding]:
        cases = _each_case(task, self.seeds[0])
        tasks = cases + [_with_seed(task, seed) for seed in self.seeds[1:]]
        first, *others = self.of_task[task.id]

        def judge(answer: Answer) -> Grade:
            code = answer.code if task_id_of(answer.code) else f"# Task {task.id}\n{answer.code}"
            return self._judge({first: code} | dict.fromkeys(others, ""), tasks)

        caught: list[set[int]] = []
        for answer, grade in zip(answers, pool.map(judge, answers), strict=True):
            in_cases, in_seeds = grade.verdicts[: len(cases)], grade.verdicts[len(cases) :]
            numbers = {number for number, one in enumerate(in_cases, 1) if one.status != "passed"}
            seeds = [seed for seed, one in zip(self.seeds[1:], in_seeds, strict=True) if one.status != "passed"]
            seeds = [self.seeds[0]] * bool(numbers) + seeds
            bad = [one for one in grade.verdicts if one.status != "passed"]
            yield self._on_answer(task, answer, numbers, seeds, bad)
            if not answer.right and any(one.status != "todo" for one in bad):
                caught.append(numbers)
        if not caught:
            yield Finding("note", f"{task.id} has no wrong answers to be tried on")
        elif len(cases) > 1:
            yield from _weak_cases(task, len(cases), caught)

    def _on_answer(
        self, task: Task, answer: Answer, numbers: set[int], seeds: list[int], failed: list[Verdict]
    ) -> Finding:
        """What to say of an answer that failed in these cases with the first seed, and with these seeds at all."""
        name = f"{task.id} {'right' if answer.right else 'wrong'}: {answer.name}"
        if failed and all(one.status == "todo" for one in failed):
            return Finding("bad", f"{name}: IS NO ANSWER: {failed[0].message}")
        if answer.right:
            if failed:
                return Finding("bad", f"{name}: FAILS with {_seeds(seeds)}, {_told(failed[0])}")
            return Finding("good", f"{name}: passes")
        if missed := [seed for seed in self.seeds if seed not in seeds]:
            how = f"with {_seeds(missed)}" if seeds else "with any seed"
            return Finding("bad", f"{name}: NOT CAUGHT {how}")
        for verdict in failed:
            if verdict.stopped:
                words = f"caught, but the check itself stopped at {verdict.stopped}: {verdict.error}"
                return Finding("note", f"{name}: {words}")
            told = f"{verdict.message} {verdict.error} {verdict.hint}"
            if answer.words not in told:
                return Finding("bad", f"{name}: caught, but is NOT TOLD {answer.words!r}: {_told(verdict)}")
        alone = " alone" if len(numbers) == 1 and task.visible + task.hidden > 1 else ""
        hidden = " (hidden)" if min(numbers) > task.visible else ""
        return Finding("good", f"{name}: caught by {_cases(numbers)}{alone}{hidden}")

    def _mutants(self, task: Task, pool: ThreadPoolExecutor) -> Iterator[Finding]:
        found: list[tuple[int, Mutant]] = []
        for index in self.of_task[task.id]:
            with contextlib.suppress(SyntaxError):  # commands of IPython, such as %time
                found += [(index, mutant) for mutant in mutants(self.solution.cells[index].source)]
        # A changed loop may never end; what is right may take long, too.
        limits = replace(self.limits, cell_seconds=max(10.0, self.seconds), total_seconds=120.0 + self.seconds)

        def survives(one: tuple[int, Mutant]) -> bool:
            # Most are caught with the first seed, so the others are tried on the rest only.
            for seeds in (self.seeds[:1], self.seeds[1:]):
                tasks = [_with_seed(task, seed) for seed in seeds]
                grade = self._judge({one[0]: f"# Task {task.id}\n{one[1].source}"}, tasks, limits)
                if any(verdict.status != "passed" for verdict in grade.verdicts):
                    return False
            return True

        alive = [one for one, lives in zip(found, pool.map(survives, found), strict=True) if lives]
        if not found:
            return
        if not alive:
            yield Finding("good", f"{task.id} {_count(len(found), 'small change')} of the solution: each is caught")
            return
        words = f"{len(alive)} of {_count(len(found), 'small change')} of the solution pass: are they right, too?"
        lines = [f"cell {index + 1}, line {mutant.line}: {mutant.difference}" for index, mutant in alive]
        yield Finding("note", "\n".join([f"{task.id} {words}", *lines]))


def _stopped_cells(grade: Grade, whose: str, but: set[int]) -> Iterator[Finding]:
    """Name the cells that ended with an error, except some."""
    for index, cell in enumerate(grade.cells):
        if cell["kind"] == "code" and cell["error"] and index not in but:
            kind, text, _ = cell["error"]
            yield Finding("note", f"{whose}: cell {index + 1} stops with {kind}: {text}".rstrip(": "))


def _weak_cases(task: Task, cases: int, caught: list[set[int]]) -> Iterator[Finding]:
    """Name the cases that are of little use, as far as the wrong answers show it."""
    every = set(range(1, cases + 1))
    useless = every.difference(*caught)
    alone = {number for numbers in caught if len(numbers) == 1 for number in numbers}
    if useless:
        yield Finding("note", f"{task.id} {_cases(useless)} caught none of the wrong answers")
    # Where no case is alone, each wrong answer is caught by several: usual for random inputs of one kind.
    if alone and (weak := every - useless - alone):
        yield Finding("note", f"{task.id} {_cases(weak)} never caught a wrong answer alone")


def _told(verdict: Verdict) -> str:
    """What the verdict says, in one line."""
    if verdict.stopped:
        return f"{verdict.case}: the check itself stopped at {verdict.stopped}: {verdict.error}"
    parts = [verdict.message, verdict.error]
    parts += [f"expected {verdict.expected}, got {verdict.got}"] if verdict.expected or verdict.got else []
    return f"{verdict.case or 'before the cases'}: {' '.join(part for part in parts if part)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {_ranges(seeds)}"


def _cases(numbers: set[int]) -> str:
    return f"case{'s' * (len(numbers) > 1)} {_ranges(sorted(numbers))}"


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers in rising order, as text: ``1-3, 5``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)
