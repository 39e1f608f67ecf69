"""A comparison held against a policy: its checks, one word for the whole, and the readiness of each tool.

Faults are nobody's merit and nobody's fault: too many make a verdict inconclusive, never failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import chain

from msgspec.structs import replace

from evalkit.data import SCORES, Check, Comparison, Pointer, Policy, Rule, Suite, Verdict
from evalkit.errors import ExitCode, InputError, Place, Problem, suggest
from evalkit.gate import concluding, readiness, rules
from evalkit.pairing import cells as pairing
from evalkit.pairing import slicing
from evalkit.pairing.sides import Side
from evalkit.values import pointer

_TOOL = "tool:"
"""What the slices of tools begin with."""

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
    headline = concluding.headline(counted, outcome, checks, unreliable, policy.inconclusive)
    tools = readiness.assess(counted, policy, checks)
    return Verdict(
        outcome=outcome,
        word=concluding.word(counted, outcome, checks, unreliable),
        headline=headline + concluding.provisos(counted, outcome, tools, len(quarantined)),
        checks=checks,
        inconclusive=policy.inconclusive,
        readiness=tools,
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
    slices = slicing.named(suite)
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


def refuse_unknown_tools(policy: Policy, suite: Suite) -> None:
    """Raises InputError, before anything is asked, where `decide` would for a tool that `suite` does not have."""
    problems = list(_unknown_tools(policy, suite))
    if problems:
        raise InputError(dict.fromkeys(problems))


def _refuse_unknown(comparison: Comparison, policy: Policy) -> None:
    if not policy.rules:
        raise InputError(f"policy {policy.source} requires nothing", "give it a floor or a max_drop")
    unknown = (_unknown_tools(policy, comparison.suite), _unknown_slices(comparison, policy))
    problems = [*chain(*unknown), *_unknown_cases(comparison, policy)]
    if problems:
        raise InputError(dict.fromkeys(problems))


def _unknown_tools(policy: Policy, suite: Suite) -> Iterator[Problem]:
    tools = {spec.name for spec in suite.specs.values()}
    for rule in policy.rules:
        name = rule.slice.removeprefix(_TOOL)
        if name != rule.slice and name not in tools:
            yield _unknown(policy, pointer("tools", name), "tool", name, tools)


def _unknown_slices(comparison: Comparison, policy: Policy) -> Iterator[Problem]:
    slices = {"all", *(cell.slice for cell in comparison.cells)}
    for rule in policy.rules:
        if rule.kind not in ("floor", "max_drop"):
            continue
        name = rule.slice.removeprefix(_TOOL)
        above = pointer("tools", name) if name != rule.slice else ""
        score = above + pointer("floors" if rule.kind == "floor" else "max_drop", rule.score or "")
        if rule.score not in SCORES:
            yield _unknown(policy, score, "score", rule.score or "", SCORES)
        if name == rule.slice and name not in slices:
            yield _unknown(policy, score, "slice", name, slices)


def _unknown_cases(comparison: Comparison, policy: Policy) -> Iterator[Problem]:
    cases = {*(case.id for case in comparison.suite.cases), *(change.case for change in comparison.left_out)}
    for index, entry in enumerate(policy.quarantine):
        if entry.case not in cases:
            yield _unknown(policy, pointer("quarantine", index, "case"), "case", entry.case, cases)


def _unknown(policy: Policy, path: Pointer, what: str, name: str, known: Iterable[str]) -> Problem:
    """At its pointer in the policy, whose lines are not known here."""
    told = f"the policy names the {what} {name!r}, which is not there"
    return Problem(what=told, hint=suggest(name, known), place=Place(file=policy.source), path=path)
