"""What this comparison cannot tell: falls too small to be seen, what decides nothing, and tools it hardly tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from evalkit import numerals, stats
from evalkit.data import Cell, Column, Comparison, Prose, ScoreName, Section, Table, Verdict
from evalkit.numerals import counted
from evalkit.pairing import discordance, slicing
from evalkit.sections import _field as field
from evalkit.sections import _records as records
from evalkit.sections import _words as words
from evalkit.sections._field import Entry

ORDER = 115
SCORES: tuple[ScoreName, ...] = ("correct", "compliance", "abstained")
POWER = 0.80
"""How often a fall would have been ruled out that is said to be told from none."""
HOPELESS = 0.5
"""A fall of half of all cases or more needs no test: cases that tell no less show nothing."""
NAMED = 5
"""Tools or cases named in a sentence."""


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None where no case was judged on both sides."""
    cells = [cell for score in SCORES if (cell := words.cell(comparison, score)) and cell.pairs]
    if not cells:
        return None
    seen = {cell.score: _told(comparison, cell) for cell in cells}
    sentences = (
        *_unlike(comparison),
        *_noise(comparison),
        *_undecided(comparison, verdict),
        *_tools(comparison, verdict),
        *_gold(comparison),
        *_telling(field.entries(comparison, verdict)),
        *_times(comparison),
        *_many(comparison),
    )
    return Section(
        id="limits",
        title="What this cannot tell",
        lead=_lead(comparison, cells[0], seen[cells[0].score]),
        blocks=(_reach(cells, seen), *(Prose(text=sentence) for sentence in sentences)),
    )


# --------------------------------------------------------------------------- how small a fall would have shown


def _told(comparison: Comparison, cell: Cell) -> float | None:
    """The fall, 0..1, that four in five such comparisons of equally good models tell from none, as `plan` has it.

    None where as good as no fall is, and for a run that may stop early: it stops when it can tell.
    """
    infos = comparison.baseline_info, comparison.candidate_info
    if any(info.sequential for info in infos):
        return None
    (score,) = (name for name in SCORES if name == cell.score)
    before, after = (discordance.passed(side, score) for _, side in records.sides(comparison))
    paired = [case for case in comparison.suite.cases if case.id in before and case.id in after]
    differing = discordance.measured([before, after])
    if differing is None or not paired:
        return None
    sizes = sorted(Counter(slicing.cluster(case, comparison.suite) for case in paired).values())
    fall = stats.margin_for_power(sizes, differing.over(min(info.trials for info in infos)), POWER)
    return fall if fall < HOPELESS else None


def _lead(comparison: Comparison, cell: Cell, seen: float | None) -> str:
    if seen is not None:
        fall = f"a fall of {cell.score} by less than {_plain(seen)} points"
        return f"In one run of five or more like this one, {fall} could not be told from none."
    if comparison.baseline_info.sequential or comparison.candidate_info.sequential:
        return ""
    return f"{counted(cell.pairs, 'case')} can show no fall of {cell.score} but one of more than half of all cases."


def _plain(share: float) -> str:
    return f"{100 * share:.1f}"


def _reach(cells: Sequence[Cell], seen: Mapping[str, float | None]) -> Table:
    return Table(
        title="How small a fall would have shown",
        columns=(
            Column(key="score", label="Score"),
            Column(key="cases", label="Cases", kind="int"),
            Column(key="unlike", label="Came out differently", kind="int"),
            Column(key="seen", label="Least fall told from none", kind="points"),
            Column(key="left", label="Not ruled out", kind="points"),
        ),
        rows=tuple(
            {
                "score": words.LABELS[cell.score],
                "cases": cell.pairs,
                "unlike": cell.fixed + cell.broken,
                "seen": None if (fall := seen[cell.score]) is None else -fall,
                "left": None if cell.lower_bound is None else min(0.0, cell.lower_bound),
            }
            for cell in cells
        ),
        note="In percentage points, over all cases; a tool or a kind of cases alone shows far less. Least fall "
        "told from none: four in five comparisons of equally good models that differ on as many cases rule it out "
        "(one-sided, at 95 %; as `evalkit plan --like` this run has it); “-”: not to be said, for too few cases or a "
        "run that may stop early. Not ruled out: how far the score may have fallen, whatever was seen. More cases or "
        "more trials bring both nearer to 0.",
    )


# --------------------------------------------------------------------------- the rest, in sentences


def _unlike(comparison: Comparison) -> Iterator[str]:
    if comparison.unlike and not comparison.differs:
        yield (
            f"The two were not asked alike: they differ in {'; '.join(comparison.unlike)}. Either is judged as it was "
            "asked."
        )


def _noise(comparison: Comparison) -> Iterator[str]:
    found = comparison.noise
    if found is None:
        yield (
            "The baseline was asked each case once: how often it differs from itself is not known, and a case that "
            "broke may be one that comes and goes (--trials 2 tells)."
        )
    else:
        yield (
            f"Of two trials of one case, the baseline's own differ in {numerals.percent(found.flips)}: that many cases "
            "change sides when nothing changed."
        )


def _undecided(comparison: Comparison, verdict: Verdict) -> Iterator[str]:
    kinds = Counter(change.kind for change in comparison.changes)
    told = [
        f"{kinds['unjudged']:,} without an answer on a side" if kinds["unjudged"] else "",
        f"{kinds['unpaired']:,} never asked on both" if kinds["unpaired"] else "",
        f"{len(comparison.left_out):,} that changed since the baseline was set" if comparison.left_out else "",
    ]
    total = kinds["unjudged"] + kinds["unpaired"] + len(comparison.left_out)
    if total:
        yield f"{counted(total, 'case')} decided nothing: {', '.join(part for part in told if part)}."
    if verdict.quarantined:
        yield f"{counted(len(verdict.quarantined), 'case')} in quarantine counted in no check."


def _tools(comparison: Comparison, verdict: Verdict) -> Iterator[str]:
    few = [line.tool for line in verdict.readiness if line.word == "not enough data"]
    if few:
        yield (
            f"Of {counted(len(verdict.readiness), 'tool')} that a case wants, {len(few):,} "
            f"{'has' if len(few) == 1 else 'have'} too few cases to be called ready or not: {_named(few, 'tool')}."
        )
    suite = comparison.suite
    wanted = {tool for case in suite.cases for tool in slicing.wanted(case)}
    idle = sorted({spec.name for spec in suite.specs.values()} - wanted)
    if idle:
        those = "it" if len(idle) == 1 else "them"
        yield f"No case wants {_named(idle, 'tool')}: nothing is known of calls to {those}."


def _named(names: Sequence[str], what: str) -> str:
    shown = ", ".join(names[:NAMED])
    return f"{shown} and {counted(len(names) - NAMED, f'further {what}')}" if len(names) > NAMED else shown


def _gold(comparison: Comparison) -> Iterator[str]:
    cases = comparison.suite.cases
    flawed = sum(bool(case.flaws) for case in cases)
    if flawed:
        yield f"The expected answer of {counted(flawed, 'case')} is flawed: what they say of “correct” is doubtful."
    if not any(slicing.judges_correct(case) for case in cases):
        yield "No case says what is correct: a call that fits its schema may still be the wrong one."


def _telling(entries: Sequence[Entry]) -> Iterator[str]:
    """Of more than two models: cases that none of them passes, and cases that tell none from another."""
    if len(entries) < 3:
        return
    common = [case for case in entries[0].passes if all(case in entry.passes for entry in entries)]
    passed = Counter(sum(entry.passes[case] for entry in entries) for case in common)
    lost = [case for case in common if not any(entry.passes[case] for entry in entries)]
    if lost:
        failing = counted(len(lost), "case fails", "cases fail")
        yield f"{failing} on all {len(entries):,} models, perhaps through no fault of theirs: {_named(lost, 'case')}."
    if whole := passed[len(entries)]:
        yield f"{whole:,} of {counted(len(common), 'case')} pass on all models and tell none from another."


def _times(comparison: Comparison) -> Iterator[str]:
    sides = [side for _, side in records.sides(comparison)]
    cached = sum(bool(record.cached) for side in sides for record in side)
    if cached:
        yield f"{counted(cached, 'answer')} came from the cache: their times are of the day when they were first had."
    if comparison.latency.ratio is None:
        yield "No case was timed on both sides: nothing is known of the time they take."
    elif comparison.times_differ:
        yield f"Times do not compare: {comparison.times_differ} (--latency asks both alike)."
    if comparison.cost is None:
        yield "Prices are not known on both sides: nothing is known of cost (input_price and output_price tell)."


def _many(comparison: Comparison) -> Iterator[str]:
    tags = sum(cell.slice.startswith("tag:") and cell.score == "correct" for cell in comparison.cells)
    if tags > 1:
        yield (
            f"{counted(tags, 'tag')} are looked at one by one: on average {tags * 0.05:.2g} of their intervals leave 0 "
            "out by chance. "
            "Those of tools are corrected for their number."
        )
