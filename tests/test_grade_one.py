"""One submission: its cells run in a sandbox, its tasks are judged outside."""

import sys
import time

import pytest
from conftest import ROOT
from grading_bank.submissions import RIGHT1, RIGHT2, RIGHT3, notebook

from lecture_grader.grade_one import grade_notebook
from lecture_grader.sandbox import Limits
from lecture_utils.grading.tasks import checks_folder, load_exercise

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is for Linux")


@pytest.fixture(scope="module")
def exercise():
    return load_exercise(ROOT / "tests" / "grading_bank" / "checks.py")


def test_a_helper_that_ends_in_not_implemented_is_no_stub(exercise):
    """A first attempt is wrong; the second is right, and its helper raises NotImplementedError for other kinds."""
    wrong = "# Task 9.1\ndef double(x):\n    return x ** 2"
    right = "# Task 9.1\ndef factor(kind):\n    if kind == 'two':\n        return 2\n"
    right += "    raise NotImplementedError(kind)\n"
    right += "def double(x):\n    return x * factor('two')"
    grade = grade_notebook(notebook([wrong, right, RIGHT2, RIGHT3]), exercise, seed=1)
    assert (grade.points, grade.status) == (7, "graded"), grade.notes


def test_notes_are_not_doubled_when_the_cells_run_again(exercise):
    """The first task ends the process while it is judged: all cells run once more for the others."""
    deadly = "# Task 9.1\nimport os\ndef double(x):\n    os._exit(3)"
    cells = ["uses_later = later + 1", "later = 1", deadly, RIGHT2, RIGHT3]
    grade = grade_notebook(notebook(cells), exercise, seed=1)
    assert (grade.points, grade.status) == (6, "crashed")
    assert len(grade.notes) == 1 and "further down" in grade.notes[0]


def test_a_draft_that_is_run_again_does_not_undo_the_answer(exercise):
    """A cell with a misspelt name is not run again; one that was only too early is, and later definitions stay."""
    draft = "def double(x):\n    return x ** 2\nprint({})"
    for name in ("tset", "later"):
        cells = [draft.format(name), "later = 1", RIGHT1, RIGHT2, RIGHT3]
        grade = grade_notebook(notebook(cells), exercise, seed=1)
        assert (grade.points, grade.status) == (7, "graded"), (name, grade.notes)


def test_a_task_that_was_not_reached_in_time_is_not_judged(exercise):
    cells = [RIGHT1, RIGHT2, RIGHT3, "import time\ntime.sleep(30)"]
    grade = grade_notebook(notebook(cells), exercise, seed=1, limits=Limits(cell_seconds=60, total_seconds=3))
    assert grade.status == "timeout"
    assert [verdict.status for verdict in grade.verdicts] == ["unjudged"] * 3


# --- the checks' random inputs cannot be known ----------------------------------------------------

# It knows the public file of checks and runs it beforehand, to learn from each ``expect`` what is right.
REPLAY = """
import numpy as np, torch
from lecture_utils.grading import tasks
checks, seed = {checks!r}, {seed}
space = {{"__name__": "replayed"}}
class Known(Exception): pass
class Replayed:
    case = ""
    def call(self, name, *args, **kwargs): return name
    def put(self, value): return value
answers = {{}}
def expect(got, expected, **more):
    answers.setdefault(got, []).append(expected)
    raise Known
exec(checks, space)
space["expect"] = expect
for one in [v for v in list(space.values()) if isinstance(v, tasks.Task)]:
    for case in range(one.visible + one.hidden):
        try:
            one.check(Replayed(), np.random.default_rng([seed, *map(int, one.id.split(".")), case]), case)
        except Exception:
            pass
for name, known in answers.items():
    globals()[name] = lambda *args, known=iter(known), **kwargs: next(known)
print("knows", *answers)
"""


def test_a_notebook_that_replays_the_public_checks_gets_nothing():
    exercise = load_exercise("1")
    checks = (checks_folder() / "exercise_01.py").read_text()
    told = grade_notebook(notebook([REPLAY.format(checks=checks, seed=7)]), exercise, seed=7)
    assert told.points > 5, "whoever knows the seed knows the answers"
    for seed in (None, 7):
        asks = REPLAY.format(checks=checks, seed="torch.initial_seed()")
        grade = grade_notebook(notebook([asks]), exercise, seed=seed)
        assert "knows" in grade.cells[0]["outputs"][0]["text"], grade.cells[0]["error"]
        assert grade.points == 0, [verdict.task for verdict in grade.verdicts if verdict.status == "passed"]
        assert any("initial_seed" in note for note in grade.notes)


def test_each_run_has_other_inputs_and_a_given_seed_the_same(exercise):
    cell = "# Task 9.1\ndef double(x):\n    raise ValueError(x.tolist())"
    random = "import torch, numpy, random\nprint(torch.rand(1), numpy.random.rand(), random.random())"

    def inputs(seed):
        grade = grade_notebook(notebook([random, cell]), exercise, seed=seed)
        return grade.verdicts[0].error, grade.cells[0]["outputs"][0]["text"]

    free, again, fixed, repeated = inputs(None), inputs(None), inputs(5), inputs(5)
    assert fixed == repeated and free[0] != again[0] and free[1] != again[1]


# --- a right answer whose cell did not run is told so -------------------------------------------

STOPPED = {
    "a missing package": ("import no_such_package\n", "ModuleNotFoundError: No module named 'no_such_package'"),
    "a syntax error": ("def f(:\n", "SyntaxError"),
    "a name": ("nothing_here\n", "NameError: name 'nothing_here' is not defined"),
    "a division": ("1 / 0\n", "ZeroDivisionError: division by zero"),
    "full-width brackets": ("print（1）\n", "SyntaxError"),
    "the end of the process": ("import os; os._exit(3)\n", "was left out"),
    "exit": ("import sys; sys.exit('enough')\n", "SystemExit: enough"),
}


@pytest.mark.parametrize("name", STOPPED)
@pytest.mark.parametrize("marker", ["# Task 9.3\n", ""])
def test_an_answer_whose_cell_stopped_is_told_the_cells_error(exercise, name, marker):
    line, words = STOPPED[name]
    cell = RIGHT3.replace("# Task 9.3\n", marker + line)
    grade = grade_notebook(notebook([RIGHT1, RIGHT2, cell]), exercise)
    verdict = grade.verdicts[2]
    assert verdict.status == "failed" and grade.points == 3
    assert verdict.message.startswith("The cell with your answer (cell 3) ") and words in verdict.message
    assert verdict.message.endswith("so reverse was never defined.")


def test_a_name_that_a_stopped_cell_should_have_defined_is_told(exercise):
    answer = RIGHT3.replace("return word[::-1]", "return einops.rearrange(word)")
    grade = grade_notebook(notebook([RIGHT1, RIGHT2, "import einops_is_not_here as einops", answer]), exercise)
    assert grade.verdicts[2].message == (
        "Your code raised NameError. Cell 3, which names einops, stopped with ModuleNotFoundError: "
        "No module named 'einops_is_not_here'."
    )


def test_a_stub_that_was_left_is_not_answered_whatever_its_cell_did(exercise):
    cells = [RIGHT1, "# Task 9.2\nmodel = ...\nmodel(torch.ones(1))"]
    cells.append("# Task 9.3\ndef reverse(word):\n    raise NotImplementedError\n1 / 0")
    grade = grade_notebook(notebook(cells), exercise)
    assert [verdict.status for verdict in grade.verdicts] == ["passed", "todo", "todo"]


@pytest.mark.parametrize(
    "answer",
    [
        RIGHT3.replace("    ", "\u00a0\u00a0\u00a0\u00a0"),
        RIGHT3.replace("    ", "\u3000\u3000").replace("\u3000", "\u2003"),
        RIGHT3 + "\nprint(\u201creversed\u201d, \u2018yes\u2019)",
        "\ufeff" + RIGHT3,
        RIGHT3.replace("return", "return\u200b "),
        RIGHT3 + "\n\0",
        RIGHT3.replace("# Task", "#\u00a0Task"),
    ],
)
def test_blanks_and_quotes_of_a_browser_are_pythons_again(exercise, answer):
    grade = grade_notebook(notebook([RIGHT1, RIGHT2, answer]), exercise)
    assert grade.points == 7, (grade.verdicts[2].message, grade.notes)


# --- time is charged to whoever spends it -----------------------------------------------------------


def test_a_worker_is_started_again_three_times_at_most(exercise):
    begun = time.monotonic()
    grade = grade_notebook(notebook(["import os; os._exit(0)"] * 250 + [RIGHT1]), exercise)
    assert (grade.status, grade.points) == ("crashed", 0)
    assert [verdict.status for verdict in grade.verdicts] == ["unjudged"] * 3
    assert grade.notes[-1] == "the process ended 4 times, and is not started again"
    assert time.monotonic() - begun < 60


def test_restarts_while_tasks_are_judged_count_too(exercise):
    dies = "# Task 9.1\ndef double(x):\n    os._exit(1)"
    dies_too = "# Task 9.2\nclass Net(nn.Module):\n    def state_dict(self): os._exit(1)\nmodel = Net()"
    grade = grade_notebook(notebook(["import os", "os._exit(0)", "os._exit(0)", dies, dies_too, RIGHT3]), exercise)
    assert [verdict.status for verdict in grade.verdicts] == ["failed", "failed", "unjudged"]
    assert grade.status == "crashed"


def test_reading_and_restarts_are_on_the_submissions_time(exercise):
    """Five MB of source that takes long to repair, and cells that end the process: no more than the limit."""
    long = [f"if x{n}:\n" + "    y = [1, 2, (3, 4)]\n" * 9000 + "    z = (" for n in range(25)]
    cells = [*long, *["import os; os._exit(0)"] * 3, RIGHT1]
    grade_notebook(notebook([RIGHT1]), exercise)  # the server is there
    limits = Limits(cell_seconds=60, total_seconds=6)
    begun = time.monotonic()
    grade = grade_notebook(notebook(cells), exercise, limits=limits)
    assert time.monotonic() - begun < limits.total_seconds + 6
    assert grade.status in ("timeout", "crashed", "unreadable")


def test_the_time_in_a_row_is_rounded(exercise):
    assert grade_notebook(notebook([RIGHT1]), exercise).seconds % 0.5 == 0


# --- what a process says at its end, and what it says that it should not ---------------------------


@pytest.mark.parametrize("number", [159, 128 + 9, 152, 255])
def test_an_exit_status_is_no_signal(exercise, number):
    grade = grade_notebook(notebook([f"import os; os._exit({number})", RIGHT1]), exercise)
    assert grade.status == "crashed" and grade.points == 1
    assert "exit status 127" in grade.notes[0]


def test_the_end_of_the_process_says_nothing_of_a_hidden_input(exercise):
    """Neither its exit status, nor what the cells print when they run again for the next task."""
    clock = "import time\nprint(time.time())"
    answer = "seen = []\ndef double(x):\n    seen.append(x)\n    if len(seen) > 2: os._exit(77)\n    return 2 * x"
    grade = grade_notebook(notebook(["import os", clock, answer, RIGHT2, RIGHT3]), exercise, seed=3)
    assert grade.points == 6 and grade.verdicts[0].status == "failed"
    assert grade.verdicts[0].message == "The process ended while this task was being judged: the process crashed."
    assert "77" not in repr([grade.verdicts, grade.notes])
    begun = float(grade.cells[1]["outputs"][0]["text"])
    assert begun < time.time() and len(grade.cells[1]["outputs"]) == 1


FORGED = [
    '{"error": ["a"]}', '{"error": 3}', '{"error": {}}', '{"error": [1, 2, 3]}', '{"error": null}', '{"ok": true}',
    '{"not attempted": ["x"]}', '{"replaced": 3}', '{"replaced": []}', '{"replaced": [[[]]]}', '{"replaced": null}',
    '{"outputs": 3, "error": "text"}', '{"outputs": [{"kind": 3, "text": 4}], "error": []}', '{"unchanged": 1}',
    "{}", "[]", "3",
]  # fmt: skip


@pytest.mark.parametrize("reply", FORGED)
def test_forged_replies_cost_only_their_own_submission(exercise, reply):
    """Queued while the cells run, so that every later reply is one too early."""
    forge = (
        "import os, socket, struct\n"
        f"text = b'[' + {reply!r}.encode() + b', null]'\n"
        "for n in range(3, 64):\n"
        "    try:\n"
        "        if os.path.exists(f'/proc/self/fd/{n}') and 'socket' in os.readlink(f'/proc/self/fd/{n}'):\n"
        "            os.write(n, struct.pack('>QQ', len(text), 0) + text)\n"
        "    except OSError: pass\n"
    )
    grade = grade_notebook(notebook([forge, RIGHT1, RIGHT2, RIGHT3]), exercise)
    assert grade.status in ("graded", "forbidden", "crashed", "tampered") and grade.points is not None


def test_what_is_replaced_while_a_task_is_judged_and_put_back_at_its_end_is_noticed(exercise):
    """Only the task that was judged meanwhile has no mark."""
    answer = (
        "# Task 9.1\nkept = torch.equal, torch.set_rng_state\n"
        "def back(state):\n    torch.equal, torch.set_rng_state = kept\n    kept[1](state)\n"
        "def double(x):\n    torch.equal, torch.set_rng_state = (lambda *a: True), back\n    return 2 * x"
    )
    grade = grade_notebook(notebook([answer, RIGHT2, RIGHT3]), exercise)
    assert [verdict.status for verdict in grade.verdicts] == ["unjudged", "passed", "passed"]
    assert (grade.points, grade.status) == (6, "tampered")


def test_what_is_replaced_between_a_call_and_the_look_at_its_arguments_is_noticed(tmp_path):
    """Both are done for one message. It is looked now and then, so there are a hundred cases here."""
    answer = (
        "# Task 9.1\nfrom lecture_utils.grading.namespace import Namespace\nkept = Namespace.fetch\n"
        "def fetch(self, number):\n    Namespace.fetch = kept\n    return kept(self, number) / 2\n"
        "def double(x):\n    x *= 2\n    Namespace.fetch = fetch\n    return x"
    )
    checks = tmp_path / "checks.py"
    bank = (ROOT / "tests" / "grading_bank" / "checks.py").read_text()
    checks.write_text(bank.replace("visible=2, hidden=3", "visible=2, hidden=98"))
    grade = grade_notebook(notebook([answer, RIGHT2, RIGHT3]), load_exercise(checks))
    assert grade.status == "tampered" and grade.points == 6


@pytest.mark.parametrize("fork", [True, False])
def test_a_notebook_can_import_a_module_that_it_has_written(exercise, fork):
    """As in Jupyter, where the notebook's folder is the first on the path; also after it changed the folder."""
    cells = [
        "%%writefile helper.py\ndef twice(x):\n    return 2 * x",
        "# Task 9.1\nfrom helper import twice\ndef double(x):\n    return twice(x)",
        "%mkdir -p parts\n%cd parts",
        "%%writefile turned.py\ndef turn(word):\n    return word[::-1]",
        "# Task 9.3\nfrom turned import turn\ndef reverse(word):\n    return turn(word)",
    ]
    grade = grade_notebook(notebook([*cells, RIGHT2]), exercise, fork=fork)
    assert (grade.points, grade.status) == (7, "graded"), [cell["error"] for cell in grade.cells]
