"""Strict arguments, there and back: the nulls that stand for what was left out.

The rewriting of a schema into strict form asks for these nulls: a model that is sent it has no other way to leave an
argument out. So they are not held against the model; `restore` takes them out of what is judged, as an application must
that sends such schemas. The text of the arguments stays as it was on the wire.

Where the declared schema knows null beside leaving out, the two can no longer be told apart (and that is told as a
departure). Such a null is taken for what the case wants.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from urllib.parse import unquote

from evalkit import values
from evalkit.arms.strict import rewrite
from evalkit.data import Json, Pointer

_UNIONS = ("anyOf", "oneOf")
_DEEPEST = 40


def restore(value: Json, schema: Json, wanted: Collection[Pointer] | None = ()) -> Json:
    """Arguments as the declared `schema` knows them: without the nulls that stand for what was left out.

    That is every null of a member that some alternative of the schema has optional and none has required, but for those
    at the places `wanted` (None: all), where the schema allows null too. Nothing is undone where `schema` has no strict
    form.
    """
    return _restored(value, [schema], schema, wanted, "") if rewrite(schema).schema is not None else value


def _restored(
    value: Json, declared: Sequence[Json], root: Json, wanted: Collection[Pointer] | None, path: Pointer
) -> Json:
    nodes = [part for node in declared for part in _parts(node, root)]
    if isinstance(value, list):
        items = [node["items"] for node in nodes if "items" in node]
        return [_restored(item, items, root, wanted, f"{path}/{index}") for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, item in value.items():
        place = path + values.pointer(name)
        knowing = [node for node in nodes if name in node.get("properties", ())]
        members = [node["properties"][name] for node in knowing]
        if item is None and knowing and _left_out(name, knowing, wanted is None or place in wanted, root):
            continue
        kept[name] = _restored(item, members, root, wanted, place)
    return kept


def _left_out(name: str, knowing: Sequence[Mapping[str, Json]], wanted: bool, root: Json) -> bool:
    """Whether a null member stands for one that was left out. `knowing`: the parts of the schema that describe it."""
    if all(name in node.get("required", ()) for node in knowing):
        return False
    takes_null = [node for node in knowing if _takes_null(node["properties"][name], root)]
    return not takes_null or not (wanted or any(name in node.get("required", ()) for node in takes_null))


def spell(value: Json, schema: Json) -> Json:
    """The reverse of `restore`, as a strict endpoint answers: every member there, null for those left out."""
    return _spelled(value, schema, schema) if rewrite(schema).schema is not None else value


def _spelled(value: Json, declared: Json, root: Json) -> Json:
    node = _meant(value, declared, root)
    if isinstance(value, list):
        return [_spelled(item, node.get("items", {}), root) for item in value]
    if not isinstance(value, dict):
        return value
    properties: Mapping[str, Json] = node.get("properties", {})
    required = node.get("required", ())
    spelled = {
        name: _spelled(value[name], part, root) if name in value else None
        for name, part in properties.items()
        if name in value or name not in required
    }
    return {**spelled, **{name: item for name, item in value.items() if name not in properties}}


def _meant(value: Json, declared: Json, root: Json) -> Mapping[str, Json]:
    """The part of `declared` that `value` is of: the first alternative whose members it has."""
    parts = list(_parts(declared, root))
    if isinstance(value, list):
        return next((part for part in parts if "items" in part), {})
    objects = [part for part in parts if "properties" in part]
    fitting = (part for part in objects if isinstance(value, dict) and _has_members(value, part))
    return next(fitting, objects[0] if objects else {})


def _has_members(value: Mapping[str, Json], part: Mapping[str, Json]) -> bool:
    properties = part["properties"]
    if not set(part.get("required", ())) <= value.keys() <= properties.keys():
        return False
    return all(_chosen(value[name], properties[name]) for name in value)


def _chosen(item: Json, declared: Json) -> bool:
    """Whether `item` is among the choices, where there are any: what tells alternatives apart."""
    if not isinstance(declared, dict):
        return True
    choices = [declared["const"]] if "const" in declared else declared.get("enum")
    return choices is None or any(values.same(item, choice) for choice in choices)


def _parts(node: Json, root: Json, level: int = 0) -> Iterator[Mapping[str, Json]]:
    """`node` with what it refers to and is composed of."""
    if not isinstance(node, dict) or level > _DEEPEST:
        return
    yield node
    if "$ref" in node:
        yield from _parts(_target(node["$ref"], root), root, level + 1)
    for keyword in (*_UNIONS, "allOf"):
        for branch in node.get(keyword, ()):
            yield from _parts(branch, root, level + 1)


def _target(reference: Json, root: Json) -> Json:
    return values.at(root, unquote(reference[1:])) if isinstance(reference, str) and reference[:1] == "#" else None


def _takes_null(node: Json, root: Json, level: int = 0) -> bool:
    """Whether the declared schema itself allows null."""
    if not isinstance(node, dict) or level > _DEEPEST:
        return node is True
    if "$ref" in node:
        return _takes_null(_target(node["$ref"], root), root, level + 1)
    if "type" in node and "null" not in ([node["type"]] if isinstance(node["type"], str) else node["type"]):
        return False
    if None not in node.get("enum", [None]) or node.get("const") is not None:
        return False
    unions = [node[keyword] for keyword in _UNIONS if keyword in node]
    return all(any(_takes_null(branch, root, level + 1) for branch in union) for union in unions) and all(
        _takes_null(part, root, level + 1) for part in node.get("allOf", ())
    )
