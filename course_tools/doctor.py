"""``lecture doctor``: is this machine ready for the course? Each finding says what to do if not."""

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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

_EXTRAS = "course,grade,lab,slides,book,app,onnx,dask,test"
_PACKAGES = [
    "torch", "torchvision", "numpy", "matplotlib", "scikit-learn", "ipywidgets", "jupyterlab", "papermill", "nbval",
]  # fmt: skip
_SITE = "https://www.python.org/"  # any site that is always there


@dataclass
class Finding:
    """One line of the report.

    Attributes:
        level: ``good``, ``note`` (works, could be better) or ``bad``.
        text: what was found.
        remedy: what to do; empty where there is nothing to do.
        topic: the name of the check; :func:`examine` fills it in.
    """

    level: str
    text: str
    remedy: str = ""
    topic: str = ""


def examine() -> Iterator[Finding]:
    """Run all checks, one by one; a check that breaks is itself a finding.

    >>> next(examine()).topic
    'python'
    """
    for check in CHECKS:
        try:
            finding = check()
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            finding = Finding("bad", text, "install the course again, in a new virtual environment: see README.md")
        yield replace(finding, topic=check.__name__.removeprefix("check_"))


def check_python() -> Finding:
    """The interpreter, and whether it is in a virtual environment."""
    version = ".".join(map(str, sys.version_info[:3]))
    where = "" if sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ else " (no virtual environment)"
    return Finding("good", f"Python {version}{where} at {sys.executable}")


def check_packages() -> Finding:
    """The versions of the main packages, and which of them are missing."""
    installed: dict[str, str | None] = dict.fromkeys(_PACKAGES)
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            installed[name] = importlib.metadata.version(name)
    text = ", ".join(f"{name} {version}" for name, version in installed.items() if version)
    missing = ", ".join(name for name, version in installed.items() if not version)
    if missing:
        return Finding("note", f"{text}; missing: {missing}", f"pip install -e '.[{_EXTRAS}]' -c constraints.txt")
    return Finding("good", text)


def check_torch() -> Finding:
    """Whether torch and torchvision belong together."""
    import torch

    try:
        import torchvision

        torchvision.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5)
    except (ImportError, RuntimeError, AttributeError) as error:
        text = f"torch {torch.__version__} and torchvision do not fit together: {error}"
        remedy = "install the pair named in constraints.txt: pip install torch torchvision -c constraints.txt"
        return Finding("bad", text, remedy)
    return Finding("good", f"torch {torch.__version__} and torchvision {torchvision.__version__} fit together")


def check_device() -> Finding:
    """The devices that PyTorch can use, and a GPU that it cannot use because of an old driver."""
    from lecture_utils.device import available_devices, describe_device

    with warnings.catch_warnings(action="ignore"):  # PyTorch's own about an old driver
        devices = available_devices()
    text = "; ".join(describe_device(device) for device in devices)
    if problem := _old_driver():
        remedy = "install a newer driver (nvidia-smi tells the version), or a PyTorch for it: pytorch.org/get-started"
        return Finding("note", f"{text}; there is an NVIDIA GPU, but {problem}", remedy)
    none_needed = "no GPU found; none is needed (Colab lends one: Runtime, Change runtime type)"
    return Finding("good", text, none_needed if len(devices) == 1 else "")


def _old_driver() -> str:
    """Which CUDA the driver is for and which one PyTorch needs, if the driver is too old; else nothing."""
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


def check_memory() -> Finding:
    """Free memory."""
    import psutil

    free = psutil.virtual_memory().available / 2**30
    if free > 2:
        return Finding("good", f"{free:.1f} GiB of memory free")
    return Finding("bad", f"{free:.1f} GiB of memory free", "close programs: a lecture takes up to 1.5 GiB")


def check_disk() -> Finding:
    """Free room where results, data sets and temporary files go; the least of the three."""
    from lecture_utils.data import data_folder

    folders = {"here": Path.cwd(), "for data sets": data_folder(), "for temporary files": Path(tempfile.gettempdir())}
    free = {}
    for use, folder in folders.items():
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        free[f"{use} ({existing})"] = shutil.disk_usage(existing).free / 2**30
    where = min(free, key=free.__getitem__)
    text = f"{free[where]:.1f} GiB of disk free {where}"
    if free[where] > 2:
        return Finding("good", text)
    remedy = "make room: results and data sets take up to 2 GiB; LECTURE_DATA and TMPDIR name other folders"
    return Finding("bad", text, remedy)


def check_data() -> Finding:
    """Which data sets have been downloaded."""
    from lecture_utils.data import DOWNLOADED, data_folder

    root = data_folder()
    names = [name for name, (_, folder, _) in DOWNLOADED.items() if (root / folder).is_dir()]
    text = f"{root}: {', '.join(names) or 'nothing yet'}; digits and scattered_digits are built in"
    rest = "the rest is downloaded when the profile 'full' first needs it; LECTURE_DATA names another folder"
    return Finding("good", text, rest if len(names) < len(DOWNLOADED) else "")


def check_kernel() -> Finding:
    """Whether the Jupyter kernel starts, and whether ``lecture run`` forks it."""
    from jupyter_client.kernelspec import NoSuchKernel
    from jupyter_client.manager import start_new_kernel

    from course_tools.kernels import kernel_name

    try:
        manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60, stderr=subprocess.DEVNULL)
    except (NoSuchKernel, RuntimeError, OSError) as error:
        text = f"the Jupyter kernel python3 does not start: {error}"
        return Finding("bad", text, "pip install --force-reinstall ipykernel")
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return Finding("good", f"the Jupyter kernel python3 starts; {kernel_name()[1]}")


def check_grading() -> Finding:
    """Whether the sandbox of ``lecture grade`` works."""
    only_grading = "only `lecture grade` needs it"
    if sys.platform != "linux":
        return Finding("note", "grading needs Linux (on Windows: WSL)", only_grading)
    from lecture_grader.sandbox import SandboxError, require

    try:
        require()
    except SandboxError as error:
        return Finding("note", str(error), only_grading)
    return Finding("good", "the sandbox for strangers' notebooks works")


def check_port(port: int = 8888) -> Finding:
    """Whether JupyterLab gets its usual port, and which program has it if not."""
    with contextlib.closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            remedy = "JupyterLab takes the next free one and prints its address"
            return Finding("note", f"port {port} is taken{_holder(port)}", remedy)
    return Finding("good", f"port {port} is free for JupyterLab")


def _holder(port: int) -> str:
    """By which program a port is taken, where that can be seen."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""


def check_proxy() -> Finding:
    """Whether the network is reached, as pip needs it, with or without a proxy."""
    name = next((n for n in ("https_proxy", "HTTPS_PROXY") if os.environ.get(n)), "")
    proxy = f"the proxy of {name}" if name else "no proxy"
    try:
        # A new opener, since urlopen() keeps to the proxy that it saw first.
        with urllib.request.build_opener().open(urllib.request.Request(_SITE, method="HEAD"), timeout=5):
            return Finding("good", f"{proxy}: python.org answers")
    except (OSError, ValueError) as error:  # URLError is an OSError
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
    return Finding("note", text, remedy)


CHECKS: list[Callable[[], Finding]] = [
    check_python, check_packages, check_torch, check_device, check_memory, check_disk, check_data, check_kernel,
    check_grading, check_port, check_proxy,
]  # fmt: skip
