"""The decks as they are shown: each slide of each lecture opened in Chromium at 1280 x 720, from the disk."""

import base64
import io
import os
import re
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup
from conftest import LECTURES, ROOT
from explorer_walk import move_explorers
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

from course_tools.notebooks import read_notebook
from course_tools.pages import make_slides

SHOTS = os.environ.get("SLIDES_SCREENSHOTS")  # a folder, to look at the slides yourself
ADDRESS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
lecture = pytest.mark.parametrize("path", LECTURES, ids=lambda p: p.stem)

# What is wrong with the slide that is shown, one line for each place. A text is as wide as its letters, not as the
# box around them; it is cut off by the window, or by a box that hides or scrolls what is larger than itself.
LOOK = """(slide) => {
  const wrong = [], buttons = [...document.querySelectorAll(".controls button.enabled, .slide-number")];
  const inside = (box, frame) => box.left >= frame.left - 1 && box.right <= frame.right + 1
    && box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1;
  const apart = (box, other) => box.right < other.left || box.left > other.right
    || box.bottom < other.top || box.top > other.bottom;
  const page = {left: 0, top: 0, right: innerWidth, bottom: innerHeight};
  const frames = (node) => {
    const found = [page];
    const above = (inner) => inner.parentElement ?? inner.getRootNode().host;
    for (let parent = above(node); parent !== slide.parentElement; parent = above(parent))
      if (getComputedStyle(parent).overflow !== "visible") found.push(parent.getBoundingClientRect());
    return found;
  };
  const nodes = function* (root) {  // an explorer's own tree, too
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, (node) =>
      node.matches?.("aside.notes, script, style, option, .MJX_Assistive_MathML, .MathJax_Preview")
        ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      yield node;
      if (node.shadowRoot) yield* nodes(node.shadowRoot);
    }
  };
  let seen = 0, last = null;
  for (const node of nodes(slide)) {
    const text = node.nodeType === Node.TEXT_NODE, element = text ? node.parentElement : node;
    if (text ? !node.data.trim() : !element.matches("img, svg, canvas, td, th")) continue;
    if (!element.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNode(node);
    const boxes = [...(text ? range.getClientRects() : [element.getBoundingClientRect()])];
    const drawn = boxes.filter((box) => box.width && box.height);
    seen += drawn.length;
    if (drawn.length && !element.closest("a.anchor-link")) last = element;
    const say = (what) => wrong.push(`${what}: ${(node.data || node.alt || node.outerHTML).trim().slice(0, 60)}`);
    if (drawn.some((box) => !frames(node).every((frame) => inside(box, frame)))) say("cut off");
    const under = (box) => buttons.some((button) => !apart(box, button.getBoundingClientRect()));
    if (drawn.some(under)) say("under a button");
    if (text && /[\u3040-\u9fff]/.test(node.data) && !/Noto Sans CJK JP/.test(getComputedStyle(element).fontFamily))
      say("not a Japanese font");
    if (element.tagName === "IMG" && !text && !(element.complete && element.naturalWidth)) say("not loaded");
  }
  if (!seen) wrong.push("empty");
  const heading = last?.closest("h1, h2, h3, h4");
  if (heading) wrong.push(`a heading at the end: ${heading.innerText}`);
  if (seen && !slide.querySelector("h1, h2, h3, h4")) wrong.push("no heading");
  for (const code of slide.querySelectorAll(".jp-InputArea .highlight pre")) {
    const text = code.textContent.trimEnd(), style = getComputedStyle(code);
    const [above, below, line] = [style.paddingTop, style.paddingBottom, style.lineHeight].map(parseFloat);
    const room = above + text.split("\\n").length * line + below;
    if (/\\balt *=/.test(text)) wrong.push(`an alternative text as code: ${text.slice(0, 60)}`);
    if (code.clientHeight > room + line / 2) wrong.push(`wrapped: ${text.slice(0, 60)}`);
  }
  return wrong;
}"""
# A picture is as large as the slide has room for, and its letters, of 8 points and more, are seen with 9 pixels.
SIZES = """(slide) => {
  const wrong = [], full = slide.getBoundingClientRect().width - 40;
  const pictures = [...slide.querySelectorAll("img")].filter((image) => image.checkVisibility() && image.naturalWidth);
  const parts = [...slide.children].map((part) => part.getBoundingClientRect().bottom);
  for (const image of pictures) {
    const {width} = image.getBoundingClientRect(), natural = Number(image.getAttribute("width")) || image.naturalWidth;
    const scale = width / natural, say = (what) => wrong.push(`${what}: ${image.alt.slice(0, 60)}`);
    if (scale < 1.02) say(`small, ${scale.toFixed(2)} of its size`);
    if (scale > 2.01) say(`blurred, ${scale.toFixed(2)} times its size`);
    if (width < full && scale < 1.85 && Math.max(...parts) < innerHeight - 70) say("room for a larger one");
  }
  return wrong;
}"""
WALK = f"""async () => {{
  const look = {LOOK}, sizes = {SIZES}, wrong = [], slides = Reveal.getSlides();
  const settled = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  for (const slide of slides) {{
    const {{h, v}} = Reveal.getIndices(slide);
    const say = (faults) => wrong.push(...faults.map((what) => `slide ${{h}}/${{v || 0}}, ${{what}}`));
    Reveal.slide(h, v, 99);
    const folds = [...slide.querySelectorAll("details")].filter((fold) => !fold.closest("[data-explorer], aside"));
    if (folds.length || slide.querySelector("[data-explorer]")) await settled(); // they are drawn when they are shown
    say(look(slide));
    say(sizes(slide));
    if (!folds.length) continue;
    for (const fold of folds) {{
      const answer = [...fold.children].filter((part) => part.tagName !== "SUMMARY");
      const isSeen = () => answer.some((part) => part.checkVisibility());
      if (isSeen()) say(["an answer lies open"]);
      else fold.querySelector("summary").click();
      if (!isSeen()) say(["a fold without an answer"]);
    }}
    await settled();
    say(look(slide));
  }}
  return [slides.length, wrong];
}}"""


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    out = tmp_path_factory.mktemp("slides")
    return {path: make_slides(path, out, LECTURES) for path in LECTURES}


def open_deck(page, deck: Path) -> None:
    page.goto(deck.as_uri())
    page.wait_for_function("window.MathJax && MathJax.isReady && window.Reveal && Reveal.isReady()")
    page.evaluate("new Promise((done) => MathJax.Hub.Queue(() => done()))")


@pytest.fixture
def show(chromium):
    """A function that opens a deck; what the deck asks the network or complains of fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    bad = []

    def go(deck: Path):
        page = context.new_page()
        page.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or bad.append(r.url))
        page.on("requestfailed", lambda r: bad.append(f"{r.url}: {r.failure}"))
        page.on("pageerror", lambda error: bad.append(str(error)))
        page.on("console", lambda m: m.type in ("error", "warning") and bad.append(m.text))
        open_deck(page, deck)
        return page

    yield go
    context.close()
    assert not bad


@lecture
def test_every_slide_is_seen_whole(show, decks, path):
    page = show(decks[path])
    count, wrong = page.evaluate(WALK)
    assert count == len(BeautifulSoup(decks[path].read_text(), "html.parser").select("section:not(:has(section))")) > 40
    if SHOTS:
        for h, v in page.evaluate("Reveal.getSlides().map(Reveal.getIndices).map(({h, v}) => [h, v || 0])"):
            page.evaluate(f"Reveal.slide({h}, {v}, 99)")
            page.screenshot(path=Path(SHOTS) / f"{path.name[:2]}-{h:02d}-{v:02d}.png")
    assert not wrong, "\n".join(wrong)
    where = "host => Reveal.getIndices(host.closest('section'))"
    there = "({h, v}) => { Reveal.slide(h, v, 99); }"
    assert move_explorers(page, lambda host: page.evaluate(there, host.evaluate(where))) >= 5
    last = page.locator("[data-explorer]").last.evaluate(where)
    assert page.evaluate("Reveal.getIndices()").items() >= last.items(), "a key moved the deck"


PNG = io.BytesIO()
Image.new("RGB", (8, 8)).save(PNG, "PNG")
PICTURE = f"src='data:image/png;base64,{base64.b64encode(PNG.getvalue()).decode()}' alt='A black square'"
FAULTS = {
    "empty": ("", "", "empty"),
    "bare": ("Words.", "1", "no heading"),
    "high": ("# High\n\n" + "Words.\n\n" * 30, "1", "cut off: Words."),
    "wide": ("# Wide\n\n| " + "wide | " * 60 + "\n" + "|---" * 60 + "|", "1", "cut off: wide"),
    "heading": ("Words.\n\n## A heading alone", "", "a heading at the end: A heading alone"),
    "missing": ("![A picture that is not there](none.png)", "1", "not loaded: A picture that is not there"),
    "line": ("Words.", "x = 1" + " + 1" * 40, "wrapped: x = 1" + " + 1" * 13 + " + "),
    "code": ("Words.", "x = 1\n" * 40, "cut off: x"),
    "button": (
        "<div style='position: absolute; right: 0; top: 690px; font-size: 9px'>Words.</div>", "1",
        "under a button: Words.",
    ),
    "scrolled": (
        "<div style='overflow: auto; height: 2em'>Words.<br>Words.<br>Last words.</div>", "1", "cut off: Last words."
    ),
    "font": ("<span style='font-family: Helvetica'>直</span>", "1", "not a Japanese font: 直"),
    "open": ("<details open><summary>Answer</summary>\n\nSix.\n\n</details>", "1", "an answer lies open"),
    "split": ("<details><summary>Answer</summary></details>\n\nSix.", "1", "a fold without an answer"),
    "small": ("Words.\n\n" * 15 + f"<img {PICTURE} width='300'>", "1", "small, 0."),
    "blurred": (f"<img {PICTURE} width='100' style='min-width: 250px'>", "1", "blurred, 2.40 times its size: A black"),
    "room": (f"<img {PICTURE} width='300' style='max-width: 400px'>", "1", "room for a larger one: A black square"),
    "none": ("Words. 直\n\n<details><summary>Answer</summary>\n\nSix.\n\n</details>\n\n"
             f"<img {PICTURE} width='300'>", "1", None),
}  # fmt: skip


@pytest.fixture(scope="module")
def found(chromium, tmp_path_factory):
    """What is found in a deck with a slide for each fault."""
    cells = []
    for markdown, code, _ in FAULTS.values():
        cells.append(new_markdown_cell(markdown, metadata={"slideshow": {"slide_type": "slide"}}))
        cells.append(new_code_cell(code))
    kernelspec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    folder = tmp_path_factory.mktemp("faults")
    metadata = {"kernelspec": kernelspec, "language_info": {"name": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=metadata), folder / "faults.ipynb")
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    open_deck(page, make_slides(folder / "faults.ipynb", folder / "slides"))
    count, wrong = page.evaluate(WALK)
    page.close()
    assert count == len(FAULTS)
    return wrong


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_not_seen_whole_is_found(found, name):
    place, words = f"slide {[*FAULTS].index(name)}/0, ", FAULTS[name][2]
    wrong = [fault.removeprefix(place) for fault in found if fault.startswith(place)]
    if words is None:
        assert not wrong
    else:
        assert any(fault.startswith(words) for fault in wrong), wrong
        assert len(wrong) == 1 or "cut off" in words, wrong


def test_links_lead_somewhere(decks):
    found = {"deck": 0, "repository": 0}
    for path, deck in decks.items():
        for link in BeautifulSoup(deck.read_text(), "html.parser").select(".slides a[href]"):
            url = link["href"]
            if url.startswith(ADDRESS):
                kind, name = re.fullmatch(rf"{ADDRESS}/(blob|tree)/main/([^#]+)(?:#.*)?", url).groups()
                file = ROOT / unquote(name)
                assert file.is_file() if kind == "blob" else file.is_dir(), (path.name, url)
                found["repository"] += 1
            elif not urlsplit(url).scheme and not url.startswith("#"):
                assert (deck.parent / url).is_file(), (path.name, url)
                found["deck"] += 1
    assert found["deck"] >= 10 and found["repository"] > 100


def test_a_link_leads_to_a_deck_only_where_there_is_one(tmp_path):
    def links() -> set[str]:
        page = make_slides(LECTURES[1], tmp_path).read_text()
        return {link["href"] for link in BeautifulSoup(page, "html.parser").select(".slides a[href*='_introduction']")}

    assert links() == {f"{ADDRESS}/blob/main/lectures/01_introduction.ipynb"}
    make_slides(LECTURES[0], tmp_path)
    assert links() == {"01_introduction.slides.html"}


def test_links_of_a_notebook_of_ones_own(make_notebook, tmp_path):
    path = make_notebook(folder=tmp_path / "notes")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = "[a](sample.ipynb#part) [b](#part) [c](http://x.org/(y)) `layers[0](x)` [d](none.md)"
    nbformat.write(notebook, path)
    page = BeautifulSoup(make_slides(path, tmp_path / "out").read_text(), "html.parser")
    links = [link["href"] for link in page.select(".slides a[href]")]
    assert links == ["../notes/sample.ipynb#part", "#part", "http://x.org/(y)", "none.md"]
    assert "layers[0](x)" in page.select_one(".slides").get_text()


def test_a_picture_beside_the_notebook_goes_with_the_deck(make_notebook, tmp_path):
    path = make_notebook(folder=tmp_path / "notes")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = "![A graph](graph.png)"
    nbformat.write(notebook, path)
    Image.new("RGB", (8, 8)).save(path.parent / "graph.png")
    page = BeautifulSoup(make_slides(path, tmp_path / "out").read_text(), "html.parser")
    (picture,) = page.select(".slides img")
    assert picture["src"].startswith("data:image/png;base64,iVBOR") and picture["alt"] == "A graph"


# --- what the presenter should know ----------------------------------------------------------------


def notes_of(path: Path) -> list[str]:
    cells = read_notebook(path).cells
    return [cell.metadata.slideshow.notes for cell in cells if cell.metadata.get("slideshow", {}).get("notes")]


@lecture
def test_the_presenter_gets_notes_and_the_student_none(decks, path):
    notes = notes_of(path)
    assert 4 <= len(notes) <= 10 and all(15 <= len(note.split()) <= 90 for note in notes)
    assert any(re.search(r"\d minutes", note) for note in notes) and sum("?" in note for note in notes) >= 3
    page = BeautifulSoup(decks[path].read_text(), "html.parser")
    asides = [aside.extract().get_text() for aside in page.select("section aside.notes")]
    for note in notes:
        words = re.sub(r"[*`]", "", note).split()[:8]
        assert sum(aside.split()[: len(words)] == words for aside in asides) == 1, note
        assert " ".join(words) not in " ".join(page.get_text().split())


def test_the_speakers_window_shows_them(chromium, decks):
    path = LECTURES[0]
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    open_deck(page, decks[path])
    where = page.evaluate(
        """() => { const all = [...document.querySelectorAll("aside.notes")];
        const {h, v} = Reveal.getIndices(all[0].closest("section")); Reveal.slide(h, v); return [h, v]; }"""
    )
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    words = " ".join(re.sub(r"[*`]", "", notes_of(path)[0]).split()[:5])
    opened.value.locator(".speaker-controls-notes .value", has_text=words).wait_for()
    assert where
    opened.value.close()
    page.close()
