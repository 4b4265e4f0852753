"""The course's notebooks as files: finds and reads them, and removes what differs from run to run."""

import contextlib
import warnings
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat.warnings import DuplicateCellId

from lecture_grader.text import one_line

WIDGET = "application/vnd.jupyter.widget-view+json"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
HIDDEN = "hide-input"  # Jupyter Book's tag, which folds code that draws, sets up, or holds the answer to a quiz


class CourseError(RuntimeError):
    """A request that cannot be met; the message is one line that says what to do."""


def course_root() -> Path:
    """Return the course's folder: the working directory or one above it, or else the one that holds this package.

    Raises:
        CourseError: there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (folder / "lectures").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    raise CourseError("no course found: go to the folder that holds lectures/, or name notebook files")


def find_notebooks(names: Iterable[str] = (), folder: str = "lectures") -> list[Path]:
    """Return the notebooks that ``names`` mean, each once, in the order in which they are named.

    Args:
        names: numbers, ``.ipynb`` files or folders; without any, all notebooks of the course's ``folder``.
        folder: the course's folder in which numbers are looked up.

    Raises:
        CourseError: there is no such notebook; the message lists those there are.
    """
    names = list(names) or [str(course_root() / folder)]
    found: list[Path] = []
    for name in names:
        path = Path(name)
        if name.isdecimal():
            matches = sorted((course_root() / folder).glob(f"{int(name):02d}_*.ipynb"))
        elif path.is_dir():
            matches = sorted(path.glob("*.ipynb"))
        else:
            matches = [path] if path.is_file() and path.suffix == ".ipynb" else []
        if not matches:
            raise CourseError(_explain_unknown(name, folder))
        found += [match for match in matches if match not in found]
    return found


def _explain_unknown(name: str, folder: str) -> str:
    if Path(name).is_dir():
        return f"the folder {name} holds no notebook (*.ipynb)"
    with contextlib.suppress(CourseError):
        known = ", ".join(path.name for path in find_notebooks(folder=folder))
        return f"no notebook {name!r}: give a number, a .ipynb file or a folder; {folder}/ holds {known}"
    return f"no notebook {name!r}: give a .ipynb file or a folder"


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """Read and validate a notebook.

    Raises:
        CourseError: the file is not a notebook, or one in an old format.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DuplicateCellId)  # or nbformat would replace the id by a random one
            notebook = nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=nbformat.NO_CONVERT)
            newest = min(notebook.nbformat_minor, nbformat.current_nbformat_minor)  # that nbformat knows
            is_newer = newest < notebook.nbformat_minor
            nbformat.validate(notebook, version=notebook.nbformat, version_minor=newest, relax_add_props=is_newer)
        if notebook.nbformat == nbformat.current_nbformat:
            _check_metadata(notebook)
    except Exception as error:  # of any kind, since nbformat uses a file before it validates it
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        reason = "nested too deeply" if isinstance(error, RecursionError) else one_line(reason)
        raise CourseError(
            f"{path.name} is not a valid notebook ({reason}): "
            f"restore it (git checkout {path.name}) or save it again from Jupyter"
        ) from error
    if notebook.nbformat != 4:
        raise CourseError(f"{path.name} has the old notebook format {notebook.nbformat}: open and save it in Jupyter")
    return notebook


def _check_metadata(notebook: nbformat.NotebookNode) -> None:
    """Raise ValueError where metadata that papermill, nbconvert or the course use are no objects: no schema says so."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    for part in (notebook, *notebook.cells, *outputs):
        for key in ("papermill", "slideshow", "nbgrader", "image/png"):
            if not isinstance(value := part.get("metadata", {}).get(key, {}), dict):
                raise ValueError(f"the metadata {key} are {value!r}, not an object")
    nbformat.writes(notebook).encode()  # a lone surrogate can be neither run nor stored


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Remove from a notebook what differs from run to run or needs a running kernel; return the same notebook."""
    notebook.metadata = nbformat.NotebookNode(
        kernelspec=KERNELSPEC,
        language_info={"name": "python"},
    )
    for cell in notebook.cells:
        cell.metadata = clean_metadata(cell)
        if "outputs" in cell:  # a picture that `progress_bar` drew while a loop ran leaves an empty output
            cell.outputs = [one for one in cell.outputs if one.output_type != "display_data" or one.data]
        for output in cell.get("outputs", []):
            if {"image/png", "text/html"} & set(output.get("data", {})):
                output.data.pop(WIDGET, None)  # the picture or the text stays
    return notebook


def clean_metadata(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the metadata that a cell keeps in the repository; a hidden input is marked for JupyterLab and Colab."""
    kept = {key: value for key, value in cell.metadata.items() if key in ("slideshow", "tags", "nbgrader")}
    if HIDDEN in kept.get("tags", []):
        kept |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
    return nbformat.from_dict(kept)
