"""The process that runs one submission and answers the grader's calls. It knows no right answer.

Started by ``sandbox``, with the number of its socket as the only argument. The cells run in an
IPython shell, so that magics, shell lines and displayed figures work as in Jupyter.
"""

import base64
import contextlib
import io
import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from lecture_grader.protocol import MAX_BLOB, Channel, ProtocolError
from lecture_grader.repair import Unreadable, read_cells, repair
from lecture_utils.grading.errors import NotAttempted, StudentError
from lecture_utils.grading.namespace import Namespace
from lecture_utils.grading.state import restore_state

MAX_NOTEBOOK = 512 << 20
MAX_SHOWN, MAX_PICTURE = 20_000, 300_000
KEPT_FRAMES = 10  # at each end of a traceback


class _Record:
    """What a cell shows: text up to a bound, pictures up to a bound, in order."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, str]] = []
        self.shown, self.lost, self.pictures = 0, 0, 0

    def text(self, kind: str, text: str) -> None:
        kept = text[: max(0, MAX_SHOWN - self.shown)]
        self.shown += len(kept)
        self.lost += len(text) - len(kept)
        if kept and self.outputs and self.outputs[-1]["kind"] == kind:
            self.outputs[-1]["text"] += kept
        elif kept:
            self.outputs.append({"kind": kind, "text": kept})

    def data(self, data: dict[str, Any]) -> None:
        picture = data.get("image/png")
        if isinstance(picture, bytes):
            picture = base64.b64encode(picture).decode()
        if isinstance(picture, str) and self.pictures + len(picture) <= MAX_PICTURE:
            self.pictures += len(picture)
            self.outputs.append({"kind": "png", "text": picture})
        elif isinstance(data.get("text/plain"), str):
            self.text("result", data["text/plain"] + "\n")

    def finished(self) -> list[dict[str, str]]:
        if self.lost:
            self.outputs.append({"kind": "note", "text": f"{self.lost} more characters were left out"})
        return self.outputs


class _Stream(io.TextIOBase):
    def __init__(self, kind: str):
        self.kind, self.record, self.encoding_name = kind, _Record(), "utf-8"

    def write(self, text: str) -> int:
        self.record.text(self.kind, text)
        return len(text)

    def writable(self) -> bool:
        return True


class _Publisher(DisplayPublisher):
    shell: "_Shell"

    def publish(self, data: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(data, dict) and self.shell.record is not None:
            self.shell.record.data(data)


class _Hook(DisplayHook):
    shell: "_Shell"

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict, md_dict: Any = None) -> None:
        if self.shell.record is not None:
            self.shell.record.data(format_dict)


class _Shell(InteractiveShell):
    record: _Record | None = None
    failure: list[str] | None = None

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        self.failure = [str(line) for line in stb]

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        _shorten(sys.exc_info()[1])
        super().showtraceback(*args, **kwargs)

    def ask_exit(self) -> None:  # exit() and quit() leave the notebook as sys.exit() does
        raise SystemExit

    def system(self, cmd: str) -> None:
        """A line that begins with ``!``: its output is shown, up to a bound."""
        with subprocess.Popen(
            self.var_expand(cmd, depth=1), shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
        ) as process:  # fmt: skip
            assert process.stdout
            while part := process.stdout.read(1 << 16):
                sys.stdout.write(part)
        self.user_ns["_exit_code"] = process.returncode


def _shorten(error: BaseException | None) -> None:
    """Cut the middle out of tracebacks: to show a thousand frames takes longer the more is imported."""
    for _ in range(10):  # what it was raised from, too
        if error is None:
            return
        frames, step = [], error.__traceback__
        while step:
            frames.append(step)
            step = step.tb_next
        if len(frames) > 2 * KEPT_FRAMES:
            frames[KEPT_FRAMES - 1].tb_next = frames[-KEPT_FRAMES]
        error = error.__cause__ or error.__context__


def make_shell() -> _Shell:
    """The shell of this process; one made before it was forked is the same, and there at once."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    config.InteractiveShell.xmode = "Context"
    return _Shell.instance(config=config, display_pub_class=_Publisher, displayhook_class=_Hook)


class Worker:
    """Reads the notebook, runs its cells one by one as told, then answers calls."""

    def __init__(self, channel: Channel):
        self.channel, self.busy = channel, False
        self.sources: list[str] = []
        self.shell = make_shell()
        self.shell.ipython_dir = os.environ.get("IPYTHONDIR") or self.shell.ipython_dir  # made before, it has another
        self.shell.init_profile_dir(None)
        self.shell.starting_dir = str(Path.cwd())
        self.host = Namespace(self.shell.user_ns)
        self.quiet = contextlib.ExitStack()
        signal.signal(signal.SIGINT, self._interrupt)

    def _interrupt(self, number: int, frame: Any) -> None:
        if self.busy:
            raise KeyboardInterrupt

    def serve(self) -> None:
        """Say that it is there, then answer messages until the grader hangs up."""
        self.channel.send({"ready": True})
        _, content = self.channel.receive_bytes(None, MAX_NOTEBOOK)
        try:
            cells = read_cells(content)
            notes = repair(cells)
        except Unreadable as error:
            self.channel.send({"unreadable": str(error)})
            return
        except MemoryError:
            self.channel.send({"unreadable": "the file is too large to be read in the memory allowed"})
            return
        del content
        self.sources = [cell.source for cell in cells]
        self.channel.send({"cells": [vars(cell) for cell in cells], "notes": notes})
        del cells
        with contextlib.suppress(ProtocolError):
            while True:
                request, value = self.channel.receive()
                reply, result = self._answer(request, value)
                try:
                    self.channel.send(reply, result)
                except (TypeError, ValueError, RuntimeError, RecursionError, OverflowError, MemoryError) as error:
                    self.channel.send({"error": ["TypeError", f"the answer cannot be sent: {error}"[:300], ""]})

    def _answer(self, request: dict, value: Any) -> tuple[dict, Any]:
        do = request["do"]
        if do == "setup":
            return self._run(request["code"], request["seed"])
        if do == "run":
            return self._run(self.sources[request["cell"]], None)
        self.busy = True
        try:
            with _shown(_Record()):
                if do == "begin":
                    self.quiet.enter_context(restore_state(self.shell.user_ns))
                    return {}, None
                if do == "end":
                    self.host.kept.clear()
                    self.quiet.close()
                    return {}, None
                if do == "value":
                    result = self.host.value(request["name"])
                else:
                    self.host.kept.update(zip(request["puts"], value[0], strict=True))
                    result = self.host.call(*value[1:])
            if _size(result) > MAX_BLOB // 2:
                raise StudentError("ValueError", "the answer is too large to be looked at")
            return {"ok": True}, result
        except NotAttempted as todo:
            return {"todo": str(todo)}, None
        except StudentError as error:
            return {"error": [error.kind, error.message, error.where]}, None
        except BaseException as error:
            return {"error": [type(error).__name__, str(error)[:300], ""]}, None
        finally:
            self.busy = False

    def _run(self, source: str, seed: int | None) -> tuple[dict, Any]:
        """Run one cell, or the setup code, after which random numbers begin at ``seed``."""
        shell, record = self.shell, _Record()
        shell.record, shell.failure, self.busy = record, None, True
        error = None
        try:
            with _shown(record):
                result = InteractiveShell.run_cell(shell, source, store_history=True)  # else a final ; is not seen
            error = result.error_before_exec or result.error_in_exec
        except BaseException as escaped:
            error = escaped
        finally:
            self.busy, shell.record = False, None
        if seed is not None:
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
        reply: dict[str, Any] = {"outputs": record.finished(), "error": None}
        if error is not None:
            text = "\n".join(shell.failure or [])
            reply["error"] = [type(error).__name__, str(error)[:300], text[-4000:]]
        return reply, None


@contextlib.contextmanager
def _shown(record: _Record):
    out, err = _Stream("stdout"), _Stream("stderr")
    out.record = err.record = record
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield


def _size(value: Any) -> int:
    if isinstance(value, torch.Tensor):
        return 0 if value.device.type == "meta" else value.numel() * value.element_size()
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, dict):
        value = list(value.values())
    return sum(map(_size, value)) if isinstance(value, (list, tuple)) else len(value) if isinstance(value, str) else 0


def main(number: int | None = None) -> None:
    """Serve the socket of that number, or of the only argument; nothing else is open."""
    connection = socket.socket(fileno=number or int(sys.argv[1]))
    connection.set_inheritable(False)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    sys.argv[1:] = []
    os.register_at_fork(after_in_child=connection.close)  # a forked child has no business with the grader
    Worker(Channel(connection)).serve()
