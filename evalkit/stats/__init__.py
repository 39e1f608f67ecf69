"""Intervals, tests and power: numbers in, numbers out. The only home of scipy.

`rates` is one model, `paired` two models on the same cases, `sequential` the same while the answers come in, `power`
how many cases it takes by formula and `simulation` by trying, `latency` how long they take.
"""

from evalkit.stats.latency import hodges_lehmann, quantile_interval
from evalkit.stats.paired import (
    LEAST_CLUSTERS,
    Difference,
    adjusted_mean,
    clustered_mean,
    contrast,
    difference,
    discordance,
    mcnemar_exact,
    mcnemar_midp,
    ratio_of_totals,
    tango,
)
from evalkit.stats.power import cases_below_floor, cases_for_margin, cases_to_settle, power_not_worse
from evalkit.stats.rates import benjamini_hochberg, normal_quantile, t_quantile, wilson
from evalkit.stats.sequential import Bets, cases_until_won, sequential_difference, sequential_interval, sequential_p
from evalkit.stats.simulation import Odds, cases_for_power, decision_odds, margin_for_power

__all__ = [
    "LEAST_CLUSTERS",
    "Bets",
    "Difference",
    "Odds",
    "adjusted_mean",
    "benjamini_hochberg",
    "cases_below_floor",
    "cases_for_margin",
    "cases_for_power",
    "cases_to_settle",
    "cases_until_won",
    "clustered_mean",
    "contrast",
    "decision_odds",
    "difference",
    "discordance",
    "hodges_lehmann",
    "margin_for_power",
    "mcnemar_exact",
    "mcnemar_midp",
    "normal_quantile",
    "power_not_worse",
    "quantile_interval",
    "ratio_of_totals",
    "sequential_difference",
    "sequential_interval",
    "sequential_p",
    "t_quantile",
    "tango",
    "wilson",
]
