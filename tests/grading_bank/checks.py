"""A small exercise for the bank of odd submissions: three tasks of 1, 2 and 4 points.

Task 9.3 holds words that must not turn up anywhere but here, see SENTINEL.
"""

import torch
import torch.nn.functional as F

from lecture_utils.grading import CheckFailed, Student, expect, task

SETUP = "import torch\nfrom torch import nn\n"
SENTINEL = "zyx" + "quux"  # what is made of it is only whole when this runs


@task("9.1", "Double", points=1, difficulty=1, minutes=1, names=["double"], hints=["Multiply."], visible=2, hidden=3)
def double(student: Student, rng, case: int) -> None:
    student.case = f"a tensor of shape ({case + 1}, 2)"
    x = torch.tensor(rng.normal(size=(case + 1, 2)), dtype=torch.float32)
    expect(student.call("double", x), 2 * x, mistakes=[(x**2, "That is the square.")])


@task("9.2", "A network", points=2, difficulty=1, minutes=1, names=["model"], hints=["nn.Linear"], visible=1, hidden=2)
def network(student: Student, rng, case: int) -> None:
    student.case = f"{case + 2} inputs of 4 numbers"
    module = student.module("model")
    state = list(module.state_dict.values())
    if [tuple(p.shape) for p in state] != [(3, 4), (3,), (2, 3), (2,)]:
        raise CheckFailed("The parameters do not have the shapes of 4-3-2.", "nn.Linear(4, 3), then nn.Linear(3, 2).")
    x = torch.tensor(rng.normal(size=(case + 2, 4)), dtype=torch.float32)
    right = F.linear(F.relu(F.linear(x, *state[:2])), *state[2:])
    expect(module.forward(x), right, what="The output", hints={"values": "Is there a ReLU between, and nothing else?"})


@task("9.3", "Reverse", points=4, difficulty=1, minutes=1, names=["reverse"], hints=["[::-1]"], visible=1, hidden=3)
def reverse(student: Student, rng, case: int) -> None:
    student.case = "a word"
    word = f"in-{SENTINEL}-{rng.integers(10**6)}"
    expected = f"{word[::-1]}"
    got = student.call("reverse", word)
    if got != expected:
        raise CheckFailed(
            "This is not the word from its end to its beginning.", "Try it on 'abc'.", expected=expected, got=got
        )
