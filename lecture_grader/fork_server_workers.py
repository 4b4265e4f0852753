"""A clean process that has imported what notebooks import, from which each worker is forked.

Importing costs seconds, a fork milliseconds. The parent is forked from one that outlives the command,
see ``lecture_grader.fork_server_kernels``, or started anew; it runs no code of a student and reads no checks: a fork
can read all of its memory. It has one thread, and has never used another, since a fork of a process
whose thread pool has run hangs at its next parallel operation.
Each fork becomes the launcher of ``sandbox`` and goes through the same steps as a new program.

What forks of one parent share, and new programs do not: where libraries lie in memory, and the
secret of Python's hashes, so the order of a set of strings is the same in all of them.
"""

import atexit
import contextlib
import gc
import itertools
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from lecture_grader import sandbox
from lecture_grader.fork_server_kernels import Cold, data_mb, fork_clean, use_huge_pages
from lecture_grader.sandbox import MB, SandboxError

MAX_FORKS = 500  # then the parent is replaced,
MAX_GROWTH = 256 * MB  # or when it has taken so much more memory than at first
START_SECONDS = 120
PRELOADED = (
    "torch._dynamo",  # imported by the first optimiser
    "torch.utils.data",
    "torchvision.transforms.v2",
    "torchvision.datasets",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "PIL.BmpImagePlugin",  # the five that Pillow tries first
    "PIL.GifImagePlugin",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "PIL.PpmImagePlugin",
    "sklearn.datasets.images",
    "sklearn.model_selection",
    "IPython.core.completerlib",  # what a shell imports when it is made
    "IPython.core.crashhandler",
    "IPython.core.logger",
    "IPython.core.magics",
    "lecture_utils.data",
    "lecture_utils.device",
    "lecture_utils.plotting",
    "lecture_utils.widgets",
)
_SERVER = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[1])!r}); "
    "from lecture_grader.fork_server_workers import serve; serve(globals().get('imported_mb', 0))"
)


class Forked:
    """A process that a :class:`Parent` forked: what the grader needs of ``subprocess.Popen``.

    ``returncode`` is its exit status, -SIGKILL where it was killed, None while it runs.
    """

    def __init__(self, connection: socket.socket):
        """Wait until it is there.

        Raises:
            SandboxError: it did not come.
        """
        self._connection, self._lock = connection, threading.Lock()
        self.returncode: int | None = None
        connection.settimeout(START_SECONDS)
        try:
            message, handles, _, _ = socket.recv_fds(connection, 100, 1)
        except OSError:
            message, handles = b"", []
        if not handles:
            connection.close()
            raise SandboxError("the warm process forked none")
        self.pid, self._handle = int(message), handles[0]

    def poll(self) -> int | None:
        with self._lock:
            if self.returncode is None and _readable(self._connection, 0):
                status = self._connection.recv(1)
                self.returncode = status[0] if status else -signal.SIGKILL
                self._connection.close()
                os.close(self._handle)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        if self.returncode is None:
            with contextlib.suppress(OSError, ValueError):  # another thread has seen its end
                _readable(self._connection, timeout)
        if (status := self.poll()) is None:
            raise subprocess.TimeoutExpired("a forked worker", timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        with self._lock:  # by its handle: its number may be another's when it is gone
            if self.returncode is None:
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def drop(self) -> None:
        """Kill it and look no more after it: nobody has to bury it."""
        self.kill()
        with self._lock:
            if self.returncode is None:
                self.returncode = -signal.SIGKILL
                self._connection.close()
                os.close(self._handle)


def _readable(connection: socket.socket, seconds: float | None) -> bool:
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


class Parent:
    """The warm process of one configuration; it ends, and all its forks with it, when the grader does."""

    def __init__(self, threads: int):
        self.forks, self.users, self._first_size = 0, 0, 0
        self._home = tempfile.TemporaryDirectory(prefix="grading-warm-", ignore_cleanup_errors=True)
        fonts = Path(self._home.name) / ".matplotlib"
        fonts.mkdir()
        for name in sandbox.font_cache():
            (fonts / Path(name).name).write_bytes(Path(name).read_bytes())
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        variables = sandbox.environment(self._home.name, threads) | {"OPENBLAS_NUM_THREADS": "1"}
        streams = {"stdin": theirs, "stdout": subprocess.DEVNULL, "stderr": self._said}
        options: dict[str, Any] = {"env": variables, "cwd": self._home.name} | streams
        self.process: Any  # a Popen, or what does for one
        try:
            self.process = fork_clean([sys.executable, "-c", _SERVER], path=[], **options)
        except Cold:
            command = [sys.executable, "-I", "-c", _SERVER]
            self.process = subprocess.Popen(command, start_new_session=True, **options)
        theirs.close()

    def fork(self, config: dict, connection: socket.socket, said: IO[bytes]) -> Forked:
        """A process that becomes the launcher of ``config``, with these as its socket and error output.

        Raises:
            SandboxError: it cannot be had; the message says why.
        """
        ours, theirs = socket.socketpair()
        try:
            files = [connection.fileno(), said.fileno(), theirs.fileno()]
            socket.send_fds(self._control, [json.dumps(config).encode()], files)
            theirs.close()
            forked = Forked(ours)
        except (OSError, SandboxError) as error:
            theirs.close()
            self._said.seek(0)
            lines = self._said.read().decode(errors="replace").strip().splitlines()
            reason = lines[-1] if lines else str(error)
            raise SandboxError(f"no process could be forked from the warm one ({reason})") from error
        self.forks += 1
        self._first_size = self._first_size or self._size()
        return forked

    def _size(self) -> int:
        try:
            return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def spent(self) -> bool:
        """Whether the next worker should be forked from a new one."""
        return not self.alive or self.forks >= MAX_FORKS or self._size() > (self._first_size or 1 << 60) + MAX_GROWTH

    def close(self) -> None:
        """End it and whatever was forked from it."""
        self._control.close()
        self.process.kill()
        self.process.wait()
        self._said.close()
        self._home.cleanup()


_parents: dict[int, Parent] = {}
_lock = threading.Lock()


def why_not(isolate: bool) -> str:
    """Why workers cannot be forked here; empty if they can."""
    if sys.platform != "linux":
        return f"no safe fork on {sys.platform}"
    return "" if isolate else "only sandboxed processes are forked"


def prepare(threads: int) -> Parent:
    """The parent for so many threads a worker, started if need be; it is not waited for."""
    with _lock:
        return _prepare(threads)


def _prepare(threads: int) -> Parent:
    parent = _parents.get(threads)
    if parent is None or parent.spent:
        if parent is not None and not parent.users:
            parent.close()
        parent = _parents[threads] = Parent(threads)
    return parent


@contextlib.contextmanager
def parent_of(threads: int):
    """A parent that lives as long as this block; one that is spent ends with its last block."""
    with _lock:
        parent = _prepare(threads)
        parent.users += 1
    try:
        yield parent
    finally:
        with _lock:
            parent.users -= 1
            if not parent.users and parent not in _parents.values():
                parent.close()


@atexit.register
def close_all() -> None:
    """End all parents."""
    with _lock:
        while _parents:
            _parents.popitem()[1].close()


# --- the parent: what follows runs in it, and in its forks --------------------------------------


def serve(imported_mb: int = 0) -> None:
    """Import, then fork for each message on the socket that is our standard input, until it is closed.

    Args:
        imported_mb: of data that this process was forked with, and a new program has not.
    """
    import importlib

    from lecture_grader import worker

    control = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    plain, variables = data_mb() - imported_mb, dict(os.environ)  # as a new program has them by now
    variables.pop("OPENBLAS_NUM_THREADS")
    import pyseccomp  # noqa: F401 - finds its library by running a program

    for name in PRELOADED:
        importlib.import_module(name)
    worker.make_shell()
    preloaded = data_mb() - plain
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks here
    gc.collect()
    gc.freeze()  # or the first collection of each fork would copy all pages
    me = os.getpid()
    for number in itertools.count():
        if number == 2:  # it pays from here on
            use_huge_pages()
        message, files, _, _ = socket.recv_fds(control, 1 << 18, 3)
        if not message:
            os._exit(0)
        _must_be_clean()
        if os.fork() == 0:
            try:
                _become(json.loads(message), files, me, preloaded, variables, worker.main)
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            finally:
                os._exit(sandbox.REFUSED)
        for file in files:
            os.close(file)


def _must_be_clean() -> None:
    import torch

    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1 or threading.active_count() > 1 or torch.cuda.is_initialized():
        reason = "has used CUDA" if threads == 1 else f"has {threads} threads"
        message = f"the warm process {reason}: what is forked from it would hang; grade with --cold"
        print(message, file=sys.stderr, flush=True)
        os._exit(1)


def _become(
    config: dict, files: list[int], parent: int, preloaded_mb: int, variables: dict[str, str], serve_one: Callable
) -> None:
    """Be the launcher: undo what is the parent's own, then do as it does."""
    connection, said, status = files
    os.dup2(said, 2)
    sandbox.close_all_but(connection, status)
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    config["socket"] = connection
    config["limits"]["memory_mb"] += preloaded_mb  # as much room for the student's own as in a new program
    threads = config["limits"]["threads"]
    os.environ.clear()
    os.environ.update(variables | sandbox.environment("/tmp", threads))
    socket.send_fds(socket.socket(fileno=os.dup(status)), [str(os.getpid()).encode()], [os.pidfd_open(os.getpid())])
    sandbox.die_with_parent()
    if os.getppid() != parent:  # it died meanwhile, with all that came from it
        os._exit(sandbox.REFUSED)

    def end(code: int) -> None:
        os.write(status, bytes([code]))
        os._exit(code)

    def start(config: dict) -> None:
        _start_afresh(threads)
        serve_one(config["socket"])

    sandbox.launch(config, start, end)


def _start_afresh(threads: int) -> None:
    """Make anew what a new program would have made for itself."""
    import numpy as np
    import torch

    random.seed()
    np.random.seed()
    torch.seed()
    tempfile.tempdir = None
    torch.set_num_threads(threads)
    if threads > 1:
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads, "blas")  # NumPy's own threads
