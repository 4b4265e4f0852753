"""An exercise of one's own: docs/own_exercise.md is true, and `lecture checks` finds what it should find."""

import csv
import re
import subprocess
import sys
import types

import nbformat
import pytest
from commands import invoke
from conftest import ROOT
from matplotlib import pyplot as plt
from nbformat.v4 import new_code_cell, new_notebook

from course_tools.check_checks import _each_case, _with_seed, read_answers
from course_tools.notebooks import CourseError
from lecture_utils.grading import task
from lecture_utils.grading.state import restore_state
from lecture_utils.grading.student import LiveStudent
from lecture_utils.grading.tasks import load_exercise
from lecture_utils.grading.verdict import points_of, run_check

PAGE = (ROOT / "docs" / "own_exercise.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
HEAD, *RECIPES = [text for kind, text in BLOCKS if kind == "python"]
COMMANDS = [line for kind, text in BLOCKS if kind == "bash" for line in text.splitlines()]
ANSWERS = ROOT / "tests" / "answers" / "recipes_09.py"
linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")


# --- the page -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recipes(tmp_path_factory):
    """The recipes as one file of checks, as an instructor would copy them."""
    path = tmp_path_factory.mktemp("recipes") / "exercise_09.py"
    path.write_text("\n\n".join([HEAD, *RECIPES]), encoding="utf-8")
    return load_exercise(path)


def test_every_recipe_has_right_and_wrong_answers(recipes):
    assert len(RECIPES) == len(recipes.tasks) == PAGE.count("\n### ") == 12
    assert {kind for kind, _ in BLOCKS} == {"bash", "python"}  # each is run by one of the tests below
    by_a_person = [task.id for task in recipes.tasks if task.manual]
    assert by_a_person == ["9.10"]
    answered = {(answer.task, answer.right) for answer in read_answers(ANSWERS, recipes)}
    assert answered == {(t.id, right) for t in recipes.tasks for right in (True, False) if not t.manual}


@pytest.mark.parametrize("number", [*range(1, 10), 11, 12])
def test_a_recipe_tells_right_answers_from_wrong_ones(recipes, number):
    for answer in read_answers(ANSWERS, recipes):
        for seed in range(2 if answer.task == f"9.{number}" else 0):
            names = vars(types.ModuleType("__main__"))
            with restore_state({}):
                exec(recipes.setup, names)
                exec(answer.code, names)
                verdict = run_check(recipes[answer.task], LiveStudent(names), seed, hidden=True)
            assert verdict.status == ("passed" if answer.right else "failed"), (answer.name, verdict)
            assert answer.words in f"{verdict.message} {verdict.error} {verdict.hint}", (answer.name, verdict)
            plt.close("all")


def test_a_person_marks_the_text_and_a_part_that_is_right_keeps_its_points(recipes):
    assert run_check(recipes["9.10"], LiveStudent({}), 0, hidden=True).status == "manual"
    half = LiveStudent({"standardise": lambda x: x - x.mean(0)})
    assert points_of(recipes["9.12"], run_check(recipes["9.12"], half, 0, hidden=True)) == 1


@linux
def test_the_recipes_stand_their_trial_in_the_sandbox(recipes, tmp_path):
    first = {one.task: one.code for one in reversed(read_answers(ANSWERS, recipes)) if one.right}
    cells = [new_code_cell(f"# Task {i}\n# BEGIN SOLUTION\n{code}\n# END SOLUTION") for i, code in first.items()]
    solution = tmp_path / "solution.ipynb"
    nbformat.write(new_notebook(cells=cells), solution)
    words = ("checks", recipes.file[0], solution, "--answers", ANSWERS, "--seeds", 1, "--no-mutants")
    done = invoke(*words)
    assert done.exit_code == 0 and "check itself stopped" not in done.stdout, done.stdout
    assert done.stdout.count("✓") == len(first) + len(read_answers(ANSWERS, recipes)), done.stdout


@linux
def test_the_commands_of_the_page_lead_to_marks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = ""
    for command in COMMANDS:
        program, *words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', command)]
        if program == ".venv/bin/lecture":
            done = invoke(*words)
            assert done.exit_code == 0, (command, done.stdout, done.stderr)
            shown += done.stdout
        else:
            subprocess.run([program, *words], check=True)
    assert "✗" not in shown and shown.count("small changes of the solution: each is caught") == 3
    assert "students get both files of mine/handout: 09_softmax_by_hand.ipynb and exercise_09.py" in shown
    assert sorted(path.name[:2] for path in (tmp_path / "handouts").iterdir()) == ["01", "02", "03", "04", "05", "06"]
    with (tmp_path / "mine/grades/grades.csv").open(encoding="utf-8-sig") as file:
        marks = {row["student"]: (row["points"], row["max_points"]) for row in csv.DictReader(file)}
    assert marks == {"ada": ("6", "6"), "bob": ("0", "6")}


# --- lecture checks -------------------------------------------------------------------------------

CHECKS = """
from lecture_utils.grading import expect, normal, task

def one(number, name, **more):
    options = dict(points=1, difficulty=1, minutes=1, names=[name], hints=[], visible=2, hidden=1)
    return task(f"9.{number}", name, **options | more)

@one(1, "twice")
def twice(student, rng, case):
    x = normal(rng, 4)
    expect(student.call("twice", x).sign(), x.sign())

@one(2, "unseen")
def unseen(student, rng, case):
    student.got_something = True

@one(3, "plus")
def plus(student, rng, case):
    student.case = f"the number {case}"
    expect(student.call("plus", case), case + (case == 1))

@one(4, "shaped")
def shaped(student, rng, case):
    expect(student.call("shaped", 1.0).shape, ())

@one(5, "double")
def double(student, rng, case):
    x = [0.0, 2.0, -1.0][case]
    expect(student.call("double", x), 2 * x, mistakes=[(x * x, "That is the square.")])

@one(6, "rare")
def rare(student, rng, case):
    x = int(rng.integers(0, 3))
    expect(student.call("rare", x), x)
"""
SOLUTION = {
    "9.1": "def twice(x):\n    # BEGIN SOLUTION\n    return 2 * x\n    # END SOLUTION",
    "9.2": "# BEGIN SOLUTION\nunseen = 1\n# END SOLUTION",
    "9.3": "def plus(n):\n    # BEGIN SOLUTION\n    return n\n    # END SOLUTION",
    "9.4": "def shaped(x):\n    # BEGIN SOLUTION\n    return x\n    # END SOLUTION",
    "9.5": "def double(x):\n    # BEGIN SOLUTION\n    return 2 * x\n    # END SOLUTION",
    "9.6": "def rare(x):\n    # BEGIN SOLUTION\n    return x\n    # END SOLUTION",
}
TRIED = """# %% wrong 9.1: three times
def twice(x):
    return 3 * x

# %% wrong 9.5: the absolute value
def double(x):
    return abs(2 * x)

# %% wrong 9.5: the square -> That is the square.
def double(x):
    return x * x

# %% wrong 9.5: a half -> That is the square.
def double(x):
    return x / 2

# %% right 9.5: not at all
def double(x):
    return x

# %% right 9.5: a sum
def double(x):
    return x + x

# %% wrong 9.5: misspelt
def duble(x):
    return x

# %% wrong 9.6: only one case in three shows it
def rare(x):
    return min(x, 1)
"""


def write_exercise(folder, checks=CHECKS, answers=TRIED, after=""):
    """The files of an exercise; the arguments of `lecture checks` for it."""
    sources = [f"# Task {task_id}\n{code}" for task_id, code in SOLUTION.items() if f"one({task_id[2]}," in checks]
    (folder / "exercise_09.py").write_text(checks)
    (folder / "answers_09.py").write_text(answers)
    nbformat.write(new_notebook(cells=[new_code_cell(s) for s in [*sources, after] if s]), folder / "solution.ipynb")
    return "checks", folder / "exercise_09.py", folder / "solution.ipynb"


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trial")
    return invoke(*write_exercise(folder, after="print(twice(1) + unknown)"), "--seeds", 4)


@linux
@pytest.mark.parametrize(
    "line",
    [
        "– the solution: cell 7 stops with NameError: name 'unknown' is not defined",
        "– the untouched exercise: cell 7 stops with NotImplementedError: Task 9.1: write this part",
        "✓ 9.1 solution: passes 3 cases with each of seeds 0-3",
        "✗ 9.2 stub: PASSES, though nothing has been answered",
        "✗ 9.3 solution: FAILS with seed 0 (and 3 more), the number 1: The result is wrong. expected 2, got 1",
        "✗ 9.4 solution: FAILS with seed 0 (and 3 more), case 1: the check itself stopped at exercise_09.py, line 24 "
        "(AttributeError): AttributeError: 'float' object has no attribute 'shape'",
        "✗ 9.1 wrong: three times: NOT CAUGHT with any seed",
        "– 9.1 3 of 4 small changes of the solution pass: are they right, too?",
        "    cell 1, line 4: return 2 * x  =>  return 3 * x",
        "✓ 9.5 wrong: the absolute value: caught by case 3 alone (hidden)",
        "✓ 9.5 wrong: the square: caught by case 3 alone (hidden)",
        "✗ 9.5 right: not at all: FAILS with seeds 0-3, case 2: The result is wrong. expected 4, got 2",
        "✓ 9.5 right: a sum: passes",
        "– 9.5 case 1 caught none of the wrong answers",
        "– 9.5 case 2 never caught a wrong answer alone",
        "– 9.3 has no wrong answers to be tried on",
        "✓ 9.5 4 small changes of the solution: each is caught",
    ],
)
def test_lecture_checks_says(trial, line):
    assert line in trial.stdout.splitlines(), trial.stdout


@linux
def test_lecture_checks_counts_what_must_not_be(trial):
    assert re.search(r"✗ 9\.5 wrong: a half: caught, but is NOT TOLD 'That is the square\.'", trial.stdout)
    assert re.search(r"✗ 9\.5 wrong: misspelt: IS NO ANSWER: ", trial.stdout)
    assert re.search(r"✗ 9\.6 wrong: only one .*: NOT CAUGHT with seeds? \d", trial.stdout)
    assert trial.exit_code == 1 and f"{trial.stdout.count('✗')} of these must not be" in trial.stderr


def test_a_seed_gives_the_inputs_that_check_gives_in_a_notebook():
    drawn = []

    @task("9.1", "Note", points=1, difficulty=1, minutes=1, names=["x"], hints=[])
    def note(student, rng, case):
        drawn.append((case, int(rng.integers(2**60))))

    for one, seed in ((note, 5), (_with_seed(note, 5), 6), *((each, 7) for each in _each_case(note, 5))):
        run_check(one, LiveStudent({}), seed, hidden=True)
    assert drawn[:10] == drawn[10:20] == drawn[20:] and len(set(drawn)) == 10


@linux
def test_an_exercise_without_faults_ends_well(tmp_path):
    checks = CHECKS[: CHECKS.index("@one(2")].replace(".sign()", "").replace("x)\n", "2 * x)\n")
    answers = TRIED[: TRIED.index("# %% wrong 9.5")]
    done = invoke(*write_exercise(tmp_path, checks, answers), "--seeds", 2)
    assert done.exit_code == 0 and "✗" not in done.stdout, done.stdout


@linux
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("normal(rng, 4)", "rng.integer(4)", "task 9.1 has a fault, at exercise_09.py, line 10: AttributeError"),
        ("import expect", "import expects", "exercise_09.py, line 2: ImportError"),
        ("    return task(", "    return (", "exercise_09.py, line 6: invalid syntax"),
        ("@one(1,", "# @one(1,", "no task: use @task"),
    ],
)
def test_a_fault_of_the_checks_is_named_with_its_line(tmp_path, old, new, words):
    checks = CHECKS[: CHECKS.index("@one(2")]
    done = invoke(*write_exercise(tmp_path, checks.replace(old, new), ""), "--seeds", 1)
    assert done.exit_code == 1 and words in done.stderr and "Traceback" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("wrong 9.99: no such task", "line 4: # %% wrong 9.99: no such task names no answer"),
        ("worng 9.1: misspelt", "line 4: # %% worng"),
        ("wrong 9.1", "line 4"),
        ("", "line 4"),
    ],
)
def test_a_heading_that_is_none_is_named_with_its_line(recipes, tmp_path, title, words):
    file = tmp_path / "answers_09.py"
    file.write_text(f"# %% wrong 9.1: fine\nmean = 1\n\n# %% {title}\nmean = 2\n".replace("%% \n", "%%\n"))
    with pytest.raises(CourseError, match=re.escape(words)):
        read_answers(file, recipes)


def test_a_file_that_is_not_there_is_named(tmp_path):
    for words in (["checks", "no.py", "no.ipynb"], ["checks", tmp_path / "exercise_09.py", "no.ipynb"]):
        done = invoke(*words)
        assert done.exit_code == 1 and "there is no file of checks" in done.stderr
    checks, exercise, _ = write_exercise(tmp_path)
    done = invoke(checks, exercise, tmp_path / "no.ipynb")
    assert done.exit_code == 1 and "no.ipynb" in done.stderr and "Traceback" not in done.stderr
