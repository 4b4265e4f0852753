"""One submission: its cells run in a sandbox, its tasks are judged outside."""

import sys

import pytest
from conftest import ROOT
from grading_bank.submissions import RIGHT1, RIGHT2, RIGHT3, notebook

from lecture_grader.grade_one import grade_notebook
from lecture_grader.sandbox import Limits
from lecture_utils.grading.tasks import load_exercise

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
