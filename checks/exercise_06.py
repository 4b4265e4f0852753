"""Checks of exercise 6: from a file with weights to an endpoint that strangers may use.

A function that is no task and has no leading underscore is sent to the student's process, as source.
"""

import contextlib
import io
import json
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import nn

from lecture_utils.grading import (
    CheckFailed,
    Code,
    Handle,
    Student,
    StudentError,
    close,
    describe,
    expect,
    normal,
    task,
)

SETUP = """
import io
from itertools import islice
import numpy as np
import torch
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from PIL import Image, ImageOps
from torch import nn
"""

# --- a network, and files ------------------------------------------------------------------------


# BatchNorm has buffers, Dropout depends on the mode, and one name holds "module." in its middle.
def build_network(state: dict[str, torch.Tensor], training: bool) -> nn.Module:
    """A network with these weights, in training or evaluation mode."""
    from collections import OrderedDict

    width = len(state["features.0.bias"])
    classes = len(state["output.module.bias"])
    features = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
    flat = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.5))
    output = nn.Sequential(OrderedDict(module=nn.Linear(4 * width, classes)))
    network = nn.Sequential(OrderedDict(features=features, flat=flat, output=output))
    network.load_state_dict(state)
    return network.train(training)


def build_logged_network(state: dict[str, torch.Tensor], log: list) -> nn.Module:
    """The network of :func:`build_network` in training mode, which logs each forward pass.

    Logged are the shape of the input, whether a graph is recorded, and whether a layer is in training mode.
    """

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = build_network(state, True)

        def forward(self, x):
            logits = self.inner(x)
            training = any(layer.training for layer in self.modules())
            log.append(["forward", list(x.shape), logits.requires_grad, training])
            return logits

    return Network()


def training_modes(network: nn.Module) -> list[bool]:
    """The modes found among the layers: [False], [True], or [False, True] if they differ."""
    return sorted({layer.training for layer in network.modules()})


def make_folder() -> tuple:
    """A temporary folder, and its path."""
    import tempfile

    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    return folder, folder.name


def remove_folder(folder) -> None:
    folder.cleanup()


def write_file(path: str, content: np.ndarray) -> None:
    from pathlib import Path

    Path(path).write_bytes(content.tobytes())


def is_file(path: str) -> bool:
    from pathlib import Path

    return Path(path).is_file()


def read_weights(path: str):
    return torch.load(path, map_location="cpu", weights_only=True)


def _random_state(rng, width: int, classes: int) -> dict[str, torch.Tensor]:
    """Random numbers for each parameter and buffer of :func:`build_network`."""
    return {
        "features.0.weight": normal(rng, width, 3, 3, 3, scale=0.6),
        "features.0.bias": normal(rng, width, scale=0.5),
        "features.1.weight": 1 + 0.3 * normal(rng, width),
        "features.1.bias": 0.5 + 0.5 * normal(rng, width),
        "features.1.running_mean": normal(rng, width, scale=0.5),
        "features.1.running_var": torch.from_numpy(rng.uniform(0.5, 2, width).astype("float32")),
        "features.1.num_batches_tracked": torch.from_numpy(np.asarray(rng.integers(10, 1000))),
        "output.module.weight": normal(rng, classes, 4 * width),
        "output.module.bias": normal(rng, classes),
    }


def _logits(s: dict[str, torch.Tensor], x: torch.Tensor, own_statistics: bool = False) -> torch.Tensor:
    """The output of :func:`build_network` with these weights, in evaluation mode.

    With ``own_statistics``, BatchNorm uses the mean and variance of the batch, as it does in training mode.
    """
    # A matrix product instead of conv2d, whose threads wait for each other when the machine is busy.
    patches = F.unfold(x, 3, padding=1)
    x = (s["features.0.weight"].flatten(1) @ patches + s["features.0.bias"][:, None]).unflatten(2, x.shape[2:])
    mean, var = s["features.1.running_mean"], s["features.1.running_var"]
    if own_statistics:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    x = F.batch_norm(x, mean, var, s["features.1.weight"], s["features.1.bias"])
    x = F.adaptive_avg_pool2d(x.relu(), 2).flatten(1)
    return x @ s["output.module.weight"].mT + s["output.module.bias"]


def _network(student: Student, state: dict[str, torch.Tensor], training: bool = True) -> Handle:
    """A network with these weights in the student's process."""
    return student.call(build_network, state, training, keep=True)


@contextlib.contextmanager
def _folder(student: Student) -> Iterator[str]:
    """The path of a temporary folder, made in the student's process."""
    folder, path = student.call(make_folder)
    try:
        yield path
    finally:
        student.call(remove_folder, folder)


def _write(student: Student, path: str, content: bytes) -> str:
    """Write a file in the student's process; returns its path."""
    student.call(write_file, path, np.frombuffer(content, "uint8").copy())
    return path


def _saved(value) -> bytes:
    """What torch.save writes."""
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def _from_gpu(content: bytes, number: int) -> bytes:
    """Change a file as if its tensors had been on a GPU of a server.

    The file's pickle names the device of the first storage, a string after its length; the others refer to that string.
    """
    device = f"cuda:{number}".encode()
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name.endswith("data.pkl"):
                assert part.count(b"X\x03\x00\x00\x00cpu") == 1, "torch.save writes another format"
                part = part.replace(b"X\x03\x00\x00\x00cpu", b"X" + struct.pack("<I", len(device)) + device)
            new.writestr(name, part)
    return result.getvalue()


def _expect_loaded(
    student: Student, given: Handle, got: Handle, state: dict[str, torch.Tensor], x: torch.Tensor
) -> None:
    """Check the network that a function was given and returned: its mode, its tensors and its outputs.

    The network is that of :func:`build_network`, or contains it under the name ``module``.
    """
    if got.kind == "NoneType":
        raise CheckFailed("The function returns None.", "The last line: return model.")
    if got.kind == "_IncompatibleKeys":
        hint = "load_state_dict fills the model in place and returns a report. The last line is return model."
        raise CheckFailed("The function returns what load_state_dict returned.", hint)
    if got.kind in ("dict", "OrderedDict"):
        raise CheckFailed(
            "The function returns a dict.", "model.load_state_dict(...) fills the model; then return model."
        )
    network = student.module(got)
    if True in student.call(training_modes, got):
        hint = "model.eval() switches dropout off, and lets BatchNorm use its running statistics."
        raise CheckFailed("The network that was loaded is still in training mode.", hint)
    loaded = network.state_dict
    if set(loaded) != set(state):
        raise CheckFailed("The network holds other tensors than before.", "Fill the given model, and return that one.")
    for name, tensor in state.items():
        hint = "Is this tensor filled from the file? model.load_state_dict(...) does it for all of them."
        if name.rpartition(".")[2] in ("running_mean", "running_var", "num_batches_tracked"):
            hint = "A buffer (バッファ) of BatchNorm is no parameter, but belongs to the state_dict all the same."
        expect(loaded[name], tensor, what=f"{name} after loading", hints={"values": hint}, rtol=0, atol=1e-7)
    logits = _logits({name.removeprefix("module."): tensor for name, tensor in state.items()}, x)
    expect(network.forward(x), logits, what="The output of the loaded network", rtol=1e-3, atol=1e-3)
    filled = student.module(given).state_dict
    if set(filled) != set(state) or not all(torch.equal(filled[name], tensor) for name, tensor in state.items()):
        hint = "The network that is given is the one to fill and to return, not a copy of it."
        raise CheckFailed("The network that was given is not filled.", hint)


# What load_state_dict and torch.load return, taken for the network.
_NO_NETWORK = {
    "'_IncompatibleKeys' object": "load_state_dict fills the network in place, and returns a report: do not assign it "
    "to model.",
    "'(dict|OrderedDict)' object has no attribute '(eval|train)'": "torch.load gives what was saved, here a dict, and "
    "no network: model.load_state_dict(...) fills the network that is given.",
}


# --- 6.1 ---------------------------------------------------------------------------------------


@task(
    "6.1",
    "Save a network and load it again",
    points=2,
    difficulty=1,
    minutes=5,
    names=["save", "load"],
    hints=[
        "What `torch.save` writes, `torch.load` gives back. What is to be written: the network itself, its parameters, "
        "or something between the two?",
        "`model.state_dict()` holds parameters and buffers by name, and `model.load_state_dict(...)` takes them over. "
        "Which mode does a network need before it predicts?",
        "`torch.save(model.state_dict(), path)`; and `model.load_state_dict(torch.load(path))`, `model.eval()`, "
        "`return model`.",
    ],
    on_error={
        "expected 'f' to be": "torch.save takes what to save first, and then the path.",
        "Weights only load failed": "The file that load is given holds a state_dict, and torch.load(path) reads it.",
        "Missing key|Unexpected key": "The file holds the state_dict itself, and load_state_dict takes it as it is.",
        "Expected state_dict to be dict-like": "load_state_dict takes what torch.load gives, not a path.",
        **_NO_NETWORK,
        "state_dict'|has no attribute 'copy'": "save gets the network: model.state_dict() holds its tensors.",
    },
)
def saving(student: Student, rng, case: int) -> None:
    width, classes = [(4, 3), (2, 10), (5, 2)][case] if case < 3 else rng.integers(2, 7, 2).tolist()
    training = case % 3 != 1
    student.case = f"{width} channels, {classes} classes; saved in {'training' if training else 'evaluation'} mode"
    state = _random_state(rng, width, classes)
    x = normal(rng, 4, 3, 6, 6)
    with _folder(student) as folder:
        net = _network(student, state, training)
        path = f"{folder}/model.pt"
        trainable = student.module(net).parameters.keys()
        student.call("save", net, path)
        _expect_saved(student, path, state)
        if student.call(training_modes, net) != [training]:
            hint = "Training may go on after a save: leave the mode alone there."
            raise CheckFailed("save changed the mode of the network.", hint)
        hints = {"values": "save only reads the network.", "type": "save only reads the network."}
        expect(student.module(net).state_dict, state, what="After save, the network", hints=hints, rtol=0, atol=0)
        if student.module(net).parameters.keys() != trainable:
            hint = "Training may go on after a save, so leave requires_grad alone: state_dict() detaches by itself."
            raise CheckFailed("After save, parameters of the network do not require gradients any more.", hint)

        other = _random_state(rng, width, classes)  # not what was saved before: load has to read the file
        fresh = _network(student, _random_state(rng, width, classes))
        ours = _write(student, f"{folder}/other.pt", _saved(other))
        _expect_loaded(student, fresh, student.call("load", fresh, ours, keep=True), other, x)


def _expect_saved(student: Student, path: str, state: dict[str, torch.Tensor]) -> None:
    """Check the file that ``save`` wrote."""
    if not student.call(is_file, path):
        raise CheckFailed("save wrote no file there.", "torch.save takes what to save, and then the path.")
    try:
        content = student.call(read_weights, path)
    except StudentError as error:
        hint = "Write it with torch.save(model.state_dict(), path)."
        if "Weights only" in error.message:
            hint = "It holds objects besides names and tensors, as torch.save(model, path) writes them: loading these "
            hint += "needs their classes, and may run code. Save model.state_dict()."
        raise CheckFailed("torch.load cannot read the file as names and tensors.", hint) from None
    if not isinstance(content, dict):
        raise CheckFailed("The file holds no state_dict.", "Save model.state_dict().", got=describe(content))
    if set(content) != set(state):
        hint = "Save model.state_dict() as it is, with nothing around it."
        if set(content) < set(state):
            hint = "BatchNorm's running mean and variance are buffers, not parameters. model.state_dict() holds both."
        raise CheckFailed(
            "The file does not hold the names of the state_dict.", hint, got=f"{sorted(map(str, content))}"
        )
    expect(content, state, what="The file", rtol=0, atol=1e-7)


# --- 6.2 ---------------------------------------------------------------------------------------

_GPU_CASES = [
    "all names begin with module.",
    "no name begins with module.",
    "one tensor is missing",
    "all names begin with module., and without it those of the network do so again",
]


def put_inside(network):
    """A network that holds another one under the name ``module``."""
    from collections import OrderedDict

    return nn.Sequential(OrderedDict(module=network))


@task(
    "6.2",
    "From a server's GPU to your CPU",
    points=3,
    difficulty=2,
    minutes=7,
    names=["load_from_gpu"],
    hints=[
        "Read the last line of the error that `torch.load(path)` raises: it says what to do. And what does "
        "`load_state_dict` need before it takes the names?",
        '`torch.load(path, map_location="cpu")` puts all tensors on the CPU. `name.removeprefix("module.")` takes '
        "something away at the beginning of a text only, and only if it is there.",
        '`state = {name.removeprefix("module."): tensor for name, tensor in checkpoint["state_dict"].items()}`, '
        "then `model.load_state_dict(state)`, `model.eval()`, `return model`.",
    ],
    visible=3,
    hidden=6,
    on_error={
        "deserialize object on": "The tensors were on a GPU that does not exist here: torch.load takes "
        'map_location="cpu", for a GPU of any number. (A dict as map_location moves only from the devices that it '
        "names.)",
        "changed (size )?during iteration": "A loop goes through a dict whose names change meanwhile: put the new "
        "names into a new dict.",
        **_NO_NETWORK,
        '"epoch"': 'The file holds a dict of two entries: the weights are in checkpoint["state_dict"].',
        "Missing key|Unexpected key": "Compare the names in the file with those of model.state_dict(): what stands in "
        "front? Take it away at the beginning of the name only: the middle of a name may hold it too.",
        "Expected state_dict to be dict-like|KeyError": "The file holds a dict of two entries: the weights are in "
        'checkpoint["state_dict"].',
    },
)
def gpu_to_cpu(student: Student, rng, case: int) -> None:
    kind = _GPU_CASES[case if case < 4 else int(rng.integers(4))]
    width, classes = [(3, 4), (4, 3), (2, 5)][case] if case < 3 else rng.integers(2, 7, 2).tolist()
    student.case = f"{width} channels, {classes} classes; {kind}"
    state = _random_state(rng, width, classes)
    x = normal(rng, 3, 3, 6, 6)
    prefix = "" if kind == "no name begins with module." else "module."
    net = _network(student, _random_state(rng, width, classes))
    if kind == _GPU_CASES[3]:
        net = student.call(put_inside, net, keep=True)
        state = {f"module.{name}": tensor for name, tensor in state.items()}
    order = list(state) if case == 0 else [str(name) for name in rng.permutation(list(state))]
    stored = {prefix + name: state[name] for name in order}
    incomplete = kind == "one tensor is missing"
    if incomplete:
        # load_state_dict forgives a missing num_batches_tracked
        names = [name for name in stored if not name.endswith("num_batches_tracked")]
        stored.pop(names[int(rng.integers(len(names)))])
    checkpoint = {"epoch": int(rng.integers(1, 100)) if case % 4 else 0, "state_dict": stored}
    gpu = int(rng.integers(8, 64)) if case else 7  # so high a number that no machine here has it
    with _folder(student) as folder:
        path = _write(student, f"{folder}/gpu.pt", _from_gpu(_saved(checkpoint), gpu))
        if not incomplete:
            return _expect_loaded(student, net, student.call("load_from_gpu", net, path, keep=True), state, x)
        with contextlib.suppress(StudentError):
            student.call("load_from_gpu", net, path, keep=True)
            hint = "load_state_dict(state) raises an error by itself when a tensor is missing. With strict=False, in a "
            hint += "try, or filled by hand, the network keeps random numbers in that place, and nobody notices."
            raise CheckFailed("A file in which a tensor is missing was loaded without a word.", hint)


# --- 6.3 ---------------------------------------------------------------------------------------

_FLAG = "opened_by_a_checkpoint"


def try_to_load(function, path: str, flag: str) -> tuple:
    """The error that a function raises for a file, and whether code in the file has set a flag in ``sys``.

    The error is the names of its classes, its message, and whether a line outside of the libraries raised it; or None.
    """
    import sys
    import traceback

    error = None
    try:
        function(path)
    except NotImplementedError:
        raise
    except Exception as raised:
        last = traceback.extract_tb(raised.__traceback__)[-1].filename
        own = not any(part in last for part in ("site-packages", "zipfile", "pickle", "lib/python"))
        error = [[kind.__name__ for kind in type(raised).__mro__], str(raised), own]
    return error, vars(sys).pop(flag, False)


def clear_flag(flag: str) -> None:
    import sys

    vars(sys).pop(flag, None)


class _Payload:
    """An object whose pickle calls exec with harmless code, which sets a flag."""

    def __reduce__(self):
        return exec, (f"import sys; sys.{_FLAG} = True",)


def _bad_files(rng, state: dict[str, torch.Tensor]) -> dict[str, bytes]:
    """Files that hold no weights, or more than weights, by what is wrong with each."""
    good = _saved(state)
    name = f"layer{rng.integers(10)}.weight"
    words = " ".join(str(w) for w in rng.choice(["these", "are", "notes", "on", "training", "and", "tests"], 30))
    return {
        "a state_dict with code hidden behind its tensors": _saved(state | {"note": _Payload()}),
        "a file cut off in the middle": good[: int(len(good) * rng.uniform(0.3, 0.9))],
        "a text file": words.encode(),
        "a network saved whole": _saved(nn.Flatten()),
        "a list of tensors": _saved(list(state.values())),
        "an empty file": b"",
        "a pickle with code, not made by torch.save": pickle.dumps({name: _Payload()}, protocol=2),
        "a dict that holds a text beside the tensors": _saved(state | {"author": words}),
        "a single tensor": _saved(state["output.module.weight"]),
        "a checkpoint, with the weights in a dict inside the dict": _saved({"state_dict": state}),
        "code in place of the weights": _saved(_Payload()),
    }


@task(
    "6.3",
    "Never run a stranger's file",
    points=3,
    difficulty=2,
    minutes=7,
    names=["load_safely"],
    hints=[
        "`torch.load` can refuse whatever is not data: which argument? And which errors can come from a file that is "
        "damaged, empty, or of another kind? Try some files: there are more kinds of error than one.",
        "`try:` with `torch.load(path, weights_only=True)`, and `except Exception as error:` for whatever goes wrong, "
        "with `raise ValueError(...) from error`. Then look at what was loaded: is it a dict, and each value a tensor?",
        "After the `try`: `if not isinstance(state, dict) or not all(isinstance(t, torch.Tensor) for t in "
        'state.values()):` another `raise ValueError(f"{path} holds no weights")`; then `return state`.',
    ],
    visible=4,
    hidden=4,
    on_error={
        "UnpicklingError": "pickle.load cannot read what torch.save writes, and runs whatever code a pickle holds: "
        "torch.load(path, weights_only=True).",
        "^ValueError": "This file is good: torch.load(path, weights_only=True) makes a dict of names to tensors of it. "
        "(An OrderedDict is a dict too, and an nn.Parameter a tensor.) Return it.",
    },
)
def safe_loading(student: Student, rng, case: int) -> None:
    width, classes = rng.integers(2, 6, 2).tolist()
    state = _random_state(rng, width, classes)
    files = _bad_files(rng, state)
    kinds = list(files)
    chosen = [kinds[:1], kinds[1:3], kinds[3:5], kinds[5:8]][case] if case < 4 else rng.permutation(kinds)
    try:
        with _folder(student) as folder:
            student.case = "a good file"
            good = OrderedDict((name, tensor.clone()) for name, tensor in state.items())  # as model.state_dict() is
            good["output.module.bias"] = nn.Parameter(good["output.module.bias"])
            path = _write(student, f"{folder}/good.pt", _saved(good if case else state))
            hints = {"type": "A good file gives the dict that it holds.", "none": "The last line: return state."}
            expect(student.call("load_safely", path), state, what="What a good file gives", hints=hints, atol=1e-7)
            for number, kind in enumerate(chosen):
                student.case = str(kind)
                name = f"file{number}-{rng.integers(1000)}.pt"
                _expect_refused(student, _write(student, f"{folder}/{name}", files[kind]))
    finally:
        student.call(clear_flag, _FLAG)


def _slashes(text: str) -> str:
    """Backslashes as slashes, those of a repr too: pathlib changes them on Windows."""
    return text.replace("\\\\", "/").replace("\\", "/")


def _expect_refused(student: Student, path: str) -> None:
    """Check that ``load_safely`` refuses a file with a ValueError that names its path."""
    error, code_was_run = student.call(try_to_load, student.value("load_safely"), path, _FLAG)
    if code_was_run:
        hint = "Whoever loads such a file does what its author wants. torch.load(path, weights_only=True) makes "
        hint += "tensors and plain data only, and there must be no second attempt without it."
        raise CheckFailed("The code in the file was run.", hint)
    if error is None:
        hint = "Raise a ValueError: None, an empty dict or a printed warning is easily overlooked. Look at what was "
        hint += "loaded, too: a dict, and each of its values a tensor."
        raise CheckFailed("The file was not refused.", hint)
    kinds, message, own = error
    if "ValueError" not in kinds:
        hint = "torch.load raises many kinds of error: catch them all with `except Exception as error:`, and raise "
        hint += "ValueError(...) from error, so that the caller has to know one kind only."
        if "AssertionError" in kinds:
            hint = "assert raises an AssertionError: `if not ...: raise ValueError(...)`."
        elif own and kinds[0] in ("AttributeError", "TypeError", "KeyError", "IndexError"):
            hint = (
                "torch.load has read this file, and a line of your own that looks at the result failed: it need not be "
            )
            hint += "a dict. Ask isinstance(state, dict) first."
        raise CheckFailed("The file was refused, but not with a ValueError.", hint, got=f"{kinds[0]}: {message[:80]}")
    if _slashes(path) not in _slashes(message):
        hint = 'With many files in many folders, which one was it? ValueError(f"{path}: ...") names all of the path.'
        raise CheckFailed("The message of the ValueError does not hold the file's path.", hint, got=message[:80])


# --- pictures ------------------------------------------------------------------------------------


def open_picture(content: np.ndarray):
    """The picture of a file, as Image.open gives it."""
    import io

    from PIL import Image

    return Image.open(io.BytesIO(content.tobytes()))


def _encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    """The bytes of a picture's file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _opened(student: Student, content: bytes) -> Handle:
    """A picture in the student's process, as Image.open gives it."""
    return student.call(open_picture, np.frombuffer(content, "uint8").copy(), keep=True)


def _pixels(rng, height: int, width: int, *channels: int) -> np.ndarray:
    """Noise on a slope, dark on the left; each colour with a brightness of its own."""
    slope = np.linspace(0.3, 1, width).reshape(1, width, *(1 for _ in channels))
    tint = rng.permutation(np.linspace(0.5, 1, channels[0])) if channels else 1
    return (rng.uniform(40, 256, (height, width, *channels)) * slope * tint).astype("uint8")


# --- 6.4 ---------------------------------------------------------------------------------------


@task(
    "6.4",
    "The preprocessing of the training",
    points=3,
    difficulty=2,
    minutes=7,
    names=["preprocess"],
    hints=[
        "Go through the recipe step by step, and print shape and smallest and largest value after each step. PIL gives "
        "a size as (width, height), a tensor's shape is (..., height, width).",
        "`image.resize((width, height), Image.Resampling.BILINEAR)`; then `torch.tensor(np.array(image))` is of "
        "shape (H, W, 3), and `.permute(2, 0, 1)` brings the channels to the front. `.flip(0)` turns their order "
        "around.",
        "After `/ 255` and, for BGR, `.flip(0)`: `mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in "
        '("mean", "std"))`, and `return ((pixels - mean) / std).unsqueeze(0)`.',
    ],
    visible=4,
    hidden=6,
    on_error={
        "must match the size|could not be broadcast|broadcast": "mean and std are one number for each channel: with "
        "the channels in front, .view(3, 1, 1) makes them fit.",
        "not writable|negative|stride": "np.array(image) makes an array of its own, which torch.tensor takes; "
        "tensor.flip(0) turns channels around.",
        "has no attribute 'permute'|has no attribute 'unsqueeze'|float\\(\\)|Could not infer dtype": "torch.tensor("
        "np.array(image)) makes a tensor of the picture.",
    },
)
def preprocessing(student: Student, rng, case: int) -> None:
    height, width = [(4, 6), (8, 8), (7, 5), (6, 9)][case] if case < 4 else rng.integers(4, 12, 2).tolist()
    order = "BGR" if case % 2 else "RGB"
    factors = {2: (1, 1), 4: (0.6, 0.7)}.get(case, rng.uniform(2, 5, 2))
    h, w = int(height * factors[0]), int(width * factors[1])
    mean = [round(float(v), 3) for v in rng.uniform(0.3, 0.6, 3)]
    std = [round(float(v), 3) for v in rng.uniform(0.15, 0.35, 3)]
    student.case = f"a picture {w} wide and {h} high, size {[height, width]}, order {order} | mean={mean}, std={std}"
    image = Image.fromarray(_pixels(rng, h, w, 3))
    recipe = {"size": [height, width], "mean": mean, "std": std, "order": order}
    picture = _opened(student, _encoded(image))
    before = student.call(read_picture, picture)
    got = student.call("preprocess", picture, recipe)
    _expect_same_picture(student, picture, before)
    if height != width and isinstance(got, torch.Tensor) and got.shape == (1, 3, width, height):
        hint = "PIL's size is (width, height), the recipe's is (height, width): exchange them for image.resize."
        raise CheckFailed("Height and width are exchanged.", hint, got=f"shape {tuple(got.shape)}", kind="shape")
    hints = {
        "shape": "A batch of one picture, channels first: (1, 3, height, width).",
        "dtype": "float32: the statistics as torch.tensor(...), and pixels / 255 of a uint8 tensor, are just that.",
        "type": "Make a tensor of the picture: torch.tensor(np.array(image)).",
        "values": "Compare each step with the recipe: size and BILINEAR, order of the channels, / 255, mean, std.",
        "nonfinite": "Divide by 255 and by the recipe's std, neither of which is 0.",
    }
    # Rounding between the steps is free: one or two of 255 levels. Where nothing is resized, nothing is rounded.
    atol = 2.2 / 255 / min(std) if (h, w) != (height, width) else 1e-3
    right = _standardised(_in_order(_resized(image, height, width), order), mean, std)
    mistakes = [
        *_value_mistakes(image, recipe),
        *_resampling_mistakes(image, recipe),
        *_order_mistakes(image, recipe),
        *_layout_mistakes(image, recipe),
    ]
    expect(got, right, what="The tensor", mistakes=mistakes, hints=hints, rtol=0, atol=atol)


def _resized(image: Image.Image, height: int, width: int, resampling=Image.Resampling.BILINEAR) -> torch.Tensor:
    """A picture of another size, as a tensor (3, height, width) of values from 0 to 1."""
    pixels = np.array(image.resize((width, height), resampling))
    return torch.from_numpy(pixels).permute(2, 0, 1) / 255


def _in_order(pixels: torch.Tensor, order: str) -> torch.Tensor:
    """RGB channels in the order that a recipe asks for."""
    return pixels.flip(0) if order == "BGR" else pixels


def _per_channel(values: list[float]) -> torch.Tensor:
    return torch.tensor(values).view(3, 1, 1)


def _standardised(pixels: torch.Tensor, mean: list[float], std: list[float]) -> torch.Tensor:
    """A batch of one picture, (1, 3, height, width)."""
    return ((pixels - _per_channel(mean)) / _per_channel(std))[None]


def _value_mistakes(image: Image.Image, recipe: dict) -> list[tuple[torch.Tensor, str]]:
    """Mistakes in the range of the pixels, and in mean and std."""
    x = _in_order(_resized(image, *recipe["size"]), recipe["order"])
    mean, std = recipe["mean"], recipe["std"]
    m, s = _per_channel(mean), _per_channel(std)
    stretched = (x - x.min()) / (x.max() - x.min()).clamp(min=1e-6)
    own = "Here mean and std are those of this very picture. Use the recipe's: they are those of the training."
    range_hint = "The picture was stretched to its own darkest and brightest level. Divide by 255, whatever is in it."
    return [
        (((x - x.mean((1, 2), keepdim=True)) / x.std((1, 2), keepdim=True))[None], own),
        (((x - x.mean()) / x.std())[None], own),
        (stretched[None], range_hint),
        (_standardised(stretched, mean, std), range_hint),
        (x[None], "The values are not standardised: (pixels - mean) / std."),
        ((x * 255)[None], "The pixels still run from 0 to 255, and are not standardised."),
        (_standardised(x * 255 / 256, mean, std), "The largest level is 255, not 256: white is to be 1."),
        (_standardised(x * 255, mean, std), "The mean and std are those of pixels from 0 to 1: divide by 255 first."),
        (((x - 0.5) / 0.5)[None], "Use the mean and std of the recipe."),
        ((x - m)[None], "Dividing by std is missing."),
        ((x / s)[None], "Subtracting mean is missing."),
        (((x - s) / m)[None], "mean and std are exchanged."),
        (((x - m) / s**2)[None], "Divide by the standard deviation, not by the variance."),
    ]


def _resampling_mistakes(image: Image.Image, recipe: dict) -> list[tuple[torch.Tensor, str]]:
    """Mistakes in how the picture was resized."""
    height, width = recipe["size"]
    methods = (
        Image.Resampling.NEAREST,
        Image.Resampling.BICUBIC,
        Image.Resampling.LANCZOS,
        Image.Resampling.BOX,
        Image.Resampling.HAMMING,
    )
    whole = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    not_smoothed = F.interpolate(whole[None], (height, width), mode="bilinear", align_corners=False)[0]
    w, h = image.size
    square = min(h, w)
    middle = image.crop(((w - square) // 2, (h - square) // 2, (w + square) // 2, (h + square) // 2))
    bilinear = "The resampling (リサンプリング) differs from the training: image.resize takes "
    bilinear += "Image.Resampling.BILINEAR as its second argument, and its default is another."
    smooth = "The picture is made smaller without smoothing (antialias), as a tensor. Training resized the PIL "
    smooth += "picture: image.resize((width, height), Image.Resampling.BILINEAR)."
    no_cut = (
        "The middle was cut out, as ImageOps.fit and CenterCrop do. In this training the whole picture was squeezed "
    )
    no_cut += "to the size, without a cut: image.resize."
    border = "The picture kept its proportions and got a border. In this training it was squeezed: image.resize."
    fitted = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    padded = ImageOps.pad(image, (width, height), Image.Resampling.BILINEAR)
    wrong = [
        *((_resized(image, height, width, method), bilinear) for method in methods),
        (not_smoothed, smooth),
        (_resized(middle, height, width), no_cut),
        (_resized(fitted, height, width), no_cut),
        (_resized(ImageOps.fit(image, (width, height)), height, width), no_cut),
        (_resized(padded, height, width), border),
    ]
    order, mean, std = recipe["order"], recipe["mean"], recipe["std"]
    return [(_standardised(_in_order(pixels, order), mean, std), hint) for pixels, hint in wrong]


def _order_mistakes(image: Image.Image, recipe: dict) -> list[tuple[torch.Tensor, str]]:
    """Mistakes in the order of the channels."""
    rgb = _resized(image, *recipe["size"])
    bgr = rgb.flip(0)
    mean, std = recipe["mean"], recipe["std"]
    if recipe["order"] == "RGB":
        return [(_standardised(bgr, mean, std), "The order is RGB here, as PIL has it: nothing to turn around.")]
    blue_first = "The network was trained on pictures in the order blue, green, red: turn the channels around."
    turn_first = "mean and std are in the order of the network's channels: turn the channels around first, and then "
    turn_first += "standardise."
    rows = "The rows were turned around, not the channels."
    columns = "The columns were turned around, not the channels."
    return [
        (_standardised(rgb, mean, std), blue_first),
        (_standardised(rgb, mean, std).flip(1), turn_first),
        (_standardised(bgr.flip(1), mean, std), rows),
        (_standardised(bgr.flip(2), mean, std), columns),
        (_standardised(rgb.flip(1), mean, std), rows),
        (_standardised(rgb.flip(2), mean, std), columns),
    ]


def _layout_mistakes(image: Image.Image, recipe: dict) -> list[tuple[torch.Tensor, str]]:
    """Mistakes in the dimensions of the tensor."""
    height, width = recipe["size"]
    order, mean, std = recipe["order"], recipe["mean"], recipe["std"]
    pixels = _resized(image, height, width)
    right = _standardised(_in_order(pixels, order), mean, std)
    rows_of_pixels = pixels.permute(1, 2, 0).contiguous()
    mixed = _in_order(rows_of_pixels.reshape(3, height, width), order)
    reshaped = "reshape does not move the channels to the front, it cuts the numbers anew, and mixes colours and "
    reshaped += "places: permute(2, 0, 1)."
    mistakes = [
        (right[0], "A network takes a batch, here one of a single picture: .unsqueeze(0)."),
        (right.permute(0, 2, 3, 1), "The channels come first in PyTorch, (1, 3, H, W): permute."),
        (_standardised(mixed, mean, std), reshaped),
    ]
    if height != width:
        squeezed = _in_order(_resized(image, width, height).mT, order)
        hint = "Two shapes fit, but the picture was squeezed to (height, width) as PIL counts: PIL wants (width, "
        hint += "height)."
        mistakes.append((_standardised(squeezed, mean, std), hint))
    return mistakes


# --- 6.5 ---------------------------------------------------------------------------------------

# EXIF orientation: how the stored pixels differ from the picture as it is meant.
_STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
_VISIBLE_KINDS = [
    ["RGB", "grey (L)", "RGBA"],
    ["16-bit grey", "16-bit grey, a dark picture"],
    ["palette with a transparent colour"],
    ["EXIF: turned", "EXIF: mirrored", "EXIF: turned, RGBA"],
]
_HIDDEN_KINDS = [
    "grey and alpha (LA)",
    "palette (P)",
    "black and white (1)",
    "CMYK",
    "16-bit grey of mode I",
    "RGB with a transparent colour",
    "palette with half transparent colours",
    "EXIF: turned, 16-bit grey",
]
# A picture as it is meant, its RGB pixels, and what known mistakes make of it.
_Example = tuple[Image.Image, np.ndarray, list[tuple[np.ndarray, str]]]
_ALPHA_DROPPED = 'The colours under transparent pixels are shown: convert("RGB") drops alpha. Lay the picture on white.'
_ON_BLACK = "What is transparent became black: the background is white."
_ON_ITS_SIDE = "The stored pixels lie on their side or are mirrored, and the EXIF data say so: ImageOps.exif_transpose."


def read_picture(picture) -> tuple | None:
    """Mode, [width, height] and RGB or 16-bit values of a picture; None if this is no PIL picture."""
    from PIL import Image

    if not isinstance(picture, Image.Image):
        return None
    shown = picture if picture.mode.startswith("I") else picture.convert("RGB")
    return picture.mode, list(picture.size), np.array(shown).astype("int32")


def paint_over(picture) -> None:
    picture.paste((1, 2, 3), (0, 0, *picture.size))


def _expect_same_picture(student: Student, picture: Handle, before: tuple) -> None:
    """A picture is what :func:`read_picture` gave before."""
    after = student.call(read_picture, picture)
    if after[:2] != before[:2] or not np.array_equal(after[2], before[2]):
        hint = "paste, putalpha, thumbnail and in_place=True change a picture: work on a new one."
        raise CheckFailed("The picture that was given has changed.", hint, kind="in place")


def _three_channels(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def _composite(colours: np.ndarray, alpha: np.ndarray, background: int) -> np.ndarray:
    """Colours laid on a grey level, 0 for black or 255 for white."""
    share = alpha[..., None] / 255
    return colours * share + background * (1 - share)


def _example(rng, kind: str, turn: int) -> tuple[bytes, np.ndarray, list[tuple[np.ndarray, str]]]:
    """The file of a picture of a kind named above, its RGB pixels, and what known mistakes make of it.

    ``turn`` is the orientation of a kind with EXIF data.
    """
    image, right, mistakes = _upright_example(rng, kind)
    if kind.startswith("EXIF"):
        exif = Image.Exif()
        exif[0x0112] = turn
        as_stored = np.array(Image.fromarray(right.round().astype("uint8")).transpose(_STORED_AS[turn]))
        return _encoded(image.transpose(_STORED_AS[turn]), exif=exif), right, [*mistakes, (as_stored, _ON_ITS_SIDE)]
    if image.mode in ("CMYK", "I"):
        return _encoded(image, "TIFF"), right, mistakes
    return _encoded(image), right, mistakes


def _upright_example(rng, kind: str) -> _Example:
    h, w = (int(n) for n in rng.integers(5, 12, 2))
    w += w == h
    colours = _pixels(rng, h, w, 3)
    grey = _pixels(rng, h, w)
    alpha = rng.choice([0, 255, 128, 60], (h, w), p=[0.3, 0.3, 0.2, 0.2]).astype("uint8")
    alpha[0, :3] = 0, 255, 128
    if kind == "grey (L)":
        return Image.fromarray(grey), _three_channels(grey), []
    if "RGBA" in kind:
        return _transparent_example("RGBA", np.dstack([colours, alpha]), colours, alpha)
    if kind == "grey and alpha (LA)":
        return _transparent_example("LA", np.dstack([grey, alpha]), _three_channels(grey), alpha)
    if "16-bit grey" in kind:
        image, right, mistakes = _sixteen_bit_example(rng, h, w, dark="dark" in kind)
        wide = kind.endswith("mode I")
        return Image.fromarray(np.asarray(image).astype("int32")) if wide else image, right, mistakes
    if kind.startswith("palette"):
        return _palette_example(rng, h, w, kind)
    if kind == "RGB with a transparent colour":
        image = Image.fromarray(colours)
        clear = (colours == colours[0, 0]).all(2, keepdims=True)
        image.info["transparency"] = tuple(colours[0, 0].tolist())  # which a PNG keeps
        return (
            image,
            np.where(clear, 255, colours),
            [(colours, _ALPHA_DROPPED), (np.where(clear, 0, colours), _ON_BLACK)],
        )
    if kind == "black and white (1)":
        bits = rng.integers(0, 2, (h, w)).astype(bool)
        bits[0, :2] = True, False
        right = _three_channels(bits) * np.uint8(255)
        return Image.fromarray(bits), right, [(right // 255, "White is 255.")]
    if kind == "CMYK":
        image = Image.fromarray(colours).convert("CMYK")
        return image, np.array(image.convert("RGB")), []
    return Image.fromarray(colours), colours, [(colours[..., ::-1], "The order of the colours stays RGB.")]


def _transparent_example(mode: str, stored: np.ndarray, colours: np.ndarray, alpha: np.ndarray) -> _Example:
    """A picture of mode RGBA or LA; ``colours`` are those of ``stored`` without alpha, as RGB."""
    binary = "A half transparent pixel is a mixture of its colour and of white: Image.alpha_composite mixes."
    itself = 'The background is transparent itself: Image.new("RGBA", image.size, "white").'
    covered = "All of it is white: Image.alpha_composite takes the background first, and then what is laid on it."
    mistakes = [
        (colours, _ALPHA_DROPPED),
        (_composite(colours, alpha, 0), _ON_BLACK),
        (np.where(alpha[..., None] > 0, colours, 255), binary),
        (np.where(alpha[..., None] == 255, colours, 255), binary),
        (np.where(alpha[..., None] >= 128, colours, 255), binary),
        (np.where(alpha[..., None] > 0, colours, 0), itself),
        (np.full_like(colours, 255), covered),
    ]
    height, width = alpha.shape
    return Image.frombytes(mode, (width, height), stored.tobytes()), _composite(colours, alpha, 255), mistakes


def _sixteen_bit_example(rng, height: int, width: int, dark: bool) -> _Example:
    values = rng.integers(0, 65536, (height, width)).astype("uint16")
    values[0, :3] = 100, 30_000, 65_535
    if dark:
        values = values // 4 + np.uint16(300)
    lower_bits = (values & 255).astype("uint8")
    stretched = (values - values.min()) / max(1, int(values.max() - values.min())) * 255
    brightest = values / max(1, int(values.max())) * 255
    white = '16-bit values run to 65535, and convert("RGB") makes white of all above 255: divide by 256 first, '
    white += "with NumPy."
    lost = "Of 16 bits the upper 8 count: divide by 256 before the cast to uint8, which keeps the lower 8."
    own = "Divide by a fixed number, not by the picture's own range: dark pictures are to stay dark."
    mistakes = [
        (_three_channels(values.clip(0, 255)), white),
        (_three_channels(lower_bits), lost),
        (_three_channels(stretched), own),
        (_three_channels(brightest), own),
    ]
    return Image.fromarray(values), _three_channels(values / 257), mistakes


def _palette_example(rng, height: int, width: int, kind: str) -> _Example:
    """A picture of 8 colours, of which number 2 may be transparent, or some more or less so."""
    palette = rng.integers(0, 256, (8, 3)).astype("uint8")
    index = rng.integers(0, 8, (height, width)).astype("uint8")
    index[0, :2] = 2, 3
    image = Image.fromarray(index)
    image.putpalette(palette.tobytes())
    colours = palette[index]
    numbers = "These are the numbers of the palette's colours: convert looks the colours up."
    mistakes = [(_three_channels(index), numbers)]
    if "half transparent" in kind:
        levels = np.asarray([255, 128, 0, 60, 255, 255, 200, 255], dtype="uint8")
        image.info["transparency"] = levels.tobytes()
        _, right, more = _transparent_example("RGBA", np.dstack([colours, levels[index]]), colours, levels[index])
        return image, right, mistakes + more
    if "transparent" not in kind:
        return image, colours, mistakes
    clear = index[..., None] == 2
    mistakes += [(colours, _ALPHA_DROPPED), (np.where(clear, 0, colours), _ON_BLACK)]
    image.info["transparency"] = 2  # which a PNG keeps
    return image, np.where(clear, 255, colours), mistakes


@task(
    "6.5",
    "Whatever picture comes",
    points=3,
    difficulty=2,
    minutes=8,
    names=["to_rgb"],
    hints=[
        'Three things are lost by `image.convert("RGB")` alone: which way is up, what is transparent, and the upper '
        "bits of 16-bit values. Deal with them first, and convert last.",
        "`ImageOps.exif_transpose(image)` turns a picture upright. `image.has_transparency_data` tells of any kind of "
        "transparency, and `Image.alpha_composite(white, image)` lays one RGBA picture on another of the same size. "
        "`np.asarray(image)` gives the 16-bit numbers.",
        '`if image.mode.startswith("I"): image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))`; then '
        '`if image.has_transparency_data:` convert to `"RGBA"`, and lay it on `Image.new("RGBA", image.size, '
        '"white")`; at last `return image.convert("RGB")`.',
    ],
    visible=4,
    hidden=6,
    on_error={
        "images do not match|bad transparency mask|wrong mode": "Both pictures of alpha_composite must be RGBA, and of "
        'one size: image.convert("RGBA") first.',
        "Cannot handle this data type": "Image.fromarray wants uint8 numbers: .astype(np.uint8).",
        "conversion from|cannot convert": "Not every mode can be converted into every other one: RGB and RGBA always "
        "work.",
        "NoneType": "exif_transpose returns the upright picture, unless in_place=True is given.",
    },
)
def any_picture(student: Student, rng, case: int) -> None:
    every = [kind for kinds in [*_VISIBLE_KINDS, _HIDDEN_KINDS] for kind in kinds]
    for kind in map(str, _VISIBLE_KINDS[case] if case < 4 else rng.permutation(every)):
        turn = (2, 7, 4, 5)[case % 4] if "mirrored" in kind else (6, 8, 3)[case % 3]
        content, right, mistakes = _example(rng, kind, turn)
        picture = _opened(student, content)
        before = student.call(read_picture, picture)
        student.case = f"{kind}, {before[1][0]} wide and {before[1][1]} high"
        kept = student.call("to_rgb", picture, keep=True)
        got = _expect_rgb(student, kept)
        if got.shape != right.shape:
            hint = _ON_ITS_SIDE if kind.startswith("EXIF") else "The size of the picture stays."
            size = "{1} wide and {0} high"
            message = "The picture that is returned has the wrong size."
            words = {"expected": size.format(*right.shape), "got": size.format(*got.shape)}
            raise CheckFailed(message, hint, kind="shape", **words)
        if not _near(got, right):
            known = [hint for wrong, hint in mistakes if _near(got, wrong)]
            raise CheckFailed("The colours are wrong.", known[0] if known else _colour_hint(kind), kind="values")
        _expect_same_picture(student, picture, before)
        student.call(paint_over, kept)
        if not np.array_equal(student.call(read_picture, picture)[2], before[2]):
            hint = "A caller may draw into the result and still want the original: image.copy(), or "
            hint += 'image.convert("RGB"), which always makes a new picture.'
            raise CheckFailed("The picture that is returned is the given one itself.", hint, kind="in place")


def _colour_hint(kind: str) -> str:
    """What to look at when no known mistake explains the colours."""
    if kind.startswith("EXIF"):
        return (
            "It is turned or mirrored the wrong way. ImageOps.exif_transpose knows all eight cases, four with a mirror."
        )
    if "16-bit" in kind:
        return (
            "Of 65536 levels 256 are left, in every picture alike: 65535 becomes 255, 30000 becomes 117, 100 becomes 0."
        )
    if "RGBA" in kind or "LA" in kind or "half" in kind:
        return (
            "Each pixel is a mixture of its colour and of white, by its alpha: half transparent black is the grey 127."
        )
    return "Show both pictures, yours and the one that was given, and compare them."


def _expect_rgb(student: Student, kept: Handle) -> np.ndarray:
    """Check that ``to_rgb`` returned a PIL picture of mode RGB; returns its pixels."""
    if kept.kind == "NoneType":
        raise CheckFailed("The result is None.", 'The last line: return image.convert("RGB").')
    result = student.call(read_picture, kept)
    if result is None:
        raise CheckFailed("The result is no PIL picture.", "Image.fromarray makes one of an array.", got=kept.kind)
    mode, _, pixels = result
    if mode != "RGB":
        message = "The picture that is returned is not of mode RGB."
        hint = 'The last step: image.convert("RGB").'
        raise CheckFailed(message, hint, expected="mode RGB", got=f"mode {mode}", kind="type")
    return pixels


def _near(got: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether two pictures differ by two levels of 255 at most."""
    return got.shape == wanted.shape and bool((np.abs(got.astype(float) - wanted) <= 2.01).all())


# --- 6.6 ---------------------------------------------------------------------------------------


def make_prepare(log: list, most: int):
    """A ``prepare`` for RGB pictures of any size, which gives a tensor (3, 6, 6) and logs each picture's size.

    Once the log has ``most`` entries, it raises an error: a loop that never ends need not wait for the time limit.
    """

    def prepare(image):
        if len(log) >= most:
            raise RuntimeError("prepare was called far more often than there are pictures")
        log.append(["prepare", list(image.size)])
        return torch.as_tensor(np.array(image.resize((6, 6), 2))).permute(2, 0, 1) / 255

    return prepare


def pairs_of(result) -> list:
    """The result, its texts as plain ones (NumPy has a class for them), and the class of the second of each pair."""
    if not isinstance(result, (list, tuple)):
        return [result, []]
    kinds = []
    plain: list = []
    for pair in result:
        if isinstance(pair, (list, tuple)):
            kinds += ["float" if isinstance(value, float) else type(value).__name__ for value in pair[1:2]]
            pair = [str(value) if isinstance(value, str) else value for value in pair]
        plain.append(pair)
    return [plain, kinds]


def _prepared(image: Image.Image) -> torch.Tensor:
    """What the ``prepare`` of :func:`make_prepare` gives."""
    return torch.from_numpy(np.array(image.resize((6, 6), Image.Resampling.BILINEAR))).permute(2, 0, 1) / 255


def _forward_passes(events: list, needed: bool) -> list:
    """The forward passes of a log, which must be in evaluation mode and without a graph; at least one if ``needed``."""
    forwards = [event for event in events if event[0] == "forward"]
    if needed and not forwards:
        raise CheckFailed("The network was not called.", "The answers are those of the network: model(batch).")
    if any(training for _, _, _, training in forwards):
        hint = "In training mode dropout makes answers random, and BatchNorm lets the pictures of a batch influence "
        hint += "each other: model.eval()."
        raise CheckFailed("The network ran in training mode.", hint)
    if any(recorded for _, _, recorded, _ in forwards):
        hint = "Nothing is trained here: `with torch.no_grad():` or torch.inference_mode() around the forward pass."
        raise CheckFailed("A graph for gradients was recorded.", hint)
    return forwards


@task(
    "6.6",
    "The most likely classes",
    points=3,
    difficulty=2,
    minutes=6,
    names=["predict"],
    hints=[
        "The steps are: prepare the picture, make a batch of it, ask the network, turn logits into probabilities, pick "
        "the largest. In which mode, and with or without gradients?",
        "`prepare(image).unsqueeze(0)` is a batch of one, and `model(batch).softmax(dim=1)[0]` its probabilities. "
        "`.topk(k)` gives the largest values and their places, sorted. There may be fewer than `k` classes.",
        "`values, places = probabilities.topk(min(k, len(classes)))`, and `[(classes[i], p) for p, i in "
        "zip(values.tolist(), places.tolist())]`.",
    ],
    on_error={
        "expected 3D|Expected 3D|expected 4D|4D input|\\(unbatched\\)|got 3D": "A network takes a batch: "
        "prepare(image).unsqueeze(0).",
        "selected index k out of range": "topk found fewer than k numbers along its dimension. There may be fewer "
        "than k classes: min(k, len(classes)). And in a batch of one, (1, C), the classes are the last dimension.",
        "only integer tensors|list indices must be integers": "An index of classes is one whole number. A batch of "
        "one has the shape (1, C): take [0] of it before topk, and .tolist() makes plain numbers of the places.",
        "requires grad": "Run the network inside `with torch.no_grad():`.",
        "shapes cannot be multiplied": "A network takes a batch: prepare(image).unsqueeze(0).",
    },
)
def top_k(student: Student, rng, case: int) -> None:
    count, k = [(5, 3), (4, 1), (3, 5)][case] if case < 3 else (int(rng.integers(2, 9)), int(rng.integers(1, 9)))
    given: dict[str, Any] = {} if k == 3 else {"k": k}
    student.case = f"{count} classes, k {'not given' if k == 3 else f'= {k}'}"
    state = _random_state(rng, 3, count)
    h, w = (int(n) for n in rng.integers(7, 30, 2))
    image = Image.fromarray(_pixels(rng, h, w, 3))
    scores = _logits(state, _prepared(image)[None])[0]
    large = 200 if case % 5 == 4 else 0
    student.case += f", logits of about {large}" if large else ""
    state["output.module.bias"] = state["output.module.bias"] + _spread(rng, scores) - scores + large
    logits = _logits(state, _prepared(image)[None])[0]
    p = logits.softmax(0)
    words = ["apple", "boat", "cat", "dog", "eagle", "frog", "goat", "house", "iris"]
    classes = [str(c) for c in rng.permutation(words)[:count]]
    best = p.argsort(descending=True).tolist()
    right = [(classes[i], p[i].item()) for i in best[:k]]

    log = student.put([])
    prepare = student.call(make_prepare, log, 100, keep=True)
    net = student.call(Code.of(build_logged_network, build_network), state, log, keep=True)
    picture = _opened(student, _encoded(image))
    before = student.call(read_picture, picture)
    kept = student.call("predict", net, prepare, picture, classes, **given, keep=True)
    events = student.get(log)
    _forward_passes(events, needed=True)
    if [e[1] for e in events if e[0] == "prepare"] != [[w, h]]:
        hint = "prepare(image) is what training did to each picture: give it the picture as it is, once."
        raise CheckFailed("prepare did not get the given picture, or not once.", hint)
    got, kinds = student.call(pairs_of, kept)
    _expect_pairs(got, kinds, right, p, logits, classes)
    _expect_same_picture(student, picture, before)


def _spread(rng, scores: torch.Tensor) -> torch.Tensor:
    """Scores in the same order, at least 0.4 apart, so that rounding cannot change the order."""
    steps = torch.from_numpy(rng.uniform(0.4, 1.2, len(scores)).astype("float32"))
    spread = torch.empty_like(scores)
    spread[scores.argsort(descending=True)] = scores.max() - steps.cumsum(0)
    return spread


def _expect_pairs(got, kinds: list[str], right, p: torch.Tensor, logits: torch.Tensor, classes: list[str]) -> None:
    """Check the pairs of label and probability, as :func:`pairs_of` returns them."""
    _expect_list_of_pairs(got, len(right))
    labels = [label for label, _ in got]
    values = [value for _, value in got]
    if all(isinstance(v, str) for v in values):
        raise CheckFailed("The label comes first in each pair.", "(label, probability), in this order.")
    if not all(isinstance(label, str) for label in labels):
        hint = "A label is a name, a text of `classes`, not its number: classes[i]."
        raise CheckFailed("The first of a pair must be the name of a class.", hint, got=describe(labels[0]))
    if kinds != ["float"] * len(values):
        hint = "JSON knows neither tensors nor NumPy's float32, and FastAPI refuses them: .item() or .tolist() makes "
        hint += "plain floats of both."
        got = next(kind for kind in kinds if kind != "float")
        raise CheckFailed("The second of a pair must be a plain float.", hint, got=f"class {got}", kind="type")
    if not _same_probabilities(values, [value for _, value in right]):
        hint = _probability_hint(labels, values, right, p, logits, classes)
        raise CheckFailed("The probabilities are wrong.", hint, expected=describe(right), got=describe(got))
    if labels != [label for label, _ in right]:
        hint = "Each label belongs to its probability: topk gives the places of the largest values as well."
        raise CheckFailed("The labels are wrong.", hint, expected=describe(right), got=describe(got))


def _expect_list_of_pairs(got, count: int) -> None:
    """Check that there are ``count`` pairs, whatever they hold."""
    if isinstance(got, dict):
        raise CheckFailed(
            "A list of pairs is asked for, not a dict.", "[(label, probability), ...], the highest first."
        )
    if isinstance(got, (list, tuple)) and len(got) == 2 and all(isinstance(g, (list, tuple)) for g in got):
        kinds = [{type(v) for v in g} for g in got]
        if kinds == [{str}, {float}] or kinds == [{float}, {str}]:
            message = "The labels are in one list, and the probabilities in another."
            raise CheckFailed(message, "One pair for each class: zip joins them.", kind="type")
    if not isinstance(got, (list, tuple)) or not all(isinstance(g, (list, tuple)) and len(g) == 2 for g in got):
        hint = "[(label, probability), ...]: a list with one pair for each class."
        raise CheckFailed("The result must be a list of pairs.", hint, got=describe(got))
    if len(got) != count:
        hint = "k pairs, or all classes if there are fewer than k."
        raise CheckFailed("The number of pairs is wrong.", hint, expected=str(count), got=str(len(got)), kind="shape")


_OVERFLOW = "exp of a large number is inf, and inf / inf is nan: softmax takes care of that."


def _same_probabilities(got: list[float], wanted) -> bool:
    a, b = (torch.as_tensor(v, dtype=torch.float32) for v in (got, wanted))
    return close(a, b, rtol=1e-3, atol=1e-4)


def _probability_hint(
    labels: list[str], values: list[float], right, p: torch.Tensor, logits: torch.Tensor, classes: list[str]
) -> str:
    """The known mistake that gives these probabilities, or a general hint."""
    if any(value != value for value in values):
        return _OVERFLOW
    place = {label: number for number, label in enumerate(classes)}
    chosen = [place.get(label, -1) for label in labels]
    best = [place[label] for label, _ in right]
    expected = [value for _, value in right]
    count = len(values)
    batch = "All of them 1: the softmax went along the batch, which holds one picture. The classes are its "
    batch += "last dimension."
    few = "softmax over all classes comes first, then the choice. Here only those chosen share the 1."
    rounded = "Leave the probabilities as they are: rounding belongs to where they are shown."
    mistakes: list[tuple[Any, str]] = [
        (logits[chosen], "These are logits: .softmax(dim=...) makes probabilities of them."),
        (logits.sigmoid()[chosen], "sigmoid looks at each class alone. softmax shares 1 out among all classes."),
        (logits[best].softmax(0), few),
        ([100 * v for v in expected], "Probabilities run from 0 to 1: leave them so, not in percent."),
        *(([round(v, digits) for v in expected], rounded) for digits in (1, 2, 3)),
        (p.sort().values[:count], "These are the smallest probabilities: the largest are asked for."),
        (expected[::-1], "The highest probability comes first."),
        (p[:count], "These are the first classes, not the most likely ones: topk."),
    ]
    if count > 1:  # for a single class, the softmax over those chosen gives 1 too
        mistakes.append(([1.0] * count, batch))
    for wrong, hint in mistakes:
        if _same_probabilities(values, wrong):
            return hint
    if _same_probabilities(sorted(values, reverse=True), expected):
        return "The right classes, but not sorted by their probability: the highest comes first."
    return "softmax over all classes, and then the k largest: they need not add up to 1."


# --- 6.7 ---------------------------------------------------------------------------------------


_FROM_THE_BEGINNING = (
    "Pictures went through the network more than once. Of a list, each islice(images, batch_size) begins with the "
    "first picture again: images = iter(images), once and before the loop, remembers where it stopped."
)


def stream_pictures(pictures: list, log: list):
    """A generator of pictures, which can be gone through once; logs each picture that is taken."""
    for picture in pictures:
        log.append(["picture", list(picture.size)])
        yield picture


def pixels_of(pictures: list) -> list:
    return [np.array(picture) for picture in pictures]


def make_pictures(arrays: list) -> list:
    from PIL import Image

    return [Image.fromarray(pixels) for pixels in arrays]


@task(
    "6.7",
    "Many pictures, in batches",
    points=3,
    difficulty=2,
    minutes=7,
    names=["predict_all"],
    hints=[
        "Take `batch_size` pictures, prepare them, stack them, ask the network once, and begin again until none are "
        "left. How do you get the next few from something that may only be gone through once?",
        "`images = iter(images)` once, at the beginning; each `list(islice(images, batch_size))` then takes the next "
        "ones, fewer at the end, and none when all are gone. `torch.stack` makes a batch of tensors.",
        "`while batch := [prepare(image) for image in islice(images, batch_size)]:` and in it "
        "`answers += model(torch.stack(batch)).softmax(dim=1)`: a tensor gives its rows one by one.",
    ],
    on_error={
        "far more often than there are pictures": _FROM_THE_BEGINNING,
        "not subscriptable|has no len|generator": "images may be a generator: it has no length and no places, you can "
        "only take the next one. iter and islice do that.",
        "stack expects a non-empty": "torch.stack needs at least one tensor: stop when no picture is left.",
        "cat\\(\\): expected a non-empty": "torch.cat needs at least one tensor, and for no pictures there is none: "
        "collect the answers in a list, which may stay empty.",
        "requires grad": "Run the network inside `with torch.no_grad():`.",
        "^StopIteration|^RuntimeError: generator raised": "next(images) raises StopIteration at the end; islice just "
        "stops.",
    },
)
def batching(student: Student, rng, case: int) -> None:
    count, size = [(7, 3), (6, 2), (0, 4)][case] if case < 3 else (int(rng.integers(1, 12)), int(rng.integers(1, 6)))
    if case == 3:
        count = size - 1 if size > 1 else size
    lazy = case % 2 == 1 or case > 5
    student.case = f"{count} pictures, batches of {size}, {'from a generator' if lazy else 'in a list'}"
    classes = int(rng.integers(3, 7))
    state = _random_state(rng, 3, classes)
    if case % 5 == 4:
        student.case += ", logits of about 200"
        state["output.module.bias"] = state["output.module.bias"] + 200
    arrays = [_pixels(rng, *(int(n) for n in rng.integers(6, 20, 2)), 3) for _ in range(count)]
    x = torch.stack([_prepared(Image.fromarray(a)) for a in arrays]) if count else normal(rng, 0, 3, 6, 6)
    p = _logits(state, x).softmax(1)
    log = student.put([])
    prepare = student.call(make_prepare, log, 100 + 10 * count, keep=True)
    net = student.call(Code.of(build_logged_network, build_network), state, log, keep=True)
    images = student.call(make_pictures, arrays, keep=True)
    given = student.call(stream_pictures, images, log, keep=True) if lazy else images
    kept = student.call("predict_all", net, prepare, given, size, keep=True)
    if kept.kind == "generator":
        raise CheckFailed("The result is a generator.", "Collect the answers in a list, and return it: no yield.")
    got = student.get(kept)
    events = student.get(log)
    forwards = _forward_passes(events, needed=count > 0)
    prepared = [event[1] for event in events if event[0] == "prepare"]
    first_ones = prepared == [[a.shape[1], a.shape[0]] for a in arrays][: len(prepared)]
    _expect_batch_sizes([shape[0] if shape else 0 for _, shape, _, _ in forwards], count, size, lazy, first_ones)
    _expect_few_waiting(events, size)
    after = student.call(pixels_of, images)
    if len(after) != count or not all(map(np.array_equal, after, arrays)):
        hint = "The list and its pictures belong to the caller: pop, clear and sort change the list, thumbnail a "
        hint += "picture."
        raise CheckFailed("The pictures that were given have changed.", hint, kind="in place")
    if not isinstance(got, (list, tuple)):
        hint = "A list with one tensor for each picture: an empty list if there is none."
        raise CheckFailed("The result must be a list.", hint, got=describe(got))
    if len(got) != count:
        hint = "One answer for each picture."
        if len(got) == len(forwards):
            hint = "This is one answer for each batch: extend, or +=, adds the rows of a batch one by one."
        raise CheckFailed("The number of answers is wrong.", hint, expected=str(count), got=str(len(got)), kind="shape")
    mistakes = _batching_mistakes(state, x, size) if count else []
    hints = {
        "shape": "One tensor for each picture, with one probability for each class.",
        "type": "One tensor for each picture.",
        "values": "Compare with the answer to the same picture alone, in a batch of one.",
        "nonfinite": _OVERFLOW,
    }
    for number, answer in enumerate(got):
        wrong = [(answers[number], hint) for answers, hint in mistakes]
        expect(answer, p[number], what=f"Answer {number + 1}", mistakes=wrong, hints=hints, rtol=1e-3, atol=1e-4)


def _expect_batch_sizes(sizes: list[int], count: int, size: int, lazy: bool, first_ones: bool) -> None:
    """Check the sizes of the batches that went through the network: ``size``, and the rest at the end.

    ``first_ones`` says that no picture was left out between those that were prepared.
    """
    if sizes == [min(size, count - start) for start in range(0, count, size)]:
        return
    skipping = []  # islice(images, start, start + size) on a generator: it skips as many as it has given before
    start = taken = 0
    while taken + start < count:
        skipping.append(min(size, count - taken - start))
        taken += start + size
        start += size
    hint = "Batches of batch_size, and at the end one with what is left."
    if sizes == [1] * count:
        hint = "One picture at a time gives the same answers, but wastes the device: batches of batch_size."
    elif sizes == [count]:
        hint = "All at once does not fit into the memory when there are many: batches of batch_size."
    elif lazy and [n for n in sizes if n] == skipping:
        hint = "islice(images, start, stop) counts from where the generator stands, not from its first picture, and so "
        hint += "skips some: islice(images, batch_size) takes the next ones."
    elif first_ones and sizes == [size] * (count // size):
        hint = "The last pictures never reached the network: they make a smaller batch."
    elif sum(sizes) > count:
        hint = _FROM_THE_BEGINNING
    elif sum(sizes) < count:
        hint = "Some pictures never reached the network: note in prepare which ones do."
    elif 0 in sizes:
        hint = "An empty batch went through the network: stop when no picture is left."
    raise CheckFailed("The batches are not as large as asked for.", hint, got=f"batches of {describe(sizes)}")


def _batching_mistakes(state: dict[str, torch.Tensor], x: torch.Tensor, size: int) -> list[tuple[torch.Tensor, str]]:
    """What known mistakes make of the pictures ``x``, one row for each picture."""
    logits = _logits(state, x)
    along_batch = torch.cat([batch.softmax(0) for batch in logits.split(size)])
    own_statistics = torch.cat([_logits(state, batch, own_statistics=True) for batch in x.split(size)])
    along = "The softmax went along the batch, so that the pictures share the 1. Each picture's classes do: dim=1."
    training = "The answers depend on the other pictures in the batch: BatchNorm in training mode."
    return [
        (logits, "These are logits: .softmax(dim=1) makes probabilities of them."),
        (along_batch, along),
        (own_statistics.softmax(1), training),
        (logits.log_softmax(1), "These are logarithms of the probabilities: softmax."),
        (logits.softmax(1).flip(0), "The answers come in the order of the pictures."),
    ]


def _expect_few_waiting(events: list, size: int) -> None:
    """Check that never more pictures than one batch wait for the network, taken or prepared.

    One more may be taken ahead.
    """
    waiting = {"picture": 0, "prepare": 0}
    hint = "Prepare the pictures of one batch, ask the network, and go on with the next ones."
    for event in events:
        if event[0] == "forward":
            waiting = {kind: max(0, n - event[1][0]) for kind, n in waiting.items()}
            continue
        waiting[event[0]] += 1
        if waiting[event[0]] > size + 1:
            if event[0] == "picture":
                kinds = [kind for kind, *_ in events]
                if "picture" not in kinds[kinds.index("prepare") :]:
                    hint = "list(images) holds all pictures in memory: iter(images), and islice for each batch."
                raise CheckFailed("More pictures were taken from the generator than one batch needs.", hint)
            raise CheckFailed("More pictures were prepared than one batch needs.", hint)


# --- 6.8 ---------------------------------------------------------------------------------------


def http_scope(method: str, path: str, headers: list) -> dict:
    """What a server tells an ASGI app about a request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *((k.encode(), v.encode()) for k, v in headers)],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
    }


def make_sender(app, gate):
    """A coroutine function that sends a request to an ASGI app. It returns the answer and how much was read.

    The request is its method, path, headers and the pieces of its body. The answer to a GET opens the gate, if there
    is one.
    """
    import asyncio

    async def send_request(request):
        method, path, headers, pieces = request
        answer: dict = {"status": 0, "body": "", "read": 0, "error": ""}
        left = [piece.tobytes() for piece in pieces] or [b""]
        ended = asyncio.Event()
        body = []

        async def receive():
            await asyncio.sleep(0)
            if not left:
                await ended.wait()
                return {"type": "http.disconnect"}
            chunk = left.pop(0)
            answer["read"] += len(chunk)
            return {"type": "http.request", "body": chunk, "more_body": bool(left)}

        async def send(message):
            if message["type"] == "http.response.start":
                answer["status"] = message["status"]
            elif message["type"] == "http.response.body":
                body.append(message.get("body", b""))

        try:
            await app(http_scope(method, path, headers), receive, send)
        except NotImplementedError:
            raise
        except Exception as error:
            answer["status"] = 500
            answer["error"] = f"{type(error).__name__}: {error}"[:300]
        ended.set()
        answer["body"] = b"".join(body)[:20000].decode("utf-8", "replace")
        if gate is not None and method == "GET":
            gate.set()
        return answer

    return send_request


def send_requests(app, requests: list, gate, seconds: float = 30) -> list[dict]:
    """Send requests at the same time, from an event loop in a thread: a notebook's own loop is busy."""
    import asyncio
    import threading

    send_request = make_sender(app, gate)

    async def send_all():
        answers = asyncio.gather(*[send_request(request) for request in requests])
        return await asyncio.wait_for(answers, seconds)

    result: list = []

    def work():
        try:
            result.append(asyncio.run(send_all()))
        except BaseException as error:
            result.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds + 5)
    if not result:
        raise TimeoutError("the app gave no answer")
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]


def make_predict(log: list, answer: dict, gate):
    """A ``predict`` that waits for the gate, if there is one, and always returns the same answer.

    It logs the size of the picture, the sum of its pixels, and whether the gate opened in time.
    """

    def predict(image):
        total = int(np.asarray(image.convert("RGB"), dtype=np.int64).sum())
        log.append([list(image.size), total, gate is None or gate.wait(4)])
        return answer

    return predict


def make_failing_predict():
    """A ``predict`` that raises an IndexError."""

    def predict(image):
        return [][0]

    return predict


def make_gate():
    import threading

    return threading.Event()


def _png(width: int, height: int, rows: bytes) -> bytes:
    """A grey PNG whose header gives this size, whatever its rows hold. Its checksums are right."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _unreadable(rng, good: bytes) -> dict[str, bytes]:
    """Bodies that are no picture."""
    photo = _encoded(Image.fromarray(_pixels(rng, 40, 50, 3)), "JPEG")
    broken = bytearray(_png(20, 20, b"".join(b"\0" + rng.bytes(20) for _ in range(20))))
    broken[len(broken) // 2] ^= 255
    return {
        "an empty body": b"",
        "a text": f"no picture at all, number {rng.integers(100)}".encode(),
        "a JPEG cut off in the middle": photo[: int(len(photo) * rng.uniform(0.6, 0.9))],
        "a single byte": good[:1],
        "an SVG drawing": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "a PNG with a damaged byte": bytes(broken),
        "random bytes": b"\xff" + rng.bytes(60),
        "a PPM whose width is no number": b"P6 wide 20 255\n" + rng.bytes(60),  # for which PIL raises a ValueError
    }


class _Service:
    """The student's app, and the requests to it."""

    def __init__(self, student: Student, predict: Handle, max_bytes: int, max_pixels: int):
        self.student = student
        self.app = student.call("make_app", predict, max_bytes, max_pixels, keep=True)
        if self.app.kind == "NoneType":
            raise CheckFailed("make_app returns None.", "The last line: return app.")

    def ask(self, *requests: list, gate: Handle | None = None) -> list[dict]:
        """The answers to requests that are sent at the same time."""
        send = Code.of(send_requests, http_scope, make_sender)
        answers = self.student.call(send, self.app, list(requests), gate)
        if not isinstance(answers, list) or len(answers) != len(requests):
            raise CheckFailed("The app gave no answer.", "Each request needs an answer, an error too.")
        return answers

    def post(self, body: bytes, chunk: int = 0, length: bool = True) -> dict:
        """The answer to one picture, see :func:`_post`."""
        return self.ask(_post(body, chunk, length))[0]


def _post(body: bytes, chunk: int = 0, length: bool = True) -> list:
    """A request with a body in pieces of ``chunk`` bytes (0: in one piece), with or without a Content-Length."""
    chunk = chunk or len(body) or 1
    pieces = [np.frombuffer(body[i : i + chunk], "uint8").copy() for i in range(0, len(body), chunk)]
    headers = [["content-type", "application/octet-stream"]]
    headers += [["content-length", str(len(body))]] if length else [["transfer-encoding", "chunked"]]
    return ["POST", "/predict", headers, pieces]


_CAUSES = {
    "ValueError": "What is no picture can raise many kinds of error: catch them all with `except Exception`, and "
    "answer with status 400.",
    "UnidentifiedImageError": "Image.open raises this for what is no picture: answer with status 400.",
    "DecompressionBomb": "Image.open refuses a picture of that many pixels by itself, with an error of its own: answer "
    "with status 413.",
    "OSError|SyntaxError|Truncated|truncated": "The picture is damaged, which shows when it is decoded: do that inside "
    "the try, with image.load(), and answer with status 400.",
}

# Words of an error that a good picture raised, and the slip that they show.
_SLIPS = {
    "async_generator": "request.stream() gives its pieces as they arrive: async for chunk in request.stream().",
    "coroutine": "An async function, run_in_threadpool too, gives its result only to an await in front of the call.",
    "in 'await' expression": "predict is no async function, so its result cannot be awaited: await "
    "run_in_threadpool(predict, image).",
    "No such file or directory": "Image.open takes bytes for the name of a file: Image.open(io.BytesIO(body)).",
    "embedded null byte": "Image.open takes bytes for the name of a file: Image.open(io.BytesIO(body)).",
    "argument must be callable": "run_in_threadpool takes a function and its arguments, and makes the call itself: "
    "run_in_threadpool(predict, image).",
}


def _expect_refused_with(answer: dict, allowed: tuple[int, ...], hints: dict[int, str]) -> None:
    """Check that the status of an answer is one of those allowed."""
    status = answer["status"]
    if status in allowed:
        return
    hint = hints.get(status, f"Raise HTTPException({allowed[0]}, ...), with a few words that say why.")
    if status == 200 and "label" not in answer["body"]:
        hint = "What is returned has status 200, whatever it says. raise HTTPException(status, ...) is an error for "
        hint += "programs too."
    if status == 500:
        for pattern, cause in _CAUSES.items():
            if any(part in answer["error"] for part in pattern.split("|")):
                hint = cause
                break
    got = f"status {status}: {answer['error'] or answer['body'][:200]}"
    raise CheckFailed("The app answers with the wrong status.", hint, expected=f"status {allowed[0]}", got=got)


@task(
    "6.8",
    "An endpoint for strangers",
    points=5,
    difficulty=3,
    minutes=13,
    names=["make_app"],
    hints=[
        "Four things in this order: read the body, but not more of it than allowed; open the picture, but do not yet "
        'decode it; decode it; predict. Each can fail, and `raise HTTPException(status, "why")` is the answer then.',
        "`async for chunk in request.stream():` gives the body piece by piece, so that you can stop in time. "
        "`Image.open(io.BytesIO(body))` reads the size only, `image.load()` decodes. An HTTPException is an Exception "
        "too: a 413 raised inside a `try` with `except Exception` becomes whatever that block raises.",
        "Inside the `try`: open, `if image.width * image.height > max_pixels: raise Image.DecompressionBombError`, and "
        "`image.load()`. Then `except Image.DecompressionBombError: raise HTTPException(413, ...)`, and `except "
        "Exception: raise HTTPException(400, ...)`. After it: `return await run_in_threadpool(predict, image)`.",
    ],
    hidden=5,
    on_error={
        "object is not callable|takes \\d+ positional|missing \\d+ required|has no attribute 'router'": "make_app "
        "returns the FastAPI app that is given in the stub.",
        "TimeoutError": "The app waits for something that never arrives: is each chunk read once?",
    },
)
def endpoint(student: Student, rng, case: int) -> None:
    h, w = [(20, 30), (33, 21), (16, 16)][case] if case < 3 else (int(n) for n in rng.integers(10, 40, 2))
    image = Image.fromarray(_pixels(rng, h, w, 3))
    body = _encoded(image, ["PNG", "BMP", "TIFF"][case % 3])
    answer = {"label": f"class {rng.integers(1000)}", "probability": round(float(rng.uniform(0.2, 1)), 6)}
    log = student.put([])
    predict = student.call(make_predict, log, answer, None, keep=True)

    student.case = f"a picture of {w} x {h} pixels, exactly as large as allowed"
    service = _Service(student, predict, len(body), w * h)
    for pieces in (0, max(1, len(body) // 7)):
        _expect_answer(service.post(body, pieces, length=not pieces), answer)
    total = int(np.asarray(image, dtype=np.int64).sum())
    seen = [[size, pixel_sum] for size, pixel_sum, _ in student.get(log)]
    if len(seen) != 2:
        hint = "Each good picture is given to predict once, and what that call returns is the answer."
        raise CheckFailed("predict was not called once for each good picture.", hint, got=f"{len(seen)} calls for 2")
    if seen != [[[w, h], total]] * 2:
        raise CheckFailed("predict did not get the picture that was sent.", "Open it from io.BytesIO(body), as it is.")

    limit = len(body) + 9000
    pixels = 4 * w * h + 4000
    service = _Service(student, predict, limit, pixels)
    student.case = "GET /healthz"
    health = service.ask(["GET", "/healthz", [], []])[0]
    if health["status"] != 200:
        hint = "This part was given in the stub: leave it as it was."
        raise CheckFailed("GET /healthz is not answered with status 200.", hint, got=f"status {health['status']}")

    bad = _unreadable(rng, body)
    for kind in list(bad)[: 3 if case < 3 else None]:
        student.case = kind
        hints = {
            413: "This is small: 413 is for what is too large. Any other error is 400.",
            200: "Has it been decoded? Image.open looks at the beginning only, image.load() reads all of it.",
        }
        _expect_refused_with(service.post(bad[kind]), (400, 415, 422), hints)
    _expect_too_large(student, service, rng, limit, pixels)
    if len(student.get(log)) != 2:
        hint = "Look at everything before predict is called: it is for good pictures only."
        raise CheckFailed("predict was called for something that was refused.", hint)
    student.case = "a good picture after all the bad ones"
    _expect_answer(service.post(body), answer)
    _expect_server_error(student, body, limit, pixels)
    _expect_responsive(student, body, limit, pixels, answer)


def _expect_answer(got: dict, answer: dict) -> None:
    """Check the answer to a good picture."""
    if got["status"] != 200:
        hints = {
            404: "The path is /predict, and the method POST: as in the stub.",
            405: "The path is /predict, and the method POST: as in the stub.",
            413: "Exactly max_bytes, or max_pixels, is not too large yet: only more than that is.",
            400: "Is the body whole when it is opened? It comes in pieces, and Image.open wants io.BytesIO(body). Or "
            "was it a mistake in your own code, which `except Exception` hides as well? Print the error that it "
            "catches.",
            411: "A sender need not say how long the body is: count the bytes as they come.",
            422: "The body is the file itself, no JSON and no form: read it from the request.",
        }
        hint = hints.get(got["status"], "The picture is good: the error below says what went wrong in the app.")
        for part, slip in _SLIPS.items():
            if part in got["error"]:
                hint = slip
                break
        words = f"status {got['status']}: {got['error'] or got['body'][:200]}"
        raise CheckFailed("A good picture is answered with an error.", hint, expected="status 200", got=words)
    try:
        content = json.loads(got["body"])
    except ValueError:
        content = None
    if content != answer:
        hint = "Return what predict returns as it is: FastAPI makes JSON of it."
        raise CheckFailed("The answer is not what predict gave.", hint, got=got["body"][:200])


def _expect_too_large(student: Student, service: _Service, rng, limit: int, pixels: int) -> None:
    """Check that too many pixels and too many bytes are refused, and that not all of the bytes are read."""
    side = int((pixels * rng.uniform(1.5, 4)) ** 0.5) + 1
    huge = int(rng.integers(20_000, 60_000))
    for width, height in ((side, side), (huge, huge)):
        student.case = f"a PNG that says it has {width} x {height} pixels; its data hold a few"
        hints = {
            400: "The size stands at the beginning of the file, and Image.open has read it: compare image.width * "
            "image.height with max_pixels before anything is decoded, and let no `except Exception` catch your 413.",
            200: "Compare image.width * image.height with max_pixels before anything is decoded.",
        }
        if width == huge:
            hints[400] = "Image.open itself refuses so many pixels, with Image.DecompressionBombError: this is a 413."
        _expect_refused_with(service.post(_png(width, height, bytes(300))), (413,), hints)
    # Nothing after the limit needs to be read; an app that counts after it has read may take two chunks more.
    chunk = max(1, limit // 4)
    for length in (True, False):
        student.case = f"a body of 12 times max_bytes, {'with' if length else 'without'} Content-Length"
        got = service.post(rng.bytes(12 * limit), chunk, length)
        hints = {400: "Count the bytes before you look at what they are: too many is a 413."}
        if not length:
            hints[400] = (
                "This sender does not announce how long the body is, so its Content-Length cannot be asked for: "
            )
            hints[400] += "count the bytes as you read them, and stop with a 413 when there are too many."
            hints[200] = hints[411] = hints[500] = hints[400]
        _expect_refused_with(got, (413,), hints)
        if got["read"] > limit + 2 * chunk:
            hint = "The body was read on, as await request.body() does, however long it is. Go through "
            hint += "request.stream(), and stop as soon as it is too much."
            if not length:
                hint += " A sender need not say how long the body is, so Content-Length alone does not protect."
            raise CheckFailed("Far more than max_bytes was read before the app answered.", hint)


def _expect_server_error(student: Student, body: bytes, limit: int, pixels: int) -> None:
    """Check that an error in ``predict`` is not blamed on the sender."""
    student.case = "a good picture, and predict raises an error"
    predict = student.call(make_failing_predict, keep=True)
    service = _Service(student, predict, limit, pixels)
    got = service.post(body)
    if got["status"] < 500:
        hint = "This is a fault of the service, not of the sender: keep predict out of the try, and the server answers "
        hint += "with 500, which somebody will notice."
        message = "An error in predict is not answered with a status of 500 or more."
        raise CheckFailed(message, hint, got=f"status {got['status']}")


def _expect_responsive(student: Student, body: bytes, limit: int, pixels: int, answer: dict) -> None:
    """Check that the app answers other requests while ``predict`` is at work."""
    student.case = "GET /healthz while predict is at work"
    gate = student.call(make_gate, keep=True)
    log = student.put([])
    predict = student.call(make_predict, log, answer, gate, keep=True)
    service = _Service(student, predict, limit, pixels)
    service.ask(_post(body), ["GET", "/healthz", [], []], gate=gate)
    calls = student.seen(log, "predict", hint="The picture is good: predict(image) makes the answer.")
    if [call[-1] for call in calls] != [True]:
        hint = "predict(image) blocks the event loop: nobody else is served meanwhile. await "
        hint += "run_in_threadpool(predict, image) lets it work in a thread."
        raise CheckFailed("The app did not answer while predict was at work.", hint)
