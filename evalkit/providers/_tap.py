"""Listens below a client library: records what its httpx transports send and receive, as it crosses the network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial, wraps

import httpx

from evalkit import plugins
from evalkit.data import FaultKind, Usage
from evalkit.errors import ProviderError
from evalkit.providers._tape import Tape

FAULTS: Mapping[type[BaseException], tuple[FaultKind, bool]] = {
    httpx.HTTPError: ("network", False),
    httpx.TimeoutException: ("timeout", True),
    httpx.NetworkError: ("network", True),
    httpx.RemoteProtocolError: ("network", True),
    httpx.DecodingError: ("server", False),
    httpx.UnsupportedProtocol: ("bad_request", False),
    httpx.TooManyRedirects: ("bad_request", False),
    httpx.InvalidURL: ("bad_request", False),
}
"""Kind of fault, and whether another attempt may succeed. The nearest class in the exception's ancestry counts."""

_ASKED: Mapping[str, str] = {"/messages": "anthropic", "enerateContent": "gemini", "/responses": "openai_responses"}
"""Part of a path -> the dialect that is spoken there."""

Failure = httpx.HTTPError | httpx.InvalidURL | ProviderError


class SecondAttempt(httpx.HTTPError):
    """A library tried again by itself. Attempts are ours to make and to count."""


class Exchange:
    """What left, and what came back. Of several requests (a token first, then the question) the last."""

    def __init__(self) -> None:
        self.url: str | None = None
        """None: nothing was sent."""
        self.sent = b""
        self.headers: Mapping[str, str] = {}
        self.tape = Tape()
        self.failure: Failure | None = None
        self.transports: set[httpx.AsyncBaseTransport] = set()
        self._rest: AsyncIterator[bytes] | None = None

    async def carry(
        self, request: httpx.Request, send: Callable[[httpx.Request], Awaitable[httpx.Response]]
    ) -> httpx.Response:
        """Send `request`, with everything recorded. Raises SecondAttempt where it is one."""
        url = str(request.url)
        if url == self.url:
            stopped = SecondAttempt(f"a second attempt at {request.url.path} was not sent")
            stopped.request = request
            raise stopped
        self.url, self.sent, self.failure = url, await request.aread(), None
        self.headers = dict(request.headers)
        request.headers["accept-encoding"] = "identity"  # bytes that can be read as they come
        self.tape = Tape()
        try:
            response = await send(request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self.failure = error
            raise
        self.tape.begin(response.status_code, response.headers)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self._rest = aiter(response.stream)
        response.stream = _Overheard(response.stream, self)
        return response

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Whoever stops in the middle leaves the rest for `hear_out`."""
        if self._rest is None:
            return
        try:
            async for chunk in self._rest:
                self.tape.add(chunk)
                yield chunk
        except (httpx.HTTPError, ProviderError) as error:
            self.failure = error
            raise
        self._rest = None

    async def hear_out(self) -> None:
        """Record what the library left unread: it stops at errors of its own, the endpoint does not."""
        task = asyncio.current_task()
        given_up = task is not None and task.cancelling()
        if self._rest is not None and self.failure is None and not given_up:
            with suppress(httpx.HTTPError, ProviderError):
                async for _ in self.chunks():
                    pass

    def end(self) -> None:
        """Listen no longer."""
        self._rest = None


class _Rehearsal(Exchange):
    """Nothing leaves; what comes is an answer of the format that is asked for, as far as that shows in the path."""

    async def carry(
        self, request: httpx.Request, send: Callable[[httpx.Request], Awaitable[httpx.Response]]
    ) -> httpx.Response:
        path = request.url.path
        dialect = next((name for part, name in _ASKED.items() if part in path), "openai_chat")
        stream = "stream" in path or b'"stream":true' in (await request.aread()).replace(b" ", b"")
        usage = Usage(input_tokens=1, output_tokens=1)
        answer = plugins.dialect(dialect).write([("f", "{}")], "", model="m", usage=usage, stream=stream)
        sort = "text/event-stream" if stream else "application/json"
        return httpx.Response(200, headers={"content-type": sort}, content=answer.encode(), request=request)


class _Overheard(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, exchange: Exchange) -> None:
        self._stream = stream
        self._exchange = exchange

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._exchange.chunks()

    async def aclose(self) -> None:
        await self._exchange.hear_out()
        await self._stream.aclose()


_ON: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


@contextmanager
def recording(*, rehearsal: bool = False) -> Iterator[Exchange]:
    """Record what the current task, and every task it starts, exchanges over a tapped transport.

    In a rehearsal nothing crosses it.
    """
    exchange = _Rehearsal() if rehearsal else Exchange()
    token = _ON.set(exchange)
    try:
        yield exchange
    finally:
        exchange.end()
        _ON.reset(token)


def tap(transport: type[httpx.AsyncBaseTransport]) -> None:
    """Make every instance of a transport class recordable, whoever makes it. Outside of `recording` nothing changes."""
    original = transport.handle_async_request
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    async def handle_async_request(self: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
        exchange = _ON.get()
        if exchange is None:
            return await original(self, request)
        exchange.transports.add(self)
        return await exchange.carry(request, partial(original, self))

    transport.handle_async_request = handle_async_request  # type: ignore[method-assign]
