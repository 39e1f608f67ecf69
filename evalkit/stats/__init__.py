"""Intervals, tests and power: numbers in, numbers out. The only home of scipy.

`rates` is one model, `paired` two models on the same cases, `latency` how long they take.
"""

from evalkit.stats.latency import hodges_lehmann, quantile_interval
from evalkit.stats.rates import benjamini_hochberg, normal_quantile, pass_hat_k, t_quantile, wilson

__all__ = [
    "benjamini_hochberg",
    "hodges_lehmann",
    "normal_quantile",
    "pass_hat_k",
    "quantile_interval",
    "t_quantile",
    "wilson",
]
