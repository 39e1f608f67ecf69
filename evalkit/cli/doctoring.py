"""The verb that tries an endpoint before it is measured: doctor."""

from __future__ import annotations

import json
import tempfile
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit import numerals
from evalkit.cli import choosing, options
from evalkit.errors import ExitCode
from evalkit.renderers._visible import line

if TYPE_CHECKING:
    from evalkit.data import Record, Target
    from evalkit.doctor import Finding
    from evalkit.plugins import World
    from evalkit.serving import Server

_LINE = 80
_MARGIN = 25
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "unknown": "cyan"}


def register(app: typer.Typer) -> None:
    """Add this module's verb."""
    app.command()(doctor)


def doctor(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="provider/model[?option=value&...], or a name of --models.")
    ],
    models: options.ModelsFile = None,
    timeout: options.Timeout = None,
    reports: options.Reports = options.REPORTS,
    as_json: options.AsJson = False,
) -> None:
    """Try an endpoint: what it takes, keeps and loses.

    Some twenty small questions. Exit 1 if a probe fails. A server named in the model list is started for it.
    """
    import asyncio

    from evalkit import doctor as doctors
    from evalkit import serving
    from evalkit.cli.locating import world

    target = choosing.target_of(model, models, timeout)
    began = time.perf_counter()
    checked = serving.check([target])
    with tempfile.TemporaryDirectory() as folder, serving.started([target], Path(folder), _waiting) as servers:
        (placed,) = servers.reach(checked)
        records = asyncio.run(_ask(placed, world(reports)))
    findings = doctors.examine(records, target)
    told = (target.identity, len(records), time.perf_counter() - began)
    (_print_json if as_json else _print)(findings, *told)
    failed = any(finding.status == "fail" for finding in findings)
    raise typer.Exit(ExitCode.GATE_FAILED if failed else ExitCode.OK)


def _waiting(server: Server) -> None:
    typer.echo(f"waiting for the server {line(server.name)}", err=True)


async def _ask(target: Target, world: World) -> list[Record]:
    """Every question; only the first, if it is not answered."""
    from evalkit import judge, pipeline
    from evalkit.data import Fault, Judging
    from evalkit.doctor import canaries
    from evalkit.pacing.pace import Pace
    from evalkit.request import Builder

    ways = dict(zip(canaries.WAYS, canaries.ways(target), strict=True))
    cases = {case.id: case for case in canaries.SUITE.cases}
    builder, worth = Builder(canaries.SUITE), judge.records(canaries.SUITE, Judging())
    pace = Pace(width=4, retries=1, longest_wait=5.0)
    requests = [builder.build(cases[case], 0, ways[way]) for case, way in canaries.asked(target)]
    records: list[Record] = []
    for some in (requests[:1], requests[1:]):
        async for record in pipeline.ask([some], canaries.SUITE, tuple(ways.values()), world, pace):
            records.append(worth(record))
        if isinstance(records[0].reply, Fault):
            break
    return records


def _print_json(findings: Sequence[Finding], name: str, calls: int, seconds: float) -> None:
    from msgspec.structs import asdict

    told = {
        "target": name,
        "healthy": all(finding.status != "fail" for finding in findings),
        "calls": calls,
        "seconds": round(seconds, 3),
        "probes": [asdict(finding) for finding in findings],
    }
    typer.echo(json.dumps(told, indent=2, ensure_ascii=False))


def _print(findings: Sequence[Finding], name: str, calls: int, seconds: float) -> None:
    """What was found, a finding each; what was not asked is only counted."""
    from evalkit.doctor import NOT_ASKED

    counted = {status: sum(finding.status == status for finding in findings) for status in _COLOURS}
    summary = ", ".join(f"{count} {status}" for status, count in counted.items() if count)
    typer.echo(f"{line(name)}: {summary} ({numerals.counted(calls, 'call')}, {seconds:.1f} s)")
    unasked = sum(finding.says == NOT_ASKED for finding in findings)
    for finding in findings:
        if finding.says == NOT_ASKED:
            continue
        status = typer.style(f"{finding.status:8}", fg=_COLOURS[finding.status])
        first, *more = _wrapped(finding.says)
        typer.echo(f"{status} {finding.probe:15} {first}")
        advice = _wrapped(f"-> {finding.advice}") if finding.advice else []
        for text in (*more, *advice):
            typer.echo(f"{'':{_MARGIN}}{text}")
    if unasked:
        typer.echo(typer.style(f"{'unknown':8}", fg=_COLOURS["unknown"]) + f" {unasked} not asked")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(line(text), _LINE - _MARGIN, break_on_hyphens=False)
