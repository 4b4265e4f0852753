"""Running, storing, checking and converting notebooks, on small ones made for the test."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
from conftest import ROOT

from course_tools import notebooks as nb

LECTURE = [sys.executable, "-c", "from course_tools.cli import app; app(prog_name='lecture')"]


def lecture(*arguments, cwd=ROOT, **environment) -> subprocess.CompletedProcess:
    command = [*LECTURE, *map(str, arguments)]
    env = {**os.environ, "COLUMNS": "200", **environment}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)


# --- finding ---


def test_names():
    lectures = nb.find_notebooks()
    assert [p.name[:2] for p in lectures] == sorted(p.name[:2] for p in lectures) and len(lectures) >= 3
    assert nb.find_notebooks(["2"]) == nb.find_notebooks(["02"]) == [lectures[1]]
    assert nb.find_notebooks([str(lectures[0]), "1"]) == [lectures[0]]  # named twice, run once


def test_course_is_found_from_below_and_from_elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT / "lectures")
    assert nb.course_root() == ROOT
    monkeypatch.chdir(tmp_path)
    assert nb.course_root() == ROOT


@pytest.mark.parametrize("name", ["9", "lectures/02_simple_deep_learnin.ipynb", "README.md", "nope"])
def test_unknown_name_is_named(name):
    with pytest.raises(nb.CourseError, match=f"no notebook '{name}'"):
        nb.find_notebooks([name])


def test_near_miss_gets_a_suggestion():
    with pytest.raises(nb.CourseError, match=r"did you mean lectures/02_simple_deep_learning\.ipynb"):
        nb.find_notebooks(["02_simple_dep_learning.ipynb"])


def test_empty_folder(tmp_path):
    with pytest.raises(nb.CourseError, match="holds no notebook"):
        nb.find_notebooks([str(tmp_path)])


# --- running ---


def test_run_gives_parameters_device_and_progress(make_notebook, tmp_path):
    path = make_notebook("import os; print(profile, seed, os.environ['LECTURE_DEVICE'], os.getcwd())", "x = 1")
    before, seen, out = path.read_bytes(), [], tmp_path / "out"
    result = nb.run_notebook(
        path, out, profile="full", device="cpu", seed=7, on_cell=lambda cell, cells: seen.append((cell, cells))
    )
    assert (result.status, result.cells, result.failed_cell, result.error) == ("passed", 4, None, None)
    assert result.seconds > 0 and 20 < result.peak_rss_mb < 2000
    assert path.read_bytes() == before
    text = (out / "sample.ipynb").read_text()
    assert f"full 7 cpu {tmp_path}" in text
    assert "<html" in (out / "sample.html").read_text()
    assert [cell for cell, _ in seen] == sorted(cell for cell, _ in seen) and seen[-1] == (4, 4)
    assert sorted(p.name for p in out.iterdir()) == ["assets", "sample.html", "sample.ipynb"]


def test_pictures_reach_the_notebook_that_takes_them(make_notebook, tmp_path):
    (tmp_path / "mine").mkdir()
    paths = []
    for name, source in (("takes", 'profile = "quick"\nfolder = ""'), ("takes-not", 'profile = "quick"')):
        paths.append(make_notebook("print(globals().get('folder'))", name=name))
        notebook = nbformat.read(paths[-1], as_version=4)
        notebook.cells[1].source = source
        nbformat.write(notebook, paths[-1])
    done = lecture("run", *paths, "--pictures", "mine", "--out", "out", "--cold", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    results = [nbformat.read(tmp_path / "out" / path.name, as_version=4) for path in paths]
    assert [r.cells[-1].outputs[0].text.strip() for r in results] == [str(tmp_path / "mine"), "None"]
    useless = lecture("run", paths[1], "--pictures", "mine", "--out", "out", cwd=tmp_path)
    assert useless.returncode == 2 and "lectures 4 and 6" in useless.stderr and "Traceback" not in useless.stderr


def test_peak_memory_counts_what_the_notebook_held(make_notebook, tmp_path):
    grab = "block = bytearray(300_000_000); import time; time.sleep(0.3); del block"
    big = nb.run_notebook(make_notebook(grab), tmp_path / "out")
    in_child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{grab}'], check=True)"
    child = nb.run_notebook(make_notebook(in_child), tmp_path / "out")
    assert big.peak_rss_mb > 300 and child.peak_rss_mb > 300


def test_failing_cell_is_named_and_earlier_results_stay(make_notebook, tmp_path):
    out = tmp_path / "out"
    assert nb.run_notebook(make_notebook("1"), out).status == "passed"
    good = (out / "sample.ipynb").read_bytes()
    result = nb.run_notebook(make_notebook("1", "undefined_name", "2"), out)
    assert (result.status, result.failed_cell) == ("failed", 4)  # title, parameters, 1, undefined_name
    assert result.error == "NameError: name 'undefined_name' is not defined"
    assert (out / "sample.ipynb").read_bytes() == good
    assert "NameError" in (out / "sample.failed.ipynb").read_text()
    assert nb.run_notebook(make_notebook("1"), out).status == "passed"
    assert not (out / "sample.failed.ipynb").exists()  # out of date now


def test_dying_kernel_and_endless_cell(make_notebook, tmp_path):
    died = nb.run_notebook(make_notebook("import os; os._exit(1)"), tmp_path / "out")
    assert (died.status, died.failed_cell) == ("died", 3) and "memory" in died.error
    slow = nb.run_notebook(make_notebook("import time; time.sleep(60)"), tmp_path / "out", cell_timeout=2)
    assert (slow.status, slow.failed_cell) == ("timeout", 3) and "--cell-timeout" in slow.error
    assert slow.seconds < 30
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["sample.failed.ipynb"]


@pytest.mark.parametrize("content", ["{ not json", '{"cells": 3}', "", "[1]"])
def test_unreadable_notebook(content, tmp_path):
    path = tmp_path / "broken.ipynb"
    path.write_text(content)
    result = nb.run_notebook(path, tmp_path / "out")
    assert result.status == "unreadable" and "broken.ipynb is not a valid notebook" in result.error
    assert "\n" not in result.error and not (tmp_path / "out").exists()


def test_command_runs_all_and_says_which_failed(make_notebook, tmp_path):
    make_notebook("1", name="a_good", folder=tmp_path / "all")
    make_notebook("1/0", name="b_bad", folder=tmp_path / "all")
    (tmp_path / "all" / "c_broken.ipynb").write_text("{")
    make_notebook("2", name="d_good", folder=tmp_path / "all")
    report = tmp_path / "report.json"
    done = lecture("run", tmp_path / "all", "--out", tmp_path / "out", "--json", report, "--cold")
    assert done.returncode == 1
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
        (["run", "--out", "README.md"], "README.md is a file"),
        (["runn"], "runn"),
    ],
)
def test_wrong_usage_is_code_2_and_no_traceback(arguments, words):
    done = lecture(*arguments)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("polite", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_keeps_what_is_finished_and_leaves_no_process(make_notebook, tmp_path, polite):
    out, report, mark = tmp_path / "out", tmp_path / "report.json", tmp_path / "mark"
    make_notebook("1", name="a_first", folder=tmp_path / "all")
    long = (
        f"import subprocess; child = subprocess.Popen(['sleep', '500']); open({str(mark)!r}, 'w').write(str(child.pid))"
    )
    make_notebook(long, "import time; time.sleep(500)", name="b_second", folder=tmp_path / "all")
    make_notebook("1", name="c_never", folder=tmp_path / "all")
    command = [*LECTURE, "run", str(tmp_path / "all"), "--out", str(out), "--json", str(report)]
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


# --- storing and checking ---


def test_store_is_true_and_clean(make_notebook):
    slowly = "import time\nfor n in range(3):\n    print(n, flush=True)\n    time.sleep(0.3)"
    path = make_notebook("print(1 + 1)", "import torch; torch.ones(2)", slowly)
    nb.store_outputs(path)
    notebook = nbformat.read(path, as_version=4)
    assert [c.get("execution_count") for c in notebook.cells] == [None, 1, 2, 3, 4]
    assert notebook.cells[2].outputs[0].text == "2\n" and nb.find_faults(path) == []
    assert [output.text for output in notebook.cells[4].outputs] == ["0\n1\n2\n"]
    first = path.read_bytes()
    nb.store_outputs(path)
    assert path.read_bytes() == first


def test_store_leaves_a_failing_notebook_as_it_was(make_notebook):
    path = make_notebook("1/0")
    before = path.read_bytes()
    with pytest.raises(nb.CourseError, match="left as it was.*ZeroDivisionError"):
        nb.store_outputs(path)
    assert path.read_bytes() == before and [p.name for p in path.parent.iterdir()] == [path.name]


def test_figures_carry_their_text_into_notebook_and_page(make_notebook, tmp_path):
    path = make_notebook("from lecture_utils import subplots\nfig, ax = subplots(alt='a small test picture')\nfig")
    nb.store_outputs(path)
    (output,) = nbformat.read(path, as_version=4).cells[2].outputs
    assert output.metadata["image/png"]["alt"] == "a small test picture"
    nb.run_notebook(path, tmp_path / "out")
    page = (tmp_path / "out" / "sample.html").read_text()
    assert 'alt="a small test picture"' in page


def test_widget_leaves_a_still_picture(make_notebook):
    source = (
        "import ipywidgets\nfrom lecture_utils import explore, subplots\n"
        "def draw(k):\n    return subplots(alt=f'picture {k}')[0]\n"
        "explore(draw, k=ipywidgets.IntSlider(3))"
    )
    path = make_notebook(source)
    nb.store_outputs(path)
    (output,) = nbformat.read(path, as_version=4).cells[2].outputs
    assert sorted(output.data) == ["image/png", "text/plain"] and "picture 3" in output.data["text/plain"]
    assert nb.find_faults(path) == []
    nb.run_notebook(path, path.parent / "out")
    page = (path.parent / "out" / "sample.html").read_text()
    assert 'alt="picture 3"' in page and "<title>sample</title>" in page


def test_quiz_leaves_its_text_and_hides_its_code(make_notebook):
    path = make_notebook(
        "from lecture_utils import quiz\nquiz('Six or seven?', {6: 'Two threes.', 7: 'Odd.'}, answer=2 * 3)"
    )
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].metadata.update(tags=["hide-input"], slideshow={"slide_type": "slide"}, collapsed=True)
    nbformat.write(notebook, path)
    nb.store_outputs(path)
    cell = nbformat.read(path, as_version=4).cells[2]
    assert cell.metadata["jupyter"] == {"source_hidden": True} and cell.metadata["cellView"] == "form"
    assert sorted(cell.outputs[0].data) == ["text/html", "text/plain"] and "collapsed" not in cell.metadata
    assert nb.find_faults(path) == []
    nb.run_notebook(path, path.parent / "out")
    pages = [path.parent / "out" / "sample.html", nb.make_slides(path, path.parent / "slides")]
    for page in [page.read_text() for page in pages]:
        shown = re.sub(r"<[^>]+>", "", page)  # code is coloured word by word
        assert "<summary>Answer</summary>" in page and "2 * 3" not in shown
        assert 'profile = "quick"' in shown.replace("&quot;", '"'), "other code is there"
    del cell.metadata["jupyter"]
    notebook.cells[2] = cell
    nbformat.write(notebook, path)
    assert any("['jupyter']" in fault for fault in nb.find_faults(path))


PNG = {"image/png": "iVBORw0KGgo=", "text/plain": "x"}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda n: n.metadata.update(widgets={}), "metadata holds more or less"),
        (lambda n: n.metadata.language_info.update(version="3.11"), "metadata holds more or less"),
        (lambda n: n.cells[2].metadata.update(collapsed=True), r"metadata \['collapsed'\]"),
        (lambda n: n.cells[2].update(execution_count=9), "one run from top to bottom"),
        (lambda n: n.cells[2].update(outputs=[stream("stderr", "hm")]), "stored stderr"),
        (lambda n: n.cells[2].update(outputs=[stream("stdout", "x.py:1: UserWarning: old")]), "stored warning"),
        (
            lambda n: n.cells[2].update(outputs=[nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]),
            "error E",
        ),
        (
            lambda n: n.cells[2].update(outputs=[nbformat.v4.new_output("display_data", data=PNG)]),
            "without alternative",
        ),
        (lambda n: n.cells[0].update(source="![](a.png)"), "without alternative"),
        (lambda n: n.cells[0].update(source="<img src='a.png'>"), "without alternative"),
        (lambda n: n.cells[2].update(source="x = 1\n" * 26), "26 lines, at most 25"),
        (lambda n: n.cells[0].update(source="x" * 1_100_000), "make the figures smaller"),
    ],
)
def test_each_fault_is_found(make_notebook, spoil, words):
    path = make_notebook("2")
    notebook = nbformat.read(path, as_version=4)
    for count, cell in enumerate(notebook.cells[1:], 1):
        cell.execution_count = count
    nbformat.write(notebook, path)
    assert nb.find_faults(path) == []
    spoil(notebook)
    nbformat.write(notebook, path)
    faults = nb.find_faults(path)
    assert len(faults) == 1
    assert re.search(words, faults[0])


def stream(name: str, text: str):
    return nbformat.v4.new_output("stream", name=name, text=text)


def test_same_id_twice_is_found(make_notebook):
    path = make_notebook("2")
    path.write_text(path.read_text().replace('"cell-0"', '"title"'))
    (fault,) = nb.find_faults(path)
    assert "Non-unique cell id 'title'" in fault


def test_lint_command(make_notebook):
    path = make_notebook("1")  # never run
    done = lecture("lint", path)
    assert done.returncode == 1 and "one run from top to bottom" in done.stdout
    nb.store_outputs(path)
    assert lecture("lint", path).returncode == 0


# --- slides ---


def test_slides_need_no_network(make_notebook, tmp_path):
    path = make_notebook("print('shown on', 'a slide')")
    deck = nb.make_slides(path, tmp_path / "slides")
    page = deck.read_text()
    assert deck.name == "sample.slides.html" and "shown on a slide" not in page  # stored outputs only
    links = re.findall(r"""<(?:script|link)[^>]*(?:src|href)=["']([^"']+)["']""", page)
    assert len(links) >= 4
    for link in links:
        assert (deck.parent / link.partition("?")[0]).is_file(), link
    assert "<section" in page and "Reveal.initialize" in page


# --- the repository's address ---


@pytest.fixture
def small_course(tmp_path, make_notebook):
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\n[project.urls]\nRepository = "https://github.com/new/home"\n'
    )
    path = make_notebook(
        '%pip install --quiet --no-deps "lecture-utils @ git+https://github.com/old/place"',
        name="01_first",
        folder=tmp_path / "lectures",
    )
    badge = (
        "[![Open in Colab](x.svg)](https://colab.research.google.com/github/old/place/blob/main/lectures/wrong.ipynb)"
    )
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = badge
    nbformat.write(notebook, path)
    (tmp_path / "README.md").write_text(f"{badge}\ngit clone https://github.com/old/place\n")
    return tmp_path


def test_addresses_are_rewritten_everywhere(small_course, monkeypatch):
    done = lecture("badges", "--check", cwd=small_course)
    assert done.returncode == 1 and "01_first.ipynb" in done.stdout and "README.md" in done.stdout
    assert lecture("badges", cwd=small_course).returncode == 0
    text = (small_course / "lectures" / "01_first.ipynb").read_text()
    assert "github/new/home/blob/main/lectures/01_first.ipynb" in text and "git+https://github.com/new/home" in text
    readme = (small_course / "README.md").read_text()
    assert "old/place" not in text + readme and "git clone https://github.com/new/home\n" in readme
    nbformat.validate(nbformat.read(small_course / "lectures" / "01_first.ipynb", as_version=4))
    assert lecture("badges", "--check", cwd=small_course).returncode == 0


def test_unusable_address(small_course):
    project = small_course / "pyproject.toml"
    project.write_text(project.read_text().replace("https://github.com/new/home", "somewhere"))
    done = lecture("badges", cwd=small_course)
    assert done.returncode == 2 and "https://github.com/OWNER/NAME" in done.stderr
