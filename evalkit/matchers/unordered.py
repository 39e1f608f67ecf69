"""A list with the same items in any order, each as often as wanted; items are compared as `exact` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from evalkit.data import Json
from evalkit.matchers._rules import unknown_option
from evalkit.values import identity, quoted

ABSENT = False

EXAMPLES: Sequence[tuple[Json, Mapping[str, Json], Json, bool]] = (
    (["wifi", "pool"], {}, ["pool", "wifi"], True),
    (["wifi", "pool"], {}, ["pool"], False),
    ([1, 1, 2], {}, [1, 2, 2], False),
    ([1, {"a": 2}], {}, [{"a": 2.0}, 1.0], True),
    ([1], {}, [True], False),
    ([[1, 2]], {}, [[2, 1]], False),
    (["wifi"], {}, "wifi", False),
)


def check(expected: Json, options: Mapping[str, Json]) -> str | None:
    return unknown_option(options) if isinstance(expected, list) else f"wants a list, not {quoted(expected)}"


def match(expected: Json, actual: Json, options: Mapping[str, Json]) -> str | None:
    if not isinstance(actual, list):
        return f"got {quoted(actual)}, wanted the list {quoted(expected)} in any order"
    wanted, got = _counted(expected), _counted(actual)
    missing, extra = list((wanted - got).elements()), list((got - wanted).elements())
    if not missing and not extra:
        return None
    parts = [f"lacks {', '.join(missing)}"] if missing else []
    return quoted(actual) + " " + " and ".join([*parts, *([f"has {', '.join(extra)} too much"] if extra else [])])


def values(expected: Json, options: Mapping[str, Json]) -> Iterable[Json]:
    yield expected
    yield expected[::-1]


def _counted(items: Sequence[Json]) -> Counter[str]:
    return Counter(map(identity, items))
