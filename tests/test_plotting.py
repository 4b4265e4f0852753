import io
import warnings

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from lecture_utils import (
    plot_confusion_matrix,
    plot_history,
    plot_predictions,
    show_images,
    subplots,
)
from lecture_utils.plotting import font_families, shown_width, with_palette


def drawn(images) -> list[np.ndarray]:
    """The arrays that show_images hands to matplotlib."""
    return [np.asarray(ax.images[0].get_array()) for ax in show_images(images).axes if ax.images]


def png_of(figure) -> Image.Image:
    data, metadata = figure._repr_mimebundle_()
    assert data["text/plain"] == metadata["image/png"]["alt"] == figure.alt != ""
    return Image.open(io.BytesIO(data["image/png"]))


def test_subplots_asks_for_alternative_text():
    with pytest.raises(ValueError, match="what the picture shows"):
        subplots(alt=" ")


def test_figure_shows_once_and_repeatably():
    figure, ax = subplots(alt="a line")
    ax.plot([1, 2])
    assert png_of(figure).size == png_of(figure).size
    assert figure._repr_mimebundle_()[0] == figure._repr_mimebundle_()[0]
    from matplotlib._pylab_helpers import Gcf

    assert not Gcf.figs  # pyplot does not know it: nothing is shown a second time


def test_works_headless_without_pyplot(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setitem(matplotlib.rcParams, "backend", "tkagg")  # would fail if a window were opened
    assert png_of(show_images(torch.rand(2, 8, 8))).width > 50


@pytest.mark.parametrize(
    "images",
    [
        torch.rand(3, 8, 8),
        torch.rand(3, 1, 8, 8),
        torch.rand(3, 8, 8, requires_grad=True),
        torch.randint(256, (3, 8, 8), dtype=torch.uint8),
        [Image.new("L", (8, 8))] * 3,
        [np.zeros((8, 8), np.uint8)] * 3,
    ],
    ids=["float", "channel", "requires_grad", "uint8", "PIL", "numpy"],
)
def test_show_images_takes_grey_images_of_any_kind(images):
    figure = show_images(images, titles=["a", "b", "c"])
    assert [ax.get_title() for ax in figure.axes] == ["a", "b", "c"]
    assert figure.alt == "3 images, titled a, b, c."


def test_show_images_keeps_the_values():
    images = torch.tensor([[[0.0, 0.25], [0.5, 1.0]]])
    assert np.allclose(drawn(images)[0], images[0])
    assert np.allclose(drawn((images * 255).to(torch.uint8))[0], (images[0] * 255).int() / 255)
    assert np.allclose(drawn(images.bfloat16())[0], images[0]), "as torch.autocast makes it"


@pytest.mark.parametrize("as_kind", [lambda x: x, lambda x: x.numpy(), list], ids=["tensor", "array", "list"])
def test_colour_images_in_both_layouts(as_kind):
    channels_first = torch.rand(2, 3, 5, 7)
    first = drawn(as_kind(channels_first))
    last = drawn(as_kind(channels_first.permute(0, 2, 3, 1)))
    assert first[0].shape == (5, 7, 3) and all(np.array_equal(a, b) for a, b in zip(first, last, strict=True))


@pytest.mark.parametrize("height", [1, 3, 5])
@pytest.mark.parametrize("width", [1, 3, 5])
@pytest.mark.parametrize("channels", [1, 3])
def test_small_pictures_of_either_kind(channels, height, width):
    """Filters of 3 x 3 or 1 x 1: a tensor has its channels first, an array has them last."""
    tensor = torch.rand(2, channels, height, width)
    expected = tensor.permute(0, 2, 3, 1).squeeze(-1) if channels == 1 else tensor.permute(0, 2, 3, 1)
    for images in (tensor, list(tensor), tensor.permute(0, 2, 3, 1).numpy(), [*tensor.permute(0, 2, 3, 1).numpy()]):
        shown = drawn(images)
        assert [picture.shape for picture in shown] == [tuple(expected.shape[1:])] * 2
        assert np.allclose(shown, expected)


def test_a_picture_of_pillow_that_is_three_pixels_high():
    pixels = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    assert np.allclose(drawn([Image.fromarray(pixels)])[0], pixels / 255)
    assert np.allclose(drawn([Image.new("RGB", (1, 3), "red"), Image.new("L", (3, 1), 255)])[0], [[[1, 0, 0]]] * 3)


def test_other_ranges_are_stretched_together():
    dark, bright = drawn(torch.stack([torch.full((2, 2), -1.0), torch.full((2, 2), 3.0)]))
    assert dark.max() == 0 and bright.min() == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5, 5, 5, 5], [1, 1, 1, 1]),
        ([-2, -2, -2, -2], [0, 0, 0, 0]),
        ([255, 255, 255, 255], [1, 1, 1, 1]),
        ([0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]),
        ([0, 4, 1, np.inf], [0, 1, 0.25, 1]),
        ([-1, 3, np.nan, -np.inf], [0, 1, 0, 0]),
        ([np.nan, np.nan, np.inf, -np.inf], [0, 0, 1, 0]),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_values_that_cannot_be_stretched(values, expected, channels):
    """A constant picture outside 0..1, and what a training that diverged leaves behind."""
    image = torch.tensor(values, dtype=torch.float32).reshape(1, 1, 2, 2).expand(1, channels, 2, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = show_images(image)
        png_of(figure)
    shown = np.asarray(figure.axes[0].images[0].get_array())
    assert np.allclose(shown, np.reshape(expected, (2, 2, 1) if channels == 3 else (2, 2)))


@pytest.mark.parametrize("place", [0, 1])
def test_nan_in_one_image_of_several_is_black(place):
    images = torch.full((2, 2, 2), 0.5)
    images[place, 0, 0] = torch.nan
    shown = [np.asarray(ax.images[0].get_array()) for ax in show_images(images).axes]
    assert shown[place].tolist() == [[0, 0.5], [0.5, 0.5]] and (shown[1 - place] == 0.5).all()


def test_white_pictures_have_an_edge():
    figure = show_images(torch.ones(2, 8, 8))
    pixels = np.asarray(Image.open(io.BytesIO(figure.png())).convert("L"))
    assert (pixels < 200).sum() > 4 * 100


def same_pixels(one: bytes, other: bytes) -> bool:
    first, second = (np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) for png in (one, other))
    return np.array_equal(first, second)


def test_drawings_get_a_palette_and_photographs_keep_their_colours():
    figure, ax = subplots(alt="a line")
    ax.plot([0, 1])
    stored = with_palette(figure.png())
    assert Image.open(io.BytesIO(stored)).mode == "P" and len(stored) < 0.7 * len(figure.png())
    figure.patch.set_alpha(0.5)
    assert with_palette(figure.png()) == figure.png()
    figure.patch.set_alpha(1)
    assert shown_width(stored) == Image.open(io.BytesIO(stored)).width // 2
    ax.clear()
    ax.imshow(np.random.default_rng(0).random((60, 60, 3)))
    stored = with_palette(figure.png())
    assert len(stored) < len(figure.png())
    assert same_pixels(stored, figure.png())


def test_a_gray_picture_is_stored_as_such():
    figure = show_images(torch.rand(2, 40, 60))
    stored = with_palette(figure.png())
    assert Image.open(io.BytesIO(stored)).mode == "L" and same_pixels(stored, figure.png())


def test_show_images_lays_out_rows():
    assert len(show_images(torch.rand(12, 4, 4)).axes) == 20  # two rows of ten
    assert len(show_images(torch.rand(12, 4, 4), ncols=4).axes) == 12
    assert len(show_images(torch.rand(4, 4)).axes) == len(show_images(np.zeros((4, 4))).axes) == 1


@pytest.mark.parametrize(
    ("images", "titles", "message"),
    [
        (torch.rand(2, 4, 4), ["a"], "2 images, but 1 titles"),
        (torch.rand(2, 2, 4, 4), None, "an image has shape"),
        (torch.rand(0, 4, 4), None, "no images"),
    ],
)
def test_show_images_bad_input(images, titles, message):
    with pytest.raises(ValueError, match=message):
        show_images(images, titles)


def test_plot_history_has_a_panel_for_each_quantity():
    history = {"train_loss": [2.0, 1.0], "test_loss": [2.5, None], "test_accuracy": torch.tensor([0.5, 0.75])}
    figure = plot_history(history)
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "accuracy"]
    loss, accuracy = figure.axes
    assert [line.get_label() for line in loss.lines] == ["train", "test"]
    assert loss.lines[0].get_linestyle() != loss.lines[1].get_linestyle()  # not told apart by colour alone
    assert list(accuracy.lines[0].get_ydata()) == [0.5, 0.75] and list(accuracy.lines[0].get_xdata()) == [1, 2]
    assert "train loss: from 2 to 1 in 2 epochs." in figure.alt
    with pytest.raises(ValueError, match="history is empty"):
        plot_history({})


def test_plot_predictions_marks_what_is_wrong_in_words():
    logits = torch.tensor([[5.0, 0.0], [5.0, 0.0]])
    figure = plot_predictions(torch.rand(2, 4, 4), logits, torch.tensor([0, 1]), ["cat", "dog"])
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["cat (99%)", "cat (99%)\nwrong: it is dog"]
    assert "1 of them right" in figure.alt and "dog taken for cat (99%)" in figure.alt


def test_plot_predictions_bad_shapes():
    with pytest.raises(ValueError, match=r"N = 2, not \(3, 4\) and \(2,\)"):
        plot_predictions(torch.rand(2, 4, 4), torch.rand(3, 4), torch.zeros(2))


def test_plot_confusion_matrix_counts():
    labels, predictions = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([0, 1, 1, 0, 0, 2])
    figure = plot_confusion_matrix(labels, predictions, ["a", "b", "c"])
    assert figure.axes[0].images[0].get_array().tolist() == [[1, 1, 0], [0, 1, 0], [2, 0, 1]]
    assert figure.alt == (
        "Confusion matrix of 6 answers, 3 of them right. Most often confused: c taken for a, 2 times."
    )


def test_plot_confusion_matrix_bad_input():
    with pytest.raises(ValueError, match=r"logits.argmax"):
        plot_confusion_matrix(torch.zeros(3), torch.zeros(3, 10))
    with pytest.raises(ValueError, match="class number 5"):
        plot_confusion_matrix(torch.tensor([5]), torch.tensor([0]), ["a", "b"])


def test_japanese_titles_need_no_warning():
    """Drawn where a font has them, boxes elsewhere."""
    warnings.simplefilter("error")  # pytest puts the filters back
    cat, dog = (png_of(show_images(torch.zeros(1, 8, 8), [name], alt="a square")) for name in ("猫", "犬"))
    assert (cat.tobytes() == dog.tobytes()) == (len(font_families()) == 1)
