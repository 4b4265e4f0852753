"""Sliders over a figure, and a still picture of it where no widget can run."""

from collections.abc import Callable

from lecture_utils.plotting import LectureFigure


class Explorer:
    """What :func:`explore` returns: a widget and a picture in one output."""

    def __init__(self, draw: Callable[..., LectureFigure], sliders: dict):
        import ipywidgets

        self.figure = draw(**{name: slider.value for name, slider in sliders.items()})
        self.widget = ipywidgets.VBox([*sliders.values(), ipywidgets.interactive_output(draw_into(draw), sliders)])

    def _repr_mimebundle_(self, include=None, exclude=None):
        data, metadata = self.figure._repr_mimebundle_()
        live = self.widget._repr_mimebundle_() or {}
        view = "application/vnd.jupyter.widget-view+json"
        return ({**data, view: live[view]} if view in live else data), metadata


def draw_into(draw: Callable[..., LectureFigure]) -> Callable[..., None]:
    """``draw``, showing the figure it returns instead of returning it."""

    def show(**values) -> None:
        from IPython.display import display

        display(draw(**values))

    return show


def explore(draw: Callable[..., LectureFigure], **sliders) -> Explorer:
    """Redraw a figure as sliders move.

    Args:
        draw: takes the sliders' values by name and returns a figure of :func:`subplots`.
        **sliders: ipywidgets controls (``FloatSlider``, ``IntSlider``, ``Dropdown``, ...); their
            first values make the still picture, which GitHub, nbconvert and a notebook opened
            without a kernel show instead.
    """
    return Explorer(draw, sliders)
