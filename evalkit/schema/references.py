"""A walk through a JSON Schema: its subschemas that are in use, and whether each `$ref` leads to one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from msgspec import Struct, field

from evalkit import values
from evalkit.data import Json, Pointer
from evalkit.schema.drafts import Draft

if TYPE_CHECKING:
    from evalkit.schema.resolving import Resolver

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Keywords whose subschemas judge the same value, and not a part of it.
_IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
_IN_PLACE = ("not", "if", "then", "else")
_IN_PLACE_MAPS = ("dependentSchemas", "dependencies")
# Keywords that hold a subschema or a list of them, draft by draft, and those that hold subschemas by name.
_PARTS_4 = ("not", "allOf", "anyOf", "oneOf", "items", "additionalItems", "additionalProperties")
_PARTS_6 = (*_PARTS_4, "contains", "propertyNames")
_PARTS_7 = (*_PARTS_6, "if", "then", "else")
_PARTS_2019 = (*_PARTS_7, "contentSchema", "unevaluatedItems", "unevaluatedProperties")
_PARTS_2020 = (*(keyword for keyword in _PARTS_2019 if keyword != "additionalItems"), "prefixItems")
_PARTS = {"4": _PARTS_4, "6": _PARTS_6, "7": _PARTS_7, "2019-09": _PARTS_2019, "2020-12": _PARTS_2020}
_OLD_MAPS = ("properties", "patternProperties", "definitions", "dependencies")
_MAPS = ("properties", "patternProperties", "definitions", "$defs", "dependentSchemas")
_INLINE = "nothing is fetched: put the definition under `$defs` and refer to it as `#/$defs/NAME`"


class Survey(Struct, frozen=True):
    """What a walk over all subschemas in use found."""

    subschemas: tuple[tuple[Pointer, dict[str, Json]], ...]
    problems: tuple[tuple[Pointer, str, str], ...]
    """(place, what, hint) of each reference that leads outside, nowhere, to no schema, or round in a circle."""
    allows_object: bool
    """Whether an object can fit the root. Means something only if there are no problems."""


def survey(schema: Json, draft: Draft, is_schema: Callable[[Json], bool] = lambda target: True) -> Survey:
    """Walk `schema` from its root through every keyword and reference that a validator would follow.

    `is_schema` is asked of what references lead to: a meta-schema looks at no place that is not one for schemas.
    """
    walk = _Walk(draft, is_schema, dict(places(schema)))
    walk.run(schema)
    if not walk.problems:
        walk.problems.extend(walk.circles())
    allows_object = not walk.problems and walk.allows_object(schema)
    return Survey(tuple(walk.subschemas), tuple(walk.problems), allows_object)


def _resolver(schema: Json, draft: Draft) -> Resolver | None:
    """None if nothing in `schema` refers to anything, as in most tools: then nothing need be imported for it."""
    text = values.canonical(schema)
    if not any(f'"{keyword}"' in text for keyword in _REFERENCES):
        return None
    from evalkit.schema.resolving import Resolver

    return Resolver.at_root(schema, draft)


def places(schema: Json) -> Iterator[tuple[int, Pointer]]:
    """(id, pointer) of every object in `schema`."""
    stack: list[tuple[Json, Pointer]] = [(schema, "")]
    while stack:
        node, place = stack.pop()
        if isinstance(node, dict):
            yield id(node), place
            stack.extend((child, place + values.pointer(key)) for key, child in node.items())
        elif isinstance(node, list):
            stack.extend((child, place + values.pointer(index)) for index, child in enumerate(node))


class _Walk(Struct):
    draft: Draft
    is_schema: Callable[[Json], bool]
    places: Mapping[int, Pointer]
    subschemas: list[tuple[Pointer, dict[str, Json]]] = field(default_factory=list)
    problems: list[tuple[Pointer, str, str]] = field(default_factory=list)
    targets: dict[int, list[Json]] = field(default_factory=dict)
    """id of a subschema -> what its references lead to."""
    in_place: dict[int, list[int]] = field(default_factory=dict)
    """id of a subschema -> ids of those that judge the same value because of it."""

    def run(self, schema: Json) -> None:
        stack: list[tuple[Json, Resolver | None]] = [(schema, _resolver(schema, self.draft))]
        while stack:
            node, resolver = stack.pop()
            if not isinstance(node, dict) or id(node) in self.in_place or id(node) not in self.places:
                continue  # a boolean, a subschema already walked, or part of a meta-schema
            self.subschemas.append((self.places[id(node)], node))
            if resolver is not None:
                stack.extend(self._references(node, resolver))
            self.in_place[id(node)] = [id(each) for each in self._same_value(node)]
            if not self._hides_siblings(node):
                stack.extend((part, resolver and resolver.within(part)) for part in self._parts(node))

    def _parts(self, node: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
        for keyword in _PARTS[self.draft.name]:
            held = node.get(keyword)
            yield from (part for part in (held if isinstance(held, list) else [held]) if isinstance(part, dict))
        for keyword in _OLD_MAPS if self.draft.old else _MAPS:
            yield from (part for part in node.get(keyword, {}).values() if isinstance(part, dict))

    def _references(self, node: Mapping[str, Json], resolver: Resolver) -> Iterator[tuple[Json, Resolver]]:
        for keyword in _REFERENCES:
            reference = node.get(keyword)
            if not isinstance(reference, str):
                continue
            place = self.places[id(node)] + values.pointer(keyword)
            found = resolver.follow(reference)
            if found is None:
                shown = values.quoted(reference, 100)
                if reference.startswith("#"):
                    self.problems.append((place, f"{shown} leads nowhere", "define it, or mend the pointer"))
                else:
                    self.problems.append((place, f"{shown} leads outside of the schema", _INLINE))
                continue
            target, there = found
            if not isinstance(target, dict | bool) or not self.is_schema(target):
                self.problems.append((place, f"{values.quoted(reference, 100)} leads to no schema", ""))
                continue
            self.targets.setdefault(id(node), []).append(target)
            yield target, there

    def _hides_siblings(self, node: Mapping[str, Json]) -> bool:
        """Up to draft 7, whatever stands beside `$ref` is ignored."""
        return "$ref" in node and self.draft.old

    def _same_value(self, node: Mapping[str, Json]) -> Iterator[Json]:
        yield from self.targets.get(id(node), ())
        if self._hides_siblings(node):
            return
        for keyword in _IN_PLACE_LISTS:
            yield from node.get(keyword, ())
        for keyword in _IN_PLACE:
            if keyword in node:
                yield node[keyword]
        for keyword in _IN_PLACE_MAPS:
            yield from node.get(keyword, {}).values()

    def circles(self) -> Iterator[tuple[Pointer, str, str]]:
        try:
            TopologicalSorter(self.in_place).prepare()
        except CycleError as error:
            place = min(self.places[each] for each in error.args[1])
            yield place, "refers to itself without going deeper into the value", "no value can be judged by it"

    def allows_object(self, node: Json) -> bool:
        if not isinstance(node, dict):
            return bool(node)
        if not all(self.allows_object(target) for target in self.targets.get(id(node), ())):
            return False
        if self._hides_siblings(node):
            return True
        kinds = node.get("type", "object")
        if "object" not in ([kinds] if isinstance(kinds, str) else kinds):
            return False
        options = [node["const"]] if "const" in node else node.get("enum", [{}])
        if not any(isinstance(option, dict) for option in options):
            return False
        unions = [node[keyword] for keyword in ("anyOf", "oneOf") if keyword in node]
        return all(self.allows_object(part) for part in node.get("allOf", ())) and all(
            any(self.allows_object(branch) for branch in union) for union in unions
        )
