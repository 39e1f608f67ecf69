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
LARGEST = 3
"""Changes told of tags, and of tools. The others are counted, and stand in the tables."""
NOTICEABLE = 2.0
"""How many standard errors two Poisson counts must lie apart before they are worth a sentence."""


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None where nothing stands out."""
    found = [
        *_scores(comparison),
        *_slices(comparison, "tag:"),
        *_slices(comparison, "tool:"),
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
        if cell and words.sure(cell):
            flips = f"{numerals.counted(cell.fixed, 'case')} fixed, {cell.broken:,} broken"
            yield Prose(text=f"{words.LABELS[score]}: {_moved(cell)}; {flips}.", tone=_tone(cell))


def _slices(comparison: Comparison, prefix: Literal["tag:", "tool:"]) -> Iterable[Prose]:
    """The largest of the changes that are beyond chance: for tools, after correction for their number."""
    moved = [
        c
        for c in comparison.cells
        if c.slice.startswith(prefix) and c.score == "correct" and words.sure(c) and (c.q is None or c.q <= 0.10)
    ]
    moved.sort(key=lambda c: -abs(c.difference or 0.0))
    suites = _suites(comparison)
    for cell in moved[:LARGEST]:
        name = cell.slice.removeprefix(prefix)
        where = "On the tool" if prefix == "tool:" else "In the suite" if name in suites else "On cases tagged"
        direction = "more" if (cell.difference or 0) > 0 else "fewer"
        yield Prose(text=f"{where} {name}, {direction} answers are correct: {_moved(cell)}.", tone=_tone(cell))
    if (further := len(moved) - LARGEST) > 0:
        listed = "“Kinds of cases”" if prefix == "tag:" else "“Tools”"
        yield Prose(
            text=f"{numerals.counted(further, f'further {prefix[:-1]}')} surely changed, by less: see {listed}."
        )


def _suites(comparison: Comparison) -> set[str]:
    """Those that were joined into one: there each case is `suite/id`, and is tagged with its suite's name."""
    return {case.id.partition("/")[0] for case in comparison.suite.cases if "/" in case.id}


def _tone(cell: Cell) -> Literal["better", "worse"]:
    return "better" if (cell.difference or 0) > 0 else "worse"


def _moved(cell: Cell) -> str:
    rates = f"{numerals.percent(cell.shared[0].value)} → {numerals.percent(cell.shared[1].value)}"
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
    if comparison.times_differ or found.ratio is None or found.low is None or found.high is None:
        return
    if found.low <= 1 <= found.high:
        return
    told = f"{numerals.ratio(found.ratio)} [{found.low:.2f}, {found.high:.2f}] the time, case by case."
    yield (
        Prose(text=f"Slower: {told}", tone="worse") if found.ratio > 1 else Prose(text=f"Faster: {told}", tone="better")
    )
