"""Windows, as far as the course's own modules can tell: `python tests/windows.py run 1` is `lecture run 1` there.

What they import or ask of the system is not there. Libraries are imported before that, since they are those of the
system that the test runs on. Real file locks, consoles and long paths are beyond it: see .github/workflows/systems.yml.
"""

import contextlib
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys

LIBRARIES = """
    asyncio multiprocessing.connection unittest.mock ipywidgets jupyter_client.manager matplotlib.pyplot nbclient
    papermill psutil sklearn.datasets torch._dynamo torchvision.datasets typer.testing
"""
ABSENT = {
    os: ("fork", "getuid", "geteuid", "getgid", "killpg", "pidfd_open", "sched_getaffinity"),
    signal: ("SIGALRM", "setitimer", "alarm", "pthread_sigmask"),
    socket: ("send_fds", "recv_fds"),
}
MODULES = ("fcntl", "grp", "pwd", "pyseccomp", "resource", "termios")


class Windows:
    """`sys` as the course's modules see it: the libraries still have to find the system that they are on."""

    platform = "win32"

    def __getattr__(self, name: str):
        return getattr(sys, name)


def become_windows() -> list[str]:
    """Take away from this process what Windows has not; the modules of the course that cannot be imported then."""
    for name in LIBRARIES.split():
        importlib.import_module(name)
    for module, names in ABSENT.items():
        for name in names:
            delattr(module, name)
    sys.modules |= dict.fromkeys(MODULES)
    failed = []
    for package in ("lecture_utils", "lecture_checks", "lecture_grader", "course_tools"):
        for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not found.name.endswith("__main__"):
                try:
                    module = importlib.import_module(found.name)
                except (ImportError, AttributeError) as error:
                    failed.append(f"{found.name}: {error}")
                    continue
                with contextlib.suppress(AttributeError):
                    module.sys = module.sys and Windows()
    return failed


def main(commands: list[list[str]]) -> None:
    """Run `lecture` with the arguments of each command in turn; a line after each has its exit status."""
    print(*become_windows(), sep="\n")
    from course_tools.cli import app

    for arguments in commands:
        status = 0
        try:
            app(arguments, prog_name="lecture")
        except SystemExit as end:
            status = int(end.code or 0)
        print(f"exit status {status}", flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]) if sys.argv[1].startswith("[") else [sys.argv[1:]])
