"""The arm `strict`: a schema as strict functions demand it, and every departure from the declared one.

OpenAI's know no optional argument: all are required, and one that may be left out may be null instead. What such a
null stands for is undone in `nulls`. Which provider demands what is told in `flags`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from evalkit import values
from evalkit.data import Json, Pointer

FORMATS = frozenset(("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"))
KEPT = frozenset(
    (
        *("type", "enum", "const", "anyOf", "$ref", "$defs", "definitions", "title", "description"),
        *("properties", "required", "additionalProperties", "items", "minItems", "maxItems", "pattern", "format"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    )
)
"""Keywords that a strict schema may hold. Of string lengths OpenAI's guide says nothing: they are left out."""
_BOUNDS = frozenset(
    ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems")
)


class Demands(NamedTuple):
    """What a provider lets a strict schema hold."""

    kept: frozenset[str]
    formats: frozenset[str]
    all_required: bool
    """There is no optional argument."""
    recursive: bool
    """A schema may refer to itself."""


OPENAI = Demands(KEPT, FORMATS, all_required=True, recursive=True)
CLAUDE = Demands(KEPT - _BOUNDS, FORMATS | {"uri"}, all_required=False, recursive=False)
"""Anthropic's grammar holds no numbers and arrays to bounds."""

ANNOTATIONS = frozenset(
    (
        *("$schema", "$id", "$comment", "title", "description", "default", "example", "examples"),
        *("deprecated", "readOnly", "writeOnly"),
    )
)
"""Keywords that say something to a reader and nothing to a validator."""
_INEXPRESSIBLE = ("patternProperties", "prefixItems", "dependentSchemas", "dependencies", "$dynamicRef", "$anchor")
_UNIONS = ("anyOf", "oneOf")
_DEFINITIONS = ("$defs", "definitions")
_TYPES: Mapping[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}


class Departure(NamedTuple):
    """One way in which a rewritten schema is not the declared one. `kind` is that of `data.Divergence`."""

    kind: str
    path: Pointer
    keyword: str
    message: str


class Rewriting(NamedTuple):
    """`schema` is None where no strict schema says it: the tool is sent as declared, and not strict."""

    schema: Json
    departures: tuple[Departure, ...]


def rewrite(schema: Json, demands: Demands = OPENAI) -> Rewriting:
    """The strict form of the schema of a tool's arguments."""
    return _rewritten(json.dumps(schema), demands)


@lru_cache(maxsize=1024)
def _rewritten(text: str, demands: Demands) -> Rewriting:
    departures: list[Departure] = []
    try:
        schema = _Rewriter(departures, demands).root(json.loads(text))
    except _Inexpressible as why:
        return Rewriting(None, (Departure("refused", why.path, why.keyword, why.message),))
    return Rewriting(schema, tuple(departures))


class _Inexpressible(Exception):
    def __init__(self, path: Pointer, keyword: str, message: str) -> None:
        self.path, self.keyword, self.message = path, keyword, message


class _Rewriter:
    """Walks a schema from its root, and notes each departure where it stands in the declared schema."""

    def __init__(self, departures: list[Departure], demands: Demands) -> None:
        self._departures = departures
        self._demands = demands

    def root(self, schema: Json) -> Json:
        for keyword in (*_UNIONS, "allOf", "enum", "const", "$ref"):
            if isinstance(schema, dict) and keyword in schema:
                raise _Inexpressible(f"/{keyword}", keyword, f"the root is a plain object, without {keyword}")
        if not isinstance(schema, dict) or schema.get("type", "object") != "object":
            raise _Inexpressible("/type", "type", "the root is an object")
        place = None if self._demands.recursive else _cycle(schema)
        if place is not None:
            raise _Inexpressible(place, "$ref", "the schema refers to itself, which the grammar cannot hold")
        if "properties" not in schema and not isinstance(schema.get("additionalProperties"), dict):
            schema = {**schema, "properties": {}}  # a tool without arguments
        return self._node({**schema, "type": "object"}, "")

    def _node(self, node: Json, path: Pointer) -> dict[str, Json]:
        if not isinstance(node, dict):
            raise _Inexpressible(path, "", "every value has a type; this may be anything, or nothing")
        if "allOf" in node:
            return self._all_of(node, path)
        for keyword in _INEXPRESSIBLE:
            if keyword in node:
                raise _Inexpressible(f"{path}/{keyword}", keyword, f"there is no {keyword} in a strict schema")
        if "$ref" in node:
            return self._reference(node, path)
        union = "oneOf" if "oneOf" in node else "anyOf"
        node = self._typed(self._without_one_of(node, path), path)
        sent = {keyword: value for keyword, value in node.items() if self._keeps(keyword, value, path)}
        for keyword in _DEFINITIONS:
            if keyword in sent:
                here = path + values.pointer(keyword)
                sent[keyword] = {
                    name: self._node(part, here + values.pointer(name)) for name, part in sent[keyword].items()
                }
        if "anyOf" in sent:
            sent["anyOf"] = [self._node(part, f"{path}/{union}/{i}") for i, part in enumerate(sent["anyOf"])]
        kinds = _kinds(node)
        if "array" in kinds and "anyOf" not in sent:
            if not isinstance(sent.get("items"), dict):
                raise _Inexpressible(path, "items", "an array says what all its items are")
            sent["items"] = self._node(sent["items"], f"{path}/items")
        if "object" in kinds and "anyOf" not in sent:
            sent.update(self._closed(node, path))
        return sent

    # ----------------------------------------------------------------------- keywords

    def _keeps(self, keyword: str, value: Json, path: Pointer) -> bool:
        here = path + values.pointer(keyword)
        if keyword in ("properties", "required", "additionalProperties"):
            return False  # objects are written anew
        if keyword == "format" and value not in self._demands.formats:
            self._note("lost", here, keyword, f"the format {value!r} is not among those that strict schemas know")
            return False
        if keyword in self._demands.kept:
            return True
        if keyword in ANNOTATIONS:
            self._note("unsaid", here, keyword, f"{keyword} is not sent, so the model does not see it")
        else:
            self._note("lost", here, keyword, f"{keyword} is not sent, so nothing holds the model to it")
        return False

    def _all_of(self, node: dict[str, Json], path: Pointer) -> dict[str, Json]:
        """Of one schema, as some generators write a reference that has a description."""
        words = {keyword: value for keyword, value in node.items() if keyword in ANNOTATIONS}
        if len(node["allOf"]) != 1 or node.keys() - words.keys() != {"allOf"}:
            raise _Inexpressible(f"{path}/allOf", "allOf", "there is no allOf in a strict schema")
        self._note("changed", f"{path}/allOf", "allOf", "allOf of one schema is sent as that schema")
        sent = self._node(node["allOf"][0], f"{path}/allOf/0")
        if "$ref" in sent:
            return self._reference({**words, **sent}, path)
        return {**sent, **{keyword: value for keyword, value in words.items() if self._keeps(keyword, value, path)}}

    def _without_one_of(self, node: dict[str, Json], path: Pointer) -> dict[str, Json]:
        if "oneOf" not in node:
            return node
        if "anyOf" in node:
            raise _Inexpressible(f"{path}/oneOf", "oneOf", "oneOf beside anyOf cannot be said")
        self._note("changed", f"{path}/oneOf", "oneOf", "oneOf is sent as anyOf: a value may fit several alternatives")
        return {("anyOf" if keyword == "oneOf" else keyword): value for keyword, value in node.items()}

    def _reference(self, node: dict[str, Json], path: Pointer) -> dict[str, Json]:
        reference = node["$ref"]
        steps = values.tokens(unquote(reference[1:])) if isinstance(reference, str) else ()
        if reference != "#" and not (reference[:2] == "#/" and len(steps) == 2 and steps[0] in _DEFINITIONS):
            raise _Inexpressible(f"{path}/$ref", "$ref", "a $ref leads to a definition under $defs, or to the root")
        for keyword in (keyword for keyword in node if keyword != "$ref"):
            kind = "unsaid" if keyword in ANNOTATIONS else "lost"
            here = path + values.pointer(keyword)
            self._note(kind, here, keyword, f"{keyword} beside $ref is not sent: a $ref stands alone")
        return {"$ref": reference}

    def _typed(self, node: dict[str, Json], path: Pointer) -> dict[str, Json]:
        if "type" in node or "anyOf" in node:
            return node
        choices = node.get("enum", [node["const"]] if "const" in node else None)
        if choices is not None:
            named = list(dict.fromkeys(_TYPES[type(choice)] for choice in choices))
            kind: Json = named[0] if len(named) == 1 else named
        elif "properties" in node:
            kind = "object"
        elif "items" in node:
            kind = "array"
        else:
            raise _Inexpressible(path, "type", "every value has a type; this may be anything")
        self._note("changed", path, "type", f"the type {kind} is spelled out")
        return {"type": kind, **node}

    # ----------------------------------------------------------------------- objects

    def _closed(self, node: dict[str, Json], path: Pointer) -> dict[str, Json]:
        """Its members, all of them required and none besides."""
        properties = node.get("properties")
        extra = node.get("additionalProperties", True)
        if not properties and extra is not False and path:
            raise _Inexpressible(path, "additionalProperties", "an object names its members; this one is free-form")
        properties = properties or {}
        required = node.get("required", [])
        if not isinstance(required, list):
            raise _Inexpressible(f"{path}/required", "required", "required is a list")
        for name in required:
            if name not in properties:
                raise _Inexpressible(f"{path}/required", "required", f"{name!r} is required and not described")
        if extra is not False:
            kind, what = ("lost", "members of other names") if isinstance(extra, dict) else ("changed", "other members")
            where = f"{path}/additionalProperties" if "additionalProperties" in node else path
            self._note(kind, where, "additionalProperties", f"{what} cannot be sent")
        members = {}
        for name, part in properties.items():
            here = f"{path}/properties{values.pointer(name)}"
            members[name] = self._node(part, here)
            if name not in required and self._demands.all_required:
                nullable = _nullable(members[name])
                same = nullable == members[name]
                also = ": no longer told apart from the null that is declared" if same else ""
                self._note("changed", here, "required", f"required, and null where it is left out{also}")
                members[name] = nullable
        named = list(members) if self._demands.all_required else required
        return {"properties": members, "required": named, "additionalProperties": False}

    def _note(self, kind: str, path: Pointer, keyword: str, message: str) -> None:
        self._departures.append(Departure(kind, path, keyword, message))


def _nullable(sent: dict[str, Json]) -> dict[str, Json]:
    """`sent`, a strict schema, with null allowed as well."""
    if "$ref" in sent:
        return {"anyOf": [sent, {"type": "null"}]}
    if "anyOf" in sent:
        has_null = any("null" in _kinds(branch) for branch in sent["anyOf"])
        return sent if has_null else {**sent, "anyOf": [*sent["anyOf"], {"type": "null"}]}
    nullable = {**sent, "type": [*(kind for kind in _kinds(sent) if kind != "null"), "null"]}
    if "const" in nullable:
        nullable["enum"] = [nullable.pop("const")]
    if "enum" in nullable and None not in nullable["enum"]:
        nullable["enum"] = [*nullable["enum"], None]
    return nullable


def _cycle(schema: Mapping[str, Json]) -> Pointer | None:
    """The root or the definition that leads back to itself; None: none does."""
    places = {"#": {key: part for key, part in schema.items() if key not in _DEFINITIONS}}
    for keyword in _DEFINITIONS:
        for name, part in (schema.get(keyword) or {}).items():
            places[f"#{values.pointer(keyword, name)}"] = part
    leads = {place: {unquote(reference) for reference in _references(part)} for place, part in places.items()}
    for place in leads:
        reached, ahead = set[str](), list(leads[place])
        while ahead:
            step = ahead.pop()
            if step not in reached:
                reached.add(step)
                ahead += leads.get(step, ())
        if place in reached:
            return place[1:]
    return None


def _references(value: Json) -> Iterator[str]:
    """Every `$ref` in `value`."""
    if isinstance(value, dict) and isinstance(value.get("$ref"), str):
        yield value["$ref"]
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _references(part)


def _kinds(node: Mapping[str, Json]) -> list[str]:
    kinds = node.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)
