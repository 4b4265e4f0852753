"""The device to compute on, one seed for all generators, and a timer that waits for a GPU."""

import os
import platform
import random
import re
import time
from pathlib import Path

import numpy as np
import torch

# What to check if a device is missing. A build of PyTorch supports at most one of the three accelerators.
_REMEDIES = {
    "cuda": "no NVIDIA (or ROCm) GPU that this PyTorch can use: see nvidia-smi for the driver, and "
    "torch.version.cuda for the build",
    "mps": "the Apple GPU needs macOS on Apple silicon and an arm64 build of PyTorch",
    "xpu": "no Intel GPU that this PyTorch can use: see torch.xpu for the driver and the build",
    "cpu": "",
}


def available_devices() -> list[torch.device]:
    """List the devices of this machine: first each GPU, then the CPU. Taught in lecture 1, section 10.4.

    >>> available_devices()[-1]
    device(type='cpu')
    """
    cpu = torch.device("cpu")
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if accelerator is None:
        return [cpu]
    return [torch.device(accelerator.type, index) for index in range(torch.accelerator.device_count())] + [cpu]


def get_device(prefer: str | torch.device | None = None) -> torch.device:
    """Choose the device to compute on. Taught in lecture 1, section 10.2.

    Args:
        prefer: ``"cuda"``, ``"cuda:1"``, ``"mps"``, ``"xpu"``, ``"cpu"`` or a ``torch.device``. ``None`` and ``"auto"``
            choose a GPU if there is one. The environment variable ``LECTURE_DEVICE``, if it is set, overrides this.

    Raises:
        ValueError: there is no device of that name.
        RuntimeError: the device is not available. The message says what to check.

    >>> get_device("cpu")
    device(type='cpu')
    """
    override = os.environ.get("LECTURE_DEVICE", "").strip()
    wish = override or ("auto" if prefer is None else str(prefer))
    source = f"LECTURE_DEVICE={override}" if override else f"the device {wish!r}"
    available = available_devices()
    if wish == "auto":
        return torch.device(available[0].type)
    try:
        device = torch.device(wish)
    except RuntimeError:
        device = None
    kinds = [found.type for found in available]
    if device is None or device.type not in {*kinds, *_REMEDIES}:
        raise ValueError(f"{source} is not a device: choose one of auto, {', '.join(_REMEDIES)}")
    if device.type not in kinds:
        remedy = _REMEDIES[device.type]
        raise RuntimeError(f"{source} was asked for, but there is none here: {remedy}. 'auto' takes what there is.")
    if (device.index or 0) >= kinds.count(device.type):
        names = ", ".join(map(str, available))
        raise RuntimeError(f"{source} was asked for, but there are only: {names}")
    return device


def describe_device(device: str | torch.device | None = None) -> str:
    """Describe a device (default: :func:`get_device`) in one line. Taught in lecture 1, section 2.3.

    Raises:
        RuntimeError: the device is not available.

    >>> describe_device("cpu")  # doctest: +SKIP
    'cpu: AMD EPYC, 2 cores, 2 threads used, 23.5 GiB of memory'
    """
    device = torch.device(device or get_device())
    if device.type == "mps":
        return f"{device}: Apple GPU, shares memory with the CPU{_memory()}"
    if device.type != "cpu":
        properties = torch.get_device_module(device).get_device_properties(device)
        return f"{device}: {properties.name}, {properties.total_memory / 2**30:.1f} GiB of GPU memory"
    cpuinfo = Path("/proc/cpuinfo")  # Linux only
    named = re.search(r"^model name\s*:(.+)", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else None
    name = named[1].strip() if named else platform.processor() or platform.machine()
    threads = torch.get_num_threads()
    used = f"{threads} thread{'' if threads == 1 else 's'} used"
    return f"{device}: {name}, {os.cpu_count()} cores, {used}{_memory()}"


def _memory() -> str:
    try:
        import psutil
    except ImportError:
        return ""
    return f", {psutil.virtual_memory().total / 2**30:.1f} GiB of memory"


def seed_everything(seed: int = 0) -> None:
    """Seed the generators of Python, NumPy and PyTorch, on every device. Taught in lecture 1, section 4.2.

    The same seed gives the same numbers on the same machine. On another one, or with another version of PyTorch,
    results may be rounded differently.

    Raises:
        ValueError: the seed is outside [0, 2**32), the range of NumPy.

    >>> seed_everything(1)
    >>> torch.rand(2)
    tensor([0.7576, 0.2793])
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"a seed is a whole number from 0 to {2**32 - 1}, not {seed!r}")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (code that uses the old interface is seeded too)
    torch.manual_seed(seed)


def is_full(profile: str) -> bool:
    """Whether a lecture's ``profile`` is "full" and not "quick". Taught in lecture 1, section 10.4.

    Raises:
        ValueError: the profile is neither.

    >>> is_full("quick")
    False
    """
    if profile not in ("quick", "full"):
        raise ValueError(f'the profile is "quick" or "full", not {profile!r}: correct the cell near the top')
    return profile == "full"


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished all work that was queued on it. The CPU queues nothing."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


class Timer:
    """Measure the ``seconds`` that a block takes, on any device. Taught in lecture 1, sections 1.3 and 10.4.

    Python does not wait for a GPU, so the timer waits for the device before it reads the clock.

    >>> with Timer("cpu") as timer:
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
