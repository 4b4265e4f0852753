"""Solutions and right answers where another device than the CPU is the default, as a GPU may be in a notebook."""

import subprocess
import sys

import pytest
import second_device
import torch
from conftest import ROOT

from lecture_utils.grading.student import LiveStudent

pytestmark = pytest.mark.skipif(not second_device.is_possible(), reason="this PyTorch knows no device in Python")
EXERCISES = ["1", "2", "3", "4", "5", "6"]
REFUSED = """
import torch, second_device
second_device.register()
away, home = torch.ones(3, device="away"), torch.ones(3)
places = torch.tensor([0, 2], device="away")
attempts = {
    "a sum": lambda: away + home,
    "a layer": lambda: torch.nn.functional.linear(away, torch.ones(2, 3)),
    "a loss": lambda: torch.nn.functional.cross_entropy(torch.ones(2, 3, device="away"), torch.tensor([0, 1])),
    "an index": lambda: home[places],
    "NumPy": lambda: away.numpy(),
    "a generator": lambda: torch.randperm(3, generator=torch.Generator(), device="away"),
    "inference": lambda: torch.inference_mode()(lambda: away * home)(),
}
for name, attempt in attempts.items():
    try:
        attempt()
    except (RuntimeError, TypeError):
        continue
    raise SystemExit(f"{name} was not refused")
assert (away + torch.tensor(2.0)).tolist() == [3, 3, 3]  # a single number may lie on the CPU
assert away[torch.tensor([0, 2])].device.type == "away"  # and so may the places
assert torch.equal(away.cpu() + home, 2 * home) and torch.equal(home.to("away").cpu(), home)
with torch.device("away"):
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.rand(5, 3)).sum().backward()
    optimizer.step()
assert {parameter.grad.device.type for parameter in network.parameters()} == {"away"}
"""


def run(*arguments):
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT / "tests", capture_output=True, text=True, timeout=1200)


def test_the_device_refuses_what_a_gpu_refuses():
    done = run("-c", REFUSED)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("exercise", "right"), [("1", 0), *(pytest.param(n, 2, marks=pytest.mark.bank) for n in EXERCISES)]
)
def test_solutions_and_right_answers_pass(exercise, right):
    done = run("second_device.py", exercise, "--right", right)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("passed, the solution") >= 6, done.stdout


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a GPU")
def test_make_gpu_says_that_there_is_none():
    done = run("on_a_gpu.py")
    assert done.returncode == 1 and "finds no GPU" in done.stderr


def test_make_gpu_can_be_tried_without_one():
    done = run("on_a_gpu.py", "checks", "--device", "cpu", "--tasks", "3.1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3.1 passed, the solution" in done.stdout and "0 failures on CPU" in done.stdout
    assert run("on_a_gpu.py", "lecture", "--device", "cpu").returncode == 2


def test_arguments_arrive_on_the_notebooks_default_device_and_results_on_the_cpu():
    """The device ``meta`` stands for any other; nothing is computed."""
    names = {"where": lambda x, parts, *, scale: [t.device.type for t in (x, parts[0], scale, torch.ones(1))]}
    ones = torch.ones(2)
    with torch.device("meta"):
        student = LiveStudent(names)
        with torch.device("cpu"):  # as a check runs
            assert student.call("where", ones, [ones], scale=ones, modifies=True) == ["meta"] * 4
            assert torch.zeros(1).device.type == "cpu"
    assert LiveStudent(names).call("where", ones, [ones], scale=ones) == ["cpu"] * 4
