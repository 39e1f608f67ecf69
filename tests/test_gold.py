from __future__ import annotations

import pytest

from evalkit import gold
from evalkit.data import ExpectedCall, Json, ToolSpec
from evalkit.gold import Undeclared
from evalkit.patterns import compile_expect

SCHEMA: Json = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "day": {"type": "string", "format": "date"},
        "guests": {"type": "integer", "default": 1},
        "stops": {"type": "array", "items": {"$ref": "#/$defs/stop"}, "maxItems": 2},
        "room": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"size": {"type": "integer"}}}]},
    },
    "required": ["city", "guests"],
    "additionalProperties": False,
    "$defs": {
        "stop": {
            "type": "object",
            "properties": {"at": {"type": "string"}, "hours": {"type": "number", "minimum": 0}},
            "required": ["at"],
            "additionalProperties": False,
        }
    },
}
SPEC = ToolSpec(name="book", description="", schema=SCHEMA, source="tools.json")


def call(args: Json, *, closed: bool = True) -> ExpectedCall:
    (expectation,) = compile_expect({"call": "book", "args": args, "closed": closed}).accept
    return expectation.calls[0]


def codes(args: Json, *, closed: bool = True) -> list[tuple[str, str]]:
    return [(found.code, found.path) for found in gold.breaches(call(args, closed=closed), SPEC, "assert")]


@pytest.mark.parametrize(
    "args",
    [
        {"city": "Oslo", "guests": 2},
        {"city": "Oslo"},  # guests has a default
        {"city": {"$one_of": [5, "Oslo"]}},  # one accepted value fits
        {"city": {"$one_of": [5, "Oslo"]}, "guests": {"$one_of": ["x", 3]}},
        {"city": {"$regex": "O.*"}},  # a value the case does not name
        {"city": {"$ignore": True}},
        {"city": "Oslo", "day": {"$date": "2026-03-01"}},
        {"city": "Oslo", "stops": [{"at": {"$text": "Bergen"}, "hours": {"$optional": 2}}]},
        {"city": "Oslo", "stops": [{"at": {"$regex": "B"}}, {"at": "x"}]},
        {"city": "Oslo", "stops": {"$unordered": [{"at": "x"}]}},
        {"city": "Oslo", "room": {"size": {"$number": 3}}},
        {"city": "Oslo", "day": {"$absent": True}},
        {"city": "Oslo", "stops": {"$optional": [{"at": {"$text": "x"}}]}},
    ],
)
def test_gold_that_the_schema_allows(args: Json) -> None:
    assert codes(args) == []


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ({"city": 5}, [("schema.type", "/city")]),
        ({"city": {"$one_of": [5, 6]}}, [("schema.type", "/city")]),
        ({"city": "Oslo", "day": {"$date": "1 March 2026"}}, [("schema.format", "/day")]),
        ({"guests": 1}, [("schema.required", "/city")]),
        ({"guests": {"$ignore": True}}, [("schema.required", "/city")]),
        ({"city": {"$absent": True}}, [("schema.required", "/city")]),
        ({"city": "Oslo", "guests": {"$optional": [2]}}, [("schema.type", "/guests")]),
        ({"city": "Oslo", "stops": [{"at": {"$text": "x"}, "hours": -1}]}, [("schema.range", "/stops/0/hours")]),
        ({"city": "Oslo", "stops": [{"hours": {"$number": 1}}]}, [("schema.required", "/stops/0/at")]),
        ({"city": "Oslo", "stops": [{"at": "x"}] * 3}, [("schema.length", "/stops")]),
        ({"city": "Oslo", "when": "now"}, [("schema.additional", "/when")]),
        ({"city": {"$regex": "O.*"}, "guests": []}, [("schema.type", "/guests")]),
    ],
)
def test_gold_that_the_schema_forbids(args: Json, found: list[tuple[str, str]]) -> None:
    assert codes(args) == found


def test_what_the_case_leaves_open_is_not_held_against_it() -> None:
    assert codes({"guests": 1}, closed=False) == []
    assert codes({"guests": "x"}, closed=False) != []


def test_formats_are_judged_as_the_suite_says() -> None:
    wanted = call({"city": "Oslo", "day": "soon"})
    assert gold.breaches(wanted, SPEC, "annotate") == ()
    assert gold.breaches(wanted, SPEC, "assert") != ()


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/city", None),
        (
            "/ctiy",
            Undeclared(
                name="ctiy", known=("city", "day", "guests", "stops", "room"), allowed=False, path="/ctiy", depth=0
            ),
        ),
        ("/stops/0/at", None),
        ("/stops/0/hour", Undeclared(name="hour", known=("at", "hours"), allowed=False, path="/stops/0/hour", depth=2)),
        ("/room/size", None),  # a union: what it declares cannot be told that simply
        ("/city/x", None),
    ],
)
def test_arguments_that_the_schema_does_not_declare(path: str, found: Undeclared | None) -> None:
    assert gold.undeclared(SCHEMA, path) == found


def test_an_open_schema_allows_what_it_does_not_declare() -> None:
    open_: Json = {"properties": {"a": {}}}
    assert gold.undeclared(open_, "/b") == Undeclared(name="b", known=("a",), allowed=True, path="/b", depth=0)
    assert gold.undeclared({**open_, "allOf": [{"properties": {"b": {}}}]}, "/b") is None
    assert gold.undeclared({**open_, "additionalProperties": {"type": "string"}}, "/b") is None
    assert gold.undeclared({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "/b") is None
