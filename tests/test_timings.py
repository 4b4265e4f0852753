"""Times of matrix products in one figure, with a made-up table of a GPU; and the command that measures such a table."""

import importlib.util
import json

import matplotlib.colors
import pytest
from conftest import ROOT

from lecture_utils import plot_matmul_times, timings

MEASURED = {"cpu": {256: 0.001, 512: 0.009, 1024: 0.08}}
MADE_UP = {
    "device": "Made-up GPU",
    "date": "2000-01-01",
    "torch": "0.0",
    "matmul": {
        "float32": {"256": {"seconds": 1e-5}, "8192": {"seconds": 0.02}},
        "bfloat16": {"256": {"seconds": 1e-5}, "8192": {"seconds": 0.002}},
    },
}


def series(figure) -> dict:
    (ax,) = figure.axes
    return {line.get_label(): (line.get_xdata(), line.get_ydata(), line.get_marker()) for line in ax.lines}


def test_without_a_table_only_ones_own_points_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(timings, "TABLE", tmp_path / "none.json")
    drawn = series(plot_matmul_times(MEASURED))
    ideal, cpu = drawn.values()
    assert len(drawn) == 2 and list(cpu[0]) == [256, 512, 1024] and list(cpu[1]) == pytest.approx([1, 9, 80])
    assert ideal[1][1] / ideal[1][0] == pytest.approx(4**3), "slope 3 from 256 to 1024"
    assert ideal[1][1] == pytest.approx(80), "through the last point"


def test_a_stored_table_is_drawn_beside_them(tmp_path, monkeypatch):
    path = tmp_path / "table.json"
    path.write_text(json.dumps(MADE_UP))
    monkeypatch.setattr(timings, "TABLE", path)
    figure = plot_matmul_times(MEASURED)
    drawn = series(figure)
    assert len(drawn) == 4 and len({marker for _, _, marker in drawn.values()}) == 4, "told apart without colours"
    (name,) = (name for name in drawn if "bfloat16" in name)
    assert name == "Made-up GPU, bfloat16 (2000-01-01, torch 0.0)"
    assert list(drawn[name][0]) == [256, 8192] and list(drawn[name][1]) == pytest.approx([0.01, 2])
    (ax,) = figure.axes
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert "Made-up GPU, float32 (2000-01-01, torch 0.0): 0.01 ms at 256, 20 ms at 8192." in figure.alt
    assert matplotlib.colors.to_hex(ax.lines[1].get_color()) != matplotlib.colors.to_hex(ax.lines[2].get_color())


@pytest.mark.parametrize("nothing", [{}, {"cpu": {}}])
def test_nothing_measured_is_refused(nothing):
    with pytest.raises(ValueError, match="nothing was measured"):
        plot_matmul_times(nothing, MADE_UP)


@pytest.fixture
def gpu_table():
    spec = importlib.util.spec_from_file_location("gpu_table", ROOT / "tests" / "benchmarks" / "gpu_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_command_writes_what_the_figure_reads(gpu_table, tmp_path, capsys):
    """On the CPU, with small matrices: every part runs, and the figure takes the file."""
    out = tmp_path / "table.json"
    gpu_table.main(["--device", "cpu", "--sizes", "16", "32", "--megabytes", "1", "--out", str(out)])
    table = timings.stored_table(out)
    assert set(table["matmul"]) == {"float32", "TF32", "bfloat16"} and list(table["matmul"]["TF32"]) == ["16", "32"]
    for rows in table["matmul"].values():
        for size, row in rows.items():
            assert 0 < row["too_early"] <= row["seconds"]
            assert row["billions"] == pytest.approx(2 * int(size) ** 3 / row["seconds"] / 1e9)
    assert table["add"]["size"] == 32 and min(table["copies"].values()) > 0
    printed = capsys.readouterr().out
    assert printed.count("\n| 16 |") == 3 and "copies: " in printed
    assert len(series(plot_matmul_times(MEASURED, table))) == 5


@pytest.mark.parametrize(("arguments", "words"), [
    (["--device", "cpu"], "the table of the lecture is a GPU's"),
    (["--device", "cuda"], "finds no CUDA device here"),
])  # fmt: skip
def test_no_table_is_invented_where_there_is_no_gpu(gpu_table, monkeypatch, arguments, words):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(gpu_table, "measure", lambda *args: pytest.fail("it measured"))
    with pytest.raises(SystemExit, match=words):
        gpu_table.main(arguments)
