"""Where the `$ref`s of a JSON Schema lead, without ever fetching anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from msgspec import Struct, field
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT4, DRAFT6, DRAFT7, DRAFT201909, DRAFT202012

from evalkit import values
from evalkit.data import Json, Pointer
from evalkit.schema.drafts import Draft

_SPECIFICATIONS = {"2020-12": DRAFT202012, "2019-09": DRAFT201909, "7": DRAFT7, "6": DRAFT6, "4": DRAFT4}
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Keywords whose subschemas judge the same value, and not a part of it.
_IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
_IN_PLACE = ("not", "if", "then", "else")
_IN_PLACE_MAPS = ("dependentSchemas", "dependencies")
_INLINE = "nothing is fetched: put the definition under `$defs` and refer to it as `#/$defs/NAME`"


class Survey(Struct, frozen=True):
    """What a walk over all subschemas in use found."""

    subschemas: tuple[tuple[Pointer, dict[str, Json]], ...]
    problems: tuple[tuple[Pointer, str, str], ...]
    """(place, what, hint) of each reference that leads outside, nowhere, to no schema, or round in a circle."""
    allows_object: bool
    """Whether an object can fit the root. Means something only if there are no problems."""


def survey(schema: Json, draft: Draft) -> Survey:
    """Walk `schema` from its root through every keyword and reference that a validator would follow."""
    walk = _Walk(_SPECIFICATIONS[draft.name], dict(places(schema)))
    walk.run(schema)
    if not walk.problems:
        walk.problems.extend(walk.circles())
    allows_object = not walk.problems and walk.allows_object(schema)
    return Survey(tuple(walk.subschemas), tuple(walk.problems), allows_object)


def metaschema(draft: Draft) -> Mapping[str, Json]:
    """What says of a schema of that draft whether it is sound."""
    contents: Mapping[str, Json] = REGISTRY.contents(draft.uri)
    return contents


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
    specification: Any
    places: Mapping[int, Pointer]
    subschemas: list[tuple[Pointer, dict[str, Json]]] = field(default_factory=list)
    problems: list[tuple[Pointer, str, str]] = field(default_factory=list)
    targets: dict[int, list[Json]] = field(default_factory=dict)
    """id of a subschema -> what its references lead to."""
    in_place: dict[int, list[int]] = field(default_factory=dict)
    """id of a subschema -> ids of those that judge the same value because of it."""

    def run(self, schema: Json) -> None:
        root = self.specification.create_resource(schema)
        stack = [(schema, REGISTRY.resolver_with_root(root))]
        while stack:
            node, resolver = stack.pop()
            if not isinstance(node, dict) or id(node) in self.in_place or id(node) not in self.places:
                continue  # a boolean, a subschema already walked, or part of a meta-schema
            self.subschemas.append((self.places[id(node)], node))
            stack.extend(self._references(node, resolver))
            self.in_place[id(node)] = [id(each) for each in self._same_value(node)]
            if not self._hides_siblings(node):
                for resource in self.specification.create_resource(node).subresources():
                    stack.append((resource.contents, resolver.in_subresource(resource)))

    def _references(self, node: Mapping[str, Json], resolver: Any) -> Iterator[tuple[Json, Any]]:
        for keyword in _REFERENCES:
            reference = node.get(keyword)
            if not isinstance(reference, str):
                continue
            place = self.places[id(node)] + values.pointer(keyword)
            try:
                resolved = resolver.lookup(reference)
            except (Unresolvable, ValueError, TypeError):  # the latter two: a pointer into a list or a scalar
                shown = values.quoted(reference, 100)
                if reference.startswith("#"):
                    self.problems.append((place, f"{shown} leads nowhere", "define it, or mend the pointer"))
                else:
                    self.problems.append((place, f"{shown} leads outside of the schema", _INLINE))
                continue
            if not isinstance(resolved.contents, dict | bool):
                self.problems.append((place, f"{values.quoted(reference, 100)} leads to no schema", ""))
                continue
            self.targets.setdefault(id(node), []).append(resolved.contents)
            yield resolved.contents, resolved.resolver

    def _hides_siblings(self, node: Mapping[str, Json]) -> bool:
        """Up to draft 7, whatever stands beside `$ref` is ignored."""
        return "$ref" in node and self.specification.name in ("draft-04", "draft-06", "draft-07")

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
