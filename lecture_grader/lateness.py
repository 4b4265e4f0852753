"""How late a notebook was handed in, and what that costs."""

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from lecture_grader.submissions import Submission, read_time

UNKNOWN = "cannot be known"
_DATE = re.compile(r"(\d{4})[-/](\d\d?)[-/](\d\d?)(?:[ T](\d\d?)(:.+))?")
_UNITS = {"hour": 3600, "day": 86400, "week": 604800}
_PENALTY = re.compile(r"(?P<amount>\d+(?:\.\d+)?)\s*(?P<percent>%?)\s*(?:/|per)\s*(?P<unit>hour|day|week)s?")


@dataclass(frozen=True)
class Penalty:
    """What each hour or day costs that has begun after the deadline and the grace.

    Attributes:
        amount: points, or with ``percent`` hundredths of the exercise's points.
        percent: see ``amount``.
        unit: seconds.
        grace: seconds in which nothing is late.

    >>> Penalty.read("10% / day", grace=15).cost(timedelta(hours=25).total_seconds(), 20)
    4.0
    """

    amount: float = 0
    percent: bool = False
    unit: int = 86400
    grace: float = 0

    @classmethod
    def read(cls, text: str, grace: float = 0) -> "Penalty":
        """What ``--penalty`` and ``--grace`` (in minutes) say.

        Raises:
            ValueError: the text is no penalty.
        """
        if not text:
            return cls(grace=60 * grace)
        match = _PENALTY.fullmatch(text.strip().lower())
        if not match:
            raise ValueError(f"--penalty {text}: write 10%/day (of the exercise's points), or 2/hour (points)")
        return cls(float(match["amount"]), bool(match["percent"]), _UNITS[match["unit"]], 60 * grace)

    def cost(self, seconds: float, max_points: float) -> float:
        """The points that so many seconds cost."""
        begun = math.ceil(seconds / self.unit) if seconds > self.grace else 0
        return begun * self.amount * (max_points / 100 if self.percent else 1)


@dataclass(frozen=True)
class Lateness:
    """How late one hand-in was.

    Attributes:
        words: for a table, such as ``2 d 1 h 5 min``; empty if it was in time or nobody asked.
        deduction: points.
    """

    words: str = ""
    deduction: float = 0


def read_deadline(text: str) -> datetime | None:
    """The time that an instructor writes, in this machine's zone if it names none; None if it is no time.

    A date alone means the end of that day. Spreadsheets write dates with slashes and without zeros; they are read, too.

    Example:
        >>> read_deadline("2026/12/3 9:30+09:00").isoformat(), read_deadline("2026-12-03").hour
        ('2026-12-03T09:30:00+09:00', 23)
    """
    match = _DATE.fullmatch(text.strip())
    if not match:
        return read_time(text, local=True)
    year, month, day, hour, rest = match.groups()
    clock = f"{int(hour):02}{rest}" if hour else "23:59:59"
    return read_time(f"{year}-{int(month):02}-{int(day):02} {clock}", local=True)


def lateness(
    one: Submission, due: datetime | None, extended: datetime | None, penalty: Penalty, max_points: float
) -> Lateness:
    """How late a submission was, by its time of handing in, or by what its platform says.

    Args:
        one: the submission.
        due: the deadline of the class; None if there is none.
        extended: the student's own deadline, which counts if it is later.
        penalty: what an hour or a day costs.
        max_points: of the exercise.
    """
    deadline = max(filter(None, (due, extended)), default=None)
    if deadline and one.handed_in:
        seconds = (one.handed_in - deadline).total_seconds()
        if seconds <= penalty.grace:
            return Lateness()
        return Lateness(_words(timedelta(seconds=seconds)), penalty.cost(seconds, max_points))
    if one.late and not extended:
        return Lateness(f"as {(one.platform or 'canvas').title()} says")
    return Lateness(UNKNOWN) if deadline and not one.problem else Lateness()


def _words(late: timedelta) -> str:
    minutes = max(1, int(late.total_seconds() // 60))
    return f"{minutes // 1440} d {minutes % 1440 // 60} h {minutes % 60} min"
