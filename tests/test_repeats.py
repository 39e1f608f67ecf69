"""Repeats: pass@k and pass^k over cases, cases that flake, answers told apart by the calls they make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import plugins
from evalkit.data import Fault, Record, Table
from evalkit.pairing import repeats
from tests import comparisons
from tests.comparisons import answer, case, right

CASE = case("sky", "Weather?", ("get_forecast", {"city": "Oslo"}))


def trials(*passed: bool, name: str = "sky") -> list[Record]:
    records = [right(CASE) if each else answer(CASE, text="No.", called=False) for each in passed]
    return [replace(record, case=name, trial=number) for number, record in enumerate(records)]


def test_each_case_counts_once() -> None:
    told = repeats.of([*trials(True, True), *trials(True, False, name="rail")])
    assert told is not None
    assert told.pass_at == {1: 0.75, 2: 1.0} and told.pass_hat == {1: 0.75, 2: 0.5}
    assert told.flaky == 0.5 and told.flips == 0.5 and told.diversity == 0.75


@given(st.lists(st.booleans(), min_size=2, max_size=20))
def test_more_trials_pass_more_easily_once_and_less_easily_always(passed: list[bool]) -> None:
    told = repeats.of(trials(*passed))
    assert told is not None and max(told.pass_at) == len(passed)
    at, hat = (list(chances.values()) for chances in (told.pass_at, told.pass_hat))
    assert at == sorted(at) and hat == sorted(hat, reverse=True)
    assert (at[0], hat[0]) == pytest.approx((sum(passed) / len(passed),) * 2)
    assert (at[-1], hat[-1]) == (any(passed), all(passed))


def test_answers_are_distinct_if_their_calls_are_and_not_by_what_is_said_or_how_it_is_spaced() -> None:
    same = [answer(CASE, [("get_forecast", text)]) for text in ('{"city":"Oslo"}', '{ "city": "Oslo" }')]
    other = answer(CASE, [("get_forecast", '{"city": "Bern"}')])
    told = repeats.of([*same, answer(CASE, text="No."), answer(CASE, text="Never."), other])
    assert told is not None and told.cases[0].distinct == 3


def test_a_fault_is_no_trial() -> None:
    fault = replace(right(CASE), reply=Fault(kind="server", message=""), answer=None, score=None)
    assert repeats.of([right(CASE), fault]) is None
    told = repeats.of([right(CASE), fault, *trials(True)])
    assert told is not None and told.cases[0].passed == (True, True)


def test_the_section_is_there_only_where_a_case_was_asked_twice() -> None:
    build = plugins.find("sections", "trials").build
    verdict = comparisons.verdict()
    assert build(comparisons.outings(), verdict) is None
    section = build(comparisons.asked_twice(), verdict)
    chances, flaky = (block for block in section.blocks if isinstance(block, Table))
    shares = {row["what"]: (row["baseline"], row["candidate"]) for row in chances.rows}
    assert shares["pass@2"] == (1.0, 0.75) and shares["pass^2"] == (pytest.approx(47 / 48), 0.75)
    assert [(row["case"], row["baseline"], row["candidate"]) for row in flaky.rows] == [("sky-0", "1 of 2", "2 of 2")]
