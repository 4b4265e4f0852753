"""A loop's sign of life: what it writes, how often, and that the loop is not changed by it."""

import pytest
from conftest import KERNEL
from jupyter_client.manager import start_new_kernel

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


LOOP = """
import time
import lecture_utils.loops
from lecture_utils import progress_bar
lecture_utils.loops._SECONDS_OF_CURVES = 0.05
history = {"train_loss": []}
for epoch in progress_bar(range(4), curves=history):
    time.sleep(0.1)
    history["train_loss"].append(1 / (epoch + 1))
"""


@pytest.fixture(scope="module")
def kernel_run():
    """A function that runs code in a kernel and returns the messages of its output."""
    manager, client = start_new_kernel(kernel_name=KERNEL)

    def run(code: str) -> list[dict]:
        messages = []
        client.execute_interactive(code, timeout=120, output_hook=messages.append)
        return messages

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_in_a_notebook_curves_grow_and_vanish(kernel_run):
    shown = kernel_run(LOOP)
    pictures = [message["content"] for message in shown if "display_data" in message["msg_type"]]
    assert len({content["transient"]["display_id"] for content in pictures}) == 1
    data = [content["data"] for content in pictures]
    assert data[0] == data[-1] == {} and len(data) >= 4
    assert all("train loss: from 1 to " in one["text/plain"] and "image/png" in one for one in data[1:-1])
    text = "".join(message["content"]["text"] for message in shown if message["msg_type"] == "stream")
    assert text.endswith("4 of 4 epochs\n") and text.count("\n") == 1
    kinds = [message["msg_type"] for message in shown]
    assert "display_data" not in kinds[kinds.index("stream") :], "text after a picture begins a new line"


SLOW = """
import time
from lecture_utils.loops import sign_of_life
with sign_of_life("quick ..."):
    pass
with sign_of_life("checking ...", 0.05):
    time.sleep(0.3)
"""


def test_words_show_that_a_long_block_is_at_work(kernel_run):
    pictures = [message["content"]["data"] for message in kernel_run(SLOW) if "display_data" in message["msg_type"]]
    assert pictures == [{}, {"text/plain": "checking ..."}, {}]


def test_outside_of_a_notebook_curves_are_not_drawn(capsys):
    assert list(progress_bar([1, 2], curves={"train_loss": []})) == [1, 2]
    assert lines(capsys)[-1] == "[####################] 2 of 2 epochs"
