"""Features of schemas: what is a keyword and what only looks like one, and how far down it counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.data import Case, Expectation, ExpectedCall, Json, ToolSpec
from evalkit.schema import features
from evalkit.schema.features import Traits
from tests import strategies


def an_object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


TEXT: Json = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "traits"),
    [
        (an_object(a=TEXT), Traits()),
        ({"type": "object", "properties": {"a": TEXT, "b": TEXT}, "required": ["b"]}, Traits(optional=1)),
        (an_object(a={"type": "array", "items": TEXT}), Traits(depth=1)),
        (an_object(a=an_object(b=TEXT)), Traits(depth=1, nested=True)),
        (an_object(a={"type": "array", "items": an_object(b=an_object())}), Traits(depth=3, nested=True)),
        (an_object(a={"enum": ["x", "y"]}, b={"enum": [1, 2, 3]}), Traits(enum=3)),
        (an_object(a={"type": "string", "format": "date"}), Traits(format=True)),
        (an_object(a={"type": ["string", "null"]}), Traits()),
        (an_object(a={"type": ["string", "integer"]}), Traits(union=True)),
        (an_object(a={"anyOf": [TEXT, {"type": "null"}]}), Traits()),
        (an_object(a={"oneOf": [TEXT, {"type": "integer"}]}), Traits(union=True)),
        (an_object(a={"anyOf": [TEXT, an_object(b={"format": "uri"})]}), Traits(1, 0, 0, True, True, False, True)),
        # names of arguments are no keywords
        (an_object(format=TEXT, enum={"type": "array", "items": TEXT}), Traits(depth=1)),
        ({"type": "object", "properties": {"a": {"const": {"enum": [1, 2]}}}, "required": ["a"]}, Traits()),
        # only what is referred to counts
        ({"$defs": {"d": {"enum": [1, 2]}}, **an_object(a=TEXT)}, Traits()),
        ({"$defs": {"d": {"enum": [1, 2]}}, **an_object(a={"$ref": "#/$defs/d"})}, Traits(enum=2, reference=True)),
        ({"$defs": {"d~/": TEXT}, **an_object(a={"$ref": "#/$defs/d~0~1"})}, Traits(reference=True)),
        (an_object(a={"$ref": "#"}), Traits(reference=True)),
        (True, Traits()),
        ({}, Traits()),
    ],
)
def test_traits_of_a_schema(schema: Json, traits: Traits) -> None:
    assert features.of_schema(schema) == traits


KEYWORDS = [
    "type",
    "properties",
    "required",
    "items",
    "anyOf",
    "allOf",
    "enum",
    "format",
    "$ref",
    "additionalProperties",
]


@given(
    st.recursive(strategies.scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), v))
)
def test_whatever_is_declared_has_traits(schema: Json) -> None:
    assert features.named(features.of_schema(schema))


def test_a_very_deep_schema_is_walked_all_the_same() -> None:
    schema = TEXT
    for _ in range(5_000):
        schema = an_object(a=schema)
    assert features.of_schema(schema).depth == 4_999


@pytest.mark.parametrize(
    ("traits", "named"),
    [
        (Traits(), ("depth: 0", "optional arguments: 0")),
        (Traits(depth=1, optional=1, enum=5), ("depth: 1", "optional arguments: 1 to 3", "enum: 1 to 5 values")),
        (Traits(depth=2, optional=4, enum=6), ("depth: 2", "optional arguments: 4 to 9", "enum: 6 to 20 values")),
        (Traits(depth=9, optional=99), ("depth: 3 or more", "optional arguments: 10 or more")),
        (Traits(enum=21), ("depth: 0", "optional arguments: 0", "enum: 21 or more values")),
    ],
)
def test_numbers_become_a_few_words(traits: Traits, named: tuple[str, ...]) -> None:
    assert features.named(traits) == named


def specs(**schemas: Json) -> dict[str, ToolSpec]:
    return {key: ToolSpec(name=key, description="", schema=schema, source="") for key, schema in schemas.items()}


def case(*calls: str, tools: tuple[str, ...], accept: bool = True) -> Case:
    wanted = (Expectation(calls=tuple(ExpectedCall(tool=tool) for tool in calls)),) if accept else ()
    return Case(id="c", messages=(), tools=tools, accept=wanted)


KNOWN = specs(flat=an_object(a=TEXT), listed=an_object(a={"enum": ["x"]}), dated=an_object(a={"format": "date"}))


def test_a_case_has_the_features_of_the_tools_it_wants() -> None:
    offered = tuple(KNOWN)
    assert features.of_case(case("flat", tools=offered), KNOWN, {}) == (
        "depth: 0",
        "optional arguments: 0",
        "tools offered: 2 to 4",
    )
    both = features.of_case(case("listed", "dated", tools=offered), KNOWN, {})
    assert {"enum: 1 to 5 values", "format", "several calls"} <= set(both)
    assert features.of_case(case(tools=offered), KNOWN, {}) == ()


def test_where_any_tool_will_do_those_offered_count() -> None:
    assert "format" in features.of_case(case(tools=("flat", "dated"), accept=False), KNOWN, {})


def test_tools_are_walked_once() -> None:
    known: dict[str, Traits] = {"flat": Traits(format=True)}
    assert "format" in features.of_case(case("flat", tools=("flat",)), KNOWN, known)
