"""Hints for exceptions: each of the usual mistakes, made for real, is told what it is and nothing else."""

import copy
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lecture_utils.grading import hints
from lecture_utils.grading.errors import StudentError
from lecture_utils.grading.namespace import Namespace

x, five, labels = torch.randn(3, 4), torch.randn(5), torch.tensor([0, 1, 2])
w = torch.ones(3, requires_grad=True)
images = torch.randn(2, 1, 5, 5)


class NoInit(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(2, 2)


class NoForward(nn.Module):
    pass


class NoSelf(nn.Module):
    def forward(x):
        return x


class NoReturn(nn.Module):
    def forward(self, x):
        x * 2


def backward_twice():
    loss = (w**2).sum()
    loss.backward()
    loss.backward()


def leaf_in_place():
    p = torch.ones(3, requires_grad=True)
    p -= 1


def needed_in_place():
    y = w.exp()
    y += 1
    y.sum().backward()


def made_in_inference_mode():
    with torch.inference_mode():
        z = torch.ones(3)
    (w * z).sum().backward()


def assigned_in_a_branch():
    if len(x) > 100:
        total = 1
    return total


def calls_itself():
    return calls_itself()


def shadowed():
    sum = 0
    return sum([1, 2])


def own_raise():
    raise ValueError("the size of tensor a must match the size of tensor b")


def own_assert():
    assert x.dim() == 3


def undefined():
    return plt.plot(x)  # noqa: F821


def misspelt():
    return lenght  # noqa: F821


number, sequence, not_callable = 3, [1, 2], torch.ones(2)
generator = (number for number in range(3))
CLASS, BRACKETS, PRODUCT, FIT = "A class of torch.nn", "without its brackets", "matrix product", "Two shapes do not fit"
FLOATS, DTYPES, INDEX, GPU = "needs floats", "Two dtypes", "An index lies outside", "No GPU"
MISTAKES = {
    CLASS: [
        lambda: nn.MSELoss(x, x),
        lambda: nn.CrossEntropyLoss(x, labels),
        lambda: nn.MSELoss(torch.tensor(1.0), torch.tensor(2.0)).backward(),
        lambda: nn.ReLU(x).sum(),
        lambda: nn.Linear(4, 2)(nn.ReLU(x)),
        lambda: nn.ReLU() * 2,
        lambda: nn.Softmax(x),
        lambda: nn.Dropout(x),
        lambda: nn.Linear(x, 2),
    ],
    "arguments of this layer": [lambda: nn.Linear(x), lambda: nn.Conv2d(1, 2)],
    BRACKETS: [
        lambda: torch.optim.SGD(nn.Linear(2, 2).parameters, lr=0.1),
        lambda: x.mean - 1,
        lambda: x.max.values,
        lambda: x.size[0],
    ],
    "network's parameters": [lambda: torch.optim.SGD(nn.Linear(2, 2), lr=0.1)],
    "plain list does not register": [lambda: torch.optim.SGD(nn.ReLU().parameters(), lr=0.1)],
    "super().__init__()": [NoInit],
    "method called forward": [lambda: NoForward()(x)],
    "`self` the first": [lambda: NoSelf()(x)],
    PRODUCT: [lambda: x @ torch.randn(5, 2), lambda: nn.Linear(5, 2)(x), lambda: np.ones((3, 4)) @ np.ones(5)],
    FIT: [lambda: x + five, lambda: x.expand(3, 5), lambda: np.ones((3, 4)) + np.ones(5)],
    "multiply to the number": [lambda: x.view(5, -1), lambda: x.reshape(5, 5)],
    "Use reshape": [lambda: x.t().view(-1)],
    "layer for pictures": [lambda: nn.Conv2d(1, 2, 3)(x), lambda: nn.BatchNorm2d(3)(x)],
    "in_channels": [lambda: nn.Conv2d(3, 2, 3)(images)],
    "smaller than the kernel": [lambda: nn.Conv2d(1, 2, 7)(images)],
    "input_size": [lambda: nn.LSTM(4, 2)(torch.randn(2, 3, 5))],
    "number of samples": [lambda: F.cross_entropy(x, labels[:2])],
    "cat and stack": [lambda: torch.cat([x, torch.randn(2, 3)]), lambda: torch.stack([x, five])],
    "list of tensors is empty": [lambda: torch.cat([]), lambda: torch.stack([])],
    "fewer dimensions": [lambda: x.sum(2), lambda: x[0, 0, 0]],
    "one class number": [lambda: F.cross_entropy(x, labels[:, None])],
    "single value": [lambda: nn.BatchNorm1d(3)(torch.randn(1, 3))],
    "0 to C - 1": [lambda: F.cross_entropy(x, torch.tensor([0, 1, 4]))],
    "table of the embedding": [lambda: F.embedding(torch.tensor([9]), x)],
    INDEX: [lambda: x[3], lambda: x.gather(1, torch.tensor([[9]])), lambda: sequence[2], lambda: "ab"[2]],
    "whole number": [lambda: sequence[float(1)], lambda: x[labels.float()]],
    "labels.long()": [lambda: F.cross_entropy(x, labels.float()), lambda: F.one_hot(labels.float())],
    DTYPES: [
        lambda: x @ x.t().double(),
        lambda: nn.Linear(4, 2)(x.double()),
        lambda: nn.Linear(4, 2)(x.long()),
        lambda: nn.Conv2d(1, 2, 3)(images.byte()),
        lambda: F.binary_cross_entropy(torch.rand(3), labels),
    ],
    FLOATS: [lambda: labels.mean(), lambda: labels.softmax(0), lambda: labels.std()],
    "keeps the dtype": [lambda: labels.clone().add_(0.5)],
    "Only floats have gradients": [lambda: torch.tensor([1, 2], requires_grad=True)],
    "Truth values cannot": [lambda: (x > 0) - (x < 0)],
    "No gradient was recorded": [lambda: x.sum().backward()],
    "backward() starts from one number": [lambda: (w * 2).backward()],
    "graph is freed": [backward_twice],
    "Change parameters inside": [leaf_in_place],
    "backward pass still needs": [needed_in_place],
    "NumPy cannot record gradients": [lambda: w.numpy()],
    "can be used in training later": [made_in_inference_mode],
    "copy x.detach()": [lambda: copy.deepcopy(w * 2)],
    "several values is used where one": [
        lambda: 1 if x else 2,
        lambda: x.item(),
        lambda: float(x),
        lambda: range(x),
        lambda: sequence[labels],
        lambda: bool(np.ones(2)),
    ],
    "divisor is 0": [lambda: 1 / (number - 3), lambda: 1 % (number - 3)],
    "Probabilities lie": [lambda: F.binary_cross_entropy(torch.tensor([1.5]), torch.tensor([1.0]))],
    "makes (n, n)": [lambda: torch.empty(10**14)],
    "another network": [lambda: nn.Linear(2, 2).load_state_dict({})],
    "import is missing": [undefined],
    "spelt the same everywhere": [misspelt],
    "only later, or in a branch": [assigned_in_a_branch],
    "Something is None": [
        lambda: 0.1 * torch.ones(2, requires_grad=True).grad,
        lambda: torch.ones(2).grad.zero_(),
        lambda: NoReturn()(x).sum(),
    ],
    "several values": [lambda: x.max(dim=1).float(), lambda: nn.LSTM(4, 2)(x).shape],
    "list or a number": [lambda: sequence.shape, lambda: torch.sum(sequence), lambda: torch.exp(1.0)],
    "A NumPy array": [lambda: np.ones(2).dim(), lambda: F.relu(np.ones(2))],
    "A generator has neither": [lambda: len(generator), lambda: generator[0]],
    "Lists have no arithmetic": [lambda: [1] - sequence],
    "does not exist there": [lambda: torch.argMax(x), lambda: x.foo()],
    "called like a function": [lambda: x.shape(0), lambda: not_callable(0)],
    "What is called is no function": [shadowed],
    "A single number": [lambda: list(number), lambda: list(torch.tensor(3)), lambda: number[0], lambda: len(number)],
    "on the left of =": [lambda: [a for a, b in [(1, 2, 3)]], lambda: [a for a, b in [(1,)]]],
    "calls itself without end": [calls_itself],
    "no such key": [lambda: {}["x"]],
    "no such file": [lambda: np.load("/nowhere/at/all")],
    "not installed here": [lambda: __import__("tensorflaw")],
    "of the wrong types": [lambda: torch.where(x > 0, x)],
    "compare with help": [lambda: torch.softmax(x), lambda: sorted(sequence, 1, 2, 3), lambda: (lambda a: a)(b=1)],
    "Your own `raise`": [own_raise],
    "assert of your own": [own_assert],
}


def hint_of(function, names=("answer",), own=None) -> str:
    with pytest.raises(StudentError) as caught:
        Namespace({"answer": function}).call("answer", [], {}, keep=False)
    return hints.hint_for_error(str(caught.value), own or {}, caught.value.where, names)


@pytest.mark.parametrize(
    ("words", "function"),
    [pytest.param(words, one, id=f"{words} {i}") for words, all_ in MISTAKES.items() for i, one in enumerate(all_)],
)
def test_a_usual_mistake_gets_its_own_hint(words, function):
    assert words in hint_of(function)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("function", [lambda: x.cuda(), lambda: x.to("cuda")])
def test_no_gpu_is_no_reason_to_install_a_driver(function):
    assert GPU in hint_of(function)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("RuntimeError: Expected all tensors to be on the same device, but found at least two devices", "devices"),
        ("RuntimeError: CUDA error: device-side assert triggered", "lies outside its range"),
        ("AssertionError: Torch not compiled with CUDA enabled", GPU),
        ("RuntimeError: expected scalar type Long but found Float", "labels.long()"),
        ("TypeError: can't convert cuda:0 device type tensor to numpy.", ".cpu()"),
        ("TimeoutError: longer than 60 s", "loop that never ends"),
    ],
)
def test_errors_of_other_machines_and_versions(error, words):
    assert words in hints.hint_for_error(error, {})


def test_the_answers_own_arguments_are_to_be_kept_and_nobody_elses():
    """The message names the function; only the task's own was renamed by the student."""
    space = Namespace({"mse": lambda: None})

    def mse(predictions):
        return predictions

    space.namespace["mse"] = mse
    for args, kwargs in ([1, 2], {}), ([], {}), ([], {"targets": 1}):
        with pytest.raises(StudentError) as caught:
            space.call("mse", args, kwargs, keep=False)
        text = re.sub(r"\S*<locals>\.", "", str(caught.value))  # a notebook has no enclosing function
        assert "Keep the function's name" in hints.hint_for_error(text, {}, "", ("mse",))
        assert "Keep the function's name" not in hints.hint_for_error(text, {}, "", ("cross_entropy",))


@pytest.mark.parametrize("text", ["KeyError: 'x'", "ValueError: out of luck", "OSError: nothing", "RuntimeError: "])
def test_the_tasks_own_hints_come_first_and_the_unknown_names_no_cause(text):
    assert hints.hint_for_error(text, {r"KeyError|luck|nothing|Runtime": "The task's own."}) == "The task's own."
    if "KeyError" not in text:
        assert hints.hint_for_error(text, {}) == hints.READ_THE_ERROR


def test_an_answer_that_is_a_lambda_keeps_its_arguments_too():
    with pytest.raises(StudentError) as caught:
        Namespace({"mse": lambda predictions: 0}).call("mse", [1, 2], {}, keep=False)
    text = re.sub(r"\S*<locals>\.|\S*(?=<lambda>)", "", str(caught.value))
    assert "Keep the function's name" in hints.hint_for_error(text, {}, caught.value.where, ("mse",))
    assert "Keep the function's name" not in hints.hint_for_error(text, {}, "line 2 of mse: f(1, 2)", ("mse",))


def test_an_own_raise_hides_what_its_text_says():
    assert "Your own `raise`" in hint_of(own_raise) and "Two shapes" not in hint_of(own_raise)


def test_hints_are_short_sentences_without_values():
    for hint in hints.shared_hints():
        assert len(hint) < 200 and hint[-1] in ".?" and "{" not in hint, hint
