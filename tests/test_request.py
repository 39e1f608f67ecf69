"""What is sent, whole."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evalkit import request
from evalkit.data import Case, Suite, Target, ToolSpec

SCHEMA = {"type": "object", "properties": {"b": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"const": 1}}}
SPEC = ToolSpec(name="go", description="Goes.", schema=SCHEMA, source="f#/0")
SILENT = ToolSpec(name="go2", description="", schema=SCHEMA, source="f#/1")
CASE = Case(id="a", messages=({"role": "user", "content": "hi"},), tools=("go", "go2"))
SUITE = Suite(name="s", specs={"go": SPEC, "go2": SILENT}, cases=(CASE,))
TARGET = Target(name="m", provider="p", model="model-1", params={"temperature": 0})


def test_the_body_is_an_openai_chat_completion_with_every_schema_as_declared() -> None:
    body = request.Builder(SUITE).build(CASE, 0, TARGET).body
    assert body == {
        "model": "model-1",
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [
            {"type": "function", "function": {"name": "go", "description": "Goes.", "parameters": SCHEMA}},
            {"type": "function", "function": {"name": "go2", "parameters": SCHEMA}},
        ],
        "temperature": 0,
    }


def test_forced_requires_a_call_and_native_leaves_the_choice() -> None:
    build = request.Builder(SUITE).build
    assert build(CASE, 0, replace(TARGET, arm="forced")).body["tool_choice"] == "required"
    assert "tool_choice" not in build(CASE, 0, TARGET).body


def test_in_one_run_each_strict_target_is_asked_as_its_own_provider_demands() -> None:
    asked = [
        replace(TARGET, provider=provider, model=model, arm="strict")
        for provider, model in [
            ("openai_http", "m"),
            ("anthropic_http", "m"),
            ("litellm", "gemini/m"),
            ("litellm", "bedrock/anthropic.claude-x"),
            ("litellm", "openai/m"),
        ]
    ]
    spec = replace(SPEC, schema={"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}})
    suite = replace(SUITE, specs={"go": spec}, cases=(replace(CASE, tools=("go",)),))
    together = request.Builder(suite)
    for order in (asked, asked[::-1]):
        for target in order:
            alone = request.Builder(suite).build(suite.cases[0], 0, target)
            assert together.build(suite.cases[0], 0, target).body == alone.body
            assert together.digest(alone) == request.Builder(suite).digest(alone)


def test_a_case_that_offers_nothing_sends_no_tools_and_forces_none() -> None:
    body = request.Builder(SUITE).build(replace(CASE, tools=()), 0, replace(TARGET, arm="forced")).body
    assert not {"tools", "tool_choice"} & body.keys()


def test_a_stream_that_counts_its_tokens_is_asked_for_in_the_body_unless_parameters_say_otherwise() -> None:
    build = request.Builder(SUITE).build
    body = build(CASE, 0, replace(TARGET, stream=True)).body
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    uncounted = {"stream_options": {"include_usage": False}}
    assert build(CASE, 0, replace(TARGET, stream=True, params=uncounted)).body["stream_options"] == {
        "include_usage": False
    }
    assert "stream_options" not in build(CASE, 0, TARGET).body


@pytest.mark.parametrize(
    "changed",
    [replace(TARGET, params={"temperature": 1}), replace(TARGET, model="model-2"), replace(TARGET, arm="forced")],
)
def test_the_digest_follows_the_body(changed: Target) -> None:
    builder = request.Builder(SUITE)
    first, again = (builder.digest(builder.build(CASE, trial, TARGET)) for trial in (0, 1))
    assert first == again != builder.digest(builder.build(CASE, 0, changed))


def test_the_digest_follows_the_tools() -> None:
    other = replace(SUITE, specs={"go": SPEC, "go2": replace(SILENT, description="New.")})
    digests = {(b := request.Builder(suite)).digest(b.build(CASE, 0, TARGET)) for suite in (SUITE, other)}
    assert len(digests) == 2
