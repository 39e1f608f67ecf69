"""Serialises request bodies; the tools, nine tenths of a body, once for each list of tools offered."""

from __future__ import annotations

import json
from collections.abc import Mapping

from evalkit.data import Json, Request


class Serialiser:
    """Remembers the text of the tools of each `case.tools` it has seen, for one suite and target."""

    def __init__(self) -> None:
        self._tools: dict[tuple[str, ...], tuple[Json, str]] = {}

    def text(self, request: Request, extra: Mapping[str, Json] | None = None) -> str:
        """JSON of `request.body`, which wins over `extra`."""
        body = {**(extra or {}), **request.body}
        members = (
            f"{_dump(key)}:{self._text_of_tools(request, value) if key == 'tools' else _dump(value)}"
            for key, value in body.items()
        )
        return "{" + ",".join(members) + "}"

    def _text_of_tools(self, request: Request, tools: Json) -> str:
        known = self._tools.get(request.case.tools)
        if known is None or known[0] != tools:
            known = self._tools[request.case.tools] = (tools, _dump(tools))
        return known[1]


def _dump(value: Json) -> str:
    """In ASCII: half of a surrogate pair, which a case may hold on purpose, has no other way to be sent."""
    return json.dumps(value, separators=(",", ":"))
