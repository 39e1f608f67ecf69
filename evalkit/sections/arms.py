"""One model asked in several ways, side by side: what an arm gains, what it costs, and what still breaks on it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence

from evalkit import numerals, tally
from evalkit.data import Block, Cell, Column, Comparison, Json, Section, Suite, Table, Verdict
from evalkit.pairing import cells as pairing
from evalkit.pairing import likeness
from evalkit.pairing.sides import Side
from evalkit.sections import _field as field
from evalkit.sections import _words as words
from evalkit.sections._field import Entry

ORDER = 43
SCORES = ("correct", "compliance", "compliance_lenient", "compliance_repaired", "called", "abstained")
NATIVE = "native"
"""The arm that the others of a model are held against; the first in its absence."""


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None unless one model was asked on two arms."""
    models = _models(field.entries(comparison, verdict))
    if not models:
        return None
    told = [(arms, _against(arms, comparison.suite)) for arms in models]
    blocks: list[Block] = [block for arms, changes in told for block in _model(arms, changes)]
    both = _both(comparison)
    return Section(
        id="arms",
        title="Ways of asking",
        lead=" ".join(_lead(arms, changes) for arms, changes in told),
        blocks=(*blocks, *([both] if both else [])),
    )


def _models(entries: Sequence[Entry]) -> list[list[Entry]]:
    """The arms of each model that has several, asked alike but for that, the one to compare with first."""
    found: list[list[Entry]] = []
    for entry in entries:
        arms = next((arms for arms in found if likeness.but_for_the_arm(arms[0].target, entry.target)), None)
        if arms is None:
            found.append([entry])
        elif all(entry.target.arm != other.target.arm for other in arms):
            arms.append(entry)
    return [sorted(arms, key=lambda entry: entry.target.arm != NATIVE) for arms in found if len(arms) > 1]


Changes = Mapping[str, Mapping[str, Cell]]
"""Arm -> score -> how it differs from the first arm, case by case."""


def _against(arms: Sequence[Entry], suite: Suite) -> Changes:
    first, *others = [Side.of(entry.trials, suite.cases, sequential=entry.info.sequential) for entry in arms]
    return {
        entry.target.arm: {
            cell.score: cell
            for cell in pairing.over({"all": range(len(suite.cases))}, suite, first, side, ("correct", "compliance"))
        }
        for entry, side in zip(arms[1:], others, strict=True)
    }


def _lead(arms: Sequence[Entry], changes: Changes) -> str:
    first = arms[0].target
    told = []
    for arm, cells in changes.items():
        cell = cells.get("correct") or cells.get("compliance")
        if cell and cell.difference is not None:
            interval = numerals.between(cell.low, cell.high)
            told.append(f"{arm} changes {cell.score} by {numerals.points(cell.difference)} points {interval}")
    if not told:
        return f"{first.name} was asked in {len(arms):,} ways; no case was answered in two of them."
    return f"{first.name}, against {first.arm}: {'; '.join(told)}."


# --------------------------------------------------------------------------- one model


def _model(arms: Sequence[Entry], changes: Changes) -> Iterator[Table]:
    name = arms[0].target.name
    yield _worth(f"{name}, by the way it is asked", arms, changes)
    if (codes := _codes(name, arms)).rows:
        yield codes


def _worth(title: str, arms: Sequence[Entry], changes: Changes) -> Table:
    columns = (
        Column(key="arm", label="Arm"),
        *(Column(key=score, label=words.LABELS[score], kind="percent") for score in SCORES),
        Column(key="change", label=f"Correct, against {arms[0].target.arm}", kind="points"),
        Column(key="seconds", label="Median time", kind="seconds"),
        Column(key="tokens", label="Output tokens per answer", kind="number"),
        Column(key="cost", label="Cost per 1,000 answers", kind="usd"),
    )
    rows = [_arm(entry, changes.get(entry.target.arm, {})) for entry in arms]
    return Table(
        title=title,
        columns=tuple(
            column for column in columns if any(row[column.key] not in (None, _sent(row, column)) for row in rows)
        ),
        rows=tuple(rows),
        note="The same model with the same parameters. Changes are case by case, in percentage points; all intervals "
        "are at 95 %. Constraining an answer mends its form; whether it is right shows under “correct”.",
    )


def _sent(row: Mapping[str, Json], column: Column) -> Json:
    """What a more generous reading of the answers only repeats, where there is nothing to be generous about."""
    return row["compliance"] if column.key in ("compliance_lenient", "compliance_repaired") else None


def _arm(entry: Entry, changes: Mapping[str, Cell]) -> dict[str, Json]:
    timed, spent = tally.seconds(entry.records), tally.usage(entry.records, entry.target)
    tokens = spent.total.output_tokens
    return {
        "arm": entry.target.arm,
        **{score: _rate(entry, score) for score in SCORES},
        "change": words.difference(changes["correct"]) if "correct" in changes else None,
        "seconds": statistics.median(timed) if timed else None,
        "tokens": tokens / spent.counted if tokens is not None and spent.counted else None,
        "cost": words.for_thousand(spent.cost_each),
    }


def _rate(entry: Entry, score: str) -> Json:
    rate = entry.rates.get(("all", score))
    return words.rate(rate) if rate and rate.judged else None


def _codes(name: str, arms: Sequence[Entry]) -> Table:
    counts = {entry.target.arm: tally.codes(entry.records) for entry in arms}
    codes = {code for found in counts.values() for code in found}
    rows: list[dict[str, Json]] = [
        {"code": code, **{arm: found.get(code, 0) for arm, found in counts.items()}} for code in sorted(codes)
    ]
    rows.sort(key=lambda row: -max(row[arm] for arm in counts))
    return Table(
        title=f"{name}: violations by arm",
        columns=(
            Column(key="code", label="Code", kind="code"),
            *(Column(key=arm, label=arm, kind="int") for arm in counts),
        ),
        rows=tuple(rows),
        note="An answer counts once under each code it has.",
    )


# --------------------------------------------------------------------------- both models, arm by arm


def _both(comparison: Comparison) -> Table | None:
    """Where either model was asked on the same arms: whether the way of asking changes who is better."""
    cells = [cell for cell in comparison.cells if cell.slice.startswith("arm:") and cell.score == "correct"]
    if not cells:
        return None
    return Table(
        title="Correct answers, candidate against baseline, each on the same arm",
        columns=(
            Column(key="arm", label="Both asked"),
            Column(key="baseline", label=comparison.baseline.name, kind="percent"),
            Column(key="candidate", label=comparison.candidate.name, kind="percent"),
            Column(key="difference", label="Difference", kind="points"),
            Column(key="broken", label="Broken", kind="int"),
            Column(key="fixed", label="Fixed", kind="int"),
        ),
        rows=tuple(
            {
                "arm": cell.slice.removeprefix("arm:"),
                "baseline": words.rate(cell.shared[0]),
                "candidate": words.rate(cell.shared[1]),
                "difference": words.difference(cell),
                "broken": cell.broken,
                "fixed": cell.fixed,
            }
            for cell in cells
        ),
    )
