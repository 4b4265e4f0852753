"""The app of lecture 6 as a process of its own, for the tests of the server and of the page."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import model as model_module
import torch

SERVER = Path(model_module.__file__).with_name("server.py")
LABELS = [str(digit) for digit in range(10)]


def save_model(path: Path) -> Path:
    """A model that has learned nothing, with the classes 0 to 9."""
    torch.manual_seed(0)
    model_module.save(model_module.Classifier(LABELS).eval(), path)
    return path


def environment(**variables) -> dict:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("APP_") and name != "PORT"}
    return kept | {"OMP_NUM_THREADS": "1"} | variables


@contextlib.contextmanager
def running(model: Path, *options: str, **variables: str) -> Iterator[tuple[subprocess.Popen, int]]:
    """The process and its port, once it listens; it is gone at the end."""
    command = [sys.executable, str(SERVER), "--model", str(model), "--port", "0", *options]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment(**variables)
        )
        try:
            yield process, port_of(process, errors)
        finally:
            process.kill()
            process.communicate()


def port_of(process: subprocess.Popen, errors) -> int:
    line = process.stdout.readline().decode()
    if not (found := re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)\n", line)):
        process.kill()
        process.wait()
        errors.seek(0)
        raise AssertionError(f"the app did not start: {line!r} {errors.read().decode()}")
    process.errors = errors
    return int(found[1])
