"""Verbs that look at what is there: list, show, repro, plugins; and serve-reference, which is there to be looked at."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from evalkit.cli import options
from evalkit.errors import ExitCode


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command(name="list")(runs)
    app.command()(show)
    app.command()(repro)
    app.command()(plugins)
    app.command()(serve_reference)


def runs(reports: options.Reports = options.REPORTS, as_json: options.AsJson = False) -> None:
    """The stored runs, the latest first.

    One that cannot be read is named, and the others are listed; the exit code is then 2.
    """
    from evalkit.cli import printing

    if not printing.runs(reports, as_json):
        raise typer.Exit(ExitCode.INPUT)


def show(
    run: options.RunName,
    case: Annotated[str | None, typer.Argument(metavar="CASE", help="One case in full.")] = None,
    reports: options.Reports = options.REPORTS,
    as_json: options.AsJson = False,
) -> None:
    """A run in numbers, or one of its cases in full.

    Of a case: the prompt, what was wanted, what came, what is wrong with it.
    """
    from evalkit.cli import printing, unfolding
    from evalkit.cli.locating import run_folder

    folder = run_folder(run, reports)
    if case is None:
        printing.summary(folder, as_json)
    else:
        unfolding.case(folder, case, as_json)


def repro(
    run: options.RunName,
    case: Annotated[str, typer.Argument(metavar="CASE", help="The case to ask again.")],
    model: Annotated[
        str | None, typer.Option("-m", "--model", metavar="MODEL", help="One of the run's models; all if left out.")
    ] = None,
    reports: options.Reports = options.REPORTS,
) -> None:
    """A case as it was asked, as a curl command.

    One for each model. Keys are named, never written.
    """
    from evalkit import repro, request, store
    from evalkit.cli.locating import run_folder
    from evalkit.data import Fault
    from evalkit.errors import InputError, suggest

    with store.open_run(run_folder(run, reports)) as opened:
        suite, targets = opened.suite, {target.identity: target for target in opened.info.targets}
        records = opened.of_case(case)
    asked = {case.id: case for case in suite.cases}
    if case not in asked:
        raise InputError(f"{run} has no case {case!r}", suggest(case, asked))
    if model is not None and model not in targets:
        raise InputError(f"{run} has no model {model!r}", f"there are: {', '.join(targets)}")
    builder = request.Builder(suite)
    for target in [targets[model]] if model else targets.values():
        replies = (r.reply for r in records if r.target == target.identity and not isinstance(r.reply, Fault))
        command = repro.curl(builder.build(asked[case], 0, target), next(replies, None), indent=2)
        typer.echo(f"# {json.dumps(target.identity)}\n{command.text}\n")


def plugins(
    kind: Annotated[
        str | None, typer.Argument(metavar="KIND", help="matchers, providers, formats ...; all if left out.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """The plug-ins there are, a line each."""
    from evalkit import plugins as rooms
    from evalkit.errors import InputError

    if kind is not None and kind not in rooms.KINDS:
        raise InputError(f"there is no plug-in kind {kind!r}", f"there are: {', '.join(rooms.KINDS)}")
    kinds = (kind,) if kind else rooms.KINDS
    listed = {k: {name: rooms.help_line(k, name) for name in rooms.names(k)} for k in kinds}
    if as_json:
        typer.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    for each, found in listed.items():
        typer.echo(f"{each}/")
        for name, line in found.items():
            typer.echo(f"  {name:20} {line}")


def serve_reference(
    suites: options.Suites,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, metavar="N", help="0: any that is free.")] = 0,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="KIND[=RATE]", help="What breaks, and how often, as in rate_limit=0.3."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the faults.")] = 0,
) -> None:
    """Serve the reference models on loopback, to test with.

    In OpenAI's, Anthropic's and Gemini's formats. Options stand behind a model's name, as in
    "faulty;kind=json.syntax". They also answer what `evalkit doctor` asks.
    """
    from evalkit import testing, workspace
    from evalkit.doctor import canaries

    loaded = [*(workspace.load_suite(name) for name in suites), canaries.SUITE]
    testing.run_forever(loaded, port=port, faults=fault or [], seed=seed, announce=typer.echo)
