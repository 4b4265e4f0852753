"""Checks of exercise 3: autograd, data sets and loaders, the training loop."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from lecture_utils.grading import CheckFailed, Code, Handle, Student, StudentError, close, expect, normal, task

SETUP = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset
from lecture_utils import check, load_dataset, progress, show_images
"""


def _labels(rng: np.random.Generator, size: int, classes: int) -> torch.Tensor:
    return torch.from_numpy(rng.integers(0, classes, size))


# --- 3.1 ---------------------------------------------------------------------------------------

FUNCTIONS = (  # of a tensor of any shape, to a number
    "lambda x: ((2 * x - 1) ** 2 + 3 * x).mean()",
    "lambda x: (x**3 - 2 * x).sum()",
    "lambda x: (x * x.sum()).mean()",
    "lambda x: (x.sin() * x).sum() ** 2",
    "lambda x: (x.exp() / (1 + x.exp().sum())).sum()",
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
        "autograd, make a leaf of your own that has the values of `x` and nothing else of it.",
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
    inner, n = 2 * x - 1, x.numel()
    mistakes = [
        (4 * inner + 3, "The factor of the mean is missing: each element has a share of 1 / n in it."),
        ((2 * inner + 3) / n, "The chain rule: the inner part 2x - 1 has the derivative 2."),
        ((4 * inner + 3 * x) / n, "The derivative of 3x is 3: x itself is gone."),
        (4 * inner / n, "The term 3x has a derivative too."),
        (4 * inner / n + 3, "The mean divides the whole sum by n, the part that comes from 3x as well."),
        ((inner**2 + 3 * x).mean(), "This is y itself. Asked for is its derivative by each element of x."),
    ]
    if x.dim() > 1:
        mistakes.append(((4 * inner + 3) / len(x), "len(x) is the number of rows only: x.numel() counts all elements."))
    got = student.call("gradient_by_hand", x)
    expect(got, (4 * inner + 3) / n, what="The gradient by hand", mistakes=mistakes)

    f = FUNCTIONS[0 if case == 0 else int(rng.integers(1, len(FUNCTIONS)))]
    leaf = x.clone().requires_grad_()
    value = eval(f)(leaf)
    (expected,) = torch.autograd.grad(value, leaf)
    handle, function = student.put(x), student.put(Code(f))
    old = None
    if case % 3 == 2:
        old = normal(rng, *shape).to(x.dtype)
        student.call(Code("lambda t, g: setattr(t.requires_grad_(), 'grad', g)"), handle, old)
    left = "requires a gradient and has one already" if old is not None else "requires no gradient"
    student.case += f" | f is {f.removeprefix('lambda x: ')}, and its x {left}"
    got = student.call("gradient_by_autograd", function, handle)
    mistakes = [(value.detach(), "This is f(x). Call backward() on it, and return the gradient of your leaf.")]
    if old is not None:
        added = "x had a gradient already, and backward() adds to what is there. Work on a leaf of your own."
        mistakes.append((old + expected, added))
        mistakes.append((old, "This is the gradient that x had before. Work on a leaf of your own."))
    none = "The gradient lies in .grad of the leaf that went into f. Anything that is computed from it is no leaf."
    expect(got, expected, what="The gradient by autograd", mistakes=mistakes, hints={"none": none})
    asks, grad = student.call(Code("lambda t: (t.requires_grad, t.grad)"), handle)
    hint = "Leave the given x alone: x.detach().clone() has its values and is a tensor of your own."
    if not torch.equal(student.get(handle), x):
        raise CheckFailed("The values of the given x have changed.", hint)
    if asks != (old is not None):
        raise CheckFailed("requires_grad of the given x has changed.", hint)
    if (grad is None) != (old is None) or (old is not None and not torch.equal(grad, old)):
        raise CheckFailed("The .grad of the given x has changed.", hint)


# --- 3.2 ---------------------------------------------------------------------------------------

CURVES = (  # far from straight and from parabolas, and no element can be taken alone
    "(t**3).sum() + t.sum() ** 3",
    "(t**3).mean() * 4 + t.exp().sum()",
    "(t.exp() * t.sum()).sum()",
    "((1 + t.sum()) ** 4).sum() + (t**5).sum()",
)


@task(
    "3.2",
    "A gradient checker",
    points=3,
    difficulty=2,
    minutes=8,
    names=["numerical_gradient"],
    hints=[
        "One element after the other: only that element moves, up by `delta` and down by `delta`, all others stay. "
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
        "is invalid for input of size": "f wants a tensor of the shape of x.",
    },
)
def gradient_checker(student: Student, rng, case: int) -> None:
    shapes = {0: (3,), 1: (2, 3), 2: (3, 2), 3: (), 4: (2, 2, 2), 7: (2, 4)}
    shape = shapes[case] if case in shapes else tuple(rng.integers(1, 4, int(rng.integers(1, 4))).tolist())
    delta = [0.1, 1e-5, 0.25][case % 3]
    curve = CURVES[case % len(CURVES)]
    f = eval(f"lambda t: {curve}")
    x = torch.from_numpy(np.asarray(rng.uniform(0.3, 1.2, shape), "float64" if case % 2 else "float32"))
    turned = case % 5 == 2
    student.case = f"x of shape {shape}, {str(x.dtype).removeprefix('torch.')}"
    student.case += f"{', a transposed view' * turned} | f(t) = {curve}, delta = {delta}"
    flat = x.double().flatten()
    ahead, behind, leaf = torch.empty_like(flat), torch.empty_like(flat), x.double().clone().requires_grad_()
    for i in range(len(flat)):
        step = torch.zeros_like(flat)
        step[i] = delta
        here = f(flat.view(shape))
        ahead[i] = (f((flat + step).view(shape)) - here) / delta
        behind[i] = (here - f((flat - step).view(shape))) / delta
    ahead, behind = ahead.view(shape), behind.view(shape)
    expected = (ahead + behind) / 2
    (exact,) = torch.autograd.grad(f(leaf), leaf)
    together = (f(x.double() + delta) - f(x.double() - delta)) / (2 * delta)

    log = student.put(Code("[]"))
    note = f"lambda log: lambda t: (log.append((t.dtype, list(t.shape))), {curve})[1]"
    function = student.call(Code(note), log, keep=True)
    given = student.put(x)
    if turned:
        given = student.call(Code("lambda t: t.mT"), x.mT.contiguous(), keep=True)
    got = student.call("numerical_gradient", function, given, delta)
    for dtype, seen in student.get(log):
        if seen != list(shape):
            raise CheckFailed(
                f"f was called with a tensor of shape {tuple(seen)}.", "f wants the shape of x, each time."
            )
        if dtype != torch.float64:
            name = str(dtype).removeprefix("torch.")
            raise CheckFailed(
                f"f was called with a tensor of {name}.", "Convert x before the first step: x.double() has 16 digits."
            )
    expect(
        got,
        expected,
        what="The gradient",
        mistakes=[
            (ahead, "This is the step up only, (f(x + delta) - f(x)) / delta. Take one up and one down."),
            (behind, "This is the step down only, (f(x) - f(x - delta)) / delta. Take one up and one down."),
            (expected * 2, "From x - delta to x + delta the way is 2 * delta long: divide by that."),
            (expected * delta**2, "Dividing by 2 * delta needs brackets: `/ 2 * delta` divides by 2 and multiplies."),
            (expected * 2 * delta, "The difference of the two values must be divided by the way, 2 * delta."),
            (-expected, "The sign: value after the step up minus value after the step down."),
            (together.expand(shape), "All elements moved at the same time. Each slope needs a step of its own."),
            (exact, "This is the derivative itself, as autograd has it. Asked for is the quotient of differences."),
        ],
        hints={
            "shape": "The result has one slope for each element, so it has the shape of x.",
            "dtype": "The result is float64: convert x at the beginning, and build on what you get.",
            "values": "Does only one element move at a time, and is each one back in its place before the next moves? "
            "`old = x[i]` is no copy: it is a view, which changes with x.",
        },
        rtol=1e-6,
        atol=1e-7,
    )
    if not torch.equal(student.get(given), x):
        hint = "x.double() is a copy only if x is of another dtype: add .clone(). And up and down again does not "
        hint += "lead back to the very same number."
        raise CheckFailed("The function changed its argument number 2.", hint)


# --- 3.3 ---------------------------------------------------------------------------------------

TRANSFORMS = ("1 - t", "t.flip(-1) / 2", "2 * t - 1", "t.mT + 1")


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
        "of size 1 in front with `unsqueeze(0)`. A label becomes a number of Python with `int(...)` or `.item()`.",
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
    student.case += f"transform: lambda t: {transform}" if transform else "no transform"
    plain = images.float().unsqueeze(1) / 255
    expected = eval(f"lambda t: {transform}")(plain) if transform else plain

    log, extra = student.put(Code("[]")), []
    if transform:
        note = f"lambda log: lambda t: (log.append((str(getattr(t, 'dtype', 0)), list(np.shape(t)))), {transform})[1]"
        extra = [student.call(Code(note), log, keep=True)]
    dataset = student.call("DigitDataset", images, labels, *extra, keep=True)
    length = student.call(Code("lambda d: len(d)"), dataset)
    expect(length, n, what="len(dataset)", hints={"values": "The length is the number of images."})
    for index in (0, n - 1, int(rng.integers(n)), -1):
        before = len(student.get(log))
        sample = student.call(Code("lambda d, i: d[i]"), dataset, index)
        if not isinstance(sample, tuple) or len(sample) != 2:
            raise CheckFailed(f"dataset[{index}] must be a pair.", "Return two things: `return image, label`.")
        image, label = sample
        calls = student.get(log)[before:]
        if any(len(shape) == 0 for _, shape in calls):
            raise CheckFailed("transform was called with the label.", "Only the image is transformed.")
        if transform and not calls:
            hint = "A random transform makes a new picture each time: call it in __getitem__, on the image asked for."
            raise CheckFailed(f"dataset[{index}] did not call transform.", hint)
        dtype, shape = calls[0] if calls else ("", [])
        if transform and (dtype != "torch.float32" or list(shape) != [1, height, width]):
            hint = "First convert and add the channel, then transform: it gets what would be returned without it."
            raise CheckFailed(f"transform was called with {dtype.removeprefix('torch.')}, shape {tuple(shape)}.", hint)
        raw = images[index].float()[None]
        mistakes = [
            (raw, "The pixels still run from 0 to 255: divide by 255."),
            (raw / 256, "The largest pixel is 255, so divide by 255: white must become 1."),
            (raw / raw.max().clamp(min=1), "Divide by 255, not by the brightest pixel of this image."),
            (raw / images.max().clamp(min=1), "Divide by 255, not by the brightest pixel of these images."),
            ((raw / 255).floor(), "// cuts off everything behind the decimal point: use /."),
            ((raw / 255).round(), "The pixels were rounded to 0 and 1: divide, and keep the fractions."),
        ]
        if transform:
            mistakes = [(plain[index], "transform is not applied, or its result is thrown away.")]
        expect(
            image,
            expected[index],
            what=f"The image of dataset[{index}]",
            mistakes=mistakes,
            hints={
                "shape": f"The images are grey: one channel in front makes (1, {height}, {width}).",
                "dtype": "float32 is wanted: uint8 divided by 255 gives it, or say .float().",
            },
        )
        if type(label) is not int:
            hint = "Make it a Python int: int(self.labels[index]) or self.labels[index].item()."
            raise CheckFailed(f"The label of dataset[{index}] is no int.", hint, got=type(label).__name__)
        hint = "The label at the same index, as it is."
        expect(label, int(labels[index]), what=f"The label of dataset[{index}]", hints={"values": hint})
    ending = "Past the end a data set raises IndexError, as a list does: that is how a for-loop over it knows when to "
    ending += "stop. self.images[index] raises it by itself; a slice does not."
    try:
        student.call(Code("lambda d, i: d[i]"), dataset, n)
    except StudentError as error:
        if error.kind != "IndexError":
            raise CheckFailed(f"dataset[{n}] raised {error.kind}, for {n} samples.", ending) from None
    else:
        raise CheckFailed(f"dataset[{n}] raised no IndexError, for {n} samples.", ending)
    size = int(rng.integers(2, 5))
    batches = student.call(Code("lambda d, k: list(torch.utils.data.DataLoader(d, batch_size=k))"), dataset, size)
    right = list(zip(expected.split(size), labels.split(size), strict=True))
    expect(batches, right, what="list(DataLoader(dataset))")


# --- 3.4 ---------------------------------------------------------------------------------------


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
    make = Code("lambda x, y: torch.utils.data.TensorDataset(x, y)")
    sets = []
    for count in (train_size, test_size):
        x = torch.from_numpy(np.sort(rng.normal(size=count)).astype("float32"))  # sorted: any new order shows
        y = torch.from_numpy(np.arange(count))
        sets.append((x, y, student.call(make, x, y, keep=True)))
    options: dict[str, Any] = {} if size == 128 else {"batch_size": size}
    pair = student.call("make_loaders", *(handle for _, _, handle in sets), keep=True, **options)
    kind = Code("lambda p: isinstance(p, (tuple, list)) and [isinstance(l, torch.utils.data.DataLoader) for l in p]")
    if student.call(kind, pair) != [True, True]:
        what = "The result must be two DataLoaders, that for training and that for testing."
        raise CheckFailed(what, "The last line: `return train_loader, test_loader`.")
    for number, (name, (x, y, _)) in enumerate(zip(("training", "test"), sets, strict=True)):
        read = "lambda p, i, cpu: (cpu.__enter__(), [list(p[i]) for _ in 'ab'], cpu.__exit__(None, None, None))[1]"
        first, second = student.call(Code(read), pair, number, torch.device("cpu"))
        one, two = (torch.cat([labels for _, labels in epoch]) for epoch in (first, second))
        lengths, right = [len(labels) for _, labels in first], [len(part) for part in y.split(size)]
        if len(one) == len(sets[1 - number][1]) != len(y):
            hint = "The first loader reads train_set, the second test_set, and so they are returned."
            raise CheckFailed(f"The loader for the {name} data reads the other data set.", hint)
        if lengths != right:
            sizes = f"batches of {', '.join(map(str, lengths[:12]))}{', ...' if len(lengths) > 12 else ''}"
            hint = "Give batch_size on to both loaders; its default is 128."
            if lengths == right[:-1]:
                hint = "The last, smaller batch is lost: no drop_last here, every sample counts."
            elif set(lengths) == {1}:
                hint = "A DataLoader that is told no batch size makes batches of 1: give it batch_size=batch_size."
            raise CheckFailed(f"The {name} loader has batches of the wrong size.", hint, got=sizes)
        for order in (one, two):
            if not torch.equal(order.sort().values, y):
                hint = "An epoch uses every sample exactly once: shuffle, but do not draw with replacement."
                raise CheckFailed(f"An epoch of the {name} loader misses some samples and repeats others.", hint)
        if not torch.equal(torch.cat([inputs for inputs, _ in first]), x[one]):
            raise CheckFailed(
                f"Inputs and labels of the {name} loader do not belong together.", "Shuffle whole samples."
            )
        if number == 0:
            if torch.equal(one, y) or torch.equal(two, y):
                hint = "Training data come in a new random order in each epoch: shuffle=True."
                raise CheckFailed("The training data come in the order of the data set.", hint)
            if torch.equal(one, two):
                hint = "The order must be drawn anew in each epoch. shuffle=True does that by itself."
                raise CheckFailed("The training data come in the same order in both epochs.", hint)
        elif not torch.equal(one, y) or not torch.equal(two, y):
            hint = "The result of a test does not depend on the order: leave the test data in place, so that batch and "
            raise CheckFailed("The test data are shuffled.", hint + "prediction can be found again. No shuffle there.")


# --- 3.5 and 3.6: a small network here and there ---------------------------------------------------

_BUILD = Code(
    "lambda s: (lambda m: (m.load_state_dict(s), m.eval())[1])(nn.Sequential(nn.Linear(*s['0.weight'].shape[::-1]), "
    "nn.BatchNorm1d(len(s['1.weight'])), nn.Tanh(), nn.Linear(*s['3.weight'].shape[::-1])))"
)
_WATCH = Code("lambda m, log: m.register_forward_hook(lambda m, i, o: log.append((m.training, o.requires_grad)))")
_LOADER = Code("lambda x, y, k: torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=k)")
# Batches of something that is no tensor before its .to(device) was called: what forgets it fails without a GPU too.
_AWAY = Code(
    "lambda x, y, k: (lambda away: torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=k, "
    "collate_fn=lambda rows: [away(torch.stack(c)) for c in zip(*rows)]))(type('TensorOnAnotherDevice', (), {"
    "'__init__': lambda s, t: setattr(s, 't', t), 'to': lambda s, *a, **k: s.t.to(*a, **k), "
    "'__len__': lambda s: len(s.t), 'size': lambda s, *a: s.t.size(*a), 'shape': property(lambda s: s.t.shape)}))"
)


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
    mean, variance = state["1.running_mean"], state["1.running_var"]
    if training:
        state["1.running_mean"] = 0.9 * mean + 0.1 * x.detach().mean(0)
        state["1.running_var"] = 0.9 * variance + 0.1 * x.detach().var(0)
        mean, variance = x.mean(0), x.var(0, correction=0)
    x = (x - mean) / (variance + 1e-5).sqrt() * state["1.weight"] + state["1.bias"]
    return F.linear(x.tanh(), state["3.weight"], state["3.bias"])


def _train(state: dict, x, y, size: int, lr: float, *, clear=True, softmax=False) -> tuple[torch.Tensor, dict]:
    """The loss of each batch of an epoch of SGD, and the state after it, without the counter of batches."""
    state = {k: v.clone() for k, v in state.items() if v.dim()}
    parameters = [v for k, v in state.items() if "running" not in k]
    collected, losses = [torch.zeros_like(p) for p in parameters], []
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


def _alike(got, expected: dict[str, torch.Tensor]) -> bool:
    return isinstance(got, dict) and all(close(got.get(name), value) for name, value in expected.items())


def _number(student: Student, handle: Handle, what: str):
    """The value of a loss that was kept, if no graph hangs on it."""
    if student.call(Code("lambda t: isinstance(t, torch.Tensor) and t.requires_grad"), handle):
        hint = "A sum of losses keeps the graph of every batch alive. Add loss.item(), or loss.detach()."
        raise CheckFailed(f"{what} is a tensor with a graph behind it.", hint)
    return student.get(handle)


def _explain_training(loss, trained, losses, after, counts, state, settings) -> None:
    """Which mistake makes the loss or the model that is not right; only then is it worth the work."""
    lazy_losses, lazy = _train(state, *settings, clear=False)
    soft_losses, soft = _train(state, *settings, softmax=True)
    x, labels, size, _ = settings
    still, _ = _train(state, x, labels, size, 0.0)
    clear = "Without zero_grad the gradients of all earlier batches are added: clear them before each backward()."
    logits = "cross_entropy takes the logits as they are: it has the softmax inside. Remove yours."
    move = "The parameters did not move: backward() after zero_grad(), and then optimizer.step(), for each batch."
    per_batch = "The mean loss of a batch is an average over its samples. The mean of these means counts a sample of "
    per_batch += "the smaller last batch for more: weight each with len(labels)."
    weight = "The loss of a batch is a mean already: multiply it by len(labels) before adding, then divide once by "
    weight += "the number of all samples."
    total, n = (losses * counts).sum(), counts.sum()
    mistakes = [
        (losses.mean(), per_batch),
        (losses.sum() / n, weight),
        (losses.sum(), weight),
        (total / len(losses), "Divide by the number of samples, not by that of batches."),
        (total, "Divide the sum by the number of samples."),
        (losses[-1], "This is the loss of the last batch. Asked for is the mean over all samples of the epoch."),
    ]
    for wrong, hint in [(lazy_losses, clear), (soft_losses, logits), (still, move)]:
        mistakes += [((wrong * counts).sum() / n, hint), (wrong.mean(), hint), (wrong[-1], hint), (wrong.sum(), hint)]
    expect(loss, total / n, what="The mean loss of the epoch", mistakes=mistakes)
    mistakes = [({k: v for k, v in state.items() if v.dim()}, move), (lazy, clear), (soft, logits)]
    values = "One update for each batch: zero_grad, backward, step, in this order."
    expect(trained, after, what="The model after the epoch", mistakes=mistakes, hints={"values": values})


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
        "no attribute 'backward'": "The loss must stay a tensor until backward() was called: .item() only afterwards.",
        "OnAnotherDevice": "Move both tensors of a batch: images, labels = images.to(device), labels.to(device).",
        "size of tensor a|must match the size|Boolean value of Tensor": "logits has one row per sample and one column "
        "per class. The predicted class is logits.argmax(dim=1).",
        "not require grad": "No gradient is recorded: no_grad or inference_mode belongs into evaluate only, and "
        "the loss must be used as it is, without .item(), before backward().",
        "Expected target size|Expected floating point type|0D or 1D target": "cross_entropy wants first the logits "
        "(batch, classes), then the labels (batch).",
    },
    hidden=5,
)
def training_loops(student: Student, rng, case: int) -> None:
    size = [6, 8, 5][case] if case < 3 else int(rng.integers(5, 9))
    full = int(rng.integers(2, 4))
    last = 0 if case == 0 else int(rng.integers(3, size - 1))
    n, features, hidden, classes = full * size + last, int(rng.integers(3, 6)), 6, int(rng.integers(3, 5))
    student.case = f"{n} training samples in batches of {size}" + (f", the last one of {last}" if last else "")
    state, lr = _network(rng, features, hidden, classes), 0.2
    x, y = normal(rng, n, features), _labels(rng, n, classes)
    losses, after = _train(state, x, y, size, lr)
    model, log = student.call(_BUILD, state, keep=True), student.put(Code("[]"))
    student.call(_WATCH, model, log)
    optimizer = student.call(Code("lambda m, lr: torch.optim.SGD(m.parameters(), lr=lr)"), model, lr, keep=True)
    device = student.call(Code("lambda m: next(m.parameters()).device"), model)
    loader = _LOADER
    if case % 3 == 2:
        loader = _AWAY
        student.case += "; batches lie on another device until .to(device) is called"

    result = student.call(
        "train_one_epoch", model, student.call(loader, x, y, size, keep=True), optimizer, device, keep=True
    )
    seen = student.get(log)
    if not all(training for training, _ in seen):
        raise CheckFailed("While training, the model was in evaluation mode.", "Call model.train() before the loop.")
    if len(seen) != len(losses):
        hint = "One pass over the loader, and one call of model(...) for each batch."
        raise CheckFailed(f"The model was called {len(seen)} times for {len(losses)} batches.", hint)
    counts = torch.tensor([len(part) for part in y.split(size)], device="cpu")
    mean = (losses * counts).sum() / n
    loss = _number(student, result, "The mean loss")
    ask = Code("lambda m: {k: v for k, v in m.state_dict().items() if v.dim()}")
    trained = student.call(ask, model)
    if not close(loss, mean) or not _alike(trained, after):
        _explain_training(loss, trained, losses, after, counts, state, (x, y, size, lr))

    # The test data: no two logits are close, most of the last batch is right, and most of the others is not.
    n = full * size + max(last, 2)
    student.case = f"evaluate, {n} test samples in batches of {size}, the last one of {n - full * size}"
    student.case += "; batches lie on another device until .to(device) is called" if loader is _AWAY else ""
    x = normal(rng, 20 * n, features)
    best = _forward(after, x, training=False).topk(2).values
    x = x[best[:, 0] - best[:, 1] > 1e-2][:n]
    scores = _forward(after, x, training=False)
    predicted = scores.argmax(1)
    y = (predicted + torch.from_numpy(rng.integers(0, 2, n))) % classes
    y[0], y[1], y[full * size :] = predicted[0], (predicted[1] + 1) % classes, predicted[full * size :]
    student.call(Code("lambda m: m.train()"), model)
    student.call(Code("lambda log: log.clear()"), log)
    kept = student.call("evaluate", model, student.call(loader, x, y, size, keep=True), device, keep=True)
    seen = student.get(log)
    if any(training for training, _ in seen):
        raise CheckFailed("While evaluating, the model was in training mode.", "Call model.eval() before the loop.")
    if any(recorded for _, recorded in seen):
        hint = "Evaluation needs no gradients: put the loop into `with torch.no_grad():`."
        raise CheckFailed("While evaluating, a graph was recorded.", hint)
    expect(student.call(ask, model), trained, what="The model after evaluate", rtol=0, atol=0)
    each, hits = F.cross_entropy(scores, y, reduction="none"), (predicted == y).float()
    means = [torch.stack([part.mean() for part in v.split(size)]) for v in (each, hits)]
    share = "The last batch is smaller: count the right predictions of all batches, and divide once by the number of "
    share += "samples."
    soft_loss = F.cross_entropy(scores.softmax(1), y)
    expect(
        student.get(kept),
        (each.mean(), hits.mean()),
        what="The result of evaluate",
        mistakes=[
            ((hits.mean(), each.mean()), "The order is (loss, accuracy)."),
            ((means[0].mean(), means[1].mean()), share + " The loss goes the same way: weight it with len(labels)."),
            ((soft_loss, 100 * hits.mean()), "cross_entropy wants logits, and the accuracy is a share from 0 to 1."),
            ((means[0].sum() / n, hits.sum()), "Divide the sums over all samples by the number of samples."),
            ((means[0].sum(), 1 - hits.mean()), "A mean per sample, and the share of right predictions."),
            ((means[0][-1], hits.sum() / len(means[1])), "Sums over all samples, divided by the number of samples."),
            ((each.sum(), means[1][-1]), "Sums over all samples, divided by the number of samples."),
        ],
        hints={
            "type": "Return two numbers: `return total / count, correct / count`.",
            "none": "Return two numbers: `return total / count, correct / count`.",
        },
    )


# --- 3.6 ---------------------------------------------------------------------------------------

_PLAIN = Code(
    "lambda s: (lambda m: (m.load_state_dict(s), m)[1])(nn.Sequential(nn.Linear(*s['0.weight'].shape[::-1]), "
    "nn.Tanh(), nn.Linear(*s['2.weight'].shape[::-1])).cpu())"
)
_UNEQUAL = "Dividing by the number of micro-batches is right only if all are of one size. Weight each with its share "
_UNEQUAL += "of all samples, len(labels) / total."
# What happens in which order: the length of a batch when it goes forward, 0 when its gradient comes back.
_ORDER = Code(
    "lambda m, log: m.register_forward_hook(lambda m, i, o: (log.append(len(o)), "
    "o.register_hook(lambda g: log.append(0)) if o.requires_grad else None, None)[-1])"
)


def _explain_update(got: dict, after: dict, state: dict, step, pieces: list, leftover: bool) -> None:
    """Which mistake makes the model that is not right."""
    sizes = [len(labels) for _, labels in pieces]
    shares, one_by_one = [size / sum(sizes) for size in sizes], state
    for piece in pieces:
        one_by_one, _ = step(one_by_one, [piece], [1.0])
    weighting = "The loss of a micro-batch is a mean, which counts with its share of all samples: weighted with 1, "
    weighting += "it makes the gradient too large."
    clear = "The gradients of an earlier step were still there: call zero_grad() once, before the first micro-batch."
    forgot = "Only the last micro-batch counted: zero_grad() stands before the loop, not in it, or every gradient but "
    forgot += "the last is lost."
    often = "step() stands after the loop: one update from all the micro-batches together."
    none = "The parameters did not move: backward() for each micro-batch, then optimizer.step() once."
    sums = "Divide by the number of all samples: the sum makes the step that many times too long."
    count = len(pieces)
    wrong_states = [
        (state, none),
        (one_by_one, often),
        (step(state, pieces, [1.0] * count)[0], weighting),
        (step(state, pieces, [1 / count] * count)[0], _UNEQUAL),
        (step(state, pieces, shares, clear=False)[0], clear),
        (step(state, pieces[-1:], [1.0])[0], forgot),
        (step(state, pieces[-1:], shares[-1:])[0], forgot),
        (step(state, pieces[-1:], [1 / count])[0], forgot),
        (step(state, pieces, sizes)[0], sums),
        (step(state, pieces, [share / count for share in shares])[0], "Divide once: by the number of all samples."),
    ]
    if leftover:
        wrong_states += [(step(state, pieces, [1 / count] * count, clear=False)[0], clear)]
    values = "zero_grad once, backward for each micro-batch, step once; and every sample counts the same."
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
        'micro-batch adds the *sum* of its losses, divided by that same number: `reduction="sum"` is the sum.',
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
    features, hidden, classes, lr = int(rng.integers(2, 5)), 5, int(rng.integers(2, 5)), 0.5
    student.case = f"micro-batches of {', '.join(map(str, sizes))}"
    shapes = {"0.weight": (hidden, features), "0.bias": (hidden,), "2.weight": (classes, hidden), "2.bias": (classes,)}
    state = {name: normal(rng, *shape) for name, shape in shapes.items()}
    x, y = normal(rng, sum(sizes), features, scale=1.5), _labels(rng, sum(sizes), classes)
    pieces = list(zip(x.split(sizes), y.split(sizes), strict=True))
    model, log = student.call(_PLAIN, state, keep=True), student.put(Code("[]"))
    old = {name: torch.zeros_like(value) for name, value in state.items()}
    if case % 2:
        old = {name: normal(rng, *shape, scale=0.3) for name, shape in shapes.items()}
        student.case += "; the parameters hold gradients of an earlier step"
        leave = "lambda m, old: [setattr(p, 'grad', old[n]) for n, p in m.named_parameters()] and None"
        student.call(Code(leave), model, old, modifies=True)
    student.call(_ORDER, model, log)
    optimizer = student.call(Code("lambda m, lr: torch.optim.SGD(m.parameters(), lr=lr)"), model, lr, keep=True)

    def step(start, groups, weights, clear=True):
        """The state after one update from the weighted mean losses of some groups of samples, and these losses."""
        s = {k: v.clone().requires_grad_() for k, v in start.items()}
        losses = []
        for inputs, targets in groups:
            h = F.linear(inputs, s["0.weight"], s["0.bias"]).tanh()
            losses.append(F.cross_entropy(F.linear(h, s["2.weight"], s["2.bias"]), targets))
        loss = sum(w * one for w, one in zip(weights, losses, strict=True))
        gradients = dict(zip(s, torch.autograd.grad(loss, list(s.values())), strict=True))
        moved = {k: (v - lr * (gradients[k] + (0 if clear else old[k]))).detach() for k, v in s.items()}
        return moved, torch.stack(losses).detach()

    shares = [size / len(x) for size in sizes]
    after, losses = step(state, pieces, shares)
    mean = (losses * torch.tensor(shares, device="cpu")).sum()

    result = student.call("accumulated_step", model, optimizer, pieces, keep=True)
    order = student.get(log)
    forward = [entry for entry in order if entry]
    if len(forward) < len(sizes) or max(forward) > max(sizes):
        hint = "The whole batch does not fit into the memory: only one micro-batch at a time goes through the model."
        if forward == sizes[: len(forward)]:
            hint = "Use every micro-batch of the list: is there a return inside the loop?"
        raise CheckFailed("The micro-batches did not go through the model one by one.", hint)
    got = student.call(Code("lambda m: dict(m.state_dict())"), model)
    if not _alike(got, after):
        _explain_update(got, after, state, step, pieces, case % 2 == 1)
    if any(a and b for a, b in pairwise(order)):
        hint = "Call backward() inside the loop: it frees the graph of one micro-batch before the next one is recorded."
        raise CheckFailed("The graphs of several micro-batches were kept at the same time.", hint)
    expect(
        _number(student, result, "The mean loss"),
        mean,
        what="The mean loss",
        mistakes=[
            (losses.mean(), _UNEQUAL),
            (losses.sum(), "Each sample counts once: weight the loss of a micro-batch with its share of all samples."),
            (losses[-1], "This is the loss of the last micro-batch only: add up those of all."),
            (losses[-1] * shares[-1], "This is the part of the last micro-batch only: add up those of all."),
            (mean * len(x), "Divide the sum by the number of samples."),
        ],
        hints={"none": "Return the mean loss over all samples, a number."},
    )


# --- 3.7 ---------------------------------------------------------------------------------------


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
        "`backward` returns `grad_output * torch.sigmoid(x)`: the gradient that arrives, times the own derivative.",
    ],
    on_error={
        "returned an incorrect number of gradients": "backward returns one gradient for each argument of forward after "
        "ctx: here, one.",
        "not have been used in the graph|returned None|NoneType": "Does each of the two methods end with return?",
        "shape|size of tensor|broadcast": "The gradient for x has the shape of x: everything is element by element.",
        "has no attribute 'x'": "Store x in forward, with ctx.save_for_backward(x).",
        "not enough values to unpack|too many values|not tuple|'tuple'": "ctx.saved_tensors is a tuple, even of one: "
        "(x,) = ctx.saved_tensors.",
    },
)
def custom_function(student: Student, rng, case: int) -> None:
    shapes = {0: (4,), 1: (2, 3), 2: (6,), 3: (), 4: (2, 2, 2)}
    shape = shapes[case] if case in shapes else tuple(rng.integers(1, 5, int(rng.integers(1, 4))).tolist())
    x = normal(rng, *shape, scale=2, dtype="float64" if case % 4 == 1 else "float32")
    if large := case % 3 == 2:
        x = torch.from_numpy(rng.choice([-1, 1], shape) * rng.uniform(100, 1000, shape)).to(x.dtype)
        x.view(-1)[0] = x.view(-1)[0].abs()
    student.case = f"x of shape {shape}, {str(x.dtype).removeprefix('torch.')}{', large numbers' * large}"
    stable = "exp(x) is inf for large x. Write it so that only exp(-|x|) is needed."
    expected, slope = x.clamp(min=0) + (-x.abs()).exp().log1p(), x.sigmoid()
    expect(
        student.call("softplus", x),
        expected,
        what="softplus(x)",
        mistakes=[
            (slope, "This is the derivative, the sigmoid: it belongs into backward."),
            (x.clamp(min=0), "This is relu(x): the logarithm is missing."),
            (x.exp().log1p(), stable),
            (expected / math.log(10), "log is the natural logarithm: torch.log or torch.log1p."),
            (expected / math.log(2), "log is the natural logarithm: torch.log or torch.log1p."),
            (x.clamp(min=0) + x.abs().exp().log1p(), "The sign: -|x| in the exponent, so that exp never overflows."),
        ],
        hints={
            "nonfinite": stable,
            "values": "Try x = 0: log(1 + 1) is 0.6931.",
            "dtype": "The result has the dtype of x.",
        },
    )
    function = student.value("softplus")
    own = "lambda f, x: isinstance(f(x.requires_grad_()).grad_fn, torch.autograd.function.BackwardCFunction)"
    if not student.call(Code(own), function, x):
        hint = "softplus calls Softplus.apply(x), so that your backward is used."
        raise CheckFailed("softplus(x) does not come from a Function of your own.", hint)
    upstream = normal(rng, *shape, scale=2).to(x.dtype)
    naive = x.exp() / (1 + x.exp())
    pull = Code("lambda f, x, g: torch.autograd.grad(f(x.requires_grad_()), x, g)[0]")
    overflow = "exp(x) / (1 + exp(x)) is inf / inf for large x. torch.sigmoid(x) takes care of that."
    got = student.call(pull, function, x, upstream)
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
            (upstream * expected, "Multiply by the derivative, which is the sigmoid of x, not by the result."),
            (upstream * expected.sigmoid(), "You stored the result and took its sigmoid. The derivative is the sigmoid "
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
    used = Code("lambda f, x, g: torch.autograd.grad(f(2 * f(x.requires_grad_()) - 1) * f(-x), x, g)[0]")
    leaf = x.detach().clone().requires_grad_()
    chain = F.softplus(2 * F.softplus(leaf) - 1) * F.softplus(-leaf)
    hint = "Each call has a ctx of its own: what forward stores there, backward finds. Store nothing elsewhere."
    got = student.call(used, function, x, upstream)
    (right,) = torch.autograd.grad(chain, leaf, upstream)
    expect(got, right, what="The gradient of softplus used three times", hints={"values": hint}, atol=1e-3)
    if not large:
        ask = Code("lambda f, x: torch.autograd.gradcheck(f, x.double().requires_grad_(), raise_exception=False)")
        if student.call(ask, function, x) is not True:
            raise CheckFailed(
                "torch.autograd.gradcheck says no.", "Try it yourself, in float64, without raise_exception."
            )


# --- 3.8 ---------------------------------------------------------------------------------------


@task(
    "3.8",
    "Clip the gradients",
    points=3,
    difficulty=2,
    minutes=6,
    names=["clip_gradients"],
    hints=[
        "Two passes: the first finds the length of the whole gradient, the second shortens every part by the same "
        "factor. What if `parameters` can be walked through only once?",
        "First `gradients = [p.grad for p in parameters if p.grad is not None]`: a list can be used twice. The square "
        "of the total norm is the sum of all squared elements of all of them.",
        "`norm = sum((g**2).sum() for g in gradients) ** 0.5`, and only if `norm > max_norm`, for each of them "
        "`g.mul_(max_norm / norm)`.",
    ],
    on_error={
        "NoneType": "A parameter that took no part in the loss has .grad None: skip it.",
        "leaf Variable|leaf variable": "Change the gradients, p.grad, not the parameters.",
        "has no len|not subscriptable|object is not reversible": "parameters may be a generator: make a list first.",
        "backward|not require grad": "No backward is needed: the gradients are there, in p.grad.",
    },
)
def clipping(student: Student, rng, case: int) -> None:
    count = [3, 2, 3][case] if case < 3 else int(rng.integers(1, 5))
    shapes = [tuple(rng.integers(1, 4, int(rng.integers(1, 3))).tolist()) for _ in range(count)]
    shapes[0] = (2, 3)
    values = [normal(rng, *shape) for shape in shapes]
    gradients = [normal(rng, *shape, scale=3) for shape in shapes]
    absent = int(rng.integers(1, count)) if case % 3 == 2 and count > 1 else None
    present = [i for i in range(count) if i != absent]
    norm = torch.cat([gradients[i].flatten() for i in present]).norm()
    small = case % 4 == 1
    ratio = float(rng.uniform(1.3, 3) if small else rng.uniform(0.2, 0.5))
    max_norm = round(ratio * float(norm), 3)
    student.case = f"{count} parameters, the gradient is {'shorter' if small else 'longer'} than max_norm"
    student.case += ", as a generator" if case % 2 == 0 else ", as a list"
    student.case += ", one of them has no gradient" if absent is not None else ""
    student.case += f" | max_norm = {max_norm}"
    given = [None if i == absent else g for i, g in enumerate(gradients)]
    build = "lambda values, grads: [(lambda p: (setattr(p, 'grad', g), p)[1])(nn.Parameter(v)) for v, g in "
    parameters = student.call(Code(build + "zip(values, grads)]"), values, given, keep=True)
    passed = parameters
    if case % 2 == 0:
        passed = student.call(Code("lambda ps: (p for p in ps)"), parameters, keep=True)
    result = student.call("clip_gradients", passed, max_norm)
    grads = student.call(Code("lambda ps: [p.grad for p in ps]"), parameters)
    now = student.call(Code("lambda ps: [p.detach() for p in ps]"), parameters)
    if not all(torch.equal(a, b) for a, b in zip(values, now, strict=True)):
        raise CheckFailed("The parameters themselves have changed.", "Only their gradients, p.grad, are shortened.")
    if absent is not None and grads[absent] is not None:
        raise CheckFailed("The parameter without a gradient has got one.", "Skip it: its .grad stays None.")
    if not all(isinstance(grads[i], torch.Tensor) and grads[i].shape == shapes[i] for i in present):
        raise CheckFailed("A gradient is gone.", "Multiply the gradients, and leave them in p.grad.")
    factor = 1.0 if small else max_norm / norm
    before, expected = ([f * gradients[i] for i in present] for f in (1.0, factor))
    each = [g * min(1.0, max_norm / float(g.norm())) for g in before]
    by_value = [g.clamp(-max_norm, max_norm) for g in before]
    both = torch.stack([g.norm() for g in before])
    expect(
        result,
        norm,
        what="The norm",
        mistakes=[
            (norm**2, "The norm is the square root of the sum of squares."),
            (factor * norm, "Return the norm from before the clipping: it tells whether something was clipped."),
            (both.sum(), "Norms do not add up: add the squares of all elements, and take the root at the end."),
            (both.max(), "The norm of all gradients together, as if they were one long vector."),
            (both[-1], "This is the norm of the last gradient only."),
            (torch.cat([g.flatten() for g in before]).abs().sum(), "The norm is the root of the sum of the squares."),
            (torch.cat([values[i].flatten() for i in present]).norm(), "This is the norm of the parameters. Use "
             "p.grad."),
            (torch.zeros_like(norm), "A generator is empty after one pass: make a list of it first."),
        ],
        hints={"none": "Return the norm from before the clipping."},
    )  # fmt: skip
    mistakes = [
        (before, "The gradients are as long as before. A generator can be walked through only once: make a list of it "
         "first. And change p.grad itself: g.mul_(...), or p.grad = p.grad * ..."),
        (each, "Each gradient was clipped by itself, which changes the direction of the whole. All get one factor, "
         "from the norm of all."),
        (by_value, "Every element was cut by itself, which changes the direction. Multiply all by one factor."),
        ([g / norm for g in before], "This makes the length 1. The length should be max_norm."),
        ([g * max_norm for g in before], "Divide by the norm too: the factor is max_norm / norm."),
    ]  # fmt: skip
    if small:
        wrong = [g * max_norm / norm for g in before]
        mistakes = [(wrong, "A gradient that is short enough stays as it is: it must not be made longer.")]

    def joined(parts):
        return torch.cat([g.flatten() for g in parts])

    expect(
        joined(grads[i] for i in present),
        joined(expected),
        what="The gradient afterwards, all elements in a row,",
        mistakes=[(joined(wrong), hint) for wrong, hint in mistakes],
    )
