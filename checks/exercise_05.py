"""Checks of exercise 5: recurrent networks, from windows of a series to the completion of pictures.

A function that is no task and has no leading underscore is sent to the student's process, as source.
"""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from lecture_utils.grading import CheckFailed, Handle, Student, close, expect, normal, task

SETUP = """
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from lecture_utils import check, hand_in, load_dataset, progress, show_images
"""


def _weights(rng, features: int, hidden: int, gates: int, dtype: str = "float32") -> list[torch.Tensor]:
    """w_ih, w_hh, b_ih, b_hh of a recurrent cell."""
    rows = gates * hidden
    return [normal(rng, *s, scale=0.7, dtype=dtype) for s in ((rows, features), (rows, hidden), (rows,), (rows,))]


def _rnn(x, h, w_ih, w_hh, b_ih, b_hh):
    return (x @ w_ih.mT + b_ih + h @ w_hh.mT + b_hh).tanh()


def _relu_rnn(x, h, w_ih, w_hh, b_ih, b_hh):
    return (x @ w_ih.mT + b_ih + h @ w_hh.mT + b_hh).relu()


def _gru(x, h, w_ih, w_hh, b_ih, b_hh):
    x_r, x_z, x_n = (x @ w_ih.mT + b_ih).chunk(3, dim=-1)
    h_r, h_z, h_n = (h @ w_hh.mT + b_hh).chunk(3, dim=-1)
    r = (x_r + h_r).sigmoid()
    z = (x_z + h_z).sigmoid()
    return (1 - z) * (x_n + r * h_n).tanh() + z * h


def _unroll(step, x, h, weights):
    """Outputs (B, T, H) of a cell for inputs (B, T, F)."""
    outputs = []
    for t in range(x.shape[1]):
        h = step(x[:, t], h, *weights)
        outputs.append(h)
    return torch.stack(outputs, dim=1)


def _zeros(x: torch.Tensor, hidden: int) -> torch.Tensor:
    return x.new_zeros(len(x), hidden)


def gradients_of(function, upstream, *arguments):
    """The gradients of a function's floating-point arguments, if its result has the gradient ``upstream``."""
    leaves = [argument.requires_grad_() for argument in arguments if argument.is_floating_point()]
    return torch.autograd.grad(function(*arguments), leaves, upstream, allow_unused=True)


def network_now(model):
    """Parameters and buffers, whether each parameter requires a gradient, and the gradients that there are."""
    parameters = dict(model.named_parameters())
    gradients = {name: parameter.grad for name, parameter in parameters.items() if parameter.grad is not None}
    return dict(model.state_dict()), [parameter.requires_grad for parameter in parameters.values()], gradients


def _equal(got: dict[str, torch.Tensor], before: dict[str, torch.Tensor]) -> bool:
    """The same names, and under each of them exactly the same numbers of the same dtype."""
    return got.keys() == before.keys() and all(
        t.dtype == got[name].dtype and torch.equal(t, got[name]) for name, t in before.items()
    )


def _expect_untouched(student: Student, model: Handle, before: tuple) -> None:
    """A network that the student's code has used must be as :func:`network_now` described it before."""
    tensors, records, gradients = student.call(network_now, model)
    if records != before[1]:
        hint = "requires_grad=False changes the network itself, and no later training moves it. To record nothing, "
        hint += "`with torch.no_grad():` is enough, and ends with its block."
        message = "The network's parameters do not require gradients any more."
        if sum(records) > sum(before[1]):
            message = "A parameter that was frozen requires gradients now."
        raise CheckFailed(message, hint)
    if not _equal(gradients, before[2]):
        hint = "zero_grad() and backward() belong to a training step: this function only uses the network."
        raise CheckFailed("The gradients that the network's parameters hold have changed.", hint)
    if not _equal(tensors, before[0]):
        hint = "The function only uses the network: write nothing into its weights, and convert it to no other dtype."
        raise CheckFailed("The network's weights have changed.", hint)


def _expect_step_gradients(student: Student, name: str, step: Callable, args: list, upstream: torch.Tensor) -> None:
    """The gradients must flow back through one step of a cell to each of its arguments."""
    got = student.call(gradients_of, student.value(name), upstream, *args)
    expected = gradients_of(step, upstream, *[argument.clone() for argument in args])
    hints = {
        "none": "The result was made from a copy of this argument that has no history. nn.Parameter(...), "
        "torch.tensor(...), .detach(), .data, .item(), NumPy and copying into an nn.Module make such copies: use the "
        "argument itself in tensor operations.",
        "values": "The result itself is right. On one of the ways from this argument to it, a number was cut off from "
        "its history, as by .detach(), .data or no_grad.",
    }
    for number, label in enumerate(("x", "h", "w_ih", "w_hh", "b_ih", "b_hh")):
        expect(got[number], expected[number], what="The gradient that flows back to " + label, hints=hints)


_OVERFLOW = "exp of a large number is inf, and inf / inf is nan: torch.tanh and torch.sigmoid take care of that."
_ONE_NUMBER = {
    "only one element tensors": "math.tanh and the like take a single number: torch.tanh and torch.sigmoid take "
    "tensors.",
}
_CUT = {
    "not require grad|does not require": "No gradient can flow back through the result: use tensor operations only, "
    "without .detach(), .data, NumPy or no_grad.",
    "numpy\\(\\) on Tensor that requires grad": "Gradients must flow through this function: stay with torch.",
}


# --- 5.1 ---------------------------------------------------------------------------------------


def part_of(longer, first, every):
    return longer[first::every]


def overwrite(series, values, views):
    """What views of a series show after the series was given other values in place."""
    series.copy_(values)
    return views


def _expect_windows(got, stored: torch.Tensor, first: int, every: int, size: int) -> None:
    """``got`` must be the windows and targets of the series ``stored[first::every]``."""
    series = stored[first::every]
    n = len(series)
    rows = series.unfold(0, size, 1)
    inputs = rows[:-1]
    targets = series[size:]
    inside = (
        "This is the last value of each window itself: the target is the value after it, which the window must "
        "not hold."
    )
    last = "The last window ends with the last value: there is no value after it, so no target. Leave it out."
    strided = "The values of this series do not lie one after the other in memory: as_strided needs series.stride()."
    mistakes = [
        ((rows, targets), last),
        ((rows, torch.cat([targets, targets[-1:]])), last),
        ((inputs, series[size - 1 : -1]), inside),
        ((rows, series[size - 1 :]), inside),
        ((inputs, series[: n - size]), "This is the first value of each window: the target is the value after it."),
        ((rows[1:], targets), "The inputs begin one value late: the first window begins with the first value."),
        ((rows[:-2], series[size + 1 :]), "One window too few: the first target is series[size], and the last one is "
         "the last value of the series."),
        ((inputs.mT, targets), "One row for each window: the shape is (n - size, size)."),
        ((inputs, targets[:, None]), "The targets are of shape (n - size,), without a second dimension."),
        ((inputs, rows[1:]), "One target for each window: the single value after it."),
        ((series[: n // size * size].reshape(-1, size), targets), "The windows overlap: each one begins one value "
         "after the one before it. The step of unfold is 1."),
        ((targets, inputs), "The order is (inputs, targets)."),
        ((series.flip(0).unfold(0, size, 1)[:-1], targets), "The windows are in the order of the series."),
    ]  # fmt: skip
    if every > 1:
        mistakes.append(((stored[first:].unfold(0, size, 1)[: n - size], stored[first + size :][: n - size]), strided))
    if first:
        offset = "The series does not begin where its memory does, from where as_strided counts its last argument: add "
        offset += "series.storage_offset()."
        rows_of_memory = stored.as_strided((n - size, size), (every, every), 0)
        mistakes.append(((rows_of_memory, stored.as_strided((n - size,), (every,), size * every)), offset))
    hints = {
        "type": "Return a pair of two tensors, `return inputs, targets`: a list of slices is no tensor, and "
        "series.unfold makes one.",
        "shape": "With n values there are n - size windows: inputs (n - size, size) and targets (n - size,).",
        "none": "Return a pair.",
        "dtype": "Views have the dtype of the series.",
    }
    expect(got, (inputs, targets), what="The result", hints=hints, mistakes=mistakes)


@task(
    "5.1",
    "Windows of a series",
    points=2,
    difficulty=1,
    minutes=5,
    names=["windows"],
    hints=[
        "Which window is the last one that is still followed by a value? For five values and windows of 3 there are "
        "two, not three.",
        "A slice of a tensor is a view, and `series.unfold(0, size, 1)` is a view of all windows: dimension 0, the "
        "length `size`, step 1. Its last row has no target.",
        "`series.unfold(0, size, 1)[:-1]` are the inputs and `series[size:]` the targets.",
    ],
    on_error={
        "maximum size for tensor": "A window cannot be longer than the series: look at the arguments of unfold, "
        "dimension, size, step.",
        "numpy\\(\\) on|not implemented for": "series.unfold and slices work with every tensor.",
        "unfold\\(\\) missing": "unfold takes a dimension, the length of a window, and the step from one to the next.",
    },
)
def windows_of_a_series(student: Student, rng, case: int) -> None:
    size = [3, 4, 1][case] if case < 3 else int(rng.integers(1, 7))
    n = size + ([4, 6, 5, 1][case] if case < 4 else int(rng.integers(1, 12)))
    dtype = "float64" if case % 3 == 2 else "float32"
    first, every = [(0, 1), (1, 2), (3, 1)][case % 3]
    if case > 3:
        first, every = int(rng.integers(4)), int(rng.integers(1, 4))
    student.case = f"{n} values, {dtype}, windows of {size}"
    student.case += f"; the series is longer[{first}::{every}]" if first or every > 1 else ""
    stored = normal(rng, first + every * n, dtype=dtype)
    stored_handle = student.put(stored)
    series_handle = student.call(part_of, stored_handle, first, every, keep=True)
    result_handle = student.call("windows", series_handle, size, keep=True)
    _expect_windows(student.get(result_handle), stored, first, every, size)
    if not torch.equal(student.get(series_handle), stored[first::every]):
        raise CheckFailed(
            "The series itself has changed.", "The function only looks at the series: write nothing into it."
        )

    changed = stored + 1 + normal(rng, len(stored), dtype=dtype) ** 2  # every value becomes another
    inputs, targets = student.call(overwrite, stored_handle, changed, result_handle)
    series = changed[first::every]
    views = [
        ("inputs", inputs, series.unfold(0, size, 1)[:-1], "torch.stack, torch.cat, .clone(), .contiguous() and lists "
         "of values copy: series.unfold(0, size, 1) does not."),
        ("targets", targets, series[size:], "A slice such as series[a:b] is a view; clone, a list of indices or "
         "torch.stack copies."),
    ]  # fmt: skip
    for name, got, expected, hint in views:
        if not torch.equal(got, expected):
            raise CheckFailed(
                f"The series was changed in place, and the {name} stayed as they were: they are a copy.", hint
            )


# --- 5.2 ---------------------------------------------------------------------------------------


@task(
    "5.2",
    "One step of an RNN",
    points=2,
    difficulty=1,
    minutes=5,
    names=["rnn_step"],
    hints=[
        "Two linear layers, one for the input and one for the state; their results are added, and one tanh comes last.",
        "`x @ w_ih.T` maps (B, F) to (B, H). The state goes the same way with `w_hh`, which is square: a forgotten "
        "`.T` raises no error there.",
        "`torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)`.",
    ],
    on_error={
        "shapes cannot be multiplied|must match the size|size mismatch": "A weight is stored as (outputs, inputs), as "
        "in nn.Linear: multiply with x @ w_ih.T.",
        **_ONE_NUMBER,
        **_CUT,
    },
)
def one_rnn_step(student: Student, rng, case: int) -> None:
    batch, features, hidden = [(2, 3, 4), (3, 2, 2), (1, 4, 3)][case] if case < 3 else rng.integers(1, 6, 3).tolist()
    hidden = max(2, hidden)
    dtype = "float64" if case % 4 == 2 else "float32"
    large = case == 6
    if large:
        batch, features, hidden = 4, 3, 3  # some of so many numbers are large and positive
    student.case = f"batch of {batch}, {features} features, {hidden} hidden units, {dtype}"
    student.case += ", inputs of about 100,000" if large else ""
    x = normal(rng, batch, features, scale=1e5 if large else 1, dtype=dtype)
    h = normal(rng, batch, hidden, scale=0.6, dtype=dtype)
    weights = _weights(rng, features, hidden, 1, dtype)
    w_ih, w_hh, b_ih, b_hh = weights
    from_x = x @ w_ih.mT
    from_h = h @ w_hh.mT
    total = from_x + b_ih + from_h + b_hh
    square = "w_hh is square, so a forgotten .T raises no error: each weight is (outputs, inputs), h @ w_hh.T."
    mistakes = [
        ((from_x + b_ih + h @ w_hh + b_hh).tanh(), square),
        (total, "The tanh is missing: it bounds the state to -1 ... 1."),
        (total.sigmoid(), "The nonlinearity of this cell is tanh."),
        (total.relu(), "The nonlinearity of this cell is tanh."),
        ((from_x + from_h).tanh(), "Both biases are missing."),
        ((from_x + b_ih + from_h).tanh(), "The bias of the state, b_hh, is missing."),
        ((from_x + from_h + b_hh).tanh(), "The bias of the input, b_ih, is missing."),
        ((from_x + b_ih).tanh(), "The old state is not used: add h @ w_hh.T + b_hh. It is the memory."),
        ((from_h + b_hh).tanh(), "The input is not used: add x @ w_ih.T + b_ih."),
        ((from_x + b_ih).tanh() + (from_h + b_hh).tanh(), "Add first: there is one tanh, of the sum."),
        ((from_x + b_ih).tanh() + from_h + b_hh, "Add first: there is one tanh, of the sum."),
        ((from_x + b_ih + h + b_hh).tanh(), "The old state goes through w_hh: h @ w_hh.T."),
        (total.tanh() + h, "The new state takes the place of the old one: nothing is added after the tanh."),
        ((from_x + b_ih) * (from_h + b_hh), "The two parts are added, and one tanh comes last."),
    ]
    if features == hidden:
        mistakes.append(((x @ w_ih + b_ih + from_h + b_hh).tanh(), "Here w_ih is square, and a .T is missing."))
        mistakes.append(((x @ w_ih + b_ih + h @ w_hh + b_hh).tanh(), square))
        mistakes.append((_rnn(h, x, *weights), "The input and the state were exchanged: w_ih belongs to x."))
    hints = {"shape": "The new state has the shape of the old one, (B, H).", "nonfinite": _OVERFLOW}
    args = [x, h, *weights]
    expect(student.call("rnn_step", *args), total.tanh(), what="The new state", mistakes=mistakes, hints=hints)
    if not large:  # there tanh is flat, and its gradient a matter of rounding
        _expect_step_gradients(student, "rnn_step", _rnn, args, normal(rng, batch, hidden, dtype=dtype))


# --- 5.3 ---------------------------------------------------------------------------------------


def _mistaken_weights(x: torch.Tensor, h: torch.Tensor, weights: list[torch.Tensor], order: str) -> list[tuple]:
    """Steps of a GRU whose weights were cut or ordered in a wrong way, each with its hint."""
    w_ih, w_hh, b_ih, b_hh = weights
    no_bias = _gru(x, h, w_ih, w_hh, torch.zeros_like(b_ih), torch.zeros_like(b_hh))
    mistakes = [(no_bias, "The biases b_ih and b_hh are missing.")]
    for permutation in ((1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0)):
        turned = [torch.cat([w.chunk(3)[i] for i in permutation]) for w in weights]
        mistakes.append((_gru(x, h, *turned), order))
    every_third = [torch.cat([w[i::3] for i in range(3)]) for w in weights]
    return [
        *mistakes,
        (_gru(x, h, *every_third), "The first H rows of the weights are those of r: not every third row."),
    ]


def _expect_gru_state(got, x: torch.Tensor, h: torch.Tensor, weights: list[torch.Tensor]) -> None:
    """``got`` must be the state after one step of a GRU."""
    hidden = h.shape[1]
    w_ih, w_hh, b_ih, b_hh = weights
    x_r, x_z, x_n = (x @ w_ih.mT + b_ih).chunk(3, dim=1)
    h_r, h_z, h_n = (h @ w_hh.mT + b_hh).chunk(3, dim=1)
    w_n = w_hh[-hidden:]
    b_n = b_hh[-hidden:]
    r = (x_r + h_r).sigmoid()
    z = (x_z + h_z).sigmoid()
    n = (x_n + r * h_n).tanh()
    expected = (1 - z) * n + z * h

    def blend(candidate):
        return (1 - z) * candidate.tanh() + z * h

    def step_with_gates(r, z):
        return (1 - z) * (x_n + r * h_n).tanh() + z * h

    reset = (
        "The reset gate multiplies the whole part of the candidate that comes from h, bias included: "
        "r * (h @ W_hn.T + b_hn)."
    )
    order = "The rows of the weights are those of r, z, n, in this order."
    mistakes = [
        ((1 - z) * h + z * n, "z and 1 - z are exchanged: the update gate z says how much of the *old* state stays."),
        ((1 - r) * (x_n + z * h_n).tanh() + r * h, order),
        (blend(x_n + (r * h) @ w_n.mT + b_n), "Here the reset gate multiplies h before the matrix, as in some "
         "descriptions of the GRU. PyTorch multiplies after it: r * (h @ W_hn.T + b_hn)."),
        (blend(x_n + r * (h_n - b_n) + b_n), reset),
        (blend(r * (x_n + h_n)), "The reset gate acts only on what comes from h: x_n + r * h_n."),
        (blend(r * x_n + h_n), "The reset gate acts on what comes from h, not on what comes from x."),
        (blend(x_n + h_n), "The reset gate r is not used: x_n + r * h_n."),
        (blend(x_n + (1 - r) * h_n), "The candidate has r * h_n, not (1 - r) * h_n."),
        (blend(x_n + r * h), "In the candidate, h goes through its matrix: r * (h @ W_hn.T + b_hn)."),
        (blend(x_n), "In the candidate, what comes from h is missing: x_n + r * h_n."),
        ((1 - z) * (x_n + r * h_n) + z * h, "The candidate n has a tanh."),
        ((1 - z) * (x_n + r * h_n).sigmoid() + z * h, "The candidate n has a tanh. Sigmoid is for the gates."),
        (n, "This is the candidate n. The new state blends it with the old one: (1 - z) * n + z * h."),
        (n + z * h, "The candidate has the weight 1 - z in the blend."),
        (z * n + z * h, "The weights of the blend are 1 - z and z."),
        ((1 - z) * n, "The share of the old state, z * h, is missing."),
        ((1 - z) * n + h, "The old state has the weight z in the blend."),
        (step_with_gates((x_r + h_r).tanh(), (x_z + h_z).tanh()), "A gate is a share from 0 to 1: sigmoid, not tanh."),
        (step_with_gates(x_r + h_r, x_z + h_z), "A gate is a share from 0 to 1: it needs a sigmoid."),
    ]  # fmt: skip
    if len(x) == hidden:  # a matrix product raises no error
        element = "The product in a circle goes element by element, which is *. A matrix product, @, is another thing."
        mistakes.append((blend(x_n + r @ h_n), element))
        mistakes.append(((1 - z) @ n + z @ h, element))
        wrong_n = (x_n + r @ h_n).tanh()
        mistakes.append(((1 - z) @ wrong_n + z @ h, element))
    mistakes += _mistaken_weights(x, h, weights, order)
    hints = {
        "shape": "The new state has the shape of the old one, (B, H): are the products, (B, 3H), cut along dim=1?",
        "values": "Compare each of r, z and n with its formula: which weight rows, which bias, which function?",
        "nonfinite": _OVERFLOW,
    }
    expect(got, expected, what="The new state", mistakes=mistakes, hints=hints)


@task(
    "5.3",
    "One step of a GRU",
    points=3,
    difficulty=2,
    minutes=8,
    names=["gru_step"],
    hints=[
        "Two products are enough: everything that comes from `x`, shape (B, 3H), and everything that comes from `h`, "
        "of the same shape. Then cut each of them into three.",
        "`(x @ w_ih.T + b_ih).chunk(3, dim=1)` gives the parts for r, z and n, in this order. In the third part the "
        "reset gate multiplies the part from `h`, its bias included, and nothing else.",
        "With `x_r, x_z, x_n` and `h_r, h_z, h_n` as the parts: `r = torch.sigmoid(x_r + h_r)`, `z` likewise, "
        "`n = torch.tanh(x_n + r * h_n)`, and the result is `(1 - z) * n + z * h`.",
    ],
    on_error={
        "shapes cannot be multiplied": "A weight is stored as (outputs, inputs): multiply with x @ w_ih.T, and cut the "
        "result, or the rows of the weight, into three.",
        "must match the size": "Cut along the last dimension: chunk(3, dim=1) of (B, 3H) gives three times (B, H).",
        "not enough values|too many values": "chunk(3, dim=1) gives three parts; split wants the length of one part.",
        **_ONE_NUMBER,
        **_CUT,
    },
)
def one_gru_step(student: Student, rng, case: int) -> None:
    batch, features, hidden = [(2, 3, 2), (1, 2, 3), (3, 4, 4)][case] if case < 3 else rng.integers(1, 6, 3).tolist()
    dtype = "float64" if case % 4 == 2 else "float32"
    large = case == 6
    if large:
        batch, features, hidden = 4, 3, 3  # some of so many numbers are large and positive
    student.case = f"batch of {batch}, {features} features, {hidden} hidden unit{'s' * (hidden > 1)}, {dtype}"
    student.case += ", inputs of about 100,000" if large else ""
    x = normal(rng, batch, features, scale=1e5 if large else 1, dtype=dtype)
    h = normal(rng, batch, hidden, dtype=dtype)
    weights = _weights(rng, features, hidden, 3, dtype)
    args = [x, h, *weights]
    _expect_gru_state(student.call("gru_step", *args), x, h, weights)
    if not large:
        _expect_step_gradients(student, "gru_step", _gru, args, normal(rng, batch, hidden, dtype=dtype))


# --- 5.4 ---------------------------------------------------------------------------------------

_RECURRENT = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


class _Network(NamedTuple):
    """A recurrent layer of PyTorch, with a linear layer for each of its outputs.

    Attributes:
        name: for the student.
        kind: class of the recurrent layer; "" and no step for a network without one.
        options: further arguments of the class.
        step: one step of that layer.
    """

    name: str
    kind: str
    options: dict[str, str]
    step: Callable | None


_PLAIN = _Network("nn.RNN and nn.Linear", "RNN", {}, _rnn)
_EXPLODING = _Network(
    "nn.RNN with ReLU, whose gradients explode, and nn.Linear", "RNN", {"nonlinearity": "relu"}, _relu_rnn
)
_GATED = _Network("nn.GRU and nn.Linear", "GRU", {}, _gru)
_FLAT = _Network("nn.Flatten and nn.Linear", "", {}, None)

_SETTINGS = [  # network, optimizer, is the first gradient longer than max_norm, is there one of an earlier step
    (_PLAIN, "SGD", True, False),
    (_GATED, "SGD", False, True),
    (_EXPLODING, "momentum", True, False),
    (_FLAT, "Adam", True, False),
    (_FLAT, "SGD", True, True),
    (_EXPLODING, "SGD", True, False),
    (_GATED, "momentum", False, False),
    (_PLAIN, "Adam", False, True),
    (_GATED, "SGD", True, True),
]


def build_flat_network(state):
    outputs, inputs = state["1.weight"].shape
    model = nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs)).to(state["1.weight"].dtype)
    model.load_state_dict(state)
    return model


def build_recurrent_network(state, kind, options, calls):
    """(B, T, F) to (B, T, O): a recurrent layer, and a linear layer for each of its outputs.

    Adds to ``calls`` whether a graph is recorded, in each forward pass.
    """

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            inputs = state["rnn.weight_ih_l0"].shape[1]
            hidden = state["rnn.weight_hh_l0"].shape[1]
            self.rnn = getattr(nn, kind)(inputs, hidden, batch_first=True, **options)
            self.out = nn.Linear(hidden, len(state["out.bias"]))

        def forward(self, x):
            outputs, _ = self.rnn(x)
            predictions = self.out(outputs)
            calls.append(predictions.requires_grad)
            return predictions

    model = Network().to(state["out.bias"].dtype)
    model.load_state_dict(state)
    return model


def leave_gradients(model, gradients):
    for name, parameter in model.named_parameters():
        parameter.grad = gradients[name].clone()


def make_optimizer(model, kind, options, groups):
    """An optimizer with all parameters in one group, or the last one in a group of its own."""
    parameters = list(model.parameters())
    split = len(parameters) - groups + 1
    chosen = [{"params": part} for part in (parameters[:split], parameters[split:]) if part]
    return getattr(torch.optim, kind)(chosen, **options)


def record_steps(model, optimizer):
    """A list to which each call of ``optimizer.step`` appends whether any gradient is not 0."""
    steps: list = []

    def record(*_):
        gradients = [parameter.grad for parameter in model.parameters()]
        steps.append(any(gradient is not None and bool(gradient.any()) for gradient in gradients))

    optimizer.register_step_pre_hook(record)
    return steps


def after_a_call(result, model, steps):
    """The result of a call, the classes in it, the parameters, the mode, and the steps recorded, which are emptied."""
    recorded = list(steps)
    steps.clear()
    kinds = []
    if isinstance(result, (list, tuple)):
        kinds = ["float" if isinstance(value, float) else type(value).__name__ for value in result]
    return result, kinds, dict(model.state_dict()), model.training, recorded


def gradients_held(model):
    gradients = {}
    for name, parameter in model.named_parameters():
        gradients[name] = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.detach()
    return gradients


def _forward(network: _Network, state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """What a network with these parameters gives for x."""
    if network.step is None:
        return x.flatten(1) @ state["1.weight"].mT + state["1.bias"]
    weights = [state[f"rnn.{name}"] for name in _RECURRENT]
    states = _unroll(network.step, x, _zeros(x, weights[1].shape[1]), weights)
    return states @ state["out.weight"].mT + state["out.bias"]


class _Training:
    """The parameters, gradients and optimizer of a network, and a method that applies operations to a copy of them."""

    def __init__(self, forward, state: dict, grads: dict, kind: str, options: dict):
        self.forward = forward
        self.state = state
        self.grads = grads
        self.kind = kind
        self.options = options
        self.loss: Any = None  # a number, once a plan has computed it; the norm likewise
        self.norm: Any = None
        self.count = 0
        self.memory = [{n: torch.zeros_like(w) for n, w in state.items()} for _ in range(2)]

    def after(self, plan: str, x, targets, max_norm: float) -> "_Training":
        """A copy, after the operations of a plan, such as ``"zero forward backward clip step"``."""
        new = copy.copy(self)
        new.loss = None
        new.norm = None
        for operation in plan.split():
            if operation == "zero":
                new.grads = {n: torch.zeros_like(g) for n, g in new.grads.items()}
            elif operation in ("forward", "sum", "absolute"):
                leaves = {n: w.clone().requires_grad_() for n, w in new.state.items()}
                errors = new.forward(leaves, x) - targets
                errors = errors.abs() if operation == "absolute" else errors**2
                loss = errors.sum() if operation == "sum" else errors.mean()
                new.loss = float(loss.detach())
            elif operation == "backward":
                added = torch.autograd.grad(loss, list(leaves.values()))
                new.grads = {n: g + more for (n, g), more in zip(new.grads.items(), added, strict=True)}
            elif operation == "step":
                new._step()
            else:
                names = list(new.grads)
                parts = {"group": [names[:-1]], "groups": [names[:-1], names[-1:]]}.get(operation, [names])
                for part in parts:
                    chosen = {n: new.grads[n] for n in part}
                    norm = max(float(g.abs().max()) for g in chosen.values()) if operation == "inf" else _norm(chosen)
                    new.norm = norm
                    new.grads = new.grads | {n: _clipped(operation, g, norm, max_norm) for n, g in chosen.items()}
        return new

    def _step(self) -> None:
        """One step of SGD, SGD with momentum 0.9, or Adam."""
        if not _norm(self.grads):  # as after zero_grad
            return
        self.count += 1
        first, second = self.memory
        if self.kind == "Adam":
            first = {n: 0.9 * first[n] + 0.1 * g for n, g in self.grads.items()}
            second = {n: 0.999 * second[n] + 0.001 * g**2 for n, g in self.grads.items()}
            first_bias = 1 - 0.9**self.count
            second_bias = 1 - 0.999**self.count
            moves = {n: first[n] / first_bias / ((second[n] / second_bias).sqrt() + 1e-8) for n in first}
        else:
            first = {n: self.options.get("momentum", 0) * first[n] + g for n, g in self.grads.items()}
            moves = first
        self.memory = [first, second]
        self.state = {n: w - self.options["lr"] * moves[n] for n, w in self.state.items()}


def _clipped(way: str, gradient: torch.Tensor, norm: float, limit: float) -> torch.Tensor:
    """Clip one of several gradients whose total norm is given, in the right way, ``clip``, or in a wrong one."""
    if way == "value":
        return gradient.clamp(-limit, limit)
    if way == "each":
        norm = float(gradient.norm())
    if way == "one":
        limit = 1.0
    factor = limit / max(norm, 1e-12)
    return gradient * (factor if way == "always" else min(1.0, factor))


def _norm(tensors: dict[str, torch.Tensor]) -> float:
    return float(torch.cat([t.flatten() for t in tensors.values()]).norm())


def _all_close(got, expected: dict[str, torch.Tensor]) -> bool:
    return isinstance(got, dict) and all(close(got.get(name), value) for name, value in expected.items())


_RIGHT = "zero forward backward clip step"
_CLEAR = "The gradients from before were still there, and backward() adds to them: clear them with zero_grad() first."
_WRONG_PLANS = [  # and the hint for each; of those that fit equally well, the first counts
    ("zero forward backward step", "The step was made with gradients that nobody had clipped: clip them after "
     "backward() and before optimizer.step(). If that line is there, does it get the parameters? model.parameters() is "
     "a generator: each call gives one that can be gone through once."),
    ("zero forward backward step clip", "The clipping stands after optimizer.step(), when the long gradient has "
     "already moved the weights: it belongs before the step."),
    ("zero forward clip backward step", "The clipping stands before backward(), when there is nothing to clip: it "
     "belongs after backward(), which makes the gradients."),
    ("forward backward clip step", _CLEAR),
    ("forward backward step", _CLEAR),
    ("forward clip backward step", _CLEAR),
    ("forward zero clip backward step", "The clipping stands before backward(), when there is nothing to clip."),
    ("zero forward backward always step", "Gradients whose norm is below max_norm stay as they are: here they were "
     "made longer."),
    ("zero forward backward each step", "Every parameter's gradient was clipped by itself, and so the direction "
     "changed. One call for all of them: clip_grad_norm_(model.parameters(), max_norm)."),
    ("zero forward backward value step", "Every number was cut off by itself, as clip_grad_value_ and clamp do, and so "
     "the direction changed. clip_grad_norm_ multiplies all by one factor."),
    ("zero forward backward one step", "The limit is the argument max_norm. Here it was 1."),
    ("zero forward backward inf step", "The norm is the root of the sum of all squares, norm_type=2. Here the largest "
     "number was taken for it."),
    ("zero forward backward group step", "The parameters of the optimizer's first group alone were clipped, and there "
     "are two groups: model.parameters() are all."),
    ("zero forward backward groups step", "Each of the optimizer's two groups was clipped by itself, and so the "
     "direction changed. One call for all of them: clip_grad_norm_(model.parameters(), max_norm)."),
    ("zero forward backward clip step step", "optimizer.step() was called twice."),
    ("zero sum backward clip step", "mse_loss is a mean over all elements, not a sum."),
    ("zero absolute backward clip step", "mse_loss is the mean of the squares, not of the absolute values."),
]  # fmt: skip


def _explain_step(
    got: dict, grads: dict, norm, start: _Training, right: _Training, recorded: list[bool], data: tuple
) -> None:
    """Raise the failure for wrong parameters, with the hint for the mistake that explains them.

    Args:
        got: the parameters after the call.
        grads: the gradients after the call.
        norm: what the call returned as the norm.
        start: before the call.
        right: after a right call.
        recorded: for each step of the optimizer, whether there were gradients.
        data: x, targets and max_norm of the call.
    """
    if _all_close(got, start.state):
        hint = "Without optimizer.step() the gradients are computed and never used: it comes after the clipping."
        if recorded and not any(recorded):
            hint = (
                "There were no gradients when optimizer.step() was called: backward() makes them, and zero_grad() "
                "comes before backward(), not between backward() and the step."
            )
            if _norm(grads):
                hint = "optimizer.step() was called before backward(), when there were no gradients yet."
        raise CheckFailed("The parameters did not move.", hint)
    if not recorded:
        hint = "The step is optimizer.step(), of the optimizer that is given: it may be SGD, SGD with momentum or "
        hint += "Adam, and remembers what it needs from one call to the next."
        raise CheckFailed("The parameters moved, but not by a step of the given optimizer.", hint)
    fitting: list[tuple[int, dict, str]] = []
    for plan, hint in _WRONG_PLANS:
        wrong = start.after(plan, *data)
        if _all_close(got, wrong.state):
            score = _all_close(grads, wrong.grads) + close(norm, wrong.norm, rtol=1e-3)
            fitting.append((score, wrong.state, hint))
    mistakes = [max(fitting, key=lambda fit: fit[0])[1:]] if fitting else []
    hints = {
        "values": "The order is zero_grad(), the loss, backward(), nn.utils.clip_grad_norm_(model.parameters(), "
        "max_norm), step(): each of them once, in each call.",
        "nonfinite": "A number divided by 0, or by a norm that is 0? nn.utils.clip_grad_norm_ takes care of that.",
    }
    expect(got, right.state, what="After the step, the network", mistakes=mistakes, hints=hints)


def _draw_state(rng, network: _Network, steps: int, features: int, hidden: int, outputs: int, dtype: str) -> dict:
    """The parameters of a network, by their names in its state dict."""
    if network is _FLAT:
        return {
            "1.weight": normal(rng, outputs, steps * features, dtype=dtype),
            "1.bias": normal(rng, outputs, dtype=dtype),
        }
    weights = _weights(rng, features, hidden, 3 if network is _GATED else 1, dtype)
    state = {f"rnn.{name}": w for name, w in zip(_RECURRENT, weights, strict=True)}
    state["out.weight"] = normal(rng, outputs, hidden, dtype=dtype)
    state["out.bias"] = normal(rng, outputs, dtype=dtype)
    if network is _EXPLODING:  # positive weights: each time step makes the state nearly twice as long
        state["rnn.weight_hh_l0"] = (1.8 / hidden) * (1 + 0.2 * state["rnn.weight_hh_l0"].tanh())
        state["rnn.bias_hh_l0"] = 1 + state["rnn.bias_hh_l0"].abs()
        state["out.weight"] = 0.5 + state["out.weight"].abs()
    return state


def _draw_max_norm(rng, case: int, network: _Network, longer: bool, first: dict[str, torch.Tensor]) -> float:
    """A limit below the norm of the first gradient if that is to be ``longer``, and above it otherwise."""
    if network is _EXPLODING:
        return float(rng.uniform(0.4, 0.8) if case % 2 else rng.uniform(1.5, 3))
    if longer:
        return float(rng.uniform(0.2, 0.6)) * max(float(g.abs().max()) for g in first.values())
    return float(rng.uniform(1.5, 3)) * _norm(first)


def _expect_loss_and_norm(result, kinds: list[str], before: _Training, right: _Training, data: tuple) -> None:
    """A call must have returned two floats, the loss and the norm from before the step."""
    grads = before.after("zero forward backward", *data).grads
    norms = [float(g.norm()) for g in grads.values()]
    count = data[1].numel()
    loss_after = right.after("forward", *data).loss
    together = "The total norm is that of all gradients together, as of one long vector."
    for name, kind in zip(("loss", "norm"), kinds, strict=False):
        if len(kinds) == 2 and kind not in ("float", "NoneType"):
            hint = "loss.item() and norm.item() are Python floats. A loss that stays a tensor keeps its graph alive."
            message = "The result must be two Python floats, and here is no float for the " + name + "."
            raise CheckFailed(message, hint, got=kind, kind="type")
    expect(
        result,
        (right.loss, right.norm),
        what="The result",
        rtol=1e-3,
        mistakes=[
            ((right.norm, right.loss), "The order is (loss, norm)."),
            ((loss_after, _norm(right.grads)), "Both numbers are from before: the loss before the step, and the "
             "norm before the clipping, which clip_grad_norm_ returns."),
            ((right.loss * count, right.norm * count), "mse_loss is a mean over all elements, not a sum."),
            ((right.loss * len(data[0]), right.norm**2), "The loss is mse_loss as it is, and the norm the root of the "
             "sum of all squares."),
            ((right.loss**0.5, None), "The loss is mse_loss as it is, without a root."),
            ((None, sum(norms)), together),
            ((None, max(norms)), together),
            ((None, norms[-1]), together),
            ((None, norms[0]), together),
            ((None, data[2]), "This is the limit. Asked for is the norm before the clipping."),
            ((None, 0.0), "The norm is that of the gradients after backward() and before the clipping."),
        ],
        hints={
            "none": "Return two numbers: `return loss.item(), norm.item()`.",
            "type": "Return two numbers: `return loss.item(), norm.item()`.",
            "values": "The loss is nn.functional.mse_loss(model(x), targets) before the step; the norm is what "
            "clip_grad_norm_ returns.",
        },
    )  # fmt: skip


@task(
    "5.4",
    "A training step that cannot explode",
    points=3,
    difficulty=2,
    minutes=7,
    names=["clipped_step"],
    hints=[
        "It is the training step that you know, with one line more. Which line makes the gradients, and which one uses "
        "them? The clipping belongs between the two.",
        "`nn.utils.clip_grad_norm_(model.parameters(), max_norm)` changes the gradients in place and returns their "
        "total norm from before, as a tensor. `.item()` makes a Python float of a tensor that holds one number.",
        "In this order: `optimizer.zero_grad()`, `loss = nn.functional.mse_loss(model(x), targets)`, "
        "`loss.backward()`, `norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)`, `optimizer.step()`, "
        "`return loss.item(), norm.item()`.",
    ],
    on_error={
        "no attribute 'backward'": "The loss must stay a tensor until backward() was called: .item() comes in the end.",
        "no attribute 'item'": "What is a Python float already needs no .item().",
        "modified by an inplace": "optimizer.step() changes the parameters, and backward() still needs the old ones: "
        "first backward(), then the clipping, then the step.",
        "graph a second time": "One call of backward() for each loss.",
        "only for scalar outputs|for scalar outputs": "mse_loss gives one number, the mean. Leave out reduction.",
        "NoneType": "A gradient is None as long as backward() has not been called, and again after zero_grad().",
        "leaf Variable|leaf variable": "The gradients p.grad are clipped, not the parameters.",
        "not require grad": "Gradients must be recorded: no torch.no_grad() around the model, and no .detach().",
        "clip_grad_norm_\\(\\) missing": "clip_grad_norm_ wants two things: the parameters and max_norm.",
        "has no len|not subscriptable": "model.parameters() is a generator: list(...) makes a list of it.",
        "'Network' object is not iterable": "clip_grad_norm_ wants the parameters of the network: model.parameters().",
    },
)
def clipped_training(student: Student, rng, case: int) -> None:
    network, optimizer, longer, leftover = _SETTINGS[case % len(_SETTINGS)]
    # Adam divides a gradient by its own size: one that is nearly 0 needs many digits.
    dtype = "float64" if optimizer == "Adam" else "float32"
    batch, steps, features, hidden, outputs = (
        int(rng.integers(a, b)) for a, b in ((2, 5), (3, 6), (1, 4), (3, 6), (1, 3))
    )
    steps = 12 if network is _EXPLODING else steps
    state = _draw_state(rng, network, steps, features, hidden, outputs, dtype)
    forward = partial(_forward, network)
    x = normal(rng, 3, batch, steps, features, dtype=dtype)
    targets = 3 + normal(rng, 3, *forward(state, x[0]).shape, dtype=dtype)  # far from 0: so are the gradients
    kind = "Adam" if optimizer == "Adam" else "SGD"
    options = {"lr": 0.05, "momentum": 0.9} if optimizer == "momentum" else {"lr": 0.05}
    old = {name: torch.zeros_like(w) for name, w in state.items()}
    if leftover:
        old = {name: normal(rng, *w.shape, dtype=dtype) for name, w in state.items()}
    before = _Training(forward, state, old, kind, options)
    first = before.after("zero forward backward", x[0], targets[0], 1.0).grads
    max_norm = round(_draw_max_norm(rng, case, network, longer, first), 3)
    words = (
        f"{network.name}, {'SGD with momentum' if optimizer == 'momentum' else kind}, x of shape ({batch}, {steps}, "
        f"{features}), {dtype}; the first gradient is {'longer' if longer else 'shorter'} than max_norm"
        f"{'; the parameters hold gradients of an earlier step' if leftover else ''}"
    )

    if network is _FLAT:
        model = student.call(build_flat_network, state, keep=True)
    else:
        model = student.call(build_recurrent_network, state, network.kind, network.options, [], keep=True)
    if leftover:
        student.call(leave_gradients, model, old)
    handle = student.call(make_optimizer, model, kind, options, 2 if case % 3 == 2 else 1, keep=True)
    log = student.call(record_steps, model, handle, keep=True)
    for number in range(3):
        student.case = f"{words}; call {number + 1} | max_norm = {max_norm}"
        data = (x[number], targets[number], max_norm)
        kept = student.call("clipped_step", model, x[number], targets[number], handle, max_norm, keep=True)
        result, kinds, got, training, recorded = student.call(after_a_call, kept, model, log)
        right = before.after(_RIGHT, *data)
        if not _all_close(got, right.state):
            norm = result[1] if isinstance(result, (list, tuple)) and len(result) == 2 else None
            _explain_step(got, student.call(gradients_held, model), norm, before, right, recorded, data)
        _expect_loss_and_norm(result, kinds, before, right, data)
        if not training:
            hint = "In evaluation mode dropout does nothing, and BatchNorm collects no statistics. The model arrives "
            hint += "in training mode: leave the mode alone."
            raise CheckFailed("The training step switched the network to evaluation mode.", hint)
        before = right


# --- 5.5 ---------------------------------------------------------------------------------------


def build_forecaster(state, training, calls):
    """(B, T, 1) to (B, 1): a recurrent layer, dropout of its last output, and a linear layer.

    Adds to ``calls``, in each forward pass, the shape of the input, whether dropout acts, and whether a graph is
    recorded.
    """

    class Forecaster(nn.Module):
        def __init__(self):
            super().__init__()
            hidden = state["out.weight"].shape[1]
            self.rnn = nn.RNN(1, hidden, batch_first=True)
            self.drop = nn.Dropout(0.7)
            self.out = nn.Linear(hidden, 1)

        def forward(self, x):
            outputs, _ = self.rnn(x)
            prediction = self.out(self.drop(outputs[:, -1]))
            calls.append([list(x.shape), self.drop.training, prediction.requires_grad])
            return prediction

    model = Forecaster()
    model.load_state_dict(state)
    model.rnn.bias_hh_l0.requires_grad_(False)  # frozen, which generate must neither undo nor do to others
    return model.train(training)


def modes_of_layers(model):
    return [layer.training for layer in model.modules()]


def requires_gradient(value):
    return getattr(value, "requires_grad", False)


_NO_GRAPH = "Nothing is trained here: put the loop into `with torch.no_grad():`."


def _forecast(window: torch.Tensor, weights: list[torch.Tensor]) -> torch.Tensor:
    """The value (B, 1, 1) that a Forecaster with these weights predicts for a window (B, T, 1)."""
    *recurrent, out, bias = weights
    states = _unroll(_rnn, window, _zeros(window, out.shape[1]), recurrent)
    return (states[:, -1] @ out.mT + bias)[:, None]


def _expect_calls(calls: list, batch: int, length: int) -> None:
    """The model must have been called in evaluation mode, without a graph, and with windows of its length."""
    if any(drops for _, drops, _ in calls):
        hint = "Call model.eval() before the first prediction: in training mode dropout deletes numbers at random."
        raise CheckFailed("The model was in training mode while it predicted.", hint)
    if any(recorded for _, _, recorded in calls):
        raise CheckFailed("A graph was recorded.", _NO_GRAPH)
    for shape, _, _ in calls:
        if len(shape) == 3 and shape[0] <= batch and shape[1:] == [length, 1]:
            continue
        hint = "The model sees windows of shape (B, T, 1)."
        if len(shape) == 3 and shape[1] > length:
            hint = (
                "The window grew longer than start, and the network was trained on windows of T = start.shape[1] "
                "values: take the oldest value away, window[:, 1:], whenever one is added, and write no fixed length."
            )
        elif len(shape) == 3 and shape[1] < length:
            hint = (
                "The window is shorter than start: each prediction is added at the end of the window that the model "
                "saw before. T is start.shape[1], no fixed length."
            )
        words = {"expected": f"shape {(batch, length, 1)}", "got": f"shape {tuple(shape)}"}
        raise CheckFailed("The model was given a window of the wrong shape.", hint, kind="shape", **words)


def _expect_generated(got, start: torch.Tensor, steps: int, weights: list[torch.Tensor]) -> None:
    """``got`` must be the values that a Forecaster with these weights generates from ``start``."""

    def generated(advance):
        window = start
        predictions = []
        for _ in range(steps):
            predictions.append(_forecast(window, weights))
            window = advance(window, predictions[-1])
        return torch.cat(predictions, dim=1)

    length = start.shape[1]
    expected = generated(lambda window, new: torch.cat([window[:, 1:], new], 1))
    first = _forecast(start, weights).expand(-1, steps, -1)
    front = generated(lambda window, new: torch.cat([new, window[:, :-1]], 1))
    overwritten = generated(lambda window, new: torch.cat([window[:, :-1], new], 1))
    ahead = expected[:, -1:]
    if length == 1:
        ahead = _forecast(expected[:, -1:], weights)
    mistakes = [
        (torch.cat([start, expected], 1), "Return the generated values only, without those of start."),
        (torch.cat([start, expected], 1)[:, -length:], "This is the last window. Return each generated value."),
        (first, "Each prediction must go into the window: the next one is made from it."),
        (front, "The newest value belongs to the end of the window, and the oldest one, window[:, 0], leaves it."),
        (overwritten, "The window must move on: window[:, 1:] drops the oldest value, then the prediction is added."),
        (expected.flip(1), "The order of the values is that in which they were generated."),
        (expected.transpose(0, 1), "The batch comes first: torch.stack(predictions, dim=1)."),
        (expected[:, :, 0], "The shape is (B, steps, 1): torch.stack(predictions, dim=1) of (B, 1) each."),
        (ahead[:, 0], "Return all generated values, not only the last."),
    ]
    hints = {
        "shape": "The result has the shape (B, steps, 1).",
        "type": "torch.stack(predictions, dim=1) makes one tensor of a list of predictions.",
        "values": "For two steps: model(start) is the first value, and the second is the prediction for start without "
        "its first value and with that prediction at its end.",
    }
    expect(got, expected, what="The generated series", mistakes=mistakes, hints=hints, atol=1e-4)


@task(
    "5.5",
    "Let the network run free",
    points=3,
    difficulty=2,
    minutes=7,
    names=["generate"],
    hints=[
        "Keep two things: the window that the model sees next, and the list of its predictions. Each prediction goes "
        "into both.",
        "A prediction is (B, 1), the window (B, T, 1): `prediction.unsqueeze(1)` fits at the window's end. The new "
        "window is `torch.cat([window[:, 1:], ...], dim=1)`, and the given `start` stays as it is.",
        "Before the loop `was_training = model.training` and `model.eval()`; the loop stands inside "
        "`with torch.no_grad():`; after it `model.train(was_training)`, and `torch.stack(predictions, dim=1)` is the "
        "result, (B, steps, 1).",
    ],
    visible=4,
    hidden=6,
    on_error={
        "number of dimensions|same number of dim|2D, got|3D": "A prediction is (B, 1) and "
        "the window (B, T, 1): insert a dimension with prediction.unsqueeze(1), and cat along dim=1.",
        "Sizes of tensors must match": "Print both shapes: (B, T - 1, 1) and (B, 1, 1) fit along dim=1, the time. "
        "window[:, 1:] drops the oldest values, window[1:] a whole sequence.",
        "Inference tensors": "Inside inference_mode all is fine; after it, such tensors take no part in gradients. "
        "Use torch.no_grad().",
    },
)
def running_free(student: Student, rng, case: int) -> None:
    batch, length, steps = [(1, 4, 3), (2, 5, 6), (3, 3, 8), (2, 4, 1), (2, 1, 4)][case] if case < 5 else (0, 0, 0)
    if case >= 5:
        batch, length, steps = (int(rng.integers(a, b)) for a, b in ((1, 5), (2, 7), (2, 11)))
    training = case % 2 == 0
    student.case = f"batch of {batch}, window of {length}, {steps} step{'s' * (steps > 1)}, the model arrives in "
    student.case += f"{'training' if training else 'evaluation'} mode"
    hidden = 5
    weights = [*_weights(rng, 1, hidden, 1), normal(rng, 1, hidden, scale=0.6), normal(rng, 1)]
    names = [*(f"rnn.{name}" for name in _RECURRENT), "out.weight", "out.bias"]
    start = normal(rng, batch, length, 1)
    log = student.put([])
    state = dict(zip(names, weights, strict=True))
    model = student.call(build_forecaster, state, training, log, keep=True)
    student.call(leave_gradients, model, {name: normal(rng, *weight.shape) for name, weight in state.items()})
    before = student.call(network_now, model)

    kept = student.call("generate", model, start, steps, keep=True)
    _expect_calls(student.seen(log, "The model", hint="Each value is a prediction: model(window)."), batch, length)
    _expect_generated(student.get(kept), start, steps, weights)
    if any(mode != training for mode in student.call(modes_of_layers, model)):
        hint = "Note model.training before eval(), and put it back in the end with model.train(was_training)."
        raise CheckFailed("The model is in another mode than before.", hint)
    _expect_untouched(student, model, before)
    if student.call(requires_gradient, kept):
        raise CheckFailed("The result requires a gradient.", _NO_GRAPH)


# --- 5.6 ---------------------------------------------------------------------------------------


@task(
    "5.6",
    "The last output that counts",
    points=2,
    difficulty=1,
    minutes=4,
    names=["last_valid"],
    hints=[
        "A sequence of length 3 has its last output at index 2. Each sequence has an index of its own.",
        "Two lists of indices at once pick pairs: `outputs[[0, 1, 2], [4, 2, 6]]` is `outputs[0, 4]`, `outputs[1, 2]` "
        "and `outputs[2, 6]`.",
        "`outputs[torch.arange(len(lengths)), lengths - 1]`; a loop that stacks `outputs[i, lengths[i] - 1]` will do "
        "as well.",
    ],
    on_error={
        "out of bounds for dimension 0": "Dimension 0 of outputs is the batch, dimension 1 the steps: each sequence "
        "needs its own number first, and then the index of its last step.",
        "out of bounds|out of range": "The last index of a sequence is its length minus 1.",
        "shape mismatch|could not be broadcast": "The two lists of indices need the same length, that of the batch.",
        "Index tensor must have the same number of dim": "gather wants an index of as many dimensions as outputs has, "
        "here (B, 1, H). Two lists of indices are easier: one with the numbers of the sequences, one with those of "
        "the steps.",
        "only integer tensors|must be long|Index tensor": "Indices are whole numbers: lengths - 1.",
        "only one element tensors": "torch.tensor makes a tensor of numbers. torch.stack makes one of a list of "
        "tensors.",
        **_CUT,
    },
)
def last_outputs(student: Student, rng, case: int) -> None:
    sizes = [(3, 6, 2), (4, 4, 3), (1, 3, 2), (3, 1, 2)]
    batch, steps, hidden = sizes[case] if case < 4 else rng.integers(2, 7, 3).tolist()
    outputs = normal(rng, batch, steps, hidden)
    lengths = rng.integers(1, steps + 1, batch)
    if case < 2:
        lengths = np.asarray([[3, 5, 1], [2, 1, 4, 2]][case])
    student.case = f"{batch} sequence{'s' * (batch > 1)}, padded to {steps}"
    padding = np.arange(steps)[None] >= lengths[:, None]
    if case % 3 == 2:
        outputs[padding] = 0
    elif case % 3 == 1:
        outputs[padding] = torch.from_numpy(rng.choice([np.nan, np.inf, 1e30], (int(padding.sum()), hidden))).float()
        student.case += " with nan, inf and 1e30"
    student.case += f" | lengths = {lengths.tolist()}"
    lengths = torch.from_numpy(lengths)
    rows = torch.from_numpy(np.arange(batch))
    inside = torch.from_numpy(np.arange(steps)) < lengths[:, None]
    expected = outputs[rows, lengths - 1]
    mean = outputs.where(inside[:, :, None], torch.zeros(())).sum(1) / lengths[:, None]
    late = "The index was one too large: a sequence of length n ends at index n - 1."
    mistakes = [
        (outputs[:, -1], "These are the outputs at the end of the padded rows: padding, for every sequence that is "
         "shorter than the longest. Nothing in the outputs shows where the padding begins: the lengths do."),
        (outputs[rows, lengths.clamp(max=steps - 1)], late),
        (outputs[rows, lengths % steps], late),
        (outputs[rows, lengths - 2], "The index was one too small: the last of n outputs has index n - 1."),
        (outputs[:, lengths - 1], "outputs[:, lengths - 1] takes every index from every sequence. Give the numbers of "
         "the sequences too: outputs[torch.arange(B), lengths - 1]."),
        (outputs[:, int(lengths.max()) - 1], "Each sequence has a length of its own."),
        (outputs[:, int(lengths[0]) - 1], "Each sequence has a length of its own."),
        (outputs[rows, -lengths], "Counted from the end of the padded row: the index is lengths - 1, from the front."),
        (outputs[:, 0], "This is the first output of each sequence."),
        (mean, "This is the mean over the sequence: one output of it is asked for, the last."),
        (expected[:, None], "The shape is (B, H), without a dimension of time."),
    ]  # fmt: skip
    hints = {
        "shape": "One output for each sequence: (B, H).",
        "values": "Row i of the result is outputs[i, lengths[i] - 1]: compare them one by one.",
        "nonfinite": "What stands in the padding may be nan or inf, and 0 * nan is nan: pick the outputs by their "
        "index, and multiply nothing by 0.",
    }
    got = student.call("last_valid", outputs, lengths)
    expect(got, expected, what="The result", mistakes=mistakes, hints=hints)
    upstream = normal(rng, batch, hidden)
    leaf = outputs.clone().requires_grad_()
    right = torch.autograd.grad(leaf[rows, lengths - 1], leaf, upstream)
    got = student.call(gradients_of, student.value("last_valid"), upstream, outputs, lengths)
    hint = "Pick the outputs with tensor operations: only then gradients flow back to them."
    expect(got, right, what="The gradient that flows back", hints={"values": hint, "nonfinite": hint, "none": hint})


# --- 5.7 ---------------------------------------------------------------------------------------


def build_gru(state, layers):
    inputs = state["weight_ih_l0"].shape[1]
    hidden = state["weight_hh_l0"].shape[1]
    model = nn.GRU(inputs, hidden, layers, batch_first=True)
    model.load_state_dict(state)
    return model


def gru_settings(model):
    return [model.training, model.batch_first]


def gradients_of_weights(result, model, upstream):
    return torch.autograd.grad(result, list(model.parameters()), upstream, allow_unused=True)


def _run_gru(stack: list[list[torch.Tensor]], sequence: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """States of the last layer, (T, H), and the last state of the first layer, (H,)."""
    states = sequence[None]
    final = []
    for weights in stack:
        states = _unroll(_gru, states, _zeros(states, weights[1].shape[1]), weights)
        final.append(states[0, -1])
    return states[0], final[0]


def _expect_final_states(got, stack: list[list[torch.Tensor]], sequences: list[torch.Tensor]) -> None:
    """``got`` must be the last state of the last layer for each sequence, (N, H)."""
    lengths = [len(sequence) for sequence in sequences]
    longest = max(lengths)
    features = sequences[0].shape[1]
    runs = [_run_gru(stack, sequence) for sequence in sequences]
    expected = torch.stack([states[-1] for states, _ in runs])

    def last_states(changed):
        return torch.stack([_run_gru(stack, sequence)[0][-1] for sequence in changed])

    zeros = [s.new_zeros(longest - len(s), features) for s in sequences]
    without_zeros = last_states(s[: 1 + int(s.any(1).nonzero().max())] for s in sequences)
    behind = last_states(torch.cat([s, z]) for s, z in zip(sequences, zeros, strict=True))
    before = last_states(torch.cat([z, s]) for s, z in zip(sequences, zeros, strict=True))
    short = last_states(s[: min(lengths)] for s in sequences)
    blank = torch.stack([expected[i] * (n == longest) for i, n in enumerate(lengths)])
    early = torch.stack([states[0] for states, _ in runs])
    before_last = torch.stack([states[max(len(states) - 2, 0)] for states, _ in runs])
    first_layer = torch.stack([first for _, first in runs])
    falling = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    rising = sorted(range(len(lengths)), key=lambda i: lengths[i])
    given = "The sequences must keep their order. With enforce_sorted=False nothing has to be sorted."
    mistakes = [
        (behind, "The GRU went on through the padding. Pack the padded batch, so that each sequence ends where it "
         "ends."),
        (before, "Zeros in front of a sequence change the state too, through the biases. Pack instead."),
        (blank, "pad_packed_sequence fills the short outputs with zeros, so [:, -1] is 0 for them. The GRU's second "
         "result, h_n, is what is asked for."),
        (expected[falling], given),
        (expected[rising], given),
        (expected[rising].flip(0), given),
        (expected.flip(0), given),
        (short, "The long sequences were cut: every value counts."),
        (without_zeros, "Zeros at the end of a sequence belong to it: its length is len(sequence), before padding."),
        (first_layer, "h_n[0] is the state of the first layer. Asked for is that of the last, h_n[-1]."),
        (early, "This is the state after the first step of each sequence."),
        (before_last, "This is the state one step before the end of each sequence."),
        (expected[None], "h_n, the second of the two results of the GRU, has a dimension of the layers in front: take "
         "h_n[-1]."),
        (torch.stack([states.mean(0) for states, _ in runs]), "The last state is asked for, not the mean of all."),
    ]  # fmt: skip
    if len(stack) > 1:
        both = torch.stack([first_layer, expected])
        mistakes.append((both, "h_n has a dimension of the layers in front: take h_n[-1], that of the last layer."))
    hints = {
        "shape": "One state for each sequence, of the last layer: (N, H).",
        "values": "Compare one row with what the GRU gives for that sequence alone, rnn(sequence.unsqueeze(0)).",
        "type": "A tensor of shape (N, H): if you have a list of states, torch.stack makes one of it.",
    }
    expect(got, expected.detach(), what="The result", mistakes=mistakes, hints=hints)


@task(
    "5.7",
    "Many lengths in one batch",
    points=3,
    difficulty=3,
    minutes=8,
    names=["encode"],
    hints=[
        "One sequence at a time, `rnn(sequence.unsqueeze(0))`, is right and slow. To do all at once: pad, pack, run.",
        "`pad_sequence(sequences, batch_first=True)` makes one tensor (N, T, F). `pack_padded_sequence(padded, "
        "lengths, batch_first=True, enforce_sorted=False)` tells the GRU where each sequence ends, in any order; "
        "`lengths` is a list of Python ints.",
        "`_, h_n = rnn(packed)`: `h_n` has the shape (layers, N, H), already in your order. The last layer is "
        "`h_n[-1]`.",
    ],
    on_error={
        "sorted in decreasing order": "The sequences come in any order: enforce_sorted=False, and PyTorch sorts and "
        "puts back by itself.",
        "stack expects each tensor to be equal size": "Sequences of different lengths do not stack: pad_sequence fills "
        "the short ones up.",
        "lengths.*CPU|on the CPU|cpu int64": "lengths must lie on the CPU: a list of Python ints does.",
        "expected to have|input.size\\(-1\\) must be|Expected 2D or 3D|inconsistent": "Look at what goes into the GRU: "
        "(N, T, F), since it is batch_first. pad_sequence needs batch_first=True as well.",
        "exceeds dimension size|equal to batch_size": "Both pad_sequence and pack_padded_sequence need "
        "batch_first=True.",
        "'list' object has no attribute": "A GRU takes a tensor or a packed batch, and no list: pad_sequence makes one "
        "tensor of the list, pack_padded_sequence a packed batch of that.",
        "tuple indices must be": "A GRU returns two things, its outputs and h_n, and the outputs of a packed batch are "
        "packed too. The last states are in h_n: _, h_n = rnn(packed).",
        "Length of all samples|larger than|has to be greater|shape mismatch": "lengths is len(s) of each sequence, in "
        "the order of the list, before padding.",
        **_CUT,
    },
)
def different_lengths(student: Student, rng, case: int) -> None:
    lengths = [[2, 4, 3], [1, 5, 5, 2], [3], [4, 4], [1, 2, 3, 6]][case] if case < 5 else None
    lengths = lengths or rng.integers(1, 8, int(rng.integers(2, 6))).tolist()
    layers = 2 if case % 3 == 1 else 1
    features = int(rng.integers(1, 4))
    hidden = int(rng.integers(2, 5))
    student.case = f"lengths {', '.join(map(str, lengths))}; a GRU of {layers} layer{'s' * (layers > 1)}, "
    student.case += f"{features} feature{'s' * (features > 1)}, {hidden} hidden units"
    sequences = [normal(rng, n, features) for n in lengths]
    if case % 2:  # a real 0 is no padding
        sequences[0][1:] = 0
        sequences[-1][max(1, lengths[-1] - 1) :] = 0
    stack = [_weights(rng, hidden if layer else features, hidden, 3) for layer in range(layers)]
    state = {}
    for layer, weights in enumerate(stack):
        for name, weight in zip(_RECURRENT, weights, strict=True):
            state[f"{name[:-1]}{layer}"] = weight
    rnn = student.call(build_gru, state, layers, keep=True)
    before = student.call(network_now, rnn)
    settings = student.call(gru_settings, rnn)
    given = student.put(sequences)
    kept = student.call("encode", rnn, given, keep=True)
    after = student.get(given)
    if not isinstance(after, list) or len(after) != len(sequences) or not all(map(close, after, sequences)):
        hint = (
            "sequences.sort(), .pop() and .append() change the caller's list: sorted(sequences, ...) makes a new one. "
        )
        hint += "An operation in place, such as padding written into a sequence, changes a tensor in it."
        raise CheckFailed("The list that was given has changed.", hint, kind="in place")
    _expect_final_states(student.get(kept), stack, sequences)
    _expect_untouched(student, rnn, before)
    if student.call(gru_settings, rnn) != settings:
        hint = "The function only uses the GRU: leave rnn.batch_first alone, and call neither rnn.eval() nor "
        hint += "rnn.train()."
        raise CheckFailed("The GRU is in another mode, or has another batch_first, than before.", hint)

    weights = [w.requires_grad_() for layer in stack for w in layer]
    states = torch.stack([_run_gru(stack, sequence)[0][-1] for sequence in sequences])
    upstream = normal(rng, *states.shape)
    right = torch.autograd.grad(states, weights, upstream)
    got = student.call(gradients_of_weights, kept, rnn, upstream)
    hint = "The GRU in front of a classifier must learn: no torch.no_grad(), no detach(), and no copy of the GRU."
    hints = {"none": hint, "values": hint}
    expect(got, right, what="The gradient of the GRU's weights", hints=hints, rtol=1e-3, atol=1e-4)


# --- 5.8 ---------------------------------------------------------------------------------------


def load_parameters(model, state):
    model.load_state_dict(state, strict=False)


def gradients_of_parameters(model, x, upstream):
    """The gradients of all parameters by name, in training mode."""
    parameters = dict(model.train().named_parameters())
    gradients = torch.autograd.grad(model(x), list(parameters.values()), upstream, allow_unused=True)
    return dict(zip(parameters, gradients, strict=True))


def predictions_twice(model, x):
    """The outputs of two calls of the network with the same rows."""
    with torch.no_grad():
        return model(x), model(x)


def ready_made_layers(model):
    """The classes of those layers of PyTorch that hold no parameter and no other layer."""
    layers = [layer for layer in model.modules() if not list(layer.parameters()) and not list(layer.children())]
    return [type(layer).__name__ for layer in layers if type(layer).__module__.startswith("torch.nn")]


def _parts(state: dict[str, torch.Tensor], width: int, hidden: int) -> list[str]:
    """The names of a Completer's parameters: the four of the GRU, then weight and bias of the linear layer."""
    names: list[str] = []
    for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        matching = [name for name in state if part in name]
        if len(matching) != 1:
            hint = "One nn.GRU of one layer, in one direction, with biases, stored in self in __init__."
            raise CheckFailed(
                "The network must hold exactly one GRU of one layer.", hint, got=f"parameters {list(state)}"
            )
        names += matching
    rest = sorted((name for name in state if name not in names), key=lambda name: -state[name].dim())
    if [state[name].dim() for name in rest] != [2, 1]:
        hint = "Besides the GRU there is one nn.Linear(hidden, width), stored in self in __init__, and nothing else."
        raise CheckFailed("The network must hold exactly one linear layer.", hint, got=f"parameters {list(state)}")
    names += rest
    shapes = [tuple(state[name].shape) for name in names]
    gates = shapes[0][0] // max(1, shapes[1][1])
    hint = "The GRU is nn.GRU(width, hidden, batch_first=True), the linear layer nn.Linear(hidden, width)."
    if gates in (1, 4):
        hint = f"The weights are those of an nn.{'RNN' if gates == 1 else 'LSTM'}. This task asks for an nn.GRU."
    right = [(3 * hidden, width), (3 * hidden, hidden), (3 * hidden,), (3 * hidden,), (width, hidden), (width,)]
    for name, shape, wanted in zip(names, shapes, right, strict=True):
        if shape != wanted:
            raise CheckFailed(f"The parameter {name} has the wrong shape, {shape}.", hint)
    return names


def _states(weights: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    return _unroll(_gru, x, _zeros(x, weights[1].shape[1]), weights[:4])


def _rows(weights: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """The predictions of a Completer with these weights, in the order of :func:`_parts`."""
    return _states(weights, x) @ weights[4].mT + weights[5]


def _expect_predictions(got, x: torch.Tensor, weights: list[torch.Tensor]) -> None:
    """``got`` must be the outputs of a Completer with these weights."""
    expected = _rows(weights, x)
    if close(got, expected):
        return
    if isinstance(got, (list, tuple)) and got and close(got[0], expected):
        hint = "The last state that nn.GRU gives back stays inside forward: return the predictions alone."
        raise CheckFailed("forward returns more than the predictions.", hint, kind="type")
    states = _states(weights, x)
    turned = _rows(weights, x.transpose(0, 1)).transpose(0, 1)
    single = torch.cat([_rows(weights, row) for row in x.split(1, dim=1)], dim=1)
    activation = "Nothing follows the linear layer: its outputs are the predicted rows."
    every = "A prediction for every row is asked for, not for the last only: (B, T, W)."
    last = "Here the linear layer got the last state, the second result of nn.GRU: the first holds the states of all "
    "rows."
    last_row = expected[:, -1]
    between = "Nothing stands between the GRU and the linear layer."
    mistakes = [
        (turned, "batch_first=True is missing: the GRU took the pictures for time steps. No shape shows this mistake."),
        (states, "The linear layer is not used: it makes rows of width W of the states."),
        (last_row[None], last),
        (last_row, every),
        (expected[:, -1:], every),
        (expected.clamp(0, 1), activation),
        (expected.clamp(min=0), activation),
        (expected.sigmoid(), activation),
        (expected.tanh(), activation),
        (expected + x, "The prediction is the linear layer's output. The input row is not added."),
        (states.relu() @ weights[4].mT + weights[5], between),
        (states.tanh() @ weights[4].mT + weights[5], between),
        (single, "Each row was read on its own: the GRU must see the rows one after the other, to remember."),
        (expected.flip(1), "The order of the predictions is that of the rows."),
    ]
    hints = {
        "shape": "One predicted row for every row: (B, T, W) goes in, (B, T, W) comes out.",
        "none": "forward ends with return.",
        "type": "forward returns one tensor, (B, T, W): the linear layer's outputs.",
        "values": "forward is the GRU, and then the linear layer on all of its outputs.",
    }
    expect(got, expected, what="The output of the network", mistakes=mistakes, hints=hints)


def _expect_picture(got, top: torch.Tensor, count: int, weights: list[torch.Tensor]) -> None:
    """``got`` must be the picture of the rows ``top`` and ``count`` predicted rows below them."""

    def continued(extend):
        picture = top
        for _ in range(count):
            picture = torch.cat([picture, extend(picture)], dim=1)
        return picture

    picture = continued(lambda p: _rows(weights, p)[:, -1:])
    if close(got, picture, atol=1e-4):
        return
    forgetful = [predicted[:, -1:] for predicted in [_rows(weights, top)]]
    while len(forgetful) < count:
        forgetful.append(_rows(weights, forgetful[-1]))
    given = top.shape[1]
    new = picture[:, given:]
    predicted = _rows(weights, top)
    unclamped = "The new rows were cut off at 0 or 1. Put each row below as the model gives it: clamp when you show it."
    memory = "The network must see the whole picture so far, not the last row alone: in each call its memory is empty."
    whole = "Return the whole picture: the given rows, and the new ones below."
    stay = "The given rows stay as they are: only new rows come from the model."
    mistakes = [
        (new, whole),
        (torch.cat([top, predicted[:, -1:].expand(-1, count, -1)], 1), "Each new row must go back in: the next "
         "prediction is made from the picture that holds it."),
        (continued(lambda p: _rows(weights, p[:, -1:])), memory),
        (torch.cat([top, *forgetful], 1), memory),
        (continued(lambda p: _rows(weights, p)[:, -1:].clamp(0, 1)), unclamped),
        (torch.cat([top, new.clamp(0, 1)], 1), unclamped),
        (picture.clamp(0, 1), unclamped),
        (continued(lambda p: _rows(weights, p[:, -given:])[:, -1:]), "Here the first rows are dropped as new ones are "
         "added. The network sees the whole picture so far."),
        (continued(lambda p: _rows(weights, p)[:, :1]), "The prediction for the *last* row so far is the next row: "
         "model(picture)[:, -1:]."),
        (continued(lambda p: p[:, -1:]), "This repeats the last row. Ask the model for the next one."),
        (torch.cat([predicted, new], 1), stay),
        (torch.cat([top[:, :1], predicted, new[:, 1:]], 1), stay),
        (torch.cat([top, predicted], 1), "The model's output holds a prediction for every row. Only the last one is "
         "new: model(picture)[:, -1:]."),
        (torch.cat([top, new.flip(1)], 1), "New rows stand below the others, in the order in which they were made."),
        (torch.cat([new.flip(1), top], 1), "New rows stand below the others: torch.cat([picture, row], dim=1)."),
        (picture[:, :-1], "One row is missing: `rows` new ones are wanted."),
    ]  # fmt: skip
    shape = "The picture has the given rows and `rows` new ones: (B, T + rows, W)."
    values = "For one new row: the given rows as they are, and below them model(top)[:, -1:], the prediction for the "
    values += "last row, unchanged. For the next one, the same again with this longer picture."
    hints = {"shape": shape, "values": values}
    expect(got, picture, what="The picture", mistakes=mistakes, hints=hints, atol=1e-4)


@task(
    "5.8",
    "Complete a picture, row by row",
    points=5,
    difficulty=3,
    minutes=12,
    names=["Completer", "complete"],
    hints=[
        "The GRU's first result holds the states of *all* rows, (B, T, H). A linear layer works on the last dimension "
        "and leaves the others alone: one call for all rows. To complete, which of the predictions is new?",
        "`forward` is `outputs, _ = self.gru(x)` and `return self.linear(outputs)`. In `complete`, the prediction for "
        "the last row so far, `model(picture)[:, -1:]`, has the shape (B, 1, W): it is the next row.",
        "In `__init__`, after `super().__init__()`: `self.gru = nn.GRU(width, hidden, batch_first=True)` and "
        "`self.linear = nn.Linear(hidden, width)`. In `complete`, inside `with torch.no_grad():`, `rows` times "
        "`picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)`.",
    ],
    hidden=5,
    on_error={
        "cannot assign module before": "The first line of __init__ is super().__init__().",
        "forward\\(\\) (takes 2|got an unexpected)": "`model` takes the rows and nothing else, and keeps no state from "
        "one call to the next: give it the whole picture so far, model(picture).",
        "values to unpack": "nn.GRU returns two things, all outputs and the last state. The model that `complete` gets "
        "returns one, the predictions (B, T, W).",
        "'Network' object has no attribute": "`complete` is for any network that maps rows to the next rows: call "
        "model(picture), and use no part of it by name.",
        "'tuple' object|tuple, not|must be Tensor, not tuple": "nn.GRU returns two things, all outputs and the last "
        "state: outputs, _ = self.gru(x).",
        "number of dimensions|same number of dim|Sizes of tensors must match|must match except": "A new row must be "
        "(B, 1, W) to fit below the others: model(picture)[:, -1:], and cat along dim=1.",
        "input.size\\(-1\\) must be|shapes cannot be multiplied|expected to have": "The GRU's input size is width, its "
        "state has the size hidden; the linear layer leads from hidden back to width.",
        "'Completer' object has no attribute": "What forward uses must be stored under the same name in __init__: "
        "self.gru = ...",
        "takes \\d+ positional|unexpected keyword|missing \\d+ required": "Completer(width, hidden) and "
        "complete(model, top, rows): keep the arguments as given.",
    },
)
def completion(student: Student, rng, case: int) -> None:
    batch, steps, width, hidden = [(3, 3, 4, 5), (2, 3, 5, 7), (1, 6, 3, 4)][case] if case < 3 else (0, 0, 0, 0)
    if case >= 3:
        batch, steps, width, hidden = (int(rng.integers(a, b)) for a, b in ((1, 5), (2, 6), (3, 7), (7, 10)))
    student.case = f"Completer({width}, {hidden}), batch of {batch}, {steps} rows"
    model = student.module(student.call("Completer", width, hidden, keep=True))
    names = _parts(model.parameters, width, hidden)
    weights = [*_weights(rng, width, hidden, 3), normal(rng, width, hidden), normal(rng, width)]
    student.call(load_parameters, model.handle, dict(zip(names, weights, strict=True)))
    x = normal(rng, batch, steps, width)

    _expect_predictions(model.forward(x), x, weights)
    if not close(model.forward(x, training=True), _rows(weights, x)):
        hint = "The GRU and the linear layer do the same in both modes. Is there a layer such as Dropout or BatchNorm? "
        hint += "The network is to hold nothing else."
        raise CheckFailed("In training mode the network gives other predictions than in evaluation mode.", hint)
    first, second = student.call(predictions_twice, model.handle, x)
    if not close(first, second):
        hint = "Each call begins with an empty memory, as self.gru(x) does when no state is given: keep none in self."
        raise CheckFailed("The same rows give other predictions when the network is called again.", hint)
    if more := student.call(ready_made_layers, model.handle):
        hint = "The network is one nn.GRU and one nn.Linear, and nothing else."
        raise CheckFailed("The network holds more than a GRU and a linear layer.", hint, got=", ".join(more))
    leaves = [w.clone().requires_grad_() for w in weights]
    upstream = normal(rng, batch, steps, width)
    right = torch.autograd.grad(_rows(leaves, x), leaves, upstream)
    got = student.call(gradients_of_parameters, model.handle, x, upstream)
    hint = "The predictions are right, but training would not move this parameter as it should: no .detach(), no .data "
    hint += "and no no_grad in forward, so that gradients reach both layers."
    hints = {"none": hint, "values": hint}
    expected = dict(zip(names, right, strict=True))
    expect(got, expected, what="The gradient of the parameters", hints=hints, rtol=1e-3, atol=1e-4)

    # The second part has a network of our own, so that it can be right if the first one is not.
    count = [2, 4, 1][case] if case < 3 else int(rng.integers(1, 6))
    top = x[:, : max(1, steps - 1)]
    student.case = f"complete: batch of {batch}, {top.shape[1]} row{'s' * (top.shape[1] > 1)} given, {count} wanted, "
    student.case += f"of width {width}"
    weights[:4] = [0.7 * w for w in weights[:4]]
    weights[4:] = [0.5 * w for w in weights[4:]]
    state = {f"rnn.{n}": w for n, w in zip(_RECURRENT, weights[:4], strict=True)}
    state |= {"out.weight": weights[4], "out.bias": weights[5]}
    log = student.put([])
    network = student.call(build_recurrent_network, state, "GRU", {}, log, keep=True)
    before = student.call(network_now, network)

    kept = student.call("complete", network, top, count, keep=True)
    if any(student.seen(log, "The model", hint="The next row is a prediction: model(picture)[:, -1:].")):
        raise CheckFailed("A graph was recorded.", _NO_GRAPH)
    _expect_picture(student.get(kept), top, count, weights)
    _expect_untouched(student, network, before)
    if student.call(requires_gradient, kept):
        raise CheckFailed("The picture requires a gradient.", _NO_GRAPH)
