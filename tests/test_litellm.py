from __future__ import annotations

import asyncio
import copy
import importlib
import inspect
import json
import os
import subprocess
import sys
from functools import cache
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from msgspec.structs import replace

from evalkit import codec, eventstream, extract, messages_api, plugins, repro, testing, workspace
from evalkit.data import Case, FaultKind, Json, Payload, Request, Response, Run, Target, Usage
from evalkit.errors import InputError, ProviderError
from evalkit.plugins import World
from evalkit.providers import _shapes, _tap, litellm
from evalkit.providers._faults import nearest
from evalkit.request import Builder
from tests import strategies
from tests.conversations import atoms, responses_body
from tests.endpoints import Endpoint, Received, Reply, events, serving

MODELS = {"openai_chat": "openai/m", "anthropic": "anthropic/claude-m", "gemini": "gemini/m"}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"to": {"type": "string", "format": "city"}, "seats": {"type": "integer", "exclusiveMinimum": 0}},
    "required": ["to"],
    "additionalProperties": False,
}
TOOLS = [
    {"type": "function", "function": {"name": "book", "description": "Book a flight", "parameters": SCHEMA}},
    {"type": "function", "function": {"name": "air.port/info", "description": "Look up", "parameters": SCHEMA}},
]
USAGE = Usage(input_tokens=3, output_tokens=5)
KEY = "sk-loopback-0123456789"
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
EVERY = pytest.mark.parametrize("dialect", MODELS)

# litellm silences these of its own when it is imported, which pytest undoes after each test.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*`ReadOnly` qualifier:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*Accessing the.*attribute on the instance is deprecated:DeprecationWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def library() -> ModuleType:
    """litellm, imported once: it takes seconds."""
    return litellm._library()


def world(**environ: str) -> World:
    def load_run(name: str) -> Run:
        raise AssertionError("no provider over HTTP loads a run")

    return World(environ=environ, load_run=load_run)


def target(model: str, url: str | None = None, **fields: Any) -> Target:
    return Target(name="m", provider="litellm", model=model, base_url=url, **fields)


def request(target: Target, tools: Json = TOOLS, **body: Json) -> Request:
    messages = ({"role": "user", "content": "Fly me to Tromsø 🛫"},)
    case = Case(id="c", messages=messages, tools=("book",))
    if target.stream:
        body["stream"] = True
    body = {"model": target.model, "messages": list(messages), "tools": tools, **body}
    return Request(case=case, trial=0, target=target, specs=(), body=body)


async def ask(target: Target, asked: Request | None = None, **environ: str) -> Response:
    connection = litellm.connect(target, world(**environ))
    try:
        return await connection.ask(asked or request(target))
    finally:
        await connection.close()


def written(dialect: str, *calls: tuple[str, str], text: str = "", stream: bool = False) -> Reply:
    body = plugins.dialect(dialect).write(calls, text, model="m", usage=USAGE, stream=stream)
    return sent_as(body, stream)


def sent_as(body: str, stream: bool = False) -> Reply:
    kind = "text/event-stream" if stream else "application/json"
    return Reply(chunks=tuple(part.encode() for part in body.splitlines(True)), content_type=kind)


async def fault(reply: Reply, model: str = "openai/m", **fields: Any) -> ProviderError:
    """The error of asking an endpoint that answers with `reply`, once."""
    async with serving(reply) as endpoint:
        with pytest.raises(ProviderError) as caught:
            await ask(target(model, endpoint.url, api_key_env="K", **fields), K=KEY)
        assert len(endpoint.received) == 1
        assert await endpoint.is_idle()
    return caught.value


def payloads(response: Response) -> tuple[Payload, ...]:
    return plugins.dialect(response.dialect).read(response.wire).payloads


# --------------------------------------------------------------------------- below the library


@EVERY
@BOTH
async def test_the_wire_is_recorded_in_the_format_of_the_endpoint(dialect: str, stream: bool) -> None:
    reply = written(dialect, ("book", '{"to":"Tromsø 🛫"}'), ("book", '{"to":"Bodø","seats":2}'), stream=stream)
    async with serving(reply) as endpoint:
        response = await ask(target(MODELS[dialect], endpoint.url, stream=stream))
    assert response.dialect == dialect
    assert response.wire.body.encode() == b"".join(reply.chunks)
    assert response.wire.stream == stream
    assert [payload.value for payload in payloads(response)] == [{"to": "Tromsø 🛫"}, {"to": "Bodø", "seats": 2}]
    assert "error" not in response.client, response.client
    assert [(call["tool"], json.loads(call["text"])) for call in response.client["calls"]] == [
        ("book", {"to": "Tromsø 🛫"}),
        ("book", {"to": "Bodø", "seats": 2}),
    ]
    assert response.timing.total == response.wire.arrivals[-1][1]
    assert (response.timing.first_call_byte is not None) == stream


@EVERY
async def test_the_tools_really_arrive(dialect: str) -> None:
    async with serving(written(dialect, text="Hei")) as endpoint:
        await ask(target(MODELS[dialect], endpoint.url))
    [received] = endpoint.received
    assert "Book a flight" in received.text
    assert '"seats"' in received.text
    assert len(_flat(received.body["tools"])) == 2


def _flat(tools: Json) -> Json:
    return tools[0].get("function_declarations", tools)


@EVERY
async def test_what_the_library_changes_in_the_tools_is_shown_and_stays_there(dialect: str) -> None:
    tools = copy.deepcopy(TOOLS)
    async with serving(written(dialect, text="Hei")) as endpoint:
        response = await ask(*_asking(target(MODELS[dialect], endpoint.url), tools))
    assert tools == TOOLS
    sent = endpoint.received[0].body["tools"]
    assert response.sent == (None if sent == TOOLS else sent)
    assert ("exclusiveMinimum" in json.dumps(sent)) == (dialect != "gemini")


def _asking(target: Target, tools: Json) -> tuple[Target, Request]:
    return target, request(target, tools)


@pytest.mark.parametrize("body", [b'{"messages": []}', b'{"tools": []}', b'{"toolConfig": {}}', b"not json"])
def test_tools_that_never_left_are_seen(body: bytes) -> None:
    assert _shapes.tools_of(_shapes.fields(body)) == []


@EVERY
@BOTH
@pytest.mark.parametrize("more", [{}, {"max_tokens": 77, "tool_choice": "required"}], ids=["bare", "settings"])
async def test_the_whole_body_that_left_can_be_told_again(dialect: str, stream: bool, more: dict[str, Json]) -> None:
    async with serving(written(dialect, text="Hei", stream=stream)) as endpoint:
        asked = target(MODELS[dialect], endpoint.url, stream=stream, api_key_env="MY_KEY")
        question = request(asked, **more)
        system = {"role": "system", "content": "Be brief."}
        question = replace(question, body={**question.body, "messages": [system, *question.body["messages"]]})
        response = await ask(asked, question, MY_KEY=KEY)
    [received] = endpoint.received
    assert repro.left(question.body, response) == received.body
    posted = response.posted
    assert posted is not None and posted.keys == ("MY_KEY",)
    assert posted.url.removeprefix(endpoint.url) == received.path.replace(KEY, "$MY_KEY")
    assert KEY not in json.dumps([posted.url, dict(posted.headers), dict(posted.members)])
    assert "book" not in json.dumps(posted.members)  # tools are told once


async def test_a_member_too_large_to_be_kept_is_named() -> None:
    async with serving(written("anthropic", text="Hei")) as endpoint:
        asked = target(MODELS["anthropic"], endpoint.url)
        question = request(asked)
        question = replace(question, body={**question.body, "messages": [{"role": "user", "content": "x" * 200_000}]})
        response = await ask(asked, question)
    assert response.posted is not None and response.posted.omitted == ("messages",)
    assert "x" * 100 not in codec.encode(response)
    assert "too large to be kept: messages" in repro.curl(question, response).text


def _strictly_asked(model: str, url: str | None = None) -> Request:
    asked = target(model, url, arm="strict")
    suite = workspace.load_suite("office")
    return Builder(suite).build(suite.cases[0], 0, asked)


async def test_gemini_is_asked_strictly_by_its_own_mode_with_schemas_as_declared() -> None:
    async with serving(written("gemini", text="Hei")) as endpoint:
        question = _strictly_asked("gemini/m", endpoint.url)
        response = await ask(question.target, question)
    left = endpoint.received[0].body
    assert left["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}
    assert "strict" not in question.body["tools"][0]["function"]
    assert repro.left(question.body, response) == left


@pytest.mark.parametrize("route", ["azure", "deepseek", "groq", "mistral", "openai", "openrouter", "together_ai"])
async def test_the_flag_of_strict_tools_leaves_on_the_routes_that_are_asked_with_it(route: str) -> None:
    async with serving(written("openai_chat", text="Hei")) as endpoint:
        question = _strictly_asked(f"{route}/m", endpoint.url)
        await ask(question.target, question)
    assert endpoint.received[0].body["tools"] == question.body["tools"]
    assert question.body["tools"][0]["function"]["strict"] is True


@pytest.mark.parametrize("route", ["anthropic", "fireworks_ai", "hosted_vllm", "xai"])
async def test_where_the_flag_is_taken_out_on_the_way_the_arm_is_refused(route: str) -> None:
    with pytest.raises(InputError, match=f"tools cannot be strict for {route}/m: litellm takes the flag out"):
        _strictly_asked(f"{route}/m")
    dialect = "anthropic" if route == "anthropic" else "openai_chat"
    async with serving(written(dialect, text="Hei")) as endpoint:
        asked = target(f"{route}/m", endpoint.url)
        flagged: Json = [{"type": "function", "function": {"name": "book", "strict": True, "parameters": SCHEMA}}]
        await ask(asked, request(asked, flagged))
    assert "strict" not in endpoint.received[0].text


SETTINGS = {
    "openai_chat": {},
    "anthropic": {"tool_choice": {"type": "any"}},
    "gemini": {
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "generationConfig": {"max_output_tokens": 77, "temperature": 1.0},  # which nobody asked for
    },
}


@EVERY
@BOTH
async def test_settings_that_the_library_says_otherwise_are_shown_as_they_left(dialect: str, stream: bool) -> None:
    async with serving(written(dialect, text="Hei", stream=stream)) as endpoint:
        asked = target(MODELS[dialect], endpoint.url, stream=stream)
        response = await ask(asked, request(asked, max_tokens=77, tool_choice="required"))
    assert response.posted is not None
    assert response.posted.settings == SETTINGS[dialect]
    left = endpoint.received[0].body
    assert all(left[key] == value for key, value in response.posted.settings.items())


async def test_a_setting_that_nobody_asked_for_is_shown() -> None:
    async with serving(written("anthropic", text="Hei")) as endpoint:
        response = await ask(target("anthropic/claude-m", endpoint.url))
    assert response.posted is not None
    assert response.posted.settings == {"max_tokens": endpoint.received[0].body["max_tokens"]}


async def test_arguments_are_kept_as_they_were_sent_however_the_library_writes_them() -> None:
    async with serving(written("anthropic", ("book", '{"to":"Bodø"}'), stream=True)) as endpoint:
        response = await ask(target(MODELS["anthropic"], endpoint.url, stream=True))
    assert payloads(response)[0].text == '{"to":"Bodø"}'


def choice(finish: str | None, **message: Json) -> Json:
    return {"choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}]}


async def test_what_the_library_smooths_over_differs_from_the_wire() -> None:
    call = {"type": "function", "function": {"name": "book", "arguments": None}}
    async with serving(sent_as(json.dumps(choice("stop", content=None, tool_calls=[call])))) as endpoint:
        response = await ask(target("openai/m", endpoint.url))
    answer = plugins.dialect("openai_chat").read(response.wire)
    assert (answer.finish, answer.payloads[0].text, answer.payloads[0].id) == ("stop", None, None)
    assert response.client == {"calls": [{"tool": "book", "text": ""}], "finish": "tool_calls", "text": ""}


async def test_calls_that_the_library_loses_in_a_stream_are_on_the_wire() -> None:
    chunk = {
        "choices": [
            {"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"name": "book", "arguments": "{}"}}]}}
        ]
    }
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    async with serving(Reply(chunks=events(chunk, end), content_type="text/event-stream")) as endpoint:
        response = await ask(target("openai/m", endpoint.url, stream=True))
    assert [payload.tool for payload in payloads(response)] == ["book"]
    assert response.client["calls"] == []


async def test_an_answer_that_the_library_cannot_digest_is_an_answer_all_the_same() -> None:
    body = choice(
        "tool_calls",
        content=None,
        tool_calls=[{"id": "1", "type": "function", "function": {"name": "book", "arguments": "{"}}],
    )
    async with serving(sent_as(json.dumps(body))) as endpoint:
        response = await ask(target("groq/m", endpoint.url))
    assert payloads(response)[0].text == "{"
    assert response.client["calls"] == []
    assert "GroqException" in response.client["error"]


@BOTH
async def test_a_call_that_the_endpoint_could_not_read_is_an_answer(stream: bool) -> None:
    """Of which the library makes an exception."""
    error = {"message": "Failed to call a function.", "code": "tool_use_failed", "failed_generation": "<function="}
    body = json.dumps({"error": error})
    whole = Reply(status=400, chunks=(body.encode(),))
    streamed = Reply(chunks=(f"event: error\ndata: {body}\n\n".encode(),), content_type="text/event-stream")
    async with serving(streamed if stream else whole) as endpoint:
        response = await ask(target("groq/m", endpoint.url, stream=stream))
    answer = extract.read(response)
    assert (answer.text, [each.code for each in answer.violations]) == ("<function=", ["call.unreadable"])


@BOTH
async def test_no_tokenizer_is_fetched_for_what_a_model_is_called(
    stream: bool, monkeypatch: pytest.MonkeyPatch, library: ModuleType
) -> None:
    """litellm counts the tokens of a stream by itself, with what it downloads for some names."""

    looked_for: list[str] = []
    monkeypatch.setattr(library.utils, "_return_huggingface_tokenizer", looked_for.append)
    async with serving(written("openai_chat", ("book", "{}"), stream=stream)) as endpoint:
        response = await ask(target("openai/meta-llama-3", endpoint.url, stream=stream))
    assert [payload.tool for payload in payloads(response)] == ["book"] and looked_for == []


async def test_a_character_cut_by_a_chunk_is_whole_again() -> None:
    whole = b"".join(written("openai_chat", text="東京 🛫", stream=True).chunks)
    pieces = tuple(whole[at : at + 3] for at in range(0, len(whole), 3))
    async with serving(Reply(chunks=pieces, content_type="text/event-stream", pause=1e-9)) as endpoint:
        response = await ask(target("openai/m", endpoint.url, stream=True))
    assert response.wire.body.encode() == whole
    assert response.client["text"] == "東京 🛫"


async def test_a_format_without_a_dialect_is_never_scored_by_the_clients_view() -> None:
    answer = {"id": "1", "finish_reason": "COMPLETE", "message": {"role": "assistant", "content": []}}
    error = await fault(sent_as(json.dumps(answer)), "openai/m")
    assert (error.kind, error.status, error.retryable) == ("unsupported", 200, False)
    assert "/chat/completions" in error.message
    assert "openai_chat" in error.message


CLAUDE = "anthropic.claude-3-5-sonnet-20240620-v1:0"
ROUTES: dict[str, tuple[str, str]] = {
    "openai/m": ("openai_chat", "/chat/completions"),
    "openai/responses/m": ("openai_responses", "/responses"),
    "azure/m": ("openai_chat", "/openai/deployments/m/chat/completions"),
    "anthropic/claude-m": ("anthropic", "/v1/messages"),
    f"bedrock/{CLAUDE}": ("bedrock", f"/model/{CLAUDE}/converse"),
    "gemini/m": ("gemini", "/models/m:generateContent"),
    "vertex_ai/gemini-m": ("gemini", "/v1/projects/p/locations/eu/publishers/google/models/gemini-m:generateContent"),
    "mistral/m": ("openai_chat", "/v1/chat/completions"),
    "groq/m": ("openai_chat", "/chat/completions"),
    "together_ai/m": ("openai_chat", "/chat/completions"),
    "openrouter/m": ("openai_chat", "/chat/completions"),
    "deepseek/m": ("openai_chat", "/chat/completions"),
}
WHERE = {
    "azure": {"api_version": "2025-01-01"},
    "bedrock": {"aws_region_name": "us-east-1"},
    "vertex_ai": {"vertex_location": "eu"},
}


@cache
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    shape = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*shape).decode()


def credentials(endpoint: Endpoint) -> str:
    """Those of an account of Google's whose tokens are given out by `endpoint`."""
    account = {"type": "service_account", "project_id": "p", "client_email": "a@b", "private_key": private_key()}
    return json.dumps({**account, "token_uri": f"{endpoint.url}/token"})


TOKEN = Reply(chunks=(b'{"access_token": "ya29.loopback", "expires_in": 3600, "token_type": "Bearer"}',))


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@BOTH
@pytest.mark.parametrize("model", ROUTES)
async def test_of_every_route_what_left_and_what_came_back_is_recorded(model: str, stream: bool) -> None:
    dialect, path = ROUTES[model]
    calls = [("book", '{"to":"Bodø"}')]
    body = plugins.dialect(dialect).write(calls, "", model="m", usage=USAGE, stream=stream)
    reply = sent_as(body, stream)
    if dialect == "bedrock" and stream:
        reply = Reply(chunks=(eventstream.encode(body),), content_type=eventstream.CONTENT_TYPE)
    async with serving(lambda received: TOKEN if received.path == "/token" else reply) as endpoint:
        options = WHERE.get(model.partition("/")[0], {})
        google = model.startswith("vertex_ai")
        key_env = "MINE" if google else None
        asked = target(model, endpoint.url, stream=stream, options=options, timeout=10, api_key_env=key_env)
        response = await ask(asked, request(asked, tools=TOOLS[:1]), MINE=credentials(endpoint))
    *token, received = endpoint.received
    assert len(token) == google
    assert (received.headers.get("authorization") == "Bearer ya29.loopback") == google
    assert bool(received.body.get("stream", "stream" in received.path)) == stream
    asked_at = unquote(received.path.split("?")[0]).removesuffix("-stream")
    assert asked_at.replace("streamGenerate", "generate") == path
    assert "Fly me to Troms" in received.text
    assert (response.dialect, response.wire.body) == (dialect, body)
    if model != "groq/m" or stream:  # there litellm trips over an answer that names no service tier
        shown = [(call["tool"], json.loads(call["text"])) for call in response.client["calls"]]
        assert shown == [("book", {"to": "Bodø"})]
    assert (response.timing.first_call_byte is not None) == stream
    assert [(p.tool, p.value) for p in extract.read(response).payloads] == [("book", {"to": "Bodø"})]
    left = received.body.get("tools") or received.body["toolConfig"]["tools"]
    assert response.sent == (None if left == TOOLS[:1] else left)


async def test_a_model_asked_over_responses_is_asked_over_chat_completions_all_the_same() -> None:
    litellm.connect(target("openai/responses/new", "http://127.0.0.1:9", stream=True), world())
    async with serving(written("openai_chat", text="Hei")) as endpoint:
        await ask(target("openai/new", endpoint.url))
    assert endpoint.received[0].path == "/chat/completions"


async def test_of_a_model_that_never_streams_no_stream_is_made_up(library: ModuleType) -> None:
    assert library.model_cost["o1-pro"]["supports_native_streaming"] is False
    body = plugins.dialect("openai_responses").write([("book", "{}")], "", model="m", usage=USAGE, stream=False)
    async with serving(sent_as(body)) as endpoint:
        response = await ask(target("openai/responses/o1-pro", endpoint.url, stream=True))
    assert "stream" not in endpoint.received[0].body
    assert (response.wire.stream, response.timing.first_call_byte) == (False, None)


async def test_without_a_token_from_google_nothing_is_sent() -> None:
    async with serving(Reply(status=400, chunks=(b'{"error": "invalid_grant"}',))) as endpoint:
        asked = target("vertex_ai/gemini-m", endpoint.url, api_key_env="MINE")
        with pytest.raises(ProviderError, match="no token from Google: .*invalid_grant") as caught:
            await ask(asked, MINE=credentials(endpoint))
    assert (caught.value.kind, caught.value.retryable) == ("auth", False)
    assert {received.path for received in endpoint.received} == {"/token"}


def test_credentials_of_google_go_to_no_other_address_unless_they_are_named() -> None:
    with pytest.raises(InputError, match="api_key_env"):
        litellm.connect(target("vertex_ai/gemini-m", "http://127.0.0.1:9"), world(VERTEXAI_CREDENTIALS=KEY))


def test_a_sign_in_that_is_not_installed_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)
    with pytest.raises(InputError, match=r"pip install 'evalkit-tools\[vertex\]'"):
        litellm.connect(target("vertex_ai/gemini-m"), world())


@BOTH
@pytest.mark.parametrize("provider", ["ollama", "ollama_chat"])
def test_a_route_that_would_hold_up_the_run_is_refused_with_the_way_round_it(provider: str, stream: bool) -> None:
    with pytest.raises(InputError, match=r"holds up the whole run.*openai_http/llama3:8b\?base_url=.*/v1"):
        litellm.connect(target(f"{provider}/llama3:8b", "http://127.0.0.1:11434", stream=stream), world())


async def test_a_route_past_every_transport_is_not_scored(monkeypatch: pytest.MonkeyPatch, library: ModuleType) -> None:
    async def elsewhere(**call: Any) -> Any:
        return library.ModelResponse()

    monkeypatch.setattr(library, "acompletion", elsewhere)
    with pytest.raises(ProviderError, match="past every transport"):
        await ask(target("openai/m", "http://127.0.0.1:9"))


async def test_a_stream_that_the_library_gives_up_on_is_heard_to_its_end() -> None:
    odd = {"choices": [{"index": 0, "delta": {"content": "a", "tool_calls": 7}}]}
    end = {"choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": "stop"}]}
    reply = Reply(chunks=events(odd, end), content_type="text/event-stream", pause=0.02)
    async with serving(reply) as endpoint:
        response = await ask(target("openai/m", endpoint.url, stream=True))
    assert "error" in response.client
    assert response.wire.body.encode() == b"".join(reply.chunks)


async def test_the_wire_is_recorded_over_the_other_transport_too(
    library: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "disable_aiohttp_transport", True)
    for stream in (False, True):
        reply = written("openai_chat", ("book", '{"to":"Bodø"}'), stream=stream)
        async with serving(reply) as endpoint:  # at an address of its own, so that litellm makes a new client
            for _ in range(2):
                response = await ask(target("openai/m", endpoint.url, stream=stream))
                assert response.wire.body.encode() == b"".join(reply.chunks)
            assert await endpoint.is_idle()


@EVERY
@BOTH
async def test_a_whole_suite_comes_through_as_the_reference_model_answers_it(dialect: str, stream: bool) -> None:
    suite = workspace.load_suite("travel")
    suite = replace(suite, cases=suite.cases[:8])
    builder = Builder(suite)
    oracle = plugins.provider("reference").connect(target("oracle"), world())
    async with testing.serve(suite) as server:
        asked = target(f"{MODELS[dialect].partition('/')[0]}/oracle", _base_url(server, dialect), stream=stream)
        connection = litellm.connect(asked, world())
        for case in suite.cases:
            given = extract.read(await connection.ask(builder.build(case, 0, asked)))
            wanted = extract.read(await oracle.ask(builder.build(case, 0, target("oracle"))))
            assert [(p.tool, p.value) for p in given.payloads] == [(p.tool, p.value) for p in wanted.payloads]
            assert not given.violations
        await connection.close()


def _base_url(server: testing.Server, dialect: str) -> str:
    return {"openai_chat": server.openai_url, "anthropic": server.url, "gemini": server.url + "/v1beta"}[dialect]


# --------------------------------------------------------------------------- what it makes of a chat for Anthropic


async def translated(chat: dict[str, Json]) -> Json:
    """The body that the library sends for a chat completion, to Anthropic."""
    async with serving(written("anthropic", text="Hei")) as endpoint:
        asked = target(f"anthropic/{chat['model']}", endpoint.url)
        await ask(asked, replace(request(asked), body={**chat, "model": asked.model}))
    return endpoint.received[0].body


def in_one_spelling(body: Json) -> Json:
    """A body of Messages, without what the library and `messages_api` say in two ways that mean the same, or must."""
    body = json.loads(json.dumps(body))
    for holder, key in ((body, "system"), *((message, "content") for message in body["messages"])):
        if isinstance(holder.get(key), str):  # a text alone is one block of text
            holder[key] = [{"type": "text", "text": holder[key]}]
    for tool in body["tools"]:
        tool.pop("type", None)  # "custom", which a tool is without it
        tool.pop("strict", None)  # which the library takes out
    return body


@settings(max_examples=40)
@given(strategies.chats)
def test_the_library_says_a_chat_in_the_words_in_which_we_say_it(chat: dict[str, Json]) -> None:
    assert in_one_spelling(asyncio.run(translated(chat))) == in_one_spelling(messages_api.body(chat))


@settings(max_examples=40)
@given(strategies.chats)
def test_the_library_makes_the_chat_of_messages_that_we_make_of_a_log(chat: dict[str, Json]) -> None:
    adapters = importlib.import_module("litellm.llms.anthropic.pass_through.adapters.transformation")
    asked = messages_api.body(chat)
    theirs, _ = adapters.LiteLLMAnthropicMessagesAdapter().translate_anthropic_to_openai(copy.deepcopy(asked))
    answer = {"type": "message", "content": [], "stop_reason": "end_turn"}
    assert_told_alike(theirs, "anthropic_log", {"request": asked, "response": answer})


@settings(max_examples=40)
@given(strategies.chats)
def test_the_library_makes_the_chat_of_responses_that_we_make_of_a_log(chat: dict[str, Json]) -> None:
    bridge = importlib.import_module("litellm.responses.litellm_completion_transformation.transformation")
    asked = responses_body(chat)
    theirs = bridge.LiteLLMCompletionResponsesConfig.transform_responses_api_request_to_chat_completion_request(
        asked["model"], copy.deepcopy(asked["input"]), {key: asked[key] for key in ("tools", "tool_choice")}
    )
    assert_told_alike(theirs, "openai_responses_log", {"request": asked, "response": {"output": []}})


def assert_told_alike(theirs: Any, form: str, line: Json) -> None:
    (ours,) = plugins.find("formats", form).exchanges(line)
    assert list(atoms(ours.messages)) == list(atoms(theirs["messages"]))
    assert ours.choice == theirs.get("tool_choice")
    functions = [tool["function"] for tool in theirs["tools"]]
    assert [(spec.name, spec.description, spec.schema) for spec in ours.tools] == [
        (function["name"], function.get("description", ""), function["parameters"]) for function in functions
    ]


def _called(arguments: str, id: str = "c") -> list[Json]:
    call = {"id": id, "type": "function", "function": {"name": "book", "arguments": arguments}}
    return [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": id, "content": "gone"},
    ]


MENDED: dict[str, tuple[list[Json], str]] = {
    "an id that the API refuses": (_called("{}", "functions.book:0"), "functions.book:0"),
    "white space at the end": ([*_called("{}"), {"role": "assistant", "content": "Gone. "}], '"Gone. "'),
    "a system message in between": ([*_called("{}"), {"role": "system", "content": "Sum up."}], '"role": "system"'),
    "arguments that are none": (_called(""), "no JSON object"),
    "arguments that are no object": (_called("[1]"), "no JSON object"),
}
"""What the library says otherwise than it was told, and what is found in our body, or said against it."""


@pytest.mark.parametrize("mended", MENDED)
async def test_what_the_library_mends_in_a_conversation_is_left_as_it_is_or_refused(mended: str) -> None:
    messages, ours = MENDED[mended]
    chat = {"model": "claude-m", "messages": messages, "tools": TOOLS[:1]}
    assert ours not in json.dumps(await translated(chat))
    try:
        assert ours in json.dumps(messages_api.body(chat))
    except ProviderError as error:
        assert ours in error.message


# --------------------------------------------------------------------------- what goes wrong


@EVERY
@BOTH
@pytest.mark.parametrize(
    ("status", "kind", "retryable"), [(429, "rate_limit", True), (500, "server", True), (401, "auth", False)]
)
async def test_a_status_is_named_by_the_wire(
    dialect: str, stream: bool, status: int, kind: FaultKind, retryable: bool
) -> None:
    body = json.dumps({"error": {"message": f"sorry, {KEY}"}}).encode()
    error = await fault(
        Reply(status=status, headers={"Retry-After": "3"}, chunks=(body,)), MODELS[dialect], stream=stream
    )
    assert (error.kind, error.status, error.retryable, error.message) == (kind, status, retryable, "sorry, ***")
    assert error.retry_after == (3 if retryable else None)


async def test_an_error_in_the_place_of_an_answer_is_read_by_a_dialect() -> None:
    async with serving(sent_as('{"error": {"message": "no room", "code": 429}}')) as endpoint:
        response = await ask(target("openai/m", endpoint.url))
    with pytest.raises(ProviderError, match="no room") as caught:
        extract.read(response)
    assert caught.value.kind == "rate_limit"


@EVERY
async def test_a_body_that_breaks_off_is_no_answer(dialect: str) -> None:
    whole = written(dialect, ("book", '{"to":"Bodø"}'))
    error = await fault(Reply(chunks=whole.chunks, missing=5), MODELS[dialect])
    assert (error.kind, error.retryable) == ("network", True)


@EVERY
async def test_a_stream_that_breaks_off_is_no_answer(dialect: str) -> None:
    whole = written(dialect, ("book", '{"to":"Bodø"}'), stream=True)
    cut = Reply(chunks=whole.chunks[: len(whole.chunks) // 2], content_type="text/event-stream", cut=True)
    error = await fault(cut, MODELS[dialect], stream=True)
    assert (error.kind, error.retryable) == ("network", True)


async def test_json_that_breaks_off_at_a_proper_end_is_no_answer() -> None:
    error = await fault(sent_as('{"choices": [{"message": {"conte'))
    assert (error.kind, error.retryable) == ("network", True)


@EVERY
@BOTH
async def test_an_endpoint_that_takes_too_long_is_left(dialect: str, stream: bool) -> None:
    whole = written(dialect, ("book", '{"to":"Bodø"}'), stream=True)
    slow = Reply(chunks=whole.chunks, content_type="text/event-stream", pause=30)
    error = await fault(slow if stream else Reply(silent=True), MODELS[dialect], stream=stream, timeout=0.2)
    assert (error.kind, error.retryable) == ("timeout", True)


@EVERY
async def test_an_answer_of_another_type_is_none(dialect: str) -> None:
    error = await fault(Reply(chunks=(b"<h1>Welcome</h1>",), content_type="text/html"), MODELS[dialect])
    assert error.kind == "server"
    assert "<h1>Welcome</h1>" in error.message


@EVERY
async def test_nobody_listening_may_be_mended_by_waiting(dialect: str) -> None:
    async with serving(Reply()) as gone:
        pass
    with pytest.raises(ProviderError) as caught:
        await ask(target(MODELS[dialect], gone.url))
    assert (caught.value.kind, caught.value.status, caught.value.retryable) == ("network", None, True)
    assert "ssl:" not in caught.value.message


async def test_a_parameter_that_the_provider_does_not_take_is_not_dropped() -> None:
    async with serving(written("anthropic", text="Hei")) as endpoint:
        asked = target("anthropic/claude-m", endpoint.url)
        with pytest.raises(ProviderError, match="logit_bias") as caught:
            await ask(asked, request(asked, logit_bias={"1": 1}))
    assert caught.value.kind == "unsupported"
    assert not endpoint.received


async def test_a_bug_of_the_library_is_not_the_network() -> None:
    with pytest.raises(ProviderError, match="litellm sent nothing") as caught:
        asked = target("anthropic/claude-m", "http://127.0.0.1:9")
        await ask(asked, request(asked, messages=[{"role": 7}]))
    assert caught.value.kind in ("plugin", "bad_request")
    assert not caught.value.retryable


def test_every_exception_of_the_library_has_a_kind() -> None:
    module = importlib.import_module("litellm.exceptions")
    theirs = {
        name
        for name, thing in vars(module).items()
        if inspect.isclass(thing) and issubclass(thing, Exception) and thing.__module__ == module.__name__
    }
    assert theirs == set(litellm.FAULTS)


def test_every_exception_of_the_transport_has_a_kind() -> None:
    theirs = [thing for thing in vars(httpx).values() if inspect.isclass(thing) and issubclass(thing, httpx.HTTPError)]
    for error in theirs:
        kind, _ = nearest(_tap.FAULTS, error)
        assert (kind == "timeout") == issubclass(error, httpx.TimeoutException)


# --------------------------------------------------------------------------- once, and no more


@EVERY
@pytest.mark.parametrize("status", [408, 409, 422, 429, 500, 503, 529])
async def test_the_library_tries_once(dialect: str, status: int) -> None:
    error = await fault(Reply(status=status, chunks=(b"{}",)), MODELS[dialect])
    assert error.status == status


async def test_a_second_attempt_of_the_library_is_stopped() -> None:
    sent: list[str] = []

    async def send(request: httpx.Request) -> httpx.Response:
        sent.append(str(request.url))
        raise httpx.ConnectError("refused")

    exchange = _tap.Exchange()
    for expected in (httpx.ConnectError, _tap.SecondAttempt):
        with pytest.raises(expected):
            await exchange.carry(httpx.Request("POST", "http://localhost/v1"), send)
    assert len(sent) == 1
    assert isinstance(exchange.failure, httpx.ConnectError)


async def test_a_question_that_is_given_up_leaves_no_connection_open() -> None:
    for dialect, model in MODELS.items():
        slow = Reply(
            chunks=written(dialect, text="Hei", stream=True).chunks, content_type="text/event-stream", pause=60
        )
        async with serving(slow) as endpoint:
            asked = target(model, endpoint.url, stream=True)
            connection = litellm.connect(asked, world())
            question = asyncio.create_task(connection.ask(request(asked)))
            while not endpoint.received:
                await asyncio.sleep(0.01)
            question.cancel()
            with pytest.raises(asyncio.CancelledError):
                await question
            assert await endpoint.is_idle()
            await connection.close()


async def test_the_last_connection_closes_the_clients_of_the_library() -> None:
    async with serving(written("openai_chat", text="Hei")) as endpoint:
        asked = target("openai/m", endpoint.url)
        first, second = litellm.connect(asked, world()), litellm.connect(asked, world())
        await first.ask(request(asked))
        await second.ask(request(asked))
        assert endpoint.opened == 1
        await first.close()
        await first.close()
        assert endpoint.open == 1
        await second.close()
        assert await endpoint.is_idle()


@EVERY
@BOTH
async def test_one_run_after_another_finds_the_clients_open_again(dialect: str, stream: bool) -> None:
    async with serving(written(dialect, text="Hei", stream=stream)) as endpoint:
        for _ in range(3):
            response = await ask(target(MODELS[dialect], endpoint.url, stream=stream))
            assert response.client["text"] == "Hei"
        assert await endpoint.is_idle()


async def test_questions_asked_at_once_are_not_mixed_up() -> None:
    def echo(received: Received) -> Reply:
        return sent_as(json.dumps(choice("stop", content=received.body["messages"][0]["content"])))

    async with serving(echo) as endpoint:
        asked = target("openai/m", endpoint.url)
        connection = litellm.connect(asked, world())
        texts = [f"question {number}" for number in range(20)]
        responses = await asyncio.gather(
            *(connection.ask(request(asked, messages=[{"role": "user", "content": text}])) for text in texts)
        )
        await connection.close()
    assert [json.loads(response.wire.body)["choices"][0]["message"]["content"] for response in responses] == texts
    assert [response.client["text"] for response in responses] == texts


# --------------------------------------------------------------------------- guards and keys


async def test_the_guards_stand_again_before_each_call(library: ModuleType) -> None:
    for name, value in {"drop_params": True, "add_function_to_prompt": True, "success_callback": ["langfuse"]}.items():
        setattr(library, name, value)
    async with serving(written("openai_chat", text="Hei")) as endpoint:
        await ask(target("openai/m", endpoint.url))
    for name, value in litellm._GUARDS.items():
        assert getattr(library, name) == value, name
    assert os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"


def test_the_guards_are_told_to_the_run(library: ModuleType) -> None:
    told = litellm.guards()
    assert json.loads(json.dumps(told)) == told
    assert {"litellm", "drop_params", "modify_params", "num_retries", "max_retries"} <= told.keys()
    assert all(hasattr(library, name) for name in litellm._GUARDS)


@pytest.mark.parametrize("model", ["claude-nonesuch", "nonesuch/m"])
def test_a_provider_that_litellm_does_not_know_is_refused(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="knows no provider"):
        litellm.connect(target(model), world())
    assert capsys.readouterr().out == ""


def test_a_provider_that_the_address_tells_is_known_streamed_too() -> None:
    for stream in (False, True):
        litellm.connect(target("m", "https://api.groq.com/openai/v1", stream=stream), world())


@pytest.mark.parametrize(
    ("model", "variable"),
    [("anthropic/claude-m", "ANTHROPIC_API_KEY"), ("gemini/m", "GEMINI_API_KEY"), ("groq/m", "GROQ_API_KEY")],
)
def test_a_missing_key_is_named(model: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (variable, "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match=variable):
        litellm.connect(target(model), world())
    litellm.connect(target(model), world(**{variable: KEY}))


def test_a_missing_key_is_named_before_the_library_is_loaded() -> None:
    code = (
        "import sys; from evalkit.data import Target; from evalkit.plugins import World\n"
        "from evalkit.errors import InputError; from evalkit.providers import litellm\n"
        "target = Target(name='m', provider='litellm', model='openai/m')\n"
        "try: litellm.connect(target, World(environ={}, load_run=repr))\n"
        "except InputError: sys.exit('litellm' in sys.modules)\n"
        "sys.exit('no complaint')"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --------------------------------------------------------------------------- beside others

MIXED = """
import asyncio, json, sys
from msgspec.structs import replace
from evalkit import pipeline, testing, workspace
from evalkit.data import Target
from evalkit.pacing.pace import Pace
from evalkit.plugins import World

suite = workspace.load_suite("travel")
suite = replace(suite, cases=suite.cases[:6])

async def run() -> None:
    with testing.running(suite) as server:
        model, url = "oracle;latency=0.4;jitter=0.01", server.openai_url
        streamed = Target(name="streamed", provider="openai_http", model=model, base_url=url, stream=True)
        beside = Target(name="beside", provider="litellm", model=f"openai/{model}", base_url=url, stream=True)
        targets = [streamed, beside]
        world = World(environ={}, load_run=lambda name: None)
        asked = pipeline.ask([pipeline.plan(suite, targets, 1)], suite, targets, world, Pace(retries=0))
        timings = [record.reply.timing async for record in asked if record.target == "streamed"]
        print(json.dumps([server.count, [[timing.first_token, timing.total] for timing in timings]]))

asyncio.run(run())
"""


def test_what_the_library_loads_with_its_first_question_holds_up_no_stream_beside_it() -> None:
    done = subprocess.run([sys.executable, "-c", MIXED], capture_output=True, text=True, check=True)
    count, times = json.loads(done.stdout.splitlines()[-1])
    assert count == 12, "nothing left that was not asked"
    assert sum(first < total - 0.05 for first, total in times) >= 4, times


@EVERY
@BOTH
async def test_getting_ready_sends_nothing_and_changes_nothing(dialect: str, stream: bool) -> None:
    async with serving(written(dialect, text="Hei", stream=stream)) as endpoint:
        asked = target(MODELS[dialect], endpoint.url, stream=stream, api_key_env="K")
        bridge = litellm.connect(asked, world(K=KEY))
        try:
            await bridge.ready(request(asked))
            assert not endpoint.received
            response = await bridge.ask(request(asked))
            assert len(endpoint.received) == 1 and extract.read(response).text == "Hei"
        finally:
            await bridge.close()


@BOTH
async def test_what_came_of_an_answer_that_failed_is_kept(stream: bool) -> None:
    body = f'{{"error": {{"message": "slow down, {KEY}"}}}}'
    error = await fault(Reply(status=429, chunks=(body.encode(),)), stream=stream)
    assert error.wire is not None and (error.wire.status, error.wire.body) == (429, body.replace(KEY, "***"))


def test_a_key_that_is_named_must_be_there() -> None:
    with pytest.raises(InputError, match="MY_KEY is not set"):
        litellm.connect(target("openai/m", api_key_env="MY_KEY"), world(OPENAI_API_KEY=KEY))


@EVERY
async def test_a_providers_own_key_goes_to_no_other_address(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(name, KEY)
    async with serving(written(dialect, text="Hei")) as endpoint:
        await ask(target(MODELS[dialect], endpoint.url), OPENAI_API_KEY=KEY)
        await ask(target(MODELS[dialect], endpoint.url, api_key_env="MINE"), MINE="my-own-key")
    assert KEY not in str(endpoint.received)
    assert "my-own-key" in str(endpoint.received[1].headers)


@pytest.mark.parametrize("option", ["num_retries", "fallbacks", "mock_response", "temperature", "api_key"])
def test_an_option_that_would_change_the_question_is_refused(option: str) -> None:
    with pytest.raises(InputError, match=option):
        litellm.connect(target("openai/m", "http://localhost", options={option: 1}), world())


async def test_an_option_that_says_where_the_model_lives_is_handed_on() -> None:
    async with serving(written("openai_chat", text="Hei")) as endpoint:
        await ask(target("azure/m", endpoint.url, options={"api_version": "2031-01-01"}))
    assert "api-version=2031-01-01" in endpoint.received[0].path
