"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit import numerals


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.9731, "97.3 %"), (1, "100.0 %"), (0.9999, "> 99.9 %"), (0, "0.0 %"), (0.0001, "< 0.1 %"), (None, "–")],
)
def test_only_all_is_a_hundred_percent_and_only_none_is_zero(share: float | None, text: str) -> None:
    assert numerals.percent(share) == text


@pytest.mark.parametrize(("share", "text"), [(0.021, "+2.1"), (-0.021, "−2.1"), (-0.0001, "0.0"), (0, "0.0")])
def test_a_difference_carries_its_sign(share: float, text: str) -> None:
    assert numerals.points(share) == text


def test_an_interval_without_a_bound_is_no_interval() -> None:
    assert numerals.between(-0.01, 0.02) == "[−1.0, +2.0]"
    assert numerals.between(None, 0.02) == ""


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0.0042, "4.2 ms"),
        (0.0421, "42 ms"),
        (0.9996, "1.00 s"),
        (1.234, "1.23 s"),
        (12.34, "12.3 s"),
        (1234, "1,234 s"),
    ],
)
def test_a_time_has_three_digits_that_say_something(time: float, text: str) -> None:
    assert numerals.seconds(time) == text


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "$0.00"), (1234.5, "$1,234.50"), (0.0123, "$0.0123"), (0.00000123, "$0.00000123")]
)
def test_small_money_is_not_rounded_away(amount: float, text: str) -> None:
    assert numerals.usd(amount) == text


@pytest.mark.parametrize(("p", "text"), [(0.0432, ".043"), (0.0004, "< .001"), (1.0, "1"), (None, "–")])
def test_a_probability_has_no_leading_zero(p: float | None, text: str) -> None:
    assert numerals.chance(p) == text


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=0, max_value=1e12))
def test_every_amount_has_a_spelling(amount: float) -> None:
    for spell in (numerals.seconds, numerals.usd, numerals.number, numerals.ratio):
        assert spell(amount)


def test_one_is_singular() -> None:
    assert numerals.counted(1, "case") == "1 case"
    assert numerals.counted(1240, "case") == "1,240 cases"
