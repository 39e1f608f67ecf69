"""The argument does not count: left out or given, with any value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from evalkit.data import Json
from evalkit.matchers._rules import unknown_option

ABSENT = True

EXAMPLES: Sequence[tuple[Json, Mapping[str, Json], Json, bool]] = (
    (True, {}, "anything", True),
    (True, {}, None, True),
)


def check(expected: Json, options: Mapping[str, Json]) -> str | None:
    return unknown_option(options)


def match(expected: Json, actual: Json, options: Mapping[str, Json]) -> str | None:
    return None


def values(expected: Json, options: Mapping[str, Json]) -> Iterable[Json]:
    return ()
