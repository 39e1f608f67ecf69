"""Amazon's event stream: binary messages to lines of JSON, as they arrive, and lines of JSON to messages.

A line is the message's type over its payload: {"contentBlockDelta": {...}}. Nothing else is in a message but framing
and checksums. A message that the far side sends instead of an event, an exception, is a line of its own type.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from struct import Struct
from zlib import crc32

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PRELUDE = Struct(">III")  # length of the message, length of its headers, checksum of both
_CHECKSUM = Struct(">I")
_LENGTH = Struct(">H")
_TEXT = 7
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Type of a header's value -> its size; 6 and 7, bytes and text, say theirs."""
_LARGEST = 24 * 1024 * 1024


class Decoder:
    """Bytes in, text out, a line for each message that is complete."""

    def __init__(self) -> None:
        self._pending = b""

    def decode(self, chunk: bytes, final: bool = False) -> str:
        """Lines of the messages that end in `chunk`. What is left at the end was cut off, and is dropped.

        Raises ValueError where the bytes are no event stream.
        """
        self._pending += chunk
        lines = []
        while len(self._pending) >= _PRELUDE.size:
            length, _, checksum = _PRELUDE.unpack_from(self._pending)
            if checksum != crc32(self._pending[:8]) or not _PRELUDE.size + _CHECKSUM.size <= length <= _LARGEST:
                raise ValueError("the bytes are no event stream")
            if len(self._pending) < length:
                break
            lines.append(_line(self._pending[:length]))
            self._pending = self._pending[length:]
        return "".join(lines)


def encode(text: str) -> bytes:
    """The messages of lines such as `Decoder` gives. Raises ValueError for a line that is no such object."""
    return b"".join(_message(line) for line in text.split("\n") if line.strip())


# --------------------------------------------------------------------------- one message


def _line(message: bytes) -> str:
    _, size, _ = _PRELUDE.unpack_from(message)
    end = len(message) - _CHECKSUM.size
    if _CHECKSUM.unpack_from(message, end)[0] != crc32(message[:end]):
        raise ValueError("a message of the event stream is damaged")
    start = _PRELUDE.size + size
    headers = dict(_headers(message[_PRELUDE.size : start]))
    kind = headers.get(":event-type") or headers.get(":exception-type") or headers.get(":error-code") or ""
    payload = message[start:end].decode("utf-8", "replace")
    if headers.get(":message-type") == "error":
        payload = json.dumps({"message": headers.get(":error-message", "")})
    return f"{{{json.dumps(kind)}:{_on_one_line(payload)}}}\n"


def _on_one_line(payload: str) -> str:
    """JSON stays as it is; whatever else stands there becomes a string."""
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        return json.dumps(payload)
    return " ".join(payload.splitlines()) if "\n" in payload else payload


def _headers(block: bytes) -> Iterator[tuple[str, str]]:
    """Those that are text."""
    at = 0
    while at < len(block):
        name = block[at + 1 : at + 1 + block[at]].decode("utf-8", "replace")
        at += 1 + block[at]
        kind = block[at] if at < len(block) else -1
        size, skip = _SIZES.get(kind), 1
        if size is None:
            if kind not in (6, _TEXT) or at + 3 > len(block):
                raise ValueError("a header of the event stream is damaged")
            (size,), skip = _LENGTH.unpack_from(block, at + 1), 3
        at += skip
        if kind == _TEXT:
            yield name, block[at : at + size].decode("utf-8", "replace")
        at += size


def _message(line: str) -> bytes:
    event = json.loads(line)
    if not isinstance(event, dict) or len(event) != 1:
        raise ValueError("a line holds one event, under its type")
    [(kind, payload)] = event.items()
    sort = "exception" if kind.endswith("Exception") else "event"
    headers = b"".join(
        _header(name, value)
        for name, value in (
            (f":{sort}-type", kind),
            (":content-type", "application/json"),
            (":message-type", sort),
        )
    )
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    length = _PRELUDE.size + len(headers) + len(body) + _CHECKSUM.size
    prelude = Struct(">II").pack(length, len(headers))
    message = prelude + _CHECKSUM.pack(crc32(prelude)) + headers + body
    return message + _CHECKSUM.pack(crc32(message))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return bytes([len(key)]) + key + bytes([_TEXT]) + _LENGTH.pack(len(text)) + text
