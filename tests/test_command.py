"""The command `lecture grade`: its options, what it prints, and how it ends."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import psutil
import pytest
from conftest import ROOT
from grading_bank.command import CHECKS, grade, rows_of
from grading_bank.submissions import RIGHT1, RIGHT2, RIGHT3, WRONG1, notebook
from test_fork_server import run_folder  # noqa: F401 - one fork server for every test here

from lecture_grader import grade_one, sandbox
from lecture_grader.results import Results

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")


@pytest.fixture
def small(tmp_path):
    """Two submissions, one in a folder of its own."""
    folder = tmp_path / "handed in"
    (folder / "Bea").mkdir(parents=True)
    (folder / "=cmd|x.ipynb").write_bytes(notebook([RIGHT1]))
    (folder / "Bea" / "my work.ipynb").write_bytes(notebook([RIGHT1, RIGHT2, RIGHT3]))
    return folder, tmp_path / "out"


def test_killed_half_way_it_goes_on(small):
    folder, out = small
    assert grade(folder, "--out", out, "--seed", 5).exit_code == 0
    whole = rows_of(out)
    lines = (out / "results.jsonl").read_bytes().splitlines(keepends=True)
    (out / "results.jsonl").write_bytes(lines[0] + lines[1][:30])  # as a crash leaves it
    (out / "grades.csv").unlink()
    done = grade(folder, "--out", out, "--seed", 5)
    assert done.output.count("from before") == 1
    for student, row in rows_of(out).items():
        assert {**row, "seconds": 0} == {**whole[student], "seconds": 0}
    assert len((out / "results.jsonl").read_bytes().splitlines()) == 2
    (folder / "Bea" / "my work.ipynb").write_bytes(notebook([RIGHT1, RIGHT2]))  # handed in again
    assert grade(folder, "--out", out, "--seed", 5).output.count("from before") == 1
    assert rows_of(out)["Bea"]["points"] == 3
    assert grade(folder, "--out", out, "--seed", 5, "--fresh").output.count("from before") == 0


def test_names_from_outside_do_no_harm(small):
    folder, out = small
    assert grade(folder, "--out", out).exit_code == 0
    table = (out / "grades.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in table] == ["student", "'=cmd|x", "Bea"]
    assert len(list((out / "reports").iterdir())) == 2


def test_links_and_pipes_are_not_followed(tmp_path):
    (tmp_path / "link.ipynb").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "two").mkdir()
    for name in ("a.ipynb", "b.ipynb"):
        (tmp_path / "two" / name).write_bytes(notebook([RIGHT1]))
    (tmp_path / "none").mkdir()
    done = grade(tmp_path, "--out", tmp_path / "out")
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
    done = grade(folder, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert {name: row["points"] for name, row in rows_of(tmp_path / "out").items()} == {"Aki": 1, "\ufffd": 1}


def test_a_fault_of_the_grader_costs_one_row(small, monkeypatch):
    folder, out = small
    whole = grade_one.grade_notebook
    monkeypatch.setattr(
        grade_one, "grade_notebook", lambda content, *a, **k: whole(content, *a, **k) if len(content) > 200 else 1 / 0
    )
    assert grade(folder, "--out", out).exit_code == 0
    rows = rows_of(out)
    assert rows["Bea"]["points"] == 7 and rows["=cmd|x"]["points"] is None
    assert "ZeroDivisionError" in rows["=cmd|x"]["notes"][0]


programs = pytest.mark.parametrize("program", ["course_tools", "course_tools.cli"], ids=["forked", "itself"])


@programs
def test_killed_for_real_it_goes_on_and_leaves_nothing_behind(small, program):
    folder, out = small
    for name in range(14):
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
    assert 0 < len(before) < 16
    done = grade(folder, "--out", out, "--seed", "4")
    assert done.exit_code == 0 and done.output.count("from before") == len(before)
    lines = (out / "results.jsonl").read_text().splitlines()
    assert lines[: len(before)] == before and len(lines) == len(rows_of(out)) == 16


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
    assert (running.returncode, "the same command again" in said) == (130, True), said


def test_gradescope(small):
    folder, out = small
    assert grade(folder, "--out", out).exit_code == 0
    done = grade(folder, "--out", out, "--format", "gradescope")
    assert done.exit_code == 0 and done.output.count("from before") == 2
    result = json.loads((out / "gradescope" / "Bea" / "results.json").read_text())
    assert result["score"] == 7 and [t["max_score"] for t in result["tests"]] == [1, 2, 4]
    assert {t["status"] for t in result["tests"]} == {"passed"}


def test_a_student_sees_what_the_instructor_sees(tmp_path):
    path = tmp_path / "mine.ipynb"
    path.write_bytes(notebook([RIGHT1, RIGHT2, "# Task 9.3\ndef reverse(word):\n    return word"]))
    done = grade(path, "--out", tmp_path / "out")
    assert done.exit_code == 0 and "✗ not solved 9.3" in done.output and "Try it on 'abc'" in done.output
    assert rows_of(tmp_path / "out")["mine"]["tasks"]["9.1"]["cases"] == 2  # the visible ones
    page = (tmp_path / "out" / "reports" / "mine.html").read_text()
    assert "2 visible cases passed; 3 more are run when graded" in page and "(hidden)" not in page


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
    done = grade(*arguments, checks=None)
    assert done.exit_code == 2 and words in done.output + capfd.readouterr().err


def test_checks_that_cannot_be_loaded_are_named(tmp_path, capfd):
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0")
    (tmp_path / "a.ipynb").write_bytes(notebook([]))
    done = grade(tmp_path, checks=broken)
    assert done.exit_code == 2 and "ZeroDivisionError" in done.output + capfd.readouterr().err


def test_no_protection_no_grading_unless_told(small, monkeypatch, capfd):
    folder, out = small
    monkeypatch.setattr(sandbox, "require", lambda: (_ for _ in ()).throw(sandbox.SandboxError("no namespaces")))
    done = grade(folder, "--out", out)
    assert done.exit_code == 2 and "no namespaces" in done.output + capfd.readouterr().err and not out.exists()
    done = grade(folder, "--out", out, "--allow-unsandboxed")
    assert done.exit_code == 0 and done.output.startswith("NOT PROTECTED")
    assert rows_of(out)["Bea"]["points"] == 7


def test_one_grader_at_a_time(small, capfd):
    folder, out = small
    results = Results(out)
    done = grade(folder, "--out", out)
    results.close()
    assert done.exit_code == 2 and "another grader" in done.output + capfd.readouterr().err
    assert grade(folder, "--out", out).exit_code == 0


def test_the_command_runs_as_a_module_and_under_the_old_names_of_options(small):
    """In a folder that is no course, where nothing is released: ``python -m lecture_grader``."""
    folder, out = small
    words = [folder, "--checks", CHECKS, "--out", out, "--cold", "--held-out"]
    command = [sys.executable, "-m", "lecture_grader", *map(str, words)]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert " New processes (--no-fork), " in done.stdout.splitlines()[0]
    assert rows_of(out)["Bea"]["tasks"]["9.1"]["cases"] == 5, "the hidden ones, too"


def test_grading_needs_linux(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(sys, "platform", "win32")
    done = grade(tmp_path)
    assert done.exit_code == 2 and "use WSL" in done.output + capfd.readouterr().err


def test_the_released_notebook_is_found_and_does_not_count(tmp_path, monkeypatch, capfd):
    course = tmp_path / "course"
    (course / "exercises").mkdir(parents=True)
    given = "x = [1, 2, 3]\ny = [n + 1 for n in x if n > 0]\nz = {n: n * n for n in y if n % 2}\nprint(x, y, z, len(z))"
    (course / "exercises" / "01_words.ipynb").write_bytes(notebook([given], nbformat_minor=4))
    (course / "in").mkdir()
    (course / "in" / "Aki.ipynb").write_bytes(notebook([given]))
    (course / "in" / "Bo.ipynb").write_bytes(notebook([given]))
    monkeypatch.chdir(course / "in")
    words = [".", "--exercise", "1", "--out", "../out"]
    done = grade(*words, "--visible-only", checks=None)
    assert done.exit_code == 0 and "Empty: Aki" in done.output and "Nearly the same" not in done.output
    (tmp_path / "broken.ipynb").write_text("{")
    done = grade(*words, "--released", tmp_path / "broken.ipynb", checks=None)
    assert done.exit_code == 2 and "broken.ipynb is not a valid notebook" in done.output + capfd.readouterr().err
    done = grade(*words, "--due", "tomorrow", checks=None)
    assert done.exit_code == 2 and "write a time such as" in done.output + capfd.readouterr().err


def test_same_seed_same_grade(small):
    folder, out = small
    grade(folder, "--out", out, "--seed", 1)
    first = rows_of(out)
    grade(folder, "--out", out / "again", "--seed", 1)
    again = rows_of(out / "again")
    assert {s: {**r, "seconds": 0} for s, r in first.items()} == {s: {**r, "seconds": 0} for s, r in again.items()}


def test_without_a_seed_nothing_that_is_written_tells_one(small):
    folder, out = small
    assert grade(folder, "--out", out).exit_code == 0
    rows = rows_of(out)
    assert {row["seed"] for row in rows.values()} == {None} and "seed=None" in rows["Bea"]["key"]["settings"]
    assert all("seed" not in page.read_text() for page in (out / "reports").iterdir())
    done = grade(folder, "--out", out)
    assert done.output.count("from before") == 2, "other bits are no reason to grade again"


def test_a_fault_of_a_check_stops_the_run_and_loses_no_row(tmp_path):
    checks = tmp_path / "checks.py"
    fault = "    if student.call('double', 3.0) == 9:\n        undefined_name\n"
    source = CHECKS.read_text().replace("    expect(student.call", fault + "    expect(student.call", 1)
    checks.write_text(source)
    folder, out = tmp_path / "handed in", tmp_path / "out"
    folder.mkdir()
    for student, answer in (("Aki", RIGHT1), ("Bea", RIGHT1.replace("2 * x", "x ** 2")), ("Cem", RIGHT1)):
        (folder / f"{student}.ipynb").write_bytes(notebook([answer]))
    done = grade(folder, "--out", out, "--workers", 1, checks=checks)
    line = source[: source.index("undefined_name")].count("\n") + 1
    assert done.exit_code == 2
    words = (
        f"the check of task 9.1 has a fault, at checks.py, line {line}: NameError: name 'undefined_name' is not defined"
    )
    assert words in " ".join(done.output.split())
    assert list(rows_of(out)) == ["Aki"] and (out / "grades.csv").read_text("utf-8-sig").count("\n") == 2
    checks.write_text(source.replace("undefined_name", "pass"))
    assert grade(folder, "--out", out, "--workers", 1, checks=checks).exit_code == 0


def test_a_zip_of_moodle_from_end_to_end_and_graded_again(tmp_path, monkeypatch):
    """Marks, page, files for Moodle; after a changed check or one new hand-in, only what changed is graded."""
    checks = tmp_path / "my_checks.py"
    checks.write_text(CHECKS.read_text())
    files = {"Aki Satō_101_assignsubmission_file_/w.ipynb": notebook([RIGHT1, RIGHT2, RIGHT3]),
             "Bea_102_assignsubmission_file_/v.ipynb": notebook([WRONG1, RIGHT2, RIGHT3]),
             "Cem_103_assignsubmission_file_/": b""}  # fmt: skip
    packed, out = tmp_path / "class.zip", tmp_path / "out"

    def pack():
        with zipfile.ZipFile(packed, "w") as file:
            for name, content in files.items():
                file.writestr(name, content)

    def grade_again():
        done = grade(packed, "--out", out, "--seed", "3", "--format", "moodle", checks=checks)
        assert done.exit_code == 0, done.output
        return done.output

    pack()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    said = grade_again()
    assert {s: row["points"] for s, row in rows_of(out).items()} == {"Aki Satō_101": 7, "Bea_102": 6, "Cem_103": None}
    assert "Empty: Cem_103" in said and "class.html" in said
    with (out / "moodle.csv").open(newline="", encoding="utf-8") as file:
        assert [line["Grade"] for line in csv.DictReader(file)] == ["7", "6", ""]
    assert not list(temporary.iterdir())
    files["Bea_102_assignsubmission_file_/v.ipynb"] = notebook([RIGHT1, RIGHT2, RIGHT3])
    pack()
    said = grade_again()
    assert said.count("from before") == 2 and rows_of(out)["Bea_102"]["points"] == 7
    assert "Graded again: 1 because the notebook changed." in said
    said = grade_again()
    assert said.count("from before") == 3 and "again" not in said
    checks.write_text(CHECKS.read_text() + "\n# a changed check\n")
    said = grade_again()
    assert said.count("from before") == 0 and said.count("again: the checks changed)") == 3
    assert "Graded again: 3 because the checks changed." in said
