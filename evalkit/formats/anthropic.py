"""Tools as Anthropic's Messages API takes them: {name, description, input_schema}."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import Json, ToolSpec
from evalkit.formats import _declared


def sniff(text: str) -> bool:
    return _declared.all_look(_declared.entries(_declared.sniffed(text), "tools"), _ours)


def tools(text: str, source: str) -> tuple[ToolSpec, ...]:
    document = _declared.document(text, source)
    reader = _declared.Reader(document)
    for path, declared in _declared.entries(document.value, "tools"):
        if isinstance(declared, dict) and declared.get("type", "custom") != "custom":
            kind = declared["type"]
            reader.wrong(path, f"{kind!r} is a tool of the server's own, without a schema to judge by", "leave it out")
        elif isinstance(declared, dict) and "input_schema" not in declared:
            reader.wrong(path, "input_schema is missing", 'add "input_schema": {"type": "object", "properties": {}}')
        else:
            reader.tool(path, declared, "input_schema")
    return reader.result()


def _ours(declared: Mapping[str, Json]) -> bool:
    return "input_schema" in declared and "inputSchema" not in declared
