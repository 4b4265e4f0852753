"""The process of the web app: the command line, the signals, the socket.

python lectures/06_app/server.py --port 8000      or `make app`; the settings: --help, and class Settings in app.py
"""

import argparse
import asyncio
import dataclasses
import signal
import socket
import sys
import threading
from pathlib import Path

import uvicorn
from batching import CannotCompute
from limits import slow_headers_refused


class Server(uvicorn.Server):
    """uvicorn's server, which says where it listens, and after SIGTERM ends with code 0."""

    def handle_exit(self, sig, frame):
        self.force_exit = self.should_exit and sig == signal.SIGINT  # Ctrl+C twice
        self.should_exit = True

    async def startup(self, sockets=None):
        await super().startup(sockets)
        host, port = sockets[0].getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        print(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)

    async def shutdown(self, sockets=None):
        state = self.config.app.app.state
        state.ready = False
        await asyncio.sleep(state.settings.drain_seconds)
        await super().shutdown(sockets)


def stop_with_stdin() -> None:
    """End as on SIGTERM once standard input closes: whoever started this process is gone, or wants it gone."""

    def wait():
        while sys.stdin.buffer.read1(4096):
            pass
        signal.raise_signal(signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl+C. Gives the exit code: 2 if it could not begin."""
    from app import Settings, create_app  # the processes that compute import this file too, and need none of it

    try:
        defaults = Settings.from_environment()
    except ValueError as error:
        print(f"a setting in the environment (APP_..., PORT) is wrong: {error}", file=sys.stderr)
        return 2
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=defaults.model, help="file of lecture 6 (%(default)s)")
    parser.add_argument("--host", default=defaults.host, help="0.0.0.0 lets other machines in (%(default)s)")
    parser.add_argument("--port", type=int, default=defaults.port, help="0 takes a free one (%(default)s)")
    parser.add_argument("--device", default=defaults.device, help="cpu, cuda, mps or auto (%(default)s)")
    parser.add_argument("--stop-with-stdin", action="store_true", help="end when standard input closes")
    options = vars(parser.parse_args(arguments))
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
        http=slow_headers_refused(settings.header_seconds, settings.max_connections),
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # who asks, and by which scheme, makes no difference here
        timeout_graceful_shutdown=int(settings.request_seconds) + 5,
    )
    Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
