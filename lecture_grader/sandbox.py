"""A process for code that is not trusted: its own world of processes, files and network.

Linux only, without Docker. The trusted side makes a :class:`Sandbox`; this file, run as a program,
is the launcher between: it enters new namespaces, builds a file system of read-only system
folders and a private ``/tmp``, sets limits, gives up every privilege, and starts the worker.

The order of the steps follows the manual pages user_namespaces(7), pid_namespaces(7) and
pivot_root(2). Nothing but the standard library and pyseccomp is imported here: the launcher's
memory is what the worker is forked from. In the warm way, see ``warm``, the launcher is a fork of
a process that has imported more, and does the very same.
"""

import contextlib
import ctypes
import errno
import itertools
import json
import os
import resource
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
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lecture_grader.fork_server_workers import Forked, Parent

MB = 1 << 20
REFUSED = 97  # the launcher's exit code where a protection cannot be had
MAX_PROCESSES = 48  # at once; threads are counted by the kernel
PROTECTIONS = (
    "no network",
    "no files but read-only libraries and a private /tmp",
    "processes of its own that end with it",
    "no new privileges, system calls filtered",
    "limits on time, memory, processes, files and output",
)


# Root runs each worker as a user that nobody is: limits are counted per user.
_FREE_UIDS = itertools.count(1_000_000_000 + os.getpid() % 100_000 * 10_000)


_ALIVE: weakref.WeakSet["Sandbox"] = weakref.WeakSet()
_STOPPED = threading.Event()


class Stopped(BaseException):
    """Grading was interrupted: nothing is started any more."""


def stop_all() -> None:
    """End every sandbox of this process, and start none until :func:`start_again`."""
    _STOPPED.set()
    for sandbox in list(_ALIVE):
        sandbox.kill()


def check_not_stopped() -> None:
    """
    Raises:
        Stopped: nothing may be started.
    """
    if _STOPPED.is_set():
        raise Stopped


def start_again() -> None:
    """Allow sandboxes again."""
    _STOPPED.clear()


class SandboxError(RuntimeError):
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


class Sandbox:
    """One worker process and the socket to it; ``stopped`` says why it was killed, if it was.

    Args:
        argv: the worker's command; the number of its socket is appended. A fork needs none.
        limits: what it may use.
        folders: read-only folders it sees besides the system's and Python's.
        hidden: folders among these that it sees empty.
        isolate: False starts the worker without any protection but resource limits.
        parent: the warm process to fork the worker from; None starts a new Python.

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
        parent: "Parent | None" = None,
    ):
        check_not_stopped()
        self.limits, self.stopped = limits, ""
        if isolate and sys.platform != "linux":
            raise SandboxError(f"no sandbox on {sys.platform}: grade on Linux, or give --allow-unsandboxed")
        # where the new root is mounted, in the launcher's view only; without isolation, the home
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
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        self.process: Forked | subprocess.Popen
        try:
            if parent:
                self.process = parent.fork(config, theirs, self._said)
            else:
                self.process = subprocess.Popen(
                    [sys.executable, "-I", __file__, json.dumps(config)],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._said,
                    env=environment("/tmp" if isolate else self._scratch.name, limits.threads),
                    cwd=self._scratch.name,
                    start_new_session=True,
                )
        except BaseException:
            self._clean_up()
            raise
        finally:
            theirs.close()
        _ALIVE.add(self)
        if _STOPPED.is_set():  # meanwhile
            self.end()
            raise Stopped

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)

    def usage(self) -> tuple[int, int]:
        """Bytes of memory that its processes hold together, and how many processes they are."""
        import psutil

        family, resident, shared_out = [], 0, 0
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(self.process.pid).children(recursive=True)
        if len(family) > MAX_PROCESSES:
            return 0, len(family)  # reading on would take too long
        for child in family:
            with contextlib.suppress(psutil.Error):
                resident += child.memory_info().rss
        if resident > self.limits.memory_mb * MB:  # forked processes share pages: look closer, which is slow
            for child in family:
                with contextlib.suppress(psutil.Error):
                    shared_out += child.memory_full_info().pss
            resident = shared_out or resident
        return resident, len(family)

    def kill(self) -> None:
        """End all its processes; the launcher ends after the last of them."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)

    def end(self) -> int:
        """Kill whatever still runs, and clean up; the exit status, negative for a signal."""
        self.kill()
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._clean_up()
        return status if status < 128 else 128 - status

    def drop(self) -> None:
        """Kill all its processes and clean up; where it was forked, without waiting for their end."""
        if not hasattr(self.process, "drop"):
            self.end()
            return
        self.process.drop()  # the launcher; all others are killed as their parents are
        self._clean_up()

    def _clean_up(self) -> None:
        self.socket.close()
        self._said.close()
        self._scratch.cleanup()

    def stderr_tail(self) -> str:
        """The end of what it wrote to its error output, a launcher's refusal included."""
        self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, self._said.tell() - 4000))
        return self._said.read().decode(errors="replace")


def require() -> None:
    """Try the protections on a process that does nothing.

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


def share_out(limits: Limits, wanted: int, submissions: int) -> tuple[int, Limits]:
    """How many submissions are run at once, and the limits with each one's share of the cores.

    Args:
        wanted: so many; 0: one a core. Never more than there is memory for.
        submissions: that there are at all.
    """
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    fit = psutil.virtual_memory().available // (limits.memory_mb * MB)
    workers = max(1, min(wanted or cores, submissions, fit))
    return workers, replace(limits, threads=max(1, cores // workers))


def environment(home: str, threads: int) -> dict[str, str]:
    """All environment variables of a worker."""
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
        "PIP_RETRIES": "0",  # there is no network to wait for
    }


def _system_folders() -> tuple[Path, ...]:
    """What a Python program reads: the system's libraries, and this Python's."""
    system = ["/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/localtime"]
    system += ["/etc/alternatives", "/etc/fonts", "/sys/devices/system/cpu"]
    there = [p for p in map(Path, [*system, sys.base_prefix, sys.prefix]) if p.exists()]
    return tuple(shown for p in there for shown in (p, p.resolve()))  # a link, and what it leads to


def font_cache() -> list[str]:
    """matplotlib's list of fonts: making it anew takes seconds."""
    from matplotlib import get_cachedir

    return [str(p) for p in Path(get_cachedir()).glob("fontlist-*.json")]


# --- the launcher: runs as a program, between the grader and the worker ---------------------------

_NEW = {"mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "pid": 0x20000000, "net": 0x40000000}
_NEW_USER = 0x10000000
_RDONLY, _NOSUID, _NODEV, _BIND, _REC, _PRIVATE = 1, 2, 4, 4096, 16384, 1 << 18
_DEATH_SIGNAL, _SET_DUMPABLE, _DROP_BOUNDING, _NO_NEW_PRIVS = 1, 4, 24, 38
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
_DEADLY = """
    mount umount2 pivot_root chroot unshare setns ptrace process_vm_readv process_vm_writev kexec_load
    kexec_file_load init_module finit_module delete_module bpf reboot swapon swapoff open_by_handle_at acct
    settimeofday clock_settime sethostname setdomainname move_mount open_tree fsopen fsmount mount_setattr
"""  # no use of these is innocent here: whoever tries is killed
_DENIED = """
    perf_event_open userfaultfd keyctl add_key request_key io_uring_setup io_uring_enter io_uring_register
"""

_libc: Any = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


def _call(name: str, *args: object) -> int:
    result = getattr(_libc, name)(*args)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def die_with_parent() -> None:
    """Be killed when the process (its thread, to be exact) that forked this one ends."""
    _call("prctl", _DEATH_SIGNAL, signal.SIGKILL)


def _mount(source: str, target: Path, kind: str | None, flags: int, data: str = "") -> None:
    _call("mount", source.encode(), str(target).encode(), kind and kind.encode(), ctypes.c_ulong(flags), data.encode())


def launch(config: dict, start: Callable[[dict], object], end: Callable[[int], object] = os._exit) -> None:
    """Enter new namespaces, start the first process in them, and end with its status.

    Args:
        config: what :class:`Sandbox` decided.
        start: becomes the worker, in the last process; does not return.
        end: called with the status.
    """
    import pyseccomp as seccomp  # it looks for its library: not possible any more once inside

    die_with_parent()
    uid, gid = os.getuid(), os.getgid()
    flags = sum(_NEW.values())
    if config["uid"] is None:
        _call("unshare", flags | _NEW_USER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    else:  # root needs no user namespace, and gives up being root below
        _call("unshare", flags)
    child = os.fork()
    if child == 0:
        _first_process(config, start, seccomp)
    os.close(config["socket"])
    _wait_for(child, end)


def _wait_for(child: int, end: Callable[[int], object] = os._exit) -> None:
    """Pass interrupts on, bury the dead, and end as the child ends."""
    signal.signal(signal.SIGINT, lambda number, frame: os.kill(child, signal.SIGINT))
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(child, signal.SIGKILL))
    while True:
        with contextlib.suppress(InterruptedError):
            pid, status = os.wait()
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                end(code if code >= 0 else 128 - code)


def _first_process(config: dict, start: Callable[[dict], object], seccomp: ModuleType) -> None:
    """Process 1 of the new world: it builds it, gives up its rights, and starts the worker."""
    close_all_but(config["socket"])
    die_with_parent()
    _build_world(config)
    _set_limits(config["limits"])
    for capability in range(64):
        if _libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0) < 0:  # past the last one
            break
    if config["uid"] is not None:
        os.setgroups([])
        os.setresgid(config["uid"], config["uid"], config["uid"])
        os.setresuid(config["uid"], config["uid"], config["uid"])
        die_with_parent()  # a change of user undoes it
    os.nice(5)  # the grader watches in time, whatever runs here
    _drop_capabilities()
    _call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)
    _filter_system_calls(seccomp)
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir("/tmp")
        _call("prctl", _SET_DUMPABLE, 1)  # its own /proc is its own, as after exec
        start(config)
        os._exit(0)
    _call("prctl", _SET_DUMPABLE, 0)
    os.close(config["socket"])
    _wait_for(child)


def close_all_but(*kept: int) -> None:
    """Close every open file above the standard ones that is not named."""
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if number > 2 and number not in kept:
            with contextlib.suppress(OSError):  # the listing's own
                os.close(number)


def _start_worker(config: dict) -> None:
    argv = config["argv"]
    os.set_inheritable(config["socket"], True)
    try:
        os.execv(argv[0], argv)
    except OSError as error:
        raise OSError(error.errno, f"{argv[0]}: {error.strerror}") from None


def _build_world(config: dict) -> None:
    """A root of its own: read-only folders, a private /tmp and /dev/shm, its own /proc."""
    _mount("none", Path("/"), None, _REC | _PRIVATE)
    root = Path(config["root"])
    size = f"size={config['limits']['disk_mb']}m,nr_inodes=50k,mode=1777"
    copies = [(Path(c).name, Path(c).read_bytes()) for c in config["copies"]]
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "size=1m,mode=755")
    for folder in ("tmp", "dev/shm"):  # before the others: Python or the course may lie below /tmp
        (root / folder).mkdir(parents=True)
        _mount("tmpfs", root / folder, "tmpfs", _NOSUID | _NODEV, size)
    for source in dict.fromkeys(config["folders"]):
        _show(Path(source), root)
    for path in ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"):
        _show(Path(path), root, writable=True)
    for hidden in map(Path, config["hidden"]):
        if _inside(hidden, root).is_dir():  # part of a folder that is shown
            _mount("tmpfs", _inside(hidden, root), "tmpfs", _RDONLY, "size=4k,mode=755")
    (root / "proc").mkdir()
    _mount("proc", root / "proc", "proc", _NOSUID | _NODEV | 8)
    (root / "tmp/.matplotlib").mkdir()
    (root / "tmp/.matplotlib").chmod(0o777)
    for name, content in copies:
        (root / "tmp/.matplotlib" / name).write_bytes(content)
    for name, link in (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1")):
        (root / "dev" / name).symlink_to(link)
    old = root / "old"
    old.mkdir()
    _call("pivot_root", str(root).encode(), str(old).encode())
    os.chdir("/")
    _call("umount2", b"/old", 2)
    Path("/old").rmdir()
    _mount("none", Path("/"), None, _RDONLY | _NOSUID | _NODEV | 32 | _BIND)  # 32: remount


def _inside(path: Path, root: Path) -> Path:
    return root / path.relative_to("/")


def _show(source: Path, root: Path, *, writable: bool = False) -> None:
    """Bind a folder or file to the same path under ``root``; links are made anew."""
    target = _inside(source, root)
    if source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_symlink() and not target.exists():
            target.symlink_to(source.readlink())
        return
    if target.exists():  # already part of a folder shown before
        return
    if source.is_dir():
        target.mkdir(parents=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    _mount(str(source), target, None, _BIND | _REC)
    if not writable:
        attributes = (ctypes.c_uint64 * 4)(_RDONLY | _NOSUID | _NODEV, 0, 0, 0)
        path = str(target).encode()
        _call("syscall", _MOUNT_SETATTR, _AT_FDCWD, path, _AT_RECURSIVE, ctypes.byref(attributes), 32)


def _set_limits(limits: dict) -> None:
    """Resource limits of one process; the grader watches the sum of them."""
    seconds = int(limits["total_seconds"] * max(1, limits["threads"])) + 10
    wanted = {
        "CPU": seconds,
        "CORE": 0,
        "FSIZE": limits["disk_mb"] * MB,
        "NOFILE": 1024,
        "NPROC": limits["processes"],
        "DATA": limits["memory_mb"] * MB,
    }
    for name, value in wanted.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            with contextlib.suppress(ValueError):  # already stricter
                resource.setrlimit(kind, (value, value))


def _drop_capabilities() -> None:
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    _call("capset", ctypes.byref(header), ctypes.byref(nothing))


def _filter_system_calls(seccomp: ModuleType) -> None:
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    for names, action in ((_DEADLY, seccomp.KILL_PROCESS), (_DENIED, seccomp.ERRNO(errno.EPERM))):
        for name in names.split():
            with contextlib.suppress(OSError, ValueError):  # unknown to this machine's libseccomp
                rules.add_rule(action, name)
    rules.add_rule(seccomp.KILL_PROCESS, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _NEW_USER, _NEW_USER))
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")  # its flags cannot be seen: the C library falls back
    rules.load()


def _unprotected(config: dict) -> None:
    _set_limits({**config["limits"], "processes": resource.getrlimit(resource.RLIMIT_NPROC)[0]})
    child = os.fork()
    if child == 0:
        _start_worker(config)
    os.close(config["socket"])
    _wait_for(child)


if __name__ == "__main__":
    try:
        given = json.loads(sys.argv[1])
        launch(given, _start_worker) if given["isolate"] else _unprotected(given)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(REFUSED)
