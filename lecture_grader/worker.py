"""The process that runs one submission and answers the grader's requests. It knows no right answer.

``launcher`` starts it, with the number of its socket as the only argument.
"""

import contextlib
import json
import os
import random
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from IPython.core.interactiveshell import InteractiveShell

from lecture_grader.protocol import MAX_BLOB, Channel, ProtocolError
from lecture_grader.repair import Unreadable, names_defined, read_cells, repair
from lecture_grader.shell import Record, Stream, make_shell
from lecture_grader.tampering import watch
from lecture_utils.grading.errors import NotAttempted, StudentError
from lecture_utils.grading.namespace import Namespace, error_words
from lecture_utils.grading.state import restore_state

MAX_NOTEBOOK = 512 << 20


class Worker:
    """Reads the notebook, runs the cells that the grader names, then answers its calls."""

    def __init__(self, channel: Channel):
        self.channel, self.busy = channel, False
        self.sources: list[str] = []
        self.error: BaseException | None = None  # of the cell that ran last
        self.missing_names: dict[int, str | None] = {}  # for each cell, the name that it did not find
        self.shell = make_shell()
        # A shell that was made before the fork has another folder.
        self.shell.ipython_dir = os.environ.get("IPYTHONDIR") or self.shell.ipython_dir
        self.shell.init_profile_dir(None)
        self.shell.starting_dir = str(Path.cwd())
        self.namespace = Namespace(self.shell.user_ns)
        self.task_state = contextlib.ExitStack()  # closing it restores the notebook's state after a task
        signal.signal(signal.SIGINT, self._interrupt)

    def _interrupt(self, number: int, frame: Any) -> None:
        if self.busy:
            raise KeyboardInterrupt

    def serve(self) -> None:
        """Tell the grader that the worker is ready, then answer messages until the grader closes the connection."""
        # Local variables, since the notebook can reach the attributes of this object.
        find_replaced, random_bytes, found = watch(self, self.namespace, self.channel), os.urandom, set()
        set_trace, set_profile = sys.settrace, sys.setprofile

        def look_now_and_then() -> None:  # at random, or the notebook could restore what it replaced in time
            # A debugger that a cell has left on sees each function of the worker, and could change its variables.
            set_trace(None)
            set_profile(None)
            if random_bytes(1) < b"\x18":
                found.update(find_replaced())

        self.channel.send({"ready": True})
        text, content = self.channel.receive_bytes(None, MAX_NOTEBOOK)
        if not self._read(json.loads(text)[0], content):
            return
        del content
        with contextlib.suppress(ProtocolError):
            while True:
                request, value = self.channel.receive()
                look_now_and_then()
                if request["do"] == "end":
                    found.update(find_replaced())
                reply, result = self._answer(request, value, look_now_and_then)
                if request["do"] == "begin":
                    found.update(find_replaced())
                if request["do"] in ("begin", "end"):
                    reply["replaced"] = [*found]
                    found.clear()
                try:
                    self.channel.send(reply, result)
                except (TypeError, ValueError, RuntimeError, RecursionError, OverflowError, MemoryError) as error:
                    words = f"the answer cannot be sent: {error_words(error)[1]}"
                    self.channel.send({"error": ["TypeError", words[:300], ""]})

    def _read(self, message: dict, content: bytes) -> bool:
        """Read the notebook; if an earlier worker has read it, take its cells, which the grader has kept."""
        if message.get("sources"):
            self.sources = json.loads(content)
            self.channel.send({})
            return True
        try:
            cells = read_cells(content)
            notes = repair(cells, message["names"])
        except Unreadable as error:
            self.channel.send({"unreadable": str(error)})
            return False
        except MemoryError:
            self.channel.send({"unreadable": "the file is too large to be read in the memory allowed"})
            return False
        self.sources = [cell.source for cell in cells]
        try:
            self.channel.send({"cells": [vars(cell) for cell in cells], "notes": notes})
        except ValueError as error:
            self.channel.send({"unreadable": f"the cells hold {error}"})
            return False
        return True

    def _answer(self, request: dict, value: Any, look: Callable[[], None]) -> tuple[dict, Any]:
        do = request["do"]
        if do == "setup":
            return self._run(request["code"], request["seed"])
        if do == "run":
            return self._run_again(request["cell"]) if request["again"] else self._run_cell(request["cell"])
        self.busy = True
        try:
            with _captured(Record()):
                if do == "begin":
                    self.task_state.enter_context(restore_state(self.shell.user_ns))
                    return {}, None
                if do == "end":
                    self.namespace.kept.clear()
                    self.task_state.close()
                    return {}, None
                if do == "value":
                    result = self.namespace.value(request["name"])
                else:
                    for number, placed in zip(request["puts"], value[0], strict=True):
                        self.namespace.place(number, placed)
                    result = self.namespace.call(*value[1:])
                    if request["fetch"]:
                        look()
                        result = result, [self.namespace.fetch(number) for number in request["fetch"]]
            if _size(result) > MAX_BLOB // 2:
                raise StudentError("ValueError", "the answer is too large to be looked at")
            return {"ok": True}, result
        except NotAttempted as error:
            return {"not attempted": str(error)}, None
        except StudentError as error:
            return {"error": [error.kind, error.message, error.where]}, None
        except BaseException as error:
            kind, words = error_words(error)
            return {"error": [kind, words[:300], ""]}, None
        finally:
            self.busy = False

    def _run_cell(self, number: int) -> tuple[dict, Any]:
        reply = self._run(self.sources[number], None)
        self.missing_names[number] = self.error.name if isinstance(self.error, NameError) else None
        return reply

    def _run_again(self, number: int) -> tuple[dict, Any]:
        """Run a cell that used a name before it was defined, without undoing what cells below it define."""
        names = self.shell.user_ns
        if self.missing_names[number] not in names:
            return {"unchanged": True}, None
        below = {name for source in self.sources[number + 1 :] for name in names_defined(source)}
        kept = {name: names[name] for name in below if name in names}
        reply = self._run_cell(number)
        names.update(kept)
        return reply

    def _run(self, source: str, seed: int | None) -> tuple[dict, Any]:
        """Run one cell, or the setup code, after which random numbers begin at ``seed``."""
        shell, record = self.shell, Record()
        shell.record, shell.failure, self.busy = record, None, True
        error = None
        try:
            with _captured(record):
                result = InteractiveShell.run_cell(shell, source, store_history=True)  # or a final ; has no effect
            error = result.error_before_exec or result.error_in_exec
        except BaseException as escaped:
            error = escaped
        finally:
            self.busy, shell.record = False, None
            self.error = error
        if seed is not None:
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
        reply: dict[str, Any] = {"outputs": record.finished(), "error": None}
        if error is not None:
            text = "\n".join(shell.failure or [])
            kind, words = error_words(error)
            reply["error"] = [kind, words[:300], text[-4000:]]
        return reply, None


@contextlib.contextmanager
def _captured(record: Record):
    """Write what is printed into a record."""
    out, err = Stream("stdout", record), Stream("stderr", record)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield


def _size(value: Any) -> int:
    """Bytes of the tensors, arrays and strings in a value."""
    if isinstance(value, torch.Tensor):
        return 0 if value.device.type == "meta" else value.numel() * value.element_size()
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, dict):
        value = list(value.values())
    return sum(map(_size, value)) if isinstance(value, (list, tuple)) else len(value) if isinstance(value, str) else 0


def main(number: int | None = None) -> None:
    """Serve the socket with this file number, by default the program's argument; close the standard streams."""
    connection = socket.socket(fileno=number or int(sys.argv[1]))
    connection.set_inheritable(False)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    sys.argv[1:] = []
    sys.path.insert(0, "")  # the notebook's folder, as in Jupyter: a notebook may write a module and import it
    os.register_at_fork(after_in_child=connection.close)  # only this process may send to the grader
    Worker(Channel(connection)).serve()
