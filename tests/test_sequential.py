"""Betting: right at any stopping time, by seeded simulation; the interval and the bets say the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evalkit import stats
from evalkit.stats.sequential import STAKES

MARGIN = 0.03
CASES = 2000
VALUES = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=1, max_size=80)


def migrations(gained: float, lost: float, count: int, seed: int) -> NDArray[np.float64]:
    """Paired differences, a row a migration."""
    chances = [gained, lost, 1 - gained - lost]
    return np.random.default_rng(seed).choice([1.0, -1.0, 0.0], p=chances, size=(count, CASES))


def decided_at(drawn: NDArray[np.float64], mean: float) -> NDArray[np.float64]:
    """After how many cases the bet on a difference above `mean` is won; infinity: never. All rows at once."""
    logs = np.zeros((len(drawn), len(STAKES)))
    when = np.full(len(drawn), np.inf)
    null = (1 + mean) / 2
    for case in range(drawn.shape[1]):
        logs += np.log1p(STAKES * ((drawn[:, case : case + 1] + 1) / 2 / null - 1))
        when[(np.exp(logs).mean(axis=1) >= 20) & np.isinf(when)] = case + 1
    return when


@pytest.mark.parametrize(("gained", "lost"), [(0.02, 0.05), (0.0, 0.03), (0.1, 0.13)])
def test_a_fall_by_the_margin_is_seldom_called_not_worse_though_one_looks_after_every_case(
    gained: float, lost: float
) -> None:
    drawn = migrations(gained, lost, 2000, seed=1)
    assert np.mean(np.isfinite(decided_at(drawn, -MARGIN))) <= 0.05
    assert np.mean(np.isfinite(decided_at(-drawn, MARGIN))) <= 0.05  # nor is it called a fall beyond the margin


def test_equal_models_are_accepted_after_a_sixth_of_the_cases() -> None:
    when = decided_at(migrations(0.02, 0.02, 1000, seed=2), -MARGIN)
    assert 250 <= np.median(when) <= 340
    assert np.mean(np.isfinite(when)) >= 0.99


def test_when_equal_models_are_typically_accepted_is_told_before() -> None:
    seen = np.median(decided_at(migrations(0.02, 0.02, 400, seed=5), -MARGIN))
    assert stats.cases_until_won(0.02, 0.02, MARGIN, CASES) == pytest.approx(seen, rel=0.15)
    assert stats.cases_until_won(0.02, 0.05, MARGIN, 400) is None


def test_a_regression_is_flagged_early() -> None:
    drawn = migrations(0.02, 0.08, 1000, seed=3)
    assert 120 <= np.median(decided_at(-drawn, 0.0)) <= 190  # that it fell
    assert 400 <= np.median(decided_at(-drawn, MARGIN)) <= 800  # that it fell by more than the margin


@given(VALUES, st.floats(0.02, 0.4))
def test_bets_are_won_just_where_the_bound_lies_above(values: list[float], margin: float) -> None:
    bets = stats.Bets((1 - margin) / 2)
    for value in values:
        bets.add((value + 1) / 2)
    found = stats.sequential_difference(values)
    assert found is not None
    if abs(found.lower_bound + margin) > 1e-8:
        assert bets.won() == (found.lower_bound > -margin)
    assert found.mean == pytest.approx(np.mean(values))
    assert -1 <= found.low <= found.lower_bound <= found.upper_bound <= found.high <= 1 or found.low > found.high


@given(VALUES)
def test_the_other_way_round_all_is_mirrored(values: list[float]) -> None:
    found, mirrored = (stats.sequential_difference([sign * v for v in values]) for sign in (1, -1))
    assert found and mirrored
    assert (mirrored.low, mirrored.upper_bound) == pytest.approx((-found.high, -found.lower_bound), abs=1e-8)
    assert stats.sequential_p(values) == pytest.approx(stats.sequential_p([-v for v in values]))


def test_what_was_decided_stays_decided() -> None:
    rise_then_fall = [1.0] * 30 + [-1.0] * 30
    early, late = stats.sequential_difference(rise_then_fall[:30]), stats.sequential_difference(rise_then_fall)
    assert early and late and late.lower_bound >= early.lower_bound > 0
    assert stats.sequential_p(rise_then_fall) <= stats.sequential_p(rise_then_fall[:30]) < 0.001


def test_the_interval_holds_a_rate_at_every_time_at_once() -> None:
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(200):
        found = stats.sequential_interval(list((rng.uniform(size=300) < 0.9).astype(float)))
        assert found is not None
        missed += not found[0] <= 0.9 <= found[1]
    assert missed / 200 <= 0.05
    assert stats.sequential_interval([]) is None and stats.sequential_difference([]) is None


def test_no_difference_in_anything_seen_is_no_evidence() -> None:
    assert stats.sequential_p([0.0] * 500) == 1.0
    found = stats.sequential_difference([0.0] * 500)
    assert found and -0.02 < found.lower_bound < 0 < found.upper_bound < 0.02
