"""Programs forked from the fork server: workers, the command ``lecture grade``, and kernels.

An import of torch and related packages takes seconds; a fork of a process that has imported them takes milliseconds.
The server is ``fork_server``, run as a program: the first client starts it, and it stays for some time after the last.
Grading has one server, with nothing of the user's environment in it. Kernels have one for each environment, because
libraries read variables when they are imported. Where no fork is possible, :class:`NoFork` says why, and the caller
starts the program as usual.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import re
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

from lecture_grader.control_groups import without_scope

START_SECONDS = 120  # for the server's imports, on a machine that is busy
KERNEL_IDLE_SECONDS = 120  # at most, since each environment of kernels has a server of half a gigabyte
ROOT = Path(__file__).resolve().parents[1]  # the folder of the packages
SERVER = ROOT / "lecture_grader" / "fork_server.py"
# Variables that no preloaded module reads (LECTURE_GRADING is read, and set by the server itself), and those that a
# preloaded module sets when it is imported.
_NOT_READ = re.compile(
    r"(_|PWD|OLDPWD|SHLVL|COLUMNS|LINES|MAKE.*|MFLAGS|(JPY|LECTURE|PYTEST)_.*|TORCHINDUCTOR_CACHE_DIR)=|"
    r"(KMP_DUPLICATE_LIB_OK=True|KMP_INIT_AT_FORK=FALSE|OMP_WAIT_POLICY=PASSIVE)$"
)
# Variables of Python that need not be set when a command starts, or that reach it in another way.
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


class Fork:
    """A forked program, with those attributes and methods of ``subprocess.Popen`` that jupyter_client and Sandbox use.

    Attributes:
        pid: the process id: of the program, or of the launcher of a worker.
        returncode: the exit status, negative for a signal; None while it runs.
        lost: whether the server or the guard ended first, and the program with it.
    """

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int):
        self.pid = pid
        self.returncode: int | None = None
        self.lost = False
        self._connection = connection
        self._lock = threading.RLock()  # a signal handler may interrupt its holder and take it again
        connection.settimeout(0)

    def poll(self) -> int | None:
        with self._lock:
            if self.returncode is None:
                try:
                    status = self._connection.recv(4)
                except BlockingIOError:
                    return None
                except OSError:
                    status = b""
                self.lost = not status
                self.returncode = struct.unpack("i", status)[0] if status else -signal.SIGKILL
                self._connection.close()
            return self.returncode

    def wait(self, timeout: float = float("inf")) -> int:
        """The exit status.

        Raises:
            subprocess.TimeoutExpired: the program still runs after ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("a forked program", timeout)
            time.sleep(0.005)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def drop(self) -> None:
        """Have its guard kill it, without waiting for its end."""
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
    with os.fdopen(os.memfd_create("program"), "wb", 0) as request:  # only the guard reads it
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
            raise SandboxError(f"no worker can be forked: {error}; grade with --no-fork") from error


def start_server_for_workers() -> str | None:
    """Start the server that forks workers, which imports in the background; return why not, or None if it started."""
    try:
        _connect(None)[0].close()
    except NoFork as error:
        return str(error)
    return None


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
    if reason := why_no_fork(environment):
        raise NoFork(reason)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(START_SECONDS)
    try:
        folder = _private_folder()
        settings = [_idle_seconds(environment is None), environment is None]
        if environment is None:
            environment = {"PATH": os.defpath, "HOME": f"{folder}/home", "LANG": "C.UTF-8", "CUDA_VISIBLE_DEVICES": ""}
            environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        address = folder / _server_name(environment, settings)
        try:
            connection.connect(str(address))
        except (FileNotFoundError, ConnectionRefusedError):
            _start_server(address, environment, settings)
            connection.connect(str(address))
    except (NoFork, OSError, subprocess.SubprocessError) as error:
        connection.close()
        raise NoFork(f"no fork server: {error}") from error
    return connection, address.with_suffix(".log")


def _idle_seconds(for_grading: bool) -> float:
    minutes = os.environ.get("LECTURE_WARM_MINUTES", "15")
    try:
        seconds = max(10, 60 * float(minutes))  # longer than the time between two submissions
        return seconds if for_grading else min(seconds, KERNEL_IDLE_SECONDS)
    except ValueError:
        raise NoFork(f"LECTURE_WARM_MINUTES={minutes}: write a number of minutes") from None


def _private_folder() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(base if os.access(base, os.W_OK) else tempfile.gettempdir()) / f"lecture-fork-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NoFork(f"{folder} is not a folder of yours that nobody else can enter: remove it")
    return folder


def _server_name(environment: Mapping[str, str], settings: list) -> str:
    """A digest of all that a fork inherits from its server: a client with other settings needs another server."""
    import resource  # not on Windows, where nothing is forked

    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    files = [path for path in map(Path, sys.path) if path.name.endswith("-packages")]  # pip changes their times
    files += [path for package in ("lecture_grader", "lecture_utils") for path in (ROOT / package).rglob("*.py")]
    inherited = [
        [sys.executable, sys.version, settings],
        sorted((str(file), file.stat().st_mtime_ns) for file in files if file.exists()),
        sorted(f"{name}={value}" for name, value in environment.items() if not _NOT_READ.match(f"{name}={value}")),
        [status.get(name) for name in ("Umask", "Uid", "Gid", "Groups", "Cpus_allowed", "Seccomp", "SigIgn")],
        [resource.getrlimit(getattr(resource, name)) for name in sorted(dir(resource)) if name.startswith("RLIMIT_")],
        [os.getpriority(os.PRIO_PROCESS, 0), without_scope(Path("/proc/self/cgroup").read_text())],
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
            [sys.executable, str(SERVER), arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(environment),
            check=True,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
