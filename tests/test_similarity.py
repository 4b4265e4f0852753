"""Answers that are nearly the same: copies are found, and what is alike by itself is not."""

import random
import time

import classes
import pytest
from test_checks import answers

from lecture_grader import similarity
from lecture_utils.grading.tasks import load_exercise


def pairs(found):
    return {pair.students: [cell for cell, *_ in pair.cells] for pair in found}


def test_a_renamed_copy_is_found_and_nothing_else():
    group = classes.answers(60)
    group[50][1].update({task: classes.renamed(source) for task, source in group[3][1].items() if task != "9.2"})
    group[51][1]["9.7"] = group[4][1]["9.2"].replace("9.2", "9.7")  # moved to another task
    found = similarity.find_pairs(group, set())
    assert {s: sorted(cells) for s, cells in pairs(found).items()} == {
        ("student 0003", "student 0050"): ["9.1", "9.3", "9.4", "9.5", "9.6", "9.7", "9.8"],
        ("student 0004", "student 0051"): ["9.2"],
    }
    assert found[0].students == ("student 0003", "student 0050") and found[0].cells[0][2] == 1


def test_some_lines_of_ones_own_do_not_hide_a_copy():
    group, rng = classes.answers(20), random.Random(5)
    own = classes.program(rng, "helper", lines=8).splitlines()
    copied = group[0][1]["9.1"].splitlines()
    group[1][1]["9.1"] = "\n".join([*own, *copied[:9], "    print('so far')", *copied[9:]])
    assert ("student 0000", "student 0001") in pairs(similarity.find_pairs(group, set()))


def test_a_part_in_common_is_not_nearly_the_same():
    group, rng = classes.answers(20), random.Random(5)
    for n, alike in ((0, False), (1, True)):  # the same three lines in long programs, and in one that is little more
        part, own = classes.program(rng, "part", 3), classes.program(rng, "own", 1 if alike else 12)
        for student, cells in group[2 * n : 2 * n + 2]:
            more = own if alike else classes.program(random.Random(student), "own", 12)
            cells["9.1"] = f"{more}\n{part}"
    assert list(pairs(similarity.find_pairs(group, set()))) == [("student 0002", "student 0003")]


def test_what_everybody_was_given_does_not_count():
    group, rng = classes.answers(5, tasks=1), random.Random(7)
    stub, fold = classes.program(rng, "given", 9), classes.program(rng, "f1", 9)
    for n, (_, cells) in enumerate(group):
        cells["9.1"] += f"\n{stub}"
        cells["9.2"] = fold if n < 2 else "pass"
    assert similarity.find_pairs(group, set())
    text = f"<details><summary>Answer</summary>\n\n```python\n{fold}\n```\n\n</details>"
    assert similarity.find_pairs(group, similarity.given_runs([("code", stub), ("markdown", text)])) == []


def test_what_many_wrote_does_not_count():
    group = classes.answers(40, tasks=1)
    known = classes.program(random.Random(7), "g")
    for _, cells in group[:15]:
        cells["9.2"] = known
    assert similarity.find_pairs(group, set()) == []


@pytest.mark.parametrize("task_id", [one.id for n in "123456" for one in load_exercise(n).tasks])
def test_different_right_answers_are_no_copies(task_id):
    # "sums, but flattens first" is meant to be nearly the answer "sums"
    group = [(name, {task_id: code}) for name, _, code in answers(task_id, "right") if ", but " not in name]
    assert len(group) > 3 and similarity.find_pairs(group, set()) == []


def test_names_and_strings_are_alike_and_comments_and_docstrings_are_left_out():
    words = similarity.tokens(
        'import torch as t  # t\ndef f(self, x):\n    """A docstring."""\n    return self.g(x).mean(1, """a""") ** 2'
    )
    assert " ".join(words) == "import v as v def v ( self , v ) : return self . v ( v ) . mean ( 1 , s ) ** 2"
    words = similarity.tokens("len(x) if not rb'\\'' else F'{a}' + 1e-5")
    assert words == ["len", "(", "v", ")", "if", "not", "s", "else", "s", "+", "1e-5"]


TRIPLE = "'''"
HURTING = ["\n\t ", "match ", "case ", "'", '"', TRIPLE, '"""', "'\\", f"{TRIPLE}\\", "rb'", "rbf", "\\", "\\\n", "#"]
HURTING += ["{", "f'{", "1e", "1e+", "1_", "1.", "_", "é", "\0", "𝐱", "-", "=", "!", " = ", "@ ", "def ", "import "]
HURTING += ["class a:\n ", "from . import ", "# \n"]


@pytest.mark.parametrize("part", HURTING)
def test_the_time_grows_with_the_length_alone(part):
    """Pygments took 12 s for 30,000 characters of such text, in the process that holds the marks."""
    for text in (part * 100_000, f"x{part * 100_000}", f"{part * 100_000}\\"):
        begun = time.process_time()
        similarity.tokens(text)
        assert time.process_time() - begun < 0.5


def test_any_text_has_tokens_in_little_time():
    assert similarity.tokens("def f(a): return f'{a.b} x' # y") == similarity.tokens("def g(c):\n  return f'{c.b} z'")
    for text in ("", '"' * 50_000, "'''", "(" * 50_000, "\\" * 50_000, "f'{" * 9_000, "\0\ud800é", "%%bash\nls | x"):
        assert isinstance(similarity.tokens(text), list)
