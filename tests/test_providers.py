"""The two providers that need no network: the reference models and a stored run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from msgspec.structs import replace

from evalkit import extract, plugins
from evalkit.data import (
    ArgRule,
    Case,
    Expectation,
    ExpectedCall,
    Fault,
    Json,
    Judging,
    Record,
    Request,
    Response,
    Run,
    RunInfo,
    Suite,
    Target,
    Timing,
    ToolSpec,
)
from evalkit.errors import InputError, ProviderError, StoreError
from evalkit.plugins import World
from evalkit.request import Builder

SPEC = ToolSpec(
    name="find_room",
    description="Find a room.",
    schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    source="test",
)
WANTED = Expectation(calls=(ExpectedCall(tool="find_room", args=(ArgRule(path="/city", value="Oslo"),)),))
ASKED = ({"role": "user", "content": "A room in Oslo"},)
CASES = tuple(Case(id=id, messages=ASKED, tools=("find_room",), accept=(WANTED,)) for id in ("a", "b", "c"))
SUITE = Suite(name="rooms", specs={"find_room": SPEC}, cases=CASES, digest="d")


def no_run(name: str) -> NoReturn:
    raise StoreError(f"{name}: no such run")


def world(load_run: Callable[[str], Run] = no_run) -> World:
    return World(environ={}, load_run=load_run)


def target(provider: str, model: str, *, stream: bool = False, **options: Json) -> Target:
    return Target(name="t", provider=provider, model=model, stream=stream, options=options)


def request(case: Case, wanted: Target, trial: int = 0) -> Request:
    return Builder(SUITE).build(case, trial, wanted)


async def ask(
    wanted: Target, case: Case = CASES[0], trial: int = 0, load_run: Callable[[str], Run] = no_run
) -> Response:
    connection = plugins.provider(wanted.provider).connect(wanted, world(load_run))
    try:
        return await connection.ask(request(case, wanted, trial))
    finally:
        await connection.close()


# --------------------------------------------------------------------------- reference


@pytest.mark.parametrize("stream", [False, True])
async def test_a_reference_model_answers_in_wire_format(stream: bool) -> None:
    response = await ask(target("reference", "oracle", stream=stream))
    assert response.wire.stream is stream
    assert response.wire.body.startswith("data: " if stream else "{")
    answer = extract.read(response)
    assert [(p.tool, p.value) for p in answer.payloads] == [("find_room", {"city": "Oslo"})]
    assert answer.served_by == "reference/oracle"
    assert answer.violations == ()
    assert (answer.usage.input_tokens or 0) > (answer.usage.output_tokens or 0) > 0


async def test_the_same_question_gets_the_same_bytes() -> None:
    for model in ("oracle", "sampler", "lexical"):
        first, second = [await ask(target("reference", model), trial=2) for _ in range(2)]
        assert first.wire == second.wire
    bodies = {(await ask(target("reference", "sampler"), trial=trial)).wire.body for trial in range(5)}
    assert len(bodies) == 5


@pytest.mark.parametrize("stream", [False, True])
async def test_latency_is_told_and_not_waited_for(stream: bool) -> None:
    began = time.perf_counter()
    timing = (await ask(target("reference", "oracle", stream=stream, latency=30))).timing
    assert time.perf_counter() - began < 5
    assert timing.total is not None
    assert 5 < timing.total < 120
    assert (timing.first_token is not None) is stream
    assert (timing.arguments_done is not None) is stream


async def test_latency_is_waited_for_on_request() -> None:
    began = time.perf_counter()
    response = await ask(target("reference", "oracle", latency=0.1, jitter=0, sleep=True))
    assert time.perf_counter() - began >= 0.1
    assert response.timing.total == pytest.approx(0.1)


async def test_without_latency_no_time_is_claimed() -> None:
    assert (await ask(target("reference", "oracle"))).timing == Timing()


async def test_what_a_client_made_of_it_comes_along() -> None:
    response = await ask(target("reference", "faulty", kind="client.normalised"))
    assert response.client is not None
    assert [v.code for v in extract.read(response).violations] == ["client.normalised"]


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("orcale", {}, "did you mean 'oracle'"),
        ("faulty", {}, "name a violation code"),
        ("oracle", {"speed": 1}, "no option of reference/oracle is called 'speed'"),
    ],
)
def test_a_reference_model_that_does_not_exist_is_refused_before_it_is_asked(
    model: str, options: dict[str, Json], words: str
) -> None:
    wanted = target("reference", model, **options)
    with pytest.raises(InputError, match=words):
        plugins.provider("reference").connect(wanted, world())


# --------------------------------------------------------------------------- replay


async def stored() -> Run:
    """Cases a and b, asked twice of the sampler; b's second answer is a fault, c was never asked."""
    model = replace(target("reference", "sampler"), name="old")
    records = [
        Record(
            case=case.id,
            trial=trial,
            target="old",
            started="2026-01-01T00:00:00Z",
            sent="",
            reply=replace(await ask(model, case, trial), timing=Timing(total=1.5)),
        )
        for case in CASES[:2]
        for trial in range(2)
    ]
    records[-1] = replace(records[-1], reply=Fault(kind="rate_limit", message="busy", status=429, retryable=True))
    info = RunInfo(
        id="r",
        created="2026-01-01T00:00:00Z",
        suite_name="rooms",
        suite_digest="d",
        cases=3,
        targets=(model,),
        trials=2,
        judging=Judging(),
        versions={},
    )
    return Run(info=info, suite=SUITE, records=tuple(records))


async def test_replay_answers_what_was_answered() -> None:
    run = await stored()
    opened: list[str] = []

    def load(name: str) -> Run:
        opened.append(name)
        return run

    for record in run.records[:3]:
        case = next(case for case in CASES if case.id == record.case)
        assert await ask(target("replay", "old", run="nightly"), case, record.trial, load) == record.reply
    assert opened == ["nightly"] * 3


async def test_a_replayed_fault_is_final_and_a_missing_answer_says_so() -> None:
    run = await stored()
    replay = target("replay", "old", run="nightly")
    with pytest.raises(ProviderError, match="busy") as caught:
        await ask(replay, CASES[1], 1, lambda name: run)
    assert (caught.value.kind, caught.value.status, caught.value.retryable) == ("rate_limit", 429, False)
    with pytest.raises(ProviderError, match="no answer to this case in trial 0") as caught:
        await ask(replay, CASES[2], 0, lambda name: run)
    assert (caught.value.kind, caught.value.retryable) == ("unsupported", False)


async def test_a_replay_that_cannot_work_is_refused_before_it_is_asked() -> None:
    run = await stored()

    def connect(model: str, **options: Json) -> None:
        plugins.provider("replay").connect(target("replay", model, **options), world(lambda name: run))

    with pytest.raises(InputError, match="name it: replay/old[?]run=NAME"):
        connect("old")
    with pytest.raises(InputError, match="no target 'olf'; did you mean 'old'"):
        connect("olf", run="nightly")
    with pytest.raises(InputError, match="no option 'rum'"):
        connect("old", rum="nightly")
    with pytest.raises(StoreError, match="no such run"):
        plugins.provider("replay").connect(target("replay", "old", run=str(Path("gone"))), world())
