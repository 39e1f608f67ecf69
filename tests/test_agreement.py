"""Agreement: what the candidate calls against what the incumbent calls, whatever is right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.outcomes import compared


def counts(old: list[str], new: list[str]) -> list[tuple[str | None, int, int, int, int]]:
    found = compared(old, new).agreement
    return [(a.tool, a.both, a.candidate_only, a.baseline_only, a.neither) for a in found]


def test_wrong_calls_agree_as_well_as_right_ones() -> None:
    both = ["p", "w", "v", "n", "n", "p", "p"], ["w", "p", "v", "n", "p", "n", "x"]
    assert counts(*both) == [(None, 3, 1, 1, 1), ("book", 3, 1, 1, 1)]


def test_a_side_calls_what_most_of_its_answered_trials_call() -> None:
    assert counts(["ppn"], ["pn"])[0] == (None, 0, 0, 1, 0)
    assert counts(["px"], ["pxx"])[0] == (None, 1, 0, 0, 0)


def test_rates_take_the_incumbent_for_right() -> None:
    found = compared("pppnn", "ppnpn").agreement[0]
    assert [found.precision, found.recall, found.f1] == pytest.approx([2 / 3] * 3)
    silent = compared("nn", "nn").agreement[0]
    assert (silent.precision, silent.recall, silent.f1) == (None, None, None)


@given(st.lists(st.tuples(st.sampled_from("pwvnx"), st.sampled_from("pwvnx")), max_size=20))
def test_every_case_that_both_answered_counts_once(outcomes: list[tuple[str, str]]) -> None:
    heard = sum("x" not in pair for pair in outcomes)
    for _, both, gained, lost, neither in counts([a for a, _ in outcomes], [b for _, b in outcomes]):
        assert both + gained + lost + neither == heard
    assert bool(counts([a for a, _ in outcomes], [b for _, b in outcomes])) == bool(heard)
