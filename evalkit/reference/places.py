"""Places in a JSON Schema: what a local `$ref` leads to, which subschemas speak of a place in the arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from evalkit.data import Json, Pointer
from evalkit.values import ABSENT, at, pointer, tokens

Node = Mapping[str, Any]

_DEEPEST = 40


def resolve(root: Json, ref: str) -> Json:
    """What `ref` leads to within `root`; {} (anything) where that cannot be told."""
    base, _, fragment = ref.partition("#")
    if base and base != _id(root):
        return next((node for node in _nodes(root) if _id(node) == base), {})
    if not fragment:
        return root
    if fragment.startswith("/"):
        target = at(root, unquote(fragment))
        return {} if target is ABSENT else target
    anchors = ("$anchor", "$dynamicAnchor")
    return next((node for node in _nodes(root) if fragment in [node.get(anchor) for anchor in anchors]), {})


def _id(node: Json) -> Json:
    return node.get("$id", node.get("id")) if isinstance(node, Mapping) else None


def under(root: Json, path: Pointer) -> list[Node]:
    """The subschemas of `root` that speak of the value at `path` of the arguments, the surest first."""
    found = [root]
    for token in tokens(path):
        found = [child for node in found for part in _parts(root, node, 0) for child in _children(part, token)]
    return [part for node in found for part in _parts(root, node, 0)]


def alone(root: Json, *nodes: Json) -> Json:
    """A schema that wants what all of `nodes` (subschemas of `root`, or new ones) want, with the definitions of `root`.

    A `$ref` to anything but a definition leads nowhere in it.
    """
    kept = ("$schema", "$defs", "definitions")
    return {**{key: root[key] for key in kept if isinstance(root, Mapping) and key in root}, "allOf": list(nodes)}


def _parts(root: Json, node: Json, level: int) -> Iterator[Node]:
    """`node` with what it refers to and is composed of."""
    if not isinstance(node, Mapping) or level > _DEEPEST:
        return
    yield node
    if isinstance(node.get("$ref"), str):
        yield from _parts(root, resolve(root, node["$ref"]), level + 1)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for branch in node.get(keyword, ()):
            yield from _parts(root, branch, level + 1)


def _children(node: Node, token: str) -> Iterator[Json]:
    properties = node.get("properties", {})
    if token in properties:
        yield properties[token]
    elif isinstance(node.get("additionalProperties"), Mapping):
        yield node["additionalProperties"]
    if token.isdecimal():
        listed = node.get("prefixItems", node["items"] if isinstance(node.get("items"), list) else [])
        if int(token) < len(listed):
            yield listed[int(token)]
        elif isinstance(node.get("items"), Mapping):
            yield node["items"]


def _nodes(schema: Json) -> Iterator[Node]:
    stack = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            yield node
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def walk(root: Json, value: Json, path: Pointer = "") -> Iterator[tuple[Pointer, Json, list[Node]]]:
    """(pointer, value, subschemas) of `value` and of everything in it."""
    yield path, value, under(root, path)
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from walk(root, child, path + pointer(key))
