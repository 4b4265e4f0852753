"""Exceptions of the checks: a failed check, a task that was not attempted, an error in the student's code."""

TOO_LONG = ("TimeoutError", "RanTooLong", "KeyboardInterrupt")  # after these, the same call would only cost more time
GRADIENTS_LEFT_OFF = "GradientsLeftOff"  # the ``kind`` of a StudentError for code that raised no exception


class CheckFailed(Exception):
    """An answer is wrong.

    Args:
        message: what is wrong, in one sentence without the expected value: reports show it.
        hint: what to do about it.
        expected, got: descriptions of the right value and of the student's, shown only in the student's own notebook.
        kind: the kind of failure, such as ``"shape"``. For a hidden case, a report describes only the kind if the
            message contains values.
    """

    def __init__(self, message: str, hint: str = "", *, expected: str = "", got: str = "", kind: str = ""):
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.expected = expected
        self.got = got


class NotAttempted(Exception):
    """The task was not attempted: a stub is unchanged, or a name that the task asks for does not exist."""


class StudentError(Exception):
    """The student's code raised an exception.

    Args:
        kind: the name of the exception's class.
        message: its text.
        where: the student's line that raised it, if it is known.
    """

    def __init__(self, kind: str, message: str, where: str = ""):
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.where = where


class CheckError(ValueError):
    """The check of a task has a fault, so no answer can be judged. The message names the file and line."""


class GraderError(Exception):
    """The process that runs the submission cannot go on. A check cannot handle this, so ``run_check`` passes it on."""
