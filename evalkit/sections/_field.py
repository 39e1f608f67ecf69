"""All targets of a report in one line: the baseline, then every candidate, those that pass first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from evalkit.data import Cell, Comparison, Outcome, Rate, Record, RunInfo, Target, Verdict
from evalkit.pairing import missing
from evalkit.sections import _records as records

LEADING = ("correct", "compliance", "abstained")
_RANKS = ("pass", "inconclusive", "fail", "not comparable")


class Entry(Struct, frozen=True, kw_only=True):
    """One target. `comparison` and `verdict` are None for the baseline, which is held against nothing."""

    target: Target
    records: tuple[Record, ...]
    """In the order of the suite."""
    trials: Mapping[str, tuple[Record, ...]]
    """Case id -> its records."""
    rates: Mapping[tuple[str, str], Rate]
    """(slice, score) -> what it is worth by itself."""
    passes: Mapping[str, bool]
    """Case id -> whether it passes; only cases that the baseline answered as well."""
    info: RunInfo
    """Of the run in which it was asked."""
    missing: float
    """Share of its answers that ended in a Fault or were never asked for, as the gate counts it."""
    comparison: Comparison | None = None
    verdict: Verdict | None = None

    def cell(self, score: str, where: str = "all") -> Cell | None:
        """Against the baseline; None for the baseline itself."""
        found = self.comparison.cells if self.comparison else ()
        return next((cell for cell in found if cell.score == score and cell.slice == where), None)

    @property
    def outcome(self) -> Outcome | Literal["not comparable", "baseline"]:
        if self.verdict is None:
            return "baseline"
        return self.verdict.outcome if self.verdict.comparable else "not comparable"

    @property
    def leading(self) -> Cell | None:
        """The score that matters most of those that the suite judges."""
        cells = (self.cell(score) for score in LEADING)
        return next((cell for cell in cells if cell and cell.pairs), None)


def entries(comparison: Comparison, verdict: Verdict) -> Sequence[Entry]:
    """At least two. Of candidates with one outcome, the one that gained most stands first."""
    (baseline, before), _ = records.sides(comparison)
    lacking, _ = missing.shares(_counted(comparison, verdict))
    held = [(comparison, verdict), *((rival.comparison, rival.verdict) for rival in comparison.rivals)]
    candidates = [_candidate(found, decided) for found, decided in held]
    return (
        Entry(
            target=baseline,
            records=before,
            trials=comparison.baseline_records,
            rates={(cell.slice, cell.score): cell.baseline for cell in comparison.cells},
            passes=_passes(comparison, "broken"),
            info=comparison.baseline_info,
            missing=lacking,
        ),
        *sorted(candidates, key=_rank),
    )


def _rank(entry: Entry) -> tuple[int, float, str]:
    gain = entry.leading.difference if entry.leading else None
    return _RANKS.index(entry.outcome), -(gain or 0.0), entry.target.identity


def _candidate(comparison: Comparison, verdict: Verdict) -> Entry:
    _, (target, after) = records.sides(comparison)
    return Entry(
        target=target,
        records=after,
        trials=comparison.candidate_records,
        rates={(cell.slice, cell.score): cell.candidate for cell in comparison.cells},
        passes=_passes(comparison, "fixed"),
        info=comparison.candidate_info,
        missing=missing.shares(_counted(comparison, verdict))[1],
        comparison=comparison,
        verdict=verdict,
    )


def _counted(comparison: Comparison, verdict: Verdict) -> Comparison:
    """Over the cases that the verdict counts: none in quarantine."""
    left_out = {entry.case for entry in verdict.quarantined}
    cases = tuple(case for case in comparison.suite.cases if case.id not in left_out)
    return replace(comparison, suite=replace(comparison.suite, cases=cases))


def _passes(comparison: Comparison, alone: str) -> Mapping[str, bool]:
    """`alone`: the kind of change of a case that passes on this side only."""
    judged = (change for change in comparison.changes if change.kind in ("same", "fixed", "broken", "both_fail"))
    return {change.case: change.kind in ("same", alone) for change in judged}
