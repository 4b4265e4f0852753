"""check() says when the newest version of an answer's cell is not what it judges, and is silent otherwise."""

import json
import os
import sys
import time
from types import SimpleNamespace

import pytest
from conftest import ROOT
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from lecture_utils.grading import cells, feedback, live, records

CHECKS = ROOT / "tests" / "grading_bank" / "checks.py"
RIGHT = "# Task 9.1\ndef double(x):\n    return 2 * x\n"
WRONG = "# Task 9.1\ndef double(x):\n    return x\n"
INDENTED = "# Task 9.1\ndef double(x):\n    y = x\n      return 2 * y\n"


@pytest.fixture
def shell(monkeypatch, tmp_path):
    """A shell as a kernel has it, whose cells are noted."""
    for memory in (cells._runs, feedback._failures, live._seeds, live._attempts, records._states):
        memory.clear()
    monkeypatch.setenv("LECTURE_PROGRESS", str(tmp_path / "progress.jsonl"))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    main, hook = sys.modules["__main__"], sys.displayhook
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    shell.colors = "nocolor"
    cells.watch()
    yield shell
    InteractiveShell.clear_instance()
    sys.modules["__main__"], sys.displayhook = main, hook


def run(shell, *sources, cell_id=None):
    for source in sources:
        shell.run_cell(source, store_history=True, cell_id=cell_id)


def note() -> str:
    return feedback.check("9.1", checks=CHECKS)._attempt.note


STALE = {
    "an indentation error": ([RIGHT, INDENTED], "stopped with IndentationError on line 4; this verdict is about"),
    "a syntax error": ([RIGHT, "# Task 9.1\ndef double(x)\n    return x\n"], "stopped with SyntaxError on line 2"),
    "a syntax error without the comment": ([RIGHT, "def double(x):\n    return (x\n"], "stopped with SyntaxError"),
    "a syntax error in a value": ([RIGHT, "\ndouble = lambda x: (x\n"], "stopped with SyntaxError"),
    "an import that fails": ([RIGHT, "# Task 9.1\nimport nowhere\n" + RIGHT], "ModuleNotFoundError on line 2"),
    "an error in the definition": ([RIGHT, "def double(x: y):\n    pass\n"], "stopped with NameError on line 1"),
    "an error in the value": ([RIGHT, "double = 1 / 0\n"], "stopped with ZeroDivisionError on line 1"),
    "an error in a loop before": ([RIGHT, "for i in [0]:\n    1 / i\n" + RIGHT], "ZeroDivisionError on line 2"),
    "an interrupt": ([RIGHT, "# Task 9.1\nraise KeyboardInterrupt\n" + RIGHT], "KeyboardInterrupt on line 2"),
    "a class": ([RIGHT, "class double(Nowhere):\n    pass\n"], "stopped with NameError on line 1"),
    "with %%time": ([RIGHT, "%%time\n# Task 9.1\n1 / 0\n" + RIGHT], "ZeroDivisionError on line 3"),
    "a null byte": ([RIGHT, "# Task 9.1\ndouble = '\0'\n"], "Your last version of this cell stopped with"),
    "other cells afterwards": ([RIGHT, INDENTED, "print(1)", "y = 3"], "stopped with IndentationError"),
    "a trial of the old one": ([RIGHT, INDENTED, "# Task 9.1\ndouble(3)"], "stopped with IndentationError"),
    "the comment with a stop": ([RIGHT, INDENTED.replace("9.1", "9.1:")], "stopped with IndentationError"),
}
FRESH = {
    "nothing run": [],
    "the answer": [RIGHT],
    "twice": [RIGHT, RIGHT],
    "an error mended": [INDENTED, RIGHT],
    "another version": [RIGHT, WRONG],
    "the stub": [RIGHT, "# Task 9.1\ndef double(x):\n    raise NotImplementedError('Task 9.1')\n"],
    "a trial below it fails": [RIGHT + "double('a' + 1)\n"],
    "a trial in another cell fails": [RIGHT, "double('a' + 1)"],
    "a trial in another cell cannot be read": [RIGHT, "double(3", "print(double(3)"],
    "a trial with the comment": [RIGHT, "# Task 9.1\nprint(double(3))\n", "# Task 9.1\ndouble(1 / 0)\n"],
    "a note with the comment": [RIGHT, "# Task 9.1\n", "# Task 9.1\nhelper = 3\n"],
    "another task's error": [RIGHT, "# Task 9.2\n1 / 0\n", "# Task 9.11\n1 / 0\n", "# Task 9.1 and more\n1 / 0\n"],
    "a local name": [RIGHT, "def f():\n    double = 1\n    return 1 / 0\nf()\n"],
    "an attribute": [RIGHT, "import types; a = types.SimpleNamespace(); a.double = 1; 1 / 0\n"],
    "a comparison": [RIGHT, "double == 1 / 0\n"],
    "defined by a cell without comment": [INDENTED, "def double(x):\n    return 2 * x\n"],
    "defined by import": [INDENTED, "from operator import neg as double\n"],
    "several definitions": [RIGHT + "def more(x):\n    return x\nmore()\n"],
    "defined in a branch": ["if True:\n    double = abs\nelse:\n    double = None\n1 / 0\n"],
    "defined in a with": ["import contextlib\nwith contextlib.nullcontext(3) as double:\n    pass\n1 / 0\n"],
    "a loop over it": ["for double in [abs]:\n    1 / 0\n"],
    "magics": ["%time 1\n" + RIGHT, "!true\n", "%%time\n" + RIGHT],
    "a magic fails below": ["%%time\n" + RIGHT + "1 / 0\n"],
    "an async cell": ["import asyncio\nawait asyncio.sleep(0)\n" + RIGHT],
    "a section run again": [RIGHT, "x = 1", RIGHT, "x = 1"],
    "an empty cell": [RIGHT, "", "  \n"],
}


@pytest.mark.parametrize("name", STALE)
def test_a_stale_answer_is_said(shell, name):
    sources, words = STALE[name]
    run(shell, *sources)
    assert words in note() and "this verdict is about the version before it." in note()


@pytest.mark.parametrize("name", FRESH)
def test_no_false_alarm(shell, name):
    run(shell, *FRESH[name])
    assert note() == ""


def test_the_note_is_shown_before_the_verdict_and_in_progress(shell):
    run(shell, RIGHT, INDENTED)
    shown = feedback.check("9.1", checks=CHECKS)
    first, second = repr(shown).splitlines()[:2]
    assert first.startswith("✓") and second.startswith("note: Your last version of this cell stopped with Indentation")
    assert "note:" in shown._repr_html_()
    from lecture_utils.grading.progress import progress

    assert "9.1: Your last version of this cell stopped" in repr(progress("9", checks=CHECKS))
    assert "9.1: Your last version" in progress("9", checks=CHECKS)._repr_html_()
    run(shell, RIGHT)
    assert "Your last version" not in repr(progress("9", checks=CHECKS))


def test_a_first_version_that_stopped_has_none_before_it(shell):
    run(shell, INDENTED)
    shown = repr(feedback.check("9.1", checks=CHECKS))
    assert "not answered yet" in shown and "stopped with IndentationError on line 4." in shown


def test_the_same_cell_that_no_longer_defines_the_name(shell):
    run(shell, RIGHT, cell_id="a")
    run(shell, RIGHT.replace("double", "duoble"), cell_id="a")
    assert "does not define double; this verdict is about the version before it." in note()
    run(shell, RIGHT, cell_id="a")
    assert note() == ""


def test_the_same_cell_without_its_comment(shell):
    run(shell, RIGHT, cell_id="a")
    run(shell, "def duoble(x):\n    return (x\n", cell_id="a")
    assert "stopped with SyntaxError" in note()
    run(shell, "def other(x):\n    return (x\n", cell_id="b")
    run(shell, RIGHT, cell_id="a")
    assert note() == ""


# What was saved, and never run


def save(path, source, cell_id="a", later=10.0):
    path.write_text(json.dumps({"cells": [{"id": "z", "source": ["x"]}, {"id": cell_id, "source": [source]}]}))
    os.utime(path, (time.time() + later,) * 2)


@pytest.mark.parametrize("way", ["JupyterLab", "VS Code"])
def test_an_edit_that_was_saved_and_not_run_is_said(shell, tmp_path, monkeypatch, way):
    file = tmp_path / "02.ipynb"
    if way == "JupyterLab":
        monkeypatch.setenv("JPY_SESSION_NAME", str(file))
    else:
        shell.user_ns["__vsc_ipynb_file__"] = str(file)
    run(shell, RIGHT, cell_id="a")
    save(file, WRONG)
    assert "was saved with another version of this cell, which was not run" in note()
    run(shell, WRONG, cell_id="a")
    save(file, WRONG)
    assert note() == ""


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (RIGHT, {}),
        (RIGHT.replace("2 * x", "2*x  # faster"), {}),  # a formatter, or a comment
        (WRONG, {"later": -10.0}),  # run after it was saved
        (INDENTED, {}),  # half of a word typed
        ("# Task 9.2\n" + WRONG.partition("\n")[2], {"cell_id": "b"}),  # another cell
    ],
)
def test_no_false_alarm_from_the_saved_file(shell, tmp_path, monkeypatch, source, options):
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "02.ipynb"))
    run(shell, RIGHT, cell_id="a")
    save(tmp_path / "02.ipynb", source, **options)
    assert note() == ""


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', '{"cells": [3]}', '{"cells": [{"source": 3}]}'])
def test_a_file_that_cannot_be_read_spoils_no_check(shell, tmp_path, monkeypatch, text):
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "02.ipynb"))
    run(shell, RIGHT, cell_id="a")
    assert note() == ""
    (tmp_path / "02.ipynb").write_text(text)
    os.utime(tmp_path / "02.ipynb", (time.time() + 10,) * 2)
    assert note() == ""


def test_without_ipython_nothing_is_noted(monkeypatch):
    cells._runs.clear()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    cells.watch()
    assert cells.stale_note("9.1", ["double"], {}) == ""
