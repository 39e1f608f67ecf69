"""Limits: the width follows what the target bears, pauses are kept, and no minute sees more than its allowance."""

from __future__ import annotations

import asyncio
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from evalkit.pacing.limiting import FIRST_WIDTH, LEAST_WIDTH, Bucket, Limiter


class Clock(Struct):
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def full_round(limiter: Limiter, refused: int = 0) -> None:
    """As many as may be in flight go out and come back, the first so many of them refused."""
    tickets = []
    while limiter.wait() == 0:
        tickets.append(limiter.take())
    for number, ticket in enumerate(tickets):
        limiter.leave(ticket, answered=number >= refused, refused=number < refused)


def keep_full(limiter: Limiter, answers: int) -> None:
    """So many answers, with as many in flight as may be all the while."""
    tickets = [limiter.take() for _ in range(limiter.width)]
    for _ in range(answers):
        limiter.leave(tickets.pop(0), answered=True)
        while limiter.wait() == 0:
            tickets.append(limiter.take())
    for ticket in tickets:
        limiter.leave(ticket)


def test_the_width_doubles_while_all_is_answered_up_to_the_ceiling() -> None:
    limiter = Limiter(90, clock=Clock())
    keep_full(limiter, 20 + 40 + 80)
    assert [width for _, width in limiter.history] == [FIRST_WIDTH, 40, 80, 90]


def test_the_width_does_not_grow_where_it_is_not_used() -> None:
    limiter = Limiter(1000, clock=Clock())
    for _ in range(500):
        limiter.leave(limiter.take(), answered=True)
    assert limiter.width == FIRST_WIDTH


def test_refusals_of_one_moment_cut_the_width_once() -> None:
    limiter = Limiter(1000, clock=Clock())
    full_round(limiter, refused=15)
    assert limiter.width == 16 and limiter.refusals == 15
    full_round(limiter, refused=1)
    assert limiter.width == 12


def test_after_a_refusal_the_width_grows_by_a_twentieth_a_round() -> None:
    limiter = Limiter(1000, clock=Clock())
    keep_full(limiter, 20 + 40 + 80)  # 160
    full_round(limiter, refused=1)
    assert limiter.width == 128
    keep_full(limiter, 128)
    assert limiter.width == 134


@given(st.lists(st.integers(0, 3), max_size=300), st.integers(1, 200))
def test_whatever_comes_the_width_stays_between_the_least_and_the_ceiling(refusals: list[int], ceiling: int) -> None:
    limiter = Limiter(ceiling, clock=Clock())
    for refused in refusals:
        full_round(limiter, refused)
        assert min(LEAST_WIDTH, ceiling) <= limiter.width <= ceiling
    assert limiter.wait() == 0


def test_a_fixed_width_is_never_changed() -> None:
    limiter = Limiter(7, fixed=True, clock=Clock())
    full_round(limiter, refused=5)
    keep_full(limiter, 100)
    assert limiter.history == [(0.0, 7)]


def test_a_refusal_that_names_a_wait_holds_up_all_who_come_after() -> None:
    clock = Clock()
    limiter = Limiter(10, clock=clock)
    limiter.leave(limiter.take(), refused=True, hold=3.0)
    limiter.leave(limiter.take(), refused=True, hold=1.0)
    assert limiter.wait() == pytest.approx(3.0)
    clock.now += 2.5
    assert limiter.wait() == pytest.approx(0.5)
    clock.now += 0.5
    assert limiter.wait() == 0


def test_when_all_are_in_flight_only_one_that_comes_back_makes_room() -> None:
    limiter = Limiter(1, clock=Clock())
    ticket = limiter.take()
    assert limiter.wait() == math.inf
    limiter.leave(ticket)
    assert limiter.wait() == 0


@given(
    st.floats(1, 6000),
    st.lists(st.tuples(st.floats(0, 5), st.floats(0, 500)), min_size=1, max_size=100),
)
def test_no_time_sees_more_than_its_allowance_but_for_what_the_last_one_owes(
    per_minute: float, asked: list[tuple[float, float]]
) -> None:
    clock = 0.0
    bucket = Bucket(per_minute=per_minute, now=clock)
    taken = 0.0
    for idle, cost in asked:
        clock += idle
        clock += bucket.wait(cost, clock)
        assert bucket.wait(cost, clock) == pytest.approx(0, abs=1e-6)
        assert taken <= bucket.capacity + per_minute / 60 * clock + 1e-6
        bucket.take(cost)
        taken += cost


def test_requests_a_minute_are_spread_over_the_minute() -> None:
    clock = Clock()
    limiter = Limiter(1000, requests_per_minute=30, clock=clock)
    began = clock.now
    for _ in range(31):
        clock.now += limiter.wait()
        limiter.leave(limiter.take(), answered=True)
    assert clock.now - began == pytest.approx(60)


def test_tokens_that_were_not_foreseen_are_waited_for_afterwards() -> None:
    clock = Clock()
    limiter = Limiter(10, tokens_per_minute=6000, clock=clock)
    limiter.leave(limiter.take(50), answered=True, tokens=1050)  # 100 saved up, so 950 are owed
    assert limiter.wait(50) == pytest.approx(10.0)
    limiter.leave(limiter.take(50), answered=True, tokens=0)
    assert limiter.wait(50) == pytest.approx(10.0)


async def test_those_who_wait_are_let_in_as_they_came_and_never_too_many_at_once() -> None:
    limiter = Limiter(2)
    entered: list[int] = []
    most = inside = 0

    async def visit(number: int) -> None:
        nonlocal most, inside
        ticket = await limiter.enter()
        assert ticket is not None
        entered.append(number)
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.001)
        inside -= 1
        limiter.leave(ticket, answered=True)

    await asyncio.gather(*(visit(number) for number in range(20)))
    assert entered == list(range(20)) and most == 2


async def test_a_closed_way_lets_nobody_wait_nor_enter() -> None:
    limiter = Limiter(1, fixed=True)
    on_its_way = await limiter.enter()
    assert on_its_way is not None
    waiting = [asyncio.create_task(limiter.enter()) for _ in range(3)]
    resting = asyncio.create_task(limiter.rest(600))
    await asyncio.sleep(0.01)
    limiter.close("enough")
    limiter.close("and once more")
    assert await asyncio.wait_for(asyncio.gather(*waiting), 1) == [None] * 3
    await asyncio.wait_for(resting, 1)
    limiter.leave(on_its_way, answered=True)
    assert await limiter.enter() is None and limiter.closed == "enough"


async def test_a_rest_takes_its_time() -> None:
    began = time.monotonic()
    await Limiter(1).rest(0.05)
    assert time.monotonic() - began >= 0.05


async def test_answers_of_one_moment_all_count_where_others_wait_for_them() -> None:
    limiter = Limiter(90)
    rounds: list[int] = []

    async def ask(gate: asyncio.Event) -> None:
        ticket = await limiter.enter()
        assert ticket is not None
        await gate.wait()
        limiter.leave(ticket, answered=True)

    gates = [asyncio.Event() for _ in range(3)]
    asked = [
        asyncio.create_task(ask(gate)) for gate, count in zip(gates, (20, 40, 80), strict=True) for _ in range(count)
    ]
    for gate in gates:
        await asyncio.sleep(0)
        rounds.append(limiter.width)
        gate.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asyncio.gather(*asked)
    assert rounds == [20, 40, 80]


async def test_turns_come_in_order_and_one_that_is_given_up_costs_nobody_else_theirs() -> None:
    limiter = Limiter(1)
    order: list[str] = []

    async def ask(name: str) -> None:
        ticket = await limiter.enter()
        assert ticket is not None
        order.append(name)
        await asyncio.sleep(0.01)
        limiter.leave(ticket)

    asked = {name: asyncio.create_task(ask(name)) for name in "abcde"}
    await asyncio.sleep(0)
    asked["b"].cancel()
    await asyncio.gather(*asked.values(), return_exceptions=True)
    assert order == ["a", "c", "d", "e"]


async def test_a_turn_that_comes_in_the_moment_in_which_it_is_given_up_goes_to_the_next() -> None:
    limiter = Limiter(1)
    held = await limiter.enter()
    assert held is not None
    first, second = (asyncio.create_task(limiter.enter()) for _ in range(2))
    await asyncio.sleep(0)
    limiter.leave(held)
    first.cancel()
    assert await asyncio.wait_for(second, 1) is not None
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_whoever_waits_for_time_to_pass_is_let_in_once_it_has() -> None:
    limiter = Limiter(10)
    limiter.leave(limiter.take(), refused=True, hold=0.05)
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(limiter.enter() for _ in range(8)))
    assert 0.05 <= asyncio.get_running_loop().time() - began < 1
