"""A chat completion's body in the words of Anthropic's Messages API. Pure.

What both say alike goes out as it stands, and so does what only Messages know (`thinking`, `top_k`, a tool or a
`tool_choice` in their own words): the API itself says what it does not take. What a conversation holds and Messages
have no word for is refused, never left out; but for two hints to OpenAI's models alone, the `name` of who speaks and
the `detail` in which an image is seen.

Rests on Anthropic's documentation of Messages, tool use and structured outputs, and on the types of its SDK: results of
tools begin the user's message that follows their calls, and all stand in that one; what one role says in messages on
end is one turn; a later `system` message stands among the others, which not every model takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, groupby, takewhile
from typing import Any, Never

from evalkit import values
from evalkit.data import FaultKind, Json, Pointer
from evalkit.errors import ProviderError

MAX_TOKENS = 4096
"""How long an answer may be where a target's params do not say: the API demands that it is said."""

Message = Mapping[str, Any]

_LEFT_OUT = frozenset(("messages", "stream_options", "tools", "tool_choice", "parallel_tool_calls"))
"""Members that are said anew; usage comes with every stream, unasked."""
_RENAMED = {"max_completion_tokens": "max_tokens", "stop": "stop_sequences"}
_CHOICES = {"required": "any"}
_ROLES = {"developer": "system"}
_WORDS: Mapping[str, frozenset[str]] = {
    "system": frozenset(("role", "content", "name")),
    "user": frozenset(("role", "content", "name")),
    "assistant": frozenset(("role", "content", "name", "tool_calls")),
    "tool": frozenset(("role", "content", "name", "tool_call_id")),
}
"""What is understood of a message, by its role."""
_DATA = re.compile(r"data:(?P<type>[^;,]+);base64,(?P<data>.*)", re.DOTALL)


def body(chat: Mapping[str, Json]) -> dict[str, Json]:
    """The whole body. Raises ProviderError where Messages cannot say it."""
    return {**settings(chat), **conversation(chat.get("messages", []))}


# --------------------------------------------------------------------------- beside the messages


def settings(chat: Mapping[str, Json]) -> dict[str, Json]:
    """All of a body but the conversation."""
    said = {key: value for key, value in chat.items() if key not in _LEFT_OUT}
    for theirs, ours in _RENAMED.items():
        if theirs in said and ours not in said:
            said[ours] = said.pop(theirs)
    said.setdefault("max_tokens", MAX_TOKENS)
    if isinstance(said.get("stop_sequences"), str):
        said["stop_sequences"] = [said["stop_sequences"]]
    held = said.get("response_format")
    if isinstance(held, dict) and held.get("type") == "json_schema":
        form = {"type": "json_schema", "schema": said.pop("response_format")["json_schema"]["schema"]}
        said["output_config"] = {**said.get("output_config", {}), "format": form}
    if "tools" in chat:
        said["tools"] = [_tool(tool) for tool in chat["tools"]]
    choice = _choice(chat.get("tool_choice"), chat.get("parallel_tool_calls"))
    return said if choice is None else {**said, "tool_choice": choice}


def _tool(tool: Mapping[str, Json]) -> Json:
    if "function" not in tool:
        return tool
    return {("input_schema" if key == "parameters" else key): value for key, value in tool["function"].items()}


def _choice(given: Json, parallel: Json) -> Json:
    """None where nothing is said of it."""
    if isinstance(given, str):
        given = {"type": _CHOICES.get(given, given)}
    elif isinstance(given, dict) and "function" in given:
        given = {"type": "tool", "name": given["function"]["name"]}
    if parallel is None or given == {"type": "none"}:
        return given
    return {**(given or {"type": "auto"}), "disable_parallel_tool_use": not parallel}


# --------------------------------------------------------------------------- the conversation


def conversation(said: Sequence[Message]) -> dict[str, Json]:
    """`messages`, and `system` if they begin with one. Raises ProviderError where Messages cannot say it."""
    turns = [_turn(message, number) for number, message in enumerate(said, 1)]
    leading = [content for _, content in takewhile(lambda turn: turn[0] == "system", turns)]
    rest = [
        {"role": role, "content": _together([content for _, content in group])}
        for role, group in groupby(turns[len(leading) :], key=lambda turn: turn[0])
    ]
    return {"system": _together(leading), "messages": rest} if leading else {"messages": rest}


def _turn(message: Message, number: int) -> tuple[str, Json]:
    """(role, content) of the `number`-th message."""
    role: str = message["role"]
    role = _ROLES.get(role, role)
    if role not in _WORDS:
        _refuse("unsupported", number, f"has the role {role!r}; {', '.join(_WORDS)} can be said")
    for key, value in message.items():
        if key not in _WORDS[role] and value:
            _refuse("unsupported", number, f"holds {key!r}, for which Anthropic's Messages have no word")
    content = _content(message.get("content"), number)
    if role == "tool":
        return "user", [_result(message, content, number)]
    calls = message.get("tool_calls")
    return role, [*_blocks(content), *(_call(call, number) for call in calls)] if calls else content


def _together(contents: Sequence[Json]) -> Json:
    """What one role says on end. A text alone stays one."""
    return contents[0] if len(contents) == 1 else list(chain.from_iterable(map(_blocks, contents)))


def _blocks(content: Json) -> Iterable[Json]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content or []


def _content(content: Json, number: int) -> Json:
    """Text, or parts that are blocks."""
    return [_block(part, number) for part in content] if isinstance(content, list) else content


def _block(part: Json, number: int) -> Json:
    kind = _text(part, "/type", number)
    if kind == "text":
        return part
    if kind != "image_url":
        _refuse("unsupported", number, f"holds a part of type {kind!r}; text and image_url can be said")
    url = _text(part, "/image_url/url", number)
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    data = _DATA.fullmatch(url)
    if data is None:
        _refuse("unsupported", number, "holds an image whose data are not in base64")
    return {"type": "image", "source": {"type": "base64", "media_type": data["type"], "data": data["data"]}}


def _call(call: Json, number: int) -> Json:
    name = _text(call, "/function/name", number)
    reading = values.read(_text(call, "/function/arguments", number))
    if reading.error or not isinstance(reading.value, dict):
        why = reading.message or f"they are {values.quoted(reading.value, 40)}"
        _refuse("bad_request", number, f"calls {name!r} with arguments that are no JSON object: {why}")
    return {"type": "tool_use", "id": _text(call, "/id", number), "name": name, "input": reading.value}


def _result(message: Message, content: Json, number: int) -> Json:
    told = {} if content is None else {"content": content}
    return {"type": "tool_result", "tool_use_id": _text(message, "/tool_call_id", number), **told}


def _text(value: Json, path: Pointer, number: int) -> str:
    found = values.at(value, path)
    return found if isinstance(found, str) else _refuse("bad_request", number, f"has no text at {path}")


def _refuse(kind: FaultKind, number: int, why: str) -> Never:
    raise ProviderError(kind, f"message {number} of the conversation {why}")
