"""Checks of exercise 3: autograd, data sets and loaders, the training loop.

A function that is no task and has no leading underscore is sent to the student's process, as source.
"""

import inspect
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from lecture_utils.grading import CheckFailed, Code, Handle, Student, StudentError, close, expect, normal, task
from lecture_utils.grading.student import call_and_list_functions

SETUP = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset
from lecture_utils import check, hand_in, load_dataset, progress, show_images
"""


def _labels(rng: np.random.Generator, size: int, classes: int) -> torch.Tensor:
    return torch.from_numpy(rng.integers(0, classes, size))


def _formula(function: Callable) -> str:
    """The expression that a function of one line returns, as it is written in this file."""
    return inspect.getsource(function).partition("return ")[2].strip()


def log_calls(function, log):
    """Return a function that logs the dtype and shape of its argument and calls the given one."""

    def logged(x):
        log.append((str(getattr(x, "dtype", "")), list(np.shape(x))))
        return function(x)

    return logged


# --- 3.1 ---------------------------------------------------------------------------------------


def mean_of_a_parabola(x):
    return ((2 * x - 1) ** 2 + 3 * x).mean()


def sum_of_a_cubic(x):
    return (x**3 - 2 * x).sum()


def mean_times_sum(x):
    return (x * x.sum()).mean()


def square_of_a_sum(x):
    return (x.sin() * x).sum() ** 2


def sum_of_shares(x):
    return (x.exp() / (1 + x.exp().sum())).sum()


def sum_with_a_constant_factor(x):
    return (x * x.detach() + x.sin()).sum()


# Each takes a tensor of any shape and returns one number; the first is the function of the text. The last holds a
# factor that autograd takes for a constant, so no quotient of differences has its gradient.
FUNCTIONS = (
    mean_of_a_parabola,
    sum_of_a_cubic,
    mean_times_sum,
    square_of_a_sum,
    sum_of_shares,
    sum_with_a_constant_factor,
)


def call_without_autograd(function, x):
    """Call a function without recording a graph; return the file and name of each function that it called."""
    with torch.inference_mode():
        return call_and_list_functions(function, x)[1]


CALL_WITHOUT_AUTOGRAD = Code.of(call_without_autograd, call_and_list_functions)
# Files of PyTorch's that differentiate; torch/autograd also holds no_grad, which differentiates nothing.
AUTOGRAD_FILES = (
    "torch/autograd/__init__.py",
    "torch/autograd/functional.py",
    "torch/autograd/forward_ad.py",
    "torch/_functorch/eager_transforms.py",
)


def tensor_with_gradient(x, gradient):
    """A leaf that already has this gradient; without one, a tensor that requires no gradient."""
    if gradient is not None:
        x.requires_grad_()
        x.grad = gradient
    return x


def describe_tensor(x):
    """Values, requires_grad and gradient."""
    return x, x.requires_grad, x.grad


_NO_LEAF = (
    "backward() returns nothing: the gradient lies in .grad of the leaf that went into f. If x requires a gradient, "
    "x.clone() is not a leaf: detach first, x.detach().clone()."
)


@task(
    "3.1",
    "A gradient by hand and by autograd",
    points=2,
    difficulty=1,
    minutes=6,
    names=["gradient_by_hand", "gradient_by_autograd"],
    hints=[
        "By hand: the derivative of a mean over $n$ elements has the factor $1/n$, and the square needs the chain "
        "rule: outer derivative times inner derivative. By autograd: which tensor has to require a gradient, yours or "
        "the caller's?",
        "By hand, each element is $(4\\,(2x_i - 1) + 3) / n$, and `x.numel()` is $n$ for a tensor of any shape. By "
        "autograd, make a leaf of your own that has the values of `x` and shares nothing else with it.",
        "`leaf = x.detach().clone().requires_grad_()`, then `f(leaf).backward()`. The gradient lies in `leaf.grad`.",
    ],
    on_error={
        "scalar outputs": "`backward` starts from one number. Call it on `f(...)`, which is one.",
        "len\\(\\) of a 0-d tensor": "A tensor of shape () has no length, but it has one element: x.numel().",
        "not require grad": "The tensor that goes into f must require a gradient before f is called.",
        "only Tensors created explicitly by the user|backward through the graph": "Make a new leaf in each call: "
        "x.detach().clone().requires_grad_().",
    },
)
def hand_and_autograd(student: Student, rng, case: int) -> None:
    shapes = {0: (3,), 1: (2, 3), 2: (4,), 3: (), 4: (1,), 5: (2, 1, 3)}
    shape = shapes[case] if case in shapes else tuple(rng.integers(2, 5, int(rng.integers(1, 4))).tolist())
    x = normal(rng, *shape, dtype="float64" if case % 4 == 1 else "float32")
    student.case = f"x of shape {shape}, {str(x.dtype).removeprefix('torch.')}"
    inner = 2 * x - 1
    n = x.numel()
    mistakes = [
        (4 * inner + 3, "The factor of the mean is missing: each element has a share of 1 / n in it."),
        ((2 * inner + 3) / n, "The chain rule: the inner part 2x - 1 has the derivative 2."),
        ((4 * inner + 3 * x) / n, "The derivative of 3x is 3, without an x."),
        (4 * inner / n, "The term 3x has a derivative too."),
        (4 * inner / n + 3, "The mean divides the whole sum by n, the part that comes from 3x as well."),
        ((inner**2 + 3 * x).mean(), "This is y itself. What is wanted is its derivative by each element of x."),
    ]
    if x.dim() > 1:
        mistakes.append(((4 * inner + 3) / len(x), "len(x) is the number of rows only: x.numel() counts all elements."))
    got = student.call("gradient_by_hand", x)
    expect(got, (4 * inner + 3) / n, what="The gradient by hand", mistakes=mistakes)
    hint = "Differentiate on paper, and write down the result: 4 (2x - 1) + 3, and the factor that comes from the mean."
    try:
        functions = student.call(CALL_WITHOUT_AUTOGRAD, student.value("gradient_by_hand"), x)
    except StudentError as error:
        if error.kind != "RuntimeError":
            raise
        raise CheckFailed("gradient_by_hand fails where autograd is switched off: it uses autograd.", hint) from None
    if any(part in file.replace("\\", "/") for part in AUTOGRAD_FILES for file, _ in functions):
        raise CheckFailed("gradient_by_hand uses autograd.", hint)

    f = FUNCTIONS[{0: 0, 1: 5}.get(case, int(rng.integers(1, len(FUNCTIONS))))]
    leaf = x.clone().requires_grad_()
    value = f(leaf)
    (expected,) = torch.autograd.grad(value, leaf)
    old = normal(rng, *shape).to(x.dtype) if case % 3 == 2 else None
    left = "requires a gradient and has one already" if old is not None else "requires no gradient"
    student.case += f" | f is {_formula(f)}, and its x {left}"
    given = student.call(tensor_with_gradient, x, old, keep=True)
    got = student.call("gradient_by_autograd", Code.of(f), given)
    mistakes = [(value.detach(), "This is f(x). Call backward() on it, and return the gradient of your leaf.")]
    if case:
        text = "This is the gradient of the function in the text. f may be any function: call f itself."
        mistakes.append(((4 * inner + 3) / n, text))
    if f is sum_with_a_constant_factor:
        text = "This looks like a quotient of differences. Autograd treats what f detaches as a constant."
        mistakes.append((2 * x + x.cos(), text))
    if old is not None:
        added = "x had a gradient already, and backward() adds to what is there. Work on a leaf of your own."
        mistakes.append((old + expected, added))
        mistakes.append((old, "This is the gradient that x had before. Work on a leaf of your own."))
    expect(got, expected, what="The gradient by autograd", mistakes=mistakes, hints={"none": _NO_LEAF})
    values, requires_grad, grad = student.call(describe_tensor, given)
    hint = "Leave the given x alone: x.detach().clone() has its values and is a tensor of your own."
    if not torch.equal(values, x):
        raise CheckFailed("The values of the given x have changed.", hint)
    if requires_grad != (old is not None):
        raise CheckFailed("requires_grad of the given x has changed.", hint)
    if (grad is None) != (old is None) or (old is not None and not torch.equal(grad, old)):
        raise CheckFailed("The .grad of the given x has changed.", hint)


# --- 3.2 ---------------------------------------------------------------------------------------


def cubes_and_cubed_sum(t):
    return (t**3).sum() + t.sum() ** 3


def cubes_and_exponentials(t):
    return (t**3).mean() * 4 + t.exp().sum()


def exponentials_times_sum(t):
    return (t.exp() * t.sum()).sum()


def powers_of_sum_and_elements(t):
    return ((1 + t.sum()) ** 4).sum() + (t**5).sum()


# They are far from straight lines and from parabolas, and for one element alone each has another slope.
CURVES = (cubes_and_cubed_sum, cubes_and_exponentials, exponentials_times_sum, powers_of_sum_and_elements)


def transposed(x):
    return x.mT


def _quotients(f: Callable, x: torch.Tensor, delta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The slopes of f at x, in float64, from a step up of each element and from a step down."""
    flat = x.double().flatten()
    up = torch.empty_like(flat)
    down = torch.empty_like(flat)
    here = f(flat.view(x.shape))
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = delta
        up[i] = (f((flat + step).view(x.shape)) - here) / delta
        down[i] = (here - f((flat - step).view(x.shape))) / delta
    return up.view(x.shape), down.view(x.shape)


_OLD_IS_A_VIEW = (
    "This is (f(x + delta) - f(x)) / (2 * delta). Does the step down begin at x again, and not at x + delta? "
    "`old = x[i]` is not a copy: it is a view, which changes with x."
)


def _expect_arguments_of_f(calls: list, shape: list[int]) -> None:
    """All tensors that f got must be float64, and of the shape of x."""
    for dtype, called_shape in calls:
        if called_shape != shape:
            words = f"f was called with a tensor of shape {tuple(called_shape)}."
            raise CheckFailed(words, "f must get a tensor of the shape of x each time.")
        if dtype != "torch.float64":
            words = f"f was called with a tensor of {dtype.removeprefix('torch.')}."
            raise CheckFailed(words, "Convert x before the first step: x.double() has 16 digits, float32 only 7.")


@task(
    "3.2",
    "A gradient checker",
    points=3,
    difficulty=2,
    minutes=8,
    names=["numerical_gradient"],
    hints=[
        "One element after the other: only that element moves, up by `delta` and down by `delta`; all others stay. "
        "So `f` is called twice for each element.",
        "Shapes are easiest to handle with a flat copy, `flat = x.double().flatten()`. A step that moves element `i` "
        "only is a zero tensor of the same length with `delta` at place `i`. Give `flat + step` the shape of `x` "
        "before it goes into `f`.",
        "In the loop: `up, down = f((flat + step).view(x.shape)), f((flat - step).view(x.shape))`, and collect "
        "`(up - down) / (2 * delta)` in a list. At the end `torch.stack(slopes).view(x.shape)`.",
    ],
    on_error={
        "view size is not compatible": "The rows of this x do not lie one after the other in memory: use reshape or "
        "flatten in place of view.",
        "len\\(\\) of a 0-d tensor|0-dim tensor|iteration over a 0-d": "x may have any shape, () too. flatten() turns "
        "each of them into one row of numbers.",
        "is invalid for input of size": "f must get a tensor of the shape of x.",
    },
)
def gradient_checker(student: Student, rng, case: int) -> None:
    shapes = {0: (3,), 1: (2, 3), 2: (3, 2), 3: (), 4: (2, 2, 2), 7: (2, 4)}
    shape = shapes[case] if case in shapes else tuple(rng.integers(1, 4, int(rng.integers(1, 4))).tolist())
    delta = [0.1, 1e-5, 0.25][case % 3]
    f = CURVES[case % len(CURVES)]
    x = torch.from_numpy(np.asarray(rng.uniform(0.3, 1.2, shape), "float64" if case % 2 else "float32"))
    as_view = case % 5 == 2
    student.case = f"x of shape {shape}, {str(x.dtype).removeprefix('torch.')}"
    student.case += f"{', a transposed view' * as_view} | f(t) = {_formula(f)}, delta = {delta}"
    up, down = _quotients(f, x, delta)
    expected = (up + down) / 2
    leaf = x.double().clone().requires_grad_()
    (exact,) = torch.autograd.grad(f(leaf), leaf)
    together = (f(x.double() + delta) - f(x.double() - delta)) / (2 * delta)

    log = student.put([])
    function = student.call(log_calls, Code.of(f), log, keep=True)
    given = student.call(transposed, x.mT.contiguous(), keep=True) if as_view else student.put(x)
    got = student.call("numerical_gradient", function, given, delta)
    calls = student.seen(log, "f", "The slopes are quotients of differences of f: call it.")
    _expect_arguments_of_f(calls, list(shape))
    expect(
        got,
        expected,
        what="The gradient",
        mistakes=[
            (up, "This is the step up only, (f(x + delta) - f(x)) / delta. Take one up and one down."),
            (up / 2, _OLD_IS_A_VIEW),
            (down, "This is the step down only, (f(x) - f(x - delta)) / delta. Take one up and one down."),
            (expected * 2, "x - delta and x + delta are 2 * delta apart: divide by that."),
            (expected * delta**2, "Dividing by 2 * delta needs brackets: `/ 2 * delta` divides by 2 and multiplies."),
            (
                expected * 2 * delta,
                "Divide the difference of the two values by how far apart the places are, 2 * delta.",
            ),
            (-expected, "The sign is wrong: take the value after the step up minus the value after the step down."),
            (together.expand(shape), "All elements moved at the same time. Each slope needs a step of its own."),
            (expected.float().double(), "The slopes were rounded to float32 on the way: their tensor must be float64."),
            (exact, "This is nearly the derivative. The task asks for the quotient with the given delta."),
        ],
        hints={
            "shape": "The result has one slope for each element, so it has the shape of x.",
            "dtype": "The result is float64: convert x at the beginning, and build on what you get.",
            "values": "Print the tensors that f gets: is only one element moved in each, by delta, and are all others "
            "where they were?",
        },
        rtol=1e-8,  # a result that was rounded to float32 on the way is off by more
        atol=1e-8,
    )
    if not torch.equal(student.get(given), x):
        raise CheckFailed(
            "x has changed.",
            "x.double() is a copy only if x has another dtype: add .clone(). Adding delta and subtracting it again "
            "does not restore the number either, because of the rounding.",
        )


# --- 3.3 ---------------------------------------------------------------------------------------


def inverted(t):
    return 1 - t


def mirrored_and_darker(t):
    return t.flip(-1) / 2


def from_minus_one_to_one(t):
    return 2 * t - 1


def transposed_and_brighter(t):
    return t.mT + 1


TRANSFORMS = (inverted, mirrored_and_darker, from_minus_one_to_one, transposed_and_brighter)


def length_of(dataset):
    return len(dataset)


def bytes_kept(dataset):
    """The bytes of all tensors and arrays in the attributes of a data set; shared memory counts once."""
    found = {}
    values = [vars(dataset)]
    for value in values:  # the list grows while it is walked through
        if isinstance(value, torch.Tensor):
            storage = value.detach().cpu().untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
        elif isinstance(value, np.ndarray):
            while isinstance(value.base, np.ndarray):
                value = value.base
            found[value.ctypes.data] = max(value.nbytes, found.get(value.ctypes.data, 0))
        elif isinstance(value, (list, tuple)):
            values.extend(value)
        elif isinstance(value, dict):
            values.extend(value.values())
    return sum(found.values())


def sample_and_calls(dataset, index, log):
    """A sample, and what the transform logged for it."""
    before = len(log)
    sample = dataset[index]
    return sample, log[before:]


def all_batches(dataset, batch_size):
    return list(torch.utils.data.DataLoader(dataset, batch_size=batch_size))


@task(
    "3.3",
    "A data set of your own",
    points=3,
    difficulty=2,
    minutes=8,
    names=["DigitDataset"],
    hints=[
        "`__init__` only stores its three arguments in `self`; `__len__` and `__getitem__` use them. The work on an "
        "image is done when it is asked for.",
        "`self.images[index]` has the shape (H, W). Divide by 255, which turns it into float32, and put a dimension "
        "of size 1 in front with `unsqueeze(0)`. A label becomes a Python number with `int(...)` or `.item()`.",
        "`image = self.images[index].unsqueeze(0) / 255`, then `if self.transform is not None: image = "
        "self.transform(image)`, then `return image, int(self.labels[index])`.",
    ],
    on_error={
        "has no len\\(\\)": "len(dataset) calls the method __len__, with two underscores on each side.",
        "not subscriptable": "dataset[i] calls the method __getitem__, with two underscores on each side.",
        "NoneType' object is not callable": "transform may be None: then the image stays as it is.",
        "has no attribute": "Store each argument under the name by which the other methods look for it: "
        "self.images = images.",
    },
)
def own_dataset(student: Student, rng, case: int) -> None:
    n, height, width = [(5, 8, 8), (4, 3, 5), (7, 6, 4)][case] if case < 3 else rng.integers(1, 9, 3).tolist()
    images = torch.from_numpy(rng.integers(0, 256, (n, height, width)).astype("uint8"))
    if case == 1:
        images //= 2  # no image reaches 255
    labels = _labels(rng, n, 10)
    transform = TRANSFORMS[case % len(TRANSFORMS)] if case % 3 == 2 else None
    student.case = f"{n} image{'s' * (n != 1)} of {height} x {width}, "
    student.case += f"transform: lambda t: {_formula(transform)}" if transform else "no transform"
    plain = images.float().unsqueeze(1) / 255
    expected = transform(plain) if transform else plain

    log = student.put([])
    options = [student.call(log_calls, Code.of(transform), log, keep=True)] if transform else []
    dataset = student.call("DigitDataset", images, labels, *options, keep=True)
    student.call("DigitDataset", 255 - images[:1], labels[:1], keep=True)  # each object has its own images
    hints = {"values": "The length is the number of images."}
    expect(student.call(length_of, dataset), n, what="len(dataset)", hints=hints)
    for index in (0, n - 1, int(rng.integers(n)), -1, 0):
        sample, calls = student.call(sample_and_calls, dataset, index, log)
        if not isinstance(sample, tuple) or len(sample) != 2:
            hint = "This is a list, and a pair is a tuple: `return image, label`, without brackets."
            hint = hint if isinstance(sample, list) else "Return two things: `return image, label`."
            raise CheckFailed(f"dataset[{index}] must be a pair.", hint)
        image, label = sample
        _expect_call_of_transform(calls, bool(transform), index, [1, height, width])
        mistakes = _image_mistakes(images, index)
        if transform:
            mistakes = [(plain[index], "transform is not applied, or its result is thrown away.")]
        expect(
            image,
            expected[index],
            what=f"The image of dataset[{index}]",
            mistakes=mistakes,
            hints={
                "shape": f"The images are grey: one channel in front makes (1, {height}, {width}).",
                "dtype": "The image must be float32: uint8 divided by 255 gives that, and so does .float().",
            },
        )
        if type(label) is not int:
            hint = "Make it a Python int: int(self.labels[index]) or self.labels[index].item()."
            raise CheckFailed(f"The label of dataset[{index}] is not a Python int.", hint, got=type(label).__name__)
        hint = "The label must be the one at the same index, unchanged."
        expect(label, int(labels[index]), what=f"The label of dataset[{index}]", hints={"values": hint})
    for index in (n, 2 * n + 1):
        _expect_index_error(student, dataset, index, n, log)
    size = int(rng.integers(2, 5))
    batches = list(zip(expected.split(size), labels.split(size), strict=True))
    expect(student.call(all_batches, dataset, size), batches, what="list(DataLoader(dataset))")
    # Twice the images and the labels are allowed, so that an array of NumPy may stand beside the tensor.
    if case < 3 and student.call(bytes_kept, dataset) > 2 * images.numel() + 16 * n:
        hint = "Keep the images as they are, uint8, and convert one of them in __getitem__, each time it is asked for."
        raise CheckFailed("The data set keeps converted images, more than one byte for each pixel.", hint)


def _expect_call_of_transform(calls: list, wanted: bool, index: int, shape: list[int]) -> None:
    """The transform, if there is one, must have been called once, with the finished image."""
    if any(len(called_shape) == 0 for _, called_shape in calls):
        raise CheckFailed("transform was called with the label.", "Only the image is transformed.")
    if not wanted:
        return
    if len(calls) != 1:
        hint = "A random transform makes a new picture each time: call it in __getitem__, on the image asked for."
        times = f"called transform {len(calls)} times" if calls else "did not call transform"
        raise CheckFailed(f"dataset[{index}] {times}.", hint)
    dtype, called_shape = calls[0]
    if dtype != "torch.float32" or list(called_shape) != shape:
        hint = "First convert and add the channel, then transform: it gets the finished image, float32, (1, H, W)."
        name = dtype.removeprefix("torch.")
        raise CheckFailed(f"transform was called with {name}, shape {tuple(called_shape)}.", hint)


def _image_mistakes(images: torch.Tensor, index: int) -> list[tuple[torch.Tensor, str]]:
    """What known mistakes make of the image at an index."""
    raw = images[index].float()[None]
    return [
        (raw, "The pixels still run from 0 to 255: divide by 255."),
        (raw / 256, "The largest pixel is 255, so divide by 255: white must become 1."),
        (raw / raw.max().clamp(min=1), "Divide by 255, not by the brightest pixel of this image."),
        (raw / images.max().clamp(min=1), "Divide by 255, not by the brightest pixel of these images."),
        ((raw / 255).floor(), "// cuts off everything behind the decimal point: use /."),
        ((raw / 255).round(), "The pixels were rounded to 0 and 1: divide, and keep the fractions."),
    ]


def _expect_index_error(student: Student, dataset: Handle, index: int, n: int, log: Handle) -> None:
    """A data set of n samples must raise IndexError for an index past the end."""
    hint = (
        "Past the end a data set raises IndexError, as a list does: that is how a for-loop over it knows when to "
        "stop. self.images[index] raises it by itself; a slice does not."
    )
    try:
        student.call(sample_and_calls, dataset, index, log)
    except StudentError as error:
        if error.kind != "IndexError":
            raise CheckFailed(f"dataset[{index}] raised {error.kind}, for {n} samples.", hint) from None
    else:
        raise CheckFailed(f"dataset[{index}] raised no IndexError, for {n} samples.", hint)


# --- 3.4 ---------------------------------------------------------------------------------------


def dataset_of(x, y):
    return torch.utils.data.TensorDataset(x, y)


def are_loaders(pair):
    """Whether these are two DataLoaders."""
    is_sequence = isinstance(pair, (tuple, list))
    return is_sequence and [isinstance(loader, torch.utils.data.DataLoader) for loader in pair] == [True, True]


def two_epochs(loaders, number):
    """All batches of one of the loaders, twice."""
    # A sampler's random generator is one for the CPU, so it cannot draw on another default device.
    with torch.device("cpu"):
        return list(loaders[number]), list(loaders[number])


@task(
    "3.4",
    "Two loaders",
    points=2,
    difficulty=1,
    minutes=4,
    names=["make_loaders"],
    hints=[
        "Two calls of `DataLoader`, one for each data set. Look at the table in section 6.5 of the lecture: which "
        "argument differs between training and testing?",
        "Both get `batch_size=batch_size`. Training needs `shuffle=True`; for testing the default is right.",
        "`DataLoader(train_set, batch_size=batch_size, shuffle=True)` is the first one. Return both, separated by a "
        "comma.",
    ],
)
def loaders(student: Student, rng, case: int) -> None:
    size = [128, 128, 20][case] if case < 3 else int(rng.integers(8, 40))
    train_size, test_size = {0: (300, 150), 1: (256, 130), 2: (70, 45)}.get(case, (0, 0))
    if case > 2:
        train_size, test_size = (int(rng.integers(2, 5)) * size + int(rng.integers(1, size)) for _ in range(2))
    student.case = f"{train_size} training and {test_size} test samples, "
    student.case += "batch_size not given" if size == 128 else f"batch_size = {size}"
    sets = []
    for count in (train_size, test_size):
        # The inputs are sorted, so that any other order shows.
        x = torch.from_numpy(np.sort(rng.normal(size=count)).astype("float32"))
        y = torch.from_numpy(np.arange(count))
        sets.append((x, y, student.call(dataset_of, x, y, keep=True)))
    options: dict[str, Any] = {} if size == 128 else {"batch_size": size}
    pair = student.call("make_loaders", *(handle for _, _, handle in sets), keep=True, **options)
    if student.call(are_loaders, pair) is not True:
        what = "The result must be two DataLoaders, one for training and one for testing."
        raise CheckFailed(what, "The last line should be `return train_loader, test_loader`.")
    for number, (name, (x, y, _)) in enumerate(zip(("training", "test"), sets, strict=True)):
        epochs = student.call(two_epochs, pair, number)
        orders = [torch.cat([labels for _, labels in epoch]) for epoch in epochs]
        if len(orders[0]) == len(sets[1 - number][1]) != len(y):
            hint = "The first loader reads train_set, the second test_set: return them in this order."
            raise CheckFailed(f"The loader for the {name} data reads the other data set.", hint)
        for epoch in epochs:
            _expect_batch_sizes([len(labels) for _, labels in epoch], [len(part) for part in y.split(size)], name)
        for order in orders:
            if not torch.equal(order.sort().values, y):
                hint = "An epoch uses every sample exactly once: shuffle, but do not draw with replacement."
                raise CheckFailed(f"An epoch of the {name} loader misses some samples and repeats others.", hint)
        if not torch.equal(torch.cat([inputs for inputs, _ in epochs[0]]), x[orders[0]]):
            raise CheckFailed(
                f"Inputs and labels of the {name} loader do not belong together.", "Shuffle whole samples."
            )
        if number == 0:
            if any(torch.equal(order, y) for order in orders):
                hint = "Training data come in a new random order in each epoch: shuffle=True."
                raise CheckFailed("The training data come in the order of the data set.", hint)
            if any((order.diff() == 1).float().mean() > 0.2 for order in orders):  # at random about 1 / n
                hint = "Samples are drawn one by one, not a batch or a block of neighbours: shuffle=True does that."
                raise CheckFailed("Neighbours in the data set stay neighbours in the training data.", hint)
            if torch.equal(*orders):
                hint = "A new order must be drawn in each epoch. shuffle=True does that by itself."
                raise CheckFailed("The training data come in the same order in both epochs.", hint)
        elif not all(torch.equal(order, y) for order in orders):
            raise CheckFailed(
                "The test data are shuffled.",
                "The test data stay in their order, so that each prediction can be matched with its sample: no shuffle "
                "there. (The result of a test does not depend on the order.)",
            )


def _expect_batch_sizes(got: list[int], expected: list[int], name: str) -> None:
    """The batches of a loader must have these sizes."""
    if got == expected:
        return
    sizes = f"batches of {', '.join(map(str, got[:12]))}{', ...' if len(got) > 12 else ''}"
    if got == expected[:-1]:
        hint = "The last, smaller batch is lost: leave out drop_last, every sample is used."
    elif sum(got) != sum(expected):
        hint = "Each loader reads the whole of its own data set: nothing is split off, left out or drawn twice."
        message = f"An epoch of the {name} loader has {sum(got)} samples, for a data set of {sum(expected)}."
        raise CheckFailed(message, hint, got=sizes)
    elif set(got) == {1}:
        hint = "A DataLoader without a batch size makes batches of 1: give it batch_size=batch_size."
    else:
        hint = "Pass batch_size on to both loaders; its default is 128."
    raise CheckFailed(f"The {name} loader has batches of the wrong size.", hint, got=sizes)


# --- 3.5 ---------------------------------------------------------------------------------------


def network_to_train(state, lr, log):
    """A network, an optimizer for it, and its device.

    At each call the network notes in the log whether it is in training mode, whether gradients are recorded, and the
    number of samples.
    """
    hidden, inputs = state["0.weight"].shape
    network = nn.Sequential(
        nn.Linear(inputs, hidden), nn.BatchNorm1d(hidden), nn.Tanh(), nn.Linear(hidden, len(state["3.weight"]))
    )
    network.load_state_dict(state)
    network.eval()

    def note(module, inputs, output):
        log.append((module.training, output.requires_grad, len(output)))

    network.register_forward_hook(note)
    optimizer: Any = torch.optim.SGD(network.parameters(), lr=lr)
    optimizer.steps_noted = 0

    def note_step(optimizer, args, kwargs):
        optimizer.steps_noted += 1

    optimizer.register_step_post_hook(note_step)
    return network, optimizer, next(network.parameters()).device


def loader_of(x, y, batch_size):
    dataset = torch.utils.data.TensorDataset(x, y)
    return torch.utils.data.DataLoader(dataset, batch_size=batch_size)


def loader_on_another_device(x, y, batch_size):
    """A loader whose batches no model takes before .to(device): code without it fails on any machine."""

    def tensors_in(value):
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, (list, tuple)):
            return [tensor for part in value for tensor in tensors_in(part)]
        return [value] if isinstance(value, torch.Tensor) else []

    def is_at_home(value):
        return isinstance(value, torch.Tensor) and not isinstance(value, OnAnotherDevice)

    def is_move(name, args, kwargs):
        given = [kwargs.get("device"), kwargs.get("other"), *args[1:]]
        there = any(isinstance(value, (str, torch.device)) or is_at_home(value) for value in given)
        takes_device = name in ("to", "type_as", "as_tensor", "asarray", "tensor", "copy_")
        return name in ("cpu", "cuda") or (takes_device and there) or (name == "copy_" and is_at_home(args[0]))

    class OnAnotherDevice(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            name = getattr(function, "__name__", "")
            if function == torch.Tensor.device.__get__:
                return torch.device("xla", 0)  # that of the batches, any but the model's
            if name in ("numpy", "__array__"):
                raise TypeError("can't convert a tensor on another device to numpy. Use Tensor.cpu() first.")
            moved = is_move(name, args, kwargs)
            # As on a GPU, a single number and the places in an index may lie on the CPU.
            met = tensors_in(([] if name == "__getitem__" else args, kwargs))
            if not moved and any(is_at_home(tensor) and tensor.dim() for tensor in met):
                raise RuntimeError(f"Expected all tensors on the same device, but the batch is elsewhere ({name})")
            with torch._C.DisableTorchFunctionSubclass():
                result = function(*args, **kwargs)
            return placed(result, moved)

    def placed(value, moved):
        if type(value) in (list, tuple):
            return type(value)(placed(part, moved) for part in value)
        if isinstance(value, OnAnotherDevice):
            return value.as_subclass(torch.Tensor) if moved else value
        return value if moved or not isinstance(value, torch.Tensor) else value.as_subclass(OnAnotherDevice)

    def collate(samples):
        return [torch.stack(column).cpu().as_subclass(OnAnotherDevice) for column in zip(*samples, strict=True)]

    dataset = torch.utils.data.TensorDataset(x, y)
    return torch.utils.data.DataLoader(dataset, batch_size=batch_size, collate_fn=collate)


def call_where_batches_move(function, *args):
    """Call a function in which as_tensor and asarray move batches, too: a subclass of tensors is not told of these."""
    from torch.overrides import TorchFunctionMode

    class Moves(TorchFunctionMode):
        def __torch_function__(self, made_by, types, args=(), kwargs=None):
            result = made_by(*args, **(kwargs or {}))
            if made_by in (torch.as_tensor, torch.asarray) and "device" in (kwargs or {}):
                return result.as_subclass(torch.Tensor) if type(result).__name__ == "OnAnotherDevice" else result
            return result

    with Moves():
        return function(*args)


def loss_and_graph(loss):
    """A loss, and whether it has a graph."""
    return loss, isinstance(loss, torch.Tensor) and loss.requires_grad


def trained_state(network):
    """The state without the counter of batches."""
    return {name: value for name, value in network.state_dict().items() if value.dim()}


def names_of_frozen(network):
    return [name for name, parameter in network.named_parameters() if not parameter.requires_grad]


def steps_of(optimizer):
    return optimizer.steps_noted


def prepare_for_evaluation(network, log):
    """Clear the log, freeze a layer, and switch to training mode, so that a forgotten eval() shows."""
    network[0].requires_grad_(False)
    network.train()
    log.clear()


def _network(rng: np.random.Generator, inputs: int, hidden: int, classes: int) -> dict[str, torch.Tensor]:
    """The state of Linear, BatchNorm1d, Tanh, Linear."""
    return {
        "0.weight": normal(rng, hidden, inputs),
        "0.bias": normal(rng, hidden),
        "1.weight": 1 + normal(rng, hidden, scale=0.2),
        "1.bias": normal(rng, hidden, scale=0.3),
        "1.running_mean": normal(rng, hidden),
        "1.running_var": 1 + normal(rng, hidden) ** 2,
        "1.num_batches_tracked": torch.from_numpy(np.asarray(3)),
        "3.weight": normal(rng, classes, hidden),
        "3.bias": normal(rng, classes),
    }


def _forward(state: dict, x: torch.Tensor, training: bool) -> torch.Tensor:
    """Logits; by hand, since batch_norm starts threads even for a batch as small as these."""
    x = F.linear(x, state["0.weight"], state["0.bias"])
    mean = state["1.running_mean"]
    variance = state["1.running_var"]
    if training:
        state["1.running_mean"] = 0.9 * mean + 0.1 * x.detach().mean(0)
        state["1.running_var"] = 0.9 * variance + 0.1 * x.detach().var(0)
        mean = x.mean(0)
        variance = x.var(0, correction=0)
    x = (x - mean) / (variance + 1e-5).sqrt() * state["1.weight"] + state["1.bias"]
    return F.linear(x.tanh(), state["3.weight"], state["3.bias"])


def _train(
    state: dict, x, y, size: int | list[int], lr: float, *, clear=True, softmax=False
) -> tuple[torch.Tensor, dict]:
    """The loss of each batch of an epoch of SGD, and the state after it, without the counter of batches."""
    state = {k: v.clone() for k, v in state.items() if v.dim()}
    parameters = [v for k, v in state.items() if "running" not in k]
    collected = [torch.zeros_like(p) for p in parameters]
    losses = []
    for inputs, labels in zip(x.split(size), y.split(size), strict=True):
        for p in parameters:
            p.requires_grad_()
        logits = _forward(state, inputs, training=True)
        loss = F.cross_entropy(logits.softmax(1) if softmax else logits, labels)
        gradients = torch.autograd.grad(loss, parameters)
        losses.append(loss.detach())
        with torch.no_grad():
            for p, g, old in zip(parameters, gradients, collected, strict=True):
                old.copy_(old + g if not clear else g)
                p -= lr * old
    return torch.stack(losses), {k: v.detach() for k, v in state.items()}


def _agree(got, expected: dict[str, torch.Tensor]) -> bool:
    """Whether two states are close to each other."""
    return isinstance(got, dict) and all(close(got.get(name), value) for name, value in expected.items())


def _loss_without_graph(student: Student, handle: Handle, what: str):
    """Return the value of a loss in the student's process, which must have no graph."""
    loss, has_graph = student.call(loss_and_graph, handle)
    if has_graph:
        hint = "A sum of losses keeps the graph of every batch alive. Add loss.item(), or loss.detach()."
        raise CheckFailed(f"{what} is a tensor with a graph behind it.", hint)
    return loss


def _explain_training(loss, trained, losses, after, state, settings) -> None:
    """Say which mistake gives the wrong loss or model; it takes three more epochs of training to find that out."""
    lazy_losses, lazy = _train(state, *settings, clear=False)
    soft_losses, soft = _train(state, *settings, softmax=True)
    x, labels, size, lr = settings
    still, _ = _train(state, x, labels, size, 0.0)
    twice_losses, twice = _train(state, x, labels, size, 2 * lr)  # as two equal steps for each batch
    clear = "Without zero_grad the gradients of all earlier batches are added: clear them before each backward()."
    logits = "cross_entropy takes the logits as they are: it does the softmax itself. Remove yours."
    move = "The parameters did not move: call zero_grad(), then backward(), then optimizer.step(), for each batch."
    per_batch = (
        "The mean loss of a batch is an average over its samples. The mean of these means counts a sample of "
        "the smaller last batch for more: weight each with len(labels)."
    )
    weight = (
        "The loss of a batch is a mean already: multiply it by len(labels) before adding, then divide once by "
        "the number of all samples."
    )
    often = "Each batch makes one update. Here the steps are twice as long: is step() called twice?"
    counts = _samples_per_batch(labels, size)
    n = len(labels)
    total = (losses * counts).sum()
    mistakes = [
        (losses.mean(), per_batch),
        (losses.sum() / n, weight),
        (losses.sum(), weight),
        (total / len(losses), "Divide by the number of samples, not by the number of batches."),
        (total / (len(losses) * size), "The last batch is smaller: add up len(labels), and divide by the sum."),
        (total / n * x.shape[1], "Weight each batch with its number of samples, len(labels). numel() counts all the "
         "numbers in a tensor."),
        (total, "Divide the sum by the number of samples."),
        (losses[-1], "This is the loss of the last batch. The task asks for the mean over all samples of the epoch."),
    ]  # fmt: skip
    for wrong, hint in [(lazy_losses, clear), (soft_losses, logits), (still, move), (twice_losses, often)]:
        mistakes += [((wrong * counts).sum() / n, hint), (wrong.mean(), hint), (wrong[-1], hint), (wrong.sum(), hint)]
    expect(loss, total / n, what="The mean loss of the epoch", mistakes=mistakes)
    untouched = {k: v for k, v in state.items() if v.dim()}
    mistakes = [(untouched, move), (lazy, clear), (soft, logits), (twice, often)]
    values = "One update for each batch: zero_grad, backward, step, in this order."
    expect(trained, after, what="The model after the epoch", mistakes=mistakes, hints={"values": values})


def _samples_per_batch(labels: torch.Tensor, size: int) -> torch.Tensor:
    """The number of samples in each batch."""
    return torch.tensor([len(part) for part in labels.split(size)])


def _expect_one_pass(calls: list, batches: int) -> None:
    """The model must have been called once for each batch, in training mode."""
    modes = [training for training, _, _ in calls]
    if not modes[0]:
        raise CheckFailed("While training, the model was in evaluation mode.", "Call model.train() before the loop.")
    if len(modes) != batches:
        hint = "One pass over the loader, and one call of model(...) for each batch."
        if len(modes) > batches:
            hint += " The losses on the way are those of these calls, so nothing is evaluated afterwards."
        raise CheckFailed(f"The model was called {len(modes)} times for {batches} batches.", hint)
    if not all(modes):
        number = modes.index(False) + 1
        hint = "model.train() stands before the loop. What in the loop changes the mode, such as a call of eval()?"
        raise CheckFailed(f"The model was in evaluation mode from batch {number} on.", hint)


def _expect_trainable(student: Student, model: Handle, function: str, frozen: tuple[str, ...] = ()) -> None:
    """After a function the parameters must still require gradients, but for those that were frozen before."""
    got = student.call(names_of_frozen, model)
    hint = "requires_grad=False changes the model itself. To record nothing, use `with torch.no_grad():`."
    if not isinstance(got, list) or set(got) - set(frozen):
        raise CheckFailed(f"After {function} some parameters no longer require gradients.", hint)
    if set(frozen) - set(got):
        raise CheckFailed(f"After {function} a frozen layer requires gradients.", hint)


def _expect_steps(student: Student, optimizer: Handle, count: int, other: str = "") -> None:
    """``optimizer.step`` must have been called this many times; ``other`` is the hint for another number but 0."""
    if (got := student.call(steps_of, optimizer)) != count:
        hint = (got and other) or "The optimizer makes the update, whatever its rule is: optimizer.step()."
        raise CheckFailed(f"optimizer.step() was called {got} times for {count} update{'s' * (count > 1)}.", hint)


STAYS_A_TENSOR = "The loss must stay a tensor until backward() was called: take .item() only afterwards."


@task(
    "3.5",
    "The two for-loops",
    points=5,
    difficulty=2,
    minutes=12,
    names=["train_one_epoch", "evaluate"],
    hints=[
        "The order in training: mode, then for each batch move, predict, loss, clear, backward, step. In evaluation "
        "there is no clear, no backward and no step, and nothing is recorded.",
        "`F.cross_entropy(logits, labels)` is a *mean* over the batch. Multiplied by `len(labels)` it becomes a sum, "
        "and the sums of all batches, divided by the number of all samples, are the mean per sample, even if the last "
        "batch is smaller. Count right predictions in the same way.",
        "Training: `total += loss.item() * len(labels)` and `count += len(labels)`, at the end `return total / count`. "
        "Evaluation, inside `with torch.no_grad():`, also `correct += (logits.argmax(dim=1) == labels).sum().item()`.",
    ],
    on_error={
        "no attribute 'backward'": STAYS_A_TENSOR,
        "the same device": "Move both tensors of a batch: inputs, labels = inputs.to(device), labels.to(device).",
        "size of tensor a|must match the size|Boolean value of Tensor": "logits has one row per sample and one column "
        "per class. The predicted class is logits.argmax(dim=1).",
        "not require grad": "No gradient is recorded: no_grad or inference_mode belongs in evaluate only, and "
        "the loss must be used as it is, without .item(), before backward().",
        "Expected target size|Expected floating point type|0D or 1D target": "cross_entropy takes first the logits, "
        "shape (batch, classes), then the labels, shape (batch,).",
    },
    hidden=5,
)
def training_loops(student: Student, rng, case: int) -> None:
    size = [6, 8, 5][case] if case < 3 else int(rng.integers(5, 9))
    full = int(rng.integers(2, 4))
    last = 0 if case == 0 else int(rng.integers(3, size - 1))
    n = full * size + last
    features = int(rng.integers(3, 6))
    classes = int(rng.integers(3, 5))
    lr = 0.2
    student.case = f"{n} training samples in batches of {size}" + (f", the last one of {last}" if last else "")
    elsewhere = case % 3 == 2
    state = _network(rng, features, 6, classes)
    x = normal(rng, n, features)
    y = _labels(rng, n, classes)
    losses, after = _train(state, x, y, size, lr)
    log = student.put([])
    model, optimizer, device = student.call(network_to_train, state, lr, log)
    make_loader = loader_on_another_device if elsewhere else loader_of

    def call(name: str, *args) -> Handle:
        if elsewhere:
            return student.call(call_where_batches_move, student.value(name), *args, keep=True)
        return student.call(name, *args, keep=True)

    place = "; batches lie on another device until .to(device) is called" if elsewhere else ""
    student.case += place

    loader = student.call(make_loader, x, y, size, keep=True)
    result = call("train_one_epoch", model, loader, optimizer, device)
    _expect_one_pass(student.seen(log, "The model"), len(losses))
    _expect_trainable(student, model, "train_one_epoch")
    loss = _loss_without_graph(student, result, "The mean loss")
    trained = student.call(trained_state, model)
    if not close(loss, (losses * _samples_per_batch(y, size)).sum() / n) or not _agree(trained, after):
        _explain_training(loss, trained, losses, after, state, (x, y, size, lr))
    _expect_steps(student, optimizer, len(losses))

    n = full * size + max(last, 2)
    student.case = f"evaluate, {n} test samples in batches of {size}, the last one of {n - full * size}{place}"
    x, y, scores = _test_data(rng, after, n, full * size)
    student.call(prepare_for_evaluation, model, log)
    loader = student.call(make_loader, x, y, size, keep=True)
    result = call("evaluate", model, loader, device)
    calls = student.seen(log, "The model")
    if any(training for training, _, _ in calls):
        raise CheckFailed("While evaluating, the model was in training mode.", "Call model.eval() before the loop.")
    if (seen := sum(count for _, _, count in calls)) < n:
        hint = "Go through all batches of the loader: is there a return or a break inside the loop?"
        raise CheckFailed(f"The model was given {seen} of the {n} test samples.", hint)
    if any(recorded for _, recorded, _ in calls):
        hint = "Evaluation needs no gradients: put the loop inside `with torch.no_grad():`."
        raise CheckFailed("While evaluating, a graph was recorded.", hint)
    _expect_trainable(student, model, "evaluate", ("0.weight", "0.bias"))
    expect(student.call(trained_state, model), trained, what="The model after evaluate", rtol=0, atol=0)
    _expect_evaluation(student.get(result), scores, y, size)


def _test_data(rng, state: dict, n: int, full: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs, labels and logits. No two logits are close, and from sample ``full`` on all predictions are right."""
    classes = len(state["3.bias"])
    x = normal(rng, 20 * n, state["0.weight"].shape[1])
    best = _forward(state, x, training=False).topk(2).values
    x = x[best[:, 0] - best[:, 1] > 1e-2][:n]
    scores = _forward(state, x, training=False)
    predicted = scores.argmax(1)
    y = (predicted + torch.from_numpy(rng.integers(0, 2, n))) % classes
    # At least one prediction of the full batches is right, and at least one is wrong.
    y[0] = predicted[0]
    y[1] = (predicted[1] + 1) % classes
    y[full:] = predicted[full:]
    return x, y, scores


def _expect_evaluation(got, scores: torch.Tensor, labels: torch.Tensor, size: int) -> None:
    """``got`` must be the mean loss and the accuracy of these logits."""
    losses = F.cross_entropy(scores, labels, reduction="none")
    hits = (scores.argmax(1) == labels).float()
    n = len(labels)
    loss_means = torch.stack([part.mean() for part in losses.split(size)])
    hit_means = torch.stack([part.mean() for part in hits.split(size)])
    share = "The last batch is smaller: count the right predictions of all batches, and divide once by the number of "
    share += "samples."
    sums = "Add up over all samples, and divide once by their number."
    mean_loss = losses.mean()
    accuracy = hits.mean()
    if not isinstance(got, (list, tuple)) or len(got) != 2:
        hint = "Return two numbers: `return total / count, correct / count`."
        raise CheckFailed("evaluate must return two numbers, the mean loss and the accuracy.", hint)
    expect(
        got[0],
        mean_loss,
        what="The mean loss of evaluate",
        mistakes=[
            (accuracy, "The order is (loss, accuracy)."),
            (loss_means.mean(), share + " The loss goes the same way: weight it with len(labels)."),
            (F.cross_entropy(scores.softmax(1), labels), "cross_entropy takes logits: it does the softmax itself."),
            (loss_means.sum() / n, "The loss of a batch is a mean already: multiply it by len(labels) before adding."),
            (loss_means.sum(), "The task asks for a mean per sample."),
            (loss_means[-1], "This is the loss of the last batch only. " + sums),
            (losses.sum(), sums),
        ],
    )
    expect(
        got[1],
        accuracy,
        what="The accuracy of evaluate",
        mistakes=[
            (hit_means.mean(), share),
            (100 * accuracy, "The accuracy is a share from 0 to 1."),
            (hits.sum(), "Divide the number of right predictions by the number of samples."),
            (1 - accuracy, "The task asks for the share of right predictions, not of wrong ones."),
            (hits.sum() / len(hit_means), "Divide by the number of samples, not by the number of batches."),
            (hit_means[-1], "This is the accuracy of the last batch only. " + sums),
        ],
    )


# --- 3.6 ---------------------------------------------------------------------------------------

_UNEQUAL = (
    "Dividing by the number of micro-batches is right only if all have the same size. Weight each with its share "
    "of all samples, len(labels) / total."
)


def network_to_accumulate(state, gradients, lr, log):
    """A network and an optimizer for it.

    For each forward pass, the network logs the length of the batch, as a negative number if no graph is recorded; for
    each backward pass, 0.
    """
    hidden, inputs = state["0.weight"].shape
    network = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, len(state["2.weight"])))
    network.load_state_dict(state)
    for name, parameter in network.named_parameters():
        parameter.grad = gradients.get(name)

    def note_backward(gradient):
        log.append(0)

    def note_forward(module, inputs, output):
        log.append(len(output) if output.requires_grad else -len(output))
        if output.requires_grad:
            output.register_hook(note_backward)

    network.register_forward_hook(note_forward)
    optimizer: Any = torch.optim.SGD(network.parameters(), lr=lr)
    optimizer.steps_noted = 0

    def note_step(optimizer, args, kwargs):
        optimizer.steps_noted += 1

    optimizer.register_step_post_hook(note_step)
    return network, optimizer


def state_of(network):
    return dict(network.state_dict())


def _update(start: dict, groups: list, weights: list, lr: float, old: dict) -> tuple[dict, torch.Tensor]:
    """The state after one update from the weighted mean losses of groups of samples, and these losses.

    Args:
        old: gradients of an earlier step, which were not cleared, by the name of the parameter.
    """
    state = {name: value.clone().requires_grad_() for name, value in start.items()}
    losses = []
    for inputs, targets in groups:
        h = F.linear(inputs, state["0.weight"], state["0.bias"]).tanh()
        losses.append(F.cross_entropy(F.linear(h, state["2.weight"], state["2.bias"]), targets))
    loss = sum(weight * part for weight, part in zip(weights, losses, strict=True))
    gradients = dict(zip(state, torch.autograd.grad(loss, list(state.values())), strict=True))
    moved = {name: (value - lr * (gradients[name] + old.get(name, 0))).detach() for name, value in state.items()}
    return moved, torch.stack(losses).detach()


def _explain_update(got: dict, after: dict, state: dict, pieces: list, lr: float, old: dict) -> None:
    """Say which mistake gives the wrong model."""

    def updated(groups: list, weights: list, old: dict | None = None) -> dict:
        return _update(state, groups, weights, lr, old or {})[0]

    sizes = [len(labels) for _, labels in pieces]
    shares = [size / sum(sizes) for size in sizes]
    one_by_one = state
    for piece in pieces:
        one_by_one, _ = _update(one_by_one, [piece], [1.0], lr, {})
    weighting = (
        "The loss of a micro-batch is a mean over its own samples. Multiply it by their share of all samples: added up "
        "as they are, these means make the gradient too large."
    )
    clear = "The gradients of an earlier step were still there: call zero_grad() once, before the first micro-batch."
    forgot = (
        "Only the last micro-batch counted: zero_grad() stands before the loop, not in it, or every gradient but "
        "the last is lost."
    )
    often = "step() stands after the loop: one update from all the micro-batches together."
    none = "The parameters did not move: backward() for each micro-batch, then optimizer.step() once."
    sums = "Divide by the number of all samples: the sum makes the step that many times too long."
    count = len(pieces)
    wrong_states = [
        (state, none),
        (one_by_one, often),
        (updated(pieces, [1.0] * count), weighting),
        (updated(pieces, [1 / count] * count), _UNEQUAL),
        (updated(pieces, shares, old), clear),
        (updated(pieces[-1:], [1.0]), forgot),
        (updated(pieces[-1:], shares[-1:]), forgot),
        (updated(pieces[-1:], [1 / count]), forgot),
        (updated(pieces, sizes), sums),
        (updated(pieces, [share / count for share in shares]), "Divide once: by the number of all samples."),
    ]
    if old:
        wrong_states += [(updated(pieces, [1 / count] * count, old), clear)]
    values = "The order is zero_grad once, backward for each micro-batch, step once; and every sample counts the same."
    expect(got, after, what="The model after the update", mistakes=wrong_states, hints={"values": values})


@task(
    "3.6",
    "One update from several pieces",
    points=3,
    difficulty=3,
    minutes=8,
    names=["accumulated_step"],
    hints=[
        "Gradients add up by themselves. So how often is `zero_grad` needed, and how often `step`?",
        "The loss of the whole batch is the sum over all samples, divided by the number of *all* samples. So each "
        'micro-batch adds the *sum* of its losses, divided by that same number: `reduction="sum"` gives the sum.',
        "First `total = sum(len(labels) for _, labels in micro_batches)`. Then in the loop "
        '`loss = F.cross_entropy(model(inputs), labels, reduction="sum") / total` and `loss.backward()`.',
    ],
    on_error={
        "graph a second time": "Call backward() once for each micro-batch, on its own loss, not "
        "on a sum that grows from piece to piece."
    },
)
def accumulation(student: Student, rng, case: int) -> None:
    sizes = [[4, 4], [3, 3, 3], [6, 2, 3], [5], [1, 7]][case] if case < 5 else None
    sizes = sizes or rng.permutation([1, 3, 5, int(rng.integers(2, 9))]).tolist()
    features = int(rng.integers(2, 5))
    hidden = 5
    classes = int(rng.integers(2, 5))
    lr = 0.5
    student.case = f"micro-batches of {', '.join(map(str, sizes))}"
    shapes = {"0.weight": (hidden, features), "0.bias": (hidden,), "2.weight": (classes, hidden), "2.bias": (classes,)}
    state = {name: normal(rng, *shape) for name, shape in shapes.items()}
    x = normal(rng, sum(sizes), features, scale=1.5)
    y = _labels(rng, sum(sizes), classes)
    pieces = list(zip(x.split(sizes), y.split(sizes), strict=True))
    old = {}
    if case % 2:
        old = {name: normal(rng, *shape, scale=0.3) for name, shape in shapes.items()}
        student.case += "; the parameters hold gradients of an earlier step"
    log = student.put([])
    model, optimizer = student.call(network_to_accumulate, state, old, lr, log)
    shares = [size / len(x) for size in sizes]
    after, losses = _update(state, pieces, shares, lr, {})
    mean = (losses * torch.tensor(shares)).sum()

    result = student.call("accumulated_step", model, optimizer, pieces, keep=True)
    noted = student.seen(log, "The model")
    order = [entry for entry in noted if entry >= 0]  # what records no gradient may come in between
    forward = [entry for entry in order if entry]
    if len(forward) < len(sizes) or max(map(abs, noted)) > max(sizes):
        hint = "The whole batch does not fit into memory: only one micro-batch at a time goes through the model."
        if len(forward) < len(sizes) and forward == sizes[: len(forward)]:
            hint = "Use every micro-batch of the list: is there a return inside the loop?"
        raise CheckFailed("The micro-batches did not go through the model one by one.", hint)
    got = student.call(state_of, model)
    later = _update(after, pieces, shares, lr, {})[1]
    later_mean = (later * torch.tensor(shares)).sum()
    if not _agree(got, after):
        _explain_update(got, after, state, pieces, lr, old)
    _expect_steps(student, optimizer, 1)
    if any(first and second for first, second in pairwise(order)):
        hint = "Call backward() inside the loop: it frees the graph of one micro-batch before the next one is recorded."
        raise CheckFailed("The graphs of several micro-batches were kept at the same time.", hint)
    expect(
        _loss_without_graph(student, result, "The mean loss"),
        mean,
        what="The mean loss",
        mistakes=[
            (losses.mean(), _UNEQUAL),
            (losses.sum(), "Each sample counts once: weight the loss of a micro-batch with its share of all samples."),
            (losses[-1], "This is the loss of the last micro-batch only: add up those of all."),
            (losses[-1] * shares[-1], "This is the part of the last micro-batch only: add up those of all."),
            (mean * len(x), "Divide the sum by the number of samples."),
            (later_mean, "This is the loss after the update. Add up the losses in the loop: no second pass is needed."),
        ],
        hints={"none": "Return the mean loss over all samples, a number."},
    )


# --- 3.7 ---------------------------------------------------------------------------------------


def comes_from(function, own, x):
    """Whether the function's result comes from this class; None if it has no graph. Its shape may be changed after."""
    node = function(x.requires_grad_()).grad_fn
    if node is None:
        return None
    while type(node) is not own._backward_cls and node is not None and len(node.next_functions) == 1:
        node = node.next_functions[0][0]
    return type(node) is own._backward_cls


def backward_by_hand(own, x, upstream):
    """What the class's two steps return when they are called directly, without autograd."""

    saved = []

    class Context:
        def __getattr__(self, name):
            if name.startswith(("mark_", "set_")):  # methods that change no number
                return lambda *values: None
            known = {
                "save_for_backward": lambda *tensors: saved.extend(tensors),
                "saved_tensors": tuple(saved),
                "needs_input_grad": (True,),
            }
            if name not in known:
                raise AttributeError(f"ctx has no attribute {name!r}")
            return known[name]

    context = Context()
    with torch.no_grad():
        if own.setup_context is torch.autograd.Function.setup_context:
            own.forward(context, x)
        else:
            own.setup_context(context, (x,), own.forward(x))
        result = own.backward(context, upstream)
    return result[0] if isinstance(result, tuple) else result


def gradient_of(function, x, upstream):
    """The gradient for x, where this gradient arrives at the result."""
    return torch.autograd.grad(function(x.requires_grad_()), x, upstream)[0]


def gradient_of_three_uses(function, x, upstream):
    """The gradient for x, where this gradient arrives at a result in which the function is used three times."""
    x.requires_grad_()
    return torch.autograd.grad(function(2 * function(x) - 1) * function(-x), x, upstream)[0]


def passes_gradcheck(function, x):
    return torch.autograd.gradcheck(function, x.double().requires_grad_(), raise_exception=False)


def is_function(value):
    return isinstance(value, type) and issubclass(value, torch.autograd.Function)


# Where formulas that switch to x too early, or cut off the exponent, differ from log(1 + exp(x)): in float64 by
# more than 1e-8 of the value.
PROBES = torch.cat([torch.arange(-18.0, 18.0, 0.5), torch.tensor([-700.0, -80, -30, 25, 45, 60, 95, 800])]).double()


def _expect_accurate(student: Student, function: Handle) -> None:
    """Values and slopes of softplus must be exact all along the axis, in float64."""
    right = PROBES.clamp(min=0) + (-PROBES.abs()).exp().log1p()
    got = student.call(function, PROBES)
    slopes = student.call(gradient_of, function, PROBES, torch.ones_like(PROBES))
    right_slopes = PROBES.sigmoid()
    stable = (
        "exp(-|x|) never overflows, so max(x, 0) + log(1 + exp(-|x|)) is right for every x. It needs no limit from "
        "which another formula is used, and no clamp in the exponent."
    )
    overflow = "torch.sigmoid(x) is right for every x. exp(x) / (1 + exp(x)) is inf / inf for large x."
    for what, values, expected, hint in [
        ("softplus", got, right, stable),
        ("The slope", slopes, right_slopes, overflow),
    ]:
        expect(values, expected, what=f"{what} for x from -700 to 800", hints={"nonfinite": hint}, rtol=1, atol=1)
        places = PROBES[(values - expected).abs() > 1e-9 + 1e-8 * expected.abs()]
        if len(places):
            words = f"{what} is not accurate in float64 for x from {places.min():g} to {places.max():g}."
            raise CheckFailed(words, hint)


@task(
    "3.7",
    "An operation with a backward step of its own",
    points=4,
    difficulty=3,
    minutes=8,
    names=["Softplus", "softplus"],
    hints=[
        "For the forward step, take $e^x$ out of the logarithm when $x$ is large: $\\log(1 + e^x) = x + \\log(1 + "
        "e^{-x})$. For the backward step, the derivative of the softplus is the sigmoid.",
        "Both cases in one line: $\\max(x, 0) + \\log(1 + e^{-|x|})$, with `x.clamp(min=0)` and `torch.log1p`. What "
        "`backward` needs is stored by `ctx.save_for_backward(x)` and fetched by `(x,) = ctx.saved_tensors`.",
        "`backward` returns `grad_output * torch.sigmoid(x)`: the gradient that arrives, times the derivative of the "
        "softplus.",
    ],
    on_error={
        "returned an incorrect number of gradients": "backward returns one gradient for each argument of forward after "
        "ctx: here, one.",
        "not have been used in the graph|returned None|NoneType": "Does each of the two methods end with return?",
        "returned an invalid gradient|size of tensor|broadcast": "The gradient for x has the shape of x: everything is "
        "element by element.",
        "has no attribute 'x'": "Store x in forward, with ctx.save_for_backward(x).",
        "expected 1, got 0": "forward has saved nothing: ctx.save_for_backward(x).",
        "ambiguous|concatenate tuple|max\\(\\)|maximum\\(\\)": "max(x, 0) of Python compares x as a whole, and "
        "torch.max(x, 0) looks for the largest number along dimension 0. Element by element it is x.clamp(min=0).",
        "not enough values to unpack|too many values|not tuple|'tuple'": "ctx.saved_tensors is a tuple, even of one: "
        "(x,) = ctx.saved_tensors.",
    },
)
def custom_function(student: Student, rng, case: int) -> None:
    shapes = {0: (4,), 1: (2, 3), 2: (6,), 3: (), 4: (2, 2, 2)}
    shape = shapes[case] if case in shapes else tuple(rng.integers(1, 5, int(rng.integers(1, 4))).tolist())
    x = normal(rng, *shape, scale=2, dtype="float64" if case % 4 == 1 else "float32")
    large = case % 3 == 2
    if large:
        x = torch.from_numpy(rng.choice([-1, 1], shape) * rng.uniform(100, 1000, shape)).to(x.dtype)
        x.view(-1)[0] = x.view(-1)[0].abs()
    student.case = f"x of shape {shape}, {str(x.dtype).removeprefix('torch.')}{', large numbers' * large}"
    stable = "exp(x) is inf for large x. Write it so that only exp(-|x|) is needed."
    expected = x.clamp(min=0) + (-x.abs()).exp().log1p()
    slope = x.sigmoid()
    expect(
        student.call("softplus", x),
        expected,
        what="softplus(x)",
        mistakes=[
            (slope, "This is the derivative, the sigmoid: it belongs in backward."),
            (x.clamp(min=0), "This is relu(x): the logarithm is missing."),
            (x.exp().log1p(), stable),
            (expected / math.log(10), "log is the natural logarithm: torch.log or torch.log1p."),
            (expected / math.log(2), "log is the natural logarithm: torch.log or torch.log1p."),
            (
                x.clamp(min=0) + x.abs().exp().log1p(),
                "The sign is wrong: with -|x| in the exponent exp never overflows.",
            ),
        ],
        hints={
            "nonfinite": stable,
            "values": "For large x the result is nearly x, for very negative x nearly 0."
            if large
            else "Try x = 0: log(1 + 1) is 0.6931.",
            "dtype": "The result has the dtype of x.",
        },
    )
    function, own = _softplus_and_its_class(student, x)
    upstream = normal(rng, *shape, scale=2).to(x.dtype)
    _expect_slope(student.call(gradient_of, function, x, upstream), x, upstream)
    _expect_slope(student.call(backward_by_hand, own, x, upstream), x, upstream)
    _expect_accurate(student, function)
    leaf = x.detach().clone().requires_grad_()
    chain = F.softplus(2 * F.softplus(leaf) - 1) * F.softplus(-leaf)
    (expected,) = torch.autograd.grad(chain, leaf, upstream)
    hint = "Each call has a ctx of its own: what forward stores there, backward finds. Store nothing elsewhere."
    expect(
        student.call(gradient_of_three_uses, function, x, upstream),
        expected,
        what="The gradient of softplus used three times",
        hints={"values": hint},
        atol=1e-3,
    )
    if not large and student.call(passes_gradcheck, function, x) is not True:
        hint = "Run it yourself on float64 input, and read the numbers that it prints."
        raise CheckFailed("torch.autograd.gradcheck found a wrong gradient.", hint)


def _softplus_and_its_class(student: Student, x: torch.Tensor) -> tuple[Handle, Handle]:
    """Return the function softplus and the class Softplus, from which its results must come."""
    function = student.value("softplus")
    own = student.value("Softplus")
    if not isinstance(own, Handle) or student.call(is_function, own) is not True:
        raise CheckFailed("Softplus is not a subclass of torch.autograd.Function.", "Keep the class as it was given.")
    comes = student.call(comes_from, function, own, x)
    if comes is None:
        hint = "There must be no detach, no_grad or .data on the way from x to the result."
        raise CheckFailed("softplus(x) records no gradient.", hint)
    if comes is not True:
        hint = "softplus calls Softplus.apply(x), so that your backward is used."
        raise CheckFailed("softplus(x) does not come from Softplus.", hint)
    return function, own


def _expect_slope(got, x: torch.Tensor, upstream: torch.Tensor) -> None:
    """The gradient for x must be ``upstream``, the gradient that arrives, times the derivative of the softplus."""
    slope = x.sigmoid()
    softplus = x.clamp(min=0) + (-x.abs()).exp().log1p()
    naive = x.exp() / (1 + x.exp())
    overflow = "exp(x) / (1 + exp(x)) is inf / inf for large x. torch.sigmoid(x) takes care of that."
    expect(
        got,
        upstream * slope,
        what="The gradient for x",
        mistakes=[
            (slope, "The chain rule: multiply by grad_output, the gradient that arrives."),
            (upstream, "grad_output goes through unchanged: multiply it by the derivative at x."),
            (upstream * x, "Multiply grad_output by the derivative at x, not by x."),
            (upstream * slope.sum(), "Each element has a slope of its own: nothing is added up."),
            (upstream + slope, "The chain rule multiplies: grad_output * derivative."),
            (upstream * softplus, "Multiply by the derivative, which is the sigmoid of x, not by the result."),
            (upstream * softplus.sigmoid(), "You stored the result and took its sigmoid. The derivative is the sigmoid "
             "of x: store x."),
            (upstream * slope * (1 - slope), "The derivative of the softplus is the sigmoid itself. This is the "
             "derivative of the sigmoid."),
            (upstream * (1 - slope), "The sign in the exponent: the sigmoid is 1 / (1 + exp(-x))."),
            (upstream * (x > 0), "This is the derivative of relu. That of the softplus has no step, it is the "
             "sigmoid."),
            (upstream * naive, overflow),
        ],
        hints={"nonfinite": overflow, "values": "grad_output times sigmoid(x), element by element."},
        atol=1e-6,
    )  # fmt: skip


# --- 3.8 ---------------------------------------------------------------------------------------


def network_to_fit(state, lr, training, log):
    """A network, which arrives in training mode or not, and an optimizer for it.

    At each call the network notes in the log the first number of its input, the number of samples, the modes of its
    layers, whether a graph is recorded, how many graphs of earlier calls are still in memory, and the steps so far.
    """
    import weakref

    hidden, inputs = state["0.weight"].shape
    network = nn.Sequential(
        nn.Linear(inputs, hidden), nn.BatchNorm1d(hidden), nn.Tanh(), nn.Linear(hidden, len(state["3.weight"]))
    )
    network.load_state_dict(state)
    network.train(training)

    class Mark:
        """Lives as long as the graph that it is tied to."""

    marks: Any = weakref.WeakSet()

    def note(module, inputs, output):
        first = float(inputs[0].detach().flatten()[0])
        modes = sorted({part.training for part in module.modules()})
        log.append((first, len(output), modes, output.requires_grad, len(marks), optimizer.steps_noted))
        if output.grad_fn is not None:
            mark = Mark()
            marks.add(mark)
            output.grad_fn.register_prehook(lambda gradients, mark=mark: None)

    network.register_forward_hook(note)
    optimizer: Any = torch.optim.SGD(network.parameters(), lr=lr)
    optimizer.steps_noted = 0

    def note_step(optimizer, args, kwargs):
        optimizer.steps_noted += 1

    optimizer.register_step_post_hook(note_step)
    return network, optimizer


def loader_that_notes(x, y, batch_size, passes):
    """A loader that adds an entry to a list whenever it is read from the beginning."""

    class Noting(torch.utils.data.SequentialSampler):
        def __iter__(self):
            passes.append(len(passes))
            return super().__iter__()

    dataset = torch.utils.data.TensorDataset(x, y)
    return torch.utils.data.DataLoader(dataset, batch_size=batch_size, sampler=Noting(dataset))


def pairs_of(history):
    """The pairs of a history; nothing if it is no list of pairs."""
    is_list = isinstance(history, (list, tuple))
    if is_list and all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in history):
        return [list(pair) for pair in history]


@task(
    "3.8",
    "Repair this training loop",
    points=3,
    difficulty=2,
    minutes=6,
    names=["fit"],
    hints=[
        "Begin with the message, as section 4.4 of the lecture reads it: which line between the forward pass and "
        "`backward()` changes the weights in place? For the rest, go through the loop line by line, for *two* epochs: "
        "in which mode is the model, is a graph recorded, and what still holds on to it?",
        "The order for each batch is predict, loss, `zero_grad`, `backward`, `step`. `eval()` stays on until `train()` "
        "is called. `total += loss * len(labels)` keeps the graph of every batch (section 4.3). Measuring needs no "
        "graph at all (section 4.2).",
        "`model.train()` is the first line of the epoch; `total += loss.item() * len(labels)`; and the loop over "
        "`validation_loader` stands inside `with torch.no_grad():`.",
    ],
    on_error={
        "modified by an inplace operation": "optimizer.step() changes the weights in place. backward() still needs "
        "those that the prediction was made with: does a step stand between the two?",
        "does not require grad": "The loss has no graph, but training must be recorded: does no_grad or inference_mode "
        "go on after the measuring, do the parameters no longer require gradients, or was .item() or detach() used "
        "before backward()?",
        "graph a second time": "backward() went through the graph of an earlier batch again: call it on the loss of "
        "the present batch alone, not on a sum that grows.",
        "no attribute 'backward'": STAYS_A_TENSOR,
        "Inplace update to inference tensor|Inference tensors cannot": "inference_mode belongs around the measuring "
        "only: what it makes cannot be used in training.",
    },
    hidden=5,
)
def repaired_loop(student: Student, rng, case: int) -> None:
    size = [6, 8, 5][case] if case < 3 else int(rng.integers(5, 9))
    full = int(rng.integers(3, 5))
    epochs = [2, 3, 2][case] if case < 3 else int(rng.integers(2, 4))
    n = full * size + (0 if case == 0 else int(rng.integers(3, size - 1)))
    features = int(rng.integers(3, 6))
    classes = int(rng.integers(3, 5))
    lr = 0.2
    arrives = "training" if case % 2 else "evaluation"
    student.case = f"{epochs} epochs, {n} training samples in batches of {size}; the model arrives in {arrives} mode"
    state = _network(rng, features, 6, classes)
    x = normal(rng, n, features)
    y = _labels(rng, n, classes)
    losses, states = [], [state]
    for _ in range(epochs):
        batch_losses, after = _train(states[-1], x, y, size, lr)
        losses.append(batch_losses)
        states.append(after)
    seen, targets, accuracies = _validation_data(rng, states[1:], 2 * size + int(rng.integers(2, size)))
    log, passes = student.put([]), student.put([])
    model, optimizer = student.call(network_to_fit, state, lr, arrives == "training", log)
    train_loader = student.call(loader_that_notes, x, y, size, passes, keep=True)
    loader = student.call(loader_of, seen, targets, size, keep=True)
    history = student.call("fit", model, train_loader, loader, optimizer, epochs, keep=True)

    hint = "Call it as a function, `model(inputs)`, and work with what it returns."
    calls = student.seen(log, "The model", hint=hint)
    _expect_calls(calls, x, seen, size, epochs)
    if (times := len(student.get(passes))) < epochs:
        hint = "A loader shuffles, and transforms at random, anew each time that it is read: write "
        hint += "`for inputs, labels in train_loader` inside the loop over epochs."
        raise CheckFailed(f"train_loader was read {times} time{'s' * (times != 1)} for {epochs} epochs.", hint)
    _expect_trainable(student, model, "fit")
    hint = "One update for each batch: step() stands once inside the loop over train_loader."
    _expect_steps(student, optimizer, epochs * len(losses[0]), hint)
    trained = student.call(trained_state, model)
    if not _agree(trained, states[-1]):
        _explain_fit(trained, states[-1], state, (x, y, size, lr), epochs)
    _expect_history(student.call(pairs_of, history), losses, accuracies, (y, targets, size))


def _validation_data(rng, states: list[dict], n: int) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """Inputs, labels, and which of them each state gets right. No two logits are close."""
    classes = len(states[0]["3.bias"])
    x = normal(rng, 40 * n, states[0]["0.weight"].shape[1])
    best = torch.stack([_forward(state, x, training=False).topk(2).values for state in states])
    x = x[(best[..., 0] - best[..., 1] > 1e-2).all(0)][:n]
    guesses = [_forward(state, x, training=False).argmax(1) for state in states]
    y = (guesses[-1] + torch.from_numpy(rng.integers(0, 2, n))) % classes
    y[0] = guesses[-1][0]
    y[1] = (guesses[-1][1] + 1) % classes
    return x, y, [(guess == y).float() for guess in guesses]


def _expect_calls(calls: list, x: torch.Tensor, seen: torch.Tensor, size: int, epochs: int) -> None:
    """Of each epoch: training batches in training mode, one graph at a time; then the validation data, without both."""
    batches = -(-len(x) // size)
    trained_on, measured_on = set(x[:, 0].tolist()), set(seen[:, 0].tolist())
    starts = [first for first, *_ in calls]
    measures = not measured_on.isdisjoint(starts)
    count = measured = 0
    previous = None
    # the steps after each call: those that the next call notes
    later = [steps for *_, steps in calls[1:]] + [calls[-1][-1]]
    for (first, samples, modes, recorded, graphs, steps), steps_then in zip(calls, later, strict=True):
        if first not in trained_on | measured_on:
            hint = "Give it the inputs of each batch as they are: `model(inputs)`."
            raise CheckFailed("The model was given numbers that neither loader holds.", hint)
        number = min(count // batches + (first in trained_on), epochs)
        doing = "training in" if first in trained_on else "measuring after" if number else "measuring before"
        when = f"While {doing} epoch {max(number, 1)}"
        if len(modes) > 1:
            hint = "model.train() and model.eval() reach every layer; `model.training = ...` sets the outermost alone."
            raise CheckFailed(f"{when}, some layers were in training mode and some in evaluation mode.", hint)
        training = modes == [True]
        _expect_mode(when, first in trained_on, training, recorded, stepped=steps_then > steps, measures=measures)
        if first == previous:
            hint = "Call the model once for each batch, and take all that you need from the same logits."
            if first in trained_on:
                hint += " The loss counts as it was before the update."
            raise CheckFailed(f"{when}, the same batch went through the model twice.", hint)
        previous = first
        if first in trained_on:
            if graphs > 1:
                hint = "Something of each batch still has its history, such as a loss that was added up or stored as "
                hint += "it is. Keep loss.item(), or loss.detach()."
                words = f"At batch {count % batches + 1} of epoch {number}, the graphs of {graphs} earlier batches "
                raise CheckFailed(words + "were still in memory.", hint)
            count += 1
        else:
            measured += samples
    _expect_totals(count, measured, [first in trained_on for first in starts], (batches, len(seen)), epochs)


def _expect_mode(
    when: str, in_training: bool, training: bool, recorded: bool, *, stepped: bool, measures: bool
) -> None:
    """Training data in training mode, validation data in evaluation mode and without a graph."""
    if in_training:
        if not training and not recorded:
            hint = "The loss of an epoch is made of the losses of its batches, each as it was before its update."
            if not measures:
                hint = "The accuracy is measured on data that the model is not trained on: loop over validation_loader."
            raise CheckFailed("Training data went through the model in evaluation mode, without a graph.", hint)
        if not training:
            hint = "eval() stays on until train() is called: every epoch begins with model.train()."
            raise CheckFailed(f"{when}, the model was in evaluation mode.", hint)
    elif training:
        hint = "Call model.eval() before the loop over validation_loader."
        if recorded and stepped:
            hint = "The model may not be trained on validation data: no backward() and no step() there."
        raise CheckFailed(f"{when}, the model was in training mode.", hint)
    elif recorded:
        hint = "Measuring needs no gradients: put the loop inside `with torch.no_grad():`."
        raise CheckFailed(f"{when}, a graph was recorded.", hint)


def _expect_totals(count: int, measured: int, order: list[bool], sizes: tuple[int, int], epochs: int) -> None:
    """Each epoch trains on every batch, then measures on every validation sample; ``order`` is true for training."""
    batches, samples = sizes
    if count != epochs * batches:
        hint = "In each epoch, every training batch goes through the model once, and every validation batch after them."
        if count % batches == 0 and count < epochs * batches:
            hint = f"The loop over epochs ended after epoch {count // batches}: does a `return` stand inside it?"
        words = f"The model was given training batches {count} times, for {epochs} epochs of {batches} batches."
        raise CheckFailed(words, hint)
    if measured != epochs * samples:
        hint = "Go through all of validation_loader, once after each epoch."
        words = f"The model was given {measured} validation samples, for {epochs} epochs with {samples} each."
        raise CheckFailed(words, hint)
    if sum(a != b for a, b in pairwise(order)) != 2 * epochs - 1 or not order[0]:
        hint = "The loop over validation_loader comes after that over train_loader, once in each epoch."
        raise CheckFailed("Training and measuring did not take turns, epoch by epoch.", hint)


def _explain_fit(got: dict, after: dict, state: dict, settings: tuple, epochs: int) -> None:
    """Say which mistake gives the wrong model."""
    x, y, size, lr = settings
    sizes = [len(part) for part in y.split(size)] * epochs
    again = (x.repeat(epochs, 1), y.repeat(epochs))
    everything = (*again, sizes)
    by_epoch = state
    for _ in range(epochs):
        by_epoch = _train(by_epoch, x, y, size, lr, clear=False)[1]
    before_last = _train(state, again[0][: -sizes[-1]], again[1][: -sizes[-1]], sizes[:-1], lr)[1]
    late = {k: before_last[k] if "running" not in k else after[k] for k in after}
    clear = "The gradients of earlier batches were still in the sum: zero_grad() for each batch, before backward()."
    mistakes = [
        (late, "The parameters are those from before the last update: each step used the gradients of the batch before "
         "it, and the last were never used. The order is zero_grad, backward, step."),
        (_train(state, *everything, 0.0)[1], "The parameters have not moved, although step() was called: are there "
         "gradients when it is called? The order is zero_grad, backward, step."),
        (by_epoch, clear),
        (_train(state, *everything, lr, clear=False)[1], clear),
        (_train(state, *everything, 2 * lr)[1], "Each step was twice as long as one from the mean loss of its batch: "
         "is backward() called twice?"),
        (_train(state, *everything, lr, softmax=True)[1], "cross_entropy takes the logits as they are: it does the "
         "softmax itself. Remove yours."),
    ]  # fmt: skip
    values = "One update for each batch, from its mean loss: zero_grad, backward, step, in this order, and nothing "
    values += "else that changes the model or the optimizer."
    # rounding that differs between processors grows from step to step: 2e-5 was seen
    close = {"rtol": 1e-3, "atol": 3e-4}
    expect(got, after, what="The model after all epochs", mistakes=mistakes, hints={"values": values}, **close)


def _expect_history(pairs, losses: list, accuracies: list, settings: tuple) -> None:
    """The history must have the mean loss and the accuracy of each epoch."""
    y, targets, size = settings
    if not isinstance(pairs, list) or len(pairs) != len(losses):
        hint = "Begin with an empty list, append one pair (loss, accuracy) in each epoch, and return it after the last."
        raise CheckFailed(f"fit must return a list with one pair for each of the {len(losses)} epochs.", hint)
    counts = _samples_per_batch(y, size)
    sums = torch.stack([(one * counts).sum() for one in losses])
    for epoch, (pair, batch_losses, hits) in enumerate(zip(pairs, losses, accuracies, strict=True), 1):
        total = (batch_losses * counts).sum()
        weight = "The mean loss of a batch is an average over its samples: multiply it by len(labels) before adding, "
        weight += "and divide once by the number of all samples."
        expect(
            pair[0],
            total / len(y),
            what=f"The mean loss of epoch {epoch}",
            mistakes=[
                (batch_losses.mean(), weight),
                (batch_losses.sum() / len(y), weight),
                (total, "Divide the sum by the number of samples."),
                (batch_losses[-1], "This is the loss of the last batch: add up those of all."),
                (hits.mean(), "The order is (loss, accuracy)."),
                (sums[:epoch].sum() / len(y), "The sum goes on from epoch to epoch: set it to 0 at the start of each."),
                (sums[:epoch].mean() / len(y), "The sums go on from epoch to epoch: set them to 0 at the "
                 "start of each."),
                (total / (len(counts) * size), "The last batch is smaller: divide by the number of samples, not by "
                 "that of the batches times batch_size."),
                (sums[-1] / len(y), "This is the loss of the last epoch: append a pair in each epoch."),
                *[((total / len(y)).double().round(decimals=digits), "Return the mean as it is, without rounding.")
                  for digits in (1, 2, 3, 4)],
            ],
            hints={"values": "Multiply the loss of each batch, as it was before its update, by len(labels); add up, "
                   "and divide by the number of samples."},
        )  # fmt: skip
        expect(
            pair[1],
            hits.mean(),
            what=f"The accuracy after epoch {epoch}",
            mistakes=[
                (100 * hits.mean(), "The accuracy is a share from 0 to 1."),
                (hits.sum(), "Divide the number of right predictions by the number of validation samples."),
                (hits.sum() / len(y), "Divide by the number of validation samples, not of training samples."),
                (torch.stack([part.mean() for part in hits.split(size)]).mean(), "The last batch is smaller: count the "
                 "right predictions of all batches, and divide once."),
                (1 - hits.mean(), "The task asks for the share of right predictions, not of wrong ones."),
                (sum(one.sum() for one in accuracies[:epoch]) / len(targets), "The count goes on from epoch to epoch: "
                 "set it to 0 at the start of each."),
                (torch.stack(accuracies[:epoch]).mean(), "The counts go on from epoch to epoch: set them to 0 at the "
                 "start of each."),
                (accuracies[-1].mean(), "This is the accuracy after the last epoch: measure in each epoch."),
                (sums[min(epoch, len(sums) - 1)] / len(y), "This is a loss: return one list with a pair (loss, "
                 "accuracy) for each epoch, not a list of losses and one of accuracies."),
                *[(hits.mean().double().round(decimals=digits), "Return the accuracy as it is, without rounding.")
                  for digits in (1, 2, 3, 4)],
            ],
            hints={"values": "Count the right predictions for all of validation_loader, as the model is after this "
                   "epoch, and divide by the number of its samples."},
        )  # fmt: skip
