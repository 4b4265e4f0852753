"""Credit for a part of an answer: every case is run, parts count on their own, and some tasks wait for a person."""

import json
import sys

import pytest
from commands import invoke
from nbformat import writes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from test_fork_server import run_folder  # noqa: F401 - one fork server for every test here

from lecture_utils.grading.progress import points_now
from lecture_utils.grading.student import LiveStudent
from lecture_utils.grading.tasks import load_exercise, task
from lecture_utils.grading.verdict import points_of, run_check

CHECKS = """
import torch
from lecture_utils.grading import expect, task

SETUP = "import torch"


PARTS = {"shape": 1, "values": 3}
@task("9.1", "Standardise", points=4, parts=PARTS, difficulty=1, minutes=1, names=["f"], hints=["h"])
def standardise(student, rng, case):
    x = torch.tensor(rng.normal(size=(3, 2)), dtype=torch.float32)
    result = student.call("f", x)
    with student.part("shape"):
        expect(tuple(result.shape), (3, 2))
    with student.part("values"):
        expect(result, x - x.mean(0))


@task("9.2", "Even", points=2, per_case=True, difficulty=1, minutes=1, names=["g"], hints=["h"])
def even(student, rng, case):
    expect(student.call("g", case), case % 2 == 0)


@task("9.3", "Explain", points=3, manual="Names both reasons: 1.5 points each.", difficulty=1, minutes=1, names=[],
      hints=[])
def explain(student, rng, case):
    ...


@task("9.4", "More", points=1, bonus=True, difficulty=1, minutes=1, names=["h"], hints=["h"])
def more(student, rng, case):
    expect(student.call("h", case), case)
"""


@pytest.fixture
def exercise(tmp_path):
    file = tmp_path / "my_checks.py"
    file.write_text(CHECKS)
    return load_exercise(file)


def judged(exercise, task_id, *, hidden=True, **names):
    verdict = run_check(exercise[task_id], LiveStudent(names), 0, hidden=hidden)
    return verdict, points_of(exercise[task_id], verdict)


def test_every_case_is_run_so_that_one_of_ten_and_nine_of_ten_differ(exercise):
    verdict, points = judged(exercise, "9.2", g=lambda n: n == 0)
    assert (verdict.status, verdict.passed, verdict.cases, points) == ("failed", 6, 10, 1.2)
    assert not verdict.hidden, "the first failure is told: case 3"
    verdict, points = judged(exercise, "9.2", g=lambda n: n % 2 == 0 if n else 1 / 0)
    assert (verdict.passed, points, verdict.error_kind) == (9, 1.8, "ZeroDivisionError")
    assert judged(exercise, "9.2", g=lambda n: n % 2 == 0)[1] == 2


@pytest.mark.parametrize(
    "f, points, parts",
    [
        (lambda x: x - x.mean(0), 4, []),
        (lambda x: x * 2, 1, ["shape"]),
        (lambda x: (x - x.mean(0))[:2], 0, []),
        (lambda x: 1 / 0, 0, []),
        (lambda x: x - x.mean(0) if x[0, 0] > 0 else x, 1, ["shape"]),
        (lambda x: "text", 0, []),
    ],
)
def test_a_part_counts_if_it_is_right_in_every_case(exercise, f, points, parts):
    verdict, got = judged(exercise, "9.1", f=f)
    assert (got, verdict.parts) == (points, parts) and verdict.status == ("passed" if points == 4 else "failed")


def test_a_stub_or_a_call_that_takes_too_long_ends_the_task_at_once(exercise):
    calls = []

    def slow(n):
        calls.append(n)
        raise TimeoutError("too long")

    assert judged(exercise, "9.2", g=slow)[0].status == "failed" and calls == [0]
    assert judged(exercise, "9.2")[0].status == "todo"


def test_in_the_notebook_the_call_that_failed_is_shown_and_what_is_right_so_far(exercise, monkeypatch, tmp_path):
    from lecture_utils.grading import feedback

    monkeypatch.setenv("LECTURE_PROGRESS", str(tmp_path / "progress.jsonl"))
    monkeypatch.setattr(feedback, "notebook_names", lambda: {"f": lambda x: x * 2, "g": lambda n: n == 0})
    shown = repr(feedback.check("9.1", checks=exercise.file[0], seed=0))
    assert "right so far: shape." in shown
    assert feedback.check("9.2", checks=exercise.file[0], seed=0).case.args == (2,)
    assert "a person marks this task" in repr(feedback.check("9.3", checks=exercise.file[0]))
    assert "marked by a person" in repr(points_now("9", exercise.file[0]))


@pytest.mark.parametrize(
    "more", [{"parts": {"a": 1}}, {"parts": {"a": 3, "b": -1}}, {"parts": {"a": 2}, "per_case": True}]
)
def test_parts_must_add_up(more):
    with pytest.raises(ValueError, match="parts"):
        task("9.1", "T", points=2, difficulty=1, minutes=1, names=["f"], hints=[], **more)


def test_a_part_that_does_not_exist_is_the_fault_of_the_check(exercise, tmp_path):
    file = tmp_path / "wrong.py"
    file.write_text(CHECKS.replace('student.part("shape")', 'student.part("shpae")'))
    with pytest.raises(ValueError, match="no part 'shpae', only shape, values"):
        judged(load_exercise(file), "9.1", f=lambda x: x)


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
def test_a_class_gets_parts_and_a_page_to_mark(exercise, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    cells = [
        new_code_cell("# Task 9.1\ndef f(x):\n    return 2 * x"),
        new_code_cell("# Task 9.2\ndef g(n):\n    return n == 0"),
        new_markdown_cell("## Task 9.3: Explain"),
        new_markdown_cell("Because of <script>alert(1)</script> and this."),
        new_code_cell("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"),
        new_markdown_cell("## Task 9.4: More"),
        new_code_cell("# Task 9.4\ndef h(n):\n    return n"),
    ]
    (folder / "Aki.ipynb").write_text(writes(new_notebook(cells=cells)))
    (folder / "Bea.ipynb").write_text(writes(new_notebook(cells=cells[:2])))
    own_cell = new_markdown_cell("# Task 9.3\nBoth reasons, in a cell of its own.")
    (folder / "Cem.ipynb").write_text(writes(new_notebook(cells=[*cells[:2], own_cell])))
    done = invoke("grade", folder, "--checks", exercise.file[0], "--out", out)
    assert done.exit_code == 0, done.output
    rows = {row["student"]: row for row in map(json.loads, (out / "results.jsonl").open())}
    assert rows["Aki"]["points"] == 1 + 1.2 + 1 and rows["Aki"]["max_points"] == 9
    assert rows["Aki"]["tasks"]["9.3"]["points"] is None
    assert "Still to be marked by a person: Aki (9.3), Bea (9.3), Cem (9.3)" in done.output, done.output
    page = (out / "marking.html").read_text()
    assert "Names both reasons" in page and "No answer." in page
    assert "and this." in page and "in a cell of its own" in page
    assert "<script" not in page and page.count("data:image/png") == 1
    report = (out / "reports" / "Aki.html").read_text()
    assert "Right all the same: shape" in report and "6 of 10 cases passed" in report
    with (out / "adjust.csv").open("a") as file:
        file.write("Aki,9.3,2.5,one reason is thin,,\nBea,9.3,0,,,\nCem,9.3,3,,,\n")
    done = invoke("grade", folder, "--checks", exercise.file[0], "--out", out)
    assert "Still to be marked" not in done.output
    assert "Aki,09,5.7,9," in (out / "grades.csv").read_text(encoding="utf-8-sig")


TWO_PARTS = """
from lecture_utils.grading import expect, task


@task("9.1", "Two", points=4, parts={"a": 1, "b": 3}, difficulty=1, minutes=1, names=["a", "b"], hints=["h"])
def two(student, rng, case):
    with student.part("a"):
        got = student.call("a", case)
        expect(got, case)
    BETWEEN
    with student.part("b"):
        expect(student.call("b", case), WRONG)
"""


@pytest.fixture
def two_parts(tmp_path):
    def make(between="pass", wrong="-case"):
        file = tmp_path / "two_parts.py"
        file.write_text(TWO_PARTS.replace("BETWEEN", between).replace("WRONG", wrong))
        return load_exercise(file)

    return make


def test_a_part_that_the_check_did_not_come_to_is_not_right(two_parts):
    early = two_parts("if got != case:\n        return")
    verdict, points = judged(early, "9.1", a=lambda n: n + (n == 3), b=lambda n: -n)
    assert (points, verdict.parts) == (0, [])
    assert judged(two_parts(), "9.1", a=lambda n: n + (n == 3), b=lambda n: -n)[1] == 3


def test_what_took_too_long_in_a_part_is_not_called_again(two_parts):
    calls = {"a": 0, "b": 0}

    def a(n):
        calls["a"] += 1
        return n

    def b(n):
        calls["b"] += 1
        raise TimeoutError("too long")

    verdict, points = judged(two_parts(), "9.1", a=a, b=b)
    assert (points, verdict.parts) == (1, ["a"]) and calls == {"a": 10, "b": 1}


def test_a_fault_of_the_check_in_one_part_is_not_hidden_by_a_failure_in_another(two_parts):
    with pytest.raises(ValueError, match="NameError"):
        judged(two_parts(wrong="zerro"), "9.1", a=lambda n: n + 1, b=lambda n: n)


def test_a_wrong_part_is_told_before_one_that_is_missing(two_parts):
    verdict, points = judged(two_parts(), "9.1", b=lambda n: n)
    assert points == 0 and verdict.status == "failed" and "not there" not in verdict.message


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
def test_a_process_that_dies_keeps_the_share_of_the_cases_before(exercise, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    dies = "# Task 9.2\nimport os\ndef g(n):\n    return n % 2 == 0 if n < 5 else os._exit(0)"
    cells = [new_code_cell(dies), new_code_cell("# Task 9.4\ndef h(n):\n    return n")]
    (folder / "Aki.ipynb").write_text(writes(new_notebook(cells=cells)))
    done = invoke("grade", folder, "--checks", exercise.file[0], "--out", out)
    assert done.exit_code == 0, done.output
    (row,) = map(json.loads, (out / "results.jsonl").open())
    assert (row["tasks"]["9.2"]["points"], row["tasks"]["9.4"]["points"]) == (1, 1)
