"""One run from order to disk: ask what the store lacks, judge each answer as it comes, append it soon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from evalkit import joining, judge, locking, pipeline, plugins, serving, store
from evalkit.cache import Cache, open_cache
from evalkit.data import Attempt, Flight, Json, Judging, Record, RecordKey, Request, RunInfo, Suite, Target
from evalkit.ledger import Ledger
from evalkit.pacing.limiting import Limiter
from evalkit.pacing.pace import Pace
from evalkit.pairing import likeness, sequence
from evalkit.plugins import World


class Order(Struct, frozen=True, kw_only=True):
    """What is to be asked, and how."""

    suite: Suite
    targets: tuple[Target, ...]
    trials: int = 1
    judging: Judging = field(default_factory=Judging)
    pace: Pace = field(default_factory=Pace)
    sequential: bool = False
    """Ask in a random order, case by case, so that one may stop before the last."""
    cached: bool = False
    """Take answers of other runs from the cache beside the run, and keep them there. None is taken where latencies are
    to be comparable, nor for a run that is begun anew."""


class Brake(Protocol):
    """What may end the asking before all is asked."""

    @property
    def deadline(self) -> tuple[float, str] | None:
        """Seconds of asking after which nothing may go any more, and the sentence that says so; None without one."""

    def admit(self) -> str | None:
        """Asked before each attempt: why it may not go, nor any after it; None if it may, which counts it."""

    def add(self, record: Record) -> None:
        """Told of each judged record."""


def carry_out(
    folder: Path,
    order: Order,
    world: World,
    *,
    fresh: bool,
    seen: Callable[[Record], None],
    brakes: Sequence[Brake] = (),
    waiting: Callable[[serving.Server], None] = lambda server: None,
) -> str | None:
    """Ask everything of `order` that the run in `folder` has no answer to, and store each answer soon.

    `fresh` forgets what the run has. `seen` is called with each judged record once it is on disk, at most
    `ledger.WINDOW` seconds after it came. Interrupted, every answer that came is kept; killed, every answer seen; and
    the same call goes on from there. Raises InputError before anything is asked if a target cannot be reached (no key,
    unknown provider, a server here that cannot be started), `folder` holds a run that this cannot join, or another
    process is writing it.

    `waiting` is told of each server that is started for the run, before it is waited for.

    Once one of `brakes` lets no further request go, what is in flight is waited for and the rest is left; so is that of
    a target that refuses the key or wants nothing for long, while the others are asked on. Then the sentence that says
    why and what is left is given back, and is in the run; None if everything was asked.
    """
    checked = serving.check(order.targets)
    for target in checked:
        plugins.provider(target.provider).connect(target, world)
    info = describe(folder.name, order, _guards(order))
    with ExitStack() as held:
        held.enter_context(locking.writing(folder))
        if fresh:
            joining.refuse_to_forget(folder)
            store.remove(folder)
        opened = held.enter_context(joining.join(folder, info, order.suite))
        servers = held.enter_context(_served(opened, order, folder, waiting))
        placed = replace(order, targets=servers.reach(checked))
        with _cache(folder, order, fresh) as cache:
            reason = asyncio.run(_ask(opened, placed, world, seen, (*brakes, servers), cache)) or servers.admit()
        if reason is None:
            return None
        left = sum(_left(opened, order).values())
        if not left:
            return None
        stopped = f"{reason}; {left:,} of {_wanted(order):,} calls have no answer"
        opened.describe(replace(opened.info, stopped=stopped))
        return stopped


@contextmanager
def _served(
    opened: store.Store, order: Order, folder: Path, waiting: Callable[[serving.Server], None]
) -> Iterator[serving.Fleet]:
    """The servers of those targets that have something left to answer. What they did is kept in the run."""
    left = _left(opened, order)
    served = [target for target in order.targets if target.serve and left[target.identity]]
    with serving.started(served, folder, waiting) as fleet:
        try:
            yield fleet
        finally:
            if fleet.servers:
                opened.describe(replace(opened.info, engines=(*opened.info.engines, *fleet.told())))


@contextmanager
def _cache(folder: Path, order: Order, fresh: bool) -> Iterator[Cache | None]:
    if not order.cached:
        yield None
        return
    with open_cache(folder.parent, reading=not fresh and order.pace.each is None) as cache:
        yield cache


async def _ask(
    opened: store.Store,
    order: Order,
    world: World,
    seen: Callable[[Record], None],
    brakes: Sequence[Brake],
    cache: Cache | None,
) -> str | None:
    worth = judge.records(order.suite, order.judging, order.targets)
    cases = sequence.shuffled(order.suite) if order.sequential else None
    left = _left(opened, order)
    targets = [target for target in order.targets if left[target.identity]]
    lanes = [[target] for target in targets] if order.pace.each else [targets]
    limiters = pipeline.limits(targets, order.pace)
    resumed = next(opened.records(), None) is not None

    def settled(key: RecordKey) -> bool:
        return limiters[key[0]].closed is not None or (resumed and opened.answered(key))

    def spent(key: RecordKey) -> tuple[Attempt, ...]:
        return opened.spent(key) if resumed else ()

    def left_to_ask(lane: Sequence[Target]) -> Iterator[Request]:
        planned = pipeline.plan(order.suite, lane, order.trials, settled, cases)
        while any(limiters[target.identity].closed is None for target in lane):
            request = next(planned, None)
            if request is None:
                return
            yield request

    def admit() -> str | None:
        return next((why for brake in brakes if (why := brake.admit()) is not None), None)

    if not targets:
        return None
    _end_in_time(brakes, limiters.values())
    planned = [left_to_ask(lane) for lane in lanes]
    asked = pipeline.ask(
        planned, order.suite, targets, world, order.pace, spent=spent, limiters=limiters, cache=cache, admit=admit
    )
    flights = _Flights(opened, limiters)
    flights.note()

    def append(records: Sequence[Record]) -> None:
        flights.note()
        opened.append(records)

    await _keep(asked, worth, Ledger(append, seen), brakes, flights)
    return "; ".join(dict.fromkeys(limiter.closed for limiter in limiters.values() if limiter.closed)) or None


async def _keep(
    asked: AsyncIterator[Record],
    worth: Callable[[Record], Record],
    ledger: Ledger,
    brakes: Sequence[Brake],
    flights: _Flights,
) -> None:
    """Every record as it comes, judged."""
    try:
        async for record in asked:
            judged = record
            try:
                judged = worth(record)
            finally:  # an answer was paid for: it is kept even where a bug in a matcher ends the run
                ledger.add(judged)
            for brake in brakes:
                brake.add(judged)
    finally:
        try:
            ledger.write()
        finally:
            flights.note()


def _end_in_time(brakes: Sequence[Brake], limiters: Iterable[Limiter]) -> None:
    """Nothing is sent, nor waited for in order to be sent, once the time of a brake is over."""
    ways = tuple(limiters)

    def close(why: str) -> None:
        for limiter in ways:
            limiter.close(why)

    for seconds, why in filter(None, (brake.deadline for brake in brakes)):
        if seconds > 0:
            asyncio.get_running_loop().call_later(seconds, close, why)
        else:
            close(why)


class _Flights:
    """How each target is asked, in the run from the first request on: who is killed leaves it too."""

    def __init__(self, opened: store.Store, limiters: Mapping[str, Limiter]) -> None:
        self._opened = opened
        self._limiters = limiters
        self._earlier = opened.info.flights
        self._began = datetime.now(UTC).isoformat(timespec="seconds")
        self._noted: Sequence[Flight] = ()

    def note(self) -> None:
        flown = tuple(
            Flight(target=target, started=self._began, widths=tuple(way.history), refusals=way.refusals)
            for target, way in self._limiters.items()
        )
        if flown != self._noted:
            self._opened.describe(replace(self._opened.info, flights=(*self._earlier, *flown)))
            self._noted = flown


def missing(folder: Path, order: Order) -> int:
    """How many answers the run in `folder` lacks. Raises InputError if it cannot take them."""
    if not store.holds_run(folder):
        return _wanted(order)
    with store.open_run(folder) as opened:
        joining.joined(folder, opened.info, describe(folder.name, order, _guards(order)))
        return sum(_left(opened, order).values())


def _wanted(order: Order) -> int:
    return len(order.suite.cases) * len(order.targets) * order.trials


def _left(opened: store.Store, order: Order) -> Mapping[str, int]:
    """Target identity -> how many answers the run lacks. One suite is in a run, so none of it has any other case."""
    each = len(order.suite.cases) * order.trials
    answered = opened.answers(order.trials)
    return {target.identity: max(0, each - answered.get(target.identity, 0)) for target in order.targets}


def describe(name: str, order: Order, guards: Mapping[str, Json]) -> RunInfo:
    """What the run is, with the versions of everything that may change its outcome."""
    return RunInfo(
        id=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        suite_name=order.suite.name,
        suite_digest=order.suite.digest,
        cases=len(order.suite.cases),
        targets=order.targets,
        trials=order.trials,
        judging=order.judging,
        versions=judge.versions(),
        guards=guards,
        sequential=order.sequential,
    )


def _guards(order: Order) -> Mapping[str, Json]:
    """The pace, and the settings that the providers in use pin for the run, by provider."""
    modules = {target.provider: plugins.provider(target.provider) for target in order.targets}
    pinned = {name: dict(module.guards()) for name, module in modules.items() if hasattr(module, "guards")}
    pace: dict[str, Json] = {"concurrency": order.pace.width, "max_retries": order.pace.retries}
    if order.pace.each:
        pace[likeness.EACH] = pace["warm-up requests of each"] = order.pace.each
    if order.pace.case_timeout:
        pace["case_timeout"] = order.pace.case_timeout
    return {**pace, **pinned}
