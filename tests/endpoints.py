"""A loopback endpoint that sends exactly the bytes a test wants, when it wants them, and remembers what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct, field


class Reply(Struct, frozen=True, kw_only=True):
    chunks: tuple[bytes, ...] = ()
    status: int = 200
    content_type: str | None = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0
    """Seconds before each chunk after the first."""
    missing: int = 0
    """Bytes announced and never sent; the connection is closed instead."""
    cut: bool = False
    """Close without the last, empty chunk."""
    silent: bool = False
    """Say nothing and hold the line."""


class Received(Struct, frozen=True, kw_only=True):
    path: str
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class Endpoint(Struct, kw_only=True):
    url: str
    received: list[Received] = field(default_factory=list)
    open: int = 0
    """Connections that are open now."""
    opened: int = 0

    async def is_idle(self) -> bool:
        """True once no connection is open; False if one still is after two seconds."""
        for _ in range(200):
            if not self.open:
                return True
            await asyncio.sleep(0.01)
        return False


@asynccontextmanager
async def serving(answer: Reply | Callable[[Received], Reply]) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(url="")
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        endpoint.open += 1
        endpoint.opened += 1
        try:
            while (received := await _receive(reader, writer)) is not None:
                endpoint.received.append(received)
                reply = answer(received) if callable(answer) else answer
                if not await _send(reply, reader, writer):
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            endpoint.open -= 1
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    endpoint.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield endpoint
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Received | None:
    try:
        first = await reader.readexactly(1)
        if not first.isalpha():  # TLS, say: answered in the clear, as web servers do
            writer.write(b"HTTP/1.1 400 X\r\n\r\n")
            return None
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    request, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(path=request.split()[1], headers=headers, text=body.decode())


async def _send(reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """False if the connection is to be closed."""
    if reply.silent:
        await reader.read()  # until the other side hangs up
        return False
    whole = not reply.pause and not reply.cut
    headers = dict(reply.headers)
    if reply.content_type is not None:
        headers["Content-Type"] = reply.content_type
    if whole:
        headers["Content-Length"] = str(sum(map(len, reply.chunks)) + reply.missing)
    else:
        headers["Transfer-Encoding"] = "chunked"
    lines = [f"HTTP/1.1 {reply.status} X", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    for index, chunk in enumerate(reply.chunks):
        if index and reply.pause and await _hung_up(reader, reply.pause):
            return False
        writer.write(chunk if whole else b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await writer.drain()
    if reply.cut or reply.missing:
        return False
    if not whole:
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    return True


async def _hung_up(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Wait so long, or until the other side closes."""
    try:
        return await asyncio.wait_for(reader.read(1), seconds) == b""
    except TimeoutError:
        return False


def events(*bodies: Any, done: bool = True) -> tuple[bytes, ...]:
    """Server-sent events, one chunk each."""
    chunks = tuple(f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode() for body in bodies)
    return (*chunks, b"data: [DONE]\n\n") if done else chunks
