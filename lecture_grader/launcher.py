"""The program between the grader and a worker: it builds the worker's world, gives up every privilege, and starts it.

It enters new namespaces, builds a file system of read-only system folders and a private ``/tmp``, sets limits, drops
all capabilities and filters system calls. The order of the steps follows the manual pages user_namespaces(7),
pid_namespaces(7) and pivot_root(2). Linux only; ``sandbox`` starts this file as a program, or ``fork_server`` calls
:func:`launch` in a fork. It imports nothing but the standard library and pyseccomp, because the worker is forked from
its memory.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

MB = 1 << 20
REFUSED = 97  # the exit status where a protection cannot be had

_NEW = {"mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "pid": 0x20000000, "net": 0x40000000}
_NEW_USER = 0x10000000
_RDONLY, _NOSUID, _NODEV, _BIND, _REC, _PRIVATE = 1, 2, 4, 4096, 16384, 1 << 18
_DEATH_SIGNAL, _SET_DUMPABLE, _DROP_BOUNDING, _NO_NEW_PRIVS = 1, 4, 24, 38
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
# No submission has an innocent use for these: the process that calls one is killed.
_DEADLY = """
    mount umount2 pivot_root chroot unshare setns ptrace process_vm_readv process_vm_writev kexec_load
    kexec_file_load init_module finit_module delete_module bpf reboot swapon swapoff open_by_handle_at acct
    settimeofday clock_settime sethostname setdomainname move_mount open_tree fsopen fsmount mount_setattr
"""
# Libraries try these and do without them: the call fails.
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


def _die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends, or more exactly the parent's thread that forked it."""
    _call("prctl", _DEATH_SIGNAL, signal.SIGKILL)


def _mount(source: str, target: Path, kind: str | None, flags: int, data: str = "") -> None:
    _call("mount", source.encode(), str(target).encode(), kind and kind.encode(), ctypes.c_ulong(flags), data.encode())


def launch(config: dict, start: Callable[[dict], object], wait: Callable[[int], None] | None = None) -> None:
    """Build the protections, start the worker in them, and end with its exit status; does not return.

    Args:
        config: see :class:`~lecture_grader.sandbox.Sandbox`, which makes it.
        start: called with the configuration in the last process, which becomes the worker.
        wait: called with the first child; waits for it and ends this process. None: end with its exit status.
    """
    try:
        if config["isolate"]:
            child = _enter_namespaces(config, start)
        else:
            _set_limits({**config["limits"], "processes": resource.getrlimit(resource.RLIMIT_NPROC)[0]})
            child = os.fork()
            if child == 0:
                start(config)
        os.close(config["socket"])
        _pass_on_signals(child)
        (wait or _wait_for)(child)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(REFUSED)


def _enter_namespaces(config: dict, start: Callable[[dict], object]) -> int:
    """Enter new namespaces, and fork the first process in them."""
    import pyseccomp as seccomp  # it runs a program to find its library, which is not possible inside

    _die_with_parent()
    uid, gid = os.getuid(), os.getgid()
    flags = sum(_NEW.values())
    if config["uid"] is None:
        _call("unshare", flags | _NEW_USER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    else:  # root needs no user namespace; it gives up its rights below
        _call("unshare", flags)
    child = os.fork()
    if child == 0:
        _first_process(config, start, seccomp)
    return child


def _pass_on_signals(child: int) -> None:
    """Interrupt the child when this process is interrupted, and kill it when this process is to end."""

    def pass_on(number: int, frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):  # the child has ended
            os.kill(child, signal.SIGINT if number == signal.SIGINT else signal.SIGKILL)

    signal.signal(signal.SIGINT, pass_on)
    signal.signal(signal.SIGTERM, pass_on)


def _wait_for(child: int) -> None:
    """Wait for every process that ends, and end with the child's status."""
    while True:
        with contextlib.suppress(InterruptedError):
            pid, status = os.wait()
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                os._exit(code if code >= 0 else 128 - code)


def _first_process(config: dict, start: Callable[[dict], object], seccomp: ModuleType) -> None:
    """Be process 1 of the new namespaces: build the file system, give up all rights, and start the worker."""
    _close_all_but(config["socket"])
    _die_with_parent()
    _build_world(config)
    _set_limits(config["limits"])
    for capability in range(64):
        if _libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0) < 0:  # past the last one
            break
    if config["uid"] is not None:
        os.setgroups([])
        os.setresgid(config["uid"], config["uid"], config["uid"])
        os.setresuid(config["uid"], config["uid"], config["uid"])
        _die_with_parent()  # again: a change of user resets it
    os.nice(5)  # so that the grader gets a core in time to stop it
    _drop_capabilities()
    _call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)
    _filter_system_calls(seccomp)
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir("/tmp")
        _call("prctl", _SET_DUMPABLE, 1)  # it may read its own /proc entry, as after exec
        start(config)
        os._exit(0)
    _call("prctl", _SET_DUMPABLE, 0)
    os.close(config["socket"])
    _pass_on_signals(child)
    _wait_for(child)


def _close_all_but(*kept: int) -> None:
    """Close every open file above the standard ones that is not named."""
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if number > 2 and number not in kept:
            with contextlib.suppress(OSError):  # the descriptor of this listing is closed already
                os.close(number)


def _start_worker(config: dict) -> None:
    """Become the worker's command, with the number of its socket as the last argument."""
    argv = config["argv"]
    os.set_inheritable(config["socket"], True)
    try:
        os.execv(argv[0], argv)
    except OSError as error:
        raise OSError(error.errno, f"{argv[0]}: {error.strerror}") from None


def _build_world(config: dict) -> None:
    """Mount a new root: read-only folders, a private /tmp and /dev/shm, and a /proc of these namespaces."""
    _mount("none", Path("/"), None, _REC | _PRIVATE)
    root = Path(config["root"])
    size = f"size={config['limits']['disk_mb']}m,nr_inodes=50k,mode=1777"
    copies = [(Path(c).name, Path(c).read_bytes()) for c in config["copies"]]
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "size=1m,mode=755")
    for folder in ("tmp", "dev/shm"):  # first, since Python or the course may lie below /tmp
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
    """Bind a folder or file to the same path under ``root``; a symbolic link is copied."""
    target = _inside(source, root)
    if source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_symlink() and not target.exists():
            target.symlink_to(source.readlink())
        return
    if target.exists():  # it is part of a folder that was bound before
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
    """Set the limits of each process; the grader watches what all processes use together."""
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
            with contextlib.suppress(ValueError):  # the present limit is stricter
                resource.setrlimit(kind, (value, value))


def _drop_capabilities() -> None:
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    _call("capset", ctypes.byref(header), ctypes.byref(nothing))


def _filter_system_calls(seccomp: ModuleType) -> None:
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    for names, action in ((_DEADLY, seccomp.KILL_PROCESS), (_DENIED, seccomp.ERRNO(errno.EPERM))):
        for name in names.split():
            with contextlib.suppress(OSError, ValueError):  # this libseccomp does not know the call
                rules.add_rule(action, name)
    rules.add_rule(seccomp.KILL_PROCESS, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _NEW_USER, _NEW_USER))
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")  # a filter cannot see its flags; the C library uses clone
    rules.load()


if __name__ == "__main__":
    launch(json.loads(sys.argv[1]), _start_worker)
