"""Verbs that bring other tools' files in and take results out: import tools|cases|run|traces, export."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from evalkit.cli import options
from evalkit.errors import InputError
from evalkit.numerals import counted

if TYPE_CHECKING:
    from evalkit.data import Record, Run, Suite, Target
    from evalkit.traces import Tally

From = Annotated[str | None, typer.Option("--from", metavar="FORMAT", help="Else it is recognised.")]
Cases = Annotated[str, typer.Option("--from", metavar="FORMAT", help="See `evalkit plugins formats`.")]
Out = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The suite to write, as x.jsonl.")]

_AT_ONCE = 1000
"""Records that are written in one transaction, and held in memory until then."""

importing = typer.Typer(no_args_is_help=True, help="Bring in other tools' specs, cases, answers or logs.")


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

    _refuse_but_lines(output)
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
    from evalkit import plugins, workspace
    from evalkit.cli import printing
    from evalkit.data import RECORDED, Target

    reader = plugins.find("formats", form)
    if not hasattr(reader, "run"):
        raise InputError(f"--from {form}: reads no recorded answers", f"these do: {', '.join(_readers('run'))}")
    loaded = workspace.load_suite(suite)
    model = Target(name=target, provider=RECORDED, model=target)
    _store(reports / name, loaded, model, reader.run(workspace.read_folder(folder), loaded, model), strings)
    printing.summary(reports / name, as_json)


@importing.command()
def traces(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="A log, one exchange a line, or a folder of them; gzip may have packed them."
        ),
    ],
    output: Out,
    form: From = None,
    expect: Annotated[
        Literal["any_call", "answer"],
        typer.Option(
            "--expect",
            metavar="any_call|answer",
            help="What is right: any call that fits its schema, or the recorded answer, tagged unreviewed.",
        ),
    ] = "any_call",
    declared: Annotated[
        Path | None,
        typer.Option("--tools", metavar="FILE", help="The tools that were offered where the log does not tell which."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--run", metavar="NAME", help="Keep the answers too, as this run.")
    ] = None,
    target: Annotated[str, typer.Option("--target", metavar="NAME", help="What to call who answered.")] = "production",
    reports: options.Reports = options.REPORTS,
    strings: options.Strings = "exact",
    as_json: options.AsJson = False,
) -> None:
    """What was asked in production as a suite.

    Each question that offered tools is a case, once, named after its content. What becomes none is counted by its
    reason. With --run, the answers are judged and kept as a run, to compare a candidate with. Conversations are copied
    as they are, with all that people wrote in them; of headers none is read, and nothing is sent anywhere.
    """
    from evalkit import traces as logs
    from evalkit import workspace
    from evalkit.cli import printing
    from evalkit.data import RECORDED, Target

    _refuse_but_lines(output)
    offered = workspace.read_tools(declared) if declared else ()
    if form is None or name is not None:
        logs.refuse_pipe(path)
    log = logs.Log(path=path, form=form or logs.sniff(path), gold=expect == "answer", tools=offered)
    suite, tally = logs.suite_of(output.stem, log)
    workspace.write_suite(suite, output)
    _tell(suite, tally, output)
    if name is not None:
        model = Target(name=target, provider=RECORDED, model=target)
        _store(reports / name, suite, model, logs.records(suite, log, model), strings)
        printing.summary(reports / name, as_json)
    elif as_json:
        typer.echo(json.dumps(_counts(suite, tally), indent=2))


def _refuse_but_lines(output: Path) -> None:
    """A suite is read by what its file is called."""
    if output.suffix != ".jsonl":
        raise InputError(f"-o {output}: a suite that is imported is lines of JSON", "call it x.jsonl")


def _tell(suite: Suite, tally: Tally, output: Path) -> None:
    from evalkit.cli import printing
    from evalkit.traces import reasons

    size = f"{counted(len(suite.cases), 'case')}, {counted(len(suite.specs), 'tool')}"
    again = f", {tally.repeated:,} asked what was asked before" if tally.repeated else ""
    typer.echo(f"{size}: {output}", err=True)
    typer.echo(f"  of {counted(tally.exchanges, 'exchange')}{again}", err=True)
    for said in reasons(tally).values():
        typer.echo(f"  {said}", err=True)
    for problem in tally.told:
        typer.echo(f"  {printing.visible(str(problem))}", err=True)


def _counts(suite: Suite, tally: Tally) -> dict[str, object]:
    return {
        "suite": suite.name,
        "digest": suite.digest,
        "cases": len(suite.cases),
        "tools": len(suite.specs),
        "exchanges": tally.exchanges,
        "repeated": tally.repeated,
        "left_out": dict(tally.left.most_common()),
    }


def _store(
    folder: Path, suite: Suite, target: Target, records: Iterable[Record], strings: Literal["exact", "bfcl"]
) -> None:
    """Judge what was recorded elsewhere, and make or widen the run in `folder` with it."""
    from evalkit import joining, judge, locking, running
    from evalkit.data import Judging

    order = running.Order(suite=suite, targets=(target,), judging=Judging(strings=strings))
    worth = judge.records(suite, order.judging)
    described = running.describe(folder.name, order, guards={})
    with locking.writing(folder), joining.join(folder, described, suite) as opened:
        judged = map(worth, records)
        while some := list(islice(judged, _AT_ONCE)):
            opened.append(some)


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
