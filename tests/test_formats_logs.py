"""Logs of other tools: each format reads its own as the tool wrote it, and says of each line what it is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evalkit import extract, messages_api, plugins, traces
from evalkit.data import LEFT, Exchange, Half, Json, Left, Response, Usage, Wire
from evalkit.errors import ProviderError
from tests import strategies
from tests.conversations import atoms, responses_body

CORPUS = Path(__file__).parent / "corpora/logs"
FILES = [
    pytest.param(folder.name, name, want, id=f"{folder.name}/{name}")
    for folder in sorted(CORPUS.iterdir())
    for name, want in json.loads((folder / "expected.json").read_text(encoding="utf-8")).items()
]


def lines_of(form: str, name: str) -> list[str]:
    return (CORPUS / form / name).read_text(encoding="utf-8").splitlines()


def outcome(found: Exchange | Half | Left) -> Json:
    """What is expected of it, as JSON."""
    if isinstance(found, Left):
        return [found.kind, found.what]
    if isinstance(found, Half):
        return [found.key, found.side]
    told: dict[str, Json] = {
        "roles": " ".join(message["role"] for message in found.messages),
        "tools": found.tools and [spec.name for spec in found.tools],
        "source": found.tools and found.tools[-1].source,
        "choice": found.choice,
        "model": found.model,
        "started": found.started,
        "total": found.reply.timing.total,
        "first_token": found.reply.timing.first_token,
    }
    try:
        answer = extract.read(found.reply)
    except ProviderError as error:
        return {**told, "error": error.message}
    used = answer.usage
    told |= {"served_by": answer.served_by, "finish": answer.finish, "tokens": [used.input_tokens, used.output_tokens]}
    told["cost"] = used.cost
    told["calls"] = [[payload.tool, payload.text, payload.value] for payload in answer.payloads]
    return {key: value for key, value in told.items() if value not in (None, "")}


def read(form: str, line: Json) -> list[Exchange | Half | Left]:
    return list(plugins.find("formats", form).exchanges(line))


def of_file(form: str, path: Path) -> list[Json]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [outcome(found) for line in lines for found in read(form, json.loads(line))]


@pytest.mark.parametrize(("form", "name", "want"), FILES)
def test_every_line_is_read_as_it_was_logged(form: str, name: str, want: list[Json]) -> None:
    told = of_file(form, CORPUS / form / name)
    for found, expected in zip(told, want, strict=True):
        assert found == expected


def test_the_whole_corpus_is_expected() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(traces.formats())
    for folder in CORPUS.iterdir():
        named = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
        assert {path.name for path in folder.iterdir()} == {*named, "expected.json"}


@pytest.mark.parametrize(("form", "name", "want"), FILES)
def test_exactly_the_right_format_recognises_the_first_line(form: str, name: str, want: list[Json]) -> None:
    first = lines_of(form, name)[0]
    assert [each for each in plugins.names("formats") if plugins.find("formats", each).sniff(first)] == [form]


@pytest.mark.parametrize("form", traces.formats())
@given(line=strategies.values)
@settings(max_examples=25)
def test_any_json_at_all_is_something_or_is_left_out(form: str, line: Json) -> None:
    assert all(isinstance(found, Exchange | Half | Left) for found in read(form, line))
    assert not plugins.find("formats", form).sniff("{" + json.dumps(line))


@pytest.mark.parametrize("form", traces.formats())
@given(data=st.data())
@settings(max_examples=50)
def test_a_line_with_anything_in_a_place_of_it_is_something_or_is_left_out(form: str, data: st.DataObject) -> None:
    """What a log holds may have any shape at all, at any depth."""
    name = data.draw(st.sampled_from(sorted(path.name for path in (CORPUS / form).glob("*.jsonl"))))
    line = json.loads(data.draw(st.sampled_from(lines_of(form, name))))
    at: Any = line
    while True:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not (isinstance(at[key], dict | list) and at[key]) or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = data.draw(strategies.values)
    for found in read(form, line):
        if isinstance(found, Left):
            assert found.kind in LEFT
        else:
            outcome(found)


@pytest.mark.parametrize(("form", "name", "want"), FILES)
def test_no_header_is_read(form: str, name: str, want: list[Json]) -> None:
    for line in lines_of(form, name):
        for found in read(form, json.loads(line)):
            assert not any(secret in repr(found) for secret in ("not-a-key", "not-a-cookie", "not-a-hash"))


def test_earlier_turns_are_kept_to_the_letter() -> None:
    (found,) = read("openai_log", json.loads(lines_of("openai_log", "bodies.jsonl")[1]))
    assert isinstance(found, Exchange)
    assert found.messages[3] == {"role": "tool", "tool_call_id": "call_a1", "content": '{"sky": "rain",  "c": 4}'}


def test_parts_become_messages_in_openais_shape() -> None:
    (found,) = read("otel_genai", json.loads(lines_of("otel_genai", "spans.jsonl")[1]))
    assert isinstance(found, Exchange)
    function = {"name": "get_weather", "arguments": '{"city":"Oslo","days":1}'}
    assert found.messages == (
        {"role": "system", "content": "You tell the weather."},
        {"role": "user", "content": "Oslo tomorrow?"},
        {
            "role": "assistant",
            "content": "A moment.",
            "tool_calls": [{"id": "call_o0", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_o0", "content": "rain,  4 °C"},
        {"role": "user", "content": "And Bergen?"},
    )


@pytest.mark.parametrize("told", ["--5", "-", "", "9" * 5000, "1e3"])
def test_what_is_no_whole_number_is_left_as_it_stands(told: str) -> None:
    text = next(line for line in lines_of("otel_genai", "spans.jsonl") if '{"intValue": "' in line)
    found = read("otel_genai", json.loads(re.sub(r'(?<="intValue": )"\d+"', json.dumps(told), text)))[-1]
    assert isinstance(found, Exchange)
    assert extract.read(found.reply).usage.input_tokens is None


def test_a_list_on_one_line_is_as_many_lines() -> None:
    lines = [json.loads(line) for line in lines_of("openai_log", "openpipe.jsonl") * 2]
    assert plugins.find("formats", "openai_log").sniff(json.dumps(lines))
    assert [outcome(found) for found in read("openai_log", lines)] == [
        outcome(found) for line in lines for found in read("openai_log", line)
    ]


# --------------------------------------------------------------------------- what is said in the words of other APIs


def text(said: str) -> Json:
    return {"type": "text", "text": said}


def image(url: str, **more: Json) -> Json:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def call(id: str, arguments: str) -> Json:
    return {"id": id, "type": "function", "function": {"name": "get_weather", "arguments": arguments}}


@pytest.mark.parametrize(
    ("form", "number", "messages"),
    [
        (
            "anthropic_log",
            1,
            (
                {"role": "system", "content": [text("You tell the weather."), text("Be brief.")]},
                {"role": "user", "content": [text("Oslo and "), text("Bergen?")]},
                {
                    "role": "assistant",
                    "content": "Let me see.",
                    "tool_calls": [call("toolu_a", '{"city":"Oslo"}'), call("toolu_b", '{"city":"Bergen","days":2}')],
                },
                {"role": "tool", "tool_call_id": "toolu_a", "content": "rain,  4 °C"},
                {"role": "tool", "tool_call_id": "toolu_b", "content": "Error: no such station"},
                {"role": "user", "content": "And in São Paulo 😀?"},
            ),
        ),
        (
            "anthropic_log",
            11,
            (
                {
                    "role": "user",
                    "content": [
                        image("data:image/png;base64,iVBORw0KGgo="),
                        image("https://example.invalid/sky.png"),
                        text("Where is this?"),
                    ],
                },
            ),
        ),
        ("anthropic_log", 13, ({"role": "user", "content": "A thought?"}, {"role": "user", "content": "Well?"})),
        (
            "anthropic_log",
            14,
            (
                {"role": "user", "content": "No result?"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [call("toolu_01A09q90qw90lq917835lq9", '{"city":"Oslo"}')],
                },
                {"role": "tool", "tool_call_id": "toolu_01A09q90qw90lq917835lq9", "content": ""},
            ),
        ),
        (
            "openai_responses_log",
            1,
            (
                {"role": "developer", "content": "You tell the weather."},
                {
                    "role": "user",
                    "content": [text("Oslo and Bergen?"), image("data:image/png;base64,iVBORw0KGgo=", detail="low")],
                },
                {
                    "role": "assistant",
                    "content": "Let me see.",
                    "tool_calls": [call("call_1", '{"city": "Oslo"}'), call("call_2", '{"city": "Bergen", "days": 2}')],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "rain,  4 °C"},
                {"role": "tool", "tool_call_id": "call_2", "content": "no such station"},
                {"role": "assistant", "content": "Rain in Oslo."},
                {"role": "user", "content": "And in São Paulo 😀?"},
            ),
        ),
        (
            "openai_responses_log",
            13,
            (
                {"role": "user", "content": "One after the other?"},
                {"role": "assistant", "content": None, "tool_calls": [call("call_1", '{"city": "Oslo"}')]},
                {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
                {"role": "assistant", "content": "Wait.", "tool_calls": [call("call_2", '{"city": "Bergen"}')]},
                {"role": "tool", "tool_call_id": "call_2", "content": "sun"},
            ),
        ),
        (
            "openai_responses_log",
            21,
            (
                {"role": "user", "content": "Refused?"},
                {"role": "assistant", "content": [{"type": "refusal", "refusal": "I may not."}]},
                {"role": "user", "content": "Why?"},
            ),
        ),
    ],
)
def test_a_conversation_becomes_messages_in_openais_shape(form: str, number: int, messages: Json) -> None:
    (found,) = read(form, json.loads(lines_of(form, "bodies.jsonl")[number]))
    assert isinstance(found, Exchange)
    assert found.messages == messages


BODIES = {"openai_chat": lambda chat: chat, "anthropic": messages_api.body, "openai_responses": responses_body}
FORMS = {"openai_chat": "openai_log", "anthropic": "anthropic_log", "openai_responses": "openai_responses_log"}
_CALLS = st.lists(st.tuples(st.sampled_from(["book", "unknown"]), st.text(max_size=12)), max_size=3)
_AS = st.sampled_from(["object", "text", "stream", "events"])


@pytest.mark.parametrize("api", BODIES)
@given(strategies.chats, _CALLS, strategies.said, _AS)
@settings(deadline=None, max_examples=40)
def test_what_was_asked_and_answered_is_the_same_in_the_words_of_every_api(
    api: str, chat: dict[str, Json], made: list[tuple[str, str]], said: str, kept_as: str
) -> None:
    dialect = plugins.dialect(api)
    received = dialect.write(made, said, model="m-1", usage=Usage(), stream=kept_as in ("stream", "events"))
    assume(kept_as != "events" or "\\ud" not in received)  # a line is torn that holds half of a surrogate pair
    request = BODIES[api](chat)
    answer: Json = json.loads(received) if kept_as == "object" else received
    if kept_as == "events":
        data = [line.removeprefix("data: ") for line in received.split("\n") if line.startswith("data: ")]
        answer = [json.loads(each) for each in data if each != "[DONE]"]
    line = {"request": json.dumps(request) if kept_as == "text" else request, "response": answer}
    knowing = [form for form in traces.formats() if plugins.find("formats", form).sniff(json.dumps(line))]
    assert knowing == [FORMS[api]]
    (found,) = read(FORMS[api], line)
    assert isinstance(found, Exchange) and found.tools is not None
    assert list(atoms(found.messages)) == list(atoms(chat["messages"]))
    declared = [tool["function"] for tool in chat["tools"]]
    assert [(spec.name, spec.description, spec.schema) for spec in found.tools] == [
        (each["name"], each.get("description", ""), each["parameters"]) for each in declared
    ]
    assert (found.choice or "auto") == chat.get("tool_choice", "auto")
    assert found.model == chat["model"]
    assert extract.read(found.reply) == extract.read(Response(wire=Wire(status=200, body=received), dialect=api))


@given(strategies.chats)
@settings(max_examples=40)
def test_what_comes_from_messages_is_said_in_their_words_as_it_was(chat: dict[str, Json]) -> None:
    asked = messages_api.body(chat)
    answer = {"type": "message", "content": [], "stop_reason": "end_turn"}
    (found,) = read("anthropic_log", {"request": asked, "response": answer})
    assert isinstance(found, Exchange)
    again = messages_api.conversation(found.messages)
    assert in_blocks(again) == in_blocks({key: asked[key] for key in again})


def in_blocks(body: Json) -> Json:
    """A text alone is one block of text."""
    body = json.loads(json.dumps(body))
    for holder, key in ((body, "system"), *((message, "content") for message in body["messages"])):
        if isinstance(holder.get(key), str):
            holder[key] = [text(holder[key])]
    return body


@pytest.mark.parametrize(
    "line",
    [
        {"request": {"messages": [{"role": "user", "content": "?"}]}, "response": {"error": {"message": "Overloaded"}}},
        {"request": {"messages": [{"role": "user", "content": "?"}]}, "response": "no answer"},
        {"request": {"model": "text-embedding-3-small", "input": "?"}, "response": {"error": {"message": "Too many"}}},
        {"custom_id": "a", "response": None, "error": {"code": "batch_expired"}},
        {"custom_id": "a", "body": {"model": "text-embedding-3-small", "input": "?"}},
    ],
)
def test_what_could_be_of_several_apis_is_known_by_none(line: Json) -> None:
    assert not any(plugins.find("formats", form).sniff(json.dumps(line)) for form in traces.formats())


def test_a_half_that_does_not_tell_whose_it_is_is_one_for_each_whose_it_may_be() -> None:
    expired = {"custom_id": "a", "response": None, "error": {"code": "batch_expired"}}
    unclear = {"custom_id": "a", "body": {"messages": [{"role": "user", "content": "?"}]}}
    for half, of in ((expired, ["openai_log", "openai_responses_log"]), (unclear, ["openai_log"])):
        told = {form: read(form, half)[0] for form in FORMS.values()}
        assert [form for form, found in told.items() if isinstance(found, Half)] == of
        assert all(found == Left(kind="foreign") for form, found in told.items() if form not in of)


def test_a_line_with_both_is_no_half_whatever_it_is_called_by() -> None:
    line = json.loads(lines_of("openai_log", "bodies.jsonl")[0])
    (found,) = read("openai_log", {"custom_id": "a", **line})
    assert isinstance(found, Exchange)
    assert read("anthropic_log", {"custom_id": "a", "params": {}, "result": {}}) == [Left(kind="foreign")]


@pytest.mark.parametrize(
    ("request_", "answer", "form"),
    [
        ({"system": "Be brief."}, None, "anthropic_log"),
        ({"system": "Be brief."}, {"role": "assistant", "content": [{"type": "text", "text": "Hei"}]}, "anthropic_log"),
        ({"anthropic_version": "bedrock-2023-05-31"}, None, "anthropic_log"),
        ({"stop_sequences": ["\n"]}, None, "anthropic_log"),
        ({"tools": [{"name": "f", "input_schema": {}}]}, None, "anthropic_log"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, None, "anthropic_log"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, None, "openai_log"),
        ({"tools": [{"name": "f", "parameters": {}}]}, None, "openai_log"),
        ({"response_format": {"type": "json_object"}}, None, "openai_log"),
        ({"tools": [{"name": "f", "input_schema": {}}]}, {"choices": []}, "openai_log"),
        ({}, {"role": "assistant", "content": "Hei"}, "openai_log"),
        ({}, {"type": "message", "content": [], "stop_reason": "end_turn"}, "anthropic_log"),
        ({}, {"role": "assistant", "content": None, "tool_calls": [{}], "stop_reason": "tool_use"}, "anthropic_log"),
        ({}, {"role": "assistant", "content": None, "tool_calls": [{}]}, "openai_log"),
        ({}, 'event: message_start\r\ndata: {"type": "message_start"}\r\n\r\n', "anthropic_log"),
        ({}, [{"choices": []}], "openai_log"),
        ({"system": "Be brief."}, {"output": {"message": {"role": "assistant"}}}, None),
        ({"messages": None, "input": "?"}, {"output": []}, "openai_responses_log"),
        ({"messages": None, "input": "?"}, 'data: {"type": "response.created"}\n\n', "openai_responses_log"),
        ({"messages": None, "input": "?"}, {"object": "list"}, None),
    ],
)
def test_an_answer_tells_whose_an_exchange_is_and_else_its_question_does(
    request_: Json, answer: Json, form: str | None
) -> None:
    line = json.dumps({"request": {"messages": [{"role": "user", "content": "?"}], **request_}, "response": answer})
    knowing = [name for name in traces.formats() if plugins.find("formats", name).sniff(line)]
    assert knowing == ([form] if form else [])
