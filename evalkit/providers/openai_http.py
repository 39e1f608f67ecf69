"""Any OpenAI-compatible chat-completions URL, over our own thin client that keeps the answer byte for byte."""

from __future__ import annotations

from evalkit.apis import OPENAI
from evalkit.data import Request, Response, Target
from evalkit.plugins import World
from evalkit.providers._body import Serialiser
from evalkit.providers._http import Line, line


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
