"""Any of several JSON values, each compared as `exact` does.

Option `strings`: as for `exact`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from evalkit.data import Json
from evalkit.matchers._rules import bad_choice, unknown_option
from evalkit.values import quoted, same

ABSENT = False

EXAMPLES: Sequence[tuple[Json, Mapping[str, Json], Json, bool]] = (
    (["km", "kilometers"], {}, "km", True),
    (["km", "kilometers"], {}, "KM", False),
    (["km", "kilometers"], {"strings": "bfcl"}, "KM", True),
    ([5, None], {}, None, True),
    ([5, [1, 2]], {}, [1, 2], True),
    ([5, [1, 2]], {}, 1, False),
    ([0], {}, False, False),
)


def check(expected: Json, options: Mapping[str, Json]) -> str | None:
    if not isinstance(expected, list) or not expected:
        return "wants a list of at least one value"
    return unknown_option(options, "strings") or bad_choice(options, "strings", "exact", "bfcl")


def match(expected: Json, actual: Json, options: Mapping[str, Json]) -> str | None:
    strings = options.get("strings", "exact")
    for value in expected:
        if same(value, actual, strings):
            return None
    return f"got {quoted(actual)}, wanted one of {quoted(expected)}"


def values(expected: Json, options: Mapping[str, Json]) -> Iterable[Json]:
    yield from expected
