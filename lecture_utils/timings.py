"""Times of matrix products: those of the reader's machine, and those of a GPU in a stored table, in one figure."""

import json
from collections.abc import Mapping
from pathlib import Path

from lecture_utils.plotting import LectureFigure, subplots

# Made by tests/benchmarks/gpu_table.py where there is a GPU. Without the file, only the reader's own points are drawn.
TABLE = Path(__file__).with_name("gpu_table.json")
_MARKERS = "os^Dv*P"


def stored_table(path: Path | None = None) -> dict | None:
    """Return the table that was measured on a GPU (default: the course's), or None where none is stored.

    >>> stored_table(Path("there_is_none.json")) is None
    True
    """
    path = path or TABLE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _series(measured: Mapping[object, Mapping[int, float]], table: dict | None) -> dict[str, dict[int, float]]:
    """Seconds by size: the reader's devices first, then one series for each number format of the table."""
    series = {str(device): dict(seconds) for device, seconds in measured.items()}
    if table:
        for kind, rows in table["matmul"].items():
            name = f"{table['device']}, {kind} ({table['date']}, torch {table['torch']})"
            series[name] = {int(size): row["seconds"] for size, row in rows.items()}
    return series


def plot_matmul_times(
    measured: Mapping[object, Mapping[int, float]], table: dict | None = None, *, alt: str | None = None
) -> LectureFigure:
    """Draw the time of a product of n x n matrices against n, both axes logarithmic. Taught in lecture 1, section 10.4.

    A dashed line of slope 3 goes through the last point of the first device: there, twice the size takes eight times
    as long.

    Args:
        measured: for each device, seconds by size.
        table: a table of :func:`stored_table`, drawn beside them; default: the stored one, if there is one.
        alt: see :func:`~lecture_utils.subplots`; default: the first and the last time of each device.

    Raises:
        ValueError: nothing was measured.

    >>> plot_matmul_times({"cpu": {256: 0.001, 512: 0.008}}, {}).alt[:60]
    'Time of a matrix product against its size, logarithmic axes.'
    """
    if not measured or not all(measured.values()):
        raise ValueError("nothing was measured: give the seconds of at least one device by size")
    series = _series(measured, stored_table() if table is None else table)
    if alt is None:
        ends = [
            f"{name}: {values[min(values)] * 1000:.2g} ms at {min(values)}, {values[max(values)] * 1000:.2g} ms at "
            f"{max(values)}."
            for name, values in series.items()
        ]
        alt = " ".join(["Time of a matrix product against its size, logarithmic axes.", *ends])
    figure, ax = subplots(figsize=(7, 3.6), alt=alt)
    sizes = sorted({size for values in series.values() for size in values})
    first = next(iter(series.values()))
    end = max(first)
    ideal = [first[end] * 1000 * (size / end) ** 3 for size in (sizes[0], sizes[-1])]
    ax.plot([sizes[0], sizes[-1]], ideal, color="0.4", linestyle="--", linewidth=1, label="slope 3: size × 2, time × 8")
    for k, (name, values) in enumerate(series.items()):
        milliseconds = [seconds * 1000 for seconds in values.values()]
        ax.plot(list(values), milliseconds, _MARKERS[k % len(_MARKERS)], linestyle="none", markersize=7, label=name)
    ax.set(xscale="log", yscale="log", xlabel="size n of the n × n matrices", ylabel="milliseconds")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.yaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    ax.grid(alpha=0.3)
    ax.legend(fontsize=9)
    return figure
