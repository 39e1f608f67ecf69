"""Nouns survive their way to JSON and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit import codec, values
from evalkit.data import Answer, Fault, Payload, Record, Response, Score, Serve, Target
from evalkit.errors import StoreError
from tests import strategies

halves = st.text(st.characters(codec="utf-8") | st.sampled_from("\ud800\udfff"), max_size=9)
"""Half of a surrogate pair is what a model may well say, and what no file can hold."""


@given(strategies.responses | strategies.answers | strategies.scores | strategies.faults)
def test_a_noun_comes_back_as_it_was(noun: Response | Answer | Score | Fault) -> None:
    assert codec.decode(type(noun), codec.encode(noun)) == noun


@given(halves, st.lists(halves))
def test_half_a_surrogate_pair_comes_back_too(text: str, others: list[str]) -> None:
    answer = Answer(payloads=(Payload(index=0, tool="f", text=None, value={text: others}),), text=text)
    assert codec.decode(Answer, codec.encode(answer)) == answer
    assert codec.encode(answer).encode("utf-8")


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**70), 10**4000, 1.0, -0.0, 1e22, 5e-324, 0.1])
def test_numbers_come_back_to_the_last_digit_and_of_their_kind(number: float) -> None:
    answer = Answer(payloads=(Payload(index=0, tool="f", text=None, value=[number]),))
    assert repr(codec.decode(Answer, codec.encode(answer))) == repr(answer)


@pytest.mark.parametrize("text", ["", "x"])
def test_what_is_nested_as_deeply_as_an_answer_may_be_comes_back(text: str) -> None:
    reading = values.read("[" * values.MAX_DEPTH + "]" * values.MAX_DEPTH)
    answer = Answer(payloads=(Payload(index=0, tool="f", text=text, value=reading.value),))
    assert reading.error is None and codec.decode(Answer, codec.encode(answer)) == answer


@given(strategies.records)
def test_what_is_encoded_is_json_for_everyone(record: Record) -> None:
    assert json.loads(codec.encode(record))["case"] == record.case


def test_a_damaged_text_names_the_noun_and_the_place() -> None:
    text = codec.encode(Target(name="a", provider="b", model="c")).replace('"timeout":120.0', '"timeout":"soon"')
    with pytest.raises(StoreError, match="a stored Target is damaged at timeout"):
        codec.decode(Target, text)
    with pytest.raises(StoreError, match="a stored Target is damaged at its root"):
        codec.decode(Target, text[:20])


def test_a_lean_noun_says_only_what_is_not_at_its_default() -> None:
    target = Target(name="a", provider="b", model="c", params={"n": [1, {"arm": "native"}]}, serve=Serve(engine="x"))
    assert codec.lean(target) == {
        **{"name": "a", "provider": "b", "model": "c"},
        **{"params": {"n": [1, {"arm": "native"}]}, "serve": {"engine": "x"}},
    }
    assert codec.decode(Target, json.dumps(codec.lean(target))) == target


def test_plain_values_print_as_json() -> None:
    assert json.dumps(codec.plain(Target(name="a", provider="b", model="c", params={"n": [1, None]})))
