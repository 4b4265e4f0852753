"""The web app: it answers a picture with its three most probable classes. `server.py` starts it."""

import asyncio
import contextlib
import dataclasses
import functools
import json
import logging
import os
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from .batching import Batcher, Full, one_process
from .limits import RETRY_AFTER, Gate, Memory, problem, read_body
from .uploads import FORMATS, Refused, Upload

HERE = Path(__file__).resolve().parent
log = logging.getLogger("app")
PATIENCE = 0.2  # seconds that a request waits before it watches whether its client has disconnected


@dataclasses.dataclass(frozen=True)
class Settings:
    """The app's settings. Each has an environment variable: APP_MODEL, APP_PORT, APP_MAX_BYTES ..."""

    model: Path = HERE / "model.pt"
    host: str = "127.0.0.1"
    port: int = 8000
    device: str = "cpu"  # or cuda, mps, auto
    max_bytes: int = 10 * 2**20  # of an upload
    max_pixels: int = 25_000_000  # of a picture
    max_held: int = 128 * 2**20  # bytes of all uploads together
    max_batch: int = 32
    max_waiting: int = 64  # pictures in the queue
    max_requests: int = 256  # predictions at a time, slow uploads included
    max_connections: int = 512
    header_seconds: float = 10.0
    request_seconds: float = 20.0  # from the headers to the answer
    drain_seconds: float = 0.0  # after SIGTERM: requests are still served, but /readyz tells the load balancer to stop

    @classmethod
    def from_environment(cls) -> "Settings":
        """Return the defaults, overridden by the environment. APP_PORT overrides PORT, which hosting services set.

        Raises:
            ValueError: a variable that must be a number is not one.
        """
        given = {"port": os.environ["PORT"]} if os.environ.get("PORT") else {}
        for field in dataclasses.fields(cls):
            if value := os.environ.get(f"APP_{field.name.upper()}"):
                given[field.name] = value
        kinds = {field.name: type(field.default) for field in dataclasses.fields(cls)}
        kinds["model"] = Path
        return cls(**{name: kinds[name](value) for name, value in given.items()})


# --- the types of the answers, for the description at /docs --------------------------------------


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
    """What Prometheus records while the app runs."""

    def __init__(self, batcher: Batcher):
        registry = CollectorRegistry()
        self.registry = registry
        ProcessCollector(registry=registry)
        for name, lane in (("compute", batcher.small), ("compute_large", batcher.large)):
            ProcessCollector(name, lambda lane=lane: lane.pid, registry=registry)
        requests = Counter("app_requests", "Answers, by path and status", ["path", "status"], registry=registry)
        self.requests = functools.cache(requests.labels)  # labels() takes longer than inc(), so its results are kept
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
        predicted = Counter("app_predicted", "Answers, by their first class", ["label"], registry=registry)
        self.predicted = {label: predicted.labels(label) for label in batcher.classes}

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count an answer and its time."""
        if path not in ("/", "/predict", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"):
            path = "other"  # clients can invent any number of paths, and Prometheus would keep each of them
        self.requests(path, status).inc()
        if path == "/predict":
            if status == 200:
                self.seconds.observe(seconds)
            elif status == 503:
                self.refused.inc()


class Service:
    """The endpoints and what they share: settings, batcher, metrics, and the memory that uploads hold.

    The docstrings of the endpoints are their descriptions in /openapi.json.

    Args:
        settings: the app's settings.
        make_executor: returns the executor of a computing process.

    Raises:
        CannotCompute: the model cannot be loaded.
    """

    def __init__(self, settings: Settings, make_executor: Callable[[], Executor]):
        self.settings = settings
        self.batcher = Batcher(settings.model, settings.device, settings.max_batch, settings.max_waiting, make_executor)
        self.metrics = Metrics(self.batcher)
        self.memory = Memory(settings.max_held)
        self.ready = False

    @contextlib.asynccontextmanager
    async def lifespan(self, app: FastAPI):
        """Accept uploads while the app runs."""
        self.batcher.start()
        self.ready = True
        yield
        self.ready = False
        await asyncio.to_thread(self.batcher.stop)

    async def predict(self, request: Request, seen: bool = False) -> Response:
        """Send one picture, as it is or in the field `file` of a form."""
        kind = request.headers.get("content-type", "application/octet-stream")
        if not kind.lower().startswith(("image/", "multipart/form-data", "application/octet-stream")):
            raise Refused(
                415, "content_type", "Send the picture as image/*, application/octet-stream or multipart/form-data."
            )
        if not self.batcher.alive:
            raise Refused(503, "not_ready", "The app is starting or stopping: try again in a second.")
        body = None
        try:
            async with asyncio.timeout(self.settings.request_seconds):
                body = await read_body(request.headers, request.stream(), self.settings.max_bytes, self.memory)
                upload = Upload(body, kind, self.settings.max_pixels, wants_seen=seen)
                prediction = await wait_for(self.batcher.submit(upload), request.receive)
        except TimeoutError:
            if body is None:
                raise Refused(408, "slow", "The upload came too slowly: try again, or a smaller picture.") from None
            raise Refused(503, "busy", "There is too much to do at the moment: try again in a second.") from None
        except Full:
            raise Refused(503, "busy", "Too many requests at the moment: try again in a second.") from None
        finally:
            self.memory.held -= len(body or b"")
        self.metrics.predicted[prediction.top[0][0]].inc()
        answer = {"top": [{"label": label, "probability": round(value, 6)} for label, value in prediction.top]}
        if prediction.seen:
            answer["seen"] = prediction.seen
        return Response(json.dumps(answer, ensure_ascii=False), media_type="application/json")

    async def healthz(self) -> dict[str, str]:
        """Answer 503 if the app must be restarted."""
        if self.ready and not self.batcher.alive:
            raise Refused(503, "broken", "The computing process keeps dying: look at the log and restart the app.")
        return {"status": "ok"}

    async def readyz(self) -> dict[str, str]:
        """Answer 503 while the app starts or stops."""
        if not self.ready:
            raise Refused(503, "not_ready", "The app is starting or stopping: try again in a second.")
        return {"status": "ready"}

    async def measurements(self) -> Response:
        """Answer in the text format of Prometheus."""
        return Response(generate_latest(self.metrics.registry), media_type="text/plain; version=0.0.4; charset=utf-8")


async def wait_for(future: asyncio.Future, receive):
    """Return the future's result.

    Raises:
        ClientDisconnect: the client has closed its connection; the future is cancelled.
    """

    async def watch():
        while (await receive())["type"] != "http.disconnect":
            pass
        future.cancel()

    watchers = []  # stays empty for most requests, which are answered before the timer runs out
    timer = future.get_loop().call_later(PATIENCE, lambda: watchers.append(asyncio.ensure_future(watch())))
    try:
        return await future
    except asyncio.CancelledError:
        if asyncio.current_task().cancelling():  # the time limit cancelled it, not watch()
            raise
        raise ClientDisconnect from None
    finally:
        timer.cancel()
        for watcher in watchers:
            watcher.cancel()


# --- errors --------------------------------------------------------------------------------------


def problem_response(status: int, code: str, message: str, headers: dict | None = None) -> Response:
    """Return an answer with an error. With status 503 it says when to ask again."""
    headers = dict(headers or {})
    if status == 503:
        headers["retry-after"] = str(RETRY_AFTER)
    return Response(problem(code, message), status, headers, "application/json")


async def refused(request: Request, error: Refused) -> Response:
    """Answer with the reason of a refusal."""
    return problem_response(error.status, error.code, error.message)


async def bad_query(request: Request, error: RequestValidationError) -> Response:
    """Answer a request whose address has a wrong parameter."""
    first = error.errors()[0]
    name = first["loc"][-1]
    return problem_response(422, "bad_query", f"The parameter {name!r} of the address is wrong: {first['msg']}.")


async def http_error(request: Request, error: HTTPException) -> Response:
    """Answer a request for a path or with a method that the app does not have."""
    code = {404: "not_found", 405: "method"}.get(error.status_code, "http")
    return problem_response(error.status_code, code, f"{error.detail}: /docs lists what there is.", error.headers)


async def disconnected(request: Request, error: ClientDisconnect) -> Response:
    """Answer a client that has closed its connection, so that the status is counted."""
    return Response(status_code=499)


async def unexpected(request: Request, error: Exception) -> Response:
    """Answer after an error of the app itself, without its text, which may be confidential."""
    return problem_response(500, "internal", "Something went wrong here; it is written in the log.")


HANDLERS = {
    Refused: refused,
    RequestValidationError: bad_query,
    HTTPException: http_error,
    ClientDisconnect: disconnected,
    Exception: unexpected,
}


# --- the application -----------------------------------------------------------------------------


def add_endpoints(app: FastAPI, service: Service) -> None:
    """Give the app its addresses."""
    app.add_api_route(
        "/predict",
        service.predict,
        methods=["POST"],
        summary="The three most probable classes of a picture",
        response_model=Answer,
        response_model_exclude_none=True,
        responses={status: {"model": Problem, "description": text} for status, text in ERRORS.items()},
        openapi_extra=UPLOAD,
    )
    not_now = {503: {"model": Problem}}
    app.add_api_route("/healthz", service.healthz, summary="Whether the process is alive", responses=not_now)
    app.add_api_route("/readyz", service.readyz, summary="Whether requests are taken", responses=not_now)
    app.add_api_route("/metrics", service.measurements, summary="Numbers for Prometheus", response_class=Response)
    for path, file in (("/", "index.html"), ("/docs", "docs.html")):
        app.add_route(path, lambda request, file=file: FileResponse(HERE / "static" / file), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=HERE / "static"))


def bypass_routing(app: FastAPI, service: Service):
    """Return an ASGI application that answers most predictions itself and passes all other requests to FastAPI.

    FastAPI's routing would take the server's process 100 microseconds more for each request.
    """

    async def direct(scope, receive, send):
        if scope["path"] != "/predict" or scope["method"] != "POST" or scope["query_string"]:
            return await app(scope, receive, send)
        request = Request(scope, receive)
        try:
            response = await service.predict(request)
        except Exception as error:
            handler = HANDLERS.get(type(error), unexpected)
            if handler is unexpected:
                log.exception("a request failed")
            response = await handler(request, error)
        await response(scope, receive, send)

    return direct


def create_app(settings: Settings | None = None, make_executor: Callable[[], Executor] = one_process) -> Gate:
    """Return the app, an ASGI application. Its attribute ``app`` is the FastAPI application.

    Args:
        settings: by default those of the environment.
        make_executor: returns the executor of a computing process.

    Raises:
        CannotCompute: the model cannot be loaded.
    """
    service = Service(settings or Settings.from_environment(), make_executor)
    app = FastAPI(
        title="What is in the picture?",
        description="The network of lecture 4, behind a web server.",
        version="1",
        lifespan=service.lifespan,
        docs_url=None,  # FastAPI's page loads scripts from the network; this app's own /docs does not
        redoc_url=None,
        exception_handlers=HANDLERS,
    )
    app.state.service = service
    add_endpoints(app, service)
    direct = bypass_routing(app, service)
    return Gate(app, direct, lambda: service.batcher.full, service.settings.max_requests, service.metrics.answered)
