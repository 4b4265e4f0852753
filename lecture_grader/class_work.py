"""The steps of the command ``lecture grade`` and what it prints: collect submissions, grade them, hand back marks."""

import contextlib
import re
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from lecture_grader import gradescope, handing_back, lms, sandbox
from lecture_grader.adjust import FILE, Decisions, final_row, make_file, read_adjustments
from lecture_grader.changes import changes_since_last
from lecture_grader.class_page import write_class_page
from lecture_grader.dask_cluster import ClusterError, dask_cluster
from lecture_grader.fork_client import start_server_for_workers
from lecture_grader.grade_class import GradingOptions, grade_class
from lecture_grader.gradebook import Gradebook, Mark
from lecture_grader.lateness import UNKNOWN, Lateness, Penalty, lateness, read_deadline
from lecture_grader.marking import write_marking_page
from lecture_grader.nbgrader_course import Course
from lecture_grader.notebook_run import PACKAGES
from lecture_grader.repair import Unreadable, read_cells
from lecture_grader.report import write_mark
from lecture_grader.results import REASONS, escape_formula, keep_edited_table, report_name, summarise
from lecture_grader.roster import Matches, Person, Roster, add_to_grades, known_with, remarks_on, rows_without_mark
from lecture_grader.submissions import Remark, Submission, find_submissions
from lecture_grader.terminal import console, fail, progress_bar, say
from lecture_grader.text import one_line, same_name
from lecture_utils.grading.tasks import Exercise, load_exercise

_WORDS = {
    "passed": "[green]✓ solved[/]",
    "failed": "[red]✗ not solved[/]",
    "todo": "○ open",
    "unjudged": "–",
    "manual": "✎ marked by a person",
}


@contextlib.contextmanager
def errors_end_the_command() -> Iterator[None]:
    """Print what is wrong instead of a traceback."""
    try:
        yield
    except BrokenPipeError:  # the program that reads the output, such as head, has ended
        raise
    except OSError as error:
        reason = f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
        fail(f"{reason}: what is graded is kept; when that is repaired, run the same command again to continue", 1)
    except (ValueError, sandbox.SandboxError, ClusterError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("interrupted: run the same command again to continue", 130)


class ClassWork:
    """The work of a class on one exercise, from collecting to handing back; each step prints what it does.

    Args:
        which: the number of the exercise, or a file of checks.
        out, released, due, penalty: options of the command.

    Raises:
        ValueError: one of these cannot be read. Every step raises it, with a message for the instructor.
    """

    def __init__(
        self, which: str | Path, out: Path | None, released: Path | None, due: str, penalty: Penalty | None = None
    ):
        self.exercise = _load(which)
        self.out = out or Path("build") / f"grades-{self.exercise.number}"
        path = released or (None if isinstance(which, Path) else _course_notebook(self.exercise.number))
        self.released = _cells_of(path) if path else []
        self.name = path.stem if path else ""
        self.due = read_deadline(due)
        if due and not self.due:
            raise ValueError(f'--due {due}: write a time such as "2026-12-01 18:00" or "2026-12-01T18:00+09:00"')
        self.course: Course | None = None
        self.found: list[Submission] = []
        self.left_out: list[str] = []
        self.secret = [self.out, *([which] if isinstance(which, Path) else [])]
        self.rows: list[dict[str, Any]] = []
        self.by_student: dict[str, Submission] = {}
        self.earlier: set[str] = set()
        self.decisions: dict[str, Decisions] = {}
        self.penalty = penalty or Penalty()
        self.remarks: list[Remark] = []
        self.roster: Roster | None = None
        self.gradebook: Gradebook | None = None

    def collect(self, where: Path, scratch: Path) -> None:
        """Find the submissions in a folder, a zip or one notebook, see :func:`~.submissions.find_submissions`."""
        self.secret.append(where)
        self.found = find_submissions(
            where, self.exercise, scratch, out=self.out, name=self.name, left_out=self.left_out, remarks=self.remarks
        )

    def collect_course(self, folder: Path, python: str, assignment: str, scratch: Path) -> None:
        """Find the submissions to an assignment of an nbgrader course, see :class:`~.nbgrader_course.Course`."""
        self.secret.append(folder)
        self.course = Course(folder, self.exercise, python, assignment)
        self.found = self.course.submissions(scratch)
        self.name = self.course.name
        self.due = self.due or self.course.due

    def read_tables(self, roster: Path | None, pattern: str, gradebook: Path | None, column: str) -> None:
        """Read the roster and the platform's gradebook, before any time is spent on grading."""
        if pattern and not roster:
            raise ValueError("--roster-pattern says how to find students of a roster: name it with --roster FILE")
        if roster:
            self.roster = Roster(roster, pattern)
            if self.roster.said:
                say(escape(self.roster.said))
        if gradebook:
            self.gradebook = Gradebook(gradebook, self.exercise, self.name, column, self.out)

    def grade(self, options: GradingOptions, workers: int, dask: str | None, fresh: bool) -> None:
        """Grade the submissions, ``workers`` at once (0: one a core) or on the cluster ``dask``; print each row."""
        if options.isolate:
            sandbox.check_not_shown(self.secret, PACKAGES)
        self.by_student = {one.student: one for one in self.found}
        self.earlier = handing_back.students_in(self.out)
        handing_back.bring_back(self.out, [one.student for one in self.found])
        why_new = _why_not_forked(options)
        processes = f"New processes ({why_new})" if why_new else "Forked processes"
        options = replace(options, fork=not why_new)
        machines: contextlib.AbstractContextManager[tuple[Executor | None, int]]
        if dask:
            machines = dask_cluster(dask)
            processes += f" on {dask}."
        else:
            count, limits = sandbox.share_out(options.limits, workers, len(self.found))
            machines = contextlib.nullcontext((None, count))
            options = replace(options, limits=limits)
            processes += f", {count} at once, {limits.threads} thread{'s' * (limits.threads > 1)} each."
            if options.isolate:
                sandbox.require()
        protection = f"In force: {'; '.join(sandbox.protections())}."
        if not options.isolate:
            protection = "NOT PROTECTED (--allow-unsandboxed): grade only notebooks that you trust."
        with machines as (executor, count):
            say(escape(f"{protection} {processes}"))
            for number in (signal.SIGINT, signal.SIGTERM):  # KeyboardInterrupt ends every sandbox
                signal.signal(number, signal.default_int_handler)
            graded = grade_class(
                self.found,
                self.exercise,
                self.out,
                options,
                workers=count,
                fresh=fresh,
                executor=executor,
                final=self.final,
            )
            self._print_rows(graded)

    def read_adjustments(self) -> None:
        """Read what a person decided about marks, before any time is spent on grading."""
        if edited := keep_edited_table(self.out):
            words = f"grades.csv was changed by hand and is written anew: your version is {edited.name}"
            say(escape(f"{words}; write changes into {FILE}, which stay"))
        self.decisions = read_adjustments(self.out, self.exercise)
        if self.penalty.amount and not self.due and not any(one.extended for one in self.decisions.values()):
            raise ValueError("--penalty needs a deadline: add --due")
        spellings: dict[str, list[str]] = {}
        for submission in self.found:
            for spelling in _spellings(submission):
                spellings.setdefault(spelling, []).append(submission.student)
        for name, one in self.decisions.items():
            same = [
                student for spelling, students in spellings.items() for student in students if _plain(spelling) == name
            ]
            if len(set(same := same or spellings.get(name, []))) > 1 and one.student not in same:
                raise ValueError(f"{self.out / FILE}, row {one.row}: {one.student} could be {' or '.join(same)}")

    def check_alone(self, for_a_class: Iterable[object]) -> None:
        """Refuse what a single notebook has no use for, and the folder that holds the marks of a class."""
        if any(for_a_class):
            words = "--roster, --gradebook, --anonymous, --format moodle and canvas"
            raise ValueError(f"{words} are for a class, not for a single notebook")
        if (self.out / "class.html").exists():
            raise ValueError(f"{self.out} holds the marks of a class: name another --out for a single notebook")

    def final(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row of a student with the marks that count, see :func:`~.adjust.final_row`."""
        one = self.by_student[row["student"]]
        decisions = next(filter(None, map(self.decisions.get, _spellings(one))), None)
        if decisions and decisions.student != one.student and decisions.student in self.by_student:
            decisions = None  # it is about another one, whose name looks the same
        extended = decisions.extended if decisions else None
        return final_row(row, decisions, lateness(one, self.due, extended, self.penalty, self.exercise.max_points))

    def _finish_marks(self) -> None:
        """Put the marks that count into rows and reports, and say what has changed."""
        make_file(self.out)
        self.rows = [self.final(row) for row in self.rows]
        for row in self.rows:
            write_mark(self.out / "reports" / f"{report_name(row['student'])}.html", row, self.exercise)
        changed = [f"{student}: {words}" for student, words in changes_since_last(self.out, self.rows)]
        if changed:
            say(f"[bold]Changed since the last run[/]: {escape(_some(changed))}")
        waiting = [([row["student"]], ", ".join(row["waiting"])) for row in self.rows if row["waiting"]]
        if waiting:
            self.remarks.append(("Still to be marked by a person", sorted(waiting)))
        write_marking_page(self.rows, self.exercise, self.out, self.released)
        unknown = sum(row["late"] == UNKNOWN for row in self.rows)
        if unknown:
            say(f"[bold]Late[/]: cannot be known for {unknown} of {len(self.rows)}: their source holds no times")

    def _print_rows(self, graded: Iterator[tuple[dict[str, Any], str]]) -> None:
        again: Counter[str] = Counter()
        total = len(self.found)
        with progress_bar() as progress:
            try:
                for row, reason in progress.track(graded, total, description="grading"):
                    self.rows.append(row)
                    mark = self.final(row)["points"]
                    points = "no mark" if mark is None else f"{mark} of {row['max_points']}"
                    how = f"{row['seconds']:.1f} s" if reason else "from before"
                    if reason in REASONS:
                        again[REASONS[reason]] += 1
                        how += f", again: {REASONS[reason]}"
                    say(escape(f"{row['student']}: {points} ({row['status']}, {how})"))
            except KeyboardInterrupt:
                fail(f"interrupted after {len(self.rows)} of {total}: run the same command again to continue", 130)
        if again:
            say(f"Graded again: {', '.join(f'{count} because {reason}' for reason, count in again.most_common())}.")

    def hand_back(self, format: str, column: str, single: bool, anonymous: bool = False) -> None:
        """Print the verdicts of a single notebook, or write the page of a class and what its platform imports."""
        if single:
            if format == "gradescope":
                gradescope.write_gradescope(self.rows, self.exercise, self.out)
            _print_verdicts(self.rows[0], self.exercise)
            report = f"reports/{report_name(self.rows[0]['student'])}.html"
        else:
            self._set_aside()
            self._finish_marks()
            matches = self.roster.match(self.found) if self.roster else Matches()
            missing = self._missing(matches)
            self._name_strangers(missing)
            self._print_class()
            self._export(format, column)
            self._fill_gradebook(matches, missing)
            self._write_anonymous(anonymous)
            report = "class.html"
        say(escape(f"marks: {self.out / 'grades.csv'}, reports: {self.out / report}"))

    def _name_strangers(self, missing: list[tuple[Person, dict[str, Any]]]) -> None:
        """Say which names in ``adjust.csv`` are nobody's."""
        known = {spelling for one in self.found for spelling in _spellings(one)}
        count = Counter(same_name(row["student"]) for _, row in missing)
        known |= {
            same_name(name)
            for person, row in missing
            for name in (row["student"], person.id)
            if count[same_name(name)] < 2
        }
        unknown = [f"{one.student} (row {one.row})" for name, one in self.decisions.items() if name not in known]
        if unknown:
            say(f"[bold]{FILE}[/]: nobody of that name handed in anything: {escape(_some(unknown))}")

    def _missing(self, matches: Matches) -> list[tuple[Person, dict[str, Any]]]:
        """Compare the class with the roster: a row without a mark for each who handed in nothing."""
        if not self.roster:
            return []
        self.remarks += remarks_on(self.roster, matches)
        people = self.roster.missing(matches)
        empty = rows_without_mark(people, [row["student"] for row in self.rows], self.exercise)
        rows = []
        count = Counter(same_name(row["student"]) for row in empty)
        for person, row in zip(people, empty, strict=True):
            names = [same_name(name) for name in (row["student"], person.id) if name and count[same_name(name)] < 2]
            rows.append(final_row(row, next(filter(None, map(self.decisions.get, names)), None), Lateness()))
        add_to_grades(self.out, self.roster, matches, rows)
        return list(zip(people, rows, strict=True))

    def _fill_gradebook(self, matches: Matches, missing: list[tuple[Person, dict[str, Any]]]) -> None:
        """Write the copy of the platform's gradebook, and say who is not in it."""
        if not self.gradebook:
            return
        marks = []
        for row in self.rows:
            one = self.by_student[row["student"]]
            who = known_with(one, matches.people.get(one.student, []))
            points = None if row["waiting"] else row["points"]
            marks.append(Mark(one.student, points, who, one.platform))
        marks += [Mark(row["student"], row["points"], (person.who,), person.platform) for person, row in missing]
        filled = self.gradebook.fill(mark for mark in marks if mark.points is not None)
        for sentence in (f"{filled.count} marks written into {filled.path}", *filled.said):
            say(escape(sentence))
        if filled.unplaced:
            words = [f"{student} ({why})" for student, why in filled.unplaced]
            say(f"[bold]Not placed in the gradebook[/]: {escape(_some(words, 50))}")

    def _set_aside(self) -> None:
        stale = handing_back.set_aside(self.out, [one.student for one in self.found], self.earlier)
        if stale:
            say(f"[bold]No longer among the submissions[/], moved to {escape(f'{self.out}/stale: {_some(stale)}')}")

    def _write_anonymous(self, wanted: bool) -> None:
        if not wanted:
            handing_back.remove_anonymous(self.out)
            return
        named = handing_back.write_anonymous(self.out, self.rows)
        key = self.out / handing_back.KEY
        say(escape(f"reports without names: {self.out / handing_back.ANONYMOUS}; whose they are, only for you: {key}"))
        if named:
            say(f"[bold]Name themselves in their notebooks[/]: {escape(_some(named))}")

    def _print_class(self) -> None:
        table = Table("task", "solved", "most common failure", title="the class", title_justify="left")
        for name, share, failure in summarise(self.rows, self.exercise):
            table.add_row(escape(name), "-" if share != share else f"{share:.0%}", escape(one_line(failure, 120)))
        console.print(table)
        overview = write_class_page(
            self.found,
            self.rows,
            self.exercise,
            self.out,
            due=self.due,
            released=self.released,
            name=self.name,
            left_out=self.left_out,
            more=self.remarks,
        )
        for title, lines in overview.remarks:
            words = [
                " = ".join(students) + (f" ({detail})" if detail and students else detail) for students, detail in lines
            ]
            say(f"[bold]{title}[/]: {escape(_some(words))}")
        if overview.alike.groups:
            words = [" and ".join(group.students) for group in overview.alike.groups]
            say(f"[bold]Nearly the same[/]: {escape(_some(words))}")
        if self.left_out:
            say(f"[bold]Not looked at[/]: {escape(_some(self.left_out, 50))}")

    def _say_who_has_no_number(self, students: list[str], platform: str) -> None:
        if students:
            say(f"without a number of {platform}'s: {escape(_some(students))}")

    def _export(self, format: str, column: str) -> None:
        # what an earlier run wrote is brought up to date, so that no old mark is handed back
        if format == "moodle" or (self.out / "moodle.csv").exists():
            unknown = lms.write_moodle(self.found, self.rows, self.exercise, self.out)
            self._say_who_has_no_number(unknown if format == "moodle" else [], "Moodle")
        if format == "canvas" or (self.out / "canvas.csv").exists():
            heading = column or lms.heading_of(self.out)
            unknown = lms.write_canvas(self.found, self.rows, self.exercise, self.out, heading)
            self._say_who_has_no_number(unknown if format == "canvas" else [], "Canvas")
        if format == "gradescope" or (self.out / "gradescope").exists():
            gradescope.write_gradescope(self.rows, self.exercise, self.out)
        if self.course:
            try:
                self.course.write_back(self.found, self.rows, self.out)
            except ValueError as error:
                fail(f"the marks are in {self.out}, but not in the gradebook: {error}", 1)
            say(escape(f"written into the gradebook of {self.course.folder}"))


def _plain(spelling: str) -> str:
    """A name without the number by which two submissions of one name are told apart."""
    return re.sub(r"-\d+$", "", spelling)


def _spellings(one: Submission) -> list[str]:
    """The names by which ``adjust.csv`` may call a student: as in ``grades.csv``, or without the platform's number."""
    names = one.student, one.student.removesuffix(f"_{one.user_id}"), escape_formula(one.student)
    return list(dict.fromkeys(map(same_name, names)))


def _why_not_forked(options: GradingOptions) -> str | None:
    """Why workers are new processes; None if they are forked, in which case their server is started."""
    if not options.fork:
        return "--no-fork"
    return start_server_for_workers() if options.isolate else "only sandboxed processes are forked"


def _load(which: str | Path) -> Exercise:
    try:
        return load_exercise(which)
    except ValueError:
        raise
    except (Exception, SystemExit) as error:  # a file of checks is a program and may fail in any way
        raise ValueError(f"{which}: {error!r}") from None


def _course_notebook(number: str) -> Path | None:
    """The exercise as the course releases it: in the course that holds the working folder, or beside this package."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        for notebook in (folder / "exercises").glob(f"{number}_*.ipynb"):
            return notebook
    return None


def _cells_of(path: Path) -> list[tuple[str, str]]:
    try:
        return [(cell.kind, cell.source) for cell in read_cells(path.read_bytes())]
    except (OSError, Unreadable) as error:
        reason = one_line(str(error))
        raise ValueError(f"{path.name} is not a valid notebook ({reason}): name another with --released") from None


def _some(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _print_verdicts(row: dict[str, Any], exercise: Exercise) -> None:
    for note in row["notes"]:
        say(f"note: {escape(note)}")
    for task_id, v in row["tasks"].items():
        say(f"{_WORDS[v['status']]} {task_id} {escape(exercise[task_id].title)}")
        for text in (v["case"], v["message"], v.get("error"), v.get("where"), v["hint"]):
            if text and v["status"] != "passed":
                say(f"    {escape(text)}")
