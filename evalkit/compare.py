"""Two targets over the same cases to a Comparison: paired case by case, in slices, with what became of each case.

A case's trials are averaged first, so the case is the unit. A Fault has no score: its case is counted as faulted on
its side and left out of the pairs. Slices are `all`, `tool:NAME` for each tool that a case wants, and `tag:NAME`; a
case that wants no call is in no tool's slice. Linear in the number of records.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from evalkit import complaint, stats, tally, values
from evalkit.data import (
    SCORES,
    Case,
    Cell,
    Change,
    Comparison,
    Json,
    Rate,
    Ratio,
    Record,
    Run,
    RunInfo,
    ScoreName,
    Suite,
    Target,
)
from evalkit.errors import InputError

JUDGES = ("evalkit", "jsonschema", "jsonschema-rs")
"""Whose versions decide what a verdict on an answer is; those of the libraries that ask do not."""


def compare(baseline_run: Run, baseline: str, candidate_run: Run, candidate: str) -> Comparison:
    """`candidate` of one run against `baseline` of the same or another, over the cases of the candidate's suite.

    Both are named by `Target.identity`. Raises InputError for a target that its run does not have, and for a target
    held against itself, which would pass any gate. Without a case that both answered there is a Comparison all the
    same, with no pair in any cell: nothing that is decided on it can pass.
    """
    before, after = _target(baseline_run, baseline), _target(candidate_run, candidate)
    if baseline == candidate and baseline_run.info.id == candidate_run.info.id:
        raise InputError(f"{baseline} would be compared with itself", "name two targets, or two runs")
    suite = candidate_run.suite
    asked = _Side.of(baseline_run, baseline, suite.cases), _Side.of(candidate_run, candidate, suite.cases)
    return Comparison(
        suite=suite,
        baseline=before,
        candidate=after,
        baseline_info=baseline_run.info,
        candidate_info=candidate_run.info,
        baseline_records=asked[0].records,
        candidate_records=asked[1].records,
        cells=_corrected(_cells(suite, *asked)),
        changes=tuple(_changes(suite.cases, *asked, (baseline, candidate))),
        latency=_latency(suite.cases, *asked),
        differs=(
            *_suites_differ(baseline_run.suite, suite),
            *_targets_differ(before, after),
            *_judging_differs(baseline_run.info, candidate_run.info),
        ),
    )


def _target(run: Run, identity: str) -> Target:
    for target in run.info.targets:
        if target.identity == identity:
            return target
    there = ", ".join(target.identity for target in run.info.targets) or "none"
    raise InputError(f"run {run.info.id} has no target {identity!r}", f"its targets: {there}")


# --------------------------------------------------------------------------- one side


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    """One target's answers. The sequences run along the cases of the suite."""

    records: Mapping[str, tuple[Record, ...]]
    trials: Sequence[int]
    """How many were judged."""
    faulted: Sequence[bool]
    """Asked, and every trial ended in a Fault."""
    scores: Mapping[ScoreName, Sequence[float | None]]
    """Mean over the judged trials; None where the score does not apply or nothing was judged."""

    @staticmethod
    def of(run: Run, identity: str, cases: Sequence[Case]) -> _Side:
        heard: dict[str, list[Record]] = defaultdict(list)
        for record in run.records:
            if record.target == identity:
                heard[record.case].append(record)
        records = {case.id: tuple(sorted(heard[case.id], key=lambda r: r.trial)) for case in cases if case.id in heard}
        judged = [[r.score for r in records.get(case.id, ()) if r.score is not None] for case in cases]
        return _Side(
            records=records,
            trials=[len(scores) for scores in judged],
            faulted=[not scores and case.id in records for case, scores in zip(cases, judged, strict=True)],
            scores={name: [_mean(tally.value(s, name) for s in scores) for scores in judged] for name in SCORES},
        )


def _mean(values: Iterable[bool | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


# --------------------------------------------------------------------------- slices and cells


def _cells(suite: Suite, before: _Side, after: _Side) -> list[Cell]:
    """One for each slice and each score that some case of the slice judges."""
    clusters = [_cluster(case, suite) for case in suite.cases]
    judged = {
        score: [
            was is not None or now is not None or _applies(case, score)
            for case, was, now in zip(suite.cases, before.scores[score], after.scores[score], strict=True)
        ]
        for score in SCORES
    }
    return [
        _cell(name, score, judging, clusters, before, after)
        for name, members in _slices(suite.cases).items()
        for score in SCORES
        if (judging := [i for i in members if judged[score][i]])
    ]


def _slices(cases: Sequence[Case]) -> Mapping[str, Sequence[int]]:
    """Name -> indices of its cases: all, then tools, then tags, by name."""
    tools: dict[str, list[int]] = defaultdict(list)
    tags: dict[str, list[int]] = defaultdict(list)
    for i, case in enumerate(cases):
        for tool in dict.fromkeys(_wanted(case)):
            tools[f"tool:{tool}"].append(i)
        for tag in dict.fromkeys(case.tags):
            tags[f"tag:{tag}"].append(i)
    return {"all": range(len(cases)), **dict(sorted(tools.items())), **dict(sorted(tags.items()))}


def _wanted(case: Case) -> Sequence[str]:
    """Tools that some acceptable answer calls, the best answer's first."""
    return [call.tool for expectation in case.accept for call in expectation.calls]


def _cluster(case: Case, suite: Suite) -> tuple[str, ...]:
    """What cases that stand or fall together share: the tool wanted first or, where any will do, those offered.

    A case that wants no call shares nothing with another.
    """
    if case.wants_nothing:
        return "nothing", case.id
    wanted = _wanted(case)
    return (wanted[0],) if wanted else tuple(sorted(suite.specs[key].name for key in case.tools))


def _applies(case: Case, score: ScoreName) -> bool:
    """Whether a case judges a score, from the case alone: an answer that was never heard tells nothing of it."""
    if score == "correct":
        return _judges_correct(case)
    return case.wants_nothing if score == "abstained" else case.wants_call


def _judges_correct(case: Case) -> bool:
    return bool(case.accept or case.forbid)


def _cell(
    name: str, score: ScoreName, members: Sequence[int], clusters: Sequence[object], before: _Side, after: _Side
) -> Cell:
    was, now = before.scores[score], after.scores[score]
    pairs = [(i, w, n) for i in members if (w := was[i]) is not None and (n := now[i]) is not None]
    seen = stats.difference(
        [n - w for _, w, n in pairs],
        [clusters[i] for i, _, _ in pairs],
        averaged=any(before.trials[i] > 1 or after.trials[i] > 1 for i, _, _ in pairs),
    )
    fixed = sum(_passes(n) and not _passes(w) for _, w, n in pairs)
    broken = sum(_passes(w) and not _passes(n) for _, w, n in pairs)
    return Cell(
        slice=name,
        score=score,
        baseline=_rate(was, before.faulted, members),
        candidate=_rate(now, after.faulted, members),
        pairs=len(pairs),
        difference=seen.mean if seen else None,
        low=seen.low if seen else None,
        high=seen.high if seen else None,
        lower_bound=seen.lower_bound if seen else None,
        upper_bound=seen.upper_bound if seen else None,
        fixed=fixed,
        broken=broken,
        p=stats.mcnemar_midp(fixed, broken) if pairs else None,
        method=seen.method if seen else "",
    )


def _passes(mean: float) -> bool:
    """A case passes if most of its trials do; half of them is not most."""
    return mean > 0.5


def _rate(scores: Sequence[float | None], faulted: Sequence[bool], members: Sequence[int]) -> Rate:
    judged = [value for i in members if (value := scores[i]) is not None]
    passed = math.fsum(judged)
    low, high = stats.wilson(passed, len(judged)) or (None, None)
    return Rate(passed=passed, judged=len(judged), faulted=sum(faulted[i] for i in members), low=low, high=high)


def _corrected(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells, those of tools with their q: Benjamini-Hochberg over all tools, one score at a time."""
    families: dict[str, list[int]] = defaultdict(list)
    for i, cell in enumerate(cells):
        if cell.slice.startswith("tool:") and cell.p is not None:
            families[cell.score].append(i)
    corrected = list(cells)
    for family in families.values():
        for i, q in zip(family, stats.benjamini_hochberg([cells[i].p or 0.0 for i in family]), strict=True):
            corrected[i] = replace(cells[i], q=q)
    return tuple(corrected)


# --------------------------------------------------------------------------- case by case


def _changes(cases: Sequence[Case], before: _Side, after: _Side, names: tuple[str, str]) -> Iterable[Change]:
    for i, case in enumerate(cases):
        score: ScoreName = "correct" if _judges_correct(case) else "compliance"
        was, now = before.scores[score][i], after.scores[score][i]
        sides = tuple(zip(names, (before, after), strict=True))
        if absent := [name for name, side in sides if case.id not in side.records]:
            yield Change(case=case.id, kind="unpaired", why=f"never asked of {' and '.join(absent)}")
        elif was is None or now is None:
            faults = [f"{n}: {complaint.about(case, side.records[case.id])}" for n, side in sides if side.faulted[i]]
            yield Change(case=case.id, kind="unjudged", why="; ".join(faults))
        elif _passes(was) and _passes(now):
            yield Change(case=case.id, kind="same")
        elif _passes(now):
            yield Change(case=case.id, kind="fixed", why=complaint.about(case, before.records[case.id]))
        else:
            kind: Literal["broken", "both_fail"] = "broken" if _passes(was) else "both_fail"
            yield Change(case=case.id, kind=kind, why=complaint.about(case, after.records[case.id]))


# --------------------------------------------------------------------------- latency


def _latency(cases: Sequence[Case], before: _Side, after: _Side) -> Ratio:
    """Over cases that were answered and timed on both sides; the time of a case is the geometric mean of its trials."""
    was, now = ({case.id: _log_seconds(side.records.get(case.id, ())) for case in cases} for side in (before, after))
    ratios = [
        now_ - was_ for case in cases if (was_ := was[case.id]) is not None and (now_ := now[case.id]) is not None
    ]
    if not ratios:
        return Ratio(ratio=None, low=None, high=None, pairs=0)
    ratio, low, high = (None if end is None else math.exp(end) for end in stats.hodges_lehmann(ratios))
    return Ratio(ratio=ratio, low=low, high=high, pairs=len(ratios))


def _log_seconds(records: Sequence[Record]) -> float | None:
    logs = [math.log(seconds) for seconds in tally.seconds(records) if seconds > 0]
    return math.fsum(logs) / len(logs) if logs else None


# --------------------------------------------------------------------------- what makes two runs unlike


def _suites_differ(before: Suite, after: Suite) -> Iterable[str]:
    if before.digest == after.digest:
        return
    was, now = ({case.id: case for case in suite.cases} for suite in (before, after))
    details = {
        "only in the baseline's": len(was.keys() - now.keys()),
        "only in the candidate's": len(now.keys() - was.keys()),
        "changed": sum(replace(was[i], source="") != replace(now[i], source="") for i in was.keys() & now.keys()),
    }
    told = ", ".join(f"{count} {'case' if count == 1 else 'cases'} {what}" for what, count in details.items() if count)
    yield f"the suite: {before.name} {before.digest} against {after.name} {after.digest} ({told or 'tools differ'})"


def _targets_differ(before: Target, after: Target) -> Iterable[str]:
    if before.arm != after.arm:
        yield f"the arm: {before.arm} against {after.arm}"
    for name in sorted(before.params.keys() | after.params.keys()):
        was, now = (_set(target.params, name) for target in (before, after))
        if was != now:
            yield f"the parameter {name}: {was} against {now}"


def _judging_differs(before: RunInfo, after: RunInfo) -> Iterable[str]:
    if before.judging.strings != after.judging.strings:
        yield f"how strings are compared: {before.judging.strings} against {after.judging.strings}"
    for judge in JUDGES:
        was, now = before.versions.get(judge), after.versions.get(judge)
        if was != now and was is not None and now is not None:
            yield f"the version of {judge} that judged: {was} against {now}; `evalkit score` judges a run anew"


def _set(params: Mapping[str, Json], name: str) -> str:
    return values.canonical(params[name]) if name in params else "not set"
