"""Tool by tool: where the candidate gained and lost, worst first."""

from __future__ import annotations

import math

from evalkit import numerals
from evalkit.data import Cell, Column, Comparison, Figure, Json, Section, Table, Verdict
from evalkit.sections import _field as field
from evalkit.sections import _words as words
from evalkit.sections._field import Entry

ORDER = 50
SHOWN_WHOLE = 30
"""With more tools than this, those without any change are counted and not listed."""
MAPPED = ("called", "parsed", "compliance", "correct")
"""Scores of the heat map."""
MAPPED_OF_MANY = ("correct", "compliance")
"""... of more than two models: more columns would not be seen at one look."""
WARM = 25
"""Tools that it shows: those that lost most; of many models those on which they lie furthest apart."""
ALARM = 0.10
"""The false discovery rate at which a tool counts as changed."""


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None for a suite whose cells name no tool."""
    named = {c.slice.removeprefix("tool:") for c in comparison.cells if c.slice.startswith("tool:")}
    ready = {line.tool: line.word for line in verdict.readiness}
    rows = sorted((_row(comparison, tool, ready.get(tool)) for tool in named), key=_worst_first)
    if not rows:
        return None
    shown = rows if len(rows) <= SHOWN_WHOLE else [row for row in rows if row["broken"] or row["fixed"]]
    still = len(rows) - len(shown)
    return Section(
        id="tools",
        title="Tools",
        lead=_lead(rows),
        blocks=(
            Table(
                title="Tools, worst first",
                columns=(
                    Column(key="tool", label="Tool", kind="code"),
                    Column(key="cases", label="Cases", kind="int"),
                    Column(key="compliance_from", label="Compliance, baseline", kind="percent"),
                    Column(key="compliance_to", label="Compliance, candidate", kind="percent"),
                    Column(key="correct_from", label="Correct, baseline", kind="percent"),
                    Column(key="correct_to", label="Correct, candidate", kind="percent"),
                    Column(key="difference", label="Difference", kind="points"),
                    Column(key="broken", label="Broken", kind="int"),
                    Column(key="fixed", label="Fixed", kind="int"),
                    Column(key="q", label="q", kind="p", note="p after Benjamini–Hochberg over all tools"),
                    Column(key="reading", label="Readiness" if ready else "Reading"),
                ),
                rows=tuple(shown),
                note=f"On {numerals.counted(still, 'further tool')} no case changed." if still else "",
            ),
            *_heat(comparison, verdict, [row["tool"] for row in rows]),
        ),
    )


def _heat(comparison: Comparison, verdict: Verdict, tools: list[str]) -> tuple[Figure, ...]:
    """Each tool by score and by model; none where every share is whole."""
    models = field.entries(comparison, verdict)
    mapped = MAPPED if len(models) == 2 else MAPPED_OF_MANY
    scores = [score for score in mapped if any((f"tool:{tool}", score) in models[0].rates for tool in tools)]
    rows: list[dict[str, Json]] = [
        {"label": tool, "values": [[_share(model, tool, score) for model in models] for score in scores]}
        for tool in tools
    ]
    flawed = [row for row in rows if any(share is not None and share < 1 for group in row["values"] for share in group)]
    if not flawed:
        return ()
    if len(models) > 2:
        flawed.sort(key=_apart, reverse=True)
    whole = len(rows) - len(flawed)
    unshown = numerals.counted(max(0, len(flawed) - WARM), "tool")
    notes = ["Percent of the cases, of all that were judged on a side. The darker, the more is lost."]
    notes += [f"{numerals.counted(whole, 'further tool')} with 100 in every field."] if whole else []
    notes += [f"{unshown} not shown."] if len(flawed) > WARM else []
    names = ["Baseline", "Candidate"] if len(models) == 2 else [model.target.identity for model in models]
    return (
        Figure(
            kind="heat",
            title="Where it is lost: tool by score and model",
            data={
                "groups": [words.LABELS[score] for score in scores],
                "models": names,
                "rows": flawed[:WARM],
                "note": " ".join(notes),
            },
            alt=f"{len(flawed):,} of {numerals.counted(len(rows), 'tool')} lose something on a model; "
            f"most change on {_named([row['label'] for row in flawed])}.",
        ),
    )


def _share(model: Entry, tool: str, score: str) -> float | None:
    rate = model.rates.get((f"tool:{tool}", score))
    return rate.value if rate else None


def _apart(row: dict[str, Json]) -> float:
    """How far the candidates lie from the baseline: what is lost on every model tells none from another."""
    known = [[share for share in group if share is not None] for group in row["values"]]
    return math.fsum(abs(share - group[0]) for group in known for share in group)


def _row(comparison: Comparison, tool: str, ready: str | None) -> dict[str, Json]:
    """`ready`: its word in the checklist; two words for one tool would be one too many."""
    correct = words.cell(comparison, "correct", f"tool:{tool}")
    compliance = words.cell(comparison, "compliance", f"tool:{tool}")
    leading = correct if correct and correct.pairs else compliance
    return {
        "tool": tool,
        "cases": leading.pairs if leading else 0,
        "compliance_from": compliance.shared[0].value if compliance else None,
        "compliance_to": compliance.shared[1].value if compliance else None,
        "correct_from": correct.shared[0].value if correct else None,
        "correct_to": correct.shared[1].value if correct else None,
        "difference": leading.difference if leading else None,
        "broken": leading.broken if leading else 0,
        "fixed": leading.fixed if leading else 0,
        "q": leading.q if leading else None,
        "reading": ready or _reading(leading),
        "moved": _reading(leading),
        "shows": {"tool": {"tool": tool}},
    }


def _reading(cell: Cell | None) -> str:
    """One word or two. Never "worse" without a q that says so: many tools make many coincidences."""
    if cell is None or not cell.pairs:
        return "not judged"
    if not cell.broken and not cell.fixed:
        return "unchanged"
    if cell.q is not None and cell.q <= ALARM:
        return "worse" if cell.broken > cell.fixed else "better"
    if cell.broken > cell.fixed:
        return "watch"
    return "unclear"


def _worst_first(row: dict[str, Json]) -> tuple[float, float, str]:
    return row["fixed"] - row["broken"], row["difference"] or 0.0, row["tool"]


def _lead(rows: list[dict[str, Json]]) -> str:
    worse = [row["tool"] for row in rows if row["moved"] == "worse"]
    better = [row["tool"] for row in rows if row["moved"] == "better"]
    if worse or better:
        parts = [f"worse on {_named(worse)}"] if worse else []
        parts += [f"better on {_named(better)}"] if better else []
        return f"Beyond coincidence the candidate is {' and '.join(parts)}."
    losing = sum(row["broken"] > row["fixed"] for row in rows)
    if not losing:
        return f"On none of {numerals.counted(len(rows), 'tool')} did more cases break than were fixed."
    return (
        f"More cases broke than were fixed on {losing:,} of {numerals.counted(len(rows), 'tool')}; "
        "after correction for their number, on none is that more than chance."
    )


def _named(tools: list[str]) -> str:
    shown = ", ".join(tools[:4])
    return f"{shown} and {len(tools) - 4} more" if len(tools) > 4 else shown
