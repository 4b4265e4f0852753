"""The app of lecture 6 as a process: start, stop, slow senders, overload, fuzzing; through real connections."""

import concurrent.futures
import contextlib
import io
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
from app_process import COMMAND, decoders, environment, running, save_model, write_students_files
from conftest import ROOT
from lecture_app import server
from PIL import Image

APP = ROOT / "lectures" / "06_app"


def drawing(size: int = 128) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (size, size), "white").save(file, "PNG")
    return file.getvalue()


def request(body: bytes, *headers: str, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = ["POST /predict HTTP/1.1", "Host: x", "Content-Type: image/png", f"Content-Length: {size}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def answer(connection: socket.socket) -> tuple[int, dict[str, str], dict]:
    """Status, headers and content of the next answer."""
    file = connection.makefile("rb")
    status = int(file.readline().split()[1])
    headers = {}
    while (line := file.readline().strip()) != b"":
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return status, headers, json.loads(file.read(int(headers["content-length"])))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "model.pt")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory) -> Path:
    """The folder for temporary files of the app that the tests share."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def app(model, scratch, tmp_path_factory):
    """The app, started in a folder that holds files with the names of its modules."""
    folder = write_students_files(tmp_path_factory.mktemp("student"))
    with running(model, cwd=folder, TMPDIR=str(scratch), APP_REQUEST_SECONDS="2") as (process, port):
        yield process, port
        process.errors.seek(0)
        assert process.errors.read() == b""  # whatever the tests sent: nothing went wrong inside


def test_a_client_that_sends_no_more_still_gets_its_answer(app):
    data = drawing()
    with socket.create_connection(("127.0.0.1", app[1]), timeout=30) as client:
        client.sendall(f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while part := client.recv(65536):  # until the app closes
            answer += part
    assert answer.startswith(b"HTTP/1.1 200") and b'"top"' in answer


# --- start and stop ------------------------------------------------------------------------------


def test_missing_model_is_one_line(tmp_path):
    command = [*COMMAND, "--port", "0", "--model", str(tmp_path / "none.pt")]
    process = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60)
    assert process.returncode == 2 and process.stdout == ""
    assert process.stderr == f"there is no model {tmp_path / 'none.pt'}: run lecture 6, which makes it\n"


def copy_as_into_the_container(folder: Path, model: Path) -> list[str]:
    """Do what the COPY lines of the Dockerfile do; return the command of the container."""
    dockerfile = (APP / "Dockerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (.+)$", dockerfile, re.MULTILINE):
        *sources, target = line.split()
        (folder / target).mkdir(parents=True, exist_ok=True)
        for source in sources:
            paths = [model] if source.endswith("/model.pt") else sorted(ROOT.glob(source))
            assert paths, source
            for path in paths:
                if path.is_dir():
                    shutil.copytree(path, folder / target, dirs_exist_ok=True)
                else:
                    shutil.copy(path, folder / target)
    (command,) = re.findall(r"^CMD (.+)$", dockerfile, re.MULTILINE)
    return json.loads(command)


def test_starts_from_the_files_of_the_container_alone(model, tmp_path):
    """Python takes both packages from the folder, so that a module that was not copied is missing."""
    assert copy_as_into_the_container(tmp_path, model) == ["python", *COMMAND[1:]]
    code = "from lecture_app import app, model; from lecture_utils import pictures\n"
    code += "from lecture_app.server import command_line\n"
    code += "print(command_line().parse_args([]).model, model.__file__, pictures.__file__)"
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True).stdout
    files = ("lecture_app/model.pt", "lecture_app/model.py", "lecture_utils/pictures.py")
    assert found.split() == [str(tmp_path / file) for file in files]
    with running(tmp_path / "lecture_app" / "model.pt", cwd=tmp_path) as (_, port):
        content = httpx.post(f"http://127.0.0.1:{port}/predict", content=drawing(), timeout=30).json()
        assert len(content["top"]) == 3
        assert "<!doctype html>" in httpx.get(f"http://127.0.0.1:{port}/").text


def test_a_package_that_is_missing_is_one_line(model, tmp_path):
    (tmp_path / "uvicorn.py").write_text("raise ImportError('too little memory')\n")
    process = subprocess.run(
        [*COMMAND, "--model", str(model)], env=environment(PYTHONPATH=str(tmp_path)), capture_output=True, text=True
    )
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == "the app cannot start: too little memory\n"


def test_what_else_prevents_the_start_is_one_line(model, tmp_path, capsys, monkeypatch):
    """A bad model, a port that is taken or that there is not: code 2 and no traceback."""
    (tmp_path / "bad.pt").write_bytes(b"no model")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for options, words in (
            (["--model", str(tmp_path / "bad.pt")], "bad.pt"),
            (["--model", str(model), "--port", port], f"cannot listen on 127.0.0.1, port {port}"),
            (["--model", str(model), "--port", "70000"], "cannot listen on 127.0.0.1, port 70000"),
        ):
            assert server.main(options) == 2
            out, err = capsys.readouterr()
            assert words in err and err.count("\n") == 1 and out == ""
    monkeypatch.setenv("APP_PORT", "many")
    with pytest.raises(SystemExit, match="2"):
        server.main([])
    assert "--port: invalid int value: 'many'" in capsys.readouterr().err


def test_sigterm_finishes_what_is_running(model):
    with running(model) as (process, port):
        begun = connect(port)
        body = drawing()
        begun.sendall(request(body[:50], length=len(body)))  # an upload that is on its way
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=20).status_code == 200
        process.send_signal(signal.SIGTERM)
        time.sleep(1)
        with pytest.raises(OSError):  # nobody new is let in
            connect(port)
        assert process.poll() is None
        begun.sendall(body[50:])
        status, _, content = answer(begun)
        assert status == 200 and len(content["top"]) == 3
        assert process.wait(20) == 0
        process.errors.seek(0)
        assert process.errors.read() == b""


def family(process) -> list[psutil.Process]:
    """The process and all that it has started: those that compute, and Python's helpers for them."""
    own = psutil.Process(process.pid)
    return [own, *own.children(recursive=True)]


def resident(process) -> int:
    return sum(one.memory_info().rss for one in family(process))


def test_signal_for_all_of_its_processes_finishes_what_is_running(model):
    """systemd sends SIGTERM to each process of a service, a terminal sends Ctrl+C to each."""
    for number in (signal.SIGTERM, signal.SIGINT):
        with running(model) as (process, port):
            begun = connect(port)
            body = drawing()
            begun.sendall(request(body[:50], length=len(body)))
            assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=20).status_code == 200
            for one in family(process):
                one.send_signal(number)
            time.sleep(0.5)
            begun.sendall(body[50:])
            assert answer(begun)[0] == 200
            assert process.wait(20) == 0
            process.errors.seek(0)
            assert process.errors.read() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_running(model, number):
    with running(model) as (process, port):
        assert httpx.post(f"http://127.0.0.1:{port}/predict", content=drawing(), timeout=20).status_code == 200
        started = family(process)
        assert len(started) >= 3
        process.send_signal(number)
        process.wait(10)
        _, alive = psutil.wait_procs(started, timeout=10)
        left = [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
        for one in left:
            one.kill()
        assert not left


def test_what_decodes_is_started_again(model):
    """Killed while idle, as by a system that needs the memory: nobody notices."""
    with running(model) as (process, port):
        url = f"http://127.0.0.1:{port}/predict"
        both = drawing(), drawing(1000)  # small and large
        first = {data: httpx.post(url, content=data, timeout=30).json() for data in both}
        killed = decoders(process)
        assert len(killed) == 2
        for one in killed:
            one.kill()
        for data, content in first.items():
            again = httpx.post(url, content=data, timeout=30)
            assert (again.status_code, again.json()) == (200, content)
        assert decoders(process) and not decoders(process) & killed


def test_large_pictures_keep_nobody_waiting(model):
    """WebP above all: it is decoded in one call that holds Python's lock. Small ones are answered meanwhile."""
    large = io.BytesIO()
    Image.effect_noise((2500, 2500), 50).convert("RGB").save(large, "WEBP", quality=10, method=0)
    with running(model, APP_REQUEST_SECONDS="60") as (_, port), concurrent.futures.ThreadPoolExecutor(3) as pool:
        url = f"http://127.0.0.1:{port}/predict"
        httpx.post(url, content=drawing(), timeout=30)
        slow = [pool.submit(httpx.post, url, content=large.getvalue(), timeout=60) for _ in range(3)]
        small = 0
        with httpx.Client() as client:
            while not any(future.done() for future in slow):
                assert client.post(url, content=drawing()).status_code == 200
                small += 1
        assert small >= 5
        assert [future.result().status_code for future in slow] == [200] * 3


def test_ends_with_its_standard_input(model):
    with running(model, "--stop-with-stdin") as (process, port):
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=20).status_code == 200
        process.stdin.close()
        assert process.wait(20) == 0
        process.stdin = None


# --- slow and large ------------------------------------------------------------------------------


@contextlib.contextmanager
def dripping(connection):
    """A byte now and then, until the block ends or the connection is closed."""
    stop = threading.Event()

    def drip():
        with contextlib.suppress(OSError):
            while not stop.wait(0.1):
                connection.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_slow_upload_gets_408(app):
    _, port = app
    with connect(port) as slow:
        slow.sendall(request(b"", length=1000))
        start = time.perf_counter()
        with dripping(slow):
            status, _, content = answer(slow)
            assert status == 408 and content["error"]["code"] == "slow" and 2 < time.perf_counter() - start < 10
            with contextlib.suppress(OSError):  # and who goes on dripping is cut off
                while slow.recv(100):
                    pass
        assert time.perf_counter() - start < 20


@pytest.mark.parametrize("first", [b"", b"POST /pre", b"POST /predict HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_slow_headers_are_cut_off(app, first):
    """Slowloris: a header that never ends, a byte now and then; no ASGI application ever sees it."""
    _, port = app
    with connect(port) as slow:
        start = time.perf_counter()
        slow.sendall(first)
        with dripping(slow) if first else contextlib.nullcontext():
            closed(slow)
        assert time.perf_counter() - start < 15


def closed(connection: socket.socket) -> None:
    """Wait until the other end has closed the connection, without a word."""
    with contextlib.suppress(ConnectionError):
        assert connection.recv(100) == b""


def test_slow_headers_of_a_second_request(app):
    _, port = app
    with connect(port) as slow:
        slow.sendall(request(drawing()))
        assert answer(slow)[0] == 200
        start = time.perf_counter()
        slow.sendall(b"POST /pre")
        closed(slow)
        assert time.perf_counter() - start < 15


def test_endless_headers_are_cut_off(app):
    _, port = app
    with connect(port) as endless:
        endless.sendall(b"GET / HTTP/1.1\r\n")
        status = None
        try:
            for _ in range(1000):
                endless.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")
                time.sleep(0.0005)
        except OSError:
            status = "reset"
        if status is None:
            status = int(endless.recv(12).split()[1])
        assert status in ("reset", 400)


def test_100_megabytes(app):
    """Announced, or chunked without length: refused long before it is all there, and the memory stays."""
    process, port = app
    before = resident(process)
    piece = bytes(2**20)
    for announced in (True, False):
        with connect(port) as connection:
            if announced:
                connection.sendall(request(b"", length=100 * 2**20))
            else:
                chunked = request(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
                connection.sendall(chunked)
            sent = 0
            try:
                for _ in range(100):
                    connection.sendall(piece if announced else b"%x\r\n%b\r\n" % (len(piece), piece))
                    sent += 1
                    connection.settimeout(0.001)
                    try:
                        if connection.recv(1, socket.MSG_PEEK):
                            break
                    except TimeoutError:
                        pass
                    connection.settimeout(20)
            except OSError:
                pass
            connection.settimeout(20)
            status, _, content = answer(connection)
            assert status == 413 and content["error"]["code"] == "too_large" and "10 MB" in content["error"]["message"]
            assert sent < 30
    assert resident(process) - before < 60 * 2**20


def test_client_that_sends_everything_first_gets_to_read_why(app):
    """The refused upload is thrown away as it comes, so that a plain client sees 413 and no reset."""
    _, port = app
    sent = httpx.post(f"http://127.0.0.1:{port}/predict", content=bytes(40 * 2**20), timeout=20)
    assert sent.status_code == 413


def test_uploads_never_touch_the_disk(app, scratch):
    """Files that are open or written anywhere while a large form is uploaded: none."""
    process, port = app
    data = io.BytesIO()
    Image.effect_noise((2200, 2200), 100).convert("RGB").save(data, "JPEG", quality=92)
    assert len(data.getvalue()) > 3 * 2**20  # more than Starlette's own parser keeps in memory
    watched, stop = set(), threading.Event()
    whole = family(process)

    def watch():
        while not stop.is_set():
            watched.update(file.path for one in whole for file in one.open_files())

    written = sum(one.io_counters().write_bytes for one in whole)
    thread = threading.Thread(target=watch)
    thread.start()
    for _ in range(3):
        for _ in range(60):  # the process for large pictures is started for the first of them
            files = {"file": ("../x.jpg", data.getvalue())}
            sent = httpx.post(f"http://127.0.0.1:{port}/predict", files=files, timeout=20)
            if sent.status_code != 503:
                break
            time.sleep(1)
        assert sent.status_code == 200, sent.text
    stop.set()
    thread.join()
    assert sum(one.io_counters().write_bytes for one in whole) - written < 2**20
    assert not [path for path in watched if path.startswith(str(scratch)) or "tmp" in path.split("/")[1:2]]
    assert list(scratch.iterdir()) == []


# --- too many ------------------------------------------------------------------------------------


def test_too_many_connections(model):
    with running(model) as (_, port):
        idle = [connect(port) for _ in range(server.MAX_CONNECTIONS)]
        time.sleep(1)
        with connect(port) as late:
            late.sendall(request(drawing()))
            refused = late.makefile("rb").read()
            assert refused.startswith(b"HTTP/1.1 503") and b"connection: close" in refused
        for connection in idle:
            connection.close()
        time.sleep(1)
        with connect(port) as later:
            later.sendall(request(drawing()))
            assert answer(later)[0] == 200


def test_overload_is_refused_at_once_and_over_soon(model):
    """32 clients where 4 may wait: answers and refusals, nothing else; and then it is as before."""
    with running(model) as (_, port):
        url, data = f"http://127.0.0.1:{port}/predict", drawing(1000)
        statuses, refused = [], []

        def many():
            with httpx.Client() as client:
                for _ in range(3):
                    start = time.perf_counter()
                    got = client.post(url, content=data, headers={"content-type": "image/png"}, timeout=20)
                    statuses.append(got.status_code)
                    if got.status_code == 503:
                        refused.append(time.perf_counter() - start)
                        assert got.headers["retry-after"] == "1" and got.json()["error"]["code"] == "busy"

        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            for future in [pool.submit(many) for _ in range(32)]:
                future.result()
        assert set(statuses) == {200, 503} and len(statuses) == 96
        assert httpx.post(url, content=data, headers={"content-type": "image/png"}).status_code == 200
        numbers = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        assert f'{{path="/predict",status="503"}} {float(len(refused))}' in numbers and "app_waiting 0.0" in numbers


# --- fuzzing -------------------------------------------------------------------------------------


def test_fuzzed_from_its_description(app):
    """Requests that schemathesis makes up, right and wrong ones: never a 500, and always as described."""
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis.errors import InvalidArgument, Unsatisfiable
    from schemathesis.checks import CHECKS, load_all_checks
    from schemathesis.generation import GenerationMode

    load_all_checks()
    _, port = app
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")
    names = ["not_a_server_error", "status_code_conformance", "content_type_conformance"]
    names += ["response_schema_conformance", "response_headers_conformance", "unsupported_method"]
    checks = CHECKS.get_by_names(names)
    seen = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in GenerationMode:

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=60 if operation.path == "/predict" else 10,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def ask_and_check(case):
                got = case.call()
                case.validate_response(got, checks=checks)
                seen.add((case.operation.path, got.status_code))

            try:
                ask_and_check()
            except (InvalidArgument, Unsatisfiable):  # a request without parameters cannot be wrong
                assert mode is GenerationMode.NEGATIVE
    statuses = {status for path, status in seen if path == "/predict"}
    assert {415, 400} <= statuses and ("/healthz", 200) in seen and ("/metrics", 200) in seen
