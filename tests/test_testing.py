"""The reference server speaks six formats over real HTTP, finds the case that is asked, and breaks on request."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from evalkit import eventstream, plugins, testing
from evalkit.arms import prompted
from evalkit.data import Answer, ArgRule, Case, Expectation, ExpectedCall, Json, Suite, ToolSpec, Wire
from evalkit.errors import InputError, ProviderError

SPEC = ToolSpec(
    name="find_room",
    description="Find a room.",
    schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    source="test",
)
DOTTED = ToolSpec(name="calendar.find", description="Find a slot.", schema={"type": "object"}, source="test")


def case(
    id: str, *messages: tuple[str, str], city: str | None = "Zürich", tools: tuple[str, ...] = ("find_room",)
) -> Case:
    call = ExpectedCall(tool=tools[0], args=(ArgRule(path="/city", value=city),) if city else ())
    return Case(
        id=id,
        messages=tuple({"role": role, "content": content} for role, content in messages),
        tools=tools,
        accept=(Expectation(calls=(call,)),),
    )


SUITE = Suite(
    name="rooms",
    specs={"find_room": SPEC, "calendar.find": DOTTED},
    cases=(
        case("a", ("system", "Be brief."), ("user", "A room in Zürich 😀")),
        case("oslo", ("user", "In Oslo."), ("assistant", "What?"), ("user", "A room."), city="Oslo"),
        case("bergen", ("user", "In Bergen."), ("assistant", "What?"), ("user", "A room."), city="Bergen"),
        case("slot", ("user", "A slot."), city=None, tools=("calendar.find", "find_room")),
        *(case(f"many-{n}", ("user", f"Room {n}"), city=f"City {n}") for n in range(200)),
    ),
)
CHAT = "A room in  Zürich 😀"
TOOLS: dict[str, Json] = {
    "openai_chat": [{"type": "function", "function": {"name": "find_room", "parameters": {}}}],
    "anthropic": [{"name": "find_room", "input_schema": {}}],
    "gemini": [{"functionDeclarations": [{"name": "find_room"}]}],
    "openai_responses": [{"type": "function", "name": "find_room", "parameters": {}}],
    "ollama": [{"type": "function", "function": {"name": "find_room", "parameters": {}}}],
    "bedrock": [{"toolSpec": {"name": "find_room", "inputSchema": {"json": {}}}}],
}
FORMATS = tuple(TOOLS)
STREAM_TYPES = {"ollama": "application/x-ndjson", "bedrock": eventstream.CONTENT_TYPE}


def body(dialect: str, text: str, model: str, stream: bool) -> tuple[str, Json]:
    """(path and query, body) of a request as that format's clients send it."""
    if dialect == "gemini":
        action = "streamGenerateContent?alt=sse" if stream else "generateContent"
        contents = [{"role": "user", "parts": [{"text": text}]}]
        return f"/v1beta/models/{model}:{action}", {"contents": contents, "tools": TOOLS[dialect]}
    if dialect == "bedrock":
        messages = [{"role": "user", "content": [{"text": text}]}]
        action = "converse-stream" if stream else "converse"
        return f"/model/{quote(model)}/{action}", {"messages": messages, "toolConfig": {"tools": TOOLS[dialect]}}
    rest = {"model": model, "stream": stream, "tools": TOOLS[dialect]}
    if dialect == "openai_responses":
        content = [{"type": "input_text", "text": text}]
        return "/v1/responses", {**rest, "input": [{"role": "user", "content": content}]}
    if dialect == "ollama":
        return "/api/chat", {**rest, "messages": [{"role": "user", "content": text}]}
    if dialect == "anthropic":
        content = [{"type": "text", "text": text}]
        return "/v1/messages", {**rest, "messages": [{"role": "user", "content": content}], "max_tokens": 9}
    return "/v1/chat/completions", {**rest, "messages": [{"role": "user", "content": text}]}


@pytest.fixture(scope="module")
def server() -> Iterator[testing.Server]:
    with testing.running(SUITE) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def post(
    session: aiohttp.ClientSession, url: str, dialect: str = "openai_chat", text: str = CHAT, model: str = "oracle",
    *, stream: bool = False, fault: str = "",
) -> tuple[Wire, str]:  # fmt: skip
    """The wire, and the content type without its parameters."""
    path, payload = body(dialect, text, model, stream)
    headers = {testing.HEADER: fault} if fault else {}
    async with session.post(url + path, json=payload, headers=headers) as response:
        received = await response.read()
    binary = response.content_type == eventstream.CONTENT_TYPE
    text = eventstream.Decoder().decode(received, final=True) if binary else received.decode()
    return Wire(status=response.status, headers=response.headers, body=text), response.content_type


def read(dialect: str, wire: Wire) -> Answer:
    return plugins.dialect(dialect).read(wire)


# --------------------------------------------------------------------------- answers


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", FORMATS)
async def test_every_format_is_answered_in_its_own_words(
    server: testing.Server, session: aiohttp.ClientSession, dialect: str, stream: bool
) -> None:
    wire, content_type = await post(session, server.url, dialect, stream=stream)
    sort = STREAM_TYPES.get(dialect, "text/event-stream") if stream else "application/json"
    assert (wire.status, content_type) == (200, sort)
    answer = read(dialect, wire)
    assert [(p.tool, p.value) for p in answer.payloads] == [("find_room", {"city": "Zürich"})]
    assert answer.served_by == (None if dialect == "bedrock" else "oracle")
    assert (answer.usage.input_tokens or 0) > 0


async def test_a_question_of_responses_may_be_one_text(server: testing.Server, session: aiohttp.ClientSession) -> None:
    payload = {"model": "oracle", "input": CHAT, "tools": TOOLS["openai_responses"]}
    async with session.post(server.openai_url + "/responses", json=payload) as response:
        wire = Wire(status=200, body=await response.text())
    assert [p.value for p in read("openai_responses", wire).payloads] == [{"city": "Zürich"}]


async def test_ollama_streams_unless_told_not_to(server: testing.Server, session: aiohttp.ClientSession) -> None:
    path, payload = body("ollama", CHAT, "oracle", True)
    del payload["stream"]
    async with session.post(server.url + path, json=payload) as response:
        assert response.content_type == "application/x-ndjson"


async def test_gemini_streams_an_array_without_alt_sse(server: testing.Server, session: aiohttp.ClientSession) -> None:
    path, payload = body("gemini", CHAT, "oracle", True)
    async with session.post(server.url + path.removesuffix("?alt=sse"), json=payload) as response:
        assert response.content_type == "application/json"
        wire = Wire(status=200, body=await response.text())
    assert len(json.loads(wire.body)) > 1
    assert [p.value for p in read("gemini", wire).payloads] == [{"city": "Zürich"}]


async def test_a_system_message_folded_into_the_users_by_a_client_does_not_hide_the_question(
    server: testing.Server, session: aiohttp.ClientSession
) -> None:
    path, payload = body("gemini", CHAT, "oracle", False)
    payload["contents"][0]["parts"].insert(0, {"text": "Be brief."})
    async with session.post(server.url + path, json=payload) as response:
        wire = Wire(status=response.status, body=await response.text())
    assert [p.value for p in read("gemini", wire).payloads] == [{"city": "Zürich"}]


@pytest.mark.parametrize("dialect", FORMATS)
async def test_the_model_named_in_the_request_speaks(
    server: testing.Server, session: aiohttp.ClientSession, dialect: str
) -> None:
    wire, _ = await post(session, server.url, dialect, model="faulty;kind=tool.unknown", stream=True)
    assert [p.tool for p in read(dialect, wire).payloads] == ["find_room_v2"]


async def test_options_may_stand_behind_a_question_mark(server: testing.Server, session: aiohttp.ClientSession) -> None:
    wire, _ = await post(session, server.url, model="reference/faulty?kind=json.fenced&rate=1.0")
    assert [p.error for p in read("openai_chat", wire).payloads] == ["json.fenced"]


async def test_of_cases_with_one_last_message_the_history_decides(
    server: testing.Server, session: aiohttp.ClientSession
) -> None:
    for city in ("Oslo", "Bergen"):
        messages = [{"role": "user", "content": f"In {city}."}, {"role": "assistant", "content": "What?"}]
        messages.append({"role": "user", "content": "A room."})
        payload = {"model": "oracle", "messages": messages, "tools": TOOLS["openai_chat"]}
        async with session.post(server.openai_url + "/chat/completions", json=payload) as response:
            assert city in await response.text()


async def test_a_renamed_tool_is_called_by_the_name_it_was_sent_by(
    server: testing.Server, session: aiohttp.ClientSession
) -> None:
    tools = [{"name": "find_room"}, {"name": "calendar_find"}]
    payload = {"model": "oracle", "messages": [{"role": "user", "content": "A slot."}], "tools": tools}
    async with session.post(server.anthropic_url + "/v1/messages", json=payload) as response:
        wire = Wire(status=200, body=await response.text())
    assert [p.tool for p in read("anthropic", wire).payloads] == ["calendar_find"]


async def test_a_seed_in_the_request_gives_another_answer(
    server: testing.Server, session: aiohttp.ClientSession
) -> None:
    path, payload = body("openai_chat", CHAT, "sampler", False)
    told = set()
    for seed in (1, 1, 2, 3, 4):
        async with session.post(server.url + path, json={**payload, "seed": seed}) as response:
            told.add(await response.text())
    assert 1 < len(told) <= 4


# --------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("dialect", FORMATS)
async def test_an_unknown_question_gets_the_formats_own_404(
    server: testing.Server, session: aiohttp.ClientSession, dialect: str
) -> None:
    wire, _ = await post(session, server.url, dialect, text="Who are you?")
    assert wire.status == 404
    with pytest.raises(ProviderError, match="no case asks 'Who are you[?]' with the tools find_room") as caught:
        read(dialect, wire)
    assert caught.value.kind == ("bad_request" if dialect.startswith("openai") else "unsupported")


@pytest.mark.parametrize("dialect", FORMATS)
async def test_an_unknown_model_gets_the_formats_own_404_too(
    server: testing.Server, session: aiohttp.ClientSession, dialect: str
) -> None:
    wire, _ = await post(session, server.url, dialect, model="orakle")
    assert wire.status == 404
    with pytest.raises(ProviderError, match="did you mean 'oracle'"):
        read(dialect, wire)


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [("/v1/chat/completions", b"{", 400), ("/v1/chat/completions", b"[]", 404), ("/v1/embeddings", b"{}", 404)],
)
async def test_what_is_no_question_is_refused(
    server: testing.Server, session: aiohttp.ClientSession, path: str, sent: bytes, status: int
) -> None:
    async with session.post(server.url + path, data=sent) as response:
        assert response.status == status
        assert "message" in (await response.json())["error"]


async def test_the_models_are_listed(server: testing.Server, session: aiohttp.ClientSession) -> None:
    async with session.get(server.openai_url + "/models") as response:
        assert {model["id"] for model in (await response.json())["data"]} == {"oracle", "sampler", "lexical", "faulty"}


# --------------------------------------------------------------------------- faults


@pytest.mark.parametrize("dialect", FORMATS)
@pytest.mark.parametrize(("fault", "status"), [("rate_limit", 429), ("server_error", 500)])
async def test_errors_come_in_the_formats_own_words(
    server: testing.Server, session: aiohttp.ClientSession, dialect: str, fault: str, status: int
) -> None:
    wire, _ = await post(session, server.url, dialect, fault=fault)
    assert wire.status == status
    assert wire.headers.get("Retry-After") == ("1" if status == 429 else None)
    with pytest.raises(ProviderError) as caught:
        read(dialect, wire)
    assert caught.value.retryable


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", FORMATS)
async def test_a_cut_answer_ends_in_a_broken_connection(
    server: testing.Server, session: aiohttp.ClientSession, dialect: str, stream: bool
) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        await post(session, server.url, dialect, stream=stream, fault="cut_stream")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", FORMATS)
async def test_a_truncated_body_is_whole_to_http_and_no_answer(
    server: testing.Server, session: aiohttp.ClientSession, dialect: str, stream: bool
) -> None:
    wire, _ = await post(session, server.url, dialect, stream=stream, fault="truncated_body")
    assert wire.status == 200
    with pytest.raises(ProviderError) as caught:
        read(dialect, wire)
    assert caught.value.kind == "network"


@pytest.mark.parametrize("stream", [False, True])
async def test_faults_of_what_is_said(server: testing.Server, session: aiohttp.ClientSession, stream: bool) -> None:
    async def told(fault: str) -> Answer:
        return read("openai_chat", (await post(session, server.url, stream=stream, fault=fault))[0])

    assert [p.id for p in (await told("missing_ids")).payloads] == [None]
    assert [p.error for p in (await told("malformed_arguments")).payloads] == ["json.syntax"]
    leaked = await told("call_in_content")
    assert leaked.payloads == ()
    assert "find_room" in leaked.text


async def test_the_wrong_content_type(server: testing.Server, session: aiohttp.ClientSession) -> None:
    wire, content_type = await post(session, server.url, fault="wrong_content_type")
    assert content_type == "text/plain"
    assert read("openai_chat", wire).payloads


async def test_a_slow_stream_arrives_bit_by_bit(server: testing.Server, session: aiohttp.ClientSession) -> None:
    path, payload = body("openai_chat", CHAT, "oracle", True)
    began = time.perf_counter()
    arrivals = []
    async with session.post(server.url + path, json=payload, headers={testing.HEADER: "slow_stream"}) as response:
        async for _ in response.content.iter_any():
            arrivals.append(time.perf_counter() - began)
    assert len(arrivals) > 4
    assert arrivals[-1] - arrivals[0] > 0.05


async def test_a_hanging_server_does_not_answer_and_can_still_be_stopped(session: aiohttp.ClientSession) -> None:
    began = time.perf_counter()
    async with testing.serve(SUITE, faults=["hang"]) as hanging:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(post(session, hanging.url), 0.1)
        task = asyncio.create_task(post(session, hanging.url))
        await asyncio.sleep(0.05)
    assert time.perf_counter() - began < 3
    with pytest.raises(aiohttp.ClientError):
        await task


async def test_latency_is_waited_for(server: testing.Server, session: aiohttp.ClientSession) -> None:
    for stream in (False, True):
        began = time.perf_counter()
        wire, _ = await post(session, server.url, model="oracle;latency=0.2;jitter=0.01", stream=stream)
        assert 0.18 < time.perf_counter() - began < 1
        assert read("openai_chat", wire).payloads


async def statuses(session: aiohttp.ClientSession, url: str, texts: list[str]) -> list[int]:
    return [(await post(session, url, text=text))[0].status for text in texts]


async def test_the_first_requests_meet_a_fault(session: aiohttp.ClientSession) -> None:
    async with testing.serve(SUITE, faults=["rate_limit=first:2"]) as server:
        assert await statuses(session, server.url, [CHAT] * 4) == [429, 429, 200, 200]


async def test_a_rate_is_kept_and_does_not_depend_on_the_order(session: aiohttp.ClientSession) -> None:
    texts = [f"Room {n}" for n in range(200)]
    found = []
    for order in (texts, texts[::-1]):
        async with testing.serve([SUITE], faults=["server_error=0.25"], seed=4) as server:
            got = dict(zip(order, await statuses(session, server.url, order), strict=True))
            assert server.count == 200
            found.append({text for text, status in got.items() if status == 500})
    assert found[0] == found[1]
    assert 30 < len(found[0]) < 70


async def test_another_attempt_may_fare_better(session: aiohttp.ClientSession) -> None:
    async with testing.serve(SUITE, faults=["server_error=0.5"]) as server:
        assert len(set(await statuses(session, server.url, [CHAT] * 20))) == 2


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("rate_limt", "did you mean 'rate_limit'"),
        ("rate_limit=often", "write it like"),
        ("rate_limit=first:x", "write it like"),
        ("rate_limit=2", "between 0 and 1"),
    ],
)
async def test_a_fault_that_does_not_exist_is_refused(fault: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        async with testing.serve(SUITE, faults=[fault]):
            pass
    with pytest.raises(InputError, match=words), testing.running(SUITE, faults=[fault]):
        pass


async def test_a_fault_asked_for_that_does_not_exist_is_a_bad_request(
    server: testing.Server, session: aiohttp.ClientSession
) -> None:
    assert (await post(session, server.url, fault="rate_limt"))[0].status == 400


# --------------------------------------------------------------------------- the server


def test_what_was_asked_can_be_looked_at() -> None:
    import urllib.request

    with testing.running(SUITE) as server:
        _, payload = body("openai_chat", CHAT, "oracle", False)
        request = urllib.request.Request(
            server.openai_url + "/chat/completions", json.dumps(payload).encode(), {"Authorization": "Bearer x"}
        )
        with urllib.request.urlopen(request) as response:
            assert response.status == 200
        assert [seen.json for seen in server.requests] == [payload]
        assert server.requests[0].headers["Authorization"] == "Bearer x"
        assert server.requests[0].path == "/v1/chat/completions"


async def test_a_port_that_is_taken_is_refused(server: testing.Server) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(InputError, match=f"port {port} cannot be used"):
        async with testing.serve(SUITE, port=port):
            pass


async def test_serving_forever_says_where_and_ends_when_interrupted() -> None:
    lines: list[str] = []

    def stop_after_the_last(line: str) -> None:
        lines.append(line)
        if "Bedrock" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await asyncio.to_thread(testing.run_forever, SUITE, announce=stop_after_the_last)
    assert "http://127.0.0.1:" in lines[0]
    assert "oracle" in lines[0]


async def test_many_requests_at_once_are_answered(server: testing.Server, session: aiohttp.ClientSession) -> None:
    answers: list[Any] = await asyncio.gather(
        *(post(session, server.url, dialect, text=f"Room {n}") for n in range(200) for dialect in FORMATS)
    )
    for (wire, _), (n, dialect) in zip(answers, ((n, d) for n in range(200) for d in FORMATS), strict=True):
        assert [p.value for p in read(dialect, wire).payloads] == [{"city": f"City {n}"}]


# --------------------------------------------------------------------------- arms


@pytest.mark.parametrize("dialect", FORMATS)
async def test_tools_in_the_systems_words_are_called_in_the_text(
    dialect: str, server: testing.Server, session: aiohttp.ClientSession
) -> None:
    path, asked = body(dialect, CHAT, "oracle", stream=False)
    asked.pop("tools", None)
    asked.pop("toolConfig", None)
    told = prompted.system([SPEC])
    if dialect in ("openai_chat", "ollama"):
        asked["messages"].insert(0, {"role": "system", "content": f"Be brief.\n\n{told}"})
    elif dialect == "openai_responses":
        asked["instructions"] = told
    elif dialect == "bedrock":
        asked["system"] = [{"text": told}]
    elif dialect == "anthropic":
        asked["system"] = [{"type": "text", "text": told}]
    else:
        asked["system_instruction"] = {"parts": [{"text": told}]}
    async with session.post(server.url + path, json=asked) as response:
        answer = plugins.dialect(dialect).read(Wire(status=response.status, body=await response.text()))
    assert answer.payloads == ()
    assert answer.text == '[{"name": "find_room", "arguments": {"city": "Zürich"}}]'


async def test_a_strict_function_is_answered_with_every_argument(session: aiohttp.ClientSession) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "beds": {"type": "integer"}}}
    spec = ToolSpec(name="find_room", description="", schema=schema, source="")
    suite = Suite(name="s", specs={"find_room": spec}, cases=SUITE.cases[:1])
    path, asked = body("openai_chat", CHAT, "oracle", stream=False)
    asked["tools"] = [{"type": "function", "function": {"name": "find_room", "strict": True, "parameters": schema}}]
    async with testing.serve(suite) as strict, session.post(strict.url + path, json=asked) as response:
        answer = plugins.dialect("openai_chat").read(Wire(status=200, body=await response.text()))
    assert answer.payloads[0].value == {"city": "Zürich", "beds": None}
