"""A submitted notebook as a list of cells, and what is repaired in it."""

import json

import pytest

from lecture_grader.repair import Unreadable, read_cells, repair, task_id_of

STUB = '# Task 9.1\ndef double(x):\n    raise NotImplementedError("Task 9.1: write this part")'
NAMES = {"9.1": ["double"], "9.2": ["model"], "9.4": ["Softplus", "softplus"]}


def cells_of(*sources, kind="code"):
    cells = [s if isinstance(s, dict) else {"cell_type": kind, "source": s} for s in sources]
    return read_cells(json.dumps({"cells": cells}).encode())


def repaired(*sources):
    """Which cells are run, their sources, and the notes."""
    cells = cells_of(*sources)
    notes = repair(cells, NAMES)
    return [cell.runs for cell in cells], [cell.source for cell in cells], notes


def test_the_task_of_a_cell():
    assert task_id_of("\n# Task 2.3: a title\nx = 1") == "2.3"
    assert task_id_of("x = 1\n# Task 2.3") is None and task_id_of("# Task 2") is None


@pytest.mark.parametrize(
    "stub",
    [
        STUB,
        "# Task 9.1\ndef double(x):\n    '''Twice x.'''\n    y = x\n    raise NotImplementedError",
        "# Task 9.1\ndef double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()",  # as nbgrader makes it
        "# Task 9.1\ndouble = ...",
    ],
)
def test_an_untouched_copy_of_a_stub_does_not_undo_an_answer(stub):
    runs, _, (note,) = repaired("# Task 9.1\ndef double(x):\n    return 2 * x", stub)
    assert runs == [True, False] and "empty copy of task 9.1" in note


@pytest.mark.parametrize(
    "second",
    [
        # a helper for all kinds but one
        '# Task 9.1\ndef power(kind):\n    if kind == "two":\n        return 2\n    raise NotImplementedError(kind)\n'
        'def double(x):\n    return x * power("two")',
        "# Task 9.1\ndef double(x):\n    def later():\n        raise NotImplementedError\n    return 2 * x",
        "# Task 9.1\nclass Base:\n    def scale(self, x):\n        raise NotImplementedError\n"
        "class Twice(Base):\n    def scale(self, x):\n        return 2 * x\ndouble = Twice().scale",
        "# Task 9.1\ndef double(x):\n    if x is None:\n        return None\n    if x.ndim < 9:\n        return 2 * x\n"
        "    raise NotImplementedError",
        "# Task 9.1\ndouble = lambda x: 2 * x\nrest = ...",
    ],
)
def test_an_answer_is_not_taken_for_a_stub(second):
    """Only the names that the task asks for count, and only a body that does nothing else."""
    runs, _, notes = repaired("# Task 9.1\ndef double(x):\n    return x ** 2", second)
    assert runs == [True, True], notes
    assert "the last one counts" in notes[0]


def test_half_a_stub_is_an_answer():
    """One of two names is written: the last definition wins, as in the notebook."""
    whole = "# Task 9.4\nclass Softplus:\n    def forward(self, x):\n        return x\ndef softplus(x):\n    return x"
    half = "# Task 9.4\nclass Softplus:\n    def forward(self, x):\n        return x + 1\n"
    half += 'def softplus(x):\n    raise NotImplementedError("Task 9.4: write this part")'
    assert repaired(whole, half)[0] == [True, True]
    untouched = whole.replace("return x", 'raise NotImplementedError("Task 9.4: write this part")')
    assert repaired(whole, untouched)[0] == [True, False]
    assert repaired(half, untouched)[0] == [True, False]


@pytest.mark.parametrize("line", ["passed = 1", "x = 1", "returned = x", "raised = 0", "breaking = 2", "continued = 3"])
def test_a_function_cut_in_two_is_joined(line):
    """A name that begins like `pass` or `return` does not end a block."""
    first, second = f"# Task 9.1\ndef double(x):\n    {line}", "    return 2 * x"
    runs, sources, notes = repaired(first, second)
    assert runs == [True, False] and sources[0] == f"{first}\n{second}" and "joined" in notes[0]


@pytest.mark.parametrize("line", ["return 2 * x", "pass", "raise ValueError", "return(x)", "break", "continue"])
def test_after_the_end_of_a_block_nothing_is_joined(line):
    loop = "for _ in [1]:\n        " if line in ("break", "continue") else ""
    runs, _, notes = repaired(f"# Task 9.1\ndef double(x):\n    {loop}{line}", "    y = 1")
    assert runs == [True, True] and not notes


def test_a_cell_that_became_text_is_code_again():
    text = {"cell_type": "markdown", "source": "# Task 9.1\ndef double(x):\n    return 2 * x"}
    cells = cells_of(text, {"cell_type": "markdown", "source": "Some words"})
    assert "run as code" in repair(cells, NAMES)[0]
    assert [cell.kind for cell in cells] == ["code", "markdown"]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"[]", b'{"cells": 3}', b"[" * 100_000])
def test_what_is_no_notebook_is_said(content):
    with pytest.raises(Unreadable):
        read_cells(content)
