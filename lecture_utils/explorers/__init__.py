"""Explorers: pictures that answer to sliders in the page itself, without a kernel.

Each is a file of JavaScript beside this one. A cell's output holds the script and a still picture, which readers see
where no script may run: on GitHub, and in JupyterLab before the notebook is run for the first time. So the same stored
output lives in JupyterLab, VS Code, Colab, the book, the decks and any exported page.

``from lecture_utils import explorers``, then ``explorers.learning_rate()`` as the last line of a cell.
"""

import base64
import functools
import hashlib
import html
import io
import json
import re
import textwrap
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lecture_utils.plotting import BLUE, VERMILION, LectureFigure, shown_width, subplots, with_palette

_FOLDER = Path(__file__).parent


@functools.cache
def script_of(name: str) -> str:
    """Return the file ``name.js``, with ``common.js`` if it imports from there, as one script without imports."""
    script = (_FOLDER / f"{name}.js").read_text(encoding="utf-8")
    own = re.sub(r"^import .*\n", "", script, flags=re.MULTILINE)
    common = (_FOLDER / "common.js").read_text(encoding="utf-8") if own != script else ""
    return re.sub(r"^export ", "", common + own, flags=re.MULTILINE)


def live(name: str, still: str, data=None) -> str:
    """Return HTML that shows ``still`` (HTML, too) where no script runs, and elsewhere what ``name.js`` renders.

    The same HTML may be several times in a page: the script of the first one brings all of them to life.

    Args:
        name: a file of this folder, without ``.js``; its ``render(host, data)`` is called.
        data: what can be written as JSON.
    """
    values = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    key = f"{name}-{hashlib.sha256((script_of(name) + still + values).encode()).hexdigest()[:12]}"
    return f"""<div data-explorer="{key}">{still}</div>
<script type="module">
{script_of(name)}
for (const host of document.querySelectorAll('[data-explorer="{key}"]')) {{
  if (!host.shadowRoot) render(host, {values});
}}
</script>"""


class Explorer:
    """What the functions of this module return; as the last line of a cell it shows itself.

    Attributes:
        alt: one or two sentences that say what the still picture shows.
    """

    def __init__(self, name: str, alt: str, data=None, still: bytes | None = None):
        png = still or (_FOLDER / f"{name}.png").read_bytes()
        source = f"data:image/png;base64,{_base64(png)}"
        picture = f'<img src="{source}" alt="{html.escape(alt)}" width="{shown_width(png)}">'
        self.alt = alt
        self._html = live(name, picture, data)

    def __repr__(self) -> str:
        return self.alt

    def _repr_html_(self) -> str:
        return self._html


def learning_rate() -> Explorer:
    """Show gradient descent on a parabola with a slider for the learning rate. Used in lecture 2, section 5.1.

    >>> learning_rate()
    Gradient descent on a parabola from x = 10 with learning rate 0.9...
    """
    alt = (
        "Gradient descent on a parabola from x = 10 with learning rate 0.9: ten steps jump across the valley and down."
    )
    return Explorer("learning_rate", alt)


def valley() -> Explorer:
    """Walk down a narrow valley with SGD, momentum or Adam. Used in lecture 2, section 5.3.

    >>> valley()
    A narrow valley seen from above...
    """
    alt = (
        "A narrow valley seen from above, and 60 steps of SGD with learning rate 0.019: from the left it goes zigzag "
        "across the valley, and has a third of the way to the middle still to go."
    )
    return Explorer("valley", alt)


def secant() -> Explorer:
    """Show a secant of a parabola that turns into the tangent as its step shrinks. Used in lecture 3, section 1.1.

    >>> secant()
    A parabola with a secant...
    """
    alt = "A parabola with a secant through x = 2 and x = 4, of slope 6, and the tangent at x = 2, of slope 4."
    return Explorer("secant", alt)


def backward_steps() -> Explorer:
    """Walk backwards through a small graph: at each step one gradient is handed on. Used in lecture 3, section 3.2.

    >>> backward_steps()
    The graph of d = c / (c + 2)...
    """
    alt = (
        "The graph of d = c / (c + 2) with c = b squared and b = 2a + 1, at a = 1, with the value and the gradient of "
        "each part: 1 at d, -0.0744 at c + 2, 0.0165 at c, where two gradients meet, 0.0992 at b and 0.1983 at a."
    )
    return Explorer("backward_steps", alt)


def broadcasting() -> Explorer:
    """Align two shapes and stretch them, or say why they do not fit. Used in lecture 1, section 7.2.

    >>> broadcasting()
    Shapes (4, 1) and (3,)...
    """
    alt = "Shapes (4, 1) and (3,) aligned at the right: both tensors are stretched to (4, 3), then added."
    return Explorer("broadcasting", alt)


def strides() -> Explorer:
    """Follow parts of a tensor through its storage, and see which of them copy. Used in lecture 1, section 7.4.

    >>> strides()
    A storage of 12 numbers...
    """
    alt = (
        "A storage of 12 numbers, 0 to 11, and the order in which x.T, of shape (4, 3), reads them: 0, 4, 8, 1, 5, 9 "
        "and so on, with strides (1, 4) and offset 0. It is a view, not contiguous."
    )
    return Explorer("strides", alt)


def reduction() -> Explorer:
    """Take the sum, mean or maximum of a cube along one of its dimensions. Used in lecture 1, section 8.

    >>> reduction()
    A cube of 2 sheets...
    """
    alt = (
        "A cube of 2 sheets of 3 x 4 numbers, 0 to 23, and its sums along dimension 0, of shape (3, 4): the marked one "
        "is 5 + 17 = 22."
    )
    return Explorer("reduction", alt)


def warps() -> Explorer:
    """Show which warps of a block run both branches of an if. Used in lecture 1, section 11.3.

    >>> warps()
    128 threads in 4 warps...
    """
    alt = (
        "128 threads in 4 warps at the condition thread < 48: warp 0 is filled, warps 2 and 3 are not, and warp 1 is "
        "half filled, so it runs both ways."
    )
    return Explorer("warps", alt)


def convolution() -> Explorer:
    """Slide a kernel over a small picture of numbers; show products and sum. Used in lecture 4, section 1.1.

    >>> convolution()
    A picture of 6 x 6 numbers...
    """
    alt = (
        "A picture of 6 x 6 numbers, zeros left and ones right, a kernel for left-right edges, and their feature map: "
        "3 in the two middle columns, 0 elsewhere."
    )
    return Explorer("convolution", alt)


def padding_and_stride() -> Explorer:
    """Show where a kernel stands for each place of its output. Used in lecture 4, section 1.4.

    >>> padding_and_stride()
    Input 6 by 6...
    """
    alt = "Input 6 by 6, kernel 3, padding 1, stride 2: the output is 3 by 3."
    return Explorer("padding_and_stride", alt)


def memory() -> Explorer:
    """Show for how long one recurrent neuron remembers a pulse. Used in lecture 5, section 1.4.

    >>> memory()
    State of one recurrent neuron...
    """
    alt = (
        "State of one recurrent neuron for U = 0.9 after a pulse at step 0: 0.76 at first, it fades to 0.04 at step 24."
    )
    return Explorer("memory", alt)


def gates() -> Explorer:
    """Open and close the gates of an LSTM or a GRU by hand. Used in lecture 5, section 5.2.

    >>> gates()
    Memory cell and hidden state...
    """
    alt = "Memory cell and hidden state of an LSTM with a forget gate of 0.9: what step 3 wrote fades slowly."
    return Explorer("gates", alt)


def augmentation(image: torch.Tensor) -> Explorer:
    """Turn, enlarge, shift and mirror a picture, and cut a hole into it. Used in lecture 4, section 5.2.

    Args:
        image: shape (3, H, W), ``uint8`` from 0 to 255 or floats from 0 to 1.

    >>> augmentation(torch.rand(3, 32, 32))
    A picture of 32 x 32 pixels...
    """
    image = image.detach().cpu()
    if image.dtype != torch.uint8:
        image = (image.clamp(0, 1) * 255).round().byte()
    pixels = image.permute(1, 2, 0)
    height, width, _ = pixels.shape
    data = {"width": width, "height": height, "pixels": _base64(pixels.numpy().tobytes())}
    still = io.BytesIO()
    Image.fromarray(pixels.contiguous().numpy()).resize((14 * width, 14 * height), Image.Resampling.NEAREST).save(
        still, "PNG"
    )
    alt = f"A picture of {width} x {height} pixels, to be turned, enlarged, shifted and mirrored where scripts run."
    return Explorer("augmentation", alt, data, still.getvalue())


def decision_boundary(
    watched: Mapping[str, Sequence[tuple[torch.Tensor, float]]],
    points: torch.Tensor,
    classes: torch.Tensor,
    across: torch.Tensor,
    up: torch.Tensor,
) -> Explorer:
    """Show how networks divide a plane, epoch by epoch. Used in lecture 2, section 6.1.

    Args:
        watched: for each network, by its name, one pair per epoch: the probability of class 1 on the grid, shape
            (len(up), len(across)), and the share of right answers, 0 to 1. All networks have equally many epochs.
        points, classes: coordinates (N, 2) and class 0 or 1 of each point.
        across, up: the grid's coordinates, evenly spaced.

    >>> stage = torch.rand(40, 50), 0.5
    >>> points, classes = torch.rand(9, 2), torch.arange(9) % 2
    >>> across, up = torch.linspace(0, 1, 50), torch.linspace(0, 1, 40)
    >>> decision_boundary({"a network": [stage, stage]}, points, classes, across, up)
    Points of two classes...
    """
    answers = (
        torch.stack([torch.stack([grid for grid, _ in stages]) > 0.5 for stages in watched.values()]).cpu().numpy()
    )
    half = ((across[1] - across[0]).item() / 2, (up[1] - up[0]).item() / 2)  # the cells reach beyond their centres
    data = {
        "networks": list(watched),
        "shape": answers.shape[1:],
        "packed": _base64(zlib.compress(np.packbits(answers).tobytes(), 9)),
        "right": [[round(share, 3) for _, share in stages] for stages in watched.values()],
        "points": [
            [round(x, 2), round(y, 2), kind] for (x, y), kind in zip(points.tolist(), classes.tolist(), strict=True)
        ],
        "x": [round(across[0].item() - half[0], 3), round(across[-1].item() + half[0], 3)],
        "y": [round(up[0].item() - half[1], 3), round(up[-1].item() + half[1], 3)],
    }
    name, last = next(iter(watched)), answers.shape[1] - 1
    alt = f"Points of two classes, and how the network {name} divides the plane after {last} epochs."
    figure, ax = subplots(alt=alt, figsize=(7, 3.6))
    grid = watched[name][last][0].cpu()
    ax.contourf(across, up, grid, levels=[0, 0.5, 1], colors=["#d5e8f5", "#fadfce"])
    if grid.min() < 0.5 < grid.max():
        ax.contour(across, up, grid, levels=[0.5], colors="black", linewidths=1.2)
    for kind, marker, color in ((0, "o", BLUE), (1, "^", VERMILION)):
        ax.plot(*points[classes == kind].T.cpu(), marker, markersize=4, color=color)
    return Explorer("decision_boundary", alt, data, picture_of(figure))


def generated_curves(
    x: torch.Tensor,
    measured: torch.Tensor,
    snapshots: Mapping[int, tuple[torch.Tensor, torch.Tensor]],
    trained: int | None = None,
) -> Explorer:
    """Show the curves that a network predicts and generates, epoch by epoch. Used in lecture 5, section 4.2.

    Args:
        x, measured: coordinates and measured values of the curve, shape (N,).
        snapshots: for each epoch two curves, one-step predictions and free-running generation, of shape (at most N,);
            they end where ``measured`` ends.
        trained: the first so many values were for training: a dashed line is drawn after them.

    >>> x = torch.linspace(0, 6, 50)
    >>> generated_curves(x, x.sin(), {1: (x[10:] * 0, x * 0), 2: (x[10:].sin(), x.sin())})
    Measured values, one-step predictions and the free-running curve after 2 epochs.
    """
    curves = torch.stack([torch.cat(pair).cpu() for pair in snapshots.values()])
    values = torch.cat([curves.flatten(), measured.cpu()])
    low, high = values.min().item(), values.max().item()
    last = max(snapshots)
    data = {
        "x": [round(value, 3) for value in x.tolist()],
        "measured": [round(value, 2) for value in measured.tolist()],
        "trained": trained,
        "epochs": list(snapshots),
        "lengths": [len(curve) for curve in snapshots[last]],
        "packed": _base64(((curves - low) / max(high - low, 1e-9) * 255).round().byte().numpy().tobytes()),
        "range": [round(low, 3), round(high, 3)],
    }
    alt = f"Measured values, one-step predictions and the free-running curve after {last} epochs."
    figure, ax = subplots(alt=alt, figsize=(7, 3.2))
    ax.plot(x, measured.cpu(), ".", color="0.5", label="measured")
    if trained is not None:
        ax.axvline((x[trained - 1] + x[trained]).item() / 2, color="0.5", linestyle="--", label="end of training data")
    for curve, label in zip(snapshots[last], ("one step ahead", "free-running"), strict=True):
        ax.plot(x[-len(curve) :], curve.cpu(), label=label)
    ax.legend(fontsize=8, ncols=3)
    return Explorer("generated_curves", alt, data, picture_of(figure))


def temperature(start: str, letters: Sequence[str], scores: torch.Tensor, texts: Mapping[float, str]) -> Explorer:
    """Show what a temperature does to the next letter and to a text that a network wrote. Used in lecture 5, section 7.

    Args:
        start: the beginning that the network has read.
        letters: all letters that it knows.
        scores: a score for each of them to come next, shape (len(letters),).
        texts: what it wrote, by temperature, rising. The middle one is shown first.

    >>> temperature("The ", "abc", torch.tensor([2.0, 1.0, 0.0]), {0.5: "The a", 1.0: "The b"})
    Bars: the chances of the next letter. What a network wrote at temperature 0.5: The a
    """
    chosen = (len(texts) - 1) // 2
    heat, text = list(texts.items())[chosen]
    scores = scores.detach().cpu().float()
    data = {
        "start": start,
        "letters": list(letters),
        "scores": [round(score, 3) for score in scores.tolist()],
        "temperatures": list(texts),
        "texts": list(texts.values()),
        "chosen": chosen,
    }
    alt = f"Bars: the chances of the next letter. What a network wrote at temperature {heat}: {' '.join(text.split())}"
    figure, ax = subplots(alt=alt, figsize=(7, 3.2))
    shares, places = (scores / heat).softmax(dim=0).topk(min(12, len(letters)))
    names = [{" ": "space", "\n": "line"}.get(letters[place], letters[place]) for place in places.tolist()]
    ax.bar(range(len(names)), shares.tolist(), color=BLUE)
    ax.set_xticks(range(len(names)), names)
    ax.set(ylim=(0, 1), ylabel="chance of the next letter", title=f"temperature {heat}")
    lines = textwrap.wrap(text.replace("$", "\\$"), 78)
    ax.set_xlabel("\n".join(["", *lines]), family="monospace", fontsize=8, loc="left")
    return Explorer("temperature", alt, data, picture_of(figure))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def picture_of(figure: LectureFigure) -> bytes:
    """Draw in few colours: a figure of lines needs no more."""
    return with_palette(figure.png(cut=False), 32, float("inf"))
