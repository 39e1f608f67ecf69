"""How often two models differ on a case: what chance does to a comparison, before it is made and after. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Literal, TypeAlias

from msgspec import Struct

from evalkit import tally
from evalkit.data import Record, ScoreName
from evalkit.pairing import chances

Source: TypeAlias = Literal["assumed", "measured", "measured on other models"]
Passed: TypeAlias = Mapping[str, Sequence[bool]]
"""Case id -> whether each of its judged trials passes."""


class Discordance(Struct, frozen=True, kw_only=True):
    """How often models differ on a case, 0..1; taken to go half each way, as it would between equally good ones."""

    share: float
    """One trial of each."""
    chance: float | None
    """The part of it that repeating averages away; None: unknown."""
    source: Source

    def over(self, trials: int) -> float:
        """Discordance of one trial a side that leaves as much doubt as means over `trials` do.

        The variance of a case's difference is what sets two models apart plus the chance within each, by trials. Where
        the latter is unknown nothing is hoped of repeats.
        """
        chance = min(self.chance or 0.0, self.share)
        return self.share - chance + chance / trials


def measured(sides: Sequence[Passed]) -> Discordance | None:
    """From two models or more or, where there is one, from its trials; None without either.

    One case more is counted that differs and one that does not: no run shows that none ever will.
    """
    between = [
        chances.between(trials, other[case])
        for one, other in combinations(sides, 2)
        for case, trials in one.items()
        if case in other
    ]
    within = [chances.flips(trials) for side in sides for trials in side.values() if len(trials) > 1]
    if not between and not within:
        return None
    return Discordance(share=_share(between or within), chance=_share(within) if within else None, source="measured")


def passed(records: Iterable[Record], score: ScoreName) -> Passed:
    """What was judged of one model."""
    found: dict[str, list[bool]] = {}
    for record in records:
        value = tally.value(record.score, score) if record.score is not None else None
        if value is not None:
            found.setdefault(record.case, []).append(value)
    return found


def _share(chances: Sequence[float]) -> float:
    return (sum(chances) + 1) / (len(chances) + 2)
