"""The verb that makes several stored runs one: merge."""

from __future__ import annotations

from typing import Annotated

import typer

from evalkit.cli import options
from evalkit.errors import ExitCode
from evalkit.numerals import counted


def register(app: typer.Typer) -> None:
    """Add this module's verb."""
    app.command()(merge)


def merge(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help="Runs: names below --reports, folders or files.")],
    name: Annotated[str, typer.Option("--run", metavar="NAME", help="The run to make.")],
    reports: options.Reports = options.REPORTS,
    as_json: options.AsJson = False,
) -> None:
    """Make one run of several; ask nothing.

    Of the parts of a suite (`evalkit run --shard`), or of one suite asked of several models. Every answer is taken as
    it stands. Exit code 3 if some were never asked for; `evalkit run` of the whole suite with --run NAME asks them.
    """
    from evalkit import merging, store
    from evalkit.cli import printing
    from evalkit.cli.locating import run_folder

    folder = reports / name
    named = [run_folder(run, reports) for run in runs]
    absent = merging.merge(list({path.resolve(): path for path in named}.values()), folder)
    printing.summary(folder, as_json)
    if absent:
        parts = ", ".join(f"{number}/{of}" for number, of in absent)
        typer.echo(f"{counted(len(absent), 'part')} of the suite not there: {parts}", err=True)
    with store.open_run(folder) as merged:
        wanted = merged.info.cases * len(merged.info.targets) * merged.info.trials
    if unasked := wanted - store.counts(folder)[0]:
        typer.echo(
            f"{unasked:,} of {counted(wanted, 'answer')} were never asked for, and are counted as missing", err=True
        )
        raise typer.Exit(ExitCode.INCONCLUSIVE)
