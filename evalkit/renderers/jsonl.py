"""JSON Lines, for programs: an object for each case with what became of it, and both sides beside each other."""

from __future__ import annotations

from evalkit.data import Report
from evalkit.renderers import _rows as rows

SUFFIX = ".jsonl"


def render(report: Report) -> str:
    return rows.text(report)
