"""Which features of the schemas a change goes with: cases that have one against those that do not. Pure.

Features come together (what is deep is long), so this names suspects and convicts none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from evalkit import stats
from evalkit.data import Attribution, ScoreName, Suite
from evalkit.pairing import slicing
from evalkit.pairing.sides import Side
from evalkit.pairing.slicing import Slices

LEAST = 10
"""Pairs with a feature, and without it, below which nothing is said of it."""

SCORES: tuple[ScoreName, ...] = ("correct", "compliance")


def attribute(suite: Suite, features: Slices, before: Side, after: Side) -> tuple[Attribution, ...]:
    """By score, then by how much worse the cases with the feature fared.

    The intervals of one score hold together: each is at 1 - .05 / the number of features (Bonferroni).
    """
    clusters = [slicing.cluster(case, suite) for case in suite.cases]
    return tuple(
        attributed
        for score in SCORES
        for attributed in sorted(
            _of_score(score, suite, features, clusters, before, after), key=lambda a: (a.difference, a.feature)
        )
    )


def _of_score(
    score: ScoreName, suite: Suite, features: Slices, clusters: Sequence[object], before: Side, after: Side
) -> Iterator[Attribution]:
    was, now = before.scores[score], after.scores[score]
    change = {
        i: n - w
        for i, case in enumerate(suite.cases)
        if not case.wants_nothing and (w := was[i]) is not None and (n := now[i]) is not None
    }
    averaged = any(before.trials[i] > 1 or after.trials[i] > 1 for i in change)
    splits = {name: _split(change, frozenset(members)) for name, members in features.items()}
    told = {name: split for name, split in splits.items() if min(map(len, split)) >= LEAST}
    for name, split in told.items():
        has, lacks = (
            stats.difference(
                [change[i] for i in part],
                [clusters[i] for i in part],
                averaged=averaged,
                confidence=1 - 0.05 / len(told),
            )
            for part in split
        )
        assert has is not None and lacks is not None  # there are LEAST of each
        low, high = stats.contrast((has.mean, has.low, has.high), (lacks.mean, lacks.low, lacks.high))
        yield Attribution(
            feature=name,
            score=score,
            cases=len(split[0]),
            others=len(split[1]),
            with_feature=has.mean,
            without=lacks.mean,
            difference=has.mean - lacks.mean,
            low=low,
            high=high,
        )


def _split(change: Mapping[int, float], members: frozenset[int]) -> tuple[list[int], list[int]]:
    return [i for i in change if i in members], [i for i in change if i not in members]
