"""Checks in the notebook: what they show, and that they leave no trace."""

import json
import random

import numpy as np
import pytest
import torch
from conftest import ROOT
from torch import nn

from lecture_utils.grading import feedback as live
from lecture_utils.grading.compare import expect
from lecture_utils.grading.errors import CheckFailed, NotAttempted, StudentError
from lecture_utils.grading.progress import progress
from lecture_utils.grading.student import LiveStudent
from lecture_utils.grading.tasks import Exercise, load_exercise, task
from lecture_utils.grading.values import Handle
from lecture_utils.grading.verdict import run_check

CHECKS = ROOT / "tests" / "grading_bank" / "checks.py"


@pytest.fixture
def names(monkeypatch, tmp_path):
    """A namespace that check() looks into, and a progress file of its own."""
    namespace = {"torch": torch, "nn": nn}
    monkeypatch.setattr(live, "notebook_names", lambda: namespace)
    monkeypatch.setenv("LECTURE_PROGRESS", str(tmp_path / "deep" / "progress.json"))
    return namespace


def check(task_id):
    return live.check(task_id, checks=CHECKS)


def test_right_wrong_and_open(names):
    assert "not answered yet" in repr(check("9.1"))
    names["double"] = lambda x: x**2
    shown = repr(check("9.1"))
    assert "✗" in shown and "a tensor of shape (1, 2)" in shown and "expected: tensor, shape (1, 2)" in shown
    assert "got: tensor" in shown and "hint: That is the square." in shown
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
        live.check("77.1")


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
        live.check("9.1", checks=CHECKS, seed=seed)
    assert not torch.equal(seen[0], seen[2]) and torch.equal(seen[4], seen[6])


def test_progress_is_kept_and_never_lost(names, tmp_path):
    names["double"] = lambda x: 2 * x
    check("9.1")
    assert "✓ solved" in repr(progress("9", checks=CHECKS)) and "1 of 7 points" in repr(progress("9", checks=CHECKS))
    names["double"] = lambda x: x  # an experiment after it was solved
    check("9.1")
    check("9.3")
    page = progress("9", checks=CHECKS)._repr_html_()
    assert 'value="1" max="7"' in page and "✗" not in page
    file = tmp_path / "deep" / "progress.json"
    assert json.loads(file.read_text()) == {"9.1": "passed", "9.3": "todo"}
    file.write_text("{broken")
    assert "0 of 7 points" in repr(progress("9", checks=CHECKS))


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


def test_in_the_graders_process_checks_do_nothing(names, monkeypatch):
    monkeypatch.setenv("LECTURE_GRADING", "1")
    assert "from outside" in repr(check("9.1")) and "from outside" in repr(progress("9"))


# --- expect --------------------------------------------------------------------------------------

X = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize(
    ("got", "expected", "options"),
    [
        (X + 1e-7, X, {}),
        (X.double(), X, {"dtype": "floating"}),
        (X.long(), X, {"dtype": "any"}),
        (3.0, torch.tensor(3.0), {}),
        (torch.tensor(3.0), 3.0, {}),
        (np.float64(3.0).item(), 3, {}),
        ([X, 1], (X, 1), {}),
        ({"a": X}, {"a": X}, {}),
        (True, True, {}),
        (torch.tensor(True), True, {}),
        ("a", "a", {}),
        (torch.tensor([float("nan")]), torch.tensor([float("nan")]), {}),
    ],
)
def test_expect_takes_what_is_right(got, expected, options):
    expect(got, expected, **options)


@pytest.mark.parametrize(
    ("got", "expected", "words"),
    [
        (None, X, "return"),
        (X[0], X, "shape"),
        (X.double(), X, "dtype"),
        (X.tolist(), X, "must be a tensor"),
        (X.numpy(), X, "must be a tensor"),
        (X + 1, X, "is wrong"),
        (X / 0, X, "nan or inf"),
        (torch.tensor([3.0]), 3.0, "one number"),
        ("3", 3.0, "must be a number"),
        (True, 1, "must be a number"),
        (1, True, "type bool"),
        (float("nan"), 3.0, "nan or inf"),
        ((X,), (X, X), "2 values"),
        ({"a": X}, {"b": X}, "1 keys"),
        (Handle(0, "Liar"), X, "must be a tensor"),
        (10**400, 3.0, ""),
        (torch.ones(2, 2, dtype=torch.complex64), X, "dtype"),
    ],
)
def test_expect_says_what_is_wrong(got, expected, words):
    with pytest.raises((CheckFailed, RuntimeError, OverflowError, ValueError)) as caught:
        expect(got, expected)
    assert words in f"{caught.value} {getattr(caught.value, 'hint', '')}"


def test_expect_names_the_known_mistake_unless_it_is_right_too():
    with pytest.raises(CheckFailed) as caught:
        expect(X**2, 2 * X, mistakes=[(X**2, "the square"), ({}, "no"), (None, "no")])
    assert caught.value.hint == "the square"
    expect(2 * X[0, 1], 4.0, mistakes=[(X[0, 1] ** 2, "the square")])


# --- tasks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"id": "x"}, {"points": 0}, {"difficulty": 4}, {"visible": 0}, {"names": []}])
def test_tasks_that_make_no_sense_are_refused(change):
    good = {"id": "9.1", "title": "T", "points": 1, "difficulty": 1, "minutes": 1, "names": ["f"], "hints": ["h"]}
    task(**good)
    with pytest.raises(ValueError, match="task"):
        task(**(good | change))


def test_the_version_follows_the_checks(tmp_path):
    copy = tmp_path / "checks.py"
    copy.write_text(CHECKS.read_text())
    first = load_exercise(copy)
    copy.write_text(CHECKS.read_text() + "# changed\n")
    assert isinstance(first, Exercise) and load_exercise(copy).version != first.version
    copy.write_text("x = 1")
    with pytest.raises(ValueError, match="no task"):
        load_exercise(copy)


def test_todo_is_no_wrong(names):
    with pytest.raises(NotAttempted):
        LiveStudent(names).value("double")
    names["double"] = ...
    with pytest.raises(NotAttempted):
        LiveStudent(names).value("double")


def test_a_stub_is_told_from_an_operation_that_torch_does_not_have(names):
    class Half(nn.Module):
        def forward(self, x):
            raise NotImplementedError("Task 9.2: write this part")

    names["model"], student = Half(), LiveStudent(names)
    with pytest.raises(NotAttempted, match="A part of it is not written yet"):  # reached inside a method
        student.module("model").forward(torch.zeros(1))
    names["pool"] = lambda x: nn.functional.max_pool2d(x, 2)
    with pytest.raises(StudentError, match="NotImplementedError"):
        student.call("pool", torch.zeros(1, 1, 4, 4, dtype=torch.bool))


def test_inputs_named_in_a_case_are_for_visible_cases_only(names):
    def judge(visible):
        @task("9.1", "T", points=1, difficulty=1, minutes=1, names=["f"], hints=["h"], visible=visible, hidden=1)
        def one(student, rng, case):
            student.case = "two numbers | x = 3"
            if case == 1:
                raise CheckFailed("no")

        return run_check(one, LiveStudent(names), 0, hidden=True)

    assert (judge(2).case, judge(2).hidden) == ("two numbers, x = 3", False)
    assert (judge(1).case, judge(1).hidden) == ("two numbers", True)


def test_a_module_as_a_check_sees_it(names):
    model = names["model"] = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Dropout(0.5))
    model[1].bias.requires_grad_(False)
    module = LiveStudent(names).module("model")
    assert [layer[1] for layer in module.layers] == ["Flatten", "Linear", "Dropout"]
    assert module.layers[1][2] == "in_features=4, out_features=3, bias=True"
    assert list(module.parameters) == ["1.weight"] and list(module.state_dict) == ["1.weight", "1.bias"]
    x = torch.ones(5, 2, 2)
    assert module.training and torch.allclose(module.forward(x), model.eval()(x))
    before = model[1].weight.clone()
    losses = module.train_steps([(x, torch.zeros(5, dtype=torch.int64))] * 20, lr=0.5)
    assert len(losses) == 20 and losses[-1] < losses[0] and torch.equal(model[1].weight, before)
    names["model"] = 3
    with pytest.raises(CheckFailed, match="must be a network"):
        LiveStudent(names).module("model")
