"""The shell in which a submission's cells run."""

import sys

import pytest
from conftest import ROOT
from grading_bank.submissions import notebook

from lecture_grader import grade_one
from lecture_utils.grading.tasks import load_exercise

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")


def test_the_streams_have_the_encoding_of_jupyter():
    exercise = load_exercise(ROOT / "tests" / "grading_bank" / "checks.py")
    cell = "import sys\nprint(sys.stdout.encoding, sys.stderr.encoding)\nprint('ä'.encode(sys.stdout.encoding))"
    (run,) = grade_one.grade_notebook(notebook([cell]), exercise, seed=0).cells
    assert run["error"] is None and run["outputs"] == [{"kind": "stdout", "text": "UTF-8 UTF-8\nb'\\xc3\\xa4'\n"}]
