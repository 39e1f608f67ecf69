"""What asking a case more than once shows: pass@k and pass^k, cases that flake, and how many answers differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from evalkit import tally, values
from evalkit.data import Answer, Record
from evalkit.pairing import chances


class CaseRepeats(Struct, frozen=True, kw_only=True):
    """One case, asked more than once: `correct` where the case judges that, else `compliance`."""

    case: str
    passed: tuple[bool, ...]
    """Of each trial that was judged."""
    distinct: int
    """Different answers among them, by the calls made: what is said beside them is the same answer."""

    @property
    def flakes(self) -> bool:
        """Some of its trials pass and some do not."""
        return len(set(self.passed)) > 1

    @property
    def flips(self) -> float:
        """Chance that two of its trials differ."""
        return chances.flips(self.passed)

    @property
    def diversity(self) -> float:
        """Distinct answers / trials; 1 / trials where all are the same."""
        return self.distinct / len(self.passed)


class Repeats(Struct, frozen=True, kw_only=True):
    """All cases of one target that were judged more than once; each counts once. Shares are 0..1."""

    cases: tuple[CaseRepeats, ...]
    pass_at: Mapping[int, float]
    """k -> chance that one of k trials of a case passes, over the cases with k trials or more."""
    pass_hat: Mapping[int, float]
    """k -> chance that all of k trials of a case pass."""

    @property
    def flaky(self) -> float:
        """Share of the cases of which some trials pass and some do not."""
        return _mean([case.flakes for case in self.cases])

    @property
    def flips(self) -> float:
        """Chance that two trials of one case differ."""
        return _mean([case.flips for case in self.cases])

    @property
    def diversity(self) -> float:
        """Distinct answers / trials of a case, on average."""
        return _mean([case.diversity for case in self.cases])


class _Trials(Struct, frozen=True):
    """Those of one case: as little as there can be, since there is one for each case of a run."""

    passed: tuple[bool, ...] = ()
    distinct: tuple[int, ...] = ()
    """Digests of answers."""


_NONE_YET = _Trials()


class Counting(Struct, kw_only=True):
    """Counts the trials of one target, record by record; no record is kept."""

    _trials: dict[str, _Trials] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        if record.score is None or record.answer is None:
            return
        correct = tally.value(record.score, "correct")
        passed = tally.value(record.score, "compliance") if correct is None else correct
        if passed is not None:
            trials = self._trials.setdefault(record.case, _NONE_YET)
            calls = _calls(record.answer)
            distinct = trials.distinct if calls in trials.distinct else (*trials.distinct, calls)
            self._trials[record.case] = _Trials((*trials.passed, passed), distinct)

    def told(self) -> Repeats | None:
        """None unless some case was judged twice."""
        cases = tuple(
            CaseRepeats(case=case, passed=trials.passed, distinct=len(trials.distinct))
            for case, trials in self._trials.items()
            if len(trials.passed) > 1
        )
        if not cases:
            return None
        counts = [(sum(case.passed), len(case.passed)) for case in cases]
        ks = _steps(max(n for _, n in counts))
        return Repeats(
            cases=cases,
            pass_at={k: _known(chances.pass_at_k(passed, n, k) for passed, n in counts) for k in ks},
            pass_hat={k: _known(chances.pass_hat_k(passed, n, k) for passed, n in counts) for k in ks},
        )


def of(records: Iterable[Record]) -> Repeats | None:
    """What the trials of one target's records show; None unless some case was judged twice."""
    counting = Counting()
    for record in records:
        counting.add(record)
    return counting.told()


def _calls(answer: Answer) -> int:
    made = [[call.tool, call.value if call.error is None else call.text, call.error] for call in answer.payloads]
    return int(values.digest(made), 16)


def _steps(most: int) -> Sequence[int]:
    """1, 2, 4, 8 ... and the last."""
    return sorted({*(1 << power for power in range(most.bit_length())), most})


def _mean(shares: Sequence[float]) -> float:
    return sum(shares) / len(shares)


def _known(chances: Iterable[float | None]) -> float:
    return _mean([chance for chance in chances if chance is not None])
