"""The command ``lecture grade`` as the tests give it, and what it wrote."""

import json
from pathlib import Path

from typer.testing import CliRunner

from lecture_grader.__main__ import app

CHECKS = Path(__file__).with_name("checks.py")


def grade(*arguments, checks=CHECKS):
    """The result of the command; its exit code and output."""
    words = [*arguments, *(["--checks", checks] if checks else [])]
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def rows_of(out):
    """The last row of each student in ``results.jsonl``."""
    return {row["student"]: row for row in map(json.loads, (out / "results.jsonl").read_text().splitlines())}
