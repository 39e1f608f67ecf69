"""Logged exchanges with OpenAI's Responses, one a line: the body of the request and the response. Also its batches.

They stand in the envelopes of many a logger (`_pairs`). An answer may also be the items of its output alone, one or a
list of them, which Langfuse keeps. Items become messages in OpenAI's shape of chat completions: what the model said and
called on end is one. Reasoning is left out, as it is when a conversation is sent. What the request only points to (an
earlier response, a conversation, a prompt) is not in the log, and neither is then what was asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from evalkit.data import Exchange, Half, Json, Left
from evalkit.formats import _pairs
from evalkit.formats._logged import Unfit, fields, listed
from evalkit.values import quoted

_API = _pairs.Api(dialect="openai_responses", holds="output", called="response")
_POINTERS = ("previous_response_id", "conversation", "prompt")
_TEXTS = ("input_text", "output_text")


def sniff(text: str) -> bool:
    return _pairs.sniff(text, _API)


def exchanges(line: Json) -> Iterator[Exchange | Half | Left]:
    """What a line of such a log holds."""
    return _pairs.exchanges(line, _API, _exchange)


def _exchange(pair: _pairs.Pair) -> Exchange:
    request = pair.request
    pointing = next((name for name in _POINTERS if request.get(name)), None)
    if pointing:
        raise Unfit("continued", f"{pair.at}/{pointing}: what was said there is not in the log")
    messages, choice = _messages(request), _choice(request.get("tool_choice"))
    return _pairs.exchange(pair, _API, messages=messages, choice=choice, answer=_answer(pair))


def _choice(given: Json) -> Json:
    told = fields(given)
    if told.get("type") != "function":
        return given
    return {"type": "function", "function": {"name": told.get("name")}}


def _answer(pair: _pairs.Pair) -> Json:
    """With a response around items that stand alone."""
    found = [fields(item) for item in listed(pair.answer)]
    return {"model": pair.model, "output": found} if found and all(map(_is_item, found)) else pair.answer


def _is_item(found: Mapping[str, Json]) -> bool:
    """A response has no type, and that of a stream's events has a dot in it, but for the one that breaks it off."""
    kind = found.get("type")
    return isinstance(kind, str) and "." not in kind and kind != "error"


# --------------------------------------------------------------------------- items as messages


def _messages(request: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    if request.get("instructions"):
        yield {"role": "system", "content": request["instructions"]}
    told = request["input"]
    if isinstance(told, str):
        yield {"role": "user", "content": told}
        return
    items = [item for item in map(fields, told) if item.get("type") != "reasoning"]
    for models, run in groupby(items, key=_models_own):
        yield from (_turn if models else _others)(list(run))


def _models_own(item: Mapping[str, Json]) -> bool:
    """Whether it is what the model said or called."""
    return item.get("type") == "function_call" or item.get("role") == "assistant"


def _turn(items: list[Mapping[str, Json]]) -> Iterator[Mapping[str, Json]]:
    """What the model said on end: one message if it called something, for its calls stand in the last of them."""
    calls = [_call(item) for item in items if item.get("type") == "function_call"]
    said = [_content(item.get("content")) for item in items if item.get("type") != "function_call"]
    if calls:
        yield {"role": "assistant", "content": _together(said), "tool_calls": calls}
    else:
        yield from ({"role": "assistant", "content": content} for content in said)


def _together(contents: list[Json]) -> Json:
    if len(contents) < 2:
        return contents[0] if contents else None
    parts = (content if isinstance(content, list) else [{"type": "text", "text": content}] for content in contents)
    return [part for several in parts for part in several]


def _others(items: list[Mapping[str, Json]]) -> Iterator[Mapping[str, Json]]:
    """What was said to the model. Raises Unfit for what a suite cannot hold."""
    for item in items:
        kind = item.get("type") or "message"
        if kind == "item_reference":
            raise Unfit("continued", "an item_reference: what was said there is not in the log")
        if kind not in ("message", "function_call_output"):
            raise Unfit("unheld", f"an item of type {quoted(kind, 40)}")
        if kind == "message":
            yield {"role": item.get("role"), "content": _content(item.get("content"))}
        else:
            yield {"role": "tool", "tool_call_id": item.get("call_id"), "content": _content(item.get("output"))}


def _content(content: Json) -> Json:
    """A text, or parts in OpenAI's shape. A text alone is no part."""
    if not isinstance(content, list):
        return content
    parts = [_part(fields(part)) for part in content]
    return parts[0]["text"] if len(parts) == 1 and "text" in parts[0] else parts


def _part(part: Mapping[str, Json]) -> dict[str, Json]:
    """Raises Unfit for what is neither text nor an image."""
    kind = part.get("type")
    if kind in _TEXTS:
        return {"type": "text", "text": part.get("text")}
    if kind == "refusal":
        return {"type": "refusal", "refusal": part.get("refusal")}
    if kind != "input_image":
        raise Unfit("unheld", f"a part of type {quoted(kind, 40)}")
    if not part.get("image_url"):
        raise Unfit("unheld", "an image that is known by an id alone")
    detail = {"detail": part["detail"]} if part.get("detail") else {}
    return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}


def _call(item: Mapping[str, Json]) -> Json:
    function = {"name": item.get("name"), "arguments": item.get("arguments")}
    return {"id": item.get("call_id"), "type": "function", "function": function}
