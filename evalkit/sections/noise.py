"""How far the incumbent differs from itself, and the candidate beside it."""

from __future__ import annotations

from evalkit.data import Column, Comparison, Json, Noise, Section, Table, Verdict
from evalkit.numerals import between, counted, percent, points
from evalkit.sections import _words as words

ORDER = 45


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None unless the incumbent was asked twice or more."""
    found = comparison.noise
    if found is None:
        return None
    cell = words.cell(comparison, found.score)
    nothing: Json = {"value": None, "low": None, "high": None}
    rows: list[Json] = [
        {
            "pair": f"{comparison.baseline.identity} against itself",
            "flips": {"value": found.flips, "low": found.flips_low, "high": found.flips_high},
            "difference": {"value": found.difference, "low": found.low, "high": found.high},
        },
        {
            "pair": f"{comparison.candidate.identity} against {comparison.baseline.identity}",
            "flips": found.between,
            "difference": words.difference(cell) if cell else nothing,
        },
        {
            "pair": f"{comparison.candidate.identity} against itself",
            "flips": found.candidate_flips,
            "difference": nothing,
        },
    ]
    return Section(
        id="noise",
        title="How much is chance",
        lead=_lead(found),
        blocks=(
            Table(
                title=f"Two trials of one case: {words.within(words.LABELS[found.score])}",
                columns=(
                    Column(key="pair", label="Trials of"),
                    Column(key="flips", label="Come out differently", kind="percent"),
                    Column(key="difference", label="Difference", kind="points"),
                ),
                rows=tuple(rows),
                note=f"Over {counted(found.cases, 'case')} asked more than once. The first difference is the "
                "baseline's second trial less its first: what a migration from the model to itself would show.",
            ),
        ),
    )


def _lead(found: Noise) -> str:
    told = f"Asked again, the baseline itself changes {percent(found.flips)} of the cases"
    told += f" and moves by {points(found.difference)} points {between(found.low, found.high)}"
    return f"{told}; the candidate changes {percent(found.between)}." if found.between is not None else f"{told}."
