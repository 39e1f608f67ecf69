"""JSON values: what reads, what is the same, where things are. Judged by Python's own json, an independent reader."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evalkit import values
from evalkit.data import CODES, Json
from evalkit.values import ABSENT, MAX_CHARS, MAX_DEPTH, at, canonical, digest, identity, pointer, read, same, tokens

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)

# --------------------------------------------------------------------------- reading

REFUSED = [
    ("", "json.syntax", 0),
    ("{", "json.syntax", 1),
    ("{'a': 1}", "json.syntax", 1),
    ('{"a": 1,}', "json.syntax", None),
    ('{"a": 01}', "json.syntax", None),
    ('{"a": .5}', "json.syntax", 6),
    ('{"a": "\n"}', "json.syntax", 7),
    ('{"a": "\\x"}', "json.syntax", None),
    ('["\\ud800"]', "json.syntax", None),
    ('{"\\udfff": 1}', "json.syntax", None),
    ('["\ud800"]', "json.syntax", 2),
    ("\ufeff{}", "json.syntax", 0),
    ("\u00a0{}", "json.syntax", 0),
    ("undefined", "json.syntax", 0),
    ('{"a": 1} and so on', "json.trailing_data", 9),
    ('{"a": 1}}', "json.trailing_data", 8),
    ("5 5", "json.trailing_data", 2),
    ('{"a": 1}{"b": 2}', "json.concatenated", 8),
    ('{"a": 1}\n["b"]', "json.concatenated", 9),
    ('{} "b"', "json.concatenated", 3),
    ('{} {"b"', "json.trailing_data", 3),
    ('{"a": 1, "a": 1}', "json.duplicate_key", None),
    ('[{"a": {"b": 1, "\\u0062": 2}}]', "json.duplicate_key", None),
    ('```json\n{"a": 1}\n```', "json.fenced", 0),
    ("\n ```\n{}\n```", "json.fenced", 2),
    ("NaN", "json.nan", None),
    ('{"a": -Infinity}', "json.nan", None),
    ('{"a": 1e400}', "json.nan", None),
    ("[-1.8e308]", "json.nan", None),
    ("9" * 4301, "json.nan", None),
    ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "json.too_deep", None),
    ("[" * 100_000 + "]" * 100_000, "json.too_deep", None),
    ('"' + "a" * MAX_CHARS + '"', "json.too_large", MAX_CHARS),
]


@pytest.mark.parametrize(("text", "code", "offset"), REFUSED, ids=lambda value: str(value)[:30])
def test_what_is_not_json_is_refused_by_its_own_code(text: str, code: str, offset: int | None) -> None:
    reading = read(text)
    assert reading.error == code
    assert reading.message
    if offset is not None:
        assert reading.offset == offset


def test_every_code_of_reading_is_reached() -> None:
    assert {code for _, code, _ in REFUSED} == {code for code in CODES if code.startswith("json.")}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (" {} \r\n", {}),
        ("5", 5),
        ("-0.0", 0),
        ("1e2", 100),
        ('"\\ud83d\\udc4d \\u00e9"', "👍 é"),
        ('{"a": null, "b": [true, false]}', {"a": None, "b": [True, False]}),
        ('{"A": 1, "a": 2, "": 3}', {"A": 1, "a": 2, "": 3}),
        ("[" * MAX_DEPTH + "]" * MAX_DEPTH, None),
        ("1" * 4300, int("1" * 4300)),
        ("-1.5e308", -1.5e308),
        ("1e-999", 0),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_json_reads(text: str, value: Json) -> None:
    reading = read(text)
    assert reading.error is None
    assert value is None or same(reading.value, value)


def test_a_number_of_more_digits_than_python_converts_does_not_crash() -> None:
    assert read("9" * 5000).message == f"{'9' * 39}… is larger than any number that can be held"


def test_the_caller_may_allow_more_characters() -> None:
    text = json.dumps("a" * MAX_CHARS)
    assert read(text, max_chars=len(text)).error is None


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_whatever_is_written_as_json_reads_back(value: Json, indent: int | None, ascii_only: bool) -> None:
    reading = read(json.dumps(value, indent=indent, ensure_ascii=ascii_only))
    assert reading.error is None
    assert same(reading.value, value)


MEMBERS = st.builds(
    '"{}": {}'.format, st.sampled_from(["a", "\\u0061", ":", "b{"]), st.sampled_from(["1", '":"', "{}"])
)
TEXTS = (
    st.text(st.sampled_from('{}[]":, \n01.-+eEtruefalsn\\ud8aA`'), max_size=25)
    | st.text(max_size=15)
    | st.builds(lambda value, at, text: json.dumps(value)[:at] + text, VALUES, st.integers(0, 40), st.text(max_size=3))
    | st.builds(lambda members: f"[{{{', '.join(members)}}}]", st.lists(MEMBERS, max_size=4))
)


@settings(max_examples=500)
@given(TEXTS)
@example('{"a": {"b": 1}, "a": "::"}')
def test_the_fast_way_to_read_finds_what_the_thorough_one_finds(text: str) -> None:
    assert repr(read(text)) == repr(values._read_slowly(text))


@settings(max_examples=500)
@given(TEXTS)
@example("NaN")
@example("-1e400")
@example('"\\ud800"')
@example("1" * 4301)
def test_loading_is_that_of_python(text: str) -> None:
    try:
        theirs = json.loads(text)
    except ValueError as error:
        with pytest.raises(type(error)):
            values.loads(text)
    else:
        assert repr(values.loads(text)) == repr(theirs)


@settings(max_examples=500)
@given(TEXTS)
def test_what_we_accept_an_independent_reader_accepts_as_the_same(text: str) -> None:
    reading = read(text)
    try:
        theirs = json.loads(text)
    except ValueError:
        assert reading.error is not None
        return
    if reading.error is None:
        assert same(reading.value, theirs)
    else:
        assert reading.error in {"json.duplicate_key", "json.nan", "json.syntax"}
        assert reading.error != "json.syntax" or "surrogate" in reading.message


# --------------------------------------------------------------------------- sameness


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (None, False, False),
        (None, None, True),
        ("1", 1, False),
        ("é", "e\u0301", False),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}, True),
        ({"a": None}, {}, False),
        ([1, 2], [2, 1], False),
        ([], {}, False),
        ([[1]], [[1.0]], True),
        (10**400, 10**400, True),
        (2**53 + 1, float(2**53), False),
    ],
)
def test_sameness_is_that_of_json(a: Json, b: Json, equal: bool) -> None:
    assert same(a, b) is equal
    assert same(b, a) is equal
    assert same([a], [b]) is equal
    assert same({"k": a}, {"k": b}) is equal
    assert (identity(a) == identity(b)) is equal
    assert (identity({"k": [a]}) == identity({"k": [b]})) is equal


def test_bfcl_strings_are_compared_without_case_space_and_punctuation() -> None:
    assert same("April 1, 2024", "april-1/2024", "bfcl")
    assert same(["it's"], ['It"s'], "bfcl")
    assert not same("April 1, 2024", "april-1/2024")
    assert not same({"A b": 1}, {"ab": 1}, "bfcl"), "keys are names, not texts"
    assert not same("1", 1, "bfcl")


@given(VALUES, VALUES)
def test_sameness_is_an_equivalence_and_the_digest_follows_it(a: Json, b: Json) -> None:
    assert same(a, a)
    assert same(a, b) is same(b, a)
    assert (canonical(a) == canonical(b)) <= same(a, b)
    assert (identity(a) == identity(b)) is same(a, b)
    assert digest(a) == digest(json.loads(json.dumps(a)))


def test_digests_do_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert len(digest("\ud800")) == 16


def test_names_are_near_misses_but_for_case_and_punctuation() -> None:
    assert len({values.normal_name(name) for name in ("get_weather", "getWeather", "Get-Weather", "GET.WEATHER")}) == 1
    assert values.normal_name("get_weather") != values.normal_name("get_weathers")


# --------------------------------------------------------------------------- pointers


@given(st.lists(st.text(max_size=5), max_size=5))
def test_a_pointer_and_its_tokens_are_each_others_reverse(parts: list[str]) -> None:
    assert tokens(pointer(*parts)) == tuple(parts)


@given(VALUES)
def test_everything_in_a_value_is_found_at_its_pointer(value: Json) -> None:
    stack: list[tuple[Json, str]] = [(value, "")]
    while stack:
        part, path = stack.pop()
        assert at(value, path) is part or same(at(value, path), part)
        if isinstance(part, dict):
            stack.extend((item, path + pointer(key)) for key, item in part.items())
        elif isinstance(part, list):
            stack.extend((item, path + pointer(index)) for index, item in enumerate(part))


@pytest.mark.parametrize("path", ["/b", "/a/2", "/a/-1", "/a/x", "/a/0/0", "/", "/a/²"])
def test_nothing_is_not_null(path: str) -> None:
    assert at({"a": [None, 1]}, path) is ABSENT
    assert at({"a": [None, 1]}, "/a/0") is None
    assert not ABSENT


def test_the_examples_of_rfc_6901() -> None:
    document: Json = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8, " ": 7}
    assert at(document, "") is document
    found = [at(document, path) for path in ("/foo/0", "/", "/a~1b", "/m~0n", "/ ")]
    assert found == ["bar", 0, 1, 8, 7]


# --------------------------------------------------------------------------- words for messages


@given(VALUES | st.text())
def test_excerpts_are_short_and_can_be_written(value: Json) -> None:
    for text in (values.excerpt(value), values.quoted(value, 60), values.excerpt({"a": value})):
        assert len(text) <= values.EXCERPT
        assert text.encode("utf-8") is not None


def test_what_cannot_be_printed_is_named() -> None:
    deep: Json = []
    for _ in range(100_000):
        deep = [deep]
    assert values.excerpt(10**5000) == "<int too large to print>"
    assert values.excerpt(deep) == "<list too large to print>"
    assert values.excerpt("a" * 300) == "a" * 199 + "…"
    assert values.depth(deep) == 100_001
    shallow: list[Json] = [1, "[[", [], {}, {"a": [1]}]
    assert [values.depth(value) for value in shallow] == [0, 0, 1, 1, 2]


# --------------------------------------------------------------------------- leniency


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("```json\n{}\n```", "{}"),
        ("\n```\n{}\n```  ", "{}"),
        ("```JSON\n[\n1]```", "[\n1]"),
        (" \ufeff{} \n", "{}"),
        ("```{}```", "```{}```"),
        ("``` {} \n", "``` {}"),
        ("Here: ```json\n{}\n```", "Here: ```json\n{}\n```"),
        ("{}", "{}"),
    ],
)
def test_leniency_is_about_fences_and_white_space_only(text: str, inner: str) -> None:
    assert values.lenient(text) == inner


@given(VALUES, st.sampled_from(["", "json", "JSON5"]))
def test_a_fenced_value_reads_after_leniency(value: Json, language: str) -> None:
    reading = read(values.lenient(f"```{language}\n{json.dumps(value)}\n```\n"))
    assert reading.error is None
    assert same(reading.value, value)
