"""The page of a term: every student's way through the exercises, and every mistake's."""

import contextlib
import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lecture_grader.html_page import sorting_script, template
from lecture_grader.results import escape_formula, write_table
from lecture_grader.text import same_name
from lecture_utils.files import write_text
from lecture_utils.grading.verdict import OTHER_HINT, tidy

MOST_MISTAKES = 25
FELL_BY = 0.25  # of the points: a student whose last share lies so far below the mean of the earlier ones is named


@dataclass
class StudentWay:
    """A student's marks over the term.

    Attributes:
        student: the name, as in the last exercise that holds it.
        points: one for each exercise; None where there is no mark.
        shares: points over the exercise's points, likewise.
        most: the points of all exercises from which the student is not excused.
    """

    student: str
    points: list[float | None]
    shares: list[float | None]
    most: float = 0

    @property
    def total(self) -> float:
        return tidy(sum(points for points in self.points if points is not None))

    @property
    def fell(self) -> bool:
        """Whether the last mark lies far below the earlier ones."""
        known = [share for share in self.shares if share is not None]
        return len(known) > 1 and known[-1] < sum(known[:-1]) / (len(known) - 1) - FELL_BY


@dataclass
class Term:
    """The marks of a term.

    Attributes:
        exercises: (number, points) of each folder of results, in the order of the numbers.
        ways: by total, the highest first.
        mistakes: (text, number of students in each exercise) of the most frequent mistakes.
    """

    exercises: list[tuple[str, float]]
    ways: list[StudentWay]
    mistakes: list[tuple[str, list[int]]] = field(default_factory=list)


def read_term(folders: Sequence[Path]) -> Term:
    """The marks and mistakes in some folders of results.

    Args:
        folders: each as ``lecture grade`` has written it, for one exercise.

    Raises:
        ValueError: a folder holds no results, or two hold the same exercise.

    Example:
        >>> term = read_term([Path("grades-01"), Path("grades-02")])  # doctest: +SKIP
        >>> term.ways[0].student  # doctest: +SKIP
        'Aki Sato'
    """
    tables: dict[str, tuple[Path, list[dict[str, str]]]] = {}
    most_of: dict[str, float] = {}
    for folder in folders:
        try:
            with (folder / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
                lines = list(csv.DictReader(file))
            number = lines[0]["exercise"]
            most = tidy(float(lines[0]["max_points"]))
        except (OSError, KeyError, IndexError, ValueError):
            raise ValueError(f"{folder} holds no marks: name folders that `lecture grade` has made") from None
        if number in tables:
            raise ValueError(f"{folder} and {tables[number][0]} both hold exercise {number}: name one of them")
        tables[number], most_of[number] = (folder, lines), most
    numbers = sorted(tables)
    names: dict[str, str] = {}
    marks: dict[str, dict[str, float]] = {}
    excused: set[tuple[str, str]] = set()
    for number in numbers:
        for line in tables[number][1]:
            key = _key(line)
            names[key] = line["student"]
            if line.get("excused"):
                excused.add((key, number))
            if line["points"]:
                marks.setdefault(key, {})[number] = tidy(float(line["points"]))
    ways = []
    for key, name in names.items():
        own = marks.get(key, {})
        points = [own.get(number) for number in numbers]
        most = tidy(sum(most_of[number] for number in numbers if (key, number) not in excused))
        ways.append(
            StudentWay(name, points, [own[n] / most_of[n] if n in own and most_of[n] else None for n in numbers], most)
        )
    ways.sort(key=lambda way: (-way.total, way.student))
    return Term([(number, most_of[number]) for number in numbers], ways, _mistakes([tables[n] for n in numbers]))


def _key(line: dict[str, str]) -> str:
    """What stays the same of a student: the roster's id, or the name without Moodle's number."""
    if line.get("id"):
        return f"id {same_name(line['id'])}"
    return same_name(re.sub(r"_\d+$", "", line["student"].removeprefix("'")))


def _mistakes(tables: list[tuple[Path, list[dict[str, str]]]]) -> list[tuple[str, list[int]]]:
    """The most frequent hints, with the number of students in each folder who got it."""
    counts = []
    for folder, lines in tables:
        known = {line["student"] for line in lines}  # others have left the class
        hints = [own for student, own in _hints(folder).items() if escape_formula(student) in known]
        counts.append(Counter(hint for own in hints for hint in own))
    total: Counter[str] = sum(counts, Counter())
    return [(text, [count[text] for count in counts]) for text, n in total.most_common(MOST_MISTAKES) if n > 1]


def _hints(folder: Path) -> dict[str, set[str]]:
    """The hints that each student's last row holds."""
    found: dict[str, set[str]] = {}
    lines = ""
    with contextlib.suppress(OSError):  # only the marks were kept
        lines = (folder / "results.jsonl").read_text(encoding="utf-8")
    for line in lines.split("\n"):
        try:
            row: dict[str, Any] = json.loads(line)
            verdicts = row["tasks"].values()
            named = (
                v["message"] if v["hint"] in ("", OTHER_HINT) else v["hint"]
                for v in verdicts
                if v["status"] == "failed"
            )
            found[row["student"]] = set(named)
        except (ValueError, KeyError, TypeError, AttributeError):  # an empty line, or a damaged one
            continue
    return found


def write_term(folders: Sequence[Path], out: Path) -> Term:
    """Write the page ``out`` and, beside it, the table with the suffix ``.csv``.

    Raises:
        ValueError: see :func:`read_term`.
        OSError: a file cannot be written.
    """
    table = out.with_suffix(".csv")
    if out.suffix != ".html":
        raise ValueError(f"--out {out}: name a page, such as course.html")
    if table.exists() and not table.read_text(encoding="utf-8-sig", errors="replace").startswith("student,exercise "):
        raise ValueError(f"{table} is another table: name another --out")
    term = read_term(folders)
    page = template("course_page.html.j2").render(
        term=term, fallen=[way.student for way in term.ways if way.fell], script=sorting_script()
    )
    write_text(out, page)
    heads = [f"exercise {number}" for number, _ in term.exercises]
    lines = [[way.student, *way.points, way.total, way.most] for way in term.ways]
    write_table(table, [["student", *heads, "total", "max_points"], *lines], mark=True)
    return term
