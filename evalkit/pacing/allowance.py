"""How long an endpoint wants nothing more, by the headers of its answers: a wait it names, or an allowance used up.

Header names are in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SPENT: Mapping[str, str] = {
    **{f"x-ratelimit-remaining-{what}": f"x-ratelimit-reset-{what}" for what in ("requests", "tokens")},
    **{
        f"anthropic-ratelimit-{what}-remaining": f"anthropic-ratelimit-{what}-reset"
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
    },
    "ratelimit-remaining": "ratelimit-reset",
}
"""What is left of an allowance -> when it is whole again, in the words of OpenAI, Anthropic and the IETF's draft."""
_DAY = 86_400.0
"""A number beyond it is no wait: some write the seconds since 1970 there."""
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")


def pause(headers: Mapping[str, str]) -> float | None:
    """Seconds until more is wanted; None if nothing is said of it."""
    asked = named(headers)
    return spent(headers) if asked is None else asked


def named(headers: Mapping[str, str]) -> float | None:
    """The wait that `Retry-After` names."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    asked = headers.get("retry-after")
    if asked is None:
        return None
    seconds = _number(asked)
    if seconds is not None:
        return seconds
    until = moment(asked)
    return None if until is None else _left(until)


def spent(headers: Mapping[str, str]) -> float | None:
    """Until the last of the allowances of which nothing is left is whole again."""
    resets = (_reset(headers.get(reset, "")) for left, reset in _SPENT.items() if headers.get(left) == "0")
    return max((reset for reset in resets if reset is not None), default=None)


def _reset(text: str) -> float | None:
    """`1s`, `6m0s` or `120ms`, seconds, or the moment itself."""
    match = _DURATION.fullmatch(text)
    if text and match:
        hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
        return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    plain = _number(text)
    if plain is not None:
        return plain if plain <= _DAY else None
    try:
        return _left(_aware(datetime.fromisoformat(text)))
    except ValueError:
        return None


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"\d+(?:\.\d+)?", text) else None


def moment(date: str) -> datetime | None:
    """What an HTTP date names; None if it is none, or a moment that no calendar here has."""
    try:
        return _aware(parsedate_to_datetime(date))
    except (ValueError, OverflowError):
        return None


def _aware(named: datetime) -> datetime:
    return named.replace(tzinfo=named.tzinfo or UTC)


def _left(until: datetime) -> float:
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
