"""Requests as commands: what a shell makes of them is what was asked, and no key is in them."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import plugins, repro, request, testing, workspace
from evalkit.apis import APIS
from evalkit.data import Json, Request, Response, Run, Serve, Target
from evalkit.plugins import World
from evalkit.providers import _http
from tests import comparisons
from tests.comparisons import ZURICH

TARGET = replace(comparisons.NEW, base_url="http://localhost:8000/v1")
SUITE = comparisons.compared((), [], []).suite


def command(target: Target = TARGET, said: str = "hello", **params: Json) -> repro.Command:
    case = replace(ZURICH, messages=({"role": "user", "content": said},))
    return repro.curl(request.Builder(SUITE).build(case, 0, replace(target, params=params)))


def words(text: str) -> list[str]:
    return shlex.split(text, comments=True)


def sent(text: str) -> Any:
    found = words(text)
    return json.loads(found[found.index("-d") + 1])


@given(st.text(), st.dictionaries(st.text(max_size=9), st.integers() | st.text(max_size=9), max_size=3))
def test_a_shell_makes_of_it_the_very_body(said: str, params: dict[str, Json]) -> None:
    params = {f"x_{name}": value for name, value in params.items()}
    case = replace(ZURICH, messages=({"role": "user", "content": said},))
    asked = request.Builder(SUITE).build(case, 0, replace(TARGET, params=params))
    made = repro.curl(asked)
    assert sent(made.text) == asked.body
    assert all(line.isprintable() for line in made.text.split("\n"))
    to_be_read = repro.curl(asked, indent=2).text
    assert sent(to_be_read) == asked.body and to_be_read.count("\n") > made.text.count("\n") + 10


def test_a_real_shell_reads_it_as_we_do(tmp_path: Any) -> None:
    said = "it's $HOME, `id` and \"quotes\" \\ 'end"
    script = command(said=said).text.replace("curl -sS", "printf '%s\\n'", 1)
    out = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert json.loads(out.splitlines()[-1])["messages"] == [{"role": "user", "content": said}]


def test_cases_that_offer_the_same_tools_share_the_longest_part() -> None:
    one, other = command(said="one"), command(said="other")
    assert one.tools == other.tools and len(one.tools) > len(one.head)
    assert one.head != other.head


@pytest.mark.parametrize(
    "base",
    [
        None,
        "http://h:1",
        "http://h:1/",
        "http://h:1/v1",
        "http://h:1/v1/",
        "http://h/v2/chat/completions",
        "http://h/v1?k=1",
        "http://h/anthropic",
        "https://api.openai.com/v1/",
        "https://api.anthropic.com/v1",
    ],
)
@pytest.mark.parametrize("provider", APIS)
def test_the_address_is_the_one_that_is_asked_and_the_key_the_one_that_is_sent(provider: str, base: str | None) -> None:
    target = replace(TARGET, provider=provider, base_url=base)
    keys = {api.key: f"${api.key}" for api in APIS.values()}
    line = _http.line(APIS[provider], target, World(environ=keys, load_run=_none))
    assert repro.address(target) == str(line.url)
    told = [word for word in words(command(target).text) if ": " in word and not word.startswith(("Content", "{"))]
    assert told == [f"{name}: {value}" for name, value in line.headers.items()]


@pytest.mark.parametrize(("provider", "path"), [("openai_http", "chat/completions"), ("anthropic_http", "messages")])
def test_a_server_that_is_gone_is_asked_where_the_reader_starts_it(provider: str, path: str) -> None:
    target = replace(TARGET, provider=provider, base_url=None, serve=Serve(engine="llamacpp", model="m"))
    text = command(target).text
    assert f'"$BASE_URL/{path}"' in text and "$OPENAI_API_KEY" not in text and "$ANTHROPIC_API_KEY" not in text


def test_the_key_is_named_and_a_password_in_the_address_left_out() -> None:
    named = command(replace(TARGET, api_key_env="MY_KEY")).text
    assert '-H "Authorization: Bearer $MY_KEY"' in named
    assert "Authorization" not in command().text
    assert "secret" not in command(replace(TARGET, base_url="http://me:secret@localhost/v1")).text


def test_what_was_not_asked_over_http_asks_an_address_of_the_reader(tmp_path: Any) -> None:
    text = command(replace(TARGET, provider="reference", base_url=None)).text
    assert text.startswith("# gpt-new was not asked over HTTP") and '"$BASE_URL/chat/completions"' in text


# --------------------------------------------------------------------------- the very question again

BASES = {"openai/oracle": "openai_url", "anthropic/oracle": "anthropic_url", "gemini/oracle": "gemini_url"}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("model", BASES)
def test_piped_to_a_shell_it_gets_the_answer_that_the_run_got(model: str, stream: bool, tmp_path: Path) -> None:
    suite = workspace.load_suite("office")
    with testing.running(suite) as server:
        target = Target(
            name="m",
            provider="litellm",
            model=model,
            base_url=getattr(server, BASES[model]),
            api_key_env="MY_KEY",
            stream=stream,
            params={"max_tokens": 99, "tool_choice": "auto"},
        )
        case = suite.cases[0]
        asked = request.Builder(suite).build(case, 0, target)
        reply = asyncio.run(_asked(asked))
        before = server.requests[-1]
        script = repro.curl(asked, reply).text
        assert "sk-loopback" not in script
        env = {**os.environ, "MY_KEY": "sk-loopback"}
        done = subprocess.run(["sh", "-c", script], capture_output=True, check=True, cwd=tmp_path, env=env)
        after = server.requests[-1]
    assert done.stdout.decode() == reply.wire.body
    assert (after.path, after.json) == (before.path, before.json)
    keys = ("authorization", "x-api-key", "x-goog-api-key", "anthropic-version")
    assert [_header(after, key) for key in keys] == [_header(before, key) for key in keys]
    assert any("sk-loopback" in (_header(after, key) or "") for key in keys)


def _header(seen: testing.Seen, name: str) -> str | None:
    return next((value for key, value in seen.headers.items() if key.lower() == name), None)


async def _asked(asked: Request) -> Response:
    connection = plugins.provider("litellm").connect(
        asked.target, World(environ={"MY_KEY": "sk-loopback"}, load_run=_none)
    )
    try:
        return await connection.ask(asked)
    finally:
        await connection.close()


def _none(name: str) -> Run:
    raise AssertionError("nothing is replayed here")


def test_a_streamed_question_over_our_own_client_is_told_whole() -> None:
    text = command(replace(TARGET, stream=True)).text
    assert sent(text)["stream_options"] == {"include_usage": True}
