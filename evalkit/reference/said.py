"""What a reference model says, before a dialect writes it down."""

from __future__ import annotations

from msgspec import Struct

from evalkit.data import Json


class Said(Struct, frozen=True, kw_only=True):
    """An answer of a reference model."""

    calls: tuple[tuple[str, Json], ...] = ()
    """(tool, argument text). Arguments that are no string are sent as they are, which is a fault of its own."""
    text: str = ""
    finish: str | None = None
    """`stop`, `tool_calls` or `length`; None: the one that fits."""
    ids: bool = True
    """False: its calls have none, in the formats that give them one."""
    client: Json = None
    """What a client library would show of it: see `Response.client`. None without one."""
    first_token: float = 0.0
    """Seconds until it begins to speak."""
    seconds: float = 0.0
    """Seconds until it has spoken."""
