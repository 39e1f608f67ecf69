"""The canaries are a sound suite, and its gold is the only thing that passes."""

from __future__ import annotations

from msgspec.structs import replace

from evalkit import suite as suites
from evalkit import values
from evalkit.data import ARMS, Target
from evalkit.doctor import canaries

TARGET = Target(name="m", provider="openai_http", model="m")


def test_they_are_a_suite_that_can_be_judged() -> None:
    built = suites.build(canaries.SUITE)
    assert built.cases == canaries.SUITE.cases
    assert not suites.lint(built)


def test_the_questions_can_be_told_apart() -> None:
    assert len({case.messages[-1]["content"] for case in canaries.SUITE.cases}) == len(canaries.SUITE.cases)


def test_each_arm_is_asked_what_makes_sense_on_it_and_every_question_on_one() -> None:
    asked = {arm: canaries.asked(replace(TARGET, arm=arm)) for arm in ARMS}
    assert all(
        len(set(questions)) == len(questions) and questions[0] == asked["native"][0] for questions in asked.values()
    )
    assert {case for questions in asked.values() for case, _ in questions} == {case.id for case in canaries.SUITE.cases}
    assert {way for _, way in asked["native"]} == set(canaries.WAYS)
    assert asked["native"] == asked["strict"] == asked["forced"]
    assert not {way for _, way in asked["prompted"]} & {*canaries.CHOICES, "parallel_tool_calls"}
    assert set(asked["constrained"]) - set(asked["prompted"]) == {("held", "plain")}


def test_every_family_uses_the_keywords_it_is_there_for() -> None:
    for family in canaries.FAMILIES.values():
        text = values.canonical(family.schema)
        assert all(f'"{keyword}":' in text for keyword in family.keywords)


def test_a_way_adds_to_what_the_target_is_asked_with_and_decides_on_streams() -> None:
    target = replace(TARGET, arm="forced", params={"user": "u"}, stream=True)
    ways = {way.name: way for way in canaries.ways(target)}
    assert ways["plain"].params == {"user": "u"} and not ways["plain"].stream and ways["stream"].stream
    assert ways["required"].params == {"user": "u", "tool_choice": "required"}
    assert {way.arm for way in ways.values()} == {"forced"}
