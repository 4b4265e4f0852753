"""Messages between the grader and the worker: JSON, and tensors as safetensors; no pickle.

A message is two lengths (8 bytes each, big-endian), the JSON text, and the tensors. What comes in
is bounded in size, depth and kind before anything is made of it, since a worker may lie.
"""

import json
import math
import select
import socket
import struct
import time
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from lecture_utils.grading.values import Code, Handle

MAX_TEXT, MAX_BLOB = 16 << 20, 256 << 20
MAX_DEPTH, MAX_NODES = 14, 200_000
_LENGTHS = struct.Struct(">QQ")
_DTYPES = {
    name: getattr(torch, name)
    for name in ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
}


class ProtocolError(Exception):
    """The other side broke the rules, or is gone."""


class Timeout(ProtocolError):
    """No complete message in time."""


def encode(value: Any, blobs: dict[str, torch.Tensor]) -> Any:
    """Plain data as JSON data; tensors are put into ``blobs``.

    Raises:
        TypeError: the value is not plain.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, torch.Tensor) and value.device.type == "meta":
        return {"meta": [list(value.shape), str(value.dtype).removeprefix("torch.")]}
    if isinstance(value, (torch.Tensor, np.ndarray)):
        tensor = torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value
        if str(tensor.dtype).removeprefix("torch.") not in _DTYPES:
            raise TypeError(f"{tensor.dtype} cannot be sent")
        name = str(len(blobs))
        blobs[name] = tensor.detach().to("cpu", copy=True).contiguous()
        shape = list(value.shape)  # of a 0-d array, ascontiguousarray makes shape (1,)
        return {"array" if isinstance(value, np.ndarray) else "tensor": [name, shape]}
    if isinstance(value, torch.Size):
        return {"size": list(value)}
    if isinstance(value, (list, tuple)):
        return {"list" if isinstance(value, list) else "tuple": [encode(v, blobs) for v in value]}
    if isinstance(value, dict):
        return {"dict": [[encode(k, blobs), encode(v, blobs)] for k, v in value.items()]}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, torch.device):
        return {"device": str(value)}
    if isinstance(value, Handle):
        return {"handle": [value.number, value.kind]}
    if isinstance(value, Code):
        return {"code": value.expression}
    raise TypeError(f"{type(value).__name__} is not plain data")


class _Decoder:
    def __init__(self, blobs: dict[str, torch.Tensor]):
        self.blobs, self.nodes = blobs, 0

    def decode(self, data: Any, depth: int = 0) -> Any:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise ProtocolError("an answer is too deep or too large")
        if isinstance(data, bool) or data is None or isinstance(data, (float, str)):
            return data
        if isinstance(data, int):
            return data if -(2**63) <= data < 2**63 else math.copysign(math.inf, data)
        ((kind, content),) = data.items()
        if kind in ("list", "tuple"):
            items = [self.decode(v, depth + 1) for v in content]
            return items if kind == "list" else tuple(items)
        if kind == "dict":
            return {self.decode(k, depth + 1): self.decode(v, depth + 1) for k, v in content}
        if kind in ("tensor", "array"):
            tensor = self.blobs[content[0]].reshape([int(n) for n in content[1]])
            return tensor if kind == "tensor" else tensor.numpy()
        if kind == "meta":
            return torch.empty([int(n) for n in content[0]], dtype=_DTYPES[content[1]], device="meta")
        if kind == "size":
            return torch.Size(int(n) for n in content)
        if kind == "dtype":
            found = getattr(torch, str(content), None)
            return found if isinstance(found, torch.dtype) else Handle(-1, "dtype")
        if kind == "device":
            return torch.device(str(content)[:20])
        if kind == "handle":
            return Handle(int(content[0]), str(content[1])[:80])
        if kind == "code":
            return Code(str(content))
        raise ProtocolError(f"unknown kind {str(kind)[:40]!r}")


def decode(data: Any, blobs: dict[str, torch.Tensor]) -> Any:
    """Plain data again.

    Raises:
        ProtocolError: it is malformed, or larger than allowed.
    """
    try:
        return _Decoder(blobs).decode(data)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, RecursionError) as error:
        raise ProtocolError(f"a malformed answer ({type(error).__name__})") from error


class Channel:
    """One end of the socket between the two."""

    def __init__(self, connection: socket.socket):
        connection.setblocking(False)  # to set a timeout for each message costs two system calls more
        self.connection, self._rest = connection, bytearray()
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(connection, select.POLLIN)
        self._writable.register(connection, select.POLLOUT)

    def send(self, message: dict, value: Any = None, *, seconds: float | None = None) -> None:
        """Send JSON data and, beside it, one piece of plain data.

        Raises:
            TypeError: the value is not plain.
            ProtocolError: the other side is gone, or does not read in time.
        """
        blobs: dict[str, torch.Tensor] = {}
        text = json.dumps([message, encode(value, blobs)]).encode()
        blob = save(blobs) if blobs else b""
        self._put(text, blob, seconds)

    def send_bytes(self, message: dict, content: bytes, seconds: float) -> None:
        """Send JSON data and raw bytes, which :meth:`receive_bytes` gives back as they are."""
        self._put(json.dumps([message, None]).encode(), content, seconds)

    def _put(self, text: bytes, blob: bytes, seconds: float | None) -> None:
        deadline = None if seconds is None else time.monotonic() + seconds
        left = memoryview(b"".join([_LENGTHS.pack(len(text), len(blob)), text, blob]))
        while left:
            try:
                left = left[self.connection.send(left) :]
            except BlockingIOError:
                _wait(self._writable, deadline, "it does not listen")
            except OSError as error:
                raise ProtocolError("it is gone") from error

    def receive(self, seconds: float | None = None, max_blob: int = MAX_BLOB) -> tuple[dict, Any]:
        """The next message and its plain data.

        Raises:
            Timeout: it was not complete after so many seconds.
            ProtocolError: it is malformed, too large, or the other side is gone.
        """
        text, blob = self.receive_bytes(seconds, max_blob)
        try:
            message, data = json.loads(text)
            blobs = load(blob) if blob else {}
            if not isinstance(message, dict):
                raise TypeError
        except (ValueError, TypeError, RecursionError, SafetensorError, KeyError, RuntimeError) as error:
            raise ProtocolError(f"a malformed message ({type(error).__name__})") from error
        return message, decode(data, blobs)

    def receive_bytes(self, seconds: float | None, max_blob: int) -> tuple[bytes, bytes]:
        deadline, begin = None if seconds is None else time.monotonic() + seconds, _LENGTHS.size
        self._read(begin, deadline)
        text_length, blob_length = _LENGTHS.unpack(self._rest[:begin])
        if text_length > MAX_TEXT or blob_length > max_blob:
            raise ProtocolError("a message larger than allowed")
        middle, end = begin + text_length, begin + text_length + blob_length
        self._read(end, deadline)
        text, blob = bytes(self._rest[begin:middle]), bytes(self._rest[middle:end])
        del self._rest[:end]
        return text, blob

    def _read(self, length: int, deadline: float | None) -> None:
        """So many bytes of the next message; what has come is kept when the time is over, the rest may follow."""
        while len(self._rest) < length:
            _wait(self._readable, deadline, "no answer in time")
            try:
                part = self.connection.recv(min(max(length - len(self._rest), 1 << 16), 1 << 20))
            except BlockingIOError:
                continue
            except OSError as error:
                raise ProtocolError("it is gone") from error
            if not part:
                raise ProtocolError("it is gone")
            self._rest += part


def _wait(one: "select.poll", deadline: float | None, why: str) -> None:
    left = None if deadline is None else deadline - time.monotonic()
    if (left is not None and left <= 0) or not one.poll(left and left * 1000):
        raise Timeout(why)
