"""The verbs of the cache: what it holds, and forgetting it."""

from __future__ import annotations

import json

import typer
from msgspec.structs import asdict

from evalkit.cli import options
from evalkit.numerals import counted


def register(app: typer.Typer) -> None:
    """Add this module's verbs, below `cache`."""
    verbs = typer.Typer(no_args_is_help=True, help="Answers kept over runs: see them, forget them.")
    verbs.command()(info)
    verbs.command()(clear)
    app.add_typer(verbs, name="cache")


def info(reports: options.Reports = options.REPORTS, as_json: options.AsJson = False) -> None:
    """How many answers are kept, and from when."""
    from evalkit import cache

    path = reports / cache.FILE
    facts = cache.facts(reports)
    if as_json:
        typer.echo(json.dumps({**asdict(facts), "path": str(path)} if facts else {"path": str(path), "answers": 0}))
    elif facts is None or not facts.answers:
        typer.echo(f"{path}: nothing; `evalkit run --cache` keeps answers there")
    else:
        typer.echo(f"{path}: {counted(facts.answers, 'answer')}, {facts.bytes / 1e6:,.1f} MB")
        typer.echo(f"  from {facts.oldest} to {facts.newest}")


def clear(reports: options.Reports = options.REPORTS) -> None:
    """Forget every answer kept; runs keep theirs."""
    from evalkit import cache

    typer.echo(f"{counted(cache.clear(reports), 'answer')} forgotten")
