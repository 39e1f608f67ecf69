"""A number near enough: within `abs`, or within `rel` of the expected one; the wider of the two counts.

Without either, within a billionth of the expected number, so that 0.1 + 0.2 is 0.3. Only numbers match: "5" does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from evalkit.data import Json
from evalkit.matchers._rules import differs, unknown_option
from evalkit.values import quoted

ABSENT = False

EXAMPLES: Sequence[tuple[Json, Mapping[str, Json], Json, bool]] = (
    (3.14, {"rel": 0.01}, 3.15, True),
    (3.14, {"rel": 0.01}, 3.2, False),
    (100, {"abs": 5}, 95, True),
    (100, {"abs": 5}, 94.9, False),
    (100, {"abs": 1, "rel": 0.1}, 109, True),
    (0.3, {}, 0.30000000000000004, True),
    (0.3, {"abs": 0}, 0.30000000000000004, False),
    (5, {}, "5", False),
    (1, {}, True, False),
    (0, {"rel": 0.5}, 0.1, False),
)

ROUNDING = 1e-9


def check(expected: Json, options: Mapping[str, Json]) -> str | None:
    if not _finite(expected):
        return f"wants a number, not {quoted(expected)}"
    for name in ("abs", "rel"):
        if name in options and not (_finite(options[name]) and options[name] >= 0):
            return f"{name} is a number of at least 0, not {quoted(options[name])}"
    return unknown_option(options, "abs", "rel")


def match(expected: Json, actual: Json, options: Mapping[str, Json]) -> str | None:
    if not _finite(actual):
        return f"got {quoted(actual)}, wanted a number near {quoted(expected)}"
    # Fractions: a float overflows on the long integers that JSON allows.
    wanted, rounding = Fraction(expected), 0 if options else ROUNDING
    allowed = max(Fraction(options.get("abs", 0)), Fraction(options.get("rel", rounding)) * abs(wanted))
    return None if abs(Fraction(actual) - wanted) <= allowed else differs(actual, expected) + _margin(options)


def values(expected: Json, options: Mapping[str, Json]) -> Iterable[Json]:
    yield expected


def _finite(value: Json) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and (type(value) is int or math.isfinite(value))
    )


def _margin(options: Mapping[str, Json]) -> str:
    return "".join(f", {name} {quoted(options[name])}" for name in ("abs", "rel") if name in options)
