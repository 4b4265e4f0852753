import random
import re
import sys
import time
import types

import numpy as np
import pytest
import torch

from lecture_utils import Timer, available_devices, describe_device, device, get_device, is_full, seed_everything


@pytest.fixture
def machine(monkeypatch):
    """Pretend which accelerator is there, and clear LECTURE_DEVICE."""
    monkeypatch.delenv("LECTURE_DEVICE", raising=False)

    def has(kind: str | None = None, count: int = 1) -> None:
        accelerator = torch.device(kind) if kind else None
        monkeypatch.setattr(torch.accelerator, "is_available", lambda: kind is not None)
        monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: accelerator)
        monkeypatch.setattr(torch.accelerator, "device_count", lambda: count if kind else 0)

    return has


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu", "hpu"])  # the last is a kind that the course does not name
def test_the_accelerator_is_preferred_to_the_cpu(machine, kind):
    machine(kind)
    assert get_device() == get_device("auto") == torch.device(kind)
    assert available_devices()[-1] == torch.device("cpu")


def test_the_cpu_is_taken_where_there_is_nothing_else(machine):
    machine()
    assert get_device() == get_device("auto") == torch.device("cpu")
    assert available_devices() == [torch.device("cpu")]


def test_a_build_that_has_an_accelerator_on_a_machine_that_has_none(machine, monkeypatch):
    """PyTorch 2.7 and newer name the accelerator that they were built for, whether or not it is there."""
    machine()
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    assert available_devices() == [torch.device("cpu")]


@pytest.mark.parametrize(
    "wish", ["mps:0", "mps", torch.device("mps"), torch.device("mps", 0), "cpu", "cpu:0", torch.device("cpu", 0)]
)
def test_number_0_is_the_only_one_of_a_mac(machine, wish):
    machine("mps")
    assert get_device(wish) == torch.device(wish)
    assert [str(device) for device in available_devices()] == ["mps:0", "cpu"]


@pytest.mark.parametrize("kind", ["cuda", "xpu"])
@pytest.mark.parametrize("number", ["", ":0", ":1"])
def test_a_gpu_with_and_without_its_number(machine, kind, number):
    machine(kind, count=2)
    assert get_device(kind + number) == get_device(torch.device(kind + number)) == torch.device(kind + number)
    assert [str(device) for device in available_devices()] == [f"{kind}:0", f"{kind}:1", "cpu"]


def test_environment_overrides_wish(machine, monkeypatch):
    machine("cuda")
    monkeypatch.setenv("LECTURE_DEVICE", "cpu")
    assert get_device() == get_device("cuda") == torch.device("cpu")


@pytest.mark.parametrize("wish", ["cuda", "mps", "xpu", "cuda:0", "mps:0", "xpu:1"])
def test_missing_device_says_what_to_look_at(machine, wish):
    machine()
    with pytest.raises(RuntimeError, match=f"'{wish}' was asked for.*auto"):
        get_device(wish)


@pytest.mark.parametrize(
    ("kind", "wish", "there"),
    [("cuda", "cuda:2", "cuda:0, cuda:1, cpu"), ("xpu", "xpu:7", "xpu:0, xpu:1, cpu"), ("cuda", "cpu:1", "cpu")],
)
def test_missing_device_number(machine, kind, wish, there):
    machine(kind, count=2)
    with pytest.raises(RuntimeError, match=f"{wish}.* there are only: .*{there}$"):
        get_device(wish)


def test_a_mac_has_no_second_gpu(machine):
    machine("mps")
    with pytest.raises(RuntimeError, match="there are only: mps:0, cpu$"):
        get_device("mps:1")


def test_missing_device_from_environment_names_the_variable(machine, monkeypatch):
    machine()
    monkeypatch.setenv("LECTURE_DEVICE", "cuda")
    with pytest.raises(RuntimeError, match="LECTURE_DEVICE=cuda"):
        get_device()


@pytest.mark.parametrize("wish", ["gpu", " ", "meta", "cuda:x"])
def test_unknown_device(machine, wish):
    machine()
    with pytest.raises(ValueError, match="choose one of auto, cuda, mps, xpu, cpu"):
        get_device(wish)


def test_describe_every_device_found():
    for found in available_devices():
        text = describe_device(found)
        assert text.startswith(f"{found}: ") and "GiB" in text and "\n" not in text


def test_describe_an_intel_and_an_apple_gpu(monkeypatch):
    properties = types.SimpleNamespace(name="Arc", total_memory=12 * 2**30)
    monkeypatch.setattr(torch.xpu, "get_device_properties", lambda device: properties)
    assert describe_device("xpu:0") == "xpu:0: Arc, 12.0 GiB of GPU memory"
    assert re.fullmatch(r"mps: Apple GPU, shares memory with the CPU, [\d.]+ GiB of memory", describe_device("mps"))
    assert describe_device("mps:0").startswith("mps:0: Apple GPU, ")


def test_describe_without_psutil(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert re.fullmatch(r"cpu: .+, \d+ cores, (1 thread|\d+ threads) used", describe_device("cpu"))
    assert describe_device("mps") == "mps: Apple GPU, shares memory with the CPU"


def test_seed_everything_repeats_all_generators():
    def draw():
        seed_everything(3)
        return random.random(), np.random.rand(), torch.rand(1).item(), torch.rand(1, device=get_device()).item()

    first = draw()
    assert draw() == first
    seed_everything(4)
    assert random.random() != first[0] and torch.rand(1).item() != first[2]


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seed_out_of_range(seed):
    with pytest.raises(ValueError, match="whole number from 0"):
        seed_everything(seed)


def test_timer_measures_and_synchronises(monkeypatch):
    waits = []
    monkeypatch.setattr(device, "synchronize", waits.append)
    with Timer("cpu") as timer:
        time.sleep(0.02)
    assert 0.02 <= timer.seconds < 10
    assert waits == [torch.device("cpu")] * 2  # before the clock starts and before it is read


@pytest.mark.parametrize("name", ["mps", "xpu", "cuda:1"])
def test_synchronize_waits_for_the_right_device(monkeypatch, name):
    """Also for the second GPU, which is not the current one."""
    waits = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waits.append)
    device.synchronize(torch.device("cpu"))
    device.synchronize(torch.device(name))
    assert waits == [torch.device(name)]


def test_timer_keeps_the_exception():
    with pytest.raises(ZeroDivisionError), Timer():
        1 / 0  # noqa: B018


@pytest.mark.parametrize("profile", ["FULL", "Quick", " full", "", None, 1, ["full"]])
def test_an_unknown_profile_is_told(profile):
    assert is_full("full") and not is_full("quick")
    with pytest.raises(ValueError, match='the profile is "quick" or "full", not'):
        is_full(profile)
