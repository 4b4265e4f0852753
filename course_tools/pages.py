"""Pages for the browser: an executed notebook as HTML, a stored one as a reveal.js deck. Neither needs a network."""

import contextlib
import copy
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter, SlidesExporter
from nbconvert.preprocessors import TagRemovePreprocessor

from course_tools.addresses import repository
from course_tools.notebooks import HIDDEN, CourseError, clean, course_root, read_notebook
from lecture_utils.files import write_text

_TEMPLATES = [str(Path(__file__).with_name("templates"))]


def write_page(notebook: nbformat.NotebookNode, path: Path, out: Path) -> None:
    """Write an executed notebook as the page ``NAME.html`` into the folder ``out``, named as the file ``path``.

    Raises:
        CourseError: the extra ``slides`` is not installed.
    """
    _export(HTMLExporter, "page", notebook, path, out / f"{path.stem}.html")


def make_slides(path: Path, out: Path, decks: Iterable[Path] = ()) -> Path:
    """Write the reveal.js deck ``NAME.slides.html`` of a notebook as stored into the folder ``out``.

    Links lead to the decks of the notebooks ``decks``; other relative links lead to the repository. The window for the
    speaker (key S) shows the Markdown of a cell's metadata ``slideshow: {"notes": "..."}``.

    Raises:
        CourseError: the notebook cannot be read, or the extra ``slides`` is not installed.
    """
    notebook = read_notebook(path)
    made = {deck.resolve() for deck in decks}

    def link(match: re.Match) -> str:
        return match[1] + _link_from_deck(match[2], path, out, made)

    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "markdown":
            source = re.sub(r"\[!\[[^]]*\]\(https?:[^)]*\)\]\([^)]*\)", "", cell.source)  # badges are fetched
            cell.source = re.sub(r"(?<!!)(\[[^]]*\]\()([^)\s]+)", link, source)
        if notes := cell.metadata.get("slideshow", {}).get("notes"):  # not a cell of the notebook that students read
            metadata = {"slideshow": {"slide_type": "notes"}}
            cells.append(nbformat.v4.new_markdown_cell(notes, metadata=metadata, id=f"{cell.get('id', '')}-notes"))
    notebook.cells = cells
    _copy_asset("sphinx_revealjs", "_static/revealjs", out / "assets" / "reveal")
    target = out / f"{path.stem}.slides.html"
    reveal = {"reveal_url_prefix": "assets/reveal", "reveal_theme": "white", "embed_images": True}
    _export(SlidesExporter, "deck", notebook, path, target, **reveal)
    return target


def _export(
    kind: type[HTMLExporter], template: str, notebook: nbformat.NotebookNode, path: Path, target: Path, **options
) -> None:
    _copy_asset("jupyter_server_mathjax", "static", target.parent / "assets" / "mathjax")
    exporter = kind(
        template_name=template,
        extra_template_basedirs=_TEMPLATES,
        extra_template_paths=_TEMPLATES,
        mathjax_url="assets/mathjax/MathJax.js?config=TeX-AMS-MML_HTMLorMML-full,Safe",
        **options,
    )
    remove = TagRemovePreprocessor(remove_cell_tags={"remove-cell"}, remove_input_tags={HIDDEN})
    exporter.register_preprocessor(remove, enabled=True)
    resources = {"metadata": {"name": path.stem, "path": str(path.parent)}}
    still = clean(copy.deepcopy(notebook))  # a page has no kernel: still pictures for widgets
    write_text(target, exporter.from_notebook_node(still, resources)[0])


def _copy_asset(package: str, folder: str, target: Path) -> None:
    """Copy what pages load from the Python package that carries it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.origin:
        raise CourseError(f"the package {package} is missing: pip install 'lecture-utils[slides]'")
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            copied = shutil.copytree(Path(spec.origin).parent / folder, Path(scratch) / target.name)
            with contextlib.suppress(OSError):  # another run was faster
                copied.rename(target)


def _link_from_deck(link: str, path: Path, out: Path, decks: set[Path]) -> str:
    """A link of the notebook ``path``, as its deck in ``out`` needs it."""
    name, mark, part = link.partition("#")
    file = (path.parent / name).resolve()
    if not name or not file.exists():  # an address, or no link at all: `layers[0](x)`
        return link
    deck = f"{file.stem}.slides.html"
    is_beside = file in decks or (file.parent == path.resolve().parent and (out / deck).is_file())
    if file.suffix == ".ipynb" and is_beside:
        return deck
    with contextlib.suppress(CourseError, ValueError):
        root = course_root().resolve()
        kind = "tree" if file.is_dir() else "blob"
        return f"{repository(root)}/{kind}/main/{file.relative_to(root).as_posix()}{mark}{part}"
    return Path(os.path.relpath(file, out)).as_posix() + mark + part  # not of the course
