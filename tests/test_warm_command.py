"""`lecture grade` in a fork: the same as in a process of its own, and strangers' code learns nothing of it."""

import csv
import json
import os
import pty
import signal
import subprocess
import sys
import time

import psutil
import pytest
from conftest import ROOT
from grading_bank.submissions import RIGHT1, RIGHT2, RIGHT3, notebook
from test_warm import SEARCH, gone

from lecture_grader import fork_server_kernels as warm

pytestmark = pytest.mark.skipif(warm.why_no_fork() is not None, reason=str(warm.why_no_fork()))
CHECKS = ROOT / "tests" / "grading_bank" / "checks.py"


@pytest.fixture
def lecture(tmp_path, monkeypatch):
    """Run the program; its parents live in a folder of this test."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("LECTURE_WARM_MINUTES", "0.5")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments, **options):
        command = [sys.executable, "-m", "course_tools", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=200, **options)

    yield run
    left = parents(tmp_path)
    for process in left:
        process.kill()
    assert gone(left) == []


def parents(tmp_path):
    """The processes that programs are forked from, of this test."""
    return [
        p for p in psutil.process_iter(["cmdline"])
        if any(str(tmp_path) in word for word in p.info["cmdline"] or []) and p.ppid() == 1
    ]  # fmt: skip


def test_marks_output_and_exit_status_are_those_of_a_process_of_its_own(lecture, tmp_path):
    handed_in = tmp_path / "in"
    handed_in.mkdir()
    for name, cells in {"a": [RIGHT1], "b": [RIGHT1, RIGHT2, RIGHT3], "c": ["1 / 0"]}.items():
        (handed_in / f"{name}.ipynb").write_bytes(notebook(cells))
    said, marks, there = {}, {}, []
    for out in "first", "second", "cold":
        more = ["--cold"] if out == "cold" else []
        done = lecture(
            "grade", "in", "--checks", CHECKS, "--out", out, "--seed", 5, "--workers", 1, *more, cwd=tmp_path
        )
        assert done.returncode == 0 and done.stderr == ""
        said[out] = [line.split(" (graded")[0] for line in done.stdout.replace(out, "OUT").splitlines()[1:]]
        marks[out] = [row[:5] + row[6:] for row in csv.reader((tmp_path / out / "grades.csv").open())]
        there.append(parents(tmp_path))
    assert said["first"] == said["second"] == said["cold"] and len(said["cold"]) > 5
    assert marks["first"] == marks["second"] == marks["cold"] and len(marks["cold"]) == 4
    assert len(there[0]) == 1 and there[0] == there[1], "one parent, which stayed"
    wrong = lecture("grade", "nowhere", "--checks", CHECKS, cwd=tmp_path)
    assert wrong.returncode == 2 and "neither a notebook nor a folder" in wrong.stderr


def test_strangers_find_neither_the_environment_of_the_grader_nor_the_socket(lecture, tmp_path):
    look = (
        "import os\nopened = [os.readlink(f'/proc/self/fd/{fd}') for fd in range(3)]\n"
        f"print(opened, os.path.exists({str(tmp_path)!r}), open('/proc/self/environ').read(), sorted(os.environ))"
    )
    (tmp_path / "nosy.ipynb").write_bytes(notebook([SEARCH, look]))
    program = (
        "from pathlib import Path\nfrom lecture_grader import grade_one as grader\n"
        "from lecture_utils.grading.tasks import load_exercise\nimport json\n"
        f"content = Path({str(tmp_path / 'nosy.ipynb')!r}).read_bytes()\n"
        f"grade = grader.grade_notebook(content, load_exercise({str(CHECKS)!r}), seed=1)\n"
        "print(json.dumps([[output['text'] for output in cell['outputs']] for cell in grade.cells]))\n"
    )
    # in the grader's environment and arguments, the needle for which SEARCH looks
    needle = "left-by-the-first-"
    run = "import sys; from lecture_grader.fork_server_kernels import run_in_fork; "
    run += f"sys.exit(run_in_fork({program!r}, [{needle!r} * 50]))"
    for _ in range(2):  # a parent that has served one such command serves the next
        done = subprocess.run(
            [sys.executable, "-c", run], capture_output=True, text=True, env=os.environ | {"SECRET": needle * 50}
        )
        assert done.returncode == 0, done.stderr
        (found,), (seen,) = json.loads(done.stdout)
    assert found.startswith("NOTHING"), found
    assert needle not in seen
    assert seen.startswith("['/dev/null', ") and "] False PATH=" in seen  # no terminal, no folder with the socket
    assert len(parents(tmp_path)) == 1


def test_it_has_the_terminal_folder_environment_and_time_zone_of_its_caller(lecture, tmp_path):
    program = (
        "import os, sys, time\nprint(os.isatty(1), os.getcwd(), os.environ['OF_MINE'], time.tzname[0], sys.argv[1:])\n"
        "print('to stderr', file=sys.stderr)\nsys.exit(7)"
    )
    call = "import sys; from lecture_grader.fork_server_kernels import run_in_fork; "
    call += f"sys.exit(run_in_fork({program!r}, ['an argument', 'ä']))"
    ours, theirs = pty.openpty()
    environment = os.environ | {"OF_MINE": "grün", "TZ": "Asia/Tokyo"}
    done = subprocess.run(
        [sys.executable, "-c", call], stdout=theirs, stderr=subprocess.PIPE, cwd=tmp_path, env=environment, text=True
    )
    assert done.returncode == 7 and done.stderr == "to stderr\n"
    assert os.read(ours, 1000).decode().strip() == f"True {tmp_path} grün JST ['an argument', 'ä']"
    os.close(ours), os.close(theirs)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signals_are_handed_on_and_nobody_outlives_the_caller(lecture, tmp_path, number):
    program = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(100)"
    call = "import sys; from lecture_grader.fork_server_kernels import run_in_fork; "
    call += f"sys.exit(run_in_fork({program!r}, []))"
    running = subprocess.Popen(
        [sys.executable, "-c", call], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    forked = psutil.Process(int(running.stdout.readline()))
    time.sleep(0.3)
    running.send_signal(number)
    _, said = running.communicate(timeout=20)
    assert gone([forked]) == []
    # Python turns the first into an exception, the second ends it
    expected = {signal.SIGINT: (1, "KeyboardInterrupt"), signal.SIGTERM: (143, ""), signal.SIGKILL: (-9, "")}[number]
    assert running.returncode == expected[0] and expected[1] in said


def test_the_parent_ends_when_nobody_has_called_for_so_long(lecture, tmp_path, monkeypatch):
    monkeypatch.setenv("LECTURE_WARM_MINUTES", "0.05")
    assert "not a number" not in lecture("grade", "nowhere", "--checks", CHECKS, cwd=tmp_path).stderr
    left = parents(tmp_path)
    assert len(left) == 1 and gone(left, 20) == []
    assert [p.name for p in (tmp_path / f"lecture-warm-{os.getuid()}").iterdir() if p.is_file()] == ["lock"]


@pytest.mark.parametrize("variable", ["PYTHONWARNINGS", "LECTURE_WARM_MINUTES", "XDG_RUNTIME_DIR"])
def test_where_it_cannot_be_forked_it_runs_all_the_same(lecture, tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, str(tmp_path / "gone" / "for ever") if variable.startswith("XDG") else "ignore")
    (tmp_path / "a.ipynb").write_bytes(notebook([RIGHT1]))
    done = lecture("grade", "a.ipynb", "--checks", CHECKS, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0 and "1 of 7" in done.stdout
    assert (parents(tmp_path) == []) == (variable != "PYTHONWARNINGS")
