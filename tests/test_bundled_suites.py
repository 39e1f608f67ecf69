"""The suites that ship: whole, of one vocabulary, answerable by their gold, and harder than word overlap."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import Protocol

import pytest
from msgspec.structs import replace

from evalkit import plugins, score, values, workspace
from evalkit.data import Answer, Case, Expectation, Judging, Payload, Score, Suite, ToolSpec
from evalkit.reference import lexical, oracle, sampler
from evalkit.reference.said import Said

SUITES = Path(__file__).parents[1] / "suites"
NAMES = ("cloud", "crowded", "office", "payments", "travel")
KINDS = frozenset({"single", "parallel", "ordered", "irrelevance", "adherence"})
"""Tags that say what a case wants; each case has exactly one."""


class Model(Protocol):
    def say(self, case: Case, specs: Sequence[ToolSpec], random: Random) -> Said: ...


@cache
def load(name: str) -> Suite:
    return workspace.load_suite(str(SUITES / f"{name}.yaml"))


@cache
def vocabulary() -> frozenset[str]:
    """The tags that suites/README.md explains."""
    text = (SUITES / "README.md").read_text(encoding="utf-8").split("## Tags")[1]
    return frozenset(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


def answer(said: Said) -> Answer:
    readings = [(tool, text, values.read(text)) for tool, text in said.calls]
    return Answer(
        payloads=tuple(
            Payload(index=index, tool=tool, text=text, value=reading.value, error=reading.error)
            for index, (tool, text, reading) in enumerate(readings)
        ),
        text=said.text,
    )


def judged(suite: Suite, case: Case, model: Model) -> Score:
    said = model.say(case, [suite.specs[key] for key in case.tools], Random(case.id))
    return score.judge(suite, Judging())(case, answer(said))


def passed(found: Score) -> bool:
    return found.failed_at is None


def test_every_suite_on_disk_is_known_here() -> None:
    assert tuple(sorted(path.stem for path in SUITES.glob("*.yaml"))) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_suite_is_large_enough_and_named_like_its_file(name: str) -> None:
    suite = load(name)
    assert suite.name == name
    assert len(suite.cases) >= 40
    assert len(suite.specs) >= (20 if name == "crowded" else 6)


def test_there_are_more_than_200_cases_and_no_prompt_twice() -> None:
    prompts = Counter(values.canonical(list(case.messages[1:])) for name in NAMES for case in load(name).cases)
    assert prompts.total() > 200
    assert prompts.most_common(1)[0][1] == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_case_is_told_what_day_it_is(name: str) -> None:
    for case in load(name).cases:
        assert case.messages[0]["role"] == "system"
        found = re.search(r"([A-Z][a-z]+day) (\d{1,2} [A-Z][a-z]+ 20\d\d)", case.messages[0]["content"])
        assert found, case.id
        assert datetime.strptime(found[2], "%d %B %Y").replace(tzinfo=UTC).strftime("%A") == found[1]


@pytest.mark.parametrize("name", NAMES)
def test_every_tool_is_expected_somewhere(name: str) -> None:
    suite = load(name)
    wanted = {call.tool for case in suite.cases for expectation in case.accept for call in expectation.calls}
    assert wanted == {spec.name for spec in suite.specs.values()}


@pytest.mark.parametrize("name", NAMES)
def test_between_a_tenth_and_a_fifth_of_the_cases_want_nothing(name: str) -> None:
    cases = load(name).cases
    assert 0.10 <= sum(case.wants_nothing for case in cases) / len(cases) <= 0.20


@pytest.mark.parametrize("name", NAMES)
def test_each_case_has_documented_tags_one_of_which_says_what_it_wants(name: str) -> None:
    for case in load(name).cases:
        assert set(case.tags) <= vocabulary(), case.id
        assert len(set(case.tags)) == len(case.tags), case.id
        assert KINDS.intersection(case.tags) == {kind(case)}, case.id


def kind(case: Case) -> str:
    if not case.accept:
        return "adherence"
    first = case.accept[0]
    if not first.calls:
        return "irrelevance"
    if len(first.calls) == 1:
        return "single"
    return "ordered" if first.ordered else "parallel"


def test_every_tag_is_used_and_the_kinds_are_documented() -> None:
    assert {tag for name in NAMES for case in load(name).cases for tag in case.tags} == vocabulary()
    assert vocabulary() >= KINDS


def test_tags_that_can_be_told_from_the_case_are_true() -> None:
    for name in NAMES:
        for case in load(name).cases:
            assert ("history" in case.tags) == any(message["role"] == "tool" for message in case.messages), case.id
            assert ("alternatives" in case.tags) == (len({shape(e) for e in case.accept}) > 1), case.id


def shape(expectation: Expectation) -> tuple[str, ...]:
    return tuple(call.tool for call in expectation.calls)


def test_every_matcher_is_used_somewhere_and_so_are_optional_arguments() -> None:
    rules = [
        rule
        for name in NAMES
        for case in load(name).cases
        for expectation in case.accept
        for call in expectation.calls
        for rule in call.args
    ]
    assert {rule.matcher for rule in rules} == set(plugins.names("matchers"))
    assert any(rule.optional for rule in rules)


@pytest.mark.parametrize("name", NAMES)
def test_every_acceptable_answer_can_be_given_and_scores(name: str) -> None:
    suite = load(name)
    for case in suite.cases:
        alternatives: list[tuple[Expectation, ...]] = [(expectation,) for expectation in case.accept] or [()]
        for accept in alternatives:
            found = judged(suite, replace(case, accept=accept), oracle)
            assert passed(found), (case.id, found.mismatches)
            assert not found.violations, case.id


@pytest.mark.parametrize("name", NAMES)
def test_word_overlap_is_far_from_enough(name: str) -> None:
    suite = load(name)
    assert sum(passed(judged(suite, case, lexical)) for case in suite.cases) < 0.25 * len(suite.cases)


@pytest.mark.parametrize("name", NAMES)
def test_valid_payloads_without_understanding_are_far_from_enough(name: str) -> None:
    suite = load(name)
    assert sum(passed(judged(suite, case, sampler)) for case in suite.cases) < 0.1 * len(suite.cases)
