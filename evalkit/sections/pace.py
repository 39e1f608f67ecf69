"""How fast the models were asked: how many requests an endpoint bore at a time, and what needed no asking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalkit.data import Column, Comparison, Flight, Json, Record, Section, Table, Target, Verdict
from evalkit.numerals import counted
from evalkit.pairing import likeness
from evalkit.sections import _records as records

ORDER = 112


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None if every question was asked, always as many at a time as in the beginning."""
    before, after = comparison.baseline_info, comparison.candidate_info
    flights = before.flights if likeness.one_run(before, after) else (*before.flights, *after.flights)
    changed = [flight for flight in flights if len(flight.widths) > 1 or flight.refusals]
    cached = [row for target, side in records.sides(comparison) if (row := _cached(target, side))]
    if not changed and not cached:
        return None
    return Section(
        id="pace",
        title="How fast it was asked",
        lead=" ".join(_lead(changed, cached)),
        blocks=(*_flights(changed), *_from_cache(cached)),
    )


def _lead(flights: Sequence[Flight], cached: Sequence[Json]) -> Iterator[str]:
    refusals = sum(flight.refusals for flight in flights)
    if refusals:
        yield f"{counted(refusals, 'attempt')} met a limit of the endpoint, and fewer were sent at a time."
    elif flights:
        yield "No endpoint refused: as many were sent at a time as was allowed here."
    if cached:
        yield f"{counted(sum(row['cached'] for row in cached), 'answer')} came from earlier runs."


def _flights(flights: Sequence[Flight]) -> Iterator[Table]:
    if flights:
        yield Table(
            title="Requests in flight",
            columns=(
                Column(key="target", label="Model"),
                Column(key="started", label="Asked from", kind="code"),
                Column(key="first", label="At first", kind="int"),
                Column(key="most", label="Most", kind="int"),
                Column(key="last", label="In the end", kind="int"),
                Column(key="changes", label="Changes", kind="int"),
                Column(key="refusals", label="Refused (429)", kind="int"),
            ),
            rows=tuple(_flight(flight) for flight in flights),
            note="The width grows until an endpoint refuses, and then finds what it bears. Of two models asked at "
            "unlike widths, latencies compare only with --latency.",
        )


def _flight(flight: Flight) -> dict[str, Json]:
    widths = [width for _, width in flight.widths]
    return {
        "target": flight.target,
        "started": flight.started,
        "first": widths[0],
        "most": max(widths),
        "last": widths[-1],
        "changes": len(widths) - 1,
        "refusals": flight.refusals,
    }


def _from_cache(rows: Sequence[dict[str, Json]]) -> Iterator[Table]:
    if rows:
        yield Table(
            title="Answers of earlier runs",
            columns=(
                Column(key="target", label="Model"),
                Column(key="cached", label="Answers", kind="int"),
                Column(key="of", label="of", kind="int"),
                Column(key="oldest", label="Oldest", kind="code"),
                Column(key="newest", label="Newest", kind="code"),
            ),
            rows=tuple(rows),
            note="To the same request, word for word. Their times and costs are those of then; --no-cache asks anew.",
        )


def _cached(target: Target, side: Sequence[Record]) -> dict[str, Json] | None:
    had = sorted(record.cached for record in side if record.cached)
    if not had:
        return None
    return {"target": target.identity, "cached": len(had), "of": len(side), "oldest": had[0], "newest": had[-1]}
