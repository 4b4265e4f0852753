"""Reports without names, and files of those who are no longer among the submissions."""

import csv
import re

import pytest
from classes import row_of
from grading_bank.command import grade, rows_of
from grading_bank.submissions import RIGHT1, notebook
from test_fork_server import run_folder  # noqa: F401 - one fork server for every test here

from lecture_grader import handing_back
from lecture_grader.handing_back import bring_back, remove_anonymous, set_aside, students_in, write_anonymous
from lecture_grader.results import report_name

PAGE = "<html><title>Exercise 09: {0}</title><body>\n<h1>Exercise 09: {0}</h1>\n<pre>{1}</pre></body></html>"
STUDENTS = ["Aki Sato_101", "=cmd", "a/b", "-Bea"]


def write_reports(out, students=STUDENTS, text="def f(): pass"):
    for student in students:
        for kind, suffix in (("reports", ".html"), ("answers", ".json"), ("gradescope", "")):
            path = out / kind / f"{report_name(student)}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            (path / "results.json" if not suffix else path).parent.mkdir(exist_ok=True)
            (path if suffix else path / "results.json").write_text(PAGE.format(student, text))
    return [row_of(student) for student in students]


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def key_of(out):
    with (out / "key.csv").open(newline="", encoding="utf-8-sig") as file:
        return {line["report"]: line for line in csv.DictReader(file)}


def test_reports_without_names(tmp_path):
    rows = write_reports(tmp_path)
    assert write_anonymous(tmp_path, rows) == []
    key = key_of(tmp_path)
    codes = {line["code"] for line in key.values()}
    assert {line["student"] for line in key.values()} == {"Aki Sato_101", "'=cmd", "a/b", "'-Bea"}
    assert len(codes) == 4 and all(re.fullmatch(r"[A-HJ-NP-Z][2-9][A-HJ-NP-Z][2-9]", code) for code in codes)
    assert files(tmp_path / "anonymous") == {f"{code}.html" for code in codes}
    for code in codes:
        assert (tmp_path / "anonymous" / f"{code}.html").read_text() == PAGE.format(code, "def f(): pass")


def test_the_times_of_the_files_do_not_tell_the_order_of_the_class(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(handing_back, "write_text", lambda path, text: written.append(path.stem))
    students = [f"student {number:02}" for number in range(20)]
    write_anonymous(tmp_path, write_reports(tmp_path, students))
    assert written == sorted(written) and len(written) == 20


def test_codes_stay_and_cannot_be_computed_from_names(tmp_path):
    one, other = tmp_path / "1", tmp_path / "2"
    for out in (one, other):
        write_anonymous(out, write_reports(out))
    assert key_of(one) != key_of(other)
    before = key_of(one)
    write_anonymous(one, write_reports(one, [*reversed(STUDENTS), "new"]))
    after = key_of(one)
    assert {name: after[name] for name in before} == before and len(after) == 5
    write_anonymous(one, write_reports(one, ["new"]))  # a class of one, for once
    assert key_of(one) == after
    assert files(one / "anonymous") == {f"{after['new']['code']}.html"}


def test_switched_off_only_the_copies_go(tmp_path):
    write_anonymous(tmp_path, write_reports(tmp_path))
    (tmp_path / "anonymous" / "mine.txt").write_text("a note")
    before, key = files(tmp_path / "reports"), key_of(tmp_path)
    remove_anonymous(tmp_path)
    assert files(tmp_path / "anonymous") == {"mine.txt"} and files(tmp_path / "reports") == before
    (tmp_path / "anonymous" / "mine.txt").unlink()
    remove_anonymous(tmp_path)
    assert not (tmp_path / "anonymous").exists() and key_of(tmp_path) == key


def test_a_notebook_that_names_its_student_is_pointed_out(tmp_path):
    rows = write_reports(tmp_path, ["Bea"])
    rows += write_reports(tmp_path, ["Aki Sato_101"], "by AKI SATO")
    assert write_anonymous(tmp_path, rows) == ["Aki Sato_101"]


@pytest.mark.parametrize(
    "change",
    [lambda text: text.replace("Bea", ""), lambda text: text + text.splitlines()[1] + "\n", lambda text: "x" + text],
    ids=["no name", "twice", "no code"],
)
def test_a_damaged_key_is_no_reason_to_draw_new_codes(tmp_path, change):
    rows = write_reports(tmp_path, ["Bea"])
    write_anonymous(tmp_path, rows)
    path = tmp_path / "key.csv"
    path.write_text(damaged := change(path.read_text("utf-8-sig")))
    with pytest.raises(ValueError, match=r"key.csv was changed or damaged .*row \d.* restore it"):
        write_anonymous(tmp_path, rows)
    assert path.read_text() == damaged


def test_files_of_earlier_students_are_set_aside_and_come_back(tmp_path):
    write_reports(tmp_path)
    for name in ("reports/notes.html", "class.html", "answers/mine.json"):
        (tmp_path / name).write_text("the instructor's own")
    before = files(tmp_path)
    assert set_aside(tmp_path, ["AKI Sato_101", "a/b"], [*STUDENTS, "gone long ago"]) == ["-Bea", "=cmd"]
    gone = {name for name in before if "Bea" in name or "cmd" in name}
    assert len(gone) == 6
    assert files(tmp_path) == (before - gone) | {f"stale/{name}" for name in gone}
    bring_back(tmp_path, ["-Bea"])
    assert {name for name in files(tmp_path) if "Bea" in name} == {name for name in gone if "Bea" in name}
    (tmp_path / "reports" / "-Bea.html").write_text("second")
    for text in ("second", "third"):
        (tmp_path / "reports" / "-Bea.html").write_text(text)
        set_aside(tmp_path, [], ["-Bea"])
    kept = {path.name: path.read_text() for path in (tmp_path / "stale" / "reports").iterdir() if "Bea" in path.name}
    assert kept == {"-Bea.html": "third", "-Bea (1).html": "second"}, "nothing is deleted"


def test_students_of_damaged_results(tmp_path):
    assert students_in(tmp_path) == set()
    (tmp_path / "results.jsonl").write_bytes(b'{"student":"Aki"}\n[1]\n{"student":\n\xff\n{"x":1}\n{"student":"Bea"}')
    assert students_in(tmp_path) == {"Aki", "Bea"}


def test_a_class_of_which_someone_is_renamed(tmp_path):
    folder, out = tmp_path / "handed in", tmp_path / "out"
    folder.mkdir()
    for name in ("Aki", "Bea"):
        (folder / f"{name}.ipynb").write_bytes(notebook([RIGHT1]))
    assert grade(folder, "--out", out, "--seed", 5).exit_code == 0
    assert not (out / "key.csv").exists()
    (folder / "Bea.ipynb").rename(folder / "Beate.ipynb")
    done = grade(folder, "--out", out, "--seed", 5, "--anonymous", "--format", "gradescope")
    assert "No longer among the submissions, moved to" in done.output and "stale: Bea\n" in done.output
    assert files(out / "reports") == {"Aki.html", "Beate.html"} and files(out / "stale" / "reports") == {"Bea.html"}
    assert files(out / "gradescope") == {"Aki/results.json", "Beate/results.json"}
    codes = {line["student"]: line["code"] for line in key_of(out).values()}
    assert files(out / "anonymous") == {f"{codes['Aki']}.html", f"{codes['Beate']}.html"}
    page = (out / "anonymous" / f"{codes['Aki']}.html").read_text()
    assert "Aki" not in page and page.count(f"Exercise 09: {codes['Aki']}") == 2 and "double" in page
    assert str(out / "key.csv") in done.output
    (folder / "Beate.ipynb").rename(folder / "Bea.ipynb")
    done = grade(folder, "--out", out, "--seed", 5, "--anonymous")
    assert done.output.count("from before") == 2, "the report came back"
    again = {line["student"]: line["code"] for line in key_of(out).values()}
    assert again["Aki"] == codes["Aki"]
    assert files(out / "anonymous") == {f"{again['Aki']}.html", f"{again['Bea']}.html"}
    done = grade(folder, "--out", out, "--seed", 5)
    assert done.output.count("from before") == 2 and not (out / "anonymous").exists()
    assert grade(folder / "Aki.ipynb", "--out", out).exit_code == 2  # one notebook says nothing about the class
    assert files(out / "reports") == {"Aki.html", "Bea.html"} and set(rows_of(out)) == {"Aki", "Bea", "Beate"}
