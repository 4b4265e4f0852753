"""Control groups: the limits of those that this process is in, and one for each submission where one can be made.

A group counts every page that the kernel uses for its processes, even pages that no process seems to hold, and the
kernel itself enforces the limit. Version 1 (a tree for each kind of limit) and version 2 (one tree) are both read.
"""

import contextlib
import functools
import itertools
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PREFIX = "lecture-grade-"
_NUMBERS = itertools.count()
_LEFT: list[Path] = []  # groups that could not be removed yet, because a process in them had not ended


def container_limits(root: Path = Path("/")) -> tuple[float, float]:
    """Bytes of memory and number of cores that this process's control groups allow; infinity where there is no limit.

    A container, a batch system or systemd limits a process by its control group or by one of that group's parents.

    Args:
        root: the folder that holds ``proc/self/cgroup`` and ``sys/fs/cgroup``.
    """
    memory = cores = math.inf
    for _, folders in _own_groups(root):
        for folder in folders:
            memory = min(memory, _memory_left(folder))
            cores = min(cores, _cores(folder))
    return memory, cores


def _own_groups(root: Path) -> list[tuple[str, list[Path]]]:
    """For each tree its kinds of limits (empty in version 2), and this process's group with its parents."""
    listing = root / "proc/self/cgroup"
    trees = []
    for line in listing.read_text().splitlines() if listing.exists() else []:
        _, kinds, path = line.split(":", 2)
        tree = root / "sys/fs/cgroup" / kinds
        group = tree / path.strip("/")
        trees.append((kinds, [folder for folder in (group, *group.parents) if folder.is_relative_to(tree)]))
    return trees


def _memory_left(group: Path) -> float:
    """The group's limit minus what it uses; the part of the file cache that the kernel can drop does not count."""
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


@functools.cache
def memory_folder(root: Path = Path("/")) -> Path | None:
    """The folder in which groups with a limit on memory can be made and entered; None if there is none. Tried once.

    Args:
        root: see :func:`container_limits`.
    """
    for kinds, folders in _own_groups(root):
        if "memory" in kinds.split(","):
            candidates = folders[:1]
        elif kinds == "":
            candidates = _delegating(folders)
        else:
            continue
        for folder in candidates:
            if os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK) and _can_enter(folder):
                _remove_old(folder)
                return folder
    return None


def enter_scope() -> None:
    """Start this program again in a scope of the user's systemd, if groups can be made there but not here.

    An ordinary user who is logged in over SSH can make them only there.
    """
    if sys.platform != "linux" or os.geteuid() == 0 or memory_folder() or not shutil.which("systemd-run"):
        return
    name = f"{PREFIX}{os.getpid()}"
    if PREFIX in Path("/proc/self/cgroup").read_text():  # this is the second start
        return
    scope = ["systemd-run", "--user", "--scope", "--quiet", "--collect"]
    trial = [*scope, f"--unit={name}-trial", sys.executable, "-I", "-S", __file__]
    try:
        helps = subprocess.run(trial, capture_output=True, timeout=10).stdout.strip()
    except subprocess.TimeoutExpired:
        return
    if helps:
        os.execvp(scope[0], [*scope, f"--unit={name}", sys.executable, *sys.orig_argv[1:]])


def without_scope(listing: str) -> str:
    """The text of ``/proc/self/cgroup`` without the scopes that :func:`enter_scope` makes, one for each command."""
    return re.sub(rf"/{PREFIX}\d+\.scope", "", listing)


def _delegating(folders: list[Path]) -> list[Path]:
    """The nearest of these groups (version 2) that limits its children; none if that would escape a nearer limit."""
    for folder in folders:
        with contextlib.suppress(OSError):
            if "memory" in (folder / "cgroup.subtree_control").read_text().split():
                return [folder]
        if math.inf not in (_numbers(folder / "memory.max") or [math.inf]):
            break
    return []


def _can_enter(folder: Path) -> bool:
    """Whether a process of ours can be put into a new group there."""
    trial = None
    try:
        trial = Group(folder, 64 << 20)
        enter = ["sh", "-c", 'echo 0 > "$1"', "sh", str(trial.path / "cgroup.procs")]
        return subprocess.run(enter, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False
    finally:
        if trial:
            trial.remove()


def _remove_old(folder: Path) -> None:
    """Remove the groups of graders that were killed."""
    for group in folder.glob(f"{PREFIX}*"):
        grader = group.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", grader).exists():
            with contextlib.suppress(OSError):  # its last process has not ended
                group.rmdir()


class Group:
    """A control group for one submission, see :func:`memory_folder`.

    Args:
        folder: the group in which it is made.
        size: bytes of memory of all kinds; swap space does not add to them.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, folder: Path, size: int):
        self.path = folder / f"{PREFIX}{os.getpid()}-{next(_NUMBERS)}"
        self.path.mkdir()
        try:
            if (self.path / "memory.max").exists():
                (self.path / "memory.max").write_text(str(size))
                limits = {"memory.swap.max": 0, "memory.oom.group": 1}
            else:
                (self.path / "memory.limit_in_bytes").write_text(str(size))
                limits = {"memory.memsw.limit_in_bytes": size}
            for name, value in limits.items():
                if (self.path / name).exists():  # a kernel without swap has no file for it
                    (self.path / name).write_text(str(value))
        except OSError:
            self.remove()
            raise

    def overflowed(self) -> bool:
        """Whether the kernel had to kill one of its processes because of the limit."""
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                counts = dict(line.split() for line in (self.path / name).read_text().splitlines())
                return int(counts.get("oom_kill", 0)) > 0
        return False

    def remove(self) -> None:
        """Remove it; if a process in it has not ended yet, a later call removes it."""
        _LEFT.append(self.path)
        for path in list(_LEFT):
            with contextlib.suppress(OSError):
                path.rmdir()
                _LEFT.remove(path)


if __name__ == "__main__":  # run by enter_scope
    print(memory_folder() or "")
