"""Pages and decks of small notebooks; test_slides.py opens the lectures' decks in Chromium."""

import base64
import io
import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from conftest import KERNEL
from PIL import Image

from course_tools.execute import run_notebook, store_outputs
from course_tools.lint import find_faults
from course_tools.pages import _without_alt, make_slides

FIGURE = "from lecture_utils import subplots\nfig, ax = subplots(alt='a small test picture')\nfig"
WIDGET = (
    "import ipywidgets\nfrom lecture_utils import explore, subplots\n"
    "def draw(k):\n    return subplots(alt=f'picture {k}')[0]\n"
    "explore(draw, k=ipywidgets.IntSlider(3))"
)
QUIZ = (
    "# Question (folded): computes its answer\nfrom lecture_utils import quiz\n"
    "quiz('Six or seven?', {6: 'Two threes.', 7: 'Odd.'}, answer=2 * 3)"
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A notebook with a figure, a widget and a quiz, as stored; out/ beside it holds its page."""
    path = tmp_path_factory.mktemp("stored") / "sample.ipynb"
    parameters = nbformat.v4.new_code_cell('profile = "quick"\nseed = 0', metadata={"tags": ["parameters"]})
    cells = [parameters, *map(nbformat.v4.new_code_cell, (FIGURE, WIDGET, QUIZ))]
    cells[3].metadata.update(tags=["hide-input"], slideshow={"slide_type": "slide"}, collapsed=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    store_outputs(path)
    assert run_notebook(path, path.parent / "out", kernel=KERNEL).status == "passed"
    return path


def page_of(path) -> str:
    return (path.parent / "out" / "sample.html").read_text()


def test_figures_carry_their_text_into_notebook_and_page(stored):
    (output,) = nbformat.read(stored, as_version=4).cells[1].outputs
    assert output.metadata["image/png"]["alt"] == "a small test picture"
    assert 'alt="a small test picture"' in page_of(stored)


def test_figures_have_twice_the_pixels_that_a_page_shows(stored):
    (output,) = nbformat.read(stored, as_version=4).cells[1].outputs
    width = output.metadata["image/png"]["width"]
    picture = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
    assert picture.width // 2 == width and picture.mode in "PL", "stored in few colours"
    (picture,) = BeautifulSoup(page_of(stored), "html.parser").select('img[alt="a small test picture"]')
    assert picture["width"] == str(width)


def test_a_narrow_window_does_not_shrink_a_figure(stored, chromium):
    page = chromium.new_page(viewport={"width": 320, "height": 600})
    page.goto((stored.parent / "out" / "sample.html").as_uri())
    width, natural = page.get_by_alt_text("a small test picture").evaluate(
        "e => [e.clientWidth, Number(e.getAttribute('width'))]"
    )
    assert natural * 0.89 < width < natural and page.evaluate("document.documentElement.scrollWidth") <= 320
    page.close()


def test_widget_leaves_a_still_picture(stored):
    (output,) = nbformat.read(stored, as_version=4).cells[2].outputs
    assert sorted(output.data) == ["image/png", "text/plain"] and "picture 3" in output.data["text/plain"]
    assert find_faults(stored) == []
    assert 'alt="picture 3"' in page_of(stored) and "<title>sample</title>" in page_of(stored)


def test_quiz_leaves_its_text_and_hides_its_code(stored, tmp_path):
    notebook = nbformat.read(stored, as_version=4)
    cell = notebook.cells[3]
    assert cell.metadata["jupyter"] == {"source_hidden": True} and cell.metadata["cellView"] == "form"
    assert sorted(cell.outputs[0].data) == ["text/html", "text/plain"] and "collapsed" not in cell.metadata
    assert find_faults(stored) == []
    for page in (page_of(stored), make_slides(stored, tmp_path).read_text()):
        shown = re.sub(r"<[^>]+>", "", page)  # code is coloured word by word
        assert "<summary>Answer</summary>" in page and "2 * 3" not in shown
        assert 'profile = "quick"' in shown.replace("&quot;", '"'), "other code is there"
    del cell.metadata["jupyter"]
    nbformat.write(notebook, tmp_path / "spoiled.ipynb")
    assert any("['jupyter']" in fault for fault in find_faults(tmp_path / "spoiled.ipynb"))


def test_slides_need_no_network(make_notebook, tmp_path):
    path = make_notebook("print('shown on', 'a slide')")
    deck = make_slides(path, tmp_path / "slides")
    page = deck.read_text()
    assert deck.name == "sample.slides.html" and "shown on a slide" not in page  # stored outputs only
    links = re.findall(r"""<(?:script|link)[^>]*(?:src|href)=["']([^"']+)["']""", page)
    assert len(links) >= 4
    for link in links:
        assert (deck.parent / link.partition("?")[0]).is_file(), link
    assert "<section" in page and "Reveal.initialize" in page


@pytest.mark.parametrize("kind", ["slide", "subslide"])
def test_a_slide_that_a_hidden_cell_begins_begins_with_the_next_cell(kind, make_notebook, tmp_path):
    path = make_notebook("# Set-up (folded): names\nx = 1", "y = 2")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].metadata = {"tags": ["hide-input"], "slideshow": {"slide_type": kind}}
    nbformat.write(notebook, path)
    page = BeautifulSoup(make_slides(path, tmp_path / "out").read_text(), "html.parser")
    first, second = (slide.get_text() for slide in page.select("section:not(:has(section))"))
    assert "Sample" in first and "Sample (continued)" in second and "y = 2" in second
    assert "x = 1" not in first + second


def test_a_cell_with_an_id_of_64_characters_gets_its_notes_and_its_heading(make_notebook, tmp_path):
    path = make_notebook("1")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].update(id="x" * 64, metadata={"slideshow": {"slide_type": "slide", "notes": "Ask."}})
    nbformat.write(notebook, path)
    page = BeautifulSoup(make_slides(path, tmp_path / "out").read_text(), "html.parser")
    assert page.select_one("aside.notes").get_text().strip() == "Ask."
    assert page.select_one("h3.continued").get_text().startswith("Sample")


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("show(a, alt='é')", "show(a)"),
        ("show(alt='a', b=1)", "show(b=1)"),
        ("show(a, alt=('b'\n  'c'), d=1)", "show(a, d=1)"),
        ("show(\n    a,\n    alt='b'\n    'c',\n)", "show(\n    a,\n)"),
        ("show(\n    alt='b',\n    c=1,\n)", "show(c=1,\n)"),
        ("ü, alt = 1, 2\nalt = (\n  'b'\n)\nshow(ü, alt=alt); show(alt=alt)", "ü, alt = 1, 2\nshow(ü); show()"),
        ("fig, ax = subplots(alt='b')\nfig", "fig, ax = subplots()\nfig"),
        ("show(alt=words(a, alt='b'), c=1)", "show(c=1)"),
        ("%time show(alt=1)", "%time show(alt=1)"),
    ],
)
def test_a_slides_code_is_without_alternative_texts(code, shown):
    assert _without_alt(code) == shown
