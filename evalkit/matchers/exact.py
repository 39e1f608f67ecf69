"""The same JSON value: 1 is 1.0, true is not 1, the order of keys does not count.

Option `strings`: "exact" (default), or "bfcl" to compare strings as the Berkeley Function Calling Leaderboard does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from evalkit.data import Json
from evalkit.matchers._rules import bad_choice, differs, unknown_option
from evalkit.values import same

ABSENT = False

EXAMPLES: Sequence[tuple[Json, Mapping[str, Json], Json, bool]] = (
    (1, {}, 1.0, True),
    (1, {}, True, False),
    ("1", {}, 1, False),
    ("Oslo", {}, "oslo", False),
    ("San Francisco, CA", {"strings": "bfcl"}, "san francisco CA", True),
    ({"a": [1, None], "b": {}}, {}, {"b": {}, "a": [1.0, None]}, True),
    ([1, 2], {}, [2, 1], False),
    (None, {}, None, True),
)


def check(expected: Json, options: Mapping[str, Json]) -> str | None:
    return unknown_option(options, "strings") or bad_choice(options, "strings", "exact", "bfcl")


def match(expected: Json, actual: Json, options: Mapping[str, Json]) -> str | None:
    return None if same(expected, actual, options.get("strings", "exact")) else differs(actual, expected)


def values(expected: Json, options: Mapping[str, Json]) -> Iterable[Json]:
    yield expected
