"""Calls left in the text: found in every notation, and not seen where there are none."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.extract import leaks

CALL = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'
LLAMA = '{"name": "get_weather", "parameters": {"city": "Oslo"}}'
DEEPSEEK = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>"

LEAKED = [
    ("Hermes", f"<tool_call>\n{CALL}\n</tool_call>"),
    ("Hermes", f"Let me look that up.\n<tool_call>{CALL}"),
    ("GLM", "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n</tool_call>"),
    ("Qwen", "<tool_call>\n<function=get_weather>\n<parameter=city>\nOslo\n</parameter>\n</function>\n</tool_call>"),
    ("Qwen", '<function=get_weather>{"city": "Oslo"}</function>'),
    ("Llama", f"<|python_tag|>{LLAMA}"),
    ("Llama", '<|python_tag|>get_weather(city="Oslo")'),
    ("Mistral", f"[TOOL_CALLS] [{CALL}]"),
    ("Mistral", '[TOOL_CALLS]get_weather[ARGS]{"city": "Oslo"}'),
    ("Mistral", '[TOOL_CALLS]get_weather{"city": "Oslo"}'),
    ("DeepSeek", f'{DEEPSEEK}function<｜tool▁sep｜>get_weather\n```json\n{{"city": "Oslo"}}\n```'),
    ("Kimi", '<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{}'),
    ("Harmony", '<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Oslo"}'),
    ("XML", '<function_calls>\n<invoke name="get_weather">\n<parameter name="city">Oslo</parameter>'),
    ("XML", '<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="city"'),
    ("Granite", f"<|tool_call|>[{CALL}]"),
    ("Nemotron", f"<TOOLCALL>[{CALL}]</TOOLCALL>"),
    ("Hunyuan", f"<tool_calls>[{CALL}]</tool_calls>"),
    ("Command", '<|START_ACTION|>[\n {"tool_call_id": "0", "tool_name": "get_weather", "parameters": {}}]'),
    ("Phi", f"functools[{CALL}]"),
    ("Apertus", '<|tools_prefix|>[{"get_weather": {"city": "Oslo"}}]<|tools_suffix|>'),
    ("Llama 4", '<|python_start|>[get_weather(city="Oslo")]<|python_end|>'),
    ("LFM", '<|tool_call_start|>[get_weather(city="Oslo")]<|tool_call_end|>'),
    ("OLMo", '<function_calls>\nget_weather(city="Oslo")\n</function_calls>'),
    ("Gemma", '```tool_code\nprint(get_weather(city="Oslo"))\n```'),
    ("Gemma", "<start_function_call>call:get_weather{city:Oslo}<end_function_call>"),
    ("Functionary", 'all\nOne moment.\n>>>get_weather\n{"city": "Oslo"}'),
    ("ReAct", 'Thought: the weather.\nAction: get_weather\nAction Input: {"city": "Oslo"}'),
    ("bare JSON", CALL),
    ("bare JSON", f"  [{CALL}, {CALL}]"),
    ("bare JSON", LLAMA),
    ("bare JSON", '{"type": "function", "function": {"name": "get_weather", "arguments": "{\\"city\\": \\"Oslo\\"}"}}'),
    ("bare JSON", f'{{"tool_calls": [{CALL}]}}'),
    ("bare JSON", f'Gladly:\n{{"calls": [{CALL}]}}'),
    ("bare JSON", f"I will call the tool.\n\n{CALL}\n\nOne moment."),
    ("JSON in a code fence", f"Here you are:\n```json\n{CALL}\n```"),
    ("JSON in a code fence", '```\n{"function": "get_weather", "arguments": {}}\n```'),
    ("pythonic", "[get_weather(city='Oslo'), get_weather(city='Bergen')]"),
    ("pythonic", " [get_weather()]\n"),
]  # fmt: skip

INNOCENT = [
    "",
    "It is 4 degrees in Oslo (feels like 1).",
    'The model answers with a <tool_call> tag, then JSON such as {"name": ...}.',
    "Use [TOOL_CALLS] to mark the beginning, and <|python_tag|> for Llama.",
    "Write <function=NAME> around it.",
    "Action: none.\nAction Input: none.",
    "```python\n>>> get_weather('Oslo')\n{}\n```",
    "functools.partial(get_weather, 'Oslo') and functools[0]",
    "```tool_code\n# nothing to call\n```",
    '{"city": "Oslo", "temperature": 4}',
    '{"name": "Ada Lovelace", "born": 1815}',
    '{"name": "Ada Lovelace", "parameters": {"height": 170}}',
    '```json\n{"name": "Oslo", "arguments": "for and against"}\n```',
    '{"name": "get_weather", "description": "Weather", "parameters": {"type": "object", "properties": {}}}',
    '{"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}',
    '```python\ndata = {"name": "get_weather", "arguments": {"city": "Oslo"}}\n```',
    'calls = [\n  {"name": "get_weather", "arguments": {}},\n  {"name": "get_time", "arguments": {}}\n]\nprint(calls)',
    "[see(page 1)]",
    "[1, 2, 3]",
    "[f(x=1)] is what you would write in Python.",
    "f(x) = [g(x=1)",
    '[{"name": "Oslo", "country": "Norway"}]',
    '{"name": "get_weather", "arguments": {"city": "Os',
]


@pytest.mark.parametrize(("notation", "text"), LEAKED)
def test_a_call_in_the_text_is_found_and_named(notation: str, text: str) -> None:
    leak = leaks.find(text)
    assert leak is not None
    assert (leak.notation, leak.tool) == (notation, "get_weather")
    assert text[leak.start :].strip()


@pytest.mark.parametrize("text", INNOCENT)
def test_prose_json_answers_and_declared_tools_are_left_alone(text: str) -> None:
    assert leaks.find(text) is None


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    leaks.find(text)


PIECES = [
    "<tool_call>", "<tool_call> ", "<tool_call>[ ", "<tool_call>a", "[TOOL_CALLS]", "[TOOL_CALLS]a", "<|python_tag|>",
    "<function=a", "<|channel|>a ", '<invoke name="', "<a:", "\n", " ", "\t", "[", "{", '{"name":', '\n{"name":',
    '\n{"name":[', '\n[{"name":"', '\n{"type":{', '"name": ', "```", "```json ", "```json\n{", "[f(", "[a.",
]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_a_megabyte_of_anything_takes_no_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    began = time.process_time()
    leaks.find(text)
    leaks.find(text + '")]')
    assert time.process_time() - began < 1.5


RECORDED = Path(__file__).parents[1].parent / "shared/recorded"


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded BFCL results are not beside the checkout")
def test_what_is_found_in_recorded_answers_calls_a_tool_that_was_offered() -> None:
    offered = {
        question["id"]: {function["name"].replace(".", "_") for function in question["functions"]}
        for file in sorted(RECORDED.glob("bfcl-2024-08/questions/*.jsonl"))
        for question in map(json.loads, file.read_text(encoding="utf-8").splitlines())
    }
    answers = [
        json.loads(line)
        for folder in ("bfcl-2024-08/results", "bfcl-2024-07-retest")
        for file in sorted((RECORDED / folder).glob("*/*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    texts = [answer for answer in answers if isinstance(answer["result"], str)]
    found = [(answer["id"], leak) for answer in texts if (leak := leaks.find(answer["result"])) is not None]
    assert len(texts) > 3000
    assert len(found) > 25
    assert [(case, leak) for case, leak in found if leak.tool not in offered[case]] == []
