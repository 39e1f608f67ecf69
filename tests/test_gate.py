"""A comparison against a policy: nothing passes for want of data, and what is worse never fares better."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import compare, gate, stats
from evalkit.data import Check, CheckOutcome, Comparison, OnInconclusive, Outcome, Policy, Quarantine, Rule, Verdict
from evalkit.errors import ExitCode, InputError
from evalkit.gate import concluding
from tests.outcomes import case, compared, fallen, run

DROP = Rule(kind="max_drop", score="correct", limit=0.03)
FLOOR = Rule(kind="floor", score="correct", limit=0.9)
FAULTS = Rule(kind="fault_share", limit=0.02)
LATENCY = Rule(kind="latency_ratio", limit=1.5)
SEVERITY: tuple[Outcome, ...] = ("pass", "inconclusive", "fail")

words = st.lists(st.tuples(st.sampled_from("ppppwvx"), st.sampled_from("ppppwvnx")), min_size=1, max_size=60)


def decide(comparison: Comparison, *rules: Rule) -> Verdict:
    return gate.decide(comparison, Policy(rules=rules or (DROP,)))


def held(comparison: Comparison, rule: Rule) -> Check:
    return next(check for check in decide(comparison, rule).checks if check.rule == rule)


# --------------------------------------------------------------------------- the outcome and the word


@pytest.mark.parametrize(
    ("comparison", "outcome", "word"),
    [
        (fallen(200, 0), "pass", "not_worse"),
        (fallen(180, 0, 20), "pass", "improved"),
        (fallen(390, 3, 3), "pass", "not_worse"),
        (fallen(150, 50), "fail", "regressed"),
        (fallen(40, 0), "inconclusive", "inconclusive"),
        (fallen(193, 7), "inconclusive", "possibly_regressed"),
    ],
)
def test_a_drop_passes_fails_or_is_open(comparison: Comparison, outcome: Outcome, word: str) -> None:
    verdict = decide(comparison)
    assert (verdict.outcome, verdict.word) == (outcome, word)


def test_a_real_drop_within_the_margin_is_not_worse() -> None:
    verdict = decide(fallen(1980, 20))
    assert (verdict.outcome, verdict.word) == ("pass", "not_worse")
    assert "fell by 1.0 points over 2,000 cases" in verdict.headline


def test_a_score_that_no_case_judges_passes_nothing() -> None:
    for kind in ("floor", "max_drop"):
        check = held(fallen(200, 0), replace(DROP, kind=kind, score="abstained"))
        assert check.outcome == "not_applicable" and "the rule does not apply" in check.sentence
        assert decide(fallen(200, 0), check.rule).outcome == "inconclusive"
        assert decide(fallen(200, 0), check.rule, DROP).outcome == "pass"


def test_what_was_never_asked_is_missing_too() -> None:
    half = compared(["p"] * 400, ["p"] * 200 + [""] * 200)
    verdict = decide(half)
    assert verdict.outcome == "inconclusive"
    assert [check.outcome for check in verdict.checks] == ["pass", "inconclusive"]


def test_the_verdict_says_of_how_many_cases_it_knows_nothing() -> None:
    """A fall of 93 points over 15 cases is not one over 50."""
    stopped = decide(compared(["p"] * 15 + [""] * 35, ["w"] * 14 + ["p"] + ["p"] * 20 + ["x"] * 15))
    assert stopped.outcome == "fail"
    assert "Of 50 cases, 35 lack an answer on one side or both and decided nothing." in stopped.headline
    assert "lack" not in decide(fallen(150, 50)).headline


def test_a_pass_says_how_many_tools_too_little_was_seen_of() -> None:
    many = compared(["p"] * 202, ["p"] * 202, ["seen"] * 200 + ["rare", "odd"])
    assert decide(many).headline.endswith("Taken alone, 2 of 3 tools have too few cases to be called safe.")
    assert "Taken alone" not in decide(fallen(200, 0)).headline


def test_a_case_asked_once_of_three_trials_is_not_whole() -> None:
    """An interrupted run: what came may be the easy part."""
    cases = [case(number) for number in range(200)]
    cut_short = run(cases, {"old": ["ppp"] * 200, "new": ["ppp"] * 100 + ["p"] * 100}, trials=3)
    check = held(compare.compare(cut_short, "old", cut_short, "new"), FAULTS)
    assert (check.outcome, check.measured) == ("inconclusive", "0.0 % of the baseline's, 33.3 % of the candidate's")
    assert "of 100 cases the candidate was not asked all 3 trials" in check.sentence
    whole = run(cases, {"old": ["ppp"] * 200, "new": ["ppp"] * 200}, trials=3)
    check = held(compare.compare(whole, "old", whole, "new"), FAULTS)
    assert check.outcome == "pass" and "trials" not in check.sentence


def test_where_one_may_stop_early_only_what_the_other_side_was_asked_is_missing() -> None:
    cases = [case(number) for number in range(4)]
    words = {"old": ["ppp", "pp", "p", ""], "new": ["ppp", "p", "p", ""]}
    stopped = run(cases, words, trials=3, sequential=True)
    check = held(compare.compare(stopped, "old", stopped, "new"), FAULTS)
    assert check.measured == "0.0 % of the baseline's, 16.7 % of the candidate's"


def test_faults_are_bounded_where_the_policy_forgets_them() -> None:
    assert decide(compared("p" * 400, "p" * 320 + "x" * 80)).outcome == "inconclusive"
    assert decide(compared("p" * 400, "p" * 320 + "x" * 80), DROP, replace(FAULTS, limit=0.5)).outcome == "pass"


# --------------------------------------------------------------------------- one word, one sentence, one exit code

SAYS: Mapping[Outcome, Sequence[str]] = {
    "pass": ("new can replace old: ", "new meets the policy: "),
    "fail": ("new should not replace old: ",),
    "inconclusive": ("It is open whether new can replace old: ", "old is no yardstick for new: "),
}


def agree(outcome: Outcome, word: str, headline: str) -> bool:
    """The word is one of this outcome alone, and so is the sentence; it is told as shown only where it was."""
    opening = [of for of, starts in SAYS.items() if headline.startswith(tuple(starts))]
    shown = headline.startswith("new can replace old: ") == (word in ("improved", "not_worse"))
    return word in concluding.WORDS[outcome] and opening == [outcome] and shown


COMPARED = {
    "even": fallen(200, 0),
    "few": fallen(16, 0),
    "fell a lot": fallen(150, 50),
    "fell a little": fallen(193, 7),
    "rose": fallen(180, 0, 20),
    "hardly heard": compared("p" * 300 + "x" * 100, "w" * 50 + "p" * 350),
    "broken before": compared("w" * 390 + "p" * 10, "w" * 395 + "p" * 5),
    "nothing judged": compared(["x"] * 30, ["p"] * 30),
    "nothing wanted": compared("p" * 30, "p" * 29 + "w", tools=[None] * 30),
}


@pytest.mark.parametrize("name", COMPARED)
def test_whatever_the_checks_come_to_word_and_sentence_say_what_the_outcome_says(name: str) -> None:
    """Every outcome of every kind of check, recombined."""
    comparison = COMPARED[name]
    made = [held(comparison, rule) for rule in (DROP, FLOOR, LATENCY, FAULTS)]
    outcomes: Sequence[CheckOutcome] = ("pass", "fail", "inconclusive", "not_applicable")
    for told in itertools.product(outcomes, repeat=len(made)):
        checks = [replace(check, outcome=outcome) for check, outcome in zip(made, told, strict=True)]
        for asked in (checks, checks[1:], checks[2:], checks[3:]):
            why = concluding.unreliable(comparison, asked)
            outcome = concluding.outcome(asked, why)
            word = concluding.word(comparison, outcome, asked, why)
            headline = concluding.headline(comparison, outcome, asked, why, "warn")
            assert agree(outcome, word, headline), (told, outcome, word, headline)


@given(
    words,
    st.lists(st.sampled_from([DROP, FLOOR, LATENCY, FAULTS]), min_size=1, unique=True),
    st.sampled_from(["fail", "warn", "pass"]),
)
def test_word_sentence_and_exit_code_agree(
    outcomes: list[tuple[str, str]], rules: list[Rule], inconclusive: OnInconclusive
) -> None:
    comparison = compared([a for a, _ in outcomes], [b for _, b in outcomes])
    verdict = gate.decide(comparison, Policy(rules=tuple(rules), inconclusive=inconclusive))
    assert agree(verdict.outcome, verdict.word, verdict.headline)
    told = {
        " The policy counts that as failed.": ExitCode.GATE_FAILED,
        " The policy lets that pass.": ExitCode.OK,
    }
    by_outcome = {"pass": ExitCode.OK, "fail": ExitCode.GATE_FAILED, "inconclusive": ExitCode.INCONCLUSIVE}
    said = [code for sentence, code in told.items() if sentence in verdict.headline]
    assert gate.exit_code(verdict) is (said or [by_outcome[verdict.outcome]])[0]


def test_a_policy_that_asks_for_no_score_says_that_nothing_of_them_was_shown() -> None:
    verdict = decide(fallen(16, 0), LATENCY)
    assert (verdict.outcome, verdict.word) == ("pass", "meets_policy")
    assert verdict.headline == (
        "new meets the policy: every check passes. None limits how far correct falls: it did not change over 16 cases "
        "(95 % interval −19.4 to +19.4)."
    )


def test_what_fails_against_a_baseline_that_was_hardly_heard_fails() -> None:
    verdict = decide(COMPARED["hardly heard"], DROP)
    assert (verdict.outcome, verdict.word) == ("fail", "regressed")
    assert verdict.headline.startswith("new should not replace old: correct fell by ")


def test_a_better_model_below_a_floor_breaks_the_policy() -> None:
    verdict = decide(fallen(100, 0, 60, 40), DROP, replace(FLOOR, limit=0.95))
    assert (verdict.outcome, verdict.word) == ("fail", "breaks_policy")


# --------------------------------------------------------------------------- the baseline


def test_a_baseline_that_was_hardly_heard_is_no_yardstick() -> None:
    verdict = decide(compared("p" * 300 + "x" * 100, "p" * 400))
    assert (verdict.outcome, verdict.word) == ("inconclusive", "unreliable_baseline")
    assert "25.0 % of its answers are faults" in verdict.headline


def test_a_broken_baseline_lets_nothing_pass() -> None:
    verdict = decide(compared("w" * 390 + "p" * 10, "w" * 395 + "p" * 5))
    assert (verdict.outcome, verdict.word) == ("inconclusive", "unreliable_baseline")
    assert "it passes 10 of 400 cases" in verdict.headline
    assert decide(compared("w" * 400, "w" * 400), FLOOR).outcome == "fail"


# --------------------------------------------------------------------------- no data, no comparison


@pytest.mark.parametrize(
    "comparison",
    [
        compared(["p"] * 300, [""] * 300),
        compared([""] * 300, ["p"] * 300),
        compared(["p"] * 300, ["x"] * 300),
        compared(["x"] * 300, ["p"] * 300),
        compared([], []),
    ],
    ids=["candidate never asked", "baseline never asked", "candidate faulted", "baseline faulted", "no case at all"],
)
@pytest.mark.parametrize("rules", [(DROP,), (FLOOR,), (LATENCY,), (FAULTS,), (DROP, FLOOR, LATENCY, FAULTS)])
def test_nothing_passes_without_data(comparison: Comparison, rules: tuple[Rule, ...]) -> None:
    verdict = decide(comparison, *rules)
    assert verdict.outcome != "pass"
    assert verdict.word not in ("improved", "not_worse")


def test_unlike_runs_are_not_decided_upon() -> None:
    verdict = decide(replace(fallen(200, 0), differs=("the arm: native against forced",)))
    assert (verdict.comparable, verdict.word, verdict.checks) == (False, "not_comparable", ())
    assert "the arm: native against forced" in verdict.headline
    assert gate.exit_code(verdict) is ExitCode.NOT_COMPARABLE


def test_exit_codes() -> None:
    verdicts = decide(fallen(200, 0)), decide(fallen(150, 50)), decide(fallen(40, 0))
    assert [int(gate.exit_code(verdict)) for verdict in verdicts] == [0, 1, 3]


# --------------------------------------------------------------------------- policies that mean nothing


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ((), "requires nothing"),
        ((replace(DROP, score="corect"),), "did you mean 'correct'"),
        ((replace(DROP, score=None),), "the score ''"),
        ((replace(FLOOR, slice="tool:bok"),), "p.yaml: /tools/bok: .*names the tool 'bok'.*did you mean 'book'"),
        ((replace(FLOOR, slice="everything"),), "there are: all, tool:book"),
    ],
)
def test_a_rule_that_names_what_is_not_there_is_refused(rules: tuple[Rule, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        gate.decide(fallen(10, 0), Policy(rules=rules, source="p.yaml"))


def test_all_that_a_policy_names_and_is_not_there_is_told_at_once() -> None:
    rules = (replace(FLOOR, slice="tool:a"), replace(DROP, slice="tool:b"), replace(DROP, slice="all"))
    with pytest.raises(InputError) as error:
        gate.decide(fallen(10, 0), replace(quarantined("nope"), rules=rules))
    assert [problem.path for problem in error.value.problems] == ["/tools/a", "/tools/b", "/quarantine/0/case"]


# --------------------------------------------------------------------------- one of many candidates


@pytest.mark.parametrize(
    ("comparison", "among", "together"),
    [
        (fallen(200, 0), 2, "pass"),
        (fallen(120, 0), 1, None),
        (fallen(120, 0), 8, "inconclusive"),
        (fallen(150, 50), 8, "fail"),
        (fallen(192, 11), 8, "inconclusive"),
        (fallen(1, 1, 0, 60), 8, "inconclusive"),
    ],
)
def test_a_drop_is_harder_to_settle_for_many_together(
    comparison: Comparison, among: int, together: Outcome | None
) -> None:
    assert gate.decide(comparison, Policy(rules=(DROP,)), among=among).together == together


@given(words, st.integers(2, 12))
def test_what_is_settled_for_many_together_is_settled_for_one(outcomes: list[tuple[str, str]], among: int) -> None:
    comparison = compared([a for a, _ in outcomes], [b for _, b in outcomes])
    policy = Policy(rules=(DROP, FLOOR, LATENCY, FAULTS))
    alone, one = gate.decide(comparison, policy), gate.decide(comparison, policy, among=among)
    assert replace(one, together=None) == alone
    assert one.together in (alone.outcome, "inconclusive")


# --------------------------------------------------------------------------- properties


@given(words)
def test_a_model_against_its_like_never_fails(outcomes: list[tuple[str, str]]) -> None:
    same = [a for a, _ in outcomes]
    assert decide(compared(same, same), DROP, replace(DROP, score="compliance")).outcome != "fail"


@given(words, st.integers(0, 59))
def test_one_case_worse_never_fares_better(outcomes: list[tuple[str, str]], position: int) -> None:
    old, new = [a for a, _ in outcomes], [b for _, b in outcomes]
    worse = list(new)
    if new[position % len(new)] == "p":
        worse[position % len(new)] = "w"
    before, after = decide(compared(old, new), DROP, FLOOR), decide(compared(old, worse), DROP, FLOOR)
    for one, other in zip(before.checks, after.checks, strict=True):
        assert SEVERITY.index(other.outcome) >= SEVERITY.index(one.outcome)


@given(words, st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_a_stricter_rule_never_passes_what_a_laxer_one_does_not(
    outcomes: list[tuple[str, str]], first: float, second: float
) -> None:
    comparison = compared([a for a, _ in outcomes], [b for _, b in outcomes])
    strict, lax = (replace(DROP, limit=limit) for limit in sorted((first, second)))
    assert SEVERITY.index(held(comparison, strict).outcome) >= SEVERITY.index(held(comparison, lax).outcome)


@given(words)
def test_both_directions_cannot_regress(outcomes: list[tuple[str, str]]) -> None:
    old, new = [a for a, _ in outcomes], [b for _, b in outcomes]
    there, back = decide(compared(old, new)), decide(compared(new, old))
    assert not there.outcome == back.outcome == "fail"
    assert not there.word == back.word == "improved"


@given(words, st.permutations([DROP, FLOOR, LATENCY, FAULTS]))
def test_the_outcome_is_the_worst_of_the_checks_in_any_order(
    outcomes: list[tuple[str, str]], rules: list[Rule]
) -> None:
    comparison = compared([a for a, _ in outcomes], [b for _, b in outcomes])
    verdict = decide(comparison, *rules)
    worst = max((check.outcome for check in verdict.checks), key=SEVERITY.index)
    assert verdict.outcome == worst or (verdict.word == "unreliable_baseline" and worst == "pass")
    assert all(check.sentence.endswith(".") and check.required and check.measured for check in verdict.checks)
    assert all((check.settle is not None) == (check.outcome == "inconclusive") for check in verdict.checks)
    assert len(verdict.headline.splitlines()) == 1


def test_false_alarms_and_detection_as_promised() -> None:
    """Of 600 migrations of 150 cases each, simulated: equal models hardly ever fail, a fall by the margin
    errs about one time in twenty either way, one of 15 points is nearly always found."""
    rng = np.random.default_rng(11)
    like = fallen(150, 0)
    (cell,) = [cell for cell in like.cells if (cell.slice, cell.score) == ("all", "correct")]

    def outcomes(fall: float) -> Counter[CheckOutcome]:
        found: Counter[CheckOutcome] = Counter()
        old = rng.uniform(size=(600, 150)) < 0.95
        new = rng.uniform(size=(600, 150)) < 0.95 - fall
        for gained, lost in zip((new & ~old).sum(axis=1).tolist(), (old & ~new).sum(axis=1).tolist(), strict=True):
            lower, upper = stats.tango(gained, lost, 150, 0.9)
            seen = replace(cell, difference=(gained - lost) / 150, lower_bound=lower, upper_bound=upper)
            found[held(replace(like, cells=(replace(seen, fixed=gained, broken=lost),)), DROP).outcome] += 1
        return found

    equal, marginal, bad = outcomes(0.0), outcomes(0.03), outcomes(0.15)
    assert equal["fail"] <= 0.01 * 600 and equal["pass"] > 100
    assert marginal["pass"] <= 0.08 * 600 and marginal["fail"] <= 0.08 * 600
    assert bad["fail"] >= 0.95 * 600 and bad["pass"] == 0


def test_two_runs_may_be_held_against_each_other() -> None:
    cases = [case(i) for i in range(200)]
    first, second = run(cases, {"old": "p" * 200}), run(cases, {"new": "p" * 200}, id="other")
    assert decide(compare.compare(first, "old", second, "new")).outcome == "pass"


def test_each_outcome_has_a_headline_for_its_reader() -> None:
    headlines = [decide(comparison).headline for comparison in (fallen(180, 0, 20), fallen(150, 50), fallen(40, 0))]
    starts = ["new can replace old: correct rose by 10.0 points", "new should not replace old: correct fell by 25.0"]
    assert [headline.startswith(start) for headline, start in zip(headlines, starts, strict=False)] == [True, True]
    assert headlines[2].startswith("It is open whether new can replace old: correct did not change over 40 cases")
    assert len(set(itertools.chain(headlines))) == 3


# --------------------------------------------------------------------------- quarantine


def quarantined(*cases: str, until: str = "2026-12-31") -> Policy:
    entries = tuple(Quarantine(case=case, until=until, owner="ada", why="disputed gold") for case in cases)
    return Policy(rules=(DROP,), quarantine=entries)


def test_a_case_in_quarantine_counts_in_no_check() -> None:
    comparison = fallen(150, 30)
    broken = [change.case for change in comparison.changes if change.kind == "broken"]
    assert decide(comparison).outcome == "fail"
    verdict = gate.decide(comparison, quarantined(*broken), date(2026, 3, 2))
    assert (verdict.outcome, verdict.word, len(verdict.quarantined)) == ("pass", "not_worse", 30)
    assert verdict.readiness[0].cases == 150
    assert "over 150 cases" in verdict.headline


def test_the_verdict_says_that_cases_were_left_out() -> None:
    left_out = gate.decide(fallen(200, 5), quarantined("case-0"))
    assert "1 case in quarantine left out." in left_out.headline


def test_leaving_cases_out_is_as_if_they_had_not_been_in_the_suite() -> None:
    words = {"old": "p" * 60 + "w" * 6, "new": "p" * 50 + "w" * 10 + "p" * 6}
    cases = [case(i, "book" if i % 2 else "cancel") for i in range(66)]
    whole, part = run(cases, words), run(cases[6:], {name: word[6:] for name, word in words.items()})
    policy = Policy(rules=(DROP, replace(FLOOR, slice="tool:book"), LATENCY))
    leaving = replace(policy, quarantine=quarantined(*(case.id for case in cases[:6])).quarantine)
    left = gate.decide(compare.compare(whole, "old", whole, "new"), leaving, date(2026, 3, 2))
    without = gate.decide(compare.compare(part, "old", part, "new"), policy)
    assert left.headline == f"{without.headline} 6 cases in quarantine left out."
    assert replace(left, quarantined=(), headline=without.headline) == without


@pytest.mark.parametrize(("today", "counts"), [("2026-12-30", 0), ("2026-12-31", 0), ("2027-01-01", 1)])
def test_an_expired_quarantine_counts_again_and_is_told(today: str, counts: int) -> None:
    verdict = gate.decide(fallen(200, 0), quarantined("case-7"), date.fromisoformat(today))
    assert (len(verdict.expired), len(verdict.quarantined)) == (counts, 1 - counts)
    assert verdict.readiness[0].cases == 199 + counts


def test_without_a_day_that_of_the_candidates_run_counts() -> None:
    assert fallen(9, 0).candidate_info.created.startswith("2026-03-02")
    assert gate.decide(fallen(9, 0), quarantined("case-7", until="2026-03-02")).expired == ()
    assert len(gate.decide(fallen(9, 0), quarantined("case-7", until="2026-03-01")).expired) == 1


def test_a_quarantine_of_everything_passes_nothing() -> None:
    verdict = gate.decide(fallen(20, 0), quarantined(*(f"case-{i}" for i in range(20))), date(2026, 3, 2))
    assert verdict.outcome == "inconclusive"
    assert [check.outcome for check in verdict.checks] == ["not_applicable", "inconclusive"]


def test_a_case_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match=r"names the case 'case-77'.*did you mean"):
        gate.decide(fallen(9, 0), quarantined("case-77"))


# --------------------------------------------------------------------------- what an open gate returns


@pytest.mark.parametrize(("word", "code"), [("fail", 1), ("warn", 3), ("pass", 0)])
def test_the_policy_says_what_an_open_gate_returns(word: OnInconclusive, code: int) -> None:
    policy = Policy(rules=(DROP,), inconclusive=word)
    assert int(gate.exit_code(gate.decide(fallen(40, 0), policy))) == code
    assert int(gate.exit_code(gate.decide(fallen(150, 50), policy))) == 1
    assert int(gate.exit_code(gate.decide(fallen(200, 0), policy))) == 0
    unlike = replace(fallen(200, 0), differs=("the arm: native against forced",))
    assert int(gate.exit_code(gate.decide(unlike, policy))) == 4


def test_a_rule_that_applies_to_nothing_leaves_the_others_to_decide() -> None:
    of_none = replace(DROP, score="abstained")
    assert decide(fallen(200, 0), DROP, of_none).outcome == "pass"
    assert decide(fallen(150, 50), DROP, of_none).outcome == "fail"
    assert decide(fallen(40, 0), DROP, of_none).outcome == "inconclusive"
    alone = decide(fallen(200, 0), of_none)
    assert alone.outcome == "inconclusive"
    assert alone.headline.endswith("nothing that is required applies to this suite.")


def test_a_tool_that_no_case_wants_may_have_rules() -> None:
    comparison = fallen(200, 0)
    spare = replace(comparison.suite.specs["book"], name="spare")
    suite = replace(comparison.suite, specs={**comparison.suite.specs, "spare": spare})
    verdict = decide(replace(comparison, suite=suite), DROP, replace(FLOOR, slice="tool:spare"))
    assert (verdict.outcome, verdict.checks[1].outcome) == ("pass", "not_applicable")


def test_what_settles_an_open_headline_is_what_its_largest_open_check_takes() -> None:
    wide, narrow = replace(DROP, limit=0.06), replace(DROP, limit=0.01)
    for asked in ((wide, narrow), (narrow, wide), (LATENCY, wide, narrow)):
        verdict = decide(fallen(30, 0), *asked)
        most = next(check for check in verdict.checks if check.rule == narrow)
        assert most.outcome == "inconclusive" and most.settle is not None
        assert verdict.headline.endswith(f"To settle it: {most.settle}.")
        assert most.sentence[1:] in verdict.headline


def test_what_most_broken_cases_have_in_common_is_in_the_headline() -> None:
    verdict = decide(compared("p" * 200, "p" * 150 + "v" * 30 + "w" * 20))
    assert verdict.headline.endswith("30 of 50 broken cases: schema.required (a required argument is missing).")


def test_where_no_case_says_which_call_is_right_the_headline_does() -> None:
    comparison = compared(["p"] * 30, ["p"] * 30)
    said = "No case says which call is right, so only their form was judged."
    policy = Policy(rules=(Rule(kind="max_drop", score="compliance", limit=0.2),))
    assert said not in gate.decide(comparison, policy).headline
    cases = tuple(replace(case, accept=()) for case in comparison.suite.cases)
    untold = replace(comparison, suite=replace(comparison.suite, cases=cases))
    assert gate.decide(untold, policy).headline.endswith(said)
