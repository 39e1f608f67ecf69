"""The verb for a change of the model list: bump."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from evalkit.cli import announcing, asking, deciding, options
from evalkit.errors import ExitCode
from evalkit.renderers import _visible

if TYPE_CHECKING:
    from evalkit.ci.bumps import Bump, Bumps
    from evalkit.data import Json, Policy, Report, Run

_WORST = (ExitCode.OK, ExitCode.INCONCLUSIVE, ExitCode.NOT_COMPARABLE, ExitCode.GATE_FAILED)
"""Of several verdicts the last of these is the command's."""


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command()(bump)


def bump(
    suites: options.Suites,
    base: Annotated[str, typer.Option("--base", metavar="REF", help="The git revision that holds the models in use.")],
    models: Annotated[Path, typer.Option("--models", metavar="FILE", help="The model list.")] = Path("models.yaml"),
    policy: options.PolicyFile = None,
    output: options.Outputs = None,
    comment: Annotated[
        Path | None,
        typer.Option(
            "--comment",
            metavar="FILE",
            help="Write Markdown that fits a pull request's comment.",
            rich_help_panel=options.RESULT,
        ),
    ] = None,
    name: options.Name = None,
    reports: options.Reports = options.REPORTS,
    trials: options.Trials = 1,
    concurrency: options.Concurrency = 16,
    max_retries: options.Retries = 4,
    timeout: options.Timeout = None,
    limit: options.Limit = None,
    expression: options.Expression = None,
    tag: options.Tags = None,
    tool: options.Tools = None,
    case: options.CaseIds = None,
    strings: options.Strings = "exact",
    max_calls: options.MaxCalls = None,
    max_cost: options.MaxCost = None,
    max_seconds: options.MaxSeconds = None,
    fresh: options.Fresh = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what changed; ask nothing.")] = False,
    as_json: options.AsJson = False,
    quiet: options.Brief = False,
) -> None:
    """Gate every model that changed in the list since a revision.

    Each is asked as it was at REF and as it is, the same cases. The worst verdict is the exit code; 0 if no model
    changed. Of several models, each has its own report: x.html becomes x-NAME.html. In a GitHub job the summary and
    annotations are written by themselves.
    """
    from evalkit import gate, store, workspace
    from evalkit.stopping import Budget

    rules = workspace.load_policy(policy) if policy else workspace.default_policy()
    deciding.renderers_of(output or [])
    found = _changed(models, base)
    told = _told(found, base)
    for line in told if dry_run or not (quiet and found.bumped) else ():
        typer.echo(line, err=as_json)
    if not found.bumped or dry_run:
        if as_json:
            typer.echo(_json(found, []))
        if comment:
            announcing.comment(comment, [], told)
        return
    suite = asking.suite_of(suites, limit, expression, tag, tool, case)
    gate.refuse_unknown_tools(rules, suite)
    targets = workspace.unique(target for pair in found.bumped for target in (pair.incumbent, pair.candidate))
    if timeout:
        targets = tuple(replace(target, timeout=timeout) for target in targets)
    folder = reports / (name or asking.default_name(suite, targets))
    order = asking.order_of(suite, targets, trials, strings, concurrency, max_retries)
    budget = Budget(calls=max_calls, cost=max_cost, seconds=max_seconds)
    budget.check(targets)
    if stopped := asking.execute(folder, order, fresh, quiet, [budget]):
        raise typer.Exit(asking.unfinished(stopped))
    run = store.load(folder)
    built = [_report(run, pair, rules) for pair in found.bumped]
    _publish(found, built, output or [folder / "report.html"], as_json, quiet)
    announcing.tell(built)
    if comment:
        announcing.comment(comment, built, told)
    raise typer.Exit(_worst(built))


def _changed(models: Path, base: str) -> Bumps:
    """The list as it is against the list as `base` has it; one that was not there then had no models."""
    from evalkit import documents, files, workspace
    from evalkit.ci import bumps, revisions

    now = workspace.load_models(models)
    commit = revisions.resolve(base, models.parent)
    text = revisions.show(models, commit)
    was = files.read_models(documents.parse(text, f"{base}:{models}")) if text is not None else ()
    return bumps.between(workspace.unique(was), now)


def _told(found: Bumps, base: str) -> list[str]:
    """A line for each model that is not as it was."""
    lines = [f"{pair.candidate.identity}: {pair.what}" for pair in found.bumped]
    lines += [f"{name}: new in the list, nothing to hold it against" for name in found.added]
    lines += [f"{name}: no more in the list" for name in found.removed]
    lines += [f"{was}: called {now} now, asked as before" for was, now in found.renamed]
    if not found.bumped:
        lines.append(f"no model is asked otherwise than at {base}: nothing to gate")
    return [_visible.inert(_visible.line(line)) for line in lines]


def _report(run: Run, pair: Bump, policy: Policy) -> Report:
    from evalkit import compare

    compared = compare.compare(run, pair.incumbent.identity, run, pair.candidate.identity)
    return deciding.decided(compared, policy)


def _publish(found: Bumps, built: Sequence[Report], outputs: Sequence[Path], as_json: bool, quiet: bool) -> None:
    for index, report in enumerate(built):
        places = [_place(path, built, index) for path in outputs]
        if quiet and not as_json:
            typer.echo(deciding.in_one_line(report))
            deciding.save(report, places)
            continue
        if not as_json:
            typer.echo("")
            typer.echo(deciding.in_full(report), nl=False)
        deciding.write(report, places, err=as_json)
    if as_json:
        typer.echo(_json(found, built))


def _place(path: Path, built: Sequence[Report], index: int) -> Path:
    """`path` itself for an only report; among several, with the candidate's name, numbered if two look alike."""
    if len(built) == 1:
        return path
    names = [re.sub(r"[^A-Za-z0-9_.]+", "-", report.candidate).strip("-.") for report in built]
    name = names[index] if names.count(names[index]) == 1 else f"{names[index]}-{index + 1}"
    return path.with_name(f"{path.stem}-{name}{path.suffix}")


def _json(found: Bumps, built: Sequence[Report]) -> str:
    from evalkit import gate, plugins

    pairs: list[Json] = [
        {"incumbent": pair.incumbent.identity, "candidate": pair.candidate.identity, "what": pair.what}
        for pair in found.bumped
    ]
    for pair, report in zip(pairs, built, strict=False):
        pair["exit_code"] = int(gate.exit_code(report.verdict))
        pair["report"] = json.loads(plugins.renderer("json").render(report))
    told = {"bumped": pairs, "added": found.added, "removed": found.removed, "renamed": found.renamed}
    return json.dumps(told, indent=1).replace("##", "#\\u0023")


def _worst(built: Sequence[Report]) -> ExitCode:
    from evalkit import gate

    return max((gate.exit_code(report.verdict) for report in built), key=_WORST.index)
