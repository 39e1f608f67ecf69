from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given

from evalkit.data import Json, Pointer
from evalkit.documents import Document, parse, parse_json, parse_lines, parse_yaml, scalar
from evalkit.errors import InputError, Place, Problem
from evalkit.values import at, pointer
from tests import strategies


def pointers(value: Json, path: Pointer = "") -> Iterator[Pointer]:
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from pointers(item, path + pointer(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from pointers(item, path + pointer(index))


def standing_at(text: str, place: Place) -> str:
    assert place.line is not None and place.column is not None
    return "\n".join(text.split("\n")[place.line - 1 :])[place.column - 1 :]


def refusal(text: str, file: str = "s.yaml") -> str:
    with pytest.raises(InputError) as error:
        parse(text, file)
    return str(error.value)


# --------------------------------------------------------------------------- YAML


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(word, word) for word in ("no", "on", "Yes", "off", "y", "2026-03-01", "012", "-012", "12:30:45", "1_000")],
        *[(word, word) for word in ("0b1", "<<", "=", "--", ".", "+", "0x", "0o9", "1e", "nan", "2026-03-01T10:00Z")],
        *[(word, None) for word in ("null", "~", "Null", "NULL", "")],
        *[("true", True), ("False", False), ("0o14", 12), ("0x1F", 31), ("0", 0), ("-0", 0), ("+3", 3), ("-17", -17)],
        ("9" * 400, int("9" * 400)),
        *[("9" * 4300, int("9" * 4300)), ("0x" + "f" * 3571, int("f" * 3571, 16))],
        *[("1e3", 1000.0), ("-1.5", -1.5), (".5", 0.5), ("1.", 1.0), ("6.02E+23", 6.02e23), ("0.10", 0.1)],
    ],
)  # fmt: skip
def test_plain_scalars_mean_what_the_core_schema_says_and_no_more(text: str, value: Json) -> None:
    assert scalar(text) == value and type(scalar(text)) is type(value)
    read = parse_yaml(f"key: {text}", "s.yaml").value
    assert read == {"key": value} and type(read["key"]) is type(value)
    assert parse_yaml(f"key: '{text}'", "s.yaml").value == {"key": text}
    assert parse_yaml(f"key: !!str {text}", "s.yaml").value == {"key": text}


@given(strategies.values)
def test_json_read_as_yaml_is_the_same_value_in_the_same_places(value: Json) -> None:
    text = json.dumps(value, ensure_ascii=False)
    by_yaml, by_json = parse_yaml(text, "s"), parse_json(text, "s")
    assert repr(by_yaml.value) == repr(by_json.value) == repr(value)  # repr tells 1 from 1.0 and True
    assert by_yaml.marks() == by_json.marks()


def test_a_place_is_the_line_and_column_of_a_value_or_of_its_key() -> None:
    text = "suite: travel\ncases:\n  - id: a\n    expect: {call: f,\n      args: [1, x]}\n"
    document = parse_yaml(text, "s.yaml")
    assert str(document.place("/cases/0/expect/args/1")) == "s.yaml:5:17"
    assert str(document.place("/cases/0/expect/args", key=True)) == "s.yaml:5:7"
    assert str(document.place("/cases/0/expect/args")) == "s.yaml:5:13"


def test_the_place_of_what_is_missing_is_that_of_the_nearest_thing_around_it() -> None:
    document = parse_yaml("a: 1\ncases:\n  - id: x\n", "s.yaml")
    assert document.place("/cases/0/user/3", key=True) == document.place("/cases/0")
    assert str(parse_yaml("", "s.yaml").place("/cases")) == "s.yaml"


def test_an_alias_is_the_value_of_its_anchor_at_a_place_of_its_own() -> None:
    document = parse_yaml("a: &x {k: 1}\nb: [*x, *x]\n", "s.yaml")
    assert document.value == {"a": {"k": 1}, "b": [{"k": 1}, {"k": 1}]}
    assert str(document.place("/b/1/k")) == "s.yaml:2:9"


def test_merge_keys_are_keys_like_any_other() -> None:
    assert parse_yaml("<<: {a: 1}\nb: 2", "s.yaml").value == {"<<": {"a": 1}, "b": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "s.yaml:3:1: the key 'a' stands twice; the first is on line 1"),
        ("x:\n  - a: 1\n    a: 2", "s.yaml:3:5: /x/0: the key 'a' stands twice; the first is on line 2"),
        ("1: 2", 's.yaml:1:1: a key that is not a string; put it in quotes: "1"'),
        ("true: 2", 's.yaml:1:1: a key that is not a string; put it in quotes: "true"'),
        ("? [a]\n: b", "s.yaml:1:3: a key that is not a string"),
        ("a: .nan", "s.yaml:1:4: /a: .nan is no JSON number; put it in quotes if it is a string"),
        ("a: 1e999", "s.yaml:1:4: /a: 1e999 is larger than any number JSON can hold; "
         "put it in quotes if it is a string"),
        ("a: !!int x", "s.yaml:1:4: /a: the tag tag:yaml.org,2002:int has no meaning here; write the value without it"),
        ("!!python/name:os.system {}",
         "s.yaml:1:1: the tag tag:yaml.org,2002:python/name:os.system has no meaning here; write the value without it"),
        ("--- 1\n--- 2", "s.yaml:2:1: a second document begins here; a file holds one"),
        ("a: *b", "s.yaml:1:4: /a: no anchor &b is complete before this alias"),
        ("a: &a [*a]", "s.yaml:1:8: /a/0: no anchor &a is complete before this alias"),
        ("a: b: c", "s.yaml:1:5: not YAML: mapping values are not allowed in this context; "
         "put a text that holds ': ' in quotes, and check the indentation"),
        ("a:\n\t- b", "s.yaml:2:1: not YAML: found character that cannot start any token; "
         "indent with spaces, not tabs"),
        ("a: @x", "s.yaml:1:4: not YAML: found character that cannot start any token; "
         "put a text that begins with @ in quotes"),
        ("a: [1", "s.yaml:2:1: not YAML: did not find expected ',' or ']'; a bracket is not closed"),
        ('a: "x', "s.yaml:1:6: not YAML: found unexpected end of stream; a quote is not closed"),
        ("- 1\nb: 2", "s.yaml:2:1: not YAML: did not find expected '-' indicator; "
         "check the indentation: an item of a list begins with '- '"),
        ("a: 1\nb: \x07", "s.yaml:2:4: not YAML: the control character U+0007"),
    ],
)  # fmt: skip
def test_what_is_no_strict_yaml_is_refused_with_its_place(text: str, message: str) -> None:
    assert refusal(text) == message


@pytest.mark.parametrize("number", ["9" * 4301, "0x" + "f" * 3572, "0o" + "7" * 10_000])
def test_a_whole_number_of_more_digits_than_are_written_is_refused(number: str) -> None:
    assert "larger than any number" in refusal(f"a: {number}")


def test_aliases_cannot_ask_for_a_billion_values() -> None:
    levels = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    text = "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x, x]", *levels])
    assert "more than 1,000,000 values" in refusal(text)


@pytest.mark.parametrize("file", ["s.yaml", "s.json"])
@pytest.mark.parametrize("depth", [202, 100_000])
def test_nesting_is_bounded_before_the_stack_is(file: str, depth: int) -> None:
    assert refusal("[" * depth + "]" * depth, file).endswith("nested deeper than 200 levels")


# --------------------------------------------------------------------------- JSON


@given(strategies.values)
def test_every_json_value_stands_where_its_mark_says(value: Json) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    document = parse_json(text, "s.json")
    for path in pointers(value):
        found, _ = json.JSONDecoder().raw_decode(standing_at(text, document.place(path)))
        assert found == at(value, path)
        if path and isinstance(at(value, path.rpartition("/")[0]), dict):
            key, _ = json.JSONDecoder().raw_decode(standing_at(text, document.place(path, key=True)))
            assert path.endswith(pointer(key))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "s.json:1:1: not JSON: there is no value"),
        ('{"a": 1,\n "b" 2}', "s.json:2:6: not JSON: Expecting ':' delimiter"),
        ('{"a": {"x": 1, "y": [{"x": 0}], "x": 2}}', "s.json:1:33: not JSON: the key 'x' stands twice in one object"),
        ('{"a": [1, {"NaN": NaN}]}', "s.json:1:19: not JSON: NaN is not JSON"),
        ('{"a": [1, {"1e400": 1e400}]}', "s.json:1:21: not JSON: 1e400 is larger than any number that can be held"),
        ('{"a": 1} x', "s.json:1:10: not JSON: 'x' follows the value"),
        ('{"a": no}', "s.json:1:7: not JSON: Expecting value"),
    ],
)
def test_what_is_no_strict_json_is_refused_with_its_place(text: str, message: str) -> None:
    assert refusal(text, "s.json") == message


def test_a_file_may_be_longer_than_a_payload() -> None:
    text = json.dumps(["x" * 1_100_000])
    assert parse_json(text, "s.json").value == ["x" * 1_100_000]


# --------------------------------------------------------------------------- JSON Lines


def test_each_line_is_a_document_and_all_bad_lines_are_told() -> None:
    problems: list[Problem] = []
    text = '{"suite": "x"}\n\n{"id": }\n{"id": "b"}\r\n{"id": "c", "id": "d"}\n'
    documents: list[Document] = list(parse_lines(text.split("\n"), "s.jsonl", problems))
    assert [document.value for document in documents] == [{"suite": "x"}, {"id": "b"}]
    assert str(documents[1].place("/id")) == "s.jsonl:4"
    assert [str(problem) for problem in problems] == [
        "s.jsonl:3:8: not JSON: Expecting value",
        "s.jsonl:5:13: not JSON: the key 'id' stands twice in one object",
    ]


def test_what_reads_yaml_is_loaded_for_yaml_alone() -> None:
    code = "import sys; from evalkit import documents; list(documents.parse_lines(['{}'], 's.jsonl', [])); "
    assert (
        subprocess.run([sys.executable, "-c", f"{code} sys.exit('yaml' in sys.modules)"], check=False).returncode == 0
    )
