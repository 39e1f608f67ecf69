"""Estimates before spending: what is known is counted, what is measured is used, and what is neither is said so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from evalkit import planning, stats
from evalkit.data import Policy, Rule, Run, Suite, Target, Usage
from evalkit.pairing.discordance import Discordance
from evalkit.planning import Plan, Sight
from tests.outcomes import NEW, OLD, case, run, suite

DROP = Rule(kind="max_drop", score="correct", limit=0.05)
CASES = [case(i, f"tool-{i % 4}", ["even"] if i % 2 == 0 else []) for i in range(40)]
SUITE = suite(CASES)


def estimate(targets: Sequence[Target] = (OLD, NEW), *rules: Rule, of: Suite = SUITE, **more: Any) -> Plan:
    return planning.estimate(of, targets, Policy(rules=rules or (DROP,)), **{"trials": 1, "concurrency": 4, **more})


def sight(**more: Any) -> Sight:
    return estimate(**more).sights[0]


def told(words: dict[str, list[str]], usage: Usage | None = None, **info: Any) -> Run:
    made = run(CASES, words, **info)
    records = tuple(
        replace(record, answer=replace(record.answer, usage=usage)) if usage and record.answer else record
        for record in made.records
    )
    return replace(made, records=records)


# --------------------------------------------------------------------------- tokens, money, time


def test_requests_and_assumptions_add_up() -> None:
    plan = estimate(trials=3)
    assert plan.requests == 2 * 3 * len(CASES)
    for each in plan.spending:
        assert each.requests == 3 * len(CASES) and each.output_tokens == round(each.requests * planning.OUTPUT_TOKENS)
        length = sum(planning.characters(SUITE, OLD).values())
        assert each.input_tokens == round(3 * length / planning.CHARACTERS_PER_TOKEN)
        assert {each.output.source, each.seconds.source, each.characters_per_token.source} == {"assumed"}
    assert plan.seconds == pytest.approx(plan.requests * planning.SECONDS / 4)


def test_what_is_sent_is_counted_whole() -> None:
    """Messages and the tools offered, as JSON: {"role","content"} and one function declaration."""
    sent = planning.characters(SUITE, OLD)["case-0"]
    message = '[{"content":"?","role":"user"}]'
    tool = '[{"function":{"name":"tool-0","parameters":{"type":"object"}},"type":"function"}]'
    assert sent == len(message) + len(tool)


def test_money_follows_from_prices_and_is_never_made_up() -> None:
    priced = replace(OLD, input_price=2.0, output_price=10.0)
    spent = estimate([priced]).spending[0]
    assert spent.cost == pytest.approx((2 * spent.input_tokens + 10 * spent.output_tokens) / 1e6)
    assert estimate([priced]).cost == spent.cost
    half = replace(NEW, input_price=2.0)
    assert estimate([half]).spending[0].cost is None and estimate([priced, half]).cost is None


def test_an_earlier_run_is_measured() -> None:
    usage = Usage(input_tokens=50, output_tokens=7, cost=0.002)
    like = told({"old": ["p"] * 40}, usage, seconds={"old": 3.0})
    old, new = estimate(like=like, trials=2).spending
    assert (old.input_tokens, old.output_tokens) == (2 * 40 * 50, 2 * 40 * 7)
    assert old.cost == pytest.approx(0.16)
    assert (old.seconds.value, old.seconds.source) == (3.0, "measured")
    assert (new.output.value, new.output.source) == (7, "measured on other models")
    assert new.cost is None  # what another model costs says nothing


def test_an_earlier_run_of_other_cases_tells_how_dense_tokens_are() -> None:
    like = told({"old": ["p"] * 40}, Usage(input_tokens=50, output_tokens=7))
    part = replace(SUITE, cases=SUITE.cases[:10])
    assert estimate([OLD], of=part, like=like).spending[0].input_tokens == 500


def test_few_requests_are_no_faster_than_one() -> None:
    assert estimate([OLD], of=replace(SUITE, cases=SUITE.cases[:2]), concurrency=16).seconds == planning.SECONDS


# --------------------------------------------------------------------------- what can be told


def test_chances_are_those_of_the_rule_in_use() -> None:
    seen = sight()
    share = planning.DISCORDANT / 2
    assert seen.cases == 40 and seen.discordance.source == "assumed"
    assert seen.equal_pass == stats.decision_odds([10] * 4, share, share, 0.05).passes
    assert seen.twice_fail == stats.decision_odds([10] * 4, share, share + 0.1, 0.05).fails
    assert 0.05 < seen.detectable[0.80] < seen.detectable[0.95]


def test_stopping_early_pays_where_there_are_cases_enough() -> None:
    assert sight().stops_after is None
    many = suite([case(i) for i in range(600)])
    stops = sight(of=many).stops_after
    assert stops == stats.cases_until_won(0.02, 0.02, 0.05, 600) and stops is not None and 60 < stops < 300


def test_what_a_wanted_sensitivity_takes() -> None:
    needs = {(need.margin, need.power): need for need in sight(detect=0.02).needs}
    assert needs.keys() == {(margin, power) for margin in (0.05, 0.02) for power in (0.80, 0.95)}
    for (margin, power), need in needs.items():
        assert need.cases == pytest.approx(stats.cases_for_margin(planning.DISCORDANT, margin, power), rel=0.25)
    assert (needs[0.02, 0.80].cases or 0) > (needs[0.05, 0.80].cases or 0) > 40


@pytest.mark.parametrize("points", [2.9, 3, 5.8])
def test_a_wanted_sensitivity_that_is_the_limit_is_told_once(points: float) -> None:
    limit = replace(DROP, limit=float(f"{points / 100:.3f}"))
    (seen,) = estimate((OLD,), limit, detect=points / 100).sights
    assert [(need.margin, need.power) for need in seen.needs] == [(limit.limit, 0.80), (limit.limit, 0.95)]


def test_only_the_cases_of_the_slice_that_judge_the_score_count() -> None:
    rules = [replace(DROP, slice="tag:even"), replace(DROP, score="abstained"), replace(DROP, slice="tool:tool-1")]
    assert [(s.rule.slice, s.cases) for s in estimate((OLD,), *rules).sights] == [("tag:even", 20), ("tool:tool-1", 10)]
    dated = {"type": "object", "properties": {"on": {"type": "string", "format": "date"}}, "required": ["on"]}
    parted = replace(SUITE, specs={**SUITE.specs, "tool-1": replace(SUITE.specs["tool-1"], schema=dated)})
    (seen,) = estimate((OLD,), replace(DROP, slice="feature:format"), of=parted).sights
    assert seen.cases == 10


@pytest.mark.parametrize(
    ("words", "share", "chance"),
    [
        ({"old": ["p"] * 40, "new": ["w"] * 10 + ["p"] * 30}, 11 / 42, None),
        ({"old": ["pw"] * 8 + ["pp"] * 32}, 9 / 42, 9 / 42),
        ({"old": ["pp"] * 40, "new": ["pp"] * 40}, 1 / 42, 1 / 82),
        ({"old": ["x"] * 20 + [""] * 20}, planning.DISCORDANT, None),
    ],
)
def test_disagreement_is_measured_between_models_or_between_trials(
    words: dict[str, list[str]], share: float, chance: float | None
) -> None:
    found = sight(like=told(words)).discordance
    assert found.share == pytest.approx(share)
    assert found.chance == (None if chance is None else pytest.approx(chance))
    assert found.source == ("assumed" if "x" in words["old"][0] else "measured")


def test_repeats_average_chance_away_and_nothing_else() -> None:
    """Against the variance of a mean over trials, simulated: cases of unlike difficulty, models that differ on some."""
    rng = np.random.default_rng(1)
    was, now = rng.beta(8, 1, 4000), rng.beta(8, 1, 4000)
    between = float(np.mean(was * (1 - now) + now * (1 - was)))
    within = float(np.mean(was * (1 - was) + now * (1 - now)))
    noise = Discordance(share=between, chance=within, source="measured")
    for trials in (1, 2, 5):
        drawn = (rng.binomial(trials, now) - rng.binomial(trials, was)) / trials
        assert noise.over(trials) == pytest.approx(np.mean(drawn**2), rel=0.08)
    assert Discordance(share=0.04, chance=None, source="assumed").over(9) == 0.04


def test_trials_help_where_what_differs_is_chance() -> None:
    noisy = told({"old": ["pw"] * 8 + ["pp"] * 32})
    once, often = sight(like=noisy), sight(like=noisy, trials=5)
    assert often.equal_pass > once.equal_pass and often.detectable[0.80] < once.detectable[0.80]
    assert all(need.trials is None or need.trials > 1 for need in once.needs)
