"""The book: built once by the command of the Makefile, its files read, its pages opened in Chromium from the disk."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from explorer_walk import move_explorers

from course_tools.notebooks import read_notebook

SHOTS = os.environ.get("BOOK_SCREENSHOTS")  # a folder, to look at the pages yourself
ADDRESS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
FOLDERS = ("lectures", "exercises", "solutions")
NOTEBOOKS = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.ipynb"))]
NAMES = [path.relative_to(ROOT).with_suffix("").as_posix() for path in NOTEBOOKS]
PAGES = sorted(path.stem for path in (ROOT / "docs").glob("*.md") if path.stem != "architecture")  # not a reader's page
TEXTS = ["index", "README", "README.ja", *(f"docs/{page}" for page in PAGES)]
LOADS = {"script": "src", "link": "href", "img": "src", "source": "src", "iframe": "src", "object": "data"}
# a build that asks the network for something fails
OFFLINE = """
import socket, sys
def refuse(*args): raise OSError("the book is built without a network")
socket.socket.connect = socket.getaddrinfo = refuse
from sphinx.cmd.build import main
sys.exit(main(sys.argv[1:]))
"""


def build(root: Path, out: Path) -> subprocess.CompletedProcess:
    """What `make book` does in the folder root, into another folder."""
    options = re.search(r"-m sphinx (.*) build/book \$", (ROOT / "Makefile").read_text())[1]
    options = options.replace("build/book-doctrees", str(out.parent / "doctrees")).split()
    command = [sys.executable, "-c", OFFLINE, *options, str(out)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    out = tmp_path_factory.mktemp("book") / "html"
    done = build(ROOT, out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def pages(book):
    files = [path for path in book.rglob("*.html") if "_static" not in path.parts]
    return {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in files}


def shown_cells(path: Path) -> list:
    return [cell for cell in read_notebook(path).cells if "remove-cell" not in cell.metadata.get("tags", [])]


def words_of(text: str) -> str:
    return "".join(text.split())


def test_each_notebook_and_text_is_a_page_that_the_front_page_leads_to(book, pages):
    assert {f"{name}.html" for name in NAMES + TEXTS} <= {path.relative_to(book).as_posix() for path in pages}
    front = pages[book / "index.html"]
    listed = {link["href"] for link in front.select("nav a.reference.internal")}
    assert {f"{name}.html" for name in [*NAMES, *TEXTS[1:]]} <= listed
    assert {f"{name}.html" for name in NAMES if "solutions" not in name} <= {
        link["href"] for link in front.select("article table a.reference.internal")
    }
    titles = [pages[book / f"{name}.html"].title.string for name in NAMES]
    assert len(set(titles)) == len(titles)


def test_nothing_is_loaded_from_elsewhere(book, pages):
    for path, page in pages.items():
        loaded = [element.get(key, "") for tag, key in LOADS.items() for element in page.find_all(tag)]
        assert loaded and not [url for url in loaded if re.match(r"(?:\w+:)?//", url)], path
    for path in book.rglob("*.css"):
        style = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"(?:@import|url\()\s*[\"']?(?:\w+:)?//", style), path


def test_links_and_anchors_resolve(book, pages):
    ids = {path: {element["id"] for element in page.find_all(id=True)} for path, page in pages.items()}
    checked, bad = 0, []
    for path, page in pages.items():
        for link in page.find_all("a", href=True):
            url = urlsplit(link["href"])
            if url.scheme or url.netloc:
                if link["href"].startswith(f"{ADDRESS}/blob/main/"):  # a file of ours that is no page
                    there = (ROOT / url.path.partition("/blob/main/")[2]).exists()
                    bad += [] if there else [(path.name, link["href"])]
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            checked += 1
            if not target.is_file() or (url.fragment and unquote(url.fragment) not in ids.get(target, ())):
                bad.append((path.name, link["href"]))
    assert checked > 1000 and not bad


@pytest.mark.parametrize(
    "links",
    [{"page.md#a-part": None}, {"missing.md": "missing.md", "page.md#no-part": "no-part", "x.ipynb": "x.ipynb"}],
    ids=["good", "broken"],
)
def test_a_broken_link_fails_the_build(tmp_path, links):
    shutil.copytree(ROOT / "book", tmp_path / "book")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text("# A page\n\n## A part\n")
    text = "\n\n".join(f"[link](docs/{link})" for link in links)
    (tmp_path / "index.md").write_text(f"# Front\n\n{text}\n\n```{{toctree}}\n:glob:\n\ndocs/*\n```\n")
    done = build(tmp_path, tmp_path / "build" / "book")
    if None in links.values():
        assert done.returncode == 0 and done.stderr == ""
        return
    warnings = [line for line in done.stderr.splitlines() if "WARNING: " in line]
    assert done.returncode != 0 and len(warnings) == len(links), done.stderr
    for words, warning in zip(links.values(), warnings, strict=True):  # each alone would fail the build
        assert words in warning


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_the_stored_outputs_are_shown(book, pages, path):
    page = pages[(book / path.relative_to(ROOT)).with_suffix(".html")]
    text, pictures = words_of(page.select_one("article").get_text()), []
    for cell in shown_cells(path):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                pictures.append(output.metadata["image/png"]["alt"])
            elif "text/html" in data:
                html = BeautifulSoup(data["text/html"], "html.parser")
                assert words_of(html.get_text()) in text
                pictures += [image["alt"] for image in html.select("img")]
            else:
                assert words_of(data.get("text/plain", output.get("text", ""))) in text
    alts = [image["alt"] for image in page.select("article img")]
    assert alts == pictures and all(alts)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_each_fold_says_what_it_holds(book, pages, path):
    page = pages[(book / path.relative_to(ROOT)).with_suffix(".html")]
    held = []
    for cell in shown_cells(path):
        if "hide-input" in cell.metadata.get("tags", []):
            name, what = re.match(r"# (.+) \(folded\): (.+)", cell.source).groups()
            held.append(f"Show the code ({name[0].lower()}{name[1:]}: {what})")
    folds = [fold for fold in page.select("details.hide") if "the answer" not in fold.summary.get_text()]
    assert [fold.select_one("summary .collapsed").get_text() for fold in folds] == held and held
    assert not page.select("details.hide[open], details.hide summary[aria-label]")
    assert "Tests (folded)" not in page.get_text()


def test_pictures_of_the_texts_have_their_alternative_texts(book, pages):
    for name in TEXTS:
        for image in pages[book / f"{name}.html"].select("article img"):
            assert len(image.get("alt", "")) > 20, name
    assert pages[book / "index.html"].select("article img")


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("solutions")])
def test_answers_of_a_solution_are_folded(book, pages, name):
    page = pages[book / f"{name}.html"]
    answers = [cell.source for cell in shown_cells(ROOT / f"{name}.ipynb") if "BEGIN SOLUTION" in cell.source]
    folds = [fold for fold in page.select("details") if "Show the answer" in fold.summary.get_text()]
    assert len(folds) == len(answers) >= 6 and not any(fold.has_attr("open") for fold in folds)
    for fold, answer in zip(folds, answers, strict=True):
        code = re.sub(r" *# (BEGIN|END) SOLUTION\n?", "", answer)
        assert words_of(fold.pre.get_text()) == words_of(code)
        fold.extract()
    for answer in answers:  # nowhere else
        for part in re.findall(r"# BEGIN SOLUTION\n(.*?)# END", answer, re.DOTALL):
            assert words_of(part) not in words_of(page.get_text())
    assert page.h1.get_text().startswith(f"Solution {int(name[10:12])}:")
    assert page.select_one(f'article section p a[href="../exercises/{name[10:]}.html"]')


def test_hints_and_answers_of_an_exercise_are_folded(pages):
    folds = [fold for path, page in pages.items() if path.parent.name == "exercises" for fold in page.select("details")]
    assert len(folds) > 100 and not any(fold.has_attr("open") for fold in folds)
    assert sum(bool(fold.pre) and "Answer" in fold.summary.get_text() for fold in folds) > 40


@pytest.mark.parametrize("name", NAMES)
def test_colab_opens_the_notebook_of_the_page(book, pages, name):
    links = pages[book / f"{name}.html"].select('a[href^="https://colab.research.google.com/"]')
    address = ADDRESS.removeprefix("https://github.com/")
    assert links and {link["href"] for link in links} == {
        f"https://colab.research.google.com/github/{address}/blob/main/{name}.ipynb"
    }


def test_the_index_knows_english_and_japanese(book):
    index = (book / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))

    def found(word: str) -> set[str]:
        where = [index[part].get(word, []) for part in ("terms", "titleterms")]
        return {index["docnames"][n] for some in where for n in ([some] if isinstance(some, int) else some)}

    assert "lectures/02_simple_deep_learning" in found("gradient")
    for word in ("勾配降下法", "勾配", "降下"):  # whole, its beginning, and from its middle
        assert "lectures/02_simple_deep_learning" in found(word), word


# --- in the browser ------------------------------------------------------------------------------

LOOKED_AT = ["index", "lectures/06_deployment", "exercises/03_autograd_dataloader", "solutions/03_autograd_dataloader"]


def go_to(page, book, name: str) -> None:
    """Open a page and wait until its formulas are set: leaving before cuts off requests for their fonts."""
    page.goto((book / f"{name}.html").as_uri())
    if page.locator("script[src*='MathJax.js']").count():
        page.wait_for_function("window.MathJax && MathJax.isReady")
        page.evaluate("new Promise((done) => MathJax.Hub.Queue(() => done()))")


@pytest.fixture
def visit(chromium, book):
    """A function that opens a page from the disk; what it asks the network or complains of fails the test."""
    contexts, bad = [], []

    def open_page(name: str, **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: r.url.startswith((book.as_uri(), "data:", "blob:")) or bad.append(r.url))
        page.on("requestfailed", lambda r: bad.append(f"{r.url}: {r.failure}"))
        page.on("pageerror", lambda error: bad.append(str(error)))
        page.on("console", lambda m: m.type in ("error", "warning") and bad.append(m.text))
        go_to(page, book, name)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not bad


@pytest.mark.parametrize("name", LOOKED_AT)
def test_axe_finds_nothing(visit, name):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(name, color_scheme="light")
    # the beginning and the end of a long page: a hundred cells more of the same kinds take half a minute
    page.evaluate(
        "document.querySelectorAll('div.cell').forEach((c, n, all) => 9 < n && n < all.length - 6 && c.remove())"
    )
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        wait_for_brightness(page, scheme)
        page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished))")  # they fade in
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{name.replace('/', '-')}-{scheme}.png")
        # without "preload", which asks for the style sheets again, as a page on a disk may not
        violations = Axe().run(page, options={"preload": False, "resultTypes": ["violations"]}).response["violations"]
        assert not violations, (scheme, [(v["id"], [node["html"] for node in v["nodes"]]) for v in violations])


def wait_for_brightness(page, scheme: str) -> None:
    """Until the page is light or dark: a script sets it, and it fades in."""
    bright = "Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"
    page.wait_for_function(f"{bright} < 60" if scheme == "dark" else f"{bright} > 200")


def test_dark_mode_follows_the_system_and_toggles(visit):
    wait_for_brightness(visit("index", color_scheme="dark"), "dark")
    page = visit("index", color_scheme="light")
    wait_for_brightness(page, "light")
    for mode, scheme in (("Dark", "dark"), ("Light", "light"), ("System Settings", "light"), ("Dark", "dark")):
        page.get_by_role("button", name="Color mode").click()
        page.get_by_role("button", name=mode, exact=True).click()
        wait_for_brightness(page, scheme)
    page.reload()
    wait_for_brightness(page, "dark")  # it is remembered


@pytest.mark.parametrize(
    ("words", "name"), [("backpropagation", "03_autograd"), ("勾配降下法", "02_simple"), ("込みニュー", "04_cnn")]
)
def test_search_finds_a_page(visit, words, name):
    page = visit("docs/instructors")
    page.keyboard.press("Control+k")
    page.locator("input[type=search]:visible").fill(words)
    page.keyboard.press("Enter")
    page.locator(f"#search-results a[href*='lectures/{name}']").first.click()
    page.wait_for_load_state()
    assert f"/lectures/{name}" in page.url and words in page.locator("article").inner_text()


def test_code_is_copied_and_answers_unfold(visit):
    page = visit("solutions/03_autograd_dataloader")
    fold = page.locator("details", has_text="Show the answer").first
    assert not fold.locator("pre").is_visible()
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert fold.locator("pre").is_visible()
    fold.locator(".highlight").hover()
    fold.locator("button.copybtn").click()
    page.keyboard.press("Control+k")
    page.keyboard.press("Control+v")
    copied = page.locator("input[type=search]:visible").input_value()
    assert words_of(copied) == words_of(fold.locator("pre").inner_text()) and "def gradient_by_hand" in copied


LECTURES = [name for name in NAMES if name.startswith("lectures")]
PHONE = {"width": 400, "height": 800}
RIGHT_EDGE = """() => Math.max(...[...document.querySelectorAll(".bd-sidebar-secondary a.nav-link")].map((entry) => {
  const words = document.createRange();
  words.selectNodeContents(entry);
  return words.getBoundingClientRect().right;
}))"""
PICTURES = """() => [...document.querySelectorAll(".picture img")].map((image) => {
  const box = image.closest(".picture");
  return {natural: Number(image.getAttribute("width")), pixels: image.naturalWidth, width: image.clientWidth,
    scrolled: box.scrollWidth > box.clientWidth, outside: box.getBoundingClientRect().right > innerWidth};
})"""


@pytest.mark.parametrize("name", LECTURES)
def test_a_lecture_fits_every_window(visit, name):
    page = visit(name)
    for width in (1280, 1366, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert 1000 < page.evaluate(RIGHT_EDGE) < width - 8, "the contents are cut off"
    pictures = page.evaluate(PICTURES)
    assert len(pictures) > 5
    for picture in pictures:  # sharp on a screen of double density, too
        assert picture["pixels"] // 2 == picture["natural"] >= picture["width"], picture
        assert picture["width"] > picture["natural"] * 0.89, picture
    assert move_explorers(page) >= 5
    page.set_viewport_size({"width": 640, "height": 450})  # a window of 1280 x 900 at 200 %
    check_width(page, name)
    page.set_viewport_size(PHONE)
    check_width(page, name)
    pictures = page.evaluate(PICTURES)
    for picture in pictures:  # its letters keep their size, and what has no room is pushed aside
        assert picture["width"] > picture["natural"] * 0.89 and not picture["outside"], picture
        if abs(picture["natural"] * 0.9 - 368) > 2:  # the page's margins take 32 pixels
            assert picture["scrolled"] == (picture["natural"] * 0.9 > 368), picture
    assert any(picture["scrolled"] for picture in pictures)
    formulas = page.locator("article .math.notranslate")
    assert formulas.count() >= 3
    assert page.evaluate("MathJax.OutputJax['HTML-CSS'].webFonts")  # the formulas' own fonts were found
    assert formulas.evaluate_all(
        "all => all.every((e) => e.querySelector('.MathJax .math') && e.querySelector('math'))"
    )
    assert page.locator("article .MathJax_Error, article .merror, article mtext[mathcolor=red]").count() == 0


def test_no_page_is_wider_than_a_phone(visit, book):
    page = visit("index", viewport=PHONE)
    for name in [*NAMES, *TEXTS]:
        if name not in LECTURES:  # which the test above looks at
            go_to(page, book, name)
            check_width(page, name)


def check_width(page, name: str) -> None:
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name.replace('/', '-')}-{width}.png")
