"""Verbs that ask models: run, migrate; and score, which judges again what they answered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from evalkit.cli import choosing, options
from evalkit.cli.progress import Progress
from evalkit.data import Judging, Record, Suite, Target
from evalkit.errors import ExitCode, InputError
from evalkit.values import Strings

if TYPE_CHECKING:
    from evalkit.running import Brake, Order


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    for verb in (run, migrate, score):
        app.command()(verb)


def run(
    suites: options.Suites,
    model: options.Models = None,
    models: options.ModelsFile = None,
    name: options.Name = None,
    reports: options.Reports = options.REPORTS,
    trials: options.Trials = 1,
    concurrency: options.Concurrency = 16,
    max_retries: options.Retries = 4,
    timeout: options.Timeout = None,
    case_timeout: options.CaseTimeout = None,
    latency: options.Latency = False,
    limit: options.Limit = None,
    expression: options.Expression = None,
    tag: options.Tags = None,
    tool: options.Tools = None,
    case: options.CaseIds = None,
    shard: options.Shard = None,
    strings: options.Strings = "exact",
    max_calls: options.MaxCalls = None,
    max_cost: options.MaxCost = None,
    max_seconds: options.MaxSeconds = None,
    cache: options.Cache = False,
    fresh: options.Fresh = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked; ask nothing.")] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Ask models the cases of suites; judge and store it all.

    The same command again asks only what is missing.
    """
    from evalkit.cli import printing
    from evalkit.stopping import Budget

    suite = suite_of(suites, limit, expression, tag, tool, case, shard)
    targets = choosing.targets_of(model or [], models, timeout)
    folder = reports / (name or default_name(suite, targets))
    order = order_of(suite, targets, trials, strings, concurrency, max_retries, case_timeout, latency=latency)
    order = replace(order, cached=cache)
    if dry_run:
        printing.plan(order, folder, missing(folder, order, fresh), as_json)
        return
    budget = Budget(calls=max_calls, cost=max_cost, seconds=max_seconds)
    budget.check(targets)
    stopped = execute(folder, order, fresh, quiet, [budget])
    printing.summary(folder, as_json, suite)
    if stopped:
        raise typer.Exit(unfinished(stopped))
    if silent := unheard(folder, order):
        for target in silent:
            typer.echo(f"{target} answered nothing: every request to it failed", err=True)
        raise typer.Exit(ExitCode.INCONCLUSIVE)


def migrate(
    suites: options.Suites,
    incumbent: Annotated[
        str,
        typer.Option("--from", metavar="MODEL", help="The model in use: provider/model[@arm], or a name of --models."),
    ],
    candidate: Annotated[str, typer.Option("--to", metavar="MODEL", help="The model that may replace it.")],
    models: options.ModelsFile = None,
    policy: options.PolicyFile = None,
    output: options.Outputs = None,
    name: options.Name = None,
    reports: options.Reports = options.REPORTS,
    trials: options.Trials = 1,
    concurrency: options.Concurrency = 16,
    max_retries: options.Retries = 4,
    timeout: options.Timeout = None,
    case_timeout: options.CaseTimeout = None,
    latency: options.Latency = False,
    limit: options.Limit = None,
    expression: options.Expression = None,
    tag: options.Tags = None,
    tool: options.Tools = None,
    case: options.CaseIds = None,
    shard: options.Shard = None,
    strings: options.Strings = "exact",
    max_calls: options.MaxCalls = None,
    max_cost: options.MaxCost = None,
    max_seconds: options.MaxSeconds = None,
    stop_early: Annotated[
        bool,
        typer.Option(
            "--stop-early",
            help="Ask in random order, and stop once the policy's drops are decided.",
            rich_help_panel=options.LIMITS,
        ),
    ] = False,
    cache: options.Cache = False,
    fresh: options.Fresh = False,
    github_summary: options.GithubSummary = False,
    as_json: options.AsJson = False,
    quiet: options.Brief = False,
) -> None:
    """Ask two models, compare, decide and report: the main job.

    They are asked in one run and compared case by case. The exit code is the verdict's. Without -o the report is
    RUN/report.html.
    """
    from evalkit import gate, store, workspace
    from evalkit.cli import deciding
    from evalkit.stopping import Budget, Early

    if stop_early and shard:
        raise InputError("parts that stop each by itself are no fair sample", "leave out --stop-early, or --shard")
    rules = workspace.load_policy(policy) if policy else workspace.default_policy()
    suite = suite_of(suites, limit, expression, tag, tool, case, shard)
    gate.refuse_unknown_tools(rules, suite)
    targets = choosing.pair_of(incumbent, candidate, models, timeout)
    folder = reports / (name or default_name(suite, targets))
    outputs = output or [folder / "report.html"]
    deciding.renderers_of(outputs)
    old, new = (target.identity for target in targets)
    order = order_of(suite, targets, trials, strings, concurrency, max_retries, case_timeout, latency=latency)
    order = replace(order, sequential=stop_early, cached=cache)
    budget = Budget(calls=max_calls, cost=max_cost, seconds=max_seconds)
    budget.check(targets)
    earlier = () if fresh else _records(folder)
    early = [Early(suite, rules, old, new, trials=trials, earlier=earlier)] if stop_early else []
    stopped = execute(folder, order, fresh, quiet, [*early, budget])
    if stopped and not any(brake.admit() for brake in early):
        raise typer.Exit(unfinished(stopped))
    if stopped:
        typer.echo(f"stopped early: {stopped}", err=True)
    both = store.load(folder)
    code = deciding.conclude(both, old, both, new, rules, outputs, as_json=as_json, github=github_summary, quiet=quiet)
    raise typer.Exit(code)


def score(
    run: options.RunName,
    reports: options.Reports = options.REPORTS,
    strings: Annotated[
        Strings | None, typer.Option("--strings", metavar="exact|bfcl", help="Else as the run says.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Judge a run's stored answers again; ask nothing.

    For when a matcher or the validator changed.
    """
    from evalkit import judge, locking, store
    from evalkit.cli import printing
    from evalkit.cli.locating import run_folder

    folder = run_folder(run, reports)
    with locking.writing(folder), store.open_run(folder) as opened:
        info = opened.info
        judging = Judging(strings=strings) if strings else info.judging
        suite = opened.suite
        worth = judge.records(suite, judging, info.targets)
        sums = printing.Sums(info, suite)

        def judged(record: Record) -> Record:
            found = worth(record)
            sums.add(found)
            return found

        opened.rejudge(judged, judge.anew(info, judging))
    printing.numbers(folder, sums, as_json)


def suite_of(
    names: Sequence[str],
    limit: int | None,
    expression: str | None,
    tags: Sequence[str] | None,
    tools: Sequence[str] | None,
    ids: Sequence[str] | None,
    shard: str | None = None,
) -> Suite:
    """The part of these suites, together, that the options select. Raises InputError."""
    from evalkit import selection, sharding, workspace

    part = sharding.read(shard) if shard is not None else (1, 1)
    whole = selection.merge([workspace.load_suite(name) for name in names])
    chosen = selection.select(whole, ids=ids or (), tags=tags or (), tools=tools or (), text=expression, limit=limit)
    return sharding.cut(chosen, *part)


def default_name(suite: Suite, targets: Sequence[Target]) -> str:
    """Follows from what is asked, so that the same command finds its run again."""
    from evalkit import codec, values

    hurry = ("requests_per_minute", "tokens_per_minute")
    asked = [suite.digest, *({k: v for k, v in codec.plain(t).items() if k not in hurry} for t in targets)]
    return f"{suite.name.replace('/', '-')}-{values.digest(asked)[:8]}"


def order_of(
    suite: Suite,
    targets: tuple[Target, ...],
    trials: int,
    strings: Strings,
    width: int,
    retries: int,
    case_timeout: float | None = None,
    *,
    latency: bool = False,
) -> Order:
    """What is to be asked, as the options say."""
    from evalkit.pacing.pace import Pace
    from evalkit.running import Order

    each = max(1, width // len(targets)) if latency else None
    pace = Pace(width=width, retries=retries, case_timeout=case_timeout, each=each)
    return Order(suite=suite, targets=targets, trials=trials, judging=Judging(strings=strings), pace=pace)


def execute(folder: Path, order: Order, fresh: bool, quiet: bool, brakes: Sequence[Brake] = ()) -> str | None:
    """Why it stopped before all was asked, or None. Interrupted, the run keeps what came and says how to go on."""
    from evalkit import running
    from evalkit.cli.locating import world

    try:
        with Progress(missing(folder, order, fresh), quiet=quiet) as progress:
            return running.carry_out(
                folder,
                order,
                world(folder.parent),
                fresh=fresh,
                seen=progress.add,
                brakes=brakes,
                waiting=progress.waiting,
            )
    except KeyboardInterrupt:
        typer.echo("interrupted: every answer so far is kept; the same command asks the rest", err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def missing(folder: Path, order: Order, fresh: bool) -> int:
    """How many requests are to be asked, each counted once."""
    from evalkit import running

    return len(order.suite.cases) * len(order.targets) * order.trials if fresh else running.missing(folder, order)


def unheard(folder: Path, order: Order) -> Sequence[str]:
    """The models of which the run has no answer at all, so that nothing is known of them."""
    from evalkit import store

    with store.open_run(folder) as opened:
        answers = opened.answers(order.trials)
    return [target.identity for target in order.targets if not answers.get(target.identity)]


def unfinished(stopped: str) -> ExitCode:
    """Say why a run stopped short. Nothing is decided on the part that came."""
    typer.echo(f"stopped: {stopped}", err=True)
    typer.echo("every answer is kept, and the same command asks the rest", err=True)
    return ExitCode.INCONCLUSIVE


def _records(folder: Path) -> Sequence[Record]:
    """What the run has already; () if there is none."""
    from evalkit import store

    return store.load(folder).records if store.holds_run(folder) else ()
