"""The person has the last word: ``adjust.csv``, late hand-ins and what they cost, and what has changed since."""

import csv
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from classes import EXERCISE, row_of
from grading_bank.command import grade
from grading_bank.submissions import RIGHT1, RIGHT2, RIGHT3, WRONG1, notebook
from test_fork_server import run_folder  # noqa: F401 - one fork server for every test here

from lecture_grader.adjust import HEADING, Decisions, final_row, make_file, read_adjustments
from lecture_grader.changes import changes_since_last
from lecture_grader.lateness import UNKNOWN, Lateness, Penalty, lateness, read_deadline
from lecture_grader.submissions import Submission
from lecture_grader.text import same_name

DUE = datetime(2026, 12, 1, 18, tzinfo=UTC)


HEAD = ",".join(HEADING)


def decided(tmp_path, *lines, encoding="utf-8-sig", head=HEAD):
    (tmp_path / "adjust.csv").write_bytes("\n".join([head, *lines, ""]).encode(encoding))
    return read_adjustments(tmp_path, EXERCISE)


def marks(*lines, late=Lateness(), tmp_path, row=None):  # noqa: B008, a frozen object
    decisions = decided(tmp_path, *lines)
    return final_row(row or row_of("Aki"), decisions.get("aki"), late)


def test_the_first_run_makes_the_file_with_its_heading_and_no_run_overwrites_it(tmp_path):
    assert read_adjustments(tmp_path, EXERCISE) == {} and not list(tmp_path.iterdir())
    make_file(tmp_path)
    made = (tmp_path / "adjust.csv").read_text(encoding="utf-8-sig")
    assert made == "student,task,points,comment,excused,extended_until\n"
    (tmp_path / "adjust.csv").write_text(made + "Aki,9.1,0.5,,,\n")
    make_file(tmp_path)
    assert read_adjustments(tmp_path, EXERCISE)["aki"].tasks["9.1"].points == 0.5


def test_marks_by_hand_keep_the_automatic_ones_beside_them(tmp_path):
    row = marks("Aki,9.1,0.5,half right,,", tmp_path=tmp_path)
    assert row["points"] == 2.5 and row["automatic"] == 7  # row_of: each task has 1 point, the row says 7
    assert row["tasks"]["9.1"] | {"points": 0.5, "automatic": 1, "comment": "half right"} == row["tasks"]["9.1"]
    assert row["tasks"]["9.2"]["points"] == row["tasks"]["9.2"]["automatic"] == 1


@pytest.mark.parametrize(
    "line, points",
    [
        ("Aki,total,3,,,", 3),
        ("Aki,,+2,,,", 9),
        ("Aki,TOTAL,-2.5,,,", 4.5),
        ("Aki,total,-20,,,", 0),
        ("Aki,total,,ill,yes,", None),
        ("ＡＫＩ,total,'+1,,,", 8),
    ],
)
def test_totals(tmp_path, line, points):
    assert marks(line, tmp_path=tmp_path)["points"] == points


def test_a_deduction_never_goes_below_zero_and_spares_a_total_by_hand(tmp_path):
    late = Lateness("0 d 1 h 0 min", 3)
    assert marks(tmp_path=tmp_path, late=late) | {"points": 4, "deduction": 3} == marks(tmp_path=tmp_path, late=late)
    small = row_of("Aki", 2)
    assert marks(tmp_path=tmp_path, late=late, row=small)["points"] == 0
    assert marks("Aki,total,6,,,", tmp_path=tmp_path, late=late)["points"] == 6
    excused = marks("Aki,total,,,yes,", tmp_path=tmp_path, late=late)
    assert excused["points"] is None and excused["deduction"] == 0


def test_a_task_that_waits_for_a_person_gets_its_points_there(tmp_path):
    row = row_of("Aki", 2)
    row["tasks"]["9.1"] |= {"status": "manual", "points": None}
    assert marks(tmp_path=tmp_path, row=row)["waiting"] == ["9.1"]
    given = marks("Aki,9.1,1,,,", tmp_path=tmp_path, row=row)
    assert given["waiting"] == [] and given["points"] == 3


@pytest.mark.parametrize(
    "lines, words",
    [
        (["Aki,9.9,1,,,"], "row 2: there is no task 9.9: write total, or one of 9.1, 9.2, 9.3"),
        (["", "Aki,9.1,a,,,"], "row 3: points are 'a': write a number such as 7.5"),
        (["Aki,9.1,99,,,"], "row 2: 99 are more than the"),
        (["Aki,9.1,1,,,", "aki,9.1,0.5,,,"], "row 3: aki, 9.1 stands in an earlier row"),
        ([",9.1,1,,,"], "row 2: no student is named"),
        (["Aki,,,,maybe,"], "row 2: excused is 'maybe': write yes"),
        (["Aki,,,,,tomorrow"], "row 2: extended_until is 'tomorrow': write a time"),
    ],
)
def test_a_mistake_is_one_line_with_its_row(tmp_path, lines, words):
    with pytest.raises(ValueError) as raised:
        decided(tmp_path, *lines)
    assert words in str(raised.value) and "\n" not in str(raised.value)


def test_what_spreadsheets_save_is_read(tmp_path):
    semicolons = decided(tmp_path, "Aki;9.1;0,5;;;", "Aki;;;;;2026/12/03 18:00", head=";".join(HEADING))
    assert semicolons["aki"].tasks["9.1"].points == 0.5 and semicolons["aki"].extended.day == 3
    assert decided(tmp_path, "Müller,9.1,1,,,", encoding="cp1252")["müller"].tasks["9.1"].points == 1
    with pytest.raises(ValueError, match="row 1: the heading"):
        decided(tmp_path, head="name,points")


@pytest.mark.parametrize(
    "text, grace, hours, cost",
    [
        ("10%/day", 0, 0.01, 2),
        ("10% per day", 0, 24.5, 4),
        ("1/hour", 0, 2.5, 3),
        ("0.5/week", 0, 1, 0.5),
        ("10%/day", 15, 0.25, 0),
        ("10%/day", 15, 0.26, 2),
        ("", 0, 100, 0),
    ],
)
def test_penalties(text, grace, hours, cost):
    assert Penalty.read(text, grace).cost(3600 * hours, 20) == cost


def test_a_penalty_that_cannot_be_read_says_how_to_write_it():
    with pytest.raises(ValueError, match="10%/day"):
        Penalty.read("a lot")


def test_lateness_goes_by_the_later_deadline_and_says_what_it_cannot_know():
    def late(hours, extended=None, **more):
        one = Submission("Aki", Path("a"), handed_in=None if hours is None else DUE + timedelta(hours=hours), **more)
        return lateness(one, DUE, extended, Penalty.read("1/hour", 10), 7)

    assert late(0) == late(0.1) == Lateness()
    assert late(49.1) == Lateness("2 d 1 h 6 min", 50)
    assert late(2, DUE + timedelta(hours=3)) == Lateness()
    assert late(2, DUE - timedelta(hours=3)) == Lateness("0 d 2 h 0 min", 2)
    assert late(None) == Lateness(UNKNOWN)
    assert late(None, late=True, platform="canvas") == Lateness("as Canvas says")
    assert late(None, problem="no notebook was handed in") == Lateness()
    assert lateness(Submission("Aki", Path("a")), None, None, Penalty(), 7) == Lateness()


def test_changes_are_told_by_student_and_task(tmp_path):
    rows = [final_row(row_of(name), Decisions(), Lateness()) for name in ("Aki", "Bea", "Cem")]
    assert changes_since_last(tmp_path, rows) == []
    assert changes_since_last(tmp_path, rows) == []
    rows[1]["tasks"]["9.2"]["points"], rows[1]["points"] = 0, 6
    rows[2]["points"] = None
    new = final_row(row_of("Dai"), Decisions(), Lateness())
    assert changes_since_last(tmp_path, [*rows, new]) == [("Bea", "7 -> 6 (9.2: 1 -> 0)"), ("Cem", "7 -> no mark")]


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
def test_a_week_of_marks(tmp_path):
    """Graded, adjusted, graded again after a new hand-in: what a person decided stays, and everything shows it."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "Aki Sato.ipynb").write_bytes(notebook([RIGHT1, RIGHT2, RIGHT3]))
    (folder / "Bea.ipynb").write_bytes(notebook([WRONG1, RIGHT2]))
    assert grade(folder, "--out", out).exit_code == 0
    automatic = {row["student"]: row["points"] for row in map(json.loads, (out / "results.jsonl").open())}
    with (out / "adjust.csv").open("a") as file:
        file.write("bea,9.1,1,nearly,,\nAki Sato,total,,ill,yes,\nNobody,9.1,1,,,\n")
    done = grade(folder, "--out", out, "--due", "2026-12-01 18:00", "--format", "moodle")
    assert done.exit_code == 0 and done.output.count("from before") == 2
    assert f"Bea: {automatic['Bea']} -> {automatic['Bea'] + 1} (9.1: 0 -> 1)" in done.output
    assert "nobody of that name handed in anything: Nobody (row 4)" in done.output
    assert "cannot be known for 2 of 2" in done.output

    def table():
        with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
            return {line["student"]: line for line in csv.DictReader(file)}

    lines = table()
    assert lines["Aki Sato"]["points"] == "" and lines["Aki Sato"]["excused"] == "yes"
    assert lines["Aki Sato"]["comment"] == "ill" and lines["Aki Sato"]["automatic"] == str(automatic["Aki Sato"])
    assert lines["Bea"]["points"] == str(automatic["Bea"] + 1) and lines["Bea"]["9.1"] == "1"
    report = (out / "reports" / "Bea.html").read_text()
    assert f"{automatic['Bea'] + 1} of" in report and "nearly" in report and "by the checks:\n0" in report
    assert "Excused" in (out / "reports" / "Aki Sato.html").read_text()

    (folder / "Bea.ipynb").write_bytes(notebook([WRONG1, RIGHT2, RIGHT3]))
    (out / "grades.csv").write_text("edited by hand")
    done = grade(folder, "--out", out)
    assert int(table()["Bea"]["points"]) > int(lines["Bea"]["points"]) and table()["Bea"]["9.1"] == "1"
    assert [path.read_text() for path in out.glob("grades-edited-*.csv")] == ["edited by hand"]
    assert "grades.csv was changed by hand" in done.output and "adjust.csv" in done.output
    (out / "adjust.csv").write_text("student,task,points\nBea,9.7,1\n")
    done = grade(folder, "--out", out)
    assert done.exit_code == 2 and "row 2: there is no task 9.7" in done.output


def test_names_are_the_same_in_another_width_case_or_form():
    assert same_name("佐藤　太郎") == same_name("佐藤 太郎") and same_name("Ｍu\u0308ller") == same_name("MÜLLER")


# --- what readers and instructors ran into ---------------------------------------------------------


@pytest.mark.parametrize(
    "text, expected",
    [
        ("2026-12-03", (2026, 12, 3, 23, 59)),
        ("2026/12/3", (2026, 12, 3, 23, 59)),
        ("2026/12/3 9:05", (2026, 12, 3, 9, 5)),
        ("2026-12-03T18:00", (2026, 12, 3, 18, 0)),
    ],
)
def test_a_date_alone_means_the_end_of_the_day(text, expected):
    time = read_deadline(text)
    assert (time.year, time.month, time.day, time.hour, time.minute) == expected and time.tzinfo
    assert read_deadline("12/3/2026 18:00") is None and read_deadline("soon") is None


def test_tasks_of_a_hand_in_that_could_not_be_judged_can_be_marked(tmp_path):
    row = row_of("Aki", None, status="unreadable", tasks={})
    final = marks("Aki,9.1,1,from paper,,", "Aki,9.2,0.5,,,", tmp_path=tmp_path, row=row)
    assert final["points"] == 1.5 and final["tasks"]["9.1"]["comment"] == "from paper"


@pytest.mark.parametrize(
    "line, words",
    [
        ("Aki,9.1,,ill,yes,", "about the whole exercise"),
        ("Aki,9.1,,,,2026-12-03", "about the whole exercise"),
        ("Aki,total,5,,yes,", "exclude each other"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path, line, words):
    with pytest.raises(ValueError, match=words):
        decided(tmp_path, line)


def test_a_file_from_a_japanese_windows_is_read(tmp_path):
    assert (
        decided(tmp_path, "佐藤　太郎,9.1,0.5,よくできました,,", encoding="cp932")["佐藤 太郎"].tasks["9.1"].points
        == 0.5
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
def test_names_numbers_and_files_of_earlier_runs(tmp_path):
    """Moodle's number may be left out; what an earlier run wrote for a platform is brought up to date."""
    folder, out = tmp_path / "in", tmp_path / "out"
    for who, cells in (("Aki Sato_101", [RIGHT1]), ("Bea Klein_102", [WRONG1, RIGHT2])):
        student = folder / f"{who}_assignsubmission_file_"
        student.mkdir(parents=True)
        (student / "work.ipynb").write_bytes(notebook(cells))
    assert grade(folder, "--out", out, "--format", "moodle").exit_code == 0
    with (out / "adjust.csv").open("a") as file:
        file.write("aki sato,total,5,,,\nZoe,total,+1,,,\n")
    done = grade(folder, "--out", out)
    assert "Aki Sato_101: 5 of" in done.output and "nobody of that name handed in anything: Zoe (row 3)" in done.output
    with (out / "moodle.csv").open(encoding="utf-8", newline="") as file:
        assert {line["Identifier"]: line["Grade"] for line in csv.DictReader(file)}["Participant 101"] == "5"
    alone = grade(folder / "Aki Sato_101_assignsubmission_file_" / "work.ipynb", "--out", out)
    assert alone.exit_code == 2 and "holds the marks of a class" in alone.output
    twins = tmp_path / "twins"
    twins.mkdir()
    for name in ("Aki Sato", "Aki  Sato"):
        (twins / f"{name}.ipynb").write_bytes(notebook([RIGHT1]))
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "adjust.csv").write_text("student,task,points\nAKI SATO,total,+1\n")
    done = grade(twins, "--out", tmp_path / "two")
    assert done.exit_code == 2 and "row 2: AKI SATO could be" in done.output
