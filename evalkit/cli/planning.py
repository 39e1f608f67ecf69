"""The verb `plan`: what a run would cost and what it could tell, with nothing asked. Fits 80 columns."""

from __future__ import annotations

import json
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import asking, choosing, columns, options
from evalkit.numerals import counted

if TYPE_CHECKING:
    from evalkit.pairing.discordance import Source
    from evalkit.planning import Plan, Sight

_LABEL = 46


def register(app: typer.Typer) -> None:
    """Add this module's verb."""
    app.command()(plan)


def plan(
    suites: options.Suites,
    model: options.Models = None,
    models: options.ModelsFile = None,
    detect: Annotated[
        float | None,
        typer.Option("--detect", min=0.01, max=100, metavar="POINTS", help="A fall that is to be told."),
    ] = None,
    like: Annotated[
        str | None, typer.Option("--like", metavar="RUN", help="An earlier run to measure instead of assuming.")
    ] = None,
    policy: options.PolicyFile = None,
    reports: options.Reports = options.REPORTS,
    trials: options.Trials = 1,
    concurrency: options.Concurrency = 16,
    limit: options.Limit = None,
    expression: options.Expression = None,
    tag: options.Tags = None,
    tool: options.Tools = None,
    case: options.CaseIds = None,
    as_json: options.AsJson = False,
) -> None:
    """What a run would cost, and how small a fall it can tell.

    In requests, tokens, money and time. Asks nothing.
    """
    from evalkit import codec, planning, store, workspace
    from evalkit.cli.locating import run_folder

    rules = workspace.load_policy(policy) if policy else workspace.default_policy()
    estimated = planning.estimate(
        asking.suite_of(suites, limit, expression, tag, tool, case),
        choosing.targets_of(model or [], models, timeout=None),
        rules,
        trials=trials,
        concurrency=concurrency,
        detect=detect / 100 if detect is not None else None,
        like=store.load(run_folder(like, reports)) if like else None,
    )
    if as_json:
        told = {**codec.plain(estimated), "requests": estimated.requests, "cost": estimated.cost}
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    _print_spending(estimated)
    for sight in estimated.sights:
        _print_sight(sight, estimated)


def _print_spending(plan: Plan) -> None:
    counts = f"{counted(plan.cases, 'case')} x {counted(len(plan.spending), 'model')} x {counted(plan.trials, 'trial')}"
    typer.echo(f"{plan.suite}: {counts} = {counted(plan.requests, 'request')}\n")
    rows = [("model", "requests", "input tokens", "output tokens", "USD")]
    rows += [
        (each.target, f"{each.requests:,}", _rough(each.input_tokens), _rough(each.output_tokens), _money(each.cost))
        for each in plan.spending
    ]
    if len(plan.spending) > 1:
        sent, spoken = (sum(getattr(each, f"{way}_tokens") for each in plan.spending) for way in ("input", "output"))
        rows.append(("in all", f"{plan.requests:,}", _rough(sent), _rough(spoken), _money(plan.cost)))
    room = columns.width() - 50
    for model, *numbers in rows:
        typer.echo(
            f"{columns.cut(model, room):{room}}"
            + "".join(f"{n:>{w}}" for n, w in zip(numbers, (10, 14, 15, 11), strict=True))
        )
    typer.echo(f"\nabout {_duration(plan.seconds)} with {counted(plan.concurrency, 'request')} at a time\n")
    sources = [
        _each(plan, "characters_per_token", ".1f", "characters an input token"),
        _each(plan, "output", ".0f", "output tokens an answer"),
        _each(plan, "seconds", ".2g", "s an answer"),
    ]
    _say(f"From {'; '.join(sources)}.")
    if not plan.like:
        _say("--like RUN measures them on an earlier run.")
    if plan.cost is None:
        _say("Money is known for models with input_price and output_price in --models FILE.")


def _print_sight(sight: Sight, plan: Plan) -> None:
    rule, discordance = sight.rule, sight.discordance
    name = rule.score if rule.slice == "all" else f"{rule.score} of {rule.slice}"
    judging = "1 case judges it" if sight.cases == 1 else f"{sight.cases:,} cases judge it"
    typer.echo(f"\n{name}: may fall by {_points(rule.limit)} (policy {plan.policy}), {judging}")
    _row("equally good models pass", _percent(sight.equal_pass))
    _row(f"a candidate worse by {_points(2 * rule.limit)} fails", _percent(sight.twice_fail))
    if sight.stops_after is not None:
        _row("with --stop-early they take about", counted(sight.stops_after, "case"))
    _row("at a power of", *(_percent(power) for power in sight.detectable))
    _row("least fall that is told from none, points", *(f"{100 * margin:.1f}" for margin in sight.detectable.values()))
    for margin in dict.fromkeys(need.margin for need in sight.needs):
        needs = [need for need in sight.needs if need.margin == margin]
        least = "" if discordance.chance is not None else ", at the least"
        _row(f"cases in all that tell {_points(margin)}", *(_count(need.cases) for need in needs))
        if needs[0].trials != 1:
            _row(f"or trials of each of these{least}", *(_count(need.trials) for need in needs))
    chance = (
        "" if discordance.chance is None else f", {100 * min(discordance.chance, discordance.share):.1f} % by chance"
    )
    share = f"{100 * discordance.share:.1f} % of cases pass on one side only"
    if discordance.source == "assumed":
        _say(f"  (assumed: of equally good models {share})")
    else:  # the models of a run need not be equally good: then equals differ less, and more can be told
        _say(
            f"  (measured: between the models of {plan.like} {share}{chance}; so often, at most, do equally good ones)"
        )


def _row(label: str, *numbers: str) -> None:
    typer.echo(f"  {label:{_LABEL}}" + "".join(f"{number:>12}" for number in numbers))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _count(number: int | None) -> str:
    return "too many" if number is None else f"{number:,}"


def _say(text: str) -> None:
    typer.echo(fill(text, columns.width(), subsequent_indent=" " * (len(text) - len(text.lstrip()))))


def _each(plan: Plan, name: str, spec: str, unit: str) -> str:
    """A figure of all models: one number where it is the same, else from the least to the most; and its source."""
    figures = [getattr(each, name) for each in plan.spending]
    shown = sorted({format(figure.value, spec) for figure in figures}, key=float)
    sources: list[Source] = list(dict.fromkeys(figure.source for figure in figures))
    return f"{' to '.join(dict.fromkeys((shown[0], shown[-1])))} {unit} ({', '.join(sources)})"


def _rough(tokens: int) -> str:
    """Three digits: it is an estimate."""
    return f"{float(f'{tokens:.3g}'):,.0f}"


def _money(cost: float | None) -> str:
    return "unknown" if cost is None else f"{cost:,.2f}" if cost >= 1 else f"{cost:.2g}"


def _points(share: float) -> str:
    number = f"{100 * share:g}"
    return f"{number} point" if number == "1" else f"{number} points"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
