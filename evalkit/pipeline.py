"""plan -> ask: the order of the steps that ask, and the one place where an exception becomes a Fault."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from itertools import islice

from msgspec import Struct, field
from msgspec.structs import replace

from evalkit import arms, extract, judge, plugins, values
from evalkit import cache as answers
from evalkit.cache import Cache
from evalkit.data import Answer, Attempt, Case, Fault, Record, Request, Response, Suite, Target, Timing
from evalkit.errors import ProviderError
from evalkit.pacing import allowance
from evalkit.pacing.limiting import Limiter, Ticket
from evalkit.pacing.overtaking import overtaking
from evalkit.pacing.retrying import Patience, Reach, Retries
from evalkit.plugins import Connection, World
from evalkit.request import Builder, likely_tokens

_LAST_MOMENT = 0.1
"""Seconds after an interruption in which an answer may still come."""
_GRACE = 0.25
"""Seconds after its time in which a provider may still say by itself what had come until then."""


class Pace(Patience, frozen=True, kw_only=True):
    """How many at a time, and how often again."""

    width: int = 16
    """Requests in flight, over all targets."""
    case_timeout: float | None = None
    """Seconds all attempts of a case may take together, the waits between them included."""
    each: int | None = None
    """For latencies that can be compared: so many in flight to each target, whatever comes, and all its connections
    opened before, by questions whose answers are thrown away."""


class _Asking(Struct, kw_only=True):
    """What one call of `ask` shares among its workers."""

    builder: Builder
    connections: Mapping[str, Connection]
    limiters: Mapping[str, Limiter]
    caches: Mapping[str, Cache]
    """Target identity -> where its answers are kept; none for what answers at no cost anyway."""
    pace: Pace
    spent: Callable[[tuple[str, int, str]], tuple[Attempt, ...]]
    reaches: Mapping[str, Reach]
    """Target identity -> whether anybody is there."""
    admit: Callable[[], str | None]
    """Why nothing more may be sent to anybody, or None, which counts one."""
    dice: random.Random = field(default_factory=lambda: random.Random(0))

    def may_send(self) -> bool:
        """Whether an attempt may go. Once one may not, the ways to all targets are closed."""
        why = self.admit()
        if why is not None:
            for limiter in self.limiters.values():
                limiter.close(why)
        return why is None


def plan(
    suite: Suite,
    targets: Sequence[Target],
    trials: int,
    done: Callable[[tuple[str, int, str]], bool] = lambda _: False,
    order: Sequence[Case] | None = None,
) -> Iterator[Request]:
    """Every request that is still to be sent, trial by trial, the targets of one case beside each other.

    Which target comes first follows from the case's id, so that drift over the day favours none of them. A run cut
    short has seen every case once before it sees one twice. With an `order` of the cases it goes case by case, all
    trials of one before the next. `done` tells of (target identity, trial, case id) whether it has its answer.
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
    requests: Iterable[Request],
    suite: Suite,
    targets: Sequence[Target],
    world: World,
    pace: Pace,
    spent: Callable[[tuple[str, int, str]], tuple[Attempt, ...]] = lambda _: (),
    limiters: Mapping[str, Limiter] | None = None,
    beside: Sequence[Iterable[Request]] = (),
    cache: Cache | None = None,
    admit: Callable[[], str | None] = lambda: None,
) -> AsyncIterator[Record]:
    """Send every request and give each record as it comes, unscored, in any order.

    At most `pace.width` requests are in flight or wait to be taken, and some more while they are overtaken, since their
    target asked to be left alone; so memory does not grow with the number of cases.
    `spent`: (target identity, trial, case id) -> attempts of an earlier, interrupted run, kept with the record.
    `limiters`: target identity -> what bounds the flight to it; else new ones. `beside`: lanes beside `requests`, so
    that none waits for another; `pace.width` is shared out among them. `cache`: answers of other runs, taken where
    there is one and kept where not. `admit` is asked before each attempt, and may give a reason why none may go any
    more.

    A target that wants nothing for longer than `pace.longest_wait`, or that turns the key away again and again, is
    asked nothing more: its limiter is closed, with the reason. A request that comes to a closed limiter gives a record
    with the fault of its last attempt, and none at all if it had no attempt: it is not asked.
    """
    async with AsyncExitStack() as stack:
        connections = {}
        for target in targets:
            connection = plugins.provider(target.provider).connect(target, world)
            stack.push_async_callback(connection.close)
            connections[target.identity] = connection
        asking = _Asking(
            builder=Builder(suite),
            connections=connections,
            limiters=limiters or limits(targets, pace),
            caches={target.identity: cache for target in targets if cache and not plugins.free(target)},
            pace=pace,
            spent=spent,
            reaches={target.identity: Reach() for target in targets},
            admit=admit,
        )
        await asyncio.gather(*(_warm_up(target, asking) for target in targets))
        lanes = [overtaking(lane, lambda name: asking.limiters[name].held, pace.width) for lane in (requests, *beside)]
        room = [pace.each or max(1, pace.width // len(lanes))] * len(lanes)
        flying: dict[asyncio.Task[Record | None], int] = {}
        finished: asyncio.Queue[asyncio.Task[Record | None]] = asyncio.Queue()

        def start() -> None:
            for number, jobs in enumerate(lanes):
                for request in islice(jobs, room[number]):
                    task = asyncio.create_task(_answer(request, asking))
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


async def _warm_up(target: Target, asking: _Asking) -> None:
    """What is slow at first, before any answer is timed. Where times are to compare, a word on every connection too, of
    no case, so that no prompt cache knows one. What comes of it is nothing to us.
    """
    hello = Case(id="", messages=({"role": "user", "content": "Say hello."},), tools=())
    request = asking.builder.build(hello, 0, target)
    connection = asking.connections[target.identity]
    if hasattr(connection, "ready"):
        await asyncio.gather(connection.ready(request), return_exceptions=True)
    words = range(asking.pace.each or 0)
    await asyncio.gather(*(_attempt(request, connection, target.timeout) for _ in words if asking.may_send()))


async def _answer(request: Request, asking: _Asking) -> Record | None:
    """The record of one request: what the cache has, else what the target says. None if it was not asked."""
    target = request.target
    sent = asking.builder.digest(request)
    record = partial(
        Record,
        case=request.case.id,
        trial=request.trial,
        target=target.identity,
        started=datetime.now(UTC).isoformat(timespec="milliseconds"),
        sent=sent,
    )
    before = asking.spent((target.identity, request.trial, request.case.id))
    kept = asking.caches.get(target.identity)
    key = answers.key(request, sent) if kept else ""
    if kept and (held := kept.get(key)):
        with suppress(ProviderError):  # what cannot be read any more is asked anew
            answer = judge.priced(extract.read(held.reply), target)
            return record(reply=held.reply, attempts=before, answer=answer, cached=held.since)
    tried = await _tried(request, asking)
    if tried is None:
        return None
    reply, attempts, heard = tried
    if kept and isinstance(reply, Response):
        kept.put(key, reply)
    return record(reply=reply, attempts=(*before, *attempts), answer=heard)


async def _tried(request: Request, asking: _Asking) -> tuple[Response | Fault, Sequence[Attempt], Answer | None] | None:
    """Ask until there is an answer, the fault is final, or the attempts are used up. None if nothing could be sent."""
    target, pace = request.target, asking.pace
    limiter = asking.limiters[target.identity]
    tokens = likely_tokens(request) if limiter.counts_tokens else 0.0
    attempts: list[Attempt] = []
    taken = time.perf_counter()
    latest: float | None = None
    reach = asking.reaches[target.identity]
    # A server that we started ourselves is started again by nobody.
    retries = Retries(replace(pace, outage=0.0) if target.serve else pace, reach, asking.dice)
    while True:
        ticket = await limiter.enter(tokens)
        if ticket is None or not asking.may_send():
            return (attempts.pop().fault, attempts, None) if attempts else None
        sent = time.perf_counter()
        if latest is None:
            latest = math.inf if pace.case_timeout is None else sent + pace.case_timeout
        patience = min(target.timeout + _GRACE, max(latest - sent, 0.0))
        outcome, retry_after = await _attempt(request, asking.connections[target.identity], patience)
        _settle(limiter, ticket, outcome, min(retry_after, pace.longest_wait) if retry_after else None)
        ended = time.perf_counter()
        fault = outcome if isinstance(outcome, Fault) else None
        reach.note(fault, ended)
        if fault and (why := reach.shut(fault, retry_after, pace)):
            limiter.close(f"{target.identity} {why}")
        pause = retries.pause(fault, retry_after, ended) if fault else None
        if fault is None or pause is None or ended + pause >= latest:
            break
        attempts.append(Attempt(fault=fault, wait=pause))
        await limiter.rest(pause)
    if isinstance(outcome, Fault):
        return outcome, attempts, None
    reply, answer = outcome
    return replace(reply, timing=replace(reply.timing, queued=sent - taken)), attempts, answer


def _settle(limiter: Limiter, ticket: Ticket, outcome: Fault | tuple[Response, Answer], hold: float | None) -> None:
    """Tell the limiter what came of an attempt."""
    if isinstance(outcome, Fault):
        limiter.leave(ticket, refused=outcome.kind == "rate_limit", hold=hold)
        return
    usage = outcome[1].usage
    known = usage.input_tokens is not None and usage.output_tokens is not None
    spent = (usage.input_tokens or 0) + (usage.output_tokens or 0) if known else None
    limiter.leave(ticket, answered=True, hold=hold, tokens=spent)


async def _attempt(
    request: Request, connection: Connection, patience: float
) -> tuple[Fault | tuple[Response, Answer], float | None]:
    """One attempt, and the seconds the endpoint asked us to wait. A body that cannot be read is part of it."""
    began = time.perf_counter()
    response: Response | None = None
    try:
        async with asyncio.timeout(patience):
            response = await connection.ask(request)
        if request.target.arm != "native":  # a replayed answer knows its own arm
            response = replace(response, arm=arms.answered(request.target))
        answer = extract.read(response)
    except ProviderError as error:
        if error.wire is None and response is not None:
            error.wire = response.wire
        return judge.fault(error, time.perf_counter() - began), error.retry_after
    except TimeoutError:
        seconds = time.perf_counter() - began
        return Fault(kind="timeout", message=f"no answer in {seconds:.1f} s", retryable=True, seconds=seconds), None
    except Exception as error:  # noqa: BLE001 - a plug-in's bug costs one answer, never the run
        message = f"{type(error).__name__}: {error}"
        return Fault(kind="plugin", message=message, seconds=time.perf_counter() - began), None
    if response.timing.total is None:
        response = replace(response, timing=Timing(total=time.perf_counter() - began))
    return (response, judge.priced(answer, request.target)), allowance.pause(response.wire.headers)
