"""What exactly was wrong: violations by code and mismatches by kind, on both sides, with an example each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from evalkit import complaint, numerals, tally
from evalkit.data import CODES, MISMATCHES, Column, Comparison, Json, Record, Section, Table, Verdict
from evalkit.sections import _records as records

ORDER = 70
EXAMPLE = 140
"""Characters of an example."""


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None if no answer on either side has a flaw."""
    tables = tuple(table for table in (_violations(comparison), _mismatches(comparison)) if table.rows)
    if not tables:
        return None
    return Section(id="violations", title="What went wrong", lead=_lead(comparison), blocks=tables)


def _lead(comparison: Comparison) -> str:
    (_, before), (_, after) = records.sides(comparison)
    counts = [sum(bool(r.score and r.score.violations) for r in side) for side in (before, after)]
    if not any(counts):
        return "Every answer is sound in form; what differs is what was asked for."
    told = numerals.counted(counts[0], "answer")
    return f"{told} of the baseline and {counts[1]:,} of the candidate break a rule of form."


def _violations(comparison: Comparison) -> Table:
    (_, before), (_, after) = records.sides(comparison)
    counted = tally.codes(before), tally.codes(after)
    return _table(
        "Violations by code",
        ("Code", "Meaning"),
        {code: (counted[0].get(code, 0), counted[1].get(code, 0)) for code in {**counted[0], **counted[1]}},
        CODES,
        _violation_examples((*after, *before)),
        "An answer counts once under each code it has.",
    )


def _mismatches(comparison: Comparison) -> Table:
    (_, before), (_, after) = records.sides(comparison)
    return _table(
        "Answers other than what was wanted",
        ("Kind", "Meaning"),
        {kind: (_count(before, kind), _count(after, kind)) for kind in MISMATCHES},
        MISMATCHES,
        _mismatch_examples(comparison, (*after, *before)),
        "An answer counts once under each kind it has. With several acceptable answers, the nearest is meant.",
    )


def _table(
    title: str,
    heads: tuple[str, str],
    counts: Mapping[str, tuple[int, int]],
    meanings: Mapping[str, str],
    examples: Mapping[str, str],
    note: str,
) -> Table:
    rows: list[dict[str, Json]] = [
        {
            "code": code,
            "meaning": meanings.get(code, ""),
            "baseline": before,
            "candidate": after,
            "change": after - before,
            "example": examples.get(code),
        }
        for code, (before, after) in counts.items()
        if before or after
    ]
    rows.sort(key=lambda row: (-max(row["baseline"], row["candidate"]), row["code"]))
    return Table(
        title=title,
        columns=(
            Column(key="code", label=heads[0], kind="code"),
            Column(key="meaning", label=heads[1]),
            Column(key="baseline", label="Baseline", kind="int"),
            Column(key="candidate", label="Candidate", kind="int"),
            Column(key="change", label="Change", kind="change"),
            Column(key="example", label="Example"),
        ),
        rows=tuple(rows),
        note=note,
    )


def _count(side: Iterable[Record], kind: str) -> int:
    return sum(any(found.kind == kind for found in r.score.mismatches) for r in side if r.score is not None)


def _violation_examples(side: Iterable[Record]) -> Mapping[str, str]:
    """The first of each code; the candidate's stand first, for it is the one to be understood."""
    found: dict[str, str] = {}
    for record in side:
        for violation in record.score.violations if record.score else ():
            place = f" at {violation.path}" if violation.path else ""
            found.setdefault(violation.code, _clip(f"{record.case}{place}: {violation.message}"))
    return found


def _mismatch_examples(comparison: Comparison, side: Iterable[Record]) -> Mapping[str, str]:
    cases = {case.id: case for case in comparison.suite.cases}
    found: dict[str, str] = {}
    for record in side:
        for mismatch in record.score.mismatches if record.score else ():
            if mismatch.kind not in found:
                called = [payload.tool for payload in record.answer.payloads] if record.answer else []
                told = complaint.of_mismatch(mismatch, cases[record.case], called)
                found[mismatch.kind] = _clip(f"{record.case}: {told}")
    return found


def _clip(text: str) -> str:
    return text if len(text) <= EXAMPLE else text[: EXAMPLE - 1] + "…"
