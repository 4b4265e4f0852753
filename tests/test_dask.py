"""Grading on a cluster: a real scheduler and two real worker processes, one of which dies in mid-run."""

import contextlib
import csv
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import CancelledError, Future
from pathlib import Path

import psutil
import pytest
from conftest import ROOT
from grading_bank.command import CHECKS, grade
from grading_bank.submissions import BANK, RIGHT1, RIGHT2, RIGHT3, WRONG1, notebook

from lecture_grader import dask_cluster
from lecture_grader.grade_class import GRADER_VERSION, GradingOptions, grade_class
from lecture_grader.grade_one import grade_notebook
from lecture_grader.submissions import Submission
from lecture_utils.grading.tasks import load_exercise

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
STUDENTS = 8


@pytest.fixture
def cluster(tmp_path):
    """The address of a scheduler on loopback, and its two workers."""
    short = Path(tempfile.mkdtemp(prefix="dask-"))  # of pytest's own, the name of a socket may become too long
    file = tmp_path / "scheduler.json"
    variables = os.environ | {"PYTHONPATH": str(ROOT), "LECTURE_WARM_MINUTES": "5"}
    commands = [["dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file]]
    commands += [["dask_worker", "--scheduler-file", file, "--no-nanny", "--nthreads", "1", "--no-dashboard",
                  "--host", "127.0.0.1", "--name", name] for name in "ab"]  # fmt: skip
    started = []
    for module, *words in commands:
        command = [sys.executable, "-m", f"distributed.cli.{module}", *map(str, words)]
        with (tmp_path / f"{len(started)}.log").open("w") as log:
            temporary = short / f"of {len(started)}"  # what it starts has this folder in its command line
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
        # each worker's fork server is started now, or the first one that is ready would grade all
        grades = client.run(grade_notebook, notebook([RIGHT1]), load_exercise(CHECKS), seed=0)
        assert [grade.points for grade in grades.values()] == [1, 1]
    yield address, started[1:], short
    for process in [*started, *servers_in(short)]:
        process.kill()
        process.wait()
    shutil.rmtree(short, ignore_errors=True)


def without_seconds(out):
    with (out / "grades.csv").open(newline="", encoding="utf-8-sig") as file:
        return [[field for name, field in row.items() if name != "seconds"] for row in csv.DictReader(file)]


def processes_of(folder):
    """The fork servers that have this folder for temporary files, and their forks, with their parents' ids."""
    processes = []
    for process in psutil.process_iter(["cmdline", "ppid"]):
        with contextlib.suppress(psutil.Error):
            if str(folder) in " ".join(process.info["cmdline"] or []):
                processes.append(process)
    return processes


def servers_in(folder):
    """The servers alone, which outlive their clients."""
    processes = processes_of(folder)
    pids = {process.pid for process in processes}
    return [process for process in processes if process.info["ppid"] not in pids]


def forked_in(folder):
    """The forks alone."""
    processes = processes_of(folder)
    pids = {process.pid for process in processes}
    return [process for process in processes if process.info["ppid"] in pids]


def test_a_worker_that_dies_loses_nothing(cluster, tmp_path):
    address, workers, short = cluster
    folder, there, here = (tmp_path / name for name in ("handed in", "there", "here"))
    folder.mkdir()
    for n in range(STUDENTS):
        cells = [f"# {n}\nimport time; time.sleep(0.8)", WRONG1 if n % 2 else RIGHT1, RIGHT2, RIGHT3]
        (folder / f"student {n:02}.ipynb").write_bytes(notebook(cells))
    (folder / "deadly.ipynb").write_bytes(notebook(BANK["os exit"][0]))
    (folder / "no notebook.ipynb").write_bytes(b"{")
    options = ["--checks", CHECKS, "--seed", 3, "--time-limit", 8]
    words = ["grade", folder, *options, "--out", there, "--dask", address]
    grading = subprocess.Popen(
        [sys.executable, "-m", "course_tools.cli", *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    lines, deadline = there / "results.jsonl", time.monotonic() + 120
    family = []
    while time.monotonic() < deadline and grading.poll() is None:
        family = forked_in(short / "of 1")  # a guard, and the processes of a submission
        if len(family) >= 3 and lines.is_file() and lines.read_bytes().count(b"\n") >= 2:
            break
        time.sleep(0.05)
    workers[0].kill()  # with a submission in its hands
    before = lines.read_bytes().count(b"\n")
    printed, _ = grading.communicate(timeout=300)
    assert grading.returncode == 0, printed
    assert 2 <= before < STUDENTS, "it was killed in mid-run"
    assert f"Forked processes on {address}" in printed.splitlines()[0]
    assert len(lines.read_text().splitlines()) == STUDENTS + 2, "one row each"
    assert len(family) >= 3 and not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert grade(folder, *options[2:], "--out", here).exit_code == 0
    assert without_seconds(there) == without_seconds(here) and len(without_seconds(here)) == STUDENTS + 2


def test_nobody_there_is_said(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 1)
    (tmp_path / "a.ipynb").write_bytes(notebook([RIGHT1]))
    done = grade(tmp_path, "--out", tmp_path / "out", "--dask", "tcp://127.0.0.1:9")
    assert done.exit_code == 2 and "no dask scheduler answers" in done.output + capfd.readouterr().err


class OtherMachine:
    """An executor on a machine where another version of the course is installed; it may end before its jobs are run."""

    def __init__(self, version=GRADER_VERSION, error=None):
        self.version, self.error = version, error

    def submit(self, function, job):
        future = Future()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lecture_grader.grade_class.GRADER_VERSION", self.version)
            try:
                if self.error:
                    raise self.error
                future.set_result(function(pickle.loads(pickle.dumps(job))))
            except Exception as error:
                future.set_exception(error)
        return future


def graded_there(tmp_path, machine):
    found = [Submission("a", tmp_path, "no notebook was handed in")]  # which needs no sandbox
    return list(grade_class(found, load_exercise(CHECKS), tmp_path / "out", GradingOptions(seed=1), executor=machine))


def test_a_worker_with_another_version_of_the_grader_is_refused(tmp_path):
    with pytest.raises(dask_cluster.ClusterError, match="install the same version of the course everywhere"):
        graded_there(tmp_path, OtherMachine(GRADER_VERSION + 1))
    assert not (tmp_path / "out" / "results.jsonl").exists()


def test_a_submission_whose_machine_is_lost_is_graded_again(tmp_path):
    ((row, _),) = graded_there(tmp_path, OtherMachine(error=EOFError()))
    assert row["status"] == "crashed" and row["points"] is None and "was lost (EOFError)" in row["notes"][0]
    ((row, reason),) = graded_there(tmp_path, OtherMachine())
    assert row["status"] == "unreadable" and reason == "lost"


def test_a_cluster_that_is_gone_ends_the_command(tmp_path):
    with pytest.raises(dask_cluster.ClusterError, match="the same command again"):
        graded_there(tmp_path, OtherMachine(error=CancelledError()))
