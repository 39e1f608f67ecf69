"""Verbs that decide and report from stored runs, with nothing asked: compare, gate, report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import announcing, baselines, choosing, columns, options
from evalkit.errors import ExitCode, InputError

if TYPE_CHECKING:
    from evalkit.data import Comparison, Policy, Report, Run, Verdict
    from evalkit.plugins import Renderer

READABLE = 110
"""Columns beyond which lines are no longer read with ease."""
OtherRun = Annotated[
    str | None, typer.Argument(metavar="RUN", help="The candidate's run, where it is not the same one.")
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
    quiet: options.Brief = False,
) -> None:
    """Compare models case by case.

    Prints what `gate` prints; the exit code does not depend on the outcome. Every model of the run is held against the
    baseline, and one candidate is told in full. Where they are not named, the run's first model is the baseline, and
    the next one is told in full.
    """
    conclude_stored(
        run, other, baseline, candidate, policy, reports, output or [], choose=True, as_json=as_json, quiet=quiet
    )


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
    quiet: options.Brief = False,
) -> None:
    """Hold the candidate against a policy; the exit code decides.

    0 pass, 1 fail, 3 inconclusive, 4 not comparable. Of a run with more than two models, name the two that are meant:
    a gate picks none. Its report has the others too.
    """
    outputs = output or []
    raise typer.Exit(
        conclude_stored(
            run,
            other,
            baseline,
            candidate,
            policy,
            reports,
            outputs,
            choose=False,
            as_json=as_json,
            github=github_summary,
            quiet=quiet,
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
    github_summary: options.GithubSummary = False,
) -> None:
    """Write the comparison of a stored run as a report.

    Without -o as RUN/report.html. Every model of the run is in it, and one candidate is told in full. Where they are
    not named, the run's first model is the baseline, and the next one is told in full.
    """
    from evalkit.cli.locating import run_folder

    conclude_stored(
        run,
        other,
        baseline,
        candidate,
        policy,
        reports,
        output or [run_folder(run, reports) / "report.html"],
        choose=True,
        as_json=False,
        show=False,
        github=github_summary,
    )


def conclude_stored(
    run: str,
    other: str | None,
    baseline: str | None,
    candidate: str | None,
    policy: Path | None,
    reports: Path,
    outputs: Sequence[Path],
    *,
    choose: bool,
    as_json: bool,
    show: bool = True,
    github: bool = False,
    quiet: bool = False,
) -> ExitCode:
    """Compare targets of stored runs by name, decide, print and write. The verdict's exit code.

    `choose`: of more than two, those that are not named follow from their order.
    """
    from evalkit import store, workspace
    from evalkit.cli.locating import run_folder

    baseline, candidate = map(choosing.identity, (baseline, candidate))
    rules = workspace.load_policy(policy) if policy else workspace.default_policy()
    renderers_of(outputs)
    first = store.load(run_folder(run, reports))
    second = store.load(run_folder(other, reports)) if other else first
    if baseline is not None and baseline.startswith(baselines.PREFIX):
        comparison, verdict = _against_file(baseline, second, candidate, rules, choose=choose)
        return settle(comparison, verdict, outputs, as_json=as_json, show=show, github=github, quiet=quiet)
    incumbent, successor = _sides(first, second, baseline, candidate, choose=choose)
    return conclude(
        first, incumbent, second, successor, rules, outputs, as_json=as_json, show=show, github=github, quiet=quiet
    )


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
    quiet: bool = False,
) -> ExitCode:
    """Compare two targets of loaded runs, the further targets beside them, and `settle` it."""
    from evalkit import rivals

    others = rivals.others(first, baseline, second, candidate)
    against = rivals.within(first, baseline, second)
    comparison, verdict = rivals.decided(against, candidate, others, policy, _today())
    return settle(comparison, verdict, outputs, as_json=as_json, show=show, github=github, quiet=quiet)


def settle(
    comparison: Comparison,
    verdict: Verdict,
    outputs: Sequence[Path],
    *,
    as_json: bool,
    show: bool = True,
    github: bool = False,
    quiet: bool = False,
) -> ExitCode:
    """Print (unless `show` is False), write every report of `outputs`, tell GitHub. The verdict's exit code."""
    from evalkit import plugins, report

    built = report.build(comparison, verdict)
    if as_json:
        typer.echo(plugins.renderer("json").render(built))
    elif show and quiet:
        typer.echo(in_one_line(built))
        save(built, outputs)
        return _told(built, github)
    elif show and sys.stdout.isatty():
        _draw(built, outputs)
        return _told(built, github)
    elif show:
        typer.echo(in_full(built), nl=False)
    write(built, outputs, err=as_json)
    return _told(built, github)


def in_full(built: Report) -> str:
    """As a terminal shows it, without colour; its tables take no less than they are made for."""
    from evalkit.renderers import terminal

    return terminal.render(built, max(columns.width(), terminal.WIDTH))


def in_one_line(built: Report) -> str:
    """The verdict, and why."""
    from evalkit.renderers import _cells, _visible

    verdict = built.verdict
    return _visible.inert(_visible.line(f"{_cells.VERDICTS[verdict.word].upper()}: {verdict.headline}"))


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

    return report.build(comparison, gate.decide(comparison, policy, _today()))


def _today() -> date:
    return datetime.now(UTC).date()


def write(built: Report, outputs: Sequence[Path], *, err: bool) -> None:
    """A report to each path, and to stdout (stderr if `err`) where they are."""
    for path in save(built, outputs):
        typer.echo(f"report: {path}", err=err)


def save(built: Report, outputs: Sequence[Path]) -> list[str]:
    """A report to each path; where they are."""
    from evalkit import workspace

    for path, renderer in renderers_of(outputs):
        workspace.write_atomic(path, getattr(renderer, "write", renderer.render)(built))
    return [str(path) for path in outputs]


def renderers_of(outputs: Sequence[Path]) -> list[tuple[Path, Renderer]]:
    """The renderer for each path, by its suffix. Raises InputError for one that none writes, or none can write here."""
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
    for suffix in {path.suffix for path in outputs}:
        getattr(known[suffix], "ready", lambda: None)()
    return [(path, known[path.suffix]) for path in outputs]


def _against_file(
    name: str, run: Run, candidate: str | None, policy: Policy, *, choose: bool
) -> tuple[Comparison, Verdict]:
    """A run against a baseline's file. The cases that are not what they were are named on stderr."""
    from evalkit import rivals
    from evalkit.baselines import holding

    held = baselines.load(name)
    there = rivals.successors(held.target, run) or [target.identity for target in run.info.targets]
    if candidate is None:
        if len(there) != 1 and not choose:
            raise InputError("which is meant? --candidate is not given", f"the run has: {', '.join(there)}")
        candidate = there[0]
        _in_focus(candidate, name, there)
    others = [identity for identity in there if identity != candidate]
    comparison, verdict = rivals.decided(
        lambda identity: holding.against(held, run, identity), candidate, others, policy, _today()
    )
    for change in comparison.left_out:
        typer.echo(f"not compared: {change.case}: {change.why}", err=True)
    return comparison, verdict


def _sides(first: Run, second: Run, baseline: str | None, candidate: str | None, *, choose: bool) -> tuple[str, str]:
    """The two targets meant. What is not named follows where there is no doubt; if `choose`, from the run's order."""
    ours, theirs = ([target.identity for target in run.info.targets] for run in (first, second))
    named = baseline, candidate
    if first is second and (choose or len(ours) == 2):
        baseline = baseline or next((name for name in ours if name != candidate), None)
        candidate = candidate or next((name for name in ours if name != baseline), None)
    elif first is not second:
        baseline = baseline or (ours[0] if len(ours) == 1 else None)
        candidate = candidate or (theirs[0] if len(theirs) == 1 else None)
    if first is second and len(ours) == 1:
        raise InputError(
            f"run {first.info.id} has one model, {ours[0]}: there is nothing to hold it against",
            f"ask another in it, with `evalkit run SUITE -m MODEL --run {first.info.id}`, or name a second RUN",
        )
    if baseline is None or candidate is None:
        lacking = "--baseline" if baseline is None else "--candidate"
        names = ours if baseline is None else theirs
        raise InputError(f"which is meant? {lacking} is not given", f"the run has: {', '.join(names)}")
    if None in named:
        _in_focus(candidate, baseline, theirs)
    return baseline, candidate


def _in_focus(candidate: str, baseline: str, there: Sequence[str]) -> None:
    """Where there was a choice, what was chosen."""
    from evalkit.cli import printing

    if len(there) > 2:
        told = f"{candidate} against {baseline} in full, the others beside it: --candidate and --baseline name others"
        typer.echo(printing.visible(told), err=True)
