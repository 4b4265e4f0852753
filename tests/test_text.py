"""Text of a submission: nothing of it reaches a terminal, a page or a table as anything but text."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT
from grading_bank.command import CHECKS, grade, rows_of
from grading_bank.submissions import RIGHT1, RIGHT2, RIGHT3, notebook, text
from hypothesis import given
from hypothesis import strategies as st
from test_fork_server import run_folder  # noqa: F401 - one fork server for every test here

from lecture_grader import class_page, grade_class, gradescope, results
from lecture_grader.grade_one import Grade
from lecture_grader.html_page import template
from lecture_grader.report import render
from lecture_grader.submissions import Submission
from lecture_grader.text import all_printable, one_line, printable
from lecture_utils.grading.tasks import load_exercise
from lecture_utils.grading.verdict import Verdict

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
EXERCISE = load_exercise(CHECKS)
# NUL, an escape that moves the cursor up and clears the line, one that writes the clipboard, C1, a lone surrogate, a
# line separator, a direction override, an isolate, a BEL; then a line that looks like the grader's own.
EVIL = (
    "\0\x1b[1A\x1b[2K\x1b]52;c;aGk=\x07\x9b2J\x7f\ud800\u2028\u2029\x85\u202e\u2066\u200f\x08\x0b\x0c\nforged: 7 of 7"
)
EVIL_NAME = EVIL.replace("\0", "").replace("\ud800", "")  # Python takes neither in the name of a class
FORBIDDEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff\ufff9-\ufffb]"
)


# --- one text -------------------------------------------------------------------------------------

KEPT = [
    "山田　太郎", "髙﨑", "ﾊﾝｶｸ", "𠮷野家", "e\u0301", "नमस्ते", "ไทย", "שלום مرحبا", "می‌خواهم",
    "👨‍👩‍👧", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️ 1️⃣", "a\tb\nc", "\xa0\u2009", "\ue000", "∑ − ‰ ﷽", "",
]  # fmt: skip


@pytest.mark.parametrize("kept", KEPT)
def test_every_letter_stays(kept):
    assert printable(kept) == kept


@given(st.text(st.characters(exclude_categories=())), st.none() | st.integers(0, 50))
def test_any_text_becomes_printable(any_text, limit):
    shown = printable(any_text, limit)
    assert not FORBIDDEN.search(shown) and printable(shown) == shown and shown.encode() is not None
    assert limit is None or len(shown) < limit + 40
    line = one_line(any_text, 30)
    assert not FORBIDDEN.search(line) and not {"\n", "\t"} & set(line) and len(line) <= 30


@given(st.text(st.characters(exclude_categories=("C", "Zl", "Zp"))))
def test_text_without_control_characters_is_not_changed(any_text):
    assert printable(any_text) == any_text


# --- all that is written, for submissions that are full of it -------------------------------------

RAISES = f"# Task 9.1\ndef double(x):\n    raise ValueError({EVIL!a})"
NAMED = f"# Task 9.1\ndef double(x):\n    raise type({EVIL_NAME!a}, (Exception,), {{}})({EVIL!a})"
HOSTILE = {
    "an error": [RAISES, RIGHT2, RIGHT3],
    "the class of an error": [NAMED, RIGHT2, RIGHT3],
    "an error of a cell": [f"raise ValueError({EVIL!a})", RIGHT1, RIGHT2, RIGHT3],
    "a class of a cell's error": [
        f"raise type({EVIL_NAME!a}, (Exception,), {{}})()", RIGHT1, RIGHT2, RIGHT3,
    ],
    "an exit": [f"raise SystemExit({EVIL!a})", RIGHT1, RIGHT2, RIGHT3],
    "printed": [f"import sys\nprint({EVIL!a})\nsys.stderr.write({EVIL!a})", RIGHT1, RIGHT2, RIGHT3],
    "warned": [f"import warnings\nwarnings.warn({EVIL!a})", RIGHT1, RIGHT2, RIGHT3],
    "displayed": [f"class A:\n    __repr__ = lambda self: {EVIL!a}\nA()", RIGHT1, RIGHT2, RIGHT3],
    "of the shell": [r"!printf '\033[2K\0\r'", RIGHT1, RIGHT2, RIGHT3],
    "a value": [RIGHT1, RIGHT2, f"# Task 9.3\ndef reverse(word):\n    return {EVIL!a}"],
    "an object": [RIGHT1, f"# Task 9.2\nmodel = type({EVIL_NAME!a}, (), {{}})()", RIGHT3],
    "a source": [f"# {EVIL}", RIGHT1, RIGHT2, RIGHT3],
    "a string of a source": [f"x = '''{EVIL}'''", RIGHT1, RIGHT2, RIGHT3],
    "no Python": [f"x = {EVIL}", RIGHT1, RIGHT2, RIGHT3],
    "a text": [text(EVIL), text(f"# {EVIL}", "raw"), RIGHT1, RIGHT2, RIGHT3],
    "a kind of cell": [{"cell_type": EVIL, "source": EVIL}, RIGHT1, RIGHT2, RIGHT3],
}  # fmt: skip
METADATA = {
    "a language": notebook(["x = 1"], metadata={"language_info": {"name": EVIL}}),
    "a kernel": notebook(["x = 1"], metadata={"kernelspec": {"language": EVIL, "name": EVIL}}),
    "no JSON": EVIL.encode("utf-8", "surrogatepass"),
    "a key": json.dumps({EVIL: EVIL}).encode(),
}
NAMES = ["\x1b[2Kescape", "new\nforged: 7 of 7", "\u202eoverride", "[bold]markup", ":bomb:", "山田　太郎", "back\\"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of results of a class that is full of it, and what the command printed."""
    folder, out = (tmp_path_factory.mktemp(name) for name in ("submissions", "graded"))
    for name, cells in HOSTILE.items():
        (folder / f"{name}.ipynb").write_bytes(notebook(cells))
    for name, content in METADATA.items():
        (folder / f"{name}.ipynb").write_bytes(content)
    for name in NAMES:
        (folder / f"{name}.ipynb").write_bytes(notebook([RIGHT1, RIGHT2, RIGHT3]))
    (folder / os.fsdecode(b"\xff\xfe.ipynb")).write_bytes(notebook([RIGHT1, RIGHT2, RIGHT3]))
    for name in ("in a folder", f"{NAMES[0]}_101_assignsubmission_file_", "山田　太郎_102_assignsubmission_file_"):
        (folder / name).mkdir()
        (folder / name / f"{NAMES[0]}.ipynb").write_bytes(notebook([RIGHT1, RIGHT2, RIGHT3]))
    printed = ""
    for format in ("csv", "gradescope", "moodle", "canvas"):
        done = grade(folder, "--out", out, "--format", format)
        assert done.exit_code == 0, done.output
        printed += done.output
    return out, printed


def strings_of(data):
    if isinstance(data, dict):
        data = [*data, *data.values()]
    if isinstance(data, list):
        return [part for item in data for part in strings_of(item)]
    return [data] if isinstance(data, str) else []


def test_each_submission_has_its_row_and_its_marks(written):
    rows = rows_of(written[0])
    assert len(rows) == len(HOSTILE) + len(METADATA) + len(NAMES) + 4
    lost = {"an error": 6, "the class of an error": 6, "a value": 3, "an object": 5}
    for name in HOSTILE:
        assert rows[name]["points"] == lost.get(name, 7), name
    assert {rows[name]["status"] for name in METADATA} == {"unreadable"}


def test_no_file_holds_a_control_character(written):
    out, _ = written
    files = [path for path in out.rglob("*") if path.is_file() and path.suffix != ".zip"]
    assert {path.suffix for path in files} >= {".html", ".json", ".jsonl", ".csv"} and len(files) > 2 * len(HOSTILE)
    for path in files:
        assert not FORBIDDEN.search(path.name), path
        content = path.read_text(encoding="utf-8").removeprefix("\ufeff")
        found = FORBIDDEN.search(content)
        assert not found, (path, content[max(0, found.start() - 50) :][:100])
    for path in files:
        for document in map(json.loads, path.read_text().splitlines()) if path.suffix == ".jsonl" else ():
            assert not FORBIDDEN.search("".join(strings_of(document))), path
        if path.suffix == ".json":
            assert not FORBIDDEN.search("".join(strings_of(json.loads(path.read_text())))), path


def test_what_platforms_import_holds_the_names(written):
    out, _ = written
    table = (out / "moodle.csv").read_text(encoding="utf-8-sig")
    assert "Participant 102,山田　太郎,7" in table and "Participant 101" in table
    with zipfile.ZipFile(out / "moodle-feedback.zip") as archive:
        assert not FORBIDDEN.search("".join(archive.namelist())) and len(archive.namelist()) == 2


def test_no_control_character_is_printed_and_no_line_is_forged(written):
    printed = written[1]
    assert not FORBIDDEN.search(printed)
    assert not re.search(r"^\s{0,3}forged", printed, re.MULTILINE)
    for kept in ("[bold]markup: 7 of 7", ":bomb:: 7 of 7", "山田　太郎: 7 of 7", "back\\: 7 of 7"):
        assert kept in printed


def test_the_text_is_there_but_for_the_control_characters(written):
    page = (written[0] / "reports" / "printed.html").read_text()
    assert "forged: 7 of 7" in page and "[1A" in page and "�" in page


@pytest.mark.parametrize("name", ["an error", "the class of an error", "an error of a cell", "a value", "a kernel"])
def test_a_single_notebook_prints_none_either(name, tmp_path):
    content = METADATA[name] if name in METADATA else notebook(HOSTILE[name])
    path = tmp_path / f"{NAMES[0]}.ipynb"
    path.write_bytes(content)
    done = grade(path, "--out", tmp_path / "out")
    assert done.exit_code == 0 and not FORBIDDEN.search(done.output)
    assert not re.search(r"^\s{0,3}forged", done.output, re.MULTILINE)


# --- the doors and the sinks alone ----------------------------------------------------------------


def evil_grade():
    verdict = Verdict("9.1", "failed", 0, 5, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL)
    output = [{"kind": "stdout", "text": EVIL}, {"kind": EVIL, "text": EVIL}, {"kind": "png", "text": EVIL}]
    cells = [
        {"kind": kind, "source": EVIL, "task": EVIL, "runs": True, "outputs": output, "error": [EVIL] * 3}
        for kind in ("code", "markdown", EVIL)
    ]
    return Grade("graded", 0, 7, 1.0, [verdict], [EVIL] * 1000, cells)


def test_what_leaves_a_grade_is_printable_and_bounded():
    grade = evil_grade()
    everything = strings_of(json.loads(json.dumps([grade.notes, grade.cells, list(map(vars, grade.verdicts))])))
    assert len(everything) > 30 and not FORBIDDEN.search("".join(everything))
    assert len(grade.notes) <= 200
    long = Grade("graded", 0, 7, 1.0, [Verdict("9.1", "failed", 0, 5, message="x" * 10**6)], ["x" * 10**6])
    assert len(long.notes[0]) < 600 and len(long.verdicts[0].message) < 2_100


def test_pages_are_printable_whoever_wrote_the_row():
    """A row of an earlier version, or a name from a gradebook, did not pass the door."""
    grade = evil_grade()
    grade.notes = [EVIL]
    grade.verdicts = [replace(grade.verdicts[0], task=task.id, message=EVIL) for task in EXERCISE.tasks]
    row = results.to_row(EVIL, EXERCISE, grade, seed=0, fingerprint={})
    page = render(row, grade, EXERCISE)
    assert not FORBIDDEN.search(page) and "<b>" not in template("report.html.j2").render(
        row=row | {"notes": ["<b>"], "tasks": {}}, exercise=EXERCISE, cells=[], elsewhere=[], words={}
    )


def test_tables_of_platforms_take_any_row(tmp_path):
    row = results.to_row(EVIL, EXERCISE, evil_grade(), seed=0, fingerprint={})
    found = [Submission(EVIL, Path("x"), EVIL, EVIL)]
    class_page.write_class_page(found, [row], EXERCISE, tmp_path)
    assert not FORBIDDEN.search((tmp_path / "class.html").read_text())
    gradescope.write_gradescope([all_printable(row, 10**6)], EXERCISE, tmp_path)


def test_a_report_is_bounded_in_bytes():
    many = [{"kind": kind, "text": "<"} for kind in ("stdout", "stderr")] * 100
    cell = {"kind": "code", "source": "x", "task": None, "runs": True, "outputs": many, "error": ["", "", "<" * 4000]}
    loud = [{"kind": "stdout", "text": "😀&" * 10_000}]
    for cells in ([cell] * 1000, [cell | {"outputs": loud, "source": "<" * 200_000}] * 100):
        grade = Grade("graded", 0, 7, 1.0, cells=[dict(one) for one in cells])
        row = results.to_row("me", EXERCISE, grade, seed=0, fingerprint={})
        assert len(render(row, grade, EXERCISE).encode()) < 1_100_000


# --- what fails after the run ---------------------------------------------------------------------


@pytest.fixture
def three(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("Aki", "Bo", "Cem"):
        (folder / f"{name}.ipynb").write_bytes(notebook([f"# {name}", RIGHT1, RIGHT2, RIGHT3]))
    return folder, tmp_path / "out"


@pytest.mark.parametrize("broken", ["render", "answers_of", "to_row"])
def test_what_fails_for_one_is_a_row_for_one(three, monkeypatch, broken):
    folder, out = three
    whole = getattr(grade_class, broken)

    def fail_for_bo(first, *rest, **more):
        cells = rest[1].cells if broken == "to_row" else rest[0].cells if broken == "render" else first
        if any(cell["source"] == "# Bo" for cell in cells):
            raise RecursionError(EVIL)
        return whole(first, *rest, **more)

    monkeypatch.setattr(grade_class, broken, fail_for_bo)
    done = grade(folder, "--out", out)
    assert done.exit_code == 0, done.output
    rows = rows_of(out)
    assert {name: (row["points"], row["status"]) for name, row in rows.items()} == {
        "Aki": (7, "graded"), "Bo": (None, "crashed"), "Cem": (7, "graded")
    }  # fmt: skip
    (note,) = rows["Bo"]["notes"]
    assert "RecursionError in test_text.py" in note and "forged" not in note and (out / "reports/Bo.html").is_file()
    assert "again" not in grade(folder, "--out", out).output, "the same notebook fails in the same way"


def test_what_cannot_be_written_for_one_is_a_row_for_one(three, monkeypatch):
    folder, out = three
    whole = grade_class.write_text

    def fail_for_bo(path, content):
        if path.name == "Bo.json":
            raise UnicodeEncodeError("utf-8", EVIL, 0, 1, EVIL)
        whole(path, content)

    monkeypatch.setattr(grade_class, "write_text", fail_for_bo)
    assert grade(folder, "--out", out).exit_code == 0
    assert {name: row["status"] for name, row in rows_of(out).items()} == {
        "Aki": "graded", "Bo": "crashed", "Cem": "graded"
    }  # fmt: skip


def test_damaged_answers_do_not_end_the_command(three):
    folder, out = three
    assert grade(folder, "--out", out).exit_code == 0
    for name, content in (("Aki", b"{"), ("Bo", b"\xff"), ("Cem", b"[1]")):
        (out / "answers" / f"{name}.json").write_bytes(content)
    done = grade(folder, "--out", out)
    assert done.exit_code == 0 and done.output.count("from before") == 3


KEPT = {".lock", ".grades.sha256", ".marks.json"}


def no_draft(out):
    return [path for path in out.rglob(".*") if path.is_file() and path.name not in KEPT] == []


@pytest.mark.parametrize("full", ["results.jsonl", "reports", "answers", "grades.csv", "class.html", "canvas.csv"])
def test_a_folder_that_cannot_be_written_ends_the_command_with_a_line(three, full, capfd):
    folder, out = three
    assert grade(folder, "--out", out).exit_code == 0
    blocked = out / full
    if blocked.is_dir():
        for path in blocked.iterdir():
            path.unlink()
        blocked.rmdir()
        blocked.touch()
    else:
        blocked.unlink(missing_ok=True)
        blocked.mkdir() if full != "results.jsonl" else blocked.symlink_to("/dev/full")
    capfd.readouterr()
    done = grade(folder, "--out", out, "--format", "canvas", "--fresh" if full == "answers" else "--seed=1")
    said = (done.output + capfd.readouterr().err).splitlines()
    (line,) = [line for line in said if line.startswith("lecture: ")]
    assert done.exit_code in (1, 2) and "Traceback" not in "".join(said), said
    assert done.exit_code == 1 or "name another --out" in line
    assert no_draft(out)


# --- consoles -------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp932", "utf-8"])
def test_a_console_without_the_letters_is_printed_to(encoding):
    code = "from lecture_grader.terminal import complain, say; say('山田 ✓ \\ud800'); complain('山田 ✓ \\ud800')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    for said in (done.stdout, done.stderr):
        name = "山田" if encoding in ("cp932", "utf-8") else r"\u5c71\u7530"
        assert name in said.decode(encoding)


@pytest.mark.parametrize("encoding", ["ascii", "cp932"])
def test_a_class_with_japanese_names_is_graded_to_the_end(tmp_path, encoding):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("山田太郎", "Ünal 😀"):
        (folder / f"{name}.ipynb").write_bytes(notebook([RIGHT1, RIGHT2, "# Task 9.3"]))
    words = [folder, "--checks", CHECKS, "--out", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-m", "lecture_grader", *map(str, words)],
        cwd=ROOT, env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
    assert done.stdout.decode(encoding).count(": 3 of 7") == 2 and (tmp_path / "out" / "class.html").is_file()


# --- Ctrl-C ---------------------------------------------------------------------------------------


PROGRAMS = (["lecture_grader"], ["course_tools", "grade", "--cold"])


@pytest.mark.parametrize("loaded", ["_socket", "libtorch_cpu.so", "libtorch_python.so"])
@pytest.mark.parametrize("program", PROGRAMS, ids=["python -m lecture_grader", "lecture grade"])
def test_an_interrupt_while_it_imports_is_one_line(program, loaded, tmp_path):
    """Sent when a library is mapped: at the first imports, and in the middle of PyTorch's."""
    command = [sys.executable, "-m", *program, str(tmp_path), "--exercise", "1"]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    maps, deadline = Path(f"/proc/{running.pid}/maps"), time.monotonic() + 60
    while loaded not in maps.read_text() and time.monotonic() < deadline:
        time.sleep(0.001)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)
    assert running.returncode == 130 and said == ("", "lecture: interrupted\n")


def test_the_imports_of_the_command_leave_ctrl_c_as_it_was():
    code = "import signal; from lecture_grader.__main__ import app; print(signal.getsignal(signal.SIGINT).__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "default_int_handler\n"
