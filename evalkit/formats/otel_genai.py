"""OpenTelemetry traces in OTLP's JSON, a line each as the file exporter writes them: spans of generative AI.

A span is a question to a model if its `gen_ai.operation.name` is `chat` or `generate_content`. Of its attributes are
read `gen_ai.system_instructions`, `gen_ai.input.messages`, `gen_ai.output.messages` and `gen_ai.tool.definitions`, as
the conventions of OpenTelemetry lay them out, structured or as text, and the model and its tokens. Instrumentations
record what was said only when told to, and many record no tools, or their names alone: without `parameters`, the log
does not tell what was offered. Texts, calls and results of calls become messages in OpenAI's shape; reasoning is left
out, as it is when a conversation is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from evalkit.data import Exchange, Json, Left, Response, Wire
from evalkit.formats import _logged
from evalkit.formats._logged import Unfit, fields, packed, unpacked
from evalkit.values import quoted

_QUESTIONS = ("chat", "generate_content")
_ASKED, _ANSWERED = "gen_ai.input.messages", "gen_ai.output.messages"
_SYSTEM, _TOOLS = "gen_ai.system_instructions", "gen_ai.tool.definitions"
_MODELS = ("gen_ai.response.model", "gen_ai.request.model")
_KEPT = (_ANSWERED, "gen_ai.response.model", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
_STATUS_ERROR = (2, "STATUS_CODE_ERROR")
_INT64 = re.compile(r"-?[0-9]{1,19}\Z")


def sniff(text: str) -> bool:
    return isinstance(_logged.sniffed(text).get("resourceSpans"), list)


def exchanges(line: Json) -> Iterator[Exchange | Left]:
    """What the spans of a line hold."""
    for item in _logged.listed(line):
        if "resourceSpans" not in fields(item):
            yield Left(kind="foreign")
        for span in _spans(fields(item)):
            try:
                yield _exchange(span)
            except Unfit as unfit:
                yield unfit.left


def _spans(line: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    for resource in _objects(line.get("resourceSpans")):
        for scope in _objects(resource.get("scopeSpans")):
            yield from _objects(scope.get("spans"))


def _objects(value: Json) -> list[Mapping[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _exchange(span: Mapping[str, Json]) -> Exchange:
    told = _map(span.get("attributes"))
    if told.get("gen_ai.operation.name") not in _QUESTIONS:
        raise Unfit("other")
    if "error.type" in told or fields(span.get("status")).get("code") in _STATUS_ERROR:
        raise Unfit("failed")
    if _ASKED not in told or _ANSWERED not in told:
        raise Unfit("withheld")
    told |= {key: unpacked(told[key]) for key in (_SYSTEM, _ASKED, _ANSWERED, _TOOLS) if key in told}
    told_whole = _TOOLS in told and all("parameters" in tool for tool in _objects(told[_TOOLS]))
    if not _objects(told[_ANSWERED]):
        raise Unfit("unread", "there is no message")
    start, end = (_nanoseconds(span.get(key)) for key in ("startTimeUnixNano", "endTimeUnixNano"))
    return Exchange(
        messages=_logged.conversation(list(_messages(told.get(_SYSTEM), told[_ASKED]))),
        tools=_logged.offered(told[_TOOLS], f"/{_TOOLS}") if told_whole else None,
        reply=Response(
            wire=Wire(status=200, body=packed({key: told[key] for key in _KEPT if key in told})),
            dialect="otel_genai",
            timing=_logged.timing(start, end),
        ),
        model=next((told[key] for key in _MODELS if isinstance(told.get(key), str)), ""),
        started=_logged.iso(start),
    )


def _map(pairs: Json) -> dict[str, Json]:
    """OTLP's list of KeyValue."""
    return {each["key"]: _any(each.get("value")) for each in _objects(pairs) if isinstance(each.get("key"), str)}


def _any(value: Json) -> Json:
    """OTLP's AnyValue as the value that it is."""
    for kind, inner in fields(value).items():
        if kind == "arrayValue":
            return [_any(each) for each in _objects(fields(inner).get("values"))]
        if kind == "kvlistValue":
            return _map(fields(inner).get("values"))
        if kind == "intValue" and isinstance(inner, str) and _INT64.match(inner):
            return int(inner)  # 64 bits are text in this JSON
        return inner
    return None


def _nanoseconds(told: Json) -> datetime | None:
    digits = str(told)
    return datetime.fromtimestamp(int(digits) / 1e9, UTC) if digits.isdecimal() and len(digits) == 19 else None


# --------------------------------------------------------------------------- parts as messages


def _messages(system: Json, messages: Json) -> Iterator[Mapping[str, Json]]:
    if system:
        yield {"role": "system", "content": _content(_objects(system))}
    for message in _objects(messages):
        yield from _message(message)


def _message(message: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """One, or one for each result of a call: a message of OpenAI's has one."""
    parts = [part for part in _objects(message.get("parts")) if part.get("type") != "reasoning"]
    results = [part for part in parts if part.get("type") == "tool_call_response"]
    for part in results:
        result = part["response"] if "response" in part else part.get("result")
        yield {"role": "tool", "tool_call_id": part.get("id"), "content": _text(result)}
    said = [part for part in parts if part.get("type") not in ("tool_call", "tool_call_response")]
    calls = [_call(part) for part in parts if part.get("type") == "tool_call"]
    if said or calls or not results:
        plain: dict[str, Json] = {"role": message.get("role"), "content": _content(said) if said else None}
        yield {**plain, "tool_calls": calls} if calls else plain


def _content(parts: list[Mapping[str, Json]]) -> Json:
    """A text, or of several a list of them. Raises Unfit for what is no text."""
    for part in parts:
        if part.get("type") != "text":
            raise Unfit("unheld", f"a part of type {quoted(part.get('type'), 40)}")
    texts = [part.get("content", "") for part in parts]
    return texts[0] if len(texts) == 1 else [{"type": "text", "text": text} for text in texts]


def _call(part: Mapping[str, Json]) -> Json:
    function = {"name": part.get("name"), "arguments": _text(part.get("arguments", {}))}
    return {"id": part.get("id"), "type": "function", "function": function}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else packed(value)
