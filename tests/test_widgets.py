import ipywidgets
import pytest

from lecture_utils import explore, subplots


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


def test_output_is_a_widget_and_a_picture():
    data, metadata = explore(lambda k: subplots(alt="a picture")[0], k=ipywidgets.IntSlider(3))._repr_mimebundle_()
    assert {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert metadata["image/png"]["alt"] == "a picture"


def test_a_mistake_in_draw_is_raised():
    with pytest.raises(ZeroDivisionError):
        explore(lambda k: 1 / k, k=ipywidgets.IntSlider(0))
