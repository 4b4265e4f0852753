"""Tasks that check themselves in the notebook, and what such a check is written with.

Reading order: ``tasks`` (a check becomes a task), ``student`` (how a check reaches the student's
work), ``compare`` (``expect``: right or wrong, and which known mistake), ``verdict`` (the cases of
a task), ``feedback`` (``check()`` in the notebook) and ``progress``. ``namespace``, ``state``,
``values`` and ``errors`` are the student's side: they know no comparison and no hint, and are all that a
process which runs a stranger's code imports from here. For that reason each name below is
imported when it is first used.
"""

import importlib
import warnings

_MODULE_OF = {
    "CheckFailed": "errors",
    "NotAttempted": "errors",
    "StudentError": "errors",
    "Code": "values",
    "Handle": "values",
    "Module": "student",
    "Student": "student",
    "Task": "tasks",
    "task": "tasks",
    "close": "compare",
    "describe": "compare",
    "expect": "compare",
    "normal": "compare",
}
_OLD_NAMES = {"Wrong": "CheckFailed"}

__all__ = list(_MODULE_OF)


def __getattr__(name: str):
    if name in _OLD_NAMES:
        new = _OLD_NAMES[name]
        warnings.warn(f"lecture_utils.grading.{name} is now called {new}", DeprecationWarning, stacklevel=2)
        name = new
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'lecture_utils.grading' has no attribute {name!r}")
    return getattr(importlib.import_module(f"lecture_utils.grading.{_MODULE_OF[name]}"), name)
