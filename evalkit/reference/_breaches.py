"""Arguments that break their schema in one named way and in no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import islice
from random import Random

from evalkit.data import Json, Pointer
from evalkit.reference import payloads
from evalkit.reference.places import Node, walk
from evalkit.schema import Validator, compile_schema
from evalkit.values import tokens

_MOST = 300
"""Attempts at one call. A schema that cannot be broken in the way asked for is given up after so many."""


def broken(code: str, value: Json, schema: Json, random: Random) -> Json | None:
    """`value` changed in one place so that `code` is all that is wrong with it; None if no change does that.

    Where `value` has no fitting place, one with all optional arguments is tried in its stead.
    """
    validator = compile_schema(schema)
    for start in _starts(value, schema, random):
        attempts = list(islice(_attempts(code, start, schema), _MOST))
        random.shuffle(attempts)
        for attempt in attempts:
            if _codes(attempt, validator) == {code}:
                return attempt
    return None


def _starts(value: Json, schema: Json, random: Random) -> Iterator[Json]:
    if compile_schema(schema).valid(value):
        yield value
    try:
        yield payloads.draw(schema, random, "all")
    except payloads.Unsampled:
        return


def _codes(value: Json, validator: Validator) -> set[str]:
    return set() if validator.valid(value) else {violation.code for violation in validator.violations(value)}


def _attempts(code: str, value: Json, schema: Json) -> Iterator[Json]:
    if code == "schema.double_encoded":
        yield json.dumps(value, ensure_ascii=False)
        return
    for path, here, nodes in walk(schema, value):
        for changed in _CHANGES[code](here, nodes):
            yield _with(value, path, changed)


def _with(value: Json, path: Pointer, changed: Json) -> Json:
    """A copy of `value` with `changed` at `path`."""
    if not path:
        return changed
    copy = deepcopy(value)
    *way, last = tokens(path)
    place = copy
    for token in way:
        place = place[_key(place, token)]
    place[_key(place, last)] = changed
    return copy


def _key(place: Json, token: str) -> str | int:
    return int(token) if isinstance(place, list) else token


# --------------------------------------------------------------------------- changes of one value, by code

Change = Callable[[Json, Sequence[Node]], Iterator[Json]]


def _wrong_types(here: Json, nodes: Sequence[Node]) -> Iterator[Json]:
    yield from ([], {}, 7.25, "seven", True)


def _without_one(here: Json, nodes: Sequence[Node]) -> Iterator[Json]:
    if isinstance(here, dict):
        yield from ({key: item for key, item in here.items() if key != name} for name in here)


def _with_one_more(here: Json, nodes: Sequence[Node]) -> Iterator[Json]:
    if isinstance(here, dict):
        yield {**here, "not_in_the_schema": True}


def _no_option(here: Json, nodes: Sequence[Node]) -> Iterator[Json]:
    if any("enum" in node or "const" in node for node in nodes):
        yield from ("no such option", 987_654, [here])


def _other_case(here: Json, nodes: Sequence[Node]) -> Iterator[Json]:
    if isinstance(here, str):
        yield from (here.upper(), here.lower(), here.swapcase(), here.title())


def _no_format(here: Json, nodes: Sequence[Node]) -> Iterator[Json]:
    if isinstance(here, str) and any("format" in node for node in nodes):
        yield from ("next Tuesday", "not: a/format", "2026-13-45", "1.2.3")


def _no_pattern(here: Json, nodes: Sequence[Node]) -> Iterator[Json]:
    if isinstance(here, str):
        yield from ("?" * len(here), here.swapcase(), f"?{here}", f"{here}?", f"{here} ", "no match", "0" * len(here))


def _out_of_range(here: Json, nodes: Sequence[Node]) -> Iterator[Json]:
    if isinstance(here, bool) or not isinstance(here, int | float):
        return
    yield from (10**9, -(10**9), 10**9 + 0.5, here + 1, here - 1)
    for step in (node["multipleOf"] for node in nodes if "multipleOf" in node):
        yield from (here + step / 2, here + step // 2)


def _wrong_length(here: Json, nodes: Sequence[Node]) -> Iterator[Json]:
    bounds = [int(n[key]) for n in nodes for key in ("maxLength", "maxItems", "maxProperties") if key in n]
    longer = max(bounds, default=200) + 1
    if isinstance(here, str):
        yield from (here[:1], "", (here or "x") * (longer // max(len(here), 1) + 1))
    elif isinstance(here, list):
        yield from ([], here[:1], [*here, *(here[-1:] * max(longer - len(here), 0))])
    elif isinstance(here, dict):
        yield from ({}, {**here, **{f"more_{number}": number for number in range(min(longer, 50))}})


def _no_branch(here: Json, nodes: Sequence[Node]) -> Iterator[Json]:
    if any("anyOf" in node or "oneOf" in node for node in nodes):
        yield from ({"neither": "nor"}, [[]], 3.25, "neither", True, -1, [], {})


def _null(here: Json, nodes: Sequence[Node]) -> Iterator[Json]:
    yield None


def _container_as_text(here: Json, nodes: Sequence[Node]) -> Iterator[Json]:
    if isinstance(here, dict | list):
        yield json.dumps(here, ensure_ascii=False)


def _scalar_as_text(here: Json, nodes: Sequence[Node]) -> Iterator[Json]:
    if isinstance(here, bool | int | float):
        yield json.dumps(here)


def _otherwise(here: Json, nodes: Sequence[Node]) -> Iterator[Json]:
    """For the keywords without a code of their own: uniqueItems, not, contains, and the like."""
    if isinstance(here, list):
        yield from ([*here, *here[:1]], here[:1] * max(len(here), 2), [], here[1:])
    for node in nodes:
        forbidden = node.get("not")
        if isinstance(forbidden, Mapping):
            yield from (forbidden[key] for key in ("const", "default") if key in forbidden)
            yield from forbidden.get("enum", ())
            try:
                yield payloads.draw(forbidden, Random(0))
            except payloads.Unsampled:
                continue


_CHANGES: Mapping[str, Change] = {
    "schema.type": _wrong_types,
    "schema.required": _without_one,
    "schema.additional": _with_one_more,
    "schema.enum": _no_option,
    "schema.enum_case": _other_case,
    "schema.const": _no_option,
    "schema.format": _no_format,
    "schema.pattern": _no_pattern,
    "schema.range": _out_of_range,
    "schema.length": _wrong_length,
    "schema.union": _no_branch,
    "schema.null": _null,
    "schema.stringified_container": _container_as_text,
    "schema.stringified_scalar": _scalar_as_text,
    "schema.other": _otherwise,
}
