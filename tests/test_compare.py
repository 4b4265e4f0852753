"""expect(): what passes, and what is said of what does not."""

import time

import numpy as np
import pytest
import torch

from lecture_utils.grading.compare import describe, expect
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
        (5000.0, 5000, {}),
        (1e-7, 0, {}),
        (torch.tensor([3, 4]), torch.tensor([3, 4]), {}),
        (torch.tensor([3.0, 4.0]), torch.tensor([3, 4]), {"dtype": "any"}),
        (2**62 + 1, 2**62 + 1, {}),
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
        (10**400, 3.0, "is wrong"),
        (-(10**400), 3, "is wrong"),
        (5000.2, 5000, "is wrong"),
        (100_000.0, 100_001, "is wrong"),
        (torch.tensor(100_000.0), 100_001, "is wrong"),
        (torch.tensor([100_000]), torch.tensor([100_001]), "is wrong"),
        (2**62, 2**62 + 1, "is wrong"),
        (torch.ones(2, 2, dtype=torch.complex64), X, "dtype"),
    ],
)
def test_expect_says_what_is_wrong(got, expected, words):
    with pytest.raises(CheckFailed) as caught:
        expect(got, expected)
    assert words in f"{caught.value} {getattr(caught.value, 'hint', '')}"


def test_counts_in_a_tensor_are_exact_whatever_its_dtype():
    with pytest.raises(CheckFailed, match="is wrong"):
        expect(torch.tensor([5000.3]), torch.tensor([5000]), dtype="any")


def test_expect_says_the_kind():
    for got, kind in [(None, "none"), (X[0], "shape"), (X.double(), "dtype"), ("a", "type"), (X / 0, "nonfinite")]:
        with pytest.raises(CheckFailed) as caught:
            expect(got, X)
        assert caught.value.kind == kind


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


@pytest.mark.parametrize(
    "kind", [list, tuple, lambda many: {str(n): one for n, one in enumerate(many)}, lambda m: [[m]]]
)
def test_an_answer_of_many_tensors_is_described_at_once(kind):
    many = kind([torch.ones(3)] * 20_000)
    begun = time.process_time()
    assert "tensor([1., 1., 1.])" in describe(many) and len(describe(many)) < 210
    assert time.process_time() - begun < 0.2, "it took 4 s, which no clock counts"


def test_values_are_described_in_few_words():
    words = {(1,): "(1,)", (1.0000001, "a"): "(1, 'a')", (): "()", (torch.Size([2]),): "(torch.Size([2]),)"}
    assert {value: describe(value) for value in words} == words
    layers = [Handle(0, "Linear"), Handle(1, "ReLU")]
    assert describe(layers) == "[an object of class Linear, an object of class ReLU]"
    assert describe({"a": [0.123456789], 2: None}) == "{'a': [0.12346], 2: None}" and describe(True) == "True"
