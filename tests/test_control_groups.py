"""Where control groups for submissions are made; tests/test_sandbox_attacks.py makes real ones, where it may."""

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from test_sandbox import machine

from lecture_grader import control_groups

SCOPE = "user.slice/user-7.slice/user@7.service/app.slice/lecture-grade-5.scope"
SLICE = SCOPE.rpartition("/")[0]


@pytest.mark.parametrize(
    ("group", "files", "found"),
    [
        ("0::/system.slice/it.service", {"system.slice/cgroup.subtree_control": "cpu memory"}, "system.slice"),
        (f"0::/{SCOPE}", {f"{SLICE}/cgroup.subtree_control": "memory", f"{SCOPE}/memory.max": "max"}, SLICE),
        # what limits this process must limit its submissions, too
        ("0::/a/b", {"a/cgroup.subtree_control": "memory", "a/b/memory.max": "1000000"}, None),
        (
            "0::/a/b/c",
            {"a/cgroup.subtree_control": "memory", "a/b/memory.max": "9", "a/b/c/memory.max": "max"},
            None,
        ),
        ("0::/a", {"cgroup.subtree_control": "cpu", "a/cgroup.subtree_control": "cpu"}, None),
        ("4:memory:/box", {"memory/box/memory.limit_in_bytes": "1"}, "memory/box"),
        ("4:cpu,memory:/box", {"cpu,memory/box/memory.limit_in_bytes": "1"}, "cpu,memory/box"),
        ("4:cpu:/box", {"cpu/box/cpu.shares": "1"}, None),
    ],
)
def test_the_nearest_group_that_can_have_children_with_a_limit(group, files, found, tmp_path, monkeypatch):
    monkeypatch.setattr(control_groups, "_can_enter", lambda folder: True)
    names = dict.fromkeys(f"{name.rpartition('/')[0]}/cgroup.procs".lstrip("/") for name in files)
    root = machine(tmp_path, [group], {**dict.fromkeys(names, ""), **files})
    folder = control_groups.memory_folder(root)
    assert folder == (found and root / "sys/fs/cgroup" / found)


def test_a_group_that_cannot_be_entered_is_not_used(tmp_path):
    """This is no control group: a shell can write into its file, but the file of a limit is not there."""
    files = {"memory/box/memory.limit_in_bytes": "1", "memory/box/cgroup.procs": ""}
    root = machine(tmp_path, ["4:memory:/box"], files)
    (root / "sys/fs/cgroup/memory/box/cgroup.procs").unlink()
    assert control_groups.memory_folder(root) is None


@pytest.fixture
def scoped(monkeypatch):
    """As an ordinary user with systemd; what is tried and what is started."""
    calls = SimpleNamespace(tried=[], started=[], helps=b"/sys/fs/cgroup/there\n")

    def run(command, **options):
        calls.tried.append(command)
        return SimpleNamespace(stdout=calls.helps)

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(control_groups, "memory_folder", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(os, "execvp", lambda file, command: calls.started.append(command))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "course_tools", "grade", "in", "--seed", "1"])
    return calls


def test_an_ordinary_user_is_taken_to_a_scope_where_that_helps(scoped):
    control_groups.enter_scope()
    (command,) = scoped.started
    assert command[:3] == ["systemd-run", "--user", "--scope"]
    assert command[command.index(sys.executable) :] == [
        sys.executable,
        "-m",
        "course_tools",
        "grade",
        "in",
        "--seed",
        "1",
    ]
    name = f"--unit={control_groups.PREFIX}{os.getpid()}"
    assert name in command and f"{name}-trial" in scoped.tried[0]


@pytest.mark.parametrize("why", ["no help", "root", "groups here", "no systemd"])
def test_nobody_else_is(scoped, monkeypatch, why):
    if why == "no help":
        scoped.helps = b""
    elif why == "root":
        monkeypatch.setattr(os, "geteuid", lambda: 0)
    elif why == "groups here":
        monkeypatch.setattr(control_groups, "memory_folder", lambda: "/sys/fs/cgroup/here")
    else:
        monkeypatch.setattr(shutil, "which", lambda name: None)
    control_groups.enter_scope()
    assert scoped.started == [] and len(scoped.tried) == (why == "no help")


def test_commands_in_scopes_of_their_own_share_a_fork_server():
    first, second = (f"0::/user.slice/app.slice/lecture-grade-{pid}.scope\n" for pid in (17, 4711))
    assert control_groups.without_scope(first) == control_groups.without_scope(second) == "0::/user.slice/app.slice\n"
    assert control_groups.without_scope("0::/user.slice/session-1.scope\n") == "0::/user.slice/session-1.scope\n"
