"""A comparison held against a policy: its checks, one word for the whole, and the readiness of each tool.

Faults are nobody's merit and nobody's fault: too many make a verdict inconclusive, never failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from evalkit.data import SCORES, Check, Comparison, Policy, Rule, Verdict
from evalkit.errors import ExitCode, InputError, suggest
from evalkit.gate import concluding, readiness, rules
from evalkit.pairing import cells as pairing
from evalkit.pairing import slicing
from evalkit.pairing.sides import Side

FAULTS_ALLOWED = 0.05
"""Where a policy says nothing of faults. What is not heard may be the hard part."""


def decide(comparison: Comparison, policy: Policy, today: date | None = None, *, among: int = 1) -> Verdict:
    """Every rule of `policy` checked, and a share of faults where it has no rule for that.

    Cases in quarantine on `today` (the day of the candidate's run, where that is not given) count in no check. Raises
    InputError for a policy without rules and for one that names an unknown score, slice or case. Runs that are unlike
    are not decided upon: `comparable` is False, and no rule is checked. `among`: of how many candidates this is one;
    the outcome is that of it alone, and `together` tells what becomes of it when all of them count.
    """
    _refuse_unknown(comparison, policy)
    if comparison.differs:
        return _not_comparable(comparison, policy)
    day = (today.isoformat() if today else comparison.candidate_info.created)[:10]
    quarantined = tuple(entry for entry in policy.quarantine if day <= entry.until)
    counted = _without(comparison, {entry.case for entry in quarantined})
    required = policy.rules
    if not any(rule.kind == "fault_share" for rule in required):
        required = (*required, Rule(kind="fault_share", limit=FAULTS_ALLOWED))
    checks = tuple(rules.check(rule, counted) for rule in required)
    unreliable = concluding.unreliable(counted, checks)
    outcome = concluding.outcome(checks, unreliable)
    return Verdict(
        outcome=outcome,
        word=concluding.word(counted, outcome, checks, unreliable),
        headline=concluding.headline(counted, outcome, checks, unreliable, policy.inconclusive),
        checks=checks,
        inconclusive=policy.inconclusive,
        readiness=readiness.assess(counted, policy, checks),
        quarantined=quarantined,
        expired=tuple(entry for entry in policy.quarantine if entry not in quarantined),
        together=concluding.outcome(_wider(counted, checks, among), unreliable) if among > 1 else None,
    )


def exit_code(verdict: Verdict) -> ExitCode:
    """What a process returns that was asked for `verdict`. What cannot be compared passes under no policy."""
    if not verdict.comparable:
        return ExitCode.NOT_COMPARABLE
    if verdict.outcome == "inconclusive":
        return {"fail": ExitCode.GATE_FAILED, "warn": ExitCode.INCONCLUSIVE, "pass": ExitCode.OK}[verdict.inconclusive]
    return ExitCode.OK if verdict.outcome == "pass" else ExitCode.GATE_FAILED


def _wider(comparison: Comparison, checks: Sequence[Check], among: int) -> Sequence[Check]:
    """The checks, with each drop decided at 5 % for all of `among` candidates together (Bonferroni); one of an arm
    alone keeps its own bounds.

    Who looks at seven candidates that all fell by just the margin finds one that passes by chance in three of ten runs.
    """
    suite = comparison.suite
    sides = _sides(comparison)
    features = {f"feature:{name}": members for name, members in slicing.by_feature(suite).items()}
    slices = {**slicing.slices(suite), **features}
    drops = [check.rule for check in checks if check.rule.kind == "max_drop"]
    named = {rule.slice: slices[rule.slice] for rule in drops if rule.slice in slices}
    scores = [score for score in SCORES if any(rule.score == score for rule in drops)]
    wider = {(cell.slice, cell.score): cell for cell in pairing.over(named, suite, *sides, scores, among)}
    held = replace(comparison, cells=tuple(wider.get((cell.slice, cell.score), cell) for cell in comparison.cells))
    return [rules.check(check.rule, held) if check.rule in drops else check for check in checks]


def _not_comparable(comparison: Comparison, policy: Policy) -> Verdict:
    names = f"{comparison.candidate.identity} and {comparison.baseline.identity}"
    return Verdict(
        outcome="inconclusive",
        word="not_comparable",
        headline=f"{names} cannot be compared: the runs differ in {'; '.join(comparison.differs)}.",
        checks=(),
        comparable=False,
        inconclusive=policy.inconclusive,
    )


def _without(comparison: Comparison, cases: set[str]) -> Comparison:
    """The comparison over the other cases of its suite."""
    if not cases:
        return comparison
    suite = replace(comparison.suite, cases=tuple(case for case in comparison.suite.cases if case.id not in cases))
    before, after = _sides(replace(comparison, suite=suite))
    return replace(
        comparison,
        suite=suite,
        baseline_records=before.records,
        candidate_records=after.records,
        cells=pairing.cells(suite, slicing.by_feature(suite), before, after),
        changes=tuple(change for change in comparison.changes if change.case not in cases),
        latency=pairing.latency(suite.cases, before, after),
        cost=pairing.cost(suite.cases, before, after, (comparison.baseline, comparison.candidate)),
    )


def _sides(comparison: Comparison) -> tuple[Side, Side]:
    """Both sides over the cases of its suite, and no others."""
    cases = comparison.suite.cases
    before, after = (
        {case.id: records[case.id] for case in cases if case.id in records}
        for records in (comparison.baseline_records, comparison.candidate_records)
    )
    return (
        Side.of(before, cases, sequential=comparison.baseline_info.sequential),
        Side.of(after, cases, sequential=comparison.candidate_info.sequential),
    )


# --------------------------------------------------------------------------- a policy that means something


def _refuse_unknown(comparison: Comparison, policy: Policy) -> None:
    if not policy.rules:
        raise InputError(f"policy {policy.source} requires nothing", "give it a floor or a max_drop")
    tools = (f"tool:{spec.name}" for spec in comparison.suite.specs.values())
    slices = list(dict.fromkeys([*(cell.slice for cell in comparison.cells), *tools]))
    for rule in policy.rules:
        if rule.kind in ("floor", "max_drop"):
            _known(policy, "score", rule.score or "", list(SCORES))
            _known(policy, "slice", rule.slice, slices or ["all"])
    cases = [*(case.id for case in comparison.suite.cases), *(change.case for change in comparison.left_out)]
    for entry in policy.quarantine:
        _known(policy, "case", entry.case, cases)


def _known(policy: Policy, what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        told = f"policy {policy.source} names the {what} {name!r}, which this comparison does not have"
        raise InputError(told, suggest(name, known))
