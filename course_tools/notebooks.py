"""Notebooks as files: run them with papermill, store true outputs, check them, make slides.

What ends up at a final path was written whole elsewhere first and moved there.
"""

import contextlib
import difflib
import importlib.util
import json
import logging
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import tomllib
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
from nbformat.warnings import DuplicateCellId

from lecture_utils.files import atomic_write

PROFILES = ("quick", "full")
MAX_CELL_LINES = 25
MAX_BYTES = 1_000_000
_WIDGET = "application/vnd.jupyter.widget-view+json"
HIDDEN = "hide-input"  # of a quiz: the code holds the answers, so it is folded away (the tag is Jupyter Book's)


class CourseError(RuntimeError):
    """A request that cannot be met; the message is one line that says what to do."""


# --- finding -------------------------------------------------------------------------------------


def course_root() -> Path:
    """The course's folder: the one we are in (or below), else the one this package lies in.

    Raises:
        CourseError: neither holds ``lectures/``.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (folder / "lectures").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    raise CourseError("no course found: go to the folder that holds lectures/, or name notebook files")


def find_notebooks(names: Iterable[str] = (), folder: str = "lectures") -> list[Path]:
    """The notebooks that names mean: a number, a file or a folder; none: all of the course's folder.

    Raises:
        CourseError: a name fits nothing; the message lists what there is.
    """
    names = list(names)
    if not names:
        return find_notebooks([str(course_root() / folder)])
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
            raise CourseError(_unknown(name, folder))
        found += [m for m in matches if m not in found]
    return found


def _unknown(name: str, folder: str) -> str:
    if Path(name).is_dir():
        return f"the folder {name} holds no notebook (*.ipynb)"
    with contextlib.suppress(CourseError):
        known = [p.name for p in find_notebooks(folder=folder)]
        near = difflib.get_close_matches(Path(name).name, known, n=1, cutoff=0.5)
        hint = f"did you mean {folder}/{near[0]}?" if near else f"{folder}: {', '.join(known)}"
        return f"no notebook {name!r}: give a number, a .ipynb file or a folder; {hint}"
    return f"no notebook {name!r}: give a .ipynb file or a folder"


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """Read and validate a notebook.

    Raises:
        CourseError: not a notebook, or one in an old format.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DuplicateCellId)  # otherwise mended in silence, with a random id
            notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=nbformat.NO_CONVERT)
            nbformat.validate(notebook)
    except (
        OSError,
        DuplicateCellId,
        UnicodeDecodeError,
        ValueError,
        AttributeError,
        KeyError,
        nbformat.ValidationError,
    ) as error:
        reason = str(error).strip().splitlines()
        raise CourseError(
            f"{path.name} is not a valid notebook ({reason[0] if reason else type(error).__name__}): "
            f"restore it (git checkout {path.name}) or save it again from Jupyter"
        ) from error
    if notebook.nbformat != 4:
        raise CourseError(f"{path.name} has the old notebook format {notebook.nbformat}: open and save it in Jupyter")
    return notebook


# --- running -------------------------------------------------------------------------------------


@dataclass
class RunResult:
    """What became of one notebook; ``lecture run --json`` writes these.

    ``status`` is ``passed``, ``failed`` (a cell raised), ``timeout``, ``died`` (its kernel did),
    ``unreadable`` or ``interrupted``. ``failed_cell`` counts cells from 1 as Jupyter shows them.
    """

    name: str
    status: str
    seconds: float
    peak_rss_mb: float
    cells: int
    failed_cell: int | None = None
    error: str | None = None


class _PeakMemory(threading.Thread):
    """The largest memory (bytes) that a process and its children have held, sampled: RSS, where files that a child
    maps, such as the libraries that the process has as well, count once. A warm kernel's memory counts in full, as if
    it were alone, also where it still shares it with the process it was forked from."""

    def __init__(self, interval: float = 0.05):
        super().__init__(daemon=True)
        self.peak, self.process, self._done, self._interval = 0, None, threading.Event(), interval

    def run(self) -> None:
        import psutil

        while not self._done.wait(self._interval):
            with contextlib.suppress(psutil.Error):
                if self.process is not None:
                    family = [self.process, *self.process.children(recursive=True)]
                    held = [p.memory_info() for p in family]
                    shared = sum(getattr(child, "shared", 0) for child in held[1:])
                    self.peak = max(self.peak, sum(memory.rss for memory in held) - shared)

    def watch(self, pid: int) -> None:
        import psutil

        with contextlib.suppress(psutil.Error):
            self.process = psutil.Process(pid)

    def stop(self) -> None:
        self._done.set()


def run_notebook(
    path: Path,
    out: Path,
    *,
    profile: str = "quick",
    device: str = "auto",
    seed: int = 0,
    folder: Path | None = None,
    cell_timeout: int = 600,
    kernel: str = "python3",
    on_cell: Callable[[int, int], None] = lambda cell, cells: None,
) -> RunResult:
    """Execute a notebook with papermill; write it and an HTML page of it into ``out``.

    Args:
        path: the notebook, which is not changed. It runs in its own folder.
        out: a folder. ``NAME.ipynb`` and ``NAME.html`` appear there only when all cells ran; a
            notebook that fails is kept as ``NAME.failed.ipynb``.
        profile, seed: given to the cell tagged ``parameters``, where the notebook has one.
        folder: pictures of one's own, for a notebook whose parameters have a ``folder``.
        device: what ``get_device()`` returns there, through ``LECTURE_DEVICE``.
        cell_timeout: seconds that one cell may take.
        kernel: its name, ``python3`` or what ``warm.kernel_name()`` says; the notebook itself keeps asking for its own.
        on_cell: called with the number of the cell that starts (from 1) and of all cells.

    Raises:
        KeyboardInterrupt: passed on after the kernel has been stopped.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    start = time.perf_counter()
    memory = _PeakMemory()
    result = RunResult(path.stem, "passed", 0.0, 0.0, 0)
    failed = out / f"{path.stem}.failed.ipynb"
    try:
        notebook = read_notebook(path)
    except CourseError as error:
        result.status, result.error = "unreadable", str(error)
        return result
    result.cells = len(notebook.cells)
    parameters = {"profile": profile, "seed": seed} if _parameters_cell(notebook) else {}
    if folder and takes_folder(notebook):
        parameters["folder"] = str(folder.resolve())
    current = 0

    def cell_starts(cell_id: str) -> None:
        nonlocal current
        # papermill adds a cell with the parameters: count the notebook's own
        current = next((n for n, c in enumerate(notebook.cells, 1) if c.get("id") == cell_id), current)
        on_cell(current, result.cells)

    environment = {**os.environ} if device == "auto" else {**os.environ, "LECTURE_DEVICE": device}
    memory.start()
    try:
        with atomic_write(out / f"{path.stem}.ipynb") as draft:
            try:
                papermill.execute_notebook(
                    path,
                    draft,
                    parameters=parameters,
                    engine_name=_register_engine(),
                    request_save_on_cell_execute=False,  # saving after every cell costs a quarter of the time
                    draft=draft,
                    kernel_name=kernel,
                    progress_bar=False,
                    cwd=path.parent,
                    cell_starts=cell_starts,
                    kernel_starts=memory.watch,
                    cell_timeout=cell_timeout,
                    environment=environment,
                )
            except (PapermillExecutionError, CellTimeoutError, DeadKernelError) as error:
                with atomic_write(failed) as kept:
                    shutil.copyfile(draft, kept)
                raise error
            with atomic_write(out / f"{path.stem}.html") as page:
                page.write_text(_html(draft, path, out), encoding="utf-8")
        failed.unlink(missing_ok=True)
    except PapermillExecutionError as error:
        result.status, result.error = "failed", f"{error.ename}: {error.evalue}"
    except CellTimeoutError:
        result.status, result.error = "timeout", f"ran longer than {cell_timeout} s: give it more with --cell-timeout"
    except DeadKernelError:
        result.status = "died"
        result.error = "the kernel died: most often memory ran out (try a smaller batch_size), or native code crashed"
    finally:
        memory.stop()
        result.seconds = round(time.perf_counter() - start, 2)
        result.peak_rss_mb = round(memory.peak / 2**20, 1)
    if result.status != "passed":
        result.failed_cell = current
    return result


def _parameters_cell(notebook: nbformat.NotebookNode) -> str:
    return "".join(cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))


def takes_folder(notebook: nbformat.NotebookNode) -> bool:
    """Whether a notebook's parameters have a ``folder``, for pictures of one's own."""
    return re.search(r"^folder\b", _parameters_cell(notebook), re.MULTILINE) is not None


def _register_engine() -> str:
    """Teach papermill an engine that tells which cell starts and which process the kernel is."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import NBClientEngine, papermill_engines
    from papermill.log import logger

    class WatchedEngine(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, manager, kernel_name, **options):
            cell_starts, kernel_starts = options["cell_starts"], options["kernel_starts"]

            async def started(notebook) -> None:
                kernel_starts(client.km.provisioner.pid)

            async def cell_started(cell, cell_index) -> None:
                cell_starts(cell.get("id"))

            client = PapermillNotebookClient(
                manager,
                kernel_name=kernel_name,
                timeout=options["cell_timeout"],
                on_notebook_start=started,
                on_cell_start=cell_started,
                log=logger,
            )
            try:
                # what a dying kernel prints is summed up in one line of the result
                return client.execute(env=options["environment"], stderr=subprocess.DEVNULL)
            except (CellTimeoutError, DeadKernelError):
                nbformat.write(manager.nb, options["draft"])
                raise

    for noisy in (logger, logging.getLogger("asyncio")):  # the result says it in one line
        noisy.setLevel(logging.CRITICAL)
    papermill_engines.register("watched", WatchedEngine)
    return "watched"


def write_results(results: list[RunResult], path: Path) -> None:
    """Write results as a JSON array of objects, whole or not at all."""
    with atomic_write(path) as draft:
        draft.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")


# --- pages and slides ----------------------------------------------------------------------------


def _html(executed: Path, path: Path, out: Path) -> str:
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(raw_template=_PAGE, mathjax_url=_offline_assets(out)["mathjax"])
    return _export(exporter, nbformat.read(executed, as_version=4), path)


def _export(exporter, notebook: nbformat.NotebookNode, path: Path) -> str:
    from nbconvert.preprocessors import TagRemovePreprocessor

    remove = TagRemovePreprocessor(remove_cell_tags={"remove-cell"}, remove_input_tags={HIDDEN})
    exporter.register_preprocessor(remove, enabled=True)
    clean(notebook)  # a page has no kernel: still pictures for widgets
    return exporter.from_notebook_node(notebook, {"metadata": {"name": path.stem, "path": str(path.parent)}})[0]


def _offline_assets(out: Path) -> dict[str, str]:
    """Copy MathJax and reveal.js beside the pages, from the Python packages that carry them."""
    sources = {
        "mathjax": ("jupyter_server_mathjax", "static", "MathJax.js?config=TeX-AMS-MML_HTMLorMML-full,Safe"),
        "reveal": ("sphinx_revealjs", "_static/revealjs", ""),
    }
    urls = {}
    for name, (package, folder, query) in sources.items():
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise CourseError(f"the package {package} is missing: install the extra, pip install -e '.[slides]'")
        source, target = Path(spec.submodule_search_locations[0]) / folder, out / "assets" / name
        if not target.is_dir():
            with tempfile.TemporaryDirectory(dir=_made(out / "assets")) as scratch:
                shutil.copytree(source, Path(scratch) / name)
                with contextlib.suppress(OSError):  # another run was faster
                    (Path(scratch) / name).rename(target)
        urls[name] = f"assets/{name}/{query}".rstrip("/")
    return urls


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# nbconvert's templates leave out a picture's alternative text, and load require.js, jQuery and
# Mermaid from the network; neither our pages nor reveal.js need them.
_PAGE = """{%- extends 'index.html.j2' -%}
{%- block html_head_js -%}
<script type="text/x-mathjax-config">
MathJax.Hub.Config({"HTML-CSS": {
  fonts: ["STIX-Web"],
  styles: {"@font-face": {src: "local('MathJax_Blank')"}}  // else about:blank, refused to a page on a disk
}});
</script>
<style>.MJX_Assistive_MathML [mathvariant] { font-family: inherit !important; }  /* no font we lack */</style>
{%- endblock -%}
{%- block data_png scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output" data-mime-type="image/png">
<img src="data:image/png;base64,{{ output.data['image/png'] | replace("\n", "") }}"
 alt="{{ output | get_metadata('alt', 'image/png') | escape_html }}">
</div>
{%- endblock -%}
"""

_DECK = (
    _PAGE
    + """
{%- block html_head_css -%}
<style>
:root { --jp-code-font-size: 17px; }  /* 120 characters are as wide as a slide */
.reveal .slides { text-align: left; }
.reveal .jp-OutputArea pre { width: auto; margin: 0; box-shadow: none; font-size: inherit; }
.reveal :is(.jp-InputArea, .jp-OutputArea-output, .jp-RenderedMarkdown) { overflow: visible; }
.reveal .jp-Notebook-cell pre { white-space: break-spaces; word-break: normal; overflow-wrap: anywhere; }
.reveal .jp-Notebook-cell { padding: 2px 0; }
.reveal h1 { font-size: 1.6em; } .reveal h2 { font-size: 1.3em; } .reveal h3 { font-size: 1.1em; }
.reveal :is(h1, h2, h3) { text-transform: none !important; }
.jp-RenderedImage img { max-height: 420px; width: auto; }
.jp-InputPrompt, .jp-OutputPrompt { display: none; }
.reveal .controls { font-size: 6px; }  /* arrows that hide no text */
</style>
{%- endblock -%}
{% block footer_js %}
<script src="{{ resources.reveal.url_prefix }}/dist/reveal.js"></script>
<script src="{{ resources.reveal.url_prefix }}/plugin/notes/notes.js"></script>
<script>
Reveal.initialize({
  controls: true, progress: true, history: true, transition: "none", slideNumber: "c/t",
  plugins: [RevealNotes], width: 1280, height: 720, center: false, margin: 0.04
});
</script>
{% endblock footer_js %}
"""
)


def make_slides(path: Path, out: Path, decks: Iterable[Path] = ()) -> Path:
    """Write the reveal.js deck ``NAME.slides.html`` of a notebook as stored; needs no network.

    What the presenter should know stands in the metadata of cells, ``slideshow: {"notes": "..."}``, as Markdown; the
    window for the speaker (key S) shows it.

    Args:
        decks: notebooks whose decks are made too: links lead to those, other relative links to the repository.

    Raises:
        CourseError: the notebook cannot be read, or the extra ``slides`` is not installed.
    """
    from nbconvert import SlidesExporter

    notebook = read_notebook(path)
    urls = _offline_assets(out)
    exporter = SlidesExporter(
        raw_template=_DECK, reveal_url_prefix=urls["reveal"], mathjax_url=urls["mathjax"], reveal_theme="white",
        embed_images=True,
    )  # fmt: skip
    made = {deck.resolve() for deck in decks}
    for cell in [cell for cell in notebook.cells if cell.cell_type == "markdown"]:
        source = re.sub(r"\[!\[[^]]*\]\(https?:[^)]*\)\]\([^)]*\)", "", cell.source)  # badges are fetched
        cell.source = re.sub(
            r"(?<!!)(\[[^]]*\]\()([^)\s]+)", lambda m: m[1] + _link_from_deck(m[2], path, out, made), source
        )
    notebook.cells = [shown for cell in notebook.cells for shown in (cell, *_notes(cell))]
    target = out / f"{path.stem}.slides.html"
    with atomic_write(target) as draft:
        draft.write_text(_export(exporter, notebook, path), encoding="utf-8")
    return target


def _notes(cell: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    """For the presenter alone, so not in a cell of the notebook, which students read from top to bottom."""
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
    beside = file in decks or (file.parent == path.resolve().parent and (out / deck).is_file())
    if file.suffix == ".ipynb" and beside:
        return deck
    with contextlib.suppress(CourseError, ValueError):
        root = course_root().resolve()
        kind = "tree" if file.is_dir() else "blob"
        return f"{_repository(root)}/{kind}/main/{file.relative_to(root).as_posix()}{mark}{part}"
    return Path(os.path.relpath(file, out)).as_posix() + mark + part  # not of the course


# --- storing and checking ------------------------------------------------------------------------


def store_outputs(path: Path, *, cell_timeout: int = 600) -> None:
    """Restart, run all, and store the outputs in the notebook itself, without execution noise.

    Raises:
        CourseError: a cell failed; the notebook is left as it was.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError

    notebook = read_notebook(path)
    client = NotebookClient(
        notebook,
        timeout=cell_timeout,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # in how many pieces a text arrives depends on the clock
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        with tempfile.TemporaryDirectory() as scratch:  # what a solution solves is not the author's progress
            environment = {**os.environ, "LECTURE_PROGRESS": f"{scratch}/progress.json"}
            client.execute(env=environment, stderr=subprocess.DEVNULL)
    except (CellControlSignal, DeadKernelError) as error:
        reason = str(error).strip().splitlines()[0]
        if isinstance(error, CellExecutionError):
            reason = f"{error.ename}: {error.evalue}"
        raise CourseError(f"{path.name} was left as it was, a cell failed: {reason}") from error
    clean(notebook)
    with atomic_write(path) as draft:
        nbformat.write(notebook, draft)


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop, in place, what differs from run to run or only works while a kernel lives."""
    notebook.metadata = nbformat.NotebookNode(
        kernelspec={"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    for cell in notebook.cells:
        cell.metadata = _clean_metadata(cell)
        for output in cell.get("outputs", []):
            if {"image/png", "text/html"} & set(output.get("data", {})):
                output.data.pop(_WIDGET, None)  # the still picture or the text stays
    return notebook


def _clean_metadata(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    kept = {key: value for key, value in cell.metadata.items() if key in ("slideshow", "tags", "nbgrader")}
    if HIDDEN in kept.get("tags", []):  # as JupyterLab and Colab write it
        kept |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
    return nbformat.from_dict(kept)


def find_faults(path: Path) -> list[str]:
    """What keeps a notebook from being committed; an empty list if nothing does.

    Checked: valid format, distinct cell ids, metadata without noise, outputs of one run from top
    to bottom, no error, nothing on stderr, no warning, alternative text on every picture, cells
    and file not too long.
    """
    try:
        notebook = read_notebook(path)
    except CourseError as error:
        return [str(error)]
    faults = []
    if path.stat().st_size > MAX_BYTES:
        faults.append(f"{path.stat().st_size} bytes: at most {MAX_BYTES}, make the figures smaller")
    wanted = {"kernelspec", "language_info"}
    if set(notebook.metadata) != wanted or set(notebook.metadata.get("language_info", {})) != {"name"}:
        faults.append(f"the notebook's metadata holds more or less than {sorted(wanted)}: lecture store {path.name}")
    executed = 0
    for number, cell in enumerate(notebook.cells, 1):
        where = f"cell {number} ({cell.get('id')})"
        if cell.metadata != (right := _clean_metadata(cell)):
            changed = sorted(k for k in {*cell.metadata, *right} if cell.metadata.get(k) != right.get(k))
            faults.append(f"{where}: metadata {changed} not as lecture store leaves it")
        if cell.cell_type == "markdown":
            faults += [f"{where}: picture without alternative text" for _ in _pictures_without_text(cell.source)]
            continue
        if cell.cell_type != "code":
            continue
        lines = sum(bool(line.strip()) for line in cell.source.splitlines())
        if lines > MAX_CELL_LINES:
            faults.append(f"{where}: {lines} lines, at most {MAX_CELL_LINES}")
        if cell.source.strip():
            executed += 1
            if cell.execution_count != executed:
                faults.append(f"{where}: not the outputs of one run from top to bottom: lecture store {path.name}")
        faults += [f"{where}: {fault}" for output in cell.outputs for fault in _output_faults(output)]
    return faults


def _pictures_without_text(markdown: str) -> list[str]:
    tags = re.findall(r"<img\b[^>]*>", markdown)
    return re.findall(r"!\[\s*\]\(", markdown) + [t for t in tags if not re.search(r"""\balt=["'][^"']""", t)]


def _output_faults(output) -> Iterator[str]:
    if output.output_type == "error":  # papermill fails on it even where a cell is tagged raises-exception
        yield f"stored error {output.ename}: catch it with try and except, and print it"
    if output.get("name") == "stderr":
        yield "stored stderr"
    text = output.get("text", "") + str(output.get("data", {}).get("text/plain", ""))
    if re.search(r"\w*Warning:", text):
        yield "stored warning"
    if _WIDGET in output.get("data", {}):
        yield "stored widget, which no reader without a kernel can show"
    if "image/png" in output.get("data", {}) and not output.metadata.get("image/png", {}).get("alt"):
        yield "picture without alternative text: draw it with lecture_utils.subplots"


# --- the repository's address --------------------------------------------------------------------


def _repository(root: Path) -> str:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = project["urls"]["Repository"].rstrip("/").removesuffix(".git")
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        raise CourseError(f"[project.urls] Repository is {address!r}: it must be https://github.com/OWNER/NAME")
    return address


def rewrite_addresses(root: Path) -> dict[Path, str]:
    """New contents for the files whose badges and set-up cells name another repository.

    The address is ``[project.urls] Repository`` of ``pyproject.toml``; a notebook's badge opens
    that notebook itself.

    Raises:
        CourseError: the address is not of the form ``https://github.com/OWNER/NAME``.
    """
    slug, any_slug = _repository(root).removeprefix("https://github.com/"), r"[\w.-]+/[\w.-]+"
    changed = {}
    notebooks = [p for folder in ("lectures", "exercises") for p in sorted((root / folder).glob("*.ipynb"))]
    for path in [*notebooks, *sorted(root.glob("README*.md"))]:
        old = path.read_text(encoding="utf-8")
        new = re.sub(rf"(research\.google\.com/github/){any_slug}(/)", rf"\g<1>{slug}\g<2>", old)
        new = re.sub(rf"(https://github\.com/){any_slug}(/actions)", rf"\g<1>{slug}\g<2>", new)
        new = re.sub(rf"(git clone https://github\.com/){any_slug}", rf"\g<1>{slug}", new)
        new = re.sub(rf'(git\+https://github\.com/){any_slug}(?=[\\"])', rf"\g<1>{slug}", new)
        if path.suffix == ".ipynb":
            here = path.relative_to(root).as_posix()
            new = re.sub(r"(/blob/main/)[\w./-]+\.ipynb", rf"\g<1>{here}", new)
        if new != old:
            changed[path] = new
    return changed
