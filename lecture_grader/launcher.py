"""The program between the grader and a worker: it builds the sandbox, gives up every privilege, and starts the worker.

It enters new namespaces, builds a file system of read-only system folders and a private ``/tmp``, sets limits, drops
all capabilities and filters system calls. The order of the steps follows the manual pages user_namespaces(7),
pid_namespaces(7) and pivot_root(2). Linux only; ``sandbox`` starts this file as a program, or ``fork_server`` calls
:func:`launch` in a fork. It imports only the standard library and pyseccomp, because the worker is a fork of it and can
read all its memory.
"""

import contextlib
import ctypes
import errno
import functools
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

MB = 1 << 20
REFUSED = 97  # the exit status where a protection is not available

_NEW = {"mount": 0x20000, "uts": 0x4000000, "ipc": 0x8000000, "pid": 0x20000000, "net": 0x40000000}
_NEW_CGROUP = 0x2000000
_NEW_USER = 0x10000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18  # of mount
_DETACH = 2  # of umount2
_DEATH_SIGNAL, _SET_DUMPABLE, _SET_SECCOMP, _DROP_BOUNDING, _NO_NEW_PRIVS = 1, 4, 22, 24, 38
_SHARED_ANONYMOUS = 1 | 32  # of mmap
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
# No submission needs these: a process that calls one is killed.
_DEADLY = """
    mount umount2 pivot_root chroot unshare setns ptrace process_vm_readv process_vm_writev kexec_load
    kexec_file_load init_module finit_module delete_module bpf reboot swapon swapoff open_by_handle_at acct
    settimeofday clock_settime sethostname setdomainname move_mount open_tree fsopen fsmount mount_setattr
"""
# What programs use. Any other call fails as on a kernel that does not know it, for which libraries are prepared: calls
# that are newer than this list, and old ones without a use here, or whose memory is not counted for any process
# (memfd_create, shmget, semget, msgget, mq_open, io_setup, vmsplice, userfaultfd, io_uring_setup, bpf ...).
_ALLOWED = """
    accept accept4 access alarm arch_prctl bind brk capget capset chdir chmod chown clock_getres clock_gettime
    clock_nanosleep clone close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1
    epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit exit_group
    faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync
    fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex futex_waitv futimesat
    get_mempolicy get_robust_list getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer
    getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid
    getsockname getsockopt gettid gettimeofday getuid getxattr inotify_add_watch inotify_init inotify_init1
    inotify_rm_watch ioctl ioprio_get ioprio_set kill lchown lgetxattr link linkat listen listxattr llistxattr
    lremovexattr lseek lsetxattr lstat madvise map_shadow_stack mbind membarrier mincore mkdir mkdirat mknod mknodat
    mlock mlock2 mlockall mmap mprotect mremap mseal msync munlock munlockall munmap nanosleep newfstatat open openat
    openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64
    preadv preadv2 prlimit64 pselect6 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recvfrom
    recvmmsg recvmsg removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending
    rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max
    sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
    sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield select sendfile sendmmsg sendmsg
    sendto set_mempolicy set_robust_list set_tid_address setfsgid setfsuid setgid setgroups setitimer setpgid
    setpriority setregid setresgid setresuid setreuid setrlimit setsid setsockopt setuid setxattr shutdown sigaltstack
    signalfd signalfd4 socket socketpair stat statfs statx symlink symlinkat sync sync_file_range syncfs sysinfo
    tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime
    timerfd_settime times tkill truncate umask uname unlink unlinkat utime utimensat utimes vfork wait4 waitid write
    writev
"""
# Sockets of other families than AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK may reach past the network namespace.
_FAMILIES = {1, 2, 10, 16}

_libc: Any = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


def _call(name: str, *args: object) -> int:
    """Call a function of the C library.

    Raises:
        OSError: it failed; the message names it.
    """
    result = getattr(_libc, name)(*args)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def _die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends (more exactly: the thread of it that forked)."""
    _call("prctl", _DEATH_SIGNAL, signal.SIGKILL)


def _mount(source: str, target: Path, kind: str | None, flags: int, data: str = "") -> None:
    _call("mount", source.encode(), str(target).encode(), kind and kind.encode(), ctypes.c_ulong(flags), data.encode())


def launch(config: dict, start: Callable[[dict], object], wait: Callable[[int], None] | None = None) -> None:
    """Build the protections, start the worker in them, and end with its exit status; does not return.

    Args:
        config: :class:`~lecture_grader.sandbox.Sandbox` makes it.
        start: called with the configuration in the process that becomes the worker.
        wait: called with the number of the first child; waits for it and ends this process. None ends this process with
            the child's exit status.
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
    filters = system_call_filters()
    _die_with_parent()
    uid, gid = os.getuid(), os.getgid()
    flags = sum(_NEW.values())
    if config["uid"] is None:
        _call("unshare", flags | _NEW_USER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    else:  # root needs no user namespace, and gives up its rights in _first_process
        _call("unshare", flags)
    child = os.fork()
    if child == 0:
        _first_process(config, start, filters)
    return child


def _pass_on_signals(child: int) -> None:
    """Pass SIGINT on to the child, and kill it when this process gets SIGTERM."""

    def pass_on(number: int, frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):  # the child has ended
            os.kill(child, signal.SIGINT if number == signal.SIGINT else signal.SIGKILL)

    signal.signal(signal.SIGINT, pass_on)
    signal.signal(signal.SIGTERM, pass_on)


def _wait_for(child: int, largest: int = 255) -> None:
    """Reap processes until the child ends; then end with its status, or with 128 and the number of its signal.

    Args:
        child: the process that counts.
        largest: the largest exit status that is passed on. It is 127 for a worker, which could otherwise pretend that a
            signal killed it.
    """
    while True:
        with contextlib.suppress(InterruptedError):
            pid, status = os.wait()
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                os._exit(min(code, largest) if code >= 0 else 128 - code)


def _first_process(config: dict, start: Callable[[dict], object], filters: tuple[bytes, ...]) -> None:
    """Run as process 1 of the new namespaces: build the file system, give up all rights, and start the worker."""
    if config["group"]:
        Path(config["group"], "cgroup.procs").write_text("0")  # this process
    _call("unshare", _NEW_CGROUP)
    _close_all_but(config["socket"])
    _die_with_parent()
    _build_file_system(config)
    _set_limits(config["limits"])
    for capability in range(64):
        if _libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0) < 0:  # there are no more
            break
    if config["uid"] is not None:
        os.setgroups([])
        os.setresgid(config["uid"], config["uid"], config["uid"])
        os.setresuid(config["uid"], config["uid"], config["uid"])
        _die_with_parent()  # again: a change of user resets it
    os.nice(5)  # so that the grader gets a core when it has to stop the worker
    _drop_capabilities()
    _call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)
    _call("prctl", _SET_DUMPABLE, 0)
    _filter_system_calls(filters)
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir("/tmp")
        _call("prctl", _SET_DUMPABLE, 1)  # as after exec: it can read its own /proc entry, and be measured
        start(config)
        os._exit(0)
    os.close(config["socket"])
    _pass_on_signals(child)
    _wait_for(child, 127)


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


def _build_file_system(config: dict) -> None:
    """Mount a new root: read-only folders, a private /tmp and /dev/shm, and a /proc of these namespaces."""
    _mount("none", Path("/"), None, _REC | _PRIVATE)
    root = Path(config["root"])
    size = f"size={config['limits']['disk_mb']}m,nr_inodes=50k,mode=1777"
    copies = [(Path(c).name, Path(c).read_bytes()) for c in config["copies"]]
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "size=1m,mode=755")
    for folder in ("tmp", "dev/shm"):  # mounted first, since Python or the course may be below /tmp
        (root / folder).mkdir(parents=True)
        _mount("tmpfs", root / folder, "tmpfs", _NOSUID | _NODEV, size)
    for source in dict.fromkeys(config["folders"]):
        _show(Path(source), root)
    for path in ("/dev/null", "/dev/full", "/dev/random", "/dev/urandom"):
        _show(Path(path), root, writable=True)
    # /dev/full reads like /dev/zero but cannot be mapped: a shared mapping of /dev/zero is memory that is not counted
    (root / "dev/zero").touch()
    _mount("/dev/full", root / "dev/zero", None, _BIND)
    for hidden in map(Path, config["hidden"]):
        if _inside(hidden, root).is_dir():  # part of a folder that is shown
            _mount("tmpfs", _inside(hidden, root), "tmpfs", _RDONLY, "size=4k,mode=755")
        elif _inside(hidden, root).is_file():
            _mount("/dev/null", _inside(hidden, root), None, _BIND)
    (root / "proc").mkdir()
    _mount("proc", root / "proc", "proc", _NOSUID | _NODEV | _NOEXEC)
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
    _call("umount2", b"/old", _DETACH)
    Path("/old").rmdir()
    _mount("none", Path("/"), None, _RDONLY | _NOSUID | _NODEV | _REMOUNT | _BIND)


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
    if target.exists():  # it is in a folder that is bound already
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
        "CORE": 1,  # no core dump to a file, as with 0, and none to a program either, see core(5)
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


@functools.cache
def system_call_filters() -> tuple[bytes, bytes]:
    """Two filters of system calls as programs for the kernel, see seccomp(2). The stricter of their answers counts."""
    import pyseccomp as seccomp  # not in the sandbox: to find its library it runs a program

    refuse = seccomp.ERRNO(errno.EPERM)
    known = seccomp.SyscallFilter(seccomp.ERRNO(errno.ENOSYS))
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    for names, action, rule_set in ((_ALLOWED, seccomp.ALLOW, known), (_DEADLY, seccomp.KILL_PROCESS, rules)):
        for name in names.split():
            with contextlib.suppress(OSError, ValueError):  # this libseccomp or this machine has no such call
                rule_set.add_rule(action, name)

    def is_int(argument: int, value: int) -> Any:  # the kernel ignores the upper half
        return seccomp.Arg(argument, seccomp.MASKED_EQ, 0xFFFFFFFF, value)

    rules.add_rule(seccomp.KILL_PROCESS, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _NEW_USER, _NEW_USER))
    # pages of a shared anonymous mapping stay when no process maps them, so they cannot be counted
    rules.add_rule(refuse, "mmap", seccomp.Arg(3, seccomp.MASKED_EQ, _SHARED_ANONYMOUS, _SHARED_ANONYMOUS))
    for family in set(range(46)) - _FAMILIES:
        for name in ("socket", "socketpair"):
            rules.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), name, is_int(0, family))
    # a process that may not be read cannot be measured
    rules.add_rule(refuse, "prctl", is_int(0, _SET_DUMPABLE), seccomp.Arg(1, seccomp.EQ, 0))
    # a limit of 0 would bring back core dumps that go to a program, see _set_limits
    rules.add_rule(refuse, "setrlimit", is_int(0, resource.RLIMIT_CORE))
    rules.add_rule(refuse, "prlimit64", is_int(1, resource.RLIMIT_CORE), seccomp.Arg(2, seccomp.NE, 0))
    programs = []
    for rule_set in (known, rules):
        with tempfile.TemporaryFile() as file:
            rule_set.export_bpf(file)
            file.seek(0)
            programs.append(file.read())
    return programs[0], programs[1]


def _filter_system_calls(programs: tuple[bytes, ...]) -> None:
    """Install the filters in this process, for itself and all its children."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))

    for code in programs:
        _call("prctl", _SET_SECCOMP, 2, ctypes.byref(Program(len(code) // 8, code)))


if __name__ == "__main__":
    launch(json.load(sys.stdin), _start_worker)  # not as an argument, which the worker could read
