"""The student's side of a check: it finds names, calls functions, and keeps objects that are not plain data.

It works on the live objects of a notebook, or in the process that runs a submission.
"""

import ast
import copy
import functools
import os
import sysconfig
import traceback
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lecture_utils.grading.errors import GRADIENTS_LEFT_OFF, NotAttempted, StudentError
from lecture_utils.grading.values import Code, Handle

_MAX_DEPTH = 12
CHECK_FILE = "<check>"  # the file name, in tracebacks, of code that a check sends
# Files in these folders are not the student's: installed libraries, and this package.
_LIBRARIES = tuple(
    f"{folder}{os.sep}"
    for folder in {*map(sysconfig.get_path, ("stdlib", "purelib", "platlib")), str(Path(__file__).resolve().parents[1])}
)
_PLAIN = (type(None), bool, int, float, str, torch.dtype, torch.device)


class Namespace:
    """Answers the calls of a check on the objects of one namespace."""

    def __init__(self, namespace: dict[str, Any]):
        self.namespace = namespace
        self.kept: dict[int, Any] = {}

    def value(self, name: str) -> Any:
        """The value of a global name: plain data, or a handle.

        Raises:
            NotAttempted: the name does not exist, or its value is still ``...``.
        """
        return self.plain(self._find(name))

    def call(self, function: str | Code | Handle, args: list, kwargs: dict, keep: bool) -> Any:
        """Call a function and return plain data, or a handle of the result; with ``keep`` always a handle.

        Raises:
            NotAttempted: the function does not exist, or it reached a stub.
            StudentError: it raised another exception, or left gradients switched off.
        """
        try:
            args, kwargs = self._resolve(args), self._resolve(kwargs)
            target = self._find(function) if isinstance(function, str) else self._resolve(function)
            with torch.enable_grad():
                result = target(*args, **kwargs)
                records = torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
            if not records:
                raise StudentError(GRADIENTS_LEFT_OFF, "torch.is_grad_enabled() is False after the call.")
        except (NotAttempted, StudentError):
            raise
        # Also a BaseException such as SystemExit or CancelledError must not end the process.
        except BaseException as error:
            kind, text = error_words(error)
            # torch raises NotImplementedErrors as well, but none with a stub's text.
            if isinstance(error, NotImplementedError) and (not text or text.startswith("Task ")):
                name = function if isinstance(function, str) else "A part of it"
                raise NotAttempted(f"{name} is not written yet.") from error
            raise StudentError(kind, text[:500], _students_line(error)) from None
        return self._keep(result) if keep else self.plain(result)

    def place(self, number: int, value: Any) -> None:
        """Keep plain data, or the value of a :class:`~.values.Code`, under the number of a handle."""
        self.kept[number] = self._resolve(value)

    def fetch(self, number: int) -> Any:
        """What is kept under a number, as it is now."""
        return self.plain(self.kept[number])

    def _find(self, name: str) -> Any:
        if name not in self.namespace:
            raise NotAttempted(f"There is no {name!r} yet: run its cell, and keep the name as given.")
        if self.namespace[name] is ...:
            raise NotAttempted(f"{name} is still `...`.")
        return self.namespace[name]

    def _keep(self, value: Any) -> Handle:
        self.kept[len(self.kept)] = value
        return Handle(len(self.kept) - 1, str(type(value).__name__))

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, Handle):
            return self.kept[value.number]
        if isinstance(value, Code):
            return _evaluated(value)
        if type(value) is torch.Tensor and value.device.type == "cpu":
            return value.to(torch.get_default_device())  # where the student's code creates its own tensors
        if type(value) in (list, tuple):
            return type(value)(self._resolve(v) for v in value)
        return {k: self._resolve(v) for k, v in value.items()} if type(value) is dict else value

    def plain(self, value: Any, depth: int = 0) -> Any:
        """Copy plain data to the CPU; keep any other object and return a handle of it."""
        if isinstance(value, torch.Tensor) and not value.is_sparse and not value.is_quantized:
            with torch._C.DisableTorchFunctionSubclass():  # a class of the answer's own could show other numbers
                value = torch.Tensor.detach(value)
            return value if value.device.type == "meta" else value.to("cpu", copy=True).contiguous()
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            return np.array(value)
        if isinstance(value, np.generic) and value.dtype.kind in "biuf":
            return value.item()
        if type(value) in _PLAIN:
            return value
        if depth < _MAX_DEPTH and isinstance(value, (list, tuple)):
            items = [self.plain(v, depth + 1) for v in value]
            return items if isinstance(value, list) else tuple(items)
        if depth < _MAX_DEPTH and isinstance(value, dict) and all(type(k) in (str, int) for k in value):
            return {k: self.plain(v, depth + 1) for k, v in value.items()}
        return self._keep(value)


def _evaluated(code: Code) -> Any:
    """The value of an expression, or the last function that a source defines."""
    names: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "np": np, "copy": copy}
    compiled, function = _compiled(code.expression)
    if not function:
        return eval(compiled, names)
    exec(compiled, names)
    return names[function]


@functools.lru_cache(256)
def _compiled(text: str) -> tuple[CodeType, str]:
    """The compiled text, and the name of the last function that it defines; empty for an expression."""
    try:
        return compile(text, CHECK_FILE, "eval"), ""
    except SyntaxError:
        tree = ast.parse(text, CHECK_FILE)
        last = tree.body[-1]
        assert isinstance(last, ast.FunctionDef)
        return compile(tree, CHECK_FILE, "exec"), last.name


def error_words(error: BaseException) -> tuple[str, str]:
    """The class and the text of an exception, whose ``__str__`` may raise as well."""
    try:
        return type.__dict__["__name__"].__get__(type(error)), str(error)
    except BaseException as another:
        return type.__dict__["__name__"].__get__(type(error)), f"its text cannot be shown ({type(another).__name__})"


def _students_line(error: BaseException) -> str:
    """The last line of the student's own code on the way to an exception."""
    where = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.line and not frame.filename.startswith(_LIBRARIES):
            where = f"line {frame.lineno} of {frame.name}: {frame.line}"
    return where[:300]
