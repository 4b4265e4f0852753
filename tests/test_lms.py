"""The files that Moodle and Canvas import."""

import csv
import html
import re
import zipfile
from pathlib import Path

import pytest
from classes import EXERCISE, row_of

from lecture_grader.lms import write_canvas, write_moodle
from lecture_grader.results import report_name
from lecture_grader.submissions import Submission


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
    assert write_moodle(found, rows, EXERCISE, out) == ["doejane_4711", "=cmd"]
    head, *lines = table(out / "moodle.csv")
    # what mod/assign/feedback/offline/importgradeslib.php looks for
    assert {"Identifier", "Grade", "Last modified (grade)", "Feedback comments"} <= set(head)
    by_id = {line[0]: dict(zip(head, line, strict=True)) for line in lines}
    assert {name: line["Grade"] for name, line in by_id.items()} == {"Participant 101": "7", "Participant 102": ""}
    assert by_id["Participant 101"]["Feedback comments"] == "Solved: 9.1, 9.2, 9.3."
    assert by_id["Participant 102"]["Feedback comments"] == "unreadable"
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
    assert write_canvas(found, rows, EXERCISE, out, "Exercise 9 (31)") == [f.student for f in (*found[:2], found[3])]
    head, possible, *lines = table(out / "canvas.csv")
    # lib/gradebook_importer.rb: these in this order, then the assignments
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Exercise 9 (31)"]
    assert possible == ["Points Possible", "", "", "", "", "7"]
    assert lines[0] == ["Aki_Sato_101", "", "", "Aki_Sato_101", "", "7"]
    assert lines[1:] == [["doejane", "4711", "", "", "", "0"], ["'=cmd", "", "", "'=cmd", "", "7"]]


def test_moodles_comments_say_what_to_do(marked):
    found, rows, out = marked
    evil = "<img src=x onerror=alert(1)> x <= 3 & y"
    rows[0]["tasks"]["9.1"] |= {"status": "failed", "message": evil, "hint": "Multiply\nby 2.", "got": "GOT"}
    rows[0]["tasks"]["9.2"] |= {"status": "failed", "message": "m" * 1000, "hint": "", "hidden": True}
    rows[0]["tasks"]["9.3"] |= {"status": "todo", "message": "=cmd is not there."}
    rows[1]["notes"] = ["no notebook <b>was</b> handed in"]
    write_moodle(found, rows, EXERCISE, out)
    _, *lines = table(out / "moodle.csv")
    comments = {line[0]: line[-1] for line in lines}
    first, second, third = re.findall("<p>(.*?)</p>", comments["Participant 101"])
    plain = html.unescape(first.replace("<wbr>", ""))
    assert plain == f"9.1: not solved. {evil} Hint: Multiply by 2."
    assert set(re.findall("<.*?>", first)) == {"<wbr>"} and "GOT" not in first
    assert 300 <= len(second) < 340 and third == "9.3: not answered. =cmd is not there."
    assert comments["Participant 102"].replace("<wbr>", "") == "unreadable: no notebook &lt;b>was&lt;/b> handed in"


def test_what_a_person_decided_is_in_both_files(marked):
    found, rows, out = marked
    rows[0] |= {"comment": "Well <done>", "late": "0 d 1 h 0 min", "deduction": 2, "points": 5}
    rows[0]["tasks"]["9.2"]["comment"] = "elegant"
    rows[2] |= {"excused": True, "points": None}
    write_moodle(found, rows, EXERCISE, out)
    write_canvas(found, rows, EXERCISE, out)
    comment = table(out / "moodle.csv")[1][-1].replace("<wbr>", "")
    assert comment == (
        "Solved: 9.1, 9.2, 9.3.<p>Well &lt;done></p><p>Late: 0 d 1 h 0 min. 2 points were deducted.</p>"
        "<p>9.2: elegant</p>"
    )
    assert ["doejane", "4711", "", "", "", "EX"] in table(out / "canvas.csv")
