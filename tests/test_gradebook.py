"""A platform's own gradebook file: the marks are put into its column, and not one other byte is changed."""

import csv
import io
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_submissions import EXERCISE

from lecture_grader.csv_file import CsvFile
from lecture_grader.gradebook import Gradebook, Mark
from lecture_grader.platforms import Who

AKI = Mark("Aki Satō_101", 6.5, (Who(("Aki Satō",), number="101"),), "moodle")
CANVAS = Mark("satōaki_4711", 6.5, (Who(("satōaki",), number="4711"),), "canvas")
UNO = Mark("u10000", 6.5, (Who(("Aki Satō",), ("u10000",)),), "blackboard")

SHEET = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,Feedback comments\n"
    'Participant 101,Aki Satō,aki@example.org,"Submitted for grading - ",@,7.00,Yes,\n'
    'Participant 102,"Cox, ""Bo""",bo@example.org,No submission,3.00,7.00,Yes,"<p>line one\nline two</p>"\n'
)
EXPORT = (
    "First name,Last name,ID number,Email address,Assignment: 09_words (Real),Assignment: 09_words (Percentage),"
    "Course total (Real),Last downloaded from this course\n"
    "Aki,Satō,s1,aki@example.org,@,-,-,1764300000\n"
    "Bo,Cox,s2,bo@example.org,3.00,40.00 %,3.00,1764300000\n"
)
GRADES = """Student,ID,SIS User ID,SIS Login ID,Section,Exercise 9 (31415),Exercise 10 (31416),Current Score,Final Score
,,,,,Manual Posting,,(read only),(read only)
    Points Possible,,,,,7.00,9.00,(read only),(read only)
"Satō, Aki",4711,s1,aki,A,@,,,
"Cox, Bo",4712,s2,bo,A,3,,,
"Student, Test",1,,x,A,,,,
"""
BLACKBOARD = (
    '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"Last Access"\t"Exercise 9 [Total Pts: 7 Score] |12345"\r\n'
    '"Satō"\t"Aki"\t"u10000"\t"s1"\t"2026-11-20 14:33:10"\t"@"\r\n'
    '"Cox"\t"Bo"\t"u10001"\t"s2"\t""\t"3.0"\r\n'
)
BRIGHTSPACE = (
    "OrgDefinedId,Username,Last Name,First Name,Exercise 9 Points Grade <Numeric MaxPoints:7 Weight:10>,"
    "Final Calculated Grade Numerator,End-of-Line Indicator\r\n"
    "#s1,#u10000,Satō,Aki,@,,#\r\n"
    "#s2,#u10001,Cox,Bo,3,,#\r\n"
)


def book(tmp_path, content, *, column="", name="", file="book.csv"):
    path = tmp_path / file
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Gradebook(path, EXERCISE, name, column, tmp_path / "out")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize(
    ("text", "mark"),
    [(SHEET, AKI), (EXPORT, AKI), (GRADES, CANVAS), (BLACKBOARD, UNO), (BRIGHTSPACE, UNO)],
    ids=["Moodle's worksheet", "Moodle's gradebook", "Canvas", "Blackboard", "Brightspace"],
)
def test_only_the_mark_is_changed(text, mark, encoding, tmp_path):
    if encoding == "cp1252":  # it has no ō
        text, mark = text.replace("ō", "ô"), Mark(mark.student, mark.points, (replaced(mark.who[0]),), mark.platform)
    before = re.sub(r",@,|\"@\"", lambda m: m[0].replace("@", ""), text)
    filled = book(tmp_path, before.encode(encoding), name="09_words").fill([mark])
    assert (filled.count, filled.unplaced, filled.path) == (1, [], tmp_path / "out" / "book.csv")
    after = re.sub(r",@,|\"@\"", lambda m: m[0].replace("@", "6.5"), text)
    assert filled.path.read_bytes() == after.encode(encoding)
    assert bool(filled.said) == (encoding == "cp1252")


def replaced(who):
    return Who(tuple(name.replace("ō", "ô") for name in who.names), who.ids, who.number)


def test_who_has_no_mark_keeps_what_was_there(tmp_path):
    strangers = [
        Mark("Zed", 1, (Who(("Zed",), ("Zed",)),)),
        Mark("Aki Sato", 1, (Who(("Aki Sato",)),)),
    ]
    filled = book(tmp_path, GRADES.replace("@", "5")).fill(strangers)
    assert filled.path.read_bytes() == GRADES.replace("@", "5").encode() and filled.count == 0
    assert filled.unplaced == [("Zed", "not in it"), ("Aki Sato", "perhaps s1 Satō, Aki (row 4)")]


def test_what_is_not_certain_is_not_written(tmp_path):
    text = "Username,Name,Exercise 9 (1)\na,Kim,\nb,Kim,\nc,Lee,\n"
    marks = [
        Mark("Kim", 1, (Who(("Kim",), ("Kim",)),)),
        Mark("c", 2, (Who(("c",), ("c",)),)),
        Mark("Lee", 3, (Who(("Lee",)),)),
        Mark("d", 4, (Who(("Lee",), ("a",)),)),
    ]
    filled = book(tmp_path, text).fill(marks)
    assert filled.path.read_bytes() == text.encode()
    assert dict(filled.unplaced) == {
        "Kim": "could be a Kim (row 2) or b Kim (row 3)",
        "c": "several are c Lee",
        "Lee": "several are c Lee",
        "d": "the number or login is that of a Kim (row 2), the name that of c Lee (row 4)",
    }


def test_a_group_has_one_mark_each(tmp_path):
    mark = Mark("a + b", 0, (Who(ids=("a",)), Who(ids=("b",))))
    filled = book(tmp_path, "login,Lab 9 (1)\na,\nb,\nc,1\n").fill([mark])
    assert filled.path.read_text() == "login,Lab 9 (1)\na,0\nb,0\nc,1\n"


def test_moodles_lock_and_another_maximum_are_said(tmp_path):
    locked = SHEET.replace("@,", ",", 1).replace("Yes", "No", 1).replace("7.00", "10.00").replace("\n", "\n\n", 1)
    filled = book(tmp_path, locked).fill([AKI])
    assert filled.path.read_bytes() == locked.encode()
    assert filled.unplaced == [("Aki Satō_101", "Moodle locked the grade in row 3")]
    assert filled.said == ["Grade goes up to 10 points there, the exercise to 7"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("login;Übung 9 (1);Übung 8 (2)\na;;3,5\n", "login;Übung 9 (1);Übung 8 (2)\na;6,5;3,5\n"),
        ('login,Lab 9 (1),Lab 8 (2)\na,,"3,5"\n', 'login,Lab 9 (1),Lab 8 (2)\na,"6,5","3,5"\n'),
        ("login,Lab 9 (1)\na\n", "login,Lab 9 (1)\na,6.5\n"),
        ("login,x,y,Lab 9 (1)\r\na\r\n\r\nb,1,2,3", "login,x,y,Lab 9 (1)\r\na,,,6.5\r\n\r\nb,1,2,3"),
        ("Lab 9 (1),login\n,a\n", "Lab 9 (1),login\n6.5,a\n"),
        ('Lab 9 (1),login\n"",a\n', 'Lab 9 (1),login\n"6.5",a\n'),
    ],
    ids=["semicolons", "decimal commas", "short line", "shorter line", "first column", "quoted"],
)
def test_how_a_mark_is_written(text, expected, tmp_path):
    filled = book(tmp_path, text).fill([Mark("a", 6.5, (Who(ids=("a",)),))])
    assert filled.path.read_bytes() == expected.encode()


@pytest.mark.parametrize(
    ("text", "options", "column"),
    [
        ("login,Lab 9 (1),Quiz 9 (2)", {"column": "Quiz 9"}, "Quiz 9 (2)"),
        ("login,Lab 9 (1),Quiz 9 (2)", {"column": "quiz 9 (2)"}, "Quiz 9 (2)"),
        ("login,Lab 9 (1),09 Words (2)", {"name": "09_words"}, "09 Words (2)"),
        ("login,Lab 9 of 10 (1),Lab 09 (2),Lab 19 (3)", {}, "Lab 09 (2)"),
        ("login,points", {"column": "points"}, "points"),
        ("login,Task 9 (Real),Task 9 (Percentage),Task 9 (Feedback)", {}, "Task 9 (Real)"),
        ("学籍番号,課題 9 [総点: 7 スコア] |3", {}, "課題 9 [総点: 7 スコア] |3"),
    ],
    ids=range(7),
)
def test_the_column_of_the_assignment(text, options, column, tmp_path):
    filled = book(tmp_path, f"{text}\na\n", **options).fill([Mark("a", 5, (Who(ids=("a",)),))])
    (row,) = csv.DictReader(io.StringIO(filled.path.read_text(encoding="utf-8")))
    assert row[column] == "5" and list(row.values()).count("5") == 1


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("login,Lab 9 (1),Quiz 9 (2)", {}, "several columns fit .* 'Lab 9 \\(1\\)', 'Quiz 9 \\(2\\)'"),
        ("login,Lab 8 (1)", {}, "no column fits .*--column \\(assignments: 'Lab 8 \\(1\\)'\\)"),
        ("login,points", {}, "assignments: none"),
        ("login,Lab 9 (1)", {"column": "Lab"}, "--column Lab: no column fits"),
        ("login,Final 9 (read only)", {}, "no column fits"),
        ("who,Lab 9 (1)", {}, "row 1: no heading says"),
        ("login,Lab 9 (1)", {"file": "canvas.csv"}, "a canvas.csv of our own: rename yours"),
        ("login,Lab 9 (1)", {"file": "out/book.csv"}, "where the copy would replace it"),
    ],
)
def test_what_is_not_certain_ends_before_anything_is_graded(text, options, words, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match=words):
        book(tmp_path, f"{text}\na,\n", **options)


FIELD = st.text(st.sampled_from(list('ab ;,"\n\r\t|é山')), max_size=6)


@settings(deadline=None)
@given(st.lists(st.lists(FIELD, min_size=1, max_size=4), min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_any_table_is_read_as_the_csv_module_reads_it(rows, delimiter):
    rows = [["first", "second"], *rows]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_bytes(text.getvalue().encode())
        table = CsvFile(path)
        assert table.rows == [row for row in rows if any(cell.strip() for cell in row)]
        assert table.content() == path.read_bytes()
        table.replace(0, 1, 'say "x"')
        path.write_bytes(table.content())
        assert CsvFile(path).rows[0] == ["first", 'say "x"']
