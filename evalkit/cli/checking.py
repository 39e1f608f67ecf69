"""Verbs that check files, with nothing asked: lint, validate, schema."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from evalkit.cli import options
from evalkit.errors import ExitCode, InputError

if TYPE_CHECKING:
    from evalkit.ci.sarif import Finding
    from evalkit.data import Divergence, Json, Suite
    from evalkit.portability.routes import Route
    from evalkit.schema import Validator

Formats = Literal["assert", "annotate"]
FileKind = Literal["suite", "models", "policy"]


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    for verb in (lint, validate, schema):
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
    With --portability also what each route (openai-strict, anthropic, gemini, vllm ...) loses or refuses of the tools'
    declarations.
    """
    from evalkit import suite as suites_room
    from evalkit.ci import sarif
    from evalkit.cli import printing

    if output is not None and output.suffix != sarif.SUFFIX:
        raise InputError(f"-o {output}: findings are not written as that", f"there is: {sarif.SUFFIX}")
    routes = _routes(portability)
    sound = True
    found: list[sarif.Finding] = []
    try:
        for name in suites:
            loaded = _loaded(name, found)
            noted, foreseen = suites_room.lint(loaded), _foreseen(loaded, routes)
            found += [sarif.of_problem("suite.note", problem) for problem in noted]
            unmet = printing.lint(loaded, noted, foreseen, as_json)
            found += [sarif.of_case(case, why) for case, why in unmet]
            found += [sarif.of_divergence(route, each) for route, lost in foreseen.items() for each in lost]
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
    """What each route makes of the suite's tools."""
    from evalkit import portability

    return {
        name: [found for spec in suite.specs.values() for found in portability.check(spec, route)]
        for name, route in routes.items()
    }


def validate(
    payloads: Annotated[
        Path | None, typer.Argument(metavar="PAYLOADS", help="A JSONL file; stdin if left out or -.")
    ] = None,
    tools: Annotated[Path | None, typer.Option("--tools", metavar="FILE", help="The tools' declarations.")] = None,
    schema: Annotated[
        Path | None, typer.Option("--schema", metavar="FILE", help="One bare JSON Schema instead.")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="That of --tools; else it is recognised.")
    ] = None,
    formats: Annotated[
        Formats, typer.Option("--formats", metavar="assert|annotate", help="What `format` in a schema does.")
    ] = "assert",
) -> None:
    """Judge payloads against their schemas: no suite, no model.

    One JSON object a line in, one out. A line is {"tool": NAME, "arguments": TEXT or object}; with --schema the tool
    may be left out. Text is read as JSON, strictly. Exit 0 if all are valid, 1 if any is not.
    """
    from evalkit import values

    judges = _validators(tools, schema, form, formats)
    all_valid = True
    for number, line in _lines(payloads):
        place = f"{payloads or '<stdin>'}:{number}"
        reading = values.read(line)
        if reading.error:
            raise InputError(f"{place}: not JSON: {reading.message}", "give one JSON object a line")
        result = _verdict(reading.value, judges, bare=schema is not None, place=place)
        all_valid = all_valid and result["valid"]
        typer.echo(json.dumps({"line": number, **result}, ensure_ascii=False))
    raise typer.Exit(ExitCode.OK if all_valid else ExitCode.GATE_FAILED)


def schema(kind: Annotated[FileKind, typer.Argument(metavar="suite|models|policy", help="Which of them.")]) -> None:
    """Print the JSON Schema of a file of evalkit's, for editors."""
    from evalkit import files

    typer.echo(files.json_schema(kind), nl=False)


def _validators(tools: Path | None, schema: Path | None, form: str | None, formats: Formats) -> dict[str, Validator]:
    from evalkit import schema as schemas
    from evalkit import workspace

    if tools is not None and schema is not None:
        raise InputError("--tools and --schema exclude each other", "give one of them")
    if tools is not None:
        return {spec.name: schemas.compile_schema(spec.schema, formats) for spec in workspace.read_tools(tools, form)}
    if schema is not None:
        return {"": schemas.compile_schema(_bare(schema), formats)}
    raise InputError("nothing to judge by", "give --tools FILE or --schema FILE")


def _bare(path: Path) -> Json:
    """A JSON Schema of anything, not only of a tool's arguments. Raises InputError, with places, if it is unsound."""
    from evalkit import documents, workspace
    from evalkit import schema as schemas

    document = documents.parse(workspace.read_text(path), str(path))
    problems = schemas.check(document.value, str(path), arguments=False)
    if problems:
        raise InputError(replace(each, place=document.place(each.path)) for each in problems)
    return document.value


def _verdict(line: Json, judges: dict[str, Validator], *, bare: bool, place: str) -> dict[str, Json]:
    """{"tool", "parsed", "valid", "violations"} of one line."""
    from evalkit import codec, values

    if not isinstance(line, dict) or "arguments" not in line or not (bare or "tool" in line):
        raise InputError(f"{place}: no payload", 'give {"tool": NAME, "arguments": TEXT or object}')
    tool, arguments = line.get("tool"), line["arguments"]
    judge = judges.get("" if bare else str(tool))
    if judge is None:
        raise InputError(f"{place}: no tool is called {tool!r}", f"there are: {', '.join(sorted(judges))}")
    if isinstance(arguments, str):
        reading = values.read(arguments)
        if reading.error is not None:
            wrong = {"code": reading.error, "path": "", "message": reading.message}
            return {"tool": tool, "parsed": False, "valid": False, "violations": [wrong]}
        arguments = reading.value
    violations = () if judge.valid(arguments) else judge.violations(arguments)
    found = [codec.plain(violation) for violation in violations]
    return {"tool": tool, "parsed": True, "valid": not found, "violations": found}


def _lines(path: Path | None) -> Iterator[tuple[int, str]]:
    try:
        handle = sys.stdin if path is None or str(path) == "-" else path.open(encoding="utf-8")
        with handle:
            yield from ((number, line) for number, line in enumerate(handle, start=1) if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}", "give a JSONL file in UTF-8") from error
