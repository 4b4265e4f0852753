"""Grading of strangers' notebooks: right marks, no harm, nothing lost.

The bank in grading_bank/ is graded once, as a folder; each test looks at one submission's row.
"""

import csv
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import ROOT
from grading_bank.submissions import BANK, PATCHES, RIGHT1, RIGHT2, RIGHT3, notebook
from test_fork_server import run_folder, servers  # noqa: F401 - run_folder is for every test here
from typer.testing import CliRunner

from course_tools.cli import app
from lecture_grader import grade_class as classes
from lecture_grader import grade_one as grader
from lecture_grader import report, sandbox
from lecture_utils.grading.tasks import load_exercise

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
CHECKS = ROOT / "tests" / "grading_bank" / "checks.py"
NEEDLE = "zyx" + "quux"
WORST = [
    "endless loop that swallows", "no signals", "os exit", "segfault", "kill everyone", "kill itself", "stop itself",
    "30 GB", "memory bit by bit", "shared memory bit by bit", "fork bomb", "thread bomb", "1 GB past Python",
    "filling the disk", "an orphan", "a socket", "passwd", "the home folder", "writing to the course", "its socket",
    "a namespace", "a debugger", "the first process", "recursion", "a searcher", "a deadly function",
    "workers of a loader", "patched worker",
]  # fmt: skip


def lecture(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def rows_of(out):
    return {row["student"]: row for row in map(json.loads, (out / "results.jsonl").read_text().splitlines())}


def grade_bank(names, folder, out, *more):
    """Those submissions of the bank, graded with the command: folder, results, what it printed."""
    for name in names:
        content = BANK[name][0]
        content = content() if callable(content) else content
        (folder / f"{name}.ipynb").write_bytes(notebook(content) if isinstance(content, list) else content)
    before = {p.name: hashlib.sha256(p.read_bytes()).digest() for p in folder.iterdir()}
    done = lecture("grade", folder, "--checks", CHECKS, "--out", out, "--time-limit", 8, "--memory-limit", 2, *more)
    assert done.exit_code == 0, done.output
    assert before == {p.name: hashlib.sha256(p.read_bytes()).digest() for p in folder.iterdir()}
    return folder, out, done.output


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    return grade_bank(BANK, tmp_path_factory.mktemp("submissions"), tmp_path_factory.mktemp("graded"))


@pytest.fixture(scope="module")
def graded_cold(tmp_path_factory):
    """The worst of the bank, each in a Python of its own."""
    return grade_bank(
        WORST,
        tmp_path_factory.mktemp("submissions"),
        tmp_path_factory.mktemp("graded"),
        "--cold",
        "--memory-limit",
        1.25,
    )


@pytest.mark.parametrize("name", WORST)
def test_marks_of_the_worst_are_the_same_in_new_processes(graded, graded_cold, name):
    rows = rows_of(graded[1])[name], rows_of(graded_cold[1])[name]
    print(*((row["status"], row["points"], row["seconds"], row["notes"]) for row in rows))
    assert rows[0]["points"] == rows[1]["points"]
    assert rows[1]["status"] in BANK[name][2]


def test_the_first_line_names_the_way(graded, graded_cold):
    assert " Warm processes, " in graded[2].splitlines()[0]
    assert " Cold processes (--cold), " in graded_cold[2].splitlines()[0]


def test_what_workers_are_forked_from_knows_nothing(graded, run_folder, monkeypatch):  # noqa: F811
    """Its memory, which each fork can read, holds no check; it has one thread and few open files."""
    grader.grade_notebook(notebook([RIGHT1, RIGHT2, RIGHT3]), load_exercise(CHECKS), seed=0)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # ours and its own are both 1
    (process,) = servers(run_folder)
    parent = process.pid
    assert not memory_holds(parent, [NEEDLE.encode(), b"in-" + NEEDLE.encode(), b"Try it on 'abc'.", b"class Evil"])
    assert memory_holds(parent, [b"lecture_utils"]), "the search finds what is there"
    assert process.num_threads() == 1 and process.num_fds() < 15
    secret = {name: value for name, value in os.environ.items() if process.environ().get(name) == value}
    assert set(secret) <= {"PATH", "LANG", "CUDA_VISIBLE_DEVICES"} and process.environ()["CUDA_VISIBLE_DEVICES"] == ""


def memory_holds(pid, words):
    """Which of the words are somewhere in a process's own memory."""
    found = set()
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            if line.split()[1].startswith("rw"):
                start, end = (int(part, 16) for part in line.split()[0].split("-"))
                try:
                    memory.seek(start)
                    content = memory.read(end - start)
                except (OSError, ValueError, OverflowError):
                    continue
                found |= {word for word in words if word in content}
    return found


@pytest.mark.parametrize("name", BANK)
def test_marks_of_the_bank(graded, name):
    _, points, statuses = BANK[name]
    row = rows_of(graded[1])[name]
    print(name, row["status"], row["points"], row["seconds"], row["notes"])
    if name in PATCHES:  # what it patches may break its other answers or its process, which is its own loss
        assert not row["tasks"]["9.1"]["points"]
    else:
        assert row["points"] == points
        assert row["status"] in statuses


def test_one_row_for_each_in_order(graded):
    with (graded[1] / "grades.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["student"] for row in rows] == sorted(BANK)
    for row in rows:
        assert (row["points"] == "") == (row["status"] == "unreadable"), "no mark is not the mark 0"
        assert set(row) == {"student", "exercise", "points", "max_points", "status", "seconds", "9.1", "9.2", "9.3"}
    assert len((graded[1] / "results.jsonl").read_text().splitlines()) == len(BANK)


def test_nothing_that_is_held_out_comes_out(graded):
    _, out, printed = graded
    files = [p for p in out.rglob("*") if p.is_file()]
    assert len(files) > len(BANK)
    for file in files:
        content = file.read_text()
        assert NEEDLE[::-1] not in content, file
        if "inputs in its error" not in content:  # that one shows the input of a visible case
            assert NEEDLE not in content, file
    assert NEEDLE not in printed
    assert "NOTHING" in (out / "reports" / "a searcher.html").read_text()


def test_held_out_inputs_do_not_come_out_through_an_error(tmp_path):
    answer = (
        "seen = []\ndef reverse(word):\n    seen.append(word)\n    print(word)\n"
        "    if len(seen) > 1: raise {}\n    return word[::-1]"
    )
    exercise = load_exercise(CHECKS)
    for error in ("ValueError(word)", "type(word, (Exception,), {})(word)", "NotImplementedError(word)"):
        grade = grader.grade_notebook(notebook([answer.replace("{}", error, 1)]), exercise, seed=0)
        (verdict,) = [v for v in grade.verdicts if v.task == "9.3"]
        assert verdict.status != "passed" and verdict.hidden
        row = classes.to_row("me", exercise, "", 0, grade)
        assert NEEDLE not in json.dumps(row) and NEEDLE not in report.render(row, grade, exercise)


def test_reports_are_inert_and_small(graded):
    for page_file in (graded[1] / "reports").glob("*.html"):
        page = page_file.read_text()
        assert len(page.encode()) < 1_000_000, page_file
        assert "default-src 'none'" in page
        assert not re.search(r"<(script|iframe|object|embed|svg|link|form)\b", page, re.IGNORECASE), page_file
        assert not re.search(r"<[^>]*\son\w+\s*=", page), page_file


def test_no_process_outlives_the_grading(graded):
    left = [p.info["cmdline"] for p in psutil.process_iter(["cmdline"]) if "1234.5" in (p.info["cmdline"] or [])]
    assert left == []


def test_mended_notebooks_say_so(graded):
    rows = rows_of(graded[1])
    assert "parts of one" in rows["split"]["notes"][0]
    assert "run as code" in rows["retyped"]["notes"][0]
    assert "empty copy" in rows["a copy of the stub"]["notes"][0]
    assert "the last one counts" in rows["duplicated, the last wins"]["notes"][0]
    assert "further down" in " ".join(rows["out of order"]["notes"])


def test_the_first_line_names_the_protections_and_the_last_lines_the_class(graded):
    lines = graded[2].splitlines()
    assert lines[0].startswith("In force: ") and "network" in lines[0] and "memory" in lines[0]
    assert "the class" in graded[2] and "9.2 A network" in graded[2] and "%" in graded[2]


def test_a_second_run_keeps_the_rows(graded):
    folder, out, _ = graded
    before, table = (out / "results.jsonl").read_bytes(), (out / "grades.csv").read_bytes()
    done = lecture("grade", folder, "--checks", CHECKS, "--out", out, "--time-limit", 8, "--memory-limit", 2)
    assert done.exit_code == 0 and done.output.count("from before") == len(BANK)
    assert (out / "results.jsonl").read_bytes() == before and (out / "grades.csv").read_bytes() == table


@pytest.fixture
def small(tmp_path):
    """Two submissions, one in a folder of its own."""
    folder = tmp_path / "handed in"
    (folder / "Bea").mkdir(parents=True)
    (folder / "=cmd|x.ipynb").write_bytes(notebook([RIGHT1]))
    (folder / "Bea" / "my work.ipynb").write_bytes(notebook([RIGHT1, RIGHT2, RIGHT3]))
    return folder, tmp_path / "out"


def run_small(folder, out, *more):
    return lecture("grade", folder, "--checks", CHECKS, "--out", out, *more)


def test_killed_half_way_it_goes_on(small):
    folder, out = small
    assert run_small(folder, out, "--seed", 5).exit_code == 0
    whole = rows_of(out)
    lines = (out / "results.jsonl").read_bytes().splitlines(keepends=True)
    (out / "results.jsonl").write_bytes(lines[0] + lines[1][:30])  # as a crash leaves it
    (out / "grades.csv").unlink()
    done = run_small(folder, out)  # the seed is that of the rows
    assert done.output.count("from before") == 1
    for student, row in rows_of(out).items():
        assert {**row, "seconds": 0} == {**whole[student], "seconds": 0}
    assert len((out / "results.jsonl").read_bytes().splitlines()) == 2
    (folder / "Bea" / "my work.ipynb").write_bytes(notebook([RIGHT1, RIGHT2]))  # handed in again
    assert run_small(folder, out).output.count("from before") == 1
    assert rows_of(out)["Bea"]["points"] == 3
    assert run_small(folder, out, "--fresh").output.count("from before") == 0


def test_names_from_outside_do_no_harm(small):
    folder, out = small
    assert run_small(folder, out).exit_code == 0
    table = (out / "grades.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in table] == ["student", "'=cmd|x", "Bea"]
    assert len(list((out / "reports").iterdir())) == 2


def test_links_and_pipes_are_not_followed(tmp_path):
    (tmp_path / "link.ipynb").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "two").mkdir()
    for name in ("a.ipynb", "b.ipynb"):
        (tmp_path / "two" / name).write_bytes(notebook([RIGHT1]))
    (tmp_path / "none").mkdir()
    done = run_small(tmp_path, tmp_path / "out")
    assert done.exit_code == 0, done.output
    rows = rows_of(tmp_path / "out")
    assert {name: row["status"] for name, row in rows.items()} == dict.fromkeys(
        ["link", "pipe", "two", "none"], "unreadable"
    )
    assert rows["two"]["notes"] == ["the folder holds 2 notebooks, not one"]


def test_names_that_are_no_text_and_what_a_mac_adds(tmp_path):
    folder = tmp_path / "handed in"
    (folder / "Aki" / ".ipynb_checkpoints").mkdir(parents=True)
    (folder / "__MACOSX").mkdir()
    for name in ("Aki/work.ipynb", "Aki/.ipynb_checkpoints/work.ipynb", "Aki/._work.ipynb", "._Bo.ipynb"):
        (folder / name).write_bytes(notebook([RIGHT1]))
    (folder / os.fsdecode(b"\xff.ipynb")).write_bytes(notebook([RIGHT1]))
    done = run_small(folder, tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert {name: row["points"] for name, row in rows_of(tmp_path / "out").items()} == {"Aki": 1, "\ufffd": 1}


def test_a_fault_of_the_grader_costs_one_row(small, monkeypatch):
    folder, out = small
    whole = grader.grade_notebook
    monkeypatch.setattr(
        grader, "grade_notebook", lambda content, *a, **k: whole(content, *a, **k) if len(content) > 200 else 1 / 0
    )
    assert run_small(folder, out).exit_code == 0
    rows = rows_of(out)
    assert rows["Bea"]["points"] == 7 and rows["=cmd|x"]["points"] is None
    assert "ZeroDivisionError" in rows["=cmd|x"]["notes"][0]


programs = pytest.mark.parametrize("program", ["course_tools", "course_tools.cli"], ids=["forked", "itself"])


@programs
def test_killed_for_real_it_goes_on_and_leaves_nothing_behind(small, program):
    folder, out = small
    for name in range(40):
        (folder / f"{name}.ipynb").write_bytes(
            notebook([RIGHT1, "import subprocess; subprocess.Popen(['sleep', '777.5'])"])
        )
    command = [sys.executable, "-m", program, "grade", folder, "--checks", CHECKS, "--out", out]
    command += ["--workers", "2", "--seed", "4"]
    running = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not ((out / "results.jsonl").is_file() and rows_of(out)) and time.monotonic() < deadline:
        time.sleep(0.01)
    running.kill()
    running.wait()
    time.sleep(1)
    left = [p.info["cmdline"] for p in psutil.process_iter(["cmdline"]) if "777.5" in (p.info["cmdline"] or [])]
    assert left == []
    before = (out / "results.jsonl").read_text().splitlines()  # a fork may have written one more before its end
    assert 0 < len(before) < 42
    done = run_small(folder, out, "--seed", "4")
    assert done.exit_code == 0 and done.output.count("from before") == len(before)
    lines = (out / "results.jsonl").read_text().splitlines()
    assert lines[: len(before)] == before and len(lines) == len(rows_of(out)) == 42


@programs
def test_interrupted_it_ends_soon(small, program):
    folder, out = small
    (folder / "slow.ipynb").write_bytes(notebook(["while True: pass"]))
    command = [sys.executable, "-m", program, "grade", folder, "--checks", CHECKS, "--out", out]
    running = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (out / "results.jsonl").is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)  # the limit of the cell is 60 s
    assert running.returncode == 130 and "the same command goes on" in said


def test_gradescope(small):
    folder, out = small
    assert run_small(folder, out, "--format", "gradescope").exit_code == 0
    result = json.loads((out / "gradescope" / "Bea" / "results.json").read_text())
    assert result["score"] == 7 and [t["max_score"] for t in result["tests"]] == [1, 2, 4]
    assert {t["status"] for t in result["tests"]} == {"passed"}


def test_a_student_sees_what_the_instructor_sees(tmp_path):
    path = tmp_path / "mine.ipynb"
    path.write_bytes(notebook([RIGHT1, RIGHT2, "# Task 9.3\ndef reverse(word):\n    return word"]))
    done = run_small(path, tmp_path / "out")
    assert done.exit_code == 0 and "✗ not solved 9.3" in done.output and "Try it on 'abc'" in done.output
    assert rows_of(tmp_path / "out")["mine"]["tasks"]["9.1"]["cases"] == 2  # the visible ones
    page = (tmp_path / "out" / "reports" / "mine.html").read_text()
    assert "2 visible cases passed; 3 more are run when graded" in page and "(held out)" not in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere", "--exercise", "1"], "neither a notebook nor a folder"),
        ([".", "--exercise", "77"], "no checks for exercise"),
        (["."], "--exercise NN"),
        ([".", "--exercise", "1", "--checks", "x.py"], "--exercise NN"),
        ([".", "--checks", "missing.py"], "no checks"),
        ([".", "--exercise", "1"], "holds no submissions"),
    ],
)
def test_wrong_usage(arguments, words, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    done = lecture("grade", *arguments)
    assert done.exit_code == 2 and words in done.output + capfd.readouterr().err


def test_checks_that_cannot_be_loaded_are_named(tmp_path, capfd):
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0")
    (tmp_path / "a.ipynb").write_bytes(notebook([]))
    done = lecture("grade", tmp_path, "--checks", broken)
    assert done.exit_code == 2 and "ZeroDivisionError" in done.output + capfd.readouterr().err


def test_no_protection_no_grading_unless_told(small, monkeypatch, capfd):
    folder, out = small
    monkeypatch.setattr(sandbox, "require", lambda: (_ for _ in ()).throw(sandbox.SandboxError("no namespaces")))
    done = run_small(folder, out)
    assert done.exit_code == 2 and "no namespaces" in done.output + capfd.readouterr().err and not out.exists()
    done = run_small(folder, out, "--allow-unsandboxed")
    assert done.exit_code == 0 and done.output.startswith("NOT PROTECTED")
    assert rows_of(out)["Bea"]["points"] == 7


def test_a_missing_protection_is_noticed(monkeypatch):
    monkeypatch.setattr(sandbox, "_system_folders", lambda: ())  # no Python in there: it cannot start
    with pytest.raises(sandbox.SandboxError, match="cannot be had here"):
        sandbox.require()


def test_one_grader_at_a_time(small, capfd):
    folder, out = small
    results = classes.Results(out)
    done = run_small(folder, out)
    results.close()
    assert done.exit_code == 2 and "another grader" in done.output + capfd.readouterr().err
    assert run_small(folder, out).exit_code == 0


def test_same_seed_same_grade(small):
    folder, out = small
    run_small(folder, out, "--seed", 1)
    first = rows_of(out)
    run_small(folder, out / "again", "--seed", 1)
    again = rows_of(out / "again")
    assert {s: {**r, "seconds": 0} for s, r in first.items()} == {s: {**r, "seconds": 0} for s, r in again.items()}


def test_the_worked_example_of_the_readme(tmp_path):
    (code,) = re.findall(r"```python\n# my_checks\.py\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    checks = tmp_path / "my_checks.py"
    checks.write_text(code)
    answers = {
        "right": "def softmax(x):\n    e = (x - x.max()).exp()\n    return e / e.sum()",
        "overflows": "def softmax(x):\n    return x.exp() / x.exp().sum()",
        "no sum": "def softmax(x):\n    return x.exp()",
    }
    folder, out = tmp_path / "handed in", tmp_path / "out"
    folder.mkdir()
    for student, answer in answers.items():
        (folder / f"{student}.ipynb").write_bytes(notebook([f"# Task 9.1\n{answer}"]))
    done = lecture("grade", folder, "--checks", checks, "--out", out)
    assert done.exit_code == 0, done.output
    rows = rows_of(out)
    assert {s: row["points"] for s, row in rows.items()} == {"right": 3, "overflows": 0, "no sum": 0}
    assert "subtract the largest" in rows["overflows"]["tasks"]["9.1"]["hint"]
    assert "Divide by the sum" in rows["no sum"]["tasks"]["9.1"]["hint"]
