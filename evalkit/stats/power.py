"""How many cases a decision takes, before and after the asking."""

from __future__ import annotations

import math

from scipy import special

from evalkit.stats.paired import restricted_variance, tango
from evalkit.stats.rates import normal_quantile

FAR = 1_000_000
"""More cases than this are no answer."""


def power_not_worse(cases: int, discordant: float, margin: float, confidence: float = 0.95) -> float:
    """Chance, 0..1, that two equally good models are found not worse by `margin` or more, over `cases` cases.

    `discordant`: share of cases, 0..1, that pass on one side only, as many each way. By the normal approximation to
    Tango's test: the threshold from the variance under a drop of `margin`, the spread from that under none
    (Tango 1998, section 5).
    """
    spread = math.sqrt(max(discordant, 1e-12))
    threshold = math.sqrt(restricted_variance(discordant / 2, discordant / 2, -margin))
    return float(special.ndtr((margin * math.sqrt(cases) - normal_quantile(confidence) * threshold) / spread))


def cases_for_margin(discordant: float, margin: float, power: float = 0.80, confidence: float = 0.95) -> int:
    """The fewest cases with which `power_not_worse` reaches `power`; margin above 0."""
    threshold = math.sqrt(restricted_variance(discordant / 2, discordant / 2, -margin))
    need = normal_quantile(confidence) * threshold + normal_quantile(power) * math.sqrt(discordant)
    return math.ceil((need / margin) ** 2)


def cases_to_settle(
    gained: float, lost: float, pairs: int, margin: float, *, widening: float = 1.0, power: float = 0.80
) -> int | None:
    """How many cases in all settle "not worse by `margin`", either way, if the rates stay as seen; None: over FAR.

    The fewest cases n for which Tango's bound, at the same shares and with `power` added to its one-sided 95 %
    confidence, lies on one side of -margin. `widening`: how much wider than Tango's the interval in use is.
    """
    confidence = 2 * float(special.ndtr(normal_quantile(0.95) + normal_quantile(power))) - 1

    def settled(cases: int) -> bool:
        low, high = tango(gained * cases / pairs, lost * cases / pairs, cases, confidence)
        return low > -margin or high < -margin

    scale, low, high = widening**2, pairs, pairs
    while not settled(high):
        low, high = high, high * 2
        if high * scale > FAR:
            return None
    while high - low > max(1, low // 100):  # to one per cent: more would be false precision
        middle = (low + high) // 2
        low, high = (low, middle) if settled(middle) else (middle, high)
    return math.ceil(high * scale)


def cases_below_floor(rate: float, floor: float) -> int | None:
    """How many cases in all put a `rate` that stays as seen surely below `floor` (95 % Wilson); None: over FAR."""
    if rate >= floor:
        return None
    cases = normal_quantile(0.975) ** 2 * floor * (1 - floor) / (floor - rate) ** 2
    return math.ceil(cases) + 1 if cases < FAR else None
