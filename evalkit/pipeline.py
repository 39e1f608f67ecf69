"""plan -> ask -> judge: the order of the steps, and the one place where an exception becomes a Fault."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice

from evalkit import extract, plugins, score, values
from evalkit.data import Answer, Attempt, Case, Fault, Judging, Record, Request, Response, Suite, Target, Timing
from evalkit.errors import ProviderError
from evalkit.plugins import Connection, World
from evalkit.request import Builder


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How many at a time, and how often again. Only transport is ever tried again, never an answer."""

    width: int = 16
    """Requests in flight, over all targets."""
    retries: int = 4
    """Further attempts after the first."""
    first_wait: float = 0.5
    """Seconds before the second attempt; doubled for each further one, with up to a quarter of jitter."""
    longest_wait: float = 60.0
    """An endpoint that asks for a longer wait is not waited for."""


@dataclass(kw_only=True, slots=True)
class _Asking:
    """What one call of `ask` shares among its workers."""

    builder: Builder
    connections: Mapping[str, Connection]
    pace: Pace
    spent: Mapping[tuple[str, int, str], tuple[Attempt, ...]]
    jitter: random.Random = field(default_factory=lambda: random.Random(0))


def plan(
    suite: Suite,
    targets: Sequence[Target],
    trials: int,
    done: Collection[tuple[str, int, str]] = frozenset(),
    order: Sequence[Case] | None = None,
) -> Iterator[Request]:
    """Every request that is still to be sent, trial by trial, the targets of one case beside each other.

    Which target comes first follows from the case's id, so that drift over the day favours none of them. A run cut
    short has seen every case once before it sees one twice. With an `order` of the cases it goes case by case, all
    trials of one before the next. `done` holds (target identity, trial, case id).
    """
    builder = Builder(suite)
    if order is None:
        turns = ((trial, case) for trial in range(trials) for case in suite.cases)
    else:
        turns = ((trial, case) for case in order for trial in range(trials))
    for trial, case in turns:
        first = int(values.digest(case.id), 16) % len(targets)
        for target in (*targets[first:], *targets[:first]):
            if (target.identity, trial, case.id) not in done:
                yield builder.build(case, trial, target)


async def ask(
    requests: Iterable[Request],
    suite: Suite,
    targets: Sequence[Target],
    world: World,
    pace: Pace,
    spent: Mapping[tuple[str, int, str], tuple[Attempt, ...]] | None = None,
) -> AsyncIterator[Record]:
    """Send every request and give each record as it comes, unscored, in any order.

    At most `pace.width` requests are in flight or wait to be taken, so memory does not grow with the number of cases.
    `spent`: attempts of an earlier, interrupted run, kept with the record.
    """
    async with AsyncExitStack() as stack:
        connections = {}
        for target in targets:
            connection = plugins.provider(target.provider).connect(target, world)
            stack.push_async_callback(connection.close)
            connections[target.identity] = connection
        asking = _Asking(builder=Builder(suite), connections=connections, pace=pace, spent=spent or {})
        jobs = iter(requests)
        flying: set[asyncio.Task[Record]] = set()
        finished: asyncio.Queue[asyncio.Task[Record]] = asyncio.Queue()

        def start() -> None:
            for request in islice(jobs, pace.width - len(flying)):
                task = asyncio.create_task(_answer(request, asking))
                task.add_done_callback(finished.put_nowait)
                flying.add(task)

        try:
            start()
            while flying:
                task = await finished.get()
                flying.remove(task)
                start()
                yield task.result()
        finally:
            for task in flying:
                task.cancel()
            await asyncio.gather(*flying, return_exceptions=True)


async def _answer(request: Request, asking: _Asking) -> Record:
    """Ask until there is an answer, the fault is final, or the attempts are used up."""
    key = (request.target.identity, request.trial, request.case.id)
    attempts = list(asking.spent.get(key, ()))
    started = datetime.now(UTC).isoformat(timespec="milliseconds")
    taken = time.perf_counter()
    wait = asking.pace.first_wait
    for left in range(asking.pace.retries, -1, -1):
        sent = time.perf_counter()
        outcome, retry_after = await _attempt(request, asking.connections[request.target.identity])
        if not isinstance(outcome, Fault) or not outcome.retryable or not left:
            break
        pause = retry_after if retry_after is not None else wait * asking.jitter.uniform(1.0, 1.25)
        if pause > asking.pace.longest_wait:
            break
        attempts.append(Attempt(fault=outcome, wait=pause))
        wait = min(wait * 2, asking.pace.longest_wait)
        await asyncio.sleep(pause)
    reply, answer = (outcome, None) if isinstance(outcome, Fault) else outcome
    if isinstance(reply, Response):
        reply = replace(reply, timing=replace(reply.timing, queued=sent - taken))
    return Record(
        case=request.case.id,
        trial=request.trial,
        target=request.target.identity,
        started=started,
        sent=asking.builder.digest(request),
        reply=reply,
        attempts=tuple(attempts),
        answer=answer,
    )


async def _attempt(request: Request, connection: Connection) -> tuple[Fault | tuple[Response, Answer], float | None]:
    """One attempt, and the seconds the endpoint asked us to wait. A body that cannot be read is part of it."""
    began = time.perf_counter()
    try:
        response = await asyncio.wait_for(connection.ask(request), request.target.timeout)
        if request.target.arm != "native":  # a replayed answer knows its own arm
            response = replace(response, arm=request.target.arm)
        answer = extract.read(response)
    except ProviderError as error:
        return _fault(error, time.perf_counter() - began), error.retry_after
    except TimeoutError:
        seconds = time.perf_counter() - began
        return Fault(kind="timeout", message=f"no answer in {seconds:.1f} s", retryable=True, seconds=seconds), None
    except Exception as error:  # noqa: BLE001 - a plug-in's bug costs one answer, never the run
        message = f"{type(error).__name__}: {error}"
        return Fault(kind="plugin", message=message, seconds=time.perf_counter() - began), None
    if response.timing.total is None:
        response = replace(response, timing=Timing(total=time.perf_counter() - began))
    return (response, _priced(answer, request.target)), None


def _fault(error: ProviderError, seconds: float) -> Fault:
    return Fault(
        kind=error.kind, message=error.message, status=error.status, retryable=error.retryable, seconds=seconds
    )


def _priced(answer: Answer, target: Target) -> Answer:
    """The answer with its cost, where the target's prices are known and the endpoint counted the tokens."""
    usage = answer.usage
    if usage.cost is not None or target.input_price is None or target.output_price is None:
        return answer
    if usage.input_tokens is None or usage.output_tokens is None:
        return answer
    cost = (usage.input_tokens * target.input_price + usage.output_tokens * target.output_price) / 1e6
    return replace(answer, usage=replace(usage, cost=cost))


def judge(suite: Suite, judging: Judging, targets: Sequence[Target] = ()) -> Callable[[Record], Record]:
    """How one record is judged: a pure function of the suite and what came back.

    Reads the reply anew where `answer` is None, so that a stored run can be judged again with nothing asked.
    """
    cases = {case.id: case for case in suite.cases}
    rules = score.judge(suite, judging)
    priced = {target.identity: target for target in targets}

    def scored(record: Record) -> Record:
        if isinstance(record.reply, Fault):
            return replace(record, answer=None, score=None)
        answer = record.answer
        if answer is None:
            try:
                answer = extract.read(record.reply)
            except ProviderError as error:
                return replace(record, reply=_fault(error, 0.0), answer=None, score=None)
            if record.target in priced:
                answer = _priced(answer, priced[record.target])
        return replace(record, answer=answer, score=rules(cases[record.case], answer))

    return scored
