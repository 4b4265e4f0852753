"""The command ``lecture grade`` as the tests give it, and what it wrote."""

import hashlib
import json
from pathlib import Path

from typer.testing import CliRunner

from grading_bank.submissions import BANK, notebook
from lecture_grader.__main__ import app

CHECKS = Path(__file__).with_name("checks.py")


def grade(*arguments, checks=CHECKS):
    """The result of the command; its exit code and output."""
    words = [*arguments, *(["--checks", checks] if checks else [])]
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def rows_of(out):
    """The last row of each student in ``results.jsonl``."""
    return {row["student"]: row for row in map(json.loads, (out / "results.jsonl").read_text().splitlines())}


def grade_bank(names, tmp_path_factory, *more, bank=BANK):
    """Those submissions of the bank, graded with the command: their folder, the results, what it printed."""
    folder, out = (tmp_path_factory.mktemp(name) for name in ("submissions", "graded"))
    for name in names:
        content = bank[name][0]
        content = content() if callable(content) else content
        (folder / f"{name}.ipynb").write_bytes(notebook(content) if isinstance(content, list) else content)
    before = {p.name: hashlib.sha256(p.read_bytes()).digest() for p in folder.iterdir()}
    done = grade(folder, "--out", out, "--time-limit", 8, "--memory-limit", 2, *more)
    assert done.exit_code == 0, done.output
    assert before == {p.name: hashlib.sha256(p.read_bytes()).digest() for p in folder.iterdir()}
    return folder, out, done.output
