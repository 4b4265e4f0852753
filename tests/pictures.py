"""Can everybody read it? What a figure draws, and how its colours look with less colour vision, or none.

`record` also runs in the kernel of a lecture, where it writes down what is wrong with each figure as it is drawn.
"""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.collections import Collection
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Text

ENOUGH = 4.5  # contrast of a text, WCAG 2.2, success criterion 1.4.3 (AA)
# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB
VISION = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(rgb) -> np.ndarray:
    """sRGB in [0, 1], of shape (..., 3), as light."""
    rgb = np.asarray(rgb, dtype=float)
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def luminance(rgb) -> np.ndarray:
    return linear(rgb) @ [0.2126, 0.7152, 0.0722]


def contrast(first, second) -> np.ndarray:
    """Of two colours in sRGB, 1 to 21, as WCAG defines it."""
    a, b = luminance(first), luminance(second)
    return (np.maximum(a, b) + 0.05) / (np.minimum(a, b) + 0.05)


def lab(rgb, vision: str = "usual") -> np.ndarray:
    """CIELAB of sRGB colours, of shape (..., 3), as somebody with that colour vision sees them; 1 is barely seen."""
    seen = np.clip(linear(rgb) @ np.transpose(VISION[vision]), 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = seen @ to_xyz.T / to_xyz.sum(axis=1)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def lightness(rgb, vision: str = "usual") -> np.ndarray:
    """0, black, to 100, white: what is left in greyscale."""
    return lab(rgb, vision)[..., 0]


def texts_of(figure) -> Iterator[tuple[str, float]]:
    """Each text that a figure draws, and its contrast to what it is drawn on: that of the worst tenth of the place."""
    found, draw, drawing = [], Text.draw, []

    def draw_box(text, renderer, *args, **kwargs):
        drawing[:] = [text]
        draw(text, renderer, *args, **kwargs)

    def draw_line(renderer, gc, x, y, s, *args, **kwargs):
        found.append((s, gc.get_rgb(), gc.get_alpha(), drawing[0].get_window_extent(renderer).extents))

    # all but the letters is drawn
    with mock.patch.object(Text, "draw", draw_box), mock.patch.object(RendererAgg, "draw_text", draw_line):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    picture = np.asarray(canvas.buffer_rgba())[::-1, :, :3] / 255  # the first row is the lowest, as in the extents
    for s, color, alpha, (left, low, right, high) in found:
        rows, columns = (slice(max(0, int(a)), max(0, int(b) + 1)) for a, b in ((low, high), (left, right)))
        behind = picture[rows, columns].reshape(-1, 3)
        if not len(behind):  # beside the canvas, which grows when it is saved
            behind = np.array([to_rgb(figure.get_facecolor())])
        alpha = to_rgba(color)[3] if len(color) == 4 else alpha or 1
        ink = alpha * np.array(color[:3]) + (1 - alpha) * behind
        yield s, float(np.quantile(contrast(ink, behind), 0.1))


def _look(handle) -> tuple[np.ndarray, object]:
    """The colour of an entry of a legend, and what else it can be told by."""
    if isinstance(handle, Line2D):
        line = handle.get_linestyle() if handle.get_linewidth() else "None"
        return to_rgb(handle.get_color()), (line, handle.get_marker() if handle.get_markersize() else "None")
    if isinstance(handle, Collection):
        face = handle.get_facecolor() if len(handle.get_facecolor()) else handle.get_edgecolor()
        return face[0][:3], (type(handle).__name__, str(handle.get_paths()), handle.get_hatch())
    if not handle.get_fill():  # the outline of a histogram
        dashes = str(handle._unscaled_dash_pattern)  # get_linestyle() of what a legend shows is always "solid"
        return to_rgb(handle.get_edgecolor()), ("outline", dashes)
    return to_rgb(handle.get_facecolor()), ("area", handle.get_hatch())


def alike(figure) -> Iterator[tuple[str, str]]:
    """Entries of a legend that differ by neither a dash, marker or hatch nor by how light they are."""
    for legend in figure.findobj(Legend):
        entries = zip((text.get_text() for text in legend.get_texts()), legend.legend_handles, strict=True)
        for (name, one), (other_name, other) in itertools.combinations(entries, 2):
            (color, cue), (other_color, other_cue) = _look(one), _look(other)
            if cue == other_cue and abs(lightness(color) - lightness(other_color)) < 10:
                yield name, other_name


def faults_of(figure) -> list[str]:
    low = [f"the text {s!r} has a contrast of {ratio:.1f}" for s, ratio in texts_of(figure) if ratio < ENOUGH]
    return low + [f"in greyscale {one!r} looks like {other!r}" for one, other in alike(figure)]


def record(file: str) -> None:
    """From now on, write each figure of the course that becomes a picture into a file: its text, and its faults."""
    from lecture_utils.plotting import LectureFigure

    draw = LectureFigure._repr_mimebundle_

    def drawn(figure, *args, **kwargs):
        picture = draw(figure, *args, **kwargs)
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(json.dumps({"alt": figure.alt, "faults": faults_of(figure)}) + "\n")
        return picture

    LectureFigure._repr_mimebundle_ = drawn
