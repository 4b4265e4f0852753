"""Who is who: students are found on a roster however their names are written, and never by a guess."""

import csv
import io
import sys
import unicodedata
from pathlib import Path

import pytest
from grading_bank.command import grade
from grading_bank.submissions import RIGHT1, notebook
from hypothesis import given, settings
from hypothesis import strategies as st
from test_submissions import EXERCISE, METADATA, WORK, archive, folder

from lecture_grader.csv_file import CsvFile
from lecture_grader.platforms import Who
from lecture_grader.roster import People, Person, Roster, Unclear, people_of, remarks_on
from lecture_grader.submissions import Submission, find_submissions


def roster(tmp_path, content, pattern=""):
    path = tmp_path / "roster.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Roster(path, pattern)


def matched(roster, *found):
    """Who handed in what: the row of each student, or what is said instead."""
    matches = roster.match(found)
    rows = {student: [person.row for person in people] for student, people in matches.people.items()}
    return rows | dict(matches.unclear) | {student: hint or "unknown" for student, hint in matches.strangers}


def plain(student):
    return Submission(student, Path("w.ipynb"))


# --- reading -------------------------------------------------------------------------------------

JAPANESE = "学籍番号,氏名,メールアドレス\r\nS100,佐藤　太郎,s100@example.jp\r\nS101,鈴木 花子,\r\n"
GERMAN = "Matrikelnummer;Vorname;Nachname\nS100;Jürgen;Müller-Lüdenscheidt\nS101;Zoé;Größe\n"


@pytest.mark.parametrize(
    ("content", "shown", "said"),
    [
        (JAPANESE.encode(), ["S100 佐藤　太郎", "S101 鈴木 花子"], ""),
        (JAPANESE.encode("utf-8-sig"), ["S100 佐藤　太郎", "S101 鈴木 花子"], ""),
        (JAPANESE.encode("utf-16"), ["S100 佐藤　太郎", "S101 鈴木 花子"], ""),
        (b"\xfe\xff" + JAPANESE.encode("utf-16-be"), ["S100 佐藤　太郎", "S101 鈴木 花子"], ""),
        (JAPANESE.encode("cp932"), ["S100 佐藤　太郎", "S101 鈴木 花子"], "Japanese (code page 932)"),
        (GERMAN.encode("cp1252"), ["S100 Jürgen Müller-Lüdenscheidt", "S101 Zoé Größe"], "Western (code page 1252)"),
        ("login,name\na,Andrés Pérez\n".encode("cp1252"), ["a Andrés Pérez"], "Western (code page 1252)"),
        (GERMAN.encode(), ["S100 Jürgen Müller-Lüdenscheidt", "S101 Zoé Größe"], ""),
    ],
    ids=["utf-8", "with a mark", "utf-16", "utf-16-be", "cp932", "cp1252", "cp1252, valid in cp932", "semicolons"],
)
def test_encodings(content, shown, said, tmp_path):
    table = roster(tmp_path, content)
    assert [person.shown for person in table.people] == shown
    assert said in table.said and bool(said) == bool(table.said)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Student ID,Full Name\n7,Aki Sato", Who(("Aki Sato",), ("7",))),
        ("First name,Last name,ID number,Email address\nAki,Sato,7,a@b.c", Who(("Aki Sato",), ("7", "a@b.c"))),
        (
            "Student,ID,SIS User ID,SIS Login ID,Section\n  Points Possible,,,,\n"
            '"Sato, Aki",4711,7,aki,A\n"Student, Test",1,,x,A',
            Who(("Sato, Aki",), ("7", "aki"), "4711"),
        ),
        ("Identifier,Full name,Email address\nParticipant 101,Aki Sato,a@b.c", Who(("Aki Sato",), ("a@b.c",), "101")),
        ("OrgDefinedId,Username,Last Name,First Name\n#7,#aki,Sato,Aki", Who(("Aki Sato",), ("7", "aki"))),
        ("姓\t名\tIDナンバー\n佐藤\t太郎\t7", Who(("太郎 佐藤",), ("7",))),
        ("login\n\naki\n", Who((), ("aki",))),
        ('id,name\n"7","Sato, ""A"" Aki"\n,\n', Who(('Sato, "A" Aki',), ("7",))),
        ("id,name\n7,'t Hooft\n", Who(("'t Hooft",), ("7",))),
        ("ＩＤ,ＮＡＭＥ\n7,Aki\n", Who(("Aki",), ("7",))),
    ],
    ids=range(10),
)
def test_headings(content, expected, tmp_path):
    assert [person.who for person in roster(tmp_path, content).people] == [expected]


@pytest.mark.parametrize(
    ("content", "pattern", "words"),
    [
        ("s1,Aki Sato\ns2,Bo", "", "row 1: no heading says which column has ids"),
        ("", "", "is empty"),
        ("id,name\n", "", "names nobody"),
        ('id,name\n1,"Aki\n2,Bo\n', "", "row 2: a quotation mark is not closed"),
        (b"PK\x03\x04 a workbook", "", "Excel workbook: save it as CSV UTF-8"),
        (b"id\n\x81\xff\x00", "", "unknown encoding"),
        ("id\n1", "(", "--roster-pattern (: "),
        ("id\n1", r"s\d+", "name what it finds"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(content, pattern, words, tmp_path):
    with pytest.raises(ValueError, match="(?s).*") as caught:
        roster(tmp_path, content, pattern)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_roster_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="No such file"):
        Roster(tmp_path / "x.csv")


# --- matching ------------------------------------------------------------------------------------

PEOPLE = """id,email,last name,first name
s100,aki@example.org,Satō,Aki
s101,,Müller,Bea Ann
s102,,佐藤,太郎
s103,,O'Neil,Cy
s104,,Kim,Dan
s105,,Kim,Dan
s106,,Lee,Eva
"""


@pytest.mark.parametrize(
    ("student", "row"),
    [
        ("s100", 2),
        ("S100", 2),
        ("ｓ１００", 2),
        ("AKI@Example.org", 2),
        ("Aki Satō", 2),
        ("Satō, Aki", 2),
        ("satō aki", 2),
        ("satōaki", 2),
        (unicodedata.normalize("NFD", "Aki Satō"), 2),
        ("ＡＫＩ　Satō", 2),
        ("Bea_Ann_Müller", 3),
        ("Müller Bea Ann", 3),
        ("müllerbeaann", 3),
        ("佐藤　太郎", 4),
        ("太郎佐藤", 4),
        ("Cy ONeil", 5),
        ("O’Neil, Cy", 5),
    ],
)
def test_one_name_in_many_spellings(student, row, tmp_path):
    assert matched(roster(tmp_path, PEOPLE), plain(student)) == {student: [row]}


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ("Dan Kim", "could be s104 Dan Kim (row 6) or s105 Dan Kim (row 7)"),
        ("Aki Sato", "perhaps s100 Aki Satō (row 2)"),
        ("Aki", "unknown"),
        ("Bea Müller", "unknown"),
        ("s1001", "unknown"),
        ("...", "unknown"),
    ],
)
def test_what_is_not_certain_is_said(student, words, tmp_path):
    assert matched(roster(tmp_path, PEOPLE), plain(student)) == {student: words}


def test_number_and_name_that_disagree(tmp_path):
    liar = Submission("x", Path("w"), who=(Who(("Eva Lee",), ("s100",)),))
    same = Submission("y", Path("w"), who=(Who(("Kim, Dan",), ("s105",)),))
    assert matched(roster(tmp_path, PEOPLE), liar, same) == {
        "x": "the number or login is that of s100 Aki Satō (row 2), the name that of s106 Eva Lee (row 8)",
        "y": [7],
    }


def test_a_number_that_two_rows_have(tmp_path):
    people = roster(tmp_path, "id,name\n7,Aki\n7,Bo\n")
    known = Submission("x", Path("w"), who=(Who(("Bo",), ("7",)),))
    assert matched(people, known, plain("7")) == {"x": [3], "7": "could be 7 Aki (row 2) or 7 Bo (row 3)"}


def test_a_platforms_number_is_nobodys_student_number(tmp_path):
    people = roster(tmp_path, "id,name\n101,Bo\n102,Aki\n103,Aki\n")
    moodle = Submission("Cy_101", Path("w"), platform="moodle", who=(Who(("Cy",), number="101"),))
    both = Submission("Aki_103", Path("w"), platform="brightspace", who=(Who(("Aki",), number="103"),))
    assert matched(people, moodle, both) == {"Cy_101": "unknown", "Aki_103": [4]}
    sheet = roster(tmp_path, "Identifier,Full name\nParticipant 101,Cy Cox\n")
    assert matched(sheet, moodle) == {"Cy_101": [2]}


def test_a_pattern_finds_the_number_in_a_name(tmp_path):
    people = roster(tmp_path, PEOPLE, r"(?P<id>s\d{3})")
    copied = Submission("Eva Lee_7", Path("w"), name="s100.ipynb", who=(Who(("Eva Lee",)),))
    assert matched(people, plain("ex09-s103-final"), plain("s1 s104x"), plain("nobody"), copied) == {
        "ex09-s103-final": [5],
        "s1 s104x": [6],
        "nobody": "unknown",
        "Eva Lee_7": "the number or login is that of s100 Aki Satō (row 2), the name that of s106 Eva Lee (row 8)",
    }
    assert matched(roster(tmp_path, PEOPLE, r"ex-(?P<name>.+)"), plain("ex-Cy O'Neil")) == {"ex-Cy O'Neil": [5]}


def test_a_group_is_each_of_its_members(tmp_path):
    people = roster(tmp_path, "sid,name,email\ns1234567,Aki S,\n77,O'Neil,\n,B. Müller,bea@example.org\n,Cy,c@d\n")
    files = {"submission_metadata.yml": METADATA, "submission_340001/w.ipynb": WORK, "submission_340000/w.ipynb": WORK}
    found = find_submissions(archive(tmp_path / "a.zip", files), EXERCISE, tmp_path / "scratch")
    matches = people.match(found)
    assert {s: [p.row for p in them] for s, them in matches.people.items()} == {
        "Aki Satō": [2],
        "Bea Müller + O'Neil": [4, 3],
    }
    assert [person.row for person in people.missing(matches)] == [5] and not matches.unclear


def test_what_the_instructor_should_know(tmp_path):
    people = roster(tmp_path, PEOPLE + "s106,,Lee,Eva\n")  # a row that is there twice is one person
    found = [plain(student) for student in ("s100", "Aki Satō", "Dan Kim", "Eva Lee", "Zed")]
    assert remarks_on(people, people.match(found)) == [
        (
            "On the roster, but handed in nothing",
            [([], "s101 Bea Ann Müller"), ([], "s102 太郎 佐藤"), ([], "s103 Cy O'Neil")],
        ),
        ("Handed in, but not on the roster", [(["Zed"], "")]),
        (
            "Not clear who this is on the roster",
            [(["Dan Kim"], "could be s104 Dan Kim (row 6) or s105 Dan Kim (row 7)")],
        ),
        ("Several hand-ins of one person", [(["s100", "Aki Satō"], "s100 Aki Satō")]),
    ]


@settings(deadline=None)
@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=5), st.randoms())
def test_any_names(names, random):
    people = People([Person(row, who=Who((name,))) for row, name in enumerate(names)])
    for row, name in enumerate(names):
        words = name.split()
        random.shuffle(words)
        try:
            found = people.find(Who((" ".join(words).upper(),)))
        except Unclear as error:
            assert len(error.people) > 1
        else:
            assert found is None or found.row == row or names[found.row] != name


# --- the command ---------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
def test_the_command_knows_the_class(tmp_path):
    where = folder(tmp_path / "in", {"Satō, Aki.ipynb": WORK, "Zed.ipynb": notebook([RIGHT1])})
    (tmp_path / "class.csv").write_text("id,name\n007,Aki Satō\n008,=1+1\n009,<b>Bo</b>\n", encoding="utf-8")
    book = tmp_path / "gc_9.csv"
    book.write_bytes(b"Username,Exercise 9 [Total Pts: 7 Score] |31\r\n007,-\r\n008,3\r\n")
    out = tmp_path / "out"
    for again in range(2):
        done = grade(where, "--out", out, "--roster", tmp_path / "class.csv", "--gradebook", book)
        assert done.exit_code == 0, done.output
        assert "On the roster, but handed in nothing: 008 =1+1, 009 <b>Bo</b>" in done.output.replace("\n", " ")
        assert "1 marks written into" in done.output and "Zed (not in it)" in done.output.replace("\n", " ")
        content = (out / "grades.csv").read_bytes().decode("utf-8-sig")
        lines = [list(line.values())[:7] for line in csv.DictReader(io.StringIO(content))]
        assert lines[0][:6] == ["Satō, Aki", "007", "Aki Satō", "09", "1", "7"]
        assert lines[1][:6] == ["Zed", "", "", "09", "1", "7"]
        assert lines[2] == ["'=1+1", "008", "'=1+1", "09", "", "7", "not handed in"]
        assert lines[3] == ["<b>Bo</b>", "009", "<b>Bo</b>", "09", "", "7", "not handed in"] and len(lines) == 4
        assert (out / "gc_9.csv").read_bytes() == book.read_bytes().replace(b"007,-", b"007,1")
        page = (out / "class.html").read_text(encoding="utf-8")
        assert "008 =1+1" in page and "&lt;b&gt;Bo" in page and "<b>Bo" not in page
        assert not list(out.glob("grades-edited*")), f"the table is ours, in run {again}"


def test_a_table_needs_a_class(tmp_path):
    (tmp_path / "w.ipynb").write_bytes(WORK)
    (tmp_path / "class.csv").write_text("id\n1\n")
    for options, words in [
        (["--roster", tmp_path / "class.csv"], "for a class"),
        (["--roster-pattern", "(?P<id>.)"], "for a class"),
    ]:
        done = grade(tmp_path / "w.ipynb", "--out", tmp_path / "out", *options)
        assert done.exit_code == 2 and words in done.output.replace("\n", " ")


def test_each_row_of_a_table_is_a_person(tmp_path):
    (tmp_path / "x.csv").write_text("id,name\n1,Aki\n1,Aki\n")
    assert [person.row for person in people_of(CsvFile(tmp_path / "x.csv"))] == [2, 3]
