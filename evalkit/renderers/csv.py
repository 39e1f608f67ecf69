"""CSV, for a spreadsheet: a row for each case with what became of it, why, and both sides beside each other."""

from __future__ import annotations

import csv
import io
import json

from evalkit.data import Json, Report
from evalkit.renderers import _rows as rows
from evalkit.renderers import _visible as visible

SUFFIX = ".csv"


def render(report: Report) -> str:
    """A list is its items with `; ` between; what is not known is an empty cell."""
    out = io.StringIO()
    written = csv.writer(out, lineterminator="\n")
    written.writerow(rows.COLUMNS)
    written.writerows(map(_cell, row.values()) for row in rows.rows(report))
    return out.getvalue()


def _cell(value: Json) -> str:
    if isinstance(value, str | list):
        return visible.no_formula(visible.line(value if isinstance(value, str) else "; ".join(value)))
    return "" if value is None else json.dumps(value)
