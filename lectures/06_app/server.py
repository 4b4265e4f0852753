"""The process of the web app: the command line, the signals, the socket."""

import argparse
import asyncio
import dataclasses
import functools
import signal
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from .app import Settings, create_app
from .batching import CannotCompute
from .limits import LimitedProtocol


class Server(uvicorn.Server):
    """uvicorn's server, which also prints its address, and exits with code 0 after SIGTERM."""

    def handle_exit(self, sig, frame):
        """Begin to stop. A second Ctrl+C stops at once."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def startup(self, sockets=None):
        """Start as uvicorn does, then print the address."""
        await super().startup(sockets)
        host, port = sockets[0].getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        print(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)

    async def shutdown(self, sockets=None):
        """Answer ``/readyz`` with 503 for ``drain_seconds``, then stop as uvicorn does."""
        service = self.config.app.app.state.service
        service.ready = False
        await asyncio.sleep(service.settings.drain_seconds)
        await super().shutdown(sockets)


def stop_with_stdin() -> None:
    """Stop as after SIGTERM when standard input closes: the process at its other end has ended."""

    def wait():
        while sys.stdin.buffer.read1(4096):
            pass
        signal.raise_signal(signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def command_line(defaults: Settings) -> argparse.ArgumentParser:
    """Return the parser of the options. They override the environment."""
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description="Start the web app of lecture 6.")
    parser.add_argument("--model", type=Path, default=defaults.model, help="file of lecture 6 (%(default)s)")
    parser.add_argument("--host", default=defaults.host, help="0.0.0.0 lets other machines in (%(default)s)")
    parser.add_argument("--port", type=int, default=defaults.port, help="0 takes a free one (%(default)s)")
    parser.add_argument("--device", default=defaults.device, help="cpu, cuda, mps or auto (%(default)s)")
    parser.add_argument("--stop-with-stdin", action="store_true", help="end when standard input closes")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl+C.

    Args:
        arguments: of the command line; by default those of the process.

    Returns:
        The exit code: 0 after serving, 2 if the app could not start.
    """
    try:
        defaults = Settings.from_environment()
    except ValueError as error:
        print(f"a setting in the environment (APP_..., PORT) is wrong: {error}", file=sys.stderr)
        return 2
    options = vars(command_line(defaults).parse_args(arguments))
    if options.pop("stop_with_stdin"):
        stop_with_stdin()
    settings = dataclasses.replace(defaults, **options)
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        print(f"cannot listen on {settings.host}, port {settings.port}: {error}", file=sys.stderr)
        return 2
    try:
        app = create_app(settings)
    except CannotCompute as error:
        listener.close()
        print(error, file=sys.stderr)
        return 2
    config = uvicorn.Config(
        app,
        http=functools.partial(LimitedProtocol, settings.header_seconds, settings.max_connections),
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the app uses neither the client's address nor the scheme
        timeout_graceful_shutdown=int(settings.request_seconds) + 5,
    )
    Server(config).run(sockets=[listener])
    return 0
