"""Ollama's own chat: a line of JSON for each piece, calls in one piece, arguments as objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from evalkit.data import Answer, Json, Payload, Usage, Wire
from evalkit.dialects import _body, _lines, _sse
from evalkit.dialects._body import Fields
from evalkit.values import digest

_CREATED = "2026-01-01T00:00:00Z"  # a written body is the same on every day
_REASONS: Mapping[str, str] = {"stop": "stop", "tool_calls": "stop", "length": "length"}


def read(wire: Wire) -> Answer:
    """Thinking is not said. Raises ProviderError if the body is no answer."""
    chunks = _chunks(wire)
    if not any("message" in chunk for chunk in chunks):
        raise _body.no_answer("it has no message")
    if chunks[-1].get("done") is not True:
        raise _body.cut_off()
    messages = [_body.fields(chunk.get("message")) for chunk in chunks]
    calls = [call for message in messages for call in _body.items(message.get("tool_calls"))]
    end = chunks[-1]
    return Answer(
        payloads=tuple(_payload(index, call) for index, call in enumerate(calls)),
        text=_body.joined([_body.string(message.get("content")) for message in messages]),
        finish=_body.string(end.get("done_reason")) or None,
        usage=Usage(
            input_tokens=_body.count(end.get("prompt_eval_count")), output_tokens=_body.count(end.get("eval_count"))
        ),
        served_by=_body.string(end.get("model")) or None,
    )


def marks(wire: Wire) -> tuple[int | None, int | None, int | None]:
    """Offsets in a streamed body after the first token, the first byte of a call, and the end of the arguments."""
    found = list(_lines.objects(wire.body)) if _lines.first(wire.body) else []
    return _sse.offsets(found if len(found) > 1 else (), _carries)


# --------------------------------------------------------------------------- reading


def _chunks(wire: Wire) -> list[Fields]:
    """The lines of a stream; of a body that is one object, that object."""
    _body.refuse_error(_lines.first(wire.body), wire.status)
    if _lines.first(wire.body):
        return [chunk for _, chunk in _lines.objects(wire.body)]
    whole = _body.load(wire.body)
    _body.refuse_error(whole, wire.status)
    return [_body.fields(whole)]


def _payload(index: int, call: Fields) -> Payload:
    function = _body.fields(call.get("function"))
    id = _body.string(call.get("id")) or None
    return _body.from_value(index, _body.string(function.get("name")), function.get("arguments"), id)


def _carries(chunk: Fields) -> Literal["call", "text"] | None:
    message = _body.fields(chunk.get("message"))
    if _body.items(message.get("tool_calls")):
        return "call"
    return "text" if message.get("content") or message.get("thinking") else None


# --------------------------------------------------------------------------- writing


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
    """The body of an answer. Argument text without a JSON value can only be sent as a string."""
    head = {"model": model, "created_at": _CREATED}
    mark = digest([list(calls), text])
    made: list[Json] = [
        {
            **({"id": f"call_{mark}{index}"} if ids else {}),
            "function": {"index": index, "name": tool, "arguments": _body.as_object(arguments)},
        }
        for index, (tool, arguments) in enumerate(calls)
    ]
    sent, received, _ = _body.counts(usage)
    end = {
        "done_reason": _REASONS[finish or "stop"],
        "done": True,
        "total_duration": 0,
        "load_duration": 0,
        "prompt_eval_count": sent,
        "prompt_eval_duration": 0,
        "eval_count": received,
        "eval_duration": 0,
    }
    if not stream:
        message = {"role": "assistant", "content": text, **({"tool_calls": made} if made else {})}
        return _body.dump({**head, "message": message, **end})
    steps: list[Json] = [{"content": piece} for piece in _body.pieces(text)]
    steps += [{"content": "", "tool_calls": [call]} for call in made]
    chunks: list[Json] = [{**head, "message": {"role": "assistant", **step}, "done": False} for step in steps]
    return _lines.write([*chunks, {**head, "message": {"role": "assistant", "content": ""}, **end}])
