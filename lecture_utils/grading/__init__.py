"""Tasks that check themselves in the notebook, and what their checks are written with.

Reading order: ``tasks``, ``student``, ``compare``, ``verdict``, ``feedback``, ``progress``. The process that runs a
submission imports only ``namespace``, ``state``, ``values`` and ``errors``, which contain no comparison and no hint.
Each name below is therefore imported when it is first used.
"""

import importlib
import warnings

_HOME = {
    "errors": ("CheckFailed", "NotAttempted", "StudentError"),
    "values": ("Code", "Handle"),
    "student": ("Module", "Student"),
    "tasks": ("Task", "task"),
    "compare": ("close", "describe", "expect", "normal"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = list(_MODULE_OF)


def __getattr__(name: str):
    if name == "Wrong":
        warnings.warn("lecture_utils.grading.Wrong is now called CheckFailed", DeprecationWarning, stacklevel=2)
        name = "CheckFailed"
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'lecture_utils.grading' has no attribute {name!r}")
    return getattr(importlib.import_module(f"lecture_utils.grading.{_MODULE_OF[name]}"), name)
