from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import plugins
from evalkit.data import Case, FaultKind, Json, Request, Response, Run, Target
from evalkit.errors import InputError, ProviderError
from evalkit.plugins import World
from evalkit.providers import _http, _tape, openai_http
from evalkit.providers._body import Serialiser
from evalkit.providers._faults import nearest
from evalkit.providers._tape import Tape
from tests import strategies
from tests.endpoints import Received, Reply, events, serving

TOOL = {
    "type": "function",
    "function": {"name": "book", "parameters": {"type": "object", "additionalProperties": False}},
}
KEY = "sk-loopback-0123456789"


def answer(**message: Json) -> dict[str, Json]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hei, Ø!", **message}}
    return {"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]}


def delta(finish: str | None = None, **delta: Json) -> dict[str, Json]:
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def call(arguments: str, **names: Json) -> Json:
    return [{"index": 0, "function": {**names, "arguments": arguments}}]


PLAIN = Reply(chunks=(json.dumps(answer(), ensure_ascii=False).encode(),))


def target(url: str | None = None, **fields: Any) -> Target:
    return Target(name="m", provider="openai_http", model="m", base_url=url, **fields)


def request(target: Target, tools: Json = (TOOL,), **body: Json) -> Request:
    messages = ({"role": "user", "content": "Fly me to Tromsø"},)
    case = Case(id="c", messages=messages, tools=("book",))
    if target.stream:
        body["stream"] = True
    body = {"model": "m", "messages": list(messages), "tools": list(tools), **body}
    return Request(case=case, trial=0, target=target, specs=(), body=body)


def world(**environ: str) -> World:
    def load_run(name: str) -> Run:
        raise AssertionError("no provider over HTTP loads a run")

    return World(environ=environ, load_run=load_run)


async def ask(target: Target, asked: Request | None = None, **environ: str) -> Response:
    connection = openai_http.connect(target, world(**environ))
    try:
        return await connection.ask(asked or request(target))
    finally:
        await connection.close()


async def fault(reply: Reply, url: str = "", key: bool = True, **fields: Any) -> ProviderError:
    """The error of asking an endpoint that answers with `reply`."""
    async with serving(reply) as endpoint:
        asked = target(url or endpoint.url, api_key_env="K" if key else None, **fields)
        with pytest.raises(ProviderError) as caught:
            await ask(asked, K=KEY)
        assert await endpoint.is_idle()
    return caught.value


# --------------------------------------------------------------------------- what is sent


async def test_the_body_arrives_as_it_stands() -> None:
    async with serving(PLAIN) as endpoint:
        asked = request(target(endpoint.url), temperature=0, seed=7, tool_choice="required")
        await ask(asked.target, asked)
    assert endpoint.received[0].body == asked.body
    assert endpoint.received[0].headers["content-type"] == "application/json"


async def test_the_body_of_a_stream_arrives_as_it_stands_too() -> None:
    async with serving(Reply(chunks=events(delta("stop")), content_type="text/event-stream")) as endpoint:
        asked = request(target(endpoint.url, stream=True))
        await ask(asked.target, asked)
    assert endpoint.received[0].body == asked.body


@given(body=st.dictionaries(st.text(max_size=8), strategies.values, max_size=5), tools=st.lists(strategies.values))
def test_serialising_changes_nothing(body: dict[str, Json], tools: list[Json]) -> None:
    asked = request(target(), **body)
    asked = replace(asked, body={**body, "tools": tools})
    assert json.loads(Serialiser().text(asked)) == asked.body


def test_other_tools_under_the_same_names_are_not_mistaken_for_the_first() -> None:
    serialiser = Serialiser()
    for tools in ([TOOL], [TOOL, TOOL], [TOOL]):
        assert json.loads(serialiser.text(request(target(), tools)))["tools"] == tools


def test_half_a_surrogate_pair_is_sent_as_its_escape() -> None:
    assert "\\ud83d" in Serialiser().text(request(target(), user="\ud83d")).encode().decode()


@pytest.mark.parametrize("written", ["", "/", "/v1", "/v1/", "/v1/chat/completions", "/v1/chat/completions/"])
async def test_an_address_may_be_written_as_people_write_it(written: str) -> None:
    async with serving(PLAIN) as endpoint:
        await ask(target(endpoint.url + written))
    assert endpoint.received[0].path == "/v1/chat/completions"


async def test_a_path_and_a_query_of_ones_own_are_kept() -> None:
    async with serving(PLAIN) as endpoint:
        await ask(target(endpoint.url + "/gateway/openai?api-version=2"))
    assert endpoint.received[0].path == "/gateway/openai/chat/completions?api-version=2"


@pytest.mark.parametrize("written", ["localhost:8000", "ftp://host/v1", "/v1", "http://", "http://host:port/v1"])
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(InputError, match="is no address"):
        openai_http.connect(target(written), world())


def test_an_unknown_option_is_refused_and_not_dropped() -> None:
    with pytest.raises(InputError, match="temperature.*params"):
        openai_http.connect(target("http://localhost", options={"temperature": 0}), world())


# --------------------------------------------------------------------------- the key


@pytest.mark.parametrize("url", [None, "https://api.openai.com", "https://api.openai.com/v1/"])
def test_openai_itself_takes_its_own_key(url: str | None) -> None:
    with pytest.raises(InputError, match="OPENAI_API_KEY is not set"):
        openai_http.connect(target(url), world(OPENAI_API_KEY=" "))
    openai_http.connect(target(url), world(OPENAI_API_KEY=KEY))


def test_a_key_that_is_named_must_be_there() -> None:
    with pytest.raises(InputError, match="MY_KEY is not set"):
        openai_http.connect(target("http://localhost", api_key_env="MY_KEY"), world(OPENAI_API_KEY=KEY))


async def test_the_key_of_openai_goes_nowhere_else() -> None:
    async with serving(PLAIN) as endpoint:
        await ask(target(endpoint.url), OPENAI_API_KEY=KEY)
        await ask(target(endpoint.url, api_key_env="MY_KEY"), MY_KEY=KEY + "\n")
    assert [received.headers.get("authorization") for received in endpoint.received] == [None, f"Bearer {KEY}"]


@pytest.mark.parametrize("key", ["sk-a\r\nX-Evil: 1", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    with pytest.raises(InputError, match="no HTTP header can carry") as caught:
        openai_http.connect(target("http://localhost", api_key_env="MY_KEY"), world(MY_KEY=key))
    assert key not in str(caught.value)


async def test_the_key_is_struck_out_of_what_an_endpoint_says() -> None:
    error = await fault(Reply(status=401, chunks=(json.dumps({"error": {"message": f"no such key: {KEY}"}}).encode(),)))
    assert (error.kind, error.message) == ("auth", "no such key: ***")
    assert error.wire is not None and error.wire.body == '{"error": {"message": "no such key: ***"}}'


# --------------------------------------------------------------------------- what comes back


async def test_a_plain_answer_is_kept_to_the_byte() -> None:
    sent = b' {"choices" : [ {"message": {"content": "\xc3\x98"}}]}\n'
    headers = {"X-Request-Id": "r1", "Set-Cookie": "s=1", "X-RateLimit-Remaining-Requests": "9", "Server": "x"}
    async with serving(Reply(chunks=(sent,), headers=headers)) as endpoint:
        response = await ask(target(endpoint.url))
    wire = response.wire
    assert wire.body.encode() == sent
    assert (wire.status, wire.stream, response.dialect, response.client, response.sent) == (
        200,
        False,
        "openai_chat",
        None,
        None,
    )
    assert wire.headers == {
        "x-request-id": "r1",
        "x-ratelimit-remaining-requests": "9",
        "content-type": "application/json",
    }
    assert wire.arrivals[-1][0] == len(wire.body)
    assert response.timing.total == wire.arrivals[-1][1]
    assert response.timing.first_token is response.timing.first_byte is response.timing.arguments_done is None


async def test_a_stream_is_timed_by_the_arrival_of_its_bytes() -> None:
    steps = [
        delta(role="assistant", content=""),
        delta(content="Let me see"),
        delta(tool_calls=call("", id="1", name="book")),
        delta(tool_calls=call('{"to": "Tromsø"}')),
        delta("tool_calls"),
    ]
    async with serving(Reply(chunks=events(*steps), content_type="text/event-stream", pause=0.02)) as endpoint:
        response = await ask(target(endpoint.url, stream=True))
    timing, moments = response.timing, [moment for _, moment in response.wire.arrivals]
    assert response.wire.stream
    assert response.wire.body.encode() == b"".join(events(*steps))
    assert len(moments) == 6
    marks = [timing.first_byte, timing.first_token, timing.first_call_byte, timing.arguments_done, timing.total]
    assert marks == [*moments[:4], moments[5]]
    assert all(later - earlier >= 0.015 for earlier, later in zip(moments, moments[1:], strict=False))
    [payload] = plugins.dialect("openai_chat").read(response.wire).payloads
    assert payload.text == '{"to": "Tromsø"}'


async def test_an_endpoint_that_ignores_the_wish_for_a_stream_is_read_as_it_answers() -> None:
    async with serving(PLAIN) as endpoint:
        response = await ask(target(endpoint.url, stream=True))
    assert not response.wire.stream


async def test_a_character_cut_by_a_chunk_is_whole_again() -> None:
    whole = b"".join(events(delta(content="Ørland 🛫 東京"), delta("stop")))
    pieces = tuple(whole[at : at + 1] for at in range(len(whole)))
    async with serving(Reply(chunks=pieces, content_type="text/event-stream", cut=False, pause=1e-9)) as endpoint:
        response = await ask(target(endpoint.url, stream=True))
    assert response.wire.body.encode() == whole
    assert plugins.dialect("openai_chat").read(response.wire).text == "Ørland 🛫 東京"


@given(text=st.text(), cuts=st.lists(st.integers(0, 40)))
def test_however_a_text_is_cut_it_is_recorded_whole_and_in_order(text: str, cuts: list[int]) -> None:
    sent = text.encode("utf-8", "replace")
    edges = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    tape = Tape()
    for start, end in zip(edges, edges[1:], strict=False):
        tape.add(sent[start:end])
    wire = tape.wire()
    assert wire.body == sent.decode()
    assert list(wire.arrivals) == sorted(wire.arrivals)
    assert wire.arrivals[-1][0] == len(wire.body)


async def test_a_byte_that_is_no_utf8_is_seen_and_does_no_harm() -> None:
    async with serving(Reply(chunks=(b'{"choices": [{"message": {"content": "\xff"}}]}',))) as endpoint:
        response = await ask(target(endpoint.url))
    assert "\ufffd" in response.wire.body


# --------------------------------------------------------------------------- what goes wrong


def error_body(code: str | None = None, message: str = "the endpoint's own words") -> tuple[bytes]:
    return (json.dumps({"error": {"message": message, "type": "x", "code": code}}).encode(),)


@pytest.mark.parametrize(
    ("status", "code", "kind", "retryable"),
    [
        (400, None, "bad_request", False),
        (400, "content_filter", "blocked", False),
        (401, None, "auth", False),
        (402, None, "budget", False),
        (403, None, "auth", False),
        (404, "model_not_found", "unsupported", False),
        (408, None, "timeout", True),
        (409, None, "server", True),
        (413, None, "bad_request", False),
        (422, None, "bad_request", False),
        (429, None, "rate_limit", True),
        (429, "insufficient_quota", "budget", False),
        (500, None, "server", True),
        (500, "content_filter", "server", True),
        (503, None, "server", True),
        (504, None, "timeout", True),
        (529, None, "server", True),
        (204, None, "bad_request", False),
    ],
)
async def test_a_status_is_named(status: int, code: str | None, kind: FaultKind, retryable: bool) -> None:
    error = await fault(Reply(status=status, chunks=error_body(code) if status != 204 else ()))
    assert (error.kind, error.status, error.retryable) == (kind, status, retryable)
    if status != 204:
        assert error.message == "the endpoint's own words"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('[{"error": {"code": 400, "message": "from Gemini"}}]', "from Gemini"),
        ('{"type": "error", "error": {"type": "x", "message": "from Anthropic"}}', "from Anthropic"),
        ('{"object": "error", "message": "from vLLM"}', "from vLLM"),
        ('{"detail": [{"msg": "from FastAPI"}]}', "from FastAPI"),
        ("<h1>Bad\n  Gateway</h1>", "<h1>Bad Gateway</h1>"),
        ("", "the endpoint answered with status 502 and not a word"),
        ("x" * 1000, "x" * 299 + "…"),
    ],
)
async def test_an_endpoint_is_quoted(body: str, words: str) -> None:
    error = await fault(Reply(status=502, chunks=(body.encode(),)))
    assert error.message == words


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "7"}, "", 7),
        ({"Retry-After": "0.5"}, "", 0.5),
        ({"Retry-After": format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)}, "", 7200),
        ({"Retry-After": format_datetime(datetime.now(UTC) - timedelta(hours=2), usegmt=True)}, "", 0),
        ({"Retry-After": "soon"}, "", None),
        ({"Retry-After": "-1"}, "", None),
        ({"retry-after-ms": "250", "Retry-After": "1"}, "", 0.25),
        ({"x-ratelimit-reset-requests": "6m0s"}, "", None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m1.5s"}, "", 361.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, "", 0.12),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1767225600"}, "", None),
        ({}, '{"error": {"details": [{"retryDelay": "34s"}]}}', 34),
        ({}, "", None),
    ],
)
async def test_the_wait_an_endpoint_asks_for_is_heard(
    headers: Mapping[str, str], body: str, seconds: float | None
) -> None:
    error = await fault(Reply(status=429, headers=headers, chunks=(body.encode(),)))
    assert error.retry_after == (None if seconds is None else pytest.approx(seconds, abs=600 if seconds > 1000 else 0))


async def test_a_redirect_is_not_followed_with_the_key() -> None:
    error = await fault(Reply(status=307, headers={"Location": "http://localhost:1/elsewhere"}))
    assert (error.kind, error.retryable) == ("bad_request", False)
    assert "http://localhost:1/elsewhere" in error.message
    error = await fault(Reply(status=307, headers={"Location": f"http://localhost:1/?key={KEY}"}))
    assert "http://localhost:1/?key=***" in error.message


async def test_nobody_listening_may_be_mended_by_waiting() -> None:
    async with serving(PLAIN) as gone:
        pass
    error = await fault(PLAIN, url=gone.url)
    assert (error.kind, error.status, error.retryable) == ("network", None, True)
    assert error.message.startswith("cannot connect to 127.0.0.1:") and error.message.endswith(": Connection refused")


async def test_what_is_wrong_with_a_certificate_is_not_mended_by_waiting() -> None:
    async with serving(PLAIN) as plain:
        error = await fault(PLAIN, url=plain.url.replace("http:", "https:"))
    assert (error.kind, error.retryable) == ("network", False)
    assert "ssl:default" not in error.message and "SSL" in error.message


STREAM = events(delta(content="a"), delta("stop"))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(chunks=STREAM[:1], content_type="text/event-stream", cut=True),
        Reply(chunks=PLAIN.chunks, missing=5),
    ],
    ids=["stream", "plain"],
)
async def test_an_answer_that_breaks_off_is_no_answer(reply: Reply) -> None:
    error = await fault(reply)
    assert (error.kind, error.status, error.retryable) == ("network", 200, True)
    assert "cut off" in error.message
    assert error.wire is not None and error.wire.body == b"".join(reply.chunks).decode()


async def test_a_refusal_that_breaks_off_is_what_its_status_says() -> None:
    busy = await fault(Reply(status=429, chunks=(b"busy",), missing=5))
    assert (busy.kind, busy.status, busy.message) == ("rate_limit", 429, "busy")
    assert busy.wire is not None and busy.wire.body == "busy"


async def test_what_is_no_answer_is_kept_all_the_same() -> None:
    busy = await fault(Reply(status=429, chunks=(b"busy",), headers={"Retry-After": "7", "Set-Cookie": "s=1"}))
    assert busy.wire is not None and (busy.wire.status, busy.wire.body) == (429, "busy")
    assert busy.wire.headers["retry-after"] == "7" and "set-cookie" not in busy.wire.headers
    assert (await fault(Reply(silent=True), timeout=0.05)).wire is None


async def test_a_stream_that_carries_an_error_is_no_answer() -> None:
    chunks = events(delta(content="a"), {"error": {"message": "out of memory", "code": 503}}, done=False)
    error = await fault(Reply(chunks=chunks, content_type="text/event-stream"))
    assert error.kind == "server"
    assert "out of memory" in error.message


@pytest.mark.parametrize(
    "reply",
    [
        Reply(silent=True),
        Reply(chunks=STREAM, content_type="text/event-stream", pause=1.0),
        Reply(chunks=(b'{"choices":', b"[]}"), pause=1.0),
    ],
    ids=["silent", "slow stream", "slow body"],
)
async def test_an_endpoint_that_takes_too_long_is_left(reply: Reply) -> None:
    error = await fault(reply, timeout=0.1)
    assert (error.kind, error.retryable) == ("timeout", True)
    assert "0.1 s" in error.message
    assert (error.wire.body if error.wire else None) == (reply.chunks[0].decode() if reply.chunks else None)


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", None, "application/octet-stream"])
async def test_an_answer_of_another_type_is_none(content_type: str | None) -> None:
    error = await fault(Reply(chunks=(b"<h1>Welcome</h1>",), content_type=content_type))
    assert (error.kind, error.status) == ("server", 200)
    assert "<h1>Welcome</h1>" in error.message


async def test_an_answer_without_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tape, "MAX_BYTES", 1000)
    error = await fault(Reply(chunks=(b"x" * 600, b"x" * 600)))
    assert error.kind == "server"
    assert "longer than 1,000 bytes" in error.message


def test_every_exception_of_the_client_has_a_kind() -> None:
    classes = [thing for thing in vars(aiohttp).values() if inspect.isclass(thing) and issubclass(thing, Exception)]
    ours = [c for c in classes if issubclass(c, aiohttp.ClientError | TimeoutError)]
    assert len(ours) > 15
    for error in ours:
        kind, _ = nearest(_http.FAULTS, error)
        assert kind == "timeout" or not issubclass(error, TimeoutError)


# --------------------------------------------------------------------------- connections


async def test_a_question_that_is_given_up_leaves_no_connection_open() -> None:
    async with serving(Reply(chunks=STREAM, content_type="text/event-stream", pause=60)) as endpoint:
        connection = openai_http.connect(target(endpoint.url), world())
        question = asyncio.create_task(connection.ask(request(target())))
        while not endpoint.received:
            await asyncio.sleep(0.01)
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question
        assert await endpoint.is_idle()
        await connection.close()


async def test_one_connection_serves_one_question_after_another_and_closes() -> None:
    async with serving(PLAIN) as endpoint:
        connection = openai_http.connect(target(endpoint.url), world())
        for _ in range(3):
            await connection.ask(request(target()))
        assert endpoint.opened == 1
        await connection.close()
        assert await endpoint.is_idle()


async def test_as_many_are_in_flight_as_are_asked() -> None:
    async with serving(Reply(chunks=(b'{"choices":', b"[]}"), pause=0.5)) as endpoint:
        connection = openai_http.connect(target(endpoint.url), world())
        questions = [asyncio.create_task(connection.ask(request(target()))) for _ in range(150)]
        await asyncio.wait(questions)
        await connection.close()
    assert endpoint.opened == 150


async def test_a_connection_that_was_never_used_can_be_closed() -> None:
    await openai_http.connect(target("http://localhost"), world()).close()


async def test_a_proxy_of_the_environment_is_used() -> None:
    def answering(received: Received) -> Reply:
        return PLAIN

    async with serving(answering) as proxy:
        await ask(target("http://models.example/v1"), http_proxy=proxy.url)
    assert proxy.received[0].path == "http://models.example/v1/chat/completions"


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "http://localhost:{port}"])
async def test_no_proxy_stands_between_us_and_ourselves(url: str) -> None:
    async with serving(PLAIN) as endpoint, serving(Reply(status=502)) as proxy:
        port = endpoint.url.rpartition(":")[2]
        await ask(target(url.format(port=port)), HTTP_PROXY=proxy.url)
    assert not proxy.received


async def test_what_the_environment_exempts_needs_no_proxy() -> None:
    async with serving(Reply(status=502)) as proxy:
        with pytest.raises(ProviderError, match="."):
            await ask(target("http://127.0.0.2:9/v1"), HTTP_PROXY=proxy.url, NO_PROXY="127.0.0.2")
    assert not proxy.received
