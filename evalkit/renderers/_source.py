"""JSON as text on a page: laid out to be read, and cut where something in it is marked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from evalkit import locate
from evalkit.data import Drilldown, Json


class Segment(NamedTuple):
    """A stretch of a payload: unmarked if `codes` is empty. An empty text marks a gap."""

    text: str
    codes: Sequence[str]


def marked(call: Mapping[str, Json]) -> list[Segment]:
    """A payload's text cut at its marks."""
    text, marks = call["text"], call["marks"]
    cuts = sorted({0, len(text), *(place for start, end, _ in marks for place in (start, end))})
    segments: list[Segment] = []
    for start, end in zip(cuts, [*cuts[1:], None], strict=True):
        if gaps := [code for a, b, code in marks if a == b == start]:
            segments.append(Segment("", gaps))
        if end is not None:
            segments.append(Segment(text[start:end], [code for a, b, code in marks if a <= start and end <= b]))
    return segments


def pretty(value: Json, width: int = 84) -> str:
    """JSON with as few lines as fit: what is short stands on one."""
    return "\n".join(_lines(value, 0, width))


def _lines(value: Json, indent: int, width: int) -> Iterator[str]:
    short = json.dumps(value, ensure_ascii=False)
    if len(short) + indent <= width or not isinstance(value, dict | list) or not value:
        yield " " * indent + short
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield " " * indent + opening
    members = list(value.items()) if isinstance(value, dict) else [(None, item) for item in value]
    for place, (key, item) in enumerate(members):
        lines = list(_lines(item, indent + 2, width))
        if key is not None:
            name = json.dumps(key, ensure_ascii=False)
            lines = [f"{' ' * (indent + 2)}{name}: {lines[0].lstrip()}", *lines[1:]]
        if place < len(members) - 1:
            lines[-1] += ","
        yield from lines
    yield " " * indent + closing


class Declared(NamedTuple):
    """A schema as text, cut at the keywords that an answer violates."""

    segments: Sequence[Segment]
    codes: Sequence[str]


def declared(schema: Json, tool: str, case: Drilldown) -> Declared:
    """The schema of `tool`, with what the answers of either side violate marked."""
    text = pretty(schema)
    flaws = [
        flaw
        for side in case.sides
        for answer in (side, *side["others"])
        for flaw in answer["violations"]
        if flaw["tool"] == tool and flaw["schema_path"]
    ]
    places = [(locate.member(text, flaw["schema_path"]), flaw["code"]) for flaw in flaws]
    marks = sorted({(*span, code) for span, code in places if span is not None})
    return Declared(marked({"text": text, "marks": marks}), list(dict.fromkeys(code for _, _, code in marks)))
