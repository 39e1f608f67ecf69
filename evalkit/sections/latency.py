"""How long the models take: the distribution, its quantiles, and the ratio case by case."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit import stats, tally
from evalkit.data import Column, Comparison, Figure, Json, Record, Response, Section, Table, Verdict
from evalkit.sections import _records as records

ORDER = 90
_QUANTILES = ("p50", "p90", "p95", "p99")
STEPS = 160
"""Points of a drawn curve: more than a screen resolves, few enough to keep the file small."""


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None if no answer was timed."""
    timed = [(target, side, sorted(tally.seconds(side))) for target, side in records.sides(comparison)]
    if not any(seconds for _, _, seconds in timed):
        return None
    rows = []
    for target, side, seconds in timed:
        quantiles = tally.latency_quantiles(side)
        rows.append(
            {"target": target.identity, "answers": len(seconds)}
            | {name: _interval(quantiles[name]) for name in _QUANTILES}
        )
    return Section(
        id="latency",
        title="Latency",
        lead=_lead(comparison),
        blocks=(
            Table(
                title="Seconds to the whole answer",
                columns=(
                    Column(key="target", label="Model"),
                    Column(key="answers", label="Answers", kind="int"),
                    *(Column(key=name, label=name, kind="seconds") for name in _QUANTILES),
                ),
                rows=tuple(rows),
                note="With 95 % intervals from order statistics; “n too small”: too few answers to bound the quantile. "
                "Waiting for a free slot and for retries is not counted.",
            ),
            _ecdf([(target.identity, seconds) for target, _, seconds in timed]),
            *_streamed(comparison),
        ),
    )


_MOMENTS = (
    ("first_token", "the first token"),
    ("first_call_byte", "the first byte of a call"),
    ("arguments_done", "the arguments complete"),
)


def _streamed(comparison: Comparison) -> tuple[Table, ...]:
    """When a stream brought what; none where no answer was streamed."""
    rows: list[Json] = []
    for moment, label in _MOMENTS:
        for target, side in records.sides(comparison):
            seconds = [time for time in (_moment(record, moment) for record in side) if time is not None]
            if seconds:
                quantiles = {name: stats.quantile_interval(seconds, at) for name, at in tally.QUANTILES.items()}
                row = {name: _interval(quantiles[name]) for name in _QUANTILES}
                rows.append({"until": label, "target": target.identity, "answers": len(seconds)} | row)
    if not rows:
        return ()
    return (
        Table(
            title="Seconds to what a stream brings",
            columns=(
                Column(key="until", label="Until"),
                Column(key="target", label="Model"),
                Column(key="answers", label="Answers", kind="int"),
                *(Column(key=name, label=name, kind="seconds") for name in _QUANTILES),
            ),
            rows=tuple(rows),
            note="From the moment the request was sent. An answer without a call has no first byte of one.",
        ),
    )


def _moment(record: Record, name: str) -> float | None:
    if not isinstance(record.reply, Response):
        return None
    time: float | None = getattr(record.reply.timing, name)
    return time


def _interval(quantile: tuple[float, float, float] | None) -> Json:
    return "n too small" if quantile is None else dict(zip(("value", "low", "high"), quantile, strict=True))


def _lead(comparison: Comparison) -> str:
    found = comparison.latency
    if found.ratio is None:
        return "No case was timed on both sides."
    if comparison.times_differ:
        return f"Times do not compare: {comparison.times_differ}. With --latency they do."
    bounds = "" if found.low is None or found.high is None else f" [{found.low:.2f}, {found.high:.2f}]"
    told = f"Case by case the candidate takes {found.ratio:.2f}×{bounds} the baseline's time"
    if found.low is not None and found.low > 1:
        return f"{told}: slower."
    if found.high is not None and found.high < 1:
        return f"{told}: faster."
    return f"{told}: no clear difference."


def _ecdf(series: Sequence[tuple[str, list[float]]]) -> Figure:
    told = [
        f"{name}: half within {_at(seconds, 0.5):.2f} s, nine in ten within {_at(seconds, 0.9):.2f} s"
        for name, seconds in series
        if seconds
    ]
    return Figure(
        kind="ecdf",
        title="Share of answers complete within a time",
        data={
            "unit": "s",
            "series": [{"label": name, "points": _curve(seconds)} for name, seconds in series if seconds],
        },
        alt="; ".join(told) + ".",
    )


def _at(ranked: list[float], share: float) -> float:
    return ranked[min(int(len(ranked) * share), len(ranked) - 1)]


def _curve(ranked: list[float]) -> list[list[float]]:
    """(seconds, share of answers at or below), at most STEPS of them, always with the last."""
    n = len(ranked)
    ranks = sorted({round(step * (n - 1) / (STEPS - 1)) for step in range(STEPS)}) if n > STEPS else range(n)
    return [[round(ranked[rank], 4), round((rank + 1) / n, 4)] for rank in ranks]
