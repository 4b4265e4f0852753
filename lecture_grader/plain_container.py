"""A sandbox for root in a container without namespaces of its own, such as one that Docker makes by default.

Docker lets root change the user and filter system calls, but neither mount nor make namespaces. A submission then runs
as a user that owns nothing, without privileges and without sockets but local ones, behind the filters and the limits of
``launcher``. It sees the container's files and processes: one container must hold one submission, and what is secret
there must be closed to other users. As a program, this module is the launcher of one worker.
"""

import contextlib
import errno
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from lecture_grader import launcher
from lecture_grader.sandbox import MB, Limits, Process, Sandbox, SandboxError, environment
from lecture_grader.usage import Usage

PROTECTIONS = (
    "a user of its own, who owns no file and no other process",
    "no sockets but local ones",
    "no new privileges, system calls filtered",
    "limits on time, memory (measured 10 times a second), processes and output",
)
_SUBREAPER = 36  # of prctl
_UNIX = 1  # the family of local sockets
# Below 65536, which is all that a container may have. Each worker gets another, because processes of one user can
# signal each other.
_UIDS = itertools.cycle(range(61_000 + os.getpid() % 1000, 63_000))
_PROGRAM = f"import sys; sys.path[:0] = [{str(Path(__file__).resolve().parents[1])!r}]; "
_PROGRAM += "from lecture_grader.plain_container import main; main()"


class PlainSandbox(Sandbox):
    """One worker process that runs as a user of its own; see :class:`~lecture_grader.sandbox.Sandbox`.

    Raises:
        SandboxError: this process is not root.
    """

    def __init__(self, argv: list[str], limits: Limits, **others: Any):
        if os.geteuid() != 0:
            raise SandboxError("only root can run a submission as another user")
        self._uid = next(_UIDS)
        self._private = tempfile.mkdtemp(prefix="lecture-submission-")
        os.chown(self._private, self._uid, self._uid)
        super().__init__(argv, limits, **others)
        # the container's sockets, which could be counted, are not only the submission's
        self.usage = Usage(self.process.pid, limits.memory_mb * MB, limits.threads, counts_sockets=False)

    def _start(self, config: dict, theirs: socket.socket, stderr: IO[bytes]) -> Process:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _PROGRAM],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=environment(self._private, self.limits.threads),
            cwd=self._private,
            start_new_session=True,
        )
        assert process.stdin
        with contextlib.suppress(BrokenPipeError), process.stdin:  # it has ended: the caller gets no message
            process.stdin.write(json.dumps(config | {"uid": self._uid, "home": self._private}).encode())
        return process

    def _clean_up(self) -> None:
        super()._clean_up()
        end_all_of(self._uid)
        shutil.rmtree(self._private, ignore_errors=True)


def require() -> None:
    """Start a program that does nothing, to see whether the protections are available.

    Raises:
        SandboxError: a protection is not available.
    """
    trial = PlainSandbox([sys.executable, "-I", "-S", "-c", "pass"], Limits())
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            trial.process.wait(60)
        if trial.process.returncode != 0:
            reason = trial.stderr_tail().strip().rpartition("\n")[2] or f"exit status {trial.process.returncode}"
            raise SandboxError(f"a submission cannot be run as another user here ({reason})")
    finally:
        trial.end()


def end_all_of(uid: int) -> None:
    """Kill every process of a user, at once, so that none can start another one meanwhile."""
    # as that user, for whom -1 stands for all its processes; who may not become that user ends nothing
    end = f"import os; os.setgroups([]); os.setresgid({uid}, {uid}, {uid}); os.setresuid({uid}, {uid}, {uid}); "
    command = [sys.executable, "-I", "-S", "-c", f"{end} os.kill(-1, 9)"]
    subprocess.run(command, stderr=subprocess.DEVNULL)  # it fails where there is no process


def main() -> None:
    """Be the launcher: give up every privilege in a child that becomes the worker, and end with its exit status."""
    config = json.load(sys.stdin)  # not as an argument, which the worker could read
    try:
        filters = (*launcher.system_call_filters(), only_local_sockets())
        launcher._die_with_parent()
        launcher._call("prctl", _SUBREAPER, 1)  # a process whose parent ends stays below this one, where it is measured
        child = os.fork()
        if child == 0:
            _become_worker(config, filters)
        os.close(config["socket"])
        _pass_on_signals(child, config["uid"])
        launcher._wait_for(child, 127)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(launcher.REFUSED)


def only_local_sockets() -> bytes:
    """A filter of system calls, as a program for the kernel: no socket but of the family AF_UNIX can be made."""
    import pyseccomp as seccomp

    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    for family in range(46):
        if family != _UNIX:
            for name in ("socket", "socketpair"):
                argument = seccomp.Arg(0, seccomp.MASKED_EQ, 0xFFFFFFFF, family)
                rules.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), name, argument)
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _become_worker(config: dict, filters: tuple[bytes, ...]) -> None:
    """Give up all rights and become the worker's command; does not return."""
    uid, home = config["uid"], config["home"]
    try:
        if config["group"]:
            Path(config["group"], "cgroup.procs").write_text("0")  # this process
        launcher._close_all_but(config["socket"])
        _copy_fonts(config["copies"], Path(home, ".matplotlib"), uid)
        launcher._set_limits(config["limits"])
        for capability in range(64):
            if launcher._libc.prctl(launcher._DROP_BOUNDING, capability, 0, 0, 0) < 0:  # there are no more
                break
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        launcher._die_with_parent()  # after the change of user, which resets it
        os.nice(5)
        launcher._drop_capabilities()
        launcher._call("prctl", launcher._NO_NEW_PRIVS, 1, 0, 0, 0)
        launcher._filter_system_calls(filters)
        os.setsid()
        os.chdir(home)
        launcher._start_worker(config)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(launcher.REFUSED)


def _copy_fonts(files: list[str], folder: Path, uid: int) -> None:
    """Copy matplotlib's font lists, which take seconds to make, where the worker looks for them."""
    folder.mkdir()
    for file in files:
        shutil.copyfile(file, folder / Path(file).name)
    for path in (folder, *folder.iterdir()):
        os.chown(path, uid, uid)


def _pass_on_signals(child: int, uid: int) -> None:
    """Pass SIGINT on to the worker; at SIGTERM kill it with all that it has started."""

    def interrupt(number: int, frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):  # the child has ended
            os.kill(child, signal.SIGINT)

    def end(number: int, frame: object) -> None:
        end_all_of(uid)

    handlers: list[tuple[int, Callable[[int, object], None]]] = [(signal.SIGINT, interrupt), (signal.SIGTERM, end)]
    for number, handler in handlers:
        signal.signal(number, handler)


if __name__ == "__main__":
    main()
