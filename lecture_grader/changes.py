"""Whose marks changed since the last time that marks were written, and in which tasks."""

import contextlib
import json
from pathlib import Path
from typing import Any

from lecture_utils.files import write_text

_FILE = ".marks.json"


def last_marks(out: Path) -> dict[str, Any]:
    """The marks of the last run that came to its end, by student; empty if there was none."""
    with contextlib.suppress(OSError, ValueError):
        known = json.loads((out / _FILE).read_text(encoding="utf-8"))
        return known if isinstance(known, dict) else {}
    return {}


def changes_since_last(out: Path, rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Compare the marks with those of the last run, and keep them for the next.

    Args:
        out: the folder of results.
        rows: with the marks that count, see :func:`~lecture_grader.adjust.final_row`.

    Returns:
        (student, words) for each student who was there before and whose mark, or mark of a task, is another now.

    Example:
        >>> changes_since_last(Path("grades-02"), rows)  # doctest: +SKIP
        [('Aki', '22 -> 23 (2.4: 2 -> 3)')]
    """
    before = last_marks(out)
    now = {row["student"]: [row["points"], {id: v["points"] for id, v in row["tasks"].items()}] for row in rows}
    changed = []
    for student, (points, tasks) in now.items():
        old = before.get(student)
        if old and old != [points, tasks]:
            old_points, old_tasks = old
            ids = [id for id in dict.fromkeys([*tasks, *old_tasks]) if tasks.get(id) != old_tasks.get(id)]
            each = ", ".join(f"{id}: {_shown(old_tasks.get(id))} -> {_shown(tasks.get(id))}" for id in ids)
            changed.append((student, f"{_shown(old_points)} -> {_shown(points)}" + (f" ({each})" if each else "")))
    write_text(out / _FILE, json.dumps(now, ensure_ascii=False))
    return changed


def _shown(points: float | None) -> str:
    return "no mark" if points is None else f"{points:g}"
