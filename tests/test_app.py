"""The app of lecture 6, asked in this process: answers, errors, batching, the description."""

import asyncio
import base64
import gc
import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import tomllib
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from app_process import COMMAND, write_students_files
from lecture_app import app as web
from lecture_app import model as model_module
from lecture_app import pictures, server
from PIL import Image, ImageFile
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
def client(model):
    with TestClient(web.create_app(model), raise_server_exceptions=False) as client:
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
    code = "import sys, lecture_app.app, lecture_app.server, lecture_app.model\n"
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
    assert list(answer.json()) == ["top", "unsure"]


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
    "large": encoded(PHOTO.resize((1600, 1200)), "JPEG"),  # decoded in the other process
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
    assert opened["large"].width * opened["large"].height > pictures.SMALL_PIXELS
    assert len(PICTURES["many bytes"]) > pictures.SMALL_BYTES


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
        (bomb(), 413, "too_many_pixels", "at most 25 million"),
        (bomb(6000, 5000), 413, "too_many_pixels", "at most 25 million"),
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


def test_bomb_is_never_decoded(monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("the pixels were asked for"))
    with pytest.raises(pictures.Refused) as refused:
        pictures.read_picture(bomb(6000, 5000), "image/png", large=True)
    assert refused.value.code == "too_many_pixels"


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


def test_announced_size_is_refused_before_reading(client):
    answer = client.post("/predict", content=iter([b"x"]), headers={"content-length": str(100 * 2**20)})
    wrong(answer, 413, "too_large", "at most 10 MB")


def test_unannounced_size_is_refused_while_reading(model):
    sent = []

    async def receive():
        sent.append(2**16)
        return {"type": "http.request", "body": bytes(2**16), "more_body": len(sent) < 1600}  # 100 MB

    messages = ask(web.create_app(model), receive)
    assert messages[0]["status"] == 413 and sum(sent) <= pictures.MAX_BYTES + 2 * 2**16


def ask(app, receive, **scope) -> list[dict]:
    """One request by hand, where the test wants to decide when the body comes; gives what was sent."""
    messages = []

    async def send(message):
        messages.append(message)

    start = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": []}
    asyncio.run(app(start | {"asgi": {"version": "3.0"}, "http_version": "1.1"} | scope, receive, send))
    return messages


def test_memory_of_uploads_is_given_back(client, model, monkeypatch):
    monkeypatch.setattr(web, "MAX_HELD", 300_000)
    data = encoded(PHOTO)
    for _ in range(2 * web.MAX_HELD // len(data)):
        right(client.post("/predict", content=data), model, PHOTO)
    for _ in range(5):
        wrong(client.post("/predict", content=bytes(200_000)), 415, "not_a_picture")
    answer = client.post("/predict", content=bytes(400_000))
    wrong(answer, 503, "busy")
    assert answer.headers["retry-after"] == "1"
    right(client.post("/predict", content=data), model, PHOTO)


def test_slow_upload(model):
    async def receive():
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    start = time.perf_counter()
    messages = ask(web.create_app(model, seconds=0.3), receive)
    assert messages[0]["status"] == 408 and json.loads(messages[1]["body"])["error"]["code"] == "slow"
    assert time.perf_counter() - start < 3


def test_client_that_leaves_in_the_midst_of_its_upload(model):
    messages = ask(web.create_app(model), lambda: asyncio.sleep(0, {"type": "http.disconnect"}))
    assert messages[0]["status"] == 499


def test_wrong_addresses(client):
    wrong(client.get("/nothing"), 404, "not_found", "/docs")
    wrong(client.get("/predict"), 405, "method_not_allowed")
    assert client.get("/predict").headers["allow"] == "POST"
    wrong(client.post("/predict?seen=perhaps", content=b"x"), 422, "bad_query", "seen")
    wrong(client.get("/static/../server.py"), 404, "not_found")
    wrong(client.get("/static/%2e%2e/server.py"), 404, "not_found")


def test_error_inside_is_one_too(client, monkeypatch):
    def broken(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr(web, "predict", broken)
    for way in ("/predict", "/predict?seen=1"):
        answer = client.post(way, content=encoded(PHOTO))
        wrong(answer, 500, "internal", "log")
        assert "secret" not in answer.text and answer.headers["x-content-type-options"] == "nosniff"
    monkeypatch.undo()
    assert client.post("/predict", content=encoded(PHOTO)).status_code == 200


# --- batching ------------------------------------------------------------------------------------


def do_at_once(work, jobs: list, most: int = 8) -> tuple[list, list[int]]:
    """The results of jobs that all wait at once, or their exceptions; and the sizes of the batches."""
    sizes = []

    async def counted(batch):
        sizes.append(len(batch))
        return await work(batch)

    async def run():
        station = web.Station(counted, most)
        running = asyncio.create_task(station.run())
        results = await asyncio.gather(*map(station.do, jobs), return_exceptions=True)
        running.cancel()
        return results

    return asyncio.run(run()), sizes


def test_batches_give_the_answers_of_one_by_one(model):
    images = [Image.fromarray(RNG.integers(0, 255, (40, 30, 3), dtype=np.uint8)) for _ in range(50)]
    pixels = [pictures.fit_square(image).tobytes() for image in images]
    answers, sizes = do_at_once(web.Network(model).predict, pixels, most=32)
    assert sizes == [32, 18]
    for image, answer in zip(images, answers, strict=True):
        values = model_module.predict(model, model_module.prepare(image)[None])[0]
        expected = {model.classes[k]: values[k].item() for k in values.topk(3).indices}
        assert dict(answer) == pytest.approx(expected, abs=1e-5)


def test_a_batch_that_fails_fails_alone():
    async def work(batch):
        if 3 in batch:
            raise RuntimeError("a mistake")
        return [ValueError(job) if job == 9 else job for job in batch]

    results, sizes = do_at_once(work, list(range(20)))
    assert sizes == [8, 8, 4]
    assert all(isinstance(result, RuntimeError) for result in results[:8])
    assert isinstance(results[9], ValueError) and results[8] == 8 and results[10:] == list(range(10, 20))


def test_nothing_is_done_for_who_has_left():
    done = []

    async def work(batch):
        await asyncio.sleep(0.01)
        done.extend(batch)
        return batch

    async def run():
        station = web.Station(work, 1, room=2)
        running = asyncio.create_task(station.run())
        jobs = [asyncio.create_task(station.do(k)) for k in range(4)]
        await asyncio.sleep(0)
        assert station.full
        jobs[2].cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        assert not station.full
        running.cancel()

    asyncio.run(run())
    assert done == [0, 1, 3]


def test_a_decoder_is_as_before_after_every_kind_of_failure(monkeypatch):
    """Its process cannot be started, dies, or takes too long. Who was in the same batch is answered."""
    died, slow = web.anyio.BrokenWorkerProcess(), TimeoutError()
    bad = {}

    async def in_process(function, *args):
        if function is not pictures.set_up_process:
            for body, _ in args[0]:
                if body in bad:
                    raise bad[body]
            return [body for body, _ in args[0]]

    monkeypatch.setattr(web, "in_process", in_process)
    decoder = web.Decoder(1.0, large=False)
    for failure in (died, OSError("no descriptor"), slow):
        bad[b"bad"] = failure
        good, result, more = asyncio.run(decoder.decode([(b"good", ""), (b"bad", ""), (b"more", "")]))
        assert (good, more) == (b"good", b"more")
        assert result is None if failure is slow else result.code == "busy"
        bad.clear()
        assert asyncio.run(decoder.decode([(b"bad", "")])) == [b"bad"]


# --- too much ------------------------------------------------------------------------------------


def test_full_queue_is_refused(client, monkeypatch):
    monkeypatch.setattr(web.Station, "full", True)
    answer = client.post("/predict", content=encoded(PHOTO))
    wrong(answer, 503, "busy", "try again")
    assert answer.headers["retry-after"] == "1"
    assert client.get("/healthz").status_code == 200  # busy is not broken


def test_computing_that_takes_too_long(model, monkeypatch):
    monkeypatch.setattr(web, "predict", lambda *args: time.sleep(4) or model_module.predict(*args))
    with TestClient(web.create_app(model, seconds=2)) as client:
        answer = client.post("/predict", content=encoded(PHOTO))
        wrong(answer, 503, "busy", "try again")
        assert answer.headers["retry-after"] == "1"


# --- the rest ------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["in_process", "predict"])
def test_health_is_that_of_the_whole(client, monkeypatch, broken):
    """Whatever makes every prediction fail makes the health check fail, too."""
    assert client.get("/healthz").json() == {"status": "ok"}

    def fail(*_):
        raise RuntimeError("as if a part were broken")

    monkeypatch.setattr(web, broken, fail)
    assert client.post("/predict", content=encoded(PHOTO)).status_code == 500
    wrong(client.get("/healthz"), 503, "broken", "restart the app")
    monkeypatch.undo()
    assert client.get("/healthz").json() == {"status": "ok"}


def numbers(client) -> dict[str, float]:
    """All metrics; those that count stay from one test to the next."""
    lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


@pytest.mark.parametrize("unsure_below", [0.0, 1.0])
def test_an_answer_of_small_probability_is_marked_as_unsure_and_counted(model, unsure_below):
    with TestClient(web.create_app(model, unsure_below=unsure_below)) as client:
        before = numbers(client)["app_unsure_total"]
        answer = client.post("/predict", content=encoded(PHOTO))
        right(answer, model, PHOTO)
        assert answer.json()["unsure"] is bool(unsure_below)
        assert numbers(client)["app_unsure_total"] - before == unsure_below


def test_metrics(client):
    before = numbers(client)
    label = client.post("/predict", content=encoded(PHOTO)).json()["top"][0]["label"]
    client.post("/predict", content=b"x")
    client.post("/predict", content=encoded(PHOTO.resize((1200, 900)), "JPEG"))
    for k in range(20):
        client.get(f"/stranger/{k}")
    after = numbers(client)
    for name, more in (
        ('app_requests_total{path="/predict",status="200"}', 2),
        ('app_requests_total{path="/predict",status="415"}', 1),
        ('app_requests_total{path="other",status="404"}', 20),
        ("app_batch_size_count", 2),
        ("app_predict_seconds_count", 2),
        ("app_waiting", 0),
        ("app_lost_processes_total", 0),
    ):
        assert after[name] - before.get(name, 0) == more, name
    assert after[f'app_predicted_total{{label="{label}"}}'] > before.get(f'app_predicted_total{{label="{label}"}}', 0)
    assert after["app_waiting"] == 0 and "process_resident_memory_bytes" in after
    assert not [name for name in after if "stranger" in name]


def test_every_answer_has_the_security_headers(client):
    for answer in (client.get("/"), client.get("/docs"), client.get("/none"), client.post("/predict", content=b"x")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy and "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("value", ["bytes=0-9", "bytes=999999-", "bytes=x", "lines=1-2"])
def test_a_range_is_not_noticed(client, value):
    whole = client.get("/static/page.js")
    part = client.get("/static/page.js", headers={"range": value})
    assert (part.status_code, part.content) == (200, whole.content)


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
    assert set(schema["paths"]) == {"/predict", "/healthz", "/metrics"}


def test_settings_from_the_environment(monkeypatch, capsys):
    def options(*arguments: str):
        return server.command_line().parse_args(arguments)

    for name in [name for name in os.environ if name.startswith("APP_") or name == "PORT"]:
        monkeypatch.delenv(name)
    assert (options().port, options().host, options().frame_ancestors) == (8000, "127.0.0.1", "'self'")
    assert options().model == APP / "model.pt" and options().request_seconds == 20 and options().unsure_below == 0.5
    monkeypatch.setenv("PORT", "7860")
    monkeypatch.setenv("APP_MODEL", "/models/x.pt")
    monkeypatch.setenv("APP_REQUEST_SECONDS", "2")
    assert (options().port, options().model, options().request_seconds) == (7860, Path("/models/x.pt"), 2)
    monkeypatch.setenv("APP_PORT", "9000")
    assert options().port == 9000 and options("--port", "1").port == 1
    for value in ("nan", "inf", "many"):
        monkeypatch.setenv("APP_REQUEST_SECONDS", value)
        with pytest.raises(SystemExit):
            options()
        assert f"--request-seconds: invalid int value: '{value}'" in capsys.readouterr().err


def test_requirements_are_those_of_the_project():
    def named(lines):
        return {line.split("#")[0].strip() for line in lines} - {""}

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ours = named((APP / "requirements.txt").read_text().splitlines())
    network = {line for line in named(project["dependencies"]) if line.startswith(("torch>", "numpy>"))}
    app = {
        line for line in named(project["optional-dependencies"]["app"]) if not line.startswith(("httpx", "safetensors"))
    }
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
