"""Small helpers shared by the lectures: devices, data, figures, and running notebooks.

What a lecture teaches stands in the lecture itself, in plain PyTorch. Everything here can be
imported straight from the package, ``from lecture_utils import get_device, show_images``; the
module behind a name is imported at its first use, so that ``import lecture_utils`` itself costs
next to nothing.
"""

import importlib
import os

# Threads of PyTorch's that wait for each other sleep, if nobody has chosen otherwise. Spinning ones are at best a
# quarter faster alone, and many times slower as soon as other processes want their cores; see
# tests/benchmarks/waiting_threads.py. Read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

_HOME = {
    "device": ("get_device", "available_devices", "describe_device", "seed_everything", "Timer"),
    "data": ("load_dataset", "data_folder", "DataError"),
    "plotting": (
        "subplots",
        "show_images",
        "plot_history",
        "plot_predictions",
        "plot_confusion_matrix",
        "plot_graph",
        "plot_network",
        "plot_gpu_hierarchy",
    ),
    "widgets": ("explore", "draw_digit", "quiz"),
    "grading.feedback": ("check",),
    "grading.progress": ("progress",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = list(_MODULE_OF)


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'lecture_utils' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"lecture_utils.{_MODULE_OF[name]}"), name)
    globals()[name] = value  # the next use does not come here again
    return value


def __dir__() -> list:  # any Python reads this, to be told that it is too old
    return sorted({*globals(), *__all__})
