"""What a student does works where there is no Linux; tests/windows.py takes away what Windows has not."""

import json
import os
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_notebook

NOTEBOOK = [
    "import sys\nsys.path.append(r'TESTS')\nimport windows\nwindows.become_windows()",
    "from lecture_utils import *\nimport torch\nfrom ipywidgets import IntSlider",
    "device = get_device()\nload_dataset('digits', train=True)\nseed_everything(0)",
    "show_images(torch.rand(2, 1, 8, 8), alt='noise')",
    "def arithmetic(x, y):\n    return x\nassert '✗' in repr(check('1.1'))",
    "assert 'To hand in' in repr(hand_in('1')) and progress('1').points == 0",
    "quiz('1 + 1?', {2: 'Right.', 3: 'One too many.'}, answer=2)",
    "explore(lambda k: subplots(alt=f'k = {k}')[0], k=IntSlider(3))",
    "import course_tools.doctor\nassert course_tools.doctor.sys.platform == 'win32'",
]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What each command says on a Windows with a Western code page whose output goes into a file, and its status."""
    folder = tmp_path_factory.mktemp("windows")
    cells = [new_code_cell(source.replace("TESTS", str(ROOT / "tests"))) for source in NOTEBOOK]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "all.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    commands = {
        "doctor": ["doctor"],
        "grade": ["grade", path, "--exercise", "1"],
        "run": ["run", path, "--out", folder / "out"],
        "lint": ["lint", path],
        "slides": ["slides", path, "--out", folder / "slides"],
        "badges": ["badges", "--check"],
    }
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "windows.py", json.dumps([list(map(str, c)) for c in commands.values()])],
        cwd=ROOT,
        env={**os.environ, "https_proxy": "http://127.0.0.1:9", "PYTHONIOENCODING": "cp1252", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = done.stdout.decode("cp1252").split("exit status ")
    assert len(said) == len(commands) + 1, said
    texts = [said[0], *(text.partition("\n")[2] for text in said[1:])]
    statuses = [int(text.partition("\n")[0]) for text in said[1:]]
    return dict(zip(commands, zip(texts, statuses, strict=False), strict=True))


def test_no_command_ends_with_a_traceback(told):
    assert not [name for name, (text, _) in told.items() if "Traceback" in text], told


def test_the_doctor_finds_a_healthy_machine(told):
    text, status = told["doctor"]
    assert status == 0 and "!!" not in text, text
    assert "-- grading    grading needs Linux (on Windows: WSL)" in text and "only `lecture grade` needs it" in text
    assert "no GPU found" not in text or "-> no GPU found" in text, "an arrow that the code page has"


def test_grading_says_what_it_needs(told):
    assert told["grade"] == ("lecture: grading needs Linux: use WSL\n", 2)


def test_a_notebook_runs_with_all_that_students_use(told):
    text, status = told["run"]
    assert status == 0 and "no safe fork on win32" in text, text


@pytest.mark.parametrize("name, status", [("lint", 1), ("slides", 0), ("badges", 0)])
def test_an_author_s_commands_work(told, name, status):
    """The notebook was never run, which `lecture lint` finds."""
    assert told[name][1] == status, told[name]


def test_only_what_builds_the_sandbox_needs_another_system(told):
    """All else can be imported: for its help, its types, or to say that it needs Linux."""
    names = ("autograder", "launcher", "plain_container")
    failed = told["doctor"][0].partition("ok python")[0].splitlines()
    assert [line.partition(": ")[0] for line in failed] == [f"lecture_grader.{name}" for name in names]
