"""Repairs: each of the list does what it says, nothing else does, and none takes long."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit import values
from evalkit.values.mending import REPAIRS, mend

EXAMPLES: list[tuple[str, str, tuple[str, ...]]] = [
    ("", "{}", ("empty",)),
    (" \n", "{}", ("empty",)),
    ('```json\n{"a": 1}\n```', '{"a":1}', ("fence",)),
    ('Sure:\n```\n{"a": 1}\n```\nDone.', '{"a":1}', ("fence", "surrounding_text")),
    ('I call it with {"a": 1}.', '{"a":1}', ("surrounding_text",)),
    ('[see below] {"a": 1}', '{"a":1}', ("surrounding_text",)),
    ('{"a": 1}{"b": 2}', '{"a":1}', ("concatenated",)),
    ('{"a": 1}\n[2]', '{"a":1}', ("concatenated",)),
    ('"{\\"a\\": [1]}"', '{"a": [1]}', ("double_encoded",)),
    ("{'a': 'b \"c\"'}", '{"a":"b \\"c\\""}', ("quotes",)),
    ("{“a”: “b”}", '{"a":"b"}', ("quotes",)),
    ('{"a": [True, False, None]}', '{"a":[true,false,null]}', ("python_literals",)),
    ('{a: 1, b_2: 3, "c": 4}', '{"a":1,"b_2":3,"c":4}', ("unquoted_keys",)),
    ('{"a": [1, 2,],}', '{"a":[1,2]}', ("trailing_comma",)),
    ("[1,,2]", "[1,2]", ("trailing_comma",)),
    ('{"a": 1 "b": 2}', '{"a":1,"b":2}', ("missing_comma",)),
    ('{"a": 1, // one\n "b": /* two */ 2}', '{"a":1,"b":2}', ("comments",)),
    ('{"a": "x\ny\t"}', '{"a":"x\\u000ay\\u0009"}', ("control_characters",)),
    (r"""{"a": "\d it\'s \u00e9 \n"}""", r"""{"a":"\\d it's \u00e9 \n"}""", ("escapes",)),
    ('{"a": [1, {"b": "c', '{"a":[1,{"b":"c"}]}', ("unclosed",)),
    ('{"a": [1}', '{"a":[1]}', ("unclosed",)),
    ('{"a": 1, "b": ', '{"a":1}', ("unclosed",)),
    ('{"a": 1, "b', '{"a":1}', ("unclosed",)),
    ('{"a": 1,', '{"a":1}', ("trailing_comma", "unclosed")),
    ("{'a': True, b: [1", '{"a":true,"b":[1]}', ("quotes", "python_literals", "unquoted_keys", "unclosed")),
]

BEYOND = [
    '{"a": Oslo}',
    '{"a": }',
    '{"a": ]}',
    '{"a" 1}',
    "no JSON at all",
    '{"a": NaN}',
    '{"a": 01}',
    '{"a": tru',
    "[}",
]
BEYOND += [
    '{"a": [1, 2], "b": Oslo}',
    '[{"a": 1}, Oslo]',
    '{"a": [1.5e',
    '{"a": 1, "a": 2,}',
    '{"a": "\\ud800",}',
    "[" * 300,
    "12 apples",
    '"half a string',
]


@pytest.mark.parametrize(("text", "repaired", "names"), EXAMPLES)
def test_a_repair_does_what_it_says(text: str, repaired: str, names: tuple[str, ...]) -> None:
    assert values.repair(text) == (repaired, names)
    assert values.read(repaired).error is None


def test_every_repair_has_an_example() -> None:
    assert {name for _, _, names in EXAMPLES for name in names} == set(REPAIRS)


@pytest.mark.parametrize("text", BEYOND)
def test_what_the_list_does_not_cover_is_left_as_it_is(text: str) -> None:
    assert values.repair(text) == (text, ())


JSON: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=4)


@given(JSON, st.sampled_from([None, 1]), st.booleans())
def test_what_reads_is_returned_untouched(value: object, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    if values.read(text).error is None and not isinstance(value, str):
        assert values.repair(text) == (text, ())


@given(OBJECTS)
def test_python_for_json_is_understood(value: dict[str, object]) -> None:
    """`repr` is what models write when they think in Python. Its escapes of bytes and characters are not JSON's."""
    if "\\" not in repr(value):
        repaired, _ = values.repair(repr(value))
        assert values.same(values.read(repaired).value, value)


@given(OBJECTS, st.data())
def test_a_truncated_text_keeps_what_it_had(value: dict[str, object], data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = text[: data.draw(st.integers(1, len(text)))]
    repaired, names = values.repair(cut)
    reading = values.read(repaired)
    if reading.error is None:
        assert set(reading.value) <= set(value)
        assert bool(names) is (cut != text)


@settings(max_examples=300)
@given(st.text(st.sampled_from("{}[]\":,'\\/*`\n tnu0aTrue“”"), max_size=40) | st.text(max_size=40))
def test_repairing_never_fails_and_gives_json_or_the_text_itself(text: str) -> None:
    repaired, names = values.repair(text)
    assert set(names) <= set(REPAIRS)
    assert (repaired == text) if not names else values.read(repaired).error is None
    assert isinstance(values.lenient(text), str)


@pytest.mark.parametrize(
    "piece",
    ["[", "{", "]", '"', "'", "\\", "/*", "//", "```", "```\n", ",", "[,", '{"a":', " ", "\t\n", "“", "[1 ", "0"],
)
@pytest.mark.parametrize("head", ["", "[", '{"a": "', "```json\n["])
def test_it_takes_linear_time(piece: str, head: str) -> None:
    def seconds(length: int) -> float:
        text = head + piece * (length // len(piece))
        start = time.process_time()
        mend(text)
        values.lenient(text)
        return time.process_time() - start

    seconds(1000)
    assert seconds(200_000) < 2.5, "a text of 200,000 characters took more than a few microseconds each"
