"""The web app: it answers a picture with its three most probable classes. `server.py` starts it."""

import asyncio
import base64
import contextlib
import io
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

import anyio
import torch
from anyio import to_process
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from PIL import Image
from prometheus_client import Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from .model import Classifier, predict
from .pictures import FORMATS, MAX_BYTES, SIZE, SMALL_BYTES, Refused, decode, set_up_process

STATIC = Path(__file__).resolve().parent / "static"
MAX_HELD = 128 * 2**20  # bytes of all uploads together
OWN_PICTURE = b"GIF87a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"  # one black pixel
PATHS = {"/", "/predict", "/healthz", "/metrics", "/docs", "/openapi.json"}

ANSWERS = Counter("app_requests", "Answers, by path and status", ["path", "status"])
PREDICTED = Counter("app_predicted", "Predictions, by their first class", ["label"])
UNSURE = Counter("app_unsure", "Predictions of too small a probability to rely on")
SECONDS = Histogram("app_predict_seconds", "From the headers of a picture to its prediction")
BATCH_SIZE = Histogram("app_batch_size", "Pictures per batch", buckets=(1, 2, 4, 8, 16, 32))
WAITING = Gauge("app_waiting", "Pictures that wait for their prediction")
LOST = Counter("app_lost_processes", "Decoding processes that died or took too long")
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it warns of malformed forms, which get a 400


def busy() -> Refused:
    """Return the refusal of a request that comes at a bad time."""
    return Refused(503, "busy", "Too much to do at the moment: try again in a second.")


async def in_process(function, *args):
    """Call a function in another process. If the call is cancelled, that process is killed."""
    return await to_process.run_sync(function, *args, cancellable=True, limiter=anyio.CapacityLimiter(math.inf))


class Station:
    """Does jobs in batches: those that arrive while it is busy wait, and together are the next batch.

    Args:
        work: takes the jobs of a batch and returns as many results. An exception among them is raised for its job.
        most: the largest number of jobs in a batch.
        room: the number of jobs from which on no more should come.
    """

    def __init__(self, work: Callable[[list], Awaitable[list]], most: int, room: float = math.inf):
        self.work, self.most, self.room = work, most, room
        self.queue: asyncio.Queue = asyncio.Queue()

    @property
    def full(self) -> bool:
        """Whether no more jobs should come."""
        return self.queue.qsize() >= self.room

    async def do(self, job):
        """Return the result of a job. Nothing is done for a caller that has been cancelled before its turn."""
        future = asyncio.get_running_loop().create_future()
        self.queue.put_nowait((job, future))
        return await future

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            batch = [await self.queue.get()]
            while not self.queue.empty() and len(batch) < self.most:
                batch.append(self.queue.get_nowait())
            jobs = [job for job, future in batch if not future.done()]
            futures = [future for _, future in batch if not future.done()]
            try:
                results = await self.work(jobs)
            except Exception as error:
                results = [error] * len(jobs)
            for future, result in zip(futures, results, strict=True):
                if not future.done():
                    future.set_exception(result) if isinstance(result, Exception) else future.set_result(result)


class Decoder:
    """Decodes pictures in a process of its own.

    A picture that takes too long or crashes the decoder costs that process, and another one is started. Nothing is
    remembered that could make later pictures fail.

    Args:
        seconds: the time limit for a batch.
        large: whether large pictures are decoded.
    """

    def __init__(self, seconds: float, large: bool):
        self.seconds, self.large = seconds, large

    async def decode(self, uploads: list[tuple[bytes, str]]) -> list[bytes | Refused | None]:
        """Return what :func:`.pictures.decode` does. If a batch fails, each picture is tried alone."""
        try:
            with anyio.fail_after(self.seconds):
                return await in_process(decode, uploads, self.large)
        except (TimeoutError, OSError, anyio.BrokenWorkerProcess) as error:
            LOST.inc()
            with contextlib.suppress(OSError, anyio.BrokenWorkerProcess):
                await in_process(set_up_process)  # started before the next picture's time begins
            if len(uploads) > 1:
                return [(await self.decode([upload]))[0] for upload in uploads]
            return [None if isinstance(error, TimeoutError) else busy()]


class Network:
    """Answers pictures. It needs little more time for sixteen than for one, so under load each is cheaper."""

    def __init__(self, model: Classifier):
        self.model = model

    async def predict(self, batch: list[bytes]) -> list[list[tuple[str, float]]]:
        """Return, of each picture, the most probable classes and their probabilities, best first."""
        BATCH_SIZE.observe(len(batch))
        return await asyncio.to_thread(self.compute, batch)

    def compute(self, batch: list[bytes]) -> list[list[tuple[str, float]]]:
        """Do what ``predict`` does. The network is asked once about the whole batch."""
        pixels = torch.frombuffer(bytearray(b"".join(batch)), dtype=torch.uint8)
        images = pixels.reshape(-1, SIZE, SIZE, 3).permute(0, 3, 1, 2)
        classes = self.model.classes
        best, places = predict(self.model, images).topk(min(3, len(classes)))
        rows = zip(best.tolist(), places.tolist(), strict=True)
        return [[(classes[place], value) for value, place in zip(*row, strict=True)] for row in rows]


class Guess(BaseModel):
    label: str
    probability: float


class Answer(BaseModel):
    top: list[Guess]
    unsure: bool
    seen: str | None = None


class Problem(BaseModel):
    error: dict[str, str]


ERRORS = {status: {"model": Problem} for status in (400, 408, 413, 415, 422, 503)}
PICTURE = {"schema": {"type": "string", "format": "binary"}}
FORM = {"schema": {"type": "object", "required": ["file"], "properties": {"file": PICTURE["schema"]}}}
KINDS = [*(f"image/{name.lower()}" for name in FORMATS), "application/octet-stream"]
CONTENT = {"multipart/form-data": FORM, **dict.fromkeys(KINDS, PICTURE)}
HOW = "The picture as it is, or as the field `file` of a form."
UPLOAD = {"requestBody": {"required": True, "description": HOW, "content": CONTENT}}


class Service:
    """The endpoints and what they share. The docstring of an endpoint is its description in /openapi.json.

    Args:
        model: the network.
        seconds: the time limit of a request, from its headers to its answer.
        unsure_below: an answer whose highest probability is below this one is marked as unsure.
    """

    def __init__(self, model: Classifier, seconds: float, unsure_below: float):
        self.seconds, self.unsure_below, self.held = seconds, unsure_below, 0  # held: bytes of all uploads
        self.small = Station(Decoder(1.0, large=False).decode, most=16, room=64)
        self.large = Station(Decoder(10.0, large=True).decode, most=1, room=4)
        self.network = Station(Network(model).predict, most=32)

    @contextlib.asynccontextmanager
    async def lifespan(self, app: FastAPI):
        """Start the processes that decode, and the work at all stations."""
        await asyncio.gather(in_process(set_up_process), in_process(set_up_process))
        running = [asyncio.create_task(station.run()) for station in (self.small, self.large, self.network)]
        yield
        for task in running:
            task.cancel()

    async def read(self, request: Request, body: bytearray) -> None:
        """Read an upload into ``body``, and add its size to ``held``.

        Raises:
            Refused: it is too large, or all uploads together are.
        """
        announced = int(request.headers.get("content-length", 0))  # h11 has checked that it is a number
        async for chunk in request.stream():
            body += chunk
            self.held += len(chunk)
            if max(announced, len(body)) > MAX_BYTES:
                message = f"The upload is too large: at most {MAX_BYTES >> 20} MB. Make the picture smaller."
                raise Refused(413, "too_large", message)
            if self.held > MAX_HELD:
                raise busy()

    async def answer(self, body: bytes, content_type: str, even_if_full: bool = False):
        """Return what the network sees of an upload, and its most probable classes.

        Raises:
            Refused: the upload is no picture, or too many wait.
        """
        for station in (self.large,) if len(body) > SMALL_BYTES else (self.small, self.large):
            if station.full and not even_if_full:
                raise busy()
            if pixels := await station.do((body, content_type)):
                return pixels, await self.network.do(pixels)
        raise Refused(400, "too_slow", "The picture takes too long to decode: open it, save it again and send that.")

    async def predict(self, request: Request, seen: bool = False) -> Response:
        """Send one picture, as it is or in the field `file` of a form."""
        started, body, complete = time.perf_counter(), bytearray(), False
        kind = request.headers.get("content-type", "application/octet-stream")
        if not kind.lower().startswith(("image/", "multipart/form-data", "application/octet-stream")):
            message = "Send the picture as image/*, application/octet-stream or multipart/form-data."
            raise Refused(415, "content_type", message)
        try:
            async with asyncio.timeout(self.seconds):
                await self.read(request, body)
                complete = True
                with WAITING.track_inprogress():
                    pixels, top = await self.answer(bytes(body), kind)
        except TimeoutError:
            slow = Refused(408, "slow", "The upload came too slowly: try again, or a smaller picture.")
            raise (busy() if complete else slow) from None
        finally:
            self.held -= len(body)
        SECONDS.observe(time.perf_counter() - started)
        PREDICTED.labels(top[0][0]).inc()
        unsure = top[0][1] < self.unsure_below
        UNSURE.inc(unsure)
        content = {"top": [{"label": label, "probability": round(value, 6)} for label, value in top], "unsure": unsure}
        if seen:
            png = io.BytesIO()
            Image.frombytes("RGB", (SIZE, SIZE), pixels).save(png, "PNG")
            content["seen"] = "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
        return Response(json.dumps(content, ensure_ascii=False), media_type="application/json")

    async def healthz(self) -> dict[str, str]:
        """Have a picture of the app's own answered, however many wait; 503 if that fails."""
        try:
            async with asyncio.timeout(self.seconds):
                await self.answer(OWN_PICTURE, "image/gif", even_if_full=True)
        except Exception as error:
            raise Refused(503, "broken", "Pictures cannot be answered: restart the app.") from error
        return {"status": "ok"}


async def explain(request: Request, error: Exception) -> Response:
    """Return the answer to a request that failed. Its body says what is wrong, to programs and to people."""
    match error:
        case Refused():
            status, code, message = error.args
        case HTTPException():
            status, message = error.status_code, f"{error.detail}: /docs lists what there is."
            code = HTTPStatus(status).name.lower()
        case RequestValidationError():
            status, code, message = (
                422,
                "bad_query",
                f"A parameter of the address is wrong: {error.errors()[0]['loc'][-1]}.",
            )
        case ClientDisconnect():
            status, code, message = 499, "disconnected", "Nobody reads this, but it is counted."
        case _:
            status, code, message = 500, "internal", "Something went wrong here; it is written in the log."
    headers = {"retry-after": "1"} if status == 503 else getattr(error, "headers", None)
    return Response(json.dumps({"error": {"code": code, "message": message}}), status, headers, "application/json")


def create_app(model: Classifier, seconds: float = 20, frame_ancestors: str = "'self'", unsure_below: float = 0.5):
    """Return the app, an ASGI application.

    Args:
        model: the network.
        seconds: the time limit of a request.
        frame_ancestors: the pages that may show the app in a frame, as in a Content-Security-Policy.
        unsure_below: an answer whose highest probability is below this one is marked as unsure.
    """
    service = Service(model, seconds, unsure_below)
    handled = (Refused, RequestValidationError, HTTPException, ClientDisconnect, Exception)
    app = FastAPI(
        title="What is in the picture?",
        description="The network of lecture 4, behind a web server.",
        version="1",
        lifespan=service.lifespan,
        docs_url=None,  # FastAPI's page loads scripts from the network; this app's own /docs does not
        redoc_url=None,
        redirect_slashes=False,  # to whatever host the request names
        exception_handlers=dict.fromkeys(handled, explain),
    )
    summary = "The three most probable classes of a picture"
    app.post("/predict", summary=summary, response_model=Answer, responses=ERRORS, openapi_extra=UPLOAD)(
        service.predict
    )
    app.get("/healthz", summary="Whether pictures are answered", responses={503: ERRORS[503]})(service.healthz)
    app.head("/healthz", include_in_schema=False)(service.healthz)

    @app.get("/metrics", summary="Numbers for Prometheus", response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type="text/plain; version=0.0.4; charset=utf-8")

    for path, file in (("/", "index.html"), ("/docs", "docs.html")):
        app.add_route(path, lambda request, file=file: FileResponse(STATIC / file), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC))
    return with_headers(app, frame_ancestors)


def with_headers(app, frame_ancestors: str):
    """Return an ASGI application that adds headers to the answers of another one, and counts them.

    It takes no notice of ``Range``: all files are small, and a range that is not there would get an answer of its own.
    """
    policy = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'"
    ancestors = " ".join(frame_ancestors.split()) or "'none'"  # a header neither ends with a space nor has two lines
    headers = [
        (b"content-security-policy", f"{policy}; frame-ancestors {ancestors}".encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-cache"),
    ]

    async def serve(scope, receive, send):
        async def send_more(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
                path = scope["path"] if scope["path"] in PATHS else "other"  # clients can invent any number of paths
                ANSWERS.labels(path, message["status"]).inc()
            await send(message)

        if "headers" in scope:
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"range"]
        await app(scope, receive, send_more)

    return serve
