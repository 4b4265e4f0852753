"""How long a student's installation takes and how much it fetches: `start.py` beside pip with every extra.

Both start from a copy of the repository's files, in an empty folder and with empty caches. pip with every extra is how
the course was installed before `start.py`. The last line is a JSON object: for each way the seconds, the MB in its
virtual environment, the MB that the machine received meanwhile, and the number of packages.

python tests/benchmarks/installation.py [--runs 1] [--ways start.py "pip, all extras"]
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = ",".join(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"])
WAYS = {
    "start.py": ["{python} start.py --no-open"],
    "pip, all extras": [
        "{python} -m venv .venv",
        f".venv/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[{EXTRAS}]'",
    ],
}


def megabytes(folder: Path) -> int:
    """The size of all files below a folder, each counted once however many links it has."""
    files = [path.lstat() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return round(sum({one.st_ino: one.st_size for one in files}.values()) / 1e6)


def install(commands: list[str]) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="lecture-install-") as scratch:
        course, cache = Path(scratch) / "course", Path(scratch) / "cache"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (course / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, course / name)
        own = {"PIP_CACHE_DIR": str(cache / "pip"), "UV_CACHE_DIR": str(cache / "uv"), "UV_LINK_MODE": "hardlink"}
        # the caller's own virtual environment must not be found
        environment = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
        received, start = psutil.net_io_counters().bytes_recv, time.perf_counter()
        for command in commands:
            line = command.format(python=getattr(sys, "_base_executable", sys.executable))
            subprocess.run(line, shell=True, check=True, cwd=course, env=environment | own, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        packages = len(list((course / ".venv").glob("lib/python*/site-packages/*.dist-info")))
        return {
            "seconds": round(seconds),
            "environment_mb": megabytes(course / ".venv"),
            "downloaded_mb": round((psutil.net_io_counters().bytes_recv - received) / 1e6),
            "packages": packages,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    options = parser.parse_args()
    results = {way: [] for way in options.ways}
    for _ in range(options.runs):  # in turns, so that a busy machine or network slows both
        for way in options.ways:
            results[way].append(install(WAYS[way]))
            print(way, results[way][-1], flush=True)
    medians = {
        way: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for way, runs in results.items()
    }
    print(json.dumps(medians))


if __name__ == "__main__":
    main()
