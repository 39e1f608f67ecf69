"""Tools as OpenAI's chat completions take them: {"type": "function", "function": {name, description, parameters}}.

A list of them, one alone, or a request body with `tools`. The older `functions` (no wrapper) are read as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import Json, ToolSpec
from evalkit.formats import _declared


def sniff(text: str) -> bool:
    found = _declared.entries(_declared.sniffed(text), "tools", "functions")
    return _declared.all_look(found, _wrapped) or _declared.all_look(found, _older)


def tools(text: str, source: str) -> tuple[ToolSpec, ...]:
    document = _declared.document(text, source)
    reader = _declared.Reader(document)
    for path, declared in _declared.entries(document.value, "tools", "functions"):
        if isinstance(declared, dict) and "function" in declared:
            reader.tool(path + "/function", declared["function"], "parameters")
        elif isinstance(declared, dict) and declared.get("type", "function") != "function":
            kind = declared["type"]
            reader.wrong(path, f"a tool of type {kind!r} has no schema to judge by", "only functions can be measured")
        else:
            reader.tool(path, declared, "parameters")
    return reader.result()


def _wrapped(declared: Mapping[str, Json]) -> bool:
    return isinstance(declared.get("function"), dict) and declared.get("type", "function") == "function"


def _older(declared: Mapping[str, Json]) -> bool:
    """A bare function, unless its types say that another dialect wrote it."""
    if "type" in declared or not isinstance(declared.get("name"), str):
        return False
    parameters = declared.get("parameters")
    return isinstance(parameters, dict) and parameters.get("type", "object") == "object"
