"""The fork server, run as a program: it imports torch and its companions once, and forks programs for its clients.

The standard library's ``multiprocessing.forkserver`` cannot be used for three reasons. It ends with the process that
started it, so each command would wait for the imports again. It has that process's environment, which a submission
could find in its memory. And its forks continue when a client is killed.

The server runs no notebook's code and reads nothing that a client sends, since a fork can read all its memory. It has
one thread: a fork of a process whose thread pool has run hangs at its next parallel operation. Clients reach it through
a socket in a folder that only the user can enter, see ``fork_client``. For each connection it forks a guard, which
starts the program, tells the client its process id and exit status, and kills it when the client ends for any reason.
A server without guards ends after some time.

Forks of one server have the same addresses of libraries and the same hash seed of strings; new programs do not.
"""

import atexit
import contextlib
import ctypes
import functools
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PRELOADED = (
    "torch", "ipykernel.kernelapp", "ipykernel.debugger", "torchvision", "torch._dynamo", "matplotlib.pyplot",
    "matplotlib.backends.backend_agg", "sklearn.datasets", "sklearn.model_selection", "ipywidgets", "PIL.Image",
)  # fmt: skip
# A kernel must import the inline backend itself, since that looks for the kernel's shell. Exercise 6 uses fastapi.
PRELOADED_FOR_GRADING = (
    "matplotlib_inline.backend_inline", "pyseccomp", "threadpoolctl", "torchvision.datasets",
    "torchvision.transforms.v2", "sklearn.datasets.images", "lecture_utils.data", "lecture_utils.device",
    "lecture_utils.diagrams", "lecture_utils.plotting", "lecture_utils.widgets", "lecture_utils.grading.hand_in",
    "nbformat", "typer", "rich.progress", "jinja2", "fastapi.concurrency", "pygments.lexers.python",
)  # fmt: skip


def _preload(for_grading: bool) -> int:
    """Import the modules; return the MB of data that they take beyond what a new worker imports."""
    # what a kernel or its notebook (lecture_utils/__init__.py) has in its environment when it imports these
    os.environ["JPY_PARENT_PID"] = str(os.getpid())
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    gc.disable()  # garbage collection takes a third of the time of the imports
    plain_mb = 0
    if for_grading:
        os.environ["LECTURE_GRADING"] = "1"  # as a submission has it when it imports lecture_utils
        sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
        from PIL import Image

        from lecture_grader import launcher, shell, tampering, worker  # noqa: F401

        plain_mb = _data_mb()
        launcher.system_call_filters()  # cached for all forks
        shell.make_shell()
        Image.preinit()  # imports the formats that Pillow tries first
    for name in PRELOADED + PRELOADED_FOR_GRADING * for_grading:
        with contextlib.suppress(ImportError):  # what is not installed is not used either
            importlib.import_module(name)
    if for_grading:
        tampering.watch()  # caches what it finds for all forks
    if not (pid := os.fork()):  # before a fork OpenBLAS ends its threads, and starts them only to compute
        os._exit(0)
    os.waitpid(pid, 0)
    # Without freeze, the first collection in a fork would copy every page. Nothing is collected before that, because a
    # collection leaves gaps: a worker would write into them, and so into twice as many pages.
    gc.freeze()
    gc.enable()
    if for_grading:
        _use_huge_pages()
    return _data_mb() - plain_mb


def _data_mb() -> int:
    """The memory of this process that counts against ``RLIMIT_DATA``, in MB."""
    (line,) = [s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith("VmData:")]
    return int(line.split()[1]) >> 10


def _use_huge_pages() -> None:
    """Ask for large pages: a fork then copies fewer page tables, which saves a worker about 50 ms of processor time."""
    size, collapse = 2 << 20, 25
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for line in Path("/proc/self/maps").read_text().splitlines():
        area, rights, _, _, _, *name = line.split()
        if rights == "rw-p" and name in ([], ["[heap]"]):
            start, end = (int(part, 16) for part in area.split("-"))
            start, end = -(-start // size) * size, end // size * size
            if start < end:
                libc.madvise(start, end - start, collapse)  # if the kernel refuses, the pages stay small


def _serve(listener: socket.socket, address: Path, idle_seconds: float) -> socket.socket:
    """Fork a guard for each connection. Returns in the guard, with its connection."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the server does not wait for guards
    server = os.getpid()
    while True:
        if select.select([listener], [], [], idle_seconds)[0]:
            connection = listener.accept()[0]
            threads = len(list(Path("/proc/self/task").iterdir()))
            if threads > 1:
                print(f"it has {threads} threads, and its forks would hang", file=sys.stderr, flush=True)
                os._exit(1)
            with contextlib.suppress(OSError):  # no fork was possible: the client sees the connection end
                if os.fork() == 0:
                    listener.close()
                    _die_with(server)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    return connection
            connection.close()
            continue
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # there is no guard
            address.unlink(missing_ok=True)
            address.with_suffix(".log").unlink(missing_ok=True)
            if not select.select([listener], [], [], 0)[0]:  # no client connected before the address was removed
                os._exit(0)


def _die_with(parent: int) -> None:
    """Have this process killed when its parent ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it has ended already
        os._exit(1)


# --- the guard and the program -----------------------------------------------------------------------------------


def _guard(connection: socket.socket, preloaded_mb: int) -> list[str]:
    """Start the program that the client asks for, and watch it. Returns in the program, with its module and arguments.

    The guard of a worker is the launcher itself, which saves a fork.
    """
    files = socket.recv_fds(connection, 1, 5)[1]
    if not files:
        os._exit(0)
    with os.fdopen(files[0], "rb") as request:
        request.seek(0)
        program = json.load(request)
    guard = os.getpid()
    if "sandbox" in program:
        connection.sendall(struct.pack("i", guard))
        _set_up_program(program, files[1:4])
        _launch(program["sandbox"], files[4], preloaded_mb, functools.partial(_watch, connection))
    pid = os.fork()
    if pid == 0:
        connection.close()
        _die_with(guard)
        _set_up_program(program, files[1:])
        return program["argv"]
    for file in files[1:]:
        os.close(file)
    connection.sendall(struct.pack("i", pid))
    _watch(connection, pid)
    raise AssertionError


def _watch(connection: socket.socket, pid: int) -> None:
    """Tell the client the exit status of a child, and kill the child if the client ends first; does not return."""
    ready, _, _ = select.select([connection.fileno(), os.pidfd_open(pid)], [], [])
    if connection.fileno() in ready:
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):  # its group may not exist yet
                kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(OSError):  # the client has ended
        connection.sendall(struct.pack("i", status))
    os._exit(0)


def _launch(config: dict[str, Any], connection: int, preloaded_mb: int, watch: Callable[[int], None]) -> None:
    """Run the launcher, and set in the worker the numbers of threads, which a new one reads from its environment."""
    from lecture_grader import launcher, worker

    def start(config: dict[str, Any]) -> None:
        import torch
        from threadpoolctl import threadpool_limits

        torch.set_num_threads(config["limits"]["threads"])
        if config["limits"]["threads"] > 1:
            threadpool_limits(config["limits"]["threads"], "blas")  # NumPy's
        worker.main(connection)

    config["socket"] = connection
    config["limits"]["memory_mb"] += preloaded_mb  # as much room for the submission as in a new program
    launcher.launch(config, start, watch)


def _set_up_program(program: dict[str, Any], streams: list[int]) -> None:
    """Make this fork look like a new program: its own streams, folder, environment, path and random numbers."""
    import multiprocessing

    import numpy as np
    import torch

    os.setsid()
    for number, file in enumerate(streams):
        os.dup2(file, number)
        os.close(file)
    for number, name in ((1, "stdout"), (2, "stderr")):  # new: the server's were made for its log, a seekable file
        errors = "strict" if number == 1 else "backslashreplace"
        old = getattr(sys, f"__{name}__")  # unbuffered where PYTHONUNBUFFERED says so
        raw = open(number, "wb", buffering=0 if old.write_through else -1, closefd=False)  # noqa: SIM115 - a number
        lines = os.isatty(1) if number == 1 else old.line_buffering
        stream = io.TextIOWrapper(raw, "utf-8", errors, line_buffering=lines, write_through=old.write_through)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.chdir(program["cwd"])
    os.environ.clear()
    os.environ.update(program["env"])
    time.tzset()
    tempfile.tempdir = None
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[:] = dict.fromkeys([*program["path"], *sys.path])
    multiprocessing.current_process().authkey = os.urandom(32)
    np.random.seed()
    torch.default_generator.seed()


def main(listener: int, address: str, idle_seconds: float, for_grading: bool) -> None:
    """Run the server; in a fork, return here and run the program."""
    if os.fork():
        os._exit(0)
    code = 1

    @atexit.register  # registered first, so called last
    def leave() -> None:
        """End at once, as ``multiprocessing`` does, without freeing the objects that the fork shares one by one."""
        sys.__stdout__.flush()  # type: ignore[union-attr]  # Python's own
        os._exit(code)

    if not sys.flags.safe_path:
        del sys.path[0]  # the folder of this file
    os.chdir("/")
    preloaded_mb = _preload(for_grading)
    connection = _serve(socket.socket(fileno=listener), Path(address), idle_seconds)
    sys.argv = _guard(connection, preloaded_mb)
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))
