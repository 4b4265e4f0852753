"""The worst of the bank, each in a Python of its own instead of a fork: their marks are the same."""

import sys

import pytest
from grading_bank.command import grade_bank, rows_of
from grading_bank.submissions import BANK

linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
pytestmark = [linux, pytest.mark.bank]
WORST = [
    "endless loop that swallows", "no signals", "os exit", "segfault", "kill everyone", "kill itself", "stop itself",
    "30 GB", "memory bit by bit", "shared memory bit by bit", "fork bomb", "thread bomb", "1 GB past Python",
    "filling the disk", "an orphan", "a socket", "passwd", "the home folder", "writing to the course", "its socket",
    "a namespace", "a debugger", "the first process", "recursion", "a searcher", "a deadly function",
    "workers of a loader", "patched worker",
]  # fmt: skip


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    return grade_bank(WORST, tmp_path_factory, "--no-fork", "--memory-limit", 1.25)


@pytest.mark.parametrize("name", WORST)
def test_marks_of_the_worst_are_the_same_in_new_processes(graded, name):
    row = rows_of(graded[1])[name]
    print(row["status"], row["points"], row["seconds"], row["notes"])
    assert row["points"] == BANK[name][1]
    assert row["status"] in BANK[name][2]


def test_the_first_line_names_the_way(graded):
    assert " New processes (--no-fork), " in graded[2].splitlines()[0]
