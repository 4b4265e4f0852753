"""Pages for the browser, usable without a network: executed notebooks as HTML, stored ones as reveal.js decks."""

import ast
import base64
import contextlib
import importlib.util
import mimetypes
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

import nbformat
from nbconvert import HTMLExporter, SlidesExporter
from nbconvert.filters import markdown2html
from nbconvert.preprocessors import TagRemovePreprocessor

from course_tools.addresses import repository
from course_tools.notebooks import HIDDEN, CourseError, clean, course_root, read_notebook
from lecture_utils.files import write_text

_TEMPLATES = [str(Path(__file__).with_name("templates"))]


def write_page(notebook: nbformat.NotebookNode, path: Path, out: Path) -> None:
    """Write an executed notebook as a page into the folder ``out``; it gets the name of the file ``path``.

    Where the extra ``slides`` is not installed, the page takes MathJax from the network, to show formulas.
    """
    _export(HTMLExporter, "page", notebook, path, out / f"{path.stem}.html")


def make_slides(path: Path, out: Path, decks: Iterable[Path] = ()) -> Path:
    """Write the reveal.js deck ``NAME.slides.html`` of a notebook as stored into the folder ``out``.

    Links to the notebooks ``decks`` lead to their decks, other relative links to the repository. The speaker's window
    (key S) shows the Markdown of a cell's metadata ``slideshow: {"notes": "..."}``.

    Raises:
        CourseError: the notebook cannot be read, or the extra ``slides`` is not installed.
    """
    notebook = read_notebook(path)
    made = {deck.resolve() for deck in decks}

    def link(match: re.Match) -> str:
        return match[1] + _link_from_deck(match[2], path, out, made)

    cells = []
    for cell in _with_headings(_shown(notebook.cells)):
        cells.append(cell)
        if cell.cell_type == "markdown":
            source = re.sub(r"^\[Open in Colab\]\(.*\)$", "", cell.source, flags=re.MULTILINE)  # not from a slide
            cell.source = re.sub(r"(?<!!)(\[[^]]*\]\()([^)\s]+)", link, source)
        elif cell.cell_type == "code":
            cell.source = _without_alt(cell.source)
        if notes := cell.metadata.get("slideshow", {}).get("notes"):
            metadata = {"slideshow": {"slide_type": "notes"}}
            cells.append(nbformat.v4.new_markdown_cell(notes, metadata=metadata, id=_id_beside(cell, "notes")))
    notebook.cells = cells
    _copy_asset("sphinx_revealjs", "_static/revealjs", out / "assets" / "reveal")
    target = out / f"{path.stem}.slides.html"
    reveal = {"reveal_url_prefix": "assets/reveal", "reveal_theme": "white"}
    _export(SlidesExporter, "deck", notebook, path, target, **reveal)
    return target


def _export(
    kind: type[HTMLExporter], template: str, notebook: nbformat.NotebookNode, path: Path, target: Path, **options
) -> None:
    if importlib.util.find_spec("jupyter_server_mathjax"):
        _copy_asset("jupyter_server_mathjax", "static", target.parent / "assets" / "mathjax")
        options["mathjax_url"] = "assets/mathjax/MathJax.js?config=TeX-AMS-MML_HTMLorMML-full,Safe"
    exporter = kind(
        template_name=template, extra_template_basedirs=_TEMPLATES, extra_template_paths=_TEMPLATES, **options
    )
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _with_pictures(cell.source, path.parent)
    remove = TagRemovePreprocessor(remove_cell_tags={"remove-cell"}, remove_input_tags={HIDDEN})
    exporter.register_preprocessor(remove, enabled=True)
    resources = {"metadata": {"name": path.stem, "path": str(path.parent)}}
    write_text(target, exporter.from_notebook_node(clean(notebook), resources)[0])  # no widget works without a kernel


def _with_pictures(markdown: str, folder: Path) -> str:
    """Put the pictures that a cell shows from ``folder`` into the cell itself.

    nbconvert's ``embed_images`` would parse each piece of HTML by itself, and close a ``<details>`` before its answer.
    """

    def embed(match: re.Match) -> str:
        file = folder / unquote(match[2])
        kind = mimetypes.guess_type(file.name)[0] or ""
        if not kind.startswith("image/") or not file.is_file():
            return match[0]
        return f"{match[1]}data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"

    return re.sub(r"""(!\[[^]]*\]\(|<img\b[^>]*?\bsrc=["'])([^)"'\s:]+)""", embed, markdown)


def _shown(cells: Iterable[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Return the cells of which a slide shows something; where one that shows nothing begins a slide, the next does."""
    shown, begins = [], None
    for cell in cells:
        kind = _slide_type(cell)
        tags = cell.metadata.get("tags", [])
        if "remove-cell" in tags or (HIDDEN in tags and not cell.get("outputs")):
            if kind == "slide" or (kind == "subslide" and begins is None):
                begins = kind
            continue
        if begins and kind not in ("skip", "notes"):
            cell.metadata.setdefault("slideshow", {})["slide_type"] = "slide" if kind == "slide" else begins
            begins = None
        shown.append(cell)
    return shown


def _with_headings(cells: list[nbformat.NotebookNode]) -> Iterator[nbformat.NotebookNode]:
    """Put the heading of its section, small, above each slide that begins without one."""
    section = None
    for cell in cells:
        kind = _slide_type(cell)
        headings = []
        if cell.cell_type == "markdown" and kind not in ("skip", "notes"):
            text = re.sub(r"^(```|~~~).*?^\1", "", cell.source, flags=re.MULTILINE | re.DOTALL)
            headings = re.findall(r"^#{1,4} +(.+?) *#*$", text, re.MULTILINE)
        if section and kind in ("slide", "subslide") and not (headings and cell.source.lstrip().startswith("#")):
            words = re.sub(r" *\([^()]*[\u3040-\u9fff][^()]*\)$", "", section)  # no Japanese name
            words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", words)  # without links
            words = re.sub(r"^<p>|</p>\s*$", "", markdown2html(words))
            yield nbformat.v4.new_markdown_cell(
                f'<h3 class="continued">{words} <small>(continued)</small></h3>',
                metadata={"slideshow": {"slide_type": kind}},
                id=_id_beside(cell, "heading"),
            )
            cell.metadata.slideshow["slide_type"] = "-"
        yield cell
        section = headings[-1] if headings else section


def _without_alt(code: str) -> str:
    """Leave out of a slide's code what tells its picture to those who do not see it: ``alt=...``, ``alt = ...``."""
    try:
        tree = ast.parse(code)
    except SyntaxError:  # a line for IPython
        return code
    text = code.encode()
    starts = [0, *(match.end() for match in re.finditer(rb"\n", text))]
    for node in sorted(_alts_in(tree), key=lambda node: (node.lineno, node.col_offset), reverse=True):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        if isinstance(node, ast.Assign):
            before, after = rb"", rb"\n?"
        elif text[end : end + 1] == b",":  # its own comma goes, not the one in front
            before, after = rb"\s*", rb",\s*" if text[:start].rstrip().endswith(b"(") else rb","
        else:
            before, after = rb"(?:,\s*)?", rb""
        head = re.sub(before + rb"\Z", b"", text[:start], count=1)
        text = head + re.sub(rb"\A" + after, b"", text[end:], count=1)
    return text.decode().rstrip("\n")


def _alts_in(node: ast.AST) -> Iterator[ast.Assign | ast.keyword]:
    """Yield each ``alt = ...`` and ``alt=...`` that does not lie in another one."""
    for child in ast.iter_child_nodes(node):
        if (isinstance(child, ast.Assign) and ast.unparse(child.targets[0]) == "alt") or (
            isinstance(child, ast.keyword) and child.arg == "alt"
        ):
            yield child
        else:
            yield from _alts_in(child)


def _id_beside(cell: nbformat.NotebookNode, what: str) -> str:
    """Return the id of a cell that is added to another one; a longer one than 64 characters is invalid."""
    return f"{cell.get('id', '')}-{what}"[-64:]


def _slide_type(cell: nbformat.NotebookNode) -> str:
    """Return what a cell is to a deck: ``slide``, ``subslide``, ``fragment``, ``-``, ``skip`` or ``notes``."""
    return cell.metadata.get("slideshow", {}).get("slide_type") or "-"


def _copy_asset(package: str, folder: str, target: Path) -> None:
    """Copy what pages load from a folder of a Python package, if it is not there yet."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.origin:
        raise CourseError(f"the package {package} is missing: pip install 'lecture-utils[slides]'")
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            try:
                copied = shutil.copytree(Path(spec.origin).parent / folder, Path(scratch) / target.name)
            except shutil.Error as error:  # it lists every file, of hundreds
                raise OSError(error.args[0][0][2]) from error
            with contextlib.suppress(OSError):  # another run has copied it meanwhile
                copied.rename(target)


def _link_from_deck(link: str, path: Path, out: Path, decks: set[Path]) -> str:
    """Return where a link of the notebook ``path`` leads from its deck in the folder ``out``."""
    name, mark, part = link.partition("#")
    file = (path.parent / name).resolve()
    if not name or not file.exists():  # an address, or code such as `layers[0](x)`
        return link
    deck = f"{file.stem}.slides.html"
    is_beside = file in decks or (file.parent == path.resolve().parent and (out / deck).is_file())
    if file.suffix == ".ipynb" and is_beside:
        return deck
    with contextlib.suppress(CourseError, ValueError):
        root = course_root().resolve()
        kind = "tree" if file.is_dir() else "blob"
        return f"{repository(root)}/{kind}/main/{file.relative_to(root).as_posix()}{mark}{part}"
    return Path(os.path.relpath(file, out)).as_posix() + mark + part  # a file outside the course
