"""Serialises request bodies; all but the messages, nine tenths of a body, once for each list of tools offered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from evalkit.data import Json, Request

Made = TypeVar("Made")

dump = json.JSONEncoder(separators=(",", ":")).encode
"""In ASCII: half of a surrogate pair, which a case may hold on purpose, has no other way to be sent."""


class Beside(Generic[Made]):
    """Remembers what `make` makes of what is beside the messages, by `case.tools`, for one suite and target."""

    def __init__(self, make: Callable[[Mapping[str, Json]], Made]) -> None:
        self._make = make
        self._known: dict[tuple[str, ...], tuple[Mapping[str, Json], Made]] = {}

    def split(self, request: Request) -> tuple[Made, Json]:
        """What was made of `request.body` but for the messages, and the messages, None where it has none."""
        beside = dict(request.body)
        messages = beside.pop("messages", None)
        known = self._known.get(request.case.tools)
        if known is None or known[0] != beside:
            known = self._known[request.case.tools] = (beside, self._make(beside))
        return known[1], messages


class Serialiser:
    """Writes bodies as they stand."""

    def __init__(self) -> None:
        self._beside = Beside(members)

    def text(self, request: Request) -> str:
        """JSON of `request.body`. The messages come last."""
        beside, messages = self._beside.split(request)
        if "messages" not in request.body:
            return f"{{{beside}}}"
        return f'{{{beside}{"," if beside else ""}"messages":{dump(messages)}}}'


def members(fields: Mapping[str, Json]) -> str:
    """JSON of an object without its braces."""
    return dump(fields)[1:-1]
