"""The random order of cases: a permutation that follows from the suite alone."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from evalkit.pairing import sequence
from tests.outcomes import case, suite

SUITE = suite([case(i) for i in range(400)])


def test_every_case_once_and_always_alike() -> None:
    order = sequence.shuffled(SUITE)
    assert sorted(order, key=lambda case: case.id) == sorted(SUITE.cases, key=lambda case: case.id)
    backwards = replace(SUITE, cases=SUITE.cases[::-1])
    assert sequence.shuffled(backwards) == order


def test_it_has_nothing_to_do_with_the_order_of_the_file_or_another_suite() -> None:
    places = {case.id: place for place, case in enumerate(SUITE.cases)}
    here, there = (
        [places[case.id] for case in sequence.shuffled(replace(SUITE, digest=digest))] for digest in ("one", "other")
    )
    assert abs(np.corrcoef(here, range(400))[0, 1]) < 0.2
    assert abs(np.corrcoef(here, there)[0, 1]) < 0.2
