"""Gradescope: the files of a class, the zip of an autograder, and grading in its container."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from classes import EXERCISE, row_of
from commands import invoke
from conftest import ROOT
from docker_like import as_in_docker
from grading_bank.checks import SENTINEL
from grading_bank.command import CHECKS
from grading_bank.submissions import RIGHT1, RIGHT2, RIGHT3, notebook

from lecture_grader.gradescope import autograder_result, refusal, write_autograder, write_gradescope

SETTINGS = {"name": "", "time_limit": 20, "memory_limit": 2, "allow_unsandboxed": False}
SYS_SETUID = 7


def test_the_files_of_a_class(tmp_path):
    rows = [row_of("Bea"), row_of("none", None, status="unreadable", tasks={}, notes=["no notebook was handed in"])]
    rows[0]["tasks"]["9.2"] |= {"status": "failed", "points": 0, "message": "It is wrong.", "hint": "Look again."}
    rows[0]["tasks"]["9.3"] |= {"status": "unjudged", "points": None}
    write_gradescope(rows, EXERCISE, tmp_path)
    result = json.loads((tmp_path / "gradescope" / "Bea" / "results.json").read_text())
    assert result["score"] == 7 and [(t["number"], t["score"], t["max_score"]) for t in result["tests"]] == [
        ("9.1", 1, 1),
        ("9.2", 0, 2),
    ]
    assert [(t["status"], t["output"]) for t in result["tests"]] == [
        ("passed", "all cases passed"),
        ("failed", "It is wrong.\nLook again."),
    ]
    nothing = json.loads((tmp_path / "gradescope" / "none" / "results.json").read_text())
    assert "score" not in nothing and nothing["tests"] == [] and "no notebook" in nothing["output"]


def shown_at_once(result) -> str:
    """All that a student sees before the marks are published, as text."""
    tests = [test for test in result["tests"] if test["visibility"] == "visible"]
    assert result["stdout_visibility"] == "hidden"
    return json.dumps([result["output"], result.get("execution_time"), tests])


def test_nothing_of_the_hidden_cases_is_shown_before_the_marks_are_published():
    seen, whole = row_of("submission"), row_of("submission", 3, status="crashed", notes=["NOTE of all cases"])
    whole["seconds"] = 77.5
    whole["tasks"]["9.1"] |= {"status": "failed", "points": 0, "message": "HIDDEN one fails.", "hint": "HINT"}
    whole["tasks"]["9.3"] |= {"status": "unjudged", "points": None, "message": "HIDDEN not judged"}
    result = autograder_result(seen, whole, EXERCISE)
    shown = shown_at_once(result)
    for secret in ("HIDDEN", "HINT", "NOTE", "crashed", "77.5", '"score"'):
        assert secret not in shown
    assert shown.count('"passed"') == 3 and "visible cases passed" in shown
    later = {t["number"]: t for t in result["tests"] if t["visibility"] == "after_published"}
    assert result["score"] == 3 and later["9.1"]["output"] == "HIDDEN one fails.\nHINT"
    assert later["9.2"]["score"] == 1 and "score" not in later["9.3"]
    (instructors,) = [test for test in result["tests"] if test["visibility"] == "hidden"]
    assert "crashed" in instructors["output"] and "NOTE" in instructors["output"]


def test_a_refusal_tells_the_student_that_it_is_no_mark_and_the_instructor_why():
    result = refusal("no protection")
    assert "no mark" in shown_at_once(result) and "no protection" not in shown_at_once(result)
    assert [test["output"] for test in result["tests"]] == ["no protection"]


def test_the_zip_holds_the_course_and_the_checks_and_nothing_else(tmp_path):
    target = tmp_path / "autograder.zip"
    done = invoke("gradescope", "--checks", CHECKS, "--out", target, "--time-limit", 20, "--allow-unsandboxed")
    assert done.exit_code == 0 and "exercise 09" in done.stdout
    with zipfile.ZipFile(target) as archive:
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
        settings = json.loads(archive.read("settings.json"))
        assert archive.read("checks.py") == CHECKS.read_bytes()
        assert archive.read("constraints.txt") == (ROOT / "constraints.txt").read_bytes()
    assert settings == SETTINGS | {"memory_limit": 4, "allow_unsandboxed": True}
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755
    assert {"course/pyproject.toml", "course/lecture_grader/autograder.py", "course/checks/exercise_01.py"} <= set(
        modes
    )
    assert {"course/lecture_grader/templates/report.html.j2", "course/lectures/06_app/app.py"} <= set(modes)
    tops = {name.split("/")[1] for name in modes if name.startswith("course/")}
    assert not tops & {"solutions", "tests", "exercises", "build", ".git", ".venv"}
    assert not [name for name in modes if "__pycache__" in name or name.endswith((".pyc", ".ipynb"))]


def test_the_notebooks_name_is_in_the_zip(tmp_path):
    assert invoke("gradescope", "2", "--out", tmp_path / "a.zip").exit_code == 0
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert json.loads(archive.read("settings.json"))["name"] == "02_simple_model"


def test_what_is_wrong_with_the_command_is_said_in_a_line(tmp_path):
    for words in ([], ["2", "--checks", CHECKS], ["77"]):
        done = invoke("gradescope", *words, "--out", tmp_path / "a.zip")
        assert done.exit_code == 2 and done.stderr.count("\n") == 1 and done.stderr.startswith("lecture: ")
    with pytest.raises(ValueError, match="is not a whole copy of the course"):
        write_autograder(tmp_path / "a.zip", EXERCISE, tmp_path, SETTINGS)
    assert not [*tmp_path.iterdir()]


def test_the_shell_scripts_can_be_read():
    for name in ("setup.sh", "run_autograder"):
        script = ROOT / "lecture_grader" / "templates" / f"gradescope_{name}"
        assert script.read_text().startswith("#!/usr/bin/env bash\n")
        assert subprocess.run(["bash", "-n", script]).returncode == 0


in_a_container = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root, as in a container"
)


@pytest.fixture
def autograder():
    """A function that grades the files of a submission as Gradescope does; what the student gets, and what is printed.

    Its folder lies where nothing but its own mode keeps the user of a submission out.
    """
    folder = Path("/opt") / f"lecture-autograder-{os.getpid()}"

    def grade(files, *, without=(), **settings):
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("source", "submission", "results"):
            (folder / name).mkdir(parents=True)
        shutil.copyfile(CHECKS, folder / "source" / "checks.py")
        (folder / "source" / "settings.json").write_text(json.dumps(SETTINGS | settings))
        for name, content in files.items():
            (folder / "submission" / name).write_bytes(content)
        code = "import sys; sys.path[:0] = [sys.argv[2]]; from lecture_grader.autograder import main; "
        code += "from pathlib import Path; main(Path(sys.argv[1]))"
        done = as_in_docker(sys.executable, "-I", "-c", code, folder, ROOT, without=without)
        assert done.returncode == 0, done.stderr
        return json.loads((folder / "results" / "results.json").read_text()), done.stdout + done.stderr

    yield grade
    shutil.rmtree(folder, ignore_errors=True)


HOSTILE = """
import os, socket, signal, subprocess, urllib.request
from pathlib import Path
said = []
def attempt(name, act):
    try:
        said.append(f"{name}: {act()}")
    except BaseException as error:
        said.append(f"{name}: {type(error).__name__}")
folder = FOLDER
attempt("write", lambda: Path(folder, "results/results.json").write_text('{"score": 7}'))
attempt("settings", lambda: Path(folder, "source/settings.json").read_text())
attempt("list", lambda: os.listdir(folder))
attempt("internet", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
attempt("local", lambda: socket.socketpair()[0].family.name)
attempt("parent", lambda: os.kill(os.getppid(), signal.SIGKILL))
attempt("memory", lambda: open(f"/proc/{os.getppid()}/mem", "rb").read(1))
attempt("environ", lambda: open(f"/proc/{os.getppid()}/environ", "rb").read(1))
attempt("root", lambda: os.setuid(0))
attempt("user", lambda: os.getuid() in range(61_000, 63_000))
attempt("capabilities", lambda: [line for line in open("/proc/self/status") if line.startswith("CapEff")][0].split()[1])
subprocess.Popen(["sleep", "778.25"], start_new_session=True)
print("\\n".join(said))
raise RuntimeError(" | ".join(said))
"""


LEAVES_ONE = "import os, subprocess\nsubprocess.Popen(['sleep', '778.5'], start_new_session=True)\nos._exit(0)"


@in_a_container
def test_a_hostile_notebook_gains_nothing_where_no_namespace_can_be_made(autograder):
    cell = HOSTILE.replace("FOLDER", repr(f"/opt/lecture-autograder-{os.getpid()}"))
    # the text of an exception is shown where a visible case fails: here, what the attempts came to
    first = "# Task 9.1\ndef double(x):\n    raise KeyError(' | '.join(said))"
    # it is right in the only visible case, and names its input in each hidden one
    third = "# Task 9.3\ncalls = []\ndef reverse(word):\n    calls.append(word)\n"
    third += "    return word[::-1] if len(calls) == 1 else {}[f'{word} {word[::-1]}']"
    result, printed = autograder({"mine.ipynb": notebook([cell, first, RIGHT2, third])})
    assert "No namespaces" in printed and "a user of its own" in printed, printed
    assert SENTINEL not in json.dumps(result) + printed and SENTINEL[::-1] not in json.dumps(result) + printed
    by_number = {(t["number"], t["visibility"]): t for t in result["tests"] if "number" in t}
    assert result["score"] == 2
    assert [by_number[n, "visible"]["status"] for n in ("9.1", "9.2", "9.3")] == ["failed", "passed", "passed"]
    assert [by_number[n, "after_published"]["score"] for n in ("9.1", "9.2", "9.3")] == [0, 2, 0]
    said = by_number["9.1", "visible"]["output"].splitlines()[1].strip("'")
    assert dict(part.split(": ") for part in said.split(" | ")) == {
        **dict.fromkeys(("write", "settings", "list", "parent", "memory", "environ", "root"), "PermissionError"),
        **dict.fromkeys(("internet", "netlink"), "OSError"),
        "local": "AF_UNIX",
        "user": "True",
        "capabilities": "0" * 16,
    }
    assert subprocess.run(["pgrep", "-f", "sleep 778[.]25"], stdout=subprocess.DEVNULL).returncode == 1
    assert not [*Path("/tmp").glob("lecture-submission-*")]


@in_a_container
def test_a_right_notebook_has_all_points_and_the_student_sees_the_visible_cases_only(autograder):
    # one cell ends the worker, and leaves a process behind
    content = notebook([RIGHT1, LEAVES_ONE, RIGHT2, RIGHT3])
    result, _ = autograder({"09.ipynb": content, "notes.txt": b"mine"})
    assert result["score"] == EXERCISE.max_points and shown_at_once(result).count('"passed"') == 3
    assert subprocess.run(["pgrep", "-f", "sleep 778[.]5"], stdout=subprocess.DEVNULL).returncode == 1


@in_a_container
@pytest.mark.parametrize(
    ("files", "words"),
    [({}, "no notebook"), ({"a.ipynb": b'{"cells": ['}, "unreadable"), ({"a.ipynb": notebook([])}, "graded")],
    ids=["nothing", "damaged", "empty"],
)
def test_without_an_answer_the_student_reads_why(autograder, files, words):
    result, _ = autograder(files)
    assert result["score"] == 0 and words in result["output"]


@in_a_container
def test_no_mark_is_made_without_protection_unless_the_instructor_wants_it(autograder):
    files = {"a.ipynb": notebook([RIGHT1])}
    result, printed = autograder(files, without=[SYS_SETUID])
    assert result["score"] == 0 and "no mark" in result["output"] and "no protection is available" in printed
    assert [test["visibility"] for test in result["tests"]] == ["hidden"]
    result, printed = autograder(files, without=[SYS_SETUID], allow_unsandboxed=True)
    assert result["score"] == 1 and "NOT PROTECTED" in printed


@in_a_container
def test_a_fault_of_the_autograder_is_told(autograder):
    result, printed = autograder({"a.ipynb": notebook([RIGHT1])}, time_limit="soon")
    assert "no mark" in result["output"] and "soon" in printed and "soon" not in shown_at_once(result)
