"""What an MCP server says to `tools/list`, with the JSON-RPC envelope or without: {name, description, inputSchema}."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import Json, Pointer, ToolSpec
from evalkit.errors import InputError, Problem
from evalkit.formats import _declared
from evalkit.values import excerpt


def sniff(text: str) -> bool:
    return _declared.all_look(_entries(_declared.sniffed(text)), _ours)


def tools(text: str, source: str) -> tuple[ToolSpec, ...]:
    document = _declared.document(text, source)
    value = document.value
    if isinstance(value, dict) and isinstance(value.get("error"), dict):
        said = excerpt(str(value["error"].get("message", "no message")))
        raise InputError(Problem(what=f"the server answered with an error: {said}", place=document.place("/error")))
    reader = _declared.Reader(document)
    for path, declared in _entries(value):
        if isinstance(declared, dict) and "inputSchema" not in declared:
            reader.wrong(path, "inputSchema is missing, which the protocol requires", "ask the server's author")
        else:
            reader.tool(path, declared, "inputSchema")
    if isinstance(value, dict) and _result(value)[1].get("nextCursor"):
        reader.wrong(_result(value)[0] + "/nextCursor", "this is one page of several", "join the pages into one list")
    return reader.result()


def _entries(value: Json) -> list[_declared.Entry]:
    if not isinstance(value, dict):
        return _declared.entries(value)
    path, result = _result(value)
    return [(path + place, item) for place, item in _declared.entries(result, "tools")]


def _result(value: dict[str, Json]) -> tuple[Pointer, dict[str, Json]]:
    inner = value.get("result")
    return ("/result", inner) if isinstance(inner, dict) and "tools" in inner else ("", value)


def _ours(declared: Mapping[str, Json]) -> bool:
    return "inputSchema" in declared
