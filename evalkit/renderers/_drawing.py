"""Where things stand in a figure: numbers to places in percent of the drawing's width and height."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from evalkit import numerals
from evalkit.data import Figure, Json


def forest(figure: Figure) -> dict[str, Any]:
    """Rows of points and whiskers on one axis around zero; `tone` says on which side of zero an interval lies."""
    rows = [row for row in figure.data["rows"] if row["value"] is not None]
    ends: list[float] = [row[key] for row in rows for key in ("value", "low", "high") if row[key] is not None]
    ends += [-row["margin"] for row in rows if row["margin"] is not None]
    step = _step(max([*map(abs, ends), 0.005]))
    left = step * math.ceil(max([*(-end for end in ends), step]) / step - 1e-9)
    right = step * math.ceil(max([*ends, step]) / step - 1e-9)

    def place(value: float) -> float:  # a little inside the edges, so that a dot is never cut
        return round(1.5 + 97 * max(0.0, min(1.0, (value + left) / (left + right))), 2)

    ticks = [step * n for n in range(-round(left / step), round(right / step) + 1)]
    return {
        "rows": [
            {
                "label": row["label"],
                "at": place(row["value"]),
                "low": None if row["low"] is None else place(row["low"]),
                "high": None if row["high"] is None else place(row["high"]),
                "margin": None if row["margin"] is None else place(-row["margin"]),
                "tone": _tone(row["low"], row["high"]),
                "text": numerals.points(row["value"]),
                "interval": numerals.between(row["low"], row["high"]),
            }
            for row in rows
        ],
        "zero": place(0),
        "ticks": [{"at": place(tick), "label": _tick(tick)} for tick in ticks],
        "margin": any(row["margin"] is not None for row in rows),
    }


def _step(reach: float) -> float:
    """A round step that gives two to four ticks on either side."""
    for exponent in range(-3, 1):
        for digit in (1, 2, 5):
            if (step := float(f"{digit}e{exponent}")) * 4 >= reach:
                return step
    return 1.0


def _tick(value: float) -> str:
    text = f"{value * 100:+.1f}".removesuffix(".0").replace("-", "−")
    return "0" if text.strip("+−") in {"0", "0.0"} else text


def _tone(low: float | None, high: float | None) -> str:
    if low is not None and low > 0:
        return "better"
    return "worse" if high is not None and high < 0 else "unclear"


def ecdf(figure: Figure) -> dict[str, Any]:
    """Step curves in a box of 1000 by 1000, time on a logarithmic axis where it spans more than a decade."""
    series: Sequence[Json] = figure.data["series"]
    times: list[float] = [x for one in series for x, _ in one["points"]]
    low, high = min(times), max(times)
    logarithmic = low > 0 and high / low > 8
    if logarithmic:
        low, high = low / 1.1, high * 1.1
    else:
        low, high = 0.0, high * 1.02 or 1.0

    def place(x: float) -> float:
        if logarithmic:
            return math.log(x / low) / math.log(high / low)
        return (x - low) / (high - low)

    return {
        "series": [
            {"label": one["label"], "order": order, "path": _steps([(place(x), share) for x, share in one["points"]])}
            for order, one in enumerate(series)
        ],
        "xticks": [
            {"at": round(place(x) * 100, 2), "label": numerals.seconds(x)} for x in _times(low, high, logarithmic)
        ],
        "yticks": [{"at": 100 - share, "label": f"{share} %"} for share in (0, 25, 50, 75, 100)],
    }


def _steps(points: Sequence[tuple[float, float]]) -> str:
    """An SVG path that rises at each point."""
    x, y = points[0][0] * 1000, 1000.0
    path = [f"M{x:.1f} {y:.1f}"]
    for at, share in points:
        path.append(f"H{at * 1000:.1f}V{1000 - share * 1000:.1f}")
    return "".join([*path, "H1000"])


def _times(low: float, high: float, logarithmic: bool) -> list[float]:
    if logarithmic:
        grid = [float(f"{digit}e{exponent}") for exponent in range(-4, 6) for digit in (1, 2, 5)]
        inside = [time for time in grid if low <= time <= high]
        return inside if len(inside) <= 7 else [time for time in inside if f"{time:e}"[0] == "1"] or inside[:7]
    step = _step(high / 100) * 100 if high < 100 else high / 4
    return [step * n for n in range(int(high / step) + 1)]


def shares(figure: Figure) -> dict[str, Any]:
    """Parts of one bar, as start and width."""
    parts = figure.data["parts"]
    total = sum(part["count"] for part in parts) or 1
    drawn, start = [], 0.0
    for part in parts:
        width = 100 * part["count"] / total
        drawn.append(
            {**part, "at": round(start, 3), "width": round(width, 3), "share": numerals.percent(part["count"] / total)}
        )
        start += width
    return {"parts": drawn}


def tiles(figure: Figure) -> dict[str, Any]:
    """Headline numbers as text, with the direction in which each surely moved."""
    return {"tiles": [_tile(tile) for tile in figure.data["tiles"]]}


def _tile(tile: Json) -> dict[str, str]:
    spell = {"percent": numerals.percent, "seconds": numerals.seconds, "usd": numerals.usd}.get(
        tile["kind"], numerals.number
    )
    neutral = 0.0 if tile["kind"] == "percent" else 1.0
    rose = tile["low"] is not None and tile["low"] > neutral
    fell = tile["high"] is not None and tile["high"] < neutral
    tone = "unclear"
    if rose or fell:
        tone = "better" if rose == (tile["better"] == "up") else "worse"
    if tile["kind"] == "percent":
        change, interval = f"{numerals.points(tile['change'])} points", numerals.between(tile["low"], tile["high"])
    else:
        bounds = tile["low"] is not None and tile["high"] is not None
        change, interval = numerals.ratio(tile["change"]), f"[{tile['low']:.2f}, {tile['high']:.2f}]" if bounds else ""
    return {
        "label": tile["label"],
        "value": spell(tile["value"]),
        "was": spell(tile["was"]),
        "change": change,
        "interval": interval,
        "tone": tone,
        "sign": "▲" if rose else "▼" if fell else "",
    }


def heat(figure: Figure) -> dict[str, Any]:
    """Shares as whole percents (100 only for all, 0 only for none), each with a shade: the darker, the more is lost."""
    rows = [
        {
            "label": row["label"],
            "cells": [
                {"text": _percents(share), "shade": _shade(share), "first": place == 0}
                for group in row["values"]
                for place, share in enumerate(group)
            ],
        }
        for row in figure.data["rows"]
    ]
    return {"groups": figure.data["groups"], "models": figure.data["models"], "rows": rows}


def _percents(share: float | None) -> str:
    if share is None:
        return numerals.NOTHING
    return str(round(share * 100) if share in (0, 1) else min(99, max(1, round(share * 100))))


def _shade(share: float | None) -> str:
    """`none`, `h0` for all of it, up to `h9`."""
    return "none" if share is None else f"h{min(9, math.ceil((1 - share) * 10 - 1e-9))}"


def dots(figure: Figure) -> dict[str, Any]:
    """Rows of points and whiskers, a panel for each score; each has its own axis, for shares often differ little."""
    return {"panels": [_panel(panel, figure.data["rows"]) for panel in figure.data["panels"]]}


def _panel(panel: Json, labels: Sequence[str]) -> dict[str, Any]:
    known = [point for point in panel["points"] if point is not None]
    ends: list[float] = [point[end] for point in known for end in ("value", "low", "high") if point[end] is not None]
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if max(ends) - min(ends) <= 3 * step or step == 0.5)
    low: float = max(0.0, step * math.floor(min(ends) / step + 1e-9))
    high: float = min(1.0, step * math.ceil(max(ends) / step - 1e-9))
    if high - low < step:  # all that was seen lies on one tick
        low, high = (low - step, high) if high == 1 else (low, low + step)

    def place(value: float) -> float:  # a little inside the edges, so that a dot is never cut
        return round(3 + 94 * (value - low) / (high - low), 2)

    reference = next((point["value"] for point in known if point["tone"] == "baseline"), None)
    return {
        "label": panel["label"],
        "rows": [
            {
                "label": label,
                "tone": point["tone"],
                "at": place(point["value"]),
                "low": None if point["low"] is None else place(point["low"]),
                "high": None if point["high"] is None else place(point["high"]),
                "text": numerals.percent(point["value"]),
            }
            if point
            else {"label": label, "tone": "unheard", "at": None, "text": numerals.NOTHING}
            for label, point in zip(labels, panel["points"], strict=True)
        ],
        "reference": None if reference is None else place(reference),
        "ticks": [
            {"at": place(tick), "label": f"{round(tick * 100)} %"}
            for tick in (low + step * n for n in range(round((high - low) / step) + 1))
        ],
    }
