"""How many submissions run at once on a machine or in a container, and which Python they run with."""

import math
import os
import sys

import psutil
import pytest

from lecture_grader import sandbox

GB = 1 << 30


def test_the_cores_are_shared_out(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("M", (), {"available": 20 << 30}))
    counts = {}
    for wanted, submissions, gigabytes in [(0, 99, 1), (2, 99, 1), (0, 1, 1), (0, 99, 4), (50, 99, 1), (0, 99, 64)]:
        limits = sandbox.Limits(memory_mb=gigabytes << 10)
        workers, shared = sandbox.share_out(limits, wanted, submissions, tmp_path)
        counts[wanted, submissions, gigabytes] = workers, shared.threads
    assert list(counts.values()) == [(8, 1), (2, 4), (1, 8), (5, 1), (20, 1), (1, 8)]


def machine(root, groups, files):
    """A folder with the control groups of this process (``/proc/self/cgroup``), and files in their trees."""
    listing = root / "proc/self/cgroup"
    listing.parent.mkdir(parents=True)
    listing.write_text("".join(f"{line}\n" for line in groups))
    for name, content in files.items():
        file = root / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n")
    return root


VERSION_2 = {  # the limits stand at the parent, as those of a container do
    "memory.stat": "inactive_file 0",
    "pod/memory.max": 6 * GB,
    "pod/memory.current": 3 * GB,
    "pod/memory.stat": f"anon {GB}\ninactive_file {GB}",
    "pod/cpu.max": "250000 100000",
    "pod/ours/memory.max": "max",
    "pod/ours/memory.current": GB,
    "pod/ours/memory.stat": "inactive_file 0",
    "pod/ours/cpu.max": "max 100000",
}
VERSION_1 = {  # a container's own group is mounted as the root, and the path is that of the host
    "memory/memory.limit_in_bytes": 6 * GB,
    "memory/memory.usage_in_bytes": 3 * GB,
    "memory/memory.stat": f"total_inactive_file {GB}",
    "cpu,cpuacct/cpu.cfs_quota_us": 250000,
    "cpu,cpuacct/cpu.cfs_period_us": 100000,
}
UNLIMITED = {
    "memory/memory.limit_in_bytes": 2**63 - 4096,
    "memory/memory.usage_in_bytes": GB,
    "memory/memory.stat": "total_inactive_file 0",
    "cpu/cpu.cfs_quota_us": -1,
    "cpu/cpu.cfs_period_us": 100000,
}


@pytest.mark.parametrize(
    ("groups", "files", "memory", "cores"),
    [
        (["0::/pod/ours"], VERSION_2, 4 * GB, 2.5),
        (["5:cpu,cpuacct:/docker/1f", "4:memory:/docker/1f", "1:name=systemd:/"], VERSION_1, 4 * GB, 2.5),
        (["4:memory:/user", "3:cpu:/"], UNLIMITED, 2.0**63, math.inf),
        (["0::/"], {}, math.inf, math.inf),
    ],
    ids=["version 2", "version 1", "no limit", "no control groups"],
)
def test_a_container_limits_memory_and_cores(groups, files, memory, cores, tmp_path):
    found = sandbox.container_limits(machine(tmp_path, groups, files))
    assert found == pytest.approx((memory, cores))


def test_submissions_share_what_the_container_has(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("M", (), {"available": 20 << 30}))
    machine(tmp_path, ["0::/pod/ours"], VERSION_2)
    limits = sandbox.Limits(memory_mb=1024)
    workers, shared = sandbox.share_out(limits, 0, 99, tmp_path)
    assert (workers, shared.threads) == (3, 1), "two and a half cores"
    assert sandbox.share_out(sandbox.Limits(memory_mb=2048), 0, 99, tmp_path)[0] == 2, "4 GB are left"


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is made of the Linux kernel")
def test_a_python_may_be_called_by_a_path_through_a_folder_that_no_submission_sees(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / os.path.relpath(sys.executable, tmp_path)))
    sandbox.require()


def test_links_and_loops_hide_no_copy_of_the_checks(tmp_path, monkeypatch):
    course = tmp_path / "course"
    for folder in ("checks", "solutions", "tests"):
        (course / folder).mkdir(parents=True)
    (course / "checks" / "exercise_02.py").touch()
    (tmp_path / "lecture_utils-1").symlink_to("lecture_utils-1")  # to itself
    (tmp_path / "loop").symlink_to("loop")
    (course / "up").symlink_to("..")
    (tmp_path / "nowhere").symlink_to("gone")
    monkeypatch.setattr(sandbox, "_system_folders", lambda: (tmp_path,))
    sandbox.copies_of_the_checks.cache_clear()
    try:
        found = {str(path.relative_to(tmp_path)) for path in sandbox.copies_of_the_checks()}
    finally:
        sandbox.copies_of_the_checks.cache_clear()
    assert found == {"course/checks", "course/solutions", "course/tests"}
