"""``lecture doctor``: is this machine ready for the course? Each finding says what to do if not."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

_PACKAGES = [
    "torch", "torchvision", "numpy", "matplotlib", "scikit-learn", "ipywidgets", "jupyterlab", "papermill",
]  # fmt: skip
_START = "py start.py" if sys.platform == "win32" else "python3 start.py"
_REDISTRIBUTABLE = "https://aka.ms/vs/17/release/vc_redist.x64.exe"
SET_HOME = "set HOME to a folder of yours, as in `export HOME=/home/NAME`"


@dataclass
class Finding:
    """One line of the report; ``remedy`` is what to do, or empty."""

    level: Literal["good", "note", "bad"]  # a note works, and could be better
    text: str
    remedy: str = ""
    topic: str = ""  # the name of the check, filled in by `examine`


def examine() -> Iterator[Finding]:
    """Run all checks, one by one; a check that breaks is itself a finding.

    Where there is no home folder, others break for want of it, so that is what they say to do.
    """
    has_home = True
    for check in CHECKS:
        try:
            finding = check()
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            remedy = "install the course again, in a new virtual environment: see README.md"
            if getattr(error, "winerror", None) in (126, 127, 1114):  # a DLL cannot be loaded
                remedy = f"install Microsoft's Visual C++ Redistributable, which PyTorch needs: {_REDISTRIBUTABLE}"
            finding = Finding("bad", text, remedy)
        if finding.level == "bad" and not has_home:
            finding = replace(finding, remedy=SET_HOME)
        has_home = has_home and (check is not check_home or finding.level == "good")
        yield replace(finding, topic=check.__name__.removeprefix("check_"))


def check_python() -> Finding:
    """The interpreter, and whether it is in a virtual environment."""
    version = ".".join(map(str, sys.version_info[:3]))
    where = "" if sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ else " (no virtual environment)"
    return Finding("good", f"Python {version}{where} at {sys.executable}")


def check_home() -> Finding:
    """The home folder, where Jupyter, Matplotlib and the data sets have their places."""
    try:
        home = Path.home()
    except RuntimeError:  # an account without a name, and no HOME
        return Finding("bad", "there is no home folder", SET_HOME)
    if not home.is_absolute():
        return Finding("bad", f"the home folder is {str(home)!r}, another one in each folder", SET_HOME)
    return Finding("good", f"home folder {home}")


def check_packages() -> Finding:
    """The versions of the main packages, and which of them are missing."""
    installed = []
    missing = []
    for name in _PACKAGES:
        try:
            installed.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    text = ", ".join(installed)
    if missing:
        return Finding("note", f"{text}; missing: {', '.join(missing)}", f"{_START} installs them")
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
    import torch

    from lecture_utils.device import available_devices, describe_device

    with warnings.catch_warnings(action="ignore"):  # PyTorch warns of an old driver, as this finding does
        devices = available_devices()
    text = "; ".join(describe_device(device) for device in devices)
    if problem := _old_driver():
        remedy = "install a newer driver (nvidia-smi tells the version), or a PyTorch for it: pytorch.org/get-started"
        return Finding("note", f"{text}; there is an NVIDIA GPU, but {problem}", remedy)
    if len(devices) == 1 and torch.version.cuda is None and shutil.which("nvidia-smi"):
        text += "; there is an NVIDIA GPU, but this PyTorch was made for the processor"
        return Finding("note", text, "to use the GPU, see docs/troubleshooting.md: 'Windows with an NVIDIA GPU'")
    no_gpu = "no GPU found; none is needed (Colab offers one: Runtime, Change runtime type)"
    return Finding("good", text, no_gpu if len(devices) == 1 else "")


def _old_driver() -> str:
    """Return which CUDA the driver is for and which one PyTorch needs, if the driver is too old; else an empty text."""
    import torch

    if torch.version.cuda and not torch.cuda.is_available():
        try:
            torch.cuda.init()
        except RuntimeError as error:
            if found := re.search(r"too old \(found version (\d+)(\d\d)\d\)", str(error)):  # 11040 is 11.4
                has = f"{found[1]}.{int(found[2])}"
                return f"its driver is for CUDA {has}, and this PyTorch needs CUDA {torch.version.cuda}"
    return ""


def check_memory() -> Finding:
    """Free memory."""
    import psutil

    free = psutil.virtual_memory().available / 2**30
    text = f"{free:.1f} GiB of memory free"
    return Finding("good", text) if free > 2 else Finding("bad", text, "close programs: a lecture takes up to 1.5 GiB")


def check_disk() -> Finding:
    """Free space where results, data sets and temporary files are written; the least of the three."""
    from lecture_utils.data import data_folder

    folders = {"here": Path.cwd(), "for data sets": data_folder(), "for temporary files": Path(tempfile.gettempdir())}
    rooms = []
    for use, folder in folders.items():
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        rooms.append((shutil.disk_usage(existing).free / 2**30, f"{use} ({existing})"))
    free, where = min(rooms)
    text = f"{free:.1f} GiB of disk free {where}"
    remedy = "make room: results and data sets take up to 2 GiB; LECTURE_DATA and TMPDIR name other folders"
    return Finding("good", text) if free > 2 else Finding("bad", text, remedy)


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
    problem = "grading needs Linux (on Windows: WSL)"
    if sys.platform == "linux":
        if importlib.util.find_spec("pyseccomp") is None:
            return Finding("note", "not installed", f"only `lecture grade` needs it: {_START} --extras grade")
        from lecture_grader.sandbox import SandboxError, require

        try:
            require()
            return Finding("good", "the sandbox for strangers' notebooks works")
        except SandboxError as error:
            problem = str(error)
    return Finding("note", problem, "only `lecture grade` needs it")


def check_proxy() -> Finding:
    """Whether pip can reach the network, with or without a proxy."""
    name = next((name for name in ("https_proxy", "HTTPS_PROXY") if os.environ.get(name)), "")
    proxy = f"the proxy of {name}" if name else "no proxy"
    try:
        # A new opener, since urlopen() keeps using the proxy of its first call.
        with urllib.request.build_opener().open("https://www.python.org/", timeout=5):
            return Finding("good", f"{proxy}: python.org answers")
    except urllib.error.HTTPError as answer:  # an answer, too, of the proxy or of python.org
        return Finding("good", f"{proxy}: python.org answers with the status {answer.code}")
    except (OSError, ValueError) as error:  # URLError is an OSError
        reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        text = f"{proxy}: python.org shows a certificate that is not its own"
        remedy = "if a proxy replaces certificates, name the file of its own in PIP_CERT and SSL_CERT_FILE"
    elif name:
        text = f"{proxy} does not lead to python.org: {reason}"
        remedy = f"correct {name} (http://USER:PASSWORD@HOST:PORT), or unset it where there is no proxy"
    else:
        text = f"{proxy}, and python.org cannot be reached: {reason}"
        remedy = (
            "check that you are online; behind a proxy set HTTPS_PROXY=http://HOST:PORT (once the course is installed,"
        )
        remedy += " 'quick' needs no network)"
    return Finding("note", text, remedy)


CHECKS: list[Callable[[], Finding]] = [
    check_python, check_home, check_packages, check_torch, check_device, check_memory, check_disk, check_data,
    check_kernel, check_grading, check_proxy,
]  # fmt: skip
