"""What the lectures import: devices, data, figures, widgets, and exercises that check themselves.

``from lecture_utils import get_device, show_images`` loads only the modules that define these names, and
``import lecture_utils`` alone loads none.
"""

import importlib
import os
import re

# PyTorch's threads sleep while they wait for each other, unless the user has chosen otherwise. To spin instead is at
# best a quarter faster on an idle machine, and many times slower when other processes need the cores; see
# tests/benchmarks/waiting_threads.py. PyTorch reads the variable when it is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

_HOME = {
    "device": ("get_device", "available_devices", "describe_device", "seed_everything", "is_full", "Timer"),
    "data": ("load_dataset", "load_text", "SlowDisk", "data_folder", "DataError"),
    "loops": ("progress_bar",),
    "plotting": ("subplots", "show_images", "plot_history", "plot_predictions", "plot_confusion_matrix"),
    "diagrams": ("plot_graph", "plot_network", "plot_gpu_hierarchy"),
    "recurrent": ("plot_unrolled", "plot_cells"),
    "timings": ("plot_matmul_times",),
    "widgets": ("explore", "draw_digit", "quiz"),
    "grading.feedback": ("check",),
    "grading.progress": ("progress",),
    "grading.hand_in": ("hand_in",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = list(_MODULE_OF)


def require_version(version: str) -> None:
    """Raise an error if this package is older than a notebook needs.

    Args:
        version: the release of the course that the notebook belongs to, such as ``"0.1.0"``.

    Raises:
        ImportError: this package is older.

    >>> require_version("0.1.0")
    """
    needed, here = ([int(number) for number in re.findall(r"\d+", text)] for text in (version, __version__))
    if here < needed:
        raise ImportError(f"lecture_utils {version} or newer is needed, and this is {__version__}")


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'lecture_utils' has no attribute {name!r}")
    return getattr(importlib.import_module(f"lecture_utils.{_MODULE_OF[name]}"), name)


def __dir__() -> list:  # not list[str]: a Python older than 3.9 must read this file, to be told that it is too old
    return sorted({*globals(), *__all__})
