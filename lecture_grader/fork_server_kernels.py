"""Warm processes: one clean parent has imported torch and its company, each Python program is forked from it.

Kernels for notebooks that are trusted: ``lecture-warm`` is a kernel by name, for papermill, nbclient and nbval; its
provisioner, below, is a jupyter_client entry point. And the command ``lecture grade``, with what it forks workers
from, see ``grading/warm.py``. Whatever stands in the way, a program is started as usual.

The parent is this file run as a program. It imports the modules of ``PRELOADED`` and nothing of the course, runs
nobody's code, reads nothing that a client sends, which its forks could find in their memory, and computes nothing: a
child forked beside a pool of torch's threads would hang. There is one parent for each configuration (environment,
limits, Python, installed packages). Its clients hold connections to a socket in a folder that only the user can
enter; the parent ends with the last of them, or so many seconds later, and each fork with its own, whichever way a
client ends: the operating system closes what a killed process held.

What a program leaves to chance is drawn anew in each fork, but for the hash seed of strings, which the forks of
one parent share; PYTHONHASHSEED fixes it, as ever.
"""

import atexit
import contextlib
import gc
import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import os
import runpy
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

NAME = "lecture-warm"
_HERE = str(Path(__file__).resolve().parent)  # holds kernels/lecture-warm/
START_SECONDS = 120  # for the parent's imports, on a machine that is busy
# torch._dynamo is what the first optimiser imports. The inline backend of matplotlib stays out: it looks for the
# kernel's shell when it is imported.
PRELOADED = (
    "torch", "ipykernel.kernelapp", "ipykernel.debugger", "torchvision", "torch._dynamo", "matplotlib.pyplot",
    "matplotlib.backends.backend_agg", "sklearn.datasets", "sklearn.model_selection", "ipywidgets", "PIL.Image",
)  # fmt: skip
PRELOADED_TO_STAY = (  # for commands; a parent that ends soon does without
    "nbformat", "typer", "rich.progress", "jinja2", "safetensors.torch", "threadpoolctl", "IPython.core.magics",
    "IPython.core.completerlib", "IPython.core.crashhandler", "torchvision.datasets", "torchvision.transforms.v2",
    "sklearn.datasets.images",
)  # fmt: skip
# what changes from call to call, and no preloaded module reads; and what importing them sets in the client
_OWN = {"PWD", "OLDPWD", "SHLVL", "_", "COLUMNS", "LINES", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKE_TERMOUT"}
_OWN |= {"KMP_DUPLICATE_LIB_OK=True", "KMP_INIT_AT_FORK=FALSE", "OMP_WAIT_POLICY=PASSIVE", "TORCHINDUCTOR_CACHE_DIR"}
_OWN_PREFIXES = ("JPY_", "LECTURE_", "PYTEST_")
# Python's settings that a command does not need from its start, or that reach it otherwise
_NO_MATTER = {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONNOUSERSITE", "PYTHONSAFEPATH"}
_FORK = b"fork"  # on a connection, before a request
_TORCH_SEED = 67280421310721  # with which torch starts, or with a random one: that depends on its version


class Cold(Exception):
    """A process cannot be warm; the message says why."""


def why_no_fork(environment: Mapping[str, str] = os.environ) -> str | None:
    """Why a Python program cannot be forked here, in a few words; None where it can.

    Args:
        environment: of the program. With ``CUDA_VISIBLE_DEVICES`` empty, a GPU is no reason.
    """
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        return f"no safe fork on {sys.platform}" if sys.platform != "linux" else "no os.pidfd_open in this Python"
    try:
        build = importlib.metadata.version("torch").partition("+")[2]
    except importlib.metadata.PackageNotFoundError:
        return "torch is not installed"
    devices = [] if build == "cpu" or environment.get("CUDA_VISIBLE_DEVICES") in ("", "-1") else ["nvidiactl", "dxg"]
    devices += ["kfd"] if build.startswith("rocm") else ["dri"] if build == "xpu" else []
    if any(Path("/dev", device).exists() for device in devices):
        return "there is a GPU, and what a driver holds cannot be forked"
    return None


def why_cold(environment: Mapping[str, str] = os.environ) -> str | None:
    """Why kernels cannot be warm here, in a few words; None where they can. As :func:`why_no_fork`."""
    reason = why_no_fork(environment)
    if not reason and not importlib.metadata.entry_points(group="jupyter_client.kernel_provisioners", name=NAME):
        return "the course was installed before there were warm kernels: install it again"
    return reason


def kernel_name(cold: bool = False) -> tuple[str, str]:
    """The kernel to run notebooks with, and a line that says which and why.

    Where it is ``lecture-warm``, its specification is put on this process's ``JUPYTER_PATH``: no folder of the user's
    or of the environment is written to, and JupyterLab, started otherwise, does not offer it to students.
    """
    reason = "--cold" if cold else why_cold()
    if reason:
        return "python3", f"kernels: cold, each imports for itself ({reason})"
    paths = os.environ.get("JUPYTER_PATH", "").split(os.pathsep)
    if _HERE not in paths:
        os.environ["JUPYTER_PATH"] = os.pathsep.join([_HERE, *filter(None, paths)])
    return NAME, "kernels: warm, forked from one process that has imported torch (--cold turns it off)"


# --- the client ------------------------------------------------------------------------------------------------


_presence: dict[str, socket.socket] = {}  # while this process holds them, the parents it used stay


def _configuration(environment: Mapping[str, str], idle_seconds: int = 0) -> str:
    """A name for all that a fork inherits from the process that starts it, or imports from."""
    import resource  # not on Windows, where nobody comes here

    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    folders = {__file__, *(path for path in sys.path if path.endswith("-packages"))}
    kept = [
        (name, value)
        for name, value in sorted(environment.items())
        if not {name, f"{name}={value}"} & _OWN and not name.startswith(_OWN_PREFIXES)
    ]
    inherited = [
        [sys.executable, sys.version, idle_seconds],
        sorted((folder, Path(folder).stat().st_mtime_ns) for folder in folders),
        kept,
        [status.get(name) for name in ("Umask", "Uid", "Gid", "Groups", "Cpus_allowed", "Seccomp", "SigIgn")],
        [resource.getrlimit(getattr(resource, name)) for name in sorted(dir(resource)) if name.startswith("RLIMIT_")],
        [os.getpriority(os.PRIO_PROCESS, 0), Path("/proc/self/cgroup").read_text()],
        [str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in ("mnt", "net", "pid", "user")],
    ]
    return hashlib.sha256(json.dumps(inherited).encode()).hexdigest()[:16]


def _private_folder() -> Path:
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"{NAME}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    there = folder.lstat()
    if not folder.is_dir() or folder.is_symlink() or there.st_uid != os.getuid() or there.st_mode & 0o077:
        raise Cold(f"{folder} is not a folder of yours that nobody else can enter: remove it")
    return folder


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    import fcntl  # not on Windows either

    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _connect(environment: Mapping[str, str], idle_seconds: int = 0) -> socket.socket:
    """A connection to the parent for this environment, which is started if there is none."""
    folder, key = _private_folder(), _configuration(environment, idle_seconds)
    address = folder / key
    with _locked(folder):  # nobody starts, and no parent ends, while it is held
        connections = []
        for _ in range(1 if key in _presence and not _ended(_presence[key]) else 2):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(START_SECONDS)
            try:
                connection.connect(str(address))
            except (FileNotFoundError, ConnectionRefusedError):
                _start_parent(address, environment, idle_seconds)
                connection.connect(str(address))
            connections.append(connection)
    held: Any = _presence.pop(key, None)
    if len(connections) == 2:
        if held:
            held.close()
        held = connections[1]
        held.settimeout(0)
    _presence[key] = held
    for old in list(_presence)[:-2]:  # of a configuration that is gone, most likely
        _presence.pop(old).close()
    return connections[0]


def _ended(connection: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        return not connection.recv(1)
    return False


def _start_parent(address: Path, environment: Mapping[str, str], idle_seconds: int) -> None:
    address.unlink(missing_ok=True)
    # fork and exit: nobody has to wait for the parent, and it belongs to no terminal
    with socket.socket(socket.AF_UNIX) as listener, address.with_suffix(".log").open("w") as log:
        listener.bind(str(address))
        listener.listen(128)
        arguments = [str(Path(__file__).resolve()), str(listener.fileno()), str(address), str(idle_seconds)]
        subprocess.run(
            [sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(environment),
            check=True, pass_fds=[listener.fileno()], start_new_session=True,
        )  # fmt: skip


class Forked:
    """A forked program, with what jupyter_client and the grader use of a ``Popen``."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int):
        self.connection, self.pid = connection, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.connection.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                told = self.connection.recv(4)
                # without its parent a fork ends too
                self.returncode = struct.unpack("i", told)[0] if told else -signal.SIGKILL
                self.connection.close()
        return self.returncode

    def wait(self) -> int:
        while (code := self.poll()) is None:
            select.select([self.connection], [], [])
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:  # until then the parent keeps the process id from being used again
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def fork(
    command: list[str],
    *,
    env: dict[str, str],
    cwd: str | None = None,
    parent_env: dict[str, str] | None = None,
    path: list[str] | None = None,
    idle_seconds: int = 0,
    **streams: Any,
) -> Forked:
    """Fork a Python program from the parent for this configuration.

    Args:
        command: ``python -m MODULE ARGUMENTS`` or ``python -c CODE ARGUMENTS``, with the Python of this process.
        env: the program's environment.
        cwd: its working directory; None: ours.
        parent_env: the environment that the parent is started with; None: ``env``.
        path: what its ``sys.path`` begins with; None: as Python sets it.
        idle_seconds: how long the parent stays when its last client has gone.
        streams: ``stdin``, ``stdout``, ``stderr`` as of ``subprocess.Popen``, but no pipes.

    Raises:
        Cold: it cannot be done; the message says why.
    """
    parent_env = env if parent_env is None else parent_env
    if reason := why_no_fork(parent_env):
        raise Cold(reason)
    cwd = os.path.realpath(cwd or os.curdir)
    if command[0] != sys.executable or command[1] not in ("-m", "-c") or not Path(cwd).is_dir():
        raise Cold(f"not for {' '.join(command[:2])} in {cwd}")
    if unknown := {name for name, value in streams.items() if name not in ("stdin", "stdout", "stderr") and value}:
        raise Cold(f"not with {', '.join(sorted(unknown))}")
    if subprocess.PIPE in streams.values():
        raise Cold("not with a pipe")
    request = json.dumps({"command": command, "env": env, "cwd": cwd, "path": path}).encode()
    with contextlib.ExitStack() as opened:
        null = opened.enter_context(Path(os.devnull).open("r+b"))
        end, other = os.pipe()  # as jupyter_client's launcher: nothing to read
        os.close(other)
        opened.callback(os.close, end)
        handed: list[int] = []
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            stream = streams.get(name)
            if stream is None:
                stream = number or end
            elif stream in (subprocess.DEVNULL, subprocess.STDOUT):
                stream = null if stream == subprocess.DEVNULL else handed[1]
            handed.append(stream if isinstance(stream, int) else stream.fileno())
        try:
            connection = _connect(parent_env, idle_seconds)
            asked = opened.enter_context(tempfile.TemporaryFile(buffering=0))
            asked.write(request)
            socket.send_fds(connection, [_FORK], [*handed, asked.fileno()])
            told = connection.recv(4)
        except (OSError, subprocess.SubprocessError) as error:
            raise Cold(f"no parent process: {error}") from error
    if not told:
        raise Cold(f"the parent process ended while it imported, see {_private_folder()}/*.log")
    return Forked(connection, struct.unpack("i", told)[0])


def fork_clean(command: list[str], *, env: dict[str, str], **options: Any) -> Forked:
    """:func:`fork` from a parent that has nothing of the user's environment, and stays for the next call.

    What is forked may fork workers for strangers' code: they can read what their ancestors knew.

    Raises:
        Cold: it cannot be done; the message says why.
    """
    if reason := why_no_fork({"CUDA_VISIBLE_DEVICES": ""}):
        raise Cold(reason)
    try:
        home = _private_folder() / "home"
        home.mkdir(exist_ok=True)
    except OSError as error:  # such as XDG_RUNTIME_DIR of a session that is over
        raise Cold(f"no folder for the socket: {error}") from error
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    clean = {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8", "CUDA_VISIBLE_DEVICES": "", **one}
    minutes = os.environ.get("LECTURE_WARM_MINUTES", "15")
    try:
        idle_seconds = int(60 * float(minutes))
    except (ValueError, OverflowError):
        raise Cold(f"LECTURE_WARM_MINUTES={minutes}: write a number of minutes") from None
    return fork(command, env=env, parent_env=clean, idle_seconds=idle_seconds, **options)


def run_in_fork(code: str, arguments: list[str]) -> int:
    """Run ``python -c code arguments`` in a fork from a clean parent, in this process's place; its exit status.

    It has this process's terminal, folder, environment and ``sys.path``; signals are handed on.

    Raises:
        Cold: it cannot be done, and was not begun; the message says why.
    """
    if wished := sorted(name for name in os.environ if name.startswith("PYTHON") and name not in _NO_MATTER):
        raise Cold(f"not with {wished[0]}")
    command = [sys.executable, "-c", code, *arguments]
    process = fork_clean(command, env=dict(os.environ), path=sys.path, stdin=0, stdout=1, stderr=2)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: process.send_signal(number))
    status = process.wait()
    return status if status >= 0 else 128 - status


async def _until_it_listens(connection: Mapping[str, Any], kernel: Forked, seconds: float = 5) -> None:
    """Wait for a kernel's ports, at most so long: a client that comes too early comes back after 100 ms only."""
    import asyncio  # the command does without

    deadline = time.monotonic() + seconds
    while connection.get("transport") == "tcp" and kernel.poll() is None and time.monotonic() < deadline:
        try:
            _, writer = await asyncio.open_connection(connection["ip"], connection["hb_port"])  # the last to be opened
            return writer.close()
        except OSError:
            await asyncio.sleep(0.005)


def __getattr__(name: str):
    """The provisioner is made when it is asked for: the parent, and `lecture`, do without jupyter_client."""
    if name != "WarmProvisioner":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jupyter_client.provisioning import LocalProvisioner

    class WarmProvisioner(LocalProvisioner):
        """Launches a kernel by a fork, or, where that cannot be, as its base class does."""

        def _finalize_env(self, env: dict[str, str]) -> None:
            super()._finalize_env(env)
            env.setdefault("PYDEVD_USE_FRAME_EVAL", "NO")  # as the debugger would, which the parent has imported
            paths = [path for path in env.pop("JUPYTER_PATH", "").split(os.pathsep) if path not in ("", _HERE)]
            env |= {"JUPYTER_PATH": os.pathsep.join(paths)} if paths else {}  # as before `kernel_name`

        async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
            wanted = {key: value for key, value in options.items() if key not in ("extra_arguments", "kernel_id")}
            try:
                forked = fork(cmd, **wanted)
            except Cold as reason:
                print(f"{NAME}: a cold kernel, {reason}", file=sys.stderr)
                return await super().launch_kernel(cmd, **options)
            await _until_it_listens(self.connection_info, forked)
            self.process = forked  # type: ignore[assignment]  # it has what the base class uses of a Popen
            self.pid = self.pgid = forked.pid
            self.cwd = options.get("cwd") or Path.cwd()
            return self.connection_info

    globals()[name] = WarmProvisioner
    return WarmProvisioner


# --- the parent ------------------------------------------------------------------------------------------------


_plain_mb = 0


def _preload(to_stay: bool) -> None:
    # what a kernel sets before it imports these, or its notebook does (lecture_utils/__init__.py)
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # a kernel whose parent is another one ends
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    gc.disable()  # a third of the time of importing is spent looking for garbage
    for number, name in enumerate(PRELOADED + PRELOADED_TO_STAY * to_stay):
        if importlib.util.find_spec(name.partition(".")[0]):
            importlib.import_module(name)
        if number == 0:
            global _plain_mb
            _plain_mb = data_mb()
    gc.freeze()  # a kernel's own collections do not walk through, and so copy, what it shares with the parent
    gc.enable()


def _serve(listener: socket.socket, address: Path, idle_seconds: int) -> list[int]:
    """Fork for each request. Returns in the child, with its three streams and the file that says what it is to be."""
    selector = selectors.DefaultSelector()
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ)
    clients: dict[socket.socket, int | None] = {}  # each connection with its fork, once it has one
    forks: dict[int, socket.socket] = {}  # each fork's descriptor with its connection

    def forget(connection: socket.socket) -> None:
        selector.unregister(connection)
        if pid := clients.pop(connection):
            for descriptor in [d for d, of in forks.items() if of is connection]:
                for kill in (os.killpg, os.kill):  # its client has gone before it
                    with contextlib.suppress(ProcessLookupError):  # it may not have had time to make its group
                        kill(pid, signal.SIGKILL)
                stop_watching(descriptor)
            os.waitpid(pid, 0)
        connection.close()

    def stop_watching(descriptor: int) -> None:
        selector.unregister(descriptor)
        del forks[descriptor]
        os.close(descriptor)

    forked = rested = False
    while True:
        if not clients and not rested and forked and idle_seconds:
            rested = True
            use_huge_pages()  # it takes a second, so not while anybody waits
        ready = selector.select(timeout=None if clients else idle_seconds)
        for key, _ in ready:
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.settimeout(10)
                clients[connection] = None
                selector.register(connection, selectors.EVENT_READ)
            elif key.fd in forks:
                # it stays a zombie until its client has gone
                ended = os.waitid(os.P_PIDFD, key.fd, os.WEXITED | os.WNOWAIT | os.WNOHANG)
                if ended is None:  # a new fork under the number of one that ended in this round
                    continue
                code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
                with contextlib.suppress(OSError):
                    forks[key.fd].sendall(struct.pack("i", code))
                stop_watching(key.fd)
            elif key.fileobj in clients:
                connection = key.fileobj
                handed: list[int] = []
                pid: int | None = None
                try:
                    word, handed, _, _ = socket.recv_fds(connection, len(_FORK), 4)
                    if word == _FORK and len(handed) == 4 and not clients[connection]:
                        pid = os.fork()
                except OSError:  # no room for a process: its client sees the end
                    pass
                if pid == 0:
                    others: list[Any] = [*clients, listener, selector]
                    for other in others:
                        other.close()
                    for descriptor in forks:
                        os.close(descriptor)
                    return handed
                for descriptor in handed:
                    os.close(descriptor)
                if pid is None:
                    forget(connection)
                    continue
                clients[connection], forked = pid, True
                descriptor = os.pidfd_open(pid)
                forks[descriptor] = connection
                selector.register(descriptor, selectors.EVENT_READ)
                with contextlib.suppress(OSError):
                    connection.sendall(struct.pack("i", pid))
        if not clients and not ready:
            with _locked(address.parent):
                if not selector.select(timeout=0):  # nobody has come in the meantime, and nobody can
                    for path in (address, address.with_suffix(".log")):
                        path.unlink(missing_ok=True)
                    os._exit(0)


def _become(handed: list[int]) -> dict:
    """Turn this forked process into what ``Popen`` would have started. Returns what is asked for."""
    os.setsid()
    *streams, asked = handed
    with os.fdopen(asked, "rb") as file:
        file.seek(0)
        request = json.load(file)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]  # Python's own
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    if "JPY_PARENT_PID" in os.environ:
        os.environ["JPY_PARENT_PID"] = str(os.getppid())
    time.tzset()
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    importlib.invalidate_caches()
    # Python's own generator, and names of temporary files, see to themselves after a fork
    import multiprocessing

    import numpy as np
    import torch

    multiprocessing.current_process().authkey = os.urandom(32)
    np.random.seed()
    if torch.initial_seed() != _TORCH_SEED:
        torch.default_generator.seed()
    return request


def data_mb() -> int:
    """What counts of this process against ``RLIMIT_DATA``, in MB."""
    (line,) = [s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith("VmData:")]
    return int(line.split()[1]) >> 10


def use_huge_pages() -> None:
    """Ask for large pages, where the kernel has them: a fork then copies a few page tables instead of thousands."""
    import ctypes

    libc, size, collapse = ctypes.CDLL(None), 2 << 20, 25
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for line in Path("/proc/self/maps").read_text().splitlines():
        area, rights, _, _, _, *name = line.split()
        if rights == "rw-p" and name in ([], ["[heap]"]):
            start, end = (int(part, 16) for part in area.split("-"))
            start, end = -(-start // size) * size, end // size * size
            if start < end:
                libc.madvise(start, end - start, collapse)  # refused, nothing changes


def main(number: str, address: str, idle_seconds: str) -> None:
    """Be the parent process: ``python warm.py DESCRIPTOR ADDRESS SECONDS``; in a forked child, the program."""
    if os.fork():
        os._exit(0)
    code = 1

    @atexit.register  # the first, so the last to be called
    def leave() -> None:
        """Like a child of ``multiprocessing``, a fork does not free one by one the objects it shares."""
        sys.__stdout__.flush()  # type: ignore[union-attr]  # there is one: the parent's log
        os._exit(code)

    if not sys.flags.safe_path:
        del sys.path[0]  # this file's folder
    os.chdir("/")
    _preload(int(idle_seconds) > 0)
    request = _become(_serve(socket.socket(fileno=int(number)), Path(address), int(idle_seconds)))
    way, what, *arguments = request["command"][1:]
    first = request["path"]
    if first is None:
        first = [] if sys.flags.safe_path else [request["cwd"]]  # where `python -m` looks first
    sys.path[:] = dict.fromkeys([*first, *sys.path])
    sys.argv, sys.orig_argv = [what if way == "-m" else way, *arguments], request["command"]
    try:
        if way == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(what, {"__name__": "__main__", "imported_mb": data_mb() - _plain_mb})
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


if __name__ == "__main__":
    main(*sys.argv[1:])
