"""constraints.txt names versions that can be installed on every system and Python that the course promises.

uv resolves for another system as that system would: what has no wheel there, or asks for a newer Python, fails here.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT, repeats

UV = Path(sys.executable).with_name("uv")
SYSTEMS = ["x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "x86_64-pc-windows-msvc", "aarch64-apple-darwin"]
PYTHONS = ["3.11.0", "3.12", "3.13", "3.14"]  # the first 3.11, since Debian 12 has 3.11.2
EXTRAS = ["grade", "course", "lab", "slides", "book", "app", "onnx", "dask", "test"]  # what `make` installs


def compile_pins(*arguments: str | Path) -> str:
    """What ``uv pip compile`` says of pyproject.toml; the macOS that torch has wheels for is 14."""
    environment = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0", "UV_PYTHON_DOWNLOADS": "never"}
    words = [UV, "pip", "compile", "--quiet", "--no-header", "--no-annotate", *arguments, ROOT / "pyproject.toml"]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("python", repeats(*PYTHONS))
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_pins_have_wheels(system, python):
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    target = ["--python-platform", system, "--python-version", python, "--only-binary", ":all:"]
    found = compile_pins(*target, *extras, "--constraint", ROOT / "constraints.txt")
    pinned = set(re.findall(r"^\S+==[^\s;]+", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    assert len(found.split()) > 200
    assert set(re.findall(r"^\S+==[^\s;]+", found, re.MULTILINE)) <= pinned, "a package without a pin"


def test_the_pins_are_what_make_pins_writes(tmp_path):
    """uv keeps the versions that the file has; it writes another file when pyproject.toml asks for something else."""
    there = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    (tmp_path / "constraints.txt").write_text("\n".join(there))
    compile_pins("--universal", "--python-version", "3.11.0", "--all-extras", "-o", tmp_path / "constraints.txt")
    assert (tmp_path / "constraints.txt").read_text().splitlines() == there


def test_a_python_without_wheels_is_refused_at_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.15", "the first and the last of the Pythons above"
