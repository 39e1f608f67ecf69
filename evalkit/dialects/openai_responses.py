"""OpenAI's Responses: a list of output items, calls and messages among them; events in a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

from evalkit.data import Answer, Json, Payload, Usage, Violation, Wire
from evalkit.dialects import _body, _sse
from evalkit.dialects._body import Fields
from evalkit.errors import ProviderError
from evalkit.values import digest

_CREATED = 1_767_225_600  # 2026-01-01: a written body is the same on every day
_ENDS = frozenset({"completed", "incomplete"})
_TEXT = frozenset({"response.output_text.delta", "response.refusal.delta"})
_THOUGHT = frozenset({"response.reasoning_text.delta", "response.reasoning_summary_text.delta"})
_ARGUMENTS = "response.function_call_arguments"


def read(wire: Wire) -> Answer:
    """The finish reason is why the response is incomplete, or else its status: there is no word for called tools.

    Raises ProviderError if the body is no answer.
    """
    if _sse.is_stream(wire.body):
        return _read_stream(wire.body)
    body = _body.load(wire.body)
    _body.refuse_error(body)
    response = _body.fields(body)
    if "output" not in response:
        raise _body.no_answer("it has no output")
    return _answer([_Item(sent) for sent in _body.items(response["output"])], response)


def marks(wire: Wire) -> tuple[int | None, int | None, int | None]:
    """Offsets in a streamed body after the first token, the first byte of a call, and the end of the arguments."""
    return _sse.marks(wire.body, _carries)


# --------------------------------------------------------------------------- reading


class _Item(Struct):
    """One output item: as it started, what a stream added, and as it was in the end."""

    start: Fields
    text: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    end: Fields = field(default_factory=dict)
    misplaced: str | None = None
    """What is wrong with its index in a stream."""

    @property
    def is_call(self) -> bool:
        return self.start.get("type") == "function_call"

    def said(self) -> str:
        if self.start.get("type") != "message":
            return ""
        return _body.joined(self.text) or "".join(map(_part, _body.items(self._last("content"))))

    def payload(self, index: int) -> Payload:
        tool = _body.string(self._last("name"))
        id = _body.string(self._last("call_id")) or None
        text = _body.joined(self.arguments) or self._last("arguments")
        if isinstance(text, str):
            return _body.from_text(index, tool, text, id)
        return _body.from_value(index, tool, text, id)

    def flaws(self, payload: Payload) -> Iterator[Violation]:
        if payload.text is None:
            yield _body.not_text(payload)
        for code in (self.misplaced, _body.unnamed(payload)):
            if code:
                yield _body.lacking(payload, code)

    def _last(self, key: str) -> Json:
        return self.end.get(key, self.start.get(key))


def _part(content: Fields) -> str:
    return _body.string(content.get("text")) + _body.string(content.get("refusal"))


def _answer(items: Sequence[_Item], response: Fields) -> Answer:
    status = _body.string(response.get("status"))
    if status and status not in _ENDS:
        raise ProviderError("server", f"the response is {status}, not completed", retryable=True)
    reason = _body.string(_body.fields(response.get("incomplete_details")).get("reason"))
    calls = [item for item in items if item.is_call]
    payloads = tuple(call.payload(index) for index, call in enumerate(calls))
    return Answer(
        payloads=payloads,
        text="".join(item.said() for item in items),
        finish=reason or status or None,
        usage=_usage(_body.fields(response.get("usage"))),
        served_by=_body.string(response.get("model")) or None,
        violations=tuple(flaw for call, payload in zip(calls, payloads, strict=True) for flaw in call.flaws(payload)),
    )


def _read_stream(body: str) -> Answer:
    items: list[_Item] = []
    by_place: dict[Json, _Item] = {}
    response: Fields | None = None
    for _, event in _sse.objects(body):
        kind = _body.string(event.get("type"))
        if kind == "error":
            _body.refuse_error({"error": {**event, "type": None}})
        elif kind in ("response.completed", "response.incomplete", "response.failed"):
            response = _body.fields(event.get("response"))
            _body.refuse_error(response)
        elif kind == "response.output_item.added":
            place = _body.count(event.get("output_index"))
            items.append(_Item(_body.fields(event.get("item")), misplaced=_body.misplaced(place, by_place)))
            by_place.update(dict.fromkeys(_places(event), items[-1]))
        elif items:
            _take(kind, event, next((by_place[place] for place in _places(event) if place in by_place), items[-1]))
    if response is None:
        raise _body.cut_off()
    # Some servers send no events of items, only the response as a whole at the end.
    return _answer(items or [_Item(sent) for sent in _body.items(response.get("output"))], response)


def _places(event: Fields) -> Iterator[Json]:
    """What names the item that an event belongs to, the surest first."""
    index = _body.count(event.get("output_index"))
    yield from () if index is None else (index,)
    id = event.get("item_id") or _body.fields(event.get("item")).get("id")
    yield from (id,) if isinstance(id, str) and id else ()


def _take(kind: str, event: Fields, item: _Item) -> None:
    """Add what an event says to its item."""
    if kind in _TEXT:
        item.text.append(_body.string(event.get("delta")))
    elif kind == f"{_ARGUMENTS}.delta":
        item.arguments.append(_body.string(event.get("delta")))
    elif kind == f"{_ARGUMENTS}.done" and "arguments" in event:
        item.end = {**item.end, "arguments": event["arguments"]}
    elif kind == "response.output_item.done":
        item.end = {**item.end, **_body.fields(event.get("item"))}


def _carries(event: Fields) -> Literal["call", "text"] | None:
    kind = _body.string(event.get("type"))
    if kind == "response.output_item.added":
        return "call" if _body.fields(event.get("item")).get("type") == "function_call" else None
    if kind.startswith(_ARGUMENTS):
        return "call"
    return "text" if kind in _TEXT | _THOUGHT else None


def _usage(usage: Fields) -> Usage:
    return Usage(
        input_tokens=_body.count(usage.get("input_tokens")),
        output_tokens=_body.count(usage.get("output_tokens")),
        cached_tokens=_body.count(_body.fields(usage.get("input_tokens_details")).get("cached_tokens")),
        reasoning_tokens=_body.count(_body.fields(usage.get("output_tokens_details")).get("reasoning_tokens")),
    )


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
    """The body of an answer. Arguments that are no string are sent as they are, as broken endpoints do."""
    mark = digest([list(calls), text])
    status = "incomplete" if finish == "length" else "completed"
    output: list[Json] = [_message(f"msg_{mark}", text, status)] if text else []
    output += [
        {
            "type": "function_call",
            **({"id": f"fc_{mark}{index}", "call_id": f"call_{mark}{index}"} if ids else {}),
            "name": tool,
            "arguments": arguments,
            "status": status,
        }
        for index, (tool, arguments) in enumerate(calls)
    ]
    response = {
        "id": f"resp_{mark}",
        "object": "response",
        "created_at": _CREATED,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if finish == "length" else None,
        "model": model,
        "output": output,
        "parallel_tool_calls": True,
        "usage": _write_usage(usage),
    }
    return _write_stream(response, output) if stream else _body.dump(response)


def _message(id: str, text: str, status: str) -> Json:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": id, "status": status, "role": "assistant", "content": content}


def _write_stream(response: Mapping[str, Json], output: list[Json]) -> str:
    began = {**response, "status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
    events: list[Json] = [{"type": f"response.{step}", "response": began} for step in ("created", "in_progress")]
    for index, item in enumerate(output):
        place = {"output_index": index, **({"item_id": item["id"]} if "id" in item else {})}
        steps = _text_steps(item) if item["type"] == "message" else _call_steps(item)
        added = {**item, "status": "in_progress"}
        if item["type"] == "message":
            added["content"] = []
        elif isinstance(item["arguments"], str):
            added["arguments"] = ""
        events.append({"type": "response.output_item.added", "output_index": index, "item": added})
        events += [{**step, **place} for step in steps]
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": f"response.{response['status']}", "response": response})
    return _sse.write([{**event, "sequence_number": n} for n, event in enumerate(events)], named=True)


def _text_steps(item: Fields) -> list[Json]:
    [part] = item["content"]
    place = {"content_index": 0}
    return [
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **place, "delta": piece} for piece in _body.pieces(part["text"])),
        {"type": "response.output_text.done", **place, "text": part["text"]},
        {"type": "response.content_part.done", **place, "part": part},
    ]


def _call_steps(item: Fields) -> list[Json]:
    if not isinstance(item["arguments"], str):
        return []
    deltas: list[Json] = [{"type": f"{_ARGUMENTS}.delta", "delta": piece} for piece in _body.pieces(item["arguments"])]
    return [*deltas, {"type": f"{_ARGUMENTS}.done", "arguments": item["arguments"]}]


def _write_usage(usage: Usage) -> Json:
    sent, received, cached = _body.counts(usage)
    reasoned = usage.reasoning_tokens
    return {
        "input_tokens": sent,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": received,
        **({} if reasoned is None else {"output_tokens_details": {"reasoning_tokens": reasoned}}),
        "total_tokens": sent + received,
    }
