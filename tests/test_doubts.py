"""What is doubted in a schema is what nobody would be held to; what others add on purpose is left in peace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit import workspace
from evalkit.data import Json
from evalkit.schema.doubts import doubts

SUITES = sorted(workspace.bundled_suites())


def told(**schema: Json) -> list[str]:
    return [": ".join((place, hint)) for place, _, hint in doubts({"type": "object", **schema})]


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"properties": {"a": {"type": "string", "patern": "^a"}}}, "/properties/a/patern: did you mean 'pattern'?"),
        ({"properties": {"a": {"minlength": 3}}}, "/properties/a/minlength: did you mean 'minLength'?"),
        ({"additionalproperties": False}, "/additionalproperties: did you mean 'additionalProperties'?"),
        ({"$defs": {"a": {"maximun": 3}}, "$ref": "#/$defs/a"}, "/$defs/a/maximun: did you mean 'maximum'?"),
        ({"properties": {"a": {"format": "datetime"}}}, "/properties/a/format: did you mean 'date-time'?"),
        ({"properties": {"city": {}}, "required": ["ctiy"]}, "/required/0: did you mean 'city'?"),
        ({"properties": {"a": {"properties": {}, "required": ["b"]}}}, "/properties/a/required/0: there are none"),
    ],
)
def test_what_nobody_is_held_to_is_doubted(schema: dict[str, Json], where: str) -> None:
    assert told(**schema) == [where]


def test_what_is_required_and_may_not_be_given_is_told_as_such() -> None:
    (open_,) = doubts({"properties": {"a": {}}, "required": ["b"]})
    (closed,) = doubts({"properties": {"a": {}}, "required": ["b"], "additionalProperties": False})
    assert "any value passes" in open_[1] and "no value fits" in closed[1]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"patern": {"type": "string"}, "formt": {}}},  # names of arguments are not keywords
        {"properties": {"a": {"default": {"patern": 1}, "enum": [{"requird": 1}]}}},  # nor is data
        {"properties": {"a": {"x-patern": 1, "optional": True, "markdownDescription": "A.", "nullable": True}}},
        {"properties": {"a": {"format": "int32"}, "b": {"format": "x-iata"}}},
        {
            "properties": {
                "a": {"type": "string", "format": "enum", "enum": ["x"]},
                "b": {"type": "integer", "format": "n"},
            }
        },
        {"properties": {"a": {"_format": "date", "form": "select"}}},
        {"properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {"properties": {"a": {}}, "oneOf": [{"properties": {"kind": {}}, "required": ["kind", "a"]}]},
        {"allOf": [{"properties": {"a": {}}}], "required": ["a"]},
        {"patternProperties": {"^a": {}}, "required": ["a1"]},
        {"additionalProperties": {"type": "string"}, "required": ["a"]},
        {"properties": {"a": {}}, "$ref": "#/$defs/more", "$defs": {"more": {"required": ["a"]}}},
    ],
)
def test_what_may_well_be_meant_is_left_in_peace(schema: dict[str, Json]) -> None:
    assert told(**schema) == []


@pytest.mark.parametrize("suite", SUITES)
def test_what_ships_gives_no_cause_for_doubt(suite: str) -> None:
    for spec in workspace.load_suite(suite).specs.values():
        assert list(doubts(spec.schema)) == []


def test_real_schemas_are_seldom_doubted() -> None:
    recorded = Path(__file__).parents[1].parent / "shared/recorded/maskbench/glaive.jsonl"
    if not recorded.exists():
        pytest.skip("the recorded schemas are not beside the checkout")
    rows = [json.loads(line)["schema"] for line in recorded.read_text(encoding="utf-8").split("\n") if line]
    doubted = [row for row in rows if any(True for _ in doubts(row))]
    assert len(doubted) <= len(rows) / 10
