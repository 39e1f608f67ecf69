"""Places in JSON texts: what is marked is what was meant."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit import locate, values
from evalkit.data import Json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def paths(value: Json, path: str = "") -> list[str]:
    children: list[tuple[str | int, Json]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return [path, *(deeper for key, child in children for deeper in paths(child, path + values.pointer(key)))]


@given(JSON, st.booleans(), st.sampled_from([None, 0, 3]))
def test_the_span_of_a_pointer_holds_exactly_the_value_at_that_pointer(
    value: Json, ascii_only: bool, indent: int | None
) -> None:
    text = "\t " + json.dumps(value, ensure_ascii=ascii_only, indent=indent) + "\n"
    for path in paths(value):
        span = locate.value(text, path)
        assert span is not None
        assert values.same(json.loads(text[slice(*span)]), values.at(value, path))


def test_a_member_is_its_key_and_its_value() -> None:
    text = '{"a": {"b\\n/": [1, 22]}}'
    span = locate.member(text, "/a/b\n~1")
    assert span is not None and text[slice(*span)] == '"b\\n/": [1, 22]'
    item = locate.member(text, "/a/b\n~1/1")
    assert item is not None and text[slice(*item)] == "22"


def test_what_is_not_there_has_no_span_but_a_nearest_one() -> None:
    text = '{"a": {"b": 1}}'
    assert locate.value(text, "/a/c/d") is None
    span = locate.nearest(text, "/a/c/d")
    assert span is not None and text[slice(*span)] == '{"b": 1}'


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        ('{"a": 1;}', "json.syntax", ";"),
        ("{'a': 1}", "json.syntax", "'"),
        ('{"a": tru}', "json.syntax", "t"),
        ('{"a": "never closed}', "json.syntax", '"never closed}'),
        ('{"a": 1', "json.syntax", ""),
        ("", "json.syntax", ""),
        ('{"a": 1} and more', "json.trailing_data", "and more"),
        ('{"a": 1}\n{"a": 2}', "json.concatenated", '{"a": 2}'),
        ('{"a": "NaN", "b": [NaN]}', "json.nan", "NaN"),
        ('{"b": [-Infinity]}', "json.nan", "-Infinity"),
        ('{"a": "1e400", "b": [12, -1e400]}', "json.nan", "-1e400"),
        ('{"a": {"b": 1}, "b": 2, "a": 3}', "json.duplicate_key", '"a"'),
        ("```json\n{}\n```", "json.fenced", "```json"),
    ],
)
def test_the_offence_is_marked_and_nothing_else(text: str, code: str, marked: str) -> None:
    assert values.read(text).error == code
    span = locate.offence(text)
    assert span is not None and text[slice(*span)] == marked


def test_the_second_of_two_equal_keys_is_the_offence() -> None:
    text = '{"a": 1, "a": 2}'
    assert locate.offence(text) == (9, 12)


def test_the_first_bracket_beyond_the_limit_is_the_offence() -> None:
    text = "[" * (values.MAX_DEPTH + 5) + "]" * (values.MAX_DEPTH + 5)
    assert locate.offence(text) == (values.MAX_DEPTH, values.MAX_DEPTH + 1)


def test_sound_json_offends_nobody() -> None:
    assert locate.offence('{"a": [1, 2]}') is None


@given(st.text(alphabet='{}[]",:1aNI\\`\n ', max_size=40), st.text(alphabet="/ab01~", max_size=6))
def test_no_text_is_too_broken(text: str, path: str) -> None:
    for span in (locate.value(text, path), locate.member(text, path), locate.nearest(text, path), locate.offence(text)):
        assert span is None or 0 <= span[0] <= span[1] <= len(text)
