"""What changed, in sentences: the differences that stand out, each with its size and how sure it is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from evalkit import numerals, tally
from evalkit.data import CODES, Cell, Comparison, Prose, Record, Section, Verdict
from evalkit.sections import _records as records
from evalkit.sections import _words as words

ORDER = 20
SCORES = ("correct", "compliance", "abstained", "called")
KINDS: Mapping[str, str] = {
    "arg": "answers with a wrong argument value",
    "missing_call": "answers that lack a wanted call",
    "extra_call": "answers with a call too many",
    "missing_arg": "answers that leave out a wanted argument",
    "extra_arg": "answers with an argument too many",
    "order": "answers with calls in another order",
    "forbidden_call": "answers that call a forbidden tool",
}
NOTICEABLE = 2.0
"""How many standard errors two Poisson counts must lie apart before they are worth a sentence."""


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None where nothing stands out."""
    found = [
        *_scores(comparison),
        *_slices(comparison, "tag:", "On cases tagged"),
        *_slices(comparison, "tool:", "On the tool"),
        *_counts(comparison, lambda side: _mismatches(side), KINDS),
        *_counts(
            comparison,
            lambda side: tally.codes(side),
            {code: f"answers with {code} ({meaning})" for code, meaning in CODES.items()},
        ),
        *_latency(comparison),
    ]
    if not found:
        return None
    return Section(id="findings", title="What changed", blocks=tuple(found))


def _scores(comparison: Comparison) -> Iterable[Prose]:
    """Those that moved beyond their interval."""
    for score in SCORES:
        cell = words.cell(comparison, score)
        if cell and _sure(cell):
            flips = f"{numerals.counted(cell.fixed, 'case')} fixed, {cell.broken:,} broken"
            yield Prose(text=f"{words.LABELS[score]}: {_moved(cell)}; {flips}.", tone=_tone(cell))


def _slices(comparison: Comparison, prefix: str, opening: str) -> Iterable[Prose]:
    """The worst and the best slice that moved beyond chance: for tools, after correction for their number."""
    moved = [
        c
        for c in comparison.cells
        if c.slice.startswith(prefix) and c.score == "correct" and _sure(c) and (c.q is None or c.q <= 0.10)
    ]
    moved.sort(key=lambda c: c.difference or 0.0)
    for cell in dict.fromkeys((moved[0].slice, moved[-1].slice)) if moved else ():
        found = next(c for c in moved if c.slice == cell)
        direction = "more" if (found.difference or 0) > 0 else "fewer"
        yield Prose(
            text=f"{opening} {cell.removeprefix(prefix)}, {direction} answers are correct: {_moved(found)}.",
            tone=_tone(found),
        )


def _tone(cell: Cell) -> Literal["better", "worse"]:
    return "better" if (cell.difference or 0) > 0 else "worse"


def _sure(cell: Cell) -> bool:
    return cell.low is not None and cell.high is not None and (cell.low > 0 or cell.high < 0)


def _moved(cell: Cell) -> str:
    rates = f"{numerals.percent(cell.baseline.value)} → {numerals.percent(cell.candidate.value)}"
    return f"{rates}, {numerals.points(cell.difference)} points {numerals.between(cell.low, cell.high)}"


def _counts(
    comparison: Comparison, count: Callable[[Iterable[Record]], Mapping[str, int]], names: Mapping[str, str]
) -> Iterable[Prose]:
    """Flaws that became clearly more or fewer, the largest change first."""
    before, after = (count(side) for _, side in records.sides(comparison))
    changed = [
        (after.get(kind, 0) - before.get(kind, 0), kind)
        for kind in names
        if _apart(before.get(kind, 0), after.get(kind, 0))
    ]
    for change, kind in sorted(changed, key=lambda item: -abs(item[0])):
        told = f"{names[kind]}: {before.get(kind, 0):,} → {after.get(kind, 0):,}."
        yield Prose(text=f"More {told}", tone="worse") if change > 0 else Prose(text=f"Fewer {told}", tone="better")


def _apart(before: int, after: int) -> bool:
    return abs(after - before) > NOTICEABLE * math.sqrt(before + after)


def _mismatches(side: Iterable[Record]) -> Mapping[str, int]:
    return Counter(
        kind
        for record in side
        if record.score is not None
        for kind in {mismatch.kind for mismatch in record.score.mismatches}
    )


def _latency(comparison: Comparison) -> Iterable[Prose]:
    found = comparison.latency
    if found.ratio is None or found.low is None or found.high is None or found.low <= 1 <= found.high:
        return
    told = f"{numerals.ratio(found.ratio)} [{found.low:.2f}, {found.high:.2f}] the time, case by case."
    yield (
        Prose(text=f"Slower: {told}", tone="worse") if found.ratio > 1 else Prose(text=f"Faster: {told}", tone="better")
    )
