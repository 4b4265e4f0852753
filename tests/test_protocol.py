"""Messages between grader and worker: they arrive as they were, and lies do no harm."""

import contextlib
import json
import math
import socket
import struct
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from grading_bank.command import CHECKS
from grading_bank.submissions import RIGHT1, RIGHT2, notebook
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from lecture_grader import grade_one, protocol
from lecture_grader.protocol import MAX_BLOB, MAX_KEYS, MAX_NODES, MAX_TENSORS, Channel, ProtocolError, Timeout
from lecture_utils.grading.compare import equal
from lecture_utils.grading.tasks import load_exercise
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
    "too many values": frame([{}, {"list": [1] * 1_100_000}]),
    "too many tensors": frame([{}, {"list": [{"tensor": ["0", [1]]}] * 30_000}], save({"0": torch.ones(1)})),
    "too many tensors of meta": frame([{}, {"list": [{"meta": [[1], "bool"]}] * 30_000}]),
    "too many numbers as keys": frame([{}, {"dict": [[n, 1] for n in range(5_000)]}]),
    "too many dimensions": frame([{}, {"tensor": ["0", [1] * 100_000]}], save({"0": torch.ones(1)})),
    "too many dimensions of meta": frame([{}, {"meta": [[1] * 100_000, "bool"]}]),
    "an infinite size": frame(b'[{}, {"size": [Infinity]}]'),
    "a size of many numbers": frame([{}, {"size": [1] * 100_000}]),
    "a negative size": frame([{}, {"tensor": ["0", [-1]]}], save({"0": torch.ones(2)})),
    "a size that is no number": frame([{}, {"tensor": ["0", ["2"]]}], save({"0": torch.ones(2)})),
    "a fraction": frame([{}, {"meta": [[2.5], "float32"]}]),
    "a truth as size": frame([{}, {"size": [True]}]),
    "an infinite handle": frame(b'[{}, {"handle": [Infinity, "x"]}]'),
    "a handle without a kind": frame([{}, {"handle": [3]}]),
    "a kind that is no string": frame([{}, {"handle": [3, ["x"]]}]),
    "a string as list": frame([{}, {"list": "abc"}]),
    "strings as pairs": frame([{}, {"dict": ["ab", "cd"]}]),
    "a dict as list": frame([{}, {"tuple": {"a": 1}}]),
    "a bare list": frame([{}, [1, 2]]),
    "an empty object": frame([{}, {}]),
    "code that is no string": frame([{}, {"code": 7}]),
    "a name of a module": frame([{}, {"meta": [[1], "nn"]}]),
    "a dtype that is not sent": frame([{}, {"tensor": ["0", [1]]}], save({"0": torch.ones(1, dtype=torch.complex64)})),
    "a number of 5000 digits": frame(b"[{}, " + b"9" * 5_000 + b"]"),
    "three parts": frame([{}, None, None]),
    "one error": frame([{"error": ["a"]}, None]),
    "two errors": frame([{"error": ["a", "b"]}, None]),
    "four errors": frame([{"error": ["a", "b", "c", "d"]}, None]),
    "an error that is a word": frame([{"error": "abc"}, None]),
    "an error of numbers": frame([{"error": [1, 2, 3]}, None]),
    "an error of lists": frame([{"error": [["a"], ["b"], ["c"]]}, None]),
    "an error that is true": frame([{"error": True}, None]),
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
    with pytest.raises(ProtocolError) as refused:
        channel.receive(5)
    liar.join()
    assert "abc" not in str(refused.value), "the words of a liar may be the input of a hidden case"


@pytest.mark.parametrize("name", LIES)
def test_after_a_lie_the_next_message_is_read_right(ends, name):
    if name in ("a huge text", "a huge blob", "cut off"):
        return  # there is no next message
    channel, theirs = ends
    writer = threading.Thread(target=lambda: theirs.sendall(LIES[name] + frame([{"n": 2}, None])))
    writer.start()
    with pytest.raises(ProtocolError):
        channel.receive(5)
    assert channel.receive(5)[0] == {"n": 2}
    writer.join()


def test_numbers_beyond_all_bounds_become_infinite(ends):
    channel, theirs = ends
    theirs.sendall(frame([{}, {"list": [10**30, -(10**30), 10**400, -(10**400)]}]))
    assert channel.receive(5)[1] == [math.inf, -math.inf, math.inf, -math.inf]


# --- any bytes, any JSON, any value ---------------------------------------------------------------

LIMITED = settings(max_examples=200, deadline=None)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 2**63, -(2**63), 1 << 62])
TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)  # lone surrogates, too
ANY_JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3),
)
KINDS = ["list", "tuple", "dict", "tensor", "array", "meta", "size", "dtype", "device", "handle", "code"]
WORDS = st.sampled_from(["0", "1", "float32", "complex64", "cpu", "cuda:9", "nn", "Tensor", "_dynamo"])
NEARLY_RIGHT = st.recursive(
    st.none() | NUMBERS | WORDS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.builds(lambda kind, content: {kind: content}, st.sampled_from(KINDS), inner | st.lists(inner, max_size=3))
        | st.builds(lambda *pair: {"dict": [list(pair)]}, inner, inner)
    ),
)
BLOB = save({"0": torch.ones(2), "1": torch.arange(6, dtype=torch.int8).reshape(2, 3)})


def answer_to(*frames):
    """What a channel makes of these frames: a value, or the error; and the message that follows them."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = threading.Thread(target=lambda: theirs.sendall(b"".join(frames) + frame([{"next": True}, None])))
        writer.start()
        channel, answers = Channel(ours), []
        for _ in frames:
            try:
                answers.append(channel.receive(20))
            except ProtocolError as error:
                assert not isinstance(error, Timeout)
                answers.append(error)
        assert channel.receive(20) == ({"next": True}, None), "one reply off"
        writer.join()
    return answers


@LIMITED
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_are_a_message_or_an_error(text, blob):
    answer_to(frame(text, blob))


@LIMITED
@given(ANY_JSON, NEARLY_RIGHT, st.sampled_from([b"", BLOB, BLOB[:-1]]))
def test_any_json_is_a_value_or_an_error(anything, nearly, blob):
    answer_to(frame([{}, anything], blob), frame([{}, nearly], blob), frame(anything), frame([anything, nearly]))


@LIMITED
@given(ANY_JSON)
def test_an_error_that_arrives_is_three_strings(anything):
    (answer,) = answer_to(frame([{"error": anything}, None]))
    if not isinstance(answer, ProtocolError):
        error = answer[0]["error"]
        assert error is None or (isinstance(error, list) and [type(part) for part in error] == [str] * 3)


SHAPES = st.lists(st.integers(0, 3), max_size=4)
DTYPES = st.sampled_from([protocol._DTYPES[name] for name in protocol._SENT])
TENSORS = st.builds(lambda shape, dtype: torch.arange(math.prod(shape)).reshape(shape).to(dtype), SHAPES, DTYPES)
ARRAYS = st.builds(lambda shape: np.arange(math.prod(shape)).reshape(shape), SHAPES)
KEYS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXTS
OTHERS = st.sampled_from([torch.float16, torch.complex64, torch.device("cpu"), torch.device("cuda:1")])
OBJECTS = st.builds(torch.Size, SHAPES) | st.builds(Handle, st.integers(), TEXTS) | st.builds(Code, TEXTS) | OTHERS
PLAIN = st.recursive(
    KEYS | st.floats() | TENSORS | ARRAYS | OBJECTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=12,
)


def same(a, b):
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(map(repr, a)) == list(map(repr, b)) and all(map(same, a.values(), b.values()))
    if isinstance(a, (torch.Tensor, np.ndarray, float)):
        return type(a) is type(b) and equal(a, b)
    return type(a) is type(b) and a == b


@LIMITED
@given(PLAIN)
def test_any_plain_value_arrives_as_it_was(value):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Channel(theirs).send({}, value)
        assert same(Channel(ours).receive(20)[1], value)


# --- what is built to hurt ------------------------------------------------------------------------


def colliding(count):
    """Pairs of numbers whose tuples have one hash: a dict of them costs the square of their number."""
    mask, first, second, third = 2**64 - 1, 11400714785074694791, 14029467366897019727, 2870177450012600261
    inverse, found, n = pow(second, -1, 2**64), [], 0
    while len(found) < count:
        n += 1
        begun = (third + n * second) & mask
        begun = ((begun << 31 | begun >> 33) & mask) * first & mask
        other = (1 << 40) - begun  # all sums are equal, so all that follows is equal
        other = other * inverse & mask
        other = other - 2**64 if other >= 2**63 else other
        if abs(other) < 2**61 - 1 and other != -1:
            found.append((n, other))
    return found


def test_tuples_can_be_made_to_collide():
    assert len({hash(pair) for pair in colliding(100)}) == 1, "else the next test tries nothing"


HURTING = {
    "colliding keys": lambda: ({"dict": [[{"tuple": list(pair)}, 0] for pair in colliding(20_000)]}, b""),
    "numbers along one chain": lambda: ({"dict": [[n << 40, 0] for n in range(200_000)]}, b""),
    "as many parts as fit": lambda: ({"list": [0] * 8_000_000}, b""),
    "empty lists": lambda: ({"list": [[]] * 5_000_000}, b""),
    "empty objects": lambda: ({"list": [{}] * 5_000_000}, b""),
    "views of one tensor": lambda: ({"list": [{"tensor": ["0", [1]]}] * 600_000}, save({"0": torch.ones(1)})),
    "a header of tensors": lambda: (None, save({str(n): torch.ones(0) for n in range(200_000)})),
    "long numbers": lambda: ({"list": [int("9" * 4_000)] * 4_000}, b""),
}


def memory(field):
    """A number of /proc/self/status, in MB."""
    return int(Path("/proc/self/status").read_text().split(f"{field}:")[1].split()[0]) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc to measure with")
@pytest.mark.parametrize("name", HURTING)
def test_reading_takes_bounded_time_and_memory(name):
    value, blob = HURTING[name]()
    text = json.dumps([{}, value], separators=(",", ":")).encode()
    assert len(text) <= protocol.MAX_TEXT and len(blob) <= MAX_BLOB
    del value
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    begun = time.process_time()
    with contextlib.suppress(Exception):
        protocol._decode(text, blob)
    seconds, peak = time.process_time() - begun, memory("VmHWM") - before
    print(f"{name}: {seconds:.2f} s, {peak:.0f} MB")
    assert seconds < 10 and peak < 700


@pytest.mark.parametrize("part", ["[]", "{}", "1", '""', '{"":{}}', "[[]]"])
def test_a_message_of_many_small_parts_is_refused_before_it_is_read(part):
    """Reading it would stop the whole grader for seconds, and with it the clock of every other submission."""
    parts = ",".join([part] * ((protocol.MAX_TEXT - 100) // (len(part) + 1)))
    text = f'[{{"ok": true, "unused": [{parts}]}}, null]'.encode()
    begun = time.process_time()
    with pytest.raises(ValueError, match="brackets and commas"):
        protocol._decode(text, b"")
    assert time.process_time() - begun < 0.5


def nested(depth):
    return [nested(depth - 1)] if depth else []


TOO_LARGE = {
    "many numbers": lambda: [0] * MAX_NODES,
    "many tensors": lambda: [torch.ones(1)] * (MAX_TENSORS + 1),
    "many numbers as keys": lambda: dict.fromkeys(range(MAX_KEYS + 1)),
    "many levels": lambda: nested(30),
    "many empty lists": lambda: [[]] * 900_000,
    "a text of commas": lambda: "," * (2 << 20),
    "a long text": lambda: "x" * (17 << 20),
    "a tensor of meta with a dtype that is not sent": lambda: torch.empty(2, dtype=torch.complex64, device="meta"),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_what_would_be_refused_is_not_sent(ends, name):
    """An honest answer that is too large is a fault of that answer, and no lie of the process."""
    with pytest.raises((ValueError, TypeError)):
        ends[0].send({}, TOO_LARGE[name]())


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
@pytest.mark.parametrize("answer", ["[0] * 2_000_000", "'x' * (17 << 20)", "{n: n for n in range(50_000)}", "nested"])
def test_an_answer_that_is_too_large_costs_its_task_alone(answer):
    nest = "nested = []\nfor _ in range(50): nested = [nested]"
    cell = f"# Task 9.3\n{nest}\ndef reverse(word):\n    return {answer}"
    done = grade_one.grade_notebook(notebook([cell, RIGHT1, RIGHT2]), load_exercise(CHECKS), seed=0)
    assert (done.status, done.points) == ("graded", 3)
    (verdict,) = [verdict for verdict in done.verdicts if verdict.task == "9.3"]
    if answer != "nested":  # what lies too deep stays in the process
        assert "cannot be sent" in verdict.error or "too large" in verdict.error


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
def test_a_notebook_of_more_text_than_a_message_holds_is_told_so():
    done = grade_one.grade_notebook(notebook(["#" * 200_000] * 100), load_exercise(CHECKS), seed=0)
    assert done.status == "unreadable" and "more than 16 MB of text" in done.notes[0]


def test_a_list_that_holds_itself_is_not_sent(ends):
    value = []
    value += [value, value]
    with pytest.raises(ValueError, match="levels"):
        ends[0].send({}, value)


@pytest.mark.parametrize("value", [[0.5] * 500_000, dict.fromkeys(map(str, range(50_000))), [torch.ones(1)] * 5_000])
def test_long_answers_arrive(value):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = threading.Thread(target=lambda: Channel(theirs).send({}, value))
        writer.start()
        assert same(Channel(ours).receive(30)[1], value)
        writer.join()


def test_silence_ends(ends):
    channel, theirs = ends
    theirs.sendall(frame([{}, None])[:20])
    with pytest.raises(Timeout):
        channel.receive(0.2)
