"""What is hard about the tools of a case: features of their schemas, in the words that reports use. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from evalkit import values
from evalkit.data import Case, Json, ToolSpec

_ALTERNATIVES = ("anyOf", "oneOf")
_SAME_VALUE = (*_ALTERNATIVES, "allOf")
_MAPS = ("properties", "patternProperties")
_PARTS = ("items", "prefixItems", "additionalItems", "additionalProperties")


class Traits(NamedTuple):
    """A schema in numbers. Of several schemas, the hardest counts: the largest of each."""

    depth: int = 0
    """Objects and arrays around the innermost of them: 0 where all arguments are scalars."""
    optional: int = 0
    """Properties that may be left out, at any level."""
    enum: int = 0
    """Values of the longest enumeration."""
    nested: bool = False
    """An object within the arguments."""
    union: bool = False
    """Two or more alternatives, null not counted."""
    reference: bool = False
    format: bool = False

    @staticmethod
    def hardest(several: Iterable[Traits]) -> Traits:
        return Traits(*map(max, zip(*several, strict=True)))


def of_case(case: Case, specs: Mapping[str, ToolSpec], known: dict[str, Traits]) -> tuple[str, ...]:
    """Features of the tools that the case wants (where any will do, of those offered); () if it wants none.

    `known` keeps the traits of specs from case to case.
    """
    if case.wants_nothing:
        return ()
    wanted = {call.tool for expectation in case.accept for call in expectation.calls}
    keys = [key for key in case.tools if not wanted or specs[key].name in wanted]
    if not keys:
        return ()
    for key in keys:
        if key not in known:
            known[key] = of_schema(specs[key].schema)
    several = any(len(expectation.calls) > 1 for expectation in case.accept)
    return (
        *named(Traits.hardest(known[key] for key in keys)),
        f"tools offered: {_bucket(len(case.tools), 1, (1, 4, 9))}",
        *(["several calls"] if several else []),
    )


def named(traits: Traits) -> tuple[str, ...]:
    """Traits in words, always in one order."""
    flags = {
        "nested object": traits.nested,
        "union": traits.union,
        "$ref": traits.reference,
        "format": traits.format,
        f"enum: {_bucket(traits.enum, 1, (5, 20))} values": traits.enum > 0,
    }
    return (
        f"depth: {_bucket(traits.depth, 0, (0, 1, 2))}",
        f"optional arguments: {_bucket(traits.optional, 0, (0, 3, 9))}",
        *(name for name, there in flags.items() if there),
    )


def _bucket(count: int, first: int, ends: Sequence[int]) -> str:
    """(1, 1, (1, 4, 9)) -> `1`; 6 -> `5 to 9`; beyond the last end `10 or more`."""
    low = first
    for end in ends:
        if count <= end:
            return str(end) if low == end else f"{low} to {end}"
        low = end + 1
    return f"{low} or more"


def of_schema(schema: Json) -> Traits:
    """Every subschema that judges a part of the arguments is walked once; references are followed within the schema."""
    traits = [Traits()]
    seen: set[int] = set()
    stack = [(schema, 0)]
    while stack:
        node, level = stack.pop()
        if isinstance(node, dict) and id(node) not in seen:
            seen.add(id(node))
            traits.append(_own(node, level))
            stack.extend((other, level) for other in _same_value(node, schema))
            stack.extend((part, level + 1) for part in _parts(node))
    return Traits.hardest(traits)


def _own(node: Mapping[str, Json], level: int) -> Traits:
    kinds = _kinds(node)
    container = bool(kinds & {"object", "array"}) or "properties" in node or "items" in node
    properties, enum = node.get("properties"), node.get("enum")
    required = {name for name in _each(node.get("required")) if isinstance(name, str)}
    return Traits(
        depth=level if container else 0,
        optional=len(properties.keys() - required) if isinstance(properties, dict) else 0,
        enum=len(enum) if isinstance(enum, list) else 0,
        nested=level > 0 and ("object" in kinds or "properties" in node),
        union=len(kinds - {"null"}) > 1 or any(_branches(node.get(keyword)) > 1 for keyword in _ALTERNATIVES),
        reference="$ref" in node,
        format=isinstance(node.get("format"), str),
    )


def _kinds(node: Mapping[str, Json]) -> set[str]:
    return {kind for kind in _each(node.get("type")) if isinstance(kind, str)}


def _branches(alternatives: Json) -> int:
    """How many alternatives there are that allow more than null."""
    return sum(branch != {"type": "null"} for branch in alternatives) if isinstance(alternatives, list) else 0


def _same_value(node: Mapping[str, Json], root: Json) -> Iterator[Json]:
    for keyword in _SAME_VALUE:
        yield from _each(node.get(keyword))
    reference = node.get("$ref")
    if isinstance(reference, str) and (reference == "#" or reference.startswith("#/")):
        target = values.at(root, unquote(reference[1:]))
        if not isinstance(target, values.Absent):
            yield target


def _parts(node: Mapping[str, Json]) -> Iterator[Json]:
    for keyword in _MAPS:
        parts = node.get(keyword)
        yield from parts.values() if isinstance(parts, dict) else ()
    for keyword in _PARTS:
        yield from _each(node.get(keyword))


def _each(part: Json) -> Iterable[Json]:
    return part if isinstance(part, list) else (part,)
