"""A run as a table: one row a record, for export and for pandas."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from csv import QUOTE_NONNUMERIC
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit import codec, store
from evalkit.data import Fault, Json, Payload, Record, Run
from evalkit.errors import InputError
from evalkit.renderers._visible import no_formula

if TYPE_CHECKING:
    import pandas as pd

_RUNGS = ("called", "tool", "parsed", "valid", "correct", "abstained", "valid_lenient", "valid_repaired")


def load_run(folder: str | Path) -> pd.DataFrame:
    """A stored run as a DataFrame, one row a record: see `rows`. Raises StoreError."""
    return table(store.load(Path(folder)))


def rows(run: Run) -> Iterator[dict[str, Json]]:
    """One flat object a record. A rung is None where it does not apply, and everywhere on a fault.

    `cached` is when an answer was first had that came from an earlier run, whose times and costs it then has.
    """
    tags = {case.id: case.tags for case in run.suite.cases}
    for record in run.records:
        yield {
            "target": record.target,
            "case": record.case,
            "trial": record.trial,
            "tags": list(tags.get(record.case, ())),
            "started": record.started or None,
            "fault": record.reply.kind if isinstance(record.reply, Fault) else None,
            "attempts": len(record.attempts) + 1,
            "cached": record.cached or None,
            **_worth(record),
            **_spent(record),
        }


def _worth(record: Record) -> dict[str, Json]:
    score, answer = record.score, record.answer
    return {
        **{rung: getattr(score, rung) if score else None for rung in _RUNGS},
        "failed_at": score.failed_at if score else None,
        "arguments": codec.plain(score.arguments) if score else None,
        "violations": [codec.plain(violation) for violation in score.violations] if score else [],
        "mismatches": [codec.plain(mismatch) for mismatch in score.mismatches] if score else [],
        "calls": [_call(payload) for payload in answer.payloads] if answer else [],
        "text": answer.text if answer else None,
        "finish": answer.finish if answer else None,
    }


def _call(payload: Payload) -> dict[str, Json]:
    return {"tool": payload.tool, "arguments": payload.value if payload.text is None else payload.text}


def _spent(record: Record) -> dict[str, Json]:
    usage = record.answer.usage if record.answer else None
    timing = None if isinstance(record.reply, Fault) else record.reply.timing
    return {
        "seconds": timing.total if timing else None,
        "first_token": timing.first_token if timing else None,
        "first_call_byte": timing.first_call_byte if timing else None,
        "arguments_done": timing.arguments_done if timing else None,
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "cached_tokens": usage.cached_tokens if usage else None,
        "reasoning_tokens": usage.reasoning_tokens if usage else None,
        "cost": usage.cost if usage else None,
    }


def jsonl(run: Run) -> str:
    """`rows` as JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(run))


def csv(run: Run) -> str:
    """`rows` as CSV; lists and objects stand in their cells as JSON text.

    Text that a spreadsheet would compute has an apostrophe before it; `jsonl` and `parquet` have it as it came.
    """
    frame = _flat(run)
    for column in frame.select_dtypes(["object", "string"]):
        frame[column] = frame[column].map(lambda cell: no_formula(cell) if isinstance(cell, str) else cell)
    return str(frame.to_csv(index=False, quoting=QUOTE_NONNUMERIC))  # else a bare carriage return would end the row


def parquet(run: Run) -> bytes:
    """`rows` as Parquet; lists and objects stand in their cells as JSON text. Raises InputError without a writer."""
    if find_spec("pyarrow") is None:
        raise InputError("there is nothing here that writes Parquet", "python -m pip install pyarrow")
    buffer = io.BytesIO()
    _flat(run).to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()


def _flat(run: Run) -> pd.DataFrame:
    frame = table(run)
    nested = [column for column in frame.columns if frame[column].map(lambda cell: isinstance(cell, list | dict)).any()]
    for column in nested:
        frame[column] = frame[column].map(lambda cell: json.dumps(cell, ensure_ascii=False))
    return frame


def table(run: Run) -> pd.DataFrame:
    """`rows` as a DataFrame: rungs are nullable booleans, counts nullable integers, times floats in seconds."""
    import pandas as pd

    frame = pd.DataFrame(list(rows(run)), columns=None if run.records else ["target", "case", "trial"])
    kinds = {
        **dict.fromkeys(_RUNGS, "boolean"),
        **dict.fromkeys(("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"), "Int64"),
        **dict.fromkeys(("seconds", "first_token", "first_call_byte", "arguments_done", "cost"), "float64"),
        **dict.fromkeys(("started", "cached", "fault", "failed_at", "text", "finish"), "string"),
    }
    return frame.astype({column: kind for column, kind in kinds.items() if column in frame})
