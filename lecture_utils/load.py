"""Put a web app under load; HTTP is written by hand, since a client's library would work as hard as the app.

Used in lecture 6, section 9.3.
"""

import asyncio
import time
from urllib.parse import urlsplit

import torch


async def _client(url: str, request: bytes, deadline: float, latencies: list[float]) -> None:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    while (start := time.perf_counter()) < deadline:
        writer.write(request)
        headers = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(headers.split(b"content-length: ")[1].split(b"\r\n")[0]))
        if headers.startswith(b"HTTP/1.1 200"):
            latencies.append(time.perf_counter() - start)
    writer.close()


async def put_under_load(url: str, picture: bytes, n_clients: int, seconds: float = 1.0) -> tuple[torch.Tensor, float]:
    """Let clients send a picture to ``/predict`` again and again; each waits for its answer before it sends the next.

    Args:
        url: of the app, such as ``http://127.0.0.1:8000``.
        picture: the picture's file.
        n_clients: how many clients send at the same time.
        seconds: how long they begin new requests.

    Returns:
        The latency of each answer with status 200 in seconds, and the number of such answers per second.
    """
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(picture)}\r\n\r\n"
    latencies: list[float] = []
    start = time.perf_counter()
    request = head.encode() + picture
    await asyncio.gather(*(_client(url, request, start + seconds, latencies) for _ in range(n_clients)))
    return torch.tensor(latencies), len(latencies) / (time.perf_counter() - start)
