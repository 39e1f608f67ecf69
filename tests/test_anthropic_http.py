from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from evalkit import arms, codec, messages_api, plugins, portability, repro, store, testing, workspace
from evalkit.cli.app import main
from evalkit.data import (
    ARMS,
    Case,
    Constraint,
    Divergence,
    FaultKind,
    Json,
    Record,
    Request,
    Response,
    Run,
    Target,
    ToolSpec,
    Usage,
)
from evalkit.doctor import canaries
from evalkit.errors import InputError, ProviderError
from evalkit.plugins import World
from evalkit.providers import anthropic_http
from evalkit.request import Builder
from tests.endpoints import Reply, events, serving

SCHEMA: Json = {"type": "object", "properties": {"to": {"type": "string"}}, "additionalProperties": False}
TOOL: Json = {"type": "function", "function": {"name": "book", "description": "Book.", "parameters": SCHEMA}}
AS_SENT: Json = [{"name": "book", "description": "Book.", "input_schema": SCHEMA}]
KEY = "sk-ant-loopback-0123456789"
DIALECT = plugins.dialect("anthropic")
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


def written(*calls: tuple[str, str], text: str = "", stream: bool = False) -> Reply:
    body = DIALECT.write(calls, text, model="m", usage=Usage(input_tokens=3, output_tokens=5), stream=stream)
    kind = "text/event-stream" if stream else "application/json"
    return Reply(chunks=tuple(part.encode() for part in body.splitlines(True)), content_type=kind)


def target(url: str | None = None, **fields: Any) -> Target:
    return Target(name="m", provider="anthropic_http", model="claude-m", base_url=url, **fields)


def request(target: Target, **body: Json) -> Request:
    messages = ({"role": "user", "content": "Fly me to Tromsø 🛫"},)
    case = Case(id="c", messages=messages, tools=("book",))
    stream = {"stream": True, "stream_options": {"include_usage": True}} if target.stream else {}
    body = {"model": target.model, "messages": list(messages), "tools": [TOOL], **stream, **body}
    return Request(case=case, trial=0, target=target, specs=(), body=body)


def world(**environ: str) -> World:
    def load_run(name: str) -> Run:
        raise AssertionError("no provider over HTTP loads a run")

    return World(environ=environ, load_run=load_run)


async def ask(target: Target, asked: Request | None = None, **environ: str) -> Response:
    connection = anthropic_http.connect(target, world(**environ))
    try:
        return await connection.ask(asked or request(target))
    finally:
        await connection.close()


async def fault(reply: Reply, **fields: Any) -> ProviderError:
    """The error of asking an endpoint that answers with `reply`."""
    async with serving(reply) as endpoint:
        with pytest.raises(ProviderError) as caught:
            await ask(target(endpoint.url, api_key_env="K", **fields), K=KEY)
        assert await endpoint.is_idle()
    return caught.value


# --------------------------------------------------------------------------- what is sent


@BOTH
async def test_the_body_leaves_in_the_words_of_messages_and_can_be_told_again(stream: bool) -> None:
    system: Json = {"role": "system", "content": "Be brief."}
    async with serving(written(text="Hei", stream=stream)) as endpoint:
        asked = target(endpoint.url, stream=stream, api_key_env="MY_KEY")
        plain = request(asked)
        full = request(asked, messages=[system, *plain.body["messages"]], tool_choice="required", temperature=0)
        answers = [await ask(asked, each, MY_KEY=KEY) for each in (plain, full)]
    for each, answer, received in zip((plain, full), answers, endpoint.received, strict=True):
        assert received.body == messages_api.body(each.body) == repro.left(each.body, answer)
        assert received.body["tools"] == answer.sent == AS_SENT
        assert "book" not in json.dumps(answer.posted.members if answer.posted else None)  # tools are told once
        assert answer.client is None and answer.dialect == "anthropic"
    bare, whole = (answer.posted for answer in answers)
    assert bare is not None and whole is not None
    assert set(bare.members) == {"max_tokens", "tools"}  # what a user says alone is said alike
    assert bare.dropped == whole.dropped == (("stream_options",) if stream else ())
    assert whole.settings == {"max_tokens": messages_api.MAX_TOKENS, "tool_choice": {"type": "any"}}
    assert whole.url == f"{endpoint.url}/v1/messages"
    key = {"x-api-key": "$MY_KEY", "authorization": "Bearer $MY_KEY"}
    assert whole.headers == {**key, "anthropic-version": "2023-06-01"}
    assert whole.keys == ("MY_KEY",)
    assert KEY not in codec.encode(answers)


async def test_other_tools_and_settings_under_the_same_names_are_not_mistaken_for_the_first() -> None:
    async with serving(written(text="Hei")) as endpoint:
        connection = anthropic_http.connect(target(endpoint.url), world())
        others: list[dict[str, Json]] = [
            {},
            {"tools": [TOOL, TOOL]},
            {"top_k": 3},
            {"tools": []},
            {"tools": AS_SENT},
            {},
        ]
        asked = [request(target(), **more) for more in others]
        answers = [await connection.ask(each) for each in asked]
        await connection.close()
    for each, answer, received in zip(asked, answers, endpoint.received, strict=True):
        assert received.body == messages_api.body(each.body) == repro.left(each.body, answer)
    assert [answer.sent is None for answer in answers] == [False, False, False, True, True, False]
    assert endpoint.opened == 1


async def test_a_conversation_too_large_to_be_kept_is_named() -> None:
    async with serving(written(text="Hei")) as endpoint:
        long = [
            {"role": "system", "content": "x" * 100_001},
            {"role": "user", "content": [{"type": "text", "text": "y"}]},
        ]
        asked = request(target(endpoint.url), messages=long)
        response = await ask(asked.target, asked)
    assert response.posted is not None
    assert response.posted.omitted == ("system",) and "messages" in response.posted.members
    assert "x" * 100 not in codec.encode(response)
    assert "too large to be kept: system" in repro.curl(asked, response).text


async def test_what_messages_cannot_say_is_a_fault_and_never_leaves() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "book", "arguments": "to Bodø"}}
    async with serving(written(text="Hei")) as endpoint:
        asked = request(target(endpoint.url), messages=[{"role": "assistant", "tool_calls": [call]}])
        with pytest.raises(ProviderError, match="no JSON object") as caught:
            await ask(asked.target, asked)
        assert not endpoint.received
    assert (caught.value.kind, caught.value.retryable, caught.value.wire) == ("bad_request", False, None)
    assert "# Nothing was sent, for Anthropic's Messages cannot say it: message 1" in repro.curl(asked).text


@pytest.mark.parametrize("written_as", ["", "/", "/v1", "/v1/", "/v1/messages", "/v1/messages/"])
async def test_an_address_may_be_written_as_people_write_it(written_as: str) -> None:
    async with serving(written(text="Hei")) as endpoint:
        await ask(target(endpoint.url + written_as))
    assert endpoint.received[0].path == "/v1/messages"


def test_a_request_without_an_answer_is_told_as_it_would_leave() -> None:
    asked = request(target(), tool_choice="required")
    words = shlex.split(repro.curl(asked).text, comments=True)
    assert json.loads(words[words.index("-d") + 1]) == messages_api.body(asked.body)
    assert words[:3] == ["curl", "-sS", "https://api.anthropic.com/v1/messages"]
    assert {"x-api-key: $ANTHROPIC_API_KEY", "anthropic-version: 2023-06-01"} <= set(words)
    assert not [word for word in words if "Bearer" in word]
    assert "x-api-key" not in repro.curl(request(target("http://localhost"))).text


@pytest.mark.parametrize("constraint", ["structured_outputs", "grammar"])
def test_a_constraint_that_messages_do_not_know_is_refused(constraint: Constraint) -> None:
    with pytest.raises(InputError, match=f"m@constrained: Anthropic's Messages have no {constraint}"):
        anthropic_http.connect(target("http://localhost", arm="constrained", constraint=constraint), world())
    anthropic_http.connect(target("http://localhost", constraint=constraint), world())


@pytest.mark.parametrize("fields", [{"params": {"system": "Be brief."}}, {"options": {"temperature": 0}}])
def test_what_belongs_elsewhere_is_refused_and_not_dropped(fields: dict[str, Json]) -> None:
    with pytest.raises(InputError, match=r"params hold `system`|anthropic_http has no option 'temperature'"):
        anthropic_http.connect(target("http://localhost", **fields), world())


# --------------------------------------------------------------------------- the key


def test_anthropic_itself_takes_its_own_key() -> None:
    for url in (None, "https://api.anthropic.com/v1"):
        with pytest.raises(InputError, match="ANTHROPIC_API_KEY is not set"):
            anthropic_http.connect(target(url), world(OPENAI_API_KEY=KEY))
        anthropic_http.connect(target(url), world(ANTHROPIC_API_KEY=KEY))


async def test_the_key_of_anthropic_goes_nowhere_else() -> None:
    async with serving(written(text="Hei")) as endpoint:
        await ask(target(endpoint.url), ANTHROPIC_API_KEY=KEY)
        await ask(target(endpoint.url, api_key_env="MY_KEY"), MY_KEY=KEY)
    heads = [received.headers for received in endpoint.received]
    assert [(head.get("x-api-key"), head.get("authorization")) for head in heads] == [
        (None, None),
        (KEY, f"Bearer {KEY}"),  # some who speak Messages look for it where OpenAI has it
    ]
    assert all(head["anthropic-version"] == "2023-06-01" for head in heads)


async def test_a_proxy_of_the_environment_is_used() -> None:
    async with serving(written(text="Hei")) as proxy:
        await ask(target("http://models.example"), http_proxy=proxy.url)
    assert proxy.received[0].path == "http://models.example/v1/messages"


# --------------------------------------------------------------------------- what comes back


@BOTH
async def test_an_answer_is_kept_to_the_byte_and_timed(stream: bool) -> None:
    reply = written(("book", '{"to":"Tromsø 🛫"}'), text="Right away", stream=stream)
    async with serving(replace(reply, headers={"request-id": "r1", "Set-Cookie": "s=1"})) as endpoint:
        response = await ask(target(endpoint.url, stream=stream))
    assert response.wire.body.encode() == b"".join(reply.chunks)
    assert response.wire.headers["request-id"] == "r1" and "set-cookie" not in response.wire.headers
    answer = DIALECT.read(response.wire)
    assert [(payload.tool, payload.value) for payload in answer.payloads] == [("book", {"to": "Tromsø 🛫"})]
    assert (answer.text, answer.usage.output_tokens) == ("Right away", 5)
    timing = response.timing
    assert timing.total == response.wire.arrivals[-1][1]
    marks = (timing.first_token, timing.first_call_byte, timing.arguments_done)
    assert (None not in marks) if stream else (set(marks) == {None})


def error_body(kind: str, message: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "r"}).encode()


@pytest.mark.parametrize(
    ("status", "type", "kind", "retryable"),
    [
        (400, "invalid_request_error", "bad_request", False),
        (401, "authentication_error", "auth", False),
        (402, "billing_error", "budget", False),
        (403, "permission_error", "auth", False),
        (403, "billing_error", "budget", False),
        (404, "not_found_error", "unsupported", False),
        (413, "request_too_large", "bad_request", False),
        (429, "rate_limit_error", "rate_limit", True),
        (500, "api_error", "server", True),
        (504, "timeout_error", "timeout", True),
        (529, "overloaded_error", "server", True),
    ],
)
async def test_an_error_is_named(status: int, type: str, kind: FaultKind, retryable: bool) -> None:
    error = await fault(Reply(status=status, chunks=(error_body(type, f"in its own words, {KEY}"),)))
    assert (error.kind, error.status, error.retryable) == (kind, status, retryable)
    assert error.message == "in its own words, ***"
    assert error.wire is not None and KEY not in error.wire.body


async def test_an_account_without_money_is_no_wrong_request() -> None:
    words = "Your credit balance is too low to access the Anthropic API."
    error = await fault(Reply(status=400, chunks=(error_body("invalid_request_error", words),)))
    assert (error.kind, error.message, error.retryable) == ("budget", words, False)


async def test_the_wait_it_asks_for_is_heard() -> None:
    limits = {"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2001-01-01T00:00:00Z"}
    for headers, seconds in (({"retry-after": "7", **limits}, 7), (limits, 0), ({}, None)):
        error = await fault(Reply(status=429, headers=headers, chunks=(error_body("rate_limit_error", "slow"),)))
        assert error.retry_after == seconds


STREAM = written(("book", '{"to":"Bodø"}'), stream=True)
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@pytest.mark.parametrize(
    ("reply", "fields", "kind", "words"),
    [
        (replace(STREAM, chunks=(*STREAM.chunks[:4], *events(OVERLOADED, done=False))), {}, "server", "Overloaded"),
        (replace(STREAM, chunks=STREAM.chunks[:4], cut=True), {}, "network", "cut off"),
        (replace(STREAM, pause=1.0), {"timeout": 0.1}, "timeout", "not complete after 0.1 s"),
        (Reply(silent=True), {"timeout": 0.1}, "timeout", "no answer after 0.1 s"),
        (Reply(chunks=(b"<h1>Hi</h1>",), content_type="text/html"), {}, "server", "text/html, not JSON: <h1>Hi</h1>"),
    ],
    ids=["error in the stream", "cut", "slow", "silent", "another type"],
)
async def test_what_breaks_off_or_is_no_answer_is_a_fault(
    reply: Reply, fields: dict[str, Any], kind: FaultKind, words: str
) -> None:
    error = await fault(reply, stream=True, **fields)
    assert error.kind == kind and words in error.message


# --------------------------------------------------------------------------- the whole path


class Ran(NamedTuple):
    """A stored run of the reference server's oracle, on every arm, streamed and not; and what the server was sent."""

    run: Run
    seen: list[Json]
    url: str
    folder: Path

    def target(self, arm: str, stream: bool = False) -> Target:
        return next(each for each in self.run.info.targets if (each.arm, each.stream) == (arm, stream))

    def answered(self, asked: Target) -> list[Record]:
        return [record for record in self.run.records if record.target == asked.identity]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("ran")
    with testing.running(workspace.load_suite("travel")) as server:
        models = [
            {
                "name": f"{arm}-{stream}",
                "model": f"anthropic_http/oracle@{arm}",
                "base_url": server.anthropic_url,
                "stream": stream,
            }
            for arm in sorted(ARMS)
            for stream in (False, True)
        ]
        (folder / "models.json").write_text(json.dumps({"models": models}), encoding="utf-8")
        where = ["--models", folder / "models.json", "--reports", folder / "reports"]
        assert main(["run", "travel", *map(str, where), "--limit", "12", "--run", "r", "-q"]) == 0
        seen = [request.json for request in server.requests]
        return Ran(store.load(folder / "reports/r"), seen, server.anthropic_url, folder)


@BOTH
@pytest.mark.parametrize("arm", sorted(ARMS))
def test_a_right_model_is_right_on_every_arm_and_each_body_can_be_told_again(ran: Ran, arm: str, stream: bool) -> None:
    asked = ran.target(arm, stream)
    builder, cases = Builder(ran.run.suite), {case.id: case for case in ran.run.suite.cases}
    records = ran.answered(asked)
    assert len(records) == 12
    for record in records:
        assert record.score is not None and isinstance(record.reply, Response), record.reply
        assert record.score.violations == () and record.score.correct is not False
        left = repro.left(builder.build(cases[record.case], 0, asked).body, record.reply)
        assert left in ran.seen
        assert ("tools" in left) == (arm not in ("prompted", "constrained"))
        assert ("output_config" in left) == (arm == "constrained")
        assert record.reply.posted is not None and "output_config" not in record.reply.posted.settings


def test_the_command_of_a_stored_answer_asks_the_same_again(ran: Ran, capfd: pytest.CaptureFixture[str]) -> None:
    record = ran.answered(ran.target("strict"))[0]
    assert main(["repro", "r", record.case, "-m", record.target, "--reports", str(ran.folder / "reports")]) == 0
    words = shlex.split(capfd.readouterr().out, comments=True)
    assert f"{ran.url}/v1/messages" in words
    assert json.loads(words[words.index("-d") + 1]) in ran.seen


def test_strict_tools_reach_the_endpoint_and_what_they_cannot_hold_is_told(ran: Ran) -> None:
    def told(asked: Target) -> tuple[Divergence, ...]:
        return portability.of_target(asked, ran.run.suite.cases, ran.run.suite.specs, ran.answered(asked))

    strict = ran.target("strict")
    flags = [tool.get("strict") for record in ran.answered(strict) for tool in _tools(record)]
    assert flags and set(flags) <= {True, None}
    assert any(each.kind == "lost" for each in told(strict))
    assert not any(each.keyword == "strict" for each in told(strict))
    assert told(ran.target("native")) == ()


def _tools(record: Record) -> Json:
    assert isinstance(record.reply, Response)
    return record.reply.sent


@pytest.mark.parametrize("arm", ["strict", "constrained"])
def test_schemas_take_the_form_of_its_grammar(arm: str) -> None:
    """Bounds are left out and optional arguments stay optional: OpenAI's form has it the other way round."""
    optional: Json = {"type": "object", "properties": {"seats": {"type": "integer", "minimum": 1}}}
    spec = ToolSpec(name="book", description="", schema=optional, source="")
    ours, openai = (arms.offer(replace(target(arm=arm), provider=name), [spec]) for name in PROVIDERS)
    form: Json = {
        "type": "object",
        "properties": {"seats": {"type": "integer"}},
        "required": [],
        "additionalProperties": False,
    }
    assert json.dumps(form) in json.dumps(ours.large)
    assert json.dumps(form) not in json.dumps(openai.large) and '"minimum": 1' in json.dumps(openai.large)


PROVIDERS = ("anthropic_http", "openai_http")


def test_where_strict_tools_do_not_arrive_the_way_to_them_is_named() -> None:
    with pytest.raises(InputError) as caught:
        arms.offer(Target(name="m", provider="litellm", model="anthropic/claude-m", arm="strict"), [])
    assert "anthropic_http/claude-x" in (caught.value.problems[0].hint or "")


@pytest.mark.parametrize("arm", ["native", "constrained"])
def test_the_doctor_finds_it_well(arm: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with testing.running(canaries.SUITE) as server:
        model = f"anthropic_http/oracle@{arm}?base_url={server.anthropic_url}"
        assert main(["doctor", model, "--json", "--reports", str(tmp_path)]) == 0
    findings = json.loads(capfd.readouterr().out)["probes"]
    assert len(findings) > 15 and {each["status"] for each in findings} == {"ok"}


def test_it_is_there_without_the_client_libraries() -> None:
    code = "import sys, evalkit.providers.anthropic_http; sys.exit(bool({'litellm', 'httpx'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
