"""check() and progress() in the notebook, and what they leave untouched there."""

import json
import random

import numpy as np
import pytest
import torch
from conftest import ROOT
from torch import nn

from lecture_utils.grading import feedback
from lecture_utils.grading.progress import progress

CHECKS = ROOT / "tests" / "grading_bank" / "checks.py"


@pytest.fixture
def names(monkeypatch, tmp_path):
    """A namespace that check() looks into, and a progress file of its own."""
    namespace = {"torch": torch, "nn": nn}
    monkeypatch.setattr(feedback, "notebook_names", lambda: namespace)
    monkeypatch.setenv("LECTURE_PROGRESS", str(tmp_path / "deep" / "progress.json"))
    return namespace


def check(task_id):
    return feedback.check(task_id, checks=CHECKS)


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
