"""Dialects read real bodies as they were sent, and read back what they write."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import extract, plugins
from evalkit.data import Answer, Response, Usage, Wire
from evalkit.errors import ProviderError, UnreadCall
from evalkit.values import same

CORPUS = Path(__file__).parent / "corpora/wire"
DIALECTS = ("openai_chat", "openai_responses", "anthropic", "bedrock", "gemini", "ollama")
STREAMS = (".sse", ".ndjson")
BODIES = [
    pytest.param(folder.name, name, want, id=f"{folder.name}/{name}")
    for folder in sorted(path for path in CORPUS.iterdir() if path.is_dir())
    for name, want in json.loads((folder / "expected.json").read_text(encoding="utf-8")).items()
]


def wire(body: str, *, stream: bool = False, status: int = 200) -> Wire:
    return Wire(status=status, body=body, stream=stream)


def body_of(dialect: str, name: str) -> str:
    return (CORPUS / dialect / name).read_bytes().decode("utf-8")


def plain(answer: Answer) -> dict[str, Any]:
    used = answer.usage
    usage = [used.input_tokens, used.output_tokens, used.cached_tokens]
    if used.reasoning_tokens is not None:
        usage.append(used.reasoning_tokens)
    return {
        "calls": [[p.tool, p.text, p.value, p.error, p.id] for p in answer.payloads],
        "text": answer.text,
        "finish": answer.finish,
        "usage": usage,
        "served_by": answer.served_by,
        "violations": [violation.code for violation in answer.violations],
    }


NOTHING = plain(Answer())


@pytest.mark.parametrize(("dialect", "name", "want"), BODIES)
def test_a_recorded_body_is_read_as_it_was_sent(dialect: str, name: str, want: dict[str, Any]) -> None:
    sent = wire(body_of(dialect, name), stream=name.endswith(STREAMS))
    if "unread" in want:
        with pytest.raises(UnreadCall) as unread:
            plugins.dialect(dialect).read(sent)
        assert unread.value.said == want["unread"] and not unread.value.retryable
    elif "error" in want:
        with pytest.raises(ProviderError) as caught:
            plugins.dialect(dialect).read(sent)
        assert [caught.value.kind, caught.value.retryable, caught.value.status] == want["error"]
    else:
        answer = plugins.dialect(dialect).read(sent)
        read = {key: value for key, value in want.items() if key != "leak"}
        assert plain(answer) == {**NOTHING, **read}
        assert [payload.index for payload in answer.payloads] == list(range(len(answer.payloads)))


@pytest.mark.parametrize(("dialect", "name", "want"), BODIES)
def test_a_call_left_in_the_text_of_a_body_is_named_and_is_no_call(
    dialect: str, name: str, want: dict[str, Any]
) -> None:
    if {"error", "unread"} & want.keys():
        return
    sent = wire(body_of(dialect, name), stream=name.endswith(STREAMS))
    answer = extract.read(Response(wire=sent, dialect=dialect))
    found = [violation.message for violation in answer.violations if violation.code == "call.leaked_in_text"]
    notation = want.get("leak")
    tool = "get_weather"
    assert found == ([f"a call of {tool!r} stands in the text, in the notation {notation}"] if notation else [])
    assert not (notation and answer.payloads)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_has_a_call_left_in_the_text_streamed_and_not(dialect: str) -> None:
    named = json.loads((CORPUS / dialect / "expected.json").read_text(encoding="utf-8"))
    leaked = [name for name, want in named.items() if "leak" in want]
    assert {name.endswith(STREAMS) for name in leaked} == {True, False}


@pytest.mark.parametrize("dialect", sorted(path.name for path in CORPUS.iterdir() if path.is_dir()))
def test_the_whole_corpus_is_expected(dialect: str) -> None:
    named = json.loads((CORPUS / dialect / "expected.json").read_text(encoding="utf-8"))
    assert {path.name for path in (CORPUS / dialect).iterdir()} == {*named, "expected.json"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_body_cut_anywhere_is_no_answer_or_the_whole_answer(dialect: str) -> None:
    for name in (path.name for path in (CORPUS / dialect).iterdir() if path.suffix in STREAMS):
        body = body_of(dialect, name)
        try:
            whole = plugins.dialect(dialect).read(wire(body))
        except ProviderError:
            continue
        for end in range(1, len(body), len(body) // 1000 + 1):
            try:
                answer = plugins.dialect(dialect).read(wire(body[:end]))
            except ProviderError as error:
                assert error.retryable
                continue
            assert answer.payloads == whole.payloads
            assert answer.text == whole.text


# --------------------------------------------------------------------------- what is written is read back

texts = st.text(st.characters(codec="utf-8"), max_size=60)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, json_values, max_size=4)
indents = st.sampled_from([None, 1])
arguments = st.builds(
    lambda value, indent, ascii: json.dumps(value, indent=indent, ensure_ascii=ascii), objects, indents, st.booleans()
)
names = st.from_regex(re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,20}"), fullmatch=True)
counts = st.integers(0, 10**6)
usages = st.builds(
    lambda input, output, cached, reasoned: Usage(
        input_tokens=input + cached,
        output_tokens=output + (reasoned or 0),
        cached_tokens=cached,
        reasoning_tokens=reasoned,
    ),
    counts,
    counts,
    st.integers(1, 99),
    st.none() | st.integers(1, 99),
)


def write_and_read(dialect: str, calls: Any, text: str, usage: Usage, *, stream: bool, **more: Any) -> Answer:
    module = plugins.dialect(dialect)
    body = module.write(calls, text, model="the-model", usage=usage, stream=stream, **more)
    body.encode("utf-8")
    return module.read(wire(body, stream=stream))


REASONING_IS_COUNTED = {"openai_chat", "openai_responses", "anthropic", "gemini"}


def told(answer: Answer) -> tuple[str, Usage, str | None]:
    return answer.text, answer.usage, answer.served_by


def tellable(dialect: str, text: str, usage: Usage) -> tuple[str, Usage, str | None]:
    """What of it the dialect has words for."""
    if dialect not in REASONING_IS_COUNTED:
        usage = replace(usage, reasoning_tokens=None)
    if dialect in ("ollama", "otel_genai"):
        usage = replace(usage, cached_tokens=None)
    return text, usage, None if dialect == "bedrock" else "the-model"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        ("openai_chat", ("tool_calls", "stop")),
        ("openai_responses", ("completed", "completed")),
        ("otel_genai", ("tool_call", "stop")),
    ],
)
@given(calls=st.lists(st.tuples(names, texts), max_size=3), text=texts, usage=usages)
def test_openai_and_what_is_logged_of_it_carry_any_argument_text(
    dialect: str, words: tuple[str, str], stream: bool, calls: Any, text: str, usage: Usage
) -> None:
    answer = write_and_read(dialect, calls, text, usage, stream=stream)
    assert [(p.tool, p.text) for p in answer.payloads] == calls
    assert told(answer) == tellable(dialect, text, usage)
    assert answer.finish == words[0 if calls else 1]
    assert len({p.id for p in answer.payloads}) == len(calls)


@pytest.mark.parametrize("dialect", ["anthropic", "bedrock"])
@given(calls=st.lists(st.tuples(names, texts.filter(bool)), max_size=3), text=texts, usage=usages)
def test_any_argument_text_is_streamed_where_only_streams_have_text(
    dialect: str, calls: Any, text: str, usage: Usage
) -> None:
    answer = write_and_read(dialect, calls, text, usage, stream=True)
    assert [(p.tool, p.text) for p in answer.payloads] == calls
    assert told(answer) == tellable(dialect, text, usage)


@pytest.mark.parametrize(
    ("dialect", "stream"),
    [
        ("anthropic", False),
        ("bedrock", False),
        *((dialect, stream) for dialect in ("gemini", "ollama") for stream in (False, True)),
    ],
)
@given(calls=st.lists(st.tuples(names, arguments), max_size=3), text=texts, usage=usages)
def test_objects_are_carried_without_text(dialect: str, stream: bool, calls: Any, text: str, usage: Usage) -> None:
    answer = write_and_read(dialect, calls, text, usage, stream=stream)
    assert [p.tool for p in answer.payloads] == [tool for tool, _ in calls]
    assert all(p.text is None and p.error is None for p in answer.payloads)
    assert all(same(p.value, json.loads(sent)) for p, (_, sent) in zip(answer.payloads, calls, strict=True))
    assert told(answer) == tellable(dialect, text, usage)


@pytest.mark.parametrize("cost", ["NaN", "Infinity", "-1", "9" * 400, "true", '"0.1"'])
def test_a_cost_that_is_none_is_none(cost: str) -> None:
    body = '{"choices": [{"message": {"content": "hi"}}], "usage": {"prompt_tokens": 5, "cost": %s}}'
    dialect = plugins.dialect("openai_chat")
    assert dialect.read(wire(body % cost)).usage == Usage(input_tokens=5)
    assert dialect.read(wire(body % "0.25")).usage.cost == 0.25


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("value", [{"a": 1}, 7, True, [1]])
def test_openai_arguments_that_are_no_text_are_a_finding(dialect: str, value: Any, stream: bool) -> None:
    answer = write_and_read(dialect, [("f", value)], "", Usage(), stream=stream)
    assert [(p.text, p.value, p.error) for p in answer.payloads] == [(None, value, None)]
    assert [v.code for v in answer.violations] == ["envelope.arguments_not_text"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("dialect", "word"),
    [
        ("openai_chat", "length"),
        ("openai_responses", "max_output_tokens"),
        ("anthropic", "max_tokens"),
        ("bedrock", "max_tokens"),
        ("gemini", "MAX_TOKENS"),
        ("ollama", "length"),
    ],
)
def test_each_dialect_has_its_own_word_for_an_answer_at_the_limit(dialect: str, word: str, stream: bool) -> None:
    assert write_and_read(dialect, [("f", "{}")], "", Usage(), stream=stream, finish="length").finish == word


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_calls_can_be_written_without_ids(dialect: str, stream: bool) -> None:
    calls = [("f", '{"a":1}'), ("f", '{"a":2}'), ("g", "{}")]
    answer = write_and_read(dialect, calls, "", Usage(), stream=stream, ids=False)
    assert [(p.tool, p.id) for p in answer.payloads] == [("f", None), ("f", None), ("g", None)]


def test_gemini_says_of_a_malformed_call_only_that_it_was_malformed() -> None:
    answer = write_and_read("gemini", [("f", '{"a": ')], "", Usage(), stream=True)
    assert (answer.payloads, answer.finish) == ((), "MALFORMED_FUNCTION_CALL")


def test_argument_text_is_streamed_through_the_middle_of_characters_and_escapes() -> None:
    body = plugins.dialect("openai_chat").write(
        [("f", '{"k":"\U0001f600 \\u00e9\\n"}')], "", model="m", usage=Usage(), stream=True
    )
    assert '\\ud83d"}}]}' in body
    assert re.search(r'\\\\u[0-9a-f]{0,3}"', body)


# --------------------------------------------------------------------------- marks


@pytest.mark.parametrize("dialect", DIALECTS)
def test_marks_lie_where_tokens_and_calls_arrive(dialect: str) -> None:
    module = plugins.find("dialects", dialect)
    body = module.write([("f", '{"city":"Oslo"}')], "Hello there.", model="m", usage=Usage(), stream=True)
    first, first_call, done = module.marks(wire(body, stream=True))
    said_hello, named_tool, named_city = (
        body.index("Hello"),
        body.index('"f"'),
        body.index("Oslo" if dialect in ("gemini", "ollama") else ':"}"'),
    )
    assert said_hello < first < named_tool < first_call <= done <= len(body)
    assert named_city < done
    assert body[:first].endswith("\n") and body[:done].endswith("\n")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_body_that_is_no_stream_has_no_marks(dialect: str) -> None:
    module = plugins.find("dialects", dialect)
    body = module.write([("f", "{}")], "", model="m", usage=Usage(), stream=False)
    assert module.marks(wire(body)) == (None, None, None)
