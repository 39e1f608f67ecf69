"""Sums over records: what counts, what does not, and None where nothing is known."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evalkit import tally
from evalkit.data import SCORES, Counts, Fault, Record, Response, ScoreName, Usage
from tests.outcomes import OLD, case, record

CASES = [case(i) for i in range(6)]
RECORDS = [record(case, 0, letter, "m") for case, letter in zip(CASES, "ppwvnx", strict=True)]


def with_usage(record: Record, **usage: int | float | None) -> Record:
    assert record.answer is not None
    return replace(record, answer=replace(record.answer, usage=Usage(**usage)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SCORES)
def test_every_score_can_be_read_by_its_name(name: ScoreName) -> None:
    score = RECORDS[0].score
    assert score is not None
    assert tally.value(score, name) is (None if name == "abstained" else True)


def test_codes_count_answers_and_not_violations() -> None:
    double = RECORDS[3]
    assert double.score is not None
    twice = replace(double, score=replace(double.score, violations=double.score.violations * 2))
    assert tally.codes([*RECORDS[:3], twice, *RECORDS[4:], RECORDS[3]]) == {"schema.required": 2, "call.missing": 1}
    assert list(tally.codes([RECORDS[4], RECORDS[3], RECORDS[3]])) == ["schema.required", "call.missing"]


def test_precision_and_recall_sum_before_they_divide() -> None:
    found = tally.prf([Counts(matched=1, expected=1, actual=4), Counts(matched=3, expected=7, actual=4)])
    assert (found.precision, found.recall, found.f1) == (4 / 8, 4 / 8, 8 / 16)
    assert tally.calls(RECORDS).recall == 4 / 5
    assert tally.arguments(RECORDS).precision == 2 / 4
    empty = tally.prf([])
    assert (empty.precision, empty.recall, empty.f1) == (None, None, None)


def test_faults_are_counted_by_kind_and_timed_by_nobody() -> None:
    limited = replace(RECORDS[5], reply=Fault(kind="rate_limit", message="slow down"))
    assert tally.faults([*RECORDS, limited, limited]) == {"rate_limit": 2, "timeout": 1}
    assert tally.seconds(RECORDS) == [1.0] * 5


def test_latency_quantiles_say_when_there_are_too_few() -> None:
    timed = [record(CASES[0], trial, "p", "m", seconds=float(trial)) for trial in range(72)]
    assert tally.latency_quantiles(timed)["p95"] == (68, 63, 71)
    assert tally.latency_quantiles(timed)["p99"] is None
    assert tally.latency_quantiles(timed[:5])["p50"] is None


def test_an_answer_without_timing_is_not_one_of_zero_seconds() -> None:
    reply = RECORDS[0].reply
    assert isinstance(reply, Response)
    untimed = replace(RECORDS[0], reply=replace(reply, timing=replace(reply.timing, total=None)))
    assert tally.seconds([untimed]) == []


def test_what_is_not_reported_is_unknown_and_the_gap_shows() -> None:
    nothing = tally.usage(RECORDS)
    assert nothing.total == Usage() and nothing.answers == 5 and nothing.counted == 0
    some = tally.usage([with_usage(RECORDS[0], input_tokens=10, output_tokens=5), *RECORDS[1:]])
    assert (some.total.input_tokens, some.total.output_tokens, some.total.cost, some.counted) == (10, 5, None, 1)


def test_every_kind_of_token_is_summed_where_it_is_reported() -> None:
    spent = [with_usage(RECORDS[0], cached_tokens=4, reasoning_tokens=30), with_usage(RECORDS[1], reasoning_tokens=12)]
    total = tally.usage(spent).total
    assert (total.input_tokens, total.cached_tokens, total.reasoning_tokens) == (None, 4, 42)


def test_cost_is_what_was_reported_else_what_the_tokens_come_to() -> None:
    priced = replace(OLD, input_price=2.0, output_price=10.0)
    records = [
        with_usage(RECORDS[0], input_tokens=1_000_000, output_tokens=100_000),
        with_usage(RECORDS[1], input_tokens=1_000_000, output_tokens=100_000, cost=0.5),
        with_usage(RECORDS[2], output_tokens=100_000),
    ]
    assert tally.usage(records, priced).total.cost == pytest.approx(3.0 + 0.5)
    assert tally.usage(records).total.cost == 0.5


def test_what_an_answer_costs_is_told_over_those_of_which_it_is_known() -> None:
    """Of five answers two have a cost; of these one is compliant."""
    known = [with_usage(RECORDS[0], cost=0.001), with_usage(RECORDS[3], cost=0.003)]
    spent = tally.usage([*known, *RECORDS[1:3], RECORDS[4]])
    assert (spent.answers, spent.priced) == (5, 2)
    assert [spent.cost_each, spent.cost_compliant] == pytest.approx([0.002, 0.004])
    assert tally.usage(known[1:]).cost_compliant is None
    nothing = tally.usage(RECORDS)
    assert (nothing.priced, nothing.cost_each, nothing.cost_compliant) == (0, None, None)


def test_totals_taken_one_by_one_are_those_of_the_whole() -> None:
    totals = tally.Totals()
    for taken in (*RECORDS, with_usage(RECORDS[0], cost=0.5), with_usage(RECORDS[1], cost=0.25)):
        totals.add(taken)
    assert (totals.answered, tally.ranked(totals.faults)) == (7, {"timeout": 1})
    assert totals.rate("called") == 6 / 7 and totals.rate("abstained") is None
    assert tally.ranked(totals.codes) == tally.codes(RECORDS)
    assert totals.cost == 0.75


def test_totals_give_a_quantile_where_some_answer_may_lie_beyond_it() -> None:
    timed = [record(CASES[0], trial, "p", "m", seconds=float(trial)) for trial in range(72)]
    totals = tally.Totals()
    for taken in timed:
        totals.add(taken)
    assert (totals.quantile(0.50), totals.quantile(0.95), totals.quantile(0.99)) == (35, 68, None)
    quantiles = tally.latency_quantiles(timed)
    assert [q and q[0] for q in (quantiles["p50"], quantiles["p95"], quantiles["p99"])] == [35, 68, None]
