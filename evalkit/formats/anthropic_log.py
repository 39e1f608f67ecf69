"""Logged exchanges with Anthropic's Messages, one a line: the body of the request and the message. Also its batches.

They stand in the envelopes of many a logger (`_pairs`): of claude-trace, LangSmith and Bedrock, too. What was said
becomes messages in OpenAI's shape. Thinking is left out, as it is when a conversation is sent; so are marks for the
cache, citations, and whether the result of a tool is an error, which it says itself. Anthropic's own tools, and those
of MCP servers, cannot be offered again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evalkit.data import Exchange, Half, Json, Left
from evalkit.formats import _pairs
from evalkit.formats._logged import Unfit, fields, packed, unpacked
from evalkit.values import quoted

_API = _pairs.Api(dialect="anthropic", holds="content", called="message")
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_THOUGHTS = ("thinking", "redacted_thinking")


def sniff(text: str) -> bool:
    return _pairs.sniff(text, _API)


def exchanges(line: Json) -> Iterator[Exchange | Half | Left]:
    """What a line of such a log holds."""
    return _pairs.exchanges(line, _API, _exchange)


def _exchange(pair: _pairs.Pair) -> Exchange:
    request = pair.request
    if request.get("mcp_servers"):
        raise Unfit("unsound", f"{pair.at}/mcp_servers: what tools a server has stands elsewhere")
    messages, choice = _messages(request), _choice(request.get("tool_choice"))
    return _pairs.exchange(pair, _API, messages=messages, choice=choice, answer=_answer(pair.answer))


def _choice(given: Json) -> Json:
    told = fields(given)
    if told.get("type") == "tool":
        return {"type": "function", "function": {"name": told.get("name")}}
    return next((ours for theirs, ours in _CHOICES.items() if told.get("type") == theirs), given)


def _answer(answer: Json) -> Json:
    """With blocks in the place of calls in OpenAI's shape, which LangSmith makes of them."""
    told = fields(answer)
    if not isinstance(told.get("tool_calls"), list):
        return answer
    said, calls = told.get("content"), [fields(call) for call in told["tool_calls"]]
    uses = [{"type": "tool_use", "id": call.get("id"), **_used(fields(call.get("function")))} for call in calls]
    return {**told, "content": [*([{"type": "text", "text": said}] if said else []), *uses]}


def _used(function: Mapping[str, Json]) -> Mapping[str, Json]:
    return {"name": function.get("name"), "input": unpacked(function.get("arguments"))}


# --------------------------------------------------------------------------- blocks as messages


def _messages(request: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    if request.get("system"):
        yield {"role": "system", "content": _content(request["system"])}
    for message in request["messages"]:
        yield from _message(fields(message))


def _message(message: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """One, and before it one for each result of a call: a message of OpenAI's has one. None for thoughts alone."""
    role, content = message.get("role"), message.get("content")
    if not isinstance(content, list):
        yield {"role": role, "content": content}
        return
    blocks = [block for block in map(fields, content) if block.get("type") not in _THOUGHTS]
    for block in blocks:
        if block.get("type") == "tool_result":
            yield {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": _content(block.get("content"))}
    calls = [_call(block) for block in blocks if block.get("type") == "tool_use"]
    said = [block for block in blocks if block.get("type") not in ("tool_result", "tool_use")]
    if calls:
        yield {"role": role, "content": _content(said) if said else None, "tool_calls": calls}
    elif said:
        yield {"role": role, "content": _content(said)}


def _content(content: Json) -> Json:
    """A text, or parts in OpenAI's shape. A text alone is no part."""
    if not isinstance(content, list):
        return content or ""
    parts = [_part(fields(block)) for block in content]
    return parts[0]["text"] if len(parts) == 1 and "text" in parts[0] else parts or ""


def _part(block: Mapping[str, Json]) -> dict[str, Json]:
    """Raises Unfit for what is neither text nor an image."""
    kind, source = block.get("type"), fields(block.get("source"))
    if kind == "text":
        return {"type": "text", "text": block.get("text")}
    if kind != "image":
        raise Unfit("unheld", f"a block of type {quoted(kind, 40)}")
    if source.get("type") == "base64":
        url = f"data:{source.get('media_type')};base64,{source.get('data')}"
    elif source.get("url"):
        url = source["url"]
    else:
        raise Unfit("unheld", "an image that is known by an id alone")
    return {"type": "image_url", "image_url": {"url": url}}


def _call(block: Mapping[str, Json]) -> Json:
    function = {"name": block.get("name"), "arguments": packed(block.get("input"))}
    return {"id": block.get("id"), "type": "function", "function": function}
