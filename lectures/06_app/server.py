"""The process of the web app: the command line, the signals, the socket, and the limits on connections.

Left to a reverse proxy before it: HTTPS, strict HTTP, passwords, and limits for each client's address. The limits here
are for all clients together.
"""

import argparse
import functools
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import h11
import torch
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .app import create_app
from .model import ModelError, load

MAX_CONNECTIONS = 256  # more get 503, and twice as many are closed without an answer
MAX_HEADER = 2**15  # bytes, also of trailers; browsers send far less


class Protocol(H11Protocol):
    """uvicorn's HTTP protocol with one time limit, to the first answer and from each answer to the next.

    It ends a connection whose client is too slow, whether in sending headers or a body, or in reading.
    """

    def __init__(self, seconds: float, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seconds = seconds

    def connection_made(self, transport):
        super().connection_made(transport)
        self.clock = self.loop.call_later(self.seconds, transport.abort)
        if len(self.connections) > 2 * MAX_CONNECTIONS:
            transport.abort()

    def data_received(self, data):
        chunked = b"chunked" in data[:MAX_HEADER].lower() or (b"transfer-encoding", b"chunked") in (self.headers or ())
        if chunked and data.count(b"\r\n") > 200 + len(data) / 64:  # to parse chunks of a byte would take all the time
            self.give_up()
        else:
            super().data_received(data)

    def on_response_complete(self):
        self.clock.cancel()
        self.clock = self.loop.call_later(self.seconds, self.transport.abort)
        super().on_response_complete()

    def eof_received(self):
        return self.conn.their_state is h11.DONE  # who sends no more may still read the answer

    def connection_lost(self, exc):
        self.clock.cancel()
        super().connection_lost(exc)

    def handle_events(self):
        try:
            super().handle_events()
        except Exception:  # bytes that neither h11 nor uvicorn expected
            self.give_up()

    def send_400_response(self, msg):
        if self.cycle is None:
            super().send_400_response(msg)
        else:  # another request's answer may be under way
            self.give_up()

    def give_up(self):
        """Close the connection; what would still be sent to it is dropped."""
        if self.cycle is not None:
            self.cycle.disconnected = True
        self.transport.close()


def stop_with_stdin() -> None:
    """Stop as after SIGTERM when standard input closes: the process at its other end has ended."""
    while sys.stdin.buffer.read1(4096):
        pass
    signal.raise_signal(signal.SIGTERM)


def command_line() -> argparse.ArgumentParser:
    """Return the parser of the options. Each can also be set in the environment: APP_PORT, APP_MODEL ..."""
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description="Start the web app of lecture 6.")

    def option(name, default, kind, text):
        default = os.environ.get("APP_" + name.replace("-", "_").upper(), default)
        parser.add_argument(f"--{name}", default=default, type=kind, help=f"{text} (%(default)s)")

    option("model", Path(__file__).with_name("model.pt"), Path, "file of lecture 6")
    option("host", "127.0.0.1", str, "0.0.0.0 lets other machines in")
    option("port", os.environ.get("PORT", "8000"), int, "0 takes a free one")
    option("request-seconds", "20", int, "time limit of a request")
    option("frame-ancestors", "'self'", str, "pages that may show the app in a frame")
    option("unsure-below", "0.5", float, "an answer of a smaller probability is marked as unsure")
    parser.add_argument("--stop-with-stdin", action="store_true", help="end when standard input closes")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl+C, which end the process with code 0.

    Args:
        arguments: of the command line; by default those of the process.

    Returns:
        The exit code 2, if the app cannot start.
    """
    parser = command_line()
    options = parser.parse_args(arguments)
    if not 1 <= options.request_seconds <= 3600 or not 0 <= options.unsure_below <= 1:
        parser.error("--request-seconds is from 1 to 3600, and --unsure-below from 0 to 1")
    logging.basicConfig(level=logging.ERROR)
    torch.set_num_threads(1)  # batches are small: a second thread costs more than it helps
    try:
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        address = options.host, options.port
        listener = socket.create_server(address, family=family, backlog=1024, dualstack_ipv6=":" in options.host)
        model = load(options.model)
    except (OSError, OverflowError, ModelError) as error:
        where = "" if isinstance(error, ModelError) else f"cannot listen on {options.host}, port {options.port}: "
        print(f"{where}{error}", file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))  # uvicorn hands its signals on to these when it has ended
    if options.stop_with_stdin:
        threading.Thread(target=stop_with_stdin, daemon=True).start()
    host = f"[{options.host}]" if ":" in options.host else options.host
    print(f"listening on http://{host}:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        create_app(model, options.request_seconds, options.frame_ancestors, options.unsure_below),
        http=functools.partial(Protocol, options.request_seconds + 5),
        ws="none",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the app uses neither the client's address nor the scheme
        limit_concurrency=MAX_CONNECTIONS,
        h11_max_incomplete_event_size=MAX_HEADER,
        timeout_graceful_shutdown=options.request_seconds + 10,
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0
