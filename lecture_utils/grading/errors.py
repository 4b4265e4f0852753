"""Exceptions of the checks: a failed check, a task that was not attempted, an error in the student's code."""

GRADIENTS_LEFT_OFF = "GradientsLeftOff"  # the kind of a StudentError that is no exception


class CheckFailed(Exception):
    """An answer is wrong.

    Args:
        message: what is wrong, in one sentence. The student may see it after grading, so it never holds an expected
            value.
        hint: what to do about *this* failure.
        expected, got: the right value and the student's in a few words, for the student's own notebook only.
        kind: what sort of failure it is, such as ``"shape"``: all that a report says of a hidden case in place of a
            message with values in it.
    """

    def __init__(self, message: str, hint: str = "", *, expected: str = "", got: str = "", kind: str = ""):
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.expected = expected
        self.got = got


class NotAttempted(Exception):
    """The task was not attempted: its stub is unchanged, or the name it asks for does not exist."""


class StudentError(Exception):
    """The student's code raised an exception of class ``kind``; ``where`` is the student's line, if it is known."""

    def __init__(self, kind: str, message: str, where: str = ""):
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.where = where


class CheckError(ValueError):
    """The check of a task has a fault, so nobody's answer can be judged: the message names its file and line."""


class GraderError(Exception):
    """What :func:`~lecture_utils.grading.verdict.run_check` lets pass: the process of the student's is lost."""
