"""Plan and ask: order, bounded flight, lanes, what an interruption leaves, shown against a loopback endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from evalkit import pipeline
from evalkit.data import (
    Record,
    Request,
    Response,
    Target,
)
from evalkit.errors import InputError
from tests.asked import CASES, NEW, OLD, QUICK, SUITE, WORLD, answer, ask
from tests.endpoints import Received, Reply, serving


def test_every_case_is_planned_once_before_any_is_planned_twice() -> None:
    planned = list(pipeline.plan(SUITE, (OLD, NEW), trials=2))
    assert len(planned) == 12 * 2 * 2
    assert [request.trial for request in planned] == [0] * 24 + [1] * 24


def test_the_targets_of_a_case_stand_beside_each_other_and_neither_is_always_first() -> None:
    planned = list(pipeline.plan(SUITE, (OLD, NEW), trials=1))
    pairs = list(zip(planned[::2], planned[1::2], strict=True))
    assert all(first.case is second.case for first, second in pairs)
    assert {first.target.name for first, _ in pairs} == {"old", "new"}


def test_what_is_done_is_not_planned_again() -> None:
    done = {("old", 0, case.id) for case in CASES[:5]}
    left = {(r.target.identity, r.trial, r.case.id) for r in pipeline.plan(SUITE, (OLD, NEW), 1, done.__contains__)}
    assert not left & done and len(left | done) == 24


async def test_every_case_is_asked_and_judged() -> None:
    async with serving(answer) as endpoint:
        records = await ask(endpoint, OLD, NEW)
    assert len(records) == 24 and {(record.case, record.target) for record in records} == {
        (case.id, name) for case in CASES for name in ("old", "new")
    }
    assert all(record.score is not None and record.score.correct for record in records)


async def test_no_more_are_in_flight_than_the_width_allows_and_the_width_is_used() -> None:
    def slow(request: Received) -> Reply:
        return replace(answer(request), chunks=(b" ", *answer(request).chunks), pause=0.02)

    most = 0
    async with serving(slow) as endpoint:

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, endpoint.open)
                await asyncio.sleep(0.002)

        watching = asyncio.create_task(watch())
        await ask(endpoint)
        watching.cancel()
    assert most == QUICK.width


async def test_requests_are_taken_only_as_answers_are_taken() -> None:
    taken = 0

    def counted() -> Iterable[Request]:
        nonlocal taken
        for request in pipeline.plan(SUITE, (target,), 1):
            taken += 1
            yield request

    async with serving(answer) as endpoint:
        target = replace(OLD, base_url=f"{endpoint.url}/v1")
        async for _ in pipeline.ask([counted()], SUITE, (target,), WORLD, QUICK):
            await asyncio.sleep(0.05)  # a slow reader: memory must not fill with answers it has not taken
            assert taken <= 2 * QUICK.width
            break


async def test_leaving_early_leaves_nothing_running() -> None:
    async with serving(Reply(silent=True)) as endpoint:
        target = replace(OLD, base_url=f"{endpoint.url}/v1")
        asking = pipeline.ask([pipeline.plan(SUITE, (target,), 1)], SUITE, (target,), WORLD, QUICK)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(aiter(asking)), 0.1)
        await asking.aclose()  # type: ignore[attr-defined]
        assert await endpoint.is_idle()


async def test_what_is_answered_in_the_moment_of_an_interruption_is_kept() -> None:
    kept: list[Record] = []

    async def interrupted(targets: list[Target]) -> None:
        pace = replace(QUICK, width=len(CASES))
        async for record in pipeline.ask([pipeline.plan(SUITE, targets, 1)], SUITE, targets, WORLD, pace):
            kept.append(record)
            if len(kept) == 1:
                working = asyncio.current_task()
                assert working is not None
                working.cancel()  # as Ctrl-C does

    def all_but_one(request: Received) -> Reply:
        return Reply(silent=True) if '"7"' in request.text else answer(request)

    async with serving(all_but_one) as endpoint:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(interrupted([replace(OLD, base_url=f"{endpoint.url}/v1")]))
        assert await endpoint.is_idle()
    assert {record.case for record in kept} == {case.id for case in CASES} - {"case-7"}
    assert all(isinstance(record.reply, Response) for record in kept)


async def test_an_unknown_provider_is_refused_before_anything_is_asked() -> None:
    targets = (replace(OLD, provider="reference", model="oracle"), replace(NEW, provider="openai_htp"))
    with pytest.raises(InputError, match="no provider is called 'openai_htp'; did you mean 'openai_http'"):
        async for _ in pipeline.ask([pipeline.plan(SUITE, targets, 1)], SUITE, targets, WORLD, QUICK):
            raise AssertionError("something was asked")


def test_in_a_given_order_all_trials_of_a_case_come_before_the_next() -> None:
    targets = (OLD, NEW)
    order = [CASES[2], CASES[0]]
    planned = pipeline.plan(SUITE, targets, 2, {("old", 0, "case-2")}.__contains__, order)
    asked = [(r.case.id, r.trial, r.target.name) for r in planned]
    assert [case for case, _, _ in asked] == ["case-2"] * 3 + ["case-0"] * 4
    assert {(trial, name) for case, trial, name in asked if case == "case-2"} == {(0, "new"), (1, "old"), (1, "new")}


async def test_a_fixed_share_for_each_leaves_no_target_waiting_for_another_and_is_warmed_up() -> None:
    def paced(request: Received) -> Reply:
        if "hello" in request.text:
            return Reply(chunks=(b"{}",))
        pause = 0.1 if request.body["model"] == "old" else 0.0
        return replace(answer(request), chunks=(b" ", *answer(request).chunks), pause=pause)

    async with serving(paced) as endpoint:
        targets = [replace(target, base_url=f"{endpoint.url}/v1") for target in (OLD, NEW)]
        one, other = (pipeline.plan(SUITE, [target], 1) for target in targets)
        pace = replace(QUICK, width=4, each=2)
        order = [r.target async for r in pipeline.ask([one, other], SUITE, targets, WORLD, pace)]
    assert sorted(order) == ["new"] * 12 + ["old"] * 12
    assert order[:10].count("new") >= 8
    warming = [request for request in endpoint.received if "hello" in request.text]
    assert endpoint.received[:4] == warming and all("tools" not in request.body for request in warming)
    assert endpoint.opened == 4, "each connection was opened by the warm-up"


async def test_a_target_is_asked_no_more_often_than_its_minute_allows() -> None:
    loop = asyncio.get_running_loop()
    async with serving(answer) as endpoint:
        began = loop.time()
        await ask(endpoint, replace(OLD, requests_per_minute=3_600), suite=replace(SUITE, cases=CASES * 6))
        assert loop.time() - began >= (72 - 60) / 60


async def test_a_target_that_asked_to_be_left_alone_takes_no_places_of_the_others() -> None:
    def reply(request: Received) -> Reply:
        if request.body["model"] == "old" and not refused:
            refused.append(request)
            return Reply(status=429, headers={"Retry-After": "1"})
        return answer(request)

    refused: list[Received] = []
    async with serving(reply) as endpoint:
        both = [replace(target, base_url=f"{endpoint.url}/v1") for target in (OLD, NEW)]
        requests = pipeline.plan(SUITE, both, trials=2)
        came = [each.target async for each in pipeline.ask([requests], SUITE, both, WORLD, replace(QUICK, width=2))]
    assert came.count("old") == came.count("new") == 2 * len(CASES)
    assert "new" not in came[-len(CASES) :], "all of it came while the other was waited for"
