"""Cases that were asked and not compared, because the baseline knows them otherwise: each with what changed."""

from __future__ import annotations

from evalkit import numerals
from evalkit.data import Column, Comparison, Section, Table, Verdict

ORDER = 85


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None if nothing was left out."""
    if not comparison.left_out:
        return None
    told = numerals.counted(len(comparison.left_out), "case")
    return Section(
        id="left_out",
        title="Not compared",
        lead=f"{told} of this run say nothing of the models side by side: the baseline was set before they changed.",
        blocks=(
            Table(
                title="Left out, and why",
                columns=(Column(key="case", label="Case", kind="code"), Column(key="why", label="Why")),
                rows=tuple({"case": change.case, "why": change.why} for change in comparison.left_out),
                note="Set the baseline again to compare them: `evalkit baseline set RUN`.",
            ),
        ),
    )
