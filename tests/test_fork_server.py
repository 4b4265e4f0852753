"""What is forked: nothing passes from one to the next, nothing is left, no mark changes, and no secret comes out."""

import csv
import importlib.metadata
import itertools
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from conftest import ROOT, repeats
from grading_bank.submissions import RIGHT1, RIGHT2, RIGHT3, notebook

from lecture_grader import fork_client, grade_one, sandbox
from lecture_utils.grading.tasks import load_exercise

pytestmark = pytest.mark.skipif(fork_client.why_no_fork() is not None, reason=str(fork_client.why_no_fork()))
CHECKS = ROOT / "tests" / "grading_bank" / "checks.py"
ways = pytest.mark.parametrize("fork", [True, False], ids=["forked", "new"])

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
assert ctypes.CDLL(None).shmget(4711, 4096, 0o1666) < 0, "there is none of this kind"
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


@pytest.fixture(scope="module", autouse=True)
def run_folder(tmp_path_factory):
    """The sockets of this file's servers lie in it."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        patch.setenv("LECTURE_WARM_MINUTES", "2")
        yield folder
    left = servers(folder)
    for process in left:
        process.kill()
    assert gone(left) == []


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """The sockets of this test's own servers lie in it, which end soon."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("LECTURE_WARM_MINUTES", "0")
    yield tmp_path
    for process in servers(tmp_path):
        process.kill()


@pytest.fixture(scope="module")
def exercise():
    return load_exercise(CHECKS)


def servers(folder):
    """The fork servers whose sockets lie below a folder."""
    return [
        process for process in psutil.process_iter(["cmdline", "ppid"])
        if str(folder) in " ".join(process.info["cmdline"] or []) and process.info["ppid"] == 1
    ]  # fmt: skip


def shown(grade, cell=0):
    """What a cell printed."""
    assert grade.cells[cell]["error"] is None, grade.cells[cell]["error"]
    return "".join(output["text"] for output in grade.cells[cell]["outputs"] if output["kind"] == "stdout")


def run(cells, exercise, **options):
    return grade_one.grade_notebook(notebook(cells), exercise, **({"seed": 0} | options))


def gone(processes, seconds=20):
    """Those of the processes that still run after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        left = [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        if not left:
            return []
        time.sleep(0.1)
    return left


# --- workers -------------------------------------------------------------------------------------------------------


def test_nothing_passes_from_one_submission_to_the_next(exercise, run_folder):
    look = LOOK + "print(json.dumps(seen))"
    first = shown(run([look], exercise))
    (server,) = servers(run_folder)
    before = server.memory_info().rss
    planted = run([PLANT, SEARCH], exercise)
    assert shown(planted, 0) == "" and shown(planted, 1).startswith("FOUND")  # the search would find it
    assert shown(run([SEARCH], exercise)).startswith("NOTHING")
    assert shown(run([look], exercise)) == first
    assert servers(run_folder) == [server], "all were forked from one process"
    assert server.memory_info().rss < before + 5e6 and gone(server.children()) == []


def test_a_worker_starts_as_a_new_program_does(exercise):
    cell = LOOK + (
        "for key in ('files', 'drawn', 'shared', 'environment', 'folder', 'path', 'processes', 'threads', 'tasks'):\n"
        "    print(key, sorted(seen[key].items()) if key == 'environment' else seen[key])\nprint(len(seen['open']))"
    )
    forked, new = (shown(run([cell], exercise, fork=way)) for way in (True, False))
    assert forked == new


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
def test_a_worker_uses_its_share_of_the_cores(fork, threads, exercise):
    cell = "x = torch.rand(700, 700)\nfor _ in range(5): x = (x @ x).softmax(1)\nimport os\n"
    cell += "print(torch.get_num_threads(), os.environ['OMP_NUM_THREADS'], len(os.listdir('/proc/self/task')))"
    said = shown(run([cell], exercise, limits=sandbox.Limits(threads=threads), fork=fork)).split()
    assert said[:2] == [str(threads)] * 2
    assert (int(said[2]) > 1) == (threads > 1)


def test_what_is_preloaded_takes_nothing_from_the_memory_allowed(exercise):
    cell = (
        "import re, resource\n(data,) = re.findall(r'VmData:\\s+(\\d+)', open('/proc/self/status').read())\n"
        "print(resource.getrlimit(resource.RLIMIT_DATA)[0] // 2**20 - int(data) // 2**10)"
    )
    room = [int(shown(run([cell], exercise, fork=fork))) for fork in (True, False)]
    print("room, MB:", room)
    assert abs(room[0] - room[1]) < 100


@ways
def test_a_grader_that_is_killed_leaves_nothing_behind(fork, run_folder):
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "from grading_bank.submissions import notebook\nfrom lecture_grader import grade_one\n"
        "from lecture_utils.grading.tasks import load_exercise\n"
        "cell = \"import subprocess; subprocess.Popen(['sleep', '888.75'])\\nwhile True: pass\"\n"
        f"grade_one.grade_notebook(notebook([cell]), load_exercise({str(CHECKS)!r}), seed=1, fork={fork})"
    )
    running = subprocess.Popen([sys.executable, "-c", program])
    deadline, (sleeping,) = time.monotonic() + 120, [None]
    while time.monotonic() < deadline and sleeping is None:
        time.sleep(0.2)
        sleeping = next((p for p in psutil.process_iter(["cmdline"]) if "888.75" in (p.info["cmdline"] or [])), None)
    ends = {psutil.Process(running.pid), *servers(run_folder)}
    family = list(itertools.takewhile(lambda process: process not in ends, [sleeping, *sleeping.parents()]))
    assert len(family) == 4, "what it started, the worker, the first process and the launcher"
    running.kill()
    running.wait()
    assert gone(family) == []


def test_when_the_server_is_killed_the_submission_is_graded_all_the_same(exercise, run_folder):
    grades = []
    sleep = ["import time; time.sleep(4)", RIGHT1, RIGHT2, RIGHT3]
    thread = threading.Thread(target=lambda: grades.append(run(sleep, exercise)))
    run([], exercise)
    (server,) = servers(run_folder)
    thread.start()
    deadline = time.monotonic() + 20
    while len(family := server.children(recursive=True)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(family) == 3, "the launcher, the first process and the worker"
    time.sleep(1)
    server.kill()
    assert gone(family) == []
    thread.join(60)
    assert [(g.status, g.points) for g in grades] == [("graded", 7)]
    assert servers(run_folder) not in ([], [server])


@pytest.mark.parametrize(
    "deed",
    repeats("import threading, time; threading.Thread(target=time.sleep, args=(99,), daemon=True).start()",
            "import torch; torch.set_num_threads(2); x = torch.rand(900, 900); x @ x"),
)  # fmt: skip
def test_a_server_with_threads_forks_nothing(deed, own_folder, monkeypatch):
    source = fork_client.SERVER.read_text()
    assert source.count("    gc.freeze()\n") == 1
    source = source.replace("    gc.freeze()\n", f"    {deed}\n")
    copy = own_folder / "server_with_threads.py"
    copy.write_text(source.replace("Path(__file__)", f"Path({str(fork_client.SERVER)!r})"))
    monkeypatch.setattr(fork_client, "SERVER", copy)
    with pytest.raises(sandbox.SandboxError, match=r"has \d+ threads.*--no-fork"):
        sandbox.Sandbox([], sandbox.Limits(), fork=fork_client.fork_worker)


# --- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def lecture(monkeypatch):
    """Run the program."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments, **options):
        command = [sys.executable, "-m", "course_tools", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=200, **options)

    return run


def test_marks_output_and_exit_status_are_those_of_a_process_of_its_own(lecture, tmp_path, run_folder):
    handed_in = tmp_path / "in"
    handed_in.mkdir()
    for name, cells in {"a": [RIGHT1], "b": [RIGHT1, RIGHT2, RIGHT3], "c": ["1 / 0"]}.items():
        (handed_in / f"{name}.ipynb").write_bytes(notebook(cells))
    said, marks, there = {}, {}, []
    for out in "first", "second", "new":
        more = ["--no-fork"] if out == "new" else []
        done = lecture(
            "grade", "in", "--checks", CHECKS, "--out", out, "--seed", 5, "--workers", 1, *more, cwd=tmp_path
        )
        assert done.returncode == 0 and done.stderr == ""
        said[out] = [line.split(" (graded")[0] for line in done.stdout.replace(out, "OUT").splitlines()[1:]]
        marks[out] = [row[:5] + row[6:] for row in csv.reader((tmp_path / out / "grades.csv").open())]
        there.append(servers(run_folder))
    assert said["first"] == said["second"] == said["new"] and len(said["new"]) > 5
    assert marks["first"] == marks["second"] == marks["new"] and len(marks["new"]) == 4
    assert len(there[0]) == 1 and there[0] == there[1], "one server, which stayed"
    wrong = lecture("grade", "nowhere", "--checks", CHECKS, cwd=tmp_path)
    assert wrong.returncode == 2 and "neither a notebook nor a folder" in wrong.stderr


def caller(folder, program, arguments=()):
    """A command that runs a program in a fork."""
    (folder / "forked_program.py").write_text(program)
    call = f"import sys; sys.path.insert(0, {str(folder)!r}); from lecture_grader.fork_client import fork_command; "
    return [sys.executable, "-c", call + f"sys.exit(fork_command('forked_program', {list(arguments)!r}))"]


def test_strangers_find_neither_the_environment_of_the_grader_nor_the_socket(tmp_path, run_folder):
    look = (
        "import os\nopened = [os.readlink(f'/proc/self/fd/{fd}') for fd in range(3)]\n"
        f"print(opened, os.path.exists({str(run_folder)!r}), open('/proc/self/environ').read(), sorted(os.environ))"
    )
    (tmp_path / "nosy.ipynb").write_bytes(notebook([SEARCH, look]))
    program = (
        "from pathlib import Path\nfrom lecture_grader import grade_one\n"
        "from lecture_utils.grading.tasks import load_exercise\nimport json\n"
        f"content = Path({str(tmp_path / 'nosy.ipynb')!r}).read_bytes()\n"
        f"grade = grade_one.grade_notebook(content, load_exercise({str(CHECKS)!r}), seed=1)\n"
        "print(json.dumps([[output['text'] for output in cell['outputs']] for cell in grade.cells]))\n"
    )
    # in the grader's environment and arguments, the needle for which SEARCH looks
    needle = "left-by-the-first-"
    command = caller(tmp_path, program, [needle * 50])
    for _ in range(2):  # a server that has forked one such command forks the next
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"SECRET": needle * 50})
        assert done.returncode == 0, done.stderr
        (found,), (seen,) = json.loads(done.stdout)
    assert found.startswith("NOTHING"), found
    assert needle not in seen
    assert seen.startswith("['/dev/null', ") and "] False PATH=" in seen  # no terminal, no folder with the socket
    assert len(servers(run_folder)) == 1


def test_it_has_the_terminal_folder_environment_and_time_zone_of_its_caller(tmp_path):
    program = (
        "import os, sys, time\nprint(os.isatty(1), os.getcwd(), os.environ['OF_MINE'], time.tzname[0], sys.argv[1:])\n"
        "print('to stderr', file=sys.stderr)\nsys.exit(7)"
    )
    ours, theirs = pty.openpty()
    environment = os.environ | {"OF_MINE": "grün", "TZ": "Asia/Tokyo"}
    done = subprocess.run(
        caller(tmp_path, program, ["an argument", "ä"]), stdout=theirs, stderr=subprocess.PIPE, cwd=tmp_path,
        env=environment, text=True,
    )  # fmt: skip
    assert done.returncode == 7 and done.stderr == "to stderr\n"
    assert os.read(ours, 1000).decode().strip() == f"True {tmp_path} grün JST ['an argument', 'ä']"
    os.close(ours), os.close(theirs)


@pytest.mark.parametrize("number", repeats(signal.SIGINT, signal.SIGKILL, signal.SIGTERM, keep=2))
def test_signals_are_handed_on_and_no_fork_outlives_the_caller(tmp_path, number):
    program = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(100)"
    command = caller(tmp_path, program)
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    forked = psutil.Process(int(running.stdout.readline()))
    guard = forked.parent()
    time.sleep(0.3)
    running.send_signal(number)
    _, said = running.communicate(timeout=20)
    assert gone([forked, guard]) == []
    # Python turns the first into an exception, the second ends it
    expected = {signal.SIGINT: (1, "KeyboardInterrupt"), signal.SIGTERM: (143, ""), signal.SIGKILL: (-9, "")}[number]
    assert running.returncode == expected[0] and expected[1] in said


def test_the_server_stays_while_a_program_runs_and_ends_some_time_after(own_folder, monkeypatch):
    monkeypatch.setattr(fork_client, "_idle_seconds", lambda for_grading: 2)
    (own_folder / "forked_program.py").write_text("import time\ntime.sleep(5)")
    program = {"env": dict(os.environ), "cwd": "/", "path": [str(own_folder)], "argv": ["forked_program"]}
    process = fork_client.fork(program, [0, 1, 2])
    (server,) = servers(own_folder)
    assert process.wait(60) == 0 and not process.lost
    assert gone([server]) == []
    assert [p.name for p in (own_folder / f"lecture-fork-{os.getuid()}").iterdir() if not p.is_dir()] == []


@pytest.mark.parametrize("variable", repeats("XDG_RUNTIME_DIR", "PYTHONWARNINGS", "LECTURE_WARM_MINUTES"))
def test_where_it_cannot_be_forked_it_runs_all_the_same(lecture, own_folder, monkeypatch, variable):
    monkeypatch.setenv("TMPDIR", str(own_folder))
    monkeypatch.setenv(variable, str(own_folder / "gone") if variable == "XDG_RUNTIME_DIR" else "ignore")
    (own_folder / "a.ipynb").write_bytes(notebook([RIGHT1]))
    done = lecture("grade", "a.ipynb", "--checks", CHECKS, "--out", "out", cwd=own_folder)
    assert done.returncode == 0 and "1 of 7" in done.stdout
    reason = " New processes (no fork server: LECTURE_WARM_MINUTES=ignore: write a number of minutes)"
    assert (reason in done.stdout) == (servers(own_folder) == []) == (variable == "LECTURE_WARM_MINUTES")


# --- who may use a server ------------------------------------------------------------------------------------------


def test_a_folder_that_others_can_enter_is_refused(own_folder):
    folder = own_folder / f"lecture-fork-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o755)
    assert "nobody else can enter" in fork_client.start_server_for_workers()
    folder.rmdir()
    folder.symlink_to(own_folder / "elsewhere", target_is_directory=True)
    (own_folder / "elsewhere").mkdir(mode=0o700)
    assert "nobody else can enter" in fork_client.start_server_for_workers()


def test_other_settings_and_other_code_need_another_server(own_folder, monkeypatch):
    """A fork inherits all of this from its server, so a client with something else must not get the same one."""
    names = []

    def start(address, environment, settings):
        names.append(address.name)
        raise OSError("none is started here")

    def ask(**changes):
        with pytest.raises(fork_client.NoFork, match="none is started"):
            fork_client.fork({}, [], os.environ | changes)
        return names[-1]

    packages, course = own_folder / "site-packages", own_folder / "lecture_grader"
    packages.mkdir()
    course.mkdir()
    (course / "worker.py").touch()
    monkeypatch.setattr(fork_client, "_start_server", start)
    monkeypatch.setattr(fork_client, "ROOT", own_folder)
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])
    usual = ask()
    for harmless in (
        {"LECTURE_PROGRESS": "x"},
        {"JPY_PARENT_PID": "1"},
        {"KMP_INIT_AT_FORK": "FALSE"},
        {"_": "/bin/x"},
    ):
        assert ask(**harmless) == usual
    for variable in ({"PYTHONPATH": "/elsewhere"}, {"OMP_NUM_THREADS": "7"}, {"PYTHONHASHSEED": "0"}, {"__": "1"}):
        ask(**variable)
    (packages / "new").mkdir()  # as pip does
    ask()
    os.utime(course / "worker.py", (1, 1))
    ask()
    mask = os.umask(0o77)
    ask()
    os.umask(mask)
    with pytest.raises(fork_client.NoFork):
        fork_client.fork({}, [])  # the server for grading
    assert len(set(names)) == len(names) - 4, "each but the four harmless ones"


@pytest.mark.parametrize(("minutes", "grading", "kernels"), [("0", 10, 10), ("1", 60, 60), ("15", 900, 120)])
def test_how_long_servers_stay(minutes, grading, kernels, own_folder, monkeypatch):
    seconds = []

    def start(address, environment, settings):
        seconds.append(settings[0])
        raise OSError

    monkeypatch.setattr(fork_client, "_start_server", start)
    monkeypatch.setenv("LECTURE_WARM_MINUTES", minutes)
    for environment in None, os.environ:
        with pytest.raises(fork_client.NoFork):
            fork_client.fork({}, [], environment)
    assert seconds == [grading, kernels]


def test_reasons(monkeypatch):
    exists = Path.exists
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.6.0+cu124")
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == "/dev/nvidiactl" or exists(path))
    assert "GPU" in fork_client.why_no_fork({})
    assert fork_client.why_no_fork({"CUDA_VISIBLE_DEVICES": ""}) is None and fork_client.why_no_fork() is None
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.6.0+cpu")
    assert fork_client.why_no_fork({}) is None
    monkeypatch.setattr("importlib.metadata.version", missing)
    assert fork_client.why_no_fork() == "torch is not installed"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert fork_client.start_server_for_workers() == "no safe fork on darwin"


def missing(name):
    raise importlib.metadata.PackageNotFoundError(name)
