import socket

import torchvision
from test_notebooks import lecture

from lecture_utils import doctor


def test_command_reports_each_topic():
    done = lecture("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    for topic in ("python", "packages", "torch", "device", "memory", "disk", "data", "kernel", "port", "proxy"):
        assert f" {topic} " in done.stdout


def test_mismatched_pair_is_bad_and_says_what_to_do(monkeypatch):
    def no_operator(*_):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(torchvision.ops, "nms", no_operator)
    finding = doctor._pair()
    assert finding.level == "bad" and "do not fit" in finding.text and "constraints.txt" in finding.remedy


def test_taken_port_is_seen(monkeypatch):
    class Taken(socket.socket):
        def bind(self, address):
            raise OSError("address in use")

    monkeypatch.setattr(doctor.socket, "socket", Taken)
    assert doctor._port().level == "note"


def test_missing_kernel_is_bad(monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    def none(self, name):
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    finding = doctor._kernel()
    assert finding.level == "bad" and "ipykernel" in finding.remedy


def test_little_memory_and_disk_are_bad(monkeypatch):
    from types import SimpleNamespace

    import psutil

    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**30))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=2**29))
    assert doctor._memory().level == doctor._disk().level == "bad"


def test_a_look_that_breaks_is_a_finding(monkeypatch):
    def broken():
        raise OSError("unreadable")

    broken.__name__ = "_disk"
    monkeypatch.setattr(doctor, "_disk", broken)
    findings = {f.topic: f for f in doctor.examine()}
    assert findings["disk"].level == "bad" and "unreadable" in findings["disk"].text and len(findings) == 11
