"""Limits of number, size and time, so that many requests or hostile ones do not bring the app down.

The gate gets each request first, and refuses it before any other work is done. A header that is sent too slowly never
reaches an ASGI application, so the limits on headers are in the server's protocol.
"""

import asyncio
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .uploads import Refused

RETRY_AFTER = 1  # seconds
MAX_HEADER = 2**15  # bytes; browsers send far less
SECURITY_HEADERS = [
    (b"content-security-policy", b"default-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
     b"base-uri 'none'; form-action 'self'; frame-ancestors 'self'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
]  # fmt: skip


def problem(code: str, message: str) -> bytes:
    """Return the body that every answer with an error has."""
    return json.dumps({"error": {"code": code, "message": message}}).encode()


BUSY = problem("busy", "Too many requests at the moment: try again in a second.")


async def refuse(send: Callable) -> None:
    """Answer 503 through ASGI alone, which costs least while the app is overloaded."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(BUSY)),
        (b"retry-after", b"%d" % RETRY_AFTER),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": BUSY})


class Gate:
    """ASGI middleware that refuses too many requests at once, counts every answer and adds headers to it.

    Args:
        app: the ASGI application behind the gate; it gets the lifespan messages.
        serve: the ASGI application that gets the requests.
        full: returns whether no further prediction can be accepted.
        max_requests: the largest number of predictions at a time, including those whose upload is still arriving.
        observe: called with the path, status and seconds of each answer.
    """

    def __init__(
        self, app, serve, full: Callable[[], bool], max_requests: int, observe: Callable[[str, int, float], None]
    ):
        self.app = app
        self.serve = serve
        self.full = full
        self.max_requests = max_requests
        self.observe = observe
        self.running = 0

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = time.perf_counter()

        async def watched(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *SECURITY_HEADERS]
                self.observe(scope["path"], message["status"], time.perf_counter() - started)
            await send(message)

        if scope["path"] == "/predict" and scope["method"] == "POST":
            if self.running >= self.max_requests or self.full():
                return await refuse(watched)
            self.running += 1
            try:
                return await self.serve(scope, receive, watched)
            finally:
                self.running -= 1
        return await self.serve(scope, receive, watched)


@dataclasses.dataclass
class Memory:
    """The bytes of all uploads that are in memory now, ``held``, and how many there may be."""

    limit: int
    held: int = 0


async def read_body(headers, stream: AsyncIterator[bytes], max_bytes: int, memory: Memory) -> bytes:
    """Return the body of a request. Its size is added to ``memory.held``; the caller subtracts it.

    Raises:
        Refused: the announced or the received size is too large, or all uploads together need too much memory.
    """
    too_large = Refused(
        413, "too_large", f"The upload is too large: at most {max_bytes / 2**20:.0f} MB. Make the picture smaller."
    )
    if int(headers.get("content-length", 0)) > max_bytes:  # the server has checked that it is a number
        raise too_large
    chunks = []
    size = 0
    try:
        async for chunk in stream:
            size += len(chunk)
            memory.held += len(chunk)
            if size > max_bytes:
                raise too_large
            if memory.held > memory.limit:
                raise Refused(503, "busy", "Too many large uploads at the moment: try again in a second.")
            chunks.append(chunk)
    except BaseException:
        memory.held -= size
        raise
    return b"".join(chunks)


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with limits on the time and size of headers and on the number of connections.

    A request whose headers are not complete in time gets 408. A client that was answered before its upload was
    complete (because it is too large, say) may go on sending for the same time, so that it can read the answer.

    Args:
        header_seconds: the time limit.
        max_connections: further connections get 503; from twice as many on they are closed without an answer.
    """

    def __init__(self, header_seconds: float, max_connections: int, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.header_seconds = header_seconds
        self.max_connections = max_connections
        self.timer: asyncio.TimerHandle | None = None
        self.in_body = False
        self.header_size = 0

    # uvicorn and its parser call the methods without an underscore

    def connection_made(self, transport):
        super().connection_made(transport)
        if len(self.connections) > 2 * self.max_connections:
            transport.abort()
        elif len(self.connections) > self.max_connections:
            self.app = _refuse_and_close
        self._start_timer()

    def data_received(self, data):
        if not self.in_body:
            self.header_size += len(data)
        super().data_received(data)
        if not self.in_body and self.header_size and not self.transport.is_closing():
            self._start_timer()  # the rest of the header has to follow in time
            if self.header_size > MAX_HEADER:
                self._close_with(431, b"Request Header Fields Too Large", "headers", "The headers are too large.")

    def on_headers_complete(self):
        self.in_body = True
        self.header_size = 0
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self):
        self.in_body = False
        self.header_size = 0
        self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self):
        super().on_response_complete()
        if self.in_body:
            self._start_timer()

    def connection_lost(self, exc):
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self):
        """Start the timer unless it runs already."""
        if self.timer is None:
            self.timer = self.loop.call_later(self.header_seconds, self._too_slow)

    def _stop_timer(self):
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _too_slow(self):
        self.timer = None
        if self.cycle is None or (self.cycle.response_complete and not self.in_body):
            self._close_with(408, b"Request Timeout", "slow", "The request came too slowly: send it again.")
        elif self.cycle.response_complete:
            self.transport.close()

    def _close_with(self, status: int, phrase: bytes, code: str, message: str):
        """Write an answer past the ASGI application, which has no request to answer yet."""
        body = problem(code, message)
        self.transport.write(
            b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            % (status, phrase, len(body)) + body
        )  # fmt: skip
        self.transport.close()


async def _refuse_and_close(scope, receive, send):
    """Answer 503 and close the connection: the ASGI application of connections beyond the limit."""

    async def closing(message):
        if message["type"] == "http.response.start":
            message["headers"].append((b"connection", b"close"))
        await send(message)

    await refuse(closing)
