import random
import time

import numpy as np
import pytest
import torch

from lecture_utils import Timer, available_devices, describe_device, device, get_device, seed_everything


@pytest.fixture
def machine(monkeypatch):
    """Pretend which kinds of device are there, and clear LECTURE_DEVICE."""
    monkeypatch.delenv("LECTURE_DEVICE", raising=False)

    def has(*kinds: str) -> None:
        fake = {k: ((lambda k=k: k in (*kinds, "cpu")), remedy) for k, (_, remedy) in device._KINDS.items()}
        monkeypatch.setattr(device, "_KINDS", fake)
        for kind in ("cuda", "xpu"):
            monkeypatch.setattr(getattr(torch, kind), "device_count", lambda kind=kind: 2 if kind in kinds else 0)

    return has


@pytest.mark.parametrize(
    ("there", "expected"),
    [(("cuda", "mps", "xpu"), "cuda"), (("mps", "xpu"), "mps"), (("xpu",), "xpu"), ((), "cpu")],
)
def test_best_device_first(machine, there, expected):
    machine(*there)
    assert get_device() == get_device("auto") == torch.device(expected)


def test_wish_is_granted(machine):
    machine("cuda")
    assert get_device("cpu") == torch.device("cpu")
    assert get_device(torch.device("cuda:1")) == torch.device("cuda", 1)


def test_environment_overrides_wish(machine, monkeypatch):
    machine("cuda")
    monkeypatch.setenv("LECTURE_DEVICE", "cpu")
    assert get_device() == get_device("cuda") == torch.device("cpu")


@pytest.mark.parametrize("wish", ["cuda", "mps", "xpu"])
def test_missing_device_says_what_to_look_at(machine, wish):
    machine()
    with pytest.raises(RuntimeError, match=f"'{wish}' was asked for.*auto"):
        get_device(wish)


def test_missing_device_number(machine):
    machine("cuda")
    with pytest.raises(RuntimeError, match="cuda:0, cuda:1, cpu"):
        get_device("cuda:7")


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


def test_available_devices_lists_each_gpu(machine):
    machine("cuda")
    assert [str(d) for d in available_devices()] == ["cuda:0", "cuda:1", "cpu"]


def test_describe_every_device_found():
    for found in available_devices():
        text = describe_device(found)
        assert text.startswith(f"{found}: ") and "GiB" in text and "\n" not in text


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
    assert 0.02 <= timer.seconds < 10 and str(timer) == f"{timer.seconds:.3f} s"
    assert waits == [torch.device("cpu")] * 2  # before the clock starts and before it is read


def test_synchronize_waits_for_the_right_device(monkeypatch):
    waits = []
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waits.append("mps"))
    device.synchronize(torch.device("cpu"))
    device.synchronize(torch.device("mps"))
    assert waits == ["mps"]


def test_timer_keeps_the_exception():
    with pytest.raises(ZeroDivisionError), Timer():
        1 / 0  # noqa: B018
