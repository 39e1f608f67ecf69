"""The migration checklist: tool by tool, whether its calls may move to the candidate, and why."""

from __future__ import annotations

from collections import Counter

from evalkit.data import Column, Comparison, Section, Table, Verdict
from evalkit.numerals import counted

ORDER = 25
SHOWN = 60
"""Tools that are listed. The others, of which most often too little was seen, are counted by the lead."""


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None where no tool is spoken of: the runs are unlike, or no case wants one."""
    if not verdict.readiness:
        return None
    lines = sorted(verdict.readiness, key=lambda line: line.word == "not enough data")  # else worst first, as they are
    unlisted = len(lines) - SHOWN
    return Section(
        id="readiness",
        title="Ready to migrate?",
        lead=_lead(Counter(line.word for line in lines)),
        blocks=(
            Table(
                title="Tool by tool: worst first, last those of which too little was seen",
                columns=(
                    Column(key="ready", label="Readiness", kind="outcome"),
                    Column(key="tool", label="Tool", kind="code"),
                    Column(key="cases", label="Cases", kind="int"),
                    Column(key="why", label="Why"),
                ),
                rows=tuple(
                    {
                        "ready": line.word,
                        "tool": line.tool,
                        "cases": line.cases,
                        "why": line.why,
                        "shows": {"tool": {"tool": line.tool}},
                    }
                    for line in lines[:SHOWN]
                ),
                note=f"{counted(unlisted, 'further tool')} not listed; the JSON report has all under `verdict`."
                if unlisted > 0
                else "",
            ),
        ),
    )


def _lead(counts: Counter[str]) -> str:
    told = [f"{count:,} {word}" for word, count in counts.items()]
    return f"Of {counted(counts.total(), 'tool')}: {', '.join(told)}."
