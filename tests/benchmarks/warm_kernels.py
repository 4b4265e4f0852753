"""All lectures and solutions with cold and with warm kernels, in turns: total seconds, the share of starting, importing
and ending, and whether the outputs are the same.

    python tests/benchmarks/warm_kernels.py [--runs 1] [--only 01 02]

Change and install nothing while it runs: that would start another server. The share is measured in a second
pass, where Python notes the time of each import (which itself costs time). The warm total has the start of the server
in it. A cell's outputs are compared where nbval compares them, and as nbval does: no pictures. Goal: with warm kernels,
start and imports take at most 10 % of the total. Last line: a JSON object.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from course_tools import kernels as warm_kernels

ROOT = Path(__file__).resolve().parents[2]
IMPORT = re.compile(r"^import time: +(\d+) \| +\d+ \| .*\n?", re.MULTILINE)


def run(path: Path, kernel: str, **environment: str) -> tuple[dict[str, float], nbformat.NotebookNode]:
    """Seconds: ``start`` (until the kernel answers), ``cells``, ``stop``; and the notebook as run."""
    notebook = nbformat.read(path, as_version=4)
    times = {"begin": time.perf_counter()}

    async def started(**_) -> None:
        times["ready"] = time.perf_counter()

    async def cell_done(**_) -> None:
        times["done"] = time.perf_counter()

    client = NotebookClient(
        notebook, kernel_name=kernel, timeout=600, resources={"metadata": {"path": str(path.parent)}},
        on_notebook_start=started, on_cell_executed=cell_done,
    )  # fmt: skip
    client.execute(env=os.environ | environment, stderr=subprocess.DEVNULL)
    seconds = {"start": times["ready"] - times["begin"], "cells": times["done"] - times["ready"]}
    return seconds | {"stop": time.perf_counter() - times["done"]}, notebook


def imports(notebook: nbformat.NotebookNode) -> float:
    """Seconds that the cells spent importing, from what ``PYTHONPROFILEIMPORTTIME`` printed among their outputs."""
    text = "".join(o.get("text", "") for c in notebook.cells for o in c.get("outputs", []))
    return sum(map(int, IMPORT.findall(text))) / 1e6


def compared(notebook: nbformat.NotebookNode) -> dict[str, list]:
    """The outputs that do not depend on the run, by cell."""
    outputs = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and "nbval-ignore-output" not in cell.metadata.get("tags", []):
            streams, data = {}, []
            for output in cell.outputs:
                if output.output_type == "stream":
                    streams[output.name] = streams.get(output.name, "") + output.text
                else:
                    kept = {
                        k: v for k, v in output.get("data", {}).items() if not k.startswith(("image/", "application/"))
                    }
                    if kept or output.output_type == "error":  # without: where a picture or a sign of life was shown
                        data.append([output.output_type, kept, output.get("evalue")])
            # As on the screen, the last of what is written over itself stays: the steps of a progress bar are random.
            outputs[cell.id] = [{name: re.sub(r"[^\n]*\r", "", text) for name, text in streams.items()}, data]
    return outputs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[""], metavar="NN", help="lectures and solutions of these numbers")
    arguments = parser.parse_args()
    scratch = tempfile.TemporaryDirectory()
    os.environ["LECTURE_PROGRESS"] = f"{scratch.name}/progress.json"
    name, line = warm_kernels.kernel_name()
    print(line)
    if name == "python3":
        sys.exit(1)
    kernels = {"cold": "python3", "warm": name}
    folders = ("lectures", "solutions")
    paths = [p for f in folders for p in sorted((ROOT / f).glob("*.ipynb")) if p.name.startswith(tuple(arguments.only))]
    seconds = dict.fromkeys(kernels, 0.0)
    profiled = {kind: dict.fromkeys(("start", "imports", "cells", "stop"), 0.0) for kind in kernels}
    different = []
    for path in paths:
        taken: dict[str, list[float]] = {kind: [] for kind in kernels}
        for _ in range(arguments.runs):
            notebooks = {}
            for kind, kernel in kernels.items():
                parts, notebooks[kind] = run(path, kernel)
                taken[kind].append(sum(parts.values()))
            cold, warmed = (compared(notebooks[kind]) for kind in kernels)
            different += [f"{path.parent.name}/{path.stem}: {cell}" for cell in cold if cold[cell] != warmed[cell]]
        for kind, kernel in kernels.items():
            seconds[kind] += min(taken[kind]) if kind == "cold" or path != paths[0] else taken[kind][0]
            parts, notebook = run(path, kernel, PYTHONPROFILEIMPORTTIME="1")
            for part, value in parts.items():
                profiled[kind][part] += value
            profiled[kind]["imports"] += imports(notebook)
        print(
            f"{path.parent.name}/{path.stem}: cold {min(taken['cold']):.1f} s, warm {min(taken['warm']):.1f} s",
            flush=True,
        )
    shares = {}
    for kind, parts in profiled.items():
        total = parts["start"] + parts["cells"] + parts["stop"]
        shares[kind] = (parts["start"] + parts["imports"]) / total
        print(f"{kind}, with imports timed: " + ", ".join(f"{part} {value:.1f} s" for part, value in parts.items()))
    for cell in different:
        print("different outputs:", cell)
    result = {f"{kind}_s": round(value, 1) for kind, value in seconds.items()}
    result |= {f"{kind}_start_and_import_share": round(value, 3) for kind, value in shares.items()}
    print(json.dumps(result | {"notebooks": len(paths), "different_cells": len(different)}))


if __name__ == "__main__":
    main()
