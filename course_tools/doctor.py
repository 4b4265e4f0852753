"""What ``lecture doctor`` looks at, each finding with what to do if it is not well."""

import contextlib
import importlib.metadata
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.request
import warnings
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
            "pip install -e '.[lab,slides,book,app,onnx,dask,test]' -c constraints.txt",
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

    with warnings.catch_warnings(action="ignore"):  # PyTorch's own about an old driver
        devices = available_devices()
    text = "; ".join(describe_device(device) for device in devices)
    if version := _old_driver():
        return Finding("device", "note", f"{text}; there is an NVIDIA GPU, but {version}", _NEW_DRIVER)
    if len(devices) == 1:
        return Finding(
            "device", "good", text, "no GPU found; none is needed (Colab lends one: Runtime, Change runtime type)"
        )
    return Finding("device", "good", text)


_NEW_DRIVER = "install a newer driver (nvidia-smi tells the version), or a PyTorch for it: pytorch.org/get-started"


def _old_driver() -> str:
    """Which CUDA the driver is for and which one PyTorch wants, if that is too much for it."""
    import torch

    if not torch.version.cuda or torch.cuda.is_available():
        return ""
    try:
        torch.cuda.init()
    except RuntimeError as error:
        if "too old" in str(error):
            found = re.search(r"found version (\d+)", str(error))
            has = f"for CUDA {int(found[1]) // 1000}.{int(found[1]) % 1000 // 10}" if found else "too old"
            return f"its driver is {has}, and this PyTorch needs CUDA {torch.version.cuda}"
    return ""


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
    from lecture_utils.data import data_folder

    folders = {Path.cwd(): "here", data_folder(): "for data sets", Path(tempfile.gettempdir()): "for temporary files"}
    free = {}
    for folder, what in folders.items():
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        free[f"{what} ({there})"] = shutil.disk_usage(there).free / 2**30
    where, least = min(free.items(), key=lambda pair: pair[1])
    text = f"{least:.1f} GiB of disk free {where}"
    if least > 2:
        return Finding("disk", "good", text)
    remedy = "make room: results and data sets take up to 2 GiB; LECTURE_DATA and TMPDIR name other folders"
    return Finding("disk", "bad", text, remedy)


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

    from course_tools.kernels import kernel_name

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
    from lecture_grader.sandbox import SandboxError, require

    try:
        require()
    except SandboxError as error:
        return Finding("grading", "note", str(error), "only `lecture grade` needs it")
    return Finding("grading", "good", "the sandbox for strangers' notebooks works")


_JUPYTER = 8888


def _port() -> Finding:
    with contextlib.closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", _JUPYTER))
        except OSError:
            return Finding(
                "port",
                "note",
                f"port {_JUPYTER} is taken{_holder(_JUPYTER)}",
                "JupyterLab takes the next free one and prints its address",
            )
    return Finding("port", "good", f"port {_JUPYTER} is free for JupyterLab")


def _holder(port: int) -> str:
    """By which program, where that can be seen."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""


_SITE = "https://www.python.org/"  # any that is always there


def _proxy() -> Finding:
    """Whether the network is reached, as pip needs it, with or without a proxy."""
    name = next((n for n in ("https_proxy", "HTTPS_PROXY") if os.environ.get(n)), "")
    proxy = f"the proxy of {name}" if name else "no proxy"
    try:
        # urlopen() would keep to the proxy that it saw first
        with urllib.request.build_opener().open(urllib.request.Request(_SITE, method="HEAD"), timeout=5):
            return Finding("proxy", "good", f"{proxy}: python.org answers")
    except (OSError, ValueError) as error:  # also what urllib raises
        reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        text = f"{proxy}: python.org shows a certificate that is not its own"
        remedy = "if a proxy puts its own there, name the file of that one in PIP_CERT and SSL_CERT_FILE"
    elif name:
        text = f"{proxy} does not lead to python.org: {reason}"
        remedy = f"correct {name} (http://USER:PASSWORD@HOST:PORT), or unset it where there is no proxy"
    else:
        text = f"{proxy}, and python.org cannot be reached: {reason}"
        remedy = "behind a proxy set HTTPS_PROXY=http://HOST:PORT; without a network, all lectures run in 'quick'"
    return Finding("proxy", "note", text, remedy)
