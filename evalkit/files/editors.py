"""JSON Schemas of our files, for editors: the same shapes by which the files are read."""

from __future__ import annotations

import inspect
import json
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT, Meta
from msgspec.structs import FieldInfo, fields

from evalkit.data import Json
from evalkit.files.shapes import SHAPES, Kind, Kinds, Shape

_PLAIN = {str: "string", bool: "boolean", float: "number", int: "integer"}


def json_schema(kind: Kind) -> str:
    """JSON Schema of a kind of file: pretty, and the same every time."""
    parts: dict[str, Json] = {}
    whole = _shape(SHAPES[kind], parts)
    told = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": dict(sorted(parts.items())),
        **{**whole, "title": f"evalkit {kind} file"},
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _shape(shape: type[Shape], parts: dict[str, Json]) -> Json:
    """The schema of an object. The shapes of what stands in it join `parts`."""
    hints = get_type_hints(shape, include_extras=True)
    required = [each.name for each in fields(shape) if each.required]
    return _sorted(
        {
            "additionalProperties": shape.OPEN,
            **({"description": inspect.cleandoc(shape.__doc__)} if shape.__doc__ else {}),
            **shape.EDITORS,
            "properties": {each.name: _property(each, hints[each.name], parts) for each in fields(shape)},
            **({"required": required} if required else {}),
            "title": shape.__name__,
            "type": "object",
        }
    )


def _property(field: FieldInfo, hint: Any, parts: dict[str, Json]) -> Json:
    """A default that is empty only says that the key may be left out."""
    default = {"default": field.default} if field.default is not NODEFAULT and field.default else {}
    return _sorted({**_described(hint, parts), **default})


def _described(hint: Any, parts: dict[str, Json]) -> Json:
    plain, said = (hint.__origin__, hint.__metadata__) if get_origin(hint) is Annotated else (hint, ())
    limits: dict[str, Json] = {}
    for meta in said:
        if isinstance(meta, Meta):
            limits |= _limits(meta, of_list=get_origin(plain) is list)
    if "anyOf" in limits:
        return limits
    exclusive = any(isinstance(each, Kinds) for each in said)
    return _sorted({**_type(plain, parts, "oneOf" if exclusive else "anyOf"), **limits})


def _limits(meta: Meta, *, of_list: bool) -> dict[str, Json]:
    said = {
        "description": meta.description,
        "exclusiveMinimum": meta.gt,
        "minimum": meta.ge,
        "maximum": meta.le,
        "pattern": meta.pattern,
        "minItems" if of_list else "minLength": meta.min_length,
    }
    return {name: value for name, value in said.items() if value is not None} | (meta.extra_json_schema or {})


def _type(plain: Any, parts: dict[str, Json], alternatives: str) -> Json:
    origin, inner = get_origin(plain), get_args(plain)
    if origin in (Union, UnionType):
        return {alternatives: [_described(each, parts) for each in inner]}
    if origin is Literal:
        return {**({"enum": list(inner)} if len(inner) > 1 else {"const": inner[0]}), "type": "string"}
    if origin is list:
        return {"items": _described(inner[0], parts), "type": "array"}
    if origin is dict:
        keys = {"propertyNames": {"enum": list(get_args(inner[0]))}} if inner[0] is not str else {}
        return {"additionalProperties": _described(inner[1], parts) or True, **keys, "type": "object"}
    if plain is Any:
        return {}
    if plain is type(None):
        return {"type": "null"}
    if plain in _PLAIN:
        return {"type": _PLAIN[plain]}
    if plain.__name__ not in parts:
        parts[plain.__name__] = _shape(plain, parts)
    return {"$ref": f"#/$defs/{plain.__name__}"}


def _sorted(schema: dict[str, Json]) -> dict[str, Json]:
    return dict(sorted(schema.items()))
