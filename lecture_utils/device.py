"""Which device computes, named and explained; one seed for everything; a fair stop-watch."""

import os
import platform
import random
import time
from pathlib import Path

import torch

# Best first. Each entry: device type, is it there, what to do where it is not.
_KINDS = {
    "cuda": (
        lambda: torch.cuda.is_available(),
        "no NVIDIA (or ROCm) GPU that this PyTorch can use: see nvidia-smi for the driver, and "
        "torch.version.cuda for the build",
    ),
    "mps": (
        lambda: torch.backends.mps.is_available(),
        "the Apple GPU needs macOS on Apple silicon and an arm64 build of PyTorch",
    ),
    "xpu": (
        lambda: torch.xpu.is_available(),
        "no Intel GPU that this PyTorch can use: see torch.xpu for the driver and the build",
    ),
    "cpu": (lambda: True, ""),
}


def available_devices() -> list[torch.device]:
    """Every device found, best first: each CUDA GPU, MPS, each Intel GPU, and last the CPU."""
    found = []
    for kind, (is_there, _) in _KINDS.items():
        if not is_there():
            continue
        count = getattr(torch, kind).device_count() if kind in ("cuda", "xpu") else 0
        found += [torch.device(kind, index) for index in range(count)] or [torch.device(kind)]
    return found


def get_device(prefer: str | torch.device | None = None) -> torch.device:
    """The device to compute on.

    Args:
        prefer: ``"cuda"``, ``"cuda:1"``, ``"mps"``, ``"xpu"``, ``"cpu"`` or a ``torch.device``;
            ``None`` or ``"auto"`` takes the first there is of CUDA, MPS, XPU, CPU.

    The environment variable ``LECTURE_DEVICE``, where it is set, overrides ``prefer``: whoever
    starts the notebooks decides, and no notebook has to be edited.

    Raises:
        ValueError: the name is not that of a device PyTorch knows here.
        RuntimeError: the device is not there; the message says what to look at.
    """
    override = os.environ.get("LECTURE_DEVICE", "").strip()
    wish = override or ("auto" if prefer is None else str(prefer))
    source = f"LECTURE_DEVICE={override}" if override else f"the device {wish!r}"
    if wish == "auto":
        return torch.device(next(kind for kind, (is_there, _) in _KINDS.items() if is_there()))
    try:
        device = torch.device(wish)
    except RuntimeError:
        device = None
    if device is None or device.type not in _KINDS:
        raise ValueError(f"{source} is not a device: choose one of auto, {', '.join(_KINDS)}")
    is_there, remedy = _KINDS[device.type]
    if not is_there():
        raise RuntimeError(f"{source} was asked for, but there is none here: {remedy}. ‘auto’ takes what there is.")
    if device.index is not None and device not in available_devices() and device != torch.device("cpu", 0):
        names = ", ".join(map(str, available_devices()))
        raise RuntimeError(f"{source} was asked for, but there are only: {names}")
    return device


def describe_device(device: str | torch.device | None = None) -> str:
    """One line about a device: its name and memory, and for the CPU how many threads are used."""
    device = get_device() if device is None else torch.device(device)
    if device.type in ("cuda", "xpu"):
        properties = getattr(torch, device.type).get_device_properties(device)
        return f"{device}: {properties.name}, {properties.total_memory / 2**30:.1f} GiB of GPU memory"
    if device.type == "mps":
        return f"{device}: Apple GPU, shares the {_memory_gib():.1f} GiB of the machine"
    return (
        f"{device}: {_cpu_name()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads used, "
        f"{_memory_gib():.1f} GiB of memory"
    )


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    import psutil

    return psutil.virtual_memory().total / 2**30


def seed_everything(seed: int = 0) -> None:
    """Seed Python's, NumPy's and PyTorch's generators (the latter on every device).

    The same seed gives the same numbers on one machine; another processor, another number of
    threads or another version of PyTorch may round differently.

    Raises:
        ValueError: the seed is not in [0, 2**32), the range that NumPy takes.
    """
    import numpy as np

    if not 0 <= seed < 2**32:
        raise ValueError(f"a seed is a whole number from 0 to {2**32 - 1}, not {seed!r}")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (code that uses the old interface is seeded too)
    torch.manual_seed(seed)


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished all that it was given; the CPU always has."""
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()


class Timer:
    """Measure the seconds that a block takes, on any device.

    A GPU works on while Python goes on: the clock is read only when the device has finished.

    >>> with Timer() as timer:
    ...     product = torch.rand(100, 100) @ torch.rand(100, 100)
    >>> timer.seconds > 0
    True
    """

    def __init__(self, device: str | torch.device = "cpu"):
        self.device = torch.device(device)
        self.seconds = float("nan")

    def __enter__(self) -> "Timer":
        synchronize(self.device)
        self._start = time.perf_counter()
        return self

    def __exit__(self, *exception) -> None:
        synchronize(self.device)
        self.seconds = time.perf_counter() - self._start

    def __str__(self) -> str:
        return f"{self.seconds:.3f} s"
