"""Grading of strangers' notebooks: right marks, no harm, nothing lost.

The bank in grading_bank/ is graded once, as a folder; each test looks at one submission's row.
"""

import csv
import json
import os
import re
import sys
from pathlib import Path

import psutil
import pytest
from grading_bank.command import CHECKS, grade, grade_bank, rows_of
from grading_bank.submissions import BANK, RIGHT1, RIGHT2, RIGHT3, TAMPERING, notebook
from test_fork_server import run_folder, servers  # noqa: F401 - run_folder is for every test here

from lecture_grader import grade_one, sandbox
from lecture_grader.report import render
from lecture_grader.results import to_row
from lecture_utils.grading.tasks import load_exercise

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
NEEDLE = "zyx" + "quux"


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    return grade_bank(BANK, tmp_path_factory)


def test_the_first_line_names_the_way(graded):
    assert " Forked processes, " in graded[2].splitlines()[0]


def test_what_workers_are_forked_from_knows_nothing(graded, run_folder, monkeypatch):  # noqa: F811
    """Its memory, which each fork can read, holds no check; it has one thread and few open files."""
    grade_one.grade_notebook(notebook([RIGHT1, RIGHT2, RIGHT3]), load_exercise(CHECKS), seed=0)
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
    assert row["points"] == points
    assert row["status"] in statuses


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_named_and_leaves_no_mark(graded, name):
    row = rows_of(graded[1])[name]
    assert [verdict["points"] for verdict in row["tasks"].values()] == [None] * 3
    assert any(note.startswith("the notebook replaced ") for note in row["notes"])
    assert "Not judged, since the notebook replaced " in (graded[1] / "reports" / f"{name}.html").read_text()


def test_one_row_for_each_in_order(graded):
    with (graded[1] / "grades.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["student"] for row in rows] == sorted(BANK)
    for row in rows:
        assert (row["points"] == "") == (row["status"] == "unreadable"), "no mark is not the mark 0"
        whole = {"student", "exercise", "points", "max_points", "status", "seconds", "automatic"}
        assert set(row) == {*whole, "9.1", "9.2", "9.3", "late", "deduction", "excused", "comment"}
    assert len((graded[1] / "results.jsonl").read_text().splitlines()) == len(BANK)


def test_nothing_hidden_comes_out(graded):
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


def test_hidden_inputs_do_not_come_out_through_an_error(tmp_path):
    answer = (
        "seen = []\ndef reverse(word):\n    seen.append(word)\n    print(word)\n"
        "    if len(seen) > 1: raise {}\n    return word[::-1]"
    )
    exercise = load_exercise(CHECKS)
    errors = ["ValueError(word)", "type(word, (Exception,), {})(word)", "type(word, (Exception,), {})()"]
    for error in [*errors, "NotImplementedError(word)"]:
        grade = grade_one.grade_notebook(notebook([answer.replace("{}", error, 1)]), exercise, seed=0)
        (verdict,) = [v for v in grade.verdicts if v.task == "9.3"]
        assert verdict.status != "passed" and verdict.hidden
        row = to_row("me", exercise, grade, seed=0, fingerprint={})
        assert NEEDLE not in json.dumps(row) and NEEDLE not in render(row, grade, exercise)


# The worker's report of what was replaced is made where the submission runs.
NAMES_THE_INPUT = {
    "in the frames": (
        "f = sys._getframe()\nwhile f:\n    if 'found' in f.f_locals: f.f_locals['found'].add(word)\n    f = f.f_back"
    ),
    "in the reply": (
        "channel = signal.getsignal(signal.SIGINT).__self__.channel\nsend = channel.send\n"
        "channel.send = lambda message, *rest: send(message | {'replaced': [word]}, *rest)"
    ),
    "in replies made up": (
        "channel = signal.getsignal(signal.SIGINT).__self__.channel\nchannel.send({'ok': True}, word[::-1])\n"
        "for _ in range(6): channel.send({'replaced': [word]})"
    ),
    "by the choice of functions": (
        "names = sorted(k for k, v in vars(torch.nn.functional).items() if callable(v) and k[:1] != '_')\n"
        "name = names[sum(word.encode()) % len(names)]\nsetattr(torch.nn.functional, name, lambda *a: None)\n"
    ),
}


@pytest.mark.parametrize("name", NAMES_THE_INPUT)
def test_hidden_inputs_do_not_come_out_through_the_names_of_what_is_replaced(name):
    body = "".join(f"        {line}\n" for line in NAMES_THE_INPUT[name].split("\n"))
    answer = "import signal, sys\nseen = []\ndef reverse(word):\n    seen.append(word)\n    if len(seen) > 1:\n"
    exercise = load_exercise(CHECKS)
    grade = grade_one.grade_notebook(notebook([f"{answer}{body}    return word[::-1]"]), exercise, seed=0)
    row = json.dumps(to_row("me", exercise, grade, seed=0, fingerprint={})["tasks"]["9.3"]) + str(grade.notes)
    assert grade.status == "tampered" and "the notebook replaced " in row
    assert NEEDLE not in row and "torch.nn.functional" not in row


def test_hidden_inputs_do_not_come_out_through_the_end_of_the_process(tmp_path):
    checks = tmp_path / "checks.py"
    checks.write_text(
        CHECKS.read_text().replace("    expected = f", "    student.case = f'a word | {word}'\n    expected = f")
    )
    exercise = load_exercise(checks)
    answer = "import os\nseen = []\ndef reverse(word):\n    seen.append(word)\n    if len(seen) > 1: os._exit(0)\n"
    grade = grade_one.grade_notebook(notebook([answer + "    return word[::-1]"]), exercise, seed=0)
    row = to_row("me", exercise, grade, seed=0, fingerprint={})
    assert row["tasks"]["9.3"]["case"] == "a word"
    assert NEEDLE not in json.dumps(row) and NEEDLE not in render(row, grade, exercise)


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
    done = grade(folder, "--out", out, "--time-limit", 8, "--memory-limit", 2)
    assert done.exit_code == 0 and done.output.count("from before") == len(BANK)
    assert (out / "results.jsonl").read_bytes() == before and (out / "grades.csv").read_bytes() == table


def test_a_missing_protection_is_noticed(monkeypatch):
    monkeypatch.setattr(sandbox, "_system_folders", lambda: ())  # no Python in there: it cannot start
    with pytest.raises(sandbox.SandboxError, match="is not available here"):
        sandbox.require()
