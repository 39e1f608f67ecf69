"""Amazon's event stream, held against Amazon's own reader of it."""

from __future__ import annotations

import json
import struct
from typing import Any
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from evalkit import eventstream

texts = st.text(st.characters(codec="utf-8"), max_size=30)
events = st.builds(
    lambda kind, payload: {kind: payload},
    st.sampled_from(["messageStart", "contentBlockDelta", "metadata", "throttlingException"]),
    st.dictionaries(texts, texts | st.integers() | st.lists(texts, max_size=2), max_size=3),
)


def written(sent: list[Any]) -> str:
    return "".join(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n" for event in sent)


@given(st.lists(events, max_size=5))
def test_amazons_own_reader_reads_what_is_written(sent: list[Any]) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.encode(written(sent)))
    read = []
    for message in buffer:
        [kind] = [value for name, value in message.headers.items() if name.endswith(("event-type", "exception-type"))]
        read.append({kind: json.loads(message.payload)})
    assert read == sent


@given(st.lists(events, max_size=5), st.integers(1, 200))
def test_what_is_written_is_read_back_however_it_is_cut(sent: list[Any], size: int) -> None:
    stream = eventstream.encode(written(sent))
    decoder = eventstream.Decoder()
    pieces = [decoder.decode(stream[at : at + size]) for at in range(0, len(stream), size)]
    assert "".join(pieces) + decoder.decode(b"", final=True) == written(sent)
    assert all(piece.endswith("\n") for piece in pieces if piece)


def test_a_message_that_is_cut_off_is_no_line() -> None:
    stream = eventstream.encode('{"messageStart":{}}\n{"messageStop":{}}')
    for end in range(len(stream)):
        assert eventstream.Decoder().decode(stream[:end], final=True) in ("", '{"messageStart":{}}\n')


def message(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    head = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return head + struct.pack(">I", crc32(head))


def header(name: bytes, kind: int, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([kind]) + value


def text(name: bytes, value: bytes) -> bytes:
    return header(name, 7, struct.pack(">H", len(value)) + value)


def test_headers_of_every_type_are_passed_over() -> None:
    odd = b"".join(
        header(b"x", kind, bytes(size)) for kind, size in {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}.items()
    )
    odd += header(b"x", 6, b"\x00\x03abc")
    line = eventstream.Decoder().decode(message(odd + text(b":event-type", b"metadata"), b'{\n"a": 1}'))
    assert line == '{"metadata":{ "a": 1}}\n'


def test_an_error_without_a_payload_says_what_it_has_in_its_headers() -> None:
    said = text(b":message-type", b"error") + text(b":error-code", b"InternalFailure") + text(b":error-message", b"No.")
    assert eventstream.Decoder().decode(message(said, b"")) == '{"InternalFailure":{"message": "No."}}\n'


def test_a_payload_that_is_no_json_is_kept_as_text() -> None:
    line = eventstream.Decoder().decode(message(text(b":event-type", b"chunk"), b"oops"))
    assert line == '{"chunk":"oops"}\n'


@pytest.mark.parametrize("at", [0, 5, 9, 20, 40, -1])
def test_damage_is_seen(at: int) -> None:
    stream = bytearray(eventstream.encode('{"messageStart":{"role":"assistant"}}'))
    stream[at] ^= 0xFF
    with pytest.raises(ValueError, match="event stream"):
        eventstream.Decoder().decode(bytes(stream))


@pytest.mark.parametrize("block", [b"\x01a", b"\x01a\x07\x00", b"\x01a\x63"])
def test_damaged_headers_are_seen(block: bytes) -> None:
    with pytest.raises(ValueError, match="header"):
        eventstream.Decoder().decode(message(block, b""))


@pytest.mark.parametrize("line", ["[]", "{}", '{"a":1,"b":2}', "oops"])
def test_a_line_that_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        eventstream.encode(line)
