"""YAML, JSON and JSON Lines text to values, strictly, with the line and column of everything in them.

YAML is read by its 1.2 core schema and no further: `no`, `on`, `2026-03-01` and `12:30:45` are strings, and so is
`012` (a postcode, not a number). Duplicate keys, keys that are no strings, tags and `.nan` are refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TypeAlias

from msgspec import Struct

from evalkit.data import Json, Pointer
from evalkit.errors import InputError, Place, Problem
from evalkit.values import excerpt, pointer, read, unbounded

Position: TypeAlias = tuple[int, int | None]
"""Line and column, from 1; a line of JSON Lines is not divided further."""
Marks: TypeAlias = Mapping[Pointer, tuple[Position, Position]]
"""Where the key (or the list item) and where the value at a pointer begin."""


class Document(Struct, frozen=True, kw_only=True):
    """A value as it was read, with the place of everything in it."""

    value: Json
    file: str
    marks: Callable[[], Marks]

    def place(self, path: Pointer = "", *, key: bool = False) -> Place:
        """Where the value at `path` begins (or its key); of the nearest thing around it, if nothing is there."""
        marks = self.marks()
        while path and path not in marks:
            path, key = path.rpartition("/")[0], False
        line, column = marks[path][0 if key else 1] if path in marks else (None, None)
        return Place(file=self.file, line=line, column=column)


def parse(text: str, file: str) -> Document:
    """One value: JSON if the file's name says so, else YAML (of which JSON is nearly a part)."""
    return parse_json(text, file) if file.endswith(".json") else parse_yaml(text, file)


# --------------------------------------------------------------------------- YAML


def parse_yaml(text: str, file: str) -> Document:
    """Raises InputError with a place for everything that is not plain, strict YAML."""
    from evalkit.documents import events  # and the library with it, only where there is YAML

    value, marks = events.read(text, file)
    return Document(value=value, file=file, marks=lambda: marks)


_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_BASED = re.compile(r"0(o[0-7]+|x[0-9a-fA-F]+)\Z")
_TOO_LONG = 10**4300
"""The least number with more digits than Python writes, whatever base it was read in."""
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_JSON = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_WORDS: Mapping[str, Json] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def scalar(text: str) -> Json:
    """What a plain YAML scalar means. Raises ValueError for a number that JSON does not have."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.0123456789":
        return text
    if _BASED.match(text):
        if (whole := int(text, 0)) < _TOO_LONG:
            return whole
        raise ValueError(f"{excerpt(text)} is larger than any number that can be held")
    if _FLOAT.match(text):
        if _INTEGER.match(text) and len(text) <= 4300:
            return int(text)
        number = float(text)
        if math.isfinite(number):
            return number
        raise ValueError(f"{excerpt(text)} is larger than any number JSON can hold")
    if _NOT_JSON.match(text):
        raise ValueError(f"{text} is no JSON number")
    return text


# --------------------------------------------------------------------------- JSON


def parse_json(text: str, file: str) -> Document:
    """Raises InputError with a place for everything that `values.read` refuses, but for size."""
    marks = cache(lambda: {path: (position(text, key), position(text, at)) for path, key, at in _json_marks(text)})
    return Document(value=_json(text, file), file=file, marks=marks)


def parse_lines(lines: Iterable[str], file: str, problems: list[Problem]) -> Iterator[Document]:
    """A document for each line of JSON Lines that is not blank; what is wrong with a line joins `problems`."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = _json(line, file, number)
        except InputError as error:
            problems += error.problems
        else:
            yield Document(value=value, file=file, marks=_on_line(number))


def _on_line(number: int) -> Callable[[], Marks]:
    position = (number, None)
    return lambda: {"": (position, position)}


def _json(text: str, file: str, line: int | None = None) -> Json:
    """The value of a JSON text; `line` where it is one line of a file."""
    reading = read(text, max_chars=max(len(text), 1))
    if reading.error is None:
        return reading.value
    located = reading.error in ("json.duplicate_key", "json.nan")  # whose offset the reader does not know
    offset = _offence(text, reading.error) if located else reading.offset
    row, column = position(text, offset) if offset is not None else (1, None)
    message = reading.message if text.strip() else "there is no value"
    place = Place(file=file, line=row if line is None else line, column=column)
    raise InputError(Problem(what=f"not JSON: {message}", place=place))


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[][{},:]|[^][{},:"\s]+')


def _json_marks(text: str) -> Iterator[tuple[Pointer, int, int]]:
    """(pointer, offset of the key, offset of the value) in the order of the text, as far as the text is JSON."""
    open_: list[tuple[Pointer, bool]] = []  # pointer and whether it is an object, of what is not closed yet
    items: list[int] = []  # how many items each has had
    path, key_at, wants_key = "", 0, False
    for match in _TOKEN.finditer(text):
        token, at = match.group(), match.start()
        if token in "]}":
            open_.pop()
            items.pop()
            wants_key = False
        elif token == ",":
            items[-1] += 1
            wants_key = open_[-1][1]
        elif wants_key:
            path, key_at, wants_key = open_[-1][0] + pointer(json.loads(token)), at, False
        elif token != ":":
            if open_ and not open_[-1][1]:
                path, key_at = f"{open_[-1][0]}/{items[-1]}", at
            yield path, key_at if open_ else at, at
            if token in "[{":
                open_.append((path, token == "{"))
                items.append(0)
                wants_key = token == "{"


def _offence(text: str, code: str) -> int | None:
    """Offset of the first key that stands twice, or of the first number JSON does not have."""
    seen: set[Pointer] = set()
    for path, key_at, at in _json_marks(text):
        if code == "json.duplicate_key" and path in seen:
            return key_at
        if code == "json.nan" and (token := _TOKEN.match(text, at)) and unbounded(token.group()):
            return at
        seen.add(path)
    return None


def position(text: str, offset: int) -> Position:
    """Line and column of a character."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
