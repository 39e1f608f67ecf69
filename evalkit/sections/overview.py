"""The few numbers that matter, and what became of the cases, at a glance."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

from evalkit import numerals, tally
from evalkit.data import Block, Cell, Comparison, Figure, Json, Record, Section, Target, Verdict
from evalkit.sections import _records as records
from evalkit.sections import _words as words

ORDER = 10
SCORES = ("compliance", "correct", "abstained")
PARTS = (
    ("same", "pass on both"),
    ("fixed", "fixed"),
    ("broken", "broken"),
    ("both_fail", "fail on both"),
    ("unjudged", "not judged"),
    ("unpaired", "not asked on both"),
)


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None where there is not one case to show."""
    if not comparison.changes:
        return None
    tiles = [_score_tile(c) for score in SCORES if (c := words.cell(comparison, score)) and c.pairs]
    tiles += _latency_tile(comparison) + _spending_tile(comparison)
    blocks: list[Block] = [_tiles(tiles)] if tiles else []
    lead = words.also_quarantined(verdict).strip()
    return Section(id="overview", title="At a glance", lead=lead, blocks=(*blocks, _shares(comparison)))


def _tiles(tiles: Sequence[Json]) -> Figure:
    told = "; ".join(f"{words.within(tile['label'])} {tile['said']}" for tile in tiles)
    return Figure(kind="tiles", title="Headline numbers", data={"tiles": list(tiles)}, alt=f"{told}.")


def _score_tile(cell: Cell) -> Json:
    before, after = (rate.value for rate in cell.shared)
    change = f"{numerals.points(cell.difference)} points {numerals.between(cell.low, cell.high)}".strip()
    return {
        "label": words.LABELS[cell.score],
        "kind": "percent",
        "value": after,
        "was": before,
        "change": cell.difference,
        "low": cell.low,
        "high": cell.high,
        "better": "up",
        "said": f"{numerals.percent(before)} → {numerals.percent(after)} ({change})",
    }


def _latency_tile(comparison: Comparison) -> list[Json]:
    (_, before), (_, after) = records.sides(comparison)
    old, new = _median(before), _median(after)
    found = comparison.latency
    if old is None or new is None or found.ratio is None or comparison.times_differ:
        return []
    return [
        {
            "label": "Median latency",
            "kind": "seconds",
            "value": new,
            "was": old,
            "change": found.ratio,
            "low": found.low,
            "high": found.high,
            "better": "down",
            "said": f"{numerals.seconds(old)} → {numerals.seconds(new)} ({numerals.ratio(found.ratio)} case by case)",
        }
    ]


def _median(side: Sequence[Record]) -> float | None:
    """As the latency section has it; where that is too careful to name one, the middle of what was timed."""
    quantile, timed = tally.latency_quantiles(side)["p50"], tally.seconds(side)
    return quantile[0] if quantile else statistics.median(timed) if timed else None


def _spending_tile(comparison: Comparison) -> list[Json]:
    """Money where both sides' is known, else output tokens for each answer."""
    (old, new) = (_spent(target, side) for target, side in records.sides(comparison))
    for key, label, kind in (
        ("cost", "Cost per 1,000 answers", "usd"),
        ("tokens", "Output tokens per answer", "number"),
    ):
        before, after = old[key], new[key]
        if before and after:
            return [
                {
                    "label": label,
                    "kind": kind,
                    "value": after,
                    "was": before,
                    "change": after / before,
                    "low": None,
                    "high": None,
                    "better": "down",
                    "said": f"{before:.3g} → {after:.3g} ({after / before:.2f}×)",
                }
            ]
    return []


def _spent(target: Target, side: Sequence[Record]) -> dict[str, float | None]:
    spent = tally.usage(side, target)
    tokens = spent.total.output_tokens
    return {
        "cost": words.for_thousand(spent.cost_each),
        "tokens": tokens / spent.counted if tokens and spent.counted else None,
    }


def _shares(comparison: Comparison) -> Figure:
    counts: Counter[str] = Counter(change.kind for change in comparison.changes)
    parts = [{"label": label, "tone": kind, "count": counts[kind]} for kind, label in PARTS if counts[kind]]
    told = ", ".join(f"{part['count']:,} {part['label']}" for part in parts)
    return Figure(
        kind="shares",
        title=f"What became of {numerals.counted(len(comparison.changes), 'case')}",
        data={"parts": parts},
        alt=f"{told}.",
    )
