"""The decorator that makes a check a task, and the loader of a file of checks."""

import pickle

import pytest
from conftest import ROOT

from lecture_utils import grading
from lecture_utils.grading.student import LiveStudent
from lecture_utils.grading.tasks import Exercise, load_exercise, task
from lecture_utils.grading.verdict import run_check

CHECKS = ROOT / "tests" / "grading_bank" / "checks.py"


@pytest.mark.parametrize("change", [{"id": "x"}, {"points": 0}, {"difficulty": 4}, {"visible": 0}, {"names": []}])
def test_tasks_that_make_no_sense_are_refused(change):
    good = {"id": "9.1", "title": "T", "points": 1, "difficulty": 1, "minutes": 1, "names": ["f"], "hints": ["h"]}
    task(**good)
    with pytest.raises(ValueError, match="task"):
        task(**(good | change))


def test_the_version_follows_the_checks(tmp_path):
    copy = tmp_path / "checks.py"
    copy.write_text(CHECKS.read_text())
    first = load_exercise(copy)
    copy.write_text(CHECKS.read_text() + "# changed\n")
    assert isinstance(first, Exercise) and load_exercise(copy).version != first.version
    copy.write_text("x = 1")
    with pytest.raises(ValueError, match="no task"):
        load_exercise(copy)


@pytest.mark.parametrize("which", [CHECKS, "1"])
def test_an_exercise_can_be_sent(which):
    exercise = load_exercise(which)
    copy = pickle.loads(pickle.dumps(exercise))
    assert copy == exercise and copy.max_points == exercise.max_points and copy.version == exercise.version


def test_an_exercise_that_was_sent_can_send_its_own_functions(tmp_path):
    """The file is not where the exercise is sent, or has changed meanwhile: the text that was read counts."""
    path = tmp_path / "own.py"
    path.write_text(
        "from lecture_utils.grading import expect, task\n\n\n"
        "def twice(x):\n    return 2 * x\n\n\n"
        "@task('9.1', 'Twice', points=1, difficulty=1, minutes=1, names=['f'], hints=[])\n"
        "def check(student, rng, case):\n    expect(student.call(twice, 2), 4)\n"
    )
    exercise = load_exercise(path)
    path.write_text("\n" * 20 + path.read_text())
    assert run_check(exercise["9.1"], LiveStudent({}), 0, hidden=True).status == "passed"
    path.unlink()
    again = pickle.loads(pickle.dumps(exercise))
    assert run_check(again["9.1"], LiveStudent({}), 0, hidden=True).status == "passed"


def test_two_versions_of_a_file_in_one_process_keep_their_own_text(tmp_path):
    """As in a kernel in which an instructor edits a check, and undoes it."""
    path = tmp_path / "own.py"
    first = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "from lecture_utils.grading import expect, task\n\n\n@dataclass\nclass Pair:\n    left: int\n\n\n"
        "def twice(x):\n    return 2 * x\n\n\ndef other(x):\n    return -x\n\n\n"
        "@task('9.1', 'Twice', points=1, difficulty=1, minutes=1, names=['f'], hints=[])\n"
        "def check(student, rng, case):\n    expect(student.call(twice, 2), 4)\n"
    )
    path.write_text(first)
    exercise = load_exercise(path)
    path.write_text(first.replace("def twice", "def swapped").replace("def other", "def twice").replace("-x", "x + x"))
    assert run_check(load_exercise(path)["9.1"], LiveStudent({}), 0, hidden=True).status == "passed"
    assert run_check(exercise["9.1"], LiveStudent({}), 0, hidden=True).status == "passed"


def test_old_names_work_for_one_release_and_say_the_new_ones():
    with pytest.warns(DeprecationWarning, match="CheckFailed"):
        assert grading.Wrong is grading.CheckFailed
    with pytest.warns(DeprecationWarning, match="hidden"):
        make = task("9.1", "T", points=1, difficulty=1, minutes=1, names=["f"], hints=["h"], held_out=4)
    assert make(lambda student, rng, case: None).hidden == 4
    with pytest.raises(AttributeError, match="no attribute 'Rong'"):
        grading.Rong  # noqa: B018
