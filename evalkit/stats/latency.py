"""How long things take: quantiles of one model, the ratio of two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from evalkit.stats.rates import normal_quantile

EXACT_RANKS = 60
"""Up to this many pairs the signed-rank distribution is counted out; beyond it the normal one agrees to a rank."""


def quantile_interval(
    values: Sequence[float], quantile: float, confidence: float = 0.95
) -> tuple[float, float, float] | None:
    """(quantile, low, high), each one of `values`; None if there are too few for both bounds.

    Ranks are chosen so that either bound errs with at most (1 - confidence) / 2, whatever the distribution: the number
    of values below the true quantile is binomial (David & Nagaraja 2003, 7.1). At 95 % the median needs 6 values, p95
    needs 72, p99 needs 368.
    """
    n, alpha = len(values), (1 - confidence) / 2
    if n == 0 or quantile**n > alpha or (1 - quantile) ** n > alpha:
        return None
    below = special.bdtr(np.arange(n), n, quantile)  # P(at most k values lie below the quantile), k = 0 .. n-1
    low = int(np.searchsorted(below, alpha, side="right")) - 1
    high = int(np.searchsorted(below, 1 - alpha, side="left"))
    ranked = sorted(values)
    return ranked[max(0, math.ceil(quantile * n) - 1)], ranked[low], ranked[high]


def hodges_lehmann(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float | None, float | None]:
    """The pseudo-median of `values` (at least one) and its interval, which is None with too few of them (5 at 95 %).

    The median of all means of two (Walsh averages), and the averages at the critical ranks of Wilcoxon's signed-rank
    test (Hodges & Lehmann 1963; Hollander, Wolfe & Chicken 2014, 3.2-3.3). One wild value cannot move it far. On the
    logarithms of ratios, exp() of the three is the typical ratio and its interval.
    """
    ranked = np.sort(np.asarray(values, dtype=float))
    n = len(ranked)
    averages = n * (n + 1) // 2
    middle = (_walsh(ranked, (averages + 1) // 2) + _walsh(ranked, averages // 2 + 1)) / 2
    rank = _critical_rank(n, (1 - confidence) / 2)
    if rank == 0:
        return middle, None, None
    return middle, _walsh(ranked, rank), _walsh(ranked, averages + 1 - rank)


def _walsh(ranked: NDArray[np.float64], k: int) -> float:
    """The k-th smallest mean of two values (each with itself too), without forming the n (n + 1) / 2 of them.

    Bisection on the answer: how many means are <= v is one binary search a value.
    """
    low, high = float(ranked[0]), float(ranked[-1])
    index = np.arange(len(ranked))
    while True:
        middle = (low + high) / 2
        if not low < middle < high:
            return low if _means_up_to(ranked, index, low) >= k else high
        if _means_up_to(ranked, index, middle) >= k:
            high = middle
        else:
            low = middle


def _means_up_to(ranked: NDArray[np.float64], index: NDArray[np.intp], value: float) -> int:
    return int(np.maximum(np.searchsorted(ranked, 2 * value - ranked, side="right") - index, 0).sum())


@cache
def _critical_rank(n: int, alpha: float) -> int:
    """The largest k with P(W < k) <= alpha, W being the signed-rank statistic of n pairs."""
    if n > EXACT_RANKS:
        spread = math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        return max(0, math.floor(n * (n + 1) / 4 + normal_quantile(alpha) * spread + 0.5))
    ways = np.ones(1)
    for rank in range(1, n + 1):
        ways = np.concatenate([ways, np.zeros(rank)]) + np.concatenate([np.zeros(rank), ways])
    return int(np.searchsorted(np.cumsum(ways) / 2.0**n, alpha, side="right"))
