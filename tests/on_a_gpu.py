"""Everything on a GPU, for those who have one: ``make gpu``. Each figure is printed with the name of the device.

    python tests/on_a_gpu.py                    # lectures, solutions, checks, and the grading of one notebook
    python tests/on_a_gpu.py checks --tasks 4 5.8

The lectures and the solutions take the GPU by themselves; the checks judge solutions and right answers with the GPU as
default device; the submission is graded in the sandbox, which shows a notebook no GPU.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from second_device import judge_answers

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("lectures", "solutions", "checks", "grading")


def name_of(device: str) -> str:
    """What the machine calls its device; the command ends where the device is missing."""
    if device == "cuda" and torch.cuda.is_available():
        return torch.cuda.get_device_name()
    if device == "mps" and torch.backends.mps.is_available():
        return "Apple GPU (mps)"
    if device == "cpu":
        return "CPU"
    sys.exit(
        f"gpu: there is no device {device!r} here: torch {torch.__version__} finds no GPU. `lecture doctor` says why."
    )


def run_notebooks(folder: str, device: str, name: str) -> int:
    """Run every notebook of a folder, print the seconds of each, and count the failures."""
    from course_tools.execute import run_notebook

    os.environ["LECTURE_DEVICE"] = device
    failures = 0
    with tempfile.TemporaryDirectory() as out:
        for path in sorted((ROOT / folder).glob("*.ipynb")):
            result = run_notebook(path, Path(out))
            failures += result.status != "passed"
            print(f"{folder}/{result.name}: {result.status}, {result.seconds:.1f} s ({name})", flush=True)
    return failures


def grade_one(name: str) -> int:
    """Grade the solution of exercise 2 in the sandbox; 1 if the command fails."""
    notebook = next((ROOT / "solutions").glob("02_*.ipynb"))
    before = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "course_tools", "grade", notebook, "--exercise", "02", "--out", out]
        code = subprocess.run(command, cwd=ROOT).returncode
    print(
        f"grading of {notebook.name}: exit code {code}, {time.perf_counter() - before:.1f} s (beside {name})",
        flush=True,
    )
    return code != 0


def main() -> None:
    """Run lectures, solutions, checks and the grading of one notebook on a GPU."""
    default = "mps" if torch.backends.mps.is_available() else "cuda"
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all if none is given")
    parser.add_argument("--device", default=default, help="cuda, mps; or cpu, to try the command itself")
    parser.add_argument("--tasks", nargs="*", default=[], help="of the checks, such as 4.4, or 4 for all of exercise 4")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: the parts are {', '.join(PARTS)}")
    name = name_of(options.device)
    failures = 0
    for part in options.parts or PARTS:
        if part == "checks":
            before = time.perf_counter()
            failures += judge_answers(options.device, options.tasks, 99)
            print(f"checks: {time.perf_counter() - before:.1f} s ({name})", flush=True)
        else:
            failures += grade_one(name) if part == "grading" else run_notebooks(part, options.device, name)
    print(f"{failures} failures on {name}, torch {torch.__version__}")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
