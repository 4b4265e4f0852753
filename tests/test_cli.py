"""The command ``lecture``; what it does is tested with the modules that do it."""

import errno
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from commands import LECTURE, invoke, lecture
from conftest import ROOT, repeats


@pytest.fixture(autouse=True)
def signals():
    """`lecture run` sets what a signal does."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_pictures_reach_the_notebook_that_takes_them(make_notebook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    paths = []
    for name, source in (("takes", 'profile = "quick"\nfolder = ""'), ("takes-not", 'profile = "quick"')):
        paths.append(make_notebook("print(globals().get('folder'))", name=name))
        notebook = nbformat.read(paths[-1], as_version=4)
        notebook.cells[1].source = source
        nbformat.write(notebook, paths[-1])
    done = invoke("run", *paths, "--pictures", "mine", "--out", "out", "--cold")  # an older name of --no-fork
    assert done.exit_code == 0, done.stderr
    results = [nbformat.read(tmp_path / "out" / path.name, as_version=4) for path in paths]
    assert [r.cells[-1].outputs[0].text.strip() for r in results] == [str(tmp_path / "mine"), "None"]
    useless = invoke("run", paths[1], "--pictures", "mine", "--out", "out")
    assert useless.exit_code == 2 and "lectures 4 and 6" in useless.stderr


def test_command_runs_all_and_says_which_failed(make_notebook, tmp_path):
    make_notebook("1", name="a_good", folder=tmp_path / "all")
    make_notebook("1/0", name="b_bad", folder=tmp_path / "all")
    (tmp_path / "all" / "c_broken.ipynb").write_text("{")
    make_notebook("2", name="d_good", folder=tmp_path / "all")
    report = tmp_path / "report.json"
    done = lecture("run", tmp_path / "all", "--out", tmp_path / "out", "--json", report, "--no-fork")
    assert done.returncode == 1 and "kernels: new processes" in done.stdout
    assert "b_bad, cell 3: ZeroDivisionError: division by zero" in done.stderr
    assert "c_broken.ipynb is not a valid notebook" in done.stderr and "Traceback" not in done.stderr
    rows = json.loads(report.read_text())
    assert [(r["name"], r["status"]) for r in rows] == [
        ("a_good", "passed"),
        ("b_bad", "failed"),
        ("c_broken", "unreadable"),
        ("d_good", "passed"),
    ]
    assert set(rows[0]) == {"name", "status", "seconds", "peak_rss_mb", "cells", "failed_cell", "error"}
    for word in ("notebook", "seconds", "peak memory", "status", "d_good"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "77"], "no notebook '77'"),
        (["run", "--device", "gpu"], "choose one of auto, cuda, mps, xpu, cpu"),
        (["run", "--profile", "big"], "'big' is not one of"),
        (["run", "--seed", "-1"], "--seed"),
        (["run", "--pictures", "nowhere"], "--pictures"),
        (["run", "--cell-timeout", "0"], "--cell-timeout"),
        (["run", "--out", "README.md"], "'README.md' is a file"),
        (["run", "--inplace", "--seed", "1", "--out", "x"], "leave out --out and --seed"),
        (["slides", "77"], "no notebook '77'"),
        (["runn"], "runn"),
    ],
)
def test_wrong_usage_is_code_2_and_no_traceback(arguments, words):
    done = invoke(*arguments)
    assert done.exit_code == 2 and words in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("polite", "options"), [(signal.SIGINT, []), (signal.SIGTERM, ["--no-fork"])])
def test_interrupt_keeps_what_is_finished_and_leaves_no_process(make_notebook, tmp_path, polite, options):
    out, report, mark = tmp_path / "out", tmp_path / "report.json", tmp_path / "mark"
    make_notebook("1", name="a_first", folder=tmp_path / "all")
    long = (
        f"import subprocess; child = subprocess.Popen(['sleep', '500']); open({str(mark)!r}, 'w').write(str(child.pid))"
    )
    make_notebook(long, "import time; time.sleep(500)", name="b_second", folder=tmp_path / "all")
    make_notebook("1", name="c_never", folder=tmp_path / "all")
    command = [*LECTURE, "run", str(tmp_path / "all"), "--out", str(out), "--json", str(report), *options]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    deadline = time.monotonic() + 120
    while not (mark.exists() and mark.read_text()) and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    child = psutil.Process(int(mark.read_text()))  # of the kernel, which may be forked from another process
    family = [child, child.parent(), *psutil.Process(running.pid).children(recursive=True)]
    running.send_signal(polite)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert errors.strip() == f"lecture: interrupted in b_second: finished notebooks are kept in {out}"
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    assert sorted(p.name for p in out.iterdir()) == ["a_first.html", "a_first.ipynb", "assets"]
    assert [(r["name"], r["status"]) for r in json.loads(report.read_text())] == [
        ("a_first", "passed"),
        ("b_second", "interrupted"),
    ]


def test_lint_and_both_ways_to_store(make_notebook):
    path = make_notebook("1")  # never run
    done = invoke("lint", path)
    assert done.exit_code == 1 and f"one run from top to bottom: lecture run --inplace {path}" in done.stdout
    done = invoke("run", "--inplace", path)
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"stored {path}\n", "")
    assert invoke("lint", path).exit_code == 0
    stored = path.read_bytes()
    old = invoke("store", path)  # the name of an older version
    assert old.exit_code == 0 and old.stdout == f"stored {path}\n" and path.read_bytes() == stored
    assert old.stderr.count("deprecated") == 1 and "lecture run --inplace" in old.stderr


def test_nobody_s_console_ends_a_command(make_notebook, tmp_path):
    """Neither one without the letters, nor a reader who has enough."""
    path = make_notebook("1/0", name="日本é✓", folder=tmp_path / "\udcff")  # a byte that is not UTF-8
    commands = {"run": ["run", path, "--out", tmp_path], "lint": ["lint", path], "unknown": ["run", "日本✓"]}
    commands |= {"help": ["--help"], "new": ["run", path, "--out", tmp_path, "--no-fork"]}
    # one after the other in one process, and with its output stream
    program = "import json, sys\nfrom course_tools.cli import app\n"
    program += "for words in json.loads(sys.argv[1]):\n    try: app(words, prog_name='lecture')\n"
    program += "    except SystemExit as end: print('code', end.code)"
    for encoding, wanted in (("ascii", [*commands]), ("cp1252", [*commands][1:]), ("cp932", [*commands][1:])):
        words = json.dumps([[str(word) for word in commands[name]] for name in wanted])  # a fork server takes long
        done = subprocess.run(
            [sys.executable, "-c", program, words],
            cwd=ROOT,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
        )
        said = (done.stdout + done.stderr).decode(encoding)
        assert "Traceback" not in said and done.returncode == 0, said
        codes = [int(line.split()[1]) for line in said.splitlines() if line.startswith("code ")]
        expected = {"run": 1, "lint": 1, "unknown": 2, "help": 0, "new": 1}
        assert codes == [expected[name] for name in wanted], said
    command = f"{shlex.join([*LECTURE, 'lint', str(path)])} | true"
    assert not subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--no-fork", "--out", "OUT"],
        ["run", "--no-fork", "--out", "OUT", "--json", "OUT/x.json"],
        ["run", "--inplace"],
        ["slides", "--out", "OUT"],
    ],
)
def test_a_full_disk_is_one_line(arguments, make_notebook, tmp_path, monkeypatch):
    path = make_notebook("1", folder=tmp_path / "in")
    before, out = path.read_bytes(), tmp_path / "out"

    def full(*_, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if "--json" in arguments:  # it is full when the report is written
        monkeypatch.setattr("course_tools.cli.write_text", full)
    else:
        monkeypatch.setattr(nbformat, "write", full)
    if "slides" in arguments:
        monkeypatch.setattr("shutil.copy2", full)  # as `copytree` does
        monkeypatch.setattr(shutil.copytree, "__defaults__", (False, None, full, False, False))
    done = invoke(*(a.replace("OUT", str(out)) for a in arguments), path)
    assert done.exit_code in (1, 2) and done.stderr.startswith("lecture: ") and "No space left" in done.stderr
    assert done.stderr.count("\n") == 1 and len(done.stderr) < 300
    left = [file for file in tmp_path.rglob("*") if file.is_file() and "assets" not in str(file)]
    assert path.read_bytes() == before and [file for file in left if file.parent != out] == [path]
    assert not any(file.name.startswith(".") or file.suffix == ".json" for file in left)


def test_a_folder_that_cannot_be_written_is_one_line(make_notebook, tmp_path):
    (tmp_path / "file").touch()
    for command in (["run"], ["slides"], ["release", "1"]):
        path = [] if "release" in command else [make_notebook("1")]
        done = invoke(*command, *path, "--out", tmp_path / "file" / "out")
        assert done.exit_code in (1, 2) and "Not a directory" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.parametrize(
    "command_and_library",
    repeats(
        (["run", "1", "--out"], "_zmq"),  # while it imports papermill
        (["doctor"], "libtorch"),
        (["run", "1", "--out"], "psutil"),
        (["doctor"], "_zmq"),
        (["release", "1", "--out"], "libtorch"),
        (["lint"], "rpds"),
        (["slides", "1", "--out"], "_zmq"),
        keep=2,
    ),
)
def test_an_interrupt_in_the_first_second_is_one_line(command_and_library, tmp_path):
    """Sent when a library is mapped. How a check of doctor that was under way ends is no matter of the others."""
    arguments, loaded = command_and_library
    arguments = [*arguments, str(tmp_path / "out")] if arguments[-1] == "--out" else arguments
    command = [sys.executable, "-m", "course_tools", *arguments]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    maps, deadline = Path(f"/proc/{running.pid}/maps"), time.monotonic() + 120
    while loaded not in maps.read_text() and time.monotonic() < deadline:
        time.sleep(0.001)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130 and errors == "lecture: interrupted\n"
    assert not (tmp_path / "out").exists()


# --- where something is missing -------------------------------------------------------------------


def run_without(modules, *arguments) -> subprocess.CompletedProcess:
    """Run `lecture` in a Python that has none of these modules."""
    program = (
        f"import sys; sys.modules |= dict.fromkeys({modules!r})\nfrom course_tools.__main__ import main\n"
        f"sys.argv[1:] = {list(map(str, arguments))!r}\nmain()"
    )
    environment = {**os.environ, "https_proxy": "http://127.0.0.1:9"}
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("typer", ["lint"], "course"),
        ("papermill", ["run", "1"], "course"),
        ("nbconvert", ["slides", "1"], "course"),
        ("jinja2", ["grade", ".", "--exercise", "02", "--no-fork"], "grade"),
    ],
)
def test_a_missing_extra_is_one_sentence(missing, arguments, extra):
    done = run_without([missing], *arguments)
    assert done.returncode == 1
    assert done.stderr == f"lecture: {missing} is not installed: pip install 'lecture-utils[{extra}]'\n"


def test_other_commands_do_without_what_one_of_them_needs():
    done = run_without(["papermill", "nbconvert", "nbclient", "torch", "IPython", "jupyter_client"], "lint", "1")
    assert done.returncode == 0, done.stderr
