"""A submitted notebook as a list of cells, and what is repaired in it."""

import json

import pytest

from lecture_grader.repair import Unreadable, names_defined, read_cells, repair, task_id_of

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


DRAFT = "# Task 9.1\ndef double(x):\n    return x ** 2"
RIGHT = "# Task 9.1\ndef double(x):\n    return 2 * x"


@pytest.mark.parametrize(
    "answer",
    [
        f"{RIGHT}\n%time double(1)",
        f"{RIGHT}\ndouble?",
        "# Task 9.1\nif True:\n    def double(x):\n        return 2 * x",
        "# Task 9.1\ntry:\n    double = jit(twice)\nexcept NameError:\n    double = twice",
        "# Task 9.1\ndouble: object = twice",
        "# Task 9.1\ndouble, other = twice, 4",
        "# Task 9.1\n@timed\ndef double(x):\n    return 2 * x",
    ],
)
def test_an_answer_of_any_form_is_seen(answer):
    """An untouched copy of the stub below it is left out."""
    runs, _, notes = repaired(answer, STUB)
    assert runs == [True, False], notes


@pytest.mark.parametrize(
    "stub",
    [
        "# Task 9.1\ndouble: object = ...",
        "# Task 9.1\ndouble, other = ..., ...",
        "# Task 9.1\nasync def double(x):\n    raise NotImplementedError",
        "# Task 9.1\ndef double(x):\n    raise NotImplementedError(f'Task 9.1: write this part')",
    ],
)
def test_a_stub_of_any_form_is_seen(stub):
    assert repaired(RIGHT, stub)[0] == [True, False]


def test_an_answer_above_the_line_that_raises_is_an_answer():
    above = RIGHT + '\n    raise NotImplementedError("Task 9.1: write this part")'
    assert repaired(DRAFT, above)[0] == [True, True]


def test_a_stub_above_the_answer_stays():
    """It undoes nothing, and its cell may define something else that the answer needs."""
    first = STUB.replace("def double", "SCALE = 2\ndef double")
    assert repaired(first, RIGHT.replace("2 *", "SCALE *"))[0] == [True, True]


def test_a_cell_of_a_task_is_never_the_second_half_of_another():
    first = "# Task 9.1\ndef double(x):\n    x += 1"
    indented = "    # Task 9.2\n    def model(x):\n        return 3 * x"
    runs, _, notes = repaired(first, indented)
    assert runs == [True, True] and not notes


def test_what_the_student_switched_off_stays_off():
    """A draft that was made a raw cell, or text, does not undo the answer."""
    for task in ("", "# Task 9.1\n"):
        draft = {"cell_type": "raw", "source": f"{task}def double(x):\n    return x ** 2"}
        cells = cells_of(RIGHT, draft)
        assert not repair(cells, NAMES) and cells[1].kind == "raw"


def test_a_lost_half_of_a_task_is_restored():
    """Of two cells of one task, one became text; a stub that is left is no answer."""
    lost = {"cell_type": "markdown", "source": "# Task 9.4\ndef softplus(x):\n    return x"}
    cells = cells_of("# Task 9.4\nclass Softplus:\n    pass", lost)
    assert "run as code" in repair(cells, NAMES)[0] and cells[1].runs
    cells = cells_of({"cell_type": "markdown", "source": RIGHT}, STUB)
    notes = repair(cells, NAMES)
    assert [cell.runs for cell in cells] == [True, False], notes


def test_a_cell_that_ipython_cannot_read_spoils_no_other():
    runs, _, _ = repaired(RIGHT, "\n".join(["!true"] * 600))
    assert runs == [True, True]


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


@pytest.mark.parametrize(
    ("damaged", "mended"),
    [
        ("def f(x):\n\u00a0\u00a0return x", "def f(x):\n  return x"),
        ("x =\u202f1", "x = 1"),
        ("print(\u201ca\u201d, \u2018b\u2019)", "print(\"a\", 'b')"),
        ("x\u200b = 1", "x = 1"),
        ("\ufeffx = 1", "x = 1"),
        ("x = 1\0", "x = 1"),
        ("%time\u00a0x = 1\ndef f():\n\u00a0return 1", "%time x = 1\ndef f():\n return 1"),
    ],
)
def test_characters_that_a_browser_exchanged(damaged, mended):
    _, (source,), (note,) = repaired(damaged)
    assert source == mended and note.startswith("cell 1 holds blanks or quotes")


@pytest.mark.parametrize(
    "source",
    [
        "x = 'don\u2019t'",
        "# \u201cquoted\u201d\u00a0text\nx = 1",
        "x = '\u00a0'",
        "print\uff081\uff09",
        "x = \u201cit's",
        "def f(:\u00a0",
        "x = 1 \u2212 2",
        "\u00e9t\u00e9 = 1",
        "\u540d\u524d = '\u5c71\u7530\u3000\u592a\u90ce'",
    ],
)
def test_what_is_python_or_unclear_stays(source):
    assert repaired(source) == ([True], [source], [])


def test_a_stub_that_is_left_is_known_as_one():
    cells = cells_of(STUB, "# Task 9.1\ndef double(x):\n    return x", "x = 1", "# Task 9.2\nmodel = ...\n1 / 0")
    repair(cells, NAMES)
    assert [cell.stub for cell in cells] == [True, False, False, True]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("%pip install x\nmodel = 3", {"model": False}),
        ("if a:\n    %pip install x\ndef f(x):\n    raise NotImplementedError", {"f": True}),
        ("!ls \\\n -l\nx = 1", {"x": False}),
        ("x = %timeit -o 3\ny = 2", {"x": False, "y": False}),
        ("\n%%time\nx = 1", {}),
        ("!ls \\\nx = 1", {}),  # one shell command
        ("\nIn [1]: %pip list\nIn [2]: x = 1", {"x": False}),
        ("!pip list\na = '''\n!!!'''\ndef f(x):\n    return x\nb = '''\n!!!'''", {"a": False, "f": False, "b": False}),
    ],
)
def test_magics_among_python_hide_no_name(source, names):
    """A line `%%time` makes the whole cell an argument of the magic, so nothing is seen to be defined."""
    assert names_defined(source) == names
