"""Both models' scores side by side, with intervals, their differences, and what repairing would buy."""

from __future__ import annotations

from evalkit import numerals
from evalkit.data import Cell, Column, Comparison, Figure, Json, Section, Table, Verdict
from evalkit.sections import _words as words

ORDER = 40
HEADLINE = ("compliance", "correct", "abstained", "called", "tool", "parsed")
STRICTNESS = ("compliance", "compliance_lenient", "compliance_repaired")


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None where nothing was judged on both sides."""
    cells = [found for score in HEADLINE if (found := words.cell(comparison, score)) and found.pairs]
    if not cells:
        return None
    margins = {
        c.rule.score: c.rule.limit for c in verdict.checks if c.rule.kind == "max_drop" and c.rule.slice == "all"
    }
    return Section(
        id="scorecard",
        title="Scores",
        lead=_lead(cells),
        blocks=(_scores(comparison, verdict, cells), _forest(cells, margins), *_strictness(comparison)),
    )


def _lead(cells: list[Cell]) -> str:
    surely = [c for c in cells if c.low is not None and c.high is not None and (c.low > 0 or c.high < 0)]
    if not surely:
        return "No score differs by more than chance would explain."
    named = ", ".join(f"{words.within(words.LABELS[c.score])} {numerals.points(c.difference)}" for c in surely)
    return f"Beyond chance: {named} points."


def _scores(comparison: Comparison, verdict: Verdict, cells: list[Cell]) -> Table:
    return Table(
        title="Headline scores",
        columns=(
            Column(key="score", label="Score"),
            Column(key="baseline", label=comparison.baseline.identity, kind="percent"),
            Column(key="candidate", label=comparison.candidate.identity, kind="percent"),
            Column(key="difference", label="Difference", kind="points"),
            Column(key="fixed", label="Fixed", kind="int"),
            Column(key="broken", label="Broken", kind="int"),
            Column(key="p", label="p", kind="p", note="McNemar mid-p of fixed against broken"),
            Column(key="pairs", label="Cases", kind="int", note="cases judged on both sides"),
        ),
        rows=tuple(
            {
                "score": words.LABELS[c.score],
                "meaning": words.meaning(c.score),
                "baseline": words.rate(c.shared[0]),
                "candidate": words.rate(c.shared[1]),
                "difference": words.difference(c),
                "fixed": c.fixed,
                "broken": c.broken,
                "p": c.p,
                "pairs": c.pairs,
            }
            for c in cells
        ),
        note="Rates over the cases judged on both sides, whether or not a call was made. Intervals are two-sided, at "
        "95 %. The scores from “called a tool” to “correct” build on each other: each implies those before it."
        + words.also_quarantined(verdict),
    )


def _forest(cells: list[Cell], margins: dict[str | None, float]) -> Figure:
    rows: list[Json] = [
        {
            "label": words.LABELS[c.score],
            "value": c.difference,
            "low": c.low,
            "high": c.high,
            "margin": margins.get(c.score),
        }
        for c in cells
        if c.difference is not None
    ]
    told = "; ".join(
        f"{words.within(row['label'])} {numerals.points(row['value'])} {numerals.between(row['low'], row['high'])}"
        for row in rows
    )
    return Figure(
        kind="forest",
        title="Differences, candidate − baseline, in percentage points",
        data={"rows": rows},
        alt=f"Differences with 95 % intervals, in points: {told}.",
    )


def _strictness(comparison: Comparison) -> tuple[Table, ...]:
    """Only where being lenient would change anything: three equal rows say nothing."""
    cells = [found for score in STRICTNESS if (found := words.cell(comparison, score))]
    if len(cells) < 2 or len({tuple(rate.passed for rate in c.shared) for c in cells}) < 2:
        return ()
    names = {
        "compliance": "Strict: as sent",
        "compliance_lenient": "Lenient: code fences and white space removed",
        "compliance_repaired": "Repaired: every documented repair applied",
    }
    return (
        Table(
            title="What repairing would buy",
            columns=(
                Column(key="reading", label="Compliance when read"),
                Column(key="baseline", label=comparison.baseline.identity, kind="percent"),
                Column(key="candidate", label=comparison.candidate.identity, kind="percent"),
                Column(key="difference", label="Difference", kind="points"),
            ),
            rows=tuple(
                {
                    "reading": names[c.score],
                    "baseline": words.rate(c.shared[0]),
                    "candidate": words.rate(c.shared[1]),
                    "difference": words.difference(c),
                }
                for c in cells
            ),
            note="Verdicts rest on the strict reading. The gap is what an application gains by repairing first.",
        ),
    )
