"""What extraction adds to what a dialect reads, over bodies that the dialects write."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit import extract, plugins
from evalkit.data import ARMS, Json, Response, Usage, Wire
from evalkit.errors import ProviderError

DIALECTS = ("openai_chat", "openai_responses", "anthropic", "bedrock", "gemini", "ollama")
CALL = ("get_weather", '{"city": "Oslo", "days": 2}')
WORDS = {
    "openai_chat": {"stop": "stop", "tool_calls": "tool_calls", "length": "length"},
    "openai_responses": {"stop": "completed", "tool_calls": "completed", "length": "max_output_tokens"},
    "anthropic": {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"},
    "bedrock": {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"},
    "gemini": {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS"},
    "ollama": {"stop": "stop", "tool_calls": "stop", "length": "length"},
}
UNTELLING = ("gemini", "ollama", "openai_responses")
"""They have one word for complete answers, with calls or without."""


def response(
    dialect: str,
    calls: list[tuple[str, Json]],
    text: str = "",
    *,
    finish: str | None = None,
    stream: bool = False,
    client: Json = None,
) -> Response:
    body = plugins.dialect(dialect).write(calls, text, model="m", usage=Usage(), stream=stream, finish=finish)
    return Response(wire=Wire(status=200, body=body, stream=stream), dialect=dialect, client=client)


def codes(given: Response) -> list[str]:
    return [violation.code for violation in extract.read(given).violations]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("calls", [[], [CALL], [CALL, CALL]])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_sound_answer_is_read_by_its_dialect_with_nothing_added(
    dialect: str, calls: list[tuple[str, Json]], stream: bool
) -> None:
    sound = response(dialect, calls, "" if calls else "It is cold.", stream=stream)
    answer = extract.read(sound)
    assert answer == plugins.dialect(dialect).read(sound.wire)
    assert answer.violations == ()
    assert [payload.tool for payload in answer.payloads] == [tool for tool, _ in calls]


def test_a_body_that_is_no_answer_is_the_worlds_fault() -> None:
    with pytest.raises(ProviderError):
        extract.read(Response(wire=Wire(status=200, body="<html>"), dialect="openai_chat"))


# --------------------------------------------------------------------------- calls that the endpoint could not read

UNREAD = 'error parsing tool call: raw=\'{"city": "Os\', err=unexpected end of JSON input'


@pytest.mark.parametrize(
    ("dialect", "status", "body"),
    [
        ("openai_chat", 400, {"error": {"code": "tool_use_failed", "failed_generation": '{"city": "Os'}}),
        ("openai_chat", 500, {"error": {"message": UNREAD}}),
        ("ollama", 500, {"error": UNREAD}),
    ],
)
def test_a_call_that_the_endpoint_could_not_read_is_an_answer_and_holds_what_the_model_said(
    dialect: str, status: int, body: Json
) -> None:
    answer = extract.read(Response(wire=Wire(status=status, body=json.dumps(body)), dialect=dialect))
    assert (answer.payloads, answer.text) == ((), '{"city": "Os')
    (violation,) = answer.violations
    assert (violation.code, violation.excerpt) == ("call.unreadable", '{"city": "Os')


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("said", ['{"calls": [{"name": "f", "arguments": {}}]}', "<function=f>{}</function>"])
def test_no_call_is_looked_for_in_what_no_application_got(arm: str, said: str) -> None:
    body = {"error": {"code": "tool_use_failed", "failed_generation": said}}
    answer = extract.read(Response(wire=Wire(status=400, body=json.dumps(body)), dialect="openai_chat", arm=arm))
    assert (answer.payloads, answer.text, answer.arm) == ((), said, arm)
    assert [violation.code for violation in answer.violations] == ["call.unreadable"]


def test_a_call_that_gemini_could_not_read_is_named_whoever_hands_it_on() -> None:
    native = response("gemini", [("get_weather", '{"city": "Os')])
    choice = {"index": 0, "message": {}, "finish_reason": "error", "native_finish_reason": "MALFORMED_FUNCTION_CALL"}
    handed = Response(wire=Wire(status=200, body=json.dumps({"choices": [choice]})), dialect="openai_chat")
    assert codes(native) == codes(handed) == ["call.unreadable"]


@pytest.mark.parametrize(("ids", "found"), [("ab", []), ("aa", ["envelope.same_id"]), ("aba", ["envelope.same_id"])])
def test_two_calls_under_one_id_are_named_and_are_two(ids: str, found: list[str]) -> None:
    calls = [
        {"id": id, "type": "function", "function": {"name": "f", "arguments": f"[{n}]"}} for n, id in enumerate(ids)
    ]
    choice = {"index": 0, "message": {"tool_calls": calls}, "finish_reason": "tool_calls"}
    answer = extract.read(
        Response(wire=Wire(status=200, body=json.dumps({"choices": [choice]})), dialect="openai_chat")
    )
    assert [violation.code for violation in answer.violations] == found
    assert [payload.index for payload in answer.payloads] == list(range(len(ids)))
    assert all(violation.payload == len(ids) - 1 for violation in answer.violations)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_answer_nested_deeper_than_any_reader_goes_is_not_asked_for_again(dialect: str) -> None:
    body = '{"a":' * 100_000 + "1" + "}" * 100_000
    with pytest.raises(ProviderError) as caught:
        extract.read(Response(wire=Wire(status=200, body=body), dialect=dialect))
    assert caught.value.kind == "server" and not caught.value.retryable and "nested" in caught.value.message


# --------------------------------------------------------------------------- calls left in the text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_call_left_in_the_text_is_named_and_is_no_call(dialect: str) -> None:
    text = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
    answer = extract.read(response(dialect, [], text))
    assert answer.payloads == ()
    (violation,) = answer.violations
    assert violation.code == "call.leaked_in_text"
    assert "'get_weather'" in violation.message
    assert "Hermes" in violation.message
    assert violation.excerpt in text


def test_a_megabyte_of_text_does_not_hang() -> None:
    text = "<tool_call> " * 80_000
    began = time.process_time()
    assert codes(response("openai_chat", [], text)) == []
    assert time.process_time() - began < 2


# --------------------------------------------------------------------------- cut off


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_cut_off_at_the_token_limit_is_truncated(stream: bool) -> None:
    cut = ("get_weather", '{"city": "Os')
    answer = extract.read(response("openai_chat", [CALL, cut], finish="length", stream=stream))
    (violation,) = answer.violations
    assert (violation.code, violation.payload) == ("call.truncated", 1)
    assert answer.payloads[1].error == "json.syntax"


@pytest.mark.parametrize("dialect", ["openai_responses", "anthropic", "bedrock"])
def test_a_stream_shows_the_cut(dialect: str) -> None:
    assert codes(response(dialect, [("f", '{"a": ')], finish="length", stream=True)) == ["call.truncated"]


@pytest.mark.parametrize(
    ("calls", "finish"),
    [([CALL], "length"), ([], "length"), ([("f", "{")], "tool_calls"), ([("f", "{"), CALL], "length")],
)
def test_nothing_is_truncated_where_the_last_call_is_whole_or_the_limit_was_not_met(
    calls: list[tuple[str, Json]], finish: str
) -> None:
    assert "call.truncated" not in codes(response("openai_chat", calls, "text", finish=finish))


# --------------------------------------------------------------------------- finish reasons


@pytest.mark.parametrize(
    ("dialect", "calls", "finish", "conflict"),
    [
        ("openai_chat", [], "tool_calls", True),
        ("openai_chat", [CALL], "stop", True),
        ("openai_chat", [CALL], "tool_calls", False),
        ("openai_chat", [CALL], "length", False),
        ("openai_chat", [], "stop", False),
        ("anthropic", [], "tool_calls", True),
        ("anthropic", [CALL], "stop", True),
        ("anthropic", [CALL], "tool_calls", False),
        ("bedrock", [CALL], "stop", True),
        ("bedrock", [], "tool_calls", True),
        *((dialect, calls, "stop", False) for dialect in UNTELLING for calls in ([CALL], [])),
    ],
)
def test_a_finish_reason_conflicts_where_an_application_would_go_wrong(
    dialect: str, calls: list[tuple[str, Json]], finish: str, conflict: bool
) -> None:
    found = codes(response(dialect, calls, "" if calls else "text", finish=finish))
    assert found == (["envelope.finish_conflict"] if conflict else [])


# --------------------------------------------------------------------------- clients that rewrite


def shown(dialect: str, calls: list[tuple[str, str]], finish: str | None = None) -> Json:
    word = WORDS[dialect][finish or ("tool_calls" if calls else "stop")]
    return {"calls": [{"tool": tool, "text": text} for tool, text in calls], "finish": word, "text": ""}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("calls", [[], [CALL], [CALL, ("get_time", "{}")]])
def test_a_client_that_shows_the_wire_is_no_finding(dialect: str, calls: list[tuple[str, str]]) -> None:
    assert codes(response(dialect, list(calls), "", client=shown(dialect, calls))) == []


@pytest.mark.parametrize(
    ("client", "says"),
    [
        ({"calls": [], "finish": "tool_calls"}, "the client shows 0"),
        ({"calls": None, "finish": "tool_calls"}, "the client shows 0"),
        ({"calls": [{"tool": "weather", "text": CALL[1]}], "finish": "tool_calls"}, "'weather'"),
        ({"calls": [{"tool": CALL[0], "text": '{"city":"Oslo","days":2}'}], "finish": "tool_calls"}, "argument text"),
        ({"calls": [{"tool": CALL[0], "text": ""}], "finish": "tool_calls"}, "argument text"),
        ({"calls": [{"tool": CALL[0], "text": CALL[1]}], "finish": "stop"}, "'stop'"),
        ({"calls": [{"tool": CALL[0], "text": CALL[1]}], "finish": None}, "None"),
    ],
)
def test_a_client_that_shows_something_else_is_told_on(client: Json, says: str) -> None:
    answer = extract.read(response("openai_chat", [CALL], client=client))
    (violation,) = answer.violations
    assert violation.code == "client.normalised"
    assert says in violation.message
    assert answer.payloads[0].text == CALL[1]


def test_a_client_may_spell_an_object_and_translate_a_word() -> None:
    client = {"calls": [{"tool": CALL[0], "text": json.dumps({"days": 2, "city": "Oslo"})}], "finish": "tool_calls"}
    for dialect in ("anthropic", "bedrock", "gemini", "ollama"):
        assert codes(response(dialect, [CALL], client=client)) == []


def test_a_client_that_changes_an_object_is_told_on() -> None:
    client = {"calls": [{"tool": CALL[0], "text": '{"city": "Oslo"}'}], "finish": "tool_calls"}
    assert codes(response("anthropic", [CALL], client=client)) == ["client.normalised"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
clients = st.fixed_dictionaries(
    {},
    optional={
        "calls": st.none() | st.lists(st.fixed_dictionaries({}, optional={"tool": anything, "text": anything})),
        "finish": anything,
    },
)


@given(clients, st.sampled_from(DIALECTS))
def test_whatever_a_client_shows_is_compared(client: Json, dialect: str) -> None:
    same = client.get("calls") == [{"tool": CALL[0], "text": CALL[1]}]
    assert ("client.normalised" in codes(response(dialect, [CALL], client=client))) or same
