"""The app of lecture 6 under load, beside the slides' way of serving the same model, in the same run.

python tests/benchmarks/serving.py [--seconds 10] [--rounds 3] [--overload 60] [--requests 50000]

Debian's wrk is needed (apt install wrk). The picture is a drawing as the page's canvas sends it, a
PNG of 64 x 64 pixels. The slides' way: Flask under gunicorn with its defaults (one worker), each
request writes the upload to disk, builds and loads the model, transforms the picture, and gives the
three best. Both are asked over loopback by 16 clients that each wait for their answer (wrk), in turns.

Then the app alone, by an open-loop load from a process of its own (asyncio, in this file): requests
leave at their time, whether or not others have been answered, and latency counts from that time.
This client needs more of the cores than wrk, so its peak is measured first: its own 16 clients that
wait for their answers. Then 80 % of that peak; three times the peak; and 80 % again, to see how soon
it is over.
The last line is one JSON object:

    throughput_ratio       requests per second of the app over the slides', medians; the goal: at least 10
    requests_per_second    of the app, 16 clients
    p99_ms                 at 80 % of the peak under the open-loop client
    rss_growth_mb          of all its processes over 50,000 requests, after 5,000 to warm up
"""

import argparse
import asyncio
import collections
import contextlib
import io
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

SLIDES = """
import os, tempfile
import torch
from flask import Flask, request, jsonify
from PIL import Image
from torchvision import transforms
from lecture_app.model import Classifier

app = Flask(__name__)
folder = tempfile.mkdtemp(dir=os.environ["UPLOADS"])
transform = transforms.Compose([transforms.Resize((32, 32)), transforms.PILToTensor()])

@app.post("/predict")
def predict():
    path = os.path.join(folder, request.files["file"].filename)
    request.files["file"].save(path)
    checkpoint = torch.load(os.environ["APP_MODEL"])
    model = Classifier(checkpoint["classes"], checkpoint["width"])
    model.load_state_dict(checkpoint["state_dict"])
    model.eval()
    with torch.no_grad():
        image = transform(Image.open(path).convert("RGB")).unsqueeze(0)
        values, indices = torch.topk(torch.softmax(model(image), dim=1)[0], 3)
    return jsonify([[model.classes[i], p] for i, p in zip(indices.tolist(), values.tolist())])
"""


def drawing() -> bytes:
    """A seven, as the page sends it."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (384, 384), "white")
    ImageDraw.Draw(image).line([(96, 70), (288, 70), (140, 330)], "black", 35, joint="curve")
    file = io.BytesIO()
    image.resize((64, 64), Image.Resampling.LANCZOS).save(file, "PNG")
    return file.getvalue()


# --- servers and closed-loop load ----------------------------------------------------------------


@contextlib.contextmanager
def slides(model: Path, scratch: Path):
    """gunicorn with its defaults; gives the process and the port."""
    import socket

    (scratch / "slides.py").write_text(SLIDES)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    variables = os.environ | {"APP_MODEL": str(model), "UPLOADS": str(scratch)}
    variables["OMP_NUM_THREADS"] = "1"  # as the app has: with more it is slower, and by far where others compute too
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "slides:app"]
    with (scratch / "slides.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=scratch, env=variables, stdout=log, stderr=log)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        yield process, port
    finally:
        process.terminate()
        process.wait()


def wrk(port: int, script: Path, seconds: float, clients: int = 16) -> float:
    """Requests per second; every answer has to be 200."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--timeout", "20s", "-s", str(script)]
    output = subprocess.run([*command, f"http://127.0.0.1:{port}/predict"], capture_output=True, text=True).stdout
    assert "Non-2xx" not in output and "Socket errors" not in output, output
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def wrk_script(path: Path, body: bytes, kind: str) -> Path:
    data = "".join(f"\\x{byte:02x}" for byte in body)
    path.write_text(f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "{kind}"\nwrk.body = "{data}"\n')
    return path


# --- open-loop load ------------------------------------------------------------------------------


class Connection(asyncio.Protocol):
    """One connection of the load: a request at a time, an answer, and back to the pool."""

    def __init__(self, load):
        self.load, self.due, self.head = load, None, b""

    def connection_made(self, transport):
        self.transport = transport

    def ask(self, due: float | None = None):
        self.due = due or time.perf_counter()
        self.transport.write(self.load.request)

    def data_received(self, data):
        self.head += data
        head, end, rest = self.head.partition(b"\r\n\r\n")
        if end:
            length = int(re.search(rb"content-length: (\d+)", head)[1])
            if len(rest) >= length:
                status, self.head = int(head[9:12]), rest[length:]
                self.load.answered(self, status)

    def connection_lost(self, error):
        self.load.lost(self)


class Load:
    """Requests at a rate, for some seconds, whatever becomes of them."""

    def __init__(self, port: int, request: bytes, rate: float, seconds: float, most: int = 400):
        self.port, self.request, self.rate, self.seconds, self.most = port, request, rate, seconds, most
        self.free, self.opened, self.at_once = [], 0, False
        self.statuses, self.latencies, self.refused_ms = collections.Counter(), [], []

    async def peak(self, clients: int = 16) -> float:
        """Answers per second to clients that each wait for their answer and then ask again."""
        loop = asyncio.get_running_loop()
        for _ in range(clients):
            await self.open(loop)
        self.at_once = True
        for connection in self.free:
            connection.ask()
        await asyncio.sleep(self.seconds)
        return self.statuses[200] / self.seconds

    async def run(self) -> dict:
        loop = asyncio.get_running_loop()
        for _ in range(32):
            await self.open(loop)
        begin, sent, opening = time.perf_counter(), 0, set()
        total = int(self.rate * self.seconds)
        while sent < total:
            now = time.perf_counter() - begin
            while sent < total and sent / self.rate <= now:
                if self.free:
                    self.free.pop().ask(begin + sent / self.rate)
                    sent += 1
                elif self.opened < self.most:
                    task = loop.create_task(self.open(loop))
                    opening.add(task)
                    task.add_done_callback(opening.discard)
                    break
                else:  # the client itself is at its end: counted, never hidden
                    self.statuses["no free connection"] += 1
                    sent += 1
            await asyncio.sleep(0.0005)
        spent = time.perf_counter() - begin
        for _ in range(200):
            if sum(self.statuses.values()) >= total:
                break
            await asyncio.sleep(0.05)
        self.statuses["no answer"] += total - sum(self.statuses.values())
        slow = sorted(self.latencies)

        def quantile(share):
            return round(1000 * slow[int(share * (len(slow) - 1))], 1) if slow else None

        return {
            "sent_per_second": round(total / spent),
            "statuses": {str(key): count for key, count in self.statuses.items() if count},
            "p50_ms": quantile(0.5),
            "p99_ms": quantile(0.99),
            "max_ms": quantile(1),
            "refused_p99_ms": round(1000 * sorted(self.refused_ms)[int(0.99 * (len(self.refused_ms) - 1))], 1)
            if self.refused_ms
            else None,
        }

    async def open(self, loop) -> None:
        self.opened += 1
        try:
            _, connection = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.port)
            self.free.append(connection)
        except OSError:
            self.opened -= 1
            self.statuses["no connection"] += 1

    def answered(self, connection: Connection, status: int) -> None:
        late, connection.due = time.perf_counter() - connection.due, None
        self.statuses[status] += 1
        (self.latencies if status == 200 else self.refused_ms).append(late)
        if self.at_once:
            connection.ask()
        else:
            self.free.append(connection)

    def lost(self, connection: Connection) -> None:
        self.opened -= 1
        if connection.due is not None:
            self.statuses["connection lost"] += 1
        elif connection in self.free:
            self.free.remove(connection)


def in_a_process(way: str, port: int, request: bytes, rate: float, seconds: float) -> dict | float:
    """A method of Load in a process of its own, so that the load does not wait for this one."""
    code = "import sys, json, asyncio, uvloop, serving\n"
    code += "port, rate, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])\n"
    code += "load = serving.Load(port, sys.stdin.buffer.read(), rate, seconds)\n"
    code += "print(json.dumps(uvloop.run(getattr(load, sys.argv[4])())))"
    command = [sys.executable, "-c", code, str(port), str(rate), str(seconds), way]
    output = subprocess.run(command, input=request, cwd=Path(__file__).parent, capture_output=True, check=True).stdout
    return json.loads(output)


# --- the whole -----------------------------------------------------------------------------------


def one(port: int, body: bytes) -> None:
    headers = {"content-type": "image/png"}
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/predict", body, headers)) as answer:
        assert answer.status == 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement of throughput")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--overload", type=float, default=60, help="seconds; 0 leaves it out")
    parser.add_argument(
        "--requests", type=int, default=50_000, help="over which the memory is watched; 0 leaves it out"
    )
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("this benchmark needs wrk: apt install wrk")
    from app_process import running, save_model

    scratch = tempfile.TemporaryDirectory()
    folder = Path(scratch.name)
    model, picture = save_model(folder / "model.pt"), drawing()
    print(f"{os.cpu_count()} cores, load of the machine {os.getloadavg()[0]:.1f}; the picture has {len(picture)} bytes")
    raw = wrk_script(folder / "raw.lua", picture, "image/png")
    part = b'--limit\r\nContent-Disposition: form-data; name="file"; filename="seven.png"\r\n\r\n'
    form = wrk_script(folder / "form.lua", part + picture + b"\r\n--limit--\r\n", "multipart/form-data; boundary=limit")
    request = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(
        picture
    )
    request += picture

    with running(model) as (process, port), slides(model, folder) as (_, slides_port):
        speeds = {"slides": [], "app": [], "app, as a form": []}
        while not wrk(slides_port, form, 2):  # it listens before it has imported PyTorch
            pass
        wrk(port, raw, 2)
        for _ in range(options.rounds):
            speeds["slides"].append(wrk(slides_port, form, options.seconds))
            speeds["app"].append(wrk(port, raw, options.seconds))
            speeds["app, as a form"].append(wrk(port, form, options.seconds))
            print("; ".join(f"{name} {values[-1]:.0f} requests/s" for name, values in speeds.items()), flush=True)
        middle = {name: statistics.median(values) for name, values in speeds.items()}
        result = {"throughput_ratio": round(middle["app"] / middle["slides"], 1)}
        result["requests_per_second"] = round(middle["app"])

        peak = in_a_process("peak", port, request, 0, options.seconds)
        print(f"peak under the open-loop client: {peak:.0f} requests/s", flush=True)
        calm = in_a_process("run", port, request, 0.8 * peak, options.seconds)
        print("80 % of the peak:", calm, flush=True)
        result["p99_ms"] = calm["p99_ms"]

        if options.overload:
            print(
                "three times the peak:",
                storm := in_a_process("run", port, request, 3 * peak, options.overload),
                flush=True,
            )
            unexpected = set(storm["statuses"]) - {"200", "503", "no free connection"}
            print("neither 200 nor 503:", unexpected or "nothing", "| the process", process.poll() or "runs")
            begin = time.perf_counter()
            for _ in range(5):
                after = in_a_process("run", port, request, 0.8 * peak, 0.7)
                print(f"{time.perf_counter() - begin:.1f} s after:", after, flush=True)
                if after["p99_ms"] and after["p99_ms"] < 2 * calm["p99_ms"]:
                    break

        if options.requests:
            own = psutil.Process(process.pid)
            family = [own, *own.children(recursive=True)]
            wrk(port, raw, max(1, 5000 / middle["app"]))
            begin, asked = sum(one.memory_info().rss for one in family), 0
            while asked < options.requests:
                seconds = max(1, min(10, options.requests / middle["app"]))
                asked += int(wrk(port, raw, round(seconds)) * round(seconds))
            grown = sum(one.memory_info().rss for one in family) - begin
            result["rss_growth_mb"] = round(grown / 2**20, 1)
            print(f"memory over {asked} requests: {begin / 2**20:.0f} MB, {result['rss_growth_mb']:+.1f} MB")
    scratch.cleanup()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
