"""Answers that are nearly the same: copies come first, and what is alike by itself is not shown."""

import random
import time

import classes
import pytest
from test_checks import answers

from lecture_grader import similarity
from lecture_utils.grading.tasks import load_exercise

EXERCISE_2 = [one.id for one in load_exercise("2").tasks]
NOTHING = similarity.given_runs([])


def groups(found):
    return {group.students: sorted(cell for cell, *_ in group.cells) for group in found.groups}


def test_a_renamed_copy_is_found_and_nothing_else():
    group = classes.answers(60)
    group[50][1].update({task: classes.renamed(source) for task, source in group[3][1].items() if task != "9.2"})
    found = similarity.compare(group, NOTHING)
    assert groups(found) == {("student 0003", "student 0050"): ["9.1", "9.3", "9.4", "9.5", "9.6", "9.7", "9.8"]}
    assert found.groups[0].cells[0][2] == 1 and found.pairs == [("student 0003", "student 0050", found.groups[0].score)]


def test_one_task_in_eight_is_no_copy_and_one_in_two_is():
    for tasks, expected in ((8, []), (2, ["9.1"])):
        group = classes.answers(30, tasks)
        group[7][1]["9.1"] = classes.renamed(group[6][1]["9.1"])
        found = groups(similarity.compare(group, NOTHING))
        assert list(found.values()) == [expected] * bool(expected)


def test_code_that_moved_to_other_tasks_is_found():
    group = classes.answers(30, tasks=3)
    group[7][1].update({f"9.{n % 3 + 1}": classes.renamed(group[6][1][f"9.{n}"]) for n in (1, 2, 3)})
    (found,) = similarity.compare(group, NOTHING).groups
    assert found.students == ("student 0006", "student 0007")
    assert {cell[:2] for cell in found.cells} == {("9.1", "9.2"), ("9.2", "9.3"), ("9.3", "9.1")}


def test_some_lines_of_ones_own_do_not_hide_a_copy():
    group, rng = classes.answers(30, tasks=1), random.Random(5)
    own = classes.program(rng, "helper", lines=8).splitlines()
    copied = group[0][1]["9.1"].splitlines()
    group[1][1]["9.1"] = "\n".join([*own, *copied[:9], "    print('so far')", *copied[9:]])
    assert ("student 0000", "student 0001") in groups(similarity.compare(group, NOTHING))


def test_a_part_in_common_is_not_nearly_the_same():
    group, rng = classes.answers(30, tasks=1), random.Random(5)
    for n, alike in ((0, False), (1, True)):  # the same three lines in long programs, and in one that is little more
        part, own = classes.program(rng, "part", 3), classes.program(rng, "own", 1 if alike else 12)
        for student, cells in group[2 * n : 2 * n + 2]:
            more = own if alike else classes.program(random.Random(student), "own", 12)
            cells["9.1"] = f"{more}\n{part}"
    assert list(groups(similarity.compare(group, NOTHING))) == [("student 0002", "student 0003")]


def test_what_everybody_was_given_does_not_count():
    group, rng = classes.answers(30, tasks=1), random.Random(7)
    stub, fold = classes.program(rng, "given", 9), classes.program(rng, "f1", 9)
    for n, (_, cells) in enumerate(group):
        cells["9.1"] += f"\n{stub}"
        cells["9.2"] = fold if n < 2 else "pass"
    assert similarity.compare(group, NOTHING).groups
    text = f"<details><summary>Answer</summary>\n\n```python\n{fold}\n```\n\n</details>"
    assert similarity.compare(group, similarity.given_runs([("code", stub), ("markdown", text)])).groups == []


def test_what_many_wrote_does_not_count():
    group = classes.answers(40, tasks=1)
    known = classes.program(random.Random(7), "g")
    for _, cells in group[:15]:
        cells["9.2"] = known
    assert similarity.compare(group, NOTHING).groups == []


def test_what_few_wrote_counts_more_than_what_many_wrote(monkeypatch):
    group = classes.answers(40, tasks=1)
    for n, (student, cells) in enumerate(group):
        own = classes.program(random.Random("both" if n in (6, 8) else student), "own", 3)
        cells["9.1"] = f"{classes.program(random.Random(n % 2), 'usual', 20)}\n{own}"
    for sample in (200, 20):  # of the students, with whom the usual value is measured
        monkeypatch.setattr(similarity, "_SAMPLE", sample)
        found = similarity.compare(group, NOTHING)
        assert list(groups(found)) == [("student 0006", "student 0008")] and found.below(0.9) < 0.15


@pytest.mark.parametrize("task_id", [one.id for n in "123456" for one in load_exercise(n).tasks])
def test_different_right_answers_are_no_copies(task_id):
    # "sums, but flattens first" is meant to be nearly the answer "sums"
    group = [(name, {task_id: code}) for name, _, code in answers(task_id, "right") if ", but " not in name]
    assert len(group) > 3 and similarity.compare(group, NOTHING).groups == []


def test_students_of_one_answer_are_one_group_and_the_closest_are_shown():
    group = classes.answers(60)
    for _, cells in group[1:6]:
        cells.update({task: classes.renamed(source) for task, source in group[0][1].items() if task != "9.8"})
    group[4][1]["9.8"] = classes.renamed(group[2][1]["9.8"])
    group[31][1].update(group[30][1])
    copies, other = sorted(similarity.compare(group, NOTHING).groups, key=lambda found: -len(found.students))
    assert copies.students == tuple(f"student {n:04}" for n in range(6))
    assert copies.closest == ("student 0002", "student 0004") and len(copies.cells) == 8
    assert other.students == ("student 0030", "student 0031") and other.score > copies.score


@pytest.mark.parametrize(("kind", "least"), [("restyled", 0.9), ("half", 0.6)])
def test_copies_of_real_answers_come_first(kind, least):
    """Five times three classes had 0.98 to 1 and 0.88 to 0.97; `benchmarks/copies.py` measures larger ones."""
    precisions = []
    for seed in (100, 101, 102):
        group = classes.real_class(EXERCISE_2, 50, seed)
        planted = classes.plant(group, kind, seed, number=4)
        pairs = similarity.compare(group, NOTHING, least=0.05).pairs
        ranks = [rank for rank, pair in enumerate(pairs, 1) if frozenset(pair[:2]) in planted]
        precisions.append(sum(n / rank for n, rank in enumerate(ranks, 1)) / len(planted))
    assert sum(precisions) / 3 >= least


@pytest.mark.parametrize("size", [2, 3, 6, 9, 50])
def test_honest_classes_of_any_size_are_left_alone(size):
    """Answers of a few usual kinds: half of a small class was called alike once."""
    shown = [similarity.compare(classes.real_class(EXERCISE_2, size, seed), NOTHING).groups for seed in range(100, 104)]
    assert sum(map(len, shown)) <= 2


@pytest.mark.parametrize("kind", ["restyled", "half"])
def test_a_copy_in_a_small_class_is_found(kind):
    """The copy itself must not count as what is usual."""
    group = classes.real_class(EXERCISE_2, 6, 102)
    (planted,) = classes.plant(group, kind, 1, number=1)
    assert [set(found.students) for found in similarity.compare(group, NOTHING).groups] == [planted]


def test_a_large_class_is_compared_in_blocks(monkeypatch):
    group = classes.answers(90, tasks=3)
    for one, other in ((2, 80), (40, 41), (88, 89)):
        group[other][1].update({task: classes.renamed(source) for task, source in group[one][1].items()})
    whole = similarity.compare(group, NOTHING)
    monkeypatch.setattr(similarity, "_BLOCK", 16)
    blocks = similarity.compare(group, NOTHING)
    assert len(whole.groups) == 3 and groups(blocks) == groups(whole) and blocks.counts == whole.counts
    assert sum(whole.counts) == 90 * 89 // 2 == sum(whole.bars())


def test_invented_tasks_do_not_hide_a_copy_nor_take_long():
    group, rng = classes.answers(30), random.Random(3)
    group[1][1].update({task: classes.renamed(source) for task, source in group[0][1].items()})
    for _, cells in group[:3]:
        cells.update({f"8.{n}": classes.program(rng, "g", 1) for n in range(600)})
    begun = time.process_time()
    assert list(groups(similarity.compare(group, NOTHING))) == [("student 0000", "student 0001")]
    assert time.process_time() - begun < 2


def test_classes_without_code_have_nothing_to_compare():
    for group in ([], [("a", {})], [("a", {"1.1": "x"}), ("b", {}), ("c", {"1.1": "\0"})]):
        found = similarity.compare(group, NOTHING)
        assert found.groups == found.pairs == [] and sum(found.counts) == len(group) * (len(group) - 1) // 2


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
