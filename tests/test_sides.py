"""One side: a case counts once, by the mean of its judged trials."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evalkit.pairing.sides import Side, heard, passes
from tests.outcomes import case, run

CASES = [case(i) for i in range(4)]
MADE = run(CASES, {"old": ["pwp", "x", "px", ""]})


def test_a_case_is_the_mean_of_its_judged_trials() -> None:
    side = Side.of(heard(MADE, "old", CASES), CASES)
    assert side.scores["correct"] == [pytest.approx(2 / 3), None, 1.0, None]
    assert side.scores["compliance"] == [1.0, None, 1.0, None]
    assert side.scores["abstained"] == [None] * 4
    assert (side.trials, side.faulted) == ([3, 0, 1, 0], [False, True, False, False])


def test_trials_stand_in_their_order_whatever_that_of_the_run() -> None:
    shuffled = replace(MADE, records=tuple(reversed(MADE.records)))
    assert heard(shuffled, "old", CASES) == heard(MADE, "old", CASES)
    assert list(heard(MADE, "old", CASES)) == ["case-0", "case-1", "case-2"]
    assert heard(MADE, "new", CASES) == {}


def test_half_of_the_trials_is_not_most() -> None:
    assert [passes(mean) for mean in (0.0, 0.5, 2 / 3, 1.0)] == [False, False, True, True]
