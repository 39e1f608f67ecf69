"""What the servers that were started here told of themselves: how full, how long a queue, how much they had cached."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import Column, Comparison, EngineStart, Json, Section, Table, Verdict
from evalkit.numerals import counted
from evalkit.pairing import likeness

ORDER = 95
COLUMNS = (
    Column(key="engine", label="Engine", kind="code"),
    Column(key="targets", label="Serves"),
    Column(key="ready", label="Ready after", kind="seconds"),
    Column(key="cache", label="KV cache, mean", kind="percent"),
    Column(key="cache_peak", label="KV cache, peak", kind="percent"),
    Column(key="waiting", label="Waiting, peak", kind="int"),
    Column(key="queue", label="Queue, p50", kind="seconds"),
    Column(key="queue_p95", label="Queue, p95", kind="seconds"),
    Column(key="first", label="First token, p50", kind="seconds"),
    Column(key="first_p95", label="First token, p95", kind="seconds"),
    Column(key="hits", label="Tokens from prefix cache", kind="int"),
    Column(key="hit_share", label="Share from prefix cache", kind="percent"),
    Column(key="preemptions", label="Preemptions", kind="int"),
)
"""Those that no engine fills are left out."""


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None if no engine told anything."""
    before, after = comparison.baseline_info, comparison.candidate_info
    starts = before.engines if likeness.one_run(before, after) else (*before.engines, *after.engines)
    rows = [_row(start, start.metrics) for start in starts if start.metrics]
    if not rows:
        return None
    return Section(
        id="engines",
        title="Servers started here",
        lead=f"{counted(len(rows), 'start')}, with what the engine counted from the first question to the last.",
        blocks=(
            Table(
                title="What they told of themselves",
                columns=tuple(column for column in COLUMNS if any(row[column.key] is not None for row in rows)),
                rows=tuple(rows),
                note="Waiting in an engine's queue is part of the latencies: of two models, compare those that waited "
                "alike. Levels (KV cache, waiting) were looked at once a second; percentiles lie within the engine's "
                "own buckets.",
            ),
        ),
    )


def _row(start: EngineStart, told: Mapping[str, Json]) -> dict[str, Json]:
    hits = told.get("prefix_cache_hits", 0)
    looked_up = told.get("prefix_cache_queries", hits + told.get("prompt_tokens_computed", 0))
    return {
        "engine": start.engine,
        "targets": ", ".join(start.targets),
        "ready": start.ready_seconds,
        "cache": _part(told, "kv_cache_use", "mean"),
        "cache_peak": _part(told, "kv_cache_use", "peak"),
        "waiting": _count(_part(told, "requests_waiting", "peak")),
        "queue": _part(told, "queue_time", "p50"),
        "queue_p95": _part(told, "queue_time", "p95"),
        "first": _part(told, "time_to_first_token", "p50"),
        "first_p95": _part(told, "time_to_first_token", "p95"),
        "hits": _count(told.get("prefix_cache_hits")),
        "hit_share": hits / looked_up if looked_up and "prefix_cache_hits" in told else None,
        "preemptions": _count(told.get("preemptions")),
    }


def _count(number: float | None) -> int | None:
    """Prometheus knows no whole numbers."""
    return None if number is None else round(number)


def _part(told: Mapping[str, Json], name: str, part: str) -> Json:
    return told.get(name, {}).get(part)
