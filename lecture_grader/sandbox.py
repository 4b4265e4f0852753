"""Processes for code that is not trusted: each has its own namespaces, files and limits, and no network.

Linux only, without Docker. This module is the trusted side. It starts the program ``launcher``, or has ``fork_server``
fork it; the launcher builds the protections and starts the worker in them.
"""

import atexit
import contextlib
import functools
import itertools
import json
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Protocol

from lecture_grader.control_groups import Group, container_limits, memory_folder
from lecture_grader.usage import MAX_PROCESSES, Usage

MB = 1 << 20
LAUNCHER = Path(__file__).with_name("launcher.py")
MAX_LOCKS = 500  # of files, at once
# When root grades, each worker gets an unused user id, because the kernel counts the processes of each user.
_FREE_UIDS = itertools.count(1_000_000_000 + os.getpid() % 100_000 * 10_000)
_ALIVE: weakref.WeakSet["Sandbox"] = weakref.WeakSet()
_STOPPED = threading.Event()
# What programs read below the prefixes of the system and of Python.
_PARTS = ("bin", "sbin", "lib*", "include", "share", "etc", "ssl", "cuda*", "*-linux-gnu", "pyvenv.cfg")


def protections() -> tuple[str, ...]:
    """The protections that this machine offers, in a few words each."""
    counted = "by a control group" if memory_folder() else "measured 10 times a second, as there is no control group"
    return (
        "no network",
        "no files but read-only libraries and a private /tmp",
        "processes of its own that end with it",
        "no new privileges, system calls filtered",
        f"limits on time, memory ({counted}), processes, files and output",
    )


class Stopped(BaseException):
    """Grading was interrupted: no sandbox is started until :func:`allow_starts`."""


def stop_all() -> None:
    """End every sandbox of this process, and start none until :func:`allow_starts`."""
    _STOPPED.set()
    for sandbox in list(_ALIVE):
        sandbox.kill()


def check_not_stopped() -> None:
    """Raise :class:`Stopped` after :func:`stop_all`."""
    if _STOPPED.is_set():
        raise Stopped


def allow_starts() -> None:
    """Allow new sandboxes after :func:`stop_all`."""
    _STOPPED.clear()


class SandboxError(Exception):
    """A protection is not available here; the message says why and what to do."""


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
    """What a sandbox uses of its launcher's process: a ``subprocess.Popen``, or a :class:`~.fork_client.Fork`."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...


class Sandbox:
    """One worker process and the socket to it.

    Attributes:
        socket: the grader's end.
        usage: what the worker and its children use, if :meth:`watch` is running.

    Args:
        argv: the worker's command; the number of its socket is appended. A fork needs none.
        limits: what the worker may use.
        folders: folders that it can read besides those of the system and of Python.
        hidden: folders among these that are empty for it.
        isolate: False starts the worker without any protection but resource limits.
        fork: starts the launcher, given its configuration, the worker's socket and error output; see
            :func:`~lecture_grader.fork_client.fork_worker`. None starts it in a new Python.

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
        self.limits, self._stopped = limits, ""
        self._too_much = f"it took more than {limits.memory_mb} MB of memory"
        self._group = self._home = None
        if isolate and sys.platform != "linux":
            raise SandboxError(f"no sandbox on {sys.platform}: grade on Linux, or give --allow-unsandboxed")
        root = scratch_folder() / "root"  # the launcher mounts the new root here, in a namespace where only it sees it
        root.mkdir(parents=True, exist_ok=True)
        if not isolate:
            self._home = tempfile.TemporaryDirectory(dir=root.parent, ignore_cleanup_errors=True)
        elif folder := memory_folder():
            try:  # files in memory have limits of their own
                self._group = Group(folder, (limits.memory_mb + 2 * limits.disk_mb) * MB)
            except OSError as error:
                raise SandboxError(f"no control group could be made in {folder} ({error.strerror})") from None
        self.socket, theirs = socket.socketpair()
        config = {
            # normalised, since a path such as tests/../.venv/bin/python leads through a folder that is not shown
            "argv": [os.path.normpath(argv[0]), *argv[1:], str(theirs.fileno())] if argv else [],
            "socket": theirs.fileno(),
            "limits": asdict(limits),
            "folders": [str(p) for p in (*_system_folders(), *folders)],
            "hidden": [str(p) for p in (*hidden, *copies_of_the_checks())] if isolate else [],
            "copies": font_cache() if isolate else [],
            "isolate": isolate,
            "root": str(root),
            "group": str(self._group.path) if self._group else None,
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
        self.usage = Usage(self.process.pid, limits.memory_mb * MB, limits.threads, counts_sockets=isolate)
        _ALIVE.add(self)
        if _STOPPED.is_set():  # while it started
            self.end()
            raise Stopped

    def _start(self, config: dict, theirs: socket.socket, stderr: IO[bytes]) -> Process:
        home = self._home.name if self._home else "/tmp"
        process = subprocess.Popen(
            [sys.executable, "-I", str(LAUNCHER)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=environment(home, self.limits.threads),
            cwd=home,
            start_new_session=True,
        )
        assert process.stdin
        with contextlib.suppress(BrokenPipeError), process.stdin:  # it has ended: the caller gets no message
            process.stdin.write(json.dumps(config).encode())
        return process

    def interrupt(self) -> None:
        """Send the signal of Ctrl-C."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)

    def watch(self) -> None:
        """End the worker when it takes more memory, processes or locks than it may; return when it has ended."""
        while self.process.poll() is None and not self.stopped:
            time.sleep(0.1)
            try:
                self.usage.measure()
            except Exception as error:  # what cannot be measured may not run
                self._stopped = f"it could not be measured ({error})"
                break
            if self.usage.locks > MAX_LOCKS:
                self._stopped = f"it held more than {MAX_LOCKS} locks of files at once"
            elif self.usage.processes > MAX_PROCESSES:
                self._stopped = f"it ran more than {MAX_PROCESSES} processes at once"
            elif self.usage.memory > self.limits.memory_mb * MB:
                self._stopped = self._too_much
        if self.stopped:
            self.kill()

    @property
    def stopped(self) -> str:
        """Why it was killed, by :meth:`watch` or by the kernel; empty if it was not."""
        if not self._stopped and self._group and self._group.overflowed():
            self._stopped = self._too_much
        return self._stopped

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
        """Kill all its processes and clean up; do not wait for the end of a fork."""
        if not hasattr(self.process, "drop"):
            self.end()
            return
        self.process.drop()  # kills the launcher; the kernel kills all others, since their parents end
        self._clean_up()

    def _clean_up(self) -> None:
        self.socket.close()
        self._stderr.close()
        if self._home:
            self._home.cleanup()
        if self._group:
            self._stopped = self.stopped  # it asks the group, which is removed now
            self._group.remove()

    def stderr_tail(self) -> str:
        """The end of its error output; the last line is the launcher's reason if it refused."""
        self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, self._stderr.tell() - 4000))
        return self._stderr.read().decode(errors="replace")


@functools.cache
def scratch_folder() -> Path:
    """A folder for temporary files, removed when this process ends; if it is killed, a later grader removes it.

    The folder is locked while its process runs; the kernel ends the lock with the process.
    """
    import fcntl  # not on Windows, where nothing is graded

    for old in Path(tempfile.gettempdir()).glob("lecture-grade-*"):
        with contextlib.suppress(OSError):  # it belongs to another user, was removed meanwhile, or its process runs
            found = old.lstat()
            if found.st_uid != os.getuid() or time.time() - found.st_mtime < 60:  # a new one may not be locked yet
                continue
            descriptor = os.open(old, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(old, ignore_errors=True)
            finally:
                os.close(descriptor)
    folder = Path(tempfile.mkdtemp(prefix="lecture-grade-"))
    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_SH)  # until this process ends
    owner = os.getpid()

    @atexit.register
    def remove() -> None:
        if os.getpid() == owner:  # not in a fork
            shutil.rmtree(folder, ignore_errors=True)

    return folder


def require() -> None:
    """Start a program that does nothing in a sandbox, to see whether the protections are available.

    Raises:
        SandboxError: one of them is not.
    """
    trial = Sandbox([sys.executable, "-I", "-S", "-c", "pass"], Limits())
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            trial.process.wait(30)
        if trial.process.returncode != 0:
            reason = trial.stderr_tail().strip().rpartition("\n")[2] or f"exit status {trial.process.returncode}"
            raise SandboxError(
                f"the sandbox is not available here ({reason}): it needs a Linux that lets users make namespaces "
                "(on Ubuntu: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0) and has libseccomp; "
                "for notebooks that you trust there is --allow-unsandboxed"
            )
    finally:
        trial.end()


def share_out(limits: Limits, wanted: int, submissions: int, root: Path = Path("/")) -> tuple[int, Limits]:
    """How many submissions run at once, and the limits with each one's share of the cores.

    Args:
        limits: of one submission.
        wanted: how many to run at once, if there is memory for them; 0: one for each core.
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


@functools.cache
def _system_folders() -> tuple[Path, ...]:
    """The folders and files that a Python program reads: parts of the system and of this Python."""
    system = ["/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/localtime"]
    system += ["/etc/alternatives", "/etc/fonts", "/sys/devices/system/cpu"]
    there = [p for p in map(Path, system) if p.exists()]
    for prefix in dict.fromkeys((Path("/usr"), Path("/usr/local"), Path(sys.base_prefix), Path(sys.prefix))):
        there += sorted(path for part in _PARTS for path in prefix.glob(part))
    return tuple(shown for p in there for shown in (p, p.resolve()))  # a link and its target


def check_not_shown(paths: Iterable[Path], shown: Iterable[Path] = ()) -> None:
    """Refuse to grade where a submission could read these files or folders.

    Args:
        paths: files and folders that no submission may read.
        shown: folders that it can read besides those of the system and of Python.

    Raises:
        SandboxError: one of them lies in a folder that each submission sees.
    """
    folders = {folder.resolve() for folder in (*_system_folders(), *shown)}
    for path in (*paths, scratch_folder()):
        for other in _all_paths(path.resolve()):
            for folder in folders:
                if other.is_relative_to(folder) and not any(map(other.is_relative_to, copies_of_the_checks())):
                    raise SandboxError(f"every submission could read {path}, since it sees {folder}: move it elsewhere")


def _all_paths(path: Path) -> set[Path]:
    """The path, and all other paths of the same folder or file through other mounts."""
    mounts = []  # (device, folder of the device, path where it is mounted)
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            device, root, point = (_unescaped(field) for field in line.split()[2:5])
            mounts.append((device, Path(root), Path(point)))
    holders = [mount for mount in mounts if path.is_relative_to(mount[2])]
    if not holders:
        return {path}
    device, base, place = max(holders, key=lambda mount: len(mount[2].parts))
    inside = base / path.relative_to(place)
    found = {path}
    for other, base, place in mounts:
        if other == device and inside.is_relative_to(base):
            found.add(place / inside.relative_to(base))
        elif other == device and base.is_relative_to(inside):
            found.add(place)
    return found


def _unescaped(field: str) -> str:
    return re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), field)


def _folders_in(folder: str) -> list[str]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        # `entry.is_dir()` would raise an error for a link to itself, and so hide all that lies beside it.
        return [e.path for e in entries if (Path(e.path).is_dir() if e.is_symlink() else e.is_dir())]
    return []


@functools.cache
def copies_of_the_checks() -> tuple[Path, ...]:
    """Checks, solutions and archives of the course below the system's folders, which each submission sees empty."""
    found = set()
    for folder in {folder.resolve() for folder in _system_folders() if folder.is_dir()}:
        for place in (folder, *folder.glob("python*/*-packages")):
            found |= {copy for copy in place.glob("lecture[-_]utils-*") if not copy.name.endswith("-info")}
            folders, level = [str(place)], [str(place)]
            for _ in range(1 if place.parent == Path("/usr") else 2):  # there are thousands of folders in /usr
                level = [below for above in level for below in _folders_in(above)]
                folders += level
            paths = [f"{one}/{name}" for one in folders for name in ("checks", "lecture_checks")]
            holders = [Path(one) for one in paths if os.path.isdir(one)]  # noqa: PTH112 - thousands of names
            found |= {holder for holder in holders if [*holder.glob("exercise_[0-9][0-9].py")]}
    beside = {path.parent / name for path in found for name in ("solutions", "tests", ".git", "build", "dist")}
    clones = {path for path in beside if (path.parent / "solutions").is_dir()}
    return tuple(sorted({path.resolve() for path in found | clones if path.exists()}))  # a link to itself does not


def font_cache() -> list[str]:
    """The files of matplotlib's font list, copied for each worker since it takes seconds to make."""
    from matplotlib import get_cachedir

    return [str(p) for p in Path(get_cachedir()).glob("fontlist-*.json")]
