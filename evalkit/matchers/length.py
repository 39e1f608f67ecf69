"""A text, list or object of a given length: characters, items or keys.

A number wants exactly that many; {min, max} (either may be left out) wants a range, both ends included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from evalkit.data import Json
from evalkit.matchers._rules import unknown_option
from evalkit.values import quoted

ABSENT = False

EXAMPLES: Sequence[tuple[Json, Mapping[str, Json], Json, bool]] = (
    (3, {}, [1, 2, 3], True),
    (3, {}, "abcd", False),
    ({"min": 1}, {}, [], False),
    ({"min": 1, "max": 2}, {}, {"a": 1, "b": 2}, True),
    ({"max": 2}, {}, "abc", False),
    (1, {}, 7, False),
)


def check(expected: Json, options: Mapping[str, Json]) -> str | None:
    if isinstance(expected, dict):
        unknown = [key for key in expected if key not in ("min", "max")]
        if unknown or not expected:
            return f"wants a number, or an object with min or max, not {quoted(expected)}"
    low, high = _bounds(expected)
    for bound in (low, high):
        if bound is not None and (type(bound) is not int or bound < 0):
            return f"a length is a whole number of at least 0, not {quoted(bound)}"
    if low is not None and high is not None and low > high:
        return f"min {low} is more than max {high}"
    if low is None and high is None:
        return f"wants a number, or an object with min or max, not {quoted(expected)}"
    return unknown_option(options)


def match(expected: Json, actual: Json, options: Mapping[str, Json]) -> str | None:
    if not isinstance(actual, str | list | dict):
        return f"{quoted(actual)} has no length"
    low, high = _bounds(expected)
    count = len(actual)
    if (low is not None and count < low) or (high is not None and count > high):
        return f"has length {count}, wanted {_words(low, high)}"
    return None


def values(expected: Json, options: Mapping[str, Json]) -> Iterable[Json]:
    return ()


def _bounds(expected: Json) -> tuple[Json, Json]:
    return (expected.get("min"), expected.get("max")) if isinstance(expected, dict) else (expected, expected)


def _words(low: int | None, high: int | None) -> str:
    if low == high:
        return f"{low}"
    return " and ".join(
        [*([f"at least {low}"] if low is not None else []), *([f"at most {high}"] if high is not None else [])]
    )
