"""One request: attempts made again and kept, waits that are named, doors that close, faults by their kinds."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from evalkit import cache, judge, pipeline, plugins
from evalkit.data import Fault, Judging, Request, Response, Serve, Target, Wire
from evalkit.plugins import World
from tests.asked import CASES, NEW, OLD, QUICK, SUITE, WORLD, answer, ask
from tests.endpoints import Received, Reply, serving


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
        isinstance(r.reply, Response) and r.reply.timing.queued is not None and r.reply.timing.queued < 0.05
        for r in records
    ), "what was backed off is not told once more as a queue"


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


async def test_nobody_waits_for_a_server_of_ours_that_is_gone() -> None:
    def going(request: Received) -> Reply:
        return answer(request) if len(endpoint.received) == 1 else Reply(status=503, chunks=(b"{}",))

    served = replace(OLD, serve=Serve(engine="vllm", model="m"))
    async with serving(going) as endpoint:
        records = await ask(endpoint, served, pace=replace(QUICK, width=1, outage=1.0))
    gone = [record for record in records if isinstance(record.reply, Fault)]
    assert len(gone) == len(CASES) - 1
    assert all(len(record.attempts) <= QUICK.retries for record in gone)


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


async def test_a_call_that_the_endpoint_could_not_read_is_an_answer_and_is_never_asked_again(tmp_path: Path) -> None:
    said = '<function=go>{"n": 1</function>'
    error = {"message": "Failed to call a function.", "code": "tool_use_failed", "failed_generation": said}
    reply = Reply(status=400, chunks=(json.dumps({"error": error}).encode(),))
    with cache.open_cache(tmp_path) as kept:
        async with serving(reply) as endpoint:
            records = [*await ask(endpoint, cache=kept), *await ask(endpoint, cache=kept)]
    assert len(endpoint.received) == len(CASES) and sum(bool(record.cached) for record in records) == len(CASES)
    for record in records:
        assert isinstance(record.reply, Response) and record.reply.wire.status == 400
        assert record.score is not None and (record.score.called, record.score.correct) == (False, False)
        assert record.answer is not None and record.answer.text == said


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


async def test_an_answer_is_priced_where_the_prices_are_known() -> None:
    priced = replace(OLD, input_price=2.0, output_price=10.0)
    async with serving(answer) as endpoint:
        records = await ask(endpoint, priced, NEW)
    costs = {record.target: record.answer.usage.cost for record in records if record.answer is not None}
    assert costs == {"old": pytest.approx(0.003), "new": None}


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
    pace = replace(QUICK, retries=100, first_wait=0.02, longest_wait=0.04, case_timeout=0.15, width=12)
    async with serving(Reply(status=500, chunks=(b"busy",))) as endpoint:
        failing = await ask(endpoint, pace=pace)
    async with serving(Reply(silent=True)) as endpoint:
        silent = await ask(endpoint, pace=pace)
    assert {len(record.attempts) for record in failing} <= {2, 3, 4}
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
