"""A made-up class: programs that differ as those of people who do not know each other, and rows of results."""

import random
import re

from grading_bank.command import CHECKS

from lecture_utils.grading.tasks import load_exercise

EXERCISE = load_exercise(CHECKS)

TERMS = ["x.mean({})", "torch.relu(x - {})", "x @ x.T", "x.reshape(-1, {})", "(x > {}).float()", "x.clamp(min={})"]
TERMS += ["torch.cat([x, x + {}])", "x[{}:, ::2]", "x.sum(dim={}, keepdim=True)", "torch.where(x < {}, x, -x)"]
LINES = ["x = {} {} {}", "if x.numel() > {}:\n    x = {} {} {}", "for i in range({}):\n    x = {} {} {}"]


def program(rng, name, lines=7):
    """A function that no other student writes by chance."""
    body = []
    for _ in range(lines):
        first, second = (rng.choice(TERMS).replace("{}", str(rng.randint(0, 99))) for _ in range(2))
        *before, _, _, _ = re.findall("{}", line := rng.choice(LINES))
        numbers = [rng.randint(0, 999) for _ in before]
        body += line.format(*numbers, first, rng.choice("+-*/"), second).splitlines()
    return "\n".join([f"def {name}(x):", *(f"    {line}" for line in body), "    return x"])


def renamed(source):
    """The same program with other names, comments and layout, as a copyist changes it."""
    changed = re.sub(r"\bx\b", "my_tensor", source).replace("def f", "# my own work\ndef solve_")
    return re.sub(r"\bi\b", "counter", changed).replace(" = ", "  =  ").replace("\n    return", "\n\n    return")


def answers(count, tasks=8, seed=0):
    """(student, {task: source}) of a class."""
    rng = random.Random(seed)
    return [
        (f"student {n:04}", {f"9.{t}": f"# Task 9.{t}\n{program(rng, f'f{t}')}" for t in range(1, tasks + 1)})
        for n in range(count)
    ]


def row_of(student, points=7, **more):
    """A student's line of ``results.jsonl``, with all tasks passed."""
    passed = {"status": "passed", "points": 1, "max_points": 1, "hint": "", "message": "", "case": ""}
    row = {"student": student, "exercise": "09", "points": points, "max_points": 7, "status": "graded", "seconds": 1.0}
    return row | {"tasks": {one.id: dict(passed) for one in EXERCISE.tasks}, "notes": []} | more
