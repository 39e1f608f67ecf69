"""The same day, or the same instant, however it is written.

Option `as`: "day" (default for a date) or "instant" (default for a date with a time). A zone counts if the wanted
instant has one. A date like 03/04/2026 can mean two days and matches neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from evalkit.data import Json
from evalkit.matchers._moments import Moment, instant, moments
from evalkit.matchers._rules import bad_choice, differs, unknown_option
from evalkit.values import quoted

ABSENT = False

EXAMPLES: Sequence[tuple[Json, Mapping[str, Json], Json, bool]] = (
    ("2026-03-02", {}, "2 March 2026", True),
    ("2026-03-02", {}, "Monday, Mar 2nd, 2026", True),
    ("2026-03-02", {}, "Sunday 2 March 2026", False),
    ("2026-03-02", {}, "2026-03-02T09:30:00Z", True),
    ("2026-03-04", {}, "04/03/2026", False),
    ("2026-03-14", {}, "14/03/2026", True),
    ("2026-03-14T09:30", {}, "March 14, 2026 9:30 AM", True),
    ("2026-03-14T09:30:00Z", {}, "2026-03-14T10:30:00+01:00", True),
    ("2026-03-14T09:30:00Z", {}, "2026-03-14T09:30:00", False),
    ("2026-03-14T09:30", {"as": "day"}, "2026-03-14", True),
    ("2026-03-02", {}, "tomorrow", False),
    ("2026-03-02", {}, 20260302, False),
)


def check(expected: Json, options: Mapping[str, Json]) -> str | None:
    if wrong := unknown_option(options, "as"):
        return wrong
    if "as" in options and (wrong := bad_choice(options, "as", "day", "instant")):
        return wrong
    found = moments(expected) if isinstance(expected, str) else frozenset()
    if len(found) != 1:
        return f"wants one date, such as 2026-03-02 or 2026-03-02T09:30:00Z, not {quoted(expected)}"
    if options.get("as") == "instant" and next(iter(found)).clock is None:
        return f"{quoted(expected)} has no time, so it is no instant"
    return None


def match(expected: Json, actual: Json, options: Mapping[str, Json]) -> str | None:
    found = moments(actual) if isinstance(actual, str) else frozenset()
    if not found:
        return f"got {quoted(actual)}, which is no date; wanted {quoted(expected)}"
    if len(found) > 1:
        return f"{quoted(actual)} can mean {' or '.join(sorted(str(moment.day) for moment in found))}"
    (wanted,), (got,) = moments(expected), found
    return None if _agree(wanted, got, options) else differs(actual, expected)


def values(expected: Json, options: Mapping[str, Json]) -> Iterable[Json]:
    yield expected


def _agree(wanted: Moment, got: Moment, options: Mapping[str, Json]) -> bool:
    if options.get("as", "day" if wanted.clock is None else "instant") == "day":
        return wanted.day == got.day
    zoned = wanted.clock is not None and wanted.clock.tzinfo is not None
    moment = instant(wanted, zoned=zoned)
    return moment is not None and moment == instant(got, zoned=zoned)
