"""The page of the app in a real Chromium: uploads, drawing, errors, keyboard, narrow and dark, two languages."""

import io
import os
from pathlib import Path

import httpx
import pytest
from app_process import running, save_model
from PIL import Image, ImageDraw

SHOTS = os.environ.get("APP_SCREENSHOTS")  # a folder, to look at the page yourself


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    model = save_model(tmp_path_factory.mktemp("model") / "model.pt")
    with running(model) as (_, port):
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def visit(chromium, address):
    """A function that opens the page in a fresh window; what it asks from elsewhere or complains of fails the test."""
    contexts, bad = [], []

    def open_page(path: str = "", **options):
        context = chromium.new_context(**{"locale": "en-GB", "viewport": {"width": 1100, "height": 800}} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: r.url.startswith((address, "data:", "blob:")) or bad.append(r.url))
        page.on("pageerror", lambda error: bad.append(str(error)))
        page.on(
            "console",
            lambda m: bad.append(m.text) if m.type == "error" and "the server responded with" not in m.text else None,
        )
        page.goto(address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not bad


def picture(kind: str = "PNG") -> bytes:
    image = Image.new("RGB", (60, 60), "white")
    ImageDraw.Draw(image).line([(20, 10), (40, 10), (25, 50)], "black", 6)
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def guesses(page) -> list[tuple[str, str]]:
    page.wait_for_selector("#top li")
    return [tuple(item.locator(".words span").all_inner_texts()) for item in page.locator("#top li").all()]


def expected(address: str, data: bytes) -> list[tuple[str, str]]:
    top = httpx.post(address + "predict", content=data).json()["top"]
    return [(guess["label"], f"{guess['probability']:.1%}") for guess in top]


def shot(page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def seen_by_network(page) -> Image.Image:
    import base64

    source = page.locator("#seen").get_attribute("src")
    return Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))


def test_upload(visit, address):
    page = visit()
    page.set_input_files("#choose", {"name": "写真.png", "mimeType": "image/png", "buffer": picture()})
    assert guesses(page) == expected(address, picture())
    assert seen_by_network(page).size == (32, 32)
    assert page.locator("#seen").evaluate("e => [getComputedStyle(e).imageRendering, e.naturalWidth]") == [
        "pixelated",
        32,
    ]
    label, share = guesses(page)[0]
    assert page.locator("#status").inner_text().startswith(f"I am not sure. Perhaps: {label} ({share})")
    widths = [float(rect.get_attribute("width")[:-1]) for rect in page.locator(".bar rect:last-child").all()]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == pytest.approx(float(share[:-1]), abs=0.06)
    shot(page, "desktop")


def test_a_sure_answer_is_called_most_probable(visit):
    page = visit()
    page.evaluate("show({ top: [{ label: 'cat', probability: 0.9 }], seen: 'data:,', unsure: false })")
    assert page.locator("#status").inner_text() == "Most probably: cat (90.0%)"


def test_draw_with_the_mouse(visit):
    page = visit()
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + 80, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 240, box["y"] + 60, steps=5)
    page.mouse.move(box["x"] + 120, box["y"] + 280, steps=5)
    page.mouse.up()
    assert len(guesses(page)) == 3
    seen = seen_by_network(page).convert("L")
    assert seen.getpixel((16, 6)) < 60 and seen.getpixel((2, 30)) > 240  # dark where it was drawn, on white
    dark = sum(value < 100 for value in seen.tobytes())
    assert 60 < dark < 350  # the stroke survives the reduction
    shot(page, "drawing")
    page.click("#clear")
    assert page.locator("#result").is_hidden()
    assert page.evaluate("Array.from(context.getImageData(0, 0, SIDE, SIDE).data).every((v) => v === 255)")


def test_draw_by_keyboard_alone(visit):
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "canvas"
    assert page.locator("#pen").is_visible()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    for _ in range(8):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    assert page.locator("#status").inner_text() == "Pen down"
    for _ in range(16):
        page.keyboard.press("ArrowDown")
    shot(page, "keyboard")
    page.keyboard.press("Space")
    assert len(guesses(page)) == 3
    seen = seen_by_network(page).convert("L")
    assert all(seen.getpixel((16, y)) < 60 for y in range(9, 24)) and seen.getpixel((16, 2)) > 240
    page.keyboard.press("Delete")
    assert page.locator("#result").is_hidden()
    order = []
    for _ in range(4):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('href')"))
    assert order == ["clear", "choose", "photograph", "docs"]
    assert not page.locator("#pen").is_visible()


def transfer(page, event: str, target: str, data: bytes) -> None:
    """Drop or paste a file, as the browser would."""
    page.evaluate(
        """([event, target, bytes]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "x.png", {type: "image/png"}));
            const options = {bubbles: true, cancelable: true};
            document.querySelector(target).dispatchEvent(event === "paste"
                ? new ClipboardEvent(event, {...options, clipboardData: transfer})
                : new DragEvent(event, {...options, dataTransfer: transfer}));
        }""",
        [event, target, list(data)],
    )


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_drop_and_paste(visit, address, event):
    page = visit()
    transfer(page, event, "main", picture())
    assert guesses(page) == expected(address, picture())


@pytest.mark.parametrize(
    ("locale", "words"), [("en-GB", "This is no picture that can be read"), ("ja-JP", "読み取れる画像ではありません")]
)
def test_error_is_shown_and_goes_away(visit, locale, words):
    page = visit(locale=locale)
    page.set_input_files("#choose", {"name": "x.png", "mimeType": "image/png", "buffer": b"a text"})
    page.wait_for_selector("#error:not(:empty)")
    assert words in page.locator("#error").inner_text() and page.locator("#error").get_attribute("role") == "alert"
    assert page.locator("#result").is_hidden()
    shot(page, f"error-{locale}")
    page.set_input_files("#choose", {"name": "x.png", "mimeType": "image/png", "buffer": picture()})
    guesses(page)
    assert page.locator("#error").inner_text() == "" and page.locator("#result").is_visible()


def test_app_that_is_gone(visit):
    page = visit()
    page.route("**/predict*", lambda route: route.fulfill(status=502, body="<html>bad gateway"))
    page.set_input_files("#choose", {"name": "x.png", "mimeType": "image/png", "buffer": picture()})
    page.wait_for_selector("#error:not(:empty)")
    assert "could not answer" in page.locator("#error").inner_text()


def test_only_the_newest_picture_counts(visit, address):
    """A slow answer to an older picture does not overwrite the newer one's."""
    page = visit()
    held = []
    page.route("**/predict*", lambda route: held.append(route) if not held else route.continue_())
    page.set_input_files("#choose", {"name": "x.png", "mimeType": "image/png", "buffer": b"a text"})
    page.locator("#status", has_text="Asking").wait_for()
    page.set_input_files("#choose", {"name": "x.png", "mimeType": "image/png", "buffer": picture()})
    assert guesses(page) == expected(address, picture())


def test_japanese(visit):
    page = visit(locale="ja-JP")
    assert page.evaluate("document.documentElement.lang") == "ja" and page.title() == "何の画像でしょう？"
    page.set_input_files("#choose", {"name": "x.png", "mimeType": "image/png", "buffer": picture()})
    guesses(page)
    assert "もしかすると" in page.locator("#status").inner_text()
    texts = page.evaluate("Array.from(document.querySelectorAll('[data-text]'), (e) => e.textContent)")
    assert all(any(ord(letter) > 0x3000 for letter in words) for words in texts)
    shot(page, "japanese")


def test_both_languages_know_the_same(visit, address):
    """Every text of the page and every error of the app has its Japanese."""
    import ast

    page = visit()
    known = set(page.evaluate("Object.keys(TEXT.ja)"))
    marked = "[...document.querySelectorAll('*')].flatMap((e) => [e.dataset.text, e.dataset.alt, e.dataset.label])"
    needed = {name for name in page.evaluate(marked) if name} | set(page.evaluate("Object.keys(TEXT.en)"))
    assert needed <= known
    folder = Path(__file__).resolve().parents[1] / "lectures" / "06_app"
    codes = {
        call.args[1].value
        for file in ("pictures.py", "app.py")
        for call in ast.walk(ast.parse((folder / file).read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Refused"
    }
    not_from_the_page = {"content_type", "bad_form", "no_file", "several_files", "broken"}
    assert len(codes) > 10 and codes - not_from_the_page <= known


@pytest.mark.parametrize("width", [320, 390])
def test_narrow_screen(visit, width):
    page = visit(viewport={"width": width, "height": 700}, has_touch=True, is_mobile=True)
    page.set_input_files("#choose", {"name": "x.png", "mimeType": "image/png", "buffer": picture()})
    guesses(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#canvas").bounding_box()
    assert box["width"] > 250 and box["x"] >= 0 and box["x"] + box["width"] <= width
    for button in page.locator("button, .button").all():
        assert button.bounding_box()["height"] >= 44  # a finger hits it
    assert page.locator("#photograph").get_attribute("capture") == "environment"
    with page.expect_response("**/predict*"):
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#answer[aria-busy=false]")
    assert seen_by_network(page).convert("L").getpixel((16, 16)) < 60  # a point is a stroke too
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shot(page, f"phone-{width}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["empty", "answered", "error", "docs"])
def test_axe_finds_nothing(visit, scheme, state):
    from axe_playwright_python.sync_playwright import Axe

    page = visit("docs" if state == "docs" else "", color_scheme=scheme)
    if state == "docs":
        page.wait_for_selector("section:nth-of-type(3)")
    elif state != "empty":
        data = picture() if state == "answered" else b"x"
        page.set_input_files("#choose", {"name": "x.png", "mimeType": "image/png", "buffer": data})
        page.wait_for_selector("#top li" if state == "answered" else "#error:not(:empty)")
    shot(page, f"{scheme}-{state}")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    violations = Axe().run(page).response["violations"]
    assert not violations, [(v["id"], [node["html"] for node in v["nodes"]]) for v in violations]


def test_docs_page(visit):
    page = visit("docs")
    page.wait_for_selector("section:nth-of-type(3)")
    text = page.locator("main").inner_text()
    for words in ("POST /predict", "GET /healthz", "curl -F file=@picture.png", "413", "probability", "image/webp"):
        assert words in text
