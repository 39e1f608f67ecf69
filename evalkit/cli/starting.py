"""The verb that starts a project: init."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.errors import InputError

if TYPE_CHECKING:
    from evalkit.files.shapes import Kind

STARTER = Path(__file__).parents[1] / "starter"
"""A working project: a suite, its tools, a model list, a policy, a CI workflow. Copied as it is."""
_HIDDEN = {"github": ".github"}
"""Folder of STARTER -> what it is called in a project: what is hidden is easily left out of a package."""
_SCHEMAS = Path(".evalkit")
"""Where the schemas stand that the first lines of the files name to editors."""


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command()(init)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where; made if it is not there.")] = Path(),
) -> None:
    """Start a working project, ready to run.

    A suite, its tools, a model list, a policy and a GitHub workflow; and the schemas by which an editor checks and
    completes them. Overwrites nothing.
    """
    from evalkit import workspace

    wanted = {folder / path: text for path, text in _files().items()}
    there = [target for target in wanted if target.exists()]
    if there:
        raise InputError(f"{there[0]} is there already", "give another folder, or move it away")
    for target, text in wanted.items():
        workspace.write_atomic(target, text)
        typer.echo(f"wrote {target}")
    suite, models, policy = (folder / name for name in ("suites/calendar.yaml", "models.yaml", "policy.yaml"))
    typer.echo("")
    typer.echo("now try:")
    typer.echo(f"  evalkit lint {suite}")
    typer.echo(f"  evalkit migrate {suite} --models {models} --from incumbent --to candidate --policy {policy}")


def _files() -> dict[Path, str]:
    """What a project begins with: path in it -> text."""
    from evalkit.files import editors

    found: dict[Path, str] = {}
    for path in sorted(STARTER.rglob("*")):
        if path.suffix in {".yaml", ".yml", ".json"}:
            first, *rest = path.relative_to(STARTER).parts
            found[Path(_HIDDEN.get(first, first), *rest)] = path.read_text(encoding="utf-8")
    kinds: tuple[Kind, ...] = ("suite", "models", "policy")
    return found | {_SCHEMAS / f"{kind}.schema.json": editors.json_schema(kind) for kind in kinds}
