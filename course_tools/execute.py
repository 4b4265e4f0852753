"""Executes notebooks: with papermill into a folder of results, or in place, to store outputs for readers."""

import base64
import contextlib
import logging
import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import ERROR_MARKER_TAG
from papermill.log import logger

from course_tools.notebooks import CourseError, clean, read_notebook
from course_tools.pages import write_page
from lecture_utils.files import atomic_write

for repeats in (logger, logging.getLogger("asyncio")):  # they would log what the result says
    repeats.setLevel(logging.CRITICAL)

_ENDED = "the cell ends the program, and no cell after it runs: leave out exit() or sys.exit()"


@dataclass
class RunResult:
    """How the run of one notebook ended; ``lecture run --json`` writes one such object for each.

    Attributes:
        name: the file's name without its suffix.
        status: ``passed``, ``failed`` (a cell raised), ``timeout``, ``died`` (the kernel ended), ``unreadable`` or
            ``interrupted``.
        seconds: wall time, the start of the kernel and the writing of the page included.
        peak_rss_mb: the most memory that the kernel and its children held, in MiB.
        cells: how many cells the notebook has.
        failed_cell: the cell that ran last, counted from 1; None where all of them ran.
        error: one sentence for the reader; None where there was no error.
    """

    name: str
    status: str = "passed"
    seconds: float = 0.0
    peak_rss_mb: float = 0.0
    cells: int = 0
    failed_cell: int | None = None
    error: str | None = None


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
    """Execute a notebook in its own folder; write it and an HTML page of it into ``out``.

    ``NAME.ipynb`` and then ``NAME.html`` are written when all cells ran; a notebook that fails is kept as
    ``NAME.failed.ipynb``.

    Args:
        path: of the notebook.
        out: the folder of results.
        profile, seed: given to the cell tagged ``parameters``, where the notebook has one.
        device: what ``get_device()`` returns there, through ``LECTURE_DEVICE``; ``auto`` changes nothing.
        folder: the reader's own pictures, for a notebook whose parameters have a ``folder``.
        cell_timeout: seconds that one cell may take.
        kernel: ``python3``, or the name that ``kernel_name()`` chose; the written notebook keeps its own.
        on_cell: called with the number of the cell that starts (from 1) and the number of cells.

    """
    start = time.perf_counter()
    try:
        notebook = read_notebook(path)  # papermill would accept invalid ones
    except CourseError as error:
        return RunResult(path.stem, "unreadable", error=str(error))
    result = RunResult(path.stem, cells=len(notebook.cells))
    values: dict[str, Any] = {"profile": profile, "seed": seed} if _parameters(notebook) else {}
    if folder and takes_folder(notebook):
        values["folder"] = str(folder.resolve())
    environment = {} if device == "auto" else {"LECTURE_DEVICE": device}
    options = {"environment": environment, "cell_timeout": cell_timeout, "on_cell": on_cell}
    failed = out / f"{path.stem}.failed.ipynb"
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".running-") as scratch:
        draft = Path(scratch, path.name)
        try:
            executed = _run_papermill(notebook, path, values, result, kernel_name=kernel, **options)
            nbformat.write(executed, draft)
            if result.error:
                draft.replace(failed)
            else:
                draft.replace(out / path.name)  # first: no fault of a page may cost the result
                failed.unlink(missing_ok=True)
                write_page(executed, path, out)
        except (OSError, CourseError):
            raise
        except Exception as error:  # a library failed on this notebook: the others are still run
            result.status, result.error = "failed", f"{type(error).__name__}: {error}"
    result.seconds = round(time.perf_counter() - start, 2)
    return result


def _run_papermill(
    notebook: nbformat.NotebookNode, path: Path, parameters: dict[str, Any], result: RunResult, **options: Any
) -> nbformat.NotebookNode:
    """Execute a notebook up to its first error, write into ``result`` how it ended, and return what was executed."""
    kept: list[nbformat.NotebookNode] = []
    try:
        # Not the file: papermill takes braces in its name for parameters, and fails on a byte order mark.
        papermill.execute_notebook(
            notebook,
            None,
            parameters,
            engine_name=_WatchedEngine.name,
            language="python",  # for notebooks whose metadata do not say so
            progress_bar=False,
            cwd=path.parent,
            result=result,
            kept=kept,
            **options,
        )
    except PapermillExecutionError as error:
        if not result.error:  # a cell with the tag raises-exception; papermill has put up to two cells in front
            result.error = _explain(error, 0)[1]
            ours = {"injected-parameters", ERROR_MARKER_TAG}
            result.failed_cell = sum(ours.isdisjoint(c.metadata.tags) for c in kept[0].cells[: error.cell_index + 3])
    except (CellTimeoutError, DeadKernelError) as error:
        if not result.error:  # no cell has set it
            result.status, result.error = _explain(error, options["cell_timeout"])
    if not result.error:
        result.failed_cell = None
    elif result.status == "passed":  # papermill takes exit() and sys.exit(0) for a success
        result.status = "failed"
    kept[0].metadata.papermill["input_path"] = str(path)
    return kept[0]


class _WatchedEngine(NBClientEngine):
    """Papermill's engine, which also records the running cell, its error and the memory, and sets variables."""

    name = "watched"

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, *, result, kept, cell_timeout, environment, on_cell, **_):
        kept.append(nb_man.nb)
        watching = contextlib.ExitStack()

        async def kernel_started(notebook) -> None:
            watching.enter_context(_watch_memory(client.km.provisioner.pid, result))

        async def cell_started(cell, cell_index) -> None:
            if not _has_tag(cell, "injected-parameters"):  # papermill adds that cell; the notebook's own are counted
                result.failed_cell = (result.failed_cell or 0) + 1
                on_cell(result.failed_cell, result.cells)

        async def cell_executed(cell, cell_index, execute_reply) -> None:
            try:
                _raise_error(cell, cell_index, execute_reply)
            except CellExecutionError as error:  # papermill drops the message
                result.error = _explain(error, cell_timeout)[1]
                raise

        client = PapermillNotebookClient(
            nb_man,
            kernel_name=kernel_name,
            timeout=cell_timeout,
            on_notebook_start=kernel_started,
            on_cell_start=cell_started,
            on_cell_executed=cell_executed,
            log=logger,
        )
        with watching:  # a dying kernel prints much on stderr, and the result says it in one sentence
            return client.execute(env=os.environ | environment, stderr=subprocess.DEVNULL)


papermill_engines.register(_WatchedEngine.name, _WatchedEngine)


def store_outputs(path: Path, *, cell_timeout: int = 600) -> None:
    """Run a notebook from top to bottom and store the outputs in it, without what differs from run to run.

    Raises:
        CourseError: a cell failed; the notebook is left as it was.
    """
    notebook = read_notebook(path)
    client = NotebookClient(
        notebook,
        timeout=cell_timeout,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # the number of pieces in which a text arrives is random
        on_cell_executed=_raise_error,
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        with tempfile.TemporaryDirectory() as scratch:  # solved tasks do not count as the author's progress
            environment = os.environ | {"LECTURE_PROGRESS": f"{scratch}/progress.json"}
            client.execute(env=environment, stderr=subprocess.DEVNULL)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        reason = _explain(error, cell_timeout)[1]
        raise CourseError(f"{path.name} was left as it was, a cell failed: {reason}") from error
    clean(notebook)
    _make_pictures_small(notebook)
    with atomic_write(path) as draft:
        nbformat.write(notebook, draft)


def _make_pictures_small(notebook: nbformat.NotebookNode) -> None:
    from lecture_utils.plotting import with_palette  # imports torch, which other commands do without

    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        if png := output.get("data", {}).get("image/png"):
            output["data"]["image/png"] = base64.b64encode(with_palette(base64.b64decode(png))).decode()


def _raise_error(cell: nbformat.NotebookNode, cell_index: int, execute_reply: dict[str, Any]) -> None:
    """Called after each cell: raise its error, and an error after ``exit()``, which the kernel does not call one."""
    reply = execute_reply["content"]
    if any(step.get("source") == "ask_exit" for step in reply.get("payload", [])):
        raise CellExecutionError("", "SystemExit", _ENDED)
    if reply["status"] == "error" and not _has_tag(cell, "raises-exception"):
        ended = [_ENDED] if reply["ename"] == "SystemExit" else []
        raise CellExecutionError("", reply["ename"], "; ".join(filter(None, [reply["evalue"], *ended])))


def _explain(error: Exception, cell_timeout: int) -> tuple[str, str]:
    """The status and the sentence of a :class:`RunResult`."""
    if isinstance(error, (PapermillExecutionError, CellExecutionError)):
        return "failed", f"{error.ename}: {error.evalue}".removesuffix(": ")
    if isinstance(error, CellTimeoutError):
        return "timeout", f"ran longer than {cell_timeout} s: give it more with --cell-timeout"
    return "died", "the kernel died: memory ran out (try a smaller batch_size), native code crashed, or a cell ended it"


@contextlib.contextmanager
def _watch_memory(pid: int, result: RunResult) -> Iterator[None]:
    """Sample how much memory a kernel and its children hold, and store the maximum in ``result``.

    A forked kernel's memory counts in full, though it shares some with the server. Files that children map as well,
    such as libraries, count once.
    """
    done = threading.Event()

    def sample() -> None:
        while True:
            with contextlib.suppress(psutil.Error):
                kernel = psutil.Process(pid)
                held = [process.memory_info() for process in (kernel, *kernel.children(recursive=True))]
                shared = sum(getattr(child, "shared", 0) for child in held[1:])  # psutil has it on Linux only
                megabytes = (sum(memory.rss for memory in held) - shared) / 2**20
                result.peak_rss_mb = max(result.peak_rss_mb, round(megabytes, 1))
            if done.wait(0.05):
                return

    threading.Thread(target=sample, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _has_tag(cell: nbformat.NotebookNode, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def _parameters(notebook: nbformat.NotebookNode) -> str:
    """The source of the cell tagged ``parameters``; empty where there is none."""
    return next((cell.source for cell in notebook.cells if _has_tag(cell, "parameters")), "")


def takes_folder(notebook: nbformat.NotebookNode) -> bool:
    """Whether the parameters of a notebook have a ``folder``, for the reader's own pictures."""
    return re.search(r"^folder\b", _parameters(notebook), re.MULTILINE) is not None
