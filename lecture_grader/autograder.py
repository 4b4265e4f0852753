"""What runs in Gradescope's container: grade the one notebook of a submission, and write ``results.json``.

The zip that :func:`~lecture_grader.gradescope.write_autograder` makes starts it as ``run_autograder``, as root.
"""

import json
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from lecture_grader import grade_one, plain_container, sandbox
from lecture_grader.control_groups import container_limits
from lecture_grader.grade_one import Grade
from lecture_grader.gradescope import autograder_result, refusal
from lecture_grader.notebook_run import NotebookRun, Status
from lecture_grader.plain_container import PlainSandbox
from lecture_grader.results import to_row
from lecture_grader.sandbox import Limits, SandboxError
from lecture_grader.submissions import of_folders
from lecture_utils.files import write_text
from lecture_utils.grading.tasks import load_exercise

UNFINISHED = "The autograder ended before it was done: was there enough memory, time and disk?"
UNPROTECTED = "NOT PROTECTED (--allow-unsandboxed): a submission can do what root can, and write its own mark."
FREE_SHARE = 0.8  # of the container's free memory that a submission may use; the grader needs some, too


class PlainRun(NotebookRun):
    """A notebook in a :class:`~lecture_grader.plain_container.PlainSandbox`."""

    sandbox_kind = PlainSandbox


def main(folder: Path) -> None:
    """Grade the submission in Gradescope's folder, and write what its student and the instructor are told.

    What goes wrong is written, too, so that the student reads one clear sentence instead of nothing. Everything that is
    printed, Gradescope shows to instructors only.

    Args:
        folder: ``/autograder``, with ``source/`` (the unpacked zip) and ``submission/``.
    """
    for path in (folder, *sandbox.copies_of_the_checks()):
        path.chmod(0o700)  # the user of a submission sees neither checks nor results
    target = folder / "results" / "results.json"
    write_text(target, json.dumps(refusal(UNFINISHED)))
    try:
        result = grade_submission(folder)
    except Exception as error:
        traceback.print_exc()
        result = refusal(f"{type(error).__name__}: {error}")
    write_text(target, json.dumps(result, indent=1, ensure_ascii=False))


def grade_submission(folder: Path) -> dict[str, Any]:
    """Grade the submission twice, with the visible cases and with all, in two sandboxes that share nothing.

    Returns:
        The content of ``results.json``.

    Raises:
        SandboxError: no protection is available here, and the settings do not allow to grade without.
        CheckError: a check has a fault.
        OSError, ValueError, KeyError: a file of the autograder is missing or damaged.
    """
    settings = json.loads((folder / "source" / "settings.json").read_text(encoding="utf-8"))
    exercise = load_exercise(folder / "source" / "checks.py")
    grade, protection = _protected(bool(settings["allow_unsandboxed"]))
    print(protection, flush=True)
    limits = _limits(settings)
    with tempfile.TemporaryDirectory(dir=sandbox.scratch_folder()) as scratch:
        name = str(settings["name"])
        (one,) = of_folders({"submission": folder / "submission"}, exercise, name, Path(scratch))
        graded = Grade(Status.UNREADABLE, None, exercise.max_points, 0.0, notes=[one.problem])
        rows: list[dict[str, Any]] = []
        for hidden in (False, True):
            if not one.problem and not (rows and graded.status == Status.UNREADABLE):
                graded = grade(one.path.read_bytes(), exercise, limits=limits, hidden=hidden)
            rows.append(to_row(one.student, exercise, graded, seed=None, fingerprint={}))
            print(f"{'all' if hidden else 'visible'} cases: {graded.points} points, {graded.status}", flush=True)
    return autograder_result(rows[0], rows[1], exercise)


def _protected(allow_unsandboxed: bool) -> tuple[Callable[..., Grade], str]:
    """How a notebook is graded here, with the best protection that there is, and a sentence about it.

    Raises:
        SandboxError: there is none, and it must not be graded without.
    """
    grade = partial(grade_one.grade_notebook, fork=False)
    try:
        sandbox.require()
        return grade, f"In force: {'; '.join(sandbox.protections())}."
    except SandboxError as error:
        reason = str(error)
    try:
        plain_container.require()
        words = f"No namespaces ({reason}). In force: {'; '.join(plain_container.PROTECTIONS)}."
        return partial(grade, run=PlainRun), words
    except SandboxError as error:
        if allow_unsandboxed:
            return partial(grade, isolate=False), UNPROTECTED
        reason = f"{reason}; {error}"
    remedy = "run the container as root with Docker's usual capabilities, or make the zip with --allow-unsandboxed"
    raise SandboxError(f"no protection is available in this container ({reason}): {remedy}")


def _limits(settings: dict[str, Any]) -> Limits:
    """The limits that the settings ask for, within what the container has."""
    seconds = float(settings["time_limit"])
    limits = Limits(seconds, 4 * seconds, int(float(settings["memory_limit"]) * 1024))
    _, limits = sandbox.share_out(limits, 1, 1)
    free = min(container_limits()[0], psutil.virtual_memory().available)
    return replace(limits, memory_mb=min(limits.memory_mb, int(FREE_SHARE * free / sandbox.MB)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
