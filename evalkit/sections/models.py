"""Every candidate of a run at one look: who may replace the baseline, what each is worth, and what each takes."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence

from evalkit import numerals, tally
from evalkit.data import (
    Block,
    Column,
    Comparison,
    Figure,
    Json,
    Rate,
    Ratio,
    Section,
    Table,
    Verdict,
)
from evalkit.sections import _field as field
from evalkit.sections import _words as words
from evalkit.sections._field import Entry

ORDER = 5
SCORES = ("correct", "compliance", "abstained", "called", "tool", "parsed")


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None where there is one candidate: all else speaks of it."""
    if not comparison.rivals:
        return None
    ranked = field.entries(comparison, verdict)
    baseline, *candidates = ranked
    blocks: list[Block] = [_standings(ranked, comparison.candidate.identity)]
    blocks += [*_forest(candidates), *_dots(ranked), _scores(ranked), _takes(ranked)]
    return Section(
        id="models",
        title="All models of the run",
        lead=_lead(baseline, candidates),
        blocks=tuple(filter(_filled, blocks)),
    )


def _filled(block: Block) -> bool:
    return not isinstance(block, Table) or len(block.columns) > 1


# --------------------------------------------------------------------------- who may replace the baseline


def _lead(baseline: Entry, candidates: Sequence[Entry]) -> str:
    by_outcome = {outcome: [entry for entry in candidates if entry.outcome == outcome] for outcome in _ENDS}
    told = [
        f"{len(found):,} {_ENDS[outcome][len(found) != 1]}" + (f": {_named(found)}" if outcome == "pass" else "")
        for outcome, found in by_outcome.items()
        if found
    ]
    whose = f"of {len(candidates):,} candidates for the place of {baseline.target.identity}"
    if not by_outcome["pass"]:
        return f"None {whose} passes the gate: {'; '.join(told)}."
    return f"{whose[0].upper()}{whose[1:]}, {'; '.join(told)}."


_ENDS: Mapping[str, tuple[str, str]] = {
    "pass": ("passes the gate", "pass the gate"),
    "inconclusive": ("is open", "are open"),
    "fail": ("fails", "fail"),
    "not comparable": ("cannot be compared", "cannot be compared"),
}


def _named(found: Sequence[Entry]) -> str:
    return ", ".join(entry.target.identity for entry in found)


def _standings(ranked: Sequence[Entry], focus: str) -> Table:
    led = {entry.leading.score for entry in ranked if entry.leading}
    counts = " or ".join(words.within(words.LABELS[score]) for score in field.LEADING if score in led)
    columns = (
        Column(key="model", label="Model"),
        Column(key="gate", label="Gate", kind="outcome"),
        *(Column(key=score, label=words.LABELS[score], kind="points") for score in field.LEADING),
        Column(key="broken", label="Broken", kind="int"),
        Column(key="fixed", label="Fixed", kind="int"),
        Column(key="time", label="Time", kind="ratio"),
        Column(key="cost", label="Cost", kind="ratio"),
        Column(key="missing", label="Answers missing", kind="percent"),
        Column(key="tools", label="Tools"),
    )
    rows = tuple(_standing(entry, focus) for entry in ranked)
    shown = _known(columns, rows)
    keys = {column.key for column in shown}
    sentences = (
        f"Broken and fixed are cases, by “{counts}” alone.",
        "Changes are candidate − baseline in percentage points over the cases that both answered, with 95 % intervals.",
        "Time and cost are candidate / baseline on the same cases, time only where both were asked with --latency."
        if keys & {"time", "cost"}
        else "",
        "Answers missing, as the gate counts them, are faults and what was never asked." if "missing" in keys else "",
        _together(ranked[1:]),
    )
    return Table(
        title="Who may replace the baseline: changes against it",
        columns=shown,
        rows=rows,
        note=" ".join(filter(None, sentences)),
    )


def _standing(entry: Entry, focus: str) -> dict[str, Json]:
    changes = {score: words.difference(cell) if (cell := entry.cell(score)) else None for score in field.LEADING}
    return {
        "model": entry.target.identity,
        "meaning": _said(entry, focus),
        "gate": entry.outcome,
        **changes,
        "broken": entry.leading.broken if entry.leading else None,
        "fixed": entry.leading.fixed if entry.leading else None,
        "tools": _ready(entry.verdict) if entry.verdict else None,
        "time": _ratio(_latency(entry.comparison)),
        "cost": _ratio(entry.comparison.cost if entry.comparison else None),
        "missing": entry.missing or None,
    }


def _ready(verdict: Verdict) -> str | None:
    """Of the checklist, what keeps a tool from moving; None where no tool is spoken of."""
    if not verdict.readiness:
        return None
    counts = Counter(line.word for line in verdict.readiness)
    told = {"blocked": counts["blocked"], "to watch": counts["watch"]}
    return ", ".join(f"{count:,} {said}" for said, count in told.items() if count) or "none to watch"


def _said(entry: Entry, focus: str) -> str:
    if entry.verdict is None:
        return "in use"
    differs = "; ".join(entry.comparison.differs) if entry.comparison else ""
    word = entry.verdict.word.replace("_", " ") if entry.verdict.comparable else differs or entry.verdict.headline
    return f"{word}; told in full below" if entry.target.identity == focus else word


def _latency(comparison: Comparison | None) -> Ratio | None:
    return None if comparison is None or comparison.times_differ else comparison.latency


def _ratio(found: Ratio | None) -> Json:
    return (
        None if found is None or found.ratio is None else {"value": found.ratio, "low": found.low, "high": found.high}
    )


def _together(candidates: Sequence[Entry]) -> str:
    """What it means to look at several; "" where all but one cannot be compared, and so cannot pass by chance."""
    counted = sum(entry.comparison is not None and not entry.comparison.differs for entry in candidates)
    if counted < 2:
        return ""
    alone = [entry for entry in candidates if entry.outcome == "pass"]
    still = [entry for entry in alone if entry.verdict and entry.verdict.together == "pass"]
    chance = f"{100 * (1 - 0.95**counted):.0f} %"
    told = (
        f"Each gate is decided as if its candidate were the only one. Of {counted:,} that all fell by just the "
        f"margin, some would pass by chance in up to {chance} of such runs, and the best of several looks better than "
        f"it is."
    )
    if not alone:
        return told
    if len(still) == len(alone):
        kept = "the same pass"
    else:
        kept = f"{_named(still)} still {'passes' if len(still) == 1 else 'pass'}" if still else "none passes"
    return f"{told} With each fall decided at 5 % for all of them together (Bonferroni), {kept}."


def _forest(candidates: Sequence[Entry]) -> tuple[Figure, ...]:
    """By the first score that is judged, with the largest drop that the policy allows of it."""
    score = next((score for score in field.LEADING if any(entry.cell(score) for entry in candidates)), None)
    cells = [(entry, cell) for entry in candidates if score and (cell := entry.cell(score)) and cell.pairs]
    if not cells or score is None:
        return ()
    rows: list[Json] = [
        {
            "label": entry.target.identity,
            "value": cell.difference,
            "low": cell.low,
            "high": cell.high,
            "margin": _margin(entry, score),
        }
        for entry, cell in cells
    ]
    told = "; ".join(
        f"{row['label']} {numerals.points(row['value'])} {numerals.between(row['low'], row['high'])}" for row in rows
    )
    return (
        Figure(
            kind="forest",
            title=f"{words.LABELS[score]}: each candidate − baseline, in percentage points",
            data={"rows": rows},
            alt=f"Differences with 95 % intervals, in points: {told}.",
        ),
    )


def _margin(entry: Entry, score: str) -> float | None:
    checks = entry.verdict.checks if entry.verdict else ()
    drops = [check.rule for check in checks if check.rule.kind == "max_drop" and check.rule.slice == "all"]
    return next((rule.limit for rule in drops if rule.score == score), None)


# --------------------------------------------------------------------------- what each is worth


def _scores(ranked: Sequence[Entry]) -> Table:
    columns = (
        Column(key="model", label="Model"),
        *(Column(key=score, label=words.LABELS[score], kind="percent") for score in SCORES),
        Column(key="cases", label="Cases", kind="int"),
    )
    rows: list[dict[str, Json]] = [
        {
            "model": entry.target.identity,
            **{score: _rate(entry.rates.get(("all", score))) for score in SCORES},
            "cases": max((rate.judged for (where, _), rate in entry.rates.items() if where == "all"), default=None),
        }
        for entry in ranked
    ]
    return Table(
        title="Scores of all models",
        columns=_known(columns, rows),
        rows=tuple(rows),
        note=f"Over all cases that were answered and to which the score applies ({_applying(ranked)}), with 95 % "
        "intervals. Intervals of two models that overlap may hide a sure difference: the changes above compare case by "
        "case.",
    )


def _applying(ranked: Sequence[Entry]) -> str:
    """Of how many cases each score speaks, at most: a case that wants no call has no compliance."""
    most = {
        score: max((rate.judged for entry in ranked if (rate := entry.rates.get(("all", score)))), default=0)
        for score in SCORES
    }
    return ", ".join(f"{words.within(words.LABELS[score])}: {count:,}" for score, count in most.items() if count)


def _rate(found: Rate | None) -> Json:
    return words.rate(found) if found and found.judged else None


def _dots(ranked: Sequence[Entry]) -> tuple[Figure, ...]:
    """None where nothing was judged."""
    panels: list[Json] = []
    for score in field.LEADING:
        points = [_point(entry, score) for entry in ranked]
        if any(points):
            panels.append({"label": words.LABELS[score], "points": points})
    if not panels:
        return ()
    best = "; ".join(_best(panel, ranked) for panel in panels)
    return (
        Figure(
            kind="dots",
            title="Scores with 95 % intervals",
            data={"rows": [entry.target.identity for entry in ranked], "panels": panels},
            alt=f"Best by score: {best}.",
        ),
    )


def _point(entry: Entry, score: str) -> Json:
    rate = entry.rates.get(("all", score))
    if rate is None or not rate.judged:
        return None
    cell = entry.cell(score)
    tone = "unclear" if cell is None or not words.sure(cell) else "better" if (cell.difference or 0) > 0 else "worse"
    return {"value": rate.value, "low": rate.low, "high": rate.high, "tone": tone if cell else "baseline"}


def _best(panel: Json, ranked: Sequence[Entry]) -> str:
    known = [(point["value"], entry) for point, entry in zip(panel["points"], ranked, strict=True) if point]
    value, entry = max(known, key=lambda pair: pair[0])
    return f"{words.within(panel['label'])} {entry.target.identity} ({numerals.percent(value)})"


# --------------------------------------------------------------------------- what each takes


def _takes(ranked: Sequence[Entry]) -> Table:
    columns = (
        Column(key="model", label="Model"),
        Column(key="p50", label="Median time", kind="seconds"),
        Column(key="p95", label="p95", kind="seconds"),
        Column(key="tokens", label="Output tokens per answer", kind="number"),
        Column(key="cost", label="Cost per 1,000 answers", kind="usd"),
        Column(key="good", label="Cost per 1,000 compliant", kind="usd"),
    )
    rows = [_taken(entry) for entry in ranked]
    partly = [f"{row['unpriced']:,} of {row['model']}" for row in rows if row["unpriced"]]
    return Table(
        title="What each takes",
        columns=_known(columns, rows),
        rows=tuple(rows),
        note=f"The cost of some answers is not known: {', '.join(partly)}. It is that of the others." if partly else "",
    )


def _taken(entry: Entry) -> dict[str, Json]:
    quantiles, timed = tally.latency_quantiles(entry.records), tally.seconds(entry.records)
    spent = tally.usage(entry.records, entry.target)
    tokens = spent.total.output_tokens
    middle = statistics.median(timed) if timed else None
    return {
        "model": entry.target.identity,
        "p50": _quantile(quantiles["p50"]) or middle,
        "p95": _quantile(quantiles["p95"]) or ("n too small" if timed else None),
        "tokens": tokens / spent.counted if tokens is not None and spent.counted else None,
        "cost": words.for_thousand(spent.cost_each),
        "good": words.for_thousand(spent.cost_compliant),
        "unpriced": spent.answers - spent.priced if spent.priced else 0,
    }


def _quantile(found: tuple[float, float, float] | None) -> Json:
    return None if found is None else dict(zip(("value", "low", "high"), found, strict=True))


def _known(columns: Sequence[Column], rows: Sequence[Mapping[str, Json]]) -> tuple[Column, ...]:
    """Those that some row fills."""
    return tuple(column for column in columns if any(row[column.key] is not None for row in rows))
