"""What other doors than `python start.py` need: containers, editors, releases."""

import json
import os
import re
import shutil
import subprocess
import tomllib

import nbformat
import pytest
import yaml
from conftest import KERNEL, ROOT

from course_tools.execute import run_notebook

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEV = ROOT / ".devcontainer"
RELEASE = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]["release"]


def test_the_container_takes_a_python_with_wheels_and_starts_as_students_do():
    (low, high) = re.findall(r"3\.(\d+)", PROJECT["requires-python"])
    config = json.loads((DEV / "devcontainer.json").read_text())
    dockerfile = (DEV / "Dockerfile").read_text()
    for image in (config["image"], re.search(r"^FROM (\S+)", dockerfile, re.MULTILINE)[1]):
        assert int(low) <= int(re.search(r"python:3\.(\d+)", image)[1]) < int(high), image
        assert "alpine" not in image, "no wheels of PyTorch there"
    assert config["postCreateCommand"] == "python start.py --no-open"
    assert "RUN python start.py --no-open" in dockerfile and '["python", "start.py", "--no-browser"' in dockerfile
    opened = config["customizations"]["codespaces"]["openFiles"]
    assert opened and all((ROOT / name).exists() for name in opened)


def test_the_container_leaves_out_what_its_build_makes():
    """A virtual environment of the machine outside would be taken for the container's own."""
    left_out = (DEV / "Dockerfile.dockerignore").read_text().split()
    assert {".venv", ".git", "build"} <= set(left_out)


def test_editors_get_the_extensions_of_the_container():
    wanted = json.loads((ROOT / ".vscode/extensions.json").read_text())["recommendations"]
    config = json.loads((DEV / "devcontainer.json").read_text())
    assert set(config["customizations"]["vscode"]["extensions"]) <= set(wanted)
    settings = json.loads((ROOT / ".vscode/settings.json").read_text())
    assert settings["python.defaultInterpreterPath"].endswith("/.venv")


# --- a release: the steps of the workflow, run here


@pytest.fixture
def copy(tmp_path):
    """The course at version 1.2.0, with a git of its own, and no `make`."""
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "lecture_utils").mkdir()
    text = (ROOT / "lecture_utils/__init__.py").read_text()
    version = PROJECT.get("version") or re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]
    (tmp_path / "lecture_utils/__init__.py").write_text(text.replace(f'"{version}"', '"1.2.0"'))
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.0 - 2026-12-01\n\n- new\n\n## 1.1.0\n\n- old\n")
    (tmp_path / "lectures").mkdir()
    (tmp_path / "lectures/01.ipynb").write_text("{}")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    (tmp_path / "bin").mkdir()
    for name in ("make", "python", "gh"):  # what was called, instead of calling it
        (tmp_path / "bin" / name).write_text(f'#!/bin/sh\necho {name} "$@" >> "{tmp_path}/called"\n')
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def release(folder, tag: str) -> subprocess.CompletedProcess:
    script = "\n".join(step["run"] for step in RELEASE["steps"] if "run" in step)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "TAG": tag, "PATH": path}
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_a_tag_makes_a_release_with_its_own_changes(copy):
    done = release(copy, "v1.2.0")
    assert done.returncode == 0, done.stderr
    assert (copy / "dist/changes.md").read_text().strip() == "- new"
    listed = subprocess.run(["git", "archive", "HEAD"], cwd=copy, capture_output=True).returncode
    assert listed == 0 and (copy / "dist/pytorch-lectures-1.2.0.zip").stat().st_size > 100
    called = (copy / "called").read_text()
    assert "make lint" in called and "pip wheel" in called
    assert re.search(
        r"^gh release create v1\.2\.0 .*pytorch-lectures-1\.2\.0\.zip .*changes\.md$", called, re.MULTILINE
    )


@pytest.mark.parametrize("tag", ["v1.2.1", "v1.2", "v11.2.0"])
def test_a_tag_that_is_not_the_version_makes_none(copy, tag):
    assert release(copy, tag).returncode != 0
    assert "gh release" not in ((copy / "called").read_text() if (copy / "called").exists() else "")


def test_a_release_without_a_word_on_its_changes_is_none(copy):
    (copy / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- new\n")
    done = release(copy, "v1.2.0")
    assert done.returncode != 0 and "CHANGELOG.md has no section ## 1.2.0" in done.stdout


# --- the start page


def test_the_start_page_leads_to_every_notebook_and_runs(tmp_path, monkeypatch):
    notebook = nbformat.read(ROOT / "START.ipynb", as_version=4)
    nbformat.validate(notebook)
    text = "\n".join(cell.source for cell in notebook.cells)
    links = set(re.findall(r"\]\(([^)#]+)\)", text))
    names = {f"{folder}/{p.name}" for folder in ("lectures", "exercises") for p in (ROOT / folder).glob("*.ipynb")}
    assert len(names) == 12 and names <= links and all((ROOT / link).exists() for link in links)
    for path in sorted((ROOT / "lectures").glob("*.ipynb")):
        (title,) = re.findall(r"^# Lecture (\d): (.+?) \((.+)\)$", nbformat.read(path, 4).cells[0].source, re.MULTILINE)
        assert "[{}. {}](lectures/{}) (".format(*title[:2], path.name) in text
    assert all(cell.execution_count is None and not cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    monkeypatch.setenv("LECTURE_PROGRESS", str(tmp_path / "progress.jsonl"))
    shutil.copy(ROOT / "START.ipynb", tmp_path)
    assert run_notebook(tmp_path / "START.ipynb", tmp_path / "out", kernel=KERNEL).status == "passed"
    (shown,) = nbformat.read(tmp_path / "out" / "START.ipynb", 4).cells[2].outputs
    assert "Exercise 6 [....................] 0 of 25 points" in shown["data"]["text/plain"]


def test_the_page_that_opens_is_the_start_page():
    assert '"/lab/tree/START.ipynb"' in (ROOT / "start.py").read_text()
