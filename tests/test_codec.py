"""Nouns survive their way to JSON and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from evalkit import codec
from evalkit.data import Record, Target
from evalkit.errors import StoreError
from tests import strategies


@given(strategies.records)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    assert codec.decode(Record, codec.encode(record)) == record


@given(strategies.records)
def test_what_is_encoded_is_json_for_everyone(record: Record) -> None:
    assert json.loads(codec.encode(record))["case"] == record.case


def test_a_damaged_text_names_the_noun_and_the_place() -> None:
    text = codec.encode(Target(name="a", provider="b", model="c")).replace('"timeout":120.0', '"timeout":"soon"')
    with pytest.raises(StoreError, match="a stored Target is damaged at timeout"):
        codec.decode(Target, text)


def test_plain_values_print_as_json() -> None:
    assert json.dumps(codec.plain(Target(name="a", provider="b", model="c", params={"n": [1, None]})))
