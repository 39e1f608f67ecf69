"""Verbs that bring other tools' files in and take results out: import tools|cases|run, export."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import options
from evalkit.errors import InputError
from evalkit.numerals import counted

if TYPE_CHECKING:
    from evalkit.data import Run

From = Annotated[str | None, typer.Option("--from", metavar="FORMAT", help="Else it is recognised.")]
Cases = Annotated[str, typer.Option("--from", metavar="FORMAT", help="See `evalkit plugins formats`.")]
Out = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The suite to write, as x.jsonl.")]

importing = typer.Typer(no_args_is_help=True, help="Bring in other tools' specs, cases or answers.")


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.add_typer(importing, name="import")
    app.command()(export)


@importing.command()
def tools(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of tool declarations.")],
    form: From = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="The JSON file to write; else stdout.")
    ] = None,
) -> None:
    """Tool specs of any known format as OpenAI chat tools.

    Each schema as it was declared.
    """
    from evalkit import arms, workspace

    specs = workspace.read_tools(file, form)
    text = json.dumps(arms.declare(specs), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    workspace.write_atomic(output, text)
    typer.echo(f"{counted(len(specs), 'tool')}: {output}", err=True)


@importing.command()
def cases(
    folder: Annotated[Path, typer.Argument(metavar="PATH", help="The file or folder that holds them.")],
    form: Cases,
    output: Out,
) -> None:
    """Cases of another tool as a suite file.

    Gold that breaks its own schema is kept, marked and listed by lint.
    """
    from evalkit import plugins, workspace
    from evalkit import suite as suites

    reader = plugins.find("formats", form)
    if not hasattr(reader, "cases"):
        raise InputError(f"--from {form}: reads no cases", f"these do: {', '.join(_readers('cases'))}")
    suite = suites.build(reader.cases(workspace.read_folder(folder), output.stem), mark_flaws=True)
    workspace.write_suite(suite, output)
    flawed = sum(1 for case in suite.cases if case.flaws)
    size = f"{counted(len(suite.cases), 'case')}, {counted(len(suite.specs), 'tool')}"
    typer.echo(f"{size}, {flawed} with flawed gold: {output}", err=True)


@importing.command(name="run")
def recorded(
    folder: Annotated[Path, typer.Argument(metavar="PATH", help="The file or folder that holds the recorded answers.")],
    form: Cases,
    suite: Annotated[str, typer.Option("--suite", metavar="SUITE", help="The suite they answer.")],
    target: Annotated[str, typer.Option("--target", metavar="NAME", help="What to call the model.")],
    name: Annotated[str, typer.Option("--run", metavar="NAME", help="The run to make or to add to.")],
    reports: options.Reports = options.REPORTS,
    strings: options.Strings = "exact",
    as_json: options.AsJson = False,
) -> None:
    """Answers recorded elsewhere as a run, judged.

    Everything after the asking works on them.
    """
    from evalkit import joining, judge, locking, plugins, running, workspace
    from evalkit.cli import printing
    from evalkit.data import Judging, Target

    reader = plugins.find("formats", form)
    if not hasattr(reader, "run"):
        raise InputError(f"--from {form}: reads no recorded answers", f"these do: {', '.join(_readers('run'))}")
    loaded = workspace.load_suite(suite)
    model = Target(name=target, provider="recorded", model=target)
    order = running.Order(suite=loaded, targets=(model,), judging=Judging(strings=strings))
    records = reader.run(workspace.read_folder(folder), loaded, model)
    worth = judge.records(loaded, order.judging)
    store_folder = reports / name
    described = running.describe(name, order, guards={})
    with locking.writing(store_folder), joining.join(store_folder, described, loaded) as opened:
        opened.append(worth(record) for record in records)
    printing.summary(store_folder, as_json)


def export(
    run: options.RunName,
    output: Annotated[
        list[str] | None,
        typer.Option(
            "-o",
            "--output",
            metavar="WHERE",
            help="x.jsonl, x.csv (what a spreadsheet would compute has ' before it), x.parquet, or mlflow:URI "
            "(a server or a folder); else stdout as JSON Lines.",
        ),
    ] = None,
    reports: options.Reports = options.REPORTS,
) -> None:
    """Write a run's records: one object or row each.

    Target, case, trial, every rung, violations, mismatches, tokens, seconds. To MLflow goes a run for each model, in
    the suite's experiment: parameters, scores, latency, cost, faults, the records, and the report if there is one.
    """
    from evalkit import frames, store, tracking, workspace
    from evalkit.cli.locating import run_folder

    kinds: dict[str, Callable[[Run], str | bytes]] = {
        ".jsonl": frames.jsonl,
        ".csv": frames.csv,
        ".parquet": frames.parquet,
    }
    sinks = output or []
    unknown = [sink for sink in sinks if Path(sink).suffix not in kinds and not sink.startswith(tracking.SCHEME)]
    if unknown:
        raise InputError(f"-o {unknown[0]}: cannot export that", f"there are: {', '.join(kinds)}, {tracking.SCHEME}URI")
    folder = run_folder(run, reports)
    stored = store.load(folder)
    if not sinks:
        typer.echo(frames.jsonl(stored), nl=False)
    for sink in sinks:
        if sink.startswith(tracking.SCHEME):
            page = folder / "report.html"
            report = workspace.read_text(page) if page.is_file() else None
            tracking.log(stored, sink.removeprefix(tracking.SCHEME), report)
            typer.echo(f"{counted(len(stored.info.targets), 'model')}: {sink}", err=True)
        else:
            workspace.write_atomic(sink, kinds[Path(sink).suffix](stored))
            typer.echo(f"{counted(len(stored.records), 'record')}: {sink}", err=True)


def _readers(what: str) -> list[str]:
    from evalkit import plugins

    return [name for name in plugins.names("formats") if hasattr(plugins.find("formats", name), what)]
