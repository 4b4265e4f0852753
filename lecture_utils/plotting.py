"""Figures that the lectures share.

Every figure is returned, carries a text that says what it shows, and is drawn without a screen:
as the last line of a notebook cell it becomes a picture with that alternative text, which
nbconvert, Jupyter Book and other readers of the ``alt`` key hand on to screen readers.
"""

import contextlib
import functools
import io
import itertools
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from cycler import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import findSystemFonts, fontManager
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from torch.autograd.graph import Node

# Okabe and Ito's palette (2008): colours that readers with any colour vision tell apart. The
# yellow, too pale for a line on white, is left out; lines differ in their dashes too.
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE, BLACK = COLORS
_DASHES = ["-", "--", "-.", ":", "-", "--", "-."]


# What the common systems bring; matplotlib's own font has no Japanese.
_JAPANESE = ["Noto Sans CJK JP", "Noto Sans JP", "Hiragino Sans", "Yu Gothic", "Meiryo", "IPAexGothic", "IPAGothic"]
_JAPANESE += ["TakaoGothic", "VL Gothic", "MS Gothic", "Noto Serif CJK JP", "Noto Serif JP", "Droid Sans Fallback"]


@functools.cache
def _families() -> list[str]:
    """matplotlib's own font, then the Japanese ones that are installed: each glyph comes from the first that has it."""
    installed = {font.name: font.fname for font in fontManager.ttflist}
    if installed.keys().isdisjoint(_JAPANESE):  # the list, which matplotlib keeps, may be older than the fonts
        for path in sorted({*findSystemFonts()} - {*installed.values()}):
            with contextlib.suppress(Exception):  # a font that matplotlib cannot read
                fontManager.addfont(path)
        installed = {font.name: font.fname for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _JAPANESE if name in installed)]


class LectureFigure(Figure):
    """A matplotlib figure with an ``alt`` text, which a notebook shows once, as a PNG."""

    alt: str = ""

    def png(self, *, cut: bool = True) -> bytes:
        """The picture as a PNG, by default cut to what is drawn; uncut it keeps its size and is made sooner."""
        buffer = io.BytesIO()
        for artist in self.findobj():
            if isinstance(artist, Text) and not artist.get_text().isascii():
                artist.set_fontfamily(_families())
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from")  # no such font here: a box is drawn
            if cut:
                self.savefig(buffer, format="png", bbox_inches="tight", metadata={"Software": None})
            else:  # what savefig calls after it has drawn once to look for the layout, which drawing does itself
                FigureCanvasAgg(self).print_png(buffer, metadata={"Software": None})
        return buffer.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"image/png": self.png(), "text/plain": self.alt}, {"image/png": {"alt": self.alt}}


def subplots(
    nrows: int = 1,
    ncols: int = 1,
    *,
    alt: str,
    figsize: tuple[float, float] | None = None,
    dpi: int = 80,
    **kwargs,
):
    """``matplotlib.pyplot.subplots`` for the notebooks: a figure that carries alternative text.

    Args:
        nrows, ncols: panels down and across.
        alt: one or two sentences: what the picture shows and what is to be seen in it. It may
            be set later too, ``figure.alt = f"..."``, when it holds numbers still to come.
        figsize: inches; default 4.5 x 3.2 for each panel, at most 9.5 across.
        **kwargs: passed on to ``Figure.subplots`` (``sharex``, ``squeeze``, ...).

    Returns:
        The figure, and an ``Axes`` or an array of them, as pyplot gives them.

    Raises:
        ValueError: the text is empty.
    """
    if not alt.strip():
        raise ValueError("say in alt what the picture shows: not every reader sees it")
    size = figsize or (min(4.5 * ncols, 9.5), 3.2 * nrows)
    figure = LectureFigure(figsize=size, dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    figure.alt = alt
    axes = figure.subplots(nrows, ncols, **kwargs)
    for ax in np.ravel(axes):
        ax.set_prop_cycle(cycler(color=COLORS, linestyle=_DASHES))
    return figure, axes


def _as_pictures(images) -> list[np.ndarray]:
    """Images of any usual kind as arrays of shape (H, W) or (H, W, 3), values in [0, 1]."""
    if isinstance(images, torch.Tensor):
        images = images.detach().cpu()
        images = images[None] if images.ndim == 2 else images
    pictures = []
    for image in images:
        array = image.detach().cpu().numpy() if isinstance(image, torch.Tensor) else np.asarray(image)
        if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
            array = np.moveaxis(array, 0, 2)
        if array.ndim == 3 and array.shape[2] == 1:
            array = array[:, :, 0]
        if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
            raise ValueError(f"an image has shape (H, W), (1, H, W), (3, H, W) or (H, W, 3), not {tuple(array.shape)}")
        pictures.append(array / 255 if array.dtype == np.uint8 else array.astype(float))
    if not pictures:
        raise ValueError("there are no images to show")
    low, high = min(p.min() for p in pictures), max(p.max() for p in pictures)
    if low < 0 or high > 1:  # standardised or raw values: one scale for all of them
        pictures = [(p - low) / (high - low) for p in pictures]
    return pictures


def show_images(
    images, titles: Sequence | None = None, *, ncols: int | None = None, size: float = 0.95, alt: str | None = None
) -> LectureFigure:
    """Show images in a grid.

    Args:
        images: a tensor of shape (N, H, W), (N, 1, H, W) or (N, 3, H, W) on any device, one image
            (H, W), or a sequence of tensors, arrays or PIL images. ``uint8`` runs from 0 to 255,
            floats from 0 to 1; other ranges are stretched to 0..1 together.
        titles: one text or number for each image.
        ncols: images across; default at most 10.
        size: width and height of one image in inches.
        alt: what is shown; default: how many images, with their titles.

    Raises:
        ValueError: an image of another shape, no images, or as many titles as do not fit.
    """
    pictures = _as_pictures(images)
    if titles is not None:
        titles = [str(t.item() if isinstance(t, torch.Tensor) else t) for t in titles]
        if len(titles) != len(pictures):
            raise ValueError(f"{len(pictures)} images, but {len(titles)} titles")
    ncols = min(ncols or 10, len(pictures))
    nrows = -(-len(pictures) // ncols)
    height = size * (1.25 if titles else 1)
    if alt is None:
        alt = f"{len(pictures)} images" + (f", titled {', '.join(titles)}." if titles else ".")
    figure, axes = subplots(nrows, ncols, alt=alt, figsize=(size * ncols, height * nrows), squeeze=False)
    # A grid of equal cells needs no search for a layout, which takes longer than the drawing.
    figure.set_layout_engine(None)
    shown = 0.94 * size
    gap = {"wspace": size / shown - 1, "hspace": height / shown - 1}
    figure.subplots_adjust(0, 0, 1 - 0.06 / ncols, 1 - (1 - shown / height) / nrows, **gap)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])  # or they are made, measured and then not drawn
        ax.axis("off")
    for index, (ax, picture) in enumerate(zip(axes.flat, pictures, strict=False)):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        if titles:
            ax.set_title(titles[index], fontsize=9)
    return figure


def plot_history(history: Mapping[str, Sequence[float]], *, log: bool = False, alt: str | None = None) -> LectureFigure:
    """Draw the curves of a training run, one panel for each quantity.

    Args:
        history: lists of one number an epoch under names such as ``"train_loss"``,
            ``"test_loss"``, ``"test_accuracy"``: what follows the last ``_`` names the panel.
            ``None`` and NaN leave gaps.
        log: draw the losses on a logarithmic axis.
        alt: what is shown; default: the first and last value of each curve.

    Raises:
        ValueError: there is no curve.
    """
    panels: dict[str, dict[str, np.ndarray]] = {}
    for name, numbers in history.items():
        line, _, quantity = name.rpartition("_")
        panels.setdefault(quantity, {})[line or quantity] = np.array(
            [float("nan") if v is None else float(v) for v in numbers]
        )
    if not panels:
        raise ValueError("the history is empty: append one number an epoch, history['train_loss'].append(...)")
    if alt is None:
        alt = "Curves over the epochs. " + " ".join(
            f"{line} {quantity}: from {values[0]:.3g} to {values[-1]:.3g} in {len(values)} epochs."
            for quantity, lines in panels.items()
            for line, values in lines.items()
            if len(values)
        )
    figure, axes = subplots(1, len(panels), alt=alt, squeeze=False)
    for ax, (quantity, lines) in zip(axes.flat, panels.items(), strict=True):
        for line, values in lines.items():
            marker = "o" if len(values) < 15 else None
            ax.plot(range(1, len(values) + 1), values, label=line, marker=marker, markersize=4)
        ax.set(xlabel="epoch", ylabel=quantity)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        if log and quantity == "loss":
            ax.set_yscale("log")
        ax.grid(alpha=0.3)
        ax.legend()
    return figure


def plot_predictions(
    images, logits: torch.Tensor, labels: torch.Tensor, classes: Sequence | None = None, *, alt: str | None = None
) -> LectureFigure:
    """Show images with the class a model gives them, its probability, and whether it is right.

    Args:
        images: as for :func:`show_images`, N of them.
        logits: shape (N, C), before any softmax, on any device.
        labels: shape (N,), the true classes as numbers.
        classes: the C names; default the numbers 0 to C - 1.

    Raises:
        ValueError: the shapes do not fit each other.
    """
    pictures = _as_pictures(images)
    logits, labels = logits.detach().float().cpu(), labels.detach().cpu()
    if logits.ndim != 2 or len(logits) != len(pictures) or labels.shape != (len(pictures),):
        raise ValueError(
            f"{len(pictures)} images need logits of shape (N, C) and labels of shape (N,) with "
            f"N = {len(pictures)}, not {tuple(logits.shape)} and {tuple(labels.shape)}"
        )
    classes = list(classes) if classes is not None else list(range(logits.shape[1]))
    top = logits.softmax(dim=1).max(dim=1)
    titles = [f"{classes[k]} ({p:.0%})" for p, k in zip(top.values.tolist(), top.indices.tolist(), strict=True)]
    right = (top.indices == labels).tolist()
    wrong = [f"{classes[y]} taken for {t}" for t, y, ok in zip(titles, labels.tolist(), right, strict=True) if not ok]
    if alt is None:
        alt = f"{len(pictures)} images with the model's answers, {sum(right)} of them right"
        alt += f"; {'; '.join(wrong)}." if wrong else "."
    figure = show_images(images, titles, ncols=6, size=1.5, alt=alt)
    for ax, ok, label in zip(figure.axes, right, labels.tolist(), strict=False):
        if not ok:  # said in words and in colour
            ax.set_title(f"{ax.get_title()}\nwrong: it is {classes[label]}", fontsize=9, color="#A33F00")
    return figure


def plot_confusion_matrix(
    labels: torch.Tensor, predictions: torch.Tensor, classes: Sequence | None = None, *, alt: str | None = None
) -> LectureFigure:
    """Draw how often each true class (rows) was given each answer (columns), as counts.

    Args:
        labels, predictions: class numbers of shape (N,), on any device.
        classes: names; default the numbers 0 to the largest seen.

    Raises:
        ValueError: the shapes differ, or a class number has no name.
    """
    labels, predictions = labels.detach().cpu().long(), predictions.detach().cpu().long()
    if labels.shape != predictions.shape or labels.ndim != 1 or len(labels) == 0:
        raise ValueError(
            f"labels and predictions must both have shape (N,), not {tuple(labels.shape)} and "
            f"{tuple(predictions.shape)}; take predictions = logits.argmax(dim=1)"
        )
    largest = int(torch.maximum(labels.max(), predictions.max()))
    classes = list(classes) if classes is not None else list(range(largest + 1))
    if largest >= len(classes):
        raise ValueError(f"class number {largest} was seen, but there are only {len(classes)} names")
    count = torch.bincount(labels * len(classes) + predictions, minlength=len(classes) ** 2).reshape(len(classes), -1)
    errors = count.clone().fill_diagonal_(0)
    if alt is None:
        alt = f"Confusion matrix of {len(labels)} answers, {int(count.diagonal().sum())} of them right."
        if errors.any():
            i, j = divmod(int(errors.argmax()), len(classes))
            alt += f" Most often confused: {classes[i]} taken for {classes[j]}, {int(errors[i, j])} times."
    side = 1.4 + 0.42 * len(classes)
    figure, ax = subplots(alt=alt, figsize=(side, side))
    image = ax.imshow(count.numpy(), cmap="Blues")
    light = (image.to_rgba(count.numpy())[..., :3] ** 2.2) @ [0.2126, 0.7152, 0.0722]  # relative luminance, roughly
    ticks = range(len(classes))
    ax.set(xlabel="predicted class", ylabel="true class", xticks=ticks, yticks=ticks)
    ax.set_xticklabels(classes, rotation=0 if max(len(str(c)) for c in classes) < 3 else 60)
    ax.set_yticklabels(classes)
    for i in ticks:
        for j in ticks:
            if count[i, j]:
                color = "white" if light[i, j] < 0.18 else "black"  # at 0.18 both have the same contrast
                ax.text(j, i, int(count[i, j]), ha="center", va="center", color=color, fontsize=8)
    return figure


def _recorded_graph(last: Node) -> tuple[dict[Node, list[Node]], dict[Node, int]]:
    """What autograd recorded up to a node: each node's sources, and its largest distance from that one."""
    sources: dict[Node, list[Node]] = {}
    waiting = [last]
    while waiting:  # no recursion: a deep network has thousands of nodes
        node = waiting.pop()
        if node not in sources:
            sources[node] = [source for source, _ in node.next_functions if source is not None]
            waiting += sources[node]
    users_left = Counter(source for found in sources.values() for source in found)
    distance, order = {last: 0}, [last]
    for node in order:  # grows as it runs: a node joins when all that use it stand in it
        for source in sources[node]:
            distance[source] = max(distance.get(source, 0), distance[node] + 1)
            users_left[source] -= 1
            if not users_left[source]:
                order.append(source)
    return {node: sources[node] for node in order}, distance


def plot_graph(output: torch.Tensor, names: Mapping[str, torch.Tensor] | None = None) -> LectureFigure:
    """Draw the graph that autograd recorded for a tensor, read from its ``grad_fn``.

    Each operation is one box, however many operations use its result. The arrows show the flow of
    the data, from the leaf tensors on the left to the output; ``backward()`` walks them the other way.

    Args:
        output: the tensor at the end of the computation.
        names: tensors by name, ``{"x": x}``: leaf tensors and, if wished, results on the way.

    Raises:
        ValueError: nothing was recorded for the tensor.
    """
    if output.grad_fn is None:
        raise ValueError(
            "no graph leads to this tensor, its grad_fn is None: it must come from an operation on a "
            "tensor with requires_grad=True, outside torch.no_grad()"
        )
    sources, distance = _recorded_graph(output.grad_fn)
    width = max(distance.values()) + 1
    places: dict[Node, tuple[float, float]] = {}
    for k in range(width):
        column = [node for node in sources if distance[node] == k]
        heights = {n: [places[user][1] for user in places if n in sources[user]] for n in column}
        column.sort(key=lambda node: -np.mean(heights[node] or [0]))  # near the nodes that use it
        places |= {node: (-k, 0.75 * ((len(column) - 1) / 2 - i)) for i, node in enumerate(column)}

    leaf_names = {id(tensor): name for name, tensor in (names or {}).items()}
    result_names = {tensor.grad_fn: f"\nmakes {name}" for name, tensor in (names or {}).items()}
    labels = {}
    for node in sources:
        if hasattr(node, "variable"):  # AccumulateGrad: where the gradient of a leaf arrives
            labels[node] = f"{leaf_names.get(id(node.variable), 'tensor')}\nleaf {tuple(node.variable.shape)}"
        else:
            labels[node] = type(node).__name__.replace("Backward", "\nBackward") + result_names.get(node, "")
    arrows = [(source, node) for node in reversed(sources) for source in sources[node]]
    words = {node: label.replace("\nBackward", "Backward").replace("\n", ", ") for node, label in labels.items()}
    alt = "; ".join(f"{words[source]} → {words[node]}" for source, node in arrows)

    unit, top = min(1.25, 9.5 / width), max(y for _, y in places.values()) + 0.45
    figure, ax = subplots(
        alt=f"Graph recorded by autograd, in the direction of the data: {alt}.",
        figsize=(unit * width, unit * 2 * top + 0.4),
    )
    boxes, longest = {}, max(len(line) for label in labels.values() for line in label.split("\n"))
    for node, (x, y) in places.items():
        color, corner = ("#FBE3CF", 0.2) if hasattr(node, "variable") else ("#D6E8F5", 0.03)
        shape = f"round,pad=0,rounding_size={corner}"
        boxes[node] = FancyBboxPatch((x - 0.39, y - 0.25), 0.78, 0.5, boxstyle=shape, facecolor=color, zorder=2)
        ax.add_patch(boxes[node])
        ax.text(x, y, labels[node], ha="center", va="center", fontsize=min(8.5, 70 * unit / longest), zorder=3)
    for i, (source, node) in enumerate(arrows):  # bent where it passes a column or there is one already
        bend = -0.35 * ((distance[source] - distance[node] > 1) + arrows[:i].count((source, node)))
        ax.add_patch(
            FancyArrowPatch(
                places[source], places[node], patchA=boxes[source], patchB=boxes[node], color="black",
                arrowstyle="-|>", mutation_scale=11, connectionstyle=f"arc3,rad={bend}",
            )
        )  # fmt: skip
    ax.set(xlim=(0.5 - width, 0.5), ylim=(-top, top), aspect="equal")
    ax.axis("off")
    note = "arrows: the way of the data\nbackward() walks them the other way"
    ax.text((1 - width) / 2, -top, note, ha="center", va="top", fontsize=9)
    return figure


def plot_gpu_hierarchy(threads_per_block: int = 128, blocks: int = 6) -> LectureFigure:
    """Draw how the threads of a GPU kernel are grouped: a grid of blocks, a block of warps of 32.

    Args:
        threads_per_block: 1 to 1,024; places of the last warp that no thread takes are hatched.
        blocks: blocks in the grid, at least 1. Of more than six blocks, or warps, the middle
            ones are left out.

    Raises:
        ValueError: no GPU takes a block of that size, or there is no block.
    """
    if not 1 <= threads_per_block <= 1024 or blocks < 1:
        raise ValueError(f"a block has 1 to 1024 threads, not {threads_per_block}; a grid has a block or more")
    warps = -(-threads_per_block // 32)
    columns, rows = ([*range(n)] if n <= 6 else [0, 1, 2, None, n - 2, n - 1] for n in (blocks, warps))
    figure, ax = subplots(
        alt=f"The grid of a GPU kernel, number of blocks: {blocks}. One block, enlarged, has its shared memory. "
        f"Threads: {threads_per_block}, warps: {warps}, places left empty: {32 * warps - threads_per_block}.",
        figsize=(9, 2.8 + 0.32 * len(rows)),
    )

    def box(x: float, y: float, width: float, height: float, face: str, text: str = "", edge: str = BLACK, **style):
        ax.add_patch(Rectangle((x, y), width, height, facecolor=face, edgecolor=edge, **style))
        if text:
            ax.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=10)

    box(0, 0, 46, 2.2, "0.93")
    ax.text(0.7, 1.1, f"grid\nblocks: {blocks}", va="center", fontsize=10)
    for x, number in zip(np.arange(7, 46, 6.4), columns, strict=False):
        if number is None:
            ax.text(x + 2.7, 1.1, "…", ha="center", va="center", fontsize=16)
        else:
            box(x, 0.4, 5.4, 1.4, "white" if number else "#CFE3F1", f"block {number}")
    ax.plot([0, 7, 12.4, 46], [3.2, 1.8, 1.8, 3.2], color=BLACK, linestyle=":", linewidth=1)
    box(0, 3.2, 46, 3.1 + 1.25 * len(rows), "#CFE3F1")
    box(7, 3.6, 32, 1, "#FBE7C0", "shared memory: every thread of this block can use it")
    ax.text(23, 5.25, "a row is a warp: 32 threads that run one instruction together", ha="center", va="center")
    for y, warp in zip(np.arange(5.9, 99, 1.25), rows, strict=False):
        if warp is None:
            ax.text(23, y + 0.4, "⋮", ha="center", va="center", fontsize=14)
            continue
        used = min(32, threads_per_block - 32 * warp)
        for lane in range(32):
            style = {"edge": "white"} if lane < used else {"edge": "0.5", "hatch": "/////"}
            box(7 + lane, y, 1, 1, BLUE if lane < used else "white", **style)
        ax.text(0.7, y + 0.5, f"warp {warp}", va="center", fontsize=10)
        empty = f"\n{32 - used} empty" if used < 32 else ""
        ax.text(39.4, y + 0.5, f"threads {32 * warp}–{32 * warp + used - 1}{empty}", va="center", fontsize=8)
    ax.set(xlim=(-0.2, 46.2), ylim=(6.5 + 1.25 * len(rows), -0.2))
    ax.axis("off")
    return figure


def plot_network(sizes: Sequence[int], names: Sequence[str] | None = None) -> LectureFigure:
    """Draw a fully connected network as columns of neurons; long columns are cut to ten.

    Args:
        sizes: neurons in each layer, input first, such as ``[64, 32, 16, 10]``.
        names: a text under each column; default input, hidden, ..., output.
    """
    names = names or ["input", *[f"hidden {i}" for i in range(1, len(sizes) - 1)], "output"]
    alt = "A fully connected network: " + ", then ".join(
        f"{n} neurons ({name})" for n, name in zip(sizes, names, strict=True)
    )
    figure, ax = subplots(alt=alt + ", each neuron joined to all of the next column.", figsize=(2 * len(sizes), 3.6))
    columns = [np.linspace(-1, 1, min(n, 10)) * min(n, 10) / 10 for n in sizes]
    pairs = enumerate(itertools.pairwise(columns))
    weights = [[(x, y), (x + 1, z)] for x, (left, right) in pairs for y in left for z in right]
    ax.add_collection(LineCollection(weights, colors="0.75", linewidths=0.5, zorder=1))
    for x, (column, n, name) in enumerate(zip(columns, sizes, names, strict=True)):
        ax.scatter([x] * len(column), column, s=70, color=COLORS[min(x, 2)], zorder=2)
        if n > len(column):
            ax.text(x, 0, "⋮", ha="center", va="center", fontsize=16, zorder=3, backgroundcolor="white")
        ax.text(x, -1.25, f"{name}\n{n}", ha="center", va="top", fontsize=11)
    ax.set(xlim=(-0.5, len(sizes) - 0.5), ylim=(-1.75, 1.15))
    ax.axis("off")
    return figure
