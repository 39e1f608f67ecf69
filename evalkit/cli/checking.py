"""Verbs that check files, with nothing asked: lint, schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from evalkit.cli import options
from evalkit.errors import ExitCode, InputError

if TYPE_CHECKING:
    from evalkit.ci.sarif import Finding
    from evalkit.data import Divergence, Suite
    from evalkit.portability.routes import Route

FileKind = Literal["suite", "models", "policy", "report"]


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    for verb in (lint, schema):
        app.command()(verb)


def lint(
    suites: options.Suites,
    portability: Annotated[
        str | None,
        typer.Option("--portability", metavar="ROUTES", help="What these routes make of the tools: a,b,c or all."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write what is found to x.sarif, for code scanning.",
            rich_help_panel=options.RESULT,
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Is every case judgeable, and how hard is the suite?

    Exit 1 if the gold itself does not score 100 %. The ceiling is what the gold scores; the floors are what a model
    without understanding scores: one that picks tools by word overlap, and one that makes random schema-valid calls.
    Words of a schema that nobody is held to (misspelt keywords, unknown formats) are noted, and stop nothing.
    With --portability also what each route (openai-strict, anthropic, gemini, vllm ...) loses or refuses of the tools'
    declarations.
    """
    from evalkit import suite as suites_room
    from evalkit.ci import sarif
    from evalkit.cli import placing, printing

    if output is not None and output.suffix != sarif.SUFFIX:
        raise InputError(f"-o {output}: findings are not written as that", f"there is: {sarif.SUFFIX}")
    routes = _routes(portability)
    sound = True
    found: list[sarif.Finding] = []
    try:
        for name in suites:
            loaded = _loaded(name, found)
            noted, foreseen = placing.placed(suites_room.lint(loaded)), _foreseen(loaded, routes)
            found += [sarif.of_problem("suite.note", problem) for problem in noted]
            unmet = printing.lint(loaded, noted, foreseen, as_json)
            found += [sarif.of_case(case, why) for case, why in unmet]
            found += _lost(foreseen)
            sound = sound and not unmet
    finally:
        if output is not None:
            _write(output, found)
    raise typer.Exit(ExitCode.OK if sound else ExitCode.GATE_FAILED)


def _loaded(name: str, found: list[Finding]) -> Suite:
    """The suite; what makes it unusable is also among what was found."""
    from evalkit import workspace
    from evalkit.ci import sarif

    try:
        return workspace.load_suite(name)
    except InputError as error:
        found += [sarif.of_problem("suite.unusable", problem) for problem in error.problems]
        raise


def _lost(foreseen: Mapping[str, Sequence[Divergence]]) -> list[Finding]:
    """What the routes make of the tools, each at its line."""
    from evalkit.ci import sarif
    from evalkit.cli import placing

    told = [(each.kind, sarif.divergence(route, each)) for route, lost in foreseen.items() for each in lost]
    placed = placing.placed(problem for _, problem in told)
    return [sarif.of_problem(f"portability.{kind}", at) for (kind, _), at in zip(told, placed, strict=True)]


def _write(output: Path, found: Sequence[Finding]) -> None:
    from evalkit import numerals, workspace
    from evalkit.ci import sarif

    workspace.write_atomic(output, sarif.render(found, Path.cwd()))
    typer.echo(f"{numerals.counted(len(found), 'finding')}: {output}", err=True)


def _routes(named: str | None) -> dict[str, Route]:
    from evalkit import portability
    from evalkit.portability.routes import ROUTES

    if named == "all":
        return dict(ROUTES)
    names = [name.strip() for name in named.split(",")] if named else []
    return {name: portability.route(name) for name in names}


def _foreseen(suite: Suite, routes: dict[str, Route]) -> dict[str, list[Divergence]]:
    """What each route makes of the suite's tools, one by one and as they are offered together."""
    from evalkit import portability
    from evalkit.portability import together

    offers = [[suite.specs[key] for key in keys] for keys in dict.fromkeys(case.tools for case in suite.cases)]
    return {
        name: [
            *(found for spec in suite.specs.values() for found in portability.check(spec, route)),
            *together.exceeded(offers, route),
        ]
        for name, route in routes.items()
    }


def schema(
    kind: Annotated[FileKind, typer.Argument(metavar="suite|models|policy|report", help="Which of them.")],
) -> None:
    """Print the JSON Schema of a file of evalkit's.

    Of those that people write, for editors; of a report as x.json, for programs that read it.
    """
    if kind == "report":
        from evalkit.renderers import json as report

        typer.echo(report.schema(), nl=False)
        return
    from evalkit.files import editors

    typer.echo(editors.json_schema(kind), nl=False)
