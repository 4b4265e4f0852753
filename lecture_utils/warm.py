"""Warm kernels: one clean parent process has imported torch and its company, each kernel is forked from it.

For notebooks that are trusted. ``lecture-warm`` is a kernel by name, for papermill, nbclient and nbval; its
provisioner, below, is a jupyter_client entry point. Whatever stands in the way, the kernel is started as usual.

The parent is this file run as a program. It imports the modules of ``PRELOADED`` and nothing of the course, runs no
notebook's code and computes nothing: a child forked beside a pool of torch's threads would hang. There is one parent
for each configuration (environment, limits, Python, installed packages). Its clients hold connections to a socket in
a folder that only the user can enter; the parent ends with the last of them, and each kernel with its own, whichever
way a client ends: the operating system closes what a killed process held.

What a client leaves to chance is drawn anew in each kernel, but for the hash seed of strings, which the kernels of
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
    "ipykernel.kernelapp", "torch", "torchvision", "torch._dynamo", "matplotlib.pyplot",
    "matplotlib.backends.backend_agg", "sklearn.datasets", "ipywidgets", "PIL.Image",
)  # fmt: skip
# what changes from call to call, and no preloaded module reads; and what importing them sets in the client
_OWN = {"PWD", "OLDPWD", "SHLVL", "_", "COLUMNS", "LINES", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKE_TERMOUT"}
_OWN |= {"KMP_DUPLICATE_LIB_OK=True", "KMP_INIT_AT_FORK=FALSE", "OMP_WAIT_POLICY=PASSIVE", "TORCHINDUCTOR_CACHE_DIR"}
_OWN_PREFIXES = ("JPY_", "LECTURE_", "PYTEST_")
_TORCH_SEED = 67280421310721  # with which torch starts, or with a random one: that depends on its version


class Cold(Exception):
    """A kernel cannot be warm; the message says why."""


def why_cold(environment: Mapping[str, str] = os.environ) -> str | None:
    """Why kernels cannot be warm here, in a few words; None where they can.

    Args:
        environment: of the kernel. With ``CUDA_VISIBLE_DEVICES`` empty, a GPU is no reason.
    """
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        return f"no safe fork on {sys.platform}" if sys.platform != "linux" else "no os.pidfd_open in this Python"
    if not importlib.metadata.entry_points(group="jupyter_client.kernel_provisioners", name=NAME):
        return "the course was installed before there were warm kernels: install it again"
    build = importlib.metadata.version("torch").partition("+")[2]
    devices = [] if build == "cpu" or environment.get("CUDA_VISIBLE_DEVICES") in ("", "-1") else ["nvidiactl", "dxg"]
    devices += ["kfd"] if build.startswith("rocm") else ["dri"] if build == "xpu" else []
    if any(Path("/dev", device).exists() for device in devices):
        return "there is a GPU, and what a driver holds cannot be forked"
    return None


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


def _configuration(environment: Mapping[str, str]) -> str:
    """A name for all that a kernel inherits from the process that starts it, or imports from."""
    import resource  # not on Windows, where nobody comes here

    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    folders = {__file__, *(path for path in sys.path if path.endswith("-packages"))}
    kept = [
        (name, value)
        for name, value in sorted(environment.items())
        if not {name, f"{name}={value}"} & _OWN and not name.startswith(_OWN_PREFIXES)
    ]
    inherited = [
        [sys.executable, sys.version],
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


def _connect(environment: Mapping[str, str]) -> socket.socket:
    """A connection to the parent for this environment, which is started if there is none."""
    folder, key = _private_folder(), _configuration(environment)
    address = folder / key
    with _locked(folder):  # nobody starts, and no parent ends, while it is held
        connections = []
        for _ in range(1 if key in _presence and not _ended(_presence[key]) else 2):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(START_SECONDS)
            try:
                connection.connect(str(address))
            except (FileNotFoundError, ConnectionRefusedError):
                _start_parent(address, environment)
                connection.connect(str(address))
            connections.append(connection)
    held = _presence.pop(key, None)
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


def _start_parent(address: Path, environment: Mapping[str, str]) -> None:
    address.unlink(missing_ok=True)
    # fork and exit: nobody has to wait for the parent, and it belongs to no terminal
    with socket.socket(socket.AF_UNIX) as listener, address.with_suffix(".log").open("w") as log:
        listener.bind(str(address))
        listener.listen(128)
        command = [sys.executable, str(Path(__file__).resolve()), str(listener.fileno()), str(address)]
        subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(environment), check=True,
            pass_fds=[listener.fileno()], start_new_session=True,
        )  # fmt: skip


class _Kernel:
    """A forked kernel, with what jupyter_client uses of a ``Popen``."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int):
        self.connection, self.pid, self.returncode = connection, pid, None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.connection.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                told = self.connection.recv(4)
                # without its parent a kernel ends too
                self.returncode = struct.unpack("i", told)[0] if told else -signal.SIGKILL
                self.connection.close()
        return self.returncode

    def wait(self) -> int:
        while self.poll() is None:
            time.sleep(0.01)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:  # until then the parent keeps the process id from being used again
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def fork_kernel(command: list[str], *, env: dict[str, str], cwd: str | None = None, **streams: Any) -> _Kernel:
    """Fork a kernel from the parent for this configuration.

    Args:
        command: ``python -m MODULE ARGUMENTS``, with the Python of this process.
        env: the kernel's environment.
        cwd: its working directory; None: ours.
        streams: ``stdin``, ``stdout``, ``stderr`` as of ``subprocess.Popen``, but no pipes.

    Raises:
        Cold: it cannot be done; the message says why.
    """
    if reason := why_cold(env):
        raise Cold(reason)
    cwd = os.path.realpath(cwd or os.curdir)
    if command[:2] != [sys.executable, "-m"] or not Path(cwd).is_dir():
        raise Cold(f"not for {' '.join(command[:2])} in {cwd}")
    if unknown := {name for name, value in streams.items() if name not in ("stdin", "stdout", "stderr") and value}:
        raise Cold(f"not with {', '.join(sorted(unknown))}")
    if subprocess.PIPE in streams.values():
        raise Cold("not with a pipe")
    request = json.dumps({"command": command, "env": env, "cwd": cwd}).encode()
    with contextlib.ExitStack() as opened:
        null = opened.enter_context(Path(os.devnull).open("r+b"))
        end, other = os.pipe()  # as jupyter_client's launcher: nothing to read
        os.close(other)
        opened.callback(os.close, end)
        handed = []
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            stream = streams.get(name)
            if stream is None:
                stream = number or end
            elif stream in (subprocess.DEVNULL, subprocess.STDOUT):
                stream = null if stream == subprocess.DEVNULL else handed[1]
            handed.append(stream if isinstance(stream, int) else stream.fileno())
        try:
            connection = _connect(env)
            socket.send_fds(connection, [struct.pack("I", len(request))], handed)
            connection.sendall(request)
            told = connection.recv(4)
        except (OSError, subprocess.SubprocessError) as error:
            raise Cold(f"no parent process: {error}") from error
    if not told:
        raise Cold(f"the parent process ended while it imported, see {_private_folder()}/*.log")
    return _Kernel(connection, struct.unpack("i", told)[0])


def __getattr__(name: str):
    """The provisioner is made when it is asked for: the parent, and `lecture`, do without jupyter_client."""
    if name != "WarmProvisioner":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jupyter_client.provisioning import LocalProvisioner

    class WarmProvisioner(LocalProvisioner):
        """Launches a kernel by a fork, or, where that cannot be, as its base class does."""

        def _finalize_env(self, env: dict[str, str]) -> None:
            super()._finalize_env(env)
            paths = [path for path in env.pop("JUPYTER_PATH", "").split(os.pathsep) if path not in ("", _HERE)]
            env |= {"JUPYTER_PATH": os.pathsep.join(paths)} if paths else {}  # as before `kernel_name`

        async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
            wanted = {key: value for key, value in options.items() if key not in ("extra_arguments", "kernel_id")}
            try:
                self.process = fork_kernel(cmd, **wanted)
            except Cold as reason:
                print(f"{NAME}: a cold kernel, {reason}", file=sys.stderr)
                return await super().launch_kernel(cmd, **options)
            self.pid = self.pgid = self.process.pid
            self.cwd = options.get("cwd") or Path.cwd()
            return self.connection_info

    globals()[name] = WarmProvisioner
    return WarmProvisioner


# --- the parent ------------------------------------------------------------------------------------------------


def _preload() -> None:
    # what a kernel sets before it imports these, or its notebook does (lecture_utils/__init__.py)
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # a kernel whose parent is another one ends
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for name in PRELOADED:
        if importlib.util.find_spec(name.partition(".")[0]):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a kernel's own collections do not walk through, and so copy, what it shares with the parent


def _serve(listener: socket.socket, address: Path) -> tuple[dict, list[int]]:
    """Fork a kernel for each request. Returns in the child, with its request and its three streams."""
    selector = selectors.DefaultSelector()
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ)
    clients: dict[socket.socket, int | None] = {}  # each connection with its kernel, once it has one
    kernels: dict[int, socket.socket] = {}  # each kernel's descriptor with its connection

    def forget(connection: socket.socket) -> None:
        selector.unregister(connection)
        if pid := clients.pop(connection):
            for descriptor in [d for d, of in kernels.items() if of is connection]:
                for kill in (os.killpg, os.kill):  # its client has gone before it
                    with contextlib.suppress(ProcessLookupError):  # it may not have had time to make its group
                        kill(pid, signal.SIGKILL)
                stop_watching(descriptor)
            os.waitpid(pid, 0)
        connection.close()

    def stop_watching(descriptor: int) -> None:
        selector.unregister(descriptor)
        del kernels[descriptor]
        os.close(descriptor)

    while True:
        for key, _ in selector.select(timeout=None if clients else 0):
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.settimeout(10)
                clients[connection] = None
                selector.register(connection, selectors.EVENT_READ)
            elif key.fd in kernels:
                # it stays a zombie until its client has gone
                ended = os.waitid(os.P_PIDFD, key.fd, os.WEXITED | os.WNOWAIT | os.WNOHANG)
                if ended is None:  # a new kernel under the number of one that ended in this round
                    continue
                code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
                with contextlib.suppress(OSError):
                    kernels[key.fd].sendall(struct.pack("i", code))
                stop_watching(key.fd)
            elif key.fileobj in clients:
                connection = key.fileobj
                try:
                    request = None if clients[connection] else _receive(connection)
                    pid = os.fork() if request else None
                except (OSError, ValueError):  # half a request, or no room for a process: its client sees the end
                    request = None
                if request is None:
                    forget(connection)
                    continue
                if not pid:
                    for other in (*clients, listener, selector):
                        other.close()
                    for descriptor in kernels:
                        os.close(descriptor)
                    return request
                for descriptor in request[1]:
                    os.close(descriptor)
                clients[connection] = pid
                descriptor = os.pidfd_open(pid)
                kernels[descriptor] = connection
                selector.register(descriptor, selectors.EVENT_READ)
                with contextlib.suppress(OSError):
                    connection.sendall(struct.pack("i", pid))
        if not clients:
            with _locked(address.parent):
                if not selector.select(timeout=0):  # nobody has come in the meantime, and nobody can
                    for path in (address, address.with_suffix(".log")):
                        path.unlink(missing_ok=True)
                    os._exit(0)


def _receive(connection: socket.socket) -> tuple[dict, list[int]] | None:
    header, streams, _, _ = socket.recv_fds(connection, 4, 3)
    if not header:
        return None
    request = connection.makefile("rb").read(struct.unpack("I", header)[0])
    return json.loads(request), streams


def _become(request: dict, streams: list[int]) -> None:
    """Turn this forked process into what ``Popen`` would have started."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"], JPY_PARENT_PID=str(os.getppid()))
    importlib.invalidate_caches()
    # Python's own generator, and names of temporary files, see to themselves after a fork
    import multiprocessing

    import numpy as np
    import torch

    multiprocessing.current_process().authkey = os.urandom(32)
    np.random.seed()  # noqa: NPY002
    if torch.initial_seed() != _TORCH_SEED:
        torch.default_generator.seed()


def main(number: str, address: str) -> None:
    """Be the parent process: ``python warm.py DESCRIPTOR ADDRESS``; in a forked child, the kernel."""
    if os.fork():
        os._exit(0)
    code = 1

    @atexit.register  # the first, so the last to be called
    def leave() -> None:
        """Like a child of ``multiprocessing``, a kernel does not free one by one the objects it shares."""
        sys.__stdout__.flush()
        os._exit(code)

    if not sys.flags.safe_path:
        del sys.path[0]  # this file's folder
    os.chdir("/")
    _preload()
    request, streams = _serve(socket.socket(fileno=int(number)), Path(address))
    _become(request, streams)
    module, *arguments = request["command"][2:]
    if not sys.flags.safe_path:
        sys.path.insert(0, request["cwd"])  # where `python -m` looks first
    sys.argv, sys.orig_argv = [module, *arguments], request["command"]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


if __name__ == "__main__":
    main(*sys.argv[1:])
