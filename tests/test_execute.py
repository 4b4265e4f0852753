"""Running notebooks and storing their outputs, on small ones made for the test."""

import importlib.util
import re

import nbformat
import pytest
from conftest import KERNEL

from course_tools.execute import run_notebook, store_outputs
from course_tools.lint import find_faults
from course_tools.notebooks import CourseError
from course_tools.pages import make_slides


def test_run_gives_parameters_device_and_progress(make_notebook, tmp_path):
    path = make_notebook("import os; print(profile, seed, os.environ['LECTURE_DEVICE'], os.getcwd())", "x = 1")
    before, seen, out = path.read_bytes(), [], tmp_path / "out"
    result = run_notebook(
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


def test_peak_memory_counts_what_the_notebook_held(make_notebook, tmp_path):
    grab = "block = bytearray(300_000_000); import time; time.sleep(0.3); del block"
    big = run_notebook(make_notebook(grab), tmp_path / "out")
    in_child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{grab}'], check=True)"
    child = run_notebook(make_notebook(in_child), tmp_path / "out")
    assert big.peak_rss_mb > 300 and child.peak_rss_mb > 300


def test_failing_cell_is_named_and_earlier_results_stay(make_notebook, tmp_path):
    out = tmp_path / "out"
    assert run_notebook(make_notebook("1"), out).status == "passed"
    good = (out / "sample.ipynb").read_bytes()
    path = make_notebook("1", "undefined_name", "2")
    result = run_notebook(path, out)
    assert (result.status, result.failed_cell) == ("failed", 4)  # title, parameters, 1, undefined_name
    assert result.error == "NameError: name 'undefined_name' is not defined"
    assert (out / "sample.ipynb").read_bytes() == good
    assert "NameError" in (out / "sample.failed.ipynb").read_text()
    assert run_notebook(make_notebook("1"), out).status == "passed"
    assert not (out / "sample.failed.ipynb").exists()  # out of date now


def without_ids(path, minor):
    """Make a notebook one of an older format, without metadata."""
    notebook = nbformat.read(path, as_version=4)
    notebook.nbformat_minor, notebook.metadata = minor, {}
    for cell in notebook.cells:
        del cell["id"]
    nbformat.write(notebook, path)


@pytest.mark.parametrize("minor", [0, 4, 5])
def test_failing_cell_is_named_in_a_notebook_without_ids_and_metadata(make_notebook, tmp_path, minor):
    path = make_notebook("undefined_name")
    without_ids(path, minor)
    result = run_notebook(path, tmp_path / "out", kernel=KERNEL)
    assert (result.status, result.failed_cell) == ("failed", 3)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import sys; sys.exit(0)", "SystemExit: 0; the cell ends the program"),
        ("import sys; sys.exit()", "SystemExit: the cell ends the program"),
        ("import sys; sys.exit('')", "SystemExit: the cell ends the program"),
        ("raise SystemExit", "SystemExit: the cell ends the program"),
        ("exit()", "SystemExit: the cell ends the program"),
        ("quit", "SystemExit: the cell ends the program"),
        ("get_ipython().ask_exit()", "SystemExit: the cell ends the program"),
        ("%no_such_magic", "UsageError: Line magic function `%no_such_magic` not found"),
        ("%%no_such_magic", "UsageError: Cell magic `%%no_such_magic` not found"),
        ("%timeit -z", "UsageError: option -z not recognized"),
        ("raise ValueError", "ValueError"),
        ("raise ValueError(chr(0xd800))", "surrogates not allowed"),
    ],
)
def test_a_cell_that_ends_the_run_is_named_with_its_reason(source, words, make_notebook, tmp_path):
    path = make_notebook(source, "assert False, 'not reached'")
    result = run_notebook(path, tmp_path / "out", kernel=KERNEL)
    assert (result.status, result.failed_cell) == ("failed", 3) and words in result.error
    assert "memory" not in result.error and not result.error.endswith((" ", ":"))
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["sample.failed.ipynb"]


@pytest.mark.parametrize("source", ["import sys; sys.exit(0)", "exit()"])
def test_a_last_cell_that_ends_the_program_has_not_passed(source, make_notebook, tmp_path):
    path = make_notebook("1", source)
    before = path.read_bytes()
    result = run_notebook(path, tmp_path / "out", kernel=KERNEL)
    assert (result.status, result.failed_cell) == ("failed", 4)
    with pytest.raises(CourseError, match="a cell failed: SystemExit: .*leave out exit"):
        store_outputs(path)
    assert path.read_bytes() == before


def test_an_error_of_a_cell_that_may_raise_is_that_cell_s(make_notebook, tmp_path):
    path = make_notebook("1/0", "print('reached')")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].metadata.tags = ["raises-exception"]
    nbformat.write(notebook, path)
    result = run_notebook(path, tmp_path / "out", kernel=KERNEL)
    assert (result.status, result.failed_cell, result.error) == ("failed", 3, "ZeroDivisionError: division by zero")
    assert "reached" in (tmp_path / "out" / "sample.failed.ipynb").read_text()


@pytest.mark.parametrize("name", ["a{b}", "{", "100%", "日本 & ’x’"])
def test_a_name_is_only_a_name(name, make_notebook, tmp_path):
    path = make_notebook("print(profile)", name=name, folder=tmp_path / name)
    assert run_notebook(path, tmp_path / name / "out", kernel=KERNEL).status == "passed"
    executed = nbformat.read(tmp_path / name / "out" / path.name, as_version=4)
    assert executed.cells[-1].outputs[0].text == "quick\n" and executed.metadata.papermill.input_path == str(path)


def test_a_byte_order_mark_is_no_fault(make_notebook, tmp_path):
    path = make_notebook("1")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert run_notebook(path, tmp_path / "out", kernel=KERNEL).status == "passed"


def test_what_a_library_stumbles_over_is_the_result_of_one_notebook(make_notebook, tmp_path, monkeypatch):
    def stumble(*_):
        raise ZeroDivisionError("of nbconvert")

    monkeypatch.setattr("course_tools.execute.write_page", stumble)
    result = run_notebook(make_notebook("1"), tmp_path / "out", kernel=KERNEL)
    assert (result.status, result.error) == ("failed", "ZeroDivisionError: of nbconvert")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["sample.ipynb"], "what was computed is kept"


def test_dying_kernel_and_endless_cell(make_notebook, tmp_path):
    died = run_notebook(make_notebook("import os; os._exit(1)"), tmp_path / "out")
    assert (died.status, died.failed_cell) == ("died", 3) and "memory" in died.error
    slow = run_notebook(make_notebook("import time; time.sleep(60)"), tmp_path / "out", cell_timeout=2)
    assert (slow.status, slow.failed_cell) == ("timeout", 3) and "--cell-timeout" in slow.error
    assert slow.seconds < 30
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["sample.failed.ipynb"]


@pytest.mark.parametrize("content", ["{ not json", '{"cells": 3}', "", "[1]", "[" * 100_000])
def test_unreadable_notebook(content, tmp_path):
    path = tmp_path / "broken.ipynb"
    path.write_text(content)
    result = run_notebook(path, tmp_path / "out")
    assert result.status == "unreadable" and "broken.ipynb is not a valid notebook" in result.error
    assert "\n" not in result.error and not (tmp_path / "out").exists()


def test_store_is_true_and_clean(make_notebook):
    slowly = "import time\nfor n in range(3):\n    print(n, flush=True)\n    time.sleep(0.3)"
    vanished = "from IPython.display import display\ndisplay({}, raw=True)"  # as live curves are in the end
    path = make_notebook("print(1 + 1)", "import math; [math.pi]", slowly, vanished)
    store_outputs(path)
    notebook = nbformat.read(path, as_version=4)
    assert [c.get("execution_count") for c in notebook.cells] == [None, 1, 2, 3, 4, 5]
    assert notebook.cells[2].outputs[0].text == "2\n" and find_faults(path) == []
    assert [output.text for output in notebook.cells[4].outputs] == ["0\n1\n2\n"] and notebook.cells[5].outputs == []
    first = path.read_bytes()
    store_outputs(path)
    assert path.read_bytes() == first


def test_store_leaves_a_failing_notebook_as_it_was(make_notebook):
    path = make_notebook("1/0")
    before = path.read_bytes()
    with pytest.raises(CourseError, match="left as it was.*ZeroDivisionError"):
        store_outputs(path)
    assert path.read_bytes() == before and [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_result_needs_no_package_of_the_decks(make_notebook, tmp_path, monkeypatch):
    """A student has not got the extra `slides`: the page then asks the network for what draws formulas."""
    found = importlib.util.find_spec
    absent = ("jupyter_server_mathjax", "sphinx_revealjs")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name in absent else found(name, *a))
    path = make_notebook("6 * 7", folder=tmp_path / "in")
    assert run_notebook(path, tmp_path / "out", kernel=KERNEL).status == "passed"
    assert nbformat.read(tmp_path / "out" / path.name, 4).cells[-1].outputs[0]["data"]["text/plain"] == "42"
    page = (tmp_path / "out" / f"{path.stem}.html").read_text()
    assert re.search(r'src="https://[^"]*mathjax[^"]*"', page) and "assets/mathjax" not in page
    with pytest.raises(CourseError, match=r"lecture-utils\[slides\]"):
        make_slides(path, tmp_path / "out")
