"""An nbgrader course: hand-ins from its ``submitted/`` tree, marks into its gradebook, reports into ``feedback/``.

nbgrader need not be installed in the course's environment: ``nbgrader_script.py`` runs in a process of the Python that
has it.
"""

import json
import os
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

from lecture_grader.results import report_name
from lecture_grader.submissions import Submission, of_folders, read_small, read_time
from lecture_utils.files import atomic_write
from lecture_utils.grading.tasks import Exercise

_SCRIPT = Path(__file__).with_name("nbgrader_script.py")


class Course:
    """An assignment of a course.

    Args:
        folder: of the course, where nbgrader's commands are run.
        exercise: each of its tasks must have a graded cell ``check("N.M")`` in one notebook.
        python: the Python that has nbgrader.
        assignment: its name; by default the one that has all the tasks.

    Raises:
        ValueError: there is no nbgrader, no course, or no such assignment; points differ.
    """

    def __init__(self, folder: Path, exercise: Exercise, python: str, assignment: str = ""):
        if not folder.is_dir():
            raise ValueError(f"{folder} is no folder of an nbgrader course")
        self.folder, self.exercise, self.python = folder.resolve(), exercise, str(python)
        points = {one.id: one.points for one in exercise.tasks}
        self.layout = self._ask({"do": "look", "assignment": assignment, "tasks": points})

    @property
    def name(self) -> str:
        """The notebook's file name without ``.ipynb``."""
        return self.layout["notebook"]

    @property
    def due(self) -> datetime | None:
        """The deadline, if the assignment has one."""
        return read_time(self.layout["due"])

    def submissions(self, scratch: Path) -> list[Submission]:
        """The hand-ins of the assignment; ``user_id`` is nbgrader's name of the student.

        Args:
            scratch: a folder of our own, for the copies of the notebooks.

        Raises:
            ValueError: there are none.
        """
        folders = {student: Path(path) for student, path in self.layout["submitted"].items()}
        if not folders:
            raise ValueError(f"{self.folder} holds no submissions of {self.layout['assignment']}: nbgrader collect")
        return of_folders(folders, self.exercise, self.name, scratch)

    def write_back(self, found: list[Submission], rows: list[dict[str, Any]], out: Path) -> None:
        """Write marks into the gradebook, and reports to where ``nbgrader release_feedback`` finds them.

        A task without a mark is left for grading by hand, and so is one that was graded by hand before.

        Raises:
            ValueError: nbgrader refused.
        """
        by_student = {row["student"]: row for row in rows}
        students = {
            one.user_id: (
                one.handed_in.isoformat() if one.handed_in else "",
                _automatic(by_student[one.student]),
            )
            for one in found
            if one.student in by_student
        }
        self._ask({"do": "write", "place": self.layout, "students": students})
        for one in found:
            if one.user_id in students:
                target = Path(self.layout["feedback"][one.user_id])
                report = out / "reports" / f"{report_name(one.student)}.html"
                _write(target / f"{self.name}.html", report.read_bytes() if report.is_file() else b"")
                for name in ("timestamp.txt", "submission_secret.txt"):  # nbgrader finds the hand-in by them
                    handed_in = Path(self.layout["submitted"][one.user_id])
                    _write(target / name, read_small(handed_in, one.user_id, name))

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        command = [self.python, "-c", _SCRIPT.read_text(encoding="utf-8")]
        text = json.dumps(request | {"course": str(self.folder)})
        beside = f"{Path(self.python).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # nbgrader calls alembic
        try:
            done = subprocess.run(
                command, input=text, capture_output=True, text=True, cwd=self.folder, env=os.environ | {"PATH": beside}
            )
        except OSError as error:
            raise ValueError(f"--nbgrader-python {self.python}: {error.strerror}") from None
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["it ended without a message"])[-1]
            raise ValueError(f"nbgrader ({self.python}): {reason}")
        return json.loads(done.stdout.splitlines()[-1])


def _write(target: Path, content: bytes) -> None:
    """Replace a file, unless there is nothing to write."""
    if content:
        with atomic_write(target) as draft:
            draft.write_bytes(content)


def _automatic(row: dict[str, Any]) -> dict[str, float | None]:
    """The points of each task that the checks gave: what a person changes, nbgrader keeps by itself."""
    return {task: verdict.get("automatic", verdict["points"]) for task, verdict in row["tasks"].items()}
