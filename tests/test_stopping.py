"""When to stop asking: the budget is kept, and the decision to stop is the one that the gate comes to."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import compare, gate, stats
from evalkit.data import Policy, Quarantine, Record, Rule, Run, Target, Usage
from evalkit.errors import InputError
from evalkit.pairing import sequence
from evalkit.stopping import Budget, Early
from tests.outcomes import case, record, run

DROP = Rule(kind="max_drop", score="correct", limit=0.05)
POLICY = Policy(rules=(DROP,))
CASES = [case(i, f"tool-{i % 3}") for i in range(900)]


def migration(rates: tuple[float, float], seed: int, count: int = 900) -> Run:
    """Both sides fail by chance, with a wrong argument."""
    chance = random.Random(seed)
    words = {
        name: ["p" if chance.random() < rate else "w" for _ in range(count)]
        for name, rate in zip(("old", "new"), rates, strict=True)
    }
    return run(CASES[:count], words, sequential=True)


def early(whole: Run, policy: Policy = POLICY, **more: object) -> Early:
    return Early(whole.suite, policy, "old", "new", **more)  # type: ignore[arg-type]


def in_order(whole: Run) -> list[Record]:
    place = {case.id: number for number, case in enumerate(sequence.shuffled(whole.suite))}
    return sorted(whole.records, key=lambda record: (place[record.case], record.trial, record.target))


def asked_until_stopped(whole: Run, brake: Early, records: Sequence[Record]) -> Run:
    """What was asked when the brake let no further request go, three requests later."""
    for count, heard in enumerate(records):
        if brake.admit() is not None:
            return replace(whole, records=tuple(records[: count + 3]))
        brake.add(heard)
    return whole


# --------------------------------------------------------------------------- a decision


@pytest.mark.parametrize(("rates", "outcome", "within"), [((0.98, 0.98), "pass", 450), ((0.98, 0.7), "fail", 120)])
def test_it_stops_where_the_gate_decides_and_not_before(rates: tuple[float, float], outcome: str, within: int) -> None:
    whole = migration(rates, seed=1)
    brake = early(whole)
    part = asked_until_stopped(whole, brake, in_order(whole))
    assert len(part.records) < 2 * within
    assert gate.decide(compare.compare(part, "old", part, "new"), POLICY).checks[0].outcome == outcome
    before = replace(part, records=part.records[:-7])
    assert gate.decide(compare.compare(before, "old", before, "new"), POLICY).checks[0].outcome == "inconclusive"


def test_why_it_stopped_is_said_with_numbers() -> None:
    same, worse = migration((0.98, 0.98), seed=1), migration((0.98, 0.7), seed=1)
    told = []
    for whole in (same, worse):
        brake = early(whole)
        asked_until_stopped(whole, brake, in_order(whole))
        told.append(brake.admit() or "")
    assert told[0].startswith("a fall is ruled out after ") and told[0].endswith("(correct by 5 points)")
    assert told[1].startswith("correct fell by more than 5 points, after ") and told[1].endswith("of 900 cases")


def test_all_drops_must_be_ruled_out_or_one_be_certain() -> None:
    whole = migration((0.99, 0.99), seed=2)
    rare = Rule(kind="max_drop", score="correct", limit=0.001)  # too little to be ruled out
    brake = early(whole, Policy(rules=(DROP, rare)))
    assert asked_until_stopped(whole, brake, in_order(whole)) is whole
    none = Rule(kind="max_drop", score="abstained", limit=0.05)  # judged by no case: applies to nothing
    brake = early(whole, Policy(rules=(DROP, none)))
    assert asked_until_stopped(whole, brake, in_order(whole)) is not whole
    worse = migration((0.98, 0.7), seed=2)
    brake = early(worse, Policy(rules=(rare, replace(DROP, slice="tool:tool-1"))))
    assert asked_until_stopped(worse, brake, in_order(worse)) is not worse


@given(st.randoms(use_true_random=False))
def test_what_comes_first_does_not_matter(chance: random.Random) -> None:
    whole = migration((0.9, 0.8), seed=3, count=40)
    straight, mixed = early(whole), early(whole)
    records = list(whole.records)
    for heard in in_order(whole):
        straight.add(heard)
    chance.shuffle(records)
    for heard in records:
        mixed.add(heard)
    ours, theirs = straight._drops[0], mixed._drops[0]
    assert (ours.within.most, ours.beyond.most) == (theirs.within.most, theirs.beyond.most)
    assert straight._counted == mixed._counted == 40


def test_a_case_counts_once_every_trial_is_in_and_a_fault_never() -> None:
    cases = CASES[:3]
    words = {"old": ["pp", "px", "p"], "new": ["ww", "xx", "w"]}
    whole = run(cases, words, trials=2, sequential=True)
    brake = early(whole, trials=2)
    for heard in whole.records:
        brake.add(heard)
    assert brake._counted == [case.id for case in sequence.shuffled(whole.suite)].index("case-2")
    for name in words:
        brake.add(record(cases[2], 1, "x", name))
    assert brake._counted == 3
    twice = early(run(cases[:2], {"old": ["p", "p"], "new": ["w", "w"]}))
    for heard in run(cases[:2], {"old": ["p", "p"], "new": ["w", "w"]}).records:
        twice.add(heard)
    assert brake._drops[0].beyond.most == pytest.approx(twice._drops[0].beyond.most)


def test_a_run_that_goes_on_remembers_what_it_has_but_for_faults() -> None:
    whole = migration((0.98, 0.7), seed=1)
    known = in_order(whole)[:200]
    assert early(whole, earlier=known).admit() is not None
    faulted = [replace(heard, reply=record(CASES[0], 0, "x", "old").reply, score=None) for heard in known]
    assert early(whole, earlier=faulted)._counted == 0


def test_cases_in_quarantine_do_not_count() -> None:
    whole = migration((1.0, 0.0), seed=4, count=60)
    entries = tuple(
        Quarantine(case=case.id, until=until, owner="o", why="w")
        for until, cases in (("2999-01-01", CASES[:30]), ("2020-01-01", CASES[30:60]))
        for case in cases
    )
    all_, half = (early(whole, Policy(rules=(DROP,), quarantine=part)) for part in ((), entries))
    for heard in whole.records:
        all_.add(heard)
        half.add(heard)
    assert half._counted == all_._counted == 60
    assert 1 < half._drops[0].beyond.most < all_._drops[0].beyond.most


def test_what_was_not_asked_because_it_stopped_is_not_missing() -> None:
    whole = migration((0.98, 0.98), seed=1)
    part = asked_until_stopped(whole, early(whole), in_order(whole))
    verdict = gate.decide(compare.compare(part, "old", part, "new"), POLICY)
    assert (verdict.outcome, verdict.word) == ("pass", "not_worse")
    fixed = replace(part, info=replace(part.info, sequential=False))
    assert gate.decide(compare.compare(fixed, "old", fixed, "new"), POLICY).word == "unreliable_baseline"


def test_cells_of_a_sequential_run_hold_at_any_stopping_time() -> None:
    whole = migration((0.9, 0.8), seed=5, count=200)
    cells = {(c.slice, c.score): c for c in compare.compare(whole, "old", whole, "new").cells}
    passed = {(r.case, r.target): r.score is not None and r.score.correct is True for r in whole.records}
    for name, members in (("all", CASES[:200]), ("tool:tool-1", CASES[1:200:3])):
        order = [case.id for case in sequence.shuffled(whole.suite) if case in members]
        values = [float(passed[i, "new"]) - float(passed[i, "old"]) for i in order]
        found, cell = stats.sequential_difference(values), cells[name, "correct"]
        assert found is not None
        assert (cell.low, cell.high, cell.lower_bound, cell.upper_bound, cell.method) == (
            found.low,
            found.high,
            found.lower_bound,
            found.upper_bound,
            found.method,
        )
        assert cell.p == stats.sequential_p(values)
        assert (cell.candidate.low, cell.candidate.high) == stats.sequential_interval(
            [float(passed[i, "new"]) for i in order]
        )


def test_a_policy_without_a_drop_is_refused() -> None:
    with pytest.raises(InputError, match="no max_drop"):
        early(migration((1, 1), seed=0, count=3), Policy(rules=(Rule(kind="fault_share", limit=0.1),)))


# --------------------------------------------------------------------------- a budget


def test_no_more_calls_than_allowed() -> None:
    budget = Budget(calls=2)
    assert [budget.admit() for _ in range(3)] == [None, None, "--max-calls 2: reached"]
    assert [Budget().admit() for _ in range(3)] == [None] * 3


def test_the_time_that_may_be_taken_is_told() -> None:
    assert Budget(seconds=5).deadline == (5, "--max-seconds 5: reached")
    assert Budget(calls=1).deadline is None


def test_a_cost_that_cannot_be_counted_is_refused_before_any() -> None:
    free = Target(name="free", provider="reference", model="oracle")
    dear = Target(name="dear", provider="openai_http", model="m", input_price=1.0, output_price=2.0)
    Budget(cost=1).check([free, dear])
    half = replace(dear, name="half", output_price=None)
    with pytest.raises(InputError, match="--max-cost cannot be kept: what half costs is unknown; give"):
        Budget(cost=1).check([free, dear, half])
    Budget(calls=1).check([half])


@pytest.mark.parametrize("provider", ["reference", "replay"])
def test_what_answers_here_spends_nothing_however_much_it_answers(provider: str) -> None:
    budget = Budget(cost=0.01)
    budget.check([Target(name="old", provider=provider, model="m")])
    for _ in range(3):
        budget.add(_costing(None))
        assert budget.admit() is None


def test_no_call_once_the_money_is_spent_or_cannot_be_counted() -> None:
    budget = Budget(cost=0.03)
    priced = _costing(0.02)
    for expected in (None, None):
        assert budget.admit() is expected
        budget.add(priced)
    assert budget.admit() == "--max-cost 0.03: reached, with 0.0400 USD spent"
    unknown = Budget(cost=0.03)
    unknown.add(_costing(None))
    assert unknown.admit() == "--max-cost cannot be kept: what old costs is unknown"
    unlimited = Budget(calls=1)
    unlimited.add(_costing(None))
    assert unlimited.admit() is None


def test_a_fault_costs_nothing() -> None:
    budget = Budget(cost=0.01)
    budget.add(record(CASES[0], 0, "x", "old"))
    assert budget.admit() is None


def _costing(cost: float | None) -> Record:
    heard = record(CASES[0], 0, "p", "old")
    assert heard.answer is not None
    return replace(heard, answer=replace(heard.answer, usage=Usage(cost=cost)))
