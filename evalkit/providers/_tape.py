"""Records one answer as it arrives: its text, the arrival of every chunk, its status and harmless headers."""

from __future__ import annotations

import codecs
from bisect import bisect_left
from collections.abc import Collection, Mapping
from functools import partial
from time import perf_counter

from msgspec.structs import replace

from evalkit import eventstream, plugins
from evalkit.data import Timing, Wire
from evalkit.errors import ProviderError

MAX_BYTES = 64 * 1024 * 1024
"""No answer to a tool call is longer; an endpoint that never stops must not fill the memory."""

_KEPT = frozenset(
    {
        "content-type",
        "date",
        "openai-processing-ms",
        "request-id",
        "retry-after",
        "retry-after-ms",
        "x-request-id",
    }
)
_KEPT_PREFIXES = ("x-ratelimit-", "anthropic-ratelimit-", "ratelimit-")
_STREAMS = frozenset({"text/event-stream", "application/x-ndjson", eventstream.CONTENT_TYPE})

_utf8 = partial(codecs.getincrementaldecoder("utf-8"), "replace")


class Tape:
    """Seconds count from the making of the tape, which is the moment the request is sent."""

    def __init__(self) -> None:
        self._sent = perf_counter()
        self._decoder: codecs.IncrementalDecoder | eventstream.Decoder = _utf8()
        self._parts: list[str] = []
        self._arrivals: list[tuple[int, float]] = []
        self._characters = 0
        self._bytes = 0
        self.status: int | None = None
        """None until the first line of the answer is here."""
        self.headers: Mapping[str, str] = {}
        """All of them, by lower-case name; `wire` keeps the harmless ones."""
        self.content_type = ""
        """In lower case, without what follows the semicolon."""

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.content_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if self.content_type == eventstream.CONTENT_TYPE:
            self._decoder = eventstream.Decoder()

    def add(self, chunk: bytes) -> None:
        """Raises ProviderError where the answer grows beyond MAX_BYTES, or is not what it says it is."""
        self._bytes += len(chunk)
        if self._bytes > MAX_BYTES:
            raise ProviderError("server", f"the answer is longer than {MAX_BYTES:,} bytes", status=self.status)
        try:
            self._take(self._decoder.decode(chunk))
        except ValueError as error:
            raise ProviderError("server", str(error), status=self.status, retryable=True) from error

    def wire(self) -> Wire:
        """What was recorded. Bytes that are no UTF-8 stand as U+FFFD, a binary stream as `eventstream` writes it."""
        rest = self._decoder.decode(b"", final=True)
        if rest:
            self._take(rest)
        return Wire(
            status=self.status or 0,
            headers={name: value for name, value in self.headers.items() if _harmless(name)},
            body="".join(self._parts),
            stream=self.content_type in _STREAMS,
            arrivals=tuple(self._arrivals),
        )

    def left(self, secrets: Collection[str] = ()) -> Wire | None:
        """What there is of an answer that failed, with keys struck out; None: nothing came."""
        if self.status is None:
            return None
        try:
            wire = self.wire()
        except ValueError:  # the rest is no event stream, and the failure
            wire = Wire(status=self.status, body="".join(self._parts))
        body = wire.body
        for secret in secrets:
            body = body.replace(secret, "***")
        return replace(wire, body=body)

    def _take(self, text: str) -> None:
        self._parts.append(text)
        self._characters += len(text)
        self._arrivals.append((self._characters, perf_counter() - self._sent))


def _harmless(name: str) -> bool:
    return name in _KEPT or name.startswith(_KEPT_PREFIXES)


def timing(wire: Wire, dialect: str) -> Timing:
    """When what arrived. Of an answer that was not streamed only the total can be seen.

    Raises ProviderError where the stream holds an error instead of an answer.
    """
    total = wire.arrivals[-1][1] if wire.arrivals else None
    find = getattr(plugins.dialect(dialect), "marks", None)
    if not wire.stream or find is None:
        return Timing(total=total)
    first_token, first_call, arguments = (_moment(wire, offset) for offset in find(wire))
    return Timing(
        first_byte=wire.arrivals[0][1] if wire.arrivals else None,
        first_token=first_token,
        first_call_byte=first_call,
        arguments_done=arguments,
        total=total,
    )


def _moment(wire: Wire, offset: int | None) -> float | None:
    """Seconds at which the body had arrived up to `offset`."""
    if offset is None or not wire.arrivals:
        return None
    chunk = bisect_left(wire.arrivals, offset, key=lambda arrival: arrival[0])
    return wire.arrivals[min(chunk, len(wire.arrivals) - 1)][1]
