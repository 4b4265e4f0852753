"""Whose file it is, and when it was handed in: what the names in a platform's export say.

No file of a student is opened here. What a platform wrote itself beside the hand-ins is read: Gradescope's
``submission_metadata.yml`` and the ``.txt`` that Blackboard adds to each attempt.
"""

import contextlib
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import IO

from lecture_grader.handed_in import LINK, Entry, Refused, is_hidden, notebook_suffix

MAX_LINES = 5_000_000  # of Gradescope's metadata, which repeats what each test printed
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
# Moodle: a folder `Name_12345_assignsubmission_file` (before 4.1 with `_` at the end), or files with that before
# their names. nbgrader's exchange: `name+assignment+time+more`. Canvas: `name_LATE_12345_67890_work.ipynb`,
# `name_12345_text.html` for a typed text, and `LATE_anon_a1B2c_67890_work.ipynb` where names are hidden. The first
# numbers are the platform's; the student chose what follows them.
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.DOTALL)
_EXCHANGE = re.compile(r"(?P<name>.+)\+[^+]+\+(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^+]*)(?:\+[^+]*)?", re.DOTALL)
_CANVAS = re.compile(
    r"(?:(?P<late_unnamed>LATE_)?(?P<unnamed>anon_[0-9A-Za-z]{5})"
    r"|(?P<name>[^\s!-/:-@\[-^`{-~]+?)(?P<late>_LATE)?_(?P<id>[1-9]\d{0,18}))"
    r"_(?:(?P<number>[1-9]\d{0,18})_(?P<file>.+)|(?P<typed>text\.html|link\.html))",
    re.DOTALL,
)
# Blackboard: `Exercise 1_u10000_attempt_2026-11-20-14-33-10_work.ipynb`, and `..._10.txt` about the attempt itself.
_BLACKBOARD = re.compile(
    r"(?P<before>.+?)_attempt_(?P<day>\d{4}-\d\d-\d\d)-(?P<hour>\d\d)-(?P<minute>\d\d)-(?P<second>\d\d)"
    r"(?:_(?P<file>.+)|\.txt)",
    re.DOTALL,
)
# Brightspace: a folder `152711-351765 - John Doe - May 18, 2025 1224 PM`; before, files with that before their names.
_BRIGHTSPACE = re.compile(
    r"(?P<id>\d+)-\d+ - (?P<name>.+?) ?- (?P<time>(?=[^-]*\d{4})[^-]{8,40}?(?:[AP]M|\d{2}))(?: - (?P<file>.+))?",
    re.DOTALL,
)
_GRADESCOPE, _METADATA = re.compile(r"submission_\d+"), "submission_metadata.yml"
# Sakai: a folder `Satō, Aki(aki)` with `timestamp.txt` and `Submission attachment(s)`. ILIAS: `Satō_Aki_aki_4711`,
# and `Late Submission - work.ipynb` in it, in the language of the installation
# (getDirectoryNameFromUserData and downloadAllAssignmentFiles in ILIAS's class.ilExSubmission.php).
_SAKAI = re.compile(r"(?P<name>.+)\((?P<id>[^()]+)\)")
_ILIAS_LATE = re.compile(r"(?:late submission|versp(?:ä|ae)tete abgabe) - ", re.IGNORECASE)
# Teams: `Submitted files/STUDENT/ASSIGNMENT/Version 2/work.ipynb`; what nobody handed in is in `Working files`.
TEAMS, TEAMS_DRAFTS = "Submitted files", "Working files"
_VERSION = re.compile(
    r"(?:version|versión|versão|versione|versie|wersja|версия|バージョン|版本|버전) ?(\d{1,4})", re.IGNORECASE
)
# What Google Drive, Colab, Windows, macOS and Jupyter add to the name of a copy. Colab writes `_` for spaces and dots:
# `Kopie_von_x.ipynb`, `x_ipynb_のコピー.ipynb`, `「x_ipynb」的副本.ipynb`, `Копия_блокнота__x_.ipynb`.
_COPY_BEFORE = re.compile(
    r"(?:copy of|kopie (?:von|van|souboru)|kopi(?:a|e)? a[fv]|kopia pliku|kopia|kopie|kopio(?: tiedostosta)?"
    r"|copie (?:de|du|a|pentru)|[cç][oóò]pia d[eio]|копия(?: блокнота| файла)?|копія(?: записника| файлу)?|копие на"
    r"|копија|kopija|kópia(?: súboru)?|αντίγραφο(?: του)?|bản sao của|salinan(?: dari)?|kopya ng|koopia failist"
    r"|สำเนาของ|نسخة من|עותק של|afrit af)\s+",
    re.IGNORECASE,
)
_COPY_AFTER = re.compile(
    r"\s*(?:-\s*(?:copy|kopie|copie|copia|cópia|kopia|コピー|副本|복사본)|\scopy(?: \d{1,3})?|-copy\d+|のコピー|的副本"
    r"|의 ?사본|\s(?:adlı .{0,40} ?)?kopyası|\smásolata|\skopija|\skoopia|\sकी (?:कॉपी|प्रति)"
    r"|\(\d{1,3}\)|\.ipynb|\sipynb)\s*$",
    re.IGNORECASE,
)
_QUOTES = " \t\u3000\"'“”„«»「」『』‹›"


@dataclass(frozen=True)
class Who:
    """A student as an export calls them.

    Attributes:
        names: full names.
        ids: what belongs to one person everywhere: student number, login, e-mail address.
        number: the platform's own number, which means nothing elsewhere.
    """

    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    number: str = ""


@dataclass(frozen=True)
class Origin:
    """What the path of a file says about its hand-in.

    Attributes:
        key: shared by all files of one student.
        student: the name under which the student is graded.
        name: the file's own name, empty where that is the student's.
        platform: such as ``moodle``, or empty.
        user_id: the student's number or login there.
        handed_in: when, or None where that is not known.
        late: whether the platform called it late.
        attempt: (of what, which) for exports that number attempts; numbers of one thing can be compared.
        who: a :class:`Who` for each student who handed this in together.
        unknown: why nobody knows whose it is, or empty.
    """

    key: tuple[str, ...]
    student: str
    name: str = ""
    platform: str = ""
    user_id: str = ""
    handed_in: datetime | None = None
    late: bool = False
    attempt: tuple[str, int] = ("", 0)
    who: tuple[Who, ...] = ()
    unknown: str = ""


class Export:
    """A folder or zip as a whole: some of its names can be understood only beside the others.

    Args:
        entries: of the whole export.
        name: the exercise's file name without ``.ipynb``, or empty.
        around: the name of the folder or zip; GitHub Classroom's says how its folders begin.
    """

    def __init__(self, entries: list[Entry], name: str, around: str = ""):
        self._name = plain_title(name)
        # Canvas gives each file its own number, so a name whose numbers occur twice is not one of Canvas's.
        flat = [entry for entry in entries if len(entry.parts) == 1 and not is_hidden(entry.parts[0])]
        matches = [(entry.group, _match_canvas(entry.parts[0])) for entry in flat]
        self._canvas = Counter((group, *match.group("name", "id", "number")) for group, match in matches if match)
        self._titles = _titles([_stem(entry.parts[0]) for entry in flat if entry.is_notebook])
        self._plain = Counter(plain_title(_stem(entry.parts[0])) for entry in flat if entry.is_notebook)
        self._blackboard = dict(_blackboard_users(flat))
        self._gradescope = {
            (entry.group, folder): known
            for entry in flat
            if entry.parts[0] == _METADATA
            for folder, known in _read_metadata(entry).items()
        }
        inner = {(entry.group, *entry.parts[:2]) for entry in entries if len(entry.parts) > 1}
        self._sakai = {
            (group, first)
            for group, first, second in inner
            if _SAKAI.fullmatch(first) and (second == "timestamp.txt" or second.startswith("Submission attachment"))
        }
        folders = {(group, first) for group, first, _ in inner if not is_hidden(first)}
        self._ilias = _ilias_folders(folders)
        slug = around.removesuffix("-submissions") + "-" if around.endswith("-submissions") else ""
        self._slug = slug if slug and all(first.startswith(slug) and first != slug for _, first in folders) else ""

    def origin(self, entry: Entry) -> Origin | None:
        """Whose file it is; None if it is no student's."""
        first, alone = entry.parts[0], len(entry.parts) == 1
        file = "" if alone else entry.parts[-1]
        if is_hidden(first):
            return None
        if match := _MOODLE.fullmatch(first):
            student, file = f"{match['name']}_{match['id']}", match["file"] or "" if alone else file
            who = Who((match["name"],), number=match["id"])
            return Origin(("moodle", student), student, file, "moodle", match["id"], who=(who,))
        if match := _BRIGHTSPACE.fullmatch(first):
            return _brightspace(match, file)
        if not alone:
            return self._of_folder(entry, first, file)
        if match := _BLACKBOARD.fullmatch(first):
            user, name = self._blackboard[entry.group, match["before"]]
            who = Who((name,) if name else (), (user,))
            time = read_time("{day} {hour}:{minute}:{second}".format(**match.groupdict()), local=True)
            return Origin(("blackboard", user), user, match["file"] or "", "blackboard", user, time, who=(who,))
        match = _match_canvas(first)
        if match and self._canvas[(entry.group, *match.group("name", "id", "number"))] < 2:
            return _canvas(match)
        return self._of_file(entry, first)

    def _of_file(self, entry: Entry, first: str) -> Origin | None:
        """A file directly in the folder, which no platform named: the student's name is in its own."""
        stem = _stem(first)
        # a link without a suffix may stand for a student's folder
        if not stem or not (entry.is_notebook or entry.is_zip or (entry.problem == LINK and "." not in first)):
            return None
        title = plain_title(stem)
        dashes = [match.start() for match in re.finditer(" - ", stem)]
        for at in dashes[-5:]:  # Google Classroom: `Name - file.ipynb`
            student, rest = without_copy(stem[:at]), plain_title(stem[at + 3 :])
            if student and rest and (rest == self._name or rest in self._titles):
                key, who = ("google", student), (Who((student,)),)
                return Origin(key, student, platform="google", who=who)
        unknown = ""
        if self._name and title == self._name:
            unknown = "the file is called like the exercise, and nothing says whose it is"
        elif self._plain[title] > 1 and without_copy(stem) != stem:
            unknown = "several files have this name, and nothing says whose they are"
        return Origin(("file", first), stem, unknown=unknown)

    def _of_folder(self, entry: Entry, first: str, file: str) -> Origin | None:
        """A file in a folder, which holds what one student handed in."""
        place = (entry.group, first)
        if known := self._gradescope.get(place):
            who, time = known
            student = " + ".join((one.names or one.ids)[0] for one in who)
            user = who[0].ids[0] if len(who) == 1 and who[0].ids else ""
            return Origin(("gradescope", first), student, file, "gradescope", user, time, who=who)
        if match := _EXCHANGE.fullmatch(first):
            time, who = read_time(match["time"]), (Who((), (match["name"],)),)
            return Origin(("exchange", match["name"]), match["name"], file, handed_in=time, who=who)
        one = Origin(("folder", first), first, file)
        if place in self._sakai and (match := _SAKAI.fullmatch(first)):
            if len(entry.parts) > 2 and entry.parts[1].startswith("Feedback Attachment"):  # the instructor's
                return None
            return replace(one, platform="sakai", user_id=match["id"], who=(Who((match["name"],), (match["id"],)),))
        if place in self._ilias:
            *names, login, number = first.split("_")
            late, own = bool(_ILIAS_LATE.match(file)), _ILIAS_LATE.sub("", file, count=1)
            who = (Who((" ".join(names),), (login,), number),)
            return replace(one, name=own, platform="ilias", user_id=login, late=late, who=who)
        if _GRADESCOPE.fullmatch(first):
            return replace(one, unknown=f"{_METADATA} is missing or does not say whose it is")
        version = _VERSION.fullmatch(entry.parts[2]) if len(entry.parts) > 3 else None
        if version:
            attempt = (entry.parts[1], int(version[1]))
            return replace(one, platform="teams", attempt=attempt, who=(Who((first,)),))
        login = first.removeprefix(self._slug)
        return replace(one, student=login, platform="github", who=(Who((), (login,)),)) if self._slug else one


def is_of_platform(name: str) -> bool:
    """Whether a platform gave a file or folder this name, as far as the name alone can tell.

    Example:
        >>> is_of_platform("Aki Sato_101_assignsubmission_file_"), is_of_platform("Aki Sato.ipynb")
        (True, False)
    """
    known = (_MOODLE, _EXCHANGE, _BLACKBOARD, _BRIGHTSPACE, _GRADESCOPE)
    return any(pattern.fullmatch(name) for pattern in known) or bool(_match_canvas(name))


def is_class_of(names: dict[str, set[str]], name: str) -> bool:
    """Whether a folder holds a class rather than what one student handed in.

    Args:
        names: for each entry of the folder the names that are anywhere below it; its own name for a file.
        name: the exercise's file name without ``.ipynb``, or empty.

    Example:
        >>> is_class_of({"ann": {"w.ipynb"}, "bo": {"w.ipynb"}}, "w"), is_class_of({"w.ipynb": {"w.ipynb"}}, "w")
        (True, False)
    """
    if _METADATA in names or 2 * sum(map(is_of_platform, names)) > len(names):
        return True
    stems = [_stem(one) for one in names if notebook_suffix(one)]
    title = f" - {plain_title(name)}"
    google = sum(bool(name) and plain_title(stem).endswith(title) for stem in stems)
    same = sum(f"{name}.ipynb" in below for first, below in names.items() if first not in below)
    sakai = sum(bool(_SAKAI.fullmatch(first)) and "timestamp.txt" in below for first, below in names.items())
    return google > 1 or sakai > 0 or (bool(name) and same > 1)


def without_copy(title: str) -> str:
    """A file's title without what programs add to copies: ``Copy of``, ``のコピー``, ``(2)``, quotes around it.

    Example:
        >>> without_copy("Copy of 01_tensors (2)"), without_copy("01_tensors_ipynb_のコピー")
        ('01_tensors', '01_tensors')
    """
    title = unicodedata.normalize("NFC", title)
    for _ in range(6):
        spaced = title.replace("_", " ")
        start, end = 0, len(title)
        if match := _COPY_BEFORE.match(spaced):
            start = match.end()
        if match := _COPY_AFTER.search(spaced, max(start, len(spaced) - 80)):
            end = match.start()
        shorter = title[start:end].strip(_QUOTES).strip("_" if (start, end) != (0, len(title)) else "")
        if shorter in (title, ""):
            break
        title = shorter
    return title


def plain_title(title: str) -> str:
    """A title in a form in which equal ones are equal: without copies' additions, case, width, underscores.

    Example:
        >>> plain_title("Kopie_von_01_Tensors") == plain_title("01_tensors")
        True
    """
    return " ".join(unicodedata.normalize("NFKC", without_copy(title)).casefold().replace("_", " ").split())


def read_time(text: str, *, local: bool = False) -> datetime | None:
    """The time that a text such as nbgrader's ``2026-02-02 15:58:23.948203 UTC`` names; None if it is no time.

    Args:
        text: ISO 8601, with or without a time zone; or as Sakai writes it, ``20261121143321000`` (which is UTC) or
            ``Sat Nov 21 14:33:21 UTC 2026``; or as Brightspace does, ``Nov 20, 2026 233 PM``.
        local: a time without a zone is in this machine's zone; by default it is UTC.

    Example:
        >>> read_time("2026-12-01 18:00 UTC").isoformat()
        '2026-12-01T18:00:00+00:00'
    """
    text = text.strip()
    if re.fullmatch(r"\d{17}", text, re.ASCII):
        text = f"{text[:8]}T{text[8:14]}Z"
    elif match := re.fullmatch(r"\w{3} (\w{3}) (\d\d) (\d\d:\d\d:\d\d) (?:UTC|GMT) (\d{4})", text, re.ASCII):
        text = f"{match[4]}-{_month(match[1])}-{match[2]}T{match[3]}Z"
    elif match := re.fullmatch(
        r"([A-Za-z]{3,9})\.? (\d\d?), (\d{4}),? (\d\d?):?(\d\d) ?([AP])M", text, re.ASCII | re.IGNORECASE
    ):
        hour = int(match[4]) % 12 + 12 * (match[6] in "pP")
        text = f"{match[3]}-{_month(match[1])}-{int(match[2]):02}T{hour:02}:{match[5]}"
    text = re.sub(r" (?=(?:Z|[+-]\d\d:?\d\d)$)", "", text.removesuffix(" UTC").removesuffix(" Etc/UTC"))
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    if time.tzinfo:
        return time
    return time.astimezone() if local else time.replace(tzinfo=UTC)


def _month(word: str) -> str:
    """The number of an English month, two digits; ``00``, which is no date, for other words."""
    short = word[:3].lower()
    return f"{_MONTHS.index(short) + 1:02}" if short in _MONTHS else "00"


def _stem(file: str) -> str:
    suffix = notebook_suffix(file) or (".zip" if file.lower().endswith(".zip") else "")
    return file[: len(file) - len(suffix)]


def _match_canvas(file: str) -> re.Match[str] | None:
    """The parts of a name that Canvas made; None for other names, such as ``hw_1_2_ann`` or one with a date."""
    match = _CANVAS.fullmatch(file)
    if not match or not match["name"]:
        return match
    user, number = int(match["id"]), int(match["number"] or match["id"])
    date = 1900 <= user <= 2100 and number <= 12
    return None if match["name"].isdigit() or date or max(user, number) < 100 else match


def _canvas(match: re.Match[str]) -> Origin:
    file, late = match["file"] or match["typed"], bool(match["late"] or match["late_unnamed"])
    # Canvas numbers a file that is handed in again: `work.ipynb`, `work-1.ipynb`.
    again = re.fullmatch(r"(?P<stem>.+?)(?:-(?P<number>\d{1,4}))?(?P<suffix>\.ipynb)", file, re.DOTALL)
    attempt = (again["stem"], int(again["number"] or 0)) if again else ("", 0)
    if match["unnamed"]:
        key = ("canvas", match["unnamed"])
        return Origin(key, match["unnamed"], file, late=late, attempt=attempt)
    student, who = f"{match['name']}_{match['id']}", Who((match["name"],), number=match["id"])
    return Origin(("canvas", student), student, file, "canvas", match["id"], None, late, attempt, (who,))


def _brightspace(match: re.Match[str], file: str) -> Origin:
    student, who = f"{match['name']}_{match['id']}", Who((match["name"],), number=match["id"])
    time, file = read_time(match["time"], local=True), file or match["file"] or ""
    return Origin(("brightspace", student), student, file, "brightspace", match["id"], time, who=(who,))


def _titles(stems: list[str]) -> set[str]:
    """Google's titles: what follows ``Name - `` in more than half of the files, and in three at least."""
    split = [stem.rpartition(" - ") for stem in stems if " - " in stem]
    counts = Counter(title for title, _ in {(plain_title(title), name) for name, _, title in split})
    return {title for title, count in counts.items() if title and count > 2 and 2 * count > len(stems)}


def _ilias_folders(folders: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The folders, if two or more are all named as ILIAS does, each with a login and a number of its own."""
    split = [first.split("_") for _, first in folders]
    fitting = all(len(parts) > 3 and all(parts) and parts[-1].isdecimal() for parts in split)
    own = fitting and len({parts[-1] for parts in split}) == len({parts[-2] for parts in split}) == len(split)
    return folders if own and len(folders) > 1 else set()


def _blackboard_users(flat: list[Entry]) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Yield (group, ``title_user``) and (user, full name) for each hand-in on Blackboard.

    Title and user may hold underscores. Blackboard's text about an attempt begins with ``Name: Aki Satō (u10000)``;
    without it, the title is what all have in common.
    """
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for entry in flat:
        if match := _BLACKBOARD.fullmatch(entry.parts[0]):
            place = entry.group, match["before"]
            found.setdefault(place, ("", ""))
            line = "" if match["file"] else _first_line(entry)
            said = re.fullmatch(r"[^:：]*[:：]\s*(?P<name>.*?)\s*\((?P<user>[^()]+)\)", line)
            if said and match["before"].endswith(f"_{said['user']}"):
                found[place] = said["user"], said["name"]
    groups: dict[str, list[str]] = {}
    for group, before in sorted(found):
        groups.setdefault(group, []).append(before)
    for (group, before), (user, name) in found.items():
        common = before
        if len(groups[group]) > 1:  # what the first and the last have in common, all between them have
            pairs = zip(groups[group][0], groups[group][-1], strict=False)
            common = before[: sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))]
        yield (group, before), (user or before[common.rfind("_") + 1 :], name)


def _first_line(entry: Entry) -> str:
    """The first line of a small file that a platform wrote; empty if it cannot be read."""
    with contextlib.suppress(OSError, Refused, RuntimeError, EOFError):
        if entry.read:
            with entry.read() as file:
                return file.readline(1000).decode("utf-8-sig", "replace").strip()
    return ""


def _read_metadata(entry: Entry) -> dict[str, tuple[tuple[Who, ...], datetime | None]]:
    """Who handed in each folder of Gradescope's export, and when, from ``submission_metadata.yml``."""
    known: dict[str, tuple[tuple[Who, ...], datetime | None]] = {}
    with contextlib.suppress(OSError, Refused, RuntimeError, EOFError):
        if entry.read:
            with entry.read() as file:
                for folder, people, time in _metadata_blocks(file):
                    who = tuple(
                        Who(
                            (one["name"],) if one.get("name") else (),
                            tuple(one[part] for part in ("sid", "email") if one.get(part)),
                        )
                        for one in people
                        if any(one.values())
                    )
                    if who:
                        known[folder] = who, time
    return known


def _metadata_blocks(file: IO[bytes]) -> Iterator[tuple[str, list[dict[str, str]], datetime | None]]:
    """Yield (folder, submitters, time) for each block of a YAML file that Ruby wrote, whose keys are ``:symbols``.

    It is read by lines: all that a student's tests printed is in it, further indented.
    """
    folder, people, time, inside = "", list[dict[str, str]](), None, False
    for _ in range(MAX_LINES):
        line = file.readline(10_000).decode("utf-8", "replace")
        if not line:
            break
        if match := re.match(r"(submission_\w+):\s*$", line):
            if folder:
                yield folder, people, time
            folder, people, time, inside = match[1], [], None, False
        elif match := re.match(r"  :(\w+):\s*(.*)", line):
            inside = match[1] == "submitters"
            time = read_time(_scalar(match[2])) if match[1] == "created_at" else time
        elif inside and (match := re.match(r" {2,4}(- |  ):(name|sid|email):\s*(.*)", line)):
            if match[1] == "- " or not people:
                people.append({})
            people[-1][match[2]] = _scalar(match[3])
    if folder:
        yield folder, people, time


def _scalar(text: str) -> str:
    """A value in YAML on one line, without its quotes."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        code = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|(.))")
        return code.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else m[3], text[1:-1])
    return "" if text in ("null", "~") else text
