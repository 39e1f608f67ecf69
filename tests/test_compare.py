"""Two runs, paired by case: what counts, what is left out, and what is said of each case."""

from __future__ import annotations

import math
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import compare, gate, plugins, stats, workspace
from evalkit.data import SCORES, Cell, Comparison, Prose, Run
from evalkit.errors import InputError
from tests.outcomes import OLD, case, compared, run

words = st.lists(st.tuples(st.sampled_from("pwvnx"), st.sampled_from("pwvnx")), min_size=1, max_size=30)
trials = st.lists(st.tuples(st.text("pwvnx", max_size=3), st.text("pwvnx", max_size=3)), min_size=1, max_size=15)


def cell(comparison: Comparison, score: str = "correct", where: str = "all") -> Cell:
    return next(cell for cell in comparison.cells if (cell.slice, cell.score) == (where, score))


# --------------------------------------------------------------------------- pairing


def test_a_case_is_one_pair_however_often_it_was_asked() -> None:
    found = cell(compared(["ppp", "pww"], ["ppw", "ppp"]))
    assert found.pairs == 2
    assert found.baseline.passed == pytest.approx(1 + 1 / 3)
    assert found.candidate.passed == pytest.approx(2 / 3 + 1)
    assert found.difference == pytest.approx((-1 / 3 + 2 / 3) / 2)
    assert "trials" in found.method


@given(words)
def test_counts_agree_with_counting_by_hand(outcomes: list[tuple[str, str]]) -> None:
    old, new = [a for a, _ in outcomes], [b for _, b in outcomes]
    found = cell(compared(old, new))
    both = [(a == "p", b == "p") for a, b in outcomes if "x" not in (a, b)]
    assert found.pairs == len(both)
    assert (found.fixed, found.broken) == (both.count((False, True)), both.count((True, False)))
    assert found.difference == (pytest.approx((found.fixed - found.broken) / len(both)) if both else None)
    assert (found.baseline.passed, found.baseline.judged) == (old.count("p"), len(old) - old.count("x"))
    assert (found.candidate.faulted, found.baseline.faulted) == (new.count("x"), old.count("x"))
    assert found.p == (stats.mcnemar_midp(found.fixed, found.broken) if both else None)


@given(trials)
def test_the_difference_is_within_its_bounds_and_they_within_the_interval(outcomes: list[tuple[str, str]]) -> None:
    for found in compared([a for a, _ in outcomes], [b for _, b in outcomes]).cells:
        if found.difference is None:
            assert found.pairs == 0
            assert (found.low, found.high, found.lower_bound, found.upper_bound, found.p) == (None,) * 5
            continue
        ends = (found.low, found.lower_bound, found.upper_bound, found.high)
        assert None not in ends
        low, lower, upper, high = (end for end in ends if end is not None)
        assert -1 <= low <= lower + 1e-9 and lower <= upper + 1e-9 and upper <= high + 1e-9 and high <= 1
        assert low - 1e-9 <= found.difference <= high + 1e-9 or "adjusted" in found.method


@given(trials)
def test_swapping_the_sides_mirrors_every_cell(outcomes: list[tuple[str, str]]) -> None:
    old, new = [a for a, _ in outcomes], [b for _, b in outcomes]
    for one, other in zip(compared(old, new).cells, compared(new, old).cells, strict=True):
        assert (one.slice, one.score, one.pairs) == (other.slice, other.score, other.pairs)
        assert (one.fixed, one.broken, one.p) == (other.broken, other.fixed, other.p)
        assert one.baseline == other.candidate
        if one.difference is not None and one.low is not None and one.lower_bound is not None:
            assert other.difference == pytest.approx(-one.difference)
            assert other.high == pytest.approx(-one.low)
            assert other.upper_bound == pytest.approx(-one.lower_bound)


def test_a_fault_is_seen_and_judged_by_nobody() -> None:
    comparison = compared(["p", "p", "x"], ["x", "w", "p"])
    found = cell(comparison)
    assert (found.pairs, found.difference) == (1, -1.0)
    assert (found.baseline.judged, found.baseline.faulted, found.baseline.value) == (2, 1, 1.0)
    assert (found.candidate.judged, found.candidate.faulted, found.candidate.value) == (2, 1, 0.5)
    assert [change.kind for change in comparison.changes] == ["unjudged", "broken", "unjudged"]
    assert comparison.changes[0].why == "new: timeout: no answer in 60 s"


def test_a_trial_that_faulted_leaves_the_others_to_speak() -> None:
    found = cell(compared(["p"], ["xpw"]))
    assert (found.candidate.passed, found.candidate.faulted) == (0.5, 0)


def test_a_case_asked_of_one_side_only_is_no_pair() -> None:
    comparison = compared(["p", "", ""], ["", "p", ""])
    assert cell(comparison).pairs == 0 and cell(comparison).difference is None
    assert [change.kind for change in comparison.changes] == ["unpaired"] * 3
    assert comparison.changes[0].why == "never asked of new"
    assert comparison.changes[2].why == "never asked of old and new"


# --------------------------------------------------------------------------- slices


def test_slices_are_all_then_tools_then_tags() -> None:
    cases = [case(0, "book", ["late"]), case(1, "cancel", ["early", "late"]), case(2, None, ["early"])]
    made = run(cases, {"old": ["p"] * 3, "new": ["p"] * 3})
    comparison = compare.compare(made, "old", made, "new")
    assert list(dict.fromkeys(cell.slice for cell in comparison.cells)) == [
        "all",
        "tool:book",
        "tool:cancel",
        "tag:early",
        "tag:late",
    ]
    assert cell(comparison, "correct", "tag:late").pairs == 2
    assert cell(comparison, "correct", "tool:cancel").pairs == 1


def test_a_score_is_told_only_where_some_case_judges_it() -> None:
    comparison = compared(["p", "p"], ["p", "x"], ["book", None])
    scores = {name: [c.score for c in comparison.cells if c.slice == name] for name in ("all", "tool:book")}
    assert scores["all"] == list(SCORES)
    assert scores["tool:book"] == [score for score in SCORES if score != "abstained"]
    assert cell(comparison, "abstained").candidate.faulted == 1
    assert cell(comparison, "compliance").candidate.faulted == 0


def test_cases_of_one_tool_stand_or_fall_together() -> None:
    tools: list[str | None] = [tool for tool in "abcdefghijklmnop" for _ in range(10)]
    half = cell(compared("p" * 160, "w" * 80 + "p" * 80, tools))
    spread = cell(compared("p" * 160, "wp" * 80, tools))
    assert half.difference == spread.difference == -0.5
    assert (half.upper_bound or 0) > (spread.upper_bound or 0) + 0.1
    assert "16 clusters" in half.method
    silent = cell(compared("p" * 160, "w" * 80 + "p" * 80, [None] * 160))
    assert silent.high == pytest.approx(spread.high, abs=0.01)
    assert "160 clusters" in silent.method


def test_half_of_the_trials_is_no_pass() -> None:
    comparison = compared(["pp", "pw", "ppw"], ["pw", "wp", "pwp"])
    assert [change.kind for change in comparison.changes] == ["broken", "both_fail", "same"]


# --------------------------------------------------------------------------- arms


def arms(**words: str) -> Run:
    """`old_forced` is what OLD came to on the arm forced; the targets of one name are one model."""
    spelled = {name.replace("_", "@"): word for name, word in words.items()}
    made = run([case(i) for i in range(4)], spelled)
    named = [identity.partition("@") for identity in spelled]
    targets = tuple(replace(OLD, name=name, arm=arm or "native") for name, _, arm in named)
    return replace(made, info=replace(made.info, targets=targets))


def test_each_arm_that_both_were_asked_on_is_a_slice() -> None:
    made = arms(old="pppp", new="pppw", old_forced="pppp", new_forced="ppww", new_strict="wwww")
    comparison = compare.compare(made, "old", made, "new")
    told = {c.slice: c.broken for c in comparison.cells if c.slice.startswith("arm:") and c.score == "correct"}
    assert told == {"arm:native": 1, "arm:forced": 2}
    one_arm = arms(old="pppp", new="pppw", new_forced="ppww")
    assert not any(c.slice.startswith("arm:") for c in compare.compare(one_arm, "old", one_arm, "new").cells)


def test_one_name_at_two_addresses_is_not_one_model_on_two_arms() -> None:
    made = arms(old="pppp", new="pppw", old_forced="pppp", new_forced="ppww")
    moved = replace(made.info.targets[3], base_url="http://127.0.0.1:9/v1")
    made = replace(made, info=replace(made.info, targets=(*made.info.targets[:3], moved)))
    assert not any(c.slice.startswith("arm:") for c in compare.compare(made, "old", made, "new").cells)


def test_the_strict_arm_of_the_candidate_is_held_against_the_baseline_as_it_is() -> None:
    made = arms(old="pppp", old_strict="wwww", new="wwww", new_strict="ppwp")
    strict = compare.compare(made, "old", made, "new").strict
    assert [(c.slice, c.broken, c.pairs) for c in strict if c.score == "correct"] == [("tool:book", 1, 4)]
    assert compare.compare(made, "old", made, "new@strict").strict == ()
    warm = replace(made.info.targets[3], params={"temperature": 1})
    other = replace(made, info=replace(made.info, targets=(*made.info.targets[:3], warm)))
    assert compare.compare(other, "old", other, "new").strict == ()


def test_two_of_one_run_are_compared_as_they_were_set_up_and_it_is_told_in_what_they_differ() -> None:
    made = arms(old="pppp", new_strict="ppwp")
    warm = replace(made.info.targets[1], model="another", params={"temperature": 1})
    made = replace(made, info=replace(made.info, targets=(made.info.targets[0], warm)))
    beside = compare.compare(made, "old", made, "new@strict")
    assert beside.differs == () and beside.unlike == (
        "the arm: native against strict",
        "the parameter temperature: not set against 1",
    )
    told = plugins.find("sections", "limits").build(beside, gate.decide(beside, workspace.default_policy()))
    assert "temperature: not set against 1. Either is judged as it was asked." in "".join(
        block.text for block in told.blocks if isinstance(block, Prose)
    )
    moved = replace(made, info=replace(made.info, id="another"))
    assert compare.compare(moved, "old", made, "new@strict").differs == beside.unlike


# --------------------------------------------------------------------------- changes


def test_every_case_has_one_change_in_the_order_of_the_suite() -> None:
    comparison = compared(["p", "w", "p", "n", "ppw"], ["p", "p", "v", "w", "pww"])
    assert [(c.case, c.kind, c.why) for c in comparison.changes] == [
        ("case-0", "same", ""),
        ("case-1", "fixed", "book: /date: wanted 2026-03-02, got 2026-03-03"),
        ("case-2", "broken", "schema.required at /date: 'date' is required"),
        ("case-3", "both_fail", "book: /date: wanted 2026-03-02, got 2026-03-03"),
        ("case-4", "broken", "book: /date: wanted 2026-03-02, got 2026-03-03"),
    ]


@given(words)
def test_changes_and_cells_tell_the_same_story(outcomes: list[tuple[str, str]]) -> None:
    comparison = compared([a for a, _ in outcomes], [b for _, b in outcomes])
    kinds = Counter(change.kind for change in comparison.changes)
    found = cell(comparison)
    assert (kinds["fixed"], kinds["broken"]) == (found.fixed, found.broken)
    assert len(outcomes) - kinds["unjudged"] == found.pairs
    assert all(bool(change.why) == (change.kind != "same") for change in comparison.changes)


def test_a_case_without_gold_is_told_by_its_compliance() -> None:
    free = replace(case(0), accept=())
    made = run([free], {"old": ["p"], "new": ["v"]})
    scoreless = tuple(replace(r, score=replace(r.score, correct=None)) if r.score else r for r in made.records)
    comparison = compare.compare(replace(made, records=scoreless), "old", replace(made, records=scoreless), "new")
    assert comparison.changes[0].kind == "broken"
    assert all(cell.score != "correct" for cell in comparison.cells)


# --------------------------------------------------------------------------- what cannot be compared


def two_runs() -> tuple[Run, Run]:
    cases = [case(i) for i in range(3)]
    return run(cases, {"old": ["p"] * 3}), run(cases, {"new": ["p"] * 3}, id="other")


def test_unknown_targets_are_refused_with_those_there_are() -> None:
    first, second = two_runs()
    with pytest.raises(InputError, match=r"run made has no target 'older'; its targets: old"):
        compare.compare(first, "older", second, "new")
    with pytest.raises(InputError, match=r"run other has no target 'old'; its targets: new"):
        compare.compare(first, "old", second, "old")


def test_a_target_is_not_compared_with_itself() -> None:
    first, _ = two_runs()
    with pytest.raises(InputError, match="old would be compared with itself"):
        compare.compare(first, "old", first, "old")
    again = replace(first, info=replace(first.info, id="again"))
    assert cell(compare.compare(first, "old", again, "old")).difference == 0


def test_two_runs_of_one_name_are_two_runs() -> None:
    first, _ = two_runs()
    later = replace(first, info=replace(first.info, created="2026-02-02T00:00:00+00:00"))
    assert cell(compare.compare(first, "old", later, "old")).pairs == 3
    with pytest.raises(InputError, match="old would be compared with itself"):
        compare.compare(first, "old", replace(first), "old")


def test_ten_thousand_records_take_no_time() -> None:
    tools = [f"tool-{i % 40}" for i in range(5000)]
    cases = [case(i, tool, [f"tag-{i % 7}"]) for i, tool in enumerate(tools)]
    made = run(cases, {"old": ["p"] * 5000, "new": ["pw"[i % 31 == 0] for i in range(5000)]})
    start = time.process_time()
    comparison = compare.compare(made, "old", made, "new")
    assert time.process_time() - start < 2.0  # half a second where it was measured; room for a busy machine
    assert cell(comparison).pairs == 5000
    assert math.isclose(cell(comparison).difference or 0, -162 / 5000)
