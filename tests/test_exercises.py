"""The exercises: made from the solutions byte by byte, whole, and gradable by nbgrader too."""

import json
import os
import re
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from conftest import KERNEL, LECTURES, ROOT, repeats
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from test_checks import answers, first_try, solutions
from typer.testing import CliRunner

from course_tools.cli import app
from course_tools.execute import run_notebook
from course_tools.lint import MAX_CELL_LINES, find_faults
from course_tools.notebooks import CourseError
from course_tools.release import heading, make_exercise, stub, task_id_of
from lecture_grader import grade_one as grader
from lecture_grader import sandbox
from lecture_utils.grading.tasks import load_exercise

SOLUTIONS = sorted((ROOT / "solutions").glob("*.ipynb"))
solution = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
first_and_rest = pytest.mark.parametrize("path", repeats(*SOLUTIONS), ids=lambda p: p.stem)
linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")


def read(path):
    return nbformat.read(path, as_version=4)


def exercise_of(path):
    return load_exercise(path.name[:2])


@solution
def test_exercise_is_what_release_makes_of_the_solution(path, tmp_path):
    done = CliRunner().invoke(app, ["release", str(path), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / path.name).read_bytes() == (ROOT / "exercises" / path.name).read_bytes(), "run lecture release"


def test_each_exercise_has_a_solution():
    assert [p.name for p in sorted((ROOT / "exercises").glob("*.ipynb"))] == [p.name for p in SOLUTIONS]
    assert [p.name[:2] for p in SOLUTIONS] == [p.name[:2] for p in LECTURES][: len(SOLUTIONS)]


@solution
def test_solution_can_be_committed(path):
    assert find_faults(path) == []


@solution
def test_cells_are_short(path):
    counts = [sum(bool(ln.strip()) for ln in c.source.splitlines()) for c in read(path).cells if c.cell_type == "code"]
    print(f"{path.stem}: median {statistics.median(counts)} lines, longest {max(counts)}")
    assert statistics.median(counts) <= 5 and max(counts) <= MAX_CELL_LINES


@solution
def test_shape(path):
    exercise = exercise_of(path)
    cells = {cell.id: cell for cell in read(path).cells}
    ids = list(cells)
    assert ids[:4] == ["title", "setup", "parameters", "imports"] and ids[-3:] == ["summary", "hand-in-text", "hand-in"]
    assert cells["setup"].source == {c.id: c for c in read(LECTURES[0]).cells}["setup"].source
    assert cells["parameters"].metadata.tags == ["parameters"]
    assert re.match(r"# Exercise \d: .+ \(.*[\u3040-\u30ff\u4e00-\u9fff].*\)", cells["title"].source)
    minutes, points = sum(t.minutes for t in exercise.tasks), exercise.max_points
    assert 6 <= len(exercise.tasks) <= 8 and 40 <= minutes <= 60
    assert f"about {minutes} minutes" in cells["title"].source and f"{points} points" in cells["title"].source
    number = int(exercise.number)
    assert [t.id for t in exercise.tasks] == [f"{number}.{n}" for n in range(1, len(exercise.tasks) + 1)]
    assert sorted(t.difficulty for t in exercise.tasks)[-1] == 3 and exercise.tasks[0].difficulty == 1
    assert all(len(t.hints) >= 3 for t in exercise.tasks)
    for one in exercise.tasks:
        assert any(task_id_of(c.source) == one.id for c in cells.values() if c.cell_type == "code")


@solution
def test_setup_of_the_checks_is_the_imports_cell(path):
    imports = next(c.source for c in read(path).cells if c.id == "imports").splitlines()
    setup = exercise_of(path).setup.strip().splitlines()
    others = [line for line in imports if line not in setup]
    assert set(setup) <= set(imports) and all(line.startswith("from lecture_utils import") for line in others)


@first_and_rest
def test_untouched_exercise_runs_to_its_end_with_nothing_solved(path, tmp_path, monkeypatch):
    monkeypatch.setenv("LECTURE_PROGRESS", str(tmp_path / "progress.json"))
    result = run_notebook(ROOT / "exercises" / path.name, tmp_path, kernel=KERNEL)
    assert result.status == "passed", result
    shown = [
        output.data["text/plain"]
        for cell in read(tmp_path / path.name).cells
        if cell.cell_type == "code" and cell.source.startswith(("check(", "hand_in("))
        for output in cell.outputs
    ]
    exercise = exercise_of(path)
    assert len(shown) == len(exercise.tasks) + 1
    assert all("not answered yet" in text for text in shown[:-1])
    assert f" 0 of {exercise.max_points} points" in shown[-1]


@linux
@solution
def test_solution_gets_full_marks_and_the_exercise_none(path):
    exercise, limits = exercise_of(path), sandbox.Limits(threads=2)
    full = grader.grade_notebook(path.read_bytes(), exercise, seed=1, limits=limits)
    assert (full.status, full.points) == ("graded", exercise.max_points), [v for v in full.verdicts if v.hint]
    none = grader.grade_notebook((ROOT / "exercises" / path.name).read_bytes(), exercise, seed=1, limits=limits)
    assert (none.status, none.points) == ("graded", 0)
    assert {v.status for v in none.verdicts} == {"todo"}


def filled(path, task_id=None, code=""):
    """The exercise with the solution's answers, but ``code`` for one task."""
    right = {c.id: c.source for c in read(path).cells}
    notebook = read(ROOT / "exercises" / path.name)
    for cell in notebook.cells:
        if found := task_id_of(cell.source):
            cell.source = f"# Task {found}\n{code}" if found == task_id else right[cell.id]
    return notebook


def distinct(task_id, kind):
    """One answer for each way to a verdict but the solution's, and all that a worker would send changed."""
    usual, chosen = first_try(task_id, solutions()[task_id]).way, {}
    for answer in answers(task_id, kind):
        tried = first_try(task_id, answer[2])
        if tried.changed or tried.way != usual:
            chosen.setdefault((tried.way, answer if tried.changed else None), answer)
    return list(chosen.values())


UNTRAINED = [path for path in SOLUTIONS if path.stem[:2] not in ("02", "04", "05")]  # those train networks
kinds = pytest.mark.parametrize("kind", ["right", "wrong"])


@linux
@pytest.mark.parametrize("path", UNTRAINED, ids=lambda path: path.stem)
@kinds
def test_answers_get_the_same_marks_in_the_sandbox(path, kind):
    """What a worker could do differently: for each task one answer of each way to pass or to fail.

    test_checks.py tries all answers in this process. Two that fail with replies of the same kinds differ in their
    numbers only, to the worker; the next test tries all, nevertheless. The solutions are graded above.
    """
    grade_in_turn(path, kind, distinct)


@pytest.mark.bank
@linux
@solution
@kinds
def test_all_answers_get_the_same_marks_in_the_sandbox(path, kind):
    grade_in_turn(path, kind, answers)


def grade_in_turn(path, kind, choose):
    """One notebook for the first, second, ... of the chosen answers to each task.

    A task that has no answer of that number left stays as it was handed out.
    """
    exercise = exercise_of(path)
    known = {t.id: choose(t.id, kind) for t in exercise.tasks}

    def try_all(number):
        notebook = read(ROOT / "exercises" / path.name)
        chosen = {i: found[number] for i, found in known.items() if number < len(found)}
        for cell in notebook.cells:
            if cell.cell_type == "code" and (found := task_id_of(cell.source)) in chosen:
                cell.source = f"# Task {found}\n{chosen[found][2]}"
        return chosen, grader.grade_notebook(nbformat.writes(notebook).encode(), exercise, seed=number)

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(try_all, range(max(map(len, known.values())))))
    assert results or choose is distinct
    for chosen, grade in results:
        for verdict in grade.verdicts:
            if verdict.task in chosen:
                name, words, _ = chosen[verdict.task]
                assert verdict.status == {"right": "passed", "wrong": "failed"}[kind], (verdict.task, name, verdict)
                assert words is None or words in f"{verdict.message} {verdict.error} {verdict.hint}", (name, verdict)


# --- release -------------------------------------------------------------------------------------


def test_stubs():
    function = "# Task 9.1\ndef f(x):\n    '''Doc.'''\n    # BEGIN SOLUTION\n    return x\n    # END SOLUTION\n"
    assert stub(function, "9.1").endswith('raise NotImplementedError("Task 9.1: write this part")')
    top = "# Task 9.1\n# BEGIN SOLUTION\na, b = 1, 2\nc: int = 3\nprint(a)\n# END SOLUTION\n"
    assert stub(top, "9.1") == "# Task 9.1\na = ...\nb = ...\nc = ..."


CHECKS = ROOT / "tests" / "grading_bank" / "checks.py"


def small_solution():
    exercise = load_exercise(CHECKS)
    cells = []
    for one in exercise.tasks:
        code = f"# Task {one.id}\n# BEGIN SOLUTION\n{one.names[0]} = 1\n# END SOLUTION"
        cells += [
            new_markdown_cell(heading(one)),
            new_code_cell(code),
            new_code_cell(f'check("{one.id}")', metadata={"nbgrader": {"points": one.points}}),
        ]
    kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), exercise


@pytest.mark.parametrize(
    ("cell", "old", "new", "words"),
    [
        (0, "1 point", "2 points", "no text begins with"),
        (1, "# END SOLUTION", "", "no `# BEGIN SOLUTION` ... `# END SOLUTION`"),
        (1, "# BEGIN SOLUTION\n", "# BEGIN SOLUTION\n# BEGIN SOLUTION\n", "SOLUTION"),
        (1, "# Task 9.1\n", "", "outside a task"),
        (2, "9.1", "9.9", "is no task"),
        (2, "check", "# check", "no cell `check"),
        (1, "# BEGIN SOLUTION\n", "# BEGIN SOLUTION\na b\n", "the solution is not Python (invalid syntax)"),
        (1, "# BEGIN SOLUTION\n", "# BEGIN SOLUTION\n\0\n", "the solution is not Python (source code"),
    ],
)
def test_release_names_the_fault(cell, old, new, words):
    notebook, exercise = small_solution()
    make_exercise(notebook, exercise)
    notebook.cells[cell].source = notebook.cells[cell].source.replace(old, new, 1)
    with pytest.raises(CourseError, match=re.escape(words)):
        make_exercise(notebook, exercise)


def test_release_needs_neither_ids_nor_metadata():
    notebook, exercise = small_solution()
    notebook.nbformat_minor, notebook.metadata = 4, {}
    for cell in notebook.cells:
        del cell["id"]
    assert make_exercise(notebook, exercise).metadata.kernelspec.name == "python3"
    notebook.cells[2].source = 'check("9.9")'
    with pytest.raises(CourseError, match=r"^cell 3: 9.9 is no task"):
        make_exercise(notebook, exercise)


def test_an_exercise_of_ones_own_is_released_as_its_check_is_called():
    """As README says: in the notebook, the file of checks is an argument of `check`."""
    notebook, exercise = small_solution()
    for cell in notebook.cells:
        cell.source = re.sub(r'^check\((".*")\)$', r'check(\1, checks="my_checks.py")', cell.source)
    released = make_exercise(notebook, exercise)
    assert sum(cell.id.endswith("-hints") for cell in released.cells) == len(exercise.tasks)


# --- nbgrader ------------------------------------------------------------------------------------


SCORES = """
import json
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    print(json.dumps({s.student.id: {g.name: g.score for n in s.notebooks for g in n.grades}
                      for s in book.assignment_submissions("exercise")}))
"""


@pytest.mark.bank
@linux
def test_nbgrader_takes_the_solution_and_gives_the_same_marks(nbgrader, tmp_path):
    path = SOLUTIONS[0]
    exercise = exercise_of(path)
    name = path.name

    def command(*words):
        environment = os.environ | {"PATH": f"{nbgrader.parent}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            [nbgrader, *words], cwd=tmp_path, capture_output=True, text=True, timeout=300, env=environment
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    source = tmp_path / "source" / "exercise"
    source.mkdir(parents=True)
    (source / name).write_bytes(path.read_bytes())
    command("-m", "nbgrader", "generate_assignment", "exercise", "--create")
    released = (tmp_path / "release" / "exercise" / name).read_text()
    assert "raise NotImplementedError" in released and "BEGIN SOLUTION" not in released

    wrong_id = exercise.tasks[-1].id
    submissions = {"right": filled(path), "wrong": filled(path, wrong_id, answers(wrong_id, "wrong")[0][2])}
    marks = {}
    for student, notebook in submissions.items():
        given = read(tmp_path / "release" / "exercise" / name)
        answered = {c.id: c.source for c in notebook.cells}
        for cell in given.cells:
            if task_id_of(cell.source):
                cell.source = answered[cell.id]
        target = tmp_path / "submitted" / student / "exercise" / name
        target.parent.mkdir(parents=True)
        nbformat.write(given, target)
        grade = grader.grade_notebook(target.read_bytes(), exercise, seed=1)
        marks[student] = {
            f"task-{v.task.replace('.', '-')}-check": float(exercise[v.task].points * (v.status == "passed"))
            for v in grade.verdicts
        }
    command("-m", "nbgrader", "autograde", "exercise")
    theirs = json.loads(command("-c", SCORES).splitlines()[-1])
    assert theirs == marks
    assert sum(marks["right"].values()) == exercise.max_points > sum(marks["wrong"].values())
