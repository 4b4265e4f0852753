"""The IPython shell of a worker: magics, shell lines and displayed figures work in it as in Jupyter.

What a cell shows is recorded up to a limit, because a submission may print without end.
"""

import base64
import io
import subprocess
import sys
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

MAX_SHOWN, MAX_PICTURE = 20_000, 300_000  # characters of one cell
KEPT_FRAMES = 10  # at each end of a traceback


class Record:
    """What a cell shows, in order: text and pictures, each up to a limit."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, str]] = []
        self.shown, self.lost, self.pictures = 0, 0, 0

    def text(self, kind: str, text: str) -> None:
        """Record text of this kind: ``stdout``, ``stderr``, ``result`` or ``note``."""
        kept = text[: max(0, MAX_SHOWN - self.shown)]
        self.shown += len(kept)
        self.lost += len(text) - len(kept)
        if kept and self.outputs and self.outputs[-1]["kind"] == kind:
            self.outputs[-1]["text"] += kept
        elif kept:
            self.outputs.append({"kind": kind, "text": kept})

    def data(self, data: dict[str, Any]) -> None:
        """Record what was displayed, by MIME type: the picture, or the text if there is none or it is too large."""
        picture = data.get("image/png")
        if isinstance(picture, bytes):
            picture = base64.b64encode(picture).decode()
        if isinstance(picture, str) and self.pictures + len(picture) <= MAX_PICTURE:
            self.pictures += len(picture)
            self.outputs.append({"kind": "png", "text": picture})
        elif isinstance(data.get("text/plain"), str):
            self.text("result", data["text/plain"] + "\n")

    def finished(self) -> list[dict[str, str]]:
        """The outputs, with a note if something was left out."""
        if self.lost:
            self.outputs.append({"kind": "note", "text": f"{self.lost} more characters were left out"})
        return self.outputs


class Stream(io.TextIOBase):
    """Standard output or error output of a cell, written into a record."""

    encoding = "UTF-8"  # as in Jupyter

    def __init__(self, kind: str, record: Record):
        self.kind = kind
        self.record = record

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.record.text(self.kind, text)
        return len(text)

    def writable(self) -> bool:
        return True


class _Publisher(DisplayPublisher):
    shell: "Shell"

    def publish(self, data: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(data, dict) and self.shell.record is not None:
            self.shell.record.data(data)


class _Hook(DisplayHook):
    shell: "Shell"

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict, md_dict: Any = None) -> None:
        if self.shell.record is not None:
            self.shell.record.data(format_dict)


class Shell(InteractiveShell):
    """Records what is displayed, and keeps the last traceback in ``failure``."""

    record: Record | None = None
    failure: list[str] | None = None

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        self.failure = [str(line) for line in stb]

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        _shorten(sys.exc_info()[1])
        super().showtraceback(*args, **kwargs)

    def ask_exit(self) -> None:
        """End the cell, as ``sys.exit()`` does; ``exit()`` and ``quit()`` call this."""
        raise SystemExit

    def system(self, cmd: str) -> None:
        """Run a line that begins with ``!`` and show its output, up to a limit."""
        with subprocess.Popen(
            self.var_expand(cmd, depth=1), shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
        ) as process:  # fmt: skip
            assert process.stdout
            while part := process.stdout.read(1 << 16):
                sys.stdout.write(part)
        self.user_ns["_exit_code"] = process.returncode


def _shorten(error: BaseException | None) -> None:
    """Cut the middle out of a traceback: a thousand frames take seconds to show when many modules are imported."""
    for _ in range(10):  # also in the errors from which it was raised
        if error is None:
            return
        frames, step = [], error.__traceback__
        while step:
            frames.append(step)
            step = step.tb_next
        if len(frames) > 2 * KEPT_FRAMES:
            frames[KEPT_FRAMES - 1].tb_next = frames[-KEPT_FRAMES]
        error = error.__cause__ or error.__context__


def make_shell() -> Shell:
    """The shell of this process. If it was made before a fork, the fork need not make one."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    config.InteractiveShell.xmode = "Context"
    return Shell.instance(config=config, display_pub_class=_Publisher, displayhook_class=_Hook)
