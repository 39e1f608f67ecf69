"""OpenAI's chat completions, and what everyone who says "OpenAI-compatible" makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

from evalkit.data import Answer, Json, Payload, Usage, Violation, Wire
from evalkit.dialects import _body, _sse
from evalkit.dialects._body import Fields
from evalkit.errors import ProviderError
from evalkit.values import digest
from evalkit.values import read as read_json

_OLDER = "function_call"
_MISCALLED = ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL")
"""Gemini's words for it, as OpenRouter hands them on beside `error`."""
_FAILED = ("error", "abort")
"""Finish reasons by which Mistral, OpenRouter, vLLM and SGLang say that they failed, or dropped the request."""
_CREATED = 1_767_225_600  # 2026-01-01: a written body is the same on every day


def read(wire: Wire) -> Answer:
    """Only the first choice is read. Raises ProviderError if the body is no answer."""
    if _sse.is_stream(wire.body):
        return _read_stream(wire.body)
    body = _body.load(wire.body)
    _body.refuse_error(body)
    choices = _body.items(_body.fields(body).get("choices"))
    if not choices:
        raise _body.no_answer("it has no choices")
    _refuse_failed(choices[0])
    message = _body.fields(choices[0].get("message"))
    calls = [_Call.whole(call) for call in _body.items(message.get("tool_calls"))]
    if not calls and isinstance(message.get("function_call"), Mapping):
        calls = [_Call.whole({"type": _OLDER, "function": message["function_call"]})]
    return _answer(
        calls,
        _said(message),
        finish=_finish(choices[0]),
        usage=_usage(body.get("usage")),
        served_by=_body.string(body.get("model")) or None,
    )


def marks(wire: Wire) -> tuple[int | None, int | None, int | None]:
    """Offsets in a streamed body after the first token, the first byte of a call, and the end of the arguments."""
    return _sse.marks(wire.body, _carries)


# --------------------------------------------------------------------------- reading


class _Call(Struct):
    """One call while its pieces come in."""

    tool: str = ""
    id: str | None = None
    pieces: list[str] = field(default_factory=list)
    other: Json = None
    """Arguments that came as something other than text."""
    misplaced: str | None = None
    """What is wrong with its index in a stream."""
    older: bool = False
    """It is a `function_call`, of which an answer has one at most, without an id."""

    @classmethod
    def whole(cls, sent: Fields) -> _Call:
        call = cls()
        call.add(sent)
        return call

    def add(self, sent: Fields) -> None:
        function = _body.fields(sent.get("function"))
        self.tool = self.tool or _body.string(function.get("name"))
        self.id = self.id or _body.string(sent.get("id")) or None
        self.older = self.older or sent.get("type") == _OLDER
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            self.pieces.append(arguments)
        elif arguments is not None:
            self.other = arguments

    def ends_before(self, sent: Fields) -> bool:
        """Whether a piece with this call's index begins another call: some endpoints give all calls index 0.

        Others repeat the name with every piece, or invent an id for each, so neither alone says so.
        """
        name = _body.string(_body.fields(sent.get("function")).get("name"))
        if not name or not self.tool:
            return False
        if name != self.tool:
            return True
        id = _body.string(sent.get("id"))
        if id and self.id:
            return id != self.id
        return self.other is not None or read_json(_body.joined(self.pieces)).error is None

    def payload(self, index: int) -> Payload:
        if self.other is not None or not self.pieces:
            return _body.from_value(index, self.tool, self.other, self.id)
        return _body.from_text(index, self.tool, _body.joined(self.pieces), self.id)

    def flaws(self, payload: Payload) -> Iterator[Violation]:
        if payload.text is None:
            yield _body.not_text(payload)
        for code in (self.misplaced, None if self.older else _body.unnamed(payload)):
            if code:
                yield _body.lacking(payload, code)


def _answer(calls: list[_Call], text: str, *, finish: str | None, usage: Usage, served_by: str | None) -> Answer:
    payloads = tuple(call.payload(index) for index, call in enumerate(calls))
    return Answer(
        payloads=payloads,
        text=text,
        finish=finish,
        usage=usage,
        served_by=served_by,
        violations=tuple(flaw for call, payload in zip(calls, payloads, strict=True) for flaw in call.flaws(payload)),
    )


def _read_stream(body: str) -> Answer:
    calls: list[_Call] = []
    latest: dict[int | None, _Call] = {}
    text: list[str] = []
    finish, usage, served_by, started = None, Usage(), None, False
    for _, chunk in _sse.objects(body):
        served_by = served_by or _body.string(chunk.get("model")) or None
        if isinstance(chunk.get("usage"), Mapping):
            usage = _usage(chunk["usage"])
        for choice in _body.items(chunk.get("choices"))[:1]:
            if _body.count(choice.get("index")):
                continue
            started = True
            _refuse_failed(choice)
            finish = _finish(choice) or finish
            delta = _body.fields(choice.get("delta"))
            text.append(_said(delta))
            for piece in _call_pieces(delta):
                _take(piece, calls, latest)
    if finish is None and not _sse.done(body):
        raise _body.cut_off()
    if not started:
        raise _body.no_answer("the stream has no choices")
    return _answer(calls, _body.joined(text), finish=finish, usage=usage, served_by=served_by)


def _finish(choice: Fields) -> str | None:
    """Of a call that could not be read a gateway says `error`, and what it was told beside it."""
    native = choice.get("native_finish_reason")
    return _body.string(native if native in _MISCALLED else choice.get("finish_reason")) or None


def _refuse_failed(choice: Fields) -> None:
    """Raise what an endpoint says broke the answer off, inside of a choice: gateways do of what is behind them.

    Not where that was a call which could not be read: the model was heard.
    """
    if choice.get("native_finish_reason") in _MISCALLED:
        return
    _body.refuse_error(choice)
    finish = choice.get("finish_reason")
    if finish in _FAILED:
        raise ProviderError(
            "server", f"the endpoint broke the answer off: its finish reason is {finish!r}", retryable=True
        )


def _take(piece: Fields, calls: list[_Call], latest: dict[int | None, _Call]) -> None:
    """Add a piece to the call it belongs to, or begin one."""
    index = _body.count(piece.get("index"))
    call = latest.get(index, calls[-1] if calls and index is None else None)
    if call is None or call.ends_before(piece):
        call = _Call()
        calls.append(call)
        call.misplaced = _body.misplaced(index, latest)
    elif index is None:
        call.misplaced = call.misplaced or _body.misplaced(index, latest)
    latest[index] = call
    call.add(piece)


def _call_pieces(delta: Fields) -> list[Fields]:
    pieces = _body.items(delta.get("tool_calls"))
    if not pieces and isinstance(delta.get("function_call"), Mapping):
        return [{"index": 0, "type": _OLDER, "function": delta["function_call"]}]
    return pieces


def _said(message: Fields) -> str:
    """The content (a string, or Mistral's list of parts), then a refusal. Reasoning is not said."""
    content = message.get("content")
    parts = [_body.string(part.get("text")) for part in _body.items(content)]
    return _body.string(content) + "".join(parts) + _body.string(message.get("refusal"))


def _carries(chunk: Fields) -> Literal["call", "text"] | None:
    for choice in _body.items(chunk.get("choices"))[:1]:
        delta = _body.fields(choice.get("delta"))
        if _call_pieces(delta):
            return "call"
        if _said(delta) or delta.get("reasoning_content") or delta.get("reasoning"):
            return "text"
    return None


def _usage(sent: Json) -> Usage:
    usage = _body.fields(sent)
    return Usage(
        input_tokens=_body.count(usage.get("prompt_tokens")),
        output_tokens=_body.count(usage.get("completion_tokens")),
        cached_tokens=_body.count(_body.fields(usage.get("prompt_tokens_details")).get("cached_tokens")),
        reasoning_tokens=_body.count(_body.fields(usage.get("completion_tokens_details")).get("reasoning_tokens")),
        cost=_body.amount(usage.get("cost")),
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
    finish = finish or ("tool_calls" if calls else "stop")
    head = {"id": f"chatcmpl-{mark}", "created": _CREATED, "model": model}
    names = [{"id": f"call_{mark}{index}"} if ids else {} for index in range(len(calls))]
    if stream:
        return _write_stream(head, names, calls, text, finish, usage)
    message: dict[str, Json] = {"role": "assistant", "content": text or None, "refusal": None}
    if calls:
        message["tool_calls"] = [
            {**name, "type": "function", "function": {"name": tool, "arguments": arguments}}
            for name, (tool, arguments) in zip(names, calls, strict=True)
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return _body.dump({**head, "object": "chat.completion", "choices": [choice], "usage": _write_usage(usage)})


def _write_stream(
    head: Fields, ids: list[dict[str, str]], calls: Sequence[tuple[str, Json]], text: str, finish: str, usage: Usage
) -> str:
    deltas: list[Json] = [{"role": "assistant", "content": None if calls and not text else ""}]
    deltas += [{"content": piece} for piece in _body.pieces(text)]
    for index, (id, (tool, arguments)) in enumerate(zip(ids, calls, strict=True)):
        whole = not isinstance(arguments, str)
        function = {"name": tool, "arguments": arguments if whole else ""}
        deltas.append({"tool_calls": [{"index": index, **id, "type": "function", "function": function}]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in ([] if whole else _body.pieces(arguments))
        ]
    steps: list[tuple[Json, str | None]] = [(delta, None) for delta in deltas] + [({}, finish)]
    head = {**head, "object": "chat.completion.chunk"}
    chunks: list[Json] = [
        {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]}
        for delta, reason in steps
    ]
    chunks.append({**head, "choices": [], "usage": _write_usage(usage)})
    return _sse.write(chunks, end="data: [DONE]\n\n")


def _write_usage(usage: Usage) -> Json:
    sent, received, cached = _body.counts(usage)
    reasoned = usage.reasoning_tokens
    return {
        "prompt_tokens": sent,
        "completion_tokens": received,
        "total_tokens": sent + received,
        "prompt_tokens_details": {"cached_tokens": cached},
        **({} if reasoned is None else {"completion_tokens_details": {"reasoning_tokens": reasoned}}),
    }
