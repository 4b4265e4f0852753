"""Why `import lecture_utils` lets OpenMP's threads sleep while they wait: the seconds of a short training in fresh
processes, with threads that spin (the default) and threads that sleep, alone and beside other work.

python tests/benchmarks/waiting_threads.py [--runs 3] [--steps 60]
"""

import argparse
import os
import subprocess
import sys

TRAINING = """
import sys, time
import torch
from torch import nn
from torch.nn import functional as F
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1),
                    nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2048, 10))
optimizer = torch.optim.Adam(net.parameters())
images, labels = torch.randn(64, 3, 32, 32), torch.randint(10, (64,))
start = time.perf_counter()
for _ in range(int(sys.argv[1])):
    loss = F.cross_entropy(net(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(time.perf_counter() - start)
"""


def seconds(policy: str, steps: int) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {"OMP_WAIT_POLICY": policy} if policy else {}
    command = [sys.executable, "-c", TRAINING, str(steps)]
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    arguments = parser.parse_args()
    policies = {"spinning": "", "sleeping": "PASSIVE"}
    for busy in (0, 1, os.cpu_count()):
        others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
        try:
            taken = {name: [] for name in policies}
            for _ in range(arguments.runs):  # taken in turns, so that a noisy machine slows both
                for name, policy in policies.items():
                    taken[name].append(seconds(policy, arguments.steps))
        finally:
            for other in others:
                other.kill()
        best = {name: min(times) for name, times in taken.items()}
        ratio = best["spinning"] / best["sleeping"]
        times = f"spinning {best['spinning']:.2f} s, sleeping {best['sleeping']:.2f} s"
        print(f"beside {busy} busy processes: {times}, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
