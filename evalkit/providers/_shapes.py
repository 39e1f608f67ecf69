"""Tells by shape alone in which format an answer is, and which tools a question held: one format has many addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from json import loads

from evalkit.data import Json, Wire

_QUESTION = frozenset(
    {"model", "messages", "contents", "input", "tools", "stream", "stream_options"}
    | {"system", "instructions", "systemInstruction", "system_instruction"}
)
"""Fields of a body that hold what is asked, of whom, and whether as a stream. The rest are settings."""


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


def departures(body: Mapping[str, Json], handed: Mapping[str, Json]) -> tuple[Json, Json]:
    """The tools as they left, and what else did beside the messages; each None if that is how it was handed over."""
    config = body.get("toolConfig") or {}
    tools = body.get("tools") or config.get("tools", [])
    settings = _settings(body)
    if "tools" in config:
        settings["toolConfig"] = {key: value for key, value in config.items() if key != "tools"}
    settings = {key: value for key, value in settings.items() if value != {}}
    return (
        None if tools == (handed.get("tools") or []) else tools,
        None if settings == _settings(handed) else settings,
    )


def _settings(body: Mapping[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in body.items() if key not in _QUESTION}


def fields(text: str | bytes) -> dict[str, Json]:
    """A JSON object; empty if `text` is no JSON object."""
    try:
        value = loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
