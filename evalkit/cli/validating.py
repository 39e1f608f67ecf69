"""The verb that judges payloads of any origin: validate."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer
from msgspec import Struct
from msgspec.structs import replace

from evalkit.errors import ExitCode, InputError, Place, Problem

if TYPE_CHECKING:
    from evalkit.data import Json, Payload, Violation

Formats = Literal["assert", "annotate"]
Judge: TypeAlias = "Callable[[Payload], tuple[Violation, ...]]"


def register(app: typer.Typer) -> None:
    """Add this module's verb."""
    app.command()(validate)


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
    may be left out. Text is read as JSON, strictly. Exit 0 if all are valid, 1 if any is not, and 2 if a line holds no
    payload; the others are judged all the same.
    """
    from evalkit import codec

    judge = _judge(tools, schema, form, formats)
    all_valid = True
    no_payloads: list[Problem] = []
    for number, content in _lines(payloads):
        line = _read(content, bare=schema is not None)
        if line.payload is None:
            place = Place(file=str(payloads or "<stdin>"), line=number)
            no_payloads.append(Problem(what=line.wrong[0].message, hint=line.hint, place=place))
        found = line.wrong if line.payload is None else judge(line.payload)
        all_valid = all_valid and not found
        verdict = {
            "line": number,
            "tool": line.tool,
            "parsed": line.payload is not None and line.payload.error is None,
            "valid": not found,
            "violations": [codec.plain(violation) for violation in found],
        }
        typer.echo(json.dumps(verdict, ensure_ascii=False))
    if no_payloads:
        raise InputError(no_payloads)
    raise typer.Exit(ExitCode.OK if all_valid else ExitCode.GATE_FAILED)


def _judge(tools: Path | None, schema: Path | None, form: str | None, formats: Formats) -> Judge:
    """What is wrong with a payload: as with a call of one of the tools, or by the bare schema alone."""
    from evalkit import schema as schemas
    from evalkit import workspace
    from evalkit.score.faults import faults_of, unreadable

    if tools is not None and schema is not None:
        raise InputError("--tools and --schema exclude each other", "give one of them")
    if tools is not None:
        declared = workspace.read_tools(tools, form)
        judges = {spec.name: schemas.compile_schema(spec.schema, formats) for spec in declared}
        return lambda payload: faults_of(payload, judges.get(payload.tool), judges)
    if schema is not None:
        bare = schemas.compile_schema(_bare(schema), formats)
        return lambda payload: (
            (unreadable(payload, payload.error),) if payload.error else bare.violations(payload.value, payload.index)
        )
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


# --------------------------------------------------------------------------- lines


class _Line(Struct, frozen=True, kw_only=True):
    tool: str | None = None
    payload: Payload | None = None
    wrong: tuple[Violation, ...] = ()
    """Why it holds no payload; () if it does."""
    hint: str = ""


def _read(content: bytes, *, bare: bool) -> _Line:
    """A line as one call. However long it is, it is read: what may be too large are the arguments in it."""
    from evalkit import values
    from evalkit.data import Payload

    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _no_payload("json.syntax", f"not UTF-8: byte 0x{content[error.start]:02x}", "", "save it as UTF-8")
    reading = values.read(text, max_chars=len(text))
    if reading.error is not None:
        return _no_payload(reading.error, f"not JSON: {reading.message}", text, "give one JSON object a line")
    line = reading.value
    tool = line.get("tool") if isinstance(line, dict) else None
    if not isinstance(line, dict) or "arguments" not in line or not (bare or isinstance(tool, str)):
        return _no_payload("call.missing", "no payload", text, 'give {"tool": NAME, "arguments": TEXT or object}')
    named, given = tool if isinstance(tool, str) else "", line["arguments"]
    if isinstance(given, str):
        inner = values.read(given)
        payload = Payload(index=0, tool=named, text=given, value=inner.value, error=inner.error)
    else:
        too_large = "json.too_large" if len(text) > values.MAX_CHARS else None
        payload = Payload(index=0, tool=named, text=None, value=given, error=too_large)
    return _Line(tool=tool, payload=payload)


def _no_payload(code: str, message: str, text: str, hint: str) -> _Line:
    from evalkit import values
    from evalkit.data import Violation

    return _Line(wrong=(Violation(payload=None, code=code, message=message, excerpt=values.excerpt(text)),), hint=hint)


def _lines(path: Path | None) -> Iterator[tuple[int, bytes]]:
    try:
        handle = sys.stdin.buffer if path is None or str(path) == "-" else path.open("rb")
        with handle:
            yield from ((number, line.strip()) for number, line in enumerate(handle, start=1) if line.strip())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}", "give a JSONL file in UTF-8") from error
