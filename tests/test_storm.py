"""A storm of refusals, errors, cut answers and a restart loses no case, and ends with the scores of a quiet day."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from evalkit import judge, pipeline, testing, workspace
from evalkit.data import Attempt, FaultKind, Judging, Record, Response, Score, Target
from evalkit.errors import StoreError
from evalkit.pacing.limiting import Limiter
from evalkit.pacing.pace import Pace
from evalkit.plugins import World

SUITE = workspace.load_suite("travel")
TRIALS = 3
MODELS = ("oracle", "faulty?kind=json.syntax&rate=0.3")
CALLS = len(SUITE.cases) * len(MODELS) * TRIALS
STORM = (
    testing.Fault(kind="rate_limit", rate=0.3, retry_after=0),
    testing.Fault(kind="server_error", rate=0.05),
    testing.Fault(kind="cut_stream", rate=0.05),
)
PACE = Pace(width=32, first_wait=0.01)
GONE = 0.8
"""Seconds for which the server is away: far longer than the waits between the retries of one question come to."""


def no_runs(name: str) -> None:
    raise StoreError(name)


WORLD = World(environ={}, load_run=no_runs)  # type: ignore[arg-type]


async def day(
    weather: Sequence[testing.Fault], *, stream: bool, limiters: Mapping[str, Limiter] | None = None
) -> list[Record]:
    """A whole run, judged. In foul weather the server is gone for a while in the middle of it."""
    context = testing.serve(SUITE, faults=weather, seed=5)
    server = await context.__aenter__()
    port, records, restarted = int(server.url.rsplit(":", 1)[1]), [], False
    targets = [
        Target(name=name, provider="openai_http", model=name, base_url=server.openai_url, stream=stream)
        for name in MODELS
    ]
    worth = judge.records(SUITE, Judging())
    try:
        planned = pipeline.plan(SUITE, targets, TRIALS)
        async for record in pipeline.ask([planned], SUITE, targets, WORLD, PACE, limiters=limiters):
            records.append(worth(record))
            if weather and not restarted and len(records) >= CALLS // 2:
                restarted = True
                await context.__aexit__(None, None, None)
                await asyncio.sleep(GONE)
                context = testing.serve(SUITE, faults=weather, seed=5, port=port)
                await context.__aenter__()
    finally:
        await context.__aexit__(None, None, None)
    return records


def scores(records: Sequence[Record]) -> dict[tuple[str, int, str], Score | None]:
    return {(record.target, record.trial, record.case): record.score for record in records}


def attempts(records: Sequence[Record]) -> list[Attempt]:
    return [attempt for record in records for attempt in record.attempts]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_storm_ends_with_the_scores_of_a_quiet_day(stream: bool) -> None:
    limiters = {name: Limiter(PACE.width) for name in MODELS}
    quiet = await day((), stream=stream)
    stormy = await day(STORM, stream=stream, limiters=limiters)
    assert len(stormy) == len(scores(stormy)) == CALLS, "every question has one record"
    assert all(isinstance(record.reply, Response) for record in stormy), "every question has its answer"
    assert scores(stormy) == scores(quiet)
    assert not attempts(quiet)
    met: Counter[FaultKind] = Counter(attempt.fault.kind for attempt in attempts(stormy))
    assert met["rate_limit"] > 0.2 * CALLS and met["server"] > 0.02 * CALLS and met["network"] > 0.02 * CALLS
    for record in stormy:
        assert isinstance(record.reply, Response) and record.reply.timing.queued is not None
    knocks = Counter(record.case for record in stormy for attempt in record.attempts if attempt.fault.status is None)
    assert max(knocks.values()) > PACE.retries, "the server was gone for longer than the retries last"
    assert sum(limiter.refusals for limiter in limiters.values()) == met["rate_limit"]
    assert all(min(width for _, width in limiter.history) < 20 for limiter in limiters.values())
