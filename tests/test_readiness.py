"""The checklist: blocked beyond chance, safe beyond doubt, and the words between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import compare, gate
from evalkit.data import Comparison, Policy, Readiness, ReadinessWord, Rule
from tests.outcomes import OLD, case, compared, run

DROP = Rule(kind="max_drop", score="correct", limit=0.05)
OUT, IN = "a fall of 20 points is ruled out", "a fall of 20 points is not ruled out"


def assess(comparison: Comparison, *rules: Rule) -> dict[str, Readiness]:
    verdict = gate.decide(comparison, Policy(rules=(DROP, *rules)))
    return {line.tool: line for line in verdict.readiness}


def tools(**words: tuple[str, str]) -> Comparison:
    """Tool -> what its cases came to, before and after."""
    return compared(
        [letter for old, _ in words.values() for letter in old],
        [letter for _, new in words.values() for letter in new],
        [tool for tool, (old, _) in words.items() for _ in old],
    )


@pytest.mark.parametrize(
    ("old", "new", "word", "why", "and_so"),
    [
        (
            "p" * 12,
            "w" * 12,
            "blocked",
            "12 of 12 cases broke, 0 fixed (correct), most by arg",
            "q < .001 over all tools",
        ),
        ("p" * 11, "p" * 11, "safe", "0.0 points over 11 cases", OUT),
        ("p" * 10, "p" * 10, "not enough data", "10 cases, none broke", f"{IN} by fewer than 11 cases"),
        ("p" * 20, "p" * 17 + "www", "watch", "3 of 20 cases broke, 0 fixed (correct), most by arg", IN),
        ("p" * 12, "p" * 11 + "w", "watch", "1 of 12 cases broke, 0 fixed (correct)", IN),
        ("p" * 3, "pww", "watch", "2 of 3 cases broke, 0 fixed (correct), most by arg", IN),
        ("p" * 3, "ppw", "not enough data", "3 cases, 1 broke", f"{IN} by fewer than 11 cases"),
        ("p" * 300, "p" * 298 + "ww", "safe", "−0.7 points over 300 cases", OUT),
        ("w" * 20, "w" * 20, "safe", "0.0 points over 20 cases", OUT),
        ("p" * 5, "x" * 5, "not enough data", "no case was answered on both sides", ""),
    ],
)
def test_a_word_and_why(old: str, new: str, word: ReadinessWord, why: str, and_so: str) -> None:
    found = assess(tools(book=(old, new)))["book"]
    assert (found.word, found.why.partition("; ")[::2]) == (word, (why, and_so))


def test_a_sure_fall_that_can_be_lived_with_is_watched() -> None:
    found = assess(tools(book=("p" * 300, "p" * 288 + "w" * 12)))["book"]
    assert found.word == "watch"
    assert found.why == "12 of 300 cases broke, 0 fixed (correct), most by arg: sure, but less than a fall of 20 points"


def test_the_worst_comes_first_and_every_tool_has_one_line() -> None:
    comparison = tools(a=("p" * 30, "p" * 30), b=("ppp", "ppp"), c=("p" * 12, "v" * 12), d=("pppp", "wwpp"))
    lines = gate.decide(comparison, Policy(rules=(DROP,))).readiness
    assert [(line.tool, line.word) for line in lines] == [
        ("c", "blocked"),
        ("d", "watch"),
        ("b", "not enough data"),
        ("a", "safe"),
    ]
    assert "schema.required" in lines[0].why


def test_within_a_word_the_most_broken_come_first_then_the_largest_share() -> None:
    lost = {"a": 2, "c": 3, "d": 3, "e": 3}
    sizes = {"a": 12, "c": 20, "d": 12, "e": 20}
    comparison = tools(**{t: ("p" * sizes[t], "p" * (sizes[t] - lost[t]) + "w" * lost[t]) for t in lost})
    lines = gate.decide(comparison, Policy(rules=(DROP,))).readiness
    assert [(line.tool, line.word) for line in lines] == [(tool, "watch") for tool in "dcea"]


def test_the_policys_rule_for_a_tool_counts() -> None:
    steady = tools(book=("p" * 40, "p" * 38 + "ww"), cancel=("p" * 40, "p" * 40))
    assert assess(steady)["book"].word == "safe"
    of_book = replace(DROP, slice="tool:book", limit=0.01)
    assert assess(steady, of_book)["book"].word == "watch"
    assert assess(steady, Rule(kind="floor", score="correct", slice="tool:book", limit=1.0))["book"].word == "blocked"
    assert assess(steady, of_book)["cancel"].word == "safe"


def test_a_tool_of_its_own_margin_needs_as_many_cases() -> None:
    steady = tools(book=("p" * 40, "p" * 40))
    narrow = assess(steady, replace(DROP, slice="tool:book", limit=0.05))["book"]
    assert narrow.word == "watch"
    assert narrow.why.startswith(
        "Correct of tool:book did not change over 40 cases, but a fall of 6.3 is not ruled out"
    )
    wide = [replace(DROP, slice="tool:book", limit=0.4, score=score) for score in ("correct", "compliance")]
    assert assess(tools(book=("p" * 5, "p" * 5)), *wide)["book"].word == "safe"


def test_safe_only_strict_is_said_of_answers_on_that_arm_alone() -> None:
    cases = [case(i) for i in range(20)]

    def line(strict: str | None) -> Readiness:
        made = run(cases, {"old": "p" * 20, "new": "v" * 20, **({"new@strict": strict} if strict else {})})
        named = [replace(t, name="new", arm="strict") if "@" in t.name else t for t in made.info.targets]
        like = tuple(replace(OLD, name=t.name, arm=t.arm) for t in named)
        made = replace(made, info=replace(made.info, targets=like))
        return assess(compare.compare(made, "old", made, "new"))["book"]

    assert line(None).word == line("v" * 20).word == "blocked"
    assert line("p" * 10 + "v" * 10).word == "blocked"
    saved = line("p" * 20)
    assert saved.word == "safe only strict"
    assert saved.why.startswith("strict: 0.0 points over 20 cases") and "else: 20 of 20 cases broke" in saved.why


def test_unlike_runs_have_no_checklist() -> None:
    assert assess(replace(tools(book=("ppp", "ppp")), differs=("the arm: native against forced",))) == {}


@given(st.lists(st.tuples(st.sampled_from("pw"), st.sampled_from("pw")), min_size=1, max_size=40), st.data())
def test_one_case_worse_never_makes_a_tool_readier(outcomes: list[tuple[str, str]], data: st.DataObject) -> None:
    old, new = "".join(a for a, _ in outcomes), "".join(b for _, b in outcomes)
    place = data.draw(st.integers(0, len(new) - 1))
    worse = f"{new[:place]}w{new[place + 1 :]}"
    severity = ("safe", "not enough data", "watch", "blocked")
    before, after = (assess(tools(book=(old, each)))["book"].word for each in (new, worse))
    assert severity.index(after) >= severity.index(before)


def test_chance_blocks_hardly_any_tool_and_a_collapse_is_found() -> None:
    """60 migrations between equal models, 12 tools of 12 cases, each right with 85 %: what is blocked is noise.
    Then, in each, one tool that lost everything."""
    rng = np.random.default_rng(2)
    alarms = found = 0
    for _ in range(60):
        old, new = ({f"t{n:02}": letters(row) for n, row in enumerate(rng.uniform(size=(12, 12)))} for _ in "ab")
        told = assess(tools(**{tool: (old[tool], new[tool]) for tool in old}))
        alarms += any(line.word == "blocked" for line in told.values())
        found += (
            assess(tools(**{t: (old[t], "w" * 12 if t == "t00" else new[t]) for t in old}))["t00"].word == "blocked"
        )
    assert alarms <= 0.05 * 60
    assert found >= 0.9 * 60


def letters(row: Sequence[float]) -> str:
    return "".join("pw"[int(u > 0.85)] for u in row)
