"""Every moment a text can mean, from a closed list of ways to write dates and times."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import NamedTuple

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Moment(NamedTuple):
    """`clock` is None for a day; its `tzinfo` is None where no zone is written."""

    day: date
    clock: time | None


_TIME = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?\s*(?P<zone>z|utc|gmt|[+-]\d{2}:?\d{2})?"
)
_DAYS = (
    r"(?P<year>\d{4})(?P<mark>[-/.]?)(?P<month>\d{2})(?P=mark)(?P<day>\d{2})",
    r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second_part>\d{1,2})(?P=mark)(?P<year>\d{4})",
    r"(?P<day>\d{1,2})(?:st|nd|rd|th)?(?:\s+of)?[\s-]+(?P<name>[a-z]{3,9})\.?,?[\s-]+(?P<year>\d{4})",
    r"(?P<name>[a-z]{3,9})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})",
)
_WEEKDAY = r"(?:(?P<weekday>[a-z]{3,9})\.?,?\s+)?"
_FORMS = tuple(re.compile(rf"{_WEEKDAY}{day}(?:(?:t|,?\s+(?:at\s+)?){_TIME})?") for day in _DAYS)
_LONGEST = 60


def moments(text: str) -> frozenset[Moment]:
    """All readings: none if `text` is no date we know, two if day and month could stand either way round.

    Years have four digits; a weekday that contradicts its date makes it no date.
    """
    text = text.strip().lower()
    if len(text) > _LONGEST:
        return frozenset()
    return frozenset(moment for form in _FORMS if (found := form.fullmatch(text)) for moment in _readings(found))


def _readings(found: re.Match[str]) -> Iterator[Moment]:
    parts = found.groupdict()
    for month, day in _months_and_days(parts):
        try:
            moment = Moment(date(int(parts["year"]), month, day), _clock(parts))
        except ValueError:  # 31 February, 25:00: not a moment
            continue
        weekday = parts["weekday"]
        if weekday is None or _place(weekday, _WEEKDAYS) == moment.day.weekday():
            yield moment


def _months_and_days(parts: dict[str, str]) -> set[tuple[int, int]]:
    if "first" in parts:
        first, second = int(parts["first"]), int(parts["second_part"])
        return {(first, second), (second, first)}
    if "name" in parts:
        place = _place(parts["name"], _MONTHS)
        return set() if place is None else {(place + 1, int(parts["day"]))}
    return {(int(parts["month"]), int(parts["day"]))}


def _place(word: str, words: tuple[str, ...]) -> int | None:
    """The index of a name, in full or cut to at least three letters."""
    return next((index for index, name in enumerate(words) if name.startswith(word)), None)


def _clock(parts: dict[str, str]) -> time | None:
    if parts["hour"] is None:
        return None
    hour, half = int(parts["hour"]), (parts["half"] or "")[:1]
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(hour)
        hour = hour % 12 + (12 if half == "p" else 0)
    micro = int((parts["fraction"] or "").ljust(6, "0")[:6])
    return time(hour, int(parts["minute"]), int(parts["second"] or 0), micro, tzinfo=_zone(parts["zone"]))


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text in ("z", "utc", "gmt"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def instant(moment: Moment, *, zoned: bool) -> datetime | None:
    """In UTC if `zoned`, else as the clock on the wall. None without a time, or without a zone to use."""
    if moment.clock is None or (zoned and moment.clock.tzinfo is None):
        return None
    try:
        whole = datetime.combine(moment.day, moment.clock)
        return whole.astimezone(UTC) if zoned else whole.replace(tzinfo=None)
    except OverflowError:  # the first hours of the year 1, the last of 9999
        return None
