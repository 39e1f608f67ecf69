"""Tokens and money, in all and for each compliant answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalkit import tally
from evalkit.data import Column, Comparison, Json, Record, Section, Table, Target, Verdict
from evalkit.sections import _records as records

ORDER = 100
COLUMNS = (
    Column(key="target", label="Model"),
    Column(key="answers", label="Answers", kind="int"),
    Column(key="input", label="Input tokens", kind="int"),
    Column(key="cached", label="of them cached", kind="int"),
    Column(key="output", label="Output tokens", kind="int"),
    Column(key="each", label="Output per answer", kind="number"),
    Column(key="cost", label="Cost", kind="usd"),
    Column(key="cost_each", label="Cost per compliant answer", kind="usd"),
)
"""Those that no answer fills are left out."""


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None if no answer reported tokens or cost."""
    rows = [_row(target, side) for target, side in records.sides(comparison)]
    if not any(row["input"] is not None or row["output"] is not None or row["cost"] is not None for row in rows):
        return None
    return Section(
        id="spending",
        title="Tokens and cost",
        lead=_lead(comparison, rows[0], rows[1]),
        blocks=(
            Table(
                title="What the run used",
                columns=tuple(column for column in COLUMNS if any(row[column.key] is not None for row in rows)),
                rows=tuple(rows),
                note=" ".join(_unknown(rows)),
            ),
        ),
    )


def _row(target: Target, side: tuple[Record, ...]) -> dict[str, Json]:
    spent = tally.usage(side, target)
    return {
        "target": target.identity,
        "answers": spent.answers,
        "counted": spent.counted,
        "priced": spent.priced,
        "input": spent.total.input_tokens,
        "cached": spent.total.cached_tokens,
        "output": spent.total.output_tokens,
        "each": spent.total.output_tokens / spent.counted if spent.total.output_tokens and spent.counted else None,
        "cost": spent.total.cost,
        "cost_each": spent.cost_compliant,
    }


def _unknown(rows: Sequence[dict[str, Json]]) -> Iterator[str]:
    """What the sums leave out. A side of which nothing is known has no sum that could be too low."""
    if any(0 < row["counted"] < row["answers"] for row in rows):
        yield "Some answers reported no tokens: the sums of tokens are too low."
    if any(0 < row["priced"] < row["answers"] for row in rows):
        yield (
            "Of some answers the cost is not known: the sum of costs is too low. What a compliant answer costs is told "
            "over those of which it is known."
        )


def _lead(comparison: Comparison, before: dict[str, Json], after: dict[str, Json]) -> str:
    """On the cases that both answered; money for what it buys as well."""
    parts = []
    for ratio, name in ((comparison.output_tokens, "output tokens"), (comparison.cost, "money")):
        if ratio is not None and ratio.ratio is not None:
            bounds = "" if ratio.low is None or ratio.high is None else f" [{ratio.low:.2f}, {ratio.high:.2f}]"
            parts.append(f"{ratio.ratio:.2f}×{bounds} the {name}")
    if before["cost_each"] and after["cost_each"]:
        parts.append(f"{after['cost_each'] / before['cost_each']:.2f}× the money for each compliant answer")
    return f"On the same cases the candidate uses {', '.join(parts)}." if parts else ""
