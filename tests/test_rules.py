"""Each kind of rule: what passes, what fails, what is open, and the sentence that says so."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace

from evalkit.data import Check, Comparison, Outcome, Ratio, Rule
from evalkit.gate import rules
from tests.outcomes import compared, fallen

DROP = Rule(kind="max_drop", score="correct", limit=0.03)
FLOOR = Rule(kind="floor", score="correct", limit=0.9)
FAULTS = Rule(kind="fault_share", limit=0.02)
LATENCY = Rule(kind="latency_ratio", limit=1.5)
COST = Rule(kind="cost_ratio", limit=1.5)


def held(comparison: Comparison, rule: Rule) -> Check:
    return rules.check(rule, comparison)


# --------------------------------------------------------------------------- the largest drop


def test_sentences_have_their_numbers() -> None:
    assert held(fallen(150, 50), DROP).sentence == (
        "Correct fell by 25.0 points over 200 cases (95 % one-sided bound −20.3); the policy allows a fall of 3.0."
    )
    check = held(fallen(40, 0), DROP)
    assert check.sentence == (
        "Correct did not change over 40 cases, but a fall of 6.3 is not ruled out (95 % one-sided bound); "
        "the policy allows 3.0."
    )
    assert check.settle is not None and check.settle.endswith("more cases, if the rates stay as seen")


def test_what_would_settle_a_drop_settles_it() -> None:
    check = held(fallen(58, 1, 1), DROP)
    assert check.outcome == "inconclusive" and check.settle is not None
    more = int(check.settle.split()[1].replace(",", ""))
    scale = (60 + more) / 60
    assert held(fallen(round(58 * scale), round(scale), round(scale)), DROP).outcome == "pass"


def test_a_fall_beyond_the_limit_is_not_set_against_itself() -> None:
    check = held(fallen(0, 1), DROP)
    assert check.outcome == "inconclusive"
    assert check.sentence.startswith(
        "Correct fell by 100.0 points over 1 case, but a fall within the 3.0 that the policy allows is not ruled out"
    )
    for passing, broken in ((0, 1), (0, 2), (18, 2), (56, 4)):
        check = held(fallen(passing, broken), DROP)
        fell, _, doubt = check.sentence.partition(", but ")
        assert check.outcome == "inconclusive" and fell.split()[3] not in doubt


def test_bounds_are_called_what_they_are() -> None:
    """Two one-sided bounds are no 95 % interval, and stand beside one."""
    assert "points (one-sided 95 % bounds " in held(fallen(150, 50), DROP).measured


def test_one_is_one() -> None:
    assert rules._more(1, 0) == "about 1 more case, if the rates stay as seen"
    assert rules._more(3, 1) == "about 2 more cases, if the rates stay as seen"
    assert "of 1 case, 95 % interval" in held(compared("p", "p"), FLOOR).sentence
    nine = held(compared("p" * 9, "p" * 9), FLOOR).settle
    assert nine == "1 more case: with fewer than 10 a single miss decides"


def test_how_many_more_cases_an_open_check_takes_is_what_it_says() -> None:
    comparison = compared("p" * 8, "p" * 8)
    assert rules.more_to_settle(held(comparison, FLOOR), comparison) == 2
    told = held(comparison, DROP).settle
    assert told is not None
    said, meant = int(told.split()[1].replace(",", "")), rules.more_to_settle(held(comparison, DROP), comparison)
    assert 0 <= said - meant <= max(1, 0.1 * meant)
    assert rules.more_to_settle(held(comparison, COST), comparison) == 0
    margin = fallen(97, 3)
    assert rules.more_to_settle(held(margin, DROP), margin) == math.inf
    assert rules.more_to_settle(held(fallen(200, 0), DROP), fallen(200, 0)) == 0


def test_no_number_of_cases_settles_a_drop_that_is_the_margin() -> None:
    check = held(fallen(97, 3), DROP)
    assert check.outcome == "inconclusive"
    assert check.settle is not None and check.settle.startswith("no affordable number")


# --------------------------------------------------------------------------- floors


@pytest.mark.parametrize(
    ("passed", "judged", "outcome"),
    [
        (100, 100, "pass"),
        (90, 100, "pass"),
        (89, 100, "inconclusive"),
        (80, 100, "fail"),
        (9, 9, "inconclusive"),
        (10, 10, "pass"),
    ],
)
def test_a_floor_is_reached_missed_or_too_fine_for_the_suite(passed: int, judged: int, outcome: Outcome) -> None:
    comparison = compared("p" * judged, "p" * passed + "w" * (judged - passed))
    check = held(comparison, FLOOR)
    assert check.outcome == outcome
    assert (check.settle is None) == (outcome != "inconclusive")


def test_a_floor_of_everything_allows_no_miss() -> None:
    perfect = Rule(kind="floor", score="compliance", limit=1.0)
    assert held(compared("p" * 50, "p" * 50), perfect).outcome == "pass"
    assert held(compared("p" * 50, "p" * 49 + "v"), perfect).outcome == "fail"


def test_a_rule_may_be_of_one_tool() -> None:
    comparison = compared("p" * 40, "p" * 20 + "w" * 20, ["book"] * 20 + ["cancel"] * 20)
    assert held(comparison, replace(FLOOR, slice="tool:book")).outcome == "pass"
    assert held(comparison, replace(FLOOR, slice="tool:cancel")).outcome == "fail"


# --------------------------------------------------------------------------- latency and faults


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(1.0, 1.4, "pass"), (1.4, 1.6, "inconclusive"), (1.6, 1.9, "fail"), (None, None, "inconclusive")],
)
@pytest.mark.parametrize("rule", [LATENCY, COST], ids=["latency", "cost"])
def test_a_ratio_is_decided_by_its_interval(
    rule: Rule, low: float | None, high: float | None, outcome: Outcome
) -> None:
    ratio = Ratio(ratio=1.5, low=low, high=high, pairs=200)
    check = held(replace(fallen(200, 0), latency=ratio, cost=ratio), rule)
    assert check.outcome == outcome
    assert (check.settle is None) == (outcome != "inconclusive")
    assert low is None or f"1.50 times ({low:.2f} to {high:.2f})" in check.sentence


def test_a_bill_that_is_not_known_decides_nothing_and_says_what_would() -> None:
    check = held(fallen(200, 0), COST)
    assert (check.outcome, check.measured) == ("inconclusive", "nothing")
    assert check.settle == "give both models an input_price and an output_price"


def test_a_rule_of_cases_that_are_not_there_does_not_apply() -> None:
    for kind in ("floor", "max_drop"):
        check = held(fallen(200, 0), replace(DROP, kind=kind, score="abstained"))
        assert (check.outcome, check.settle) == ("not_applicable", None)
        assert "the rule does not apply" in check.sentence


def test_times_taken_differently_decide_nothing() -> None:
    timed = fallen(200, 0)
    assert held(timed, LATENCY).outcome == "pass"
    crowded = replace(timed, times_differ="the baseline was asked gently, the candidate hard")
    check = held(crowded, LATENCY)
    assert (check.outcome, check.measured) == ("inconclusive", "not comparable")
    assert check.sentence == "Times do not compare: the baseline was asked gently, the candidate hard."
    assert check.settle is not None and "--latency" in check.settle
    untimed = replace(timed, latency=Ratio(ratio=None, low=None, high=None, pairs=0))
    assert held(untimed, LATENCY).outcome == "inconclusive"


def test_faults_make_open_and_never_fail() -> None:
    assert held(compared("p" * 100, "p" * 98 + "xx"), FAULTS).outcome == "pass"
    check = held(compared("p" * 100, "p" * 50 + "x" * 50), FAULTS)
    assert check.outcome == "inconclusive"
    assert "0.0 % of the baseline's, 50.0 % of the candidate's" in check.sentence
