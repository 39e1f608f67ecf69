"""The verb that opens the stored runs in a browser: view."""

from __future__ import annotations

from typing import Annotated

import typer

from evalkit.cli import options


def register(app: typer.Typer) -> None:
    """Add this module's verb."""
    app.command()(view)


def view(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="The run to begin with.")] = None,
    reports: options.Reports = options.REPORTS,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, metavar="N", help="0: any that is free.")] = 0,
) -> None:
    """The stored runs in a browser.

    Records by model, rung and code, any two models compared, scores over time. On this machine only and read-only; the
    address it prints is the key. Ctrl-C ends it.
    """
    from evalkit import store, viewing
    from evalkit.cli.locating import run_folder
    from evalkit.errors import InputError

    folder = run_folder(run, reports).resolve() if run else None
    if folder is None and not store.runs(reports):
        typer.echo(f"{reports} holds no run; `evalkit run SUITE -m provider/model` makes one", err=True)
    try:
        viewing.look(reports, folder, port, _announce)
    except OSError as error:
        raise InputError(f"--port {port}: cannot be listened on: {error.strerror or error}") from None
    except KeyboardInterrupt:
        typer.echo("ended", err=True)


def _announce(address: str) -> None:
    typer.echo("evalkit view: open this address; Ctrl-C ends it", err=True)
    typer.echo(address)
