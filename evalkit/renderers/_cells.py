"""What stands in a cell of a table: a value as text, by the kind of its column."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from evalkit import numerals
from evalkit.data import Column, Json

OUTCOMES: Mapping[str, tuple[str, str]] = {
    "pass": ("✓", "passed"),
    "fail": ("✕", "failed"),
    "inconclusive": ("?", "open"),
    "not_applicable": ("−", "does not apply"),
    "blocked": ("✕", "blocked"),
    "watch": ("!", "watch"),
    "safe only strict": ("✓", "safe only strict"),
    "not enough data": ("?", "not enough data"),
    "safe": ("✓", "safe"),
    "not comparable": ("≠", "not comparable"),
    "baseline": ("•", "baseline"),
}
"""Outcome of a check or a gate, or readiness of a tool -> (sign, word): never colour alone."""
VERDICTS: Mapping[str, str] = {
    "improved": "Improved",
    "not_worse": "Not worse",
    "meets_policy": "Meets the policy",
    "regressed": "Regressed",
    "breaks_policy": "Breaks the policy",
    "possibly_regressed": "Possibly regressed",
    "inconclusive": "Inconclusive",
    "unreliable_baseline": "Unreliable baseline",
    "not_comparable": "Not comparable",
}
CHANGES: Mapping[str, tuple[str, str]] = {
    "broken": ("✕", "broken"),
    "fixed": ("✓", "fixed"),
    "both_fail": ("−", "fails on both"),
    "unjudged": ("?", "not judged"),
    "unpaired": ("?", "not asked on both"),
    "same": ("=", "passes on both"),
}
NUMERIC = frozenset({"int", "change", "number", "percent", "points", "seconds", "usd", "ratio", "p"})

_NUMBERS: Mapping[str, Callable[[Json], str]] = {
    "int": lambda value: f"{value:,}",
    "change": numerals.change,
    "number": numerals.number,
    "percent": numerals.percent,
    "points": numerals.points,
    "seconds": numerals.seconds,
    "usd": numerals.usd,
    "ratio": numerals.ratio,
    "p": numerals.chance,
}


class Shown(NamedTuple):
    """`interval` is "" where there is none."""

    text: str
    interval: str = ""


def show(column: Column, value: Json) -> Shown:
    if isinstance(value, dict) and column.kind in NUMERIC:
        return Shown(show(column, value["value"]).text, _interval(column, value["low"], value["high"]))
    if value is None:
        return Shown(numerals.NOTHING)
    if isinstance(value, str) and column.kind in NUMERIC:
        return Shown(value)
    if column.kind == "outcome":
        sign, word = OUTCOMES.get(str(value), ("", str(value)))
        return Shown(f"{sign} {word}".strip())
    if column.kind in _NUMBERS:
        return Shown(_NUMBERS[column.kind](value))
    return Shown(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _interval(column: Column, low: Json, high: Json) -> str:
    if low is None or high is None:
        return ""
    if column.kind == "percent":
        return f"[{low * 100:.1f}, {high * 100:.1f}]"
    if column.kind == "ratio":
        return f"[{low:.2f}, {high:.2f}]"
    return f"[{_NUMBERS[column.kind](low)}, {_NUMBERS[column.kind](high)}]"
