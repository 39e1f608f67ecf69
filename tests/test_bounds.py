"""How hard a suite is."""

from __future__ import annotations

from dataclasses import replace

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
