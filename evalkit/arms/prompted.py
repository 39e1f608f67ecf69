"""The arm `prompted`: tools are declared in the system message, and calls are read from the text.

No parser of a server or a provider stands between the model and its calls: what the weights can do, and no more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from evalkit import values
from evalkit.arms import notation
from evalkit.arms.notation import Notation
from evalkit.data import Json, ToolSpec

_DECLARED = "You can call tools. Each line declares one: its name, what it does, the JSON Schema of its arguments."
_HOW = (
    "To call tools, answer with nothing but a JSON array of calls, as in\n"
    f"{notation.BARE.example}\n"
    "No word before or after it, and no code fence. If no tool is of use, answer in plain words instead."
)
_RESULT = "Result of the call"

Message = Mapping[str, Json]


def system(specs: Sequence[ToolSpec], how: str = _HOW) -> str:
    """What the model is told of its tools, each schema as declared, and of how to answer; "" if it has none."""
    return "\n".join([_DECLARED, *map(_declaration, specs), how]) if specs else ""


def _declaration(spec: ToolSpec) -> str:
    described = {"description": spec.description} if spec.description else {}
    return json.dumps({"name": spec.name, **described, "parameters": spec.schema}, ensure_ascii=False)


def messages(said: Sequence[Message], told: str, written: Notation = notation.BARE) -> list[Json]:
    """The messages of a case behind a system message that tells of the tools, which joins the case's own.

    Calls and results that the case begins with are said in the notation too: without tools in the body an endpoint
    takes neither.
    """
    rest = [_in_words(message, written) for message in said]
    if not told:
        return rest
    if rest and rest[0].get("role") == "system":
        return [{**rest[0], "content": _joined(rest[0].get("content"), told)}, *rest[1:]]
    return [{"role": "system", "content": told}, *rest]


def _joined(content: Json, told: str) -> Json:
    if isinstance(content, list):
        return [*content, {"type": "text", "text": told}]
    return f"{content}\n\n{told}" if content else told


def _in_words(message: Message, written: Notation) -> Message:
    if message.get("role") == "tool":
        name = message.get("name") or message.get("tool_call_id")
        return {"role": "user", "content": f"{_RESULT}{f' {name}' if name else ''}: {message.get('content')}"}
    calls = message.get("tool_calls")
    if not calls:
        return message
    made = [(call["function"]["name"], call["function"]["arguments"]) for call in calls]
    return {"role": message.get("role", "assistant"), "content": notation.write(made, written)}


def declared(told: str) -> Iterator[str]:
    """Names of the tools that a text written by `system` declares, whatever stands before it."""
    for line in told.partition(_DECLARED)[2].splitlines():
        reading = values.read(line)
        if reading.error is None and isinstance(reading.value, dict) and "parameters" in reading.value:
            yield reading.value["name"]
