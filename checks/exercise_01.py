"""Checks of exercise 1: tensors.

A function that is no task and has no leading underscore is sent to the student's process, as source.
"""

from typing import Any

import numpy as np
import torch

from lecture_utils.grading import CheckFailed, Code, Handle, Student, close, expect, task
from lecture_utils.grading.compare import equal
from lecture_utils.grading.hints import DEFAULT_HINTS, IN_PLACE_HINT

SETUP = """
import numpy as np
import torch
from lecture_utils import check, hand_in, progress, show_images
"""


def _floats(values: np.ndarray) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)


def swap_rows_and_columns(images):
    return images.transpose(1, 2)


def _not_contiguous(student: Student, images: torch.Tensor) -> Handle:
    """Put the images into the student's process, where they are not contiguous."""
    contiguous = student.put(images.transpose(1, 2).contiguous())
    return student.call(swap_rows_and_columns, contiguous, keep=True)


def _expect_unchanged(student: Student, argument: Any, before: torch.Tensor, what: str) -> None:
    if isinstance(argument, Handle) and not torch.equal(student.get(argument), before):
        raise CheckFailed(f"The function changed {what}.", IN_PLACE_HINT, kind="in place")


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
        'Python\'s own operators do it: `a + b`, `a // b`, `a % b`. Write the result as `{"+": ..., "-": ...}`.',
        'The first two entries are `"+": a + b` and `"-": a - b`; the other four follow the same pattern.',
    ],
    on_error={
        "must match the size": "b has one number per column. Aligned at the right, (m, n) and (n,) fit as they are: "
        "no reshaping is needed.",
        "ZeroDivisionError": "b holds no zeros, but a does: is the divisor on the right?",
        "converted to Python scalar|only one element": "math.floor(), round() and int() take a single number. For a "
        "whole tensor, `//` divides and rounds down in one step.",
    },
)
def arithmetic(student: Student, rng, case: int) -> None:
    sizes = {0: (2, 3), 1: (3, 3), 2: (4, 2), 3: (1, 4), 4: (3, 1), 5: (5, 5)}
    rows, columns = sizes[case] if case in sizes else rng.integers(2, 7, 2).tolist()
    # Every second column of b is negative. The first row of a tells rounding down from cutting off, its last number
    # tells both of them from rounding to the nearest.
    b = rng.integers(3, 6, columns) * np.where(np.arange(columns) % 2, -1, 1) * rng.choice([-1, 1])
    a = rng.integers(-9, 10, (rows, columns))
    a[0] = -np.sign(b) * (2 * np.abs(b) + 1)
    a[-1, -1] = np.sign(b[-1]) * (3 * np.abs(b[-1]) - 1)
    if whole := case % 2 == 0:
        a, b = torch.tensor(a), torch.tensor(b)
    else:
        # Halves are exact, and so are their quotients wherever rounding matters.
        a, b = _floats(a / 2), _floats(b / 2)
    student.case = f"a of shape ({rows}, {columns}), b of shape ({columns},), {'int64' if whole else 'float32'}"
    expected = {"+": a + b, "-": a - b, "*": a * b, "/": a / b, "//": a // b, "%": a % b}
    truncated = expected | {"//": torch.div(a, b, rounding_mode="trunc"), "%": torch.fmod(a, b)}
    mistakes = [
        (truncated, "// rounds down, towards minus infinity, and % is the remainder that belongs to it. Cutting off "
         "the decimals (trunc, fmod) differs for negative numbers."),
        (expected | {"//": (a / b).round()}, "// rounds down, it does not go to the nearest whole number."),
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
            "nonfinite": "b holds no zeros, but a does: is the divisor on the right?",
        },
    )


def _cut_mistakes(photo: torch.Tensor) -> dict[str, list[tuple[torch.Tensor, str]]]:
    """Wrong parts of the picture, each with a hint, by key."""
    channels_first = "The channels come first: all of them stay, so begin with `:`."
    return {
        "red": [
            (photo[:1], "One index removes its dimension, a slice keeps it: the red channel has the shape (H, W)."),
            (photo[:, 0], "That is the first row of each channel: the channel is the first index."),
            (photo[:, :, 0], "That is the first column of each channel: the channel is the first index."),
            (photo[2], "The channels are red, green, blue, counted from 0."),
        ],
        "coarse": [
            (photo[:, 1::2, 1::2], "Begin with row 0 and column 0."),
            (photo[::2, ::2], channels_first),
            (photo[:, ::2], "The rows are thinned out, the columns not yet."),
            (photo[:, :, ::2], "The columns are thinned out, the rows not yet."),
        ],
        "corner": [
            (photo[:, :2, :3], "That is the upper left corner: count from the end with negative numbers."),
            (photo[:, :2, -3:], "That is the upper right corner: the last two rows are `-2:`."),
            (photo[:, -2:, :3], "That is the lower left corner: the last three columns are `-3:`."),
            (photo[:, -3:, -2:], "Rows come before columns: 2 rows, 3 columns."),
            (photo[-2:, -3:], channels_first),
            (photo[:, -2:-1, -3:-1], "A slice leaves out its stop: to go on to the end, write none, as in `-2:`."),
        ],
        "right": [
            (photo[:, :, -1], "One index removes its dimension, a slice keeps it: the shape must be (3, H, 1)."),
            (photo[:, -1:], "That is the last row: columns are the last index."),
            (photo[:, :, :1], "That is the first column."),
        ],
        "bgr": [
            (photo.flip(1), "The rows are in reverse order, not the channels."),
            (photo.flip(2), "The columns are in reverse order, not the channels."),
            (photo.flip(0, 1, 2), "Only the channels change their order, every pixel stays at its place."),
            (photo[[1, 2, 0]], "The new order is blue (2), green (1), red (0)."),
            (
                photo[2, 1, 0],
                "Three indices pick one number. A list of channels has brackets of its own: `[[2, 1, 0]]`.",
            ),
        ],
    }


@task(
    "1.2",
    "Cut a picture",
    points=2,
    difficulty=1,
    minutes=6,
    names=["cut"],
    hints=[
        "Each of the five parts is `photo` followed by one pair of square brackets. The order of the indices is "
        "channel, row, column, and `:` means everything in that dimension.",
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
    values = rng.permutation(3 * height * width).reshape(3, height, width)
    photo = torch.tensor(values.astype("uint8")) if case % 3 == 1 else _floats(values / 100)
    argument: Any = photo
    if case % 3 == 1:
        student.case += ", uint8"
    if case % 3 == 2:
        student.case += ", not contiguous"
        argument = _not_contiguous(student, photo)
    expected = {
        "red": photo[0],
        "coarse": photo[:, ::2, ::2],
        "corner": photo[:, -2:, -3:],
        "right": photo[:, :, -1:],
        "bgr": photo[[2, 1, 0]],
    }
    mistakes = _cut_mistakes(photo)
    got = student.call("cut", argument)
    _expect_unchanged(student, argument, photo, "the picture")
    if not isinstance(got, dict) or set(got) != set(expected):
        expect(got, expected, hints={"type": "Return a dict with exactly the five keys of the table."})
    for key, part in expected.items():
        expect(
            got[key],
            part,
            what=f"The part {key!r}",
            mistakes=mistakes[key],
            hints={
                "shape": "Compare with the table: how many channels, rows and columns does it ask for?",
                "dtype": "Picking changes no dtype: a uint8 picture has uint8 parts.",
                "values": "Try it on a small picture, such as torch.arange(72).reshape(3, 4, 6), and mark the pixels "
                "that the table asks for.",
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
        "`~mask` swaps `True` and `False`, so `x[~mask]` holds the good values. `mask.sum()` counts: `True` counts as "
        "1.",
        "Work on `cleaned = x.clone()`, write through the mask, `cleaned[mask] = ...`, and return "
        "`cleaned, mask.sum().item()`. `torch.where(mask, good_mean, x)` makes the new tensor in one step.",
    ],
    on_error={
        "ambiguous": "`and`, `or`, `not` and `if` ask about a whole tensor at once. For each number take `&`, `|`, "
        "`~`, with brackets around the comparisons.",
    },
)
def replace_outliers(student: Student, rng, case: int) -> None:
    shape = [(8,), (3, 4), (2, 3, 4)][case] if case < 3 else tuple(rng.integers(2, 5, int(rng.integers(1, 4))).tolist())
    size = int(np.prod(shape))
    limit = rng.integers(2, 6) + 0.5 * (case % 2)
    # Good values have the mean limit / 4, far from 0; the outliers' mean is negative.
    values = rng.uniform(-0.5 * limit, limit, size)
    # There are so few outliers that their number differs from that of the good values, and from their own number plus
    # that of the values exactly at the limit: a wrong count is then never right by chance.
    outliers = 0 if case == 4 else size - 1 if case == 3 else int(rng.integers(2, max(3, size // 2 - 1)))
    outliers = min(outliers, size - 1)
    signs = np.where(np.arange(outliers) % 2, 1, -1)
    beyond = np.where(signs > 0, rng.uniform(1, 3, outliers), rng.uniform(4, 9, outliers))
    beyond[1:3] = 0.125  # two that a comparison of rounded numbers would miss
    values[:outliers] = signs * (limit + beyond)
    if case == 1:
        # A zero is a good value. It is not the median, since no other value between the limits is negative.
        values[outliers:] = np.abs(values[outliers:])
        values[-3] = 0
    if size - outliers > 2:
        values[-2:] = limit, -limit  # a value exactly at the limit, on either side, is a good one
    x = _floats(rng.permutation(values).reshape(shape))
    student.case = f"{size} values of shape {shape}, {'some of them' if outliers else 'none'} beyond the limit"
    got = student.call("replace_outliers", x, float(limit))
    if not isinstance(got, (list, tuple)) or len(got) != 2:
        expect(got, (x, 0), hints={"type": "Return two values: `return cleaned, count`."})
    cleaned, count = got
    if isinstance(count, torch.Tensor) and count.shape == x.shape and not isinstance(cleaned, torch.Tensor):
        hint = "First the tensor, then the number: `return cleaned, count`."
        raise CheckFailed("The two results have changed places.", hint)
    _expect_cleaned(cleaned, x, limit)
    mask = x.abs() > limit
    expect(
        count,
        int(mask.sum()),
        what="The number of outliers",
        hints={"shape": "`mask.sum()` makes one number of the mask: it counts the `True`."},
        mistakes=[
            (int((~mask).sum()), "Those are the good values: count the outliers."),
            (int((x > limit).sum()), "An outlier can be negative, too: count with the mask of the absolute values."),
            *(
                (number, "That counts what x holds, good or not: `mask.sum()` counts the `True`.")
                for number in (len(x), size)
            ),
            (int((x.abs() >= limit).sum()), "A value exactly at the limit is still good: use >, not >=."),
        ],
    )
    if type(count) is not int:
        raise CheckFailed(
            "The number of outliers must be a Python int.",
            "The sum of a Boolean mask is a tensor, and `.item()` turns it into an int. (If the mask was converted "
            "with `.float()`, the sum is a decimal number.)",
        )


def _expect_cleaned(got: Any, x: torch.Tensor, limit: float) -> None:
    """``got`` must be ``x`` with each outlier replaced by the mean of the good values."""
    mask = x.abs() > limit
    good = x[~mask].mean()

    def replaced(where: torch.Tensor, value: torch.Tensor | float) -> torch.Tensor:
        return torch.where(where, torch.as_tensor(value, dtype=torch.float32), x)

    negative = "An outlier can be negative, too: compare the absolute value, x.abs()."
    at_limit = "A value exactly at the limit is still good: use >, not >=."
    wrong_way = "The mask is the wrong way round: good values were replaced."
    expect(
        got,
        replaced(mask, good),
        what="The cleaned tensor",
        hints={
            "shape": "The cleaned tensor has the shape of x: `x[~mask]` alone drops the outliers, and a mask makes a "
            "vector.",
            "nonfinite": "The mean of no values is nan: take the mean of the good values, `x[~mask]`.",
        },
        mistakes=[
            (replaced(x > limit, x[x <= limit].mean()), negative),
            (replaced(x > limit, good), negative),
            (replaced(x.abs() >= limit, x[x.abs() < limit].mean()), at_limit),
            (replaced(x.abs() >= limit, good), at_limit),
            (replaced(mask, x.mean()), "The outliers themselves are in that mean: take only the good values."),
            (replaced(mask, x[~mask].sum() / x.numel()), "The sum of the good values was divided by the number of all "
             "values: divide by the number of good ones."),
            (replaced(mask, 0.0), "The outliers are 0 now: the text asks for the mean of the good values."),
            (replaced(mask, x[~mask].median()), "That is the median of the good values: the text asks for the mean."),
            (x.clamp(-limit, limit), "clamp moves an outlier to the limit: the text asks for the mean of the good "
             "values."),
            (replaced(mask, x[mask].mean()), "That is the mean of the outliers: the good values are x[~mask]."),
            (x, "Nothing was replaced: does the tensor you return differ from x?"),
            (replaced(~mask, x[mask].mean()), wrong_way),
            (replaced(~mask, good), wrong_way),
        ],
    )  # fmt: skip


def every_second_row(array):
    return array[::2]


def fill_array(array, tensor):
    """Write into the array, and return the tensor, which may share its memory."""
    array.fill(77)
    return tensor


def fill_tensor(tensor, array):
    """Write into the tensor, and return the array, which may share its memory."""
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
        "`.float()` and `.to(torch.float32)` copy only if they have to convert. If the tensor is float32 already, they "
        "return the same tensor.",
        "`torch.from_numpy(array)` shares. `torch.tensor(array, ...)` always copies, and takes `dtype=`.",
    ],
    visible=4,
    hidden=6,
)
def memory(student: Student, rng, case: int) -> None:
    kinds = ["float64", "float32", "int64", "float32"]
    kind = kinds[case] if case < 4 else str(rng.choice(["float32", "float64", "int16", "int32", "uint8"]))
    shape = (5,) if case == 0 else tuple(rng.integers(2, 5, 3 if case in (2, 8) else 2).tolist())
    values = rng.permutation(int(np.prod(shape))).reshape(shape)
    if kind.startswith("float"):
        values = values * 100 + rng.uniform(0.1, 0.9, shape)  # a way through whole numbers loses the decimals
    elif kind != "uint8":
        values = values * 2003  # too large for float16
    values = values.astype(kind)
    student.case = f"an array of shape {shape}, {kind}"
    strided = case in (3, 6)
    if strided:
        student.case += ", every second row of a larger one"

    def new_array() -> Handle:
        larger = np.repeat(values, 2, axis=0)
        return student.call(every_second_row, student.put(larger), keep=True) if strided else student.put(values)

    array = new_array()
    tensor = student.call("shared", array, keep=True)
    got = student.get(tensor)
    types = {"type": "torch.from_numpy(...) returns a tensor."}
    dtypes = {"dtype": "What shares memory has the same dtype: to convert is to copy."}
    expect(got, torch.tensor(values), what="What shared(array) returns", hints=types | dtypes)
    if not torch.equal(student.call(fill_array, array, tensor), torch.full_like(got, 77)):
        raise CheckFailed(
            "After a change of the array in place, the tensor of shared(array) still holds the old numbers.",
            "It is a copy. torch.tensor(...), .clone() and any conversion make one; torch.from_numpy does not.",
        )
    if not np.array_equal(student.call(fill_tensor, tensor, array), np.full_like(values, 5)):
        raise CheckFailed(
            "After a change of the tensor of shared(array) in place, the array still holds the old numbers.",
            "Tensor and array must be two names for the same memory: torch.from_numpy does that.",
        )

    array = new_array()
    tensor = student.call("float_copy", array, keep=True)
    got, array_after = student.call(both, tensor, array)
    if not np.array_equal(array_after, values):
        raise CheckFailed("float_copy changed the array.", "Leave what the function was given as it is.")
    dtypes = {"dtype": "Say which dtype you want: dtype=torch.float32, or .float() on a copy."}
    expect(got, torch.tensor(values).float(), what="What float_copy(array) returns", hints=types | dtypes)
    if not torch.equal(student.call(fill_array, array, tensor), got):
        raise CheckFailed(
            "After a change of the array in place, the tensor of float_copy(array) has changed, too.",
            "It shares the memory: .float(), .to(...), torch.as_tensor and torch.Tensor copy only if they have to "
            "convert, a float32 array needs no conversion, and a slice never copies. torch.tensor(...) and .clone() "
            "always copy.",
        )
    student.call("float_copy", student.put(np.flip(values).copy()), keep=True)
    if not torch.equal(student.get(tensor), got):
        raise CheckFailed(
            "The tensor of float_copy(array) changed when a copy was made for another array.",
            "Both calls wrote into the same memory: make a new tensor in each call.",
        )


def _images_with_bright_pixels(rng, count: int, height: int, width: int) -> torch.Tensor:
    """Images with one brightest pixel each: in image 0 the last one, in image 1 one off the diagonal, then any.

    The other pixels of its row and column are dark, so that the brightest pixel is in no row that is bright on average.
    """
    # Rows and columns that are mixed up show only where the two numbers differ.
    off_diagonal = [
        (row, column)
        for row in range(height)
        for column in range(width)
        if row != column and 0 < row * width + column < height * width - 1
    ]
    images = []
    for number in range(count):
        fixed = [(height - 1, width - 1), off_diagonal[int(rng.integers(len(off_diagonal)))]]
        any_pixel = int(rng.integers(height)), int(rng.integers(width))
        row, column = fixed[number] if number < len(fixed) else any_pixel
        image = 0.6 + 0.4 * rng.permutation(height * width).reshape(height, width) / (height * width)
        image[row] = image[row] / 4 - 0.15
        image[:, column] = image[:, column] / 4 - 0.15
        image[row, column] = 1.2 + 0.1 * number
        images.append(image)
    return _floats(np.stack(images))


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
    on_error={
        "view size is not compatible|use .reshape": "The images need not be contiguous: use reshape, not view.",
        "mean\\(\\).*'keepdim'|amax\\(\\).*'keepdim'": "Several dimensions are given as one tuple: `mean(dim=(1, 2))`.",
    },
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
        argument = _not_contiguous(student, images)

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
    ]
    if count > 1:
        mistakes.append((one_for_all, "That is one answer for the whole batch: each image has its own."))
    for other, hint in [
        ((columns, rows), "Rows and columns have changed places."),
        ((position // height, position % height), "A row holds W pixels: divide by the width, not by the height."),
        ((position, position), "That is the position in the image as one long row, p: return p // W and p % W."),
        ((darkest // width, darkest % width), "That is the darkest pixel."),
        ((rows + 1, columns + 1), "Rows and columns count from 0."),
        ((images.mean(2).argmax(1), images.mean(1).argmax(1)), "That is the row, and the column, that is brightest on "
         "average: the single brightest pixel may lie in a dark one."),
    ]:  # fmt: skip
        # Both results have to be those of the mistake, since one alone may agree by chance.
        if isinstance(got, (list, tuple)) and len(got) == 3 and close(got[1], other[0]) and close(got[2], other[1]):
            mistakes.append(((-1, *other), hint))
    _expect_unchanged(student, argument, images, "the images")
    expect(
        got,
        (means, rows, columns),
        hints={
            "type": "Return three tensors: `return means, rows, columns`.",
            "shape": "There is one number per image, shape (B,): the dimension B stays, rows and columns disappear.",
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
        "Put zeros into the constant columns: `torch.where(constant, 0.0, ...)`, where "
        "`constant = (x == x[0]).all(dim=0)` compares every row with the first one. (`std == 0` is not a safe "
        "test: the mean of equal numbers is rounded, so their computed std may be a tiny number.)",
    ],
    on_error={
        "ambiguous": "An `if` decides once, for the whole tensor. `torch.where` decides for each column.",
        "must match the size": "Print the shape of the mean: dim names the dimension that disappears. A mean for each "
        "column has the shape (d,), and that fits x of shape (n, d) as it is.",
    },
    visible=4,
    hidden=6,
)
def standardise(student: Student, rng, case: int) -> None:
    sizes = {0: (5, 3), 1: (4, 4), 2: (6, 2), 3: (100, 1), 4: (1, 3), 5: (7, 4), 6: (7, 1), 7: (70, 1)}
    rows, columns = sizes[case] if case in sizes else rng.integers(2, 9, 2).tolist()
    student.case = f"{rows} row{'s' * (rows > 1)} and {columns} column{'s' * (columns > 1)}"
    # Steps of about 1 in random order, so that no column is constant by chance; every column has its own scale.
    steps = np.stack([rng.permutation(rows) for _ in range(columns)], axis=1) + rng.uniform(-0.2, 0.2, (rows, columns))
    table = steps * rng.uniform(2, 4, columns) * 2.0 ** np.arange(columns) + rng.uniform(3, 9, columns)
    order = rng.permutation(columns)
    if columns > 1:
        table[:, order[0]] /= 128 * rows  # a small standard deviation is one like any other
    if columns > 2 and rows > 1:
        table[:, order[1]] = 9e-5 * (steps[:, order[1]] - steps[:, order[1]].mean()) / steps[:, order[1]].std()
    if case == 0:
        table[[1, -1], order[2]] = table[0, order[2]]  # not constant, though some numbers are equal
    if case == 1:
        # The numbers and their mean are exact in float32, but their squares are not: the mean of the squares minus the
        # square of the mean is far from the variance.
        table[:, order[3]] = 1 + rng.permutation([-3, -1, 1, 3]) / 4096
    if rows == 1:
        student.case += ", so every column is constant"
        table = table.round()
    elif case in (2, 5, 8):
        student.case += ", one of them constant"
        table[:, order[-1]] = rng.choice([-3, -2, -1, 1, 2, 3])
    elif case in (3, 7):
        student.case += ", constant"
        table[:] = _rounded_constant(rng, rows)
    x = _floats(table)
    _expect_standardised(student.call("standardise", x), x)


def _rounded_constant(rng, rows: int) -> float:
    """A number whose mean over this many rows is rounded, so that the computed standard deviation is not exactly 0."""
    numbers = rng.uniform(0, 1, 50)
    return next((v for v in numbers if _floats(np.full((rows, 1), v)).std(0, correction=0) > 0), 0.1)


def _expect_standardised(got: Any, x: torch.Tensor) -> None:
    """``got`` must be ``x`` with each column standardised, and each constant column zero."""
    rows = len(x)
    near = {"rtol": 3e-4, "atol": 1e-4}  # in float32 the mean of a column is rounded, and with it every difference
    constant = (x == x[0]).all(0)
    centred = x.double() - x.double().mean(0)
    std = torch.where(constant, 1.0, centred.square().mean(0).sqrt())
    expected = torch.where(constant, 0.0, centred / std)
    extent = x.amax(0) - x.amin(0)
    whole = (
        "One mean and one standard deviation for the whole matrix: reduce along dim=0, so that each column has its own."
    )
    wholes = [(x - x.mean()) / x.std(correction=k) for k in (0, 1)] if x.shape[1] > 1 else []
    deviation = torch.where(constant, 1.0, centred.abs().mean(0))
    row_std = x.std(1, correction=0, keepdim=True)
    values = DEFAULT_HINTS["values"]
    others = ~constant
    if isinstance(got, torch.Tensor) and got.shape == x.shape and close(got[:, others], expected[:, others], **near):
        values = "Only a constant column is wrong: it becomes a column of zeros."
        if (x.std(0, correction=0)[constant] > 0).any():
            values = (
                "Only a constant column is wrong. Its mean is rounded, so its computed standard deviation is a tiny "
                "number and not exactly 0. Find such columns by their numbers: (x == x[0]).all(dim=0)."
            )
    expect(
        got,
        expected.float(),
        hints={
            "nonfinite": "A constant column has standard deviation 0, and 0 / 0 is nan: put zeros there instead.",
            "shape": "The result has the shape of x: every number moves, none is dropped.",
            "values": values,
        },
        mistakes=[
            (torch.where(constant, x, expected), "A constant column becomes a column of zeros: its mean is subtracted "
             "like any other."),
            (expected * (max(rows - 1, 1) / rows) ** 0.5, "std() divides by n - 1 unless it is told `correction=0`: "
             "the text asks for division by n."),
            (centred, "The mean is subtracted; the division by the standard deviation is missing."),
            (centred / std**2, "You divided by the variance: take its square root."),
            (expected / rows**0.5, "You divided by the root of the *sum* of the squares: the standard deviation is the "
             "root of their mean."),
            (centred / deviation, "You divided by the mean absolute deviation: the standard deviation squares, takes "
             "the mean, and then the root."),
            (centred / (std + 1), "1 was added to every standard deviation: only a constant column needs a 1."),
            (centred / std.clamp(min=1), "A standard deviation below 1 was replaced as well: only that of a constant "
             "column must be."),
            ((x - x.amin(0)) / torch.where(constant, 1.0, extent), "Each column now reaches from 0 to 1. The text asks "
             "for mean 0 and standard deviation 1."),
            *((matrix, whole) for matrix in wholes),
            ((x - x.mean(1, keepdim=True)) / torch.where(row_std == 0, 1.0, row_std), "The rows are standardised: "
             "dim=0 is the dimension that must disappear, so that one number per column remains."),
            (x / std, "The mean is still there: subtract it before you divide."),
        ],
        **near,
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
        "dimension of length d. (`torch.cdist` does the same, but for more than 25 points it computes x² - 2xy + y², "
        "which far from the origin rounds small distances away; "
        '`compute_mode="donot_use_mm_for_euclid_dist"` forbids that.)',
    ],
    on_error={
        "must match the size": "Give x the shape (n, 1, d) and y the shape (1, m, d) before you subtract: "
        "`x[:, None, :]`."
    },
)
def distances(student: Student, rng, case: int) -> None:
    sizes = {0: (2, 3, 2), 1: (4, 4, 3), 2: (30, 3, 4), 3: (1, 5, 2), 4: (3, 1, 6), 5: (4, 6, 1), 6: (3, 3, 3)}
    sizes |= {7: (4, 40, 2), 8: (28, 30, 3)}
    n, m, d = sizes[case] if case in sizes else rng.integers(2, 9, 3).tolist()
    student.case = f"x of shape ({n}, {d}), y of shape ({m}, {d})"
    x, y = rng.normal(0, 2, (n, d)), rng.normal(0, 2, (m, d))
    far = case in (2, 6, 7)
    if far:
        student.case += ", all far from the origin"
        x += 4000
        y += 4000
    if case in (1, 5, 6):
        student.case += ", one point in both"
        y[int(rng.integers(m))] = x[int(rng.integers(n))]
    if case == 8:
        student.case += ", many points in both, others close together"
        y[:20] = x[:20]
        y[10:20] += rng.normal(0, 0.001, (10, d))
    x, y = _floats(x), _floats(y)
    _expect_distances(student.call("distances", x, y), x, y, far)


def _expect_distances(got: Any, x: torch.Tensor, y: torch.Tensor, far: bool) -> None:
    """``got`` must be the distances of all pairs. ``far`` says that the points are far from the origin."""
    difference = x.double()[:, None] - y.double()[None]
    squares = difference.square().sum(2)
    expected = squares.sqrt().float()
    cancels = (
        "x² - 2xy + y² is the difference of large, nearly equal numbers when two points are close together, most of "
        "all far from the origin: float32 rounds the small distance away, or leaves a negative number, whose root is "
        "nan. Subtract first, then square. (torch.cdist uses that formula for more than 25 points, unless its "
        "compute_mode forbids it.)"
    )
    added = (
        "Something small was added, such as 1e-8 under the root: two equal points have the distance 0. "
        "(F.pairwise_distance adds its eps, unless you pass eps=0.)"
    )
    mistakes = [
        (squares.float(), "Those are the squared distances: the root is missing."),
        (difference.abs().sum(2).float(), "That adds up the absolute differences: square, add up, then take the root."),
        (squares.div(x.shape[1]).sqrt().float(), "A distance is the root of the sum of the squares, not of their "
         "mean."),
        (expected.T, "Rows and columns have changed places: entry (i, j) is the distance from x[i] to y[j]."),
        (difference.float(), "Those are the differences: square them, add them up along the last dimension, and take "
         "the root."),
        (difference.sum(2).abs().float(), "Square before you add up: differences of opposite sign cancel."),
        ((x.double() @ y.double().T).float(), "That is the scalar product of each pair, not their distance."),
        (difference.abs().amax(2).float(), "That is the largest of the differences: square, add up, take the root."),
        *(((squares + small).sqrt().float(), added) for small in (1e-6, 1e-8)),
    ]  # fmt: skip
    if len(x) == len(y):
        mistakes.append((difference.diagonal().norm(dim=0).float(), "Every row of x meets every row of y, not only "
                         "the one with the same number: the shape is (n, m)."))  # fmt: skip
    # The near cases are tried first, so what fails far from the origin only is the rounding; and so is a distance that
    # is wrong for equal or near points only.
    apart = expected > 0.1
    fits = isinstance(got, torch.Tensor) and got.shape == expected.shape
    rounded = far or (fits and not apart.all() and close(got[apart], expected[apart]))
    near = (
        "Only points that are equal, or close together, have a wrong distance. Either something small was added, such "
    )
    near += "as 1e-8, or it is the formula: " + cancels
    expect(
        got,
        expected,
        mistakes=mistakes,
        hints={
            "type": "Return one tensor of shape (n, m); torch.tensor(...) makes one of nested lists.",
            "dtype": "The result is float32, as x and y are. (NumPy and .double() compute in float64.)",
            "shape": "One number for each pair: shape (n, m). Add up along the dimension of length d, and only there.",
            "nonfinite": cancels if rounded else "The root of a negative number is nan: square the differences first.",
        }
        | ({"values": cancels if far else near} if rounded else {}),
    )
    # For equal points float64 leaves up to 1e-7, an epsilon of 1e-12 under the root 1e-6.
    if (got[expected == 0].abs() > 5e-7).any():
        raise CheckFailed("Two equal points have a distance that is not 0.", added, kind="values")


def outline(batch, path="batch"):
    """List everything in a nested batch: its path, kind, device and description."""
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


def other_values():
    return [np.arange(3), {4}, range(5), [torch.ones(2)]]


def _nested_batch(rng, case: int) -> tuple[Any, str]:
    """A batch, or a function that makes one in the student's process, and its description."""

    def tensor(*shape: int) -> torch.Tensor:
        return _floats(rng.normal(size=shape))

    def labels(count: int) -> torch.Tensor:
        return torch.tensor(rng.integers(0, 10, count))

    n = int(rng.integers(2, 5))
    name = str(rng.choice(["cat", "dog", "owl"]))
    batches = [
        (tensor(n, 3), "a single tensor"),
        ([tensor(n, 2), labels(n)], "a list of two tensors"),
        ({"images": tensor(n, 2, 2), "labels": labels(n), "name": name, "epoch": n}, "a dict with other values"),
        ((tensor(n, 2), {"ids": [labels(2), labels(n)], "note": None}, [name, 0.5]), "a tuple of tensor, dict, list"),
        (name, "a string alone"),
        ([[], {}, (), [[tensor(1)]], True, 0, ""], "empty containers, and lists within a list"),
        ({0: (tensor(2), (labels(1), n)), "more": [{"deep": (tensor(), None)}]}, "tuples and dicts within a dict"),
        ([(tensor(n), labels(n)) for _ in range(3)], "a list of pairs"),
        ([[[{"a": (([tensor(2)],), n)}]]], "a tensor seven levels deep"),
        (other_values, "a NumPy array, a set and a range in a list"),
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
        "NVIDIA|not compiled with CUDA|not linked with support": "A device is written into the function: .cuda() and "
        '.to("cuda") always mean the same one. Move to the device that is given, .to(device).',
        "has no attribute 'to'": "Not everything is a tensor: call .to only where isinstance(batch, torch.Tensor), "
        "look into lists, tuples and dicts, and return other values as they are.",
        "RecursionError": "Each character of a string is a string again, without end: go only into list, tuple and "
        "dict.",
        "is not iterable": "Not everything holds other values: go only into list, tuple and dict, and return every "
        "other value as it is.",
        "isinstance\\(\\) arg 2": "isinstance needs a type: `torch.Tensor` is the type, `torch.tensor` a function that "
        "makes one.",
        "has no attribute 'items'|indices must be integers": "Only a dict has .items(): handle dict and list "
        "separately.",
        "does not support item assignment": "A tuple cannot be changed: build a new one, tuple(...).",
    },
)
def to_device(student: Student, rng, case: int) -> None:
    values, description = _nested_batch(rng, case)
    plain = not callable(values)
    batch = student.put(values) if plain else student.call(values, keep=True)
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
                "Build new lists and dicts, do not write into the given ones: the caller may still need them.",
            )
        _compare_outlines(outline_before, outline_moved, target)
        if in_common:
            raise CheckFailed(
                "A list or dict of the given batch is part of the result.",
                "Build a new list or dict on every level, even where nothing has to move.",
            )
        if target.type == "cpu" and plain:
            expect(result, values, hints={"values": "The numbers must move, too: .to(device) takes them along."})
        if plain and not equal(student.get(batch), values):
            raise CheckFailed("The numbers in the given batch have changed.", IN_PLACE_HINT, kind="in place")


KIND_HINTS = {
    "list": "A list becomes a list of the same length, in the same order.",
    "tuple": "A tuple becomes a tuple again, not a list and not a generator: `tuple(...)`.",
    "dict": "A dict becomes a dict with the same keys.",
    "tensor": "A tensor stays a tensor of the same shape and dtype.",
    "other": "A value that is neither a tensor nor a list, tuple or dict is returned as it is.",
}
EXTRA_LEVEL = (
    "In its place is a list or a tuple: there is one level more than before. An extra pair of brackets, as in "
    "tuple([...]) around a generator, wraps the values a second time."
)


def _hint_for_device(path: str, stayed: bool) -> str:
    """The hint for a tensor on a wrong device. ``stayed`` says that it is the device where the tensor was before."""
    if not stayed:
        return "A device is written into the function: move to the one that is given, the argument `device`."
    if path == "batch":
        return (
            ".to(device) returns the moved tensor and leaves the old one where it is: return its result. And move to "
            "the device that is given, not to one that the function chooses."
        )
    return (
        "Follow the way to that tensor. Is each kind of container on it looked into (list, tuple, dict), at every "
        "depth? Is `device` handed on to the inner calls? Is the result of .to(device) used?"
    )


def _compare_outlines(before: list, after: list, target: torch.device) -> None:
    """Compare the outlines of what was given and of what was returned, place by place."""
    for given, returned in zip(before, after, strict=False):
        path, kind, device, content = given
        if kind == "tensor" and returned[:2] == [path, kind]:
            if returned[2] != target.type:
                raise CheckFailed(
                    f"In the result, {path} is on {returned[2]}, not on {target.type}.",
                    _hint_for_device(path, returned[2] == device),
                )
            if returned[3] != content:
                raise CheckFailed(
                    f"In the result, {path} has another shape or dtype.",
                    "Only the device may change.",
                    got=returned[3],
                )
        elif returned != given:
            extra = kind in ("tensor", "NoneType", "str", "int", "float", "bool") and returned[1] in ("list", "tuple")
            raise CheckFailed(
                f"The {kind} at {path} did not come back as it was.",
                EXTRA_LEVEL if extra else KIND_HINTS.get(kind, KIND_HINTS["other"]),
                got=f"{returned[1]} {returned[3]}"[:200],
            )
    if len(before) != len(after):
        raise CheckFailed("The result holds more or fewer values than the batch.", "Keep every value, moved or not.")
