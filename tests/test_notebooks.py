"""Finding and reading notebooks."""

import pytest
from conftest import ROOT

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
