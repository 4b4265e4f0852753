"""Sliders over a figure, and a still picture of it where no widget can run."""

import base64
import html
from collections.abc import Callable

from lecture_utils.plotting import LectureFigure


class Explorer:
    """What :func:`explore` returns: a widget and a picture in one output."""

    def __init__(self, draw: Callable[..., LectureFigure], sliders: dict):
        import ipywidgets

        def redraw(*_) -> LectureFigure:
            figure = draw(**{name: slider.value for name, slider in sliders.items()})
            png = base64.b64encode(figure._repr_mimebundle_()[0]["image/png"]).decode()
            picture.value = f'<img src="data:image/png;base64,{png}" alt="{html.escape(figure.alt)}">'
            return figure

        picture = ipywidgets.HTML()
        self.figure = redraw()
        self.widget = ipywidgets.VBox([*sliders.values(), picture])
        for name, slider in sliders.items():
            slider.description = slider.description or name
            slider.observe(redraw, names="value")

    def _repr_mimebundle_(self, include=None, exclude=None):
        data, metadata = self.figure._repr_mimebundle_()
        live = self.widget._repr_mimebundle_() or {}
        view = "application/vnd.jupyter.widget-view+json"
        return ({**data, view: live[view]} if view in live else data), metadata


def explore(draw: Callable[..., LectureFigure], **sliders) -> Explorer:
    """Redraw a figure as sliders move.

    Args:
        draw: takes the sliders' values by name and returns a figure of :func:`subplots`.
        **sliders: ipywidgets controls (``FloatSlider``, ``IntSlider``, ``Dropdown``, ...), labelled
            by their description or else by their name; their first values make the still picture,
            which GitHub, nbconvert and a notebook opened without a kernel show instead.
    """
    return Explorer(draw, sliders)
