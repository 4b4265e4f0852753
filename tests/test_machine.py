"""Grading of notebooks that try the machine, and of those that use it as they may: one class, as root or as a user."""

import sys

import pytest
from grading_bank.command import grade_bank, rows_of
from grading_bank.machine import ATTACKS, HONEST, MACHINE
from test_fork_server import run_folder  # noqa: F401 - for every test here

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
