"""The folder of results: rows that survive, one grader at a time, and nothing of a hidden case in them."""

import csv
import fcntl
import json
import shutil

import pytest
from classes import EXERCISE
from classes import row_of as whole_row
from conftest import ROOT

from lecture_grader import gradescope
from lecture_grader.class_page import write_class_page
from lecture_grader.grade_one import Grade
from lecture_grader.results import Results, escape_formula, report_name, summarise, to_row
from lecture_utils.grading.verdict import Verdict

OLD = ROOT / "tests" / "grading_bank" / "old_results.jsonl"  # as `lecture grade` wrote it when rows had one digest
NEEDLE = "zyx" + "quux"


# --- one grader at a time ------------------------------------------------------------------------


def test_one_grader_at_a_time(tmp_path):
    with Results(tmp_path), pytest.raises(ValueError, match="another grader"):
        Results(tmp_path)
    with Results(tmp_path):
        pass


def test_a_grader_that_has_just_opened_the_lock_keeps_a_third_one_out(tmp_path):
    first = Results(tmp_path)
    second = (tmp_path / ".lock").open("w")  # as far as a second grader is when the first one ends
    first.close()
    fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with pytest.raises(ValueError, match="another grader"):
        Results(tmp_path)
    second.close()


# --- rows ----------------------------------------------------------------------------------------


def test_a_damaged_row_costs_that_row(tmp_path):
    with Results(tmp_path) as results:
        results.append({"student": "a", "seed": 3})
        results.append({"student": "b", "seed": 3})
    lines = results.path.read_bytes().splitlines(keepends=True)
    results.path.write_bytes(lines[0] + b"[1]\nnull\n{}\nnonsense\n" + lines[1] + lines[0][:9])
    with Results(tmp_path) as results:
        assert set(results.rows) == {"a", "b"}
        results.append({"student": "c"})
    with Results(tmp_path) as results:
        assert set(results.rows) == {"a", "b", "c"}


def test_a_last_row_without_an_end_is_kept(tmp_path):
    """An editor may have taken the end of the line away."""
    with Results(tmp_path) as results:
        results.append({"student": "a", "seed": 3})
        results.append({"student": "b", "seed": 3})
    results.path.write_bytes(results.path.read_bytes()[:-1])
    with Results(tmp_path) as results:
        assert set(results.rows) == {"a", "b"}
        results.append({"student": "c"})
    with Results(tmp_path) as results:
        assert set(results.rows) == {"a", "b", "c"} and not (tmp_path / "damaged.jsonl").exists()


def test_half_a_row_is_set_aside(tmp_path):
    with Results(tmp_path) as results:
        results.append({"student": "a"})
    whole = results.path.read_bytes()
    for half in (b'{"student": "b', b'{"student": 7}', b"\xff"):
        results.path.write_bytes(whole + half)
        with Results(tmp_path) as results:
            assert set(results.rows) == {"a"} and results.path.read_bytes() == whole
    assert (tmp_path / "damaged.jsonl").read_bytes() == b'{"student": "b\n{"student": 7}\n\xff\n'


@pytest.mark.parametrize(
    "line",
    [b'{"student": ["a"]}', b'{"student": "x", "tasks": null}', b'{"student": "x", "tasks": {"9.1": 1}}', b"[" * 99_999,
     b"7", b"null", b'"student"', b'{"tasks": {}}', b"\xff\xfe", b"", b"NaN"],
    ids=range(11),
)  # fmt: skip
def test_a_row_that_is_none_is_left_alone(line, tmp_path):
    with Results(tmp_path) as results:
        results.append(whole_row("a"))
    before = line + b"\r\n" + results.path.read_bytes()
    results.path.write_bytes(before)
    with Results(tmp_path) as results:
        assert set(results.rows) == {"a"} and results.path.read_bytes() == before
        results.write_csv(["a", "x"], EXERCISE)


def test_a_row_is_one_line_for_every_reader(tmp_path):
    text = "a\u2028b\u2029c\x85d\x0be\ud800f\r\ng 山"
    with Results(tmp_path) as results:
        results.append({"student": "a", "notes": [text]})
    content = results.path.read_text(encoding="utf-8")
    assert len(content.splitlines()) == 1 and "山" in content
    with Results(tmp_path) as results:
        assert results.rows["a"]["notes"] == [text]


def test_what_there_is_no_room_for_leaves_no_half_row(tmp_path, monkeypatch):
    with Results(tmp_path) as results:
        results.append({"student": "a"})
        before = results.path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            with pytest.raises(OSError, match="No space"):
                results.append({"student": "b"})
        assert results.path.read_bytes() == before and "b" not in results.rows
        results.append({"student": "c"})
    with Results(tmp_path) as results:
        assert set(results.rows) == {"a", "c"}


def test_rows_of_an_earlier_version_can_be_read_and_handed_back(tmp_path):
    shutil.copy(OLD, tmp_path / "results.jsonl")
    with Results(tmp_path) as results:
        rows = list(results.rows.values())
        results.write_csv(sorted(results.rows), EXERCISE)
    assert "held_out" in rows[0]["tasks"]["9.1"]
    with (tmp_path / "grades.csv").open(newline="", encoding="utf-8-sig") as file:
        assert {line["student"]: line["points"] for line in csv.DictReader(file)} == {
            "Aki": "7",
            "Bea": "6",
            "Cem": "1",
        }
    assert [share for _, share, _ in summarise(rows, EXERCISE)] == [2 / 3] * 3
    gradescope.write_gradescope(rows, EXERCISE, tmp_path)
    write_class_page([], rows, EXERCISE, tmp_path)
    assert "mean 4.7, median 6" in " ".join((tmp_path / "class.html").read_text().split())


# --- why a submission is graded again ------------------------------------------------------------


def test_why_a_submission_is_graded_again(tmp_path):
    key = {"notebook": "a", "checks": "b", "grader": 1, "settings": "c"}
    with Results(tmp_path) as results:
        assert results.why_again("Aki", key) == "new"
        results.append(whole_row("Aki", key=key))
        assert results.why_again("Aki", key) == "report"
        (tmp_path / "reports" / "Aki.html").touch()
        assert results.why_again("Aki", key) == ""
        for part in key:
            assert results.why_again("Aki", key | {part: "other"}) == part
        assert results.why_again("Aki", key | {"checks": "other", "notebook": "other"}) == "notebook"
        for lost in ({"student": "Aki", "key": {}}, {"student": "Aki"}):
            results.append(lost)
            assert results.why_again("Aki", key) == "lost"
        for damaged in ({"student": "Aki", "key": key}, whole_row("Aki", key=[1])):
            results.append(damaged)
            assert results.why_again("Aki", key) == "damaged"


# --- names and cells that come from outside ------------------------------------------------------


def test_names_of_reports_are_unique_and_plain():
    names = ["Aki Sato", "a/b", "a_b", "..", ".hidden", "x" * 300, "x" * 301, "e\u0301", ""]
    reports = [report_name(name) for name in names]
    assert len(set(reports)) == len(names)
    assert all(len(name) < 120 and "/" not in name and not name.startswith(".") for name in reports)


def test_no_name_becomes_a_formula():
    assert [escape_formula(text)[0] for text in ("=1", "+1", "-1", "@x", "\tx", "Aki")] == ["'"] * 5 + ["A"]


# --- what a row may show -------------------------------------------------------------------------


def row_of(verdict):
    return to_row("me", EXERCISE, Grade("graded", 0, 7, 1.0, [verdict]), seed=0, fingerprint={})


@pytest.mark.parametrize("error", ["", "some words"], ids=["without a text", "with a text"])
@pytest.mark.parametrize("message", ["Your code raised {}.", "It ended with {}"])
def test_a_class_named_after_a_hidden_input_is_not_shown(message, error):
    """Whatever words the message has, and whether the error has a text of its own."""
    verdict = Verdict("9.3", "failed", 1, 4, "a word", message.format(NEEDLE), error=error, error_kind=NEEDLE)
    verdict.where = f"raise {NEEDLE}"
    assert NEEDLE in json.dumps(row_of(verdict)), "a visible case shows it"
    verdict.hidden = True
    assert NEEDLE not in json.dumps(row_of(verdict))
    assert row_of(verdict)["tasks"]["9.3"]["message"] == "Your code raised an error."


def test_an_exception_of_pythons_own_is_named_in_a_hidden_case():
    verdict = Verdict("9.3", "failed", 1, 4, "a word", "Your code raised KeyError.", error_kind="KeyError", hidden=True)
    assert row_of(verdict)["tasks"]["9.3"]["message"] == "Your code raised KeyError."
    verdict.error_kind = "copyright"  # a name among the builtins that is no exception
    assert "an error" in row_of(verdict)["tasks"]["9.3"]["message"]


def test_what_is_compared_never_leaves_the_notebook():
    verdict = Verdict("9.3", "failed", 0, 4, "a word", "It is wrong.", expected=NEEDLE, got=NEEDLE)
    assert NEEDLE not in json.dumps(row_of(verdict))
