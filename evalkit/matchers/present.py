"""The argument is given, whatever its value; null counts as given. A default does not stand in for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from evalkit.data import Json
from evalkit.matchers._rules import unknown_option
from evalkit.values import quoted

ABSENT = False

EXAMPLES: Sequence[tuple[Json, Mapping[str, Json], Json, bool]] = (
    (True, {}, "anything", True),
    (True, {}, None, True),
    (None, {}, [], True),
)


def check(expected: Json, options: Mapping[str, Json]) -> str | None:
    if expected is not None and expected is not True:
        return f"wants true, not {quoted(expected)}; what must not be given is `absent`"
    return unknown_option(options)


def match(expected: Json, actual: Json, options: Mapping[str, Json]) -> str | None:
    return None


def values(expected: Json, options: Mapping[str, Json]) -> Iterable[Json]:
    return ()
