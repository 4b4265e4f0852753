"""The process that runs a stranger's notebook: what it imports of the course."""

import subprocess
import sys

import pytest
from conftest import ROOT

KNOWS = "print(*sorted(name for name in sys.modules if name.startswith(('lecture_', 'course_'))))"
STUDENTS_SIDE = {f"lecture_utils.grading.{name}" for name in ("errors", "namespace", "state", "values")}


def modules_after(code: str) -> set[str]:
    program = f"import os, sys; os.environ['LECTURE_GRADING'] = '1'; {code}; {KNOWS}"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {name for name in done.stdout.split() if name.startswith("lecture_utils.grading.")}


@pytest.mark.skipif(sys.platform == "win32", reason="Unix only")
def test_the_worker_imports_four_small_modules_of_the_grading_package():
    assert modules_after("import lecture_grader.worker") == STUDENTS_SIDE


def test_a_notebook_that_is_graded_imports_no_comparison_and_no_hint():
    code = "from lecture_utils import check, hand_in, progress; check('1.1'); progress('1'); hand_in('1')"
    shown = {f"lecture_utils.grading.{name}" for name in ("feedback", "hand_in", "progress", "records")}
    assert modules_after(code) == shown
