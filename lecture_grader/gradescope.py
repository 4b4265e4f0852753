"""What Gradescope reads: the zip of an autograder, and the file ``results.json``.

The formats are described at https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

import json
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lecture_grader.results import report_name
from lecture_utils.files import atomic_write, write_text
from lecture_utils.grading.tasks import Exercise, Task

_TEMPLATES = Path(__file__).with_name("templates")
_PROGRAMS = ("setup.sh", "run_autograder")  # Gradescope looks for these names at the top of the zip
# What a visitor of the repository sees beside the packages, and what building the wheel reads.
_FILES = ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT")


def write_autograder(target: Path, exercise: Exercise, course: Path, settings: dict[str, Any]) -> None:
    """Write the zip that an instructor uploads as the autograder of a programming assignment.

    It holds the course's own source, the versions of the packages it was tested with, the checks and the settings. Only
    the packages themselves are fetched when Gradescope builds the container.

    Args:
        target: the zip; one that is there is replaced.
        exercise: its checks go into the zip.
        course: the folder of the course, with ``pyproject.toml``.
        settings: ``name`` (of the exercise's notebook, or empty), ``time_limit``, ``memory_limit`` and
            ``allow_unsandboxed``, as in :mod:`~lecture_grader.autograder`.

    Raises:
        ValueError: ``course`` is not the source of the course.

    Example:
        >>> write_autograder(Path("autograder.zip"), load_exercise("2"), Path(), settings)  # doctest: +SKIP
    """
    texts = {name: (_TEMPLATES / f"gradescope_{name}").read_bytes() for name in _PROGRAMS}
    texts["settings.json"] = json.dumps(settings, indent=1).encode()
    texts["checks.py"] = exercise.file[1]
    try:
        texts["constraints.txt"] = (course / "constraints.txt").read_bytes()
        texts |= {f"course/{path.relative_to(course)}": path.read_bytes() for path in _source_files(course)}
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{course} is not a whole copy of the course ({error}): clone it again") from None
    with atomic_write(target) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(texts.items()):
            entry = zipfile.ZipInfo(name)  # without a time, so that the same course makes the same zip
            entry.external_attr = (0o100755 if name in _PROGRAMS else 0o100644) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)


def _source_files(course: Path) -> Iterator[Path]:
    """The files from which the course's wheel is built, as ``pyproject.toml`` names them."""
    yield from (course / name for name in _FILES)
    table = tomllib.loads((course / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    for package in table["packages"]:
        folder = course / table["package-dir"].get(package, package.replace(".", "/"))
        for pattern in ("*.py", *table["package-data"].get(package, ())):
            yield from (path for path in folder.glob(pattern) if path.is_file())


def write_gradescope(rows: list[dict[str, Any]], exercise: Exercise, out: Path) -> None:
    """Write ``gradescope/STUDENT/results.json`` for each row of a class that was graded here.

    Args:
        rows: as :func:`~lecture_grader.grade_class.grade_class` yields them.
        exercise: its tasks are the tests.
        out: the folder of results.
    """
    for row in rows:
        verdicts = [(task, row["tasks"][task.id]) for task in exercise.tasks if task.id in row["tasks"]]
        result = {
            "output": _about(row),
            "execution_time": row["seconds"],
            "visibility": "visible",
            "tests": [_test(task, verdict) for task, verdict in verdicts if verdict["points"] is not None],
        }
        if row["points"] is not None:
            result["score"] = row["points"]
        target = out / "gradescope" / report_name(row["student"]) / "results.json"
        write_text(target, json.dumps(result, indent=1, ensure_ascii=False))


def autograder_result(seen: dict[str, Any], whole: dict[str, Any], exercise: Exercise) -> dict[str, Any]:
    """The content of ``results.json`` for a submission that Gradescope's container has graded twice.

    A student sees at once what the visible cases say. The marks, for which all cases were run, follow when the
    instructor publishes them. Nothing that is shown before comes from the run with the hidden cases.

    Args:
        seen: the row of the run with the visible cases only.
        whole: the row of the run with all cases.
        exercise: its tasks are the tests.
    """
    tests = []
    for task in exercise.tasks:
        if task.id in seen["tasks"]:
            test = _test(task, seen["tasks"][task.id])
            if test.get("status") == "passed":
                test["output"] = f"{task.visible} visible cases passed; {task.hidden} more are run for the mark."
            tests.append(_without_points(test) | {"name": f"{task.title} (visible cases)", "visibility": "visible"})
    for task in exercise.tasks:
        if task.id in whole["tasks"]:
            test = _test(task, whole["tasks"][task.id])
            test = _without_points(test) if test["score"] is None else test
            tests.append(test | {"name": f"{task.title} (all cases)", "visibility": "after_published"})
    tests.append({"name": "For the instructor", "output": _about(whole), "visibility": "hidden"})
    words = [_about(seen), "The marks, for which hidden cases are run, too, are shown when they are published."]
    if seen["points"] is None:
        words = [_about(seen), "No task could be judged: hand in again."]
    return {
        "score": whole["points"] or 0,  # Gradescope knows no submission without a score
        "output": "\n".join(words),
        "execution_time": seen["seconds"],
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def refusal(reason: str) -> dict[str, Any]:
    """The content of ``results.json`` where nothing could be graded, by no fault of the student's.

    Args:
        reason: for the instructor.
    """
    words = "Nothing was graded, and the 0 is no mark: the autograder could not run. Your submission is kept. "
    words += "Your instructor has to repair the autograder and run it again."
    test = {"name": "For the instructor", "status": "failed", "output": reason, "visibility": "hidden"}
    return {"score": 0, "output": words, "stdout_visibility": "hidden", "tests": [test]}


def _about(row: dict[str, Any]) -> str:
    return "\n".join([f"status: {row['status']}", *row["notes"]])


def _without_points(test: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in test.items() if key not in ("score", "max_score")}


def _test(task: Task, verdict: dict[str, Any]) -> dict[str, Any]:
    passed = verdict["status"] == "passed"
    words = [verdict["message"], verdict.get("error"), verdict.get("where"), verdict["hint"]]
    if passed:
        words = ["all cases passed"]
    test = {"name": task.title, "number": task.id, "score": verdict["points"], "max_score": task.points}
    if verdict["status"] != "manual":  # a person's mark is neither passed nor failed
        test["status"] = "passed" if passed else "failed"
    return test | {"output": "\n".join(filter(None, words))}
