"""Schemas: what is refused, what is valid, and what is said of what is not."""

from __future__ import annotations

import json
import math
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit import schema as schemas
from evalkit import values
from evalkit.data import CODES, Json
from evalkit.errors import InputError
from evalkit.schema import Validator, check, compile_schema, doubts
from evalkit.schema.drafts import DRAFTS, Draft, draft_of

MASKBENCH = Path(__file__).parents[1].parent / "shared/recorded/maskbench"

# --------------------------------------------------------------------------- soundness


@pytest.mark.parametrize(
    ("schema", "place", "what"),
    [
        ([], "", "a schema is an object"),
        ({"type": "objct"}, "/type", "objct"),
        ({"properties": {"a": {"type": "string", "minLength": -1}}}, "/properties/a/minLength", "at least 0"),
        ({"properties": {"a": {"required": "b"}}}, "/properties/a/required", "expected an array"),
        ({"properties": {"a": {"$ref": "#/$defs/a"}}}, "/properties/a/$ref", "leads nowhere"),
        ({"properties": {"a": {"$ref": "#/type/x"}}, "type": "object"}, "/properties/a/$ref", "leads nowhere"),
        ({"properties": {"a": {"$ref": "#/required"}}, "required": ["a"]}, "/properties/a/$ref", "leads to no schema"),
        ({"$ref": "#/x/a", "x": {"a": {"properties": [1]}}}, "/$ref", "leads to no schema"),
        ({"$ref": "#/x/a", "x": {"a": {"allOf": 3}}}, "/$ref", "leads to no schema"),
        ({"properties": {"a": {"$ref": "#/default"}}, "default": {"type": 1}}, "/properties/a/$ref", "to no schema"),
        ({"properties": {"a": {"$ref": "http://127.0.0.1:9/a.json"}}}, "/properties/a/$ref", "outside"),
        ({"properties": {"a": {"$ref": "file:///etc/hostname"}}}, "/properties/a/$ref", "outside"),
        ({"properties": {"a": {"$ref": "other.json#/a"}}}, "/properties/a/$ref", "outside"),
        ({"$ref": "#"}, "", "refers to itself"),
        ({"anyOf": [{"type": "object"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {"not": {"$ref": "#"}}}}, "", "itself"),
        ({"properties": {"a": {"pattern": "^(a"}}}, "/properties/a/pattern", "no regular expression"),
        ({"patternProperties": {"[": {}}}, "/patternProperties/[", "no regular expression"),
        ({"$schema": "http://json-schema.org/draft-03/schema#"}, "/$schema", "unknown draft"),
        ({"$schema": 7}, "/$schema", "unknown draft"),
        ({"type": "array"}, "", "allows none"),
        ({"type": ["string", "null"]}, "", "allows none"),
        ({"enum": ["a", "b"]}, "", "allows none"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}}, "", "allows none"),
        ({"oneOf": [{"type": "integer"}, {"const": 1}]}, "", "allows none"),
        (False, "", "allows none"),
    ],
)
def test_an_unsound_schema_is_refused_with_its_place(schema: Json, place: str, what: str) -> None:
    found = check(schema, "tools.json#/0/parameters")
    assert [problem.path for problem in found] == ["/0/parameters" + place]
    assert what in found[0].what
    assert str(found[0]).startswith("tools.json: /0/parameters" + place)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        True,
        {"type": ["object", "null"]},
        {"type": "object", "properties": {"next": {"$ref": "#"}}},
        {"type": "object", "properties": {"a": {"$ref": "#/definitions/a"}}, "definitions": {"a": {"type": "string"}}},
        {"properties": {"a": {"pattern": r"^(?!x)\p{Lu}\d+$"}}},
        {"properties": {"schema": {"$ref": "https://json-schema.org/draft/2020-12/schema"}}},
        {"properties": {"$ref": {"type": "string"}, "pattern": {"type": "string"}}},
        {"properties": {"a": {"enum": [{"$ref": "#/nowhere"}]}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a", "definitions": {"a": {}}},
        {"anyOf": [{"type": "string"}, {"type": "object"}]},
        {"$defs": {"unused": {"$anchor": "a"}}, "properties": {"a": {"$ref": "#a"}}},
    ],
)
def test_a_sound_schema_is_not(schema: Json) -> None:
    assert check(schema, "tools.json") == ()


def test_a_root_that_is_no_object_matters_only_for_arguments() -> None:
    assert check({"type": "array"}, "x", arguments=False) == ()


def test_all_problems_are_found_at_once() -> None:
    schema = {"properties": {"a": {"$ref": "#/no"}, "b": {"$ref": "https://example.com/b"}, "c": {"pattern": "("}}}
    assert len(check(schema, "x")) == 3


def test_an_unsound_or_bottomless_schema_does_not_compile() -> None:
    with pytest.raises(InputError, match="objct"):
        compile_schema({"type": "objct"})
    bottomless: dict[str, Any] = {}
    for _ in range(100_000):
        bottomless = {"items": bottomless}
    with pytest.raises(InputError, match="deeper"):
        compile_schema(bottomless)


def test_no_reference_is_ever_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    for reference in ("http://127.0.0.1:9/a.json", "https://example.com/a", "//example.com/a", "file:///etc/passwd"):
        schema = {"$id": "http://127.0.0.1:9/root.json", "properties": {"a": {"$ref": reference}}}
        assert "outside" in check(schema, "x")[0].what
        with pytest.raises(InputError, match="outside"):
            compile_schema(schema)


@pytest.mark.parametrize("draft", DRAFTS, ids=[draft.name for draft in DRAFTS])
@pytest.mark.parametrize("spelling", ["{}", "{}#", "https{}"])
def test_the_draft_is_the_one_that_is_named(draft: Draft, spelling: str) -> None:
    uri = "https://" + draft.uri.partition("://")[2] if spelling.startswith("https") else spelling.format(draft.uri)
    assert draft_of({"$schema": uri}) is draft
    validator = (
        compile_schema({"$schema": uri, "properties": {"a": {"exclusiveMinimum": 3}}}) if draft.name != "4" else None
    )
    assert validator is None or not validator.valid({"a": 3})


def test_draft_4_is_read_as_draft_4() -> None:
    validator = compile_schema(
        {
            "$schema": "http://json-schema.org/draft-04/schema#",
            "properties": {"a": {"minimum": 3, "exclusiveMinimum": True}},
        }
    )
    assert validator.violations({"a": 3})[0].message == "expected more than 3, found 3"
    assert (
        "expected a boolean"
        in check({"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": 3}, "x")[0].what
    )


ODDITIES: tuple[Json, ...] = (
    *(None, True, 0, -1, 1.5, "", "#a", "a b", "http://x/#", "(", [], ["a", "a"], [{}], ["object", "object"], {}),
    *({"a": {}}, {"a": None}, {"a": ["b", "b"]}, {"(": {}}),
)


@pytest.mark.parametrize("draft", DRAFTS, ids=[draft.name for draft in DRAFTS])
def test_the_two_engines_agree_on_what_is_a_schema(draft: Draft) -> None:
    sound = schemas._metaschema(draft)
    for word in sorted(doubts._KEYWORDS):
        for oddity in ODDITIES:
            schema = {"properties": {"a": {word: oddity}}}
            record = next(iter(sound.reasons.engine.iter_errors(schema)), None) is None
            assert sound._fast.is_valid(schema) is record, schema


HEAVY = ("jsonschema", "referencing", "jsonschema_specifications", "attr")


def test_neither_a_sound_schema_nor_what_fits_it_waits_for_the_engine_that_gives_reasons() -> None:
    code = (
        "import sys; from evalkit.schema import check, compile_schema;"
        "schema = {'properties': {'a': {'type': 'integer', 'enum': [1, 2]}}, 'required': ['a']};"
        "assert not check(schema, 'x') and compile_schema(schema).valid({'a': 1});"
        f"assert not set({HEAVY}) & sys.modules.keys();"
        "assert compile_schema(schema).violations({});"
        f"assert set({HEAVY}) <= sys.modules.keys()"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_validator_for_one_schema() -> None:
    assert compile_schema({"a": 1, "b": 2}) is compile_schema({"b": 2, "a": 1})
    assert compile_schema({}) is not compile_schema({}, "annotate")


# --------------------------------------------------------------------------- what is said of a violation

CASES: list[tuple[Json, Json, str, str, str, str]] = [
    # schema of "a", value of "a", code, instance pointer, schema pointer below /properties/a, part of the message
    ({"type": "integer"}, [], "schema.type", "/a", "/type", "expected an integer, found an array ([])"),
    ({"type": "integer"}, True, "schema.type", "/a", "/type", "found true"),
    ({"type": "integer"}, "seven", "schema.type", "/a", "/type", 'the string "seven"'),
    ({"type": "integer"}, "7", "schema.stringified_scalar", "/a", "/type", "expected an integer"),
    ({"type": "integer"}, "7.5", "schema.type", "/a", "/type", "expected an integer"),
    ({"type": "number"}, "7.5", "schema.stringified_scalar", "/a", "/type", "expected a number"),
    ({"type": "boolean"}, "true", "schema.stringified_scalar", "/a", "/type", "expected a boolean"),
    ({"type": "boolean"}, "True", "schema.stringified_scalar", "/a", "/type", "expected a boolean"),
    ({"type": "array"}, "[1]", "schema.stringified_container", "/a", "/type", "expected an array"),
    ({"type": "object"}, '{"b": 1}', "schema.stringified_container", "/a", "/type", "expected an object"),
    ({"type": "object"}, "[1]", "schema.type", "/a", "/type", "expected an object"),
    (
        {"type": ["string", "integer"]},
        None,
        "schema.null",
        "/a",
        "/type",
        "expected an integer or a string, found null",
    ),
    ({"enum": ["kg", "lb"]}, "oz", "schema.enum", "/a", "/enum", 'expected one of "kg", "lb", found the string "oz"'),
    ({"enum": ["kg", "lb"]}, "KG", "schema.enum_case", "/a", "/enum", 'one of "kg"'),
    ({"enum": ["kg", "lb"]}, None, "schema.null", "/a", "/enum", "found null"),
    ({"enum": [1, 2]}, "1", "schema.stringified_scalar", "/a", "/enum", "expected one of 1, 2"),
    ({"enum": list(range(20))}, 20, "schema.enum", "/a", "/enum", "or one of 12 more"),
    ({"const": "x"}, "y", "schema.const", "/a", "/const", 'expected "x", found the string "y"'),
    ({"format": "date"}, "2026-02-30", "schema.format", "/a", "/format", "expected the format date"),
    ({"format": "email"}, "me", "schema.format", "/a", "/format", "expected the format email"),
    ({"pattern": "^[A-Z]{3}$"}, "osl", "schema.pattern", "/a", "/pattern", "^[A-Z]{3}$"),
    ({"minimum": 1}, 0, "schema.range", "/a", "/minimum", "expected at least 1, found 0"),
    ({"exclusiveMaximum": 1}, 1, "schema.range", "/a", "/exclusiveMaximum", "less than 1"),
    ({"multipleOf": 0.01}, 0.005, "schema.range", "/a", "/multipleOf", "a multiple of 0.01"),
    ({"minLength": 2}, "å", "schema.length", "/a", "/minLength", "at least 2 characters, found 1"),
    ({"maxItems": 1}, [1, 2], "schema.length", "/a", "/maxItems", "at most 1 items, found 2"),
    ({"prefixItems": [{}], "items": False}, [1, 2], "schema.length", "/a", "/items", "more items"),
    ({"minProperties": 1}, {}, "schema.length", "/a", "/minProperties", "at least 1 members, found 0"),
    ({"uniqueItems": True}, [1, 1.0], "schema.other", "/a", "/uniqueItems", "no item twice"),
    ({"not": {"type": "null"}}, None, "schema.other", "/a", "/not", "excludes"),
    ({"contains": {"type": "null"}}, [1], "schema.other", "/a", "/contains", "none among 1"),
    (False, 1, "schema.additional", "/a", "", "allows nothing here"),
    ({"required": ["b~/"]}, {}, "schema.required", "/a/b~0~1", "/required", '"b~/" is required and missing'),
    ({"dependentRequired": {"b": ["c"]}}, {"b": 1}, "schema.required", "/a", "/dependentRequired", "missing"),
    ({"additionalProperties": False}, {"b": 1}, "schema.additional", "/a/b", "/additionalProperties", 'not know "b"'),
    (
        {"patternProperties": {"^x": {}}, "additionalProperties": False},
        {"x1": 1, "y": 2},
        "schema.additional",
        "/a/y",
        "/additionalProperties",
        '"y"',
    ),
    ({"additionalProperties": {"type": "null"}}, {"b": 1}, "schema.type", "/a/b", "/additionalProperties/type", "null"),
    ({"propertyNames": {"maxLength": 1}}, {"bb": 1}, "schema.additional", "/a/bb", "/propertyNames", 'name "bb"'),
    ({"unevaluatedProperties": False}, {"b": 1}, "schema.additional", "/a", "/unevaluatedProperties", "'b'"),
    ({"items": {"type": "integer"}}, [1, "2"], "schema.stringified_scalar", "/a/1", "/items/type", "integer"),
    # unions
    ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "x", "schema.type", "/a", "/anyOf/0/type", "an integer"),
    (
        {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "5",
        "schema.stringified_scalar",
        "/a",
        "/anyOf/0/type",
        "an integer",
    ),
    (
        {"anyOf": [{"type": "integer"}, {"type": "array"}]},
        "[5]",
        "schema.stringified_container",
        "/a",
        "/anyOf/1/type",
        "an array",
    ),
    ({"anyOf": [{"type": "integer"}, {"type": "array"}]}, None, "schema.null", "/a", "/anyOf", "none of 2"),
    ({"anyOf": [{"type": "integer"}, {"type": "array"}]}, {}, "schema.union", "/a", "/anyOf", "none of 2"),
    ({"anyOf": [{"const": "a"}, {"const": "b"}]}, "c", "schema.enum", "/a", "/anyOf", 'one of "a", "b"'),
    ({"anyOf": [{"const": "a"}, {"const": "b"}]}, "B", "schema.enum_case", "/a", "/anyOf", 'one of "a", "b"'),
    ({"oneOf": [{"minimum": 1}, {"maximum": 5}]}, 3, "schema.union", "/a", "/oneOf", "more than one of 2"),
    ({"oneOf": [{"required": ["b"]}, {"required": ["c"]}]}, {}, "schema.union", "/a", "/oneOf", "none of 2"),
    (
        {
            "anyOf": [
                {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                {"type": "array", "items": {"type": "integer"}},
            ]
        },
        [1, "x"],
        "schema.type",
        "/a/1",
        "/anyOf/1/items/type",
        "an integer",
    ),
]


@pytest.mark.parametrize(("schema", "value", "code", "path", "schema_path", "part"), CASES)
def test_a_violation_names_code_places_and_reason(
    schema: Json, value: Json, code: str, path: str, schema_path: str, part: str
) -> None:
    validator = compile_schema({"properties": {"a": schema}})
    found = validator.violations({"a": value}, payload=3)
    assert [(each.code, each.path, each.schema_path) for each in found] == [(code, path, "/properties/a" + schema_path)]
    assert part in found[0].message
    assert found[0].payload == 3
    assert not validator.valid({"a": value})


def test_a_discriminator_says_which_branch_was_meant() -> None:
    card = {"properties": {"kind": {"const": "card"}, "number": {"type": "string"}}, "required": ["kind", "number"]}
    bank = {"properties": {"kind": {"const": "bank"}, "iban": {"type": "string"}}, "required": ["kind", "iban", "bic"]}
    validator = compile_schema(
        {"oneOf": [{"$ref": "#/$defs/card"}, {"$ref": "#/$defs/bank"}], "$defs": {"card": card, "bank": bank}}
    )
    found = validator.violations({"kind": "bank", "iban": 5})
    assert {(each.code, each.path, each.schema_path) for each in found} == {
        ("schema.type", "/iban", "/$defs/bank/properties/iban/type"),
        ("schema.required", "/bic", "/$defs/bank/required"),
    }
    assert [each.code for each in validator.violations({"kind": "cash"})] == ["schema.union"]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ('{"a": 1}', "schema.double_encoded"),
        ("[1]", "schema.double_encoded"),
        ("Oslo", "schema.type"),
        (None, "schema.null"),
    ],
)
def test_the_root_itself_may_be_wrong(value: Json, code: str) -> None:
    (found,) = compile_schema({"type": "object"}).violations(value)
    assert (found.code, found.path, found.schema_path) == (code, "", "/type")


def test_every_violation_is_reported_and_none_twice() -> None:
    schema = {
        "properties": {"a": {"type": "integer", "enum": [1]}},
        "required": ["b", "c"],
        "additionalProperties": False,
    }
    found = compile_schema(schema).violations({"a": "1", "d": 0})
    assert sorted((each.code, each.path) for each in found) == [
        ("schema.additional", "/d"),
        ("schema.required", "/b"),
        ("schema.required", "/c"),
        ("schema.stringified_scalar", "/a"),
    ]


def test_formats_are_asserted_unless_they_only_annotate() -> None:
    schema = {"properties": {"a": {"format": "date"}}}
    assert not compile_schema(schema).valid({"a": "tomorrow"})
    assert compile_schema(schema, "annotate").valid({"a": "tomorrow"})
    assert compile_schema({"format": "no-such-format"}).valid("x")
    older = {"$schema": "http://json-schema.org/draft-04/schema#", **schema}
    assert not compile_schema(older).valid({"a": "tomorrow"})


@pytest.mark.parametrize("checked", [False, True])
def test_a_draft_named_deep_inside_changes_nothing(checked: bool) -> None:
    part = {"$schema": "http://json-schema.org/draft-04/schema", "properties": {"id": {"format": "uuid"}}, "const": {}}
    referred = {"properties": {"a": {"$ref": "#/definitions/a"}}, "definitions": {"a": part}, "title": str(checked)}
    inline = {"properties": {"a": part}, "title": str(checked)}
    for schema in (referred, inline):
        found = compile_schema(schema, checked=checked).violations({"a": {"id": "12345"}})
        assert sorted(each.code for each in found) == ["schema.const", "schema.format"]
    assert [each.code for each in compile_schema(inline, checked=checked).violations({"a": 1})] == ["schema.const"]


# --------------------------------------------------------------------------- hostile values


def test_catastrophic_patterns_cost_nothing() -> None:
    bomb, fuse = "^(a+)+$", "a" * 50_000 + "b"
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {"a": {"pattern": bomb}, "again": {"$ref": "#"}},
        "patternProperties": {bomb: {"type": "null"}},
        "additionalProperties": False,
        "propertyNames": {"pattern": "^(again|a|x)$"},
    }
    start = time.process_time()
    found = compile_schema(schema).violations({"again": {"a": fuse}, fuse: 1})
    assert time.process_time() - start < 1
    assert {each.code for each in found} == {"schema.pattern", "schema.additional", "schema.type"}
    assert not compile_schema({"pattern": r"^(?=(a+)+$)(a+)+\1$"}).valid(fuse)
    assert time.process_time() - start < 2


RECURSIVE = {
    "$ref": "#/$defs/n",
    "$defs": {"n": {"anyOf": [{"type": "integer"}, {"allOf": [{"type": "array", "items": {"$ref": "#/$defs/n"}}]}]}},
}


def nested(levels: int, core: Json) -> Json:
    for _ in range(levels):
        core = [core]
    return core


def test_a_value_of_200_levels_is_judged_and_a_deeper_one_is_a_violation() -> None:
    validator = compile_schema(RECURSIVE)
    assert validator.valid(nested(200, 1))
    (found,) = validator.violations(nested(200, "x"))
    assert found.code == "schema.union"
    assert found.path == "/0" * 200
    for levels in (201, 100_000):
        (found,) = validator.violations(nested(levels, 1), 0)
        assert found.code == "json.too_deep"
        assert not validator.valid(nested(levels, 1))


ODD: list[tuple[Json, Json, bool]] = [
    ({"type": "integer", "maximum": 5}, 10**5000, False),
    ({"type": "integer", "minimum": 5}, 10**4000, True),
    ({"multipleOf": 3}, 3 * 10**400, True),
    ({"multipleOf": 3}, 3 * 10**400 + 1, False),
    ({"multipleOf": 0.01}, 19.99, True),
    ({"multipleOf": 0.01}, 1e300, True),
    ({"multipleOf": 0.01}, math.inf, False),
    ({"multipleOf": 2}, 2e100, True),
    ({"type": "number"}, math.inf, True),
    ({"type": "integer"}, math.inf, False),
    ({"maximum": 5}, math.inf, False),
    ({"const": 2**53}, 2**53 + 1, False),
    ({"const": 9007199254740993}, 9007199254740993, True),
    ({"type": "string", "pattern": "^.$"}, "\ud800", True),
    ({"type": "string", "format": "date"}, "\udfff", False),
    ({"type": "string"}, "\ud800", True),
    ({"patternProperties": {"^a": {"type": "null"}}}, {"a\ud800": 1}, False),
    ({"enum": ["a"]}, "\ud800", False),
    ({"type": "integer"}, 1.0, True),
    ({"const": 1}, True, False),
    ({"uniqueItems": True}, [1, True, {"a": 0}, {"a": False}], True),
]


@pytest.mark.parametrize(("schema", "value", "valid"), ODD, ids=map(str, range(len(ODD))))
def test_odd_values_are_judged_and_do_not_crash(schema: Json, value: Json, valid: bool) -> None:
    validator = compile_schema(schema)
    assert validator.valid(value) is valid
    for found in validator.violations(value):
        assert found.code in CODES
        assert (found.message + found.excerpt).encode("utf-8")
    assert bool(validator.violations(value)) is not valid


def test_excerpts_are_bounded() -> None:
    found = compile_schema({"type": "integer", "enum": [1]}).violations({"text": "é" * 10_000})
    assert all(len(each.excerpt) <= 200 and len(each.message) < 400 for each in found)


# --------------------------------------------------------------------------- two engines, one verdict


def record_says(validator: Validator, value: Json) -> bool:
    """The verdict of jsonschema alone, without the fast engine in front of it."""
    return next(iter(validator.reasons.engine.iter_errors(value)), None) is None


NAMES = st.sampled_from(["a", "b", "ab", "é"])
SCALARS: st.SearchStrategy[Json] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from([0.5, 1.0, -2.5, 0.1, 0.3, 1e20, 10**30, math.inf]),
    st.sampled_from(["", "a", "A", "ab", "5", "true", "[1]", '{"a": 1}', "2026-01-01", "a@b.c", "é", "👍"]),
)
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
TYPES = st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null"])


def keywords(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
            "enum": st.lists(SCALARS.filter(lambda value: value != math.inf), min_size=1, max_size=3, unique_by=repr),
            "const": VALUES.filter(lambda value: "inf" not in repr(value)),
            "properties": st.dictionaries(NAMES, inner, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$", "é"]), inner, max_size=2),
            "additionalProperties": inner | st.booleans(),
            "unevaluatedProperties": st.just(False),
            "propertyNames": st.just({"maxLength": 1}),
            "required": st.lists(NAMES, max_size=2, unique=True),
            "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=1), max_size=1),
            "prefixItems": several,
            "items": inner,
            "contains": inner,
            "uniqueItems": st.booleans(),
            "minItems": st.integers(0, 2),
            "minimum": st.sampled_from([0, 0.5, -3]),
            "exclusiveMaximum": st.sampled_from([0, 1.0, 4]),
            "multipleOf": st.sampled_from([1, 2, 0.1, 0.5]),
            "minLength": st.integers(0, 2),
            "pattern": st.sampled_from(["^a", r"\d", "(?!a)b", "^.$"]),
            "format": st.sampled_from(["date", "email", "uri", "no-such"]),
            "anyOf": several,
            "oneOf": several,
            "allOf": several,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "$ref": st.just("#/$defs/d"),
        },
    )


SCHEMAS: st.SearchStrategy[Json] = st.recursive(st.booleans() | st.just({}), keywords, max_leaves=8)


@settings(max_examples=300, deadline=None)
@given(SCHEMAS, st.dictionaries(NAMES, VALUES, max_size=3) | VALUES)
def test_the_two_engines_agree_on_whatever_is_generated(schema: Json, value: Json) -> None:
    whole = {"allOf": [schema], "$defs": {"d": {"type": ["integer", "string", "object"], "maximum": 3}}}
    validator = compile_schema(whole, checked=True)  # so that the fast engine has the schema as it is declared
    verdict = record_says(validator, value)
    assert validator.valid(value) is verdict
    found = validator.violations(value)
    assert (found == ()) is verdict
    for each in found:
        assert each.code in CODES
        assert values.at(whole, each.schema_path) is not values.ABSENT
        assert each.code == "schema.required" or values.at(value, each.path) is not values.ABSENT


@settings(max_examples=100, deadline=None)
@given(SCHEMAS, VALUES)
def test_our_words_do_not_change_the_verdict_of_jsonschema(schema: Json, value: Json) -> None:
    """An outside judge: jsonschema as it ships, wherever nothing is asked that it is known to read otherwise."""
    text = json.dumps([schema, value])
    whole = {"allOf": [schema], "$defs": {"d": {"type": "string"}}}
    if not any(word in text for word in ('"format"', '"multipleOf"', "Infinity")):
        assert compile_schema(whole).valid(value) == jsonschema.Draft202012Validator(whole).is_valid(value)


def recorded(name: str) -> Iterator[Mapping[str, Json]]:
    path = MASKBENCH / f"{name}.jsonl"
    if not path.exists():
        pytest.skip("../shared/recorded/maskbench is not beside this checkout")
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


@pytest.mark.parametrize(("name", "payloads", "known"), [("glaive", 1385, 0), ("mixed", 3436, 4)])
def test_recorded_payloads_are_judged_as_they_were(name: str, payloads: int, known: int) -> None:
    judged, other = 0, []
    for entry in recorded(name):
        assert check(entry["schema"], "x", arguments=False) == (), entry["id"]
        validator = compile_schema(entry["schema"])
        for test in entry["tests"]:
            judged += 1
            found = validator.violations(test["data"])
            assert (found == ()) is record_says(validator, test["data"]), entry["id"]
            if bool(found) is test["valid"]:
                other.append(entry["id"].rpartition("---")[2])
    assert judged == payloads
    assert set(other) <= {"o73993", "o76630"}
    assert len(other) <= known
