"""A schema walked as routes see it: every subschema once, with its place; references lead within the schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from evalkit import values
from evalkit.data import Json, Pointer

MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keywords that hold subschemas by name."""
LISTS = ("anyOf", "oneOf", "allOf", "prefixItems", "items")
"""... a list of them."""
ONES = (
    *("items", "additionalProperties", "additionalItems", "not", "contains", "if", "then", "else"),
    *("propertyNames", "unevaluatedProperties", "unevaluatedItems"),
)
"""... one."""


def subschemas(schema: Json) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    """Every subschema with its place, in the order in which they stand. Data within them is left alone."""
    stack: list[tuple[Pointer, Json]] = [("", schema)]
    while stack:
        path, node = stack.pop()
        if isinstance(node, dict):
            yield path, node
            stack += reversed([(path + step, part) for step, part in parts(node)])


def parts(node: Mapping[str, Any]) -> Iterator[tuple[Pointer, Json]]:
    """The subschemas of one, each with the steps to it."""
    for keyword, value in node.items():
        if keyword in MAPS and isinstance(value, dict):
            yield from ((values.pointer(keyword, name), part) for name, part in value.items())
        elif keyword in LISTS and isinstance(value, list):
            yield from ((values.pointer(keyword, index), part) for index, part in enumerate(value))
        elif keyword in ONES and isinstance(value, dict):
            yield values.pointer(keyword), value


def referred(reference: Json, root: Json) -> Json:
    """What a `$ref` leads to within `root`; None if that is nothing, or elsewhere."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found = values.at(root, unquote(reference[1:]))
    return None if isinstance(found, values.Absent) else found
