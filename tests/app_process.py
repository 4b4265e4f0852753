"""The app of lecture 6 as a process of its own, for the tests of the server and of the page."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import torch
from lecture_app import model as model_module

COMMAND = [sys.executable, "-m", "lecture_app"]
LABELS = [str(digit) for digit in range(10)]


def save_model(path: Path) -> Path:
    """A model that has learned nothing, with the classes 0 to 9."""
    torch.manual_seed(0)
    model_module.save(model_module.Classifier(LABELS).eval(), path)
    return path


def environment(**variables: str) -> dict[str, str]:
    """The environment of this process without settings of the app, and with these variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("APP_") and name != "PORT"}
    return kept | {"OMP_NUM_THREADS": "1"} | variables


def write_students_files(folder: Path) -> Path:
    """Write files into a folder that have the names of the app's modules and must not be imported."""
    for file in Path(model_module.__file__).parent.glob("[!_]*.py"):
        (folder / file.name).write_text('raise ImportError("a file of the student was imported")\n')
    return folder


@contextlib.contextmanager
def running(
    model: Path, *options: str, cwd: Path | None = None, **variables: str
) -> Iterator[tuple[subprocess.Popen, int]]:
    """Start the app and give its process and port once it listens; end it after the block.

    Args:
        model: the file of its model.
        options: of its command line.
        cwd: the folder it is started in.
        variables: of its environment.
    """
    command = [*COMMAND, "--model", str(model), "--port", "0", *options]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment(**variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            yield process, port_of(process, errors)
        finally:
            process.kill()
            process.communicate()


def decoders(process: subprocess.Popen) -> set[psutil.Process]:
    """The processes in which the app decodes pictures."""
    return {one for one in psutil.Process(process.pid).children(recursive=True) if "anyio.to_process" in one.cmdline()}


def port_of(process: subprocess.Popen, errors) -> int:
    """Wait until the process listens."""
    line = process.stdout.readline().decode()
    if not (found := re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)\n", line)):
        process.kill()
        process.wait()
        errors.seek(0)
        raise AssertionError(f"the app did not start: {line!r} {errors.read().decode()}")
    process.errors = errors
    return int(found[1])
