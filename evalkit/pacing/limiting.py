"""How fast one target is asked: as many at a time as it bears, not before it wants to, within its limits a minute."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

CHARACTERS_PER_TOKEN = 4.0
"""Of messages and tool declarations as compact JSON. On the bundled suites GPT-4's tokenizer takes 3.9 to 4.2."""
OUTPUT_TOKENS = 100.0
"""An answer's. On the cases of BFCL eight hosted models of 2024 took 50 to 195 on average."""
FIRST_WIDTH = 20
"""Requests in flight before anything is known of the target."""
LEAST_WIDTH = 4
"""Fewer are not told: whoever is still refused waits longer each time, which slows a target down as far as it takes."""
_GROWTH = 1.05
_CUT = 0.8


class Bucket:
    """What flows in at an even rate, of which one second's worth is saved up. A cost beyond that is owed."""

    def __init__(self, *, per_minute: float, now: float) -> None:
        self.per_minute = per_minute
        self.now = now
        """Seconds, when it was filled last."""
        self.level = self.capacity

    @property
    def capacity(self) -> float:
        return max(1.0, self.per_minute / 60)

    def wait(self, cost: float, now: float) -> float:
        """Seconds until `cost` may be taken."""
        self.level = min(self.capacity, self.level + (now - self.now) * self.per_minute / 60)
        self.now = now
        lacking = min(cost, self.capacity) - self.level
        return lacking * 60 / self.per_minute if lacking > 1e-9 else 0.0

    def take(self, cost: float) -> None:
        """Below zero it is a debt, which later ones wait for; a negative cost gives back."""
        self.level -= cost


class Ticket(Struct, frozen=True, kw_only=True):
    """Leave to send one request."""

    episode: int
    """How often the width had been cut before: refusals of one moment count once."""
    tokens: float


class Limiter:
    """The way to one target. `enter` before each attempt, `leave` after it, until it is closed.

    The width starts at FIRST_WIDTH and doubles with every clean round, which is as many answers as it is wide, all of
    it in use. The first refusal (429) ends the doubling: from then on it shrinks to four fifths with every episode of
    refusals and grows by a twentieth with every clean round. A refusal that names a wait holds up all that come after.
    """

    def __init__(
        self,
        ceiling: int,
        *,
        fixed: bool = False,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ceiling`: the width never exceeds it; `fixed`: it is that, whatever comes."""
        self._clock = clock
        self._ceiling = ceiling
        self._fixed = fixed
        self._width = float(ceiling if fixed else min(FIRST_WIDTH, ceiling))
        self._began = now = clock()
        self._requests = Bucket(per_minute=requests_per_minute, now=now) if requests_per_minute else None
        self._tokens = Bucket(per_minute=tokens_per_minute, now=now) if tokens_per_minute else None
        self._held_until = now
        self._flying = 0
        self._clean = 0
        self._episode = 0
        self._waiting: deque[tuple[asyncio.Future[Ticket | None], float]] = deque()
        """Who waits for a turn, with the tokens it will probably take; first come, first served."""
        self._alarm: asyncio.TimerHandle | None = None
        self._over = asyncio.Event()
        self.history: list[tuple[float, int]] = [(0.0, self.width)]
        """(seconds since the start, width from then on)"""
        self.refusals = 0
        self.closed: str | None = None
        """Why nothing goes this way any more; None while something may."""

    @property
    def width(self) -> int:
        """How many may be in flight."""
        return int(self._width)

    @property
    def held(self) -> bool:
        """Whether the target has asked to be left alone for a while."""
        return self.closed is None and self._clock() < self._held_until

    @property
    def counts_tokens(self) -> bool:
        """Whether `enter` wants to know how many tokens a request takes."""
        return self._tokens is not None

    async def enter(self, tokens: float = 0.0) -> Ticket | None:
        """Wait for one's turn; first come, first served. `tokens`: what the request will probably take.

        None once the way is closed.
        """
        if self.closed is not None:
            return None
        if not self._waiting and not self.wait(tokens):
            return self.take(tokens)
        turn: asyncio.Future[Ticket | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, tokens))
        self._let_in()
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and (ticket := turn.result()) is not None:  # let in, in the same moment
                self.leave(ticket)
            raise

    def _let_in(self) -> None:
        """All who wait and may go now. Where only time keeps the next, it is looked again once that has passed."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self._waiting:
            turn, tokens = self._waiting[0]
            wait = 0.0 if turn.done() else self.wait(tokens)
            if wait:
                if not math.isinf(wait):
                    self._alarm = asyncio.get_running_loop().call_later(wait, self._let_in)
                return
            self._waiting.popleft()
            if not turn.done():  # else its task was cancelled
                turn.set_result(self.take(tokens))

    async def rest(self, seconds: float) -> None:
        """Wait before another attempt, no longer than the way is open."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)

    def close(self, why: str) -> None:
        """Nothing enters any more; what is on its way may come back. Nobody waits on. The first reason stays."""
        self.closed = self.closed or why
        self._over.set()
        while self._waiting:
            turn, _ = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)

    def wait(self, tokens: float = 0.0) -> float:
        """Seconds until one may be sent; 0: now; infinite: not before another comes back."""
        if self._flying >= self.width:
            return math.inf
        now = self._clock()
        waits = [self._held_until - now]
        if self._requests:
            waits.append(self._requests.wait(1.0, now))
        if self._tokens:
            waits.append(self._tokens.wait(tokens, now))
        return max(0.0, *waits)

    def take(self, tokens: float = 0.0) -> Ticket:
        """Send one, waited for or not."""
        self._flying += 1
        if self._requests:
            self._requests.take(1.0)
        if self._tokens:
            self._tokens.take(tokens)
        return Ticket(episode=self._episode, tokens=tokens)

    def leave(
        self,
        ticket: Ticket,
        *,
        answered: bool = False,
        refused: bool = False,
        hold: float | None = None,
        tokens: float | None = None,
    ) -> None:
        """One came back. `hold`: seconds for which nothing more is wanted; `tokens`: what it did take, where known."""
        full = self._flying >= self.width
        self._flying -= 1
        if self._tokens and tokens is not None:
            self._tokens.take(tokens - ticket.tokens)
        if hold is not None:
            self._held_until = max(self._held_until, self._clock() + hold)
        if refused:
            self._refuse(ticket)
        elif answered and full:
            self._clean += 1
            if self._clean >= self.width:
                self._become(self._width * (_GROWTH if self._episode else 2))
        if self._waiting:
            self._let_in()

    def _refuse(self, ticket: Ticket) -> None:
        self.refusals += 1
        self._clean = 0
        if ticket.episode == self._episode:
            self._episode += 1
            self._become(self._width * _CUT)

    def _become(self, width: float) -> None:
        self._clean = 0
        if self._fixed:
            return
        before = self.width
        self._width = min(float(self._ceiling), max(float(LEAST_WIDTH), width))
        if self.width != before:
            self.history.append((round(self._clock() - self._began, 3), self.width))
