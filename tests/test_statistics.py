"""What the class page and the page of a term say about a class: figures, shared mistakes, who needs help."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from classes import EXERCISE, row_of

from lecture_grader.class_page import write_class_page
from lecture_grader.course_page import read_term, write_term
from lecture_grader.results import Results, report_name, summarise
from lecture_grader.statistics import class_figures
from lecture_grader.submissions import Submission

EVIL = "<script>alert(1)</script>"


def student(name, passed, *, hint="Add it to itself.", hidden=False, status="failed"):
    """A row in which the first ``passed`` tasks are solved; the others failed with one hint."""
    row = row_of(name, passed)
    for number, verdict in enumerate(row["tasks"].values()):
        if number >= passed:
            verdict |= {"status": status, "points": 0, "hint": hint, "message": "It is wrong.", "hidden": hidden}
    return row


def test_failures_are_grouped_by_mistake_with_a_short_example_and_open_ones_apart():
    rows = [student("Aki", 2), student("Bea", 1), student("Cem", 2, hint=""), student("Dai", 0, status="todo")]
    sources = {"Aki": "long " * 20, "Bea": "short", "Cem": "x"}
    figures = class_figures(rows, EXERCISE, lambda name, task: sources.get(name))
    first, second, third = figures.tasks
    assert (first.tried, first.solved, first.open) == (3, 3, 1) and first.mistakes == []
    assert [m.students for m in second.mistakes] == [["Bea"]]
    texts = {m.text: (m.students, m.example) for m in third.mistakes}
    assert texts == {
        "Add it to itself.": (["Aki", "Bea"], ("Bea", "short")),
        "It is wrong.": (["Cem"], ("Cem", "x")),
    }
    assert [(m.task, len(m.students)) for m in figures.common_mistakes()] == [("9.3", 2)]


def test_the_middle_of_a_class_with_two_peaks_and_who_needs_help():
    rows = [student(f"s{n}", 0) for n in range(5)] + [student(f"t{n}", 7 if n else 6) for n in range(6)]
    for n, row in enumerate(rows[5:]):
        row["points"] = 7 if n else 6
    rows.append(student("untouched", 0, status="todo"))
    rows.append(row_of("no mark", None, status="unreadable", tasks={}))
    figures = class_figures(rows, EXERCISE, lambda name, task: None)
    assert (figures.marked, figures.median) == (12, 3.0) and figures.mean == pytest.approx(41 / 12)
    assert sum(count for _, _, count in figures.bars) == 12 and figures.bars[0] == (0, 0, 6)
    assert [name for name, _ in figures.help] == ["s0", "s1", "s2", "s3", "s4"]


def test_a_task_that_the_good_fail_has_a_negative_correlation():
    rows = []
    for n in range(12):
        row = student(f"s{n}", 3)
        good = n % 2
        for task, passed in (("9.1", good), ("9.2", good), ("9.3", not good or n < 4)):
            row["tasks"][task] |= {"points": int(passed), "status": "passed" if passed else "failed"}
        row["points"] = sum(verdict["points"] for verdict in row["tasks"].values())
        rows.append(row)
    first, second, third = class_figures(rows, EXERCISE, lambda name, task: None).tasks
    assert first.correlation == second.correlation > 0.3 and third.correlation < -0.5
    assert all(one.correlation is None for one in class_figures(rows[:9], EXERCISE, lambda *_: None).tasks)


def test_only_a_hidden_case_failed():
    rows = [student("Aki", 1, hidden=True), student("Bea", 1)]
    tasks = class_figures(rows, EXERCISE, lambda name, task: None).tasks
    assert [one.hidden_only for one in tasks] == [[], ["Aki"], ["Aki"]]


def test_the_page_names_the_mistake_and_shows_its_code_escaped(tmp_path):
    rows = [student(f"{EVIL}{n}", 1, hint=f"Named {EVIL}") for n in range(3)]
    (tmp_path / "answers").mkdir()
    for row in rows:
        path = tmp_path / "answers" / f"{report_name(row['student'])}.json"
        path.write_text(json.dumps({"9.2": f"model = 1  # {EVIL}"}))
    write_class_page([Submission(row["student"], Path("x")) for row in rows], rows, EXERCISE, tmp_path)
    page = (tmp_path / "class.html").read_text()
    assert EVIL not in page and page.count("Named &lt;script&gt;") == 4  # twice among the common ones, once by task
    assert "model = 1  # &lt;script&gt;" in page and "<td>0 (0 %)</td>" in page


def results(folder, rows, number="09"):
    with Results(folder) as made:
        for row in rows:
            made.append(row | {"exercise": number})
        made.write_csv([row["student"] for row in rows], EXERCISE)
    return folder


def test_a_term_joins_names_and_tells_who_fell(tmp_path):
    one = results(tmp_path / "a", [student("Aki Sato", 3), student("Bea", 1), student("=Cem", 3)], "01")
    two = results(tmp_path / "b", [student("aki　sato", 0), student("Bea", 1), student("Dai", 2)], "02")
    for row in (one, two):
        assert (row / "grades.csv").is_file()
    term = write_term([two, one], tmp_path / "course.html")
    assert term.exercises == [("01", 7), ("02", 7)]
    assert {way.student: (way.points, way.fell) for way in term.ways} == {
        "aki　sato": ([3, 0], True), "Bea": ([1, 1], False), "'=Cem": ([3, None], False), "Dai": ([None, 2], False),
    }  # fmt: skip
    assert term.mistakes == [("Add it to itself.", [1, 3])]
    with (tmp_path / "course.csv").open(encoding="utf-8-sig", newline="") as file:
        first = next(csv.DictReader(file))
    assert first == {"student": "'=Cem", "exercise 01": "3", "exercise 02": "", "total": "3", "max_points": "14"}
    assert "<svg" in (tmp_path / "course.html").read_text()


def test_folders_that_make_no_term_are_named(tmp_path):
    one = results(tmp_path / "a", [student("Aki", 3)])
    with pytest.raises(ValueError, match="both hold exercise 09"):
        read_term([one, results(tmp_path / "b", [student("Aki", 3)])])
    with pytest.raises(ValueError, match="nowhere holds no marks"):
        read_term([one, tmp_path / "nowhere"])


def test_a_task_that_a_person_marks_has_no_mistakes():
    task = replace(EXERCISE.tasks[0], manual="the rubric")
    exercise = replace(EXERCISE, tasks=(task,))
    rows = [row_of(name, 1) for name in ("Aki", "Bea", "Cem")]
    for row, points in zip(rows, (task.points, 0.5, None), strict=True):
        row["tasks"][task.id] |= {"status": "manual", "points": points, "message": "A person marks this task."}
    (one,) = class_figures(rows, exercise, lambda name, task: None).tasks
    assert (one.tried, one.solved, one.mistakes) == (2, 1, [])
    assert summarise(rows, exercise)[0][2] == ""
