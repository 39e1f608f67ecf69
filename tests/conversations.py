"""Chats told apart by nothing but what is said in them, and in the words of OpenAI's Responses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from evalkit.data import Json


def atoms(messages: Sequence[Any]) -> Iterator[Any]:
    """All that is said and called, by whom, in its order, however it is cut into messages and parts."""
    for message in messages:
        content = message.get("content") or []
        parts: Any = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for part in parts:
            yield (
                message["role"],
                message.get("tool_call_id"),
                part["text"] if "text" in part else part["image_url"]["url"],
            )
        for made in message.get("tool_calls") or []:
            yield made["id"], made["function"]["name"], json.loads(made["function"]["arguments"])


def items(messages: Sequence[Any]) -> Iterator[Json]:
    """Messages as OpenAI's Responses take them."""
    for message in messages:
        content, role = message.get("content"), message["role"]
        if isinstance(content, list):
            content = [
                {"type": "input_text", "text": part["text"]}
                if "text" in part
                else {"type": "input_image", "image_url": part["image_url"]["url"], "detail": "auto"}
                for part in content
            ]
        if role == "tool":
            yield {"type": "function_call_output", "call_id": message["tool_call_id"], "output": content}
        elif content is not None:
            yield {"type": "message", "role": role, "content": content}
        for made in message.get("tool_calls") or []:
            yield {"type": "reasoning", "id": "rs_1", "summary": []}
            yield {"type": "function_call", "call_id": made["id"], **made["function"]}


def responses_body(chat: dict[str, Json]) -> Json:
    choice = chat.get("tool_choice", "auto")
    return {
        "model": chat["model"],
        "input": list(items(chat["messages"])),
        "tools": [{"type": "function", **tool["function"]} for tool in chat["tools"]],
        "tool_choice": {"type": "function", **choice["function"]} if isinstance(choice, dict) else choice,
    }
