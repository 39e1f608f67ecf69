"""Tools as OpenAI's Responses API takes them: {"type": "function", name, description, parameters, strict}, flat."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import Json, ToolSpec
from evalkit.formats import _declared


def sniff(text: str) -> bool:
    return _declared.all_look(_declared.entries(_declared.sniffed(text), "tools"), _flat)


def tools(text: str, source: str) -> tuple[ToolSpec, ...]:
    document = _declared.document(text, source)
    reader = _declared.Reader(document)
    for path, declared in _declared.entries(document.value, "tools"):
        if isinstance(declared, dict) and declared.get("type") != "function":
            kind = declared.get("type")
            reader.wrong(path, f"a tool of type {kind!r} has no schema to judge by", "only functions can be measured")
        else:
            reader.tool(path, declared, "parameters")
    return reader.result()


def _flat(declared: Mapping[str, Json]) -> bool:
    return declared.get("type") == "function" and isinstance(declared.get("name"), str) and "function" not in declared
