"""Plan, ask, judge: order, bounded flight, faults named and attempts kept, shown against a loopback endpoint."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from evalkit import judge, pipeline, plugins
from evalkit.data import (
    ArgRule,
    Case,
    Expectation,
    ExpectedCall,
    Fault,
    Judging,
    Record,
    Request,
    Response,
    Suite,
    Target,
    ToolSpec,
    Wire,
)
from evalkit.errors import InputError, StoreError
from evalkit.pacing.pace import Pace
from evalkit.plugins import World
from tests.endpoints import Endpoint, Received, Reply, serving

SPEC = ToolSpec(
    name="go", description="", schema={"type": "object", "properties": {"n": {"type": "integer"}}}, source=""
)
CASES = tuple(
    Case(
        id=f"case-{n}",
        messages=({"role": "user", "content": str(n)},),
        tools=("go",),
        accept=(Expectation(calls=(ExpectedCall(tool="go", args=(ArgRule(path="/n", value=n),)),)),),
    )
    for n in range(12)
)
SUITE = Suite(name="s", specs={"go": SPEC}, cases=CASES, digest="d")
OLD, NEW = (Target(name=name, provider="openai_http", model=name) for name in ("old", "new"))
QUICK = Pace(width=3, retries=2, first_wait=0.001)


def no_runs(name: str) -> None:
    raise StoreError(name)


WORLD = World(environ={}, load_run=no_runs)  # type: ignore[arg-type]


def answer(request: Received) -> Reply:
    """A call that gives back the number it was asked."""
    said = {"n": int(request.body["messages"][-1]["content"])}
    call = {"id": "c", "type": "function", "function": {"name": "go", "arguments": json.dumps(said)}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 1_000, "completion_tokens": 100}
    return Reply(chunks=(json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage}).encode(),))


async def ask(
    endpoint: Endpoint,
    *targets: Target,
    pace: Pace = QUICK,
    suite: Suite = SUITE,
    requests: Iterable[Request] | None = None,
    **more: Any,
) -> list[Record]:
    reached = [replace(target, base_url=f"{endpoint.url}/v1") for target in targets or (OLD,)]
    worth = judge.records(suite, Judging())
    planned = pipeline.plan(suite, reached, 1)
    return [worth(record) async for record in pipeline.ask([planned], suite, reached, WORLD, pace, **more)]


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


async def test_a_passing_fault_is_tried_again_and_every_attempt_is_kept() -> None:
    asked: dict[str, int] = {}

    def flaky(request: Received) -> Reply:
        number = asked[request.text] = asked.get(request.text, 0) + 1
        return answer(request) if number > 2 else Reply(status=500, chunks=(b"busy",))

    async with serving(flaky) as endpoint:
        records = await ask(endpoint)
    assert all(isinstance(record.reply, Response) for record in records)
    assert {len(record.attempts) for record in records} == {2}
    first, second = records[0].attempts
    assert first.fault.kind == "server" and first.fault.status == 500
    assert 0.001 <= first.wait <= 0.00125 and 0.002 <= second.wait <= 0.0025


async def test_an_endpoint_that_names_its_wait_is_given_it() -> None:
    asked: set[str] = set()

    def limited(request: Received) -> Reply:
        if request.text in asked:
            return answer(request)
        asked.add(request.text)
        return Reply(status=429, headers={"Retry-After": "0.05"}, chunks=(b"{}",))

    async with serving(limited) as endpoint:
        records = await ask(endpoint, suite=replace(SUITE, cases=CASES[:2]))
    assert {record.attempts[0].wait for record in records} == {0.05}
    assert all(
        isinstance(r.reply, Response) and r.reply.timing.queued is not None and r.reply.timing.queued >= 0.05
        for r in records
    )


async def test_an_endpoint_that_wants_a_longer_wait_than_we_would_is_asked_nothing_more() -> None:
    refuse = Reply(status=429, headers={"Retry-After": "7200"}, chunks=(b"{}",))
    limiters = pipeline.limits([OLD], QUICK)
    async with serving(refuse) as endpoint:
        records = await ask(endpoint, limiters=limiters)
    assert {record.reply.kind for record in records if isinstance(record.reply, Fault)} == {"rate_limit"}
    assert len(records) == len(endpoint.received) <= QUICK.width
    told = limiters["old"].closed or ""
    assert told.startswith("old asks to be left alone until 20") and told.endswith(" UTC")


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (401, b'{"error": "no such key"}', "old refuses the key: no such key"),
        (
            429,
            b'{"error": {"message": "add money", "code": "insufficient_quota"}}',
            "old has nothing left for this account: add money",
        ),
    ],
)
async def test_who_turns_the_key_away_is_asked_no_more_and_the_others_are(status: int, body: bytes, why: str) -> None:
    def strict(request: Received) -> Reply:
        return answer(request) if request.body["model"] == "new" else Reply(status=status, chunks=(body,))

    pace = replace(QUICK, width=2)
    limiters = pipeline.limits([OLD, NEW], pace)
    async with serving(strict) as endpoint:
        records = await ask(endpoint, OLD, NEW, pace=pace, limiters=limiters)
    assert sum(record.target == "old" for record in records) in (3, 4)
    assert sum(record.target == "new" for record in records) == len(CASES)
    assert (limiters["old"].closed, limiters["new"].closed) == (why, None)


async def test_a_key_that_is_turned_away_now_and_then_is_asked_on() -> None:
    def moody(request: Received) -> Reply:
        said = int(request.body["messages"][-1]["content"])
        return Reply(status=403, chunks=(b"{}",)) if said % 3 else answer(request)

    async with serving(moody) as endpoint:
        records = await ask(endpoint, pace=replace(QUICK, width=1))
    assert len(records) == len(endpoint.received) == len(CASES)


async def test_no_attempt_goes_that_is_not_admitted() -> None:
    left = 5

    def admit() -> str | None:
        nonlocal left
        left -= 1
        return None if left >= 0 else "enough"

    limiters = pipeline.limits([OLD], QUICK)
    async with serving(Reply(status=500, chunks=(b"{}",))) as endpoint:
        records = await ask(endpoint, admit=admit, limiters=limiters)
    assert len(endpoint.received) == 5 == sum(len(record.attempts) + 1 for record in records)
    assert all(isinstance(record.reply, Fault) for record in records) and limiters["old"].closed == "enough"


async def test_the_words_that_warm_a_connection_up_are_admitted_too() -> None:
    left = 3

    def admit() -> str | None:
        nonlocal left
        left -= 1
        return None if left >= 0 else "enough"

    async with serving(answer) as endpoint:
        assert await ask(endpoint, pace=replace(QUICK, each=2), admit=admit) != []
        assert len(endpoint.received) == 3


async def test_an_allowance_that_an_answer_says_is_spent_pauses_its_target() -> None:
    sent: list[float] = []

    def limited(request: Received) -> Reply:
        sent.append(asyncio.get_running_loop().time())
        spent = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "200ms"}
        return replace(answer(request), headers=spent if len(sent) == 3 else {})

    async with serving(limited) as endpoint:
        records = await ask(endpoint, pace=replace(QUICK, width=1))
    gaps = [later - sooner for sooner, later in pairwise(sent)]
    assert gaps[2] >= 0.2 > max(gaps[:2] + gaps[3:])
    assert not any(record.attempts for record in records)


async def test_what_came_of_an_attempt_that_failed_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    half = b'{"choices": [{"message": '
    first: set[str] = set()

    def broken(request: Received) -> Reply:
        number = int(request.body["messages"][-1]["content"])
        if number == 0:
            return Reply(chunks=(half,))
        if request.text in first:
            return answer(request)
        first.add(request.text)
        return Reply(chunks=(half,), missing=9) if number == 1 else Reply(status=500, chunks=(b"x" * 100,))

    monkeypatch.setattr(judge, "KEPT", 50)
    async with serving(broken) as endpoint:
        records = await ask(endpoint, suite=replace(SUITE, cases=CASES[:3]))
    unread, cut, failed = (
        record.reply if isinstance(record.reply, Fault) else record.attempts[0].fault
        for record in sorted(records, key=lambda record: record.case)
    )
    assert [fault.wire and fault.wire.body for fault in (unread, cut, failed)] == [half.decode()] * 2 + ["x" * 50]
    assert not any(fault.wire and fault.wire.arrivals for fault in (unread, cut, failed))


async def test_what_will_not_pass_is_not_tried_again() -> None:
    async with serving(Reply(status=400, chunks=(b"no",))) as endpoint:
        records = await ask(endpoint)
    assert all(isinstance(record.reply, Fault) and record.reply.kind == "bad_request" for record in records)
    assert len(endpoint.received) == len(CASES) and not any(record.attempts for record in records)


async def test_a_fault_has_neither_answer_nor_score() -> None:
    async with serving(Reply(status=500)) as endpoint:
        records = await ask(endpoint)
    assert all(record.score is None and record.answer is None and len(record.attempts) == 2 for record in records)


async def test_silence_is_a_timeout() -> None:
    async with serving(Reply(silent=True)) as endpoint:
        records = await ask(endpoint, replace(OLD, timeout=0.05), pace=replace(QUICK, retries=0, width=12))
    assert {record.reply.kind for record in records if isinstance(record.reply, Fault)} == {"timeout"}


async def test_a_malformed_call_is_an_answer_and_is_never_asked_again() -> None:
    def malformed(request: Received) -> Reply:
        return Reply(chunks=tuple(chunk.replace(b'"{\\"n\\"', b'"{n') for chunk in answer(request).chunks))

    async with serving(malformed) as endpoint:
        records = await ask(endpoint)
    assert len(endpoint.received) == len(CASES)
    assert all(record.score is not None and record.score.parsed is False for record in records)


async def test_a_plug_in_that_breaks_costs_its_answer_and_not_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        async def ask(self, request: Request) -> Response:
            if request.case.id == "case-3":
                raise ZeroDivisionError("oh")
            return Response(wire=Wire(status=200, body=answered(request)), dialect="openai_chat")

        async def close(self) -> None: ...

    def answered(request: Request) -> str:
        return answer(Received(path="", headers={}, text=json.dumps(request.body))).chunks[0].decode()

    class Provider:
        def connect(self, target: Target, world: World) -> Broken:
            return Broken()

    monkeypatch.setattr(plugins, "provider", lambda name: Provider())
    worth = judge.records(SUITE, Judging())
    records = [worth(r) async for r in pipeline.ask([pipeline.plan(SUITE, (OLD,), 1)], SUITE, (OLD,), WORLD, QUICK)]
    faults = [record for record in records if isinstance(record.reply, Fault)]
    assert [(f.case, f.reply.kind) for f in faults if isinstance(f.reply, Fault)] == [("case-3", "plugin")]
    assert "ZeroDivisionError: oh" in str(faults[0].reply) and len(records) == len(CASES)


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


async def test_an_answer_is_priced_where_the_prices_are_known() -> None:
    priced = replace(OLD, input_price=2.0, output_price=10.0)
    async with serving(answer) as endpoint:
        records = await ask(endpoint, priced, NEW)
    costs = {record.target: record.answer.usage.cost for record in records if record.answer is not None}
    assert costs == {"old": pytest.approx(0.003), "new": None}


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


async def test_a_refusal_that_names_a_wait_pauses_all_that_is_asked_of_that_target() -> None:
    refused: float | None = None
    sent: list[float] = []

    def limited(request: Received) -> Reply:
        nonlocal refused
        now = asyncio.get_running_loop().time()
        if refused is None:
            refused = now
            return Reply(status=429, headers={"Retry-After": "0.2"}, chunks=(b"{}",))
        sent.append(now - refused)
        return answer(request)

    async with serving(limited) as endpoint:
        await ask(endpoint, pace=replace(QUICK, width=1))
    assert len(sent) == len(CASES) and min(sent) >= 0.2


async def test_no_attempt_goes_beyond_the_time_of_the_case() -> None:
    pace = replace(QUICK, retries=100, first_wait=0.02, case_timeout=0.15, width=12)
    async with serving(Reply(status=500, chunks=(b"busy",))) as endpoint:
        failing = await ask(endpoint, pace=pace)
    async with serving(Reply(silent=True)) as endpoint:
        silent = await ask(endpoint, pace=pace)
    assert {len(record.attempts) for record in failing} <= {2, 3}
    assert {record.reply.kind for record in silent if isinstance(record.reply, Fault)} == {"timeout"}
    assert not any(record.attempts for record in silent)


async def test_refusals_are_counted_apart_from_failures() -> None:
    asked: dict[str, int] = {}

    def refusing(request: Received) -> Reply:
        number = asked[request.text] = asked.get(request.text, 0) + 1
        return answer(request) if number > 6 else Reply(status=429, headers={"Retry-After": "0"}, chunks=(b"{}",))

    async with serving(refusing) as endpoint:
        records = await ask(endpoint)
    assert {len(record.attempts) for record in records} == {6}
    assert all(isinstance(record.reply, Response) for record in records)


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
            return Reply(status=429, headers={"Retry-After": "2"})
        return answer(request)

    refused: list[Received] = []
    async with serving(reply) as endpoint:
        both = [replace(target, base_url=f"{endpoint.url}/v1") for target in (OLD, NEW)]
        requests = pipeline.plan(SUITE, both, trials=2)
        came = [each.target async for each in pipeline.ask([requests], SUITE, both, WORLD, replace(QUICK, width=2))]
    assert came.count("old") == came.count("new") == 2 * len(CASES)
    assert "new" not in came[-len(CASES) :], "all of it came while the other was waited for"
