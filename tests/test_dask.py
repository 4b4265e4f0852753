"""Grading on a cluster: a real scheduler and two real worker processes, one of which dies in mid-run."""

import contextlib
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from conftest import ROOT
from grading_bank.submissions import BANK, RIGHT1, RIGHT2, RIGHT3, WRONG1, notebook
from typer.testing import CliRunner

from course_tools.cli import app

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
CHECKS = ROOT / "tests" / "grading_bank" / "checks.py"
STUDENTS = 14


@pytest.fixture
def cluster(tmp_path):
    """The address of a scheduler on loopback, and its two workers."""
    short = Path(tempfile.mkdtemp(prefix="dask-"))  # of pytest's own, the name of a socket may become too long
    file = tmp_path / "scheduler.json"
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    commands = [["dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file]]
    commands += [["dask_worker", "--scheduler-file", file, "--no-nanny", "--nthreads", "1", "--no-dashboard",
                  "--host", "127.0.0.1", "--name", name] for name in "ab"]  # fmt: skip
    started = []
    for module, *words in commands:
        command = [sys.executable, "-m", f"distributed.cli.{module}", *map(str, words)]
        with (tmp_path / f"{len(started)}.log").open("w") as log:
            temporary = short / f"of {len(started)}"  # where to look for what it started
            temporary.mkdir()
            mine = variables | {"TMPDIR": str(temporary), "XDG_RUNTIME_DIR": ""}
            started.append(subprocess.Popen(command, env=mine, stdout=log, stderr=log, cwd=tmp_path))
        deadline = time.monotonic() + 60
        while not file.is_file() and time.monotonic() < deadline:
            time.sleep(0.1)
    from distributed import Client

    with Client(scheduler_file=str(file), set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        address = client.scheduler.address
    yield address, started[1:], short
    for process in started:
        process.kill()
        process.wait()
    shutil.rmtree(short, ignore_errors=True)


def command(folder, out, *more):
    words = ["grade", folder, "--checks", CHECKS, "--out", out, "--seed", 3, "--time-limit", 8, *more]
    return [str(word) for word in words]


def without_seconds(out):
    with (out / "grades.csv").open(newline="") as file:
        return [[field for name, field in row.items() if name != "seconds"] for row in csv.DictReader(file)]


def forked_in(folder):
    """The processes of which this is the folder for temporary files, forks included."""
    processes = []
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error):
            if str(folder) in " ".join(process.info["cmdline"] or []):
                processes.append(process)
    return processes


def test_a_worker_that_dies_loses_nothing(cluster, tmp_path):
    address, workers, short = cluster
    folder, there, here = (tmp_path / name for name in ("handed in", "there", "here"))
    folder.mkdir()
    for n in range(STUDENTS):
        cells = [f"# {n}\nimport time; time.sleep(0.8)", WRONG1 if n % 2 else RIGHT1, RIGHT2, RIGHT3]
        (folder / f"student {n:02}.ipynb").write_bytes(notebook(cells))
    (folder / "deadly.ipynb").write_bytes(notebook(BANK["os exit"][0]))
    (folder / "no notebook.ipynb").write_bytes(b"{")
    grading = subprocess.Popen(
        [sys.executable, "-m", "course_tools.cli", *command(folder, there, "--dask", address)],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    lines, deadline = there / "results.jsonl", time.monotonic() + 120
    family = []
    while time.monotonic() < deadline and grading.poll() is None:
        # the guard of a submission and its three processes, but not the fork server, which waits for the next command
        family = [process for process in forked_in(short / "of 1") if process.ppid() != 1]
        if len(family) >= 4 and lines.is_file() and lines.read_bytes().count(b"\n") >= 4:
            break
        time.sleep(0.05)
    workers[0].kill()  # with a submission in its hands
    before = lines.read_bytes().count(b"\n")
    printed, _ = grading.communicate(timeout=300)
    assert grading.returncode == 0, printed
    assert 4 <= before < STUDENTS, "it was killed in mid-run"
    assert f"Warm processes on {address}" in printed.splitlines()[0]
    assert len(lines.read_text().splitlines()) == STUDENTS + 2, "one row each"
    assert len(family) >= 4 and not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert CliRunner().invoke(app, command(folder, here), catch_exceptions=False).exit_code == 0
    assert without_seconds(there) == without_seconds(here) and len(without_seconds(here)) == STUDENTS + 2


def test_nobody_there_is_said(tmp_path, capfd):
    (tmp_path / "a.ipynb").write_bytes(notebook([RIGHT1]))
    done = CliRunner().invoke(app, command(tmp_path, tmp_path / "out", "--dask", "tcp://127.0.0.1:9"))
    assert done.exit_code == 2 and "no dask scheduler answers" in done.output + capfd.readouterr().err
