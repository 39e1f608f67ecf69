"""Answers that either side should have and has not: those that ended in a Fault, and those never asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import Comparison, Fault
from evalkit.pairing.sides import Trials


def shares(comparison: Comparison) -> tuple[float, float]:
    """Of the baseline's and of the candidate's answers; 1 if there is no case at all."""
    was, now = (_share(comparison, *side) for side in _sides(comparison))
    return was, now


def short(comparison: Comparison) -> tuple[tuple[int, int], tuple[int, int]]:
    """For each side, how many of its cases were asked, but not in every trial, and how many trials that is."""
    was, now = ((_short(comparison, *side), side[1]) for side in _sides(comparison))
    return was, now


def _share(comparison: Comparison, records: Trials, trials: int) -> float:
    wanted = _wanted(comparison, records, trials)
    part = comparison.suite.part
    answers = sum(wanted.values()) + (part.lacking * trials if part else 0)
    heard = sum(not isinstance(record.reply, Fault) for case in wanted for record in records.get(case, ()))
    return (answers - heard) / answers if answers else 1.0


def _short(comparison: Comparison, records: Trials, trials: int) -> int:
    wanted = _wanted(comparison, records, trials)
    return sum(0 < len(records.get(case, ())) < due for case, due in wanted.items())


def _wanted(comparison: Comparison, records: Trials, trials: int) -> Mapping[str, int]:
    """Case id -> how many answers a side should have.

    Where one may stop early, what neither side was asked is not missing: which cases and trials those are is chance.
    """
    sides = _sides(comparison)
    sequential = comparison.baseline_info.sequential or comparison.candidate_info.sequential
    wanted = {}
    for case in comparison.suite.cases:
        most = max(len(asked.get(case.id, ())) for asked, _ in sides)
        wanted[case.id] = max(min(trials, most) if sequential else trials, len(records.get(case.id, ())))
    return wanted


def _sides(comparison: Comparison) -> tuple[tuple[Trials, int], tuple[Trials, int]]:
    """The baseline's and the candidate's records, and how often its run asks each case."""
    return (
        (comparison.baseline_records, comparison.baseline_info.trials),
        (comparison.candidate_records, comparison.candidate_info.trials),
    )
