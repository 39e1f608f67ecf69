"""CSV, for a spreadsheet: a row for each case with what became of it, why, and where it is written."""

from __future__ import annotations

import csv
import io

from evalkit.data import Report
from evalkit.renderers import _visible as visible

SUFFIX = ".csv"
COLUMNS = ("case", "change", "cause", "why", "source")


def render(report: Report) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for change in report.changes:
        told = (change.case, change.kind, change.cause, change.why, report.sources.get(change.case, ""))
        rows.writerow(visible.no_formula(visible.line(text)) for text in told)
    return out.getvalue()
