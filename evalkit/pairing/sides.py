"""One target's answers, averaged case by case. Pure.

The rules of averaging: a case counts once, with the mean over its judged trials; it passes if most of them do, and half
of them is not most. A Fault has no score: the other trials of its case speak, and without any the case is faulted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct

from evalkit import tally
from evalkit.data import SCORES, Case, Record, Run, Score, ScoreName

Trials = Mapping[str, tuple[Record, ...]]
"""Case id -> its records, by trial."""


class Side(Struct, frozen=True, kw_only=True):
    """The sequences run along the cases of the suite."""

    records: Trials
    trials: Sequence[int]
    """How many were judged."""
    repeated: bool
    """Some case was judged more than once."""
    faulted: Sequence[bool]
    """Asked, and every trial ended in a Fault."""
    scores: Mapping[ScoreName, Sequence[float | None]]
    """Mean over the judged trials; None where the score does not apply or nothing was judged."""
    sequential: bool = False
    """As in RunInfo: one may have stopped because of what was seen."""

    @staticmethod
    def of(records: Trials, cases: Sequence[Case], *, sequential: bool = False) -> Side:
        judged = [[r.score for r in records.get(case.id, ()) if r.score is not None] for case in cases]
        return Side(
            records=records,
            trials=[len(scores) for scores in judged],
            repeated=any(len(scores) > 1 for scores in judged),
            faulted=[not scores and case.id in records for case, scores in zip(cases, judged, strict=True)],
            scores={name: [mean(scores, name) for scores in judged] for name in SCORES},
            sequential=sequential,
        )


def heard(run: Run, identity: str, cases: Sequence[Case]) -> Trials:
    """What one target of a run was heard to answer, in the order of `cases`."""
    found: dict[str, list[Record]] = defaultdict(list)
    for record in run.records:
        if record.target == identity:
            found[record.case].append(record)
    return {case.id: tuple(sorted(found[case.id], key=lambda r: r.trial)) for case in cases if case.id in found}


def passes(mean: float) -> bool:
    """A case passes if most of its trials do; half of them is not most."""
    return mean > 0.5


_WORTH: Mapping[bool | None, float | None] = {None: None, False: 0.0, True: 1.0}


def mean(scores: Sequence[Score], name: ScoreName) -> float | None:
    """Over the trials to which a score applies; None without any."""
    if len(scores) == 1:
        # Most cases have one: nothing to average, and one number shared by all of them.
        return _WORTH[tally.value(scores[0], name)]
    known = [value for score in scores if (value := tally.value(score, name)) is not None]
    return sum(known) / len(known) if known else None
