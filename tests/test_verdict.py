"""What is said of an answer: in the student's own notebook, and in a report, where hidden cases say less."""

import asyncio

import pytest
import torch

from lecture_utils.grading.errors import CheckError
from lecture_utils.grading.student import LiveStudent
from lecture_utils.grading.tasks import load_exercise
from lecture_utils.grading.verdict import Verdict, for_report, run_check

HEAD = """
import numpy as np
import torch
from lecture_utils.grading import CheckFailed, expect, task

KEEP = "Keep the order of the rows."


@task("9.1", "T", points=1, difficulty=1, minutes=1, names=["f"], hints=["h"], visible={visible}, hidden=2)
def one(student, rng, case):
"""


@pytest.fixture
def exercise(tmp_path):
    def make(body, visible=1):
        file = tmp_path / "checks.py"
        file.write_text(
            HEAD.replace("{visible}", str(visible)) + "".join(f"    {line}\n" for line in body.splitlines())
        )
        return load_exercise(file)

    return make


def judged(exercise, f, *, hidden=True):
    return run_check(exercise.tasks[0], LiveStudent({"f": f}), 0, hidden=hidden)


# --- an instructor's bug is not a student's zero ---------------------------------------------------


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("x = undefined_name", 11, "NameError"),
        ("got = student.call('f', 1.0)\nexpekt(got, 1.0)", 12, "NameError"),
        ("rng.nomral()", 11, "AttributeError"),
        ("1 / 0", 11, "ZeroDivisionError"),
        ("{}['x']", 11, "KeyError"),
        ("handle = student.put([1])\nhandle[0]", 12, "TypeError"),
        ("import no_such_module\nstudent.call('f', 1.0)", 11, "ModuleNotFoundError"),
        ("student.call('f', 1.0)\nimport no_such_module", 12, "ModuleNotFoundError"),
        ("assert False, 'never'", 11, "AssertionError"),
        ("student.call(lambda x: x, 1.0)", 11, "TypeError"),
        ("torch.ones(2) @ torch.ones(3)\nstudent.call('f', 1.0)", 11, "RuntimeError"),
        ("def g(x): return nothing\nstudent.call(one.check, 1)", 12, "TypeError"),
    ],
)
def test_a_fault_of_the_check_stops_with_file_and_line(exercise, body, line, words):
    with pytest.raises(CheckError, match=words) as caught:
        judged(exercise(body), lambda x: x)
    assert "task 9.1" in str(caught.value) and f"checks.py, line {line}" in str(caught.value)


@pytest.mark.parametrize("answer", [None, (1, 2, 3), "text", [], {}, torch.ones(3, 0), object()])
def test_an_odd_answer_never_stops_the_run(exercise, answer):
    body = "a, b = student.call('f', 1.0)\nif a.shape[0] + len(b) > 1:\n    raise CheckFailed('No.')"
    verdict = judged(exercise(body), lambda x: answer)
    assert verdict.status == "failed" and "checks.py, line 1" in verdict.stopped


class _Mute(Exception):
    def __str__(self):
        raise ValueError("no words")


def _nameless():
    """An exception whose class does not tell its name, not even to pytest."""

    class Meta(type):
        @property
        def __name__(cls):
            raise ValueError("no name")

    return Meta("Odd", (Exception,), {})


@pytest.mark.parametrize(
    "error",
    [
        _Mute, _nameless, SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, StopIteration,
        BaseException, BaseExceptionGroup("many", [KeyboardInterrupt()]), RecursionError, MemoryError,
        NotImplementedError("torch's"),
    ],
)  # fmt: skip
def test_no_exception_of_a_students_escapes(exercise, error):
    def f(x):
        raise error() if error is _nameless else error

    verdict = judged(exercise("student.call('f', 1.0)"), f)
    assert verdict.status == "failed" and "raised" in verdict.message


# --- what a report says of a hidden case ----------------------------------------------------------

EXPECT = "x = torch.tensor(rng.normal(size=(3, 2)))\nexpect(student.call('f', x), 2 * x, what='The double')"


def fails_late(wrong):
    """A function that doubles in the visible case, and then does something else."""
    calls = []

    def f(x):
        calls.append(x)
        return 2 * x if len(calls) == 1 else wrong(x)

    return f


def raise_it(error):
    raise error


SECRETS = {
    "shape": (lambda x: torch.zeros(0, 1042569371), "The result has the wrong shape."),
    "dtype": (lambda x: x.int(), "The result has the wrong dtype."),
    "a tuple": (lambda x: (1042569371,), "The double must be a tensor."),
    "nothing": (lambda x: None, "The double is None."),
    "values": (lambda x: x, "The double is wrong."),
    "nan": (lambda x: x / 0, "The double holds nan or inf."),
    "a text": (lambda x: raise_it(ValueError("1042569371")), "Your code raised ValueError."),
    "a class": (lambda x: raise_it(type("E1042569371", (Exception,), {})()), "Your code raised an error."),
    "a rare builtin": (lambda x: raise_it(BlockingIOError("1042569371")), "Your code raised an error."),
    "in place": (lambda x: x.mul_(2), "The function changed one of its arguments."),
    "a stub": (lambda x: raise_it(NotImplementedError()), "A part of the answer is not there, or still the stub."),
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_hidden_case_says_only_what_was_fixed_before(exercise, name):
    wrong, message = SECRETS[name]
    made = exercise(EXPECT)
    raw = judged(made, fails_late(wrong))
    assert raw.hidden and raw.status in ("failed", "todo")
    shown = for_report(raw, made)
    assert shown.message == message and "1042569371" not in repr(shown).replace(shown.error_kind, "")
    assert (shown.error, shown.where, shown.expected, shown.got) == ("", "", "", "")


def test_a_visible_case_keeps_its_words(exercise):
    made = exercise(EXPECT)
    raw = judged(made, lambda x: torch.zeros(0, 3))
    assert not raw.hidden and for_report(raw, made) is raw and "(0, 3)" in raw.message


@pytest.mark.parametrize(
    ("failure", "message", "hint"),
    [
        ("CheckFailed('Two rows were lost.', KEEP)", "Two rows were lost.", "Keep the order of the rows."),
        ("CheckFailed('Two rows were ' + 'lost.', 'Look ' + KEEP)", None, None),
        (
            "CheckFailed('Rows were lost, they say. ' + KEEP)",
            "Rows were lost, they say. Keep the order of the rows.",
            "",
        ),
        ("CheckFailed(f'You returned {got}.', f'Not {got}!', kind='values')", "The result is wrong.", "Work one small"),
        ("CheckFailed(f'You returned {got}.', f'Not {got}!')", "The answer breaks a rule of the task.", "Try it on"),
        ("CheckFailed('You returned %s.' % got)", "The answer breaks a rule of the task.", ""),
        ("CheckFailed('You returned {}.'.format(got))", "The answer breaks a rule of the task.", ""),
        ("CheckFailed(str(got))", "The answer breaks a rule of the task.", ""),
        ("CheckFailed(', '.join(['It is ', str(got)]))", "The answer breaks a rule of the task.", ""),
    ],
)
def test_a_message_of_the_checks_own_stays_if_it_holds_no_value(exercise, failure, message, hint):
    made = exercise(f"got = student.call('f', case)\nif case:\n    raise {failure}")
    shown = for_report(judged(made, lambda case: "1042569371 is wrong."), made)
    assert shown.hidden and "1042569371" not in repr(shown)
    if message is not None:
        assert shown.message == message and shown.hint.startswith(hint)


def test_a_hint_for_an_error_stays(exercise):
    made = exercise(EXPECT)
    shown = for_report(judged(made, fails_late(lambda x: x + torch.ones(7, dtype=x.dtype))), made)
    assert shown.message == "Your code raised RuntimeError." and "Two shapes do not fit" in shown.hint


def test_the_exercises_of_the_course_have_fixed_texts():
    for number in range(1, 7):
        made = load_exercise(str(number))
        verdict = Verdict(made.tasks[0].id, "failed", 3, 9, message="f(3.25)", hint="It is 3.25.", hidden=True)
        assert "3.25" not in repr(for_report(verdict, made))


def test_a_generator_of_its_own_for_128_bits(exercise):
    made = exercise("expect(student.call('f', float(rng.normal())), 0.0)")
    seen = []
    run_check(made.tasks[0], LiveStudent({"f": lambda x: seen.append(x) or 0.0}), 2**127 + 1, hidden=True)
    run_check(made.tasks[0], LiveStudent({"f": lambda x: seen.append(x) or 0.0}), 1, hidden=True)
    assert len(set(seen)) == 6
