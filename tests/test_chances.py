"""Chances over the trials of a case, beside a count of every sample there is."""

from __future__ import annotations

import itertools
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from evalkit.pairing import chances


@given(trials=st.integers(1, 8), data=st.data())
def test_pass_hat_k_is_the_share_of_samples_that_all_pass(trials: int, data: st.DataObject) -> None:
    passed, k = data.draw(st.integers(0, trials)), data.draw(st.integers(1, trials))
    samples = list(itertools.combinations([True] * passed + [False] * (trials - passed), k))
    share = chances.pass_hat_k(passed, trials, k)
    assert share is not None
    assert Fraction(share).limit_denominator(1000) == Fraction(sum(map(all, samples)), len(samples))


@given(trials=st.integers(1, 8), data=st.data())
def test_pass_at_k_is_the_share_of_samples_in_which_one_passes(trials: int, data: st.DataObject) -> None:
    passed, k = data.draw(st.integers(0, trials)), data.draw(st.integers(1, trials))
    samples = list(itertools.combinations([True] * passed + [False] * (trials - passed), k))
    share = chances.pass_at_k(passed, trials, k)
    assert share is not None
    assert Fraction(share).limit_denominator(1000) == Fraction(sum(map(any, samples)), len(samples))


def test_pass_at_k_and_pass_hat_k_need_k_trials() -> None:
    assert chances.pass_hat_k(3, 3, 4) is None
    assert chances.pass_at_k(3, 3, 4) is None


@given(one=st.lists(st.booleans(), min_size=2, max_size=8), other=st.lists(st.booleans(), min_size=1, max_size=8))
def test_trials_differ_as_often_as_pairs_of_them_do(one: list[bool], other: list[bool]) -> None:
    within = [a != b for a, b in itertools.combinations(one, 2)]
    between = [a != b for a, b in itertools.product(one, other)]
    assert Fraction(chances.flips(one)).limit_denominator(1000) == Fraction(sum(within), len(within))
    assert Fraction(chances.between(one, other)).limit_denominator(1000) == Fraction(sum(between), len(between))
