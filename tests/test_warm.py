"""Workers forked from a warm process: nothing passes from one to the next, nothing is left, no mark changes."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import psutil
import pytest
from conftest import ROOT
from grading_bank.submissions import RIGHT1, RIGHT2, RIGHT3, notebook

from lecture_grader import fork_server_workers as warm
from lecture_grader import grade_class as folder
from lecture_grader import grade_one as grader
from lecture_grader import sandbox
from lecture_grader import submissions as collect
from lecture_utils.grading.student import LiveStudent
from lecture_utils.grading.tasks import load_exercise
from lecture_utils.grading.verdict import run_check

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks workers")
CHECKS = ROOT / "tests" / "grading_bank" / "checks.py"
ways = pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])

PLANT = """
import builtins, ctypes, os, random, subprocess, sys, threading, time, types, warnings
import matplotlib, numpy as np
secret = [("-".join(["left", "by", "the", "first"]) * 50).encode() for _ in range(2000)]
for folder in ("/tmp", "/dev/shm"):
    for name in ("left", "IPython", "sitecustomize.py", ".matplotlibrc"):
        open(f"{folder}/{name}", "wb").write(secret[0])
os.environ["LEFT"] = secret[0].decode()
os.chdir("/dev/shm")
os.umask(0)
torch.set_default_dtype(torch.float64)
torch.set_grad_enabled(False)
torch.set_num_threads(7)
torch.use_deterministic_algorithms(True)
torch.allclose = torch.equal = lambda *a, **k: True
nn.Linear.forward = lambda self, x: x
builtins.left, sys.modules["left"] = secret, types.ModuleType("left")
sys.path.insert(0, "/tmp")
sys.setrecursionlimit(321)
warnings.simplefilter("ignore")
matplotlib.rcParams["figure.dpi"] = 33
np.seterr(all="raise")
random.seed(1), np.random.seed(1), torch.manual_seed(1)
subprocess.Popen(["sleep", "888.5"], start_new_session=True)
threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
libc = ctypes.CDLL(None)
assert libc.shmget(4711, 4096, 0o1666) >= 0
"""
LOOK = """
import builtins, ctypes, json, os, random, sys, threading, warnings
import matplotlib, numpy as np
seen = {
    "drawn": [random.random(), np.random.rand(), torch.rand(1).item()],
    "files": [sorted(os.listdir(folder)) for folder in ("/tmp", "/dev/shm")],
    "environment": dict(os.environ),
    "folder": os.getcwd(), "mask": os.umask(0o22), "path": sys.path, "open": sorted(os.listdir("/proc/self/fd")),
    "dtype": str(torch.get_default_dtype()), "grad": torch.is_grad_enabled(), "threads": torch.get_num_threads(),
    "deterministic": torch.are_deterministic_algorithms_enabled(),
    "functions": [f.__qualname__ for f in (torch.allclose, torch.equal, nn.Linear.forward)],
    "modules": len(sys.modules), "left": hasattr(builtins, "left") or "left" in sys.modules,
    "recursion": sys.getrecursionlimit(), "dpi": matplotlib.rcParams["figure.dpi"], "numpy": np.geterr(),
    "filters": len(warnings.filters), "tasks": len(os.listdir("/proc/self/task")),
    "processes": sorted(name for name in os.listdir("/proc") if name.isdecimal()),
    "shared": open("/proc/sysvipc/shm").read(),
}
"""
SEARCH = """
import os
needle, found = "-".join(["left", "by", "the"]).encode() + b"-fi", 0
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
    for line in maps:
        if line.split()[1].startswith("r"):
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            try:
                memory.seek(start)
                found += memory.read(end - start).count(needle)
            except (OSError, ValueError, OverflowError):
                continue
print("FOUND" if found > 2 else "NOTHING", found)
"""


@pytest.fixture(scope="module")
def exercise():
    return load_exercise(CHECKS)


def shown(grade, cell=0):
    """What a cell printed."""
    assert grade.cells[cell]["error"] is None, grade.cells[cell]["error"]
    return "".join(output["text"] for output in grade.cells[cell]["outputs"] if output["kind"] == "stdout")


def run(cells, exercise, **options):
    return grader.grade_notebook(notebook(cells), exercise, **({"seed": 0} | options))


def gone(processes, seconds=20):
    """Those of the processes that still run after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        left = [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        if not left:
            return []
        time.sleep(0.1)
    return left


def test_nothing_passes_from_one_submission_to_the_next(exercise):
    warm.close_all()
    look = LOOK + "print(json.dumps(seen))"
    first = shown(run([look], exercise))
    (parent,) = warm._parents.values()
    planted = run([PLANT, SEARCH], exercise)
    assert shown(planted, 0) == "" and shown(planted, 1).startswith("FOUND")  # the search would find it
    assert shown(run([SEARCH], exercise)).startswith("NOTHING")
    assert shown(run([look], exercise)) == first
    assert warm._parents[1] is parent and parent.forks >= 4, "all were forked from one process"


@ways
def test_a_worker_starts_as_a_new_program_does(cold, exercise):
    cell = LOOK + (
        "for key in ('files', 'drawn', 'shared', 'environment', 'folder', 'path', 'processes', 'threads', 'tasks'):\n"
        "    print(key, sorted(seen[key].items()) if key == 'environment' else seen[key])\nprint(len(seen['open']))"
    )
    told = {key: shown(run([cell], exercise, cold=way)) for key, way in (("this", cold), ("new", True))}
    assert told["this"] == told["new"]


def test_random_numbers_and_names_that_nobody_seeded_differ(exercise):
    draw = "import random, tempfile, torch, numpy as np\n"
    draw += "drawn = random.random(), np.random.rand(), torch.rand(1).item()"
    exercise = replace(exercise, setup=draw)
    cell = "print([*drawn, np.random.default_rng().random(), tempfile.mkdtemp()])"
    first, second = (eval(shown(run([cell], exercise))) for _ in range(2))
    assert all(a != b for a, b in zip(first, second, strict=True)), (first, second)
    assert first[-1].startswith("/tmp/")


@pytest.mark.parametrize("threads", [1, 2])
@ways
def test_a_worker_uses_its_share_of_the_cores(cold, threads, exercise):
    cell = "x = torch.rand(700, 700)\nfor _ in range(5): x = (x @ x).softmax(1)\nimport os\n"
    cell += "print(torch.get_num_threads(), os.environ['OMP_NUM_THREADS'], len(os.listdir('/proc/self/task')))"
    said = shown(run([cell], exercise, limits=sandbox.Limits(threads=threads), cold=cold)).split()
    assert said[:2] == [str(threads)] * 2
    assert (int(said[2]) > 1) == (threads > 1)


def test_what_is_preloaded_takes_nothing_from_the_memory_allowed(exercise):
    cell = (
        "import re, resource\n(data,) = re.findall(r'VmData:\\s+(\\d+)', open('/proc/self/status').read())\n"
        "print(resource.getrlimit(resource.RLIMIT_DATA)[0] // 2**20 - int(data) // 2**10)"
    )
    room = [int(shown(run([cell], exercise, cold=cold))) for cold in (False, True)]
    print("room, MB:", room)
    assert abs(room[0] - room[1]) < 100


@ways
def test_a_grader_that_is_killed_leaves_nothing_behind(cold, tmp_path):
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "from grading_bank.submissions import notebook\nfrom lecture_grader import grade_one as grader\n"
        "from lecture_utils.grading.tasks import load_exercise\n"
        "cell = \"import subprocess; subprocess.Popen(['sleep', '888.75'])\\nwhile True: pass\"\n"
        f"grader.grade_notebook(notebook([cell]), load_exercise({str(CHECKS)!r}), seed=1, cold={cold})"
    )
    running = subprocess.Popen([sys.executable, "-c", program])
    deadline, (sleeping,) = time.monotonic() + 120, [None]
    while time.monotonic() < deadline and sleeping is None:
        time.sleep(0.2)
        sleeping = next((p for p in psutil.process_iter(["cmdline"]) if "888.75" in (p.info["cmdline"] or [])), None)
    family = [sleeping, *sleeping.parents()[:3]]  # the worker, what was started for it, and what that was forked from
    family = [p for p in family if p.pid not in (1, running.pid) and "warm.py" not in " ".join(p.cmdline())]
    running.kill()
    running.wait()
    assert gone(family) == []


def test_when_the_warm_process_is_killed_the_submission_is_graded_all_the_same(exercise):
    grades = []
    sleep = ["import time; time.sleep(4)", RIGHT1, RIGHT2, RIGHT3]
    thread = threading.Thread(target=lambda: grades.append(run(sleep, exercise)))
    run([], exercise)
    parent = warm._parents[1]
    forks = parent.forks
    thread.start()
    while parent.forks == forks:
        time.sleep(0.05)
    time.sleep(1)
    family = psutil.Process(parent.process.pid).children(recursive=True)
    assert len(family) >= 3
    os.kill(parent.process.pid, signal.SIGKILL)
    assert gone(family) == []
    thread.join(60)
    assert [(g.status, g.points) for g in grades] == [("graded", 7)]
    assert warm._parents[1] is not parent


@pytest.mark.parametrize("bound", ["MAX_FORKS", "MAX_GROWTH"])
def test_the_warm_process_is_replaced(bound, exercise, monkeypatch):
    warm.close_all()
    run([], exercise)
    first = warm._parents[1]
    monkeypatch.setattr(warm, bound, 1 if bound == "MAX_FORKS" else -(1 << 40))
    assert run([RIGHT1], exercise).points == 1
    assert warm._parents[1] is not first and not first.alive


@pytest.mark.parametrize(
    "deed",
    ["import threading, time; threading.Thread(target=time.sleep, args=(99,), daemon=True).start()",
     "import torch; torch.set_num_threads(2); x = torch.rand(900, 900); x @ x"],
)  # fmt: skip
def test_a_warm_process_with_threads_forks_nothing(deed, exercise, monkeypatch):
    warm.close_all()
    monkeypatch.setattr(warm, "_SERVER", f"{deed}; {warm._SERVER}")
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(sandbox.SandboxError, match=r"has \d+ threads.*--cold"):
        run([RIGHT1], exercise, limits=sandbox.Limits(threads=2))
    warm.close_all()


def test_the_cores_are_shared_out(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("M", (), {"available": 20 << 30}))
    counts = {}
    for wanted, submissions, gigabytes in [(0, 99, 1), (2, 99, 1), (0, 1, 1), (0, 99, 4), (50, 99, 1), (0, 99, 64)]:
        limits = sandbox.Limits(memory_mb=gigabytes << 10)
        workers, shared = sandbox.share_out(limits, wanted, submissions)
        counts[wanted, submissions, gigabytes] = workers, shared.threads
    assert list(counts.values()) == [(8, 1), (2, 4), (1, 8), (5, 1), (20, 1), (1, 8)]


def test_time_in_a_queue_is_not_the_students(exercise, monkeypatch):
    monkeypatch.setattr(
        grader, "run_check", lambda *a, hidden, check=grader.run_check: time.sleep(3) or check(*a, hidden=hidden)
    )
    grade = run([RIGHT1, RIGHT2, RIGHT3], exercise, limits=sandbox.Limits(total_seconds=5))
    assert (grade.status, grade.points) == ("graded", 7)


@pytest.mark.parametrize("which", [CHECKS, "1"])
def test_an_exercise_can_be_sent(which):
    exercise = load_exercise(which)
    copy = pickle.loads(pickle.dumps(exercise))
    assert copy == exercise and copy.max_points == exercise.max_points
    assert copy.tasks[0].check is not exercise.tasks[0].check


def test_a_check_that_is_sent_can_send_its_functions(tmp_path):
    """The file is not where the job goes, or has changed meanwhile: the text that was read counts."""
    path = tmp_path / "own.py"
    path.write_text(
        "from lecture_utils.grading import expect, task\n\n\n"
        "def twice(x):\n    return 2 * x\n\n\n"
        "@task('9.1', 'Twice', points=1, difficulty=1, minutes=1, names=['f'], hints=[])\n"
        "def check(student, rng, case):\n    expect(student.call(twice, 2), 4)\n"
    )
    sent = pickle.dumps(load_exercise(path))
    path.write_text("\n" * 20 + path.read_text())
    exercise = pickle.loads(sent)
    path.unlink()
    assert run_check(exercise["9.1"], LiveStudent({}), 0, hidden=True).status == "passed"


def test_only_a_changed_check_makes_another_version(tmp_path):
    copy = tmp_path / "checks.py"
    copy.write_bytes(CHECKS.read_bytes())
    before = load_exercise(copy).version
    assert before == load_exercise(CHECKS).version
    copy.write_text(copy.read_text() + "# another mark\n")
    assert load_exercise(copy).version != before


def test_any_executor_grades_alike(exercise, tmp_path):
    handed_in = tmp_path / "in"
    handed_in.mkdir()
    for name, cells in {
        "a": [RIGHT1],
        "b": [RIGHT1, RIGHT2],
        "c": ["1 / 0"],
        "d": [RIGHT3, "print(torch.rand(1))"],
    }.items():
        (handed_in / f"{name}.ipynb").write_bytes(notebook(cells))
    submissions = collect.find_submissions(handed_in, exercise, tmp_path / "scratch")
    for out, executor in ("here", None), ("there", ProcessPoolExecutor(2, get_context("spawn"))):
        list(folder.grade_class(submissions, exercise, tmp_path / out, seed=3, workers=2, executor=executor))
    executor.shutdown()
    here, there = (folder.Results(tmp_path / out).rows for out in ("here", "there"))
    assert [{**here[s], "seconds": 0} for s in "abcd"] == [{**there[s], "seconds": 0} for s in "abcd"]


def test_no_more_notebooks_are_read_than_are_under_way():
    class Pool:
        def submit(self, function, job):
            future = folder.Future()
            waiting.append((future, job))
            if len(waiting) == 3:
                waiting.pop(1)[0].set_result((job, ""))  # not in order
            return future

    waiting, read = [], []
    results = folder._results_of(Pool(), (read.append(n) or n for n in range(1, 11)), 3)
    for taken in range(1, 5):
        next(results)
        assert len(read) <= taken + 2
    results.close()
    assert all(future.cancelled() for future, _ in waiting)
