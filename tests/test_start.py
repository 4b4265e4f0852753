"""`python start.py`: which machines it refuses, what it installs when, and one real run in a small project."""

import errno
import functools
import http.server
import importlib.util
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
import time
import tomllib
import types
import urllib.error
from pathlib import Path

import pytest
from conftest import ROOT

SPEC = importlib.util.spec_from_file_location("start", ROOT / "start.py")
start = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(start)


@pytest.mark.parametrize(
    "machine",
    [
        ("Linux", "x86_64", True, "glibc 2.28"),
        ("Linux", "x86_64", True, "glibc 2.36"),
        ("Linux", "aarch64", True, "glibc 2.39"),
        ("Darwin", "arm64", True, "14.0"),
        ("Darwin", "arm64", True, "26.1"),
        ("Windows", "AMD64", True, ""),
    ],
)
def test_a_machine_with_wheels_is_taken(machine):
    assert start.why_no_torch(*machine) == ""


@pytest.mark.parametrize(
    "machine, named",
    [
        (("Darwin", "x86_64", True, "15.2"), "Intel"),
        (("Darwin", "arm64", True, "13.6"), "macOS 14"),
        (("Windows", "ARM64", True, ""), "ARM"),
        (("Windows", "AMD64", False, ""), "32-bit"),
        (("Linux", "x86_64", True, ""), "glibc"),
        (("Linux", "x86_64", True, "musl 1.2.5"), "glibc"),
        (("Linux", "x86_64", True, "glibc 2.17"), "2.28"),
        (("Linux", "x86_64", True, "glibc 2.9"), "2.28"),
        (("Linux", "armv7l", True, "glibc 2.36"), "armv7l"),
        (("Linux", "riscv64", True, "glibc 2.39"), "riscv64"),
        (("FreeBSD", "amd64", True, ""), "FreeBSD"),
    ],
)
def test_a_machine_without_wheels_is_sent_to_colab(machine, named, monkeypatch, capsys):
    assert named in start.why_no_torch(*machine)
    monkeypatch.setattr(start, "why_no_torch", lambda *_: "PyTorch is not made for it")
    monkeypatch.setattr(sys, "argv", ["start.py"])
    monkeypatch.setattr(start, "install", lambda *_: pytest.fail("nothing is to be installed"))
    assert start.main() == 1
    assert capsys.readouterr().out.splitlines() == [
        "",
        "start.py stopped at: this machine - PyTorch is not made for it",
        f"  what to do: {start.COLAB}",
    ]


def test_this_machine_is_read_as_it_is():
    assert start.system_version().startswith("glibc 2.") if sys.platform == "linux" else start.system_version()
    start.look_at_machine()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is only one PyTorch")
@pytest.mark.parametrize("cpu, needed", [(True, 3), (False, 9)])
def test_a_full_disk_is_told_before_anything_is_installed(cpu, needed, monkeypatch, tmp_path):
    monkeypatch.setattr(start, "RECORD", tmp_path / "none")
    monkeypatch.setattr(start, "takes_cpu_wheels", lambda: cpu)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, (needed - 1) * 2**30))
    with pytest.raises(start.Stop, match=rf"{needed - 1}\.0 GB of disk space are free .* needs {needed} GB"):
        start.look_at_machine()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, (needed + 1) * 2**30))
    start.look_at_machine()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is only one PyTorch")
@pytest.mark.parametrize("gpu, answer, taken", [(False, "wheels", True), (True, "wheels", False), (False, None, False)])
def test_cuda_is_left_out_where_no_gpu_is_and_the_page_answers(gpu, answer, taken, monkeypatch, tmp_path):
    page = tmp_path / "torch"
    page.mkdir()
    (page / "index.html").write_text("")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}" if answer else "http://127.0.0.1:9"
    monkeypatch.setattr(start, "CPU_WHEELS", address)
    monkeypatch.setattr(start, "has_nvidia_gpu", lambda: gpu)
    start.takes_cpu_wheels.cache_clear()
    called = []
    monkeypatch.setattr(start.subprocess, "call", lambda words, **_: called.append(words) or 0)
    try:
        assert start.install_with_pip(["x"]) and start.install_with_uv(["x"])
        pip, uv = called[0], called[-1]
        assert (address in pip) is taken and ("--torch-backend" in uv) is taken
        assert ("0.4 GB" in start.how_large()) is taken
    finally:
        server.shutdown()
        server.server_close()
        start.takes_cpu_wheels.cache_clear()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_the_pythons_are_those_that_pip_accepts():
    bounds = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    (_, low), (_, high) = min(start.PYTHONS), max(start.PYTHONS)
    assert bounds == f">=3.{low},<3.{high + 1}" and len(start.PYTHONS) == high - low + 1


def test_another_python_goes_on(monkeypatch, tmp_path, capfd):
    """As `python3` of an older system: a named version is looked for, by what it says of itself."""
    for name, says in (("python3.13", "3.9"), ("python3.12", "3.12")):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\n[ "$1" = -c ] && echo {says} || echo went on with {name} "$@"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(start.sys, "version_info", (3, 15, 0, "final", 0))
    monkeypatch.setattr(sys, "argv", ["start.py", "--no-open"])
    assert start.main() == 0
    said = capfd.readouterr().out
    assert "this is Python 3.15; the course needs 3.11 to 3.14: using python3.12" in said
    assert f"went on with python3.12 {ROOT / 'start.py'} --no-open" in said


def test_no_python_at_all_is_one_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(start.sys, "version_info", (3, 10, 4, "final", 0))
    monkeypatch.setattr(sys, "argv", ["start.py"])
    assert start.main() == 1
    said = capsys.readouterr().out
    assert "this is Python 3.10; the course needs 3.11 to 3.14" in said and "Colab" in said
    assert ("uv run --no-project --python 3.13 start.py" if sys.platform == "linux" else "python.org") in said


# --- a project as small as can be, really installed

PROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"
[project]
name = "small"
version = "1"
[project.optional-dependencies]
student = ["iniconfig"]
test = ["pluggy"]
[tool.setuptools]
packages = ["course_tools"]
"""


@pytest.fixture
def project(tmp_path):
    """A folder with start.py and a project of two tiny packages."""
    (tmp_path / "course_tools").mkdir()
    (tmp_path / "course_tools/__init__.py").write_text("")
    (tmp_path / "course_tools/__main__.py").write_text("import sys; print('looked:', sys.argv[1:])")
    shutil.copy(ROOT / "course_tools/doctor.py", tmp_path / "course_tools")  # what start.py imports of it
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "constraints.txt").write_text("iniconfig==2.0.0\npluggy==1.5.0\n")
    shutil.copy(ROOT / "start.py", tmp_path)
    return tmp_path


def run(project, *arguments, **environment):
    environment.setdefault("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))  # with uv
    words = [sys.executable, project / "start.py", "--no-open", *arguments]
    return subprocess.run(
        words, cwd="/", capture_output=True, text=True, timeout=300, env={**os.environ, **environment}
    )


def versions(project) -> dict[str, str]:
    ask = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    python = project / start.PYTHON.relative_to(ROOT)
    return json.loads(subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout)


def test_a_first_call_installs_a_second_does_nothing_and_more_is_added(project):
    first = run(project)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "looked: ['doctor', '--brief']" in first.stdout
    assert versions(project)["iniconfig"] == "2.0.0" and "pluggy" not in versions(project)
    begun = time.monotonic()
    second = run(project)
    assert second.returncode == 0 and second.stdout == "" and time.monotonic() - begun < 5
    more = run(project, "--extras", "test")
    assert more.returncode == 0 and versions(project)["pluggy"] == "1.5.0"
    assert run(project).stdout == "", "what was there before is known to be there still"
    (project / "constraints.txt").write_text("iniconfig==2.1.0\npluggy==1.5.0\n")
    assert run(project).returncode == 0 and versions(project)["iniconfig"] == "2.1.0"


def test_without_uv_pip_does_it(project):
    """uv is on no path, and pip finds none in an empty index; the rest lies in a folder."""
    wheels = project / "wheels"
    get = [sys.executable, "-m", "pip", "download", "--quiet", "-d", wheels, "iniconfig==2.0.0", "setuptools"]
    subprocess.run(get, check=True)
    found = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PATH": "/usr/bin:/bin"}
    done = run(project, **found)
    assert done.returncode == 0 and versions(project)["iniconfig"] == "2.0.0", done.stdout + done.stderr
    assert "using pip" in done.stdout


def test_what_cannot_be_installed_is_told_and_tried_again(project):
    """The environment has no Python, like one that was copied or half made: it is made anew."""
    (project / ".venv/bin").mkdir(parents=True)
    (project / ".venv/bin/python").write_text("")
    (project / "constraints.txt").write_text("iniconfig==9999\n")
    done = run(project)
    assert done.returncode == 1 and "start.py stopped at: installing" in done.stdout and "what to do" in done.stdout
    (project / "constraints.txt").write_text("")
    assert run(project).returncode == 0


def test_an_environment_that_ctrl_c_left_without_pip_is_made_again(project):
    """And so is one whose folder was renamed, since many files in it name the old one."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    done = run(project, PATH="/usr/bin:/bin")
    assert done.returncode == 0 and versions(project)["iniconfig"] == "2.0.0", done.stdout + done.stderr
    moved = project.rename(project.with_name("演習 2"))
    done = run(moved)
    assert done.returncode == 0 and "making a virtual environment" in done.stdout, done.stdout + done.stderr
    assert run(moved).stdout == ""
    python = moved / start.PYTHON.relative_to(ROOT)
    found = subprocess.check_output([python, "-c", "import course_tools; print(course_tools.__file__)"], cwd="/")
    assert Path(os.fsdecode(found).strip()).is_relative_to(moved)


def test_a_folder_that_cannot_be_written_to_is_named(project, monkeypatch):
    monkeypatch.setattr(start, "ROOT", project)
    monkeypatch.setattr(start, "VENV", project / "start.py" / ".venv")  # root may write in every folder
    monkeypatch.setattr(start, "PYTHON", project / "start.py" / ".venv/bin/python")
    with pytest.raises(start.Stop, match=f"nothing can be written in {re.escape(str(project))}") as stopped:
        start.make_environment(anew=False)
    assert "home folder" in stopped.value.remedy


@pytest.mark.parametrize(
    "proxy, answer, problem, remedy",
    [
        (False, urllib.error.URLError("no route"), "cannot be reached: no route", "check that you are online"),
        (True, None, "the proxy of HTTPS_PROXY does not lead to", "correct HTTPS_PROXY"),
        (
            False,
            ssl.SSLCertVerificationError("unknown"),
            "certificate that is not its own",
            "PIP_CERT and SSL_CERT_FILE",
        ),
        (False, urllib.error.HTTPError("x", 403, "no", {}, None), "could not be installed", "read the lines above"),
    ],
)
def test_a_failed_installation_says_what_the_network_has_to_do_with_it(proxy, answer, problem, remedy, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    if proxy:
        monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@127.0.0.1:9")
    if answer:
        error = answer if isinstance(answer, urllib.error.URLError) else urllib.error.URLError(answer)
        opener = types.SimpleNamespace(open=lambda *_, **__: (_ for _ in ()).throw(error))
        monkeypatch.setattr(start.urllib.request, "build_opener", lambda: opener)
    told = start.why_not_installed()
    assert problem in told[0] and remedy in told[1] and "run the same command again" in told[1]
    assert "secret" not in " ".join(told)


# --- Windows, as far as it can be told from here


@pytest.mark.parametrize("windows, stop", [(True, "To stop: Ctrl-C here. "), (False, "To stop: Ctrl-C here, then y. ")])
def test_what_stops_jupyterlab_is_what_it_waits_for(windows, stop, monkeypatch, capsys):
    """It asks whether Ctrl-C is meant, but not on Windows: see ServerApp.init_signal of jupyter_server."""
    monkeypatch.setattr(start, "WINDOWS", windows)
    monkeypatch.setattr(start.signal, "signal", lambda *_: None)
    monkeypatch.setattr(start.subprocess, "call", lambda *_, **__: 0)
    assert start.open_jupyterlab([]) == 0 and stop in capsys.readouterr().out


@pytest.mark.parametrize("status", [0, -2, 0xC000013A, 1])
def test_ctrl_c_while_jupyterlab_starts_is_no_error(status, monkeypatch):
    """-2 is how it ends then on Linux and macOS, 0xC000013A (3221225786) on Windows."""
    monkeypatch.setattr(start.signal, "signal", lambda *_: None)
    monkeypatch.setattr(start.subprocess, "call", lambda *_, **__: status)
    if status == 1:
        with pytest.raises(start.Stop):
            start.open_jupyterlab([])
    else:
        assert start.open_jupyterlab([]) == 0


@pytest.mark.parametrize("windows, named", [(True, "stop JupyterLab"), (False, "sudo apt install python3-venv")])
def test_an_environment_that_cannot_be_made_names_the_usual_cause(windows, named, monkeypatch, tmp_path):
    monkeypatch.setattr(start, "WINDOWS", windows)
    monkeypatch.setattr(start, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(start, "PYTHON", tmp_path / ".venv/python")
    monkeypatch.setattr(start, "GET_PIP", "file:///nowhere/get-pip.py")
    monkeypatch.setattr(start.subprocess, "run", lambda *_, **__: types.SimpleNamespace(returncode=1))
    monkeypatch.setattr(start.subprocess, "call", lambda *_, **__: 1)
    with pytest.raises(start.Stop, match="no virtual environment could be made") as stopped:
        start.make_environment(anew=False)
    assert named in stopped.value.remedy and ("apt" in stopped.value.remedy) is not windows


@pytest.mark.parametrize("windows, folder, too_long", [(True, "x" * 90, True), (True, "x", False), (False, "x", False)])
def test_a_failed_installation_names_what_windows_does_not_allow(windows, folder, too_long, monkeypatch):
    from course_tools import doctor

    monkeypatch.setattr(doctor, "check_proxy", lambda: doctor.Finding("good", "no proxy"))
    monkeypatch.setattr(start, "WINDOWS", windows)
    monkeypatch.setattr(start, "ROOT", Path("/", folder))
    problem, remedy = start.why_not_installed()
    assert ("stop JupyterLab" in remedy) is windows and ("to a shorter one" in remedy) is too_long, (problem, remedy)


@pytest.mark.parametrize("folder, mode", [("OneDrive - Uni/course", "copy"), ("course", None)])
def test_no_hard_links_are_tried_in_onedrive(folder, mode, monkeypatch, tmp_path):
    monkeypatch.delenv("UV_LINK_MODE", raising=False)
    monkeypatch.setattr(start, "VENV", tmp_path / folder / ".venv")
    monkeypatch.setattr(start, "takes_cpu_wheels", lambda: False)
    environments = []
    monkeypatch.setattr(start.subprocess, "call", lambda *_, **o: environments.append(o.get("env", {})) or 0)
    monkeypatch.setattr(start.shutil, "which", lambda *_, **__: "uv")
    assert start.install_with_uv(["x"]) and environments[-1].get("UV_LINK_MODE") == mode


# --- the newest version, and what a student has changed

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"]


def in_git(folder, *words):
    subprocess.run([*GIT, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone whose origin has changed a lecture and an exercise since, and added a file."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    for name in ("lectures/1.ipynb", "lectures/2.ipynb", "exercises/1.ipynb", "演習.md"):
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        (origin / name).write_text("old")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        in_git(origin, *words)
    in_git(tmp_path, "clone", "-q", str(origin), str(clone))
    for name in ("lectures/1.ipynb", "exercises/1.ipynb", "演習.md", "new.md"):
        (origin / name).write_text("new")
    in_git(origin, "add", ".")
    in_git(origin, "commit", "-qm", "two")
    monkeypatch.setattr(start, "ROOT", clone)
    return clone


def test_an_update_keeps_what_was_changed_on_both_sides(clone, capsys):
    (clone / "exercises/1.ipynb").write_text("my answers")
    (clone / "演習.md").write_text("my notes")
    (clone / "lectures/2.ipynb").write_text("run")
    (clone / "new.md").write_text("a file of mine with this name")
    (clone / "other.md").write_text("mine")
    start.update()
    files = [path for path in clone.rglob("*") if path.is_file() and ".git" not in path.parts]
    read = {path.relative_to(clone).as_posix(): path.read_text() for path in files}
    kept = {re.sub(r"^my/[^/]+/", "my/", name): text for name, text in read.items()}
    assert kept == {
        "lectures/1.ipynb": "new",
        "lectures/2.ipynb": "run",  # nothing new there, so it stays as it was left
        "exercises/1.ipynb": "new",
        "演習.md": "new",
        "new.md": "new",
        "other.md": "mine",
        "my/exercises/1.ipynb": "my answers",
        "my/演習.md": "my notes",
        "my/new.md": "a file of mine with this name",
    }
    assert "your own version is now my" in (said := capsys.readouterr().out) and "copy your answers" in said
    start.update()
    assert "up to date" in capsys.readouterr().out
    (clone.parent / "origin/new.md").write_text("newer")
    in_git(clone.parent / "origin", "commit", "-qam", "three")
    start.update()
    assert "updated: 1 file\n" in capsys.readouterr().out


def test_a_file_that_was_deleted_here_comes_back(clone):
    (clone / "lectures/1.ipynb").unlink()
    start.update()
    assert (clone / "lectures/1.ipynb").read_text() == "new" and not (clone / "my").exists()


def test_own_commits_stop_an_update_and_nothing_is_lost(clone):
    (clone / "mine.md").write_text("mine")
    in_git(clone, "add", ".")
    in_git(clone, "commit", "-qm", "mine")
    (clone / "exercises/1.ipynb").write_text("my answers")
    with pytest.raises(start.Stop) as stopped:
        start.update()
    assert "git pull --rebase" in stopped.value.remedy and (clone / "mine.md").exists()
    assert (clone / "exercises/1.ipynb").read_text() == "my answers" and not (clone / "my").exists()


def kept_of(clone):
    """What lies in the folder `my`, by name: the text of a file, or where a link leads."""
    found = {p: p.relative_to(clone / "my").as_posix().split("/", 1)[1] for p in (clone / "my").glob("*/**/*")}
    return {
        name: str(path.readlink()) if path.is_symlink() else path.read_text()
        for path, name in found.items()
        if path.is_symlink() or path.is_file()
    }


def publish(clone, changes):
    """Change the course; None removes a file."""
    origin = clone.parent / "origin"
    for name, text in changes.items():
        if text is None:
            in_git(origin, "rm", "-rq", name)
        else:
            (origin / name).parent.mkdir(parents=True, exist_ok=True)
            (origin / name).write_text(text)
            in_git(origin, "add", "--force", name)
    in_git(origin, "commit", "-qm", "more")


def test_what_git_ignores_is_kept_too(clone):
    publish(clone, {".gitignore": "data/", "data/digits.csv": "theirs"})
    (clone / ".git/info/exclude").write_text("data/")
    (clone / "data").mkdir()
    (clone / "data/digits.csv").write_text("mine")
    (clone / "data/other.csv").write_text("mine, too")
    start.update()
    assert (clone / "data/digits.csv").read_text() == "theirs" and kept_of(clone) == {"data/digits.csv": "mine"}
    assert (clone / "data/other.csv").read_text() == "mine, too"


def test_an_answer_to_an_exercise_that_got_another_name_is_kept(clone):
    publish(clone, {"exercises/1.ipynb": None, "exercises/01.ipynb": "old"})  # an exact copy
    (clone / "exercises/1.ipynb").write_text("my answers")
    start.update()
    assert [p.name for p in (clone / "exercises").iterdir()] == ["01.ipynb"]
    assert kept_of(clone) == {"exercises/1.ipynb": "my answers"}


def test_files_and_folders_in_each_others_place_are_kept(clone):
    publish(clone, {"notes/a.md": "theirs", "plan": "theirs", "lectures/2.ipynb": None, "lectures/2.ipynb/x": "new"})
    (clone / "notes").write_text("my notes")
    (clone / "plan").mkdir()
    (clone / "plan/b.md").write_text("my plan")
    (clone / "lectures/2.ipynb").write_text("run")
    start.update()
    assert kept_of(clone) == {"notes": "my notes", "plan/b.md": "my plan", "lectures/2.ipynb": "run"}
    read = {name: (clone / name).read_text() for name in ("notes/a.md", "plan", "lectures/2.ipynb/x")}
    assert read == {"notes/a.md": "theirs", "plan": "theirs", "lectures/2.ipynb/x": "new"}


@pytest.mark.skipif(start.WINDOWS, reason="not every Windows lets its users make links")
def test_links_are_kept_as_links(clone):
    (clone / "new.md").symlink_to("nowhere")
    (clone / "other.md").write_text("mine")
    (clone / "exercises/1.ipynb").unlink()
    (clone / "exercises/1.ipynb").symlink_to(clone / "other.md")
    start.update()
    assert kept_of(clone) == {"new.md": "nowhere", "exercises/1.ipynb": str(clone / "other.md")}
    assert (clone / "other.md").read_text() == "mine" and (clone / "new.md").read_text() == "new"


def test_what_was_added_to_git_but_not_committed_is_kept(clone):
    (clone / "new.md").write_text("mine")
    (clone / "exercises/1.ipynb").write_text("my answers")
    in_git(clone, "add", ".")
    start.update()
    assert kept_of(clone) == {"new.md": "mine", "exercises/1.ipynb": "my answers"}
    assert (clone / "new.md").read_text() == "new" == (clone / "exercises/1.ipynb").read_text()


def test_a_name_with_a_star_is_no_pattern(clone):
    publish(clone, {"lectures/[12].ipynb": "old"})
    start.update()
    publish(clone, {"lectures/[12].ipynb": "new"})
    (clone / "lectures/[12].ipynb").write_text("mine")
    (clone / "lectures/2.ipynb").write_text("run")
    start.update()
    assert (clone / "lectures/2.ipynb").read_text() == "run" and kept_of(clone) == {"lectures/[12].ipynb": "mine"}


def test_two_updates_in_one_second_keep_both(clone, monkeypatch):
    monkeypatch.setattr(start.time, "strftime", lambda format: "2026-03-01 164000")
    for text in ("first", "second"):
        publish(clone, {"exercises/1.ipynb": f"new after {text}"})
        (clone / "exercises/1.ipynb").write_text(text)
        start.update()
    kept = sorted(path.read_text() for path in (clone / "my").glob("*/exercises/1.ipynb"))
    assert kept == ["first", "second"]


def test_own_commits_are_no_hindrance_where_nothing_is_new(clone, capsys):
    start.update()
    (clone / "exercises/1.ipynb").write_text("my answers")
    in_git(clone, "commit", "-qam", "mine")
    (clone / "lectures/1.ipynb").write_text("run")
    start.update()
    assert "up to date" in capsys.readouterr().out
    assert (clone / "exercises/1.ipynb").read_text() == "my answers" and not (clone / "my").exists()


@pytest.mark.parametrize(
    "words", [["checkout", "-q", "--detach"], ["checkout", "-qb", "mine"], ["remote", "rm", "origin"]]
)
def test_a_clone_that_follows_nothing_says_what_to_do(clone, words):
    in_git(clone, *words)
    (clone / "exercises/1.ipynb").write_text("my answers")
    with pytest.raises(start.Stop, match="follows no branch") as stopped:
        start.update()
    assert "git checkout main" in stopped.value.remedy
    assert (clone / "exercises/1.ipynb").read_text() == "my answers" and not (clone / "my").exists()


def test_a_shallow_clone_is_updated(clone):
    shallow = clone.parent / "shallow"
    in_git(clone.parent, "clone", "-q", "--depth=1", f"file://{clone.parent / 'origin'}", str(shallow))
    publish(clone, {"new.md": "newer"})
    (shallow / "new.md").write_text("mine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(start, "ROOT", shallow)
        start.update()
    assert (shallow / "new.md").read_text() == "newer" and kept_of(shallow) == {"new.md": "mine"}


@pytest.mark.parametrize("fails", [1, 2])
def test_a_full_disk_stops_an_update_and_nothing_is_lost(clone, fails, monkeypatch):
    texts = {"exercises/1.ipynb": "my answers", "lectures/1.ipynb": "run", "new.md": "mine"}
    for name, text in texts.items():
        (clone / name).write_text(text)
    calls, move = [], start.shutil.move

    def moves_until_the_disk_is_full(here, there):
        calls.append(here)
        if len(calls) == fails:
            raise OSError(errno.ENOSPC, "No space left on device", there)
        return move(here, there)

    with monkeypatch.context() as patch:
        patch.setattr(start.shutil, "move", moves_until_the_disk_is_full)
        with pytest.raises(start.Stop, match="No space left") as stopped:
            start.update()
    assert "nothing is lost" in stopped.value.remedy
    start.update()
    assert kept_of(clone) == texts and (clone / "new.md").read_text() == "new"


def test_a_file_where_the_folder_my_should_be_stops_an_update(clone):
    (clone / "my").write_text("mine")
    (clone / "exercises/1.ipynb").write_text("my answers")
    with pytest.raises(start.Stop, match="cannot be kept in the folder my"):
        start.update()
    assert (clone / "exercises/1.ipynb").read_text() == "my answers" and (clone / "my").read_text() == "mine"


def test_a_clone_without_git_on_the_path_says_so(clone, monkeypatch, tmp_path):
    """As GitHub Desktop leaves it, whose git no terminal finds."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(start.Stop, match="git is not installed") as stopped:
        start.update()
    assert "git-scm.com" in stopped.value.remedy


def test_a_folder_of_another_owner_is_no_clone_that_follows_nothing(clone, monkeypatch, capfd):
    """As each folder on a USB stick is, for git on Windows, which says what to do."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(start.Stop, match="git does not work in this folder") as stopped:
        start.update()
    assert "the lines above" in stopped.value.remedy and "safe.directory" in capfd.readouterr().err


def test_what_is_no_clone_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(start, "ROOT", tmp_path)
    with pytest.raises(start.Stop, match="not made with git"):
        start.update()
