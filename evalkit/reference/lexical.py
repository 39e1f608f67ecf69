"""The lexical model: word overlap and regular expressions, no learning. A suite must be harder than this."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from random import Random
from typing import Any

from evalkit.data import Case, Json, ToolSpec
from evalkit.reference import _dates
from evalkit.reference.oracle import NO_CALL, as_text
from evalkit.reference.places import under
from evalkit.reference.said import Said
from evalkit.values import pointer

_THRESHOLD = 1.0
"""Overlap below which nothing is called: less than one word that no other tool has."""
_NAME_WEIGHT = 2.0
_DEEPEST = 5
_WORD = re.compile(r"[A-Za-z][a-z]+|[A-Z]{2,}|\d+")
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|(?<!\w)'([^']+)'(?!\w)|`([^`]+)`")
_NUMBER = re.compile(r"(?<![\w.-])-?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w-])|(?<![\w.-])-?\d+(?:\.\d+)?(?![\w:/-])")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
_ADDRESS = re.compile(r"https?://[^\s\"'<>]*[^\s\"'<>.,;)]")
_CODE = re.compile(r"\b(?=[\w-]*\d)[A-Za-z]+[\w-]*\b|\b[0-9a-f]{8}-[0-9a-f-]{27}\b")
_CAPITALISED = re.compile(r"(?<![.!?] )(?<!^)\b[A-ZÀ-Þ][\w'-]*(?: [A-ZÀ-Þ][\w'-]*)*")
_COUNTED = "zero one two three four five six seven eight nine ten eleven twelve"
_NUMBER_WORDS = {word: number for number, word in enumerate(_COUNTED.split())}
_LEADS = {
    "from": ("from",),
    "origin": ("from",),
    "source": ("from",),
    "to": ("to",),
    "destination": ("to",),
    "recipient": ("to",),
    "city": ("in", "to", "at"),
    "location": ("in", "at", "near"),
    "place": ("in", "at"),
    "name": ("called", "named", "name"),
    "title": ("called", "titled", "named"),
}
_IDLE_WORDS = (
    "a an and any are as at be been but by can could do does for from get give has have how i if in into is it its me "
    "my no not of on or our please so that the their them then there these this to up us use used want was we what "
    "when where which who will with would you your"
)
_IDLE = frozenset(_IDLE_WORDS.split())


def say(case: Case, specs: Sequence[ToolSpec], random: Random) -> Said:
    """At most one call: of the tool that shares most with the last user message, if it shares enough."""
    prompt = _last_user_message(case)
    overlap = _overlaps(prompt, specs)
    best = max(range(len(specs)), key=lambda index: overlap[index], default=None)
    if best is None or overlap[best] < _THRESHOLD:
        return Said(text=NO_CALL)
    spec = specs[best]
    system = " ".join(_content(m) for m in case.messages if m.get("role") == "system")
    arguments = _Reader(prompt, _dates.today(system)).arguments(spec.schema)
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
    asked = _stems(prompt)
    names = [_stems(spec.name) for spec in specs]
    known = [
        name | _stems(spec.description) | _stems(" ".join(_spoken(spec.schema)))
        for name, spec in zip(names, specs, strict=True)
    ]

    def weight(word: str) -> float:
        return 1 / (1 + math.log(sum(word in words for words in known)))

    return [
        sum(weight(word) * (_NAME_WEIGHT if word in name else 1.0) for word in sorted(asked & words))
        for name, words in zip(names, known, strict=True)
    ]


def _stems(text: str) -> frozenset[str]:
    words = (word.lower() for word in _WORD.findall(text.replace("_", " ")))
    return frozenset(_stem(word) for word in words if word not in _IDLE)


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "es", "ed", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


def _spoken(schema: Json) -> Iterable[str]:
    """Names, enumerations and descriptions of the arguments."""
    for node in under(schema, ""):
        for name in node.get("properties", ()):
            yield name
            for part in under(schema, pointer(name)):
                yield str(part.get("description", ""))
                yield from (word for word in part.get("enum", ()) if isinstance(word, str))


# --------------------------------------------------------------------------- which arguments


class _Reader:
    """Takes what the prompt holds, in its order; what was taken once is not taken again."""

    def __init__(self, prompt: str, today: date | None) -> None:
        self._prompt = prompt
        self._quoted = [next(filter(None, groups)) for groups in _QUOTED.findall(prompt)]
        self._days = _dates.days(prompt, today)
        self._times = list(_dates.times(prompt))
        self._mails = _MAIL.findall(prompt)
        self._addresses = _ADDRESS.findall(prompt)
        self._codes = [code for code in _CODE.findall(prompt) if code not in " ".join(self._mails + self._addresses)]
        self._named: list[str] = _CAPITALISED.findall(prompt)
        words = re.findall(r"[a-z]+", prompt.lower())
        digits = [_parsed(number) for number in _NUMBER.findall(prompt) if number not in "".join(self._days)]
        self._numbers = digits + [_NUMBER_WORDS[word] for word in words if _NUMBER_WORDS.get(word, 0) > 1]

    def arguments(self, schema: Json) -> Json:
        """Required arguments first: they have the first choice of what the prompt holds."""
        return self._object(schema, schema, 0)

    def _object(self, root: Json, node: Json, level: int) -> Json:
        nodes = list(_nodes(root, node))
        required = {name for part in nodes for name in part.get("required", ())}
        properties = {name: inner for part in nodes for name, inner in part.get("properties", {}).items()}
        found = {}
        for name in sorted(properties, key=lambda name: name not in required):
            value = self._value(root, name, properties[name], level, needed=name in required)
            if value is not None:
                found[name] = value
        return {name: found[name] for name in properties if name in found}

    def _value(self, root: Json, name: str, node: Json, level: int, *, needed: bool) -> Json:
        """What the prompt says about one argument; None if nothing."""
        nodes = list(_nodes(root, node))
        options = next((part["enum"] for part in nodes if "enum" in part), None)
        if options is not None:
            return self._option(options, needed=needed)
        kinds = {kind for part in nodes for kind in _kinds(part)}
        if kinds & {"object", "array"}:
            if not needed or level > _DEEPEST:
                return None
            object_wanted = "object" in kinds
            return self._object(root, node, level + 1) if object_wanted else self._list(root, name, nodes, level + 1)
        if kinds & {"integer", "number"}:
            return self._number("integer" in kinds)
        if "boolean" in kinds:
            return True if needed or _stems(name) & _stems(self._prompt) else None
        formats = {str(part["format"]) for part in nodes if "format" in part}
        return self._string(name, formats, needed=needed)

    def _option(self, options: Sequence[Json], *, needed: bool) -> Json:
        said = f" {' '.join(re.findall(r'[a-z0-9]+', self._prompt.lower()))} "
        for option in options:
            words = " ".join(re.findall(r"[a-z0-9]+", str(option).lower()))
            if words and f" {words} " in said:
                return option
        return options[0] if needed and options else None

    def _list(self, root: Json, name: str, nodes: Sequence[Mapping[str, Json]], level: int) -> Json:
        items: Json = next((part["items"] for part in nodes if isinstance(part.get("items"), Mapping)), {})
        found: list[Json] = []
        while len(found) < 10:
            item = self._value(root, name, items, level, needed=not found)
            if item is None or item in found:
                break
            found.append(item)
        return found

    def _number(self, whole: bool) -> Json:
        fitting = [number for number in self._numbers if not whole or float(number).is_integer()]
        if not fitting:
            return None
        self._numbers.remove(fitting[0])
        return int(fitting[0]) if whole else fitting[0]

    def _string(self, name: str, formats: set[str], *, needed: bool) -> Json:
        words = _stems(name)
        if "date-time" in formats:
            return f"{self._days.pop(0)}T{self._times.pop(0) if self._times else '00:00'}:00Z" if self._days else None
        if "date" in formats or words & {"dat", "day"}:
            return _first(self._days)
        if "time" in formats or "tim" in words:
            return _first(self._times)
        if "email" in formats or words & {"email", "mail"}:
            return _first(self._mails)
        if formats & {"uri", "url"} or words & {"url", "uri", "link"}:
            return _first(self._addresses)
        if words & {"id", "code", "number", "reference"} or "uuid" in formats:
            return _first(self._codes) or _first(self._quoted)
        return self._led(name) or (
            _first(self._quoted) or _first(self._named) or _first(self._codes) if needed else None
        )

    def _led(self, name: str) -> str | None:
        """What follows a word that leads to such an argument: `to Paris` for `destination`."""
        leads = [lead for word, leads in _LEADS.items() if word in name.lower().split("_") for lead in leads]
        for named in self._named:
            if any(re.search(rf"\b{lead} (?:the )?{re.escape(named)}", self._prompt, re.IGNORECASE) for lead in leads):
                self._named.remove(named)
                return named
        return None


def _nodes(root: Json, node: Json) -> list[Mapping[str, Any]]:
    if not isinstance(node, Mapping):
        return []
    definitions = {key: root[key] for key in ("$defs", "definitions") if isinstance(root, Mapping) and key in root}
    return under({**definitions, **node}, "")


def _kinds(node: Mapping[str, Json]) -> list[str]:
    declared = node.get("type", [])
    return declared if isinstance(declared, list) else [declared]


def _parsed(number: str) -> int | float:
    plain = number.replace(",", "")
    return float(plain) if "." in plain else int(plain)


def _first(found: list[str]) -> str | None:
    return found.pop(0) if found else None
