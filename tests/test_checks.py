"""The checks themselves, tried on answers: right ones pass, wrong ones fail with the right words.

`answers/task_N_M.py` holds right and wrong answers to a task, one after `# %% right: NAME` or
`# %% wrong: NAME -> words of the message or hint`, and half done ones below `# %% open: NAME -> words`.
The solution's mutants are tried as well.
"""

import contextlib
import io
import re
import signal
import sys
import tomllib
import types
from dataclasses import dataclass
from functools import cache

import nbformat
import pytest
import torch
from conftest import ROOT
from replies import SentStudent

from course_tools.mutants import mutants
from course_tools.release import stub, task_id_of
from lecture_grader.tampering import watch
from lecture_utils.grading.state import restore_state
from lecture_utils.grading.tasks import checks_folder, load_exercise
from lecture_utils.grading.verdict import Verdict, for_report, run_check

ANSWERS = ROOT / "tests" / "answers"
SURVIVORS = {
    task_id: reasons
    for path in sorted(ANSWERS.glob("survivors_*.toml"))
    for task_id, reasons in tomllib.loads(path.read_text(encoding="utf-8")).items()
}
EXERCISES = [
    load_exercise(path.stem.removeprefix("exercise_")) for path in sorted(checks_folder().glob("exercise_*.py"))
]
TASKS = {one.id: (exercise, one) for exercise in EXERCISES for one in exercise.tasks}
every_task = pytest.mark.parametrize("task_id", TASKS)
# Of the task whose check trains networks for seconds, make banks tries more than the solution and wrong answers.
LONG = "4.8"
most_tasks = pytest.mark.parametrize(
    "task_id", [pytest.param(task_id, marks=[pytest.mark.bank] * (task_id == LONG)) for task_id in TASKS]
)
DEVICES = ["cpu"] + ["cuda"] * torch.cuda.is_available()


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Small operations only wait for each other's threads, the more so on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def seeds(request, task_id):
    """The seeds to try an answer with: one, or what ``--seeds`` says where no case trains a network.

    `make banks` tries every answer once more in the sandbox, with another seed.
    """
    return range(1 if task_id in ("2.7", "4.8", "6.8") else request.config.option.seeds)


def answers(task_id, kind):
    """Blocks of a kind: (name, words of the message or None, code)."""
    text = (ANSWERS / f"task_{task_id.replace('.', '_')}.py").read_text(encoding="utf-8")
    parts = re.split(r"^# %% (right|wrong|open): (.*)$", text, flags=re.MULTILINE)
    blocks = zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    return [(*[*title.split(" -> "), None][:2], code) for sort, title, code in blocks if sort == kind]


@cache
def solutions():
    """The solution's code of each task, with its markers."""
    found = {}
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code" and (task_id := task_id_of(cell.source)):
                found[task_id] = found.get(task_id, "") + cell.source + "\n"
    return found


@dataclass(frozen=True)
class Tried:
    """What came of an answer: the verdict, the kinds of all replies, and whether one would arrive as something else."""

    verdict: Verdict
    kinds: frozenset[str]
    changed: bool

    @property
    def way(self):
        """Answers that came to their verdict in the same way, as far as a worker of the grader could tell."""
        return self.verdict.status, self.verdict.kind, self.kinds


def judge(task_id, code, seed=0, device="cpu"):
    """The verdict on an answer, all cases."""
    return attempt(task_id, code, seed, device).verdict


@cache
def first_try(task_id, code):
    """An answer with the first seed: test_exercises.py asks for it too, and training takes its time."""
    return attempt(task_id, code)


def attempt(task_id, code, seed=0, device="cpu"):
    exercise, one = TASKS[task_id]
    replaced = watch()
    module = types.ModuleType("__main__")  # what a notebook's classes belong to
    namespace = vars(module)
    namespace["__name__"] = "__main__"
    # a default device slows every call of torch's down, so there is none where it is the CPU anyway, as in a notebook
    with torch.device(device) if device != "cpu" else contextlib.nullcontext(), restore_state({}):
        exec(exercise.setup, namespace)
        torch.manual_seed(seed)
        exec(compile(code, f"<answer {task_id}>", "exec"), namespace)
        with restore_state(namespace):
            student = SentStudent(namespace)
            verdict = run_check(one, student, seed, hidden=True)
        assert not replaced(), f"the grader would call it tampering: {replaced()}\n{code}"
    return Tried(verdict, frozenset(student.kinds), bool(student.changed))


@every_task
def test_stub_is_open_and_solution_passes(task_id, seeds):
    solution = solutions()[task_id]
    assert judge(task_id, stub(solution, task_id)).status == "todo"
    for seed in seeds:
        verdict = judge(task_id, solution, seed) if seed else first_try(task_id, solution).verdict
        assert verdict.status == "passed", verdict


@pytest.mark.skipif(len(DEVICES) == 1, reason="no GPU")
@every_task
def test_solution_passes_with_the_gpu_as_default(task_id):
    verdict = judge(task_id, solutions()[task_id], device="cuda")
    assert verdict.status == "passed", verdict


@most_tasks
def test_right_answers_pass(task_id, seeds):
    right = answers(task_id, "right")
    assert len(right) >= 3
    for name, _, code in right:
        for seed in seeds:
            verdict = judge(task_id, code, seed) if seed else first_try(task_id, code).verdict
            assert verdict.status == "passed", (name, verdict)


# Before each training the check asks for two networks, to see that they share nothing; and there are two cases.
@pytest.mark.parametrize(("near", "times"), [(0.0, 8), (1.5, 4)])
def test_a_network_that_comes_near_is_trained_once_more(near, times, monkeypatch):
    globals_ = TASKS["4.8"][1].check.__globals__
    monkeypatch.setitem(globals_, "MIN_ACCURACY", 2.0)
    monkeypatch.setitem(globals_, "RETRY_FROM", near)
    network = "nn.Sequential(nn.MaxPool2d(4), nn.Flatten(), nn.Linear(25, 10))"
    code = f"made = []\ndef make_network():\n    made.append({network})\n"
    code += "    print(len(made))\n    return made[-1], torch.optim.SGD(made[-1].parameters(), lr=0.1)"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert judge("4.8", code).status == "failed"
    assert printed.getvalue().split()[-1] == str(times)


@every_task
def test_wrong_answers_fail_with_the_right_words(task_id, seeds):
    wrong = answers(task_id, "wrong")
    assert len(wrong) >= 5
    for name, words, code in wrong:
        for seed in seeds:
            verdict = judge(task_id, code, seed) if seed else first_try(task_id, code).verdict
            assert verdict.status == "failed", (name, verdict)
            told = for_report(verdict, TASKS[task_id][0])  # less, if the case is a hidden one
            for shown in (verdict, told):
                assert words in f"{shown.message} {shown.error} {shown.hint}", (name, shown)


@pytest.mark.parametrize("task_id", [task_id for task_id in TASKS if answers(task_id, "open")])
def test_half_done_answers_are_not_answered_yet(task_id):
    """One of several stubs is left: neither right nor wrong, and it says so."""
    for name, words, code in answers(task_id, "open"):
        verdict = judge(task_id, code)
        assert verdict.status == "todo" and words in verdict.message, (name, verdict)


class _TooLong(BaseException):
    """Not an Exception: no answer can swallow it by accident."""


def _alarm(number, frame):
    raise _TooLong


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGALRM")
@most_tasks
def test_no_mutant_of_the_solution_survives(task_id, recwarn):
    listed = SURVIVORS.get(task_id, {})
    survivors, tried = [], 0
    # The process's own time decides, so that a busy machine takes no mutant for one that never ends; the clock is
    # for one that waits.
    previous = {number: signal.signal(number, _alarm) for number in (signal.SIGPROF, signal.SIGALRM)}
    try:
        for source, difference, _ in mutants(solutions()[task_id]):
            signal.setitimer(signal.ITIMER_PROF, 20)
            signal.alarm(200)
            try:
                if judge(task_id, source).status == "passed":
                    survivors.append(difference)
            except Exception:  # the cell itself raises
                pass
            except _TooLong:
                pass
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
                signal.alarm(0)
            tried += 1
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    print(f"task {task_id}: {tried} mutants, {len(survivors)} survive")
    assert tried >= 3
    assert set(survivors) == set(listed), "survivors on the left, listed ones on the right"
