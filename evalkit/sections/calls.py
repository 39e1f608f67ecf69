"""Which tools are called: right or wrong by the gold, and alike or not by the incumbent."""

from __future__ import annotations

from evalkit import tally
from evalkit.data import Agreement, Block, Column, Comparison, Json, Section, Table, Verdict
from evalkit.numerals import counted, percent
from evalkit.sections import _records as records

ORDER = 55
SHOWN = 20
"""Tools that are listed, those with most disagreement first."""

_RATES = (
    Column(key="precision", label="Precision", kind="percent"),
    Column(key="recall", label="Recall", kind="percent"),
    Column(key="f1", label="F1", kind="percent"),
)


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None where no case was answered on both sides."""
    if not comparison.agreement:
        return None
    blocks: list[Block] = [table for table in (_accuracy(comparison), _agreement(comparison)) if table.rows]
    overall = comparison.agreement[0]
    alike, total = overall.both + overall.neither, _total(overall)
    lead = f"Both call a tool, or both call none, in {percent(alike / total)} of {counted(total, 'case')}."
    return Section(id="calls", title="Calls", lead=lead, blocks=tuple(blocks))


def _accuracy(comparison: Comparison) -> Table:
    rows: list[Json] = []
    for target, side in records.sides(comparison):
        for what, found in (("calls", tally.calls(side)), ("arguments", tally.arguments(side))):
            if found.f1 is not None:
                rates = {"precision": found.precision, "recall": found.recall, "f1": found.f1}
                rows.append({"target": target.identity, "what": what, **rates})
    return Table(
        title="By what the cases want",
        columns=(Column(key="target", label="Model"), Column(key="what", label="Of"), *_RATES),
        rows=tuple(sorted(rows, key=lambda row: row["what"], reverse=True)),
        note="Precision: of those made, the share that is wanted; recall: of those wanted, the share that is made. "
        "Arguments count where the case names them. All answers together.",
    )


def _agreement(comparison: Comparison) -> Table:
    any_tool, *tools = comparison.agreement
    unlike = sorted(tools, key=lambda found: (-(found.candidate_only + found.baseline_only), found.tool or ""))
    unlike = [found for found in unlike if found.candidate_only or found.baseline_only]
    return Table(
        title="Candidate against baseline, whatever the cases want",
        columns=(
            Column(key="tool", label="Tool called", kind="code"),
            Column(key="both", label="By both", kind="int"),
            Column(key="baseline_only", label="By the baseline only", kind="int"),
            Column(key="candidate_only", label="By the candidate only", kind="int"),
            Column(key="neither", label="By neither", kind="int"),
            *_RATES,
        ),
        rows=tuple(_row(found) for found in (any_tool, *unlike[:SHOWN])),
        note="As if the baseline were right: what a system built around it will notice. On the other tools both agree."
        if len(unlike) <= SHOWN
        else f"As if the baseline were right. {counted(len(unlike) - SHOWN, 'further tool')} with less disagreement.",
    )


def _row(found: Agreement) -> Json:
    return {
        "tool": found.tool or "any",
        "both": found.both,
        "baseline_only": found.baseline_only,
        "candidate_only": found.candidate_only,
        "neither": found.neither,
        "precision": found.precision,
        "recall": found.recall,
        "f1": found.f1,
    }


def _total(found: Agreement) -> int:
    return found.both + found.neither + found.baseline_only + found.candidate_only
