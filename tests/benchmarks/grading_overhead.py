"""What grading costs over merely running the cells: the ratio of the fastest of several runs each.

The same solution notebooks, once in a plain Jupyter kernel (where each cell `check(...)` tries the
visible cases, as for the student), once through the sandbox, where all cells run, then every check
with the held-out cases too; taken in turns, both with one thread.

python tests/benchmarks/grading_overhead.py [--runs 5]
"""

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from lecture_utils.grading.grader import grade_notebook
from lecture_utils.grading.tasks import load_exercise

ROOT = Path(__file__).resolve().parents[2]


def plain_kernel(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, kernel_name="python3", timeout=600).execute(stderr=subprocess.DEVNULL)


def graded(path: Path) -> None:
    exercise = load_exercise(path.name[:2])
    grade = grade_notebook(path.read_bytes(), exercise, seed=0)
    assert grade.points == exercise.max_points, grade.verdicts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    os.environ |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    scratch = tempfile.TemporaryDirectory()
    os.environ["LECTURE_PROGRESS"] = f"{scratch.name}/progress.json"
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        ways = {plain_kernel: [], graded: []}
        for _ in range(runs):
            for way, times in ways.items():
                start = time.perf_counter()
                way(path)
                times.append(time.perf_counter() - start)
        plain, marked = (min(times) for times in ways.values())
        print(f"{path.stem}: kernel {plain:.2f} s, graded {marked:.2f} s: {100 * (marked / plain - 1):+.0f} %")
    print("goal: at most +20 %")


if __name__ == "__main__":
    main()
