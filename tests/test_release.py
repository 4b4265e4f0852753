"""Handouts: of one's own exercise, which a student can run, and without answers, for graded homework.

How the course's own exercises are made from their solutions is in test_exercises.py.
"""

import re
import shutil

import nbformat
import pytest
from commands import invoke
from conftest import KERNEL, ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_tools.execute import run_notebook
from course_tools.lint import find_faults
from course_tools.new_exercise import new_exercise
from course_tools.notebooks import CourseError, read_notebook
from course_tools.release import checks_for_students, find_obstacles, heading, load_checks, make_exercise
from lecture_grader.repair import task_id_of

SOLUTIONS = sorted((ROOT / "solutions").glob("*.ipynb"))


# --- an exercise of one's own ---------------------------------------------------------------------


@pytest.fixture
def own(tmp_path):
    """Checks, solution and answers, as `lecture new-exercise` writes them."""
    return new_exercise(9, "Softmax by hand", tmp_path)


def release(own, *more):
    checks, solution, _ = own
    return invoke("release", solution, "--checks", checks, *more)


def test_a_new_exercise_has_the_number_and_the_title_that_were_given(tmp_path):
    done = invoke("new-exercise", "07", "--title", "A first try: 5 ways", "--out", tmp_path / "new")
    assert done.exit_code == 0, done.stderr
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert names == {"07_a_first_try_5_ways.ipynb", "exercise_07.py", "answers_07.py"}
    assert [task.id for task in load_checks(tmp_path / "new" / "exercise_07.py").tasks] == ["7.1", "7.2", "7.3"]
    texts = [(tmp_path / "new" / name).read_text(encoding="utf-8") for name in names]
    assert not any("@" in text.replace("@task", "") for text in texts)
    assert sum("A first try: 5 ways" in text for text in texts) == 2  # not in the answers
    assert not find_faults_but_outputs(tmp_path / "new")


def find_faults_but_outputs(folder):
    faults = [fault for path in folder.glob("*.ipynb") for fault in find_faults(path)]
    return [fault for fault in faults if "not the outputs of one run" not in fault]


@pytest.mark.parametrize("title", ["畳み込み", "Été 2026", "?"])
def test_a_title_in_any_language_makes_a_plain_file_name(tmp_path, title):
    _, solution, _ = new_exercise(9, title, tmp_path)
    assert re.fullmatch(r"09_\w+\.ipynb", solution.name, re.ASCII)
    assert read_notebook(solution).cells[0].source.startswith(f"# Exercise 9: {title}\n")


@pytest.mark.parametrize("name", ["exercise_09.py", "answers_09.py", "09_my_exercise.ipynb"])
def test_a_new_exercise_overwrites_nothing_and_writes_nothing_then(tmp_path, name):
    (tmp_path / name).write_text("mine")
    done = invoke("new-exercise", 9, "--out", tmp_path)
    assert done.exit_code == 1 and name in done.stderr and "--out" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize(("number", "title"), [(0, "x"), (100, "x"), (9, 'a "b"'), (9, "a\nb"), (9, " "), (9, "\\")])
def test_a_number_or_title_that_cannot_be_is_refused(tmp_path, number, title):
    done = invoke("new-exercise", number, "--title", title, "--out", tmp_path)
    assert done.exit_code == 1 and len(done.stderr.splitlines()) == 1 and not list(tmp_path.iterdir())


def test_a_student_who_gets_the_folder_can_run_it(own, tmp_path, monkeypatch):
    monkeypatch.setenv("LECTURE_PROGRESS", str(tmp_path / "progress.json"))
    done = release(own, "--out", tmp_path / "handout")
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "handout" / own[0].name).read_bytes() == own[0].read_bytes()
    given = tmp_path / "elsewhere"  # a student's own machine: nothing else of the folder is there
    shutil.copytree(tmp_path / "handout", given)
    for path in own:
        path.unlink()
    handout = given / own[1].name
    notebook = nbformat.read(handout, as_version=4)
    for cell in notebook.cells:
        if task_id_of(cell.source) == "9.1":
            cell.source = "# Task 9.1\nparameters = 15"
        if task_id_of(cell.source) == "9.2":
            cell.source = "# Task 9.2\ndef softmax(x):\n    return x.exp()"
    nbformat.write(notebook, handout)
    assert shown(handout, tmp_path / "run") == ["1 visible case passed", "not right yet", "not answered yet"]


def shown(path, out):
    """What the checks of a notebook show when it is run in its folder."""
    result = run_notebook(path, out, kernel=KERNEL)
    assert result.status == "passed", result
    cells = [cell for cell in nbformat.read(out / path.name, as_version=4).cells if cell.source.startswith("check(")]
    texts = [output.data["text/plain"] for cell in cells for output in cell.outputs if "data" in output]
    return [re.search(r"not answered yet|not right yet|\d visible cases? passed", text)[0] for text in texts]


@pytest.mark.parametrize(
    ("cell", "old", "new", "words"),
    [
        ("task-9-1-check", ', checks="exercise_09.py"', "", "cell 5: write check('9.1', checks=\"exercise_09.py\")"),
        ("task-9-1-check", "exercise_09.py", "my_checks.py", "cell 5: write check("),
        ("task-9-1-check", "exercise_09.py", "mine/exercise_09.py", "cell 5: write check("),
        ("hand-in", ', checks="exercise_09.py"', "", "cell 13: write hand_in('9', checks="),
        (
            "imports",
            "check, hand_in",
            "hand_in",
            "cell 5 calls check: write `from lecture_utils import check` into a cell above",
        ),
        ("imports", "import torch\n", "", "no cell imports torch, which SETUP of exercise_09.py says"),
        ("imports", "import torch\n", "import torch:\n", "cell 2 is not Python (line 1"),
        ("task-9-2-text", "2 points", "3 points", "task 9.2: no text begins with these three lines:"),
    ],
)
def test_what_a_student_could_not_run_is_refused(own, tmp_path, cell, old, new, words):
    notebook = nbformat.read(own[1], as_version=4)
    changed = next(one for one in notebook.cells if one.id == cell)
    assert old in changed.source
    changed.source = changed.source.replace(old, new, 1)
    nbformat.write(notebook, own[1])
    done = release(own, "--out", tmp_path / "handout")
    assert done.exit_code == 1 and words in done.stderr and not (tmp_path / "handout").exists(), done.stderr


def test_commands_of_ipython_are_no_obstacle(own, tmp_path):
    notebook = nbformat.read(own[1], as_version=4)
    notebook.cells.insert(2, new_code_cell("%matplotlib inline\n!ls\nfiles = !ls\n?torch"))
    assert list(find_obstacles(notebook, load_checks(own[0]))) == []


def test_points_that_differ_from_the_tasks_are_named(own, tmp_path):
    own[0].write_text(own[0].read_text().replace("points=2", "points=4"))
    done = release(own, "--out", tmp_path / "handout")
    assert "*4 points · difficulty ●●○" in done.stderr
    text = own[1].read_text(encoding="utf-8").replace("*2 points · difficulty ●●○", "*4 points · difficulty ●●○")
    own[1].write_text(text, encoding="utf-8")
    done = release(own, "--out", tmp_path / "handout")
    assert "cell 8: nbgrader's points are 2, the task's 4: correct them" in done.stderr


def test_metadata_that_are_missing_are_added(own):
    notebook, exercise = read_notebook(own[1]), load_checks(own[0])
    with_them = make_exercise(notebook, exercise)
    for cell in notebook.cells:
        cell.metadata = nbformat.NotebookNode()
    assert make_exercise(notebook, exercise) == with_them
    graded = [cell.metadata.nbgrader for cell in with_them.cells if "nbgrader" in cell.metadata]
    assert [data.get("points") for data in graded] == [None, 1, None, 2, None, 3]


def test_the_solution_and_its_checks_are_never_overwritten(own):
    before = [path.read_bytes() for path in own]
    done = release(own, "--out", own[1].parent)
    assert done.exit_code == 1 and "would be overwritten: name another folder with --out" in done.stderr
    assert [path.read_bytes() for path in own] == before
    done = invoke("release", own[1], "--out", own[1].parent / "handout")
    assert done.exit_code == 1 and "no checks for exercise '09'" in done.stderr and "--checks" in done.stderr
    done = invoke("release", "--checks", own[0])
    assert done.exit_code == 2 and "name the notebook with your solution" in done.stderr


def test_an_answer_that_a_person_marks_may_be_a_text_or_a_string(tmp_path):
    manual = 'points=2, difficulty=1, minutes=5, names={}, hints=["Why?"], manual="2 points: says why."'
    code = "from lecture_utils.grading import task\n"
    for number, names in ((1, "[]"), (2, '["reason"]')):
        code += f'@task("9.{number}", "Explain", {manual.format(names)})\ndef f{number}(student, rng, case): ...\n'
    (tmp_path / "exercise_09.py").write_text(code)
    exercise = load_checks(tmp_path / "exercise_09.py")
    answers = [new_markdown_cell("# Task 9.1\n\nBecause of the secret.")]
    answers += [new_code_cell('# Task 9.2\n# BEGIN SOLUTION\nreason = "the secret"\n# END SOLUTION')]
    cells = []
    for one, answer in zip(exercise.tasks, answers, strict=True):
        check = f'check("{one.id}", checks="exercise_09.py")'
        cells += [new_markdown_cell(heading(one)), answer, new_code_cell(check)]
    made = make_exercise(new_notebook(cells=cells), exercise)
    assert made.cells[1].source == "# Task 9.1\n\n*Write your answer here.*"
    assert next(c.source for c in made.cells if "reason" in c.source) == "# Task 9.2\nreason = ..."
    assert sum("the secret" in cell.source for cell in made.cells) == 2  # the folded answers
    without = make_exercise(new_notebook(cells=cells), exercise, answers=False)
    assert not any("the secret" in cell.source for cell in without.cells)


RUBRIC = """
from lecture_utils.grading import task
ABOUT = ("It says – as it was 説明 – that only " "differences count.")
@task("9.1", "Explain", points=1, difficulty=1, minutes=1, names=["a"], hints=["One.", "Two.", "ä: nearly the answer"],
      manual=ABOUT)  # ä
def explain(student, rng, case): ...
"""


@pytest.mark.parametrize("last_hint", [True, False])
def test_students_do_not_get_the_rubric_nor_with_no_answers_the_last_hint(tmp_path, last_hint):
    (tmp_path / "exercise_09.py").write_text(RUBRIC, encoding="utf-8")
    text = checks_for_students(load_checks(tmp_path / "exercise_09.py"), last_hint=last_hint)
    assert "differences count" not in text and "# ä" in text and ("nearly the answer" in text) == last_hint
    (tmp_path / "given.py").write_text(text, encoding="utf-8")
    (task,) = load_checks(tmp_path / "given.py").tasks
    assert task.manual and task.hints[:2] == ("One.", "Two.") and len(task.hints) == 3


def test_a_rubric_that_cannot_be_left_out_is_named(tmp_path):
    source = RUBRIC.replace('"It says – as it was 説明 – that only "', '"It " + "says"').replace("count", "matter")
    (tmp_path / "exercise_09.py").write_text(source, encoding="utf-8")
    with pytest.raises(CourseError, match=r"exercise_09\.py: 'It says.*matter.*': write it as one string"):
        checks_for_students(load_checks(tmp_path / "exercise_09.py"))


# --- without answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("all_hints", [False, True])
def test_a_handout_without_answers_differs_in_nothing_else(path, all_hints, tmp_path):
    done = invoke("release", path, "--no-answers", "--out", tmp_path, *["--all-hints"] * all_hints)
    assert done.exit_code == 0, done.stderr
    exercise = load_checks(path.name[:2])
    given, usual = (read_notebook(folder / path.name).cells for folder in (tmp_path, ROOT / "exercises"))
    folds = ("-answer", "-hints")
    for one, other in zip(*([c for c in cells if not c.id.endswith(folds)] for cells in (given, usual)), strict=True):
        assert one == other or one.id == "title", one.id  # so it is graded as any other
    text = "\n".join(cell.source for cell in given)
    assert "Answer: open it" not in text and "answer are folded" not in text and "hints are folded" in text
    answers = [cell.source for cell in usual if cell.id.endswith("-answer")]
    assert len(answers) == len(exercise.tasks)
    for answer in answers:
        code = re.search(r"```python\n(.*?)\n```", answer, re.DOTALL)[1]
        assert code not in text
    for task in exercise.tasks:
        assert [hint in text for hint in task.hints] == [True] * (len(task.hints) - 1) + [all_hints]


def test_the_courses_own_exercises_keep_their_answers():
    before = {path: path.stat().st_mtime_ns for path in (ROOT / "exercises").iterdir()}
    done = invoke("release", "--no-answers")
    assert done.exit_code == 2 and "name a folder with --out" in done.stderr
    assert before == {path: path.stat().st_mtime_ns for path in (ROOT / "exercises").iterdir()}


def test_a_task_of_two_hints_keeps_both(own):
    own[0].write_text(own[0].read_text().replace('        "Each output also has a bias.",\n', ""))
    made = make_exercise(read_notebook(own[1]), load_checks(own[0]), answers=False, last_hint=False)
    texts = {cell.id: cell.source for cell in made.cells}
    assert "Hint 2 of 2" in texts["task-9-1-hints"] and "`4 * 3` weights" in texts["task-9-1-hints"]
    assert "Hint 2 of 2" in texts["task-9-2-hints"] and "x.max()" not in texts["task-9-2-hints"]


def test_a_checks_file_that_fails_is_named_with_its_line(tmp_path):
    (tmp_path / "checks.py").write_text("import torch\n1 / 0\n")
    with pytest.raises(CourseError, match=r"checks\.py, line 2: ZeroDivisionError"):
        load_checks(tmp_path / "checks.py")
