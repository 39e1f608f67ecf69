"""What verbs print that is no comparison: a plan, a run in numbers, one case, findings. Fits 80 columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evalkit.data import DIVERGENCES, Case, Divergence, Fault, Json, Record, RunInfo, ScoreName, Suite, Target
from evalkit.renderers._visible import inert

if TYPE_CHECKING:
    from evalkit.errors import Problem
    from evalkit.tally import Totals

_LINE = 80
_KINDS = tuple(DIVERGENCES)
_HEADLINES: tuple[ScoreName, ...] = ("compliance", "correct", "abstained")


def plan(suite: Suite, targets: Sequence[Target], trials: int, folder: Path, as_json: bool) -> None:
    """What a run would ask."""
    calls = len(suite.cases) * len(targets) * trials
    told = {
        "suite": suite.name,
        "suite_digest": suite.digest,
        "cases": len(suite.cases),
        "tools": len(suite.specs),
        "targets": [target.identity for target in targets],
        "trials": trials,
        "requests": calls,
        "run": str(folder),
    }
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    typer.echo(f"{calls} requests: {len(suite.cases)} cases x {len(targets)} models x {trials} trials")
    for name, value in told.items():
        typer.echo(f"  {name:14} {', '.join(value) if isinstance(value, list) else value}")


def summary(folder: Path, as_json: bool, suite: Suite | None = None) -> None:
    """Every target of a run in numbers. `suite`: the run's, where it is in memory already."""
    from evalkit import store

    with store.open_run(folder) as opened:
        sums = Sums(opened.info, suite or opened.suite)
        for record in opened.records():
            sums.add(record)
    numbers(folder, sums, as_json)


class Sums:
    """What the records of a run add up to, target by target. They are added one by one, and none need be kept."""

    def __init__(self, info: RunInfo, suite: Suite) -> None:
        from evalkit.tally import Totals

        self.info = info
        self._suite = suite
        self._offers = {case.id: case.tools for case in suite.cases}
        self._totals = {target.identity: Totals() for target in info.targets}
        self._altered: dict[str, dict[tuple[str, ...], Record]] = {target: {} for target in self._totals}
        """One record for each list of tools that did not leave as declared."""

    def add(self, record: Record) -> None:
        self._totals[record.target].add(record)
        if not isinstance(record.reply, Fault) and record.reply.sent is not None:
            self._altered[record.target].setdefault(self._offers[record.case], record)

    def rows(self) -> list[dict[str, Json]]:
        return [self._row(target, self._totals[target.identity]) for target in self.info.targets]

    def _row(self, target: Target, total: Totals) -> dict[str, Json]:
        from evalkit import portability
        from evalkit.tally import ranked

        altered = self._altered[target.identity].values()
        sent = portability.of_target(target, self._suite.cases, self._suite.specs, altered)
        return {
            "target": target.identity,
            "answered": total.answered,
            "faults": total.faults.total(),
            "faults_by_kind": ranked(total.faults),
            **{score: total.rate(score) for score in _HEADLINES},
            "p50": total.quantile(0.50),
            "p95": total.quantile(0.95),
            "cost": total.cost,
            "codes": ranked(total.codes),
            "portability": dict(Counter(each.kind for each in sent)),
        }


def numbers(folder: Path, sums: Sums, as_json: bool) -> None:
    """What the records of each target add up to, a line each."""
    info, rows = sums.info, sums.rows()
    if as_json:
        told = {"run": str(folder), "suite": info.suite_name, "suite_digest": info.suite_digest, "targets": rows}
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    typer.echo(f"{folder}  suite {info.suite_name} ({info.suite_digest}), {info.cases} cases")
    typer.echo("")
    _table(
        ["model", "answered", "faults", "compliance", "correct", "p50 s", "p95 s", "USD"],
        [
            [
                row["target"],
                str(row["answered"]),
                str(row["faults"]),
                _percent(row["compliance"]),
                _percent(row["correct"]),
                _number(row["p50"]),
                _number(row["p95"]),
                _number(row["cost"], 4),
            ]
            for row in rows
        ],
    )
    for row in rows:
        if row["portability"]:
            counts = ", ".join(f"{count} {kind}" for kind, count in row["portability"].items())
            typer.echo(f"{row['target']}: tools sent otherwise than declared ({counts}); a report lists them")


def lint(
    suite: Suite, findings: Sequence[Problem], foreseen: Mapping[str, Sequence[Divergence]], as_json: bool
) -> Sequence[tuple[Case, str]]:
    """Findings, and how hard the suite is. Gives the cases, not marked as flawed, whose own gold fails, with why.

    `foreseen`: route -> what it makes of the suite's tools.
    """
    from evalkit import bounds, codec

    answers = bounds.ask(suite)
    unmet = [(case, why) for case, why in bounds.failed(answers["oracle"], suite) if not case.flaws]
    rates = {model: {score: bounds.rate(records, score) for score in _HEADLINES} for model, records in answers.items()}
    if as_json:
        told = {
            "suite": suite.name,
            "cases": len(suite.cases),
            "tools": len(suite.specs),
            "findings": [str(finding) for finding in findings],
            "unmet": [{"case": case.id, "why": why} for case, why in unmet],
            "bounds": rates,
            **(
                {"portability": {way: list(map(codec.plain, found)) for way, found in foreseen.items()}}
                if foreseen
                else {}
            ),
        }
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return unmet
    typer.echo(f"{suite.name}: {len(suite.cases)} cases, {len(suite.specs)} tools, digest {suite.digest}")
    for finding in findings:
        typer.echo(f"  note   {finding}")
    for case, why in unmet:
        typer.echo(f"  unmet  {case.source or case.id}: its own gold fails: {why}")
    for model, meaning in bounds.MODELS.items():
        shown = "  ".join(f"{score} {_percent(value):>6}" for score, value in rates[model].items())
        typer.echo(f"  {model:8} {shown}   {meaning}")
    for way, found in foreseen.items():
        _print_route(way, found)
    return unmet


def _print_route(name: str, found: Sequence[Divergence]) -> None:
    """What a route makes of the tools, place by place; the same thing said of many places is said once."""
    from evalkit.routes import ROUTES

    typer.echo(f"\n{name}: {ROUTES[name].meaning}")
    typer.echo(f"  ({ROUTES[name].source})")
    if not found:
        typer.echo("  every tool as declared, as far as is known")
    alike: dict[tuple[str, str, str], list[str]] = {}
    for each in found:
        alike.setdefault((each.kind, each.keyword, each.message), []).append(each.source)
    for (kind, keyword, message), places in sorted(alike.items(), key=lambda told: _KINDS.index(told[0][0])):
        typer.echo(f"  {kind:8} {inert(f'{keyword}: {message}' if keyword not in message else message)}")
        for place in places:
            typer.echo(f"             {inert(place)}")


def runs(reports: Path, as_json: bool) -> None:
    """The runs below `reports`."""
    from evalkit import store

    found = []
    for folder in store.runs(reports):
        records, faults = store.counts(folder)
        with store.open_run(folder) as opened:
            found.append(_listed(folder, opened.info, records, faults))
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif not found:
        typer.echo(f"{reports} holds no run; `evalkit run SUITE -m provider/model` makes one", err=True)
    else:
        rows = [
            [entry["run"], entry["created"][:16], entry["suite"], str(entry["records"]), ", ".join(entry["targets"])]
            for entry in found
        ]
        _table(["run", "created", "suite", "records", "models"], rows)


def _listed(folder: Path, info: RunInfo, records: int, faults: int) -> dict[str, Json]:
    return {
        "run": folder.name,
        "created": info.created,
        "suite": info.suite_name,
        "records": records,
        "faults": faults,
        "wanted": info.cases * len(info.targets) * info.trials,
        "targets": [target.identity for target in info.targets],
    }


def case(folder: Path, case_id: str, as_json: bool) -> None:
    """One case in full, with every target's every trial. Raises InputError if the run has no such case."""
    from evalkit import codec, patterns, store
    from evalkit.errors import InputError, suggest

    run = store.load(folder)
    known = {case.id: case for case in run.suite.cases}
    if case_id not in known:
        raise InputError(f"{folder} has no case {case_id!r}", suggest(case_id, known))
    asked = known[case_id]
    records = [record for record in run.records if record.case == case_id]
    expected = [patterns.spell(expectation) for expectation in asked.accept]
    if as_json:
        told = {"case": codec.plain(asked), "expected": expected, "records": [codec.plain(r) for r in records]}
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    _print_case(asked, expected, records)


def _print_case(asked: Case, expected: Sequence[Json], records: Sequence[Record]) -> None:
    typer.echo(f"{asked.id}  [{', '.join(asked.tags)}]  {asked.source}")
    for message in asked.messages:
        typer.echo(f"\n{message.get('role')}: {visible(message.get('content') or json.dumps(message))}")
    typer.echo("\nwanted: " + (" or ".join(json.dumps(e, ensure_ascii=False) for e in expected) or "a compliant call"))
    for record in records:
        typer.echo(f"\n{record.target}, trial {record.trial}: {_outcome(record)}")
        if record.answer is not None:
            for payload in record.answer.payloads:
                text = payload.text if payload.text is not None else json.dumps(payload.value, ensure_ascii=False)
                typer.echo(f"  call   {visible(payload.tool)} {visible(text)}")
            if record.answer.text:
                typer.echo(f"  text   {visible(record.answer.text)}")
        if record.score is not None:
            for violation in record.score.violations:
                typer.echo(f"  wrong  {violation.code} {violation.path}: {visible(violation.message)}")
            for mismatch in record.score.mismatches:
                typer.echo(f"  unlike {mismatch.kind} {mismatch.tool}{mismatch.path}: {visible(mismatch.why)}")


def _outcome(record: Record) -> str:
    if isinstance(record.reply, Fault):
        return f"fault {record.reply.kind}: {visible(record.reply.message)}"
    seconds = record.reply.timing.total
    timed = f" in {seconds:.2f} s" if seconds is not None else ""
    failed = record.score.failed_at if record.score else None
    return (f"fails at {failed!r}" if failed else "passes") + timed


def visible(text: str) -> str:
    """Control characters as escapes: what a model sent must not drive the terminal, nor the CI runner that reads it."""
    return inert("".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text))


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell; the first is cut if a line would pass 80."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    widths[0] = max(12, min(widths[0], _LINE - sum(widths[1:]) - 2 * len(widths[1:])))
    for row in (head, *rows):
        first = row[0] if len(row[0]) <= widths[0] else row[0][: widths[0] - 1] + "…"
        rest = "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        typer.echo(f"{first:{widths[0]}}{rest}".rstrip())
