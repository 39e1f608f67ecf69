"""Power by trying: against the formula where that holds, and against the interval in use, draw by draw."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit import stats
from evalkit.stats import simulation


@pytest.mark.parametrize("cases", [150, 400, 900])
@pytest.mark.parametrize(("discordant", "margin"), [(0.02, 0.02), (0.04, 0.03), (0.12, 0.05)])
def test_with_few_clusters_it_is_the_formula(cases: int, discordant: float, margin: float) -> None:
    tried = stats.decision_odds([cases], discordant / 2, discordant / 2, margin)
    assert tried.passes == pytest.approx(stats.power_not_worse(cases, discordant, margin), abs=0.08)
    assert tried.fails <= 0.02


@pytest.mark.parametrize(("discordant", "margin", "power"), [(0.04, 0.03, 0.8), (0.1, 0.03, 0.95), (0.06, 0.05, 0.8)])
def test_sample_sizes_by_trying_and_by_formula(discordant: float, margin: float, power: float) -> None:
    need = stats.cases_for_power([100], discordant, margin, power)
    assert need is not None
    assert need == pytest.approx(stats.cases_for_margin(discordant, margin, power), rel=0.15)
    assert stats.decision_odds([need], discordant / 2, discordant / 2, margin).passes >= power


def test_the_rule_tried_is_the_rule_in_use() -> None:
    """Each draw decided again by `stats.difference`, whose bounds the gate goes by."""
    sizes, margin = [3, 5, 8, 10, 10, 12, 15, 20, 25, 30, 1, 1], 0.05
    rng = np.random.default_rng(6)
    for gained, lost in ((0.03, 0.03), (0.02, 0.12), (0.2, 0.25)):
        passes, fails = [], []
        ups, downs = [], []
        for _ in range(150):
            drawn = [rng.choice([1.0, -1.0, 0.0], size=size, p=[gained, lost, 1 - gained - lost]) for size in sizes]
            clusters = [cluster for cluster, size in enumerate(sizes) for _ in range(size)]
            found = stats.difference(list(np.concatenate(drawn)), clusters, averaged=False)
            assert found is not None
            passes.append(found.lower_bound > -margin)
            fails.append(found.upper_bound < -margin)
            ups.append([int((part > 0).sum()) for part in drawn])
            downs.append([int((part < 0).sum()) for part in drawn])
        shape, up, down = np.array(sizes), np.array(ups), np.array(downs)
        many = simulation._Drawn(
            cases=sum(sizes),
            gained=up.sum(axis=1).astype(float),
            lost=down.sum(axis=1).astype(float),
            error=simulation._error(shape, up, down),
            clusters=len(sizes),
        )
        odds = simulation._odds(many, margin)
        assert (odds.passes, odds.fails) == (float(np.mean(passes)), float(np.mean(fails)))


def test_clusters_cost_power_and_a_fall_is_found() -> None:
    one, many = stats.decision_odds([400], 0.02, 0.02, 0.03), stats.decision_odds([20] * 20, 0.02, 0.02, 0.03)
    assert 0.75 < many.passes < one.passes
    fallen = stats.decision_odds([20] * 20, 0.02, 0.12, 0.03)
    assert fallen.fails > 0.9 and fallen.passes < 0.01
    at_the_margin = stats.decision_odds([20] * 20, 0.02, 0.05, 0.03)
    assert at_the_margin.passes <= 0.06 and at_the_margin.fails <= 0.06


def test_the_margin_that_a_suite_can_decide() -> None:
    sizes = [25] * 8
    least = stats.margin_for_power(sizes, 0.04, 0.8)
    assert stats.decision_odds(sizes, 0.02, 0.02, least).passes >= 0.8
    assert stats.decision_odds(sizes, 0.02, 0.02, least - 0.002).passes < 0.8
    assert stats.margin_for_power(sizes, 0.04, 0.95) > least
    assert stats.margin_for_power([100] * 8, 0.04, 0.8) < least


def test_what_no_affordable_number_of_cases_decides() -> None:
    assert stats.cases_for_power([10] * 4, 0.3, 0.0004, 0.8) is None


def test_many_clusters_are_drawn_in_batches_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = simulation._draw([1] * 50, 0.1, 0.1, 300, 3)
    monkeypatch.setattr(simulation, "_AT_ONCE", 1000)
    parts = simulation._draw([1] * 50, 0.1, 0.1, 300, 3)
    assert len(parts.gained) == len(whole.gained) == 300 and parts.cases == 50
    assert parts.gained.mean() == pytest.approx(whole.gained.mean(), abs=0.5)
