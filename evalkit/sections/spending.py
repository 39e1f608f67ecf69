"""Tokens and money, in all and for each compliant answer."""

from __future__ import annotations

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
    partial = any(row["counted"] < row["answers"] for row in rows)
    return Section(
        id="spending",
        title="Tokens and cost",
        lead=_lead(rows[0], rows[1]),
        blocks=(
            Table(
                title="What the run used",
                columns=tuple(column for column in COLUMNS if any(row[column.key] is not None for row in rows)),
                rows=tuple(rows),
                note="Some answers reported no tokens: the sums are too low." if partial else "",
            ),
        ),
    )


def _row(target: Target, side: tuple[Record, ...]) -> dict[str, Json]:
    spent = tally.usage(side, target)
    compliant = sum(record.score is not None and record.score.valid is True for record in side)
    return {
        "target": target.identity,
        "answers": spent.answers,
        "counted": spent.counted,
        "input": spent.total.input_tokens,
        "cached": spent.total.cached_tokens,
        "output": spent.total.output_tokens,
        "each": spent.total.output_tokens / spent.counted if spent.total.output_tokens and spent.counted else None,
        "cost": spent.total.cost,
        "cost_each": spent.total.cost / compliant if spent.total.cost is not None and compliant else None,
    }


def _lead(before: dict[str, Json], after: dict[str, Json]) -> str:
    parts = []
    for key, name in (("each", "output tokens per answer"), ("cost_each", "cost per compliant answer")):
        if before[key] and after[key]:
            parts.append(f"{after[key] / before[key]:.2f}× the {name}")
    return f"The candidate uses {' and '.join(parts)}." if parts else ""
