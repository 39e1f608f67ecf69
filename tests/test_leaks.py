"""Calls left in the text: found in every notation, and not seen where there are none."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.extract import leaks

CORPUS = Path(__file__).parent / "corpora/leaks"
EXPECTED = json.loads((CORPUS / "expected.json").read_text(encoding="utf-8"))
"""File -> the notation and the tool of the call that it holds; null where it holds none."""


def text_of(name: str) -> str:
    return (CORPUS / name).read_bytes().decode("utf-8")


@pytest.mark.parametrize("name", [name for name, leak in EXPECTED.items() if leak])
def test_a_call_in_the_text_is_found_and_named(name: str) -> None:
    leak = leaks.find(text_of(name))
    assert leak is not None
    assert [leak.notation, leak.tool] == EXPECTED[name]
    assert text_of(name)[leak.start :].strip()


@pytest.mark.parametrize("name", [name for name, leak in EXPECTED.items() if not leak])
def test_prose_json_answers_and_declared_tools_are_left_alone(name: str) -> None:
    assert leaks.find(text_of(name)) is None


def test_the_whole_corpus_is_expected() -> None:
    assert {path.name for path in CORPUS.iterdir()} == {*EXPECTED, "expected.json"}


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
