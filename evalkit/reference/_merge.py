"""Two schemas as one that asks for both, as far as drawing values needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from evalkit.data import Json
from evalkit.values import same

Node = Mapping[str, Any]


def both(a: Node, b: Node) -> dict[str, Any]:
    """A schema without compositions of its own that wants what `a` and `b` want.

    Keywords it cannot unite are taken from `b`: what is drawn is checked against the schema as declared.
    """
    united = {**a, **b}
    for keyword in a.keys() & b.keys():
        unite = _UNITE.get(keyword)
        if unite is not None:
            united[keyword] = unite(a[keyword], b[keyword])
    return united


def _members(a: Mapping[str, Json], b: Mapping[str, Json]) -> Json:
    return {**a, **b, **{name: _all_of(a[name], b[name]) for name in a.keys() & b.keys()}}


def _all_of(a: Json, b: Json) -> Json:
    if a is False or b is False:
        return False
    if not isinstance(a, Mapping) or not isinstance(b, Mapping):
        return a if isinstance(a, Mapping) else b
    return {"allOf": [a, b]}


def _names(a: list[Json], b: list[Json]) -> list[Json]:
    return [*a, *(name for name in b if name not in a)]


def _common(a: list[Json], b: list[Json]) -> list[Json]:
    return [item for item in a if any(same(item, other) for other in b)]


def _types(a: Json, b: Json) -> Json:
    mine, yours = _listed(a), _listed(b)
    shared = [kind for kind in mine if kind in yours]
    if "integer" in {*mine, *yours} and "number" in {*mine, *yours} and "integer" not in shared:
        shared = [*(kind for kind in shared if kind != "number"), "integer"]
    return shared


def _listed(types: Json) -> list[Json]:
    return types if isinstance(types, list) else [types]


def _more(a: Json, b: Json) -> Json:
    return a if a is True or (b is not True and a > b) else b


def _less(a: Json, b: Json) -> Json:
    return a if a is True or (b is not True and a < b) else b


_UNITE: Mapping[str, Callable[[Any, Any], Json]] = {
    "properties": _members,
    "patternProperties": _members,
    "required": _names,
    "enum": _common,
    "type": _types,
    "items": _all_of,
    "additionalProperties": _all_of,
    "propertyNames": _all_of,
    "contains": _all_of,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), _more),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), _less),
}
