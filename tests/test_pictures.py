"""Pictures that anyone can read: the colours that the course draws with, and the tests that look at its figures.

Each figure of a lecture is looked at while test_lectures.py runs that lecture anyway.
"""

import itertools
import json
import re
import shutil
import subprocess
import warnings

import matplotlib
import numpy as np
import pytest
import torch
from conftest import ROOT
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.font_manager import fontManager
from pictures import VISION, alike, contrast, lab, lightness, record, texts_of

from lecture_utils import plot_confusion_matrix, show_images, subplots
from lecture_utils.plotting import COLORS, DASHES, JAPANESE_FONTS, LectureFigure, font_families

SOURCES = [*(ROOT / "lecture_utils").rglob("*.py"), *(ROOT / "lectures" / "06_app").glob("*.py")]
SOURCES += [path for folder in ("lectures", "solutions", "exercises") for path in (ROOT / folder).glob("*.ipynb")]


def used_maps() -> set[str]:
    """Of all code of the course, and what matplotlib takes where none is named."""
    found = {matplotlib.rcParamsDefault["image.cmap"]}
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
            text = "\n".join("".join(cell["source"]) for cell in cells)
        named = re.findall(r"""cmap=["'](\w+)["']""", text)
        assert len(named) == len(re.findall("cmap|colormap", text)), f"{path}: name colour maps in place, cmap='...'"
        found.update(named)
    return found


def faults_of_map(name: str, *colors: str) -> list[str]:
    """A sequence must grow lighter or darker all the way; one with a middle, on both sides of it, and by as much."""
    named = LinearSegmentedColormap.from_list(name, colors) if colors else matplotlib.colormaps[name]
    colors, faults = named(np.linspace(0, 1, 257))[:, :3], []
    for vision in VISION:
        light = lightness(colors, vision)
        steps = np.diff(light[::16])  # sixteen steps, each to be seen
        if (steps > 1).all() or (steps < -1).all():
            if np.ptp(light) < 60:
                faults.append(f"{vision}: from lightness {light.min():.0f} to {light.max():.0f} only")
            continue
        outwards = np.concatenate([-steps[:8], steps[8:]])
        if not ((outwards > 0.5).all() or (outwards < -0.5).all()):
            faults.append(f"{vision}: lightness goes up and down")
        elif np.abs(light - light[::-1]).max() > 12:
            faults.append(f"{vision}: one side is darker than the other")
        elif np.linalg.norm(lab(colors[32], vision) - lab(colors[-33], vision)) < 20:
            faults.append(f"{vision}: both sides look alike")
    return faults


def test_colour_maps_survive_colour_blindness_and_greyscale():
    maps = used_maps()
    assert {"gray", "Blues", "viridis"} <= maps
    assert not {name: faults for name in maps if (faults := faults_of_map(name))}


def test_numbers_in_a_confusion_matrix_can_be_read_whatever_they_are():
    labels = torch.arange(100).repeat_interleave(torch.arange(100))
    figure = plot_confusion_matrix(labels // 10, labels % 10)  # each count from 1 to 99 once
    counts = {int(s): ratio for s, ratio in texts_of(figure) if s.isdigit()}
    assert counts.keys() == set(range(100)) and min(counts.values()) >= 4.5


@pytest.mark.parametrize(
    ("colors", "fault"),
    [
        (["jet"], "usual: lightness goes up and down"),
        (["faint", "0.5", "0.8"], "usual: from lightness 53 to 82 only"),
        (["RdYlGn"], "protanopia: one side is darker than the other"),
        (["red to green", "#a03020", "white", "#5a6010"], "deuteranopia: both sides look alike"),
    ],
)
def test_bad_colour_maps_are_found(colors, fault):
    assert fault in faults_of_map(*colors)
    assert not faults_of_map("cividis") and not faults_of_map("BrBG")  # a sequence, and one with a middle


def test_colours_of_lines_are_told_apart_by_everybody():
    colors = np.array([to_rgb(color) for color in COLORS])
    assert len(COLORS) == len(DASHES)
    for i, j in itertools.combinations(range(len(COLORS)), 2):
        for vision in VISION:
            gap = np.linalg.norm(lab(colors[i], vision) - lab(colors[j], vision))
            assert gap > 10, (COLORS[i], COLORS[j], vision, gap)
        if DASHES[i] == DASHES[j]:  # then one is lighter
            assert abs(lightness(colors[i]) - lightness(colors[j])) > 15, (COLORS[i], COLORS[j])


def test_known_contrasts_and_lightness():
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    assert contrast(to_rgb("#767676"), (1, 1, 1)) == pytest.approx(4.54, abs=0.01)  # the lightest grey that will do
    assert lightness(np.array([[0, 0, 0], [1, 1, 1], [0.4663, 0.4663, 0.4663]])) == pytest.approx([0, 100, 50], abs=0.1)
    red, green = np.array(to_rgb("#a03020")), np.array(to_rgb("#5a6010"))
    assert np.linalg.norm(lab(red) - lab(green)) > 50
    assert np.linalg.norm(lab(red, "deuteranopia") - lab(green, "deuteranopia")) < 5


# --- the figures that are drawn -------------------------------------------------------------------


def test_faint_texts_are_found():
    figure, ax = subplots(alt="texts", figsize=(4, 3))
    ax.set(title="a title", xlabel="a label")
    ax.imshow(np.zeros((2, 2)), cmap="gray")  # black
    ax.text(0, 0, "white on black", color="white", ha="center")
    ax.text(0, 1, "grey on black", color="0.3", ha="center")
    ax.text(1, 1, "boxed", color="black", backgroundcolor="white", ha="center", fontsize=6)
    ax.text(1, 0, "see-through", color="white", alpha=0.3, ha="center", fontsize=6)
    figure.text(0.5, 0.02, "faint\nlines", color="0.6")
    ax.set_yticks([0.25])
    ax.tick_params(labelleft=False)
    found = dict(texts_of(figure))
    assert {s for s, ratio in found.items() if ratio < 4.5} == {"grey on black", "see-through", "faint", "lines"}
    assert found["a title"] == pytest.approx(21) and found["white on black"] > 20 and "0.25" not in found


def test_entries_that_look_alike_are_found():
    figure, ax = subplots(alt="lines")
    green = "#009E73"
    for color, dash, name in (("#D55E00", "-", "a"), (green, "-", "b"), (green, "--", "c"), ("black", "-", "d")):
        ax.plot([1, 2], color=color, linestyle=dash, label=name)
    for x, hatch, name in ((0, None, "e"), (1, "//", "f"), (2, None, "g")):
        ax.bar(x, 1, color="#CC79A7", hatch=hatch, label=name)
    for dash, name in (("-", "h"), (":", "i"), (":", "j")):
        ax.hist([1, 2], color="#0072B2", histtype="step", linestyle=dash, label=name)
    ax.legend()
    assert sorted(alike(figure)) == [("a", "b"), ("e", "g"), ("i", "j")]


def test_figures_are_recorded_as_they_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(LectureFigure, "_repr_mimebundle_", LectureFigure._repr_mimebundle_)
    record(str(tmp_path / "figures"))
    figure = show_images(np.zeros((1, 4, 4)), ["a"], alt="an image")
    assert set(figure._repr_mimebundle_()[0]) == {"image/png", "text/plain"}
    figure.axes[0].set_title("a", color="0.7")
    figure._repr_mimebundle_()
    good, bad = [json.loads(line) for line in (tmp_path / "figures").read_text().splitlines()]
    assert good == {"alt": "an image", "faults": []} and "'a' has a contrast of 2." in bad["faults"][0]


@pytest.fixture
def japanese_fonts():
    """Skips where the system has none; asked of others than matplotlib and the course."""
    if shutil.which("fc-list"):
        found = subprocess.run(["fc-list", ":lang=ja", "family"], capture_output=True, text=True).stdout
        if not found:
            pytest.skip("there is no Japanese font: apt install fonts-noto-cjk")
    elif len(font_families()) == 1:
        pytest.skip("no Japanese font was found")


def test_a_font_younger_than_matplotlibs_list_is_found(monkeypatch, japanese_fonts):
    fonts = [font for font in fontManager.ttflist if font.name not in JAPANESE_FONTS]
    monkeypatch.setattr(fontManager, "ttflist", fonts)
    font_families.cache_clear()
    found = font_families()
    monkeypatch.undo()
    font_families.cache_clear()  # what was found is not in the list any more
    assert len(found) > 1


def test_each_japanese_term_can_be_drawn(japanese_fonts):
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    letters = "".join(sorted(set(re.findall(r"[\u3040-\u30ff\u3400-\u9fff]", glossary))))
    assert len(letters) > 200
    figure, ax = subplots(alt="all letters of the glossary", figsize=(20, 5))
    ax.set_title("\n".join(letters[i : i + 60] for i in range(0, len(letters), 60)))
    figure._repr_mimebundle_()  # which looks for the fonts
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
