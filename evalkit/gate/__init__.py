"""A comparison held against a policy: its checks, one word for the whole, and the readiness of each tool.

The outcome is the worst of the checks that apply. Faults are nobody's merit and nobody's fault: too many make a verdict
inconclusive, never failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from evalkit.data import (
    CODES,
    MISMATCHES,
    SCORES,
    Cell,
    Check,
    Comparison,
    Outcome,
    Policy,
    Rule,
    Verdict,
    VerdictWord,
)
from evalkit.errors import ExitCode, InputError, suggest
from evalkit.gate import readiness, rules
from evalkit.gate.rules import moved
from evalkit.numerals import counted, percent, points
from evalkit.pairing import cells as pairing
from evalkit.pairing import slicing
from evalkit.pairing.sides import Side

FAULTS_ALLOWED = 0.05
"""Where a policy says nothing of faults. What is not heard may be the hard part."""

LEAST_USEFUL = 0.25
"""A baseline that surely passes fewer than a quarter of the cases is broken, or the suite is beyond it: being no worse
says nothing."""


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
    unreliable = _unreliable(counted, checks)
    outcome = _outcome(checks, unreliable)
    return Verdict(
        outcome=outcome,
        word="unreliable_baseline" if unreliable else _word(counted, checks),
        headline=_headline(counted, outcome, checks, unreliable),
        checks=checks,
        inconclusive=policy.inconclusive,
        readiness=readiness.assess(counted, policy, checks),
        quarantined=quarantined,
        expired=tuple(entry for entry in policy.quarantine if entry not in quarantined),
        together=_outcome(_wider(counted, checks, among), unreliable) if among > 1 else None,
    )


def exit_code(verdict: Verdict) -> ExitCode:
    """What a process returns that was asked for `verdict`. What cannot be compared passes under no policy."""
    if not verdict.comparable:
        return ExitCode.NOT_COMPARABLE
    if verdict.outcome == "inconclusive":
        return {"fail": ExitCode.GATE_FAILED, "warn": ExitCode.INCONCLUSIVE, "pass": ExitCode.OK}[verdict.inconclusive]
    return ExitCode.OK if verdict.outcome == "pass" else ExitCode.GATE_FAILED


def _outcome(checks: Sequence[Check], unreliable: str) -> Outcome:
    """The worst of those that apply; where none does but that on faults, nothing is known of the candidate.

    Against a baseline that is no yardstick, none passes.
    """
    outcomes = [check.outcome for check in checks]
    if "fail" in outcomes:
        return "fail"
    telling = [check.outcome for check in checks if check.rule.kind != "fault_share"]
    if "inconclusive" in outcomes or (telling and all(outcome == "not_applicable" for outcome in telling)):
        return "inconclusive"
    return "inconclusive" if unreliable else "pass"


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


# --------------------------------------------------------------------------- the word and the headline


def _unreliable(comparison: Comparison, checks: Sequence[Check]) -> str:
    """Why the baseline is no yardstick, or ""."""
    limit = min(check.rule.limit for check in checks if check.rule.kind == "fault_share")
    missing = rules.missing_shares(comparison)[0]
    if missing > limit:
        return f"{percent(missing)} of its answers are faults or were never asked"
    cell = _primary(comparison)
    if cell and cell.baseline.high is not None and cell.baseline.high < LEAST_USEFUL:
        return f"it passes {cell.baseline.passed:.0f} of {counted(cell.baseline.judged, 'case')} ({cell.score})"
    return ""


def _word(comparison: Comparison, checks: Sequence[Check]) -> VerdictWord:
    """Of the models, not of the policy's floors: what the drops say, and on a pass whether it is a gain."""
    drops = {check.outcome for check in checks if check.rule.kind == "max_drop"} - {"not_applicable"}
    cell = _primary(comparison)
    if cell is None or cell.low is None or cell.high is None:
        return "inconclusive"
    if "fail" in drops or (not drops and cell.high < 0):
        return "regressed"
    if drops == {"pass"} or not drops:
        if cell.low > 0:
            return "improved"
        return "not_worse" if drops else "inconclusive"
    return "possibly_regressed" if _fell(comparison, checks) else "inconclusive"


def _fell(comparison: Comparison, checks: Sequence[Check]) -> bool:
    """Whether some score whose drop is undecided surely fell, though perhaps by less than the margin."""
    undecided = [check.rule for check in checks if check.rule.kind == "max_drop" and check.outcome == "inconclusive"]
    cells = [rules.cell_of(comparison, rule) for rule in undecided]
    return any(cell is not None and cell.high is not None and cell.high < 0 for cell in cells)


def _headline(comparison: Comparison, outcome: Outcome, checks: Sequence[Check], unreliable: str) -> str:
    candidate, baseline = comparison.candidate.identity, comparison.baseline.identity
    telling = [check for check in checks if check.outcome == outcome]
    if outcome == "fail":
        rest = f" {len(telling) - 1} more of {len(checks)} checks fail." if len(telling) > 1 else ""
        return f"{candidate} should not replace {baseline}: {_lower(telling[0].sentence)}{rest}{_cause(comparison)}"
    if unreliable:
        return f"{baseline} is no yardstick for {candidate}: {unreliable}."
    if outcome == "inconclusive" and not telling:
        return f"It is open whether {candidate} can replace {baseline}: nothing that is required applies to this suite."
    if outcome == "inconclusive":
        most = max(telling, key=lambda check: rules.more_to_settle(check, comparison))
        settle = f" To settle it: {most.settle}." if most.settle else ""
        return f"It is open whether {candidate} can replace {baseline}: {_lower(most.sentence)}{settle}"
    cell = _primary(comparison)
    if cell is None or cell.difference is None or cell.low is None or cell.high is None:
        return f"{candidate} can replace {baseline}: every check passes."
    interval = f"95 % interval {points(cell.low)} to {points(cell.high)}"
    told = f"{cell.score} {moved(cell.difference)} over {counted(cell.pairs, 'case')} ({interval})"
    return f"{candidate} can replace {baseline}: {told}, and every check passes."


def _cause(comparison: Comparison) -> str:
    """What most of the broken cases have in common, as a sentence; "" if none broke."""
    causes = Counter(change.cause for change in comparison.changes if change.kind == "broken" and change.cause)
    if not causes:
        return ""
    (cause, count), broken = causes.most_common(1)[0], causes.total()
    meaning = CODES.get(cause) or MISMATCHES.get(cause, "")
    return f" {count:,} of {counted(broken, 'broken case')}: {cause}{f' ({meaning})' if meaning else ''}."


def _primary(comparison: Comparison) -> Cell | None:
    """The score that matters most of those that the suite judges, over all cases."""
    whole = {cell.score: cell for cell in comparison.cells if cell.slice == "all"}
    return next((whole[score] for score in ("correct", "compliance", "abstained") if score in whole), None)


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
