"""Sliders over a figure, a sheet to draw on, a question to answer: each has a still form where no widget can run."""

import base64
import contextlib
import functools
import gc
import html
import io
import re
from collections.abc import Callable, Hashable

from PIL import Image

from lecture_utils.plotting import LectureFigure, subplots

_VIEW = "application/vnd.jupyter.widget-view+json"


class Explorer:
    """What :func:`explore` returns: a widget and a picture in one output."""

    def __init__(self, draw: Callable[..., LectureFigure], sliders: dict):
        import ipywidgets

        def redraw(*_) -> LectureFigure:
            figure = draw(**{name: slider.value for name, slider in sliders.items()})
            png = base64.b64encode(figure.png(cut=False)).decode()  # the page below does not jump
            picture.value = f'<img src="data:image/png;base64,{png}" alt="{html.escape(figure.alt)}">'
            return figure

        picture = ipywidgets.HTML()
        self.figure = redraw()
        self.widget = ipywidgets.VBox([*sliders.values(), picture])
        for name, slider in sliders.items():
            slider.description = slider.description or name
            slider.observe(redraw, names="value")
        gc.collect()  # what is there now is not looked through again: an answer would wait for it, 0.6 s now and then
        gc.freeze()

    def _repr_mimebundle_(self, include=None, exclude=None):
        data, metadata = self.figure._repr_mimebundle_()
        # as ipywidgets 8 has it; Colab's ipywidgets 7 has no method for it
        live = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return {**data, _VIEW: live}, metadata


def explore(draw: Callable[..., LectureFigure], **sliders) -> Explorer:
    """Redraw a figure as sliders move.

    Args:
        draw: takes the sliders' values by name and returns a figure of :func:`subplots`.
        **sliders: ipywidgets controls (``FloatSlider``, ``IntSlider``, ``Dropdown``, ...), labelled
            by their description or else by their name; their first values make the still picture,
            which GitHub, nbconvert and a notebook opened without a kernel show instead.
    """
    return Explorer(draw, sliders)


# --- a sheet to draw on --------------------------------------------------------------------------

_PAD = """
function render({ model, el }) {
  el.innerHTML = `<div style="position:relative;width:282px">
    <canvas width="280" height="280" tabindex="0" role="application" style="border:1px solid #555;touch-action:none"
      aria-label="Sheet to draw a digit on. Arrow keys move the pen, space sets it down or lifts it."></canvas>
    <div aria-hidden="true" style="position:absolute;width:20px;height:20px;margin:-10px;border:2px solid #0072B2;
      border-radius:50%;pointer-events:none;display:none"></div>
    <button type="button">Clear</button> <span role="status"></span></div>`;
  const find = (name) => el.querySelector(name);
  const [canvas, pen, button, status] = ["canvas", "[aria-hidden]", "button", "span"].map(find);
  const ink = canvas.getContext("2d");
  let x = 140, y = 140, down = false;
  const clear = () => { ink.fillStyle = "white"; ink.fillRect(0, 0, 280, 280); };
  const send = () => { model.set("png", canvas.toDataURL("image/png")); model.save_changes(); };
  const tell = () => { status.textContent = model.get("answer"); };
  const go = (toX, toY) => {
    [toX, toY] = [toX, toY].map((v) => Math.min(280, Math.max(0, v)));
    if (down) {
      Object.assign(ink, { lineWidth: 22, lineCap: "round", strokeStyle: "#111" });
      ink.beginPath(); ink.moveTo(x, y); ink.lineTo(toX, toY); ink.stroke();
    }
    [x, y] = [toX, toY];
    Object.assign(pen.style, { left: `${x}px`, top: `${y}px`, background: down ? "#0072B2" : "none" });
  };
  const lift = () => { if (down) { down = false; go(x, y); send(); } };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    down = false; go(event.offsetX, event.offsetY);
    down = true; go(x, y);
  };
  canvas.onpointermove = (event) => { if (event.buttons) go(event.offsetX, event.offsetY); };
  canvas.onpointerup = canvas.onpointercancel = lift;
  canvas.onkeydown = (event) => {
    const step = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] }[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault(); event.stopPropagation();  // no scrolling, no command of the notebook
    pen.style.display = "block";
    if (step) go(x + step[0], y + step[1]);
    else if (down) lift();
    else { down = true; go(x, y); }
  };
  canvas.onblur = () => { lift(); pen.style.display = "none"; };
  button.onclick = () => { clear(); send(); };
  model.on("change:answer", tell);
  clear(); tell();
  const old = new Image();  // what was drawn in another view of this sheet
  old.onload = () => ink.drawImage(old, 0, 0);
  old.src = model.get("png");
}
export default { render };
"""


@functools.cache
def _pad_class() -> type:
    import anywidget
    from traitlets import Instance, Unicode

    class DrawingPad(anywidget.AnyWidget):
        _esm = _PAD
        png = Unicode().tag(sync=True)  # a data URI, as the browser makes it
        answer = Unicode().tag(sync=True)
        picture = Instance(Image.Image)
        _ipython_display_ = None  # of Colab's ipywidgets 7, which would go before our picture

        def __init__(self):
            super().__init__(picture=Image.new("RGB", (280, 280), "white"))
            self.observe(self._receive, names="png")

        def _receive(self, change) -> None:
            data = base64.b64decode(change.new.partition(",")[2])
            self.picture = Image.open(io.BytesIO(data)).convert("RGB")

        def _repr_mimebundle_(self, **options):
            figure, ax = subplots(alt="A white sheet, to draw a digit on in a running notebook.", figsize=(2.6, 2.8))
            ax.imshow(self.picture)
            ax.set(xticks=[], yticks=[], title="draw here, in a\nrunning notebook")
            data, metadata = figure._repr_mimebundle_()
            live, place = super()._repr_mimebundle_(**options) or ({}, {})  # Colab is told where to find anywidget
            return {**data, **{key: live[key] for key in live if key == _VIEW}}, {**metadata, **place}

    return DrawingPad


def draw_digit():
    """A white sheet to draw on, by mouse, finger or keyboard.

    Returns:
        A widget. Its ``picture`` is a PIL image of 280 x 280 pixels, new after each stroke, so that it can be
        observed: ``pad.observe(function, names="picture")``. The text ``answer`` is shown under the sheet. Where no
        widget runs, a still picture stands in for it.
    """
    return _pad_class()()


# --- a question with options ---------------------------------------------------------------------

_QUIZ = """
function render({ model, el }) {
  el.innerHTML = model.get("form");
  const form = el.querySelector("form"), status = el.querySelector("[role=status]");
  form.onchange = (event) => { status.innerHTML = model.get("replies")[event.target.value]; };
  form.onsubmit = () => false;  // Enter is no reason to load a page
  form.onkeydown = (event) => {  // the arrows go from option to option, not from cell to cell
    if (/^Arrow|^ $/.test(event.key)) event.stopPropagation();
  };
}
export default { render };
"""


@functools.cache
def _quiz_class() -> type:
    import anywidget
    from traitlets import List, Unicode

    class QuizWidget(anywidget.AnyWidget):
        _esm = _QUIZ
        form = Unicode().tag(sync=True)
        replies = List(Unicode()).tag(sync=True)  # HTML, one for each option

    return QuizWidget


def _as_html(value) -> str:
    """Text with `code` in it as HTML; anything but a text is code."""
    text = html.escape(value if isinstance(value, str) else f"`{value}`")
    return re.sub("`(.+?)`", r"<code>\1</code>", text)


class Quiz:
    """What :func:`quiz` returns: radio buttons, or the same as text with the answer folded."""

    def __init__(self, question: str, options: dict[Hashable, str], answer: Hashable):
        if answer not in options:
            raise ValueError(f"the answer {answer!r} is none of the options {list(options)}")
        self.question, self.options = question, options
        right = next(option for option in options if option == answer)  # shown as the options are
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
        buttons = "".join(
            f'<label style="display:block;padding:4px"><input type="radio" name="option" value="{i}"> {name}</label>'
            for i, name in enumerate(names)
        )
        form = (
            f'<form style="font-size:14px;line-height:1.4"><fieldset style="border:0;margin:0;padding:0">'
            f'<legend style="padding:0"><strong>{_as_html(question)}</strong></legend>{buttons}</fieldset>'
            f'<p role="status" style="margin:4px;min-height:1.4em"></p></form>'
        )
        self.widget = None
        with contextlib.suppress(ImportError):  # without anywidget the text does
            self.widget = _quiz_class()(form=form, replies=replies)

    def __repr__(self) -> str:
        return "\n".join([self.question, *(f"- {option}" for option in self.options)])

    def _repr_mimebundle_(self, **options):
        data = {"text/html": self.text, "text/plain": repr(self)}
        if self.widget is not None and (live := self.widget._repr_mimebundle_(**options)):
            data[_VIEW] = live[0][_VIEW]
        return data, {}


def quiz(question: str, options: dict[Hashable, str], answer: Hashable) -> Quiz:
    """Ask a question with a few options, and say at once why the one that was chosen is right or wrong.

    Args:
        question: a sentence; what stands in backticks is shown as code.
        options: the reason why it is right or wrong, for each option: texts, numbers, tuples such as shapes.
        answer: the right one of the options. Compute it, so that it cannot be wrong.

    Returns:
        In a running notebook radio buttons. Elsewhere (GitHub, HTML, nbconvert, or without anywidget) the same as
        text, with the answer and the reasons folded.

    Raises:
        ValueError: the answer is none of the options.
    """
    return Quiz(question, options, answer)
