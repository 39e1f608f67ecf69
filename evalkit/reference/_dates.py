"""Days and times that a prompt spells out, as ISO 8601: what a few regular expressions find, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

_MONTH_NAMES = "january february march april may june july august september october november december"
_MONTHS = {name[:3]: number for number, name in enumerate(_MONTH_NAMES.split(), 1)}
_DAY_NAMES = "monday tuesday wednesday thursday friday saturday sunday"
_DAYS = {name: number for number, name in enumerate(_DAY_NAMES.split())}
_MONTH = rf"(?P<month>{'|'.join(_MONTH_NAMES.split())}|{'|'.join(_MONTHS)})\.?"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>[12]\d{3}))?"
_SPELLED = (
    re.compile(rf"\b{_DAY}(?:\s+of)?\s+{_MONTH}{_YEAR}\b", re.IGNORECASE),
    re.compile(rf"\b{_MONTH}\s+(?:the\s+)?{_DAY}{_YEAR}\b", re.IGNORECASE),
)
_ISO = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_RELATIVE = {"today": 0, "tonight": 0, "tomorrow": 1}
_NAMED = re.compile(rf"\b({'|'.join([*_RELATIVE, *_DAYS])})\b", re.IGNORECASE)
_TIME = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)\b|\b(1[0-2]|[1-9])(?::([0-5]\d))?\s?([ap])\.?m\b", re.IGNORECASE)


def days(text: str, today: date | None) -> list[str]:
    """Each day in the order of the text. Without `today` only those with a year are known."""
    found = {match.start(): match[0] for match in _ISO.finditer(text)}
    for pattern in _SPELLED:
        for match in pattern.finditer(text):
            day = _spelled(match, today)
            if day is not None:
                found.setdefault(match.start(), day.isoformat())
    if today is not None:
        for match in _NAMED.finditer(text):
            found.setdefault(match.start(), _named(match[1].lower(), today).isoformat())
    return [found[start] for start in sorted(found)]


def times(text: str) -> Iterator[str]:
    """Each time of day as HH:MM."""
    for match in _TIME.finditer(text):
        if match[1]:
            yield f"{int(match[1]):02}:{match[2]}"
        else:
            yield f"{int(match[3]) % 12 + (12 if match[5].lower() == 'p' else 0):02}:{match[4] or '00'}"


def today(text: str) -> date | None:
    """The day a system message says it is: the first one it spells out with a year."""
    return next((date.fromisoformat(day) for day in days(text, None)), None)


def _spelled(match: re.Match[str], today: date | None) -> date | None:
    year = int(match["year"]) if match["year"] else today.year if today else None
    if year is None:
        return None
    try:
        day = date(year, _MONTHS[match["month"][:3].lower()], int(match["day"]))
    except ValueError:
        return None
    past = not match["year"] and today is not None and day < today
    return day.replace(year=year + 1) if past and (day.month, day.day) != (2, 29) else day


def _named(name: str, today: date) -> date:
    if name in _RELATIVE:
        return today + timedelta(days=_RELATIVE[name])
    return today + timedelta(days=(_DAYS[name] - today.weekday() - 1) % 7 + 1)


def is_named(word: str) -> bool:
    """Whether `word` is the name of a month or a day of the week."""
    return word.lower() in {*_MONTH_NAMES.split(), *_DAYS}
