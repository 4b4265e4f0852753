"""Who is who: the people of a class as a table names them, and which of them handed in what."""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lecture_grader.csv_file import CsvFile
from lecture_grader.platforms import Who
from lecture_grader.results import escape_formula, write_grades
from lecture_grader.submissions import Remark, Submission
from lecture_grader.text import one_line, same_name
from lecture_utils.grading.tasks import Exercise

MAX_SEARCHED = 300  # characters of a file's name in which --roster-pattern is looked for
MAX_ROTATED = 8  # words of a name that may come in another order without spaces
_PARTS = ("id", "login", "email", "name", "first", "last")
# Headings, as `_plain` writes them.
_HEADINGS = {
    "id": "id studentid studentnumber studentno studentnr idnumber sisuserid sisid sid universityid orgdefinedid uid "
    "matriculationnumber matrikelnummer matrikelnr registrationnumber idナンバー 学籍番号 学生番号 学生証番号 学号 "
    "學號 학번",
    "login": "login loginid sisloginid username user userid netid account loginname benutzername anmeldename kennung "
    "nomdutilisateur githubusername githublogin ログイン ログイン名 ログインid ユーザ名 ユーザー名 ユーザid ユーザーid",
    "email": "email emailaddress mail mailaddress emailadresse adressedecourriel correo eメール メール メールアドレス",
    "name": "name fullname student studentname displayname sortablename vollständigername nomcomplet 氏名 名前 "
    "学生氏名 氏名漢字 氏名カナ 氏名ローマ字 フルネーム フリガナ ふりがな ローマ字氏名 英語氏名 姓名 이름 성명",
    "first": "firstname givenname forename first vorname prénom nombre 名 firstnames",
    "last": "lastname familyname surname last nachname nom apellidos 姓 苗字",
}
_NOBODY = Who()
_PART_OF = {heading: part for part, headings in _HEADINGS.items() for heading in headings.split()}


@dataclass(frozen=True)
class Person:
    """A row of a roster or of a platform's gradebook.

    Attributes:
        row: in the table, as a spreadsheet counts.
        id, name, email: the first of each, or empty.
        who: all that the row says.
        platform: whose numbers ``who.number`` are.
    """

    row: int
    id: str = ""
    name: str = ""
    email: str = ""
    who: Who = _NOBODY
    platform: str = ""

    @property
    def shown(self) -> str:
        """The person in a message, such as ``s1234567 Aki Satō``."""
        return one_line(" ".join(filter(None, (self.id, self.name))) or self.email, 100)


@dataclass
class Matches:
    """Who of a table handed in what.

    Attributes:
        people: for each student the people who handed that in, one unless it was a group.
        perhaps: those who may have handed in what is unclear.
        unclear: (student, why) where several rows fit, or none fits all that is known.
        strangers: (student, hint) where no row fits.
    """

    people: dict[str, list[Person]] = field(default_factory=dict)
    perhaps: set[Person] = field(default_factory=set)
    unclear: list[tuple[str, str]] = field(default_factory=list)
    strangers: list[tuple[str, str]] = field(default_factory=list)

    def twice(self) -> list[tuple[Person, list[str]]]:
        """The people of whom there are several hand-ins, and these."""
        students: dict[Person, list[str]] = {}
        for student, people in self.people.items():
            for person in people:
                students.setdefault(person, []).append(student)
        return [(person, several) for person, several in students.items() if len(several) > 1]


class People:
    """The people in a table, found by what a platform or a file's name says of them.

    Args:
        people: of the table.

    Example:
        >>> People([Person(2, who=Who(("Sato, Aki",)))]).find(Who(("Aki SATO",))).row
        2
    """

    def __init__(self, people: list[Person]):
        self.people = people
        self._ids: dict[str, set[Person]] = {}
        self._names: dict[str, set[Person]] = {}
        self._bare: dict[
            frozenset[tuple[str, int]], set[Person]
        ] = {}  # by name without accents, made when it is first needed
        for person in people:
            for id in person.who.ids:
                self._ids.setdefault(_plain(id), set()).add(person)
            if person.platform:
                self._ids.setdefault(f"{person.platform} {person.who.number}", set()).add(person)
            for name in person.who.names:
                for key in _name_keys(name):
                    self._names.setdefault(key, set()).add(person)

    def find(self, who: Who, platform: str = "") -> Person | None:
        """Who is meant; None if nobody fits.

        Raises:
            Unclear: several fit, or number and name are those of different people.
        """
        ids = set().union(*(self._ids.get(_plain(id), set()) for id in who.ids))
        if platform and who.number:
            ids |= self._ids.get(f"{platform} {who.number}", set())
        names = set().union(*(self._names.get(key, set()) for name in who.names for key in _name_keys(name)))
        if ids and names and not ids & names:
            raise Unclear(ids | names, f"the number or login is that of {_rows(ids)}, the name that of {_rows(names)}")
        fitting = (ids & names) or ids or names
        if len(fitting) > 1:  # the platform's own number may be one of the table's, and may not
            fitting = (fitting & self._ids.get(_plain(who.number), set()) if who.number else set()) or fitting
        if len(fitting) > 1:
            raise Unclear(fitting, f"could be {_rows(fitting)}")
        return next(iter(fitting), None)

    def near(self, who: Who) -> str:
        """Who may be meant by a name that fits no row exactly, as a hint; empty if nobody is near."""
        if not self._bare:
            for person in self.people:
                for name in person.who.names:
                    self._bare.setdefault(_without_accents(name), set()).add(person)
        near: set[Person] = set()
        for name in who.names:
            near |= self._bare.get(_without_accents(name)) or set()
        return f"perhaps {_rows(near)}" if 0 < len(near) < 4 else ""


def people_of(table: CsvFile) -> list[Person]:
    """The people of a table, whose columns are found by their headings.

    Raises:
        ValueError: no column has a heading that is known.
    """
    headings = [_plain(heading) for heading in table.rows[0]]
    parts = [_PART_OF.get(heading, "") for heading in headings]
    canvas = {"student", "id"} <= set(headings) and {"sisloginid", "sisuserid"} & set(headings)
    if canvas:
        parts[headings.index("id")] = "number"
    participant = headings.index("identifier") if "identifier" in headings else None
    if participant is not None:
        parts[participant] = "number"
    if not any(parts) or not set(parts) & {"id", "login", "email", "name", "last", "number"}:
        shown = ", ".join(one_line(heading, 40) for heading in table.rows[0][:12])
        raise ValueError(
            f"{table.path}, row 1: no heading says which column has ids, e-mail addresses or names ({shown}): "
            "call one of them id, email or name"
        )
    people = []
    for number, row in zip(table.numbers[1:], table.rows[1:], strict=True):
        cells: dict[str, list[str]] = {part: [] for part in (*_PARTS, "number")}
        for part, cell in zip(parts, row, strict=False):
            text = re.sub("^(?:'(?=[=+@-])|#)", "", cell.strip())  # ' is our own escape, # is Brightspace's
            if part and text not in ("", "-"):
                cells[part].append(text)
        if canvas and (cells["name"][:1] == ["Student, Test"] or "Points Possible" in "".join(cells["name"][:1])):
            continue
        person = _person(number, cells, "canvas" if canvas else "moodle" if participant is not None else "")
        if person.who != _NOBODY:
            people.append(person)
    return people


def _person(row: int, cells: dict[str, list[str]], platform: str) -> Person:
    whole = " ".join(cells["first"] + cells["last"])
    names = (*cells["name"], *([whole] if whole else []))
    ids = (*cells["id"], *cells["login"], *cells["email"])
    number = re.sub(r"\D", "", cells["number"][0], flags=re.ASCII) if cells["number"] else ""
    id, name, email = (part[0] if part else "" for part in (cells["id"] or cells["login"], names, cells["email"]))
    return Person(row, id, name, email, Who(names, ids, number), platform if number else "")


class Unclear(ValueError):
    """Several rows may be meant; the message says why.

    Attributes:
        people: of these rows.
    """

    def __init__(self, people: Iterable[Person], why: str):
        super().__init__(why)
        self.people = set(people)


class Roster:
    """A class's roster.

    Args:
        path: of the CSV file.
        pattern: finds id, login, email or name in a file's name, by groups of these names, as in ``(?P<id>s\\d{7})``.

    Raises:
        ValueError: the file or the pattern cannot be used.

    Example:
        >>> roster = Roster(Path("roster.csv"), r"(?P<id>s\\d{7})")  # doctest: +SKIP
        >>> roster.match(found).people["s1234567_work"][0].name  # doctest: +SKIP
        'Aki Satō'
    """

    def __init__(self, path: Path, pattern: str = ""):
        table = CsvFile(path)
        self.said = table.said
        self.people = list({(one.who, one.platform): one for one in reversed(people_of(table))}.values())[::-1]
        if not self.people:
            raise ValueError(f"{path} names nobody below its headings")
        self._index = People(self.people)
        try:
            self._pattern = re.compile(pattern) if pattern else None
        except re.error as error:
            raise ValueError(f"--roster-pattern {pattern}: {error}") from None
        groups = set(self._pattern.groupindex if self._pattern else ())
        if self._pattern and not groups & {"id", "login", "email", "name"}:
            raise ValueError(rf"--roster-pattern {pattern}: name what it finds, as in (?P<id>s\d{{7}})")

    def match(self, found: Iterable[Submission]) -> Matches:
        """Which people of the roster handed in what."""
        matches = Matches()
        for one in found:
            people = []
            known = _known_of(one)
            for who in known:
                who = self._with_pattern(who, one) if len(known) == 1 else who
                try:
                    person = self._index.find(who, one.platform)
                except Unclear as error:
                    matches.perhaps |= error.people
                    matches.unclear.append((one.student, str(error)))
                    continue
                if person:
                    people.append(person)
                else:
                    matches.strangers.append((one.student, self._index.near(who)))
            if people:
                matches.people[one.student] = people
        return matches

    def missing(self, matches: Matches) -> list[Person]:
        """The people who handed in nothing, without those who perhaps did."""
        seen = matches.perhaps.union(*matches.people.values())
        return [person for person in self.people if person not in seen]

    def _with_pattern(self, who: Who, one: Submission) -> Who:
        """What is known, with what the pattern finds in the name of the hand-in or of its file."""
        for text in (one.student, one.name) if self._pattern else ():
            if self._pattern and (match := self._pattern.search(text[:MAX_SEARCHED])):
                given = {part: value for part, value in match.groupdict().items() if value}
                ids = tuple(value for part, value in given.items() if part in ("id", "login", "email"))
                names = (given["name"],) if "name" in given else ()
                return Who((*who.names, *names), (*who.ids, *ids), who.number)
        return who


def remarks_on(roster: Roster, matches: Matches) -> list[Remark]:
    """What the instructor should know, for the class page and the terminal.

    Args:
        roster: the class.
        matches: what :meth:`Roster.match` said.
    """
    remarks: list[Remark] = [
        ("On the roster, but handed in nothing", [([], person.shown) for person in roster.missing(matches)]),
        ("Handed in, but not on the roster", [([student], hint) for student, hint in matches.strangers]),
        ("Not clear who this is on the roster", [([student], why) for student, why in matches.unclear]),
        ("Several hand-ins of one person", [(students, person.shown) for person, students in matches.twice()]),
    ]
    return [remark for remark in remarks if remark[1]]


def add_to_grades(out: Path, roster: Roster, matches: Matches, missing: list[dict[str, Any]]) -> None:
    """Add to ``grades.csv`` what the roster says of each student, and lines for those who handed in nothing.

    Args:
        out: the folder of results.
        roster, matches: the class, and what :meth:`Roster.match` said.
        missing: a row for each of :meth:`Roster.missing`, in this order.
    """
    text = (out / "grades.csv").read_text(encoding="utf-8-sig")
    heading, *lines = csv.reader(io.StringIO(text, newline=""))
    new = [part for part in ("id", "name", "email") if any(getattr(person, part) for person in roster.people)]
    people = {escape_formula(student): found for student, found in matches.people.items()}
    table: list[list[Any]] = [[heading[0], *new, *heading[1:]]]
    for student, *cells in lines:
        shown = ["; ".join(getattr(person, part) for person in people.get(student, [])) for part in new]
        table.append([student, *shown, *cells])
    for person, row in zip(roster.missing(matches), missing, strict=True):
        values = [row.get(part) if row.get(part) or part == "points" else None for part in heading[1:]]
        said = ["yes" if value is True else value for value in values]
        table.append([row["student"], *(getattr(person, part) for part in new), *said])
    write_grades(out, table)


def rows_without_mark(people: list[Person], taken: Iterable[str], exercise: Exercise) -> list[dict[str, Any]]:
    """A row for each of those who handed in nothing, under a name that nobody else has.

    Args:
        people: see :meth:`Roster.missing`.
        taken: names of students.
        exercise: whose points are missed.
    """
    used, rows = {same_name(student) for student in taken}, list[dict[str, Any]]()
    for person in people:
        names = (person.name, person.shown, f"{person.shown} (row {person.row})")
        student = next((name for name in names if name and same_name(name) not in used), names[-1])
        used.add(same_name(student))
        row: dict[str, Any] = {"student": student, "exercise": exercise.number, "points": None, "notes": []}
        rows.append(row | {"max_points": exercise.max_points, "status": "not handed in", "seconds": None, "tasks": {}})
    return rows


def known_with(one: Submission, people: list[Person]) -> tuple[Who, ...]:
    """What is known of those who handed something in, with what a roster says of them.

    Args:
        one: what they handed in.
        people: the same on a roster; fewer if it does not have all.
    """
    known = _known_of(one)
    if len(people) != len(known):
        return known
    return tuple(
        Who((*who.names, *person.who.names), (*who.ids, *person.who.ids), who.number)
        for who, person in zip(known, people, strict=True)
    )


def _known_of(one: Submission) -> tuple[Who, ...]:
    return one.who or (Who((one.student,), (one.student,)),)


def _rows(people: Iterable[Person]) -> str:
    return " or ".join(f"{one.shown} (row {one.row})" for one in sorted(people, key=lambda one: one.row))


def _plain(text: str) -> str:
    """A heading or number in a form in which equal ones are equal: no case, width, spaces or punctuation but ``@.``"""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in plain if c.isalnum() or (c in "@.+" and "@" in plain))


def _words_of(name: str) -> list[str]:
    """The words of a name, whatever their case, width and the form of their accents."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return [
        "".join(c for c in word if c not in "'’.") for word in re.split(r"[\s,;_()・·-]+", plain) if word.strip("'’.")
    ]


def _name_keys(name: str) -> set[str]:
    """Keys of which two spellings of one name share at least one: the words in any order, or joined."""
    words = _words_of(name)
    if not words:
        return set()
    turned = ["".join(words[at:] + words[:at]) for at in range(len(words) if len(words) <= MAX_ROTATED else 1)]
    return {" ".join(sorted(words)), *turned}


def _without_accents(name: str) -> frozenset[tuple[str, int]]:
    bare = (unicodedata.normalize("NFD", word) for word in _words_of(name))
    words = ("".join(c for c in word if not unicodedata.combining(c)) for word in bare)
    return frozenset(Counter(words).items())
