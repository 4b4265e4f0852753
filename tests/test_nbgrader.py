"""A course of nbgrader's own making: hand-ins from its folders, marks into its gradebook."""

import csv
import json
import os
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT
from grading_bank.command import grade

from lecture_grader.repair import task_id_of
from lecture_utils.grading.tasks import load_exercise

linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "pytorch"
c.LateSubmissionPlugin.penalty_method = "zero"
"""
PREPARE = """
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db", "pytorch") as book:
    book.update_or_create_assignment("ps1", course_id="pytorch", duedate="2026-11-20 12:00:00")
"""
BY_HAND = """
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db", "pytorch") as book:
    grade = book.find_grade("task-1-1-check", "01_tensors", "ps1", "wrong")
    grade.manual_score = 0.5
    book.db.commit()
"""
READ = """
import json
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db", "pytorch") as book:
    print(json.dumps({s.student.id: {g.name: [g.auto_score, g.score, g.needs_manual_grade]
                      for n in s.notebooks for g in n.grades} for s in book.assignment_submissions("ps1")}))
"""


@pytest.fixture(scope="module")
def course(nbgrader, tmp_path_factory):
    """A course of nbgrader's own making: exercise 1 released, four hand-ins; and a way to run nbgrader in it."""
    home = tmp_path_factory.mktemp("nbgrader")
    root, source = home / "course", ROOT / "solutions" / "01_tensors.ipynb"

    path = f"{nbgrader.parent}{os.pathsep}{os.environ['PATH']}"

    def command(*words):
        done = subprocess.run(
            [nbgrader, *words],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=300,
            env=os.environ | {"HOME": str(home), "PATH": path},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (root / "source" / "ps1").mkdir(parents=True)
    (root / "source" / "ps1" / source.name).write_bytes(source.read_bytes())
    (root / "nbgrader_config.py").write_text(CONFIG)
    command("-m", "nbgrader", "generate_assignment", "ps1", "--create")
    command("-c", PREPARE)
    given = nbformat.read(root / "release" / "ps1" / source.name, as_version=4)
    solved = {cell.id: cell.source for cell in nbformat.read(source, as_version=4).cells}

    def hand_in(student, *, wrong=(), time="2026-11-20 11:00:00.000000 UTC", name=source.name):
        filled = nbformat.from_dict(given)
        for cell in filled.cells:
            task = task_id_of(cell.source)
            if task and task not in wrong:
                cell.source = solved[cell.id]
        target = root / "submitted" / student / "ps1"
        target.mkdir(parents=True)
        nbformat.write(filled, target / name)
        (target / "timestamp.txt").write_text(time)

    hand_in("right", name="my answers.ipynb")
    hand_in("wrong", wrong=("1.1", "1.8"))
    hand_in("too late", time="2026-11-20 13:30:00.000000 UTC")
    hand_in("broken")
    (root / "submitted" / "broken" / "ps1" / source.name).write_text('{"cells": [')
    (root / "submitted" / "somebody" / "ps0").mkdir(parents=True)
    return root, command


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--assignment", "ps7"], "no assignment 'ps7': there are ps1"),
        (["--exercise", "02"], "no notebook of the assignments ps1"),
    ],
)
def test_what_is_wrong_with_a_course_is_said(words, said, nbgrader, course, tmp_path, capfd):
    more = [] if "--exercise" in words else ["--exercise", "01"]
    more += ["--out", tmp_path / "out", "--nbgrader-python", nbgrader]
    done = grade("--nbgrader", course[0], *words, *more, checks=None)
    assert done.exit_code == 2 and said in done.output + capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@linux
def test_a_course_of_nbgrader(nbgrader, course, tmp_path):
    root, command = course

    def grade_course():
        words = ["--exercise", "01", "--out", tmp_path / "out", "--seed", "1", "--nbgrader-python", nbgrader]
        done = grade("--nbgrader", root, *words, checks=None)
        assert done.exit_code == 0, done.output
        return done.output, json.loads(command("-c", READ).splitlines()[-1])

    said, book = grade_course()
    assert "Late: too late (by 0 d 1 h 30 min)" in said and "Renamed: right (my answers.ipynb)" in said
    exercise = load_exercise("01")
    points = {f"task-{one.id.replace('.', '-')}-check": float(one.points) for one in exercise.tasks}
    lost = {"task-1-1-check": 0.0, "task-1-8-check": 0.0}
    assert {s: {cell: auto for cell, (auto, *_) in cells.items()} for s, cells in book.items()} == {
        "right": points,
        "wrong": points | lost,
        "too late": points,
        "broken": dict.fromkeys(points),
    }
    assert {s: {by_hand for *_, by_hand in cells.values()} for s, cells in book.items()} == {
        "right": {False}, "wrong": {False}, "too late": {False}, "broken": {True},
    }  # fmt: skip

    command("-m", "nbgrader", "export")
    with (root / "grades.csv").open(newline="") as file:
        exported = {line["student_id"]: line for line in csv.DictReader(file)}
    most = exercise.max_points
    few = most - exercise["1.1"].points - exercise["1.8"].points
    assert {s: float(line["score"]) for s, line in exported.items()} == {
        "right": most,
        "wrong": few,
        "too late": 0,
        "broken": 0,
    }
    assert float(exported["too late"]["raw_score"]) == most and float(exported["right"]["max_score"]) == most
    assert exported["too late"]["timestamp"].startswith("2026-11-20 13:30")
    for student in book:
        page = (root / "feedback" / student / "ps1" / "01_tensors.html").read_text()
        assert f"Exercise 01: {student}" in page
        assert (root / "feedback" / student / "ps1" / "timestamp.txt").read_text().startswith("2026-11-20")

    command("-c", BY_HAND)  # what a person gave stays, and is to be looked at again
    said, book = grade_course()
    assert said.count("from before") == 4
    assert book["wrong"]["task-1-1-check"] == [0.0, 0.5, True]


def test_no_course_and_no_nbgrader_are_said(tmp_path, capfd):
    for words, said in [
        (["--nbgrader", tmp_path / "nowhere"], "is no folder"),
        (["--nbgrader", tmp_path, "--nbgrader-python", tmp_path / "python"], "No such file"),
        (["--nbgrader", tmp_path, tmp_path], "name either"),
        (["--nbgrader", tmp_path, "--nbgrader-python", "/bin/false"], "it ended without a message"),
        (["--nbgrader", tmp_path, "--nbgrader-python", sys.executable], "[nbgrader]"),
    ]:
        done = grade(*words, "--exercise", "01", checks=None)
        assert done.exit_code == 2 and said in done.output + capfd.readouterr().err, words
