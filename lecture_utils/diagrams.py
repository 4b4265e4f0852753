"""Diagrams: autograd's graph, a network of neurons, the threads of a GPU."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from torch.autograd.graph import Node

from lecture_utils.plotting import BLACK, BLUE, COLORS, LectureFigure, subplots


def _recorded_graph(last: Node) -> tuple[dict[Node, list[Node]], dict[Node, tuple[int, float]]]:
    """Return what autograd recorded up to a node: for each node its sources, and its place (x, y) in the drawing.

    ``last`` is at x = 0. Any other node is one column to the left of the last of the nodes that use it, at their mean
    height.
    """
    sources: dict[Node, list[Node]] = {}
    sorter: TopologicalSorter[Node] = TopologicalSorter()
    waiting = [last]
    while waiting:  # not recursive: a deep network has more nodes than Python allows recursive calls
        node = waiting.pop()
        if node not in sources:
            sources[node] = [source for source, _ in node.next_functions if source is not None]
            sorter.add(node)
            for source in sources[node]:
                sorter.add(source, node)
            waiting += sources[node]
    order: list[Node] = []
    places: dict[Node, tuple[int, float]] = {}
    sorter.prepare()
    x = 0
    while sorter.is_active():
        ready = sorter.get_ready()
        order += ready
        heights = {node: [places[user][1] for user in places if node in sources[user]] for node in ready}
        column = sorted(ready, key=lambda node: -np.mean(heights[node] or [0]))
        places |= {node: (x, 0.75 * ((len(column) - 1) / 2 - i)) for i, node in enumerate(column)}
        sorter.done(*ready)
        x -= 1
    return {node: sources[node] for node in order}, places


def _labels(nodes: Sequence[Node], names: Mapping[str, torch.Tensor]) -> dict[Node, str]:
    """Name each node by its operation, or by its tensor if it is a leaf."""
    leaf_names = {id(tensor): name for name, tensor in names.items()}
    result_names = {tensor.grad_fn: f"\nmakes {name}" for name, tensor in names.items()}
    labels = {}
    for node in nodes:
        if hasattr(node, "variable"):  # AccumulateGrad, where the gradient of a leaf arrives
            labels[node] = f"{leaf_names.get(id(node.variable), 'tensor')}\nleaf {tuple(node.variable.shape)}"
        else:
            labels[node] = type(node).__name__.replace("Backward", "\nBackward") + result_names.get(node, "")
    return labels


def _draw_graph(ax: Axes, sources: dict, places: dict, labels: dict, unit: float) -> None:
    """Draw the nodes as boxes and the arrows between them; a column is ``unit`` inches wide."""
    boxes = {}
    longest = max(len(line) for label in labels.values() for line in label.split("\n"))
    for node, (x, y) in places.items():
        color, corner = ("#FBE3CF", 0.2) if hasattr(node, "variable") else ("#D6E8F5", 0.03)
        shape = f"round,pad=0,rounding_size={corner}"
        boxes[node] = FancyBboxPatch((x - 0.39, y - 0.25), 0.78, 0.5, boxstyle=shape, facecolor=color, zorder=2)
        ax.add_patch(boxes[node])
        ax.text(x, y, labels[node], ha="center", va="center", fontsize=min(8.5, 70 * unit / longest), zorder=3)
    drawn: Counter = Counter()
    for node in reversed(sources):
        for source in sources[node]:
            # Bent if it would cross a column or cover an arrow between the same two boxes.
            bend = -0.35 * ((places[node][0] - places[source][0] > 1) + drawn[source, node])
            drawn[source, node] += 1
            ax.add_patch(
                FancyArrowPatch(
                    places[source], places[node], patchA=boxes[source], patchB=boxes[node], color="black",
                    arrowstyle="-|>", mutation_scale=11, connectionstyle=f"arc3,rad={bend}",
                )
            )  # fmt: skip


def plot_graph(output: torch.Tensor, names: Mapping[str, torch.Tensor] | None = None) -> LectureFigure:
    """Draw the graph that autograd recorded for a tensor. Taught in lecture 3, section 3.1.

    Each operation is one box, even if several operations use its result. The arrows point in the direction of the data,
    from the leaf tensors on the left to the output. ``backward()`` follows them in the other direction.

    Args:
        output: the tensor at the end of the computation, of any shape.
        names: tensors by name, ``{"x": x}``: leaf tensors and, if you like, intermediate results.

    Raises:
        ValueError: no graph was recorded for the tensor.

    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> plot_graph(x**2, {"x": x}).alt
    'Graph recorded by autograd, in the direction of the data: x, leaf () → PowBackward0.'
    """
    if output.grad_fn is None:
        raise ValueError(
            "no graph leads to this tensor, its grad_fn is None: it must come from an operation on a "
            "tensor with requires_grad=True, outside torch.no_grad()"
        )
    sources, places = _recorded_graph(output.grad_fn)
    labels = _labels(list(sources), names or {})
    words = {node: label.replace("\nBackward", "Backward").replace("\n", ", ") for node, label in labels.items()}
    alt = "; ".join(f"{words[source]} → {words[node]}" for node in reversed(sources) for source in sources[node])
    width = 1 - min(x for x, _ in places.values())
    unit = min(1.25, 9.5 / width)
    top = max(y for _, y in places.values()) + 0.45
    figure, ax = subplots(
        alt=f"Graph recorded by autograd, in the direction of the data: {alt}.",
        figsize=(unit * width, unit * 2 * top + 0.4),
    )
    _draw_graph(ax, sources, places, labels, unit)
    ax.set(xlim=(0.5 - width, 0.5), ylim=(-top, top), aspect="equal")
    ax.axis("off")
    note = "arrows: the way of the data\nbackward() walks them the other way"
    ax.text((1 - width) / 2, -top, note, ha="center", va="top", fontsize=9)
    return figure


def _shortened(count: int) -> list[int | None]:
    """Number ``count`` things from 0; of more than six, the middle ones are replaced by None."""
    return [*range(count)] if count <= 6 else [0, 1, 2, None, count - 2, count - 1]


def plot_gpu_hierarchy(threads_per_block: int = 128, blocks: int = 6) -> LectureFigure:
    """Draw how the threads of a GPU kernel are grouped: a grid of blocks, a block of warps of 32 threads.

    Of more than six blocks or warps, the middle ones are left out. Taught in lecture 1, section 11.1.

    Args:
        threads_per_block: 1 to 1,024. Places of the last warp without a thread are hatched.
        blocks: the number of blocks in the grid, at least 1.

    Raises:
        ValueError: one of the two numbers is not possible.

    >>> plot_gpu_hierarchy(threads_per_block=100, blocks=3).alt[-46:]
    'Threads: 100, warps: 4, places left empty: 28.'
    """
    if not 1 <= threads_per_block <= 1024 or blocks < 1:
        raise ValueError(f"a block has 1 to 1024 threads, not {threads_per_block}; a grid has a block or more")
    warps = -(-threads_per_block // 32)
    rows = _shortened(warps)
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
    for x, number in zip(np.arange(7, 46, 6.4), _shortened(blocks), strict=False):
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
    """Draw a fully connected network as columns of neurons, at most ten each. Taught in lecture 1, section 1.1.

    Args:
        sizes: the number of neurons in each layer, input first, such as ``[64, 32, 16, 10]``.
        names: a text under each column; default: input, hidden 1, ..., output.

    Raises:
        ValueError: there are more or fewer names than layers.

    >>> plot_network([3, 2], ["pixels", "classes"]).alt[:55]
    'A fully connected network: 3 neurons (pixels), then 2 n'
    """
    names = names or ["input", *[f"hidden {i}" for i in range(1, len(sizes) - 1)], "output"]
    layers = [f"{n} neurons ({name})" for n, name in zip(sizes, names, strict=True)]
    alt = f"A fully connected network: {', then '.join(layers)}, each neuron joined to all of the next column."
    half = min(max(sizes), 10) / 10  # half the height of the tallest column
    figure, ax = subplots(alt=alt, figsize=(2 * len(sizes), 1.1 + 2.5 * half))
    columns = [np.linspace(-1, 1, min(n, 10)) * min(n, 10) / 10 for n in sizes]
    pairs = enumerate(itertools.pairwise(columns))
    weights = [[(x, y), (x + 1, z)] for x, (left, right) in pairs for y in left for z in right]
    ax.add_collection(LineCollection(weights, colors="0.75", linewidths=0.5, zorder=1))
    for x, (column, n, name) in enumerate(zip(columns, sizes, names, strict=True)):
        color = COLORS[0 if x == 0 else 2 if x == len(sizes) - 1 else 1]  # input, output, all hidden layers
        ax.scatter([x] * len(column), column, s=70, color=color, zorder=2)
        if n > len(column):
            ax.text(x, 0, "⋮", ha="center", va="center", fontsize=16, zorder=3, backgroundcolor="white")
        ax.text(x, -half - 0.25, f"{name}\n{n}", ha="center", va="top", fontsize=11)
    ax.set(xlim=(-0.5, len(sizes) - 0.5), ylim=(-half - 0.75, half + 0.15))
    ax.axis("off")
    return figure
