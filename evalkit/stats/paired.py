"""Two models on the same cases: the difference of their rates, its interval, its test."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache

from msgspec import Struct
from scipy import special

from evalkit.stats.rates import normal_quantile, t_quantile

LEAST_CLUSTERS = 8
"""The fewest clusters for which the cluster-robust interval was seen to keep its coverage: 95.5 % of nominal 95 %."""


class Difference(Struct, frozen=True, kw_only=True):
    """The mean of paired differences, -1..1, with all that decisions need."""

    mean: float
    low: float
    high: float
    """95 % interval, or as sure as was asked for."""
    lower_bound: float
    upper_bound: float
    """One-sided 95 % bounds: the ends of the 90 % interval."""
    method: str


def difference(
    values: Sequence[float], clusters: Sequence[Hashable], *, averaged: bool, confidence: float = 0.95, among: int = 1
) -> Difference | None:
    """What is known about the mean of `values` (one a pair, -1..1); None without pairs.

    Over cases, as if they were independent: `tango` if each value is one trial against one trial, `adjusted_mean` if
    values are means over trials (`averaged`). Neither collapses when few pairs or none are discordant.

    Where discordant pairs lie in LEAST_CLUSTERS clusters or more, also over clusters: `clustered_mean`, wider where
    cases of one cluster rise and fall together; at each end the wider one counts. With fewer, an error of clusters
    would be guessed from a handful of them, and one that wholly rose would make a fall of all look possible: the
    clusters are taken as given, and the interval speaks of further cases for them, not of further clusters.

    `among`: of how many differences this is one, where the intervals are to hold for all of them together
    (Bonferroni); so are the one-sided bounds.
    """
    if not values:
        return None
    n = len(values)
    gained, lost = discordance(values)
    spread = len({cluster for value, cluster in zip(values, clusters, strict=True) if value}) >= LEAST_CLUSTERS

    def interval(sureness: float) -> tuple[float, float]:
        low, high = adjusted_mean(values, sureness) if averaged else tango(gained, lost, n, sureness)
        if spread:
            wide = clustered_mean(values, clusters, sureness)
            low, high = min(low, wide[0]), max(high, wide[1])
        return max(-1.0, low), min(1.0, high)

    (low, high), (lower, upper) = interval(1 - (1 - confidence) / among), interval(1 - 0.10 / among)
    method = "adjusted mean of trials" if averaged else "Tango score"
    if spread:
        method += f", or cluster-robust over {len(set(clusters))} clusters where that is wider"
    return Difference(mean=(gained - lost) / n, low=low, high=high, lower_bound=lower, upper_bound=upper, method=method)


def discordance(values: Sequence[float]) -> tuple[float, float]:
    """(sum of what rose, sum of what fell), both >= 0: b and c of a McNemar table where values are -1, 0 or 1."""
    return math.fsum(v for v in values if v > 0), -math.fsum(v for v in values if v < 0)


# --------------------------------------------------------------------------- intervals


@lru_cache(maxsize=4096)
def tango(gained: float, lost: float, pairs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Tango's score interval of (gained - lost) / pairs, -1..1, for at least one pair.

    All differences that the score test does not reject, its variance taken at the most likely probabilities under
    each (Tango 1998, Statistics in Medicine 17:891-908, eqs. 10-13). With 0 of 100 discordant: +-3.7 points, where
    the usual interval is 0 +- 0.
    """
    if pairs < 1:
        raise ValueError("an interval needs at least one pair")
    z = normal_quantile((1 + confidence) / 2)
    seen = (gained - lost) / pairs
    low = _root(lambda delta: tango_score(gained, lost, pairs, delta) - z, -1.0, seen)
    high = _root(lambda delta: tango_score(gained, lost, pairs, delta) + z, seen, 1.0)
    return low, high


def tango_score(gained: float, lost: float, pairs: int, delta: float) -> float:
    """How many standard errors the difference seen lies above `delta`; falls as `delta` rises."""
    distance = gained - lost - pairs * delta
    variance = pairs * restricted_variance(gained / pairs, lost / pairs, delta)
    if variance <= 0:
        return 0.0 if distance == 0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def restricted_variance(gained: float, lost: float, delta: float) -> float:
    """Variance of one paired difference if its mean were `delta`: both shares, 0..1, refitted under that condition.

    With q the refitted share of lost pairs, 2 q + delta (1 - delta); q solves 2 q^2 + B q + C = 0.
    """
    b = -gained - lost + (2 - gained + lost) * delta
    c = -lost * delta * (1 - delta)
    q = (math.sqrt(max(0.0, b * b - 8 * c)) - b) / 4
    return 2 * q + delta * (1 - delta)


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function crosses zero, by bisection to the last bit that matters."""
    for _ in range(44):  # 2 / 2^44 is below 1e-12
        middle = (low + high) / 2
        if falling(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def clustered_mean(
    values: Sequence[float], clusters: Sequence[Hashable], confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of the mean of `values` where those of one cluster are alike; at least two clusters.

    Residuals are summed within clusters: se^2 = sum over clusters of (sum of residuals)^2 / n^2, times G / (G - 1),
    with Student's t of G - 1 degrees of freedom (Liang & Zeger 1986; Miller 2024, arXiv:2411.00640, eq. 4, has it
    without the two corrections, which matter below some 50 clusters).
    """
    n = len(values)
    mean = math.fsum(values) / n
    sums: dict[Hashable, float] = {}
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value - mean
    count = len(sums)
    if count < 2:
        raise ValueError("a cluster-robust interval needs at least two clusters")
    error = math.sqrt(math.fsum(s * s for s in sums.values()) * count / (count - 1)) / n
    half = t_quantile((1 + confidence) / 2, count - 1) * error
    return mean - half, mean + half


def adjusted_mean(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the mean of `values`, -1..1, that holds up when most of them are 0.

    Student's interval after one case that wholly rose and one that wholly fell are added. On values of -1, 0 and 1
    this is, but for t in place of z, the adjusted Wald interval of Bonett & Price (2012, J. Educational and
    Behavioral Statistics 37:479-488); on means over trials it narrows as the trials agree.
    """
    n = len(values) + 2
    mean = math.fsum(values) / n
    squares = math.fsum(v * v for v in values) + 2
    error = math.sqrt(max(0.0, squares - n * mean * mean) / (n * (n - 1)))
    half = t_quantile((1 + confidence) / 2, n - 1) * error
    return mean - half, mean + half


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> tuple[float, float]:
    """Interval of one - other, two independent estimates, each (value, low, high) at the confidence wanted.

    Square-and-add: each end is as far off as the two ends that make it lie from their values together (Zou & Donner
    2008, Statistics in Medicine 27:1693-1702). On two Wilson intervals it is Newcombe's for a difference of rates.
    """
    (value, low, high), (other_value, other_low, other_high) = one, other
    mean = value - other_value
    return mean - math.hypot(value - low, other_high - other_value), mean + math.hypot(
        high - value, other_value - other_low
    )


LEAST_TOTALS = 6
"""The fewest pairs for which `ratio_of_totals` gives an interval."""


def ratio_of_totals(
    pairs: Sequence[tuple[float, float]], confidence: float = 0.95
) -> tuple[float, float | None, float | None] | None:
    """(sum of seconds / sum of firsts, low, high) of amounts >= 0; None where a sum is 0.

    On the scale of logarithms, linearised: se^2 = n / (n - 1) times the sum of (second / its mean - first / its
    mean)^2, over n^2, with Student's t of n - 1 degrees of freedom (Cochran 1977, Sampling Techniques, 6.4).
    """
    n = len(pairs)
    was, now = math.fsum(one for one, _ in pairs), math.fsum(other for _, other in pairs)
    if was <= 0 or now <= 0:
        return None
    if n < LEAST_TOTALS:
        return now / was, None, None
    squares = math.fsum((other / now - one / was) ** 2 for one, other in pairs)
    half = t_quantile((1 + confidence) / 2, n - 1) * math.sqrt(squares * n / (n - 1))
    return now / was, now / was * math.exp(-half), now / was * math.exp(half)


# --------------------------------------------------------------------------- tests


def mcnemar_exact(gained: int, lost: int) -> float:
    """Two-sided p, 0..1, of `gained` against `lost` pairs under a fair coin: twice the smaller tail, at most 1."""
    return min(1.0, 2 * float(special.bdtr(min(gained, lost), gained + lost, 0.5)))


def mcnemar_midp(gained: int, lost: int) -> float:
    """As `mcnemar_exact`, but half of the probability of what was seen is left out: 0..1.

    The exact test is too cautious; this one keeps its level in practice and finds more (Fagerland, Lydersen & Laake
    2013, BMC Medical Research Methodology 13:91). 3 against 11: exact .057, mid-p .035.
    """
    n, least = gained + lost, min(gained, lost)
    tail = float(special.bdtr(least, n, 0.5))
    return min(1.0, 2 * tail - math.exp(_log_choose(n, least) - n * math.log(2)))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
