"""Twelve cases, an endpoint that gives back the number it was asked, and what comes of asking it."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from evalkit import judge, pipeline
from evalkit.data import (
    ArgRule,
    Case,
    Expectation,
    ExpectedCall,
    Judging,
    Record,
    Suite,
    Target,
    ToolSpec,
)
from evalkit.errors import StoreError
from evalkit.pacing.pace import Pace
from evalkit.plugins import World
from tests.endpoints import Endpoint, Received, Reply

SPEC = ToolSpec(
    name="go", description="", schema={"type": "object", "properties": {"n": {"type": "integer"}}}, source=""
)
CASES = tuple(
    Case(
        id=f"case-{n}",
        messages=({"role": "user", "content": str(n)},),
        tools=("go",),
        accept=(Expectation(calls=(ExpectedCall(tool="go", args=(ArgRule(path="/n", value=n),)),)),),
    )
    for n in range(12)
)
SUITE = Suite(name="s", specs={"go": SPEC}, cases=CASES, digest="d")
OLD, NEW = (Target(name=name, provider="openai_http", model=name) for name in ("old", "new"))
QUICK = Pace(width=3, retries=2, first_wait=0.001)


def no_runs(name: str) -> None:
    raise StoreError(name)


WORLD = World(environ={}, load_run=no_runs)  # type: ignore[arg-type]


def answer(request: Received) -> Reply:
    """A call that gives back the number it was asked."""
    said = {"n": int(request.body["messages"][-1]["content"])}
    call = {"id": "c", "type": "function", "function": {"name": "go", "arguments": json.dumps(said)}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 1_000, "completion_tokens": 100}
    return Reply(chunks=(json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage}).encode(),))


async def ask(
    endpoint: Endpoint,
    *targets: Target,
    pace: Pace = QUICK,
    suite: Suite = SUITE,
    **more: Any,
) -> list[Record]:
    reached = [replace(target, base_url=f"{endpoint.url}/v1") for target in targets or (OLD,)]
    worth = judge.records(suite, Judging())
    planned = pipeline.plan(suite, reached, 1)
    return [worth(record) async for record in pipeline.ask([planned], suite, reached, WORLD, pace, **more)]
