"""``progress("2")``: the points that a notebook's answers get now, and the most they have had on this machine."""

import contextlib
import html
import io
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lecture_utils.grading import feedback
from lecture_utils.grading.records import recall

if TYPE_CHECKING:
    from lecture_utils.grading.tasks import Exercise

_NOW = {"passed": "✓ solved", "failed": "✗ not right", "todo": "○ open", "long": "✗ too slow", "": "? not checked"}
_NOW["manual"] = "✎ marked by a person"
_BEST = {"passed": "✓ solved", "failed": "✗ tried"}
_SECONDS = 30.0  # in which the checks that are run again are started; none of their calls may take longer


class Progress:
    """Points in one exercise, as a table and a bar.

    Attributes:
        points: of the tasks whose answers are right now.
        best: of the tasks whose answers were right at any time.
        max_points: of all tasks.
        open: the tasks whose answers are not right now.
        unchecked: those of them that were not checked, since the others took too long.
    """

    def __init__(self, exercise: "Exercise", now: dict[str, str], best: dict[str, str], notes: list[str]):
        self.points, self.best = (
            sum(task.points for task in exercise.tasks if states.get(task.id) == "passed") for states in (now, best)
        )
        self.max_points = exercise.max_points
        self.open = [task.id for task in exercise.tasks if now.get(task.id) not in ("passed", "manual")]
        self.unchecked = [task.id for task in exercise.tasks if task.id not in now]
        more = f" now, {self.best} at best," if self.best != self.points else ""
        self._sum = f"{self.points} of {self.max_points} points{more} in exercise {int(exercise.number)}"
        self._notes = notes
        self._rows = [
            (f"{t.id} {t.title}", str(t.points), _NOW[now.get(t.id, "")], _BEST.get(best.get(t.id, ""), "○ open"))
            for t in exercise.tasks
        ]

    def __repr__(self) -> str:
        filled = round(20 * self.points / self.max_points)
        rows = [("task", "points", "now", "best"), *self._rows]
        width, state = (max(len(row[column]) for row in rows) for column in (0, 2))
        lines = [f"{title:<{width}} {points:>6}  {now:<{state}}  {best}" for title, points, now, best in rows]
        return "\n".join([*lines, f"[{'#' * filled}{'.' * (20 - filled)}] {self._sum}", *self._notes])

    def _repr_html_(self) -> str:
        left = 'style="text-align: left"'
        rows = "".join(
            f"<tr><td {left}>{html.escape(title)}</td><td>{points}</td><td {left}>{now}</td><td {left}>{best}</td></tr>"
            for title, points, now, best in self._rows
        )
        notes = "".join(f"<div>{html.escape(note)}</div>" for note in self._notes)
        head = f"<tr><th {left}>task</th><th>points</th><th {left}>now</th><th {left}>best</th></tr>"
        return (
            f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
            f'<label>{self._sum} <progress value="{self.points}" max="{self.max_points}"></progress></label>{notes}'
        )


class Overview:
    """The best points in each exercise of the course, and the task that comes next.

    Attributes:
        points: the best so far, of each exercise by its number.
        next: the first task that is not solved, such as ``"2.3"``; empty if all are.
    """

    def __init__(self, exercises: "list[Exercise]", states: list[dict[str, str]]):
        self.points, self.next, title = {}, "", ""
        self._rows = []
        for exercise, best in zip(exercises, states, strict=True):
            solved = [task for task in exercise.tasks if best.get(task.id) == "passed"]
            points = sum(task.points for task in solved)
            number = int(exercise.number)
            self.points[number] = points
            self._rows.append((number, points, exercise.max_points, len(solved), len(exercise.tasks)))
            if not self.next and len(solved) < len(exercise.tasks):
                self.next, title = next((task.id, task.title) for task in exercise.tasks if task not in solved)
        self._next = f"Next: task {self.next}, {title}." if self.next else "All tasks of the course are solved."

    def __repr__(self) -> str:
        lines = []
        for number, points, most, solved, tasks in self._rows:
            bar = "#" * round(20 * points / most)
            lines.append(f"Exercise {number} [{bar:.<20}] {points} of {most} points, {solved} of {tasks} tasks")
        return "\n".join([*lines, self._next])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{_link(number, f'Exercise {number}')}</td>"
            f'<td><progress aria-label="Exercise {number}" value="{points}" max="{most}"></progress></td>'
            f"<td>{points} of {most} points</td><td>{solved} of {tasks} tasks</td></tr>"
            for number, points, most, solved, tasks in self._rows
        )
        next_task = html.escape(self._next)
        if self.next:
            next_task = next_task.replace(
                f"task {self.next}", _link(int(self.next.partition(".")[0]), f"task {self.next}"), 1
            )
        return f"<table><tbody>{rows}</tbody></table><p>{next_task}</p>"


def _link(number: int, text: str) -> str:
    """Link the text to the exercise's notebook, where that lies below the folder of the notebook that is open."""
    found = sorted(Path("exercises").glob(f"{number:02}_*.ipynb"))
    return f'<a href="{html.escape(found[0].as_posix())}">{text}</a>' if found else text


def progress(
    exercise: str | int | None = None, *, checks: str | Path | None = None
) -> Progress | Overview | feedback.Deferred:
    """Show the points in an exercise: of the answers as they are now, and the best so far. Nothing is sent anywhere.

    An answer that has changed since its last check is checked again, as long as half a minute has not passed.

    Args:
        exercise: its number. Without one, the best so far in all exercises of the course is shown, and what comes next.
        checks: a file of checks of your own; default: the course's.

    Raises:
        ValueError: there is no such exercise.

    >>> progress("2").points  # doctest: +SKIP
    7
    """
    if os.environ.get("LECTURE_GRADING"):
        return feedback.Deferred()
    return _overview() if exercise is None and checks is None else points_now(exercise or "", checks)


def _overview() -> Overview:
    from lecture_utils.grading.live import key_of
    from lecture_utils.grading.tasks import checks_folder, load_exercise

    numbers = sorted(path.stem[-2:] for path in checks_folder().glob("exercise_[0-9][0-9].py"))
    exercises = [load_exercise(number) for number in numbers]
    known = recall()
    return Overview(exercises, [{t.id: known.get(key_of(e, t), "") for t in e.tasks} for e in exercises])


def points_now(exercise: str | int, checks: str | Path | None = None) -> Progress:
    """Count the points of an exercise. Unlike :func:`progress`, this must not be called while a class is graded."""
    from lecture_utils.grading.live import attempt, key_of, unchanged_attempt
    from lecture_utils.grading.tasks import load_exercise

    loaded = load_exercise(checks or str(exercise))
    names, end, now, notes = feedback.notebook_names(), time.monotonic() + _SECONDS, {}, []
    for task in loaded.tasks:
        made, left = unchanged_attempt(loaded, task, names), end - time.monotonic()
        if not made and left > 0 and not os.environ.get("NBGRADER_EXECUTION"):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                made = attempt(loaded, task, names, seed=None, seconds=left)
        if made:
            now[task.id] = "long" if made.too_long else made.verdict.status
            notes += [f"{task.id}: {made.note}"] if made.note else []
    known = recall()
    best = {task.id: known.get(key_of(loaded, task), "") for task in loaded.tasks}
    return Progress(loaded, now, best, notes)
