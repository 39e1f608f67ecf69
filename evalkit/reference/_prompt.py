"""What a prompt holds, as arguments for a schema: numbers, days, quotes, names and codes, each taken once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from evalkit.data import Json
from evalkit.errors import InputError
from evalkit.reference import _dates
from evalkit.reference.places import alone, under
from evalkit.schema import compile_schema

Node = Mapping[str, Any]

_DEEPEST = 5
_MOST_ITEMS = 10
_WORD = re.compile(r"[A-Za-z][a-z]+|[A-Z]{2,}|\d+")
_TOKEN = re.compile(r"[^\s\"'“”`(),;!?]+(?<![.:])")
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|(?<!\w)'([^']+)'(?!\w)|`([^`]+)`")
_NUMBER = re.compile(r"(?<![\w.-])-?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w-])|(?<![\w.-])-?\d+(?:\.\d+)?(?![\w:/-])")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
_ADDRESS = re.compile(r"https?://[^\s\"'<>]*[^\s\"'<>.,;)]")
_CODE = re.compile(r"\b(?=[\w-]*\d)[A-Za-z]+[\w-]*\b|\b[0-9a-f]{8}-[0-9a-f-]{27}\b")
_CAPITALISED = re.compile(r"(?<![.!?] )(?<!^)\b[A-ZÀ-Þ][\w'-]+(?: [A-ZÀ-Þ][\w'-]+)*")
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


def stems(text: str) -> frozenset[str]:
    """The words of `text`, without their endings and without those that say nothing."""
    words = (word.lower() for word in _WORD.findall(text.replace("_", " ")))
    return frozenset(_stem(word) for word in words if word not in _IDLE)


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "es", "ed", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


class Reader:
    """Fills arguments with what one prompt holds. `today`: what "tomorrow" counts from, if it is known."""

    def __init__(self, prompt: str, today: date | None) -> None:
        self._prompt = prompt
        self._stems = stems(prompt)
        self._tokens = _TOKEN.findall(prompt)
        addresses, mails, days = _ADDRESS.findall(prompt), _MAIL.findall(prompt), _dates.days(prompt, today)
        taken = " ".join((*addresses, *mails, *days))
        digits = [_parsed(number) for number in _NUMBER.findall(prompt) if number not in taken]
        words = re.findall(r"[a-z]+", prompt.lower())
        # What each pool holds is used up in the order of the prompt.
        self._pools: dict[str, list[Json]] = {
            "quoted": [next(filter(None, groups)) for groups in _QUOTED.findall(prompt)],
            "days": list(days),
            "times": list(_dates.times(prompt)),
            "mails": mails,
            "addresses": addresses,
            "codes": [code for code in _CODE.findall(prompt) if code not in taken],
            "named": [name for name in _CAPITALISED.findall(prompt) if not _dates.is_named(name)],
            "numbers": digits + [_NUMBER_WORDS[word] for word in words if _NUMBER_WORDS.get(word, 0) > 1],
        }

    def arguments(self, schema: Json) -> Json:
        """Required arguments first: they have the first choice of what the prompt holds."""
        return self._object(schema, schema, 0)

    # ----------------------------------------------------------------------- containers

    def _object(self, root: Json, node: Json, level: int) -> dict[str, Json]:
        nodes = _nodes(root, node)
        required = {name for part in nodes for name in part.get("required", ())}
        properties = {name: inner for part in nodes for name, inner in part.get("properties", {}).items()}
        found = {}
        for name in sorted(properties, key=lambda name: name not in required):
            value = self._value(root, name, properties[name], level, needed=name in required)
            if value is not None:
                found[name] = value
        return {name: found[name] for name in properties if name in found}

    def _list(self, root: Json, name: str, nodes: Sequence[Node], level: int) -> list[Json]:
        items: Json = next((part["items"] for part in nodes if isinstance(part.get("items"), Mapping)), {})
        found: list[Json] = []
        while len(found) < _MOST_ITEMS:
            item = self._value(root, name, items, level, needed=not found)
            if item is None or item in found:
                break
            found.append(item)
        return found

    def _union(self, root: Json, name: str, branches: Sequence[Json], level: int, *, needed: bool) -> Json:
        """The first branch that the prompt fills."""
        for branch in branches:
            before = {pool: list(held) for pool, held in self._pools.items()}
            value = self._value(root, name, branch, level, needed=needed)
            if value is not None and _fits(root, branch, value):
                return value
            self._pools = before
        return None

    # ----------------------------------------------------------------------- one argument

    def _value(self, root: Json, name: str, node: Json, level: int, *, needed: bool) -> Json:
        """What the prompt says about one argument; None if nothing."""
        nodes = _nodes(root, node)
        branches = next((part[union] for part in nodes for union in ("oneOf", "anyOf") if part.get(union)), None)
        if branches:
            return self._union(root, name, branches, level, needed=needed) if level < _DEEPEST else None
        options = next((part["enum"] for part in nodes if "enum" in part), None)
        if options is not None:
            return self._option(options, needed=needed)
        constant = next((part["const"] for part in nodes if "const" in part), None)
        if constant is not None:
            return constant
        kinds = {kind for part in nodes for kind in _kinds(part)}
        if kinds & {"object", "array"}:
            if not needed or level > _DEEPEST:
                return None
            object_wanted = "object" in kinds
            return self._object(root, node, level + 1) if object_wanted else self._list(root, name, nodes, level + 1)
        spoken_of = bool(stems(name) & self._stems)
        if "boolean" in kinds:
            return True if needed or spoken_of else None
        if kinds & {"integer", "number"}:
            return self._take(root, node, "numbers") if needed or spoken_of else None
        return self._string(root, name, node, nodes, needed=needed)

    def _option(self, options: Sequence[Json], *, needed: bool) -> Json:
        said = f" {' '.join(re.findall(r'[a-z0-9]+', self._prompt.lower()))} "
        for option in options:
            words = " ".join(re.findall(r"[a-z0-9]+", str(option).lower()))
            if words and f" {words} " in said:
                return option
        return options[0] if needed and options else None

    def _string(self, root: Json, name: str, node: Json, nodes: Sequence[Node], *, needed: bool) -> Json:
        words = stems(name)
        formats = {str(part["format"]) for part in nodes if "format" in part}
        if "date-time" in formats:
            return self._moment()
        if "date" in formats or words & {"dat", "day"}:
            return self._take(root, node, "days")
        if "time" in formats or "tim" in words:
            return self._take(root, node, "times")
        if "email" in formats or words & {"email", "mail"}:
            return self._take(root, node, "mails")
        if formats & {"uri", "url"} or words & {"url", "uri", "link"}:
            return self._take(root, node, "addresses")
        if any("pattern" in part for part in nodes):
            return self._take(root, node, "codes", "quoted", "named") or self._token(root, node)
        if words & {"id", "cod", "number", "referenc"} or "uuid" in formats:
            return self._take(root, node, "codes", "quoted")
        led = self._led(name)
        return self._take(root, node, "quoted", "named", "codes") if led is None and needed else led

    def _take(self, root: Json, node: Json, *pools: str) -> Json:
        """The first thing in these pools that fits; it is gone afterwards."""
        for pool in pools:
            for held in self._pools[pool]:
                if _fits(root, node, held):
                    self._pools[pool].remove(held)
                    return held
        return None

    def _token(self, root: Json, node: Json) -> str | None:
        return next((token for token in self._tokens if _fits(root, node, token)), None)

    def _moment(self) -> str | None:
        days, times = self._pools["days"], self._pools["times"]
        return f"{days.pop(0)}T{times.pop(0) if times else '00:00'}:00Z" if days else None

    def _led(self, name: str) -> Json:
        """What follows a word that leads to such an argument: `to Paris` for `destination`."""
        leads = [lead for word, leads in _LEADS.items() if word in name.lower().split("_") for lead in leads]
        for named in self._pools["named"]:
            if any(re.search(rf"\b{lead} (?:the )?{re.escape(named)}", self._prompt, re.IGNORECASE) for lead in leads):
                self._pools["named"].remove(named)
                return named
        return None


def _fits(root: Json, node: Json, value: Json) -> bool:
    try:
        return compile_schema(alone(root, node)).valid(value)
    except InputError:  # a `$ref` that leads out of the definitions
        return True


def _nodes(root: Json, node: Json) -> list[Node]:
    """`node` and what it refers to."""
    if not isinstance(node, Mapping):
        return []
    definitions = {key: root[key] for key in ("$defs", "definitions") if isinstance(root, Mapping) and key in root}
    return under({**definitions, **node}, "")


def _kinds(node: Node) -> Iterator[str]:
    declared = node.get("type", [])
    yield from declared if isinstance(declared, list) else [declared]


def _parsed(number: str) -> int | float:
    plain = number.replace(",", "")
    return float(plain) if "." in plain else int(plain)
