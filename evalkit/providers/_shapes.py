"""Tells by shape alone in which format an answer is, and which tools a question held: one format has many addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from json import loads

from evalkit.data import Json, Wire


def dialect_of(wire: Wire) -> str | None:
    """The format of an answer; None if it is no known one."""
    for shape in map(fields, _pieces(wire)):
        kind = shape.get("type")
        if kind in ("message", "message_start", "error"):
            return "anthropic"
        if shape.get("object") == "response" or str(kind).startswith("response."):
            return "openai_responses"
        if "candidates" in shape or "promptFeedback" in shape:
            return "gemini"
        if "choices" in shape or "error" in shape:
            return "openai_chat"
        if "messageStart" in shape or "stopReason" in shape or any(key.endswith("Exception") for key in shape):
            return "bedrock"
        if "message" in shape and "done" in shape:
            return "ollama"
    return None


def _pieces(wire: Wire) -> Iterable[str]:
    """The events of a stream, or the body."""
    if not wire.stream:
        return (wire.body,)
    lines = wire.body.split("\n")
    events = [line[5:] for line in lines if line.startswith("data:")]
    return events or lines


def tools_of(body: Mapping[str, Json]) -> Json:
    """The list of tools in a body, wherever its format has it."""
    return body.get("tools") or (body.get("toolConfig") or {}).get("tools", [])


def fields(text: str | bytes) -> dict[str, Json]:
    """A JSON object; empty if `text` is no JSON object."""
    try:
        value = loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
