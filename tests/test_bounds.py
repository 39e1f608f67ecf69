"""How hard a suite is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evalkit import bounds, workspace
from evalkit.data import ArgRule, Expectation, ExpectedCall


def test_the_gold_of_a_sound_suite_is_its_ceiling_and_the_floors_lie_below() -> None:
    suite = workspace.load_suite("travel")
    answers = bounds.ask(suite)
    assert not bounds.failed(answers["oracle"], suite)
    assert bounds.rate(answers["oracle"], "correct") == 1.0
    lexical, sampler = (bounds.rate(answers[model], "correct") or 0.0 for model in ("lexical", "sampler"))
    assert lexical < 0.5 and sampler < 0.1
    assert bounds.rate(answers["sampler"], "compliance") == 1.0


def test_a_case_whose_gold_fails_is_named_with_why() -> None:
    suite = workspace.load_suite("travel")
    case = next(case for case in suite.cases if case.wants_call and case.accept)
    tool = case.accept[0].calls[0].tool
    wrong = Expectation(calls=(ExpectedCall(tool=tool, args=(ArgRule(path="/nowhere", value={"a": 1}),)),))
    broken = replace(suite, cases=(replace(case, accept=(wrong,)),))
    ((failed, why),) = bounds.failed(bounds.ask(broken)["oracle"], broken)
    assert failed.id == case.id and why


def test_a_rate_that_applies_to_no_case_is_unknown() -> None:
    assert bounds.rate((), "correct") is None


@pytest.mark.parametrize(
    ("oracle", "lexical", "sampler", "said"),
    [
        (1.0, 0.04, 0.2, "Harder than calling at random: the gold is correct on all cases, calling at random on 20 %."),
        (1.0, 0.5, 0.0, "Harder than word overlap, but not everywhere: "),
        (1.0, 0.9, 0.1, "Hardly harder than word overlap: "),
        (0.9, 0.0, 0.0, "The gold itself is not always found correct"),
        (None, None, None, "No case here has answers that are correct or not"),
    ],
)
def test_it_is_said_in_words_how_hard_a_suite_is(
    oracle: float | None, lexical: float | None, sampler: float | None, said: str
) -> None:
    rates = {"oracle": oracle, "lexical": lexical, "sampler": sampler}
    told = bounds.judged({model: {"correct": rate} for model, rate in rates.items()})
    assert told.startswith(said)
