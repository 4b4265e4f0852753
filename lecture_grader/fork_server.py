"""A fork server: one process imports torch and its companions once, and programs are forked from it.

An import takes seconds, a fork milliseconds. Three kinds of programs are forked: the worker that runs one submission,
the command ``lecture grade``, and kernels of notebooks that are trusted (``course_tools.kernels``). Where no fork is
possible, :class:`NoFork` says why, and the caller starts the program as usual.

The standard library's ``multiprocessing.forkserver`` does not do here: it ends with the process that started it, so
that each command would pay for the imports again; it has that process's environment, which a submission could find in
its memory; and its forks outlive a client that is killed.

The server is this file, run as a program. It runs nobody's code and reads nothing that a client sends, since a fork can
read all of its memory. It has one thread: a fork of a process whose thread pool has run hangs at its next parallel
operation. There is one server for grading, which has nothing of the user's environment, and one for each environment of
kernels, because libraries read variables when they are imported. Clients reach it by a socket in a folder that only the
user can enter. For each connection it forks a guard, which forks the program, tells the client its process id and exit
status, and kills it when the client ends, however that happens. A server without guards ends after some time.

Forks of one server share what new programs do not: where libraries lie in memory, and the hash seed of strings.
"""

import atexit
import contextlib
import ctypes
import gc
import hashlib
import importlib
import importlib.metadata
import json
import os
import re
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

START_SECONDS = 120  # for the server's imports, on a machine that is busy
KERNEL_IDLE_SECONDS = 20
PRELOADED = (
    "torch", "ipykernel.kernelapp", "ipykernel.debugger", "torchvision", "torch._dynamo", "matplotlib.pyplot",
    "matplotlib.backends.backend_agg", "sklearn.datasets", "sklearn.model_selection", "ipywidgets", "PIL.Image",
)  # fmt: skip
# A kernel must import the inline backend itself, since that looks for the kernel's shell.
PRELOADED_FOR_GRADING = (
    "matplotlib_inline.backend_inline", "pyseccomp", "threadpoolctl", "torchvision.datasets",
    "torchvision.transforms.v2", "sklearn.datasets.images", "lecture_utils.data", "lecture_utils.device",
    "lecture_utils.diagrams", "lecture_utils.plotting", "lecture_utils.widgets", "nbformat", "typer", "rich.progress",
    "jinja2",
)  # fmt: skip
_ROOT = Path(__file__).resolve().parents[1]
# Variables that no preloaded module reads, and those that importing some of them sets.
_NOT_READ = re.compile(
    r"(_|PWD|OLDPWD|SHLVL|COLUMNS|LINES|MAKE.*|MFLAGS|(JPY|LECTURE|PYTEST)_.*|TORCHINDUCTOR_CACHE_DIR)=|"
    r"(KMP_DUPLICATE_LIB_OK=True|KMP_INIT_AT_FORK=FALSE|OMP_WAIT_POLICY=PASSIVE)$"
)
# Python's variables that a command does not need from its start, or that reach it otherwise.
_HARMLESS = {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONNOUSERSITE", "PYTHONSAFEPATH"}


class NoFork(RuntimeError):
    """No program can be forked here; the message says why."""


def why_no_fork(environment: Mapping[str, str] | None = None) -> str | None:
    """Why no program can be forked here, in a few words; None where it can.

    Args:
        environment: of the server, for kernels. None: the server for grading, which does not see a GPU.
    """
    if sys.platform != "linux":
        return f"no safe fork on {sys.platform}"
    if not hasattr(os, "pidfd_open"):
        return "no os.pidfd_open in this Python"
    try:
        build = importlib.metadata.version("torch").partition("+")[2]
    except importlib.metadata.PackageNotFoundError:
        return "torch is not installed"
    hidden = environment is None or environment.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    devices = [] if build == "cpu" or hidden else ["nvidiactl", "dxg"]
    devices += ["kfd"] if build.startswith("rocm") else ["dri"] if build == "xpu" else []
    if any(Path("/dev", device).exists() for device in devices):
        return "there is a GPU, and what a driver holds cannot be forked"
    return None


# --- the client --------------------------------------------------------------------------------------------------


class Fork:
    """A forked program, with what jupyter_client and the sandbox use of a ``subprocess.Popen``.

    ``lost`` says that the server ended first, and the program with it.
    """

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int):
        self.pid = pid
        self.returncode: int | None = None
        self.lost = False
        self._connection = connection
        self._lock = threading.Lock()
        connection.settimeout(0)

    def poll(self) -> int | None:
        with self._lock:
            if self.returncode is None:
                with contextlib.suppress(BlockingIOError):
                    status = self._connection.recv(4)
                    self.lost = not status
                    self.returncode = struct.unpack("i", status)[0] if status else -signal.SIGKILL
                    self._connection.close()
            return self.returncode

    def wait(self, timeout: float = float("inf")) -> int:
        """The exit status.

        Raises:
            subprocess.TimeoutExpired: the program still runs after so many seconds.
        """
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("a forked program", timeout)
            time.sleep(0.005)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def drop(self) -> None:
        """Have the server kill it, and do not wait for its end."""
        with self._lock:
            if self.returncode is None:
                self.returncode = -signal.SIGKILL
                self._connection.close()


def fork(program: dict[str, Any], files: Sequence[int], environment: Mapping[str, str] | None = None) -> Fork:
    """Fork a program from its server, which is started if there is none.

    Args:
        program: ``env``, its environment; ``cwd``, its working directory; ``path``, what its ``sys.path`` begins with;
            ``argv``, a module and its arguments, or for a worker ``sandbox``, the launcher's configuration.
        files: descriptors of its standard input, output and error output; for a worker also of its socket.
        environment: of the server, for kernels. None: the server for grading.

    Raises:
        NoFork: it cannot be done; the message says why.
    """
    connection, log = _connect(environment)
    with os.fdopen(os.memfd_create("program"), "wb", 0) as request:  # which the server does not read
        request.write(json.dumps(program).encode())
        try:
            socket.send_fds(connection, [b"f"], [request.fileno(), *files])
            pid = connection.recv(4)
        except OSError:  # the server has ended, or takes too long
            pid = b""
    if not pid:
        connection.close()
        said = log.read_text().splitlines() if log.exists() else []
        raise NoFork(f"the fork server did not answer ({said[-1] if said else log})")
    return Fork(connection, struct.unpack("i", pid)[0])


def fork_worker(config: dict[str, Any], connection: socket.socket, stderr: IO[bytes]) -> Fork:
    """Fork the launcher of a sandbox, with this configuration, socket and error output.

    Raises:
        SandboxError: it cannot be done; the message says why.
    """
    from lecture_grader.sandbox import SandboxError, environment

    variables = environment("/tmp", config["limits"]["threads"])
    with Path(os.devnull).open("r+b") as null:
        files = [null.fileno(), null.fileno(), stderr.fileno(), connection.fileno()]
        try:
            return fork({"env": variables, "cwd": "/", "path": [], "sandbox": config}, files)
        except NoFork as error:
            raise SandboxError(f"no worker can be forked: {error}; grade with --cold") from error


def why_no_worker(isolate: bool) -> str | None:
    """Why workers cannot be forked here; None where they can. Their server then imports while this process goes on."""
    try:
        if isolate:
            _connect(None)[0].close()
        return None if isolate else "only sandboxed processes are forked"
    except NoFork as error:
        return str(error)


def fork_command(module: str, arguments: list[str]) -> int:
    """Run ``python -m module arguments`` in a fork, in place of this process; its exit status.

    It has this process's terminal, working directory, environment and ``sys.path``; signals are passed on.

    Raises:
        NoFork: it cannot be done, and was not begun; the message says why.
    """
    if settings := sorted(name for name in os.environ if name.startswith("PYTHON") and name not in _HARMLESS):
        raise NoFork(f"not with {settings[0]}")
    program = {"env": dict(os.environ), "cwd": str(Path.cwd()), "path": sys.path, "argv": [module, *arguments]}
    process = fork(program, [0, 1, 2])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: process.send_signal(number))
    status = process.wait()
    return status if status >= 0 else 128 - status


def _connect(environment: Mapping[str, str] | None) -> tuple[socket.socket, Path]:
    """A connection to the server for this environment, which is started if there is none, and the server's log."""
    for_grading = environment is None
    if reason := why_no_fork(environment):
        raise NoFork(reason)
    folder = _private_folder()
    if environment is None:
        one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        clean = {"PATH": os.defpath, "HOME": f"{folder}/home", "LANG": "C.UTF-8", "CUDA_VISIBLE_DEVICES": ""}
        environment = clean | one
    settings = [_idle_seconds() if for_grading else KERNEL_IDLE_SECONDS, for_grading]
    address = folder / _key(environment, settings)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(START_SECONDS)
    try:
        try:
            connection.connect(str(address))
        except (FileNotFoundError, ConnectionRefusedError):
            _start_server(address, environment, settings)
            connection.connect(str(address))
    except (OSError, subprocess.SubprocessError) as error:
        connection.close()
        raise NoFork(f"no fork server: {error}") from error
    return connection, address.with_suffix(".log")


def _idle_seconds() -> float:
    minutes = os.environ.get("LECTURE_WARM_MINUTES", "15")
    try:
        return max(10, 60 * float(minutes))  # longer than the time between two submissions
    except ValueError:
        raise NoFork(f"LECTURE_WARM_MINUTES={minutes}: write a number of minutes") from None


def _private_folder() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(base if os.access(base, os.W_OK) else tempfile.gettempdir()) / f"lecture-fork-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise NoFork(f"no folder for the socket: {error}") from error
    if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NoFork(f"{folder} is not a folder of yours that nobody else can enter: remove it")
    return folder


def _key(environment: Mapping[str, str], settings: list) -> str:
    """A name for all that a fork inherits from its server: a client with other settings needs another server."""
    import resource  # not on Windows, where nothing is forked

    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    files = [path for path in map(Path, sys.path) if path.name.endswith("-packages")]  # pip changes their times
    files += [path for package in ("lecture_grader", "lecture_utils") for path in (_ROOT / package).rglob("*.py")]
    inherited = [
        [sys.executable, sys.version, settings],
        sorted((str(file), file.stat().st_mtime_ns) for file in files if file.exists()),
        sorted(f"{name}={value}" for name, value in environment.items() if not _NOT_READ.match(f"{name}={value}")),
        [status.get(name) for name in ("Umask", "Uid", "Gid", "Groups", "Cpus_allowed", "Seccomp", "SigIgn")],
        [resource.getrlimit(getattr(resource, name)) for name in sorted(dir(resource)) if name.startswith("RLIMIT_")],
        [os.getpriority(os.PRIO_PROCESS, 0), Path("/proc/self/cgroup").read_text()],
        [str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in ("mnt", "net", "pid", "user")],
    ]
    return hashlib.sha256(json.dumps(inherited).encode()).hexdigest()[:16]


def _start_server(address: Path, environment: Mapping[str, str], settings: list) -> None:
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, address.with_suffix(".log").open("w") as log:
        listener.bind(str(address))
        listener.listen(128)
        arguments = json.dumps([listener.fileno(), str(address), *settings])
        subprocess.run(  # it ends at once: the server is its child, for which no process has to wait
            [sys.executable, __file__, arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=dict(environment), check=True, pass_fds=[listener.fileno()], start_new_session=True,
        )  # fmt: skip


# --- the server --------------------------------------------------------------------------------------------------


def _preload(for_grading: bool) -> int:
    """Import the modules; the MB of data that they take beyond what a new worker imports."""
    # what a kernel finds or sets before it imports these, or its notebook does (lecture_utils/__init__.py)
    os.environ["JPY_PARENT_PID"] = str(os.getpid())
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    gc.disable()  # a third of the time of importing is spent looking for garbage
    plain_mb = 0
    if for_grading:
        sys.path.insert(0, str(_ROOT))
        from lecture_grader import launcher, shell, worker  # noqa: F401

        plain_mb = _data_mb()
        shell.make_shell()
    for name in PRELOADED + PRELOADED_FOR_GRADING * for_grading:
        importlib.import_module(name)
    if not (pid := os.fork()):  # OpenBLAS ends its threads before a fork, and starts them when it computes
        os._exit(0)
    os.waitpid(pid, 0)
    gc.collect()
    gc.freeze()  # or the first collection in a fork would copy every page
    gc.enable()
    if for_grading:
        _use_huge_pages()
    return _data_mb() - plain_mb


def _data_mb() -> int:
    """What counts of this process against ``RLIMIT_DATA``, in MB."""
    (line,) = [s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith("VmData:")]
    return int(line.split()[1]) >> 10


def _use_huge_pages() -> None:
    """Ask for large pages: a fork then copies few page tables, and a worker takes some 50 ms less of a core."""
    size, collapse = 2 << 20, 25
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for line in Path("/proc/self/maps").read_text().splitlines():
        area, rights, _, _, _, *name = line.split()
        if rights == "rw-p" and name in ([], ["[heap]"]):
            start, end = (int(part, 16) for part in area.split("-"))
            start, end = -(-start // size) * size, end // size * size
            if start < end:
                libc.madvise(start, end - start, collapse)  # where the kernel refuses, nothing changes


def _serve(listener: socket.socket, address: Path, idle_seconds: float) -> list[int]:
    """Fork a guard for each connection. Returns in a fork of the guard, with the files that the client sent."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no guard is waited for
    server = os.getpid()
    while True:
        if select.select([listener], [], [], idle_seconds)[0]:
            with listener.accept()[0] as connection:
                _check_threads()
                with contextlib.suppress(OSError):  # no room for another process: the client sees the connection end
                    if os.fork() == 0:
                        listener.close()
                        _end_with(server)
                        return _guard(connection)
            continue
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # there is no guard
            address.unlink(missing_ok=True)
            address.with_suffix(".log").unlink(missing_ok=True)
            if not select.select([listener], [], [], 0)[0]:  # no client has connected before that
                os._exit(0)


def _check_threads() -> None:
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        print(f"it has {threads} threads, and its forks would hang", file=sys.stderr, flush=True)
        os._exit(1)


def _end_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it ended before that
        os._exit(1)


def _guard(connection: socket.socket) -> list[int]:
    """Fork the program, tell the client its process id and exit status, and kill it if the client goes before.

    Returns in the fork, with the files that the client sent.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    files = socket.recv_fds(connection, 1, 5)[1]
    if not files:
        os._exit(0)
    guard = os.getpid()
    pid = os.fork()
    if pid == 0:
        connection.close()
        os.setsid()
        _end_with(guard)
        return files
    for file in files:
        os.close(file)
    connection.sendall(struct.pack("i", pid))
    ready, _, _ = select.select([connection.fileno(), os.pidfd_open(pid)], [], [])
    if connection.fileno() in ready:
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):  # it may not have made its group yet
                kill(pid, signal.SIGKILL)
    with contextlib.suppress(OSError):  # the client has gone
        connection.sendall(struct.pack("i", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
    os._exit(0)


# --- the fork ----------------------------------------------------------------------------------------------------


def _become(files: list[int]) -> dict[str, Any]:
    """Undo what is the server's own, and draw anew what a new program leaves to chance. Returns the program."""
    import multiprocessing

    import numpy as np
    import torch

    with os.fdopen(files[0], "rb") as request:
        request.seek(0)
        program = json.load(request)
    for number, file in enumerate(files[1:4]):
        os.dup2(file, number)
        os.close(file)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]  # Python's own
    os.chdir(program["cwd"])
    os.environ.clear()
    os.environ.update(program["env"])
    time.tzset()
    tempfile.tempdir = None
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[:] = dict.fromkeys([*program["path"], *sys.path])
    importlib.invalidate_caches()
    multiprocessing.current_process().authkey = os.urandom(32)
    np.random.seed()
    torch.default_generator.seed()
    return program


def _be_worker(config: dict[str, Any], connection: int, preloaded_mb: int) -> None:
    """Take the same steps as the launcher's program, and set what a new worker reads from its environment."""
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
    launcher.launch(config, start)


def main(listener: int, address: str, idle_seconds: float, for_grading: bool) -> None:
    """Be the server; in a fork, the program."""
    if os.fork():
        os._exit(0)
    code = 1

    @atexit.register  # the first, so the last to be called
    def leave() -> None:
        """End without freeing one by one the objects that a fork shares, as ``multiprocessing`` does."""
        sys.__stdout__.flush()  # type: ignore[union-attr]  # Python's own
        os._exit(code)

    if not sys.flags.safe_path:
        del sys.path[0]  # the folder of this file
    os.chdir("/")
    preloaded_mb = _preload(for_grading)
    files = _serve(socket.socket(fileno=listener), Path(address), idle_seconds)
    program = _become(files)
    if "sandbox" in program:
        _be_worker(program["sandbox"], files[4], preloaded_mb)
    sys.argv = program["argv"]
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))
