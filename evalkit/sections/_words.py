"""What the sections call things, so that one thing has one name in the whole report."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import SCORES, Cell, Comparison, Json, Rate, Verdict
from evalkit.numerals import counted

LABELS: Mapping[str, str] = {
    "compliance": "Compliance",
    "correct": "Correct",
    "abstained": "Rightly no call",
    "called": "Called a tool",
    "tool": "Offered tools only",
    "parsed": "Arguments are JSON",
    "compliance_lenient": "Compliance, lenient",
    "compliance_repaired": "Compliance, repaired",
}
"""A heading for each of SCORES, in the order in which they are shown."""


def meaning(score: str) -> str:
    return next((text for name, text in SCORES.items() if name == score), "")


def also_quarantined(verdict: Verdict) -> str:
    """Where numbers have what the checks leave out; "" where nothing is left out."""
    left_out = len(verdict.quarantined)
    return (
        f" The {counted(left_out, 'case')} in quarantine, which the verdict leaves out, count here." if left_out else ""
    )


def within(label: str) -> str:
    """A label within a sentence: `Arguments are JSON` -> `arguments are JSON`."""
    return label[:1].lower() + label[1:]


def cell(comparison: Comparison, score: str, where: str = "all") -> Cell | None:
    return next((c for c in comparison.cells if c.score == score and c.slice == where), None)


def sure(measured: Cell) -> bool:
    """Whether the 95 % interval of its difference leaves 0 out."""
    return measured.low is not None and measured.high is not None and (measured.low > 0 or measured.high < 0)


def rate(measured: Rate) -> Json:
    """A rate with its interval, as a cell of a table."""
    return {"value": measured.value, "low": measured.low, "high": measured.high}


def difference(measured: Cell) -> Json:
    return {"value": measured.difference, "low": measured.low, "high": measured.high}


def for_thousand(each: float | None) -> float | None:
    """What 1,000 answers cost where one costs `each`, which is too little to read."""
    return None if each is None else 1000 * each
