"""Logged chat completions, one a line: the body of the request and that of the response. Also OpenAI's batch files.

The bodies are those of OpenAI's chat completions, in the envelopes of many a logger (`_pairs`). A response may also be
the message alone, which Langfuse keeps: around that, an envelope is put that says no more.
"""

from __future__ import annotations

from collections.abc import Iterator

from evalkit.data import Exchange, Half, Json, Left
from evalkit.formats import _pairs
from evalkit.formats._logged import fields

_API = _pairs.Api(
    dialect="openai_chat", holds="choices", called="completion", counts=("prompt_tokens", "completion_tokens")
)


def sniff(text: str) -> bool:
    return _pairs.sniff(text, _API)


def exchanges(line: Json) -> Iterator[Exchange | Half | Left]:
    """What a line of such a log holds."""
    return _pairs.exchanges(line, _API, _exchange)


def _exchange(pair: _pairs.Pair) -> Exchange:
    request, answer = pair.request, pair.answer
    if "choices" not in fields(answer) and fields(answer).get("role") == "assistant":
        answer = {"model": pair.model, "choices": [{"index": 0, "message": answer, "finish_reason": None}]}
    return _pairs.exchange(
        pair,
        _API,
        declared="tools" if request.get("tools") else "functions",
        messages=request["messages"],
        choice=request.get("tool_choice", request.get("function_call")),
        answer=answer,
    )
