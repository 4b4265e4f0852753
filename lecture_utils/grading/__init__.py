"""Tasks that check themselves in the notebook, and the same checks run safely over a class.

Reading order: ``tasks`` (what a check is written with), ``host`` (the student's side of a check),
``live`` (``check()`` and ``progress()`` in the notebook), ``wire``, ``worker`` and ``sandbox`` (the
process in which a stranger's notebook runs), ``warm`` (what that process is forked from), ``grader``,
``folder`` and ``report``. The checks of the course are in ``checks/``, one file an exercise; they never
enter that process.
"""

from lecture_utils.grading.tasks import (
    Code,
    Handle,
    Module,
    Student,
    StudentError,
    Task,
    Wrong,
    close,
    describe,
    expect,
    normal,
    task,
)

__all__ = [
    "Code",
    "Handle",
    "Module",
    "Student",
    "StudentError",
    "Task",
    "Wrong",
    "close",
    "describe",
    "expect",
    "normal",
    "task",
]
