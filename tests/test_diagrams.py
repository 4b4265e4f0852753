import pytest
import torch

from lecture_utils import plot_cells, plot_gpu_hierarchy, plot_graph, plot_network, plot_unrolled


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


def texts_of(figure, panel: int = 0) -> list[str]:
    return [text.get_text() for text in figure.axes[panel].texts]


def test_plot_cells_draws_the_gates_of_each_kind():
    figure = plot_cells("RNN", "LSTM")
    assert len(figure.axes) == 2 and "RNN: " in figure.alt and "LSTM: " in figure.alt
    assert [texts_of(figure, panel).count("×") for panel in (0, 1)] == [0, 3]
    gru = texts_of(plot_cells("GRU"))
    assert gru.count("×") == 3 and gru.count("+") == 1 and "update $z$\nσ" in gru
    with pytest.raises(KeyError, match="gru"):
        plot_cells("gru")


def test_plot_unrolled_has_a_box_for_each_step():
    texts = texts_of(plot_unrolled(3))
    assert [text for text in texts if text.startswith("$h_")] == ["$h_{t}$", "$h_{1}$", "$h_{2}$", "$h_{3}$", "$h_0$"]
    assert texts.count("$U$") == texts.count("$W$") == 4
