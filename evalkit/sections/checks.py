"""What the policy required, what was measured, and what would settle the open points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from evalkit import numerals
from evalkit.data import (
    Block,
    CheckOutcome,
    Column,
    Comparison,
    Json,
    OnInconclusive,
    Prose,
    Quarantine,
    Section,
    Table,
    Verdict,
)

ORDER = 30


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """The checks in the order of the policy; what makes the runs unlike stands before them, what is left out behind."""
    blocks: list[Block] = [Prose(text=f"The runs differ: {difference}.") for difference in comparison.differs]
    infos = comparison.baseline_info, comparison.candidate_info
    blocks += [Prose(text=f"Asking stopped: {why}.") for why in dict.fromkeys(i.stopped for i in infos) if why]
    if any(info.sequential for info in infos):
        blocks.append(Prose(text=_SEQUENTIAL))
    if verdict.checks:
        blocks.append(_table(verdict))
    if verdict.quarantined or verdict.expired:
        blocks.append(_quarantine(verdict))
    if not blocks:
        return None
    return Section(id="checks", title="What was required", blocks=tuple(blocks), lead=_lead(verdict))


_SEQUENTIAL = (
    "Answers were looked at as they came. Rates and differences have intervals that hold at any stopping time; "
    "they are wider than those of a run of fixed length."
)

_OUTCOMES: Mapping[CheckOutcome, str] = {
    "fail": "failed",
    "inconclusive": "could not be settled",
    "not_applicable": "did not apply",
}
_OPEN: Mapping[OnInconclusive, str] = {
    "fail": "The policy has an open gate fail.",
    "warn": "",
    "pass": "The policy lets an open gate pass.",
}


def _lead(verdict: Verdict) -> str:
    total, counts = len(verdict.checks), Counter(check.outcome for check in verdict.checks)
    if not total:
        return "No check could be made."
    if counts["pass"] == total:
        return f"All {numerals.counted(total, 'check')} passed." if total > 1 else "The one check passed."
    parts = [f"{counts['pass']} of {numerals.counted(total, 'check')} passed"]
    parts += [f"{counts[outcome]} {told}" for outcome, told in _OUTCOMES.items() if counts[outcome]]
    consequence = _OPEN[verdict.inconclusive] if verdict.outcome == "inconclusive" else ""
    return f"{', '.join(parts)}. {consequence}".rstrip()


def _table(verdict: Verdict) -> Table:
    return Table(
        title="Checks",
        columns=(
            Column(key="outcome", label="Outcome", kind="outcome"),
            Column(key="required", label="Required"),
            Column(key="measured", label="Measured"),
            Column(key="reading", label="What it means"),
        ),
        rows=tuple(
            {
                "outcome": check.outcome,
                "required": check.required,
                "measured": check.measured,
                "reading": f"{check.sentence} To settle it: {check.settle}." if check.settle else check.sentence,
            }
            for check in verdict.checks
        ),
        note="A change of a score stands with its one-sided 95 % bounds, on which it is decided; a rate or a ratio "
        "with its 95 % interval, as in the other tables.",
    )


def _quarantine(verdict: Verdict) -> Table:
    rows = [_entry(entry, "expired, counts again") for entry in verdict.expired]
    rows += [_entry(entry, "left out") for entry in verdict.quarantined]
    return Table(
        title="Cases in quarantine",
        columns=(
            Column(key="state", label="State"),
            Column(key="case", label="Case", kind="code"),
            Column(key="until", label="Until"),
            Column(key="owner", label="Owner"),
            Column(key="why", label="Why"),
        ),
        rows=tuple(rows),
        note="What is left out counts in no check and in no tool's readiness; the other numbers of the report have it.",
    )


def _entry(entry: Quarantine, state: str) -> Mapping[str, Json]:
    told = {"state": state, "case": entry.case, "until": entry.until, "owner": entry.owner, "why": entry.why}
    return {**told, "shows": {"case": {"case": entry.case}}}
