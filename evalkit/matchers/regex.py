"""A text that matches a regular expression in full, or somewhere with `search: true`.

RE2 syntax: no look-around, no back-references, and no pattern that takes more than linear time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

from evalkit.data import Json
from evalkit.matchers._rules import bad_choice, unknown_option
from evalkit.values import quoted

ABSENT = False

EXAMPLES: Sequence[tuple[Json, Mapping[str, Json], Json, bool]] = (
    (r"[A-Z]{2}\d{3,4}", {}, "SK4167", True),
    (r"[A-Z]{2}\d{3,4}", {}, "flight SK4167", False),
    (r"[A-Z]{2}\d{3,4}", {"search": True}, "flight SK4167", True),
    (r"(?i)oslo|bergen", {}, "OSLO", True),
    (r"^(a+)+$", {}, "a" * 5000 + "b", False),
    (r"\d+", {}, 42, False),
)


def check(expected: Json, options: Mapping[str, Json]) -> str | None:
    if not isinstance(expected, str):
        return f"wants a regular expression, not {quoted(expected)}"
    try:
        _compiled(expected)
    except re2.error as error:
        return f"{quoted(expected)} is no RE2 expression: {error.args[0].decode(errors='replace')}"
    except UnicodeEncodeError:
        return f"{quoted(expected)} holds half a surrogate pair"
    return unknown_option(options, "search") or bad_choice(options, "search", False, True)


def match(expected: Json, actual: Json, options: Mapping[str, Json]) -> str | None:
    if not isinstance(actual, str):
        return f"got {quoted(actual)}, wanted a text that matches {expected}"
    pattern = _compiled(expected)
    # RE2 reads UTF-8, which has no lone surrogates.
    text = actual.encode("utf-8", "replace").decode("utf-8")
    found = pattern.search(text) if options.get("search") else pattern.fullmatch(text)
    return None if found else f"{quoted(actual)} does not match {expected}"


def values(expected: Json, options: Mapping[str, Json]) -> Iterable[Json]:
    return ()


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    quiet = re2.Options()
    quiet.log_errors = False
    return re2.compile(pattern, quiet)
