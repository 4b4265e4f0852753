"""What ``lecture doctor`` looks at, each finding with what to do if it is not well."""

import contextlib
import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Finding:
    """One line of the report; ``level`` is ``good``, ``note`` (works, could be better) or ``bad``."""

    topic: str
    level: str
    text: str
    remedy: str = ""


def examine() -> Iterator[Finding]:
    """All findings, one by one; a look that breaks is itself a finding."""
    for look in (_python, _packages, _pair, _device, _memory, _disk, _data, _kernel, _sandbox, _port, _proxy):
        try:
            yield look()
        except Exception as error:
            topic = look.__name__.strip("_")
            yield Finding(
                topic, "bad", f"{type(error).__name__}: {error}", "install the course again: make clean, make lectures"
            )


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    where = "" if sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ else " (no virtual environment)"
    return Finding("python", "good", f"Python {version}{where} at {sys.executable}")


def _packages() -> Finding:
    names = [
        "torch",
        "torchvision",
        "numpy",
        "matplotlib",
        "scikit-learn",
        "ipywidgets",
        "jupyterlab",
        "papermill",
        "nbval",
    ]
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    text = ", ".join(found)
    if missing:
        return Finding(
            "packages",
            "note",
            f"{text}; missing: {', '.join(missing)}",
            "pip install -e '.[lab,slides,app,onnx,test]' -c constraints.txt",
        )
    return Finding("packages", "good", text)


def _pair() -> Finding:
    import torch

    remedy = "install the pair named in constraints.txt: pip install torch torchvision -c constraints.txt"
    try:
        import torchvision

        torchvision.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5)
    except (ImportError, RuntimeError, AttributeError) as error:
        return Finding(
            "torch", "bad", f"torch {torch.__version__} and torchvision do not fit together: {error}", remedy
        )
    return Finding("torch", "good", f"torch {torch.__version__} and torchvision {torchvision.__version__} fit together")


def _device() -> Finding:
    from lecture_utils.device import available_devices, describe_device

    text = "; ".join(describe_device(device) for device in available_devices())
    if len(available_devices()) == 1:
        return Finding(
            "device", "good", text, "no GPU found; none is needed (Colab lends one: Runtime, Change runtime type)"
        )
    return Finding("device", "good", text)


def _memory() -> Finding:
    import psutil

    free = psutil.virtual_memory().available / 2**30
    text = f"{free:.1f} GiB of memory free"
    return (
        Finding("memory", "good", text)
        if free > 2
        else Finding("memory", "bad", text, "close programs: a lecture takes up to 1.5 GiB")
    )


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    text = f"{free:.1f} GiB of disk free here"
    return (
        Finding("disk", "good", text)
        if free > 2
        else Finding("disk", "bad", text, "make room: results and data sets take up to 2 GiB")
    )


def _data() -> Finding:
    from lecture_utils.data import DOWNLOADED, data_folder

    root = data_folder()
    there = [name for name, (_, folder, _) in DOWNLOADED.items() if (root / folder).is_dir()]
    text = f"{root}: {', '.join(there) or 'nothing yet'}; digits and scattered_digits are built in"
    if len(there) < len(DOWNLOADED):
        return Finding(
            "data",
            "good",
            text,
            "the rest is downloaded when the profile 'full' first needs it; LECTURE_DATA names another folder",
        )
    return Finding("data", "good", text)


def _kernel() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    from jupyter_client.manager import start_new_kernel

    from lecture_utils.warm import kernel_name

    try:
        KernelSpecManager().get_kernel_spec("python3")
        manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60, stderr=subprocess.DEVNULL)
    except (NoSuchKernel, RuntimeError, OSError) as error:
        return Finding(
            "kernel",
            "bad",
            f"the Jupyter kernel python3 does not start: {error}",
            "pip install --force-reinstall ipykernel",
        )
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return Finding("kernel", "good", f"the Jupyter kernel python3 starts; {kernel_name()[1]}")


def _sandbox() -> Finding:
    from lecture_utils.grading.sandbox import SandboxError, require

    try:
        require()
    except SandboxError as error:
        return Finding("grading", "note", str(error), "only `lecture grade` needs it")
    return Finding("grading", "good", "the sandbox for strangers' notebooks works")


def _port() -> Finding:
    with contextlib.closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", 8888))
        except OSError:
            return Finding(
                "port", "note", "port 8888 is taken", "JupyterLab takes the next free one and prints its address"
            )
    return Finding("port", "good", "port 8888 is free for JupyterLab")


def _proxy() -> Finding:
    names = [n for n in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy") if os.environ.get(n)]
    return Finding("proxy", "good", f"set: {', '.join(names)}" if names else "none set")
