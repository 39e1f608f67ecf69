"""What the policy required, what was measured, and what would settle the open points."""

from __future__ import annotations

from evalkit import numerals
from evalkit.data import Block, Column, Comparison, Prose, Section, Table, Verdict

ORDER = 30


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """The checks in the order of the policy; what makes the runs unlike stands before them."""
    blocks: list[Block] = [Prose(text=f"The runs differ: {difference}.") for difference in comparison.differs]
    if verdict.checks:
        blocks.append(_table(verdict))
    if not blocks:
        return None
    return Section(id="checks", title="What was required", blocks=tuple(blocks), lead=_lead(verdict))


def _lead(verdict: Verdict) -> str:
    total = len(verdict.checks)
    passed = sum(check.outcome == "pass" for check in verdict.checks)
    failed = sum(check.outcome == "fail" for check in verdict.checks)
    if not total:
        return "No check could be made."
    if passed == total:
        return f"All {numerals.counted(total, 'check')} passed." if total > 1 else "The one check passed."
    parts = [f"{passed} of {numerals.counted(total, 'check')} passed"]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{total - passed - failed} could not be settled"] if total > passed + failed else []
    return ", ".join(parts) + "."


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
    )
