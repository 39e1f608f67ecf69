"""The lexical model: word overlap and regular expressions, no learning. A suite must be harder than this."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from random import Random

from evalkit.data import Case, Json, ToolSpec
from evalkit.reference import _dates
from evalkit.reference._prompt import Reader, stems
from evalkit.reference.oracle import NO_CALL, as_text
from evalkit.reference.places import under
from evalkit.reference.said import Said
from evalkit.values import pointer

_THRESHOLD = 1.0
"""Overlap below which nothing is called: less than one word that no other tool has."""
_NAME_WEIGHT = 2.0


def say(case: Case, specs: Sequence[ToolSpec], random: Random) -> Said:
    """At most one call: of the tool that shares most with the last user message, if it shares enough."""
    prompt = _last_user_message(case)
    overlap = _overlaps(prompt, specs)
    best = max(range(len(specs)), key=lambda index: overlap[index], default=None)
    if best is None or overlap[best] < _THRESHOLD:
        return Said(text=NO_CALL)
    spec = specs[best]
    system = " ".join(_content(m) for m in case.messages if m.get("role") == "system")
    arguments = Reader(prompt, _dates.today(system)).arguments(spec.schema)
    return Said(calls=((spec.name, as_text(arguments)),))


def _last_user_message(case: Case) -> str:
    return next((_content(m) for m in reversed(case.messages) if m.get("role") == "user"), "")


def _content(message: Mapping[str, Json]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(str(part["text"]) for part in parts if isinstance(part, Mapping) and "text" in part)


# --------------------------------------------------------------------------- which tool


def _overlaps(prompt: str, specs: Sequence[ToolSpec]) -> list[float]:
    """For each tool the words it shares with the prompt; a word counts less the more tools have it."""
    asked = stems(prompt)
    names = [stems(spec.name) for spec in specs]
    known = [
        name | stems(spec.description) | stems(" ".join(_spoken(spec.schema)))
        for name, spec in zip(names, specs, strict=True)
    ]

    def weight(word: str) -> float:
        return 1 / (1 + math.log(sum(word in words for words in known)))

    return [
        sum(weight(word) * (_NAME_WEIGHT if word in name else 1.0) for word in sorted(asked & words))
        for name, words in zip(names, known, strict=True)
    ]


def _spoken(schema: Json) -> Iterable[str]:
    """Names, enumerations and descriptions of the arguments."""
    for node in under(schema, ""):
        for name in node.get("properties", ()):
            yield name
            for part in under(schema, pointer(name)):
                yield str(part.get("description", ""))
                yield from (word for word in part.get("enum", ()) if isinstance(word, str))
