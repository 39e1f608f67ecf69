"""Verbs for baselines: set, list, show, rm; and how `--baseline baseline:NAME` finds one."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import choosing, options
from evalkit.errors import InputError, suggest
from evalkit.numerals import counted

if TYPE_CHECKING:
    from evalkit.baselines import Baseline
    from evalkit.data import Json

PREFIX = "baseline:"
FOLDER = Path("suites/baselines")
"""Beside the suites they were measured on: `reports/` is commonly ignored by git, and a baseline is to be reviewed."""

Folder = Annotated[Path, typer.Option("--baselines", metavar="DIR", help="Where baselines lie, for git to keep them.")]
Named = Annotated[str, typer.Argument(metavar="NAME", help="A baseline: its name below --baselines, or its file.")]

baseline = typer.Typer(no_args_is_help=True, help="Keep a model's scores in a reviewed file, to gate against.")


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.add_typer(baseline, name="baseline")


@baseline.command(name="set")
def set_(
    run: options.RunName,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="MODEL", help="As the run names it; may be left out if it is the only one."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Else SUITE-MODEL.")] = None,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="For whoever reviews it.")] = "",
    by: Annotated[
        str | None, typer.Option("--by", metavar="WHO", help="Else who git, or the system, says you are.")
    ] = None,
    folder: Folder = FOLDER,
    reports: options.Reports = options.REPORTS,
) -> None:
    """Keep what a model of a run was worth, as a file to commit.

    Case by case. A baseline of that name is replaced.
    """
    from evalkit import baselines, store, workspace
    from evalkit.ci import revisions
    from evalkit.cli.locating import run_folder

    stored = store.load(run_folder(run, reports))
    identity = choosing.identity(target) or _only(stored.info.id, [each.identity for each in stored.info.targets])
    name = name or baselines.free_name(stored.suite.name, identity)
    path = baselines.path_of(name, folder)
    by = by if by is not None else revisions.author(Path()) or getpass.getuser()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    taken = baselines.take(stored, identity, path.stem, at=now, why=why, by=by)
    replaced = load(name, folder) if path.exists() else None
    workspace.write_atomic(path, baselines.write(taken))
    lost = sum(trial.fault is not None for held in taken.cases.values() for trial in held.trials)
    if len(taken.cases) < len(stored.suite.cases) or lost:
        unasked = len(stored.suite.cases) - len(taken.cases)
        silent = f"{counted(unasked, 'case')} never asked, {counted(lost, 'fault')} for an answer"
        typer.echo(f"note: {silent}: they decide nothing", err=True)
    if replaced:
        typer.echo(f"replaces what {replaced.by or 'somebody'} set {replaced.set}", err=True)
    typer.echo(f"{counted(len(taken.cases), 'case')} of {identity}: {path}")


@baseline.command(name="list")
def list_(folder: Folder = FOLDER, as_json: options.AsJson = False) -> None:
    """The baselines there are."""
    from evalkit import baselines
    from evalkit.cli.printing import visible

    told = [_told(load(name, folder)) for name in baselines.names(folder)]
    if as_json:
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
    elif not told:
        typer.echo(f"{folder} holds no baseline; `evalkit baseline set RUN` makes one", err=True)
    for each in [] if as_json else told:
        told_of = f"{counted(each['cases'], 'case')} of {each['target']}"
        set_when = f"set {each['set'][:10]} by {each['by'] or 'nobody named'}"
        typer.echo(visible(f"{each['name']}  {told_of}, {set_when}"))


@baseline.command()
def show(
    name: Named,
    suite: Annotated[
        list[str] | None,
        typer.Option("--suite", metavar="SUITE", help="Say which cases of it are no more as they were."),
    ] = None,
    folder: Folder = FOLDER,
    as_json: options.AsJson = False,
) -> None:
    """Who set a baseline, when, why, and what it holds.

    With --suite also what of it is stale.
    """
    from evalkit import selection, workspace
    from evalkit.baselines import holding
    from evalkit.cli.printing import visible

    found = load(name, folder)
    told = _told(found)
    if suite:
        whole = selection.merge([workspace.load_suite(each) for each in suite])
        told["stale"] = dict(holding.changed(found, whole))
    if as_json:
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    stale = told.pop("stale", None)
    for key, value in told.items():
        shown = f"{value:.1%}" if isinstance(value, float) else visible("-" if value in (None, "") else str(value))
        typer.echo(f"{key:12} {shown}")
    if stale is not None:
        typer.echo(f"{'stale':12} {len(stale)} of {counted(len(whole.cases), 'case')} of {whole.name}")
        for case, reason in stale.items():
            typer.echo(f"  {case}: {reason}")


@baseline.command()
def rm(name: Named, folder: Folder = FOLDER) -> None:
    """Remove a baseline's file.

    Git still has what was committed.
    """
    from evalkit import baselines

    load(name, folder)
    path = baselines.path_of(name, folder)
    path.unlink()
    typer.echo(f"removed {path}")


def load(name: str, folder: Path = FOLDER) -> Baseline:
    """A baseline by its name or file. Raises InputError."""
    from evalkit import baselines, workspace

    path = baselines.path_of(name.removeprefix(PREFIX), folder)
    if not path.is_file():
        raise InputError(f"there is no baseline {path}", suggest(path.stem, baselines.names(path.parent)))
    return baselines.read(workspace.read_text(path), str(path))


def _only(run: str, identities: list[str]) -> str:
    if len(identities) != 1:
        raise InputError("which model is meant? --target is not given", f"run {run} has: {', '.join(identities)}")
    return identities[0]


def _told(found: Baseline) -> dict[str, Json]:
    from evalkit import bounds
    from evalkit.baselines import holding

    records = list(holding.records(found))
    return {
        "name": found.name,
        "target": found.target.identity,
        "suite": found.suite,
        "cases": len(found.cases),
        "compliance": bounds.rate(records, "compliance"),
        "correct": bounds.rate(records, "correct"),
        "faults": sum(record.score is None for record in records),
        "set": found.set,
        "by": found.by,
        "why": found.why,
        "run": found.run,
        "asked": found.asked,
    }
