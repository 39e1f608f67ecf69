"""An answer as OpenTelemetry's conventions for generative AI record it: the attributes of a span.

`gen_ai.output.messages` holds it in parts, of which the texts and the calls are read. Arguments are recorded as text or
as an object, as the instrumentation had them.
"""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.data import Answer, Json, Usage, Wire
from evalkit.dialects import _body

_MESSAGES = "gen_ai.output.messages"
_MODEL = "gen_ai.response.model"
_INPUT, _OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"


def read(wire: Wire) -> Answer:
    """Only the first message is read. Raises ProviderError if there is none."""
    told = _body.fields(_body.load(wire.body))
    messages = _body.items(told.get(_MESSAGES))
    if not messages:
        raise _body.no_answer(f"it has no {_MESSAGES}")
    parts = _body.items(messages[0].get("parts"))
    calls = [part for part in parts if part.get("type") == "tool_call"]
    return Answer(
        payloads=tuple(
            _body.from_text(index, _body.string(call.get("name")), call["arguments"], _id(call))
            if isinstance(call.get("arguments"), str)
            else _body.from_value(index, _body.string(call.get("name")), call.get("arguments"), _id(call))
            for index, call in enumerate(calls)
        ),
        text="".join(_body.string(part.get("content")) for part in parts if part.get("type") == "text"),
        finish=_body.string(messages[0].get("finish_reason")) or None,
        usage=Usage(input_tokens=_body.count(told.get(_INPUT)), output_tokens=_body.count(told.get(_OUTPUT))),
        served_by=_body.string(told.get(_MODEL)) or None,
    )


def _id(call: _body.Fields) -> str | None:
    return _body.string(call.get("id")) or None


def write(
    calls: Sequence[tuple[str, Json]],
    text: str,
    *,
    model: str,
    usage: Usage,
    stream: bool,
    finish: str | None = None,
    ids: bool = True,
) -> str:
    """The attributes of a span. They have no place for chunks."""
    parts: list[Json] = [{"type": "text", "content": text}] if text else []
    parts += [
        {"type": "tool_call", **({"id": f"call_{index}"} if ids else {}), "name": tool, "arguments": arguments}
        for index, (tool, arguments) in enumerate(calls)
    ]
    word = finish or ("tool_calls" if calls else "stop")
    message = {"role": "assistant", "parts": parts, "finish_reason": "tool_call" if word == "tool_calls" else word}
    told: dict[str, Json] = {_MESSAGES: [message], _MODEL: model}
    counted = {_INPUT: usage.input_tokens, _OUTPUT: usage.output_tokens}
    return _body.dump({**told, **{key: count for key, count in counted.items() if count is not None}})
