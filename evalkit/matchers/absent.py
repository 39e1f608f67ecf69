"""The argument is left out; null counts as given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from evalkit.data import Json
from evalkit.matchers._rules import unknown_option
from evalkit.values import quoted

ABSENT = True

EXAMPLES: Sequence[tuple[Json, Mapping[str, Json], Json, bool]] = (
    (True, {}, "anything", False),
    (True, {}, None, False),
)


def check(expected: Json, options: Mapping[str, Json]) -> str | None:
    if expected is not None and expected is not True:
        return f"wants true, not {quoted(expected)}; what must be given is `present`"
    return unknown_option(options)


def match(expected: Json, actual: Json, options: Mapping[str, Json]) -> str | None:
    return f"got {quoted(actual)}, wanted nothing"


def values(expected: Json, options: Mapping[str, Json]) -> Iterable[Json]:
    return ()
