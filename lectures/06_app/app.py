"""The web app: a picture comes in, the three most probable classes go out. `server.py` starts it."""

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from batching import Batcher, Full, one_process
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from limits import RETRY_AFTER, Gate, Memory, problem, read_body
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from uploads import FORMATS, Refused, Upload

HERE = Path(__file__).resolve().parent
log = logging.getLogger("app")
PATIENCE = 0.2  # seconds, after which a request looks whether its client is still there


@dataclasses.dataclass(frozen=True)
class Settings:
    """What can be set; each also by an environment variable: APP_MODEL, APP_PORT, APP_MAX_BYTES ..."""

    model: Path = HERE / "model.pt"
    host: str = "127.0.0.1"
    port: int = 8000
    device: str = "cpu"  # or cuda, mps, auto
    max_bytes: int = 10 * 2**20  # of an upload
    max_pixels: int = 25_000_000  # of a picture
    max_held: int = 128 * 2**20  # bytes of all uploads together
    max_batch: int = 32
    max_waiting: int = 64  # pictures in the queue
    max_requests: int = 256  # at a time, slow uploads included
    max_connections: int = 512
    header_seconds: float = 10.0
    request_seconds: float = 20.0  # from the headers to the answer
    drain_seconds: float = 0.0  # still listening, but not ready, after SIGTERM: time for a load balancer to notice

    @classmethod
    def from_environment(cls) -> "Settings":
        """The defaults, changed by the environment; hosts say in PORT where to listen.

        Raises:
            ValueError: a variable is no number.
        """
        given = {"port": os.environ["PORT"]} if os.environ.get("PORT") else {}
        for field in dataclasses.fields(cls):
            if value := os.environ.get(f"APP_{field.name.upper()}"):
                given[field.name] = value
        kinds = {field.name: type(field.default) for field in dataclasses.fields(cls)}
        kinds["model"] = Path
        return cls(**{name: kinds[name](value) for name, value in given.items()})


# --- what the answers look like, for the description at /docs ------------------------------------


class Guess(BaseModel):
    label: str
    probability: float = Field(ge=0, le=1)


class Answer(BaseModel):
    top: list[Guess] = Field(description="the most probable classes, best first")
    seen: str | None = Field(None, description="with ?seen=1: the picture as the network sees it, as a data URI")


class ProblemText(BaseModel):
    code: str = Field(description="for programs")
    message: str = Field(description="for people: what is wrong, and what to do")


class Problem(BaseModel):
    error: ProblemText


PICTURE = {"type": "string", "format": "binary"}
UPLOAD = {
    "requestBody": {
        "required": True,
        "description": "The picture as it is, or as the field `file` of a form.",
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["file"], "properties": {"file": PICTURE}},
            },
            **{f"image/{name.lower()}": {"schema": PICTURE} for name in FORMATS},
            "application/octet-stream": {"schema": PICTURE},
        },
    }
}
ERRORS = {
    400: "The picture is empty or damaged, or the form has no single file.",
    408: "The upload came too slowly.",
    413: "Too many bytes, or too many pixels.",
    415: "Not a picture, or not in a format that is read.",
    422: "A parameter of the address is wrong.",
    503: "Too much to do, or about to stop; Retry-After says when to come again.",
}


# --- the app -------------------------------------------------------------------------------------


class Metrics:
    """What to watch once it runs, for Prometheus."""

    def __init__(self, batcher: Batcher):
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        for name, lane in (("compute", batcher.small), ("compute_large", batcher.large)):
            ProcessCollector(name, lambda lane=lane: lane.pid, registry=registry)
        self.requests = Counter("app_requests", "Answers, by path and status", ["path", "status"], registry=registry)
        self.seconds = Histogram(
            "app_predict_seconds",
            "From the headers to the answer of POST /predict, status 200",
            buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
            registry=registry,
        )
        sizes = (1, 2, 4, 8, 16, 32, 64)
        self.batches = Histogram("app_batch_size", "Pictures per batch", buckets=sizes, registry=registry)
        batcher.observe = self.batches.observe
        waiting = Gauge("app_waiting", "Pictures that wait or are computed", registry=registry)
        waiting.set_function(lambda: batcher.waiting)
        self.refused = Counter("app_refused", "Requests refused with 503", registry=registry)
        self.classes = Counter("app_predicted", "Answers, by their first class", ["label"], registry=registry)
        self.counters = {label: self.classes.labels(label) for label in batcher.classes}  # the look-up is what costs
        self.paths: dict[tuple[str, int], Counter] = {}

    def answered(self, path: str, status: int, seconds: float) -> None:
        if path not in ("/", "/predict", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"):
            path = "other"  # strangers choose paths; each would be a number kept for ever
        if (counter := self.paths.get((path, status))) is None:
            counter = self.paths[path, status] = self.requests.labels(path, status)
        counter.inc()
        if path == "/predict":
            if status == 200:
                self.seconds.observe(seconds)
            elif status == 503:
                self.refused.inc()


def problem_response(status: int, code: str, message: str, headers: dict | None = None) -> Response:
    headers = dict(headers or {})
    if status == 503:
        headers["retry-after"] = str(RETRY_AFTER)
    return Response(problem(code, message), status, headers, "application/json")


async def wait_for(future: asyncio.Future, receive):
    """The future's result.

    Raises:
        ClientDisconnect: nobody waits for it any more; the future is cancelled then.
    """

    async def watch():
        while (await receive())["type"] != "http.disconnect":
            pass
        future.cancel()

    watchers = []  # most requests are answered before it is worth looking
    timer = future.get_loop().call_later(PATIENCE, lambda: watchers.append(asyncio.ensure_future(watch())))
    try:
        return await future
    except asyncio.CancelledError:
        if asyncio.current_task().cancelling():  # by the time limit
            raise
        raise ClientDisconnect from None
    finally:
        timer.cancel()
        for watcher in watchers:
            watcher.cancel()


def create_app(settings: Settings | None = None, start: Callable[[], Executor] = one_process) -> Gate:
    """The app as a whole, an ASGI application: FastAPI's is its attribute ``app``.

    Args:
        settings: the environment's, if not given.
        start: makes what computes.

    Raises:
        CannotCompute: the model cannot be loaded.
    """
    settings = settings or Settings.from_environment()
    batcher = Batcher(settings.model, settings.device, settings.max_batch, settings.max_waiting, start)
    metrics = Metrics(batcher)
    memory = Memory(settings.max_held)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI):
        batcher.start()
        app.state.ready = True
        yield
        app.state.ready = False
        await asyncio.to_thread(batcher.stop)

    app = FastAPI(
        title="What is in the picture?",
        description="The network of lecture 4, behind a web server.",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's page takes its scripts from elsewhere; ours needs no network
        redoc_url=None,
    )
    app.state.ready, app.state.settings, app.state.batcher = False, settings, batcher

    @app.post(
        "/predict",
        summary="The three most probable classes of a picture",
        response_model=Answer,
        response_model_exclude_none=True,
        responses={status: {"model": Problem, "description": text} for status, text in ERRORS.items()},
        openapi_extra=UPLOAD,
    )
    async def predict(request: Request, seen: bool = False) -> Response:
        kind = request.headers.get("content-type", "application/octet-stream")
        if not kind.lower().startswith(("image/", "multipart/form-data", "application/octet-stream")):
            raise Refused(
                415, "content_type", "Send the picture as image/*, application/octet-stream or multipart/form-data."
            )
        if not batcher.alive:
            raise Refused(503, "not_ready", "The app is starting or stopping: try again in a second.")
        body = None
        try:
            async with asyncio.timeout(settings.request_seconds):
                body = await read_body(request.headers, request.stream(), settings.max_bytes, memory)
                upload = Upload(body, kind, settings.max_pixels, wants_seen=seen)
                prediction = await wait_for(batcher.submit(upload), request.receive)
        except TimeoutError:
            if body is None:
                raise Refused(408, "slow", "The upload came too slowly: try again, or a smaller picture.") from None
            raise Refused(503, "busy", "There is too much to do at the moment: try again in a second.") from None
        except Full:
            raise Refused(503, "busy", "Too many requests at the moment: try again in a second.") from None
        finally:
            memory.held -= len(body or b"")
        metrics.counters[prediction.top[0][0]].inc()
        answer = {"top": [{"label": label, "probability": round(value, 6)} for label, value in prediction.top]}
        if prediction.seen:
            answer["seen"] = prediction.seen
        return Response(json.dumps(answer, ensure_ascii=False), media_type="application/json")

    @app.get("/healthz", summary="Whether the process is alive", responses={503: {"model": Problem}})
    async def healthz() -> dict[str, str]:
        if app.state.ready and not batcher.alive:
            raise Refused(503, "broken", "What computes has died again and again: look at the log, start the app anew.")
        return {"status": "ok"}

    @app.get("/readyz", summary="Whether requests are taken", responses={503: {"model": Problem}})
    async def readyz() -> dict[str, str]:
        if not app.state.ready:
            raise Refused(503, "not_ready", "The app is starting or stopping: try again in a second.")
        return {"status": "ready"}

    @app.get("/metrics", summary="Numbers for Prometheus", response_class=Response)
    async def numbers() -> Response:
        return Response(generate_latest(metrics.registry), media_type="text/plain; version=0.0.4; charset=utf-8")

    for path, file in (("/", "index.html"), ("/docs", "docs.html")):
        app.add_route(path, lambda request, file=file: FileResponse(HERE / "static" / file), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=HERE / "static"))

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return problem_response(error.status, error.code, error.message)

    @app.exception_handler(RequestValidationError)
    async def bad_query(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        name = first["loc"][-1]
        return problem_response(422, "bad_query", f"The parameter {name!r} of the address is wrong: {first['msg']}.")

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method"}.get(error.status_code, "http")
        return problem_response(error.status_code, code, f"{error.detail}: /docs lists what there is.", error.headers)

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody reads it; it is counted

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        return problem_response(500, "internal", "Something went wrong here; it is written in the log.")

    async def direct(scope, receive, send):
        """The way of most requests: FastAPI's routing would take a third of the time that its answer takes."""
        if scope["path"] != "/predict" or scope["method"] != "POST" or scope["query_string"]:
            return await app(scope, receive, send)
        try:
            response = await predict(Request(scope, receive), seen=False)
        except Refused as error:
            response = await refused(None, error)
        except ClientDisconnect as error:
            response = await gone(None, error)
        except Exception as error:
            log.exception("a request failed")
            response = await unexpected(None, error)
        await response(scope, receive, send)

    return Gate(app, direct, lambda: batcher.full, settings.max_requests, metrics.answered)
