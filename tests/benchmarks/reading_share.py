"""What share of an epoch goes into reading the data, as lecture 3 measures it, loader by loader.

    LECTURE_DATA=/path/to/data python tests/benchmarks/reading_share.py [--profile quick|full]

The goal: at most 20 % on MNIST (`full`) with the last loader.
"""

import argparse
import re
import tempfile
from pathlib import Path

from course_tools.execute import run_notebook
from course_tools.notebooks import find_notebooks, read_notebook


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=("quick", "full"), default="full")
    (path,) = find_notebooks(["3"])
    with tempfile.TemporaryDirectory() as out:
        result = run_notebook(path, Path(out), profile=parser.parse_args().profile, cell_timeout=1800)
        if result.status != "passed":
            raise SystemExit(f"cell {result.failed_cell}: {result.error}")
        for cell in read_notebook(Path(out) / path.name).cells:
            for output in cell.get("outputs", []):
                for line in str(output.get("text", "")).splitlines():
                    if re.search(r": share +\d+%$|epochs: ", line):
                        print(line)
    print(f"{result.seconds:.0f} s, {result.peak_rss_mb:.0f} MB")


if __name__ == "__main__":
    main()
