"""How much `import lecture_utils` adds to `import torch`: the ratio of the fastest of several fresh
processes each, since a busy machine only ever adds time.

python tests/benchmarks/import_time.py [--runs 15]
"""

import argparse
import subprocess
import sys
import time


def seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    codes = {"import torch": [], "import torch, lecture_utils": []}
    for code in codes:
        seconds(code)  # warm the disk cache
    for _ in range(runs):  # taken in turns, so that a busy machine slows both
        for code, times in codes.items():
            times.append(seconds(code))
    alone, both = map(min, codes.values())
    change = 100 * (both / alone - 1)
    print(f"import torch {alone:.3f} s, with lecture_utils {both:.3f} s: {change:+.1f} % (goal: at most +5 %)")


if __name__ == "__main__":
    main()
