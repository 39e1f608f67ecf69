"""Where in a JSON text something stands: exact character spans, so that a reader can be shown the place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from evalkit import values
from evalkit.data import Pointer

Span = tuple[int, int]
"""Start and end in code points; start == end marks a place between two characters, or the end of the text."""


class Node(NamedTuple):
    """A value and, in an object, the key before it."""

    key_start: int
    start: int
    end: int


# Only used to step over values: big integers stay text, because Python refuses to convert very long ones.
_DECODER = json.JSONDecoder(parse_int=str)
_BLANK = re.compile(r"[ \t\n\r]*")
_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]++|\\.)*+")(?P<key>\s*:)?|[\[\]{}]|(?P<number>-?Infinity|NaN|-?\d[\d.eE+-]*)', re.DOTALL
)


def value(text: str, path: Pointer) -> Span | None:
    """The value at `path`, or None if the text is no JSON or has nothing there."""
    nodes = _descend(text, path)
    return (nodes[-1].start, nodes[-1].end) if _complete(nodes, path) else None


def member(text: str, path: Pointer) -> Span | None:
    """As `value`, with the key of an object's member."""
    nodes = _descend(text, path)
    return (nodes[-1].key_start, nodes[-1].end) if _complete(nodes, path) else None


def nearest(text: str, path: Pointer) -> Span | None:
    """The deepest value on the way to `path`: the object that lacks an argument, say."""
    nodes = _descend(text, path)
    return (nodes[-1].start, nodes[-1].end) if nodes else None


def offence(text: str) -> Span | None:
    """What makes `text` unreadable for `values.read`; None if nothing does, or if no one place does."""
    reading = values.read(text)
    if reading.error is None or reading.error == "json.too_large":
        return None
    if reading.offset is None:
        return _find(text, reading.error)
    start = min(reading.offset, len(text))
    if reading.error == "json.fenced":
        return start, start + len(text[start:].split("\n", 1)[0])
    if reading.error == "json.syntax" and not reading.message.startswith("Unterminated string"):
        return start, min(start + 1, len(text))
    return start, len(text)


def _complete(nodes: list[Node], path: Pointer) -> bool:
    return len(nodes) == len(values.tokens(path)) + 1


def _descend(text: str, path: Pointer) -> list[Node]:
    """The values on the way to `path`, from the whole one down, as far as they are there."""
    nodes: list[Node] = []
    try:
        start = _skip(text, 0)
        nodes.append(Node(start, start, _end(text, start)))
        for token in values.tokens(path):
            # The last of equal keys counts, as it does for every reader that lets them pass.
            found = [node for name, node in _children(text, nodes[-1].start) if name == token]
            if not found:
                break
            nodes.append(found[-1])
    except (ValueError, RecursionError):
        return []
    return nodes


def _children(text: str, start: int) -> Iterator[tuple[str, Node]]:
    """(key or index, node) of each child of the container that begins at `start`; none for a scalar."""
    opening = text[start]
    if opening not in "[{":
        return
    index, place = 0, _skip(text, start + 1)
    while text[place] not in "]}":
        name, key_start = str(index), place
        if opening == "{":
            name, place = _DECODER.raw_decode(text, place)
            place = _skip(text, _skip(text, place) + 1)
        end = _end(text, place)
        yield name, Node(key_start, place, end)
        place = _skip(text, end)
        if text[place] == ",":
            place = _skip(text, place + 1)
        index += 1


def _end(text: str, start: int) -> int:
    end: int = _DECODER.raw_decode(text, start)[1]
    return end


def _skip(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return found.end() if found else place


def _find(text: str, code: str) -> Span | None:
    """The first token that deserves `code`, for the findings that come without an offset."""
    keys: list[set[str]] = []
    for token in _TOKEN.finditer(text):
        if token["number"] and code == "json.nan" and values.unbounded(token["number"]):
            return token.span()
        if token["key"] and keys:
            if code == "json.duplicate_key" and token["string"] in keys[-1]:
                return token.span("string")
            keys[-1].add(token["string"])
        elif token[0] in "[{":
            keys.append(set())
            if code == "json.too_deep" and len(keys) > values.MAX_DEPTH:
                return token.span()
        elif token[0] in "]}" and keys:
            keys.pop()
    return None
