"""Which cases are asked."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evalkit import selection, workspace
from evalkit.data import Case, Suite, ToolSpec
from evalkit.errors import InputError


@pytest.fixture(scope="module")
def travel() -> Suite:
    return workspace.load_suite("travel")


@pytest.fixture(scope="module")
def office() -> Suite:
    return workspace.load_suite("office")


def test_merged_cases_carry_their_suite_in_id_and_tag(travel: Suite, office: Suite) -> None:
    whole = selection.merge([travel, office])
    assert len(whole.cases) == len(travel.cases) + len(office.cases)
    first = whole.cases[0]
    assert first.id == f"travel/{travel.cases[0].id}" and first.tags[0] == "travel"
    assert [whole.specs[key].name for key in first.tools] == [travel.specs[key].name for key in travel.cases[0].tools]
    assert whole.digest not in (travel.digest, office.digest)


def test_one_suite_alone_stays_as_it_is(travel: Suite) -> None:
    assert selection.merge([travel]) is travel


def test_suites_that_cannot_be_one_are_refused(travel: Suite, office: Suite) -> None:
    with pytest.raises(InputError, match="two suites are called 'travel'"):
        selection.merge([travel, travel])
    with pytest.raises(InputError, match="some of the suites assert formats"):
        selection.merge([travel, replace(office, formats="annotate")])


def test_no_case_or_tool_of_merged_suites_takes_the_place_of_another() -> None:
    def named(name: str, case: str, tool: str) -> Suite:
        spec = ToolSpec(name="t", description=name, schema={}, source="s")
        cases = (Case(id=case, messages=(), tools=(tool,)),)
        return Suite(name=name, specs={tool: spec}, cases=cases, digest=name)

    with pytest.raises(InputError, match="two cases would be called 'a/b/c'"):
        selection.merge([named("a/b", "c", "one"), named("a", "b/c", "two")])
    with pytest.raises(InputError, match="two tools would be called 'a/b/t'"):
        selection.merge([named("a/b", "c", "t"), named("a", "d", "b/t")])


def test_conditions_hold_together(travel: Suite) -> None:
    tool = sorted(selection.wanted(travel.cases[0]))[0]
    part = selection.select(travel, tools=[tool], tags=travel.cases[0].tags, limit=3)
    assert 1 <= len(part.cases) <= 3
    assert all(tool in selection.wanted(case) for case in part.cases)


def test_text_is_sought_in_ids_and_prompts_whatever_the_case(travel: Suite) -> None:
    case = travel.cases[4]
    assert case in selection.select(travel, text=case.id.upper()).cases
    assert case in selection.select(travel, text=str(case.messages[-1]["content"])[:20].upper()).cases


def test_a_part_has_its_own_digest_and_only_the_tools_it_offers(travel: Suite) -> None:
    part = selection.select(travel, ids=[travel.cases[0].id])
    assert part.digest != travel.digest
    assert set(part.specs) == set(travel.cases[0].tools)
    assert selection.select(travel, ids=[travel.cases[0].id]).digest == part.digest


def test_all_of_a_suite_is_the_suite(travel: Suite) -> None:
    assert selection.select(travel) is travel
    assert selection.select(travel, limit=10_000) is travel


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"ids": ["nope"]}, "suite travel has no case 'nope'"),
        ({"tags": ["nope"]}, "suite travel has no tag 'nope'"),
        ({"tools": ["nope"]}, "suite travel has no tool 'nope'"),
        ({"text": "no prompt says this"}, "no case of suite travel is selected"),
    ],
)
def test_what_selects_nothing_is_refused(travel: Suite, condition: dict[str, list[str]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        selection.select(travel, **condition)  # type: ignore[arg-type]
