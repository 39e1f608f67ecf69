"""A request and its answer on one line, as many a logger writes them: where both stand, and whose words they are in.

They stand under `request` and `response`, `input` and `output` (OpenPipe's export, Langfuse's observations, Bedrock's
log of invocations), `inputs` and `outputs` (LangSmith's runs) or `modelInput` and `modelOutput` (Bedrock's batches).
Each may be JSON or text that spells it, and may stand under `body` (`body_raw`, `inputBodyJson`, `outputBodyJson`),
beside a status and headers, of which no header is read. An answer may also be an event stream as it was received, or
the list of what it held.

Of a batch, the lines that ask and those that answer are read together, in one folder or as one file; they find each
other by `custom_id`, in any order. OpenAI's hold `body`, or `response` and `error`; Anthropic's `params`, or `result`.

Times are `start_time`, `end_time` and `completion_start_time` (or `startTime` ..., as Langfuse's API spells them,
`first_token_time`, as LangSmith does, or `timestamp`, which may stand beside a body), else the day is that on which the
answer says it was made. Tokens are those of its `usage`, or of LangSmith's `usage_metadata`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from evalkit.data import Exchange, Half, Json, Left, Pointer, Response, Timing, Wire
from evalkit.formats import _logged
from evalkit.formats._logged import Unfit, fields, moment, packed, unpacked

_NAMES = (("request", "response"), ("input", "output"), ("inputs", "outputs"), ("modelInput", "modelOutput"))
_BODIES = ("body", "body_raw", "inputBodyJson", "outputBodyJson")
_STARTS = ("start_time", "startTime", "timestamp")
_ENDS = ("end_time", "endTime")
_FIRST_TOKENS = ("completion_start_time", "completionStartTime", "first_token_time")


class Api(Struct, frozen=True, kw_only=True):
    """What requests and answers are in the words of."""

    dialect: str
    """That of its answers, by which it is known."""
    holds: str
    """The member that makes an answer one."""
    called: str
    """What an answer is called."""
    counts: tuple[str, str] = ("input_tokens", "output_tokens")
    """What its `usage` calls them."""


class Pair(Struct, frozen=True, kw_only=True):
    """What a line says, whatever its logger calls it."""

    request: Mapping[str, Json]
    at: Pointer
    """Where the request stands in its line."""
    answer: Json
    """An object, the list of what a stream held, or a text."""
    model: str
    started: str
    timing: Timing


def sniff(text: str, api: Api) -> bool:
    """Whether a line holds an exchange, or half of one, in the words of this API and of no other."""
    line = _logged.sniffed(text)
    halved, found = _half(line), _found(line)
    if halved is not None:
        return halved[1] == {api.dialect}
    return found is not None and _spoken(_request(found[1]), _body(found[2])) == {api.dialect}


def exchanges(line: Json, api: Api, read: Callable[[Pair], Exchange]) -> Iterator[Exchange | Half | Left]:
    """What a line of such a log holds, each pair in the words of this API as `read` understands it."""
    for item in map(fields, _logged.listed(line)):
        half, apis = _half(item) or (None, _ANY)
        try:
            if api.dialect not in apis:
                raise Unfit("foreign")
            yield half or read(_pair(item, api))
        except Unfit as unfit:
            yield unfit.left


def exchange(
    pair: Pair, api: Api, *, messages: Iterable[Json], choice: Json, answer: Json, declared: str = "tools"
) -> Exchange:
    """A pair, its messages and its `choice` in OpenAI's shape, its answer as the API would have given it."""
    tools = _logged.offered(pair.request.get(declared), f"{pair.at}/{declared}")
    body, whole = _received(answer, api)
    created = moment(whole.get("created", whole.get("created_at")))
    return Exchange(
        messages=_logged.conversation(list(messages)),
        tools=tools,
        choice=choice,
        reply=Response(wire=Wire(status=200, body=body, stream=not whole), dialect=api.dialect, timing=pair.timing),
        model=pair.model,
        started=pair.started or _logged.iso(created),
    )


# --------------------------------------------------------------------------- where both stand


def _found(line: Mapping[str, Json]) -> tuple[str, Json, Json] | None:
    """What the request is called, it, and its answer, each in the envelope in which it may stand."""
    for asked, answered in _NAMES:
        if asked in line and (answered in line or line.get("error")):
            return asked, unpacked(line[asked]), unpacked(line.get(answered))
    return None


def _pair(line: Mapping[str, Json], api: Api) -> Pair:
    found = _found(line)
    if found is None:
        raise Unfit("foreign")
    name, asked, answered = found
    request, answer = _request(asked), _body(answered)
    if api.dialect not in _spoken(request, answer):
        raise Unfit("foreign")
    status = fields(answered).get("status_code", fields(answered).get("status"))
    if isinstance(status, int) and not 200 <= status < 300:
        raise Unfit("failed", f"status {status}")
    if line.get("error") or fields(answer).get("error"):
        raise Unfit("failed")
    start = moment(_first(_STARTS, line, fields(asked)))
    end = moment(_first(_ENDS, line) or fields(answered).get("timestamp"))
    return Pair(
        request=request,
        at=f"/{name}",
        answer=answer,
        model=next((told for told in (request.get("model"), line.get("model")) if isinstance(told, str)), ""),
        started=_logged.iso(start),
        timing=_logged.timing(start, end, moment(_first(_FIRST_TOKENS, line))),
    )


def _body(found: Json) -> Json:
    outer = fields(found)
    return next((unpacked(outer[name]) for name in _BODIES if outer.get(name) is not None), found)


def _request(found: Json) -> Mapping[str, Json]:
    """A list of messages is a request that offers no tools."""
    body = _body(found)
    if isinstance(body, list) and body and all("role" in fields(message) for message in body):
        return {"messages": body}
    return fields(body)


def _first(names: tuple[str, ...], *holders: Mapping[str, Json]) -> Json:
    return next((held[name] for held in holders for name in names if held.get(name) is not None), None)


def _half(line: Mapping[str, Json]) -> tuple[Half, frozenset[str]] | None:
    """Of a line of a batch: what together with its other half is a line with both, and the APIs it may be of."""
    key = line.get("custom_id")
    asks, answers = ("params" in line or "body" in line), any(name in line for name in ("result", "response", "error"))
    if not isinstance(key, str) or "request" in line or asks == answers:
        return None
    if "params" in line:
        return Half(key=key, side="asked", line={"request": line["params"]}), _MESSAGES
    if "result" in line:
        result = fields(line["result"])
        error = None if result.get("type") == "succeeded" else result
        return Half(key=key, side="answered", line={"response": result.get("message"), "error": error}), _MESSAGES
    if "body" in line:
        apis = _spoken(_request(unpacked(line["body"])), None)
        return Half(key=key, side="asked", line={"request": line["body"]}), apis - _MESSAGES
    answer = {"response": line.get("response"), "error": line.get("error")}
    return Half(key=key, side="answered", line=answer), _heard(_body(unpacked(answer["response"]))) - _MESSAGES


# --------------------------------------------------------------------------- whose words they are in

_CHAT, _MESSAGES, _RESPONSES = frozenset(["openai_chat"]), frozenset(["anthropic"]), frozenset(["openai_responses"])
_ANY = _CHAT | _MESSAGES | _RESPONSES
_OTHERS: frozenset[str] = frozenset()
_IN_MESSAGES = frozenset(("system", "anthropic_version", "stop_sequences", "mcp_servers", "output_config"))
_IN_CHAT = frozenset(("functions", "stop", "response_format", "max_completion_tokens", "parallel_tool_calls", "seed"))
_IN_RESPONSES = frozenset(("instructions", "tools", "max_output_tokens", "previous_response_id", "reasoning", "store"))
"""Members by which a request tells whose it is, where its answer does not."""
_EVENT = re.compile(r"^data: ?(\{.*)$", re.MULTILINE)


def _spoken(request: Mapping[str, Json], answer: Json) -> frozenset[str]:
    """The APIs that both may be of: several where neither tells, none where they are of another."""
    heard = _heard(answer)
    if isinstance(request.get("messages"), list):
        return (_CHAT | _MESSAGES) & (_asked(request) if heard == _ANY else heard)
    if not isinstance(request.get("input"), list | str) and not fields(request.get("prompt")):
        return _OTHERS
    sure = heard == _RESPONSES or not _IN_RESPONSES.isdisjoint(request)
    return heard & _RESPONSES if sure else heard & _RESPONSES | {"openai_embeddings"}


def _asked(request: Mapping[str, Json]) -> frozenset[str]:
    """By a request with messages."""
    declared = request.get("tools")
    if isinstance(declared, list) and declared:
        return _MESSAGES if any(map(_anthropics, map(fields, declared))) else _CHAT
    if not _IN_MESSAGES.isdisjoint(request):
        return _MESSAGES
    return _ANY if _IN_CHAT.isdisjoint(request) else _CHAT


def _anthropics(tool: Mapping[str, Json]) -> bool:
    """By its schema, or as one of the server's own, which chat completions do not have."""
    return "input_schema" in tool or tool.get("type", "function") not in ("function", "custom")


def _heard(answer: Json) -> frozenset[str]:
    """By an answer; any of them if it does not tell."""
    said = _beginning(answer)
    kind, form = said.get("type"), said.get("object")
    if isinstance(said.get("choices"), list):
        return _CHAT
    if kind == "message_start" or ("stop_reason" in said and "content" in said):
        return _MESSAGES
    if said.get("role") == "assistant" and not isinstance(said.get("content"), list):  # a message alone
        return _CHAT
    if isinstance(said.get("output"), list) or (isinstance(kind, str) and kind.startswith("response.")):
        return _RESPONSES
    return _OTHERS if "output" in said or form == "list" else _ANY  # as Bedrock's Converse, and embeddings


def _beginning(answer: Json) -> Mapping[str, Json]:
    """An answer, or the first that a stream held."""
    if isinstance(answer, str):
        event = _EVENT.search(answer)
        return fields(unpacked(event[1])) if event else {}
    return fields(_logged.listed(answer)[0]) if answer else {}


# --------------------------------------------------------------------------- an answer as it would have been given


def _received(answer: Json, api: Api) -> tuple[str, Mapping[str, Json]]:
    """The body of an answer as text, and as an object; {} for a stream. Raises Unfit if it is plainly no answer."""
    if isinstance(answer, str):
        return answer, {}
    if isinstance(answer, list):
        return "".join(f"data: {packed(event)}\n\n" for event in answer), {}
    whole = fields(answer)
    if not isinstance(whole.get(api.holds), list | str):
        raise Unfit("unread", f"there is no {api.called}")
    counted = fields(whole.get("usage_metadata"))  # in the place of `usage`, which LangSmith takes out
    if counted and "usage" not in whole:
        counts = zip(api.counts, ("input_tokens", "output_tokens"), strict=True)
        whole = {**whole, "usage": {theirs: counted.get(ours) for theirs, ours in counts}}
    return packed(whole), whole
