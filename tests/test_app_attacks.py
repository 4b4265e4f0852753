"""The app of lecture 6 under attack: what a stranger sends, or an accident does, must not bring it down.

Nearly each of them once did. What a reverse proxy keeps out is not tried here.
"""

import concurrent.futures
import contextlib
import io
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import httpx
import psutil
import pytest
import torch
from app_process import COMMAND, decoders, environment, running, save_model
from lecture_app import model as model_module
from lecture_app.server import main
from PIL import Image, PngImagePlugin

SECONDS = 2  # the time limit of a request in these tests


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "model.pt")


@pytest.fixture(scope="module")
def app(model):
    """The app that most attacks share. Whatever they send, it writes nothing to its log."""
    with running(model, APP_REQUEST_SECONDS=str(SECONDS)) as (process, port):
        assert ask(port, drawing()).status_code == ask(port, drawing(1000)).status_code == 200
        yield process, port
        assert ask(port, drawing()).status_code == 200 and process.poll() is None
        process.errors.seek(0)
        assert process.errors.read() == b""


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def drawing(size: int = 64) -> bytes:
    return encoded(Image.radial_gradient("L").resize((size, size)))


def ask(port: int, data: bytes, **options) -> httpx.Response:
    return httpx.post(f"http://127.0.0.1:{port}/predict", content=data, timeout=60, **options)


def seconds_for_a_drawing(port: int) -> float:
    start = time.perf_counter()
    assert ask(port, drawing()).status_code == 200
    return time.perf_counter() - start


def head(*headers: str, method: str = "POST", path: str = "/predict") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def memory(process) -> int:
    own = psutil.Process(process.pid)
    return sum(one.memory_info().rss for one in [own, *own.children(recursive=True)])


def open_connections(process) -> int:
    return sum(one.status == psutil.CONN_ESTABLISHED for one in psutil.Process(process.pid).net_connections("tcp"))


def wait_until(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return met


# --- requests without an end ---------------------------------------------------------------------


@pytest.mark.parametrize("line", [b"a:b\r\n" * 10_000, b"x" * 50_000], ids=["lines", "one line"])
def test_trailers_without_an_end(app, line):
    """The lines that may follow a body in chunks: none of a body's limits sees them."""
    process, port = app
    before, sent = memory(process), 0
    with connect(port) as connection, contextlib.suppress(OSError):
        connection.sendall(head("Transfer-Encoding: chunked") + b"0\r\n" + (b"" if line.startswith(b"a") else b"a:"))
        while sent < 40 * 2**20:
            connection.sendall(line)
            sent += len(line)
    assert sent < 20 * 2**20 and memory(process) - before < 30 * 2**20


def test_chunks_of_one_byte(app):
    """One client that sent nothing else made everybody wait for a minute."""
    _, port = app
    with connect(port) as client, pytest.raises(ConnectionError):
        client.sendall(head("Transfer-Encoding: chunked"))
        for _ in range(400):
            client.sendall(b"1\r\na\r\n" * 5000)
    assert seconds_for_a_drawing(port) < 3


def test_chunks_as_programs_send_them(app):
    _, port = app
    data = drawing(1000)
    for size in (300, 4096):
        pieces = (data[start : start + size] for start in range(0, len(data), size))
        assert httpx.post(f"http://127.0.0.1:{port}/predict", content=pieces, timeout=60).status_code == 200


def test_uploads_that_stop_before_their_end(model):
    """Many at once, each just below the limit of one: together they have a limit, too."""
    with running(model) as (process, port), contextlib.ExitStack() as stack:
        assert ask(port, drawing()).status_code == ask(port, drawing(1000)).status_code == 200
        before = memory(process)
        for _ in range(40):
            connection = stack.enter_context(connect(port))
            connection.settimeout(2)
            with contextlib.suppress(OSError):
                connection.sendall(head("Content-Length: 10000000") + bytes(9_900_000))
        assert memory(process) - before < 260 * 2**20


def test_readers_that_never_read(app):
    """Requests one after another, and their answers stay in the connection until it is full."""
    process, port = app
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.connect(("127.0.0.1", port))
            stack.enter_context(connection)
            connection.setblocking(False)
            with contextlib.suppress(OSError):
                connection.sendall(head(method="GET", path="/static/page.js") * 700)
        assert wait_until(lambda: open_connections(process) >= 10, 10)
        assert wait_until(lambda: open_connections(process) == 0, 40)
        assert seconds_for_a_drawing(port) < 8


# --- pictures that take long ---------------------------------------------------------------------


def many_scans(side: int, scans: int) -> bytes:
    """A JPEG whose pixels come in thousands of steps; each is some bytes, and a pass over the whole picture."""
    whole = encoded(Image.new("L", (side, side), 128), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last : last + 13] * scans + whole[-2:]


def test_one_slow_picture_and_a_full_queue_behind_it(model):
    """It is given up in time, and small pictures are answered all along."""
    large = drawing() + bytes(2**18)
    with running(model) as (process, port), concurrent.futures.ThreadPoolExecutor(64) as pool:
        assert ask(port, large).status_code == 200
        start = time.perf_counter()
        slow = pool.submit(ask, port, many_scans(5000, 8000))
        time.sleep(0.2)
        others = [pool.submit(ask, port, large) for _ in range(63)]
        assert max(seconds_for_a_drawing(port) for _ in range(5)) < 8
        assert slow.result().status_code == 400 and slow.result().json()["error"]["code"] == "too_slow"
        assert time.perf_counter() - start < 20
        assert {other.result().status_code for other in others} <= {200, 503}
        assert ask(port, large).status_code == 200
        pool.submit(ask, port, many_scans(5000, 8000))
        time.sleep(1)
        process.terminate()
        assert process.wait(30) == 0


def test_many_small_pictures_that_take_long(model):
    with running(model) as (_, port), concurrent.futures.ThreadPoolExecutor(32) as pool:
        slow = [pool.submit(ask, port, many_scans(760, 2500)) for _ in range(32)]
        time.sleep(1)
        assert max(seconds_for_a_drawing(port) for _ in range(3)) < 8
        assert {other.result().status_code for other in slow} <= {200, 503, 400}


def test_form_of_very_many_parts(app):
    _, port = app
    part = b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        start = time.perf_counter()
        headers = {"content-type": "multipart/form-data; boundary=b"}
        answer = pool.submit(ask, port, part * 180_000 + b"--b--", headers=headers)
        waits = []
        while not answer.done():
            waits.append(seconds_for_a_drawing(port))
        assert answer.result().json()["error"]["code"] == "bad_form"
        assert time.perf_counter() - start < 4 and max(waits, default=0) < 2


# --- accidents -----------------------------------------------------------------------------------


def test_decoders_that_die_again_and_again(model):
    """Killed while they decode, as by a system that runs out of memory: later requests do not suffer from it."""
    large = drawing(1000)
    with running(model) as (process, port), concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert ask(port, large).status_code == 200
        for _ in range(4):
            slow = pool.submit(ask, port, many_scans(5000, 300))
            while not slow.done():
                time.sleep(0.3)
                for one in decoders(process):
                    with contextlib.suppress(psutil.Error):
                        one.kill()
        assert slow.result().status_code == 503
        assert ask(port, drawing()).status_code == ask(port, large).status_code == 200
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=20).status_code == 200
        numbers = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text
        assert float(re.search(r"^app_lost_processes_total (\S+)", numbers, re.MULTILINE)[1]) >= 4


def test_no_descriptors_left(model):
    """Connections that do nothing take all of them, so that no decoder can be started; then they are gone."""
    with running(model) as (process, port):
        assert ask(port, drawing()).status_code == 200
        with connect(port) as first, contextlib.ExitStack() as stack:
            body = drawing(1000) + bytes(2**18)
            first.sendall(head(f"Content-Length: {len(body)}"))
            for one in decoders(process):
                one.kill()
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (64, 64))
            for _ in range(80):
                stack.enter_context(connect(port))
            time.sleep(0.5)
            first.sendall(body)
            assert first.recv(12) in (b"HTTP/1.1 503", b"HTTP/1.1 500")
        for data in (drawing(), drawing(1000)):
            assert wait_until(lambda data=data: ask(port, data).status_code == 200, 20)


def test_model_file_that_changes_under_the_running_app(tmp_path):
    """All answers are those of the model that it was started with."""
    path = save_model(tmp_path / "model.pt")
    with running(path) as (_, port):
        first = ask(port, drawing()).json()
        torch.manual_seed(1)
        model_module.save(model_module.Classifier(list("abcdefghij")), path)
        assert ask(port, drawing() + bytes(2**18)).json() == first
        path.unlink()
        assert ask(port, drawing(1000)).status_code == 200


BAD_MODELS = {
    "not finite": {"layers.0.weight": float("nan")},
    "a deviation of 0": {"std": 0},
    "a negative variance": {"layers.1.running_var": -1},
    "answers too large for a number": {"layers.0.weight": 1e30, "layers.3.weight": 1e30},
    "classes are numbers": {"classes": [0, 1]},
    "a class twice": {"classes": ["a", "a"]},
    "nested classes": {"classes": [["a"], ["b"]]},
    "half a character": {"classes": ["a", "\ud83d"]},
    "no classes": {"classes": []},
    "a tensor": torch.zeros(3),
    "a list": [1],
}


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("name", BAD_MODELS)
def test_bad_model_is_refused_when_it_is_loaded(tmp_path, name):
    """A network without classes, or whose answers are no numbers, was once started, and healthy."""
    content = BAD_MODELS[name]
    if isinstance(content, dict):
        classes = content.get("classes", ["a", "b"])
        weights = model_module.Classifier(["a", "b"][: len(classes)], 4).state_dict()
        for entry in content.keys() & weights.keys():
            weights[entry].fill_(content[entry])
        content = {"classes": classes, "width": 4, "state_dict": weights}
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(model_module.ModelError, match="is no model of lecture 6"):
        model_module.load(tmp_path / "model.pt")


def test_processes_that_decode_are_small(app):
    process, port = app
    assert ask(port, drawing(1000)).status_code == 200
    assert len(decoders(process)) == 2
    for one in decoders(process):
        assert one.memory_info().rss < 100 * 2**20
        assert not [place.path for place in one.memory_maps() if "torch" in place.path]


# --- HTTP that is not quite right ----------------------------------------------------------------


def test_upgrade_to_http_2_is_not_needed(app):
    """Clients that offer it, as Java's and `curl --http2` do, are answered in HTTP/1.1."""
    _, port = app
    data = drawing()
    with connect(port) as connection:
        offer = "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAA"
        connection.sendall(head(f"Content-Length: {len(data)}", *offer) + data)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


GOOD = head(f"Content-Length: {len(drawing())}") + drawing()
ODD = {
    "three requests at once": GOOD * 3,
    "garbage": b"\x16\x03\x01\x02\x00\x01\xfc\r\n\r\n",
    "garbage after a request": GOOD + b"\x00\xff\r\n\r\n",
    "garbage after a refusal": head("Transfer-Encoding: chunked") + b"A00001\r\n" + bytes(0xA00001) + b"\r\nzz\r\n" * 9,
    "websocket": head("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", method="GET", path="/"),
    "length of 5000 digits": head("Content-Length: " + "9" * 5000),
    "such a length after a request": GOOD + head("Content-Length: " + "9" * 5000),
    "negative length": head("Content-Length: -1"),
    "address that is no text": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "range of a file": head("Range: bytes=9-1,-0,5", method="GET", path="/static/page.js"),
    "form with a strange character set": head(
        "Content-Type: multipart/form-data; boundary=b; charset=punycode", "Content-Length: 60"
    )
    + b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n--b--',
}


@pytest.mark.parametrize("name", ODD)
def test_strangers_do_not_write_the_log(app, name):
    process, port = app
    for wait in (0, 0, 0, 0.2):
        with connect(port) as connection, contextlib.suppress(OSError):
            connection.sendall(ODD[name])
            time.sleep(wait)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed by a reset
    assert ask(port, drawing()).status_code == 200
    process.errors.seek(0)
    assert process.errors.read() == b""


def test_no_redirect_to_where_a_header_says(app):
    _, port = app
    for path in ("/predict/", "/static", "/healthz/", "/docs/"):
        answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=20, headers={"host": "elsewhere.example"})
        assert answer.status_code == 404 and "location" not in answer.headers


def test_monitors_may_ask_with_head(app):
    _, port = app
    assert httpx.head(f"http://127.0.0.1:{port}/healthz", timeout=20).status_code == 200


def test_more_connections_than_there_is_room_for(model):
    """Those above the limit are closed at once, so that descriptors are left for what the app opens itself."""
    with running(model) as (process, port), contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(port)) for _ in range(600)]
        assert wait_until(lambda: len(select.select(idle, [], [], 0)[0]) >= 600 - 512, 15)
        assert open_connections(process) <= 512
        stack.close()
        assert wait_until(lambda: open_connections(process) == 0, 20)
        assert seconds_for_a_drawing(port) < 8


# --- pictures that are all right -----------------------------------------------------------------


def exif(tag: int, kind: int) -> bytes:
    """EXIF data of a picture that lies on its side, with one more entry, whose type is odd."""
    entries = sorted([(0x112, 3, 1, struct.pack("<HH", 6, 0)), (tag, kind, 1, b"\x01\0\0\0")])
    body = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(20)


@pytest.mark.parametrize("tag", [0x100, 0x102, 0x11A, 0x128, 0x8769])
def test_turned_photographs_with_odd_notes(app, tag):
    _, port = app
    photo = Image.radial_gradient("L").resize((64, 48)).convert("RGB")
    photo.paste("red", (0, 0, 20, 48))
    upright = photo.transpose(Image.Transpose.ROTATE_270)
    expected = ask(port, encoded(upright)).json()["top"]
    for kind in range(1, 20):
        answer = ask(port, encoded(photo, "PNG", exif=exif(tag, kind)))
        assert answer.status_code == 200, kind
        assert [guess["label"] for guess in answer.json()["top"]] == [guess["label"] for guess in expected], kind


def test_photographs_with_long_notes(app):
    _, port = app
    texts = PngImagePlugin.PngInfo()
    texts.add_text("comment", "x" * 1_500_000, zip=True)
    for options in ({"pnginfo": texts}, {"icc_profile": bytes(2_000_000)}):
        assert ask(port, encoded(Image.open(io.BytesIO(drawing())), **options)).status_code == 200


# --- where it is shown ---------------------------------------------------------------------------


def test_frames_are_allowed_by_a_setting(app, model):
    """Hugging Face shows a Space's app in a frame of its own page."""
    _, port = app
    policy = httpx.get(f"http://127.0.0.1:{port}/", timeout=20).headers["content-security-policy"]
    assert policy.endswith("; frame-ancestors 'self'")
    with running(model, APP_FRAME_ANCESTORS="'self' https://huggingface.co") as (_, port):
        policy = httpx.get(f"http://127.0.0.1:{port}/", timeout=20).headers["content-security-policy"]
        assert policy.endswith("; frame-ancestors 'self' https://huggingface.co")


@pytest.mark.parametrize(("setting", "sent"), [("", "'none'"), (" 'self' \nhttps://a.b\n", "'self' https://a.b")])
def test_settings_with_odd_spaces_do_not_break_all_answers(model, setting, sent):
    with running(model, APP_FRAME_ANCESTORS=setting) as (_, port):
        policy = httpx.get(f"http://127.0.0.1:{port}/", timeout=20).headers["content-security-policy"]
        assert policy.endswith(f"; frame-ancestors {sent}")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--request-seconds", "0"), "from 1 to 3600"),
        (("--request-seconds", "-5"), "from 1 to 3600"),
        (("--request-seconds", "1" + "0" * 400), "from 1 to 3600"),
        (("--unsure-below", "nan"), "from 0 to 1"),
        (("--unsure-below", "50"), "from 0 to 1"),
    ],
)
def test_settings_that_make_no_sense(model, capsys, options, word):
    """With a time limit of nothing, each request would get 503; with a threshold of 50, each answer would be unsure."""
    with pytest.raises(SystemExit, match="2"):
        main(["--model", str(model), "--port", "0", *options])
    assert word in capsys.readouterr().err


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_all_addresses_are_those_of_both_versions(model):
    command = [*COMMAND, "--model", str(model), "--port", "0", "--host", "::"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().rpartition(":")[2].strip()
            for address in ("127.0.0.1", "[::1]"):
                assert httpx.get(f"http://{address}:{port}/", timeout=20).status_code == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()
