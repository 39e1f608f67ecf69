"""Verbs that decide and report from stored runs, with nothing asked: compare, gate, report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import announcing, baselines, options
from evalkit.errors import ExitCode, InputError

if TYPE_CHECKING:
    from evalkit.data import Comparison, Policy, Report, Run
    from evalkit.plugins import Renderer

READABLE = 110
"""Columns beyond which lines are no longer read with ease."""
OtherRun = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="The candidate's run, where it is not the same one.")
]


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    for verb in (compare, gate, report):
        app.command()(verb)


def compare(
    run: options.RunName,
    other: OtherRun = None,
    baseline: options.Baseline = None,
    candidate: options.Candidate = None,
    policy: options.PolicyFile = None,
    reports: options.Reports = options.REPORTS,
    output: options.Outputs = None,
    as_json: options.AsJson = False,
) -> None:
    """Compare two models case by case. Prints what `gate` prints; the exit code does not depend on the outcome."""
    conclude_stored(run, other, baseline, candidate, policy, reports, output or [], as_json=as_json)


def gate(
    run: options.RunName,
    other: OtherRun = None,
    baseline: options.Baseline = None,
    candidate: options.Candidate = None,
    policy: options.PolicyFile = None,
    reports: options.Reports = options.REPORTS,
    output: options.Outputs = None,
    github_summary: options.GithubSummary = False,
    as_json: options.AsJson = False,
) -> None:
    """Hold the candidate against a policy: exit 0 pass, 1 fail, 3 inconclusive, 4 not comparable."""
    outputs = output or []
    raise typer.Exit(
        conclude_stored(
            run, other, baseline, candidate, policy, reports, outputs, as_json=as_json, github=github_summary
        )
    )


def report(
    run: options.RunName,
    other: OtherRun = None,
    baseline: options.Baseline = None,
    candidate: options.Candidate = None,
    policy: options.PolicyFile = None,
    reports: options.Reports = options.REPORTS,
    output: options.Outputs = None,
) -> None:
    """Write the comparison of a stored run as HTML, Markdown or JSON; without -o as RUN/report.html."""
    from evalkit.cli.locating import run_folder

    outputs = output or [run_folder(run, reports) / "report.html"]
    conclude_stored(run, other, baseline, candidate, policy, reports, outputs, as_json=False, show=False)


def conclude_stored(
    run: str,
    other: str | None,
    baseline: str | None,
    candidate: str | None,
    policy: Path | None,
    reports: Path,
    outputs: Sequence[Path],
    *,
    as_json: bool,
    show: bool = True,
    github: bool = False,
) -> ExitCode:
    """Compare two targets of stored runs by name, decide, print and write. The verdict's exit code."""
    from evalkit import store, workspace
    from evalkit.cli.locating import run_folder

    rules = workspace.load_policy(policy) if policy else workspace.default_policy()
    renderers_of(outputs)
    first = store.load(run_folder(run, reports))
    second = store.load(run_folder(other, reports)) if other else first
    if baseline is not None and baseline.startswith(baselines.PREFIX):
        comparison = _against_file(baseline, second, candidate)
        return settle(comparison, rules, outputs, as_json=as_json, show=show, github=github)
    incumbent, successor = _sides(first, second, baseline, candidate)
    return conclude(first, incumbent, second, successor, rules, outputs, as_json=as_json, show=show, github=github)


def conclude(
    first: Run,
    baseline: str,
    second: Run,
    candidate: str,
    policy: Policy,
    outputs: Sequence[Path],
    *,
    as_json: bool,
    show: bool = True,
    github: bool = False,
) -> ExitCode:
    """Compare two targets of loaded runs, and `settle` it."""
    from evalkit import compare

    comparison = compare.compare(first, baseline, second, candidate)
    return settle(comparison, policy, outputs, as_json=as_json, show=show, github=github)


def settle(
    comparison: Comparison,
    policy: Policy,
    outputs: Sequence[Path],
    *,
    as_json: bool,
    show: bool = True,
    github: bool = False,
) -> ExitCode:
    """Decide, print (unless `show` is False), write every report of `outputs`, tell GitHub. The verdict's exit code."""
    from evalkit import plugins

    built = decided(comparison, policy)
    if as_json:
        typer.echo(plugins.renderer("json").render(built))
    elif show and sys.stdout.isatty():
        _draw(built, outputs)
        return _told(built, github)
    elif show:
        typer.echo(plugins.renderer("terminal").render(built), nl=False)
    write(built, outputs, err=as_json)
    return _told(built, github)


def _draw(built: Report, outputs: Sequence[Path]) -> None:
    """On a terminal: as wide as it is, up to what can be read, in colour unless NO_COLOR is set."""
    from rich.console import Console

    from evalkit.renderers import terminal

    console = Console()
    console.width = min(console.width, READABLE)
    terminal.draw(built, console, save(built, outputs))


def _told(built: Report, github: bool) -> ExitCode:
    from evalkit import gate

    if github:
        announcing.tell([built])
    return gate.exit_code(built.verdict)


def decided(comparison: Comparison, policy: Policy) -> Report:
    """The report on a comparison, with its verdict as of today."""
    from evalkit import gate, report

    return report.build(comparison, gate.decide(comparison, policy, datetime.now(UTC).date()))


def write(built: Report, outputs: Sequence[Path], *, err: bool) -> None:
    """A report to each path, and to stdout (stderr if `err`) where they are."""
    for path in save(built, outputs):
        typer.echo(f"report: {path}", err=err)


def save(built: Report, outputs: Sequence[Path]) -> list[str]:
    """A report to each path; where they are."""
    from evalkit import workspace

    for path, renderer in renderers_of(outputs):
        workspace.write_atomic(path, renderer.render(built))
    return [str(path) for path in outputs]


def renderers_of(outputs: Sequence[Path]) -> list[tuple[Path, Renderer]]:
    """The renderer for each path, by its suffix. Raises InputError for one that no renderer writes."""
    from evalkit import plugins

    if not outputs:
        return []
    known = {found.SUFFIX: found for name in plugins.names("renderers") if (found := plugins.renderer(name)).SUFFIX}
    unknown = [path for path in outputs if path.suffix not in known]
    if unknown:
        raise InputError(
            f"-o {unknown[0]}: no report is written as {unknown[0].suffix or 'that'}",
            f"there are: {', '.join(sorted(known))}",
        )
    return [(path, known[path.suffix]) for path in outputs]


def _against_file(name: str, run: Run, candidate: str | None) -> Comparison:
    """A run against a baseline's file. The cases that are not what they were are named on stderr."""
    from evalkit.baselines import holding

    held = baselines.load(name)
    there = [target.identity for target in run.info.targets]
    if candidate is None and len(there) != 1:
        raise InputError("which is meant? --candidate is not given", f"the run has: {', '.join(there)}")
    comparison = holding.against(held, run, candidate or there[0])
    for change in comparison.left_out:
        typer.echo(f"not compared: {change.case}: {change.why}", err=True)
    return comparison


def _sides(first: Run, second: Run, baseline: str | None, candidate: str | None) -> tuple[str, str]:
    """The two targets meant. What is not named follows only where there is no doubt."""
    ours, theirs = ([target.identity for target in run.info.targets] for run in (first, second))
    if first is second:
        if baseline is None and candidate is None and len(ours) == 2:
            return ours[0], ours[1]
        if len(ours) == 2 and (baseline in ours or candidate in ours):
            baseline = baseline or next(name for name in ours if name != candidate)
            candidate = candidate or next(name for name in ours if name != baseline)
    else:
        baseline = baseline or (ours[0] if len(ours) == 1 else None)
        candidate = candidate or (theirs[0] if len(theirs) == 1 else None)
    if baseline is None or candidate is None:
        lacking = "--baseline" if baseline is None else "--candidate"
        names = ours if baseline is None else theirs
        raise InputError(f"which is meant? {lacking} is not given", f"the run has: {', '.join(names)}")
    return baseline, candidate
