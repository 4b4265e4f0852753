import nbformat
import pytest
from commands import invoke

OTHERS = """
https://github.com/old/place/actions/workflows/ci.yml https://mybinder.org/v2/gh/old/place/main?urlpath=lab
[Read it online](https://old.github.io/place/) [オンラインの本](https://old.github.io/place/)
https://hub.example.org/hub/user-redirect/git-pull?repo=https://github.com/old/place&branch=main
"""


@pytest.fixture
def small_course(tmp_path, make_notebook, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\n[project.urls]\nRepository = "https://github.com/new/home"\n'
    )
    (tmp_path / "lecture_utils").mkdir()
    (tmp_path / "lecture_utils/__init__.py").write_text('import os\n\n__version__ = "2.10.0"\n')
    path = make_notebook(
        'release = "0.1.0"  # of the course\n%pip install git+https://github.com/old/place@v{release}',
        name="01_first",
        folder=tmp_path / "lectures",
    )
    badge = (
        "[![Open in Colab](x.svg)](https://colab.research.google.com/github/old/place/blob/main/lectures/wrong.ipynb)"
    )
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = badge
    nbformat.write(notebook, path)
    (tmp_path / "solutions").mkdir()
    nbformat.write(notebook, tmp_path / "solutions" / "01_tensors.ipynb")
    (tmp_path / "docs").mkdir()
    for page in ("README.md", "CONTRIBUTING.md", "docs/instructors.md"):
        (tmp_path / page).write_text(f"{badge}\ngit clone https://github.com/old/place\n{OTHERS}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_addresses_are_rewritten_everywhere(small_course):
    done = invoke("badges", "--check")
    assert done.exit_code == 1 and "01_first.ipynb" in done.stdout and "README.md" in done.stdout
    assert invoke("badges").exit_code == 0
    text = (small_course / "lectures" / "01_first.ipynb").read_text()
    assert (
        "github/new/home/blob/main/lectures/01_first.ipynb" in text
        and "git+https://github.com/new/home@v{release}" in text
    )
    assert 'release = \\"2.10.0\\"  # of the course' in text
    readme = (small_course / "README.md").read_text()
    assert "old/place" not in text + readme and "git clone https://github.com/new/home\n" in readme
    for page in ("CONTRIBUTING.md", "docs/instructors.md"):
        text = (small_course / page).read_text()
        assert "old" not in text and text.count("new/home") == 5
        assert text.count("https://new.github.io/home/") == 2
    solution = (small_course / "solutions" / "01_tensors.ipynb").read_text()  # exercises/ is made from it
    assert "github/new/home/blob/main/exercises/01_tensors.ipynb" in solution and "old/place" not in solution
    nbformat.validate(nbformat.read(small_course / "lectures" / "01_first.ipynb", as_version=4))
    assert invoke("badges", "--check").exit_code == 0


def test_a_course_without_a_version_is_told(small_course):
    (small_course / "lecture_utils/__init__.py").write_text("version = 3\n")
    done = invoke("badges")
    assert done.exit_code == 2 and '__version__ = "1.2.0"' in done.stderr


def test_unusable_address(small_course):
    project = small_course / "pyproject.toml"
    project.write_text(project.read_text().replace("https://github.com/new/home", "somewhere"))
    done = invoke("badges")
    assert done.exit_code == 2 and "https://github.com/OWNER/NAME" in done.stderr


@pytest.mark.parametrize("project", ["", "[project", "[project]\nurls = 3", "[project.urls]\nRepository = 3", "\udcff"])
def test_an_unreadable_project_is_told(small_course, project):
    (small_course / "pyproject.toml").write_bytes(project.encode("utf-8", "surrogateescape"))
    done = invoke("badges")
    assert done.exit_code == 2 and "pyproject.toml" in done.stderr and done.stderr.count("\n") == 1


def test_a_page_that_is_no_text_is_told(small_course):
    page = small_course / "README.md"
    page.write_bytes("日本".encode("utf-16"))
    done = invoke("badges")
    assert done.exit_code == 2 and "README.md is not in UTF-8" in done.stderr and page.read_bytes()[0] == 0xFF
