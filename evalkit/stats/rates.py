"""One model's rates: their intervals, repeated success, and many tests at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from scipy import special


@cache
def normal_quantile(p: float) -> float:
    """The z with P(Z <= z) = p; 1.96 for 0.975."""
    return float(special.ndtri(p))


@cache
def t_quantile(p: float, df: int) -> float:
    """The t with P(T <= t) = p for Student's distribution with `df` degrees of freedom; 2.365 for (0.975, 7)."""
    return float(special.stdtrit(df, p))


def wilson(passed: float, judged: int, confidence: float = 0.95) -> tuple[float, float] | None:
    """Wilson's score interval of a rate, within 0..1; None where nothing was judged.

    The rates p with |passed/n - p| <= z sqrt(p (1 - p) / n) (Wilson 1927; Brown, Cai & DasGupta 2001). `passed` may
    be a sum of means over trials: a mean varies less than a single trial does, so the interval then errs on the wide
    side. The ends of a 90 % interval are one-sided 95 % bounds.
    """
    if judged == 0:
        return None
    z2 = normal_quantile((1 + confidence) / 2) ** 2
    rate = passed / judged
    centre = (rate + z2 / (2 * judged)) / (1 + z2 / judged)
    half = math.sqrt(z2 * (rate * (1 - rate) + z2 / (4 * judged)) / judged) / (1 + z2 / judged)
    # The ends at 0 and 1 are exact in theory; rounding must not take them away.
    return (0.0 if passed <= 0 else centre - half), (1.0 if passed >= judged else centre + half)


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """The q of every p, in its order: the false discovery rate at which its test would just be called a finding.

    q of the i-th smallest of m is the least p_j m / j over j >= i, at most 1 (Benjamini & Hochberg 1995).
    """
    q, least = [1.0] * len(ps), 1.0
    for rank, index in reversed(list(enumerate(sorted(range(len(ps)), key=ps.__getitem__), start=1))):
        least = min(least, ps[index] * len(ps) / rank)
        q[index] = least
    return q
