"""A bare JSON Schema: the arguments of one tool, named by its `title` or else by its file."""

from __future__ import annotations

import re
from pathlib import PurePath

from evalkit.data import Json, ToolSpec
from evalkit.formats import _declared
from evalkit.values import quoted

# What only other formats have at their root.
_FOREIGN = frozenset(
    {
        *("tools", "functions", "function", "parameters", "input_schema", "inputSchema", "result", "jsonrpc"),
        *("functionDeclarations", "function_declarations", "parametersJsonSchema", "parameters_json_schema"),
    }
)
_TELLING = frozenset({"$schema", "properties", "$ref", "$defs", "anyOf", "oneOf", "allOf", "additionalProperties"})


def sniff(text: str) -> bool:
    value = _declared.sniffed(text)
    if not isinstance(value, dict) or _FOREIGN & value.keys():
        return False
    return bool(_TELLING & value.keys()) or value.get("type") == "object"


def tools(text: str, source: str) -> tuple[ToolSpec, ...]:
    document = _declared.document(text, source)
    reader = _declared.Reader(document)
    schema = document.value
    if isinstance(schema, dict):
        reader.add("", _name(schema, source), schema.get("description"), schema, "")
    else:
        hint = 'write {"type": "object", "properties": {...}}'
        reader.wrong("", f"a schema is an object, not {quoted(schema, 40)}", hint)
    return reader.result()


def _name(schema: dict[str, Json], source: str) -> str:
    title = schema.get("title")
    text = title if isinstance(title, str) and title.strip() else PurePath(source).name.split(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_") or "tool"
