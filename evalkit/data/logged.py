"""What a log of production holds: questions as they were asked, with the answers that were given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from evalkit.data.answered import Response
from evalkit.data.asked import ToolSpec
from evalkit.data.words import Json


class Exchange(Struct, frozen=True, kw_only=True):
    """One question, and what came back."""

    messages: tuple[Mapping[str, Json], ...]
    """In OpenAI's shape; those that were sent in it, as they were sent."""
    tools: tuple[ToolSpec, ...] | None
    """In the order in which they were offered, at least one, each with a pointer into the line of the log as its
    `source`; None where the log does not tell."""
    choice: Json = None
    """`tool_choice`, likewise; None where none was sent."""
    reply: Response
    model: str = ""
    """The one that answered, as far as the log tells."""
    started: str = ""
    """UTC, ISO 8601; "" where the log does not tell."""


class Half(Struct, frozen=True, kw_only=True):
    """A question or an answer alone, whose other half stands on another line."""

    key: str
    """Which the other half has too."""
    side: Literal["asked", "answered"]
    line: Mapping[str, Json]
    """With that of the other half, a line that holds both."""


LeftKind: TypeAlias = Literal[
    "torn",
    "foreign",
    "other",
    "withheld",
    "continued",
    "toolless",
    "untold",
    "unsound",
    "barred",
    "unheld",
    "failed",
    "unread",
    "single",
    "silent",
]
LEFT: Mapping[LeftKind, str] = {
    "torn": "not JSON, or not whole",
    "foreign": "no exchange in this format",
    "other": "something else than a question to a model",
    "withheld": "logged without what was said",
    "continued": "goes on from what was said elsewhere, which the log only points to",
    "toolless": "offers no tools",
    "untold": "does not tell which tools were offered (--tools FILE does)",
    "unsound": "offers a tool whose schema nothing can be judged by",
    "barred": "tells the model to call nothing",
    "unheld": "has a message that a suite cannot hold",
    "failed": "was answered by an error",
    "unread": "has an answer that is cut off or is none",
    "single": "is a question without its answer, or an answer without its question",
    "silent": "called nothing, and nobody said whether it should have (--expect answer takes that as right)",
}
"""Why something in a log becomes no case, and what that means."""


class Left(Struct, frozen=True, kw_only=True):
    """Something in a log that becomes no case."""

    kind: LeftKind
    what: str = ""
    """What exactly, where LEFT does not say enough."""
