"""What the models were not told: tools and settings that were sent otherwise than declared, no fault of theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from evalkit import numerals, portability, values
from evalkit.data import (
    DIVERGENCES,
    Column,
    Comparison,
    Divergence,
    Json,
    Posted,
    Record,
    Response,
    Section,
    Table,
    Target,
    Verdict,
)
from evalkit.sections import _records as records

ORDER = 75
LISTED = ("refused", "limit", "lost", "renamed")
"""Kinds that are listed one by one; of the others the counts say enough."""
SHOWN = 60


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None if all was sent as declared, on both sides."""
    sides = [(target, side, _found(comparison, target, side)) for target, side in records.sides(comparison)]
    settings = [row for target, side, _ in sides for row in _settings(target, side)]
    altered = any(found for _, _, found in sides)
    if not altered and not settings:
        return None
    broken = [_broken(side) for _, side, _ in sides]
    rows = [
        _row(target, each, count)
        for (target, _, found), count in zip(sides, broken, strict=True)
        for each in found
        if each.kind in LISTED
    ]
    lead = "Tools were sent as declared, settings in other words."
    return Section(
        id="portability",
        title="Declared and sent",
        lead=_lead([found for _, _, found in sides], rows) if altered else lead,
        blocks=(
            *([_counts([(target, found) for target, _, found in sides])] if altered else []),
            *([_list(rows)] if rows else []),
            *([_as_sent(settings)] if settings else []),
        ),
    )


def _found(comparison: Comparison, target: Target, side: Sequence[Record]) -> tuple[Divergence, ...]:
    suite = comparison.suite
    return portability.of_target(target, suite.cases, suite.specs, side)


def _settings(target: Target, side: Iterable[Record]) -> Iterator[dict[str, Json]]:
    """A row for each way in which the settings left otherwise than they were handed over."""
    replies = [record.reply for record in side if isinstance(record.reply, Response)]
    left = Counter(values.canonical(_left(target, reply.posted)) for reply in replies if reply.posted is not None)
    given = values.canonical(dict(target.params))
    for settings, count in left.most_common():
        if settings != given:
            shown = given if target.params else "none"
            yield {"target": target.identity, "given": shown, "sent": settings, "count": count}


def _left(target: Target, posted: Posted) -> dict[str, Json]:
    """The target's parameters as they left, with whatever was added to them."""
    kept = {key: value for key, value in target.params.items() if key not in posted.dropped}
    return {**kept, **posted.settings}


def _broken(side: Iterable[Record]) -> Counter[tuple[str, str]]:
    """(tool, place in its declared schema) -> answers that break the schema there."""
    found: Counter[tuple[str, str]] = Counter()
    for record in side:
        if record.answer is None or record.score is None:
            continue
        tools = {payload.index: payload.tool for payload in record.answer.payloads}
        found.update(
            {(tools.get(v.payload, ""), v.schema_path) for v in record.score.violations if v.payload is not None}
        )
    return found


def _row(target: Target, found: Divergence, broken: Mapping[tuple[str, str], int]) -> dict[str, Json]:
    return {
        "target": target.identity,
        "tool": found.tool,
        "kind": found.kind,
        "place": found.path or "/",
        "what": found.message,
        "broken": broken.get((found.tool, found.path), 0),
        "source": found.source,
    }


def _lead(found: Sequence[Sequence[Divergence]], rows: Sequence[Mapping[str, Json]]) -> str:
    lost = [sum(each.kind == "lost" for each in side) for side in found]
    if not any(lost):
        return "Tools were sent in another form than they are declared in; no constraint was lost with that."
    told = f"{numerals.counted(lost[0], 'constraint')} never reached the baseline, {lost[1]:,} the candidate"
    excused = sum(row["broken"] for row in rows if row["kind"] == "lost")
    if not excused:
        return f"{told}; no answer breaks one of them."
    return f"{told}; answers broke one of them {numerals.counted(excused, 'time')}, which the model could not know."


def _counts(sides: Sequence[tuple[Target, Sequence[Divergence]]]) -> Table:
    rows = []
    for kind, meaning in DIVERGENCES.items():
        before, after = (sum(each.kind == kind for each in found) for _, found in sides)
        if before or after:
            rows.append({"kind": kind, "meaning": meaning, "baseline": before, "candidate": after})
    return Table(
        title="Tools as they were sent",
        columns=(
            Column(key="kind", label="Kind", kind="code"),
            Column(key="meaning", label="Meaning"),
            Column(key="baseline", label="Baseline", kind="int"),
            Column(key="candidate", label="Candidate", kind="int"),
        ),
        rows=tuple(rows),
        note="Places in schemas. Answers are judged against the declared schemas all the same.",
    )


def _list(rows: Sequence[dict[str, Json]]) -> Table:
    shown = sorted(rows, key=lambda row: (-row["broken"], list(DIVERGENCES).index(row["kind"])))[:SHOWN]
    rest = len(rows) - len(shown)
    return Table(
        title="What the models were not told",
        columns=(
            Column(key="target", label="Model"),
            Column(key="tool", label="Tool", kind="code"),
            Column(key="kind", label="Kind", kind="code"),
            Column(key="place", label="Place in its schema", kind="code"),
            Column(key="what", label="What became of it"),
            Column(key="broken", label="Answers that break it", kind="int"),
            Column(key="source", label="Declared at", kind="code"),
        ),
        rows=tuple(shown),
        note=f"{rest:,} more are not shown." if rest else "",
    )


def _as_sent(rows: Sequence[dict[str, Json]]) -> Table:
    rest = len(rows) - len(rows[:SHOWN])
    return Table(
        title="Settings as they were sent",
        columns=(
            Column(key="target", label="Model"),
            Column(key="given", label="Parameters given", kind="code"),
            Column(key="sent", label="Sent", kind="code"),
            Column(key="count", label="Answers", kind="int"),
        ),
        rows=tuple(rows[:SHOWN]),
        note="In the words of the endpoint, with what was added on the way that nobody asked for."
        + (f" {rest:,} more are not shown." if rest else ""),
    )
