"""Warm kernels: kernels for trusted notebooks, forked from a process that has imported torch.

``lecture-warm`` is a kernel by name, for papermill, nbclient and nbval; its specification is in this folder, and its
provisioner, below, is an entry point of jupyter_client. Where a kernel cannot be forked, it is started as usual.
"""

import asyncio
import importlib.metadata
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner

from lecture_grader.fork_client import Fork, NoFork, fork, why_no_fork

NAME = "lecture-warm"
_HERE = str(Path(__file__).resolve().parents[1])  # Jupyter looks for kernels/lecture-warm/ in it


def why_not_forked() -> str | None:
    """Return why kernels cannot be forked here, in a few words; None where they can."""
    found = importlib.metadata.entry_points(group="jupyter_client.kernel_provisioners", name=NAME)
    is_installed = any(entry.module == __name__ for entry in found)  # not in a clone, or with an old installation
    return why_no_fork(os.environ) or (None if is_installed else "the course is not installed here: install it again")


def kernel_name(*, fork: bool = True) -> tuple[str, str]:
    """Return the name of the kernel to run notebooks with, and a line that says which kernel it is and why.

    The specification of ``lecture-warm`` is found through this process's ``JUPYTER_PATH`` only. It is not installed, so
    JupyterLab does not offer it to students.
    """
    reason = why_not_forked() if fork else "--no-fork"
    if reason:
        return "python3", f"kernels: new processes, each imports torch itself ({reason})"
    paths = os.environ.get("JUPYTER_PATH", "").split(os.pathsep)
    if _HERE not in paths:
        os.environ["JUPYTER_PATH"] = os.pathsep.join([_HERE, *filter(None, paths)])
    return NAME, "kernels: forked from one process that has imported torch (--no-fork turns this off)"


class WarmProvisioner(LocalProvisioner):
    """Launches a kernel by a fork where possible, else as its base class does."""

    def _finalize_env(self, env: dict[str, str]) -> None:
        super()._finalize_env(env)
        env.setdefault("PYDEVD_USE_FRAME_EVAL", "NO")  # the debugger would set it, but only the server imports that
        paths = [path for path in env.pop("JUPYTER_PATH", "").split(os.pathsep) if path not in ("", _HERE)]
        if paths:  # other entries than the one that `kernel_name` has added
            env["JUPYTER_PATH"] = os.pathsep.join(paths)

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        try:
            forked = _fork_kernel(cmd, **options)
        except NoFork as reason:
            print(f"{NAME}: a new process, {reason}", file=sys.stderr)
            return await super().launch_kernel(cmd, **options)
        self.process = forked  # type: ignore[assignment]  # it has all that the base class uses
        self.pid = self.pgid = forked.pid
        self.cwd = options.get("cwd") or Path.cwd()
        await self._wait_for_ports()
        return self.connection_info

    async def _wait_for_ports(self, seconds: float = 5) -> None:
        """Wait until the kernel listens: a client that connects too early waits 100 ms before it tries again."""
        deadline = time.monotonic() + seconds
        while self.connection_info.get("transport") == "tcp" and time.monotonic() < deadline:
            try:
                _, writer = await asyncio.open_connection(self.connection_info["ip"], self.connection_info["hb_port"])
                return writer.close()
            except OSError:
                await asyncio.sleep(0.005)


def _fork_kernel(
    cmd: list[str], *, env: dict[str, str], cwd: str = os.curdir, stdin: Any = None, stdout: Any = None,
    stderr: Any = None, **others: Any,
) -> Fork:  # fmt: skip
    """Fork what ``jupyter_client.launcher.launch_kernel`` would start with these arguments."""
    cwd = os.path.realpath(cwd)
    if others:
        raise NoFork(f"not with {', '.join(others)}")
    if {subprocess.PIPE, subprocess.STDOUT} & {stdin, stdout, stderr}:
        raise NoFork("not with a pipe")
    if cmd[:2] != [sys.executable, "-m"] or not Path(cwd).is_dir():
        raise NoFork(f"not for {' '.join(cmd[:2])} in {cwd}")
    path = [] if env.get("PYTHONSAFEPATH") else [cwd]
    end, other = os.pipe()
    os.close(other)  # reading from the pipe ends at once, as from the standard input of other kernels
    with open(end, "rb") as empty, Path(os.devnull).open("r+b") as null:  # noqa: PTH123 - of a descriptor
        files = []
        for file, default in ((stdin, empty), (stdout, 1), (stderr, 2)):
            file = {None: default, subprocess.DEVNULL: null}.get(file, file)
            files.append(file if isinstance(file, int) else file.fileno())
        return fork({"env": env, "cwd": cwd, "path": path, "argv": cmd[2:]}, files, env)
