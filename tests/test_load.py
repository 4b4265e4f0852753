"""The clients of lecture 6, section 9.3, against a server that answers after a known time."""

import asyncio

import pytest

from lecture_utils.load import put_under_load


async def measure(n_clients: int, statuses: list[str]):
    """Answer the requests of each connection after 0.05 s each, with these statuses in turn."""
    bodies = []

    async def serve(reader, writer):
        number = 0
        while head := await reader.readuntil(b"\r\n\r\n"):
            assert head.startswith(b"POST /predict HTTP/1.1\r\n")
            bodies.append(await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])))
            await asyncio.sleep(0.05)
            status = statuses[number % len(statuses)]
            writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok".encode())
            number += 1

    async def ignore_the_end(reader, writer):
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(ignore_the_end, "127.0.0.1")
    async with server:
        port = server.sockets[0].getsockname()[1]
        measured = await put_under_load(f"http://127.0.0.1:{port}", b"a picture", n_clients, seconds=0.5)
    return *measured, bodies


@pytest.mark.parametrize("n_clients", [1, 4])
def test_each_client_waits_for_its_answer(n_clients):
    latencies, throughput, bodies = asyncio.run(measure(n_clients, ["200 OK"]))
    assert set(bodies) == {b"a picture"} and len(bodies) == len(latencies)
    assert latencies.min() >= 0.05 and n_clients <= len(latencies) <= 11 * n_clients
    assert throughput <= n_clients / 0.05
    assert throughput == pytest.approx(n_clients / latencies.mean().item(), rel=0.2), "Little's law"


def test_only_answers_with_200_count():
    latencies, _, bodies = asyncio.run(measure(1, ["503 Service Unavailable", "200 OK"]))
    assert len(latencies) == len(bodies) // 2
