"""What a class knows and what it does not: marks, tasks, and the mistakes that several students share."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lecture_utils.grading.tasks import Exercise, Task
from lecture_utils.grading.verdict import OTHER_HINT

MIN_FOR_CORRELATION = 10  # students
BARS = 11  # of the histogram, at most
HELP_BELOW = 0.5  # of the points
MAX_READ = 20  # answers of a mistake among which the example is chosen


@dataclass
class Mistake:
    """A way to fail a task, as the check names it.

    Attributes:
        task: its id.
        text: the hint, or the message where there is no hint.
        students: who made it, in order of their names.
        example: (student, source) of the shortest answer among them; None if no answer was kept.
    """

    task: str
    text: str
    students: list[str]
    example: tuple[str, str] | None = None


@dataclass
class TaskFigures:
    """What a class did with one task.

    Attributes:
        task: the task.
        tried, solved, open: numbers of students; who did not answer is open, and did not try.
        correlation: between the points of this task and those of all others (item-rest correlation); None for a small
            class, or where everybody got the same. A task that good students fail as often as others has one near 0.
        hidden_only: who passed all visible cases and failed a hidden one.
        mistakes: the most frequent one first.
    """

    task: Task
    tried: int = 0
    solved: int = 0
    open: int = 0
    correlation: float | None = None
    hidden_only: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


@dataclass
class ClassFigures:
    """What a class did with an exercise.

    Attributes:
        marked: number of students with a mark.
        mean, median, deviation: of their points; None where nobody has a mark.
        bars: (first points, last points, number of students) of the histogram.
        tasks: in the order of the exercise.
        help: (student, points) of those with fewer than half of the points, lowest first, the untouched left out.
    """

    marked: int
    mean: float | None
    median: float | None
    deviation: float | None
    bars: list[tuple[float, float, int]]
    tasks: list[TaskFigures]
    help: list[tuple[str, float]]

    def common_mistakes(self, most: int = 8) -> list[Mistake]:
        """The mistakes that most students made, of all tasks; those of one student alone are left out."""
        found = [mistake for one in self.tasks for mistake in one.mistakes if len(mistake.students) > 1]
        return sorted(found, key=lambda mistake: -len(mistake.students))[:most]


def class_figures(
    rows: Sequence[Mapping[str, Any]], exercise: Exercise, answer_of: Callable[[str, str], str | None]
) -> ClassFigures:
    """Figures of a class.

    Args:
        rows: of ``results.jsonl``, or with the marks that count.
        exercise: its tasks.
        answer_of: returns the source of a student's answer to a task; None if it was not kept.

    Example:
        >>> figures = class_figures(rows, load_exercise("2"), answer_of)  # doctest: +SKIP
        >>> figures.tasks[0].mistakes[0].text  # doctest: +SKIP
        'mean() divides by the number of all entries, not of the rows.'
    """
    points = [(row["student"], row["points"]) for row in rows if row["points"] is not None]
    marks = [mark for _, mark in points]
    few = [(student, mark) for student, mark in points if mark < HELP_BELOW * exercise.max_points]
    untouched = {row["student"] for row in rows if {v["status"] for v in row["tasks"].values()} <= {"todo", "manual"}}
    return ClassFigures(
        marked=len(marks),
        mean=statistics.fmean(marks) if marks else None,
        median=statistics.median(marks) if marks else None,
        deviation=statistics.pstdev(marks) if marks else None,
        bars=_histogram(marks, exercise.max_points),
        tasks=[_task_figures(task, rows, answer_of) for task in exercise.tasks],
        help=sorted((one for one in few if one[0] not in untouched), key=lambda one: one[1]),
    )


def _histogram(marks: list[float], most: float) -> list[tuple[float, float, int]]:
    width = max(1, -(-(int(most) + 1) // BARS))
    edges = range(0, int(most) + 1, width)
    bars: list[tuple[float, float, int]] = [(first, min(first + width - 1, int(most)), 0) for first in edges]
    for mark in marks:
        at = min(int(mark) // width, len(bars) - 1)
        bars[at] = (*bars[at][:2], bars[at][2] + 1)
    return bars


def _task_figures(
    task: Task, rows: Sequence[Mapping[str, Any]], answer_of: Callable[[str, str], str | None]
) -> TaskFigures:
    figures = TaskFigures(task)
    groups: dict[str, list[str]] = {}
    own, rest = [], []
    for row in rows:
        verdict = row["tasks"].get(task.id)
        if not verdict or verdict["points"] is None:
            continue
        if row["points"] is not None:
            own.append(verdict["points"])
            rest.append(sum(v["points"] or 0 for v in row["tasks"].values()) - verdict["points"])
        if verdict["status"] == "todo":
            figures.open += 1
            continue
        figures.tried += 1
        solved = verdict["points"] >= task.points  # a person may have given fewer, or all of them
        figures.solved += solved
        if solved or task.manual or verdict["status"] != "failed":
            continue
        text = verdict["message"] if verdict["hint"] in ("", OTHER_HINT) else verdict["hint"]
        groups.setdefault(text, []).append(row["student"])
        if verdict.get("hidden"):
            figures.hidden_only.append(row["student"])
    if len(own) >= MIN_FOR_CORRELATION and len(set(own)) > 1 and len(set(rest)) > 1:
        figures.correlation = statistics.correlation(own, rest)
    for text, students in sorted(groups.items(), key=lambda group: -len(group[1])):
        sources = [(s, source) for s in students[:MAX_READ] if (source := answer_of(s, task.id))]
        shortest = min(sources, key=lambda one: len(one[1]), default=None)
        figures.mistakes.append(Mistake(task.id, text, sorted(students), shortest))
    return figures
