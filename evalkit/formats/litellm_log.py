"""LiteLLM's log: its StandardLoggingPayload, one a line, as its callbacks write it to files and buckets.

Read are `messages`, `model_parameters` (`tools`, `functions`, `tool_choice`), `response`, `status`, `model`, `stream`,
`response_cost` (0 is a price that LiteLLM does not know) and the times `startTime`, `endTime` and
`completionStartTime`. What the endpoint sent is not in it: `response` is what
LiteLLM made of it, in OpenAI's shape, and the tools stand as LiteLLM handed them to the provider.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evalkit.data import Exchange, Json, Left, Response, Wire
from evalkit.formats import _logged
from evalkit.formats._logged import Unfit, fields, moment, packed, unpacked

_OURS = ("call_type", "model_parameters", "messages", "response")
_REDACTED = "redacted-by-litellm"


def sniff(text: str) -> bool:
    return _ours(_logged.sniffed(text))


def exchanges(line: Json) -> Iterator[Exchange | Left]:
    """What a line of such a log holds."""
    for item in _logged.listed(line):
        try:
            yield _exchange(fields(item))
        except Unfit as unfit:
            yield unfit.left


def _ours(line: Mapping[str, Json]) -> bool:
    return all(key in line for key in _OURS)


def _exchange(line: Mapping[str, Json]) -> Exchange:
    if not _ours(line):
        raise Unfit("foreign")
    if line.get("status") == "failure":
        raise Unfit("failed")
    asked = fields(line["model_parameters"])
    key = "tools" if asked.get("tools") else "functions"
    tools = _logged.offered(asked.get(key), f"/model_parameters/{key}")
    messages = _logged.conversation(unpacked(line["messages"]))
    answer = unpacked(line["response"])
    if _REDACTED in packed([messages, answer]):
        raise Unfit("withheld")
    if not isinstance(fields(answer).get("choices"), list):
        raise Unfit("unread", "there is no completion")
    start, end = moment(line.get("startTime")), moment(line.get("endTime"))
    first_token = moment(line.get("completionStartTime")) if line.get("stream") is True else None
    named = (fields(answer).get("model"), line.get("model"))
    return Exchange(
        messages=messages,
        tools=tools,
        choice=asked.get("tool_choice", asked.get("function_call")),
        reply=Response(
            wire=Wire(status=200, body=packed(_priced(answer, line.get("response_cost")))),
            dialect="openai_chat",
            timing=_logged.timing(start, end, first_token),
        ),
        model=next((name for name in named if isinstance(name, str)), ""),
        started=_logged.iso(start),
    )


def _priced(answer: Mapping[str, Json], cost: Json) -> Mapping[str, Json]:
    """With its cost beside its tokens, where gateways put it."""
    usage = fields(answer.get("usage"))
    if not isinstance(cost, int | float) or cost <= 0 or "cost" in usage:
        return answer
    return {**answer, "usage": {**usage, "cost": cost}}
