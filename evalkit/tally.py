"""What a heap of records adds up to: scores by name, codes, precision and recall, latency, tokens, faults. Pure."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import TypeVar

from msgspec import Struct, field

from evalkit.data import SCORES, Counts, Fault, FaultKind, Record, Response, Score, ScoreName, Target, Usage

Label = TypeVar("Label", bound=str)
_TOO_OFTEN = 0.025
"""As for the bounds of a 95 % interval: how often so few answers may all lie below the quantile."""

QUANTILES: Mapping[str, float] = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}

_ATTRIBUTES: Mapping[ScoreName, str] = {name: name.replace("compliance", "valid") for name in SCORES}

_worths = attrgetter(*(_ATTRIBUTES[name] for name in SCORES))


def value(score: Score, name: ScoreName) -> bool | None:
    """One of SCORES by its name; None where it does not apply to the case."""
    found: bool | None = getattr(score, _ATTRIBUTES[name])
    return found


class Prf(Struct, frozen=True, kw_only=True):
    """Each 0..1; None where its denominator is 0."""

    precision: float | None
    recall: float | None
    f1: float | None
    counts: Counts


def prf(counts: Iterable[Counts]) -> Prf:
    """Precision, recall and F1 of all counts together (micro-averaged)."""
    matched = expected = actual = 0
    for count in counts:
        matched += count.matched
        expected += count.expected
        actual += count.actual
    return Prf(
        precision=matched / actual if actual else None,
        recall=matched / expected if expected else None,
        f1=2 * matched / (actual + expected) if actual + expected else None,
        counts=Counts(matched=matched, expected=expected, actual=actual),
    )


def calls(records: Iterable[Record]) -> Prf:
    """How well the tools called are the tools wanted. Faults are left out."""
    return prf(record.score.calls for record in records if record.score is not None)


def arguments(records: Iterable[Record]) -> Prf:
    """How well the arguments sent are the arguments wanted. Faults are left out."""
    return prf(record.score.arguments for record in records if record.score is not None)


def codes(records: Iterable[Record]) -> Mapping[str, int]:
    """Code -> number of answers that have it, most frequent first."""
    return ranked(
        Counter(
            code
            for record in records
            if record.score is not None
            for code in {violation.code for violation in record.score.violations}
        )
    )


def faults(records: Iterable[Record]) -> Mapping[FaultKind, int]:
    """Kind -> number of records that ended in it, most frequent first."""
    return ranked(Counter(record.reply.kind for record in records if isinstance(record.reply, Fault)))


def seconds(records: Iterable[Record]) -> list[float]:
    """Total time of every answer that was timed. A Fault has none."""
    return [
        record.reply.timing.total
        for record in records
        if isinstance(record.reply, Response) and record.reply.timing.total is not None
    ]


def latency_quantiles(records: Iterable[Record]) -> Mapping[str, tuple[float, float, float] | None]:
    """Name in QUANTILES -> (seconds, low, high), a 95 % interval; None where there are too few answers."""
    from evalkit import stats  # here alone: scipy takes longer to import than most runs take to sum up

    timed = seconds(records)
    return {name: stats.quantile_interval(timed, quantile) for name, quantile in QUANTILES.items()}


class Totals(Struct, kw_only=True):
    """What one target's records add up to, each forgotten once it is added."""

    answered: int = 0
    cached: int = 0
    """Of the answers, those that were had in earlier runs."""
    faults: Counter[FaultKind] = field(default_factory=Counter)
    worths: Counter[tuple[bool | None, ...]] = field(default_factory=Counter)
    """Answers that have these scores, in the order of SCORES; None where one does not apply."""
    codes: Counter[str] = field(default_factory=Counter)
    """Answers that have a code."""
    seconds: array[float] = field(default_factory=lambda: array("d"))
    cost: float | None = None
    """USD, of the answers that name it; None if none does."""

    def add(self, record: Record) -> None:
        if isinstance(record.reply, Fault):
            self.faults[record.reply.kind] += 1
        else:
            self.answered += 1
            self.cached += bool(record.cached)
            if record.reply.timing.total is not None:
                self.seconds.append(record.reply.timing.total)
        if record.answer is not None and record.answer.usage.cost is not None:
            self.cost = (self.cost or 0.0) + record.answer.usage.cost
        if record.score is not None:
            self._count(record.score)

    def _count(self, score: Score) -> None:
        self.worths[_worths(score)] += 1
        if score.violations:
            self.codes.update({violation.code for violation in score.violations})

    def rate(self, name: ScoreName) -> float | None:
        """Share of the answers to which the score applies that have it."""
        place = list(SCORES).index(name)
        passed = sum(count for worths, count in self.worths.items() if worths[place])
        judged = sum(count for worths, count in self.worths.items() if worths[place] is not None)
        return passed / judged if judged else None

    def quantile(self, share: float) -> float | None:
        """Seconds within which `share` of the answers came; None with so few that none may have taken longer."""
        if share ** len(self.seconds) > _TOO_OFTEN:
            return None
        return sorted(self.seconds)[max(0, math.ceil(share * len(self.seconds)) - 1)]


def ranked(counts: Mapping[Label, int]) -> dict[Label, int]:
    """The most frequent first."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


class Spending(Struct, frozen=True, kw_only=True):
    """`total` sums what is known; a field is None where no answer reported it."""

    total: Usage
    answers: int
    counted: int
    """Answers that reported tokens. Fewer than `answers`: the sums are too low."""
    priced: int
    """Answers whose cost is known; so too with these."""
    priced_compliant: int

    @property
    def cost_each(self) -> float | None:
        """USD for an answer, over those whose cost is known: the others may have cost as much."""
        return self.total.cost / self.priced if self.total.cost is not None else None

    @property
    def cost_compliant(self) -> float | None:
        """USD for each compliant answer, over those whose cost is known; None where none of them is compliant."""
        if self.total.cost is None or not self.priced_compliant:
            return None
        return self.total.cost / self.priced_compliant


def usage(records: Iterable[Record], target: Target | None = None) -> Spending:
    """Tokens and cost of all answers. One without a cost of its own is priced by `target`, if that has prices."""
    answered = [(record.answer.usage, record.score) for record in records if record.answer is not None]
    reports = [report for report, _ in answered]
    prices = [(price, score) for report, score in answered if (price := cost(report, target)) is not None]
    return Spending(
        total=Usage(
            input_tokens=_sum(report.input_tokens for report in reports),
            output_tokens=_sum(report.output_tokens for report in reports),
            cached_tokens=_sum(report.cached_tokens for report in reports),
            reasoning_tokens=_sum(report.reasoning_tokens for report in reports),
            cost=sum(price for price, _ in prices) if prices else None,
        ),
        answers=len(reports),
        counted=sum(report.input_tokens is not None or report.output_tokens is not None for report in reports),
        priced=len(prices),
        priced_compliant=sum(score is not None and score.valid is True for _, score in prices),
    )


def _sum(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def cost(report: Usage, target: Target | None) -> float | None:
    """USD; None unless the answer names its cost, or both its tokens and the target's prices are known."""
    if report.cost is not None:
        return report.cost
    if target is None or target.input_price is None or target.output_price is None:
        return None
    if report.input_tokens is None or report.output_tokens is None:
        return None
    return (report.input_tokens * target.input_price + report.output_tokens * target.output_price) / 1e6
