"""What a check asks of a student's objects, sent to the worker that holds them."""

import copy
import itertools
from typing import Any

from lecture_grader.notebook_run import NotebookRun, Status
from lecture_utils.grading.errors import NotAttempted, StudentError
from lecture_utils.grading.student import Student
from lecture_utils.grading.values import Handle


class RemoteStudent(Student):
    """A student's objects in the worker of ``run``: see :class:`~lecture_utils.grading.student.Student`."""

    def __init__(self, run: NotebookRun):
        self._run = run
        # What ``put`` places is sent with the next call, since a message costs more than most calls.
        self._puts: list[tuple[Handle, Any]] = []
        self._fetched: Any = []
        self._numbers = itertools.count(-2, -1)  # the worker numbers what it keeps from 0 on

    def _ask(self, message: dict, value: Any = None) -> Any:
        reply, data, interrupted = self._run.ask(message, value)
        if interrupted:
            self._run.troubles.append(Status.TIMEOUT)
            raise StudentError("TimeoutError", f"longer than {self._run.limits.cell_seconds:g} s")
        if "not attempted" in reply:  # the worker's own words could be anything
            name = message.get("name") or (value and value[1])
            raise NotAttempted(f"{name if isinstance(name, str) else 'A part of it'} is not there, or still the stub.")
        if "error" in reply:
            parts = reply["error"] if isinstance(reply["error"], list) else []
            kind, words, where = (str(part)[:300] for part in [*parts, "", "", ""][:3])
            raise StudentError(kind[:60], words, where)
        return data

    def value(self, name: str) -> Any:
        self.got_something = True
        return self._ask({"do": "value", "name": name})

    def put(self, value: Any) -> Handle:
        handle = Handle(next(self._numbers), type(value).__name__)
        self._puts.append((handle, copy.deepcopy(value)))
        return handle

    def _call(self, function: Any, args: list, kwargs: dict, keep: bool) -> Any:
        numbers = [handle.number for handle, _ in self._puts]
        values = [value for _, value in self._puts]
        self._puts = []
        fetch = [handle.number for handle in self._awaited]
        answer = self._ask({"do": "call", "puts": numbers, "fetch": fetch}, [values, function, args, kwargs, keep])
        if not fetch:
            return answer
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise StudentError("TypeError", "no answer of the kind that was asked for")
        result, self._fetched = answer
        return result

    def _fetch(self) -> Any:
        return self._fetched  # with the result, in one message
