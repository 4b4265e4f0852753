import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch
from commands import invoke, lecture
from conftest import ROOT

from course_tools import doctor


def test_command_reports_each_topic():
    done = lecture("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    for topic in ("python", "packages", "torch", "device", "memory", "disk", "data", "kernel", "proxy"):
        assert f" {topic} " in done.stdout


@pytest.mark.parametrize(("level", "status"), [("note", 0), ("bad", 1)])
def test_in_brief_there_is_the_device_and_what_is_wrong(level, status, monkeypatch):
    findings = [doctor.Finding("good", "cpu", topic="device"), doctor.Finding("good", "much", topic="disk")]
    findings.append(doctor.Finding(level, "little", "close other programs", "memory"))
    monkeypatch.setattr(doctor, "examine", lambda: iter(findings))
    done = invoke("doctor", "--brief")
    assert done.exit_code == status and " device " in done.stdout and " disk " not in done.stdout
    assert ("close other programs" in done.stdout) == (level == "bad")
    assert ("3 checks of this machine, nothing is wrong" in done.stdout) == (level == "note")


def line(done: subprocess.CompletedProcess, topic: str) -> str:
    """What the command said of a topic, and what to do."""
    lines = done.stdout.splitlines()
    (start,) = (n for n, words in enumerate(lines) if f" {topic} " in words[:15])
    return "\n".join([lines[start], *(words for words in lines[start + 1 : start + 2] if "->" in words)])


def test_command_finds_faults_that_are_there(tmp_path):
    """A torchvision that does not fit, a kernel that ends at once, a proxy that is not there."""
    vision = tmp_path / "torchvision" / "__init__.py"
    vision.parent.mkdir()
    vision.write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    kernel = tmp_path / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({"argv": [sys.executable, "-c", "raise SystemExit(3)"], "display_name": "x"}))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        proxy = f"http://student:secret@127.0.0.1:{nobody.getsockname()[1]}"
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        done = lecture("doctor", PYTHONPATH=path, JUPYTER_PATH=str(tmp_path), HTTPS_PROXY=proxy, https_proxy=proxy)
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    pair, kernel, proxy = (line(done, topic) for topic in ("torch", "kernel", "proxy"))
    assert "!!" in pair and "do not fit together: operator torchvision::nms" in pair and "constraints.txt" in pair
    assert "!!" in kernel and "python3 does not start" in kernel and "ipykernel" in kernel
    assert "--" in proxy and "refused" in proxy and "or unset it" in proxy
    assert "secret" not in done.stdout


def test_missing_kernel_is_bad(monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    def none(self, name):
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    finding = doctor.check_kernel()
    assert finding.level == "bad" and "ipykernel" in finding.remedy


@pytest.mark.parametrize("version", [(3, 7, 16), (3, 10, 14)])
def test_an_old_python_is_told_before_it_stumbles(version):
    """As `python3.10 -m course_tools doctor` in a clone: nothing but the two first files of the package is read."""
    program = (
        f"import sys; sys.version_info = (*{version}, 'final', 0)\n"
        "sys.path.insert(0, '.'); sys.argv[1:] = ['doctor']\n"
        "import runpy; runpy.run_module('course_tools', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr and not done.stdout
    assert ".".join(map(str, version)) in done.stderr and "3.11 or newer" in done.stderr and "PYTHON=" in done.stderr


OLD = [shutil.which(f"python3.{minor}") for minor in (10, 9, 8)]


@pytest.mark.parametrize("python", [p for p in OLD if p] or [None])
def test_a_real_old_python_is_told(python):
    if not python or subprocess.run([python, "-c", ""], capture_output=True).returncode:
        pytest.skip("no old Python here")
    done = subprocess.run([python, "-m", "course_tools", "doctor"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr and "3.11 or newer" in done.stderr


# cuInit, cuDriverGetVersion: all that the CUDA runtime asks a driver that turns out to be old
DRIVER = "int cuInit(unsigned f) { return 0; } int cuDriverGetVersion(int *v) { *v = 11040; return 0; }"


def test_an_old_driver_is_told(tmp_path):
    """PyTorch's own CUDA library, and a driver that says it is for CUDA 11.4."""
    compiler = shutil.which("cc")
    if not torch.version.cuda or torch.cuda.is_available() or not compiler or sys.platform != "linux":
        pytest.skip("needs a PyTorch for CUDA, no GPU, and a C compiler")
    (tmp_path / "driver.c").write_text(DRIVER)
    build = [compiler, "-shared", "-fPIC", "-o", tmp_path / "libcuda.so.1", tmp_path / "driver.c"]
    subprocess.run(build, check=True)
    program = "from course_tools import doctor; finding = doctor.check_device(); print(finding.level, finding)"
    variables = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.stdout.startswith("note"), done.stdout + done.stderr
    assert "its driver is for CUDA 11.4" in done.stdout and f"needs CUDA {torch.version.cuda}" in done.stdout
    assert "install a newer driver" in done.stdout and not done.stderr


def test_no_driver_at_all_is_no_old_driver(monkeypatch):
    def init():
        raise RuntimeError("Found no NVIDIA driver on your system.")

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "init", init)
    finding = doctor.check_device()
    assert finding.level == "good" and "driver" not in finding.text


def test_a_gpu_that_this_pytorch_was_not_made_for_is_told(monkeypatch, tmp_path):
    """As on Windows, where pip's PyTorch is the one for the processor."""
    program = tmp_path / ("nvidia-smi.bat" if os.name == "nt" else "nvidia-smi")
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr("lecture_utils.device.available_devices", lambda: [torch.device("cpu")])
    assert doctor.check_device().level == "good"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    finding = doctor.check_device()
    assert finding.level == "note" and "made for the processor" in finding.text
    heading = finding.remedy.split("'")[1]
    assert heading in (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")


def test_a_windows_without_the_runtime_of_pytorch_is_told_what_to_install(monkeypatch):
    def breaks():
        error = OSError("Error loading c10.dll or one of its dependencies")
        error.winerror = 1114
        raise error

    breaks.__name__ = "check_torch"
    monkeypatch.setattr(doctor, "CHECKS", [breaks])
    (finding,) = doctor.examine()
    assert finding.level == "bad" and "Visual C++ Redistributable" in finding.remedy


def test_little_memory_is_bad(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**30))
    assert doctor.check_memory().level == "bad"


def test_little_room_is_bad_wherever_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("LECTURE_DATA", str(tmp_path / "not" / "yet" / "there"))
    monkeypatch.setattr(doctor.tempfile, "gettempdir", lambda: "/")
    for full in (Path.cwd(), tmp_path, Path("/")):
        usage = {p: SimpleNamespace(free=2**29 if p == full else 2**40) for p in (Path.cwd(), tmp_path, Path("/"))}
        monkeypatch.setattr(doctor.shutil, "disk_usage", usage.__getitem__)
        finding = doctor.check_disk()
        assert finding.level == "bad" and "0.5 GiB" in finding.text and f"({full})" in finding.text
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=2**40))
    assert doctor.check_disk().level == "good"


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_CONNECT(self):
        self.send_error(407, "Proxy Authentication Required")

    def log_message(self, *_):
        pass


@pytest.fixture
def proxy(monkeypatch):
    """A proxy that wants a password."""
    with http.server.HTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name in ("https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        yield
        server.shutdown()


def test_a_proxy_that_wants_a_password_is_told(proxy, monkeypatch):
    monkeypatch.setattr(urllib.request, "_opener", urllib.request.build_opener(urllib.request.ProxyHandler({})))
    finding = doctor.check_proxy()
    assert finding.level == "note" and "407" in finding.text and "PASSWORD" in finding.remedy


@pytest.mark.parametrize("name", ["", "https_proxy"])
def test_what_keeps_pip_from_its_index_is_told(name, monkeypatch):
    for variable in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    if name:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    reasons = {
        "is not its own": ssl.SSLCertVerificationError(1, "self-signed certificate in certificate chain"),
        "to python.org: timed out" if name else "cannot be reached: timed out": TimeoutError("timed out"),
    }
    for words, reason in reasons.items():

        def fail(*_, reason=reason, **options):
            raise urllib.error.URLError(reason)

        monkeypatch.setattr(doctor.urllib.request.OpenerDirector, "open", fail)
        finding = doctor.check_proxy()
        assert finding.level == "note" and words in finding.text, finding
        assert ("PIP_CERT" if "own" in words else "unset it" if name else "HTTPS_PROXY=") in finding.remedy


def test_a_check_that_breaks_is_a_finding(monkeypatch):
    def replaced(check):
        def instead():
            if check is doctor.check_disk:
                raise OSError("unreadable")
            return doctor.Finding("good", "")

        instead.__name__ = check.__name__
        return instead

    monkeypatch.setattr(doctor, "CHECKS", [replaced(check) for check in doctor.CHECKS])
    findings = {f.topic: f for f in doctor.examine()}
    assert findings["disk"].level == "bad" and "unreadable" in findings["disk"].text and len(findings) == 11


NOBODY = """
import pathlib, sys
def nobody(path): raise RuntimeError("Could not determine home directory.")
pathlib.Path.expanduser = nobody
pathlib.Path.home = classmethod(nobody)
"""  # as for an account that is in no list, without HOME


def test_without_a_home_folder_the_remedy_is_to_set_one():
    code = f"{NOBODY}from course_tools.cli import app\napp(['doctor'])"
    environment = {**os.environ, "https_proxy": "http://127.0.0.1:9"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    assert line(done, "home").startswith("!! home       there is no home folder\n") and "export HOME=" in done.stdout
    assert "!! kernel" in done.stdout and "install" not in line(done, "kernel") + line(done, "disk")


@pytest.mark.parametrize("arguments", [["run", "1"], ["slides", "1"]])
def test_without_a_home_folder_other_commands_say_so(arguments):
    code = f"{NOBODY}from course_tools.cli import app\napp({arguments})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.startswith("lecture: there is no home folder: set HOME") and done.stderr.count("\n") == 1


def test_a_home_that_is_another_in_each_folder_is_bad(monkeypatch):
    monkeypatch.setenv("HOME" if os.name == "posix" else "USERPROFILE", ".")
    finding = doctor.check_home()
    assert finding.level == "bad" and "export HOME=" in finding.remedy


# --- where there is no Linux; Windows as a whole is in test_windows.py ---------------------------------------------


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_no_other_system_can_grade(monkeypatch, platform):
    monkeypatch.setattr(doctor, "sys", SimpleNamespace(platform=platform))
    finding = doctor.check_grading()
    assert finding.level == "note" and "needs Linux" in finding.text
