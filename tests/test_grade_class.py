"""Grading a class: the order, the executor and a queue change no mark."""

import shutil
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from conftest import ROOT
from grading_bank.submissions import RIGHT1, RIGHT2, RIGHT3, notebook

from lecture_grader import grade_class, grade_one, sandbox, submissions
from lecture_utils.grading.tasks import load_exercise

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
CHECKS = ROOT / "tests" / "grading_bank" / "checks.py"


def test_time_in_a_queue_is_not_the_students(monkeypatch):
    check = grade_one.run_check
    monkeypatch.setattr(grade_one, "run_check", lambda *args, hidden: time.sleep(1.5) or check(*args, hidden=hidden))
    limits = sandbox.Limits(total_seconds=4)
    grade = grade_one.grade_notebook(notebook([RIGHT1, RIGHT2, RIGHT3]), load_exercise(CHECKS), seed=0, limits=limits)
    assert (grade.status, grade.points) == ("graded", 7)


def test_any_executor_grades_alike(tmp_path):
    exercise = load_exercise(CHECKS)
    handed_in = tmp_path / "in"
    handed_in.mkdir()
    for name, cells in {
        "a": [RIGHT1],
        "b": [RIGHT1, RIGHT2],
        "c": ["1 / 0"],
        "d": [RIGHT3, "print(torch.rand(1))"],
    }.items():
        (handed_in / f"{name}.ipynb").write_bytes(notebook(cells))
    found = submissions.find_submissions(handed_in, exercise, tmp_path / "scratch")
    options = grade_class.GradingOptions(seed=3)
    for out, executor in ("here", None), ("there", ProcessPoolExecutor(2, get_context("spawn"))):
        list(grade_class.grade_class(found, exercise, tmp_path / out, options, workers=2, executor=executor))
    executor.shutdown()
    here, there = (grade_class.Results(tmp_path / out).rows for out in ("here", "there"))
    assert [{**here[s], "seconds": 0} for s in "abcd"] == [{**there[s], "seconds": 0} for s in "abcd"]


def test_no_more_notebooks_are_read_than_are_under_way():
    class Pool:
        def submit(self, function, job):
            future = grade_class.Future()
            waiting.append((future, job))
            if len(waiting) == 3:
                waiting.pop(1)[0].set_result(grade_class.Result({}, "", {}))  # not in order
            return future

    waiting, read = [], []
    results = grade_class.run_jobs((read.append(n) or n for n in range(1, 11)), Pool(), 3)
    for taken in range(1, 5):
        next(results)
        assert len(read) <= taken + 2
    results.close()
    assert all(future.cancelled() for future, _ in waiting)


def test_a_class_half_graded_by_an_earlier_version_is_graded_again(tmp_path):
    folder, out = tmp_path / "handed in", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    shutil.copy(ROOT / "tests" / "grading_bank" / "old_results.jsonl", out / "results.jsonl")
    for student in ("Aki", "Dan"):
        (folder / f"{student}.ipynb").write_bytes(notebook([RIGHT1, RIGHT2, RIGHT3]))

    def graded(**options):
        found = submissions.find_submissions(folder, load_exercise(CHECKS), tmp_path)
        return {
            row["student"]: (reason, row)
            for row, reason in grade_class.grade_class(found, load_exercise(CHECKS), out, **options)
        }

    first = graded()
    assert {student: reason for student, (reason, _) in first.items()} == {"Aki": "grader", "Dan": "new"}
    assert first["Aki"][1]["seed"] is None and first["Dan"][1]["seed"] is None, "fresh bits, which nobody learns"
    assert first["Aki"][1]["key"]["grader"] == grade_class.GRADER_VERSION
    assert {reason for reason, _ in graded().values()} == {""}
    assert {reason for reason, _ in graded(options=grade_class.GradingOptions(hidden=False)).values()} == {"settings"}


@pytest.mark.parametrize(
    ("becomes", "again"),
    [
        ({}, []),
        ({"a": "slow"}, []),
        ({"b": "greedy"}, []),
        ({"a": "slow", "b": "greedy"}, ["a"]),
        ({"a": "greedy", "b": "slow"}, ["b"]),
        ({"a": "slow greedy"}, []),
        ({"a": "slow greedy", "b": "slow greedy"}, ["a", "b"]),
        ({"a": "slow", "d": "greedy"}, []),
        ({"a": "slow", "b": "greedy", "a alone": "slow greedy"}, ["a"]),
    ],
)
def test_who_ran_out_of_time_beside_a_greedy_one_is_tried_once_more_alone(becomes, again):
    class Hand:
        """An executor: two jobs run at a time, and the first of them ends first."""

        def submit(self, function, job):
            name = f"{job.student} alone" if job.alone else job.student
            if job.alone:
                assert all(future.done() for _, future in begun), "nothing runs beside it"
            future = grade_class.Future()
            begun.append((name, future))
            under_way = [(name, future) for name, future in begun if not future.done()]
            for name, one in under_way[: len(under_way) - 1] if not job.alone else under_way:
                finish(name, one)
            return future

    def finish(name, future):
        how = becomes.get(name, "")
        future.set_result(grade_class.Result({"student": name}, "", {}, "slow" in how, "greedy" in how))

    begun = []
    exercise = load_exercise(CHECKS)
    jobs = [grade_class.Job(name, b"", "", exercise, {}, grade_class.GradingOptions()) for name in "abcd"]
    threading.Timer(0.5, lambda: [finish(*one) for one in begun if not one[1].done()]).start()
    names = [result.row["student"] for result in grade_class.run_jobs(jobs, Hand(), 2)]
    assert sorted(names) == sorted(name if name not in again else f"{name} alone" for name in "abcd"), "each once"
    assert [name for name, _ in begun if "alone" in name] == [f"{name} alone" for name in again]
