"""Pages for the browser: an executed notebook as HTML, a stored one as a reveal.js deck. Neither needs a network."""

import contextlib
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter, SlidesExporter
from nbconvert.preprocessors import TagRemovePreprocessor

from course_tools.addresses import repository
from course_tools.notebooks import HIDDEN, CourseError, clean, course_root, read_notebook
from lecture_utils.files import write_text

_TEMPLATES = str(Path(__file__).with_name("templates"))
_ASSETS = {  # the Python package that carries it, and where
    "mathjax": ("jupyter_server_mathjax", "static"),
    "reveal": ("sphinx_revealjs", "_static/revealjs"),
}


def write_page(executed: Path, path: Path, out: Path) -> Path:
    """Write the page ``NAME.html`` of an executed notebook.

    Args:
        executed: the notebook with its outputs.
        path: the notebook that it was made from, which gives the page its name.
        out: a folder; MathJax goes into its subfolder ``assets``.

    Raises:
        CourseError: the extra ``slides`` is not installed.
    """
    target = out / f"{path.stem}.html"
    exporter = _exporter(HTMLExporter, "page", mathjax_url=_copy_mathjax(out))
    write_text(target, _export(exporter, nbformat.read(executed, as_version=4), path))
    return target


def make_slides(path: Path, out: Path, decks: Iterable[Path] = ()) -> Path:
    """Write the reveal.js deck ``NAME.slides.html`` of a notebook as stored.

    What the presenter should know stands in the metadata of cells, ``slideshow: {"notes": "..."}``, as Markdown; the
    window for the speaker (key S) shows it.

    Args:
        path: the notebook.
        out: a folder; MathJax and reveal.js go into its subfolder ``assets``.
        decks: notebooks whose decks are made too. Links lead to those; other relative links lead to the repository.

    Raises:
        CourseError: the notebook cannot be read, or the extra ``slides`` is not installed.

    >>> make_slides(Path("lectures/02_simple_deep_learning.ipynb"), Path("build/slides"))  # doctest: +SKIP
    PosixPath('build/slides/02_simple_deep_learning.slides.html')
    """
    notebook = read_notebook(path)
    made = {deck.resolve() for deck in decks}

    def link(match: re.Match) -> str:
        return match[1] + _link_from_deck(match[2], path, out, made)

    for cell in [cell for cell in notebook.cells if cell.cell_type == "markdown"]:
        source = re.sub(r"\[!\[[^]]*\]\(https?:[^)]*\)\]\([^)]*\)", "", cell.source)  # badges are fetched
        cell.source = re.sub(r"(?<!!)(\[[^]]*\]\()([^)\s]+)", link, source)
    notebook.cells = [shown for cell in notebook.cells for shown in (cell, *_notes(cell))]
    exporter = _exporter(
        SlidesExporter,
        "deck",
        mathjax_url=_copy_mathjax(out),
        reveal_url_prefix=_copy_asset("reveal", out),
        reveal_theme="white",
        embed_images=True,
    )
    target = out / f"{path.stem}.slides.html"
    write_text(target, _export(exporter, notebook, path))
    return target


def _exporter(kind: type[HTMLExporter], template: str, **options) -> HTMLExporter:
    exporter = kind(
        template_name=template, extra_template_basedirs=[_TEMPLATES], extra_template_paths=[_TEMPLATES], **options
    )
    remove = TagRemovePreprocessor(remove_cell_tags={"remove-cell"}, remove_input_tags={HIDDEN})
    exporter.register_preprocessor(remove, enabled=True)
    return exporter


def _export(exporter: HTMLExporter, notebook: nbformat.NotebookNode, path: Path) -> str:
    clean(notebook)  # a page has no kernel: still pictures for widgets
    return exporter.from_notebook_node(notebook, {"metadata": {"name": path.stem, "path": str(path.parent)}})[0]


def _copy_mathjax(out: Path) -> str:
    return f"{_copy_asset('mathjax', out)}/MathJax.js?config=TeX-AMS-MML_HTMLorMML-full,Safe"


def _copy_asset(name: str, out: Path) -> str:
    """Copy what pages load from the Python package that carries it to ``out``; its address there."""
    package, folder = _ASSETS[name]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CourseError(f"the package {package} is missing: pip install 'lecture-utils[slides]'")
    assets = out / "assets"
    if not (assets / name).is_dir():
        assets.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=assets) as scratch:
            copy = shutil.copytree(Path(spec.submodule_search_locations[0]) / folder, Path(scratch) / name)
            with contextlib.suppress(OSError):  # another run was faster
                copy.rename(assets / name)
    return f"assets/{name}"


def _notes(cell: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    """The presenter's notes as a cell of the deck. They are in no cell of the notebook, which students read."""
    if words := cell.metadata.get("slideshow", {}).get("notes"):
        metadata = {"slideshow": {"slide_type": "notes"}}
        yield nbformat.v4.new_markdown_cell(words, metadata=metadata, id=f"{cell.get('id', '')}-notes")


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
