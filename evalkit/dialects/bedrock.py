"""Bedrock's Converse: arguments are objects, and text only in a stream.

Its streams are binary. They are recorded as `eventstream` turns them into text: a line of JSON for each event, the
event's type over its payload, as in {"contentBlockDelta": {...}}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

from evalkit.data import Answer, Json, Payload, Usage, Violation, Wire
from evalkit.dialects import _body, _lines, _sse
from evalkit.dialects._body import Fields
from evalkit.values import digest

_STOP_REASONS: Mapping[str, str] = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}
_EVENTS = frozenset(
    {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}
)
_EXCEPTION = "Exception"


def read(wire: Wire) -> Answer:
    """Input tokens include those read from and written to the cache. Raises ProviderError if the body is no answer."""
    if _is_stream(wire.body):
        return _read_stream(wire.body)
    body = _body.fields(_body.load(wire.body))
    message = _body.fields(body.get("output")).get("message")
    if not isinstance(message, Mapping):
        _body.refuse_error({"error": body.get("message")}, wire.status)
        raise _body.no_answer("it has no message")
    blocks = [_Block(sent) for sent in _body.items(message.get("content"))]
    return _answer(blocks, finish=body.get("stopReason"), usage=body.get("usage"), trace=body.get("trace"))


def marks(wire: Wire) -> tuple[int | None, int | None, int | None]:
    """Offsets in a streamed body after the first token, the first byte of a call, and the end of the arguments."""
    return _sse.offsets(_lines.objects(wire.body) if _is_stream(wire.body) else (), _carries)


# --------------------------------------------------------------------------- reading


class _Block(Struct):
    """One content block, as it started and what a stream added."""

    start: Fields
    streamed: bool = False
    text: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    misplaced: str | None = None
    """What is wrong with its index in a stream."""

    @property
    def is_call(self) -> bool:
        return "toolUse" in self.start

    def add(self, delta: Fields) -> None:
        self.text.append(_body.string(delta.get("text")))
        self.arguments.append(_body.string(_body.fields(delta.get("toolUse")).get("input")))

    def said(self) -> str:
        return _body.joined([_body.string(self.start.get("text")), *self.text])

    def payload(self, index: int) -> Payload:
        call = _body.fields(self.start["toolUse"])
        tool = _body.string(call.get("name"))
        id = _body.string(call.get("toolUseId")) or None
        text = _body.joined(self.arguments)
        if text:
            return _body.from_text(index, tool, text, id)
        # A stream says nothing of the arguments where there are none.
        return _body.from_value(index, tool, call.get("input", {} if self.streamed else None), id)

    def flaws(self, payload: Payload) -> Iterator[Violation]:
        for code in (self.misplaced, _body.unnamed(payload)):
            if code:
                yield _body.lacking(payload, code)


def _answer(blocks: Sequence[_Block], *, finish: Json, usage: Json, trace: Json) -> Answer:
    calls = [block for block in blocks if block.is_call]
    payloads = tuple(call.payload(index) for index, call in enumerate(calls))
    router = _body.fields(_body.fields(trace).get("promptRouter"))
    return Answer(
        payloads=payloads,
        text="".join(block.said() for block in blocks),
        finish=_body.string(finish) or None,
        usage=_usage(_body.fields(usage)),
        served_by=_body.string(router.get("invokedModelId")) or None,
        violations=tuple(flaw for call, payload in zip(calls, payloads, strict=True) for flaw in call.flaws(payload)),
    )


def _is_stream(body: str) -> bool:
    kinds = _lines.first(body).keys()
    return len(kinds) == 1 and all(kind in _EVENTS or kind.endswith(_EXCEPTION) for kind in kinds)


def _read_stream(body: str) -> Answer:
    blocks: list[_Block] = []
    by_index: dict[Json, _Block] = {}
    metadata: Fields = {}
    finish, ended = None, False
    for _, event in _lines.objects(body):
        [(kind, sent)] = event.items() if len(event) == 1 else [("", {})]
        fields = _body.fields(sent)
        _refuse_exception(kind, fields)
        index = _body.count(fields.get("contentBlockIndex"))
        if kind == "contentBlockStart":
            misplaced = _body.misplaced(index, by_index)
            block = by_index[index] = _begun(blocks, _body.fields(fields.get("start")))
            block.misplaced = misplaced
        elif kind == "contentBlockDelta":
            known = by_index.get(index, blocks[-1] if blocks and index is None else None)
            if known is None:  # text starts without saying so
                known = by_index[index] = _begun(blocks, {})
            known.add(_body.fields(fields.get("delta")))
        elif kind == "messageStop":
            finish, ended = fields.get("stopReason"), True
        elif kind == "metadata":
            metadata = fields
    if not ended:
        raise _body.cut_off()
    return _answer(blocks, finish=finish, usage=metadata.get("usage"), trace=metadata.get("trace"))


def _begun(blocks: list[_Block], start: Fields) -> _Block:
    blocks.append(_Block(start, streamed=True))
    return blocks[-1]


def _refuse_exception(kind: str, sent: Fields) -> None:
    """Raise what went wrong on the far side after it had said 200."""
    if kind.endswith(_EXCEPTION):
        _body.refuse_error({"error": {"code": kind, "message": sent.get("message") or kind}})


def _carries(event: Fields) -> Literal["call", "text"] | None:
    if "contentBlockStart" in event:
        return "call" if "toolUse" in _body.fields(_body.fields(event["contentBlockStart"]).get("start")) else None
    if "contentBlockDelta" not in event:
        return None
    return "call" if "toolUse" in _body.fields(_body.fields(event["contentBlockDelta"]).get("delta")) else "text"


def _usage(usage: Fields) -> Usage:
    cached = usage.get("cacheReadInputTokens")
    return Usage(
        input_tokens=_body.total(usage.get("inputTokens"), cached, usage.get("cacheWriteInputTokens")),
        output_tokens=_body.count(usage.get("outputTokens")),
        cached_tokens=_body.count(cached),
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
    """The body of an answer, a stream as it is recorded. Nothing in it names the model.

    Argument text without a JSON value can only be sent as a string, but for a stream.
    """
    mark = digest([list(calls), text])
    reason = _STOP_REASONS[finish or ("tool_calls" if calls else "stop")]
    names = [
        {**({"toolUseId": f"tooluse_{mark}{index}"} if ids else {}), "name": tool}
        for index, (tool, _) in enumerate(calls)
    ]
    sent, received, cached = _body.counts(usage)
    end = {
        "usage": {
            "inputTokens": max(sent - cached, 0),
            "outputTokens": received,
            "totalTokens": sent + received,
            "cacheReadInputTokens": cached,
            "cacheWriteInputTokens": 0,
        },
        "metrics": {"latencyMs": 0},
    }
    if stream:
        return _write_stream(names, [arguments for _, arguments in calls], text, reason, end)
    content: list[Json] = [{"text": text}] if text else []
    content += [
        {"toolUse": {**name, "input": _body.as_object(arguments)}}
        for name, (_, arguments) in zip(names, calls, strict=True)
    ]
    return _body.dump({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason, **end})


def _write_stream(names: list[dict[str, str]], arguments: list[Json], text: str, reason: str, end: Fields) -> str:
    blocks: list[tuple[Json, list[Json]]] = [(None, [{"text": piece} for piece in _body.pieces(text)])] if text else []
    for name, sent in zip(names, arguments, strict=True):
        whole = not isinstance(sent, str)
        start = {"toolUse": {**name, **({"input": sent} if whole else {})}}
        blocks.append((start, [{"toolUse": {"input": piece}} for piece in ([] if whole else _body.pieces(sent))]))
    events: list[Json] = [{"messageStart": {"role": "assistant"}}]
    for index, (begin, deltas) in enumerate(blocks):
        place = {"contentBlockIndex": index}
        if begin is not None:
            events.append({"contentBlockStart": {"start": begin, **place}})
        events += [{"contentBlockDelta": {"delta": delta, **place}} for delta in deltas]
        events.append({"contentBlockStop": place})
    return _lines.write([*events, {"messageStop": {"stopReason": reason}}, {"metadata": end}])
