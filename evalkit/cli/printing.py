"""What verbs print that is no comparison: a plan, a run in numbers, findings. Fits 80 columns."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evalkit import shelf
from evalkit.cli import columns, remedies
from evalkit.data import DIVERGENCES, Case, Divergence, Fault, Json, Record, RunInfo, ScoreName, Suite, Target
from evalkit.numerals import NOTHING, counted, percent
from evalkit.pairing.repeats import Counting
from evalkit.renderers._visible import inert

if TYPE_CHECKING:
    from evalkit.errors import Problem
    from evalkit.running import Order
    from evalkit.tally import Totals

_KINDS = tuple(DIVERGENCES)
_FIRST = 3
"""Places that are shown of many where a route does the same thing."""
_MESSAGES = 1000
"""Different words of endpoints among which the most frequent are looked for."""
_HEADLINES: tuple[ScoreName, ...] = ("compliance", "correct", "abstained")


def plan(order: Order, folder: Path, calls: int, as_json: bool) -> None:
    """What a run would ask: `calls` requests; what it has of all others is kept."""
    suite, targets, trials = order.suite, order.targets, order.trials
    kept = len(suite.cases) * len(targets) * trials - calls
    told = {
        "suite": suite.name,
        "suite_digest": suite.digest,
        "cases": len(suite.cases),
        "tools": len(suite.specs),
        "targets": [target.identity for target in targets],
        "trials": trials,
        "requests": calls,
        "kept": kept,
        "run": str(folder),
    }
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    each = (counted(len(suite.cases), "case"), counted(len(targets), "model"), counted(trials, "trial"))
    beside = f", {kept:,} of them answered already" if kept else ""
    typer.echo(f"{counted(calls, 'request')}: {' x '.join(each)}{beside}")
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
        self._case = shelf.finder(suite.cases)
        self._totals = {target.identity: Totals() for target in info.targets}
        self._repeats = _countings(info)
        self._refusals: dict[str, Counter[str]] = {target: Counter() for target in self._totals}
        """What was said instead of answers, as often as it was."""
        self._altered: dict[str, dict[tuple[str, ...], Record]] = {target: {} for target in self._totals}
        """One record for each list of tools that did not leave as declared."""

    def add(self, record: Record) -> None:
        self._totals[record.target].add(record)
        if isinstance(record.reply, Fault):
            said, message = self._refusals[record.target], record.reply.message
            if message in said or len(said) < _MESSAGES:
                said[message] += 1
        if record.target in self._repeats:
            self._repeats[record.target].add(record)
        if not isinstance(record.reply, Fault) and record.reply.sent is not None:
            self._altered[record.target].setdefault(self._case(record.case).tools, record)

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
            "cached": total.cached,
            "faults": total.faults.total(),
            "faults_by_kind": ranked(total.faults),
            "fault_message": next(iter(ranked(self._refusals[target.identity])), None),
            **{score: total.rate(score) for score in _HEADLINES},
            "p50": total.quantile(0.50),
            "p95": total.quantile(0.95),
            "cost": total.cost,
            "codes": ranked(total.codes),
            "portability": dict(Counter(each.kind for each in sent)),
            "repeats": self._repeated(target.identity),
        }

    def _repeated(self, target: str) -> Json:
        """None unless some case was judged twice."""
        told = self._repeats[target].told() if target in self._repeats else None
        if told is None:
            return None
        return {
            "cases": len(told.cases),
            "pass_at": {str(k): share for k, share in told.pass_at.items()},
            "pass_hat": {str(k): share for k, share in told.pass_hat.items()},
            "flaky": told.flaky,
            "flips": told.flips,
            "diversity": told.diversity,
            "flaky_cases": [case.case for case in told.cases if case.flakes],
        }


def _countings(info: RunInfo) -> dict[str, Counting]:
    """One for each target, if they were asked more than once."""
    return {target.identity: Counting() for target in info.targets} if info.trials > 1 else {}


def numbers(folder: Path, sums: Sums, as_json: bool) -> None:
    """What the records of each target add up to, a line each."""
    info, rows = sums.info, sums.rows()
    if as_json:
        told = {"run": str(folder), "suite": info.suite_name, "suite_digest": info.suite_digest, "targets": rows}
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    typer.echo(f"{folder}  suite {info.suite_name} ({info.suite_digest}), {counted(info.cases, 'case')}")
    typer.echo("")
    columns.table(
        ["model", "answered", "faults", "compliance", "correct", "p50 s", "p95 s", "USD"],
        [
            [
                row["target"],
                str(row["answered"]),
                str(row["faults"]),
                percent(row["compliance"]),
                percent(row["correct"]),
                _number(row["p50"]),
                _number(row["p95"]),
                _number(row["cost"], 4),
            ]
            for row in rows
        ],
    )
    if any(row["answered"] and row["p95"] is None for row in rows):
        columns.note(
            f"{NOTHING}: of fewer than 6 answers all may come sooner than p50, of fewer than 72 sooner than p95"
        )
    _print_repeats([row for row in rows if row["repeats"]])
    due = info.cases * info.trials
    for row in rows:
        if row["answered"] < due:
            columns.note(f"{row['target']}: incomplete: {row['answered']:,} of {due:,} answers; its rates are of those")
        if row["cached"]:
            typer.echo(f"{row['target']}: {row['cached']} of {row['answered']} from the cache, with the times of then")
        if row["faults"]:
            kinds = ", ".join(f"{count} {kind}" for kind, count in row["faults_by_kind"].items())
            most = next(iter(row["faults_by_kind"]))
            columns.note(f"{row['target']}: faults: {kinds}; {remedies.against(most)}")
            if row["fault_message"]:
                often = "" if row["faults"] == 1 else "most often "
                columns.note(f"  {often}said: {visible(row['fault_message'])}")
        if row["portability"]:
            counts = ", ".join(f"{count} {kind}" for kind, count in row["portability"].items())
            columns.note(f"{row['target']}: tools sent otherwise than declared ({counts}); a report lists them")


def _print_repeats(rows: Sequence[Mapping[str, Json]]) -> None:
    """What the trials of a case say beside each other, where there were several."""
    if not rows:
        return
    ks = sorted({int(k) for row in rows for k in row["repeats"]["pass_at"]} - {1})
    typer.echo("")
    columns.table(
        ["model", "cases", *(f"pass@{k}" for k in ks[-1:]), *(f"pass^{k}" for k in ks[-1:]), "flaky", "distinct"],
        [
            [
                row["target"],
                str(row["repeats"]["cases"]),
                *(percent(row["repeats"]["pass_at"].get(str(k))) for k in ks[-1:]),
                *(percent(row["repeats"]["pass_hat"].get(str(k))) for k in ks[-1:]),
                percent(row["repeats"]["flaky"]),
                percent(row["repeats"]["diversity"]),
            ]
            for row in rows
        ],
    )
    typer.echo("distinct: different answers per trial; 1 / trials where all are alike")


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
    size = f"{counted(len(suite.cases), 'case')}, {counted(len(suite.specs), 'tool')}"
    typer.echo(f"{suite.name}: {size}, digest {suite.digest}")
    for finding in findings:
        typer.echo(f"  note   {finding}")
    for case, why in unmet:
        typer.echo(f"  unmet  {case.source or case.id}: its own gold fails: {why}")
    typer.echo("  ".join(["", f"{'':7}", *_HEADLINES]))
    for model, meaning in bounds.MODELS.items():
        shown = (f"{percent(rates[model][score]):>{len(score)}}" for score in _HEADLINES)
        typer.echo("  ".join(["", f"{model:7}", *shown, meaning]))
    columns.note(f"  {bounds.judged(rates)}")
    for way, found in foreseen.items():
        _print_route(way, found)
    return unmet


def _print_route(name: str, found: Sequence[Divergence]) -> None:
    """What a route makes of the tools; the same thing said of many places is said once, with the first of them."""
    from evalkit.portability.routes import ROUTES

    typer.echo("")
    for said, indent in ((f"{name}: {ROUTES[name].meaning}", ""), (f"({ROUTES[name].source})", "  ")):
        typer.echo(textwrap.fill(said, columns.width(), initial_indent=indent, subsequent_indent="  "))
    if not found:
        typer.echo("  every tool as declared, as far as is known")
    by_file: dict[str, dict[tuple[str, str, str], list[Divergence]]] = {}
    for each in found:
        alike = by_file.setdefault(each.source.partition("#")[0], {})
        alike.setdefault((each.kind, each.keyword, each.message), []).append(each)
    for file, alike in by_file.items():
        typer.echo(f"  {inert(_below_here(file))}")
        for (kind, keyword, message), places in sorted(alike.items(), key=lambda told: _KINDS.index(told[0][0])):
            said = inert(f"{keyword}: {message}" if keyword not in message else message)
            for line in textwrap.wrap(
                f"{kind:8} {said}", columns.width(), initial_indent="  ", subsequent_indent=" " * 11
            ):
                typer.echo(line)
            shown = places if len(places) <= _FIRST + 1 else places[:_FIRST]
            for each in shown:
                typer.echo(f"             {inert('#' + each.source.partition('#')[2])}")
            if more := len(places) - len(shown):
                tools = counted(len({each.tool for each in places}), "tool")
                typer.echo(f"             and {more:,} more: {len(places):,} places in {tools}; --json has all")


def _below_here(file: str) -> str:
    """Relative to the working folder where it lies below it."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def runs(reports: Path, as_json: bool) -> bool:
    """The runs below `reports`. False if one cannot be read: it is named on stderr, and the others are listed."""
    from evalkit import store
    from evalkit.errors import StoreError

    found, readable = [], True
    for folder in store.runs(reports):
        try:
            records, faults = store.counts(folder)
            with store.open_run(folder) as opened:
                found.append(_listed(folder, opened.info, records, faults))
        except StoreError as error:
            typer.secho(f"evalkit: {error}", fg="red", err=True)
            readable = False
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif not found and readable:
        typer.echo(f"{reports} holds no run; `evalkit run SUITE -m provider/model` makes one", err=True)
    elif found:
        rows = [
            [
                entry["run"],
                entry["created"][:16].replace("T", " "),
                columns.cut(entry["suite"], 14),
                str(entry["records"]),
                columns.several(entry["targets"], 20),
            ]
            for entry in found
        ]
        columns.table(["run", "created", "suite", "records", "models"], rows)
    return readable


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


def visible(text: str) -> str:
    """Control characters as escapes: what a model sent must not drive the terminal, nor the CI runner that reads it."""
    return inert("".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text))


def _number(value: float | None, digits: int = 2) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"
