import re

import nbformat
import pytest

from course_tools.lint import find_faults

FOLDED = {"tags": ["hide-input"], "jupyter": {"source_hidden": True}, "cellView": "form"}
PNG = {"image/png": "iVBORw0KGgo=", "text/plain": "x"}


def stream(name: str, text: str):
    return nbformat.v4.new_output("stream", name=name, text=text)


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
        (lambda n: n.cells[2].update(source="x = 1\ny = " + "1" * 85), "line 2 has 89 characters, at most 88"),
        (lambda n: n.cells[2].update(source="2", metadata=FOLDED), "folded, but its first line"),
        (lambda n: n.cells[0].update(source="x" * 1_100_000), "make the figures smaller"),
    ],
)
def test_each_fault_is_found(make_notebook, spoil, words):
    path = make_notebook("2")
    notebook = nbformat.read(path, as_version=4)
    for count, cell in enumerate(notebook.cells[1:], 1):
        cell.execution_count = count
    nbformat.write(notebook, path)
    assert find_faults(path) == []
    spoil(notebook)
    nbformat.write(notebook, path)
    faults = find_faults(path)
    assert len(faults) == 1
    assert re.search(words, faults[0])


def test_same_id_twice_is_found(make_notebook):
    path = make_notebook("2")
    path.write_text(path.read_text().replace('"cell-0"', '"title"'))
    (fault,) = find_faults(path)
    assert "Non-unique cell id 'title'" in fault
