"""Tools as Gemini takes them: `functionDeclarations` with upper-case types and `nullable`, or `parametersJsonSchema`.

Gemini's schema is a dialect of OpenAPI's: it is put into JSON Schema, word by word. `parametersJsonSchema` is JSON
Schema already and stays as declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evalkit.data import Json, Pointer, ToolSpec
from evalkit.formats import _declared
from evalkit.values import quoted

_TYPES = frozenset({"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"})
_LISTS = ("functionDeclarations", "function_declarations")
_JSON_SCHEMA = ("parametersJsonSchema", "parameters_json_schema")
# int64 in the protocol, and so text in its JSON.
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
# Python's client writes the same keywords with underscores.
_SPELLINGS: Mapping[str, str] = {
    "any_of": "anyOf",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
    "property_ordering": "propertyOrdering",
}


def sniff(text: str) -> bool:
    value = _declared.sniffed(text)
    if any(isinstance(item, dict) and any(key in item for key in _LISTS) for _, item in _tools(value)):
        return True
    return _declared.all_look(_declared.entries(value), _declaration)


def tools(text: str, source: str) -> tuple[ToolSpec, ...]:
    document = _declared.document(text, source)
    reader = _declared.Reader(document)
    for path, declared in _declarations(document.value):
        schema_key = next((key for key in _JSON_SCHEMA if isinstance(declared, dict) and key in declared), None)
        if isinstance(declared, dict) and len(declared) == 1 and "name" not in declared:
            kind = next(iter(declared))
            reader.wrong(path, f"{kind!r} is a tool of the server's own, without a schema to judge by", "leave it out")
        elif schema_key is None:
            reader.tool(path, declared, "parameters", convert=_json_schema)
        else:
            reader.tool(path, declared, schema_key)
    return reader.result()


def _tools(value: Json) -> list[_declared.Entry]:
    return _declared.entries(value, "tools")


def _declarations(value: Json) -> Iterator[_declared.Entry]:
    for path, tool in _tools(value):
        key = next((key for key in _LISTS if isinstance(tool, dict) and key in tool), None)
        if key is None:
            yield path, tool
        else:
            yield from ((path + place, item) for place, item in _declared.entries(tool, key))


def _declaration(declared: Mapping[str, Json]) -> bool:
    """A bare declaration, known by its types or by a key that nobody else has."""
    parameters = declared.get("parameters")
    shouted = isinstance(parameters, dict) and parameters.get("type") in _TYPES
    return isinstance(declared.get("name"), str) and (shouted or any(key in declared for key in _JSON_SCHEMA))


def _json_schema(schema: Json) -> Json:
    return _declared.rewrite(_spelled(schema), _step)


def _spelled(schema: Json) -> Json:
    """The keywords in the protocol's spelling; the names of properties are left alone."""
    if not isinstance(schema, dict):
        return schema
    named = {_SPELLINGS.get(key, key): part for key, part in schema.items()}
    for key, part in named.items():
        if key == "properties" and isinstance(part, dict):
            named[key] = {name: _spelled(inner) for name, inner in part.items()}
        elif key == "items":
            named[key] = _spelled(part)
        elif key == "anyOf" and isinstance(part, list):
            named[key] = [_spelled(inner) for inner in part]
    return named


def _step(schema: dict[str, Json], path: Pointer) -> Json:
    kind, nullable = schema.get("type"), schema.pop("nullable", False)
    if isinstance(kind, str):
        if kind.upper() not in _TYPES | {"TYPE_UNSPECIFIED"}:
            raise _declared.Unreadable(path + "/type", f"{quoted(kind)} is no type of Gemini's", _known())
        schema["type"] = kind.lower()
        if kind.upper() == "TYPE_UNSPECIFIED":
            del schema["type"]
    for key in _COUNTS:
        if isinstance(schema.get(key), str) and schema[key].isdecimal():
            schema[key] = int(schema[key])
    return _with_null(schema) if nullable is True else schema


def _with_null(schema: dict[str, Json]) -> Json:
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    return schema


def _known() -> str:
    return f"there are: {', '.join(sorted(_TYPES))}"
