"""The table of a GPU that lecture 1 draws: matrix products, sums and copies, with the device's name.

    python tests/benchmarks/gpu_table.py                # writes lecture_utils/gpu_table.json, prints the table
    python tests/benchmarks/gpu_table.py --device cpu --sizes 64 128 --out FILE     # to try the command itself

Products of n x n matrices in float32, TF32 and bfloat16: the clock read too early (as soon as Python goes on), and
after the wait. Copies of 256 MB to the device and back, from pinned memory. x + y beside x @ y at the largest size: the
sum waits for memory, the product for arithmetic. Of several runs the fastest counts.
"""

import argparse
import datetime
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from lecture_utils.device import synchronize
from lecture_utils.timings import TABLE

SIZES = (256, 512, 1024, 2048, 4096, 8192)
KINDS = {"float32": (torch.float32, False), "TF32": (torch.float32, True), "bfloat16": (torch.bfloat16, False)}


def fastest(work: Callable[[], object], device: torch.device, runs: int = 10) -> tuple[float, float]:
    """Return the seconds until Python went on, and until the device was done; the fastest of several runs each."""
    early, done = [], []
    for _ in range(runs + 2):  # two to warm up: kernels are loaded, memory is fetched
        synchronize(device)
        start = time.perf_counter()
        work()
        early.append(time.perf_counter() - start)
        synchronize(device)
        done.append(time.perf_counter() - start)
    return min(early[2:]), min(done[2:])


def measure(device: torch.device, sizes: tuple[int, ...] = SIZES, copied: int = 256 * 2**20) -> dict:
    """Measure everything on one device; what is not there on a CPU (TF32) is measured all the same."""
    is_cuda = device.type == "cuda"
    table: dict = {
        "device": torch.cuda.get_device_name(device) if is_cuda else device.type,
        "date": datetime.date.today().isoformat(),
        "torch": torch.__version__,
        "matmul": {},
    }
    for kind, (dtype, with_tf32) in KINDS.items():
        torch.set_float32_matmul_precision("high" if with_tf32 else "highest")
        rows = table["matmul"][kind] = {}
        for size in sizes:
            x = torch.randn(size, size, device=device, dtype=dtype)
            early, done = fastest(lambda: x @ x, device)  # noqa: B023 - called at once
            rows[str(size)] = {"seconds": done, "too_early": early, "billions": 2 * size**3 / done / 1e9}
    torch.set_float32_matmul_precision("highest")
    x, y = torch.randn(2, sizes[-1], sizes[-1], device=device)
    _, done = fastest(lambda: x + y, device)
    moved = 3 * x.numel() * x.element_size()  # two are read, one is written
    table["add"] = {
        "size": sizes[-1],
        "seconds": done,
        "billions": x.numel() / done / 1e9,
        "GB_per_s": moved / done / 1e9,
    }
    here = torch.empty(copied, dtype=torch.uint8, pin_memory=is_cuda)
    there = torch.empty(copied, dtype=torch.uint8, device=device)
    table["copies"] = {
        "to_device_GB_per_s": copied / fastest(lambda: there.copy_(here), device)[1] / 1e9,
        "from_device_GB_per_s": copied / fastest(lambda: here.copy_(there), device)[1] / 1e9,
    }
    return table


def as_markdown(table: dict) -> str:
    """Return the table as Markdown, to be read or put into a text."""
    lines = [
        f"{table['device']}, {table['date']}, torch {table['torch']}",
        "",
        "| n | type | clock too early, ms | after the wait, ms | billion operations a second |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind, rows in table["matmul"].items():
        for size, row in rows.items():
            numbers = (1000 * row["too_early"], 1000 * row["seconds"])
            lines.append(f"| {size} | {kind} | {numbers[0]:.3f} | {numbers[1]:.3f} | {row['billions']:,.0f} |")
    add, copies = table["add"], table["copies"]
    lines += [
        "",
        f"x + y, {add['size']} x {add['size']}: {1000 * add['seconds']:.3f} ms, "
        f"{add['billions']:,.0f} billion operations a second, {add['GB_per_s']:,.0f} GB/s",
        f"copies: {copies['to_device_GB_per_s']:.1f} GB/s to the device, "
        f"{copies['from_device_GB_per_s']:.1f} GB/s back",
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1; or cpu, to try the command itself")
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--megabytes", type=int, default=256, help="to copy")
    parser.add_argument("--out", type=Path, default=TABLE)
    options = parser.parse_args(arguments)
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit(f"gpu_table: torch {torch.__version__} finds no CUDA device here, so there is nothing to measure")
    if device.type == "cpu" and options.out == TABLE:
        sys.exit("gpu_table: the table of the lecture is a GPU's; name another file with --out")
    table = measure(device, tuple(options.sizes), options.megabytes * 2**20)
    options.out.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print(as_markdown(table))


if __name__ == "__main__":
    main()
