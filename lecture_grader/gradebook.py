"""The marks in a copy of a platform's own gradebook file: Moodle's, Canvas's, Blackboard's or Brightspace's."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lecture_grader.csv_file import CsvFile
from lecture_grader.platforms import Who, plain_title
from lecture_grader.roster import People, Unclear, people_of
from lecture_grader.text import one_line, same_name
from lecture_utils.files import atomic_write
from lecture_utils.grading.tasks import Exercise

# What we write into the folder of results ourselves.
_OURS = {"grades.csv", "moodle.csv", "canvas.csv", "adjust.csv", "key.csv", "results.jsonl", "class.html"}
# Canvas: `Title (1234)`. Blackboard: `Title [Total Pts: 22 Score] |1234`. Brightspace: `Title Points Grade <Numeric
# MaxPoints:22 Weight:10>`. Moodle's gradebook: `Assignment: Title (Real)`; a percentage or letter is no mark.
_CANVAS = re.compile(r"(?P<title>.+) \(\d+\)")
_BLACKBOARD = re.compile(r"(?P<title>.+?) \[[^\]]*?(?P<most>\d+(?:[.,]\d+)?)?[^\]\d]*\] ?\|\d+")
_BRIGHTSPACE = re.compile(r"(?P<title>.+?) Points Grade(?: <[^>]*?MaxPoints:(?P<most>\d+(?:[.,]\d+)?)[^>]*>| <.*>)?")
_MOODLE = re.compile(r"(?:[^:]+: ?)?(?P<title>.+) \((?P<kind>[^()]+)\)")
_NO_MARKS = {
    "percentage",
    "letter",
    "feedback",
    "prozentsatz",
    "note als buchstabe",
    "パーセンテージ",
    "評定",
    "フィードバック",
}
_GRADES = {"grade", "bewertung", "note", "calificación", "nota", "valutazione", "評点", "评分", "成绩", "성적"}
_MOST_HEADINGS = {"maximum grade", "höchstpunktzahl", "最大評点"}


@dataclass(frozen=True)
class Mark:
    """A student's mark, on the way into a gradebook.

    Attributes:
        student: the name under which it was graded.
        points: the mark; None for one that is not final.
        who: what is known of each of those who handed it in.
        platform: where the numbers in ``who`` are from.
    """

    student: str
    points: float | None
    who: tuple[Who, ...]
    platform: str = ""


@dataclass
class Filled:
    """What became of a gradebook.

    Attributes:
        path: the copy with the marks.
        count: fields that were filled.
        unplaced: (student, why) for each mark that is not in it.
        said: what else the instructor should know.
    """

    path: Path
    count: int = 0
    unplaced: list[tuple[str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


class Gradebook:
    """A file that a platform's gradebook exported, and the column of one assignment in it.

    Args:
        path: of the file.
        exercise: the assignment.
        name: the exercise's file name without ``.ipynb``, or empty.
        column: the heading of the assignment's column; empty if it can be found by itself.
        out: the folder of results, which gets the copy.

    Raises:
        ValueError: the file cannot be read, or which column is the assignment's is not certain.

    Example:
        >>> book = Gradebook(Path("Grades.csv"), load_exercise("2"), "", "", Path("out"))  # doctest: +SKIP
        >>> book.fill([Mark("ann", 7, (Who(ids=("ann",)),))]).count  # doctest: +SKIP
        1
    """

    def __init__(self, path: Path, exercise: Exercise, name: str, column: str, out: Path):
        if path.name.lower() in _OURS:
            raise ValueError(f"--gradebook {path}: {out} gets a {path.name} of our own: rename yours")
        if path.resolve().parent == out.resolve():
            raise ValueError(f"--gradebook {path} lies in {out}, where the copy would replace it: move it elsewhere")
        self._table, self._out = CsvFile(path), out
        self._people = People(people_of(self._table))
        self._headings = [one.strip() for one in self._table.rows[0]]
        self._lower = [same_name(one) for one in self._headings]
        self._column = self._named(column) if column else self._found(exercise, name)
        self._most = exercise.max_points

    def fill(self, marks: Iterable[Mark]) -> Filled:
        """Write the copy. A field without a mark of ours stays as it is.

        Args:
            marks: of the class.
        """
        filled = Filled(self._out / self._table.path.name, said=[self._table.said] if self._table.said else [])
        places: dict[int, list[tuple[Mark, str]]] = {}
        at = {number: row for row, number in enumerate(self._table.numbers)}
        for mark in marks:
            for who in mark.who:
                try:
                    person = self._people.find(who, mark.platform)
                except Unclear as error:
                    filled.unplaced.append((mark.student, str(error)))
                    continue
                if person:
                    places.setdefault(at[person.row], []).append((mark, person.shown))
                else:
                    filled.unplaced.append((mark.student, self._people.near(who) or "not in it"))
        comma = self._writes_commas()
        locked = self._lower.index("grade can be changed") if "grade can be changed" in self._lower else None
        for row, several in places.items():
            cells = self._table.rows[row]
            if len(several) > 1:
                filled.unplaced += [(mark.student, f"several are {shown}") for mark, shown in several]
            elif locked is not None and cells[locked : locked + 1] == ["No"]:
                filled.unplaced.append(
                    (several[0][0].student, f"Moodle locked the grade in row {self._table.numbers[row]}")
                )
            else:
                text = f"{several[0][0].points:.10g}"
                self._table.replace(row, self._column, text.replace(".", ",") if comma else text)
                filled.count += 1
        most = self._maximum()
        if most is not None and most != self._most:
            filled.said.append(f"{self._heading} goes up to {most:g} points there, the exercise to {self._most:g}")
        with atomic_write(filled.path) as draft:
            draft.write_bytes(self._table.content())
        return filled

    @property
    def _heading(self) -> str:
        return one_line(self._headings[self._column], 80)

    def _named(self, column: str) -> int:
        """The column that ``--column`` names, by its heading or the assignment's title in it."""
        wanted = same_name(column)
        fitting = [at for at, heading in enumerate(self._lower) if heading == wanted]
        fitting = fitting or [at for at, title in self._titles().items() if same_name(title) == wanted]
        return self._only(fitting, f"--column {column}: ")

    def _found(self, exercise: Exercise, name: str) -> int:
        """The assignment's column: its title is the exercise's name, or has its number and no other."""
        if "identifier" in self._lower or any(one in _MOST_HEADINGS for one in self._lower):  # Moodle's worksheet
            return self._only([at for at, heading in enumerate(self._lower) if heading in _GRADES], "")
        titles = self._titles()
        same = [at for at, title in titles.items() if name and plain_title(title) == plain_title(name)]
        number = int(exercise.number) if exercise.number.isdecimal() else -1
        numbered = [at for at, title in titles.items() if {int(n) for n in re.findall(r"\d{1,9}", title)} == {number}]
        return self._only(same or numbered, "")

    def _only(self, fitting: list[int], prefix: str) -> int:
        if len(fitting) == 1:
            return fitting[0]
        shown = [self._headings[at] for at in (fitting or self._titles())]
        names = ", ".join(one_line(repr(one), 60) for one in shown[:12]) or "none"
        words = "several columns fit" if fitting else "no column fits"
        raise ValueError(f"{prefix}{words} in {self._table.path}: name one with --column (assignments: {names})")

    def _titles(self) -> dict[int, str]:
        """The assignments' columns and titles."""
        patterns = [_BRIGHTSPACE] if "end-of-line indicator" in self._lower else [_BLACKBOARD, _CANVAS, _MOODLE]
        titles = {}
        for at, heading in enumerate(self._headings):
            match = next((match for pattern in patterns if (match := pattern.fullmatch(heading))), None)
            kind = match.groupdict().get("kind") if match else None
            if match and not (kind and kind.lower() in (*_NO_MARKS, "read only")):
                titles[at] = match["title"].strip()
        return titles

    def _maximum(self) -> float | None:
        """The most points that the platform has for the assignment; None if the file does not say."""
        heading, texts = self._headings[self._column], list[str]()
        if (match := _BLACKBOARD.fullmatch(heading) or _BRIGHTSPACE.fullmatch(heading)) and match["most"]:
            texts = [match["most"]]
        for row in self._table.rows[1:4]:
            if "Points Possible" in row[0]:
                texts = row[self._column : self._column + 1]
        for at, name in enumerate(self._lower):
            if name in _MOST_HEADINGS:
                texts = [cell for row in self._table.rows[1:2] for cell in row[at : at + 1]]
        try:
            return float(texts[0].replace(",", "."))
        except (ValueError, IndexError):
            return None

    def _writes_commas(self) -> bool:
        """Whether points in the file have a decimal comma."""
        columns = {self._column, *self._titles(), *(at for at, one in enumerate(self._lower) if one in _MOST_HEADINGS)}
        cells = [row[at].strip() for row in self._table.rows[1:] for at in columns if at < len(row)]
        return any(re.fullmatch(r"-?\d+,\d{1,5}", cell, re.ASCII) for cell in cells)
