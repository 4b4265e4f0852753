"""Run the cases of one task and sum up what happened as a verdict."""

import re
from dataclasses import dataclass

import numpy as np

from lecture_utils.grading.compare import DEFAULT_HINTS
from lecture_utils.grading.errors import CheckFailed, NotAttempted, StudentError
from lecture_utils.grading.student import Student
from lecture_utils.grading.tasks import Task


@dataclass
class Verdict:
    """What a check found: ``status`` is ``passed``, ``failed`` or ``todo``.

    ``case`` names the case that failed, ``hidden`` whether it is one of those run when graded
    only. ``expected`` and ``got`` are for the student's own notebook only.
    """

    task: str
    status: str
    passed: int
    cases: int
    case: str = ""
    message: str = ""
    hint: str = ""
    expected: str = ""
    got: str = ""
    error: str = ""
    where: str = ""
    hidden: bool = False


def run_check(one: Task, student: Student, seed: int, *, hidden: bool) -> Verdict:
    """Run a task's cases until one fails; never raises for what the student did.

    Every case has a generator of its own, so that case 5 is the same whatever happened before.
    """
    cases = one.visible + (one.hidden if hidden else 0)
    verdict = Verdict(one.id, "passed", 0, cases)
    for case in range(cases):
        rng = np.random.default_rng([seed, *map(int, one.id.split(".")), case])
        student.case = f"case {case + 1}"
        try:
            one.check(student, rng, case)
        except NotAttempted as error:
            verdict.status, verdict.message = "todo", str(error)
        except CheckFailed as wrong:
            verdict.status = "failed"
            verdict.message, verdict.hint = wrong.message, wrong.hint
            verdict.expected, verdict.got = wrong.expected, wrong.got
        except StudentError as error:
            verdict.status = "failed"
            verdict.message = f"Your code raised {error.kind}."
            verdict.error, verdict.where = error.message, error.where
            verdict.hint = _error_hint(f"{error.kind}: {error.message}", one.on_error)
        except (TypeError, ValueError, AttributeError, IndexError, KeyError, RuntimeError, ArithmeticError) as error:
            # what came was so different from what was asked for that the check stumbled over it
            verdict.status, verdict.message = "failed", "The answer is not of the kind that was asked for."
            verdict.hint, verdict.error = DEFAULT_HINTS["type"], f"{type(error).__name__}: {error}"[:300]
        if verdict.status != "passed":
            verdict.hidden = case >= one.visible
            public, _, inputs = student.case.partition(" | ")
            verdict.case = f"{public}, {inputs}" if inputs and not verdict.hidden else public
            return verdict
        verdict.passed += 1
    return verdict


_ERROR_HINTS = {
    r"must match the size|shapes cannot be multiplied|broadcast": "Two shapes do not fit: print both, and insert a "
    "dimension of size 1 where one is missing (unsqueeze, or keepdim=True).",
    r"same device|device-side": "Two tensors lie on different devices: move one with .to(other.device).",
    r"does not require grad": "No gradient was recorded: is requires_grad set, and nothing detached?",
    r"backward through the graph a second time": "The graph is freed by backward(): compute the loss again first.",
    r"leaf Variable that requires grad": "Change parameters inside `with torch.no_grad():`.",
    r"expected scalar type|same dtype": "Two dtypes do not fit: convert one, for example with .float() or .long().",
    r"takes \d+ positional|unexpected keyword|missing \d+ required": "Keep the function's name and arguments as given.",
    r"^NameError|UnboundLocalError": "A name is used that was never assigned: is it spelt the same everywhere?",
    r"^KeyboardInterrupt|TimeoutError": "It ran too long: is there a loop that never ends?",
}


def _error_hint(error: str, own: dict[str, str]) -> str:
    for pattern, hint in [*own.items(), *_ERROR_HINTS.items()]:  # a task's own hints first
        if re.search(pattern, error):
            return hint
    return "Read the last line of the error, then try the function on a small input in a cell of your own."
