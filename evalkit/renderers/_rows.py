"""A report as rows: the comparison case by case, both sides beside each other, for what sorts and counts by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import repeat

from evalkit.data import Json, Ledger, Report

COLUMNS: Mapping[str, str] = {
    "case": "text",
    "change": "text",
    "cause": "text",
    "why": "text",
    "source": "text",
    "baseline": "text",
    "candidate": "text",
    "baseline_passes": "truth",
    "candidate_passes": "truth",
    "other_calls": "truth",
    "flaws": "texts",
    "tools": "texts",
    "tags": "texts",
    "asked": "text",
    "baseline_seconds": "number",
    "candidate_seconds": "number",
    "baseline_tokens": "count",
    "candidate_tokens": "count",
}
"""Column -> what is in it; None where it is not known. `change` and `cause` as in Change, `baseline` and `candidate`
the models' names, `flaws`, `other_calls` and what follows as in Ledger: mean seconds, output tokens of all trials."""

_PASSES: Mapping[str, tuple[bool, bool]] = {
    "same": (True, True),
    "fixed": (False, True),
    "broken": (True, False),
    "both_fail": (False, False),
}


def rows(report: Report) -> Iterator[dict[str, Json]]:
    """One for each case, as they stand in `Report.changes`; its keys are those of COLUMNS, in their order."""
    lines = _lines(report)
    for change in report.changes:
        passes = _PASSES.get(change.kind, (None, None))
        told: dict[str, Json] = {
            "case": change.case,
            "change": change.kind,
            "cause": change.cause or None,
            "why": change.why or None,
            "source": report.sources.get(change.case),
            "baseline": report.baseline,
            "candidate": report.candidate,
            "baseline_passes": passes[0],
            "candidate_passes": passes[1],
            **lines.get(change.case, {}),
        }
        yield {column: told.get(column) for column in COLUMNS}


def text(report: Report) -> str:
    """`rows` as JSON Lines: ASCII only, and no command of a CI runner in it, as the report in JSON."""
    told = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows(report))
    return told.replace("##", "#\\u0023")


def _lines(report: Report) -> dict[str, dict[str, Json]]:
    """Case -> what the Ledger says of it; {} for a report without one."""
    blocks = (block for section in report.sections for block in section.blocks)
    ledger = next((block for block in blocks if isinstance(block, Ledger)), None)
    if ledger is None:
        return {}
    told: Mapping[str, Json] = {
        "other_calls": ledger.unlike,
        "flaws": map(list, ledger.flaws),
        "tools": map(list, ledger.tools),
        "tags": map(list, ledger.tags),
        "asked": ledger.asked,
        "baseline_seconds": ledger.seconds[0],
        "candidate_seconds": ledger.seconds[1],
        "baseline_tokens": ledger.tokens[0],
        "candidate_tokens": ledger.tokens[1],
    }
    columns = [zip(repeat(name), values, strict=False) for name, values in told.items()]
    return dict(zip(ledger.cases, map(dict, zip(*columns, strict=True)), strict=True))
