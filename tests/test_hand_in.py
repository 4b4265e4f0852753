"""`hand_in`: the points of the present answers, and the file that holds them."""

import datetime
import json
import os
import re
import types
from pathlib import Path

import pytest
from test_cells import CHECKS, RIGHT, run, shell  # noqa: F401 - a fixture

from lecture_utils.grading import feedback
from lecture_utils.grading.hand_in import hand_in


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course's folder with an exercise in it, whose kernel JupyterLab has started."""
    for name in ("lectures", "exercises"):
        (tmp_path / name).mkdir()
    file = tmp_path / "exercises" / "09_doubling.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", str(file))
    return file


def save(file, *sources):
    cells = [
        {"cell_type": "code", "id": f"c{n}", "source": source.splitlines(True)} for n, source in enumerate(sources)
    ]
    file.write_text(json.dumps({"cells": cells}))


def told() -> str:
    return repr(hand_in("9", checks=CHECKS))


def test_a_solved_notebook_is_named_with_the_time_it_was_saved(shell, course):  # noqa: F811
    run(shell, RIGHT)
    save(course, RIGHT)
    os.utime(course, (0, datetime.datetime(2026, 3, 1, 16, 40).timestamp()))
    made = hand_in("9", checks=CHECKS)
    assert made.progress.points == 1 and "Tasks 9.2, 9.3 are not solved yet" in repr(made)
    name = Path("exercises") / "09_doubling.ipynb"
    assert f"The file to hand in is {name} in the course's folder, saved on 2026-03-01 at 16:40." in repr(made)
    os.utime(course)
    assert "saved today at " in told()


def test_all_solved_is_said_with_what_is_still_to_come(shell, course, tmp_path):  # noqa: F811
    one = tmp_path / "one.py"
    one.write_text(re.split(r"\n@task\(\n?\s*\"9\.2\"", CHECKS.read_text())[0])
    run(shell, RIGHT)
    text = repr(hand_in("9", checks=one))
    assert "All visible cases pass. More cases are tried" in text and "not solved yet" not in text


def test_it_judges_what_was_run_last(shell, course):  # noqa: F811
    run(shell, RIGHT)
    assert feedback.check("9.1", checks=CHECKS)
    run(shell, "def double(x):\n    return x")
    save(course, "def double(x):\n    return x")
    made = hand_in("9", checks=CHECKS)
    assert made.progress.points == 0 and "9.1" in made.progress.open
    assert re.search(r"Tasks? 9\.1.* not solved yet", repr(made))


@pytest.mark.parametrize(
    "saved, is_told",
    [
        ("# Task 9.1\ndef double(x):\n    raise NotImplementedError\n", True),
        (RIGHT, False),
        (RIGHT.replace("    ", "        ") + "\n# a comment\n", False),
        ("", True),
    ],
)
def test_an_answer_that_was_run_and_not_saved_is_told(shell, course, saved, is_told):  # noqa: F811
    run(shell, RIGHT)
    save(course, "print(1)", saved)
    text = told()
    assert ("Save this notebook first" in text and "does not contain your last answer to task 9.1" in text) is is_told
    assert ("The file to hand in is" in text) is not is_told


def test_after_a_restart_what_is_saved_is_the_answer(shell, course):  # noqa: F811
    save(course, RIGHT)
    assert "The file to hand in is" in told() and "9.1" in told()


@pytest.mark.parametrize("content", [None, "", "{}", '{"cells": 3}', '{"cells": [{}]}'])
def test_without_a_file_that_can_be_read_it_says_what_to_save(shell, course, content):  # noqa: F811
    if content is not None:
        course.write_text(content)
    run(shell, RIGHT)
    assert "Save this notebook (Ctrl+S, or Cmd+S on a Mac): its file is the one to hand in." in told()


def test_colab_has_no_file_but_a_menu(shell, course, monkeypatch):  # noqa: F811
    monkeypatch.setitem(__import__("sys").modules, "google.colab", types.ModuleType("google.colab"))
    assert "File > Download > Download .ipynb" in told()


def test_its_html_says_the_same_and_escapes_it(shell, course, monkeypatch):  # noqa: F811
    odd = course.with_name("<b>&.ipynb")
    monkeypatch.setenv("JPY_SESSION_NAME", str(odd))
    save(odd, RIGHT)
    shown = hand_in("9", checks=CHECKS)._repr_html_()
    assert "&lt;b&gt;&amp;.ipynb" in shown and "<progress" in shown and shown.count("<li>") == 4


def test_it_does_nothing_while_a_submission_is_graded(monkeypatch):
    monkeypatch.setenv("LECTURE_GRADING", "1")
    assert isinstance(hand_in("1"), feedback.Deferred)


HELPER = "def twice(x):\n    return 2 * x\n"
WITH_HELPER = "# Task 9.1\ndef double(x):\n    return twice(x)\n"


def test_a_helper_that_was_run_and_not_saved_is_told(shell, course):  # noqa: F811
    run(shell, HELPER, WITH_HELPER)
    save(course, WITH_HELPER)
    text = told()
    assert "does not contain your last version of twice, which an answer uses" in text and "The file to" not in text
    save(course, HELPER, WITH_HELPER)
    assert "The file to hand in is" in told()


def test_names_that_an_answer_does_not_use_need_not_be_saved(shell, course):  # noqa: F811
    run(shell, "mean = 0\nx = 3\n", "# Task 9.1\ndef double(x):\n    return x + x.clone().mul(1)\n")
    save(course, "# Task 9.1\ndef double(x):\n    return x + x.clone().mul(1)\n")
    assert "The file to hand in is" in told()


def test_each_name_of_a_task_has_to_be_saved(shell, course, tmp_path):  # noqa: F811
    one = tmp_path / "two_names.py"
    one.write_text(CHECKS.read_text().replace('names=["double"]', 'names=["double", "half"]'))
    run(shell, RIGHT, "def half(x):\n    return x / 2\n")
    save(course, "def half(x):\n    return x / 2\n")
    assert "does not contain your last answer to task 9.1" in repr(hand_in("9", checks=one))


def test_a_definition_counts_though_its_cell_stopped_below_it(shell, course):  # noqa: F811
    run(shell, "# Task 9.1\ndef double(x):\n    return x\n", f"{RIGHT}\n1 / 0\n")
    save(course, f"{RIGHT}\n1 / 0\n")
    assert "The file to hand in is" in told()


def test_an_answer_in_a_file_beside_the_notebook_is_told(shell, course, monkeypatch):  # noqa: F811
    (course.parent / "my_helpers.py").write_text("def twice(x):\n    return 2 * x\n")
    monkeypatch.syspath_prepend(str(course.parent))
    for source in (f"from my_helpers import twice\n{WITH_HELPER}", "from my_helpers import twice as double\n"):
        run(shell, source)
        save(course, source)
        text = told()
        assert "uses my_helpers.py, but only the notebook is handed in: copy what is needed into it" in text
    run(shell, RIGHT)
    save(course, RIGHT)
    assert "my_helpers" not in told()


def test_what_was_not_checked_is_not_called_unsolved(shell, course, monkeypatch):  # noqa: F811
    monkeypatch.setattr("lecture_utils.grading.progress._SECONDS", 0.5)
    run(
        shell,
        "# Task 9.1\ndef double(x):\n    while True:\n        pass\n",
        "def reverse(word):\n    return word[::-1]\n",
    )
    text = told()
    assert "Task 9.1 is not solved yet" in text
    assert (
        'Tasks 9.2, 9.3 were not checked, since the others took too long: run check("9.2"), check("9.3"), and' in text
    )
    run(shell, RIGHT)
    assert "not checked, since" not in told()


def test_a_notebook_that_was_saved_under_another_name_is_thought_of(shell, course):  # noqa: F811
    run(shell, RIGHT)
    save(course, "print(1)")
    assert "If this notebook has another name by now, restart the kernel first" in told()
