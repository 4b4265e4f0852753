"""The app of lecture 6, asked in this process: answers, errors, batching, the description, fuzzing."""

import asyncio
import base64
import concurrent.futures
import contextlib
import gc
import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from app_process import COMMAND, write_students_files
from lecture_app import app as web
from lecture_app import batching, compute, uploads
from lecture_app import model as model_module
from PIL import Image
from starlette.testclient import TestClient

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "lectures" / "06_app"
JSON = "application/json"
RNG = np.random.default_rng(0)
PHOTO = Image.fromarray(RNG.integers(0, 255, (6, 8, 3), dtype=np.uint8)).resize((160, 120), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def model():
    """A network that has learned nothing, but answers differently for different pictures."""
    torch.manual_seed(0)
    network = model_module.Classifier(["zero", "one", "two", "three", "四"]).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
    network.layers[-1].weight.data *= 5
    return network


@pytest.fixture(scope="module")
def model_file(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.pt"
    model_module.save(model, path)
    return path


@pytest.fixture(scope="module")
def settings(model_file):
    return web.Settings(model=model_file, max_bytes=2**20, max_pixels=4_000_000)


def a_thread() -> concurrent.futures.ThreadPoolExecutor:
    """What computes here, in the place of a process, so that a test can reach into it."""
    return concurrent.futures.ThreadPoolExecutor(1)


def create_app(settings: web.Settings):
    return web.create_app(settings, a_thread)


@pytest.fixture(scope="module")
def client(settings):
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_on_disk(tmp_path, monkeypatch):
    """No test leaves a file where the app may write: the folder for temporary files, or the current one."""
    scratch, here = tmp_path / "scratch", tmp_path / "here"
    scratch.mkdir()
    here.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    opened = []
    original = tempfile._TemporaryFileWrapper, tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *a, **k: opened.append(a) or original[1](*a, **k))
    monkeypatch.chdir(here)
    yield
    assert not list(scratch.iterdir()) and not list(here.iterdir()) and not opened


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def right(answer, model, image: Image.Image) -> None:
    """The answer is what the lecture's own functions say of the picture."""
    assert answer.status_code == 200, answer.text
    values = model_module.predict(model, model_module.prepare(image)[None])[0]
    best = values.topk(3)
    top = answer.json()["top"]
    assert [guess["label"] for guess in top] == [model.classes[k] for k in best.indices]
    assert [guess["probability"] for guess in top] == pytest.approx(best.values.tolist(), abs=1e-5)


def wrong(answer, status: int, code: str, *words: str) -> None:
    """The answer is an error in the one shape that all have, and says what it should."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == JSON
    error = answer.json()["error"]
    assert error["code"] == code and set(answer.json()) == {"error"} and set(error) == {"code", "message"}
    for word in words:
        assert word in error["message"]


def form(*parts: tuple[str, str | None, bytes]) -> dict:
    """A multipart body written by hand, so that names go out as they are: (field, file name, content)."""
    body = b""
    for field, name, content in parts:
        file = f'; filename="{name}"' if name is not None else ""
        head = f'--limit\r\nContent-Disposition: form-data; name="{field}"{file}\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return {"content": body + b"--limit--\r\n", "headers": {"content-type": "multipart/form-data; boundary=limit"}}


def test_is_imported_as_a_package(tmp_path):
    """Neither its folder on sys.path is needed, nor do files of a student with the same names get in the way."""
    folder = tmp_path / "student"
    folder.mkdir()
    code = "import sys, lecture_app.app, lecture_app.server, lecture_app.compute\n"
    code += "assert not any(name.endswith('06_app') for name in sys.path)"
    for where in (folder, write_students_files(folder)):
        done = subprocess.run([sys.executable, "-c", code], cwd=where, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


# --- right answers -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif", "bmp"])
def test_picture_as_it_is(client, model, kind):
    data = encoded(PHOTO, kind)
    answer = client.post("/predict", content=data, headers={"content-type": f"image/{kind}"})
    right(answer, model, Image.open(io.BytesIO(data)))
    assert list(answer.json()) == ["top"]


def test_three_ways_to_send_give_one_answer(client, model):
    data = encoded(PHOTO)
    for options in (
        {"content": data},
        {"content": data, "headers": {"content-type": "application/octet-stream"}},
        {"files": {"file": ("photo.png", data)}},
    ):
        right(client.post("/predict", **options), model, PHOTO)


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    return encoded(PHOTO, "JPEG", exif=exif, quality=95)


def palette_with_transparency() -> bytes:
    return encoded(PHOTO.quantize(8), transparency=0)


def animated() -> bytes:
    return encoded(
        PHOTO, "GIF", save_all=True, append_images=[Image.new("RGB", PHOTO.size, c) for c in ("red", "blue")]
    )


PICTURES = {
    "animated GIF": animated(),
    "CMYK": encoded(PHOTO.convert("CMYK"), "JPEG"),
    "16 bits": encoded(Image.fromarray((RNG.random((40, 40)) * 65535).astype(np.uint16))),
    "turned by EXIF": turned(),
    "palette with transparency": palette_with_transparency(),
    "RGBA": encoded(Image.merge("RGBA", [*PHOTO.split(), PHOTO.split()[0]])),
    "grey with alpha": encoded(Image.merge("LA", PHOTO.split()[:2])),
    "black and white": encoded(PHOTO.convert("1")),
    "WebP with alpha": encoded(Image.merge("RGBA", [*PHOTO.split(), PHOTO.split()[1]]), "WEBP"),
    "one pixel": encoded(Image.new("RGB", (1, 1), "red")),
    "very long": encoded(Image.new("RGB", (20_000, 2), "red")),
    "large": encoded(PHOTO.resize((1600, 1200)), "JPEG"),  # decoded in the other thread
    "many bytes": encoded(Image.fromarray(RNG.integers(0, 255, (350, 350, 3), dtype=np.uint8))),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_every_kind(client, model, name):
    answer = client.post("/predict?seen=1", content=PICTURES[name], headers={"content-type": "image/png"})
    image = Image.open(io.BytesIO(PICTURES[name]))
    right(answer, model, image)
    seen = Image.open(io.BytesIO(base64.b64decode(answer.json()["seen"].removeprefix("data:image/png;base64,"))))
    assert seen.size == (32, 32) and seen.mode == "RGB"
    assert np.array_equal(np.asarray(seen), model_module.prepare(image).permute(1, 2, 0).numpy())


def test_pictures_are_what_their_names_say():
    """The samples above: should Pillow save something plainer, the tests would prove less."""
    opened = {name: Image.open(io.BytesIO(data)) for name, data in PICTURES.items()}
    assert opened["animated GIF"].n_frames == 3 and opened["CMYK"].mode == "CMYK"
    assert opened["16 bits"].mode.startswith("I;16") and opened["turned by EXIF"].getexif()[0x0112] == 6
    assert (
        opened["palette with transparency"].mode == "P" and "transparency" in opened["palette with transparency"].info
    )
    assert opened["WebP with alpha"].mode == "RGBA" and opened["black and white"].mode == "1"
    assert opened["large"].width * opened["large"].height > compute.LARGE_PICTURE
    assert len(PICTURES["many bytes"]) > batching.LARGE_BODY


def test_transparent_is_white_and_16_bits_keep_their_greys():
    see_through = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    assert (model_module.prepare(see_through) == 255).all()
    half = Image.new("RGBA", (32, 32), (255, 0, 0, 128))
    assert model_module.prepare(half)[:, 0, 0].tolist() == pytest.approx([255, 127, 127], abs=1)
    assert (model_module.prepare(Image.fromarray(np.full((32, 32), 51200, np.uint16))) == 200).all()


def test_turned_pictures_are_set_upright():
    """Beside the comparisons above, which would not notice if prepare() itself forgot something."""
    upright = PHOTO.transpose(Image.Transpose.ROTATE_270)
    seen = model_module.prepare(Image.open(io.BytesIO(turned()))).float()
    assert (seen - model_module.prepare(upright).float()).abs().mean() < 6  # JPEG's own loss
    assert (seen - model_module.prepare(PHOTO).float()).abs().mean() > 20


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\Windows\\x.png", "手書きの数字.png", "", "a" * 3000, ".."])
def test_file_names_do_not_matter(client, model, name):
    right(client.post("/predict", **form(("file", name, encoded(PHOTO)))), model, PHOTO)


def test_other_fields_are_ignored(client, model):
    parts = ("comment", None, b"hello"), ("file", "x.png", encoded(PHOTO)), ("again", "y.png", b"no picture")
    right(client.post("/predict", **form(*parts)), model, PHOTO)


def test_file_that_holds_something_like_a_boundary(client, model):
    data = encoded(PHOTO) + b"\r\n--limi\r\n--limi"  # after the end of a PNG there may be anything
    right(client.post("/predict", **form(("file", "x.png", data))), model, PHOTO)


def test_chunked_without_length(client, model):
    data = encoded(PHOTO)
    answer = client.post("/predict", content=(data[k : k + 100] for k in range(0, len(data), 100)))
    assert "content-length" not in answer.request.headers
    right(answer, model, PHOTO)


# --- wrong requests ------------------------------------------------------------------------------

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="3"/></svg>'


def bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """A PNG of some kilobytes that claims to be large; its pixels begin as they should."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "status", "code", "word"),
    [
        (b"", 400, "empty", "empty"),
        (b"x", 415, "not_a_picture", "JPEG, PNG, WebP"),
        (b"this is a text, named .png\n" * 50, 415, "not_a_picture", "no picture"),
        (encoded(PHOTO, "JPEG")[:-1500], 400, "damaged", "cut short"),
        (encoded(PHOTO.resize((1600, 1200)), "JPEG")[:-1500], 400, "damaged", "cut short"),
        (encoded(PHOTO, "PNG")[:400], 400, "damaged", "cut short"),
        (encoded(PHOTO, "WEBP")[:-100], 400, "damaged", "cut short"),
        (encoded(PHOTO, "JPEG")[:10], 400, "damaged", "cut short"),
        (bomb(), 413, "too_many_pixels", "at most 4 million"),
        (bomb(3000, 3000), 413, "too_many_pixels", "at most 4 million"),
        (encoded(PHOTO, "TIFF"), 415, "not_a_picture", "JPEG, PNG, WebP"),
        (SVG, 415, "not_a_picture", "JPEG, PNG, WebP"),
    ],
    ids=[
        *("empty", "1 byte", "text", "JPEG cut", "large JPEG cut", "PNG cut", "WebP cut", "JPEG header cut"),
        *("bomb", "smaller bomb", "TIFF", "SVG"),
    ],
)
@pytest.mark.parametrize("way", ["raw", "form"])
def test_wrong_uploads(client, data, status, code, word, way):
    options = {"content": data} if way == "raw" else form(("file", "picture.png", data))
    wrong(client.post("/predict", **options), status, code, word)


def test_bomb_is_never_decoded(client, monkeypatch):
    from PIL import ImageFile

    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("the pixels were asked for"))
    wrong(client.post("/predict", content=bomb()), 413, "too_many_pixels")


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (form(("picture", "x.png", encoded(PHOTO))), "no_file", "'file'"),
        (form(("file", "x.png", encoded(PHOTO)), ("file", "y.png", encoded(PHOTO))), "several_files", "one picture"),
        (form(), "no_file", "'file'"),
        (form(("file", None, b"")), "empty", "empty"),
        ({**form(("file", "x", b"y")), "headers": {"content-type": "multipart/form-data"}}, "bad_form", "'file'"),
        ({"content": b"no form", "headers": {"content-type": "multipart/form-data; boundary=b"}}, "bad_form", "form"),
        ({"content": form(("file", "x", b"y"))["content"][:70], "headers": form()["headers"]}, None, ""),
    ],
    ids=["wrong field", "two files", "no field", "empty field", "no boundary", "no form", "form cut short"],
)
def test_wrong_forms(client, options, code, word):
    answer = client.post("/predict", **options)
    wrong(answer, 400, code or answer.json()["error"]["code"], word)


def test_content_type_that_is_none_of_ours(client):
    answer = client.post("/predict", content=b"{}", headers={"content-type": JSON})
    wrong(answer, 415, "content_type", "image/*", "multipart/form-data")


def test_announced_size_is_refused_before_reading(client, settings):
    def body():
        pytest.fail("the body was read")
        yield b""

    answer = client.post("/predict", content=body(), headers={"content-length": str(100 * 2**20)})
    wrong(answer, 413, "too_large", "at most 1 MB")


def test_unannounced_size_is_refused_while_reading(settings):
    sent = []

    async def receive():
        sent.append(2**16)
        return {"type": "http.request", "body": bytes(2**16), "more_body": len(sent) < 1600}  # 100 MB

    messages = ask(create_app(settings), receive)
    assert messages[0]["status"] == 413 and sum(sent) <= settings.max_bytes + 2 * 2**16


def ask(app, receive, **scope) -> list[dict]:
    """One request by hand, where the test wants to decide when the body comes; gives what was sent."""
    messages = []

    async def send(message):
        messages.append(message)

    async def run():
        async with app.app.router.lifespan_context(app.app):
            start = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": []}
            await app(start | {"asgi": {"version": "3.0"}, "http_version": "1.1"} | scope, receive, send)

    asyncio.run(run())
    return messages


def test_memory_of_uploads_is_given_back(model, model_file):
    small = web.Settings(model=model_file, max_held=300_000)
    with TestClient(create_app(small)) as client:
        data = encoded(PHOTO)
        for _ in range(2 * small.max_held // len(data)):
            right(client.post("/predict", content=data), model, PHOTO)
        for _ in range(5):
            wrong(client.post("/predict", content=bytes(200_000)), 415, "not_a_picture")
        answer = client.post("/predict", content=bytes(400_000))
        wrong(answer, 503, "busy")
        assert answer.headers["retry-after"] == "1"
        right(client.post("/predict", content=data), model, PHOTO)


def test_slow_upload(model_file):
    async def receive():
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    start = time.perf_counter()
    messages = ask(create_app(web.Settings(model=model_file, request_seconds=0.3)), receive)
    assert messages[0]["status"] == 408 and json.loads(messages[1]["body"])["error"]["code"] == "slow"
    assert time.perf_counter() - start < 3


def test_wrong_addresses(client):
    wrong(client.get("/nothing"), 404, "not_found", "/docs")
    wrong(client.get("/predict"), 405, "method")
    assert client.get("/predict").headers["allow"] == "POST"
    wrong(client.post("/predict?seen=perhaps", content=b"x"), 422, "bad_query", "'seen'")
    wrong(client.get("/static/../server.py"), 404, "not_found")
    wrong(client.get("/static/%2e%2e/server.py"), 404, "not_found")


def test_error_inside_is_one_too(client, monkeypatch):
    def broken(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr(compute, "predict", broken)
    for way in ("/predict", "/predict?seen=1"):
        answer = client.post(way, content=encoded(PHOTO))
        wrong(answer, 500, "internal", "log")
        assert "secret" not in answer.text and answer.headers["x-content-type-options"] == "nosniff"
    monkeypatch.undo()
    assert client.post("/predict", content=encoded(PHOTO)).status_code == 200


# --- batching ------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def batching_by(model_file, **options):
    batcher = batching.Batcher(model_file, make_executor=a_thread, **options)
    batcher.start()
    yield batcher
    await asyncio.to_thread(batcher.stop)
    assert not batcher.alive


def upload(data: bytes) -> uploads.Upload:
    return uploads.Upload(data, "image/png", 10**7, wants_seen=True)


def submit_all(model_file, *pictures: bytes, **options) -> tuple[list, list[int]]:
    """What becomes of pictures that all wait at once, predictions and errors; and the sizes of the batches."""
    sizes = []

    async def run():
        async with batching_by(model_file, **options) as batcher:
            batcher.observe = sizes.append
            futures = [batcher.submit(upload(data)) for data in pictures]
            return await asyncio.gather(*futures, return_exceptions=True)

    return asyncio.run(run()), sizes


@pytest.fixture
def gated(monkeypatch):
    """Uploads whose bytes begin with these wait until the event is set; and a list of what was decoded."""
    entered, leave, decoded = threading.Event(), threading.Event(), []
    original = compute.pixels_of

    def pixels_of(upload, is_large):
        if upload.body.startswith(b"wait"):
            entered.set()
            assert leave.wait(5)
        decoded.append(upload.body[:4])
        _, _, data = upload.body.partition(b"|")
        return original(uploads.Upload(data.rstrip(b"."), upload.content_type, upload.max_pixels), is_large)

    monkeypatch.setattr(compute, "pixels_of", pixels_of)
    yield entered, leave, decoded
    leave.set()


def test_batches_give_the_answers_of_one_by_one(model, model_file):
    images = [Image.fromarray(RNG.integers(0, 255, (40, 30, 3), dtype=np.uint8)) for _ in range(50)]
    answers, sizes = submit_all(model_file, *map(encoded, images))
    assert sum(sizes) == 50 and len(sizes) <= 5 and max(sizes) > 16  # really together
    for image, answer in zip(images, answers, strict=True):
        values = model_module.predict(model, model_module.prepare(image)[None])[0]
        assert dict(answer.top) == pytest.approx(
            {model.classes[k]: values[k].item() for k in values.topk(3).indices}, abs=1e-5
        )
        assert answer.seen == compute.as_data_uri(model_module.prepare(image))


def test_no_batch_is_larger_than_allowed(model_file):
    _, sizes = submit_all(model_file, *[encoded(PHOTO)] * 18, max_batch=4)
    assert max(sizes) <= 4 and sum(sizes) == 18


def test_one_bad_picture_harms_no_neighbour(model_file):
    good, bad = encoded(PHOTO), encoded(PHOTO, "JPEG")[:-1500]
    large = encoded(PHOTO.resize((1000, 800)))
    (first, error, third, text, fifth), _ = submit_all(model_file, good, bad, large, b"text", good)
    assert first.top == fifth.top and error.code == "damaged" and text.code == "not_a_picture"
    assert third.top[0][1] > 0


def test_queue_is_bounded_and_drains(model_file):
    async def run():
        async with batching_by(model_file, max_waiting=2) as batcher:
            waiting = [batcher.submit(upload(encoded(PHOTO))) for _ in range(2)]
            with pytest.raises(batching.Full):
                batcher.submit(upload(encoded(PHOTO)))
            await asyncio.gather(*waiting)
            await batcher.submit(upload(encoded(PHOTO)))
            assert batcher.waiting == 0

    asyncio.run(run())


def test_who_is_gone_is_skipped(model_file, gated):
    """Cancelled before its batch begins: neither decoded nor computed."""
    entered, leave, decoded = gated
    data = encoded(PHOTO)

    async def run():
        async with batching_by(model_file) as batcher:
            first = [batcher.submit(upload(b"wait|" + data))]
            await asyncio.to_thread(entered.wait)
            first.append(batcher.submit(upload(b"next|" + data)))  # given out: the one that is ready
            await asyncio.sleep(0)
            gone = batcher.submit(upload(b"gone|" + data))
            stays = batcher.submit(upload(b"stay|" + data))
            await asyncio.sleep(0)
            gone.cancel()
            leave.set()
            await asyncio.gather(*first, stays)
            assert batcher.waiting == 0

    asyncio.run(run())
    assert decoded == [b"wait", b"next", b"stay"]


def test_small_pictures_overtake_large_ones(model_file, gated):
    _, leave, _ = gated
    data = encoded(PHOTO)

    async def run():
        order = []
        async with batching_by(model_file) as batcher:
            slow = [batcher.submit(upload(b"wait|" + data + b"." * batching.LARGE_BODY)) for _ in range(3)]
            for future in slow:
                future.add_done_callback(lambda _: order.append("large"))
            for _ in range(5):
                await batcher.submit(upload(b"pass|" + data))
                order.append("small")
            leave.set()
            await asyncio.gather(*slow)
        return order

    assert asyncio.run(run()) == ["small"] * 5 + ["large"] * 3


def test_what_computes_is_started_again_and_said_to_be_broken_if_that_does_not_help(model_file):
    """With executors that break, as a process pool does whose process dies."""
    made = []

    def fragile():
        made.append(a_thread())
        return made[-1]

    def died(*_):
        raise concurrent.futures.BrokenExecutor("died")

    async def ask_40(batcher):  # two batches
        waiting = [batcher.submit(upload(encoded(PHOTO))) for _ in range(40)]
        return await asyncio.gather(*waiting, return_exceptions=True)

    async def run():
        batcher = batching.Batcher(model_file, make_executor=fragile)
        batcher.start()
        for deaths in (1, 2, 0, 1, 2, 3):
            if deaths:
                batcher.small.executor.submit = died
                assert [error.status for error in await ask_40(batcher)] == [503] * 40
            else:
                assert all(answer.top for answer in await ask_40(batcher))  # all is well again
            assert batcher.small.deaths == deaths and batcher.alive == (deaths < 3)
        batcher.stop()

    asyncio.run(run())
    assert len(made) == 1 + 5  # one new executor for both batches of each death; none for large pictures


# --- too much ------------------------------------------------------------------------------------


def test_full_queue_is_refused_before_anything_else(settings):
    """Neither FastAPI nor the body is touched for a request that cannot be taken on."""

    async def receive():
        pytest.fail("the body was read")

    app = create_app(settings)
    app.full = lambda: True

    async def not_reached(*_):
        pytest.fail("the app was asked")

    async def run():
        messages = []
        app.serve = not_reached

        async def send(message):
            messages.append(message)

        await app({"type": "http", "method": "POST", "path": "/predict"}, receive, send)
        return messages

    start, body = asyncio.run(run())
    assert start["status"] == 503 and (b"retry-after", b"1") in start["headers"]
    assert json.loads(body["body"])["error"]["code"] == "busy"


def test_too_many_requests_at_a_time(model_file):
    app = create_app(web.Settings(model=model_file, max_requests=3, request_seconds=0.5))

    async def run():
        async def ask_once():
            statuses = []

            async def receive():
                await asyncio.sleep(60)

            async def send(message):
                statuses.append(message.get("status"))

            start = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": []}
            await app(start, receive, send)
            return statuses[0]

        async with app.app.router.lifespan_context(app.app):
            first = await asyncio.gather(*[ask_once() for _ in range(5)])
            return first, await ask_once()

    assert asyncio.run(run()) == ([408, 408, 408, 503, 503], 408)


def test_computing_that_takes_too_long(model_file, monkeypatch):
    monkeypatch.setattr(compute, "predict", lambda *a: time.sleep(0.5) or model_module.predict(*a))
    with TestClient(create_app(web.Settings(model=model_file, request_seconds=0.2))) as client:
        answer = client.post("/predict", content=encoded(PHOTO))
        wrong(answer, 503, "busy", "try again")
        assert answer.headers["retry-after"] == "1"


def test_client_that_goes_away_is_not_computed_for(model_file, monkeypatch):
    cancelled = []

    class Slow(batching.Batcher):
        def submit(self, *args):
            future = self.loop.create_future()
            future.add_done_callback(lambda f: cancelled.append(f.cancelled()))
            return future

    monkeypatch.setattr(web, "Batcher", Slow)
    monkeypatch.setattr(web, "PATIENCE", 0.01)
    coming = [{"type": "http.request", "body": encoded(PHOTO), "more_body": False}, {"type": "http.disconnect"}]

    async def receive():
        return coming.pop(0)

    ask(create_app(web.Settings(model=model_file)), receive)
    assert cancelled == [True]


# --- the rest ------------------------------------------------------------------------------------


def test_health_and_readiness(model, settings):
    app = create_app(settings)
    client = TestClient(app)
    wrong(client.get("/readyz"), 503, "not_ready", "starting or stopping")  # not started yet
    wrong(client.post("/predict", content=encoded(PHOTO)), 503, "not_ready")
    assert client.get("/healthz").json() == {"status": "ok"}
    with client:
        assert client.get("/readyz").json() == {"status": "ready"}
        app.app.state.service.ready = False  # as after SIGTERM: no new ones are wanted, but those that come are served
        wrong(client.get("/readyz"), 503, "not_ready")
        assert client.get("/readyz").headers["retry-after"] == "1"
        right(client.post("/predict", content=encoded(PHOTO)), model, PHOTO)
        app.app.state.service.ready = True
        app.app.state.service.batcher.small.deaths = 3
        wrong(client.get("/healthz"), 503, "broken", "restart the app")


def test_metrics(settings):
    with TestClient(create_app(settings)) as client:
        label = client.post("/predict", content=encoded(PHOTO)).json()["top"][0]["label"]
        client.post("/predict", content=b"x")
        assert "compute_large_process" not in client.get("/metrics").text
        large = client.post("/predict", content=encoded(PHOTO.resize((1200, 900)), "JPEG"))
        labels = [label, large.json()["top"][0]["label"]]
        for k in range(20):
            client.get(f"/stranger/{k}")
        text = client.get("/metrics").text
    for line in (
        'app_requests_total{path="/predict",status="200"} 2.0',
        'app_requests_total{path="/predict",status="415"} 1.0',
        'app_requests_total{path="other",status="404"} 20.0',
        f'app_predicted_total{{label="{label}"}} {float(labels.count(label))}',
        "app_batch_size_count 2.0",
        "app_predict_seconds_count 2.0",
        "app_waiting 0.0",
        "app_refused_total 0.0",
    ):
        assert line in text.splitlines()
    for name in ("process", "compute_process", "compute_large_process"):
        assert f"{name}_resident_memory_bytes" in text
    assert "stranger" not in text


def test_every_answer_has_the_security_headers(client):
    for answer in (client.get("/"), client.get("/docs"), client.get("/none"), client.post("/predict", content=b"x")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy and "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_page_asks_for_nothing_from_elsewhere():
    for file in (APP / "static").iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text and "https://" not in text and "//cdn" not in text, file.name


def test_description(client):
    schema = client.get("/openapi.json").json()
    operation = schema["paths"]["/predict"]["post"]
    assert {"multipart/form-data", "image/png", "image/jpeg", "application/octet-stream"} <= set(
        operation["requestBody"]["content"]
    )
    assert {"200", "400", "408", "413", "415", "422", "503"} == set(operation["responses"])
    for status, answer in operation["responses"].items():
        name = "Answer" if status == "200" else "Problem"
        assert answer["content"][JSON]["schema"]["$ref"].endswith(f"/{name}")
    assert set(schema["paths"]) == {"/predict", "/healthz", "/readyz", "/metrics"}


def test_settings_from_the_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("APP_") or name == "PORT"]:
        monkeypatch.delenv(name)
    assert web.Settings.from_environment() == web.Settings()
    monkeypatch.setenv("PORT", "7860")
    monkeypatch.setenv("APP_MODEL", "/models/x.pt")
    monkeypatch.setenv("APP_REQUEST_SECONDS", "2.5")
    monkeypatch.setenv("APP_MAX_WAITING", "7")
    changed = web.Settings.from_environment()
    assert (changed.port, changed.model, changed.request_seconds) == (7860, Path("/models/x.pt"), 2.5)
    assert changed.max_waiting == 7 and isinstance(changed.max_waiting, int)
    monkeypatch.setenv("APP_PORT", "9000")
    assert web.Settings.from_environment().port == 9000


def test_requirements_are_those_of_the_project():
    def named(lines):
        return {line.split("#")[0].strip() for line in lines} - {""}

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ours = named((APP / "requirements.txt").read_text().splitlines())
    network = {line for line in named(project["dependencies"]) if line.startswith(("torch>", "numpy>"))}
    app = {line for line in named(project["optional-dependencies"]["app"]) if not line.startswith("httpx")}
    assert len(network) == 2 and ours == network | app


def test_container():
    """No engine runs here: what can be read of the Dockerfile."""
    lines = (APP / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    steps = [line for line in lines if line and not line.startswith("#")]
    assert steps[0].startswith("FROM python:3") and "slim" in steps[0]
    users = [k for k, step in enumerate(steps) if step.startswith("USER ")]
    assert users and "root" not in steps[users[-1]] and steps[users[-1]] != "USER 0"
    assert any(step.startswith("HEALTHCHECK") and "curl" not in step for step in steps)
    (command,) = [step for step in steps if step.startswith("CMD")]
    assert users[-1] < steps.index(command)
    assert json.loads(command.removeprefix("CMD ")) == ["python", *COMMAND[1:]]
    assert any("whl/cpu" in step and "requirements.txt" in step for step in steps)
    copied = [source for step in steps if step.startswith("COPY") for source in step.split()[1:-1]]
    ignored = (APP / "Dockerfile.dockerignore").read_text().split()
    assert ignored[0] == "*" and sorted(ignored[1:]) == sorted(f"!{source}" for source in copied)


def test_memory_is_flat(client):
    """A quick look; the benchmark does it with 50,000 requests."""
    import psutil

    data = encoded(PHOTO)
    for _ in range(100):
        client.post("/predict", content=data)
    gc.collect()
    before = psutil.Process().memory_info().rss
    for _ in range(200):
        client.post("/predict", content=data)
    gc.collect()
    assert psutil.Process().memory_info().rss - before < 20 * 2**20
