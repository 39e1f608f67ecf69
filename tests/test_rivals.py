"""One candidate in focus, every other target of the run beside it, each with the verdict it has by itself."""

from __future__ import annotations

from datetime import date

from msgspec.structs import replace

from evalkit import compare, gate, rivals
from evalkit.baselines import holding, take
from evalkit.data import Comparison, Policy, Rule, Table, Verdict
from evalkit.sections import models
from tests import comparisons
from tests.comparisons import LENIENT, NEW, OLD, SKIES, STRICT, WORSE, answer, asked, right

TODAY = date(2026, 3, 2)


def test_a_rival_has_the_comparison_and_the_verdict_that_it_has_in_focus() -> None:
    run = comparisons.several()
    comparison, verdict = comparisons.rivalry()
    assert [rival.comparison.candidate.identity for rival in comparison.rivals] == ["gpt-worse", "gpt-new@strict"]
    alone = compare.compare(run, "gpt-old", run, "gpt-worse")
    assert comparison.rivals[0].comparison == alone
    assert replace(comparison.rivals[0].verdict, together=None) == gate.decide(alone, LENIENT, TODAY)
    assert replace(verdict, together=None) == gate.decide(replace(comparison, rivals=()), LENIENT, TODAY)


def test_of_two_targets_there_is_no_rival_and_nothing_is_decided_together() -> None:
    sound = [right(c) for c in SKIES]
    comparison, verdict = comparisons.decided(asked(SKIES, [(OLD, sound), (NEW, sound)]), "gpt-old", "gpt-new")
    assert comparison.rivals == () and verdict.together is None


def test_the_baseline_is_never_its_own_rival_but_a_new_model_of_its_name_is() -> None:
    run = comparisons.several()
    assert rivals.others(run, "gpt-old", run, "gpt-new") == ("gpt-worse", "gpt-new@strict")
    later = replace(run, info=replace(run.info, id="later"))
    assert rivals.others(run, "gpt-old", later, "gpt-new") == ("gpt-worse", "gpt-new@strict")
    renewed = (replace(OLD, model="gpt-old-2025"), *later.info.targets[1:])
    changed = replace(later, info=replace(later.info, targets=renewed))
    assert rivals.others(run, "gpt-old", changed, "gpt-new") == ("gpt-old", "gpt-worse", "gpt-new@strict")


def test_what_a_policy_asks_of_one_arm_stops_no_gate_on_it() -> None:
    sound = [right(c) for c in SKIES]
    old_strict = replace(OLD, arm="strict")
    run = asked(SKIES, [(OLD, sound), (old_strict, sound), (NEW, sound), (STRICT, sound), (WORSE, sound)])
    policy = Policy(rules=(Rule(kind="max_drop", score="correct", limit=0.05, slice="arm:strict"),))
    comparison, verdict = comparisons.decided(run, "gpt-old", "gpt-new", policy)
    assert verdict.outcome == "pass"
    undecided = comparison.rivals[-1]
    assert undecided.comparison.candidate == WORSE and not undecided.verdict.comparable
    assert "arm:strict" in undecided.verdict.headline


def test_who_cannot_be_compared_makes_nobody_look_luckier() -> None:
    """A fall of 3 of 120 cases is ruled out at a margin of 7 points for one candidate, but not for one of three."""
    wrong = [answer(c, text="No.", called=False) if n < 3 else right(c) for n, c in enumerate(SKIES)]
    sound = [right(c) for c in SKIES]
    policy = Policy(rules=(Rule(kind="max_drop", score="correct", limit=0.07),))
    for params, together in ((OLD.params, "inconclusive"), ({"temperature": 1}, None)):
        others = [replace(NEW, name=f"gpt-{n}", model=f"gpt-{n}", params=params) for n in range(4)]
        before = asked(SKIES, [(OLD, sound)])
        after = asked(SKIES, [(NEW, wrong), *((other, sound) for other in others)])
        against = rivals.within(before, "gpt-old", after)
        named = [other.identity for other in others]
        comparison, verdict = rivals.decided(against, "gpt-new", named, policy, date(2026, 3, 2))
        assert (verdict.outcome, verdict.together) == ("pass", together)
        note = table(comparison, verdict).note
        assert ("by chance in up to 23 % of such runs" in note) == (together is not None)


def table(comparison: Comparison, verdict: Verdict) -> Table:
    section = models.build(comparison, verdict)
    assert section is not None
    return next(block for block in section.blocks if isinstance(block, Table))


def test_several_are_held_against_a_baseline_from_a_file() -> None:
    run = comparisons.several()
    held = take(run, "gpt-old", "kept", at="2026-03-01T09:00:00Z", why="", by="ada")
    comparison, _ = rivals.decided(
        lambda identity: holding.against(held, run, identity), "gpt-new", ["gpt-worse"], LENIENT, TODAY
    )
    (worse,) = comparison.rivals
    assert worse.comparison.baseline.identity == "gpt-old" and worse.verdict.outcome == "fail"
