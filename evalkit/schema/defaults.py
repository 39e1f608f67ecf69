"""The value a schema declares for what is left out: `default`, found at a place in the value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalkit.data import Json, Pointer
from evalkit.values import ABSENT, at, pointer, tokens


def declared(schema: Json, path: Pointer) -> Json:
    """The `default` for the value at `path`; ABSENT if there is none."""
    for part in _subschemas(schema, tokens(path)):
        if "default" in part:
            return part["default"]
    return ABSENT


def stand_in(schema: Json, value: Json, path: Pointer) -> Json:
    """What a tool that knows its defaults reads at `path`, where `value` has nothing."""
    parts = tokens(path)
    for cut in range(1, len(parts) + 1):
        missing = pointer(*parts[:cut])
        if at(value, missing) is ABSENT:
            return at(declared(schema, missing), pointer(*parts[cut:]))
    return ABSENT


def _subschemas(root: Json, path: Sequence[str]) -> list[Mapping[str, Json]]:
    """Every part of the schema that speaks of the value at `path`, through local references and `allOf`."""
    found = _spread(root, root)
    for token in path:
        below: list[Mapping[str, Json]] = []
        for part in found:
            below += _spread(_step(part, token), root)
        found = below
    return found


def _step(part: Mapping[str, Json], token: str) -> Json:
    properties = part.get("properties")
    if isinstance(properties, dict) and token in properties:
        return properties[token]
    prefix = part.get("prefixItems")
    if isinstance(prefix, list) and token.isdecimal() and int(token) < len(prefix):
        return prefix[int(token)]
    return part.get("items") if token.isdecimal() else None


def _spread(part: Json, root: Json) -> list[Mapping[str, Json]]:
    """`part` and what it refers to or consists of. Each object once, so that circular references end."""
    found: list[Mapping[str, Json]] = []
    seen: set[int] = set()
    stack = [part]
    while stack:
        part = stack.pop()
        if not isinstance(part, dict) or id(part) in seen:
            continue
        seen.add(id(part))
        found.append(part)
        branches = part.get("allOf")
        stack += reversed(branches) if isinstance(branches, list) else ()
        reference = part.get("$ref")
        if isinstance(reference, str) and reference.startswith("#"):
            stack.append(at(root, reference[1:]))
    return found
