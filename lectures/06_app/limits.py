"""What keeps the app up when many come, or someone means harm: limits of number, size and time.

The gate is the first to see a request and refuses before anything else is done for it. A slow *header* is seen
by nobody behind the web server, so the server's protocol has a clock of its own.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable

from uploads import Refused
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

RETRY_AFTER = 1  # seconds
MAX_HEADER = 2**15  # bytes; no browser sends as many
SECURITY_HEADERS = [
    (b"content-security-policy", b"default-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
     b"base-uri 'none'; form-action 'self'; frame-ancestors 'self'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
]  # fmt: skip


def problem(code: str, message: str) -> bytes:
    """The body of every answer that is an error."""
    return json.dumps({"error": {"code": code, "message": message}}).encode()


BUSY = problem("busy", "Too many requests at the moment: try again in a second.")


async def refuse(send: Callable) -> None:
    """Answer 503, with as little work as can be."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(BUSY)),
        (b"retry-after", b"%d" % RETRY_AFTER),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": BUSY})


class Gate:
    """ASGI middleware: too many requests are refused at once, every answer is counted and gets its headers.

    Args:
        app: what comes behind; its lifespan is the gate's.
        serve: what requests are passed to.
        full: whether no further prediction can be taken on.
        max_requests: at a time, those whose upload is still coming included.
        observe: called with path, status and seconds of each answer.
    """

    def __init__(
        self, app, serve, full: Callable[[], bool], max_requests: int, observe: Callable[[str, int, float], None]
    ):
        self.app, self.serve, self.full = app, serve, full
        self.max_requests, self.observe = max_requests, observe
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


class Memory:
    """The bytes of all uploads that are held at the same moment, and their limit."""

    def __init__(self, limit: int):
        self.limit, self.held = limit, 0


async def read_body(headers, stream: AsyncIterator[bytes], max_bytes: int, memory: Memory) -> bytes:
    """The body of a request, read no further than the limits allow. Its size stays counted in ``memory.held``.

    Raises:
        Refused: it is too large, as announced or as it came; or no memory is left for it.
    """
    too_large = Refused(
        413, "too_large", f"The upload is too large: at most {max_bytes / 2**20:.0f} MB. Make the picture smaller."
    )
    if int(headers.get("content-length", 0)) > max_bytes:  # the server has checked that it is a number
        raise too_large
    chunks, size = [], 0
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


def slow_headers_refused(seconds: float, max_connections: int) -> type[HttpToolsProtocol]:
    """uvicorn's protocol with three more limits: on the time and size of headers, and on connections.

    A request whose headers have not come within so many seconds gets 408. A client that was answered before its
    upload was complete (too large, say) may go on sending for as long, so that it gets to read the answer.
    """

    class Protocol(HttpToolsProtocol):
        clock: asyncio.TimerHandle | None = None
        in_body = False
        header_size = 0

        def connection_made(self, transport):
            super().connection_made(transport)
            if len(self.connections) > 2 * max_connections:
                transport.abort()
            elif len(self.connections) > max_connections:
                self.app = self._refuse
            self._wind()

        @staticmethod
        async def _refuse(scope, receive, send):
            async def closing(message):
                if message["type"] == "http.response.start":
                    message["headers"].append((b"connection", b"close"))
                await send(message)

            await refuse(closing)

        def _wind(self):
            if self.clock is None:
                self.clock = self.loop.call_later(seconds, self._too_slow)

        def _unwind(self):
            if self.clock is not None:
                self.clock.cancel()
                self.clock = None

        def _too_slow(self):
            self.clock = None
            if self.cycle is None or (self.cycle.response_complete and not self.in_body):
                self._close_with(408, b"Request Timeout", "slow", "The request came too slowly: send it again.")
            elif self.cycle.response_complete:
                self.transport.close()

        def _close_with(self, status: int, phrase: bytes, code: str, message: str):
            body = problem(code, message)
            self.transport.write(
                b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
                % (status, phrase, len(body)) + body
            )  # fmt: skip
            self.transport.close()

        def data_received(self, data):
            if not self.in_body:
                self.header_size += len(data)
            super().data_received(data)
            if not self.in_body and self.header_size and not self.transport.is_closing():
                self._wind()  # part of a header has come: the rest has to follow
                if self.header_size > MAX_HEADER:
                    self._close_with(431, b"Request Header Fields Too Large", "headers", "The headers are too large.")

        def on_headers_complete(self):
            self.in_body, self.header_size = True, 0
            self._unwind()
            super().on_headers_complete()

        def on_message_complete(self):
            self.in_body, self.header_size = False, 0
            self._unwind()
            super().on_message_complete()

        def on_response_complete(self):
            super().on_response_complete()
            if self.in_body:
                self._wind()

        def connection_lost(self, exc):
            self._unwind()
            super().connection_lost(exc)

    return Protocol
