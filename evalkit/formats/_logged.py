"""What the formats of logs share: the tools that were offered, when it was, and an answer as it is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from evalkit.data import Json, Left, LeftKind, Pointer, Timing, ToolSpec
from evalkit.formats._declared import NO_ARGUMENTS
from evalkit.values import pointer, quoted, read


class Unfit(Exception):
    """What is looked at becomes no case."""

    def __init__(self, kind: LeftKind, what: str = "") -> None:
        self.left = Left(kind=kind, what=what)
        super().__init__(what)


def sniffed(line: str) -> Mapping[str, Json]:
    """The object that a line of a log is, or the first of the list that it is; {} if it is none."""
    for item in listed(unpacked(line)):
        return fields(item)
    return {}


def listed(value: Json) -> list[Json]:
    """A line may hold one thing or a list of them: who writes an array on one line has written a line."""
    return value if isinstance(value, list) else [value]


def fields(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def unpacked(value: Json) -> Json:
    """What a text spells, where it is JSON: many a log keeps a body as text. All else as it stands."""
    if not isinstance(value, str):
        return value
    reading = read(value, max_chars=max(len(value), 1))
    return value if reading.error else reading.value


def packed(value: Json) -> str:
    """JSON as endpoints write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --------------------------------------------------------------------------- what was offered


def offered(declared: Json, at: Pointer) -> tuple[ToolSpec, ...]:
    """The tools of a request, declared at `at` of its line. Raises Unfit if there are none, or one is no function."""
    if not isinstance(declared, list) or not declared:
        raise Unfit("toolless")
    specs = tuple(_spec(tool, at + pointer(index)) for index, tool in enumerate(declared))
    names = {spec.name for spec in specs}
    if len(names) < len(specs):
        raise Unfit("unsound", f"{at}: two tools have one name")
    return specs


def _spec(declared: Json, at: Pointer) -> ToolSpec:
    """Wrapped, as chat completions take it; flat, as the Responses API does; or with Anthropic's `input_schema`."""
    tool, key = fields(declared), "parameters"
    if isinstance(tool.get("function"), dict):
        tool, at = tool["function"], at + "/function"
    elif "input_schema" in tool:
        key = "input_schema"
    elif tool.get("type", "function") != "function":
        raise Unfit("unsound", f"{at}: a tool of type {quoted(tool['type'], 40)} has no schema")
    name, schema, description = tool.get("name"), tool.get(key), tool.get("description")
    if not isinstance(name, str) or not name:
        raise Unfit("unsound", f"{at}: a tool without a name")
    if schema is None:
        schema = dict(NO_ARGUMENTS)
    text = description if isinstance(description, str) else ""
    return ToolSpec(name=name, description=text, schema=schema, source=at + pointer(key))


# --------------------------------------------------------------------------- what was said

_ROLES = ("system", "developer", "user", "assistant", "tool")


def conversation(messages: Json) -> tuple[Mapping[str, Json], ...]:
    """The messages, each as it was sent. Raises Unfit for what no suite can hold."""
    if not isinstance(messages, list) or not messages:
        raise Unfit("unheld", "there are no messages")
    for message in messages:
        role = fields(message).get("role")
        if role not in _ROLES:
            raise Unfit("unheld", f"the role {quoted(role, 40)}")
    return tuple(messages)


# --------------------------------------------------------------------------- when it was


def moment(told: Json) -> datetime | None:
    """Seconds since 1970, or ISO 8601 (without a zone it is UTC); None for all else."""
    try:
        if isinstance(told, str):
            found = datetime.fromisoformat(told)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if isinstance(told, int | float) and not isinstance(told, bool):
            return datetime.fromtimestamp(told, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def iso(at: datetime | None) -> str:
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds") if at else ""


def timing(start: datetime | None, end: datetime | None, first_token: datetime | None = None) -> Timing:
    return Timing(total=_after(start, end), first_token=_after(start, first_token))


def _after(start: datetime | None, then: datetime | None) -> float | None:
    seconds = (then - start).total_seconds() if start and then else None
    return seconds if seconds is not None and seconds >= 0 else None
