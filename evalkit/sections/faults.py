"""What the world did wrong: questions without an answer, by kind, and attempts that had to be repeated."""

from __future__ import annotations

from collections import Counter

from evalkit import numerals, tally
from evalkit.data import Column, Comparison, Fault, Json, Record, Section, Table, Verdict
from evalkit.sections import _records as records

ORDER = 110
MESSAGE = 160


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None if every question was answered at the first attempt."""
    (_, before), (_, after) = records.sides(comparison)
    ended = tally.faults(before), tally.faults(after)
    retried = _retried(before), _retried(after)
    kinds = sorted({*ended[0], *ended[1], *retried[0], *retried[1]})
    if not kinds:
        return None
    rows: list[Json] = [
        {
            "kind": kind,
            "baseline": ended[0].get(kind, 0),  # type: ignore[call-overload]
            "candidate": ended[1].get(kind, 0),  # type: ignore[call-overload]
            "baseline_retried": retried[0][kind],
            "candidate_retried": retried[1][kind],
            "example": _example((*after, *before), kind),
        }
        for kind in kinds
    ]
    rows.sort(key=lambda row: -(row["baseline"] + row["candidate"]))
    return Section(
        id="faults",
        title="Faults of the world",
        lead=_lead(sum(ended[0].values()), len(before), sum(ended[1].values()), len(after)),
        blocks=(
            Table(
                title="By kind",
                columns=(
                    Column(key="kind", label="Kind", kind="code"),
                    Column(key="baseline", label="Baseline, no answer", kind="int"),
                    Column(key="candidate", label="Candidate, no answer", kind="int"),
                    Column(key="baseline_retried", label="Baseline, repeated", kind="int"),
                    Column(key="candidate_retried", label="Candidate, repeated", kind="int"),
                    Column(key="example", label="Example"),
                ),
                rows=tuple(rows),
                note="Time-outs, rate limits, outages. They count neither for nor against a model.",
            ),
        ),
    )


def _retried(side: tuple[Record, ...]) -> Counter[str]:
    return Counter(attempt.fault.kind for record in side for attempt in record.attempts)


def _example(side: tuple[Record, ...], kind: str) -> str | None:
    faults = [record.reply for record in side if isinstance(record.reply, Fault)]
    faults += [attempt.fault for record in side for attempt in record.attempts]
    text = next((fault.message for fault in faults if fault.kind == kind), None)
    return text if text is None or len(text) <= MESSAGE else text[: MESSAGE - 1] + "…"


def _lead(before: int, asked_before: int, after: int, asked_after: int) -> str:
    if not before and not after:
        return "Every question was answered in the end."
    return (
        f"Without an answer: {before:,} of {numerals.counted(asked_before, 'question')} to the baseline, "
        f"{after:,} of {asked_after:,} to the candidate."
    )
