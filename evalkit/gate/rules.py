"""Each kind of rule of a policy, held against a comparison: an outcome, and a sentence with its numbers. Pure.

Nothing passes for want of data. A drop is decided by non-inferiority: it passes if a fall by the margin is ruled out,
fails if a fall by less is, and is inconclusive between. A rule that speaks of a kind of case that the suite does not
have applies to nothing, and says so: no further asking could settle it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from evalkit import stats
from evalkit.data import Cell, Check, CheckOutcome, Comparison, Rate, Ratio, Rule
from evalkit.numerals import counted, percent, points
from evalkit.pairing import missing

TIMED_ALIKE = "ask both in one run with --latency and one -j, both streamed or neither"


def check(rule: Rule, comparison: Comparison) -> Check:
    return _KINDS[rule.kind](rule, comparison)


def more_to_settle(check: Check, comparison: Comparison) -> float:
    """How many more cases an open check takes; inf: no affordable number settles it, 0: it does not hang on cases."""
    cell = cell_of(comparison, check.rule)
    if check.outcome != "inconclusive" or cell is None:
        return 0
    if check.rule.kind == "floor":
        need, there = _cases_for_floor(check.rule, cell.candidate), cell.candidate.judged
    else:
        need, there = _cases_for_drop(check.rule, cell), cell.pairs
    return math.inf if need is None else max(0, need - there)


# --------------------------------------------------------------------------- rates


def _floor(rule: Rule, comparison: Comparison) -> Check:
    """PASS if the rate reaches the floor, FAIL if it is surely below (95 % interval), else inconclusive.

    To ask that the whole interval lie above would fail good models for short suites: 98 % takes 189 cases without a
    miss. Instead a suite must be fine enough for its floor: one miss may not decide alone, which takes 1 / (1 - floor)
    cases.
    """
    required = f"{_label(rule)} of at least {percent(rule.limit)}"
    cell = cell_of(comparison, rule)
    if cell is None:
        return _not_applicable(rule, required)
    rate = cell.candidate
    if rate.value is None or rate.low is None or rate.high is None:
        return _unknown(rule, required, f"No answer of the candidate was judged for {_label(rule)}")
    measured = f"{percent(rate.value)} ({100 * rate.low:.1f} to {percent(rate.high)}) of {counted(rate.judged, 'case')}"
    sentence = f"{_label(rule)} is {measured}, 95 % interval; the policy asks for {percent(rule.limit)}."
    if rate.high < rule.limit:
        return _check(rule, "fail", required, measured, sentence)
    need = _cases_for_floor(rule, rate)
    if rate.value < rule.limit:
        return _check(rule, "inconclusive", required, measured, sentence, _more(need, rate.judged))
    if need is not None and rate.judged < need:
        settle = f"{counted(need - rate.judged, 'more case')}: with fewer than {need:,} a single miss decides"
        return _check(rule, "inconclusive", required, measured, sentence, settle)
    return _check(rule, "pass", required, measured, sentence)


def _cases_for_floor(rule: Rule, rate: Rate) -> int | None:
    """In all: to be surely below it, or fine enough for it. None: no affordable number."""
    if rate.value is not None and rate.value < rule.limit:
        return stats.cases_below_floor(rate.value, rule.limit)
    return math.ceil(1 / (1 - rule.limit) - 1e-9) if rule.limit < 1 else 1


def _max_drop(rule: Rule, comparison: Comparison) -> Check:
    """PASS if a fall by the margin is ruled out, FAIL if anything less is: one-sided 95 % bounds."""
    allowed = f"{100 * rule.limit:.1f}"
    required = f"{_label(rule)} falls by less than {allowed} points"
    cell = cell_of(comparison, rule)
    if cell is None:
        return _not_applicable(rule, required)
    if cell.difference is None or cell.lower_bound is None or cell.upper_bound is None:
        return _unknown(rule, required, f"No case was judged for {_label(rule)} on both sides")
    bounds = f"one-sided 95 % bounds {points(cell.lower_bound)}, {points(cell.upper_bound)}"
    measured = f"{points(cell.difference)} points ({bounds}) over {counted(cell.pairs, 'case')}"
    told = f"{_label(rule)} {moved(cell.difference)} over {counted(cell.pairs, 'case')}"
    bound = "95 % one-sided bound"
    if cell.lower_bound > -rule.limit:
        sentence = f"{told} ({bound} {points(cell.lower_bound)}); the policy allows a fall of {allowed}."
        return _check(rule, "pass", required, measured, sentence)
    if cell.upper_bound < -rule.limit:
        sentence = f"{told} ({bound} {points(cell.upper_bound)}); the policy allows a fall of {allowed}."
        return _check(rule, "fail", required, measured, sentence)
    if cell.difference < -rule.limit:  # more than is allowed, as far as was seen: what is in doubt is the other bound
        doubt = f"a fall within the {allowed} that the policy allows is not ruled out"
        sentence = f"{told}, but {doubt} ({bound} {points(cell.upper_bound)})."
    else:
        worst = f"a fall of {-100 * cell.lower_bound:.1f} is not ruled out ({bound})"
        sentence = f"{told}, but {worst}; the policy allows {allowed}."
    return _check(rule, "inconclusive", required, measured, sentence, _more(_cases_for_drop(rule, cell), cell.pairs))


def _cases_for_drop(rule: Rule, cell: Cell) -> int | None:
    """In all. From Tango's interval at the shares seen, stretched by as much as the interval in use is wider."""
    difference, lower_bound = cell.difference, cell.lower_bound
    if difference is None or lower_bound is None:
        return cell.pairs
    both_ways = min(cell.fixed, cell.broken)
    gained = both_ways + cell.pairs * max(0.0, difference)
    lost = both_ways + cell.pairs * max(0.0, -difference)
    tango = stats.tango(gained, lost, cell.pairs, 0.90)[0]
    widening = (difference - lower_bound) / max(1e-9, difference - tango)
    return stats.cases_to_settle(gained, lost, cell.pairs, rule.limit, widening=widening)


# --------------------------------------------------------------------------- ratios


def _latency_ratio(rule: Rule, comparison: Comparison) -> Check:
    required = f"answers take at most {rule.limit:.2f} times as long"
    latency = comparison.latency
    if latency.ratio is None:
        return _unknown(rule, required, "No case was answered and timed on both sides")
    if comparison.times_differ:
        sentence = f"Times do not compare: {comparison.times_differ}."
        return _check(rule, "inconclusive", required, "not comparable", sentence, TIMED_ALIKE)
    return _ratio(rule, latency, required, "Answers took {} as long")


def _cost_ratio(rule: Rule, comparison: Comparison) -> Check:
    """Of the bills for the cases that both sides answered at a known price."""
    required = f"answers cost at most {rule.limit:.2f} times as much"
    if comparison.cost is None:
        sentence = "The cost is not known on both sides."
        settle = "give both models an input_price and an output_price"
        return _check(rule, "inconclusive", required, "nothing", sentence, settle)
    return _ratio(rule, comparison.cost, required, "Answers cost {} as much")


def _ratio(rule: Rule, ratio: Ratio, required: str, told: str) -> Check:
    """PASS if the whole 95 % interval is within the limit, FAIL if all of it is beyond."""
    measured = f"{ratio.ratio:.2f} times"
    if ratio.low is None or ratio.high is None:
        sentence = f"{told.format(measured)} over {counted(ratio.pairs, 'case')}, too few for an interval."
        return _check(rule, "inconclusive", required, measured, sentence, "6 or more cases known on both sides")
    measured += f" ({ratio.low:.2f} to {ratio.high:.2f})"
    seen = f"{told.format(measured)}, 95 % interval over {counted(ratio.pairs, 'case')}"
    sentence = f"{seen}; the policy allows {rule.limit:.2f}."
    if ratio.high <= rule.limit:
        return _check(rule, "pass", required, measured, sentence)
    if ratio.low > rule.limit:
        return _check(rule, "fail", required, measured, sentence)
    return _check(rule, "inconclusive", required, measured, sentence, "more cases, or trials, known on both sides")


# --------------------------------------------------------------------------- faults


def _fault_share(rule: Rule, comparison: Comparison) -> Check:
    """PASS if hardly anything is missing on either side, else inconclusive: a model is not to blame for the world."""
    required = f"at most {percent(rule.limit)} of answers missing on either side"
    was, now = missing.shares(comparison)
    measured = f"{percent(was)} of the baseline's, {percent(now)} of the candidate's"
    told = "; ".join([measured, *_unwhole(comparison)])
    sentence = f"Faults or never asked: {told}; the policy allows {percent(rule.limit)}."
    if max(was, now) <= rule.limit:
        return _check(rule, "pass", required, measured, sentence)
    return _check(
        rule, "inconclusive", required, measured, sentence, "run the same command again: it asks what is missing"
    )


def _unwhole(comparison: Comparison) -> list[str]:
    """For each side, of how many cases only some trials were asked; nothing where all were."""
    sides = zip(("baseline", "candidate"), missing.short(comparison), strict=True)
    return [
        f"of {counted(short, 'case')} the {name} was not asked all {counted(trials, 'trial')}"
        for name, (short, trials) in sides
        if short
    ]


_KINDS: Mapping[str, Callable[[Rule, Comparison], Check]] = {
    "floor": _floor,
    "max_drop": _max_drop,
    "latency_ratio": _latency_ratio,
    "cost_ratio": _cost_ratio,
    "fault_share": _fault_share,
}


# --------------------------------------------------------------------------- wording


def _check(
    rule: Rule, outcome: CheckOutcome, required: str, measured: str, sentence: str, settle: str | None = None
) -> Check:
    sentence = sentence[0].upper() + sentence[1:]
    return Check(rule=rule, outcome=outcome, required=required, measured=measured, sentence=sentence, settle=settle)


def _unknown(rule: Rule, required: str, why: str) -> Check:
    return _check(rule, "inconclusive", required, "nothing", f"{why}.", "ask both models cases that judge it")


def _not_applicable(rule: Rule, required: str) -> Check:
    what = f"No case of the suite judges {_label(rule)}, or all that do are quarantined"
    return _check(rule, "not_applicable", required, "nothing", f"{what}: the rule does not apply.")


def cell_of(comparison: Comparison, rule: Rule) -> Cell | None:
    return next((c for c in comparison.cells if c.slice == rule.slice and c.score == rule.score), None)


def _label(rule: Rule) -> str:
    return f"{rule.score}" if rule.slice == "all" else f"{rule.score} of {rule.slice}"


def _more(need: int | None, there: int) -> str:
    if need is None:
        return "no affordable number of cases, if the rates stay as seen: the limit is about what was seen"
    more = max(1, need - there)
    step = 10 ** max(0, len(str(more)) - 2)  # two digits: it is an estimate
    return f"about {counted(math.ceil(more / step) * step, 'more case')}, if the rates stay as seen"


def moved(difference: float) -> str:
    if difference == 0:
        return "did not change"
    return f"{'rose' if difference > 0 else 'fell'} by {abs(100 * difference):.1f} points"
