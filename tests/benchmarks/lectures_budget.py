"""Seconds and peak memory of every lecture in `quick`, headless, and of all together.

    python tests/benchmarks/lectures_budget.py

The goal for lectures 1 to 5: at most 150 s together on 2 cores, none over 45 s or 1.5 GB.
"""

import tempfile
from pathlib import Path

from course_tools.execute import run_notebook
from course_tools.notebooks import find_notebooks


def main() -> None:
    with tempfile.TemporaryDirectory() as out:
        results = [run_notebook(path, Path(out)) for path in find_notebooks()]
    for r in results:
        print(f"{r.name:32} {r.status:8} {r.seconds:6.1f} s {r.peak_rss_mb:7.0f} MB")
    print(f"{'all':32} {'':8} {sum(r.seconds for r in results):6.1f} s {max(r.peak_rss_mb for r in results):7.0f} MB")


if __name__ == "__main__":
    main()
