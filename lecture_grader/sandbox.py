"""Processes for code that is not trusted: each has namespaces, files and limits of its own, and no network.

Linux only, without Docker. This is the trusted side; ``launcher`` is the program that it starts, or that
``fork_server`` forks, which builds the protections and starts the worker.
"""

import contextlib
import itertools
import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Protocol

MB = 1 << 20
LAUNCHER = Path(__file__).with_name("launcher.py")
MAX_PROCESSES = 48  # at once; threads are counted by the kernel
PROTECTIONS = (
    "no network",
    "no files but read-only libraries and a private /tmp",
    "processes of its own that end with it",
    "no new privileges, system calls filtered",
    "limits on time, memory, processes, files and output",
)
# When root grades, each worker gets an unused user id, because the kernel counts processes per user.
_FREE_UIDS = itertools.count(1_000_000_000 + os.getpid() % 100_000 * 10_000)
_ALIVE: weakref.WeakSet["Sandbox"] = weakref.WeakSet()
_STOPPED = threading.Event()


class Stopped(BaseException):
    """Grading was interrupted: no sandbox is started until :func:`start_again`."""


def stop_all() -> None:
    """End every sandbox of this process, and start none until :func:`start_again`."""
    _STOPPED.set()
    for sandbox in list(_ALIVE):
        sandbox.kill()


def check_not_stopped() -> None:
    """Raise :class:`Stopped` after :func:`stop_all`."""
    if _STOPPED.is_set():
        raise Stopped


def start_again() -> None:
    """Allow new sandboxes after :func:`stop_all`."""
    _STOPPED.clear()


class SandboxError(Exception):
    """The protections cannot be had here; the message says why and what to do."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Attributes:
        cell_seconds: wall time of one cell, or of one call of a check.
        total_seconds: wall time of the whole submission.
        memory_mb: memory of all its processes together.
        disk_mb: its private ``/tmp``, and as much again of ``/dev/shm``.
        processes: its processes and threads.
        threads: torch's threads.
    """

    cell_seconds: float = 60.0
    total_seconds: float = 300.0
    memory_mb: int = 4096
    disk_mb: int = 512
    processes: int = 192
    threads: int = 1


class Process(Protocol):
    """What a sandbox needs of its launcher: a ``subprocess.Popen`` has it, and a fork of the fork server."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...


class Sandbox:
    """One worker process and the socket to it; ``stopped`` says why it was killed, if it was.

    Args:
        argv: the worker's command; the number of its socket is appended. A fork needs none.
        limits: what the worker may use.
        folders: read-only folders that it sees besides the system's and Python's.
        hidden: folders among these that it sees empty.
        isolate: False starts the worker without any protection but resource limits.
        fork: makes the launcher of a configuration with this socket and error output, instead of starting a new
            Python; see :func:`lecture_grader.fork_client.fork_worker`.

    Raises:
        SandboxError: it could not be started.
    """

    def __init__(
        self,
        argv: list[str],
        limits: Limits,
        *,
        folders: tuple[Path, ...] = (),
        hidden: tuple[Path, ...] = (),
        isolate: bool = True,
        fork: Callable[[dict, socket.socket, IO[bytes]], Process] | None = None,
    ):
        check_not_stopped()
        self.limits, self.stopped = limits, ""
        if isolate and sys.platform != "linux":
            raise SandboxError(f"no sandbox on {sys.platform}: grade on Linux, or give --allow-unsandboxed")
        # the launcher mounts the new root here, where only it sees that; without isolation, the home folder
        self._scratch = tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True)
        self.socket, theirs = socket.socketpair()
        config = {
            "argv": [*argv, str(theirs.fileno())],
            "socket": theirs.fileno(),
            "limits": asdict(limits),
            "folders": [str(p) for p in (*_system_folders(), *folders)],
            "hidden": [str(p) for p in hidden],
            "copies": font_cache() if isolate else [],
            "isolate": isolate,
            "root": self._scratch.name,
            "uid": next(_FREE_UIDS) if os.geteuid() == 0 else None,
        }
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        try:
            self.process = (fork or self._start)(config, theirs, self._stderr)
        except BaseException:
            self._clean_up()
            raise
        finally:
            theirs.close()
        _ALIVE.add(self)
        if _STOPPED.is_set():  # meanwhile
            self.end()
            raise Stopped

    def _start(self, config: dict, theirs: socket.socket, stderr: IO[bytes]) -> Process:
        home = "/tmp" if config["isolate"] else self._scratch.name
        return subprocess.Popen(
            [sys.executable, "-I", str(LAUNCHER), json.dumps(config)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=environment(home, self.limits.threads),
            cwd=self._scratch.name,
            start_new_session=True,
        )

    def interrupt(self) -> None:
        """Send the signal of Ctrl-C."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)

    def usage(self) -> tuple[int, int]:
        """Bytes of memory that its processes hold together, and the number of its processes."""
        import psutil

        family, resident, proportional = [], 0, 0
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(self.process.pid).children(recursive=True)
        if len(family) > MAX_PROCESSES:
            return 0, len(family)  # reading on would take too long
        for child in family:
            with contextlib.suppress(psutil.Error):
                resident += child.memory_info().rss
        if resident > self.limits.memory_mb * MB:  # count pages that forked processes share once, which is slow
            for child in family:
                with contextlib.suppress(psutil.Error):
                    proportional += child.memory_full_info().pss
            resident = proportional or resident
        return resident, len(family)

    def kill(self) -> None:
        """End all its processes; the launcher ends after the last of them."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)

    def end(self) -> int:
        """Kill all its processes, clean up, and return the exit status, which is negative for a signal."""
        self.kill()
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait(20)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._clean_up()
        return status if status < 128 else 128 - status

    def drop(self) -> None:
        """Kill all its processes and clean up; a fork's end is not waited for."""
        if not hasattr(self.process, "drop"):
            self.end()
            return
        self.process.drop()  # kills the launcher; the kernel kills all others, since their parents end
        self._clean_up()

    def _clean_up(self) -> None:
        self.socket.close()
        self._stderr.close()
        self._scratch.cleanup()

    def stderr_tail(self) -> str:
        """The end of its error output, which holds the launcher's reason if it refused."""
        self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, self._stderr.tell() - 4000))
        return self._stderr.read().decode(errors="replace")


def require() -> None:
    """Try the protections with a program that does nothing.

    Raises:
        SandboxError: one of them cannot be had.
    """
    trial = Sandbox([sys.executable, "-I", "-S", "-c", "pass"], Limits())
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            trial.process.wait(30)
        if trial.process.returncode != 0:
            reason = trial.stderr_tail().strip().splitlines()[-1:] or [f"exit status {trial.process.returncode}"]
            raise SandboxError(
                f"the sandbox cannot be had here ({reason[0]}): it needs a Linux that lets users make namespaces "
                "(on Ubuntu: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0) and has libseccomp; "
                "for notebooks that you trust there is --allow-unsandboxed"
            )
    finally:
        trial.end()


def share_out(limits: Limits, wanted: int, submissions: int, root: Path = Path("/")) -> tuple[int, Limits]:
    """How many submissions run at once, and the limits with each one's share of the cores.

    Args:
        wanted: so many; 0: one a core. Never more than there is memory for.
        submissions: how many there are in all.
        root: of ``/proc`` and ``/sys``, see :func:`container_limits`.
    """
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory, allowed = container_limits(root)
    memory = min(memory, psutil.virtual_memory().available)
    cores = math.ceil(min(cores, allowed))
    workers = max(1, min(wanted or cores, submissions, int(memory // (limits.memory_mb * MB))))
    return workers, replace(limits, threads=max(1, cores // workers))


def container_limits(root: Path = Path("/")) -> tuple[float, float]:
    """Bytes of memory and number of cores that the control groups of this process leave; infinity without a limit.

    A container, a batch system or systemd limits a process by its control group or by one of that group's parents.

    Args:
        root: the folder that holds ``proc/self/cgroup`` and ``sys/fs/cgroup``; both versions of these are read.
    """
    memory = cores = math.inf
    listing = root / "proc/self/cgroup"
    for line in listing.read_text().splitlines() if listing.exists() else []:
        _, kinds, path = line.split(":", 2)  # version 2 has one tree, and version 1 a tree for each kind of limit
        tree = root / "sys/fs/cgroup" / kinds
        group = tree / path.strip("/")
        for folder in [group, *group.parents]:
            if folder.is_relative_to(tree):
                memory = min(memory, _memory_left(folder))
                cores = min(cores, _cores(folder))
    return memory, cores


def _memory_left(group: Path) -> float:
    """The group's limit less what it uses, without the part of the file cache that the kernel can drop."""
    for limit, usage in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
        if (bound := _numbers(group / limit)) and (used := _numbers(group / usage)):
            stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
            cache = stat.get("total_inactive_file", stat.get("inactive_file", 0))
            return max(0, bound[0] - used[0] + float(cache))
    return math.inf


def _cores(group: Path) -> float:
    quota = _numbers(group / "cpu.max") or [
        *_numbers(group / "cpu.cfs_quota_us"),
        *_numbers(group / "cpu.cfs_period_us"),
    ]
    return quota[0] / quota[1] if len(quota) == 2 and quota[0] > 0 else math.inf


def _numbers(file: Path) -> list[float]:
    try:
        return [float(word.replace("max", "inf")) for word in file.read_text().split()]
    except OSError:
        return []


def environment(home: str, threads: int) -> dict[str, str]:
    """The environment variables of a worker; it has no others."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "IPYTHONDIR": f"{home}/.ipython",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "LECTURE_GRADING": "1",
        "OMP_WAIT_POLICY": "PASSIVE",  # as lecture_utils sets it
        "PIP_RETRIES": "0",  # there is no network to wait for
    }


def _system_folders() -> tuple[Path, ...]:
    """The folders and files that a Python program reads: those of the system and of this Python."""
    system = ["/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/localtime"]
    system += ["/etc/alternatives", "/etc/fonts", "/sys/devices/system/cpu"]
    there = [p for p in map(Path, [*system, sys.base_prefix, sys.prefix]) if p.exists()]
    return tuple(shown for p in there for shown in (p, p.resolve()))  # a link and its target


def font_cache() -> list[str]:
    """The files of matplotlib's font list, which takes seconds to make."""
    from matplotlib import get_cachedir

    return [str(p) for p in Path(get_cachedir()).glob("fontlist-*.json")]
