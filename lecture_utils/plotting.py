"""The figures that the lectures share: images, training curves, predictions, confusion matrices.

Each function returns a figure with an alternative text ``alt``, which describes the data by default. No function opens
a window. As the last line of a cell the figure is shown as a PNG with that text, which Jupyter, nbconvert and Sphinx
pass on to screen readers.
"""

import contextlib
import functools
import io
import os
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from cycler import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findSystemFonts, fontManager
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageChops, ImageStat

# The palette of Okabe and Ito (2008), whose colours can be told apart with any colour vision. Its yellow is left out,
# because it is too pale for a line on white. Lines also differ in their dashes.
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE, BLACK = COLORS
DASHES = ["-", "--", "-.", ":", "-", "--", "-."]

# Japanese fonts of the common systems. matplotlib's own font has no Japanese characters.
JAPANESE_FONTS = [
    *("Noto Sans CJK JP", "Noto Sans JP", "Hiragino Sans", "Yu Gothic", "Meiryo", "IPAexGothic", "IPAGothic"),
    *("TakaoGothic", "VL Gothic", "MS Gothic", "Noto Serif CJK JP", "Noto Serif JP", "Droid Sans Fallback"),
]


@functools.cache
def font_families() -> list[str]:
    """Return matplotlib's own font and the installed Japanese ones. A glyph is drawn in the first font that has it."""
    installed = {font.name: font.fname for font in fontManager.ttflist}
    if installed.keys().isdisjoint(JAPANESE_FONTS):  # matplotlib keeps its list on disk, without newer fonts
        for path in sorted({*findSystemFonts()} - {*installed.values()}):
            with contextlib.suppress(Exception):  # a font that matplotlib cannot read
                fontManager.addfont(path)
        installed = {font.name: font.fname for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in JAPANESE_FONTS if name in installed)]


# Twice the 80 pixels an inch that a page shows, so that screens of double density have all they can show. The pictures
# of a submission, which few look at, take about a quarter less time with half of that.
_DPI = 80 if os.environ.get("LECTURE_GRADING") else 160


def with_palette(png: bytes, colors: int = 256, max_error: float = 1.5) -> bytes:
    """Store a PNG in few colours, which makes a drawing a third as large. A photograph keeps those it has.

    It takes about as long as drawing, so a notebook's pictures get it when ``lecture run --inplace`` stores them.

    Args:
        png: a picture; one with transparency is returned as it is.
        colors: the size of the palette, at most 256.
        max_error: with a larger root mean square error, on the scale of 0 to 255, the picture keeps all its colours.
    """
    opened = Image.open(io.BytesIO(png))
    if opened.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        return png
    image = opened.convert("RGB")
    reduced, gray = image.quantize(colors), image.convert("L")
    few = max(ImageStat.Stat(ImageChops.difference(image, reduced.convert("RGB"))).rms) <= max_error
    stored = []
    is_gray = ImageChops.difference(image, gray.convert("RGB")).getbbox() is None
    for version in [reduced if few else image] + [gray] * is_gray:
        buffer = io.BytesIO()
        version.save(buffer, "PNG", optimize=True)
        stored.append(buffer.getvalue())
    return min(stored, key=len)


def shown_width(png: bytes) -> int:
    """Return how many of a page's pixels a PNG of double density is wide."""
    return int.from_bytes(png[16:20], "big") // 2


class LectureFigure(Figure):
    """A matplotlib figure with an alternative text ``alt``. A notebook shows it once, as a PNG of double density."""

    alt: str = ""

    def png(self, *, cut: bool = True) -> bytes:
        """Draw the figure as a PNG. With ``cut`` its empty margins are cut off, otherwise it keeps its size."""
        buffer = io.BytesIO()
        for artist in self.findobj(Text):
            if not artist.get_text().isascii():
                artist.set_fontfamily(font_families())
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from")  # such a glyph is drawn as a box
            if cut:
                self.savefig(buffer, format="png", bbox_inches="tight", metadata={"Software": None})
            else:  # faster than savefig, which draws twice to find the layout
                FigureCanvasAgg(self).print_png(buffer, metadata={"Software": None})
        return buffer.getvalue()

    def _repr_mimebundle_(self, **options):
        png = self.png()
        return {"image/png": png, "text/plain": self.alt}, {"image/png": {"alt": self.alt, "width": shown_width(png)}}


def subplots(nrows: int = 1, ncols: int = 1, *, alt: str, figsize: tuple[float, float] | None = None, **kwargs):
    """Make a figure and its axes, as ``matplotlib.pyplot.subplots`` does. Taught in lecture 1, section 3.1.

    Args:
        nrows, ncols: the number of panels down and across.
        alt: one or two sentences that say what the picture shows, for readers who cannot see it. It may be set again
            when more numbers are known: ``figure.alt = f"..."``.
        figsize: width and height in inches; default: 4.5 x 3.2 for each panel, at most 9.5 across.
        **kwargs: passed to ``Figure.subplots`` (``sharex``, ``squeeze``, ...).

    Raises:
        ValueError: ``alt`` is empty.

    >>> figure, ax = subplots(alt="A parabola.")
    >>> lines = ax.plot([-2, -1, 0, 1, 2], [4, 1, 0, 1, 4])
    """
    if not alt.strip():
        raise ValueError("say in alt what the picture shows: not every reader sees it")
    size = figsize or (min(4.5 * ncols, 9.5), 3.2 * nrows)
    figure = LectureFigure(figsize=size, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.alt = alt
    axes = figure.subplots(nrows, ncols, **kwargs)
    for ax in np.ravel(axes):
        ax.set_prop_cycle(cycler(color=COLORS, linestyle=DASHES))
    return figure, axes


def _as_array(image) -> np.ndarray:
    """Convert one image to floats of shape (H, W) or (H, W, 3); ``uint8`` becomes 0 to 1."""
    is_tensor = isinstance(image, torch.Tensor)
    if is_tensor:
        image = image.detach().cpu()
        image = image.float() if image.dtype == torch.bfloat16 else image  # a type that NumPy lacks
    array = np.asarray(image)
    if array.ndim == 3:
        # If the first and the last dimension may both be channels, as in filters of (3, 3, 3), a tensor is taken to
        # have PyTorch's layout, and an array that of NumPy and Pillow.
        if array.shape[0] in (1, 3) and (is_tensor or array.shape[2] not in (1, 3)):
            array = np.moveaxis(array, 0, 2)
        if array.shape[2] == 1:
            array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise ValueError(f"an image has shape (H, W), (1, H, W), (3, H, W) or (H, W, 3), not {tuple(array.shape)}")
    return array / 255 if array.dtype == np.uint8 else array.astype(float)


def _as_pictures(images) -> list[np.ndarray]:
    """Convert images of any usual kind to arrays of shape (H, W) or (H, W, 3) with values from 0 to 1."""
    pictures = [_as_array(image) for image in (images[None] if getattr(images, "ndim", 0) == 2 else images)]
    if not pictures:
        raise ValueError("there are no images to show")
    if all(picture.min(initial=0) >= 0 and picture.max(initial=1) <= 1 for picture in pictures):  # false for a NaN
        return pictures
    values = np.concatenate([picture[np.isfinite(picture)] for picture in pictures])
    low, high = (values.min(), values.max()) if len(values) else (0, 1)
    if low < high and (low < 0 or high > 1):  # standardised or raw values get one common scale
        pictures = [(picture - low) / (high - low) for picture in pictures]
    return [np.nan_to_num(picture, nan=0, posinf=1, neginf=0).clip(0, 1) for picture in pictures]


def show_images(
    images, titles: Sequence | None = None, *, ncols: int | None = None, size: float = 0.95, alt: str | None = None
) -> LectureFigure:
    """Show images in a grid. Taught in lecture 1, section 3.2.

    Args:
        images: a tensor of shape (N, H, W), (N, 1, H, W) or (N, 3, H, W) on any device, one image (H, W), or a
            sequence of tensors, arrays or Pillow images. If a shape has two readings, a tensor is (channels, H, W) and
            an array (H, W, channels). ``uint8`` goes from 0 to 255 and floats from 0 to 1; if floats exceed that range,
            all images together are scaled to it. NaN is drawn black.
        titles: one text or number for each image.
        ncols: the number of images across; default: at most 10.
        size: width and height of one image in inches.
        alt: see :func:`subplots`; default: the number of images and their titles.

    Raises:
        ValueError: there are no images, one has another shape, or the number of titles differs.

    >>> show_images(torch.rand(2, 28, 28), titles=["a", "b"]).alt
    '2 images, titled a, b.'
    """
    pictures = _as_pictures(images)
    if titles is not None:
        titles = [str(t.item() if isinstance(t, torch.Tensor) else t) for t in titles]
        if len(titles) != len(pictures):
            raise ValueError(f"{len(pictures)} images, but {len(titles)} titles")
    ncols = min(ncols or 10, len(pictures))
    nrows = -(-len(pictures) // ncols)
    height = max(1.25 * size, size + 0.235) if titles else size  # a title needs its room, however small the images
    if alt is None:
        alt = f"{len(pictures)} images" + (f", titled {', '.join(titles)}." if titles else ".")
    figure, axes = subplots(nrows, ncols, alt=alt, figsize=(size * ncols, height * nrows), squeeze=False)
    # All cells are equal, so the layout is known. To search for it would take longer than to draw.
    figure.set_layout_engine(None)
    shown = 0.94 * size
    gap = {"wspace": size / shown - 1, "hspace": height / shown - 1}
    figure.subplots_adjust(0, 0, 1 - 0.06 / ncols, 1 - (1 - shown / height) / nrows, **gap)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    for ax in axes.flat[len(pictures) :]:
        ax.axis("off")
    for index, (ax, picture) in enumerate(zip(axes.flat, pictures, strict=False)):
        ax.spines[:].set(color="0.6", linewidth=0.6)  # the edge of a white image on white paper
        ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        if titles:
            ax.set_title(titles[index], fontsize=9)
    return figure


def plot_history(history: Mapping[str, Sequence[float]], *, alt: str | None = None) -> LectureFigure:
    """Draw the curves of a training run, one panel for each quantity. Taught in lecture 2, section 8.2.

    Args:
        history: lists with one number per epoch, with names such as ``"train_loss"``, ``"test_loss"`` and
            ``"test_accuracy"``. The part after the last ``_`` names the panel. ``None`` and NaN leave gaps.
        alt: see :func:`subplots`; default: the first and the last number of each curve.

    Raises:
        ValueError: the history is empty.

    >>> plot_history({"train_loss": [2.0, 0.5], "test_loss": [2.1, 0.9]}).alt
    'Curves over the epochs. train loss: from 2 to 0.5 in 2 epochs. test loss: from 2.1 to 0.9 in 2 epochs.'
    """
    panels: dict[str, dict[str, np.ndarray]] = {}
    for name, numbers in history.items():
        line, _, quantity = name.rpartition("_")
        values = np.array([float("nan") if number is None else float(number) for number in numbers])
        panels.setdefault(quantity, {})[line or quantity] = values
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
        ax.grid(alpha=0.3)
        ax.legend()
    return figure


def plot_predictions(
    images, logits: torch.Tensor, labels: torch.Tensor, classes: Sequence | None = None, *, alt: str | None = None
) -> LectureFigure:
    """Show images with the predicted class, its probability, and whether it is right. Taught in lecture 2, section 8.3.

    Args:
        images: N images, as for :func:`show_images`.
        logits: floats of shape (N, C), before any softmax, on any device.
        labels: the true classes, integers of shape (N,), on any device.
        classes: the C names; default: the numbers 0 to C - 1.
        alt: see :func:`subplots`; default: how many are right, and the wrong ones.

    Raises:
        ValueError: the shapes do not fit.

    >>> plot_predictions(torch.rand(1, 8, 8), torch.tensor([[4.0, 0.0]]), torch.tensor([1]), ["cat", "dog"]).alt
    "1 images with the model's answers, 0 of them right; dog taken for cat (98%)."
    """
    count = len(_as_pictures(images))
    logits, labels = logits.detach().float().cpu(), labels.detach().cpu()
    if logits.ndim != 2 or len(logits) != count or labels.shape != (count,):
        raise ValueError(
            f"{count} images need logits of shape (N, C) and labels of shape (N,) with N = {count}, not "
            f"{tuple(logits.shape)} and {tuple(labels.shape)}"
        )
    classes = list(classes) if classes is not None else list(range(logits.shape[1]))
    top = logits.softmax(dim=1).max(dim=1)
    titles = [f"{classes[k]} ({p:.0%})" for p, k in zip(top.values.tolist(), top.indices.tolist(), strict=True)]
    wrong = (top.indices != labels).nonzero().flatten().tolist()
    if alt is None:
        mistakes = [f"; {classes[labels[i]]} taken for {titles[i]}" for i in wrong]
        alt = f"{count} images with the model's answers, {count - len(wrong)} of them right{''.join(mistakes)}."
    figure = show_images(images, titles, ncols=6, size=1.5, alt=alt)
    for i in wrong:  # with a word, for readers who do not see the colour
        figure.axes[i].set_title(f"{titles[i]}\nwrong: it is {classes[labels[i]]}", fontsize=9, color="#A33F00")
    return figure


def plot_confusion_matrix(
    labels: torch.Tensor, predictions: torch.Tensor, classes: Sequence | None = None, *, alt: str | None = None
) -> LectureFigure:
    """Draw how often each true class (row) was predicted as each class (column). Taught in lecture 2, section 8.5.

    ``ConfusionMatrixDisplay`` of scikit-learn draws the same, but its numbers are hard to read on middle shades.

    Args:
        labels, predictions: class numbers, integers of shape (N,), on any device.
        classes: the names; default: the numbers 0 to the largest that occurs.
        alt: see :func:`subplots`; default: how many are right, and the most common mistake.

    Raises:
        ValueError: the shapes differ or are empty, or a class has no name.

    >>> plot_confusion_matrix(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1])).alt
    'Confusion matrix of 3 answers, 2 of them right. Most often confused: 1 taken for 0, 1 times.'
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
    luminance = (image.to_rgba(count.numpy())[..., :3] ** 2.2) @ [0.2126, 0.7152, 0.0722]  # of each cell, roughly
    ticks = range(len(classes))
    ax.set(xlabel="predicted class", ylabel="true class", xticks=ticks, yticks=ticks)
    ax.set_xticklabels(classes, rotation=0 if max(len(str(c)) for c in classes) < 3 else 60)
    ax.set_yticklabels(classes)
    for i, j in count.nonzero().tolist():
        color = "white" if luminance[i, j] < 0.18 else "black"  # at 0.18 both have the same contrast
        ax.text(j, i, int(count[i, j]), ha="center", va="center", color=color, fontsize=8)
    return figure
