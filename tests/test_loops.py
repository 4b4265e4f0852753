"""A loop's sign of life: what it writes, how often, and that the loop is not changed by it."""

import pytest

import lecture_utils.loops as module
from lecture_utils import progress_bar


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the test moves, in seconds."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def lines(capsys) -> list[str]:
    return capsys.readouterr().out.replace("\n", "\r").strip("\r").split("\r")


def test_it_gives_the_items_and_leaves_one_line(capsys):
    assert list(progress_bar(["a", "b", "c"])) == ["a", "b", "c"]
    out = capsys.readouterr().out
    assert out.endswith("\r[####################] 3 of 3 epochs\n") and out.count("\n") == 1


def test_it_writes_at_most_ten_times_a_second(clock, capsys):
    for _ in progress_bar(range(1000)):
        clock[0] += 0.01
    assert 100 <= len(lines(capsys)) <= 102
    for _ in progress_bar(range(5), "steps"):
        clock[0] += 1
    assert lines(capsys) == [f"[{'#' * 4 * n:.<20}] {n} of 5 steps" for n in range(6)]


def test_a_loop_that_is_left_early_says_how_far_it_got(clock, capsys):
    for number in progress_bar(range(8)):
        clock[0] += 1
        if number == 2:
            break
    assert lines(capsys)[-1] == "[#####...............] 2 of 8 epochs"
    with pytest.raises(ZeroDivisionError):
        for _ in progress_bar(range(2)):
            raise ZeroDivisionError
    assert "0 of 2 epochs" in lines(capsys)[-1]


def test_items_without_a_length_are_counted(capsys):
    assert sum(progress_bar((n for n in range(4)), "numbers")) == 6
    assert lines(capsys)[-1] == "4 numbers"
    list(progress_bar(iter([1, 2]), total=4))
    assert lines(capsys)[-1] == "[##########..........] 2 of 4 epochs"
    assert list(progress_bar([])) == [] and lines(capsys)[-1] == "0 epochs"


def test_a_bar_that_is_wiped_out_leaves_its_line_to_what_comes_next(clock, capsys):
    for _ in progress_bar(range(2), leave=False):
        clock[0] += 1
    print("a result")
    out = capsys.readouterr().out
    assert "1 of 2 epochs" in out and out.count("\n") == 1
    shown = ""
    for piece in out.rstrip("\n").split("\r"):  # as a terminal and JupyterLab write over a line
        shown = piece + shown[len(piece) :]
    assert shown.rstrip() == "a result"
