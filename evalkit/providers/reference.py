"""The reference models, in this process: oracle, sampler, lexical and faulty. Free, and the same every time."""

from __future__ import annotations

import asyncio

from evalkit import plugins
from evalkit import reference as models
from evalkit.data import Request, Response, Target, Timing, Usage, Wire
from evalkit.plugins import World
from evalkit.reference import Manner, Said

_DIALECT = "openai_chat"
_CHARACTERS_PER_TOKEN = 4
FREE = True
"""An answer costs less than keeping it."""


def connect(target: Target, world: World) -> Embedded:
    """`target.model` names the model; options: seed, latency, jitter, sleep, and for `faulty` kind and rate."""
    return Embedded(models.manner(target.model, target.options))


class Embedded:
    """One reference model. Its answers go through OpenAI's wire format, so that they are read as any other."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._dialect = plugins.dialect(_DIALECT)
        self._declared: dict[tuple[str, ...], int] = {}

    async def ask(self, request: Request) -> Response:
        said = models.say(self._manner, request.case, request.specs, trial=request.trial)
        said = models.on_arm(said, request.target.arm, request.specs)
        if self._manner.sleep:
            await asyncio.sleep(said.seconds)
        stream = bool(request.body.get("stream"))
        body = self._dialect.write(
            said.calls,
            said.text,
            model=f"reference/{self._manner.model}",
            usage=self._usage(request, said),
            stream=stream,
            finish=said.finish,
            ids=said.ids,
        )
        kind = "text/event-stream" if stream else "application/json"
        wire = Wire(status=200, headers={"content-type": kind}, body=body, stream=stream)
        return Response(wire=wire, dialect=_DIALECT, timing=_timing(said, stream), client=said.client)

    async def close(self) -> None:
        """Nothing is open."""

    def _usage(self, request: Request, said: Said) -> Usage:
        """Tokens as a rule of thumb counts them, so that reports have something to show."""
        declared = self._declared.get(request.case.tools)
        if declared is None:
            declared = sum(len(spec.name) + len(spec.description) + len(str(spec.schema)) for spec in request.specs)
            self._declared[request.case.tools] = declared
        asked = sum(len(str(message.get("content") or "")) for message in request.case.messages)
        spoken = len(said.text) + sum(len(tool) + len(str(text)) for tool, text in said.calls)
        return Usage(
            input_tokens=(asked + declared) // _CHARACTERS_PER_TOKEN,
            output_tokens=spoken // _CHARACTERS_PER_TOKEN + 1,
            cached_tokens=0,
        )


def _timing(said: Said, stream: bool) -> Timing:
    """The made-up latency; unknown where none was asked for."""
    if not said.seconds:
        return Timing()
    if not stream:
        return Timing(first_byte=said.seconds, total=said.seconds)
    called = said.first_token if said.calls else None
    done = said.seconds if said.calls else None
    return Timing(
        first_byte=said.first_token,
        first_token=said.first_token,
        first_call_byte=called,
        arguments_done=done,
        total=said.seconds,
    )
