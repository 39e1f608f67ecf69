"""Anthropic's Messages API, or any that speaks it, over our own thin client: with strict tools, and every byte kept."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from evalkit import messages_api
from evalkit.apis import ANTHROPIC
from evalkit.data import Json, Posted, Request, Response, Target
from evalkit.errors import InputError
from evalkit.plugins import World
from evalkit.providers._body import Beside, dump, members
from evalkit.providers._http import Line, line
from evalkit.providers._posted import LIMIT, posted


def connect(target: Target, world: World) -> Endpoint:
    """A connection to `target.base_url`, which may be written with or without `/v1/messages`.

    The key is `api_key_env`'s; without one, ANTHROPIC_API_KEY for Anthropic's own address and none for any other.
    """
    if target.arm == "constrained" and target.constraint != "response_format":
        raise InputError(
            f"{target.identity}: Anthropic's Messages have no {target.constraint}",
            "leave `constraint` out: decoding is guided by output_config.format",
        )
    if "system" in target.params:
        raise InputError(
            f"{target.identity}: params hold `system`", "what the model is told first belongs in the suite, as `system`"
        )
    return Endpoint(line(ANTHROPIC, target, world))


class Translated(Struct, frozen=True, kw_only=True):
    """All of a body but the conversation, as it leaves."""

    text: str
    """Members of a JSON object, without its braces."""
    sent: Json
    """The tools; None: as they were handed over."""
    posted: Posted
    """What is told of it."""


class Endpoint:
    """One URL, sent each body in the words of Messages."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._beside = Beside(self._translated)

    async def ask(self, request: Request) -> Response:
        """Raises ProviderError, before anything is sent, for a conversation that Messages cannot say."""
        beside, said = self._beside.split(request)
        conversation = messages_api.conversation(said or [])
        texts = {name: dump(value) for name, value in conversation.items()}
        written = ",".join((beside.text, *(f'"{name}":{text}' for name, text in texts.items())))
        response = await self._line.post(f"{{{written}}}".encode())
        changed = {name: value for name, value in conversation.items() if name == "system" or value != said}
        told = _with(beside.posted, changed, [name for name in changed if len(texts[name]) > LIMIT])
        return replace(response, sent=beside.sent, posted=told)

    async def close(self) -> None:
        await self._line.close()

    def _translated(self, handed: Mapping[str, Json]) -> Translated:
        settings = messages_api.settings(handed)
        tools = settings.get("tools")
        return Translated(
            text=members(settings),
            sent=None if tools == handed.get("tools") else tools,
            posted=posted(str(self._line.url), self._line.headers, settings, handed, self._line.named),
        )


def _with(told: Posted, changed: Mapping[str, Json], omitted: list[str]) -> Posted:
    """`told`, and what of the conversation left in other words."""
    kept = {name: value for name, value in changed.items() if name not in omitted}
    return replace(told, members={**told.members, **kept}, omitted=(*told.omitted, *omitted))
