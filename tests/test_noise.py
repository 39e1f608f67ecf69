"""The noise floor: two trials of one model, whatever the order, and what a candidate is seen beside."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.outcomes import compared


def test_without_a_second_trial_there_is_no_floor() -> None:
    assert compared("ppw", "ppp").noise is None
    assert compared(["px"], ["pp"]).noise is None


def test_flips_are_pairs_of_trials_that_differ() -> None:
    noise = compared(["pp", "pw", "ppw", "p"], ["pp", "ww", "pp", "p"]).noise
    assert noise is not None and (noise.score, noise.cases) == ("correct", 3)
    assert noise.flips == pytest.approx((0 + 1 + 2 / 3) / 3)
    assert noise.difference == pytest.approx(-1 / 3)  # of the first two trials
    assert noise.candidate_flips == 0.0
    assert noise.between == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)


@given(st.lists(st.text("pw", min_size=2, max_size=5), min_size=1, max_size=8))
def test_flips_agree_with_counting_every_pair(words: list[str]) -> None:
    noise = compared(words, ["p"] * len(words)).noise
    shares = [np.mean([a != b for a, b in combinations(word, 2)]) for word in words]
    assert noise is not None and noise.flips == pytest.approx(np.mean(shares))
    assert noise.flips_low - 1e-9 <= noise.flips <= noise.flips_high + 1e-9
    assert noise.low <= noise.difference <= noise.high
