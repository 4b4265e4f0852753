"""Messages between the grader and the worker: JSON, and tensors as safetensors; no pickle.

A message is two lengths (8 bytes each, big-endian), the JSON text, and the tensors. Size, depth and types of a received
message are checked before any object is made of it, since the worker is not trusted.
"""

import json
import math
import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save

from lecture_utils.grading.values import Code, Handle

MAX_TEXT, MAX_BLOB = 16 << 20, 256 << 20
MAX_DEPTH, MAX_NODES, MAX_TENSORS, MAX_DIMS = 14, 1_000_000, 20_000, 64  # NumPy's arrays have at most 64 dimensions
MAX_KEYS = 2_000  # keys of dicts that are no strings: their hashes can be made to collide, so n keys take n * n steps
# Brackets and commas in a message, counted before it is parsed: while Python parses JSON, no other thread of the grader
# runs, and millions of small parts take seconds. A million numbers, or half a million pairs, are allowed.
MAX_MARKS = 1_500_000
TOO_LARGE = (
    f"more than {MAX_NODES:,} parts, {MAX_TENSORS:,} tensors, {MAX_KEYS:,} keys that are no strings, {MAX_DEPTH} "
    f"levels, or {MAX_MARKS:,} brackets and commas: one tensor can hold more"
)
_HEADER = 200 * MAX_TENSORS  # bytes of a safetensors file that name its tensors
_LENGTHS = struct.Struct(">QQ")
_SENT = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
_ALL_DTYPES = {str(d).removeprefix("torch."): d for d in vars(torch).values() if isinstance(d, torch.dtype)}
_DTYPES = {name: _ALL_DTYPES[name] for name in _SENT}


class ProtocolError(Exception):
    """The other side sent what is no message, or has closed the connection."""


class Timeout(ProtocolError):
    """No complete message in time."""


class _Counter:
    """Counts the parts of a value. Both sides count alike, so that what one can send, the other accepts."""

    def __init__(self) -> None:
        self.nodes = self.keys = self.tensors = 0

    def node(self, depth: int) -> None:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise ValueError(TOO_LARGE)

    def key(self, key: Any) -> None:
        self.keys += not isinstance(key, str)
        if self.keys > MAX_KEYS:
            raise ValueError(TOO_LARGE)

    def tensor(self, shape: Sequence[int]) -> None:
        self.tensors += 1
        if self.tensors > MAX_TENSORS or len(shape) > MAX_DIMS:
            raise ValueError(TOO_LARGE)


class _Encoder(_Counter):
    def __init__(self) -> None:
        super().__init__()
        self.blobs: dict[str, torch.Tensor] = {}

    def encode(self, value: Any, depth: int = 0) -> Any:
        self.node(depth)
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (torch.Tensor, np.ndarray)):
            return self.any_tensor(value)
        if isinstance(value, torch.Size):
            return {"size": list(value)}
        if isinstance(value, (list, tuple)):
            items = [self.encode(v, depth + 1) for v in value]
            return {"list" if isinstance(value, list) else "tuple": items}
        if isinstance(value, dict):
            for key in value:
                self.key(key)
            return {"dict": [[self.encode(k, depth + 1), self.encode(v, depth + 1)] for k, v in value.items()]}
        if isinstance(value, torch.dtype):
            return {"dtype": str(value).removeprefix("torch.")}
        if isinstance(value, torch.device):
            return {"device": str(value)}
        if isinstance(value, Handle):
            return {"handle": [value.number, value.kind]}
        if isinstance(value, Code):
            return {"code": value.expression}
        raise TypeError(f"{type(value).__name__} is not plain data")

    def any_tensor(self, value: torch.Tensor | np.ndarray) -> dict:
        tensor = torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value
        dtype = str(tensor.dtype).removeprefix("torch.")
        if dtype not in _DTYPES:
            raise TypeError(f"{tensor.dtype} cannot be sent")
        shape = list(value.shape)  # of a 0-d array, ascontiguousarray makes shape (1,)
        self.tensor(shape)
        if tensor.device.type == "meta":
            return {"meta": [shape, dtype]}
        name = str(len(self.blobs))
        self.blobs[name] = tensor.detach().to("cpu", copy=True).contiguous()
        return {"array" if isinstance(value, np.ndarray) else "tensor": [name, shape]}


class _Decoder(_Counter):
    def __init__(self, blobs: dict[str, torch.Tensor]):
        super().__init__()
        self.blobs = blobs

    def decode(self, data: Any, depth: int = 0) -> Any:
        self.node(depth)
        if isinstance(data, (bool, float, str)) or data is None:
            return data
        if isinstance(data, int):
            return data if -(2**63) <= data < 2**63 else math.inf if data > 0 else -math.inf
        ((kind, content),) = data.items()
        if kind in ("list", "tuple"):
            items = [self.decode(v, depth + 1) for v in _is(list, content)]
            return items if kind == "list" else tuple(items)
        if kind == "dict":
            return self.pairs(_is(list, content), depth + 1)
        if kind in ("dtype", "device", "code"):
            return self.word(kind, _is(str, content))
        if kind == "size":
            return torch.Size(_shape(content))
        first, second = _is(list, content)
        if kind in ("tensor", "array"):
            self.tensor(second)
            tensor = self.blobs[first].reshape(_shape(second))
            return tensor if kind == "tensor" else tensor.numpy()
        if kind == "meta":
            self.tensor(first)
            return torch.empty(_shape(first), dtype=_DTYPES[second], device="meta")
        if kind == "handle":
            return Handle(_is(int, first), _is(str, second)[:80])
        raise ValueError("unknown kind")

    def pairs(self, content: list, depth: int) -> dict:
        found = {}
        for pair in content:
            key, value = _is(list, pair)
            decoded = self.decode(key, depth)
            self.key(decoded)
            found[decoded] = self.decode(value, depth)
        return found

    def word(self, kind: str, word: str) -> Any:
        if kind == "dtype":
            return _ALL_DTYPES.get(word, Handle(-1, "dtype"))
        return torch.device(word[:20]) if kind == "device" else Code(word)


def _is(kind: type, value: Any) -> Any:
    if type(value) is not kind:  # an exact comparison: True is an int, too
        raise TypeError(f"{type(value).__name__} instead of {kind.__name__}")
    return value


def _shape(sizes: Any) -> list[int]:
    if len(_is(list, sizes)) > MAX_DIMS or not all(_is(int, size) >= 0 for size in sizes):
        raise ValueError("no shape")
    return sizes


def _decode(text: bytes, blob: bytes) -> tuple[dict, Any]:
    """A message, whose ``error`` is three strings if it has one, and the plain data beside it."""
    _check_marks(text)
    message, data = json.loads(text)
    if int.from_bytes(blob[:8], "little") > _HEADER:
        raise ValueError(TOO_LARGE)
    blobs = load(blob) if blob else {}
    if any(tensor.dtype not in _DTYPES.values() for tensor in blobs.values()):
        raise TypeError("a dtype that is not sent")
    error = _is(dict, message).get("error")
    if error is not None and [type(part) for part in _is(list, error)] != [str, str, str]:
        raise TypeError("an error that is not described by three strings")
    return message, _Decoder(blobs).decode(data)


def _check_marks(text: bytes) -> None:
    if sum(map(text.count, (b"[", b"{", b","))) > MAX_MARKS:
        raise ValueError(TOO_LARGE)


class Channel:
    """One end of the socket between the grader and the worker."""

    def __init__(self, connection: socket.socket):
        connection.setblocking(False)  # a timeout for each message would cost two more system calls
        self.connection, self._rest = connection, bytearray()
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(connection, select.POLLIN)
        self._writable.register(connection, select.POLLOUT)

    def send(self, message: dict, value: Any = None, *, seconds: float | None = None) -> None:
        """Send JSON data and, beside it, one piece of plain data.

        Raises:
            TypeError: the value is not plain.
            ValueError: it is larger than the other side accepts.
            ProtocolError: the other side has closed the connection, or does not read in time.
        """
        encoder = _Encoder()
        text = json.dumps([message, encoder.encode(value)]).encode()
        blob = save(encoder.blobs) if encoder.blobs else b""
        _check_marks(text)
        if len(text) > MAX_TEXT or len(blob) > MAX_BLOB:
            raise ValueError(f"more than {MAX_TEXT >> 20} MB of text and numbers, or {MAX_BLOB >> 20} MB of tensors")
        self._put(text, blob, seconds)

    def send_bytes(self, message: dict, content: bytes, seconds: float) -> None:
        """Send JSON data and raw bytes, which :meth:`receive_bytes` returns as they are."""
        self._put(json.dumps([message, None]).encode(), content, seconds)

    def _put(self, text: bytes, blob: bytes, seconds: float | None) -> None:
        deadline = None if seconds is None else time.monotonic() + seconds
        left = memoryview(b"".join([_LENGTHS.pack(len(text), len(blob)), text, blob]))
        while left:
            try:
                left = left[self.connection.send(left) :]
            except BlockingIOError:
                _wait(self._writable, deadline, "it does not read")
            except OSError as error:
                raise ProtocolError("the connection was closed") from error

    def receive(self, seconds: float | None = None, max_blob: int = MAX_BLOB) -> tuple[dict, Any]:
        """The next message and its plain data.

        Raises:
            Timeout: it was not complete after ``seconds``.
            ProtocolError: it is malformed or too large, or the other side has closed the connection.
        """
        text, blob = self.receive_bytes(seconds, max_blob)
        try:
            return _decode(text, blob)
        except Exception as error:  # a malformed message may raise anything
            # The error's text is not repeated: it may hold what the worker sent, such as the input of a hidden case.
            raise ProtocolError(f"a malformed message ({type(error).__name__})") from error

    def receive_bytes(self, seconds: float | None, max_blob: int) -> tuple[bytes, bytes]:
        """The JSON text and the bytes of the next message, unread; raises as :meth:`receive` does."""
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
        """Read until ``length`` bytes of the next message are here. After a timeout a later call continues."""
        while len(self._rest) < length:
            _wait(self._readable, deadline, "no answer in time")
            try:
                part = self.connection.recv(min(max(length - len(self._rest), 1 << 16), 1 << 20))
            except BlockingIOError:
                continue
            except OSError as error:
                raise ProtocolError("the connection was closed") from error
            if not part:
                raise ProtocolError("the connection was closed")
            self._rest += part


def _wait(one: "select.poll", deadline: float | None, why: str) -> None:
    left = None if deadline is None else deadline - time.monotonic()
    if (left is not None and left <= 0) or not one.poll(left and left * 1000):
        raise Timeout(why)
