"""Anthropic's Messages: arguments are objects, and text (`input_json_delta`) only in a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

from evalkit.data import Answer, Json, Payload, Usage, Violation, Wire
from evalkit.dialects import _body, _sse
from evalkit.dialects._body import Fields
from evalkit.values import digest

_STOP_REASONS: Mapping[str, str] = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}


def read(wire: Wire) -> Answer:
    """Input tokens include those read from and written to the cache. Raises ProviderError if the body is no answer."""
    if _sse.is_stream(wire.body):
        return _read_stream(wire.body)
    body = _body.load(wire.body)
    _body.refuse_error(body)
    message = _body.fields(body)
    if "content" not in message:
        raise _body.no_answer("it has no content")
    content = message["content"]
    blocks = [_Block(sent) for sent in _body.items(content)]
    return _answer(blocks, message, finish=message.get("stop_reason"), said=_body.string(content))


def marks(wire: Wire) -> tuple[int | None, int | None, int | None]:
    """Offsets in a streamed body after the first token, the first byte of a call, and the end of the arguments."""
    return _sse.marks(wire.body, _carries)


# --------------------------------------------------------------------------- reading


class _Block(Struct):
    """One content block, as it started and what a stream added."""

    start: Fields
    text: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    misplaced: str | None = None
    """What is wrong with its index in a stream."""

    @property
    def is_call(self) -> bool:
        return self.start.get("type") == "tool_use"

    def add(self, delta: Fields) -> None:
        if delta.get("type") == "text_delta":
            self.text.append(_body.string(delta.get("text")))
        elif delta.get("type") == "input_json_delta":
            self.arguments.append(_body.string(delta.get("partial_json")))

    def said(self) -> str:
        if self.start.get("type") != "text":
            return ""
        return _body.joined([_body.string(self.start.get("text")), *self.text])

    def payload(self, index: int) -> Payload:
        tool = _body.string(self.start.get("name"))
        id = _body.string(self.start.get("id")) or None
        text = _body.joined(self.arguments)
        if text:
            return _body.from_text(index, tool, text, id)
        return _body.from_value(index, tool, self.start.get("input"), id)  # a stream without text means this object

    def flaws(self, payload: Payload) -> Iterator[Violation]:
        for code in (self.misplaced, _body.unnamed(payload)):
            if code:
                yield _body.lacking(payload, code)


def _answer(blocks: list[_Block], message: Fields, *, finish: Json, said: str = "") -> Answer:
    calls = [block for block in blocks if block.is_call]
    payloads = tuple(call.payload(index) for index, call in enumerate(calls))
    return Answer(
        payloads=payloads,
        text=said + "".join(block.said() for block in blocks),
        finish=_body.string(finish) or None,
        usage=_usage(_body.fields(message.get("usage"))),
        served_by=_body.string(message.get("model")) or None,
        violations=tuple(flaw for call, payload in zip(calls, payloads, strict=True) for flaw in call.flaws(payload)),
    )


def _read_stream(body: str) -> Answer:
    message: dict[str, Json] = {}
    blocks: list[_Block] = []
    by_index: dict[Json, _Block] = {}
    finish, ended = None, False
    for _, event in _sse.objects(body):
        kind, index = event.get("type"), _body.count(event.get("index"))
        if kind == "message_start":
            message.update(_body.fields(event.get("message")))
        elif kind == "content_block_start":
            block = _Block(_body.fields(event.get("content_block")), misplaced=_body.misplaced(index, by_index))
            blocks.append(block)
            by_index[index] = block
        elif kind == "content_block_delta" and blocks:
            by_index.get(index, blocks[-1]).add(_body.fields(event.get("delta")))
        elif kind == "message_delta":
            finish = _body.fields(event.get("delta")).get("stop_reason") or finish
            message["usage"] = {**_body.fields(message.get("usage")), **_body.fields(event.get("usage"))}
        ended = ended or kind == "message_stop" or finish is not None
    if not ended:
        raise _body.cut_off()
    return _answer(blocks, message, finish=finish)


def _carries(event: Fields) -> Literal["call", "text"] | None:
    if event.get("type") == "content_block_start":
        return "call" if _body.fields(event.get("content_block")).get("type") == "tool_use" else None
    if event.get("type") != "content_block_delta":
        return None
    return "call" if _body.fields(event.get("delta")).get("type") == "input_json_delta" else "text"


def _usage(usage: Fields) -> Usage:
    cached = usage.get("cache_read_input_tokens")
    return Usage(
        input_tokens=_body.total(usage.get("input_tokens"), cached, usage.get("cache_creation_input_tokens")),
        output_tokens=_body.count(usage.get("output_tokens")),
        cached_tokens=_body.count(cached),
        reasoning_tokens=_body.count(_body.fields(usage.get("output_tokens_details")).get("thinking_tokens")),
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
    """The body of an answer. Argument text without a JSON value can only be sent as a string, but for a stream."""
    mark = digest([list(calls), text])
    reason = _STOP_REASONS[finish or ("tool_calls" if calls else "stop")]
    blocks: list[Json] = [{"type": "text", "text": text}] if text else []
    blocks += [
        {"type": "tool_use", **({"id": f"toolu_{mark}{index}"} if ids else {}), "name": tool, "input": arguments}
        for index, (tool, arguments) in enumerate(calls)
    ]
    message = {"id": f"msg_{mark}", "type": "message", "role": "assistant", "model": model}
    if stream:
        return _write_stream(message, blocks, reason, usage)
    content = [{**block, "input": _body.as_object(block["input"])} if "input" in block else block for block in blocks]
    return _body.dump(
        {**message, "content": content, "stop_reason": reason, "stop_sequence": None, "usage": _write_usage(usage)}
    )


def _write_stream(message: Fields, blocks: list[Json], reason: str, usage: Usage) -> str:
    sent = _write_usage(usage)
    start = {
        **message,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**sent, "output_tokens": 1},
    }
    events: list[Json] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(blocks):
        if block["type"] == "text":
            head: Json = {"type": "text", "text": ""}
            deltas: list[Json] = [{"type": "text_delta", "text": piece} for piece in _body.pieces(block["text"])]
        else:
            arguments = block["input"]
            whole = not isinstance(arguments, str)
            head = {**block, "input": arguments if whole else {}}
            pieces = ["", *([] if whole else _body.pieces(arguments))]  # the first one is always empty
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        events.append({"type": "content_block_start", "index": index, "content_block": head})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": reason, "stop_sequence": None}
    spent = {key: count for key, count in sent.items() if key.startswith("output")}
    events.append({"type": "message_delta", "delta": end, "usage": spent})
    events.append({"type": "message_stop"})
    return _sse.write(events, named=True)


def _write_usage(usage: Usage) -> Json:
    sent, received, cached = _body.counts(usage)
    reasoned = usage.reasoning_tokens
    return {
        "input_tokens": max(sent - cached, 0),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": received,
        **({} if reasoned is None else {"output_tokens_details": {"thinking_tokens": reasoned}}),
    }
