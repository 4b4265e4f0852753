"""The examples in docstrings are true, and what students and instructors import has one."""

import dataclasses
import doctest
import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT

import lecture_utils
from lecture_utils import grading

PACKAGES = ("lecture_utils", "lecture_grader", "course_tools")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
WITH_EXAMPLES = [path for path in FILES if ">>>" in path.read_text(encoding="utf-8")]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("name", [name_of(path) for path in WITH_EXAMPLES])
def test_examples_are_true(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    names = {"torch": torch, "np": np, "Path": Path} | vars(lecture_utils) | vars(module)
    result = doctest.testmod(module, extraglobs=names, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


NAMES = [(lecture_utils, name) for name in lecture_utils.__all__] + [(grading, name) for name in grading.__all__]
PUBLIC = [getattr(package, name) for package, name in NAMES]
# Exceptions and plain records are shown by the examples of the functions that raise and take them.
PUBLIC = [thing for thing in PUBLIC if not (inspect.isclass(thing) and issubclass(thing, Exception))]
PUBLIC = [thing for thing in PUBLIC if not dataclasses.is_dataclass(thing)]


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__qualname__)
def test_what_notebooks_and_checks_import_carries_an_example(thing):
    text = inspect.getdoc(thing) or ""
    assert ">>>" in text, f"{thing.__qualname__} has no example in its docstring"
