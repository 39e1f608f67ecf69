"""Two targets over the same cases to a Comparison: paired case by case, in slices, with what became of each case.

A case's trials are averaged first, so the case is the unit (`sides` has the rules). A Fault has no score: its case is
counted as faulted on its side and left out of the pairs. Linear in the number of records, but for sorting times.
"""

from __future__ import annotations

from collections.abc import Iterator

from evalkit.data import Cell, Comparison, Run, Suite, Target
from evalkit.errors import InputError
from evalkit.pairing import agreement, attribution, likeness, noise, slicing
from evalkit.pairing import cells as pairing
from evalkit.pairing.sides import Side, heard

STRICT = "strict"
"""The arm that `Comparison.strict` is of."""


def compare(baseline_run: Run, baseline: str, candidate_run: Run, candidate: str) -> Comparison:
    """`candidate` of one run against `baseline` of the same or another, over the cases of the candidate's suite.

    Both are named by `Target.identity`. Raises InputError for a target that its run does not have, and for a target
    held against itself, which would pass any gate. Without a case that both answered there is a Comparison all the
    same, with no pair in any cell: nothing that is decided on it can pass.
    """
    was, now = _target(baseline_run, baseline), _target(candidate_run, candidate)
    if baseline == candidate and likeness.one_run(baseline_run.info, candidate_run.info):
        raise InputError(f"{baseline} would be compared with itself", "name two targets, or two runs")
    suite = candidate_run.suite
    before, after = _side(baseline_run, baseline, suite), _side(candidate_run, candidate, suite)
    features = slicing.by_feature(suite)
    return Comparison(
        suite=suite,
        baseline=was,
        candidate=now,
        baseline_info=baseline_run.info,
        candidate_info=candidate_run.info,
        baseline_records=before.records,
        candidate_records=after.records,
        cells=(
            *pairing.cells(suite, features, before, after),
            *_by_arm(suite, (baseline_run, was), (candidate_run, now)),
        ),
        changes=tuple(pairing.changes(suite.cases, before, after, (baseline, candidate))),
        latency=pairing.latency(suite.cases, before, after),
        times_differ=likeness.times_differ((baseline_run.info, was), (candidate_run.info, now)),
        output_tokens=pairing.output_tokens(suite.cases, before, after),
        cost=pairing.cost(suite.cases, before, after, (was, now)),
        agreement=agreement.of(suite, before.records, after.records),
        noise=noise.floor(suite, before, after),
        attributions=attribution.attribute(suite, features, before, after),
        strict=_strict(suite, before, candidate_run, now),
        unlike=tuple(likeness.targets_differ(was, now)),
        differs=(
            *likeness.suites_differ(baseline_run.suite, suite),
            # Two that were set up side by side, in one run, were meant to be asked as they are.
            *(() if likeness.one_run(baseline_run.info, candidate_run.info) else likeness.targets_differ(was, now)),
            *likeness.judging_differs(baseline_run.info, candidate_run.info),
        ),
    )


def _target(run: Run, identity: str) -> Target:
    for target in run.info.targets:
        if target.identity == identity:
            return target
    there = ", ".join(target.identity for target in run.info.targets) or "none"
    raise InputError(f"run {run.info.id} has no target {identity!r}", f"its targets: {there}")


def _side(run: Run, identity: str, suite: Suite) -> Side:
    return Side.of(heard(run, identity, suite.cases), suite.cases, sequential=run.info.sequential)


# --------------------------------------------------------------------------- other arms of the same models


def _arms(run: Run, of: Target) -> dict[str, str]:
    """Arm -> identity, of the targets of a run that are the same model, asked alike."""
    alike = (target for target in run.info.targets if likeness.but_for_the_arm(target, of))
    return {target.arm: target.identity for target in alike}


def _by_arm(suite: Suite, was: tuple[Run, Target], now: tuple[Run, Target]) -> Iterator[Cell]:
    """Over all cases, each arm that both models were asked on; nothing where that is one alone."""
    before, after = _arms(*was), _arms(*now)
    arms = [arm for arm in before if arm in after]
    for arm in arms if len(arms) > 1 else ():
        sides = _side(was[0], before[arm], suite), _side(now[0], after[arm], suite)
        yield from pairing.over({f"arm:{arm}": range(len(suite.cases))}, suite, *sides)


def _strict(suite: Suite, before: Side, run: Run, candidate: Target) -> tuple[Cell, ...]:
    identity = _arms(run, candidate).get(STRICT)
    if identity is None or identity == candidate.identity:
        return ()
    tools = {name: members for name, members in slicing.slices(suite).items() if name.startswith("tool:")}
    return pairing.corrected(pairing.over(tools, suite, before, _side(run, identity, suite)))
