"""Two sides over the same cases: the cells of a comparison, what became of each case, and ratios. Pure.

Linear in the number of records, but for sorting times.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from msgspec.structs import replace

from evalkit import complaint, stats, tally
from evalkit.data import SCORES, Case, Cell, Change, Rate, Ratio, Record, ScoreName, Suite, Target
from evalkit.pairing import sequence, slicing
from evalkit.pairing.sides import Side, passes
from evalkit.pairing.slicing import Slices

LEAST_TESTED = 5
"""Tools of fewer pairs have no q. All four of four cases broken have a p of .06: no outcome could be told from chance,
and to test it all the same would only blunt the correction for the others."""

FEATURE_SCORES: tuple[ScoreName, ...] = ("compliance", "correct")
"""What is told of features of schemas. The rungs below follow from other things."""


def cells(suite: Suite, features: Slices, before: Side, after: Side) -> tuple[Cell, ...]:
    """One for each slice and each score that some case of the slice judges; those of tools with their q."""
    return (
        *corrected(over(slicing.slices(suite), suite, before, after)),
        *over(slicing.of_features(features), suite, before, after, FEATURE_SCORES),
    )


def over(
    slices: Slices,
    suite: Suite,
    before: Side,
    after: Side,
    scores: Iterable[ScoreName] = tuple(SCORES),
    among: int = 1,
) -> list[Cell]:
    """The cells of some slices, without q.

    `among`: of how many candidates this is one, where intervals and bounds are to hold for all of them together.

    If a side is sequential, cases count in the random order in which they were to be asked, and intervals and p hold at
    any stopping time.
    """
    if before.sequential or after.sequential:
        place = {case.id: number for number, case in enumerate(sequence.shuffled(suite))}
        slices = {name: sorted(cases, key=lambda i: place[suite.cases[i].id]) for name, cases in slices.items()}
    clusters = [slicing.cluster(case, suite) for case in suite.cases]
    judged = {
        score: [
            was is not None or now is not None or slicing.applies(case, score)
            for case, was, now in zip(suite.cases, before.scores[score], after.scores[score], strict=True)
        ]
        for score in scores
    }
    return [
        _cell(name, score, judging, clusters, before, after, among)
        for name, members in slices.items()
        for score in judged
        if (judging := [i for i in members if judged[score][i]])
    ]


def _cell(
    name: str,
    score: ScoreName,
    members: Sequence[int],
    clusters: Sequence[object],
    before: Side,
    after: Side,
    among: int,
) -> Cell:
    was, now = before.scores[score], after.scores[score]
    pairs = [(i, w, n) for i in members if (w := was[i]) is not None and (n := now[i]) is not None]
    sequential = before.sequential or after.sequential
    differences = [n - w for _, w, n in pairs]
    if sequential:
        seen = stats.sequential_difference(differences, among)
    else:
        averaged = any(side.repeated and any(side.trials[i] > 1 for i, _, _ in pairs) for side in (before, after))
        seen = stats.difference(differences, [clusters[i] for i, _, _ in pairs], averaged=averaged, among=among)
    own = tuple(_rate(side.scores[score], side.faulted, members, sequential) for side in (before, after))
    both = [i for i, _, _ in pairs]
    unlike = [(w, n) for _, w, n in pairs if w != n]
    fixed = sum(passes(n) and not passes(w) for w, n in unlike)
    broken = sum(passes(w) and not passes(n) for w, n in unlike)
    return Cell(
        slice=name,
        score=score,
        baseline=own[0],
        candidate=own[1],
        shared=(
            own[0] if own[0].judged == len(both) else _rate(was, before.faulted, both, sequential),
            own[1] if own[1].judged == len(both) else _rate(now, after.faulted, both, sequential),
        ),
        pairs=len(pairs),
        difference=seen.mean if seen else None,
        low=seen.low if seen else None,
        high=seen.high if seen else None,
        lower_bound=seen.lower_bound if seen else None,
        upper_bound=seen.upper_bound if seen else None,
        fixed=fixed,
        broken=broken,
        p=_p(differences, fixed, broken, sequential) if pairs else None,
        method=seen.method if seen else "",
    )


def _p(differences: Sequence[float], fixed: int, broken: int, sequential: bool) -> float:
    return stats.sequential_p(differences) if sequential else stats.mcnemar_midp(fixed, broken)


def _rate(scores: Sequence[float | None], faulted: Sequence[bool], members: Sequence[int], sequential: bool) -> Rate:
    judged = [value for i in members if (value := scores[i]) is not None]
    passed = math.fsum(judged)
    found = stats.sequential_interval(judged) if sequential else stats.wilson(passed, len(judged))
    low, high = found or (None, None)
    return Rate(passed=passed, judged=len(judged), faulted=sum(faulted[i] for i in members), low=low, high=high)


def corrected(found: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells, those of tools with their q: Benjamini-Hochberg over all tools tested, one score at a time."""
    families: dict[str, list[int]] = defaultdict(list)
    for i, cell in enumerate(found):
        if cell.slice.startswith("tool:") and cell.pairs >= LEAST_TESTED:
            families[cell.score].append(i)
    told = list(found)
    for family in families.values():
        for i, q in zip(family, stats.benjamini_hochberg([found[i].p or 0.0 for i in family]), strict=True):
            told[i] = replace(found[i], q=q)
    return tuple(told)


# --------------------------------------------------------------------------- case by case


def changes(cases: Sequence[Case], before: Side, after: Side, names: tuple[str, str]) -> Iterable[Change]:
    """What became of each case, in order. `names`: what to call the sides where one has no answer."""
    for i, case in enumerate(cases):
        score: ScoreName = "correct" if slicing.judges_correct(case) else "compliance"
        was, now = before.scores[score][i], after.scores[score][i]
        sides = tuple(zip(names, (before, after), strict=True))
        if absent := [name for name, side in sides if case.id not in side.records]:
            yield Change(case=case.id, kind="unpaired", why=f"never asked of {' and '.join(absent)}")
        elif was is None or now is None:
            faults = [f"{n}: {complaint.about(case, side.records[case.id])}" for n, side in sides if side.faulted[i]]
            yield Change(case=case.id, kind="unjudged", why="; ".join(faults))
        elif passes(was) and passes(now):
            yield Change(case=case.id, kind="same")
        elif passes(now):
            yield _fallen(case, "fixed", before)
        else:
            yield _fallen(case, "broken" if passes(was) else "both_fail", after)


def _fallen(case: Case, kind: Literal["fixed", "broken", "both_fail"], side: Side) -> Change:
    records = side.records[case.id]
    return Change(case=case.id, kind=kind, why=complaint.about(case, records), cause=complaint.cause(records))


# --------------------------------------------------------------------------- ratios

Amount = Callable[[Sequence[Record]], float | None]
"""What the trials of a case came to, on average; None where that is unknown."""


def latency(cases: Sequence[Case], before: Side, after: Side) -> Ratio:
    """The typical case: the median of the ratios. The time of a case is the geometric mean of its trials."""
    pairs = _pairs(cases, before, after, _seconds, _seconds)
    if not pairs:
        return Ratio(ratio=None, low=None, high=None, pairs=0)
    found = stats.hodges_lehmann([math.log(now / was) for was, now in pairs])
    ratio, low, high = (None if end is None else math.exp(end) for end in found)
    return Ratio(ratio=ratio, low=low, high=high, pairs=len(pairs))


def output_tokens(cases: Sequence[Case], before: Side, after: Side) -> Ratio | None:
    """Of all output tokens: a few long answers count as much as they are long."""
    return _totals(_pairs(cases, before, after, _output_tokens, _output_tokens))


def cost(cases: Sequence[Case], before: Side, after: Side, targets: tuple[Target, Target]) -> Ratio | None:
    """Of the bills, as the answers say or the targets' prices have it."""
    prices = (_cost(target) for target in targets)
    return _totals(_pairs(cases, before, after, *prices))


def _pairs(cases: Sequence[Case], before: Side, after: Side, was: Amount, now: Amount) -> list[tuple[float, float]]:
    known = ((was(before.records.get(case.id, ())), now(after.records.get(case.id, ()))) for case in cases)
    return [(one, other) for one, other in known if one is not None and other is not None]


def _totals(pairs: Sequence[tuple[float, float]]) -> Ratio | None:
    found = stats.ratio_of_totals(pairs)
    return Ratio(ratio=found[0], low=found[1], high=found[2], pairs=len(pairs)) if found else None


def _seconds(records: Sequence[Record]) -> float | None:
    logs = [math.log(seconds) for seconds in tally.seconds(records) if seconds > 0]
    return math.exp(math.fsum(logs) / len(logs)) if logs else None


def _output_tokens(records: Sequence[Record]) -> float | None:
    counts = [r.answer.usage.output_tokens for r in records if r.answer]
    return _average(count for count in counts if count is not None)


def _cost(target: Target) -> Amount:
    def spent(records: Sequence[Record]) -> float | None:
        prices = [tally.cost(record.answer.usage, target) for record in records if record.answer]
        return _average(price for price in prices if price is not None)

    return spent


def _average(known: Iterable[float]) -> float | None:
    amounts = list(known)
    return math.fsum(amounts) / len(amounts) if amounts else None
