"""Decisions that hold however often one looks and whenever one stops: betting on bounded values.

A gambler who thinks that the mean lies above m bets a fraction of the wealth on each value in turn, at odds that are
fair if it is m and bad if it is less. If it is not above m, the wealth ever reaches 1 / alpha with a chance of at most
alpha (Ville 1939), so it may be watched from the first value on. Which fraction is best depends on what is not known
yet: the wealth is spread evenly over STAKES of them, and the best one soon makes up most of it (Waudby-Smith & Ramdas
2024, J. Royal Statistical Society B 86:1-27, "diversified Kelly betting").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from evalkit.stats.paired import Difference

Floats = NDArray[np.float64]

STAKES = (np.arange(16) + 0.5) / 16
"""Fractions of the wealth that are lost on a value of 0. None is all of it: no single value ends the game."""

_METHOD = "betting, valid at any stopping time"
_NEXT_TO_NONE = 1e-12
"""A mean so low that any value above 0 rules it out."""
_FEW = 10_000
"""So many values are kept to remember their bound by; more would fill the memory."""


class Bets:
    """The wealth of one who bets that values in 0..1 have a mean above `mean` (0..1, neither end), value by value."""

    def __init__(self, mean: float) -> None:
        self._mean = mean
        self._logs = np.zeros(len(STAKES))
        self.most = 1.0
        """The most it ever was: 1 / most is a p-value at any time."""

    def add(self, value: float) -> None:
        self._logs += np.log1p(STAKES * (value / self._mean - 1))
        with np.errstate(over="ignore"):
            self.most = max(self.most, float(np.exp(self._logs).mean()))

    def won(self, alpha: float = 0.05) -> bool:
        """Whether a mean of at most `mean` has been ruled out; once it has, it stays so."""
        return self.most >= 1 / alpha


def sequential_interval(
    values: Sequence[float], confidence: float = 0.95, *, least: float = 0.0, most: float = 1.0
) -> tuple[float, float] | None:
    """Interval of the mean of `values`, least..most, in the order in which they came; None without any.

    It holds the mean at all times at once with `confidence`, an error of half the rest at each end: all means against
    which no gambler ever won, which is what was seen over the whole course and not only at its end.
    """
    if not values:
        return None
    alpha, span = (1 - confidence) / 2, most - least
    scaled = np.clip((np.asarray(values, dtype=float) - least) / span, 0.0, 1.0)
    return least + span * _lower(scaled, alpha), most - span * _lower(1 - scaled, alpha)


def sequential_difference(values: Sequence[float], among: int = 1) -> Difference | None:
    """`paired.difference` for values, -1..1, that were looked at as they came: in their order, one a case.

    `lower_bound` lies above -margin just if one who bets on that has won at some time. The cases are taken as
    independent, which their random order serves: clusters are not allowed for. `among` as there.
    """
    wide = sequential_interval(values, 1 - 0.05 / among, least=-1.0)
    sided = sequential_interval(values, 1 - 0.10 / among, least=-1.0)
    if wide is None or sided is None:
        return None
    mean = float(np.mean(values))
    return Difference(mean=mean, low=wide[0], high=wide[1], lower_bound=sided[0], upper_bound=sided[1], method=_METHOD)


def sequential_p(values: Sequence[float]) -> float:
    """Two-sided p, 0..1, of a mean of 0 for values, -1..1, that were looked at as they came.

    Half of the wealth is bet on a rise and half on a fall.
    """
    distinct, which = np.unique((np.asarray(values, dtype=float) + 1) / 2, return_inverse=True)
    both = np.logaddexp(_course(distinct, which, 0.5), _course(1 - distinct, which, 0.5)) - math.log(2)
    return math.exp(-both.max(initial=0.0))


def cases_until_won(
    gained: float, lost: float, margin: float, most: int, *, draws: int = 200, seed: int = 0
) -> int | None:
    """After how many cases the bet on "not worse by `margin`" is typically won (the median); None: not by `most`.

    By trying: `gained` and `lost` are chances of a case, 0..1, to pass on the one side only.
    """
    drawn = np.random.default_rng(seed).choice(3, p=[1 - gained - lost, gained, lost], size=(draws, most))
    steps = np.log1p(np.outer(np.array([0.5, 1.0, 0.0]) * 2 / (1 - margin) - 1, STAKES))
    logs, won = np.zeros((draws, len(STAKES))), np.zeros(draws, dtype=bool)
    for case in range(most):
        logs += steps[drawn[:, case]]
        won |= np.exp(logs).mean(axis=1) >= 1 / 0.05
        if won.mean() >= 0.5:
            return case + 1
    return None


def _lower(values: Floats, alpha: float) -> float:
    """The highest mean against which a gambler has won at some time; 0 if there is none."""
    return _remembered(values.tobytes(), alpha) if len(values) <= _FEW else _search(values, alpha)


@lru_cache(maxsize=1024)
def _remembered(values: bytes, alpha: float) -> float:
    """Cells of a comparison often hold the same values: those of one tool on several rungs of the ladder."""
    return _search(np.frombuffer(values), alpha)


def _search(values: Floats, alpha: float) -> float:
    """Wealth falls as the mean rises, so there is one root."""
    distinct, which = np.unique(values, return_inverse=True)
    if distinct[-1] <= 0:
        return 0.0

    def spare(mean: float) -> float:
        return float(_course(distinct, which, mean).max()) + math.log(alpha)

    return float(optimize.brentq(spare, _NEXT_TO_NONE, 1.0, xtol=1e-10))


def _course(distinct: Floats, which: NDArray[np.intp], mean: float) -> Floats:
    """Logarithm of the wealth after each value. Few values are distinct, so logarithms are taken of those alone."""
    stakes = np.cumsum(np.log1p(np.outer(STAKES, distinct / mean - 1))[:, which], axis=1)
    best = stakes.max(axis=0)
    wealth: Floats = best + np.log(np.exp(stakes - best).mean(axis=0))
    return wealth
