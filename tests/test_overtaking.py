"""Whoever is on hold is overtaken, by so many and no more, and nobody is left out."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from evalkit.data import Case, Request, Target
from evalkit.pacing.overtaking import AHEAD, overtaking

TARGETS = {name: Target(name=name, provider="p", model="m") for name in "abc"}


def requests(names: str) -> list[Request]:
    return [
        Request(case=Case(id=str(place), messages=(), tools=()), target=TARGETS[name], trial=0, specs=(), body={})
        for place, name in enumerate(names)
    ]


def order(asked: Iterator[Request]) -> str:
    return "".join(request.target.name for request in asked)


@given(st.text("abc", max_size=60), st.lists(st.sets(st.sampled_from("abc"))), st.integers(1, 2))
def test_each_request_comes_once_whoever_is_held_when(names: str, holds: list[set[str]], width: int) -> None:
    came: list[Request] = []

    def held(name: str) -> bool:
        return bool(holds) and name in holds[len(came) % len(holds)]

    for request in overtaking(requests(names), held, width):
        came.append(request)
    assert sorted(int(request.case.id) for request in came) == list(range(len(names)))


def test_in_the_order_of_the_plan_where_nobody_is_held() -> None:
    assert order(overtaking(requests("abcabc"), lambda name: False, 1)) == "abcabc"


def test_who_is_held_is_overtaken_and_comes_at_once_when_it_may() -> None:
    held = {"a"}
    asked = overtaking(requests("ababab" + "ab" * 3), lambda name: name in held, 1)
    assert [next(asked).target.name for _ in range(3)] == ["b"] * 3
    held.clear()
    assert order(asked) == "aaaababab"


def test_nobody_gets_further_ahead_than_that() -> None:
    asked = order(overtaking(requests("ab" * 100), lambda name: name == "a", 2))
    assert asked.index("a") == 2 * AHEAD and asked.count("a") == 100
