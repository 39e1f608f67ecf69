"""Real answers, decided upon: every pair of eight models, and three models against themselves a month apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from msgspec.structs import replace

from evalkit import codec, compare
from evalkit.data import Comparison, Run, Verdict
from evalkit.gate.readiness import ALARM, LEAST_BROKEN
from evalkit.gate.rules import cell_of
from tests import recorded
from tests.benchmarks.recorded_migrations import AGAIN, decided, pairs, row

pytestmark = pytest.mark.skipif(not recorded.THERE, reason=recorded.ABSENT)

CLAUDE, GPT_4O, MISTRAL = AGAIN


@pytest.fixture(scope="module")
def all_decided() -> list[tuple[Comparison, Verdict]]:
    return [decided(before, after) for before, after in pairs()]


@pytest.fixture(scope="module")
def by_name(all_decided: list[tuple[Comparison, Verdict]]) -> Mapping[tuple[str, str], tuple[Comparison, Verdict]]:
    return {(each[0].baseline.identity, each[0].candidate.identity): each for each in all_decided}


def correct(run: Run) -> set[str]:
    return {record.case for record in run.records if record.score and record.score.correct}


def test_every_pair_is_decided_on_counts_that_can_be_made_by_hand(
    all_decided: list[tuple[Comparison, Verdict]],
) -> None:
    for (before, after), (comparison, verdict) in zip(pairs(), all_decided, strict=True):
        was, now = correct(before), correct(after)
        check = next(check for check in verdict.checks if check.rule.score == "correct")
        cell = cell_of(comparison, check.rule)
        assert cell is not None and cell.difference is not None and cell.lower_bound is not None
        assert (cell.pairs, cell.fixed, cell.broken) == (1240, len(now - was), len(was - now))
        assert cell.difference == pytest.approx((len(now) - len(was)) / 1240)
        assert (check.outcome == "pass") == (cell.lower_bound > -0.05)
        assert codec.decode(Verdict, codec.encode(verdict)) == verdict
        print(row(comparison, verdict))
    assert len(all_decided) == 28 + 6


def test_the_verdicts_are_those_of_the_table(all_decided: list[tuple[Comparison, Verdict]]) -> None:
    """Of 28 pairs by name. What fails is what lost more than the margin; nothing between is called."""
    words = [verdict.word for _, verdict in all_decided[:28]]
    assert {word: words.count(word) for word in words} == {
        "regressed": 9,
        "improved": 14,
        "not_worse": 4,
        "possibly_regressed": 1,
    }


def test_a_tool_is_blocked_only_beyond_chance_and_beyond_a_case_or_two(
    all_decided: list[tuple[Comparison, Verdict]],
) -> None:
    for comparison, verdict in all_decided:
        assert len(verdict.readiness) == len({line.tool for line in verdict.readiness}) == 711
        for line in verdict.readiness:
            if line.word == "blocked":
                own = [c for c in comparison.cells if c.slice == f"tool:{line.tool}" and c.q is not None]
                assert any(c.q is not None and c.q <= ALARM and c.broken - c.fixed >= LEAST_BROKEN for c in own)


@pytest.mark.parametrize("model", [CLAUDE, GPT_4O])
@pytest.mark.parametrize("order", [("July", "August"), ("August", "July")], ids=" to ".join)
def test_a_model_against_itself_is_not_worse_and_blocks_no_tool(
    by_name: Mapping[tuple[str, str], tuple[Comparison, Verdict]], model: str, order: tuple[str, str]
) -> None:
    _, verdict = by_name[f"{model} of {order[0]}", f"{model} of {order[1]}"]
    assert (verdict.outcome, verdict.word) == ("pass", "not_worse")
    assert [line for line in verdict.readiness if line.word == "blocked"] == []


def test_a_broken_serving_path_is_regressed_and_its_cause_is_in_the_payloads(
    by_name: Mapping[tuple[str, str], tuple[Comparison, Verdict]],
) -> None:
    comparison, verdict = by_name[f"{MISTRAL} of August", f"{MISTRAL} of July"]
    assert (verdict.outcome, verdict.word) == ("fail", "regressed")
    assert verdict.headline.endswith("broken cases: call.missing (the case wants a call and none was made).")
    broken = [change for change in comparison.changes if change.kind == "broken"]
    silent = [change.case for change in broken if change.cause == "call.missing"]
    assert len(silent) > 0.9 * len(broken) > 500
    for case in silent:
        (record,) = comparison.candidate_records[case]
        assert record.answer is not None and record.answer.payloads == () and record.answer.text
    blocked = [line for line in verdict.readiness if line.word == "blocked"]
    assert len(blocked) > 10 and all("call.missing" in line.why for line in blocked)
    by_bfcl = {case.id for case in recorded.suite().cases if case.tags == ("simple",)}
    simple = [len(correct(recorded.run(MISTRAL, month)) & by_bfcl) for month in ("July", "August")]
    assert simple[0] < 20 and simple[1] > 330  # BFCL's own counts: 11 and 349 of 400


def test_what_is_broken_is_no_yardstick(by_name: Mapping[tuple[str, str], tuple[Comparison, Verdict]]) -> None:
    _, verdict = by_name[f"{MISTRAL} of July", f"{MISTRAL} of August"]
    assert (verdict.outcome, verdict.word) == ("inconclusive", "unreliable_baseline")


def test_a_months_noise_stands_beside_the_real_migration() -> None:
    """July and August as two trials of the incumbent: it flips less than the candidate does, and moves less."""
    comparison = compare.compare(twice(GPT_4O), GPT_4O, recorded.run("gpt-4o-2024-08-06-FC"), successor())
    noise = comparison.noise
    assert noise is not None and noise.between is not None
    july, august = correct(recorded.run(GPT_4O, "July")), correct(recorded.run(GPT_4O))
    assert noise.flips == pytest.approx(len(july ^ august) / 1240)
    assert noise.difference == pytest.approx((len(august) - len(july)) / 1240)
    assert noise.low < 0 < noise.high
    assert noise.between > noise.flips
    cell = next(cell for cell in comparison.cells if (cell.slice, cell.score) == ("all", "correct"))
    assert cell.low is not None and cell.low > 0 and (cell.difference or 0) > noise.high


def successor() -> str:
    return recorded.run("gpt-4o-2024-08-06-FC").info.targets[0].identity


def twice(model: str) -> Run:
    """July as the first trial, August as the second."""
    august = recorded.run(model)
    target = replace(august.info.targets[0], name=model)

    def trials() -> Iterator[tuple[int, Run]]:
        yield 0, recorded.run(model, "July")
        yield 1, august

    records = tuple(replace(r, trial=trial, target=model) for trial, run in trials() for r in run.records)
    return Run(info=replace(august.info, targets=(target,), trials=2), suite=august.suite, records=records)
