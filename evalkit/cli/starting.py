"""The verb that starts a project: init."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evalkit.errors import InputError

STARTER = Path(__file__).parents[1] / "starter"
"""A working project: a suite, its tools, a model list, a policy. Copied as it is."""


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command()(init)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where; made if it is not there.")] = Path(),
) -> None:
    """Start a working project, ready to run.

    A suite, its tools, a model list and a policy. Overwrites nothing.
    """
    from evalkit import workspace

    files = sorted(path for path in STARTER.rglob("*") if path.is_file() and not path.name.startswith("_"))
    wanted = [(path, folder / path.relative_to(STARTER)) for path in files if path.suffix in {".yaml", ".json"}]
    there = [target for _, target in wanted if target.exists()]
    if there:
        raise InputError(f"{there[0]} is there already", "give another folder, or move it away")
    for path, target in wanted:
        workspace.write_atomic(target, path.read_text(encoding="utf-8"))
        typer.echo(f"wrote {target}")
    suite, models, policy = (folder / name for name in ("suites/calendar.yaml", "models.yaml", "policy.yaml"))
    typer.echo("")
    typer.echo("now try:")
    typer.echo(f"  evalkit lint {suite}")
    typer.echo(f"  evalkit migrate {suite} --models {models} --from incumbent --to candidate --policy {policy}")
