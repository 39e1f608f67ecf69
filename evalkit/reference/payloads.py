"""Random JSON values that fit a schema: what perfect constrained decoding without understanding would send."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, reduce
from random import Random
from typing import Any, Literal

from evalkit.data import Json
from evalkit.errors import InputError
from evalkit.reference import _scalars, patterns
from evalkit.reference._merge import both
from evalkit.reference.places import resolve
from evalkit.schema import Validator, compile_schema
from evalkit.values import canonical, same

Node = Mapping[str, Any]
Amount = Literal["some", "all", "required"]

_TRIES = 40
_DEEP = 5
"""From this depth on only what must be there is drawn, so that recursive schemas end."""
_DEEPEST = 30
_COMPOSED = ("$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "if", "then", "else")
_MISSABLE = (
    "not oneOf if allOf pattern format multipleOf contains uniqueItems patternProperties propertyNames dependencies "
    "dependentRequired dependentSchemas unevaluatedProperties unevaluatedItems minProperties maxLength"
)
_CHECKED = frozenset(_MISSABLE.split())
"""Keywords that what is drawn may miss, so that it is checked at once and drawn anew."""


class Unsampled(Exception):
    """No value that fits was found; for some schemas there is none."""


def draw(schema: Json, random: Random, amount: Amount = "some") -> Json:
    """A value that fits `schema`. `amount`: which of the optional properties it has. Raises Unsampled."""
    return _sampler(canonical(schema)).draw(random, amount)


@lru_cache(maxsize=1024)
def _sampler(text: str) -> _Sampler:
    return _Sampler(json.loads(text))


class _Sampler:
    def __init__(self, root: Json) -> None:
        self._root = root
        self._whole = compile_schema(root)
        self._checks: dict[int, Validator | None] = {}
        self._kept: list[Json] = []
        self._random = Random(0)
        self._amount: Amount = "some"

    def draw(self, random: Random, amount: Amount) -> Json:
        self._random, self._amount = random, amount
        for _ in range(_TRIES):
            try:
                value = self._value(self._root, 0)
            except Unsampled:
                continue
            if self._whole.valid(value):
                return value
        raise Unsampled("no value that fits was found")

    # ----------------------------------------------------------------------- one node

    def _value(self, node: Json, depth: int) -> Json:
        if node is False or depth > _DEEPEST:
            raise Unsampled("nothing fits `false`, or the schema never ends")
        if not isinstance(node, Mapping) or not node:
            return self._random.choice(_scalars.WORDS)
        check = self._check(node)
        if check is None:
            return self._built(self._flat(node, 0), depth)
        for _ in range(_TRIES if depth < _DEEP else _TRIES // 4):
            try:
                value = self._built(self._flat(node, 0), depth)
            except Unsampled:
                continue
            if check.valid(value):
                return value
        raise Unsampled("no value that fits was found")

    def _check(self, node: Node) -> Validator | None:
        """The validator of a node whose values must be checked, where it can be read by itself."""
        key = id(node)
        if key not in self._checks:
            self._kept.append(node)  # or another node could get its id
            text = json.dumps(node)
            alone = node is not self._root and not _CHECKED.isdisjoint(node) and '"$' not in text
            self._checks[key] = self._compiled(node) if alone else None
        return self._checks[key]

    def _compiled(self, node: Node) -> Validator | None:
        draft = {"$schema": self._root["$schema"]} if "$schema" in self._root else {}
        try:
            return compile_schema({**draft, **node})
        except InputError:
            return None

    def _flat(self, node: Json, level: int) -> Node:
        """`node` with its references followed, its parts united, and one branch of each union taken."""
        if node is False or level > _DEEPEST:
            raise Unsampled("nothing fits `false`, or the schema never ends")
        if not isinstance(node, Mapping):
            return {}
        if not any(keyword in node for keyword in _COMPOSED):
            return node
        plain: Node = {keyword: value for keyword, value in node.items() if keyword not in _COMPOSED}
        return reduce(both, (self._flat(part, level + 1) for part in self._parts(node)), plain)

    def _parts(self, node: Node) -> Iterator[Json]:
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if isinstance(node.get(keyword), str):
                yield resolve(self._root, node[keyword])
        yield from node.get("allOf", ())
        for keyword in ("anyOf", "oneOf"):
            if node.get(keyword):
                yield self._random.choice(node[keyword])
        if "if" in node:
            if self._random.random() < 0.5:
                yield node["if"]
                yield node.get("then", True)
            else:
                yield node.get("else", True)

    def _built(self, node: Node, depth: int) -> Json:
        """A value for a flat node."""
        if "const" in node:
            return node["const"]
        if "enum" in node:
            if not node["enum"]:
                raise Unsampled("the enumerations have nothing in common")
            return self._random.choice(node["enum"])
        kind = self._random.choice(_kinds(node))
        make: Mapping[str, Callable[[], Json]] = {
            "object": lambda: self._object(node, depth),
            "array": lambda: self._array(node, depth),
            "string": lambda: _scalars.text(node, self._random),
            "integer": lambda: _scalars.number(node, self._random, whole=True),
            "number": lambda: _scalars.number(node, self._random, whole=False),
            "boolean": lambda: self._random.random() < 0.5,
            "null": lambda: None,
        }
        return make[kind]()

    # ----------------------------------------------------------------------- containers

    def _array(self, node: Node, depth: int) -> list[Json]:
        listed = node.get("prefixItems", node["items"] if isinstance(node.get("items"), list) else [])
        rest = node.get("items", True) if not isinstance(node.get("items"), list) else node.get("additionalItems", True)
        least = int(node.get("minItems", 0))
        contains = max(int(node.get("minContains", 1)), 0) if "contains" in node else 0
        few = depth >= _DEEP or self._amount == "required"
        wished = max(least, len(listed), contains) if few else self._random.randint(max(least, 1), max(least, 1) + 2)
        size = min(max(wished, contains), int(node.get("maxItems", wished + contains)))
        if rest is False:
            size = min(size, len(listed))
        drawn: list[Json] = []
        for _ in range(size * 10 if node.get("uniqueItems") else size):
            index = len(drawn)
            if index == size:
                break
            inner = listed[index] if index < len(listed) else rest
            if index >= size - contains:
                inner = {"allOf": [inner, node["contains"]]}
            item = self._value(inner, depth + 1)
            if not node.get("uniqueItems") or not any(same(item, other) for other in drawn):
                drawn.append(item)
        return drawn

    def _object(self, node: Node, depth: int) -> dict[str, Json]:
        properties: Mapping[str, Json] = node.get("properties", {})
        drawn: dict[str, Json] = {}
        for name in self._names(node, properties, depth):
            if name in properties:
                drawn[name] = self._optional(name, properties[name], node, depth)
            else:
                drawn[name] = self._value(self._other(node, name), depth + 1)
            if drawn[name] is _LEFT_OUT:
                del drawn[name]
        return drawn

    def _optional(self, name: str, schema: Json, node: Node, depth: int) -> Json:
        """A value, or nothing where the property may be left out and nothing fits it."""
        try:
            return self._value(schema, depth + 1)
        except Unsampled:
            if name in node.get("required", ()):
                raise
            return _LEFT_OUT

    def _names(self, node: Node, properties: Mapping[str, Json], depth: int) -> list[str]:
        """The properties to draw: the required ones, some others, and what those depend on; in declared order."""
        wanted = set(node.get("required", ()))
        share = {"some": 0.5, "all": 1.0, "required": 0.0}[self._amount] if depth < _DEEP else 0.0
        optional = [name for name in properties if name not in wanted]
        self._random.shuffle(optional)
        least, most = int(node.get("minProperties", 0)), int(node.get("maxProperties", len(properties) + 10))
        for name in optional:
            if len(wanted) < least or (len(wanted) < most and self._random.random() < share):
                wanted.add(name)
        dependent = {**node.get("dependencies", {}), **node.get("dependentRequired", {})}
        for name in [*wanted]:
            needed = dependent.get(name, ())
            wanted |= set(needed if isinstance(needed, list) else [])
        for _ in range(4 * least + 1):
            if len(wanted) < max(least, 1 if share and _is_map(node) else 0) and len(wanted) < most:
                wanted.add(self._new_name(node))
        return [name for name in properties if name in wanted] + sorted(wanted - properties.keys())

    def _new_name(self, node: Node) -> str:
        named = node.get("patternProperties")
        if named:
            return patterns.draw(self._random.choice(sorted(named)), self._random)
        if isinstance(node.get("propertyNames"), Mapping):
            return str(self._value({"type": "string", **node["propertyNames"]}, _DEEP))
        return self._random.choice(_scalars.WORDS)

    def _other(self, node: Node, name: str) -> Json:
        """The schema of a property that is not declared by name."""
        for pattern, schema in node.get("patternProperties", {}).items():
            if compile_schema({"type": "string", "pattern": pattern}).valid(name):
                return schema
        return node.get("additionalProperties", True)


_LEFT_OUT = object()


def _is_map(node: Node) -> bool:
    """Whether an object is all about names that the schema does not know."""
    return "properties" not in node and (
        "patternProperties" in node or isinstance(node.get("additionalProperties"), dict)
    )


_ANY = ("string", "integer", "boolean")
_TELLING: Mapping[str, str] = {
    **dict.fromkeys(("properties", "required", "additionalProperties", "patternProperties", "minProperties"), "object"),
    **dict.fromkeys(("items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems"), "array"),
    **dict.fromkeys(("pattern", "format", "minLength", "maxLength"), "string"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
}


def _kinds(node: Node) -> list[str]:
    """The types a value may have; what the keywords speak of where none is declared."""
    declared = node.get("type")
    if isinstance(declared, str):
        return [declared]
    if isinstance(declared, list):
        if not declared:
            raise Unsampled("the types have nothing in common")
        return declared
    told = sorted({kind for keyword, kind in _TELLING.items() if keyword in node})
    return told or list(_ANY)
