"""The records of a comparison, side by side, in the order of the suite."""

from __future__ import annotations

from evalkit.data import Comparison, Record, Target

Side = tuple[Target, tuple[Record, ...]]


def sides(comparison: Comparison) -> tuple[Side, Side]:
    """(target, its records) of the baseline, then of the candidate."""
    order = [case.id for case in comparison.suite.cases]
    before, after = comparison.baseline_records, comparison.candidate_records
    return (
        (comparison.baseline, tuple(record for case in order for record in before.get(case, ()))),
        (comparison.candidate, tuple(record for case in order for record in after.get(case, ()))),
    )
