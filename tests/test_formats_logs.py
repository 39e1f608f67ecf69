"""Logs of other tools: each format reads its own as the tool wrote it, and says of each line what it is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit import extract, plugins, traces
from evalkit.data import LEFT, Exchange, Half, Json, Left
from evalkit.errors import ProviderError
from tests import strategies

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


def test_no_header_is_read() -> None:
    for line in lines_of("openai_log", "bodies.jsonl") + lines_of("litellm_log", "payloads.jsonl"):
        form = "litellm_log" if "call_type" in line else "openai_log"
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
