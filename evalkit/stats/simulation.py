"""The rule that decides on a drop, tried on migrations drawn at random: its power, and how many cases a power takes.

What `power` has by formula for Tango's interval alone, for the interval in use, clusters and all. Draws are seeded and
the same for every margin, so that a search by halving is sound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from evalkit.stats.paired import LEAST_CLUSTERS
from evalkit.stats.power import FAR, cases_for_margin
from evalkit.stats.rates import normal_quantile, t_quantile

Floats = NDArray[np.float64]
DRAWS = 2000
_AT_ONCE = 2_000_000
"""Counts held in memory at a time."""


class Odds(Struct, frozen=True, kw_only=True):
    """Chances, 0..1, of two decisions."""

    passes: float
    """That a fall by the margin is ruled out."""
    fails: float
    """That anything less than a fall by the margin is."""


class _Drawn(Struct, frozen=True, kw_only=True):
    """Migrations, one trial a side: what each came to."""

    cases: int
    gained: Floats
    lost: Floats
    error: Floats
    """Cluster-robust standard error of the difference; 0 where discordant pairs lie in too few clusters."""
    clusters: int


def decision_odds(
    sizes: Sequence[int], gained: float, lost: float, margin: float, *, draws: int = DRAWS, seed: int = 0
) -> Odds:
    """How often "not worse by `margin`" and "worse by more" are decided over clusters of `sizes` cases.

    `gained`, `lost`: chance of a case, 0..1, to pass on the one side only; cases fall independently. The rule is that
    of `paired.difference` on one trial a side: one-sided 95 % bounds, the wider of Tango's and the cluster-robust.
    """
    return _odds(_draw(sizes, gained, lost, draws, seed), margin)


def margin_for_power(
    sizes: Sequence[int], discordant: float, power: float, *, draws: int = DRAWS, seed: int = 0
) -> float:
    """The least margin, 0..1, by which equal models are found not worse with a chance of `power`, to 1e-4.

    `discordant`: share of cases, 0..1, that pass on one side only, as many each way.
    """
    drawn = _draw(sizes, discordant / 2, discordant / 2, draws, seed)
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if _odds(drawn, middle).passes >= power else (middle, high)
    return high


def cases_for_power(
    sizes: Sequence[int], discordant: float, margin: float, power: float, *, draws: int = DRAWS, seed: int = 0
) -> int | None:
    """How many cases in all find equal models not worse by `margin` with a chance of `power`; None: over FAR.

    The clusters stay, and grow alike: more cases for the same tools. To two per cent.
    """
    total = sum(sizes)

    def enough(cases: int) -> bool:
        grown = [max(1, round(size * cases / total)) for size in sizes]
        return _odds(_draw(grown, discordant / 2, discordant / 2, draws, seed), margin).passes >= power

    return _least(enough, cases_for_margin(discordant, margin, power))


def _least(enough: Callable[[int], bool], guess: int) -> int | None:
    """The least number for which `enough` holds, which must hold for all beyond it; None: over FAR."""
    low, high = 0, max(1, guess)
    while not enough(high):
        low, high = high, high * 2
        if high > FAR:
            return None
    while high - low > max(1, high // 50):
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


# --------------------------------------------------------------------------- draws


def _draw(sizes: Sequence[int], gained: float, lost: float, draws: int, seed: int) -> _Drawn:
    rng = np.random.default_rng(seed)
    shape = np.asarray(sizes, dtype=np.int64)
    batch = max(1, min(draws, _AT_ONCE // max(1, len(shape))))
    parts = []
    for start in range(0, draws, batch):
        size = (min(batch, draws - start), len(shape))
        up = rng.binomial(shape, gained, size=size)
        down = rng.binomial(shape - up, lost / (1 - gained), size=size)
        parts.append(np.stack([up.sum(axis=1), down.sum(axis=1), _error(shape, up, down)]))
    rose, fell, error = np.concatenate(parts, axis=1)
    return _Drawn(cases=int(shape.sum()), gained=rose, lost=fell, error=error, clusters=len(shape))


def _error(sizes: NDArray[np.int64], gained: NDArray[np.int64], lost: NDArray[np.int64]) -> Floats:
    """As `paired.clustered_mean` has it, a row a draw; 0 where that interval is not in use."""
    cases, clusters = int(sizes.sum()), len(sizes)
    rises = (gained - lost).astype(float)
    residuals = rises - rises.sum(axis=1, keepdims=True) / cases * sizes
    error = np.sqrt((residuals**2).sum(axis=1) * clusters / max(1, clusters - 1)) / cases
    spread = ((gained + lost) > 0).sum(axis=1) >= LEAST_CLUSTERS
    return np.where(spread, error, 0.0)


def _odds(drawn: _Drawn, margin: float) -> Odds:
    score = _tango_score(drawn.gained, drawn.lost, drawn.cases, -margin)
    above = (drawn.gained - drawn.lost) / drawn.cases + margin
    half = t_quantile(0.95, max(1, drawn.clusters - 1)) * drawn.error
    z = normal_quantile(0.95)
    passes = (score > z) & (above > half)
    fails = (score < -z) & (above < -half)
    return Odds(passes=float(passes.mean()), fails=float(fails.mean()))


def _tango_score(gained: Floats, lost: Floats, pairs: int, delta: float) -> Floats:
    """`paired.tango_score` of many tables at once."""
    up, down = gained / pairs, lost / pairs
    b = -up - down + (2 - up + down) * delta
    c = -down * delta * (1 - delta)
    variance = pairs * (2 * (np.sqrt(np.maximum(0.0, b * b - 8 * c)) - b) / 4 + delta * (1 - delta))
    distance = gained - lost - pairs * delta
    with np.errstate(divide="ignore", invalid="ignore"):
        score = distance / np.sqrt(np.maximum(variance, 0.0))
    return np.nan_to_num(score, nan=0.0, posinf=math.inf, neginf=-math.inf)
