"""Execute notebooks: into a folder of results with papermill, or in place, as the author's stored outputs."""

import contextlib
import functools
import json
import logging
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.log import logger

from course_tools.notebooks import CourseError, clean, read_notebook
from course_tools.pages import write_page
from lecture_utils.files import atomic_write, write_text

_ENGINE = "watched"
_FAILURES = (PapermillExecutionError, CellTimeoutError, DeadKernelError)


@dataclass
class RunResult:
    """What became of one notebook; ``lecture run --json`` writes one such object for each.

    Attributes:
        name: the file's name without its suffix.
        status: ``passed``, ``failed`` (a cell raised), ``timeout``, ``died`` (the kernel ended), ``unreadable`` or
            ``interrupted``.
        seconds: wall time, with the start of the kernel and the page.
        peak_rss_mb: the most memory that the kernel and its children held, in MiB.
        cells: how many cells the notebook has.
        failed_cell: the cell that ran last, counted from 1 as Jupyter shows them; None where all of them ran.
        error: one sentence for the reader; None where there was no error.
    """

    name: str
    status: str = "passed"
    seconds: float = 0.0
    peak_rss_mb: float = 0.0
    cells: int = 0
    failed_cell: int | None = None
    error: str | None = None


class _PeakMemory(threading.Thread):
    """Samples how many bytes a kernel and its children hold. A forked kernel's memory counts in full, as if it shared
    nothing with the process that it was forked from; files that a child maps as well, such as libraries, count once."""

    def __init__(self, interval: float = 0.05):
        super().__init__(daemon=True)
        self.peak = 0
        self._interval = interval
        self._process: psutil.Process | None = None
        self._done = threading.Event()

    def __enter__(self) -> "_PeakMemory":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()

    def watch(self, pid: int) -> None:
        with contextlib.suppress(psutil.Error):
            self._process = psutil.Process(pid)

    def run(self) -> None:
        while not self._done.wait(self._interval):
            if self._process is None:
                continue
            with contextlib.suppress(psutil.Error):
                held = [p.memory_info() for p in (self._process, *self._process.children(recursive=True))]
                shared = sum(getattr(child, "shared", 0) for child in held[1:])  # psutil has it on Linux only
                self.peak = max(self.peak, sum(memory.rss for memory in held) - shared)


class _WatchedEngine(NBClientEngine):
    """Papermill's engine, with hooks, and with an environment for the kernel."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man, kernel_name, *, on_kernel, on_cell, cell_timeout, environment, draft, **_: Any
    ):
        async def kernel_started(notebook) -> None:
            on_kernel(client.km.provisioner.pid)

        async def cell_started(cell, cell_index) -> None:
            on_cell(cell_index, len(nb_man.nb.cells))

        client = PapermillNotebookClient(
            nb_man,
            kernel_name=kernel_name,
            timeout=cell_timeout,
            on_notebook_start=kernel_started,
            on_cell_start=cell_started,
            log=logger,
        )
        try:
            # What a dying kernel prints is left out: the result says it in one sentence.
            return client.execute(env=environment, stderr=subprocess.DEVNULL)
        except (CellTimeoutError, DeadKernelError):  # papermill itself saves only where a cell raised
            nbformat.write(nb_man.nb, draft)
            raise


papermill_engines.register(_ENGINE, _WatchedEngine)
for noisy in (logger, logging.getLogger("asyncio")):  # they would repeat what the result says
    noisy.setLevel(logging.CRITICAL)


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
        out: a folder. ``NAME.ipynb`` and ``NAME.html`` appear there only when all cells ran; a notebook that fails is
            kept as ``NAME.failed.ipynb``.
        profile, seed: given to the cell tagged ``parameters``, where the notebook has one.
        device: what ``get_device()`` returns there, through ``LECTURE_DEVICE``; ``auto`` changes nothing.
        folder: the reader's own pictures, for a notebook whose parameters have a ``folder``.
        cell_timeout: seconds that one cell may take.
        kernel: ``python3``, or the name that ``kernel_name()`` chose; the written notebook keeps its own.
        on_cell: called with the number of the cell that starts (from 1) and the number of cells.

    Raises:
        CourseError: the extra ``slides`` is not installed.
        KeyboardInterrupt: passed on after the kernel has been stopped.

    >>> run_notebook(Path("lectures/02_simple_deep_learning.ipynb"), Path("build"), seed=1)  # doctest: +SKIP
    RunResult(name='02_simple_deep_learning', status='passed', seconds=12.3, peak_rss_mb=512.5, cells=62, ...)
    """
    start = time.perf_counter()
    try:
        notebook = read_notebook(path)
    except CourseError as error:
        return RunResult(path.stem, "unreadable", error=str(error))
    result = RunResult(path.stem, cells=len(notebook.cells))
    memory = _PeakMemory()
    try:
        with memory:
            _execute(
                path,
                out,
                parameters=_parameters(notebook, profile, seed, folder),
                kernel_name=kernel,
                cell_timeout=cell_timeout,
                environment=os.environ | ({} if device == "auto" else {"LECTURE_DEVICE": device}),
                on_kernel=memory.watch,
                on_cell=functools.partial(_start_cell, result, _find_parameters(notebook)[0], on_cell),
            )
        result.failed_cell = None
    except _FAILURES as error:
        result.status, result.error = _explain(error, cell_timeout)
    finally:
        result.seconds = round(time.perf_counter() - start, 2)
        result.peak_rss_mb = round(memory.peak / 2**20, 1)
    return result


def _execute(path: Path, out: Path, **options: Any) -> None:
    """Run papermill, and write the results that :func:`run_notebook` promises."""
    failed = out / f"{path.stem}.failed.ipynb"
    with atomic_write(out / f"{path.stem}.ipynb") as draft:
        try:
            papermill.execute_notebook(
                path,
                draft,
                engine_name=_ENGINE,
                language="python",  # also where the metadata do not say so
                request_save_on_cell_execute=False,  # saving after every cell costs a quarter of the time
                draft=draft,
                progress_bar=False,
                cwd=path.parent,
                **options,
            )
        except _FAILURES:
            with atomic_write(failed) as kept:
                shutil.copyfile(draft, kept)
            raise
        write_page(draft, path, out)
    failed.unlink(missing_ok=True)


def _start_cell(result: RunResult, parameters_at: int, on_cell: Callable, index: int, cells: int) -> None:
    """Note which cell starts. Papermill adds one behind the parameters: the notebook's own cells are counted."""
    result.failed_cell = index + 1 - (cells - result.cells if index > parameters_at else 0)
    on_cell(result.failed_cell, result.cells)


def _parameters(notebook: nbformat.NotebookNode, profile: str, seed: int, folder: Path | None) -> dict[str, Any]:
    if not _find_parameters(notebook)[1]:
        return {}
    pictures = {"folder": str(folder.resolve())} if folder and takes_folder(notebook) else {}
    return {"profile": profile, "seed": seed} | pictures


def _explain(error: Exception, cell_timeout: int) -> tuple[str, str]:
    """The status and the sentence of a :class:`RunResult`."""
    if isinstance(error, PapermillExecutionError):
        return "failed", f"{error.ename}: {error.evalue}"
    if isinstance(error, CellTimeoutError):
        return "timeout", f"ran longer than {cell_timeout} s: give it more with --cell-timeout"
    return "died", "the kernel died: most often memory ran out (try a smaller batch_size), or native code crashed"


def _find_parameters(notebook: nbformat.NotebookNode) -> tuple[int, str]:
    """The index and the source of the cell tagged ``parameters``; -1 and nothing where there is none."""
    for index, cell in enumerate(notebook.cells):
        if "parameters" in cell.metadata.get("tags", []):
            return index, cell.source
    return -1, ""


def takes_folder(notebook: nbformat.NotebookNode) -> bool:
    """Whether the parameters of a notebook have a ``folder``, for the reader's own pictures."""
    return re.search(r"^folder\b", _find_parameters(notebook)[1], re.MULTILINE) is not None


def write_results(results: list[RunResult], path: Path) -> None:
    """Write results as a JSON array of objects, whole or not at all."""
    write_text(path, json.dumps([asdict(result) for result in results], indent=1) + "\n")


def store_outputs(path: Path, *, cell_timeout: int = 600) -> None:
    """Restart, run all, and store the outputs in the notebook itself, without what differs from run to run.

    Args:
        path: the notebook. It runs in its own folder.
        cell_timeout: seconds that one cell may take.

    Raises:
        CourseError: a cell failed; the notebook is left as it was.
    """
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
            environment = os.environ | {"LECTURE_PROGRESS": f"{scratch}/progress.json"}
            client.execute(env=environment, stderr=subprocess.DEVNULL)
    except (CellControlSignal, DeadKernelError) as error:
        reason = str(error).strip().splitlines()[0]
        if isinstance(error, CellExecutionError):
            reason = f"{error.ename}: {error.evalue}"
        raise CourseError(f"{path.name} was left as it was, a cell failed: {reason}") from error
    clean(notebook)
    with atomic_write(path) as draft:
        nbformat.write(notebook, draft)
