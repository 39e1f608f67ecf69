"""What the checks of a policy come to: one outcome, and a word and a sentence that say the same. Pure.

The outcome is the worst of the checks that apply. The word belongs to the outcome: what passes is at least as good or
meets the policy, what fails regressed or breaks the policy, and whatever is open is called open, however well a part
of it did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from evalkit.data import (
    CODES,
    MISMATCHES,
    Cell,
    Check,
    Comparison,
    OnInconclusive,
    Outcome,
    Readiness,
    Suite,
    VerdictWord,
)
from evalkit.gate import rules
from evalkit.numerals import counted, percent, points
from evalkit.pairing import missing

LEAST_USEFUL = 0.25
"""A baseline that surely passes fewer than a quarter of the cases is broken, or the suite is beyond it: being no worse
says nothing."""

WORDS: Mapping[Outcome, frozenset[VerdictWord]] = {
    "pass": frozenset({"improved", "not_worse", "meets_policy"}),
    "fail": frozenset({"regressed", "breaks_policy"}),
    "inconclusive": frozenset({"possibly_regressed", "inconclusive", "unreliable_baseline", "not_comparable"}),
}
"""The words that an outcome may have; no word has two outcomes."""

_OPEN: Mapping[OnInconclusive, str] = {
    "fail": " The policy counts that as failed.",
    "warn": "",
    "pass": " The policy lets that pass.",
}
"""What a policy makes of an open gate, where its exit code says otherwise than that it is open."""


def outcome(checks: Sequence[Check], unreliable: str) -> Outcome:
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


def unreliable(comparison: Comparison, checks: Sequence[Check]) -> str:
    """Why the baseline is no yardstick, or ""."""
    limit = min(check.rule.limit for check in checks if check.rule.kind == "fault_share")
    lacking, _ = missing.shares(comparison)
    if lacking > limit:
        return f"{percent(lacking)} of its answers are faults or were never asked"
    cell = _primary(comparison)
    if cell and cell.baseline.high is not None and cell.baseline.high < LEAST_USEFUL:
        return f"it passes {cell.baseline.passed:.0f} of {counted(cell.baseline.judged, 'case')} ({cell.score})"
    return ""


# --------------------------------------------------------------------------- the word


def word(comparison: Comparison, outcome: Outcome, checks: Sequence[Check], unreliable: str) -> VerdictWord:
    """One of WORDS[outcome]: of the models where a check of a drop says it, else of the policy."""
    cell = _primary(comparison)
    drops = {check.outcome for check in checks if check.rule.kind == "max_drop"} - {"not_applicable"}
    fell = cell is not None and cell.high is not None and cell.high < 0
    if outcome == "fail":
        return "regressed" if "fail" in drops or (fell and not drops) else "breaks_policy"
    if outcome == "inconclusive":
        if unreliable:
            return "unreliable_baseline"
        return "possibly_regressed" if _fell(comparison, checks) or (fell and not drops) else "inconclusive"
    if cell is not None and cell.low is not None and cell.low > 0:
        return "improved"
    return "not_worse" if _holds(checks, cell) else "meets_policy"


def _fell(comparison: Comparison, checks: Sequence[Check]) -> bool:
    """Whether some score whose drop is undecided surely fell, though perhaps by less than the margin."""
    undecided = [check.rule for check in checks if check.rule.kind == "max_drop" and check.outcome == "inconclusive"]
    cells = [rules.cell_of(comparison, rule) for rule in undecided]
    return any(cell is not None and cell.high is not None and cell.high < 0 for cell in cells)


def _holds(checks: Sequence[Check], cell: Cell | None) -> bool:
    """Whether a drop of this score over this slice was ruled out: else nobody asked, and nothing was shown."""
    return cell is not None and any(
        (check.rule.kind, check.rule.score, check.rule.slice, check.outcome)
        == ("max_drop", cell.score, cell.slice, "pass")
        for check in checks
    )


# --------------------------------------------------------------------------- the sentence


def headline(
    comparison: Comparison, outcome: Outcome, checks: Sequence[Check], unreliable: str, inconclusive: OnInconclusive
) -> str:
    """`inconclusive`: what the policy makes of an open gate."""
    if outcome == "fail":
        return _failed(comparison, checks)
    if outcome == "pass":
        return _passed(comparison, checks)
    return _open(comparison, checks, unreliable) + _OPEN[inconclusive]


def _failed(comparison: Comparison, checks: Sequence[Check]) -> str:
    telling = [check for check in checks if check.outcome == "fail"]
    rest = f" In all, {len(telling)} of {len(checks)} checks fail." if len(telling) > 1 else ""
    candidate, baseline = comparison.candidate.identity, comparison.baseline.identity
    return f"{candidate} should not replace {baseline}: {_lower(telling[0].sentence)}{rest}{_cause(comparison)}"


def _open(comparison: Comparison, checks: Sequence[Check], unreliable: str) -> str:
    candidate, baseline = comparison.candidate.identity, comparison.baseline.identity
    if unreliable:
        return f"{baseline} is no yardstick for {candidate}: {unreliable}."
    telling = [check for check in checks if check.outcome == "inconclusive"]
    if not telling:
        return f"It is open whether {candidate} can replace {baseline}: nothing that is required applies to this suite."
    most = max(telling, key=lambda check: rules.more_to_settle(check, comparison))
    settle = f" To settle it: {most.settle}." if most.settle else ""
    return f"It is open whether {candidate} can replace {baseline}: {_lower(most.sentence)}{settle}"


def _passed(comparison: Comparison, checks: Sequence[Check]) -> str:
    """That it can replace the other is said only where its being no worse was shown."""
    candidate, baseline = comparison.candidate.identity, comparison.baseline.identity
    cell = _primary(comparison)
    if cell is None or cell.difference is None or cell.low is None or cell.high is None:
        return f"{candidate} meets the policy: every check passes. No score of it can be held against {baseline}'s."
    interval = f"95 % interval {points(cell.low)} to {points(cell.high)}"
    told = f"{rules.moved(cell.difference)} over {counted(cell.pairs, 'case')} ({interval})"
    if word(comparison, "pass", checks, "") != "meets_policy":
        return f"{candidate} can replace {baseline}: {cell.score} {told}, and every check passes."
    return f"{candidate} meets the policy: every check passes. None limits how far {cell.score} falls: it {told}."


def provisos(comparison: Comparison, outcome: Outcome, readiness: Sequence[Readiness], quarantined: int) -> str:
    """What the verdict does not rest on, in sentences behind its headline; "" where it rests on everything."""
    paired = sum(change.kind not in ("unjudged", "unpaired") for change in comparison.changes)
    total = len(comparison.changes)
    few = sum(line.word == "not enough data" for line in readiness)
    told = _part(comparison.suite)
    if not any(case.accept or case.forbid for case in comparison.suite.cases):
        told += " No case says which call is right, so only their form was judged."
    if paired < total:
        lacking = f"{total - paired:,} {'lacks' if total - paired == 1 else 'lack'}"
        told += f" Of {counted(total, 'case')}, {lacking} an answer on one side or both and decided nothing."
    if quarantined:
        told += f" {counted(quarantined, 'case')} in quarantine left out."
    if outcome == "pass" and few:
        told += f" Taken alone, {few:,} of {counted(len(readiness), 'tool')} {'has' if few == 1 else 'have'} too few "
        told += "cases to be called safe."
    return told


def _part(suite: Suite) -> str:
    """Of which part of a suite the verdict is, as a sentence; "" of a whole one."""
    if suite.part is None:
        return ""
    part, others = suite.part, suite.part.cases - len(suite.part.places)
    if part.shard is not None:
        number, of = part.shard
        rest = f"the other {others:,} of its {counted(part.cases, 'case')} decided nothing"
        return f" This is part {number} of {of} of {part.suite}: {rest}."
    return (
        f" Of the {counted(part.cases, 'case')} of {part.suite}, {others:,} are in none of the parts that were merged."
    )


def _cause(comparison: Comparison) -> str:
    """What most of the broken cases have in common, as a sentence; "" if none broke."""
    causes = Counter(change.cause for change in comparison.changes if change.kind == "broken" and change.cause)
    if not causes:
        return ""
    (cause, count), broken = causes.most_common(1)[0], causes.total()
    meaning = CODES.get(cause) or MISMATCHES.get(cause, "")
    told = f"{cause} ({meaning})" if meaning else cause
    return f" First amiss in {count:,} of {counted(broken, 'broken case')}: {told}."


def _primary(comparison: Comparison) -> Cell | None:
    """The score that matters most of those that the suite judges, over all cases."""
    whole = {cell.score: cell for cell in comparison.cells if cell.slice == "all"}
    return next((whole[score] for score in ("correct", "compliance", "abstained") if score in whole), None)


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
