"""The arm `constrained`: the server's guided decoding lets the model say nothing but calls of the tools offered.

One schema is the union of all calls. The tools are declared in the system message, as on the arm `prompted`; the answer
is {"calls": [...]}, an object because OpenAI takes no other root, and an empty list where nothing is to be called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalkit.arms import notation, strict
from evalkit.data import Constraint, Json, ToolSpec

HOW = (
    "Answer with one JSON object that holds your calls, as in\n"
    f"{notation.UNDER_CALLS.example}\n"
    'If no tool is of use, leave the list empty: {"calls": []}'
)


def members(
    specs: Sequence[ToolSpec], constraint: Constraint, demands: strict.Demands | None = strict.OPENAI
) -> dict[str, Json]:
    """What makes the endpoint decode under the union of all calls, in the spelling that it knows.

    Under `response_format` the schemas of the arguments are in the strict form that the provider demands, for OpenAI
    and Anthropic take no other. A tool that has none is declared as it is: they refuse that, other servers take it.
    """
    if not specs:
        return {}
    if constraint == "response_format":
        schema = union(specs, demands)
        return {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "calls", "strict": True, "schema": schema},
            }
        }
    schema = union(specs)
    if constraint == "structured_outputs":
        return {"structured_outputs": {"json": schema}}
    return {"json_schema": schema}


def union(specs: Sequence[ToolSpec], demands: strict.Demands | None = None) -> dict[str, Json]:
    """The schema of {"calls": [...]}, where each call is one of the tools with its arguments."""
    definitions: dict[str, Json] = {}
    alternatives = []
    for index, spec in enumerate(specs):
        rewritten = strict.rewrite(spec.schema, demands).schema if demands else None
        schema = spec.schema if rewritten is None else rewritten
        if _refers(schema):
            # Its references count from its own root, which is no longer that of the whole.
            home = f"#/$defs/tool{index}"
            definitions[f"tool{index}"] = _moved(schema, home)
            schema = {"$ref": home}
        alternatives.append(_object({"name": {"type": "string", "enum": [spec.name]}, "arguments": schema}))
    calls = _object({"calls": {"type": "array", "items": {"anyOf": alternatives}}})
    return {**calls, "$defs": definitions} if definitions else calls


def _object(properties: Mapping[str, Json]) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _refers(schema: Json) -> bool:
    if isinstance(schema, dict):
        return isinstance(schema.get("$ref"), str) or any(map(_refers, schema.values()))
    return isinstance(schema, list) and any(map(_refers, schema))


def _moved(schema: Json, home: str) -> Any:
    """`schema` with every reference into itself leading to where it now stands."""
    if isinstance(schema, list):
        return [_moved(item, home) for item in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {key: _moved(item, home) for key, item in schema.items() if key != "$schema"}
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        moved["$ref"] = home + reference[1:]
    return moved
