"""How far the incumbent differs from itself: what any candidate's difference is to be seen beside. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit import stats, tally
from evalkit.data import Noise, Record, ScoreName, Suite
from evalkit.pairing import slicing
from evalkit.pairing.chances import between, flips
from evalkit.pairing.sides import Side


def floor(suite: Suite, before: Side, after: Side) -> Noise | None:
    """Of `correct`, or of `compliance` where no case judges that; None unless some case was judged twice.

    A flip is a pair of trials of one case of which one passes and the other does not; all pairs of a case count, and
    each case once. The difference is that of two trials, the first two: as if the incumbent had been the candidate.
    """
    score: ScoreName = "correct" if any(slicing.judges_correct(case) for case in suite.cases) else "compliance"
    asked = [(case, _passed(before.records.get(case.id, ()), score)) for case in suite.cases]
    twice = [(case, own) for case, own in asked if len(own) > 1]
    if not twice:
        return None
    others = [_passed(after.records.get(case.id, ()), score) for case, _ in twice]
    flipping = [flips(own) for _, own in twice]
    low, high = stats.wilson(sum(flipping), len(flipping)) or (0.0, 1.0)
    seen = stats.difference(
        [float(own[1]) - own[0] for _, own in twice],
        [slicing.cluster(case, suite) for case, _ in twice],
        averaged=False,
    )
    assert seen is not None  # there is a pair
    return Noise(
        score=score,
        cases=len(twice),
        flips=sum(flipping) / len(flipping),
        flips_low=low,
        flips_high=high,
        difference=seen.mean,
        low=seen.low,
        high=seen.high,
        candidate_flips=_mean([flips(other) for other in others if len(other) > 1]),
        between=_mean([between(own, other) for (_, own), other in zip(twice, others, strict=True) if other]),
    )


def _passed(records: Sequence[Record], score: ScoreName) -> list[bool]:
    """The judged trials of a case."""
    known = (tally.value(record.score, score) for record in records if record.score is not None)
    return [value for value in known if value is not None]


def _mean(shares: Sequence[float]) -> float | None:
    return sum(shares) / len(shares) if shares else None
