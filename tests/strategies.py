"""Hypothesis strategies that several tests share."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from evalkit.data import (
    CODES,
    Answer,
    Attempt,
    Counts,
    Fault,
    FaultKind,
    Json,
    Mismatch,
    Payload,
    Record,
    Response,
    Score,
    Timing,
    Violation,
    Wire,
)

#: Text that survives every encoding a file may be written in: no controls, no lone surrogates, no line separators.
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co", "Zl", "Zp")), max_size=12)

scalars: st.SearchStrategy[Json] = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
)


def containers(leaves: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
    )


#: Any JSON value.
values = containers(scalars)


# --------------------------------------------------------------------------- records, as a store must keep them

seconds = st.floats(min_value=0, max_value=1e4, allow_nan=False)
maybe_seconds = st.none() | seconds
codes = st.sampled_from(sorted(CODES))

faults = st.builds(
    Fault,
    kind=st.sampled_from(get_args(FaultKind)),
    message=st.text(max_size=20),
    status=st.none() | st.integers(100, 599),
    retryable=st.booleans(),
    seconds=seconds,
)
wires = st.builds(
    Wire,
    status=st.integers(100, 599),
    headers=st.dictionaries(texts, texts, max_size=2),
    body=st.text(max_size=40),
    stream=st.booleans(),
    arrivals=st.lists(st.tuples(st.integers(0, 99), seconds), max_size=3).map(tuple),
)
timings = st.builds(Timing, queued=maybe_seconds, first_byte=maybe_seconds, total=maybe_seconds)
responses = st.builds(Response, wire=wires, dialect=texts, timing=timings, client=values, sent=values)
payloads = st.builds(
    Payload,
    index=st.integers(0, 9),
    tool=texts,
    text=st.none() | st.text(max_size=20),
    value=values,
    error=st.none() | codes,
)
violations = st.builds(Violation, payload=st.none() | st.integers(0, 9), code=codes, message=texts, excerpt=texts)
mismatches = st.builds(
    Mismatch, kind=st.sampled_from(["arg", "missing_call"]), tool=texts, expected=values, actual=values, why=texts
)
answers = st.builds(
    Answer,
    payloads=st.lists(payloads, max_size=2).map(tuple),
    text=st.text(max_size=20),
    violations=st.lists(violations, max_size=2).map(tuple),
)
rungs = st.none() | st.booleans()
scores = st.builds(
    Score,
    **dict.fromkeys(
        ("called", "tool", "parsed", "valid", "correct", "abstained", "valid_lenient", "valid_repaired"), rungs
    ),
    calls=st.builds(Counts, matched=st.integers(0, 9)),
    arguments=st.builds(Counts, actual=st.integers(0, 9)),
    violations=st.lists(violations, max_size=2).map(tuple),
    mismatches=st.lists(mismatches, max_size=2).map(tuple),
)
#: A record as a run holds it: judged, or faulted.
records = st.builds(
    Record,
    case=st.sampled_from(["a", "b", "ø"]),
    trial=st.integers(0, 2),
    target=st.sampled_from(["old", "new@forced"]),
    started=st.just("2026-01-01T00:00:00+00:00"),
    sent=texts,
    reply=responses,
    attempts=st.lists(st.builds(Attempt, fault=faults, wait=seconds), max_size=2).map(tuple),
    answer=st.none() | answers,
    score=st.none() | scores,
) | st.builds(
    Record,
    case=st.sampled_from(["a", "b", "ø"]),
    trial=st.integers(0, 2),
    target=st.sampled_from(["old", "new@forced"]),
    started=st.just("2026-01-01T00:00:00+00:00"),
    sent=texts,
    reply=faults,
)
