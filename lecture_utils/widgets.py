"""Sliders over a figure, a sheet to draw on, a question to answer. Without a kernel, a still picture or text."""

import base64
import html
import itertools
import math
import re
from collections.abc import Callable, Hashable

from lecture_utils import explorers
from lecture_utils.plotting import LectureFigure, shown_width

MAX_FRAMES = 120


class Explorer:
    """What :func:`explore` returns.

    Attributes:
        widget: the sliders and the picture.
        figure: the figure for the first values of the sliders, which is shown where no widget runs.
    """

    def __init__(self, draw: Callable[..., LectureFigure], sliders: dict):
        import ipywidgets

        picture = ipywidgets.HTML()

        def redraw(change=None) -> LectureFigure:
            figure = draw(**{name: getattr(slider, _trait(slider)) for name, slider in sliders.items()})
            png = figure.png(cut=False)  # always of one size, so that the page does not jump
            source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
            picture.value = f'<img src="{source}" alt="{html.escape(figure.alt)}" width="{shown_width(png)}">'
            return figure

        self.figure = redraw()
        self.widget = ipywidgets.VBox([*sliders.values(), picture])
        for name, slider in sliders.items():
            if hasattr(slider, "description"):
                slider.description = slider.description or name
            slider.observe(redraw, names=_trait(slider))

    def _repr_mimebundle_(self, **options):
        data, metadata = self.figure._repr_mimebundle_()
        # ipywidgets 7, which Colab has, has no method for this.
        live = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return {**data, "application/vnd.jupyter.widget-view+json": live}, metadata


def _trait(control) -> str:
    """Name the trait of a control that the figure depends on: a drawing pad has a picture instead of a value."""
    return "picture" if hasattr(control, "picture") else "value"


def explore(draw: Callable[..., LectureFigure], frames: bool = False, **sliders) -> Explorer | explorers.Explorer:
    """Redraw a figure as sliders move. For an author's own figure; ``lecture_utils.explorers`` has those of the course.

    GitHub, nbconvert and a notebook without a kernel show the figure for the first values. With ``frames=True`` the
    sliders work there, too: the figure is drawn beforehand for each of their positions.

    Args:
        draw: takes the sliders' values by name and returns a figure of :func:`~lecture_utils.subplots`.
        frames: draw all positions now, at most 120, and store them in the notebook; no kernel redraws them.
        **sliders: ipywidgets controls (``FloatSlider``, ``IntSlider``, ``Dropdown``, ...), labelled with their
            descriptions, or else with their names here; or a sheet of :func:`draw_digit`, whose picture ``draw`` gets.

    Raises:
        ValueError: with ``frames=True``, the sliders have more than 120 positions together.

    >>> from ipywidgets import IntSlider
    >>> from lecture_utils import subplots
    >>> explore(lambda k: subplots(alt=f"k = {k}")[0], k=IntSlider(3)).figure.alt
    'k = 3'
    """
    return _draw_frames(draw, sliders) if frames else Explorer(draw, sliders)


def _draw_frames(draw: Callable[..., LectureFigure], sliders: dict) -> explorers.Explorer:
    positions = [_positions(slider) for slider in sliders.values()]
    count = math.prod(map(len, positions))
    if count > MAX_FRAMES:
        product = " x ".join(str(len(values)) for values in positions)
        raise ValueError(
            f"{count} frames ({product}), at most {MAX_FRAMES}: give the sliders larger steps, or fewer sliders"
        )
    figures = [draw(**dict(zip(sliders, values, strict=True))) for values in itertools.product(*positions)]
    pictures = [explorers.picture_of(figure) for figure in figures]
    controls, first = [], 0
    for (name, slider), values in zip(sliders.items(), positions, strict=True):
        at = min(
            range(len(values)),
            key=lambda i: abs(values[i] - slider.value) if _is_number(values[i]) else values[i] != slider.value,
        )
        shown = [value if isinstance(value, bool | int | str) else f"{value:g}" for value in values]
        controls.append([slider.description or name, shown, at, _is_number(values[0])])
        first = first * len(values) + at
    data = {
        "controls": controls,
        "frames": [base64.b64encode(png).decode() for png in pictures],
        "alts": [figure.alt for figure in figures],
        "width": shown_width(pictures[first]),
    }
    return explorers.Explorer("frames", figures[first].alt, data, pictures[first])


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _positions(slider) -> list:
    """List the values that an ipywidgets control can take."""
    if hasattr(slider, "options"):
        return [option[1] if isinstance(option, tuple) else option for option in slider.options]
    if isinstance(slider.value, bool):
        return [False, True]
    steps = round((slider.max - slider.min) / slider.step)
    return [slider.min + i * slider.step for i in range(steps + 1)]


def draw_digit():
    """Make a white sheet to draw on with a mouse, a finger or the keyboard. Taught in lecture 1, section 9.6.

    The widget's ``picture`` is a Pillow image of 280 x 280 pixels. After each stroke it is replaced by a new one, and
    ``pad.observe(function, names="picture")`` calls the function. The text ``answer`` is shown under the sheet.

    >>> draw_digit().picture.size
    (280, 280)
    """
    from lecture_utils.anywidgets import DrawingPad

    return DrawingPad()


def _as_html(value) -> str:
    """Convert a text, which may contain `code`, to HTML. Any other value is shown as code."""
    text = html.escape(value if isinstance(value, str) else f"`{value}`")
    return re.sub("`(.+?)`", r"<code>\1</code>", text)


class Quiz:
    """What :func:`quiz` returns.

    Attributes:
        text: HTML with the answer folded, which a script turns into radio buttons.
        plain: the question and its options as text.
    """

    def __init__(self, question: str, options: dict[Hashable, str], answer: Hashable):
        if answer not in options:
            raise ValueError(f"the answer {answer!r} is none of the options {list(options)}")
        self.plain = "\n".join([question, *(f"- {option}" for option in options)])
        right = next(option for option in options if option == answer)  # 2 == 2.0, but the option is to be shown
        names = [_as_html(option) for option in options]
        replies = [
            f"<strong>{'Right' if option == answer else 'No'}.</strong> {_as_html(reason)}"
            for option, reason in options.items()
        ]
        items = "".join(f"<li>{name}</li>" for name in names)
        reasons = "".join(f"<li>{name}: {reply}</li>" for name, reply in zip(names, replies, strict=True))
        self.text = (
            f"<p><strong>{_as_html(question)}</strong></p><ul>{items}</ul>"
            f"<details><summary>Answer</summary><p>{_as_html(right)}</p><ul>{reasons}</ul></details>"
        )

    def __repr__(self) -> str:
        return self.plain

    def _repr_html_(self) -> str:
        return explorers.live("quiz", self.text)


def quiz(question: str, options: dict[Hashable, str], answer: Hashable) -> Quiz:
    """Ask a question with a few options. Used in the section "Check yourself" of each lecture.

    It shows radio buttons, and the reason for the option that is chosen. Where no script runs (GitHub, a notebook that
    was never run) it is a text with the answer and the reasons folded.

    Args:
        question: a sentence; text in backticks is shown as code.
        options: each option (a text, a number, a tuple such as a shape) with the reason why it is right or wrong.
        answer: the right option. Compute it, so that it cannot be wrong.

    Raises:
        ValueError: the answer is not one of the options.

    >>> quiz("How many elements has `torch.zeros(2, 3)`?", {5: "That is 2 + 3.", 6: "2 x 3."}, answer=2 * 3)
    How many elements has `torch.zeros(2, 3)`?
    - 5
    - 6
    """
    return Quiz(question, options, answer)
