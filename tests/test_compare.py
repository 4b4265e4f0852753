"""expect(): what passes, and what is said of what does not."""

import numpy as np
import pytest
import torch

from lecture_utils.grading.compare import expect
from lecture_utils.grading.errors import CheckFailed
from lecture_utils.grading.values import Handle

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


@pytest.mark.parametrize(("got", "expected"), [((1.0, 5.0), (1.0, 2.0)), ({"a": 1.0, "b": 5.0}, {"a": 1.0, "b": 2.0})])
def test_known_mistakes_may_be_given_by_a_generator(got, expected):
    with pytest.raises(CheckFailed) as caught:
        expect(got, expected, mistakes=((wrong, hint) for wrong, hint in [(got, "the known one")]))
    assert caught.value.hint == "the known one"
