"""How a check reaches a student's objects."""

import pytest
import torch
from torch import nn

from lecture_utils.grading.errors import CheckFailed, NotAttempted, StudentError
from lecture_utils.grading.student import LiveStudent
from lecture_utils.grading.tasks import task
from lecture_utils.grading.values import Code
from lecture_utils.grading.verdict import run_check


def plus_one(x):
    return _added(x, 1)


def _added(x, y):
    return x + y


def apply_twice(function, x):
    return function(function(x))


def closed_over(value):
    def inner():
        return value

    return inner


@pytest.fixture
def names():
    """The global names of a notebook."""
    return {"torch": torch, "nn": nn}


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


def test_a_function_of_ours_is_sent_by_its_source(names):
    student = LiveStudent(names)
    add = student.define(plus_one, _added)
    assert student.call(add, 2) == 3
    assert student.call(apply_twice, add, 2) == 4
    assert student.call(Code.of(plus_one, _added), torch.ones(2)).tolist() == [2, 2]
    assert student.get(student.put(Code("1 + 1"))) == 2
    names["f"] = lambda x: x * 10
    assert student.call(apply_twice, student.value("f"), 1) == 100


@pytest.mark.parametrize(
    "function", [lambda x: x, closed_over(3), len, print], ids=["lambda", "closure", "len", "print"]
)
def test_what_has_no_source_of_its_own_cannot_be_sent(names, function):
    with pytest.raises(TypeError, match="cannot be sent"):
        LiveStudent(names).define(function)


def test_nan_that_comes_back_was_not_changed(names):
    names["f"] = lambda *values: len(values)
    nan = float("nan")
    assert LiveStudent(names).call("f", nan, [nan], {"a": nan}, torch.tensor([nan])) == 4


def raises_in_torch(x):
    return torch.ones(2) @ x


def test_the_line_that_is_named_is_the_students(names, tmp_path):
    """Neither a line of the check's own function, nor one inside torch; any folder may be called like the package."""
    folder = tmp_path / "lecture_utils"
    folder.mkdir()
    (folder / "mine.py").write_text("import torch\n\ndef f(x):\n    return torch.nn.functional.relu(x, nonsense=1)\n")
    exec(compile((folder / "mine.py").read_text(), str(folder / "mine.py"), "exec"), names)
    student = LiveStudent(names)
    with pytest.raises(StudentError) as caught:
        student.call("f", torch.ones(3))
    assert caught.value.where == "line 4 of f: return torch.nn.functional.relu(x, nonsense=1)"
    with pytest.raises(StudentError) as caught:
        student.call(raises_in_torch, torch.ones(3))
    assert caught.value.where == ""
