"""Finding and reading notebooks."""

import json

import pytest
from conftest import ROOT
from hypothesis import given, settings, strategies

from course_tools.lint import find_faults
from course_tools.notebooks import CourseError, course_root, find_notebooks, read_notebook


def test_names():
    lectures = find_notebooks()
    assert [p.name[:2] for p in lectures] == sorted(p.name[:2] for p in lectures) and len(lectures) >= 3
    assert find_notebooks(["2"]) == find_notebooks(["02"]) == [lectures[1]]
    assert find_notebooks([str(lectures[0]), "1"]) == [lectures[0]]  # named twice, run once


def test_course_is_found_from_below_and_from_elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT / "lectures")
    assert course_root() == ROOT
    monkeypatch.chdir(tmp_path)
    assert course_root() == ROOT


@pytest.mark.parametrize("name", ["9", "lectures/02_simple_deep_learnin.ipynb", "README.md", "nope"])
def test_unknown_name_is_named(name):
    with pytest.raises(CourseError, match=f"no notebook '{name}'"):
        find_notebooks([name])


def test_unknown_name_is_answered_with_those_that_there_are():
    with pytest.raises(CourseError, match=r"lectures/ holds .*02_simple_deep_learning\.ipynb, 03_"):
        find_notebooks(["02_simple_dep_learning.ipynb"])


def test_empty_folder(tmp_path):
    with pytest.raises(CourseError, match="holds no notebook"):
        find_notebooks([str(tmp_path)])


def test_same_id_twice_is_found(make_notebook):
    path = make_notebook("2")
    path.write_text(path.read_text().replace('"cell-0"', '"title"'))
    with pytest.raises(CourseError, match="Non-unique cell id 'title'"):
        read_notebook(path)


def test_an_old_format_is_told(tmp_path):
    path = tmp_path / "old.ipynb"
    path.write_text('{"metadata": {"name": "old"}, "nbformat": 3, "nbformat_minor": 0, "worksheets": []}')
    with pytest.raises(CourseError, match="old notebook format 3"):
        read_notebook(path)


# --- files that are no notebooks ------------------------------------------------------------------

SMALL = {
    "cells": [
        {
            "cell_type": "markdown",
            "id": "title",
            "metadata": {"slideshow": {"slide_type": "slide", "notes": "a note"}},
            "source": "# Title",
            "attachments": {"a.png": {"image/png": "iVBORw0KGgo="}},
        },
        {
            "cell_type": "code",
            "id": "code",
            "metadata": {"tags": ["parameters"], "nbgrader": {"points": 1}, "papermill": {}},
            "source": ["x = 1\n", "x"],
            "execution_count": 1,
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": "1\n"},
                {
                    "output_type": "display_data",
                    "data": {"image/png": "iVBORw0KGgo=", "text/plain": "x"},
                    "metadata": {"image/png": {"alt": "x"}},
                },
                {"output_type": "error", "ename": "E", "evalue": "", "traceback": []},
            ],
        },
    ],
    "metadata": {
        "kernelspec": {"display_name": "Python 3", "name": "python3"},
        "language_info": {"name": "python"},
        "papermill": {},
    },
    "nbformat": 4,
    "nbformat_minor": 5,
}


def places(data, place=()):
    """Where something stands in nested lists and dicts."""
    yield place
    for key in data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else []:
        yield from places(data[key], (*place, key))


def replaced(data, place, value):
    """A copy with another value at this place; None of a place removes what stands there."""
    if not place:
        return value
    copy = data.copy()
    if value is ... and len(place) == 1:
        del copy[place[0]]
    else:
        copy[place[0]] = replaced(data[place[0]], place[1:], value)
    return copy


@pytest.mark.parametrize("minor", [5, 4, 9])
@pytest.mark.parametrize("value", [..., None, [], {}, "x", 1.5, "\ud800"], ids=repr)
def test_whatever_is_wrong_in_a_file_is_one_line(minor, value, tmp_path):
    """Each part of a notebook is missing once, or is something else; the notebook can be read then, or it is told."""
    small = SMALL | {"nbformat_minor": minor}
    if minor < 5:
        small["cells"] = [{key: part for key, part in cell.items() if key != "id"} for cell in small["cells"]]
    path = tmp_path / "odd.ipynb"
    for place in places(small):
        if value is ... and not place:
            continue
        path.write_text(json.dumps(replaced(small, place, value)))
        assert all("\n" not in fault for fault in find_faults(path)), place  # it reads the notebook


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "text",
    [
        DEEP,
        json.dumps(SMALL).replace('"Python 3"', "[" * 900 + "]" * 900),
        json.dumps(SMALL).replace('"nbformat_minor": 5', f'"nbformat_minor": {"9" * 5000}'),
        *(json.dumps({"worksheets": sheets, "nbformat": 3, "nbformat_minor": 0}) for sheets in (None, [None], 3)),
        *(json.dumps({"worksheets": sheets, "nbformat": 2, "nbformat_minor": 0}) for sheets in (None, [None], 3)),
        json.dumps(SMALL | {"nbformat": 5}),
        "null",
        "NaN",
        "",
    ],
    ids=range(13),
)
def test_no_notebook_at_all_is_one_line(text, tmp_path):
    path = tmp_path / "odd.ipynb"
    path.write_text(text)
    with pytest.raises(CourseError, match=r"^odd\.ipynb ") as caught:
        read_notebook(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    assert find_faults(path) == [str(caught.value)]


@settings(max_examples=100, deadline=None)
@given(strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=3)
    | strategies.dictionaries(strategies.sampled_from([
        "cells", "metadata", "nbformat", "nbformat_minor", "cell_type", "source", "outputs", "output_type", "data",
        "tags", "id", "worksheets", "kernelspec", "slideshow",
    ]), inner, max_size=5), max_leaves=30,
))  # fmt: skip
def test_any_json_is_a_notebook_or_is_told(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "odd.ipynb"
    if isinstance(data, dict):
        data = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}} | data
    path.write_text(json.dumps(data))
    find_faults(path)  # it reads the notebook


def test_a_byte_order_mark_is_no_fault(make_notebook):
    path = make_notebook("1")
    before = read_notebook(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_notebook(path) == before
