"""Checks of exercise 1: tensors."""

from typing import Any

import numpy as np
import torch

from lecture_utils.grading import CheckFailed, Code, Student, close, expect, task

SETUP = """
import numpy as np
import torch
from lecture_utils import check, progress, show_images
"""


@task(
    "1.1",
    "Six operations with broadcasting",
    points=2,
    difficulty=1,
    minutes=5,
    names=["arithmetic"],
    hints=[
        "Each of the six is a single expression with `a` and `b`. No loop is needed: broadcasting repeats `b` for "
        "every row.",
        'Python\'s own signs do it: `a + b`, `a // b`, `a % b`. Write the result as `{"+": ..., "-": ...}`.',
        'The first two entries are `"+": a + b` and `"-": a - b`; the other four follow the same pattern.',
    ],
    on_error={
        "must match the size": "b has one number per column. Aligned at the right, (m, n) and (n,) fit as they are: "
        "no reshaping is needed.",
        "ZeroDivisionError": "b holds no zeros, but a does: is the divisor on the right?",
    },
)
def arithmetic(student: Student, rng, case: int) -> None:
    sizes = {0: (2, 3), 1: (3, 3), 2: (4, 2), 3: (1, 4), 4: (3, 1), 5: (5, 5)}
    rows, columns = sizes[case] if case in sizes else rng.integers(2, 7, 2).tolist()
    # Every second column of b is negative, and the first row of a holds one number that leaves a remainder.
    b = rng.integers(2, 6, columns) * np.where(np.arange(columns) % 2, -1, 1) * rng.choice([-1, 1])
    a = rng.integers(-9, 10, (rows, columns))
    a[0] = -np.sign(b) * (2 * np.abs(b) + 1)
    if whole := case % 2 == 0:
        a, b = torch.tensor(a.tolist()), torch.tensor(b.tolist())
    else:
        # Halves are exact, and so are their quotients wherever rounding matters.
        a, b = torch.tensor((a / 2).tolist()), torch.tensor((b / 2).tolist())
    student.case = f"a of shape ({rows}, {columns}), b of shape ({columns},), {'int64' if whole else 'float32'}"
    expected = {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": a // b, "%": a % b}
    truncated = expected | {"//": torch.div(a, b, rounding_mode="trunc"), "%": torch.fmod(a, b)}
    mistakes = [
        (truncated, "// rounds down, towards minus infinity, and % is the remainder that belongs to it. Cutting off "
         "the decimals (trunc, fmod) differs for negative numbers."),
        (expected | {"-": b - a, "/": b / a}, "The order counts: a stands on the left, b on the right."),
        (expected | {"*": (a * b).sum(1)}, "`@` is the matrix product, which also adds up. Place by place is `*`."),
        (expected | {"//": a / b}, "// leaves whole numbers: it divides and rounds down."),
    ]  # fmt: skip
    if rows == columns:
        column = b[:, None]
        tall = {"+": a + column, "-": a - column, "*": a * column, "/": a / column, "//": a // column, "%": a % column}
        mistakes.append((tall, "b was used as a column, one number for each row. It holds one number for each column."))
    expect(
        student.call("arithmetic", a, b),
        expected,
        mistakes=mistakes,
        hints={
            "type": 'Return a dict with the six keys "+", "-", "*", "/", "//", "%", and a tensor for each.',
            "shape": "Every result has the shape of a.",
            "dtype": "The dtype is the one that the operator itself gives: whole numbers stay whole in all but `/`.",
        },
    )


@task(
    "1.2",
    "Cut a picture",
    points=2,
    difficulty=1,
    minutes=6,
    names=["cut"],
    hints=[
        "All five are one pair of square brackets behind `photo`. The order of the indices is channel, row, column, "
        "and `:` means everything of that dimension.",
        "A step is the third part of a slice, `start:stop:step`. Negative numbers count from the end, so `-2:` means "
        "the last two. A list of numbers picks in the order of the list.",
        '`"coarse"` is `photo[:, ::2, ::2]`, `"corner"` ends in `-2:, -3:]`, and `"right"` needs the slice `-1:`, '
        "because a slice keeps its dimension and a single number does not.",
    ],
    on_error={
        "step must be greater than zero": "PyTorch's slices have no negative step: list the channels, `[2, 1, 0]`.",
        "out of bounds|out of range": "The sizes differ from picture to picture: count from the end with negative "
        "numbers.",
    },
)
def cut(student: Student, rng, case: int) -> None:
    sizes = {0: (4, 6), 1: (5, 5), 2: (6, 3), 3: (2, 3), 4: (7, 8)}
    height, width = sizes[case] if case in sizes else (int(rng.integers(4, 9)), int(rng.integers(4, 9)))
    student.case = f"a picture of {height} rows and {width} columns"
    values = rng.permutation(3 * height * width).reshape(3, height, width).tolist()
    photo = torch.tensor(values, dtype=torch.float32) / 100
    if case % 3 == 1:
        student.case += ", uint8"
        photo = torch.tensor(values, dtype=torch.uint8)
    if case % 3 == 2:
        student.case += ", not contiguous"
        photo = photo.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    expected = {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }
    mistakes = [
        ({"red": photo[:1], "coarse": photo[:, 1::2, 1::2], "corner": photo[:, :2, :3], "right": photo[:, :, -1],
          "bgr": photo.flip(1)}, (
            "One index removes its dimension, a slice keeps it: the red channel has the shape (H, W).",
            "Begin with row 0 and column 0.",
            "That is the upper left corner: count from the end with negative numbers.",
            "One index removes its dimension, a slice keeps it: the shape must be (3, H, 1).",
            "The rows are in reverse order, not the channels.")),
        ({"red": photo[:, 0], "coarse": photo[::2, ::2], "corner": photo[:, -3:, -2:], "right": photo[:, -1:],
          "bgr": photo.flip(0, 1, 2)}, (
            "That is the first row of each channel: the channel is the first index.",
            "The channels come first: all of them stay, so begin with `:`.",
            "Rows come before columns: 2 rows, 3 columns.",
            "That is the last row: columns are the last index.",
            "Only the channels change their order, every pixel stays at its place.")),
        ({"red": photo[2], "coarse": photo[:, ::2], "corner": photo[-2:, -3:], "right": photo[:, :, :1],
          "bgr": photo[[1, 2, 0]]}, (
            "The channels are red, green, blue, counted from 0.",
            "The rows are thinned out, the columns not yet.",
            "The channels come first: all of them stay, so begin with `:`.",
            "That is the first column.",
            "The new order is blue (2), green (1), red (0).")),
    ]  # fmt: skip
    got = student.call("cut", photo)
    if not isinstance(got, dict) or set(got) != set(expected):
        expect(got, expected, hints={"type": "Return a dict with exactly the five keys of the table."})
    for number, key in enumerate(expected):
        expect(
            got[key],
            expected[key],
            what=f"The part {key!r}",
            mistakes=[(wrong[key], hints[number]) for wrong, hints in mistakes],
            hints={
                "shape": "Compare with the table: how many channels, rows and columns are demanded?",
                "dtype": "Picking changes no dtype: a uint8 picture has uint8 parts.",
                "values": "Mark the demanded pixels on a small picture, such as torch.arange(72).reshape(3, 4, 6).",
            },
        )


@task(
    "1.3",
    "Replace outliers with a mask",
    points=2,
    difficulty=1,
    minutes=6,
    names=["replace_outliers"],
    hints=[
        "First make the mask: a tensor of `True` and `False` with the shape of `x` that says where the outliers are. "
        "`x.abs()` ignores the sign.",
        "`~mask` turns yes into no, so `x[~mask]` are the good values. `mask.sum()` counts: `True` counts as 1.",
        "Work on `cleaned = x.clone()`, write through the mask, `cleaned[mask] = ...`, and return "
        "`cleaned, mask.sum().item()`. `torch.where(mask, good_mean, x)` makes the new tensor in one step.",
    ],
)
def replace_outliers(student: Student, rng, case: int) -> None:
    shape = [(8,), (3, 4), (2, 3, 4)][case] if case < 3 else tuple(rng.integers(2, 5, int(rng.integers(1, 4))).tolist())
    size = int(np.prod(shape))
    limit = float(rng.integers(2, 6))
    # Good values have the mean limit / 4, far from 0; the outliers' mean is negative.
    values = rng.uniform(-0.5 * limit, limit, size)
    # There are so few outliers that their number differs from that of the good values, and from their own number plus
    # that of the values exactly at the limit: a wrong count is then never right by chance.
    outliers = 0 if case == 4 else size - 1 if case == 3 else int(rng.integers(2, max(3, size // 2 - 1)))
    outliers = min(outliers, size - 1)
    signs = np.where(np.arange(outliers) % 2, 1, -1)
    values[:outliers] = signs * (limit + np.where(signs > 0, rng.uniform(1, 3, outliers), rng.uniform(4, 9, outliers)))
    if size - outliers > 2:
        values[-2:] = limit, -limit  # a value exactly at the limit, on either side, is a good one
    x = torch.tensor(rng.permutation(values).reshape(shape).tolist())
    student.case = f"{size} values of shape {shape}, {'some of them' if outliers else 'none'} beyond the limit"
    mask = x.abs() > limit
    good = x[~mask].mean()

    def replaced(where: torch.Tensor, value: torch.Tensor | float) -> torch.Tensor:
        return torch.where(where, torch.as_tensor(value, dtype=torch.float32), x)

    count = int(mask.sum())
    expect(
        student.call("replace_outliers", x, limit),
        (replaced(mask, good), count),
        hints={
            "type": "Return two values: `return cleaned, count`.",
            "shape": "The result has the shape of x: `x[~mask]` alone drops the outliers, and a mask makes a vector.",
            "nonfinite": "The mean of no values is nan: take the mean of the good values, `x[~mask]`.",
        },
        mistakes=[
            ((replaced(x > limit, x[x <= limit].mean()), int((x > limit).sum())),
             "An outlier can be negative, too: compare the absolute value, x.abs()."),
            ((replaced(x > limit, good), -1), "An outlier can be negative, too: compare the absolute value, x.abs()."),
            ((replaced(x.abs() >= limit, x[x.abs() < limit].mean()), int((x.abs() >= limit).sum())),
             "A value exactly at the limit still is a good one: use >, not >=."),
            ((replaced(x.abs() >= limit, good), -1), "A value exactly at the limit still is a good one: use >."),
            ((replaced(mask, x.mean()), -1), "The outliers themselves are in that mean: take only the good values."),
            ((replaced(mask, 0.0), -1), "The outliers are 0 now: the text asks for the mean of the good values."),
            ((-1, size - count), "Those are the good values: count the outliers."),
            ((x.clamp(-limit, limit), -1), "clamp moves an outlier to the limit: the text asks for the mean of the "
             "good values."),
            ((replaced(mask, x[mask].mean()), -1), "That is the mean of the outliers: the good values are x[~mask]."),
            ((x, -1), "Nothing was replaced: does the tensor you return differ from x?"),
            ((replaced(~mask, x[mask].mean()), -1), "The mask is the wrong way round: good values were replaced."),
            ((replaced(~mask, good), -1), "The mask is the wrong way round: good values were replaced."),
        ],
    )  # fmt: skip


def every_second_row(array):
    return array[::2]


def fill_array(array, tensor):
    """Write into the array, and return the tensor as it is then."""
    array.fill(77)
    return tensor


def fill_tensor(tensor, array):
    """Write into the tensor, and return the array as it is then."""
    tensor.fill_(5)
    return array


def both(first, second):
    """Fetch two objects in one message."""
    return first, second


@task(
    "1.4",
    "Share memory, or copy",
    points=2,
    difficulty=2,
    minutes=5,
    names=["shared", "float_copy"],
    hints=[
        "Section 5 of the lecture names a function that crosses the bridge from NumPy without copying, and one that "
        "always copies.",
        "`.float()` and `.to(torch.float32)` copy only where they have to convert. On a tensor that already is "
        "float32 they return the same tensor.",
        "`torch.from_numpy(array)` shares. `torch.tensor(array, ...)` always copies, and takes `dtype=`.",
    ],
    visible=4,
    hidden=6,
)
def memory(student: Student, rng, case: int) -> None:
    kinds = ["float64", "float32", "int64", "float32"]
    kind = kinds[case] if case < 4 else str(rng.choice(["float32", "int32", "uint8"]))
    shape = (5,) if case == 0 else tuple(rng.integers(2, 5, 2).tolist())
    values = rng.permutation(int(np.prod(shape))).reshape(shape).astype(kind)
    student.case = f"an array of shape {shape}, {kind}"
    array = student.put(values)
    if case == 3:
        student.case = f"an array of shape {shape}, {kind}, every second row of a larger one"
        larger = student.put(np.repeat(values, 2, axis=0))
        array = student.call(every_second_row, larger, keep=True)

    tensor = student.call("shared", array, keep=True)
    got = student.get(tensor)
    types = {"type": "torch.from_numpy(...) returns a tensor."}
    dtypes = {"dtype": "What shares memory has the same dtype: to convert is to copy."}
    expect(got, torch.tensor(values), what="What shared(array) returns", hints=types | dtypes)
    if not torch.equal(student.call(fill_array, array, tensor), torch.full_like(got, 77)):
        raise CheckFailed(
            "After a change of the array in place, the tensor of shared(array) still holds the old numbers.",
            "It is a copy. torch.tensor(...), .clone() and a conversion of the dtype copy; torch.from_numpy does not.",
        )
    if not np.array_equal(student.call(fill_tensor, tensor, array), np.full_like(values, 5)):
        raise CheckFailed(
            "After a change of the tensor of shared(array) in place, the array still holds the old numbers.",
            "Tensor and array must be two names for the same memory: torch.from_numpy does that.",
        )

    array = student.put(values)
    tensor = student.call("float_copy", array, keep=True)
    got, array_after = student.call(both, tensor, array)
    if not np.array_equal(array_after, values):
        raise CheckFailed("float_copy changed the array.", "Leave what the function was given as it is.")
    dtypes = {"dtype": "Say which dtype you want: dtype=torch.float32, or .float() on a copy."}
    expect(got, torch.tensor(values).float(), what="What float_copy(array) returns", hints=types | dtypes)
    if not torch.equal(student.call(fill_array, array, tensor), got):
        raise CheckFailed(
            "After a change of the array in place, the tensor of float_copy(array) has changed, too.",
            "It shares the memory: .float(), .to(...), torch.as_tensor and slices copy only where they must, and a "
            "float32 array needs no conversion. torch.tensor(...) and .clone() always copy.",
        )


def _images_with_bright_pixels(rng, count: int, height: int, width: int) -> torch.Tensor:
    """Images with one brightest pixel each: the last one of image 0, one off the diagonal of image 1, then any."""
    values = [rng.permutation(height * width).reshape(height, width) for _ in range(count)]
    images = torch.tensor(np.stack(values).tolist()) / (height * width) + float(rng.uniform(0, 0.5))
    # Rows and columns that are mixed up show only where the two numbers differ.
    off_diagonal = [
        (row, column)
        for row in range(height)
        for column in range(width)
        if row != column and 0 < row * width + column < height * width - 1
    ]
    for number, image in enumerate(images):
        fixed = [(height - 1, width - 1), off_diagonal[int(rng.integers(len(off_diagonal)))]]
        if number < len(fixed):
            row, column = fixed[number]
        else:
            row, column = int(rng.integers(height)), int(rng.integers(width))
        image[row, column] = image.max() + 0.5 + number
    return images


def swap_rows_and_columns(images):
    return images.transpose(1, 2)


@task(
    "1.5",
    "The brightest pixel of each image",
    points=3,
    difficulty=2,
    minutes=8,
    names=["brightest"],
    hints=[
        "`argmax` works along one dimension. Make each image one long row first: shape (B, H·W).",
        "Position p of that row lies in row p // W and column p % W of the image, because reading goes row by row. "
        "`reshape` (or `flatten(1)`) also works where `view` refuses.",
        "`position = images.reshape(len(images), -1).argmax(dim=1)`, and the means are `images.mean(dim=(1, 2))`.",
    ],
    on_error={"view size is not compatible|use .reshape": "The images need not be contiguous: use reshape, not view."},
)
def brightest(student: Student, rng, case: int) -> None:
    sizes = {0: (2, 3, 4), 1: (3, 4, 4), 2: (2, 5, 3), 3: (1, 2, 6), 4: (4, 1, 5), 5: (3, 6, 1)}
    count, height, width = sizes[case] if case in sizes else rng.integers(2, 7, 3).tolist()
    student.case = f"{count} image{'s' * (count > 1)} of {height} × {width}"
    images = _images_with_bright_pixels(rng, count, height, width)
    if case % 3 == 1:
        student.case += ", all values negative"
        images = images - 20
    argument: Any = images
    if case % 3 == 2:
        student.case += ", not contiguous"
        contiguous = student.put(images.transpose(1, 2).contiguous())
        argument = student.call(swap_rows_and_columns, contiguous, keep=True)

    flat = images.reshape(count, -1)
    means = images.mean(dim=(1, 2))
    position = flat.argmax(dim=1)
    rows = position // width
    columns = position % width
    darkest = flat.argmin(dim=1)
    place = int(images.argmax()) % (height * width)
    one_for_all = (images.mean(), torch.tensor(place // width), torch.tensor(place % width))
    got = student.call("brightest", argument)
    mistakes: list[tuple[Any, str]] = [
        ((images.mean(dim=0), -1, -1), "That is the mean over the images: dim names the dimensions that disappear."),
        ((images.sum(dim=(1, 2)), -1, -1), "Brightness is the mean of the pixels, not their sum."),
        ((flat.amax(dim=1), -1, -1), "That is the largest value: the first result is the mean."),
        (one_for_all, "That is one answer for the whole batch: each image has its own."),
    ]
    for other, hint in [
        ((columns, rows), "Rows and columns have changed places."),
        ((position // height, position % height), "A row holds W pixels: divide by the width, not by the height."),
        ((position, position), "That is the position in the image as one long row, p: return p // W and p % W."),
        ((darkest // width, darkest % width), "That is the darkest pixel."),
        ((rows + 1, columns + 1), "Rows and columns count from 0."),
    ]:
        # Both results have to be those of the mistake, since one alone may agree by chance.
        if isinstance(got, (list, tuple)) and len(got) == 3 and close(got[1], other[0]) and close(got[2], other[1]):
            mistakes.append(((-1, *other), hint))
    if argument is not images and not torch.equal(student.get(argument), images.cpu()):
        raise CheckFailed(
            "The function changed the images.", "Work on a copy, images.clone(), or do not write in place."
        )
    expect(
        got,
        (means, rows, columns),
        hints={
            "type": "Return three tensors: `return means, rows, columns`.",
            "shape": "One number per image, shape (B,): the dimension B stays, rows and columns disappear.",
            "dtype": "Means are float32, positions int64: `/` makes decimal numbers, `//` keeps whole ones.",
            "values": "Follow the steps for one small image, such as the one in the text. (A loop must not begin its "
            "search with a best value of 0: all values may be negative.)",
        },
        mistakes=mistakes,
    )


@task(
    "1.6",
    "Standardise the columns",
    points=3,
    difficulty=2,
    minutes=8,
    names=["standardise"],
    hints=[
        "Two numbers per column are needed: its mean and its standard deviation. Both are reductions along one "
        "dimension.",
        "`x.mean(dim=0)` has one entry per column, and broadcasting lines it up with every row. "
        "`x.std(dim=0, correction=0)` divides by n.",
        "A constant column has standard deviation 0: replace those zeros by 1 before dividing, for example with "
        "`torch.where(std == 0, 1.0, std)`.",
    ],
)
def standardise(student: Student, rng, case: int) -> None:
    sizes = {0: (5, 3), 1: (4, 4), 2: (6, 2), 3: (1, 3), 4: (7, 1)}
    rows, columns = sizes[case] if case in sizes else rng.integers(2, 9, 2).tolist()
    student.case = f"{rows} row{'s' * (rows > 1)} and {columns} column{'s' * (columns > 1)}"
    # Steps of about 1 in random order, so that no column is constant by chance; every column has its own scale.
    steps = np.stack([rng.permutation(rows) for _ in range(columns)], axis=1) + rng.uniform(-0.2, 0.2, (rows, columns))
    scales = rng.uniform(2, 4, columns) * 2.0 ** np.arange(columns)
    offsets = rng.uniform(3, 9, columns)
    x = torch.tensor((steps * scales + offsets).tolist())
    if rows == 1:
        student.case += ", so every column is constant"
        x = x.round()
    elif case % 3 == 2:
        student.case += ", one of them constant"
        x[:, int(rng.integers(columns))] = float(rng.choice([-3, -2, -1, 1, 2, 3]))
    mean = x.mean(0)
    std = x.std(0, correction=0)
    sample_std = std * (rows / max(rows - 1, 1)) ** 0.5
    row_std = x.std(1, correction=0, keepdim=True)
    divisor = torch.where(std == 0, 1.0, std)
    expect(
        student.call("standardise", x),
        (x - mean) / divisor,
        hints={
            "nonfinite": "A constant column has standard deviation 0, and 0 / 0 is nan: divide by 1 there instead.",
            "shape": "The result has the shape of x: every number moves, none is dropped.",
        },
        mistakes=[
            ((x - mean) / torch.where(sample_std == 0, 1.0, sample_std), "std() divides by n - 1 unless it is told "
             "`correction=0`: the text asks for division by n."),
            (x - mean, "The mean is subtracted; the division by the standard deviation is missing."),
            ((x - mean) / divisor**2, "You divided by the variance: take its square root."),
            ((x - x.mean()) / x.std(correction=0), "One mean and one standard deviation for the whole matrix: "
             "reduce along dim=0, so that each column has its own."),
            ((x - x.mean(1, keepdim=True)) / torch.where(row_std == 0, 1.0, row_std), "The rows are standardised: "
             "dim=0 is the dimension that must disappear, so that one number per column remains."),
            (x / divisor, "The mean is still there: subtract it before you divide."),
            (torch.where(std == 0, x, (x - mean) / divisor), "A constant column becomes a column of zeros: its mean "
             "is subtracted like any other."),
        ],
    )  # fmt: skip


@task(
    "1.7",
    "All pairwise distances",
    points=4,
    difficulty=3,
    minutes=10,
    names=["distances"],
    hints=[
        "Begin with the shapes. All differences together have the shape (n, m, d): which dimensions of length 1 do x "
        "and y need, so that broadcasting gives that?",
        "`x[:, None, :]` has shape (n, 1, d), `y[None, :, :]` has shape (1, m, d). Square the differences, add them "
        "up along the dimension that must disappear, and take the root.",
        "`difference = x[:, None, :] - y[None, :, :]`, then `(difference**2).sum(dim=...).sqrt()`, where dim is the "
        "dimension of length d.",
    ],
    on_error={
        "must match the size": "Give x the shape (n, 1, d) and y the shape (1, m, d) before you subtract: "
        "`x[:, None, :]`."
    },
)
def distances(student: Student, rng, case: int) -> None:
    sizes = {0: (2, 3, 2), 1: (4, 4, 3), 2: (5, 3, 4), 3: (1, 5, 2), 4: (3, 1, 6), 5: (4, 6, 1), 6: (3, 3, 3)}
    n, m, d = sizes[case] if case in sizes else rng.integers(2, 9, 3).tolist()
    student.case = f"x of shape ({n}, {d}), y of shape ({m}, {d})"
    x, y = rng.normal(0, 2, (n, d)), rng.normal(0, 2, (m, d))
    far = case % 4 == 2
    if far:
        student.case += ", all far from the origin"
        x += 4000
        y += 4000
    if case % 4 in (1, 2):
        student.case += ", one point in both"
        y[int(rng.integers(m))] = x[int(rng.integers(n))]
    x = torch.tensor(x.tolist())
    y = torch.tensor(y.tolist())
    difference = x.double()[:, None] - y.double()[None]
    squares = difference.square().sum(2)
    expected = squares.sqrt().float()
    cancels = (
        "Far from the origin x² - 2xy + y² is the difference of huge, nearly equal numbers: float32 rounds the small "
        "distance away, and the root of a negative number is nan. Subtract first, then square."
    )
    mistakes = [
        (squares.float(), "Those are the squared distances: the root is missing."),
        (difference.abs().sum(2).float(), "That adds up the absolute differences: square, add up, then take the root."),
        (squares.div(d).sqrt().float(), "A distance is the root of the sum of the squares, not of their mean."),
        (expected.T, "Rows and columns have changed places: entry (i, j) is the distance from x[i] to y[j]."),
        (difference.float(), "Those are the differences: square them, add them up along the last dimension, and take "
         "the root."),
        (difference.sum(2).abs().float(), "Square before you add up: differences of opposite sign cancel."),
        ((x.double() @ y.double().T).float(), "That is the scalar product of each pair, not their distance."),
    ]  # fmt: skip
    if n == m:
        mistakes.append((difference.diagonal().norm(dim=0).float(), "Every row of x meets every row of y, not only "
                         "the one with the same number: the shape is (n, m)."))  # fmt: skip
    expect(
        student.call("distances", x, y),
        expected,
        mistakes=mistakes,
        hints={
            "type": "Return one tensor of shape (n, m); torch.tensor(...) makes one of nested lists.",
            "shape": "One number for each pair: shape (n, m). Add up along the dimension of length d, and only there.",
            "nonfinite": cancels if far else "The root of a negative number is nan: square the differences first.",
        }
        | ({"values": cancels} if far else {}),
    )


def outline(batch, path="batch"):
    """Path, kind, device and a description of everything in a nested batch, one list for each."""
    if isinstance(batch, torch.Tensor):
        return [[path, "tensor", batch.device.type, f"{tuple(batch.shape)} {batch.dtype}"]]
    kind = type(batch).__name__
    if isinstance(batch, dict):
        keys = sorted(batch, key=str)
        lines = [[path, kind, "", str(keys)]]
        children = [(key, batch[key]) for key in keys]
    elif isinstance(batch, (list, tuple)):
        lines = [[path, kind, "", str(len(batch))]]
        children = list(enumerate(batch))
    else:
        return [[path, kind, "", repr(batch)]]
    for key, child in children:
        lines += outline(child, f"{path}[{key!r}]")
    return lines


def lists_and_dicts(batch):
    """The identities of the lists and dicts in a nested batch."""
    if not isinstance(batch, (list, tuple, dict)):
        return set()
    identities = set() if isinstance(batch, tuple) else {id(batch)}
    for child in batch.values() if isinstance(batch, dict) else batch:
        identities |= lists_and_dicts(child)
    return identities


def look_at_both(batch, moved):
    """Both outlines, whether the two batches have a list or dict in common, and the second batch itself."""
    in_common = lists_and_dicts(batch) & lists_and_dicts(moved)
    return outline(batch), outline(moved), bool(in_common), moved


def _nested_batch(rng, case: int) -> tuple[Any, str]:
    """A batch and a few words on it."""

    def tensor(*shape: int) -> torch.Tensor:
        return torch.tensor(rng.normal(size=shape).tolist())

    def labels(count: int) -> torch.Tensor:
        return torch.tensor(rng.integers(0, 10, count).tolist())

    n = int(rng.integers(2, 5))
    name = str(rng.choice(["cat", "dog", "owl"]))
    batches = [
        (tensor(n, 3), "a single tensor"),
        ([tensor(n, 2), labels(n)], "a list of two tensors"),
        ({"images": tensor(n, 2, 2), "labels": labels(n), "name": name, "epoch": n}, "a dict with other values"),
        ((tensor(n, 2), {"ids": [labels(2), labels(n)], "note": None}, [name, 0.5]), "a tuple of tensor, dict, list"),
        (name, "a string alone"),
        ([[], {}, (), [[tensor(1)]], True], "empty containers, and lists within a list"),
        ({0: (tensor(2), (labels(1), n)), "more": [{"deep": (tensor(2, 2), None)}]}, "tuples and dicts within a dict"),
        ([(tensor(n), labels(n)) for _ in range(3)], "a list of pairs"),
    ]
    return batches[case % len(batches)]


@task(
    "1.8",
    "Move a nested batch to a device",
    points=4,
    difficulty=3,
    minutes=10,
    names=["to_device"],
    hints=[
        "Ask what `batch` is, with `isinstance`: a tensor, a dict, a list or tuple, or something else. Each answer has "
        "its own `return`.",
        "A list holds batches again, only smaller ones: let `to_device` call itself for each of them. Such a function "
        "is called recursive (再帰).",
        "For a dict: `return {key: to_device(value, device) for key, value in batch.items()}`. For a list or tuple, "
        "build the same kind again: `type(batch)(to_device(value, device) for value in batch)`.",
    ],
    visible=4,
    hidden=6,
    on_error={
        "has no attribute 'to'": "Not everything is a tensor: call .to only where isinstance(batch, torch.Tensor), "
        "look into lists, tuples and dicts, and return other values as they are.",
        "RecursionError": "A string consists of strings, without end: go only into list, tuple and dict.",
        "has no attribute 'items'|indices must be integers": "Only a dict has .items(): treat dict and list apart.",
        "does not support item assignment": "A tuple cannot be changed: build a new one, tuple(...).",
    },
)
def to_device(student: Student, rng, case: int) -> None:
    values, description = _nested_batch(rng, case)
    batch = student.put(values)
    outline_before = student.call(outline, batch)
    look = Code.of(look_at_both, outline, lists_and_dicts)
    for target in (torch.device("meta"), torch.device("cpu")):
        student.case = f"{description}, to {target.type}"
        # The batch is passed as a handle: what the function does to it is looked at below, in the student's process.
        moved = student.call("to_device", batch, target, keep=True)
        outline_after, outline_moved, in_common, result = student.call(look, batch, moved)
        if outline_after != outline_before:
            raise CheckFailed(
                "The batch that the function was given has changed.",
                "Build new lists and dicts, do not write into the given ones: whoever called may still need them.",
            )
        _compare_outlines(outline_before, outline_moved, target)
        if in_common:
            raise CheckFailed(
                "A list or dict of the given batch is part of the result.",
                "Build a new list or dict on every level, even where nothing has to move.",
            )
        if target.type == "cpu":
            expect(
                result,
                values,
                hints={"values": "The numbers must move, too: .to(device) takes them along."},
            )


def _compare_outlines(before: list, after: list, target: torch.device) -> None:
    """Compare the outlines of what was given and of what was returned, place by place."""
    for given, returned in zip(before, after, strict=False):
        path, kind, _, content = given
        if kind == "tensor" and returned[:2] == [path, kind]:
            if returned[2] != target.type:
                raise CheckFailed(
                    f"In the result, {path} is on {returned[2]}, not on {target.type}.",
                    ".to(device) returns the moved tensor and leaves the old one where it is: is its result used, at "
                    "every depth of the batch?",
                )
            if returned[3] != content:
                raise CheckFailed(
                    f"In the result, {path} has another shape or dtype.",
                    "Only the device may change.",
                    got=returned[3],
                )
        elif returned != given:
            raise CheckFailed(
                f"The {kind} at {path} did not come back as it was.",
                {
                    "list": "A list becomes a list of the same length, in the same order.",
                    "tuple": "A tuple becomes a tuple again, not a list and not a generator: `tuple(...)`.",
                    "dict": "A dict becomes a dict with the same keys.",
                    "tensor": "A tensor stays a tensor of the same shape and dtype.",
                }.get(kind, "What is no tensor and no container is returned as it is."),
                got=f"{returned[1]} {returned[3]}"[:200],
            )
    if len(before) != len(after):
        raise CheckFailed("The result holds more or fewer values than the batch.", "Keep every value, moved or not.")
