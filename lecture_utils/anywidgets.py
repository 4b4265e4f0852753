"""The widget with JavaScript of its own. ``widgets`` imports this only for it: anywidget is slow to load."""

import base64
import io
from pathlib import Path

import anywidget
from PIL import Image
from traitlets import Instance, Unicode

from lecture_utils.plotting import subplots


class DrawingPad(anywidget.AnyWidget):
    """What ``draw_digit`` returns. Where no widget runs, a still picture of the sheet is shown.

    Attributes:
        png: the drawing, a data URI that the browser makes after each stroke.
        answer: a text that is shown under the sheet.
        picture: the drawing as a Pillow image.
    """

    _esm = Path(__file__).with_name("pad.js")
    png = Unicode().tag(sync=True)
    answer = Unicode().tag(sync=True)
    picture = Instance(Image.Image)
    _ipython_display_ = None  # of ipywidgets 7, which Colab has: IPython would prefer it to _repr_mimebundle_

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
        live, colab = super()._repr_mimebundle_(**options) or ({}, {})  # `colab` tells Colab where to find anywidget
        return {**live, **data}, {**metadata, **colab}
