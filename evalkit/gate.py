"""A comparison held against a policy: three outcomes, a sentence for every check, one word for the whole.

Nothing passes for want of data. A drop is decided by non-inferiority: it passes if a fall by the margin is ruled out,
fails if a fall by less is, and is inconclusive between. Faults are nobody's merit and nobody's fault: too many make a
verdict inconclusive, never failed.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from evalkit import stats
from evalkit.data import SCORES, Cell, Check, Comparison, Fault, Outcome, Policy, Record, Rule, Verdict, VerdictWord
from evalkit.errors import ExitCode, InputError

FAULTS_ALLOWED = 0.05
"""Where a policy says nothing of faults. What is not heard may be the hard part."""

LEAST_USEFUL = 0.25
"""A baseline that surely passes fewer than a quarter of the cases is broken, or the suite is beyond it: being no worse
says nothing."""


def decide(comparison: Comparison, policy: Policy) -> Verdict:
    """Every rule of `policy` checked, and a share of faults where it has no rule for that.

    Raises InputError for a policy without rules and for a rule that names an unknown score or slice. Runs that are
    unlike are not decided upon: `comparable` is False, and no rule is checked.
    """
    _refuse_unknown(comparison, policy)
    if comparison.differs:
        return _not_comparable(comparison)
    rules = policy.rules
    if not any(rule.kind == "fault_share" for rule in rules):
        rules = (*rules, Rule(kind="fault_share", limit=FAULTS_ALLOWED))
    checks = tuple(_CHECKS[rule.kind](rule, comparison) for rule in rules)
    unreliable = _unreliable(comparison, checks)
    outcome = _worst(check.outcome for check in checks)
    if unreliable and outcome == "pass":
        outcome = "inconclusive"
    return Verdict(
        outcome=outcome,
        word="unreliable_baseline" if unreliable else _word(comparison, checks),
        headline=_headline(comparison, outcome, checks, unreliable),
        checks=checks,
    )


def exit_code(verdict: Verdict) -> ExitCode:
    """What a process returns that was asked for `verdict`."""
    if not verdict.comparable:
        return ExitCode.NOT_COMPARABLE
    return {"pass": ExitCode.OK, "fail": ExitCode.GATE_FAILED, "inconclusive": ExitCode.INCONCLUSIVE}[verdict.outcome]


def _worst(outcomes: Iterable[Outcome]) -> Outcome:
    severity: tuple[Outcome, ...] = ("pass", "inconclusive", "fail")
    return max(outcomes, key=severity.index)


def _not_comparable(comparison: Comparison) -> Verdict:
    return Verdict(
        outcome="inconclusive",
        word="not_comparable",
        headline=f"{_names(comparison)} cannot be compared: the runs differ in {'; '.join(comparison.differs)}.",
        checks=(),
        comparable=False,
    )


# --------------------------------------------------------------------------- a policy that means something


def _refuse_unknown(comparison: Comparison, policy: Policy) -> None:
    if not policy.rules:
        raise InputError(f"policy {policy.source} requires nothing", "give it a floor or a max_drop")
    slices = list(dict.fromkeys(cell.slice for cell in comparison.cells))
    for rule in policy.rules:
        if rule.kind in ("floor", "max_drop"):
            _known(policy, "score", rule.score or "", list(SCORES))
            _known(policy, "slice", rule.slice, slices or ["all"])


def _known(policy: Policy, what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {shown}"
        raise InputError(f"policy {policy.source} names the {what} {name!r}, which this comparison does not have", hint)


# --------------------------------------------------------------------------- the rules


def _floor(rule: Rule, comparison: Comparison) -> Check:
    """PASS if the rate reaches the floor, FAIL if it is surely below (95 % interval), else inconclusive.

    To ask that the whole interval lie above would fail good models for short suites: 98 % takes 189 cases without a
    miss. Instead a suite must be fine enough for its floor: one miss may not decide alone, which takes 1 / (1 - floor)
    cases.
    """
    required = f"{_label(rule)} of at least {_percent(rule.limit)}"
    cell = _cell(comparison, rule)
    rate = cell.candidate if cell else None
    if rate is None or rate.value is None or rate.low is None or rate.high is None:
        return _unknown(rule, required, f"No case of the candidate judges {_label(rule)}")
    measured = f"{_percent(rate.value)} ({100 * rate.low:.1f} to {_percent(rate.high)}) of {rate.judged:,} cases"
    sentence = f"{_label(rule)} is {measured}, 95 % interval; the policy asks for {_percent(rule.limit)}."
    fine_enough = math.ceil(1 / (1 - rule.limit) - 1e-9) if rule.limit < 1 else 1
    if rate.high < rule.limit:
        return _check(rule, "fail", required, measured, sentence)
    if rate.value < rule.limit:
        need = stats.cases_below_floor(rate.value, rule.limit)
        return _check(rule, "inconclusive", required, measured, sentence, _more(need, rate.judged))
    if rate.judged < fine_enough:
        settle = f"{fine_enough - rate.judged:,} more cases: with fewer than {fine_enough:,} a single miss decides"
        return _check(rule, "inconclusive", required, measured, sentence, settle)
    return _check(rule, "pass", required, measured, sentence)


def _max_drop(rule: Rule, comparison: Comparison) -> Check:
    """PASS if a fall by the margin is ruled out, FAIL if anything less is: one-sided 95 % bounds."""
    allowed = f"{100 * rule.limit:.1f}"
    required = f"{_label(rule)} falls by less than {allowed} points"
    cell = _cell(comparison, rule)
    if cell is None or cell.difference is None or cell.lower_bound is None or cell.upper_bound is None:
        return _unknown(rule, required, f"No case judges {_label(rule)} on both sides")
    measured = (
        f"{_points(cell.difference)} points ({_points(cell.lower_bound)} to {_points(cell.upper_bound)}) "
        f"over {cell.pairs:,} cases"
    )
    moved = f"{_label(rule)} {_moved(cell.difference)} over {cell.pairs:,} cases"
    bound = "95 % one-sided bound"
    if cell.lower_bound > -rule.limit:
        sentence = f"{moved} ({bound} {_points(cell.lower_bound)}); the policy allows a fall of {allowed}."
        return _check(rule, "pass", required, measured, sentence)
    if cell.upper_bound < -rule.limit:
        sentence = f"{moved} ({bound} {_points(cell.upper_bound)}); the policy allows a fall of {allowed}."
        return _check(rule, "fail", required, measured, sentence)
    worst = f"a fall of {-100 * cell.lower_bound:.1f} is not ruled out ({bound})"
    sentence = f"{moved}, but {worst}; the policy allows {allowed}."
    need = _cases_to_settle(cell, rule.limit, cell.difference, cell.lower_bound)
    return _check(rule, "inconclusive", required, measured, sentence, _more(need, cell.pairs))


def _cases_to_settle(cell: Cell, margin: float, difference: float, lower_bound: float) -> int | None:
    """From Tango's interval at the shares seen, stretched by as much as the interval in use is wider."""
    both_ways = min(cell.fixed, cell.broken)
    gained = both_ways + cell.pairs * max(0.0, difference)
    lost = both_ways + cell.pairs * max(0.0, -difference)
    tango = stats.tango(gained, lost, cell.pairs, 0.90)[0]
    widening = (difference - lower_bound) / max(1e-9, difference - tango)
    return stats.cases_to_settle(gained, lost, cell.pairs, margin, widening=widening)


def _latency_ratio(rule: Rule, comparison: Comparison) -> Check:
    """PASS if the whole 95 % interval is within the limit, FAIL if all of it is beyond."""
    required = f"answers take at most {rule.limit:.2f} times as long"
    latency = comparison.latency
    if latency.ratio is None:
        return _unknown(rule, required, "No case was answered and timed on both sides")
    if unlike := _timed_unlike(comparison):
        settle = "ask both with the same concurrency and streaming"
        return _check(rule, "inconclusive", required, "not comparable", f"Times do not compare: {unlike}.", settle)
    measured = f"{latency.ratio:.2f} times"
    if latency.low is None or latency.high is None:
        sentence = f"Answers took {measured} as long over {latency.pairs:,} cases, too few for an interval."
        return _check(rule, "inconclusive", required, measured, sentence, "6 or more cases timed on both sides")
    measured += f" ({latency.low:.2f} to {latency.high:.2f})"
    allowed = f"the policy allows {rule.limit:.2f}"
    sentence = f"Answers took {measured} as long, 95 % interval over {latency.pairs:,} cases; {allowed}."
    if latency.high <= rule.limit:
        return _check(rule, "pass", required, measured, sentence)
    if latency.low > rule.limit:
        return _check(rule, "fail", required, measured, sentence)
    return _check(rule, "inconclusive", required, measured, sentence, "more cases, or trials, timed on both sides")


def _timed_unlike(comparison: Comparison) -> str:
    was, now = (info.guards.get("concurrency") for info in (comparison.baseline_info, comparison.candidate_info))
    if was != now:
        return f"{was} requests at a time against {now}"
    if comparison.baseline.stream != comparison.candidate.stream:
        return "one side was streamed and the other was not"
    return ""


def _fault_share(rule: Rule, comparison: Comparison) -> Check:
    """PASS if hardly anything is missing on either side, else inconclusive: a model is not to blame for the world."""
    required = f"at most {_percent(rule.limit)} of answers missing on either side"
    was, now = _missing_shares(comparison)
    measured = f"{_percent(was)} of the baseline's, {_percent(now)} of the candidate's"
    sentence = f"Faults or never asked: {measured}; the policy allows {_percent(rule.limit)}."
    if max(was, now) <= rule.limit:
        return _check(rule, "pass", required, measured, sentence)
    return _check(
        rule, "inconclusive", required, measured, sentence, "run the same command again: it asks what is missing"
    )


def _missing_shares(comparison: Comparison) -> tuple[float, float]:
    return _missing(comparison, comparison.baseline_records), _missing(comparison, comparison.candidate_records)


def _missing(comparison: Comparison, records: Mapping[str, Sequence[Record]]) -> float:
    """Share of answers that ended in a Fault, cases never asked counted as one each; 1 if there is no case at all."""
    never = sum(case.id not in records for case in comparison.suite.cases)
    replies = [record.reply for trials in records.values() for record in trials]
    faulted = sum(isinstance(reply, Fault) for reply in replies)
    return (faulted + never) / (len(replies) + never) if replies or never else 1.0


_CHECKS: Mapping[str, Callable[[Rule, Comparison], Check]] = {
    "floor": _floor,
    "max_drop": _max_drop,
    "latency_ratio": _latency_ratio,
    "fault_share": _fault_share,
}


# --------------------------------------------------------------------------- the word and the headline


def _unreliable(comparison: Comparison, checks: Sequence[Check]) -> str:
    """Why the baseline is no yardstick, or ""."""
    limit = min(check.rule.limit for check in checks if check.rule.kind == "fault_share")
    missing = _missing_shares(comparison)[0]
    if missing > limit:
        return f"{_percent(missing)} of its answers are faults or were never asked"
    cell = _primary(comparison)
    if cell and cell.baseline.high is not None and cell.baseline.high < LEAST_USEFUL:
        return f"it passes {cell.baseline.passed:.0f} of {cell.baseline.judged:,} cases ({cell.score})"
    return ""


def _word(comparison: Comparison, checks: Sequence[Check]) -> VerdictWord:
    """Of the models, not of the policy's floors: what the drops say, and on a pass whether it is a gain."""
    drops = {check.outcome for check in checks if check.rule.kind == "max_drop"}
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
    cells = [_cell(comparison, rule) for rule in undecided]
    return any(cell is not None and cell.high is not None and cell.high < 0 for cell in cells)


def _headline(comparison: Comparison, outcome: Outcome, checks: Sequence[Check], unreliable: str) -> str:
    candidate, baseline = comparison.candidate.identity, comparison.baseline.identity
    telling = [check for check in checks if check.outcome == outcome]
    if outcome == "fail":
        rest = f" {len(telling) - 1} more of {len(checks)} checks fail." if len(telling) > 1 else ""
        return f"{candidate} should not replace {baseline}: {_lower(telling[0].sentence)}{rest}"
    if unreliable:
        return f"{baseline} is no yardstick for {candidate}: {unreliable}."
    if outcome == "inconclusive":
        settle = f" To settle it: {telling[0].settle}." if telling[0].settle else ""
        return f"It is open whether {candidate} can replace {baseline}: {_lower(telling[0].sentence)}{settle}"
    cell = _primary(comparison)
    if cell is None or cell.difference is None or cell.low is None or cell.high is None:
        return f"{candidate} can replace {baseline}: every check passes."
    interval = f"95 % interval {_points(cell.low)} to {_points(cell.high)}"
    told = f"{cell.score} {_moved(cell.difference)} over {cell.pairs:,} cases ({interval})"
    return f"{candidate} can replace {baseline}: {told}, and every check passes."


def _primary(comparison: Comparison) -> Cell | None:
    """The score that matters most of those that the suite judges, over all cases."""
    whole = {cell.score: cell for cell in comparison.cells if cell.slice == "all"}
    return next((whole[score] for score in ("correct", "compliance", "abstained") if score in whole), None)


# --------------------------------------------------------------------------- wording


def _check(
    rule: Rule, outcome: Outcome, required: str, measured: str, sentence: str, settle: str | None = None
) -> Check:
    sentence = sentence[0].upper() + sentence[1:]
    return Check(rule=rule, outcome=outcome, required=required, measured=measured, sentence=sentence, settle=settle)


def _unknown(rule: Rule, required: str, why: str) -> Check:
    return _check(rule, "inconclusive", required, "nothing", f"{why}.", "ask both models cases that judge it")


def _cell(comparison: Comparison, rule: Rule) -> Cell | None:
    return next((c for c in comparison.cells if c.slice == rule.slice and c.score == rule.score), None)


def _label(rule: Rule) -> str:
    return f"{rule.score}" if rule.slice == "all" else f"{rule.score} of {rule.slice}"


def _names(comparison: Comparison) -> str:
    return f"{comparison.candidate.identity} and {comparison.baseline.identity}"


def _more(need: int | None, there: int) -> str:
    if need is None:
        return "no affordable number of cases, if the rates stay as seen: the limit is about what was seen"
    more = max(1, need - there)
    step = 10 ** max(0, len(str(more)) - 2)  # two digits: it is an estimate
    return f"about {math.ceil(more / step) * step:,} more cases, if the rates stay as seen"


def _moved(difference: float) -> str:
    if difference == 0:
        return "did not change"
    return f"{'rose' if difference > 0 else 'fell'} by {abs(100 * difference):.1f} points"


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}"
