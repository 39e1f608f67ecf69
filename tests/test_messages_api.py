"""A chat completion in the words of Messages: nothing is lost, nothing mended. litellm's view of it: test_litellm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit import messages_api
from evalkit.data import FaultKind, Json
from evalkit.errors import ProviderError
from tests import strategies

SCHEMA: Json = {"type": "object", "properties": {"to": {"type": "string"}}}


def user(content: Json) -> Json:
    return {"role": "user", "content": content}


def system(content: Json, role: str = "system") -> Json:
    return {"role": role, "content": content}


def calling(*arguments: str, content: Json = None) -> Json:
    made = [
        {"id": f"c{index}", "type": "function", "function": {"name": "book", "arguments": text}}
        for index, text in enumerate(arguments)
    ]
    return {"role": "assistant", "content": content, "tool_calls": made}


def result(content: Json, id: str = "c0", **more: Json) -> Json:
    return {"role": "tool", "tool_call_id": id, "content": content, **more}


def text(said: str) -> Json:
    return {"type": "text", "text": said}


def image(url: str) -> Json:
    return {"type": "image_url", "image_url": {"url": url, "detail": "low"}}


def use(id: str, **arguments: Json) -> Json:
    return {"type": "tool_use", "id": id, "name": "book", "input": arguments}


def told(id: str, content: Json) -> Json:
    return {"type": "tool_result", "tool_use_id": id, "content": content}


# --------------------------------------------------------------------------- the conversation


@pytest.mark.parametrize(
    ("said", "conversation"),
    [
        ([user("Hei")], {"messages": [user("Hei")]}),
        (
            [system("Be brief."), user("Hei")],
            {"system": "Be brief.", "messages": [user("Hei")]},
        ),
        (
            [system("Be brief.", "developer"), system([text("Be kind.")]), user("Hei")],
            {"system": [text("Be brief."), text("Be kind.")], "messages": [user("Hei")]},
        ),
        (
            [user("Hei"), system("Be brief.", "developer"), user("Ja?")],
            {"messages": [user("Hei"), system("Be brief."), user("Ja?")]},
        ),
        (
            [user("Go"), calling("{}"), {"role": "tool", "tool_call_id": "c0"}],
            {
                "messages": [
                    user("Go"),
                    {"role": "assistant", "content": [use("c0")]},
                    user([{"type": "tool_result", "tool_use_id": "c0"}]),
                ]
            },
        ),
        (
            [user("one"), user([text("two")])],
            {"messages": [user([text("one"), text("two")])]},
        ),
        (
            [user([text("See"), image("data:image/png;base64,AAAA"), image("https://h/a.png")])],
            {
                "messages": [
                    user(
                        [
                            text("See"),
                            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                            {"type": "image", "source": {"type": "url", "url": "https://h/a.png"}},
                        ]
                    )
                ]
            },
        ),
        (
            [
                user("Go"),
                calling('{"to": "Bodø"}', "{}", content="Wait"),
                result("1"),
                result([text("2")], "c1"),
                user("So?"),
            ],
            {
                "messages": [
                    user("Go"),
                    {"role": "assistant", "content": [text("Wait"), use("c0", to="Bodø"), use("c1")]},
                    user([told("c0", "1"), told("c1", [text("2")]), text("So?")]),
                ]
            },
        ),
        (
            [user("Go"), calling("{}", content=""), result("1", name="book"), {"role": "assistant", "content": "Done"}],
            {
                "messages": [
                    user("Go"),
                    {"role": "assistant", "content": [use("c0")]},
                    user([told("c0", "1")]),
                    {"role": "assistant", "content": "Done"},
                ]
            },
        ),
        (
            [{**user("Hei"), "name": "Ida"}, {"role": "assistant", "content": "Ja", "refusal": None, "tool_calls": []}],
            {"messages": [user("Hei"), {"role": "assistant", "content": "Ja"}]},
        ),
    ],
)
def test_a_conversation_is_said_in_the_words_of_messages(said: list[Json], conversation: Json) -> None:
    assert messages_api.conversation(said) == conversation


@pytest.mark.parametrize(
    ("message", "kind", "why"),
    [
        (calling('{"to": '), "bad_request", "calls 'book' with arguments that are no JSON object"),
        (calling("[1]"), "bad_request", r"no JSON object: they are \[1\]"),
        (calling('{"a": 1, "a": 2}'), "bad_request", "the key 'a' stands twice"),
        (calling(""), "bad_request", "no JSON object"),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, "bad_request", "has no text at /function/name"),
        ({"role": "tool", "content": "1"}, "bad_request", "has no text at /tool_call_id"),
        (user([{"type": "input_audio", "input_audio": {}}]), "unsupported", "a part of type 'input_audio'"),
        (user([{"type": "image_url", "image_url": "https://h"}]), "bad_request", "no text at /image_url/url"),
        (user([image("data:image/svg+xml,<svg/>")]), "unsupported", "not in base64"),
        (user(["Hei"]), "bad_request", "no text at /type"),
        ({"role": "assistant", "function_call": {"name": "book"}}, "unsupported", "holds 'function_call'"),
        ({**user("Hei"), "tool_calls": [{}]}, "unsupported", "holds 'tool_calls'"),
        ({"role": "function", "content": "1"}, "unsupported", "has the role 'function'"),
    ],
)
def test_what_cannot_be_said_is_refused_where_it_stands(message: Json, kind: FaultKind, why: str) -> None:
    with pytest.raises(ProviderError, match=f"message 2 of the conversation .*{why}") as caught:
        messages_api.conversation([user("Hei"), message])
    assert (caught.value.kind, caught.value.retryable) == (kind, False)


@settings(max_examples=60)
@given(strategies.chats)
def test_turns_alternate_and_nothing_that_was_said_is_lost_or_changed_on_the_way(chat: dict[str, Json]) -> None:
    before = json.dumps(chat)
    made = messages_api.body(chat)
    roles = [message["role"] for message in made["messages"]]
    assert all(role != last for role, last in zip(roles[1:], roles, strict=False))
    contents = (message["content"] for message in made["messages"])
    assert list(spoken(made.get("system"), *contents)) == list(heard(chat["messages"]))
    assert json.dumps(chat) == before


def spoken(*contents: Json) -> Iterator[Json]:
    """What Messages say, piece by piece, in order."""
    for content in contents:
        if isinstance(content, str):
            yield content
        for block in content if isinstance(content, list) else []:
            kind = block["type"]
            if kind == "text":
                yield block["text"]
            elif kind == "image":
                yield f"data:{block['source']['media_type']};base64,{block['source']['data']}"
            elif kind == "tool_use":
                yield block["id"], block["name"], block["input"]
            else:
                yield block["tool_use_id"]
                yield from spoken(block["content"])


def heard(said: list[Any]) -> Iterator[Json]:
    """What the chat's messages say."""
    for message in said:
        if message["role"] == "tool":
            yield message["tool_call_id"]
        content = message["content"]
        for part in [text(content)] if isinstance(content, str) else content or []:
            yield part.get("text") or part["image_url"]["url"]
        for call in message.get("tool_calls", ()):
            yield call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])


# --------------------------------------------------------------------------- all else


@pytest.mark.parametrize(
    ("chat", "made"),
    [
        ({}, {"max_tokens": messages_api.MAX_TOKENS}),
        ({"max_tokens": 9}, {"max_tokens": 9}),
        ({"max_completion_tokens": 9}, {"max_tokens": 9}),
        ({"max_tokens": 9, "max_completion_tokens": 8}, {"max_tokens": 9, "max_completion_tokens": 8}),
        ({"stop": "x"}, {"stop_sequences": ["x"]}),
        ({"stop": ["x", "y"]}, {"stop_sequences": ["x", "y"]}),
        ({"stream": True, "stream_options": {"include_usage": True}}, {"stream": True}),
        ({"tool_choice": "auto"}, {"tool_choice": {"type": "auto"}}),
        ({"tool_choice": "required"}, {"tool_choice": {"type": "any"}}),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"tool_choice": {"type": "none"}}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "book"}}},
            {"tool_choice": {"type": "tool", "name": "book"}},
        ),
        ({"parallel_tool_calls": False}, {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}),
        (
            {"tool_choice": "required", "parallel_tool_calls": True},
            {"tool_choice": {"type": "any", "disable_parallel_tool_use": False}},
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "c", "strict": True, "schema": SCHEMA},
                }
            },
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        ),
        (
            {
                "output_config": {"effort": "low"},
                "response_format": {"type": "json_schema", "json_schema": {"name": "c", "schema": SCHEMA}},
            },
            {"output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}},
        ),
        ({"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "strict": True, "parameters": SCHEMA}}]},
            {"tools": [{"name": "f", "strict": True, "input_schema": SCHEMA}]},
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}]},
            {"tools": [{"name": "f", "description": "d", "input_schema": SCHEMA}]},
        ),
    ],
)
def test_settings_are_said_in_the_words_of_messages(chat: dict[str, Json], made: dict[str, Json]) -> None:
    plain = {"model": "m", "messages": [user("Hei")]}
    assert messages_api.body({**plain, **chat}) == {"max_tokens": messages_api.MAX_TOKENS, **plain, **made}


OWN_WORDS: dict[str, Json] = {
    "tools": [{"type": "web_search_20250305", "name": "web_search"}],
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "stop_sequences": ["x"],
    "metadata": {"user_id": "u"},
}


@given(
    others=st.dictionaries(st.text(max_size=6), strategies.values, max_size=3),
    own=st.sets(st.sampled_from(sorted(OWN_WORDS))),
)
def test_what_stands_in_its_own_words_or_is_unknown_goes_out_as_it_stands(
    others: dict[str, Json], own: set[str]
) -> None:
    chat = {f"x_{key}": value for key, value in others.items()} | {key: OWN_WORDS[key] for key in own}
    assert messages_api.settings({**chat, "max_tokens": 9}) == {**chat, "max_tokens": 9}
