"""Declared defaults: found through references and compositions, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.data import Json
from evalkit.schema.defaults import declared, stand_in
from evalkit.values import ABSENT

SCHEMA: Json = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer", "default": 10},
        "nothing": {"default": None},
        "unit": {"$ref": "#/$defs/unit"},
        "own unit": {"$ref": "#/$defs/unit", "default": "mile"},
        "filter": {"default": {"open": True}, "properties": {"open": {"default": False}, "city": {"type": "string"}}},
        "a/b": {"default": "slash"},
        "list": {"items": {"default": 7}, "prefixItems": [{"default": 1}, {}]},
        "composed": {"allOf": [{"type": "string"}, {"default": "inner"}]},
        "round": {"$ref": "#/$defs/round"},
    },
    "allOf": [{"properties": {"late": {"default": "late"}}}],
    "$defs": {
        "unit": {"enum": ["km", "mile"], "default": "km"},
        "round": {"properties": {"next": {"$ref": "#/$defs/round"}, "stop": {"default": 0}}},
    },
}


@pytest.mark.parametrize(
    ("path", "default"),
    [
        ("/limit", 10),
        ("/nothing", None),
        ("/unit", "km"),
        ("/own unit", "mile"),
        ("/filter", {"open": True}),
        ("/filter/open", False),
        ("/filter/city", ABSENT),
        ("/a~1b", "slash"),
        ("/list/0", 1),
        ("/list/1", ABSENT),
        ("/composed", "inner"),
        ("/late", "late"),
        ("/round/next/next/next/stop", 0),
        ("/unknown", ABSENT),
        ("/limit/below", ABSENT),
        ("", ABSENT),
    ],
)
def test_a_default_is_found_where_it_is_declared(path: str, default: Json) -> None:
    found = declared(SCHEMA, path)
    assert found is default if default is ABSENT else found == default


def test_items_beyond_the_prefix_have_the_default_of_items() -> None:
    assert declared({"items": {"default": 7}}, "/3") == 7


@pytest.mark.parametrize(
    ("value", "path", "read"),
    [
        ({}, "/limit", 10),
        ({}, "/filter/open", True),
        ({"filter": {}}, "/filter/open", False),
        ({"filter": {}}, "/filter/city", ABSENT),
        ({}, "/round/stop", ABSENT),
        ({"round": {}}, "/round/stop", 0),
        ({"limit": 3}, "/limit", ABSENT),
    ],
)
def test_what_was_left_out_is_read_as_the_outermost_thing_that_is_missing(value: Json, path: str, read: Json) -> None:
    found = stand_in(SCHEMA, value, path)
    assert found is read if read is ABSENT else found == read


CIRCLES = [
    {"$ref": "#"},
    {"allOf": [{"$ref": "#"}]},
    {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    {"properties": {"a": {"$ref": "#"}}},
]


@pytest.mark.parametrize("schema", CIRCLES)
def test_references_that_go_round_end(schema: Json) -> None:
    assert declared(schema, "/a/a") is ABSENT


keywords = st.sampled_from(["properties", "items", "allOf", "$ref", "prefixItems", "default", "a", "0"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["#", "#/a", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keywords, inner, max_size=3),
)


@given(anything, st.sampled_from(["", "/a", "/a/0", "/0/0"]), anything)
def test_any_schema_is_searched(schema: Json, path: str, value: Json) -> None:
    declared(schema, path)
    stand_in(schema, value, path)
