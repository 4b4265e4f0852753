"""check() and progress() in the notebook, and what they leave untouched there."""

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from conftest import ROOT
from torch import nn

from lecture_utils.grading import feedback, live, records
from lecture_utils.grading.progress import progress
from lecture_utils.grading.tasks import load_exercise

CHECKS = ROOT / "tests" / "grading_bank" / "checks.py"


@pytest.fixture
def names(monkeypatch, tmp_path):
    """A namespace that check() looks into, and a progress file of its own."""
    namespace = {"torch": torch, "nn": nn}
    monkeypatch.setattr(feedback, "notebook_names", lambda: namespace)
    for memory in (feedback._failures, live._seeds, live._attempts, records._states):
        memory.clear()
    monkeypatch.setenv("LECTURE_PROGRESS", str(tmp_path / "deep" / "progress.json"))
    return namespace


def check(task_id):
    return feedback.check(task_id, checks=CHECKS)


def test_right_wrong_and_open(names):
    assert "not answered yet" in repr(check("9.1"))
    names["double"] = lambda x: x**2
    shown = repr(check("9.1"))
    assert "✗" in shown and "not right yet.\n" in shown and "\ncase: a tensor of shape (1, 2)" in shown
    assert "expected: tensor, shape (1, 2)" in shown
    assert "got: tensor" in shown and "That is the square." not in shown
    assert "hint: That is the square." in repr(check("9.1"))
    names["double"] = lambda x: x + x
    assert "2 visible cases passed; 3 more are run when graded" in repr(check("9.1"))


def test_an_error_is_told_without_a_traceback(names):
    names["double"] = lambda x: x @ x @ torch.ones(7)
    shown = repr(check("9.1"))
    assert "Your code raised RuntimeError." in shown and "hint: " in shown and "Traceback" not in shown


def test_html_is_escaped(names):
    names["reverse"] = lambda word: "<script>alert(1)</script>"
    page = check("9.3")._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_unknown_tasks_and_exercises(names):
    with pytest.raises(ValueError, match="no task '9.7'"):
        check("9.7")
    with pytest.raises(ValueError, match="no checks for exercise"):
        feedback.check("77.1")


def test_no_trace_is_left(names):
    model = names["model"] = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))
    leaf = names["leaf"] = torch.ones(3, requires_grad=True)
    (model(torch.ones(2, 4)).sum() + leaf.sum()).backward()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    grads = [p.grad.clone() for p in (*model.parameters(), leaf)]

    def double(x):
        names["litter"] = 1
        names["leaf"] = None
        torch.rand(3), np.random.rand(3), random.random()
        (model.train()(torch.randn(5, 4)).sum() + leaf.sum()).backward()
        with torch.no_grad():
            for p in model.parameters():
                p += 1
        return 2 * x

    names["double"] = double
    model.eval()
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    keys = list(names)
    assert "passed" in repr(check("9.1"))
    assert list(names) == keys and names["leaf"] is leaf and not model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(torch.equal(p.grad, g) for p, g in zip((*model.parameters(), leaf), grads, strict=True))
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[2]
    assert (np.random.get_state()[1] == states[1]).all()


def test_random_inputs_differ_per_run_and_are_fixed_by_a_seed(names):
    seen = []
    names["double"] = lambda x: seen.append(x.clone()) or 2 * x
    for seed in (None, None, 3, 3):
        feedback.check("9.1", checks=CHECKS, seed=seed)
    assert not torch.equal(seen[0], seen[2]) and torch.equal(seen[4], seen[6])


def test_progress_of_the_course_is_the_best_so_far_and_what_comes_next(names, tmp_path):
    assert progress().next == "1.1" and set(progress().points) == {1, 2, 3, 4, 5, 6}
    assert not any(progress().points.values()) and "Next: task 1.1, " in repr(progress())
    with contextlib.chdir(tmp_path):  # a notebook somewhere else
        assert "<a" not in progress()._repr_html_()
    with contextlib.chdir(ROOT):
        page = progress()._repr_html_()
    assert 'Next: <a href="exercises/01_tensors.ipynb">task 1.1</a>, ' in page and page.count("<a") == 7
    names["double"] = lambda x: 2 * x
    check("9.1")  # a task of somebody else's file
    assert not any(progress().points.values())
    first = load_exercise("1")
    for task in first.tasks[:-1]:
        records.remember(task.id, "passed")
    records.remember("1.8", "failed")
    made = progress()
    assert made.next == "1.8" and made.points[1] == first.max_points - first["1.8"].points and made.points[2] == 0
    assert f"{made.points[1]} of {first.max_points} points, 7 of 8 tasks" in repr(made)
    shown = made._repr_html_()
    assert shown.count("<progress") == 6 and f'value="{made.points[1]}" max="{first.max_points}"' in shown
    for number in range(1, 7):
        for task in load_exercise(str(number)).tasks:
            records.remember(task.id, "passed")
    assert progress().next == "" and "All tasks of the course are solved." in progress()._repr_html_()


def test_progress_shows_what_is_now_beside_the_best(names, tmp_path):
    names["double"] = lambda x: 2 * x
    check("9.1")
    shown = progress("9", checks=CHECKS)
    assert "1 of 7 points in exercise 9" in repr(shown) and (shown.points, shown.best) == (1, 1)
    names["double"] = lambda x: x  # an experiment after it was solved
    check("9.1")
    check("9.3")
    shown = progress("9", checks=CHECKS)
    assert (shown.points, shown.best) == (0, 1)
    assert "0 of 7 points now, 1 at best, in exercise 9" in repr(shown)
    line = next(line for line in repr(shown).splitlines() if line.startswith("9.1"))
    assert line.split(maxsplit=2)[2].split("  ")[-2:] == ["✗ not right", "✓ solved"]
    page = shown._repr_html_()
    assert 'value="0" max="7"' in page and ">now</th>" in page and ">best</th>" in page
    file = tmp_path / "deep" / "progress.json"
    file.write_text("{broken\n" + file.read_text() + '{"9.2"')
    assert progress("9", checks=CHECKS).best == 1


def test_a_home_that_cannot_be_written_spoils_no_check(names, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LECTURE_PROGRESS", str(tmp_path / "file" / "progress.json"))
    names["double"] = lambda x: 2 * x
    assert "passed" in repr(check("9.1"))


def test_under_nbgrader_a_wrong_answer_raises_and_all_cases_are_tried(names, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    calls = []
    names["double"] = lambda x: calls.append(1) or (2 * x if len(calls) < 3 else x)
    with pytest.raises(AssertionError, match="failed"):
        check("9.1")
    names["double"] = lambda x: 2 * x
    assert check("9.1").verdict.cases == 5
    assert progress("9", checks=CHECKS).best == 0


def test_in_the_graders_process_checks_do_nothing(names, monkeypatch):
    monkeypatch.setenv("LECTURE_GRADING", "1")
    assert "from outside" in repr(check("9.1")) and "from outside" in repr(progress("9"))
    shown = check("9.1").case()
    assert shown is not None and "from outside" in repr(shown) and "from outside" in repr(check("9.1").verdict.status)
    assert not hasattr(check("9.1"), "_repr_html_")


# What is now


def state_of(task_id):
    shown = progress("9", checks=CHECKS)
    return next(row[2] for row in shown._rows if row[0].startswith(task_id))


def test_progress_checks_again_what_is_another_answer_now_and_nothing_else(names):
    calls = []
    names["double"] = lambda x: calls.append(1) or 2 * x
    check("9.1")
    done = len(calls)
    assert state_of("9.1") == "✓ solved" and len(calls) == done
    names["double"] = lambda x: calls.append(1) or x
    assert state_of("9.1") == "✗ not right" and len(calls) == done + 1
    assert state_of("9.1") == "✗ not right" and len(calls) == done + 1
    del names["double"]
    assert state_of("9.1") == "○ open"


def test_progress_sees_a_helper_a_class_and_a_network_that_changed(names):
    exec("def help_out(x):\n    return x + x\ndef double(x):\n    return help_out(x)\n", names)
    check("9.1")
    assert state_of("9.1") == "✓ solved"
    exec("def help_out(x):\n    return x\n", names)
    assert state_of("9.1") == "✗ not right"

    network = names["model"] = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    check("9.2")
    assert state_of("9.2") == "✓ solved"
    network[1] = nn.Sigmoid()
    assert state_of("9.2") == "✗ not right"
    network[1] = nn.ReLU()
    assert state_of("9.2") == "✓ solved"
    before = live._attempts[live.key_of(live_exercise(), live_exercise()["9.2"])]
    with torch.no_grad():
        network[0].weight += 1
    state_of("9.2")
    assert live._attempts[live.key_of(live_exercise(), live_exercise()["9.2"])] is not before


def live_exercise():
    from lecture_utils.grading.tasks import load_exercise

    return load_exercise(CHECKS)


def test_progress_prints_nothing_of_the_answers(names, capsys):
    names["double"] = lambda x: print("noise") or 2 * x
    assert state_of("9.1") == "✓ solved" and "noise" not in capsys.readouterr().out


def test_progress_does_not_wait_for_ever(names, monkeypatch):
    monkeypatch.setattr("lecture_utils.grading.progress._SECONDS", 1.0)
    names["double"] = endless
    start = time.monotonic()
    assert state_of("9.1") == "✗ too slow" and time.monotonic() - start < 20
    monkeypatch.setattr("lecture_utils.grading.progress._SECONDS", 0.0)
    names["double"] = lambda x: 2 * x
    assert state_of("9.1") == "? not checked"


# The file of progress


def copy_of_the_course(folder):
    for name in ("lectures", "exercises"):
        (folder / name).mkdir(parents=True)
    return folder / "exercises"


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.delenv("LECTURE_PROGRESS")
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: tmp_path / "data")
    return tmp_path / "data"


def test_each_copy_of_the_course_has_a_file_of_its_own(names, home, tmp_path, monkeypatch):
    one, other = (copy_of_the_course(tmp_path / name) for name in ("one", "other"))
    monkeypatch.chdir(one)
    records.remember("2.1", "passed")
    monkeypatch.chdir(other)
    assert records.recall() == {}
    records.remember("2.1", "failed")
    monkeypatch.chdir(one.parent)  # the kernel may have been started in the folder above
    assert records.recall() == {"2.1": "passed"}
    monkeypatch.setenv("JPY_SESSION_NAME", str(other / "02.ipynb"))  # wherever an answer has gone with chdir
    assert records.recall() == {"2.1": "failed"}


def test_a_notebook_outside_a_course_has_a_file_by_its_folder(names, home, tmp_path, monkeypatch):
    files = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        files.add(records.progress_file())
    assert len(files) == 2 and all(file.parent == home for file in files)


@pytest.mark.parametrize("place", ["~/nowhere", "relative", None])
def test_without_a_home_the_kernel_remembers(names, monkeypatch, tmp_path, place):
    from pathlib import Path

    monkeypatch.delenv("LECTURE_PROGRESS")
    monkeypatch.chdir(tmp_path)

    def folder(name):
        if place is None:
            raise RuntimeError("Could not determine home directory.")
        return Path(place)

    monkeypatch.setattr("platformdirs.user_data_path", folder)
    names["double"] = lambda x: 2 * x
    assert "passed" in repr(check("9.1")) and progress("9", checks=CHECKS).best == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_spoils_no_check(names, monkeypatch, tmp_path):
    monkeypatch.delenv("LECTURE_PROGRESS")
    monkeypatch.setattr("pathlib.Path.cwd", lambda: (_ for _ in ()).throw(FileNotFoundError("getcwd")))
    names["double"] = lambda x: 2 * x
    assert "passed" in repr(check("9.1"))


def test_a_file_that_cannot_be_written_is_made_up_for_by_the_kernel(names, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LECTURE_PROGRESS", str(tmp_path / "file" / "progress.json"))
    records.remember("2.1", "passed")
    assert records.recall() == {"2.1": "passed"}


def test_two_kernels_at_once_lose_nothing(tmp_path):
    code = "import sys; from lecture_utils.grading.records import remember\n"
    code += "for i in range(60): remember(f'{sys.argv[1]}.{i}', 'passed')"
    environment = os.environ | {"LECTURE_PROGRESS": str(tmp_path / "p.jsonl")}
    running = [subprocess.Popen([sys.executable, "-c", code, str(n)], cwd=ROOT, env=environment) for n in (1, 2)]
    assert [process.wait() for process in running] == [0, 0]
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines() if line]
    assert {task for task, state in lines} == {f"{n}.{i}" for n in (1, 2) for i in range(60)}


def test_checks_of_an_instructor_share_no_id_with_the_courses(names, tmp_path):
    text = CHECKS.read_text(encoding="utf-8")
    (tmp_path / "own.py").write_text(text.replace('"9.', '"1.'))
    names["double"] = lambda x: 2 * x
    assert "passed" in repr(feedback.check("1.1", checks=tmp_path / "own.py"))
    assert progress("1", checks=tmp_path / "own.py").best == 1
    assert "1.1" not in records.recall()


# Calls that never end


def endless(x):
    while True:
        pass


def endless_and_deaf(x):
    while True:
        try:  # noqa: SIM105
            time.sleep(0.01)
        except:  # noqa: E722
            pass


def asleep(x):
    time.sleep(1000)


@pytest.mark.parametrize("answer", [endless, endless_and_deaf, asleep])
def test_a_loop_without_end_is_stopped_with_a_word(names, answer):
    if answer is asleep and sys.platform == "win32":
        pytest.skip("nothing stops a sleep on Windows")
    names["double"] = answer
    names["kept"] = kept = torch.ones(2)
    shown = repr(feedback.check("9.1", checks=CHECKS, seconds=0.5))
    assert "It ran for 0.5 s and was stopped: is there a loop that never ends?" in shown
    assert 'check("9.1", seconds=5)' in shown and "RanTooLong" not in shown
    assert names["kept"] is kept and "double" in names
    names["double"] = lambda x: 2 * x
    assert "passed" in repr(check("9.1"))
    time.sleep(1.2)  # no alarm is left behind


def test_in_another_thread_it_is_stopped_as_well(names):
    if sys.gettrace() is not None:
        pytest.skip("Python 3.11 never comes back from an exception of another thread while coverage traces")
    names["double"] = endless
    shown = []
    thread = threading.Thread(target=lambda: shown.append(repr(feedback.check("9.1", checks=CHECKS, seconds=0.5))))
    thread.start()
    thread.join(30)
    assert not thread.is_alive() and "was stopped: is there a loop" in shown[0]


@pytest.mark.skipif(sys.platform == "win32", reason="Unix only")
def test_an_alarm_of_ones_own_is_put_back(names):
    import signal

    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 1.0)
        names["double"] = lambda x: 2 * x
        check("9.1")
        time.sleep(1.5)
        assert rung == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_ctrl_c_stops_the_check_and_puts_the_state_back(names):
    def double(x):
        names["litter"] = 1
        raise KeyboardInterrupt

    names["double"] = double
    with pytest.raises(KeyboardInterrupt, match="9.1 was stopped"):
        check("9.1")
    assert "litter" not in names and records.recall() == {}


# The call that failed


def test_a_small_call_is_shown_and_can_be_repeated(names):
    names["double"] = lambda x: x**2
    shown = check("9.1")
    case = shown.case
    assert f"call: double(tensor([[{case.args[0][0, 0]:.4f}" in repr(shown).replace("[[ ", "[[")
    assert torch.equal(case(), case.args[0] ** 2) and case.kwargs == {}
    names["double"] = lambda x: x.mul_(2)
    given = case.args[0].clone()
    assert torch.equal(case(), 2 * given) and torch.equal(case.args[0], given)


def test_what_an_answer_changed_in_place_is_shown_as_it_was_given(names):
    names["double"] = lambda x: x.mul_(0)
    shown = check("9.1")
    assert "changed its argument" in repr(shown) and shown.case.args[0].abs().sum() > 0


def test_the_same_numbers_come_again_until_the_answer_passes(names):
    seen = []
    names["double"] = lambda x: seen.append(x.clone()) or x
    check("9.1")
    check("9.1")
    progress("9", checks=CHECKS)
    assert torch.equal(seen[0], seen[1])
    names["double"] = lambda x: seen.append(x.clone()) or 2 * x
    check("9.1")
    assert torch.equal(seen[0], seen[2])
    check("9.1")
    assert not torch.equal(seen[0], seen[4])


class Noting(list):
    """What a check may hand to an answer to see what is read of it."""

    def __init__(self, log):
        super().__init__([1, 2])
        self.log = log

    def __iter__(self):
        self.log.append("read")
        return super().__iter__()


class Elsewhere(torch.Tensor):
    """A stand-in for a tensor on another device: it may refuse whatever is done with it."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        raise RuntimeError("elsewhere")


def test_keeping_a_call_touches_no_object_of_the_checks(names):
    log, away = [], torch.ones(2).as_subclass(Elsewhere)
    noting, generator, plain = Noting(log), iter([1]), torch.ones(2, requires_grad=True)
    plain.grad = torch.ones(2)
    kept = live._copy_of((noting, away, generator, [plain], {"a": plain * 2, "b": np.ones(2)}))
    assert log == [] and kept[0] is noting and kept[1] is away and kept[2] is generator
    assert kept[3][0] is not plain and torch.equal(kept[3][0].grad, plain.grad) and kept[3][0].requires_grad
    assert live.Case("f", len, kept, {}).shown() == "" and log == []
    names["away"] = away
    assert live._version(away) is None
    assert torch.equal(kept[4]["a"], plain * 2) and kept[4]["a"].requires_grad and kept[4]["b"] is not None


def test_progress_goes_through_whatever_an_answer_is(names):
    def outer():
        def inner(x):
            return 2 * x if len(x) else missing

        return inner
        missing = 1

    names["double"] = outer()
    assert "passed" in repr(check("9.1")) and state_of("9.1") == "✓ solved"
    names["double"] = torch.compile  # no function of the notebook
    names["model"] = type("Odd", (), {"__dict__": property(lambda self: 1 / 0)})()
    state_of("9.1")


def test_a_large_call_is_not_shown(names):
    case = live.Case("f", lambda: len, (torch.zeros(100, 100),), {})
    assert case.shown() == "" and "<Tensor of shape (100, 100)>" in repr(case)
    assert live.Case("f", lambda: len, ("a", 1), {"lr": 0.5}).shown() == "f('a', 1, lr=0.5)"


def test_without_a_call_the_case_says_so(names):
    names["model"] = nn.Linear(2, 2)
    with pytest.raises(LookupError, match="called no function"):
        check("9.2").case  # noqa: B018


# The first time, and again


def test_each_kind_of_failure_is_first_shown_and_then_explained(names):
    names["double"] = lambda x: x**2
    first = repr(check("9.1"))
    assert "If the same happens again" in first and "The result is wrong." in first
    names["double"] = lambda x: x @ x @ torch.ones(7)  # of another kind
    assert "If the same happens again" in repr(check("9.1"))
    assert "hint: A matrix product" in repr(check("9.1"))
    names["double"] = lambda x: x * x
    assert "hint: That is the square." in repr(check("9.1"))
    assert check("9.1").verdict.hint == "That is the square."


@pytest.mark.parametrize("task_id", [9.1, " 9.1 ", "9.1"])
def test_a_number_or_a_blank_is_a_task_as_well(names, task_id):
    names["double"] = lambda x: 2 * x
    assert "passed" in repr(check(task_id))
