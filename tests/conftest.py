"""Fixtures that several test files share."""

import os
import shutil
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

# what the tests solve is not the reader's own progress
os.environ["LECTURE_PROGRESS"] = str(Path(tempfile.gettempdir()) / f"lecture-progress-{os.getpid()}.json")
ROOT = Path(__file__).resolve().parents[1]
LECTURES = sorted((ROOT / "lectures").glob("*.ipynb"))


@pytest.fixture
def make_notebook(tmp_path):
    """Write a small notebook: strings become code cells, the first one holds the parameters."""

    def make(*sources: str, name: str = "sample", folder: Path = tmp_path) -> Path:
        parameters = new_code_cell('profile = "quick"\nseed = 0', id="parameters", metadata={"tags": ["parameters"]})
        cells = [new_markdown_cell("# Sample", id="title"), parameters]
        cells += [new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)]
        kernelspec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
        metadata = {"kernelspec": kernelspec, "language_info": {"name": "python"}}
        path = folder / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=cells, metadata=metadata), path)
        return path

    return make


@pytest.fixture
def archives(tmp_path, monkeypatch):
    """A function that copies the archives of a torchvision data set, where LECTURE_DATA holds them.

    The copy becomes LECTURE_DATA: no test writes into the original.
    """

    def copy(folder: str) -> Path:
        source = Path(os.environ.get("LECTURE_DATA", "")) / folder / "raw"
        if not os.environ.get("LECTURE_DATA") or not list(source.glob("*.gz")):
            pytest.skip(f"LECTURE_DATA holds no archives of {folder}")
        root = tmp_path / "data"
        (root / folder / "raw").mkdir(parents=True)
        for archive in source.glob("*.gz"):
            shutil.copyfile(archive, root / folder / "raw" / archive.name)
        monkeypatch.setenv("LECTURE_DATA", str(root))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        return root

    return copy
