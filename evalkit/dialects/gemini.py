"""Gemini's generateContent: arguments are objects, streamed or not, and never text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from evalkit.data import Answer, Json, Usage, Wire
from evalkit.dialects import _body, _sse
from evalkit.dialects._body import Fields
from evalkit.errors import ProviderError
from evalkit.values import digest

_FINISH_REASONS: Mapping[str, str] = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS"}


def read(wire: Wire) -> Answer:
    """Only the first candidate is read. Raises ProviderError if the body is no answer, or the prompt was blocked."""
    if _sse.is_stream(wire.body):
        chunks = [chunk for _, chunk in _sse.objects(wire.body)]
        answer = _read(chunks)
        if answer.finish is None:
            raise _body.cut_off()
        return answer
    body = _body.load(wire.body)
    # Without alt=sse, streamGenerateContent sends one array of chunks.
    chunks = _body.items(body) if isinstance(body, list) else [_body.fields(body)]
    for chunk in chunks:
        _body.refuse_error(chunk)
    return _read(chunks)


def marks(wire: Wire) -> tuple[int | None, int | None, int | None]:
    """Offsets in a streamed body after the first token, the first byte of a call, and the end of the arguments."""
    return _sse.marks(wire.body, _carries)


# --------------------------------------------------------------------------- reading


def _read(chunks: Iterable[Fields]) -> Answer:
    calls: list[Fields] = []
    text: list[str] = []
    finish, served_by, started = None, None, False
    usage: Fields = {}
    for chunk in chunks:
        _refuse_blocked(chunk)
        served_by = served_by or _body.string(chunk.get("modelVersion")) or None
        usage = _body.fields(chunk.get("usageMetadata")) or usage
        for candidate in _body.items(chunk.get("candidates"))[:1]:
            started = True
            finish = _body.string(candidate.get("finishReason")) or finish
            for part in _parts(candidate):
                if isinstance(part.get("functionCall"), Mapping):
                    calls.append(part["functionCall"])
                elif not part.get("thought"):
                    text.append(_body.string(part.get("text")))
    if not started:
        raise _body.no_answer("it has no candidates")
    return Answer(
        payloads=tuple(
            # A function without arguments is called without `args`.
            _body.from_value(
                index, _body.string(call.get("name")), call.get("args", {}), _body.string(call.get("id")) or None
            )
            for index, call in enumerate(calls)
        ),
        text=_body.joined(text),
        finish=finish,
        usage=_usage(usage),
        served_by=served_by,
    )


def _parts(candidate: Fields) -> list[Fields]:
    return _body.items(_body.fields(candidate.get("content")).get("parts"))


def _refuse_blocked(chunk: Fields) -> None:
    reason = _body.string(_body.fields(chunk.get("promptFeedback")).get("blockReason"))
    if reason and not _body.items(chunk.get("candidates")):
        raise ProviderError("blocked", f"the prompt was blocked: {reason}")


def _carries(chunk: Fields) -> Literal["call", "text"] | None:
    parts = [part for candidate in _body.items(chunk.get("candidates"))[:1] for part in _parts(candidate)]
    if any("functionCall" in part for part in parts):
        return "call"
    return "text" if any(part.get("text") for part in parts) else None


def _usage(usage: Fields) -> Usage:
    return Usage(
        input_tokens=_body.total(usage.get("promptTokenCount"), usage.get("toolUsePromptTokenCount")),
        output_tokens=_body.total(usage.get("candidatesTokenCount"), usage.get("thoughtsTokenCount")),
        cached_tokens=_body.count(usage.get("cachedContentTokenCount")),
        reasoning_tokens=_body.count(usage.get("thoughtsTokenCount")),
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
    """The body of an answer. Argument text without a JSON value is a malformed call: only the finish reason tells."""
    arguments = [_body.as_object(sent) for _, sent in calls]
    mark = digest([list(calls), text])
    head = {"modelVersion": model, "responseId": mark}
    reason, message = _FINISH_REASONS[finish or "stop"], None
    parts: list[Json] = []
    if any(isinstance(value, str) for value in arguments):
        reason, message = "MALFORMED_FUNCTION_CALL", "Malformed function call: " + "; ".join(name for name, _ in calls)
    else:
        parts = [
            {"functionCall": {**({"id": f"{mark}{index}"} if ids else {}), "name": tool, "args": value}}
            for index, ((tool, _), value) in enumerate(zip(calls, arguments, strict=True))
        ]
    end = {"finishReason": reason, **({"finishMessage": message} if message else {})}
    counted = {"usageMetadata": _write_usage(usage), **head}
    if not stream:
        spoken: list[Json] = [{"text": text}] if text else []
        return _body.dump({"candidates": [_candidate([*spoken, *parts], end)], **counted})
    steps: list[Json] = [{"text": piece} for piece in _body.pieces(text)] + parts
    chunks: list[Json] = [{"candidates": [_candidate([part], {})], **counted} for part in steps]
    chunks.append({"candidates": [_candidate([{"text": ""}], end)], **counted})
    return _sse.write(chunks, line_end="\r\n")


def _candidate(parts: list[Json], end: Fields) -> Json:
    return {"content": {"parts": parts, "role": "model"}, **end, "index": 0}


def _write_usage(usage: Usage) -> Json:
    sent, received, cached = _body.counts(usage)
    reasoned = usage.reasoning_tokens
    return {
        "promptTokenCount": sent,
        "candidatesTokenCount": max(received - (reasoned or 0), 0),
        **({} if reasoned is None else {"thoughtsTokenCount": reasoned}),
        "totalTokenCount": sent + received,
        **({"cachedContentTokenCount": cached} if cached else {}),
    }
