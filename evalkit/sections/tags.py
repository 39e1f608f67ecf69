"""The suite's tags as slices: which kinds of cases got better and worse."""

from __future__ import annotations

from evalkit import numerals
from evalkit.data import Cell, Column, Comparison, Figure, Json, Section, Table, Verdict
from evalkit.sections import _words as words

ORDER = 60
DRAWN = 14
"""More rows than this make no picture."""


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None for a suite without tags."""
    cells = [c for c in comparison.cells if c.slice.startswith("tag:") and c.score == "correct" and c.pairs]
    if not cells:
        return None
    cells.sort(key=_prominence)
    table = Table(
        title="Correct answers by tag, the largest sure changes first",
        columns=(
            Column(key="tag", label="Tag", kind="code"),
            Column(key="cases", label="Cases", kind="int"),
            Column(key="baseline", label=comparison.baseline.identity, kind="percent"),
            Column(key="candidate", label=comparison.candidate.identity, kind="percent"),
            Column(key="difference", label="Difference", kind="points"),
            Column(key="broken", label="Broken", kind="int"),
            Column(key="fixed", label="Fixed", kind="int"),
        ),
        rows=tuple(
            {
                "tag": c.slice.removeprefix("tag:"),
                "cases": c.pairs,
                "baseline": words.rate(c.shared[0]),
                "candidate": words.rate(c.shared[1]),
                "difference": words.difference(c),
                "broken": c.broken,
                "fixed": c.fixed,
                "shows": _shows(c),
            }
            for c in cells
        ),
        note="First those whose interval leaves 0 out, by size; then the others, by number of cases. "
        "A case with several tags counts under each. The intervals are not corrected for their number.",
    )
    figure = (_forest(cells),) if len(cells) <= DRAWN else ()
    return Section(id="tags", title="Kinds of cases", lead=_lead(cells), blocks=(*figure, table))


def _shows(cell: Cell) -> Json:
    """The tag's cases, and of what changed those."""
    tag = {"tag": cell.slice.removeprefix("tag:")}
    changed = {"broken": cell.broken, "fixed": cell.fixed}
    return {"tag": tag, **{kind: {**tag, "kind": kind} for kind, count in changed.items() if count}}


def _prominence(cell: Cell) -> tuple[bool, float, str]:
    if words.sure(cell):
        return False, -abs(cell.difference or 0.0), cell.slice
    return True, -cell.pairs, cell.slice


def _forest(cells: list[Cell]) -> Figure:
    rows = [
        {"label": c.slice.removeprefix("tag:"), "value": c.difference, "low": c.low, "high": c.high, "margin": None}
        for c in cells
    ]
    told = "; ".join(f"{c.slice.removeprefix('tag:')} {numerals.points(c.difference)}" for c in cells)
    return Figure(
        kind="forest",
        title="Correct answers by tag, candidate − baseline, in percentage points",
        data={"rows": rows},
        alt=f"Differences in correct answers, in points: {told}.",
    )


def _lead(cells: list[Cell]) -> str:
    worst, best = (extreme(cells, key=lambda c: c.difference or 0.0) for extreme in (min, max))
    parts = []
    if (best.difference or 0) > 0:
        parts.append(f"gains most on {best.slice.removeprefix('tag:')} ({numerals.points(best.difference)} points)")
    if (worst.difference or 0) < 0:
        parts.append(f"loses most on {worst.slice.removeprefix('tag:')} ({numerals.points(worst.difference)} points)")
    return f"The candidate {' and '.join(parts)}." if parts else "No kind of case changed."
