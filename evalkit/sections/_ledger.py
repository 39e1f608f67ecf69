"""Every case in one line: what became of it, what was asked, and what either model took for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from evalkit import values
from evalkit.data import Case, Change, Comparison, Json, Ledger, Record, Response

ASKED = 240
"""Characters of a question."""


def ledger(comparison: Comparison, changes: Sequence[Change], offers: Mapping[str, str]) -> Ledger:
    """In the order of `changes`."""
    known = {case.id: case for case in comparison.suite.cases}
    cases = [known[change.case] for change in changes]
    sides = [
        [records.get(case.id, ()) for case in cases]
        for records in (comparison.baseline_records, comparison.candidate_records)
    ]
    before, after = sides
    return Ledger(
        cases=tuple(change.case for change in changes),
        kinds=tuple(change.kind for change in changes),
        flaws=tuple(_flaws(change, (*old, *new)) for change, old, new in zip(changes, before, after, strict=True)),
        unlike=tuple(unlike(old, new) for old, new in zip(before, after, strict=True)),
        whys=tuple(change.why for change in changes),
        asked=tuple(_asked(case) for case in cases),
        tools=tuple(tools(case, (*old, *new)) for case, old, new in zip(cases, before, after, strict=True)),
        tags=tuple(case.tags for case in cases),
        seconds=(tuple(map(_seconds, before)), tuple(map(_seconds, after))),
        tokens=(tuple(map(_tokens, before)), tuple(map(_tokens, after))),
        offers=offers,
    )


def _asked(case: Case) -> str:
    """What the user said last."""
    said = [message.get("content") for message in case.messages if message.get("role") == "user"]
    texts = [content for content in said if isinstance(content, str)]
    last = " ".join(texts[-1][: ASKED * 2].split()) if texts else ""
    return last if len(last) <= ASKED else last[: ASKED - 1] + "…"


def tools(case: Case, records: Sequence[Record]) -> tuple[str, ...]:
    """Wanted ones first, then called ones, each once."""
    wanted = [call.tool for expectation in case.accept for call in expectation.calls]
    called = [payload.tool for record in records if record.answer for payload in record.answer.payloads]
    return tuple(dict.fromkeys([*wanted, *called]))


def _flaws(change: Change, records: Sequence[Record]) -> tuple[str, ...]:
    scores = [record.score for record in records if record.score is not None]
    found = [violation.code for score in scores for violation in score.violations]
    found += [mismatch.kind for score in scores for mismatch in score.mismatches]
    return tuple(dict.fromkeys([change.cause, *found] if change.cause else found))


def unlike(before: Sequence[Record], after: Sequence[Record]) -> bool:
    """By their first trials."""
    made = [_calls(trials) for trials in (before, after)]
    return None not in made and made[0] != made[1] and not values.same(made[0], made[1])


def _calls(trials: Sequence[Record]) -> Json:
    """None without an answer."""
    answer = next((trial.answer for trial in trials if trial.answer is not None), None)
    if answer is None:
        return None
    return [[call.tool, call.text if call.error else call.value] for call in answer.payloads]


def _seconds(trials: Sequence[Record]) -> float | None:
    timed = [t.reply.timing.total for t in trials if isinstance(t.reply, Response) and t.reply.timing.total is not None]
    return fmean(timed) if timed else None


def _tokens(trials: Sequence[Record]) -> int | None:
    counted = [t.answer.usage.output_tokens for t in trials if t.answer and t.answer.usage.output_tokens is not None]
    return sum(counted) if counted else None
