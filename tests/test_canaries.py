"""The canaries are a sound suite, and its gold is the only thing that passes."""

from __future__ import annotations

from evalkit import suite as suites
from evalkit import values
from evalkit.data import Target
from evalkit.doctor import canaries


def test_they_are_a_suite_that_can_be_judged() -> None:
    built = suites.build(canaries.SUITE)
    assert built.cases == canaries.SUITE.cases
    assert not suites.lint(built)


def test_the_questions_can_be_told_apart() -> None:
    assert len({case.messages[-1]["content"] for case in canaries.SUITE.cases}) == len(canaries.SUITE.cases)
    assert len(set(canaries.ASKED)) == len(canaries.ASKED)
    assert {case for case, _ in canaries.ASKED} == {case.id for case in canaries.SUITE.cases}
    assert {way for _, way in canaries.ASKED} == set(canaries.WAYS)


def test_every_family_uses_the_keywords_it_is_there_for() -> None:
    for family in canaries.FAMILIES.values():
        text = values.canonical(family.schema)
        assert all(f'"{keyword}":' in text for keyword in family.keywords)


def test_a_way_adds_to_what_the_target_is_asked_with_and_decides_on_streams() -> None:
    target = Target(name="m", provider="openai_http", model="m", arm="forced", params={"user": "u"}, stream=True)
    ways = {way.name: way for way in canaries.ways(target)}
    assert ways["plain"].params == {"user": "u"} and not ways["plain"].stream and ways["stream"].stream
    assert ways["required"].params == {"user": "u", "tool_choice": "required"}
    assert {way.arm for way in ways.values()} == {"native"}
