"""The command ``lecture``, in a process of its own or in this one, which is quicker."""

import os
import subprocess
import sys

from conftest import ROOT
from typer.testing import CliRunner

from course_tools.cli import app

LECTURE = [sys.executable, "-c", "from course_tools.cli import app; app(prog_name='lecture')"]
WIDE = {"COLUMNS": "200"}  # no line of a table is wrapped


def lecture(*arguments, cwd=ROOT, **environment) -> subprocess.CompletedProcess:
    """Run ``lecture`` with these arguments as a user does."""
    command = [*LECTURE, *map(str, arguments)]
    env = {**os.environ, **WIDE, **environment}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)


def invoke(*arguments):
    """Run ``lecture`` in this process; the result has ``exit_code``, ``stdout`` and ``stderr``, a traceback fails."""
    done = CliRunner().invoke(app, list(map(str, arguments)), prog_name="lecture", env=WIDE)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done
