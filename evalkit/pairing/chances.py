"""What the trials of one case say of further ones, by counting alone: no statistics library is needed for it."""

from __future__ import annotations

import math
from collections.abc import Sequence


def pass_hat_k(passed: int, trials: int, k: int) -> float | None:
    """Chance that `k` trials of one case all pass, 0..1; None with fewer than `k` trials.

    C(passed, k) / C(trials, k): unbiased, where (passed / trials)^k is too high (pass^k of tau-bench, Yao et al. 2024).
    """
    return math.comb(passed, k) / math.comb(trials, k) if trials >= k else None


def pass_at_k(passed: int, trials: int, k: int) -> float | None:
    """Chance that of `k` trials of one case at least one passes, 0..1; None with fewer than `k` trials.

    1 - C(trials - passed, k) / C(trials, k): unbiased (Chen et al. 2021).
    """
    return 1 - math.comb(trials - passed, k) / math.comb(trials, k) if trials >= k else None


def flips(trials: Sequence[bool]) -> float:
    """Chance that two different trials of these differ."""
    passed, n = sum(trials), len(trials)
    return 2 * passed * (n - passed) / (n * (n - 1))


def between(one: Sequence[bool], other: Sequence[bool]) -> float:
    """Chance that a trial of one and a trial of the other differ."""
    was, now = sum(one) / len(one), sum(other) / len(other)
    return was * (1 - now) + now * (1 - was)
