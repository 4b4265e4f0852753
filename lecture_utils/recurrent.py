"""Diagrams of recurrent networks: folded and unrolled, and the inside of one step of an RNN, an LSTM and a GRU."""

from matplotlib.axes import Axes

from lecture_utils.plotting import LectureFigure, subplots

_STATE, _INPUT, _OUTPUT = "#D6E8F5", "#FBE3CF", "#DCEFE3"
_ARROW = {"arrowstyle": "-|>", "color": "black", "shrinkA": 0, "shrinkB": 0}
_HEIGHTS = {"RNN": 2.6, "LSTM": 4.9, "GRU": 4.9}
_WORDS = {
    "RNN": "RNN: the old state and the input go through one tanh, which makes the whole new state.",
    "LSTM": "LSTM: the memory runs along a line at the top, through the forget gate's valve and a plus. The input "
    "gate's valve lets the candidate up to the plus; the output gate's valve lets the tanh of the memory out as h.",
    "GRU": "GRU: the state itself runs along the line at the top, through the valve z and a plus. The candidate comes "
    "up to the plus through the valve 1 - z; the valve r stands between the old state and the candidate.",
}


def _arrow(ax: Axes, *points: tuple[float, float]) -> None:
    """A line through the points, with a head at its end."""
    ax.plot(*zip(*points[:-1], strict=True), color="black", linestyle="-", linewidth=1, zorder=1)
    ax.annotate("", points[-1], points[-2], arrowprops=_ARROW, zorder=1)


def _box(ax: Axes, x: float, y: float, text: str, color: str = _STATE) -> None:
    style = {"boxstyle": "round,pad=0.35", "facecolor": color, "edgecolor": "black"}
    ax.text(x, y, text, ha="center", va="center", fontsize=11, bbox=style, zorder=3)


def _sign(ax: Axes, x: float, y: float, sign: str) -> None:
    """A valve (×) or a sum (+)."""
    ax.plot(x, y, "o", markersize=17, color="white", markeredgecolor="black", zorder=2)
    ax.text(x, y, sign, ha="center", va="center", fontsize=14, zorder=3)


def _name(ax: Axes, x: float, y: float, text: str, side: str = "center") -> None:
    ax.text(x, y, text, ha=side, va="center", fontsize=13)


def _gates(ax: Axes, *gates: tuple[float, str, str]) -> None:
    """A box for each gate, given by place, text and colour. The old state and the input go up into it."""
    for x, text, color in gates:
        _arrow(ax, (x - 0.2, 0.8), (x - 0.2, 1.4))
        _arrow(ax, (x + 0.2, 0.2), (x + 0.2, 1.4))
        _box(ax, x, 1.8, text, color)


def _rnn(ax: Axes) -> None:
    _arrow(ax, (0.6, 1.5), (4.65, 1.5))
    _arrow(ax, (5, 0.3), (5, 1.24))
    _arrow(ax, (5.3, 1.5), (9.4, 1.5))
    _box(ax, 5, 1.5, "tanh", _INPUT)
    _name(ax, 0.5, 1.5, "$h_{t-1}$", "right")
    _name(ax, 5, 0.05, "$x_t$")
    _name(ax, 9.5, 1.5, "$h_t$", "left")
    ax.text(2.4, 1.7, "times $U$", ha="center", fontsize=10)
    ax.text(5.15, 0.65, "times $W$", ha="left", fontsize=10)


def _lstm(ax: Axes) -> None:
    ax.plot([0.6, 6.7], [0.8, 0.8], color="black", linestyle="-", linewidth=1, zorder=1)
    ax.plot([0.6, 7.1], [0.2, 0.2], color="black", linestyle="-", linewidth=1, zorder=1)
    _gates(
        ax,
        (1.9, "forget $f$\nσ", _STATE),
        (3.6, "input $i$\nσ", _STATE),
        (5.3, "candidate $g$\ntanh", _INPUT),
        (6.9, "output $o$\nσ", _STATE),
    )
    _arrow(ax, (0.6, 4), (9.4, 4))
    _arrow(ax, (1.9, 2.1), (1.9, 3.75))
    _arrow(ax, (3.6, 2.1), (3.6, 3), (4.2, 3))
    _arrow(ax, (5.3, 2.1), (5.3, 3), (4.7, 3))
    _arrow(ax, (4.45, 3.2), (4.45, 3.75))
    _arrow(ax, (8.6, 4), (8.6, 2.05))
    _arrow(ax, (7.4, 1.8), (8.35, 1.8))
    _arrow(ax, (8.6, 1.8), (9.4, 1.8))
    for x, y, sign in ((1.9, 4, "×"), (4.45, 4, "+"), (4.45, 3, "×"), (8.6, 1.8, "×")):
        _sign(ax, x, y, sign)
    _box(ax, 8.6, 3, "tanh", "white")
    for y, text in ((4, "$c_{t-1}$"), (0.8, "$h_{t-1}$"), (0.2, "$x_t$")):
        _name(ax, 0.5, y, text, "right")
    _name(ax, 9.5, 4, "$c_t$", "left")
    _name(ax, 9.5, 1.8, "$h_t$", "left")


def _gru(ax: Axes) -> None:
    ax.plot([0.9, 0.9, 7.4], [4, 0.8, 0.8], color="black", linestyle="-", linewidth=1, zorder=1)
    ax.plot([0.6, 7.8], [0.2, 0.2], color="black", linestyle="-", linewidth=1, zorder=1)
    _gates(
        ax,
        (2.4, "update $z$\nσ", _STATE),
        (4.5, "reset $r$\nσ", _STATE),
        (7.6, "candidate $n$\ntanh", _INPUT),
    )
    _arrow(ax, (0.6, 4), (9.4, 4))
    _arrow(ax, (2.4, 2.1), (2.4, 3.75))
    _arrow(ax, (2.4, 3), (7.35, 3))
    _arrow(ax, (4.9, 1.8), (6.1, 1.8), (6.1, 1.05))
    _arrow(ax, (7.6, 2.1), (7.6, 2.75))
    _arrow(ax, (7.6, 3.2), (7.6, 3.75))
    for x, y, sign in ((2.4, 4, "×"), (7.6, 4, "+"), (7.6, 3, "×"), (6.1, 0.8, "×")):
        _sign(ax, x, y, sign)
    ax.text(2.55, 3.5, "$z$", fontsize=12, ha="left", va="center")
    ax.text(5.2, 3.2, "$1 - z$", fontsize=12, ha="center", va="center")
    for y, text in ((4, "$h_{t-1}$"), (0.2, "$x_t$")):
        _name(ax, 0.5, y, text, "right")
    _name(ax, 9.5, 4, "$h_t$", "left")


def plot_cells(*kinds: str) -> LectureFigure:
    """Draw what happens in one step of a recurrent layer, one kind under the other. Taught in lecture 5, section 5.1.

    Args:
        *kinds: ``"RNN"``, ``"LSTM"``, ``"GRU"``.

    Raises:
        KeyError: there is no such kind.

    >>> plot_cells("RNN").alt
    'RNN: the old state and the input go through one tanh, which makes the whole new state.'
    """
    heights = [_HEIGHTS[kind] for kind in kinds]
    figure, axes = subplots(
        len(kinds), alt=" ".join(_WORDS[kind] for kind in kinds), figsize=(8, 0.68 * sum(heights)),
        squeeze=False, gridspec_kw={"height_ratios": heights},
    )  # fmt: skip
    for ax, kind, height in zip(axes[:, 0], kinds, heights, strict=True):
        {"RNN": _rnn, "LSTM": _lstm, "GRU": _gru}[kind](ax)
        ax.text(-0.5, height - 0.35, kind, fontsize=12, weight="bold", va="top")
        ax.set(xlim=(-0.6, 10.4), ylim=(-0.3, height - 0.3))
        ax.axis("off")
    return figure


def plot_unrolled(steps: int = 4) -> LectureFigure:
    """Draw a recurrent network twice: with its loop, and with a box for each step. Taught in lecture 5, section 1.3.

    >>> plot_unrolled(3).alt[-53:]
    'x1 to x3, states h1 to h3, and an answer from each h.'
    """
    alt = (
        "Left a recurrent network with its loop: x goes in through W, h goes back into itself through U, an answer y "
        f"comes out. Right the same with a box for each step: x1 to x{steps}, states h1 to h{steps}, and an answer "
        "from each h."
    )
    figure, ax = subplots(alt=alt, figsize=(8.6, 2.9))
    x = -2.2
    _arrow(ax, (x + 0.1, 1.1), (x + 0.75, 1.1), (x + 0.75, 0.9), (x + 0.17, 0.9))
    ax.text(x + 0.82, 1, "$U$", fontsize=11, ha="left", va="center")
    columns = [(x, ""), *[(float(t), str(t)) for t in range(1, steps + 1)]]
    for x, number in columns:
        _arrow(ax, (x, 0.15), (x, 0.83))
        _arrow(ax, (x, 1.15), (x, 1.83))
        for y, letter, color in ((0, "x", _INPUT), (1, "h", _STATE), (2, "y", _OUTPUT)):
            _box(ax, x, y, f"${letter}_{{{number or 't'}}}$", color)
        ax.text(x + 0.07, 0.45, "$W$", fontsize=11, va="center")
    for x, _ in columns[1:]:
        _arrow(ax, (x - 0.82, 1), (x - 0.17, 1))
        ax.text(x - 0.5, 1.14, "$U$", fontsize=11, ha="center")
    ax.text(-0.6, 1, "unrolled:", fontsize=12, ha="center", va="center")
    _name(ax, 0.14, 1, "$h_0$", "right")
    ax.set(xlim=(-3.3, steps + 0.5), ylim=(-0.35, 2.35))
    ax.axis("off")
    return figure
