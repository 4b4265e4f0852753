import base64
import gc
import io
import re
import subprocess
import sys
import weakref

import anywidget
import ipywidgets
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from lecture_utils import draw_digit, explore, quiz, subplots

WIDGET = "application/vnd.jupyter.widget-view+json"


def test_moving_a_slider_draws_again():
    drawn = []

    def draw(k, scale):
        drawn.append((k, scale))
        return subplots(alt=f"k = {k}")[0]

    slider = ipywidgets.IntSlider(3, min=0, max=9)
    dropdown = ipywidgets.Dropdown(options=["log", "linear"], description="how")
    explorer = explore(draw, k=slider, scale=dropdown)
    assert [control.description for control in explorer.widget.children[:-1]] == ["k", "how"]
    slider.value = 7
    assert drawn == [(3, "log"), (7, "log")]
    assert 'alt="k = 7"' in explorer.widget.children[-1].value
    assert explorer.figure.alt == "k = 3"  # the still picture stays that of the first values


def close(explorer) -> None:
    for widget in (*explorer.widget.children, explorer.widget):
        widget.close()


def test_a_closed_explorer_is_freed():
    explorer = explore(lambda k: subplots(alt=f"k = {k}")[0], k=ipywidgets.IntSlider(3))
    explorer.widget.children[0].value = 7
    gone = [weakref.ref(thing) for thing in (explorer, explorer.figure, explorer.widget)]
    close(explorer)
    del explorer
    gc.collect()
    assert [ref() for ref in gone] == [None, None, None]


def test_explore_leaves_the_memory_of_the_kernel_alone():
    """A model may refer to itself, as through a hook; then only the garbage collector frees it."""
    model = torch.nn.Linear(2, 2)
    model.hooks = [model]
    gone, frozen = weakref.ref(model), gc.get_freeze_count()
    explorer = explore(lambda k: subplots(alt=f"k = {k}")[0], k=ipywidgets.IntSlider(3))
    del model
    gc.collect()
    assert gone() is None
    assert gc.get_freeze_count() == frozen
    close(explorer)


def test_the_picture_keeps_its_size_while_it_changes():
    def draw(k):
        figure, ax = subplots(alt=f"k = {k}")
        ax.set_axis_off()
        ax.plot([0, k], [0, k])
        return figure

    slider = ipywidgets.IntSlider(1, min=1, max=9)
    picture, sizes = explore(draw, k=slider).widget.children[-1], set()
    for slider.value in (2, 9):
        png = base64.b64decode(re.search('base64,([^"]+)', picture.value)[1])
        sizes.add(Image.open(io.BytesIO(png)).size)
    assert sizes == {(720, 512)}  # 4.5 x 3.2 inches, 160 pixels each


def test_output_is_a_widget_and_a_picture():
    data, metadata = explore(lambda k: subplots(alt="a picture")[0], k=ipywidgets.IntSlider(3))._repr_mimebundle_()
    assert {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert metadata["image/png"]["alt"] == "a picture"


def test_widgets_are_shown_by_the_ipywidgets_of_colab_too(monkeypatch):
    """Version 7 has another method than version 8, which IPython prefers to a picture."""
    monkeypatch.delattr(ipywidgets.Widget, "_repr_mimebundle_")
    monkeypatch.setattr(ipywidgets.Widget, "_ipython_display_", lambda self: print("no picture"), raising=False)
    for shown in (explore(lambda k: subplots(alt="a picture")[0], k=ipywidgets.IntSlider(3)), draw_digit()):
        data, _ = DisplayFormatter().format(shown)
        assert {"image/png", WIDGET} <= set(data), shown


def test_a_mistake_in_draw_is_raised():
    with pytest.raises(ZeroDivisionError):
        explore(lambda k: 1 / k, k=ipywidgets.IntSlider(0))


def as_browser(colour) -> str:
    """What the canvas sends: a picture as a data URI."""
    file = io.BytesIO()
    Image.new("RGBA", (280, 280), colour).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def test_a_drawing_arrives_as_a_picture_and_is_observed():
    pad, seen = draw_digit(), []
    assert pad.picture.size == (280, 280) and pad.picture.getcolors() == [(280 * 280, (255, 255, 255))]
    pad.observe(lambda change: seen.append(change.new), names="picture")
    pad.png = as_browser("black")
    assert pad.picture.mode == "RGB" and pad.picture.getpixel((9, 9)) == (0, 0, 0) and seen == [pad.picture]
    pad.png = as_browser("white")
    assert len(seen) == 2 and draw_digit().picture is not pad.picture


def test_a_figure_follows_a_sheet():
    pad, sizes = draw_digit(), []

    def draw(sheet):
        sizes.append(sheet.size)
        return subplots(alt=f"{'ink' if sheet.getpixel((9, 9)) == (0, 0, 0) else 'no ink'}")[0]

    explorer = explore(draw, sheet=pad)
    picture = explorer.widget.children[-1]
    assert explorer.figure.alt == "no ink" and pad in explorer.widget.children
    pad.png = as_browser("black")
    assert sizes == [(280, 280)] * 2 and 'alt="ink"' in picture.value


def test_the_sheet_is_a_widget_and_a_picture():
    data, metadata = draw_digit()._repr_mimebundle_()
    assert {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"} == set(data)
    assert "draw" in metadata["image/png"]["alt"] == data["text/plain"]
    assert data == draw_digit()._repr_mimebundle_()[0] | {WIDGET: data[WIDGET]}, "stored outputs do not change"


def test_the_script_is_read_once_and_not_watched():
    """From a clone, anywidget could watch a file for changes; a thread, or a warning that it cannot, would disturb."""
    code = """
import threading, warnings
warnings.simplefilter("error")
from lecture_utils import draw_digit
pad = draw_digit()
assert "export default { render }" in pad._esm and "canvas" in pad._esm
print(sorted(thread.name for thread in threading.enumerate()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("['MainThread']", "")


class Shape(tuple):  # as torch.Size: equal to a tuple, printed in another way
    __str__ = __repr__ = lambda self: "Shape"


def ask():
    options = {(4, 3): "One.", "`a < b`": "Two.", 7: "Three <b>."}
    return quiz("Is it `x`?", options, answer=Shape([2 + 2, 3]))


def test_a_quiz_replies_to_each_option_and_folds_the_answer_where_no_script_runs():
    data, _ = DisplayFormatter().format(ask())
    assert set(data) == {"text/html", "text/plain"}
    text, script = data["text/html"].split("<script")
    shown, folded = text.split("<details>")
    assert "Right" not in shown and "Is it <code>x</code>?" in shown and shown.count("<li>") == 3
    assert "<p><code>(4, 3)</code></p>" in folded and "Right.</strong> One." in folded and folded.count("No.") == 2
    assert "<code>a &lt; b</code>" in shown and "Three &lt;b&gt;." in folded
    assert data["text/plain"] == "Is it `x`?\n- (4, 3)\n- `a < b`\n- 7"
    assert "render(host" in script
    assert data["text/html"] == ask()._repr_html_(), "stored outputs do not change"


def test_colab_is_told_where_to_find_anywidget(monkeypatch):
    bundle = ({WIDGET: {}, "text/plain": "a widget"}, {WIDGET: {"colab": "an address"}})
    monkeypatch.setattr(anywidget.AnyWidget, "_repr_mimebundle_", lambda self, **options: bundle)
    data, metadata = draw_digit()._repr_mimebundle_()
    assert metadata[WIDGET] == {"colab": "an address"} and data["text/plain"] != "a widget"


def test_a_quiz_whose_answer_is_no_option_is_refused():
    with pytest.raises(ValueError, match=r"the answer 5 is none of the options \[4, 'five'\]"):
        quiz("How many?", {4: "Too few.", "five": "A word."}, answer=5)
