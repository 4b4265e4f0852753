"""One submission: its cells run in a sandbox, its tasks are judged outside."""

import sys

import pytest
from conftest import ROOT
from grading_bank.submissions import RIGHT2, RIGHT3, notebook

from lecture_grader.grade_one import grade_notebook
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
