"""How calls are written where they stand in the text: a JSON array of {"name", "arguments"}, bare or under `calls`.

A text that does not begin as the notation does holds no call. One that does is read strictly, as a whole: prose behind
it, a code fence around it or a comma too many makes every call in it unreadable, as it would for an application.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from evalkit import locate, values
from evalkit.data import Json, Payload, Pointer


class Notation(NamedTuple):
    """One way of writing calls down."""

    begins: re.Pattern[str]
    """Matches a text that is meant to hold calls, in a code fence or not."""
    calls: Pointer
    """Where in the JSON value the list of calls stands."""
    example: str


_FENCE = r"\s*+(?:```\w*+\s*+)?+"
_ONE = '{"name": "NAME", "arguments": {...}}'
BARE = Notation(re.compile(_FENCE + r"(?P<json>\[\s*+[{\]])"), "", f"[{_ONE}]")
UNDER_CALLS = Notation(re.compile(_FENCE + r'(?P<json>\{\s*+"calls"\s*+:\s*+\[)'), "/calls", f'{{"calls": [{_ONE}]}}')

_DECODER = json.JSONDecoder()
_NAME = re.compile(r'"name"\s*+:\s*+("(?:[^"\\]++|\\.)*+")')


def write(calls: Sequence[tuple[str, Json]], notation: Notation) -> str:
    """`calls`, (tool, argument text) each, as one text. What an argument text holds is not looked at."""
    written = ", ".join(f'{{"name": {json.dumps(tool)}, "arguments": {_text(text)}}}' for tool, text in calls)
    return f'{{"calls": [{written}]}}' if notation.calls else f"[{written}]"


def _text(arguments: Json) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def read(text: str, notation: Notation) -> tuple[Payload, ...]:
    """The calls in `text`, their arguments character for character. Nothing is repaired.

    Where the text as a whole is not readable, its calls are named as far as they can be told apart, and each has the
    error of the whole.
    """
    begins = notation.begins.match(text)
    if begins is None:
        return ()
    reading = values.read(text)
    if reading.error is None:
        return tuple(_payloads(text, values.at(reading.value, notation.calls), notation))
    found = _told_apart(text, begins.start("json"), notation)
    if found is None:
        name = _NAME.search(text)
        found = (Payload(index=0, tool=_string(name[1]) if name else "", text=text),)
    return tuple(replace(payload, value=None, error=reading.error) for payload in found)


def _payloads(text: str, calls: Json, notation: Notation) -> Iterator[Payload]:
    for index, call in enumerate(calls):
        place = f"{notation.calls}/{index}"
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            yield Payload(index=index, tool="", text=_at(text, place), value=call)
        elif "arguments" not in call:
            yield Payload(index=index, tool=call["name"], text="", error="json.syntax")
        else:
            own = _at(text, f"{place}/arguments")
            yield Payload(index=index, tool=call["name"], text=own, value=call["arguments"])


def _told_apart(text: str, start: int, notation: Notation) -> tuple[Payload, ...] | None:
    """The calls of a text of which only a part is JSON; None if no part is."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    calls = values.at(value, notation.calls)
    return tuple(_payloads(text[start:end], calls, notation)) if isinstance(calls, list) else None


def _at(text: str, place: Pointer) -> str:
    start, end = locate.value(text, place) or (0, len(text))
    return text[start:end]


def _string(quoted: str) -> str:
    reading = values.read(quoted)
    return str(reading.value) if reading.error is None else quoted
