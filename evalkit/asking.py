"""One request to its record: the answer the cache has, or attempt by attempt until there is one.

The one place where an exception becomes a Fault.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from msgspec import Struct, field
from msgspec.structs import replace

from evalkit import arms, extract, judge
from evalkit import cache as answers
from evalkit.cache import Cache
from evalkit.data import Answer, Attempt, Case, Fault, Record, RecordKey, Request, Response, Target, Timing
from evalkit.errors import ProviderError
from evalkit.pacing import allowance
from evalkit.pacing.limiting import Limiter, Ticket
from evalkit.pacing.pace import Pace
from evalkit.pacing.retrying import Reach, Retries
from evalkit.plugins import Connection
from evalkit.request import Builder, likely_tokens

_GRACE = 0.25
"""Seconds after its time in which a provider may still say by itself what had come until then."""


class Asking(Struct, kw_only=True):
    """What the requests that are in flight together share. Mappings go by target identity."""

    builder: Builder
    connections: Mapping[str, Connection]
    limiters: Mapping[str, Limiter]
    reaches: Mapping[str, Reach]
    """Whether anybody is there."""
    caches: Mapping[str, Cache]
    """Where answers are kept; none for what answers at no cost anyway."""
    pace: Pace
    spent: Callable[[RecordKey], tuple[Attempt, ...]]
    """Attempts of an earlier, interrupted run, kept with the record."""
    admit: Callable[[], str | None]
    """Why nothing more may be sent to anybody, or None, which counts one."""
    dice: random.Random = field(default_factory=lambda: random.Random(0))

    async def warm_up(self, target: Target) -> None:
        """What is slow at first, before any answer is timed. Where times are to compare, a word on every connection
        too, of no case, so that no prompt cache knows one. What comes of it is nothing to us.
        """
        hello = Case(id="", messages=({"role": "user", "content": "Say hello."},), tools=())
        request = self.builder.build(hello, 0, target)
        connection = self.connections[target.identity]
        if hasattr(connection, "ready"):
            await asyncio.gather(connection.ready(request), return_exceptions=True)
        words = range(self.pace.each or 0)
        await asyncio.gather(*(_attempt(request, connection, target.timeout) for _ in words if self._may_send()))

    async def answer(self, request: Request) -> Record | None:
        """The record of one request: what the cache has, else what the target says. None if it was not asked."""
        target = request.target
        sent = self.builder.digest(request)
        record = partial(
            Record,
            case=request.case.id,
            trial=request.trial,
            target=target.identity,
            started=datetime.now(UTC).isoformat(timespec="milliseconds"),
            sent=sent,
        )
        before = self.spent((target.identity, request.trial, request.case.id))
        kept = self.caches.get(target.identity)
        key = answers.key(request, sent) if kept else ""
        if kept and (held := kept.get(key)):
            with suppress(ProviderError):  # what cannot be read any more is asked anew
                answer = judge.priced(extract.read(held.reply), target)
                return record(reply=held.reply, attempts=before, answer=answer, cached=held.since)
        tried = await self._tried(request)
        if tried is None:
            return None
        reply, attempts, heard = tried
        if kept and isinstance(reply, Response):
            kept.put(key, reply)
        return record(reply=reply, attempts=(*before, *attempts), answer=heard)

    async def _tried(self, request: Request) -> tuple[Response | Fault, Sequence[Attempt], Answer | None] | None:
        """Ask until there is an answer, the fault is final, or the attempts are used up. None if nothing could be
        sent.
        """
        target, pace = request.target, self.pace
        limiter, reach = self.limiters[target.identity], self.reaches[target.identity]
        tokens = likely_tokens(request) if limiter.counts_tokens else 0.0
        attempts: list[Attempt] = []
        queued = 0.0
        latest: float | None = None
        # A server that we started ourselves is started again by nobody.
        retries = Retries(replace(pace, outage=0.0) if target.serve else pace, reach, self.dice)
        while True:
            came = time.perf_counter()
            ticket = await limiter.enter(tokens)
            if ticket is None or not self._may_send():
                return (attempts.pop().fault, attempts, None) if attempts else None
            sent = time.perf_counter()
            queued += sent - came
            if latest is None:
                latest = math.inf if pace.case_timeout is None else sent + pace.case_timeout
            patience = min(target.timeout + _GRACE, max(latest - sent, 0.0))
            outcome, retry_after = await _attempt(request, self.connections[target.identity], patience)
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
        return replace(reply, timing=replace(reply.timing, queued=queued)), attempts, answer

    def _may_send(self) -> bool:
        """Whether an attempt may go. Once one may not, the ways to all targets are closed."""
        why = self.admit()
        if why is not None:
            for limiter in self.limiters.values():
                limiter.close(why)
        return why is None


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
            read_as, nulls = arms.answered(request.target), arms.spells_nulls(request.target)
            response = replace(response, arm=read_as, nulls=nulls)
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
