"""Serialises request bodies; all but the messages, nine tenths of a body, once for each list of tools offered."""

from __future__ import annotations

import json
from collections.abc import Mapping

from evalkit.data import Json, Request

_DUMP = json.JSONEncoder(separators=(",", ":")).encode
"""In ASCII: half of a surrogate pair, which a case may hold on purpose, has no other way to be sent."""


class Serialiser:
    """Remembers the text of what is beside the messages, by `case.tools`, for one suite and target."""

    def __init__(self) -> None:
        self._beside: dict[tuple[str, ...], tuple[Mapping[str, Json], str]] = {}

    def text(self, request: Request) -> str:
        """JSON of `request.body`. The messages come last."""
        beside = dict(request.body)
        messages = {key: beside.pop(key) for key in ("messages",) if key in beside}
        known = self._beside.get(request.case.tools)
        if known is None or known[0] != beside:
            known = self._beside[request.case.tools] = (beside, _members(beside))
        return "{" + ",".join(text for text in (known[1], _members(messages)) if text) + "}"


def _members(fields: Mapping[str, Json]) -> str:
    return _DUMP(fields)[1:-1]
