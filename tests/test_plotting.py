import io
import warnings

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from lecture_utils import (
    plot_confusion_matrix,
    plot_gpu_hierarchy,
    plot_graph,
    plot_history,
    plot_network,
    plot_predictions,
    show_images,
    subplots,
)
from lecture_utils.plotting import _as_pictures


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
    shown = show_images(images).axes[0].images[0].get_array()
    assert np.allclose(shown, images[0])
    assert np.allclose(_as_pictures((images * 255).to(torch.uint8))[0], (images[0] * 255).int() / 255)


def test_colour_images_in_both_layouts():
    channels_first = torch.rand(2, 3, 5, 7)
    first = _as_pictures(channels_first)
    last = _as_pictures(channels_first.permute(0, 2, 3, 1))
    assert first[0].shape == (5, 7, 3) and all(np.array_equal(a, b) for a, b in zip(first, last, strict=True))


def test_other_ranges_are_stretched_together():
    dark, bright = _as_pictures(torch.stack([torch.full((2, 2), -1.0), torch.full((2, 2), 3.0)]))
    assert dark.max() == 0 and bright.min() == 1


def test_show_images_lays_out_rows():
    assert len(show_images(torch.rand(12, 4, 4)).axes) == 20  # two rows of ten
    assert len(show_images(torch.rand(12, 4, 4), ncols=4).axes) == 12
    assert len(show_images(torch.rand(4, 4)).axes) == 1


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
    figure = plot_history(history, log=True)
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "accuracy"]
    loss, accuracy = figure.axes
    assert loss.get_yscale() == "log" and accuracy.get_yscale() == "linear"
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


def test_plot_network_draws_each_column():
    figure = plot_network([64, 3, 2])
    weights, *columns = figure.axes[0].collections
    assert len(weights.get_segments()) == 10 * 3 + 3 * 2
    sizes = [len(c.get_offsets()) for c in columns]
    assert sizes == [10, 3, 2] and "64 neurons (input), then 3 neurons (hidden 1)" in figure.alt


def arrows_of(figure) -> list[str]:
    return figure.alt.removeprefix("Graph recorded by autograd, in the direction of the data: ").rstrip(".").split("; ")


def test_plot_graph_follows_the_record():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = ((x + 2) ** 2 + 3).mean()
    assert arrows_of(plot_graph(y, {"x": x, "y": y})) == [
        "x, leaf (3,) → AddBackward0",
        "AddBackward0 → PowBackward0",
        "PowBackward0 → AddBackward0",
        "AddBackward0 → MeanBackward0, makes y",
    ]


def test_plot_graph_draws_a_shared_node_once():
    a = torch.tensor(2.0, requires_grad=True)
    c = a**2
    figure = plot_graph(c / (c + 2), {"a": a, "c": c})
    arrows = arrows_of(figure)
    assert len(arrows) == len(set(arrows)) == 4
    assert sum(arrow.startswith("PowBackward0, makes c →") for arrow in arrows) == 2
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert sum("makes c" in text for text in texts) == 1


def test_plot_graph_manages_a_deep_and_a_branching_graph():
    x = y = torch.tensor(1.0, requires_grad=True)
    for _ in range(12):
        y = y + y  # a tree of 2**12 paths, but 13 nodes
    assert len(arrows_of(plot_graph(y, {"x": x}))) == 24


def test_plot_graph_without_a_graph():
    with pytest.raises(ValueError, match="requires_grad=True"):
        plot_graph(torch.ones(3).sum())


def test_plot_gpu_hierarchy_counts_warps_and_empty_places():
    assert "Threads: 100, warps: 4, places left empty: 28." in plot_gpu_hierarchy(100, 3).alt
    assert "Threads: 1024, warps: 32, places left empty: 0." in plot_gpu_hierarchy(1024, 40).alt
    hatched = [p for p in plot_gpu_hierarchy(100, 3).axes[0].patches if p.get_hatch()]
    assert len(hatched) == 28
    for size in (0, 1025):
        with pytest.raises(ValueError, match="1 to 1024 threads"):
            plot_gpu_hierarchy(size)


def test_japanese_titles_need_no_warning():
    """Drawn where a font has them, boxes elsewhere."""
    from lecture_utils.plotting import _families

    warnings.simplefilter("error")  # pytest puts the filters back
    cat, dog = (png_of(show_images(torch.zeros(1, 8, 8), [name], alt="a square")) for name in ("猫", "犬"))
    assert (cat.tobytes() == dog.tobytes()) == (len(_families()) == 1)
