"""What institutions need around the marks: odd hand-ins, alike answers, Moodle, Canvas, nbgrader, regrading."""

import csv
import json
import os
import random
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import classes
import nbformat
import pytest
from conftest import ROOT
from grading_bank.submissions import RIGHT1, RIGHT2, RIGHT3, STUB1, WRONG1, notebook
from test_checks import answers
from typer.testing import CliRunner

from course_tools.cli import app
from lecture_grader import class_page as overview
from lecture_grader import lms as platforms
from lecture_grader import similarity
from lecture_grader.grade_class import report_name
from lecture_grader.repair import task_id_of
from lecture_grader.submissions import Submission
from lecture_utils.grading.tasks import load_exercise

linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
CHECKS = ROOT / "tests" / "grading_bank" / "checks.py"
EXERCISE = load_exercise(CHECKS)


def lecture(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def rows_of(out):
    return {row["student"]: row for row in map(json.loads, (out / "results.jsonl").read_text().splitlines())}


# --- answers that are nearly the same ------------------------------------------------------------


def pairs(found):
    return {pair.students: [cell for cell, *_ in pair.cells] for pair in found}


def test_a_renamed_copy_is_found_and_nothing_else():
    group = classes.answers(60)
    group[50][1].update({task: classes.renamed(source) for task, source in group[3][1].items() if task != "9.2"})
    group[51][1]["9.7"] = group[4][1]["9.2"].replace("9.2", "9.7")  # moved to another task
    found = similarity.find_pairs(group, set())
    assert {s: sorted(cells) for s, cells in pairs(found).items()} == {
        ("student 0003", "student 0050"): ["9.1", "9.3", "9.4", "9.5", "9.6", "9.7", "9.8"],
        ("student 0004", "student 0051"): ["9.2"],
    }
    assert found[0].students == ("student 0003", "student 0050") and found[0].cells[0][2] == 1


def test_some_lines_of_ones_own_do_not_hide_a_copy():
    group, rng = classes.answers(20), random.Random(5)
    own = classes.program(rng, "helper", lines=8).splitlines()
    copied = group[0][1]["9.1"].splitlines()
    group[1][1]["9.1"] = "\n".join([*own, *copied[:9], "    print('so far')", *copied[9:]])
    assert ("student 0000", "student 0001") in pairs(similarity.find_pairs(group, set()))


def test_a_part_in_common_is_not_nearly_the_same():
    group, rng = classes.answers(20), random.Random(5)
    for n, alike in ((0, False), (1, True)):  # the same three lines in long programs, and in one that is little more
        part, own = classes.program(rng, "part", 3), classes.program(rng, "own", 1 if alike else 12)
        for student, cells in group[2 * n : 2 * n + 2]:
            more = own if alike else classes.program(random.Random(student), "own", 12)
            cells["9.1"] = f"{more}\n{part}"
    assert list(pairs(similarity.find_pairs(group, set()))) == [("student 0002", "student 0003")]


def test_what_everybody_was_given_does_not_count():
    group, rng = classes.answers(5, tasks=1), random.Random(7)
    stub, fold = classes.program(rng, "given", 9), classes.program(rng, "f1", 9)
    for n, (_, cells) in enumerate(group):
        cells["9.1"] += f"\n{stub}"
        cells["9.2"] = fold if n < 2 else "pass"
    assert similarity.find_pairs(group, set())
    text = f"<details><summary>Answer</summary>\n\n```python\n{fold}\n```\n\n</details>"
    assert similarity.find_pairs(group, similarity.given_runs([("code", stub), ("markdown", text)])) == []


def test_what_many_wrote_does_not_count():
    group = classes.answers(40, tasks=1)
    known = classes.program(random.Random(7), "g")
    for _, cells in group[:15]:
        cells["9.2"] = known
    assert similarity.find_pairs(group, set()) == []


@pytest.mark.parametrize("task_id", [one.id for n in "123456" for one in load_exercise(n).tasks])
def test_different_right_answers_are_no_copies(task_id):
    group = [(name, {task_id: code}) for name, _, code in answers(task_id, "right")]
    assert len(group) > 3 and similarity.find_pairs(group, set()) == []


def test_any_text_has_tokens_in_little_time():
    assert similarity.tokens("def f(a): return f'{a.b} x' # y") == similarity.tokens("def g(c):\n  return f'{c.b} z'")
    for text in ("", '"' * 50_000, "'''", "(" * 50_000, "\\" * 50_000, "f'{" * 9_000, "\0\ud800é", "%%bash\nls | x"):
        assert isinstance(similarity.tokens(text), list)


# --- the class on a page -------------------------------------------------------------------------

EVIL = "<script>alert(1)</script>"


def row_of(student, points=7, **more):
    passed = {"status": "passed", "points": 1, "max_points": 1, "hint": "", "message": "", "case": ""}
    row = {"student": student, "exercise": "09", "points": points, "max_points": 7, "status": "graded", "seconds": 1.0}
    return row | {"tasks": {one.id: dict(passed) for one in EXERCISE.tasks}, "notes": []} | more


def kept(out, group):
    (out / "answers").mkdir(parents=True)
    for student, cells in group:
        (out / "answers" / f"{report_name(student)}.json").write_text(json.dumps(cells))


def test_odd_hand_ins_are_named(tmp_path):
    todo = {one.id: {"status": "todo", "points": 0, "hint": "", "message": "open"} for one in EXERCISE.tasks}
    due = datetime(2026, 11, 20, 12, tzinfo=UTC)
    nothing = "no notebook was handed in"
    found = [
        Submission("late", Path("a"), handed_in=datetime(2026, 11, 21, 13, 5, tzinfo=UTC)),
        Submission("in time", Path("b"), handed_in=due, name="09_words.ipynb"),
        Submission("Canvas says late", Path("c"), late=True),
        Submission("none", Path("d"), nothing),
        Submission("untouched", Path("e")),
        Submission("renamed", Path("f"), name="mine.ipynb"),
        Submission("twice", Path("g"), earlier=2),
        Submission("other", Path("h"), name="08.ipynb", foreign=True),
        Submission("no file", Path("i"), "the file is larger than 400 MB"),
    ]
    rows = [row_of(one.student) for one in found]
    rows[3] = row_of("none", None, status="unreadable", tasks={}, notes=[nothing])
    rows[4] = row_of("untouched", 0, tasks=todo)
    rows[8] = row_of("no file", None, status="unreadable", tasks={}, notes=["the file is larger than 400 MB"])
    own = {"cell 1": "import torch", "9.1": "def double(x): return x + x"}
    same = own | {"9.1": own["9.1"] + "\n"}
    group = [("late", own), ("renamed", same), ("in time", own | {"9.1": "x = 1"}), ("untouched", {"9.1": STUB1})]
    kept(tmp_path, [*group, ("twice", {"cell 1": "import torch"}), ("other", {"cell 1": "import torch"})])
    released = [("code", "import torch"), ("code", STUB1)]
    seen = overview.write_class_page(found, rows, EXERCISE, tmp_path, due=due, released=released, name="09_words")
    assert dict(seen.remarks) == {
        "Late": [(["late"], "by 1 d 1 h 5 min"), (["Canvas says late"], "as Canvas says")],
        "Empty": [(["none"], nothing), (["untouched"], "no task is answered")],
        "Equal to the letter": [(["late", "renamed"], "")],
        "Renamed": [(["renamed"], "mine.ipynb"), (["other"], "08.ipynb")],
        "Without a task of this exercise": [(["other"], "08.ipynb")],
        "Handed in more than once": [(["twice"], "2 earlier ones")],
    }
    page = (tmp_path / "class.html").read_text()
    for students, detail in (line for _, lines in seen.remarks for line in lines):
        assert detail in page and all(f">{student}</a>" in page.replace("\n", "") for student in students)


def test_the_page_shows_both_cells_and_is_inert(tmp_path):
    group = [(f"{EVIL}{n}", dict(cells)) for n, (_, cells) in enumerate(classes.answers(12, tasks=3))]
    group[1][1]["9.1"] = classes.renamed(group[0][1]["9.1"]) + f"\n# {EVIL} \x1b[0m"
    kept(tmp_path, group)
    found = [Submission(student, Path("x"), name=EVIL) for student, _ in group]
    seen = overview.write_class_page(found, [row_of(s) for s, _ in group], EXERCISE, tmp_path, name="09_words")
    assert [pair.students for pair in seen.pairs] == [(f"{EVIL}0", f"{EVIL}1")]
    page = (tmp_path / "class.html").read_text()
    assert not re.search(r"<(script|iframe|img|svg|form|link)\b", page) and "\x1b" not in page
    assert "default-src 'none'" in page
    for n in (0, 1):
        assert f'reports/{report_name(f"{EVIL}{n}")}.html#task-9.1"'.replace(" ", "%20") in page
    assert "my_tensor.numel()" in page and "x.numel()" in page


def test_equal_hand_ins_are_not_named_twice(tmp_path):
    group = classes.answers(12, tasks=2)
    group[1] = (group[1][0], group[0][1])
    kept(tmp_path, group)
    found = [Submission(student, Path("x")) for student, _ in group]
    seen = overview.write_class_page(found, [row_of(s) for s, _ in group], EXERCISE, tmp_path)
    assert dict(seen.remarks) == {"Equal to the letter": [([group[0][0], group[1][0]], "")]} and not seen.pairs


# --- Moodle and Canvas ---------------------------------------------------------------------------


@pytest.fixture
def marked(tmp_path):
    """Hand-ins from Moodle, Canvas and elsewhere, their rows and reports."""
    found = [
        Submission("Aki_Sato_101", Path("x"), platform="moodle", user_id="101"),
        Submission("=Bea/Müller_102", Path("x"), platform="moodle", user_id="102"),
        Submission("doejane_4711", Path("x"), platform="canvas", user_id="4711"),
        Submission("=cmd", Path("x")),
    ]
    rows = [row_of(found[0].student), row_of(found[1].student, None, status="unreadable", tasks={})]
    rows += [row_of(found[2].student, 0), row_of(found[3].student)]
    (tmp_path / "reports").mkdir()
    for one in found:
        (tmp_path / "reports" / f"{report_name(one.student)}.html").write_text(f"report of {one.student}")
    return found, rows, tmp_path


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_moodle(marked):
    found, rows, out = marked
    assert platforms.write_moodle(found, rows, EXERCISE, out) == ["doejane_4711", "=cmd"]
    head, *lines = table(out / "moodle.csv")
    # what mod/assign/feedback/offline/importgradeslib.php looks for
    assert {"Identifier", "Grade", "Last modified (grade)", "Feedback comments"} <= set(head)
    by_id = {line[0]: dict(zip(head, line, strict=True)) for line in lines}
    assert {name: line["Grade"] for name, line in by_id.items()} == {"Participant 101": "7", "Participant 102": ""}
    assert by_id["Participant 101"]["Feedback comments"] == "9.1: solved; 9.2: solved; 9.3: solved"
    assert by_id["Participant 102"]["Full name"] == "'=Bea/Müller"
    with zipfile.ZipFile(out / "moodle-feedback.zip") as file:
        names = file.namelist()
        assert [name.split("/")[0].split("_")[1:] for name in names] == [
            ["101", "assignsubmission", "file"],
            ["102", "assignsubmission", "file"],
        ]
        assert all(name.count("/") == 1 for name in names)
        assert file.read(names[1]).decode() == "report of =Bea/Müller_102"


def test_canvas(marked):
    found, rows, out = marked
    assert platforms.write_canvas(found, rows, EXERCISE, out, "Exercise 9 (31)") == [
        f.student for f in (*found[:2], found[3])
    ]
    head, possible, *lines = table(out / "canvas.csv")
    # lib/gradebook_importer.rb: these in this order, then the assignments
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Exercise 9 (31)"]
    assert possible == ["Points Possible", "", "", "", "", "7"]
    assert lines[0] == ["Aki_Sato_101", "", "", "Aki_Sato_101", "", "7"]
    assert lines[1:] == [["doejane", "4711", "", "", "", "0"], ["'=cmd", "", "", "'=cmd", "", "7"]]


@linux
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

    def grade():
        done = lecture("grade", packed, "--checks", checks, "--out", out, "--seed", "3", "--format", "moodle")
        assert done.exit_code == 0, done.output
        return done.output

    pack()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    said = grade()
    assert {s: row["points"] for s, row in rows_of(out).items()} == {"Aki Satō_101": 7, "Bea_102": 6, "Cem_103": None}
    assert "Empty: Cem_103" in said and "class.html" in said
    assert [line[2] for line in table(out / "moodle.csv")[1:]] == ["7", "6", ""]
    assert not list(temporary.iterdir())
    files["Bea_102_assignsubmission_file_/v.ipynb"] = notebook([RIGHT1, RIGHT2, RIGHT3])
    pack()
    assert grade().count("from before") == 2 and rows_of(out)["Bea_102"]["points"] == 7
    assert grade().count("from before") == 3
    checks.write_text(CHECKS.read_text() + "\n# a changed check\n")
    assert grade().count("from before") == 0


# --- nbgrader ------------------------------------------------------------------------------------

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "pytorch"
c.LateSubmissionPlugin.penalty_method = "zero"
"""
PREPARE = """
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db", "pytorch") as book:
    book.update_or_create_assignment("ps1", course_id="pytorch", duedate="2026-11-20 12:00:00")
"""
BY_HAND = """
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db", "pytorch") as book:
    grade = book.find_grade("task-1-1-check", "01_tensors", "ps1", "wrong")
    grade.manual_score = 0.5
    book.db.commit()
"""
READ = """
import json
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db", "pytorch") as book:
    print(json.dumps({s.student.id: {g.name: [g.auto_score, g.score, g.needs_manual_grade]
                      for n in s.notebooks for g in n.grades} for s in book.assignment_submissions("ps1")}))
"""


@pytest.fixture(scope="module")
def course(nbgrader, tmp_path_factory):
    """A course of nbgrader's own making: exercise 1 released, four hand-ins; and a way to run nbgrader in it."""
    home = tmp_path_factory.mktemp("nbgrader")
    root, source = home / "course", ROOT / "solutions" / "01_tensors.ipynb"

    path = f"{nbgrader.parent}{os.pathsep}{os.environ['PATH']}"

    def command(*words):
        done = subprocess.run(
            [nbgrader, *words],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=300,
            env=os.environ | {"HOME": str(home), "PATH": path},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (root / "source" / "ps1").mkdir(parents=True)
    (root / "source" / "ps1" / source.name).write_bytes(source.read_bytes())
    (root / "nbgrader_config.py").write_text(CONFIG)
    command("-m", "nbgrader", "generate_assignment", "ps1", "--create")
    command("-c", PREPARE)
    given = nbformat.read(root / "release" / "ps1" / source.name, as_version=4)
    solved = {cell.id: cell.source for cell in nbformat.read(source, as_version=4).cells}

    def hand_in(student, *, wrong=(), time="2026-11-20 11:00:00.000000 UTC", name=source.name):
        filled = nbformat.from_dict(given)
        for cell in filled.cells:
            task = task_id_of(cell.source)
            if task and task not in wrong:
                cell.source = solved[cell.id]
        target = root / "submitted" / student / "ps1"
        target.mkdir(parents=True)
        nbformat.write(filled, target / name)
        (target / "timestamp.txt").write_text(time)

    hand_in("right", name="my answers.ipynb")
    hand_in("wrong", wrong=("1.1", "1.8"))
    hand_in("too late", time="2026-11-20 13:30:00.000000 UTC")
    hand_in("broken")
    (root / "submitted" / "broken" / "ps1" / source.name).write_text('{"cells": [')
    (root / "submitted" / "somebody" / "ps0").mkdir(parents=True)
    return root, command


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--assignment", "ps7"], "no assignment 'ps7': there are ps1"),
        (["--exercise", "02"], "no notebook of the assignments ps1"),
    ],
)
def test_what_is_wrong_with_a_course_is_said(words, said, nbgrader, course, tmp_path, capfd):
    more = [] if "--exercise" in words else ["--exercise", "01"]
    done = lecture(
        "grade", "--nbgrader", course[0], *words, *more, "--out", tmp_path / "out", "--nbgrader-python", nbgrader
    )
    assert done.exit_code == 2 and said in done.output + capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@linux
def test_a_course_of_nbgrader(nbgrader, course, tmp_path):
    root, command = course

    def grade():
        words = ["--exercise", "01", "--out", tmp_path / "out", "--seed", "1", "--nbgrader-python", nbgrader]
        done = lecture("grade", "--nbgrader", root, *words)
        assert done.exit_code == 0, done.output
        return done.output, json.loads(command("-c", READ).splitlines()[-1])

    said, book = grade()
    assert "Late: too late (by 0 d 1 h 30 min)" in said and "Renamed: right (my answers.ipynb)" in said
    exercise = load_exercise("01")
    points = {f"task-{one.id.replace('.', '-')}-check": float(one.points) for one in exercise.tasks}
    lost = {"task-1-1-check": 0.0, "task-1-8-check": 0.0}
    assert {s: {cell: auto for cell, (auto, *_) in cells.items()} for s, cells in book.items()} == {
        "right": points,
        "wrong": points | lost,
        "too late": points,
        "broken": dict.fromkeys(points),
    }
    assert {s: {by_hand for *_, by_hand in cells.values()} for s, cells in book.items()} == {
        "right": {False}, "wrong": {False}, "too late": {False}, "broken": {True},
    }  # fmt: skip

    command("-m", "nbgrader", "export")
    with (root / "grades.csv").open(newline="") as file:
        exported = {line["student_id"]: line for line in csv.DictReader(file)}
    most = exercise.max_points
    few = most - exercise["1.1"].points - exercise["1.8"].points
    assert {s: float(line["score"]) for s, line in exported.items()} == {
        "right": most,
        "wrong": few,
        "too late": 0,
        "broken": 0,
    }
    assert float(exported["too late"]["raw_score"]) == most and float(exported["right"]["max_score"]) == most
    assert exported["too late"]["timestamp"].startswith("2026-11-20 13:30")
    for student in book:
        page = (root / "feedback" / student / "ps1" / "01_tensors.html").read_text()
        assert f"Exercise 01: {student}" in page
        assert (root / "feedback" / student / "ps1" / "timestamp.txt").read_text().startswith("2026-11-20")

    command("-c", BY_HAND)  # what a person gave stays, and is to be looked at again
    said, book = grade()
    assert said.count("from before") == 4
    assert book["wrong"]["task-1-1-check"] == [0.0, 0.5, True]


def test_no_course_and_no_nbgrader_are_said(tmp_path, capfd):
    for words, said in [
        (["--nbgrader", tmp_path / "nowhere"], "is no folder"),
        (["--nbgrader", tmp_path, "--nbgrader-python", tmp_path / "python"], "No such file"),
        (["--nbgrader", tmp_path, tmp_path], "name either"),
        (["--nbgrader", tmp_path, "--nbgrader-python", "/bin/false"], "it said nothing"),
        (["--nbgrader", tmp_path, "--nbgrader-python", sys.executable], "[nbgrader]"),
    ]:
        done = lecture("grade", *words, "--exercise", "01")
        assert done.exit_code == 2 and said in done.output + capfd.readouterr().err, words
