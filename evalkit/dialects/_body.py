"""What the bodies of all dialects share: JSON that is an answer at all, and fields that may hold anything."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Mapping, Sequence
from typing import Any, Never

from evalkit.data import FaultKind, Json, Payload, Usage, Violation
from evalkit.errors import ProviderError, UnreadCall
from evalkit.values import excerpt, loads, read

Fields = Mapping[str, Any]

_KINDS: Mapping[str, FaultKind] = {
    "rate_limit_error": "rate_limit",
    "rate_limit_exceeded": "rate_limit",
    "RESOURCE_EXHAUSTED": "rate_limit",
    "throttlingException": "rate_limit",
    "insufficient_quota": "budget",
    "billing_error": "budget",
    "billing_hard_limit_reached": "budget",
    "billing_not_active": "budget",
    "authentication_error": "auth",
    "permission_error": "auth",
    "invalid_api_key": "auth",
    "UNAUTHENTICATED": "auth",
    "PERMISSION_DENIED": "auth",
    "not_found_error": "unsupported",
    "model_not_found": "unsupported",
    "NOT_FOUND": "unsupported",
    "invalid_request_error": "bad_request",
    "invalid_prompt": "bad_request",
    "request_too_large": "bad_request",
    "INVALID_ARGUMENT": "bad_request",
    "validationException": "bad_request",
    "content_filter": "blocked",
    "content_policy_violation": "blocked",
    "timeout_error": "timeout",
    "DEADLINE_EXCEEDED": "timeout",
}
"""The error codes, types and states that the formats document; what is not here is the server's fault."""

_UNREAD = re.compile(
    r"error parsing tool call: raw='(?P<ollama>.*)', err=.*"
    r"|Failed to parse input at pos \d+: (?P<llama_cpp>.*)"
    r"|The model produced output that does not match the expected .* format"  # llama.cpp's newer words
    r"|\d+ validation errors? for list\[function-wrap\[",  # vLLM's, where a call is demanded
    re.DOTALL,
)
"""What servers say of a call that their own parser could not read."""
_UNREAD_CODES = ("tool_use_failed", "json_validate_failed")
"""Groq's words for it: of a call, and of what was to be JSON under guidance."""
_STATUS = re.compile(r"[45]\d\d")
_STATUS_KINDS: Mapping[int, FaultKind] = {
    400: "bad_request",
    401: "auth",
    402: "budget",
    403: "auth",
    404: "unsupported",
    405: "unsupported",
    408: "timeout",
    413: "bad_request",
    422: "bad_request",
    429: "rate_limit",
    451: "blocked",
    501: "unsupported",
    504: "timeout",
}
_MOST = 1e9
"""USD for an answer: more is no price."""
_PASSING: frozenset[FaultKind] = frozenset({"rate_limit", "timeout", "server", "network"})
"""Kinds that another try may find gone."""


def load(body: str) -> Json:
    """The JSON of a body that is not streamed. Raises ProviderError if it is none."""
    try:
        return loads(body.removeprefix("\ufeff"))
    except RecursionError:
        raise too_deep() from None
    except ValueError:
        return _no_json(body)


def _no_json(body: str) -> Never:
    if not body.strip():
        raise ProviderError("network", "the body is empty", retryable=True)
    if body.lstrip()[0] in "{[":
        raise ProviderError("network", f"the body is cut off, it ends in {excerpt(body[-60:])!r}", retryable=True)
    raise ProviderError("server", f"the body is no JSON: {excerpt(body)!r}", retryable=True)


def refuse_error(body: Json, sent_with: int = 200) -> None:
    """Raise the error that an endpoint put in a body of its own; the status it came with is its code if it has none.

    UnreadCall where it tells of a call of the model's, which the endpoint could not read.
    """
    error = body.get("error") if isinstance(body, dict) else None
    if not error:
        return
    fields: Fields = error if isinstance(error, dict) else {"message": error}
    said = _unread(fields)
    if said is not None:
        raise UnreadCall(said, string(fields.get("message")))
    code = fields.get("code", sent_with)
    code = int(code) if isinstance(code, str) and _STATUS.fullmatch(code) else code
    status = code if isinstance(code, int) and 400 <= code < 600 else None
    named = [fields.get(key) for key in ("code", "type", "status")]  # the sharpest first
    kind = next((_KINDS[name] for name in named if isinstance(name, str) and name in _KINDS), None)
    if status and kind in (None, "bad_request"):  # everything is an invalid request to some
        kind = _STATUS_KINDS.get(status, kind)
    kind = kind or "server"
    message = string(fields.get("message")) or excerpt(error)
    raise ProviderError(kind, f"the endpoint sent an error: {message}", status=status, retryable=kind in _PASSING)


def _unread(error: Fields) -> str | None:
    """What the model wrote, if the error is about a call that could not be read; else None."""
    if error.get("code") in _UNREAD_CODES:
        return string(error.get("failed_generation"))
    told = _UNREAD.match(string(error.get("message")))
    return None if told is None else told["ollama"] or told["llama_cpp"] or ""


def no_answer(what: str) -> ProviderError:
    """The error for JSON that is no answer of the dialect."""
    return ProviderError("server", f"the body is no answer: {what}", retryable=True)


def too_deep() -> ProviderError:
    return ProviderError("server", "the answer is nested deeper than any reader goes")


def cut_off() -> ProviderError:
    return ProviderError("network", "the stream broke off before its end", retryable=True)


# --------------------------------------------------------------------------- fields that may hold anything


def string(value: Json) -> str:
    return value if isinstance(value, str) else ""


def fields(value: Json) -> Fields:
    return value if isinstance(value, dict) else {}


def items(value: Json) -> list[Fields]:
    """The objects of a list; whatever else stands there is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def amount(value: Json) -> float | None:
    """A sum of money. None for what no endpoint can mean by one: NaN would be under every budget."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _MOST:
        return None
    return float(value)


def total(*values: Json) -> int | None:
    """The sum of those that are counts; None if none is."""
    known = [n for n in map(count, values) if n is not None]
    return sum(known) if known else None


_SURROGATE = re.compile("[\ud800-\udfff]")


def joined(pieces: Sequence[str]) -> str:
    """The pieces of one text. A character that was split between its two UTF-16 halves is whole again."""
    text = "".join(pieces)
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


# --------------------------------------------------------------------------- payloads


def from_text(index: int, tool: str, text: str, id: str | None = None) -> Payload:
    """A call whose arguments crossed the wire as text."""
    reading = read(text)
    return Payload(index=index, tool=tool, text=text, value=reading.value, error=reading.error, id=id)


def from_value(index: int, tool: str, value: Json, id: str | None = None) -> Payload:
    """A call whose arguments crossed the wire as JSON: there is no text whose syntax could be judged."""
    return Payload(index=index, tool=tool, text=None, value=value, id=id)


_LACKING: Mapping[str, str] = {
    "envelope.missing_index": "was streamed without an index: a client must guess which pieces belong together",
    "envelope.same_index": "was streamed under the index of another call: a client that goes by it makes one of two",
    "envelope.missing_id": "came without an id: the next turn cannot say whose result it tells",
}


def lacking(payload: Payload, code: str) -> Violation:
    """What the wire said of a call wrongly, or not at all, that is no argument: it makes no call wrong by itself."""
    return Violation(payload=payload.index, code=code, message=f"the call of {payload.tool!r} {_LACKING[code]}")


def misplaced(index: int | None, taken: Container[Json]) -> str | None:
    """The code for a call that a stream begins at `index`, beside those that have begun."""
    if index is None:
        return "envelope.missing_index"
    return "envelope.same_index" if index in taken else None


def unnamed(payload: Payload) -> str | None:
    """The code for a call without an id, in a protocol that gives each one."""
    return None if payload.id else "envelope.missing_id"


def not_text(payload: Payload) -> Violation:
    kind = {dict: "an object", list: "an array", type(None): "null or nothing", bool: "a boolean"}
    what = kind.get(type(payload.value), "a number")
    return Violation(
        payload=payload.index,
        code="envelope.arguments_not_text",
        message=f"the arguments came as {what}; the protocol says a string of JSON",
        excerpt=excerpt(payload.value),
    )


# --------------------------------------------------------------------------- writing


def dump(value: Json) -> str:
    """JSON as most endpoints write it: no white space, characters as they are but for lone surrogates."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(value, separators=(",", ":")) if _SURROGATE.search(text) else text


def as_object(arguments: Json) -> Json:
    """What a dialect that carries objects sends for an argument text: its value, or the text where it has none."""
    if not isinstance(arguments, str):
        return arguments
    reading = read(arguments)
    return arguments if reading.error else reading.value


def pieces(text: str) -> list[str]:
    """`text` cut into a few UTF-16 code units each: through escapes, and through characters of two units."""
    length = max(_PIECE, len(text) // _MOST_PIECES)
    if text.isascii():
        return [text[start : start + length] for start in range(0, len(text), length)]
    units = text.encode("utf-16-le", "surrogatepass")
    steps = range(0, len(units), 2 * length)
    return [units[start : start + 2 * length].decode("utf-16-le", "surrogatepass") for start in steps]


_PIECE = 7
_MOST_PIECES = 500


def counts(usage: Usage) -> tuple[int, int, int]:
    """Input, output and cached tokens, 0 where unknown: the dialects have no word for unknown."""
    return usage.input_tokens or 0, usage.output_tokens or 0, usage.cached_tokens or 0
