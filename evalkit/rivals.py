"""The candidate in focus with every other target of its run beside it, each held against the same baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from msgspec.structs import replace

from evalkit import compare, gate
from evalkit.data import Comparison, Policy, Rival, Run, Target, Verdict
from evalkit.errors import InputError


def decided(
    against: Callable[[str], Comparison], candidate: str, others: Sequence[str], policy: Policy, today: date
) -> tuple[Comparison, Verdict]:
    """The comparison of `candidate` with the `others` as its rivals, and its verdict.

    `against`: the comparison of one target, by identity, with the baseline that all share. A verdict is the one that
    its candidate has by itself; `Verdict.together` says what is left of it where all of them are looked at.
    """
    comparison, *further = [against(name) for name in (candidate, *others)]
    among = sum(not found.differs for found in (comparison, *further))  # what cannot be compared cannot pass by chance
    verdict = gate.decide(comparison, policy, today, among=among)
    return replace(comparison, rivals=tuple(_rival(found, policy, today, among) for found in further)), verdict


def _rival(comparison: Comparison, policy: Policy, today: date, among: int) -> Rival:
    """Nothing is decided where the policy speaks of what this candidate does not have, such as an arm."""
    try:
        verdict = gate.decide(comparison, policy, today, among=among)
    except InputError as error:
        verdict = Verdict(
            outcome="inconclusive", word="not_comparable", headline=f"{error}.", checks=(), comparable=False
        )
    return Rival(comparison=comparison, verdict=verdict)


def others(baseline_run: Run, baseline: str, candidate_run: Run, candidate: str) -> tuple[str, ...]:
    """The further targets of the candidate's run: what else might replace the baseline."""
    in_use = next((target for target in baseline_run.info.targets if target.identity == baseline), None)
    return tuple(name for name in (successors(in_use, candidate_run) if in_use else ()) if name != candidate)


def successors(in_use: Target, run: Run) -> tuple[str, ...]:
    """The targets of a run that might take the place of `in_use`, which it may well have asked again itself."""

    def model(target: Target) -> tuple[str, str, str]:
        return target.identity, target.provider, target.model

    return tuple(target.identity for target in run.info.targets if model(target) != model(in_use))


def within(baseline_run: Run, baseline: str, candidate_run: Run) -> Callable[[str], Comparison]:
    """Of two runs, or twice the same: any target of the second against `baseline` of the first."""
    return lambda identity: compare.compare(baseline_run, baseline, candidate_run, identity)
