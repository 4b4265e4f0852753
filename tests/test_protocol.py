"""Messages between grader and worker: they arrive as they were, and lies do no harm."""

import json
import socket
import struct
import threading

import numpy as np
import pytest
import torch
from safetensors.torch import save

from lecture_grader.protocol import MAX_BLOB, Channel, ProtocolError, Timeout
from lecture_utils.grading.compare import equal
from lecture_utils.grading.values import Code, Handle


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    yield Channel(ours), theirs
    ours.close()
    theirs.close()


VALUES = [
    None, True, 3, -2.5, "text", float("inf"), torch.float16, torch.device("cpu"), torch.Size([2, 3]),
    torch.tensor(3.0), torch.zeros(0, 4), torch.arange(6).reshape(2, 3).T, torch.ones(2, dtype=torch.bfloat16),
    torch.tensor([True]), np.array(2.0), np.arange(3, dtype=np.int32), (1, [2, (3,)], {"a": torch.ones(1), 7: None}),
    [], {}, Handle(3, "Model"), Code("lambda x: x"), torch.tensor([float("nan")]),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda v: str(v)[:30])
def test_values_arrive_as_they_were(ends, value):
    channel, theirs = ends
    Channel(theirs).send({"do": "x"}, value, seconds=5)
    message, got = channel.receive(5)
    assert message == {"do": "x"} and type(got) is type(value)
    assert got == value if isinstance(value, (Handle, Code)) else equal(got, value)


def test_meta_tensors_arrive_without_data(ends):
    channel, theirs = ends
    Channel(theirs).send({}, torch.empty(3, 1 << 40, device="meta"))
    _, got = channel.receive(5)
    assert got.device.type == "meta" and got.shape == (3, 1 << 40)


@pytest.mark.parametrize("value", [object(), torch.ones(1, dtype=torch.complex64), {1, 2}, lambda: 0])
def test_what_is_not_plain_is_not_sent(ends, value):
    with pytest.raises(TypeError):
        ends[0].send({}, value)


def frame(text, blob=b""):
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    return struct.pack(">QQ", len(text), len(blob)) + text + blob


@pytest.mark.parametrize("cut", [5, 16, 20, -1], ids=["in the lengths", "after them", "in the text", "at the end"])
def test_what_comes_late_is_not_lost(ends, cut):
    """A time limit in the middle of a message: whoever waits again gets it, and the next one, too."""
    channel, theirs = ends
    sent = frame([{"n": 1}, None]) + frame([{"n": 2}, None])
    cut = cut if cut > 0 else len(sent) // 2 - 1
    theirs.sendall(sent[:cut])
    for _ in range(2):
        with pytest.raises(Timeout):
            channel.receive(0.05)
    theirs.sendall(sent[cut:])
    assert [channel.receive(5)[0]["n"] for _ in range(2)] == [1, 2]


LIES = {
    "no JSON": frame(b"\xff\xfe"),
    "no pair": frame({}),
    "a number": frame(b"7"),
    "no object": frame([[], None]),
    "too deep JSON": frame(b"[" * 100_000),
    "too deep value": frame([{}, json.loads('{"list": [' * 20 + "1" + "]}" * 20)]),
    "too many values": frame([{}, {"list": [1] * 300_000}]),
    "an unknown kind": frame([{}, {"pickle": "gASV"}]),
    "two kinds": frame([{}, {"list": [], "tuple": []}]),
    "a missing tensor": frame([{}, {"tensor": ["9", [1]]}]),
    "a wrong shape": frame([{}, {"tensor": ["0", [7]]}], save({"0": torch.ones(2)})),
    "no safetensors": frame([{}, {"tensor": ["0", [2]]}], b"garbage" * 9),
    "a header that lies": frame([{}, None], struct.pack("<Q", 1 << 60) + b"{}"),
    "a shape of meta": frame([{}, {"meta": [[1 << 62, 1 << 62], "float32"]}]),
    "a device": frame([{}, {"device": "nowhere:x"}]),
    "unhashable keys": frame([{}, {"dict": [[{"list": []}, 1]]}]),
    "a huge text": struct.pack(">QQ", 1 << 40, 0),
    "a huge blob": struct.pack(">QQ", 2, MAX_BLOB + 1) + b"[]",
    "cut off": frame([{}, None])[:-1],
}


@pytest.mark.parametrize("name", LIES)
def test_lies_are_refused(ends, name):
    channel, theirs = ends

    def lie():
        theirs.sendall(LIES[name])
        theirs.shutdown(socket.SHUT_WR)

    liar = threading.Thread(target=lie)
    liar.start()
    with pytest.raises(ProtocolError):
        channel.receive(5)
    liar.join()


def test_numbers_beyond_all_bounds_become_infinite(ends):
    channel, theirs = ends
    theirs.sendall(frame([{}, {"list": [10**30, -(10**30)]}]))
    assert channel.receive(5)[1] == [float("inf"), float("-inf")]


def test_silence_ends(ends):
    channel, theirs = ends
    theirs.sendall(frame([{}, None])[:20])
    with pytest.raises(Timeout):
        channel.receive(0.2)
