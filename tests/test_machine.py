"""Grading of notebooks that try the machine, and of those that use it as they may: one class, as root or as a user."""

import sys

import pytest
from conftest import repeats
from grading_bank.command import CHECKS, grade, grade_bank, rows_of
from grading_bank.machine import ATTACKS, HONEST, MACHINE
from grading_bank.submissions import RIGHT1, RIGHT2, RIGHT3, notebook
from test_fork_server import run_folder  # noqa: F401 - for every test here

from lecture_grader import grade_class, sandbox, submissions
from lecture_utils.grading.tasks import load_exercise

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    return grade_bank(MACHINE, tmp_path_factory, "--memory-limit", 2, "--time-limit", 40, bank=MACHINE)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_costs_only_itself(graded, name):
    row = rows_of(graded[1])[name]
    print(row["status"], row["points"], row["seconds"], row["notes"])
    assert (row["points"], row["status"] in MACHINE[name][2]) == (7, True)


@pytest.mark.parametrize("name", HONEST)
def test_what_notebooks_use_works(graded, name):
    row = rows_of(graded[1])[name]
    report = (graded[1] / "reports" / f"{name}.html").read_text()
    _, found, error = report.partition('class="shown error"')
    print(row["status"], row["notes"], error[:3000])
    assert (row["points"], row["status"], found) == (3, "graded", "")


STARVERS = {
    "in sessions of their own": "os.setsid()\n        while True: pass",
    "in one session": "while True: pass",
    "that end and begin again": "while True:\n            if os.fork() == 0: end(0.3)\n            os.wait()",
}


@pytest.mark.parametrize("name", repeats(*STARVERS))
def test_a_neighbour_that_was_starved_keeps_its_points(name, tmp_path):
    """Processes that spin leave a core's share to each of them; the neighbour's cell is slow, not endless."""
    spin = f"""
import os, time
def end(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until: pass
    os._exit(0)
for _ in range(20):
    if os.fork() == 0:
        {STARVERS[name]}
time.sleep(14)
"""
    honest = "import time\nuntil = time.process_time() + 1\nwhile time.process_time() < until: pass"
    for student, cells in {"honest": [honest, RIGHT1, RIGHT2, RIGHT3], "starver": [spin, RIGHT1]}.items():
        (tmp_path / f"{student}.ipynb").write_bytes(notebook(cells))
    found = [submissions.Submission(name, tmp_path / f"{name}.ipynb") for name in ("starver", "honest")]
    options = grade_class.GradingOptions(limits=sandbox.Limits(cell_seconds=5, total_seconds=60))
    rows = [
        row for row, _ in grade_class.grade_class(found, load_exercise(CHECKS), tmp_path / "out", options, workers=2)
    ]
    by_name = {row["student"]: row for row in rows}
    print([(row["student"], row["status"], row["seconds"], row["notes"]) for row in rows])
    assert len(rows) == 2 and (by_name["honest"]["points"], by_name["honest"]["status"]) == (7, "graded")


@pytest.mark.parametrize("secret", ["the class", "the results", "the checks"])
def test_the_command_refuses_where_submissions_could_read_what_is_secret(secret, tmp_path, monkeypatch):
    shown, elsewhere = tmp_path / "lib", tmp_path / "home"
    real = sandbox._system_folders()
    monkeypatch.setattr(sandbox, "_system_folders", lambda: (*real, shown))
    places = {name: shown if name == secret else elsewhere for name in ("the class", "the results", "the checks")}
    for folder in (shown, elsewhere):
        (folder / "in").mkdir(parents=True)
        (folder / "in" / "ann.ipynb").write_bytes(notebook([RIGHT1]))
        (folder / "checks.py").write_bytes(CHECKS.read_bytes())
    done = grade(
        places["the class"] / "in", "--out", places["the results"] / "out", checks=places["the checks"] / "checks.py"
    )
    assert done.exit_code == 2 and "every submission could read" in done.output.replace("\n", " ")
    assert not (elsewhere / "out").exists() and not (shown / "out").exists()
