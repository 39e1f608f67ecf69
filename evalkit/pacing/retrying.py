"""Whether a failed attempt is made again, and after how long. Only transport is ever tried again, never an answer."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from evalkit.data import Fault, FaultKind

_GATEWAY = frozenset({502, 503, 504})
"""What stands before a server answers so when the server is down, is starting, or is full."""
_OVERLONG = 10.0
"""Seconds after which a 504 comes of a gateway tired of waiting for one answer, and not of nobody being there."""
_KNOCK = 10.0
"""Seconds, at the most, between two attempts to reach an endpoint that is away: it is not to be back unnoticed."""


_TURNED_AWAY: Mapping[FaultKind, str] = {"auth": "refuses the key", "budget": "has nothing left for this account"}
"""What no further question mends."""
_FOR_EVER = 1e9
"""Seconds: whoever names a longer wait names no day."""
_ENOUGH = 3
"""Refusals of the key or of the account, with no answer between them, after which no further one is asked for."""
_ENOUGH_FORBIDDEN = 10
"""The same where all that is said is 403: a guard before an endpoint says so of single questions too."""
_ENOUGH_ALIKE: Mapping[FaultKind, int] = {"unsupported": 10, "bad_request": 25}
"""Refusals in the same words, and never an answer, after which no further one is asked for: the address or the model is
wrong. A bad request may be about the one case that asks it, and about cases like it, which stand beside each other."""


class Patience(Struct, frozen=True, kw_only=True):
    """How often again, and for how long. Every wait that we choose has up to a quarter of jitter."""

    retries: int = 4
    """Further attempts after the first. Refusals for want of capacity (429) count apart, up to four times as many."""
    first_wait: float = 0.5
    """Seconds before the second attempt; doubled for each further one."""
    longest_wait: float = 60.0
    """An endpoint that asks for a longer wait is not waited for, and is asked nothing more."""
    outage: float = 300.0
    """Seconds for which an endpoint that was heard before is waited for while nobody answers there: as long as a server
    may take to start again and to load a large model. No retries are used up by it. Once it is over, each question is
    tried once, until somebody answers. With no `retries` at all nothing is waited for."""


class Reach(Struct):
    """Whether anybody answers at one target, as all its questions find it together."""

    heard: bool = False
    """Somebody was there at some time, be it to say no."""
    away_since: float | None = None
    """When the first of those failed that have found nobody since; None: the last was heard."""
    turned_away: int = 0
    """Refusals of the key or of the account since the last answer."""
    refused_alike: int = 0
    """How often all that ever came was `refusal`; -1 once anything else did."""
    refusal: tuple[FaultKind, int | None, str] | None = None

    def note(self, fault: Fault | None, now: float) -> None:
        """What came of an attempt, and when, in seconds of some clock. `fault` None: an answer."""
        if fault is not None and is_away(fault):
            self.away_since = now if self.away_since is None else self.away_since
        elif fault is None or (fault.status is not None and not _took_too_long(fault)):
            self.heard, self.away_since = True, None
        self._compare(fault)
        if fault is None:
            self.turned_away = 0
        elif fault.kind in _TURNED_AWAY:
            self.turned_away += 1

    def shut(self, fault: Fault, asked: float | None, patience: Patience) -> str | None:
        """Why nothing more is to be asked there after `fault`; None: it may be. `asked`: the wait that it names."""
        if asked is not None and asked > patience.longest_wait:
            until = datetime.now(UTC) + timedelta(seconds=min(asked, _FOR_EVER))
            return f"asks to be left alone until {until:%Y-%m-%d %H:%M:%S} UTC"
        enough = _ENOUGH_FORBIDDEN if fault.status == 403 else _ENOUGH
        if fault.kind in _TURNED_AWAY and self.turned_away >= enough:
            return f"{_TURNED_AWAY[fault.kind]}: {fault.message}"
        if self.refused_alike >= _ENOUGH_ALIKE.get(fault.kind, math.inf):
            return f"refuses every question alike: {fault.message}"
        return None

    def _compare(self, fault: Fault | None) -> None:
        said = None if fault is None else (fault.kind, fault.status, fault.message)
        self.refusal = self.refusal or said
        alike = self.refused_alike >= 0 and said is not None and said == self.refusal
        self.refused_alike = self.refused_alike + 1 if alike else -1

    def away(self, now: float) -> float:
        """Seconds for which nobody has been found; 0 for the attempt that found it out."""
        return 0.0 if self.away_since is None else now - self.away_since


def is_away(fault: Fault) -> bool:
    """Nobody is there who could answer: refused, unknown, or a gateway that says so."""
    if not fault.retryable or _took_too_long(fault):
        return False
    return fault.status in _GATEWAY or (fault.kind == "network" and fault.status is None)


def _took_too_long(fault: Fault) -> bool:
    """Whether a gateway waited and gave up: the next attempt of the question may end so too, and is one of its own."""
    return fault.status == 504 and fault.seconds >= _OVERLONG


class Retries:
    """What is left to one question."""

    def __init__(self, patience: Patience, reach: Reach, dice: random.Random) -> None:
        self.patience = patience
        self.reach = reach
        self.dice = dice
        self._others = patience.retries
        self._refusals = 4 * patience.retries
        self._wait = patience.first_wait

    def pause(self, fault: Fault, asked: float | None, now: float) -> float | None:
        """Seconds to wait after a fault before the next attempt; None: there is none. `asked`: by the endpoint."""
        if not fault.retryable or not self._may_try(fault, now):
            return None
        if asked is not None:
            return asked if asked <= self.patience.longest_wait else None
        longest = _KNOCK if is_away(fault) else self.patience.longest_wait
        wait, self._wait = min(self._wait, longest), min(self._wait * 2, self.patience.longest_wait)
        return wait * self.dice.uniform(1.0, 1.25)

    def _may_try(self, fault: Fault, now: float) -> bool:
        if fault.kind == "rate_limit":
            self._refusals -= 1
            return self._refusals >= 0
        if is_away(fault) and self.patience.retries:
            away = self.reach.away(now)
            outage = self.patience.outage if self.reach.heard else 0.0
            if away >= max(outage, self._in_all):
                return False
            if 0 < away < outage:  # the first to find nobody may have driven them away by itself: to it that counts
                return True
        self._others -= 1
        return self._others >= 0

    @property
    def _in_all(self) -> float:
        """Seconds that the waits between all retries come to, about."""
        return self.patience.first_wait * 2.0**self.patience.retries
