"""A suite cut into parts, each for a machine of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import sharding, workspace
from evalkit import suite as suites
from evalkit.data import Suite
from evalkit.errors import InputError


@pytest.fixture(scope="module")
def travel() -> Suite:
    return workspace.load_suite("travel")


def parts(suite: Suite, of: int) -> list[Suite]:
    return [sharding.cut(suite, number, of) for number in range(1, of + 1)]


@pytest.mark.parametrize("of", [2, 3, 5])
def test_every_case_is_in_one_part_and_each_part_knows_where(travel: Suite, of: int) -> None:
    found: dict[int, object] = {}
    for number, part in enumerate(parts(travel, of), start=1):
        assert part.part is not None and part.part.shard == (number, of)
        assert (part.part.suite, part.part.digest, part.part.cases) == ("travel", travel.digest, len(travel.cases))
        assert not found.keys() & set(part.part.places)
        found |= dict(zip(part.part.places, part.cases, strict=True))
    assert [found[place] for place in range(len(travel.cases))] == list(travel.cases)


def test_parts_differ_from_the_whole_and_from_each_other_in_name_and_digest(travel: Suite) -> None:
    suites = [travel, *parts(travel, 2), *parts(travel, 3)]
    assert len({suite.name for suite in suites}) == len({suite.digest for suite in suites}) == len(suites)
    assert sharding.cut(travel, 2, 3).name == "travel-part-2-of-3"


@given(st.lists(st.text(), min_size=1, unique=True), st.integers(1, 9))
def test_which_part_a_case_is_in_follows_from_its_id_alone(ids: list[str], of: int) -> None:
    for id in ids:
        assert 1 <= sharding.part_of(id, of) <= of
        assert sharding.part_of(id, 2 * of) % of == sharding.part_of(id, of) % of


def test_the_part_of_a_case_never_changes() -> None:
    assert [sharding.part_of(id, 7) for id in ("one", "two", "three", "simple_0", "Zürich")] == [5, 4, 5, 3, 1]


def test_parts_are_of_a_size() -> None:
    ids = [f"case {number}" for number in range(4000)]
    sizes = [sum(sharding.part_of(id, 4) == part for id in ids) for part in (1, 2, 3, 4)]
    assert max(sizes) < 1.1 * min(sizes)


def test_a_case_more_leaves_the_other_parts_as_they_were(travel: Suite) -> None:
    fewer = replace(travel, cases=travel.cases[1:])
    fewer = replace(fewer, digest=suites.digest(fewer))
    own = sharding.part_of(travel.cases[0].id, 3)
    same = [one.digest == other.digest for one, other in zip(parts(travel, 3), parts(fewer, 3), strict=True)]
    assert same == [number != own for number in (1, 2, 3)]


def test_the_one_part_of_one_is_the_suite(travel: Suite) -> None:
    assert sharding.cut(travel, 1, 1) is travel


def test_a_part_without_a_case_is_refused(travel: Suite) -> None:
    one = replace(travel, cases=travel.cases[:1])
    empty = sharding.part_of(one.cases[0].id, 2) % 2 + 1
    with pytest.raises(InputError, match=f"part {empty} of 2 of suite travel is empty: there are 1 cases.*fewer parts"):
        sharding.cut(one, empty, 2)


@pytest.mark.parametrize("text", ["0/4", "5/4", "a/b", "1/0", "0/0", "-1/4", "1/4/2", "1", "", "1/", " 1/2", "١/٢"])
def test_what_names_no_part_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError, match="there is no such part; give K/N") as refused:
        sharding.read(text)
    assert len(str(refused.value).splitlines()) == 1


@given(st.integers(1, 99), st.integers(0, 99))
def test_what_names_a_part_is_read(number: int, more: int) -> None:
    assert sharding.read(f"{number}/{number + more}") == (number, number + more)
