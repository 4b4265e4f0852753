"""How a check reaches a student's objects."""

import sys
import threading

import pytest
import torch
from torch import nn

from lecture_utils.grading.errors import CheckFailed, NotAttempted, StudentError
from lecture_utils.grading.student import LiveStudent, call_and_list_functions
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


# --- what a function changes is proved from outside ------------------------------------------------

IN_PLACE = {
    "a tensor": (lambda x: x.add_(1), "number 1"),
    "its data": (lambda x: setattr(x, "data", x.data + 1), "number 1"),
    "its shape": (lambda x: x.unsqueeze_(0), "number 1"),
    "an element": (lambda x: x.__setitem__(0, 5.0), "number 1"),
    "by NumPy": (lambda x: x.numpy().fill(7), "number 1"),
}


@pytest.mark.parametrize("name", IN_PLACE)
@pytest.mark.parametrize("how", ["alone", "by name", "in a list", "in a dict", "in a tuple", "the second"])
def test_a_change_in_place_is_seen_wherever_the_argument_is(names, name, how):
    change, _ = IN_PLACE[name]
    names["f"] = lambda *args, **kwargs: change(first([*args, *kwargs.values()][-1]))
    x, student = torch.zeros(3), LiveStudent(names)
    calls = {
        "alone": lambda: student.call("f", x),
        "by name": lambda: student.call("f", x=x),
        "in a list": lambda: student.call("f", [[x]]),
        "in a dict": lambda: student.call("f", {"x": x}),
        "in a tuple": lambda: student.call("f", (x,), keep=True),
        "the second": lambda: student.call("f", 1, x),
    }
    with pytest.raises(CheckFailed) as caught:
        calls[how]()
    place = {"by name": "'x'", "the second": "number 2"}.get(how, "number 1")
    assert str(caught.value) == f"The function changed its argument {place}." and caught.value.kind == "in place"
    assert x.sum() == 0, "it had a copy"


def first(value):
    """The tensor inside lists, tuples and dicts."""
    while not isinstance(value, torch.Tensor):
        value = next(iter(value.values() if isinstance(value, dict) else value))
    return value


@pytest.mark.parametrize("change", [lambda x: x.append(1), lambda x: x.clear(), lambda x: x[0].append(1)])
def test_a_changed_list_is_seen(names, change):
    names["f"] = change
    with pytest.raises(CheckFailed, match="argument number 1"):
        LiveStudent(names).call("f", [[1], 2])
    assert LiveStudent(names).call("f", [[1], 2], modifies=True) is None


def test_a_function_that_works_on_a_copy_changes_nothing(names):
    names["f"] = lambda x, y=None: x.clone().add_(1)
    assert LiveStudent(names).call("f", torch.zeros(2), y=[torch.ones(1)]).tolist() == [1, 1]


def note_and_double(log, x):
    log.append(list(x.shape))
    return 2 * x


def test_an_empty_log_is_a_failure(names):
    student = LiveStudent(names)
    log = student.put([])
    with pytest.raises(CheckFailed, match=r"The model was not called\.") as caught:
        student.seen(log, "The model", hint="Call model(x).")
    assert caught.value.hint == "Call model(x)."
    student.call(note_and_double, log, torch.ones(2, 3))
    assert student.seen(log, "The model") == [[2, 3]]
    with pytest.raises(CheckFailed):
        student.seen(student.put({"a": 1}), "The model")


def test_gradients_that_a_call_leaves_off_are_a_failure(names):
    for leave in (lambda: torch.set_grad_enabled(False), lambda: torch.no_grad().__enter__()):
        names["f"] = lambda leave=leave: leave() and None
        with pytest.raises(StudentError, match="GradientsLeftOff"):
            LiveStudent(names).call("f")
        assert torch.is_grad_enabled()
    names["f"] = torch.no_grad()(lambda: 1)
    assert LiveStudent(names).call("f") == 1


# --- code of a check that cannot run there is refused at once ------------------------------------------

elsewhere = 3


def uses_a_global(x):
    return x + elsewhere


def has_a_default(x, y=elsewhere):
    return x + y


def is_annotated(x: CheckFailed):
    return x


def calls_a_helper(x):
    return plus_one(x)


async def waits(x):
    return x


@torch.no_grad
def decorated(x):
    return x


def uses_a_global_inside(x):
    def inner():
        return elsewhere

    return inner()


def imports_it_itself(x: torch.Tensor, log: list | None = None) -> "CheckFailed":
    import math
    from collections import Counter

    total = sum(value for value in [math.pi, *Counter(a=1).values()])

    class Net(nn.Module):
        def forward(self, y):
            return F.relu(y) + np.ones(1) + copy.copy(total)  # noqa: F821 - the code has these names there

    return Net


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (uses_a_global, "elsewhere"),
        (has_a_default, "elsewhere"),
        (is_annotated, "CheckFailed"),
        (calls_a_helper, "plus_one"),
        (uses_a_global_inside, "elsewhere"),
        (waits, "asynchronous"),
        (decorated, "cannot be sent"),
    ],
)
def test_code_that_the_students_process_could_not_run_is_refused(names, function, word):
    with pytest.raises(TypeError, match=word):
        LiveStudent(names).define(function)


def test_code_may_import_and_define_what_it_needs():
    assert "class Net" in Code.of(imports_it_itself).expression
    assert Code.of(calls_a_helper, plus_one, _added).expression.count("def ") == 3


def test_a_gpu_computes_with_all_digits_during_a_check(monkeypatch):
    """cuDNN may round to TF32, three digits: a right answer would differ from the check's own numbers."""
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    before = torch.backends.cudnn.allow_tf32
    student = LiveStudent({"rounded": lambda: torch.backends.cudnn.allow_tf32})
    assert student.call("rounded") is False
    assert torch.backends.cudnn.allow_tf32 is before


@pytest.mark.skipif(sys.version_info < (3, 12), reason="new in Python 3.12")
def test_a_profiler_that_is_set_in_all_threads_is_noticed():
    def look_away():
        before = threading.getprofile()
        threading.setprofile_all_threads(None)
        threading.setprofile_all_threads(before)

    with pytest.raises(ValueError, match="cannot be seen"):
        call_and_list_functions(look_away)
    threading.setprofile_all_threads(None)
