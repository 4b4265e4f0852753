"""Compare an answer with the right one, and describe values in a few words."""

import math
import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from lecture_utils.grading.errors import CheckFailed
from lecture_utils.grading.hints import DEFAULT_HINTS
from lecture_utils.grading.values import Code, Handle


def describe(value: Any) -> str:
    """Describe a value in one line: for a tensor its shape, dtype and first numbers.

    >>> describe(torch.tensor([1.0, 2.5]))
    'tensor, shape (2,), float32: [1, 2.5]'
    """
    if isinstance(value, torch.Tensor):
        text = f"tensor, shape {tuple(value.shape)}, {str(value.dtype).removeprefix('torch.')}"
        if value.device.type == "meta":
            return f"{text}, device meta"
        if value.numel() > 24:
            first = map(_rounded, value.flatten()[:6].tolist())
            return f"{text}: [{', '.join(first)}, ...]"
        return f"{text}: {_rounded(value.tolist())}" if value.numel() else text
    if isinstance(value, np.ndarray):
        return f"NumPy array, shape {value.shape}, {value.dtype}"
    text = _rounded(value, 200)
    return text if len(text) <= 200 else text[:200] + " ..."


def _rounded(value: Any, room: float = math.inf) -> str:
    """Format a value with five digits of each float; items of a list, tuple or dict beyond ``room`` are left out."""
    kind = type(value)
    if kind is Handle:
        return f"an object of class {value.kind}"
    if kind not in (list, tuple, dict):
        return f"{value:.5g}" if isinstance(value, float) else repr(value)
    parts: list[str] = []
    for item in value.items() if kind is dict else value:
        if room < 0:
            break
        parts.append(": ".join(_rounded(part, room) for part in item) if kind is dict else _rounded(item, room))
        room -= len(parts[-1])
    begin, end = ("[", "]") if kind is list else ("(", ")") if kind is tuple else ("{", "}")
    return f"{begin}{', '.join(parts)}{',' if kind is tuple and len(parts) == 1 else ''}{end}"


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0, dtype: str = "float32") -> torch.Tensor:
    """Normally distributed numbers of mean 0 and standard deviation ``scale``, on the CPU.

    >>> normal(np.random.default_rng(0), 2, 3).shape
    torch.Size([2, 3])
    """
    return torch.from_numpy(np.asarray(rng.normal(0, scale, shape), dtype))


def close(got: Any, expected: Any, *, rtol: float = 1e-4, atol: float = 1e-5) -> bool:
    """Whether two values are numbers or tensors of the same shape, close to each other. NaN equals NaN.

    Integers are compared exactly; a float may differ from an expected integer by ``atol`` only.

    >>> close(torch.tensor(1.0), 1.0 + 1e-7)
    True
    """
    if not all(isinstance(v, (torch.Tensor, np.ndarray, numbers.Number)) for v in (got, expected)):
        return False
    try:
        a, b = (torch.as_tensor(v).detach().to("cpu") for v in (got, expected))
    except (OverflowError, RuntimeError, TypeError, ValueError):  # an integer of more than 64 bits
        return False
    if a.is_complex() or b.is_complex() or a.shape != b.shape:
        return False
    if not (a.is_floating_point() or b.is_floating_point()):
        return torch.equal(a.long(), b.long())
    if not b.is_floating_point():
        rtol = 0  # a count is exact, however large
    return torch.allclose(a.double(), b.double(), rtol=rtol, atol=atol, equal_nan=True)


def expect(
    got: Any,
    expected: Any,
    *,
    what: str = "The result",
    hints: dict[str, str] | None = None,
    mistakes: Iterable[tuple[Any, str]] = (),
    dtype: str = "same",
    rtol: float = 1e-4,
    atol: float = 1e-5,
) -> None:
    """Compare an answer with the right one; if it is wrong, raise ``CheckFailed`` with the hint for its mistake.

    Args:
        got: what the student's code returned.
        expected: a tensor, number, string, bool, ``None``, or lists, tuples, dicts of these. A number and a tensor of
            shape () may stand for each other, and so may a tuple and a list.
        what: the beginning of the message: "The mean", "The second result".
        hints: hints by kind of failure. The keys are those of :data:`DEFAULT_HINTS`, whose hints are the default.
        mistakes: pairs of a wrong value and the hint for an answer that equals it.
        dtype: which dtype passes: the ``same`` as the expected tensor's, any ``floating`` one, or ``any``.
        rtol, atol: as in ``torch.allclose``.

    Raises:
        CheckFailed: the answer is wrong.

    >>> expect(torch.tensor(3.0), 2.0, what="The mean", mistakes=[(3.0, "Divide by n, not by n - 1.")])
    Traceback (most recent call last):
    ...
    lecture_utils.grading.errors.CheckFailed: The mean is wrong.
    """
    mistakes = list(mistakes)  # looked through once for each item
    hints = DEFAULT_HINTS | (hints or {})
    options: dict[str, Any] = {"hints": hints, "dtype": dtype, "rtol": rtol, "atol": atol}
    if isinstance(expected, (list, tuple)) and not isinstance(expected, torch.Size):
        _expect_values(got, expected, what, mistakes, options)
    elif isinstance(expected, dict):
        _expect_dict(got, expected, what, mistakes, options)
    else:
        is_close = close(got, expected, rtol=rtol, atol=atol)
        for value, hint in () if is_close else mistakes:
            if close(got, value, rtol=rtol, atol=atol):
                raise CheckFailed(
                    f"{what} is wrong.", hint, expected=describe(expected), got=describe(got), kind="values"
                )
        if difference := _difference(got, expected, is_close, dtype):
            kind, words = difference
            raise CheckFailed(
                f"{what} {words}.", hints[kind], expected=describe(expected), got=describe(got), kind=kind
            )


def _expect_values(got: Any, expected: Sequence, what: str, mistakes: list, options: dict[str, Any]) -> None:
    """Compare the items of a list or tuple, one after the other."""
    if not isinstance(got, (list, tuple)) or len(got) != len(expected):
        words = f"{len(got)} values" if isinstance(got, (list, tuple)) else describe(got)
        kind = "none" if got is None else "type"
        raise CheckFailed(f"{what} must be {len(expected)} values.", options["hints"][kind], got=words, kind=kind)
    sequences = [(value, hint) for value, hint in mistakes if isinstance(value, (list, tuple))]
    for index, (one, right) in enumerate(zip(got, expected, strict=True)):
        known = [(value[index], hint) for value, hint in sequences if index < len(value)]
        expect(one, right, what=f"{what}, value {index + 1}", mistakes=known, **options)


def _expect_dict(got: Any, expected: dict, what: str, mistakes: list, options: dict[str, Any]) -> None:
    """Compare the values of a dict, key by key."""
    if not isinstance(got, dict) or set(got) != set(expected):
        words = f"the keys {sorted(map(str, got))}" if isinstance(got, dict) else describe(got)
        hint = options["hints"]["type"]
        raise CheckFailed(f"{what} must be a dict of {len(expected)} keys.", hint, got=words, kind="type")
    for key, right in expected.items():
        known = [(value[key], hint) for value, hint in mistakes if isinstance(value, dict) and key in value]
        expect(got[key], right, what=f"{what} at {key!r}", mistakes=known, **options)


def _difference(got: Any, expected: Any, is_close: bool, dtype: str) -> tuple[str, str] | None:
    """The kind of a failure, a key of :data:`DEFAULT_HINTS`, and its description; None where the answer passes.

    Args:
        is_close: what :func:`close` says of the two.
    """
    if got is None and expected is not None:
        return "none", "is None"
    if isinstance(expected, torch.Tensor):
        if not isinstance(got, numbers.Real) or isinstance(got, bool) or expected.dim():
            if not isinstance(got, torch.Tensor):
                return "type", "must be a tensor"
            if got.shape != expected.shape:
                return "shape", f"has the wrong shape, {tuple(got.shape)}"
            wanted = {"same": got.dtype == expected.dtype, "floating": got.is_floating_point(), "any": True}
            if not wanted[dtype]:
                return "dtype", f"has the wrong dtype, {got.dtype}"
    elif isinstance(expected, bool) or not isinstance(expected, numbers.Number):
        if isinstance(got, torch.Tensor) and got.dtype == torch.bool and got.numel() == 1:
            got = bool(got)
        if type(got) is not type(expected):
            return "type", f"must be of type {type(expected).__name__}"
        return None if got == expected else ("values", "is wrong")
    elif isinstance(got, bool) or not isinstance(got, (numbers.Real, np.ndarray, torch.Tensor)):
        return "type", "must be a number"
    elif isinstance(got, (torch.Tensor, np.ndarray)) and got.ndim:
        return "shape", f"must be one number, not of shape {tuple(got.shape)}"
    if not _finite(got) and _finite(expected):
        return "nonfinite", "holds nan or inf"
    return None if is_close else ("values", "is wrong")


def _finite(value: Any) -> bool:
    return isinstance(value, int) or bool(torch.isfinite(torch.as_tensor(value)).all())


def equal(a: Any, b: Any) -> bool:
    """Whether plain data is still what it was. The check cannot see into a handle or code: it equals anything.

    NaN equals NaN, and a list equals a tuple of the same items. Tensors and arrays need the same dtype and shape; of
    two tensors on the device "meta", which have no values, nothing else is compared.

    >>> equal([float("nan"), 1], (float("nan"), 1)), equal(torch.ones(1), torch.ones(1).double())
    (True, False)
    >>> equal(Handle(0, "Linear"), 3)
    True
    """
    if isinstance(a, (torch.Tensor, np.ndarray)):
        if type(a) is not type(b) or a.shape != b.shape or a.dtype != b.dtype:
            return False
        if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
            if "meta" in (a.device.type, b.device.type):
                return a.device.type == b.device.type
            a, b = a.detach().cpu(), b.detach().cpu()
        return bool(((a == b) | ((a != a) & (b != b))).all())
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    return isinstance(a, (Handle, Code)) or a == b or (a != a and b != b)
