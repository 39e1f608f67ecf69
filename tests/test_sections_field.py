"""What a report says of more than two models, of one model's arms, and of what it cannot tell."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from evalkit import numerals, planning, plugins, report, rivals
from evalkit.data import Block, Comparison, Drilldown, Figure, Policy, Prose, Quarantine, Rule, Section, Table, Verdict
from evalkit.renderers import terminal
from tests import comparisons
from tests.comparisons import NEW, OLD, SKIES, STRICT, WORSE, answer, asked, costing, fault, right


@pytest.fixture(scope="module")
def rivalry() -> tuple[Comparison, Verdict]:
    return comparisons.rivalry()


def section(name: str, made: tuple[Comparison, Verdict]) -> Section:
    built: Section | None = plugins.find("sections", name).build(*made)
    assert built is not None
    return built


def table(found: Section, title: str) -> Table:
    return next(block for block in found.blocks if isinstance(block, Table) and title in block.title)


def figure(found: Section, kind: str) -> Figure:
    return next(block for block in found.blocks if isinstance(block, Figure) and block.kind == kind)


def sentences(found: Section) -> str:
    return " ".join(block.text for block in found.blocks if isinstance(block, Prose))


# --------------------------------------------------------------------------- all models


def test_every_candidate_stands_in_one_table_those_that_pass_first(rivalry: tuple[Comparison, Verdict]) -> None:
    found = section("models", rivalry)
    rows = table(found, "Who may replace").rows
    assert [(row["model"], row["gate"]) for row in rows] == [
        ("gpt-old", "baseline"),
        ("gpt-new@strict", "pass"),
        ("gpt-new", "pass"),
        ("gpt-worse", "fail"),
    ]
    assert rows[2]["correct"]["value"] == pytest.approx(10 / 180)
    assert (rows[3]["broken"], rows[3]["fixed"], rows[3]["tools"]) == (48, 0, "1 blocked")
    assert found.lead == (
        "Of 3 candidates for the place of gpt-old, 2 pass the gate: gpt-new@strict, gpt-new; 1 fails."
    )


def test_what_was_asked_otherwise_in_another_run_stands_last() -> None:
    sound = [right(c) for c in SKIES]
    warm = replace(NEW, name="gpt-warm", params={"temperature": 1})
    before, after = asked(SKIES, [(OLD, sound)]), asked(SKIES, [(warm, sound), (NEW, sound)])
    against = rivals.within(before, "gpt-old", after)
    made = rivals.decided(against, "gpt-new", ["gpt-warm"], comparisons.LENIENT, date(2026, 3, 2))
    found = section("models", made)
    rows = table(found, "Who may replace").rows
    assert [(row["model"], row["gate"]) for row in rows[1:]] == [("gpt-new", "pass"), ("gpt-warm", "not comparable")]
    assert "temperature: 0 against 1" in rows[2]["meaning"]
    assert found.lead.endswith("1 passes the gate: gpt-new; 1 cannot be compared.")


def test_a_count_says_by_which_score_and_a_score_of_how_many_cases(rivalry: tuple[Comparison, Verdict]) -> None:
    found = section("models", rivalry)
    assert "Broken and fixed are cases, by “correct” alone" in table(found, "Who may replace").note
    assert "correct: 180, compliance: 180" in table(found, "Scores of all").note


def test_scores_of_all_models_have_their_own_intervals(rivalry: tuple[Comparison, Verdict]) -> None:
    found = section("models", rivalry)
    scores = {row["model"]: row["correct"] for row in table(found, "Scores of all").rows}
    assert {name: rate["value"] for name, rate in scores.items()} == pytest.approx(
        {"gpt-old": 168 / 180, "gpt-new": 178 / 180, "gpt-worse": 120 / 180, "gpt-new@strict": 179 / 180}
    )
    assert all(rate["low"] < rate["value"] < rate["high"] for rate in scores.values())
    points = figure(found, "dots").data["panels"][0]["points"]
    assert [point["tone"] for point in points] == ["baseline", "better", "better", "worse"]


def test_two_models_need_no_table_of_all() -> None:
    pair = comparisons.outings()
    assert plugins.find("sections", "models").build(pair, comparisons.verdict()) is None


def test_who_looks_at_many_is_told_who_passes_when_all_count() -> None:
    """A fall of 3 of 120 cases is ruled out for one candidate at a margin of 7 points, but not for one of five."""
    wrong = [answer(c, text="No.", called=False) if n < 3 else right(c) for n, c in enumerate(SKIES)]
    sound = [right(c) for c in SKIES]
    others = [replace(NEW, name=f"gpt-{n}", model=f"gpt-{n}") for n in range(4)]
    run = asked(SKIES, [(OLD, sound), (NEW, wrong), *((other, sound) for other in others)])
    policy = Policy(rules=(Rule(kind="max_drop", score="correct", limit=0.07),))
    comparison, verdict = comparisons.decided(run, "gpt-old", "gpt-new", policy)
    assert (verdict.outcome, verdict.together) == ("pass", "inconclusive")
    note = table(section("models", (comparison, verdict)), "Who may replace").note
    assert "by chance in up to 23 % of such runs" in note
    assert note.endswith("gpt-0, gpt-1, gpt-2, gpt-3 still pass.")


def test_what_is_missing_is_what_the_gate_finds_missing() -> None:
    """Faults and what was never asked, of the cases that count."""
    sound = [right(c) for c in SKIES]
    half = [fault(c) if n % 10 == 0 else right(c) for n, c in enumerate(SKIES[:60])]
    run = asked(SKIES, [(OLD, sound), (NEW, half), (WORSE, sound)])
    aside = Quarantine(case=SKIES[0].id, until="2026-12-31", owner="ada", why="the gold is disputed")
    made = comparisons.decided(run, "gpt-old", "gpt-new", replace(comparisons.LENIENT, quarantine=(aside,)))
    rows = {row["model"]: row["missing"] for row in table(section("models", made), "Who may replace").rows}
    assert rows == {"gpt-old": None, "gpt-worse": None, "gpt-new": pytest.approx((5 + 60) / 119)}
    (check,) = (check for check in made[1].checks if check.rule.kind == "fault_share")
    assert check.measured == f"0.0 % of the baseline's, {numerals.percent(rows['gpt-new'])} of the candidate's"


def test_what_an_answer_costs_is_told_of_those_of_which_it_is_known() -> None:
    half = [costing(right(c), 0.001 if n % 2 else None) for n, c in enumerate(SKIES)]
    run = asked(SKIES, [(OLD, half), (NEW, [costing(right(c), 0.002) for c in SKIES]), (STRICT, half)])
    made = comparisons.decided(run, "gpt-old", "gpt-new")
    takes = table(section("models", made), "What each takes")
    assert [row["cost"] for row in takes.rows] == pytest.approx([1.0, 2.0, 1.0])
    assert [row["good"] for row in takes.rows] == pytest.approx([1.0, 2.0, 1.0])
    assert "60 of gpt-old, 60 of gpt-new@strict" in takes.note
    arms = table(section("arms", made), "gpt-new, by the way it is asked")
    assert [row["cost"] for row in arms.rows] == pytest.approx([2.0, 1.0])


def test_the_heat_map_has_a_column_for_each_model(rivalry: tuple[Comparison, Verdict]) -> None:
    data = figure(section("tools", rivalry), "heat").data
    assert data["models"] == ["gpt-old", "gpt-new@strict", "gpt-new", "gpt-worse"]
    assert data["groups"] == ["Correct", "Compliance"]
    (forecast,) = data["rows"]
    assert forecast["values"][0] == pytest.approx([0.9, 119 / 120, 118 / 120, 0.5])


def test_a_terminal_tells_who_may_replace_the_baseline_within_80_columns(
    rivalry: tuple[Comparison, Verdict],
) -> None:
    told = terminal.render(report.build(*rivalry))
    assert max(map(len, told.splitlines())) <= 80
    assert "Of 3 candidates" in told
    worse = next(line for line in told.splitlines() if line.strip().startswith("gpt-worse"))
    assert "✕ failed" in worse and "−26.7" in worse


def test_a_case_says_how_the_other_models_fared_on_it(rivalry: tuple[Comparison, Verdict]) -> None:
    cases = {block.case: block for block in section("flips", rivalry).blocks if isinstance(block, Drilldown)}
    assert cases["sky-11"].notes == ("Passes on gpt-new@strict.", "Fails on gpt-worse.")
    assert cases["sky-0"].notes == ("Fails on gpt-new@strict, gpt-worse.",)


def test_violations_of_all_models_stand_side_by_side(rivalry: tuple[Comparison, Verdict]) -> None:
    (row,) = table(section("violations", rivalry), "by code and model").rows
    assert [count for key, count in row.items() if key.startswith("model:")] == [12, 1, 2, 60]


def test_cases_that_tell_no_model_from_another_are_told(rivalry: tuple[Comparison, Verdict]) -> None:
    told = sentences(section("limits", rivalry))
    assert "1 case fails on all 4 models, perhaps through no fault of theirs: sky-0." in told
    assert "120 of 180 cases pass on all models and tell none from another." in told


# --------------------------------------------------------------------------- arms


def test_arms_of_one_model_stand_side_by_side_and_are_compared_case_by_case(
    rivalry: tuple[Comparison, Verdict],
) -> None:
    found = section("arms", rivalry)
    rows = table(found, "gpt-new, by the way it is asked").rows
    assert [(row["arm"], row["correct"]["value"]) for row in rows] == [
        ("native", pytest.approx(178 / 180)),
        ("strict", pytest.approx(179 / 180)),
    ]
    assert rows[0]["change"] is None and rows[1]["change"]["value"] == pytest.approx(1 / 180)
    codes = table(found, "violations by arm").rows
    assert codes == ({"code": "schema.stringified_scalar", "native": 2, "strict": 1},)
    assert found.lead.startswith("gpt-new, against native: strict changes correct by +0.6 points")


def test_arms_of_a_run_that_was_watched_have_the_intervals_of_its_verdict() -> None:
    """One cell, told in two places: an interval that holds at any stopping time, in both."""
    run = comparisons.several()
    run = replace(run, info=replace(run.info, sequential=True))
    made = comparisons.decided(run, "gpt-new", "gpt-new@strict")
    cell = next(c for c in made[0].cells if (c.slice, c.score) == ("all", "correct"))
    (_, strict) = table(section("arms", made), "gpt-new, by the way it is asked").rows
    assert (strict["change"]["low"], strict["change"]["high"]) == (cell.low, cell.high)


def test_models_of_one_arm_each_have_no_section_of_arms() -> None:
    made = comparisons.outings()
    assert plugins.find("sections", "arms").build(made, comparisons.verdict()) is None
    for other in (replace(STRICT, model="gpt-new-2026"), replace(STRICT, options={"effort": "high"})):
        run = asked(SKIES, [(OLD, [right(c) for c in SKIES]), (NEW, []), (other, [])])
        assert plugins.find("sections", "arms").build(*comparisons.decided(run, "gpt-old", "gpt-new")) is None


def test_where_both_models_have_the_same_arms_each_is_told() -> None:
    sound, lost = [right(c) for c in SKIES], [answer(c, text="No.", called=False) for c in SKIES]
    old_strict = replace(OLD, arm="strict")
    run = asked(SKIES, [(OLD, sound), (old_strict, sound), (NEW, lost), (STRICT, sound)])
    rows = table(section("arms", comparisons.decided(run, "gpt-old", "gpt-new")), "each on the same arm").rows
    assert [(row["arm"], row["difference"]["value"]) for row in rows] == [("native", -1), ("strict", 0)]


# --------------------------------------------------------------------------- limits


def test_a_longer_suite_sees_smaller_falls() -> None:
    def smallest(cases: int) -> float:
        seen = table(section("limits", (comparisons.large(cases, 10), comparisons.verdict())), "How small").rows[0]
        return -float(seen["seen"])

    assert 0 < smallest(2000) < smallest(200) < 0.25


def test_the_smallest_fall_is_what_plan_says_of_a_run_like_this() -> None:
    """Two methods would have two numbers for one question."""
    made, told = comparisons.rivalry(), comparisons.several()
    comparison, _ = made
    pair = replace(told, info=replace(told.info, targets=(comparison.baseline, comparison.candidate)))
    drop = Policy(rules=(Rule(kind="max_drop", score="compliance", limit=0.03),))
    plan = planning.estimate(comparison.suite, (), drop, trials=told.info.trials, concurrency=1, like=pair)
    rows = {row["score"]: row["seen"] for row in table(section("limits", made), "How small").rows}
    assert rows["Compliance"] == pytest.approx(-plan.sights[0].detectable[0.80])


def test_a_handful_of_cases_says_that_it_can_show_nothing() -> None:
    few = table(section("limits", (comparisons.large(4, 4), comparisons.verdict())), "How small").rows[0]
    assert few["seen"] is None
    assert "4 cases can show no fall" in section("limits", (comparisons.large(4, 4), comparisons.verdict())).lead


def test_what_decided_nothing_is_told() -> None:
    told = sentences(section("limits", (comparisons.outings(), comparisons.verdict())))
    assert "1 case decided nothing: 1 without an answer on a side." in told
    assert "1 case in quarantine counted in no check." in told
    assert "The baseline was asked each case once" in told
    assert "nothing is known of cost" in told


def test_an_incumbent_asked_twice_tells_its_noise() -> None:
    told = sentences(section("limits", (comparisons.asked_twice(), comparisons.verdict())))
    assert "the baseline's own differ in 2.1 %" in told and "asked each case once" not in told


def test_a_tool_that_no_case_wants_is_named() -> None:
    sound = [right(c) for c in SKIES]
    made = comparisons.compared(SKIES, sound, sound)
    told = sentences(section("limits", (made, comparisons.verdict("pass"))))
    assert "No case wants find_train: nothing is known of calls to it." in told


def test_every_block_of_a_report_on_many_models_is_whole(rivalry: tuple[Comparison, Verdict]) -> None:
    blocks: list[Block] = [block for found in report.build(*rivalry).sections for block in found.blocks]
    for block in blocks:
        if isinstance(block, Table):
            assert all(column.key in row for row in block.rows for column in block.columns), block.title
    assert {WORSE.identity, STRICT.identity} <= {
        str(row.get("model")) for block in blocks if isinstance(block, Table) for row in block.rows
    }
