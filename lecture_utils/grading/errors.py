"""Exceptions of the checks: a failed check, a task that was not attempted, an error in the student's code."""


class CheckFailed(Exception):
    """A check's verdict that an answer is wrong.

    Args:
        message: what is wrong, in one sentence. It may be shown to the student after grading, so it
            never holds an expected value.
        hint: what to do about *this* failure.
        expected: shown beside ``got`` in the student's own notebook only; it never leaves the notebook.
        got: what the student's code returned, in a few words.

    Example:
        >>> raise CheckFailed("The mean is wrong.", "Divide by the number of values.", got="tensor(3.)")
        Traceback (most recent call last):
        ...
        lecture_utils.grading.errors.CheckFailed: The mean is wrong.
    """

    def __init__(self, message: str, hint: str = "", *, expected: str = "", got: str = ""):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.expected = expected
        self.got = got


class NotAttempted(Exception):
    """The task was not attempted: its stub is unchanged, or the name it asks for does not exist."""


class StudentError(Exception):
    """The student's own code raised an exception.

    Args:
        kind: the name of the exception's class.
        message: its text.
        where: the line of the student's code that raised it, if it is known.
    """

    def __init__(self, kind: str, message: str, where: str = ""):
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.where = where
