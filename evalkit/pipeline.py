"""plan -> ask: which request goes when, and how many are in flight."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from itertools import islice

from evalkit import plugins, values
from evalkit.asking import Asking
from evalkit.cache import Cache
from evalkit.data import Attempt, Case, Record, RecordKey, Request, Suite, Target
from evalkit.pacing.limiting import Limiter
from evalkit.pacing.overtaking import overtaking
from evalkit.pacing.pace import Pace
from evalkit.pacing.retrying import Reach
from evalkit.plugins import Connection, World
from evalkit.request import Builder

_LAST_MOMENT = 0.1
"""Seconds after an interruption in which an answer may still come."""


def plan(
    suite: Suite,
    targets: Sequence[Target],
    trials: int,
    done: Callable[[RecordKey], bool] = lambda _: False,
    order: Sequence[Case] | None = None,
) -> Iterator[Request]:
    """Every request that is still to be sent, trial by trial, the targets of one case beside each other.

    Which target comes first follows from the case's id, so that drift over the day favours none of them. A run cut
    short has seen every case once before it sees one twice. With an `order` of the cases it goes case by case, all
    trials of one before the next. `done` tells whether a request has its answer.
    """
    builder = Builder(suite)
    if order is None:
        turns = ((trial, case) for trial in range(trials) for case in suite.cases)
    else:
        turns = ((trial, case) for case in order for trial in range(trials))
    for trial, case in turns:
        first = int(values.digest(case.id), 16) % len(targets) if len(targets) > 1 else 0
        for target in (*targets[first:], *targets[:first]):
            if not done((target.identity, trial, case.id)):
                yield builder.build(case, trial, target)


async def ask(
    lanes: Sequence[Iterable[Request]],
    suite: Suite,
    targets: Sequence[Target],
    world: World,
    pace: Pace,
    *,
    spent: Callable[[RecordKey], tuple[Attempt, ...]] = lambda _: (),
    limiters: Mapping[str, Limiter] | None = None,
    cache: Cache | None = None,
    admit: Callable[[], str | None] = lambda: None,
) -> AsyncIterator[Record]:
    """Send every request and give each record as it comes, unscored, in any order.

    No lane waits for another: `pace.width` is shared out among them. At most so many requests are in flight or wait to
    be taken, and some more while they are overtaken, since their target asked to be left alone; so memory does not
    grow with the number of cases.
    `spent`: attempts of an earlier, interrupted run, kept with the record. `limiters`: target identity -> what bounds
    the flight to it; else new ones. `cache`: answers of other runs, taken where there is one and kept where not.
    `admit` is asked before each attempt, and may give a reason why none may go any more.

    A target that wants nothing for longer than `pace.longest_wait`, or that turns the key away again and again, is
    asked nothing more: its limiter is closed, with the reason. A request that comes to a closed limiter gives a record
    with the fault of its last attempt, and none at all if it had no attempt: it is not asked.
    """
    async with _connected(targets, world) as connections:
        asking = Asking(
            builder=Builder(suite),
            connections=connections,
            limiters=limiters or limits(targets, pace),
            reaches={target.identity: Reach() for target in targets},
            caches={target.identity: cache for target in targets if cache and not plugins.free(target)},
            pace=pace,
            spent=spent,
            admit=admit,
        )
        await asyncio.gather(*(asking.warm_up(target) for target in targets))
        async with aclosing(_flight(lanes, asking)) as records:
            async for record in records:
                yield record


@asynccontextmanager
async def _connected(targets: Sequence[Target], world: World) -> AsyncIterator[Mapping[str, Connection]]:
    async with AsyncExitStack() as stack:
        connections = {}
        for target in targets:
            connection = plugins.provider(target.provider).connect(target, world)
            stack.push_async_callback(connection.close)
            connections[target.identity] = connection
        yield connections


async def _flight(lanes: Sequence[Iterable[Request]], asking: Asking) -> AsyncGenerator[Record, None]:
    """The records, of a task for each request in flight. Whoever stops taking them leaves none running."""
    pace = asking.pace
    planned = [overtaking(lane, lambda name: asking.limiters[name].held, pace.width) for lane in lanes]
    room = [pace.each or max(1, pace.width // len(lanes))] * len(lanes)
    flying: dict[asyncio.Task[Record | None], int] = {}
    finished: asyncio.Queue[asyncio.Task[Record | None]] = asyncio.Queue()

    def start() -> None:
        for number, requests in enumerate(planned):
            for request in islice(requests, room[number]):
                task = asyncio.create_task(asking.answer(request))
                task.add_done_callback(finished.put_nowait)
                flying[task] = number
                room[number] -= 1

    try:
        start()
        while flying:
            task = await finished.get()
            room[flying.pop(task)] += 1
            start()
            if (record := task.result()) is not None:
                yield record
    except asyncio.CancelledError:  # interrupted: what is answered in the same moment was paid for all the same
        landed, _ = await asyncio.wait(flying, timeout=_LAST_MOMENT) if flying else (set(), set())
        for task in landed:
            if (record := task.result()) is not None:
                yield record
        raise
    finally:
        for task in flying:
            task.cancel()
        await asyncio.gather(*flying, return_exceptions=True)


def limits(targets: Sequence[Target], pace: Pace) -> Mapping[str, Limiter]:
    """What bounds the flight to each target."""
    return {
        target.identity: Limiter(
            pace.each or pace.width,
            fixed=pace.each is not None,
            requests_per_minute=target.requests_per_minute,
            tokens_per_minute=target.tokens_per_minute,
        )
        for target in targets
    }
