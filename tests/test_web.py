"""The network in the visitor's browser: built with `lecture web`, served from a subfolder, asked in Chromium."""

import base64
import contextlib
import functools
import http.server
import io
import json
import os
import shutil
import threading
from pathlib import Path

import nbformat
import numpy as np
import onnxruntime
import pytest
import torch
from app_process import LABELS
from conftest import ROOT
from lecture_app.model import Classifier, ModelError, load, predict, prepare, save
from lecture_web import build as web
from lecture_web.export import InBrowser, export
from PIL import Image, ImageDraw, PngImagePlugin
from sklearn.datasets import load_sample_images
from test_book import build as build_book
from typer.testing import CliRunner

from course_tools.cli import app
from course_tools.notebooks import read_notebook

NOWHERE = "http://127.0.0.1:9"  # where nobody listens


def photographs() -> list[Image.Image]:
    return [Image.fromarray(pixels) for pixels in load_sample_images().images]


def sheet() -> Image.Image:
    image = Image.new("RGB", (280, 280), "white")
    ImageDraw.Draw(image).line([(80, 60), (200, 60), (130, 230)], "black", 22, joint="curve")
    return image


def transparent() -> Image.Image:
    """Ink that fades out from left to right, on nothing."""
    image = sheet().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").rotate(90).resize(image.size))
    return image


PICTURES = {
    "drawn": sheet(),
    "wide": photographs()[0],
    "tall": photographs()[1].crop((100, 0, 201, 400)),  # its middle square begins between two pixels
    "tiny": photographs()[0].crop((300, 200, 320, 217)),
    "of the network's size": photographs()[1].crop((300, 200, 332, 232)),
    "grey": photographs()[0].convert("L"),
    "transparent": transparent(),
}


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """A network that has learned nothing, but whose answers are not all alike: its statistics are of pictures."""
    torch.manual_seed(0)
    model = Classifier(LABELS)
    with torch.no_grad():
        pictures = torch.stack([prepare(picture) for picture in PICTURES.values()])
        for _ in range(50):
            model(pictures)
        model.layers[-1].weight.mul_(8)
    path = tmp_path_factory.mktemp("model") / "model.pt"
    save(model.eval(), path)
    return path


def expected(model_file: Path, picture: Image.Image) -> torch.Tensor:
    return predict(load(model_file), prepare(picture)[None])[0]


# --- the exported network ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(model_file, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export(load(model_file), path)
    return path


@pytest.mark.parametrize("name", PICTURES)
def test_the_graph_prepares_and_answers_as_the_app_does(exported, model_file, name):
    rgba = np.array(PICTURES[name].convert("RGBA"))
    prepared = InBrowser(load(model_file)).prepare(torch.from_numpy(rgba))
    assert (prepared - prepare(PICTURES[name])).abs().max() <= 1  # of 255, where a sum lies between two numbers
    (answer,) = onnxruntime.InferenceSession(exported).run(["probabilities"], {"rgba": rgba})
    assert (torch.from_numpy(answer) - expected(model_file, PICTURES[name])).abs().max() < 0.02


def test_pictures_as_they_are_sent_are_prepared_to_the_last_bit(model_file):
    """Shrunk by 3 and by 2, and not at all: no sum lies between two numbers."""
    network = InBrowser(load(model_file))
    for size in ((128, 96), (64, 64), (32, 48)):
        picture = photographs()[0].resize(size)
        prepared = network.prepare(torch.from_numpy(np.array(picture.convert("RGBA"))))
        assert torch.equal(prepared.to(torch.uint8), prepare(picture)), size


def test_the_answers_tell_the_pictures_apart(model_file):
    answers = torch.stack([expected(model_file, picture) for picture in PICTURES.values()])
    apart = (answers[:, None] - answers).abs().amax(dim=2) + torch.eye(len(answers))
    assert apart.min() > 0.01


def test_the_file_names_no_folder_of_this_machine(exported):
    assert Path(web.__file__).parent.name.encode() not in exported.read_bytes()
    assert b".py" not in exported.read_bytes()


# --- building ------------------------------------------------------------------------------------


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """An empty cache, and a registry that does not answer."""
    monkeypatch.setattr(web.platformdirs, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    monkeypatch.setenv("npm_config_registry", NOWHERE)
    return tmp_path / "cache" / web.ARCHIVE


def lecture_web(*arguments):
    return CliRunner().invoke(app, ["web", *map(str, arguments)])


def test_without_a_network_it_says_so(own_cache, model_file, tmp_path):
    done = lecture_web(tmp_path / "web", "--model", model_file)
    assert done.exit_code == 1 and "Traceback" not in done.output
    words = " ".join(done.output.split())
    assert (
        f"{NOWHERE}/onnxruntime-web/-/{web.ARCHIVE} cannot be fetched" in words and "where there is a network" in words
    )
    assert not own_cache.exists() and not (tmp_path / "web" / "index.html").exists()


@contextlib.contextmanager
def serving(folder: Path):
    """What `python -m http.server` does, and its address."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_another_archive_than_the_pinned_one_is_refused(own_cache, tmp_path, monkeypatch):
    there = tmp_path / "registry" / "onnxruntime-web" / "-" / web.ARCHIVE
    there.parent.mkdir(parents=True)
    there.write_bytes(b"not the runtime")
    with serving(tmp_path / "registry") as address:
        monkeypatch.setenv("npm_config_registry", address)
        with pytest.raises(web.WebError, match="its checksum is another"):
            web.fetch_runtime()
        assert not own_cache.exists()
        monkeypatch.setitem(web.RUNTIME, "integrity", web.checksum(b"not the runtime"))
        assert web.fetch_runtime() == b"not the runtime"
    assert web.fetch_runtime() == b"not the runtime"  # from the cache: the registry is gone
    own_cache.write_bytes(b"changed since")  # is not taken for the runtime
    with pytest.raises(web.WebError, match="cannot be fetched"):
        web.fetch_runtime()


def test_where_nothing_can_be_kept_it_is_fetched_each_time(own_cache, tmp_path, monkeypatch):
    there = tmp_path / "registry" / "onnxruntime-web" / "-" / web.ARCHIVE
    there.parent.mkdir(parents=True)
    there.write_bytes(b"the runtime")
    own_cache.parent.write_text("a file where the folder should be")
    monkeypatch.setitem(web.RUNTIME, "integrity", web.checksum(b"the runtime"))
    with serving(tmp_path / "registry") as address:
        monkeypatch.setenv("npm_config_registry", address)
        assert web.fetch_runtime() == web.fetch_runtime() == b"the runtime"


def test_without_the_packages_that_export_it_says_so(model_file, tmp_path, monkeypatch):
    monkeypatch.setattr(web, "fetch_runtime", lambda: b"")
    monkeypatch.setattr(web, "unpack_runtime", lambda archive, folder: folder.mkdir())

    def missing(*_, **__):  # as PyTorch raises it in a process that has not imported the package yet
        raise ModuleNotFoundError("No module named 'onnxscript'", name="onnxscript")

    monkeypatch.setattr(torch.onnx, "export", missing)
    with pytest.raises(web.WebError, match="onnxscript is missing"):
        web.build(model_file, tmp_path / "web")
    assert not (tmp_path / "web" / "model.onnx").exists()


@pytest.mark.parametrize(
    ("environment", "npm", "address"),
    [
        ("https://mirror.example/npm/", "https://other.example/", "https://mirror.example/npm"),
        ("", "https://other.example/", "https://other.example"),
        ("", "undefined", None),
        ("", None, None),
    ],
)
def test_it_asks_the_registry_that_npm_would_ask(monkeypatch, tmp_path, environment, npm, address):
    monkeypatch.setenv("npm_config_registry", environment)
    monkeypatch.setenv("PATH", str(tmp_path))
    if npm:
        (tmp_path / "npm").write_text(f"#!/bin/sh\n[ \"$*\" = 'config get registry' ] && echo {npm}\n")
        (tmp_path / "npm").chmod(0o755)
    if address:
        assert web.registry() == address
    else:
        with pytest.raises(web.WebError, match="install Node"):
            web.registry()


def test_the_command_to_look_at_it_can_be_copied(tmp_path, monkeypatch):
    monkeypatch.setattr(web, "build", lambda model, folder: 15_000_000)
    output = "".join(lecture_web(tmp_path / "my page").output.split())  # where it is broken depends on the terminal
    assert output.endswith(f'--directory"{tmp_path / "mypage"}"')


def test_without_a_model_it_says_what_to_do(tmp_path):
    done = lecture_web(tmp_path / "web", "--model", tmp_path / "model.pt")
    assert done.exit_code == 1 and "run lecture 6" in done.output and "Traceback" not in done.output
    with pytest.raises(ModelError):
        web.build(tmp_path / "model.pt", tmp_path / "web")


# --- in the browser ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(model_file, tmp_path_factory):
    """The address of the page, in a subfolder of what is served, and its folder."""
    folder = tmp_path_factory.mktemp("site")
    try:
        size = web.build(model_file, folder / "deep" / "web")
    except web.WebError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    assert 14_000_000 < size < 16_000_000
    with serving(folder) as address:
        yield f"{address}deep/web/", folder / "deep" / "web"


@pytest.fixture
def visit(chromium, site):
    """A function that opens the page; what it asks from elsewhere, or complains of, fails the test."""
    contexts, bad = [], []

    def open_page(**options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: r.url.startswith((site[0], "data:", "blob:")) or bad.append(r.url))
        page.on("requestfailed", lambda r: bad.append(f"{r.url}: {r.failure}"))
        page.on("pageerror", lambda error: bad.append(str(error)))
        page.on("console", lambda m: m.type in ("error", "warning") and bad.append(m.text))
        page.goto(site[0])
        page.wait_for_selector("#file:enabled")
        page.bad = bad
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not bad


def shown(page) -> torch.Tensor:
    """The answer, once it is there."""
    page.locator("#status", has_text="Most probably").wait_for()
    return torch.tensor(page.eval_on_selector_all("meter", "meters => meters.map((one) => one.value)"))


def as_file(picture: Image.Image, kind: str = "PNG", **options) -> dict:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return {"name": f"x.{kind.lower()}", "mimeType": f"image/{kind.lower()}", "buffer": file.getvalue()}


@pytest.mark.parametrize("name", PICTURES)
def test_a_chosen_picture_gets_the_answer_of_pytorch(visit, model_file, name):
    page = visit()
    page.set_input_files("#file", as_file(PICTURES[name]))
    answer, wanted = shown(page), expected(model_file, PICTURES[name])
    assert (answer - wanted).abs().max() < 0.02
    label = LABELS[int(wanted.argmax())]
    assert page.inner_text("#status") == f"Most probably: {label} ({answer.max():.1%})"
    rows = page.locator("#bars tr")
    assert [rows.nth(i).inner_text().split() for i in range(10)] == [
        [name, f"{value:.1%}"] for name, value in zip(LABELS, answer.tolist(), strict=True)
    ]


def test_a_photograph_that_lies_on_its_side(visit, model_file):
    page = visit()
    lying = photographs()[0].rotate(90, expand=True)
    lying.getexif()[0x0112] = 6
    file = as_file(lying, "JPEG", exif=lying.getexif(), quality=95)
    page.set_input_files("#file", file)
    wanted = expected(model_file, Image.open(io.BytesIO(file["buffer"])))
    assert (shown(page) - wanted).abs().max() < 0.02  # two programs that decode a JPEG
    assert (expected(model_file, lying.convert("RGB")) - wanted).abs().max() > 0.1


def test_a_picture_with_colors_of_its_own(visit, model_file):
    """A browser would convert them, Pillow does not: the network is to see the same numbers."""
    page, note = visit(), PngImagePlugin.PngInfo()
    note.add(b"gAMA", (100_000).to_bytes(4))
    page.set_input_files("#file", as_file(PICTURES["wide"], pnginfo=note))
    assert (shown(page) - expected(model_file, PICTURES["wide"])).abs().max() < 0.02


def drawn(page) -> Image.Image:
    url = page.eval_on_selector("#pad canvas", "(canvas) => canvas.toDataURL()")
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")


def test_draw_with_the_mouse_and_by_keyboard(visit, model_file):
    page = visit()
    box = page.locator("#pad canvas").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 60, steps=4)
    page.mouse.up()
    by_mouse = shown(page)
    assert (by_mouse - expected(model_file, drawn(page))).abs().max() < 0.02
    page.focus("#pad canvas")
    for key in (" ", *["ArrowDown"] * 12, " "):
        page.keyboard.press(key)
    wanted = expected(model_file, drawn(page))
    assert (wanted - by_mouse).abs().max() > 0.05
    page.wait_for_function("([i, p]) => Math.abs(document.querySelectorAll('meter')[i].value - p) < 0.02",
                           arg=[int(wanted.argmax()), float(wanted.max())])  # fmt: skip
    page.get_by_role("button", name="Clear").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"  # a picture can be chosen by keyboard, too


def test_what_is_no_picture(visit, model_file):
    page = visit()
    page.set_input_files("#file", as_file(PICTURES["drawn"]))
    assert shown(page).sum() > 0.9
    page.set_input_files("#file", {"name": "x.png", "mimeType": "image/png", "buffer": b"a text"})
    page.locator("#status", has_text="cannot be read").wait_for()
    bars = "[...document.querySelectorAll('#bars tr')].map((row) => [row.querySelector('meter').value, row.innerText])"
    assert all(value == 0 and "%" not in words for value, words in page.evaluate(bars))  # not the picture before
    page.set_input_files("#file", as_file(PICTURES["wide"]))
    assert (shown(page) - expected(model_file, PICTURES["wide"])).abs().max() < 0.02


def test_nothing_can_be_sent_elsewhere(visit):
    """Not by a script of the page either: the browser itself refuses."""
    page = visit()
    with serving(Path(__file__).parent) as other:
        for attempt in (
            f"fetch('{other}')",
            f"new Promise((done, failed) => Object.assign(new Image(), "
            f"{{src: '{other}x.png', onload: done, onerror: () => failed('refused')}}))",
            f"import('{other}x.js')",
        ):
            assert page.evaluate(f"{attempt}.then(() => 'sent', () => 'refused')") == "refused", attempt
    directives = ("connect-src", "img-src", "script-src")
    assert all(any(name in words for words in page.bad) for name in directives)
    page.bad.clear()


def test_from_a_disk_the_page_says_what_is_missing(chromium):
    page = chromium.new_page()
    page.goto((Path(web.__file__).with_name("index.html")).as_uri())
    assert "a web server has to send it" in page.inner_text("#status") and page.is_disabled("#file")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(color_scheme=scheme, viewport={"width": 320, "height": 600})
    page.set_input_files("#file", as_file(PICTURES["drawn"]))
    shown(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    bright = page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(255, 255, 255)"
    assert bright == (scheme == "dark")
    violations = Axe().run(page).response["violations"]
    assert not violations, [(v["id"], [node["html"] for node in v["nodes"]]) for v in violations]


def test_a_network_with_other_classes(tmp_path, chromium):
    """The names come from the model, not from the page; strange ones are text."""
    names = ["猫", "<b>dog</b>"]
    torch.manual_seed(1)
    save(Classifier(names, width=4).eval(), tmp_path / "model.pt")
    try:
        web.build(tmp_path / "model.pt", tmp_path / "web")
    except web.WebError as error:
        pytest.skip(str(error))
    assert json.loads((tmp_path / "web" / "classes.json").read_text(encoding="utf-8")) == names
    with serving(tmp_path / "web") as address:
        page = chromium.new_page()
        page.goto(address)
        page.wait_for_selector("#file:enabled")
        assert page.locator("th").all_inner_texts() == names
        page.close()


@pytest.fixture(scope="module")
def book(site, tmp_path_factory):
    """A book of some cells of lecture 6 only, built where `lecture web` was called before."""
    root = tmp_path_factory.mktemp("book")
    shutil.copytree(ROOT / "book", root / "book")
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copytree(site[1], root / "build" / "web")
    notebook = read_notebook(ROOT / "lectures" / "06_deployment.ipynb")
    notebook.cells = [cell for cell in notebook.cells if cell.id in ("pad", "pad-seen")]
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("# Lecture 6"))
    (root / "lectures").mkdir()
    nbformat.write(notebook, root / "lectures" / "06_deployment.ipynb")
    (root / "index.md").write_text("# Front\n\n```{toctree}\n:glob:\n\nlectures/*\n```\n")
    done = build_book(root, root / "build" / "book")
    assert done.returncode == 0 and not done.stderr, done.stderr
    return root / "build" / "book"


def test_the_book_has_a_sheet_that_answers_without_a_kernel(chromium, book, model_file):
    with serving(book) as address:
        page, asked = chromium.new_page(), []
        page.on("request", lambda request: asked.append(request.url.removeprefix(address)))
        page.goto(f"{address}lectures/06_deployment.html")
        page.wait_for_load_state("networkidle")
        assert not [url for url in asked if url.startswith("web/")]  # who does not open it loads nothing
        page.get_by_text("Draw here").click()
        frame = page.frame_locator("details.sheet iframe")
        frame.locator("#file:enabled").set_input_files(as_file(PICTURES["wide"]))
        frame.locator("#status", has_text="Most probably").wait_for()
        answer = frame.locator("meter").evaluate_all("meters => meters.map((one) => one.value)")
        assert (torch.tensor(answer) - expected(model_file, PICTURES["wide"])).abs().max() < 0.02
        page.close()
        assert "web/model.onnx" in asked and not [url for url in asked if "://" in url and not url.startswith("data:")]


def test_the_book_on_a_disk_says_that_the_sheet_needs_a_server(chromium, book):
    page, bad = chromium.new_page(), []
    page.on("console", lambda m: m.type in ("error", "warning") and bad.append(m.text))
    page.goto((book / "lectures" / "06_deployment.html").as_uri())
    page.get_by_text("Draw here").click()
    page.get_by_text("Not from a disk").wait_for()
    assert not page.locator("iframe").count() and not bad
    page.close()
