"""Attribution: cases with a feature against those without, beyond what looking at many features shows by chance."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from evalkit import compare
from evalkit.data import Attribution, Comparison, Json
from evalkit.pairing import attribution
from tests.outcomes import case, run

DATED: Json = {"type": "object", "properties": {"on": {"format": "date"}}, "required": ["on"]}
LISTED: Json = {"type": "object", "properties": {"in": {"enum": ["a", "b"]}}, "required": ["in"]}


def migrated(old: dict[str, str], new: dict[str, str]) -> Comparison:
    """Tool -> a letter a case. Of `dated` and `listed` and `both`, which have a feature, and `plain`."""
    tools = [tool for tool, words in old.items() for _ in words]
    cases = [case(i, tool) for i, tool in enumerate(tools)]
    made = run(cases, {"old": "".join(old.values()), "new": "".join(new.values())})
    both = {"type": "object", "properties": {**DATED["properties"], **LISTED["properties"]}, "required": ["on", "in"]}
    schemas = {"dated": DATED, "listed": LISTED, "both": both}
    specs = {k: replace(spec, schema=schemas.get(k, spec.schema)) for k, spec in made.suite.specs.items()}
    made = replace(made, suite=replace(made.suite, specs=specs))
    return compare.compare(made, "old", made, "new")


def found(comparison: Comparison, feature: str, score: str = "correct") -> Attribution:
    return next(a for a in comparison.attributions if (a.feature, a.score) == (feature, score))


def test_a_fall_is_laid_to_the_feature_that_has_it() -> None:
    comparison = migrated({"dated": "p" * 30, "plain": "p" * 50}, {"dated": "v" * 15 + "p" * 15, "plain": "p" * 50})
    told = found(comparison, "format", "compliance")
    assert (told.cases, told.others, told.with_feature, told.without) == (30, 50, -0.5, 0.0)
    assert told.difference == -0.5 and told.high < 0
    assert comparison.attributions[0] == found(comparison, "format")  # worst first


def test_a_fall_of_all_alike_is_laid_to_none() -> None:
    old = {"dated": "p" * 40, "plain": "p" * 40}
    comparison = migrated(old, {"dated": "vp" * 20, "plain": "vp" * 20})
    told = found(comparison, "format")
    assert told.difference == 0 and told.low < 0 < told.high


def test_nothing_is_said_of_few_cases_or_few_others() -> None:
    for few in ({"dated": "p" * 9, "plain": "p" * 50}, {"dated": "p" * 50, "plain": "p" * 9}):
        assert migrated(few, few).attributions == ()
    faulted = {"dated": "p" * 5 + "x" * 40, "plain": "p" * 50}
    assert migrated(faulted, faulted).attributions == ()


def test_cases_that_want_no_call_are_no_others() -> None:
    cases = [case(i, tool) for i, tool in enumerate(["book"] * 20 + [None] * 20)]
    made = run(cases, {"old": "p" * 40, "new": "p" * 20 + "w" * 20})
    assert compare.compare(made, "old", made, "new").attributions == ()


def test_the_intervals_of_one_score_hold_together() -> None:
    """60 migrations in which no feature matters: in hardly any is one named."""
    rng = np.random.default_rng(3)
    named = 0
    sizes = {"dated": 30, "listed": 30, "both": 30, "plain": 30}
    for _ in range(60):
        drawn = {
            tool: ["".join("pw"[int(u > 0.9)] for u in rng.uniform(size=n)) for _ in "ab"] for tool, n in sizes.items()
        }
        comparison = migrated({t: w[0] for t, w in drawn.items()}, {t: w[1] for t, w in drawn.items()})
        named += any(a.low > 0 or a.high < 0 for a in comparison.attributions if a.score == "correct")
    assert named <= 0.08 * 60


@pytest.mark.parametrize("score", attribution.SCORES)
def test_swapping_the_sides_mirrors_it(score: str) -> None:
    old, new = {"dated": "p" * 20, "plain": "pw" * 20}, {"dated": "vp" * 10, "plain": "p" * 40}
    there, back = found(migrated(old, new), "format", score), found(migrated(new, old), "format", score)
    assert (there.difference, there.low, there.high) == pytest.approx((-back.difference, -back.high, -back.low))
