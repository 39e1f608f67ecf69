"""Any OpenAI-compatible chat-completions URL, over our own thin client that keeps the answer byte for byte."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import Request, Response, Target
from evalkit.plugins import World
from evalkit.providers._body import Serialiser
from evalkit.providers._http import Line, Service, line


def _path(written: str) -> str:
    """`http://host:8000`, `.../v1`, `.../v1/` and `.../v1/chat/completions` all mean the last."""
    return written if written.endswith("/chat/completions") else f"{written or '/v1'}/chat/completions"


def _headers(key: str | None, url: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


OPENAI = Service("https://api.openai.com/v1", "OPENAI_API_KEY", _path, _headers, "openai_chat")


def connect(target: Target, world: World) -> Endpoint:
    """A connection to `target.base_url`, which may be written with or without `/v1` and a slash at its end.

    The key is `api_key_env`'s; without one, OPENAI_API_KEY for OpenAI's own address and none for any other.
    """
    return Endpoint(line(OPENAI, target, world))


class Endpoint:
    """One URL, sent each body as it stands."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._serialiser = Serialiser()

    async def ask(self, request: Request) -> Response:
        return await self._line.post(self._serialiser.text(request).encode())

    async def close(self) -> None:
        await self._line.close()
