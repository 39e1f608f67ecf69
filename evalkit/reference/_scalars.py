"""Random numbers and strings that a schema without compositions asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID

from evalkit.data import Json
from evalkit.reference import patterns

Node = Mapping[str, Any]

_NOTHING_MUCH = (
    "amber birch cedar delta ember fjord grove harbor indigo juniper kelp linen maple north olive pearl quartz "
    "river slate thyme umber violet willow yarrow zinc"
)
WORDS = tuple(_NOTHING_MUCH.split())
_SPAN = 1_000
_LONGEST = 5_000


def number(node: Node, random: Random, *, whole: bool) -> Json:
    """Within the bounds and a multiple of what is asked for, if there is such a number near the lower bound."""
    low, high = _bounds(node)
    low, high = _window(low, high)
    step = node.get("multipleOf")
    if step:
        unit = Fraction(str(step))
        unit = unit * unit.denominator if whole and unit.denominator != 1 else unit
    elif whole:
        unit = Fraction(1)
    else:
        unit = _fine(high - low)
    first, last = math.ceil(low / unit), math.floor(high / unit)
    drawn = unit * (random.randint(first, last) if first <= last else first)
    return int(drawn) if whole or drawn.denominator == 1 and step and isinstance(step, int) else float(drawn)


def _bounds(node: Node) -> tuple[Fraction | None, Fraction | None]:
    """Least and greatest; what is exclusive is moved inwards by a little."""
    low, high = (_exact(node.get(keyword)) for keyword in ("minimum", "maximum"))
    above, below = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    nudge = Fraction(1, 10**6)
    if above is True and low is not None:  # draft 4
        low += nudge
    elif (least := _exact(above)) is not None:
        low = least + nudge if low is None else max(low, least + nudge)
    if below is True and high is not None:
        high -= nudge
    elif (most := _exact(below)) is not None:
        high = most - nudge if high is None else min(high, most - nudge)
    return low, high


def _exact(value: Json) -> Fraction | None:
    return Fraction(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _window(low: Fraction | None, high: Fraction | None) -> tuple[Fraction, Fraction]:
    if low is None:
        low = min(Fraction(0), high - _SPAN if high is not None else Fraction(0))
    if high is None:
        high = max(low, Fraction(0)) + _SPAN
    return low, high


def _fine(width: Fraction) -> Fraction:
    """Two decimals, or as many as the width between the bounds needs."""
    unit = Fraction(1, 100)
    while width and unit * 2 > width and unit.denominator < 10**12:
        unit /= 10
    return unit


def text(node: Node, random: Random) -> str:
    """A format or a pattern is followed if it is known, lengths otherwise."""
    if isinstance(node.get("pattern"), str):
        return patterns.draw(node["pattern"], random)
    make = FORMATS.get(str(node.get("format")))
    if make is not None:
        return make(random)
    least = int(node.get("minLength", 0))
    most = int(node.get("maxLength", max(least, 1) + 20))
    drawn = " ".join(random.choices(WORDS, k=random.randint(1, 2)))
    while len(drawn) < min(least, _LONGEST):
        drawn += " " + random.choice(WORDS)
    drawn = drawn[:most]
    return drawn.rstrip() + "x" * (len(drawn) - len(drawn.rstrip()))


def _moment(random: Random) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=random.randrange(365 * 24 * 60))


def _host(random: Random) -> str:
    return f"{random.choice(WORDS)}.example"


def _mail(random: Random) -> str:
    return f"{random.choice(WORDS)}@{_host(random)}"


def _address(random: Random) -> str:
    return f"https://{_host(random)}/{random.choice(WORDS)}"


FORMATS: Mapping[str, Callable[[Random], str]] = {
    "date": lambda random: _moment(random).date().isoformat(),
    "date-time": lambda random: _moment(random).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "time": lambda random: _moment(random).strftime("%H:%M:%SZ"),
    "duration": lambda random: f"PT{random.randint(1, 90)}M",
    "email": _mail,
    "idn-email": _mail,
    "hostname": _host,
    "idn-hostname": _host,
    "ipv4": lambda random: f"192.0.2.{random.randint(1, 254)}",
    "ipv6": lambda random: f"2001:db8::{random.randint(1, 0xFFFF):x}",
    "uri": _address,
    "uri-reference": _address,
    "iri": _address,
    "iri-reference": _address,
    "uri-template": lambda random: _address(random) + "/{id}",
    "uuid": lambda random: str(UUID(int=random.getrandbits(128), version=4)),
    "json-pointer": lambda random: f"/{random.choice(WORDS)}",
    "relative-json-pointer": lambda random: f"{random.randint(0, 3)}/{random.choice(WORDS)}",
    "regex": lambda random: f"^{random.choice(WORDS)}$",
}
